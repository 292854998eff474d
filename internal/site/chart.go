package site

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Charts place things across in percent of the width and down in pixels, so
// that they fill any card while text and patterns keep their size.

// Interval is a stretch of time with one status, half open: To is not part of it.
type Interval struct {
	Status   Status
	From, To time.Time
	Label    string // drawn beside it when it is not a pass: "10 h"
	Href     string
	Cause    string // for the table
	Evidence []Link // for the table
	Blank    bool   // nobody had looked yet: outlined, and counted as unknown
}

// CoverageView is a coverage calendar. Build one with NewCoverage.
type CoverageView struct {
	Title  string
	Months []coverageMonth
	Total  coverageSum
	Note   string // left of the totals
}

// mostDrawn is how many intervals a month draws each for itself. Where there
// are more, its days are drawn, so that a page of any year stays small.
const mostDrawn = 40

type coverageMonth struct {
	byDay       bool
	label, name string
	days        int
	done        int64 // minutes of the month that are over
	spans       []coverageSpan
	sum         coverageSum
	future      bool
}

type coverageSpan struct {
	status      Status
	from, to    int64 // minutes from the start of the month
	label, href string
	open        bool // lasts until now
	blank       bool // before the first record
}

// coverageSum is minutes by status.
type coverageSum struct{ pass, fail, unknown, excepted int64 }

func (s *coverageSum) add(status Status, minutes int64) {
	switch status {
	case StatusPass:
		s.pass += minutes
	case StatusFail:
		s.fail += minutes
	case StatusUnknown:
		s.unknown += minutes
	case StatusExcepted:
		s.excepted += minutes
	}
}

// hours writes minutes as the calendar's figures: 744, 10:15, or a dash for none.
func hours(minutes int64) string {
	if minutes == 0 {
		return "–"
	}
	h := Count(minutes / 60)
	if m := minutes % 60; m != 0 {
		return h + ":" + pad(m, 2)
	}
	return h
}

// uptime is pass of pass and fail. Unknown hours weaken coverage, excepted ones
// are waived; neither may improve or worsen uptime.
func (s coverageSum) uptime() string {
	p := Percent4(s.pass, s.pass+s.fail)
	if n := len(p) - len(" %"); n > 0 && p[n:] == " %" {
		return p[:n]
	}
	return p
}

// NewCoverage cuts intervals into the months from from to to and adds up their
// hours up to now. Boundaries are cut to whole minutes first, so that the
// months add up to the total exactly. What no interval covers before now is
// unknown: it was not looked at.
func NewCoverage(title string, from, to, now time.Time, list []Interval) CoverageView {
	return NewCoverageLinked(title, from, to, now, list, nil)
}

// NewCoverageLinked is NewCoverage where each stretch that is no pass leads to
// what happened in it. The hours are added up before anything is joined for
// drawing, so that they are exact in any case.
func NewCoverageLinked(title string, from, to, now time.Time, list []Interval, link func(from, to time.Time) string) CoverageView {
	v := CoverageView{Title: title}
	if link != nil {
		list = slices.Clone(list)
		for i := range list {
			if list[i].Href == "" && !list[i].Blank {
				list[i].Href = link(list[i].From, list[i].To)
			}
		}
	}
	if now.After(to) {
		now = to
	}
	for m := monthStart(from); m.Before(to); m = m.AddDate(0, 1, 0) {
		month := newMonth(m, from, to, now, list)
		v.Total.pass += month.sum.pass
		v.Total.fail += month.sum.fail
		v.Total.unknown += month.sum.unknown
		v.Total.excepted += month.sum.excepted
		if len(month.spans) > mostDrawn {
			month.join(m, link)
			v.Note = "Months with many changes are drawn by the day, the worst of it first. The hours are exact."
		}
		v.Months = append(v.Months, month)
	}
	if v.Total.excepted > 0 {
		v.Note = strings.TrimSpace(v.Note + " Excepted hours (" + hours(v.Total.excepted) + ") count in coverage, never in uptime.")
	}
	return v
}

