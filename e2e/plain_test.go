package e2e_test

import (
	"testing"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/assess"
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
