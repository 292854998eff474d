package bundle

import (
	"fmt"

	"github.com/tickmark/tickmark/internal/canon"
)

// Verdict is the answer about a bundle or about one entry.
type Verdict string

// The first four are answers about a bundle; all are answers about an entry.
const (
	Verified   Verdict = "VERIFIED"   // everything holds, under a key that was given
	Consistent Verdict = "CONSISTENT" // everything holds, under the key inside
	Demo       Verdict = "DEMO"       // everything holds in a log whose clock is set by hand
	Corrupted  Verdict = "CORRUPTED"  // something does not hold
	Superseded Verdict = "SUPERSEDED" // holds, and a later entry replaces it
	Erased     Verdict = "ERASED"     // a later entry destroys what it hid
	NotInLog   Verdict = "NOT IN LOG" // opened, but the log has no such entry
)

const maxProblems = 1000

// Report is what checking a bundle found. Its JSON form is part of the format.
type Report struct {
	Verdict   Verdict     `json:"verdict"`
	File      string      `json:"file"`
	Origin    string      `json:"origin"` // of log 0
	Size      int64       `json:"size"`   // entries of log 0
	Root      string      `json:"root"`   // of log 0, as its checkpoint writes it
	Key       string      `json:"key"`    // "given" or "inside"
	Created   string      `json:"created"`
	Scope     Scope       `json:"scope"`
	Items     []Item      `json:"items"`
	Anchors   []Anchor    `json:"anchors,omitempty"`
	Witnessed []Witnessed `json:"witnessed,omitempty"`
	Problems  []Problem   `json:"problems"`
	Limits    []string    `json:"limits"` // what the verdict does not say
	// Examination is there if log 0 is the file of an engagement.
	Examination *Examination `json:"examination,omitempty"`

	Counts Counts `json:"-"`
}

// Counts is how much was looked at.
type Counts struct {
	Files, Blobs, Logs, Entries, Opened int
	Ungiven                             int // logs of which no key was given
	Bytes                               int64
	VKey                                string // key of log 0, as the bundle states it
}

// Item is the answer about one entry of a log.
type Item struct {
	ID       string     `json:"id"` // as the entry's body states it, else its place
	Verdict  Verdict    `json:"verdict"`
	Log      int        `json:"log"`
	Index    int64      `json:"index"`
	Kind     canon.Kind `json:"kind"`
	Recorded string     `json:"recorded"`
	Bracket  Bracket    `json:"bracket"`
	Reason   string     `json:"reason"`

	opened     bool
	hidden     bool  // commits to something that is not opened
	superseded int64 // the entry that did it; the first entry cannot, so 0 is none
	erased     int64
	eraser     int    // number of the log in which the entry is that did it
	bad        string // why it is corrupted
	astray     bool   // what it says of another log, or of its own from outside, does not hold
	missing    string // blob that is named and not there
	clock      string // what anchors show of the log's clock
}

// Bracket bounds when an entry was recorded, and says on whose word.
type Bracket struct {
	After string `json:"after"` // a trusted anchor before, else when the entry before was recorded
	By    string `json:"by"`
}

// logClock is the only word there is where no anchor is trusted.
const logClock = "log clock only"

// Problem is one thing that does not hold.
type Problem struct {
	Object string `json:"object"`
	Reason string `json:"reason"`
}

func (p Problem) String() string { return p.Object + ": " + p.Reason }

func (v *verification) problem(object, format string, args ...any) {
	if v.problems++; v.problems <= maxProblems {
		v.report.Problems = append(v.report.Problems, Problem{object, fmt.Sprintf(format, args...)})
	}
}

// conclude draws the overall verdict. It rests on what was seen to hold, not on
// the mere absence of problems: a check that was passed over is a problem.
func (v *verification) conclude() {
	r := v.report
	if v.problems == 0 && !v.everythingChecked() {
		v.problem("bundle", "not everything could be checked")
	}
	if v.problems > maxProblems {
		r.Problems = append(r.Problems, Problem{"bundle", fmt.Sprintf("%d further problems are not listed", v.problems-maxProblems)})
	}
	given, demo := len(v.logs) > 0, false
	for _, l := range v.logs {
		given = given && v.believed(l)
		if !l.trusted {
			r.Counts.Ungiven++
		}
		demo = demo || l.demo
	}
	r.Key = "inside"
	if len(v.logs) > 0 && v.logs[0].trusted {
		r.Key = "given"
	}
	switch {
	case v.problems > 0:
		r.Verdict = Corrupted
	case demo:
		r.Verdict = Demo
	case given:
		r.Verdict = Verified
	default:
		r.Verdict = Consistent
	}
	for i := range r.Items {
		v.judge(&r.Items[i])
	}
	v.limits(demo)
}

