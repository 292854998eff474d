package bundle

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/canon"
	"golang.org/x/mod/sumdb/note"
)

// Contents is what goes into a bundle. Equal contents make equal bytes.
type Contents struct {
	Created time.Time
	Scope   Scope
	// Logs[0] is the log this bundle is about; further ones are logs that its
	// entries answer, such as those that it continues.
	Logs  []Log
	Blobs []Blob // in any order
	// Readme and Spec replace the texts of this version.
	Readme, Spec []byte
}

// A Log is written whole: each entry up to the size of the checkpoint.
type Log struct {
	Checkpoint []byte // signed
	Key        string // see canon.VKey
	Leaves     iter.Seq2[[]byte, error]
	Openings   iter.Seq2[Opening, error] // ascending by index; nil for none
}

// A Blob is read twice, or once if it goes into a pack.
type Blob struct {
	SHA256 [32]byte
	Size   int64
	Open   func() (io.ReadCloser, error)
}

// Write writes the bundle and signs its manifest with log 0's key. It checks
// what it can see passing by: digests, order, limits, the root of each log. It
// does not check openings against entries; Verify does. On an error w holds
// the beginning of a bundle, to be thrown away.
func Write(w io.Writer, c Contents, sign note.Signer) error {
	m, err := c.check(sign)
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	a := archiver{w: w, entries: MaxEntries}
	if err := c.write(&a); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	m.files = a.listed
	signed, err := canon.SignNote(m.text(), sign)
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	if err := a.add(nameManifest, signed); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	if err := a.close(); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}

func (c Contents) check(sign note.Signer) (m manifest, err error) {
	if len(c.Logs) == 0 || len(c.Logs) > MaxLogs {
		return m, fmt.Errorf("%d logs; a bundle holds 1 to %d", len(c.Logs), MaxLogs)
	}
	if c.Scope != All && c.Scope != Selected {
		return m, fmt.Errorf("scope %q; a scope is all or selected", c.Scope)
	}
	if _, err := canon.ParseTime(canon.FormatTime(c.Created)); err != nil {
		return m, fmt.Errorf("created: %w", err)
	}
	v, err := canon.NewVerifier(c.Logs[0].Key)
	if err != nil {
		return m, fmt.Errorf("log 0: %w", err)
	}
	if sign.Name() != v.Name() || sign.KeyHash() != v.KeyHash() {
		return m, errors.New("the manifest is signed with the key of log 0 and no other")
	}
	for i, l := range c.Logs {
		origin, _, _ := strings.Cut(l.Key, "+")
		if slices.ContainsFunc(c.Logs[:i], func(o Log) bool { return strings.HasPrefix(o.Key, origin+"+") }) {
			return m, fmt.Errorf("the log %s is there twice", origin)
		}
	}
	return manifest{origin: v.Name(), created: c.Created, scope: c.Scope}, nil
}

func (c Contents) write(a *archiver) error {
	for _, text := range []struct {
		name      string
		own, ours []byte
	}{{nameReadme, c.Readme, readme}, {nameSpec, c.Spec, spec}} {
		if text.own == nil {
			text.own = text.ours
		}
		if err := a.add(text.name, text.own); err != nil {
			return err
		}
	}
	blobs := slices.SortedFunc(slices.Values(c.Blobs), func(x, y Blob) int {
		return bytes.Compare(x.SHA256[:], y.SHA256[:])
	})
	packed, files := packs(blobs)
	for k, pack := range packed {
		if err := a.addPack(k, pack); err != nil {
			return err
		}
	}
	a.pack = nil
	for _, b := range files {
		if err := a.addBlob(b); err != nil {
			return err
		}
	}
	for n, l := range c.Logs {
		if err := l.write(a, n); err != nil {
			return fmt.Errorf("log %d: %w", n, err)
		}
	}
	return nil
}

func (l Log) write(a *archiver, n int) error {
	v, err := canon.NewVerifier(l.Key)
	if err != nil {
		return err
	}
	text, err := canon.OpenNote(l.Checkpoint, v)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	want, err := canon.ParseCheckpoint(text)
	if err != nil {
		return err
	}
	if want.Origin != v.Name() {
		return errors.New("the checkpoint is of another log")
	}
	if a.entries -= want.Size; a.entries < 0 || want.Size == 0 {
		return fmt.Errorf("%d entries; a bundle holds 1 to %d", want.Size, MaxEntries)
	}
	if err := a.add(logName(n, "checkpoint"), l.Checkpoint); err != nil {
		return err
	}
	tree, err := l.writeEntries(a, n)
	if err != nil {
		return err
	}
	if tree.Size() != want.Size || tree.Root() != want.Root {
		return fmt.Errorf("%d entries with root %v, where the checkpoint says %d with %v",
			tree.Size(), tree.Root(), want.Size, want.Root)
	}
	if err := a.add(logName(n, "key"), []byte(l.Key+"\n")); err != nil {
		return err
	}
	return l.writeOpenings(a, n, want.Size)
}

