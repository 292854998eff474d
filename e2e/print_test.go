package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/assess"
)

// seen lists what of these is drawn on the page.
const seen = `[...document.querySelectorAll(SELECTOR)].filter(e => e.checkVisibility() && e.getClientRects().length).map(e => e.outerHTML.slice(0, 80)).join("\n")`

// TestAPrintedPageIsADocument takes pages to paper, chosen at night: what leads
// elsewhere or asks for something is not there, what is said is, by day.
func TestAPrintedPageIsADocument(t *testing.T) {
	wanted(t)
	s := begun(t, assess.Offer{})
	p := browser.Open(t)
	s.enter(p, "/controls")
	p.Cookie(s.url, &http.Cookie{Name: "tickmark-theme", Value: "dark"})
	is := func(selector string) (out string) {
		t.Helper()
		p.Eval(strings.ReplaceAll(seen, "SELECTOR", "`"+selector+"`"), &out)
		return out
	}
	const chrome = "nav:not(.tm-pager), .tm-side, .tm-top, .btn, .tm-acts, .tm-copy, .tm-find, kbd, [popover], .tm-skip"
	for _, path := range []string{"/", "/criteria", "/controls", "/controls/library", "/checks", "/evidence", "/log", "/settings", "/gallery"} {
		p.Paper(false)
		p.Goto(s.url + path)
		if is(chrome) == "" || is(".tm-print-head") != "" {
			t.Fatalf("%s on a screen has no navigation, or the head of a sheet: this test shows nothing", path)
		}
		p.Paper(true)
		if got := is(chrome); got != "" {
			t.Errorf("%s is printed with what only a screen has use for:\n%s", path, got)
		}
		if is("main h1") == "" {
			t.Errorf("%s is printed without its sentence", path)
		}
		if head := p.Text(".tm-print-head"); !strings.Contains(head, who.org) || !strings.Contains(head, "Printed ") {
			t.Errorf("the sheets of %s begin with %q, without whose they are or when they were printed", path, head)
		}
		var dark int
		p.Eval(`[...document.querySelectorAll("main *")].filter(e => getComputedStyle(e).colorScheme === "dark" && e.getClientRects().length && !e.closest("[data-theme=dark]:not(html)")).length`, &dark)
		if dark > 0 {
			t.Errorf("%d parts of %s are printed as they look at night", dark, path)
		}
	}
	p.Paper(false)
}
