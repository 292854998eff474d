package bundle_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/sample"
)

// large writes the bundle of an examination over so many rows to a file, and
// says how many bytes its rows and records have.
func large(t testing.TB, rows int) (path string, bytes int64) {
	p := newPlay(t)
	p.perChunk = 5000
	p.items = make([]string, rows)
	for n := range rows {
		p.items[n] = fmt.Sprintf("CHG-%07d", n+1)
	}
	p.n, p.to = 25, 38
	dir := t.TempDir()
	p.content = func(step string, b []byte) []byte {
		if step == "rows" || step == "records" {
			bytes += int64(len(b))
		}
		return b
	}
	p.do("commit", "seal", "accept", "draw", "extend")
	// Blobs lie in files, so that what the benchmark sees is the verifier's memory.
	c := p.contents()
	for i, b := range c.Blobs {
		r, err := b.Open()
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, fmt.Sprint(i))
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(f, r); err != nil {
			t.Fatal(err)
		}
		f.Close()
		c.Blobs[i].Open = func() (io.ReadCloser, error) { return os.Open(name) }
	}
	path = filepath.Join(dir, "large.evb")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := bundle.Write(f, c, signer(t, fileSeed)); err != nil {
		t.Fatal(err)
	}
	return path, bytes
}

// verifyFile verifies a file and says how far the heap grew meanwhile.
func verifyFile(t testing.TB, path string) (r *bundle.Report, grown int64) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, peak := int64(m.HeapAlloc), atomic.Int64{}
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak.Store(max(peak.Load(), int64(m.HeapAlloc)))
			}
		}
	}()
	r, err = bundle.Verify(f, info.Size(), bundle.Options{Keys: []string{vkey(fileSeed), vkey(clientSeed)}})
	close(done)
	<-stopped
	if err != nil {
		t.Fatal(err)
	}
	return r, peak.Load() - before
}

// TestMemoryDoesNotGrowWithTheList: ten times the rows take no more memory.
func TestMemoryDoesNotGrowWithTheList(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	var grown []int64
	for _, rows := range []int{7_500, 75_000} {
		path, _ := large(t, rows)
		r, n := verifyFile(t, path)
		if r.Verdict != bundle.Verified || r.Examination.Rows != int64(rows) || !r.Examination.Procedures[0].Recomputed {
			t.Fatalf("%s %v", r.Verdict, r.Problems)
		}
		grown = append(grown, n)
	}
	t.Logf("%d KiB, %d KiB", grown[0]>>10, grown[1]>>10)
	if grown[1] > grown[0]+4<<20 {
		t.Errorf("7,500 rows took %d KiB, ten times as many %d KiB", grown[0]>>10, grown[1]>>10)
	}
}

// BenchmarkExamination verifies a list of a million rows with its records and
// draws its sample again; beside it, what SHA-256 of the same bytes takes, and
// drawing with the list in memory.
func BenchmarkExamination(b *testing.B) {
	const rows = 1_000_000
	path, size := large(b, rows)
	b.Run("verify", func(b *testing.B) {
		b.ReportAllocs()
		var most int64
		for b.Loop() {
			r, grown := verifyFile(b, path)
			if r.Verdict != bundle.Verified || r.Examination.Rows != rows {
				b.Fatal(r.Verdict, r.Problems)
			}
			most = max(most, grown)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		b.ReportMetric(float64(most)/(1<<20), "peak-MiB")
	})
	b.Run("sha256", func(b *testing.B) {
		piece := bytes.Repeat([]byte("x"), 1<<20)
		for b.Loop() {
			h := sha256.New()
			for at := int64(0); at < size; at += int64(len(piece)) {
				h.Write(piece)
			}
			h.Sum(nil)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		b.ReportMetric(float64(size)/rows, "bytes/row")
	})
	b.Run("draw in memory", func(b *testing.B) {
		items := make([]string, rows)
		for n := range rows {
			items[n] = fmt.Sprintf("CHG-%07d", n+1)
		}
		slices.Sort(items)
		d, _ := canon.ParseDigest(sum("x"))
		seed := sample.Nonce{}.Seed(d, "CHG-01", period)
		for b.Loop() {
			if _, err := sample.Draw(seed, items, nil, sample.Random, 38); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
	})
}
