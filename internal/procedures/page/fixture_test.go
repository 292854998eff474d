package page_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/procedures"
)

// titles are what the changes of the fixture are called, over and over.
var titles = []string{"Tariff import checksum", "Reject unsigned webhooks", "Audit log export", "Fix duplicate manifest rows", "Tariff table 2026-05", "Feature flag cleanup", "Upgrade TLS library"}

// changes is a CSV of n deployments over 2026. Number 87 is approved after it
// was deployed.
func changes(n int) []byte {
	var b strings.Builder
	b.WriteString("change,summary,requested_at,requested_by,reviewed_at,reviewed_by,author,approved_at,approved_by,deployed_at\n")
	year := time.Date(2026, 1, 2, 9, 12, 40, 0, time.UTC)
	for i := 1; i <= n; i++ {
		at := year.Add(time.Duration(i-1) * (363 * 24 * time.Hour / time.Duration(n)))
		stamp := func(d time.Duration) string { return at.Add(d).Format(time.RFC3339) }
		approved := stamp(6 * time.Hour)
		if i == 87 {
			approved = stamp(8*time.Hour + 27*time.Minute + 57*time.Second)
		}
		fmt.Fprintf(&b, "CHG-%04d,%s,%s,A. Sato,%s,K. Brandt,T. Reiter,%s,J. Lindqvist,%s\n", i, titles[i%len(titles)], stamp(0), stamp(2*time.Hour+17*time.Minute), approved, stamp(6*time.Hour+49*time.Minute+31*time.Second))
	}
	return []byte(b.String())
}

// attributes of the fixture; D is by expression.
var attributes = []string{"A asked for in a ticket", "B reviewed by another person", "C tests passed on the merged commit", "D approved before deployment, not by the author", "E deployed by the pipeline from the protected branch"}

const approvedFirst = "D timestamp(r.approved_at) < timestamp(r.deployed_at)"

// prepared makes an engagement in fieldwork with an accepted list of n changes
// and a plan for CHG-01.
func prepared(t testing.TB, desk *op.Desk, n int, basis string) optest.Sides {
	t.Helper()
	s := optest.Engage(t, desk, "2026-01-01", "2026-12-31")
	prepare(t, desk, s, n, basis)
	return s
}

// settled is prepare for a sample.
func settled(t testing.TB, desk *op.Desk, s optest.Sides, n int) {
	prepare(t, desk, s, n, procedures.BySample)
}

func prepare(t testing.TB, desk *op.Desk, s optest.Sides, n int, basis string) {
	t.Helper()
	cover(t, s)
	optest.Do(t, s.Staff, procedures.PlanOp, procedures.Planning{Engagement: s.ID, Control: "CHG-01", Basis: basis, Population: "POP-08", Cadence: "many-a-day", Risk: "high",
		Attributes: attributes, Expressions: expressions(basis)})
	s.Plan(t, engagements.Planned)
	optest.Clock(desk).Advance(45 * 24 * time.Hour)
	optest.Do(t, s.Staff, populations.Request, populations.Wish{Engagement: s.ID, Code: "POP-08", Title: "Production changes deployed", Controls: []string{"CHG-01"}})
	optest.Do(t, s.Lead, populations.Build, populations.Material{Engagement: s.ID, Population: "POP-08", From: populations.FromFile, Source: "deployer", Environment: "production",
		Query: "select * from deployments", Data: changes(n), Key: "change", Time: "deployed_at", Label: "summary", SourceCount: n, CountedBy: "the cluster's own events"})
	optest.Do(t, s.Lead, populations.Seal, populations.Sealing{Engagement: s.ID, Population: "POP-08", Version: 1})
	optest.Do(t, s.Staff, populations.Accept, populations.Verdict{Engagement: s.ID, Population: "POP-08", Version: 1, Decision: populations.Complete})
	for _, state := range []engagements.State{engagements.Observing, engagements.PeriodClosed} {
		optest.Do(t, s.Partner, engagements.Advance, engagements.Advancing{ID: s.ID, To: string(state)})
	}
}

