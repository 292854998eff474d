package checks_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
)

// asked asks for an exception for ten hours; no key is every machine.
func asked(t *testing.T, desk *op.Desk, key string, lasts time.Duration) checks.Waiver {
	t.Helper()
	return optest.Do(t, desk, checks.Except, checks.Waive{Check: ownID, Key: key, Reason: "Replaced next week.", Ends: desk.Clock.Now().Add(lasts)})
}

func approved(t *testing.T, desk *op.Desk, w checks.Waiver) checks.Waiver {
	t.Helper()
	return optest.Do(t, desk, checks.Approve, checks.WaiverRef{ID: string(w.ID)})
}

// refusedTo approve says why the desk may not.
func refusedTo(t *testing.T, desk *op.Desk, w checks.Waiver, kind fault.Kind, why string) {
	t.Helper()
	_, err := checks.Approve.Do(t.Context(), desk, checks.WaiverRef{ID: string(w.ID)})
	if fault.KindOf(err) != kind || !strings.Contains(err.Error(), why) {
		t.Errorf("%s approves: got %v, want %s: %q", desk.Actor.Name, err, kind, why)
	}
}

// stands is the exception as it is listed.
func stands(t *testing.T, desk *op.Desk, w checks.Waiver) checks.Waiver {
	t.Helper()
	for _, x := range optest.Do(t, desk, checks.Exceptions, checks.WaiverFilter{}).Items {
		if x.ID == w.ID {
			return x
		}
	}
	t.Fatalf("%s is not listed", w.ID)
	return checks.Waiver{}
}

func TestAnExceptionCoversAFailureUntilItsDayAndNothingElse(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ctx := t.Context()
		b, second := newBench(t, desk), optest.Member(t, desk, auth.Lead)
		b.show(map[string]any{"a": false, "b": false})
		approved(t, second, asked(t, desk, "a", 10*time.Hour))
		if d := b.check(); d.Status != checks.Fail {
			t.Errorf("b is not waived, yet the check is %s", d.Status)
		}
		w := approved(t, second, asked(t, desk, "b", 10*time.Hour))
		if d := b.check(); d.Status != checks.Excepted || !d.Until.Equal(w.Ends) {
			t.Errorf("both are waived: %s until %s", d.Status, d.Until)
		}
		optest.Do(t, desk, checks.EndExcept, checks.WaiverRef{ID: string(w.ID)})
		if d := b.check(); d.Status != checks.Fail {
			t.Errorf("an ended exception still covers: %s", d.Status)
		}
		ends := desk.Clock.Now().Add(10 * time.Hour)
		for name, bad := range map[string]checks.Waive{
			"an end in the past":      {Check: ownID, Reason: "Replaced next week.", Ends: desk.Clock.Now()},
			"more than twelve months": {Check: ownID, Reason: "Replaced next week.", Ends: desk.Clock.Now().AddDate(2, 0, 0)},
			"no such check":           {Check: "no.such", Reason: "Replaced next week.", Ends: ends},
			"hardly a reason":         {Check: ownID, Reason: "later", Ends: ends},
		} {
			if _, err := checks.Except.Do(ctx, desk, bad); fault.KindOf(err) != fault.KindInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := checks.Except.Do(ctx, optest.Member(t, desk, auth.ControlOwner), checks.Waive{Check: ownID, Reason: "Replaced next week.", Ends: ends}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("a control owner asked for an exception: %v", err)
		}
	})
}

