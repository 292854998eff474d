package site

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"
)

// GridView is the testing grid: items down, attributes across. Every cell is a
// link to the same cell on a page of its own, so that the grid needs no script;
// with one it is walked with the arrows and marked with single keys.
type GridView struct {
	Label string // what the items are: "Sample of CHG-01"
	Noun  string // head of the items' words: "Change"
	When  string // head of their dates: "Deployed"
	// Attributes are what is asked of each item, in the order of the columns.
	Attributes []AttributeView
	Rows       []GridRow
	Total      int    // of all pages
	Item, At   string // the current cell: its item and its letter
	Part       bool   // rows for the script, which knows the current cell itself
	Locked     string // why no marks can be set here
	// Before and After lead to the neighbouring pages of rows.
	Before, After string
	Pane          string // address whose {item} is replaced: a cell's evidence
	Marks         string // where marks are posted to
	Find          string // address that finds the next item in a state
	Asks          string // where an item without evidence is asked for; empty when that is not done here
	Empty         EmptyView
}

// AttributeView is one attribute of a procedure.
type AttributeView struct {
	Letter  string
	Text    string
	Tick    Tick // in a list beside one item
	Current bool
	Note    string // "by expression, all 240"
}

// GridRow is one item.
type GridRow struct {
	Rank     int
	Item     string
	Href     string
	Text     string // in words
	When     string
	Evidence int
	Cells    []GridCell // one for each attribute
	By       string     // who marked it
	Deviates bool
	Asked    bool // evidence was asked for and has not come
	Stratum  string
}

// GridCell is what was found for one attribute of one item.
type GridCell struct {
	Tick     Tick
	Proposed Tick   // what confirming the proposal would set
	Mark     string // as operations name it; empty if nothing stands
	Reason   string // given with it
	Why      string // of a proposal that could not be made
}

// ranks says which part of all rows is shown: "ranks 1 to 200 of 5,000".
func (g GridView) ranks() string {
	if len(g.Rows) == 0 {
		return ""
	}
	return "Ranks " + Count(int64(g.Rows[0].Rank)) + " to " + Count(int64(g.Rows[len(g.Rows)-1].Rank)) + " of " + Count(int64(g.Total))
}

func (g GridView) columns() string {
	n := 5 + len(g.Attributes)
	if g.When != "" {
		n++
	}
	return strconv.Itoa(n)
}

// current reports whether a cell is the one that takes the focus: the chosen
// one, or the first of the page.
func (g GridView) current(r GridRow, letter string) bool {
	if g.Part {
		return false
	}
	item, at := g.Item, g.At
	if !g.shows(item) && len(g.Rows) > 0 {
		item = g.Rows[0].Item
	}
	if !g.asks(at) && len(g.Attributes) > 0 {
		at = g.Attributes[0].Letter
	}
	return r.Item == item && letter == at
}

func (g GridView) shows(item string) bool {
	for _, r := range g.Rows {
		if r.Item == item {
			return true
		}
	}
	return false
}

func (g GridView) asks(letter string) bool {
	for _, a := range g.Attributes {
		if a.Letter == letter {
			return true
		}
	}
	return false
}

func (g GridView) focus(r GridRow, letter string) string {
	if g.current(r, letter) {
		return "0"
	}
	return "-1"
}

func (r GridRow) id() string { return "row-" + strconv.Itoa(r.Rank) }

func (r GridRow) cellHref(letter string) string {
	join := "?"
	if strings.Contains(r.Href, "?") {
		join = "&"
	}
	return r.Href + join + "a=" + letter
}

// word is how a mark is said in a cell.
func (t Tick) word() string {
	for _, x := range ticks {
		if x.tick == t {
			return or(x.word, x.said)
		}
	}
	return "not tested"
}

func (c GridCell) shown() Tick {
	if c.Tick == "" || c.Tick == TickNone {
		switch c.Proposed {
		case "":
			return TickNone
		case TickDeviation:
			return TickProposedDeviation
		case TickUnknown:
			return TickUnknown
		}
		return TickProposed
	}
	return c.Tick
}

func (c GridCell) said() string {
	s := c.shown().word()
	if c.Reason != "" {
		s += ", with a note"
	}
	if c.Why != "" {
		s += ": " + c.Why
	}
	return s
}

// StripState is how far one rank, or several, have come.
type StripState string

// The states of a box.
const (
	StripOpen      StripState = "open"
	StripPart      StripState = "part" // some of several ranks are tested
	StripTested    StripState = "tested"
	StripDeviation StripState = "deviation"
	StripAsked     StripState = "asked"
)

// StripBox is a rank of the sample, or several where there are too many.
type StripBox struct {
	From, To int
	State    StripState
	Item     string
	Current  bool
}

// StripView is the test strip: how far, and where the deviations are.
type StripView struct {
	Boxes  []StripBox
	States string // a letter for each rank, for the script
	Unit   string // "Rank" when empty
	Said   string // the same in words
}

// maxBoxes keeps a box wide enough to be seen on a narrow screen.
const maxBoxes = 120

// NewStrip draws the states of ranks 1 to n; where they are many, neighbours
// share a box and the worst of them decides how it looks.
func NewStrip(states []StripState, items []string, current int) StripView {
	per := (len(states) + maxBoxes - 1) / maxBoxes
	v := StripView{Said: stripSaid(states)}
	for from := 0; from < len(states); from += per {
		to := min(from+per, len(states))
		b := StripBox{From: from + 1, To: to, State: joint(states[from:to]), Current: current > from && current <= to}
		if per == 1 && from < len(items) {
			b.Item = items[from]
		}
		v.Boxes = append(v.Boxes, b)
	}
	return v
}

