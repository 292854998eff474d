package populations

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/blob"
)

// What a file may hold at most, so that reading one needs bounded memory.
const (
	maxRows    = 1_000_000
	maxColumns = 256
	maxRecord  = 64 << 10 // bytes of one row
	maxItem    = 200      // bytes of an item id
)

// A scanner cuts CSV (RFC 4180) into records. It knows where each lies, so that
// a million rows are held as positions and not as text.
type scanner struct {
	data  []byte
	at    int
	line  int // where the next record begins, from 1
	comma byte

	fields [][]byte // of the record that next returned; valid until the next
	off    int
	first  int // its first line
	joined []byte
}

// newScanner looks at the bytes before the first record: their encoding and
// what separates columns.
func newScanner(data []byte) (*scanner, error) {
	if len(data) > blob.MaxSize {
		return nil, fmt.Errorf("the file has %d bytes; at most %d are read", len(data), blob.MaxSize)
	}
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")), bytes.IndexByte(data[:min(len(data), 4096)], 0) >= 0:
		return nil, fmt.Errorf("the file is not UTF-8 text, it looks like UTF-16 or a workbook; save it as CSV in UTF-8")
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return nil, fmt.Errorf("the file is a workbook or an archive; save the sheet as CSV in UTF-8")
	}
	s := &scanner{data: data, line: 1}
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		s.at = len("\ufeff")
	}
	s.comma = sniff(data[s.at:])
	return s, nil
}

// sniff is the separator that the first line has most of, outside quotes.
func sniff(data []byte) byte {
	var counts [256]int
	quoted := false
	for _, c := range data[:min(len(data), maxRecord)] {
		if c == '"' {
			quoted = !quoted
		}
		if c == '\n' && !quoted {
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
	return best
}

// next reads a record; false at the end. After an error nothing more can be
// read, since it is not known where the next record begins.
func (s *scanner) next() (bool, error) {
	for s.at < len(s.data) { // empty lines are no records
		switch {
		case s.data[s.at] == '\n':
			s.at++
			s.line++
			continue
		case s.data[s.at] == '\r' && s.at+1 < len(s.data) && s.data[s.at+1] == '\n':
			s.at += 2
			s.line++
			continue
		}
		break
	}
	s.fields, s.joined = s.fields[:0], s.joined[:0]
	s.off, s.first = s.at, s.line
	if s.at >= len(s.data) {
		return false, nil
	}
	for {
		more, err := s.field()
		if err != nil {
			return false, err
		}
		switch {
		case s.at-s.off > maxRecord:
			return false, fmt.Errorf("line %d is longer than %d bytes, the most that a row may have; is a quote left open?", s.first, maxRecord)
		case len(s.fields) > maxColumns:
			return false, fmt.Errorf("line %d has more than %d columns, the most that are read", s.first, maxColumns)
		case !more:
			return true, nil
		}
	}
}

// field reads one field and what ends it; more says that another follows.
func (s *scanner) field() (more bool, err error) {
	if s.at < len(s.data) && s.data[s.at] == '"' {
		return s.quoted()
	}
	start := s.at
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c == s.comma, c == '\n':
			end := s.at
			if c == '\n' && end > start && s.data[end-1] == '\r' {
				end--
			}
			s.fields = append(s.fields, s.data[start:end])
			return s.ended(), nil
		case c == '"':
			return false, fmt.Errorf("line %d has a quote inside a field that does not begin with one; put the field in quotes and double those inside", s.line)
		case s.at-start > maxRecord:
			return false, nil // next refuses it
		}
	}
	end := s.at
	if end > start && s.data[end-1] == '\r' {
		end--
	}
	s.fields = append(s.fields, s.data[start:end])
	return false, nil
}

// ended steps over what ends a field.
func (s *scanner) ended() (more bool) {
	c := s.data[s.at]
	s.at++
	if c == '\n' {
		s.line++
		return false
	}
	return true
}

func (s *scanner) quoted() (more bool, err error) {
	opened := s.line
	s.at++
	start, doubled := s.at, false
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c == '\n':
			s.line++
		case s.at-start > maxRecord:
			return false, nil
		case c == '"' && s.at+1 < len(s.data) && s.data[s.at+1] == '"':
			doubled = true
			s.at++
		case c == '"':
			text := s.data[start:s.at]
			if doubled {
				text = s.single(text)
			}
			s.fields = append(s.fields, text)
			s.at++
			switch {
			case s.at == len(s.data):
				return false, nil
			case s.data[s.at] == '\r' && (s.at+1 == len(s.data) || s.data[s.at+1] == '\n'):
				s.at++
				if s.at == len(s.data) {
					return false, nil
				}
				return s.ended(), nil
			case s.data[s.at] == s.comma, s.data[s.at] == '\n':
				return s.ended(), nil
			}
			return false, fmt.Errorf("line %d has text after a closing quote; double the quotes inside a field", s.line)
		}
	}
	return false, fmt.Errorf("the quote that line %d opens is never closed", opened)
}

// single takes doubled quotes back. Fields of one record share the memory.
func (s *scanner) single(text []byte) []byte {
	if s.joined == nil {
		s.joined = make([]byte, 0, maxRecord)
	}
	start := len(s.joined)
	for i := 0; i < len(text); i++ {
		s.joined = append(s.joined, text[i])
		if text[i] == '"' {
			i++
		}
	}
	return s.joined[start:]
}

// again reads the record at a place that next has been at.
func (s *scanner) again(off, line int) ([][]byte, error) {
	s.at, s.line = off, line
	if ok, err := s.next(); err != nil || !ok {
		return nil, fmt.Errorf("line %d could be read once and not again: %w", line, err)
	}
	return s.fields, nil
}

// columns reads the head of a table and finds fault with it.
func columns(fields [][]byte) ([]string, error) {
	names := make([]string, len(fields))
	seen := map[string]bool{}
	for i, f := range fields {
		n := strings.TrimSpace(string(f))
		switch {
		case n == "":
			return nil, fmt.Errorf("column %d of the first line has no name; the first line names the columns", i+1)
		case !utf8.ValidString(n):
			return nil, fmt.Errorf("the name of column %d is not UTF-8; save the file as CSV in UTF-8", i+1)
		case seen[n]:
			return nil, fmt.Errorf("two columns are named %q; each has a name of its own", n)
		}
		seen[n] = true
		names[i] = n
	}
	return names, nil
}
