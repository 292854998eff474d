package procedures_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/sample"
)

// BenchmarkGrid reads and marks a workpaper of 5,000 items by 5 attributes, all
// of them marked, with evidence linked to each.
func BenchmarkGrid(b *testing.B) {
	for _, c := range []struct {
		name  string
		fresh func(testing.TB) string
	}{{"sqlite", dbtest.SQLite}, {"postgres", dbtest.Postgres}} {
		b.Run(c.name, func(b *testing.B) {
			d, err := db.Open(b.Context(), c.fresh(b), db.Options{Unsafe: true})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			e := optest.Engine(b, d)
			large := grown(b, optest.Found(b, e, "Example"), 5000)
			b.Run("part=50", func(b *testing.B) { large.read(b, 50) })
			b.Run("part=500", func(b *testing.B) { large.read(b, 500) })
			b.Run("mark", func(b *testing.B) {
				marks := []string{procedures.Agrees, procedures.Reperformed}
				for i := 0; b.Loop(); i++ {
					large.set(b, marks[i%2], fmt.Sprintf("CHG-%04d", 1+i%5000), "A")
				}
			})
			b.Run("item", func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					if _, err := procedures.Evidence.Do(b.Context(), large.Staff, procedures.ItemRef{Engagement: large.ID, Control: "CHG-01", Item: fmt.Sprintf("CHG-%04d", 1+i%5000)}); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("list", func(b *testing.B) {
				for b.Loop() {
					if _, err := procedures.List.Do(b.Context(), large.Staff, procedures.Whole{Engagement: large.ID}); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

func (b *bench) read(t *testing.B, part int) {
	after := ""
	for t.Loop() {
		g, err := procedures.GridOp.Do(t.Context(), b.Staff, procedures.GridPart{Engagement: b.ID, Control: "CHG-01", Limit: part, After: after})
		if err != nil || g.Total != 5000 || len(g.Strip) != 5000 {
			t.Fatalf("%d items, %v", g.Total, err)
		}
		after = g.Next
	}
}

func (b *bench) set(t *testing.B, mark, item string, attributes ...string) {
	_, err := procedures.Set.Do(t.Context(), b.Staff, procedures.Marking{Engagement: b.ID, Control: "CHG-01", Items: []string{item}, Attributes: attributes, Mark: mark})
	if err != nil {
		t.Fatal(err)
	}
}

// grown has a list of n changes drawn whole, answered and marked.
func grown(t *testing.B, desk *op.Desk, n int) *bench {
	b := begin(t, desk, "2026-01-01", "2026-12-31")
	p := sample.Customary()
	p.Scheduled[sample.ManyADay], p.Caps = sample.ByRisk{Low: n, Moderate: n, High: n}, sample.ByRisk{Low: n, Moderate: n, High: n}
	profile, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	optest.Do(t, b.Partner, engagements.MethodSet, engagements.NewMethodology{Profile: string(profile), Reason: "to see how it holds"})
	control(t, b.Sides, "CHG-01", "many_times_a_day", "CC8.1")
	b.plan(t, procedures.Planning{Control: "CHG-01", Basis: procedures.BySample, Population: "POP-08",
		Attributes:  []string{"A asked for", "B reviewed", "C tested", "D approved before it was deployed", "E deployed by the pipeline"},
		Expressions: []string{"D timestamp(r.approved_at) < timestamp(r.deployed_at)", "E r.approver != r.author"}})
	b.close(t)
	b.seal(t, "POP-08", file(changesEvery(n, 100)))
	optest.Do(t, b.Staff, procedures.Draw, procedures.Drawing{Engagement: b.ID, Control: "CHG-01"})
	b.advance(t, engagements.Fieldwork)
	var items []string
	for i := range n {
		items = append(items, fmt.Sprintf("CHG-%04d", i+1))
	}
	b.answer(t, "CHG-01", items...)
	b.mark(t, "CHG-01", procedures.Agrees, "", items, "A", "B", "C", "D", "E")
	return b
}

// BenchmarkDraw draws the sample of a list of 100,000 changes, from reading the
// sealed rows to the last entry.
func BenchmarkDraw(b *testing.B) {
	d, err := db.Open(b.Context(), dbtest.SQLite(b), db.Options{Unsafe: true})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	x := begin(b, optest.Found(b, optest.Engine(b, d), "Example"), "2026-01-01", "2026-12-31")
	for i := range 100 {
		control(b, x.Sides, fmt.Sprintf("CHG-%02d", i), "many_times_a_day", "CC8.1")
		x.plan(b, procedures.Planning{Control: fmt.Sprintf("CHG-%02d", i), Basis: procedures.BySample, Population: "POP-08", Attributes: []string{"D approved"},
			Expressions: []string{"D timestamp(r.approved_at) < timestamp(r.deployed_at)"}})
	}
	x.close(b)
	x.seal(b, "POP-08", file(changesEvery(100_000, 5)))
	for i := 0; b.Loop(); i++ {
		if _, err := procedures.Draw.Do(b.Context(), x.Staff, procedures.Drawing{Engagement: x.ID, Control: fmt.Sprintf("CHG-%02d", i)}); err != nil {
			b.Fatal(err)
		}
	}
}
