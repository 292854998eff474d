package checks_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// stricter demands of a machine what ownCheck does, and that it is not named b.
var stricter = strings.Replace(ownCheck, "pass: r.firewall_active", "pass: r.firewall_active && r.hostname != 'b'", 1)

func evaluateLatest(t *testing.T, b *bench) {
	t.Helper()
	s := optest.Do(t, b.Desk, sourcesGet, ref(string(b.source.ID)))
	if err := checks.EvaluateRun(t.Context(), b.Desk, s.Latest.ID, nil); err != nil {
		t.Fatal(err)
	}
}

func held(t *testing.T, b *bench, from time.Time) checks.Held {
	t.Helper()
	return optest.Do(t, b.Desk, checks.Coverage, checks.Period{Check: ownID, From: from, To: b.Clock.Now()})
}

func TestAVersionNeverRewritesWhatWasSaidBefore(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := newBench(t, desk)
		b.show(map[string]any{"a": true, "b": true})
		seen := desk.Clock.Now()
		optest.Clock(desk).Advance(5 * time.Hour)
		changed := desk.Clock.Now()
		old := optest.Do(t, desk, checks.Versions, checks.Ref{ID: ownID})
		made := optest.Do(t, desk, checks.Update, checks.Change{ID: ownID, YAML: stricter, Digest: old.Versions[0].Digest, Why: "b may not be there."})
		evaluateLatest(t, b)
		optest.Clock(desk).Advance(2 * time.Hour)
		h := held(t, b, seen)
		if len(h.Spans) != 2 || h.Spans[0].Status != checks.Pass || h.Spans[1].Status != checks.Fail || !h.Spans[1].From.Equal(changed) {
			t.Errorf("the hours: %+v; want a pass until %s", h.Spans, changed)
		}
		if d := b.check(); d.Status != checks.Fail || d.Failing != 1 || d.Digest != made.Digest {
			t.Errorf("now it is %s with %d failing", d.Status, d.Failing)
		}
		got := optest.Do(t, desk, checks.Versions, checks.Ref{ID: ownID})
		if len(got.Versions) != 2 || got.Versions[0].Why != "b may not be there." || got.Versions[0].Actor != desk.Actor.Name || got.Versions[1].Ended.IsZero() ||
			got.Versions[1].Act != "created" {
			t.Errorf("versions: %+v", got)
		}
		// The run after is judged by the new version, and no run twice.
		b.show(map[string]any{"a": true, "b": true})
		evaluateLatest(t, b)
		if h := held(t, b, seen); len(h.Spans) != 2 {
			t.Errorf("after another run: %+v", h.Spans)
		}
		// Whoever read the version before is told.
		_, err := checks.Update.Do(t.Context(), desk, checks.Change{ID: ownID, YAML: ownCheck, Digest: old.Versions[0].Digest})
		if fault.KindOf(err) != fault.KindConflict || !strings.Contains(err.Error(), "changed since you read it") {
			t.Errorf("a stale change: %v", err)
		}
		_, err = checks.Update.Do(t.Context(), desk, checks.Change{ID: ownID, YAML: strings.Replace(ownCheck, ownID, "own.other", 1)})
		if fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("another id: %v", err)
		}
		_, err = checks.Update.Do(t.Context(), desk, checks.Change{ID: ownID, YAML: strings.Replace(ownCheck, "firewall_active: false", "firewall_active: true", 1)})
		if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), "example 1 of fail is judged pass") {
			t.Errorf("an example that does not hold: %v", err)
		}
		_, err = checks.Update.Do(t.Context(), desk, checks.Change{ID: "git.commit.signed", YAML: ownCheck})
		if fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("a check of the program: %v", err)
		}
	})
}

