package checks

import (
	"slices"
	"time"
)

// A Track is the timeline of one check of a control.
type Track struct {
	Mandatory bool
	Spans     []Span // in order, none overlapping
}

// Causes that combining finds by itself.
const (
	causeNoCheck  = "no check judges it"
	causeOptional = "only optional checks judge it, and one of them does not pass"
)

// A Vote is what one check says towards its control.
type Vote struct {
	Mandatory bool
	Status    Status
	Cause     string
}

// Combine is the status of a control over its checks. It fails when a mandatory
// check fails, else it is unknown when one is unknown, else excepted, else it
// passes. Optional checks speak only where no mandatory one does, and then a
// failing one makes the control unknown, since it cannot fail it. A control
// without checks never passes.
func Combine(votes []Vote) (Status, string) {
	var b ballot
	for _, v := range votes {
		b.count(v.Mandatory, v.Status, 1)
	}
	status, mandatory, by := b.decide()
	return status, causeOf(status, by, func() string {
		for _, v := range votes {
			if v.Mandatory == mandatory && voteOf(v.Status) == by {
				return v.Cause
			}
		}
		return ""
	})
}

// CombineTimelines is Combine at each instant of [from, to). Time that no track
// speaks of is unknown.
func CombineTimelines(tracks []Track, from, to time.Time) []Span {
	if !from.Before(to) {
		return nil
	}
	tally := tracking{tracks: tracks, current: make([]int, len(tracks))}
	for i := range tally.current {
		tally.current[i] = -1
	}
	var (
		spans []Span
		start = from
	)
	emit := func(end time.Time) {
		if start.Before(end) {
			status, cause := tally.state()
			spans = extend(spans, Span{Status: status, From: start, To: end, Cause: cause})
			start = end
		}
	}
	for _, e := range eventsOf(tracks, from, to) {
		emit(e.at)
		tally.turn(e)
	}
	emit(to)
	return spans
}

// An event is a span of a track that begins, or, with index -1, ends.
type event struct {
	at           time.Time
	track, index int
}

// eventsOf are the events in [from, to), in order; ends come before beginnings.
func eventsOf(tracks []Track, from, to time.Time) []event {
	var events []event
	for t, track := range tracks {
		for i, span := range track.Spans {
			if !span.To.After(from) || !span.From.Before(to) || !span.From.Before(span.To) {
				continue
			}
			events = append(events, event{later(span.From, from), t, i})
			if span.To.Before(to) {
				events = append(events, event{span.To, t, -1})
			}
		}
	}
	slices.SortStableFunc(events, func(a, b event) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.index - b.index
	})
	return events
}

// tracking is the votes of all tracks at one instant.
type tracking struct {
	tracks  []Track
	current []int // index of each track's span, or -1
	ballot  ballot
	speaker int // the track whose cause is given
}

func (t *tracking) turn(e event) {
	track := t.tracks[e.track]
	if was := t.current[e.track]; was >= 0 {
		t.ballot.count(track.Mandatory, track.Spans[was].Status, -1)
	}
	if e.index >= 0 {
		t.ballot.count(track.Mandatory, track.Spans[e.index].Status, 1)
	}
	t.current[e.track] = e.index
}

// state lets a track speak as long as it has the status that decides, so that a
// failure is not cut up where another joins it.
func (t *tracking) state() (Status, string) {
	status, mandatory, by := t.ballot.decide()
	speaks := func(i int) bool {
		at := t.current[i]
		return at >= 0 && t.tracks[i].Mandatory == mandatory && voteOf(t.tracks[i].Spans[at].Status) == by
	}
	return status, causeOf(status, by, func() string {
		if !speaks(t.speaker) {
			for t.speaker = 0; !speaks(t.speaker); t.speaker++ { // the ballot says that one does
			}
		}
		return t.tracks[t.speaker].Spans[t.current[t.speaker]].Cause
	})
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// A ballot counts votes, mandatory ones first.
type ballot struct{ mandatory, optional votes }

type votes struct{ pass, fail, unknown, excepted, notApplicable int }

func (b *ballot) count(mandatory bool, status Status, n int) {
	v := &b.optional
	if mandatory {
		v = &b.mandatory
	}
	switch voteOf(status) {
	case Pass:
		v.pass += n
	case Fail:
		v.fail += n
	case Excepted:
		v.excepted += n
	case NotApplicable:
		v.notApplicable += n
	default:
		v.unknown += n
	}
}

// voteOf counts a status that nobody gives as unknown.
func voteOf(s Status) Status {
	switch s {
	case Pass, Fail, Excepted, NotApplicable:
		return s
	}
	return Unknown
}

// worst is the status that counts among votes of one sort; "" if none judges.
func (v votes) worst() Status {
	switch {
	case v.fail > 0:
		return Fail
	case v.unknown > 0:
		return Unknown
	case v.excepted > 0:
		return Excepted
	case v.pass > 0:
		return Pass
	}
	return ""
}

// decide gives the status, and which votes brought it about.
func (b *ballot) decide() (status Status, mandatory bool, by Status) {
	if worst := b.mandatory.worst(); worst != "" {
		return worst, true, worst
	}
	if worst := b.optional.worst(); worst != "" {
		if worst == Fail {
			return Unknown, false, Fail
		}
		return worst, false, worst
	}
	if b.mandatory.notApplicable > 0 {
		return NotApplicable, true, NotApplicable
	}
	if b.optional.notApplicable > 0 {
		return NotApplicable, false, NotApplicable
	}
	return Unknown, false, ""
}

func causeOf(status, by Status, first func() string) string {
	switch {
	case by == "":
		return causeNoCheck
	case status != by:
		return causeOptional
	}
	return first()
}
