package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Kinds of what is recorded, and how it ended.
const (
	Backup = "backup"
	Drill  = "drill"

	OK         = "ok"
	Incomplete = "incomplete" // all is there but some blobs, which were lost before
	Failed     = "failed"
)

// Everything about backups that an organization can ask.
var (
	List   = op.Read("backups.list", "List the backups that were made and the restores that were tried, newest first.", auth.LogRead, list)
	record = op.Work("backups.record", "Record that a backup was made or a restore was tried.", auth.OrgWrite, enter)

	Operations = []op.Operation{List, record}
)

// A Run is a backup, or a drill, as it concerns one organization: counts are
// of its own log and evidence.
type Run struct {
	ID       id.Backup `json:"id"`
	Kind     string    `json:"kind"`
	Outcome  string    `json:"outcome"`
	Problem  string    `json:"problem,omitempty"`
	Taken    time.Time `json:"taken"` // the moment that the copy shows
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Entries  int64     `json:"entries"` // copied, or read back
	Blobs    int64     `json:"blobs"`
	Size     int64     `json:"size"` // bytes of these blobs
	SHA256   string    `json:"sha256,omitempty"`
	Entry    int64     `json:"entry"` // of the log that says so
}

const (
	insertRun = `INSERT INTO backup_run (org_id, id, kind, outcome, problem, taken, started, finished, entries, blobs, size, sha256, entry)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	selectRuns = `SELECT id, kind, outcome, problem, taken, started, finished, entries, blobs, size, sha256, entry FROM backup_run
		WHERE org_id = ? AND id < ? ORDER BY id DESC LIMIT ?`
	selectNewest = `SELECT id, kind, outcome, problem, taken, started, finished, entries, blobs, size, sha256, entry FROM backup_run
		WHERE org_id = ? AND kind = ? ORDER BY id DESC LIMIT 1`
	countRuns = "SELECT COUNT(*) FROM backup_run WHERE org_id = ?"
	everyOrg  = "SELECT org_id FROM orgs ORDER BY org_id"
)

func scan(scan func(...any) error, r *Run) error {
	var taken, started, finished int64
	err := scan(&r.ID, &r.Kind, &r.Outcome, &r.Problem, &taken, &started, &finished, &r.Entries, &r.Blobs, &r.Size, &r.SHA256, &r.Entry)
	r.Taken, r.Started, r.Finished = clock.FromMillis(taken), clock.FromMillis(started), clock.FromMillis(finished)
	return err
}

// Listing asks for a part of the list.
type Listing struct {
	After string `json:"after,omitempty" doc:"The next of the part before." maxLength:"64"`
	Limit int    `json:"limit,omitempty" doc:"At most so many; 50 if left out." minimum:"0" maximum:"500"`
}

func list(c *op.Call, in Listing) (op.Page[Run], error) {
	before, limit := "~", op.Limit(in.Limit) // behind every identifier
	if in.After != "" {
		if _, err := id.Parse[id.Backup](in.After); err != nil {
			return op.Page[Run]{}, fault.Invalid("after", "give the next of the part before").With(err)
		}
		before = in.After
	}
	rows, err := db.Rows(c.Tx, selectRuns, []any{c.Org, before, limit + 1}, scan)
	if err != nil {
		return op.Page[Run]{}, err
	}
	var total int64
	err = c.Tx.Row(countRuns, []any{c.Org}, &total)
	return op.PageOf(rows, limit, total, func(r Run) string { return string(r.ID) }), err
}

// Latest is the newest backup and the newest drill; nil where there is none.
type Latest struct{ Backup, Drill *Run }

// Newest returns what an organization's page of the log's health shows.
func Newest(tx *db.Tx, org id.Org) (Latest, error) {
	var out Latest
	for kind, to := range map[string]**Run{Backup: &out.Backup, Drill: &out.Drill} {
		rows, err := db.Rows(tx, selectNewest, []any{org, kind}, scan)
		if err != nil {
			return Latest{}, err
		}
		if len(rows) > 0 {
			*to = &rows[0]
		}
	}
	return out, nil
}

func enter(c *op.Call, r Run) (Run, error) {
	r.ID = id.New[id.Backup](c.Now)
	entry, err := c.Append(op.Record{Kind: canon.KindOp, ID: string(r.ID), Body: map[string]any{"kind": r.Kind, "outcome": r.Outcome, "problem": r.Problem,
		"taken": canon.FormatTime(r.Taken), "started": canon.FormatTime(r.Started), "finished": canon.FormatTime(r.Finished),
		"entries": r.Entries, "blobs": r.Blobs, "size": r.Size, "sha256": r.SHA256}})
	if err != nil {
		return r, err
	}
	r.Entry = entry
	_, err = c.Tx.Exec(insertRun, c.Org, r.ID, r.Kind, r.Outcome, r.Problem, clock.Millis(r.Taken), clock.Millis(r.Started), clock.Millis(r.Finished),
		r.Entries, r.Blobs, r.Size, r.SHA256, r.Entry)
	return r, err
}

// A Result is what is put on record, for all organizations at once.
type Result struct {
	Kind     string    `json:"kind"`
	Outcome  string    `json:"outcome"`
	Problem  string    `json:"problem,omitempty"`
	Taken    time.Time `json:"taken"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	SHA256   string    `json:"sha256,omitempty"` // of the first file
	Logs     []Counted `json:"logs"`
}

