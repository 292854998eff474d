package page

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/site"
)

// home is everything the first page shows.
type home struct {
	picture
	Edition *frameworks.Version
	State   logState // of the log; zero for who may not read it
	Log     bool
	Line    *site.PeriodView // nil without a period or without anything on it
	Looked  looked           // before; zero for who may not read the log
	Unknown assets.Glance    // what no asset stands for; zero for who may not see it
}

// showHome leads whoever cannot use it yet to where they can: to setup, to the
// door, or to the guided start.
func showHome(v *site.Visit) error {
	if !v.Actor.Known() {
		return toDoor(v)
	}
	if v.Actor.May(auth.AuditRead) {
		return v.Goto("/engagements") // a firm examines others and has no readiness of its own
	}
	if !v.Actor.May(auth.ControlsRead) {
		if v.Actor.May(auth.SourcesRead) {
			return v.Goto("/sources")
		}
		return v.Goto("/work") // an employee: what they are asked to do
	}
	p, err := readThen(v)
	if err != nil {
		return err
	}
	fresh := p.Then.IsZero() && !p.looked() && !p.Scope.Decided() && len(p.Controls) == 0
	if fresh && v.Actor.May(auth.SourcesWrite) && v.Query("start") != "later" {
		return v.Goto("/start")
	}
	h := home{picture: p}
	if h.Edition, err = edition(p.Scope.Catalogue); err != nil {
		return err
	}
	if v.Actor.May(auth.LogRead) && p.Then.IsZero() {
		h.Log = true
		if h.State, err = readLog(v, p.Zone); err != nil {
			return err
		}
		if h.Looked, err = look(v, h.State.Head, p.Zone); err != nil {
			return err
		}
	}
	if p.Then.IsZero() {
		if h.Line, err = h.line(v); err != nil {
			return err
		}
		if h.Unknown, err = unlisted(v); err != nil {
			return err
		}
	}
	shell := site.Shell{Title: "Home", Current: "/", Moves: true, At: p.Then, Crumbs: []site.Crumb{{Text: "Home"}}}
	if p.Then.IsZero() {
		if shell.Counts, err = p.waiting(v); err != nil {
			v.Log.Debug("home: what waits is not counted", "err", err) // the page is as good without
		}
	}
	if err := v.Show(shell, homeBody(h)); err != nil {
		return err
	}
	h.Looked.keep(v)
	return nil
}

func toDoor(v *site.Visit) error {
	var done bool
	err := v.DB.Read(v.Context(), db.All, func(tx *db.Tx) (err error) {
		done, err = auth.SetupDone(tx)
		return err
	})
	if err != nil {
		return err
	}
	if !done {
		return v.Goto("/setup")
	}
	return v.Goto("/sign-in")
}

func edition(id string) (*frameworks.Version, error) {
	cat, err := frameworks.Shipped()
	if err != nil {
		return nil, err
	}
	return cat.Version(id)
}

func (h home) facts() []site.Fact {
	out := []site.Fact{{Text: h.today().Format("Monday 2 January 2006, 15:04 MST")}, {Text: h.scopeText(), Href: "/scope"}}
	if left := h.left(); left != "" {
		out = append(out, site.Fact{Text: left})
	}
	return out
}

