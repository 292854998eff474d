package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

const (
	lease      = 60 * time.Second
	poll       = time.Second
	look       = 2 * time.Second // how soon a worker notices that its job was cancelled
	maxBackoff = time.Hour

	progressEvery = 300 * time.Millisecond
	keepDone      = 30 * 24 * time.Hour
)

// Runner takes jobs off the table and does them. Any number of processes may
// run one.
type Runner struct {
	engine  *op.Engine
	workers map[string]Worker
	slots   int
	name    string
	wake    chan struct{}
}

// NewRunner does the given kinds, slots at a time.
func NewRunner(e *op.Engine, workers []Worker, slots int) *Runner {
	r := &Runner{engine: e, workers: map[string]Worker{}, slots: slots, wake: make(chan struct{}, 1)}
	for _, w := range workers {
		r.workers[w.kind()] = w
	}
	r.name = workerName()
	return r
}

// Wake makes the runner look now rather than at its next poll.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run is what a worker knows of the job it does.
type Run struct {
	*op.Engine
	Job     id.Job
	Org     id.Org
	Attempt int

	mu   sync.Mutex
	last time.Time
	stop context.CancelFunc
}

const (
	claimLite = `UPDATE job SET state = 'running', attempt = attempt + 1, worker = ?, lease_until = ?
		WHERE id IN (SELECT id FROM job WHERE state = 'ready' AND run_at <= ? ORDER BY run_at, id LIMIT ?)
		RETURNING id, org_id, kind, args, attempt, max_attempts`
	// An array, since PostgreSQL may run a subquery after IN several times over
	// and so claim more than were asked for.
	claimPG = `UPDATE job SET state = 'running', attempt = attempt + 1, worker = ?, lease_until = ?
		WHERE id = ANY (ARRAY(SELECT id FROM job WHERE state = 'ready' AND run_at <= ? ORDER BY run_at, id LIMIT ? FOR UPDATE SKIP LOCKED))
		RETURNING id, org_id, kind, args, attempt, max_attempts`
	// Who has lost a job has lost it for this attempt, and says nothing more
	// about it, whatever its worker is called.
	extend      = "UPDATE job SET lease_until = ? WHERE id = ? AND state = 'running' AND attempt = ?"
	setProgress = "UPDATE job SET progress = ? WHERE id = ? AND state = 'running' AND attempt = ?"
	stillMine   = "SELECT COUNT(*) FROM job WHERE id = ? AND state = 'running' AND attempt = ?"
	finish      = "UPDATE job SET state = ?, error = ?, finished = ?, run_at = ? WHERE id = ? AND state = 'running' AND attempt = ?"
	sweep       = `UPDATE job SET error = 'its worker stopped answering', finished = CASE WHEN attempt < max_attempts THEN finished ELSE ? END,
		state = CASE WHEN attempt < max_attempts THEN 'ready' ELSE 'failed' END WHERE state = 'running' AND lease_until < ?`
	forget = "DELETE FROM job WHERE state IN ('done', 'failed', 'cancelled') AND finished < ?"
	due    = `SELECT s.org_id, s.name, s.kind, s.args, s.every, s.next_run, s.day_time, s.weekday, COALESCE(o.zone, '')
		FROM job_schedule s LEFT JOIN orgs o ON o.org_id = s.org_id WHERE s.next_run <= ? ORDER BY s.next_run, s.org_id, s.name LIMIT 100`
	advance = "UPDATE job_schedule SET next_run = ? WHERE org_id = ? AND name = ? AND next_run = ?"
	peek    = `SELECT (SELECT COUNT(*) FROM job WHERE state = 'ready' AND run_at <= ?) + (SELECT COUNT(*) FROM job WHERE state = 'running' AND lease_until < ?)
		+ (SELECT COUNT(*) FROM job_schedule WHERE next_run <= ?)`
)

// Progress tells whoever watches how far the job has come; at most a few
// times a second reaches the table.
func (r *Run) Progress(done, about int, what string) {
	r.mu.Lock()
	now := r.Clock.Now()
	if now.Sub(r.last) < progressEvery {
		r.mu.Unlock()
		return
	}
	r.last = now
	r.mu.Unlock()
	b, _ := json.Marshal(Progress{done, about, what})
	mine := true
	err := r.DB.Write(context.Background(), db.All, func(tx *db.Tx) error {
		n, err := tx.Exec(setProgress, string(b), r.Job, r.Attempt)
		mine = n > 0
		return err
	})
	switch {
	case err != nil:
		r.Log.Debug("progress", "job", r.Job, "err", err)
	case !mine && r.stop != nil: // cancelled, or taken over
		r.stop()
	}
}

func workerName() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}

type claimed struct {
	Run
	kind     string
	args     string
	attempt  int
	attempts int
}

