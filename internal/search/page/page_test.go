package page_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/search/page"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/tasks"
	"github.com/tickmark/tickmark/internal/views"
)

func TestExactIdsLeadToTheirPages(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		adopted, err := controls.Adopt.Do(t.Context(), desk, controls.Adoption{Codes: []string{"CHG-01"}})
		if err != nil {
			t.Fatal(err)
		}
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		ctl := string(adopted.Items[0].ID)
		for q, want := range map[string]string{
			ctl: "/controls/" + ctl, "chg-01": "/controls/CHG-01", "CHG-02": "/library/CHG-02", "cc8.1": "/criteria/CC8.1",
			"git.commit.signed": "/checks/git.commit.signed", "1": "/log/1", "%23" + "1": "/log/1",
			"evd_00000000000000000000000000": "/evidence/evd_00000000000000000000000000",
		} {
			v.Get("/search?q=" + q).LeadsTo(want)
		}
	})
}

func TestWordsFindWhatThePersonMayOpen(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		found := v.Get("/search?q=signature+commit")
		found.Says("main a", "git.commit.signed")
		task := optest.Do(t, desk, tasks.Create, tasks.Wish{Title: "Rehearse the restore"})
		v.Get("/search?q=rehearse").Says("#tasks tbody", "Rehearse the restore")
		v.Get("/search?q=" + string(task.ID)).LeadsTo("/tasks/" + string(task.ID))
		v.Get("/search?q=retention").Says("#pages tbody", "Retention")
		v.Get("/search?q=board").Says("main", "Library, not adopted")
		v.Get("/search?q=999999999999999999999999").Says("h1", "Nothing here is called")
		v.Get("/search").Says("h1", "Search for any id, code, person or word.")
		nobody := s.As(optest.Member(t, desk, auth.Employee)).Get("/search?q=commit")
		nobody.Silent("main", "git.commit.signed")
	})
}

// rights of each kind, said here again: a kind that is shown to somebody
// without the right would be shown by mistake.
var rights = map[string]auth.Right{"controls": auth.ControlsRead, "library": auth.ControlsRead, "criteria": auth.ControlsRead, "checks": auth.ChecksRead, "exceptions": auth.ChecksRead,
	"evidence": auth.EvidenceRead, "resources": auth.SourcesRead, "sources": auth.SourcesRead, "people": auth.OrgRead, "engagements": auth.EngageRead, "views": auth.WorkRead, "words": auth.OrgRead,
	"assets": auth.AssetsRead, "tasks": auth.WorkRead, "populations": auth.EngageRead, "pages": auth.OrgRead}

func TestNobodyFindsWhatTheyMayNotOpen(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		owner := optest.Do(t, desk, controls.Adopt, controls.Adoption{Codes: []string{"CHG-03"}}).Items[0].OwnerName
		fill(t, desk)
		s := sitetest.New(t, desk.Engine, page.Routes())
		most := 0
		for _, role := range []auth.Role{auth.Owner, auth.Lead, auth.ControlOwner, auth.Sponsor, auth.Employee, auth.Operator} {
			who := desk
			if role != auth.Owner {
				who = optest.Member(t, desk, role)
			}
			for _, q := range []string{"change", "e", owner, "secret"} {
				p := s.As(who).Get("/search?q=" + url.QueryEscape(q))
				shown := 0
				for kind, right := range rights {
					n := p.Count("#" + kind)
					if shown += n; n > 0 && !who.Actor.May(right) {
						t.Errorf("%s finds %s by %q", role, kind, q)
					}
				}
				if most = max(most, shown); shown > 0 {
					p.Silent("h1", "Nothing here")
				}
			}
			if p := s.As(who).Get("/search?q=e&kind=evidence"); who.Actor.May(auth.EvidenceRead) != (p.Count("#evidence") == 1) {
				t.Errorf("%s asks for evidence alone: %s", role, p.Text("main"))
			}
		}
		if most < 8 {
			t.Errorf("at most %d kinds are found at once, so that little was tried", most)
		}
	})
}

func TestAKindIsReadToItsEnd(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		fill(t, desk)
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		all := v.Get("/search?q=HOST")
		all.Says("nav[aria-label] a", "Seen in sources 130")
		if all.Count("#resources tbody tr") != 5 {
			t.Error("more than the first five of a kind")
		}
		seen := map[string]bool{}
		for next := "/search?kind=resources&q=HOST"; next != ""; {
			p := v.Get(next)
			for _, a := range p.Attrs("#resources tbody tr", "data-href") {
				if seen[a] {
					t.Fatalf("%s is found twice", a)
				}
				seen[a] = true
			}
			next = p.Attr("nav.tm-pager a[rel=next]", "href")
		}
		if len(seen) != 130 {
			t.Errorf("paging finds %d of 130", len(seen))
		}
		v.Get("/search?q=x&kind=nothing").Is(http.StatusUnprocessableEntity)
	})
}

// hosts is a collector that shows 130 machines.
type hosts struct{}

func (hosts) Kind() string    { return "host" }
func (hosts) Version() string { return "test" }
func (hosts) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	for i := range 130 {
		if err := in.Add(sources.Resource{Kind: "machine", Key: fmt.Sprintf("host-%03d.Example", i), Attrs: map[string]any{"hostname": "a"}}); err != nil {
			return err
		}
	}
	return nil
}

// fill makes something of most kinds.
func fill(t *testing.T, desk *op.Desk) {
	t.Helper()
	s := optest.Do(t, desk, sources.Create, sources.Connection{Kind: "host", Name: "here, with a secret"})
	r, err := sources.NewReader(hosts{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(t.Context(), desk, s.ID, nil, false); err != nil {
		t.Fatal(err)
	}
	optest.Do(t, desk, checks.Except, checks.Waive{Check: "host.firewall.active", Reason: "It is replaced next month, with a secret.", Ends: desk.Clock.Now().AddDate(0, 1, 0)})
	optest.Do(t, desk, views.Create, views.Saved{List: "controls", Name: "Change, secret", Shared: true})
}
