package page_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/checks/page"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/sources"
)

// commits is a collector that shows commits by the state of their signatures;
// an empty state could not be read.
type commits map[string]string

func (commits) Kind() string    { return "git" }
func (commits) Version() string { return "test" }
func (c commits) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	in.Cover("commit")
	for sha, signature := range c {
		r := sources.Resource{Kind: "commit", Key: sha, Attrs: map[string]any{"sha": sha, "short": sha, "subject": "Add export", "merge": false,
			"committed_at": in.Now().Add(-time.Hour), "signature": signature}}
		if signature == "" {
			delete(r.Attrs, "signature")
			r.Absent = map[string]string{"signature": "no signers are given"}
		}
		if err := in.Add(r); err != nil {
			return err
		}
	}
	return nil
}

func seen(t *testing.T, desk *op.Desk, c commits) sources.Source {
	t.Helper()
	s, err := sources.Create.Do(t.Context(), desk, sources.Connection{Kind: "git", Name: "main", Path: "/nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := sources.NewReader(c)
	if err != nil {
		t.Fatal(err)
	}
	run, err := reader.Read(t.Context(), desk, s.ID, nil, false)
	if err == nil {
		err = checks.EvaluateRun(t.Context(), desk, run.ID, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheListPutsWhatNoSourceAnswersBelow(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		v.Get("/checks").Says("#checks", "Nothing is answered yet.")
		seen(t, desk, commits{"a1": "none"})
		list := v.Get("/checks")
		list.Says("h1", "fail")
		list.Says("#checks tbody tr", "has signature state: none")
		list.Says("#blind", "host.")
		list.Silent("#checks tbody", "host.")
		sum, rows := 0, list.Count("#checks tbody tr")
		for _, chip := range list.Texts("#checks .tm-filter") {
			words := strings.Fields(chip)
			if n, err := strconv.Atoi(words[len(words)-1]); err == nil {
				sum += n
			}
		}
		if sum != rows || rows == 0 {
			t.Errorf("the filters count %d, the table has %d rows", sum, rows)
		}
		v.Get("/checks?status=fail&severity=high").Silent("#checks tbody", "Pass")
		v.Get("/checks?control=CHG-07").Silent("#checks tbody", "git.commit.signed")
	})
}

func TestACheckSaysWhyAndHow(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		s := seen(t, desk, commits{"a1/b": "none", "b2": "valid", "c3": ""})
		p := v.Get("/checks/git.commit.signed")
		p.Says("h1", "1 of 3 commits have no valid signature")
		p.Says("#why", "git config --global commit.gpgsign true")
		p.Says("#rule", `r.signature == "valid"`)
		p.Says("#findings", "a1/b")
		if got := p.Attr("#findings tbody a", "href"); got != "/sources/"+string(s.ID)+"/commit/a1%2Fb" {
			t.Errorf("the finding leads to %s", got)
		}
		p.Says(".tm-totals tfoot", "3")
		sum := 0
		for _, row := range p.Texts(".tm-totals tbody td") {
			n, err := strconv.Atoi(row)
			if err != nil {
				t.Fatal(err)
			}
			sum += n
		}
		if sum != 3 {
			t.Errorf("the parts add up to %d of 3", sum)
		}
		v.Get("/checks/git.commit.signed?show=unknown").Says("#findings tbody", "c3")
		v.Get("/checks/host.ssh.root-login").Says("h1", "Nothing reads this: no connected source shows")
		v.Get("/checks/no.such").Is(http.StatusNotFound)
	})
}

func TestAnExceptionNeedsAReasonAndAnEnd(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		seen(t, desk, commits{"a1": "none"})
		v.Get("/exceptions").Says("h1", "No exception is in force.")
		refused := v.Post("/checks/git.commit.signed/except", "reason", "A migration is under way until spring.", "ends", "2029-01-01")
		refused.Is(http.StatusUnprocessableEntity)
		refused.Says(".tm-errors", "within 12 months")
		refused.Says("#exceptions textarea", "A migration is under way until spring.")
		v.Post("/checks/git.commit.signed/except", "reason", "A migration is under way until spring.", "ends", "2027-03-01").LeadsTo("/checks/git.commit.signed#exceptions")
		lead := s.As(optest.Member(t, desk, auth.Lead))
		lead.Post(approval(t, lead.Get("/checks/git.commit.signed"))).LeadsTo("/checks/git.commit.signed#exceptions")
		p := v.Get("/checks/git.commit.signed")
		p.Says(".tm-lead", "Excepted until 1 Mar")
		p.Says("#exceptions tbody", "asked by Example Owner, approved by Example compliance_lead")
		list := v.Get("/exceptions")
		list.Says("h1", "One exception is in force.")
		end := ""
		for _, href := range list.Attrs("tbody a", "href") {
			if strings.HasSuffix(href, "/end") {
				end = href
			}
		}
		s.As(optest.Member(t, desk, auth.ControlOwner)).Get(end).Is(http.StatusForbidden)
		v.Get(end).Says("main", "counts as failing again")
		v.Post(end).LeadsTo("/checks/git.commit.signed#exceptions")
		v.Get("/exceptions").Says("h1", "No exception is in force.")
	})
}