func TestAnExceptionNeedsASecondPerson(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b, second := newBench(t, desk), optest.Member(t, desk, auth.Lead)
		b.show(map[string]any{"a": false})
		w := asked(t, desk, "", 200*time.Hour)
		if w.State != checks.WaiverPending || w.AskerID != desk.Actor.User || w.Asker != desk.Actor.Name || w.Approver != "" || !w.Starts.IsZero() {
			t.Errorf("asked for: %+v", w)
		}
		if len(w.Approvers) != 1 || w.Approvers[0].ID != second.Actor.User || !w.AloneFrom.IsZero() {
			t.Errorf("waits for %+v, alone from %s", w.Approvers, w.AloneFrom)
		}
		since := desk.Clock.Now()
		optest.Clock(desk).Advance(time.Hour)
		if d := b.check(); d.Status != checks.Fail {
			t.Errorf("nobody has approved it, yet the check is %s", d.Status)
		}
		refusedTo(t, desk, w, fault.KindDenied, "another person approves it: "+second.Actor.Name)
		refusedTo(t, optest.Member(t, desk, auth.Sponsor), w, fault.KindDenied, "exceptions:write")
		refusedTo(t, optest.Found(t, desk.Engine, "Other"), w, fault.KindNotFound, "no exception")
		refusedTo(t, desk.Machine(desk.Org, "m", auth.ExceptWrite), w, fault.KindDenied, "by a person")
		got := approved(t, second, w)
		if got.State != checks.WaiverInForce || got.Approver != second.Actor.Name || !got.Starts.Equal(desk.Clock.Now()) || got.Alone || got.Approvers != nil {
			t.Errorf("approved: %+v", got)
		}
		if now := stands(t, desk, w); now.State != checks.WaiverInForce || !now.Starts.Equal(got.Starts) || !now.Asked.Equal(w.Asked) {
			t.Errorf("listed as %+v", now)
		}
		if d := b.check(); d.Status != checks.Excepted {
			t.Errorf("approved, yet the check is %s", d.Status)
		}
		refusedTo(t, second, w, fault.KindConflict, second.Actor.Name+" has approved this exception already")
		// It holds from the approval on: of the hour before, the failure stays.
		optest.Clock(desk).Advance(time.Hour)
		held := optest.Do(t, desk, checks.Coverage, checks.Period{Check: ownID, From: since, To: desk.Clock.Now()})
		if len(held.Spans) != 2 || held.Spans[0].Status != checks.Fail || held.Spans[1].Status != checks.Excepted || !held.Spans[1].From.Equal(got.Starts) {
			t.Errorf("the two hours: %+v", held.Spans)
		}
		if said := entry(t, desk, "exceptions.approve"); !strings.Contains(said, string(w.ID)) || !strings.Contains(said, string(desk.Actor.User)) || strings.Contains(said, "alone") {
			t.Errorf("the entry says %s", said)
		}
	})
}

func TestOneMemberWaitsThreeDaysForTheirOwnException(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := newBench(t, desk)
		optest.Member(t, desk, auth.ControlOwner) // who has not the right
		w := asked(t, desk, "", 200*time.Hour)
		from := desk.Clock.Now().Add(72 * time.Hour)
		if len(w.Approvers) != 1 || w.Approvers[0].ID != desk.Actor.User || !w.AloneFrom.Equal(from) {
			t.Errorf("waits for %+v, alone from %s", w.Approvers, w.AloneFrom)
		}
		refusedTo(t, desk, w, fault.KindConflict, "from "+from.Format("2 January 2006 15:04 UTC")+" on")
		optest.Clock(desk).Advance(72*time.Hour - time.Millisecond)
		refusedTo(t, desk, w, fault.KindConflict, "nobody else here")
		optest.Clock(desk).Advance(time.Millisecond)
		b.show(map[string]any{"a": false}) // an hour later
		if d := b.check(); d.Status != checks.Fail {
			t.Errorf("time alone approved it: %s", d.Status)
		}
		// Whoever gets the right meanwhile is the second person.
		second := optest.Member(t, desk, auth.Lead)
		refusedTo(t, desk, w, fault.KindDenied, "another person approves it: "+second.Actor.Name)
		optest.Do(t, desk, orgs.Remove, orgs.MemberRef{ID: string(second.Actor.User)})
		if got := approved(t, desk, w); !got.Alone || !got.Starts.Equal(desk.Clock.Now()) {
			t.Errorf("approved alone: %+v", got)
		}
		if now := stands(t, desk, w); !now.Alone || now.State != checks.WaiverInForce {
			t.Errorf("listed as %+v", now)
		}
		if d := b.check(); d.Status != checks.Excepted {
			t.Errorf("approved, yet the check is %s", d.Status)
		}
		if said := entry(t, desk, "exceptions.approve"); !strings.Contains(said, `"alone":true`) {
			t.Errorf("the entry says %s", said)
		}
	})
}

