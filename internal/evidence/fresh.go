package evidence

import (
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// DueList says until when each control's evidence is fresh.
var DueList = op.Read("evidence.due", "List controls by when their evidence is due again, by the rhythm of each.", auth.EvidenceRead, dueList)

// Soon is how long before the day evidence is called due.
const Soon = 14 * dayLong

const dayLong = 24 * time.Hour

// rhythm is how old the newest evidence of a control may be: its interval and
// a grace of about a quarter.
var rhythm = map[string]time.Duration{
	"annual": 410 * dayLong, "semi_annual": 215 * dayLong, "quarterly": 110 * dayLong, "monthly": 40 * dayLong, "semi_monthly": 20 * dayLong,
	"weekly": 9 * dayLong, "daily": 2 * dayLong, "many_times_a_day": 2 * dayLong, "per_event": 110 * dayLong, "continuous": 2 * dayLong,
}

// Rhythm is how old the newest evidence of a control may be, by how often it
// operates.
func Rhythm(frequency string) time.Duration { return rhythm[frequency] }

// States of a control's evidence.
const (
	Fresh   = "fresh"
	DueSoon = "soon"
	Overdue = "overdue" // none counts, or the newest is too old
)

// What counts: it stands, is more than words, and was not returned.
const freshOf = `SELECT c.id, c.code, c.title, c.frequency, c.owner_id, COALESCE(u.name, ''), COALESCE((SELECT MAX(e.captured) FROM evidence_control l
	JOIN evidence e ON e.org_id = l.org_id AND e.id = l.evidence_id WHERE l.org_id = c.org_id AND l.control_id = c.id AND l.ended = 0
	AND e.superseded_by = '' AND e.erased = 0 AND e.level <= 6
	AND NOT EXISTS (SELECT 1 FROM evidence_review v WHERE v.org_id = e.org_id AND v.evidence_id = e.id AND v.decision = 'returned'
		AND v.entry = (SELECT MAX(w.entry) FROM evidence_review w WHERE w.org_id = v.org_id AND w.evidence_id = v.evidence_id))), 0)
	FROM control c LEFT JOIN users u ON u.id = c.owner_id WHERE c.org_id = ? AND c.retired = 0`

const (
	selectFresh    = freshOf + " ORDER BY c.code LIMIT 50000"
	selectFreshOne = freshOf + " AND c.id = ?"
)

// A Due is a control with the day on which its evidence is due again.
type Due struct {
	Control   id.Control `json:"control"`
	Code      string     `json:"code"`
	Title     string     `json:"title"`
	Frequency string     `json:"frequency"`
	Owner     id.User    `json:"owner,omitempty"`
	OwnerName string     `json:"owner_name,omitempty"`
	Newest    time.Time  `json:"newest,omitzero"`
	Due       time.Time  `json:"due,omitzero"` // zero: there was never any
	State     string     `json:"state"`
}

// DueFilter narrows the list.
type DueFilter struct {
	State string `json:"state,omitempty" enum:",fresh,soon,overdue" doc:"Only controls whose evidence is fresh, due within 14 days, or overdue."`
	After string `json:"after,omitempty" maxLength:"40" doc:"Continue after this page: the value of next."`
	Limit int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

func dueList(c *op.Call, in DueFilter) (op.Page[Due], error) {
	var none op.Page[Due]
	all, err := db.Rows(c.Tx, selectFresh, []any{c.Org}, scanDue(c.Now))
	if err != nil {
		return none, err
	}
	n := op.Limit(in.Limit)
	var rows []Due
	var total int64
	for _, d := range all {
		if in.State != "" && d.State != in.State {
			continue
		}
		total++
		if d.Code > in.After && len(rows) <= n {
			rows = append(rows, d)
		}
	}
	return op.PageOf(rows, n, total, func(d Due) string { return d.Code }), nil
}

func scanDue(now time.Time) func(func(...any) error, *Due) error {
	return func(scan func(...any) error, d *Due) error {
		var newest int64
		err := scan(&d.Control, &d.Code, &d.Title, &d.Frequency, &d.Owner, &d.OwnerName, &newest)
		d.Newest = clock.FromMillis(newest)
		d.weigh(now)
		return err
	}
}

func (d *Due) weigh(now time.Time) {
	d.State = StateAt(d.Newest, d.Frequency, now)
	if !d.Newest.IsZero() {
		d.Due = d.Newest.Add(Rhythm(d.Frequency))
	}
}

// StateAt is how fresh a control's evidence is whose newest that counts is of
// then; zero is none.
func StateAt(newest time.Time, frequency string, now time.Time) string {
	if newest.IsZero() {
		return Overdue
	}
	switch left := newest.Add(Rhythm(frequency)).Sub(now); {
	case left < 0:
		return Overdue
	case left <= min(Soon, Rhythm(frequency)/2):
		return DueSoon
	}
	return Fresh
}
