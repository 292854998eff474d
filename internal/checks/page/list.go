package page

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// listed is the list of checks, with what no source answers below it.
type listed struct {
	site.Listing[checks.Check]
	All   []checks.Check
	Blind []checks.Check // that fit, and no source answers

	MayConnect bool
	Kinds      []string
	Off        []checks.Check // out of force
	May        bool
	Then       time.Time // the instant it is of; zero is now
}

func showList(v *site.Visit) error {
	then, err := v.AsOf()
	if err != nil {
		return err
	}
	x := listed{May: v.Actor.May(auth.ChecksWrite) && then.IsZero(), Then: then, MayConnect: v.Actor.May(auth.SourcesWrite)}
	list, err := checks.List.Do(v.Context(), v.Desk, checks.Filter{AsOf: then})
	if err != nil {
		return err
	}
	x.All = list.Items
	if then.IsZero() {
		off, err := checks.List.Do(v.Context(), v.Desk, checks.Filter{Off: true})
		if err != nil {
			return err
		}
		x.Off = off.Items
	}
	for _, c := range x.All {
		if !slices.Contains(x.Kinds, c.Kind) {
			x.Kinds = append(x.Kinds, c.Kind)
		}
	}
	if asked := cmp.Or(v.Query("f.kind"), v.Query("kind")); asked != "" && !slices.Contains(x.Kinds, asked) {
		x.Kinds = append(x.Kinds, asked) // a record's kind may have no check
	}
	slices.Sort(x.Kinds)
	l := x.list()
	if x.Listing, err = l.Open(v); err != nil || x.Done {
		return err
	}
	if x.answered() == 0 && !x.Ask.Filtered() {
		x.Table.Filters, x.Table.Tools = nil, nil
	}
	for _, c := range x.All {
		if !c.Looked && x.Ask.Filter("status") == "" && x.fits(x.Ask, c) {
			x.Blind = append(x.Blind, c)
		}
	}
	return v.Show(site.Shell{Title: "Checks", Current: "/checks", Moves: true, At: then, Crumbs: []site.Crumb{{Text: "Checks"}}}, listBody(x))
}

// list says what the list is made of.
func (x listed) list() site.List[checks.Check] {
	type row = checks.Check
	return site.List[row]{
		Name: "checks", Caption: "Checks that a source answers", One: "check", Many: "checks", Find: "Find in checks", Sort: "status",
		Columns: []site.Col[row]{
			{ID: "check", Head: "Check", Mono: true, Phone: site.PlaceFirst, Fixed: true, Sorts: true, Cell: func(c row) site.Cell { return site.ID(c.ID, "/checks/"+c.ID) }},
			{ID: "says", Head: "What it says", Wide: true, Phone: site.PlaceFirst, Fixed: true, Cell: func(c row) site.Cell { return site.Words(says(c)) }},
			{ID: "title", Head: "What should be true", Spare: true, Cell: func(c row) site.Cell { return site.Words(c.Title) }},
			{ID: "severity", Head: "Severity", Sorts: true, Cell: func(c row) site.Cell { return site.Words(site.Capital(c.Severity)) }},
			{ID: "kind", Head: "Reads", Spare: true, Sorts: true, Cell: func(c row) site.Cell { return site.Words(sources.KindWord(c.Kind)) }},
			{ID: "controls", Head: "Controls", Cell: func(c row) site.Cell { return site.Node(codes(controlLinks(c))) }, Text: func(c row) any { return texts(controlLinks(c)) }},
			{ID: "criteria", Head: "Criteria", Cell: func(c row) site.Cell { return site.Node(codes(criterionLinks(c))) }, Text: func(c row) any { return texts(criterionLinks(c)) }},
			{ID: "sources", Head: "Sources", Phone: site.PlaceHidden, Cell: func(c row) site.Cell { return site.Words(sourceNames(c)) }},
			{ID: "failing", Head: "Failing", Num: true, Spare: true, Sorts: true, Cell: func(c row) site.Cell { return site.Number(int64(c.Failing), "/checks/"+c.ID+"?show=fail#findings") }, Text: func(c row) any { return int64(c.Failing) }},
			{ID: "judged", Head: "Judged", Spare: true, Sorts: true, Cell: func(c row) site.Cell { return site.Node(site.Moment(c.At)) }, Text: func(c row) any { return site.DateTime(c.At) }},
			{ID: "status", Head: "Status", Phone: site.PlaceEnd, Fixed: true, Sorts: true, Cell: mark},
		},
		Filters: []site.Filter{
			{Name: "status", Label: "Status", Options: x.statuses(), Chips: true},
			{Name: "severity", Label: "Severity", Options: []site.Option{{Value: "high", Text: "High"}, {Value: "medium", Text: "Medium"}, {Value: "low", Text: "Low"}}, Chips: true},
			{Name: "kind", Label: "Reads", Options: kindsOf(x.Kinds), Say: func(s string) string { return "About " + sources.KindIn(s) }},
			{Name: "control", Label: "Control", Linked: true, Say: func(s string) string { return "For " + s }},
		},
		Row:   func(c row) site.Row { return site.Row{Href: "/checks/" + c.ID} },
		Fetch: func(a site.Ask) (op.Page[row], error) { return x.fetch(a), nil },
		None:  site.EmptyView{Title: "Nothing is answered yet.", Text: "A source has to be read first.", Link: site.Link{Text: "Connect a source", Href: "/sources"}},
	}
}

