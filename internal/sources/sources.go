// Package sources is where facts come from: what is connected, each run that
// read it, and the resources that were seen. A source that did not answer is a
// fact too.
package sources

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
)

// Everything that can be done with sources.
var (
	List      = op.Read("sources.list", "List the connected sources and their newest runs.", auth.SourcesRead, list)
	KindList  = op.Read("sources.kinds", "List the kinds of source there are, with what each asks and needs.", auth.SourcesRead, listKinds)
	Get       = op.Read("sources.get", "Show a source.", auth.SourcesRead, get)
	Create    = op.Write("sources.create", "Connect a source.", auth.SourcesWrite, create)
	Update    = op.Write("sources.update", "Change how a source is reached and when it is read.", auth.SourcesWrite, update)
	Remove    = op.Write("sources.remove", "Disconnect a source. What it showed stays on record; what opened it is forgotten.", auth.SourcesWrite, remove)
	Reconnect = op.Write("sources.reconnect", "Connect a source again that was disconnected.", auth.SourcesWrite, reconnect)
	Pause     = op.Write("sources.pause", "Stop reading a source by its schedule.", auth.SourcesWrite, pause)
	Resume    = op.Write("sources.resume", "Read a source by its schedule again.", auth.SourcesWrite, resume)
	Test      = op.Asking("sources.test", "Ask a source whether it would answer, and what it would not show.", auth.SourcesWrite, try, tried)
	Collect   = op.Write("sources.collect", "Read a source now.", auth.SourcesWrite, collect)
	Cancel    = op.Write("sources.cancel", "Stop the reading of a source. Nothing of it is kept but that it was stopped.", auth.SourcesWrite, cancel)
	Runs      = op.Read("runs.list", "List the runs of a source, newest first.", auth.SourcesRead, runs)
	RunGet    = op.Read("runs.get", "Show a run: what it read and what it could not.", auth.SourcesRead, runGet)
	Resources = op.Read("resources.list", "List what a source showed when it was last read.", auth.SourcesRead, resources)
	Record    = op.Work("runs.record", "Record a run with everything it saw.", auth.SourcesWrite, record)
	Fail      = op.Work("runs.fail", "Record that a source could not be read.", auth.SourcesWrite, fail)

	opened = op.Read("sources.open", "Open what a source is reached with.", auth.SourcesWrite, open)

	Operations = append([]op.Operation{List, KindList, Get, Create, Update, Remove, Reconnect, Pause, Resume, Test, Collect, Cancel, Runs, RunGet, Resources, Find, Record, Fail, look}, append(imports, mappings...)...)
)

// Jobs of this area and, by name, of the one that judges what it collects.
const (
	CollectJob  = "collect"
	EvaluateJob = "evaluate"
)

// A Source is a place facts come from.
type Source struct {
	ID       id.Source       `json:"id"`
	Kind     string          `json:"kind"`
	Name     string          `json:"name"`
	Settings json.RawMessage `json:"settings"`
	Secrets  []Secret        `json:"secrets,omitempty"` // which are kept, never what they are
	Every    int64           `json:"every_minutes"`
	At       string          `json:"at,omitempty"`       // of each day, instead of every so often
	Weekday  string          `json:"weekday,omitempty"`  // of each week, at that time
	Expected string          `json:"expected,omitempty"` // how often a file is, of one that is fed
	Due      time.Time       `json:"due,omitzero"`       // by when the next file is expected
	Overdue  bool            `json:"overdue,omitempty"`  // none came by then
	Paused   time.Time       `json:"paused,omitzero"`
	Next     time.Time       `json:"next,omitzero"` // when it is read next
	Version  int64           `json:"version"`
	Created  time.Time       `json:"created"`
	Removed  time.Time       `json:"removed,omitzero"`
	Latest   *Run            `json:"latest,omitempty"`
	Health   Health          `json:"health"`
	Reading  *job.Job        `json:"reading,omitempty"` // the job that reads it now
}

