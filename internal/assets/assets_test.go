package assets_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources"
)

// shows is a collector that shows the same machines each time it is asked.
type shows struct{ keys *[]string }

func (shows) Kind() string    { return "git" }
func (shows) Version() string { return "test" }
func (s shows) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	in.Cover("machine")
	for _, k := range *s.keys {
		if err := in.Add(sources.Resource{Kind: "machine", Key: k, Attrs: map[string]any{"hostname": k, "firewall_active": k != "bad"}}); err != nil {
			return err
		}
	}
	return nil
}

// estate is a source whose machines a test changes.
type estate struct {
	keys   []string
	reader *sources.Reader
	source sources.Source
	desk   *op.Desk
	t      testing.TB
}

func newEstate(t testing.TB, desk *op.Desk, keys ...string) *estate {
	t.Helper()
	e := &estate{keys: keys, desk: desk, t: t}
	var err error
	if e.reader, err = sources.NewReader(shows{&e.keys}); err != nil {
		t.Fatal(err)
	}
	e.source = optest.Do(t, desk, sources.Create, sources.Connection{Kind: "git", Name: "Hosts", Path: "/srv/hosts"})
	return e
}

// read reads the source and has its checks judged.
func (e *estate) read() {
	e.t.Helper()
	run, err := e.reader.Read(e.t.Context(), e.desk, e.source.ID, nil, false)
	if err != nil {
		e.t.Fatal(err)
	}
	if run.Status != sources.RunOK {
		e.t.Fatalf("the run ended %s: %s", run.Status, run.Error)
	}
	if err := checks.EvaluateRun(e.t.Context(), e.desk, run.ID, nil); err != nil {
		e.t.Fatal(err)
	}
}

func (e *estate) ref(key string) string { return string(e.source.ID) + " machine " + key }

func names(list []assets.Asset) (out []string) {
	for _, a := range list {
		out = append(out, a.Name)
	}
	return out
}

func TestTheListIsOrderedFilteredAndPaged(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		for i, n := range []string{"Delta", "alpha", "Charlie", "bravo"} {
			optest.Do(t, desk, assets.Create, assets.New{Type: "database", Name: n, Criticality: int64(1 + i%2), Location: "Hall " + n, Class: "restricted"})
		}
		optest.Do(t, desk, assets.Create, assets.New{Type: "saas", Name: "Echo", Lifecycle: "planned", Owner: string(desk.Actor.User)})
		for sort, want := range map[string]string{
			"": "alpha bravo Charlie Delta Echo", "-name": "Echo Delta Charlie bravo alpha",
			"criticality": "Charlie Delta alpha bravo Echo", "-criticality": "Echo bravo alpha Delta Charlie",
		} {
			var got []string
			for after := ""; ; {
				p := optest.Do(t, desk, assets.List, assets.Filter{Sort: sort, Limit: 2, After: after})
				if p.Total != 5 {
					t.Fatalf("total %d", p.Total)
				}
				got = append(got, names(p.Items)...)
				if after = p.Next; after == "" {
					break
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("by %q: %v, want %s", sort, got, want)
			}
		}
		for want, f := range map[string]assets.Filter{
			"Echo":                           {Type: "saas"},
			"alpha bravo Charlie Delta":      {Lifecycle: "live"},
			"Charlie Delta":                  {Criticality: 1},
			"Echo ":                          {Owner: string(desk.Actor.User)},
			"alpha bravo Charlie  Delta":     {Class: "restricted"},
			"Charlie":                        {Search: "hall CHAR"},
			"alpha bravo Charlie Delta Echo": {Unseen: true, Scope: "in"},
			"":                               {Scope: "out"},
		} {
			p := optest.Do(t, desk, assets.List, f)
			if got := names(p.Items); !slices.Equal(got, strings.Fields(want)) || p.Total != int64(len(got)) {
				t.Errorf("%+v: %v of %d, want %s", f, got, p.Total, want)
			}
		}
		if _, err := assets.List.Do(t.Context(), desk, assets.Filter{After: "ast_nothing"}); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("a cursor that is none: %v", err)
		}
	})
}

