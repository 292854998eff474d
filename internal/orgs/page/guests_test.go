package page_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/orgs/page"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

// token invites somebody through the page and returns what the link carries.
func token(t *testing.T, v *sitetest.Visitor, role string) string {
	t.Helper()
	made := v.Post("/settings/invitations", "role", role, "note", "for a test")
	made.Is(http.StatusOK)
	link, err := url.Parse(made.Attr("#made [data-copy]", "data-copy"))
	if err != nil || link.Path != "/join" {
		t.Fatalf("the link is %q, %v", link, err)
	}
	return link.Query().Get("token")
}

func guest(secret, name, email string) []string {
	return []string{"secret", secret, "name", name, "email", email, "password", password, "organization", "Aldine Voss", "zone", "UTC"}
}

func TestAPersonComesInByALinkWithAPasswordOfTheirOwn(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		secret := token(t, v, "control_owner")
		g := s.Stranger()
		form := g.Get("/join?token=" + url.QueryEscape(secret))
		form.Is(http.StatusOK)
		form.Says("h1", "Example invites you as control owner.")
		if form.Count("#f-organization") != 0 {
			t.Error("a person is asked for a firm")
		}
		short := g.Post("/join", "secret", secret, "name", "Mei-Lin Park", "email", "mei@example.com", "password", "short")
		short.Is(http.StatusUnprocessableEntity)
		short.Says("#f-password-error", "12 to 256 characters")
		g.Post("/join", guest(secret, "Mei-Lin Park", "mei@example.com")...).LeadsTo("/")
		g.Get("/settings").Says("#me", "control owner")
		v.Get("/settings/invitations").Says("#invitations", "Accepted by Mei-Lin Park")

		again := s.Stranger().Get("/join?token=" + url.QueryEscape(secret))
		again.Is(http.StatusUnprocessableEntity)
		again.Says("main", "used or taken back")
		s.Stranger().Get("/join?token=join-nonsense").Says("main", "no such invitation")
	})
}

func TestAFirmComesInAndStaysApart(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		secret := token(t, v, orgs.AsFirm)
		g := s.Stranger()
		form := g.Get("/join?token=" + url.QueryEscape(secret))
		form.Says("h1", "Example invites your firm to examine it.")
		nameless := g.Post("/join", "secret", secret, "name", "Eleanor Voss", "email", "eleanor@aldine.example", "password", password, "organization", "", "zone", "UTC")
		nameless.Says("#f-organization-error", "needed")
		g.Post("/join", guest(secret, "Eleanor Voss", "eleanor@aldine.example")...).LeadsTo("/")
		settings := g.Get("/settings")
		settings.Says(".tm-org", "CPA firm")
		if settings.Count(".tm-side .tm-org-mark.tm-firm") != 1 {
			t.Error("the firm's mark is not the firm's")
		}
		if options := settings.Attrs("#member select option", "value"); len(options) != 3 || options[0] != "partner" {
			t.Errorf("a firm is offered the roles %q", options)
		}
		v.Get("/settings/invitations").Says("#invitations", "Accepted by Aldine Voss")

		// Nobody is on both sides.
		both := token(t, v, "compliance_lead")
		refused := s.Stranger().Post("/join", guest(both, "Eleanor Voss", "eleanor@aldine.example")...)
		refused.Is(http.StatusUnprocessableEntity)
		refused.Says(".tm-errors", "belongs to Aldine Voss")
	})
}

func TestGuessingAPasswordThroughAnInvitationWaits(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		s.Stranger().Post("/join", guest(token(t, v, "employee"), "Ana", "ana@example.com")...).LeadsTo("/")
		secret := token(t, v, "employee")
		g := s.Stranger()
		form := []string{"secret", secret, "name", "Ana", "email", "ana@example.com", "password", "not the password"}
		g.Post("/join", form...).Says("#f-password-error", "this is not its password")
		var last *sitetest.Page
		for range 6 {
			last = g.Post("/join", form...)
		}
		last.Says(".tm-errors", "Too many wrong passwords")
	})
}