// Health is how a source has answered.
type Health struct {
	Answered time.Time `json:"answered,omitzero"` // last
	Runs     int64     `json:"runs"`              // of the last 30 days
	OK       int64     `json:"ok"`                // of those
}

// healthDays is how far back answers are counted.
const healthDays = 30

// Day is the time of day at which a source is read, if it is not read every so
// often.
func (s Source) Day() job.DayTime { return job.DayTime{At: s.At, Weekday: s.Weekday} }

// Outcomes of a run.
const (
	RunOK        = "ok"
	RunFailed    = "failed"
	RunCancelled = "cancelled"
)

// A Run is one reading of a source.
type Run struct {
	ID        id.Run            `json:"id"`
	Source    id.Source         `json:"source"`
	Collector string            `json:"collector"`
	Started   time.Time         `json:"started"`
	Ended     time.Time         `json:"ended"`
	Status    string            `json:"status"`
	Error     string            `json:"error,omitempty"`
	Resources int64             `json:"resources"`
	Missing   []Missing         `json:"missing"`
	Scope     map[string]string `json:"scope"`
	Entry     int64             `json:"entry"`
	Kinds     []RunKind         `json:"kinds,omitempty"`
}

// RunKind is what a run saw of one kind.
type RunKind struct {
	Kind  string `json:"kind"`
	Count int64  `json:"count"`
	// Since the run before that saw it.
	Added   int64 `json:"added"`
	Changed int64 `json:"changed"`
	Gone    int64 `json:"gone"`

	Address string `json:"-"` // of the list of chunks
}

const (
	sourceColumns = "id, kind, name, settings, every, day_time, weekday, expected, paused, version, created, removed"
	selectSources = "SELECT " + sourceColumns + " FROM source WHERE org_id = ? AND removed = 0 ORDER BY id"
	selectSource  = "SELECT " + sourceColumns + " FROM source WHERE org_id = ? AND id = ?"
	insertTimed   = "INSERT INTO source (org_id, " + sourceColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 1, ?, 0)"

	runColumns   = "id, source_id, collector, started, ended, status, error, resources, missing, scope, entry"
	selectRun    = "SELECT " + runColumns + " FROM source_run WHERE org_id = ? AND id = ?"
	selectRuns   = "SELECT " + runColumns + " FROM source_run WHERE org_id = ? AND source_id = ? AND id < ? ORDER BY id DESC LIMIT ?"
	selectAllRun = "SELECT " + runColumns + " FROM source_run WHERE org_id = ? AND id < ? ORDER BY id DESC LIMIT ?"
	selectLatest = "SELECT " + runColumns + " FROM source_run WHERE org_id = ? AND source_id = ? ORDER BY ended DESC, id DESC LIMIT 1"
	selectOK     = "SELECT COALESCE(MAX(ended), 0) FROM source_run WHERE org_id = ? AND source_id = ? AND status = 'ok'"
	countHealth  = `SELECT COUNT(*), COALESCE(SUM(CASE WHEN status = 'ok' THEN 1 ELSE 0 END), 0) FROM source_run
		WHERE org_id = ? AND source_id = ? AND ended > ? AND status <> 'cancelled'`
	countRuns    = "SELECT COUNT(*) FROM source_run WHERE org_id = ? AND source_id = ?"
	countAllRuns = "SELECT COUNT(*) FROM source_run WHERE org_id = ?"
	selectKinds  = "SELECT kind, count, address, added, changed, gone FROM source_run_kind WHERE org_id = ? AND run_id = ? ORDER BY kind"
)

func scanSource(scan func(...any) error, s *Source) error {
	var (
		settings                 string
		created, removed, paused int64
		every                    int64
	)
	err := scan(&s.ID, &s.Kind, &s.Name, &settings, &every, &s.At, &s.Weekday, &s.Expected, &paused, &s.Version, &created, &removed)
	s.Settings, s.Every = json.RawMessage(settings), every/time.Minute.Milliseconds()
	s.Created, s.Removed, s.Paused = clock.FromMillis(created), clock.FromMillis(removed), clock.FromMillis(paused)
	return err
}

