package populations

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/sources"
)

// Where a list can come from.
const (
	FromRun      = "run"
	FromFile     = "file"
	FromCalendar = "calendar"
)

// Material is what a list is built from.
type Material struct {
	Engagement string `json:"engagement" doc:"The engagement's id."`
	Population string `json:"population" maxLength:"40" doc:"Its code, such as POP-08."`
	From       string `json:"from" enum:"run,file,calendar" doc:"run: what a source showed. file: a CSV with the query that made it. calendar: what a scheduled control should have done, and did."`

	Source string `json:"source,omitempty" maxLength:"200" doc:"run: the source's id or name. file: the system that the file was taken from."`
	Run    string `json:"run,omitempty" maxLength:"40" doc:"run: the run's id; the newest of the source if left out."`
	Kind   string `json:"kind,omitempty" maxLength:"64" doc:"run: the kind of resource, such as commit."`
	Where  string `json:"where,omitempty" maxLength:"4000" doc:"run: which resources belong to the list, as an expression over r, such as: r.on_main_line."`

	Evidence string `json:"evidence,omitempty" maxLength:"40" doc:"file: the evidence record that holds it."`
	Data     []byte `json:"data,omitempty" doc:"file: its bytes, if they are no evidence record yet."`
	Query    string `json:"query,omitempty" maxLength:"4000" doc:"file: the query that made it, word by word."`

	Key       string `json:"key,omitempty" maxLength:"200" doc:"Column or field with the key of each row. run: the resource's own key if left out."`
	Time      string `json:"time,omitempty" maxLength:"200" doc:"Column or field with the time at which each row happened."`
	Label     string `json:"label,omitempty" maxLength:"200" doc:"Column or field with words for people."`
	Zone      string `json:"zone,omitempty" maxLength:"64" doc:"Time zone of times without an offset, such as Europe/Berlin; the engagement's if left out."`
	Snapshot  bool   `json:"snapshot,omitempty" doc:"The list is what there was at one time, and not what happened in the period."`
	None      bool   `json:"none,omitempty" doc:"Nothing happened: the list is empty, and that is the finding."`
	Surrogate bool   `json:"surrogate,omitempty" doc:"Number the items instead of naming them by their keys, because the keys are personal data."`

	Environment string    `json:"environment,omitempty" maxLength:"100" doc:"Such as production."`
	Parameters  string    `json:"parameters,omitempty" maxLength:"4000" doc:"What the query was run with."`
	Extracted   time.Time `json:"extracted,omitzero" doc:"file: when it was taken from its system."`
	Extractor   string    `json:"extractor,omitempty" maxLength:"200" doc:"file: who or what took it; you, if left out."`
	SourceCount int       `json:"source_count,omitempty" minimum:"0" doc:"How many rows the source itself counts, asked in another way."`
	CountedBy   string    `json:"counted_by,omitempty" maxLength:"400" doc:"How that was counted, such as: a second API. Without it nobody counted."`

	Cadence      string   `json:"cadence,omitempty" enum:"annual,semi-annual,quarterly,monthly,semi-monthly,weekly,daily" doc:"calendar: how often the control operates. Otherwise daily finds days without rows."`
	Performed    []string `json:"performed,omitempty" maxItems:"4000" doc:"calendar: what was done, each as occurrence, time and evidence: 2026-Q1 2026-04-03 evd_…"`
	Last         string   `json:"last,omitempty" maxLength:"10" doc:"calendar: when it last operated, if nothing is due in the period."`
	LastEvidence string   `json:"last_evidence,omitempty" maxLength:"40" doc:"calendar: the evidence of that."`
}

// gathered is what a draft is made of, found in one reading of the database.
type gathered struct {
	room engagements.Engagement
	win  window
	pop  Population
	zone *time.Location

	record   evidence.Record
	run      sources.Run
	source   sources.Source
	schema   sources.Schema
	filter   filter
	kind     sources.RunKind
	deeds    []deed
	daily    bool
	now      time.Time
	actor    string
	lastSeen id.Evidence
}

var gathering = op.Read("populations.gather", "Find what a draft is built from.", auth.ListsWrite, gather)

