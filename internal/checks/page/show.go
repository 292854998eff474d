package page

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// findingsShown is how many resources a page of findings has.
const findingsShown = 25

// shortest is the shortest interval that the calendar labels.
const shortest = 2 * time.Hour

// detail is a check with everything that is known of it.
type detail struct {
	checks.Detail
	Findings  site.Listing[checks.Finding]
	Which     checks.Status // of the findings shown, where none is asked for
	Then      time.Time     // the instant it is of; zero is now
	Held      checks.Held
	From, To  time.Time
	Judged    bool // at some time
	Adopted   map[string]controls.Control
	Waivers   []checks.Waiver
	Names     map[string]string // of the sources
	Now       time.Time
	MayExcept bool
	MayWrite  bool
	Connects  bool      // the reader may connect a source
	First     time.Time // first month there may be a record of
	Me        id.User
	Form      site.FormView
	AsTable   bool
	Around    site.AroundView
	Log       site.HistoryView
	titles    map[string]string // of the criteria
}

func showCheck(v *site.Visit) error {
	x, err := read(v)
	if fault.KindOf(err) == fault.KindNotFound { // out of force it has its past
		if past, e := checks.Versions.Do(v.Context(), v.Desk, checks.Ref{ID: v.Path("id")}); e == nil && past.Off {
			return v.Goto("/checks/" + past.ID + "/versions")
		}
	}
	if err != nil {
		return err
	}
	if x.Findings.Done {
		return nil
	}
	return v.Show(x.shell(), showBody(x))
}

// ask is the task that is added from here: of whoever owns a control that the
// check speaks for, and with what would settle it.
func (x detail) ask() site.Errand {
	a := site.Errand{Object: checks.ObjectPrefix + ":" + x.ID, Title: "Settle the check: " + x.Title, Text: x.Fix}
	if x.Looked && x.Status == checks.Unknown && x.Remedy != "" {
		a.Text = x.Remedy
	}
	for _, code := range x.Controls {
		if c, ok := x.Adopted[code]; ok && c.Owner != "" {
			a.Owner = string(c.Owner)
			break
		}
	}
	return a
}

// acts are what may be done with the check itself.
func (x detail) acts() []site.ButtonView {
	at := "/checks/" + x.ID
	out := []site.ButtonView{{Text: "Versions", Href: at + "/versions"}}
	if x.Around.Add != "" {
		out = append(out, site.ButtonView{Text: "Add a task", Href: x.Around.Add})
	}
	if !x.MayWrite {
		return out
	}
	if x.Own {
		return append(out, site.ButtonView{Text: "Take out of force", Href: at + "/retire"}, site.ButtonView{Text: "Change", Kind: site.ButtonPrimary, Href: at + "/edit"})
	}
	out = append(out, site.ButtonView{Text: "Switch off", Href: at + "/retire"})
	if len(x.Params) > 0 {
		out = append(out, site.ButtonView{Text: "Set its parameters", Href: at + "/adjust"})
	}
	return append(out, site.ButtonView{Text: "Make my own of it", Href: "/checks/new?from=" + url.QueryEscape(x.ID)})
}

func (x detail) years() site.YearsView {
	return site.YearsView{Path: "/checks/" + x.ID, From: x.From, First: x.First, Now: x.Now, Hash: "coverage"}
}

func (x detail) about() url.Values { return url.Values{"check": {x.ID}} }

func (x detail) shell() site.Shell {
	s := shell(x.Title, site.Crumb{Text: x.ID, Mono: true})
	s.Moves, s.At = true, x.Then
	return s
}