func scanRun(scan func(...any) error, r *Run) error {
	var (
		started, ended int64
		missing, scope string
	)
	err := scan(&r.ID, &r.Source, &r.Collector, &started, &ended, &r.Status, &r.Error, &r.Resources, &missing, &scope, &r.Entry)
	if err != nil {
		return err
	}
	r.Started, r.Ended = clock.FromMillis(started), clock.FromMillis(ended)
	return errors.Join(json.Unmarshal([]byte(missing), &r.Missing), json.Unmarshal([]byte(scope), &r.Scope))
}

func list(c *op.Call, _ op.None) (op.Page[Source], error) {
	rows, err := db.Rows(c.Tx, selectSources, []any{c.Org}, scanSource)
	if err != nil {
		return op.Page[Source]{}, err
	}
	for i := range rows {
		if err := fill(c, &rows[i]); err != nil {
			return op.Page[Source]{}, err
		}
	}
	return op.Page[Source]{Items: rows, Total: int64(len(rows))}, nil
}

// fill adds what other rows say of a source.
func fill(c *op.Call, s *Source) error {
	var err error
	if s.Latest, err = latest(c, s.ID); err != nil {
		return err
	}
	if s.Reading, err = job.Busy(c.Tx, c.Org, CollectJob, schedule(s.ID)); err != nil {
		return err
	}
	if s.Next, err = job.Next(c.Tx, c.Org, schedule(s.ID)); err != nil {
		return err
	}
	var answered int64
	if err := c.Tx.Row(selectOK, []any{c.Org, s.ID}, &answered); err != nil {
		return err
	}
	s.Health.Answered = clock.FromMillis(answered)
	if err := s.expect(c); err != nil {
		return err
	}
	err = c.Tx.Row(countHealth, []any{c.Org, s.ID, clock.Millis(c.Now.AddDate(0, 0, -healthDays))}, &s.Health.Runs, &s.Health.OK)
	if err != nil {
		return err
	}
	s.Secrets, err = secrets(c, s.ID)
	return err
}

// latest is the newest run of a source with its kinds, or nil.
func latest(c *op.Call, s id.Source) (*Run, error) {
	rows, err := db.Rows(c.Tx, selectLatest, []any{c.Org, s}, scanRun)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	rows[0].Kinds, err = kinds(c, rows[0].ID)
	return &rows[0], err
}

func kinds(c *op.Call, run id.Run) ([]RunKind, error) {
	return db.Rows(c.Tx, selectKinds, []any{c.Org, run}, func(scan func(...any) error, k *RunKind) error {
		return scan(&k.Kind, &k.Count, &k.Address, &k.Added, &k.Changed, &k.Gone)
	})
}

// Ref names a source or a run.
type Ref struct {
	ID string `json:"id" doc:"Its id."`
}

func get(c *op.Call, in Ref) (Source, error) {
	s, err := id.Parse[id.Source](in.ID)
	if err != nil {
		return Source{}, err
	}
	return One(c, s)
}

// One returns a source, for other operations.
func One(c *op.Call, s id.Source) (Source, error) {
	rows, err := db.Rows(c.Tx, selectSource, []any{c.Org, s}, scanSource)
	if err == nil && len(rows) == 0 {
		err = fault.NotFound("There is no source %s.", s)
	}
	if err != nil {
		return Source{}, err
	}
	return rows[0], fill(c, &rows[0])
}

func schedule(s id.Source) string { return "collect " + string(s) }

// Order is the argument of a collect job.
type Order struct {
	Source id.Source `json:"source"`
}

// Started names a job that was put in line.
type Started struct {
	Job id.Job `json:"job"`
}

func collect(c *op.Call, in Ref) (Started, error) {
	s, err := get(c, in)
	if err != nil {
		return Started{}, err
	}
	if !s.Removed.IsZero() {
		return Started{}, fault.Conflict("%s is disconnected.", s.Name)
	}
	j, err := job.Enqueue(c.Tx, c.Org, job.Insert{Kind: CollectJob, Args: Order{s.ID}, Unique: schedule(s.ID), Attempts: attempts}, c.Now)
	return Started{j}, err
}

