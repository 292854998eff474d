package page_test

import (
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/engagements/page"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	_ "github.com/tickmark/tickmark/internal/reports" // which brings every area with a gate
	"github.com/tickmark/tickmark/internal/scopes"
)

var gates = op.Read("gates.list", "List the titles of every condition.", auth.EngageRead, func(c *op.Call, in engagements.Ref) ([]string, error) {
	r, err := engagements.Open(c, in.ID)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, s := range engagements.Path(r.Type) {
		g, err := engagements.Check(c, r, s)
		if err != nil {
			return nil, err
		}
		for _, x := range g.Conditions {
			out = append(out, x.Title)
		}
	}
	return out, nil
})

func TestTheSentenceHasWordsForEveryGate(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := optest.Engage(t, desk, "2026-01-01", "2026-12-31")
		second, err := engagements.Propose.Do(t.Context(), x.Lead, engagements.Proposal{Name: "Example, design", Firm: string(x.Partner.Org), Type: scopes.TypeI, AsOf: "2026-12-31", System: "Example Cloud"})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{x.ID, string(second.ID)} {
			titles := optest.Do(t, x.Partner, gates, engagements.Ref{ID: id})
			if len(titles) < 10 {
				t.Errorf("only %d conditions", len(titles))
			}
			for _, title := range titles {
				if !page.Said(title) {
					t.Errorf("no words for what %q misses: add them to said", title)
				}
			}
		}
	})
}