func TestEveryChangeIsAVersion(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		a := optest.Do(t, desk, assets.Create, assets.New{Type: "compute", Name: "Web 1", LiveFrom: "2026-01-01", Flags: []string{"payment", "personal", "personal"}})
		if a.Scope != assets.In || a.Criticality != 3 || a.Class != "internal" || !slices.Equal(a.Flags, []string{"personal", "payment"}) {
			t.Errorf("added %+v", a)
		}
		change := assets.Change{ID: string(a.ID), Type: "compute", Name: "Web one", Version: 1, LiveFrom: "2026-01-01"}
		optest.Do(t, desk, assets.Update, change)
		_, err := assets.Update.Do(t.Context(), desk, change)
		if f := fault.As(err); f == nil || f.Kind != fault.KindConflict || f.Current == nil {
			t.Errorf("an old version: %v", err)
		}
		for field, bad := range map[string]assets.Change{
			"live_from":  {LiveFrom: "yesterday"},
			"retired_on": {LiveFrom: "2026-01-02", RetiredOn: "2026-01-01"},
			"owner":      {Owner: "usr_00000000000000000000000000"},
		} {
			bad.ID, bad.Type, bad.Name, bad.Version = string(a.ID), "compute", "Web", 2
			if _, err := assets.Update.Do(t.Context(), desk, bad); fault.As(err) == nil || fault.KindOf(err) != fault.KindInvalid || fault.As(err).Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
		end := assets.Retirement{ID: string(a.ID), On: "2025-12-31", Reason: "Replaced by Web 2", Version: 2}
		if _, err := assets.Retire.Do(t.Context(), desk, end); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("retired before it was live: %v", err)
		}
		end.On = "2026-11-20"
		optest.Do(t, desk, assets.Retire, end)
		h := optest.Do(t, desk, assets.Versions, assets.Ref{ID: string(a.ID)})
		if len(h.Items) != 3 || h.Items[0].Act != "retired: Replaced by Web 2" || h.Items[0].Asset.Lifecycle != assets.Retired || h.Items[2].Asset.Name != "Web 1" {
			t.Errorf("history %+v", h.Items)
		}
	})
}

func TestNothingLeavesTheScopeBeforeASecondPersonAgrees(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		a := optest.Do(t, desk, assets.Create, assets.New{Type: "saas", Name: "Wiki", Class: "restricted", Flags: []string{"health"}})
		ids := []string{string(a.ID)}
		out := optest.Do(t, desk, assets.Exclude, assets.Reasoned{IDs: ids, Reason: "Serves another product"})
		if len(out.Warnings) != 1 || !strings.Contains(out.Warnings[0], "restricted data, health data") || out.Items[0].Scope != assets.Pending {
			t.Errorf("asked: %+v", out)
		}
		if _, err := assets.Approve.Do(t.Context(), desk, assets.Refs{IDs: ids}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("the asker approved at once: %v", err)
		}
		lead := optest.Member(t, desk, auth.Lead)
		if _, err := assets.Approve.Do(t.Context(), desk, assets.Refs{IDs: ids}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("the asker approved beside another: %v", err)
		}
		if r := optest.Do(t, desk, assets.Reconcile, assets.Comparing{}); r.InScope != 1 {
			t.Errorf("while it waits, %d are in scope", r.InScope)
		}
		done := optest.Do(t, lead, assets.Approve, assets.Refs{IDs: ids})
		if x := done.Items[0]; x.Scope != assets.Out || x.Approver != lead.Actor.Name || x.Asker != desk.Actor.Name {
			t.Errorf("approved %+v", x)
		}
		if r := optest.Do(t, desk, assets.Reconcile, assets.Comparing{}); r.InScope != 0 {
			t.Errorf("after it left, %d are in scope", r.InScope)
		}
		for name, err := range map[string]error{
			"approved twice": second(assets.Approve.Do(t.Context(), lead, assets.Refs{IDs: ids})),
			"excluded twice": second(assets.Exclude.Do(t.Context(), lead, assets.Reasoned{IDs: ids, Reason: "Again"})),
		} {
			if fault.KindOf(err) != fault.KindConflict {
				t.Errorf("%s: %v", name, err)
			}
		}
		back := optest.Do(t, lead, assets.Include, assets.Reasoned{IDs: ids, Reason: "Holds customer data"})
		if back.Items[0].Scope != assets.In || back.Items[0].Reason != "Holds customer data" {
			t.Errorf("back %+v", back.Items[0])
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestReconciliationAddsUpAndFollowsTheSources(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		e := newEstate(t, desk, "web", "bad", "tmp", "old")
		e.read()
		r := optest.Do(t, desk, assets.Reconcile, assets.Comparing{List: assets.ListUnknown, Limit: 3})
		if r.Shown != 4 || r.Unknown != 4 || len(r.Resources) != 3 || r.Resources[0].Key != "bad" || r.Resources[0].Type != "compute" {
			t.Fatalf("at first %+v", r)
		}
		r = optest.Do(t, desk, assets.Reconcile, assets.Comparing{List: assets.ListUnknown, Limit: 3, After: r.Next})
		if len(r.Resources) != 1 || r.Resources[0].Key != "web" || r.Next != "" {
			t.Fatalf("then %+v", r)
		}
		if g := optest.Do(t, desk, assets.Look, op.None{}); g.Unknown != 4 || g.More {
			t.Errorf("a short look finds %+v", g)
		}
		got := optest.Do(t, desk, assets.Adopt, assets.Adoption{Resources: []string{e.ref("web"), e.ref("bad"), e.ref("old")}, Criticality: 1})
		optest.Do(t, desk, assets.Ignore, assets.Ignoring{Resources: []string{e.ref("tmp")}, Reason: "Gone by tonight"})
		optest.Do(t, desk, assets.Create, assets.New{Type: "saas", Name: "Payroll"})
		optest.Do(t, desk, assets.Create, assets.New{Type: "facility", Name: "Office"})
		r = optest.Do(t, desk, assets.Reconcile, assets.Comparing{List: assets.ListStale})
		if r.Known != 3 || r.Ignored != 1 || r.Unknown != 0 || r.InScope != 5 || r.Seen != 3 || r.Stale != 1 || r.Elsewhere != 1 || len(r.Assets) != 1 || r.Assets[0].Name != "Payroll" {
			t.Errorf("adopted %+v", r)
		}
		if g := optest.Do(t, desk, assets.Look, op.None{}); g.Unknown != 0 || g.More {
			t.Errorf("adopted or ignored, a short look finds %+v", g)
		}
		if r.Answered+r.Partly+r.Uncovered != r.InScope || r.Uncovered != 2 {
			t.Errorf("coverage does not add up: %+v", r)
		}
		d := optest.Do(t, desk, assets.Get, assets.Ref{ID: string(got.Items[0].ID)})
		if len(d.Sightings) != 1 || !d.Sightings[0].Shown || d.Sightings[0].Name != "Hosts" || len(d.Checks) == 0 {
			t.Errorf("one asset: %+v", d)
		}
		// What a source shows no more is stale once the days are over, and not before.
		e.keys = []string{"web", "bad"}
		for range 2 {
			optest.Clock(desk).Advance(20 * 24 * time.Hour)
			e.read()
		}
		r = optest.Do(t, desk, assets.Reconcile, assets.Comparing{List: assets.ListStale})
		if r.Stale != 2 || r.Assets[0].Name != "old" || r.Assets[0].Linked != 1 {
			t.Errorf("40 days on: %+v", r)
		}
		unseen := optest.Do(t, desk, assets.List, assets.Filter{Unseen: true, Type: "compute"})
		if got := names(unseen.Items); !slices.Equal(got, []string{"old"}) {
			t.Errorf("unseen: %v", got)
		}
		optest.Do(t, desk, assets.Set, assets.Setup{StaleDays: 60})
		if r = optest.Do(t, desk, assets.Reconcile, assets.Comparing{}); r.Stale != 1 {
			t.Errorf("with 60 days %d are stale", r.Stale)
		}
		if _, err := assets.Set.Do(t.Context(), desk, assets.Setup{StaleDays: 10}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("an old version of the setting: %v", err)
		}
	})
}

