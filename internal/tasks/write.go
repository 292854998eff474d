package tasks

import (
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
)

const (
	insertTask = `INSERT INTO task (org_id, id, title, text, words, owner_id, due, place, object, state, reason, every, unit, anchor, series, nth,
		remind, reminded, escalate, escalate_to, escalated, missed, creator_id, creator, created, settled, settled_by, version)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', '', ?, ?, ?, ?, ?, ?, '', ?, ?, 0, 0, ?, ?, ?, 0, '', 1)
		ON CONFLICT (org_id, series, nth) DO NOTHING`
	updateTask = `UPDATE task SET title = ?, text = ?, words = ?, owner_id = ?, due = ?, place = ?, object = ?, every = ?, unit = ?, anchor = ?,
		remind = ?, reminded = ?, escalate = ?, escalate_to = ?, escalated = ?, version = version + 1 WHERE org_id = ? AND id = ? AND version = ?`
	settleTask  = "UPDATE task SET state = ?, reason = ?, every = ?, unit = ?, settled = ?, settled_by = ?, version = version + 1 WHERE org_id = ? AND id = ?"
	assignTask  = "UPDATE task SET owner_id = ?, place = ?, version = version + 1 WHERE org_id = ? AND id = ?"
	moveTask    = "UPDATE task SET due = ?, place = ?, reminded = '', escalated = 0, version = version + 1 WHERE org_id = ? AND id = ?"
	insertEvent = "INSERT INTO task_event (org_id, task_id, entry, at, actor, what) VALUES (?, ?, ?, ?, ?, ?)"
)

// maxBulk bounds how many tasks one act may touch.
const maxBulk = 200

// Wish is a task to add.
type Wish struct {
	Title      string `json:"title" minLength:"1" maxLength:"200" doc:"What is to be done, as an order: Rotate the signing key."`
	Text       string `json:"text,omitempty" maxLength:"10000" doc:"What whoever does it should know."`
	Owner      string `json:"owner,omitempty" maxLength:"100" doc:"The member who does it, usr_…; nobody yet if left out."`
	Due        string `json:"due,omitempty" maxLength:"10" doc:"Its day, as 2026-12-31."`
	Object     string `json:"object,omitempty" maxLength:"200" doc:"What it is about: an id such as ctl_… or evd_…, or check: and the name of a check."`
	Every      int64  `json:"every,omitempty" minimum:"0" maximum:"1000" doc:"It comes again every so many units."`
	Unit       string `json:"unit,omitempty" enum:"day,week,month,quarter,year" doc:"The unit in which it comes again; never if left out."`
	Remind     int64  `json:"remind,omitempty" minimum:"0" maximum:"365" doc:"How many days ahead its owner is told, too; on the day in any case."`
	Escalate   int64  `json:"escalate,omitempty" minimum:"0" maximum:"365" doc:"After how many days overdue another member is told; never if left out."`
	EscalateTo string `json:"escalate_to,omitempty" maxLength:"100" doc:"The member who is told then, usr_…."`
}

// settled checks a wish and fills a task from it.
func (w Wish) settled(c *op.Call, t Task) (Task, error) {
	t.Title, t.Text = strings.Join(strings.Fields(w.Title), " "), strings.TrimSpace(w.Text)
	if t.Title == "" {
		return t, fault.Invalid("title", "say what is to be done")
	}
	t.OwnerID, t.Owner, t.EscalateTo = "", "", ""
	if w.Owner != "" {
		m, err := member(c, "owner", w.Owner)
		if err != nil {
			return t, err
		}
		t.OwnerID, t.Owner = m.ID, m.Name
	}
	if t.Due = strings.TrimSpace(w.Due); t.Due != "" {
		if _, err := civil("due", t.Due); err != nil {
			return t, err
		}
	}
	if w.Object == "" {
		t.Object = nil
	} else if t.Object == nil || t.Object.Ref != w.Object {
		o, err := about(c, w.Object)
		if err != nil {
			return t, err
		}
		t.Object = &o
	}
	t.Every, t.Unit = w.Every, w.Unit
	switch {
	case t.Unit != "" && t.Every == 0:
		t.Every = 1
	case t.Unit == "" && t.Every > 0:
		return t, fault.Invalid("unit", "give one of day, week, month, quarter, year")
	}
	if t.Unit != "" && t.Due == "" {
		return t, fault.Invalid("due", "a task that comes again needs a first day")
	}
	t.Remind, t.Escalate = w.Remind, w.Escalate
	if (w.Escalate > 0) != (w.EscalateTo != "") {
		return t, fault.Invalid("escalate_to", "give both the days and the member, or neither")
	}
	if w.Escalate > 0 && t.Due == "" {
		return t, fault.Invalid("due", "a task that escalates needs a day")
	}
	if w.EscalateTo != "" {
		m, err := member(c, "escalate_to", w.EscalateTo)
		if err != nil {
			return t, err
		}
		t.EscalateTo = m.ID
	}
	return t, nil
}

