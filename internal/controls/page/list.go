package page

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/site"
)

// listed is the list of controls in force with what is known of each.
type listed struct {
	site.Listing[readiness.Control]
	All             []readiness.Control // in force
	Tally           map[site.Status]int64
	SeriesAvailable []string
	Proposed        int
	May             bool
	User            string
	Then            time.Time // the instant it is of; zero is now
}

// pictureOf is what is known of the controls at an instant; zero is now.
func pictureOf(v *site.Visit, then time.Time) (readiness.Picture, error) {
	if then.IsZero() {
		return readiness.Get.Do(v.Context(), v.Desk, op.None{})
	}
	return readiness.Past.Do(v.Context(), v.Desk, readiness.Instant{AsOf: then})
}

func showList(v *site.Visit) error {
	then, err := v.AsOf()
	if err != nil {
		return err
	}
	p, err := pictureOf(v, then)
	if err != nil {
		return err
	}
	x := listed{Then: then, All: p.Controls, Tally: tally(p.Controls), Proposed: len(p.Proposed), May: may(v) && then.IsZero(), User: string(v.Actor.User)}
	for i := range x.All {
		for _, m := range x.All[i].Criteria {
			if s := seriesOf(m.Criterion); !slices.Contains(x.SeriesAvailable, s) {
				x.SeriesAvailable = append(x.SeriesAvailable, s)
			}
		}
	}
	slices.Sort(x.SeriesAvailable)
	l := x.list()
	if x.May {
		if l.Bulk, err = reassign(v); err != nil {
			return err
		}
	}
	if x.Listing, err = l.Open(v); err != nil || x.Done {
		return err
	}
	return v.Show(site.Shell{Title: "Controls", Current: "/controls", Moves: true, At: then, Crumbs: []site.Crumb{{Text: "Controls"}}}, listBody(x))
}

// list says what the list is made of.
func (x listed) list() site.List[readiness.Control] {
	type row = readiness.Control
	return site.List[row]{
		Name: "controls", Caption: "Controls in force", One: "control", Many: "controls", Find: "Find in controls", Sort: "status",
		Columns: []site.Col[row]{
			{ID: "code", Head: "Control", Mono: true, Phone: site.PlaceFirst, Fixed: true, Sorts: true, Cell: func(c row) site.Cell { return site.ID(c.Code, implied(c.Control)) }},
			{ID: "title", Head: "What it says", Wide: true, Phone: site.PlaceFirst, Fixed: true, Sorts: true,
				Cell: func(c row) site.Cell { return site.WordsNote(c.Title, keyWord(c.Key)) }, Text: func(c row) any { return c.Title }},
			{ID: "key", Head: "Key", Spare: true, Sorts: true, Cell: func(c row) site.Cell { return site.Words(yes(c.Key)) }},
			{ID: "criteria", Head: "Criteria", Cell: func(c row) site.Cell { return site.Node(criteriaLinks(c.Criteria)) }, Text: func(c row) any { return criteriaText(c.Criteria) }},
			{ID: "owner", Head: "Owner", Sorts: true, Cell: func(c row) site.Cell { return site.Node(site.Person(c.OwnerName)) }, Text: func(c row) any { return c.OwnerName }},
			{ID: "frequency", Head: "Frequency", Sorts: true, Cell: func(c row) site.Cell { return site.Words(site.Capital(words(c.Frequency))) }},
			{ID: "nature", Head: "Nature", Spare: true, Cell: func(c row) site.Cell { return site.Words(site.Capital(words(c.Nature))) }},
			{ID: "updated", Head: "Changed", Spare: true, Sorts: true, Cell: func(c row) site.Cell { return site.Node(site.Moment(c.Updated)) }, Text: func(c row) any { return site.DateTime(c.Updated) }},
			{ID: "evidence", Head: "Newest evidence", Spare: true, Sorts: true, Cell: newest, Text: func(c row) any { return newestText(c) }},
			{ID: "parts", Head: "Parts", Phone: site.PlaceHidden, Cell: func(c row) site.Cell { return site.Node(parts(c)) }, Text: func(c row) any { return partsSaid(c) }},
			{ID: "status", Head: "Status", Phone: site.PlaceEnd, Fixed: true, Sorts: true, Cell: func(c row) site.Cell { return site.Mark(standing(c)) }},
			{ID: "why", Head: "Why", Spare: true, Cell: func(c row) site.Cell { return site.Words(c.Why) }},
		},
		Filters: []site.Filter{
			{Name: "mine", Label: "Mine", Options: []site.Option{{Value: "1", Text: "Mine"}}, Chips: true},
			{Name: "status", Label: "Status", Options: x.statuses(), Chips: true},
			{Name: "series", Label: "Criteria", Options: options(x.SeriesAvailable), Say: func(s string) string { return "Answers " + s }},
			{Name: "owner", Label: "Owner", Options: x.owners()},
			{Name: "frequency", Label: "Frequency", Options: x.frequencies()},
			{Name: "key", Label: "Key controls", Options: []site.Option{{Value: "yes", Text: "Key only"}, {Value: "no", Text: "Others"}}},
		},
		Row:   func(c row) site.Row { return site.Row{Href: implied(c.Control), Key: c.Code} },
		Fetch: func(a site.Ask) (op.Page[row], error) { return x.fetch(a), nil },
		None: site.EmptyView{Title: "No controls yet.", Text: "Controls are what is done about the criteria; each has an owner, a rhythm and evidence.",
			Link: site.Link{Text: "Choose from the library", Href: "/controls/library"}},
	}
}

