package page_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/readiness/page"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/sources"
)

// hosts is a source that shows machines.
type hosts []string

func (hosts) Kind() string    { return "git" }
func (hosts) Version() string { return "1" }
func (h hosts) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	in.Cover("machine")
	for _, name := range h {
		if err := in.Add(sources.Resource{Kind: "machine", Key: name, Attrs: map[string]any{"hostname": name}}); err != nil {
			return err
		}
	}
	return nil
}

func TestHomeSaysWhatIsDueAndWhatNoAssetStandsFor(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		adopt(t, desk, "GOV-01", "IAM-02")
		s, err := sources.Create.Do(t.Context(), desk, sources.Connection{Kind: "git", Name: "machines", Path: "/nowhere"})
		if err != nil {
			t.Fatal(err)
		}
		reader, err := sources.NewReader(hosts{"web", "db"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := assess.Perform(t.Context(), desk, reader, []sources.Source{s}, nil); err != nil {
			t.Fatal(err)
		}
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		p := v.Get("/")
		p.Says("#beside", "2 overdue")
		p.Silent("#beside", "within 14 days")
		p.Says("#beside", "2 resources that no asset stands for")
		hrefs := strings.Join(p.Attrs("#beside a", "href"), " ")
		if !strings.Contains(hrefs, "/evidence/due?f.state=overdue") || !strings.Contains(hrefs, "/assets/reconciliation") {
			t.Errorf("the figures lead to %s", hrefs)
		}
		// The figure is what the list counts.
		c, err := controls.Get.Do(t.Context(), desk, controls.Ref{ID: "GOV-01"})
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := desk.Vault.Store(t.Context(), desk.Org, []byte("x"), desk.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		in := evidence.Submission{Blob: sealed.Address, Title: "Codes", Origin: "people", Level: 5, Controls: []string{string(c.ID)}}
		if _, err := evidence.Submit.Do(t.Context(), desk, in); err != nil {
			t.Fatal(err)
		}
		optest.Do(t, desk, assets.Adopt, assets.Adoption{Resources: []string{string(s.ID) + " machine web", string(s.ID) + " machine db"}})
		p = v.Get("/")
		p.Says("#beside", "1 overdue")
		p.Silent("#beside", "no asset stands for")
		optest.Clock(desk).Advance(evidence.Rhythm(c.Frequency) - 24*time.Hour)
		v = sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		v.Get("/").Says("#beside", "1 within 14 days")
		v.Get("/figures").Says("main", "Evidence by its rhythm")
		for state, want := range map[string]int64{evidence.Overdue: 1, evidence.DueSoon: 1, evidence.Fresh: 0} {
			if list := optest.Do(t, desk, evidence.DueList, evidence.DueFilter{State: state}); list.Total != want {
				t.Errorf("%d are %s, want %d", list.Total, state, want)
			}
		}
	})
}

func TestExclusionsWaitOnTheWorkOfWhoMayApprove(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		other, reader := optest.Member(t, desk, auth.Owner), optest.Member(t, desk, auth.ControlOwner)
		var ids []string
		for _, name := range []string{"Print server", "Old wiki", "Sandbox"} {
			ids = append(ids, string(optest.Do(t, desk, assets.Create, assets.New{Type: "compute", Name: name}).ID))
		}
		optest.Do(t, desk, assets.Exclude, assets.Reasoned{IDs: ids[:2], Reason: "They reach nothing."})
		optest.Do(t, other, assets.Exclude, assets.Reasoned{IDs: ids[2:], Reason: "Only a test."})
		s := sitetest.New(t, desk.Engine, page.Routes())
		theirs := s.As(other).Get("/work")
		theirs.Says("#approvals", "Approve or decline that 2 assets leave the scope: They reach nothing")
		theirs.Silent("#approvals", "Sandbox")
		if href := theirs.Attr("#approvals a", "href"); href != "/assets?f.scope=pending" {
			t.Errorf("two lead to %s", href)
		}
		mine := s.As(desk).Get("/work")
		mine.Says("#approvals", "Approve or decline that Sandbox leaves the scope: Only a test")
		mine.Silent("#approvals", "They reach nothing")
		if href := mine.Attr("#approvals a", "href"); href != "/assets/"+ids[2] {
			t.Errorf("one leads to %s", href)
		}
		if s.As(reader).Get("/work").Count("#approvals") != 0 {
			t.Error("who may not approve is asked to")
		}
		optest.Do(t, desk, assets.Approve, assets.Refs{IDs: ids[2:]})
		if s.As(desk).Get("/work").Count("#approvals") != 0 {
			t.Error("what is approved still waits")
		}
	})
}

// Alone, one may approve oneself after a delay, and is asked to only then.
func TestAnExclusionOfNobodyElseWaitsForTheDelay(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		a := optest.Do(t, desk, assets.Create, assets.New{Type: "compute", Name: "Print server"})
		optest.Do(t, desk, assets.Exclude, assets.Reasoned{IDs: []string{string(a.ID)}, Reason: "It reaches nothing."})
		if sitetest.New(t, desk.Engine, page.Routes()).As(desk).Get("/work").Count("#approvals") != 0 {
			t.Error("one is asked to approve what one has just asked for")
		}
		d := optest.Do(t, desk, assets.Get, assets.Ref{ID: string(a.ID)})
		optest.Clock(desk).Advance(d.AloneFrom.Sub(desk.Clock.Now()))
		sitetest.New(t, desk.Engine, page.Routes()).As(desk).Get("/work").Says("#approvals", "Print server")
	})
}
