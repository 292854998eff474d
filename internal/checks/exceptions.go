package checks

import (
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// What can be done with exceptions, and what they leave of a year.
var (
	Except     = op.Write("exceptions.create", "Waive a failing check, for a reason and until a day.", auth.ExceptWrite, except)
	EndExcept  = op.Write("exceptions.end", "End an exception before its day.", auth.ExceptWrite, endExcept)
	Exceptions = op.Read("exceptions.list", "List exceptions, those in force first.", auth.ChecksRead, exceptions)
	Coverage   = op.Read("coverage.get", "Show how a check or a control held over a period.", auth.ChecksRead, coverage)
)

// A Waiver is an exception as it is kept.
type Waiver struct {
	ID       id.Exception `json:"id"`
	Check    string       `json:"check"`
	Key      string       `json:"key,omitempty"` // of the resource; empty for all
	Reason   string       `json:"reason"`
	Owner    string       `json:"owner"`
	Approver string       `json:"approver"`
	Starts   time.Time    `json:"starts"`
	Ends     time.Time    `json:"ends"`
	Ended    time.Time    `json:"ended,omitzero"`
}

// maxWaiver is the longest a failure may be waived at once.
const maxWaiver = 366 * 24 * time.Hour

const (
	waiverColumns = "id, check_id, key, reason, owner, approver, starts, ends, ended"
	insertWaiver  = "INSERT INTO check_exception (org_id, " + waiverColumns + ", created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)"
	selectWaivers = "SELECT " + waiverColumns + " FROM check_exception WHERE org_id = ? ORDER BY ends DESC, id"
	endWaiver     = "UPDATE check_exception SET ended = ? WHERE org_id = ? AND id = ? AND ended = 0"
)

func scanWaiver(scan func(...any) error, w *Waiver) error {
	var starts, ends, ended int64
	err := scan(&w.ID, &w.Check, &w.Key, &w.Reason, &w.Owner, &w.Approver, &starts, &ends, &ended)
	w.Starts, w.Ends, w.Ended = clock.FromMillis(starts), clock.FromMillis(ends), clock.FromMillis(ended)
	return err
}

func (w Waiver) exception() Exception {
	return Exception{From: w.Starts, To: w.Ends, Closed: w.Ended, Cause: "exception " + string(w.ID) + ": " + w.Reason}
}

// Waive asks for an exception.
type Waive struct {
	Check  string    `json:"check" doc:"The check's id."`
	Key    string    `json:"key,omitempty" maxLength:"500" doc:"Only this resource; every failing one if left out."`
	Reason string    `json:"reason" minLength:"10" maxLength:"2000" doc:"Why the failure is accepted, and what covers the risk meanwhile."`
	Ends   time.Time `json:"ends" doc:"When it ends, within 12 months."`
	Owner  string    `json:"owner,omitempty" maxLength:"200" doc:"Who answers for it; you, if left out."`
}

func except(c *op.Call, in Waive) (Waiver, error) {
	defs, _, err := definitions(c)
	if err != nil {
		return Waiver{}, err
	}
	if !slices.ContainsFunc(defs, func(d Definition) bool { return d.ID == in.Check }) {
		return Waiver{}, fault.Invalid("check", "there is no check %s", in.Check)
	}
	w := Waiver{ID: id.New[id.Exception](c.Now), Check: in.Check, Key: in.Key, Reason: strings.TrimSpace(in.Reason),
		Owner: in.Owner, Approver: c.Actor.Name, Starts: c.Now, Ends: clock.Truncate(in.Ends)}
	if w.Owner == "" {
		w.Owner = c.Actor.Name
	}
	if !w.Ends.After(c.Now) || w.Ends.Sub(c.Now) > maxWaiver {
		return Waiver{}, fault.Invalid("ends", "give an end date within 12 months")
	}
	c.Note("id", string(w.ID))
	_, err = c.Tx.Exec(insertWaiver, c.Org, w.ID, w.Check, w.Key, w.Reason, w.Owner, w.Approver, clock.Millis(w.Starts),
		clock.Millis(w.Ends), clock.Millis(c.Now))
	return w, err
}

// WaiverRef names an exception.
type WaiverRef struct {
	ID string `json:"id" doc:"The exception's id, exc_…."`
}

func endExcept(c *op.Call, in WaiverRef) (op.None, error) {
	w, err := id.Parse[id.Exception](in.ID)
	if err != nil {
		return op.None{}, err
	}
	n, err := c.Tx.Exec(endWaiver, clock.Millis(c.Now), c.Org, w)
	if err == nil && n == 0 {
		err = fault.NotFound("There is no exception %s in force.", w)
	}
	return op.None{}, err
}

func exceptions(c *op.Call, _ op.None) (op.Page[Waiver], error) {
	rows, err := db.Rows(c.Tx, selectWaivers, []any{c.Org}, scanWaiver)
	return op.Page[Waiver]{Items: rows, Total: int64(len(rows))}, err
}

// activeExceptions are those that hold now, by check.
func activeExceptions(c *op.Call) (map[string][]Waiver, error) {
	rows, err := db.Rows(c.Tx, selectWaivers, []any{c.Org}, scanWaiver)
	out := map[string][]Waiver{}
	for _, w := range rows {
		if w.exception().covers(c.Now) {
			out[w.Check] = append(out[w.Check], w)
		}
	}
	return out, err
}

// Period asks how something held over a time.
type Period struct {
	Check   string    `json:"check,omitempty" doc:"A check's id."`
	Control string    `json:"control,omitempty" doc:"Or an adopted control's id or code: all its checks together."`
	From    time.Time `json:"from" doc:"Start of the period."`
	To      time.Time `json:"to" doc:"End of the period, not included; now, if it lies in the future."`
}

// Held is how a check or a control held over a period.
type Held struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Spans   []Span    `json:"spans"`
	Metrics Metrics   `json:"-"`
	// The metrics in words: percentages with four decimals, durations in ms.
	Uptime    string `json:"uptime"`
	Coverage  string `json:"coverage"`
	WorstCase string `json:"worst_case"`
	Drifts    int    `json:"drift_events"`
	MTTR      int64  `json:"mttr_ms"`
	Open      int    `json:"open_failures"`
}

