package checks_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tickmark/tickmark/internal/checks"
)

func TestCombine(t *testing.T) {
	must := func(s checks.Status) checks.Vote {
		return checks.Vote{Mandatory: true, Status: s, Cause: "must " + string(s)}
	}
	may := func(s checks.Status) checks.Vote { return checks.Vote{Status: s, Cause: "may " + string(s)} }
	const noCheck = "no check judges it"
	const optional = "only optional checks judge it, and one of them does not pass"
	tests := []struct {
		rule  string
		votes []checks.Vote
		want  checks.Status
		cause string
	}{
		{"no check never passes", nil, checks.Unknown, noCheck},
		{"a mandatory fail fails", []checks.Vote{must(checks.Pass), must(checks.Unknown), must(checks.Fail), must(checks.Excepted)}, checks.Fail, "must fail"},
		{"a mandatory unknown is unknown", []checks.Vote{must(checks.Pass), must(checks.Unknown), must(checks.Excepted)}, checks.Unknown, "must unknown"},
		{"an exception shows", []checks.Vote{must(checks.Pass), must(checks.Excepted)}, checks.Excepted, "must excepted"},
		{"mandatory passes", []checks.Vote{must(checks.Pass), must(checks.NotApplicable)}, checks.Pass, "must pass"},
		{"an optional fail does not fail", []checks.Vote{may(checks.Fail), must(checks.Pass)}, checks.Pass, "must pass"},
		{"an optional unknown does not hide", []checks.Vote{may(checks.Unknown), must(checks.Pass)}, checks.Pass, "must pass"},
		{"only optional, passing", []checks.Vote{may(checks.Pass)}, checks.Pass, "may pass"},
		{"only optional, failing", []checks.Vote{may(checks.Pass), may(checks.Fail)}, checks.Unknown, optional},
		{"only optional, unknown", []checks.Vote{may(checks.Pass), may(checks.Unknown)}, checks.Unknown, "may unknown"},
		{"nothing applies", []checks.Vote{may(checks.NotApplicable), must(checks.NotApplicable)}, checks.NotApplicable, "must not_applicable"},
		{"a status nobody gives is unknown", []checks.Vote{must("fine"), must(checks.Pass)}, checks.Unknown, "must fine"},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			status, cause := checks.Combine(test.votes)
			if status != test.want || cause != test.cause {
				t.Errorf("got %s %q, want %s %q", status, cause, test.want, test.cause)
			}
		})
	}
}

// From good to bad; not applicable is no part of the order.
var order = []checks.Status{checks.Pass, checks.Excepted, checks.Unknown, checks.Fail}

func anyVotes(t *rapid.T) []checks.Vote {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) checks.Vote {
		return checks.Vote{
			Mandatory: rapid.Bool().Draw(t, "mandatory"),
			Status:    rapid.SampledFrom(append([]checks.Status{checks.NotApplicable}, order...)).Draw(t, "status"),
		}
	}), 0, 6).Draw(t, "votes")
}

func TestWorseVotesNeverCombineToBetter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		votes := anyVotes(t)
		before, _ := checks.Combine(votes)
		if before == checks.Pass && !slices.ContainsFunc(votes, func(v checks.Vote) bool { return v.Status == checks.Pass }) {
			t.Fatalf("%v pass without a pass", votes)
		}
		if len(votes) == 0 {
			return
		}
		i := rapid.IntRange(0, len(votes)-1).Draw(t, "which")
		rank := slices.Index(order, votes[i].Status)
		if rank < 0 || rank == len(order)-1 {
			return
		}
		worse := slices.Clone(votes)
		worse[i].Status = order[rapid.IntRange(rank+1, len(order)-1).Draw(t, "worse")]
		after, _ := checks.Combine(worse)
		if slices.Index(order, after) < slices.Index(order, before) {
			t.Fatalf("%v is %s, %v is %s", votes, before, worse, after)
		}
	})
}

func TestMandatoryUnknownIsNeverPass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		votes := append(anyVotes(t), checks.Vote{Mandatory: true, Status: checks.Unknown})
		if got, _ := checks.Combine(votes); got != checks.Unknown && got != checks.Fail {
			t.Fatalf("%v is %s", votes, got)
		}
	})
}

func TestCombineTimelines(t *testing.T) {
	span := func(status checks.Status, from, to int, cause string) checks.Span {
		return checks.Span{Status: status, From: hour(from), To: hour(to), Cause: cause}
	}
	tracks := []checks.Track{
		{Mandatory: true, Spans: []checks.Span{span(checks.Pass, -5, 10, ""), span(checks.Fail, 10, 20, "a fails"), span(checks.Pass, 20, 50, "")}},
		{Mandatory: true, Spans: []checks.Span{span(checks.Pass, 0, 5, ""), span(checks.Unknown, 5, 7, "b is down"), span(checks.Pass, 7, 15, ""), span(checks.Fail, 15, 25, "b fails"), span(checks.Pass, 25, 30, "")}},
		{Mandatory: false, Spans: []checks.Span{span(checks.Fail, 0, 60, "c fails")}},
	}
	want := []checks.Span{
		span(checks.Pass, 0, 5, ""), span(checks.Unknown, 5, 7, "b is down"), span(checks.Pass, 7, 10, ""),
		span(checks.Fail, 10, 20, "a fails"), span(checks.Fail, 20, 25, "b fails"), span(checks.Pass, 25, 50, ""),
		span(checks.Unknown, 50, 60, "only optional checks judge it, and one of them does not pass"), span(checks.Unknown, 60, 70, "no check judges it"),
	}
	if diff := cmp.Diff(want, checks.CombineTimelines(tracks, hour(0), hour(70))); diff != "" {
		t.Error(diff)
	}
	none := []checks.Span{span(checks.Unknown, 0, 1, "no check judges it")}
	if diff := cmp.Diff(none, checks.CombineTimelines(nil, hour(0), hour(1))); diff != "" {
		t.Error(diff)
	}
}

func TestCombineTimelinesIsCombineAtEachInstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := hour(0), hour(rapid.IntRange(1, 400).Draw(t, "to"))
		var (
			histories []checks.History
			tracks    []checks.Track
		)
		for range rapid.IntRange(0, 4).Draw(t, "checks") {
			h := anyHistory(t)
			histories = append(histories, h)
			tracks = append(tracks, checks.Track{Mandatory: rapid.Bool().Draw(t, "mandatory"), Spans: h.Timeline(from.Add(-time.Hour), to.Add(time.Hour))})
		}
		spans := checks.CombineTimelines(tracks, from, to)
		checkTimeline(t, spans, from, to)
		for _, s := range spans {
			for _, at := range []time.Time{s.From, s.To.Add(-time.Millisecond)} {
				var votes []checks.Vote
				for i, h := range histories {
					status, _ := h.At(at)
					votes = append(votes, checks.Vote{Mandatory: tracks[i].Mandatory, Status: status})
				}
				if want, _ := checks.Combine(votes); want != s.Status {
					t.Fatalf("at %v: %s, the timeline has %s", at, want, s.Status)
				}
			}
		}
	})
}
