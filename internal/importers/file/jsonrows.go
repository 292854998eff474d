package file

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/fault"
)

// maxDepth is how deep values of a row may lie in one another.
const maxDepth = 8

// A jsonTable reads a list of objects, the list under "rows", or one object to
// a line. Objects inside a row become columns with a dot: manager.email.
type jsonTable struct {
	meter *meter
	dec   *json.Decoder
	lines *bufio.Reader // one object to a line, instead of a list
	list  bool
	ended bool
	n     int
	names map[string]int
	tail  bool // the list lies in an object, whose rest is still to come
}

func openJSON(buf *bufio.Reader) (table, error) {
	t := &jsonTable{meter: &meter{from: decode(buf)}, names: map[string]int{}}
	t.meter.again()
	from := bufio.NewReaderSize(t.meter, 64<<10)
	// Whether the rows lie under "rows" shows at the top of an object only, so
	// that is looked for in what can be seen ahead.
	ahead, _ := from.Peek(32 << 10)
	t.dec = json.NewDecoder(from)
	t.dec.UseNumber()
	ahead = bytes.TrimLeft(ahead, " \t\r\n")
	if len(ahead) == 0 {
		return nil, fault.Invalid("", "the file holds only space: rows in JSON are accepted")
	}
	if ahead[0] == '[' {
		_, err := t.dec.Token()
		t.list = true
		return t, t.broken(err)
	}
	if !wraps(ahead) {
		t.lines = from
		return t, nil
	}
	t.list, t.tail = true, true
	if _, err := t.dec.Token(); err != nil {
		return nil, t.broken(err)
	}
	return t, t.seek()
}

// wraps reports whether an object has a list under "rows", as far as is seen.
func wraps(ahead []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(ahead))
	if _, err := dec.Token(); err != nil {
		return false
	}
	for {
		name, err := dec.Token()
		if err != nil {
			return false
		}
		if name == "rows" {
			next, err := dec.Token()
			return err == nil && next == json.Delim('[')
		}
		var skip json.RawMessage
		if dec.Decode(&skip) != nil {
			return false
		}
	}
}

// seek goes to the list under "rows".
func (t *jsonTable) seek() error {
	for t.dec.More() {
		name, err := t.dec.Token()
		if err != nil {
			return t.broken(err)
		}
		if name == "rows" {
			_, err := t.dec.Token()
			return t.broken(err)
		}
		var skip json.RawMessage
		if err := t.dec.Decode(&skip); err != nil {
			return t.broken(err)
		}
	}
	return fault.Invalid("", `a list of objects, {"rows": […]} or one object to a line is accepted`)
}

func (t *jsonTable) columns() map[string]int { return t.names }

func (t *jsonTable) facts() map[string]string { return map[string]string{"file_format": "json"} }

func (t *jsonTable) broken(err error) error {
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errLong):
		return fault.Invalid("", "row %d: it is longer than %d KiB, the most that is accepted of one", t.n+1, maxRow>>10)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fault.Invalid("", "row %d: the file ends in the middle; was it cut short? Hand in the whole file", t.n+1)
	case errors.As(err, &syntax):
		return fault.Invalid("", "row %d, byte %d: %s; JSON is accepted", t.n+1, t.dec.InputOffset(), shorten(syntax.Error()))
	}
	return err
}

func (t *jsonTable) next() (row, error) {
	t.meter.again()
	if t.ended {
		return row{}, io.EOF
	}
	if t.list && !t.dec.More() {
		t.ended = true
		return row{}, t.end()
	}
	if t.lines != nil {
		return t.line()
	}
	var raw json.RawMessage
	if err := t.dec.Decode(&raw); err != nil {
		return row{}, t.broken(err)
	}
	t.n++
	return t.row(fmt.Sprintf("row %d", t.n), raw), nil
}

// line reads one line. What is wrong with it is wrong with it alone.
func (t *jsonTable) line() (row, error) {
	for {
		raw, err := t.lines.ReadBytes('\n')
		if errors.Is(err, errLong) {
			return row{}, fault.Invalid("", "line %d: it is longer than %d KiB, the most that is accepted of one; a list of objects, or one object to a line, is accepted", t.n+1, maxRow>>10)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return row{}, err
		}
		if len(raw) == 0 {
			return row{}, io.EOF
		}
		t.n++
		place := fmt.Sprintf("line %d", t.n)
		if raw = bytes.TrimSpace(raw); len(raw) == 0 {
			t.meter.again()
			continue
		}
		if !json.Valid(raw) {
			why := "is no JSON: one object to a line is accepted"
			if errors.Is(err, io.EOF) {
				why = "is cut short; hand in the whole file"
			}
			return row{place: place, bad: why}, nil
		}
		return t.row(place, raw), nil
	}
}

