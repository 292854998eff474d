package tasks_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/tasks"
)

func add(t *testing.T, desk *op.Desk, w tasks.Wish) tasks.Task {
	t.Helper()
	x, err := tasks.Create.Do(t.Context(), desk, w)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func listed(t *testing.T, desk *op.Desk, f tasks.Filter) []tasks.Task {
	t.Helper()
	var out []tasks.Task
	for {
		p, err := tasks.List.Do(t.Context(), desk, f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p.Items...)
		if p.Next == "" {
			if int(p.Total) != len(out) {
				t.Errorf("the list says %d and has %d", p.Total, len(out))
			}
			return out
		}
		f.After = p.Next
	}
}

func titles(list []tasks.Task) []string {
	out := []string{}
	for _, x := range list {
		out = append(out, x.Title)
	}
	return out
}

func told(t *testing.T, desk *op.Desk) []string {
	t.Helper()
	p, err := notify.List.Do(t.Context(), desk, notify.Filter{Unread: true})
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, n := range p.Items {
		out = append(out, n.Kind+": "+n.Text)
	}
	slices.Sort(out)
	return out
}

func work(t *testing.T, desk *op.Desk) {
	t.Helper()
	if _, err := job.NewRunner(desk.Engine, []job.Worker{tasks.Worker()}, 4).Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestTasksAreListedNobodysFirstThenByDay(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		me := string(desk.Actor.User)
		add(t, desk, tasks.Wish{Title: "without a day", Owner: me})
		add(t, desk, tasks.Wish{Title: "later", Owner: me, Due: "2026-12-24"})
		add(t, desk, tasks.Wish{Title: "soon", Owner: me, Due: "2026-11-23", Text: "About the Firewall"})
		add(t, desk, tasks.Wish{Title: "nobody's", Due: "2027-01-01"})
		same(t, "order", []string{"nobody's", "soon", "later", "without a day"}, titles(listed(t, desk, tasks.Filter{Limit: 1})))
		for name, c := range map[string]struct {
			f    tasks.Filter
			want []string
		}{
			"mine":       {tasks.Filter{Mine: true}, []string{"soon", "later", "without a day"}},
			"nobody's":   {tasks.Filter{Owner: "nobody"}, []string{"nobody's"}},
			"due before": {tasks.Filter{DueBefore: "2026-12-24"}, []string{"soon"}},
			"words":      {tasks.Filter{Search: "the  FIREWALL"}, []string{"soon"}},
			"no such":    {tasks.Filter{Search: "%"}, []string{}},
			"done":       {tasks.Filter{State: "done"}, []string{}},
		} {
			same(t, name, c.want, titles(listed(t, desk, c.f)))
		}
	})
}

