package page

import (
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/erasures"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/tasks"
)

// What of each list stands on the page; the rest is a link.
const (
	tasksShown    = 200
	mentionsShown = 5
)

// work is what there is to do for the reader: their tasks by day, what waits for
// their approval, who asks them something, and what the picture calls for.
type work struct {
	picture
	Mine, Nobody, Others []readiness.Action

	Today                      string
	Overdue, Week, Later, Free []tasks.Task // mine; Free is nobody's
	Total                      int64        // of mine
	own                        int          // acts that are mine
	Members                    []site.Option
	Mentions                   op.Page[tasks.Mention]
	Approvals                  []site.ActionView
	May, Program               bool
}

func showWork(v *site.Visit) error {
	x := work{May: site.MayWork(v), Program: v.Actor.May(auth.ControlsRead)}
	for _, step := range []func(*site.Visit) error{x.readTasks, x.readMentions, x.readApprovals, x.readActs} {
		if err := step(v); err != nil {
			return err
		}
	}
	return v.Show(site.Shell{Title: "My work", Current: "/work", Crumbs: []site.Crumb{{Text: "My work"}}, Counts: x.counts()}, workBody(x))
}

// counts is what the sidebar says of the page. Only the pages that have the whole
// picture can say it.
func (x work) counts() map[string]int64 { return map[string]int64{"/work": int64(x.count())} }

// waiting is what waits for the reader of a picture, to be counted.
func (p picture) waiting(v *site.Visit) (map[string]int64, error) {
	if !v.Actor.May(auth.WorkRead) || v.Actor.User == "" {
		return nil, nil
	}
	mine, err := tasks.List.Do(v.Context(), v.Desk, tasks.Filter{Mine: true, Limit: 1})
	if err != nil {
		return nil, err
	}
	x := work{Program: true, Total: mine.Total, own: owned(p.Actions, v.Actor.Name)}
	if err := x.readApprovals(v); err != nil {
		return nil, err
	}
	return x.counts(), nil
}

func (x *work) readTasks(v *site.Visit) error {
	var err error
	if x.Today, err = site.Today(v); err != nil {
		return err
	}
	mine, err := tasks.List.Do(v.Context(), v.Desk, tasks.Filter{Mine: true, Limit: tasksShown})
	if err != nil {
		return err
	}
	x.Total = mine.Total
	week := civilDay(x.Today).AddDate(0, 0, 7).Format("2006-01-02")
	for _, t := range mine.Items {
		switch {
		case t.Late(x.Today):
			x.Overdue = append(x.Overdue, t)
		case t.Due != "" && t.Due <= week:
			x.Week = append(x.Week, t)
		default:
			x.Later = append(x.Later, t)
		}
	}
	free, err := tasks.List.Do(v.Context(), v.Desk, tasks.Filter{Owner: "nobody", Limit: tasksShown})
	if err != nil {
		return err
	}
	x.Free = free.Items
	if x.May {
		x.Members, err = site.MemberOptions(v, "Nobody")
	}
	return err
}

func (x *work) readMentions(v *site.Visit) error {
	var err error
	x.Mentions, err = tasks.Mentions.Do(v.Context(), v.Desk, tasks.Pages{Limit: mentionsShown})
	return err
}

// readApprovals gathers what a second person must say, where that is the reader.
func (x *work) readApprovals(v *site.Visit) error {
	now := v.Clock.Now()
	mine := func(a auth.Approver) bool { return a.ID == v.Actor.User }
	if v.Actor.May(auth.ExceptWrite) {
		list, err := checks.Exceptions.Do(v.Context(), v.Desk, checks.WaiverFilter{Mine: true, Limit: op.MaxLimit})
		if err != nil {
			return err
		}
		for _, w := range list.Items {
			x.Approvals = append(x.Approvals, site.ActionView{Status: site.StatusProposed, Text: "Approve or decline the exception: " + w.Reason, Href: checkHref(w.Check) + "#exceptions", Owner: w.Asker})
		}
	}
	if err := x.readLeaving(v, now, mine); err != nil {
		return err
	}
	if v.Actor.May(auth.EraseWrite) {
		list, err := erasures.List.Do(v.Context(), v.Desk, erasures.Filter{})
		if err != nil {
			return err
		}
		for _, e := range list.Items {
			if e.State == erasures.Waiting && !now.Before(e.AloneFrom) && slices.ContainsFunc(e.Approvers, mine) {
				x.Approvals = append(x.Approvals, site.ActionView{Status: site.StatusProposed, Text: "Approve or refuse the erasure: " + e.Reason, Href: "/erasures/" + string(e.ID), Owner: e.Asker})
			}
		}
	}
	return nil
}

