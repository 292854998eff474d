package page_test

import (
	"net/http"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/job/page"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

func TestJobsAreListedForThoseWhoMaySeeThem(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		v.Get("/jobs").Says("main", "No jobs yet.")
		var j id.Job
		err := desk.DB.Write(t.Context(), string(desk.Org), func(tx *db.Tx) (err error) {
			j, err = job.Enqueue(tx, desk.Org, job.Insert{Kind: "collect"}, desk.Clock.Now())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		list := v.Get("/jobs")
		list.Says("h1", "One job is waiting or under way.")
		list.Says("#jobs tbody tr", "Read a source")
		v.Get("/jobs/"+string(j)).Says("main", string(j))
		s.As(optest.Member(t, desk, auth.Sponsor)).Get("/jobs").Is(http.StatusForbidden)
	})
}