// civil reads a civil date within reason.
func civil(field, s string) (time.Time, error) {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil || d.Year() < 2000 || d.Year() > 2200 {
		return d, fault.Invalid(field, "give a day as 2026-12-31")
	}
	return d, nil
}

// rank orders tasks: nobody's first, then by day, those without one last.
func (t Task) rank() string {
	who, day := "1", t.Due
	if t.OwnerID == "" {
		who = "0"
	}
	if day == "" {
		day = "9999-99-99"
	}
	return who + day
}

func (t Task) ref() string {
	if t.Object == nil {
		return ""
	}
	return t.Object.Ref
}

func create(c *op.Call, in Wish) (Task, error) {
	t, err := in.settled(c, Task{ID: id.New[id.Task](c.Now), State: Open, CreatorID: c.Actor.User, Creator: c.Actor.Name, Created: c.Now, Version: 1})
	if err != nil {
		return Task{}, err
	}
	t.Series, t.anchor = t.ID, t.Due
	if _, err := t.insert(c); err != nil {
		return Task{}, err
	}
	if _, err := record(c, "added", in, t.ID); err != nil {
		return Task{}, err
	}
	return t, t.given(c)
}

// insert stores a task; false if that occurrence is there already.
func (t Task) insert(c *op.Call) (bool, error) {
	n, err := c.Tx.Exec(insertTask, c.Org, t.ID, t.Title, t.Text, fold(t.Title+" "+t.Text), t.OwnerID, t.Due, t.rank(), t.ref(), t.Every, t.Unit, t.anchor,
		t.Series, t.Nth, t.Remind, t.Escalate, t.EscalateTo, t.CreatorID, t.Creator, clock.Millis(t.Created))
	if err != nil || n == 0 {
		return false, err
	}
	return true, t.plan(c)
}

// record leaves the entry of what happened to tasks, and its place in their
// history.
func record(c *op.Call, what string, body any, list ...id.Task) (int64, error) {
	r := op.Record{Kind: canon.KindOp, Body: map[string]any{"what": what, "input": body}}
	if len(list) == 1 {
		r.ID = string(list[0])
	} else {
		names := make([]string, len(list))
		for i, t := range list {
			names[i] = string(t)
		}
		r.Body["ids"] = names
	}
	entry, err := c.Append(r)
	if err != nil {
		return 0, err
	}
	for _, t := range list {
		if _, err := c.Tx.Exec(insertEvent, c.Org, t, entry, clock.Millis(c.Now), c.Actor.Name, what); err != nil {
			return 0, err
		}
	}
	return entry, nil
}

// given tells the owner.
func (t Task) given(c *op.Call) error {
	if t.OwnerID == "" {
		return nil
	}
	return notify.Tell(c, []id.User{t.OwnerID}, Given, t.notice("Yours to do: "+t.Title+t.by()))
}

func (t Task) by() string {
	if t.Due == "" {
		return ""
	}
	day, err := time.Parse(time.DateOnly, t.Due)
	if err != nil {
		return ", by " + t.Due
	}
	return ", by " + day.Format("2 Jan 2006")
}

func (t Task) notice(text string) notify.Notice {
	return notify.Notice{Text: text, Link: "/tasks/" + string(t.ID), Object: string(t.ID)}
}

// Revision replaces what a task says.
type Revision struct {
	ID         string `json:"id" doc:"The task's id, tsk_…."`
	Title      string `json:"title" minLength:"1" maxLength:"200" doc:"What is to be done."`
	Text       string `json:"text,omitempty" maxLength:"10000" doc:"What whoever does it should know."`
	Owner      string `json:"owner,omitempty" maxLength:"100" doc:"The member who does it, usr_…; nobody yet if left out."`
	Due        string `json:"due,omitempty" maxLength:"10" doc:"Its day, as 2026-12-31."`
	Object     string `json:"object,omitempty" maxLength:"200" doc:"What it is about."`
	Every      int64  `json:"every,omitempty" minimum:"0" maximum:"1000" doc:"It comes again every so many units."`
	Unit       string `json:"unit,omitempty" enum:"day,week,month,quarter,year" doc:"The unit in which it comes again; never if left out."`
	Remind     int64  `json:"remind,omitempty" minimum:"0" maximum:"365" doc:"How many days ahead its owner is told, too."`
	Escalate   int64  `json:"escalate,omitempty" minimum:"0" maximum:"365" doc:"After how many days overdue another member is told; never if left out."`
	EscalateTo string `json:"escalate_to,omitempty" maxLength:"100" doc:"The member who is told then, usr_…."`
	Version    int64  `json:"version" doc:"The version that was read."`
}

