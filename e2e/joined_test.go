package e2e_test

import (
	"context"
	"regexp"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
)

var linkForm = regexp.MustCompile(`https?://\S+/join\?token=\S+`)

// joined: somebody is invited by mail, joins, is given another role.
func joined(j *trip) {
	email := "nils." + j.name + "@larchmere.example"
	j.at("/settings/invitations")
	j.fair("invitations")
	j.fill("#invite [name=email]", "nobody")
	j.follow("#invite button[type=submit]")
	j.Wait(".tm-errors")
	j.fair("an invitation to no address")
	j.fill("#invite [name=role]", string(auth.Employee))
	j.fill("#invite [name=email]", email)
	j.follow("#invite button[type=submit]")
	j.WaitText("main", email)
	j.fair("an invitation on its way")
	link := ""
	ctx, cancel := context.WithTimeout(j.t.Context(), 20*time.Second)
	defer cancel()
	for link == "" {
		for _, l := range j.mail.Letters() {
			if l.To == email {
				link = linkForm.FindString(l.Text)
			}
		}
		select {
		case <-ctx.Done():
			j.t.Fatal("no letter came")
		case <-time.After(50 * time.Millisecond):
		}
	}
	guest := &trip{keys{j.b.Page(j.t), j.t}, j.world, j.look}
	guest.Emulate(j.width, j.height, j.phone, j.phone)
	guest.Goto(link)
	guest.fair("an invitation that was opened")
	guest.fill("[name=name]", "Nils Ekström")
	guest.fill("[name=email]", email)
	guest.fill("[name=password]", "short")
	guest.follow(send)
	guest.Wait(".tm-errors")
	guest.fill("[name=password]", who.password)
	guest.follow(send)
	guest.until("!location.href.includes('/join')")
	guest.fair("the first page of somebody new")

	j.at("/settings/members?q=" + email)
	j.follow("main tbody a[href^='/settings/members/']")
	j.fair("a member")
	j.fill("main form [name=role]", string(auth.ControlOwner))
	j.follow("main form:has([name=role]) button[type=submit]")
	guest.at("/controls")
	guest.holds("main h1", "control")
	j.at("/help/docs/mcp")
	j.fair("how programs reach in")
}
