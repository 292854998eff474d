package page_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/scrub"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/trust/page"
)

func TestAnybodySeesWhatHolds(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		employee, owner := s.As(optest.Member(t, desk, auth.Employee)), s.As(desk)
		if _, err := desk.Ledger.Seal(t.Context(), desk.Org); err != nil {
			t.Fatal(err)
		}
		p := employee.Get("/log/health")
		p.Is(http.StatusOK)
		p.Says("h1", "has not been read back whole yet")
		for _, want := range []string{"Every entry is signed", "Nobody outside vouches for it", "No backup is known", "Nobody has tried to restore it"} {
			p.Says("#holds", want)
		}
		p.Says("#story", "could still write another history")
		if p.Count("#read-back") > 0 || p.Count("#found") > 0 {
			t.Error("an employee may start nothing, and reads no findings")
		}
		employee.Post("/log/health/read-back").Is(http.StatusForbidden)

		owner.Post("/log/health/read-back").LeadsTo("/log/health?began=1")
		owner.Get("/log/health?began=1").Says("main", "Reading back has begun")
		if s.Woken == 0 {
			t.Error("nobody was woken to do it")
		}
		optest.Clock(desk).Advance(time.Minute)
		if _, err := scrub.Whole(t.Context(), desk); err != nil {
			t.Fatal(err)
		}
		p = owner.Get("/log/health")
		p.Says("h1", "The log is whole. Nobody outside vouches for it yet.")
		p.Says("#holds", "Everything was read back and is as recorded")
		optest.Clock(desk).Advance(72 * time.Hour)
		s.As(desk).Get("/log/health").Says("#holds", "Not read back whole lately")
	})
}

const spoil = "UPDATE ledger_opening SET payload = 'x' WHERE org_id = ? AND label = 'body' AND idx = 1"

func TestWhatIsFoundIsSaidToEverybodyAndNamedToReaders(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		employee, owner := s.As(optest.Member(t, desk, auth.Employee)), s.As(desk)
		if _, err := desk.Ledger.Seal(t.Context(), desk.Org); err != nil {
			t.Fatal(err)
		}
		err := desk.DB.Write(t.Context(), string(desk.Org), func(tx *db.Tx) error {
			n, err := tx.Exec(spoil, desk.Org)
			if n != 1 {
				t.Errorf("%d openings changed", n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := scrub.Whole(t.Context(), desk); err != nil {
			t.Fatal(err)
		}
		employee.Get("/log/health").Says("h1", "not as recorded")
		if employee.Get("/log/health").Count("#found") > 0 {
			t.Error("an employee reads what was found")
		}
		owner.Get("/log/health").Says("#found", "entry 1")
	})
}
