package opinions_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/procedures/procedurestest"
)

func read(t *testing.T, x procedurestest.Examined) opinions.Conclusions {
	t.Helper()
	return optest.Do(t, x.Staff, opinions.Get, opinions.Ref{Engagement: x.ID})
}

func find(c opinions.Conclusions, code string) opinions.Criterion {
	i := slices.IndexFunc(c.Criteria, func(k opinions.Criterion) bool { return k.Code == code })
	return c.Criteria[i]
}

// refused runs an operation that must be refused in a way that names something.
func refused[In, Out any](t *testing.T, desk *op.Desk, o *op.Op[In, Out], in In, kind fault.Kind, says string) {
	t.Helper()
	_, err := o.Do(t.Context(), desk, in)
	if fault.KindOf(err) != kind || !strings.Contains(err.Error(), says) {
		t.Errorf("%s by %s: got %v, want %s with %q", o.Name(), desk.Actor.Name, err, kind, says)
	}
}

func TestConclusionsComeInOrderAndAreAPersons(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := procedurestest.Examine(t, desk, "2026-01-01", "2026-10-31")
		in := opinions.Judgement{Engagement: x.ID, Criterion: "CC8.1", Decision: opinions.Met}
		refused(t, x.Staff, opinions.Judge, in, fault.KindConflict, "CHG-90 is not concluded")
		for _, d := range []*op.Desk{x.Lead, x.Client, x.ControlOwner, x.Boss} {
			refused(t, d, opinions.Judge, in, fault.KindDenied, "audit:write")
			refused(t, d, opinions.Get, opinions.Ref{Engagement: x.ID}, fault.KindDenied, "audit:read")
			refused(t, d, opinions.Decide, opinions.Ruling{Engagement: x.ID, Part: "operation", Decision: "unmodified"}, fault.KindDenied, "audit:review")
		}
		x.Conclude(t, "GOV-90", procedures.Agrees, procedures.Effective)
		x.Conclude(t, "CHG-90", procedures.Deviates, procedures.NotEffective)
		refused(t, x.Staff, opinions.Judge, in, fault.KindInvalid, "“not met” is proposed for CC8.1: give your reason")
		refused(t, x.Staff, opinions.Judge, opinions.Judgement{Engagement: x.ID, Criterion: "A1.1", Decision: opinions.Met}, fault.KindInvalid, "not in the scope")
		refused(t, x.Staff, opinions.Accept, opinions.Acceptance{Engagement: x.ID, Criteria: []string{"CC1.1", "CC8.1"}}, fault.KindConflict, "CC8.1 is not among")
		if got := read(t, x); got.Concluded != 0 {
			t.Errorf("a refused bulk concluded %d", got.Concluded)
		}
		in.Decision = opinions.NotMet
		now := optest.Do(t, x.Staff, opinions.Judge, in)
		if k := find(now, "CC8.1"); now.Concluded != 1 || k.Decision.Value != opinions.NotMet || k.Decision.Actor != x.Staff.Actor.Name {
			t.Errorf("got %+v", k)
		}
		var rest []string
		for _, k := range now.Criteria {
			if k.Acceptable() {
				rest = append(rest, k.Code)
			}
		}
		now = optest.Do(t, x.Staff, opinions.Accept, opinions.Acceptance{Engagement: x.ID, Criteria: rest})
		if len(rest) != 32 || now.Concluded != 33 || len(now.Open()) != 0 {
			t.Errorf("%d accepted, %d concluded", len(rest), now.Concluded)
		}
		p := now.Parts[2]
		if p.Part != opinions.Operation || p.Proposal.Value != opinions.Qualified || p.Provisional || now.Parts[1].Proposal.Value != opinions.Unmodified || now.Parts[0].Proposal.Value != "" {
			t.Errorf("parts %+v", now.Parts)
		}
	})
}