func TestAnExceptionThatWaitsIsDeclinedOrRunsOut(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b, second := newBench(t, desk), optest.Member(t, desk, auth.Lead)
		b.show(map[string]any{"a": false})
		declined, late := asked(t, desk, "", 10*time.Hour), asked(t, desk, "a", time.Hour)
		ref := checks.WaiverRef{ID: string(declined.ID)}
		optest.Do(t, second, checks.EndExcept, ref)
		if now := stands(t, desk, declined); now.State != checks.WaiverEnded || !now.Starts.IsZero() {
			t.Errorf("declined: %+v", now)
		}
		refusedTo(t, second, declined, fault.KindConflict, "was ended")
		if _, err := checks.EndExcept.Do(t.Context(), second, ref); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("declined twice: %v", err)
		}
		optest.Clock(desk).Advance(time.Hour)
		if now := stands(t, desk, late); now.State != checks.WaiverExpired {
			t.Errorf("its day has come: %+v", now)
		}
		refusedTo(t, second, late, fault.KindConflict, "Ask for a new one")
		if _, err := checks.EndExcept.Do(t.Context(), second, checks.WaiverRef{ID: string(late.ID)}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("ended after its day: %v", err)
		}
		if d := b.check(); d.Status != checks.Fail {
			t.Errorf("what nobody approved covers: %s", d.Status)
		}
		// Those in force are listed first, then those that wait.
		waits, holds := asked(t, desk, "", 300*time.Hour), approved(t, second, asked(t, desk, "", 10*time.Hour))
		list := optest.Do(t, desk, checks.Exceptions, checks.WaiverFilter{}).Items
		if len(list) != 4 || list[0].ID != holds.ID || list[1].ID != waits.ID {
			t.Errorf("listed: %+v", list)
		}
	})
}

func TestAnExceptionFromBeforeThereWereTwoStaysInForce(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := newBench(t, desk)
		b.show(map[string]any{"a": false})
		now := desk.Clock.Now()
		err := desk.DB.Write(t.Context(), string(desk.Org), func(tx *db.Tx) error {
			_, err := tx.Exec(`INSERT INTO check_exception (org_id, id, check_id, key, reason, owner, approver, starts, ends, ended, created)
				VALUES (?, ?, ?, '', 'Replaced next week.', 'Ada', 'Ada', ?, ?, 0, ?)`,
				desk.Org, "exc_01k00000000000000000000000", ownID, now.UnixMilli(), now.Add(time.Hour).UnixMilli(), now.UnixMilli())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		list := optest.Do(t, desk, checks.Exceptions, checks.WaiverFilter{}).Items
		if len(list) != 1 || list[0].State != checks.WaiverInForce || list[0].Alone || list[0].Approver != "Ada" {
			t.Errorf("listed: %+v", list)
		}
		if d := b.check(); d.Status != checks.Excepted {
			t.Errorf("it covers no longer: %s", d.Status)
		}
	})
}

// entry is what the newest entry of an operation says.
func entry(t *testing.T, desk *op.Desk, does string) string {
	t.Helper()
	said := ""
	err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
		list, err := desk.Ledger.Openings(tx, desk.Org, 0, 1000)
		for _, o := range list {
			if o.Label == canon.LabelBody && strings.Contains(o.Payload, `"op":"`+does+`"`) {
				said = o.Payload
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return said
}
