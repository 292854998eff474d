package ledger_test

import (
	"fmt"
	"testing"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
)

// BenchmarkSeal signs a log of ten thousand entries that has grown by some.
func BenchmarkSeal(b *testing.B) {
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		for _, grown := range []int{1, 100, 1000} {
			b.Run(fmt.Sprintf("%s/grown=%d", name, grown), func(b *testing.B) {
				d, err := db.Open(b.Context(), fresh(b), db.Options{Unsafe: true})
				if err != nil {
					b.Fatal(err)
				}
				defer d.Close()
				h := build(b, d)
				h.bulk(b, 10_000)
				h.seal(b)
				for b.Loop() {
					b.StopTimer()
					h.bulk(b, grown)
					b.StartTimer()
					h.seal(b)
				}
			})
		}
	}
}

// BenchmarkAudit reads back a log of ten thousand entries.
func BenchmarkAudit(b *testing.B) {
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		b.Run(name, func(b *testing.B) {
			d, err := db.Open(b.Context(), fresh(b), db.Options{Unsafe: true})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			h := build(b, d)
			h.bulk(b, 10_000)
			h.seal(b)
			for b.Loop() {
				if _, err := h.l.Audit(b.Context(), h.org); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// bulk appends n entries in one transaction.
func (h *house) bulk(b *testing.B, n int) {
	b.Helper()
	err := h.d.Write(b.Context(), string(h.org), func(tx *db.Tx) error {
		for range n {
			if _, err := h.l.Append(tx, h.org, entry("bulk"), h.clock.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
