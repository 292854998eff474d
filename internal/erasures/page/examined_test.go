package page_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/controls"
	controlspage "github.com/tickmark/tickmark/internal/controls/page"
	"github.com/tickmark/tickmark/internal/engagements"
	engagementspage "github.com/tickmark/tickmark/internal/engagements/page"
	"github.com/tickmark/tickmark/internal/erasures"
	"github.com/tickmark/tickmark/internal/erasures/page"
	"github.com/tickmark/tickmark/internal/evidence"
	evidencepage "github.com/tickmark/tickmark/internal/evidence/page"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/populations"
	populationspage "github.com/tickmark/tickmark/internal/populations/page"
	"github.com/tickmark/tickmark/internal/procedures"
	procedurespage "github.com/tickmark/tickmark/internal/procedures/page"
	reportspage "github.com/tickmark/tickmark/internal/reports/page"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

const name = "Jane-Doe-of-the-tickets"

// deployments is a list of n changes over a year, each by one person.
func deployments(n int) []byte {
	var b strings.Builder
	b.WriteString("change,summary,author,deployed_at\n")
	for i := range n {
		at := time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC).Add(time.Duration(i) * (363 * 24 * time.Hour / time.Duration(n)))
		fmt.Fprintf(&b, "CHG-%04d,Change %d,%s,%s\n", i+1, i+1, name, at.Format(time.RFC3339))
	}
	return []byte(b.String())
}