// criteriaMap draws all criteria of the edition, those out of scope dashed.
func (p picture) criteriaMap(edition *frameworks.Version) site.CriteriaMapView {
	m := site.CriteriaMapView{NotHref: "/criteria?verdict=not_selected"}
	known := map[string]readiness.Criterion{}
	for _, k := range p.Criteria {
		known[k.Code] = k
	}
	category, outside := "", ""
	var groups []group
	for _, s := range edition.Series {
		row := site.SeriesRow{ID: s.Code, Name: s.Title, Rule: len(m.Rows) > 0 && s.Category != category && category == frameworks.Security}
		for _, c := range s.Criteria {
			k, in := known[c.Code]
			if !in {
				m.NotSelected = append(m.NotSelected, site.CriterionView{ID: c.Code, Href: criterionHref(c.Code), State: site.CellNotSelected})
				if outside != s.Category {
					outside = s.Category
					groups = append(groups, group{s.Category, label(edition, s)})
				}
				continue
			}
			if row.Of++; k.Verdict == readiness.Ready {
				row.Done++
			}
			row.Cells = append(row.Cells, site.CriterionView{ID: k.Code, Href: criterionHref(k.Code), Cause: k.Why, State: cellState(k.Verdict),
				Designed: segment(k.Designed), Implemented: segment(k.InPlace), Evidenced: segment(k.Evidenced)})
		}
		if row.Of > 0 {
			category = s.Category
			m.Rows = append(m.Rows, row)
		}
	}
	m.NotText = "Not selected"
	for i, g := range groups {
		n := 0
		for _, c := range edition.Criteria() {
			if c.Category == g.category {
				n++
			}
		}
		m.NotText += []string{", ", " · "}[max(0, 1-i)] + g.label + " " + site.Count(n)
	}
	return m
}

// legend says what the cells of the map show, without what none of them does.
func (p picture) legend() []site.LegendItem {
	out := []site.LegendItem{{Class: "parts", Text: "designed, implemented, evidenced"}, {Status: site.StatusFail, Text: "not met"}, {Status: site.StatusUnknown, Text: "unknown"}}
	if slices.ContainsFunc(p.Criteria, func(k readiness.Criterion) bool { return k.Verdict == readiness.NotStarted }) {
		out = append(out, site.LegendItem{Status: site.StatusNotStarted, Text: "not started"})
	}
	return out
}

// group is a category out of scope.
type group struct{ category, label string }

// label names a category by the codes of its criteria: PI1 where it has one
// series, P where it has several.
func label(edition *frameworks.Version, s frameworks.Series) string {
	for _, other := range edition.Series {
		if other.Category == s.Category && other.Code != s.Code {
			return strings.TrimRight(s.Code, "0123456789")
		}
	}
	return s.Code
}

// categoryTable is the same truth as the map in figures. Each figure opens the
// criteria it counts, and the last line is the sum of those above it.
func (p picture) categoryTable() site.TableView {
	t := site.TableView{Caption: "Criteria by category", Columns: []site.Column{
		{Head: "Category", Wide: true, Phone: site.PlaceFirst}, {Head: "In scope", Num: true}, {Head: "Designed", Num: true, Phone: site.PlaceHidden},
		{Head: "Implemented", Num: true, Phone: site.PlaceHidden}, {Head: "Evidenced", Num: true, Phone: site.PlaceHidden}, {Head: "Ready", Num: true},
		{Head: "Not ready", Num: true}, {Head: "Unknown", Num: true},
	}}
	for _, c := range p.Categories {
		t.Rows = append(t.Rows, site.Row{Href: listed("category", c.Code), Cells: categoryCells(c, true)})
	}
	t.Total = categoryCells(p.Total, false)
	for i := range t.Total {
		t.Total[i].Strong = true
	}
	return t
}

func categoryCells(c readiness.Category, coloured bool) []site.Cell {
	in := func(n int, pairs ...string) site.Cell {
		if c.Code != "" {
			pairs = append([]string{"category", c.Code}, pairs...)
		}
		return site.Number(int64(n), listed(pairs...))
	}
	not, unknown := in(c.NotReady, "verdict", "not_ready"), in(c.Unknown, "verdict", "unknown")
	if coloured && c.NotReady > 0 {
		not.Tone, not.Strong = site.StatusFail, true
	}
	if coloured && c.Unknown > 0 {
		unknown.Tone, unknown.Strong = site.StatusUnknown, true
	}
	return []site.Cell{site.Words(c.Title), in(c.InScope, "verdict", "selected"), in(c.Designed, "part", "designed"), in(c.InPlace, "part", "implemented"),
		in(c.Evidenced, "part", "evidenced"), in(c.Ready, "verdict", "ready"), not, unknown}
}

