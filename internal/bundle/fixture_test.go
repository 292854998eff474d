package bundle_test

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"golang.org/x/mod/sumdb/note"
)

var update = flag.Bool("update", false, "write the golden files")

var start = time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)

// book is a log under construction, all of whose secrets are fixed.
type book struct {
	t        testing.TB
	seed     byte
	origin   string
	leaves   [][]byte
	openings []bundle.Opening
	closed   map[int64]bundle.Opening
	turns    []turn // of its keys after the first
}

func key(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32))
}

func public(seed byte) ed25519.PublicKey { return key(seed).Public().(ed25519.PublicKey) }

func origin(seed byte) string { return canon.Origin(public(seed), 1) }

func vkey(seed byte) string { return canon.VKey(origin(seed), public(seed)) }

func signer(t testing.TB, seed byte) note.Signer {
	t.Helper()
	s, err := canon.NewSigner(origin(seed), key(seed))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sign(t testing.TB, text string, seed byte) []byte {
	t.Helper()
	b, err := canon.SignNote(text, signer(t, seed))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newBook(t testing.TB, seed byte, demo bool) *book {
	b := &book{t: t, seed: seed, origin: origin(seed)}
	b.add(canon.Leaf{Kind: canon.KindLog, Key: public(seed), Demo: demo},
		map[string]string{"actor": actor("usr_0"), "body": `{"op":"log.create"}`})
	return b
}

func actor(id string) string { return `{"id":"` + id + `","name":"Dana Whitfield","via":"web"}` }

// add appends an entry that commits to the payloads and is opened.
func (b *book) add(l canon.Leaf, payloads map[string]string) int64 {
	b.t.Helper()
	l.Log, l.Index = b.origin, int64(len(b.leaves))
	if l.Recorded.IsZero() {
		l.Recorded = start.Add(time.Duration(l.Index) * time.Minute)
	}
	o := bundle.Opening{Index: l.Index, Open: map[string]bundle.Opened{}}
	l.Commit = map[string][32]byte{}
	for label, payload := range payloads {
		r := sha256.Sum256(fmt.Appendf(nil, "r %d %d %s", b.seed, l.Index, label))
		l.Commit[label] = canon.Commit(r, label, payload)
		o.Open[label] = bundle.Opened{R: r, Payload: payload}
	}
	leaf, err := l.Encode()
	if err != nil {
		b.t.Fatal(err)
	}
	b.leaves = append(b.leaves, leaf)
	b.openings = append(b.openings, o)
	return l.Index
}

// close takes the opening of an entry away.
func (b *book) close(index int64) {
	for _, o := range b.openings {
		if o.Index == index {
			if b.closed == nil {
				b.closed = map[int64]bundle.Opening{}
			}
			b.closed[index] = o
		}
	}
	b.openings = slices.DeleteFunc(b.openings, func(o bundle.Opening) bool { return o.Index == index })
}

func (b *book) checkpoint(size int) []byte {
	b.t.Helper()
	signed, err := canon.SignNote(b.text(size), b.signer(size))
	if err != nil {
		b.t.Fatal(err)
	}
	return signed
}

func (b *book) log() bundle.Log {
	return bundle.Log{
		Checkpoint: b.checkpoint(len(b.leaves)), Key: b.vkeyAt(len(b.leaves)),
		Leaves: each(b.leaves), Openings: each(b.openings),
	}
}

func each[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func sum(content string) string {
	s := sha256.Sum256([]byte(content))
	return hex.EncodeToString(s[:])
}

func content(s string) string { return canon.Content(sum(s), int64(len(s))) }

func blob(s string) bundle.Blob {
	return bundle.Blob{SHA256: sha256.Sum256([]byte(s)), Size: int64(len(s)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(s)), nil
	}}
}

func body(id string) string { return `{"id":"` + id + `","op":"evidence.add"}` }

// example is a small log with one of everything: a superseded entry, an erased
// one, a chunked content, an entry that is not opened, an answer.
type example struct {
	*book
	other *book
	blobs []bundle.Blob
}

func newExample(t testing.TB) example {
	b, other := newBook(t, 1, false), newBook(t, 2, false)
	add := func(l canon.Leaf, text, id string) int64 {
		return b.add(l, map[string]string{"actor": actor("usr_1"), "body": body(id), "content": content(text)})
	}
	first := add(canon.Leaf{Kind: canon.KindEvidence}, "first\n", "evd_1")
	add(canon.Leaf{Kind: canon.KindEvidence, Supersedes: []int64{first}}, "second\n", "evd_1")
	chunks, err := canon.Chunks{
		{Count: 2, SHA256: sha256.Sum256([]byte("a\nb\n")), Size: 4},
		{Count: 1, SHA256: sha256.Sum256([]byte("c\n")), Size: 2},
	}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	items := canon.RootOf(slices.Values([][32]byte{{1}, {2}, {3}}))
	b.add(canon.Leaf{Kind: canon.KindRun, Items: &canon.Items{Count: 3, Root: items}}, map[string]string{
		"body":    `{"id":"run_1","media_type":"` + canon.MediaTypeChunks + `","op":"runs.ingest"}`,
		"content": content(string(chunks)),
	})
	gone := add(canon.Leaf{Kind: canon.KindEvidence}, "a person's name\n", "evd_2")
	b.add(canon.Leaf{Kind: canon.KindErasure, Erases: []int64{gone}}, map[string]string{"body": `{"op":"evidence.erase"}`})
	hidden := b.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": `{"op":"incidents.create"}`})
	b.close(gone)
	b.close(hidden)
	other.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": `{"op":"requests.ask"}`})
	b.add(canon.Leaf{Kind: canon.KindOp, Answers: &canon.Answers{Log: other.origin, Index: 1, Note: other.checkpoint(2)}},
		map[string]string{"body": `{"op":"requests.answer"}`})
	return example{b, other, []bundle.Blob{blob("first\n"), blob("second\n"), blob(string(chunks)), blob("a\nb\n"), blob("c\n")}}
}

func (e example) contents() bundle.Contents {
	return bundle.Contents{
		Created: start.Add(24 * time.Hour), Scope: bundle.All, Logs: []bundle.Log{e.log()}, Blobs: e.blobs,
		Readme: []byte("What this is.\n"), Spec: []byte("How it is checked.\n"),
	}
}

func (e example) bytes() []byte { return write(e.t, e.contents(), e.seed) }

func write(t testing.TB, c bundle.Contents, seed byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := bundle.Write(&b, c, signer(t, seed)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verify(t testing.TB, b []byte, keys ...string) *bundle.Report {
	t.Helper()
	r, err := bundle.Verify(bytes.NewReader(b), int64(len(b)), bundle.Options{File: "test.evb", Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// unpack and pack are an independent opinion on the archive: the standard
// library's.
func unpack(t testing.TB, b []byte) map[string][]byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range r.File {
		rc, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(rc); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func pack(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	return packOrder(t, files, slices.Sorted(maps.Keys(files)))
}

func packOrder(t testing.TB, files map[string][]byte, names []string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		c := files[name]
		f, err := w.CreateRaw(&zip.FileHeader{
			Name: name, Flags: 0x800, CreatorVersion: 20, ReaderVersion: 20, ModifiedDate: 0x21, CRC32: crc32.ChecksumIEEE(c),
			CompressedSize64: uint64(len(c)), UncompressedSize64: uint64(len(c)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// manifestText lists files as they are.
func manifestText(files map[string][]byte, origin string, scope bundle.Scope) string {
	var b strings.Builder
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(files)), func(n string) bool { return n == "manifest.note" })
	fmt.Fprintf(&b, "tickmark/bundle/v1\n%s\n%s\n%s\n%d\n", origin, canon.FormatTime(start.Add(24*time.Hour)), scope, len(names))
	for _, n := range names {
		fmt.Fprintf(&b, "%s %d %s\n", sum(string(files[n])), len(files[n]), n)
	}
	return b.String()
}

// reseal signs a manifest over the files as they are: the holder of the key
// lying about the contents.
func reseal(t testing.TB, files map[string][]byte, seed byte) {
	t.Helper()
	files["manifest.note"] = sign(t, manifestText(files, origin(seed), bundle.All), seed)
}

// relog replaces the entries, with a checkpoint over them as they are.
func relog(t testing.TB, files map[string][]byte, lines [][]byte) {
	t.Helper()
	var tree canon.Tree
	for _, l := range lines {
		tree.Add(l)
	}
	c := canon.Checkpoint{Origin: origin(1), Size: tree.Size(), Root: tree.Root()}
	files["logs/0/checkpoint"] = sign(t, c.Text(), 1)
	files["logs/0/entries/000000000.jsonl"] = append(bytes.Join(lines, []byte("\n")), '\n')
	reseal(t, files, 1)
}
