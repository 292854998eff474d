package wire

import (
	"fmt"

	"github.com/tickmark/tickmark/internal/sources"
)

// Facts are what is known of one resource.
type Facts struct {
	attrs  map[string]any
	absent map[string]string
}

// NewFacts knows nothing yet.
func NewFacts() Facts { return Facts{map[string]any{}, map[string]string{}} }

// Set says what a field is.
func (f Facts) Set(field string, value any) {
	f.attrs[field] = value
	delete(f.absent, field)
}

// Has reports whether a field has a value.
func (f Facts) Has(field string) bool { return f.attrs[field] != nil }

// Unsaid gives the reason why fields have no value, unless they have a value or
// a reason already.
func (f Facts) Unsaid(reason string, fields ...string) {
	for _, field := range fields {
		_, known := f.attrs[field]
		_, said := f.absent[field]
		if !known && !said {
			f.absent[field] = reason
		}
	}
}

// Blind is Unsaid, and says it of the run as well, with what would settle it.
func (f Facts) Blind(in *sources.Intake, kind, reason, remedy string, fields ...string) {
	f.Unsaid(reason, fields...)
	for _, field := range fields {
		if f.absent[field] == reason {
			in.Missing(sources.Missing{Kind: kind, Field: field, Reason: reason, Remedy: remedy})
		}
	}
}

// Resource is what is handed over.
func (f Facts) Resource(kind, key string) sources.Resource {
	return sources.Resource{Kind: kind, Key: key, Attrs: f.attrs, Absent: f.absent}
}

// A Shelf keeps the resources of one kind until all of them were read. Half a
// list would look like a whole one with fewer in it, so it is put away only
// when it is whole.
type Shelf struct {
	Kind  string
	Most  int // more than these are not kept
	found []sources.Resource
	times map[string]int
	full  bool
}

// Add keeps one. Two that a server calls the same stay two.
func (s *Shelf) Add(f Facts, key string) {
	if len(s.found) >= s.Most {
		s.full = true
		return
	}
	if s.times == nil {
		s.times = map[string]int{}
	}
	if s.times[key]++; s.times[key] > 1 {
		key = fmt.Sprintf("%s (%d)", key, s.times[key])
	}
	s.found = append(s.found, f.Resource(s.Kind, key))
}

// Len is how many are kept.
func (s *Shelf) Len() int { return len(s.found) }

// Empty says that the list could not be read, or not to its end.
func (s *Shelf) Empty(in *sources.Intake, reason, remedy string) {
	in.Missing(sources.Missing{Kind: s.Kind, Reason: reason, Remedy: remedy})
	s.found, s.times, s.full = nil, nil, false
}

// HandOver gives everything to the run.
func (s *Shelf) HandOver(in *sources.Intake) error {
	if s.full {
		s.Empty(in, fmt.Sprintf("there are more than %d, and a part of a list is not taken for the whole", s.Most),
			"Narrow what the source reads, or split it into several sources.")
		return nil
	}
	in.Cover(s.Kind)
	for _, r := range s.found {
		if err := in.Add(r); err != nil {
			return err
		}
	}
	return nil
}
