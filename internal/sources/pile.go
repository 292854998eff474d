package sources

import (
	"bytes"
	"hash/maphash"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
)

// A pile holds the resources of one kind during a run, each as the line that
// its chunk will have.
type pile struct {
	sorter
	count int64
	bytes int64 // of the lines
	seen  keySet
}

// Before each line stands whether its first instant is ours.
const (
	plainLine   = 0
	stampedLine = 1
)

// A keySet knows which keys it has seen, at eight to sixteen bytes each. Of two
// million keys two share a hash once in ten million runs, which then refuses a
// key as taken; the hash is another in each run.
type keySet struct {
	seed  maphash.Seed
	slots []uint64
	used  int
}

// add reports whether the key is new.
func (s *keySet) add(key string) bool {
	if s.slots == nil {
		s.seed, s.slots = maphash.MakeSeed(), make([]uint64, 64)
	}
	if 2*s.used >= len(s.slots) {
		old := s.slots
		s.slots = make([]uint64, 2*len(old))
		for _, h := range old {
			if h != 0 {
				s.slots[s.find(h)] = h
			}
		}
	}
	h := max(maphash.String(s.seed, key), 1) // 0 is an empty slot
	i := s.find(h)
	if s.slots[i] == h {
		return false
	}
	s.slots[i] = h
	s.used++
	return true
}

// find is the slot of a hash, or the empty one for it.
func (s *keySet) find(h uint64) int {
	mask := uint64(len(s.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		if s.slots[i] == 0 || s.slots[i] == h {
			return int(i) //nolint:gosec // below the length of a slice
		}
	}
}

// firstField is the field of a schema that says when a resource was first seen;
// empty if none does.
func (s Schema) firstField() string {
	for _, name := range s.FieldNames() {
		if f := s.Fields[name]; f.First && f.Type == TypeTimestamp {
			return name
		}
	}
	return ""
}

// firstLen is how long an instant is in a line.
const firstLen = len(timeForm)

// firstIn finds the instant of a field in a line; nil if it has none. In a line
// quotes inside a string have a backslash before them, so that nothing else
// reads like the name of a field.
func firstIn(line []byte, field string) []byte {
	name := []byte(`"` + field + `":"`)
	i := bytes.Index(line, name)
	if i < 0 || len(line) < i+len(name)+firstLen {
		return nil
	}
	return line[i+len(name):][:firstLen]
}

// cover is called with the lock held.
func (in *Intake) cover(kind string) *pile {
	p := in.kinds[kind]
	if p == nil {
		p = &pile{sorter: sorter{limit: in.limit}}
		in.kinds[kind] = p
	}
	return p
}

// Add takes a resource, and by it covers its kind. Nil values, nil slices and
// maps, and zero times say nothing, so they are dropped as absent: an empty
// list is []string{}. Text that is not UTF-8, and NUL, are replaced.
func (in *Intake) Add(r Resource) error {
	schema, err := in.schema(r.Kind)
	if err != nil {
		return err
	}
	clean, err := normalise(schema, r)
	if err != nil {
		return err
	}
	stamp := byte(plainLine)
	if first := schema.firstField(); first != "" && clean.Attrs[first] == nil && clean.Absent[first] == "" {
		clean.Attrs[first], stamp = clock.Truncate(in.started), stampedLine
	}
	line, err := appendRecord([]byte{stamp}, clean)
	if err != nil {
		return err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.count >= maxResources {
		return fault.Invalid("", "the source has more than %d resources: narrow its scope, or split it into several sources", maxResources)
	}
	p := in.cover(r.Kind)
	if !p.seen.add(clean.Key) {
		return fault.Invalid("", "%s %q was added twice: a key names one resource of its kind", r.Kind, clean.Key)
	}
	in.count++
	p.count++
	p.bytes += int64(len(line) - 1)
	return p.add(entry{placeOf(clean.Key), clean.Key, line})
}

// Resources of one kind, by key. They are read back from how they lie; what
// runs do with many of them does not go this way.
func (in *Intake) Resources(kind string) []Resource {
	in.mu.Lock()
	defer in.mu.Unlock()
	found, err := in.list(kind)
	if err != nil {
		in.errs = append(in.errs, err)
	}
	return found
}

func (in *Intake) list(kind string) ([]Resource, error) {
	p := in.kinds[kind]
	if p == nil {
		return nil, nil
	}
	c, err := p.read()
	if err != nil {
		return nil, err
	}
	var found []Resource
	for {
		e, more, err := c.next()
		if err != nil || !more {
			sortByKey(found)
			return found, err
		}
		r, err := decodeRecord(e.data[1:], in.schemas[kind])
		if err != nil {
			return nil, err
		}
		found = append(found, r)
	}
}

// Close frees what a run took up.
func (in *Intake) Close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, p := range in.kinds {
		p.close()
	}
}
