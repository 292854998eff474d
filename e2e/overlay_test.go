package e2e_test

import (
	"testing"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/assess"
)

// TestTheDoorIsFairAndFits looks at what is seen before anybody is signed in.
func TestTheDoorIsFairAndFits(t *testing.T) {
	wanted(t)
	s := serve(t, assess.Offer{})
	p := browser.Open(t)
	look := func(at string) {
		t.Helper()
		p.Emulate(1440, 1000, false, false)
		thorough(t, p, at)
	}
	p.Goto(s.url)
	p.WaitURL("/setup")
	look("/setup")
	p.Follow(send)
	p.Wait(".tm-errors")
	look("/setup with nothing filled in")
	s.visitor(t).post("/setup", "token", s.token, "organization", who.org, "zone", "UTC", "name", who.name, "email", who.email, "password", who.password)
	p.Goto(s.url + "/controls")
	p.WaitURL("/sign-in")
	look("/sign-in")
	p.Fill("[name=email]", who.email)
	p.Fill("[name=password]", "guess")
	p.Follow(send)
	p.Wait(".tm-errors")
	look("/sign-in refused")
}

// TestWhatOpensOverAPageIsFair opens menus, the keys and a dialog.
func TestWhatOpensOverAPageIsFair(t *testing.T) {
	wanted(t)
	s := settled(t)
	p := browser.Open(t)
	s.enter(p, "/work")
	control := "/controls/" + s.picture(t).Controls[0].Code
	p.Emulate(1440, 1000, false, false)
	p.Goto(s.url + control)
	p.Click(".tm-me > summary")
	report(t, "the menu under one's initials", p.Axe())
	p.Press("Escape", "?")
	p.Wait("#tm-keys")
	report(t, "the keys", p.Axe())
	p.Press("Escape")
	p.Click("[data-opens]")
	p.Wait("dialog[open]")
	report(t, "a dialog", p.Axe())
	var inside bool
	p.Eval("!!document.activeElement.closest('dialog')", &inside)
	if !inside {
		t.Error("the focus is not in the dialog")
	}
	p.Press("Escape")
	p.WaitGone("dialog")
	var back bool
	p.Eval("document.activeElement.hasAttribute('data-opens')", &back)
	if !back {
		t.Error("closing the dialog does not give the focus back")
	}

	p.Emulate(390, 844, true, false)
	p.Click(".tm-tabs-bar button")
	p.Wait("#tm-more")
	report(t, "all pages, on a phone", p.Axe())
	var small int
	p.Eval("[...document.querySelectorAll('#tm-more a')].filter(a => a.getBoundingClientRect().height < 43.5).length", &small)
	if small > 0 {
		t.Errorf("%d links of the sheet are lower than 44 px", small)
	}
	p.Follow("#tm-more a[href='/log']")
}
