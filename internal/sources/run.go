package sources

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sort"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
)

// mediaRun marks the manifest of a run.
const mediaRun = "application/vnd.tickmark.run+json"

// Reader reads sources with the collectors it was given.
type Reader struct {
	collectors map[string]Collector
	schemas    map[string]Schema
	importers  []Importer
	maxFile    int64
}

// NewReader knows the given collectors.
func NewReader(collectors ...Collector) (*Reader, error) {
	schemas, err := Schemas()
	if err != nil {
		return nil, err
	}
	r := &Reader{collectors: map[string]Collector{}, schemas: schemas, maxFile: MaxImport}
	for _, c := range collectors {
		r.collectors[c.Kind()] = c
	}
	return r, nil
}

// Kinds lists the kinds of source that can be read.
func (r *Reader) Kinds() []string {
	var out []string
	for k := range r.collectors {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// attempts is how often a source that cannot be reached is tried before the
// run counts as failed.
const attempts = 3

// maxRun bounds one reading.
const maxRun = 6 * time.Hour

// Worker does collect jobs.
func (r *Reader) Worker() job.Worker {
	return job.New(CollectJob, attempts, func(ctx context.Context, run *job.Run, o Order) error {
		desk := run.Machine(run.Org, "collector", auth.SourcesRead, auth.SourcesWrite, auth.EvidenceWrite)
		done, err := r.read(ctx, desk, glance{source: o.Source, progress: run.Progress, evaluate: true, job: run})
		if err == nil && done.Status == RunFailed {
			run.Log.Warn("source did not answer", "source", o.Source, "err", done.Error)
		}
		return err
	})
}

// A glance is one reading that is under way.
type glance struct {
	source   id.Source
	progress func(done, about int, what string)
	evaluate bool
	job      *job.Run // that does it; nil if somebody waits for it
}

// Read reads a source and records the run, whether it went well or not. With
// evaluate, judging it is put in line in the same transaction.
func (r *Reader) Read(ctx context.Context, desk *op.Desk, source id.Source, progress func(done, about int, what string), evaluate bool) (Run, error) {
	return r.read(ctx, desk, glance{source: source, progress: progress, evaluate: evaluate})
}

func (r *Reader) read(ctx context.Context, desk *op.Desk, w glance) (Run, error) {
	x, err := opened.Do(ctx, desk, Ref{string(w.source)})
	if err != nil {
		return Run{}, err
	}
	s := x.Source
	if !s.Removed.IsZero() {
		return Run{}, fault.Conflict("%s is disconnected.", s.Name)
	}
	started := desk.Clock.Now()
	in := NewIntake(r.schemas, desk.Clock, w.progress)
	defer in.Close()
	c, known := r.collectors[s.Kind]
	if !known {
		return Run{}, fault.Invalid("kind", "this version cannot read a source of kind %s", s.Kind)
	}
	bounded, stop := context.WithTimeout(ctx, maxRun)
	defer stop()
	if err := guard(bounded, desk.Log, c, x.Settings, in); err != nil {
		if ctx.Err() != nil {
			return Run{}, ctx.Err()
		}
		if w.again(err) {
			return Run{}, fault.Conflict("%s", hush(plain(err), x.Secret)).With(err)
		}
		return Fail.Do(ctx, desk, Failure{Source: s, Collector: name(c), Started: started, Err: errors.New(hush(plain(err), x.Secret)), job: w.job})
	}
	if err := withhold(ctx, desk, s, in); err != nil {
		return Run{}, err
	}
	h := harvest{Source: s, Collector: name(c), Started: started, Ended: desk.Clock.Now(), Evaluate: w.evaluate, job: w.job}
	h.Missing, h.Scope = hushed(in, x.Secret)
	return h.finish(ctx, desk, in)
}

// finish stores what a run saw and records it.
func (h *harvest) finish(ctx context.Context, desk *op.Desk, in *Intake) (Run, error) {
	for try := 1; ; try++ {
		err := h.store(ctx, desk, in)
		between()
		var run Run
		if err == nil {
			run, err = Record.Do(ctx, desk, *h)
		}
		for _, g := range h.kinds {
			g.delta.close()
		}
		if !errors.Is(err, errMoved) || try == maxTries {
			return run, err
		}
		h.kinds, h.pieces = nil, nil // compared with what is no longer the last
	}
}

// hushed is what a collector said in words, without secrets.
func hushed(in *Intake, secret map[string]string) ([]Missing, map[string]string) {
	missing, scope := in.Missings(), in.Scopes()
	for i := range missing {
		missing[i].Reason, missing[i].Remedy = hush(missing[i].Reason, secret), hush(missing[i].Remedy, secret)
	}
	for k, v := range scope {
		scope[k] = hush(v, secret)
	}
	return missing, scope
}

// between is called before a run is recorded, for a test of what comes between.
var between = func() {}

// maxTries bounds how often a run is compared again because others of its
// source come between.
const maxTries = 5

func name(c Collector) string { return c.Kind() + "/" + c.Version() }

// guard turns a collector's panic into an error of its run.
func guard(ctx context.Context, log *slog.Logger, c Collector, settings json.RawMessage, in *Intake) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("collector", "kind", c.Kind(), "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("the collector failed: %v", p)
		}
	}()
	if err := c.Collect(ctx, settings, in); err != nil {
		return err
	}
	return in.Err()
}

