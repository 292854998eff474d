package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/durable"
	"github.com/tickmark/tickmark/internal/fault"
)

// compactAt is the size beyond which the held file keeps only the newest head
// of each log.
const compactAt = 1 << 20

// Held remembers, in a file outside the data directory, the newest head signed
// for each log. A database that was put back to an earlier day cannot get past
// it unseen.
type Held struct {
	mu    sync.Mutex
	path  string
	heads map[string]canon.Checkpoint
	size  int64
	torn  bool // a failed write may have left a part of an entry at the end
	fresh bool // the file was not there
}

// OpenHeld reads the held file, which need not exist yet. Its entries are the
// text of checkpoints, separated by empty lines; one cut short by a crash is
// the last and is dropped.
func OpenHeld(path string) (*Held, error) {
	h := &Held{path: path, heads: map[string]canon.Checkpoint{}}
	whole, err := h.read(h.heads)
	if errors.Is(err, fs.ErrNotExist) {
		h.fresh = true
		return h, os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil && !whole {
		err = h.rewrite(h.heads)
	}
	if err != nil {
		return nil, err
	}
	return h, nil
}

// read adds the file's heads to those given, where they are newer. whole is
// false when the file ends in a part of an entry.
func (h *Held) read(heads map[string]canon.Checkpoint) (whole bool, err error) {
	b, err := os.ReadFile(h.path)
	if err != nil {
		return false, fmt.Errorf("held file: %w", err)
	}
	h.size = 0
	for i, e := range strings.SplitAfter(string(b), "\n\n") {
		if !strings.HasSuffix(e, "\n\n") {
			break // the write that a crash cut short; its head was not acknowledged
		}
		c, err := canon.ParseCheckpoint(strings.TrimSuffix(e, "\n"))
		if err != nil {
			return false, fault.Invalid("keys", "%s, entry %d, is not a log head: the file has been edited; restore it", h.path, i+1).With(err)
		}
		if was, ok := heads[c.Origin]; !ok || c.Size >= was.Size {
			heads[c.Origin] = c
		}
		h.size += int64(len(e))
	}
	return h.size == int64(len(b)), nil
}

// Of returns the newest head held of a log.
func (h *Held) Of(origin string) (canon.Checkpoint, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, ok := h.heads[origin]
	return c, ok
}

// All returns the newest head of every log, in order of their origins.
func (h *Held) All() []canon.Checkpoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []canon.Checkpoint
	for _, origin := range slices.Sorted(maps.Keys(h.heads)) {
		out = append(out, h.heads[origin])
	}
	return out
}

// Announce holds that a log is about to be there, as a head of no entries. A
// log that continues another and was not announced is somebody else's.
func (h *Held) Announce(origin string) error {
	root, err := tlog.TreeHash(0, nil)
	if err != nil {
		return err
	}
	return h.Put(canon.Checkpoint{Origin: origin, Root: root})
}

// Put adds a head and returns once it is on disk. Of two heads of the same
// size it refuses the second unless they are equal.
func (h *Held) Put(c canon.Checkpoint) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	was, known := h.heads[c.Origin]
	if c.Size < was.Size || c == was {
		return nil
	}
	if known && c.Size == was.Size {
		return fmt.Errorf("another head of %d entries of %s is held", c.Size, c.Origin)
	}
	if h.torn || h.size == 0 || h.size > compactAt {
		// Another process may have added to the same file.
		heads := maps.Clone(h.heads)
		if _, err := h.read(heads); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if was, ok := heads[c.Origin]; !ok || c.Size > was.Size {
			heads[c.Origin] = c
		}
		return h.rewrite(heads)
	}
	h.torn = true
	f, err := os.OpenFile(h.path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	n, err := f.WriteString(c.Text() + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	h.torn, h.size, h.heads[c.Origin] = false, h.size+int64(n), c
	return nil
}

// rewrite replaces the file by one with only these heads.
func (h *Held) rewrite(heads map[string]canon.Checkpoint) error {
	var text bytes.Buffer
	for _, c := range heads {
		text.WriteString(c.Text() + "\n")
	}
	if err := durable.Write(h.path, durable.Bytes(text.Bytes())); err != nil {
		return err
	}
	h.torn, h.size, h.heads = false, int64(text.Len()), heads
	return nil
}

// missing are the heads held of logs that are not among those known, but for
// those that people gave up.
func (h *Held) missing(known map[string]bool) ([]canon.Checkpoint, error) {
	given := Held{path: h.gone()}
	up := map[string]canon.Checkpoint{}
	if _, err := given.read(up); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []canon.Checkpoint
	for _, c := range h.All() {
		if _, ok := up[c.Origin]; c.Size > 0 && !known[c.Origin] && !ok {
			out = append(out, c)
		}
	}
	return out, nil
}

// giveUp notes that logs of which heads are held are lost for good. The heads
// stay: whoever has a receipt may want to see them.
func (h *Held) giveUp(list []canon.Checkpoint) error {
	given := Held{path: h.gone()}
	up := map[string]canon.Checkpoint{}
	if _, err := given.read(up); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, c := range list {
		up[c.Origin] = c
	}
	return given.rewrite(up)
}

// gone is where the heads of logs lie that people gave up.
func (h *Held) gone() string { return h.path + ".lost" }