// Counted is what one organization has in it.
type Counted struct {
	Org     id.Org `json:"org"`
	Entries int64  `json:"entries"`
	Blobs   int64  `json:"blobs"`
	Bytes   int64  `json:"bytes"`
}

// counted adds up a summary by organization.
func (s *Summary) counted() []Counted {
	var out []Counted
	at := map[id.Org]int{}
	of := func(org id.Org) *Counted {
		i, ok := at[org]
		if !ok {
			i, at[org] = len(out), len(out)
			out = append(out, Counted{Org: org})
		}
		return &out[i]
	}
	for _, l := range s.Logs {
		of(l.Org).Entries += l.Size
	}
	for _, o := range s.Orgs {
		c := of(o.Org)
		c.Blobs, c.Bytes = o.Blobs, o.Bytes
	}
	return out
}

// Record tells every organization of the installation, in its own log. What is
// of the others it does not learn.
func Record(ctx context.Context, e *op.Engine, res Result) error {
	var all []id.Org
	err := e.DB.Read(ctx, db.All, func(tx *db.Tx) (err error) {
		all, err = db.Rows(tx, everyOrg, nil, func(scan func(...any) error, o *id.Org) error { return scan(o) })
		return err
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, org := range all {
		run := Run{Kind: res.Kind, Outcome: res.Outcome, Problem: res.Problem, Taken: res.Taken, Started: res.Started, Finished: res.Finished, SHA256: res.SHA256}
		for _, c := range res.Logs {
			if c.Org == org {
				run.Entries, run.Blobs, run.Size = c.Entries, c.Blobs, c.Bytes
			}
		}
		if _, err := record.Do(ctx, e.Machine(org, "backup", auth.OrgWrite), run); err != nil {
			errs = append(errs, fmt.Errorf("organization %s: %w", org, err))
		}
	}
	return errors.Join(errs...)
}

// Result is how a backup is put on record.
func (m *Made) Result(finished time.Time) Result {
	r := Result{Kind: Backup, Outcome: OK, Taken: m.Taken, Started: m.Started, Finished: finished, SHA256: m.Main.SHA256, Logs: m.Summary.counted()}
	if m.AbsentCount > 0 {
		r.Outcome, r.Problem = Incomplete, fmt.Sprintf("%d blobs of the installation are not in it", m.AbsentCount)
	}
	return r
}
