package checks_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/tasks"
)

// rest puts a control in force that rests on the check, and on no other.
func (b *bench) rest(owner *op.Desk, code string) controls.Control {
	b.t.Helper()
	if code == "NET-01" {
		optest.Do(b.t, b.Desk, checks.Retire, checks.Reasoned{ID: "host.firewall.active", Reason: "Our own check says the same."})
	}
	return optest.Do(b.t, b.Desk, controls.Create, controls.Own{Code: code, Title: "Machines are shielded", Text: "Each machine has a firewall.",
		Criteria: []string{"CC6.6"}, Frequency: "continuous", Owner: string(owner.Actor.User)})
}

// next shows something on the following day: of one thing people are told once
// a day.
func (b *bench) next(machines map[string]any) {
	b.t.Helper()
	optest.Clock(b.Desk).Advance(24 * time.Hour)
	b.show(machines)
}

// heard are the notices of somebody since they were asked for last, the oldest
// first.
func heard(t *testing.T, desk *op.Desk) []string {
	t.Helper()
	out := []string{}
	for _, n := range optest.Do(t, desk, notify.List, notify.Filter{Unread: true, Limit: 100}).Items {
		out = append(out, n.Kind+" "+n.Text)
		if !strings.HasPrefix(n.Link, "/") || n.Object == "" {
			t.Errorf("%+v", n)
		}
	}
	slices.Reverse(out)
	optest.Do(t, desk, notify.MarkRead, notify.Reading{All: true})
	return out
}

func says(t *testing.T, when string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n%s\nwant\n%s", when, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestThoseWhoOwnAControlAreToldWhenItsCheckTurns(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b, keeper, other := newBench(t, desk), optest.Member(t, desk, auth.ControlOwner), optest.Member(t, desk, auth.Lead)
		on, off, dark := map[string]any{"a": true, "b": true}, map[string]any{"a": true, "b": false}, map[string]any{"a": true, "b": nil}
		b.show(on)
		b.next(off)
		says(t, "no control rests on it", heard(t, keeper))
		b.next(on)
		b.rest(keeper, "NET-01")
		b.next(on)
		says(t, "it passes", heard(t, keeper))

		const fails = "check_failing “The firewall is on” begins to fail: 1 of 2 machines have no firewall (main)"
		from := desk.Clock.Now()
		b.next(off)
		says(t, "it fails", heard(t, keeper), fails)
		b.next(map[string]any{"a": false, "b": false})
		says(t, "it goes on failing, of another machine too", heard(t, keeper))

		list := optest.Do(t, desk, checks.Explain, checks.Stretch{Check: ownID, From: from, To: desk.Clock.Now()}).Told
		if len(list) != 1 || list[0].By != checks.ByNotice || list[0].To != keeper.Actor.Name || list[0].Text != "A check began to fail" {
			t.Errorf("the calendar says that these were told: %+v", list)
		}

		b.next(on)
		says(t, "it is mended", heard(t, keeper), "check_mended “The firewall is on” passes again (main)")
		b.next(dark)
		says(t, "nobody can tell", heard(t, keeper), "check_unknown “The firewall is on” becomes unknown: 1 of 2 could not be judged: only root may ask (main)")
		b.next(on)
		says(t, "it passes as before", heard(t, keeper))
		b.next(dark)
		heard(t, keeper)
		b.next(off)
		says(t, "it fails after nobody could tell", heard(t, keeper), fails)
		b.next(dark)
		heard(t, keeper)
		b.next(on)
		says(t, "it is mended after nobody could tell", heard(t, keeper), "check_mended “The firewall is on” passes again (main)")
		says(t, "who has nothing to do with it", heard(t, other))

		optest.Do(t, other, tasks.Say, tasks.Saying{Object: "check:" + ownID, Text: "I look after the new machines."})
		optest.Clock(desk).Advance(desk.Clock.Now().Add(24 * time.Hour).Truncate(24 * time.Hour).Sub(desk.Clock.Now())) // to midnight
		b.show(off)
		says(t, "who takes part", heard(t, other), fails)
		b.show(on)
		b.show(off)
		says(t, "twice in a day", heard(t, other), "check_mended “The firewall is on” passes again (main)")
	})
}

