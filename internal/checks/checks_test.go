package checks_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/importers/trivy"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources"
)

// seen is a collector that shows what it is given.
type seen struct {
	kind      string
	resources []sources.Resource
}

func (seen) Kind() string    { return "git" }
func (seen) Version() string { return "test" }
func (s seen) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	in.Cover(s.kind)
	for _, r := range s.resources {
		if err := in.Add(r); err != nil {
			return err
		}
	}
	return nil
}

// bench is a desk with one source that shows machines.
type bench struct {
	*op.Desk
	t      *testing.T
	source sources.Source
}

const (
	ownID    = "own.machine.firewall"
	ownCheck = `
id: own.machine.firewall
title: The firewall is on
kind: machine
schema: 1
pass: r.firewall_active
empty: unknown
freshness: 26h
cadence: daily
severity: high
mandatory: true
message: r.hostname + " has no firewall"
summary: '{failing} of {total} machines have no firewall'
risk: Anyone who reaches the network reaches every service.
fix: Turn the firewall on.
controls: [NET-01]
map: [{criterion: CC6.6, strength: direct}]
fixtures:
  pass: [{hostname: a, firewall_active: true}]
  fail: [{hostname: a, firewall_active: false}]
  unknown: [{hostname: a}]
`
)

func newBench(t *testing.T, desk *op.Desk) *bench {
	t.Helper()
	s, err := sources.Create.Do(t.Context(), desk, sources.Connection{Kind: "git", Name: "main", Path: "/nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checks.Create.Do(t.Context(), desk, checks.Authored{YAML: ownCheck}); err != nil {
		t.Fatal(err)
	}
	return &bench{desk, t, s}
}

// show reads the source, an hour later, with these machines and judges it.
func (b *bench) show(machines map[string]any) {
	b.t.Helper()
	c := seen{kind: "machine"}
	for name, firewall := range machines {
		r := sources.Resource{Kind: "machine", Key: name, Attrs: map[string]any{"hostname": name}}
		if firewall != nil {
			r.Attrs["firewall_active"] = firewall
		} else {
			r.Absent = map[string]string{"firewall_active": "only root may ask"}
		}
		c.resources = append(c.resources, r)
	}
	optest.Clock(b.Desk).Advance(time.Hour)
	reader, err := sources.NewReader(c)
	if err != nil {
		b.t.Fatal(err)
	}
	run, err := reader.Read(b.t.Context(), b.Desk, b.source.ID, nil, false)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := checks.EvaluateRun(b.t.Context(), b.Desk, run.ID, nil); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) check() checks.Detail {
	b.t.Helper()
	d, err := checks.Get.Do(b.t.Context(), b.Desk, checks.Ref{ID: ownID})
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

func (b *bench) rows(table string) int {
	b.t.Helper()
	var n int
	err := b.DB.Read(b.t.Context(), string(b.Org), func(tx *db.Tx) error {
		return tx.Row("SELECT COUNT(*) FROM "+table+" WHERE org_id = ? AND check_id = ?", []any{b.Org, ownID}, &n)
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

func TestStatusOfACheck(t *testing.T) {
	cases := map[string]struct {
		show map[string]any
		want checks.Status
		says string
	}{
		"passes when all pass":                {map[string]any{"a": true, "b": true}, checks.Pass, ""},
		"fails when one fails":                {map[string]any{"a": true, "b": false}, checks.Fail, "1 of 2 machines have no firewall"},
		"is unknown when one cannot be known": {map[string]any{"a": true, "b": nil}, checks.Unknown, "only root may ask"},
		"fails though another is unknown":     {map[string]any{"a": false, "b": nil}, checks.Fail, "1 of 2"},
		"is unknown when nothing was found":   {map[string]any{}, checks.Unknown, ""},
	}
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := newBench(t, desk)
		if d := b.check(); d.Status != checks.Unknown || d.Looked {
			t.Errorf("before any run: %s, looked %v", d.Status, d.Looked)
		}
		for name, c := range cases {
			b.show(c.show)
			if d := b.check(); d.Status != c.want || !strings.Contains(d.Summary+d.Reason, c.says) {
				t.Errorf("%s: %s, %q %q", name, d.Status, d.Summary, d.Reason)
			}
		}
	})
}

func TestAnswersThatAreNotFreshAreUnknown(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := newBench(t, desk)
		b.show(map[string]any{"a": true})
		optest.Clock(desk).Advance(25 * time.Hour)
		if d := b.check(); d.Status != checks.Pass {
			t.Errorf("after 25 h of 26: %s", d.Status)
		}
		optest.Clock(desk).Advance(time.Hour)
		if d := b.check(); d.Status != checks.Unknown || !strings.Contains(d.Reason, "not looked at since") {
			t.Errorf("after 26 h: %s, %q", d.Status, d.Reason)
		}
	})
}

// A file that does not come makes unknown what the last one said, though that
// would still be fresh.
func TestAnswersWithoutTheNextFileAreUnknown(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		if _, err := checks.Create.Do(t.Context(), desk, checks.Authored{YAML: findingCheck}); err != nil {
			t.Fatal(err)
		}
		r, err := sources.NewReader()
		if err != nil {
			t.Fatal(err)
		}
		r.Feed(0, trivy.New())
		made, err := r.Deliver(t.Context(), desk, sources.Delivery{Name: "t.json"}, strings.NewReader(`{"SchemaVersion":2,"ArtifactName":"a","ArtifactType":"container_image","Results":[]}`))
		if err != nil {
			t.Fatal(err)
		}
		run, err := r.Import(t.Context(), desk, made.ID, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := checks.EvaluateRun(t.Context(), desk, run.ID, nil); err != nil {
			t.Fatal(err)
		}
		s := optest.Do(t, desk, sources.Get, sources.Ref{ID: string(run.Source)})
		s = optest.Do(t, desk, sources.Update, sources.Change{ID: string(s.ID), Version: s.Version, Expected: sources.ByDay})
		says := func() checks.Detail { return optest.Do(t, desk, checks.Get, checks.Ref{ID: "own.trivy.none"}) }
		optest.Clock(desk).Advance(s.Due.Sub(desk.Clock.Now()) - time.Millisecond)
		if d := says(); d.Status != checks.Pass {
			t.Errorf("before the day: %s, %q", d.Status, d.Reason)
		}
		optest.Clock(desk).Advance(time.Millisecond)
		if d := says(); d.Status != checks.Unknown || !strings.Contains(d.Reason, ", a file was expected by "+s.Due.Format("2 January 2006")) {
			t.Errorf("on the day: %s, %q", d.Status, d.Reason)
		}
		optest.Do(t, desk, sources.Update, sources.Change{ID: string(s.ID), Version: s.Version, Expected: sources.Never})
		if d := says(); d.Status != checks.Pass {
			t.Errorf("without a rhythm: %s, %q", d.Status, d.Reason)
		}
	})
}

