// Package procedurestest takes an engagement through its tests, for the tests
// of what follows from them.
package procedurestest

import (
	"slices"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/procedures"
)

// Examined is an engagement in which two key controls were looked at: GOV-90
// answers every criterion of Security but CC8.1, CHG-90 only that one.
type Examined struct {
	optest.Sides
	Record evidence.Record
}

// Examine takes an engagement over a period, or as of a day, to evaluation.
func Examine(t testing.TB, desk *op.Desk, starts, ends string) Examined {
	t.Helper()
	x := Examined{Sides: optest.Engage(t, desk, starts, ends)}
	cat, err := frameworks.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	all, err := cat.InScope(nil)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, c := range all {
		codes = append(codes, c.Code)
	}
	rest := slices.DeleteFunc(slices.Clone(codes), func(c string) bool { return c == "CC8.1" })
	for code, criteria := range map[string][]string{"GOV-90": rest, "CHG-90": {"CC8.1"}} {
		optest.Do(t, x.Lead, controls.Create, controls.Own{Code: code, Title: "Control " + code, Text: "Somebody does it each quarter and records it in a ticket.",
			Criteria: criteria, Frequency: "quarterly", Key: true})
		optest.Do(t, x.Staff, procedures.PlanOp, procedures.Planning{Engagement: x.ID, Control: code, Basis: procedures.ByInspection, Attributes: []string{"A it is done as described"}})
	}
	x.Plan(t, engagements.Planned)
	to := []engagements.State{engagements.Observing, engagements.PeriodClosed, engagements.Fieldwork}
	if starts == "" {
		to = []engagements.State{engagements.AsOf, engagements.Fieldwork}
	}
	for _, state := range to {
		optest.Do(t, x.Partner, engagements.Advance, engagements.Advancing{ID: x.ID, To: string(state)})
	}
	kept, err := desk.Vault.Store(t.Context(), x.Client.Org, []byte("the ticket of each quarter"), desk.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	x.Record = optest.Do(t, x.Lead, evidence.Submit, evidence.Submission{Blob: kept.Address, Title: "Tickets", Origin: "tickets", Level: 4,
		Captured: time.Date(2026, 10, 30, 12, 0, 0, 0, time.UTC)})
	for _, code := range []string{"GOV-90", "CHG-90"} {
		optest.Do(t, x.Staff, procedures.Link, procedures.Linking{Engagement: x.ID, Control: code, Items: []string{code}, Evidence: string(x.Record.ID)})
	}
	return x
}

// Conclude tests a control with a mark, and concludes on it.
func (x Examined) Conclude(t testing.TB, control, mark, decision string) {
	t.Helper()
	marking := procedures.Marking{Engagement: x.ID, Control: control, Items: []string{control}, Attributes: []string{"A"}, Mark: mark}
	if mark == procedures.Deviates {
		marking.Reason = "The ticket of the third quarter is not there."
	}
	optest.Do(t, x.Staff, procedures.Set, marking)
	if mark == procedures.Deviates {
		found := optest.Do(t, x.Staff, procedures.Deviations, procedures.DeviationFilter{Engagement: x.ID, Control: control})
		for _, d := range found.Items {
			optest.Do(t, x.Staff, procedures.Classify, procedures.Classification{Engagement: x.ID, ID: string(d.ID), Cause: "execution", Extent: "systematic",
				Reason: "Nobody was named for the quarter.", Disclosure: "The review of the third quarter was not performed.", Version: d.Version})
		}
	}
	optest.Do(t, x.Staff, procedures.Conclude, procedures.Decision{Engagement: x.ID, Control: control, Decision: decision, Reason: "As tested."})
}

// Advance takes the engagement on, as somebody who may.
func (x Examined) Advance(t testing.TB, by *op.Desk, to engagements.State) {
	t.Helper()
	optest.Do(t, by, engagements.Advance, engagements.Advancing{ID: x.ID, To: string(to)})
}
