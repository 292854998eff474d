package page_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/assets/page"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/sources"
)

type shows []string

func (shows) Kind() string    { return "git" }
func (shows) Version() string { return "test" }
func (s shows) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	in.Cover("machine")
	for _, k := range s {
		if err := in.Add(sources.Resource{Kind: "machine", Key: k, Attrs: map[string]any{"hostname": k}}); err != nil {
			return err
		}
	}
	return nil
}

// machines has a source show machines, and returns their references.
func machines(t *testing.T, desk *op.Desk, keys ...string) []string {
	t.Helper()
	s := optest.Do(t, desk, sources.Create, sources.Connection{Kind: "git", Name: "Hosts", Path: "/srv/hosts"})
	r, err := sources.NewReader(shows(keys))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(t.Context(), desk, s.ID, nil, false); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, k := range keys {
		out = append(out, string(s.ID)+" machine "+k)
	}
	return out
}

func TestAnAssetIsAddedChangedExcludedAndRetired(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		v.Get("/assets").Says("h1", "No asset is in the register yet.")
		v.Get("/assets").Says("#assets", "No assets yet.")
		wrong := v.Post("/assets/new", "name", "", "type", "saas", "class", "internal", "criticality", "3", "lifecycle", "live")
		wrong.Is(http.StatusUnprocessableEntity)
		wrong.Says(".tm-errors", "This is needed")
		at := v.Post("/assets/new", "name", "Wiki", "type", "saas", "class", "restricted", "criticality", "2", "lifecycle", "live", "flags", "personal", "flags", "health").Header.Get("Location")
		one := v.Get(at)
		one.Says("h1", "It is in scope, and no source shows it.")
		one.Says("#facts", "Personal, health")
		one.Says("#versions", "Added")
		v.Post(at+"/edit", "name", "Wiki 2", "type", "saas", "class", "restricted", "criticality", "2", "lifecycle", "live", "version", "1").LeadsTo(at)
		v.Post(at+"/edit", "name", "Wiki 3", "type", "saas", "class", "restricted", "criticality", "2", "lifecycle", "live", "version", "1").Says(".tm-errors", "changed since you read it")
		v.Get(at+"/scope").Says("h1", "Wiki 2 stores restricted data, which the examination is about. It leaves once another person approves.")
		v.Post(at+"/scope", "reason", "").Is(http.StatusUnprocessableEntity)
		v.Post(at+"/scope", "reason", "Another product").LeadsTo(at)
		lead := s.As(optest.Member(t, desk, auth.Lead))
		if v.Get(at).Count("form#approve") != 0 || lead.Get(at).Count("form#approve") != 1 {
			t.Error("the asker may approve, or the other may not")
		}
		v.Get("/assets").Says("main", "1 waits for a second person")
		lead.Post(at + "/approve").LeadsTo(at)
		lead.Get(at).Says("h1", "It is out of scope: Another product.")
		v.Get("/assets?f.scope=out").Says("#assets tbody", "Wiki 2")
		lead.Post(at+"/scope", "reason", "Ours after all").LeadsTo(at)
		v.Post(at+"/retire", "on", "2026-11-20", "reason", "Replaced", "version", "5").LeadsTo(at)
		v.Get(at).Says("h1", "It is retired.")
		eve := s.As(optest.Member(t, desk, auth.Operator))
		eve.Get(at).Says("h1", "It is retired.")
		eve.Get(at + "/edit").Is(http.StatusForbidden)
		eve.Get("/assets/import").Is(http.StatusForbidden)
		v.Get("/assets/ast_00000000000000000000000000").Is(http.StatusNotFound)
	})
}

func TestReconciliationLeadsToItsRowsAndActsOnThem(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		refs := machines(t, desk, "bad", "tmp", "web")
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		at := "/assets/reconciliation?list=unknown"
		got := v.Get(at)
		got.Says("h1", "Three assets are shown by a source and unknown to the register.")
		if n := got.Count("#rows tbody tr"); n != 3 {
			t.Errorf("%d rows", n)
		}
		v.Post("/assets/resources", "act", "adopt", "id", refs[0], "id", refs[2], "back", at).LeadsTo(at)
		v.Post("/assets/resources", "act", "ignore", "id", refs[1], "back", at).Is(http.StatusUnprocessableEntity)
		v.Post("/assets/resources", "act", "ignore", "id", refs[1], "reason", "A test machine", "back", at).LeadsTo(at)
		got = v.Get(at)
		got.Says("#rows", "None.")
		got.Says("#shown", "In the register 2")
		got.Says("#seen", "Seen 2")
		got.Says("#covered", "0 of 2")
		v.Get("/assets/reconciliation?list=ignored").Says("#rows", "A test machine")
		v.Get("/assets/reconciliation?list=uncovered").Says("#rows", "web")
		v.Get("/assets/reconciliation?list=what").Is(http.StatusUnprocessableEntity)
		v.Post("/assets/setting", "stale_days", "10", "version", "0").LeadsTo("/assets/reconciliation")
		v.Get(at).Says("main", "Stale after 10 days")
		list := optest.Do(t, desk, assets.List, assets.Filter{})
		one := "/assets/" + string(list.Items[0].ID)
		v.Get(one).Says("#sightings tbody", "bad")
		v.Post(one+"/unlink", "id", refs[0]).LeadsTo(one)
		v.Get(one).Says("#sightings", "No source shows it.")
		v.Post("/assets/bulk", "act", "exclude", "id", string(list.Items[0].ID), "reason", "Another product", "back", "//evil.example").LeadsTo("/assets")
		v.Get("/assets?f.scope=pending").Says("#assets tbody", "bad")
	})
}