func (r Revision) wish() Wish {
	return Wish{r.Title, r.Text, r.Owner, r.Due, r.Object, r.Every, r.Unit, r.Remind, r.Escalate, r.EscalateTo}
}

func update(c *op.Call, in Revision) (Task, error) {
	was, err := find(c, in.ID)
	if err != nil {
		return Task{}, err
	}
	if was.State != Open {
		return Task{}, fault.Conflict("The task is %s. Open it again to change it.", was.State)
	}
	t, err := in.wish().settled(c, was)
	if err != nil {
		return Task{}, err
	}
	reminded, escalated := t.reminded, clock.Millis(t.Escalated)
	if t.Due != was.Due || t.Unit != was.Unit || t.Every != was.Every {
		// The series goes on from here: this is what the next days are counted from.
		t.anchor = shiftBack(t)
	}
	if t.Due != was.Due {
		reminded, escalated = "", 0
	}
	n, err := c.Tx.Exec(updateTask, t.Title, t.Text, fold(t.Title+" "+t.Text), t.OwnerID, t.Due, t.rank(), t.ref(), t.Every, t.Unit, t.anchor,
		t.Remind, reminded, t.Escalate, t.EscalateTo, escalated, c.Org, t.ID, in.Version)
	if err == nil && n == 0 {
		stale := fault.Conflict("The task was changed since you read it.")
		stale.Current = was
		err = stale
	}
	if err == nil {
		_, err = record(c, "changed", in, t.ID)
	}
	if err == nil && t.OwnerID != was.OwnerID {
		err = t.given(c)
	}
	if err == nil {
		err = t.plan(c)
	}
	if err != nil {
		return Task{}, err
	}
	return show(c, Ref{in.ID})
}

// Choice names tasks.
type Choice struct {
	IDs []string `json:"ids" minItems:"1" maxItems:"200" doc:"The tasks' ids, tsk_…."`
}

// Touched says how many tasks an act touched.
type Touched struct {
	Touched int `json:"touched"`
}

// chosen are the named tasks, each once, in the state that the act needs.
func chosen(c *op.Call, ids []string, state string) ([]Task, error) {
	var out []Task
	seen := []string{}
	for _, s := range ids {
		if s = strings.TrimSpace(s); s == "" || slices.Contains(seen, s) {
			continue
		}
		seen = append(seen, s)
		t, err := find(c, s)
		if fault.KindOf(err) == fault.KindInvalid {
			return nil, fault.Invalid("ids", "%q is not the id of a task, tsk_…", s)
		}
		if err != nil {
			return nil, err
		}
		if t.State != state {
			return nil, fault.Conflict("“%s” is %s, not %s. Nothing was changed.", t.Title, t.State, state)
		}
		out = append(out, t)
	}
	if len(out) == 0 || len(out) > maxBulk {
		return nil, fault.Invalid("ids", "choose between 1 and %d tasks", maxBulk)
	}
	return out, nil
}

func idsOf(list []Task) []id.Task {
	out := make([]id.Task, len(list))
	for i, t := range list {
		out[i] = t.ID
	}
	return out
}

func complete(c *op.Call, in Choice) (Touched, error) {
	list, err := chosen(c, in.IDs, Open)
	if err != nil {
		return Touched{}, err
	}
	entry, err := record(c, "done", in, idsOf(list)...)
	if err != nil {
		return Touched{}, err
	}
	for _, t := range list {
		if err := t.settle(c, Done, "", t.Every, t.Unit); err != nil {
			return Touched{}, err
		}
		if err := t.again(c, entry); err != nil {
			return Touched{}, err
		}
	}
	return Touched{len(list)}, nil
}

// settle ends a task and tells who added it.
func (t Task) settle(c *op.Call, state, reason string, every int64, unit string) error {
	_, err := c.Tx.Exec(settleTask, state, reason, every, unit, clock.Millis(c.Now), c.Actor.Name, c.Org, t.ID)
	if err != nil {
		return err
	}
	return notify.Tell(c, onlyOther(t.CreatorID, t.OwnerID), Settled, t.notice("It is "+state+": "+t.Title))
}

