// Package job is the machine's work: a table on the same database, so that a
// job commits with the row that caused it, and survives whatever the process
// does not.
package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// States of a job.
const (
	Ready   = "ready"
	Running = "running"
	Done    = "done"
	Failed  = "failed"
	// Cancelled is a job that somebody stopped.
	Cancelled = "cancelled"
)

// Worker does one kind of job.
type Worker interface {
	kind() string
	attempts() int
	work(ctx context.Context, r *Run, args []byte) error
}

type worker[A any] struct {
	name  string
	tries int
	fn    func(ctx context.Context, r *Run, args A) error
}

// New declares a kind of job. attempts bounds how often it is tried.
func New[A any](kind string, attempts int, fn func(ctx context.Context, r *Run, args A) error) Worker {
	return &worker[A]{kind, attempts, fn}
}

func (w *worker[A]) kind() string  { return w.name }
func (w *worker[A]) attempts() int { return w.tries }

func (w *worker[A]) work(ctx context.Context, r *Run, raw []byte) error {
	var args A
	if err := json.Unmarshal(raw, &args); err != nil {
		return fmt.Errorf("arguments of job %s: %w", r.Job, err)
	}
	return w.fn(ctx, r, args)
}

// Insert describes a job to be done.
type Insert struct {
	Kind string
	Args any
	// Unique keeps a second job of the same kind and key out while one waits
	// or runs.
	Unique string
	// At is the earliest time; zero for now.
	At time.Time
	// Attempts bounds how often it is tried; 0 is 5.
	Attempts int
}

const (
	insertJob = `INSERT INTO job (id, org_id, kind, args, unique_key, state, attempt, max_attempts, run_at, lease_until, worker, error, progress, created, finished)
		VALUES (?, ?, ?, ?, ?, 'ready', 0, ?, ?, 0, '', '', '', ?, 0)
		ON CONFLICT (org_id, kind, unique_key) WHERE state IN ('ready', 'running') AND unique_key <> '' DO NOTHING`
	selectUnique = "SELECT id FROM job WHERE org_id = ? AND kind = ? AND unique_key = ? AND state IN ('ready', 'running')"
	selectJob    = `SELECT id, kind, state, attempt, error, progress, created, finished FROM job WHERE org_id = ? AND id = ?`
	selectJobs   = `SELECT id, kind, state, attempt, error, progress, created, finished FROM job WHERE org_id = ? AND id < ?
		AND (? = '' OR state = ?) AND (? = '' OR kind = ?) ORDER BY id DESC LIMIT ?`
)

// Enqueue adds a job in the caller's transaction and returns its id, or that
// of the one that is there already.
func Enqueue(tx *db.Tx, org id.Org, in Insert, now time.Time) (id.Job, error) {
	args, err := json.Marshal(in.Args)
	if err != nil {
		return "", err
	}
	if in.At.IsZero() {
		in.At = now
	}
	if in.Attempts == 0 {
		in.Attempts = 5
	}
	j := id.New[id.Job](now)
	n, err := tx.Exec(insertJob, j, org, in.Kind, string(args), in.Unique, in.Attempts, clock.Millis(in.At), clock.Millis(now))
	if err == nil && n == 0 {
		err = tx.Row(selectUnique, []any{org, in.Kind, in.Unique}, &j)
	}
	return j, err
}

// Job is one as it stands.
type Job struct {
	ID       id.Job    `json:"id"`
	Kind     string    `json:"kind"`
	State    string    `json:"state"`
	Attempt  int64     `json:"attempt"`
	Error    string    `json:"error,omitempty"`
	Progress Progress  `json:"progress"`
	Created  time.Time `json:"created"`
	Finished time.Time `json:"finished,omitzero"`
}

// Progress is how far a job says it has come.
type Progress struct {
	Done  int    `json:"done,omitempty"`
	About int    `json:"about,omitempty"`
	What  string `json:"what,omitempty"`
}

func scanJob(scan func(...any) error, j *Job) error {
	var (
		progress          string
		created, finished int64
	)
	if err := scan(&j.ID, &j.Kind, &j.State, &j.Attempt, &j.Error, &progress, &created, &finished); err != nil {
		return err
	}
	j.Created, j.Finished = clock.FromMillis(created), clock.FromMillis(finished)
	if progress == "" {
		return nil
	}
	return json.Unmarshal([]byte(progress), &j.Progress)
}

// Get returns a job of an organization.
func Get(tx *db.Tx, org id.Org, j id.Job) (Job, error) {
	rows, err := db.Rows(tx, selectJob, []any{org, j}, scanJob)
	if err == nil && len(rows) == 0 {
		return Job{}, fault.NotFound("no job %s", j)
	}
	if err != nil {
		return Job{}, err
	}
	return rows[0], nil
}

