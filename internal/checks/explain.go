package checks

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Explain is what a stretch of the calendar opens to.
var Explain = op.Read("coverage.explain", "Show what happened in a stretch of time: what failed or was unknown, why, and the runs and evidence that say so.", auth.ChecksRead, explain)

// Stretch is a time of a check, a control or a resource.
type Stretch struct {
	Check   string    `json:"check,omitempty" doc:"A check's id."`
	Control string    `json:"control,omitempty" doc:"Or an adopted control's id or code: all its checks together."`
	Source  string    `json:"source,omitempty" doc:"With a check: only what one source shows."`
	Key     string    `json:"key,omitempty" maxLength:"500" doc:"With a check and a source: only one resource."`
	From    time.Time `json:"from" doc:"Start of the time."`
	To      time.Time `json:"to" doc:"End of the time, not included; now, if it lies in the future."`
	Status  string    `json:"status,omitempty" enum:"fail,unknown" doc:"Only resources that were this; fail if left out."`
	After   string    `json:"after,omitempty" doc:"Continue after this page: the value of next. Only with a check."`
	Limit   int       `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many resources of a check at once; 50 if left out."`
}

// Happened is what a stretch of time was made of.
type Happened struct {
	Held       Held     `json:"held"`
	Checks     []Judge  `json:"checks"`
	Exceptions []Waiver `json:"exceptions"`
	// Told is what people made of it, oldest first, until a week after it ended;
	// Unsaid how many more there are.
	Told   []Telling `json:"told"`
	Unsaid int       `json:"unsaid,omitempty"`
}

// A Judge is a check with what it said in that time.
type Judge struct {
	Check     string      `json:"check"`
	Title     string      `json:"title"`
	Kind      string      `json:"kind"`
	Said      []Saying    `json:"said"` // of each source as a whole, in order
	Resources []Happening `json:"resources"`
	Next      string      `json:"next,omitempty"`
	Failing   int64       `json:"failing"` // resources that failed at some time in it
	Unknown   int64       `json:"unknown"`
	Runs      []Seeing    `json:"runs"`
	RunCount  int64       `json:"run_count"`
}

// A Saying is what a check said about a source as a whole.
type Saying struct {
	Source id.Source `json:"source"`
	Name   string    `json:"name"`
	Status Status    `json:"status"`
	Reason string    `json:"reason,omitempty"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to,omitzero"` // zero while it lasts
}

// A Happening is what was said of one resource, and from when until when.
type Happening struct {
	Source id.Source    `json:"source"`
	Key    string       `json:"key"`
	Status Status       `json:"status"`
	Reason string       `json:"reason,omitempty"`
	From   time.Time    `json:"from"`
	To     time.Time    `json:"to,omitzero"`
	Run    id.Run       `json:"run"`
	Entry  int64        `json:"entry"` // of the run
	Waived id.Exception `json:"exception,omitempty"`

	ends int64
}

// A Seeing is a run in that time, or the one before it that still held.
type Seeing struct {
	Run      id.Run      `json:"run"`
	Source   id.Source   `json:"source"`
	Name     string      `json:"name"`
	At       time.Time   `json:"at"`
	Status   Status      `json:"status,omitempty"` // empty if the source did not answer
	Error    string      `json:"error,omitempty"`
	Failing  int64       `json:"failing"`
	Unknown  int64       `json:"unknown"`
	Entry    int64       `json:"entry"`
	Evidence id.Evidence `json:"evidence,omitempty"`
	Proof    int64       `json:"evidence_entry,omitempty"`
}