const findingCheck = `
id: own.trivy.none
title: Trivy reports nothing
kind: finding
schema: 1
pass: r.status == "pass"
empty: pass
freshness: 192h
cadence: weekly
severity: low
mandatory: false
message: r.rule
summary: '{failing} open'
risk: It is used.
fix: Mend it.
controls: [VUL-04]
map: [{criterion: CC7.1, strength: supporting}]
fixtures:
  pass: [{rule: a, status: pass}]
  fail: [{rule: a, status: fail}]
  unknown: [{rule: a}]
`

func TestHistoryGrowsOnlyWhenAnAnswerChanges(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := newBench(t, desk)
		b.show(map[string]any{"a": true, "b": true})
		first := b.rows("check_interval")
		for range 5 {
			b.show(map[string]any{"a": true, "b": true})
		}
		if n := b.rows("check_interval"); n != first {
			t.Errorf("five runs that changed nothing added %d intervals", n-first)
		}
		b.show(map[string]any{"a": true, "b": false})
		if n := b.rows("check_interval"); n != first+2 { // b, and the check as a whole
			t.Errorf("one failing machine added %d intervals, want 2", n-first)
		}
		b.show(map[string]any{"a": true})
		found, err := checks.Findings.Do(t.Context(), desk, checks.FindingFilter{ID: ownID, Status: "fail"})
		if err != nil || found.Total != 0 {
			t.Errorf("a machine that is gone still fails: %+v, %v", found, err)
		}
	})
}

func TestJudgingARunTwiceChangesNothing(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := newBench(t, desk)
		b.show(map[string]any{"a": false})
		s, err := sources.Get.Do(t.Context(), desk, sources.Ref{ID: string(b.source.ID)})
		if err != nil {
			t.Fatal(err)
		}
		intervals, results := b.rows("check_interval"), b.rows("check_result")
		if err := checks.EvaluateRun(t.Context(), desk, s.Latest.ID, nil); err != nil {
			t.Fatal(err)
		}
		if b.rows("check_interval") != intervals || b.rows("check_result") != results {
			t.Error("judging the same run again wrote history")
		}
	})
}

func TestAnOwnCheckThatDoesNotCompileShowsThePlace(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := newBench(t, desk)
		for name, c := range map[string]struct{ change, to, says string }{
			"a misspelt field":     {"pass: r.firewall_active", "pass: r.firewal_active", "firewall_active"},
			"a rule cut short":     {"pass: r.firewall_active", "pass: r.firewall_active &&", "pass"},
			"a rule that is text":  {"pass: r.firewall_active", "pass: r.hostname", "true or false"},
			"an unknown kind":      {"kind: machine", "kind: machin", "kind"},
			"a fixture that lies":  {"fail: [{hostname: a, firewall_active: false}]", "fail: [{hostname: a, firewall_active: true}]", "example 1"},
			"a shipped check's id": {"id: own.machine.firewall", "id: host.firewall.active", "check of the program"},
		} {
			_, err := checks.Create.Do(t.Context(), desk, checks.Authored{YAML: strings.Replace(ownCheck, c.change, c.to, 1)})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", name, err)
			}
		}
		b.show(map[string]any{"a": true})
		if d := b.check(); d.Status != checks.Pass {
			t.Errorf("refused versions touched the one in force: %s", d.Status)
		}
	})
}

