// Package checks judges what sources hold. A check is data: a rule over one
// kind of resource, what it means when it fails, and examples that prove the
// rule. It keeps what was judged as intervals and measures how long a control
// held.
package checks

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/fault"
)

// A Status is what a check says about a resource, or about all of them.
type Status string

// Unknown is never counted as Pass. Excepted is computed from an approved
// exception over a Fail, and never stored.
const (
	Pass          Status = "pass"
	Fail          Status = "fail"
	Unknown       Status = "unknown"
	NotApplicable Status = "not_applicable"
	Excepted      Status = "excepted"
)

// A Definition is a check as its author wrote it.
type Definition struct {
	ID     string `yaml:"id" json:"id"`
	Title  string `yaml:"title" json:"title"`
	Kind   string `yaml:"kind" json:"kind"`
	Schema int    `yaml:"schema" json:"schema"`
	// Applies and Pass are CEL over r, p and asof. An empty Applies is true.
	Applies string           `yaml:"applies" json:"applies,omitempty"`
	Pass    string           `yaml:"pass" json:"pass"`
	Params  map[string]Param `yaml:"params" json:"params,omitempty"`
	// Empty is what it means that a source was read and had nothing to judge.
	Empty Status `yaml:"empty" json:"empty"`
	// Freshness is how long what was seen is taken to hold.
	Freshness Duration `yaml:"freshness" json:"freshness"`
	Cadence   string   `yaml:"cadence" json:"cadence"`
	Severity  string   `yaml:"severity" json:"severity"`
	// Mandatory checks fail their controls; others are shown beside them.
	Mandatory bool `yaml:"mandatory" json:"mandatory,omitempty"`
	// Message is CEL that gives the text about one failing resource. Summary is
	// text about all of them, with {failing} {passing} {unknown} {total}.
	Message  string    `yaml:"message" json:"message"`
	Summary  string    `yaml:"summary" json:"summary"`
	Risk     string    `yaml:"risk" json:"risk"`
	Fix      string    `yaml:"fix" json:"fix"`
	Unknown  string    `yaml:"unknown" json:"unknown,omitempty"`
	Controls []string  `yaml:"controls" json:"controls"`
	Map      []Mapping `yaml:"map" json:"map"`
	Fixtures Fixtures  `yaml:"fixtures" json:"fixtures"`

	file   string
	lines  map[string]int
	source string // the text of an own check, as its author laid it out
	// shipped is the digest of what comes with the program, as long as nobody has
	// set anything about it: every page would hash two hundred definitions.
	shipped string
}

// A Param is a value that an organization may set without writing a rule, a
// whole number within bounds.
type Param struct {
	Type    string `yaml:"type" json:"type"`
	Default any    `yaml:"default" json:"default"`
	Min     *int64 `yaml:"min,omitempty" json:"min,omitempty"`
	Max     *int64 `yaml:"max,omitempty" json:"max,omitempty"`
	Doc     string `yaml:"doc" json:"doc"`
}

// A Mapping says how strongly a check speaks for a criterion.
type Mapping struct {
	Criterion string `yaml:"criterion" json:"criterion"`
	Strength  string `yaml:"strength" json:"strength"` // direct or supporting
}

// Fixtures are attributes of resources that the check must judge so.
type Fixtures struct {
	Pass    []map[string]any `yaml:"pass" json:"pass"`
	Fail    []map[string]any `yaml:"fail" json:"fail"`
	Unknown []map[string]any `yaml:"unknown" json:"unknown"`
}

type fixtureSet struct {
	want Status
	list []map[string]any
}

func (f Fixtures) sets() []fixtureSet {
	return []fixtureSet{{Pass, f.Pass}, {Fail, f.Fail}, {Unknown, f.Unknown}}
}

// Duration is written as "26h" or "90m".
type Duration time.Duration

// UnmarshalYAML reads a duration; the fault names the line.
func (d *Duration) UnmarshalYAML(node *yaml.Node) error {
	parsed, err := time.ParseDuration(node.Value)
	if err != nil {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %q is not a duration: give hours or minutes, as in 26h or 90m", node.Line, node.Value)}}
	}
	*d = Duration(parsed)
	return nil
}

// UnmarshalText reads what MarshalText wrote.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// MarshalText writes the shortest form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d Duration) String() string {
	text := time.Duration(d).String()
	text = strings.TrimSuffix(text, "m0s")
	if strings.HasSuffix(text, "h0") {
		return strings.TrimSuffix(text, "0")
	}
	if len(text) < len(time.Duration(d).String()) {
		return text + "m"
	}
	return text
}