const (
	selectSaid = `SELECT i.source_id, s.name, i.status, i.reason, i.starts, i.ends FROM check_interval i
		JOIN source s ON s.org_id = i.org_id AND s.id = i.source_id
		WHERE i.org_id = ? AND i.check_id = ? AND i.key = '' AND i.ends > ? AND i.starts < ? AND i.status IN ('fail', 'unknown')
		ORDER BY i.starts, i.source_id LIMIT 50`
	selectHappened = `SELECT i.source_id, i.key, i.status, i.reason, i.starts, i.ends, i.run_id, COALESCE(u.entry, 0) FROM check_interval i
		LEFT JOIN source_run u ON u.org_id = i.org_id AND u.id = i.run_id
		WHERE i.org_id = ? AND i.check_id = ? AND i.status = ? AND (i.ends, i.key, i.source_id, i.starts) > (?, ?, ?, ?)
			AND i.starts < ? AND i.key <> '' ORDER BY i.ends, i.key, i.source_id, i.starts LIMIT ?`
	selectHappenedTo = `SELECT i.source_id, i.key, i.status, i.reason, i.starts, i.ends, i.run_id, COALESCE(u.entry, 0) FROM check_interval i
		LEFT JOIN source_run u ON u.org_id = i.org_id AND u.id = i.run_id
		WHERE i.org_id = ? AND i.check_id = ? AND i.source_id = ? AND i.key = ? AND i.ends > ? AND i.starts < ? ORDER BY i.starts LIMIT ?`
	countHappened = `SELECT COUNT(*) FROM check_interval WHERE org_id = ? AND check_id = ? AND status = ? AND ends > ? AND starts < ? AND key <> ''`
	selectRuns    = `SELECT r.run_id, r.source_id, s.name, r.at, r.status, '', r.failing, r.unknown, COALESCE(u.entry, 0) FROM check_result r
		JOIN source s ON s.org_id = r.org_id AND s.id = r.source_id
		LEFT JOIN source_run u ON u.org_id = r.org_id AND u.id = r.run_id
		WHERE r.org_id = ? AND r.check_id = ? AND r.at < ? AND r.at >= ? ORDER BY r.at, r.source_id LIMIT ?`
	selectBefore = `SELECT MAX(at) FROM check_result WHERE org_id = ? AND check_id = ? AND at < ?`
	countResults = `SELECT COUNT(*) FROM check_result WHERE org_id = ? AND check_id = ? AND at < ? AND at >= ?`
	selectSilent = `SELECT u.id, u.source_id, s.name, u.ended, '', u.error, 0, 0, u.entry FROM source_run u
		JOIN source s ON s.org_id = u.org_id AND s.id = u.source_id
		WHERE u.org_id = ? AND u.status <> 'ok' AND u.ended >= ? AND u.ended < ? AND EXISTS (SELECT 1 FROM check_result r
			WHERE r.org_id = u.org_id AND r.check_id = ? AND r.source_id = u.source_id) ORDER BY u.ended LIMIT ?`
	selectWitness = `SELECT id, entry FROM evidence WHERE org_id = ? AND run_id = ? AND resource_kind = ? AND erased = 0 ORDER BY entry LIMIT 1`
)

// runsShown is how many runs of a check a stretch names.
const runsShown = 25

func explain(c *op.Call, in Stretch) (Happened, error) {
	out := Happened{Checks: []Judge{}, Exceptions: []Waiver{}, Told: []Telling{}}
	if in.After != "" && in.Check == "" {
		return out, fault.Invalid("after", "pages are of one check: give it")
	}
	period := Period{Check: in.Check, Control: in.Control, Source: in.Source, Key: in.Key, From: in.From, To: in.To}
	p, err := period.settle(c)
	if err != nil {
		return out, err
	}
	if out.Held, err = coverage(c, period); err != nil {
		return out, err
	}
	waivers, err := db.Rows(c.Tx, selectApproved, []any{c.Org}, scanWaiver)
	if err != nil {
		return out, err
	}
	for i, l := range p.lives {
		if i+1 < len(p.lives) && p.lives[i+1].check == l.check {
			continue // the newest version names it
		}
		j, err := p.explain(c, in, l, waivers)
		if err != nil {
			return out, err
		}
		out.Checks = append(out.Checks, j)
		for _, w := range waivers {
			if w.Check == l.check && w.Starts.Before(p.To) && p.From.Before(w.exception().end()) && (in.Key == "" || w.whole() || w.names(in.Key)) {
				w.settle(c.Now, nil)
				out.Exceptions = append(out.Exceptions, w)
			}
		}
	}
	slices.SortStableFunc(out.Checks, func(a, b Judge) int { return b.weight() - a.weight() })
	return out, p.told(c, &out)
}

// weight orders checks: those that failed, those that could not tell, the rest.
func (j Judge) weight() int {
	switch {
	case j.Failing > 0 || slices.ContainsFunc(j.Said, func(s Saying) bool { return s.Status == Fail }):
		return 2
	case len(j.Said) > 0 || j.Unknown > 0:
		return 1
	}
	return 0
}

func (p asked) explain(c *op.Call, in Stretch, l life, waivers []Waiver) (Judge, error) {
	j := Judge{Check: l.check, Title: l.title, Kind: l.kind, Resources: []Happening{}}
	from, to := clock.Millis(p.From), clock.Millis(p.To)
	var err error
	j.Said, err = db.Rows(c.Tx, selectSaid, []any{c.Org, l.check, from, to}, func(scan func(...any) error, s *Saying) error {
		var starts, ends int64
		err := scan(&s.Source, &s.Name, &s.Status, &s.Reason, &starts, &ends)
		s.From, s.To = clock.FromMillis(starts), ended(ends)
		return err
	})
	if err != nil {
		return j, err
	}
	j.Said = slices.DeleteFunc(j.Said, func(s Saying) bool { return in.Source != "" && string(s.Source) != in.Source })
	if err := p.resources(c, in, &j); err != nil {
		return j, err
	}
	for i := range j.Resources {
		h := &j.Resources[i]
		for _, w := range waivers {
			e := w.exception()
			if w.Check == l.check && h.Status == Fail && (w.whole() || w.names(h.Key)) && e.From.Before(p.To) && p.From.Before(e.end()) {
				h.Waived = w.ID
			}
		}
	}
	return j, p.runs(c, in, &j)
}

