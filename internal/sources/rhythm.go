package sources

import (
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
)

// Rhythms in which a file can be expected of a source that is fed.
const (
	ByDay     = "day"
	ByWeek    = "week" // which begins on Monday
	ByMonth   = "month"
	ByQuarter = "quarter"
	// Never takes a rhythm away.
	Never = "never"
)

// Rhythms lists them, the shortest first.
var Rhythms = []string{ByDay, ByWeek, ByMonth, ByQuarter}

// rhythm sets how often a file is expected; as it is, if nothing is said.
func (s *Source) rhythm(k Kind, said string) error {
	switch {
	case said == "":
		return nil
	case said == Never:
		s.Expected = ""
	case !k.Fed:
		return fault.Invalid("expected", "is for sources that files feed; %s is read by its schedule", k.Title)
	default:
		s.Expected = said
	}
	return nil
}

// expect says by when the next file is expected: a file that came belongs to its
// day, week, month or quarter where the organization is, and the next one has to
// come before the one after that is over. Where none ever came, the day of
// connecting stands in for one. Of a source that is paused nothing is expected.
func (s *Source) expect(c *op.Call) error {
	s.Due, s.Overdue = time.Time{}, false
	if s.Expected == "" || !s.Removed.IsZero() || !s.Paused.IsZero() {
		return nil
	}
	zone, err := notify.Zone(c.Tx, c.Org)
	if err != nil {
		return err
	}
	last := s.Health.Answered
	if last.IsZero() {
		last = s.Created
	}
	s.Due = Due(s.Expected, last, zone)
	s.Overdue = !c.Now.Before(s.Due)
	return nil
}

// Due is the end of the day, week, month or quarter that follows the one in which
// the last file came; zero without a rhythm.
func Due(rhythm string, last time.Time, zone *time.Location) time.Time {
	t := last.In(zone)
	y, m, d := t.Date()
	switch rhythm {
	case ByDay:
		d += 2
	case ByWeek:
		d += 14 - (int(t.Weekday())+6)%7
	case ByMonth:
		m, d = m+2, 1
	case ByQuarter:
		m, d = m-(m-1)%3+6, 1
	default:
		return time.Time{}
	}
	return time.Date(y, m, d, 0, 0, 0, 0, zone).UTC()
}
