package page_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/engagements/page"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

// each runs fn on each database with an engagement whose period ended, and a
// visitor's door for its people.
func each(t *testing.T, fn func(t *testing.T, s *sitetest.Site, x optest.Sides)) {
	t.Helper()
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := optest.Engage(t, desk, "2026-01-01", "2026-12-31")
		fn(t, sitetest.New(t, desk.Engine, page.Routes()), x)
	})
}

// covered plans a test of one control for every criterion.
func covered(t *testing.T, x optest.Sides) {
	t.Helper()
	cat, err := frameworks.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cat.InScope(nil)
	if err != nil {
		t.Fatal(err)
	}
	own := controls.Own{Code: "GOV-99", Title: "Everything is in order", Text: "Somebody looks at everything each year and writes it down.", Frequency: "annual", Key: true}
	for _, c := range in {
		own.Criteria = append(own.Criteria, c.Code)
	}
	optest.Do(t, x.Lead, controls.Create, own)
	optest.Do(t, x.Staff, procedures.PlanOp, procedures.Planning{Engagement: x.ID, Control: "GOV-99", Basis: procedures.ByInspection, Attributes: []string{"A it is in order"}})
}

func TestAClientProposesAndAPartnerAccepts(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		none := v.Get("/engagements")
		none.Says("h1", "No engagement yet.")
		none.Says(".tm-locked", "A CPA firm that accepted an invitation")
		v.Get("/engagements/new").Says("main", "No CPA firm is here yet.")

		partner := optest.Firm(t, desk, "Aldine Voss")
		form := v.Get("/engagements/new")
		form.Is(http.StatusOK)
		wish := []string{"firm", string(partner.Org), "name", "Example 2026", "type", "type_2", "starts", "2026-01-01", "ends", "2026-02-01",
			"as_of", "2026-03-03", "categories", "security", "categories", "availability", "system", "Example Cloud"}
		short := v.Post("/engagements/new", wish...)
		short.Is(http.StatusUnprocessableEntity)
		short.Says("#f-ends-error", "A period has at least 3 months")
		if short.Attr("#f-name", "value") != "Example 2026" || short.Count("input[value=availability][checked]") != 1 || short.Count("input[value=privacy][checked]") != 0 {
			t.Error("what was typed was lost")
		}
		wish[9] = "2026-12-31"
		made := v.Post("/engagements/new", wish...)
		made.Is(http.StatusSeeOther)
		at := made.Header.Get("Location")
		mine := v.Get(at)
		mine.Says("h1", "Aldine Voss has not accepted yet.")
		mine.Says("#terms", "Security, Availability: 36 criteria")
		if mine.Count("a[href="+at+"/accept]") != 0 {
			t.Error("the client is offered to accept its own proposal")
		}
		v.Get(at + "/accept").Is(http.StatusForbidden)

		p := s.As(partner)
		p.Get("/engagements").Says("h1", "One engagement is under way. One waits for a partner to accept.")
		p.Get("/engagements/waiting").Says("#every", "A proposal to accept")
		theirs := p.Get(at)
		theirs.Says("h1", "Example asks Aldine Voss to examine Example Cloud.")
		empty := p.Post(at+"/accept", "independence", " ")
		empty.Is(http.StatusUnprocessableEntity)
		empty.Says("#f-independence-error", "State the relationships")
		p.Post(at+"/accept", "independence", "None.").LeadsTo(at)
		v.Get(at).Says(".tm-path-now", "Engaged")
		again := p.Get(at + "/accept")
		again.Is(http.StatusConflict)
	})
}

func TestTheGateSaysWhatIsMissingToWhoMayRead(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides) {
		at := "/engagements/" + x.ID
		staff := s.As(x.Staff).Get(at)
		staff.Says("h1", "Planning is not done: there is no audit plan, and 33 criteria have no control to be tested.")
		staff.Says("#gate", "The audit plan")
		staff.Says("#gate .tm-note", "0 of 2 hold")
		if staff.Count(".tm-locked") != 0 {
			t.Error("staff, who may not take an engagement on, is offered to")
		}
		partner := s.As(x.Partner).Get(at)
		partner.Says(".tm-locked summary", "Planned: 2 missing")
		if got := partner.Attr(".tm-locked .tm-menu a", "href"); got != at+"/plan" {
			t.Errorf("the missing plan is a link to %q", got)
		}
		client := s.As(x.Lead).Get(at)
		client.Says("#gate", "1 missing")
		client.Silent("#gate", "The audit plan")
		client.Silent("#gate", "CC1.1")
		client.Says("#gate", "workpapers of Aldine Voss")
		if client.Count(".tm-locked") != 0 {
			t.Error("the client is offered the firm's step")
		}
		// What is locked cannot be had by address either.
		s.As(x.Partner).Get(at + "/advance").Is(http.StatusConflict)
		s.As(x.Partner).Post(at+"/advance", "to", "planned").Is(http.StatusConflict)
		s.As(x.Lead).Get(at + "/advance").Is(http.StatusForbidden)
	})
}