// harvest is everything of a run, with its bytes stored but not yet known.
type harvest struct {
	Source         Source
	Collector      string
	Started, Ended time.Time
	Evaluate       bool
	Missing        []Missing
	Scope          map[string]string

	job      *job.Run // that must still hold when it is recorded
	kinds    []*gathered
	file     *Import // that was handed in; nil if the source was read
	fileBlob blob.Sealed
	raws     []Raw
	rawList  blob.Sealed
	pieces   []blob.Sealed // chunks and raw bytes, behind the lists
	manifest blob.Sealed
}

// shown is one resource as it lies in its chunk.
type shown struct{ key, digest, body string }

// store puts all bytes into the vault before any row speaks of them.
func (h *harvest) store(ctx context.Context, desk *op.Desk, in *Intake) error {
	type part struct {
		Kind   string `json:"kind"`
		Count  int64  `json:"count"`
		SHA256 string `json:"sha256"`
		Size   int64  `json:"size"`
	}
	parts := []part{}
	for _, kind := range in.Kinds() {
		g, err := h.gather(ctx, desk, in, kind)
		if err != nil {
			return err
		}
		h.kinds = append(h.kinds, g)
		parts = append(parts, part{kind, g.count, hex.EncodeToString(g.list.SHA256[:]), g.list.Size})
	}
	h.raws = in.Raws()
	names := []string{}
	if len(h.raws) > 0 {
		var data [][]byte
		var counts []int
		for _, r := range h.raws {
			data, counts, names = append(data, r.Data), append(counts, 1), append(names, r.Name)
		}
		var err error
		if h.rawList, err = h.pile(ctx, desk, data, counts); err != nil {
			return err
		}
	}
	if h.file != nil {
		var err error
		if h.fileBlob, err = desk.Vault.Find(ctx, desk.Org, h.file.address); err != nil {
			return err
		}
	}
	manifest, err := canon.JSON(map[string]any{
		"v": 1, "source": string(h.Source.ID), "collector": h.Collector, "started": canon.FormatTime(h.Started),
		"ended": canon.FormatTime(h.Ended), "scope": h.Scope, "kinds": parts, "missing": h.missing(), "raw": names,
	})
	if err != nil {
		return err
	}
	h.manifest, err = desk.Vault.Put(ctx, desk.Org, manifest)
	return err
}

func (h *harvest) missing() []Missing {
	if h.Missing == nil {
		return []Missing{}
	}
	return h.Missing
}

// pile stores pieces and the list that names them.
func (h *harvest) pile(ctx context.Context, desk *op.Desk, data [][]byte, counts []int) (blob.Sealed, error) {
	list := canon.Chunks{}
	for i, d := range data {
		s, err := desk.Vault.Put(ctx, desk.Org, d)
		if err != nil {
			return blob.Sealed{}, err
		}
		h.pieces = append(h.pieces, s)
		list = append(list, canon.Chunk{Count: int64(counts[i]), SHA256: s.SHA256, Size: s.Size})
	}
	text, err := list.Encode()
	if err != nil {
		return blob.Sealed{}, err
	}
	return desk.Vault.Put(ctx, desk.Org, text)
}

func appendShown(out []shown, chunk []byte) ([]shown, error) {
	for b := range bytes.Lines(chunk) {
		b = bytes.TrimSuffix(b, []byte("\n"))
		var r struct {
			Key string `json:"key"`
		}
		if err := json.Unmarshal(b, &r); err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		out = append(out, shown{r.Key, hex.EncodeToString(sum[:16]), string(b)})
	}
	return out, nil
}

const (
	insertRun = "INSERT INTO source_run (org_id, " + runColumns + ", manifest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	insertRK  = "INSERT INTO source_run_kind (org_id, run_id, kind, count, address, added, changed, gone) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
	upsertRes = `INSERT INTO source_resource (org_id, source_id, kind, key, digest, body, first_seen, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org_id, source_id, kind, key) DO UPDATE SET digest = excluded.digest, body = excluded.body, changed = excluded.changed`
	deleteRes = "DELETE FROM source_resource WHERE org_id = ? AND source_id = ? AND kind = ? AND key = ?"
)

