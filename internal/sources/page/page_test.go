package page_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/sources/page"
)

// checkout is a collector that shows tags, cannot tell one thing, and fails
// when it has nothing.
type checkout []string

func (checkout) Kind() string    { return "git" }
func (checkout) Version() string { return "test" }
func (c checkout) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	if len(c) == 0 {
		return errors.New("no git repository at /nowhere")
	}
	in.Cover("tag", "commit")
	in.Scope("path", "/nowhere")
	in.Missing(sources.Missing{Kind: "tag", Field: "signature", Reason: "No signers are given", Remedy: "Add the signers to the source."})
	for _, name := range c {
		err := in.Add(sources.Resource{Kind: "tag", Key: name, Attrs: map[string]any{"name": name, "annotated": true}, Absent: map[string]string{"signature": "no signers are given"}})
		if err != nil {
			return err
		}
	}
	return nil
}

func connect(t *testing.T, desk *op.Desk) sources.Source {
	t.Helper()
	s, err := sources.Create.Do(t.Context(), desk, sources.Connection{Kind: "git", Name: "main", Path: "/nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t *testing.T, desk *op.Desk, s sources.Source, c checkout) sources.Run {
	t.Helper()
	optest.Clock(desk).Advance(time.Minute)
	reader, err := sources.NewReader(c)
	if err != nil {
		t.Fatal(err)
	}
	run, err := reader.Read(t.Context(), desk, s.ID, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestASourceShowsWhatItSawAndWhatItCouldNot(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		v.Get("/sources").Says("main", "No sources yet.")
		s := connect(t, desk)
		path := "/sources/" + string(s.ID)
		v.Get(path).Says("h1", "has not been read yet")
		run := read(t, desk, s, checkout{"release/v1", "v2"})
		v.Get("/sources").Says("h1", "One could not be read whole.")
		p := v.Get(path)
		p.Says("h1", "Two things were seen. One fact could not be read.")
		p.Says("#kinds tfoot", "2")
		p.Says("#timeline", "Source connected")
		p.Says("#timeline", "Source read")
		p.Says("#missing", "Add the signers to the source.")
		v.Get(path+"/tag").Says("tbody tr", "release/v1")
		one := v.Get(path + "/tag/release%2Fv1")
		one.Says("h1", "release/v1")
		one.Says("pre", `"key": "release/v1"`)
		one.Says(".tm-edge-unknown", "No signers are given")
		v.Get(path + "/tag/v9").Is(http.StatusNotFound)
		v.Get(path + "/nothing").Is(http.StatusNotFound)
		r := v.Get("/runs/" + string(run.ID))
		r.Says("main", "Tag of main, 2 rows")
		r.Says("main", "/nowhere")
		r.Says("#timeline", "Source read")
	})
}

func TestASourceThatDoesNotAnswerSaysSoInPlace(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		s := connect(t, desk)
		read(t, desk, s, checkout{"v1"})
		run := read(t, desk, s, nil)
		v.Get("/sources").Says("h1", "One does not answer.")
		p := v.Get("/sources/" + string(s.ID))
		p.Says("h1", "It did not answer. No git repository at /nowhere.")
		p.Says("#kinds", "unknown until it does")
		if p.Count("#runs tbody tr") != 2 {
			t.Error("the earlier run is gone")
		}
		v.Get("/runs/"+string(run.ID)).Says("h1", "did not answer")
	})
}

func TestReadingNowShowsProgressUntilItIsDone(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		web := sitetest.New(t, desk.Engine, page.Routes())
		v := web.As(desk)
		s := connect(t, desk)
		res := v.Post("/sources/" + string(s.ID) + "/collect")
		to := res.Header.Get("Location")
		if res.Status != http.StatusSeeOther || web.Woken != 1 {
			t.Fatalf("status %d to %q, woken %d", res.Status, to, web.Woken)
		}
		v.Get(to).Says("#progress", "Waiting for its turn")
		ask := v.Get(to).Attr("#progress", "hx-get")
		if part := v.Part(ask); part.Header.Get("HX-Redirect") != "" {
			t.Error("the page is opened anew before the job is done")
		}
		reader, err := sources.NewReader(checkout{"v1"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); job.NewRunner(desk.Engine, []job.Worker{reader.Worker()}, 1).Run(ctx) }()
		for v.Part(ask).Header.Get("HX-Redirect") == "" && t.Context().Err() == nil {
			continue
		}
		stop()
		<-done
		v.Get("/sources/"+string(s.ID)).Says("h1", "One thing was seen.")
	})
}

func TestConnectingReadsSignersAndKeepsWhatWasTyped(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		web := sitetest.New(t, desk.Engine, page.Routes())
		v := web.As(desk)
		bad := v.Post("/sources/new", "kind", "git", "name", "main", "path", "/nowhere", "signers", "ann@example.com")
		bad.Is(http.StatusUnprocessableEntity)
		bad.Says(".tm-errors", "Line 1: give an address")
		if bad.Attr("input[name=path]", "value") != "/nowhere" {
			t.Error("the path is lost")
		}
		v.Post("/sources/new", "kind", "git", "name", "main").Says(".tm-errors", "one that holds .git")
		res := v.Post("/sources/new", "kind", "git", "name", "main", "path", "/nowhere", "every_minutes", "60",
			"signers", "# people\nann@example.com,bob@example.com ssh-ed25519 AAAAC3Nz comment\n")
		if res.Status != http.StatusSeeOther {
			t.Fatalf("status %d\n%s", res.Status, res.Text("main"))
		}
		list, err := sources.List.Do(t.Context(), desk, op.None{})
		if err != nil || len(list.Items) != 1 {
			t.Fatal(list, err)
		}
		if got := string(list.Items[0].Settings); !strings.Contains(got, "ann@example.com,bob@example.com ssh-ed25519 AAAAC3Nz comment") || list.Items[0].Every != 60 {
			t.Errorf("settings %s", got)
		}
		v.Get("/sources/"+string(list.Items[0].ID)).Says("main", "ann@example.com,bob@example.com")
	})
}

func TestADisconnectedSourceStaysOnRecord(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		web := sitetest.New(t, desk.Engine, page.Routes())
		v := web.As(desk)
		s := connect(t, desk)
		path := "/sources/" + string(s.ID)
		web.As(optest.Member(t, desk, auth.Operator)).Get(path+"/remove").Says("h1", "Disconnect it?")
		web.As(optest.Member(t, desk, auth.Sponsor)).Post(path + "/remove").Is(http.StatusForbidden)
		v.Post(path + "/remove").LeadsTo("/sources")
		v.Get("/sources").Says("h1", "No source is connected yet.")
		gone := v.Get(path)
		gone.Says("h1", "It is disconnected since 21 November 2026.")
		if gone.Count("#collect") != 0 {
			t.Error("it can still be read")
		}
	})
}
