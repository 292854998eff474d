// Package sources is where facts come from: what is connected, each run that
// read it, and the resources that were seen. A source that did not answer is a
// fact too.
package sources

import (
	"encoding/json"
	"errors"
	"strings"
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
	Get       = op.Read("sources.get", "Show a source.", auth.SourcesRead, get)
	Create    = op.Write("sources.create", "Connect a source.", auth.SourcesWrite, create)
	Remove    = op.Write("sources.remove", "Disconnect a source. What it showed stays on record.", auth.SourcesWrite, remove)
	Collect   = op.Write("sources.collect", "Read a source now.", auth.SourcesWrite, collect)
	Runs      = op.Read("runs.list", "List the runs of a source, newest first.", auth.SourcesRead, runs)
	RunGet    = op.Read("runs.get", "Show a run: what it read and what it could not.", auth.SourcesRead, runGet)
	Resources = op.Read("resources.list", "List what a source showed when it was last read.", auth.SourcesRead, resources)
	Record    = op.Work("runs.record", "Record a run with everything it saw.", auth.SourcesWrite, record)
	Fail      = op.Work("runs.fail", "Record that a source could not be read.", auth.SourcesWrite, fail)

	Operations = []op.Operation{List, Get, Create, Remove, Collect, Runs, RunGet, Resources, Find, Record, Fail}
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
	Every    int64           `json:"every_minutes"`
	Version  int64           `json:"version"`
	Created  time.Time       `json:"created"`
	Removed  time.Time       `json:"removed,omitzero"`
	Latest   *Run            `json:"latest,omitempty"`
}

// Outcomes of a run.
const (
	RunOK     = "ok"
	RunFailed = "failed"
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

	Address string `json:"-"` // of the list of chunks
}

const (
	sourceColumns = "id, kind, name, settings, every, version, created, removed"
	selectSources = "SELECT " + sourceColumns + " FROM source WHERE org_id = ? AND removed = 0 ORDER BY id"
	selectSource  = "SELECT " + sourceColumns + " FROM source WHERE org_id = ? AND id = ?"
	insertSource  = "INSERT INTO source (org_id, " + sourceColumns + ") VALUES (?, ?, ?, ?, ?, ?, 1, ?, 0)"
	removeSource  = "UPDATE source SET removed = ?, version = version + 1 WHERE org_id = ? AND id = ? AND removed = 0"

	runColumns   = "id, source_id, collector, started, ended, status, error, resources, missing, scope, entry"
	selectRun    = "SELECT " + runColumns + " FROM source_run WHERE org_id = ? AND id = ?"
	selectRuns   = "SELECT " + runColumns + " FROM source_run WHERE org_id = ? AND source_id = ? AND id < ? ORDER BY id DESC LIMIT ?"
	selectAllRun = "SELECT " + runColumns + " FROM source_run WHERE org_id = ? AND id < ? ORDER BY id DESC LIMIT ?"
	selectLatest = "SELECT " + runColumns + " FROM source_run WHERE org_id = ? AND source_id = ? ORDER BY ended DESC, id DESC LIMIT 1"
	countRuns    = "SELECT COUNT(*) FROM source_run WHERE org_id = ? AND source_id = ?"
	countAllRuns = "SELECT COUNT(*) FROM source_run WHERE org_id = ?"
	selectKinds  = "SELECT kind, count, address FROM source_run_kind WHERE org_id = ? AND run_id = ? ORDER BY kind"
)

func scanSource(scan func(...any) error, s *Source) error {
	var (
		settings         string
		created, removed int64
		every            int64
	)
	err := scan(&s.ID, &s.Kind, &s.Name, &settings, &every, &s.Version, &created, &removed)
	s.Settings, s.Every = json.RawMessage(settings), every/time.Minute.Milliseconds()
	s.Created, s.Removed = clock.FromMillis(created), clock.FromMillis(removed)
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
		if rows[i].Latest, err = latest(c, rows[i].ID); err != nil {
			return op.Page[Source]{}, err
		}
	}
	return op.Page[Source]{Items: rows, Total: int64(len(rows))}, nil
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
		return scan(&k.Kind, &k.Count, &k.Address)
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
	rows[0].Latest, err = latest(c, s)
	return rows[0], err
}

// Connection is a source to connect.
type Connection struct {
	Kind     string `json:"kind" enum:"git,host" doc:"git: a repository on this machine. host: this Linux machine."`
	Name     string `json:"name" minLength:"1" maxLength:"100" doc:"What people here call it."`
	Path     string `json:"path,omitempty" maxLength:"1000" doc:"git: the folder of the repository."`
	Settings string `json:"settings,omitempty" maxLength:"65536" doc:"Further settings of its kind, as a JSON object."`
	Every    int    `json:"every_minutes,omitempty" minimum:"5" maximum:"44640" doc:"How often it is read; 1440 if left out."`
}

func create(c *op.Call, in Connection) (Source, error) {
	settings := map[string]any{}
	if in.Settings != "" {
		err := json.Unmarshal([]byte(in.Settings), &settings)
		if err == nil && settings == nil { // null
			err = errors.New("null is none")
		}
		if err != nil {
			return Source{}, fault.Invalid("settings", "want a JSON object such as {\"branch\":\"main\"}: %s", err)
		}
	}
	if in.Path != "" {
		settings["path"] = in.Path
	}
	if in.Kind == "git" && settings["path"] == nil {
		return Source{}, fault.Invalid("path", "give the folder that holds the repository")
	}
	if in.Every == 0 {
		in.Every = 1440
	}
	raw, err := json.Marshal(settings)
	if err != nil {
		return Source{}, err
	}
	every := time.Duration(in.Every) * time.Minute
	s := Source{ID: id.New[id.Source](c.Now), Kind: in.Kind, Name: strings.TrimSpace(in.Name), Settings: raw,
		Every: int64(in.Every), Version: 1, Created: c.Now}
	_, err = c.Tx.Exec(insertSource, c.Org, s.ID, s.Kind, s.Name, string(raw), every.Milliseconds(), clock.Millis(c.Now))
	if err != nil {
		return Source{}, err
	}
	c.Note("id", string(s.ID))
	return s, job.SetSchedule(c.Tx, c.Org, job.Schedule{Name: schedule(s.ID), Kind: CollectJob, Args: Order{s.ID}, Every: every,
		First: c.Now.Add(every)})
}

func schedule(s id.Source) string { return "collect " + string(s) }

func remove(c *op.Call, in Ref) (op.None, error) {
	s, err := id.Parse[id.Source](in.ID)
	if err != nil {
		return op.None{}, err
	}
	n, err := c.Tx.Exec(removeSource, clock.Millis(c.Now), c.Org, s)
	if err == nil && n == 0 {
		err = fault.NotFound("There is no connected source %s.", s)
	}
	if err != nil {
		return op.None{}, err
	}
	return op.None{}, job.EndSchedule(c.Tx, c.Org, schedule(s))
}

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
	j, err := job.Enqueue(c.Tx, c.Org, job.Insert{Kind: CollectJob, Args: Order{s.ID}, Unique: schedule(s.ID), Attempts: 3}, c.Now)
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
	return op.PageOf(rows, n, total, func(r Run) string { return string(r.ID) }), err
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
