package readiness_test

import (
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/tasks"
)

// dueOf is the day of the act that fits.
func dueOf(t *testing.T, desk *op.Desk, fits func(readiness.Action) bool) string {
	t.Helper()
	for _, a := range picture(t, desk).Actions {
		if fits(a) {
			return a.Due
		}
	}
	t.Fatal("no such act")
	return ""
}

func TestAnActIsDueWhenATaskAboutItIsOrItsEvidenceWas(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		c := optest.Do(t, desk, controls.Create, controls.Own{Code: "OWN-02", Title: "Board", Text: "The board meets each quarter.", Criteria: []string{"CC1.2"}, Frequency: "quarterly", Key: true})
		c = optest.Do(t, desk, controls.Implement, controls.Statement{ID: c.Code, Text: "Minutes are in the archive.", Version: c.Version})
		of := func(a readiness.Action) bool { return a.Control == c.Code }
		if due := dueOf(t, desk, of); due != "" {
			t.Errorf("nothing says a day, and it is %s", due)
		}
		began := desk.Clock.Now()
		day := func(n int) string { return began.AddDate(0, 0, n).Format(time.DateOnly) }
		for _, n := range []int{9, 5, 40} {
			optest.Do(t, desk, tasks.Create, tasks.Wish{Title: "Look for the minutes", Object: string(c.ID), Due: day(n)})
		}
		if due := dueOf(t, desk, of); due != day(5) {
			t.Errorf("due %s, the earliest task is due %s", due, day(5))
		}
		bytes, err := desk.Vault.Store(t.Context(), desk.Org, []byte("minutes"), began)
		if err != nil {
			t.Fatal(err)
		}
		optest.Do(t, desk, evidence.Submit, evidence.Submission{Blob: bytes.Address, Title: "Minutes", Origin: "archive", Controls: []string{string(c.ID)}})
		for _, task := range optest.Do(t, desk, tasks.List, tasks.Filter{}).Items {
			optest.Do(t, desk, tasks.Complete, tasks.Choice{IDs: []string{string(task.ID)}})
		}
		optest.Clock(desk).Advance(150 * 24 * time.Hour)
		want := began.Add(evidence.Rhythm("quarterly")).Format(time.DateOnly)
		if due := dueOf(t, desk, of); due != want {
			t.Errorf("overdue since %s, and the act says %q", want, due)
		}
	})
}

func TestAnActOfACheckIsDueWithItsTaskAndAnExceptionWithItsEnd(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := optest.Do(t, desk, sources.Create, sources.Connection{Kind: "host", Name: "a"})
		optest.Do(t, desk, checks.Create, checks.Authored{YAML: ownCheck})
		show(t, desk, s, false)
		fix := func(a readiness.Action) bool { return a.Kind == readiness.Fix }
		failing := picture(t, desk).Actions[0].Check
		if due := dueOf(t, desk, fix); due != "" {
			t.Errorf("nothing says a day, and it is %s", due)
		}
		day := desk.Clock.Now().AddDate(0, 0, 3).Format(time.DateOnly)
		optest.Do(t, desk, tasks.Create, tasks.Wish{Title: "Turn it on", Object: checks.ObjectPrefix + ":" + failing, Due: day})
		if due := dueOf(t, desk, fix); due != day {
			t.Errorf("due %q, the task is due %s", due, day)
		}
		ends := desk.Clock.Now().Add(10 * 24 * time.Hour)
		w := optest.Do(t, desk, checks.Except, checks.Waive{Check: failing, Reason: "Replaced next week.", Ends: ends})
		optest.Do(t, optest.Member(t, desk, auth.Lead), checks.Approve, checks.WaiverRef{ID: string(w.ID)})
		if due := dueOf(t, desk, func(a readiness.Action) bool { return a.Exception == string(w.ID) }); due != ends.UTC().Format(time.DateOnly) {
			t.Errorf("the exception ends %s, and the act says %q", ends, due)
		}
	})
}
