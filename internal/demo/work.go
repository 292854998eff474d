package demo

import (
	"context"
	"time"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/tasks"
	"github.com/tickmark/tickmark/internal/views"
)

// A chore is a task of the year: who gave it to whom, and whether it was done.
type chore struct {
	given       time.Time
	by, to      string // seats; nobody does it yet if to is empty
	title, text string
	due         string
	about       string // a control's code, check: and a name, or nothing
	every       string // unit in which it comes again
	done        time.Time
	escalate    int // days overdue after which the owner of the company is told
}

// chores are what people gave each other to do. The review of access comes
// again each quarter: the third one was not done, which is why two criteria
// are not ready.
var chores = []chore{
	{hour(2025, 12, 9, 14), "control_owner", "second_lead", "Look back at the invoices that went out twice", "Causes, what was done, what changes.", "2025-12-19", "INC-81", "", hour(2025, 12, 15, 16), 0},
	{hour(2026, 2, 18, 9), "compliance_lead", "control_owner", "Tell everybody how to recognise phishing", "", "2026-02-27", "COM-81", "", hour(2026, 2, 25, 10), 0},
	{hour(2026, 3, 24, 9), "compliance_lead", "sponsor", "Review access to all systems", "Decide each line of the list, and see a second list after the removals.", "2026-04-15", "REV-01", "quarter", hour(2026, 4, 9, 11), 0},
	{hour(2026, 5, 18, 8), "compliance_lead", "control_owner", "Find out why an account outlived its owner's last day", "It was disabled two days late.", "2026-05-22", "LVR-01", "", hour(2026, 5, 20, 15), 0},
	{hour(2026, 8, 31, 9), "compliance_lead", "control_owner", "Change the key that signs releases", "It is four years old; the new one is made in the room with the safe.", "2026-09-11", "", "", hour(2026, 9, 18, 14), 5},
	{hour(2026, 10, 27, 13), "compliance_lead", "control_owner", "Look back at the bank interface that answered with test data", "The service is back; nobody has written down why it happened.", "2026-11-24", "INC-02", "", time.Time{}, 0},
	{hour(2026, 10, 30, 9), "compliance_lead", "second_lead", "Review three suppliers that are past due", "", "2026-11-30", "SUP-01", "", time.Time{}, 0},
	{hour(2026, 11, 13, 9), "compliance_lead", "operator", "Restore the read right of source backup-eu", "The store of backups refuses the account that reads it since Thursday.", "2026-11-19", "backup-eu", "", time.Time{}, 0},
	{hour(2026, 11, 16, 10), "compliance_lead", "operator", "Reconnect the log archive, silent since Sunday", "", "2026-11-19", "Log archive", "", time.Time{}, 0},
	{hour(2026, 11, 16, 16), "compliance_lead", "control_owner", "Enrol two accounts in multi-factor login", "svc-scan-02 and contractor-hale: add both to the group workforce-mfa.", "2026-11-18", "check:" + secondFactor, "", time.Time{}, 0},
	{hour(2026, 11, 17, 9), "compliance_lead", "owner", "Approve the procedure for deleting customer data", "Nobody has written the control for C1.2 yet.", "2026-12-04", "", "", time.Time{}, 0},
	{hour(2026, 11, 17, 10), "second_lead", "employee", "Read the new code of conduct and sign it", "", "2026-11-27", "GOV-81", "", time.Time{}, 0},
	{hour(2026, 11, 17, 11), "second_lead", "", "Find a room for the rehearsal of the incident plan", "", "2026-12-11", "", "", time.Time{}, 0},
}

// secondFactor is the check that fails on the last day.
const secondFactor = "larchmere.account.second-factor"

func hour(y int, m time.Month, d, h int) time.Time { return time.Date(y, m, d, h, 0, 0, 0, time.UTC) }

// chat is what people said about things.
var chat = []struct {
	at              time.Time
	by, about, text string
}{
	{hour(2026, 4, 3, 9), "compliance_lead", "check:" + secondFactor, "The certificate of the directory has run out, so nobody can read it. @" + mei.name + " has a new one on Sunday."},
	{hour(2026, 5, 23, 9), "control_owner", "check:" + secondFactor, "One account was moved out of the group by a script. Put back at 08:00, and the script asks first from now on."},
	{hour(2026, 10, 19, 9), "compliance_lead", "REV-01", "@" + tomas.name + " the review of the third quarter was due on the 15th. Can it still be done by the end of the month?"},
	{hour(2026, 10, 19, 15), "sponsor", "REV-01", "Not before the budget is closed. @" + jonas.name + " please note it as missed, and what covers it meanwhile."},
	{hour(2026, 11, 13, 10), "compliance_lead", "backup-eu", "@" + lukas.name + " the store of backups refuses our account since Thursday. Was its right taken away with the others?"},
	{hour(2026, 11, 13, 15), "operator", "backup-eu", "It was on the list of removals by mistake. @" + jonas.name + " the owner of the store gives it back next week."},
	{hour(2026, 11, 16, 17), "control_owner", "MFA-01", "Both accounts were made this afternoon without the template. @" + jonas.name + " I add them to the group when the scanner's owner has said yes."},
	{today.Add(-time.Minute), "compliance_lead", "MFA-01", "Read again at six: still both. @" + mei.name + " this is due today."},
}

