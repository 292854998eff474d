package page_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/sources/page"
)

const token = "a-token-nobody-may-see"

// forge answers to one token.
type forge struct{}

func (forge) Kind() string    { return "gitea" }
func (forge) Version() string { return "test" }
func (f forge) Collect(_ context.Context, raw json.RawMessage, in *sources.Intake) error {
	return nil
}

func (forge) Test(_ context.Context, raw json.RawMessage) (sources.Trial, error) {
	var set map[string]string
	if err := json.Unmarshal(raw, &set); err != nil {
		return sources.Trial{}, err
	}
	if set["token"] != token {
		return sources.Trial{}, fault.Denied("The forge does not take the token")
	}
	return sources.Trial{Found: []string{"Gitea 1.24"}, Missing: []sources.Missing{
		{Kind: "forge_repository", Field: "force_pushes", Reason: "administrators only", Remedy: "Make it an administrator."},
		{Kind: "forge_repository", Field: "admins_bound", Reason: "administrators only", Remedy: "Make it an administrator."}}}, nil
}

// tested lets sources be tested at a desk.
func tested(t *testing.T, desk *op.Desk) {
	t.Helper()
	reader, err := sources.NewReader(forge{})
	if err != nil {
		t.Fatal(err)
	}
	engine := *desk.Engine
	engine.Try = reader.Try
	desk.Engine = &engine
}

func TestEveryKindCanBeChosenAndAsksWhatItNeeds(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		choose := v.Get("/sources/new")
		all, err := sources.Kinds()
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range all {
			choose.Says("main", k.Title)
			choose.Says("main", k.Needs)
			p := v.Get("/sources/new?kind=" + k.Kind)
			p.Says("h1", strings.TrimSuffix(k.Doc, "."))
			for _, f := range k.Asks {
				if p.Count("[name="+f.Name+"]")+p.Count("[name=setting_"+f.Name+"]") == 0 {
					t.Errorf("%s does not ask for %s", k.Kind, f.Name)
				}
			}
		}
		web := sitetest.New(t, desk.Engine, page.Routes())
		web.As(optest.Member(t, desk, auth.Sponsor)).Get("/sources/new?kind=gitea").Is(http.StatusForbidden)
	})
}

func TestAConnectionIsTestedBesideTheFormBeforeItIsSaved(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		tested(t, desk)
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		fields := []string{"kind", "gitea", "name", "forge", "url", "https://git.example.com", "owner", "example", "every_minutes", "day", "at", "06:30"}
		wrong := v.Post("/sources/new", append(fields, "token", "another-token", "try", "yes")...)
		wrong.Says("#trial", "The forge does not take the token")
		if wrong.Attr("[name=owner]", "value") != "example" || strings.Contains(wrong.Text("html"), "another-token") || wrong.Attr("[name=token]", "value") != "" {
			t.Error("what was typed is lost, or a secret comes back")
		}
		right := v.Post("/sources/new", append(fields, "token", token, "try", "yes")...)
		right.Says("#trial", "Gitea 1.24")
		right.Says("#trial", "Repository at a forge (force_pushes), Repository at a forge (admins_bound)")
		if right.Count("#trial #missing li") != 1 {
			t.Error("one reason is said twice")
		}
		v.Post("/sources/new", "kind", "gitea", "name", "forge", "try", "yes").Says("#trial", "Address: is needed")
		if list := optest.Do(t, desk, sources.List, op.None{}); len(list.Items) != 0 {
			t.Fatal("a test has saved something")
		}
		if res := v.Post("/sources/new", append(fields, "token", token)...); res.Status != http.StatusSeeOther {
			t.Fatalf("%d\n%s", res.Status, res.Text("main"))
		}
		s := optest.Do(t, desk, sources.List, op.None{}).Items[0]
		path := "/sources/" + string(s.ID)
		p := v.Get(path)
		p.Says("main", "kept and not shown")
		p.Says("main", "daily at 06:30")
		p.Says("#reading", "Waiting for its turn")
		edit := v.Get(path + "/edit")
		if edit.Attr("[name=url]", "value") != "https://git.example.com" || edit.Attr("[name=token]", "value") != "" || strings.Contains(edit.Text("html"), token) {
			t.Error("the settings are not there to be changed, or the secret is")
		}
		v.Post("/sources/try?source="+string(s.ID), "url", "https://git.example.com", "owner", "example").Says("#trial", "Gitea 1.24")
		v.Post(path+"/edit", "version", "1", "name", "our forge", "url", "https://git.example.com", "owner", "other", "every_minutes", "week", "at", "07:00", "weekday", "friday").LeadsTo(path)
		v.Get(path).Says("main", "Fridays at 07:00")
		v.Post(path+"/edit", "version", "1", "name", "stale", "url", "https://git.example.com", "owner", "other").Says(".tm-errors", "changed since you read it")
		if got := optest.Do(t, desk, sources.Get, sources.Ref{ID: string(s.ID)}); got.Name != "our forge" || len(got.Secrets) != 1 {
			t.Errorf("after it was changed: %+v", got)
		}
	})
}

func TestReadingIsCancelledPausedAndResumed(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		web := sitetest.New(t, desk.Engine, page.Routes())
		v := web.As(desk)
		s := connect(t, desk)
		path := "/sources/" + string(s.ID)
		v.Post(path + "/collect")
		v.Get(path).Says("main", "Cancel the reading")
		web.As(optest.Member(t, desk, auth.Sponsor)).Post(path + "/cancel").Is(http.StatusForbidden)
		v.Post(path + "/cancel").LeadsTo(path)
		v.Post(path + "/cancel").LeadsTo(path) // it is no error to come too late
		p := v.Get(path)
		p.Says("h1", "Its newest reading was cancelled by ")
		p.Says("main", "Try again")
		v.Get("/sources").Says("main", "Cancelled")
		v.Post(path + "/pause").LeadsTo(path)
		v.Get("/sources").Says("main", "paused")
		v.Post(path + "/resume").LeadsTo(path)
		v.Post(path + "/remove").LeadsTo("/sources")
		v.Get(path).Says("main", "Connect it again")
		v.Post(path + "/reconnect").LeadsTo(path)
		v.Get(path).Says("main", "Try again")
		optest.Clock(desk).Advance(time.Minute)
		read(t, desk, s, checkout{"v1", "v2"})
		read(t, desk, s, checkout{"v2", "v3"})
		p = v.Get(path)
		p.Says("#runs", "1 added, 1 gone")
		p.Says("main", "Answered 2 of 2 times in 30 days")
	})
}
