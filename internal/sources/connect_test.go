package sources_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources"
)

const password = "correct horse battery staple"

// forge is a collector with a secret; do gets the settings as they were opened.
type forge struct {
	collect func(ctx context.Context, set map[string]string, in *sources.Intake) error
	test    func(set map[string]string) (sources.Trial, error)
}

func (forge) Kind() string    { return "gitea" }
func (forge) Version() string { return "test" }

func (f forge) Collect(ctx context.Context, raw json.RawMessage, in *sources.Intake) error {
	set := map[string]string{}
	if err := json.Unmarshal(raw, &set); err != nil {
		return err
	}
	return f.collect(ctx, set, in)
}

func (f forge) Test(_ context.Context, raw json.RawMessage) (sources.Trial, error) {
	set := map[string]string{}
	if err := json.Unmarshal(raw, &set); err != nil {
		return sources.Trial{}, err
	}
	return f.test(set)
}

func forgeSettings(more string) string {
	return `{"url": "https://git.example.com", "owner": "example"` + more + `}`
}

// written is everything that the database holds in words.
func written(t *testing.T, desk *op.Desk) string {
	t.Helper()
	var all strings.Builder
	err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
		for _, query := range []string{
			"SELECT payload FROM ledger_opening WHERE org_id = ?",
			"SELECT settings FROM source WHERE org_id = ?",
			"SELECT error FROM source_run WHERE org_id = ?",
			"SELECT missing FROM source_run WHERE org_id = ?",
			"SELECT scope FROM source_run WHERE org_id = ?",
			"SELECT error FROM job WHERE org_id = ?",
		} {
			err := tx.Each(query, []any{desk.Org}, func(scan func(...any) error) error {
				var text string
				err := scan(&text)
				all.WriteString(text + "\n")
				return err
			})
			if err != nil {
				return err
			}
		}
		return tx.Each("SELECT sealed FROM source_secret WHERE org_id = ?", []any{desk.Org}, func(scan func(...any) error) error {
			var sealed []byte
			err := scan(&sealed)
			all.Write(sealed)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestSecretsAreSealedAndOpenedForTheCollectorAlone(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		var got map[string]string
		reader, err := sources.NewReader(forge{collect: func(_ context.Context, set map[string]string, in *sources.Intake) error {
			got = set
			in.Scope("address", set["url"]+"?token="+set["token"])
			in.Missing(sources.Missing{Kind: "tag", Reason: "refused for " + set["token"]})
			if len(set["owner"]) > 10 {
				return fmt.Errorf("GET /?token=%s: 500", set["token"])
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		s := optest.Do(t, desk, sources.Create, sources.Connection{Kind: "gitea", Name: "forge", Settings: forgeSettings(`, "token": "` + password + `"`)})
		if len(s.Secrets) != 1 || s.Secrets[0].Name != "token" || strings.Contains(string(s.Settings), password) {
			t.Fatalf("made %+v", s)
		}
		read := func() sources.Run {
			t.Helper()
			optest.Clock(desk).Advance(time.Hour)
			run, err := reader.Read(t.Context(), desk, s.ID, nil, false)
			if err != nil {
				t.Fatal(err)
			}
			return run
		}
		if read(); got["token"] != password || got["owner"] != "example" {
			t.Errorf("the collector was given %v", got)
		}
		// Other settings, the same secret.
		s = optest.Do(t, desk, sources.Update, sources.Change{ID: string(s.ID), Version: s.Version, Settings: `{"url": "https://git.example.com", "owner": "a-longer-name", "token": ""}`})
		if run := read(); got["token"] != password || run.Status != sources.RunFailed || run.Error != "GET /?token=(secret): 500" {
			t.Errorf("given %v, run %+v", got, run)
		}
		if text := written(t, desk); strings.Contains(text, password) {
			t.Error("the secret is written down")
		}
		// Another secret.
		s = optest.Do(t, desk, sources.Update, sources.Change{ID: string(s.ID), Version: s.Version, Settings: forgeSettings(`, "token": "another one"`)})
		if read(); got["token"] != "another one" {
			t.Errorf("the collector was given %v", got)
		}
		_, err = sources.Update.Do(t.Context(), desk, sources.Change{ID: string(s.ID), Version: s.Version, Forget: []string{"token"}})
		if e := fault.As(err); e == nil || e.Field != "forget" {
			t.Errorf("forgetting what is needed: %v", err)
		}
		if _, err = sources.Update.Do(t.Context(), desk, sources.Change{ID: string(s.ID), Version: 1, Name: "x"}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("a stale change: %v", err)
		}
		optest.Do(t, desk, sources.Remove, sources.Ref{ID: string(s.ID)})
		if got := optest.Do(t, desk, sources.Get, sources.Ref{ID: string(s.ID)}); len(got.Secrets) != 0 {
			t.Errorf("a disconnected source keeps %v", got.Secrets)
		}
	})
}

func TestSettingsAreHeldAgainstTheKind(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		for name, c := range map[string]struct{ settings, field, says string }{
			"a setting nobody reads":   {forgeSettings(`, "token": "t", "colour": "red"`), "settings", `no setting "colour"; the settings are url`},
			"without what is needed":   {`{"url": "https://git.example.com", "owner": "x"}`, "token", "is needed"},
			"a number of its own":      {forgeSettings(`, "token": {"a": 1}`), "token", "want text"},
			"empty is left out":        {forgeSettings(`, "token": "  "`), "token", "is needed"},
			"no object":                {`["` + password + `"]`, "settings", "want a JSON object"},
			"no JSON":                  {`{"token": "` + password, "settings", "not JSON"},
			"more than can be a field": {forgeSettings(`, "token": "` + strings.Repeat("x", 65<<10) + `"`), "token", "at most 65536"},
		} {
			_, err := sources.Create.Do(t.Context(), desk, sources.Connection{Kind: "gitea", Name: "x", Settings: c.settings})
			e := fault.As(err)
			if e == nil || e.Field != c.field || !strings.Contains(e.Message, c.says) || strings.Contains(err.Error(), password) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})
}

func TestATestSaysWhatIsMissingAndIsOnRecord(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		reader, err := sources.NewReader(forge{test: func(set map[string]string) (sources.Trial, error) {
			if set["token"] != password {
				return sources.Trial{}, errors.New("401 for " + set["token"] + "\nsecond line")
			}
			return sources.Trial{Found: []string{"Gitea 1.24"}, Missing: []sources.Missing{{Kind: "repository", Reason: "403", Remedy: "Give read:organization."}}}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		engine := *desk.Engine
		engine.Try = reader.Try
		desk.Engine = &engine
		ask := func(q sources.Question) sources.Tried {
			t.Helper()
			return optest.Do(t, desk, sources.Test, q)
		}
		if got := ask(sources.Question{Kind: "gitea", Settings: forgeSettings(`, "token": "wrong one"`)}); got.Works || got.Error != "401 for (secret)" {
			t.Errorf("a wrong token: %+v", got)
		}
		right := forgeSettings(`, "token": "` + password + `"`)
		if got := ask(sources.Question{Kind: "gitea", Settings: right}); !got.Works || len(got.Found) != 1 || got.Missing[0].Remedy == "" {
			t.Errorf("before it is saved: %+v", got)
		}
		s := optest.Do(t, desk, sources.Create, sources.Connection{Kind: "gitea", Name: "forge", Settings: right})
		if got := ask(sources.Question{Source: string(s.ID)}); !got.Works {
			t.Errorf("as saved: %+v", got)
		}
		if got := ask(sources.Question{Source: string(s.ID), Settings: forgeSettings("")}); !got.Works {
			t.Errorf("with the kept secret: %+v", got)
		}
		if text := written(t, desk); strings.Contains(text, password) || strings.Contains(text, "wrong one") || !bytes.Contains([]byte(text), []byte("sources.test")) {
			t.Error("the log has no test, or has the secret")
		}
		_, err = sources.Test.Do(t.Context(), desk, sources.Question{Kind: "gitea", Settings: "{}"})
		if e := fault.As(err); e == nil || e.Field != "url" || len(e.More) == 0 {
			t.Errorf("nothing typed: %v", err)
		}
		_, err = sources.Test.Do(t.Context(), optest.Member(t, desk, auth.Employee), sources.Question{Source: string(s.ID)})
		if fault.KindOf(err) != fault.KindDenied {
			t.Errorf("an employee: %v", err)
		}
	})
}

func TestASourceIsReadByTheClockOnTheWall(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := optest.Do(t, desk, sources.Create, sources.Connection{Kind: "git", Name: "main", Path: "/nowhere", At: "06:30", Weekday: "monday"})
		if s.Next.Weekday() != time.Monday || s.Next.Hour() != 6 || s.Next.Minute() != 30 || !s.Next.After(desk.Clock.Now()) {
			t.Errorf("next %s", s.Next)
		}
		s = optest.Do(t, desk, sources.Pause, sources.Ref{ID: string(s.ID)})
		if s.Paused.IsZero() || !s.Next.IsZero() {
			t.Errorf("paused: %+v", s)
		}
		s = optest.Do(t, desk, sources.Resume, sources.Ref{ID: string(s.ID)})
		if !s.Paused.IsZero() || s.Next.IsZero() {
			t.Errorf("resumed: %+v", s)
		}
		s = optest.Do(t, desk, sources.Update, sources.Change{ID: string(s.ID), Version: s.Version, Every: 60})
		if s.At != "" || s.Every != 60 || !s.Next.Equal(desk.Clock.Now().Add(time.Hour)) {
			t.Errorf("hourly: %+v", s)
		}
		for _, bad := range []sources.Connection{{At: "6:30"}, {At: "25:00"}, {Weekday: "monday"}, {At: "06:30", Every: 60}} {
			bad.Kind, bad.Name, bad.Path = "git", "x", "/x"
			if _, err := sources.Create.Do(t.Context(), desk, bad); fault.KindOf(err) != fault.KindInvalid {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	})
}

func TestACancelledReadingIsAGapAndLeavesNothing(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		var s sources.Source
		reader, err := sources.NewReader(script{func(in *sources.Intake) error {
			if err := in.Add(identity("a", 1)); err != nil {
				return err
			}
			optest.Do(t, desk, sources.Cancel, sources.Ref{ID: string(s.ID)}) // while it runs
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		s = optest.Do(t, desk, sources.Create, sources.Connection{Kind: "git", Name: "main", Path: "/nowhere"})
		started := optest.Do(t, desk, sources.Collect, sources.Ref{ID: string(s.ID)})
		if got := optest.Do(t, desk, sources.Get, sources.Ref{ID: string(s.ID)}); got.Reading == nil || got.Reading.ID != started.Job {
			t.Fatalf("not found again: %+v", got.Reading)
		}
		work(t, desk, reader)
		j := optest.Do(t, desk, job.Show, job.Ref{ID: string(started.Job)})
		got := optest.Do(t, desk, sources.Get, sources.Ref{ID: string(s.ID)})
		if j.State != job.Cancelled || got.Reading != nil || got.Latest == nil || got.Latest.Status != sources.RunCancelled || !strings.HasPrefix(got.Latest.Error, "cancelled by ") {
			t.Errorf("job %+v, source %+v", j, got.Latest)
		}
		seen := optest.Do(t, desk, sources.Resources, sources.SeenFilter{Source: string(s.ID), Kind: "identity"})
		if seen.Total != 0 {
			t.Errorf("%d resources of a cancelled run are kept", seen.Total)
		}
		if _, err := sources.Cancel.Do(t.Context(), desk, sources.Ref{ID: string(s.ID)}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("cancelled twice: %v", err)
		}
	})
}

// work does the jobs that are due, until the first that is due has ended.
func work(t *testing.T, desk *op.Desk, reader *sources.Reader) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan struct{})
	r := job.NewRunner(desk.Engine, []job.Worker{reader.Worker(), reader.ImportWorker(), job.New("last", 1, func(context.Context, *job.Run, struct{}) error {
		close(done)
		return nil
	})}, 1)
	optest.Clock(desk).Advance(time.Millisecond) // so that it comes last
	err := desk.DB.Write(ctx, string(desk.Org), func(tx *db.Tx) error {
		_, err := job.Enqueue(tx, desk.Org, job.Insert{Kind: "last", Args: struct{}{}}, desk.Clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { r.Run(ctx); close(ended) }()
	<-done
	stop()
	<-ended
}

func TestOnlyWhatMayPassIsTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"unreachable": {fmt.Errorf("dial: %w", sources.ErrUnreachable), job.Ready},
		"refused":     {fault.Denied("the token is refused"), job.Done},
	} {
		t.Run(name, func(t *testing.T) {
			optest.Each(t, func(t *testing.T, desk *op.Desk) {
				reader, err := sources.NewReader(script{func(*sources.Intake) error { return c.err }})
				if err != nil {
					t.Fatal(err)
				}
				s := optest.Do(t, desk, sources.Create, sources.Connection{Kind: "git", Name: "main", Path: "/nowhere"})
				started := optest.Do(t, desk, sources.Collect, sources.Ref{ID: string(s.ID)})
				work(t, desk, reader)
				if j := optest.Do(t, desk, job.Show, job.Ref{ID: string(started.Job)}); j.State != c.want {
					t.Errorf("after the first attempt: %+v", j)
				}
				for range 2 {
					optest.Clock(desk).Advance(time.Minute)
					work(t, desk, reader)
				}
				got := optest.Do(t, desk, sources.Runs, sources.RunFilter{Source: string(s.ID)})
				if got.Total != 1 || got.Items[0].Status != sources.RunFailed {
					t.Errorf("in the end: %+v", got)
				}
			})
		})
	}
}
