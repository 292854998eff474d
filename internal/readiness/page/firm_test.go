package page_test

import (
	"testing"

	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/readiness/page"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

func TestAFirmsHomeIsItsEngagements(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		partner := optest.Firm(t, desk, "Aldine Voss")
		for _, who := range []*op.Desk{partner, optest.Member(t, partner, "staff")} {
			s.As(who).Get("/").LeadsTo("/engagements")
		}
	})
}
