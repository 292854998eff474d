package foreign

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// objects reads a file that begins with an object: with the list under one of
// its names, or the first of one to a line. Which it is shows in its first
// field, so that a list of any length need not be held.
func (s *Scanner) objects(names []string, one func(int, string) error, fn func(string, int, []byte) error, bad func(error) error) error {
	head, _ := s.r.Peek(64 << 10)
	if name := firstName(head); slices.Contains(names, name) || wraps(head, names) {
		found := false
		err := s.Object("$", func(name, path string) error {
			if !slices.Contains(names, name) {
				return s.Skip(path)
			}
			found = true
			return s.List(path, one)
		})
		if err != nil {
			return err
		}
		if !found {
			return s.wrong("$", "%s is accepted", shapes(names))
		}
		return s.End()
	}
	return s.lines(fn, bad)
}

// firstName is the name of the first field of an object.
func firstName(head []byte) string {
	dec := json.NewDecoder(bytes.NewReader(head))
	if _, err := dec.Token(); err != nil {
		return ""
	}
	t, err := dec.Token()
	name, is := t.(string)
	if err != nil || !is {
		return ""
	}
	return name
}

// wraps reports whether one of the names stands at the top of an object, as far
// as its first bytes show.
func wraps(head []byte, names []string) bool {
	found := false
	s := NewScanner(bytes.NewReader(head))
	err := s.Object("$", func(name, path string) error {
		if slices.Contains(names, name) {
			if c, err := s.Next(); err == nil && c == '[' {
				found = true
				return io.EOF
			}
		}
		return s.Skip(path)
	})
	return found && errors.Is(err, io.EOF)
}

// lines reads one object to a line.
func (s *Scanner) lines(fn func(string, int, []byte) error, bad func(error) error) error {
	for i := 0; ; i++ {
		if _, err := s.Next(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		line := s.line
		path := fmt.Sprintf("line %d: $", line)
		raw, err := s.whole(path)
		if err == nil {
			err = fn(path, line, raw)
		} else if bad != nil {
			err = bad(err)
		}
		if err != nil {
			return err
		}
	}
}

// whole returns the bytes of a line, which must be one JSON value. After an
// error the line has been passed over.
func (s *Scanner) whole(path string) ([]byte, error) {
	var out []byte
	long := false
	for {
		part, err := s.r.ReadSlice('\n')
		if long = long || len(out)+len(part) > s.size; !long {
			out = append(out, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		last := errors.Is(err, io.EOF)
		defer func() { s.line++ }()
		switch {
		case long:
			return nil, s.wrong(path, "the line has more than %d bytes; less is accepted", s.size)
		case deep(out):
			return nil, s.wrong(path, "lists and objects lie in each other more than %d deep; fewer are accepted", MaxDepth)
		case !json.Valid(out) && last:
			return nil, s.wrong(path, "the file ends in the middle; hand in the whole file")
		case !json.Valid(out):
			return nil, s.wrong(path, "one JSON object to a line is accepted: %v", json.Unmarshal(out, new(json.RawMessage)))
		}
		return bytes.TrimSpace(out), nil
	}
}

// deep reports whether brackets lie in each other too deep.
func deep(text []byte) bool {
	depth, most, quoted, escaped := 0, 0, false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
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
	return most > MaxDepth
}
