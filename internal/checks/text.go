package checks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tickmark/tickmark/internal/fault"
)

// writtenOrder is the order of the keys of a definition, as a person reads one.
var writtenOrder = []string{"id", "title", "kind", "schema", "applies", "pass", "params", "empty", "freshness", "cadence", "severity",
	"mandatory", "message", "summary", "risk", "fix", "unknown", "controls", "map", "fixtures"}

// MarshalYAML writes a duration as it is read.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }

// Text writes the definition as YAML, without what says nothing.
func (d Definition) Text() (string, error) { return Rewrite("", d) }

// Rewrite brings the YAML of a check to say what d says. Keys that say so
// already keep their layout, their place and their comments: whoever changes a
// title in the form finds the rest of the text as it was.
func Rewrite(text string, d Definition) (string, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	doc := &yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{root}}
	var was Definition
	if strings.TrimSpace(text) != "" {
		var old yaml.Node
		if err := yaml.Unmarshal([]byte(text), &old); err != nil {
			return "", fault.Invalid("yaml", "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		}
		if old.Kind == yaml.DocumentNode && len(old.Content) == 1 && old.Content[0].Kind == yaml.MappingNode {
			doc, root = &old, old.Content[0]
			if defs, err := Parse("yaml", []byte(text)); err == nil && len(defs) == 1 {
				was = defs[0]
			} else if old.Decode(&was) == nil { // what does not fit is written anew
				was.setDefaults()
			}
		}
	}
	before, after := parts(was), parts(d)
	for _, key := range writtenOrder {
		i := keyAt(root, key)
		switch {
		case reflect.DeepEqual(before[key], after[key]) && (i >= 0 || after[key] == nil):
		case after[key] == nil:
			root.Content = slices.Delete(root.Content, i, i+2)
		default:
			value, err := nodeOf(after[key])
			if err != nil {
				return "", err
			}
			if i >= 0 {
				value.LineComment = root.Content[i+1].LineComment
				root.Content[i+1] = value
				continue
			}
			at := placeFor(root, key)
			root.Content = slices.Insert(root.Content, at, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
		}
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(doc), enc.Close()); err != nil {
		return "", err
	}
	return b.String(), nil
}

// parts are the values of a definition by key; what says nothing is nil.
func parts(d Definition) map[string]any {
	out := map[string]any{}
	v, t := reflect.ValueOf(d), reflect.TypeFor[Definition]()
	for i := range t.NumField() {
		name := t.Field(i).Tag.Get("yaml")
		if name == "" || v.Field(i).IsZero() {
			continue
		}
		out[name] = v.Field(i).Interface()
	}
	if m, is := out["params"].(map[string]Param); is && len(m) == 0 {
		delete(out, "params")
	}
	return out
}

func keyAt(root *yaml.Node, key string) int {
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == key {
			return i
		}
	}
	return -1
}

// placeFor is where a key that is not there yet belongs: after the nearest one
// before it.
func placeFor(root *yaml.Node, key string) int {
	for i := slices.Index(writtenOrder, key) - 1; i >= 0; i-- {
		if at := keyAt(root, writtenOrder[i]); at >= 0 {
			return at + 2
		}
	}
	return 0
}

// nodeOf writes a value; short lists and maps of few things stand on one line.
func nodeOf(value any) (*yaml.Node, error) {
	var n yaml.Node
	if err := n.Encode(value); err != nil {
		return nil, err
	}
	flow(&n, 0)
	return &n, nil
}

func flow(n *yaml.Node, depth int) {
	for _, c := range n.Content {
		flow(c, depth+1)
	}
	if n.Kind == yaml.MappingNode && depth >= 1 || n.Kind == yaml.SequenceNode && (depth >= 2 || len(n.Content) > 0 && n.Content[0].Kind == yaml.ScalarNode) {
		n.Style = yaml.FlowStyle
	}
	if n.Kind == yaml.SequenceNode && depth == 1 {
		n.Style = 0
	}
}

// documents cuts a file into the texts of its documents, so that each keeps
// its layout and comments.
func documents(text string) ([]string, error) {
	if len(text) > maxFile {
		return nil, fault.Invalid("yaml", "the file has %d bytes: at most %d are read", len(text), maxFile)
	}
	var starts []int // lines on which a document's content begins
	dec := yaml.NewDecoder(strings.NewReader(text))
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Invalid("yaml", "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		}
		if len(starts) == maxDefinitions {
			return nil, fault.Invalid("yaml", "the file has more than %d checks: split it", maxDefinitions)
		}
		starts = append(starts, n.Line)
	}
	var out []string
	part := []string{}
	flush := func() {
		if body := strings.Join(part, "\n"); strings.TrimSpace(stripComments(part)) != "" {
			out = append(out, body+"\n")
		}
		part = nil
	}
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if line == "---" || strings.HasPrefix(line, "--- ") {
			flush()
			continue
		}
		part = append(part, line)
	}
	flush()
	if len(out) != len(starts) || len(out) == 0 {
		return nil, fault.Invalid("yaml", "want checks, each a YAML document, with a line of --- between them; %s", found(len(starts)))
	}
	return out, nil
}

func stripComments(lines []string) string {
	var out []string
	for _, l := range lines {
		if t := strings.TrimSpace(l); t != "" && !strings.HasPrefix(t, "#") {
			out = append(out, t)
		}
	}
	return strings.Join(out, "\n")
}

func found(n int) string {
	if n == 0 {
		return "there is none"
	}
	return fmt.Sprintf("%d were found", n)
}

// Lines writes parameters or examples as a form shows them: a thing to a line.
func Lines(value any) (string, error) {
	if v := reflect.ValueOf(value); v.Len() == 0 {
		return "", nil
	}
	n, err := nodeOf(map[string]any{"x": value})
	if err != nil {
		return "", err
	}
	inner := n.Content[1]
	inner.Style = 0
	for _, c := range inner.Content {
		if c.Kind != yaml.ScalarNode {
			c.Style = yaml.FlowStyle
		}
	}
	b, err := yaml.Marshal(inner)
	return strings.TrimSuffix(string(b), "\n"), err
}
