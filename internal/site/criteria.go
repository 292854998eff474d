package site

import "strings"

// Segment is one of the three parts of a criterion cell.
type Segment string

// The parts are full, empty, failing or unknown.
const (
	SegmentEmpty   Segment = ""
	SegmentFull    Segment = "full"
	SegmentFail    Segment = "fail"
	SegmentUnknown Segment = "unknown"
)

// CellState is how a criterion stands as a whole.
type CellState string

// The states of a criterion cell. Touched and untouched are for the first
// results, before any control is adopted.
const (
	CellReady       CellState = "ready"
	CellNotMet      CellState = "not-met"
	CellUnknown     CellState = "unknown"
	CellNotStarted  CellState = "not-started"
	CellNotSelected CellState = "not-selected"
	CellTouched     CellState = "touched"
	CellUntouched   CellState = "untouched"
)

// CriterionView is one cell of the criteria map; always a link.
type CriterionView struct {
	ID, Href    string
	Cause       string // "evidence fails": read out and shown on hover
	State       CellState
	Designed    Segment
	Implemented Segment
	Evidenced   Segment
}

// CriteriaMapView draws all 61 criteria: selected ones in rows by series, the
// others dashed in one row, so that what is out of scope is seen too.
type CriteriaMapView struct {
	Rows        []SeriesRow
	NotSelected []CriterionView
	NotText     string // "Not selected · PI1 5, P 18"
	NotHref     string // list of the criteria that are not selected
	Short       bool   // ".1" in small cells, the count at the end: first results
}

// SeriesRow is one series of criteria.
type SeriesRow struct {
	ID, Name string
	Done, Of int
	Rule     bool // a hairline above: another category begins
	Cells    []CriterionView
}

// CategoryRow is one line of the table under the map.
type CategoryRow struct {
	Name                                           string
	InScope, Designed, Implemented                 int
	Evidenced, Ready, NotReady, Unknown            int
	ReadyHref, NotReadyHref, UnknownHref, NameHref string
}

func (c CriterionView) name() string {
	s := c.ID + ", "
	switch c.State {
	case CellReady:
		return s + "ready"
	case CellNotMet:
		return s + "not met: " + or(c.Cause, "see the criterion")
	case CellUnknown:
		return s + "unknown: " + or(c.Cause, "see the criterion")
	case CellNotStarted:
		return s + "not started: " + or(c.Cause, "see the criterion")
	case CellNotSelected:
		return s + "not selected"
	case CellTouched:
		return s + or(c.Cause, "a machine has seen something that bears on it")
	default:
		return s + or(c.Cause, "needs people, policies or another source")
	}
}

func (c CriterionView) segments() []Segment {
	return []Segment{c.Designed, c.Implemented, c.Evidenced}
}

func (c CriterionView) status() Status {
	switch c.State {
	case CellNotMet:
		return StatusFail
	case CellUnknown:
		return StatusUnknown
	case CellNotStarted:
		return StatusNotStarted
	}
	return ""
}

// short is the part of the id that the row's head does not say.
func (c CriterionView) short() string {
	for i, r := range c.ID {
		if r == '.' {
			return c.ID[i:]
		}
	}
	return c.ID
}

func (s Segment) class() string { return "tm-seg-" + or(string(s), "empty") }

// categoryTable turns the rows into a table whose last line is their sum, so
// that a figure above can never disagree with the total below.
func categoryTable(rows []CategoryRow) TableView {
	t := TableView{
		Caption: "Criteria by category",
		Columns: []Column{
			{Head: "Category", Wide: true, Phone: PlaceFirst}, {Head: "In scope", Num: true}, {Head: "Designed", Num: true},
			{Head: "Implemented", Num: true}, {Head: "Evidenced", Num: true}, {Head: "Ready", Num: true},
			{Head: "Not ready", Num: true}, {Head: "Unknown", Num: true},
		},
	}
	sum := CategoryRow{Name: "Total"}
	for _, r := range rows {
		t.Rows = append(t.Rows, Row{Href: r.NameHref, Cells: r.cells()})
		sum.InScope += r.InScope
		sum.Designed += r.Designed
		sum.Implemented += r.Implemented
		sum.Evidenced += r.Evidenced
		sum.Ready += r.Ready
		sum.NotReady += r.NotReady
		sum.Unknown += r.Unknown
	}
	t.Total = sum.cells()
	for i := range t.Total {
		t.Total[i].Tone, t.Total[i].Strong = "", true
	}
	return t
}

func (r CategoryRow) cells() []Cell {
	n := func(i int, href string) Cell { return Number(int64(i), href) }
	return []Cell{
		{Text: r.Name}, n(r.InScope, ""), n(r.Designed, ""), n(r.Implemented, ""), n(r.Evidenced, ""),
		n(r.Ready, r.ReadyHref), Tally(int64(r.NotReady), StatusFail, r.NotReadyHref),
		Tally(int64(r.Unknown), StatusUnknown, r.UnknownHref),
	}
}

// categoryOf is the letters an id begins with: P of P3.1.
func categoryOf(id string) string {
	return strings.TrimRight(id[:len(id)-len(CriterionView{ID: id}.short())], "0123456789")
}

// outside groups what is not selected by category. A group is one link, since
// cells this small could not be hit one by one.
func (m CriteriaMapView) outside() [][]CriterionView {
	var out [][]CriterionView
	for i, c := range m.NotSelected {
		if i == 0 || categoryOf(c.ID) != categoryOf(m.NotSelected[i-1].ID) {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], c)
	}
	return out
}

func (m CriteriaMapView) outsideHref(group []CriterionView) string {
	return or(m.NotHref, group[0].Href)
}
