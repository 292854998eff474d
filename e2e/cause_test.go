package e2e_test

import (
	"strings"
	"testing"

	"github.com/tickmark/tickmark/e2e/browser"
)

// TestThreeClicksFromHomeToTheCause is somebody who has never seen it: why is
// a criterion not ready, who or what fails, and what is to be done.
func TestThreeClicksFromHomeToTheCause(t *testing.T) {
	wanted(t)
	s := settled(t)
	for name, size := range map[string][2]int{"desktop": {1440, 900}, "phone": {390, 844}} {
		t.Run(name, func(t *testing.T) {
			p := browser.Open(t)
			p.Emulate(size[0], size[1], name == "phone", false)
			s.enter(p, "/")
			clicks := 0
			click := func(selector string) {
				p.Follow(selector)
				clicks++
			}
			// A cell of the map that is not met by something that fails.
			var cell string
			p.Eval(`(() => {
				const shown = (a) => a.getClientRects().length > 0;
				const a = [...document.querySelectorAll("main a[href^='/criteria/CC']")].find(a => shown(a) && a.closest("[class*=fail], [class*=not-met]")) ||
					[...document.querySelectorAll("main a[href^='/criteria/CC']")].find(shown);
				return a ? a.getAttribute("href") : "";
			})()`, &cell)
			if cell == "" {
				t.Fatal("home leads to no criterion")
			}
			click("main a[href='" + cell + "']")
			// The first press shows why, and what to do.
			p.Wait("#why li")
			if p.Text("#why") == "" || p.Count("#why .tm-row-text") == 0 {
				t.Errorf("%s does not say what to do: %q", cell, p.Text("#why"))
			}
			if p.Count("#why li a[href^='/sources/']") == 0 {
				t.Fatalf("%s names nothing that fails: %q", cell, p.Text("#why"))
			}
			// The second leads to the check: why and how.
			click("#why li .tm-row-link")
			if !strings.Contains(p.URL(), "/checks/") || p.Count("#why") == 0 {
				t.Errorf("the second press leads to %s", p.URL())
			}
			// The third to the very thing that fails.
			click("#findings tbody a[href^='/sources/']")
			if !strings.Contains(p.URL(), "/sources/") {
				t.Errorf("the third press leads to %s", p.URL())
			}
			if clicks > 3 {
				t.Errorf("it took %d presses", clicks)
			}
			if v := p.Axe(); len(v) > 0 {
				t.Errorf("axe: %v", v)
			}
		})
	}
}
