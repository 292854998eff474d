package page

import (
	"net/url"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/tasks"
)

const pageSize = 50

// listed is the list of tasks with its filters.
type listed struct {
	op.Page[tasks.Task]
	Filter  tasks.Filter
	Today   string
	Members []site.Option
	Overdue int64
	Nobody  int64
	May     bool
}

func showList(v *site.Visit) error {
	f := tasks.Filter{Mine: v.Query("mine") == "1", Owner: v.Query("owner"), State: v.Query("state"), DueBefore: v.Query("due_before"), Object: v.Query("object"),
		Search: strings.TrimSpace(v.Query("q")), After: v.Query("after"), Limit: pageSize}
	x := listed{Filter: f, May: site.MayWork(v)}
	var err error
	if x.Today, err = site.Today(v); err != nil {
		return err
	}
	if x.Page, err = tasks.List.Do(v.Context(), v.Desk, f); err != nil {
		return err
	}
	count := func(f tasks.Filter, n *int64) error {
		f.Limit = 1
		p, err := tasks.List.Do(v.Context(), v.Desk, f)
		*n = p.Total
		return err
	}
	if err := count(tasks.Filter{DueBefore: x.Today}, &x.Overdue); err != nil {
		return err
	}
	if err := count(tasks.Filter{Owner: "nobody"}, &x.Nobody); err != nil {
		return err
	}
	if x.May {
		if x.Members, err = site.MemberOptions(v, "Nobody"); err != nil {
			return err
		}
	}
	return v.Show(shell("Tasks"), listBody(x))
}

func (x listed) sentence() string {
	what := map[string]string{"": "open", "open": "open", "done": "done", "dropped": "dropped", "missed": "missed", "any": "in all"}[x.Filter.State]
	if x.narrow() {
		return site.Capital(site.Several(int(x.Total), "task fits", "tasks fit")) + " what you ask for."
	}
	if x.Total == 0 && what == "open" {
		return "No task is open."
	}
	text := site.Capital(site.Several(int(x.Total), "task is ", "tasks are ")) + what + "."
	if what != "open" {
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
	f := x.Filter
	return f.Mine || f.Owner != "" || f.DueBefore != "" || f.Object != "" || f.Search != ""
}

// with is the address of the list with one filter changed.
func (x listed) with(name, value string) string {
	f := x.Filter
	q := url.Values{}
	for k, s := range map[string]string{"owner": f.Owner, "state": f.State, "due_before": f.DueBefore, "object": f.Object, "q": f.Search} {
		q.Set(k, s)
	}
	if f.Mine {
		q.Set("mine", "1")
	}
	q.Set(name, value)
	for k := range q {
		if q.Get(k) == "" {
			q.Del(k)
		}
	}
	if len(q) == 0 {
		return "/tasks"
	}
	return "/tasks?" + q.Encode()
}

func (x listed) chips() []site.Chip {
	f := x.Filter
	on := func(text, name, value string, in bool) site.Chip {
		if in {
			return site.Chip{Text: text, Href: x.with(name, "")}
		}
		return site.Chip{Text: text, Href: x.with(name, value), Add: true}
	}
	out := []site.Chip{on("Mine", "mine", "1", f.Mine), on("Nobody's", "owner", "nobody", f.Owner == "nobody"), on("Overdue", "due_before", x.Today, f.DueBefore == x.Today)}
	for _, s := range []struct{ state, text string }{{"done", "Done"}, {"dropped", "Dropped"}, {"missed", "Missed"}, {"any", "All"}} {
		out = append(out, on(s.text, "state", s.state, f.State == s.state))
	}
	if f.Owner != "" && f.Owner != "nobody" {
		out = append(out, site.Chip{Text: "Of one member", Href: x.with("owner", "")})
	}
	if f.DueBefore != "" && f.DueBefore != x.Today {
		out = append(out, site.Chip{Text: "Due before " + f.DueBefore, Href: x.with("due_before", "")})
	}
	if f.Object != "" {
		out = append(out, site.Chip{Text: "About " + f.Object, Href: x.with("object", "")})
	}
	if f.Search != "" {
		out = append(out, site.Chip{Text: "“" + f.Search + "”", Href: x.with("q", "")})
	}
	return out
}

func (x listed) table() site.TableView {
	empty := site.EmptyView{Title: "No task fits.", Text: "Remove a filter to see more.", Link: site.Link{Text: "Show all that are open", Href: "/tasks"}}
	if !x.narrow() {
		empty = site.EmptyView{Title: "Nothing here.", Text: "A task has an owner, a day and what it is about."}
		if x.May {
			empty.Link = site.Link{Text: "Add a task", Href: "/tasks/new"}
		}
	}
	t := site.TaskList{ID: "tasks", Caption: "Tasks", Rows: x.Items, Today: x.Today, Back: x.with("after", x.Filter.After), Members: x.Members, Empty: empty}.Table()
	t.Filters, t.More = x.chips(), searchForm(x)
	t.Pager = site.PagerView{Shown: int64(len(x.Items)), Of: x.Total, OlderText: "More"}
	if x.Next != "" {
		t.Pager.Older = x.with("after", x.Next)
	}
	if x.Filter.After != "" {
		t.Pager.Newer, t.Pager.NewerText = x.with("after", ""), "First"
	}
	return t
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
