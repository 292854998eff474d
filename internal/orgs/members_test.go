package orgs_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
)

func ref(d *op.Desk) orgs.MemberRef { return orgs.MemberRef{ID: string(d.Actor.User)} }

func as(d *op.Desk, role string) orgs.RoleChange {
	return orgs.RoleChange{ID: string(d.Actor.User), Role: role}
}

// signedIn is a browser's session of a person.
func signedIn(t *testing.T, e *op.Engine, user id.User) orgs.Session {
	t.Helper()
	return optest.Do(t, stranger(e), orgs.SignIn, orgs.Visit{User: user, Agent: "a browser"})
}

// stays reports whether a session is good, and where.
func stays(t *testing.T, e *op.Engine, s orgs.Session) (id.Org, bool) {
	t.Helper()
	_, org, err := auth.FromSession(t.Context(), e.DB, s.Secret, e.Clock.Now())
	if err != nil && fault.KindOf(err) != fault.KindDenied {
		t.Fatal(err)
	}
	return org, err == nil
}

func TestAMembersRoleIsChanged(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		lead := optest.Member(t, desk, auth.Lead)
		got := optest.Do(t, desk, orgs.SetRole, as(lead, "sponsor"))
		if !cmp.Equal(got.Roles, []auth.Role{auth.Sponsor}) || got.ID != lead.Actor.User {
			t.Errorf("answered %+v", got)
		}
		now := sat(t, desk.Engine, orgs.Created{Org: desk.Org, User: lead.Actor.User})
		if now.Actor.May(auth.TokensWrite) || people(t, desk)[lead.Actor.Email] != auth.Sponsor {
			t.Errorf("is now %+v", now.Actor)
		}
		if said := entry(t, desk, desk.Org, "members.update")[canon.LabelBody]; !strings.Contains(said, string(lead.Actor.User)) || !strings.Contains(said, "sponsor") {
			t.Errorf("the entry says %s", said)
		}
		other, firm := optest.Found(t, desk.Engine, "Other"), optest.Firm(t, desk, "Aldine Voss")
		for name, c := range map[string]struct {
			desk *op.Desk
			in   orgs.RoleChange
			kind fault.Kind
			want string
		}{
			"a firm's role":                    {desk, as(lead, "manager"), fault.KindInvalid, "role: in Example a role is one of owner, "},
			"an examined organization's role":  {firm, as(firm, "owner"), fault.KindInvalid, "role: in Aldine Voss a role is one of partner, manager, staff"},
			"no role":                          {desk, as(lead, "root"), fault.KindInvalid, "role: "},
			"a firm as one person":             {desk, as(lead, orgs.AsFirm), fault.KindInvalid, "role: "},
			"no id":                            {desk, orgs.RoleChange{ID: "ada", Role: "sponsor"}, fault.KindInvalid, ""},
			"a member of another organization": {desk, as(other, "sponsor"), fault.KindNotFound, "no member"},
			"without the right":                {now, as(desk, "sponsor"), fault.KindDenied, "members:write"},
		} {
			if _, err := orgs.SetRole.Do(t.Context(), c.desk, c.in); fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %s: %q", name, err, c.kind, c.want)
			}
		}
		if _, err := orgs.Remove.Do(t.Context(), desk, ref(other)); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("removes a member of another organization: %v", err)
		}
		if _, err := orgs.Remove.Do(t.Context(), now, ref(desk)); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("removes without the right: %v", err)
		}
	})
}

func TestOneWhoKeepsTheMembersStays(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		firm := optest.Firm(t, desk, "Aldine Voss")
		optest.Member(t, desk, auth.Lead)
		optest.Member(t, firm, auth.Manager)
		for _, d := range []*op.Desk{desk, firm} {
			role := string(d.Actor.Roles[0])
			lesser := map[string]string{"owner": "compliance_lead", "partner": "manager"}[role]
			_, err := orgs.Remove.Do(t.Context(), d, ref(d))
			if _, err2 := orgs.SetRole.Do(t.Context(), d, as(d, lesser)); fault.KindOf(err) != fault.KindConflict || fault.KindOf(err2) != fault.KindConflict || !strings.Contains(err2.Error(), "Make another person "+role+" first") {
				t.Errorf("the last %s goes: %v; becomes %s: %v", role, err, lesser, err2)
			}
			optest.Do(t, d, orgs.SetRole, as(d, role)) // which changes nothing
			second := optest.Member(t, d, d.Actor.Roles[0])
			optest.Do(t, d, orgs.SetRole, as(d, lesser))
			if _, err := orgs.Remove.Do(t.Context(), second, ref(second)); fault.KindOf(err) != fault.KindConflict {
				t.Errorf("the second %s, now the last, goes: %v", role, err)
			}
			optest.Do(t, second, orgs.Remove, ref(d))
		}
	})
}

