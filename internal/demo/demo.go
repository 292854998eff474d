// Package demo plays an examination over the history of a real repository: a
// fictional organization, a fictional firm, and every act that an examination
// takes, from the proposal to the issued report. It does nothing that its
// people could not do: it runs their operations, on a clock that was set by
// hand, which the logs say from their first entry.
package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/git"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/sources"
)

// A Stage is where the story plays.
type Stage struct {
	*op.Engine
	Clock  *clock.Moved
	Reader *sources.Reader
	// Git is the repository whose history is examined. A year makes its own,
	// below Dir.
	Git, Dir string
	// Until ends a year early, for those who want its beginning; zero tells all.
	Until time.Time
	// Say is told of each act; it may be nil.
	Say func(at time.Time, who, what string)

	client, firm id.Org
	desks        map[string]*op.Desk // by role
	engagement   string
	source       id.Source
	starts, ends time.Time // first and last day
	controls     map[string]id.Control
	documents    map[string]string // evidence by control
	reviews      []string          // of the months, as lists take them

	// Of the year.
	staff     []worker
	base      *codebase
	changed   []change
	feeds     map[string]id.Source // by name
	exception id.Exception
}

// Account is somebody who can sign in.
type Account struct{ Name, Email, Role, Of string }

// Accounts lists the people of the story.
func Accounts() []Account {
	return accountsOf(ines, jonas, mei, tomas, priya, rashid, voss, thiel, dana)
}

// AccountsOfTheYear are those and two more, who use the program without looking
// after it.
func AccountsOfTheYear() []Account {
	return accountsOf(ines, jonas, mei, tomas, priya, rashid, greta, lukas, voss, thiel, dana)
}

func accountsOf(all ...person) []Account {
	var out []Account
	for _, p := range all {
		of := client
		if auth.IsFirm(auth.Role(p.role)) {
			of = firm
		}
		out = append(out, Account{p.name, p.email, p.role, of})
	}
	return out
}

// months is the length of the period.
const months = 3

// Play makes the organization, its firm and their engagement, up to the issued
// report, over the history of a repository that lies at hand.
func (s *Stage) Play(ctx context.Context) error {
	newest, err := git.Newest(s.Git)
	if err != nil {
		return err
	}
	month := time.Date(newest.Year(), newest.Month(), 1, 0, 0, 0, 0, time.UTC)
	s.begin(month.AddDate(0, 1-months, 0))
	for _, act := range []struct {
		at time.Time
		do func(context.Context) error
	}{
		{s.day(-20, 9), s.found},
		{s.day(-15, 10), s.program},
		{s.day(-8, 11), s.engage},
		{s.day(-2, 14), s.plan},
		{s.day(0, 9), s.observe},
		{s.after(2, 9), s.close},
		{s.after(4, 9), s.fieldwork},
		{s.after(9, 13), s.conclude},
		{s.after(14, 10), s.report},
	} {
		s.Clock.Set(act.at)
		if err := act.do(ctx); err != nil {
			return err
		}
	}
	s.Clock.Set(s.Clock.Now())
	return s.Ledger.SealAll(ctx)
}

// begin sets the period of the examination, before anything happens.
func (s *Stage) begin(starts time.Time) {
	s.desks, s.controls, s.documents, s.feeds = map[string]*op.Desk{}, map[string]id.Control{}, map[string]string{}, map[string]id.Source{}
	s.starts, s.ends = starts, starts.AddDate(0, months, -1)
}

// day is an hour of a day counted from the period's first.
func (s *Stage) day(n, hour int) time.Time {
	return s.starts.AddDate(0, 0, n).Add(time.Duration(hour) * time.Hour)
}

// after is an hour of a day counted from the period's last.
func (s *Stage) after(n, hour int) time.Time {
	return s.ends.AddDate(0, 0, n).Add(time.Duration(hour) * time.Hour)
}

// do runs an operation as somebody, a minute after the one before.
func do[In, Out any](ctx context.Context, s *Stage, role string, o *op.Op[In, Out], in In) (Out, error) {
	s.Clock.Hold(s.Engine.Clock.Now().Add(time.Minute))
	desk := s.desks[role]
	out, err := o.Do(ctx, desk, in)
	if err != nil {
		return out, fmt.Errorf("%s by %s: %w", o.Name(), desk.Actor.Name, err)
	}
	if s.Say != nil && o.Writes() {
		s.Say(s.Engine.Clock.Now(), desk.Actor.Name, o.Summary())
	}
	return out, nil
}

// must is do for whom the answer does not matter.
func must[In, Out any](ctx context.Context, s *Stage, role string, o *op.Op[In, Out], in In) error {
	_, err := do(ctx, s, role, o, in)
	return err
}

// sit gives somebody their desk.
func (s *Stage) sit(ctx context.Context, role string, org id.Org, user id.User) error {
	desk := &op.Desk{Engine: s.Engine, Org: org}
	err := s.DB.Read(ctx, string(org), func(tx *db.Tx) (err error) {
		desk.Actor, err = auth.MemberActor(tx, org, user, "demo")
		return err
	})
	s.desks[role] = desk
	return err
}