func TestARetiredCheckKeepsItsPast(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := newBench(t, desk)
		b.show(map[string]any{"a": false})
		seen := desk.Clock.Now()
		optest.Clock(desk).Advance(3 * time.Hour)
		retired := desk.Clock.Now()
		optest.Do(t, desk, checks.Retire, checks.Reasoned{ID: ownID, Reason: "The machines are gone."})
		optest.Clock(desk).Advance(2 * time.Hour)
		h := held(t, b, seen)
		if len(h.Spans) != 2 || h.Spans[0].Status != checks.Fail || h.Spans[1].Status != checks.Unknown || !h.Spans[0].To.Equal(retired) {
			t.Errorf("retired, the hours are %+v", h.Spans)
		}
		if _, err := checks.Get.Do(t.Context(), desk, checks.Ref{ID: ownID}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("a retired check is in the list: %v", err)
		}
		if _, err := checks.Retire.Do(t.Context(), desk, checks.Reasoned{ID: ownID, Reason: "The machines are gone."}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("retired twice: %v", err)
		}
		if _, err := checks.Create.Do(t.Context(), desk, checks.Authored{YAML: ownCheck}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("written anew while retired: %v", err)
		}
		optest.Do(t, desk, checks.Restore, checks.Reasoned{ID: ownID, Reason: "They are back again."})
		b.show(map[string]any{"a": true})
		if d := b.check(); d.Status != checks.Pass {
			t.Errorf("restored it is %s", d.Status)
		}
		v := optest.Do(t, desk, checks.Versions, checks.Ref{ID: ownID})
		if v.Off || len(v.Versions) != 2 || len(v.Decided) != 3 || v.Decided[0].Act != "restored" || v.Decided[1].Why != "The machines are gone." {
			t.Errorf("versions: %+v", v)
		}
	})
}

func TestACheckOfTheProgramCanBeAdjustedAndSwitchedOff(t *testing.T) {
	const id = "git.commit.signed"
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		find := func() *checks.Check {
			list := optest.Do(t, desk, checks.List, checks.Filter{}).Items
			i := slices.IndexFunc(list, func(c checks.Check) bool { return c.ID == id })
			if i < 0 {
				return nil
			}
			return &list[i]
		}
		shipped := find().Digest
		got := optest.Do(t, desk, checks.Adjust, checks.Adjustment{ID: id, Params: "days: 90", Reason: "Our period is a quarter."})
		if got.Digest == shipped || find().Digest != got.Digest || find().Definition.Params["days"].Default != int64(90) || find().Own {
			t.Errorf("adjusted: %+v", find().Definition.Params)
		}
		for text, want := range map[string]string{"days: 1": "30 to 1100 is accepted", "day: 90": "no parameter day: days", "days: many": "a whole number", "days: [": "a line for each"} {
			_, err := checks.Adjust.Do(t.Context(), desk, checks.Adjustment{ID: id, Params: text, Reason: "Our period is a quarter."})
			if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", text, err, want)
			}
		}
		if _, err := checks.Adjust.Do(t.Context(), desk, checks.Adjustment{ID: id, Params: "days: 90", Reason: "Our period is a quarter."}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("the same again: %v", err)
		}
		optest.Do(t, desk, checks.Retire, checks.Reasoned{ID: id, Reason: "We sign nothing here."})
		if find() != nil {
			t.Error("it is switched off and listed")
		}
		if other := optest.Found(t, desk.Engine, "Other"); len(optest.Do(t, other, checks.List, checks.Filter{Control: "CHG-07"}).Items) == 0 {
			t.Error("another organization has lost it too")
		}
		optest.Do(t, desk, checks.Restore, checks.Reasoned{ID: id, Reason: "We sign after all."})
		if x := find(); x == nil || x.Digest != got.Digest {
			t.Errorf("restored without the values that were set: %+v", x)
		}
		optest.Do(t, desk, checks.Adjust, checks.Adjustment{ID: id, Params: "", Reason: "Back to the program's own."})
		if find().Digest != shipped {
			t.Error("the program's own values have another digest")
		}
	})
}

