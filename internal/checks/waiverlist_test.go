package checks_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// TestExceptionsArePaged makes some of each state, two of which end at the
// same instant, and reads them in parts of every size.
func TestExceptionsArePaged(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b, second := newBench(t, desk), optest.Member(t, desk, auth.Lead)
		b.show(map[string]any{"a": false})
		day := 24 * time.Hour
		ask := func(n int) checks.Waiver {
			return optest.Do(t, desk, checks.Except, checks.Waive{Check: ownID, Key: fmt.Sprint("k", n), Reason: "Replaced next week.", Ends: desk.Clock.Now().Add(time.Duration(n) * day)})
		}
		var want []string
		states := map[checks.WaiverState][]checks.Waiver{}
		put := func(s checks.WaiverState, w checks.Waiver) { states[s] = append(states[s], w) }
		for _, n := range []int{1, 2, 2} {
			put(checks.WaiverExpired, approved(t, second, ask(n)))
		}
		put(checks.WaiverExpired, ask(3)) // nobody approved it
		optest.Clock(desk).Advance(4 * day)
		for _, n := range []int{30, 5, 5, 12} {
			put(checks.WaiverInForce, approved(t, second, ask(n)))
			put(checks.WaiverPending, ask(n))
			w := ask(n)
			optest.Clock(desk).Advance(time.Minute)
			optest.Do(t, desk, checks.EndExcept, checks.WaiverRef{ID: string(w.ID)})
			put(checks.WaiverEnded, w)
		}
		list := func(in checks.WaiverFilter) op.Page[checks.Waiver] {
			return optest.Do(t, second, checks.Exceptions, in)
		}
		order := []checks.WaiverState{checks.WaiverInForce, checks.WaiverPending, checks.WaiverEnded, checks.WaiverExpired}
		for i, w := range list(checks.WaiverFilter{}).Items {
			want = append(want, string(w.ID))
			if !slices.ContainsFunc(states[w.State], func(x checks.Waiver) bool { return x.ID == w.ID }) {
				t.Errorf("%s is listed as %s", w.ID, w.State)
			}
			if i > 0 {
				before := list(checks.WaiverFilter{}).Items[i-1]
				a, b := slices.Index(order, before.State), slices.Index(order, w.State)
				if a > b || a == b && b < 2 && before.Ends.After(w.Ends) || a == b && b == 2 && before.Ended.Before(w.Ended) || a == b && b == 3 && before.Ends.Before(w.Ends) {
					t.Errorf("%s, %s stands before %s, %s", before.State, before.Ends, w.State, w.Ends)
				}
			}
		}
		if len(want) != 16 {
			t.Fatalf("%d are listed, want 16", len(want))
		}
		for size := 1; size <= 17; size++ {
			var got []string
			for after, more := "", true; more; {
				p := list(checks.WaiverFilter{Limit: size, After: after})
				for _, w := range p.Items {
					got = append(got, string(w.ID))
				}
				if p.Total != 16 {
					t.Fatalf("a part says there are %d", p.Total)
				}
				after, more = p.Next, p.Next != ""
			}
			if !slices.Equal(got, want) {
				t.Errorf("in parts of %d: %v, want %v", size, got, want)
			}
		}
		for _, c := range []struct {
			in   checks.WaiverFilter
			want int64
		}{{checks.WaiverFilter{State: "open"}, 8}, {checks.WaiverFilter{State: "expired"}, 4}, {checks.WaiverFilter{Mine: true}, 4}, {checks.WaiverFilter{Mine: true, State: "ended"}, 0},
			{checks.WaiverFilter{Ending: 6}, 2}, {checks.WaiverFilter{Check: ownID, State: "ended"}, 4}, {checks.WaiverFilter{Check: "none.such"}, 0}} {
			p := list(c.in)
			if p.Total != c.want || int64(len(p.Items)) != c.want {
				t.Errorf("%+v: %d of %d, want %d", c.in, len(p.Items), p.Total, c.want)
			}
		}
		if p := optest.Do(t, desk, checks.Exceptions, checks.WaiverFilter{Mine: true}); p.Total != 0 {
			t.Errorf("who asked may approve %d", p.Total)
		}
		for _, after := range []string{"x", "in_force 0 0 exc_1", "none 0 0 " + want[0], want[0]} {
			if _, err := checks.Exceptions.Do(t.Context(), second, checks.WaiverFilter{After: after}); fault.KindOf(err) != fault.KindInvalid {
				t.Errorf("after %q: %v", after, err)
			}
		}
	})
}

// TestWhoIsAloneSeesWhatWaits follows the rule of three days.
func TestWhoIsAloneSeesWhatWaits(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := newBench(t, desk)
		b.show(map[string]any{"a": false})
		w := optest.Do(t, desk, checks.Except, checks.Waive{Check: ownID, Key: "a", Reason: "Replaced next week.", Ends: desk.Clock.Now().Add(20 * 24 * time.Hour)})
		for _, step := range []struct {
			at   time.Duration
			want int64
		}{{time.Minute, 0}, {w.AloneFrom.Sub(w.Asked) - 2*time.Minute, 0}, {time.Minute, 1}} {
			optest.Clock(desk).Advance(step.at)
			p := optest.Do(t, desk, checks.Exceptions, checks.WaiverFilter{Mine: true})
			if p.Total != step.want || (len(p.Items) == 1) != (step.want == 1) {
				t.Errorf("%s after it was asked for: %d wait", desk.Clock.Now().Sub(w.Asked), p.Total)
			}
		}
	})
}
