package page_test

import (
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/readiness/page"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/tasks"
)

func TestWorkSortsTasksByTheirDay(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		eve := optest.Member(t, desk, auth.Employee)
		me := string(eve.Actor.User)
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(eve)
		v.Get("/").LeadsTo("/work")
		none := v.Get("/work")
		none.Says("h1", "Nothing waits for you.")
		none.Says("#mine", "No duties.")
		for title, due := range map[string]string{"late": "2026-11-19", "today": "2026-11-21", "in a week": "2026-11-28", "in eight days": "2026-11-29", "some day": ""} {
			if _, err := tasks.Create.Do(t.Context(), desk, tasks.Wish{Title: title, Due: due, Owner: me}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := tasks.Create.Do(t.Context(), desk, tasks.Wish{Title: "nobody's"}); err != nil {
			t.Fatal(err)
		}
		x := v.Get("/work")
		x.Says("h1", "You have five things to do. One is overdue.")
		for card, want := range map[string][]string{"overdue": {"late"}, "week": {"today", "in a week"}, "later": {"in eight days", "some day"}, "free": nil} {
			rows := x.Texts("#" + card + " tbody tr")
			if len(rows) != len(want) {
				t.Errorf("%s: %q", card, rows)
				continue
			}
			for i := range want {
				if !strings.HasPrefix(rows[i], want[i]) {
					t.Errorf("%s: %q, want %q", card, rows[i], want[i])
				}
			}
		}
		s.As(desk).Get("/work").Says("#free", "nobody's")
	})
}
