// Package tasks is what people do for each other: tasks with an owner and a
// day, and comments beside the things they are about. A job is the machine's
// work; a task is a person's.
package tasks

import (
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
)

// What can be done with tasks and comments.
var (
	List       = op.Read("tasks.list", "List tasks, nobody's first, then by day.", auth.WorkRead, list)
	Get        = op.Read("tasks.get", "Show a task and what happened to it.", auth.WorkRead, show)
	Create     = op.Write("tasks.create", "Add a task.", auth.WorkWrite, create)
	Update     = op.Write("tasks.update", "Change what a task says, when it recurs and who is told.", auth.WorkWrite, update)
	Complete   = op.Write("tasks.complete", "Mark tasks as done.", auth.WorkWrite, complete)
	Drop       = op.Write("tasks.drop", "Drop a task that will not be done, and say why.", auth.WorkWrite, drop)
	Reopen     = op.Write("tasks.reopen", "Open a task again that was done or dropped.", auth.WorkWrite, reopen)
	Assign     = op.Write("tasks.assign", "Give tasks to a member, or to nobody.", auth.WorkWrite, assign)
	Reschedule = op.Write("tasks.reschedule", "Move tasks to another day.", auth.WorkWrite, reschedule)

	Comments = op.Read("comments.list", "List the comments on a thing, the oldest first.", auth.WorkRead, thread)
	Mine     = op.Read("comments.get", "Show a comment of yours.", auth.WorkRead, func(c *op.Call, in CommentRef) (Comment, error) { return own(c, in.ID) })
	Mentions = op.Read("comments.mentions", "List the comments that mention you, the newest first.", auth.WorkRead, mentions)
	Say      = op.Write("comments.create", "Comment on a thing; @ and a member's name or address tells them.", auth.WorkWrite, say)
	Edit     = op.Write("comments.edit", "Change a comment of yours within 15 minutes. The log keeps both.", auth.WorkWrite, edit)
	Remove   = op.Write("comments.remove", "Remove a comment of yours. Its place stays.", auth.WorkWrite, remove)

	Operations = []op.Operation{List, Get, Create, Update, Complete, Drop, Reopen, Assign, Reschedule, Comments, Mine, Mentions, Say, Edit, Remove, look}
)

// Kinds of notice.
var (
	Given     = notify.Declare(notify.Kind{Name: "task_assigned", Text: "A task is given to you", Out: "A task was given to somebody", Mail: notify.Now})
	Due       = notify.Declare(notify.Kind{Name: "task_due", Text: "A task of yours is due, or soon", Out: "A task is due, or soon", Mail: notify.Daily})
	Overdue   = notify.Declare(notify.Kind{Name: "task_overdue", Text: "A task of yours is overdue", Out: "A task is overdue", Mail: notify.Daily})
	Escalated = notify.Declare(notify.Kind{Name: "task_escalated", Text: "An overdue task is escalated to you", Out: "An overdue task was escalated", Mail: notify.Now})
	Settled   = notify.Declare(notify.Kind{Name: "task_settled", Text: "A task you added is done or dropped", Out: "A task was done or dropped", Mail: notify.Daily})
	Mentioned = notify.Declare(notify.Kind{Name: "mention", Text: "A comment mentions you", Out: "A comment mentions somebody", Mail: notify.Now})
	Commented = notify.Declare(notify.Kind{Name: "comment", Text: "Somebody comments where you take part", Out: "Somebody commented", Mail: notify.Daily})
)

// States of a task. Missed is no state: a missed task is open until somebody
// does it late or drops it, and stays missed.
const (
	Open    = "open"
	Done    = "done"
	Dropped = "dropped"

	missedState = "missed" // in a filter
	anyState    = "any"
	nobody      = "nobody"
)

// A Task is something a person is to do.
type Task struct {
	ID      id.Task `json:"id"`
	Title   string  `json:"title"`
	Text    string  `json:"text,omitempty"`
	OwnerID id.User `json:"owner_id,omitempty"`
	Owner   string  `json:"owner,omitempty"` // empty: nobody yet
	Due     string  `json:"due,omitempty"`   // a civil date
	// Object is what it is about.
	Object *Object `json:"object,omitempty"`
	State  string  `json:"state"`
	Reason string  `json:"reason,omitempty"` // why it was dropped
	// It recurs every so many units; Nth counts the occurrences from 0.
	Every  int64   `json:"every,omitempty"`
	Unit   string  `json:"unit,omitempty"`
	Series id.Task `json:"series,omitempty"`
	Nth    int64   `json:"nth,omitempty"`
	// Remind is how many days ahead its owner is told.
	Remind     int64     `json:"remind,omitempty"`
	Escalate   int64     `json:"escalate,omitempty"` // days overdue; 0 never
	EscalateTo id.User   `json:"escalate_to,omitempty"`
	Escalated  time.Time `json:"escalated,omitzero"`
	Missed     time.Time `json:"missed,omitzero"`
	CreatorID  id.User   `json:"creator_id,omitempty"`
	Creator    string    `json:"creator"`
	Created    time.Time `json:"created"`
	Settled    time.Time `json:"settled,omitzero"`
	SettledBy  string    `json:"settled_by,omitempty"`
	Version    int64     `json:"version"`

	anchor, reminded, place string
	History                 []Event `json:"history,omitempty"`
}