func (v *verification) everythingChecked() bool {
	if !v.digested || !v.manifestHolds || len(v.logs) == 0 {
		return false
	}
	for _, l := range v.logs {
		if !l.holds() {
			return false
		}
	}
	return true
}

// judge draws the verdict about one entry.
func (v *verification) judge(i *Item) {
	if i.Verdict == NotInLog {
		return
	}
	l := v.logs[i.Log]
	i.Reason = "in the log; opened, and what it says is what was committed to"
	if !i.opened {
		i.Reason = "in the log; not opened, so only its place, time and kind are shown"
	} else if i.missing != "" {
		i.Reason = "in the log; opened; " + i.missing + " is not in this bundle"
	}
	switch {
	case !l.holds():
		i.Verdict, i.Reason = Corrupted, fmt.Sprintf("the log it is in does not hold: see the problems with logs/%d", i.Log)
	case i.bad != "":
		i.Verdict, i.Reason = Corrupted, i.bad
	case i.erased > 0:
		i.Verdict, i.Reason = Erased, fmt.Sprintf("erased by entry %d", i.erased)
		if i.eraser != i.Log {
			i.Reason += fmt.Sprintf(" of log %d", i.eraser)
		}
	case i.superseded > 0:
		i.Verdict, i.Reason = Superseded, fmt.Sprintf("superseded by entry %d", i.superseded)
	case l.demo:
		i.Verdict = Demo
	case v.believed(l):
		i.Verdict = Verified
	default:
		i.Verdict = Consistent
	}
	i.Reason += i.clock
}

// believed reports whether the reader has all that they asked for to rely on a
// log.
func (v *verification) believed(l *log) bool { return l.trusted && (l.witnessed > 0 || !v.asks()) }

// timeLimits says on whose word the times rest.
func (v *verification) timeLimits(say func(string, ...any)) {
	trusted := 0
	for _, a := range v.report.Anchors {
		if a.Trusted {
			trusted++
		}
	}
	switch all := len(v.report.Anchors); {
	case trusted > 0:
		say("%d of %d anchors, which are time stamps and cosignatures from outside, are by somebody you trust. They bound the times of entries; between them the log's own clock speaks, so the order is proved and the hour is not.", trusted, all)
	case all > 0:
		say("Times are those of the log's own clock. There are %d anchors inside, time stamps and cosignatures from outside, and none is by somebody you said you trust: give --tsa-root or --policy. The order is proved and the hour is not.", all)
	default:
		say("Times are those of the log's own clock, and no time stamp from outside is inside, so the order is proved and the hour is not.")
	}
	if v.asks() {
		for _, l := range v.logs {
			if l.witnessed == 0 {
				say("No checkpoint of log %d (%s) has the cosignatures that your policy asks for.", l.n, l.origin)
			}
		}
	}
}

func (v *verification) limits(demo bool) {
	r := v.report
	say := func(format string, args ...any) { r.Limits = append(r.Limits, fmt.Sprintf(format, args...)) }
	if demo {
		say("This is a demonstration: its clock is set by hand, so nothing in it is evidence of anything.")
	}
	if r.Key == "inside" {
		say("No key was given that fits. The file agrees with itself, which a forger could arrange too. Get the log's key from its owner by another way and give it with --key.")
	}
	for n, l := range v.logs {
		if n > 0 && r.Key == "given" && !l.trusted {
			say("The key of log %d (%s) was not given; its entries are checked against the key inside only.", n, l.origin)
		}
	}
	for _, k := range v.unused {
		say("The key %s was given and has signed nothing here.", k)
	}
	if closed := r.Counts.Entries - r.Counts.Opened; closed > 0 {
		say("%d of %d entries are not opened: they are at their place in the log, and what they say is not shown.", closed, r.Counts.Entries)
	}
	if v.left > 0 {
		say("%d entries name content that is not in this bundle; its scope is selected.", v.left)
	}
	if e := r.Examination; e != nil {
		lists, compared := 0, 0
		for _, p := range v.exam.seals {
			lists++
			if p.compared {
				compared++
			}
		}
		if compared < lists {
			say("%d of %d sealed lists were compared with the records they were taken from; the records of the others are not in this bundle.", compared, lists)
		}
		if n := v.exam.loose; n > 0 {
			say("The strata of %d samples are those that the auditor listed after the nonce was known; they were not compared with the records.", n)
		}
		say("The order of events shows that a sample follows from a nonce that was fixed before the list was, and that what rests on something came after it. It does not show that a list is complete or that a judgement is right.")
	}
	v.timeLimits(say)
	say("Whoever holds the log's signing key could have signed another history. A checkpoint that you or others kept from earlier would show it.")
	say("Nothing here shows that evidence is true or that everything that happened was recorded; it shows what was recorded, in which order, and that it has not changed since.")
}
