package checks_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

func waive(t *testing.T, asker, second *op.Desk, in checks.Waive) checks.Waiver {
	t.Helper()
	in.Check, in.Reason = ownID, "Replaced next week."
	return approved(t, second, optest.Do(t, asker, checks.Except, in))
}

func TestAnExceptionForSeveralShowsInTheCalendar(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b, second := newBench(t, desk), optest.Member(t, desk, auth.Lead)
		b.show(map[string]any{"a": false, "b": false, "c": true})
		seen := desk.Clock.Now()
		optest.Clock(desk).Advance(time.Hour)
		from := desk.Clock.Now()
		w := waive(t, desk, second, checks.Waive{Keys: []string{"a", "b", "a", " "}, Ends: from.Add(5 * time.Hour)})
		if !slices.Equal(w.Named(), []string{"a", "b"}) {
			t.Errorf("it names %v", w.Named())
		}
		if d := b.check(); d.Status != checks.Excepted || d.Failing != 2 {
			t.Errorf("both are waived: %s, %d failing; the failures must stay in the figures", d.Status, d.Failing)
		}
		optest.Clock(desk).Advance(7 * time.Hour)
		h := held(t, b, seen)
		want := []checks.Status{checks.Fail, checks.Excepted, checks.Fail}
		if len(h.Spans) != 3 || h.Metrics.Excepted != 5*time.Hour || h.Metrics.Fail != 3*time.Hour {
			t.Fatalf("the hours: %+v, want %v", h.Spans, want)
		}
		for i, s := range h.Spans {
			if s.Status != want[i] {
				t.Errorf("span %d is %s", i, s.Status)
			}
		}
		// One of two named is not enough.
		waive(t, desk, second, checks.Waive{Key: "a", Ends: desk.Clock.Now().Add(5 * time.Hour)})
		optest.Clock(desk).Advance(time.Hour)
		if h := held(t, b, seen); h.Metrics.Excepted != 5*time.Hour {
			t.Errorf("b fails uncovered, yet %s are excepted", h.Metrics.Excepted)
		}
		one := optest.Do(t, desk, checks.Coverage, checks.Period{Check: ownID, Source: string(b.source.ID), Key: "a", From: seen, To: desk.Clock.Now()})
		if one.Metrics.Excepted != 6*time.Hour || one.Metrics.Fail != 3*time.Hour {
			t.Errorf("a alone: %+v", one.Spans)
		}
	})
}

func TestAnExceptionIsRenewedByAnotherOne(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b, second := newBench(t, desk), optest.Member(t, desk, auth.Lead)
		b.show(map[string]any{"a": false})
		w := waive(t, desk, second, checks.Waive{Key: "a", Ends: desk.Clock.Now().Add(20 * 24 * time.Hour)})
		get := func(w checks.Waiver) checks.WaiverDetail {
			return optest.Do(t, desk, checks.ExceptGet, checks.WaiverRef{ID: string(w.ID)})
		}
		if soon, _ := get(w).Ending(desk.Clock.Now()); soon {
			t.Error("with 20 days left it ends soon")
		}
		optest.Clock(desk).Advance(10 * 24 * time.Hour)
		if soon, last := get(w).Ending(desk.Clock.Now()); !soon || last {
			t.Errorf("with 10 days left: %t %t", soon, last)
		}
		optest.Clock(desk).Advance(8 * 24 * time.Hour)
		if soon, last := get(w).Ending(desk.Clock.Now()); !soon || !last {
			t.Errorf("with 2 days left: %t %t", soon, last)
		}
		list := func(in checks.WaiverFilter) int { return len(optest.Do(t, desk, checks.Exceptions, in).Items) }
		if list(checks.WaiverFilter{Ending: 14}) != 1 || list(checks.WaiverFilter{Ending: 1}) != 0 || list(checks.WaiverFilter{Mine: true}) != 0 {
			t.Error("the filters disagree")
		}
		next := optest.Do(t, desk, checks.Except, checks.Waive{Check: ownID, Key: "a", Reason: "The delivery is late.", Ends: desk.Clock.Now().Add(30 * 24 * time.Hour), Renews: string(w.ID)})
		if got := get(w); got.RenewedBy != next.ID || next.Renews != w.ID {
			t.Errorf("renewed by %q", got.RenewedBy)
		}
		if n := len(optest.Do(t, second, checks.Exceptions, checks.WaiverFilter{Mine: true}).Items); n != 1 {
			t.Errorf("%d wait for the second person", n)
		}
		_, err := checks.Except.Do(t.Context(), desk, checks.Waive{Check: ownID, Key: "a", Reason: "The delivery is late.", Ends: desk.Clock.Now().Add(time.Hour), Renews: string(w.ID)})
		if fault.KindOf(err) != fault.KindConflict || !strings.Contains(err.Error(), "renews") {
			t.Errorf("renewed twice: %v", err)
		}
		_, err = checks.Except.Do(t.Context(), desk, checks.Waive{Check: ownID, Key: "a", Reason: "The delivery is late.", Ends: desk.Clock.Now().Add(time.Hour), Renews: string(next.ID)})
		if fault.KindOf(err) != fault.KindConflict {
			t.Errorf("one that was never in force is renewed: %v", err)
		}
		// It runs out while the next one waits: that is debt until it is approved.
		optest.Clock(desk).Advance(5 * 24 * time.Hour)
		owed := optest.Do(t, desk, checks.Debt, op.None{})
		if owed.Exceptions != 1 || owed.Days != 3 || owed.Items[0].ID != w.ID || owed.Items[0].Failing != 1 {
			t.Errorf("three days after its end: %+v", owed)
		}
		approved(t, second, next)
		if owed := optest.Do(t, desk, checks.Debt, op.None{}); owed.Exceptions != 0 {
			t.Errorf("renewed, and still owed: %+v", owed)
		}
		var what []string
		for _, p := range get(w).Past {
			what = append(what, p.What)
		}
		if got := strings.Join(what, " "); got != "asked approved warned last_warned renewed expired" {
			t.Errorf("what happened: %s", got)
		}
	})
}