// Run works until ctx ends, then waits for the jobs in hand.
func (r *Runner) Run(ctx context.Context) {
	var busy sync.WaitGroup
	slots := make(chan struct{}, r.slots)
	defer busy.Wait()
	for {
		for {
			jobs, err := r.step(ctx, r.slots-len(slots))
			if err != nil && ctx.Err() == nil {
				r.engine.Log.Error("jobs", "err", err)
			}
			for i := range jobs {
				slots <- struct{}{}
				busy.Go(func() {
					r.do(ctx, &jobs[i])
					<-slots
					r.Wake()
				})
			}
			if len(jobs) == 0 {
				break
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-time.After(poll):
		}
	}
}

// Drain does what is due, one job after the other, until nothing is, and says
// how many there were. It is for whoever has no time to wait for Run.
func (r *Runner) Drain(ctx context.Context) (int, error) {
	for n := 0; ; {
		jobs, err := r.step(ctx, r.slots)
		if err != nil || len(jobs) == 0 {
			return n, err
		}
		for i := range jobs {
			r.do(ctx, &jobs[i])
		}
		n += len(jobs)
	}
}

// step does what is due: schedules become jobs, lost jobs become ready, and up
// to n ready ones are claimed. It writes nothing when nothing is due.
func (r *Runner) step(ctx context.Context, n int) ([]claimed, error) {
	now := r.engine.Clock.Now()
	var waiting int
	err := r.engine.DB.Read(ctx, db.All, func(tx *db.Tx) error {
		ms := clock.Millis(now)
		return tx.Row(peek, []any{ms, ms, ms}, &waiting)
	})
	if err != nil || waiting == 0 || ctx.Err() != nil {
		return nil, err
	}
	// A schedule that fails does not keep jobs waiting.
	late := r.schedules(ctx, now)
	var jobs []claimed
	err = r.engine.DB.Write(ctx, db.All, func(tx *db.Tx) (err error) {
		if _, err := tx.Exec(sweep, clock.Millis(now), clock.Millis(now)); err != nil {
			return err
		}
		if n <= 0 {
			return nil
		}
		query := claimLite
		if tx.Dialect() == db.Postgres {
			query = claimPG
		}
		jobs, err = db.Rows(tx, query, []any{r.name, clock.Millis(now.Add(lease)), clock.Millis(now), n},
			func(scan func(...any) error, c *claimed) error {
				c.Engine = r.engine
				err := scan(&c.Job, &c.Org, &c.kind, &c.args, &c.attempt, &c.attempts)
				c.Run.Attempt = c.attempt
				return err
			})
		return err
	})
	return jobs, errors.Join(late, err)
}

// do runs one job with a heartbeat and files the outcome.
func (r *Runner) do(ctx context.Context, c *claimed) {
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	c.stop = cancel
	go r.beat(work, cancel, &c.Run)
	err := r.attempt(work, c)
	now := r.engine.Clock.Now()
	state, text, again, ended := Done, "", now, now
	if err != nil {
		state, text = Failed, said(err)
		switch {
		case ctx.Err() != nil: // it did not fail; this process stops
			state, ended = Ready, time.Time{}
		case c.attempt < c.attempts && !errors.Is(err, errNoWorker):
			state, ended = Ready, time.Time{}
			again = now.Add(min(maxBackoff, time.Duration(c.attempt*c.attempt)*5*time.Second))
		}
		r.engine.Log.Log(ctx, slog.LevelWarn, "job", "kind", c.kind, "job", c.Job, "attempt", c.attempt, "state", state, "err", err)
	}
	// The outcome is filed even when the process is being stopped.
	err = r.engine.DB.Write(context.WithoutCancel(ctx), db.All, func(tx *db.Tx) error {
		_, err := tx.Exec(finish, state, text, clock.Millis(ended), clock.Millis(again), c.Job, c.attempt)
		return err
	})
	if err != nil {
		r.engine.Log.Error("job outcome", "job", c.Job, "err", err)
	}
}

// said is what members read about a failure. Whatever else an error holds is in
// the log.
func said(err error) string {
	if f := fault.As(err); f != nil {
		return f.Message
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

var errNoWorker = errors.New("this version does not know that kind of job")

func (r *Runner) attempt(ctx context.Context, c *claimed) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.Log.Error("job", "kind", c.kind, "job", c.Job, "panic", p, "stack", string(debug.Stack()))
			err = errors.New("it stopped where nobody expected it; the server's log says where")
		}
	}()
	w, ok := r.workers[c.kind]
	if !ok {
		return errNoWorker
	}
	return w.work(ctx, &c.Run, []byte(c.args))
}

