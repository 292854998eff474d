package git

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// Bounds on what is read. A repository is foreign: a few bytes of it may claim
// to be many.
const (
	maxCommit = 8 << 20
	maxTree   = 64 << 20
	maxBase   = 64 << 20 // of an object that another is stored as a change of
	maxChain  = 4095     // as git itself bounds it
	maxBases  = 48 << 20 // kept to save inflating them again
)

// A missingObject is one that others name and no pack or file holds.
type missingObject struct{ hash plumbing.Hash }

func (e *missingObject) Error() string { return "object " + e.hash.String() + " is missing" }

// A corruptObject is one whose bytes cannot be read or are not what its id says.
type corruptObject struct {
	hash  plumbing.Hash
	cause error
}

func (e *corruptObject) Error() string { return "object " + e.hash.String() + ": " + e.cause.Error() }
func (e *corruptObject) Unwrap() error { return e.cause }

// A largeObject is one that was left unread.
type largeObject struct {
	hash        plumbing.Hash
	size, limit int64
}

func (e *largeObject) Error() string {
	return fmt.Sprintf("object %s has %d bytes, more than %d", e.hash, e.size, e.limit)
}

// objects reads the objects of a repository. Packs are read with bounds of our
// own rather than through go-git's storage: that follows a cycle of deltas
// until the stack overflows, which no recover catches, and does not compare an
// object with its id.
type objects struct {
	dirs  []*os.Root // folders of objects: the repository's, then its alternates'
	packs []*pack
	bases bases
	// reading is the object in hand, for the message if a decoder panics.
	reading plumbing.Hash
	// promised says that this is a partial clone, which may lack objects.
	promised bool
}

type pack struct {
	file *os.File
	idx  *idxfile.MemoryIndex
	scan *packfile.Scanner
}

// addDir makes the objects in a folder readable. The folder is closed with o.
func (o *objects) addDir(dir *os.Root) error {
	o.dirs = append(o.dirs, dir)
	entries, err := readDir(dir, "pack")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasSuffix(name, ".promisor") {
			o.promised = true
		}
		stem, isIndex := strings.CutSuffix(name, ".idx")
		if !isIndex || !strings.HasPrefix(name, "pack-") {
			continue
		}
		p, err := openPack(dir, "pack/"+stem)
		if errors.Is(err, fs.ErrNotExist) {
			continue // repacked while we looked, or left behind
		}
		if err != nil {
			return fmt.Errorf("pack %s: %w", stem, err)
		}
		o.packs = append(o.packs, p)
	}
	return nil
}

func openPack(dir *os.Root, stem string) (*pack, error) {
	index, err := openFile(dir, stem+".idx")
	if err != nil {
		return nil, err
	}
	defer index.Close()
	p := &pack{idx: idxfile.NewMemoryIndex()}
	if err := idxfile.NewDecoder(index).Decode(p.idx); err != nil {
		return nil, err
	}
	if p.file, err = openFile(dir, stem+".pack"); err != nil {
		return nil, err
	}
	p.scan = packfile.NewScanner(p.file)
	return p, nil
}

func (o *objects) close() {
	for _, p := range o.packs {
		p.file.Close()
	}
	for _, d := range o.dirs {
		d.Close()
	}
}

// read returns an object of the wanted type whose bytes hash to its id. The
// caller must not write to them.
func (o *objects) read(h plumbing.Hash, want plumbing.ObjectType, limit int64) ([]byte, error) {
	kind, data, err := o.readAny(h, limit)
	if err == nil && kind != want {
		err = &corruptObject{h, fmt.Errorf("is a %s where a %s is named", kind, want)}
	}
	return data, err
}

func (o *objects) readAny(h plumbing.Hash, limit int64) (plumbing.ObjectType, []byte, error) {
	o.reading = h
	kind, data, err := o.find(h, limit)
	if large := (*largeObject)(nil); errors.As(err, &large) {
		large.hash = h
		return 0, nil, large
	}
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return 0, nil, &missingObject{h}
		}
		if errors.Is(err, fs.ErrPermission) {
			return 0, nil, err
		}
		return 0, nil, &corruptObject{h, err}
	}
	if got := plumbing.ComputeHash(kind, data); got != h {
		return 0, nil, &corruptObject{h, fmt.Errorf("its bytes hash to %s", got)}
	}
	return kind, data, nil
}

func (o *objects) find(h plumbing.Hash, limit int64) (plumbing.ObjectType, []byte, error) {
	for _, p := range o.packs {
		if offset, err := p.idx.FindOffset(h); err == nil {
			return p.object(offset, limit, &o.bases)
		}
	}
	name := h.String()
	for _, dir := range o.dirs {
		kind, data, err := loose(dir, name[:2]+"/"+name[2:], limit)
		if !errors.Is(err, fs.ErrNotExist) {
			return kind, data, err
		}
	}
	return 0, nil, fs.ErrNotExist
}

