package readiness_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/sources"
)

func picture(t *testing.T, desk *op.Desk) readiness.Picture {
	t.Helper()
	p, err := readiness.Get.Do(t.Context(), desk, op.None{})
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, p)
	return p
}

// addsUp is what every page promises: parts sum to the whole.
func addsUp(t *testing.T, p readiness.Picture) {
	t.Helper()
	var sum readiness.Category
	for _, c := range p.Categories {
		if c.Ready+c.NotReady+c.Unknown != c.InScope {
			t.Errorf("%s: %d ready, %d not, %d unknown of %d", c.Code, c.Ready, c.NotReady, c.Unknown, c.InScope)
		}
		sum.InScope, sum.Ready, sum.NotReady, sum.Unknown = sum.InScope+c.InScope, sum.Ready+c.Ready, sum.NotReady+c.NotReady, sum.Unknown+c.Unknown
	}
	if sum.InScope != p.Total.InScope || sum.Ready != p.Total.Ready || sum.NotReady != p.Total.NotReady || sum.Unknown != p.Total.Unknown ||
		p.Total.InScope != len(p.Criteria) {
		t.Errorf("the categories add up to %+v, the total says %+v", sum, p.Total)
	}
}

func criterion(t *testing.T, p readiness.Picture, code string) readiness.Criterion {
	t.Helper()
	for _, k := range p.Criteria {
		if k.Code == code {
			return k
		}
	}
	t.Fatalf("%s is not in scope", code)
	return readiness.Criterion{}
}

func TestNothingIsReadyBeforeAControlIsAdopted(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		p := picture(t, desk)
		if p.Total.InScope != 33 || p.Total.Ready != 0 || p.Sentence != "None of 33 criteria is ready, because no control has been adopted." {
			t.Errorf("%+v: %q", p.Total, p.Sentence)
		}
		if k := criterion(t, p, "CC8.1"); k.Verdict != readiness.NotStarted || k.Why == "" {
			t.Errorf("CC8.1: %+v", k)
		}
	})
}

func TestTheScopeDecidesWhichCriteriaCount(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		_, err := scopes.Set.Do(t.Context(), desk, scopes.Decision{Type: scopes.TypeII, Categories: []string{"availability", "confidentiality"}})
		if err != nil {
			t.Fatal(err)
		}
		if p := picture(t, desk); p.Total.InScope != 38 || len(p.Categories) != 3 {
			t.Errorf("%d criteria in %d categories, want 38 in 3", p.Total.InScope, len(p.Categories))
		}
	})
}

// machine is a collector that shows one machine with or without a firewall.
type machine struct{ firewall any }

func (machine) Kind() string    { return "host" }
func (machine) Version() string { return "test" }
func (m machine) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	r := sources.Resource{Kind: "machine", Key: "a", Attrs: map[string]any{"hostname": "a"}}
	if m.firewall != nil {
		r.Attrs["firewall_active"] = m.firewall
	} else {
		r.Absent = map[string]string{"firewall_active": "only root may ask"}
	}
	return in.Add(r)
}

