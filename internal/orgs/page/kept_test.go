package page_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs/page"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

func TestWhatWasWrittenSurvivesTheEndOfASession(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		owner := s.As(desk)
		s.Stranger().Post("/join", guest(token(t, owner, "owner"), "Ana", "ana@example.com")...).LeadsTo("/")

		v := s.Stranger()
		form := []string{"name", "Mei-Lin Park", "email", "mei@example.com", "role", "employee", "password", "a first password"}
		late := v.Post("/settings/members", form...)
		late.Is(http.StatusTemporaryRedirect)
		door := v.Post(late.Header.Get("Location"), form...) // as a browser repeats it
		door.Is(http.StatusUnauthorized)
		door.Says("h1", "Your session has ended.")
		if strings.Contains(door.Body, "a first password") || door.Attr("#f-email", "value") != "" {
			t.Error("the form's own password or address stands in the sign-in")
		}
		from, packed := door.Attr("input[name=from]", "value"), door.Attr("input[name=kept]", "value")
		if from != "/settings/members" || packed == "" {
			t.Fatalf("the form goes to %q with %q", from, packed)
		}
		wrong := v.Post("/sign-in", "to", "/settings", "email", "ana@example.com", "password", "not the one", "from", from, "kept", packed)
		wrong.Is(http.StatusUnprocessableEntity)
		if wrong.Attr("input[name=kept]", "value") != packed {
			t.Error("a wrong password loses the form")
		}
		on := v.Post("/sign-in", "to", "/settings", "email", "ana@example.com", "password", password, "from", from, "kept", packed)
		on.Is(http.StatusOK)
		on.Says("#kept", "Mei-Lin Park")
		if on.Attr("#kept form", "action") != "/settings/members" || on.Attr("#kept input[name=name]", "value") != "Mei-Lin Park" || on.Count("#kept input[name=password]") != 0 {
			t.Error("what was written is not in the form to send again")
		}
		owner.Get("/settings").Silent("#members", "Mei-Lin Park") // nothing was sent by itself
	})
}

func TestAFormLeadsNowhereElse(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		s.Stranger().Post("/join", guest(token(t, s.As(desk), "employee"), "Ana", "ana@example.com")...)
		for _, from := range []string{"https://evil.example/", "//evil.example/x", "/sign-out"} {
			s.Stranger().Post("/sign-in", "to", "/settings", "email", "ana@example.com", "password", password, "from", from, "kept", "YT1i").LeadsTo("/settings")
		}
		s.Stranger().Post("/sign-in", "to", "/settings", "email", "ana@example.com", "password", password, "from", "/settings", "kept", "%%%").LeadsTo("/settings")
	})
}
