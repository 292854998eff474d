package page_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
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