var severities = []string{"high", "medium", "low"}

// fetch answers from the checks in force, which are all at hand: what they say
// is judged when it is asked for.
func (x listed) fetch(a site.Ask) op.Page[checks.Check] {
	weight := func(a, b checks.Check) int {
		return slices.Index(severities, a.Severity) - slices.Index(severities, b.Severity)
	}
	order := map[string]func(a, b checks.Check) int{
		"check":    func(a, b checks.Check) int { return cmp.Compare(a.ID, b.ID) },
		"severity": weight,
		"kind":     func(a, b checks.Check) int { return cmp.Compare(sources.KindWord(a.Kind), sources.KindWord(b.Kind)) },
		"failing":  func(a, b checks.Check) int { return a.Failing - b.Failing },
		"judged":   func(a, b checks.Check) int { return a.At.Compare(b.At) },
		"status": func(a, b checks.Check) int {
			return cmp.Or(slices.Index(statuses, a.Status)-slices.Index(statuses, b.Status), weight(a, b))
		},
	}[a.Sort]
	return site.Among(a, x.All, func(c checks.Check) bool { return c.Looked && x.fits(a, c) }, order, func(c checks.Check) string { return c.ID })
}

func (x listed) fits(a site.Ask, c checks.Check) bool {
	is := func(name, value string) bool { return a.Filter(name) == "" || a.Filter(name) == value }
	return is("status", string(c.Status)) && is("severity", c.Severity) && is("kind", c.Kind) && a.Holds(c.ID, c.Title, says(c), c.Kind, sources.KindWord(c.Kind)) &&
		(a.Filter("control") == "" || slices.Contains(c.Controls, a.Filter("control")))
}

// statuses in the order of every table.
var statuses = []checks.Status{checks.Fail, checks.Unknown, checks.Excepted, checks.Pass, checks.NotApplicable}

// statuses are what checks can say, with how many do.
func (x listed) statuses() []site.Option {
	var out []site.Option
	for _, s := range statuses {
		o := site.Option{Value: string(s), Text: site.Status(s).Word() + " " + site.Count(x.count(s))}
		if x.count(s) == 0 {
			o.Locked = "there is none"
		}
		out = append(out, o)
	}
	return out
}

func named(list []string) []site.Option {
	var out []site.Option
	for _, s := range list {
		out = append(out, site.Option{Value: s, Text: s})
	}
	return out
}

// kindsOf are kinds of resource to choose from, by the words for them.
func kindsOf(list []string) []site.Option {
	var out []site.Option
	for _, s := range list {
		out = append(out, site.Option{Value: s, Text: sources.KindWord(s)})
	}
	slices.SortFunc(out, func(a, b site.Option) int { return cmp.Compare(a.Text, b.Text) })
	return out
}