// listed is the address of the criteria that fit, by names and values in turn.
func listed(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	if len(q) == 0 {
		return "/criteria"
	}
	return "/criteria?" + q.Encode()
}

// How many acts the first page shows: at least so many if there are, and as many
// as it takes to speak of each criterion that is not ready, within reason.
const (
	fewestActions = 5
	mostActions   = 8
)

func (h home) actions() []act {
	list := order(h.Actions)
	n := 0
	for n < len(list) && !list[n].Beside {
		n++
	}
	return rows(list[:min(len(list), max(n, fewestActions), mostActions)], h.day())
}

// checkFact is what the checks say, the worst first, adding up to those that
// some source answers.
func (h home) checkFact() site.FactRow {
	if h.Checks.Total() == 0 {
		return site.FactRow{Key: "Checks", Value: "none has an answer yet", Status: site.StatusNotStarted, Href: "/checks"}
	}
	return site.FactRow{Key: "Checks", Node: checkNode(h.Checks)}
}

// counted are the checks by what they say, without what there is none of.
func counted(t readiness.Tally) []site.TotalRow {
	var out []site.TotalRow
	for _, r := range []struct {
		status site.Status
		n      int
		word   string
	}{{site.StatusFail, t.Fail, "fail"}, {site.StatusUnknown, t.Unknown, "unknown"}, {site.StatusExcepted, t.Excepted, "excepted"},
		{site.StatusPass, t.Pass, "pass"}, {site.StatusNotApplicable, t.NotApplicable, "not applicable"}} {
		if r.n > 0 {
			out = append(out, site.TotalRow{Text: site.Count(r.n) + " " + r.word, Href: "/checks?status=" + string(r.status), Tone: r.status})
		}
	}
	return out
}

func tasksOf(n int) string { return site.Plural(int64(n), "task", "tasks") }

// untold is what the first page does not say of another day, and why.
func (h home) untold() []site.FactRow {
	return []site.FactRow{
		{Key: "What settles it", Value: "nobody can act on another day", Status: site.StatusNotApplicable},
		{Key: "Sources", Value: "how each was connected then is not kept", Status: site.StatusUnknown},
		{Key: "The period", Value: "its line is drawn up to now", Status: site.StatusNotApplicable, Href: "/?as_of="},
		{Key: "Evidence log", Value: "it is one log, whichever day is shown", Status: site.StatusNotApplicable, Href: "/log"},
		h.checkFact(),
	}
}

func (h home) logFacts() []site.FactRow {
	if !h.Then.IsZero() {
		return nil
	}
	var out []site.FactRow
	if h.Log {
		out = append(out, h.State.entries())
		if h.State.SignedSize == 0 {
			out = append(out, site.FactRow{Key: "Signed", Value: "not yet", Status: site.StatusNotStarted, Href: "/log"})
		}
		out = append(out, h.State.verified(h.At, h.Zone))
	}
	if h.Sources != nil {
		out = append(out, h.sourcesFact())
	}
	return out
}

// besideFacts are what bears on the criteria: what the checks say, and what
// people have to keep up.
func (h home) besideFacts() []site.FactRow {
	return append([]site.FactRow{h.checkFact()}, h.keptFacts()...)
}

func (h home) sourcesFact() site.FactRow {
	n, of := h.answering(), len(h.Sources)
	f := site.FactRow{Key: "Sources", Href: "/sources", Status: site.StatusPass, Value: site.Count(n) + " of " + site.Count(of) + " answering"}
	switch {
	case of == 0:
		f.Value, f.Status, f.Href = "none connected yet", site.StatusNotStarted, "/start/sources"
	case n < of:
		f.Value, f.Status = f.Value+", "+site.Count(of-n)+" silent", site.StatusUnknown
	}
	return f
}