// Late reports whether the task is open and its day is over.
func (t Task) Late(today string) bool { return t.State == Open && t.Due != "" && t.Due < today }

// Event is one thing that happened to a task, with its entry in the log.
type Event struct {
	Entry int64     `json:"entry"`
	At    time.Time `json:"at"`
	Actor string    `json:"actor"`
	What  string    `json:"what"`
}

const (
	taskColumns = `t.id, t.title, t.text, t.owner_id, COALESCE(u.name, ''), t.due, t.object, t.state, t.reason, t.every, t.unit, t.series, t.nth,
		t.remind, t.escalate, t.escalate_to, t.escalated, t.missed, t.creator_id, t.creator, t.created, t.settled, t.settled_by, t.version, t.anchor, t.reminded, t.place`
	fromTask   = " FROM task t LEFT JOIN users u ON u.id = t.owner_id WHERE t.org_id = ?"
	selectTask = "SELECT " + taskColumns + fromTask + " AND t.id = ?"
	// Whoever may not see everything sees what is theirs.
	wanted = ` AND (? = 'all' OR t.owner_id = ? OR t.creator_id = ?) AND (? = '' OR t.owner_id = ?) AND (? = '' OR t.owner_id = '')
		AND (? = '' OR t.object = ?) AND (? = '' OR t.due <> '' AND t.due < ?) AND (? = '' OR t.missed > 0) AND (? = '' OR REPLACE(t.words, ?, '') <> t.words)`
	after       = " AND (t.place > ? OR t.place = ? AND t.id > ?) ORDER BY t.place, t.id LIMIT ?"
	selectIn    = "SELECT " + taskColumns + fromTask + " AND t.state = ?" + wanted + after
	selectAny   = "SELECT " + taskColumns + fromTask + wanted + after
	countIn     = "SELECT COUNT(*)" + fromTask + " AND t.state = ?" + wanted
	countAny    = "SELECT COUNT(*)" + fromTask + wanted
	selectEvent = "SELECT entry, at, actor, what FROM task_event WHERE org_id = ? AND task_id = ? ORDER BY entry DESC LIMIT 200"
)

func scanTask(scan func(...any) error, t *Task) error {
	var (
		object                              string
		escalated, missed, created, settled int64
	)
	err := scan(&t.ID, &t.Title, &t.Text, &t.OwnerID, &t.Owner, &t.Due, &object, &t.State, &t.Reason, &t.Every, &t.Unit, &t.Series, &t.Nth,
		&t.Remind, &t.Escalate, &t.EscalateTo, &escalated, &missed, &t.CreatorID, &t.Creator, &created, &settled, &t.SettledBy, &t.Version,
		&t.anchor, &t.reminded, &t.place)
	if object != "" {
		t.Object = &Object{Ref: object}
	}
	t.Escalated, t.Missed, t.Created, t.Settled = clock.FromMillis(escalated), clock.FromMillis(missed), clock.FromMillis(created), clock.FromMillis(settled)
	return err
}

// seesAll reports whether an actor sees the tasks of others: those who work on
// the program, and a firm's people theirs.
func seesAll(a auth.Actor) bool { return a.May(auth.ControlsRead) || a.May(auth.AuditRead) }

// find is a task within the caller's sight.
func find(c *op.Call, ref string) (Task, error) {
	t, err := id.Parse[id.Task](ref)
	if err != nil {
		return Task{}, err
	}
	rows, err := db.Rows(c.Tx, selectTask, []any{c.Org, t}, scanTask)
	if err != nil {
		return Task{}, err
	}
	if len(rows) == 0 || !seesAll(c.Actor) && (c.Actor.User == "" || rows[0].OwnerID != c.Actor.User && rows[0].CreatorID != c.Actor.User) {
		return Task{}, fault.NotFound("no task %s", t)
	}
	return rows[0], nil
}

