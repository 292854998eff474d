package page

import (
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/tasks"
)

func threadShell() site.Shell {
	return site.Shell{Title: "Comments", Crumbs: []site.Crumb{{Text: "Comments"}}}
}

func showThread(v *site.Visit) error {
	t, err := site.Thread(v, v.Query("object"), v.Query("after"))
	if err != nil {
		return err
	}
	return v.Show(threadShell(), threadBody(t))
}

func say(v *site.Visit) error {
	var in tasks.Saying
	err := v.Form(&in)
	if err == nil {
		var c tasks.Comment
		if c, err = tasks.Say.Do(v.Context(), v.Desk, in); err == nil {
			v.Web.Wake()
			return v.Goto(tasks.Place(in.Object) + "#" + string(c.ID))
		}
	}
	t, again := site.Thread(v, in.Object, "")
	if again != nil {
		return again
	}
	if t.Form.Keep(v.R.PostForm); !t.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(threadShell(), threadBody(t))
}

func commentForm(c tasks.Comment) site.FormView {
	return site.FormView{Action: "/comments/" + string(c.ID) + "/edit", Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "text", Label: "Your comment", Value: c.Text, Rows: 6, Help: "@ and a member's name or address tells them. The log keeps what it said before."},
	}, Buttons: []site.ButtonView{{Text: "Save the comment"}, {Text: "Leave it", Href: tasks.Place(c.Object) + "#" + string(c.ID)}}}
}

func showComment(v *site.Visit) error {
	c, err := tasks.Mine.Do(v.Context(), v.Desk, tasks.CommentRef{ID: v.Path("id")})
	if err != nil {
		return err
	}
	return v.Show(threadShell(), commentBody(c, c.Editable(v.Actor.User, v.Clock.Now()), commentForm(c)))
}

func changeComment(v *site.Visit) error {
	var in tasks.Correction
	err := v.Form(&in)
	in.ID = v.Path("id")
	if err == nil {
		var c tasks.Comment
		if c, err = tasks.Edit.Do(v.Context(), v.Desk, in); err == nil {
			v.Web.Wake()
			return v.Goto(tasks.Place(c.Object) + "#" + in.ID)
		}
	}
	c, again := tasks.Mine.Do(v.Context(), v.Desk, tasks.CommentRef{ID: in.ID})
	if again != nil {
		return again
	}
	f := commentForm(c)
	if f.Keep(v.R.PostForm); !f.Refused(err) {
		return err
	}
	return v.ShowWrong(threadShell(), commentBody(c, true, f))
}

func removeComment(v *site.Visit) error {
	var none struct{}
	if err := v.Form(&none); err != nil {
		return err
	}
	c, err := tasks.Remove.Do(v.Context(), v.Desk, tasks.CommentRef{ID: v.Path("id")})
	if err != nil {
		return err
	}
	return v.Goto(tasks.Place(c.Object) + "#comments")
}

func threadSentence(t site.ThreadView) string {
	if t.Total == 0 {
		return "Nothing has been said yet."
	}
	return site.Capital(site.Several(t.Total, "comment", "comments")) + ", the oldest first."
}
