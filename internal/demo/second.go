package demo

import (
	"context"
	"slices"
	"time"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/tasks"
	"github.com/tickmark/tickmark/internal/views"
)

// The capacity report of October was handed in as a picture that was cut, which
// the lead returned; the one that took its place was accepted.
const (
	capacity  = "CAP-01"
	cropped   = "Capacity is watched October 2026"
	readable  = "Capacity report October 2026, whole"
	whyReturn = "The picture ends above the row of the database. Hand in the whole report, with the day it was made."
)

// second is what a second person looks at, and how people want to be told.
func (s *Stage) second() []moment {
	out := []moment{
		{hour(2026, 7, 8, 15), s.accept("CAP-01")},
		{hour(2026, 7, 17, 10), s.accept("RCV-01")},
		{hour(2026, 10, 7, 9), s.sendBack},
		{hour(2026, 10, 8, 11), s.handInAgain},
		{hour(2026, 10, 9, 9), s.accept(capacity)},
		{hour(2026, 3, 25, 10), s.wishes},
		{hour(2026, 10, 7, 8), func(ctx context.Context) error {
			return must(ctx, s, "compliance_lead", views.Create, views.Saved{List: "evidence", Name: "Nobody reviewed it yet", Query: "f.state=waiting&f.stands=1", Shared: true})
		}},
	}
	for _, x := range silences {
		out = append(out, moment{x.at, s.listen(x.feed)})
	}
	for d := date(2026, 1, 2); d.Before(today); d = d.AddDate(0, 1, 0) {
		out = append(out, moment{d.Add(8*time.Hour + 30*time.Minute), s.catchUp})
	}
	out = append(out, moment{hour(2026, 11, 16, 8), s.catchUp})
	for _, d := range mornings {
		out = append(out, moment{d.Add(6 * time.Hour), s.remind})
	}
	return out
}

// newest is the newest record of a control that stands.
func (s *Stage) newest(ctx context.Context, code string) (evidence.Record, error) {
	list, err := do(ctx, s, "compliance_lead", evidence.List, evidence.Filter{Control: string(s.controls[code]), Stands: true, Limit: 1})
	if err == nil && len(list.Items) == 0 {
		err = fault.NotFound("%s has no evidence", code)
	}
	if err != nil {
		return evidence.Record{}, err
	}
	return list.Items[0], nil
}

func (s *Stage) accept(code string) func(context.Context) error {
	return func(ctx context.Context) error {
		r, err := s.newest(ctx, code)
		if err != nil {
			return err
		}
		return must(ctx, s, "compliance_lead", evidence.Review, evidence.Judgement{ID: string(r.ID), Decision: evidence.Accepted})
	}
}

func (s *Stage) sendBack(ctx context.Context) error {
	r, err := s.newest(ctx, capacity)
	if err != nil {
		return err
	}
	if r.Title != cropped {
		return fault.Conflict("the newest record of %s is %q", capacity, r.Title)
	}
	return must(ctx, s, "compliance_lead", evidence.Review, evidence.Judgement{ID: string(r.ID), Decision: evidence.SentBack, Codes: []string{"EV13"}, Words: whyReturn, Task: true})
}

// handInAgain replaces what was returned, and settles the task that came of it.
func (s *Stage) handInAgain(ctx context.Context) error {
	old, err := s.newest(ctx, capacity)
	if err != nil {
		return err
	}
	desk := s.desks["control_owner"]
	text := "Capacity report, made on 6 October 2026. Room in each system: app 41 %, gateway 63 %, ledger-eu 38 %. Growth 2 % a month; more is needed in March.\n"
	sealed, err := s.Vault.Store(ctx, desk.Org, []byte(text), s.Engine.Clock.Now())
	if err != nil {
		return err
	}
	err = must(ctx, s, "control_owner", evidence.Submit, evidence.Submission{Blob: sealed.Address, Title: readable, MediaType: "text/plain", Origin: "handbook",
		Location: "handbook/capacity/2026-10", Account: "larchmere", Level: 5, Captured: hour(2026, 10, 8, 10), Controls: []string{string(s.controls[capacity])}, Supersedes: string(old.ID)})
	if err != nil {
		return err
	}
	list, err := do(ctx, s, "control_owner", tasks.List, tasks.Filter{Mine: true, Search: "Replace the record"})
	if err != nil {
		return err
	}
	for _, t := range list.Items {
		if err := must(ctx, s, "control_owner", tasks.Complete, tasks.Choice{IDs: []string{string(t.ID)}}); err != nil {
			return err
		}
	}
	return nil
}