// readActs sorts what the picture calls for by who does it.
func (x *work) readActs(v *site.Visit) error {
	if !x.Program {
		return nil
	}
	p, err := readPicture(v)
	if err != nil {
		return err
	}
	x.picture = p
	x.split(v.Actor.Name)
	return nil
}

// split sorts the acts by whose they are.
func (x *work) split(me string) {
	x.own = owned(x.Actions, me)
	for _, a := range x.Actions {
		switch {
		case a.Owner == "":
			x.Nobody = append(x.Nobody, a)
		case a.Owner == me:
			x.Mine = append(x.Mine, a)
		default:
			x.Others = append(x.Others, a)
		}
	}
}

// owned counts the acts that are somebody's. There may be ten thousand, and each
// is large: home counts them without copying one.
func owned(all []readiness.Action, who string) (n int) {
	for i := range all {
		if all[i].Owner != "" && all[i].Owner == who {
			n++
		}
	}
	return n
}

// count is everything that waits for the reader.
func (x work) count() int { return int(x.Total) + x.own + len(x.Approvals) }

func (x work) sentence() string {
	n := x.count()
	mine := "You have " + site.Several(int64(n), "thing", "things") + " to do."
	if n == 0 {
		mine = "Nothing waits for you."
		if x.Program && len(x.Nobody)+len(x.Free)+len(x.Others) == 0 {
			return "There is nothing to do."
		}
	}
	switch late := len(x.Overdue); {
	case late == 1:
		return mine + " One is overdue."
	case late > 1:
		return mine + " " + site.Capital(site.Spelled(late)) + " are overdue."
	}
	switch free := len(x.Nobody) + len(x.Free); free {
	case 0:
		return mine
	case 1:
		return mine + " One has no owner yet."
	default:
		return mine + " " + site.Capital(site.Spelled(free)) + " have no owner yet."
	}
}

func (x work) facts() []site.Fact {
	out := []site.Fact{{Text: site.Plural(x.Total, "task", "tasks") + " of yours", Href: "/tasks?mine=1"}}
	if x.Program {
		out = append(out, site.Fact{Text: site.Count(len(x.Mine)) + " acts on what you own, " + site.Count(len(x.Nobody)) + " nobody's, " + site.Count(len(x.Others)) + " of others: " + site.Count(len(x.Actions)) + " in all"})
	}
	return out
}

func (x work) sources() string {
	if x.Program {
		return "/figures"
	}
	return ""
}

func (x work) acts() []site.ButtonView {
	if !x.May {
		return nil
	}
	return []site.ButtonView{{Text: "Add a task", Kind: site.ButtonPrimary, Href: "/tasks/new"}}
}

func (x work) table(name, caption string, list []tasks.Task) site.TableView {
	t := site.TaskList{ID: name, Caption: caption, Rows: list, Today: x.Today, Back: "/work", Members: x.Members}.Table()
	t.Quiet = true
	return t
}

// told is a comment that mentions the reader, as a line of a list.
func told(m tasks.Mention) string {
	if m.About.Title != "" {
		return m.Author + " on " + m.About.Title
	}
	return m.Author
}

// excerpt is the beginning of a comment.
func excerpt(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) <= 140 {
		return string(r)
	}
	return string(r[:139]) + "…"
}

func commentHref(m tasks.Mention) string {
	return tasks.Place(m.Object) + "#" + string(id.Comment(m.ID))
}

// civilDay reads a civil date, which comes from the clock.
func civilDay(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}
	}
	return t
}