func record(c *op.Call, h harvest) (Run, error) {
	run := Run{ID: id.New[id.Run](c.Now), Source: h.Source.ID, Collector: h.Collector, Started: h.Started, Ended: h.Ended,
		Status: RunOK, Missing: h.missing(), Scope: h.Scope}
	if err := still(c, h.job); err != nil {
		return Run{}, err
	}
	for _, p := range h.pieces {
		if err := c.Vault.Keep(c.Tx, c.Org, p, c.Now); err != nil {
			return Run{}, err
		}
	}
	counts := map[string]any{}
	for _, g := range h.kinds {
		run.Resources += g.count
		run.Kinds = append(run.Kinds, RunKind{Kind: g.kind, Count: g.count, Address: g.list.Address})
		counts[g.kind] = g.count
	}
	var err error
	run.Entry, err = c.Append(op.Record{Kind: canon.KindRun, ID: string(run.ID), Content: &h.manifest, Body: map[string]any{
		"source": string(run.Source), "name": h.Source.Name, "collector": run.Collector, "started": canon.FormatTime(run.Started),
		"ended": canon.FormatTime(run.Ended), "status": run.Status, "resources": counts, "media_type": mediaRun,
	}})
	if err != nil {
		return Run{}, err
	}
	if h.file == nil { // whoever hands a file in reads what is missing in it
		if err := h.Source.tellBlind(c, run); err != nil {
			return Run{}, err
		}
	}
	if err := insert(c, run, h.manifest.Address); err != nil {
		return Run{}, err
	}
	if err := h.Source.planLook(c, run.Ended); err != nil {
		return Run{}, err
	}
	for i, g := range h.kinds {
		if err := remember(c, run, g); err != nil {
			return Run{}, err
		}
		d := g.delta.counts
		run.Kinds[i].Added, run.Kinds[i].Changed, run.Kinds[i].Gone = d.added, d.changed, d.gone
		if _, err := c.Tx.Exec(insertRK, c.Org, run.ID, g.kind, g.count, g.list.Address, d.added, d.changed, d.gone); err != nil {
			return Run{}, err
		}
		if _, err := evidence.Add(c, h.about(run, g), g.list); err != nil {
			return Run{}, err
		}
		if err := assets.Shown(c, run.Source, g.kind, run.Ended); err != nil {
			return Run{}, err
		}
	}
	if len(h.raws) > 0 {
		r := h.about(run, &gathered{kind: "raw"})
		r.Title = "What " + h.Source.Name + " answered, in its own bytes"
		r.RowCount, r.Parameters = int64(len(h.raws)), rawNames(h.raws)
		if _, err := evidence.Add(c, r, h.rawList); err != nil {
			return Run{}, err
		}
	}
	if h.file != nil {
		if err := h.keepFile(c, run); err != nil {
			return Run{}, err
		}
	}
	if h.Evaluate {
		_, err = job.Enqueue(c.Tx, c.Org, job.Insert{Kind: EvaluateJob, Args: Evaluation{run.ID}, Unique: string(run.ID)}, c.Now)
	}
	return run, err
}

// keepFile seals the file itself, and says that it has become this run.
func (h *harvest) keepFile(c *op.Call, run Run) error {
	r := h.about(run, &gathered{kind: fileKind})
	r.Title, r.MediaType, r.RowCount = h.file.Name+", as it was handed in", "application/octet-stream", -1
	r.Parameters = "format=" + h.file.Format
	if h.file.pieced {
		r.MediaType = canon.MediaTypeChunks
	}
	if _, err := evidence.Add(c, r, h.fileBlob); err != nil {
		return err
	}
	n, err := c.Tx.Exec(finishImport, run.ID, run.Source, c.Org, h.file.ID)
	if err == nil && n == 0 {
		err = fault.Conflict("%s was read by another process at the same time.", h.file.Name)
	}
	return err
}

// fileKind marks the evidence that is the file of a run itself.
const fileKind = "file"

// Evaluation is the argument of an evaluate job.
type Evaluation struct {
	Run id.Run `json:"run"`
}

func rawNames(raws []Raw) string {
	var names []string
	for _, r := range raws {
		names = append(names, r.Name)
	}
	return strings.Join(names, "\n")
}