func gather(c *op.Call, in Material) (gathered, error) {
	r, err := engagements.AsClient(c, in.Engagement)
	if err != nil {
		return gathered{}, err
	}
	g := gathered{room: r.Engagement, now: c.Now, actor: c.Actor.Name}
	if g.pop, err = open(c, r, in.Population); err != nil {
		return g, err
	}
	if g.zone, err = clock.ParseZone(r.Zone); err != nil {
		return g, err
	}
	g.win.from, g.win.to = r.Bounds()
	g.win.zone, g.win.snapshot = g.zone, in.Snapshot || r.Type == scopes.TypeI
	if in.Zone != "" {
		if g.zone, err = clock.ParseZone(in.Zone); err != nil {
			return g, err
		}
	}
	if err := in.fit(r); err != nil {
		return g, err
	}
	if g.daily, err = daily(c, g.pop, in); err != nil {
		return g, err
	}
	switch in.From {
	case FromRun:
		err = g.ofRun(c, in)
	case FromFile:
		err = g.ofFile(c, in)
	default:
		err = g.ofCalendar(c, in)
	}
	return g, err
}

// daily reports whether each day should have a row: because that was said, or
// because a control that the list is for operates so.
func daily(c *op.Call, p Population, in Material) (bool, error) {
	if in.From == FromCalendar || in.Cadence != "" {
		return in.Cadence == string(sample.Daily), nil
	}
	active, err := controls.Active(c)
	return err == nil && slices.ContainsFunc(active, func(x controls.Control) bool {
		return x.Frequency == string(sample.Daily) && slices.Contains(p.Controls, x.Code)
	}), err
}

// open refuses to build for a population that is past it.
func open(c *op.Call, r *engagements.Room, code string) (Population, error) {
	if err := r.From(engagements.Engaged); err != nil {
		return Population{}, err
	}
	p, err := Find(c, r, code)
	if err == nil && p.Nonce != "" {
		err = fault.Conflict("The number of %s has been revealed, so another list could be made to suit it. The auditor asks for it again, with another number.", p.Code)
	}
	return p, err
}

// fit refuses what does not go together.
func (in Material) fit(r *engagements.Room) error {
	typeI := r.Type == scopes.TypeI
	switch {
	case typeI && in.From == FromCalendar:
		return fault.Invalid("from", "a Type I examination is as of %s and looks at no period; give a list of what there was on that day", r.AsOf)
	case typeI && in.Time != "":
		return fault.Invalid("time", "a Type I examination is as of %s and looks at no period; give a list of what there was on that day, without a time for each row", r.AsOf)
	case in.From == FromCalendar && in.Cadence == "":
		return fault.Invalid("cadence", "say how often the control operates")
	case in.From != FromCalendar && in.Time == "" && !in.Snapshot && !typeI && !in.None:
		return fault.Invalid("time", "name the column or field with the time at which each row happened, or say that the list is what there was at one time")
	case in.From != FromCalendar && in.Time != "" && in.Snapshot:
		return fault.Invalid("snapshot", "a list of what there was at one time has no time for each row; leave one of the two out")
	case in.From == FromFile && in.Key == "":
		return fault.Invalid("key", "name the column with the key of each row")
	case in.From == FromFile && strings.TrimSpace(in.Source) == "":
		return fault.Invalid("source", "name the system that the file was taken from")
	case in.CountedBy == "" && in.SourceCount != 0:
		return fault.Invalid("counted_by", "say how the source was counted, such as: a second API")
	case !in.Extracted.IsZero() && in.From != FromFile:
		return fault.Invalid("extracted", "is for files; when a run ended is on record")
	}
	return nil
}

func (g *gathered) ofFile(c *op.Call, in Material) error {
	if (in.Evidence == "") == (len(in.Data) == 0) {
		return fault.Invalid("data", "give the bytes of the file, or the evidence record that holds it")
	}
	if in.Extracted.Sub(g.now) > time.Minute {
		return fault.Invalid("extracted", "lies in the future; give the time at which it was taken from its system")
	}
	if in.Evidence == "" {
		if strings.TrimSpace(in.Query) == "" {
			return fault.Invalid("query", "give the query that made the file, word by word, or the steps")
		}
		return nil
	}
	var err error
	if g.record, err = evidence.Get.Call(c, evidence.Ref{ID: in.Evidence}); err != nil {
		return fault.Invalid("evidence", "%s", message(err)).With(err)
	}
	if g.record.MediaType == canon.MediaTypeChunks {
		return fault.Invalid("evidence", "is a list of pieces and no CSV file; what a run collected is built from the run")
	}
	if strings.TrimSpace(in.Query+g.record.Query) == "" {
		return fault.Invalid("query", "the record does not say how it was made; give the query, word by word, or the steps")
	}
	return nil
}

func message(err error) string {
	if f := fault.As(err); f != nil {
		return f.Message
	}
	return err.Error()
}

