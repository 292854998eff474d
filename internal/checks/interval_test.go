package checks_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tickmark/tickmark/internal/checks"
)

func hour(n int) time.Time { return asof.Add(time.Duration(n) * time.Hour) }

func interval(key string, o checks.Outcome, from, to int) checks.Interval {
	i := checks.Interval{Key: key, Outcome: o, From: hour(from)}
	if to >= 0 {
		i.To = hour(to)
	}
	return i
}

func TestAdvanceWritesOnlyWhatChanged(t *testing.T) {
	older := failed
	older.Message = "other words"
	open := []checks.Interval{
		interval("same", passed, 0, -1), interval("reworded", older, 0, -1), interval("broke", passed, 0, -1),
		interval("gone", failed, 0, -1), interval("other cause", noMFA, 0, -1),
	}
	found := []checks.Judged{{"same", passed}, {"reworded", failed}, {"broke", failed}, {"other cause", noKeys}, {"new", left}}
	want := checks.Changes{
		At:     hour(5),
		Closed: []checks.Interval{interval("broke", passed, 0, 5), interval("gone", failed, 0, 5), interval("other cause", noMFA, 0, 5)},
		Opened: []checks.Interval{interval("broke", failed, 5, -1), interval("other cause", noKeys, 5, -1), interval("new", left, 5, -1)},
	}
	if diff := cmp.Diff(want, checks.Advance(open, hour(0), hour(5), true, found)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(checks.Changes{At: hour(5)}, checks.Advance(open, hour(0), hour(5), false, found)); diff != "" {
		t.Errorf("a run that did not cover the kind changed intervals: %s", diff)
	}
}

func TestAdvanceKeepsIntervalsPositiveWhenTheClockGoesBack(t *testing.T) {
	for _, at := range []int{5, 4} {
		got := checks.Advance([]checks.Interval{interval("a", passed, 5, -1)}, time.Time{}, hour(at), true, []checks.Judged{{"a", failed}})
		next := hour(5).Add(time.Millisecond)
		if !got.Closed[0].To.Equal(next) || !got.Opened[0].From.Equal(next) {
			t.Errorf("at hour %d: %+v", at, got)
		}
	}
}

// Whatever runs find, in whatever order their clocks tell, the intervals of a
// resource are positive, do not overlap, at most one is open, and neighbours
// that touch differ.
func TestAdvanceProperties(t *testing.T) {
	outcomes := []checks.Outcome{passed, failed, left, noMFA, noKeys}
	rapid.Check(t, func(t *rapid.T) {
		var history, open []checks.Interval
		var last time.Time
		at := asof
		for range rapid.IntRange(1, 12).Draw(t, "runs") {
			at = at.Add(time.Duration(rapid.IntRange(-3, 10).Draw(t, "later")) * time.Minute)
			var found []checks.Judged
			state := map[string]checks.Outcome{}
			for _, key := range []string{"a", "b", "c"} {
				if rapid.Bool().Draw(t, "there") {
					state[key] = rapid.SampledFrom(outcomes).Draw(t, "outcome")
					found = append(found, checks.Judged{Key: key, Outcome: state[key]})
				}
			}
			changes := checks.Advance(open, last, at, true, found)
			last = changes.At
			closed := map[string]bool{}
			for _, i := range changes.Closed {
				closed[i.Key] = true
				history = append(history, i)
			}
			var still []checks.Interval
			for _, i := range open {
				if !closed[i.Key] {
					still = append(still, i)
				}
			}
			open = append(still, changes.Opened...)
			if len(open) != len(found) {
				t.Fatalf("%d open after a run that found %d", len(open), len(found))
			}
			for _, i := range open {
				if i.Status != state[i.Key].Status || i.Class != state[i.Key].Class {
					t.Fatalf("%s is open as %s, the run found %s", i.Key, i.Status, state[i.Key].Status)
				}
			}
		}
		previous := map[string]checks.Interval{}
		for _, i := range append(history, open...) {
			if !i.To.IsZero() && !i.From.Before(i.To) {
				t.Fatalf("%+v is not positive", i)
			}
			before, was := previous[i.Key]
			if was && (before.To.IsZero() || before.To.After(i.From)) {
				t.Fatalf("%+v begins before %+v ends", i, before)
			}
			if was && before.To.Equal(i.From) && before.Status == i.Status && before.Class == i.Class {
				t.Fatalf("%+v is cut from %+v without need", i, before)
			}
			previous[i.Key] = i
		}
	})
}

func TestAt(t *testing.T) {
	check := checks.History{
		Intervals: []checks.Interval{interval("", passed, 10, 20), interval("", failed, 20, 30)},
		Runs:      []time.Time{hour(10), hour(20), hour(30), hour(60)},
		Freshness: 12 * time.Hour,
		Exceptions: []checks.Exception{
			{From: hour(12), To: hour(14), Cause: "over a pass"}, {From: hour(24), To: hour(26), Cause: "X-14"}, {From: hour(28), To: hour(40), Closed: hour(29), Cause: "X-15"},
		},
	}
	member := check
	member.Member = true
	tests := []struct {
		rule  string
		h     checks.History
		hour  int
		want  checks.Status
		cause string
	}{
		{"before the first run", check, 9, checks.Unknown, "not looked at yet"},
		{"at a run", check, 10, checks.Pass, ""},
		{"an exception covers no pass", check, 13, checks.Pass, ""},
		{"after it", check, 19, checks.Pass, ""},
		{"at the next", check, 20, checks.Fail, "no"},
		{"an exception begins", check, 24, checks.Excepted, "X-14"},
		{"an exception has ended", check, 26, checks.Fail, "no"},
		{"an exception was ended early", check, 29, checks.Fail, "no"},
		{"no interval", check, 30, checks.Unknown, "not looked at yet"},
		{"no interval of a member", member, 30, checks.NotApplicable, "not there"},
		{"a member before the first run", member, 9, checks.Unknown, "not looked at yet"},
		{"the last fresh hour", member, 41, checks.NotApplicable, "not there"},
		{"stale", member, 42, checks.Unknown, "not looked at since 2026-11-02 06:00 UTC"},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			status, cause := test.h.At(hour(test.hour))
			if status != test.want || cause != test.cause {
				t.Errorf("got %s %q, want %s %q", status, cause, test.want, test.cause)
			}
		})
	}
}

