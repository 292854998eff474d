package e2e_test

import (
	"context"
	"fmt"
	"html"
	"log/slog"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/demo"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/reports"
)

// staged serves a directory for the demonstration. Nothing runs beside the
// requests: the story is played by the test.
func staged(t *testing.T) *server {
	t.Helper()
	a, err := app.OpenDemo(t.Context(), conf.Config{Data: filepath.Join(t.TempDir(), "data")}, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(a.Handler(conf.Server{}, assess.Offer{}))
	t.Cleanup(func() {
		web.Close()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return &server{App: a, url: web.URL}
}

// A deed is an operation of the story.
type deed interface{ Summary() string }

// play takes a demonstration to the issued report, or until then says that it
// is enough. It is told how often something was done by now.
func (s *server) play(t *testing.T, git string, then func(what string, nth int) (enough bool)) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	counts := map[string]int{}
	err := s.PlayDemo(ctx, git, func(_ time.Time, _, what string) {
		if ctx.Err() == nil {
			counts[what]++
			if then(what, counts[what]) {
				stop()
			}
		}
	})
	if err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
}

// actor is who has a role in the demonstration.
func actor(t testing.TB, role string) account {
	t.Helper()
	for _, x := range demo.AccountsOfTheYear() {
		if x.Role == role {
			return account{x.Email, demo.Password}
		}
	}
	t.Fatalf("nobody is %s", role)
	return account{}
}

// as is a visitor who has a role in the demonstration.
func (s *server) as(t *testing.T, role string) *visitor {
	t.Helper()
	v, by := s.visitor(t), actor(t, role)
	v.post("/sign-in", "email", by.email, "password", by.password, "to", "/engagements")
	v.at("/engagements")
	return v
}

// examined tells the pages that there are only with an auditor.
func examined(route string) bool {
	return strings.HasPrefix(route, "GET /engagements/") || strings.HasPrefix(route, "GET /firm/")
}

var joinForm = regexp.MustCompile(`/join\?token=[^"<\s]+`)

// parts are routes of an examination that are no pages.
var parts = map[string]string{
	"GET /engagements/{id}/populations/{code}/lines":  "a part of a page",
	"GET /engagements/{id}/populations/{code}/strata": "a part of a page",
	"GET /engagements/{id}/testing/{ref}/rows":        "a part of a page",
	"GET /engagements/{id}/testing/{ref}/{item}":      "leads to the item's own address",
	"GET /engagements/{id}/report/prints/{report}":    "a file",
	"GET /engagements/{id}/testing/{ref}/extend":      "seen after a deviation that is taken to be isolated",
	"GET /engagements/{id}/testing/{ref}/full":        "seen where every item is tested",
}

// A stop is a moment of the story, after the nth time that something was done,
// and whose pages are looked at then.
type stop struct {
	after deed
	nth   int
	by    []string
}

var stops = []stop{
	{engagements.Propose, 1, []string{"compliance_lead", "partner"}},
	{engagements.Accept, 1, []string{"partner"}},
	{engagements.Plan, 1, []string{"staff"}},
	{populations.Request, 2, []string{"staff", "compliance_lead"}},
	{populations.Build, 1, []string{"compliance_lead"}},
	{populations.Seal, 1, []string{"staff"}},
	{engagements.Advance, 3, []string{"staff"}},                  // the period is closed
	{engagements.Advance, 4, []string{"staff", "control_owner"}}, // fieldwork
	{procedures.Classify, 1, []string{"staff", "compliance_lead"}},
	{procedures.Conclude, 1, []string{"manager"}},
	{opinions.Judge, 33, []string{"partner"}},
	{engagements.Advance, 6, []string{"staff"}},              // the draft is written
	{engagements.Advance, 8, []string{"sponsor", "partner"}}, // to be signed
	{reports.Sign, 1, []string{"partner"}},
	{reports.Issue, 1, []string{"compliance_lead", "partner"}},
}

// TestEveryPageOfAnExamination looks at the pages of the demonstration while
// it is played: at each stop those whose forms have not been seen on that side.
func TestEveryPageOfAnExamination(t *testing.T) {
	wanted(t)
	s, b := staged(t), browser.Start(t)
	seen, reached := map[string]bool{}, map[string]bool{}
	left := slices.Clone(stops)
	s.play(t, repository(t), func(what string, nth int) bool {
		left = slices.DeleteFunc(left, func(x stop) bool {
			if x.after.Summary() != what || x.nth != nth {
				return false
			}
			for _, role := range x.by {
				s.look(t, b, role, x.after == reports.Issue, seen, reached)
			}
			return true
		})
		return false
	})
	v := s.as(t, "owner")
	v.post("/settings/invitations", "role", "cpa_firm")
	link := html.UnescapeString(joinForm.FindString(v.body))
	if link == "" {
		t.Fatalf("nobody can be invited: %s", v.text())
	}
	inspect(t, b, s.visitor(t), []string{link, "/join"}, thorough)
	for _, x := range left {
		t.Errorf("%q is not done %d times", x.after.Summary(), x.nth)
	}
	for _, r := range app.Pages(assess.Offer{}) {
		if _, exempt := parts[r.Pattern]; strings.HasPrefix(r.Pattern, "GET ") && examined(r.Pattern) && !reached[r.Pattern] && !exempt {
			t.Errorf("%s: no page leads there", r.Pattern)
		}
	}
}

// look follows what somebody is shown of the examination and judges what is
// new; last says that it will not change any more.
func (s *server) look(t *testing.T, b *browser.Browser, role string, last bool, seen, reached map[string]bool) {
	t.Helper()
	v := s.as(t, role)
	f := crawl(t, v, way{starts: []string{"/", "/engagements", "/settings"}, most: most, within: func(path string) bool {
		for _, part := range []string{"/engagements", "/firm/", "/settings"} {
			if strings.HasPrefix(path, part) {
				return true
			}
		}
		return path == "/" || path == "/work"
	}})
	side := "client"
	if strings.Contains("partner manager staff", role) {
		side = "firm"
	}
	var fresh []string
	rich := map[string]bool{}
	for _, route := range slices.Sorted(maps.Keys(f.routes)) {
		reached[route] = true
		for _, at := range f.routes[route] {
			key := fmt.Sprint(side, " ", route, " ", f.forms[at], " ", last)
			if at == "" || seen[key] || !examined(route) && (side == "client" || last) && at != "/" && at != "/engagements" {
				continue
			}
			// A page is judged by night and on phones when it holds the most:
			// one that asks for something at once, any other at the end.
			if seen[key] = true; !seen[route] && (last || f.forms[at] != "") {
				seen[route], rich[at] = true, true
			}
			fresh = append(fresh, at)
		}
	}
	inspect(t, b, v, fresh, func(t *testing.T, p *browser.Page, at string) {
		where := "as " + role + ", " + at
		if rich[at] {
			thorough(t, p, where)
		} else {
			brief(t, p, where)
		}
	})
	t.Logf("%s: %d pages, %d looked at", role, len(f.forms), len(fresh))
}

// twoAccounts is the last morning of the year: in three presses from the home
// page to the two accounts because of which CC6.1 is not ready.
func (s *server) twoAccounts(t *testing.T) {
	t.Helper()
	v := s.as(t, "compliance_lead")
	for name, size := range map[string][2]int{"desktop": {1440, 900}, "phone": {390, 844}} {
		t.Run(name, func(t *testing.T) {
			p := browser.Open(t)
			p.Emulate(size[0], size[1], name == "phone", false)
			for _, c := range v.cookies() {
				p.Cookie(s.url, c)
			}
			p.Goto(s.url + "/")
			if said := p.Text("h1"); !strings.Contains(said, "31 of 38") {
				t.Errorf("the home page says %q", said)
			}
			if said := p.Text("body"); !strings.Contains(said, "DEMO.") {
				t.Error("the home page does not say DEMO")
			}
			p.Follow("main a[href='/criteria/CC6.1']")
			p.Follow("#why li .tm-row-link")
			said := p.Text("main")
			for _, login := range []string{"svc-scan-02", "contractor-hale"} {
				if !strings.Contains(said, login) {
					t.Errorf("%s after two presses does not name %s: %.400s", p.URL(), login, said)
				}
			}
			p.Follow("#findings tbody a[href^='/sources/']")
			if v := p.Axe(); len(v) > 0 {
				t.Errorf("axe: %v", v)
			}
			j := &trip{keys{p, t}, &world{server: s}, look{name, size[0], size[1], name == "phone"}}
			j.earlier("CHG-81", s.Clock.Now().AddDate(0, -6, 0).Format(time.DateOnly))
		})
	}
}