func (g *gathered) ofRun(c *op.Call, in Material) error {
	if err := g.findRun(c, in); err != nil {
		return err
	}
	if g.run.Status != sources.RunOK {
		return fault.Conflict("The newest run of %s did not read it: %s. Read it again, or name an earlier run.", g.source.Name, g.run.Error)
	}
	schemas, err := sources.Schemas()
	if err != nil {
		return err
	}
	var seen []string
	for _, k := range g.run.Kinds {
		seen = append(seen, k.Kind)
		if k.Kind == in.Kind {
			g.kind = k
		}
	}
	if g.kind.Kind == "" {
		return fault.Invalid("kind", "this run saw no such kind; it saw %s", strings.Join(seen, ", "))
	}
	g.schema = schemas[in.Kind]
	if err := checkReading(reading{key: in.Key, time: in.Time, label: in.Label}, g.schema); err != nil {
		return err
	}
	g.filter, err = newFilter(in.Where, g.schema, g.run.Ended)
	return err
}

func (g *gathered) findRun(c *op.Call, in Material) error {
	if in.Run != "" {
		x, err := id.Parse[id.Run](in.Run)
		if err != nil {
			return fault.Invalid("run", "%s", message(err))
		}
		if g.run, err = sources.RunOf(c, x); err != nil {
			return fault.Invalid("run", "%s", message(err)).With(err)
		}
		g.source, err = sources.One(c, g.run.Source)
		return err
	}
	list, err := sources.List.Call(c, op.None{})
	if err != nil {
		return err
	}
	var names []string
	for _, s := range list.Items {
		names = append(names, s.Name)
		if string(s.ID) == in.Source || s.Name == in.Source {
			g.source = s
		}
	}
	if g.source.ID == "" {
		return fault.Invalid("source", "there is no such source; connected are %s", strings.Join(append(names, "none else"), ", "))
	}
	if g.source.Latest == nil {
		return fault.Conflict("%s was not read yet. Read it first.", g.source.Name)
	}
	g.run = *g.source.Latest
	return nil
}

func (g *gathered) ofCalendar(c *op.Call, in Material) error {
	var err error
	if g.deeds, err = deeds(in.Performed, g.zone); err != nil {
		return err
	}
	for _, d := range g.deeds {
		if d.at.After(g.now) {
			return fault.Invalid("performed", "%s was performed on %s, which lies in the future", d.occurrence, d.at.In(g.zone).Format(time.DateOnly))
		}
		if _, err := evidence.Get.Call(c, evidence.Ref{ID: string(d.evidence)}); err != nil {
			return fault.Invalid("performed", "%s: %s", d.occurrence, message(err)).With(err)
		}
	}
	if (in.Last == "") != (in.LastEvidence == "") {
		return fault.Invalid("last_evidence", "give the day and the evidence of the last time together")
	}
	if in.LastEvidence != "" {
		e, err := evidence.Get.Call(c, evidence.Ref{ID: in.LastEvidence})
		if err != nil {
			return fault.Invalid("last_evidence", "%s", message(err)).With(err)
		}
		g.lastSeen = e.ID
	}
	return nil
}

// A plan is a draft whose rows lie in the store.
type plan struct {
	manifest Manifest
	problems []Problem
	checks   []Check
	out      printed
}

// shelf keeps what was prepared ahead of a transaction until it runs: reading
// and writing a million rows inside would keep everybody else waiting. A plan
// that is no longer there is made again.
var shelf = struct {
	sync.Mutex
	plans map[string]plan
	order []string
}{plans: map[string]plan{}}

const shelfSize = 8

func shelfKey(d *op.Desk, in Material) (string, error) {
	data := sha256.Sum256(in.Data)
	in.Data = data[:]
	raw, err := json.Marshal(in)
	sum := sha256.Sum256(raw)
	return string(d.Org) + d.Actor.Key() + hex.EncodeToString(sum[:]), err
}

func prepare(ctx context.Context, d *op.Desk, in Material) error {
	key, err := shelfKey(d, in)
	if err != nil {
		return err
	}
	g, err := gathering.Do(ctx, d, in)
	if err != nil {
		return err
	}
	p, err := g.plan(ctx, d, in)
	if err != nil {
		return err
	}
	shelf.Lock()
	defer shelf.Unlock()
	if i := slices.Index(shelf.order, key); i >= 0 {
		shelf.order = slices.Delete(shelf.order, i, i+1)
	}
	shelf.plans[key], shelf.order = p, append(shelf.order, key)
	if len(shelf.order) > shelfSize {
		delete(shelf.plans, shelf.order[0])
		shelf.order = shelf.order[1:]
	}
	return nil
}

