package foreign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/fault"
)

// A Node is a value with its place, so that what is wrong can be said. A field
// that is absent or null is a Node too, which holds nothing.
type Node struct {
	value any
	up    *Node
	name  string
	root  *root
}

type root struct {
	path string
	line int
	err  error // the first that was found
}

// Parse takes a value that lies at a path apart.
func Parse(path string, line int, raw []byte) (*Node, error) {
	r := &root{path: path, line: line}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	n := &Node{root: r}
	if !utf8.Valid(raw) {
		return nil, fault.Invalid("file", "%s (line %d): a byte of it is not UTF-8; a file in UTF-8 is accepted", path, line)
	}
	if err := dec.Decode(&n.value); err != nil {
		return nil, fault.Invalid("file", "%s (line %d): this is no JSON: %v", path, line, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.Invalid("file", "%s (line %d): this is no JSON: one value is accepted, and more follows it", path, line)
	}
	if at, found := twice(raw); found {
		return nil, fault.Invalid("file", "%s%s (line %d): the field is there twice; one of a name is accepted", path, at, line)
	}
	return n, nil
}

// Path is where the node lies, such as $.[1592].finding_info.uid.
func (n *Node) Path() string {
	if n.up == nil {
		return n.root.path
	}
	return n.up.Path() + "." + n.name
}

// Fail notes what is wrong at the node; the first that is noted counts.
func (n *Node) Fail(format string, args ...any) {
	if n.root.err == nil {
		n.root.err = fault.Invalid("file", "%s (line %d): %s", n.Path(), n.root.line, fmt.Sprintf(format, args...))
	}
}

// Refuse gives an error about the whole value its place. What is no fault of
// the file is left as it is.
func (n *Node) Refuse(err error) error {
	f := fault.As(err)
	if f == nil || f.Kind != fault.KindInvalid {
		return err
	}
	return fault.Invalid("file", "%s (line %d): %s", n.Path(), n.root.line, f.Message).With(err)
}

// Err is the first thing that was wrong in the whole value.
func (n *Node) Err() error { return n.root.err }

// Absent reports whether nothing is said here.
func (n *Node) Absent() bool { return n.value == nil }

// At goes down by names. What should be an object and is not, is wrong.
func (n *Node) At(names ...string) *Node {
	for _, name := range names {
		next := &Node{up: n, name: name, root: n.root}
		if n.value != nil {
			object, is := n.value.(map[string]any)
			if !is {
				n.wants("an object")
			}
			next.value = object[name]
		}
		n = next
	}
	return n
}

func (n *Node) wants(what string) { n.Fail("%s is accepted, not %s", what, kindOf(n.value)) }

func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return "a string"
	case json.Number:
		return "the number " + short(v.String())
	case bool:
		return "true or false"
	case []any:
		return "a list"
	}
	return "an object"
}

func short(s string) string {
	if len(s) > 60 {
		return s[:57] + "…"
	}
	return s
}

// Text is a string; empty if absent.
func (n *Node) Text() string {
	if n.value == nil {
		return ""
	}
	s, is := n.value.(string)
	if !is {
		n.wants("a string")
	}
	return s
}

// Word is a string or a number, as a string.
func (n *Node) Word() string {
	if v, is := n.value.(json.Number); is {
		return v.String()
	}
	return n.Text()
}

// Need is a string that must not be empty.
func (n *Node) Need(what string) string {
	s := n.Text()
	if strings.TrimSpace(s) == "" {
		n.Fail("%s is needed, as a string that is not empty", what)
	}
	return s
}

// Int is a whole number; false if absent.
func (n *Node) Int() (int64, bool) {
	if n.value == nil {
		return 0, false
	}
	v, is := n.value.(json.Number)
	i, err := strconv.ParseInt(v.String(), 10, 64)
	if !is || err != nil {
		n.wants("a whole number")
		return 0, false
	}
	return i, true
}

// Bool is true or false; false if absent.
func (n *Node) Bool() (value, said bool) {
	if n.value == nil {
		return false, false
	}
	v, is := n.value.(bool)
	if !is {
		n.wants("true or false")
	}
	return v, is
}

// List are the elements of a list; none if absent.
func (n *Node) List() []*Node {
	if n.value == nil {
		return nil
	}
	list, is := n.value.([]any)
	if !is {
		n.wants("a list")
	}
	out := make([]*Node, len(list))
	for i, v := range list {
		out[i] = &Node{value: v, up: n, name: "[" + strconv.Itoa(i) + "]", root: n.root}
	}
	return out
}

// Texts are the strings of a list; nil if absent.
func (n *Node) Texts() []string {
	var out []string
	for _, x := range n.List() {
		if s := x.Text(); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// Object reports whether the node is an object.
func (n *Node) Object() bool {
	_, is := n.value.(map[string]any)
	return is
}

// Map is an object of strings, numbers and words as strings; what else it holds
// is left out.
func (n *Node) Map() map[string]string {
	if n.value == nil {
		return nil
	}
	object, is := n.value.(map[string]any)
	if !is {
		n.wants("an object")
	}
	out := make(map[string]string, len(object))
	for k, v := range object {
		switch v := v.(type) {
		case string:
			out[k] = v
		case json.Number:
			out[k] = v.String()
		case bool:
			out[k] = strconv.FormatBool(v)
		}
	}
	return out
}

// Time is an instant in RFC 3339, with or without a zone: without one it is in
// UTC. Zero if absent.
func (n *Node) Time() time.Time {
	s := n.Text()
	if s == "" {
		return time.Time{}
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return n.sane(t.UTC())
		}
	}
	n.Fail("an instant such as 2026-01-31T12:00:00Z is accepted, not %q", short(s))
	return time.Time{}
}

// Moment is an instant as a number of milliseconds, or of seconds, since 1970.
// Zero if absent or nought.
func (n *Node) Moment() time.Time {
	v, said := n.Int()
	switch {
	case !said || v == 0:
		return time.Time{}
	case v < 0 || v > 253402300799999:
		n.Fail("milliseconds since 1970 are accepted, not %d", v)
		return time.Time{}
	case v < 100_000_000_000: // as milliseconds that would be 1973
		return time.Unix(v, 0).UTC()
	}
	return time.UnixMilli(v).UTC()
}

func (n *Node) sane(t time.Time) time.Time {
	if t.Year() < 1 || t.Year() > 9999 {
		n.Fail("an instant of the years 1 to 9999 is accepted")
		return time.Time{}
	}
	return t
}

// First is the first row of a file by its first bytes, as Rows would find it;
// nil if they do not hold it whole.
func First(head []byte, names []string) *Node {
	var first *Node
	err := Rows(bytes.NewReader(head), names, func(path string, line int, raw []byte) (err error) {
		if first, err = Parse(path, line, raw); err == nil {
			err = errFound
		}
		return err
	}, nil)
	if first == nil || err == nil && first == nil {
		return nil
	}
	return first
}

var errFound = fmt.Errorf("found")

// Names are those of an object's fields, in alphabetical order.
func (n *Node) Names() []string {
	object, _ := n.value.(map[string]any)
	return slices.Sorted(maps.Keys(object))
}
