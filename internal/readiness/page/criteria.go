package page

import (
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/site"
)

// line is one criterion of the edition, in scope or not.
type line struct {
	frameworks.Criterion
	In    bool
	State readiness.Criterion // zero for one that is out of scope
}

// verdictWord is the verdict as addresses name it; out of scope is one too.
func (l line) verdictWord() string {
	switch {
	case !l.In:
		return "not_selected"
	case l.State.Verdict == readiness.NotReady:
		return "not_met"
	}
	return string(l.State.Verdict)
}

// Verdicts of addresses that stand for several: they open figures and are not
// offered as filters of their own.
const (
	inScope  = "selected"
	notReady = "not_ready" // not met or not started
)

var (
	verdicts = []site.Option{{Value: "not_met", Text: "Not met"}, {Value: "not_started", Text: "Not started"}, {Value: "unknown", Text: "Unknown"}, {Value: "ready", Text: "Ready"},
		{Value: "not_selected", Text: "Not selected"}, {Value: inScope, Text: "In scope", Locked: "opens figures"}, {Value: notReady, Text: "Not ready", Locked: "opens figures"}}
	parts = []site.Option{{Value: "designed", Text: "Designed"}, {Value: "implemented", Text: "Implemented"}, {Value: "evidenced", Text: "Evidenced"}}
	seens = []site.Option{{Value: "1", Text: "Touched by a machine"}, {Value: "0", Text: "Not touched"}}
)

func categoryOptions(edition *frameworks.Version) []site.Option {
	var out []site.Option
	for _, c := range edition.Categories {
		out = append(out, site.Option{Value: c.Code, Text: c.Title})
	}
	return out
}

func categoryTitle(edition *frameworks.Version, code string) string {
	for _, c := range edition.Categories {
		if c.Code == code {
			return c.Title
		}
	}
	return code
}

// fits says whether a criterion is among those wanted.
func fits(a site.Ask, l line) bool {
	k := l.State
	is := l.verdictWord()
	switch a.Filter("verdict") {
	case "", is:
	case inScope:
		if !l.In {
			return false
		}
	case notReady:
		if is != "not_met" && is != "not_started" {
			return false
		}
	default:
		return false
	}
	part, seen, category := a.Filter("part"), a.Filter("seen"), a.Filter("category")
	state := map[string]readiness.State{"designed": k.Designed, "implemented": k.InPlace, "evidenced": k.Evidenced}[part]
	return (category == "" || category == l.Category) && (part == "" || state == readiness.Full) &&
		(seen == "" || l.In && k.Touched == (seen == "1")) && a.Holds(l.Code, l.Title, l.Text, k.Why)
}

// list is the page of criteria.
type list struct {
	picture
	Shown   site.Listing[line]
	Edition *frameworks.Version
	All     []line
	Map     bool
}

func showCriteria(v *site.Visit) error {
	p, err := readThen(v)
	if err != nil {
		return err
	}
	x := list{picture: p, Map: v.Query("view") == "map"}
	if x.Edition, err = edition(p.Scope.Catalogue); err != nil {
		return err
	}
	x.All = lines(p, x.Edition)
	if !x.Map {
		if x.Shown, err = x.list().Open(v); err != nil || x.Shown.Done {
			return err
		}
	}
	return v.Show(site.Shell{Title: "Criteria", Current: "/criteria", Moves: true, At: p.Then, Crumbs: []site.Crumb{{Text: "Criteria"}}}, listBody(x))
}

func lines(p picture, edition *frameworks.Version) []line {
	known := map[string]readiness.Criterion{}
	for _, k := range p.Criteria {
		known[k.Code] = k
	}
	var out []line
	for _, c := range edition.Criteria() {
		k, in := known[c.Code]
		out = append(out, line{c, in, k})
	}
	return out
}

func (x list) facts() []site.Fact {
	out := len(x.All) - len(x.Criteria)
	facts := []site.Fact{{Text: site.Plural(int64(len(x.Criteria)), "criterion", "criteria") + " in scope", Href: listed("verdict", "selected")}}
	if out > 0 {
		facts = append(facts, site.Fact{Text: site.Count(out) + " not selected", Href: listed("verdict", "not_selected")})
	}
	return append(facts, site.Fact{Text: x.Edition.Short})
}

