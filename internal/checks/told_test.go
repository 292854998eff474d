package checks_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/tasks"
)

func TestAStretchSaysWhoWasTold(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b, second := newBench(t, desk), optest.Member(t, desk, auth.Lead)
		object := "check:" + ownID
		optest.Do(t, desk, tasks.Say, tasks.Saying{Object: object, Text: "Long before."})
		b.show(map[string]any{"a": true})
		optest.Clock(desk).Advance(time.Hour)
		from := desk.Clock.Now()
		b.show(map[string]any{"a": false})
		told := func() []checks.Telling {
			t.Helper()
			return optest.Do(t, desk, checks.Explain, checks.Stretch{Check: ownID, From: from, To: desk.Clock.Now().Add(time.Minute)}).Told
		}
		if got := told(); len(got) != 0 {
			t.Errorf("before anybody said anything: %+v", got)
		}
		task := optest.Do(t, desk, tasks.Create, tasks.Wish{Title: "Turn it on", Object: object, Owner: string(second.Actor.User)})
		optest.Clock(desk).Advance(time.Minute)
		optest.Do(t, desk, tasks.Say, tasks.Saying{Object: string(b.source.ID), Text: "@" + second.Actor.Name + " is this yours?"})
		optest.Clock(desk).Advance(time.Minute)
		optest.Do(t, desk, tasks.Say, tasks.Saying{Object: "check:git.commit.signed", Text: "Something else."})
		w := waive(t, desk, second, checks.Waive{Key: "a", Ends: desk.Clock.Now().Add(24 * time.Hour)})
		optest.Clock(desk).Advance(time.Minute)
		var lines []string
		for _, x := range told() {
			lines = append(lines, fmt.Sprintf("%s %s>%s %s", x.By, x.From, x.To, x.Text))
			if x.At.Before(from) || !strings.HasPrefix(x.Href, "/") {
				t.Errorf("%+v", x)
			}
		}
		me, them := desk.Actor.Name, second.Actor.Name
		want := []string{"task " + me + ">" + them + " Turn it on", "notice >" + them + " A task was given to somebody", "comment " + me + "> @" + them + " is this yours?",
			"notice >" + them + " A comment mentions somebody", "exception " + me + ">" + w.Owner + " Asked for an exception: Replaced next week.",
			"exception " + them + ">" + me + " Approved the exception until " + w.Ends.Format("2 January 2006")}
		if strings.Join(lines, "\n") != strings.Join(want, "\n") {
			t.Errorf("told:\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
		}
		// What is done later is said of the task; what comes long after belongs to another time.
		optest.Do(t, second, tasks.Complete, tasks.Choice{IDs: []string{string(task.ID)}})
		to := desk.Clock.Now()
		optest.Clock(desk).Advance(8 * 24 * time.Hour)
		optest.Do(t, desk, tasks.Say, tasks.Saying{Object: object, Text: "Long after."})
		got := optest.Do(t, desk, checks.Explain, checks.Stretch{Check: ownID, From: from, To: to}).Told
		if len(got) < len(want) || got[0].Text != "Turn it on, done" {
			t.Errorf("later: %+v", got)
		}
		for _, x := range got {
			if strings.HasPrefix(x.Text, "Long") {
				t.Errorf("of another time: %+v", x)
			}
		}
	})
}
