package page_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/procedures/procedurestest"
	"github.com/tickmark/tickmark/internal/reports/page"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

// settle concludes on everything as proposed.
func settle(t *testing.T, x procedurestest.Examined) {
	t.Helper()
	var met []string
	for _, k := range optest.Do(t, x.Staff, opinions.Get, opinions.Ref{Engagement: x.ID}).Criteria {
		met = append(met, k.Code)
	}
	optest.Do(t, x.Staff, opinions.Accept, opinions.Acceptance{Engagement: x.ID, Criteria: met})
	for _, part := range []string{"description", "design", "operation"} {
		optest.Do(t, x.Manager, opinions.Decide, opinions.Ruling{Engagement: x.ID, Part: part, Decision: "unmodified", Reason: "As examined."})
	}
}

func TestAReportFromFirstDraftToIssue(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := procedurestest.Examine(t, desk, "2026-01-01", "2026-10-31")
		s := sitetest.New(t, desk.Engine, page.Routes())
		staff, partner, lead, boss := s.As(x.Staff), s.As(x.Partner), s.As(x.Lead), s.As(x.Boss)
		at := "/engagements/" + x.ID + "/report"
		staff.Get(at).Says("h1", "No draft yet: Example 2026 is fieldwork.")
		lead.Get(at).Says("h1", "Aldine Voss has not given you a draft yet.")
		lead.Get(at).Silent("main", "I.opinion")
		if lead.Get(at).Count("#texts-I") != 0 || lead.Get(at).Count("#gate") != 0 {
			t.Error("the client sees what is the firm's")
		}
		lead.Get(at + "/texts/I.opinion").Is(http.StatusNotFound)
		lead.Get(at + "/issue").Is(http.StatusForbidden)
		partner.Get(at+"/issue").Says("#sign", "The engagement is fieldwork, not at sign-off")

		x.Conclude(t, "GOV-90", procedures.Agrees, procedures.Effective)
		x.Conclude(t, "CHG-90", procedures.Agrees, procedures.Effective)
		x.Advance(t, x.Partner, engagements.Evaluation)
		settle(t, x)
		x.Advance(t, x.Partner, engagements.DraftReport)
		staff.Get(at).Says("h1", "No draft is printed yet.")
		staff.Post(at + "/draft").LeadsTo(at)
		staff.Get(at).Says("#prints", "1, PDF")

		text := at + "/texts/III.DC1"
		lead.Get(at).Says("#texts-III", "To be supplied by Example")
		lead.Get(text).Says("h1", "DC1 · Services provided is to be supplied.")
		lead.Post(text, "text", "We keep ledgers.", "version", "0").LeadsTo(at + "#iii-dc1")
		stale := lead.Post(text, "text", "We keep books.", "version", "0")
		stale.Is(http.StatusUnprocessableEntity)
		stale.Says("main", "As it is now")
		if got := stale.Text("textarea[name=text]"); got != "We keep books." {
			t.Errorf("what was typed became %q", got)
		}
		if got := staff.Get(text).Count("textarea"); got != 0 {
			t.Error("the firm is offered to write for the client")
		}
		partner.Get(at).Says("h1", "Print 1 is out of date: Section III says something else now.")
		partner.Post(at+"/texts/I.opinion", "text", "In our opinion the controls were suitably designed.", "version", "0").LeadsTo(at + "#i-opinion")
		staff.Post(at + "/draft").LeadsTo(at)
		for _, code := range []string{"GOV-90", "CHG-90"} {
			optest.Do(t, x.Manager, procedures.Review, procedures.Signature{Engagement: x.ID, Control: code})
		}
		x.Advance(t, x.Partner, engagements.ManagementReview)
		lead.Get(at).Says("h1", "Print 2 is the draft to answer to.")
		partner.Get(at).Says(".tm-locked", "Issue: 2 missing")
		boss.Get(at + "/assertion").Is(http.StatusConflict)
		x.Advance(t, x.Lead, engagements.SignOff)

		file := lead.Get(lead.Get(at).Attr("#prints a", "href"))
		if got := file.Header.Get("Content-Disposition"); got != `attachment; filename="example-2026-draft-2.pdf"` || !strings.HasPrefix(file.Body, "%PDF-") {
			t.Errorf("the draft is sent as %s", got)
		}
		lead.Get(at + "/assertion").Is(http.StatusForbidden)
		boss.Get(at).Says("h1", "Print 2 waits for management's signed assertion.")
		words := "We assert that the description is so.\r\nAnd that the controls operated."
		boss.Post(at+"/assertion", "step", "show", "text", "short").Is(http.StatusUnprocessableEntity)
		shown := boss.Post(at+"/assertion", "step", "show", "text", words, "title", "Chief Executive")
		shown.Says("h1", "This is what you sign, word for word.")
		shown.Says("#signed-text", "And that the controls operated.")
		value := func(p *sitetest.Page, name string) string { return p.Attr("input[name="+name+"]", "value") }
		if value(shown, "text") != strings.ReplaceAll(words, "\r\n", "\n") || len(value(shown, "sha256")) != 64 {
			t.Errorf("what is signed is not what is shown: %q", value(shown, "text"))
		}
		partner.Get(at+"/issue").Says("#sign", "Issue: 1 missing")
		boss.Post(at+"/assertion", "step", "sign", "text", value(shown, "text")+"!", "sha256", value(shown, "sha256"), "report", value(shown, "report")).Is(http.StatusUnprocessableEntity)
		boss.Post(at+"/assertion", "step", "sign", "text", value(shown, "text"), "title", "Chief Executive", "sha256", value(shown, "sha256"), "report", value(shown, "report")).LeadsTo(at + "#assertion")
		boss.Get(at).Says("#assertion", "Chief Executive")

		partner.Get(at).Says("h1", "The report can be issued.")
		form := partner.Get(at + "/issue")
		form.Says("#statement", "In our opinion the controls were suitably designed.")
		form.Says("#statement", "Operating effectiveness: unmodified")
		s.As(x.Manager).Get(at + "/issue").Is(http.StatusForbidden)
		partner.Post(at+"/issue", "sha256", value(form, "sha256"), "date", "2026-01-01").Says(".tm-errors", "the day of the last conclusion or signature")
		partner.Post(at+"/issue", "sha256", value(form, "sha256"), "date", value(form, "date")).LeadsTo(at)
		partner.Get(at).Says("h1", "The report was issued on 21 November 2026")
		lead.Get(at).Says(".tm-lead", "Download the report")
		partner.Get(at + "/issue").Is(http.StatusConflict)
		if partner.Get(at).Count("form[action="+at+"/draft]") != 0 {
			t.Error("a draft can be printed of an issued report")
		}
	})
}