// list says what the table is made of.
func (x list) list() site.List[line] {
	part := func(which int, state func(readiness.Criterion) readiness.State) func(line) site.Cell {
		return func(l line) site.Cell {
			if !l.In {
				return site.Words("–")
			}
			return partMark(which, state(l.State))
		}
	}
	return site.List[line]{
		Name: "criteria", Caption: "Criteria", One: "criterion", Many: "criteria", Find: "Find in criteria", Sort: "id", Rows: len(x.All),
		Columns: []site.Col[line]{
			{ID: "id", Head: "Id", Mono: true, Phone: site.PlaceFirst, Fixed: true, Sorts: true, Cell: func(l line) site.Cell { return site.ID(l.Code, criterionHref(l.Code)) }},
			{ID: "title", Head: "Criterion", Wide: true, Phone: site.PlaceFirst, Fixed: true, Cell: func(l line) site.Cell { return site.WordsNote(l.Title, l.why()) }, Text: func(l line) any { return l.Title }},
			{ID: "category", Head: "Category", Spare: true, Cell: func(l line) site.Cell { return site.Words(categoryTitle(x.Edition, l.Category)) }},
			{ID: "designed", Head: "Designed", Cell: part(designed, func(k readiness.Criterion) readiness.State { return k.Designed })},
			{ID: "implemented", Head: "Implemented", Cell: part(implemented, func(k readiness.Criterion) readiness.State { return k.InPlace })},
			{ID: "evidenced", Head: "Evidenced", Cell: part(evidenced, func(k readiness.Criterion) readiness.State { return k.Evidenced })},
			{ID: "verdict", Head: "Verdict", Phone: site.PlaceEnd, Fixed: true, Sorts: true, Cell: func(l line) site.Cell { return site.Mark(verdictStatus(l.State.Verdict)) }},
			{ID: "why", Head: "Why", Spare: true, Cell: func(l line) site.Cell { return site.Words(l.State.Why) }},
			{ID: "controls", Head: "Controls", Num: true, Sorts: true, Cell: func(l line) site.Cell {
				if !l.In {
					return site.Words("–")
				}
				return site.Number(int64(len(l.State.Controls)), criterionHref(l.Code)+"#controls")
			}, Text: func(l line) any { return strings.Join(l.State.Controls, " ") }},
		},
		Filters: []site.Filter{
			{Name: "category", Label: "Category", Options: categoryOptions(x.Edition), Chips: true}, {Name: "verdict", Label: "Verdict", Options: x.verdicts(), Chips: true},
			{Name: "part", Label: "Part", Options: parts}, {Name: "seen", Label: "Seen by a machine", Options: seens},
		},
		Row: func(l line) site.Row { return site.Row{Href: criterionHref(l.Code), Key: l.Code} },
		Fetch: func(a site.Ask) (op.Page[line], error) {
			at := map[string]int{}
			for i, l := range x.All {
				at[l.Code] = i
			}
			return site.Among(a, x.All, func(l line) bool { return fits(a, l) }, func(l, m line) int {
				switch a.Sort {
				case "verdict":
					s, _ := verdictStatus(l.State.Verdict)
					t, _ := verdictStatus(m.State.Verdict)
					if s != t {
						return s.Order() - t.Order()
					}
				case "controls":
					if n := len(l.State.Controls) - len(m.State.Controls); n != 0 {
						return n
					}
				}
				return at[l.Code] - at[m.Code]
			}, func(l line) string { return l.Code }), nil
		},
	}
}

// why is what keeps a criterion from being ready; of one that nobody began the
// verdict says it.
func (l line) why() string {
	if l.State.Verdict == readiness.NotStarted {
		return ""
	}
	return l.State.Why
}

// verdicts are offered where they leave something, so that no chip leads to an
// empty list.
func (x list) verdicts() []site.Option {
	out := slices.Clone(verdicts)
	for i, o := range out {
		if o.Locked == "" && !slices.ContainsFunc(x.All, func(l line) bool { return l.verdictWord() == o.Value }) {
			out[i].Locked = "there is none"
		}
	}
	return out
}
