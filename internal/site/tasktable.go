package site

import (
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/tasks"
)

// TaskList is a table of tasks, on whichever page it stands.
type TaskList struct {
	ID, Caption string
	Rows        []tasks.Task
	Today       string
	Back        string   // page to return to after acting on several
	Members     []Option // to whom tasks can be given; none: nothing can be done here
	Empty       EmptyView
}

// MemberOptions are the members as choices, nobody first.
func MemberOptions(v *Visit, nobody string) ([]Option, error) {
	list, err := orgs.Members.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return nil, err
	}
	out := []Option{{Text: nobody}}
	for _, m := range list.Items {
		out = append(out, Option{Value: string(m.ID), Text: m.Name})
	}
	return out, nil
}

// MayWork reports whether the reader may act on tasks.
func MayWork(v *Visit) bool { return v.Actor.May(auth.WorkWrite) }

// Columns are those of a list of tasks.
func (l TaskList) Columns() []Col[tasks.Task] {
	type row = tasks.Task
	return []Col[row]{
		{ID: "task", Head: "Task", Wide: true, Phone: PlaceFirst, Fixed: true, Cell: func(x row) Cell { return Cell{Text: x.Title, Href: taskHref(x), Strong: true, Note: repeats(x)} }, Text: func(x row) any { return x.Title }},
		{ID: "about", Head: "About", Cell: func(x row) Cell {
			if x.Object == nil || x.Object.Href == "" {
				return Words("")
			}
			return Cell{Text: x.Object.Title, Href: x.Object.Href}
		}},
		{ID: "owner", Head: "Owner", Cell: func(x row) Cell { return Node(Person(x.Owner)) }, Text: func(x row) any { return x.Owner }},
		{ID: "repeats", Head: "Comes again", Spare: true, Cell: func(x row) Cell { return Words(repeats(x)) }},
		{ID: "creator", Head: "Added by", Spare: true, Cell: func(x row) Cell { return Words(x.Creator) }},
		{ID: "created", Head: "Added", Spare: true, Cell: func(x row) Cell { return Node(Moment(x.Created)) }, Text: func(x row) any { return DateTime(x.Created) }},
		{ID: "day", Head: "Day", Spare: true, Cell: func(x row) Cell { return Words(x.Due) }},
		{ID: "due", Head: "Due", Phone: PlaceEnd, Fixed: true, Cell: l.due},
	}
}

func taskHref(x tasks.Task) string { return "/tasks/" + string(x.ID) }

// Row is a task's.
func (l TaskList) Row(x tasks.Task) Row { return Row{Href: taskHref(x), Key: string(x.ID)} }

// Bulk is what can be done to several; nil where the reader may do nothing.
func (l TaskList) Bulk() *Bulk {
	if len(l.Members) == 0 {
		return nil
	}
	return &Bulk{Action: "/tasks/bulk", Unit: "tasks", Fields: bulkFields(l), Back: l.Back, Buttons: []ButtonView{
		{Text: "Done", Kind: ButtonPrimary, Submit: true, Name: "act", Value: "complete"},
		{Text: "Move to this day", Submit: true, Name: "act", Value: "reschedule"},
		{Text: "Give to", Submit: true, Name: "act", Value: "assign"},
	}}
}

// Table draws the list where it is part of another page. Open ones can be
// chosen and acted on together.
func (l TaskList) Table() TableView {
	t := TableView{ID: l.ID, Caption: l.Caption, Empty: l.Empty}
	var cols []Col[tasks.Task]
	for _, c := range l.Columns() {
		if !c.Spare {
			cols = append(cols, c)
			t.Columns = append(t.Columns, Column{Head: c.Head, Wide: c.Wide, Phone: c.Phone})
		}
	}
	for _, x := range l.Rows {
		r := l.Row(x)
		for _, c := range cols {
			r.Cells = append(r.Cells, c.Cell(x))
		}
		t.Rows = append(t.Rows, r)
		if x.State == tasks.Open {
			t.Bulk = l.Bulk()
		}
	}
	return t
}

// due says how a task stands against its day.
func (l TaskList) due(x tasks.Task) Cell {
	day := DueText(x.Due, l.Today)
	switch {
	case x.State == tasks.Dropped:
		return Mark(StatusNotApplicable, "Dropped")
	case x.State == tasks.Done && !x.Missed.IsZero():
		return Mark(StatusFail, "Missed, done "+DayMonth(x.Settled))
	case x.State == tasks.Done:
		return Mark(StatusPass, "Done "+DayMonth(x.Settled))
	case !x.Missed.IsZero():
		return Mark(StatusFail, "Missed "+day)
	case x.Late(l.Today):
		return Cell{Text: "Overdue, " + day, Tone: StatusFail, Status: StatusFail}
	case day == "":
		return Words("No day")
	}
	return Words(Capital(day))
}

func repeats(t tasks.Task) string {
	if t.Unit == "" {
		return ""
	}
	return Rhythm(t.Every, t.Unit)
}

// Rhythm says how often a task comes again.
func Rhythm(every int64, unit string) string {
	if every == 1 {
		return "every " + unit
	}
	return "every " + Count(every) + " " + unit + "s"
}
