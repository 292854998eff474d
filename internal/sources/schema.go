package sources

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// A Schema says what a kind of resource may carry. It belongs to no vendor: a
// user of a host and a user of a directory are judged by the same checks.
//
// Within a kind fields are only added. A field that changes its type or its
// meaning becomes a new kind, so that stored resources stay readable.
type Schema struct {
	Kind    string           `yaml:"kind" json:"kind"`
	Version int              `yaml:"version" json:"version"`
	Title   string           `yaml:"title" json:"title"`
	Doc     string           `yaml:"doc" json:"doc"`
	Fields  map[string]Field `yaml:"fields" json:"fields"`
	// Shown are the fields by which people tell such resources apart, the one that
	// names them first. Where the key names them, there are none.
	Shown []string `yaml:"shown" json:"shown,omitempty"`
}

// A Field is one fact about a resource. Any field of any resource may be
// absent; absent is not false.
type Field struct {
	Type string `yaml:"type" json:"type"`
	Doc  string `yaml:"doc" json:"doc"`
	// Personal marks what can be traced to a person, so that it is never shown
	// or exported by default.
	Personal bool `yaml:"personal" json:"personal,omitempty"`
	// First marks the instant at which a resource was first seen: where the
	// source does not say, it is that of the run that first brought it.
	First bool `yaml:"first" json:"first,omitempty"`
}

// The types a field can have.
const (
	TypeString    = "string"
	TypeBool      = "bool"
	TypeInt       = "int"
	TypeTimestamp = "timestamp"
	TypeList      = "list" // of strings
	TypeMap       = "map"  // from string to string
)

var fieldTypes = []string{TypeString, TypeBool, TypeInt, TypeTimestamp, TypeList, TypeMap}

var (
	kindName  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
)

// KindWord is what people call a kind of resource. Its name is for those who
// write rules and mappings; a kind that this version does not know has no other.
func KindWord(kind string) string {
	all, err := embedded() // lists ask for each of their rows: no copy
	if s, known := all[kind]; err == nil && known {
		return s.Title
	}
	return kind
}

// KindIn is the same within a sentence: "account in a system", "SSH service".
func KindIn(kind string) string {
	w := KindWord(kind)
	if first, rest, _ := strings.Cut(w, " "); strings.ToUpper(first) == first && len(first) > 1 {
		return first + " " + rest // an abbreviation
	}
	return strings.ToLower(w[:min(1, len(w))]) + w[min(1, len(w)):]
}

// FieldNames are the fields in alphabetical order.
func (s Schema) FieldNames() []string {
	names := make([]string, 0, len(s.Fields))
	for name := range s.Fields {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

//go:embed schemas
var schemaFiles embed.FS

var embedded = sync.OnceValues(func() (map[string]Schema, error) {
	dir, err := fs.Sub(schemaFiles, "schemas")
	if err != nil {
		return nil, err
	}
	return ParseSchemas(dir)
})

// Schemas are the kinds of resource this program knows, by kind.
func Schemas() (map[string]Schema, error) {
	known, err := embedded()
	if err != nil {
		return nil, err
	}
	own := make(map[string]Schema, len(known))
	for kind, schema := range known {
		own[kind] = schema
	}
	return own, nil
}

// ParseSchemas reads every *.yaml file at the top of dir. It returns all faults
// it finds, not the first.
func ParseSchemas(dir fs.FS) (map[string]Schema, error) {
	files, err := fs.Glob(dir, "*.yaml")
	if err != nil {
		return nil, err
	}
	var (
		schemas = map[string]Schema{}
		origin  = map[string]string{}
		faults  []error
	)
	for _, file := range files {
		data, err := fs.ReadFile(dir, file)
		if err != nil {
			return nil, err
		}
		found, err := parseSchemaFile(file, data)
		if err != nil {
			faults = append(faults, err)
		}
		for _, schema := range found {
			if other, taken := origin[schema.Kind]; taken {
				faults = append(faults, fmt.Errorf("%s: kind %q is already defined in %s", file, schema.Kind, other))
				continue
			}
			origin[schema.Kind] = file
			schemas[schema.Kind] = schema
		}
	}
	return schemas, errors.Join(faults...)
}

func parseSchemaFile(file string, data []byte) ([]Schema, error) {
	var (
		found  []Schema
		faults []error
	)
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	for n := 1; ; n++ {
		var schema Schema
		err := decoder.Decode(&schema)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			// After a syntax error the decoder cannot find the next document.
			faults = append(faults, fmt.Errorf("%s: document %d: %w", file, n, err))
			break
		}
		if err := schema.validate(); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", file, err))
			continue
		}
		found = append(found, schema)
	}
	return found, errors.Join(faults...)
}

func (s Schema) validate() error {
	var faults []error
	say := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("kind %q: "+format, append([]any{s.Kind}, args...)...))
	}
	if !kindName.MatchString(s.Kind) {
		say("a kind is lower-case letters, digits and _, and starts with a letter")
	}
	if s.Version < 1 {
		say("version is %d: versions start at 1", s.Version)
	}
	if s.Title == "" || s.Doc == "" {
		say("title and doc are both needed")
	}
	if len(s.Fields) == 0 {
		say("it has no fields: a kind needs at least one")
	}
	for _, name := range s.Shown {
		if _, is := s.Fields[name]; !is {
			say("shown names %q, which is none of its fields", name)
		}
	}
	for _, name := range s.FieldNames() {
		field := s.Fields[name]
		if !fieldName.MatchString(name) {
			say("field %q: a name is lower-case letters, digits and _, and starts with a letter", name)
		}
		if !slices.Contains(fieldTypes, field.Type) {
			say("field %q has type %q: types are %s", name, field.Type, strings.Join(fieldTypes, ", "))
		}
		if field.Doc == "" {
			say("field %q needs a doc", name)
		}
	}
	return errors.Join(faults...)
}