func TestUnknownResourcesAreLinkedToAnAssetThatIsThere(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		refs := machines(t, desk, "web-1.example", "web-2.example", "zed.example")
		s := sitetest.New(t, desk.Engine, page.Routes())
		v, at := s.As(desk), "/assets/reconciliation?list=unknown"
		add := func(name string) string {
			return string(optest.Do(t, desk, assets.Create, assets.New{Type: "compute", Name: name}).ID)
		}
		add("Archive")
		web := add("Web-1 of the shop")
		for i := range 14 {
			add("Cellar " + string(rune('a'+i)))
		}
		to := v.Post("/assets/resources", "act", "link", "id", refs[0], "id", refs[1], "back", at).Header.Get("Location")
		got := v.Get(to)
		got.Says("h1", "Which asset do these two resources belong to?")
		got.Says("#resources tbody", "web-2.example")
		if first := got.Attr("#link [type=radio]", "value"); first != web {
			t.Errorf("first comes %s, not the asset that is called alike", first)
		}
		got.Says("#link", "12 of 16 are shown")
		if n := got.Count("#link [type=radio][checked]"); n != 0 {
			t.Errorf("%d chosen before anybody chose", n)
		}
		v.Get(to+"&q=archive").Says("#found", "Archive")
		v.Get(to+"&q=castle").Says("#found", "No asset has this in its name.")
		wrong := v.Post("/assets/link", "id", refs[0], "id", refs[1], "back", at)
		wrong.Is(http.StatusUnprocessableEntity)
		wrong.Says(".tm-field-error", "Choose the asset that they belong to.")
		if n := wrong.Count("#link input[type=hidden][name=id]"); n != 2 {
			t.Errorf("a refusal keeps %d of 2 resources", n)
		}
		v.Post("/assets/link", "id", refs[0], "id", refs[1], "asset", web, "back", at).LeadsTo("/assets/" + web + "#sightings")
		v.Get("/assets/"+web).Says("#sightings tbody", "web-2.example")
		v.Get(at).Says("#shown", "Unknown 1")
		v.Post("/assets/link", "id", refs[0], "asset", add("Another"), "back", at).Is(http.StatusUnprocessableEntity)
		v.Post("/assets/resources", "act", "link", "back", at).Is(http.StatusUnprocessableEntity)
		eve := s.As(optest.Member(t, desk, auth.Operator))
		eve.Get(to).Is(http.StatusForbidden)
		eve.Post("/assets/link", "id", refs[2], "asset", web, "back", at).Is(http.StatusForbidden)
	})
}

func TestAFileIsLookedAtAndImported(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		bad := v.Upload("/assets/import", "file", "a.csv", []byte("name,type\nOne,castle\n"))
		bad.Says("h1", "Nothing is imported: one line is wrong.")
		bad.Says("#faults", "Line 2: type is \"castle\"")
		none := v.Upload("/assets/import", "file", "a.csv", []byte("colour\nred\n"))
		none.Is(http.StatusUnprocessableEntity)
		none.Says(".tm-field-error", "is not known")
		text := "name,type\nOne,compute\nTwo,saas\n"
		good := v.Upload("/assets/import", "file", "a.csv", []byte(text))
		good.Says("h1", "Two assets are new, and none changes.")
		v.Post("/assets/import", "act", "import", "csv", good.Attr("input[name=csv]", "value")).LeadsTo("/assets")
		v.Get("/assets").Says("h1", "Two live assets are in scope. Two have not been seen lately.")
		file := v.Get("/assets?format=csv&cols=id,name,type,criticality,class,lifecycle,scope,owner,seen").Body
		trial := optest.Do(t, desk, assets.Preview, assets.File{CSV: []byte(file)})
		if trial.Same != 2 || len(trial.Faults) != 0 {
			t.Errorf("an export read again: %+v\n%s", trial, strings.TrimSpace(file))
		}
	})
}
