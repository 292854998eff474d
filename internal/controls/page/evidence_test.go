package page_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/controls/page"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

func TestAControlSaysWhatIsSaidOfItsEvidence(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		adopt(t, desk, "GOV-01")
		p := v.Get("/controls/GOV-01")
		p.Says("#remarks", "None that counts yet")
		p.Says("#remarks", "none, as far as the machine can tell")
		c, err := controls.Get.Do(t.Context(), desk, controls.Ref{ID: "GOV-01"})
		if err != nil {
			t.Fatal(err)
		}
		author := optest.Member(t, desk, auth.ControlOwner)
		var made []evidence.Record
		for _, title := range []string{"Signed codes", "A blurred picture"} {
			sealed, err := desk.Vault.Store(t.Context(), desk.Org, []byte(title), desk.Clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			r, err := evidence.Submit.Do(t.Context(), author, evidence.Submission{Blob: sealed.Address, Title: title, Origin: "people", Location: "/codes", Level: 6, Controls: []string{string(c.ID)}})
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, r)
		}
		_, err = evidence.Review.Do(t.Context(), desk, evidence.Judgement{ID: string(made[1].ID), Decision: evidence.SentBack, Codes: []string{"EV13"}, Words: "Nobody can read the name"})
		if err != nil {
			t.Fatal(err)
		}
		p = v.Get("/controls/GOV-01")
		p.Says("#remarks", "2 records stand")
		p.Says("#remarks", "Until ")
		p.Says("#remarks", "1 returned")
		p.Says("#remarks", "1 not reviewed yet")
		p.Says("#remarks", "EV13 × 1")
		p.Says("#remarks .tm-rows", "Nobody can read the name.")
		if href := p.Attr("#remarks .tm-row-link", "href"); href != "/evidence/"+string(made[1].ID)+"#review" {
			t.Errorf("the objection leads to %s", href)
		}
		found := false
		for _, href := range p.Attrs("#remarks dd a", "href") {
			found = found || strings.Contains(href, "f.state=returned") && strings.Contains(href, string(c.ID))
		}
		if !found {
			t.Errorf("no figure leads to what was returned: %q", p.Attrs("#remarks dd a", "href"))
		}
		// What reviewers say now is not shown of another day.
		optest.Clock(desk).Advance(48 * time.Hour)
		then := desk.Clock.Now().Add(-24 * time.Hour).Format(time.DateOnly)
		if p := sitetest.New(t, desk.Engine, page.Routes()).As(desk).Get("/controls/GOV-01?as_of=" + then); p.Count("#remarks") != 0 || p.Count("#evidence") != 1 {
			t.Error("of another day it says what holds now")
		}
	})
}