func joint(list []StripState) StripState {
	n := map[StripState]int{}
	for _, s := range list {
		n[s]++
	}
	switch {
	case n[StripDeviation] > 0:
		return StripDeviation
	case n[StripTested] == len(list):
		return StripTested
	case n[StripAsked] > 0:
		return StripAsked
	case n[StripTested] > 0 || n[StripPart] > 0:
		return StripPart
	}
	return StripOpen
}

func (v StripView) unit() string { return or(v.Unit, "Rank") }

func stripSaid(states []StripState) string {
	n := map[StripState]int64{}
	for _, s := range states {
		n[s]++
	}
	s := Count(n[StripTested]+n[StripDeviation]) + " of " + Count(int64(len(states))) + " tested"
	if n[StripDeviation] > 0 {
		s += ", " + Plural(n[StripDeviation], "deviation", "deviations")
	}
	if n[StripAsked] > 0 {
		s += ", " + Count(n[StripAsked]) + " asked for"
	}
	return s
}

func (b StripBox) title(unit string) string {
	s := unit + " " + Count(int64(b.From))
	if b.To > b.From {
		s = unit + "s " + Count(int64(b.From)) + " to " + Count(int64(b.To))
	}
	if b.Item != "" {
		s += ", " + b.Item
	}
	return s
}

// EventView is one record beside a cell, in the order the sources recorded it.
type EventView struct {
	At       string // clock, or date and clock
	Letters  string // the attributes it speaks to
	Lead     string // "Approved"
	Text     string // "by J. Lindqvist"
	Href     string
	Tick     Tick
	Decisive bool
}

// PaneView is the evidence of one cell.
type PaneView struct {
	Item, Href string
	Note       string // "rank 5, Tariff table 2026-05"
	Records    int
	Letter     string
	Attribute  string // in words
	Tick       Tick
	Tone       Status          // of what is said below it
	Said       templ.Component // the judgement, in words
	Clock      string          // "14 May 2026 UTC, in the order the sources recorded it"
	Events     []EventView
	Record     RawView
	Facts      []FactRow
	Attributes []AttributeView
	Empty      EmptyView // no record yet
	More       templ.Component
	Mark       *MarkForm
	NoMarks    string // why no mark can be set
	OwnPage    bool   // the pane is the page and not the side of a grid
	Previous   []Fact // earlier marks of this cell
}

// MarkForm records one mark without a script, and the note with one.
type MarkForm struct {
	Action       string
	Item, Letter string
	Mark         Tick
	Reason       string
	Error        string
	Key          string
	Back         string // where the page without a script goes next
	Missing      bool   // nothing was shown for the item: a deviation may say so
}

// EvaluationView is what the numbers say so far.
type EvaluationView struct {
	Totals TotalView
	Note   string // "not meaningful at this size"
	Curve  *CurveView
}

// OptionView is one way the sample may go on, and what that would prove.
type OptionView struct {
	Status Status
	Lead   string // "93 items, 1 deviation:"
	Text   string // "4.9994 %. Supported. 33 more, ranks 61 to 93."
}

// ProposalView is a conclusion that arithmetic proposes, and the decision.
type ProposalView struct {
	Proposed, Why             string
	Decided, By, When, Reason string // empty until somebody decides
}

// WorkState is how far the work on a control has come.
type WorkState string

// The states of a work mark.
const (
	WorkNotStarted WorkState = "none"
	WorkTesting    WorkState = "testing"
	WorkReview     WorkState = "review"
	WorkConcluded  WorkState = "concluded"
)

var workStates = []WorkState{WorkConcluded, WorkReview, WorkTesting, WorkNotStarted}

// Word is how the state is said.
func (s WorkState) Word() string {
	switch s {
	case WorkTesting:
		return "Testing"
	case WorkReview:
		return "In review"
	case WorkConcluded:
		return "Concluded"
	}
	return "Not started"
}

func optionWord(s Status) string {
	switch s {
	case StatusPass:
		return "Supports"
	case StatusFail:
		return "Does not support"
	}
	return s.Word()
}

func (g GridView) first() int {
	if len(g.Rows) == 0 {
		return 0
	}
	return g.Rows[0].Rank
}

func (g GridView) last() int {
	if len(g.Rows) == 0 {
		return 0
	}
	return g.Rows[len(g.Rows)-1].Rank
}

type gridKey struct{ key, cap, text string }

// gridKeyList are the keys below the grid; the rest is behind the last of them.
var gridKeyList = []gridKey{
	{"1", "1", "agrees"}, {"2", "2", "deviation"}, {"3", "3", "n.a."}, {"4", "4", "reperf."},
	{"n", "N", "note"}, {"ArrowDown", "↓", "next"}, {"u", "U", "next untested"}, {"?", "?", "all keys"},
}

// GridKeys are the keys of a page with a TestingGrid, for its help.
func GridKeys() []Key {
	return []Key{
		{Keys: []string{"↑", "↓", "←", "→"}, Text: "Cell"},
		{Keys: []string{"1"}, Text: "Agrees"},
		{Keys: []string{"2"}, Text: "Deviation, with a reason"},
		{Keys: []string{"3"}, Text: "Not applicable, with a reason"},
		{Keys: []string{"4"}, Text: "Reperformed"},
		{Keys: []string{"Shift", "Enter"}, Text: "Confirm all proposals in the row"},
		{Keys: []string{"u"}, Text: "Next untested"},
		{Keys: []string{"d"}, Text: "Next deviation"},
		{Keys: []string{"e"}, Text: "Ask for evidence"},
		{Keys: []string{"n"}, Text: "Note of the cell"},
		{Keys: []string{"z"}, Text: "Take back your last mark: a new entry, not an erasure"},
		{Keys: []string{"j", "k"}, Text: "Later, earlier ranks"},
	}
}
