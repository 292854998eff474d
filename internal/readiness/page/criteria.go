package page

import (
	"encoding/csv"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/frameworks"
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

// wanted narrows the criteria, as the address says.
type wanted struct {
	Category, Verdict, Part, Seen, View, Sort string
}

var (
	verdicts = []site.Link{{Text: "Not met", Href: "not_met"}, {Text: "Not started", Href: "not_started"}, {Text: "Unknown", Href: "unknown"}, {Text: "Ready", Href: "ready"},
		{Text: "Not selected", Href: "not_selected"}, {Text: "In scope", Href: inScope}, {Text: "Not ready", Href: notReady}}
	parts = []site.Link{{Text: "Designed", Href: "designed"}, {Text: "Implemented", Href: "implemented"}, {Text: "Evidenced", Href: "evidenced"}}
	seens = []site.Link{{Text: "Touched by a machine", Href: "1"}, {Text: "Not touched", Href: "0"}}
)

func wish(v *site.Visit) wanted {
	return wanted{v.Query("category"), v.Query("verdict"), v.Query("part"), v.Query("seen"), v.Query("view"), v.Query("sort")}
}

// check refuses words that no filter knows, rather than showing nothing.
func (w wanted) check(edition *frameworks.Version) error {
	known := func(field, value string, list []site.Link) error {
		var words []string
		for _, l := range list {
			if l.Href == value || value == "" {
				return nil
			}
			words = append(words, l.Href)
		}
		return fault.Invalid(field, "give one of %s", strings.Join(words, ", "))
	}
	if err := known("category", w.Category, categoryLinks(edition)); err != nil {
		return err
	}
	if err := known("verdict", w.Verdict, verdicts); err != nil {
		return err
	}
	if err := known("part", w.Part, parts); err != nil {
		return err
	}
	return known("seen", w.Seen, seens)
}

func categoryLinks(edition *frameworks.Version) []site.Link {
	var out []site.Link
	for _, c := range edition.Categories {
		out = append(out, site.Link{Text: c.Title, Href: c.Code})
	}
	return out
}

// fits says whether a criterion is among those wanted.
func (w wanted) fits(l line) bool {
	k := l.State
	is := l.verdictWord()
	switch w.Verdict {
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
	state := map[string]readiness.State{"designed": k.Designed, "implemented": k.InPlace, "evidenced": k.Evidenced}[w.Part]
	return (w.Category == "" || w.Category == l.Category) && (w.Part == "" || state == readiness.Full) &&
		(w.Seen == "" || l.In && k.Touched == (w.Seen == "1"))
}

// href is the address with some of it changed.
func (w wanted) href(pairs ...string) string {
	now := map[string]string{"category": w.Category, "verdict": w.Verdict, "part": w.Part, "seen": w.Seen, "view": w.View, "sort": w.Sort}
	for i := 0; i+1 < len(pairs); i += 2 {
		now[pairs[i]] = pairs[i+1]
	}
	var list []string
	for _, name := range []string{"category", "verdict", "part", "seen", "view", "sort", "format"} {
		if now[name] != "" {
			list = append(list, name, now[name])
		}
	}
	return listed(list...)
}

// list is the page of criteria.
type list struct {
	picture
	Edition *frameworks.Version
	Wanted  wanted
	All     []line
	Shown   []line
}

func showCriteria(v *site.Visit) error {
	p, err := readPicture(v)
	if err != nil {
		return err
	}
	x := list{picture: p, Wanted: wish(v)}
	if x.Edition, err = edition(p.Scope.Catalogue); err != nil {
		return err
	}
	if err := x.Wanted.check(x.Edition); err != nil {
		return err
	}
	x.All = lines(p, x.Edition)
	for _, l := range x.All {
		if x.Wanted.fits(l) {
			x.Shown = append(x.Shown, l)
		}
	}
	if x.Wanted.Sort == "verdict" {
		slices.SortStableFunc(x.Shown, func(a, b line) int {
			s, _ := verdictStatus(a.State.Verdict)
			t, _ := verdictStatus(b.State.Verdict)
			return s.Order() - t.Order()
		})
	}
	if v.Query("format") == "csv" {
		return x.csv(v)
	}
	return v.Show(site.Shell{Title: "Criteria", Current: "/criteria", Crumbs: []site.Crumb{{Text: "Criteria"}}}, listBody(x))
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
		facts = append(facts, site.Fact{Text: number(out) + " not selected", Href: listed("verdict", "not_selected")})
	}
	return append(facts, site.Fact{Text: x.Edition.Short})
}

// filters are the chips above the table: those in force first, then those that
// can be added.
func (x list) filters() []site.Chip {
	var on, off []site.Chip
	for _, f := range []struct {
		name, now string
		links     []site.Link
		offer     bool
	}{
		{"category", x.Wanted.Category, categoryLinks(x.Edition), true}, {"verdict", x.Wanted.Verdict, verdicts, true},
		{"part", x.Wanted.Part, parts, false}, {"seen", x.Wanted.Seen, seens, false},
	} {
		for _, l := range f.links {
			switch {
			case l.Href == f.now:
				on = append(on, site.Chip{Text: l.Text, Href: x.Wanted.href(f.name, "")})
			case f.now == "" && f.offer && l.Href != inScope && l.Href != notReady && x.any(f.name, l.Href):
				off = append(off, site.Chip{Text: l.Text, Href: x.Wanted.href(f.name, l.Href), Add: true})
			}
		}
	}
	return append(on, off...)
}

// any reports whether the filter would leave something, so that no chip leads
// to an empty list.
func (x list) any(name, value string) bool {
	w := x.Wanted
	if name == "category" {
		w.Category = value
	} else {
		w.Verdict = value
	}
	return slices.ContainsFunc(x.All, w.fits)
}

func (x list) table() site.TableView {
	t := site.TableView{ID: "criteria", Caption: "Criteria", Filters: x.filters(), More: exportLink(len(x.Shown), x.Wanted.href("format", "csv")),
		Columns: []site.Column{
			{Head: "Id", Mono: true, Phone: site.PlaceFirst}, {Head: "Criterion", Wide: true, Phone: site.PlaceFirst},
			{Head: "Designed"}, {Head: "Implemented"}, {Head: "Evidenced"},
			{Head: "Verdict", Phone: site.PlaceEnd, Href: x.Wanted.href("sort", "verdict")}, {Head: "Controls", Num: true},
		},
		Empty: site.EmptyView{Title: "No criterion fits.", Text: "Each of the filters above can be taken away.", Link: site.Link{Text: "Show all " + number(len(x.All)), Href: "/criteria"}}}
	if x.Wanted.Sort == "verdict" {
		t.Columns[5].Sort, t.Columns[5].Href, t.Columns[0].Href = "ascending", "", x.Wanted.href("sort", "")
	}
	for _, l := range x.Shown {
		t.Rows = append(t.Rows, l.row())
	}
	return t
}

func (l line) row() site.Row {
	status, word := verdictStatus(l.State.Verdict)
	why := l.State.Why
	if l.State.Verdict == readiness.NotStarted {
		why = "" // the verdict says it
	}
	cells := []site.Cell{site.ID(l.Code, criterionHref(l.Code)), site.WordsNote(l.Title, why)}
	n := site.Words("–")
	if l.In {
		cells = append(cells, partMark(designed, l.State.Designed), partMark(implemented, l.State.InPlace), partMark(evidenced, l.State.Evidenced))
		n = site.Number(int64(len(l.State.Controls)), criterionHref(l.Code)+"#controls")
	} else {
		cells = append(cells, site.Words("–"), site.Words("–"), site.Words("–"))
	}
	return site.Row{Href: criterionHref(l.Code), Cells: append(cells, site.Mark(status, word), n)}
}

// csv gives the view, not the page, as a file.
func (x list) csv(v *site.Visit) error {
	v.W.Header().Set("Content-Type", "text/csv; charset=utf-8")
	v.W.Header().Set("Content-Disposition", `attachment; filename="criteria.csv"`)
	w := csv.NewWriter(v.W)
	rows := [][]string{{"code", "title", "category", "verdict", "designed", "implemented", "evidenced", "controls", "why"}}
	for _, l := range x.Shown {
		rows = append(rows, []string{l.Code, plain(l.Title), l.Category, l.verdictWord(), string(l.State.Designed), string(l.State.InPlace),
			string(l.State.Evidenced), strings.Join(l.State.Controls, " "), plain(l.State.Why)})
	}
	return w.WriteAll(rows)
}

// plain keeps spreadsheets from taking a text for a formula.
func plain(s string) string {
	if strings.HasPrefix(s, "=") || strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") || strings.HasPrefix(s, "@") {
		return "'" + s
	}
	return s
}