// newest sorts after every job, in whatever order a database keeps letters.
const newest = "job_z"

// Page lists jobs before one, newest first; before may be empty.
func Page(tx *db.Tx, org id.Org, before id.Job, n int) ([]Job, error) {
	return page(tx, org, Filter{After: string(before)}, n)
}

func page(tx *db.Tx, org id.Org, in Filter, n int) ([]Job, error) {
	if in.After == "" {
		in.After = newest
	}
	return db.Rows(tx, selectJobs, []any{org, in.After, in.State, in.State, in.Kind, in.Kind, n}, scanJob)
}

// Schedule is work that recurs. It is a row, so that a process that was down
// can say what it missed.
type Schedule struct {
	Name  string
	Kind  string
	Args  any
	Every time.Duration
	First time.Time
	// Day says when it runs by the clock on the wall; Every and First are then
	// left out.
	Day DayTime
}

const (
	// A schedule keeps its place in time unless its rhythm changed.
	upsertSchedule = `INSERT INTO job_schedule (org_id, name, kind, args, every, next_run, day_time, weekday) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org_id, name) DO UPDATE SET kind = excluded.kind, args = excluded.args, every = excluded.every,
		day_time = excluded.day_time, weekday = excluded.weekday,
		next_run = CASE WHEN job_schedule.every = excluded.every AND job_schedule.day_time = excluded.day_time AND job_schedule.weekday = excluded.weekday
			THEN job_schedule.next_run ELSE excluded.next_run END`
	deleteSchedule = "DELETE FROM job_schedule WHERE org_id = ? AND name = ?"
	selectNext     = "SELECT next_run FROM job_schedule WHERE org_id = ? AND name = ?"
)

// SetSchedule adds or changes a schedule in the caller's transaction.
func SetSchedule(tx *db.Tx, org id.Org, s Schedule) error {
	if !s.Day.IsZero() {
		s.Every = s.Day.every()
	}
	if s.Every < time.Second {
		return errors.New("a schedule needs an interval of a second at least")
	}
	args, err := json.Marshal(s.Args)
	if err != nil {
		return err
	}
	_, err = tx.Exec(upsertSchedule, org, s.Name, s.Kind, string(args), s.Every.Milliseconds(), clock.Millis(s.First), s.Day.At, s.Day.Weekday)
	return err
}

// Next is when a schedule runs next; zero if there is none of that name.
func Next(tx *db.Tx, org id.Org, name string) (time.Time, error) {
	var ms int64
	err := tx.Row(selectNext, []any{org, name}, &ms)
	if errors.Is(err, db.ErrNone) {
		return time.Time{}, nil
	}
	return clock.FromMillis(ms), err
}

// EndSchedule removes a schedule.
func EndSchedule(tx *db.Tx, org id.Org, name string) error {
	_, err := tx.Exec(deleteSchedule, org, name)
	return err
}

// What can be asked of jobs.
var (
	List = op.Read("jobs.list", "List the machine's jobs, newest first.", auth.JobsRead, list)
	Show = op.Read("jobs.get", "Show a job and how far it has come.", auth.JobsRead, show)

	Operations = []op.Operation{List, Show, Missed}
)

// Filter pages through jobs.
type Filter struct {
	State string `json:"state,omitempty" enum:"ready,running,done,failed" doc:"Only jobs that stand like this."`
	Kind  string `json:"kind,omitempty" maxLength:"60" doc:"Only jobs of this kind, such as collect."`
	After string `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

const countJobs = "SELECT COUNT(*) FROM job WHERE org_id = ? AND (? = '' OR state = ?) AND (? = '' OR kind = ?)"

func list(c *op.Call, in Filter) (op.Page[Job], error) {
	var total int64
	if err := c.Tx.Row(countJobs, []any{c.Org, in.State, in.State, in.Kind, in.Kind}, &total); err != nil {
		return op.Page[Job]{}, err
	}
	n := op.Limit(in.Limit)
	rows, err := page(c.Tx, c.Org, in, n+1)
	return op.PageOf(rows, n, total, func(j Job) string { return string(j.ID) }), err
}

// Ref names a job.
type Ref struct {
	ID string `json:"id" doc:"The job's id, job_…."`
}

func show(c *op.Call, in Ref) (Job, error) {
	j, err := id.Parse[id.Job](in.ID)
	if err != nil {
		return Job{}, err
	}
	return Get(c.Tx, c.Org, j)
}