// Two who may both keep members do not both go, each relying on the other.
func TestTwoWhoKeepTheMembersDoNotBothGo(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		second := optest.Member(t, desk, auth.Owner)
		optest.Member(t, desk, auth.Lead)
		for range 5 {
			var work sync.WaitGroup
			errs := make([]error, 2)
			for i, pair := range [][2]*op.Desk{{desk, second}, {second, desk}} {
				work.Go(func() { _, errs[i] = orgs.SetRole.Do(t.Context(), pair[0], as(pair[1], "sponsor")) })
			}
			work.Wait()
			var keeper *op.Desk
			for i, d := range []*op.Desk{desk, second} {
				if people(t, desk)[d.Actor.Email] == auth.Owner {
					keeper = d
				}
				if errs[i] != nil && fault.KindOf(errs[i]) != fault.KindConflict {
					t.Fatal(errs[i])
				}
			}
			if keeper == nil {
				t.Fatalf("nobody keeps the members any more: %v", people(t, desk))
			}
			optest.Do(t, keeper, orgs.SetRole, as(desk, "owner"))
			optest.Do(t, keeper, orgs.SetRole, as(second, "owner"))
		}
	})
}

func TestARemovedMemberIsOut(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		e := desk.Engine
		bob := came(t, desk, "compliance_lead", "bob@example.com")
		d := sat(t, e, bob)
		session, token := signedIn(t, e, bob.User), optest.Do(t, d, orgs.NewToken, orgs.TokenWish{Name: "ci"})
		hers := optest.Do(t, desk, orgs.NewToken, orgs.TokenWish{Name: "ci"})
		optest.Do(t, desk, orgs.Remove, orgs.MemberRef{ID: string(bob.User)})

		out := func(when string) {
			t.Helper()
			if _, ok := stays(t, e, session); ok {
				t.Errorf("%s: the session is good", when)
			}
			if _, _, err := auth.FromToken(t.Context(), e.DB, token.Secret, e.Clock.Now()); fault.KindOf(err) != fault.KindDenied {
				t.Errorf("%s: the token: %v", when, err)
			}
		}
		out("removed")
		if _, err := orgs.SignIn.Do(t.Context(), stranger(e), orgs.Visit{User: bob.User}); fault.KindOf(err) != fault.KindDenied || !strings.Contains(err.Error(), "belongs to no organization") {
			t.Errorf("signs in: %v", err)
		}
		if _, ok := people(t, desk)["bob@example.com"]; ok {
			t.Error("is listed still")
		}
		if _, err := orgs.Remove.Do(t.Context(), desk, orgs.MemberRef{ID: string(bob.User)}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("removed twice: %v", err)
		}
		if _, err := orgs.SetRole.Do(t.Context(), desk, orgs.RoleChange{ID: string(bob.User), Role: "owner"}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("given a role: %v", err)
		}
		if _, _, err := auth.FromToken(t.Context(), e.DB, hers.Secret, e.Clock.Now()); err != nil {
			t.Errorf("another's token ended with it: %v", err)
		}

		// They come back by an invitation, and what they had does not.
		if again := came(t, desk, "employee", "bob@example.com"); again != bob || people(t, desk)["bob@example.com"] != auth.Employee {
			t.Errorf("came back as %+v, was %+v: %v", again, bob, people(t, desk))
		}
		out("back")
		if s := signedIn(t, e, bob.User); s.Org != desk.Org {
			t.Errorf("signed in to %s", s.Org)
		}
	})
}

func TestWhoeverIsRemovedHereStaysElsewhere(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		e, other := desk.Engine, optest.Found(t, desk.Engine, "Other")
		bob := came(t, desk, "employee", "bob@example.com")
		optest.Clock(desk).Advance(time.Second)
		came(t, other, "employee", "bob@example.com")
		there := signedIn(t, e, bob.User)
		optest.Do(t, sat(t, e, bob), orgs.Move, orgs.Going{Org: other.Org, Secret: there.Secret})
		optest.Do(t, desk, orgs.Remove, orgs.MemberRef{ID: string(bob.User)})
		if org, ok := stays(t, e, there); !ok || org != other.Org {
			t.Errorf("the session there: %s, %t", org, ok)
		}
		if s := signedIn(t, e, bob.User); s.Org != other.Org {
			t.Errorf("signed in to %s, want %s", s.Org, other.Org)
		}
		list := optest.Do(t, sat(t, e, orgs.Created{Org: other.Org, User: bob.User}), orgs.Mine, op.None{})
		if list.Total != 1 || list.Items[0].ID != other.Org {
			t.Errorf("belongs to %+v", list)
		}
	})
}

