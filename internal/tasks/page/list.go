package page

import (
	"cmp"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/tasks"
)

// listed is the list of tasks with its filters.
type listed struct {
	site.Listing[tasks.Task]
	Today   string
	Members []site.Option
	Overdue int64
	Nobody  int64
	May     bool
	v       *site.Visit
}

func showList(v *site.Visit) error {
	x := listed{May: site.MayWork(v), v: v}
	var err error
	if x.Today, err = site.Today(v); err != nil {
		return err
	}
	if x.May {
		if x.Members, err = site.MemberOptions(v, "Nobody"); err != nil {
			return err
		}
	}
	if x.Listing, err = x.list().Open(v); err != nil || x.Done {
		return err
	}
	for _, c := range []struct {
		n  *int64
		in tasks.Filter
	}{{&x.Overdue, tasks.Filter{DueBefore: x.Today}}, {&x.Nobody, tasks.Filter{Owner: "nobody"}}} {
		c.in.Limit = 1
		p, err := tasks.List.Do(v.Context(), v.Desk, c.in)
		if err != nil {
			return err
		}
		*c.n = p.Total
	}
	return v.Show(shell("Tasks"), listBody(x))
}

// list says what the list is made of.
func (x listed) list() site.List[tasks.Task] {
	rows := site.TaskList{Today: x.Today, Members: x.Members}
	l := site.List[tasks.Task]{
		Name: "tasks", Caption: "Tasks", One: "task", Many: "tasks", Find: "Find in tasks", Sort: "day",
		Columns: rows.Columns(), Row: rows.Row, Fetch: x.fetch,
		Filters: []site.Filter{
			{Name: "mine", Label: "Mine", Options: []site.Option{{Value: "1", Text: "Mine"}}, Chips: true},
			{Name: "unowned", Label: "Nobody's", Options: []site.Option{{Value: "1", Text: "Nobody's"}}, Chips: true},
			{Name: "overdue", Label: "Overdue", Options: []site.Option{{Value: "1", Text: "Overdue"}}, Chips: true},
			{Name: "state", Label: "State", Chips: true, Usual: tasks.Open, Options: []site.Option{{Value: tasks.Open, Text: "Open"}, {Value: tasks.Done, Text: "Done"}, {Value: tasks.Dropped, Text: "Dropped"}, {Value: "missed", Text: "Missed"}, {Value: "any", Text: "All"}}},
			{Name: "owner", Label: "Owner", Options: x.owners(), Say: x.owned},
			{Name: "due_before", Label: "Due before, as 2026-12-31", Say: func(s string) string { return "Due before " + s }},
			{Name: "object", Label: "About", Linked: true, Say: func(s string) string { return "About " + s }},
		},
		None: site.EmptyView{Title: "Nothing here.", Text: "A task has an owner, a day and what it is about."},
	}
	if x.May {
		l.None.Link = site.Link{Text: "Add a task", Href: "/tasks/new"}
	}
	if s := x.v.Query("f.state") + x.v.Query("state"); s != tasks.Done && s != tasks.Dropped {
		l.Bulk = rows.Bulk()
	}
	return l
}

// owners are whom tasks can be narrowed to. Who may give none to anybody names
// a member by the id.
func (x listed) owners() []site.Option {
	if len(x.Members) == 0 {
		return nil
	}
	out := []site.Option{{Value: "nobody", Text: "Nobody"}}
	return append(out, x.Members[1:]...)
}

func (x listed) owned(owner string) string {
	for _, o := range x.owners() {
		if o.Value == owner {
			return "Of " + o.Text
		}
	}
	return "Of one member"
}

func (x listed) fetch(a site.Ask) (op.Page[tasks.Task], error) {
	in := tasks.Filter{Mine: a.Filter("mine") != "", Owner: a.Filter("owner"), State: a.Filter("state"), DueBefore: a.Filter("due_before"), Object: a.Filter("object"), Search: a.Q, After: a.After, Limit: a.Limit}
	if a.Filter("unowned") != "" {
		in.Owner = "nobody"
	}
	if a.Filter("overdue") != "" {
		in.DueBefore = x.Today
	}
	return tasks.List.Do(x.v.Context(), x.v.Desk, in)
}

func (x listed) sentence() string {
	state := cmp.Or(x.Ask.Filter("state"), tasks.Open)
	if x.narrow() {
		return site.Capital(site.Several(int(x.Total), "task fits", "tasks fit")) + " what you ask for."
	}
	if x.Total == 0 && state == tasks.Open {
		return "No task is open."
	}
	if state == "any" {
		state = "in all"
	}
	text := site.Capital(site.Several(int(x.Total), "task is ", "tasks are ")) + state + "."
	if state != tasks.Open {
		return text
	}
	switch {
	case x.Overdue > 0 && x.Nobody > 0:
		return text + " " + site.Capital(site.Several(int(x.Overdue), "is overdue", "are overdue")) + ", and " + site.Several(int(x.Nobody), "is", "are") + " nobody's yet."
	case x.Overdue > 0:
		return text + " " + site.Capital(site.Several(int(x.Overdue), "is overdue.", "are overdue."))
	case x.Nobody > 0:
		return text + " " + site.Capital(site.Several(int(x.Nobody), "is nobody's yet.", "are nobody's yet."))
	}
	return text
}

// narrow reports whether any filter beside the state is in force.
func (x listed) narrow() bool {
	n := len(x.Ask.Filters)
	if x.Ask.Filter("state") != "" {
		n--
	}
	return n > 0 || x.Ask.Q != ""
}

func (x listed) acts() []site.ButtonView {
	if !x.May {
		return nil
	}
	return []site.ButtonView{{Text: "Add a task", Kind: site.ButtonPrimary, Href: "/tasks/new"}}
}

func bulk(v *site.Visit) error {
	var form struct {
		Act   string   `json:"act"`
		Back  string   `json:"back"`
		Due   string   `json:"due"`
		Owner string   `json:"owner"`
		IDs   []string `json:"id"`
	}
	if err := v.Form(&form); err != nil {
		return err
	}
	if len(form.IDs) == 0 {
		return fault.Invalid("", "Choose at least one task.")
	}
	var err error
	switch form.Act {
	case "complete":
		_, err = tasks.Complete.Do(v.Context(), v.Desk, tasks.Choice{IDs: form.IDs})
	case "assign":
		_, err = tasks.Assign.Do(v.Context(), v.Desk, tasks.Assignment{IDs: form.IDs, Owner: form.Owner})
	case "reschedule":
		_, err = tasks.Reschedule.Do(v.Context(), v.Desk, tasks.Move{IDs: form.IDs, Due: form.Due})
	default:
		err = fault.Invalid("", "Choose what to do with the tasks: done, another day, or another owner.")
	}
	if err != nil {
		return err
	}
	v.Web.Wake()
	return v.Goto(within(form.Back, "/tasks"))
}

// civilDate reads a civil date; the zero time if there is none.
func civilDate(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}
	}
	return t
}
