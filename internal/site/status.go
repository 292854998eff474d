package site

// Status is what is known about a thing. The zero value shows nothing.
type Status string

// The statuses, each with a glyph, a pattern and a word of its own.
const (
	StatusPass          Status = "pass"
	StatusFail          Status = "fail"
	StatusUnknown       Status = "unknown"
	StatusExcepted      Status = "excepted"
	StatusNotApplicable Status = "not_applicable"
	StatusNotStarted    Status = "not_started"
	StatusProposed      Status = "proposed"
)

var statuses = []struct {
	status     Status
	word, name string
}{
	{StatusFail, "Fail", "fail"},
	{StatusUnknown, "Unknown", "unknown"},
	{StatusExcepted, "Excepted", "excepted"},
	{StatusNotStarted, "Not started", "not-started"},
	{StatusPass, "Pass", "pass"},
	{StatusNotApplicable, "Not applicable", "not-applicable"},
	{StatusProposed, "Proposed", "proposed"},
}

// Word is how the status is said.
func (s Status) Word() string {
	for _, x := range statuses {
		if x.status == s {
			return x.word
		}
	}
	return ""
}

// Order sorts statuses the way every table shows them: fail first, then
// unknown, excepted, not started, pass, not applicable.
func (s Status) Order() int {
	for i, x := range statuses {
		if x.status == s {
			return i
		}
	}
	return len(statuses)
}

// glyph is the name of the sprite symbol and of the colour class.
func (s Status) glyph() string {
	for _, x := range statuses {
		if x.status == s {
			return x.name
		}
	}
	return "not-started"
}

// Tick is a mark of a workpaper.
type Tick string

// The tick marks. Ticks are ink, like a pencil's; only a deviation is red.
const (
	TickAgrees      Tick = "agrees"
	TickReperformed Tick = "reperformed"
	TickDeviation   Tick = "deviation"
	TickNotAvail    Tick = "na"
	TickAsked       Tick = "asked"
	TickProposed    Tick = "proposed"
	TickNone        Tick = "none"
	// TickProposedDeviation is a proposal to call it a deviation.
	TickProposedDeviation Tick = "proposed-deviation"
	// TickUnknown is a proposal that could not be made.
	TickUnknown Tick = "proposed-unknown"
)

var ticks = []struct {
	tick         Tick
	word, symbol string
	said         string // of a mark the legend leaves out
}{
	{TickAgrees, "agrees", "tick", ""},
	{TickReperformed, "reperformed", "tick-again", ""},
	{TickDeviation, "deviation", "fail", ""},
	{TickNotAvail, "n.a., reason", "not-applicable", ""},
	{TickAsked, "asked for", "asked", ""},
	{TickProposed, "proposed", "tick-proposed", ""},
	{TickNone, "not tested", "not-tested", ""},
	{TickProposedDeviation, "", "fail-proposed", "deviation proposed"},
	{TickUnknown, "", "unknown", "unknown"},
}

func (t Tick) symbol() string {
	for _, x := range ticks {
		if x.tick == t {
			return x.symbol
		}
	}
	return "not-tested"
}
