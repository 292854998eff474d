package e2e_test

import (
	"testing"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/assess"
)

const (
	day   = "rgb(247, 247, 243)"
	night = "rgb(15, 18, 21)"
)

func paper(p *browser.Page) string {
	var c string
	p.Eval("getComputedStyle(document.body).backgroundColor", &c)
	return c
}

func TestNightByDeviceAndByChoice(t *testing.T) {
	wanted(t)
	s := begun(t, assess.Offer{})
	p := browser.Open(t)
	is := func(what, want string) {
		t.Helper()
		if got := paper(p); got != want {
			t.Errorf("%s: the page is on %s, want %s", what, got, want)
		}
	}
	p.Emulate(1440, 1000, false, true)
	p.Goto(s.url + "/sign-in")
	is("a device that prefers night", night)
	p.Emulate(1440, 1000, false, false)
	is("a device that prefers day", day)
	s.enter(p, "/controls")
	choose := func(theme string) {
		p.Click(".tm-me > summary")
		p.Click(".tm-me [data-pref=theme] [value=" + theme + "]")
		p.Wait(".tm-me [data-pref=theme] [value=" + theme + "][aria-pressed=true]")
		p.Press("Escape")
	}
	choose("dark")
	is("night chosen by day", night)
	p.Goto(s.url + "/criteria")
	is("the next page after choosing night", night)
	choose("light")
	p.Emulate(1440, 1000, false, true)
	is("day chosen by night", day)
	choose("auto")
	is("what the device says", night)
}

func TestNothingMovesWhereMotionIsUnwanted(t *testing.T) {
	wanted(t)
	s := begun(t, assess.Offer{})
	p := browser.Open(t)
	s.enter(p, "/gallery")
	moving := func() (n int) {
		p.Eval(`[...document.querySelectorAll("*")].filter(e => {
			const c = getComputedStyle(e), some = v => v.split(",").some(d => parseFloat(d) > 0);
			return c.transitionProperty !== "none" && some(c.transitionDuration) || c.animationName !== "none" && some(c.animationDuration);
		}).length`, &n)
		return n
	}
	p.Prefers("prefers-reduced-motion", "no-preference")
	if moving() == 0 {
		t.Error("nothing moves at all, so this test shows nothing")
	}
	p.Prefers("prefers-reduced-motion", "reduce")
	if n := moving(); n > 0 {
		t.Errorf("%d elements move although the person wants none of it", n)
	}
}
