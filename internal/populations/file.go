package populations

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// A reading is how the columns of a file, or the fields of a resource, are
// understood.
type reading struct {
	key, time, label string
	zone             *time.Location
	stated           bool // the zone was said, not taken from the engagement
}

// fromFile reads a file of comma-separated values. What is wrong with it is in
// the stock's faults.
func fromFile(data []byte, how reading, w window) *stock {
	s := &stock{window: w}
	refuse := func(code string, err error) *stock {
		s.faults.add(code, true, "", sentence(err))
		return s
	}
	if len(data) == 0 {
		s.faults.add("empty", true, "", "The file is empty. Its first line names the columns; each further line is a row.")
		return s
	}
	in, err := newScanner(data)
	if err != nil {
		return refuse("format", err)
	}
	ok, err := in.next()
	if err != nil {
		return refuse("format", err)
	}
	if !ok {
		s.faults.add("empty", true, "", "The file is empty. Its first line names the columns; each further line is a row.")
		return s
	}
	head, err := columns(in.fields)
	if err != nil {
		return refuse("columns", err)
	}
	at := map[string]int{}
	for i, name := range head {
		at[name] = i
	}
	for _, want := range []string{how.key, how.time, how.label} {
		if _, ok := at[want]; !ok && want != "" {
			s.faults.add("column", true, want, "A column is missing. The file has "+strings.Join(head, ", ")+".")
		}
	}
	if s.faults.blocking() {
		return s
	}
	s.rows(in, how, head, at)
	s.record = recorder(in, how, head, at)
	return s
}

// rows reads every record once, for its key and time.
func (s *stock) rows(in *scanner, how reading, head []string, at map[string]int) {
	clock := timer{zone: how.zone}
	offset, bare := 0, 0
	for {
		ok, err := in.next()
		if err != nil {
			s.faults.add("format", true, "", sentence(err))
			return
		}
		if !ok {
			break
		}
		if s.size >= maxRows {
			s.faults.add("size", true, "", fmt.Sprintf("The file has more than %d rows, the most that one list holds. Narrow the query or split the population.", maxRows))
			return
		}
		if len(in.fields) != len(head) {
			s.size++
			s.faults.add("fields", true, place(in.first, fmt.Sprintf("%d", len(in.fields))), fmt.Sprintf("Rows with another number of columns than the first line, which has %d.", len(head)))
			continue
		}
		if !wellFormed(in.fields) {
			s.size++
			s.faults.add("encoding", true, place(in.first, ""), "Rows that are not UTF-8. Save the file as CSV in UTF-8.")
			continue
		}
		key := string(in.fields[at[how.key]])
		when := int64(never)
		if how.time != "" {
			t, has, err := clock.read(string(in.fields[at[how.time]]))
			switch {
			case err != nil:
				s.faults.add("time", true, place(in.first, clip(strings.TrimSpace(key)+" "+string(in.fields[at[how.time]]))), "Times that cannot be read. They are written "+whenForms+".")
			case has:
				offset++
				when = t.UnixMilli()
			default:
				bare++
				when = t.UnixMilli()
			}
		}
		s.take(key, when, in.off, in.first)
	}
	if offset > 0 && bare > 0 && !how.stated {
		s.faults.add("zones", true, fmt.Sprintf("%d with an offset, %d without", offset, bare), "Times with and without an offset are mixed. State the time zone that those without are in, or export all with one.")
	}
}

func wellFormed(fields [][]byte) bool {
	for _, f := range fields {
		if !utf8.Valid(f) {
			return false
		}
	}
	return true
}

// recorder reads a row again by where it lies.
func recorder(in *scanner, how reading, head []string, at map[string]int) func(*envelope, item) error {
	order := inOrder(head)
	names := make([][]byte, len(head))
	for i, j := range order {
		names[i] = append(appendText(nil, head[j]), ':')
	}
	var b []byte
	return func(e *envelope, i item) error {
		fields, err := in.again(i.ref, i.line)
		if err != nil {
			return err
		}
		b = append(b[:0], '{')
		for k, j := range order {
			if k > 0 {
				b = append(b, ',')
			}
			b = append(b, names[k]...)
			b = appendText(b, string(fields[j]))
		}
		e.Fields = append(b, '}')
		b = e.Fields
		if how.label != "" {
			e.Label = strings.TrimSpace(string(fields[at[how.label]]))
		}
		return nil
	}
}

// sentence makes a person's sentence of an error.
func sentence(err error) string {
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
