package app_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/demo"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/tasks"
)

// lastMorning is when the year ends.
var lastMorning = time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC)

// TestTheYear tells the year once and looks at it from all sides.
func TestTheYear(t *testing.T) {
	if os.Getenv("TICKMARK_REQUIRE_POSTGRES") == "" {
		t.Skip("make test tells the year: it takes as long as all else of a quick run")
	}
	c := conf.Config{Data: filepath.Join(t.TempDir(), "data")}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	a, err := app.OpenDemo(t.Context(), c, log)
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	t.Cleanup(func() {
		if closed {
			return
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	began := time.Now()
	months := map[string]bool{}
	err = a.PlayDemo(t.Context(), "", func(at time.Time, _, _ string) { months[at.Format("2006-01")] = true })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("told in %s", time.Since(began).Round(time.Millisecond))
	if len(months) != 13 {
		t.Errorf("something was done in %d months, want 13: %v", len(months), months)
	}
	lead := seat(t, a, auth.Lead)
	t.Run("the last morning", func(t *testing.T) { lastPicture(t, lead) })
	t.Run("the calendar", func(t *testing.T) { calendar(t, lead) })
	t.Run("the evidence", func(t *testing.T) { gathered(t, lead) })
	t.Run("the work", func(t *testing.T) { given(t, lead) })
	t.Run("what it has", func(t *testing.T) { owned(t, lead) })
	t.Run("what a second person looked at", func(t *testing.T) { lookedAt(t, a, lead) })
	t.Run("everything says DEMO", func(t *testing.T) { marked(t, a, lead) })
	t.Run("it is the same each time", func(t *testing.T) { same(t, lead) })
	t.Run("it goes on where it was", func(t *testing.T) {
		before := entriesOf(t, lead, lastMorning)
		closed = true
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := app.OpenDemo(t.Context(), c, log)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if err := again.PlayDemo(t.Context(), "", nil); err != nil {
			t.Fatal(err)
		}
		if now := again.Clock.Now(); now.Before(lastMorning) || now.After(lastMorning.Add(time.Hour)) {
			t.Errorf("the clock says %s", now)
		}
		if after := entriesOf(t, seat(t, again, auth.Lead), lastMorning); len(after) != len(before) {
			t.Errorf("%d entries became %d", len(before), len(after))
		}
	})
}

func lastPicture(t *testing.T, lead *op.Desk) {
	p, err := readiness.Get.Do(t.Context(), lead, op.None{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[readiness.Verdict][]string{}
	for _, c := range p.Criteria {
		got[c.Verdict] = append(got[c.Verdict], c.Code)
	}
	for v, want := range map[readiness.Verdict]string{readiness.NotReady: "[CC6.1 CC6.2 CC6.3 CC9.2]", readiness.NotKnown: "[CC7.2 A1.2]", readiness.NotStarted: "[C1.2]"} {
		if fmt.Sprint(got[v]) != want {
			t.Errorf("%s are %v, want %s", v, got[v], want)
		}
	}
	if len(got[readiness.Ready]) != 31 || len(p.Criteria) != 38 {
		t.Errorf("%d of %d are ready: %s", len(got[readiness.Ready]), len(p.Criteria), p.Sentence)
	}
	if p.Checks.Pass == 0 || p.Checks.Fail == 0 || p.Checks.Unknown == 0 || p.Checks.Excepted == 0 {
		t.Errorf("the checks say %+v", p.Checks)
	}
	if !p.At.Equal(lastMorning) && p.At.Sub(lastMorning) > time.Hour || p.At.Before(lastMorning) {
		t.Errorf("it is %s", p.At)
	}
	open, err := checks.Findings.Do(t.Context(), lead, checks.FindingFilter{ID: "larchmere.account.second-factor", Status: "fail"})
	if err != nil || len(open.Items) != 2 || open.Items[0].Key != "contractor-hale" || open.Items[1].Key != "svc-scan-02" {
		t.Errorf("without a second factor are %+v, %v", open.Items, err)
	}
}

// calendar compares a control of the year with what was computed by hand.
func calendar(t *testing.T, lead *op.Desk) {
	day := func(m time.Month, d, h int) time.Time { return time.Date(2026, m, d, h, 0, 0, 0, time.UTC) }
	h, err := checks.Coverage.Do(t.Context(), lead, checks.Period{Control: "MFA-01", From: day(1, 1, 0), To: day(7, 1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if h.Uptime != "99.1620" || h.Coverage != "98.8950" || h.WorstCase != "98.0663" || h.MTTR != (18*time.Hour).Milliseconds() || h.Drifts != 2 || h.Open != 0 {
		t.Errorf("the first half-year: %+v", h)
	}
	if h, err = checks.Coverage.Do(t.Context(), lead, checks.Period{Control: "MFA-01", From: day(7, 1, 0), To: lastMorning}); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, s := range h.Spans {
		if s.Status != checks.Pass {
			seen = append(seen, fmt.Sprintf("%s %s %g h", s.Status, s.From.Format("2 Jan 15:04"), s.To.Sub(s.From).Hours()))
		}
	}
	if want := []string{"excepted 12 Aug 00:00 72 h", "fail 16 Nov 15:00 42 h"}; !slices.Equal(seen, want) {
		t.Errorf("the second: %v, want %v", seen, want)
	}
}

// gathered counts the evidence of each month.
func gathered(t *testing.T, lead *op.Desk) {
	months, in := map[string]int{}, evidence.Filter{Limit: 500}
	for {
		page, err := evidence.List.Do(t.Context(), lead, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Items {
			months[r.Sealed.Format("2006-01")]++
		}
		if in.After = page.Next; in.After == "" {
			break
		}
	}
	all := 0
	for _, n := range months {
		all += n
	}
	if len(months) != 13 || all < 300 {
		t.Errorf("%d records in %d months: %v", all, len(months), months)
	}
}

func given(t *testing.T, lead *op.Desk) {
	for state, least := range map[string]int{"open": 5, "done": 5} {
		list, err := tasks.List.Do(t.Context(), lead, tasks.Filter{State: state})
		if err != nil || len(list.Items) < least {
			t.Errorf("%d tasks are %s: %v", len(list.Items), state, err)
		}
	}
	late, err := tasks.List.Do(t.Context(), lead, tasks.Filter{DueBefore: "2026-11-18"})
	if err != nil || len(late.Items) != 1 || !strings.Contains(late.Items[0].Title, "Review access") {
		t.Errorf("overdue are %+v, %v", late.Items, err)
	}
}

// entriesOf is the log until an instant, without what is drawn by lot.
func entriesOf(t *testing.T, desk *op.Desk, until time.Time) []string {
	t.Helper()
	var out []string
	in := evidence.EntryFilter{Limit: 500}
	for {
		page, err := evidence.Entries.Do(t.Context(), desk, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Items {
			if !e.Recorded.After(until) {
				out = append(out, fmt.Sprint(e.Recorded.Format(time.RFC3339), " ", e.Kind, " ", e.Op, " ", e.Actor, " ", e.Reason))
			}
		}
		if in.After = page.Next; in.After == "" {
			slices.Reverse(out)
			return out
		}
	}
}

// same tells the beginning once more and compares.
func same(t *testing.T, lead *op.Desk) {
	until := time.Date(2025, 12, 12, 12, 0, 0, 0, time.UTC)
	a, err := app.OpenDemo(t.Context(), conf.Config{Data: filepath.Join(t.TempDir(), "data")}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.PlayDemoUntil(t.Context(), until); err != nil {
		t.Fatal(err)
	}
	one, two := entriesOf(t, lead, until), entriesOf(t, seat(t, a, auth.Lead), until)
	if len(one) < 200 || !slices.Equal(one, two) {
		at := 0
		for at < min(len(one), len(two)) && one[at] == two[at] {
			at++
		}
		t.Errorf("%d entries and %d, which differ at %d: %v and %v", len(one), len(two), at, one[at:min(at+2, len(one))], two[at:min(at+2, len(two))])
	}
}

// marked looks at a page of each kind and at each kind of export.
func marked(t *testing.T, a *app.App, lead *op.Desk) {
	web := httptest.NewServer(a.Handler(conf.Server{}, assess.Offer{}))
	defer web.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	defer client.CloseIdleConnections()
	read := func(res *http.Response, err error) (string, http.Header) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d, %v", res.Request.URL, res.StatusCode, err)
		}
		return string(b), res.Header
	}
	read(client.PostForm(web.URL+"/sign-in", url.Values{"email": {"jonas@larchmere.example"}, "password": {demo.Password}, "to": {"/"}}))
	for _, path := range []string{"/", "/criteria/CC6.1", "/controls", "/controls/MFA-01", "/checks", "/checks/larchmere.account.second-factor", "/evidence", "/sources", "/work", "/log", "/engagements", "/settings"} {
		if page, _ := read(client.Get(web.URL + path)); !strings.Contains(page, "DEMO.") {
			t.Errorf("%s does not say DEMO", path)
		}
	}
	for _, path := range []string{"/controls", "/evidence"} {
		for _, format := range []string{"csv", "xlsx"} {
			file, head := read(client.Get(web.URL + path + "?format=" + format))
			if !strings.Contains(head.Get("Content-Disposition"), "DEMO-") || format == "csv" && strings.Count(file, "DEMO: not real") < 3 {
				t.Errorf("%s as %s does not say DEMO: %v", path, format, head)
			}
		}
	}
	for path, says := range map[string]string{"/": "8 of 10 answering, 2 silent", "/sources": "Two were not heard of for too long."} {
		if page, _ := read(client.Get(web.URL + path)); !strings.Contains(page, says) {
			t.Errorf("%s does not say %q", path, says)
		}
	}
	// Who keeps the sources reads no checks, and is the one to mend it.
	read(client.PostForm(web.URL+"/sign-in", url.Values{"email": {"lukas@larchmere.example"}, "password": {demo.Password}, "to": {"/sources"}}))
	if page, _ := read(client.Get(web.URL + "/sources")); !strings.Contains(page, "Two were not heard of for too long.") {
		t.Error("the operator is not told of silent sources")
	}
	// What was adopted after the report does not undo what it rests on.
	read(client.PostForm(web.URL+"/sign-in", url.Values{"email": {"eleanor@aldinevoss.example"}, "password": {demo.Password}, "to": {"/"}}))
	list, _ := read(client.Get(web.URL + "/engagements"))
	eng := regexp.MustCompile("/engagements/eng_[0-9a-v]{26}").FindString(list)
	for part, says := range map[string]string{"/conclusions": "All 33 criteria are concluded.", "/items": "37 items drawn by Aldine Voss, each with evidence."} {
		if page, _ := read(client.Get(web.URL + eng + part)); !strings.Contains(page, says) {
			t.Errorf("%s of the issued engagement does not say %q", part, says)
		}
	}
	optest.Sign(t, lead.Engine)
	var b bytes.Buffer
	if _, err := evidence.WriteBundle(t.Context(), lead, &b); err != nil {
		t.Fatal(err)
	}
	r, err := bundle.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()), bundle.Options{})
	if err != nil || r.Verdict != bundle.Demo || len(r.Problems) > 0 {
		t.Errorf("the verifier says %s: %v, %v", r.Verdict, r.Problems, err)
	}
}