// Ref names a task.
type Ref struct {
	ID string `json:"id" doc:"The task's id, tsk_…."`
}

func show(c *op.Call, in Ref) (Task, error) {
	t, err := find(c, in.ID)
	if err != nil {
		return Task{}, err
	}
	if err := t.resolve(c); err != nil {
		return Task{}, err
	}
	t.History, err = db.Rows(c.Tx, selectEvent, []any{c.Org, t.ID}, func(scan func(...any) error, e *Event) error {
		var at int64
		err := scan(&e.Entry, &at, &e.Actor, &e.What)
		e.At = clock.FromMillis(at)
		return err
	})
	return t, err
}

// Filter narrows the list of tasks.
type Filter struct {
	Mine      bool   `json:"mine,omitempty" doc:"Only those you own."`
	Owner     string `json:"owner,omitempty" maxLength:"100" doc:"Only those of this member, usr_…, or of nobody."`
	State     string `json:"state,omitempty" enum:"open,done,dropped,missed,any" doc:"In which state; open if left out."`
	DueBefore string `json:"due_before,omitempty" maxLength:"10" doc:"Only those due before this day, as 2026-12-31."`
	Object    string `json:"object,omitempty" maxLength:"200" doc:"Only those about this, such as ctl_…."`
	Search    string `json:"search,omitempty" maxLength:"200" doc:"Only those whose title or text has these words."`
	After     string `json:"after,omitempty" maxLength:"200" doc:"Continue after this page: the value of next."`
	Limit     int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

func list(c *op.Call, in Filter) (op.Page[Task], error) {
	var none op.Page[Task]
	args, err := in.args(c)
	if err != nil {
		return none, err
	}
	selects, counts, head := selectIn, countIn, []any{c.Org, in.State}
	switch in.State {
	case "":
		head[1] = Open
	case anyState, missedState:
		selects, counts, head = selectAny, countAny, []any{c.Org}
	}
	args = append(head, args...)
	var total int64
	if err := c.Tx.Row(counts, args, &total); err != nil {
		return none, err
	}
	place, last := "", ""
	if in.After != "" {
		var ok bool
		if place, last, ok = strings.Cut(in.After, " "); !ok {
			return none, fault.Invalid("after", "give the value of next of the page before")
		}
	}
	n := op.Limit(in.Limit)
	rows, err := db.Rows(c.Tx, selects, append(args, place, place, last, n+1), scanTask)
	if err != nil {
		return none, err
	}
	p := op.PageOf(rows, n, total, func(t Task) string { return t.place + " " + string(t.ID) })
	for i := range p.Items {
		if err := p.Items[i].resolve(c); err != nil {
			return none, err
		}
	}
	return p, nil
}

// args are the parameters of the condition wanted.
func (in Filter) args(c *op.Call) ([]any, error) {
	sight, owner, open, missed := "", in.Owner, "", ""
	if seesAll(c.Actor) {
		sight = "all"
	}
	if in.Owner == nobody {
		owner, open = "", nobody
	} else if in.Owner != "" {
		if _, err := id.Parse[id.User](in.Owner); err != nil {
			return nil, fault.Invalid("owner", "give a member's id, usr_…, or nobody")
		}
	}
	if in.Mine {
		if owner, open = string(c.Actor.User), ""; owner == "" {
			return nil, fault.Denied("Tasks of yours are a person's. Sign in, or act with a person's token.")
		}
	}
	if in.DueBefore != "" {
		if _, err := time.Parse(time.DateOnly, in.DueBefore); err != nil {
			return nil, fault.Invalid("due_before", "give a day as 2026-12-31")
		}
	}
	if in.State == missedState {
		missed = missedState
	}
	q := fold(in.Search)
	me := c.Actor.User
	return []any{sight, me, me, owner, owner, open, in.Object, in.Object, in.DueBefore, in.DueBefore, missed, q, q}, nil
}

// fold is text as it is searched.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// Today is the organization's civil date.
func Today(tx *db.Tx, org id.Org, now time.Time) (string, error) {
	zone, err := notify.Zone(tx, org)
	if err != nil {
		return "", err
	}
	return now.In(zone).Format(time.DateOnly), nil
}

// member is a person of this organization, by id.
func member(c *op.Call, field, ref string) (auth.Member, error) {
	all, err := auth.Members(c.Tx, c.Org)
	if err != nil {
		return auth.Member{}, err
	}
	for _, m := range all {
		if string(m.ID) == ref {
			return m, nil
		}
	}
	return auth.Member{}, fault.Invalid(field, "%q is no member; give a member's id, usr_…, or leave it out for nobody", ref)
}