func TestTaskGoesThroughItsLife(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		bo := optest.Member(t, desk, auth.Lead)
		x := add(t, desk, tasks.Wish{Title: "Rotate the key", Owner: string(bo.Actor.User), Due: "2026-12-01"})
		same(t, "the owner is told", []string{"task_assigned: Yours to do: Rotate the key, by 1 Dec 2026"}, told(t, bo))
		ids := []string{string(x.ID)}
		if _, err := tasks.Reschedule.Do(t.Context(), bo, tasks.Move{IDs: ids, Due: "2026-12-05"}); err != nil {
			t.Fatal(err)
		}
		if _, err := tasks.Complete.Do(t.Context(), bo, tasks.Choice{IDs: ids}); err != nil {
			t.Fatal(err)
		}
		same(t, "who added it is told", []string{"task_settled: It is done: Rotate the key"}, told(t, desk))
		if _, err := tasks.Complete.Do(t.Context(), bo, tasks.Choice{IDs: ids}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("done twice: %v", err)
		}
		if _, err := tasks.Reopen.Do(t.Context(), desk, tasks.Ref{ID: ids[0]}); err != nil {
			t.Fatal(err)
		}
		if _, err := tasks.Assign.Do(t.Context(), desk, tasks.Assignment{IDs: ids}); err != nil {
			t.Fatal(err)
		}
		got, err := tasks.Drop.Do(t.Context(), desk, tasks.Dropping{ID: ids[0], Reason: "The key is gone."})
		if err != nil {
			t.Fatal(err)
		}
		var what []string
		last := int64(1 << 40)
		for _, e := range got.History {
			what = append(what, e.What)
			if e.Entry >= last || e.Entry <= 0 {
				t.Errorf("%q has entry %d after %d", e.What, e.Entry, last)
			}
			last = e.Entry
		}
		same(t, "history", []string{"dropped: The key is gone.", "given to nobody", "opened again", "done", "moved to 2026-12-05", "added"}, what)
		if got.State != tasks.Dropped || got.Reason != "The key is gone." || got.Owner != "" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestTaskRefuses(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		other := optest.Found(t, desk.Engine, "Other")
		theirs := add(t, other, tasks.Wish{Title: "theirs"})
		for name, c := range map[string]struct {
			w     tasks.Wish
			field string
		}{
			"no title":              {tasks.Wish{Title: "  "}, "title"},
			"a stranger as owner":   {tasks.Wish{Title: "x", Owner: string(other.Actor.User)}, "owner"},
			"no such day":           {tasks.Wish{Title: "x", Due: "2026-02-30"}, "due"},
			"recurring without day": {tasks.Wish{Title: "x", Unit: "week"}, "due"},
			"every without unit":    {tasks.Wish{Title: "x", Due: "2026-12-01", Every: 2}, "unit"},
			"escalates to nobody":   {tasks.Wish{Title: "x", Due: "2026-12-01", Escalate: 2}, "escalate_to"},
			"an object of no kind":  {tasks.Wish{Title: "x", Object: "zzz_01234567890123456789012345"}, "object"},
			"an object not here":    {tasks.Wish{Title: "x", Object: "ctl_01234567890123456789012345"}, "object"},
		} {
			_, err := tasks.Create.Do(t.Context(), desk, c.w)
			if f := fault.As(err); f == nil || f.Kind != fault.KindInvalid || f.Field != c.field {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := tasks.Create.Do(t.Context(), desk, tasks.Wish{Title: "x", Object: string(theirs.ID)}); err == nil {
			t.Error("a task of another organization is taken as an object")
		}
		for _, act := range []func() error{
			func() error { _, err := tasks.Get.Do(t.Context(), desk, tasks.Ref{ID: string(theirs.ID)}); return err },
			func() error {
				_, err := tasks.Complete.Do(t.Context(), desk, tasks.Choice{IDs: []string{string(theirs.ID)}})
				return err
			},
		} {
			if err := act(); fault.KindOf(err) != fault.KindNotFound {
				t.Errorf("another organization's task: %v", err)
			}
		}
	})
}

func TestEmployeeSeesOwnTasksAndThoseTheyMade(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		eve := optest.Member(t, desk, auth.Employee)
		secret := add(t, desk, tasks.Wish{Title: "not hers"})
		add(t, desk, tasks.Wish{Title: "hers to do", Owner: string(eve.Actor.User)})
		add(t, eve, tasks.Wish{Title: "asked by her", Owner: string(desk.Actor.User)})
		same(t, "she sees", []string{"asked by her", "hers to do"}, sorted(titles(listed(t, eve, tasks.Filter{State: "any"}))))
		same(t, "the owner sees", 3, len(listed(t, desk, tasks.Filter{})))
		ref := string(secret.ID)
		for name, act := range map[string]func() error{
			"get": func() error { _, err := tasks.Get.Do(t.Context(), eve, tasks.Ref{ID: ref}); return err },
			"done": func() error {
				_, err := tasks.Complete.Do(t.Context(), eve, tasks.Choice{IDs: []string{ref}})
				return err
			},
			"assign": func() error {
				_, err := tasks.Assign.Do(t.Context(), eve, tasks.Assignment{IDs: []string{ref}})
				return err
			},
			"say": func() error {
				_, err := tasks.Say.Do(t.Context(), eve, tasks.Saying{Object: ref, Text: "x"})
				return err
			},
			"read": func() error { _, err := tasks.Comments.Do(t.Context(), eve, tasks.Thread{Object: ref}); return err },
		} {
			if err := act(); fault.KindOf(err) != fault.KindNotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		c := adopt(t, desk)
		if _, err := tasks.Comments.Do(t.Context(), eve, tasks.Thread{Object: string(c.ID)}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("an employee reads what is said of a control: %v", err)
		}
		if _, err := tasks.Say.Do(t.Context(), desk, tasks.Saying{Object: string(c.ID), Text: "@" + eve.Actor.Name + " look"}); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("somebody who may not look is called: %v", err)
		}
	})
}

func sorted(s []string) []string { slices.Sort(s); return s }

