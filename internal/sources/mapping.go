package sources

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// What can be done with mappings.
var (
	MappingList = op.Read("mappings.list", "List the mappings of a source, newest first: how its columns became fields, and when.", auth.SourcesRead, mappingList)
	MappingGet  = op.Read("mappings.get", "Show how the columns of a source become fields: the newest mapping, or one version.", auth.SourcesRead, mappingGet)
	MappingSave = op.Write("mappings.save", "Say how the columns of the files that feed a source become fields.", auth.SourcesWrite, mappingSave)

	mappings = []op.Operation{MappingList, MappingGet, MappingSave, ImportRead}
)

// KindFile is the kind of source that is fed with tables.
const KindFile = "file"

// A Mapping is one version of how columns become fields.
type Mapping struct {
	ID      id.Mapping `json:"id"`
	Source  id.Source  `json:"source"`
	Version int64      `json:"version"`
	Columns Columns    `json:"columns"`
	Actor   string     `json:"actor"`
	Created time.Time  `json:"created"`
}

// Columns say how the columns of a table become fields of resources.
type Columns struct {
	Kind   string    `json:"kind" yaml:"kind"`                     // of resource that each row becomes
	Key    []string  `json:"key" yaml:"key"`                       // columns that together name a row
	Time   string    `json:"time,omitempty" yaml:"time,omitempty"` // field whose first and last value the run states
	Fields []FieldOf `json:"fields" yaml:"fields"`
	// Nulls are words that mean that there is no value, such as -.
	Nulls []string `json:"nulls,omitempty" yaml:"nulls,omitempty"`
	// Header is the line of a CSV or sheet that names the columns; 1 if 0.
	Header    int    `json:"header,omitempty" yaml:"header,omitempty"`
	Separator string `json:"separator,omitempty" yaml:"separator,omitempty"` // of a CSV; found if empty
	Sheet     string `json:"sheet,omitempty" yaml:"sheet,omitempty"`         // of a workbook; the first that is shown if empty
}

// A FieldOf says which column becomes a field, and how.
type FieldOf struct {
	Field  string `json:"field" yaml:"field"`
	Column string `json:"column,omitempty" yaml:"column,omitempty"`
	// Value is what the field has in every row, instead of a column.
	Value string `json:"value,omitempty" yaml:"value,omitempty"`
	// Layout is how times are written, such as DD.MM.YYYY hh:mm; as in
	// 2026-01-31 if empty.
	Layout string `json:"layout,omitempty" yaml:"layout,omitempty"`
	// True and False are the words for a yes and a no, in any case.
	True  []string `json:"true,omitempty" yaml:"true,omitempty"`
	False []string `json:"false,omitempty" yaml:"false,omitempty"`
	// Between is what separates the elements of a list; a semicolon if empty.
	Between string `json:"between,omitempty" yaml:"between,omitempty"`
}

// A Statement is what is said of one file when it is handed in, so that its
// rows can be taken for a population.
type Statement struct {
	Query       string `json:"query,omitempty" yaml:"query,omitempty"` // word by word
	Extractor   string `json:"extractor,omitempty" yaml:"extractor,omitempty"`
	Extracted   string `json:"extracted,omitempty" yaml:"extracted,omitempty"` // by the clock of the source
	Zone        string `json:"zone,omitempty" yaml:"zone,omitempty"`           // of times without an offset
	From        string `json:"from,omitempty" yaml:"from,omitempty"`           // first day of the period
	To          string `json:"to,omitempty" yaml:"to,omitempty"`               // last day of it
	Parameters  string `json:"parameters,omitempty" yaml:"parameters,omitempty"`
	Environment string `json:"environment,omitempty" yaml:"environment,omitempty"`
	Expected    *int64 `json:"expected,omitempty" yaml:"expected,omitempty"` // rows, as the source itself counts them
	CountedBy   string `json:"counted_by,omitempty" yaml:"counted_by,omitempty"`
}

// What a mapping may say at most.
const (
	maxMapped = 500
	maxWords  = 50
)

// Check finds what is wrong with a mapping before a file does.
func (c Columns) Check() error {
	schemas, err := Schemas()
	if err != nil {
		return err
	}
	schema, known := schemas[c.Kind]
	switch {
	case !known:
		return fault.Invalid("kind", "there is no kind %q: give a kind of resource such as person, system_account or, for anything else, row", clip(c.Kind))
	case len(c.Key) == 0:
		return fault.Invalid("key", "name the column that tells one row from another, or several that do together")
	case len(c.Fields) == 0:
		return fault.Invalid("fields", "map at least one column to a field of %s: %s", c.Kind, strings.Join(schema.FieldNames(), ", "))
	case len(c.Fields) > maxMapped || len(c.Key) > 10 || len(c.Nulls) > maxWords:
		return fault.Invalid("fields", "at most %d fields, 10 columns of the key and %d words for no value are accepted", maxMapped, maxWords)
	case c.Header < 0 || c.Header > 1000:
		return fault.Invalid("header", "the line that names the columns is 1 to 1000")
	case c.Separator != "" && !slices.Contains([]string{",", ";", "\t", "|"}, c.Separator):
		return fault.Invalid("separator", "a comma, a semicolon, a tab or a bar separates columns")
	}
	seen := map[string]bool{}
	for _, f := range c.Fields {
		if err := f.check(schema); err != nil {
			return err
		}
		if seen[f.Field] {
			return fault.Invalid("fields", "%s is mapped twice: one column becomes it", f.Field)
		}
		seen[f.Field] = true
	}
	if c.Time != "" && (!seen[c.Time] || schema.Fields[c.Time].Type != TypeTimestamp) {
		return fault.Invalid("time", "%s is no instant that a column becomes", clip(c.Time))
	}
	return nil
}

