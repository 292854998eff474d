package site

import (
	"time"

	"github.com/a-h/templ"
)

// SentenceView is the opening of a page: one true sentence, and under it a line of facts.
type SentenceView struct {
	Text    string       // the page's h1; at most two short sentences
	Lead    Lead         // above it, on pages about one object
	Facts   []Fact       // under it
	Sources string       // address of "Where these figures come from"
	Actions []ButtonView // right of the lead or of the sentence; one of them primary
	Work    bool         // 23/30, for work screens
	second  bool         // an h2: only the gallery has several sentences
}

// Lead names the object a page is about.
type Lead struct {
	ID     string // mono
	Name   string
	Status Status
	Word   string // of the status: "Failing for 42 h"
}

// Fact is one part of the line under a sentence: a text, a link, a person, or
// any component.
type Fact struct {
	Text   string
	Href   string
	Person string // shown with a disc after Text: "Owner", "Mei-Lin Park"
	Node   templ.Component
	Term   string // the text is a word of the glossary, which it opens
}

// CardView is the frame of one subject of a page. Cards are never nested.
type CardView struct {
	ID    string
	Title string
	Term  string          // the title is a word of the glossary, which it opens
	Note  string          // beside the title, quiet
	Aside templ.Component // right end of the head: a link, a legend, a count
	Foot  templ.Component
	Plain bool   // no line under the title, for small cards
	Flush bool   // the body touches the edges: tables, lists, rows
	Tone  Status // StatusFail and StatusUnknown colour the edge; for "Failing now"
	Level int    // of the heading; 2 when zero
}

// ButtonKind is how a button looks.
type ButtonKind string

// A view has one primary button. Destructive acts look plain until their dialog.
const (
	ButtonPlain   ButtonKind = ""
	ButtonPrimary ButtonKind = "primary"
	ButtonQuiet   ButtonKind = "quiet"  // text only, for toolbars
	ButtonDanger  ButtonKind = "danger" // only inside a Dialog
)

// ButtonView is an act. With Href it is a link that looks like a button.
type ButtonView struct {
	Text   string
	Kind   ButtonKind
	Icon   Icon
	Href   string
	Submit bool   // submits the form it is in (or Form)
	Form   string // id of a form elsewhere on the page
	Name   string
	Value  string
	Key    string // key cap shown in it: "E"
	Opens  string // id of a Dialog; Href is then where the same is done without scripts
	Busy   bool
	// Missing locks the button: Text says how many are missing ("Sign: 2
	// missing") and each missing thing is a link shown on pressing it.
	Missing []Link
	Attrs   templ.Attributes // hx-… and the like
}

// ActionView is one thing to do, in the order of its effect on the page's sentence.
type ActionView struct {
	Status  Status
	Text    string // imperative
	Href    string
	Owner   string // a name, "you" or "Nobody yet"
	Settles []Link // ids, mono
	Due     string // "today", "19 Nov"
	Overdue bool   // today or earlier: red
}

// ProofState is how far the proof of an entry has come.
type ProofState string

// The states of a proof mark.
const (
	ProofSealed  ProofState = "sealed"
	ProofWaiting ProofState = "waiting" // no checkpoint covers it yet
	ProofBroken  ProofState = "broken"
)

// TimelineItem is one event of a history, newest first.
type TimelineItem struct {
	Status Status
	Now    bool // pen dot
	Text   string
	Href   string
	When   time.Time
	Who    string
	Entry  int64 // of the log; 0 for none

	Why       string // in the words of whoever did it
	EntryHref string
	Then      string // address of the page as it stood on that day
}

// GateView shows the conditions of a step that is not open yet.
type GateView struct {
	Rows []GateRow
}

// GateRow is one condition.
type GateRow struct {
	Holds   bool
	Text    string
	Note    string
	Missing string // "27 missing"
	Href    string
	Things  []Link // each missing thing; the first few are shown, the rest on asking
}

// thingsShown is how many missing things stand in the row itself.
const thingsShown = 4

func (r GateRow) first() []Link { return r.Things[:min(thingsShown, len(r.Things))] }
func (r GateRow) rest() []Link  { return r.Things[min(thingsShown, len(r.Things)):] }

// Held counts the rows that hold: the "n of m hold" of the card's head.
func (g GateView) Held() string {
	n := 0
	for _, r := range g.Rows {
		if r.Holds {
			n++
		}
	}
	return Count(int64(n)) + " of " + Count(int64(len(g.Rows))) + " hold"
}

