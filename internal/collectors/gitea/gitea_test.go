package gitea_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/gitea"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/rest/resttest"
	"github.com/tickmark/tickmark/internal/sources"
)

// realNow is when the recording was made, or later on the same day.
var realNow = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func intake(t testing.TB, now time.Time) *sources.Intake {
	t.Helper()
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	return sources.NewIntake(schemas, clock.NewFixed(now), nil)
}

// read plays back what the forge said to an account.
func read(t *testing.T, as string, more object, through func(http.RoundTripper) http.RoundTripper) (*sources.Intake, error) {
	t.Helper()
	transport := resttest.Load(t, tape).As(as)
	if through != nil {
		transport = through(transport)
	}
	in := intake(t, realNow)
	err := gitea.Collector{Transport: transport}.Collect(t.Context(), settings(t, more), in)
	return in, err
}

func one(t *testing.T, in *sources.Intake, kind, key string) sources.Resource {
	t.Helper()
	for _, r := range in.Resources(kind) {
		if r.Key == key {
			return r
		}
	}
	t.Fatalf("no %s %s", kind, key)
	return sources.Resource{}
}

// has compares the facts that are named.
func has(t *testing.T, r sources.Resource, want map[string]any) {
	t.Helper()
	got := map[string]any{}
	for k := range want {
		got[k] = r.Attrs[k]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s %s (-want +got):\n%s", r.Kind, r.Key, diff)
	}
}