func TestThePartsAreDecidedByWhoReviews(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := procedurestest.Examine(t, desk, "2026-01-01", "2026-10-31")
		x.Conclude(t, "GOV-90", procedures.Agrees, procedures.Effective)
		x.Conclude(t, "CHG-90", procedures.Deviates, procedures.NotEffective)
		rule := func(part, decision, reason string) opinions.Ruling {
			return opinions.Ruling{Engagement: x.ID, Part: part, Decision: decision, Reason: reason}
		}
		refused(t, x.Manager, opinions.Decide, rule("design", "unmodified", ""), fault.KindConflict, "done once an engagement is evaluation")
		x.Advance(t, x.Partner, engagements.Evaluation)
		refused(t, x.Manager, opinions.Decide, rule("design", "unmodified", ""), fault.KindConflict, "33 of 33 are open")
		met(t, x)
		refused(t, x.Staff, opinions.Decide, rule("design", "unmodified", ""), fault.KindDenied, "audit:review")
		refused(t, x.Manager, opinions.Decide, rule("description", "unmodified", ""), fault.KindInvalid, "say what was examined")
		refused(t, x.Manager, opinions.Decide, rule("operation", "unmodified", ""), fault.KindInvalid, "qualified is proposed for the operation")
		refused(t, x.Manager, opinions.Decide, rule("operation", "disclaimer", "no"), fault.KindInvalid, "never answers a known failure")
		refused(t, x.Manager, opinions.Decide, rule("design", "adverse", "no"), fault.KindInvalid, "never answers missing evidence")
		optest.Do(t, x.Manager, opinions.Decide, rule("description", "unmodified", "The description was read beside the system on 3 November."))
		optest.Do(t, x.Manager, opinions.Decide, rule("design", "unmodified", ""))
		now := optest.Do(t, x.Partner, opinions.Decide, rule("operation", "qualified", ""))
		if len(now.Undecided()) > 0 {
			t.Errorf("undecided: %v", now.Undecided())
		}
		// What it rests on changes: it no longer stands.
		optest.Do(t, x.Staff, opinions.Judge, opinions.Judgement{Engagement: x.ID, Criterion: "CC8.1", Decision: opinions.MetWithDeviations, Reason: "GOV-90 would have found it.", Compensating: []string{"GOV-90"}})
		now = read(t, x)
		if k := find(now, "CC8.1"); k.Proposal.Value != opinions.MetWithDeviations || !slices.Equal(k.Decision.Compensating, []string{"GOV-90"}) || k.Decision.Version != 2 {
			t.Errorf("got %+v", k)
		}
		if got := now.Undecided(); !slices.Equal(got, []string{"design", "operation"}) || now.Parts[2].Proposal.Value != opinions.Unmodified {
			t.Errorf("undecided after a change: %v", got)
		}
		refused(t, x.Staff, opinions.Judge, opinions.Judgement{Engagement: x.ID, Criterion: "CC8.1", Decision: opinions.Met, Reason: "x", Compensating: []string{"CHG-90"}}, fault.KindInvalid, "not a control that was tested and found effective")
	})
}

// met concludes on every criterion as proposed.
func met(t *testing.T, x procedurestest.Examined) {
	t.Helper()
	var codes []string
	for _, k := range read(t, x).Criteria {
		if k.Acceptable() {
			codes = append(codes, k.Code)
		} else {
			optest.Do(t, x.Staff, opinions.Judge, opinions.Judgement{Engagement: x.ID, Criterion: k.Code, Decision: k.Proposal.Value})
		}
	}
	optest.Do(t, x.Staff, opinions.Accept, opinions.Acceptance{Engagement: x.ID, Criteria: codes})
}

func TestAConclusionFallsWithWhatItRestsOn(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := procedurestest.Examine(t, desk, "2026-01-01", "2026-10-31")
		x.Conclude(t, "CHG-90", procedures.Agrees, procedures.Effective)
		optest.Do(t, x.Staff, opinions.Judge, opinions.Judgement{Engagement: x.ID, Criterion: "CC8.1", Decision: opinions.Met})
		x.Conclude(t, "CHG-90", procedures.Deviates, procedures.NotEffective)
		now := read(t, x)
		if k := find(now, "CC8.1"); k.Decision.Stands() || !strings.Contains(k.Decision.Stale, "CHG-90 was concluded anew") || k.Proposal.Value != opinions.NotMet {
			t.Errorf("got %+v, %+v", k.Decision, k.Proposal)
		}
		if now.Concluded != 0 {
			t.Errorf("%d count as concluded", now.Concluded)
		}
	})
}