// resources are those that failed or were unknown in that time.
func (p asked) resources(c *op.Call, in Stretch, j *Judge) error {
	from, to := clock.Millis(p.From), clock.Millis(p.To)
	scan := func(scan func(...any) error, h *Happening) error {
		var starts int64
		err := scan(&h.Source, &h.Key, &h.Status, &h.Reason, &starts, &h.ends, &h.Run, &h.Entry)
		h.From, h.To = clock.FromMillis(starts), ended(h.ends)
		return err
	}
	n := op.Limit(in.Limit)
	var err error
	if in.Key != "" {
		j.Resources, err = db.Rows(c.Tx, selectHappenedTo, []any{c.Org, j.Check, in.Source, in.Key, from, to, n}, scan)
		return err
	}
	for _, x := range []struct {
		status Status
		n      *int64
	}{{Fail, &j.Failing}, {Unknown, &j.Unknown}} {
		if err := c.Tx.Row(countHappened, []any{c.Org, j.Check, string(x.status), from, to}, x.n); err != nil {
			return err
		}
	}
	status := Status(in.Status)
	if status == "" {
		if status = Fail; j.Failing == 0 {
			status = Unknown
		}
	}
	cursor := []any{from + 1, "", "", int64(-1)}
	if in.After != "" {
		var at [4]json.RawMessage
		var ends, starts int64
		var key, source string
		if json.Unmarshal([]byte(in.After), &at) != nil || json.Unmarshal(at[0], &ends) != nil || json.Unmarshal(at[1], &key) != nil ||
			json.Unmarshal(at[2], &source) != nil || json.Unmarshal(at[3], &starts) != nil {
			return fault.Invalid("after", "give the value of next as it came")
		}
		cursor = []any{ends, key, source, starts}
	}
	args := append([]any{c.Org, j.Check, string(status)}, cursor...)
	rows, err := db.Rows(c.Tx, selectHappened, append(args, to, n+1), scan)
	if err != nil {
		return err
	}
	page := op.PageOf(rows, n, 0, func(h Happening) string {
		b, _ := json.Marshal([]any{h.ends, h.Key, h.Source, clock.Millis(h.From)}) // of texts and numbers only
		return string(b)
	})
	j.Resources, j.Next = page.Items, page.Next
	return nil
}

// runs are those that looked in that time, the last one before it, and those
// that should have looked and got no answer.
func (p asked) runs(c *op.Call, in Stretch, j *Judge) error {
	from, to := clock.Millis(p.From), clock.Millis(p.To)
	if err := c.Tx.Row(countResults, []any{c.Org, j.Check, to, from}, &j.RunCount); err != nil {
		return err
	}
	var before *int64
	if err := c.Tx.Row(selectBefore, []any{c.Org, j.Check, from}, &before); err != nil {
		return err
	}
	if before != nil {
		from = *before
	}
	scan := func(scan func(...any) error, s *Seeing) error {
		var at int64
		err := scan(&s.Run, &s.Source, &s.Name, &at, &s.Status, &s.Error, &s.Failing, &s.Unknown, &s.Entry)
		s.At = clock.FromMillis(at)
		return err
	}
	rows, err := db.Rows(c.Tx, selectRuns, []any{c.Org, j.Check, to, from, runsShown}, scan)
	if err != nil {
		return err
	}
	silent, err := db.Rows(c.Tx, selectSilent, []any{c.Org, clock.Millis(p.From), to, j.Check, runsShown}, scan)
	if err != nil {
		return err
	}
	rows = append(rows, silent...)
	slices.SortStableFunc(rows, func(a, b Seeing) int { return a.At.Compare(b.At) })
	j.Runs = []Seeing{}
	for _, s := range rows {
		if in.Source != "" && string(s.Source) != in.Source {
			continue
		}
		err := c.Tx.Each(selectWitness, []any{c.Org, s.Run, j.Kind}, func(scan func(...any) error) error { return scan(&s.Evidence, &s.Proof) })
		if err != nil {
			return err
		}
		s.Error = strings.TrimSpace(s.Error)
		j.Runs = append(j.Runs, s)
	}
	return nil
}
