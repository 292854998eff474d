package site

import (
	"fmt"
	"strconv"
	"time"
)

// ReadinessView is how many criteria were ready at the end of each month.
type ReadinessView struct {
	Title  string
	Scope  int // criteria in scope: the top of the scale
	Months []ReadyMonth
}

// ReadyMonth is the end of one month.
type ReadyMonth struct {
	Label          string // "D"
	Name           string // "December 2025", for the table
	Ready, Unknown int
}

const (
	readyTop    = 8
	readyBottom = 100
	readyHeight = 120
)

// y places a number of criteria on the scale.
func (v ReadinessView) y(n int) int {
	if v.Scope == 0 {
		return readyBottom
	}
	return readyBottom - (readyBottom-readyTop)*n/v.Scope
}

type readyBox struct {
	x, x2, width, middle string
	y, yUnknown, yNext   int
	label                string
	last                 bool
}

// boxes are the months from left to right.
func (v ReadinessView) boxes() []readyBox {
	n := int64(len(v.Months))
	var out []readyBox
	for i, m := range v.Months {
		b := readyBox{
			x: percent(int64(i), n), x2: percent(int64(i+1), n), width: percent(1, n), middle: percent(int64(2*i+1), 2*n),
			y: v.y(m.Ready), yUnknown: v.y(m.Ready + m.Unknown), label: m.Label, last: i == len(v.Months)-1,
		}
		b.yNext = b.y
		if !b.last {
			b.yNext = v.y(v.Months[i+1].Ready)
		}
		out = append(out, b)
	}
	return out
}

func (v ReadinessView) last() ReadyMonth {
	if len(v.Months) == 0 {
		return ReadyMonth{}
	}
	return v.Months[len(v.Months)-1]
}

// labels keeps the two labels at the right end apart.
func (v ReadinessView) labels() (ready, unknown int) {
	m := v.last()
	ready, unknown = v.y(m.Ready)+10, v.y(m.Ready+m.Unknown)
	if unknown > ready-17 {
		unknown = ready - 17
	}
	return max(ready, 30), max(unknown, 12)
}

func (v ReadinessView) readyLabelY() string   { y, _ := v.labels(); return strconv.Itoa(y) }
func (v ReadinessView) unknownLabelY() string { _, y := v.labels(); return strconv.Itoa(y) }

func (v ReadinessView) said() string {
	m := v.last()
	return fmt.Sprintf("%d of %d criteria ready and %d unknown at the end; %d months shown.", m.Ready, v.Scope, m.Unknown, len(v.Months))
}

// ReadinessTable is the same as a table.
func ReadinessTable(v ReadinessView) TableView {
	t := TableView{Caption: v.Title, Columns: []Column{
		{Head: "Month", Wide: true, Phone: PlaceFirst}, {Head: "Ready", Num: true}, {Head: "Unknown", Num: true}, {Head: "Not ready", Num: true},
	}}
	for _, m := range v.Months {
		t.Rows = append(t.Rows, Row{Cells: []Cell{
			Words(or(m.Name, m.Label)), Number(int64(m.Ready), ""), Tally(int64(m.Unknown), StatusUnknown, ""),
			Number(int64(v.Scope-m.Ready-m.Unknown), ""),
		}})
	}
	return t
}

// PeriodView is where a period stands: what was recorded each week, when key
// controls failed, what happened and is due.
type PeriodView struct {
	Title    string
	From, To time.Time // half open
	Now      time.Time
	Since    time.Time // when anybody first looked; before it the line is an outline
	Weeks    []PeriodWeek
	Failures []Interval
	Events   []PeriodEvent
	Note     string
}

// PeriodWeek is the number of records of one week.
type PeriodWeek struct {
	Start time.Time
	Count int64
	Href  string
}

// PeriodEvent is a dated event of the period.
type PeriodEvent struct {
	At     time.Time
	Status Status
	Text   string
	Href   string
}

// x is a time's place on the line in percent.
func (v PeriodView) x(t time.Time) string {
	t = earlier(later(t, v.From), v.To)
	return percent(minutes(t.Sub(v.From)), minutes(v.To.Sub(v.From)))
}

func (v PeriodView) span(from, to time.Time) string {
	from, to = later(from, v.From), earlier(to, v.To)
	if !to.After(from) {
		return "0%"
	}
	return percent(minutes(to.Sub(from)), minutes(v.To.Sub(v.From)))
}

