package checks

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sources"
)

// Worker judges runs.
func Worker() job.Worker {
	return job.New(sources.EvaluateJob, 5, func(ctx context.Context, r *job.Run, in sources.Evaluation) error {
		desk := r.Machine(r.Org, "checks", auth.SourcesRead, auth.ChecksRead, auth.ChecksWrite, auth.EvidenceWrite)
		if in.Run != "" {
			return EvaluateRun(ctx, desk, in.Run, r.Progress)
		}
		list, err := sources.List.Do(ctx, desk, op.None{})
		if err != nil {
			return err
		}
		for _, s := range list.Items {
			if s.Latest == nil || s.Latest.Status != sources.RunOK {
				continue
			}
			if err := EvaluateRun(ctx, desk, s.Latest.ID, r.Progress); err != nil {
				return err
			}
		}
		return nil
	})
}

// concluded is what one check found in a run.
type concluded struct {
	def     Definition
	digest  string
	own     bool
	covered bool
	result  Result
	judged  []Judged // only resources it applies to

	before Status    // what it said of the source until this run, if that turned; see noteTurn
	failed []string  // what failed until then
	seen   time.Time // when that was last looked at
}

// verdicts is everything that the checks found in a run.
type verdicts struct {
	run    sources.Run
	checks []concluded
}

var inForceNow = op.Read("checks.inforce", "List the definitions in force.", auth.ChecksRead, func(c *op.Call, _ op.None) (forced, error) {
	defs, own, err := definitions(c)
	return forced{defs, own}, err
})

type forced struct {
	defs []Definition
	own  map[string]bool
}

// EvaluateRun judges what a run saw, from the sealed bytes of the run, and
// records the answers. Doing it twice changes nothing.
func EvaluateRun(ctx context.Context, desk *op.Desk, run id.Run, progress func(done, about int, what string)) error {
	r, err := sources.RunGet.Do(ctx, desk, sources.Ref{ID: string(run)})
	if err != nil || r.Status != sources.RunOK {
		return err
	}
	schemas, err := sources.Schemas()
	if err != nil {
		return err
	}
	now, err := inForceNow.Do(ctx, desk, op.None{})
	if err != nil {
		return err
	}
	v := verdicts{run: r}
	var kinds []string
	panel := map[string][]*judging{} // by kind
	for _, d := range now.defs {
		_, covered := kindOf(r, d.Kind)
		blind := missing(r, d.Kind)
		if !covered && len(blind) == 0 {
			continue // this source says nothing about that kind
		}
		compiled, err := prepare(d, schemas[d.Kind])
		if err != nil {
			return err
		}
		if panel[d.Kind] == nil {
			kinds = append(kinds, d.Kind)
		}
		panel[d.Kind] = append(panel[d.Kind], &judging{Compiled: compiled.Compiled, tally: NewTally(d), blind: blind,
			concluded: concluded{def: d, digest: compiled.digest, own: now.own[d.ID], covered: covered}})
	}
	for _, name := range kinds {
		kind, covered := kindOf(r, name)
		done := 0
		judge := func(rows []sources.Resource) error {
			for _, j := range panel[name] {
				j.judge(rows, r.Ended)
			}
			if done += len(rows); progress != nil {
				progress(done, int(kind.Count), "Judging: "+schemas[name].Title)
			}
			return ctx.Err()
		}
		if covered {
			if err := sources.EachChunk(ctx, desk, schemas[name], kind.Address, judge); err != nil {
				return err
			}
		}
		for _, j := range panel[name] {
			j.result = j.tally.Result(covered, j.blind)
			v.checks = append(v.checks, j.concluded)
		}
	}
	_, err = Conclude.Do(ctx, desk, v)
	return err
}

// judging is one check while the resources of its kind go by, so that none but
// the answers are held.
type judging struct {
	*Compiled
	concluded
	tally *Tally
	blind []sources.Missing
}

func (j *judging) judge(rows []sources.Resource, at time.Time) {
	for _, res := range rows {
		o := j.Evaluate(res, Params{}, at)
		j.tally.Add(o)
		if o.Status != NotApplicable {
			j.judged = append(j.judged, Judged{res.Key, o})
		}
	}
}