func TestASessionMovesAmongOnesOwnOrganizations(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		e, other, third := desk.Engine, optest.Found(t, desk.Engine, "Other"), optest.Found(t, desk.Engine, "Third")
		bob := came(t, desk, "employee", "bob@example.com")
		optest.Clock(desk).Advance(time.Second)
		came(t, other, "control_owner", "bob@example.com")
		d, session, second := sat(t, e, bob), signedIn(t, e, bob.User), signedIn(t, e, bob.User)
		if session.Org != desk.Org {
			t.Fatalf("signed in to %s", session.Org)
		}
		for name, to := range map[string]id.Org{"a stranger's": third.Org, "none": "org_none", "all": "*", "empty": ""} {
			if _, err := orgs.Move.Do(t.Context(), d, orgs.Going{Org: to, Secret: session.Secret}); fault.KindOf(err) != fault.KindNotFound {
				t.Errorf("to %s: got %v, want not found", name, err)
			}
		}
		if _, err := orgs.Move.Do(t.Context(), d, orgs.Going{Org: other.Org, Secret: signedIn(t, e, desk.Actor.User).Secret}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("another's session: got %v, want denied", err)
		}
		if org, _ := stays(t, e, session); org != desk.Org {
			t.Errorf("it is in %s after all that", org)
		}
		optest.Do(t, d, orgs.Move, orgs.Going{Org: other.Org, Secret: session.Secret})
		actor, org, err := auth.FromSession(t.Context(), e.DB, session.Secret, e.Clock.Now())
		if err != nil || org != other.Org || !cmp.Equal(actor.Roles, []auth.Role{auth.ControlOwner}) {
			t.Errorf("acts as %+v in %s, %v", actor, org, err)
		}
		if org, _ := stays(t, e, second); org != desk.Org {
			t.Errorf("their other session went to %s as well", org)
		}
		said := entry(t, other, other.Org, "sessions.move")
		if !strings.Contains(said[canon.LabelActor], string(bob.User)) || strings.Contains(said[canon.LabelBody], session.Secret) {
			t.Errorf("the log of where they went says %v", said)
		}
	})
}

func TestANewPasswordEndsEveryOtherSession(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		const next = "four other unrelated words"
		e, other := desk.Engine, optest.Found(t, desk.Engine, "Other")
		bob := came(t, desk, "employee", "bob@example.com")
		optest.Clock(desk).Advance(time.Second)
		came(t, other, "employee", "bob@example.com")
		d := sat(t, e, bob)
		here, beside, away, another := signedIn(t, e, bob.User), signedIn(t, e, bob.User), signedIn(t, e, bob.User), signedIn(t, e, desk.Actor.User)
		optest.Do(t, d, orgs.Move, orgs.Going{Org: other.Org, Secret: away.Secret})
		for name, c := range map[string]struct {
			in   orgs.PasswordChange
			want string
		}{
			"not the one before": {orgs.PasswordChange{Current: next, New: next, Secret: here.Secret}, "current: this is not your password"},
			"none":               {orgs.PasswordChange{New: next, Secret: here.Secret}, "current: this is not your password"},
			"a short one":        {orgs.PasswordChange{Current: password, New: "short", Secret: here.Secret}, "new: give 12 to 256"},
			"an empty one":       {orgs.PasswordChange{Current: password, Secret: here.Secret}, "new: give 12 to 256"},
		} {
			if _, err := orgs.NewPassword.Do(t.Context(), d, c.in); fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %q", name, err, c.want)
			}
		}
		if _, ok := stays(t, e, beside); !ok {
			t.Error("a refused change ended a session")
		}
		optest.Do(t, d, orgs.NewPassword, orgs.PasswordChange{Current: password, New: next, Secret: here.Secret})
		for name, c := range map[string]struct {
			s    orgs.Session
			want bool
		}{"this": {here, true}, "that beside it": {beside, false}, "that in another organization": {away, false}, "another's": {another, true}} {
			if _, ok := stays(t, e, c.s); ok != c.want {
				t.Errorf("%s session is good: %t", name, ok)
			}
		}
		throttle := auth.NewThrottle()
		if _, err := throttle.CheckPassword(t.Context(), e.DB, "bob@example.com", password, e.Clock.Now()); err == nil {
			t.Error("the password before still opens")
		}
		if user, err := throttle.CheckPassword(t.Context(), e.DB, "bob@example.com", next, e.Clock.Now()); err != nil || user != bob.User {
			t.Errorf("the new one opens for %s, %v", user, err)
		}
		for _, text := range entry(t, desk, desk.Org, "passwords.change") {
			if strings.Contains(text, password) || strings.Contains(text, next) || strings.Contains(text, here.Secret) {
				t.Errorf("the log says %s", text)
			}
		}
		// Who has no password cannot make one: there is nothing to prove it by.
		if _, err := orgs.NewPassword.Do(t.Context(), desk, orgs.PasswordChange{New: next, Secret: another.Secret}); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("from none: %v", err)
		}
	})
}
