package file

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// A meter ends a row that does not end: an open quote would otherwise take the
// rest of the file into memory.
type meter struct {
	from io.Reader
	left int
}

var errLong = errors.New("the row does not end")

// again gives the next row its due, and what may be read ahead of it.
func (m *meter) again() { m.left = maxRow + 128<<10 }

func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, errLong
	}
	n, err := m.from.Read(p[:min(len(p), m.left)])
	m.left -= n
	return n, err
}

type csvTable struct {
	meter  *meter
	csv    *csv.Reader
	names  map[string]int
	width  int
	sep    rune
	buf    []cell
	offset int // lines before what the reader sees
}

func openCSV(buf *bufio.Reader, m sources.Columns) (table, error) {
	head, _ := buf.Peek(4)
	if bytes.HasPrefix(head, []byte("\xff\xfe\x00\x00")) || bytes.HasPrefix(head, []byte("\x00\x00\xfe\xff")) {
		return nil, fault.Invalid("", "the file is UTF-32: save it as CSV in UTF-8 or UTF-16")
	}
	t := &csvTable{meter: &meter{from: decode(buf)}, names: map[string]int{}}
	t.meter.again()
	lines := bufio.NewReaderSize(t.meter, 64<<10)
	first, err := lines.Peek(60 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.IndexByte(first, 0) >= 0 {
		return nil, fault.Invalid("", "the file holds NUL characters and is no text: CSV in UTF-8 or UTF-16, XLSX, JSON and JSON lines are accepted")
	}
	if head := bytes.TrimLeft(first, " \t\r\n"); len(head) > 0 && (head[0] == '{' || head[0] == '[') {
		return nil, fault.Invalid("", "the file is JSON in UTF-16: save it as UTF-8, in which JSON is accepted")
	}
	if lines := bytes.TrimRight(first, "\r\n"); bytes.IndexByte(lines, '\r') >= 0 && bytes.IndexByte(lines, '\n') < 0 {
		return nil, fault.Invalid("", "the lines of the file end in a carriage return alone: save it with line feeds, or as XLSX")
	}
	rest := first
	for i := 1; i < m.Header; i++ { // the names of columns stand further down
		if _, after, found := bytes.Cut(rest, []byte("\n")); found {
			rest = after
		}
	}
	if t.sep = sniff(rest); m.Separator != "" {
		t.sep = rune(m.Separator[0])
	}
	t.csv = csv.NewReader(lines)
	t.csv.Comma, t.csv.FieldsPerRecord, t.csv.ReuseRecord = t.sep, -1, true
	return t, t.head(max(m.Header, 1))
}

// decode turns UTF-16 into UTF-8 and takes the mark away.
func decode(r io.Reader) io.Reader {
	buf, ok := r.(*bufio.Reader)
	if !ok {
		buf = bufio.NewReader(r)
	}
	head, _ := buf.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = buf.Discard(3)
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		_, _ = buf.Discard(2)
		return &wide{from: buf, low: 0}
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		_, _ = buf.Discard(2)
		return &wide{from: buf, low: 1}
	case len(head) == 4 && head[0] != 0 && head[1] == 0 && head[2] != 0 && head[3] == 0:
		return &wide{from: buf, low: 0}
	case len(head) == 4 && head[0] == 0 && head[1] != 0 && head[2] == 0 && head[3] != 0:
		return &wide{from: buf, low: 1}
	}
	return buf
}

// wide reads UTF-16. Halves of pairs and an odd last byte become U+FFFD, which
// the reading of cells lets through: the text was damaged before it came here.
type wide struct {
	from *bufio.Reader
	low  int // place of the low byte
	out  []byte
	half rune
	err  error
}

func (w *wide) Read(p []byte) (int, error) {
	for len(w.out) == 0 && w.err == nil {
		w.fill()
	}
	if len(w.out) == 0 {
		return 0, w.err
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}

func (w *wide) fill() {
	w.out = w.out[:0]
	for range 4096 {
		var b [2]byte
		if _, err := io.ReadFull(w.from, b[:]); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) || w.half != 0 {
				w.out = utf8.AppendRune(w.out, utf8.RuneError)
			}
			if w.err = err; errors.Is(err, io.ErrUnexpectedEOF) {
				w.err = io.EOF
			}
			w.half = 0
			return
		}
		r := rune(b[w.low]) | rune(b[1-w.low])<<8
		switch {
		case w.half != 0:
			if whole := utf16.DecodeRune(w.half, r); whole != utf8.RuneError {
				w.out, w.half = utf8.AppendRune(w.out, whole), 0
				continue
			}
			w.out, w.half = utf8.AppendRune(w.out, utf8.RuneError), 0
			if utf16.IsSurrogate(r) {
				w.half = r
				continue
			}
			w.out = utf8.AppendRune(w.out, r)
		case utf16.IsSurrogate(r):
			w.half = r
		default:
			w.out = utf8.AppendRune(w.out, r)
		}
	}
}

