package page

import (
	"strconv"

	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/tasks"
)

// form asks for everything a task says.
func form(v *site.Visit, w tasks.Wish) (site.FormView, error) {
	owners, err := site.MemberOptions(v, "Nobody yet")
	if err != nil {
		return site.FormView{}, err
	}
	seconds, err := site.MemberOptions(v, "Nobody")
	if err != nil {
		return site.FormView{}, err
	}
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	days := map[string]any{"min": "0", "max": "365"}
	return site.FormView{Fields: []site.FieldView{
		{Name: "title", Label: "What is to be done", Help: "As an order: Rotate the signing key.", Value: w.Title, Attrs: map[string]any{"maxlength": "200"}},
		{Kind: site.FieldArea, Name: "text", Label: "What whoever does it should know", Value: w.Text, Rows: 4, Optional: true},
		{Kind: site.FieldSelect, Name: "owner", Label: "Owner", Help: "Is told at once.", Options: choose(owners, w.Owner), Optional: true},
		{Kind: site.FieldDate, Name: "due", Label: "Due", Help: "Needed if it comes again or is escalated.", Value: w.Due, Optional: true},
		{Name: "object", Label: "About", Help: "An id such as ctl_… or evd_…, or check: and the name of a check. It is filled in when you come from its page.", Value: w.Object, Mono: true, Optional: true},
		{Kind: site.FieldSelect, Name: "unit", Head: "When it comes again", Label: "Comes again", Beside: true, Optional: true, Options: choose([]site.Option{{Text: "Never"}, {Value: "day", Text: "After days"},
			{Value: "week", Text: "After weeks"}, {Value: "month", Text: "After months"}, {Value: "quarter", Text: "After quarters"}, {Value: "year", Text: "After years"}}, w.Unit)},
		{Kind: site.FieldNumber, Name: "every", Label: "After how many of them", Help: "2 with weeks is every other week. 1 if left out.", Value: number(w.Every), Beside: true, Optional: true, Attrs: map[string]any{"min": "1", "max": "1000"}},
		{Kind: site.FieldNumber, Name: "remind", Head: "Before and after its day", Label: "Remind so many days ahead", Help: "0 to 365. On the day in any case, and weekly once it is overdue.", Value: number(w.Remind), Beside: true, Optional: true, Attrs: days},
		{Kind: site.FieldNumber, Name: "escalate", Label: "Escalate after so many days overdue", Help: "1 to 365. Never if left out.", Value: number(w.Escalate), Beside: true, Optional: true, Attrs: days},
		{Kind: site.FieldSelect, Name: "escalate_to", Label: "Escalate to", Help: "Who is told then.", Options: choose(seconds, w.EscalateTo), Beside: true, Optional: true},
		site.OnceKey(),
	}}, nil
}

// choose marks the option that holds.
func choose(list []site.Option, value string) []site.Option {
	for i := range list {
		list[i].Chosen = list[i].Value == value
	}
	return list
}

const newSentence = "A task has one owner and one day."

func newForm(v *site.Visit, w tasks.Wish) (site.FormView, error) {
	f, err := form(v, w)
	f.Action, f.Buttons = "/tasks/new", []site.ButtonView{{Text: "Add the task"}, {Text: "Cancel", Href: "/tasks"}}
	return f, err
}

func showNew(v *site.Visit) error {
	f, err := newForm(v, tasks.Wish{Title: v.Query("title"), Text: v.Query("text"), Owner: v.Query("owner"), Object: v.Query("object"), Due: v.Query("due"), Remind: 3})
	if err != nil {
		return err
	}
	return v.Show(shell("Add a task", site.Crumb{Text: "Add a task"}), formBody(newSentence, f))
}

func create(v *site.Visit) error {
	var in tasks.Wish
	err := v.Form(&in)
	if err == nil {
		var t tasks.Task
		if t, err = tasks.Create.Do(v.Context(), v.Desk, in); err == nil {
			v.Web.Wake()
			return v.Goto("/tasks/" + string(t.ID))
		}
	}
	f, again := newForm(v, in)
	if again != nil {
		return again
	}
	if f.Keep(v.R.PostForm); !f.Refused(err) {
		return err
	}
	return v.ShowWrong(shell("Add a task", site.Crumb{Text: "Add a task"}), formBody(newSentence, f))
}

func editForm(v *site.Visit, x detail) (site.FormView, error) {
	w := tasks.Wish{Title: x.Title, Text: x.Text, Owner: string(x.OwnerID), Due: x.Due, Every: x.Every, Unit: x.Unit, Remind: x.Remind, Escalate: x.Escalate, EscalateTo: string(x.EscalateTo)}
	if x.Object != nil {
		w.Object = x.Object.Ref
	}
	f, err := form(v, w)
	f.Action, f.Version = x.href()+"/edit", strconv.FormatInt(x.Version, 10)
	f.Buttons = []site.ButtonView{{Text: "Save the task"}, {Text: "Cancel", Href: x.href()}}
	return f, err
}

func showEdit(v *site.Visit) error {
	x, err := read(v)
	if err != nil {
		return err
	}
	f, err := editForm(v, x)
	if err != nil {
		return err
	}
	return v.Show(x.shell(), formBody("What “"+x.Title+"” says.", f))
}

func edit(v *site.Visit) error {
	var in tasks.Revision
	err := v.Form(&in)
	in.ID = v.Path("id")
	if err == nil {
		if _, err = tasks.Update.Do(v.Context(), v.Desk, in); err == nil {
			v.Web.Wake()
			return v.Goto("/tasks/" + in.ID)
		}
	}
	x, again := read(v)
	if again != nil {
		return again
	}
	f, again := editForm(v, x)
	if again != nil {
		return again
	}
	if f.Keep(v.R.PostForm); !f.Refused(err) {
		return err
	}
	return v.ShowWrong(x.shell(), formBody("What “"+x.Title+"” says.", f))
}
