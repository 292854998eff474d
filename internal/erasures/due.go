package erasures

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

const (
	selectDue = `SELECT d.evidence_id, d.due, d.rule FROM erasure_due d WHERE d.org_id = ? AND (d.due > ? OR d.due = ? AND d.evidence_id > ?)
		ORDER BY d.due, d.evidence_id LIMIT ?`
	countDue  = "SELECT COUNT(*) FROM erasure_due WHERE org_id = ?"
	selectAll = "SELECT evidence_id, due, rule FROM erasure_due WHERE org_id = ?"
	insertDue = "INSERT INTO erasure_due (org_id, evidence_id, due, rule, since) VALUES (?, ?, ?, ?, ?)"
)

// DueFilter pages through what is due.
type DueFilter struct {
	After string `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit int    `json:"limit,omitempty" minimum:"0" maximum:"200" doc:"How many at once; 50 if left out."`
}

func due(c *op.Call, in DueFilter) (op.Page[DueRecord], error) {
	var none op.Page[DueRecord]
	at, after := int64(math.MinInt64), ""
	if in.After != "" {
		ms, rest, ok := strings.Cut(in.After, "/")
		n, err := strconv.ParseInt(ms, 10, 64)
		if !ok || err != nil {
			return none, fault.Invalid("after", "want the value of next from the page before")
		}
		at, after = n, rest
	}
	var total int64
	if err := c.Tx.Row(countDue, []any{c.Org}, &total); err != nil {
		return none, err
	}
	n := op.Limit(in.Limit)
	rows, err := db.Rows(c.Tx, selectDue, []any{c.Org, at, at, after, n + 1}, scanDue)
	if err != nil {
		return none, err
	}
	if err := tell(c, rows); err != nil {
		return none, err
	}
	return op.PageOf(rows, n, total, func(d DueRecord) string { return strconv.FormatInt(clock.Millis(d.Due), 10) + "/" + string(d.ID) }), nil
}

func scanDue(scan func(...any) error, d *DueRecord) error {
	var at int64
	err := scan(&d.ID, &at, &d.Rule)
	d.Due = clock.FromMillis(at)
	return err
}

// tell adds what the records are and what stands in the way.
func tell(c *op.Call, rows []DueRecord) error {
	if len(rows) == 0 {
		return nil
	}
	k, err := keeping(c)
	if err != nil {
		return err
	}
	waiting, err := db.Rows(c.Tx, selectWaiting, []any{c.Org}, scan)
	if err != nil {
		return err
	}
	asked := map[id.Evidence]string{}
	for _, e := range waiting {
		for _, x := range e.Evidence {
			asked[x] = string(e.ID)
		}
	}
	for i := range rows {
		d := &rows[i]
		r, err := evidence.Find(c, d.ID)
		if err != nil {
			return err
		}
		d.Title, d.Entry, d.Sealed, d.Personal, d.Asked = r.Title, r.Entry, r.Sealed, r.Personal, asked[d.ID]
		for _, h := range k.holds {
			if d.Held == "" && k.on(h, r) {
				d.Held = string(h.ID)
			}
		}
	}
	return nil
}

// youngest is the shortest time after which anything can be due.
const youngest = MinPersonalMonths * 28 * 24 * time.Hour

// ended computes what has come to the end of its time.
func ended(c *op.Call) ([]DueRecord, error) {
	r, err := rules(c)
	if err != nil {
		return nil, err
	}
	k, err := keeping(c)
	if err != nil {
		return nil, err
	}
	var out []DueRecord
	for after := int64(-1); ; {
		batch, err := evidence.Standing(c, c.Now.Add(-youngest), after, op.MaxLimit)
		if err != nil || len(batch) == 0 {
			return out, err
		}
		after = batch[len(batch)-1].Entry
		for _, x := range batch {
			if at, rule := k.until(r.Policy, x); !at.IsZero() && !at.After(c.Now) {
				out = append(out, DueRecord{ID: x.ID, Due: at, Rule: rule})
			}
		}
	}
}

// found is what a look has to change: nothing on most days, and then it leaves
// no entry either.
var found = op.Read("retention.find", "Find what has come to the end of its time since the last look.", look.Right(), func(c *op.Call, _ op.None) (bool, error) {
	now, err := ended(c)
	if err != nil {
		return false, err
	}
	have, err := db.Rows(c.Tx, selectAll, []any{c.Org}, scanDue)
	if err != nil || len(have) != len(now) {
		return true, err
	}
	known := map[id.Evidence]DueRecord{}
	for _, d := range have {
		known[d.ID] = d
	}
	for _, d := range now {
		if h, ok := known[d.ID]; !ok || !h.Due.Equal(d.Due) || h.Rule != d.Rule {
			return true, nil
		}
	}
	return false, nil
})

// keepDue brings the list of what is due up to date.
func keepDue(c *op.Call, _ op.None) (op.None, error) {
	now, err := ended(c)
	if err != nil {
		return op.None{}, err
	}
	have, err := db.Rows(c.Tx, selectAll, []any{c.Org}, scanDue)
	if err != nil {
		return op.None{}, err
	}
	for _, d := range have {
		if _, err := c.Tx.Exec(deleteDue, c.Org, d.ID); err != nil {
			return op.None{}, err
		}
	}
	for _, d := range now {
		if _, err := c.Tx.Exec(insertDue, c.Org, d.ID, clock.Millis(d.Due), d.Rule, clock.Millis(c.Now)); err != nil {
			return op.None{}, err
		}
	}
	c.Note("due", len(now))
	return op.None{}, nil
}