// sniff is the separator that the first line has most of, outside quotes.
func sniff(data []byte) rune {
	counts := map[byte]int{}
	quoted := false
	for _, c := range data {
		if c == '"' {
			quoted = !quoted
		}
		if c == '\n' && !quoted && len(counts) > 0 {
			break
		}
		if !quoted {
			counts[c]++
		}
	}
	best := byte(',')
	for _, c := range []byte{';', '\t', '|'} {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return rune(best)
}

// head reads the line that names the columns, and passes over those above it.
func (t *csvTable) head(at int) error {
	for {
		cells, err := t.csv.Read()
		if errors.Is(err, io.EOF) {
			return fault.Invalid("header", "the file has no line %d, which should name the columns", at)
		}
		if err != nil {
			return t.broken(err)
		}
		line, _ := t.csv.FieldPos(0)
		t.meter.again()
		if line < at {
			continue
		}
		t.width = len(cells)
		t.buf = make([]cell, len(cells))
		return header(cells, fmt.Sprintf("line %d", line), t.names)
	}
}

// header reads the names of columns. Empty ones are passed over: spreadsheets
// leave some at the end.
func header(cells []string, place string, names map[string]int) error {
	if len(cells) > maxColumns {
		return fault.Invalid("header", "%s names %d columns: at most %d are accepted", place, len(cells), maxColumns)
	}
	for i, c := range cells {
		name := strings.TrimSpace(c)
		if !utf8.ValidString(name) {
			return fault.Invalid("header", "%s, column %d: its name is not UTF-8: save the file as CSV in UTF-8", place, i+1)
		}
		if _, twice := names[name]; twice {
			return fault.Invalid("header", "%s names two columns %q: each has a name of its own", place, shorten(name))
		}
		if name != "" {
			names[name] = i
		}
	}
	if len(names) == 0 {
		return fault.Invalid("header", "%s names no columns: say in the mapping which line does", place)
	}
	return nil
}

func (t *csvTable) columns() map[string]int { return t.names }

func (t *csvTable) facts() map[string]string {
	return map[string]string{"file_format": "csv", "separator": string(t.sep)}
}

// broken says where the text itself is at fault.
func (t *csvTable) broken(err error) error {
	var at *csv.ParseError
	line := t.csv.InputOffset()
	switch {
	case errors.Is(err, errLong):
		return fault.Invalid("", "after byte %d: a row is longer than %d KiB, the most that one may have; is a quote left open?", line, maxRow>>10)
	case errors.As(err, &at) && errors.Is(at.Err, csv.ErrQuote) && t.meter.left > 0:
		return fault.Invalid("", "line %d, column %d: a quote inside a field or one that is never closed: put the field in quotes and double those inside", at.StartLine, at.Column)
	case errors.As(err, &at):
		return fault.Invalid("", "line %d, column %d: a quote inside a field that does not begin with one: put the field in quotes and double those inside", at.Line, at.Column)
	}
	return err
}

func (t *csvTable) next() (row, error) {
	t.meter.again()
	cells, err := t.csv.Read()
	var at *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return row{}, io.EOF
	case errors.As(err, &at) && !errors.Is(err, errLong):
		// What follows the line begins a row of its own.
		said := fault.As(t.broken(err)).Message
		place, what, _ := strings.Cut(said, ": ")
		return row{place: place, bad: what}, nil
	case err != nil:
		return row{}, t.broken(err)
	}
	line, _ := t.csv.FieldPos(0)
	x := row{place: fmt.Sprintf("line %d", line), cells: t.buf}
	if len(cells) != t.width {
		x.bad = fmt.Sprintf("has %d columns where the header has %d; is a separator in a field that is not in quotes?", len(cells), t.width)
		return x, nil
	}
	size := 0
	for i, c := range cells {
		t.buf[i] = cell{text: c}
		if size += len(c); !utf8.ValidString(c) {
			t.buf[i] = cell{bad: "is not UTF-8: save the file as CSV in UTF-8 or UTF-16"}
		} else if strings.IndexByte(c, 0) >= 0 {
			t.buf[i] = cell{bad: "holds NUL: text is accepted"}
		}
	}
	if size > maxRow {
		x.bad = fmt.Sprintf("is longer than %d KiB, the most that a row may have", maxRow>>10)
	}
	return x, nil
}