func TestAnInvitationIsTakenBackAndRunsOut(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		secret := token(t, v, "sponsor")
		act := v.Get("/settings/invitations").Attr("#invitations form", "action")
		v.Post(act).LeadsTo("/settings/invitations")
		v.Get("/settings/invitations").Says("#invitations", "Taken back 21 Nov 2026")
		s.Stranger().Post("/join", guest(secret, "R", "r@example.com")...).Says("main", "used or taken back")

		late := token(t, v, "sponsor")
		optest.Clock(desk).Advance(15 * 24 * time.Hour)
		s.Stranger().Get("/join?token="+url.QueryEscape(late)).Says("main", "expired")
		s.As(desk).Get("/settings/invitations").Says("#invitations", "Ran out")
		s.As(optest.Member(t, desk, auth.Employee)).Get("/settings/invitations").Is(http.StatusForbidden)
	})
}

func TestAMemberGetsAnotherRoleAndLeaves(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		other := optest.Member(t, desk, auth.Employee)
		theirs := s.As(other)
		at := "/settings/members/" + string(other.Actor.User)
		v.Get(at).Says("h1", "is employee in Example")
		wrong := v.Post(at, "role", "partner")
		wrong.Is(http.StatusUnprocessableEntity)
		wrong.Says("#f-role-error", "In Example a role is one of")
		v.Post(at, "role", "compliance_lead").LeadsTo("/settings/members")
		theirs.Get("/settings").Says("#me", "compliance lead")
		theirs.Get(at).Is(http.StatusForbidden)

		own := "/settings/members/" + string(desk.Actor.User)
		last := v.Post(own, "role", "employee")
		last.Is(http.StatusUnprocessableEntity)
		last.Says(".tm-errors", "the last who may add and remove members")

		v.Get(at+"/remove").Says("h1", "End the membership")
		v.Post(at + "/remove").LeadsTo("/settings/members")
		v.Get(at).Is(http.StatusNotFound)
		theirs.Get("/settings").LeadsTo("/sign-in?to=%2Fsettings")
	})
}

func TestOneChangesOnesOwnPassword(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		g := s.Stranger()
		g.Post("/join", guest(token(t, s.As(desk), "employee"), "Ana", "ana@example.com")...).LeadsTo("/")
		elsewhere := s.Stranger()
		elsewhere.Post("/sign-in", "email", "ana@example.com", "password", password).LeadsTo("/")

		const next = "another horse battery staple"
		g.Post("/settings/password", "current", "not this", "new", next, "again", next).Says("#f-current-error", "This is not your password")
		g.Post("/settings/password", "current", password, "new", next, "again", next+"x").Says("#f-again-error", "what stands above")
		g.Post("/settings/password", "current", password, "new", "short", "again", "short").Says("#f-new-error", "12 to 256 characters")
		g.Post("/settings/password", "current", password, "new", next).Says("#f-again-error", "needed")
		g.Post("/settings/password", "current", password, "new", next, "again", next).LeadsTo("/settings/password?changed=1")
		g.Get("/settings").Is(http.StatusOK)
		elsewhere.Get("/settings").LeadsTo("/sign-in?to=%2Fsettings")
		s.Stranger().Post("/sign-in", "email", "ana@example.com", "password", next).LeadsTo("/")
	})
}

func TestOneGoesOnInAnotherOrganization(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		other := optest.Found(t, desk.Engine, "Second")
		g := s.Stranger()
		g.Post("/join", guest(token(t, s.As(desk), "employee"), "Ana", "ana@example.com")...).LeadsTo("/")
		if g.Get("/settings").Count(".tm-org-other") != 0 {
			t.Error("a member of one organization is offered others")
		}
		g.Post("/switch", "org", string(other.Org)).Is(http.StatusNotFound)
		g.Post("/join", guest(token(t, s.As(other), "sponsor"), "Ana", "ana@example.com")...).LeadsTo("/")
		second := g.Get("/settings")
		second.Says("h1", "Second has two members")
		to := second.Attr(".tm-side .tm-org-other", "value")
		g.Post("/switch", "org", to).LeadsTo("/")
		g.Get("/settings").Says("h1", "Example has two members")
	})
}