func adopt(t *testing.T, desk *op.Desk) controls.Control {
	t.Helper()
	lib, err := controls.Library()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := controls.Adopt.Do(t.Context(), desk, controls.Adoption{Codes: []string{lib[0].Code}}); err != nil {
		t.Fatal(err)
	}
	c, err := controls.Get.Do(t.Context(), desk, controls.Ref{ID: lib[0].Code})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRecurringTaskLeavesWhatWasMissed(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		bo := optest.Member(t, desk, auth.Lead)
		first := add(t, desk, tasks.Wish{Title: "Review access", Owner: string(bo.Actor.User), Due: "2026-11-30", Every: 1, Unit: "month",
			Remind: 3, Escalate: 5, EscalateTo: string(desk.Actor.User)})
		days := func(f tasks.Filter) (out []string) {
			for _, x := range listed(t, desk, f) {
				s := x.Due + " " + x.State
				if !x.Missed.IsZero() {
					s += " missed"
				}
				out = append(out, s)
			}
			slices.Sort(out)
			return out
		}
		optest.Clock(desk).Advance(6*24*time.Hour - 3*time.Hour) // 27 November, 06:00
		work(t, desk)
		if !slices.Contains(told(t, bo), "task_due: Due 2026-11-30: Review access") {
			t.Errorf("three days ahead: %v", told(t, bo))
		}
		optest.Clock(desk).Advance(8 * 24 * time.Hour) // 5 December: nothing ran meanwhile
		work(t, desk)
		same(t, "after its day", []string{"2026-11-30 open missed", "2026-12-30 open"}, days(tasks.Filter{State: "any"}))
		if got := told(t, desk); !slices.Contains(got, "task_escalated: 5 days overdue, and given to Example compliance_lead: Review access") {
			t.Errorf("escalated: %v", got)
		}
		if got := told(t, bo); !slices.Contains(got, "task_overdue: Missed on 2026-11-30, and the next one began: Review access") {
			t.Errorf("overdue: %v", got)
		}
		if _, err := tasks.Complete.Do(t.Context(), bo, tasks.Choice{IDs: []string{string(first.ID)}}); err != nil {
			t.Fatal(err)
		}
		same(t, "done late, it stays missed", []string{"2026-11-30 done missed", "2026-12-30 open"}, days(tasks.Filter{State: "any"}))
		same(t, "the filter", []string{"2026-11-30 done missed"}, days(tasks.Filter{State: "missed"}))
		next := listed(t, desk, tasks.Filter{})[0]
		if _, err := tasks.Complete.Do(t.Context(), bo, tasks.Choice{IDs: []string{string(next.ID)}}); err != nil {
			t.Fatal(err)
		}
		same(t, "done ahead of its day", []string{"2026-11-30 done missed", "2026-12-30 done", "2027-01-30 open"}, days(tasks.Filter{State: "any"}))
		optest.Clock(desk).Advance(90 * 24 * time.Hour) // an outage over several occurrences
		for range 6 {
			work(t, desk)
		}
		same(t, "each missed one is there", []string{"2026-11-30 done missed", "2026-12-30 done", "2027-01-30 open missed", "2027-02-28 open missed", "2027-03-30 open"},
			days(tasks.Filter{State: "any"}))
		last := listed(t, desk, tasks.Filter{DueBefore: "2027-04-01"})
		if _, err := tasks.Drop.Do(t.Context(), desk, tasks.Dropping{ID: string(last[len(last)-1].ID), Reason: "no longer", Series: true}); err != nil {
			t.Fatal(err)
		}
		same(t, "the series ends", 2, len(listed(t, desk, tasks.Filter{})))
	})
}

func TestLateTaskIsToldOnceAWeek(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		bo := optest.Member(t, desk, auth.Lead)
		add(t, desk, tasks.Wish{Title: "Once", Owner: string(bo.Actor.User), Due: "2026-11-23"})
		count := map[string]int{}
		for range 24 * 24 { // hours
			optest.Clock(desk).Advance(time.Hour)
			work(t, desk)
		}
		p, err := notify.List.Do(t.Context(), bo, notify.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range p.Items {
			count[n.Kind]++
		}
		same(t, "told in 24 days", map[string]int{"task_assigned": 1, "task_due": 1, "task_overdue": 4}, count)
	})
}

func TestSearchTakesNoPatterns(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		add(t, desk, tasks.Wish{Title: strings.Repeat("a", 200), Text: "100% _ and '"})
		for _, q := range []string{"100%", "_", "'"} {
			same(t, q, 1, len(listed(t, desk, tasks.Filter{Search: q})))
		}
		same(t, "a%b", 0, len(listed(t, desk, tasks.Filter{Search: "a%_"})))
	})
}

func TestBulkIsAllOrNothing(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		var ids []string
		for i := range 5 {
			ids = append(ids, string(add(t, desk, tasks.Wish{Title: fmt.Sprint(i)}).ID))
		}
		if _, err := tasks.Complete.Do(t.Context(), desk, tasks.Choice{IDs: ids[:1]}); err != nil {
			t.Fatal(err)
		}
		if _, err := tasks.Complete.Do(t.Context(), desk, tasks.Choice{IDs: ids}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("one of them is done: %v", err)
		}
		same(t, "nothing changed", 4, len(listed(t, desk, tasks.Filter{})))
		n, err := tasks.Assign.Do(t.Context(), desk, tasks.Assignment{IDs: ids[1:], Owner: string(desk.Actor.User)})
		if err != nil || n.Touched != 4 {
			t.Errorf("%v, %v", n, err)
		}
	})
}
