package site

import (
	"net/url"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/tasks"
)

// How much of what people do about a thing stands on its page.
const (
	aroundTasks    = 8
	aroundComments = 100
)

// ThreadView is what people say beside a thing.
type ThreadView struct {
	Object   string
	Comments []CommentView
	Total    int64
	More     string // address of later ones
	May      bool   // the reader may comment
	Form     FormView
	Now      time.Time
}

// CommentView is one comment.
type CommentView struct {
	ID, Author, Text string
	At, Edited       time.Time
	Removed          bool
	Told             []string // whom it mentions
	Change           string   // where its author changes or removes it
}

// AroundView is what people do about a thing, and say: the foot of its page.
type AroundView struct {
	Thread ThreadView
	Tasks  []TaskView
	Open   int64  // tasks in all
	All    string // where all of them are
	Add    string // where one is added; empty if the reader may not
}

// TaskView is a task in a short list.
type TaskView struct {
	Text, Href, Owner string
	Due               string // as DueText writes it
	Late              bool
}

// An Errand is what a task that is added from a page begins with.
type Errand struct {
	Object, Title, Owner, Text string
}

// Href is where such a task is written.
func (a Errand) Href() string {
	q := url.Values{}
	for k, s := range map[string]string{"object": a.Object, "title": a.Title, "owner": a.Owner, "text": a.Text} {
		if s != "" {
			q.Set(k, s)
		}
	}
	return "/tasks/new?" + q.Encode()
}

// Around reads what people do about a thing, and say.
func Around(v *Visit, a Errand) (AroundView, error) {
	x := AroundView{All: "/tasks?" + url.Values{"object": {a.Object}, "state": {"any"}}.Encode()}
	var err error
	if !v.Actor.May(auth.WorkRead) {
		return x, nil
	}
	if x.Thread, err = Thread(v, a.Object, v.Query("comments")); err != nil {
		return x, err
	}
	list, err := tasks.List.Do(v.Context(), v.Desk, tasks.Filter{Object: a.Object, Limit: aroundTasks})
	if err != nil {
		return x, err
	}
	today, err := Today(v)
	if err != nil {
		return x, err
	}
	for _, t := range list.Items {
		x.Tasks = append(x.Tasks, TaskView{Text: t.Title, Href: "/tasks/" + string(t.ID), Owner: t.Owner, Due: DueText(t.Due, today), Late: t.Late(today)})
	}
	x.Open = list.Total
	if v.Actor.May(auth.WorkWrite) {
		x.Add = a.Href()
	}
	return x, nil
}

// Thread reads the comments on a thing, from after one on.
func Thread(v *Visit, object, after string) (ThreadView, error) {
	p, err := tasks.Comments.Do(v.Context(), v.Desk, tasks.Thread{Object: object, After: after, Limit: aroundComments})
	if err != nil {
		return ThreadView{}, err
	}
	x := ThreadView{Object: object, Total: p.Total, May: v.Actor.May(auth.WorkWrite), Now: v.Clock.Now(), Form: CommentForm(object)}
	for _, c := range p.Items {
		one := CommentView{ID: string(c.ID), Author: c.Author, Text: c.Text, At: c.At, Edited: c.Edited, Removed: !c.Removed.IsZero(), Told: c.Told}
		if c.AuthorID == v.Actor.User && !one.Removed && x.May {
			one.Change = "/comments/" + one.ID + "/edit"
		}
		x.Comments = append(x.Comments, one)
	}
	if p.Next != "" {
		x.More = "/comments?" + url.Values{"object": {object}, "after": {p.Next}}.Encode()
	}
	return x, nil
}

// CommentForm asks for a comment on a thing.
func CommentForm(object string) FormView {
	return FormView{ID: "comment", Action: "/comments", Fields: []FieldView{
		{Kind: FieldHidden, Name: "object", Value: object},
		{Kind: FieldArea, Name: "text", Label: "Your comment", Help: "@ and a member's name or address tells them.", Attrs: map[string]any{"maxlength": "5000"}},
		OnceKey(),
	}}
}

// Today is the organization's civil date.
func Today(v *Visit) (string, error) {
	var day string
	err := v.DB.Read(v.Context(), string(v.Org), func(tx *db.Tx) (err error) {
		day, err = tasks.Today(tx, v.Org, v.Clock.Now())
		return err
	})
	return day, err
}

// DueText writes a civil date as it is near to today.
func DueText(due, today string) string {
	d, err := time.Parse(time.DateOnly, due)
	if err != nil {
		return ""
	}
	t, err := time.Parse(time.DateOnly, today)
	switch {
	case err != nil:
		return Date(d)
	case d.Equal(t):
		return "today"
	case d.Equal(t.AddDate(0, 0, 1)):
		return "tomorrow"
	case d.Equal(t.AddDate(0, 0, -1)):
		return "yesterday"
	case d.Year() == t.Year():
		return DayMonth(d)
	}
	return Date(d)
}

// lines are the lines of a text, for line breaks without markup.
func lines(text string) []string {
	return strings.Split(strings.ReplaceAll(strings.TrimSpace(text), "\r\n", "\n"), "\n")
}

func (v AroundView) noTasks() EmptyView {
	e := EmptyView{Title: "No open task.", Text: "A task has an owner and a day."}
	if v.Add != "" {
		e.Link = Link{"Add a task", v.Add}
	}
	return e
}

func bellName(n int64) string {
	if n == 0 {
		return "No unread notices"
	}
	return Plural(n, "unread notice", "unread notices")
}

// bellCount keeps the top bar narrow; the name has the true count.
func bellCount(n int64) string {
	if n > 99 {
		return "99+"
	}
	return Count(n)
}