func (s *Stage) found(ctx context.Context) error {
	s.desks[""] = &op.Desk{Engine: s.Engine, Actor: auth.Actor{Name: "demo", Via: "demo"}}
	made, err := do(ctx, s, "", orgs.Found, orgs.Founding{Demo: true, Creation: orgs.Creation{Organization: client, Zone: "UTC",
		Name: ines.name, Email: ines.email, Password: Password}})
	if err != nil {
		return err
	}
	s.client = made.Org
	if err := s.sit(ctx, "owner", made.Org, made.User); err != nil {
		return err
	}
	for _, p := range []person{jonas, mei, tomas, priya, rashid} {
		if err := s.join(ctx, "owner", p, s.client); err != nil {
			return err
		}
	}
	return must(ctx, s, "compliance_lead", scopes.Set, scopes.Decision{Requester: "Portside Bank", Type: scopes.TypeII, System: "Larchmere Cloud",
		Included: "The service, its source code and the people who change it.", Excluded: "Laptops of visitors: they reach nothing.",
		Starts: s.starts.Format(time.DateOnly), Ends: s.ends.Format(time.DateOnly)})
}

// join adds a person by an invitation.
func (s *Stage) join(ctx context.Context, host string, p person, org id.Org) error {
	inv, err := do(ctx, s, host, orgs.Invite, orgs.InvitationWish{Role: p.role, Note: p.name})
	if err != nil {
		return err
	}
	in := orgs.Acceptance{Secret: inv.Secret, Name: p.name, Email: p.email, Password: Password}
	s.desks[""].Actor.Name = p.name
	made, err := do(ctx, s, "", orgs.Accept, in)
	if err != nil {
		return err
	}
	return s.sit(ctx, p.seat(), org, made.User)
}

// program puts the controls in place and reads the repository once.
func (s *Stage) program(ctx context.Context) error {
	for _, x := range story {
		made, err := do(ctx, s, "compliance_lead", controls.Create, controls.Own{Code: x.code, Title: x.title, Text: x.text, Criteria: x.criteria,
			Frequency: x.frequency, Owner: string(s.desks["control_owner"].Actor.User), Key: true})
		if err != nil {
			return err
		}
		s.controls[x.code] = made.ID
		if err := must(ctx, s, "compliance_lead", controls.Implement, controls.Statement{ID: x.code, Text: "In place: " + x.text, Version: made.Version}); err != nil {
			return err
		}
	}
	src, err := do(ctx, s, "compliance_lead", sources.Create, sources.Connection{Kind: "git", Name: "git-main", Path: s.Git})
	s.source = src.ID
	return err
}

// engage invites the firm, which accepts what is proposed.
func (s *Stage) engage(ctx context.Context) error {
	inv, err := do(ctx, s, "owner", orgs.Invite, orgs.InvitationWish{Role: orgs.AsFirm, Note: firm})
	if err != nil {
		return err
	}
	s.desks[""].Actor.Name = voss.name
	made, err := do(ctx, s, "", orgs.Accept, orgs.Acceptance{Secret: inv.Secret, Name: voss.name, Email: voss.email, Password: Password, Organization: firm, Zone: "UTC"})
	if err != nil {
		return err
	}
	s.firm = made.Org
	if err := s.sit(ctx, "partner", made.Org, made.User); err != nil {
		return err
	}
	for _, p := range []person{thiel, dana} {
		if err := s.join(ctx, "partner", p, s.firm); err != nil {
			return err
		}
	}
	e, err := do(ctx, s, "compliance_lead", engagements.Propose, engagements.Proposal{Name: fmt.Sprintf("%s %d", client, s.ends.Year()), Firm: string(s.firm),
		Type: scopes.TypeII, Starts: s.starts.Format(time.DateOnly), Ends: s.ends.Format(time.DateOnly)})
	if err != nil {
		return err
	}
	s.engagement = string(e.ID)
	return must(ctx, s, "partner", engagements.Accept, engagements.Acceptance{ID: s.engagement,
		Independence: "No member of the team has an interest in Larchmere, and the firm does nothing else for it."})
}

func (s *Stage) advance(ctx context.Context, role string, to engagements.State) error {
	return must(ctx, s, role, engagements.Advance, engagements.Advancing{ID: s.engagement, To: string(to)})
}

// show hands in a document as evidence.
func (s *Stage) show(ctx context.Context, title, text string, bears ...string) (string, error) {
	desk := s.desks["control_owner"]
	sealed, err := s.Vault.Store(ctx, desk.Org, []byte(text+"\n"), s.Engine.Clock.Now())
	if err != nil {
		return "", err
	}
	in := evidence.Submission{Blob: sealed.Address, Title: title, MediaType: "text/plain", Origin: "handbook", Location: "handbook/" + title, Account: "larchmere",
		Captured: s.Engine.Clock.Now().Add(-20 * time.Minute), Level: 5}
	for _, code := range bears {
		in.Controls = append(in.Controls, string(s.controls[code]))
	}
	r, err := do(ctx, s, "control_owner", evidence.Submit, in)
	return string(r.ID), err
}