func (t *jsonTable) row(place string, raw json.RawMessage) row {
	x := row{place: place, cells: make([]cell, len(t.names))}
	raw = bytes.TrimSpace(raw)
	switch {
	case !utf8.Valid(raw):
		x.bad = "is not UTF-8: save the file as JSON in UTF-8"
	case len(raw) > maxRow:
		x.bad = fmt.Sprintf("is longer than %d KiB, the most that a row may have", maxRow>>10)
	case raw[0] != '{':
		x.bad = "is no object: each row is an object with a value for each column"
	case deep(raw) > maxDepth:
		x.bad = fmt.Sprintf("has values %d deep in one another: at most %d are accepted", deep(raw), maxDepth)
	default:
		x.bad = t.flatten(raw, "", &x)
	}
	return x
}

// end reads what follows the list: the rest of the object it lies in, and
// nothing else.
func (t *jsonTable) end() error {
	if _, err := t.dec.Token(); err != nil {
		return t.broken(err)
	}
	for t.tail && t.dec.More() {
		var skip json.RawMessage
		if _, err := t.dec.Token(); err != nil {
			return t.broken(err)
		}
		if err := t.dec.Decode(&skip); err != nil {
			return t.broken(err)
		}
	}
	if t.tail {
		if _, err := t.dec.Token(); err != nil {
			return t.broken(err)
		}
	}
	if _, err := t.dec.Token(); !errors.Is(err, io.EOF) {
		return fault.Invalid("", "after row %d something follows the end of the list: one list to a file is accepted", t.n)
	}
	return io.EOF
}

// deep is how many brackets are open at once, outside of texts.
func deep(raw []byte) int {
	depth, most, quoted := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			most = max(most, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return most
}

// flatten puts the values of an object into the cells of a row.
func (t *jsonTable) flatten(raw json.RawMessage, prefix string, x *row) string {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if _, err := dec.Token(); err != nil {
		return "cannot be read"
	}
	seen := map[string]bool{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return "cannot be read"
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return "cannot be read"
		}
		key := prefix + name.(string)
		if seen[key] {
			return fmt.Sprintf("has %q twice", shorten(key))
		}
		seen[key] = true
		if value[0] == '{' {
			if bad := t.flatten(value, key+".", x); bad != "" {
				return bad
			}
			continue
		}
		i, known := t.names[key]
		if !known {
			if len(t.names) >= maxColumns {
				return fmt.Sprintf("brings the file to more than %d columns, the most that are accepted", maxColumns)
			}
			i = len(t.names)
			t.names[key] = i
		}
		for len(x.cells) <= i {
			x.cells = append(x.cells, cell{})
		}
		if x.cells[i].text != "" || x.cells[i].many {
			return fmt.Sprintf("has %q twice", shorten(key))
		}
		x.cells[i] = scalar(value)
	}
	return ""
}

// scalar is a text, number, truth, nothing, or a list of such.
func scalar(raw json.RawMessage) cell {
	switch raw[0] {
	case 'n':
		return cell{}
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return cell{bad: "is a text that cannot be read"}
		}
		if strings.IndexByte(s, 0) >= 0 {
			return cell{bad: "holds NUL: text is accepted"}
		}
		return cell{text: s}
	case '[':
		var parts []json.RawMessage
		if json.Unmarshal(raw, &parts) != nil {
			return cell{bad: "is a list that cannot be read"}
		}
		out := cell{many: true, list: []string{}}
		for _, p := range parts {
			c := scalar(p)
			if c.bad != "" || c.many || p[0] == '{' {
				return cell{bad: "is a list of lists or objects: a list of texts is accepted"}
			}
			out.list = append(out.list, c.text)
		}
		return out
	case '{':
		return cell{bad: "is an object"}
	}
	return cell{text: strings.TrimSpace(string(raw))}
}