func (l Log) writeEntries(a *archiver, n int) (tree canon.Tree, err error) {
	var file []byte
	for leaf, err := range l.Leaves {
		if err != nil {
			return tree, err
		}
		if len(leaf) > canon.MaxLeaf || bytes.IndexByte(leaf, '\n') >= 0 {
			return tree, fmt.Errorf("entry %d is not a leaf of profile 1", tree.Size())
		}
		tree.Add(leaf)
		file = append(append(file, leaf...), '\n')
		if tree.Size()%perFile == 0 {
			if err := a.add(entriesName(n, tree.Size()/perFile-1), file); err != nil {
				return tree, err
			}
			file = file[:0]
		}
	}
	if len(file) > 0 {
		return tree, a.add(entriesName(n, tree.Size()/perFile), file)
	}
	return tree, nil
}

func (l Log) writeOpenings(a *archiver, n int, size int64) error {
	if l.Openings == nil {
		return nil
	}
	var file []byte
	last := int64(-1)
	flush := func() error {
		if len(file) == 0 {
			return nil
		}
		err := a.add(openingsName(n, last/perFile), file)
		file = file[:0]
		return err
	}
	for o, err := range l.Openings {
		if err != nil {
			return err
		}
		if o.Index <= last || o.Index >= size {
			return fmt.Errorf("opening of entry %d: openings ascend and lie in the log", o.Index)
		}
		if o.Index/perFile != last/perFile {
			if err := flush(); err != nil {
				return err
			}
		}
		last = o.Index
		line, err := o.encode()
		if err != nil {
			return fmt.Errorf("opening of entry %d: %w", o.Index, err)
		}
		file = append(append(file, line...), '\n')
	}
	return flush()
}

// encode writes the opening's line, without its end.
func (o Opening) encode() ([]byte, error) {
	open := make(map[string]any, len(o.Open))
	for label, c := range o.Open {
		if !utf8.ValidString(c.Payload) {
			return nil, fmt.Errorf("%s: the payload is not UTF-8", label)
		}
		open[label] = map[string]string{"payload": c.Payload, "r": hex.EncodeToString(c.R[:])}
	}
	b, err := canon.JSON(map[string]any{"index": o.Index, "open": open})
	if err != nil {
		return nil, err
	}
	if len(open) == 0 || len(b) > MaxOpening {
		return nil, fmt.Errorf("%d labels in %d bytes; an opening has a label and at most %d bytes", len(open), len(b), MaxOpening)
	}
	return b, nil
}

// archiver writes the ZIP and keeps what directory and manifest need.
type archiver struct {
	w       io.Writer
	at      int64
	tail    int64 // size of the directory so far
	members []member
	listed  []listed
	entries int64 // how many more may come
	pack    []byte
}

// add writes a file that is in memory.
func (a *archiver) add(name string, content []byte) error {
	if int64(len(content)) > largest(name) {
		return fmt.Errorf("%s: %d bytes; at most %d are allowed", name, len(content), largest(name))
	}
	m := member{name: name, size: int64(len(content)), crc: crc32.ChecksumIEEE(content)}
	return a.stream(m, sha256.Sum256(content), bytes.NewReader(content))
}

// addBlob reads the blob once for the checksum in its header and once more to
// write it.
func (a *archiver) addBlob(b Blob) error {
	name := blobName(hex.EncodeToString(b.SHA256[:]))
	if b.Size < 0 || a.at+b.Size > MaxSize {
		return tooLarge(name)
	}
	crc := crc32.NewIEEE()
	r, err := b.Open()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	n, err := io.Copy(crc, r)
	if err = cmp.Or(err, r.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if n != b.Size {
		return fmt.Errorf("%s: %d bytes, expected %d", name, n, b.Size)
	}
	if r, err = b.Open(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	err = a.stream(member{name: name, size: n, crc: crc.Sum32()}, b.SHA256, r)
	return cmp.Or(err, r.Close())
}

func (a *archiver) stream(m member, sum [32]byte, r io.Reader) error {
	m.offset = a.at
	if n := len(a.members); n > 0 && a.members[n-1].name >= m.name {
		return fmt.Errorf("%s: names ascend and occur once", m.name)
	}
	if len(a.members) >= MaxFiles {
		return fmt.Errorf("more than %d files; leave out blobs, or start with a later period", MaxFiles)
	}
	a.members = append(a.members, m)
	if a.tail += directorySize + int64(len(m.name)); m.end()+a.tail+endSize > MaxSize {
		return tooLarge(m.name)
	}
	if err := a.put(m.local()); err != nil {
		return err
	}
	h, crc := sha256.New(), crc32.NewIEEE()
	n, err := io.Copy(io.MultiWriter(a.w, h, crc), io.LimitReader(r, m.size+1))
	a.at += n
	if err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	if n != m.size || crc.Sum32() != m.crc || [32]byte(h.Sum(nil)) != sum {
		return fmt.Errorf("%s: its bytes are not those of its name and size", m.name)
	}
	a.listed = append(a.listed, listed{m.name, m.size, hex.EncodeToString(sum[:])})
	return nil
}

func tooLarge(name string) error {
	return fmt.Errorf("%s would make the bundle larger than %d bytes; leave out blobs", name, int64(MaxSize))
}

func (a *archiver) put(b []byte) error {
	n, err := a.w.Write(b)
	a.at += int64(n)
	return err
}

func (a *archiver) close() error {
	start := a.at
	for _, m := range a.members {
		if err := a.put(m.directory()); err != nil {
			return err
		}
	}
	return a.put(endRecord(len(a.members), a.at-start, start))
}