func (f FieldOf) check(schema Schema) error {
	field, known := schema.Fields[f.Field]
	switch {
	case !known:
		return fault.Invalid("fields", "%s", unknownField(schema, clip(f.Field)).Error())
	case f.Value != "" && f.Column != "" || f.Value == "" && f.Column == "" && field.Type != TypeMap:
		return fault.Invalid("fields", "%s: give the column that becomes it, or the value that it always has", f.Field)
	case f.Layout != "" && field.Type != TypeTimestamp:
		return fault.Invalid("fields", "%s is a %s and has no layout", f.Field, field.Type)
	case len(f.True) > maxWords || len(f.False) > maxWords:
		return fault.Invalid("fields", "%s: at most %d words for yes and for no are accepted", f.Field, maxWords)
	case (len(f.True) > 0) != (len(f.False) > 0):
		return fault.Invalid("fields", "%s: give the words for yes and those for no", f.Field)
	}
	return nil
}

// parseColumns reads a mapping and refuses what nobody would read.
func parseColumns(text string) (Columns, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	var c Columns
	if err := dec.Decode(&c); err != nil {
		return c, fault.Invalid("columns", `a JSON object is accepted, such as {"kind":"person","key":["Worker ID"],"fields":[{"field":"name","column":"Name"}]}: %v`, err)
	}
	return c, c.Check()
}

const (
	mappingColumns = "id, source_id, version, body, actor, created"
	insertMapping  = "INSERT INTO source_mapping (org_id, " + mappingColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?)"
	selectMapping  = "SELECT " + mappingColumns + " FROM source_mapping WHERE org_id = ? AND source_id = ? AND version = ?"
	selectMappings = "SELECT " + mappingColumns + " FROM source_mapping WHERE org_id = ? AND source_id = ? AND version < ? ORDER BY version DESC LIMIT ?"
	countMappings  = "SELECT COUNT(*) FROM source_mapping WHERE org_id = ? AND source_id = ?"

	insertStatement = "INSERT INTO source_statement (org_id, import_id, body) VALUES (?, ?, ?)"
	selectStatement = "SELECT body FROM source_statement WHERE org_id = ? AND import_id = ?"
)

func scanMapping(scan func(...any) error, m *Mapping) error {
	var (
		body    string
		created int64
	)
	if err := scan(&m.ID, &m.Source, &m.Version, &body, &m.Actor, &created); err != nil {
		return err
	}
	m.Created = clock.FromMillis(created)
	return json.Unmarshal([]byte(body), &m.Columns)
}