// fetch answers from the picture, which holds every control with its status.
func (x listed) fetch(a site.Ask) op.Page[readiness.Control] {
	order := map[string]func(a, b readiness.Control) int{
		"code": nil, "title": by(func(c readiness.Control) string { return strings.ToLower(c.Title) }), "owner": by(func(c readiness.Control) string { return strings.ToLower(c.OwnerName) }),
		"frequency": func(a, b readiness.Control) int {
			return slices.Index(frequencies, a.Frequency) - slices.Index(frequencies, b.Frequency)
		},
		"updated":  func(a, b readiness.Control) int { return a.Updated.Compare(b.Updated) },
		"evidence": func(a, b readiness.Control) int { return a.Newest.Compare(b.Newest) },
		"key":      by(func(c readiness.Control) string { return yes(!c.Key) }),
		"status": func(a, b readiness.Control) int {
			s, _ := standing(a)
			t, _ := standing(b)
			return s.Order() - t.Order()
		},
	}[a.Sort]
	if order == nil {
		order = by(func(c readiness.Control) string { return c.Code })
	}
	return site.Among(a, x.All, func(c readiness.Control) bool { return x.fits(a, c) }, order, func(c readiness.Control) string { return c.Code })
}

func by(key func(readiness.Control) string) func(a, b readiness.Control) int {
	return func(a, b readiness.Control) int { return cmp.Compare(key(a), key(b)) }
}

func (x listed) fits(a site.Ask, c readiness.Control) bool {
	status, _ := standing(c)
	is := func(name, value string) bool { return a.Filter(name) == "" || a.Filter(name) == value }
	return (a.Filter("mine") == "" || string(c.Owner) == x.User) && is("status", string(status)) && is("owner", string(c.Owner)) &&
		is("frequency", c.Frequency) && is("key", yes(c.Key)) && a.Holds(c.Code, c.Title, c.Text, c.OwnerName) &&
		(a.Filter("series") == "" || slices.ContainsFunc(c.Criteria, func(m mapping) bool { return seriesOf(m.Criterion) == a.Filter("series") }))
}

// statuses are those that some control has, worst first, with how many.
func (x listed) statuses() []site.Option {
	var out []site.Option
	for _, s := range []site.Status{site.StatusFail, site.StatusUnknown, site.StatusExcepted, site.StatusNotStarted, site.StatusPass} {
		o := site.Option{Value: string(s), Text: s.Word() + " " + site.Count(x.count(s))}
		if s == site.StatusNotStarted {
			o.Text = "Not complete " + site.Count(x.count(s))
		}
		if x.count(s) == 0 {
			o.Locked = "there is none"
		}
		out = append(out, o)
	}
	return out
}

func (x listed) owners() []site.Option {
	var out []site.Option
	for _, c := range x.All {
		if c.Owner != "" && !slices.ContainsFunc(out, func(o site.Option) bool { return o.Value == string(c.Owner) }) {
			out = append(out, site.Option{Value: string(c.Owner), Text: c.OwnerName})
		}
	}
	slices.SortFunc(out, func(a, b site.Option) int { return cmp.Compare(a.Text, b.Text) })
	return out
}

func (x listed) frequencies() []site.Option {
	var out []site.Option
	for _, f := range frequencies {
		if slices.ContainsFunc(x.All, func(c readiness.Control) bool { return c.Frequency == f }) {
			out = append(out, site.Option{Value: f, Text: site.Capital(words(f))})
		}
	}
	return out
}

