package page_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/procedures/page"
	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

// many is the size of the sample that the grid must stay quick with.
const many = 5000

// BenchmarkGrid measures what the server adds to a step of the cursor and to a
// mark, with 5,000 items of five attributes. The browser's own part is measured
// by the journeys.
func BenchmarkGrid(b *testing.B) {
	d, err := db.Open(b.Context(), dbtest.SQLite(b), db.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	e := optest.Engine(b, d)
	optest.Sign(b, e)
	s, list := long(b, optest.Found(b, e, "Example"))
	v := sitetest.New(b, e, page.Routes()).As(s.Staff)
	base := "/engagements/" + s.ID + "/testing/CHG-01"
	turn := func(i int) procedures.Row { return list[i*37%len(list)] }
	b.Run("mark", func(b *testing.B) {
		timed(b, func(i int) *sitetest.Page {
			return v.PostPart(base+"/marks", "items", turn(i).Item, "attributes", "A", "mark", []string{"reperformed", "agrees"}[i%2])
		})
	})
	b.Run("evidence", func(b *testing.B) {
		timed(b, func(i int) *sitetest.Page { return v.Part(base + "/items/" + turn(i).Item + "?a=D") })
	})
	b.Run("rows", func(b *testing.B) {
		timed(b, func(i int) *sitetest.Page { return v.Part(base + "/rows?at=" + strconv.Itoa(turn(i).Ordinal)) })
	})
	b.Run("page", func(b *testing.B) {
		timed(b, func(i int) *sitetest.Page { return v.Get(base + "?at=" + strconv.Itoa(turn(i).Ordinal)) })
	})
}

// timed reports the median and the slowest hundredth, which say more of a
// person's day than a mean.
func timed(b *testing.B, act func(i int) *sitetest.Page) {
	b.Helper()
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		begun := time.Now()
		p := act(i)
		took = append(took, time.Since(begun))
		if p.Status != http.StatusOK {
			b.Fatalf("status %d: %s", p.Status, p.Text("main"))
		}
	}
	slices.Sort(took)
	at := func(share int) float64 {
		return float64(took[min(len(took)-1, len(took)*share/100)].Microseconds()) / 1000
	}
	b.ReportMetric(at(50), "p50-ms")
	b.ReportMetric(at(99), "p99-ms")
}

// long is an engagement whose sample is 5,000 items, half of them tested.
func long(b testing.TB, desk *op.Desk) (optest.Sides, []procedures.Row) {
	b.Helper()
	s := optest.Engage(b, desk, "2026-01-01", "2026-12-31")
	p := sample.Customary()
	p.Version++
	p.Scheduled[sample.ManyADay], p.Caps = sample.ByRisk{Low: 25, Moderate: 40, High: many}, sample.ByRisk{Low: 25, Moderate: 40, High: many}
	text, err := json.Marshal(p)
	if err != nil {
		b.Fatal(err)
	}
	optest.Do(b, s.Partner, engagements.MethodSet, engagements.NewMethodology{Profile: string(text), Reason: "All of it, for once."})
	settled(b, desk, s, many+1000)
	optest.Do(b, s.Staff, procedures.Draw, procedures.Drawing{Engagement: s.ID, Control: "CHG-01"})
	optest.Do(b, s.Partner, engagements.Advance, engagements.Advancing{ID: s.ID, To: string(engagements.Fieldwork)})
	var list []procedures.Row
	for after := ""; ; {
		g := optest.Do(b, s.Staff, procedures.GridOp, procedures.GridPart{Engagement: s.ID, Control: "CHG-01", After: after, Limit: op.MaxLimit})
		if list, after = append(list, g.Rows...), g.Next; after == "" {
			break
		}
	}
	var items []string
	for _, r := range list {
		items = append(items, r.Item)
	}
	record := handed(b, s)
	for part := range slices.Chunk(items, 500) {
		optest.Do(b, s.Lead, procedures.Answer, procedures.Linking{Engagement: s.ID, Control: "CHG-01", Items: part, Evidence: string(record.ID)})
	}
	set(b, s, "agrees", "", []string{"A", "B", "C", "D", "E"}, items[:len(items)/2]...)
	return s, list
}