func TestWhatARealForgeRecordedOfEachChange(t *testing.T) {
	in, err := read(t, "server", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(in.Resources("change_request")); got != 4 {
		t.Errorf("%d change requests, want 4", got)
	}
	has(t, one(t, in, "change_request", "larchmere/app#1"), map[string]any{
		"state": "merged", "merged": true, "author": "ana", "merged_by": "dana", "merged_by_author": false, "base_branch": "main", "to_default_branch": true,
		"approvers": []string{"ben"}, "approvals": int64(1), "approvals_of_head": int64(1), "self_approved": false, "approved_before_merge": true,
		"checks": int64(1), "checks_state": "success"})
	has(t, one(t, in, "change_request", "larchmere/app#2"), map[string]any{
		"state": "open", "merged": false, "merged_by": nil, "approvals": int64(0), "approved_before_merge": nil, "checks_state": "failure"})
	has(t, one(t, in, "change_request", "larchmere/app#3"), map[string]any{
		"state": "open", "approvers": []string{}, "approvals": int64(0), "rejected_by": []string{"dana"}, "reviewers": []string{"ben", "dana"}})
	alone := one(t, in, "change_request", "larchmere/docs#1")
	has(t, alone, map[string]any{"state": "merged", "author": "ben", "merged_by": "ben", "merged_by_author": true, "approved_before_merge": false, "checks": int64(0), "checks_state": nil})
	if alone.Absent["checks_state"] == "" {
		t.Error("nobody says why the checks of docs#1 are unknown")
	}
}

func TestRulesOfBranchesAsTheForgeEnforcesThem(t *testing.T) {
	in, err := read(t, "server", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	has(t, one(t, in, "forge_repository", "larchmere/app"), map[string]any{
		"private": true, "branch_protected": true, "direct_pushes": false, "force_pushes": false, "required_reviews": int64(1), "required_checks": []string{"ci/test"},
		"stale_approvals_dismissed": true, "rejection_blocks": true, "signed_commits_required": false, "admins_bound": true})
	has(t, one(t, in, "forge_repository", "larchmere/docs"), map[string]any{
		"private": false, "branch_protected": false, "direct_pushes": true, "force_pushes": true, "required_reviews": int64(0), "admins_bound": false})
	empty := one(t, in, "forge_repository", "larchmere/later")
	has(t, empty, map[string]any{"empty": true, "branch_protected": nil})
	if empty.Absent["branch_protected"] == "" {
		t.Error("nobody says why the rules of an empty repository are unknown")
	}
	dana := one(t, in, "forge_member", "dana")
	has(t, dana, map[string]any{"name": "Person dana", "owner": false, "teams": []string{"leads"}, "active": true, "two_factor": nil})
	has(t, one(t, in, "forge_member", "keeper"), map[string]any{"owner": true, "site_admin": true})
}

func TestWhatATokenMayNotSeeIsSaidWithWhatWouldSettleIt(t *testing.T) {
	in, err := read(t, "reader", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	app := one(t, in, "forge_repository", "larchmere/app")
	has(t, app, map[string]any{"branch_protected": true, "required_reviews": int64(1), "force_pushes": nil, "admins_bound": nil})
	if !strings.Contains(app.Absent["force_pushes"], "administrators") {
		t.Errorf("force_pushes is absent because %q", app.Absent["force_pushes"])
	}
	says(t, in, "forge_repository", "force_pushes", "administrators", "Make the account of the token an administrator")
	says(t, in, "forge_member", "teams", "Must be a team member", "owner of the organization")

	in, err = read(t, "narrow", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if kinds := in.Kinds(); len(kinds) != 0 {
		t.Errorf("without the scope %v is covered", kinds)
	}
	for _, kind := range []string{"forge_repository", "change_request", "forge_member"} {
		says(t, in, kind, "", "lacks the scope read:organization", "with the scope read:organization")
	}
	if _, err := read(t, "nobody", nil, nil); fault.KindOf(err) != fault.KindDenied || !strings.Contains(err.Error(), "Make a new one") {
		t.Errorf("a withdrawn token: %v", err)
	}
}

func says(t *testing.T, in *sources.Intake, kind, field, reason, remedy string) {
	t.Helper()
	for _, m := range in.Missings() {
		if m.Kind == kind && m.Field == field && strings.Contains(m.Reason, reason) && strings.Contains(m.Remedy, remedy) {
			return
		}
	}
	t.Errorf("nothing says of %s %s: %s; %s. It says %+v", kind, field, reason, remedy, in.Missings())
}

// refusing answers some questions in the place of the forge.
type refusing struct {
	http.RoundTripper
	path   string
	after  int
	status int
	body   string
	asked  *int
}

func (r refusing) RoundTrip(q *http.Request) (*http.Response, error) {
	if strings.Contains(q.URL.Path, r.path) {
		if *r.asked++; *r.asked > r.after {
			return &http.Response{StatusCode: r.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(r.body)), Request: q}, nil
		}
	}
	return r.RoundTripper.RoundTrip(q)
}

// A permission that is lost in the middle leaves the kind uncovered: fewer
// resources would look like resources that are gone.
func TestPermissionLostInTheMiddleCoversNothing(t *testing.T) {
	for _, c := range []struct{ path, kind, field string }{
		{"/reviews", "change_request", ""},
		{"/pulls", "change_request", ""},
		{"/orgs/larchmere/members", "forge_member", ""},
		{"/orgs/larchmere/repos", "forge_repository", ""},
	} {
		for after := range 2 {
			asked := 0
			in, err := read(t, "server", nil, func(next http.RoundTripper) http.RoundTripper {
				return refusing{next, c.path, after, http.StatusForbidden, `{"message":"withdrawn"}`, &asked}
			})
			if err != nil {
				t.Fatalf("%s: %v", c.path, err)
			}
			if asked <= after {
				continue // it is asked for once only
			}
			for _, kind := range in.Kinds() {
				if kind == c.kind {
					t.Errorf("%s after %d: %d %s are covered", c.path, after, len(in.Resources(kind)), kind)
				}
			}
			says(t, in, c.kind, c.field, "withdrawn", "")
		}
	}
}

func TestForeignAnswersEndTheRunInWords(t *testing.T) {
	for name, c := range map[string]refusing{
		"no JSON":         {path: "/pulls", status: 200, body: "<html>"},
		"another shape":   {path: "/pulls", status: 200, body: `[{"number": "one"}]`},
		"no list":         {path: "/members", status: 200, body: `{"a": 1}`},
		"nameless":        {path: "/repos", status: 200, body: `[{}]`},
		"another service": {path: "/version", status: 404},
	} {
		asked := 0
		_, err := read(t, "server", nil, func(next http.RoundTripper) http.RoundTripper {
			c.RoundTripper, c.asked = next, &asked
			return c
		})
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestTestAsksForTheFirstOfEverything(t *testing.T) {
	c := gitea.Collector{Transport: resttest.Load(t, tape).As("reader")}
	trial, err := c.Test(t.Context(), settings(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(trial.Found, "; "); !strings.Contains(all, "Gitea 1.24.6") || !strings.Contains(all, "Token of cara") || !strings.Contains(all, "Repositories: 3") {
		t.Errorf("found %s", all)
	}
	if len(trial.Missing) != 2 || trial.Missing[0].Field != "force_pushes" || trial.Missing[0].Remedy == "" {
		t.Errorf("missing %+v", trial.Missing)
	}
}

func TestSettingsAreRefusedInWords(t *testing.T) {
	for name, c := range map[string]struct {
		more  object
		field string
	}{
		"no address":        {object{"url": "git.example.com"}, "url"},
		"a name in it":      {object{"url": "https://ana:pw@git.example.com"}, "url"},
		"no owner":          {object{"owner": ""}, "owner"},
		"a path as owner":   {object{"owner": "../admin"}, "owner"},
		"token with blanks": {object{"token": "a token of words"}, "token"},
		"days in words":     {object{"since_days": "many"}, "since_days"},
		"another's":         {object{"repositories": "other/app"}, "repositories"},
		"not there":         {object{"repositories": "app\nnothing"}, "repositories"},
	} {
		_, err := read(t, "server", c.more, nil)
		if e := fault.As(err); e == nil || e.Field != c.field {
			t.Errorf("%s: %v, want a fault of %s", name, err, c.field)
		}
	}
	in, err := read(t, "server", object{"repositories": "App\nlarchmere/docs"}, nil)
	if err != nil || len(in.Resources("forge_repository")) != 2 {
		t.Errorf("two of three: %d, %v", len(in.Resources("forge_repository")), err)
	}
}

func TestAReadingThatIsStoppedStops(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	err := gitea.Collector{Transport: resttest.Load(t, tape).As("server")}.Collect(ctx, settings(t, nil), intake(t, realNow))
	if err == nil {
		t.Error("it goes on")
	}
}

func TestNoCassetteHoldsASecret(t *testing.T) {
	text, err := os.ReadFile(tape)
	if err != nil {
		t.Fatal(err)
	}
	c := resttest.Load(t, tape)
	if len(c.Secrets) == 0 {
		t.Fatal("the recording does not say what it must not hold")
	}
	if found := c.Leaks(string(text)); found != "" {
		t.Errorf("it holds %s", found)
	}
	// The look finds what it is for.
	for _, planted := range []string{`{"token":"abcdef0123456789"}`, "Authorization: Bearer abcdefghijklmnop", "https://ana:pw@git.example.com/x"} {
		if c.Leaks(string(text)+planted) == "" {
			t.Errorf("%s is not found", planted)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`[{"number":1,"updated_at":"2026-11-22T00:00:00Z","user":{"login":"a"},"merged":true}]`))
	f.Add([]byte(`{"version":"1","login":"x","state":"success","total_count":2}`))
	f.Add([]byte(`[{"full_name":"a/b","name":"b","default_branch":"main","rule_name":"main"}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		all := everything(body)
		err := gitea.Collector{Transport: all}.Collect(t.Context(), settings(t, nil), intake(t, realNow))
		if err != nil && strings.Contains(err.Error(), "never-recorded") {
			t.Errorf("the token is in %v", err)
		}
	})
}

// everything is answered with the same.
type everything []byte

func (e everything) RoundTrip(q *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(e)), Request: q}, nil
}