// Digest identifies the content of the definition, whatever its layout: it is
// the version stamped on what the check finds.
func (d Definition) Digest() string {
	data, err := canon.JSON(d)
	if err != nil {
		return "" // Parse has refused whatever could not be written
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (d Definition) digest() string {
	if d.shipped != "" {
		return d.shipped
	}
	return d.Digest()
}

// Where is the file and line of one of the definition's keys, as far as known:
// "git.yaml:12".
func (d Definition) Where(key string) string {
	for {
		if line, known := d.lines[key]; known {
			return fmt.Sprintf("%s:%d", d.file, line)
		}
		dot := strings.LastIndexByte(key, '.')
		if dot < 0 {
			return d.file
		}
		key = key[:dot]
	}
}

const (
	maxFile        = 1 << 20
	maxDefinitions = 1000
)

// Parse reads a file of one or several YAML documents, a check each. The error
// holds every fault found; file is only a name for it.
func Parse(file string, data []byte) ([]Definition, error) {
	if len(data) > maxFile {
		return nil, fault.Invalid("", "%s has %d bytes: at most %d are read", file, len(data), maxFile)
	}
	var (
		strict = yaml.NewDecoder(bytes.NewReader(data))
		loose  = yaml.NewDecoder(bytes.NewReader(data))
		found  []Definition
		all    faults
	)
	strict.KnownFields(true)
	for {
		var (
			definition Definition
			node       yaml.Node
		)
		err := strict.Decode(&definition)
		if errors.Is(err, io.EOF) {
			break
		}
		var wrong *yaml.TypeError
		if errors.As(err, &wrong) {
			for _, text := range wrong.Errors {
				all.add(yamlFault(file, text))
			}
		} else if err != nil {
			all.add(fault.Invalid("", "%s: %s", file, strings.TrimPrefix(err.Error(), "yaml: ")))
			break
		}
		if err := loose.Decode(&node); err != nil {
			all.add(fault.Invalid("", "%s: %v", file, err))
			break
		}
		if len(found) == maxDefinitions {
			all.add(fault.Invalid("", "%s has more than %d checks: split it", file, maxDefinitions))
			break
		}
		definition.file, definition.lines = file, map[string]int{}
		noteLines(definition.lines, "", &node, 0)
		if wrong == nil {
			definition.setDefaults()
			definition.validate(&all)
		}
		found = append(found, definition)
	}
	if err := all.err(); err != nil {
		return nil, err
	}
	return found, nil
}

// noteLines remembers where each key is, so that a fault found later can say.
func noteLines(lines map[string]int, path string, node *yaml.Node, depth int) {
	if depth > 8 {
		return
	}
	under := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	switch node.Kind {
	case yaml.DocumentNode:
		for _, child := range node.Content {
			lines[""] = child.Line
			noteLines(lines, path, child, depth+1)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			name := under(node.Content[i].Value)
			lines[name] = node.Content[i].Line
			noteLines(lines, name, node.Content[i+1], depth+1)
		}
	case yaml.SequenceNode:
		for i, child := range node.Content {
			name := under(fmt.Sprint(i))
			lines[name] = child.Line
			noteLines(lines, name, child, depth+1)
		}
	}
}

var (
	unknownKey = regexp.MustCompile(`^line (\d+): field (.+) not found in type checks\.(\w+)$`)
	anyLine    = regexp.MustCompile(`^line (\d+): (.*)$`)
	wrongKind  = regexp.MustCompile(`^line (\d+): cannot unmarshal !!\w+(?: ` + "`(.*)`" + `)? into (.+)$`)
)

// keysOf are what may stand in each part of a definition.
var keysOf = map[string]string{
	"Definition": "id, title, kind, schema, applies, pass, params, empty, freshness, cadence, severity, mandatory, message, summary, risk, fix, unknown, controls, map, fixtures",
	"Param":      "type, default, min, max, doc",
	"Mapping":    "criterion, strength",
	"Fixtures":   "pass, fail, unknown",
}

var wanted = map[string]string{
	"string":                    "text",
	"checks.Status":             "text",
	"int":                       "a whole number",
	"bool":                      "true or false",
	"[]string":                  "a list of texts",
	"[]map[string]interface {}": "a list of attributes",
	"map[string]interface {}":   "attributes by name",
}

// yamlFault says in our words what the YAML reader found.
func yamlFault(file, text string) *fault.Error {
	if m := unknownKey.FindStringSubmatch(text); m != nil {
		return fault.Invalid(m[2], "%s:%s: there is no key %q: keys here are %s", file, m[1], m[2], keysOf[m[3]])
	}
	if m := wrongKind.FindStringSubmatch(text); m != nil {
		want, known := wanted[m[3]]
		if !known {
			want = "something else"
		}
		return fault.Invalid("", "%s:%s: %q stands where %s is wanted", file, m[1], m[2], want)
	}
	if m := anyLine.FindStringSubmatch(text); m != nil {
		return fault.Invalid("", "%s:%s: %s", file, m[1], m[2])
	}
	return fault.Invalid("", "%s: %s", file, text)
}

// faults collects what is wrong, so that an author sees all of it at once.
type faults struct{ list []*fault.Error }

func (f *faults) add(e *fault.Error) { f.list = append(f.list, e) }

func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	first := *f.list[0]
	first.More = f.list[1:]
	return &first
}