// A short look stops, and says that it did.
func TestAShortLookHasAnEnd(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		var keys []string
		for i := range 1001 {
			keys = append(keys, fmt.Sprintf("m%04d", i))
		}
		e := newEstate(t, desk, keys...)
		e.read()
		if g := optest.Do(t, desk, assets.Look, op.None{}); !g.More || g.Unknown < 100 {
			t.Errorf("of 1,001 it finds %+v", g)
		}
		for refs := range slices.Chunk(keys[:1000], 500) {
			for i := range refs {
				refs[i] = e.ref(refs[i])
			}
			optest.Do(t, desk, assets.Ignore, assets.Ignoring{Resources: refs, Reason: "A test machine"})
		}
		// It found the one that is left, and does not say that this is all.
		if g := optest.Do(t, desk, assets.Look, op.None{}); g.Unknown != 1 || !g.More {
			t.Errorf("with one unknown it finds %+v", g)
		}
	})
}

func TestAResourceBelongsToOneAsset(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		e := newEstate(t, desk, "web", "db")
		e.read()
		a := optest.Do(t, desk, assets.Create, assets.New{Type: "compute", Name: "Cluster"})
		d := optest.Do(t, desk, assets.Link, assets.Linking{ID: string(a.ID), Resources: []string{e.ref("web"), e.ref("db")}})
		if len(d.Sightings) != 2 || d.Sightings[0].Key != "db" || d.Seen.IsZero() {
			t.Errorf("linked %+v", d)
		}
		for name, c := range map[string]struct {
			err  error
			kind fault.Kind
		}{
			"adopted though linked": {second(assets.Adopt.Do(t.Context(), desk, assets.Adoption{Resources: []string{e.ref("web")}})), fault.KindConflict},
			"ignored though linked": {second(assets.Ignore.Do(t.Context(), desk, assets.Ignoring{Resources: []string{e.ref("web")}, Reason: "Not one"})), fault.KindConflict},
			"not shown":             {second(assets.Adopt.Do(t.Context(), desk, assets.Adoption{Resources: []string{e.ref("nowhere")}})), fault.KindInvalid},
			"no resource":           {second(assets.Adopt.Do(t.Context(), desk, assets.Adoption{Resources: []string{"web"}})), fault.KindInvalid},
			"taken back never said": {second(assets.Unignore.Do(t.Context(), desk, assets.Resources{Resources: []string{e.ref("web")}})), fault.KindConflict},
		} {
			if fault.KindOf(c.err) != c.kind {
				t.Errorf("%s: %v", name, c.err)
			}
		}
		optest.Do(t, desk, assets.Unlink, assets.Linking{ID: string(a.ID), Resources: []string{e.ref("web")}})
		optest.Do(t, desk, assets.Ignore, assets.Ignoring{Resources: []string{e.ref("web")}, Reason: "A test machine"})
		r := optest.Do(t, desk, assets.Reconcile, assets.Comparing{List: assets.ListIgnored})
		if len(r.Resources) != 1 || r.Resources[0].Reason != "A test machine" || r.Ignored != 1 {
			t.Errorf("ignored %+v", r)
		}
		optest.Do(t, desk, assets.Unignore, assets.Resources{Resources: []string{e.ref("web")}})
		if r = optest.Do(t, desk, assets.Reconcile, assets.Comparing{}); r.Unknown != 1 {
			t.Errorf("taken back: %+v", r)
		}
	})
}

