package procedures

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/sources"
)

// A shape is what the records of a list look like: resources of a known kind,
// or the columns of a file, which are texts.
type shape struct {
	Kind    string   `json:"kind,omitempty"`
	Columns []string `json:"columns,omitempty"` // as an expression writes them
}

// column is the name of a column as an expression can write it.
func column(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(strings.TrimSpace(name)) {
		switch {
		case r == '_' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			if gap && b.Len() > 0 {
				b.WriteByte('_')
			}
			gap = false
			b.WriteRune(r)
		default:
			gap = true
		}
	}
	s := b.String()
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		s = "c_" + s
	}
	return s
}

// An observer learns the shape from the rows of a list, one after the other.
// Rows that are no resources come from one table and have the same columns.
type observer struct {
	kind    string
	mixed   bool
	columns map[string]bool
}

func (o *observer) see(r populations.Row) error {
	first := o.columns == nil
	if first {
		o.columns, o.kind = map[string]bool{}, r.Kind
	}
	o.mixed = o.mixed || r.Kind != o.kind
	if r.Kind != "" && !o.mixed || r.Kind == "" && !first {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(r.Record, &fields); err != nil {
		return fmt.Errorf("the record of %s: %w", r.Item, err)
	}
	for name := range fields {
		o.columns[column(name)] = true
	}
	return nil
}

func (o *observer) shape() shape {
	if o.kind != "" && !o.mixed {
		return shape{Kind: o.kind}
	}
	return shape{Columns: slices.Sorted(maps.Keys(o.columns))}
}

// listed is the kind of records that are no resource of a source.
const listed = "listed"

func (s shape) schema() (sources.Schema, error) {
	if s.Kind != "" {
		known, err := sources.Schemas()
		if err != nil {
			return sources.Schema{}, err
		}
		if schema, ok := known[s.Kind]; ok {
			return schema, nil
		}
		return sources.Schema{}, fault.Conflict("The list holds resources of the kind %s, which this program does not know.", s.Kind)
	}
	out := sources.Schema{Kind: listed, Version: 1, Title: "Row of a list", Fields: map[string]sources.Field{}}
	for _, c := range s.Columns {
		out.Fields[c] = sources.Field{Type: sources.TypeString}
	}
	return out, nil
}

// attrs are the values of a record as an expression sees them. An empty cell of
// a file is absent: nothing was said there.
func (s shape) attrs(schema sources.Schema, item string, record []byte) sources.Resource {
	if s.Kind != "" {
		row := populations.Row{Item: item, Kind: s.Kind, Record: record}
		if r, err := row.Resource(schema); err == nil {
			return r
		}
	}
	out := sources.Resource{Kind: schema.Kind, Key: item, Attrs: map[string]any{}}
	var fields map[string]json.RawMessage
	if json.Unmarshal(record, &fields) != nil {
		return out
	}
	for name, raw := range fields {
		if text := plain(raw); strings.TrimSpace(text) != "" {
			out.Attrs[column(name)] = text
		}
	}
	return out
}

// plain is a JSON value as text.
func plain(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// A judge holds the expressions of a workpaper, ready for its records.
type judge struct {
	shape  shape
	schema sources.Schema
	rules  map[string]*checks.Compiled // by letter
	asof   time.Time
}

// newJudge compiles the expressions. A fault names the attribute.
func newJudge(attributes []Attribute, s shape, asof time.Time) (*judge, error) {
	j := &judge{shape: s, rules: map[string]*checks.Compiled{}, asof: asof}
	for _, a := range attributes {
		if a.Expression == "" {
			continue
		}
		if j.schema.Kind == "" {
			var err error
			if j.schema, err = s.schema(); err != nil {
				return nil, err
			}
		}
		d := checks.Definition{ID: "attribute." + a.Letter, Title: a.Text, Kind: j.schema.Kind, Schema: j.schema.Version, Pass: a.Expression, Message: `""`}
		c, err := checks.Compile(d, j.schema)
		if err != nil {
			return nil, fault.Invalid("expressions", "%s cannot be read: %s", a.Letter, err)
		}
		j.rules[a.Letter] = c
	}
	return j, nil
}

// What an expression proposes.
const (
	proposesAgrees    = Agrees
	proposesDeviation = Deviates
	proposesUnknown   = "unknown"
)

// propose is what the expression of an attribute says of a record. Without an
// answer it is unknown, and why.
func (j *judge) propose(letter string, r sources.Resource) (proposed, why string) {
	rule := j.rules[letter]
	if rule == nil {
		return "", ""
	}
	switch o := rule.Evaluate(r, checks.Params{}, j.asof); o.Status {
	case checks.Pass:
		return proposesAgrees, ""
	case checks.Fail:
		return proposesDeviation, ""
	default:
		return proposesUnknown, o.Reason
	}
}

func (j *judge) resource(item string, record []byte) sources.Resource {
	return j.shape.attrs(j.schema, item, record)
}

// Roles of the fields of a record: who approved, who made it, when it was
// approved and when it was done.
const (
	roleApprover = "approver"
	roleAuthor   = "author"
	roleApproved = "approved"
	roleActed    = "acted"
)

// wellKnown are the usual names of fields, by role, the surest first.
var wellKnown = map[string][]string{
	roleApprover: {"approver", "approved_by", "approver_id", "reviewer", "reviewed_by"},
	roleAuthor:   {"author", "requester", "requested_by", "author_email", "opened_by", "created_by", "submitter"},
	roleApproved: {"approved_at", "approval_time", "approved_on", "approved", "reviewed_at"},
	roleActed:    {"deployed_at", "released_at", "executed_at", "performed_at", "granted_at", "completed_at"},
}

var roleNames = []string{roleApprover, roleAuthor, roleApproved, roleActed}

// fieldRoles says which field has which role; what the plan names comes first.
func fieldRoles(planned []string, has func(column string) bool) map[string]string {
	out := map[string]string{}
	for _, p := range planned {
		role, field, _ := strings.Cut(p, "=")
		out[role] = column(field)
	}
	for _, role := range roleNames {
		for _, name := range wellKnown[role] {
			if out[role] == "" && has(name) {
				out[role] = name
			}
		}
	}
	return out
}

// has reports whether records of the shape may have a field.
func (s shape) has(name string) bool {
	if s.Kind == "" {
		return slices.Contains(s.Columns, name)
	}
	schema, err := s.schema()
	_, ok := schema.Fields[name]
	return err == nil && ok
}

// timeForms are the ways in which files write an instant. Those without an
// offset are read in the zone of the engagement.
var timeForms = []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05",
	"2006-01-02T15:04", "2006-01-02 15:04"}

// instant reads a value as a time.
func instant(v any, zone *time.Location) (time.Time, bool) {
	switch v := v.(type) {
	case time.Time:
		return v, true
	case string:
		if len(v) < len("2006-01-02 15:04") || len(v) > 40 {
			return time.Time{}, false
		}
		for _, form := range timeForms {
			if t, err := time.ParseInLocation(form, strings.TrimSpace(v), zone); err == nil {
				return t.UTC(), true
			}
		}
	}
	return time.Time{}, false
}

// reads finds the fields that an expression reads.
var reads = regexp.MustCompile(`\br\.([A-Za-z_][A-Za-z0-9_]*)`)

// readers are the letters whose expressions read all of the fields, in order.
func readers(attributes []Attribute, fields ...string) (letters []string) {
	for _, a := range attributes {
		read := map[string]bool{}
		for _, m := range reads.FindAllStringSubmatch(a.Expression, -1) {
			read[m[1]] = true
		}
		if !slices.ContainsFunc(fields, func(f string) bool { return !read[f] }) {
			letters = append(letters, a.Letter)
		}
	}
	return letters
}

// facts are the fields of a record, those with a time first and in its order.
func facts(record []byte, roles map[string]string, attributes []Attribute, zone *time.Location) []Fact {
	var fields map[string]json.RawMessage
	if json.Unmarshal(record, &fields) != nil {
		return []Fact{}
	}
	out := make([]Fact, 0, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		f := Fact{Field: name, Value: plain(fields[name])}
		f.At, _ = instant(f.Value, zone)
		for role, field := range roles {
			if field == column(name) {
				f.Role = role
			}
		}
		f.Attributes = readers(attributes, column(name))
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b Fact) int {
		switch {
		case a.At.IsZero() != b.At.IsZero():
			if a.At.IsZero() {
				return 1
			}
			return -1
		default:
			return a.At.Compare(b.At)
		}
	})
	return out
}
