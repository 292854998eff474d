package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/site"
)

func canReview(v *site.Visit) bool { return v.Actor.May(auth.AuditReview) }

// toItem leads from the short address of an item to its page.
func toItem(v *site.Visit) error {
	e, err := open(v)
	if err != nil {
		return err
	}
	to := at(e, v.Path("ref")).item(v.Path("item"))
	if q := v.R.URL.RawQuery; q != "" {
		to += "?" + q
	}
	return v.Goto(to)
}

// showItem is one item with its evidence: a page of its own, or the side of the
// grid.
func showItem(v *site.Visit) error {
	x, item, err := readItem(v, v.Path("item"))
	if err != nil {
		return err
	}
	pane := x.pane(item, x.Letter)
	if v.Partial() {
		return v.Fragment(site.EvidencePane(pane))
	}
	return v.ShowIn(x.View.Engagement, x.itemShell(item), itemBody(x, item, x.ownPane(pane, item)))
}

func (x work) itemShell(item procedures.ItemView) site.Shell {
	return testingShell(x.View, item.Row.Item, site.Crumb{Text: x.Control, Href: x.grid(item.Row.Item, x.Letter), Mono: true}, site.Crumb{Text: item.Row.Item, Mono: true})
}

// readItem reads what a pane needs, and no more: it is asked for at every step
// of the cursor.
func readItem(v *site.Visit, name string) (work, procedures.ItemView, error) {
	e, err := open(v)
	if err != nil {
		return work{}, procedures.ItemView{}, err
	}
	item, err := procedures.Evidence.Do(v.Context(), v.Desk, procedures.ItemRef{Engagement: string(e.ID), Control: v.Path("ref"), Item: name})
	if err != nil {
		return work{}, item, err
	}
	p, err := procedures.Get.Do(v.Context(), v.Desk, procedures.Ref{Engagement: string(e.ID), Control: v.Path("ref")})
	if err != nil {
		return work{}, item, err
	}
	x := work{View: e, Procedure: p, paths: at(e, p.Control), May: may(v), Zone: clock.Zone(e.Zone), Now: v.Clock.Now(), Item: item.Row.Item}
	x.Letter = x.letter(v.Query("a"), item.Row)
	return x, item, nil
}

// pane is the evidence of one cell.
func (x work) pane(item procedures.ItemView, letter string) site.PaneView {
	row, at := item.Row, slices.IndexFunc(x.Attributes, func(a procedures.Attribute) bool { return a.Letter == letter })
	v := site.PaneView{Item: row.Item, Href: x.cell(row.Item, letter), Note: x.note(row), Records: len(item.Records), Letter: letter,
		Attributes: x.attributes(row.Cells, letter), Empty: site.EmptyView{Title: "Nothing is recorded about this item.", Text: "Link a record of " + x.View.Client.Name + ", or wait for its answer."}}
	var cell procedures.Cell
	if at >= 0 && at < len(row.Cells) {
		v.Attribute, cell = x.Attributes[at].Text, row.Cells[at]
	}
	v.Tick = ticks[cell.Mark]
	v.Said, v.Tone = x.judgement(item, cell, letter)
	v.Events, v.Clock = x.events(item, cell, letter)
	v.Record = record(item, letter, cell, x.Population)
	if r := pick(item.Records); r != nil {
		v.Facts = x.origin(*r)
	}
	for _, m := range item.History {
		if m.Attribute == letter {
			v.Previous = append(v.Previous, site.Fact{Text: x.said(m)})
		}
	}
	if len(v.Previous) < 2 {
		v.Previous = nil // one mark is the one that is shown
	}
	if v.NoMarks = x.locked(); v.NoMarks == "" {
		v.Mark = &site.MarkForm{Action: x.work("/marks"), Item: row.Item, Letter: letter, Mark: v.Tick, Reason: cell.Reason, Back: x.cell(row.Item, letter),
			Missing: !slices.ContainsFunc(item.Records, func(r procedures.Linked) bool { return !r.Auto })}
	}
	return v
}

func (x work) note(r procedures.Row) string {
	if x.Basis == procedures.ByInspection {
		return r.Label
	}
	s := fmt.Sprintf("rank %d", r.Rank)
	if r.Stratum != "" {
		s += " of " + r.Stratum
	}
	if r.Extension {
		s += ", by extension"
	}
	if r.Label != "" && r.Label != r.Item {
		s += ", " + r.Label
	}
	return s
}