func newMonth(start, from, to, now time.Time, list []Interval) coverageMonth {
	end := start.AddDate(0, 1, 0)
	m := coverageMonth{
		label: start.Format("Jan"), name: start.Format("January 2006"),
		days: int(end.Sub(start).Hours()+12) / 24, future: !now.After(start),
	}
	first, last := later(start, from), earlier(end, earlier(to, now))
	if !last.After(first) {
		return m
	}
	m.done = minutes(last.Sub(start))
	at := minutes(first.Sub(start))
	put := func(status Status, from, to int64, label, href string, blank bool) {
		if to > from {
			open := to == m.done && last.Before(end)
			m.spans = append(m.spans, coverageSpan{status, from, to, label, href, open, blank})
			m.sum.add(status, to-from)
		}
	}
	for _, x := range list {
		a := max(at, minutes(later(x.From, first).Sub(start)))
		b := minutes(earlier(x.To, last).Sub(start))
		if b <= a {
			continue
		}
		put(StatusUnknown, at, a, "", "", false)
		put(x.Status, a, b, x.Label, x.Href, x.Blank)
		at = b
	}
	put(StatusUnknown, at, m.done, "", "", false)
	return m
}

// severest orders statuses by what a day that had several is drawn as.
var severest = []Status{StatusFail, StatusUnknown, StatusExcepted, StatusPass}

// join draws a month by its days, each as the worst it had.
func (m *coverageMonth) join(start time.Time, link func(from, to time.Time) string) {
	const day = 24 * 60
	var out []coverageSpan
	for at := m.spans[0].from / day * day; at < m.done; at += day {
		from, to := max(at, m.spans[0].from), min(at+day, m.done)
		worst := len(severest)
		for _, s := range m.spans {
			if s.from < to && from < s.to {
				if i := slices.Index(severest, s.status); i >= 0 {
					worst = min(worst, i)
				}
			}
		}
		if worst == len(severest) {
			continue
		}
		if n := len(out); n > 0 && out[n-1].status == severest[worst] && out[n-1].to == from {
			out[n-1].to = to
			continue
		}
		out = append(out, coverageSpan{status: severest[worst], from: from, to: to})
	}
	for i := range out {
		if link != nil {
			out[i].href = link(start.Add(time.Duration(out[i].from)*time.Minute), start.Add(time.Duration(out[i].to)*time.Minute))
		}
	}
	m.spans, m.byDay = out, true
}

func monthStart(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, t.Location())
}