// expressions are those of the plan; where every item is tested, each attribute
// has one.
func expressions(basis string) []string {
	if basis != procedures.InFull {
		return []string{approvedFirst}
	}
	var out []string
	for _, a := range attributes {
		out = append(out, a[:1]+approvedFirst[1:])
	}
	return out
}

// cover adopts controls for every criterion in scope and plans an inspection of
// each but CHG-01.
func cover(t testing.TB, s optest.Sides) {
	t.Helper()
	shelf := optest.Do(t, s.Lead, controls.Shelf, controls.ShelfFilter{})
	covered, codes := map[string]bool{}, []string{"CHG-01"}
	for _, c := range shelf.Items {
		fresh := false
		for _, m := range c.Criteria {
			fresh = fresh || strings.HasPrefix(m.Criterion, "CC") && !covered[m.Criterion]
		}
		if !fresh || c.Code == "CHG-01" {
			continue
		}
		for _, m := range c.Criteria {
			covered[m.Criterion] = true
		}
		codes = append(codes, c.Code)
	}
	optest.Do(t, s.Lead, controls.Adopt, controls.Adoption{Codes: codes, Owner: string(s.ControlOwner.Actor.User)})
	for _, code := range codes[1:] {
		optest.Do(t, s.Staff, procedures.PlanOp, procedures.Planning{Engagement: s.ID, Control: code, Basis: procedures.ByInspection, Attributes: []string{"A in place as described"}})
	}
}

// drawn is prepared with the sample drawn.
func drawn(t testing.TB, desk *op.Desk, n int) optest.Sides {
	t.Helper()
	s := prepared(t, desk, n, procedures.BySample)
	optest.Do(t, s.Staff, procedures.Draw, procedures.Drawing{Engagement: s.ID, Control: "CHG-01"})
	optest.Do(t, s.Partner, engagements.Advance, engagements.Advancing{ID: s.ID, To: string(engagements.Fieldwork)})
	return s
}

// shown has the client answer every item of the sample with one record.
func shown(t testing.TB, s optest.Sides) {
	t.Helper()
	items, _ := ids(t, s)
	optest.Do(t, s.Lead, procedures.Answer, procedures.Linking{Engagement: s.ID, Control: "CHG-01", Items: items, Evidence: string(handed(t, s).ID)})
}

// handed is a record of the client.
func handed(t testing.TB, s optest.Sides) evidence.Record {
	t.Helper()
	sealed, err := s.Lead.Vault.Store(t.Context(), s.Lead.Org, []byte("ticket,change\nCLR-1187,CHG-0087\n"), s.Lead.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return optest.Do(t, s.Lead, evidence.Submit, evidence.Submission{Blob: sealed.Address, Title: "Tickets and reviews of the changes", MediaType: "text/csv", Origin: "tracker", Environment: "production", Query: "select *", Level: 4})
}

// ids are the items of the sample, and the letters of its attributes.
func ids(t testing.TB, s optest.Sides) (items, letters []string) {
	t.Helper()
	for _, r := range rows(t, s) {
		items = append(items, r.Item)
	}
	for _, a := range attributes {
		letters = append(letters, a[:1])
	}
	return items, letters
}

// rows are the items of the sample, in order.
func rows(t testing.TB, s optest.Sides) []procedures.Row {
	t.Helper()
	g := optest.Do(t, s.Staff, procedures.GridOp, procedures.GridPart{Engagement: s.ID, Control: "CHG-01", Limit: op.MaxLimit})
	return g.Rows
}

// set marks attributes of items.
func set(t testing.TB, s optest.Sides, mark, reason string, letters []string, items ...string) {
	t.Helper()
	optest.Do(t, s.Staff, procedures.Set, procedures.Marking{Engagement: s.ID, Control: "CHG-01", Items: items, Attributes: letters, Mark: mark, Reason: reason})
}