// PathState is where one step of a state path stands.
type PathState string

// The states of a step.
const (
	PathDone   PathState = "done"
	PathNow    PathState = "now"
	PathLocked PathState = "locked"
	PathFuture PathState = "future"
)

// PathStep is one step of a state path.
type PathStep struct {
	Text  string
	Note  string // date, or what is missing
	State PathState
	Href  string
}

// StepView is one point of a short run with its time: "6 s, Key and log made".
type StepView struct {
	At   string
	Text string
	Note string
	Now  bool
	Href string
}

// MeterView is how many passed, failed and stayed unknown, drawn to scale.
type MeterView struct {
	Pass, Fail, Unknown             int64
	PassHref, FailHref, UnknownHref string
	Note                            templ.Component // right end: "first run recorded as entry 1,402"
}

// ProgressView is work under way, with counts and never a bare spinner.
type ProgressView struct {
	Text        string // "Reading login-main"
	Done, About int64
	Unit        string
	ID          string
}

// TotalView is a column of figures closed by the ledger's double rule.
type TotalView struct {
	Rows  []TotalRow
	Total TotalRow
}

// TotalRow is one figure.
type TotalRow struct {
	Text, Value, Href string
	Tone              Status
}

// FactRow is one line of a list of names and values.
type FactRow struct {
	Key    string
	Value  string
	Href   string
	Mono   bool
	Strong bool
	Status Status // a glyph before the value
	Node   templ.Component
}

// Text makes a plain row of a list of names and values.
func Text(key, value string) FactRow { return FactRow{Key: key, Value: value} }

// DigestView is a digest or another long id, with the whole at hand.
type DigestView struct {
	Label string // "sha256"
	Value string // whole
	Short bool   // show first and last groups only
	Wide  bool   // sunken block with a label, as in the populations picture
	Note  string // right end of the label of a wide one
}

// RawView is a record as a source gave it.
type RawView struct {
	Title string // "Record EV-15530"
	Note  string // "as the source sent it"
	Text  string
	Mark  string // the decisive part of Text
	Href  string
	Label string // accessible name when there is no title
}

// DialogView asks before an act that cannot be taken back.
type DialogView struct {
	ID     string
	Title  string
	Object string // the object's id, repeated
	Action string // where its form posts to
	Submit string // the act: "Erase the record"
	Danger bool
}

// TabView is one of several views of the same object.
type TabView struct {
	Text, Href, Count string
	Current           bool
}

// SearchView is the search box.
type SearchView struct {
	Value string
	Top   bool   // in the top bar: opened by "/"
	Path  string // "/search" when empty
	Label string // "Search or jump to" when empty
	Name  string // "q" when empty
}

// PagerView leads through a keyset-paged list.
type PagerView struct {
	Newer, Older string // addresses; empty when there are none
	Shown, Of    int64
	Label        string // of what: names the landmark when a page has two lists
	NewerText    string // "Newer" when empty
	OlderText    string // "Older" when empty
}

// ErrorView is what a page says when it cannot show what was asked for.
type ErrorView struct {
	Code      int
	Happened  string // one sentence, the h1
	Safe      string // what is safe
	Do        string // what to do
	Links     []Link
	Reference string // id under which the operator finds it
}

// EmptyView is the one line of an empty list: what would be here and the next act.
type EmptyView struct {
	Title string // "No vendors yet."
	Text  string // "Vendors answer CC9.2."
	Link  Link
}

// LegendItem explains a pattern or a glyph.
type LegendItem struct {
	Status Status
	Text   string
	Swatch bool   // the chart's pattern and not the glyph
	Class  string // another swatch: "drawn", "bar"
}

// StageView is one panel of several side by side: numbered, with an act.
type StageView struct {
	Number string
	Title  string
	Text   string
	Act    ButtonView
	Note   string // "about 6 min"
	Now    bool
}

// FindingView is a check that does not pass, with what that puts at risk.
type FindingView struct {
	Status    Status
	ID        string // of the check or control
	Text      string // "6 of 31 accounts have no second factor"
	Risk      string // one plain sentence
	Criterion Link
	Severity  string
	Href      string
	Act       string // "Why and how" when empty
}

// CauseView is a reason why results are unknown.
type CauseView struct {
	Count int64
	Text  string
	Href  string // the unknown results
	Act   Link   // what would settle them
}
