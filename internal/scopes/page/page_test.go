package page_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/scopes/page"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

func current(t *testing.T, desk *op.Desk) scopes.Scope {
	t.Helper()
	s, err := scopes.Get.Do(t.Context(), desk, op.None{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestScopeIsDecidedAndStaysOnRecord(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		v.Get("/scope").Says("h1", "No scope is decided yet")
		v.Post("/scope", "requester", "Northwind", "type", "type_2", "categories", "availability", "categories", "confidentiality",
			"starts", "2026-01-01", "ends", "2026-12-31", "as_of", "2026-06-30", "system", "Larch", "version", "0").LeadsTo("/scope")
		got := current(t, desk)
		if got.AsOf != "" || got.Starts != "2026-01-01" || !slices.Equal(got.Categories, []string{"security", "availability", "confidentiality"}) {
			t.Errorf("scope is %+v", got)
		}
		shown := v.Get("/scope")
		shown.Says("h1", "Type II, 1 January 2026 to 31 December 2026: 38 criteria, against Security, Availability and Confidentiality.")
		shown.Says("#history", "Version 1: Type II")
		if shown.Attr("#f-requester", "value") != "Northwind" || shown.Count("#f-categories input[checked]") != 3 {
			t.Error("the form does not show what was decided")
		}
	})
}

func TestScopeRefusedLosesNothing(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		wrong := v.Post("/scope", "requester", "Northwind", "type", "type_2", "categories", "privacy", "starts", "2026-12-31", "ends", "2026-01-01", "version", "0")
		wrong.Is(http.StatusUnprocessableEntity)
		wrong.Says("#f-ends-error", "ends before it starts")
		if wrong.Attr("#f-requester", "value") != "Northwind" || wrong.Attr("#f-starts", "value") != "2026-12-31" || wrong.Count("#f-categories input[checked]") != 2 {
			t.Error("something that was typed is lost")
		}
		if current(t, desk).Decided() {
			t.Error("a refused scope was recorded")
		}
	})
}

func TestScopeChangedMeanwhileShowsBoth(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		v.Post("/scope", "type", "type_1", "as_of", "2026-06-30", "requester", "Northwind", "version", "0").LeadsTo("/scope")
		late := v.Post("/scope", "type", "type_2", "requester", "Southwind", "version", "0")
		late.Is(http.StatusUnprocessableEntity)
		late.Says("#now", "Northwind")
		late.Says("#now", "as of 30 June 2026")
		if got := late.Attr("#f-requester", "value"); got != "Southwind" {
			t.Errorf("what was typed came back as %q", got)
		}
		version := late.Attr("#scope input[name=version]", "value")
		v.Post("/scope", "type", "type_2", "requester", "Southwind", "version", version).LeadsTo("/scope")
		if got := current(t, desk); got.Version != 2 || got.Requester != "Southwind" {
			t.Errorf("scope is %+v", got)
		}
	})
}

func TestGuidedStartAsksForTheScopeAndCanBeSkipped(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		start := v.Get("/start/scope")
		start.Says(".tm-path-now", "Who asked, and for what")
		if start.Count("#scope a[href=/start/sources]") != 1 {
			t.Error("the step cannot be skipped")
		}
		v.Post("/start/scope", "type", "type_1", "version", "0").LeadsTo("/start/sources")
	})
}

func TestDatesFitTheType(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		one := v.Part("/scope/dates?type=type_1&as_of=2026-06-30&starts=2026-01-01")
		if one.Attr("#f-as_of", "value") != "2026-06-30" || one.Count("input") != 1 {
			t.Errorf("for Type I it asks for %q", one.Attrs("input", "name"))
		}
		two := v.Part("/scope/dates?type=type_2&starts=2026-01-01")
		if two.Attr("#f-starts", "value") != "2026-01-01" || two.Count("input") != 2 {
			t.Errorf("for Type II it asks for %q", two.Attrs("input", "name"))
		}
	})
}

func TestScopeIsShownToWhoMayNotDecideIt(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(optest.Member(t, desk, auth.Sponsor))
		scope := v.Get("/scope")
		scope.Is(http.StatusOK)
		if scope.Count("form#scope") != 0 {
			t.Error("a sponsor is offered the form")
		}
		v.Get("/start/scope").Is(http.StatusForbidden)
		v.Post("/scope", "type", "type_1", "version", "0").Is(http.StatusForbidden)
	})
}