func minutes(d time.Duration) int64 { return int64(d / time.Minute) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// share is a position in percent of 31 days, which every month row is wide.
func share(minutes int64) string { return percent(minutes, 31*24*60) }

func percent(part, whole int64) string {
	if whole == 0 {
		return "0%"
	}
	return strconv.FormatFloat(float64(part)*100/float64(whole), 'f', 3, 64) + "%"
}

func (s coverageSpan) x() string     { return share(s.from) }
func (s coverageSpan) width() string { return share(s.to - s.from) }

// late says that the label stands left of the span: right of it there is no
// room, or only time that has not come yet. A day is about two letters wide.
func (s coverageSpan) late() bool {
	return s.open || s.to/(24*60)+int64(len([]rune(s.label)))/2+1 > 31
}

// days are the lines between the days of a month.
func (m coverageMonth) lines() string {
	path := ""
	for d := 1; d < m.days; d++ {
		path += "M" + strconv.Itoa(d) + " 4V20"
	}
	return path
}

func (m coverageMonth) width() string { return share(int64(m.days) * 24 * 60) }
func (m coverageMonth) doneX() string { return share(m.done) }
func (m coverageMonth) rest() string  { return share(int64(m.days)*24*60 - m.done) }

// said describes a month to those who cannot see it.
func (m coverageMonth) said() string {
	if m.future {
		return m.name + ": not yet"
	}
	s := m.name
	if m.byDay {
		return s + ": " + hours(m.sum.fail) + " h fail, " + hours(m.sum.unknown) + " h unknown, drawn by the day"
	}
	for _, x := range m.spans {
		if x.blank {
			s += "; nobody looked until " + m.at(x.to)
		} else if x.status != StatusPass {
			s += "; " + x.status.Word() + " from " + m.at(x.from) + " to " + m.at(x.to)
		}
	}
	if s == m.name {
		return s + ": pass throughout"
	}
	return s
}

// role is a picture, or a group where something in it can be opened.
func (m coverageMonth) role() string {
	for _, s := range m.spans {
		if s.href != "" && s.status != StatusPass {
			return "group"
		}
	}
	return "img"
}

func (m coverageMonth) at(minute int64) string {
	return fmt.Sprintf("day %d %02d:%02d", minute/1440+1, minute/60%24, minute%60)
}

// figures are the four numbers of a month; nothing is said of the future.
func (m coverageMonth) figures() [4]string {
	if m.future {
		return [4]string{"·", "·", "·", "·"}
	}
	return m.sum.figures()
}

func (s coverageSum) figures() [4]string {
	return [4]string{hours(s.pass), hours(s.fail), hours(s.unknown), s.uptime()}
}

// IntervalTable is the coverage calendar as a table.
func IntervalTable(list []Interval) TableView {
	t := TableView{
		Caption: "Intervals",
		Columns: []Column{
			{Head: "From", Phone: PlaceFirst}, {Head: "To", Phone: PlaceFirst}, {Head: "Status", Phone: PlaceEnd},
			{Head: "Hours", Num: true}, {Head: "Cause", Wide: true},
		},
		Empty: EmptyView{Title: "No intervals yet.", Text: "The first run writes one."},
	}
	for _, x := range list {
		t.Rows = append(t.Rows, Row{Href: x.Href, Cells: []Cell{
			Words(DateTime(x.From)), Words(DateTime(x.To)), Mark(x.Status, ""),
			Words(hours(minutes(x.To.Sub(x.From)))), Words(x.Cause),
		}})
	}
	return t
}

// fail reports whether there is anything to colour.
func toneOf(minutes int64, tone Status) string {
	if minutes == 0 {
		return ""
	}
	return "tm-c-" + tone.glyph()
}

// parts are the meter's stretches in percent, left to right, in the order pass,
// fail, unknown; empty ones are left out.
func (m MeterView) parts() []meterPart {
	total := m.Pass + m.Fail + m.Unknown
	var out []meterPart
	at := int64(0)
	for _, p := range []meterPart{
		{status: StatusPass, n: m.Pass, href: m.PassHref, word: "pass"},
		{status: StatusFail, n: m.Fail, href: m.FailHref, word: "fail"},
		{status: StatusUnknown, n: m.Unknown, href: m.UnknownHref, word: "unknown"},
	} {
		p.x, p.width = percent(at, total), percent(p.n, total)
		at += p.n
		out = append(out, p)
	}
	return out
}

type meterPart struct {
	status   Status
	n        int64
	href     string
	word     string
	x, width string
}

func (m MeterView) said() string {
	return fmt.Sprintf("%s pass, %s fail, %s unknown", Count(m.Pass), Count(m.Fail), Count(m.Unknown))
}

var coverageHeads = [4]string{"pass h", "fail h", "unkn. h", "uptime %"}

// tone colours the figures of fail and unknown hours that are not nothing.
func (s coverageSum) tone(column int) string {
	switch column {
	case 1:
		return toneOf(s.fail, StatusFail)
	case 2:
		return toneOf(s.unknown, StatusUnknown)
	}
	return ""
}

// said names a stretch for those who reach it by keyboard.
func (s coverageSpan) said() string {
	length := Duration(time.Duration(s.to-s.from) * time.Minute)
	return s.status.Word() + ", " + or(s.label, length)
}
