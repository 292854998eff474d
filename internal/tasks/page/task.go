package page

import (
	"strings"

	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/tasks"
)

// detail is one task with what is said of it.
type detail struct {
	tasks.Task
	Today  string
	To     string // whom it escalates to
	Thread site.ThreadView
	May    bool
	Log    site.HistoryView
}

func showTask(v *site.Visit) error {
	x, err := read(v)
	if err != nil {
		return err
	}
	return v.Show(x.shell(), taskBody(x))
}

func (x detail) shell() site.Shell {
	return shell(x.Title, site.Crumb{Text: site.Short(string(x.ID)), Mono: true})
}

func read(v *site.Visit) (detail, error) {
	x := detail{May: site.MayWork(v)}
	var err error
	if x.Task, err = tasks.Get.Do(v.Context(), v.Desk, tasks.Ref{ID: v.Path("id")}); err != nil {
		return x, err
	}
	if x.Today, err = site.Today(v); err != nil {
		return x, err
	}
	if x.EscalateTo != "" {
		list, err := orgs.Members.Do(v.Context(), v.Desk, op.None{})
		if err != nil {
			return x, err
		}
		x.To = "somebody who has left"
		for _, m := range list.Items {
			if m.ID == x.EscalateTo {
				x.To = m.Name
			}
		}
	}
	if x.Log, err = v.History("", string(x.ID), ""); err != nil {
		return x, err
	}
	x.Thread, err = site.Thread(v, string(x.ID), v.Query("comments"))
	return x, err
}

func (x detail) href() string { return "/tasks/" + string(x.ID) }

func (x detail) lead() site.Lead {
	l := site.Lead{ID: site.Short(string(x.ID)), Name: x.Title, Status: site.StatusNotStarted, Word: "Open"}
	switch {
	case x.State == tasks.Done && !x.Missed.IsZero():
		l.Status, l.Word = site.StatusFail, "Missed, done late"
	case x.State == tasks.Done:
		l.Status, l.Word = site.StatusPass, "Done"
	case x.State == tasks.Dropped:
		l.Status, l.Word = site.StatusNotApplicable, "Dropped"
	case !x.Missed.IsZero():
		l.Status, l.Word = site.StatusFail, "Missed"
	case x.Late(x.Today):
		l.Status, l.Word = site.StatusFail, "Overdue"
	}
	return l
}

func (x detail) sentence() string {
	who := x.Owner
	if who == "" {
		who = "nobody yet"
	}
	switch {
	case x.State == tasks.Done && !x.Missed.IsZero():
		return "It was missed on " + site.Date(civilDate(x.Due)) + " and done by " + x.SettledBy + " on " + site.Date(x.Settled) + "."
	case x.State == tasks.Done:
		return "It was done by " + x.SettledBy + " on " + site.Date(x.Settled) + "."
	case x.State == tasks.Dropped:
		return "It will not be done: " + strings.TrimSuffix(x.Reason, ".") + "."
	case !x.Missed.IsZero():
		return "It was missed on " + site.Date(civilDate(x.Due)) + ", and is still to be done by " + who + "."
	case x.Late(x.Today):
		return "It has been overdue since " + site.Date(civilDate(x.Due)) + ", with " + who + "."
	case x.Due == "":
		return "It is to be done by " + who + ", on no particular day."
	}
	return "It is to be done by " + who + ", on " + site.LongDate(civilDate(x.Due)) + "."
}

func (x detail) facts() []site.Fact {
	out := []site.Fact{{Text: "Owner", Person: x.Owner}, {Text: "Added by " + x.Creator + ", " + site.Date(x.Created)}}
	if x.Owner == "" {
		out[0].Person = "Nobody yet"
	}
	if x.Unit != "" {
		out = append(out, site.Fact{Text: "Comes again " + site.Rhythm(x.Every, x.Unit)})
	}
	return out
}

func (x detail) acts() []site.ButtonView {
	if !x.May {
		return nil
	}
	if x.State != tasks.Open {
		return []site.ButtonView{{Text: "Open again", Submit: true, Form: "reopen"}}
	}
	return []site.ButtonView{{Text: "Drop", Href: x.href() + "/drop"}, {Text: "Edit", Href: x.href() + "/edit"},
		{Text: "Done", Kind: site.ButtonPrimary, Submit: true, Form: "complete"}}
}

