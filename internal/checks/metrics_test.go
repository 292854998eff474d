package checks_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tickmark/tickmark/internal/checks"
)

func utc(month time.Month, day, hour int) time.Time {
	return time.Date(2026, month, day, hour, 0, 0, 0, time.UTC)
}

// larchmere is the control of the pictures: a year to 18 November 09:00, read
// each hour, with three failures, an outage and an exception.
func larchmere() checks.History {
	now := utc(11, 18, 9)
	h := checks.History{Freshness: time.Hour, Exceptions: []checks.Exception{{From: utc(8, 12, 0), To: utc(8, 15, 0), Cause: "X-14"}}}
	for at := utc(1, 1, 0); !at.After(now); at = at.Add(time.Hour) {
		if at.After(utc(4, 2, 23)) && at.Before(utc(4, 5, 0)) {
			continue // the source is down for 48 hours
		}
		h.Runs = append(h.Runs, at)
	}
	edge := func(from, to time.Time, o checks.Outcome) {
		h.Intervals = append(h.Intervals, checks.Interval{Outcome: o, From: from, To: to})
	}
	edge(utc(1, 1, 0), utc(3, 11, 4), passed)
	edge(utc(3, 11, 4), utc(3, 11, 14), failed)
	edge(utc(3, 11, 14), utc(5, 22, 10), passed)
	edge(utc(5, 22, 10), utc(5, 23, 12), failed)
	edge(utc(5, 23, 12), utc(8, 12, 0), passed)
	edge(utc(8, 12, 0), utc(8, 15, 0), failed)
	edge(utc(8, 15, 0), utc(11, 16, 15), passed)
	edge(utc(11, 16, 15), time.Time{}, failed)
	return h
}