func TestEvidenceOfARunIsLinkedToTheControlsItSpeaksFor(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := newBench(t, desk)
		adopted, err := controls.Adopt.Do(t.Context(), desk, controls.Adoption{Codes: []string{"NET-01"}})
		if err != nil {
			t.Fatal(err)
		}
		b.show(map[string]any{"a": true})
		list, err := evidence.List.Do(t.Context(), desk, evidence.Filter{Control: string(adopted.Items[0].ID)})
		if err != nil || list.Total != 1 || list.Items[0].ResourceKind != "machine" {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

func TestCoverageAddsUpToThePeriod(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := newBench(t, desk)
		from := desk.Clock.Now()
		b.show(map[string]any{"a": true})  // 1 h in
		b.show(map[string]any{"a": false}) // 2 h in
		b.show(map[string]any{"a": true})  // 3 h in
		optest.Clock(desk).Advance(time.Hour)
		h, err := checks.Coverage.Do(t.Context(), desk, checks.Period{Check: ownID, From: from, To: from.Add(4 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		m := h.Metrics
		if m.Pass != 2*time.Hour || m.Fail != time.Hour || m.Unknown != time.Hour || m.Period != 4*time.Hour {
			t.Errorf("pass %s, fail %s, unknown %s of %s", m.Pass, m.Fail, m.Unknown, m.Period)
		}
		if h.Uptime != "66.6667" || h.Coverage != "75.0000" || h.WorstCase != "50.0000" || h.MTTR != time.Hour.Milliseconds() || h.Drifts != 1 {
			t.Errorf("uptime %s, coverage %s, worst %s, mttr %d, drifts %d", h.Uptime, h.Coverage, h.WorstCase, h.MTTR, h.Drifts)
		}
	})
}

// hides is a source that shows some machines and then says that it is not
// allowed to show them all, or any.
type hides struct {
	show    []string
	covered bool
}

func (hides) Kind() string    { return "git" }
func (hides) Version() string { return "test" }
func (h hides) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	in.Missing(sources.Missing{Kind: "machine", Reason: "the account lost the right to list machines", Remedy: "Give it back."})
	if h.covered {
		in.Cover("machine")
	}
	for _, name := range h.show {
		if err := in.Add(sources.Resource{Kind: "machine", Key: name, Attrs: map[string]any{"hostname": name, "firewall_active": true}}); err != nil {
			return err
		}
	}
	return nil
}

func TestPermissionLostInTheMiddleIsUnknownAndNotFewer(t *testing.T) {
	for name, h := range map[string]hides{
		"shows none, covers none": {},
		"shows none, covers":      {covered: true},
		"shows the first page":    {show: []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			optest.Each(t, func(t *testing.T, desk *op.Desk) {
				b := newBench(t, desk)
				b.show(map[string]any{"a": true, "b": true, "c": false})
				for range 2 { // it stays so
					optest.Clock(desk).Advance(time.Hour)
					reader, err := sources.NewReader(h)
					if err != nil {
						t.Fatal(err)
					}
					run, err := reader.Read(t.Context(), desk, b.source.ID, nil, false)
					if err != nil {
						t.Fatal(err)
					}
					if err := checks.EvaluateRun(t.Context(), desk, run.ID, nil); err != nil {
						t.Fatal(err)
					}
					seen, err := sources.Resources.Do(t.Context(), desk, sources.SeenFilter{Source: string(b.source.ID), Kind: "machine"})
					if err != nil || seen.Total != 3 {
						t.Errorf("%d machines are left of 3, %v", seen.Total, err)
					}
					d := b.check()
					if d.Status != checks.Unknown || len(d.Sources) != 1 || d.Unknown != 3 || d.Sources[0].Reason != "the account lost the right to list machines" {
						t.Errorf("the check: %s, %+v", d.Status, d.Sources)
					}
					list, err := checks.Findings.Do(t.Context(), desk, checks.FindingFilter{ID: ownID, Status: "unknown"})
					if err != nil || len(list.Items) != 3 {
						t.Fatalf("%d findings, %v", len(list.Items), err)
					}
					for _, f := range list.Items {
						if f.Status != checks.Unknown || f.Reason != "the account lost the right to list machines" {
							t.Errorf("%s: %s, %q", f.Key, f.Status, f.Reason)
						}
					}
				}
				b.show(map[string]any{"a": true, "b": true}) // given back, and c is really gone
				if d := b.check(); d.Status != checks.Pass || d.Passing != 2 {
					t.Errorf("given back: %s, %+v", d.Status, d.Sources)
				}
			})
		})
	}
}
