package orgs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
)

// invited is a fresh invitation of the desk's organization.
func invited(t *testing.T, desk *op.Desk, role string) orgs.GrantedInvitation {
	t.Helper()
	return optest.Do(t, desk, orgs.Invite, orgs.InvitationWish{Role: role})
}

// guest is what a person who is new here says of themselves.
func guest(secret, email string) orgs.Acceptance {
	return orgs.Acceptance{Secret: secret, Name: "Bob", Email: email, Password: password, Organization: "Aldine Voss"}
}

// came has somebody accept an invitation of the desk's organization.
func came(t *testing.T, desk *op.Desk, role, email string) orgs.Created {
	t.Helper()
	return optest.Do(t, stranger(desk.Engine), orgs.Accept, guest(invited(t, desk, role).Secret, email))
}

// sat is the desk of a member.
func sat(t *testing.T, e *op.Engine, m orgs.Created) *op.Desk {
	t.Helper()
	d := &op.Desk{Engine: e, Org: m.Org}
	err := e.DB.Read(t.Context(), string(m.Org), func(tx *db.Tx) (err error) {
		d.Actor, err = auth.MemberActor(tx, m.Org, m.User, "page")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// turnedAway accepts an invitation in vain.
func turnedAway(t *testing.T, e *op.Engine, in orgs.Acceptance, kind fault.Kind, why string) {
	t.Helper()
	got, err := orgs.Accept.Do(t.Context(), stranger(e), in)
	if fault.KindOf(err) != kind || !strings.Contains(err.Error(), why) {
		t.Errorf("%s accepts: %+v, %v; want %s: %q", in.Email, got, err, kind, why)
	}
}

// people are the members by their addresses.
func people(t *testing.T, desk *op.Desk) map[string]auth.Role {
	t.Helper()
	out := map[string]auth.Role{}
	for _, m := range optest.Do(t, desk, orgs.Members, op.None{}).Items {
		out[m.Email] = m.Roles[0]
	}
	return out
}

func TestAnInvitationBringsOnePersonInOnce(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		inv := optest.Do(t, desk, orgs.Invite, orgs.InvitationWish{Role: "sponsor", Note: " for the board "})
		if inv.Note != "for the board" || inv.By != desk.Actor.Name || inv.Expires != optest.Start.Add(14*24*time.Hour) {
			t.Errorf("invited: %+v", inv.Invitation)
		}
		made := optest.Do(t, stranger(desk.Engine), orgs.Accept, guest(" "+inv.Secret+"\n", "Bob@Example.com"))
		bob := sat(t, desk.Engine, made)
		if made.Org != desk.Org || !cmp.Equal(bob.Actor.Roles, []auth.Role{auth.Sponsor}) {
			t.Errorf("came as %+v to %s", bob.Actor, made.Org)
		}
		if user, err := auth.NewThrottle().CheckPassword(t.Context(), desk.DB, "bob@example.com", password, desk.Clock.Now()); err != nil || user != made.User {
			t.Errorf("signs in as %s, %v", user, err)
		}
		turnedAway(t, desk.Engine, guest(inv.Secret, "eve@example.com"), fault.KindConflict, "used or taken back")
		list := optest.Do(t, desk, orgs.Invitations, op.None{})
		want := inv.Invitation
		want.Used, want.User = optest.Start, made.User
		if diff := cmp.Diff([]orgs.Invitation{want}, list.Items); diff != "" || list.Total != 1 {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
		// The entry is in the log of who invited, under the guest's name, without
		// what would open a door.
		said := entry(t, desk, desk.Org, "invitations.accept")
		if len(said) != 2 || !strings.Contains(said[canon.LabelActor], string(made.User)) || !strings.Contains(said[canon.LabelBody], string(inv.ID)) {
			t.Errorf("the entry says %v", said)
		}
		for _, text := range said {
			if strings.Contains(text, inv.Secret) || strings.Contains(text, password) {
				t.Errorf("the entry says %s", text)
			}
		}
	})
}

func TestInvitationsThatNoLongerHold(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		revoked, last, late := invited(t, desk, "employee"), invited(t, desk, "employee"), invited(t, desk, "employee")
		ref := orgs.InvitationRef{ID: string(revoked.ID)}
		if _, err := orgs.Uninvite.Do(t.Context(), optest.Found(t, desk.Engine, "Other"), ref); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("another organization takes it back: %v", err)
		}
		optest.Do(t, desk, orgs.Uninvite, ref)
		if _, err := orgs.Uninvite.Do(t.Context(), desk, ref); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("taken back twice: %v", err)
		}
		turnedAway(t, desk.Engine, guest(revoked.Secret, "bob@example.com"), fault.KindConflict, "used or taken back")
		turnedAway(t, desk.Engine, guest(last.Secret+"x", "bob@example.com"), fault.KindInvalid, "secret: no such invitation")
		turnedAway(t, desk.Engine, guest("", "bob@example.com"), fault.KindInvalid, "secret: ")
		optest.Clock(desk).Advance(14 * 24 * time.Hour)
		optest.Do(t, stranger(desk.Engine), orgs.Accept, guest(last.Secret, "bob@example.com"))
		optest.Clock(desk).Advance(time.Millisecond)
		turnedAway(t, desk.Engine, guest(late.Secret, "eve@example.com"), fault.KindConflict, "expired")
		if _, err := orgs.Uninvite.Do(t.Context(), desk, orgs.InvitationRef{ID: string(last.ID)}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("taken back when used: %v", err)
		}
	})
}

