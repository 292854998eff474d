package bundle_test

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
)

// spent is the processor time that this process has used: wall-clock time on a
// busy machine says little.
func spent() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// many yields the leaves of a long log without keeping them.
func many(t testing.TB, n int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for i := range n {
			l := canon.Leaf{Log: origin(1), Index: int64(i), Recorded: start.Add(time.Duration(i) * time.Second), Kind: canon.KindEvidence}
			if i == 0 {
				l.Kind, l.Key = canon.KindLog, public(1)
			} else {
				a := sha256.Sum256(fmt.Append(nil, i))
				b := sha256.Sum256(a[:])
				l.Commit = map[string][32]byte{"actor": a, "body": b, "content": sha256.Sum256(b[:])}
			}
			leaf, err := l.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if !yield(leaf, nil) {
				return
			}
		}
	}
}

// BenchmarkMillion verifies a log of a million entries, none opened, beside bare
// SHA-256 of the same leaves and beside the tree over them, which nobody can do
// without.
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	path := filepath.Join(b.TempDir(), "million.evb")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var tree canon.Tree
	bytes := 0
	for leaf := range many(b, n) {
		tree.Add(leaf)
		bytes += len(leaf)
	}
	c := canon.Checkpoint{Origin: origin(1), Size: n, Root: tree.Root()}
	w := bufio.NewWriterSize(f, 1<<20)
	err = bundle.Write(w, bundle.Contents{
		Created: start, Scope: bundle.All, Logs: []bundle.Log{{Checkpoint: sign(b, c.Text(), 1), Key: vkey(1), Leaves: many(b, n)}},
		Readme: []byte("r"), Spec: []byte("s"),
	}, signer(b, 1))
	if err != nil {
		b.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	report := func(b *testing.B, cpu time.Duration) {
		b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
		b.ReportMetric(float64(bytes)/n, "B/leaf")
	}
	b.Run("verify", func(b *testing.B) {
		runtime.GC()
		at := spent()
		for b.Loop() {
			r, err := bundle.Verify(f, info.Size(), bundle.Options{Keys: []string{vkey(1)}})
			if err != nil || r.Verdict != bundle.Verified {
				b.Fatal(err, r.Verdict)
			}
		}
		report(b, spent()-at)
	})
	leaves := make([]byte, 0, 256*bytes/n+8192)
	each := func(h hash.Hash, do func(leaf []byte)) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			b.Fatal(err)
		}
		r := bufio.NewReaderSize(f, cap(leaves))
		for {
			line, err := r.ReadSlice('\n')
			if err == io.EOF {
				return
			}
			if err == nil && len(line) > 300 && line[0] == '{' {
				do(line[:len(line)-1])
			}
		}
	}
	b.Run("bare SHA-256", func(b *testing.B) {
		at := spent()
		for b.Loop() {
			h := sha256.New()
			each(h, func(leaf []byte) { h.Write(leaf) })
			h.Sum(nil)
		}
		report(b, spent()-at)
	})
	b.Run("bare SHA-256, each leaf", func(b *testing.B) {
		at := spent()
		for b.Loop() {
			each(nil, func(leaf []byte) { sha256.Sum256(leaf) })
		}
		report(b, spent()-at)
	})
	b.Run("bare tree", func(b *testing.B) {
		at := spent()
		for b.Loop() {
			var t canon.Tree
			each(nil, func(leaf []byte) { t.Add(leaf) })
			t.Root()
		}
		report(b, spent()-at)
	})
	b.Run("reading", func(b *testing.B) {
		at := spent()
		for b.Loop() {
			each(nil, func([]byte) {})
		}
		report(b, spent()-at)
	})
}
