package e2e_test

import (
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
)

// checked: a check of one's own is tried before it is in force, changed, and a
// failure of it accepted for a time by two people.
func checked(j *trip) {
	id := "own.subject." + j.name
	j.at("/checks/new")
	j.fair("a new check")
	j.fill("#check [name=id]", id)
	j.fill("#check [name=pass]", "r.subject.nothing(")
	j.press("#check button[value=try]")
	j.Wait("#tried #where")
	j.fair("where a check stops")
	j.fill("#check [name=pass]", `r.subject.matches("^[A-Z]+-[0-9]+")`)
	j.press("#check button[value=try]")
	j.Wait("#would-fail")
	j.fair("who would fail")
	fails := j.Count("#would-fail tbody tr")
	if fails == 0 {
		j.t.Error("nobody would fail, and no commit names a ticket")
	}
	j.follow("#check button[value=save]")
	j.WaitURL("/checks/" + id)
	j.fair("a check of one's own")
	j.follow("main a[href$='/edit']")
	j.fill("#check [name=title]", "Subjects begin with a ticket")
	if j.Count("#check [name=why]") > 0 {
		j.fill("#check [name=why]", "Said in plainer words.")
	}
	j.follow("#check button[value=save]")
	j.WaitText("main", "Subjects begin with a ticket")
	j.follow("main a[href$='/versions']")
	j.holds("#decided", who.name)
	j.fair("versions of a check")

	j.excepted(id)
	j.drilled(id)
}

// excepted: one asks, another approves.
func (j *trip) excepted(id string) {
	j.t.Helper()
	j.at("/checks/" + id)
	j.until("!document.querySelector('main h1').innerText.includes('not been judged')")
	ask := "main form[action$='/except'] "
	j.press("#exceptions details > summary")
	j.follow(ask + "button[type=submit]")
	j.Wait(".tm-errors")
	j.fair("an exception without a reason")
	j.fill(ask+"[name=reason]", "The old commits stay as they are, at a "+j.name+".")
	j.fill(ask+"[name=ends]", time.Now().UTC().AddDate(0, 1, 0).Format(time.DateOnly))
	j.follow(ask + "button[type=submit]")
	j.WaitText("#exceptions", "at a "+j.name)
	if j.Count("#exceptions form[action$='/approve'] button") > 0 {
		j.t.Error("whoever asks for an exception is offered to approve it")
	}
	other := j.with(auth.Lead)
	other.at("/exceptions?show=mine")
	other.fair("exceptions that wait")
	other.at("/checks/" + id + "#exceptions")
	other.follow("#exceptions form[action$='/approve'] button")
	other.WaitText("#exceptions", "xcepted")
	j.at("/checks/" + id)
	if said := strings.ToLower(j.Text("main .tm-sentence")); !strings.Contains(said, "except") {
		j.t.Errorf("an excepted check says %q", said)
	}
}

// drilled: from the calendar to the evidence.
func (j *trip) drilled(id string) {
	j.t.Helper()
	j.at("/checks/" + id + "#coverage")
	j.follow("#coverage a[href^='/coverage']")
	j.fair("a stretch of the calendar")
	j.follow("main a[href^='/runs/'], main a[href^='/evidence/']")
	j.fair("what the calendar rests on")
}
