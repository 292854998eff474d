package torture_test

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// disk is a file system that keeps in memory what a power cut may take away.
// A write lasts once its file was synced; that a name exists, is gone or is
// another's lasts once its directory was synced. Until then each of them may
// or may not survive, in any combination that the model of a cut allows.
type disk struct {
	mu    sync.Mutex
	root  *inode
	next  uint64
	moves []move // changes of names that no sync has made last, oldest first
	dead  bool   // the power is off

	syncs, writes int
}

// inode is a file or a directory. What a process sees and what lasts are two
// things.
type inode struct {
	number uint64
	dir    bool
	mode   uint32

	data    []byte   // seen
	kept    []byte   // lasting
	changes []change // seen but not lasting, oldest first

	names     map[string]*inode // seen
	keptNames map[string]*inode // lasting
}

// change is one write, or one cut to a length when data is nil.
type change struct {
	at   int64
	data []byte
}

// move is one atomic change of names: a creation or removal has one edit, a
// rename two.
type move []edit

type edit struct {
	dir  *inode
	name string
	to   *inode // nil removes the name
}

func newDisk() *disk {
	d := &disk{next: 1}
	d.root = d.make(true, 0o700)
	return d
}

func (d *disk) make(dir bool, mode uint32) *inode {
	n := &inode{number: d.next, dir: dir, mode: mode & 0o7777}
	d.next++
	if dir {
		n.names, n.keptNames = map[string]*inode{}, map[string]*inode{}
	}
	return n
}

// rename applies a move to what is seen.
func (d *disk) rename(m move) {
	for _, e := range m {
		e.see()
	}
	d.moves = append(d.moves, m)
}

func (e edit) see()  { set(e.dir.names, e) }
func (e edit) keep() { set(e.dir.keptNames, e) }

func set(names map[string]*inode, e edit) {
	if e.to == nil {
		delete(names, e.name)
	} else {
		names[e.name] = e.to
	}
}

func (c change) apply(b []byte) []byte {
	if c.data == nil {
		return resize(b, c.at)
	}
	if end := c.at + int64(len(c.data)); end > int64(len(b)) {
		b = resize(b, end)
	}
	copy(b[c.at:], c.data)
	return b
}

func resize(b []byte, n int64) []byte {
	if n <= int64(len(b)) {
		return b[:n]
	}
	return append(b, make([]byte, n-int64(len(b)))...)
}

func (d *disk) change(n *inode, c change) {
	n.data = c.apply(n.data)
	n.changes = append(n.changes, c)
	d.writes++
}

// sync makes a file's bytes or a directory's names last.
func (d *disk) sync(n *inode) {
	d.syncs++
	if !n.dir {
		for _, c := range n.changes {
			n.kept = c.apply(n.kept)
		}
		n.changes = nil
		return
	}
	d.moves = slices.DeleteFunc(d.moves, func(m move) bool {
		if !slices.ContainsFunc(m, func(e edit) bool { return e.dir == n }) {
			return false
		}
		for _, e := range m {
			e.keep()
		}
		return true
	})
}

// sector is what a disk writes whole.
const sector = 512

// losses is what one power cut took.
type losses struct{ dropped, torn, names int }

// cut switches the power off: from here on nothing is answered, and what did
// not last is put to chance.
func (d *disk) cut(r *rand.Rand) losses {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
	var l losses
	odds := []float64{0, 0.3, 0.5, 0.8, 1}[r.IntN(5)]
	// Half of the file systems keep the order of names, as a journal does; the
	// rest promise nothing.
	ordered, first := r.IntN(2) == 0, r.IntN(len(d.moves)+1)
	for i, m := range d.moves {
		if survives := i < first; ordered && !survives || !ordered && r.Float64() >= odds {
			l.names++
			continue
		}
		for _, e := range m {
			e.keep()
		}
	}
	for _, n := range d.reachable() {
		n.lose(r, odds, &l)
	}
	return l
}

// reachable lists what has a lasting name, always in the same order.
func (d *disk) reachable() []*inode {
	var out []*inode
	seen := map[*inode]bool{}
	var walk func(n *inode)
	walk = func(n *inode) {
		if seen[n] {
			return
		}
		seen[n] = true
		out = append(out, n)
		for _, name := range slices.Sorted(maps.Keys(n.keptNames)) {
			walk(n.keptNames[name])
		}
	}
	walk(d.root)
	return out
}

// lose drops some of a file's changes and tears others: of those, any sectors
// may be the new ones.
func (n *inode) lose(r *rand.Rand, odds float64, l *losses) {
	for _, c := range n.changes {
		if r.Float64() >= odds {
			l.dropped++
			continue
		}
		if len(c.data) <= sector || r.IntN(3) > 0 {
			n.kept = c.apply(n.kept)
			continue
		}
		l.torn++
		for at := 0; at < len(c.data); {
			end := min(at+sector-int(c.at+int64(at))%sector, len(c.data))
			if r.IntN(2) == 0 {
				n.kept = change{c.at + int64(at), c.data[at:end]}.apply(n.kept)
			}
			at = end
		}
	}
	n.changes = nil
}

// dump writes what lasts into a folder of the real file system.
func (d *disk) dump(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.root.dump(dir)
}

func (n *inode) dump(path string) error {
	if !n.dir {
		return os.WriteFile(path, n.kept, fs.FileMode(n.mode&0o777))
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	for name, to := range n.keptNames {
		if err := to.dump(filepath.Join(path, name)); err != nil {
			return err
		}
	}
	return nil
}

// loadDisk takes a folder over; all of it lasts.
func loadDisk(dir string) (*disk, error) {
	d := newDisk()
	return d, d.load(d.root, dir)
}

func (d *disk) load(n *inode, path string) error {
	list, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range list {
		info, err := e.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() && !info.IsDir() {
			continue
		}
		to := d.make(info.IsDir(), uint32(info.Mode().Perm()))
		n.names[e.Name()], n.keptNames[e.Name()] = to, to
		child := filepath.Join(path, e.Name())
		if info.IsDir() {
			err = d.load(to, child)
		} else if to.kept, err = os.ReadFile(child); err == nil {
			to.data = slices.Clone(to.kept)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