func TestPreviewJudgesAndSavesNothing(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := newBench(t, desk)
		b.show(map[string]any{"a": true, "b": true, "c": false, "d": nil})
		before := b.rows("check_definition") + b.rows("check_interval") + b.rows("check_result")
		got := optest.Do(t, desk, checks.Preview, checks.Draft{YAML: stricter})
		if got.Total != 4 || got.Tried != 4 || got.Passing != 1 || got.Failing != 2 || got.Unknown != 1 || got.Status != checks.Fail || !got.Proved() {
			t.Errorf("tried: %+v", got)
		}
		if !got.Edits || got.Changes["pass to fail"] != 1 || len(got.Changes) != 1 || got.Changed[0].Key != "b" || got.Changed[0].Was != checks.Pass {
			t.Errorf("against the version in force: %v %+v", got.Changes, got.Changed)
		}
		if len(got.Fails) != 2 || got.Fails[0].Key != "b" || got.Fails[0].Reason != "b has no firewall" || !slices.Contains(got.Fails[0].Fields, "hostname: b") {
			t.Errorf("who would fail: %+v", got.Fails)
		}
		if len(got.Unclear) != 1 || got.Unclear[0].Reason != "only root may ask" || !slices.Contains(got.Unclear[0].Fields, "firewall_active: unknown, only root may ask") {
			t.Errorf("who would be unknown: %+v", got.Unclear)
		}
		if cut := optest.Do(t, desk, checks.Preview, checks.Draft{YAML: ownCheck, Limit: 3}); cut.Total != 4 || cut.Tried != 3 {
			t.Errorf("cut short: %d of %d", cut.Tried, cut.Total)
		}
		wrong := strings.Replace(ownCheck, "firewall_active: false", "firewall_active: true", 1)
		if got := optest.Do(t, desk, checks.Preview, checks.Draft{YAML: wrong}); got.Proved() {
			t.Errorf("an example does not hold, and it says so nowhere: %+v", got.Examples)
		}
		_, err := checks.Preview.Do(t.Context(), desk, checks.Draft{YAML: strings.Replace(ownCheck, "pass: r.firewall_active", "pass: r.firewal_active", 1)})
		if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), "firewall_active is probably meant") {
			t.Errorf("a misspelt field: %v", err)
		}
		_, err = checks.Preview.Do(t.Context(), desk, checks.Draft{YAML: strings.Replace(ownCheck, "kind: machine", "kind: machin", 1)})
		if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), "machine is probably meant") {
			t.Errorf("a misspelt kind: %v", err)
		}
		if _, err := checks.Preview.Do(t.Context(), optest.Member(t, desk, auth.ControlOwner), checks.Draft{YAML: ownCheck}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("a control owner tried one: %v", err)
		}
		if after := b.rows("check_definition") + b.rows("check_interval") + b.rows("check_result"); after != before {
			t.Errorf("%d rows became %d", before, after)
		}
	})
}

func TestChecksGoOutAndComeIn(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		commented := "# why we do this\n" + strings.TrimPrefix(ownCheck, "\n")
		second := strings.Replace(commented, ownID, "own.machine.second", 1)
		got := optest.Do(t, desk, checks.Import, checks.File{YAML: commented + "---\n" + second})
		if !slices.Equal(got.Added, []string{ownID, "own.machine.second"}) {
			t.Errorf("taken: %+v", got)
		}
		out := optest.Do(t, desk, checks.Export, checks.Chosen{})
		if out.Count != 2 || strings.Count(out.YAML, "# why we do this") != 2 {
			t.Errorf("written out:\n%s", out.YAML)
		}
		again := optest.Do(t, desk, checks.Import, checks.File{YAML: out.YAML})
		if len(again.Unchanged) != 2 || len(again.Added)+len(again.Changed) != 0 {
			t.Errorf("taken again: %+v", again)
		}
		one := optest.Do(t, desk, checks.Export, checks.Chosen{IDs: []string{"git.commit.signed"}})
		if one.Count != 1 || !strings.Contains(one.YAML, "id: git.commit.signed") {
			t.Errorf("one of the program:\n%s", one.YAML)
		}
		bad := strings.Replace(second, "r.firewall_active", "r.nothing", 1)
		bad = strings.Replace(bad, "own.machine.second", "own.machine.third", 1)
		if _, err := checks.Import.Do(t.Context(), desk, checks.File{YAML: stricter + "---\n" + bad}); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("one of two is wrong: %v", err)
		}
		if v := optest.Do(t, desk, checks.Versions, checks.Ref{ID: ownID}); len(v.Versions) != 1 {
			t.Errorf("half of a file was taken: %d versions", len(v.Versions))
		}
	})
}
