package populations

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A stock is the rows of a draft before they are written: how each is called,
// when it happened, and where its record is found.
type stock struct {
	window
	items  []item
	record func(e *envelope, i item) error // fills in the rest
	size   int64                           // rows read, those with faults too
	nulls  int64
	faults faults
}

// An item is one row in few bytes, since there may be a million.
type item struct {
	id   string
	key  string // of the source, once the id is a surrogate
	at   int64  // milliseconds; never if it has no time
	ref  int    // what record knows it by
	line int
}

const never = math.MinInt64

// A window is the time that a list speaks of, as the engagement has it.
type window struct {
	from, to time.Time // [from, to)
	zone     *time.Location
	snapshot bool // what there was at one time, not what happened in a period
}

// faults gathers what is wrong with a draft, a bounded number of places each.
type faults struct {
	list []Problem
	at   map[string]int
}

// shown is how many places of one problem are named.
const shown = 20

// add counts a problem at a place; text is that of the first.
func (f *faults) add(code string, blocking bool, place, text string) {
	if f.at == nil {
		f.at = map[string]int{}
	}
	i, known := f.at[code]
	if !known {
		i = len(f.list)
		f.at[code] = i
		f.list = append(f.list, Problem{Code: code, Text: text, Blocking: blocking})
	}
	p := &f.list[i]
	p.Count++
	if place != "" && len(p.Lines) < shown {
		p.Lines = append(p.Lines, place)
	}
}

func (f *faults) blocking() bool {
	return slices.ContainsFunc(f.list, func(p Problem) bool { return p.Blocking })
}

// place names a row for a person.
func place(line int, id string) string {
	id = clip(id)
	switch {
	case line == 0:
		return id
	case id == "":
		return fmt.Sprintf("line %d", line)
	}
	return fmt.Sprintf("line %d: %s", line, id)
}

func clip(s string) string {
	if len(s) <= 60 {
		return s
	}
	return strings.ToValidUTF8(s[:60], "") + "…"
}

// unfit says why a key cannot be the id of an item.
func unfit(key string) string {
	switch {
	case len(key) > maxItem:
		return fmt.Sprintf("a key has at most %d bytes", maxItem)
	case !utf8.ValidString(key):
		return "a key is UTF-8"
	case strings.ContainsFunc(key, unicode.IsControl) || strings.ContainsFunc(key, func(r rune) bool { return r == '\u2028' || r == '\u2029' || r == '\ufeff' }):
		return "a key is one line of text without control characters"
	}
	return ""
}

// take adds a row whose key and time were read; at is never if it has none.
func (s *stock) take(key string, at int64, ref, line int) {
	s.size++
	key = strings.TrimSpace(key)
	switch why := unfit(key); {
	case key == "":
		s.nulls++
		s.faults.add("empty_key", true, place(line, ""), "Rows without a key. Each row needs one, by which it can be found in the source.")
		return
	case why != "":
		s.faults.add("bad_key", true, place(line, fmt.Sprintf("%+q", clip(key))), "Keys that cannot name an item: "+why+". Number them with surrogate ids, or choose another column.")
		return
	}
	if at != never && !s.snapshot {
		t := time.UnixMilli(at)
		if t.Before(s.from) || !t.Before(s.to) {
			s.faults.add("outside", true, place(line, key+", "+t.In(s.zone).Format("2006-01-02 15:04 MST")),
				"Rows outside the period. Only rows from "+s.from.In(s.zone).Format("2006-01-02 15:04 MST")+" on and before "+
					s.to.In(s.zone).Format("2006-01-02 15:04 MST")+" belong to it; narrow the query.")
		}
	}
	s.items = append(s.items, item{id: key, at: at, ref: ref, line: line})
}

// settle sorts the rows, finds keys that are there twice, and numbers them if
// asked to. It says how many keys differ.
func (s *stock) settle(code string, surrogate, none bool) (distinct int64) {
	slices.SortStableFunc(s.items, func(a, b item) int { return strings.Compare(a.id, b.id) })
	for i := range s.items {
		if i > 0 && s.items[i].id == s.items[i-1].id {
			where := place(s.items[i].line, s.items[i].id)
			if s.items[i].line > 0 {
				where = fmt.Sprintf("lines %d and %d: %s", s.items[i-1].line, s.items[i].line, clip(s.items[i].id))
			}
			s.faults.add("duplicate_key", true, where, "Keys that are there more than once. Each item has a key of its own; choose a key that tells them apart.")
			continue
		}
		distinct++
	}
	if s.size == 0 && !none && len(s.faults.list) == 0 {
		s.faults.add("empty", true, "", "The list has no rows. If nothing happened, say so: an empty list is sealed as such.")
	}
	if s.size > 0 && none {
		s.faults.add("not_empty", true, "", "It was said that nothing happened, and there are rows.")
	}
	if surrogate && !s.faults.blocking() {
		width := max(4, len(fmt.Sprint(len(s.items))))
		for i := range s.items {
			s.items[i].key = s.items[i].id
			s.items[i].id = fmt.Sprintf("%s-%0*d", code, width, i+1)
		}
	}
	return distinct
}

// envelope is the record of an item.
func (s *stock) envelope(i item) (envelope, error) {
	e := envelope{Key: i.key, Line: int64(i.line)}
	if i.at != never {
		e.At = stamp(i.at)
	}
	return e, s.record(&e, i)
}

// months counts rows by month, with the months that have none in between.
func (s *stock) months() (out []Month, first, last time.Time) {
	counts := map[string]int64{}
	for _, i := range s.items {
		if i.at == never {
			continue
		}
		t := time.UnixMilli(i.at).UTC()
		if first.IsZero() || t.Before(first) {
			first = t
		}
		if last.IsZero() || t.After(last) {
			last = t
		}
		counts[t.In(s.zone).Format("2006-01")]++
	}
	if len(counts) == 0 && (s.snapshot || len(s.items) > 0) {
		return nil, first, last
	}
	from, to := s.from.In(s.zone), s.to.In(s.zone)
	if s.snapshot {
		from, to = first.In(s.zone), last.In(s.zone).Add(time.Millisecond)
	}
	for m := time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC); m.Format("2006-01") <= to.Add(-time.Millisecond).Format("2006-01") && len(out) < 240; m = m.AddDate(0, 1, 0) {
		name := m.Format("2006-01")
		out = append(out, Month{name, counts[name]})
	}
	return out, first, last
}
