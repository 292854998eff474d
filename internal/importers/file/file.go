// Package file reads tables that other systems export: CSV, XLSX, JSON and JSON
// lines. A saved mapping says what the columns mean. Every row is taken, or
// named as left out; a row that cannot be read refuses the file unless it was
// chosen to leave such rows out.
package file

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// What a file may hold at most.
const (
	maxColumns = 512
	maxRow     = 1 << 20 // bytes of one row
	maxRows    = 5_000_000
	maxCell    = 256 << 10
	maxListed  = 20 // faults that a refusal names
)

// An Importer reads tables.
type Importer struct{}

// New returns the importer.
func New() Importer { return Importer{} }

// Format names the kind of source.
func (Importer) Format() string { return sources.KindFile }

// Version changes whenever the same file would yield other facts.
func (Importer) Version() string { return "1" }

// Guess accepts what may be a table. Formats that know their own files are
// asked first.
func (Importer) Guess(name string, head []byte) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".csv", ".tsv", ".xlsx", ".jsonl", ".ndjson", ".json":
		return true
	}
	return shapeOf(head) == xlsxShape
}

// Describe says which kind of table it is.
func (Importer) Describe(_ string, head []byte) string {
	switch shapeOf(head) {
	case xlsxShape:
		return "a workbook (XLSX)"
	case jsonShape:
		return "rows in JSON"
	}
	text, _ := io.ReadAll(decode(bytes.NewReader(head)))
	names := map[rune]string{',': "commas", ';': "semicolons", '\t': "tabs", '|': "bars"}
	return "a table (CSV) with " + names[sniff(text)]
}

type shape int

const (
	csvShape shape = iota
	jsonShape
	xlsxShape
)

func shapeOf(head []byte) shape {
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		return xlsxShape
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	if len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		return jsonShape
	}
	return csvShape
}

// A cell is one value of a row. Absent and empty are both no value.
type cell struct {
	text string
	list []string // of JSON
	many bool
	bad  string // why it is no value, such as an error of a workbook
}

// A row is one of a table.
type row struct {
	place string // "line 7"
	cells []cell
	bad   string // why the whole cannot be taken
}

// A table gives rows one by one. Columns can grow while it is read, where each
// row names its own.
type table interface {
	next() (row, error) // io.EOF after the last; another error ends the file
	columns() map[string]int
	facts() map[string]string // for the record of the run
}

// told is what a run is given.
type told struct {
	Mapping   sources.Columns   `json:"mapping"`
	Version   int64             `json:"version"`
	Statement sources.Statement `json:"statement"`
}

// Import reads one file.
func (Importer) Import(ctx context.Context, r io.Reader, settings json.RawMessage, in *sources.Intake) error {
	var t told
	if err := json.Unmarshal(settings, &t); err != nil {
		return fault.Invalid("mapping", "the mapping cannot be read").With(err)
	}
	if t.Mapping.Kind == "" {
		return fault.Invalid("mapping", "there is no mapping: say what the columns mean on the page of the source, or with tickmark ingest --mapping")
	}
	if err := t.Mapping.Check(); err != nil {
		return err
	}
	zone, err := t.check()
	if err != nil {
		return err
	}
	rows, err := open(ctx, r, t.Mapping)
	if err != nil {
		return err
	}
	if c, ok := rows.(io.Closer); ok {
		defer c.Close()
	}
	taken, err := newReading(t.Mapping, zone, in)
	if err != nil {
		return err
	}
	if err := taken.all(ctx, rows); err != nil {
		return err
	}
	for k, v := range rows.facts() {
		in.Scope(k, v)
	}
	t.record(taken, in)
	return nil
}

// open finds out what a file is and begins to read it.
func open(ctx context.Context, r io.Reader, m sources.Columns) (table, error) {
	buf := bufio.NewReaderSize(r, 64<<10)
	head, err := buf.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch shapeOf(head) {
	case xlsxShape:
		return openXLSX(ctx, buf, m)
	case jsonShape:
		return openJSON(buf)
	}
	return openCSV(buf, m)
}

