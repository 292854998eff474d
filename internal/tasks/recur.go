package tasks

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
)

// Units in which a task comes again.
const (
	day     = "day"
	week    = "week"
	month   = "month"
	quarter = "quarter"
	year    = "year"
)

// occurrence is the nth day of a series that began on the anchor. A month that
// has no such day gives its last one, and the next month is not shortened by it.
func occurrence(anchor time.Time, n, every int64, unit string) time.Time {
	steps := int(n * every)
	switch unit {
	case day:
		return anchor.AddDate(0, 0, steps)
	case week:
		return anchor.AddDate(0, 0, 7*steps)
	case quarter:
		steps *= 3
	case year:
		steps *= 12
	}
	first := time.Date(anchor.Year(), anchor.Month()+time.Month(steps), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(anchor.Day(), last)-1)
}

// shiftBack is the anchor with which a task that was moved goes on from its new
// day: as if the series had begun so many occurrences before it.
func shiftBack(t Task) string {
	d, err := time.Parse(time.DateOnly, t.Due)
	if err != nil || t.Unit == "" {
		return t.Due
	}
	return occurrence(d, -t.Nth, t.Every, t.Unit).Format(time.DateOnly)
}

// again makes the next occurrence, unless it is there. The entry is that of what
// ended this one.
func (t Task) again(c *op.Call, entry int64) error {
	if t.Unit == "" {
		return nil
	}
	anchor, err := time.Parse(time.DateOnly, t.anchor)
	if err != nil {
		return fmt.Errorf("task %s: %w", t.ID, err)
	}
	next := t
	next.ID, next.Nth, next.Created = id.New[id.Task](c.Now), t.Nth+1, c.Now
	next.Due, next.State, next.reminded = occurrence(anchor, next.Nth, t.Every, t.Unit).Format(time.DateOnly), Open, ""
	if _, err := civil("due", next.Due); err != nil {
		return nil // beyond every calendar in use
	}
	made, err := next.insert(c)
	if err != nil || !made {
		return err
	}
	_, err = c.Tx.Exec(insertEvent, c.Org, next.ID, entry, clock.Millis(c.Now), c.Actor.Name, "came again after "+string(t.ID))
	return err
}

// The kind of the machine's share: one look at one task on one day.
const lookJob = "tasks.look"

type looking struct {
	Task id.Task `json:"task"`
}

// morning is the hour, in the organization's zone, at which days begin for
// reminders.
const morning = 6

// days are those on which something may have to be said of a task, in order.
func (t Task) days() []time.Time {
	due, err := time.Parse(time.DateOnly, t.Due)
	if err != nil {
		return nil
	}
	out := []time.Time{}
	if t.Remind > 0 {
		out = append(out, due.AddDate(0, 0, -int(t.Remind)))
	}
	out = append(out, due, due.AddDate(0, 0, 1))
	if t.Escalate > 0 {
		out = append(out, due.AddDate(0, 0, int(t.Escalate)))
	}
	for week := 1; week <= 52; week++ {
		out = append(out, due.AddDate(0, 0, 1+7*week))
	}
	return out
}

// plan puts the next look in line.
func (t Task) plan(c *op.Call) error {
	if t.State != Open || t.Due == "" {
		return nil
	}
	zone, err := notify.Zone(c.Tx, c.Org)
	if err != nil {
		return err
	}
	next := time.Time{}
	for _, d := range t.days() {
		if name := d.Format(time.DateOnly); name > t.reminded && (next.IsZero() || d.Before(next)) {
			next = d
		}
	}
	if next.IsZero() {
		return nil
	}
	at := time.Date(next.Year(), next.Month(), next.Day(), morning, 0, 0, 0, zone).UTC()
	_, err = job.Enqueue(c.Tx, c.Org, job.Insert{Kind: lookJob, Args: looking{t.ID}, Unique: string(t.ID) + " " + next.Format(time.DateOnly), At: at}, c.Now)
	return err
}

// Worker looks at tasks on the days that matter to them.
func Worker() job.Worker {
	return job.New(lookJob, 5, func(ctx context.Context, r *job.Run, l looking) error {
		return LookAt(ctx, r.Engine, r.Org, l.Task)
	})
}

// LookAt does the machine's share for one task: what is to be said of it today,
// if anything is.
func LookAt(ctx context.Context, e *op.Engine, org id.Org, task id.Task) error {
	open := false
	err := e.DB.Read(ctx, string(org), func(tx *db.Tx) error {
		rows, err := byID(tx, org, task)
		open = len(rows) == 1 && rows[0].State == Open && rows[0].Due != ""
		return err
	})
	if err != nil || !open {
		return err
	}
	_, err = look.Do(ctx, e.Machine(org, "tasks", auth.WorkRead, auth.WorkWrite, auth.ControlsRead), looking{task})
	return err
}

