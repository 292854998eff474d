package page

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/site"
)

type mapping = controls.Mapping

// shelf is the library with what was found about each of its controls.
type shelf struct {
	Of                  int // templates in the library
	Families            []family
	Shown, Free         int // that fit the filters; that are not adopted
	Q, Stage, Criterion string
	Proposed, Open      bool
	Matching            int // not adopted, and a check already looks at it
	Adopted             int
	Owners              []site.Option
	May                 bool
	Problem             string
	Chosen              []string
	titles              map[string]string
}

// family is the templates whose codes begin alike.
type family struct {
	Code, Name string
	Rows       []template
}

// template is a control of the library with the checks that speak for it.
type template struct {
	controls.Shelved
	Checks []checks.Check // that a connected source answers
}

func (t template) reason() string {
	var ids []string
	for _, c := range t.Checks {
		ids = append(ids, c.ID)
	}
	return site.Plural(int64(len(ids)), "check looks", "checks look") + " at it: " + strings.Join(ids, ", ")
}

// families names the groups of codes in the words of people who do the work.
var families = map[string]string{
	"AST": "Assets", "AVL": "Availability", "BCP": "Continuity", "CFG": "Configuration", "CHG": "Changes", "COM": "Communication",
	"DAT": "Data", "ENC": "Encryption", "END": "Endpoints", "GOV": "Governance", "IAM": "Access", "INC": "Incidents", "LOG": "Logging",
	"MON": "Monitoring", "NET": "Networks", "PHY": "Physical security", "PIN": "Processing integrity", "POL": "Policies", "PPL": "People",
	"PRV": "Privacy", "RSK": "Risk", "SDL": "Secure development", "TRN": "Training", "VEN": "Vendors", "VUL": "Vulnerabilities",
}

func showLibrary(v *site.Visit) error {
	x, err := openShelf(v)
	if err != nil {
		return err
	}
	return v.Show(shell("Control library", site.Crumb{Text: "Library"}), libraryBody(x))
}

func openShelf(v *site.Visit) (shelf, error) {
	q := v.R.URL.Query()
	x := shelf{Q: strings.TrimSpace(q.Get("q")), Stage: q.Get("stage"), Criterion: q.Get("criterion"), Proposed: q.Get("proposed") == "1",
		Open: q.Get("open") == "1", May: may(v)}
	all, err := controls.Shelf.Do(v.Context(), v.Desk, controls.ShelfFilter{})
	if err != nil {
		return x, err
	}
	fit, err := controls.Shelf.Do(v.Context(), v.Desk, controls.ShelfFilter{Stage: x.Stage, Criterion: x.Criterion})
	if err != nil {
		return x, err
	}
	spoken, err := speaking(v)
	if err != nil {
		return x, err
	}
	x.Of = len(all.Items)
	for _, s := range all.Items {
		if s.Adopted != "" {
			x.Adopted++
		} else if len(spoken[s.Code]) > 0 {
			x.Matching++
		}
	}
	for _, s := range fit.Items {
		if t := (template{s, spoken[s.Code]}); x.fits(t) {
			x.put(t)
		}
	}
	if x.titles, _, err = titles(); err != nil {
		return x, err
	}
	x.Owners, err = ownerOptions(v, string(v.Actor.User))
	return x, err
}

func (x shelf) fits(t template) bool {
	if x.Proposed && (t.Adopted != "" || len(t.Checks) == 0) || x.Open && t.Adopted != "" {
		return false
	}
	all := strings.ToLower(t.Code + " " + t.Title + " " + t.Text)
	for _, w := range strings.Fields(strings.ToLower(x.Q)) {
		if !strings.Contains(all, w) {
			return false
		}
	}
	return true
}

func (x *shelf) put(t template) {
	code, _, _ := strings.Cut(t.Code, "-")
	i := slices.IndexFunc(x.Families, func(f family) bool { return f.Code == code })
	if i < 0 {
		i = len(x.Families)
		x.Families = append(x.Families, family{Code: code, Name: families[code]})
	}
	x.Families[i].Rows = append(x.Families[i].Rows, t)
	x.Shown++
	if t.Adopted == "" {
		x.Free++
	}
}

// speaking maps the codes of controls to the checks that sources answer.
func speaking(v *site.Visit) (map[string][]checks.Check, error) {
	out := map[string][]checks.Check{}
	if !v.Actor.May(auth.ChecksRead) {
		return out, nil
	}
	list, err := checks.List.Do(v.Context(), v.Desk, checks.Filter{Looked: true})
	if err != nil {
		return nil, err
	}
	for _, c := range list.Items {
		for _, code := range c.Controls {
			out[code] = append(out[code], c)
		}
	}
	return out, nil
}

func (x shelf) sentence() string {
	if x.Proposed {
		if x.Matching == 0 {
			return "No control is proposed: none that is left matches what was found."
		}
		return fmt.Sprintf("%s what was found. Nothing is adopted until a person decides.", site.Capital(site.Several(int64(x.Matching), "control matches", "controls match")))
	}
	return fmt.Sprintf("%s controls to choose from, %s adopted.", site.Count(int64(x.Of)), site.Count(int64(x.Adopted)))
}

