package erasures_test

import (
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/erasures"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

func hold(t *testing.T, desk *op.Desk, scope string, targets ...string) erasures.Hold {
	t.Helper()
	return optest.Do(t, desk, erasures.HoldNew, erasures.Holding{Scope: scope, Targets: targets, Reason: "the dispute with Borden"})
}

func TestAHoldKeepsWhatIsInItsScope(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		second := optest.Member(t, desk, auth.Lead)
		r, other := record(t, desk, "Ticket", "one"), record(t, desk, "Other ticket", "two")
		waits := ask(t, desk, string(r.ID))
		h := hold(t, second, erasures.HoldRecords, string(r.ID))
		_, err := approve(t, second, waits) // asked for before the hold, and still kept
		refused(t, err, fault.KindConflict, string(h.ID)+", placed by Example compliance_lead on 21 November 2026 (the dispute with Borden). Ask Example compliance_lead")
		_, err = erasures.Create.Do(t.Context(), desk, erasures.Asking{Evidence: []string{string(r.ID)}, Basis: "court_order", Reason: "the court has ordered it"})
		refused(t, err, fault.KindConflict, "A hold keeps this")
		if _, err := approve(t, second, ask(t, desk, string(other.ID))); err != nil {
			t.Errorf("what is not held: %v", err)
		}
		_, err = erasures.HoldRelease.Do(t.Context(), second, erasures.Releasing{ID: string(h.ID), Note: "it is settled"})
		refused(t, err, fault.KindDenied, "another person approves it: Example Owner")
		free := optest.Do(t, desk, erasures.HoldRelease, erasures.Releasing{ID: string(h.ID), Note: "it is settled"})
		if free.Released.IsZero() || free.Alone || free.Releaser != "Example Owner" {
			t.Errorf("released as %+v", free)
		}
		_, err = erasures.HoldRelease.Do(t.Context(), desk, erasures.Releasing{ID: string(h.ID), Note: "it is settled"})
		refused(t, err, fault.KindConflict, "released this hold on 21 November 2026")
		if _, err := approve(t, second, waits); err != nil {
			t.Errorf("after the release: %v", err)
		}
		for _, n := range []int64{h.Entry, h.Entry + 1} {
			if said := optest.Do(t, desk, evidence.EntryGet, evidence.EntryRef{ID: n}); said.Op == "" {
				t.Errorf("entry %d says nothing", n)
			}
		}
	})
}

func TestAHoldOnEverythingKeepsEntriesToo(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		hold(t, desk, erasures.HoldAll)
		_, err := erasures.Create.Do(t.Context(), desk, erasures.Asking{Entries: []int64{1}, Basis: "recorded_in_error", Reason: "typed into the wrong field"})
		refused(t, err, fault.KindConflict, "A hold keeps this")
		for _, c := range []erasures.Holding{{Scope: erasures.HoldAll, Targets: []string{"evd_1"}}, {Scope: erasures.HoldEngagement}, {Scope: erasures.HoldRecords}, {Scope: erasures.HoldRecords, Targets: []string{"evd_1"}}} {
			c.Reason = "the dispute with Borden"
			_, err := erasures.HoldNew.Do(t.Context(), desk, c)
			refused(t, err, fault.KindInvalid, "targets")
		}
	})
}

func TestAHoldIsReleasedAloneOnlyAfterItWasAskedFor(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		h := hold(t, desk, erasures.HoldAll)
		optest.Clock(desk).Advance(100 * 24 * time.Hour) // however long it has stood
		asked := optest.Do(t, desk, erasures.HoldRelease, erasures.Releasing{ID: string(h.ID), Note: "it is settled"})
		if asked.Asked.IsZero() || !asked.Released.IsZero() || !asked.AloneFrom.Equal(asked.Asked.Add(72*time.Hour)) {
			t.Fatalf("asked as %+v", asked)
		}
		_, err := erasures.HoldRelease.Do(t.Context(), desk, erasures.Releasing{ID: string(h.ID), Note: "it is settled"})
		refused(t, err, fault.KindConflict, "nobody else here may approve it")
		optest.Clock(desk).Advance(72 * time.Hour)
		if free := optest.Do(t, desk, erasures.HoldRelease, erasures.Releasing{ID: string(h.ID), Note: "it is settled"}); !free.Alone || free.Released.IsZero() {
			t.Errorf("released as %+v", free)
		}
	})
}

