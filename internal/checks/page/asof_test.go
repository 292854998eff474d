package page_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/checks/page"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

func TestChecksAreShownAsTheyWereOnADay(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		day := func(n int) { optest.Clock(desk).Advance(time.Duration(n) * 24 * time.Hour) }
		day(2)
		seen(t, desk, commits{"a1": "none", "b2": "valid"})
		day(2)
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		now := v.Get("/checks/git.commit.signed")
		if now.Attr(".tm-asof form", "action") != "/checks/git.commit.signed" || !strings.Contains(now.Text("main"), "Ask for an exception") {
			t.Error("the page cannot be moved, or nothing can be done now")
		}
		// The clock began on 21 November; the source was read on the 23rd.
		then := v.Get("/checks/git.commit.signed?as_of=2026-11-23")
		then.Says(".tm-band-not-now", "As of 23 November 2026.")
		then.Says("h1", "1 of 2 commits have no valid signature")
		then.Says("#findings tbody", "a1")
		for _, act := range []string{"Ask for an exception", "Judge again", "Switch off", "Add a task", "Comment"} {
			if strings.Contains(then.Text("main"), act) {
				t.Errorf("%s: that can be done in the past", act)
			}
		}
		if href := then.Attr("#findings a[download]", "href"); !strings.Contains(href, "as_of=2026-11-23") {
			t.Errorf("the file is of another day: %s", href)
		}
		before := v.Get("/checks/git.commit.signed?as_of=2026-11-22")
		before.Says("h1", "Nothing reads this")
		before.Silent("main", "a1")
		list := v.Get("/checks?as_of=2026-11-22")
		list.Says("h1", "No source answers one yet")
		list.Says("#checks", "Nothing is answered yet.")
		list = v.Get("/checks?as_of=2026-11-23")
		list.Says("#checks tbody", "1 of 2 commits have no valid signature")
		if href := list.Attr("#checks tbody a", "href"); !strings.Contains(href, "as_of=2026-11-23") {
			t.Errorf("%s leads to now", href)
		}
		if strings.Contains(list.Text("main"), "Write a check") {
			t.Error("a check can be written in the past")
		}
		v.Get("/checks?as_of=2027-01-01").Is(http.StatusUnprocessableEntity)
	})
}