// onlyOther is who is told that a task ended; whoever ended it is left out by
// Tell.
func onlyOther(creator, owner id.User) []id.User {
	out := []id.User{}
	for _, u := range []id.User{creator, owner} {
		if u != "" && !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	if len(out) == 0 {
		out = append(out, "") // nobody: and so no channel is told either
	}
	return out
}

// Dropping ends a task undone.
type Dropping struct {
	ID     string `json:"id" doc:"The task's id, tsk_…."`
	Reason string `json:"reason" minLength:"3" maxLength:"1000" doc:"Why it will not be done."`
	Series bool   `json:"series,omitempty" doc:"It does not come again either."`
}

func drop(c *op.Call, in Dropping) (Task, error) {
	list, err := chosen(c, []string{in.ID}, Open)
	if err != nil {
		return Task{}, err
	}
	t, reason := list[0], strings.TrimSpace(in.Reason)
	if reason == "" {
		return Task{}, fault.Invalid("reason", "say why it will not be done")
	}
	entry, err := record(c, "dropped: "+reason, in, t.ID)
	if err != nil {
		return Task{}, err
	}
	every, unit := t.Every, t.Unit
	if in.Series {
		every, unit = 0, ""
	}
	if err := t.settle(c, Dropped, reason, every, unit); err != nil {
		return Task{}, err
	}
	if !in.Series {
		if err := t.again(c, entry); err != nil {
			return Task{}, err
		}
	}
	return show(c, Ref{in.ID})
}

func reopen(c *op.Call, in Ref) (Task, error) {
	t, err := find(c, in.ID)
	if err != nil {
		return Task{}, err
	}
	if t.State == Open {
		return Task{}, fault.Conflict("The task is open already.")
	}
	if _, err := record(c, "opened again", in, t.ID); err != nil {
		return Task{}, err
	}
	if _, err := c.Tx.Exec(settleTask, Open, "", t.Every, t.Unit, 0, "", c.Org, t.ID); err != nil {
		return Task{}, err
	}
	if err := t.plan(c); err != nil {
		return Task{}, err
	}
	return show(c, Ref{in.ID})
}

// Assignment gives tasks to somebody.
type Assignment struct {
	IDs   []string `json:"ids" minItems:"1" maxItems:"200" doc:"The tasks' ids, tsk_…."`
	Owner string   `json:"owner,omitempty" maxLength:"100" doc:"The member, usr_…; nobody if left out."`
}

func assign(c *op.Call, in Assignment) (Touched, error) {
	list, err := chosen(c, in.IDs, Open)
	if err != nil {
		return Touched{}, err
	}
	who, what := id.User(""), "given to nobody"
	if in.Owner != "" {
		m, err := member(c, "owner", in.Owner)
		if err != nil {
			return Touched{}, err
		}
		who, what = m.ID, "given to "+m.Name
	}
	if _, err := record(c, what, in, idsOf(list)...); err != nil {
		return Touched{}, err
	}
	for _, t := range list {
		if t.OwnerID == who {
			continue
		}
		t.OwnerID = who
		if _, err := c.Tx.Exec(assignTask, who, t.rank(), c.Org, t.ID); err != nil {
			return Touched{}, err
		}
		if err := t.given(c); err != nil {
			return Touched{}, err
		}
	}
	return Touched{len(list)}, nil
}

// Move gives tasks another day.
type Move struct {
	IDs []string `json:"ids" minItems:"1" maxItems:"200" doc:"The tasks' ids, tsk_…."`
	Due string   `json:"due" minLength:"10" maxLength:"10" doc:"Their new day, as 2026-12-31."`
}

func reschedule(c *op.Call, in Move) (Touched, error) {
	if _, err := civil("due", in.Due); err != nil {
		return Touched{}, err
	}
	list, err := chosen(c, in.IDs, Open)
	if err != nil {
		return Touched{}, err
	}
	if _, err := record(c, "moved to "+in.Due, in, idsOf(list)...); err != nil {
		return Touched{}, err
	}
	for _, t := range list {
		t.Due, t.reminded, t.Escalated = in.Due, "", time.Time{}
		if _, err := c.Tx.Exec(moveTask, t.Due, t.rank(), c.Org, t.ID); err != nil {
			return Touched{}, err
		}
		if err := t.plan(c); err != nil {
			return Touched{}, err
		}
	}
	return Touched{len(list)}, nil
}