func kindOf(r sources.Run, kind string) (sources.RunKind, bool) {
	for _, k := range r.Kinds {
		if k.Kind == kind {
			return k, true
		}
	}
	return sources.RunKind{}, false
}

func missing(r sources.Run, kind string) []sources.Missing {
	var out []sources.Missing
	for _, m := range r.Missing {
		if m.Kind == kind {
			out = append(out, m)
		}
	}
	return out
}

const (
	selectOpen = `SELECT key, status, class, reason, starts FROM check_interval
		WHERE org_id = ? AND check_id = ? AND source_id = ? AND ends = ?`
	closeInterval  = "UPDATE check_interval SET ends = ? WHERE org_id = ? AND check_id = ? AND source_id = ? AND key = ? AND starts = ?"
	insertInterval = `INSERT INTO check_interval (org_id, check_id, source_id, key, starts, ends, status, class, reason, digest, run_id)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertResult = `INSERT INTO check_result (org_id, check_id, source_id, at, run_id, digest, status, total, passing, failing, unknown,
		not_applicable, summary, reason, remedy) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	selectLast = `SELECT at, run_id, digest FROM check_result WHERE org_id = ? AND check_id = ? AND source_id = ? ORDER BY at DESC LIMIT 1`
)

// Answered counts what a run's judgement changed.
type Answered struct {
	Checks  int   `json:"checks"`
	Changed int   `json:"changed"`
	Entry   int64 `json:"entry"`
}

func conclude(c *op.Call, v verdicts) (Answered, error) {
	out := Answered{Checks: len(v.checks)}
	results := []any{}
	for i := range v.checks {
		x := &v.checks[i]
		if !x.own { // own ones were put in force when they were written
			if err := shipAs(c, *x); err != nil {
				return out, err
			}
		}
		n, said, err := advance(c, v.run, x)
		if err != nil {
			return out, err
		}
		out.Changed += n
		r := x.result
		one := map[string]any{"check": x.def.ID, "digest": x.digest, "status": string(r.Status),
			"total": r.Total, "passing": r.Passing, "failing": r.Failing, "unknown": r.Unknown}
		maps.Copy(one, said)
		results = append(results, one)
	}
	active, err := controls.Active(c)
	if err != nil {
		return out, err
	}
	if err := link(c, v, active); err != nil {
		return out, err
	}
	if err := v.tell(c, active); err != nil {
		return out, err
	}
	if err := v.planLook(c); err != nil {
		return out, err
	}
	out.Entry, err = c.Append(op.Record{Kind: canon.KindOp, Body: map[string]any{
		"run": string(v.run.ID), "source": string(v.run.Source), "results": results}})
	return out, err
}

// shipAs puts a shipped definition in force, unless it is.
func shipAs(c *op.Call, x concluded) error {
	var digest string
	if err := c.Tx.Row(inForce, []any{c.Org, x.def.ID}, &digest); err == nil && digest == x.digest {
		return nil
	}
	body, err := bodyOf(x.def)
	if err != nil {
		return err
	}
	return install(c, x.def, false, body)
}