func read(v *site.Visit) (detail, error) {
	then, err := v.AsOf()
	if err != nil {
		return detail{}, err
	}
	now := then.IsZero()
	x := detail{Now: cmp.Or(then, v.Clock.Now()), Then: then, MayExcept: v.Actor.May(auth.ExceptWrite) && now, MayWrite: v.Actor.May(auth.ChecksWrite) && now, Connects: v.Actor.May(auth.SourcesWrite), Me: v.Actor.User, Names: map[string]string{}, AsTable: v.Query("as") == "table"}
	if x.Detail, err = checks.Get.Do(v.Context(), v.Desk, checks.Ref{ID: v.Path("id"), AsOf: then}); err != nil {
		return x, err
	}
	for _, a := range x.Sources {
		x.Names[string(a.Source)] = a.Name
	}
	x.Which = x.which()
	l := x.findings(v)
	if x.Findings, err = l.Open(v); err != nil || x.Findings.Done {
		return x, err
	}
	chosen := false
	if x.From, chosen = site.ChosenMonths(v.Query("months")); !chosen || x.From.After(x.Now) {
		x.From, chosen = time.Date(x.Now.Year(), 1, 1, 0, 0, 0, 0, time.UTC), false
	}
	x.To = x.From.AddDate(1, 0, 0)
	until := x.To
	if !then.IsZero() && then.Before(until) {
		until = then // what came later is not told
	}
	if x.Held, err = checks.Coverage.Do(v.Context(), v.Desk, checks.Period{Check: x.ID, From: x.From, To: until}); err != nil {
		return x, err
	}
	x.judged(chosen)
	all, err := checks.Exceptions.Do(v.Context(), v.Desk, checks.WaiverFilter{Check: x.ID, Limit: 200})
	if err != nil {
		return x, err
	}
	x.Waivers = x.known(all.Items)
	x.Form = exceptForm(x)
	cat, err := frameworks.Shipped()
	if err != nil {
		return x, err
	}
	x.titles = map[string]string{}
	for _, c := range cat.Current().Criteria() {
		x.titles[c.Code] = c.Title
	}
	if err := x.readAdopted(v); err != nil {
		return x, err
	}
	if !now {
		return x, nil // tasks and comments are of now
	}
	if x.Log, err = v.History("/checks/"+x.ID, x.ID, ""); err != nil {
		return x, err
	}
	x.Around, err = site.Around(v, x.ask())
	return x, err
}

// known are the exceptions as they stood at the instant the page is of.
func (x detail) known(all []checks.Waiver) []checks.Waiver {
	if x.Then.IsZero() {
		return all
	}
	var out []checks.Waiver
	for _, w := range all {
		if !w.Asked.After(x.Then) {
			out = append(out, w.Then(x.Then))
		}
	}
	return out
}

// which findings are shown where none are asked for: those that matter most.
func (x *detail) which() checks.Status {
	switch {
	case x.Failing > 0:
		return checks.Fail
	case x.Unknown > 0:
		return checks.Unknown
	case x.Passing > 0:
		return checks.Pass
	}
	return checks.Fail
}

// judged finds the month in which the check was first answered; the calendar
// begins there.
func (x *detail) judged(chosen bool) {
	x.First = x.From
	if len(x.Held.Spans) > 0 && x.Held.Spans[0].Status != checks.Unknown || chosen {
		x.First = x.From.AddDate(-1, 0, 0) // there may be more before
	}
	for i, s := range x.Held.Spans {
		if s.Status != checks.Unknown || i > 0 || x.Looked {
			x.Judged = true
		}
		if chosen {
			x.Judged = true
			return
		}
		if s.Status != checks.Unknown || i > 0 {
			x.From = time.Date(s.From.Year(), s.From.Month(), 1, 0, 0, 0, 0, time.UTC)
			return
		}
	}
}

func (x *detail) readAdopted(v *site.Visit) error {
	x.Adopted = map[string]controls.Control{}
	for _, code := range x.Controls {
		c, err := controls.Get.Do(v.Context(), v.Desk, controls.Ref{ID: code})
		if err == nil && c.Retired.IsZero() {
			x.Adopted[code] = c
		} else if err != nil && fault.KindOf(err) != fault.KindNotFound {
			return err
		}
	}
	return nil
}

func (x detail) lead() site.Lead {
	l := site.Lead{ID: x.ID, Name: x.Title, Status: site.Status(x.Status), Word: statusWord(x.Check)}
	if !x.Looked {
		l.Status, l.Word = site.StatusNotStarted, "Nothing reads this"
	} else if since := x.since(); !since.IsZero() {
		lasted := site.Duration(x.Now.Sub(since))
		switch x.Status {
		case checks.Fail:
			l.Word = "Failing for " + lasted
		case checks.Unknown:
			l.Word = "Unknown for " + lasted
		}
	}
	return l
}

// since is when the oldest of the sources that say so began to.
func (x detail) since() time.Time {
	var t time.Time
	for _, a := range x.Sources {
		if a.Status == x.Status && !a.Since.IsZero() && (t.IsZero() || a.Since.Before(t)) {
			t = a.Since
		}
	}
	return t
}

func (x detail) sentence() string {
	since := ""
	if t := x.since(); !t.IsZero() {
		since = ", since " + t.Format("2 January 2006")
	}
	switch {
	case !x.Looked:
		return stop(site.Capital(x.Reason))
	case x.Status == checks.Fail:
		return strings.TrimSuffix(sentenceOf(x.Status, x.Summary), ".") + since + "."
	case x.Status == checks.Unknown:
		return "It cannot be known. " + stop(site.Capital(x.Reason))
	case x.Status == checks.Excepted:
		return strings.TrimSuffix(sentenceOf(x.Status, x.Summary), ".") + ". An exception covers it until " + x.Until.Format("2 January 2006") + "."
	case x.Status == checks.NotApplicable:
		return "It applies to nothing that was seen."
	}
	if n := int64(x.Total - x.NotApplicable); n > 0 {
		return fmt.Sprintf("%s of %s pass%s.", site.Count(int64(x.Passing)), site.Count(n), since)
	}
	return strings.TrimSuffix(sentenceOf(x.Status, x.Summary), ".") + since + "."
}