// approval is where the page's approve button posts to; empty without one.
func approval(t *testing.T, p *sitetest.Page) string {
	t.Helper()
	if p.Count("#pending button[type=submit]") == 0 {
		return ""
	}
	return p.Attr("#pending form", "action")
}

func TestAnExceptionWaitsForWhomThePageNames(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		const path, wish = "/checks/git.commit.signed", "A migration is under way until spring."
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		seen(t, desk, commits{"a1": "none"})
		v.Post(path+"/except", "reason", wish, "ends", "2027-03-01").LeadsTo(path + "#exceptions")
		p := v.Get(path)
		p.Says("#pending", wish)
		p.Says("#pending", "Would cover every failing commit until 1 March 2027. Asked by Example Owner.")
		p.Says("#pending", "In 72 h you may approve it yourself: nobody else here may.")
		p.Silent(".tm-lead", "Excepted")
		list := v.Get("/exceptions")
		list.Says("h1", "No exception is in force.")
		list.Says("main", "1 waits for approval")
		list.Says("tbody", "Waits for approval")
		if approval(t, p) != "" {
			t.Error("the asker may approve it at once")
		}
		act := p.Attr("#pending form", "action")
		v.Post(act).Is(http.StatusConflict)

		// A second person joins: it waits for them, and they see the button.
		second := optest.Member(t, desk, auth.Lead)
		p = v.Get(path)
		p.Says("#pending", "It waits for Example compliance_lead.")
		v.Post(act).Is(http.StatusForbidden)
		s.As(optest.Member(t, desk, auth.Sponsor)).Get(path).Says("#pending", "It waits for Example compliance_lead.")
		lead := s.As(second)
		p = lead.Get(path)
		p.Says("#pending", "somebody else asked")
		if approval(t, p) != act {
			t.Error("the second person has no button")
		}
		end := strings.TrimSuffix(act, "approve") + "end"
		lead.Get(end).Says("h1", "Decline the exception?")
		lead.Post(end).LeadsTo(path + "#exceptions")
		p = v.Get(path)
		p.Says("#exceptions tbody", "Declined")
		if p.Count("#pending") != 0 {
			t.Error("it still waits")
		}
		lead.Post(act).Is(http.StatusNotFound)
	})
}

func TestWhoeverIsAloneApprovesAfterThreeDays(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		const path = "/checks/git.commit.signed"
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		seen(t, desk, commits{"a1": "none"})
		v.Post(path+"/except", "reason", "A migration is under way until spring.", "ends", "2027-03-01").LeadsTo(path + "#exceptions")
		optest.Clock(desk).Advance(time.Hour)
		v.Get(path).Says("#pending", "In 71 h you may approve it yourself")
		optest.Clock(desk).Advance(71 * time.Hour)
		v = s.As(desk)
		p := v.Get(path)
		p.Says("#pending", "The log will say that you were alone.")
		v.Post(approval(t, p)).LeadsTo(path + "#exceptions")
		v.Get(path).Says("#exceptions tbody", "asked and, alone, approved by Example Owner")
		v.Get("/exceptions").Says("h1", "One exception is in force.")
	})
}

func TestACheckThatDoesNotCompileShowsThePlace(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		text := strings.ReplaceAll(v.Get("/checks/new?as=yaml").Text("textarea"), " id:", "\nid:")
		if !strings.Contains(text, "own.commit.subject") {
			t.Fatalf("no example: %q", text)
		}
		bad := strings.Replace(example, "r.subject.matches", "r.subjekt.matches", 1)
		p := v.Post("/checks/new", "as", "yaml", "do", "save", "yaml", bad)
		p.Is(http.StatusUnprocessableEntity)
		p.Says("#where pre", "subject is probably meant")
		if !strings.Contains(p.Body, "^</") && !strings.Contains(p.Body, "^<") {
			t.Error("no caret under the place")
		}
		p.Says("textarea", "r.subjekt.matches")
		v.Post("/checks/new", "as", "yaml", "do", "save", "yaml", strings.ReplaceAll(example, "\n", "\r\n")).LeadsTo("/checks/own.commit.subject")
		if s.Woken != 1 {
			t.Errorf("the machine was woken %d times", s.Woken)
		}
		v.Get("/checks/own.commit.subject").Says(".tm-facts", "Written here")
	})
}

const example = `id: own.commit.subject
title: Commit subjects name a ticket
kind: commit
schema: 1
applies: '!r.merge'
pass: r.subject.matches("^[A-Z]+-[0-9]+")
empty: unknown
freshness: 26h
cadence: daily
severity: low
mandatory: false
message: '"commit " + r.short + " names no ticket"'
summary: '{failing} of {total} commits name no ticket'
risk: A change that names no request cannot be traced to a decision.
fix: Begin each commit subject with the number of its ticket.
controls: [CHG-07]
map: [{criterion: CC8.1, strength: supporting}]
fixtures:
  pass:
    - {merge: false, short: 0a1b2c3d4e, subject: OPS-12 add export}
  fail:
    - {merge: false, short: 0a1b2c3d4e, subject: add export}
  unknown:
    - {merge: false, short: 0a1b2c3d4e}
`