// advance brings the intervals of a check up to a run; the check as a whole
// has the empty key. What it wrote is returned for the entry: see written.
func advance(c *op.Call, run sources.Run, x *concluded) (int, map[string]any, error) {
	was, err := db.Rows(c.Tx, selectOpen, []any{c.Org, x.def.ID, run.Source, open}, scanInterval)
	if err != nil {
		return 0, nil, err
	}
	var whole, each []Interval
	for _, i := range was {
		if i.Key == "" {
			whole = append(whole, i)
		} else {
			each = append(each, i)
		}
	}
	r := x.result
	last, again, done, err := lastResult(c, run, *x)
	if err != nil || done {
		return 0, nil, err
	}
	at, turns := run.Ended, run.Ended
	if again { // another rule on what was seen before: its answers count from when it came into force
		if turns, err = effective(c, x.def.ID, run.Ended); err != nil {
			return 0, nil, err
		}
		if !at.After(last) {
			at = last.Add(time.Millisecond)
		}
	}
	covered, judged := x.covered, x.judged
	if !covered && r.Class == classMissing {
		// The run looked and was not shown it: what was known of each is not
		// gone, and not known any more.
		covered, judged = true, blinded(each, r.Outcome())
		r.Total, r.Unknown = len(judged), len(judged)
		x.result = r
	}
	changes := Advance(each, last, turns, covered, judged)
	all := Advance(whole, last, turns, true, []Judged{{"", r.Outcome()}})
	if !again {
		at = all.At
	}
	if !again && run.Ended.After(last) { // what is judged late is no news
		x.noteTurn(each, all, last)
	}
	_, err = c.Tx.Exec(insertResult, c.Org, x.def.ID, run.Source, clock.Millis(at), run.ID, x.digest, string(r.Status),
		r.Total, r.Passing, r.Failing, r.Unknown, r.NotApplicable, r.Summary, r.Reason, r.Remedy)
	if err != nil {
		return 0, nil, err
	}
	closed, opened := append(changes.Closed, all.Closed...), append(changes.Opened, all.Opened...)
	if err := shut(c, run, *x, closed); err != nil {
		return 0, nil, err
	}
	ins, err := c.Tx.Prepare(insertInterval)
	if err != nil {
		return 0, nil, err
	}
	defer ins.Close()
	for _, i := range opened {
		err := ins.Exec(c.Org, x.def.ID, run.Source, i.Key, clock.Millis(i.From), open, string(i.Status), i.Class, i.Reason+i.Message,
			x.digest, run.ID)
		if err != nil {
			return 0, nil, err
		}
	}
	return len(closed) + len(opened), written(r, at, all.At, changes.At, opened, closed), nil
}

// blinded gives every resource that was judged before the same outcome.
func blinded(each []Interval, o Outcome) []Judged {
	out := make([]Judged, len(each))
	for i, was := range each {
		out[i] = Judged{was.Key, o}
	}
	return out
}

const selectEffective = "SELECT MAX(effective) FROM check_definition WHERE org_id = ? AND check_id = ? AND ended = 0"

// effective is when the version in force came into force, not before a run.
func effective(c *op.Call, check string, run time.Time) (time.Time, error) {
	var at *int64
	if err := c.Tx.Row(selectEffective, []any{c.Org, check}, &at); err != nil || at == nil {
		return run, err
	}
	return later(run, clock.FromMillis(*at)), nil
}

// lastResult is when the check last spoke of the source, whether it was of this
// very run, and whether it was by this very rule too.
func lastResult(c *op.Call, run sources.Run, x concluded) (at time.Time, again, same bool, err error) {
	var (
		ms     int64
		was    id.Run
		digest string
	)
	err = c.Tx.Row(selectLast, []any{c.Org, x.def.ID, run.Source}, &ms, &was, &digest)
	if errors.Is(err, db.ErrNone) {
		return time.Time{}, false, false, nil
	}
	return clock.FromMillis(ms), was == run.ID, was == run.ID && digest == x.digest, err
}

func shut(c *op.Call, run sources.Run, x concluded, closed []Interval) error {
	if len(closed) == 0 {
		return nil
	}
	up, err := c.Tx.Prepare(closeInterval)
	if err != nil {
		return err
	}
	defer up.Close()
	for _, i := range closed {
		if err := up.Exec(clock.Millis(i.To), c.Org, x.def.ID, run.Source, i.Key, clock.Millis(i.From)); err != nil {
			return err
		}
	}
	return nil
}

func scanInterval(scan func(...any) error, i *Interval) error {
	var starts int64
	err := scan(&i.Key, &i.Status, &i.Class, &i.Reason, &starts)
	i.From = clock.FromMillis(starts)
	return err
}

// link ties the evidence of the run to the adopted controls whose checks
// judged it.
func link(c *op.Call, v verdicts, active []controls.Control) error {
	byCode := map[string]id.Control{}
	for _, x := range active {
		byCode[x.Code] = x.ID
	}
	records, err := evidence.OfRun(c, v.run.ID)
	if err != nil {
		return err
	}
	for _, x := range v.checks {
		for _, code := range x.def.Controls {
			control, adopted := byCode[code]
			if !adopted {
				continue
			}
			for _, r := range records {
				if r.ResourceKind != x.def.Kind {
					continue
				}
				if err := evidence.Link(c, r, control); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// ended is the zero time for an interval that lasts.
func ended(ms int64) time.Time {
	if ms == open {
		return time.Time{}
	}
	return clock.FromMillis(ms)
}