func TestAcceptRefuses(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		came(t, desk, "employee", "known@example.com")
		inv, firm := invited(t, desk, "sponsor"), invited(t, desk, orgs.AsFirm)
		optest.Member(t, desk, auth.Operator) // who has no password
		for name, c := range map[string]struct {
			secret string
			change func(*orgs.Acceptance)
			want   string
		}{
			"no password":             {inv.Secret, func(in *orgs.Acceptance) { in.Password = "" }, "password: choose"},
			"short password":          {inv.Secret, func(in *orgs.Acceptance) { in.Password = "short" }, "password: give 12 to 256"},
			"no address":              {inv.Secret, func(in *orgs.Acceptance) { in.Email = "bob" }, "email: give an address"},
			"blank name":              {inv.Secret, func(in *orgs.Acceptance) { in.Name = " " }, "name: give the name"},
			"another's password":      {inv.Secret, func(in *orgs.Acceptance) { in.Email, in.Password = "KNOWN@example.com", password+"s" }, "password: this address can sign in here already"},
			"nobody's password":       {inv.Secret, func(in *orgs.Acceptance) { in.Email = "new-operator@example.example" }, "password: this address can sign in here already"},
			"a firm without a name":   {firm.Secret, func(in *orgs.Acceptance) { in.Organization = " " }, "organization: give the name"},
			"a firm in no known zone": {firm.Secret, func(in *orgs.Acceptance) { in.Zone = "Mars/Olympus" }, "zone: give an IANA time zone"},
		} {
			in := guest(c.secret, "bob@example.com")
			c.change(&in)
			if _, err := orgs.Accept.Do(t.Context(), stranger(desk.Engine), in); fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %q", name, err, c.want)
			}
		}
		// After all that nobody came, and both are still good.
		if got := people(t, desk); len(got) != 3 {
			t.Errorf("members: %v", got)
		}
		turnedAway(t, desk.Engine, guest(inv.Secret, "known@example.com"), fault.KindConflict, "member already")
		optest.Do(t, stranger(desk.Engine), orgs.Accept, guest(inv.Secret, "bob@example.com"))
		optest.Do(t, stranger(desk.Engine), orgs.Accept, guest(firm.Secret, "voss@example.com"))
	})
}

func TestInviteRefuses(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		firm := optest.Firm(t, desk, "Aldine Voss")
		for _, c := range []struct {
			desk       *op.Desk
			role, want string
		}{
			{desk, "partner", "role: in Example a role is one of owner, "},
			{desk, "staff", "role: in Example a role is one of owner, "},
			{desk, "root", "role: "},
			{firm, "owner", "role: in Aldine Voss a role is one of partner, manager, staff"},
			{firm, orgs.AsFirm, "role: Aldine Voss is a CPA firm itself"},
		} {
			if _, err := orgs.Invite.Do(t.Context(), c.desk, orgs.InvitationWish{Role: c.role}); fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s invites %s: got %v, want %q", c.desk.Actor.Name, c.role, err, c.want)
			}
		}
		for _, d := range []*op.Desk{optest.Member(t, desk, auth.Lead), optest.Member(t, firm, auth.Manager)} {
			if _, err := orgs.Invite.Do(t.Context(), d, orgs.InvitationWish{Role: "employee"}); fault.KindOf(err) != fault.KindDenied {
				t.Errorf("%s invites: got %v, want denied", d.Actor.Name, err)
			}
		}
	})
}

