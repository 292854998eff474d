package page_test

import (
	"net/http"
	"testing"

	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/opinions/page"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/procedures/procedurestest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

func TestConclusionsFromProposalToDecision(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := procedurestest.Examine(t, desk, "2026-01-01", "2026-10-31")
		s := sitetest.New(t, desk.Engine, page.Routes())
		v, at := s.As(x.Staff), "/engagements/"+x.ID+"/conclusions"
		s.As(x.Lead).Get(at).Is(http.StatusForbidden)
		s.As(x.Lead).Get(at + "/CC8.1").Is(http.StatusForbidden)

		open := v.Get(at)
		open.Says("h1", "0 of 33 criteria are concluded.")
		open.Says("#series-CC8", "1 control open")
		open.Says(".tm-private-line", "not visible to Example")
		if open.Count("[id=CC8.1]") != 1 {
			t.Error("no place for CC8.1 to link to")
		}
		locked := v.Get(at + "/CC8.1")
		locked.Says(".tm-locked", "Conclude: 1 missing")
		locked.Says(".tm-locked", "CHG-90 is not concluded")

		x.Conclude(t, "GOV-90", procedures.Agrees, procedures.Effective)
		x.Conclude(t, "CHG-90", procedures.Deviates, procedures.NotEffective)
		now := v.Get(at)
		now.Says(".tm-lead", "Accept 32 proposals that are met")
		now.Says("#series-CC8", "Not met")
		now.Says("#description", "Nothing is proposed. The description was not examined here")
		now.Says("#operation", "Provisional: 33 criteria are open.")

		confirm := v.Get(at + "/accept")
		if confirm.Count("input[name=criteria][checked]") != 32 {
			t.Error("the confirmation does not list all 32")
		}
		v.Post(at+"/accept").Says(".tm-errors", "Choose at least one criterion.")
		v.Post(at+"/accept", "criteria", "CC8.1").Is(http.StatusUnprocessableEntity)
		v.Post(at+"/accept", append([]string{}, pairs(confirm.Attrs("input[name=criteria]", "value"))...)...).LeadsTo(at)
		v.Get(at + "/accept").Is(http.StatusConflict)

		one := v.Get(at + "/CC8.1")
		one.Says("h1", "Proposed: not met. Nobody has concluded.")
		one.Says("#rests", "CHG-90")
		if one.Count("input[name=decision][checked]") != 0 {
			t.Error("a decision is made for the person")
		}
		v.Post(at+"/CC8.1").Says(".tm-errors", "Choose what you hold.")
		again := v.Post(at+"/CC8.1", "decision", "met", "reason", "")
		again.Is(http.StatusUnprocessableEntity)
		again.Says("#f-reason-error", "is proposed for CC8.1")
		v.Post(at+"/CC8.1", "decision", "not_met").LeadsTo(at + "#CC8.1")
		v.Get(at).Says("h1", "All 33 criteria are concluded. CC8.1 is not met.")
		v.Get(at+"/CC8.1").Says("#decision", "Decided: Not met")
		v.Get(at + "/CC99").Is(http.StatusNotFound)

		x.Advance(t, x.Partner, engagements.Evaluation)
		if v.Get(at).Count("a[href="+at+"/parts/design]") != 0 {
			t.Error("staff is offered to decide")
		}
		v.Get(at + "/parts/design").Is(http.StatusForbidden)
		m := s.As(x.Manager)
		part := m.Get(at + "/parts/operation")
		part.Says("h1", "Proposed: qualified. Nobody has decided.")
		part.Says("main", "Others rest on CC8.1")
		m.Post(at+"/parts/operation", "decision", "adverse").Is(http.StatusUnprocessableEntity)
		m.Post(at+"/parts/operation", "decision", "qualified").LeadsTo(at + "#operation")
		m.Post(at+"/parts/description", "decision", "unmodified").Says("#f-reason-error", "Nothing is proposed for the description")
		m.Post(at+"/parts/description", "decision", "unmodified", "reason", "Read beside the system.").LeadsTo(at + "#description")
		m.Get(at).Says("#operation", "Decided: Qualified")

		optest.Do(t, x.Staff, opinions.Judge, opinions.Judgement{Engagement: x.ID, Criterion: "CC8.1", Decision: opinions.Met, Reason: "The quarter was covered by hand."})
		m.Get(at).Says("#operation", "which no longer stands")
	})
}

func pairs(codes []string) []string {
	var out []string
	for _, c := range codes {
		out = append(out, "criteria", c)
	}
	return out
}
