package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/erasures"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/tasks"
	"github.com/tickmark/tickmark/internal/views"
)

// do runs an operation and fails the test if it is refused.
func do[In, Out any](t *testing.T, desk *op.Desk, o *op.Op[In, Out], in In) Out {
	t.Helper()
	out, err := o.Do(t.Context(), desk, in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

type colleague = orgs.NewMember

// colleagues are members beside the owner, by role; all have one password.
var colleagues = []orgs.NewMember{
	{Name: "Tomas Reiter", Email: "tomas@larchmere.example", Role: string(auth.ControlOwner)},
	{Name: "Mei-Lin Park", Email: "mei-lin@larchmere.example", Role: string(auth.Employee)},
	{Name: "Jonas Lindqvist", Email: "jonas@larchmere.example", Role: string(auth.Operator)},
	{Name: "Priya Natarajan", Email: "priya@larchmere.example", Role: string(auth.Sponsor)},
	{Name: "Elin Sandberg", Email: "elin@larchmere.example", Role: string(auth.Lead)},
}

// settled is a server with something of everything: a scope, sources that
// answer and one that does not, controls with owners and statements, evidence,
// an exception and one that waits, colleagues and a token.
func settled(t *testing.T) *server {
	t.Helper()
	offer := assess.Offer{Git: repository(t), Host: true}
	return begun(t, offer).settle(t, offer)
}

// settle fills an organization that has just begun.
func (s *server) settle(t *testing.T, offer assess.Offer) *server {
	t.Helper()
	desk, err := s.Desk(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	do(t, desk, scopes.Set, scopes.Decision{Requester: "Aldine Bank", Type: scopes.TypeII, Categories: []string{"security", "availability", "confidentiality"},
		Starts: "2026-01-01", Ends: "2026-12-31", System: "Ledger API", Included: "The API and its database.", Excluded: "The website, which holds no customer data."})
	s.read(t, desk, offer, assess.Offer{Git: t.TempDir()})
	var people []string
	var lead op.Desk // who is the second person
	for _, c := range colleagues {
		c.Password = who.password
		m := do(t, desk, orgs.AddMem, c)
		people = append(people, string(m.ID))
		lead = op.Desk{Engine: desk.Engine, Org: desk.Org, Actor: auth.Actor{User: m.ID, Name: m.Name, Email: m.Email, Roles: m.Roles, Via: "api"}}
	}
	x := do(t, desk, readiness.Get, op.None{})
	half := len(x.Proposed) / 2
	do(t, desk, controls.Adopt, controls.Adoption{Codes: x.Proposed[:half]})
	do(t, desk, controls.Adopt, controls.Adoption{Codes: append(x.Proposed[half:len(x.Proposed)-1], "GOV-01", "PPL-01"), Owner: people[0]})
	list := do(t, desk, readiness.Get, op.None{}).Controls
	var bear []string
	for i, c := range list {
		if i%3 == 0 {
			continue
		}
		do(t, desk, controls.Implement, controls.Statement{ID: c.Code, Version: c.Version,
			Text: "Done by the team that runs the Ledger API; each change leaves its trace in the repository."})
		if bear = append(bear, string(c.ID)); len(bear) == 5 {
			break
		}
	}
	s.evidence(t, desk, bear)
	for _, a := range x.Answers {
		if a.Looked && a.Status == checks.Fail {
			w := do(t, desk, checks.Except, checks.Waive{Check: a.ID, Reason: "The old hosts leave at the end of the month; see LED-40.", Ends: time.Now().AddDate(0, 0, 20)})
			do(t, &lead, checks.Approve, checks.WaiverRef{ID: string(w.ID)})
			do(t, &lead, checks.Except, checks.Waive{Check: a.ID, Reason: "Two hosts stay until the new ones are delivered; see LED-52.", Ends: time.Now().AddDate(0, 2, 0)})
			break
		}
	}
	do(t, desk, orgs.NewToken, orgs.TokenWish{Name: "nightly CI"})
	s.work(t, desk, people[0], list[0].ID)
	return s
}

// work is what people ask of each other, and what was looked at before.
func (s *server) work(t *testing.T, desk *op.Desk, other string, about id.Control) {
	t.Helper()
	do(t, desk, tasks.Create, tasks.Wish{Title: "Ask the owners of the old hosts", Owner: string(desk.Actor.User), Due: "2026-12-01", Object: string(about)})
	do(t, desk, tasks.Create, tasks.Wish{Title: "Write down who approves what", Owner: other, Due: "2030-01-15"})
	do(t, desk, tasks.Say, tasks.Saying{Object: string(about), Text: "The hosts are gone by Friday."})
	do(t, desk, views.Create, views.Saved{List: "controls", Name: "Not ready", Query: "q=access"})
	do(t, desk, notify.Connect, notify.NewChannel{Kind: notify.Slack, Name: "security", Address: "https://hooks.slack.com/services/x", Kinds: []string{"mention"}})
	do(t, desk, assets.Create, assets.New{Type: "database", Name: "ledger-eu", Class: "confidential"})
	do(t, desk, checks.Retire, checks.Reasoned{ID: "git.commit.signed", Reason: "Commits are signed by the forge."})
	file, err := s.Reader.Deliver(t.Context(), desk, sources.Delivery{Name: "scan.json", Format: "ocsf"}, strings.NewReader("[]"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reader.Import(t.Context(), desk, file.ID, nil, false); err != nil {
		t.Log("an empty scan: ", err)
	}
}

// read connects what is offered, reads it here and now, and judges it.
func (s *server) read(t *testing.T, desk *op.Desk, offers ...assess.Offer) {
	t.Helper()
	for _, o := range offers {
		list, err := assess.Connect(t.Context(), desk, o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := assess.Perform(t.Context(), desk, s.Reader, list, func(int, int, string) {}); err != nil {
			t.Fatal(err)
		}
	}
}

// evidence records a text, a table and bytes of no known kind.
func (s *server) evidence(t *testing.T, desk *op.Desk, controls []string) {
	t.Helper()
	for i, e := range []struct{ title, media, bytes string }{
		{"Minutes of the access review of October", "text/plain", "Reviewed 12 accounts; removed 1.\n"},
		{"Joiners since July", "text/csv", "name,started\nA. Novak,2026-07-01\nB. Ruiz,2026-08-15\n"},
		{"Signed agreement", "application/octet-stream", "\x00\x01\x02 not text"},
	} {
		sealed, err := desk.Vault.Store(t.Context(), desk.Org, []byte(e.bytes), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		old := evidence.Submission{Blob: sealed.Address, Title: e.title, MediaType: e.media, Origin: "the people system", Controls: controls}
		r := do(t, desk, evidence.Submit, old)
		switch i {
		case 0:
			old.Title, old.Supersedes = fmt.Sprint(old.Title, ", corrected"), string(r.ID)
			do(t, desk, evidence.Submit, old)
			do(t, desk, erasures.HoldNew, erasures.Holding{Scope: "evidence", Targets: []string{string(r.ID)}, Reason: "The regulator asked for the October review."})
		case 1:
			do(t, desk, erasures.Create, erasures.Asking{Evidence: []string{string(r.ID)}, Basis: "data_subject_request", Reason: "One of the people on it asked in writing."})
		}
	}
}