func TestAPlanOpensTheGateAndTheStepSaysWhatFollows(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides) {
		at := "/engagements/" + x.ID
		covered(t, x)
		staff := s.As(x.Staff)
		staff.Get(at+"/plan").Says("h1", "There is no audit plan yet.")
		staff.Post(at+"/plan", "considerations", "Access and change are where it can go wrong.").LeadsTo(at + "/plan")
		staff.Get(at+"/plan").Says("#considerations textarea", "Access and change")
		client := s.As(x.Lead).Get(at + "/plan")
		client.Is(http.StatusOK)
		if strings.Contains(client.Body, "Access and change") || client.Count("#considerations") != 0 {
			t.Error("the client reads the audit plan")
		}
		client.Says("#support", "95 %")
		s.As(x.Lead).Post(at+"/plan", "considerations", "mine").Is(http.StatusForbidden)

		p := s.As(x.Partner)
		open := p.Get(at)
		open.Says("h1", "Everything that planning waits for is there. The next step is yours.")
		open.Says("dialog#advance", "there is no way back to engaged")
		confirm := p.Get(at + "/advance")
		confirm.Says("h1", "Finish planning.")
		p.Post(at+"/advance", "to", confirm.Attr("input[name=to]", "value")).LeadsTo(at)
		p.Get(at).Says(".tm-path-now", "Planned")
		p.Post(at+"/advance", "to", "planned").Is(http.StatusConflict)
	})
}

func TestDatesAreAgreedAnewAndALateChangeShowsBoth(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides) {
		at := "/engagements/" + x.ID
		p := s.As(x.Partner)
		version := p.Get(at+"/plan").Attr("#dates input[name=version]", "value")
		dates := func(ends, version string) *sitetest.Page {
			return p.Post(at+"/dates", "starts", "2026-01-01", "ends", ends, "reason", "The client asked.", "version", version)
		}
		dates("2026-09-30", version).LeadsTo(at + "/plan")
		late := dates("2026-10-31", version)
		late.Is(http.StatusUnprocessableEntity)
		late.Says("#agree", "1 January to 30 September 2026")
		if got := late.Attr("#f-ends", "value"); got != "2026-10-31" {
			t.Errorf("what was typed came back as %q", got)
		}
		dates("2026-10-31", late.Attr("#dates input[name=version]", "value")).LeadsTo(at + "/plan")
		if n := s.As(x.Lead).Get(at + "/plan").Count("#dates"); n != 0 {
			t.Error("the client is offered to change the dates alone")
		}
	})
}

func TestAPartnerWithdrawsWithAReason(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides) {
		at := "/engagements/" + x.ID
		s.As(x.Manager).Get(at + "/withdraw").Is(http.StatusForbidden)
		p := s.As(x.Partner)
		p.Get(at+"/withdraw").Says("h1", "End Example 2026 without a report.")
		p.Post(at+"/withdraw", "reason", "Management refuses the assertion.").LeadsTo(at)
		p.Get(at).Says("h1", "The engagement ended on 21 November 2026 without a report.")
		p.Get(at + "/withdraw").Is(http.StatusConflict)
		p.Get("/engagements").Says("h1", "none is under way")
	})
}

func TestBothSidesSeeHowFarItIsAndOnlyOneWhoTests(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides) {
		covered(t, x)
		at := "/engagements/" + x.ID
		firm, client := s.As(x.Staff).Get(at), s.As(x.Lead).Get(at)
		for side, p := range map[string]*sitetest.Page{"firm": firm, "client": client} {
			p.Says("#controls tfoot", "not started 1")
			p.Says("#controls tbody", "CC6")
			p.Says("#asked", "1 item, 1 without evidence")
			if n := p.Count("#controls .tm-sqs i"); n != 9 {
				t.Errorf("the %s sees %d squares, want one for each common series", side, n)
			}
		}
		firm.Says("#waits", "Aldine Voss staff 1 control to test")
		firm.Says("#waits", "Example 1 item without evidence")
		client.Says("#waits", "Aldine Voss 1 key control to test")
		client.Says("#waits", "Example compliance_lead 1 item without evidence")
		client.Silent("main", "Aldine Voss staff")
		if client.Count("a[href="+at+"/testing]") != 0 {
			t.Error("the client is led to workpapers")
		}
	})
}

