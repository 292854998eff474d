package sources

import (
	"bufio"
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/durable"
)

// inMemory bounds what a sorter holds before it turns to the disk.
const inMemory = 16 << 20

// placeOf is where a key lies in the order of hashes.
func placeOf(key string) uint64 {
	digest := sha256.Sum256([]byte(key))
	return binary.BigEndian.Uint64(digest[:8])
}

// An entry is a key with what belongs to it.
type entry struct {
	place uint64
	key   string
	data  []byte // until the next one is asked for
}

// before is the order of a sorter. It does not depend on a database's locale.
func (e entry) before(o entry) bool { return e.compare(o) < 0 }

func (e entry) compare(o entry) int {
	switch {
	case e.place < o.place:
		return -1
	case e.place > o.place:
		return 1
	}
	return strings.Compare(e.key, o.key)
}

// A sorter brings entries into the order of their places, and of their keys
// where two share one, in bounded memory: what is too much goes to a spool in
// sorted stretches, which are merged when they are read.
type sorter struct {
	limit     int // bytes in memory; inMemory if 0
	held      []entry
	size      int
	sorted    bool
	spool     *durable.Spool
	stretches []stretch
}

// A stretch is sorted and lies in the spool.
type stretch struct{ at, size int64 }

// add takes an entry; data is kept as it is.
func (s *sorter) add(e entry) error {
	s.held, s.sorted = append(s.held, e), false
	s.size += len(e.key) + len(e.data) + 64
	limit := s.limit
	if limit == 0 {
		limit = inMemory
	}
	if s.size < limit {
		return nil
	}
	return s.spill()
}

func (s *sorter) sort() {
	if !s.sorted {
		slices.SortFunc(s.held, entry.compare)
		s.sorted = true
	}
}

// spill writes what is held to the spool.
func (s *sorter) spill() error {
	if s.spool == nil {
		var err error
		if s.spool, err = durable.NewSpool(); err != nil {
			return err
		}
	}
	s.sort()
	at := s.spool.Size()
	w := bufio.NewWriterSize(s.spool, 256<<10)
	var head []byte
	for _, e := range s.held {
		head = binary.BigEndian.AppendUint64(head[:0], e.place)
		head = binary.AppendUvarint(head, uint64(len(e.key)))
		head = binary.AppendUvarint(head, uint64(len(e.data)))
		w.Write(head)
		w.WriteString(e.key)
		w.Write(e.data) // an error stays with w
	}
	if err := w.Flush(); err != nil {
		return err
	}
	s.stretches = append(s.stretches, stretch{at, s.spool.Size() - at})
	s.held, s.size = nil, 0
	return nil
}

// close frees the spool.
func (s *sorter) close() {
	if s.spool != nil {
		s.spool.Close()
	}
}

// read returns a cursor before the first entry. Nothing may be added while it
// is used.
func (s *sorter) read() (*cursor, error) {
	s.sort()
	if s.spool == nil {
		return &cursor{held: s.held}, nil
	}
	if len(s.held) > 0 {
		if err := s.spill(); err != nil {
			return nil, err
		}
	}
	c := &cursor{}
	for _, st := range s.stretches {
		t := &tape{r: bufio.NewReaderSize(io.NewSectionReader(s.spool, st.at, st.size), 32<<10)}
		more, err := t.step()
		if err != nil {
			return nil, err
		}
		if more {
			c.tapes = append(c.tapes, t)
		}
	}
	heap.Init(&c.tapes)
	return c, nil
}

// A cursor walks through a sorter once.
type cursor struct {
	held  []entry
	tapes tapes
	begun bool
}

// next is the next entry; false at the end.
func (c *cursor) next() (entry, bool, error) {
	if len(c.held) > 0 {
		e := c.held[0]
		c.held = c.held[1:]
		return e, true, nil
	}
	if c.begun && len(c.tapes) > 0 { // the entry handed out is done with
		more, err := c.tapes[0].step()
		if err != nil {
			return entry{}, false, err
		}
		if more {
			heap.Fix(&c.tapes, 0)
		} else {
			heap.Pop(&c.tapes)
		}
	}
	c.begun = true
	if len(c.tapes) == 0 {
		return entry{}, false, nil
	}
	return c.tapes[0].now, true, nil
}

// A tape reads one stretch.
type tape struct {
	r    *bufio.Reader
	now  entry
	data []byte
	key  []byte
}

func (t *tape) step() (bool, error) {
	var place [8]byte
	if _, err := io.ReadFull(t.r, place[:]); errors.Is(err, io.EOF) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	n, err := binary.ReadUvarint(t.r)
	if err != nil {
		return false, err
	}
	m, err := binary.ReadUvarint(t.r)
	if err != nil {
		return false, err
	}
	t.key = slices.Grow(t.key[:0], int(n))[:n]   //nolint:gosec // we wrote it
	t.data = slices.Grow(t.data[:0], int(m))[:m] //nolint:gosec // we wrote it
	if _, err := io.ReadFull(t.r, t.key); err != nil {
		return false, err
	}
	if _, err := io.ReadFull(t.r, t.data); err != nil {
		return false, err
	}
	t.now = entry{binary.BigEndian.Uint64(place[:]), string(t.key), t.data}
	return true, nil
}

// tapes are a heap by their next entries.
type tapes []*tape

func (t tapes) Len() int           { return len(t) }
func (t tapes) Less(i, j int) bool { return t[i].now.before(t[j].now) }
func (t tapes) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *tapes) Push(x any)        { *t = append(*t, x.(*tape)) }
func (t *tapes) Pop() any {
	last := (*t)[len(*t)-1]
	*t = (*t)[:len(*t)-1]
	return last
}
