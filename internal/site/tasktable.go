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

// Table draws the list. Open ones can be chosen and acted on together.
func (l TaskList) Table() TableView {
	t := TableView{ID: l.ID, Caption: l.Caption, Empty: l.Empty, Columns: []Column{
		{Head: "Task", Wide: true, Phone: PlaceFirst}, {Head: "About"}, {Head: "Owner"}, {Head: "Due", Phone: PlaceEnd},
	}}
	open := false
	for _, x := range l.Rows {
		href := "/tasks/" + string(x.ID)
		about := Words("")
		if x.Object != nil && x.Object.Href != "" {
			about = Cell{Text: x.Object.Title, Href: x.Object.Href}
		}
		t.Rows = append(t.Rows, Row{Href: href, Key: string(x.ID), Cells: []Cell{
			{Text: x.Title, Href: href, Strong: true, Note: repeats(x)}, about, Node(Person(x.Owner)), l.due(x)}})
		open = open || x.State == tasks.Open
	}
	if open && len(l.Members) > 0 {
		t.Bulk = &Bulk{Action: "/tasks/bulk", Unit: "tasks", Fields: bulkFields(l), Buttons: []ButtonView{
			{Text: "Done", Kind: ButtonPrimary, Submit: true, Name: "act", Value: "complete"},
			{Text: "Move to this day", Submit: true, Name: "act", Value: "reschedule"},
			{Text: "Give to", Submit: true, Name: "act", Value: "assign"},
		}}
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