// check reads what was said of the file.
func (t told) check() (*time.Location, error) {
	zone := time.UTC
	s := t.Statement
	if s.Zone != "" {
		var err error
		if zone, err = clock.ParseZone(s.Zone); err != nil {
			return nil, err
		}
	}
	for field, day := range map[string]string{"from": s.From, "to": s.To} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			return nil, fault.Invalid(field, "a day is written as 2026-01-31")
		}
	}
	if s.From != "" && s.To != "" && s.To < s.From {
		return nil, fault.Invalid("to", "the period ends before it begins")
	}
	return zone, nil
}

// record states what a population will have to say of its list (what it came
// from, how many rows and keys), and compares it with what the source counts.
func (t told) record(r *reading, in *sources.Intake) {
	s := t.Statement
	for k, v := range map[string]string{
		"query": s.Query, "extracted_by": s.Extractor, "extracted_at": s.Extracted, "zone": s.Zone, "period_from": s.From, "period_to": s.To,
		"parameters": s.Parameters, "environment": s.Environment, "counted_by": s.CountedBy,
		"mapping_version": fmt.Sprint(t.Version), "kind": t.Mapping.Kind, "key": strings.Join(t.Mapping.Key, ", "),
		"rows": fmt.Sprint(r.rows), "distinct_keys": fmt.Sprint(r.taken), "rows_without_key": fmt.Sprint(r.keyless),
	} {
		if v != "" {
			in.Scope(k, v)
		}
	}
	if !r.first.IsZero() {
		in.Scope("time", r.time)
		in.Scope("first", canon.FormatTime(r.first))
		in.Scope("last", canon.FormatTime(r.last))
	}
	if s.Query == "" {
		in.Missing(sources.Missing{Kind: t.Mapping.Kind, Reason: "nobody said which query made the file, so whether it holds all rows cannot be shown", Remedy: "State the query, word by word, when the file is handed in."})
	}
	switch {
	case s.Expected == nil:
	case *s.Expected != r.rows:
		in.Scope("rows_expected", fmt.Sprint(*s.Expected))
		in.Missing(sources.Missing{Kind: t.Mapping.Kind, Reason: fmt.Sprintf("the source counts %d rows (%s), and the file has %d", *s.Expected, s.CountedBy, r.rows),
			Remedy: "Export again and compare, or explain each row that differs."})
	default:
		in.Scope("rows_expected", fmt.Sprint(*s.Expected))
	}
}

// reading turns rows into resources.
type reading struct {
	m      sources.Columns
	schema sources.Schema
	fields []converter
	nulls  map[string]bool
	in     *sources.Intake

	rows, taken, keyless int64
	time                 string
	first, last          time.Time
	faults               []string
	refused              int64
	sound                int64 // rows that are rows, whatever they say
}

func newReading(m sources.Columns, zone *time.Location, in *sources.Intake) (*reading, error) {
	schemas, err := sources.Schemas()
	if err != nil {
		return nil, err
	}
	r := &reading{m: m, schema: schemas[m.Kind], in: in, nulls: map[string]bool{"": true}, time: m.Time}
	for _, n := range m.Nulls {
		r.nulls[n] = true
	}
	for _, f := range m.Fields {
		c, err := newConverter(f, r.schema.Fields[f.Field].Type, zone)
		if err != nil {
			return nil, err
		}
		if r.time == "" && c.kind == sources.TypeTimestamp {
			r.time = f.Field
		}
		r.fields = append(r.fields, c)
	}
	in.Cover(m.Kind)
	return r, nil
}

// all reads to the end, so that a refusal can say how many rows are at fault.
func (r *reading) all(ctx context.Context, rows table) error {
	if err := r.fit(rows, false); err != nil {
		return err
	}
	for {
		x, err := rows.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if r.rows++; r.rows > maxRows {
			return fault.Invalid("", "%s: the file has more than %d rows: split it by period", x.place, maxRows)
		}
		if r.rows%1000 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if err := r.take(x, rows.columns()); err != nil {
			f := fault.As(err)
			if f == nil || f.Kind != fault.KindInvalid {
				return err
			}
			said := fault.Invalid("", "%s: %s", x.place, f.Message)
			if r.in.Bad(r.m.Kind, said) == nil {
				continue
			}
			if r.refused++; len(r.faults) < maxListed {
				r.faults = append(r.faults, said.Message)
			}
		}
	}
	if err := r.fit(rows, true); err != nil {
		return err
	}
	if r.refused > 0 {
		return r.refusal()
	}
	return nil
}

