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
			// What fails depends on the machine that runs this: the first of these
			// criteria that names something is taken.
			cell := ""
			for _, code := range []string{"CC6.1", "CC8.1", "CC6.8", "CC7.2"} {
				cell = "/criteria/" + code
				p.Goto(s.url + "/")
				clicks = 0
				click("main a[href='" + cell + "']")
				if p.Count("#why li a[href^='/sources/']") > 0 {
					break
				}
			}
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
