package page_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/importers/ocsf"
	"github.com/tickmark/tickmark/internal/importers/sarif"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/sources/page"
)

const scan = `{"class_uid":2004,"metadata":{"version":"1.4.0","event_code":"r","product":{"name":"Prowler","version":"5.8.0"}},"finding_info":{"uid":"f-1"},"severity_id":4,"status_code":"FAIL","cloud":{"provider":"aws","account":{"uid":"123456789012"}},"time":1780000000}` + "\n"

func TestAFileIsHandedInLookedAtAndThenRead(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		reader, err := sources.NewReader()
		if err != nil {
			t.Fatal(err)
		}
		reader.Feed(0, ocsf.New(), sarif.New())
		web := sitetest.New(t, desk.Engine, page.Routes())
		web.Deliver = func(ctx context.Context, d *op.Desk, name string, from io.Reader) (string, error) {
			made, err := reader.Deliver(ctx, d, sources.Delivery{Name: name}, from)
			return string(made.ID), err
		}
		v := web.As(desk)
		v.Get("/sources/ingest").Says("main", "No file was handed in yet.")
		v.Upload("/sources/ingest", "file", "x.zip", []byte("PK\x03\x04")).Says("main", "looks like none of the formats")
		hand := func(data string) (string, *sitetest.Page) {
			res := v.Upload("/sources/ingest", "file", "scan.json", []byte(data))
			to := res.Header.Get("Location")
			if res.Status != http.StatusSeeOther || !strings.HasPrefix(to, "/imports/upl_") {
				t.Fatalf("status %d to %q: %s", res.Status, to, res.Text("main"))
			}
			return to, v.Get(to)
		}
		to, p := hand(scan)
		p.Says("h1", "It looks like OCSF 1.4 detection findings by Prowler 5.8.0.")
		web.As(optest.Member(t, desk, auth.Sponsor)).Post(to).Is(http.StatusForbidden)
		v.Post(to, "format", "git", "skip_bad", "false").Is(http.StatusUnprocessableEntity)
		v.Post(to, "format", "ocsf", "source", "", "skip_bad", "false").LeadsTo(to)
		if web.Woken != 1 {
			t.Error("nobody was woken")
		}
		v.Get(to).Says("#progress", "Waiting for its turn")
		run, err := reader.Import(t.Context(), desk, id.Upload(strings.TrimPrefix(to, "/imports/")), nil, false)
		if err != nil {
			t.Fatal(err)
		}
		done := v.Get(to)
		done.Says("h1", "It was read: two things were taken.")
		if !strings.Contains(strings.Join(done.Attrs("main a", "href"), " "), "/runs/"+string(run.ID)) {
			t.Error("the run is not linked")
		}
		for _, act := range []string{"File handed in", "File put in line to be read", "Source read"} {
			done.Says("#timeline", act)
		}
		if part := v.Part(to + "/progress"); part.Header.Get("HX-Redirect") != to {
			t.Error("the page is not opened anew")
		}
		if file := v.Get(to + "/file"); file.Body != scan {
			t.Errorf("the file comes back as %q", file.Body)
		}
		to, _ = hand(strings.Replace(scan, "1.4.0", "3.0.0", 1))
		v.Post(to, "format", "ocsf", "skip_bad", "false").LeadsTo(to)
		if _, err := reader.Import(t.Context(), desk, id.Upload(strings.TrimPrefix(to, "/imports/")), nil, false); err == nil {
			t.Fatal("taken")
		}
		bad := v.Get(to)
		bad.Says("h1", "It was refused, and nothing of it was taken.")
		bad.Says("main", "OCSF 1.0 to 1.5 is accepted")
		bad.Says("#timeline", "File refused")
		v.Get("/sources/ingest").Says("main", "Refused")
		v.Get("/imports/upl_0000000000000000000000000g").Is(http.StatusNotFound)
	})
}