// count is how many checks that some source answers say this.
func (x listed) count(s checks.Status) int64 {
	n := int64(0)
	for _, c := range x.All {
		if c.Looked && c.Status == s {
			n++
		}
	}
	return n
}

func (x listed) answered() int64 {
	n := int64(0)
	for _, c := range x.All {
		if c.Looked {
			n++
		}
	}
	return n
}

func (x listed) sentence() string {
	n := x.answered()
	if n == 0 {
		return fmt.Sprintf("%s are ready. No source answers one yet.", site.Capital(site.Several(int64(len(x.All)), "check", "checks")))
	}
	fail, unknown := x.count(checks.Fail), x.count(checks.Unknown)
	text := site.Capital(site.Several(n, "check is", "checks are")) + " answered."
	if n > 1 && fail == 0 && unknown == 0 {
		return text + " None fails."
	}
	switch {
	case fail > 0 && unknown > 0:
		return fmt.Sprintf("%s %s, and %s cannot be known.", text, site.Capital(site.Several(fail, "fails", "fail")), site.Spelled(unknown))
	case fail > 0:
		return fmt.Sprintf("%s %s.", text, site.Capital(site.Several(fail, "fails", "fail")))
	}
	return fmt.Sprintf("%s %s cannot be known.", text, site.Capital(site.Spelled(unknown)))
}

func (x listed) facts() []site.Fact {
	facts := []site.Fact{}
	if blind := int64(len(x.All)) - x.answered(); blind > 0 {
		facts = append(facts, site.Fact{Text: site.Count(blind) + " more have no source that answers them", Href: "#blind"})
	}
	facts = append(facts, site.Fact{Text: "Exceptions", Href: "/exceptions"})
	if slices.ContainsFunc(x.All, func(c checks.Check) bool { return c.Own }) {
		facts = append(facts, site.Fact{Text: "Your own as a file", Href: "/checks/export"})
	}
	if len(x.Off) > 0 {
		facts = append(facts, site.Fact{Text: site.Count(int64(len(x.Off))) + " out of force", Href: "#off"})
	}
	return facts
}

func (x listed) acts() []site.ButtonView {
	if !x.May {
		return nil
	}
	return []site.ButtonView{{Text: "Take in a file", Href: "/checks/import"}, {Text: "Write a check", Href: "/checks/new"}}
}

// connect leads to where sources are connected, whoever may.
func (x listed) connect() templ.Component {
	if !x.MayConnect {
		return nil
	}
	return site.LinkText(site.Link{Text: "Connect a source", Href: "/sources/new"})
}

func (x listed) blindTable() site.TableView {
	t := site.TableView{Caption: "Checks that no source answers", Columns: []site.Column{{Head: "Check", Mono: true, Phone: site.PlaceFirst},
		{Head: "What it would say", Wide: true, Phone: site.PlaceFirst}, {Head: "Reads"}, {Head: "Controls"}, {Head: "Criteria"}}}
	for _, c := range x.Blind {
		t.Rows = append(t.Rows, site.Row{Href: "/checks/" + c.ID, Cells: []site.Cell{site.ID(c.ID, "/checks/"+c.ID), site.Words(c.Title),
			site.Words(sources.KindWord(c.Kind)), site.Node(codes(controlLinks(c))), site.Node(codes(criterionLinks(c)))}})
	}
	return t
}

func (x listed) offTable() site.TableView {
	t := site.TableView{Caption: "Checks out of force", Columns: []site.Column{{Head: "Check", Mono: true, Phone: site.PlaceFirst}, {Head: "What it would say", Wide: true, Phone: site.PlaceFirst}, {Head: "Reads"}}}
	for _, c := range x.Off {
		at := "/checks/" + c.ID + "/versions"
		t.Rows = append(t.Rows, site.Row{Href: at, Cells: []site.Cell{site.ID(c.ID, at), site.Words(c.Title), site.Words(sources.KindWord(c.Kind))}})
	}
	return t
}
