package checks

import (
	"math/big"
	"time"
)

// Metrics say how a control or a check did over a period. The five parts add
// up to it; time that the timeline leaves out is unknown.
type Metrics struct {
	Period                                       time.Duration
	Pass, Fail, Unknown, Excepted, NotApplicable time.Duration
	// Failures closed in the period, in order, and those open at its end. A
	// failure that an exception covers at the end is neither.
	Closed, Open []Failure
	Drifts       []Drift
	// MTTR is over Closed; MTTD over failures detected in the period whose start
	// the source knew.
	MTTR, MTTD Mean
}

// Coverage is the share of the period in which the state was known.
func (m Metrics) Coverage() Ratio {
	return ratio(m.Pass+m.Fail+m.Excepted, m.Period)
}

// Uptime is the share of passing in what passed or failed. Exceptions are left
// out and reported separately.
func (m Metrics) Uptime() Ratio { return ratio(m.Pass, m.Pass+m.Fail) }

// WorstCase is uptime if all that is not known to pass had failed.
func (m Metrics) WorstCase() Ratio { return ratio(m.Pass, m.Period) }

// DriftEvents are the drifts that no approved change explains.
func (m Metrics) DriftEvents() int {
	n := 0
	for _, d := range m.Drifts {
		if !d.Approved {
			n++
		}
	}
	return n
}

// A Failure lasts from its detection until a pass is seen, or until there is
// nothing left to fail. While it is unknown whether it lasts, it does. An
// exception suspends it: that time is not in its length.
type Failure struct {
	Detected  time.Time
	Resolved  time.Time // zero while open
	Suspended time.Duration
	Cause     string
}

// Length is how long a closed failure lasted.
func (f Failure) Length() time.Duration { return f.Age(f.Resolved) }

// Age is how long the failure has lasted at t.
func (f Failure) Age(t time.Time) time.Duration { return t.Sub(f.Detected) - f.Suspended }

// A Drift is a change from pass to fail, seen or found after a time unknown.
type Drift struct {
	At       time.Time
	Cause    string
	Approved bool // an approved change explains it
}

// Background is what other records know about failures. Either may be nil.
type Background struct {
	// Started is when a failure began, by the source's own log.
	Started func(Failure) (time.Time, bool)
	// Approved says whether an approved change explains a drift.
	Approved func(Drift) bool
}

// Measure computes the metrics of [from, to). Spans may begin before and end
// after, and should: a failure is counted from its detection, which may lie
// before the period.
func Measure(spans []Span, from, to time.Time, b Background) Metrics {
	m := Metrics{Period: max(0, to.Sub(from))}
	for _, s := range spans {
		length := overlap(s, from, to)
		switch s.Status {
		case Pass:
			m.Pass += length
		case Fail:
			m.Fail += length
		case Excepted:
			m.Excepted += length
		case NotApplicable:
			m.NotApplicable += length
		}
	}
	m.Unknown = m.Period - m.Pass - m.Fail - m.Excepted - m.NotApplicable
	failures, drifts := trace(spans, to)
	for _, f := range failures {
		if b.Started != nil && within(f.Detected, from, to) {
			if started, known := b.Started(f); known {
				m.MTTD.add(max(0, f.Detected.Sub(started)))
			}
		}
		switch {
		case !f.Resolved.IsZero() && within(f.Resolved, from, to):
			m.Closed = append(m.Closed, f)
			m.MTTR.add(f.Length())
		case f.Resolved.IsZero() && f.Detected.Before(to):
			m.Open = append(m.Open, f)
		}
	}
	for _, d := range drifts {
		if within(d.At, from, to) {
			d.Approved = b.Approved != nil && b.Approved(d)
			m.Drifts = append(m.Drifts, d)
		}
	}
	return m
}

func within(t, from, to time.Time) bool { return !t.Before(from) && t.Before(to) }

func overlap(s Span, from, to time.Time) time.Duration {
	end := s.To
	if to.Before(end) {
		end = to
	}
	return max(0, end.Sub(later(s.From, from)))
}

// trace follows failures through the spans that begin before the end.
func trace(spans []Span, end time.Time) (failures []Failure, drifts []Drift) {
	var (
		open      *Failure
		known     Status // the last status that was not unknown
		suspended bool
	)
	resolve := func(at time.Time) {
		if open != nil {
			open.Resolved = at
			failures = append(failures, *open)
			open = nil
		}
	}
	for _, s := range spans {
		if !s.From.Before(end) {
			break
		}
		suspended = s.Status == Excepted
		switch s.Status {
		case Pass, NotApplicable:
			resolve(s.From)
			known = s.Status
		case Excepted:
			if open != nil {
				open.Suspended += overlap(s, s.From, end)
			}
			known = Excepted
		case Fail:
			if known == Pass {
				drifts = append(drifts, Drift{At: s.From, Cause: s.Cause})
			}
			if open == nil {
				open = &Failure{Detected: s.From, Cause: s.Cause}
			}
			known = Fail
		}
	}
	if open != nil && !suspended {
		failures = append(failures, *open)
	}
	return failures, drifts
}

// A Ratio is exact; it is rounded only when it is written.
type Ratio struct{ Part, Whole int64 }

func ratio(part, whole time.Duration) Ratio {
	return Ratio{Part: int64(part / time.Millisecond), Whole: int64(whole / time.Millisecond)}
}

// Defined is false where there was nothing to divide by.
func (r Ratio) Defined() bool { return r.Whole > 0 }

// Percent writes the ratio with four decimals, half up: "99.1620". It is "–"
// where the ratio is not defined.
func (r Ratio) Percent() string {
	if !r.Defined() {
		return "–"
	}
	// Ten-thousandths of a percent: floor(part·10⁶ / whole + 1/2).
	n := new(big.Int).Mul(big.NewInt(r.Part), big.NewInt(2_000_000))
	n.Add(n, big.NewInt(r.Whole))
	n.Div(n, new(big.Int).Mul(big.NewInt(r.Whole), big.NewInt(2)))
	whole, rest := new(big.Int).DivMod(n, big.NewInt(10_000), new(big.Int))
	text := rest.String()
	return whole.String() + "." + "0000"[len(text):] + text
}

// A Mean of durations keeps its terms' sum, so that means can be added.
type Mean struct {
	Sum time.Duration
	N   int
}

func (m *Mean) add(d time.Duration) {
	m.Sum += d
	m.N++
}

// Value is the mean to the millisecond, half up; false if there is none.
func (m Mean) Value() (time.Duration, bool) {
	if m.N == 0 {
		return 0, false
	}
	sum, n := int64(m.Sum/time.Millisecond), int64(m.N)
	return time.Duration((2*sum+n)/(2*n)) * time.Millisecond, true
}

// ExceptionDebt is the number of whole days by which the exceptions that are
// open at now are past their expiry, added up.
func ExceptionDebt(exceptions []Exception, now time.Time) int {
	days := 0
	for _, e := range exceptions {
		open := e.Closed.IsZero() || e.Closed.After(now)
		if open && now.After(e.To) {
			days += int(now.Sub(e.To) / (24 * time.Hour))
		}
	}
	return days
}
