package page_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/controls/page"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

func TestAControlIsShownAsItWasOnADay(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		day := func(n int) { optest.Clock(desk).Advance(time.Duration(n) * 24 * time.Hour) }
		day(1)
		adopt(t, desk, "CHG-03")
		day(2)
		seen(t, desk, commits{"aaaa1111": "invalid"})
		day(2)
		other := optest.Member(t, desk, "control_owner")
		if _, err := controls.Update.Do(t.Context(), desk, controls.Change{ID: "CHG-03", Title: "Reworded since", Text: "Another text altogether, since then.", Frequency: "annual",
			Owner: string(other.Actor.User), Version: 1}); err != nil {
			t.Fatal(err)
		}
		day(1)
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)

		now := v.Get("/controls/CHG-03")
		now.Says("main", "Reworded since")
		if now.Attr(".tm-asof form", "action") != "/controls/CHG-03" || now.Count(".tm-band-not-now") != 0 {
			t.Error("the page cannot be moved, or says that it was")
		}
		// The clock began on 21 November; adopted on the 22nd, read on the 24th, reworded on the 26th.
		then := v.Get("/controls/CHG-03?as_of=2026-11-25")
		then.Says(".tm-band-not-now", "As of 25 November 2026.")
		then.Silent("main", "Reworded since")
		then.Silent(".tm-facts", "control_owner")
		then.Says("#coverage", "Since the first answer, 24 Nov")
		if then.Count("#retire") != 0 || strings.Contains(then.Text("main"), "Edit") || strings.Contains(then.Text("main"), "Add evidence") {
			t.Error("something can be done in the past")
		}
		for _, href := range then.Attrs("main a", "href") {
			if (strings.HasPrefix(href, "/criteria/") || strings.HasPrefix(href, "/checks/")) && !strings.Contains(href, "as_of=2026-11-25") {
				t.Errorf("%s leads to now", href)
			}
		}
		if back := then.Attr(".tm-band-not-now a", "href"); back != "/controls/CHG-03?as_of=" {
			t.Errorf("back to now is %q", back)
		}
		before := v.Get("/controls/CHG-03?as_of=2026-11-23")
		before.Says("#coverage", "Nothing to show yet")
		before.Says(".tm-empty", "No evidence yet.")
		v.Get("/controls/CHG-03?as_of=2026-11-21").Is(http.StatusNotFound)
		v.Get("/controls?as_of=2026-11-21").Says("h1", "No control had been adopted.")
		list := v.Get("/controls?as_of=2026-11-25")
		list.Says("h1", "One control was in force.")
		if list.Count("form[data-bulk]") != 0 || !strings.Contains(list.Attr("a[download]", "href"), "as_of=2026-11-25") {
			t.Error("acts are offered, or the file is of another day")
		}
		for day, why := range map[string]string{"2026-11-20": "the record begins on 21 November 2026", "2027-01-01": "has not come yet", "soon": "Give a day as"} {
			p := v.Get("/controls?as_of=" + day)
			p.Is(http.StatusUnprocessableEntity)
			p.Says("main", why)
		}
	})
}
