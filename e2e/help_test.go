package e2e_test

import (
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/tasks"
)

// text is an attribute of an element, or a property of it.
func (j *trip) value(js string) (out string) {
	j.t.Helper()
	j.Eval("String("+js+")", &out)
	return out
}

// holds fails unless a part of the page says something.
func (j *trip) holds(selector, text string) {
	j.t.Helper()
	if said := j.Text(selector); !strings.Contains(said, text) {
		j.t.Errorf("%s says %q, want %q", selector, said, text)
	}
}

// helped: a word is explained where it stands, its page and a guide are found,
// things are looked for, a notice is read, and the other organization opened.
func helped(j *trip) {
	j.at("/controls")
	const term, panel = "main a.tm-term", "#tm-help"
	means := j.value("document.querySelector('" + term + "').dataset.means")
	j.press(term)
	j.over(panel)
	j.holds(panel+" [data-help-means]", means)
	j.Press("Escape")
	j.WaitGone(panel)
	if at := j.value("document.activeElement.className"); !strings.Contains(at, "tm-term") {
		j.t.Errorf("closing the panel leaves the focus on %q", at)
	}
	j.press(term)
	j.Wait(panel)
	j.follow(panel + " [data-help-all]")
	j.WaitURL("/help/terms#")
	j.back()

	j.press(".tm-me > summary")
	j.over(".tm-me .tm-menu")
	j.follow(".tm-me a[href^='/help']")
	j.fair("help about a page")
	j.follow("main a[href='/help']")
	j.follow("main a[href^='/help/guide/']")
	j.WaitURL("/help/guide/")

	j.searched()
	j.noticed()
	j.switched()
}

func (j *trip) searched() {
	j.t.Helper()
	j.at("/controls")
	find := func(words string) {
		j.t.Helper()
		const top, own = ".tm-search-top input", "main .tm-search input"
		at := own
		switch {
		case !strings.Contains(j.URL(), "/search") && j.phone:
			j.follow(".tm-search-open")
		case !j.phone:
			j.Press("/")
			at = top
		}
		j.Fill(at, words)
		j.Navigates(func() { j.Press("Enter") })
	}
	find("zzzz")
	j.fair("a search that finds nothing")
	if !j.phone {
		j.at("/work")
	}
	find("access")
	j.WaitURL("q=access")
	j.fair("what was found")
	kinds := j.Count(".tm-kinds a")
	if kinds < 3 {
		j.t.Errorf("%d kinds of things are found by a common word", kinds)
	}
	j.follow(".tm-kinds a:nth-of-type(2)")
	if n := j.Count("main .tm-table-box"); n != 1 {
		j.t.Errorf("one kind was chosen, %d are shown", n)
	}
	j.follow("main tbody a")
	j.back()
}

// noticed: the bell says that somebody was mentioned, and is quiet once that is read.
func (j *trip) noticed() {
	j.t.Helper()
	control := do(j.t, j.desk, readiness.Get, op.None{}).Controls[1]
	lead := j.actor(auth.Lead)
	do(j.t, lead, tasks.Say, tasks.Saying{Object: string(control.ID), Text: "@" + who.email + " please look, " + j.name + "."})
	j.at("/work")
	j.Wait(".tm-bell-new")
	j.follow(".tm-bell")
	j.fair("notices")
	j.holds("main tbody", "Elin Sandberg")
	j.follow("button[form=read-all]")
	j.WaitGone(".tm-bell-new")
	j.at("/notices")
	j.fair("notices that were read")
}

// switched: another organization, and back.
func (j *trip) switched() {
	j.t.Helper()
	name := j.named("Second")
	do(j.t, j.desk, orgs.Further, orgs.FurtherOrg{Organization: name, Zone: "UTC"})
	j.at("/work")
	to := func(name string) {
		j.t.Helper()
		box := ".tm-side "
		if j.phone {
			j.press(".tm-tabs-bar button")
			box = "#tm-more "
		}
		j.press(box + ".tm-org-drop > summary")
		j.over(box + ".tm-org-drop .tm-menu")
		which := ""
		j.Eval(`[...document.querySelectorAll("`+box+`.tm-org-other")].find(e => e.textContent.includes(`+quoted(name)+`)).value`, &which)
		j.follow(box + ".tm-org-other[value='" + which + "']")
	}
	to(name)
	j.until("document.querySelector('.tm-org').textContent.includes(" + quoted(name) + ")")
	j.fair("an organization that has just begun")
	j.at("/work")
	to(who.org)
	j.until("document.querySelector('.tm-org').textContent.includes(" + quoted(who.org) + ")")
}