func (x detail) facts() []site.Fact {
	weight := "Shown beside its controls"
	if x.Mandatory {
		weight = "Fails its controls when it fails"
	}
	out := []site.Fact{{Text: site.Capital(x.Severity) + " severity"}, {Text: weight}, {Text: "Reads each " + sources.KindIn(x.Kind)}, {Text: site.Capital(x.Cadence) + ", good for " + x.Freshness}}
	if x.Own {
		out = append(out, site.Fact{Text: "Written here"})
	}
	if !x.At.IsZero() {
		out = append(out, site.Fact{Node: site.AgeOf("Judged", x.At, x.Now)})
	}
	return out
}

// remedy is what to do in words, and the command that does it, if there is one.
// Prose ends with a full stop or a colon; a command does not.
func remedy(s string) (prose, command string) {
	var p, c []string
	for _, line := range strings.Split(strings.TrimSpace(s), "\n") {
		if t := strings.TrimSpace(line); len(c) > 0 || len(p) > 0 && !strings.HasSuffix(t, ".") && !strings.HasSuffix(t, ":") {
			c = append(c, line)
		} else if t != "" {
			p = append(p, t)
		}
	}
	return strings.Join(p, " "), strings.Join(c, "\n")
}

func (x detail) sourceTable() site.TableView {
	t := site.TableView{Caption: "What it says of each source", Columns: []site.Column{{Head: "Source", Phone: site.PlaceFirst}, {Head: "What it says", Wide: true},
		{Head: "Since"}, {Head: "Read"}, {Head: "Run"}, {Head: "Status", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No source answers it.", Text: stop(site.Capital(x.Reason))}}
	if x.Connects {
		t.Empty.Link = site.Link{Text: "Connect a source", Href: "/sources/new"}
	}
	for _, a := range x.Sources {
		since := site.Words("–")
		if !a.Since.IsZero() {
			since = site.Node(site.Age(a.Since, x.Now))
		}
		what := sentenceOf(a.Status, a.Summary)
		if a.Status == checks.Unknown && a.Reason != "" {
			what = site.Capital(a.Reason)
		}
		t.Rows = append(t.Rows, site.Row{Href: "/sources/" + string(a.Source), Cells: []site.Cell{{Text: a.Name, Strong: true}, site.Words(what),
			since, site.Node(site.Age(a.At, x.Now)), site.Node(site.ShortID(string(a.Run), "/runs/"+string(a.Run))), site.Mark(site.Status(a.Status), "")}})
	}
	return t
}

func (x detail) totals() site.TotalView {
	show := func(s checks.Status) string { return "/checks/" + x.ID + "?show=" + string(s) + "#findings" }
	row := func(text string, n int, href string, tone site.Status) site.TotalRow {
		if n == 0 {
			href, tone = "", ""
		}
		return site.TotalRow{Text: text, Value: site.Count(int64(n)), Href: href, Tone: tone}
	}
	return site.TotalView{Rows: []site.TotalRow{row("fail", x.Failing, show(checks.Fail), site.StatusFail), row("unknown", x.Unknown, show(checks.Unknown), site.StatusUnknown),
		row("pass", x.Passing, show(checks.Pass), ""), row("not applicable", x.NotApplicable, "", "")}, Total: row("Every "+sources.KindIn(x.Kind), x.Total, x.resources(), "")}
}

// resources is the list the check reads, where one source has it.
func (x detail) resources() string {
	if len(x.Sources) != 1 {
		return "/sources"
	}
	return fmt.Sprintf("/sources/%s/%s", x.Sources[0].Source, x.Kind)
}

// findings is the list of what the check says of each resource.
func (x detail) findings(v *site.Visit) site.List[checks.Finding] {
	type row = checks.Finding
	at := func(f row) string { return fmt.Sprintf("/sources/%s/%s/%s", f.Source, x.Kind, url.PathEscape(f.Key)) }
	show := site.Filter{Name: "show", Label: "Status", Chips: true, Usual: string(x.Which)}
	for _, s := range []checks.Status{checks.Fail, checks.Unknown, checks.Pass} {
		n := map[checks.Status]int{checks.Fail: x.Failing, checks.Unknown: x.Check.Unknown, checks.Pass: x.Passing}[s]
		o := site.Option{Value: string(s), Text: site.Status(s).Word() + " " + site.Count(int64(n))}
		if n == 0 {
			o.Locked = "there is none"
		}
		show.Options = append(show.Options, o)
	}
	return site.List[row]{
		Name: "findings", Caption: "Resources", One: sources.KindIn(x.Kind), Many: "of kind " + sources.KindIn(x.Kind), Sort: "key", Rows: findingsShown, Keep: []string{"as", "months"},
		Path: "/checks/" + x.ID, Hash: "#findings", ID: "found",
		Columns: []site.Col[row]{
			{ID: "key", Head: sources.KindWord(x.Kind), Mono: true, Phone: site.PlaceFirst, Fixed: true, Cell: func(f row) site.Cell { return site.ID(site.Brief(f.Key), at(f)) }, Text: func(f row) any { return f.Key }},
			{ID: "why", Head: "Why", Wide: true, Cell: func(f row) site.Cell { return site.Words(reasonOf(f.Status, f.Reason)) }},
			{ID: "since", Head: "Since", Cell: func(f row) site.Cell { return site.Node(sinceLink(f, x)) }, Text: func(f row) any { return site.DateTime(f.Since) }},
			{ID: "source", Head: "Source", Cell: func(f row) site.Cell { return site.Words(x.Names[string(f.Source)]) }},
			{ID: "run", Head: "Run", Mono: true, Spare: true, Cell: func(f row) site.Cell { return site.Node(site.ShortID(string(f.Run), "/runs/"+string(f.Run))) }, Text: func(f row) any { return string(f.Run) }},
			{ID: "status", Head: "Status", Phone: site.PlaceEnd, Fixed: true, Cell: func(f row) site.Cell { return site.Mark(site.Status(f.Status), "") }},
		},
		Filters: []site.Filter{show},
		Row:     func(f row) site.Row { return site.Row{Href: at(f)} },
		Fetch: func(a site.Ask) (op.Page[row], error) {
			return checks.Findings.Do(v.Context(), v.Desk, checks.FindingFilter{ID: x.ID, Status: cmp.Or(a.Filter("show"), string(x.Which)), AsOf: x.Then, After: a.After, Limit: a.Limit})
		},
		None: site.EmptyView{Title: "None.", Text: "No single " + sources.KindIn(x.Kind) + " says this."},
	}
}

// rule is the check as it is run, for whoever wants to repeat it.
func (x detail) rule() string {
	var b strings.Builder
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-10s %s\n", key+":", strings.ReplaceAll(strings.TrimSpace(value), "\n", "\n           "))
		}
	}
	line("id", x.ID)
	line("reads", x.Kind)
	line("applies", x.Applies)
	line("pass", x.Pass)
	for _, name := range slices.Sorted(maps.Keys(x.Params)) {
		line("p."+name, fmt.Sprint(x.Params[name])+"   # "+x.Definition.Params[name].Doc)
	}
	line("message", x.Definition.Message)
	line("empty", string(x.Empty))
	line("freshness", x.Freshness)
	line("cadence", x.Cadence)
	line("mandatory", strconv.FormatBool(x.Mandatory))
	return strings.TrimSuffix(b.String(), "\n")
}

func (x detail) intervals() []site.Interval { return drawn(x.Held.Spans) }

func (x detail) measured() []site.FactRow {
	percent := func(s string) string {
		if s == "–" || s == "" {
			return "–"
		}
		return s + " %"
	}
	return []site.FactRow{site.Text("Uptime", percent(x.Held.Uptime)), site.Text("Coverage", percent(x.Held.Coverage)),
		site.Text("Worst case", percent(x.Held.WorstCase)), site.Text("Drift events", site.Count(int64(x.Held.Drifts)))}
}

func exceptForm(x detail) site.FormView {
	return site.FormView{Action: "/checks/" + x.ID + "/except", Buttons: []site.ButtonView{{Text: "Ask for the exception"}}, Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "reason", Label: "Reason", Help: "Why the failure is accepted, and what covers the risk meanwhile. 10 characters at least.", Rows: 3, Attrs: templ.Attributes{"maxlength": "2000"}},
		{Kind: site.FieldDate, Name: "ends", Label: "Ends on", Help: "Within 12 months.", Attrs: templ.Attributes{"min": x.Now.AddDate(0, 0, 1).Format(time.DateOnly), "max": x.Now.AddDate(1, 0, 0).Format(time.DateOnly)}},
		{Kind: site.FieldArea, Name: "keys", Label: "Only for these", Optional: true, Mono: true, Rows: 2, Help: "Keys as the table gives them, one to a line. Left empty, it covers every failing one.", Autocomplete: "off"},
		{Name: "owner", Label: "Who answers for it", Optional: true, Help: "You, if left empty."},
	}}
}