func (r *reading) refusal() error {
	rows, more := "rows", ""
	if r.refused == 1 {
		rows = "row"
	}
	if n := r.refused - int64(len(r.faults)); n > 0 {
		more = fmt.Sprintf("; and %d more", n)
	}
	return fault.Invalid("", "%d %s of %d cannot be taken, so none was. %s%s. Correct the file or the mapping, or choose to leave such rows out",
		r.refused, rows, r.rows, strings.Join(r.faults, "; "), more)
}

// fit refuses a file that lacks columns of the mapping, by name. Rows that name
// their own columns are known at the end only.
func (r *reading) fit(rows table, end bool) error {
	if _, grows := rows.(*jsonTable); grows && (!end || r.sound == 0) {
		return nil
	}
	var lost []string
	have := rows.columns()
	lacks := func(name string) {
		if _, ok := have[name]; name != "" && !ok && !slices.Contains(lost, fmt.Sprintf("%q", name)) {
			lost = append(lost, fmt.Sprintf("%q", name))
		}
	}
	for _, k := range r.m.Key {
		lacks(k)
	}
	for _, f := range r.m.Fields {
		lacks(f.Column)
	}
	if len(lost) == 0 {
		return nil
	}
	var there []string
	for name := range have {
		there = append(there, shorten(name))
	}
	slices.SortFunc(there, func(a, b string) int { return have[a] - have[b] })
	if len(there) > 40 {
		there = append(there[:40], "…")
	}
	return fault.Invalid("header", "the file no longer fits its mapping: it has no column %s; its columns are %s. Export it as before, or save a mapping for the new columns",
		strings.Join(lost, " and no "), strings.Join(there, ", "))
}

// resource makes one of a row. What is kept is copied: the cells of a row
// are parts of one text, and a short key would keep all of it in memory.
func (r *reading) resource(x row, columns map[string]int) (sources.Resource, error) {
	res := sources.Resource{Kind: r.m.Kind, Attrs: make(map[string]any, len(r.fields))}
	if x.bad != "" {
		return res, fault.Invalid("", "%s", x.bad)
	}
	r.sound++
	of := func(name string) cell {
		if i, ok := columns[name]; ok && i < len(x.cells) {
			return x.cells[i]
		}
		return cell{}
	}
	var key []string
	for _, name := range r.m.Key {
		c := of(name)
		if c.bad != "" || c.many || r.nulls[strings.TrimSpace(c.text)] {
			r.keyless++
			return res, fault.Invalid("", "column %s is empty or no text, and it tells one row from another: give each row a key", shorten(name))
		}
		key = append(key, strings.TrimSpace(c.text))
	}
	res.Key = strings.Clone(strings.Join(key, " / "))
	for _, f := range r.fields {
		if f.kind == sources.TypeMap {
			res.Attrs[f.Field] = r.whole(x, columns)
			continue
		}
		c := cell{text: f.Value}
		if f.Column != "" {
			c = of(f.Column)
		}
		v, err := f.value(c, r.nulls)
		if err != nil {
			return res, fault.Invalid("", "column %s %s", shorten(f.Column), err.Error())
		}
		if v != nil {
			res.Attrs[f.Field] = v
		}
	}
	return res, nil
}

// take adds the resource of a row, and counts it.
func (r *reading) take(x row, columns map[string]int) error {
	res, err := r.resource(x, columns)
	if err != nil {
		return err
	}
	if err := r.in.Add(res); err != nil {
		return err
	}
	r.taken++
	if at, ok := res.Attrs[r.time].(time.Time); ok {
		if r.first.IsZero() || at.Before(r.first) {
			r.first = at
		}
		if at.After(r.last) {
			r.last = at
		}
	}
	return nil
}

// whole is a row as it is, by column.
func (r *reading) whole(x row, columns map[string]int) map[string]string {
	out := make(map[string]string, len(columns))
	for name, i := range columns {
		if i < len(x.cells) && x.cells[i].bad == "" && !r.nulls[strings.TrimSpace(x.cells[i].text)] {
			out[name] = strings.Clone(x.cells[i].text)
		} else if i < len(x.cells) && x.cells[i].many {
			out[name] = strings.Join(x.cells[i].list, "; ")
		}
	}
	return out
}

func shorten(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