// said is one line of a cell's history.
func (x work) said(m procedures.Mark) string {
	s := readable(m.Mark)
	if m.Mark == procedures.Untested {
		s = "taken back"
	}
	if m.Confirmed {
		s += ", as proposed"
	}
	s += " by " + m.By + ", " + m.At.In(x.Zone).Format("2 Jan 15:04")
	if m.Reason != "" {
		s += ": " + m.Reason
	}
	return s + fmt.Sprintf(" (entry %s)", site.Count(m.Entry))
}

// judgement is what can be said of the cell: findings about its evidence, and
// what its expression proposes.
func (x work) judgement(item procedures.ItemView, cell procedures.Cell, letter string) (templ.Component, site.Status) {
	var lines []judged
	tone := site.StatusPass
	untested := cell.Mark == procedures.Untested || cell.Mark == ""
	for _, f := range item.Findings {
		if f.Attribute == letter || f.Attribute == "" {
			lines = append(lines, judged{Text: stop(f.Text), Code: f.Code})
			tone = site.StatusUnknown
		}
	}
	switch {
	case item.Row.Missed:
		lines, tone = append(lines, judged{Text: "This occurrence was due and did not happen."}), site.StatusFail
	case !untested: // a person has decided
	case cell.Proposed == procedures.Agrees:
		lines = append(lines, judged{Text: "The expression holds for this record. Proposed: agrees."})
	case cell.Proposed == procedures.Deviates:
		lines, tone = append(lines, judged{Text: "The expression does not hold for this record. Proposed: deviation."}), site.StatusUnknown
	case cell.Proposed != "":
		lines, tone = append(lines, judged{Text: stop("The expression cannot be judged: " + cell.Why)}), site.StatusUnknown
	}
	if len(lines) == 0 {
		return nil, ""
	}
	if cell.Mark == procedures.Deviates {
		tone = site.StatusFail
	}
	return judgedText(lines), tone
}

type judged struct{ Text, Code string }

// happening is a line of the pane with the time it is sorted by.
type happening struct {
	at   time.Time
	view site.EventView
	own  bool // bears on the current attribute
}

// events are the facts of the item's record and the records about it, in the
// order in which the sources recorded them.
func (x work) events(item procedures.ItemView, cell procedures.Cell, letter string) ([]site.EventView, string) {
	var list []happening
	paired := map[string]bool{}
	byField := map[string]procedures.Fact{}
	for _, f := range item.Facts {
		byField[f.Field] = f
	}
	for _, f := range item.Facts {
		if f.At.IsZero() {
			continue
		}
		base := stem(f.Field)
		h := happening{at: f.At, own: slices.Contains(f.Attributes, letter), view: site.EventView{Lead: site.Capital(readable(base))}}
		attributes := f.Attributes
		if who, ok := byField[base+"_by"]; ok && base != f.Field {
			h.view.Text = "by " + who.Value
			paired[who.Field] = true
			attributes = append(slices.Clone(attributes), who.Attributes...)
			h.own = h.own || slices.Contains(who.Attributes, letter)
		}
		slices.Sort(attributes)
		h.view.Letters = strings.Join(slices.Compact(attributes), "")
		paired[f.Field] = true
		list = append(list, h)
	}
	for _, r := range item.Records {
		if r.Auto {
			continue // the list itself, whose record is shown below
		}
		list = append(list, happening{at: r.Captured, view: site.EventView{Lead: r.Title, Text: origin(r), Href: x.base + "/records/" + string(r.Evidence) + "?item=" + item.Row.Item + "&control=" + x.Control}})
	}
	slices.SortStableFunc(list, func(a, b happening) int { return a.at.Compare(b.at) })
	out, clock := x.clocked(list)
	decisive(out, list, cell)
	for _, f := range item.Facts {
		if !paired[f.Field] && (f.Role != "" || slices.Contains(f.Attributes, letter)) {
			out = append(out, site.EventView{Letters: strings.Join(f.Attributes, ""), Lead: site.Capital(readable(f.Field)), Text: f.Value})
		}
	}
	return out, clock
}

// stem is the act in the name of a field of time: approved of approved_at.
func stem(field string) string {
	for _, end := range []string{"_at", "_on", "_time", "_date"} {
		if base, ok := strings.CutSuffix(field, end); ok && base != "" {
			return base
		}
	}
	return field
}