// work are the tasks, the comments and the views of the year.
func (s *Stage) work() []moment {
	made := map[string]id.Task{}
	var out []moment
	for _, x := range chores {
		out = append(out, moment{x.given, func(ctx context.Context) error {
			in := tasks.Wish{Title: x.title, Text: x.text, Due: x.due, Object: s.about(x.about), Unit: x.every, Remind: 1}
			if x.escalate > 0 {
				in.Escalate, in.EscalateTo = int64(x.escalate), s.user("owner")
			}
			if x.to != "" {
				in.Owner = string(s.desks[x.to].Actor.User)
			}
			t, err := do(ctx, s, x.by, tasks.Create, in)
			made[x.title] = t.ID
			return err
		}})
		if !x.done.IsZero() {
			out = append(out, moment{x.done, s.finish(x, func() id.Task { return made[x.title] })})
		}
	}
	review := chores[2]
	out = append(out, moment{hour(2026, 7, 8, 11), func(ctx context.Context) error {
		list, err := do(ctx, s, review.to, tasks.List, tasks.Filter{Search: review.title})
		if err != nil {
			return err
		}
		for _, t := range list.Items {
			if err := must(ctx, s, review.to, tasks.Complete, tasks.Choice{IDs: []string{string(t.ID)}}); err != nil {
				return err
			}
		}
		return nil
	}})
	for _, c := range chat {
		out = append(out, moment{c.at, func(ctx context.Context) error {
			return must(ctx, s, c.by, tasks.Say, tasks.Saying{Object: s.about(c.about), Text: c.text})
		}})
	}
	return append(out,
		moment{hour(2026, 3, 24, 8), s.newcomers},
		moment{hour(2026, 3, 25, 8), s.settleRules},
		moment{hour(2026, 3, 25, 9), func(ctx context.Context) error {
			return must(ctx, s, "compliance_lead", views.Create, views.Saved{List: "checks", Name: "Failing, newest first", Query: "f.status=fail&sort=-since", Shared: true})
		}},
		moment{hour(2026, 11, 17, 17).Add(40 * time.Minute), s.look})
}

// look is the owner's at the home page, the evening before, after which the
// strip at its foot tells what happened.
func (s *Stage) look(ctx context.Context) error {
	desk := s.desks["owner"]
	return s.DB.Write(ctx, string(desk.Org), func(tx *db.Tx) error {
		head, err := s.Ledger.Head(tx, desk.Org)
		if err != nil {
			return err
		}
		l, err := views.LookAt(tx, desk.Org, desk.Actor.User, s.Clock.Now(), head.Size)
		if err != nil {
			return err
		}
		return l.Keep(tx)
	})
}

func (s *Stage) finish(x chore, t func() id.Task) func(context.Context) error {
	return func(ctx context.Context) error {
		return must(ctx, s, x.to, tasks.Complete, tasks.Choice{IDs: []string{string(t())}})
	}
}

// about is what operations call a thing that the story calls by its code.
func (s *Stage) about(what string) string {
	if c, known := s.controls[what]; known {
		return string(c)
	}
	if f, known := s.feeds[what]; known {
		return string(f)
	}
	return what
}

// newcomers are the two who use the program without looking after it.
func (s *Stage) newcomers(ctx context.Context) error {
	for _, p := range []person{greta, lukas} {
		if err := s.join(ctx, "owner", p, s.client); err != nil {
			return err
		}
	}
	return nil
}

// settleRules puts the program's rules right for this company: what its own
// check says better is retired, and what it cannot do yet is accepted until a
// day, by somebody else than who asked.
func (s *Stage) settleRules(ctx context.Context) error {
	err := must(ctx, s, "compliance_lead", checks.Retire, checks.Reasoned{ID: "people.account.mfa", Reason: "Our own check says the same of each account, and names the group to put it in."})
	if err != nil {
		return err
	}
	for _, check := range []string{"git.commit.signed", "git.tag.signed"} {
		x, err := do(ctx, s, "compliance_lead", checks.Except, checks.Waive{Check: check,
			Reason: "Signing begins in January, when everybody has a key. Until then the forge keeps who pushed, and a second person puts each change in.",
			Ends:   date(2027, 1, 31), Owner: ines.name})
		if err != nil {
			return err
		}
		if err := must(ctx, s, "owner", checks.Approve, checks.WaiverRef{ID: string(x.ID)}); err != nil {
			return err
		}
	}
	return nil
}
