package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/sources"
)

const send = "main form button[type=submit]"

// TestFirstRunToVerifiedBundle is the main job: from an empty folder to
// evidence that somebody else can check.
func TestFirstRunToVerifiedBundle(t *testing.T) {
	wanted(t)
	s := serve(t, assess.Offer{Git: repository(t), Host: true})
	p := browser.Open(t)
	setUp(t, s, p)
	decideScope(p)
	if n := p.Count("[name=sources]:checked"); n != 2 {
		t.Errorf("%d sources are offered, want this machine and the checkout", n)
	}
	p.Follow(send)
	// How far it is shows by itself, and leads on without a press.
	p.WaitURL("/first-results")
	firstResults(t, s, p)
	home(t, s, p)
	adoptProposed(t, s, p)
	home(t, s, p)
	exported(t, s, p)
}

// setUp makes the organization, with a wrong token first.
func setUp(t *testing.T, s *server, p *browser.Page) {
	t.Helper()
	p.Goto(s.url)
	p.WaitURL("/setup")
	p.Fill("[name=token]", "setup-somebody-elses")
	p.Fill("[name=organization]", who.org)
	p.Fill("[name=name]", who.name)
	p.Fill("[name=email]", who.email)
	p.Fill("[name=password]", who.password)
	p.Follow(send)
	p.Wait("#f-token-error")
	p.Wait("#f-token[aria-invalid=true]")
	p.Wait(".tm-errors:focus a[href='#f-token']")
	for name, want := range map[string]string{"organization": who.org, "name": who.name, "email": who.email} {
		var got string
		p.Eval(fmt.Sprintf("document.querySelector('[name=%s]').value", name), &got)
		if got != want {
			t.Errorf("after a wrong token the field %s holds %q, not %q", name, got, want)
		}
	}
	p.Fill("[name=token]", s.token)
	p.Fill("[name=password]", who.password)
	p.Follow(send)
	p.WaitURL("/start/scope")
}

// decideScope takes Type II, Security and Availability, over 2026.
func decideScope(p *browser.Page) {
	p.Fill("[name=requester]", "Aldine Bank")
	p.Click("[name=type][value=type_1]")
	p.Wait("[name=as_of]")
	p.WaitGone("[name=starts]")
	p.Click("[name=type][value=type_2]")
	p.Wait("[name=starts]")
	p.Fill("[name=starts]", "2026-01-01")
	p.Fill("[name=ends]", "2026-12-31")
	p.Click("[name=categories][value=availability]")
	p.Fill("[name=system]", "Ledger API")
	p.Follow("#scope button[type=submit]")
	p.WaitURL("/start/sources")
}