func TestTheDraftWaitsForEveryCriterion(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := procedurestest.Examine(t, desk, "2026-01-01", "2026-10-31")
		x.Conclude(t, "GOV-90", procedures.Agrees, procedures.Effective)
		x.Conclude(t, "CHG-90", procedures.Agrees, procedures.Effective)
		x.Advance(t, x.Partner, engagements.Evaluation)
		refused(t, x.Partner, engagements.Advance, engagements.Advancing{ID: x.ID, To: "draft_report"}, fault.KindConflict, "Every criterion in scope is concluded (33 missing, CC1.1")
		met(t, x)
		x.Advance(t, x.Partner, engagements.DraftReport)
	})
}

func TestATypeIGivesNoOpinionOnOperation(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := procedurestest.Examine(t, desk, "", "2026-10-31")
		x.Conclude(t, "GOV-90", procedures.Agrees, procedures.Effective)
		x.Conclude(t, "CHG-90", procedures.Agrees, procedures.Effective)
		x.Advance(t, x.Partner, engagements.Evaluation)
		met(t, x)
		refused(t, x.Partner, opinions.Decide, opinions.Ruling{Engagement: x.ID, Part: "operation", Decision: "unmodified"}, fault.KindInvalid, "no opinion on the operation")
		if got := read(t, x); len(got.Parts) != 2 || got.Parts[1].Proposal.Value != opinions.Unmodified {
			t.Errorf("parts %+v", got.Parts)
		}
	})
}

func TestNoFieldSaysWhereWordsComeFrom(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := procedurestest.Examine(t, desk, "2026-01-01", "2026-10-31")
		for _, o := range opinions.Operations {
			if !o.Writes() {
				continue
			}
			_, err := o.Run(t.Context(), x.Partner, []byte(`{"engagement":"`+x.ID+`","origin":"ai","generated":true}`))
			if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), "origin") && !strings.Contains(all2(err), "origin") {
				t.Errorf("%s takes a field for the origin of words: %v", o.Name(), err)
			}
		}
	})
}

func all2(err error) string {
	f := fault.As(err)
	if f == nil {
		return ""
	}
	s := f.Error()
	for _, m := range f.More {
		s += " " + m.Error()
	}
	return s
}

// last is the newest entry of the engagement's log: its kind and body.
func last(t *testing.T, x procedurestest.Examined) (canon.Kind, map[string]any) {
	t.Helper()
	if err := x.Staff.Ledger.SealAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	page := optest.Do(t, x.Staff, engagements.Entries, engagements.EntryFilter{Engagement: x.ID})
	got := optest.Do(t, x.Staff, engagements.EntryGet, engagements.EntryRef{Engagement: x.ID, ID: page.Items[0].Index})
	return got.Kind, got.Body
}

func TestEntriesSayWhatWasProposedAndDecided(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := procedurestest.Examine(t, desk, "2026-01-01", "2026-10-31")
		x.Conclude(t, "GOV-90", procedures.Agrees, procedures.Effective)
		x.Conclude(t, "CHG-90", procedures.Agrees, procedures.Effective)
		x.Advance(t, x.Partner, engagements.Evaluation)
		optest.Do(t, x.Staff, opinions.Judge, opinions.Judgement{Engagement: x.ID, Criterion: "CC8.1", Decision: opinions.NotMet, Reason: "It is too weak."})
		kind, body := last(t, x)
		want := map[string]any{"op": "criteria_conclusions.decide", "id": x.ID, "step": "criterion", "criterion": "CC8.1", "proposal": "met", "decision": "not_met", "reason": "It is too weak."}
		if diff := cmp.Diff(want, body); kind != canon.KindConclusion || diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
		met(t, x)
		optest.Do(t, x.Manager, opinions.Decide, opinions.Ruling{Engagement: x.ID, Part: "description", Decision: "unmodified", Reason: "Read beside the system."})
		kind, body = last(t, x)
		want = map[string]any{"op": "opinions.decide", "id": x.ID, "step": "part", "part": "description", "proposal": "none", "decision": "unmodified", "reason": "Read beside the system."}
		if diff := cmp.Diff(want, body); kind != canon.KindConclusion || diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	})
}
