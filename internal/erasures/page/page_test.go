package page_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/erasures"
	"github.com/tickmark/tickmark/internal/erasures/page"
	"github.com/tickmark/tickmark/internal/evidence"
	evidencepage "github.com/tickmark/tickmark/internal/evidence/page"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

func record(t *testing.T, desk *op.Desk, title, text string) evidence.Record {
	t.Helper()
	kept, err := desk.Vault.Store(t.Context(), desk.Org, []byte(text), desk.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return optest.Do(t, desk, evidence.Submit, evidence.Submission{Blob: kept.Address, Title: title, Origin: "ticket system", MediaType: "text/plain"})
}

func TestAnErasureFromItsRecordToItsTombstone(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		second, reader := optest.Member(t, desk, auth.Lead), optest.Member(t, desk, auth.ControlOwner)
		r, twin := record(t, desk, "Ticket of Jane Doe", "asked"), record(t, desk, "The same", "asked")
		s := sitetest.New(t, desk.Engine, page.Routes(), evidencepage.Routes())
		me, lead := s.As(desk), s.As(second)
		me.Get("/erasures").Says("#erasures", "asked for on the page of its record")
		here := "/evidence/" + string(r.ID)
		s.As(reader).Get(here).Silent("main", "Ask for erasure")
		s.As(reader).Get("/erasures").Is(http.StatusForbidden)
		me.Get(here).Says("main", "Ask for erasure")
		form := me.Get("/erasures/new?evidence=" + string(r.ID))
		form.Says("h1", "2 records would be erased")
		form.Says("#going", "it is the same bytes")
		bad := me.Post("/erasures/new?evidence="+string(r.ID), "basis", "court_order", "reason", "short")
		bad.Is(http.StatusUnprocessableEntity)
		bad.Says("#f-reason-error", "")
		me.Post("/erasures/new?evidence="+string(r.ID), "basis", "court_order", "reason", "the court has ordered it").Is(http.StatusSeeOther)
		made := optest.Do(t, desk, erasures.List, erasures.Filter{}).Items[0]
		at := "/erasures/" + string(made.ID)
		mine := me.Get(at)
		mine.Says("#decide", "It waits for Example compliance_lead.")
		mine.Silent("#decide", "Approve and erase")
		theirs := lead.Get(at)
		theirs.Says("#decide", "You may approve it")
		plan := theirs.Attr("#approve input[name=plan]", "value")
		lead.Post(at+"/approve", "plan", plan).LeadsTo(at)
		after := lead.Get(at)
		after.Says("h1", "Two entries hide nothing any more, and one key is destroyed.")
		after.Says("#cleared", "Under way")
		if err := erasures.Clear(t.Context(), desk.Engine, desk.Org, made.ID); err != nil {
			t.Fatal(err)
		}
		lead.Get(at).Says("#cleared", "have left the store")
		lead.Get(at).Says("#timeline", "Erasure asked for")
		lead.Get(at).Says("#timeline", "Erasure approved and carried out")
		for _, x := range []evidence.Record{r, twin} {
			stone := s.As(reader).Get("/evidence/" + string(x.ID))
			stone.Is(http.StatusOK)
			stone.Says("h1", "Erased on 21 November 2026")
			stone.Says("#erased", "Court order")
			stone.Silent("main", "Ask for erasure")
			stone.Silent("main", "Add a better one")
			me.Get(fmt.Sprintf("/log/%d", x.Entry)).Is(http.StatusOK)
			me.Get("/evidence/" + string(x.ID) + "/bytes").Is(http.StatusNotFound)
		}
		me.Get("/evidence").Says("#records", "Erased on 21 November 2026")
		me.Get("/log?kind=erasure").Is(http.StatusOK)
		me.Get("/erasures").Says("#erasures", "Erased 21 Nov 2026")
	})
}

func TestAHoldIsShownWhereItKeeps(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		second := optest.Member(t, desk, auth.Lead)
		r := record(t, desk, "Contract", "text")
		s := sitetest.New(t, desk.Engine, page.Routes(), evidencepage.Routes())
		me, lead := s.As(desk), s.As(second)
		me.Get("/holds").Says("h1", "No hold is in force.")
		bad := me.Post("/holds", "scope", "evidence", "targets", "", "reason", "the dispute with Borden")
		bad.Is(http.StatusUnprocessableEntity)
		bad.Says("#f-targets-error", "Give the ids of the records")
		me.Post("/holds", "scope", "evidence", "targets", string(r.ID)+"\n", "reason", "the dispute with Borden").LeadsTo("/holds")
		h := optest.Do(t, desk, erasures.HoldList, op.None{}).Items[0]
		at := "/holds/" + string(h.ID)
		blocked := me.Get("/erasures/new?evidence=" + string(r.ID))
		blocked.Says("#blocked", "the dispute with Borden")
		if got := blocked.Attrs("#blocked a", "href"); len(got) == 0 || got[0] != at {
			t.Errorf("leads to %v, want %s", got, at)
		}
		if blocked.Count("#ask") > 0 {
			t.Error("it can be asked for in spite of the hold")
		}
		if n := me.Get(at).Count("#release"); n != 0 {
			t.Error("who placed it may release it")
		}
		lead.Post(at, "note", "settled out of court").LeadsTo(at)
		me.Get(at).Says("main", "settled out of court")
		me.Get(at).Says("#timeline", "Evidence held back from erasure")
		me.Get(at).Says("#timeline", "Hold released")
		if me.Get("/erasures/new?evidence="+string(r.ID)).Count("#ask") != 1 {
			t.Error("it cannot be asked for after the release")
		}
	})
}

func TestThePolicyRefusesLessThanTheLeast(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		v.Get("/retention").Says("h1", "Evidence is kept for seven years")
		bad := v.Post("/retention", "evidence_years", "2", "file_years", "5", "personal_months", "0", "reason", "we need the room", "version", "0")
		bad.Is(http.StatusUnprocessableEntity)
		bad.Says("#f-evidence_years-error", "3 to 100 years")
		v.Post("/retention", "evidence_years", "3", "file_years", "5", "personal_months", "24", "reason", "we need the room", "version", "0").LeadsTo("/retention")
		v.Get("/retention").Says("h1", "Evidence is kept for three years")
		v.Get("/retention/due").Says("h1", "Nothing has come to the end of its time.")
	})
}

func TestWhatIsDueIsAskedForTogether(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		a, b := record(t, desk, "Old", "one"), record(t, desk, "Older", "two")
		optest.Clock(desk).Advance(9 * 366 * 24 * time.Hour)
		if err := erasures.Look(t.Context(), desk.Engine, desk.Org); err != nil {
			t.Fatal(err)
		}
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		due := v.Get("/retention/due")
		due.Says("h1", "Two records have come to the end")
		due.Says("#due", "in no engagement: end of 2026 and 7 years")
		got := v.Post("/retention/due", "id", string(a.ID), "id", string(b.ID))
		got.Is(http.StatusSeeOther)
		form := v.Get("/erasures/new?basis=retention_ended&evidence=" + string(a.ID) + "&evidence=" + string(b.ID))
		form.Says("h1", "2 records would be erased")
		if !strings.Contains(form.Text("#f-basis"), "Retention ended") {
			t.Error("the ground is not offered")
		}
	})
}