// wishes are how three people want to be told.
func (s *Stage) wishes(ctx context.Context) error {
	err := must(ctx, s, "control_owner", notify.Update, notify.Wish{Daily: []string{"comment", "task_settled"}, QuietFrom: "19:00", QuietTo: "07:00", DigestAt: "08:00"})
	if err != nil {
		return err
	}
	err = must(ctx, s, "sponsor", notify.Update, notify.Wish{Weekly: []string{"comment", "task_due", "task_settled"}, DigestAt: "07:30", DigestDay: int64(time.Monday)})
	if err != nil {
		return err
	}
	return must(ctx, s, "operator", notify.Update, notify.Wish{Now: []string{"task_due", "task_overdue"}, Never: []string{"comment"}, DigestAt: "08:00"})
}

// mornings are the days on which something is to be said of a task: before its
// day, on it, after it, and when somebody else is told.
var mornings = daysOf(chores)

func daysOf(all []chore) []time.Time {
	var out []time.Time
	for _, x := range all {
		due, err := time.Parse(time.DateOnly, x.due)
		if err != nil {
			panic(err) // a day that was written here
		}
		days := []int{-1, 0, 1}
		if x.escalate > 0 {
			days = append(days, x.escalate)
		}
		if x.every == "quarter" {
			out = append(out, due.AddDate(0, 3, 0), due.AddDate(0, 6, -1), due.AddDate(0, 6, 0), due.AddDate(0, 6, 1))
		}
		for _, n := range days {
			out = append(out, due.AddDate(0, 0, n))
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	out = slices.Compact(out)
	return slices.DeleteFunc(out, func(d time.Time) bool { return !d.Before(today) })
}

// remind is the machine's share of a morning: it looks at the tasks whose day
// is near or has passed, as its jobs do where a server runs.
func (s *Stage) remind(ctx context.Context) error {
	before := s.Clock.Now().AddDate(0, 0, 2).Format(time.DateOnly)
	list, err := do(ctx, s, "compliance_lead", tasks.List, tasks.Filter{DueBefore: before, Limit: op.MaxLimit})
	if err != nil {
		return err
	}
	for _, t := range list.Items {
		if err := tasks.LookAt(ctx, s.Engine, s.client, t.ID); err != nil {
			return err
		}
	}
	return nil
}

// silences are when what a source showed last became too old for a check that a
// control rests on.
var silences = []struct {
	at   time.Time
	feed *feed
}{
	{time.Date(2026, 4, 3, 0, 1, 0, 0, time.UTC), &accountFeed},
	{time.Date(2026, 11, 16, 14, 1, 0, 0, time.UTC), &backupFeed},
	{time.Date(2026, 11, 18, 8, 31, 0, 0, time.UTC), &archiveFeed},
}

// listen is the machine's share of a silence: it tells of it, as its jobs do
// where a server runs.
func (s *Stage) listen(f *feed) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := checks.LookAt(ctx, s.Engine, s.client, s.feeds[f.name])
		return err
	}
}

// readers are those who read what they were told, once a month.
var readers = []string{"owner", "second_owner", "compliance_lead", "second_lead", "control_owner", "sponsor", "operator", "employee"}

func (s *Stage) catchUp(ctx context.Context) error {
	for _, who := range readers {
		if s.desks[who] == nil {
			continue
		}
		n, err := do(ctx, s, who, notify.Count, op.None{})
		if err == nil && n.Unread > 0 {
			err = must(ctx, s, who, notify.MarkRead, notify.Reading{All: true})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
