// Package foreign reads JSON that others wrote: of any length, one value at a
// time, within limits of size and depth, saying by path and line what is wrong
// and what would be accepted.
package foreign

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
)

// Limits of what is read.
const (
	MaxValue = 8 << 20 // bytes of one value that is held
	MaxDepth = 100     // of lists and objects in each other
	maxName  = 4 << 10 // bytes of the name of a field
	maxNames = 10_000  // fields of an object that is taken apart
)

// A Scanner takes a document apart without holding it.
type Scanner struct {
	r    *bufio.Reader
	line int
	size int // of what may be held
}

// NewScanner reads a document, without the mark that some editors put first.
func NewScanner(r io.Reader) *Scanner {
	s := &Scanner{r: bufio.NewReaderSize(r, 256<<10), line: 1, size: MaxValue}
	if mark, err := s.r.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		s.r.Discard(3)
	}
	return s
}

// Line is that of what is read next, from 1.
func (s *Scanner) Line() int { return s.line }

// wrong refuses the document at a path.
func (s *Scanner) wrong(path, format string, args ...any) error {
	return fault.Invalid("file", "%s (line %d): %s", path, s.line, fmt.Sprintf(format, args...))
}

// cut is a document that ends too early, or one that cannot be read on.
func (s *Scanner) cut(path string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return s.wrong(path, "the file ends in the middle; hand in the whole file")
	}
	return err
}

// Next is the byte with which the next value begins, after spaces; io.EOF at
// the end.
func (s *Scanner) Next() (byte, error) {
	for {
		c, err := s.r.ReadByte()
		if err != nil {
			return 0, err
		}
		switch c {
		case '\n':
			s.line++
		case ' ', '\t', '\r':
		default:
			return c, s.r.UnreadByte()
		}
	}
}

func (s *Scanner) expect(path string, want byte, what string) error {
	c, err := s.Next()
	if err != nil {
		return s.cut(path, err)
	}
	if c != want {
		return s.wrong(path, "%s is accepted, not %s", what, begins(c))
	}
	_, err = s.r.ReadByte()
	return err
}

// begins names what a byte begins.
func begins(c byte) string {
	switch {
	case c == '{':
		return "an object"
	case c == '[':
		return "a list"
	case c == '"':
		return "a string"
	case c == '-' || c >= '0' && c <= '9':
		return "a number"
	case c == 't' || c == 'f':
		return "true or false"
	case c == 'n':
		return "null"
	case c == 0xfe || c == 0xff:
		return "UTF-16: save the file as UTF-8"
	case c == 0x1f:
		return "a packed file: unpack it"
	}
	return fmt.Sprintf("%q", string(rune(c)))
}

// List calls fn before each element of a list, with its path; fn reads it with
// Value, Skip, List or Object.
func (s *Scanner) List(path string, fn func(i int, path string) error) error {
	if err := s.expect(path, '[', "a list"); err != nil {
		return err
	}
	for i := 0; ; i++ {
		at := fmt.Sprintf("%s.[%d]", path, i)
		done, err := s.more(at, i, ']')
		if err != nil || done {
			return err
		}
		if err := fn(i, at); err != nil {
			return err
		}
	}
}

// more is at an element, or past the end.
func (s *Scanner) more(path string, i int, end byte) (done bool, err error) {
	c, err := s.Next()
	if err != nil {
		return false, s.cut(path, err)
	}
	if c == end {
		_, err := s.r.ReadByte()
		return true, err
	}
	if i == 0 {
		return false, nil
	}
	if c != ',' {
		return false, s.wrong(path, "a comma or %q is accepted, not %s", string(end), begins(c))
	}
	if _, err := s.r.ReadByte(); err != nil {
		return false, err
	}
	if c, err = s.Next(); err != nil {
		return false, s.cut(path, err)
	}
	if c == end {
		return false, s.wrong(path, "a value is accepted after a comma, not %q", string(c))
	}
	return false, nil
}