// plan reads the material and writes the rows, if nothing is wrong with them.
func (g *gathered) plan(ctx context.Context, d *op.Desk, in Material) (plan, error) {
	how := reading{key: in.Key, time: in.Time, label: in.Label, zone: g.zone, stated: in.Zone != ""}
	m := Manifest{From: in.From, Environment: in.Environment, Parameters: in.Parameters, Zone: g.zone.String(), Snapshot: g.win.snapshot,
		Starts: g.win.from, Ends: g.win.to, SourceCount: int64(in.SourceCount), CountedBy: strings.TrimSpace(in.CountedBy), Key: in.Key,
		Time: in.Time, Label: in.Label, Surrogate: in.Surrogate}
	m.Period = g.room.Starts + "/" + g.room.Ends
	if g.room.Type == scopes.TypeI {
		m.Period, m.Starts = g.room.AsOf, time.Time{}
	}
	s, err := g.stock(ctx, d, in, how, &m)
	if err != nil {
		return plan{}, err
	}
	m.Distinct = s.settle(g.pop.Code, in.Surrogate, in.None || in.From == FromCalendar && s.size == 0)
	m.Rows, m.Nulls = s.size, s.nulls
	m.Months, m.First, m.Last = s.months()
	g.cutOff(&s.faults, m)
	p := plan{manifest: m, problems: s.faults.list}
	if s.faults.blocking() {
		return p, nil
	}
	if p.out, err = s.print(ctx, d); err != nil {
		return plan{}, err
	}
	p.manifest.Digest = p.out.digest
	p.checks = procedures(s, p.manifest, g.daily, g.blind())
	return p, nil
}

// stock reads the rows.
func (g *gathered) stock(ctx context.Context, d *op.Desk, in Material, how reading, m *Manifest) (*stock, error) {
	switch in.From {
	case FromRun:
		m.Source, m.Run, m.Kind = g.source.Name, g.run.ID, in.Kind
		m.Extracted, m.Extractor, m.Query = g.run.Ended, g.run.Collector, g.query(in)
		if m.Key == "" {
			m.Key = "key of the " + in.Kind
		}
		return fromRun(ctx, d, g.kind.Address, g.schema, how, g.filter, g.win)
	case FromFile:
		m.Source, m.Query, m.Extractor, m.Extracted = strings.TrimSpace(in.Source), in.Query, strings.TrimSpace(in.Extractor), in.Extracted
		data := in.Data
		if g.record.ID != "" {
			var err error
			if data, err = d.Vault.Get(ctx, d.Org, g.record.Address); err != nil {
				return nil, err
			}
			m.Evidence = g.record.ID
			m.Query, m.Environment = cmp.Or(m.Query, g.record.Query), cmp.Or(m.Environment, g.record.Environment)
			if m.Extracted.IsZero() {
				m.Extracted = g.record.Captured
			}
		}
		if m.Extracted.IsZero() {
			m.Extracted = g.now
		}
		m.Extracted, m.Extractor = clock.Truncate(m.Extracted), cmp.Or(m.Extractor, g.actor)
		sum := sha256.Sum256(data)
		m.Bytes, m.Size = hex.EncodeToString(sum[:]), int64(len(data))
		return fromFile(data, how, g.win), nil
	}
	m.Extracted, m.Extractor, m.Source = g.now, g.actor, cmp.Or(strings.TrimSpace(in.Source), "calendar of the control")
	m.Query = in.Cadence + " occurrences that end in " + m.Period
	m.Key, m.Time = "occurrence", ""
	s, cal, err := fromCalendar(sample.Cadence(in.Cadence), g.room.Starts, g.room.Ends, g.deeds, g.win)
	if err != nil {
		return nil, err
	}
	m.Calendar = &cal
	if cal.Expected == 0 {
		err = lookBack(&cal, g.room.Ends, in.Last, g.lastSeen)
	} else if in.Last != "" {
		err = fault.Invalid("last", "%d occurrences are due in the period, so nothing before it stands in for them", cal.Expected)
	}
	return s, err
}

// query is how a run's list was asked for, word by word.
func (g *gathered) query(in Material) string {
	var lines []string
	for k, v := range g.run.Scope {
		lines = append(lines, k+"="+v)
	}
	sort.Strings(lines)
	lines = append(lines, "kind="+in.Kind)
	if w := strings.TrimSpace(in.Where); w != "" {
		lines = append(lines, "where "+w)
	}
	if in.Time != "" {
		lines = append(lines, "time="+in.Time)
	}
	return strings.Join(lines, "\n")
}