// beat renews the lease until the job ends, and ends the job when another has
// taken it over meanwhile.
func (r *Runner) beat(ctx context.Context, cancel context.CancelFunc, job *Run) {
	t := time.NewTicker(look)
	defer t.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		ask := r.holds
		if n%(int(lease/3/look)) == 0 {
			ask = r.renew
		}
		mine, err := ask(ctx, job)
		switch {
		case err != nil && ctx.Err() == nil:
			r.engine.Log.Error("heartbeat", "job", job.Job, "err", err)
		case err == nil && !mine:
			cancel()
		}
	}
}

// holds reports whether the job is still this worker's, without a write.
func (r *Runner) holds(ctx context.Context, job *Run) (mine bool, err error) {
	err = r.engine.DB.Read(ctx, db.All, func(tx *db.Tx) error {
		var n int64
		err := tx.Row(stillMine, []any{job.Job, job.Attempt}, &n)
		mine = n > 0
		return err
	})
	return mine, err
}

// renew reports whether the job is still this worker's.
func (r *Runner) renew(ctx context.Context, job *Run) (mine bool, err error) {
	err = r.engine.DB.Write(ctx, db.All, func(tx *db.Tx) error {
		n, err := tx.Exec(extend, clock.Millis(r.engine.Clock.Now().Add(lease)), job.Job, job.Attempt)
		mine = n > 0
		return err
	})
	return mine, err
}

type dueSchedule struct {
	org              id.Org
	name, kind, args string
	every, next      int64
	day              DayTime
	zone             string
}

// missed counts the whole occurrences that have gone by beside the one that is
// due.
func (s dueSchedule) missed(now time.Time) int64 {
	if s.day.IsZero() {
		return (now.UnixMilli() - s.next) / s.every
	}
	n := int64(0)
	for t := clock.FromMillis(s.next); n < maxMissed; n++ {
		if t = s.day.After(t, s.zone); t.After(now) {
			break
		}
	}
	return n
}

// maxMissed bounds the counting over an outage; nobody reads a larger number.
const maxMissed = 10_000

// schedules turns what is due into jobs. A schedule that missed whole
// occurrences leaves one gap entry for the outage: what was not looked at must
// not look like calm.
func (r *Runner) schedules(ctx context.Context, now time.Time) error {
	var list []dueSchedule
	err := r.engine.DB.Read(ctx, db.All, func(tx *db.Tx) (err error) {
		list, err = db.Rows(tx, due, []any{clock.Millis(now)}, func(scan func(...any) error, s *dueSchedule) error {
			return scan(&s.org, &s.name, &s.kind, &s.args, &s.every, &s.next, &s.day.At, &s.day.Weekday, &s.zone)
		})
		return err
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range list {
		desk := r.engine.Machine(s.org, "schedule", auth.JobsRead)
		if s.missed(now) > 0 {
			_, err = Missed.Do(ctx, desk, s)
		} else {
			err = r.engine.DB.Write(ctx, string(s.org), func(tx *db.Tx) error { return s.enqueue(tx, now) })
		}
		if err != nil && fault.KindOf(err) != fault.KindConflict {
			errs = append(errs, fmt.Errorf("schedule %s of %s: %w", s.name, s.org, err))
		}
	}
	return errors.Join(errs...)
}

// enqueue advances the schedule and adds its job; it conflicts when another
// process has.
func (s dueSchedule) enqueue(tx *db.Tx, now time.Time) error {
	next := s.next + s.every
	switch {
	case !s.day.IsZero():
		next = clock.Millis(s.day.After(now, s.zone))
	case next <= now.UnixMilli():
		next = now.UnixMilli() + s.every
	}
	n, err := tx.Exec(advance, next, s.org, s.name, s.next)
	if err == nil && n == 0 {
		err = fault.Conflict("schedule %s is taken", s.name)
	}
	if err != nil {
		return err
	}
	_, err = Enqueue(tx, s.org, Insert{Kind: s.kind, Args: json.RawMessage(s.args), Unique: s.name}, now)
	return err
}

// Missed records that a schedule did not run while nothing was running, and
// runs it now.
var Missed = op.Work("jobs.miss", "Record that scheduled work did not run, and run it now.", auth.JobsRead,
	func(c *op.Call, s dueSchedule) (struct{}, error) {
		missed := s.missed(c.Now)
		if err := s.enqueue(c.Tx, c.Now); err != nil {
			return struct{}{}, err
		}
		_, err := c.Append(op.Record{Kind: canon.KindGap, Body: map[string]any{
			"schedule": s.name, "from": canon.FormatTime(clock.FromMillis(s.next)), "to": canon.FormatTime(c.Now),
			"missed": missed, "cause": "Tickmark was not running",
		}})
		return struct{}{}, err
	})

// Forget removes jobs that ended long ago.
func Forget(ctx context.Context, e *op.Engine) error {
	return e.DB.Write(ctx, db.All, func(tx *db.Tx) error {
		_, err := tx.Exec(forget, clock.Millis(e.Clock.Now().Add(-keepDone)))
		return err
	})
}