// failWidth keeps a failure visible that is too short for the scale.
func (v PeriodView) failWidth(x Interval) string {
	whole := v.To.Sub(v.From)
	if x.To.Sub(x.From) < whole/250 {
		return percent(1, 250)
	}
	return v.span(x.From, x.To)
}

func (v PeriodView) months() []time.Time {
	var out []time.Time
	for m := monthStart(v.From); m.Before(v.To); m = m.AddDate(0, 1, 0) {
		out = append(out, later(m, v.From))
	}
	return out
}

type periodBar struct {
	x, width  string
	y, height string
	href      string
	said      string
}

const periodBase, periodTall = 54, 26

func (v PeriodView) bars() []periodBar {
	var most int64 = 1
	for _, w := range v.Weeks {
		most = max(most, w.Count)
	}
	var out []periodBar
	for _, w := range v.Weeks {
		h := int(w.Count * periodTall / most)
		out = append(out, periodBar{
			x: v.x(w.Start), width: v.span(w.Start, earlier(w.Start.AddDate(0, 0, 7), v.Now)),
			y: strconv.Itoa(periodBase - h), height: strconv.Itoa(h), href: w.Href,
			said: "Week of " + Date(w.Start) + ": " + Plural(w.Count, "record", "records"),
		})
	}
	return out
}

type periodLabel struct {
	event PeriodEvent
	x     string
	shift string // pixels, so that the last labels stay inside
	lane  int
}

// periodNominal is the width at which labels are laid out; narrower cards show
// the events as a list instead.
const periodNominal = 1100

// labels puts events into lanes so that no label covers another.
func (v PeriodView) labels() []periodLabel {
	var out []periodLabel
	whole := int64(v.To.Sub(v.From) / time.Minute)
	free := []int64{-1, -1}
	for _, e := range v.Events {
		at := minutes(earlier(later(e.At, v.From), v.To).Sub(v.From)) * periodNominal / max(whole, 1)
		width := int64(len([]rune(e.Text)))*32/5 + 18
		shift := min(0, periodNominal-8-at-width)
		if now := minutes(v.Now.Sub(v.From)) * periodNominal / max(whole, 1); v.running() && at <= now && at+shift+width > now {
			shift = max(now-8-width, 0) - at // the line of now would strike it through
		}
		lane := 0
		if at+shift < free[0] && free[1] < free[0] {
			lane = 1
		}
		free[lane] = at + shift + width + 8
		out = append(out, periodLabel{event: e, x: v.x(e.At), shift: strconv.FormatInt(shift, 10), lane: lane})
	}
	return out
}

func (v PeriodView) lanes() int {
	for _, l := range v.labels() {
		if l.lane == 1 {
			return 2
		}
	}
	return 1
}

func (v PeriodView) height() int { return 94 + 18*v.lanes() }

func (l periodLabel) y() string { return strconv.Itoa(84 + 18*l.lane) }

func (l periodLabel) glyphY() string { return strconv.Itoa(73 + 18*l.lane) }

func (l periodLabel) class() string {
	switch l.event.Status {
	case StatusFail:
		return "tm-t-label tm-t-fail"
	case StatusNotStarted:
		return "tm-t-label tm-t-note"
	}
	return "tm-t-label"
}

// day is the label of now: "Today, day 322 of 365".
func (v PeriodView) day() string {
	days := func(d time.Duration) int64 { return int64((d + 12*time.Hour) / (24 * time.Hour)) }
	begun := int64(v.Now.Sub(v.From)/(24*time.Hour)) + 1
	return "Today, day " + Count(begun) + " of " + Count(days(v.To.Sub(v.From)))
}

// looked is where the line begins to say something.
func (v PeriodView) looked() time.Time { return earlier(later(v.Since, v.From), v.Now) }

func (v PeriodView) running() bool { return !v.Now.Before(v.From) && v.Now.Before(v.To) }

// nowAnchor keeps the label of now inside the chart.
func (v PeriodView) nowAnchor() string {
	gone := v.Now.Sub(v.From)
	whole := v.To.Sub(v.From)
	switch {
	case gone < whole/12:
		return "start"
	case gone > whole*11/12:
		return "end"
	}
	return "middle"
}

// nowClass says on which side of now a narrow chart has room for its label.
func (v PeriodView) nowClass() string {
	if v.Now.Sub(v.From) > v.To.Sub(v.From)/2 {
		return "tm-now-late"
	}
	return "tm-now-early"
}

func (v PeriodView) said() string {
	return v.day() + "; " + Plural(int64(len(v.Failures)), "failure", "failures") + " of key controls and " +
		Plural(int64(len(v.Events)), "event", "events") + " on the line."
}
