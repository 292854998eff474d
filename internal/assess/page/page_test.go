package page_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/assess/page"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/sources"
)

// shown is a source that shows some commits, or fails.
type shown struct {
	kind    string
	commits int
	err     error
}

func (s shown) Kind() string    { return s.kind }
func (s shown) Version() string { return "1" }
func (s shown) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	if s.err != nil {
		return s.err
	}
	in.Cover("commit")
	in.Missing(sources.Missing{Kind: "commit", Field: "reviewed", Reason: "no commit names a reviewer", Remedy: "git fetch --unshallow"})
	for i := range s.commits {
		key := strconv.Itoa(i)
		err := in.Add(sources.Resource{Kind: "commit", Key: key, Attrs: map[string]any{"sha": key, "short": key, "subject": "x", "author_name": "A", "merge": false,
			"committed_at": in.Now().Add(-time.Hour), "authored_at": in.Now().Add(-time.Hour), "signature": "none"},
			Absent: map[string]string{"reviewed": "no commit names a reviewer"}})
		if err != nil {
			return err
		}
	}
	return nil
}

// work does n jobs that are in line, and no more.
func work(t *testing.T, desk *op.Desk, n int, collectors ...sources.Collector) {
	t.Helper()
	reader, err := sources.NewReader(collectors...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	left := n
	done := func(err error) error {
		if left--; left == 0 {
			cancel() // the outcome of this one is still filed
		}
		return err
	}
	rights := []auth.Right{auth.SourcesRead, auth.SourcesWrite, auth.EvidenceWrite, auth.ChecksRead, auth.ChecksWrite}
	collect := job.New(sources.CollectJob, 3, func(_ context.Context, r *job.Run, o sources.Order) error {
		_, err := reader.Read(context.WithoutCancel(ctx), r.Machine(r.Org, "collector", rights...), o.Source, r.Progress, true)
		return done(err)
	})
	judge := job.New(sources.EvaluateJob, 3, func(_ context.Context, r *job.Run, in sources.Evaluation) error {
		return done(checks.EvaluateRun(context.WithoutCancel(ctx), r.Machine(r.Org, "checks", rights...), in.Run, r.Progress))
	})
	job.NewRunner(desk.Engine, []job.Worker{collect, judge}, 1).Run(ctx)
	if left != 0 {
		t.Fatalf("%d of %d jobs were not done", left, n)
	}
}

func pages(t *testing.T, desk *op.Desk, offer assess.Offer) (*sitetest.Site, *sitetest.Visitor) {
	t.Helper()
	s := sitetest.New(t, desk.Engine, page.New(offer).Routes())
	return s, s.As(desk)
}

func connected(t *testing.T, desk *op.Desk) []sources.Source {
	t.Helper()
	list, err := sources.List.Do(t.Context(), desk, op.None{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func TestStartOffersWhatLiesAtHandAndSaysWhatIsRead(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		dir := t.TempDir()
		_, v := pages(t, desk, assess.Offer{Git: dir, Host: true})
		v.Get("/start").LeadsTo("/start/scope")
		choose := v.Get("/start/sources")
		choose.Says(".tm-path-now", "What may be read")
		choose.Says("#offer-host", "Passwords and their hashes are not kept")
		choose.Says("#offer-git", dir)
		choose.Says("#offer-git", "no connection opened")
		if choose.Count("input[name=sources][checked]") != 2 {
			t.Error("not both are offered")
		}
		_, only := pages(t, desk, assess.Offer{})
		if only.Get("/start/sources").Count("input[name=sources]") != 0 {
			t.Error("something is offered where nothing lies at hand")
		}
	})
}

func TestStartTakesNoForAnAnswer(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s, v := pages(t, desk, assess.Offer{Git: t.TempDir(), Host: true})
		v.Post("/start/sources", "path", "").LeadsTo("/?start=later")
		if got := connected(t, desk); len(got) != 0 || s.Woken != 0 {
			t.Errorf("%d sources are connected although both were declined", len(got))
		}
		v.Get("/first-results").LeadsTo("/start")
	})
}

func TestStartRefusesAFolderThatIsNotThereAndLosesNothing(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		_, v := pages(t, desk, assess.Offer{Git: t.TempDir(), Host: true})
		for path, want := range map[string]string{"/no/such/folder": "There is no folder /no/such/folder", "relative/path": "Give the whole path"} {
			wrong := v.Post("/start/sources", "sources", "host", "path", path)
			wrong.Is(http.StatusUnprocessableEntity)
			wrong.Says("#f-path-error", want)
			if wrong.Attr("#f-path", "value") != path || wrong.Count("input[name=sources][checked]") != 1 {
				t.Error("what was chosen is lost")
			}
		}
		v.Post("/start/sources", "sources", "moon").Is(http.StatusUnprocessableEntity)
		if len(connected(t, desk)) != 0 {
			t.Error("a refused choice connected something")
		}
	})
}

