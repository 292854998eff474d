package engagements_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

func TestBothSidesSeeOneEngagementAndNobodyElse(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := optest.Engage(t, desk, "2026-01-01", "2026-12-31")
		for _, d := range []*op.Desk{s.Client, s.Lead, s.ControlOwner, s.Boss, s.Partner, s.Manager, s.Staff} {
			got := optest.Do(t, d, engagements.Get, engagements.Ref{ID: s.ID})
			if got.State != engagements.Engaged || got.Client.Name != "Example" || got.Firm.Name != "Aldine Voss" || len(got.Keys) != 2 {
				t.Errorf("%s sees %+v", d.Actor.Name, got)
			}
			all := optest.Do(t, d, engagements.List, op.None{})
			if all.Total != 1 || all.Items[0].Ends == "" {
				t.Errorf("%s lists %+v", d.Actor.Name, all)
			}
		}
		other := optest.Found(t, desk.Engine, "Other")
		if _, err := engagements.Get.Do(t.Context(), other, engagements.Ref{ID: s.ID}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("a stranger gets %v", err)
		}
		if all := optest.Do(t, other, engagements.List, op.None{}); all.Total != 0 {
			t.Errorf("a stranger lists %+v", all)
		}
	})
}

func TestTheFirmsPlanIsNotShownToTheClient(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := optest.Engage(t, desk, "2026-01-01", "2026-12-31")
		s.Plan(t)
		if got := optest.Do(t, s.Lead, engagements.Get, engagements.Ref{ID: s.ID}); got.Plan != "" {
			t.Errorf("the client reads the plan: %s", got.Plan)
		}
		if got := optest.Do(t, s.Staff, engagements.Get, engagements.Ref{ID: s.ID}); got.Plan == "" {
			t.Error("the firm does not read its plan")
		}
		if _, err := engagements.Entries.Do(t.Context(), s.Lead, engagements.EntryFilter{Engagement: s.ID}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("the client reads the engagement's log: %v", err)
		}
		got := optest.Do(t, s.Staff, engagements.Entries, engagements.EntryFilter{Engagement: s.ID})
		if got.Total != 3 || got.Items[0].Op != "engagements.plan" {
			t.Errorf("the engagement's log has %+v", got)
		}
	})
}

func TestAGateNamesWhatIsMissing(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := optest.Engage(t, desk, "2027-01-01", "2027-12-31")
		_, err := engagements.Advance.Do(t.Context(), s.Partner, engagements.Advancing{ID: s.ID, To: "planned"})
		if fault.KindOf(err) != fault.KindConflict || !strings.Contains(err.Error(), "the audit plan") {
			t.Errorf("got %v", err)
		}
		s.Plan(t)
		for _, to := range []string{"fieldwork", "sign_off", "as_of"} {
			if _, err := engagements.Advance.Do(t.Context(), s.Partner, engagements.Advancing{ID: s.ID, To: to}); err == nil {
				t.Errorf("jumped to %s", to)
			}
		}
		if _, err := engagements.Advance.Do(t.Context(), s.Staff, engagements.Advancing{ID: s.ID, To: "planned"}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("staff advances: %v", err)
		}
		if _, err := engagements.Advance.Do(t.Context(), s.Lead, engagements.Advancing{ID: s.ID, To: "planned"}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("the client advances: %v", err)
		}
	})
}

func TestPeriods(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		partner := optest.Firm(t, desk, "Aldine Voss")
		for _, c := range []struct {
			starts, ends string
			ok           bool
			warns        string
		}{
			{"2026-01-01", "2026-03-30", false, ""}, // 89 days
			{"2026-01-01", "2026-03-31", true, "shorter than 6 months"},
			{"2026-01-01", "2026-04-30", true, "shorter than 6 months"},
			{"2026-01-01", "2026-06-30", true, ""},
			{"2026-01-01", "2026-12-31", true, ""},
			{"2026-01-01", "2027-01-31", true, "longer than 12 months"},
			{"2026-05-01", "2026-01-31", false, ""},
			{"2026-02-30", "2026-12-31", false, ""},
		} {
			v, err := engagements.Propose.Do(t.Context(), desk, engagements.Proposal{Name: "x", Firm: string(partner.Org), Type: "type_2",
				Starts: c.starts, Ends: c.ends, System: "s"})
			if (err == nil) != c.ok {
				t.Errorf("%s/%s: %v", c.starts, c.ends, err)
			}
			if got := strings.Join(v.Warnings, " "); err == nil && (c.warns == "") != (got == "") || !strings.Contains(got, c.warns) {
				t.Errorf("%s/%s warns %q, want %q", c.starts, c.ends, got, c.warns)
			}
		}
	})
}

func TestDatesChangeByAgreementAndStayOnRecord(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := optest.Engage(t, desk, "2026-01-01", "2026-12-31")
		in := engagements.Rescheduling{ID: s.ID, Starts: "2026-01-01", Ends: "2026-10-31", Reason: "an earlier report is needed", Version: 1}
		got := optest.Do(t, s.Partner, engagements.Reschedule, in)
		if got.Version != 2 || got.Ends != "2026-10-31" {
			t.Errorf("got %+v", got)
		}
		if _, err := engagements.Reschedule.Do(t.Context(), s.Partner, in); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("a stale change: %v", err)
		}
		if _, err := engagements.Reschedule.Do(t.Context(), s.Lead, in); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("the client alone: %v", err)
		}
	})
}

func TestAFirmIsNotExaminedAndAClientDoesNotAccept(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := optest.Engage(t, desk, "", "2026-10-31")
		optest.Clock(desk).Advance(time.Hour)
		if _, err := engagements.Propose.Do(t.Context(), s.Partner, engagements.Proposal{Name: "x", Firm: string(s.Partner.Org), Type: "type_1", AsOf: "2026-10-31", System: "s"}); err == nil {
			t.Error("a firm proposed to itself")
		}
		made := optest.Do(t, s.Lead, engagements.Propose, engagements.Proposal{Name: "x", Firm: string(s.Partner.Org), Type: "type_1", AsOf: "2026-10-31", System: "s"})
		for _, d := range []*op.Desk{s.Client, s.Lead, s.Manager, s.Staff} {
			if _, err := engagements.Accept.Do(t.Context(), d, engagements.Acceptance{ID: string(made.ID), Independence: "none"}); fault.KindOf(err) != fault.KindDenied {
				t.Errorf("%s accepts: %v", d.Actor.Name, err)
			}
		}
		gone := optest.Do(t, s.Partner, engagements.Withdraw, engagements.Withdrawal{ID: string(made.ID), Reason: "no assertion"})
		if gone.State != engagements.Withdrawn || gone.Next != nil {
			t.Errorf("got %+v", gone)
		}
	})
}