func TestTimeline(t *testing.T) {
	h := checks.History{
		Intervals:  []checks.Interval{interval("", passed, 0, 10), interval("", failed, 10, 20), interval("", passed, 20, -1)},
		Runs:       []time.Time{hour(0), hour(5), hour(10), hour(15), hour(20), hour(25), hour(40)},
		Freshness:  6 * time.Hour,
		Exceptions: []checks.Exception{{From: hour(12), To: hour(15), Cause: "X-14"}},
	}
	span := func(status checks.Status, from, to int, cause string) checks.Span {
		return checks.Span{Status: status, From: hour(from), To: hour(to), Cause: cause}
	}
	want := []checks.Span{
		span(checks.Unknown, -2, 0, "not looked at yet"), span(checks.Pass, 0, 10, ""), span(checks.Fail, 10, 12, "no"), span(checks.Excepted, 12, 15, "X-14"),
		span(checks.Fail, 15, 20, "no"), span(checks.Pass, 20, 31, ""), span(checks.Unknown, 31, 40, "not looked at since 2026-11-02 01:00 UTC"), span(checks.Pass, 40, 44, ""),
	}
	if diff := cmp.Diff(want, h.Timeline(hour(-2), hour(44))); diff != "" {
		t.Error(diff)
	}
	if got := h.Timeline(hour(3), hour(3)); got != nil {
		t.Errorf("an empty period has %v", got)
	}
}

// anyHistory draws runs with outages, intervals made by Advance, exceptions.
func anyHistory(t *rapid.T) checks.History {
	h := checks.History{
		Freshness: time.Duration(rapid.IntRange(1, 30).Draw(t, "freshness")) * time.Hour,
		Member:    rapid.Bool().Draw(t, "member"),
	}
	var open []checks.Interval
	at := 0
	for range rapid.IntRange(0, 15).Draw(t, "runs") {
		at += rapid.IntRange(1, 40).Draw(t, "pause")
		h.Runs = append(h.Runs, hour(at))
		var found []checks.Judged
		if !h.Member || rapid.IntRange(0, 3).Draw(t, "there") > 0 {
			found = []checks.Judged{{"", rapid.SampledFrom([]checks.Outcome{passed, failed, left, noMFA}).Draw(t, "outcome")}}
		}
		changes := checks.Advance(open, time.Time{}, hour(at), true, found)
		h.Intervals = append(h.Intervals, changes.Closed...)
		if len(changes.Closed) > 0 {
			open = nil
		}
		open = append(open, changes.Opened...)
	}
	h.Intervals = append(h.Intervals, open...)
	for range rapid.IntRange(0, 2).Draw(t, "exceptions") {
		from := rapid.IntRange(0, 300).Draw(t, "from")
		h.Exceptions = append(h.Exceptions, checks.Exception{From: hour(from), To: hour(from + rapid.IntRange(1, 100).Draw(t, "for")), Cause: "X"})
	}
	return h
}

func checkTimeline(t *rapid.T, spans []checks.Span, from, to time.Time) {
	at := from
	for i, s := range spans {
		if !s.From.Equal(at) || !s.From.Before(s.To) {
			t.Fatalf("span %d of %v does not begin where the last ended", i, spans)
		}
		if i > 0 && spans[i-1].Status == s.Status && spans[i-1].Cause == s.Cause {
			t.Fatalf("span %d of %v is cut without need", i, spans)
		}
		at = s.To
	}
	if !at.Equal(to) {
		t.Fatalf("%v ends before %v", spans, to)
	}
}

func TestTimelineSaysWhatAtSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyHistory(t)
		from, to := hour(rapid.IntRange(-10, 100).Draw(t, "from")), hour(rapid.IntRange(101, 700).Draw(t, "to"))
		spans := h.Timeline(from, to)
		checkTimeline(t, spans, from, to)
		for _, s := range spans {
			for _, at := range []time.Time{s.From, s.From.Add(s.To.Sub(s.From) / 2), s.To.Add(-time.Millisecond)} {
				if status, cause := h.At(at); status != s.Status || cause != s.Cause {
					t.Fatalf("at %v: %s %q, the timeline has %+v", at, status, cause, s)
				}
			}
		}
	})
}