// inFieldwork is an engagement with a sample of one list, and a record that the
// client gave as evidence for all its items.
func inFieldwork(t *testing.T, desk *op.Desk) (optest.Sides, evidence.Record, []string) {
	t.Helper()
	s := optest.Engage(t, desk, "2026-01-01", "2026-12-31")
	var all []string
	shelf := optest.Do(t, s.Lead, controls.Shelf, controls.ShelfFilter{})
	for _, c := range shelf.Items {
		all = append(all, c.Code)
	}
	optest.Do(t, s.Lead, controls.Adopt, controls.Adoption{Codes: all, Owner: string(s.ControlOwner.Actor.User)})
	for _, code := range all {
		plan := procedures.Planning{Engagement: s.ID, Control: code, Basis: procedures.ByInspection, Attributes: []string{"A in place as described"}}
		if code == "CHG-01" {
			plan = procedures.Planning{Engagement: s.ID, Control: code, Basis: procedures.BySample, Population: "POP-08", Cadence: "many-a-day", Risk: "high", Attributes: []string{"A asked for in a ticket"}}
		}
		optest.Do(t, s.Staff, procedures.PlanOp, plan)
	}
	s.Plan(t, engagements.Planned)
	optest.Clock(desk).Advance(45 * 24 * time.Hour)
	optest.Do(t, s.Staff, populations.Request, populations.Wish{Engagement: s.ID, Code: "POP-08", Title: "Changes", Controls: []string{"CHG-01"}})
	optest.Do(t, s.Lead, populations.Build, populations.Material{Engagement: s.ID, Population: "POP-08", From: populations.FromFile, Source: "deployer", Environment: "production",
		Query: "select * from deployments", Data: deployments(120), Key: "change", Time: "deployed_at", Label: "summary", SourceCount: 120, CountedBy: "the cluster's own events"})
	optest.Do(t, s.Lead, populations.Seal, populations.Sealing{Engagement: s.ID, Population: "POP-08", Version: 1})
	optest.Do(t, s.Staff, populations.Accept, populations.Verdict{Engagement: s.ID, Population: "POP-08", Version: 1, Decision: populations.Complete})
	for _, state := range []engagements.State{engagements.Observing, engagements.PeriodClosed} {
		optest.Do(t, s.Partner, engagements.Advance, engagements.Advancing{ID: s.ID, To: string(state)})
	}
	optest.Do(t, s.Staff, procedures.Draw, procedures.Drawing{Engagement: s.ID, Control: "CHG-01"})
	optest.Do(t, s.Partner, engagements.Advance, engagements.Advancing{ID: s.ID, To: string(engagements.Fieldwork)})
	kept, err := desk.Vault.Store(t.Context(), s.Lead.Org, []byte("ticket,change\nCLR-1187,CHG-0087 "+name+"\n"), desk.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	r := optest.Do(t, s.Lead, evidence.Submit, evidence.Submission{Blob: kept.Address, Title: "Tickets of " + name, MediaType: "text/csv", Origin: "tracker", Level: 4})
	var items []string
	for _, row := range optest.Do(t, s.Staff, procedures.GridOp, procedures.GridPart{Engagement: s.ID, Control: "CHG-01", Limit: op.MaxLimit}).Rows {
		items = append(items, row.Item)
	}
	optest.Do(t, s.Lead, procedures.Answer, procedures.Linking{Engagement: s.ID, Control: "CHG-01", Items: items, Evidence: string(r.ID)})
	return s, r, items
}

// TestAnExaminationOutlivesWhatIsErased: what was linked, listed and tested is
// shown with its tombstones, and no page falls over it.
func TestAnExaminationOutlivesWhatIsErased(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s, r, items := inFieldwork(t, desk)
		versions := optest.Do(t, s.Lead, populations.Get, populations.Ref{Engagement: s.ID, Population: "POP-08"}).Versions
		rows := string(versions[0].Evidence)
		web := sitetest.New(t, desk.Engine, page.Routes(), evidencepage.Routes(), engagementspage.Routes(), populationspage.Routes(), procedurespage.Routes(), reportspage.Routes(), controlspage.Routes())
		owner, lead, staff := web.As(desk), web.As(s.Lead), web.As(s.Staff)
		form := owner.Get("/erasures/new?evidence=" + string(r.ID) + "&evidence=" + rows)
		form.Says("#rests", fmt.Sprintf("given as evidence for %d sampled items", len(items)))
		form.Says("#rests", "POP-08 version 1 of Example 2026 (sealed)")
		form.Says("#rests", "Example 2026, fieldwork: what Aldine Voss has tested")
		made := optest.Do(t, desk, erasures.Create, erasures.Asking{Evidence: []string{string(r.ID), rows}, Basis: "data_subject_request", Reason: "a person asked for it in writing"})
		plan := optest.Do(t, s.Lead, erasures.Get, erasures.Ref{ID: string(made.ID)}).Plan
		done := optest.Do(t, s.Lead, erasures.Approve, erasures.Approval{ID: string(made.ID), Plan: plan.Digest})
		if done.Went.Blobs < 3 { // the record, the list of the rows, its piece
			t.Errorf("%d keys destroyed, want those of the pieces too", done.Went.Blobs)
		}
		at := "/engagements/" + s.ID
		for path, v := range map[string]*sitetest.Visitor{
			"/evidence": owner, "/evidence/" + string(r.ID): owner, "/evidence/" + rows: owner, "/controls": owner, at: lead,
			at + "/populations": staff, at + "/populations/POP-08": staff, at + "/items": lead, at + "/items/CHG-01": lead, at + "/testing": staff, at + "/testing/CHG-01": staff,
			at + "/testing/CHG-01/rows": staff, at + "/testing/CHG-01/items/" + items[0]: staff, at + "/testing/CHG-01?item=" + items[0]: staff,
			at + "/records/" + string(r.ID): staff, at + "/records/" + rows: staff, at + "/report": staff, at + "/deviations": staff,
			at + "/populations/POP-08/recompute": staff, at + "/log": staff,
		} {
			p := v.Get(path)
			p.Is(http.StatusOK)
		}
		lead.Get(at + "/populations/POP-08").Is(http.StatusOK)
		staff.Get(at + "/populations/POP-08/rows").Is(http.StatusNotFound)
		staff.Get(at+"/records/"+string(r.ID)).Says("main", "was erased on")
		staff.Get(at+"/testing/CHG-01/items/"+items[0]).Says("main", "Erased on")
		for _, p := range []string{at + "/items/CHG-01", "/evidence/" + string(r.ID), "/evidence"} {
			lead.Get(p).Silent("main", name)
		}
		_, err := procedures.Link.Do(t.Context(), s.Staff, procedures.Linking{Engagement: s.ID, Control: "CHG-01", Items: items[:1], Evidence: string(r.ID)})
		if err == nil || !strings.Contains(err.Error(), "was erased on") {
			t.Errorf("linking what is erased: %v", err)
		}
		optest.Do(t, s.Staff, procedures.Set, procedures.Marking{Engagement: s.ID, Control: "CHG-01", Items: items[:1], Attributes: []string{"A"}, Mark: procedures.Agrees})
		examination(t, s, done)
	})
}

// examination checks the bundle of both logs.
func examination(t *testing.T, s optest.Sides, done erasures.Erasure) {
	t.Helper()
	var b bytes.Buffer
	if err := engagements.WriteBundle(t.Context(), s.Partner, s.ID, &b); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b.Bytes(), []byte("CLR-1187")) {
		t.Error("the bundle holds the bytes of the record")
	}
	keys := optest.Do(t, s.Partner, engagements.Get, engagements.Ref{ID: s.ID}).Keys
	report, err := bundle.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()), bundle.Options{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	erased := 0
	for _, i := range report.Items {
		if i.Verdict == bundle.Erased {
			erased++
		}
	}
	if erased != len(done.Went.Entries) {
		t.Errorf("%d entries are ERASED, want %d", erased, len(done.Went.Entries))
	}
	for _, p := range report.Problems {
		t.Errorf("%s: %s", p.Object, p.Reason)
	}
}
