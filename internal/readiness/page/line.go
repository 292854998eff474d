package page

import (
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/site"
)

// What a check said of a whole source, by the key of its table: a few rows, one
// for each time that it changed.
const selectFailed = `SELECT COUNT(*) FROM check_interval WHERE org_id = ? AND check_id = ? AND source_id = ? AND key = ''
	AND status = 'fail' AND ends > ? AND starts < ?`

// failures are the times of the period at which a key control failed, as its
// calendar has them: what an exception covered is none. The calendar is asked of
// those checks alone that failed at all.
func (h home) failures(v *site.Visit, from, to time.Time) ([]site.Interval, error) {
	if !v.Actor.May(auth.ChecksRead) {
		return nil, nil
	}
	key := map[string][]string{} // check: controls that rest on it
	for _, x := range h.Controls {
		for _, c := range x.Checks {
			if x.Key {
				key[c] = append(key[c], x.Code)
			}
		}
	}
	var failed []checks.Check
	err := v.DB.Read(v.Context(), string(v.Org), func(tx *db.Tx) error {
		for _, a := range h.Answers {
			if !a.Mandatory || key[a.ID] == nil {
				continue
			}
			var n, all int64
			for _, s := range a.Sources {
				if err := tx.Row(selectFailed, []any{v.Org, a.ID, s.Source, clock.Millis(from), clock.Millis(to)}, &n); err != nil {
					return err
				}
				all += n
			}
			if all > 0 {
				failed = append(failed, a)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []site.Interval
	for _, a := range failed {
		held, err := checks.Coverage.Do(v.Context(), v.Desk, checks.Period{Check: a.ID, From: from, To: to})
		if err != nil {
			return nil, err
		}
		for _, s := range held.Spans {
			if s.Status == checks.Fail {
				out = append(out, site.Interval{Status: site.StatusFail, From: s.From, To: s.To,
					Label: strings.Join(key[a.ID], ", ") + " failed for " + site.Duration(s.To.Sub(s.From)) + " from " + site.DateTime(s.From.In(h.Zone))})
			}
		}
	}
	slices.SortFunc(out, func(a, b site.Interval) int { return a.From.Compare(b.From) })
	return out, nil
}

// missed are the days on which the evidence of a key control became overdue and
// has been since.
func (h home) missed(from, to time.Time) []site.PeriodEvent {
	var out []site.PeriodEvent
	for _, x := range h.Controls {
		if !x.Key || x.Evidenced != readiness.Empty || x.Newest.IsZero() {
			continue
		}
		at := x.Newest.Add(evidence.Rhythm(x.Frequency)).In(h.Zone)
		if !at.Before(from) && at.Before(to) && !at.After(h.At) {
			out = append(out, site.PeriodEvent{At: at, Status: site.StatusFail, Text: x.Code + " overdue", Href: controlHref(x.Code)})
		}
	}
	return out
}