func TestSeveralExceptionsEndTogetherOrNotAtAll(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b, second := newBench(t, desk), optest.Member(t, desk, auth.Lead)
		b.show(map[string]any{"a": false, "b": false})
		ends := desk.Clock.Now().Add(24 * time.Hour)
		x, y := waive(t, desk, second, checks.Waive{Key: "a", Ends: ends}), waive(t, desk, second, checks.Waive{Key: "b", Ends: ends})
		if _, err := checks.EndMany.Do(t.Context(), desk, checks.WaiverRefs{IDs: []string{string(x.ID), strings.Repeat("x", 5)}}); err == nil {
			t.Error("a name that is none was accepted")
		}
		if stands(t, desk, x).State != checks.WaiverInForce {
			t.Error("half of them was ended")
		}
		if got := optest.Do(t, desk, checks.EndMany, checks.WaiverRefs{IDs: []string{string(x.ID), string(y.ID), string(x.ID)}}); got.Count != 2 {
			t.Errorf("%d were ended", got.Count)
		}
		if n := len(optest.Do(t, desk, checks.Exceptions, checks.WaiverFilter{State: "open"}).Items); n != 0 {
			t.Errorf("%d are open", n)
		}
		page := optest.Do(t, desk, checks.Exceptions, checks.WaiverFilter{Limit: 1})
		if len(page.Items) != 1 || page.Total != 2 || page.Next == "" {
			t.Errorf("a page of one: %+v", page)
		}
		if rest := optest.Do(t, desk, checks.Exceptions, checks.WaiverFilter{Limit: 1, After: page.Next}); len(rest.Items) != 1 || rest.Next != "" || rest.Items[0].ID == page.Items[0].ID {
			t.Errorf("the page after: %+v", rest)
		}
	})
}

func TestAStretchSaysWhatHappened(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b, second := newBench(t, desk), optest.Member(t, desk, auth.Lead)
		b.show(map[string]any{"a": true, "b": true, "c": nil})
		from := desk.Clock.Now()
		b.show(map[string]any{"a": false, "b": true, "c": nil})
		failed := desk.Clock.Now()
		b.show(map[string]any{"a": false, "b": false, "c": true})
		w := waive(t, desk, second, checks.Waive{Key: "b", Ends: desk.Clock.Now().Add(24 * time.Hour)})
		optest.Clock(desk).Advance(time.Hour)
		got := optest.Do(t, desk, checks.Explain, checks.Stretch{Check: ownID, From: from, To: desk.Clock.Now(), Limit: 1})
		if len(got.Checks) != 1 || len(got.Exceptions) != 1 || got.Exceptions[0].ID != w.ID {
			t.Fatalf("%+v", got)
		}
		j := got.Checks[0]
		if j.Failing != 2 || j.Unknown != 1 || len(j.Resources) != 1 || j.Next == "" || j.RunCount != 3 || len(j.Runs) != 3 {
			t.Errorf("%+v", j)
		}
		a := j.Resources[0]
		if a.Key != "a" || !a.From.Equal(failed) || !a.To.IsZero() || a.Reason != "a has no firewall" || a.Run == "" || a.Entry == 0 || a.Waived != "" {
			t.Errorf("a: %+v", a)
		}
		rest := optest.Do(t, desk, checks.Explain, checks.Stretch{Check: ownID, From: from, To: desk.Clock.Now(), Limit: 1, After: j.Next}).Checks[0]
		if len(rest.Resources) != 1 || rest.Resources[0].Key != "b" || rest.Resources[0].Waived != w.ID || rest.Next != "" {
			t.Errorf("the page after: %+v", rest.Resources)
		}
		for _, r := range j.Runs {
			if r.Entry == 0 || r.Evidence == "" || r.Proof == 0 {
				t.Errorf("a run without its entry or evidence: %+v", r)
			}
		}
		unclear := optest.Do(t, desk, checks.Explain, checks.Stretch{Check: ownID, From: from, To: failed, Status: "unknown"}).Checks[0]
		if len(unclear.Resources) != 1 || unclear.Resources[0].Reason != "only root may ask" || unclear.Failing != 0 {
			t.Errorf("what was unknown before: %+v", unclear)
		}
		if _, err := checks.Explain.Do(t.Context(), desk, checks.Stretch{Check: ownID, From: from, To: from}); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("no time at all: %v", err)
		}
		if _, err := checks.Explain.Do(t.Context(), desk, checks.Stretch{Check: ownID, From: from, To: desk.Clock.Now(), After: "x"}); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("a cursor that is none: %v", err)
		}
		if _, err := checks.Explain.Do(t.Context(), optest.Found(t, desk.Engine, "Other"), checks.Stretch{Check: ownID, From: from, To: desk.Clock.Now()}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("another organization: %v", err)
		}
	})
}
