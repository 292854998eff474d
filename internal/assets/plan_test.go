package assets_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

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

// BenchmarkReconcile compares a register of 5,000 assets with 100,000
// resources.
func BenchmarkReconcile(b *testing.B) {
	d, err := db.Open(b.Context(), dbtest.SQLite(b), db.Options{})
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
	keys := make([]string, 100_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("host-%06d", i)
	}
	e := newEstate(b, desk, keys...)
	e.read()
	for at := 0; at < 5000; at += 500 {
		var refs []string
		for _, k := range keys[at : at+500] {
			refs = append(refs, e.ref(k))
		}
		optest.Do(b, desk, assets.Adopt, assets.Adoption{Resources: refs})
	}
	b.ResetTimer()
	for b.Loop() {
		began := time.Now()
		r, err := assets.Reconcile.Do(b.Context(), desk, assets.Comparing{List: assets.ListUnknown})
		if err != nil || r.Unknown != 95_000 || r.InScope != 5000 {
			b.Fatalf("%+v, %v after %s", r.Unknown, err, time.Since(began))
		}
	}
}