func TestTheReadingOfAFileIsCancelledAndDoneAgain(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		reader, err := sources.NewReader()
		if err != nil {
			t.Fatal(err)
		}
		reader.Feed(0, ocsf.New())
		web := sitetest.New(t, desk.Engine, page.Routes())
		v := web.As(desk)
		hand := func(data string) string {
			made, err := reader.Deliver(t.Context(), desk, sources.Delivery{Name: "scan.json", Queue: true}, strings.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			return "/imports/" + string(made.ID)
		}
		to := hand(scan)
		p := v.Get(to)
		p.Says("#reading", "Cancelling takes nothing of the file. The file itself is kept, and can be read later.")
		p.Says("#reading", "Cancel the reading")
		sponsor := web.As(optest.Member(t, desk, auth.Sponsor))
		sponsor.Post(to + "/cancel").Is(http.StatusForbidden)
		v.Post(to + "/cancel").LeadsTo(to)
		v.Post(to + "/cancel").LeadsTo(to) // it is no error to come too late
		if part := v.Part(to + "/progress"); part.Header.Get("HX-Redirect") != to {
			t.Error("the page is not opened anew")
		}
		p = v.Get(to)
		p.Says("h1", "Its reading was cancelled by "+desk.Actor.Name+", and nothing of it was taken.")
		p.Says("#again", "Read it again")
		v.Get("/sources/ingest").Says("#files", "Cancelled")
		sponsor.Post(to + "/retry").Is(http.StatusForbidden)
		v.Post(to + "/retry").LeadsTo(to)
		v.Get(to).Says("#progress", "Waiting for its turn")
		v.Post(to + "/retry").LeadsTo(to) // nor to ask twice
		if _, err := reader.Import(t.Context(), desk, id.Upload(strings.TrimPrefix(to, "/imports/")), nil, false); err != nil {
			t.Fatal(err)
		}
		v.Get(to).Says("h1", "It was read: two things were taken.")
		v.Post(to + "/retry").LeadsTo(to)

		to = hand(scan + strings.Replace(strings.Replace(scan, "f-1", "f-2", 1), `"severity_id":4`, `"severity_id":"high"`, 1))
		if _, err := reader.Import(t.Context(), desk, id.Upload(strings.TrimPrefix(to, "/imports/")), nil, false); err == nil {
			t.Fatal("taken")
		}
		p = v.Get(to)
		p.Says("#again", "Leave them out")
		if err := desk.DB.Write(t.Context(), string(desk.Org), func(tx *db.Tx) error {
			_, err := tx.Exec("DELETE FROM blob WHERE org_id = ?", desk.Org)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		gone := v.Post(to+"/retry", "skip_bad", "true")
		gone.Is(http.StatusUnprocessableEntity)
		gone.Says("main", "The bytes of scan.json are not kept any more, so it cannot be read again. Hand the file in anew.")
	})
}

func TestAFileThatDoesNotComeIsSaid(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		web := sitetest.New(t, desk.Engine, page.Routes())
		v := web.As(desk)
		v.Get("/sources/new?kind=trivy").Says("form#source", "Each quarter")
		if git := v.Get("/sources/new?kind=git"); strings.Contains(git.Text("form#source"), "A file is expected") {
			t.Error("a file is expected of what is read")
		}
		made := v.Post("/sources/new", "kind", "trivy", "name", "Images", "tool", "Trivy", "expected", "month")
		to := made.Header.Get("Location")
		p := v.Get(to)
		s := optest.Do(t, desk, sources.Get, sources.Ref{ID: strings.TrimPrefix(to, "/sources/")})
		day := s.Due.Format("2 January")
		p.Says("h1", "It is connected, and no file was handed in yet.")
		p.Says("main", "A file is expected each month")
		p.Says("main", "Expected by "+day)
		v.Get("/sources").Says("#sources", "by "+s.Due.Format("2 Jan"))
		optest.Clock(desk).Advance(s.Due.Sub(desk.Clock.Now()))
		v = web.As(desk)
		p = v.Get(to)
		p.Says("h1", "No file was ever handed in. One was expected by "+day+".")
		p.Says("main", "Overdue since "+day)
		list := v.Get("/sources")
		list.Says("h1", "One waits for a file that is overdue.")
		list.Says("#sources", "File overdue")
		list.Says("#sources", "since "+s.Due.Format("2 Jan"))
		v.Get(to+"/edit").Says("form#source", "A file is expected")
		v.Post(to+"/edit", "name", "Images", "expected", "never", "version", "1").LeadsTo(to)
		v.Get(to).Says("main", "handed in without a rhythm")
	})
}
