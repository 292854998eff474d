package op

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tickmark/tickmark/internal/fault"
)

// maxInput bounds the JSON of one input; files travel otherwise.
const maxInput = 96 << 20

// shape is an input type as every surface validates it.
type shape struct {
	schema   *huma.Schema
	registry huma.Registry
	names    []string
}

// shapeOf derives the schema of an input: a flat struct of strings, numbers,
// booleans, times, ids, bytes and lists of those.
func shapeOf(name string, t reflect.Type) (*shape, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("input is a %s, want a struct", t.Kind())
	}
	s := &shape{}
	for i := range t.NumField() {
		f := t.Field(i)
		n := jsonName(f)
		if n == "" || !f.IsExported() {
			return nil, fmt.Errorf("input field %s: want an exported field with a json name", f.Name)
		}
		if !flat(f.Type) {
			return nil, fmt.Errorf("input field %s: a %s cannot be a form field, a flag and a parameter alike", f.Name, f.Type)
		}
		s.names = append(s.names, n)
	}
	s.registry = huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		return schemaName(name)
	})
	s.schema = huma.SchemaFromType(s.registry, t)
	s.schema.PrecomputeMessages()
	return s, nil
}

// schemaName is the name of an operation's input in the OpenAPI text.
func schemaName(op string) string {
	noun, verb := split(op)
	var b strings.Builder
	for _, w := range strings.Split(noun+"_"+verb+"_input", "_") {
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	return b.String()
}

func flat(t reflect.Type) bool {
	if t == reflect.TypeFor[time.Time]() || t == reflect.TypeFor[[]byte]() {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64:
		return true
	case reflect.Slice:
		return t.Elem().Kind() != reflect.Slice && flat(t.Elem())
	}
	return false
}

func jsonName(f reflect.StructField) string {
	n, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if n == "-" {
		return ""
	}
	return n
}

// decode validates raw and unmarshals it into in.
func (s *shape) decode(raw []byte, in any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = []byte("{}")
	}
	if err := s.check(raw); err != nil {
		return err
	}
	err := json.Unmarshal(raw, in)
	var number *json.UnmarshalTypeError // 1.0 and 1e3 are whole, but not to Go
	if errors.As(err, &number) {
		return fault.Invalid(number.Field, "want a whole number in plain digits")
	}
	if err != nil {
		return fault.Invalid("", "the input does not fit: %s", err)
	}
	return nil
}

// check validates raw and reports every fault it finds, each at its field.
func (s *shape) check(raw []byte) error {
	if len(raw) > maxInput {
		return fault.Invalid("", "the input has %d bytes; at most %d are accepted", len(raw), maxInput)
	}
	var tree any
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(&tree); err != nil {
		return fault.Invalid("", "want a JSON object: %s", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.Invalid("", "want one JSON object and nothing after it")
	}
	object, ok := tree.(map[string]any)
	if !ok {
		return fault.Invalid("", "want a JSON object")
	}
	var faults []*fault.Error
	for _, k := range slices.Sorted(maps.Keys(object)) {
		switch bad := badText(object[k]); {
		case !slices.Contains(s.names, k): // huma, and Go, would take another case for the same name
			faults = append(faults, fault.Invalid(k, "is not a field; the fields are %s", strings.Join(s.names, ", ")))
			delete(object, k)
		case object[k] == nil: // null and absent are the same
			delete(object, k)
		case bad != "":
			faults = append(faults, fault.Invalid(k, "%s", bad))
		}
	}
	path, res := huma.NewPathBuffer([]byte{}, 0), &huma.ValidateResult{}
	huma.Validate(s.registry, s.schema, path, huma.ModeWriteToServer, object, res)
	for _, e := range res.Errors {
		var detail *huma.ErrorDetail
		if errors.As(e, &detail) {
			faults = append(faults, s.explain(detail))
		} else {
			faults = append(faults, fault.Invalid("", "%s", e))
		}
	}
	if len(faults) == 0 {
		return nil
	}
	// In the order of the form; what is no field of it comes first.
	slices.SortStableFunc(faults, func(a, b *fault.Error) int { return slices.Index(s.names, a.Field) - slices.Index(s.names, b.Field) })
	first := *faults[0]
	first.More = faults[1:]
	return &first
}

// explain names the field and what would be accepted.
func (s *shape) explain(d *huma.ErrorDetail) *fault.Error {
	field, _, _ := strings.Cut(d.Location, "[")
	if rest, ok := strings.CutPrefix(d.Message, "expected required property "); ok {
		name, _, _ := strings.Cut(rest, " ")
		return fault.Invalid(name, "is needed")
	}
	return fault.Invalid(field, "%s", accepted(d.Message))
}

// wording turns the validator's phrases into what would be accepted.
var wording = []struct{ from, one, many string }{
	{"expected array length >= ", "choose at least one", "choose at least %s"},
	{"expected array length <= ", "choose one at most", "choose at most %s"},
	{"expected length >= ", "is needed", "give at least %s characters"},
	{"expected length <= ", "give one character at most", "give at most %s characters"},
	{"expected number >= ", "give 1 or more", "give %s or more"},
	{"expected number <= ", "give 1 or less", "give %s or less"},
	{"expected value to be one of ", "", "give one of %s"},
	{"expected string to be ", "", "give %s"},
	{"expected string", "give text", "give text"},
	{"expected integer", "give a whole number", "give a whole number"},
	{"expected number", "give a number", "give a number"},
	{"expected boolean", "give true or false", "give true or false"},
	{"expected array", "give a list", "give a list"},
}

func accepted(message string) string {
	for _, w := range wording {
		rest, ok := strings.CutPrefix(message, w.from)
		switch {
		case !ok:
			continue
		case rest == "1" && w.one != "":
			return w.one
		case strings.Contains(w.many, "%s"):
			return fmt.Sprintf(w.many, strings.Trim(rest, `"`))
		case rest == "":
			return w.many
		}
	}
	return message
}

// maxInt is the largest whole number that the log can write.
const maxInt = 1<<53 - 1

// badText refuses what one of the databases, or the log, would refuse or
// mangle.
func badText(v any) string {
	switch v := v.(type) {
	case string:
		if !utf8.ValidString(v) {
			return "want text in UTF-8"
		}
		for _, r := range v {
			if r == 0 || unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
				return "has a control character"
			}
		}
	case float64:
		if v > maxInt || v < -maxInt {
			return fmt.Sprintf("want a number between -%d and %d", int64(maxInt), int64(maxInt))
		}
	case []any:
		for _, e := range v {
			if bad := badText(e); bad != "" {
				return bad
			}
		}
	}
	return ""
}
