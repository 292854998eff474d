package page_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/tasks"
	"github.com/tickmark/tickmark/internal/tasks/page"
)

func add(t *testing.T, desk *op.Desk, w tasks.Wish) string {
	t.Helper()
	x, err := tasks.Create.Do(t.Context(), desk, w)
	if err != nil {
		t.Fatal(err)
	}
	return string(x.ID)
}

func TestTheListFiltersAndActsOnSeveral(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		v.Get("/tasks").Says("h1", "No task is open.")
		me := string(desk.Actor.User)
		late := add(t, desk, tasks.Wish{Title: "Late one", Owner: me, Due: "2026-11-20"})
		free := add(t, desk, tasks.Wish{Title: "Free one"})
		list := v.Get("/tasks")
		list.Says("h1", "Two tasks are open. One is overdue, and one is nobody's yet.")
		rows := list.Texts("#tasks tbody tr")
		if len(rows) != 2 || !strings.Contains(rows[0], "Free one") || !strings.Contains(rows[1], "Overdue, yesterday") {
			t.Errorf("rows %q", rows)
		}
		v.Get("/tasks?mine=1").Silent("#tasks tbody", "Free one")
		v.Get("/tasks?q=free").Silent("#tasks tbody", "Late one")
		v.Get("/tasks?state=nonsense").Is(http.StatusUnprocessableEntity)
		v.Post("/tasks/bulk", "act", "assign", "owner", me, "id", late, "id", free, "back", "/work").LeadsTo("/work")
		v.Post("/tasks/bulk", "act", "reschedule", "due", "2026-12-24", "id", late, "back", "//evil.example").LeadsTo("/tasks")
		v.Post("/tasks/bulk", "act", "complete", "id", late, "id", free).LeadsTo("/tasks")
		v.Post("/tasks/bulk", "act", "complete").Is(http.StatusUnprocessableEntity)
		v.Get("/tasks").Says("h1", "No task is open.")
		v.Get("/tasks?state=done").Says("h1", "Two tasks are done.")
	})
}

func TestATaskIsWrittenChangedAndDropped(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		blank := v.Get("/tasks/new?title=Settle+it&object=check:git.commit.signed")
		if blank.Attr("input[name=title]", "value") != "Settle it" || blank.Attr("input[name=object]", "value") != "check:git.commit.signed" {
			t.Error("the form is not filled in")
		}
		wrong := v.Post("/tasks/new", "title", "Settle it", "due", "tomorrow", "unit", "week")
		wrong.Is(http.StatusUnprocessableEntity)
		wrong.Says(".tm-field-error", "Give a day as 2026-12-31.")
		made := v.Post("/tasks/new", "title", "Settle it", "text", "One\nTwo <b>", "due", "2026-11-30", "unit", "month", "every", "1")
		at := made.Header.Get("Location")
		one := v.Get(at)
		one.Says("h1", "It is to be done by nobody yet, on Monday 30 November 2026.")
		one.Says("#text", "One Two <b>")
		one.Says("#timeline", "Task added")
		if one.Count("#history") != 0 {
			t.Error("what happened is told twice")
		}
		if one.Count("#text br") != 1 || one.Count("#text b") != 0 {
			t.Error("line breaks and markup are not kept apart")
		}
		v.Post(at+"/edit", "title", "Settle it well", "due", "2026-12-01", "version", "1").LeadsTo(at)
		v.Post(at+"/edit", "title", "Settle it late", "version", "1").Says(".tm-errors", "changed since you read it")
		v.Post(at + "/complete").LeadsTo(at)
		v.Get(at).Says("h1", "It was done by Example Owner")
		v.Post(at + "/reopen").LeadsTo(at)
		v.Post(at+"/drop", "reason", "").Is(http.StatusUnprocessableEntity)
		v.Post(at+"/drop", "reason", "No longer needed.").LeadsTo(at)
		gone := v.Get(at)
		gone.Says("h1", "It will not be done: No longer needed.")
		gone.Says("#timeline li", "Task dropped")
		gone.Says("#timeline li", "“No longer needed.”")
		if !strings.HasPrefix(gone.Attr("#timeline li a", "href"), "/log/") {
			t.Error("the timeline does not lead to the entry")
		}
	})
}

func TestCommentsStandBesideATask(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		bo := optest.Member(t, desk, auth.Lead)
		v, w := s.As(desk), s.As(bo)
		id := add(t, desk, tasks.Wish{Title: "Look"})
		said := v.Post("/comments", "object", id, "text", "@Example compliance_lead\nlook")
		to := said.Header.Get("Location")
		if said.Status != http.StatusSeeOther || !strings.HasPrefix(to, "/tasks/"+id+"#cmt_") {
			t.Fatalf("%d to %q", said.Status, to)
		}
		thread := w.Get("/tasks/" + id)
		thread.Says("#comments", "told: Example compliance_lead")
		if thread.Attr(".tm-bell", "aria-label") != "1 unread notice" {
			t.Errorf("the bell says %q", thread.Attr(".tm-bell", "aria-label"))
		}
		wrong := v.Post("/comments", "object", id, "text", "@Example, look")
		wrong.Is(http.StatusUnprocessableEntity)
		wrong.Says(".tm-field-error", "write the whole name, or the address")
		wrong.Says("textarea", "@Example, look")
		_, comment, _ := strings.Cut(to, "#")
		w.Get("/comments/" + comment + "/edit").Is(http.StatusForbidden)
		v.Post("/comments/"+comment+"/edit", "text", "Never mind").LeadsTo(to)
		v.Post("/comments/" + comment + "/remove").LeadsTo("/tasks/" + id + "#comments")
		v.Get("/tasks/"+id).Says("#comments", "Removed by its author.")
	})
}

func TestAnEmployeeSeesTheirOwn(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		eve := optest.Member(t, desk, auth.Employee)
		v := sitetest.New(t, desk.Engine, page.Routes()).As(eve)
		theirs := add(t, desk, tasks.Wish{Title: "Not hers"})
		mine := add(t, desk, tasks.Wish{Title: "Hers", Owner: string(eve.Actor.User)})
		v.Get("/tasks").Says("h1", "One task is open.")
		v.Get("/tasks/"+mine).Says("#history", "Added")
		v.Get("/tasks/" + theirs).Is(http.StatusNotFound)
		v.Get("/tasks/" + theirs + "/edit").Is(http.StatusNotFound)
		v.Post("/tasks/" + theirs + "/complete").Is(http.StatusNotFound)
		v.Post("/tasks/" + mine + "/complete").LeadsTo("/tasks/" + mine)
	})
}