// RunFilter pages through runs.
type RunFilter struct {
	Source string `json:"source,omitempty" doc:"Only the runs of one source."`
	After  string `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit  int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

func runs(c *op.Call, in RunFilter) (op.Page[Run], error) {
	after := in.After
	if after == "" {
		after = "run_~" // sorts after every id
	}
	n := op.Limit(in.Limit)
	query, count, args := selectAllRun, countAllRuns, []any{c.Org}
	if in.Source != "" {
		query, count, args = selectRuns, countRuns, append(args, in.Source)
	}
	var total int64
	if err := c.Tx.Row(count, args, &total); err != nil {
		return op.Page[Run]{}, err
	}
	rows, err := db.Rows(c.Tx, query, append(args, after, n+1), scanRun)
	if err != nil {
		return op.Page[Run]{}, err
	}
	page := op.PageOf(rows, n, total, func(r Run) string { return string(r.ID) })
	for i := range page.Items {
		if page.Items[i].Kinds, err = kinds(c, page.Items[i].ID); err != nil {
			return op.Page[Run]{}, err
		}
	}
	return page, nil
}

func runGet(c *op.Call, in Ref) (Run, error) {
	r, err := id.Parse[id.Run](in.ID)
	if err != nil {
		return Run{}, err
	}
	return RunOf(c, r)
}

// RunOf returns a run with its kinds, for other operations.
func RunOf(c *op.Call, r id.Run) (Run, error) {
	rows, err := db.Rows(c.Tx, selectRun, []any{c.Org, r}, scanRun)
	if err == nil && len(rows) == 0 {
		err = fault.NotFound("There is no run %s.", r)
	}
	if err != nil {
		return Run{}, err
	}
	rows[0].Kinds, err = kinds(c, r)
	return rows[0], err
}

// Seen is a resource as a source last showed it.
type Seen struct {
	Kind      string          `json:"kind"`
	Key       string          `json:"key"`
	Body      json.RawMessage `json:"body"`
	FirstSeen time.Time       `json:"first_seen"`
	Changed   time.Time       `json:"changed"`
}

const (
	selectSeen = "SELECT kind, key, body, first_seen, changed FROM source_resource WHERE org_id = ? AND source_id = ? AND kind = ? AND key > ? ORDER BY key LIMIT ?"
	selectOne  = "SELECT kind, key, body, first_seen, changed FROM source_resource WHERE org_id = ? AND source_id = ? AND kind = ? AND key = ?"
	countSeen  = "SELECT COUNT(*) FROM source_resource WHERE org_id = ? AND source_id = ? AND kind = ?"
)

// SeenFilter says which resources.
type SeenFilter struct {
	Source string `json:"source" doc:"The source's id."`
	Kind   string `json:"kind" doc:"The kind of resource, such as commit."`
	Key    string `json:"key,omitempty" doc:"Only the resource with this key."`
	After  string `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit  int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

func resources(c *op.Call, in SeenFilter) (op.Page[Seen], error) {
	n := op.Limit(in.Limit)
	scan := func(scan func(...any) error, s *Seen) error {
		var (
			body           string
			first, changed int64
		)
		err := scan(&s.Kind, &s.Key, &body, &first, &changed)
		s.Body, s.FirstSeen, s.Changed = json.RawMessage(body), clock.FromMillis(first), clock.FromMillis(changed)
		return err
	}
	if in.Key != "" {
		rows, err := db.Rows(c.Tx, selectOne, []any{c.Org, in.Source, in.Kind, in.Key}, scan)
		return op.Page[Seen]{Items: rows, Total: int64(len(rows))}, err
	}
	var total int64
	if err := c.Tx.Row(countSeen, []any{c.Org, in.Source, in.Kind}, &total); err != nil {
		return op.Page[Seen]{}, err
	}
	rows, err := db.Rows(c.Tx, selectSeen, []any{c.Org, in.Source, in.Kind, in.After, n + 1}, scan)
	return op.PageOf(rows, n, total, func(s Seen) string { return s.Key }), err
}