func options(list []string) []site.Option {
	var out []site.Option
	for _, s := range list {
		out = append(out, site.Option{Value: s, Text: s})
	}
	return out
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func newest(c readiness.Control) site.Cell {
	if c.Newest.IsZero() {
		return site.Words("–")
	}
	return site.Node(site.Moment(c.Newest))
}

func newestText(c readiness.Control) string {
	if c.Newest.IsZero() {
		return ""
	}
	return site.DateTime(c.Newest)
}

func criteriaText(list []mapping) string {
	var codes []string
	for _, m := range list {
		codes = append(codes, m.Criterion)
	}
	return strings.Join(codes, " ")
}

// reassign is the bulk act of the list: several controls to another owner.
func reassign(v *site.Visit) (*site.Bulk, error) {
	members, err := ownerOptions(v, "")
	return &site.Bulk{Action: "/controls/assign", Unit: "controls", More: newOwner(members), Buttons: []site.ButtonView{{Text: "Change the owner", Submit: true}}}, err
}

func assign(v *site.Visit) error {
	var in struct {
		IDs   []string `json:"id"`
		Owner string   `json:"owner"`
		Back  string   `json:"back"`
	}
	if err := v.Form(&in); err != nil {
		return err
	}
	if _, err := controls.Assign.Do(v.Context(), v.Desk, controls.Assignment{IDs: in.IDs, Owner: in.Owner}); err != nil {
		return err
	}
	return v.Goto(listAddress(in.Back))
}

// listAddress is where a bulk act returns to: the list as it stood.
func listAddress(back string) string {
	u, err := url.Parse(back)
	if err != nil {
		return "/controls"
	}
	return (&url.URL{Path: "/controls", RawQuery: u.RawQuery}).String()
}

func (x listed) count(status site.Status) int64 { return x.Tally[status] }

// tally counts the controls by how they stand, once for all that is said of it.
func tally(all []readiness.Control) map[site.Status]int64 {
	out := map[site.Status]int64{}
	for i := range all {
		s, _ := standing(all[i])
		out[s]++
	}
	return out
}

func (x listed) sentence() string {
	n := int64(len(x.All))
	if n == 0 {
		if !x.Then.IsZero() {
			return "No control had been adopted."
		}
		return "No control has been adopted yet."
	}
	text := site.Capital(site.Several(n, "control is", "controls are")) + " in force."
	if !x.Then.IsZero() {
		text = site.Capital(site.Several(n, "control was", "controls were")) + " in force."
	}
	fail, unknown := x.count(site.StatusFail), x.count(site.StatusUnknown)
	switch {
	case fail > 0 && unknown > 0:
		return fmt.Sprintf("%s %s, and %s cannot be known.", text, site.Capital(site.Several(fail, "fails", "fail")), site.Spelled(unknown))
	case fail > 0:
		return fmt.Sprintf("%s %s.", text, site.Capital(site.Several(fail, "fails", "fail")))
	case unknown > 0:
		return fmt.Sprintf("%s %s cannot be known.", text, site.Capital(site.Spelled(unknown)))
	}
	if open := x.count(site.StatusNotStarted); open > 0 {
		return fmt.Sprintf("%s %s not complete yet.", text, site.Capital(site.Several(open, "is", "are")))
	}
	return text
}

func (x listed) facts() []site.Fact {
	facts := []site.Fact{{Text: "The library", Href: "/controls/library"}}
	if x.Proposed > 0 {
		facts = append(facts, site.Fact{Text: site.Plural(int64(x.Proposed), "more matches", "more match") + " what was found", Href: "/controls/library?proposed=1"})
	}
	return facts
}

func (x listed) acts() []site.ButtonView {
	if !x.May {
		return nil
	}
	return []site.ButtonView{{Text: "Write your own", Href: "/controls/new"}, {Text: "Adopt from the library", Kind: site.ButtonPrimary, Href: "/controls/library"}}
}

func keyWord(key bool) string {
	if key {
		return "key"
	}
	return ""
}

// partsSaid is what the three parts say, for readers.
func partsSaid(c readiness.Control) string {
	word := map[readiness.State]string{readiness.Full: "yes", readiness.Empty: "no", readiness.Failing: "fails", readiness.Unknown: "unknown"}
	return fmt.Sprintf("Designed: %s. Implemented: %s. Evidenced: %s.", word[c.Designed], word[c.InPlace], word[c.Evidenced])
}

func criteriaLinks(list []mapping) templ.Component {
	var out []site.Link
	for _, m := range list {
		out = append(out, criterionLink(m.Criterion))
	}
	return codes(out)
}

func restOf(list []site.Link) string {
	var out []string
	for _, l := range list[3:] {
		out = append(out, l.Text)
	}
	return strings.Join(out, " ")
}
