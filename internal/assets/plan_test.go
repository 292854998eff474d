package assets_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// TestListsAreReadInTheirOrder: a page of a long list costs as much as one of a
// short one.
func TestListsAreReadInTheirOrder(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		if desk.DB.Dialect() != db.SQLite {
			t.Skip("PostgreSQL plans by what the tables hold")
		}
		for want, query := range map[string]string{"asset_name": assets.ByName, "asset_place": assets.ByPlace, "source_resource_kind": assets.SelectUnknown, "source_resource_kind ": assets.SelectBrief} {
			args := make([]any, strings.Count(query, "?"))
			for i := range args {
				args[i] = 0
			}
			var plan []string
			err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
				return tx.Each("EXPLAIN QUERY PLAN "+query, args, func(scan func(...any) error) error {
					var (
						id, parent, unused int
						detail             string
					)
					err := scan(&id, &parent, &unused, &detail)
					plan = append(plan, detail)
					return err
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(plan, "\n")
			if !strings.Contains(got, strings.TrimSpace(want)) || strings.Contains(got, "TEMP B-TREE") {
				t.Errorf("the plan sorts, or does not use %s:\n%s", want, got)
			}
		}
	})
}

// BenchmarkReconcile compares a register of 5,000 assets with 10,000 and with
// 100,000 resources: ten times the resources should take ten times as long.
func BenchmarkReconcile(b *testing.B) {
	databases := map[string]func(testing.TB) string{"sqlite": dbtest.Migrated}
	if os.Getenv(dbtest.Env) != "" {
		databases["postgres"] = dbtest.Postgres
	}
	for name, fresh := range databases {
		for _, n := range []int{10_000, 100_000} {
			b.Run(fmt.Sprintf("%s-%d", name, n), func(b *testing.B) { reconciled(b, fresh(b), n) })
		}
	}
}

func reconciled(b *testing.B, address string, n int) {
	const known = 5000
	d, err := db.Open(b.Context(), address, db.Options{Unsafe: true})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			b.Error(err)
		}
	}()
	engine := optest.Engine(b, d)
	optest.Sign(b, engine)
	desk := optest.Found(b, engine, "Example")
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("host-%06d", i)
	}
	e := newEstate(b, desk, keys...)
	if _, err := e.reader.Read(b.Context(), desk, e.source.ID, nil, false); err != nil {
		b.Fatal(err)
	}
	for at := 0; at < known; at += 500 {
		var refs []string
		for _, k := range keys[at : at+500] {
			refs = append(refs, e.ref(k))
		}
		optest.Do(b, desk, assets.Adopt, assets.Adoption{Resources: refs})
	}
	if err := d.Write(b.Context(), db.All, func(tx *db.Tx) error { _, err := tx.Exec("ANALYZE"); return err }); err != nil {
		b.Fatal(err)
	}
	var before, after syscall.Rusage
	b.ResetTimer()
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		b.Fatal(err)
	}
	for range b.N {
		r, err := assets.Reconcile.Do(b.Context(), desk, assets.Comparing{List: assets.ListUnknown})
		if err != nil || r.Unknown != int64(n-known) || r.InScope != known {
			b.Fatalf("%d unknown, %d in scope: %v", r.Unknown, r.InScope, err)
		}
	}
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(after.Utime.Nano()+after.Stime.Nano()-before.Utime.Nano()-before.Stime.Nano())/1e6/float64(b.N), "ms-CPU/op")
}