func (x detail) rows() []site.FactRow {
	out := []site.FactRow{}
	if x.Object != nil {
		r := site.FactRow{Key: "About", Value: x.Object.Ref, Mono: true}
		if x.Object.Href != "" {
			r = site.FactRow{Key: x.Object.Noun, Value: x.Object.Title, Href: x.Object.Href}
		}
		out = append(out, r)
	}
	due := "No day"
	if x.Due != "" {
		due = site.LongDate(civilDate(x.Due))
	}
	out = append(out, site.Text("Due", due))
	switch {
	case x.Due == "":
	case x.Remind > 0:
		out = append(out, site.Text("Reminders", site.Plural(x.Remind, "day", "days")+" ahead, on the day, and weekly once it is overdue"))
	default:
		out = append(out, site.Text("Reminders", "on the day, and weekly once it is overdue"))
	}
	if x.Escalate > 0 {
		word := site.Plural(x.Escalate, "day", "days") + " overdue, to " + x.To
		if !x.Escalated.IsZero() {
			word += "; escalated " + site.Date(x.Escalated)
		}
		out = append(out, site.Text("Escalates", word))
	}
	if x.Unit != "" {
		out = append(out, site.FactRow{Key: "Comes again", Value: site.Rhythm(x.Every, x.Unit), Href: "/tasks?state=any&q=" + strings.ReplaceAll(x.Title, " ", "+")})
	}
	return out
}

// history is told to whoever may not read the log, which says more.
func (x detail) history() []site.TimelineItem {
	var out []site.TimelineItem
	for i, e := range x.History {
		item := site.TimelineItem{Text: site.Capital(e.What), When: e.At, Who: e.Actor, Entry: e.Entry, Now: i == 0}
		if i == 0 && x.State == tasks.Dropped {
			item.Why = x.Reason
		}
		out = append(out, item)
	}
	return out
}

func complete(v *site.Visit) error {
	return act(v, func() error {
		_, err := tasks.Complete.Do(v.Context(), v.Desk, tasks.Choice{IDs: []string{v.Path("id")}})
		return err
	})
}

func reopen(v *site.Visit) error {
	return act(v, func() error {
		_, err := tasks.Reopen.Do(v.Context(), v.Desk, tasks.Ref{ID: v.Path("id")})
		return err
	})
}

// act does something to the task of the page and shows it again.
func act(v *site.Visit, do func() error) error {
	var none struct{}
	if err := v.Form(&none); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	v.Web.Wake()
	return v.Goto("/tasks/" + v.Path("id"))
}

func dropForm(x detail) site.FormView {
	f := site.FormView{Action: x.href() + "/drop", Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "reason", Label: "Why it will not be done", Autofocus: true},
	}, Buttons: []site.ButtonView{{Text: "Drop the task"}, {Text: "Keep it", Href: x.href()}}}
	if x.Unit != "" {
		f.Fields = append(f.Fields, site.FieldView{Kind: site.FieldChecks, Name: "series", Label: "And afterwards", Optional: true,
			Options: []site.Option{{Value: "true", Text: "It does not come again", Note: "Otherwise the next one begins."}}})
	}
	f.Fields = append(f.Fields, site.OnceKey())
	return f
}

func showDrop(v *site.Visit) error {
	x, err := read(v)
	if err != nil {
		return err
	}
	return v.Show(x.shell(), formBody("“"+x.Title+"” will not be done. Say why.", dropForm(x)))
}

func drop(v *site.Visit) error {
	var in tasks.Dropping
	if err := v.Form(&in); err != nil {
		return err
	}
	in.ID = v.Path("id")
	_, err := tasks.Drop.Do(v.Context(), v.Desk, in)
	if err == nil {
		v.Web.Wake()
		return v.Goto("/tasks/" + in.ID)
	}
	x, again := read(v)
	if again != nil {
		return again
	}
	f := dropForm(x)
	if f.Keep(v.R.PostForm); !f.Refused(err) {
		return err
	}
	return v.ShowWrong(x.shell(), formBody("“"+x.Title+"” will not be done. Say why.", f))
}
