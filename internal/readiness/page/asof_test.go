package page_test

import (
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/readiness/page"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

func TestHomeStandsAsItDidOnADay(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		optest.Clock(desk).Advance(48 * time.Hour)
		adopt(t, desk, "CHG-03")
		optest.Clock(desk).Advance(48 * time.Hour)
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		if v.Get("/").Count("#settles") != 1 {
			t.Error("home does not say what to do")
		}
		then := v.Get("/?as_of=2026-11-22")
		then.Says(".tm-band-not-now", "As of 22 November 2026.")
		then.Says("h1", "None of 33 criteria is ready, because no control has been adopted.")
		then.Says("#untold", "how each was connected then is not kept")
		if then.Count("#settles") != 0 || then.Count("#log") != 0 || then.Count("#period") != 0 {
			t.Error("what is of now stands on a page of another day")
		}
		if got := then.Attr("#map a.tm-cell", "href"); got != "/criteria/CC1.1?as_of=2026-11-22" {
			t.Errorf("a cell leads to %q", got)
		}
		one := v.Get("/criteria/CC8.1?as_of=2026-11-22")
		one.Says("h1", "No control has been adopted for it.")
		if one.Count("#proposed form") != 0 {
			t.Error("something can be adopted in the past")
		}
		list := v.Get("/criteria?as_of=2026-11-22&verdict=not_started")
		if got := list.Attr("form[role=search] input[name=as_of]", "value"); got != "2026-11-22" {
			t.Errorf("a search leaves the day: %q", got)
		}
		figures := v.Get("/figures?as_of=2026-11-22") // which cannot be moved, and does not pretend
		if figures.Count(".tm-asof") != 0 || figures.Count(".tm-band-not-now") != 0 {
			t.Error("the page of figures offers another day")
		}
		figures.Says("main", "Adopted 1")
	})
}
