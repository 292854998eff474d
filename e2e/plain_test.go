package e2e_test

import (
	"strings"
	"testing"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/engagements"
)

// TestWithoutScripts does the main things in a browser that runs none.
func TestWithoutScripts(t *testing.T) {
	wanted(t)
	s := serve(t, assess.Offer{Git: repository(t), Host: true})
	p := browser.Open(t)
	p.Scripts(false)
	p.Goto(s.url)
	p.Fill("[name=token]", s.token)
	p.Fill("[name=organization]", who.org)
	p.Fill("[name=name]", who.name)
	p.Fill("[name=email]", who.email)
	p.Fill("[name=password]", who.password)
	p.Follow(send)
	p.WaitURL("/start/scope")
	var scripts string
	p.Eval("document.documentElement.dataset.js || ''", &scripts)
	if scripts != "" {
		t.Fatal("scripts run")
	}
	p.Click("[name=type][value=type_1]")
	p.Fill("[name=as_of]", "2026-12-31")
	p.Follow("#scope button[type=submit]")
	p.WaitURL("/start/sources")
	p.Click("[name=sources][value=host]")
	p.Follow(send)
	p.WaitURL("/first-results")

	p.Goto(s.url + "/controls/library?proposed=1")
	p.Click("tbody [name=codes]")
	p.Follow(".tm-bulk button[type=submit]")
	x := s.picture(t)
	if len(x.Controls) != 1 {
		t.Fatalf("%d controls are adopted, want 1", len(x.Controls))
	}
	p.Goto(s.url + "/")
	if got := p.Text("main h1"); got != x.Sentence {
		t.Errorf("home says %q, recorded is %q", got, x.Sentence)
	}

	p.Goto(s.url + "/controls/" + x.Controls[0].Code)
	p.Follow("main a[href$='/retire']")
	p.Wait("main form [name=reason]")

	p.Click(".tm-me > summary")
	p.Follow(".tm-me [data-pref=theme] [value=dark]")
	if got := paper(p); got != night {
		t.Errorf("night was chosen; the page is on %s", got)
	}
	p.Click(".tm-me > summary")
	p.Follow(".tm-me form[action='/sign-out'] button")
	p.WaitURL("/sign-in")
	s.enter(p, "/")
	p.Wait(".tm-map")
}

// TestTestingWithoutScripts answers an item and marks it in browsers that run
// no scripts.
func TestTestingWithoutScripts(t *testing.T) {
	wanted(t)
	s, b := staged(t), browser.Start(t)
	s.play(t, repository(t), func(what string, nth int) bool { return what == engagements.Advance.Summary() && nth == 4 })
	const engagement = "main a[href^='/engagements/eng_']"
	enter := func(role string) *browser.Page {
		p, by := b.Page(t), actor(t, role)
		p.Scripts(false)
		s.signIn(p, by.email, by.password, "/engagements")
		p.Follow(engagement)
		return p
	}

	p := enter("control_owner")
	base := p.URL()
	p.Goto(base + "/items/ACC-81")
	const open = "main tbody tr"
	item := p.Text(open + " td a")
	p.Click(open + " [name=id]")
	p.Follow(".tm-bulk button[type=submit]")
	p.Click("main form [name=evidence]")
	p.Follow("main form button[type=submit]")
	p.Goto(base + "/items/ACC-81")
	if row := p.Text("main tbody tr"); !strings.HasPrefix(row, item) || strings.Contains(row, "None yet") {
		t.Errorf("%s was answered; its row says %q", item, row)
	}

	p = enter("staff")
	p.Goto(base + "/testing/ACC-81/items/" + item)
	const form = "main form[action$='/marks']"
	p.Click(form + " [name=mark][value=deviation]")
	p.Follow(form + " button[type=submit]")
	if text := p.Text(form); !strings.Contains(text, "reason") {
		t.Errorf("a deviation without a reason was taken: %s", text)
	}
	p.Fill(form+" [name=reason]", "Reviewed two months late.")
	p.Follow(form + " button[type=submit]")
	p.Goto(base + "/deviations")
	if text := p.Text("main"); !strings.Contains(text, "ACC-81") || !strings.Contains(text, item) {
		t.Errorf("the deviations do not name %s: %s", item, text)
	}
	p.Goto(base + "/testing/ACC-81/items/" + item)
	var left bool
	if p.Eval("[...document.querySelectorAll('main [data-mark-leave]')].some(e => e.checkVisibility())", &left); left {
		t.Error("without scripts there is a button that does nothing")
	}
}