// Object calls fn at each value of an object, with its name and path; fn reads
// it.
func (s *Scanner) Object(path string, fn func(name, path string) error) error {
	if err := s.expect(path, '{', "an object"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := 0; ; i++ {
		done, err := s.more(path, i, '}')
		if err != nil || done {
			return err
		}
		name, err := s.name(path)
		switch {
		case err != nil:
			return err
		case seen[name]:
			return s.wrong(path+"."+shown(name), "the field is there twice; one of a name is accepted")
		case len(seen) == maxNames:
			return s.wrong(path, "the object has more than %d fields; fewer are accepted", maxNames)
		}
		seen[name] = true
		at := path + "." + shown(name)
		if err := s.expect(at, ':', "a colon"); err != nil {
			return err
		}
		if err := fn(name, at); err != nil {
			return err
		}
	}
}

func (s *Scanner) name(path string) (string, error) {
	c, err := s.Next()
	if err != nil {
		return "", s.cut(path, err)
	}
	if c != '"' {
		return "", s.wrong(path, "the name of a field in quotes is accepted, not %s", begins(c))
	}
	raw, err := s.take(path, maxName, true)
	if err != nil {
		return "", err
	}
	var name string
	if err := json.Unmarshal(raw, &name); err != nil {
		return "", s.wrong(path, "the name of a field is no JSON string: %v", err)
	}
	return name, nil
}

// Value returns the bytes of the next value, which is held.
func (s *Scanner) Value(path string) ([]byte, error) { return s.take(path, s.size, true) }

// Skip passes the next value over, however large it is.
func (s *Scanner) Skip(path string) error {
	_, err := s.take(path, 0, false)
	return err
}

// take reads one value by its brackets and quotes. What is inside is for
// json.Unmarshal to judge.
func (s *Scanner) take(path string, limit int, hold bool) ([]byte, error) {
	c, err := s.Next()
	if err != nil {
		return nil, s.cut(path, err)
	}
	if !strings.ContainsRune(`{["-0123456789tfn`, rune(c)) {
		return nil, s.wrong(path, "a JSON value is accepted, not %s", begins(c))
	}
	t := taking{s: s, path: path, limit: limit, hold: hold}
	for {
		c, err := s.r.ReadByte()
		if errors.Is(err, io.EOF) && t.bare {
			return t.out, nil
		}
		if err != nil {
			return nil, s.cut(path, err)
		}
		done, back, err := t.step(c)
		if err != nil {
			return nil, err
		}
		if back {
			return t.out, s.r.UnreadByte()
		}
		if done {
			return t.out, nil
		}
	}
}

// taking is a value that is being read.
type taking struct {
	s     *Scanner
	path  string
	limit int
	hold  bool

	out     []byte
	depth   int
	text    bool // inside a string
	escaped bool
	bare    bool // a number or a word
}

// step takes a byte: done after the last of the value, back if it is no part.
func (t *taking) step(c byte) (done, back bool, err error) {
	if t.bare && (c == ',' || c == ']' || c == '}' || c <= ' ') {
		return false, true, nil
	}
	if c == '\n' {
		t.s.line++
	}
	if t.hold {
		if len(t.out) >= t.limit {
			return false, false, t.s.wrong(t.path, "the value has more than %d bytes; less is accepted", t.limit)
		}
		t.out = append(t.out, c)
	}
	if t.text {
		switch {
		case t.escaped:
			t.escaped = false
		case c == '\\':
			t.escaped = true
		case c == '"':
			t.text = false
			return t.depth == 0, false, nil
		}
		return false, false, nil
	}
	switch c {
	case '"':
		t.text = true
	case '{', '[':
		if t.depth++; t.depth > MaxDepth {
			return false, false, t.s.wrong(t.path, "lists and objects lie in each other more than %d deep; fewer are accepted", MaxDepth)
		}
	case '}', ']':
		t.depth--
		return t.depth == 0, false, nil
	default:
		t.bare = t.bare || t.depth == 0
	}
	return false, false, nil
}

// End refuses whatever follows the document.
func (s *Scanner) End() error {
	c, err := s.Next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.wrong("$", "the end of the file is accepted, not %s: there is more than one document", begins(c))
}

// Rows calls fn with every row of a file that is a list of objects, an object
// with such a list under one of the given names, or one object to a line. fn
// gets the row's path and its bytes. Other fields of the outer object are
// passed over.
//
// A row that cannot be taken apart ends the file, except where each has a line
// of its own: then bad is asked whether to go on, and what it returns counts.
func Rows(r io.Reader, names []string, fn func(path string, line int, raw []byte) error, bad func(error) error) error {
	s := NewScanner(r)
	c, err := s.Next()
	if errors.Is(err, io.EOF) {
		return s.wrong("$", "the file is empty; %s is accepted", shapes(names))
	}
	if err != nil {
		return err
	}
	one := func(_ int, path string) error {
		line := s.Line()
		raw, err := s.Value(path)
		if err != nil {
			return err
		}
		return fn(path, line, raw)
	}
	switch c {
	case '[':
		if err := s.List("$", one); err != nil {
			return err
		}
		return s.End()
	case '{':
		return s.objects(names, one, fn, bad)
	}
	return s.wrong("$", "%s is accepted, not %s", shapes(names), begins(c))
}

func shapes(names []string) string {
	text := "a list of objects, or one object to a line"
	for _, n := range names {
		text += fmt.Sprintf(`, or {%q: […]}`, n)
	}
	return text
}
