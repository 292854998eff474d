package app_test

import (
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/tasks"
)

// navCount is the figure of a line of the sidebar.
var navCount = regexp.MustCompile(`<span class="tm-nav-count">([^<]*)</span>`)

// sidebarOf are the lines of a page's sidebar by address, with their figures.
func sidebarOf(t *testing.T, page string) map[string]string {
	t.Helper()
	side, _, _ := strings.Cut(page, `<header class="tm-top">`)
	_, side, _ = strings.Cut(side, `<div class="tm-nav">`)
	out := map[string]string{}
	for _, line := range strings.Split(side, `<a href="`)[1:] {
		line, _, _ = strings.Cut(line, "</a>")
		href, rest, _ := strings.Cut(line, `"`)
		out[html.UnescapeString(href)] = ""
		if m := navCount.FindStringSubmatch(rest); m != nil {
			out[html.UnescapeString(href)] = m[1]
		}
	}
	if len(out) == 0 {
		t.Fatal("the page has no sidebar")
	}
	return out
}

func TestTheSidebarCountsWhatItsPagesList(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		a := installation(t, d)
		x := furnish(t, a, "aardvark", "QAA")
		x.engage()
		base := server(t, a, conf.Server{}).URL
		x.task(nil)
		done := do(t, x, tasks.Create, tasks.Wish{Title: "Done already"})
		do(t, x, tasks.Complete, tasks.Choice{IDs: []string{string(done.ID)}})
		own := do(t, x, controls.Create, x.ownControl())
		do(t, x, controls.Retire, controls.Retirement{ID: own.Code, Reason: "It was a mistake.", Version: own.Version})
		do(t, x, checks.Retire, checks.Reasoned{ID: x.freshCheck(), Reason: "It was a mistake."})

		keeper := x.seat(auth.ControlOwner)
		do(t, x, tasks.Create, tasks.Wish{Title: "Theirs", Owner: string(keeper.Actor.User)})
		for name, desk := range map[string]*op.Desk{"owner": x.desk, "control owner": keeper, "employee": x.seat(auth.Employee), "firm": x.seat(auth.Partner)} {
			t.Run(name, func(t *testing.T) { sameAsPages(t, x, desk, base) })
		}
	})
}

// sameAsPages compares the figures with what the operations behind the pages say
// in all.
func sameAsPages(t *testing.T, x *tenant, desk *op.Desk, base string) {
	ctx, cookie := t.Context(), x.cookie(desk)
	get := func(path string) string {
		a := send(t, signedIn(request(t, http.MethodGet, base+path, nil), cookie))
		if a.status != http.StatusOK {
			t.Fatalf("%s: %d", path, a.status)
		}
		return a.body
	}
	work := get("/settings")
	side := sidebarOf(t, work)
	total := map[string]func() (int64, error){
		"/criteria": func() (int64, error) {
			p, err := readiness.Get.Do(ctx, desk, op.None{})
			return int64(p.Total.InScope), err
		},
		"/controls": func() (int64, error) { p, err := controls.List.Do(ctx, desk, controls.Filter{}); return p.Total, err },
		"/controls?mine=1": func() (int64, error) {
			p, err := readiness.Get.Do(ctx, desk, op.None{})
			n := int64(0)
			for _, c := range p.Controls {
				if c.Owner == desk.Actor.User {
					n++
				}
			}
			return n, err
		},
		"/checks": func() (int64, error) {
			p, err := checks.List.Do(ctx, desk, checks.Filter{})
			return int64(len(p.Items)), err
		},
		"/sources":     func() (int64, error) { p, err := sources.List.Do(ctx, desk, op.None{}); return p.Total, err },
		"/engagements": func() (int64, error) { p, err := engagements.List.Do(ctx, desk, op.None{}); return p.Total, err },
		"/tasks":       func() (int64, error) { p, err := tasks.List.Do(ctx, desk, tasks.Filter{}); return p.Total, err },
	}
	for href, figure := range side {
		all, is := total[href]
		if !is {
			if figure != "" {
				t.Errorf("%s is said to have %s, which no operation says", href, figure)
			}
			continue
		}
		n, err := all()
		if err != nil {
			t.Fatal(href, err)
		}
		if figure != site.Count(n) {
			t.Errorf("%s is said to have %q, the page lists %d", href, figure, n)
		}
	}
	if side["/tasks"] == "" && desk.Actor.May(auth.ControlsRead) {
		t.Errorf("the tasks are not counted: %v", side)
	}
	if _, listed := side["/work"]; listed && desk.Actor.May(auth.ControlsRead) {
		for _, path := range []string{"/", "/work"} {
			n := sidebarOf(t, get(path))["/work"]
			want := "You have " + n + " thing"
			if few, err := strconv.Atoi(n); err == nil { // a sentence spells what is below ten
				want = "You have " + site.Spelled(few) + " thing"
			}
			if n == "0" {
				want = "Nothing waits for you."
			}
			if h := get("/work"); n == "" || !strings.Contains(h, want) {
				t.Errorf("%s says that %q wait, and the page itself something else", path, n)
			}
		}
	}
	if desk.Actor.May(auth.ControlsRead) {
		day := desk.Clock.Now().AddDate(0, 0, -1).Format("2006-01-02")
		if a := send(t, signedIn(request(t, http.MethodGet, base+"/criteria?as_of="+day, nil), cookie)); a.status == http.StatusOK {
			if n := sidebarOf(t, a.body)["/criteria"]; n != "" {
				t.Errorf("beside a page of another day stands %s", n)
			}
		}
	}
}