func TestTheEngagementsOwnLogIsTheFirmsToRead(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides) {
		at := "/engagements/" + x.ID
		p := s.As(x.Staff)
		log := p.Get(at + "/log")
		log.Is(http.StatusOK)
		log.Says("#entries", "Engagement accepted")
		log.Says(".tm-chip-private", "not visible to Example")
		entry := p.Get(log.Attr("#entries tbody a", "href"))
		entry.Is(http.StatusOK)
		entry.Says("main", "of the engagement's own log")
		p.Get(at + "/log/9999").Is(http.StatusNotFound)
		p.Get(at + "/log/x").Is(http.StatusNotFound)
		s.As(x.Lead).Get(at + "/log").Is(http.StatusForbidden)
	})
}

func TestAFirmPutsItsOwnMethodologyInForce(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides) {
		p := s.As(x.Partner)
		first := p.Get("/firm/methodology")
		first.Says("h1", "customary-v1")
		profile := first.Text("#methodology textarea")
		bad := p.Post("/firm/methodology", "profile", "{}", "reason", "None.", "version", "0")
		bad.Is(http.StatusUnprocessableEntity)
		bad.Says("#f-profile-error", "a name and a version")
		own := strings.Replace(profile, "customary-v1", "aldine-v1", 1)
		p.Post("/firm/methodology", "profile", own, "reason", "A name of our own.", "version", "0").LeadsTo("/firm/methodology")
		p.Get("/firm/methodology").Says("h1", "aldine-v1 is in force, version 2.")
		late := p.Post("/firm/methodology", "profile", own, "reason", "Again.", "version", "0")
		late.Is(http.StatusUnprocessableEntity)
		late.Says("#new", "aldine-v1 is in force since 21 Nov 2026")
		staff := s.As(x.Staff).Get("/firm/methodology")
		if staff.Count("form#methodology") != 0 {
			t.Error("staff is offered to change the methodology")
		}
		s.As(x.Lead).Get("/firm/methodology").Is(http.StatusForbidden)
	})
}

func TestAnEngagementIsNotThereForOthers(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides) {
		other := s.As(optest.Found(t, x.Client.Engine, "Other"))
		for _, part := range []string{"", "/plan"} {
			other.Get("/engagements/" + x.ID + part).Is(http.StatusNotFound)
		}
		s.As(optest.Member(t, x.Client, auth.Employee)).Get("/engagements/" + x.ID).Is(http.StatusForbidden)
		s.As(x.Partner).Get("/engagements/eng_nonsense").Is(http.StatusUnprocessableEntity)
	})
}

func TestTheShellSaysForWhomOneActs(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides) {
		at := "/engagements/" + x.ID
		staff := s.As(x.Staff).Get(at)
		staff.Says(".tm-side .tm-org", "CPA firm")
		staff.Says(".tm-crumbs", "Aldine Voss Example 2026 Overview")
		staff.Says(".tm-side .tm-nav", "Testing")
		staff.Says(".tm-side a[aria-current]", "Overview")
		if staff.Count(".tm-side .tm-firm") != 1 {
			t.Error("the firm's mark is not the firm's")
		}
		client := s.As(x.Lead).Get(at)
		client.Says(".tm-crumbs", "Example Example 2026 Overview")
		client.Silent(".tm-side .tm-nav", "Testing")
		client.Says(".tm-side .tm-nav", "Asked for")
		if client.Count(".tm-side .tm-firm") != 0 {
			t.Error("the organization wears the firm's mark")
		}
	})
}

func TestWhatTimeBringsIsNoLink(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides) {
		covered(t, x)
		x.Plan(t, engagements.Planned, engagements.Observing)
		at := "/engagements/" + x.ID
		p := s.As(x.Partner)
		v := p.Get(at)
		v.Says("h1", "The period cannot be closed: its last day is not over.")
		if got := v.Attr(".tm-locked .tm-menu a", "href"); got != at+"#gate" {
			t.Errorf("a day is a link to %q", got)
		}
		optest.Clock(x.Client).Advance(60 * 24 * time.Hour)
		s.As(x.Partner).Get(at).Says("h1", "The next step is yours.")
	})
}