func show(t *testing.T, desk *op.Desk, s sources.Source, firewall any) {
	t.Helper()
	optest.Clock(desk).Advance(time.Minute)
	r, err := sources.NewReader(machine{firewall})
	if err != nil {
		t.Fatal(err)
	}
	run, err := r.Read(t.Context(), desk, s.ID, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := checks.EvaluateRun(t.Context(), desk, run.ID, nil); err != nil {
		t.Fatal(err)
	}
}

// ownControl is the only control of CC6.6 in the tests, with one check.
const ownCheck = `
id: own.firewall
title: The firewall is on
kind: machine
schema: 1
pass: r.firewall_active
freshness: 26h
cadence: daily
severity: high
mandatory: true
message: '"no firewall"'
summary: '{failing} of {total} machines have no firewall'
risk: Anyone who reaches the network reaches every service.
fix: Turn the firewall on.
controls: [OWN-01]
map: [{criterion: CC6.6, strength: direct}]
fixtures: {pass: [{firewall_active: true}], fail: [{firewall_active: false}], unknown: [{hostname: a}]}
`

func TestThreePartsOfACriterion(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ctx := t.Context()
		s, err := sources.Create.Do(ctx, desk, sources.Connection{Kind: "host", Name: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := checks.Create.Do(ctx, desk, checks.Authored{YAML: ownCheck}); err != nil {
			t.Fatal(err)
		}
		if _, err := controls.Create.Do(ctx, desk, controls.Own{Code: "OWN-01", Title: "Firewall", Text: "Each machine runs a firewall.",
			Criteria: []string{"CC6.6"}, Frequency: "continuous", Key: true}); err != nil {
			t.Fatal(err)
		}
		check := func(when string, designed, inPlace, evidenced readiness.State, verdict readiness.Verdict) {
			t.Helper()
			k := criterion(t, picture(t, desk), "CC6.6")
			if k.Designed != designed || k.InPlace != inPlace || k.Evidenced != evidenced || k.Verdict != verdict {
				t.Errorf("%s: %s, %s, %s: %s", when, k.Designed, k.InPlace, k.Evidenced, k.Verdict)
			}
		}
		check("adopted only", readiness.Full, readiness.Empty, readiness.Empty, readiness.NotReady)
		show(t, desk, s, false)
		check("the check fails", readiness.Full, readiness.Empty, readiness.Failing, readiness.NotReady)
		show(t, desk, s, true)
		check("the check passes", readiness.Full, readiness.Full, readiness.Full, readiness.Ready)
		if _, err := controls.Implement.Do(ctx, desk, controls.Statement{ID: "OWN-01", Text: "nftables on every machine.", Version: 1}); err != nil {
			t.Fatal(err)
		}
		show(t, desk, s, nil)
		check("the source cannot tell", readiness.Full, readiness.Full, readiness.Unknown, readiness.NotKnown)
		show(t, desk, s, true)
		optest.Clock(desk).Advance(27 * time.Hour)
		check("nobody looked for a day", readiness.Full, readiness.Full, readiness.Unknown, readiness.NotKnown)
	})
}

func TestAManualControlIsEvidencedByRecordsWithinItsRhythm(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ctx := t.Context()
		c, err := controls.Create.Do(ctx, desk, controls.Own{Code: "OWN-02", Title: "Board", Text: "The board meets each quarter.",
			Criteria: []string{"CC1.2"}, Frequency: "quarterly", Key: true})
		if err != nil {
			t.Fatal(err)
		}
		if c, err = controls.Implement.Do(ctx, desk, controls.Statement{ID: c.Code, Text: "Minutes are in the archive.", Version: c.Version}); err != nil {
			t.Fatal(err)
		}
		bytes, err := desk.Vault.Store(ctx, desk.Org, []byte("minutes"), desk.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		if k := criterion(t, picture(t, desk), "CC1.2"); k.Evidenced != readiness.Empty {
			t.Errorf("without evidence: %s", k.Evidenced)
		}
		if _, err := evidence.Submit.Do(ctx, desk, evidence.Submission{Blob: bytes.Address, Title: "Minutes", Origin: "archive", Controls: []string{string(c.ID)}}); err != nil {
			t.Fatal(err)
		}
		if k := criterion(t, picture(t, desk), "CC1.2"); k.Verdict != readiness.Ready {
			t.Errorf("with fresh minutes: %+v", k)
		}
		optest.Clock(desk).Advance(111 * 24 * time.Hour)
		if k := criterion(t, picture(t, desk), "CC1.2"); k.Verdict != readiness.NotReady || !strings.Contains(k.Why, "rhythm") {
			t.Errorf("with old minutes: %+v", k)
		}
	})
}

func TestFailuresComeFirstAmongTheActsAndNameWhatTheySettle(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ctx := t.Context()
		s, err := sources.Create.Do(ctx, desk, sources.Connection{Kind: "host", Name: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := checks.Create.Do(ctx, desk, checks.Authored{YAML: ownCheck}); err != nil {
			t.Fatal(err)
		}
		show(t, desk, s, false)
		p := picture(t, desk)
		if len(p.Actions) < 2 || p.Actions[0].Kind != readiness.Fix || p.Actions[0].Check == "" || len(p.Actions[0].Settles) == 0 || p.Actions[0].Owner != "" {
			t.Errorf("first act: %+v", p.Actions[0])
		}
		rank := map[string]int{readiness.Fix: 0, readiness.Unblock: 1, readiness.Adopt: 2}
		for i := 1; i < len(p.Actions); i++ {
			if rank[p.Actions[i].Kind] < rank[p.Actions[i-1].Kind] {
				t.Errorf("act %d (%s) comes after %s", i, p.Actions[i].Kind, p.Actions[i-1].Kind)
			}
		}
		if len(p.Proposed) == 0 {
			t.Error("no control is proposed though checks speak for some")
		}
		failing := p.Actions[0].Check
		w := optest.Do(t, desk, checks.Except, checks.Waive{Check: failing, Reason: "Replaced next month.", Ends: desk.Clock.Now().Add(20 * 24 * time.Hour)})
		optest.Do(t, optest.Member(t, desk, auth.Lead), checks.Approve, checks.WaiverRef{ID: string(w.ID)})
		ending := func() int {
			return slices.IndexFunc(picture(t, desk).Actions, func(a readiness.Action) bool { return a.Kind == readiness.Renew && a.Exception == string(w.ID) })
		}
		if ending() >= 0 {
			t.Error("an exception with twenty days left is told of")
		}
		optest.Clock(desk).Advance(7 * 24 * time.Hour)
		if ending() < 0 {
			t.Error("nothing tells of an exception with thirteen days left")
		}
	})
}
