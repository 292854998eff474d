package populations_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/populations"
)

// BenchmarkSeal is a list from a file: reading and checking it, binding each
// row to a commitment, writing all of it encrypted, and sealing it; then
// reading it back row by row against what the log has.
func BenchmarkSeal(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			d, err := db.Open(b.Context(), dbtest.SQLite(b), db.Options{Unsafe: true})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			desk := optest.Found(b, optest.Engine(b, d), "Example")
			s := optest.Engage(b, desk, "2026-01-01", "2026-12-31")
			optest.Clock(desk).Advance(46 * 24 * time.Hour)
			data := many(n)
			b.ReportMetric(float64(len(data))/1e6, "file-MB")
			file := stored(b, s.Lead, data)
			data = nil
			for i := 0; b.Loop(); i++ {
				code := fmt.Sprintf("POP-%d", i)
				optest.Do(b, s.Staff, populations.Request, populations.Wish{Engagement: s.ID, Code: code, Title: "Requests served"})
				var before runtime.MemStats
				runtime.ReadMemStats(&before)
				m := populations.Material{Engagement: s.ID, Population: code, From: populations.FromFile, Source: "gateway", Evidence: file, Key: "id", Time: "at", Label: "who"}
				v := lap(b, "build-s", func() populations.Version { return optest.Do(b, s.Lead, populations.Build, m) })
				lap(b, "seal-s", func() populations.Version {
					return optest.Do(b, s.Lead, populations.Seal, populations.Sealing{Engagement: s.ID, Population: code, Version: v.Version})
				})
				rows := 0
				lap(b, "read-s", func() error {
					err := in(b, s.Staff, s.ID, func(c *op.Call, r *engagements.Room) error {
						p, err := populations.Find(c, r, code)
						if err != nil {
							return err
						}
						return populations.EachRow(c, c, r, p.Versions[0], func(populations.Row) error { rows++; return nil })
					})
					if err != nil || rows != n {
						b.Fatalf("%d rows, %v", rows, err)
					}
					return err
				})
				lap(b, "page-s", func() error {
					p := optest.Do(b, s.Staff, populations.Rows, populations.RowFilter{Engagement: s.ID, Population: code, Prefix: fmt.Sprintf("R%09d", n/2)})
					if len(p.Items) != 1 {
						b.Fatalf("%d rows", len(p.Items))
					}
					return nil
				})
				var after runtime.MemStats
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapSys)/1e6, "heap-MB")
			}
		})
	}
}

// lap reports how long a part took.
func lap[T any](b *testing.B, unit string, fn func() T) T {
	start := time.Now()
	out := fn()
	b.ReportMetric(time.Since(start).Seconds(), unit)
	return out
}

// many is a file of n rows, in no order.
func many(n int) []byte {
	var s strings.Builder
	s.Grow(n * 56)
	s.WriteString("id,at,who\n")
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	step := 365 * 24 * time.Hour / time.Duration(n)
	for i := range n {
		k := i * 7919 % n
		fmt.Fprintf(&s, "R%09d,%s,user %d\n", k, at.Add(time.Duration(k)*step).Format(time.RFC3339), k%997)
	}
	return []byte(s.String())
}

// stored uploads a file and records it as evidence.
func stored(b *testing.B, d *op.Desk, data []byte) string {
	b.Helper()
	blob, err := d.Vault.Store(b.Context(), d.Org, data, d.Clock.Now())
	if err != nil {
		b.Fatal(err)
	}
	return string(optest.Do(b, d, evidence.Submit, evidence.Submission{Blob: blob.Address, Title: "Requests served", Origin: "gateway", Query: "select *", Level: 4}).ID)
}