// MappingFilter pages through the mappings of a source.
type MappingFilter struct {
	Source string `json:"source" doc:"The source's id."`
	After  int64  `json:"after,omitempty" minimum:"0" doc:"Continue below this version: the value of next."`
	Limit  int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

func mappingList(c *op.Call, in MappingFilter) (op.Page[Mapping], error) {
	s, err := get(c, Ref{in.Source})
	if err != nil {
		return op.Page[Mapping]{}, err
	}
	below := in.After
	if below == 0 {
		below = 1 << 62
	}
	var total int64
	if err := c.Tx.Row(countMappings, []any{c.Org, s.ID}, &total); err != nil {
		return op.Page[Mapping]{}, err
	}
	n := op.Limit(in.Limit)
	rows, err := db.Rows(c.Tx, selectMappings, []any{c.Org, s.ID, below, n + 1}, scanMapping)
	return op.PageOf(rows, n, total, func(m Mapping) string { return fmt.Sprint(m.Version) }), err
}

// MappingRef names a mapping of a source.
type MappingRef struct {
	Source  string `json:"source" doc:"The source's id."`
	Version int64  `json:"version,omitempty" minimum:"0" doc:"Which version; the newest if left out."`
}

func mappingGet(c *op.Call, in MappingRef) (Mapping, error) {
	s, err := get(c, Ref{in.Source})
	if err != nil {
		return Mapping{}, err
	}
	m, err := mappingOf(c, s.ID, in.Version)
	if err == nil && m == nil {
		err = fault.NotFound("%s has no such mapping. Say what its columns mean with mappings.save, or on its page.", s.Name)
	}
	if err != nil {
		return Mapping{}, err
	}
	return *m, nil
}

// mappingOf is one version, or the newest if it is 0; nil if there is none.
func mappingOf(c *op.Call, s id.Source, version int64) (*Mapping, error) {
	query, args := selectMapping, []any{c.Org, s, version}
	if version == 0 {
		query, args = selectMappings, []any{c.Org, s, int64(1) << 62, 1}
	}
	rows, err := db.Rows(c.Tx, query, args, scanMapping)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// NewMapping is a mapping to save.
type NewMapping struct {
	Source  string `json:"source" doc:"The source's id."`
	Columns string `json:"columns" minLength:"2" maxLength:"262144" doc:"The mapping as a JSON object with kind, key and fields."`
	Version int64  `json:"version,omitempty" minimum:"0" doc:"The version it replaces; 0 if it is the first."`
}

func mappingSave(c *op.Call, in NewMapping) (Mapping, error) {
	s, err := get(c, Ref{in.Source})
	if err != nil {
		return Mapping{}, err
	}
	switch {
	case s.Kind != KindFile:
		return Mapping{}, fault.Invalid("source", "%s is of kind %s: only sources of kind %s have columns to map", s.Name, s.Kind, KindFile)
	case !s.Removed.IsZero():
		return Mapping{}, fault.Conflict("%s is disconnected.", s.Name)
	}
	columns, err := parseColumns(in.Columns)
	if err != nil {
		return Mapping{}, err
	}
	old, err := mappingOf(c, s.ID, 0)
	if err != nil {
		return Mapping{}, err
	}
	m := Mapping{ID: id.New[id.Mapping](c.Now), Source: s.ID, Version: 1, Columns: columns, Actor: c.Actor.Name, Created: c.Now}
	if old != nil {
		if m.Version = old.Version + 1; in.Version != old.Version {
			f := fault.Conflict("The mapping of %s has been saved since, as version %d. Look at it and save again.", s.Name, old.Version)
			f.Current = *old
			return Mapping{}, f
		}
	}
	body, err := json.Marshal(columns)
	if err != nil {
		return Mapping{}, err
	}
	c.Note("id", string(m.ID))
	c.Note("version", m.Version)
	_, err = c.Tx.Exec(insertMapping, c.Org, m.ID, m.Source, m.Version, string(body), m.Actor, clock.Millis(m.Created))
	return m, err
}

// maxStatement is how much may be said of one file.
const maxStatement = 64 << 10

// state keeps what was said of a file.
func state(c *op.Call, i id.Upload, said json.RawMessage) error {
	if len(bytes.TrimSpace(said)) == 0 {
		return nil
	}
	if len(said) > maxStatement {
		return fault.Invalid("statement", "at most %d KiB can be said of a file", maxStatement>>10)
	}
	dec := json.NewDecoder(bytes.NewReader(said))
	dec.DisallowUnknownFields()
	var s Statement
	if err := dec.Decode(&s); err != nil {
		return fault.Invalid("statement", "query, extractor, extracted, zone, from, to, parameters, environment, expected and counted_by can be said of a file: %v", err)
	}
	if s.Expected != nil && (*s.Expected < 0 || strings.TrimSpace(s.CountedBy) == "") {
		return fault.Invalid("counted_by", "say how the rows were counted, such as: a second report")
	}
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = c.Tx.Exec(insertStatement, c.Org, i, string(body))
	return err
}

// toldOf asks for what an importer of tables is given: the newest mapping of
// its source, and what was said of the file.
type toldOf struct {
	Source id.Source `json:"source"`
	Import id.Upload `json:"import"`
}

var telling = op.Read("mappings.tell", "Find what the reader of a table is told.", auth.SourcesRead, tell)

func tell(c *op.Call, in toldOf) (json.RawMessage, error) {
	s, err := One(c, in.Source)
	if err != nil || s.Kind != KindFile {
		return s.Settings, err
	}
	m, err := mappingOf(c, s.ID, 0)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, fault.Invalid("mapping", "%s has no mapping yet: say what the columns mean on the page of the source, or with tickmark ingest --mapping", s.Name)
	}
	said, err := db.Rows(c.Tx, selectStatement, []any{c.Org, in.Import}, func(scan func(...any) error, s *string) error { return scan(s) })
	if err != nil {
		return nil, err
	}
	all := map[string]any{"mapping": m.Columns, "version": m.Version}
	if len(said) > 0 {
		all["statement"] = json.RawMessage(said[0])
	}
	return json.Marshal(all)
}

// ParseMapping reads a mapping that people wrote, as YAML, with what they say of
// the file under statement.
func ParseMapping(text []byte) (Columns, Statement, error) {
	var in struct {
		Columns   `yaml:",inline"`
		Statement Statement `yaml:"statement"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&in); err != nil {
		return in.Columns, in.Statement, fault.Invalid("mapping", "kind, key, time, fields, nulls, header, separator, sheet and statement are accepted: %s", clip(err.Error()))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return in.Columns, in.Statement, fault.Invalid("mapping", "one document is accepted, and the file goes on after it")
	}
	return in.Columns, in.Statement, nil
}