// blind is why the run may not have seen all of the kind.
func (g *gathered) blind() []string {
	var out []string
	for _, m := range g.run.Missing {
		if m.Kind == g.kind.Kind && g.kind.Kind != "" && m.Field == "" {
			out = append(out, m.Reason)
		}
	}
	return out
}

// cutOff refuses a list that was taken at the wrong time: before the period
// had ended, or after the date that a Type I report is as of.
func (g *gathered) cutOff(f *faults, m Manifest) {
	at, end := m.Extracted.In(g.win.zone), g.win.to.In(g.win.zone)
	switch {
	case g.room.Type == scopes.TypeI:
		if !at.Before(end) {
			f.add("after_date", true, at.Format("2006-01-02 15:04 MST"), "The list was taken after "+g.room.AsOf+", the date that the report is as of. Give one that was taken on that day or before.")
		}
	case at.Before(end):
		f.add("cut_off", true, at.Format("2006-01-02 15:04 MST"), fmt.Sprintf("The list was taken before the period ended, on %s. What happened afterwards is not on it; take it again.", end.Format("2006-01-02 15:04 MST")))
	}
}

// build records a draft.
func build(c *op.Call, in Material) (Version, error) {
	key, err := shelfKey(c.Desk, in)
	if err != nil {
		return Version{}, err
	}
	g, err := gather(c, in)
	if err != nil {
		return Version{}, err
	}
	shelf.Lock()
	p, ready := shelf.plans[key]
	shelf.Unlock()
	if !ready {
		if p, err = g.plan(c, c.Desk, in); err != nil {
			return Version{}, err
		}
	}
	if in.From == FromFile && g.record.ID == "" {
		if p.manifest.Evidence, err = original(c, g.pop, in, p.manifest); err != nil {
			return Version{}, err
		}
	}
	for _, s := range p.out.stored {
		if err := c.Vault.Keep(c.Tx, c.Org, s, c.Now); err != nil {
			return Version{}, err
		}
	}
	v := Version{Population: g.pop.ID, Version: 1, Status: Draft, Digest: p.out.digest, Root: p.out.root, Rows: p.manifest.Rows, Built: c.Now,
		Actor: c.Actor.Name, Manifest: p.manifest, Problems: p.problems, Checks: p.checks,
		list: p.out.list.Address, records: p.out.records.Address, pieces: p.out.pieces}
	if last := g.pop.Newest(); last != nil {
		v.Version = last.Version + 1
	}
	c.Note("id", string(v.Population))
	c.Note("draft", v.Version)
	return v, v.insert(c, g.room.ID)
}

// original seals the bytes that a list was built from, as evidence of its own.
func original(c *op.Call, p Population, in Material, m Manifest) (id.Evidence, error) {
	bytes, err := c.Vault.Put(c, c.Org, in.Data)
	if err != nil {
		return "", err
	}
	r, err := evidence.Add(c, evidence.Record{Title: "Export for " + p.Code + ", " + p.Title, MediaType: "text/csv", Captured: m.Extracted,
		Collector: m.Extractor, Method: evidence.ByUpload, Origin: m.Source, Environment: m.Environment, Query: m.Query, Parameters: m.Parameters,
		Zone: m.Zone, RowCount: m.Rows, Level: 4, Personal: true}, bytes)
	return r.ID, err
}

func (v Version) insert(c *op.Call, e id.Engagement) error {
	var texts [4]string
	for i, x := range []any{v.Manifest, v.Problems, v.Checks, v.pieces} {
		b, err := json.Marshal(x)
		if err != nil {
			return err
		}
		texts[i] = string(b)
	}
	_, err := c.Tx.Exec(insertVersion, c.Org, e, v.Population, v.Version, v.Status, v.Rows, v.Digest, v.Root, texts[0], texts[1], texts[2], v.list,
		v.records, texts[3], v.Evidence, v.Entry, clock.Millis(v.Built), clock.Millis(v.Sealed), v.Actor)
	if db.IsDuplicate(err) {
		err = fault.Conflict("Another draft was built a moment ago. Look at it first.")
	}
	return err
}

// kept is a blob of a draft as content for an entry.
func kept(c *op.Call, address string) (blob.Sealed, error) { return c.Vault.Find(c, c.Org, address) }
