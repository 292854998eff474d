package e2e_test

import (
	"testing"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/assess"
)

// keys drives a page by the keyboard alone and looks at the focus on each step.
type keys struct {
	*browser.Page
	t *testing.T
}

// seen fails unless something has the focus, shows it, and is in the window.
func (k keys) seen() {
	k.t.Helper()
	var said string
	k.Eval(`(() => {
		const e = document.activeElement;
		if (!e || e === document.body) return "";
		const what = e.outerHTML.slice(0, 120).replace(/\s+/g, " ");
		if (!e.matches(":focus-visible")) return "";
		const ring = x => x && getComputedStyle(x).outlineStyle !== "none" && parseFloat(getComputedStyle(x).outlineWidth) >= 2;
		const r = e.getBoundingClientRect();
		if (r.bottom <= 0 || r.top >= innerHeight || r.right <= 0 || r.left >= innerWidth) return "out of the window: " + what;
		return [e, e.closest(".tm-option"), e.parentElement].some(ring) ? "" : "without a ring: " + what;
	})()`, &said)
	if said != "" {
		k.t.Errorf("the focus is %s", said)
	}
}

// to presses Tab until the element has the focus.
func (k keys) to(selector string) {
	k.t.Helper()
	k.Wait(selector)
	const most = 150
	for range most {
		var there bool
		k.Eval("!!document.activeElement && document.activeElement.matches("+quoted(selector)+")", &there)
		if there {
			return
		}
		k.Press("Tab")
		k.seen()
	}
	k.t.Fatalf("%d presses of Tab do not reach %s", most, selector)
}

// write replaces what a field holds.
func (k keys) write(selector, text string) {
	k.t.Helper()
	k.to(selector)
	k.Press("Ctrl+a")
	k.Type(text)
}

// date types a day into a date field, digit by digit.
func (k keys) date(selector, month, day, year string) {
	k.t.Helper()
	k.to(selector)
	for _, digit := range month + day + year {
		k.Press(string(digit))
	}
}

// enter presses Enter and waits for the page it leads to.
func (k keys) enter(part string) {
	k.t.Helper()
	k.Navigates(func() { k.Press("Enter") })
	k.WaitURL(part)
}

func quoted(s string) string { return `"` + s + `"` }

func TestKeyboardAloneFromSetupToHome(t *testing.T) {
	wanted(t)
	s := serve(t, assess.Offer{Git: repository(t), Host: true})
	k := keys{browser.Open(t), t}
	k.Goto(s.url + "/setup")
	k.write("[name=token]", s.token)
	k.write("[name=organization]", who.org)
	k.write("[name=name]", who.name)
	k.write("[name=email]", who.email)
	k.write("[name=password]", who.password)
	k.to(send)
	k.enter("/start/scope")

	k.Press("Tab")
	var skip string
	k.Eval("document.activeElement.getAttribute('href')", &skip)
	if skip != "#main" {
		t.Errorf("the first stop is %q, want the link that skips to the page", skip)
	}
	k.Press("Enter")
	k.to("[name=requester]")
	k.Type("Aldine Bank")
	k.to("[name=type]")
	k.Press("ArrowDown")
	k.Wait("[name=as_of]")
	k.Press("ArrowUp")
	k.Wait("[name=starts]")
	k.date("[name=starts]", "01", "01", "2026")
	k.date("[name=ends]", "12", "31", "2026")
	k.to("[name=categories][value=availability]")
	k.Press("Space")
	k.to("#scope button[type=submit]")
	k.enter("/start/sources")

	k.to("[name=sources][value=host]")
	k.Press("Space")
	k.to(send)
	k.enter("/")
	k.WaitURL("/first-results")
	x := s.picture(t)
	if x.Scope.Starts != "2026-01-01" || x.Scope.Ends != "2026-12-31" || len(x.Scope.Categories) != 2 {
		t.Errorf("typed and decided is %+v", x.Scope)
	}

	k.Press("g")
	k.Navigates(func() { k.Press("h") })
	if got := k.Text("main h1"); got != x.Sentence {
		t.Errorf("home says %q, recorded is %q", got, x.Sentence)
	}
}

func TestKeysOfEveryPage(t *testing.T) {
	wanted(t)
	s := begun(t, assess.Offer{})
	k := keys{browser.Open(t), t}
	s.enter(k.Page, "/work")
	for key, path := range map[string]string{"c": "/criteria", "k": "/controls", "e": "/evidence", "l": "/log", "s": "/sources"} {
		k.Press("g")
		k.Navigates(func() { k.Press(key) })
		k.WaitURL(s.url + path)
	}

	k.Press("?")
	k.Wait("#tm-keys")
	k.Press("Escape")
	k.WaitGone("#tm-keys")

	k.Press("/")
	k.seen()
	k.Type("g k ?") // keys of the page are letters in a field
	k.WaitGone("#tm-keys")
	k.Press("Ctrl+a")
	k.Type("CC6.1")
	k.enter("/criteria/CC6.1")

	k.to(".tm-me > summary")
	k.Press("Enter")
	k.Wait(".tm-me .tm-menu")
	k.to(".tm-me [data-pref=keys] [value=off]")
	k.Press("Enter")
	k.Press("Escape")
	k.WaitGone(".tm-me .tm-menu")
	var at string
	k.Eval("document.activeElement.tagName + document.activeElement.parentElement.className", &at)
	if at != "SUMMARYtm-drop tm-me" {
		t.Errorf("closing the menu leaves the focus on %s", at)
	}
	k.Press("?")
	k.Goto(s.url + "/criteria")
	k.Press("?", "g", "k")
	k.WaitGone("#tm-keys")
	if got := k.URL(); got != s.url+"/criteria" {
		t.Errorf("single keys are switched off, and g k led to %s", got)
	}
}

func TestRowsOfATableByKeyboard(t *testing.T) {
	wanted(t)
	s := begun(t, assess.Offer{})
	k := keys{browser.Open(t), t}
	s.enter(k.Page, "/controls/library")
	k.Press("ArrowDown", "ArrowDown", "x")
	k.seen()
	k.WaitText("[data-bulk-count]", "1")
	k.Press("ArrowDown", "x")
	k.WaitText("[data-bulk-count]", "2")
	k.Press("ArrowUp")
	k.enter("/library/")
}
