package page_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/orgs/page"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

const password = "correct horse battery staple"

// fresh is an installation before setup, with its token.
func fresh(t *testing.T, fn func(t *testing.T, e *op.Engine, token string)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		e := optest.Engine(t, d)
		fn(t, e, setupToken(t, e))
	})
}

func setupToken(t *testing.T, e *op.Engine) string {
	t.Helper()
	var token string
	err := e.DB.Write(t.Context(), db.All, func(tx *db.Tx) (err error) {
		token, err = auth.NewSetupToken(tx, e.Clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func answers(token string) []string {
	return []string{"token", token, "organization", "Larchmere", "zone", "Europe/Berlin", "name", "Ines Okoro",
		"email", "ines@larchmere.example", "password", password}
}

func TestSetupCreatesTheOrganizationSignsInAndLeadsToTheGuidedStart(t *testing.T) {
	fresh(t, func(t *testing.T, e *op.Engine, token string) {
		s := sitetest.New(t, e, page.Routes())
		v := s.Stranger()
		v.Get("/sign-in").LeadsTo("/setup")
		form := v.Get("/setup")
		form.Is(http.StatusOK)
		for _, field := range []string{"token", "organization", "zone", "name", "email", "password"} {
			if form.Count("[name="+field+"]") != 1 {
				t.Errorf("the form has %d fields %s, want 1", form.Count("[name="+field+"]"), field)
			}
		}
		v.Post("/setup", answers(token)...).LeadsTo("/start")
		settings := v.Get("/settings")
		settings.Is(http.StatusOK)
		settings.Says("h1", "Larchmere has one member")
		settings.Says("#members", "ines@larchmere.example")
		v.Get("/setup").LeadsTo("/sign-in")
		v.Get("/sign-in").LeadsTo("/")
	})
}

func TestSetupRefusesATokenAtItsFieldAndLosesNothing(t *testing.T) {
	fresh(t, func(t *testing.T, e *op.Engine, token string) {
		s := sitetest.New(t, e, page.Routes())
		wrong := s.Stranger().Post("/setup", answers("setup-nonsense")...)
		wrong.Is(http.StatusUnprocessableEntity)
		wrong.Says("#f-token-error", "This is not the token")
		if got := wrong.Attr("#f-organization", "value"); got != "Larchmere" {
			t.Errorf("the organization's name came back as %q", got)
		}
		if got := wrong.Attr("#f-password", "value"); got != "" {
			t.Errorf("the password came back as %q", got)
		}

		e.Clock.(*clock.Fixed).Advance(auth.SetupLife + time.Second)
		late := s.Stranger().Post("/setup", answers(token)...)
		late.Is(http.StatusUnprocessableEntity)
		late.Says("#f-token-error", "expired")

		again := setupToken(t, e)
		s.Stranger().Post("/setup", answers(again)...).LeadsTo("/start")
		reused := s.Stranger().Post("/setup", answers(again)...)
		reused.Is(http.StatusUnprocessableEntity)
		reused.Says("#f-token-error", "set up already")
		if reused.Count("a[href=/sign-in]") == 0 {
			t.Error("nothing leads to signing in")
		}
	})
}

func TestSetupSaysAtEachFieldWhatIsNeeded(t *testing.T) {
	fresh(t, func(t *testing.T, e *op.Engine, token string) {
		s := sitetest.New(t, e, page.Routes())
		empty := s.Stranger().Post("/setup", "token", token, "zone", "UTC")
		empty.Is(http.StatusUnprocessableEntity)
		for _, field := range []string{"organization", "name", "email", "password"} {
			empty.Says("#f-"+field+"-error", "needed")
		}
		short := s.Stranger().Post("/setup", "token", token, "organization", "Larchmere", "zone", "Mars/Olympus", "name", "Ines", "email", "ines@larchmere.example", "password", password)
		short.Is(http.StatusUnprocessableEntity)
		short.Says("#f-zone-error", "IANA")
		short = s.Stranger().Post("/setup", "token", token, "organization", "Larchmere", "zone", "UTC", "name", "Ines", "email", "ines@larchmere.example", "password", "short")
		short.Says("#f-password-error", "12 to 256 characters")
		// A refused form does not spend the token.
		s.Stranger().Post("/setup", answers(token)...).LeadsTo("/start")
	})
}

func TestSignInLeadsBackToALocalPathOnly(t *testing.T) {
	fresh(t, func(t *testing.T, e *op.Engine, token string) {
		s := sitetest.New(t, e, page.Routes())
		s.Stranger().Post("/setup", answers(token)...).LeadsTo("/start")
		for to, want := range map[string]string{
			"":                          "/",
			"/criteria?category=a#b":    "/criteria?category=a#b",
			"https://evil.example/":     "/",
			"//evil.example/x":          "/",
			`/\evil.example`:            "/",
			"/\t/evil.example":          "/",
			"javascript:alert(1)":       "/",
			"evil.example":              "/",
			"/sign-in?to=/sign-in":      "/",
			"http:/evil.example":        "/",
			"/checks/git.commit.signed": "/checks/git.commit.signed",
		} {
			s.Stranger().Post("/sign-in", "to", to, "email", "Ines@Larchmere.example", "password", password).LeadsTo(want)
		}
	})
}

func TestSignInRefusedKeepsAddressAndPlace(t *testing.T) {
	fresh(t, func(t *testing.T, e *op.Engine, token string) {
		s := sitetest.New(t, e, page.Routes())
		s.Stranger().Post("/setup", answers(token)...)
		v := s.Stranger()
		v.Get("/settings").LeadsTo("/sign-in?to=%2Fsettings")
		wrong := v.Post("/sign-in", "to", "/settings", "email", "ines@larchmere.example", "password", "not the one")
		wrong.Is(http.StatusUnprocessableEntity)
		wrong.Says("#f-password-error", "No user has this address and this password")
		if wrong.Attr("#f-email", "value") != "ines@larchmere.example" || wrong.Attr("input[name=to]", "value") != "/settings" {
			t.Errorf("address %q and place %q were lost", wrong.Attr("#f-email", "value"), wrong.Attr("input[name=to]", "value"))
		}
		for range 6 {
			wrong = v.Post("/sign-in", "email", "ines@larchmere.example", "password", "not the one")
		}
		wrong.Says(".tm-errors", "Too many wrong passwords")
	})
}

func TestSignOutEndsTheSession(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		v.Get("/settings").Is(http.StatusOK)
		v.Post("/sign-out").LeadsTo("/sign-in")
		v.Get("/settings").LeadsTo("/sign-in?to=%2Fsettings")
		v.Post("/sign-out").LeadsTo("/sign-in")
	})
}

func TestSettingsAddPeopleWithARole(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		v.Post("/settings/members", "name", "Mei-Lin Park", "email", "mei@example.com", "role", "control_owner", "password", password).LeadsTo("/settings#members")
		settings := v.Get("/settings")
		settings.Says("#members", "Mei-Lin Park")
		settings.Says("#members", "Control owner")
		twice := v.Post("/settings/members", "name", "Mei", "email", "mei@example.com", "role", "employee", "password", password)
		twice.Is(http.StatusUnprocessableEntity)
		twice.Says(".tm-errors", "Invite the person instead")
		if got := twice.Attr("#member-password", "value"); got != password {
			t.Errorf("the first password was lost: %q", got)
		}
		nameless := v.Post("/settings/members", "email", "x@example.com", "role", "employee", "password", password)
		nameless.Says("#member-name-error", "needed")
	})
}