func TestAPersonOfSeveralOrganizationsKeepsOnePassword(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		other := optest.Found(t, desk.Engine, "Other")
		bob := came(t, desk, "employee", "bob@example.com")
		optest.Clock(desk).Advance(time.Second)
		// They accept while they act for the first, as a program does.
		in := guest(invited(t, other, "control_owner").Secret, "bob@example.com")
		in.Name = "Robert"
		again := optest.Do(t, sat(t, desk.Engine, bob), orgs.Accept, in)
		if again.User != bob.User || again.Org != other.Org {
			t.Errorf("came as %+v, was %+v", again, bob)
		}
		d := sat(t, desk.Engine, again)
		if d.Actor.Name != "Bob" || !cmp.Equal(d.Actor.Roles, []auth.Role{auth.ControlOwner}) {
			t.Errorf("is there %+v", d.Actor)
		}
		if said := entry(t, other, other.Org, "invitations.accept"); len(said) == 0 {
			t.Error("whoever invited has no entry")
		}
		if said := entry(t, desk, desk.Org, "invitations.accept"); strings.Contains(said[canon.LabelBody], string(other.Org)) {
			t.Errorf("the first organization's log says %v", said)
		}
		var names []string
		for _, o := range optest.Do(t, d, orgs.Mine, op.None{}).Items {
			names = append(names, o.Name+" "+o.Kind)
		}
		if diff := cmp.Diff([]string{"Example service", "Other service"}, names); diff != "" {
			t.Errorf("belongs to (-want +got):\n%s", diff)
		}
		if list := optest.Do(t, desk, orgs.Mine, op.None{}); list.Total != 1 || list.Items[0].ID != desk.Org {
			t.Errorf("the owner belongs to %+v", list)
		}
	})
}

func TestTheTwoSidesAreTwoSetsOfPeople(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		optest.Do(t, stranger(desk.Engine), orgs.Accept, guest(invited(t, desk, orgs.AsFirm).Secret, "voss@example.com"))
		other := optest.Found(t, desk.Engine, "Other")
		came(t, desk, "employee", "bob@example.com")
		firm := optest.Firm(t, desk, "Brandt Ley")
		for _, c := range []struct {
			inviting    *op.Desk
			role, email string
			of          string
		}{
			{desk, "employee", "voss@example.com", "Aldine Voss"},
			{other, "owner", "voss@example.com", "Aldine Voss"},
			{firm, "staff", "bob@example.com", "Example"},
			{desk, orgs.AsFirm, "bob@example.com", "Example"},
			{other, orgs.AsFirm, "bob@example.com", "Example"},
		} {
			before := people(t, c.inviting)
			in := guest(invited(t, c.inviting, c.role).Secret, c.email)
			turnedAway(t, desk.Engine, in, fault.KindConflict, c.email+" belongs to "+c.of+". Whoever examines belongs to no organization that is examined here")
			if diff := cmp.Diff(before, people(t, c.inviting)); diff != "" {
				t.Errorf("%s as %s came (-before +after):\n%s", c.email, c.role, diff)
			}
		}
		// Two firms may share a person, and so may two that are examined.
		came(t, firm, "staff", "voss@example.com")
		came(t, other, "employee", "bob@example.com")
	})
}