// byID reads a task for the machine, which sees every one.
func byID(tx *db.Tx, org id.Org, t id.Task) ([]Task, error) {
	return db.Rows(tx, selectTask, []any{org, t}, scanTask)
}

const (
	markReminded  = "UPDATE task SET reminded = ? WHERE org_id = ? AND id = ?"
	markMissed    = "UPDATE task SET missed = ? WHERE org_id = ? AND id = ? AND missed = 0"
	markEscalated = "UPDATE task SET escalated = ? WHERE org_id = ? AND id = ? AND escalated = 0"
)

// look says what is to be said of a task today: that it is due, or overdue, or
// missed because it comes again, and escalates it. What should have been said on
// days when nothing ran is said once.
var look = op.Work("tasks.look", "Remind of a task, escalate it, or begin its next occurrence.", auth.WorkWrite, func(c *op.Call, in looking) (op.None, error) {
	rows, err := byID(c.Tx, c.Org, in.Task)
	if err != nil || len(rows) == 0 {
		return op.None{}, err
	}
	t := rows[0]
	today, err := Today(c.Tx, c.Org, c.Now)
	if err != nil {
		return op.None{}, err
	}
	due, err := civil("due", t.Due)
	if err != nil {
		return op.None{}, err
	}
	now, err := civil("due", today)
	if err != nil {
		return op.None{}, err
	}
	late := int64(now.Sub(due) / (24 * time.Hour))
	x := glance{late: late, tell: t.dueSince(today), missed: late > 0 && t.Unit != "" && t.Missed.IsZero(),
		escalate: t.Escalate > 0 && late >= t.Escalate && t.Escalated.IsZero()}
	entry, err := record(c, x.what(), in, t.ID)
	if err != nil {
		return op.None{}, err
	}
	t.reminded = today
	if _, err := c.Tx.Exec(markReminded, today, c.Org, t.ID); err != nil {
		return op.None{}, err
	}
	if err := t.follow(c, x, entry); err != nil {
		return op.None{}, err
	}
	return op.None{}, t.plan(c)
})

// glance is what a look at a task found.
type glance struct {
	late                   int64 // days; negative before its day
	tell, missed, escalate bool
}

func days(n int64) string {
	if n == 1 {
		return "a day"
	}
	return fmt.Sprintf("%d days", n)
}

func (x glance) what() string {
	var out []string
	switch {
	case x.missed:
		out = append(out, "missed, and the next one began")
	case x.tell && x.late > 0:
		out = append(out, "overdue by "+days(x.late)+", and its owner was told")
	case x.tell && x.late == 0:
		out = append(out, "due today, and its owner was told")
	case x.tell:
		out = append(out, "due in "+days(-x.late)+", and its owner was told")
	}
	if x.escalate {
		out = append(out, "escalated")
	}
	if len(out) == 0 {
		return "looked at" // its day was moved since this look was put in line
	}
	return strings.Join(out, "; ")
}

// follow does what a glance found to be done.
func (t Task) follow(c *op.Call, x glance, entry int64) error {
	if x.missed {
		if _, err := c.Tx.Exec(markMissed, clock.Millis(c.Now), c.Org, t.ID); err != nil {
			return err
		}
		if err := t.again(c, entry); err != nil {
			return err
		}
	}
	if x.tell || x.missed {
		if err := t.tell(c, x.late); err != nil {
			return err
		}
	}
	if x.escalate {
		return t.escalate(c, x.late)
	}
	return nil
}

// dueSince reports whether one of the task's days has come since it was looked
// at last.
func (t Task) dueSince(today string) bool {
	for _, d := range t.days() {
		if name := d.Format(time.DateOnly); name <= today && name > t.reminded {
			return true
		}
	}
	return false
}

func (t Task) tell(c *op.Call, late int64) error {
	kind, text := Due, "Due "+t.Due+": "+t.Title
	switch {
	case late > 0 && t.Unit != "":
		kind, text = Overdue, "Missed on "+t.Due+", and the next one began: "+t.Title
	case late > 0:
		kind, text = Overdue, fmt.Sprintf("Overdue since %s: %s", t.Due, t.Title)
	case late == 0:
		text = "Due today: " + t.Title
	}
	to := t.OwnerID
	if to == "" { // nobody's: whoever asked for it should know
		to = t.CreatorID
	}
	return notify.Tell(c, []id.User{to}, kind, t.notice(text))
}

func (t Task) escalate(c *op.Call, late int64) error {
	if _, err := c.Tx.Exec(markEscalated, clock.Millis(c.Now), c.Org, t.ID); err != nil {
		return err
	}
	who := t.Owner
	if who == "" {
		who = "nobody"
	}
	return notify.Tell(c, []id.User{t.EscalateTo}, Escalated, t.notice(fmt.Sprintf("%d days overdue, and given to %s: %s", late, who, t.Title)))
}