// picture is where the organization stands, as every surface is told.
func (s *server) picture(t *testing.T) readiness.Picture {
	t.Helper()
	desk, err := s.Desk(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	x, err := readiness.Get.Do(t.Context(), desk, op.None{})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// things counts what the sources showed.
func (s *server) things(t *testing.T) (n int64) {
	t.Helper()
	desk, err := s.Desk(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	list, err := sources.List.Do(t.Context(), desk, op.None{})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list.Items {
		n += x.Latest.Resources
	}
	return n
}

var number = regexp.MustCompile(`\d[\d,]*`)

// numbers are the counts in a text, in order.
func numbers(text string) []int64 {
	var out []int64
	for _, w := range number.FindAllString(text, -1) {
		n, _ := strconv.ParseInt(strings.ReplaceAll(w, ",", ""), 10, 64)
		out = append(out, n)
	}
	return out
}

func firstResults(t *testing.T, s *server, p *browser.Page) {
	t.Helper()
	x := s.picture(t)
	c := x.Checks
	if c.Fail == 0 || c.Pass == 0 || c.Unknown == 0 {
		t.Errorf("checks %+v: an unsigned, partly unreviewed repository passes some, fails some, and leaves some unknown", c)
	}
	got := numbers(p.Text("main h1"))
	want := []int64{s.things(t), int64(c.Pass + c.Fail + c.Unknown), int64(c.Fail)}
	if len(got) != 4 || got[1] != want[0] || got[2] != want[1] || got[3] != want[2] {
		t.Errorf("the sentence %q has the figures %v; recorded are %v", p.Text("main h1"), got, want)
	}
	for status, n := range map[string]int{"pass": c.Pass, "fail": c.Fail, "unknown": c.Unknown} {
		if got := numbers(p.Text("#run a[href='/checks?status=" + status + "']")); len(got) != 1 || got[0] != int64(n) {
			t.Errorf("%s: the first results say %v, recorded are %d", status, got, n)
		}
	}
	if n := p.Count("#foremost .tm-findings li"); n == 0 || n > 5 {
		t.Errorf("%d findings are put in front, want one to five", n)
	}
	for _, k := range x.Criteria {
		if k.Verdict == readiness.Ready {
			t.Errorf("%s is ready before a control was adopted", k.Code)
		}
	}
}

// home compares the page's sentence with what is known.
func home(t *testing.T, s *server, p *browser.Page) {
	t.Helper()
	p.Goto(s.url + "/")
	if got, want := p.Text("main h1"), s.picture(t).Sentence; got != want {
		t.Errorf("home says %q, recorded is %q", got, want)
	}
}

func adoptProposed(t *testing.T, s *server, p *browser.Page) {
	t.Helper()
	proposed := s.picture(t).Proposed
	if len(proposed) == 0 {
		t.Fatal("nothing is proposed")
	}
	p.Goto(s.url + "/controls/library?proposed=1")
	p.Click("[data-pick-all]")
	p.WaitText("[data-bulk-count]", strconv.Itoa(len(proposed)))
	p.Follow(".tm-bulk button[type=submit]")
	p.WaitURL("/controls")
	x := s.picture(t)
	if len(x.Controls) != len(proposed) || len(x.Proposed) != 0 {
		t.Errorf("%d controls are in force and %d still proposed, want %d and none", len(x.Controls), len(x.Proposed), len(proposed))
	}
	if got := numbers(p.Text("main h1")); len(got) == 0 || got[0] != int64(len(proposed)) {
		t.Errorf("the page of controls says %q, want %d in force", p.Text("main h1"), len(proposed))
	}
}

// exported downloads the bundle and checks it as somebody else would, with the
// key that the log's page shows.
func exported(t *testing.T, s *server, p *browser.Page) {
	t.Helper()
	p.Goto(s.url + "/export")
	file := p.Download(func() { p.Click("main form[action='/export'] button[type=submit]") })
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p.Goto(s.url + "/log")
	var key string
	p.Eval("document.querySelector('[data-copy^=\"tickmark/\"][data-copy*=\"+\"]').dataset.copy", &key)
	check := func(data []byte, keys ...string) *bundle.Report {
		r, err := bundle.Verify(bytes.NewReader(data), int64(len(data)), bundle.Options{File: "log.evb", Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := check(data, key); r.Verdict != bundle.Verified || len(r.Problems) > 0 {
		t.Errorf("%s %v", r.Verdict, r.Problems)
	}
	if r := check(data); r.Verdict != bundle.Consistent {
		t.Errorf("without a key: %s", r.Verdict)
	}
	data[len(data)/2] ^= 1
	r := check(data, key)
	if r.Verdict != bundle.Corrupted || len(r.Problems) == 0 || r.Problems[0].Object == "" {
		t.Errorf("one byte changed: %s %v", r.Verdict, r.Problems)
	}
}

func TestEachOfferCanBeDeclined(t *testing.T) {
	wanted(t)
	s := begun(t, assess.Offer{Git: repository(t), Host: true})
	p := browser.Open(t)
	s.enter(p, "/start/sources")
	p.Click("[name=sources][value=host]")
	p.Follow(send)
	p.WaitURL("/first-results")
	desk, err := s.Desk(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	list, err := sources.List.Do(t.Context(), desk, op.None{})
	if err != nil || len(list.Items) != 1 || list.Items[0].Kind != "git" {
		t.Errorf("connected are %+v, %v; want the checkout alone", list.Items, err)
	}
}

func TestBothOffersCanBeDeclined(t *testing.T) {
	wanted(t)
	s := begun(t, assess.Offer{Git: repository(t), Host: true})
	p := browser.Open(t)
	s.enter(p, "/start/sources")
	p.Click("[name=sources][value=host]")
	p.Click("[name=sources][value=git]")
	p.Follow(send)
	p.Wait(".tm-map")
	if got, want := p.Text("main h1"), s.picture(t).Sentence; got != want {
		t.Errorf("home says %q, recorded is %q", got, want)
	}
	if p.Count("main a[href^='/start/sources'], main a[href='/sources/new']") == 0 {
		t.Error("home does not say how to connect a source")
	}
}

// TestAnUnreadableRepositorySaysWhatToDo also mends it and tries again.
func TestAnUnreadableRepositorySaysWhatToDo(t *testing.T) {
	wanted(t)
	s := begun(t, assess.Offer{})
	p := browser.Open(t)
	s.enter(p, "/start/sources")
	p.Fill("[name=path]", "somewhere/else")
	p.Follow(send)
	p.Wait("#f-path-error")
	empty := t.TempDir()
	p.Fill("[name=path]", empty)
	p.Follow(send)
	p.WaitText(".tm-notice", "git repository at "+empty)
	if p.Count("main a[href='/start/sources']") == 0 {
		t.Error("nothing leads back to the choice")
	}
	thorough(t, p, "/start/reading of what cannot be read")
	if err := os.CopyFS(empty, os.DirFS(repository(t))); err != nil {
		t.Fatal(err)
	}
	p.Follow("main .btn-primary[href='/start/sources']")
	p.Fill("[name=path]", empty)
	p.Follow(send)
	p.WaitURL("/first-results")
	if n := s.picture(t).Checks.Total(); n < 12 {
		t.Errorf("%d checks speak of a git repository, want 12 at least", n)
	}
}