func TestAnInvitedFirmBeginsWithItsPartner(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		if list := optest.Do(t, desk, orgs.Firms, op.None{}); list.Total != 0 || list.Items == nil {
			t.Errorf("before: %+v", list)
		}
		in := guest(invited(t, desk, orgs.AsFirm).Secret, "voss@example.com")
		in.Zone = "America/Chicago"
		made := optest.Do(t, stranger(desk.Engine), orgs.Accept, in)
		partner := sat(t, desk.Engine, made)
		if made.Org == desk.Org || !cmp.Equal(partner.Actor.Roles, []auth.Role{auth.Partner}) {
			t.Errorf("came as %+v to %s", partner.Actor, made.Org)
		}
		firm := optest.Do(t, partner, orgs.Get, op.None{})
		if firm.Name != "Aldine Voss" || firm.Kind != orgs.Firm || firm.Zone != "America/Chicago" {
			t.Errorf("the firm: %+v", firm)
		}
		if diff := cmp.Diff([]orgs.Org{firm}, optest.Do(t, desk, orgs.Firms, op.None{}).Items); diff != "" {
			t.Errorf("firms (-want +got):\n%s", diff)
		}
		if _, ok := people(t, desk)["voss@example.com"]; ok {
			t.Error("the partner became a member of the client")
		}
		// The client's log names the firm's partner; the firm's own is another.
		if said := entry(t, desk, desk.Org, "invitations.accept"); !strings.Contains(said[canon.LabelActor], string(made.User)) {
			t.Errorf("the client's log says %v", said)
		}
		optest.Do(t, partner, orgs.Update, orgs.Change{Name: "Aldine Voss LLP", Zone: "UTC", Version: 1})

		// Another client's invitation chooses the same firm, by its name or none.
		for i, named := range []string{" aldine voss llp ", ""} {
			client := optest.Found(t, desk.Engine, []string{"Other", "Third"}[i])
			again := guest(invited(t, client, orgs.AsFirm).Secret, "voss@example.com")
			again.Organization = named
			if got := optest.Do(t, stranger(desk.Engine), orgs.Accept, again); got != made {
				t.Errorf("named %q: came as %+v, is %+v", named, got, made)
			}
			if list := optest.Do(t, client, orgs.Firms, op.None{}); list.Total != 1 || list.Items[0].ID != made.Org {
				t.Errorf("named %q: firms are %+v", named, list)
			}
		}
		if got := people(t, partner); len(got) != 1 {
			t.Errorf("the firm's people: %v", got)
		}
		// A name of none of theirs founds another firm. Each is listed once.
		optest.Clock(desk).Advance(time.Second)
		another := optest.Do(t, stranger(desk.Engine), orgs.Accept, guest(invited(t, desk, orgs.AsFirm).Secret, "voss@example.com"))
		again := guest(invited(t, desk, orgs.AsFirm).Secret, "voss@example.com")
		again.Organization = "Aldine Voss LLP"
		optest.Do(t, stranger(desk.Engine), orgs.Accept, again)
		var ids []id.Org
		for _, o := range optest.Do(t, desk, orgs.Firms, op.None{}).Items {
			ids = append(ids, o.ID)
		}
		if diff := cmp.Diff([]id.Org{made.Org, another.Org}, ids); diff != "" {
			t.Errorf("firms (-want +got):\n%s", diff)
		}
	})
}

func TestASecondAnswerHasNoInvitation(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		d := *desk
		d.Key = "k"
		first, again := optest.Do(t, &d, orgs.Invite, orgs.InvitationWish{Role: "employee"}), optest.Do(t, &d, orgs.Invite, orgs.InvitationWish{Role: "employee"})
		if first.Secret == "" || again.Secret != "" || again.ID != first.ID {
			t.Errorf("answered %+v, then %+v", first, again)
		}
	})
}

// entry is the newest entry of an operation in an organization's log, by label.
func entry(t *testing.T, desk *op.Desk, org id.Org, does string) map[string]string {
	t.Helper()
	said, at := map[int64]map[string]string{}, int64(-1)
	err := desk.DB.Read(t.Context(), string(org), func(tx *db.Tx) error {
		list, err := desk.Ledger.Openings(tx, org, 0, 1000)
		for _, o := range list {
			if said[o.Index] == nil {
				said[o.Index] = map[string]string{}
			}
			if said[o.Index][o.Label] = o.Payload; o.Label == canon.LabelBody && strings.Contains(o.Payload, `"op":"`+does+`"`) {
				at = o.Index
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return said[at]
}