func coverage(c *op.Call, in Period) (Held, error) {
	if (in.Check == "") == (in.Control == "") {
		return Held{}, fault.Invalid("check", "give a check or a control")
	}
	if in.To.After(c.Now) {
		in.To = c.Now
	}
	if !in.To.After(in.From) {
		return Held{}, fault.Invalid("to", "the period ends before it starts, or has not begun")
	}
	defs, _, err := definitions(c)
	if err != nil {
		return Held{}, err
	}
	if in.Check != "" && !slices.ContainsFunc(defs, func(d Definition) bool { return d.ID == in.Check }) {
		return Held{}, fault.NotFound("There is no check %s.", in.Check)
	}
	code := in.Control
	if in.Control != "" {
		x, err := controls.Get.Call(c, controls.Ref{ID: in.Control})
		if err != nil {
			return Held{}, err
		}
		code = x.Code
	}
	var tracks []Track
	for _, d := range defs {
		if d.ID != in.Check && !slices.Contains(d.Controls, code) {
			continue
		}
		more, err := tracksOf(c, d, in.From, in.To)
		if err != nil {
			return Held{}, err
		}
		tracks = append(tracks, more...)
	}
	h := Held{From: in.From, To: in.To, Spans: CombineTimelines(tracks, in.From, in.To)}
	h.Metrics = Measure(h.Spans, in.From, in.To, Background{})
	m := h.Metrics
	h.Uptime, h.Coverage, h.WorstCase = m.Uptime().Percent(), m.Coverage().Percent(), m.WorstCase().Percent()
	mean, _ := m.MTTR.Value()
	h.Drifts, h.MTTR, h.Open = m.DriftEvents(), mean.Milliseconds(), len(m.Open)
	return h, nil
}

const (
	selectHistory = `SELECT source_id, status, class, reason, starts, ends FROM check_interval
		WHERE org_id = ? AND check_id = ? AND key = '' ORDER BY source_id, starts`
	selectRunEnds = `SELECT at FROM check_result WHERE org_id = ? AND check_id = ? AND source_id = ? ORDER BY at`
)

// tracksOf is the timeline of a check about each source that has shown it.
func tracksOf(c *op.Call, d Definition, from, to time.Time) ([]Track, error) {
	by := map[id.Source][]Interval{}
	var list []id.Source
	err := c.Tx.Each(selectHistory, []any{c.Org, d.ID}, func(scan func(...any) error) error {
		var (
			s            id.Source
			i            Interval
			starts, ends int64
		)
		err := scan(&s, &i.Status, &i.Class, &i.Reason, &starts, &ends)
		i.From, i.To = clock.FromMillis(starts), ended(ends)
		if _, have := by[s]; !have {
			list = append(list, s)
		}
		by[s] = append(by[s], i)
		return err
	})
	if err != nil {
		return nil, err
	}
	waivers, err := db.Rows(c.Tx, selectWaivers, []any{c.Org}, scanWaiver)
	if err != nil {
		return nil, err
	}
	var waived []Exception
	for _, w := range waivers {
		if w.Check == d.ID && w.Key == "" {
			waived = append(waived, w.exception())
		}
	}
	var out []Track
	for _, s := range list {
		h := History{Intervals: by[s], Freshness: time.Duration(d.Freshness), Exceptions: waived}
		err := c.Tx.Each(selectRunEnds, []any{c.Org, d.ID, s}, func(scan func(...any) error) error {
			var at int64
			err := scan(&at)
			h.Runs = append(h.Runs, clock.FromMillis(at))
			return err
		})
		if err != nil {
			return nil, err
		}
		out = append(out, Track{Mandatory: d.Mandatory, Spans: h.Timeline(from, to)})
	}
	return out, nil
}
