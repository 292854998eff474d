package page_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/checks/page"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

func TestExceptionsAreFollowedToTheirEnd(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		const path = "/checks/git.commit.signed"
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		second := optest.Member(t, desk, auth.Lead)
		seen(t, desk, commits{"a1": "none", "b2": "none", "c3": "none"})
		day := func(n int) string { return desk.Clock.Now().AddDate(0, 0, n).Format(time.DateOnly) }
		v.Post(path+"/except", "reason", "A migration is under way.", "ends", day(10), "keys", "a1\r\nb2\n").LeadsTo(path + "#exceptions")
		s.As(second).Get("/exceptions?show=mine").Says("tbody", "and 1 more")
		v.Get("/exceptions?show=mine").Says("main", "No exception fits.")
		w := optest.Do(t, desk, checks.Exceptions, checks.WaiverFilter{}).Items[0]
		optest.Do(t, second, checks.Approve, checks.WaiverRef{ID: string(w.ID)})
		list := v.Get("/exceptions?show=ending")
		list.Says("h1", "One ends within two weeks")
		list.Says("tbody", "Ends in")
		one := "/exceptions/" + string(w.ID)
		p := v.Get(one)
		p.Says("#covers", "b2")
		p.Says("h1", "Two things that it is for fail now")
		p.Says("#history", "Approved")
		p.Says("#timeline", "Exception approved")
		p.Says("#timeline .tm-why", "A migration is under way.")
		v.Get(path).Says("#timeline", "Exception asked for")
		v.Post(one+"/renew", "reason", "short", "ends", day(40)).Is(http.StatusUnprocessableEntity)
		renewed := v.Post(one+"/renew", "reason", "The migration takes longer.", "ends", day(40))
		renewed.Is(http.StatusSeeOther)
		v.Get(one).Says("#history", "Asked to renew it")
		optest.Clock(desk).Advance(12 * 24 * time.Hour)
		v = s.As(desk)
		late := v.Get("/exceptions")
		late.Says("#debt", "git.commit.signed")
		late.Says(".tm-facts", "Debt: ")
		v.Get("/exceptions?show=expired").Says("tbody", "Ran out")
		boxes := v.Get("/exceptions").Attrs("tbody .tm-pick input", "value")
		if len(boxes) != 1 {
			t.Fatalf("boxes: %v", boxes)
		}
		v.Post("/exceptions/end", "id", boxes[0]).LeadsTo("/exceptions?show=ended")
		v.Get("/exceptions?show=ended").Says("tbody", "Declined")
		v.Get("/exceptions/exc_nothing").Is(http.StatusUnprocessableEntity)
		owner := s.As(optest.Member(t, desk, auth.ControlOwner))
		owner.Get(one).Is(http.StatusOK)
		if strings.Contains(owner.Get(one).Body, `action="`+one+`/renew"`) {
			t.Error("whoever may not ask is offered to renew")
		}
		owner.Post("/exceptions/end", "id", string(w.ID)).Is(http.StatusForbidden)
	})
}