// What was seen before is judged again when a control is adopted or a rule is
// changed: that is no news.
func TestWhatIsJudgedAgainTellsNobody(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b, keeper := newBench(t, desk), optest.Member(t, desk, auth.ControlOwner)
		b.rest(keeper, "NET-01")
		b.show(map[string]any{"b": false})
		b.next(map[string]any{"b": true})
		if n := len(heard(t, keeper)); n != 1 {
			t.Fatalf("%d notices, want 1", n)
		}
		again := func() {
			t.Helper()
			optest.Clock(desk).Advance(24 * time.Hour)
			evaluateLatest(t, b)
		}
		again()
		b.rest(keeper, "NET-02")
		again()
		says(t, "judged again", heard(t, keeper))
		optest.Do(t, desk, checks.Update, checks.Change{ID: ownID, YAML: stricter, Digest: b.check().Digest, Why: "b may not be there."})
		again()
		if n := b.check().Failing; n != 1 {
			t.Fatalf("by the other rule %d machines fail, want 1", n)
		}
		says(t, "judged by another rule", heard(t, keeper))
	})
}

func TestWhatIsUnderAnExceptionTellsNobody(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b, keeper, second := newBench(t, desk), optest.Member(t, desk, auth.ControlOwner), optest.Member(t, desk, auth.Lead)
		b.rest(keeper, "NET-01")
		b.show(map[string]any{"a": true, "b": true})
		waive(t, desk, second, checks.Waive{Key: "a", Ends: desk.Clock.Now().Add(72 * time.Hour)})
		heard(t, keeper)
		b.next(map[string]any{"a": false, "b": true})
		says(t, "what fails is waived", heard(t, keeper))
		b.next(map[string]any{"a": true, "b": true})
		says(t, "what was waived is mended", heard(t, keeper))
		b.show(map[string]any{"a": false, "b": false})
		if got := heard(t, keeper); len(got) != 1 || !strings.HasPrefix(got[0], "check_failing") {
			t.Errorf("more fails than is waived: %q", got)
		}
	})
}

func TestManyChecksThatTurnAtOnceAreOneNotice(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b, keeper := newBench(t, desk), optest.Member(t, desk, auth.ControlOwner)
		b.rest(keeper, "NET-01")
		for i := range 4 {
			name := fmt.Sprintf("own.machine.firewall-%d", i)
			text := strings.NewReplacer("id: "+ownID, "id: "+name, "The firewall is on", fmt.Sprintf("Firewall %d is on", i), "severity: high", "severity: low").Replace(ownCheck)
			optest.Do(t, desk, checks.Create, checks.Authored{YAML: text})
		}
		b.show(map[string]any{"a": true})
		from := desk.Clock.Now()
		b.next(map[string]any{"a": false})
		says(t, "five fail", heard(t, keeper), "check_failing Five checks begin to fail: “The firewall is on”, “Firewall 0 is on” and three others (main)")
		list := optest.Do(t, desk, checks.Explain, checks.Stretch{Check: "own.machine.firewall-3", From: from, To: desk.Clock.Now().Add(time.Minute)}).Told
		if len(list) != 1 || list[0].Text != "A check began to fail" {
			t.Errorf("the calendar of one of them says that these were told: %+v", list)
		}
	})
}

// drain does the looks that are due.
func drain(t *testing.T, desk *op.Desk) {
	t.Helper()
	if _, err := job.NewRunner(desk.Engine, []job.Worker{checks.LookWorker(), sources.LookWorker()}, 2).Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestWhatOnlyTimeMakesUnknownIsToldOnce(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b, keeper := newBench(t, desk), optest.Member(t, desk, auth.ControlOwner)
		b.rest(keeper, "NET-01")
		b.show(map[string]any{"a": true})
		optest.Clock(desk).Advance(20 * time.Hour)
		b.show(map[string]any{"a": true})
		last := desk.Clock.Now()
		optest.Clock(desk).Advance(25 * time.Hour)
		drain(t, desk)
		says(t, "it was read in time", heard(t, keeper))
		optest.Clock(desk).Advance(time.Hour)
		drain(t, desk)
		want := "check_unknown “The firewall is on” becomes unknown: the source has been silent since " + last.Format("2 January 2006 15:04 UTC") + " (main)"
		says(t, "it was not read any more", heard(t, keeper), want)
		for range 3 {
			optest.Clock(desk).Advance(24 * time.Hour)
			drain(t, desk)
			if next, err := checks.LookAt(t.Context(), desk.Engine, desk.Org, b.source.ID); err != nil || !next.IsZero() {
				t.Errorf("a look later: next at %s, %v", next, err)
			}
		}
		says(t, "days later", heard(t, keeper))
		b.show(map[string]any{"a": true})
		says(t, "it is read again", heard(t, keeper))
		optest.Clock(desk).Advance(27 * time.Hour)
		drain(t, desk)
		if got := heard(t, keeper); len(got) != 1 {
			t.Errorf("silent again: %q", got)
		}
	})
}