// loose reads an object that has a file of its own.
func loose(dir *os.Root, name string, limit int64) (plumbing.ObjectType, []byte, error) {
	f, err := openFile(dir, name)
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	z, err := zlib.NewReader(bufio.NewReader(f))
	if err != nil {
		return 0, nil, err
	}
	r := bufio.NewReaderSize(z, 4096)
	head, err := r.ReadSlice(0)
	if err != nil || len(head) > 32 {
		return 0, nil, errors.New("it has no header")
	}
	word, digits, _ := strings.Cut(string(head[:len(head)-1]), " ")
	kind, err := plumbing.ParseObjectType(word)
	if err != nil {
		return 0, nil, err
	}
	size, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || size < 0 {
		return 0, nil, errors.New("its header states no size")
	}
	if size > limit {
		return 0, nil, &largeObject{size: size, limit: limit}
	}
	data, err := io.ReadAll(io.LimitReader(r, size+1))
	if err == nil && int64(len(data)) != size {
		err = fmt.Errorf("its header states %d bytes and it has others", size)
	}
	return kind, data, err
}

// object reads what lies at an offset, applying changes to their bases without
// recursion.
func (p *pack) object(offset, limit int64, kept *bases) (plumbing.ObjectType, []byte, error) {
	type change struct {
		at   int64
		data []byte
	}
	var (
		changes []change
		kind    plumbing.ObjectType
		data    []byte
		held    int64
	)
	for at := offset; ; {
		if base, ok := kept.get(p, at); ok {
			kind, data = base.kind, base.data
			break
		}
		head, err := p.scan.SeekObjectHeader(at)
		if err != nil {
			return 0, nil, err
		}
		bound := int64(maxBase)
		if len(changes) == 0 {
			bound = max(limit, 1<<20) // of a change: it may be larger than its result
		}
		if held += head.Length; head.Length < 0 || head.Length > bound || held > 2*maxBase {
			return 0, nil, &largeObject{size: head.Length, limit: limit}
		}
		body := bytes.NewBuffer(make([]byte, 0, min(head.Length, 1<<20)))
		if _, _, err := p.scan.NextObject(body); err != nil {
			return 0, nil, err
		}
		if int64(body.Len()) != head.Length {
			return 0, nil, errors.New("its header states another length")
		}
		if !head.Type.IsDelta() {
			kind, data = head.Type, body.Bytes()
			kept.put(p, at, base{kind, data})
			break
		}
		if size := resultSize(body.Bytes()); size > maxBase || len(changes) == 0 && size > limit {
			return 0, nil, &largeObject{size: size, limit: limit}
		}
		if changes = append(changes, change{at, body.Bytes()}); len(changes) > maxChain {
			return 0, nil, fmt.Errorf("it is a change of a change, more than %d deep", maxChain)
		}
		at = head.OffsetReference
		if head.Type == plumbing.REFDeltaObject {
			if at, err = p.idx.FindOffset(head.Reference); err != nil {
				return 0, nil, fmt.Errorf("its base %s is not in the pack", head.Reference)
			}
		}
	}
	for i := len(changes) - 1; i >= 0; i-- {
		var err error
		if data, err = packfile.PatchDelta(data, changes[i].data); err != nil {
			return 0, nil, err
		}
		kept.put(p, changes[i].at, base{kind, data})
	}
	if int64(len(data)) > limit {
		return 0, nil, &largeObject{size: int64(len(data)), limit: limit}
	}
	return kind, data, nil
}

// resultSize is the second number a delta starts with: the length of what it
// makes. A delta too short to state it is refused when applied.
func resultSize(delta []byte) int64 {
	var size uint64
	for range 2 {
		size = 0
		for shift := 0; ; shift += 7 {
			if len(delta) == 0 || shift > 56 {
				return 0
			}
			b := delta[0]
			delta = delta[1:]
			size |= uint64(b&0x7f) << shift
			if b&0x80 == 0 {
				break
			}
		}
	}
	return int64(size)
}

type base struct {
	kind plumbing.ObjectType
	data []byte
}

type place struct {
	pack   *pack
	offset int64
}

// bases keeps objects that the next ones are likely to be changes of. When full
// it forgets all: neighbours refill it.
type bases struct {
	kept map[place]base
	size int
}

func (b *bases) get(p *pack, offset int64) (base, bool) {
	found, ok := b.kept[place{p, offset}]
	return found, ok
}

func (b *bases) put(p *pack, offset int64, o base) {
	if len(o.data) > maxBases/8 {
		return
	}
	if b.size += len(o.data) + 64; b.size > maxBases || b.kept == nil {
		b.kept, b.size = map[place]base{}, len(o.data)+64
	}
	b.kept[place{p, offset}] = o
}

// openFile opens a regular file below dir. Opening a pipe would wait for
// whoever writes to it.
func openFile(dir *os.Root, name string) (*os.File, error) {
	info, err := dir.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", name)
	}
	return dir.Open(name)
}

// readFile reads a file below dir of at most limit bytes.
func readFile(dir *os.Root, name string, limit int64) ([]byte, error) {
	f, err := openFile(dir, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return data, err
}

func readDir(dir *os.Root, name string) ([]os.DirEntry, error) {
	info, err := dir.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a folder", name)
	}
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}