func TestReadingShowsProgressAndLeadsToTheResults(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s, v := pages(t, desk, assess.Offer{Git: t.TempDir(), Host: true})
		to := v.Post("/start/sources", "sources", "host", "sources", "git")
		to.Is(http.StatusSeeOther)
		at := to.Header.Get("Location")
		if !strings.HasPrefix(at, "/start/reading?") || s.Woken != 1 {
			t.Fatalf("it leads to %q and woke the machine %d times", at, s.Woken)
		}
		waiting := v.Get(at)
		waiting.Says("h1", "Reading two sources.")
		waiting.Says(".tm-card", "Waiting for its turn.")
		if !strings.Contains(waiting.Body, `<noscript><meta http-equiv="refresh"`) {
			t.Error("without scripts the page stands still")
		}
		part := v.Part(at)
		if part.Attr("#reading", "hx-trigger") != "every 1s" || part.Attr("#reading", "hx-get") != at || part.Count("nav") != 0 {
			t.Errorf("the part asks for %q %q", part.Attr("#reading", "hx-get"), part.Attr("#reading", "hx-trigger"))
		}
		work(t, desk, 4, shown{kind: "git", commits: 3}, shown{kind: "host", commits: 1})
		v.Get(at).LeadsTo("/first-results")
		if got := v.Part(at).Header.Get("HX-Redirect"); got != "/first-results" {
			t.Errorf("the part leads to %q", got)
		}
		// Chosen again, the same sources are read again.
		v.Post("/start/sources", "sources", "host", "sources", "git").Is(http.StatusSeeOther)
		if got := connected(t, desk); len(got) != 2 {
			t.Errorf("%d sources are connected, want 2", len(got))
		}
	})
}

func TestReadingSaysWhichSourceFailedAndWhy(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		_, v := pages(t, desk, assess.Offer{Git: t.TempDir(), Host: true})
		at := v.Post("/start/sources", "sources", "host", "sources", "git").Header.Get("Location")
		work(t, desk, 3, shown{kind: "git", err: fault.Invalid("path", "no git repository at /srv/x: give the folder that holds .git")}, shown{kind: "host", commits: 1})
		over := v.Get(at)
		over.Says("h1", "One of two sources could not be read.")
		over.Says(".tm-edge-fail", "No git repository at /srv/x: give the folder that holds .git.")
		if over.Count("a[href=/first-results]") != 1 || over.Attr("#reading", "hx-get") != "" {
			t.Error("it does not lead on, or goes on asking")
		}
		results := v.Get("/first-results")
		results.Is(http.StatusOK)
		results.Says(".tm-edge-fail", "It could not be read.")
	})
}

func TestFirstResultsAddUpAndOpenWhatTheyCount(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		_, v := pages(t, desk, assess.Offer{Git: t.TempDir()})
		v.Post("/start/sources", "sources", "git")
		optest.Clock(desk).Advance(47 * time.Second)
		work(t, desk, 2, shown{kind: "git", commits: 3})
		r := v.Get("/first-results")
		r.Is(http.StatusOK)
		words := map[string]int{}
		for _, text := range r.Texts("#run .tm-meter-words a") {
			n, word, _ := strings.Cut(text, " ")
			words[word], _ = strconv.Atoi(n)
		}
		ran := words["pass"] + words["fail"] + words["unknown"]
		if words["fail"] == 0 || words["unknown"] == 0 {
			t.Fatalf("the meter says %v, want failures and unknowns", words)
		}
		r.Says("h1", "47 seconds in: 3 things seen, "+strconv.Itoa(ran)+" checks run, "+strconv.Itoa(words["fail"])+" of them fail")
		r.Says("h1", "Nothing is due yet.")
		r.Says("#run", strconv.Itoa(ran)+" checks, first run")
		r.Says("#foremost", "3 of 3 commits have no valid signature")
		r.Says("#foremost", "All "+strconv.Itoa(words["fail"]+words["unknown"]))
		if got := r.Count("#touched .tm-cell"); got != 33 {
			t.Errorf("the map has %d cells, want 33", got)
		}
		if got := strconv.Itoa(r.Count("#touched .tm-cell-touched")); !strings.HasPrefix(r.Text("#touched .tm-aside"), got+" touched") {
			t.Errorf("%s cells are filled, the head says %q", got, r.Text("#touched .tm-aside"))
		}
		sum := 0
		for _, text := range r.Texts("#unknown .tm-status") {
			n, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			sum += n
		}
		if sum != words["unknown"] {
			t.Errorf("the causes add up to %d, %d are unknown", sum, words["unknown"])
		}
		r.Says("#unknown", "No commit names a reviewer")
		if got := r.Attr("#unknown [data-copy]", "data-copy"); got != "git fetch --unshallow" {
			t.Errorf("the command to copy is %q", got)
		}
		for _, href := range []string{"/scope", "/controls/library?proposed=1", "/settings#members"} {
			if r.Count("#next a[href="+href+"]") != 1 {
				t.Errorf("what comes next does not lead to %s", href)
			}
		}
	})
}

func TestStartIsForWhoMayConnectSources(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s, _ := pages(t, desk, assess.Offer{Host: true})
		sponsor := s.As(optest.Member(t, desk, auth.Sponsor))
		for _, path := range []string{"/start", "/start/sources", "/start/reading?" + url.Values{"read": {"src_x.job_y"}}.Encode()} {
			sponsor.Get(path).Is(http.StatusForbidden)
		}
		sponsor.Post("/start/sources", "sources", "host").Is(http.StatusForbidden)
	})
}