func TestAFileIsTakenWholeOrNotAtAll(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		bad := "Name,Type,Criticality,Flags,Scope,Reason\nOne,compute,1,,in,\nTwo,castle,,,,\nThree,saas,9,,,\nOne,compute,,,,\nFour,saas,,gold,,\nFive,saas,,,out,\n"
		p := optest.Do(t, desk, assets.Preview, assets.File{CSV: []byte(bad)})
		if p.Rows != 6 || p.Added != 1 || len(p.Faults) != 5 {
			t.Fatalf("preview %+v", p)
		}
		for i, want := range []string{"Line 3: type", "Line 4: criticality", "Line 5: compute", "Line 6: flag", "Line 7: "} {
			if !strings.HasPrefix(p.Faults[i], want) {
				t.Errorf("fault %q, want %s", p.Faults[i], want)
			}
		}
		_, err := assets.Import.Do(t.Context(), desk, assets.File{CSV: []byte(bad)})
		if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), "Line 3") {
			t.Errorf("a file with faults: %v", err)
		}
		if l := optest.Do(t, desk, assets.List, assets.Filter{}); l.Total != 0 {
			t.Errorf("a refused file left %d", l.Total)
		}
		good := "\ufeffName,Type,Flags,Owner,Scope,Reason,Last seen\n'=One,compute,personal; secret,OWNER@example.com,in,,\nTwo,Person group,,,out,Not ours,\n"
		m := optest.Do(t, desk, assets.Preview, assets.File{CSV: []byte(strings.Replace(good, "OWNER@example.com", "", 1))})
		if m.Added != 2 || len(m.Faults) != 0 {
			t.Fatalf("preview %+v", m)
		}
		optest.Do(t, desk, assets.Import, assets.File{CSV: []byte(strings.Replace(good, "OWNER@example.com", "", 1))})
		l := optest.Do(t, desk, assets.List, assets.Filter{})
		if got := names(l.Items); !slices.Equal(got, []string{"=One", "Two"}) || l.Items[1].Scope != assets.Pending {
			t.Fatalf("imported %+v", l.Items)
		}
		again := fmt.Sprintf("id,name,type\n%s,Two,person_group\n%s,First,compute\n", l.Items[1].ID, l.Items[0].ID)
		did := optest.Do(t, desk, assets.Import, assets.File{CSV: []byte(again)})
		if did.Changed != 1 || did.Same != 1 {
			t.Errorf("changed by file: %+v", did)
		}
		for name, file := range map[string]string{"no name": "type\nsaas\n", "unknown": "name,type,colour\n", "twice": "name,name,type\n", "empty": "", "head alone": "name,type\n",
			"too wide": "name,type\na,saas,b\n", "too long": "name,type\n" + strings.Repeat("a", 3000) + ",saas\n"} {
			if _, err := assets.Preview.Do(t.Context(), desk, assets.File{CSV: []byte(file)}); fault.KindOf(err) != fault.KindInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
