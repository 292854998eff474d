package checks

import (
	"slices"
	"time"
)

// An Interval is a stretch of time over which a check said the same of a
// resource. Intervals are all that is kept of outcomes: a run that changes
// nothing writes none. New words for the same status and class are no change:
// "91 days old" becomes "92 days old" every day.
type Interval struct {
	Key string // of the resource; empty for a check as a whole
	Outcome
	From time.Time
	To   time.Time // zero while it lasts
}

// A Judged resource is one with its outcome in a run.
type Judged struct {
	Key string
	Outcome
}

// Changes are what a run does to the intervals of a check.
type Changes struct {
	At     time.Time  // when they happen: the end of the run, or just after the last
	Closed []Interval // with To set
	Opened []Interval
}

// Advance compares the open intervals of a check over one source with what a
// run found there. A resource whose status and class are as before is not among
// the changes; one that is gone is closed and opens nothing. A run that did not
// cover the kind changes nothing.
//
// Last is when the run before had its effect (its Changes.At), zero if there
// was none; at is the end of this run. A clock may go backwards: the changes
// then happen one millisecond after the last, so that no interval is empty or
// negative and none overlap.
func Advance(open []Interval, last, at time.Time, covered bool, found []Judged) Changes {
	if !covered {
		return Changes{At: at}
	}
	for _, was := range open {
		last = later(last, was.From)
	}
	if !last.IsZero() && !at.After(last) {
		at = last.Add(time.Millisecond)
	}
	changes := Changes{At: at}
	now := make(map[string]int, len(found))
	for i := range found {
		now[found[i].Key] = i
	}
	same := make([]bool, len(found))
	for _, was := range open {
		i, seen := now[was.Key]
		if seen && was.Status == found[i].Status && was.Class == found[i].Class {
			same[i] = true
			continue
		}
		was.To = at
		changes.Closed = append(changes.Closed, was)
	}
	for i, judged := range found {
		if !same[i] {
			changes.Opened = append(changes.Opened, Interval{Key: judged.Key, Outcome: judged.Outcome, From: at})
		}
	}
	return changes
}

// An Exception is an approved waiver: while it lasts, a failure it covers is
// Excepted. It covers nothing else.
type Exception struct {
	From   time.Time
	To     time.Time // when it expires
	Closed time.Time // when it was ended before or after that; zero if open
	Cause  string
}

// covers: from the start to the expiry or the early end.
func (e Exception) covers(t time.Time) bool {
	return !t.Before(e.From) && t.Before(e.end())
}

func (e Exception) end() time.Time {
	if !e.Closed.IsZero() && e.Closed.Before(e.To) {
		return e.Closed
	}
	return e.To
}

// A Span is a stretch of a timeline.
type Span struct {
	Status Status
	From   time.Time
	To     time.Time
	Cause  string
}

// A History is all that is known of one resource under one check, or of the
// check as a whole.
type History struct {
	Intervals []Interval  // in order, none overlapping
	Runs      []time.Time // ends of the runs that covered it, in order
	Freshness time.Duration
	// Exceptions that name the resource or the check.
	Exceptions []Exception
	// Member is true for a resource, which comes and goes: while it is known not
	// to be there, nothing applies to it. A check is always there.
	Member bool
}

// Causes that a history finds by itself.
const (
	causeNever = "not looked at yet"
	causeStale = "not looked at since "
	causeGone  = "not there"
)

// At is the state at an instant: what the last run before it said, if that run
// is still fresh, else unknown.
func (h History) At(t time.Time) (Status, string) {
	run, any := h.lastRun(t)
	if !any {
		return Unknown, causeNever
	}
	if !t.Before(run.Add(h.Freshness)) {
		return Unknown, causeStale + run.UTC().Format("2006-01-02 15:04 UTC")
	}
	i := firstAfter(h.Intervals, t, func(i Interval) time.Time { return i.From })
	if i == 0 || !h.Intervals[i-1].To.IsZero() && !t.Before(h.Intervals[i-1].To) {
		if h.Member {
			return NotApplicable, causeGone
		}
		return Unknown, causeNever
	}
	found := h.Intervals[i-1]
	if found.Status == Fail {
		for _, e := range h.Exceptions {
			if e.covers(t) {
				return Excepted, e.Cause
			}
		}
	}
	return found.Status, found.Reason + found.Message
}

// firstAfter is the index of the first element that lies after t.
func firstAfter[T any](list []T, t time.Time, when func(T) time.Time) int {
	i, _ := slices.BinarySearchFunc(list, t, func(element T, t time.Time) int {
		if when(element).After(t) {
			return 1
		}
		return -1
	})
	return i
}

func (h History) lastRun(t time.Time) (time.Time, bool) {
	i := firstAfter(h.Runs, t, func(run time.Time) time.Time { return run })
	if i == 0 {
		return time.Time{}, false
	}
	return h.Runs[i-1], true
}

// Timeline is the history over [from, to), without gaps. Neighbours differ in
// status or cause. The future is not known: a timeline to now ends now.
func (h History) Timeline(from, to time.Time) []Span {
	if !from.Before(to) {
		return nil
	}
	cuts := []time.Time{from}
	cut := func(t time.Time) {
		if t.After(from) && t.Before(to) {
			cuts = append(cuts, t)
		}
	}
	for _, i := range h.Intervals {
		cut(i.From)
		cut(i.To)
	}
	for i, run := range h.Runs {
		if i > 0 && run.Before(h.Runs[i-1].Add(h.Freshness)) && i+1 < len(h.Runs) && h.Runs[i+1].Before(run.Add(h.Freshness)) {
			continue // fresh on both sides
		}
		cut(run)
		cut(run.Add(h.Freshness))
	}
	for _, e := range h.Exceptions {
		cut(e.From)
		cut(e.end())
	}
	slices.SortFunc(cuts, time.Time.Compare)
	cuts = slices.CompactFunc(cuts, time.Time.Equal)
	var spans []Span
	for i, start := range cuts {
		end := to
		if i+1 < len(cuts) {
			end = cuts[i+1]
		}
		status, cause := h.At(start)
		spans = extend(spans, Span{Status: status, From: start, To: end, Cause: cause})
	}
	return spans
}

// extend appends a span, or lengthens the last if it says the same.
func extend(spans []Span, next Span) []Span {
	if n := len(spans); n > 0 {
		last := &spans[n-1]
		if last.Status == next.Status && last.Cause == next.Cause && last.To.Equal(next.From) {
			last.To = next.To
			return spans
		}
	}
	return append(spans, next)
}