// clocked writes the times: clocks alone if all is of one day, which the head
// then names.
func (x work) clocked(list []happening) ([]site.EventView, string) {
	if len(list) == 0 {
		return nil, ""
	}
	day := func(t time.Time) string { return t.In(x.Zone).Format("2 Jan 2006") }
	one := day(list[0].at) == day(list[len(list)-1].at)
	zone, form := list[0].at.In(x.Zone).Format("MST"), "2 Jan 15:04:05"
	if list[0].at.In(x.Zone).Year() != list[len(list)-1].at.In(x.Zone).Year() {
		form = "2 Jan 2006 15:04"
	}
	var out []site.EventView
	for _, h := range list {
		e := h.view
		e.At = h.at.In(x.Zone).Format("15:04:05")
		if !one {
			e.At = h.at.In(x.Zone).Format(form)
		}
		out = append(out, e)
	}
	if one {
		return out, day(list[0].at) + " " + zone + ", in the order the sources recorded it"
	}
	return out, zone + ", in the order the sources recorded it"
}

// decisive draws the mark of the cell at the last event that bears on it.
func decisive(out []site.EventView, list []happening, cell procedures.Cell) {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].own {
			bad := cell.Mark == procedures.Deviates || cell.Mark == procedures.Untested && cell.Proposed == procedures.Deviates
			out[i].Decisive = bad
			if t := ticks[cell.Mark]; t != site.TickNone {
				out[i].Tick = t
			}
			return
		}
	}
}

func origin(r procedures.Linked) string {
	by := or(r.Origin, r.Collector)
	if by == "" {
		return "given by " + r.By
	}
	return "from " + by
}

// record is the sealed record of the item, its decisive field marked.
func record(item procedures.ItemView, letter string, cell procedures.Cell, list string) site.RawView {
	if item.Record == "" {
		return site.RawView{}
	}
	var b bytes.Buffer
	text := item.Record
	if err := json.Indent(&b, []byte(item.Record), "", "  "); err == nil {
		text = b.String()
	}
	v := site.RawView{Title: "Record", Note: "as it is sealed in " + or(list, "the list"), Text: text}
	var last procedures.Fact
	for _, f := range item.Facts {
		if slices.Contains(f.Attributes, letter) && !f.At.Before(last.At) {
			last = f
		}
	}
	if last.Field != "" && (cell.Mark == procedures.Deviates || cell.Proposed == procedures.Deviates) {
		v.Mark = marked(text, last.Field)
	}
	return v
}

// marked finds the value of a field in an indented record.
func marked(text, field string) string {
	_, rest, found := strings.Cut(text, fmt.Sprintf("%q: ", field))
	if !found {
		return ""
	}
	value, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSuffix(value, ",")
}

// pick is the record whose origin the pane shows: the best that is not the list.
func pick(list []procedures.Linked) *procedures.Linked {
	var best *procedures.Linked
	for i := range list {
		r := &list[i]
		if best == nil || best.Auto && !r.Auto || best.Auto == r.Auto && r.Level < best.Level {
			best = r
		}
	}
	return best
}

// level is the grade of a record: its number and what it stands for.
func level(n int64) string {
	s := fmt.Sprint(n)
	if n > 0 && int(n) < len(evidence.Levels) {
		s += ", " + evidence.Levels[n]
	}
	return s
}

// origin says where a record comes from and where it is sealed.
func (x work) origin(r procedures.Linked) []site.FactRow {
	return []site.FactRow{
		{Key: "Collected", Node: collected(r, x.Zone)},
		{Key: "Sealed", Status: site.StatusPass, Node: sealed(x.View.Client.Name, r.Sealing)},
		{Key: "Digest", Node: site.Digest(site.DigestView{Label: "sha256", Value: r.SHA256, Short: true})},
		{Key: "Level", Value: level(r.Level)},
	}
}

// ownPane is the pane as a page: with the choice of marks in sight, the history
// and every record.
func (x work) ownPane(v site.PaneView, item procedures.ItemView) site.PaneView {
	v.OwnPage = true
	v.More = recordList(x, item)
	if v.Mark != nil {
		v.Mark.Back = x.nextCell(item, v.Letter)
	}
	for _, m := range item.History {
		if m.Attribute == v.Letter && len(v.Previous) == 0 {
			v.Previous = []site.Fact{{Text: x.said(m)}}
		}
	}
	return v
}

// nextCell is where a person without a script goes on: the next attribute of
// the item, or the next item.
func (x work) nextCell(item procedures.ItemView, letter string) string {
	for i, a := range x.Attributes {
		if a.Letter == letter && i+1 < len(x.Attributes) {
			return x.cell(item.Row.Item, x.Attributes[i+1].Letter)
		}
	}
	if item.Next != "" && len(x.Attributes) > 0 {
		return x.cell(item.Next, x.Attributes[0].Letter)
	}
	return x.cell(item.Row.Item, letter)
}
