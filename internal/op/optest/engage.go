package optest

import (
	"context"
	"testing"

	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
)

// Firm has the desk's organization invite a CPA firm, and returns the desk of
// the partner who came.
func Firm(t testing.TB, client *op.Desk, name string) *op.Desk {
	t.Helper()
	made := enter(t, client, "cpa_firm", name, "partner")
	return sit(t, client.Engine, made.Org, made.User)
}

// enter accepts an invitation of the desk's organization as a new person.
func enter(t testing.TB, desk *op.Desk, role, name, who string) orgs.Created {
	t.Helper()
	inv, err := orgs.Invite.Do(t.Context(), desk, orgs.InvitationWish{Role: role})
	if err != nil {
		t.Fatal(err)
	}
	stranger := &op.Desk{Engine: desk.Engine}
	stranger.Actor.Via = "api"
	made, err := orgs.Accept.Do(t.Context(), stranger, orgs.Acceptance{Secret: inv.Secret, Name: name + " " + who, Email: address(name, who),
		Password: "a long enough password", Organization: name})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Sides are the people of an engagement.
type Sides struct {
	ID                       string // of the engagement
	Client                   *op.Desk
	Partner, Manager, Staff  *op.Desk
	Lead, ControlOwner, Boss *op.Desk // Boss is the sponsor, who signs for management
}

// Engage makes an engagement over a period, or as of a date if starts is
// empty, between the desk's organization and a new firm, and takes it to
// engaged. Every role that takes part has its desk.
func Engage(t testing.TB, client *op.Desk, starts, ends string) Sides {
	t.Helper()
	firm := "Aldine Voss"
	if org := Do(t, client, orgs.Get, op.None{}); org.Name != "Example" {
		firm += " for " + org.Name // a person has one address in an installation
	}
	s := Sides{Client: client, Partner: Firm(t, client, firm)}
	s.Manager, s.Staff = Member(t, s.Partner, "manager"), Member(t, s.Partner, "staff")
	s.Lead, s.ControlOwner, s.Boss = Member(t, client, "compliance_lead"), Member(t, client, "control_owner"), Member(t, client, "sponsor")
	in := engagements.Proposal{Name: "Example 2026", Firm: string(s.Partner.Org), Type: "type_2", Starts: starts, Ends: ends, System: "Example Cloud"}
	if starts == "" {
		in.Type, in.AsOf, in.Ends = "type_1", ends, ""
	}
	made, err := engagements.Propose.Do(t.Context(), s.Lead, in)
	if err != nil {
		t.Fatal(err)
	}
	s.ID = string(made.ID)
	if _, err := engagements.Accept.Do(t.Context(), s.Partner, engagements.Acceptance{ID: s.ID, Independence: "The team has no other relationship with the client."}); err != nil {
		t.Fatal(err)
	}
	return s
}

// Plan records an audit plan and takes the engagement to planned and, when its
// time has come, as far as the gates let it, up to a state.
func (s Sides) Plan(t testing.TB, to ...engagements.State) {
	t.Helper()
	Do(t, s.Staff, engagements.Plan, engagements.Planning{ID: s.ID, Considerations: "Access and change are where it can go wrong."})
	for _, state := range to {
		Do(t, s.Partner, engagements.Advance, engagements.Advancing{ID: s.ID, To: string(state)})
	}
}

// Do runs an operation that must succeed. Heads are signed first, so that what
// was recorded a moment ago can be answered.
func Do[In, Out any](t testing.TB, desk *op.Desk, o *op.Op[In, Out], in In) Out {
	t.Helper()
	if err := desk.Ledger.SealAll(context.Background()); err != nil {
		t.Fatal(err)
	}
	out, err := o.Do(t.Context(), desk, in)
	if err != nil {
		t.Fatalf("%s: %v", o.Name(), err)
	}
	return out
}
