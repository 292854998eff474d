package backup_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/backup"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
)

// BenchmarkBackup makes, restores and checks 1 GB of evidence in pieces of
// 1 MiB, and says how much the heap grew on the way.
func BenchmarkBackup(b *testing.B) {
	h := settle(b, lite, 1)
	const pieces = 1000
	for range pieces {
		data := make([]byte, 1<<20)
		rand.Read(data)
		fill(b, h.desks[0], data)
	}
	if err := h.Ledger.SealAll(b.Context()); err != nil {
		b.Fatal(err)
	}
	main := filepath.Join(b.TempDir(), "backup")
	from := backup.Source{Main: main, Secrets: backup.SecretsOf(main)}
	measured(b, "make", func() int64 {
		f, err := backup.Create(from.Main, from.Secrets)
		if err != nil {
			b.Fatal(err)
		}
		made, err := backup.Make(b.Context(), h.Engine, f.Main, f.Secrets, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Commit(); err != nil {
			b.Fatal(err)
		}
		return made.Main.Size + made.Secrets.Size
	}, func() { os.Remove(from.Main); os.Remove(from.Secrets) })
	if _, err := os.Stat(from.Main); err != nil { // the other half alone was asked for
		from, _ = h.files(b)
	}
	measured(b, "restore", func() int64 {
		r, err := backup.TryOut(b.Context(), from, h.root, h.Clock, log(b), nil)
		if err != nil || len(r.Faults) > 0 {
			b.Fatal(r, err)
		}
		return r.Bytes
	}, func() {})
}

// BenchmarkBackupEntries does the same with many small records: what counts
// then is the log.
func BenchmarkBackupEntries(b *testing.B) {
	h := settle(b, lite, 10_000)
	from, made := h.files(b)
	measured(b, "restore", func() int64 {
		r, err := backup.TryOut(b.Context(), from, h.root, h.Clock, log(b), nil)
		if err != nil || len(r.Faults) > 0 {
			b.Fatal(r, err)
		}
		return made.Main.Size
	}, func() {})
	b.ReportMetric(float64(made.Entries()), "entries")
}

func fill(b *testing.B, desk *op.Desk, data []byte) {
	s, err := desk.Vault.Store(b.Context(), desk.Org, data, desk.Clock.Now())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := evidence.Submit.Do(b.Context(), desk, evidence.Submission{Blob: s.Address, Title: "A piece", Origin: "a benchmark"}); err != nil {
		b.Fatal(err)
	}
}

// measured runs a benchmark and watches the heap.
func measured(b *testing.B, name string, fn func() int64, between func()) {
	b.Run(name, func(b *testing.B) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		before := m.HeapInuse
		var most atomic.Uint64
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most.Store(max(most.Load(), m.HeapInuse))
			}
		}()
		for i := range b.N {
			if i > 0 {
				b.StopTimer()
				between()
				b.StartTimer()
			}
			b.SetBytes(fn())
		}
		close(stop)
		<-stopped
		b.ReportMetric(float64(most.Load()-min(before, most.Load()))/(1<<20), "heap-MiB")
	})
}