// line is the period with what happened in it: evidence week by week, and the
// acts that are on record. Nothing is drawn that is not.
func (h home) line(v *site.Visit) (*site.PeriodView, error) {
	from, last, ok := h.period()
	if !ok || !v.Actor.May(auth.EvidenceRead) {
		return nil, nil
	}
	to := last.AddDate(0, 0, 1)
	weeks, some, err := weekly(v, from, to)
	if err != nil || !some {
		return nil, err
	}
	out := &site.PeriodView{Title: "The period", From: from, To: to, Now: h.today(), Weeks: weeks, Since: h.since(weeks),
		Note: "Bars: evidence recorded per week."}
	if out.Failures, err = h.failures(v, from, to); err != nil {
		return nil, err
	}
	if len(out.Failures) > 0 {
		out.Note += " Red on the line: a key control failing."
	}
	if out.Since.After(from) {
		out.Note += " Outline: nobody looked yet."
	}
	out.Events = append(h.events(from, to), h.missed(from, to)...)
	slices.SortStableFunc(out.Events, func(a, b site.PeriodEvent) int { return a.At.Compare(b.At) })
	out.Events = append(out.Events, site.PeriodEvent{At: last, Status: site.StatusNotStarted, Text: "Last day", Href: "/scope"})
	return out, nil
}

// since is when anybody first looked: when the first source was connected, or
// the week of the first evidence where that is older.
func (h home) since(weeks []site.PeriodWeek) time.Time {
	first := h.today()
	for _, s := range h.Sources {
		if s.Created.Before(first) {
			first = s.Created
		}
	}
	for _, w := range weeks {
		if w.Count > 0 && w.Start.AddDate(0, 0, 7).Before(first) {
			return w.Start
		}
	}
	return first
}

// events are the acts on record within the period, those of one day as one.
func (h home) events(from, to time.Time) []site.PeriodEvent {
	var out []site.PeriodEvent
	add := func(at time.Time, text, href string) {
		at = at.In(h.Zone)
		if at.Before(from) || !at.Before(to) {
			return
		}
		for i := range out {
			if dayOf(out[i].At).Equal(dayOf(at)) {
				out[i].Text += ", " + text
				return
			}
		}
		out = append(out, site.PeriodEvent{At: at, Status: site.StatusPass, Text: site.Capital(text), Href: href})
	}
	if h.Scope.Decided() {
		add(h.Scope.Effective, "scope decided", "/scope")
	}
	connected, adopted := map[time.Time]int64{}, map[time.Time]int64{}
	for _, s := range h.Sources {
		connected[dayOf(s.Created.In(h.Zone))]++
	}
	for _, x := range h.Controls {
		adopted[dayOf(x.Adopted.In(h.Zone))]++
	}
	for day, n := range connected {
		add(day, site.Plural(n, "source", "sources")+" connected", "/sources")
	}
	for day, n := range adopted {
		add(day, site.Plural(n, "control", "controls")+" adopted", "/controls")
	}
	slices.SortFunc(out, func(a, b site.PeriodEvent) int { return a.At.Compare(b.At) })
	return out
}

// dayOf is the midnight with which the day of an instant begins, in its zone.
func dayOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}

const selectWeekly = `SELECT w, COUNT(*) FROM (SELECT (captured - ?) / ? AS w FROM evidence
	WHERE org_id = ? AND captured >= ? AND captured < ?) AS weeks GROUP BY w`

const week = 7 * 24 * time.Hour

// weekly counts evidence by week of the period.
func weekly(v *site.Visit, from, to time.Time) (out []site.PeriodWeek, some bool, err error) {
	counts := map[int64]int64{}
	start, length := from.UnixMilli(), week.Milliseconds()
	err = v.DB.Read(v.Context(), string(v.Org), func(tx *db.Tx) error {
		args := []any{start, length, v.Org, start, to.UnixMilli()}
		return tx.Each(selectWeekly, args, func(scan func(...any) error) error {
			var w, n int64
			err := scan(&w, &n)
			counts[w] = n
			return err
		})
	})
	now := v.Clock.Now()
	for i, at := int64(0), from; at.Before(to) && at.Before(now); i, at = i+1, at.Add(week) {
		out = append(out, site.PeriodWeek{Start: at, Count: counts[i], Href: "/evidence"})
		some = some || counts[i] > 0
	}
	return out, some, err
}