func TestSettingsShowATokenOnceAndEndIt(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		made := v.Post("/settings/tokens", "name", "nightly CI", "days", "30")
		made.Is(http.StatusOK)
		secret := made.Attr("#made [data-copy]", "data-copy")
		if !strings.HasPrefix(secret, "tmk_") {
			t.Fatalf("the secret shown is %q", secret)
		}
		later := v.Get("/settings")
		if strings.Contains(later.Body, secret) || later.Count("#made") != 0 {
			t.Error("the secret is shown a second time")
		}
		later.Says("#tokens", "nightly CI")
		ask := later.Attr("#tokens a[data-opens]", "href")
		v.Get(ask).Says("h1", "Revoke the token nightly CI")
		v.Post(ask).LeadsTo("/settings#tokens")
		v.Get("/settings").Says("#tokens", "revoked 21 Nov 2026")
		v.Get(ask).Is(http.StatusNotFound)
	})
}

func TestSettingsShowBothWhenAChangeCameTooLate(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		version := v.Get("/settings").Attr("#org input[name=version]", "value")
		v.Post("/settings", "name", "Example Inc", "zone", "UTC", "version", version).LeadsTo("/settings#organization")
		late := v.Post("/settings", "name", "Example Ltd", "zone", "UTC", "version", version)
		late.Is(http.StatusUnprocessableEntity)
		late.Says("#organization", "Example Inc")
		if got := late.Attr("#org-name", "value"); got != "Example Ltd" {
			t.Errorf("what was typed came back as %q", got)
		}
		now := late.Attr("#org input[name=version]", "value")
		v.Post("/settings", "name", "Example Ltd", "zone", "UTC", "version", now).LeadsTo("/settings#organization")
	})
}

func TestSettingsOfferOnlyWhatThePersonMayDo(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(optest.Member(t, desk, auth.Employee))
		settings := v.Get("/settings")
		settings.Is(http.StatusOK)
		for _, form := range []string{"#org", "#member", "#token"} {
			if settings.Count("form"+form) != 0 {
				t.Errorf("an employee is offered the form %s", form)
			}
		}
		v.Post("/settings", "name", "Mine now", "zone", "UTC", "version", "1").Is(http.StatusForbidden)
		org, err := orgs.Get.Do(t.Context(), desk, op.None{})
		if err != nil || org.Name != "Example" {
			t.Errorf("the organization is called %q, %v", org.Name, err)
		}
	})
}