func TestMetricsOfTheWorkedExample(t *testing.T) {
	spans := larchmere().Timeline(utc(1, 1, 0), utc(11, 18, 9))
	type figures struct {
		Hours, Uptime, Coverage, WorstCase string
		MTTR                               time.Duration
		Closed, Drifts                     int
		Open                               []time.Duration
	}
	tests := []struct {
		window   string
		from, to time.Time
		want     figures
	}{
		{"first half", utc(1, 1, 0), utc(7, 1, 0), figures{"4344h0m0s", "99.1620", "98.8950", "98.0663", 18 * time.Hour, 2, 2, nil}},
		{"to now", utc(7, 1, 0), utc(11, 18, 9), figures{"3369h0m0s", "98.7261", "100.0000", "96.6162", 0, 0, 1, []time.Duration{42 * time.Hour}}},
		{"the year", utc(1, 1, 0), utc(11, 18, 9), figures{"7713h0m0s", "98.9727", "99.3777", "97.4329", 18 * time.Hour, 2, 3, []time.Duration{42 * time.Hour}}},
		{"March", utc(3, 1, 0), utc(4, 1, 0), figures{"744h0m0s", "98.6559", "100.0000", "98.6559", 10 * time.Hour, 1, 1, nil}},
		{"April", utc(4, 1, 0), utc(5, 1, 0), figures{"720h0m0s", "100.0000", "93.3333", "93.3333", 0, 0, 0, nil}},
		{"May", utc(5, 1, 0), utc(6, 1, 0), figures{"744h0m0s", "96.5054", "100.0000", "96.5054", 26 * time.Hour, 1, 1, nil}},
		{"August", utc(8, 1, 0), utc(9, 1, 0), figures{"744h0m0s", "100.0000", "100.0000", "90.3226", 0, 0, 0, nil}},
		{"November", utc(11, 1, 0), utc(11, 18, 9), figures{"417h0m0s", "89.9281", "100.0000", "89.9281", 0, 0, 1, []time.Duration{42 * time.Hour}}},
	}
	for _, test := range tests {
		t.Run(test.window, func(t *testing.T) {
			m := checks.Measure(spans, test.from, test.to, checks.Background{})
			mttr, _ := m.MTTR.Value()
			got := figures{m.Period.String(), m.Uptime().Percent(), m.Coverage().Percent(), m.WorstCase().Percent(), mttr, len(m.Closed), m.DriftEvents(), nil}
			for _, f := range m.Open {
				got.Open = append(got.Open, f.Age(test.to))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	first := checks.Measure(spans, utc(1, 1, 0), utc(7, 1, 0), checks.Background{})
	if first.Pass != 4260*time.Hour || first.Fail != 36*time.Hour || first.Unknown != 48*time.Hour {
		t.Errorf("pass %v, fail %v, unknown %v", first.Pass, first.Fail, first.Unknown)
	}
}

func TestFailuresAreFollowedThroughUnknownAndExceptions(t *testing.T) {
	const P, F, U, X, N = checks.Pass, checks.Fail, checks.Unknown, checks.Excepted, checks.NotApplicable
	type failure struct{ Detected, Resolved, Hours int }
	tests := []struct {
		rule   string
		spans  []checks.Status // ten hours each, from hour 0
		from   int
		to     int
		closed []failure
		open   []failure // Resolved is -1, Hours the age
		drifts []int
	}{
		{"simple", []checks.Status{P, F, P}, 0, 30, []failure{{10, 20, 10}}, nil, []int{10}},
		{"open", []checks.Status{P, F}, 0, 20, nil, []failure{{10, -1, 10}}, []int{10}},
		{"unknown does not end a failure", []checks.Status{P, F, U, F, P}, 0, 50, []failure{{10, 40, 30}}, nil, []int{10}},
		{"unknown at the end leaves it open", []checks.Status{P, F, U}, 0, 30, nil, []failure{{10, -1, 20}}, []int{10}},
		{"unknown between pass and fail hides no drift", []checks.Status{P, U, F, P}, 0, 40, []failure{{20, 30, 10}}, nil, []int{20}},
		{"unknown before anything is no pass", []checks.Status{U, F, P}, 0, 30, []failure{{10, 20, 10}}, nil, nil},
		{"an exception suspends", []checks.Status{P, F, X, F, P}, 0, 50, []failure{{10, 40, 20}}, nil, []int{10}},
		{"an exception at the end is not open", []checks.Status{P, F, X}, 0, 30, nil, nil, []int{10}},
		{"an exception that expires is no drift", []checks.Status{P, X, F}, 0, 30, nil, []failure{{20, -1, 10}}, nil},
		{"what is gone has stopped failing", []checks.Status{F, N, F}, 0, 30, []failure{{0, 10, 10}}, []failure{{20, -1, 10}}, nil},
		{"detected before, closed in the period", []checks.Status{P, F, F, P}, 20, 40, []failure{{10, 30, 20}}, nil, nil},
		{"closed after the period is open in it", []checks.Status{P, F, F, P}, 0, 20, nil, []failure{{10, -1, 10}}, []int{10}},
		{"closed at the end belongs to the next", []checks.Status{P, F, P}, 0, 20, nil, []failure{{10, -1, 10}}, []int{10}},
		{"time after the timeline is unknown", []checks.Status{P, F}, 0, 30, nil, []failure{{10, -1, 20}}, []int{10}},
	}
	hours := func(t time.Time) int {
		if t.IsZero() {
			return -1
		}
		return int(t.Sub(asof) / time.Hour)
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			var spans []checks.Span
			for i, s := range test.spans {
				spans = append(spans, checks.Span{Status: s, From: hour(10 * i), To: hour(10*i + 10)})
			}
			m := checks.Measure(spans, hour(test.from), hour(test.to), checks.Background{})
			var closed, open []failure
			for _, f := range m.Closed {
				closed = append(closed, failure{hours(f.Detected), hours(f.Resolved), int(f.Length() / time.Hour)})
			}
			for _, f := range m.Open {
				open = append(open, failure{hours(f.Detected), hours(f.Resolved), int(f.Age(hour(test.to)) / time.Hour)})
			}
			var drifts []int
			for _, d := range m.Drifts {
				drifts = append(drifts, hours(d.At))
			}
			if diff := cmp.Diff([]any{test.closed, test.open, test.drifts}, []any{closed, open, drifts}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBackgroundGivesStartsAndApprovedChanges(t *testing.T) {
	spans := larchmere().Timeline(utc(1, 1, 0), utc(11, 18, 9))
	m := checks.Measure(spans, utc(1, 1, 0), utc(7, 1, 0), checks.Background{
		Started: func(f checks.Failure) (time.Time, bool) {
			return f.Detected.Add(-90 * time.Minute), f.Detected.Before(utc(4, 1, 0))
		},
		Approved: func(d checks.Drift) bool { return d.At.Equal(utc(5, 22, 10)) },
	})
	if mttd, known := m.MTTD.Value(); !known || mttd != 90*time.Minute || m.MTTD.N != 1 {
		t.Errorf("MTTD %v over %d", mttd, m.MTTD.N)
	}
	if m.DriftEvents() != 1 || len(m.Drifts) != 2 || !m.Drifts[1].Approved {
		t.Errorf("drifts %+v", m.Drifts)
	}
	if _, known := (checks.Mean{}).Value(); known {
		t.Error("a mean of nothing")
	}
}

func TestPercentRoundsHalfUp(t *testing.T) {
	for _, test := range []struct {
		part, whole int64
		want        string
	}{
		{1, 3, "33.3333"}, {2, 3, "66.6667"}, {1, 1, "100.0000"}, {0, 5, "0.0000"}, {1, 2_000_000, "0.0001"}, {1, 2_000_001, "0.0000"},
		{1_234_565, 10_000_000, "12.3457"}, {9_999_999, 10_000_000, "100.0000"}, {9_000_000_000_000_000_000, 9_000_000_000_000_000_001, "100.0000"}, {0, 0, "–"},
	} {
		if got := (checks.Ratio{Part: test.part, Whole: test.whole}).Percent(); got != test.want {
			t.Errorf("%d of %d is %s, want %s", test.part, test.whole, got, test.want)
		}
	}
	if mean, _ := (checks.Mean{Sum: 3 * time.Millisecond, N: 2}).Value(); mean != 2*time.Millisecond {
		t.Errorf("the mean of 3 ms over 2 is %v", mean)
	}
}

func TestExceptionDebtCountsDaysPastExpiry(t *testing.T) {
	now := utc(11, 18, 9)
	debt := checks.ExceptionDebt([]checks.Exception{
		{To: utc(11, 15, 9)}, {To: utc(11, 16, 10)}, {To: utc(11, 20, 0)}, {To: utc(10, 1, 0), Closed: utc(10, 2, 0)}, {To: utc(11, 17, 9), Closed: utc(11, 19, 0)},
	}, now)
	if debt != 3+1+1 {
		t.Errorf("debt is %d days", debt)
	}
}

func TestPartsAddUpToThePeriod(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyHistory(t)
		from := hour(rapid.IntRange(-20, 200).Draw(t, "from"))
		to := from.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "for")) * time.Hour)
		spans := h.Timeline(hour(rapid.IntRange(-50, 50).Draw(t, "begin")), hour(rapid.IntRange(51, 700).Draw(t, "end")))
		m := checks.Measure(spans, from, to, checks.Background{})
		for _, part := range []time.Duration{m.Pass, m.Fail, m.Unknown, m.Excepted, m.NotApplicable} {
			if part < 0 {
				t.Fatalf("a negative part in %+v", m)
			}
		}
		if m.Pass+m.Fail+m.Unknown+m.Excepted+m.NotApplicable != m.Period {
			t.Fatalf("%+v does not add up", m)
		}
		// Unknown time never helps: turned into failure it leaves the worst case.
		worse := make([]checks.Span, len(spans))
		for i, s := range spans {
			if s.Status == checks.Unknown {
				s.Status = checks.Fail
			}
			worse[i] = s
		}
		after := checks.Measure(worse, from, to, checks.Background{})
		if after.Pass != m.Pass || after.WorstCase() != m.WorstCase() {
			t.Fatalf("unknown counted as pass: %v, then %v", m.Pass, after.Pass)
		}
		for _, f := range m.Closed {
			if f.Length() <= 0 {
				t.Fatalf("%+v took no time", f)
			}
		}
	})
}