func insert(c *op.Call, r Run, manifest string) error {
	missing, err := json.Marshal(r.Missing)
	if err != nil {
		return err
	}
	if r.Scope == nil {
		r.Scope = map[string]string{}
	}
	scope, err := json.Marshal(r.Scope)
	if err != nil {
		return err
	}
	_, err = c.Tx.Exec(insertRun, c.Org, r.ID, r.Source, r.Collector, clock.Millis(r.Started), clock.Millis(r.Ended), r.Status, r.Error,
		r.Resources, string(missing), string(scope), r.Entry, manifest)
	return err
}

// about describes the evidence of one kind.
func (h *harvest) about(run Run, g *gathered) evidence.Record {
	query := make([]string, 0, len(h.Scope))
	for k, v := range h.Scope {
		query = append(query, k+"="+v)
	}
	sort.Strings(query)
	method, level := evidence.ByAPI, int64(3)
	if h.file != nil {
		method, level = evidence.ByExport, 4
	}
	return evidence.Record{
		Title: fmt.Sprintf("%s of %s, %d rows", KindWord(g.kind), h.Source.Name, g.count), MediaType: canon.MediaTypeChunks,
		Captured: run.Ended, Collector: run.Collector, Method: method, Origin: h.Source.Name,
		Location: h.Scope["path"] + h.Scope["hostname"], Query: strings.Join(query, "\n"), RowCount: g.count, CoversTo: run.Ended,
		Level: level, Personal: true, Source: run.Source, Run: run.ID, ResourceKind: g.kind,
	}
}

// remember brings the table of what was last seen up to date, touching only
// rows that differ. What they were compared with must still be the last: the log
// is locked by now, so nobody comes between any more.
func remember(c *op.Call, run Run, g *gathered) error {
	var base int64
	if err := c.Tx.Row(selectBase, []any{c.Org, run.Source, g.kind}, &base); err != nil {
		return err
	}
	if base != g.base {
		return errMoved
	}
	up, err := c.Tx.Prepare(upsertRes)
	if err != nil {
		return err
	}
	defer up.Close()
	at := clock.Millis(run.Ended)
	return g.delta.each(func(key string, line []byte) error {
		if line == nil {
			_, err := c.Tx.Exec(deleteRes, c.Org, run.Source, g.kind, key)
			return err
		}
		return up.Exec(c.Org, run.Source, g.kind, key, lineDigest(line), string(line), at, at)
	})
}

// Failure is a source that could not be read.
type Failure struct {
	Source    Source
	Collector string
	Started   time.Time
	Err       error

	job *job.Run
}

// fail records a run that saw nothing: a gap, so that silence does not look
// like calm.
func fail(c *op.Call, f Failure) (Run, error) {
	if err := still(c, f.job); err != nil {
		return Run{}, err
	}
	return gap(c, f, RunFailed, plain(f.Err))
}

// gap records a run that saw nothing.
func gap(c *op.Call, f Failure, status, text string) (Run, error) {
	run := Run{ID: id.New[id.Run](c.Now), Source: f.Source.ID, Collector: f.Collector, Started: f.Started, Ended: c.Now,
		Status: status, Error: text, Missing: []Missing{}}
	var err error
	run.Entry, err = c.Append(op.Record{Kind: canon.KindGap, ID: string(run.ID), Body: map[string]any{
		"source": string(run.Source), "name": f.Source.Name, "collector": run.Collector, "from": canon.FormatTime(run.Started),
		"to": canon.FormatTime(run.Ended), "cause": text,
	}})
	if err != nil {
		return Run{}, err
	}
	if status == RunFailed {
		if err := f.Source.tellFailed(c, run); err != nil {
			return Run{}, err
		}
	}
	return run, insert(c, run, "")
}

// ReadBack returns the resources of one kind that a run saw, from the sealed
// bytes of the run itself.
func ReadBack(ctx context.Context, desk *op.Desk, schema Schema, address string) ([]Resource, error) {
	var out []Resource
	err := EachChunk(ctx, desk, schema, address, func(rows []Resource) error {
		out = append(out, rows...)
		return nil
	})
	return out, err
}

// EachChunk is ReadBack in parts, of which one is held at a time.
func EachChunk(ctx context.Context, desk *op.Desk, schema Schema, address string, fn func([]Resource) error) error {
	text, err := desk.Vault.Get(ctx, desk.Org, address)
	if err != nil {
		return err
	}
	list, err := canon.ParseChunks(text)
	if err != nil {
		return err
	}
	for _, piece := range list {
		at, err := desk.Vault.AddressOf(ctx, desk.Org, piece.SHA256)
		if err != nil {
			return err
		}
		data, err := desk.Vault.Get(ctx, desk.Org, at)
		if err != nil {
			return err
		}
		rows, err := DecodeChunk(data, schema)
		if err != nil {
			return err
		}
		if err := fn(rows); err != nil {
			return err
		}
	}
	return nil
}