func (x shelf) facts() []site.Fact {
	return []site.Fact{{Text: "Each is worded as a report would say it"}, {Text: "Adopted ones can be changed", Href: "/controls"}}
}

func (x shelf) with(name, value string) string {
	q := url.Values{"q": {x.Q}, "stage": {x.Stage}, "criterion": {x.Criterion}}
	if x.Proposed {
		q.Set("proposed", "1")
	}
	if x.Open {
		q.Set("open", "1")
	}
	q.Set(name, value)
	return address("/controls/library", q)
}

func (x shelf) chips() []site.Chip {
	toggle := func(text, name, value string, on bool) site.Chip {
		if on {
			return site.Chip{Text: text, Href: x.with(name, "")}
		}
		return site.Chip{Text: text, Href: x.with(name, value), Add: true}
	}
	out := []site.Chip{toggle(fmt.Sprintf("Proposed %d", x.Matching), "proposed", "1", x.Proposed),
		toggle(fmt.Sprintf("Not adopted %d", x.Of-x.Adopted), "open", "1", x.Open)}
	for _, s := range []struct{ value, text string }{{"startup", "Expected of a startup"}, {"growth", "when growing"}, {"enterprise", "of an enterprise"}} {
		out = append(out, toggle(s.text, "stage", s.value, x.Stage == s.value))
	}
	if x.Criterion != "" {
		out = append(out, site.Chip{Text: "Answers " + x.Criterion, Href: x.with("criterion", "")})
	}
	if x.Q != "" {
		out = append(out, site.Chip{Text: "“" + x.Q + "”", Href: x.with("q", "")})
	}
	return out
}

func (x shelf) chosen(code string) bool { return slices.Contains(x.Chosen, code) }

// adopt takes controls of the library for the organization's own.
func adopt(v *site.Visit) error {
	var in controls.Adoption
	err := v.Form(&in)
	if err == nil && len(in.Codes) == 0 {
		err = fault.Invalid("codes", "Choose at least one control.")
	}
	if err == nil {
		_, err = controls.Adopt.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		if len(in.Codes) == 1 {
			return v.Goto("/controls/" + in.Codes[0])
		}
		return v.Goto("/controls")
	}
	f := fault.As(err)
	if f == nil || f.Kind == fault.KindDenied || f.Kind == fault.KindInternal {
		return err
	}
	x, readErr := openShelf(v)
	if readErr != nil {
		return readErr
	}
	x.Problem, x.Chosen = stop(site.Capital(f.Message)), in.Codes
	return v.ShowWrong(shell("Control library", site.Crumb{Text: "Library"}), libraryBody(x))
}

// one is a control of the library alone.
type one struct {
	template
	Population string
	Owners     []site.Option
	May        bool
	titles     map[string]string
	proposed   bool
}

func showTemplate(v *site.Visit) error {
	all, err := controls.Shelf.Do(v.Context(), v.Desk, controls.ShelfFilter{})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all.Items, func(s controls.Shelved) bool { return s.Code == v.Path("code") })
	if i < 0 {
		return fault.NotFound("The library has no control %s.", v.Path("code"))
	}
	spoken, err := speaking(v)
	if err != nil {
		return err
	}
	x := one{template: template{all.Items[i], spoken[all.Items[i].Code]}, May: may(v)}
	x.proposed = x.Adopted == "" && len(x.Checks) > 0
	if x.titles, _, err = titles(); err != nil {
		return err
	}
	if x.Owners, err = ownerOptions(v, string(v.Actor.User)); err != nil {
		return err
	}
	cat, err := frameworks.Shipped()
	if err != nil {
		return err
	}
	x.Population = x.template.Population
	if p, err := cat.Population(x.template.Population); err == nil {
		x.Population = p.Title + ", from " + lower(p.Source)
	}
	return v.Show(shell(x.Code, site.Crumb{Text: "Library", Href: "/controls/library"}, site.Crumb{Text: x.Code, Mono: true}), templateBody(x))
}

func lower(s string) string {
	if s == "" || len(s) > 1 && s[1] >= 'A' && s[1] <= 'Z' {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

func (x one) lead() site.Lead {
	l := site.Lead{ID: x.Code, Name: "Control of the library"}
	switch {
	case x.Adopted != "":
		l.Status, l.Word = site.StatusPass, "Adopted"
	case x.proposed:
		l.Status, l.Word = site.StatusProposed, "Proposed"
	}
	return l
}

func (x one) facts() []site.Fact {
	key := "Not a key control"
	if x.Key {
		key = "Key control"
	}
	return []site.Fact{{Text: key}, {Text: site.Capital(words(x.Nature)) + ", " + words(x.Frequency)}, {Text: site.Capital(x.Type)},
		{Text: "Owned by " + x.OwnerRole}, {Text: "Expected from stage " + x.Stage, Href: "/controls/library?stage=" + x.Stage}}
}

func (x one) criteria() []site.FactRow {
	var out []site.FactRow
	for _, m := range x.Criteria {
		out = append(out, site.FactRow{Key: m.Strength, Node: criterionLine(m.Criterion, x.titles[m.Criterion])})
	}
	return out
}

func adoptNote(x one) string {
	if x.proposed {
		return "proposed: " + x.reason()
	}
	return ""
}