func TestRetentionProposesAndNeverErases(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		r := record(t, desk, "Ticket", "one")
		look := func() []erasures.DueRecord {
			t.Helper()
			if err := erasures.Look(t.Context(), desk.Engine, desk.Org); err != nil {
				t.Fatal(err)
			}
			return optest.Do(t, desk, erasures.Due, erasures.DueFilter{}).Items
		}
		optest.Clock(desk).Advance(time.Date(2033, 12, 31, 23, 59, 59, 0, time.UTC).Sub(optest.Start))
		if got := look(); len(got) != 0 {
			t.Fatalf("a second before its time: %+v", got)
		}
		optest.Clock(desk).Advance(time.Second)
		head := optest.Do(t, desk, evidence.HeadGet, op.None{}).Size
		got := look()
		if len(got) != 1 || got[0].ID != r.ID || got[0].Rule != "in no engagement: end of 2026 and 7 years" {
			t.Fatalf("due: %+v", got)
		}
		look()
		if now := optest.Do(t, desk, evidence.HeadGet, op.None{}).Size; now != head+1 {
			t.Errorf("%d entries for two looks of which one found something, want 1", now-head)
		}
		if x := optest.Do(t, desk, evidence.Get, evidence.Ref{ID: string(r.ID)}); !x.Erased.IsZero() {
			t.Error("it was erased by itself")
		}
		h := hold(t, desk, erasures.HoldAll)
		if got := look(); got[0].Held != string(h.ID) {
			t.Errorf("held by %q, want %s", got[0].Held, h.ID)
		}
	})
}

func TestEvidenceOfAnEngagementFollowsTheLonger(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := optest.Engage(t, desk, "2026-01-01", "2026-12-31")
		record(t, s.Lead, "Ticket", "one")
		for _, c := range []struct {
			in   erasures.NewPolicy
			want string
		}{
			{erasures.NewPolicy{EvidenceYears: 2, FileYears: 5}, "3 to 100 years"},
			{erasures.NewPolicy{EvidenceYears: 7, FileYears: 4}, "5 to 100 years"},
			{erasures.NewPolicy{EvidenceYears: 7, FileYears: 5, PersonalMonths: 11}, "0, or 12 to"},
			{erasures.NewPolicy{EvidenceYears: 7, FileYears: 5, Version: 3}, "Read it, and decide again"},
		} {
			c.in.Reason = "counsel asked for it"
			_, err := erasures.PolicySet.Do(t.Context(), desk, c.in)
			if err == nil {
				t.Fatalf("%+v was accepted", c.in)
			}
			refused(t, err, fault.KindOf(err), c.want)
		}
		optest.Do(t, desk, erasures.PolicySet, erasures.NewPolicy{EvidenceYears: 3, FileYears: 6, PersonalMonths: 12, Reason: "counsel asked for it"})
		due := func() []erasures.DueRecord {
			t.Helper()
			if err := erasures.Look(t.Context(), desk.Engine, desk.Org); err != nil {
				t.Fatal(err)
			}
			return optest.Do(t, desk, erasures.Due, erasures.DueFilter{}).Items
		}
		optest.Clock(desk).Advance(20 * 366 * 24 * time.Hour)
		if got := due(); len(got) != 0 {
			t.Errorf("the engagement has not ended, and %+v is due", got)
		}
		if _, err := engagements.Withdraw.Do(t.Context(), s.Partner, engagements.Withdrawal{ID: s.ID, Reason: "the client was sold"}); err != nil {
			t.Fatal(err)
		}
		if got := due(); len(got) != 1 || got[0].Rule != "end of the period and 3 years" || !got[0].Due.Equal(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("due: %+v", got)
		}
	})
}
