package e2e_test

import (
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/readiness"
)

// shown: evidence is handed in as a file, as text and with a ticket, looked
// through by the machine and by another person, and redacted.
func shown(j *trip) {
	control := do(j.t, j.desk, readiness.Get, op.None{}).Controls[2]
	const sendIt = "main form[action='/evidence/new'] button[type=submit]:not([name])"
	j.at("/evidence/new?control=" + string(control.ID))
	j.follow(sendIt)
	j.Wait(".tm-errors")
	j.fair("evidence of nothing")
	title := j.named("Joiners of July")
	j.Upload("[name=file]", j.file("joiners.csv", "name,started\nA. Novak,2026-07-01\n"))
	j.fill("[name=title]", title)
	j.fill("[name=origin]", "the people system")
	j.press("[name=level][value='4']")
	j.follow(sendIt)
	j.WaitURL("/evidence/evd_")
	j.WaitText("main", title)
	j.fair("a record")
	if codes := j.Count("#remarks dt"); codes == 0 {
		j.t.Error("an export without its query has no remark")
	}
	record := j.URL()

	other := j.with(auth.Lead)
	other.Goto(record)
	other.press("#judge [name=decision][value=returned]")
	other.press("#judge [name=codes]")
	other.fill("#judge [name=words]", "Say how it was asked for.")
	other.press("#judge [name=task]")
	other.follow("#judge button[type=submit]")
	other.WaitText("#review", "returned")
	other.fair("a record that was returned")
	j.at("/notices")
	j.holds("main tbody", "returned")
	j.Goto(record)
	j.holds("main", "Say how it was asked for.")

	j.pasted()
	j.ticketed()
	j.at("/evidence/due")
	j.fair("what is due")
	j.press("summary:has(~ form [name='f.state'])")
	j.fill("[name='f.state']", "overdue")
	j.follow("form:has([name='f.state']) button")
	j.WaitURL("f.state=overdue")
}

// pasted: a secret in a text is found, the copy that hides it is accepted.
func (j *trip) pasted() {
	j.t.Helper()
	const sendIt = "main form[action='/evidence/new'] button[type=submit]:not([name])"
	j.at("/evidence/new")
	j.fill("[name=pasted]", "host = db1\npassword = hunter2-hunter2\naws_access_key_id = AKIAIOSFODNN7EXAMPLQ\n")
	j.fill("[name=title]", j.named("Settings of the database"))
	j.fill("[name=origin]", "db1")
	j.follow(sendIt)
	j.Wait(".tm-errors")
	j.fair("a secret was found")
	j.press("[name=original]")
	j.follow(sendIt)
	if !strings.Contains(j.URL(), "/redact") {
		j.WaitURL("/evidence/evd_")
		j.follow("main a[href$='/redact']")
	}
	j.fair("to redact a record")
	j.fill("[name=reason]", "The key is nobody's business.")
	j.follow("main form[action$='/redact'] button[type=submit]")
	j.WaitURL("/evidence/evd_")
	if said := j.Text("#content"); strings.Contains(said, "AKIA") {
		j.t.Errorf("the redacted copy says %s", said)
	}
	at := j.URL()
	other := j.with(auth.Lead)
	other.Goto(at)
	other.press("#judge [name=decision][value=accepted]")
	other.follow("#judge button[type=submit]")
	other.WaitText("#review", "accepted")
}

// ticketed: a ticket is handed out for a picture.
func (j *trip) ticketed() {
	j.t.Helper()
	j.at("/evidence/capture")
	j.fair("a ticket")
	j.follow("main form button[type=submit]")
	j.WaitText("main h1", "Ticket ")
	ticket := strings.Fields(strings.TrimSuffix(j.Text("main h1"), ","))[1]
	if got := j.value("document.querySelector('[name=ticket]').value"); got != strings.TrimSuffix(ticket, ",") {
		j.t.Errorf("the ticket is %s, the form holds %s", ticket, got)
	}
	j.fair("a capture")
}
