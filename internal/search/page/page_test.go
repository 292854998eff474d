package page_test

import (
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/search/page"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

func TestExactIdsLeadToTheirPages(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		adopted, err := controls.Adopt.Do(t.Context(), desk, controls.Adoption{Codes: []string{"CHG-01"}})
		if err != nil {
			t.Fatal(err)
		}
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		ctl := string(adopted.Items[0].ID)
		for q, want := range map[string]string{
			ctl: "/controls/" + ctl, "chg-01": "/controls/CHG-01", "CHG-02": "/library/CHG-02", "cc8.1": "/criteria/CC8.1",
			"git.commit.signed": "/checks/git.commit.signed", "1": "/log/1", "%23" + "1": "/log/1",
			"evd_00000000000000000000000000": "/evidence/evd_00000000000000000000000000",
		} {
			v.Get("/search?q=" + q).LeadsTo(want)
		}
	})
}

func TestWordsFindWhatThePersonMayOpen(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		found := v.Get("/search?q=signature+commit")
		found.Says("main a", "git.commit.signed")
		v.Get("/search?q=board").Says("main", "Library, not adopted")
		v.Get("/search?q=999999999999999999999999").Says("h1", "Nothing here is called")
		v.Get("/search").Says("h1", "Search for any id, code or word.")
		nobody := s.As(optest.Member(t, desk, auth.Employee)).Get("/search?q=commit")
		nobody.Says("h1", "Nothing here is called “commit”.")
	})
}
