package orgs_test

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
)

const password = "several unrelated words"

func token(t *testing.T, e *op.Engine) (s string) {
	t.Helper()
	err := e.DB.Write(t.Context(), db.All, func(tx *db.Tx) (err error) {
		s, err = auth.NewSetupToken(tx, e.Clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func creation(token string) orgs.Creation {
	return orgs.Creation{Token: token, Organization: "Example Inc", Zone: "Europe/Berlin", Name: "Ada", Email: "Ada@Example.com", Password: password}
}

// stranger is somebody before sign-in.
func stranger(e *op.Engine) *op.Desk {
	return &op.Desk{Engine: e, Actor: auth.Actor{Via: "setup"}}
}

func TestSetupMakesAnOrganizationWithItsOwnerAndLog(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		e := optest.Engine(t, d)
		in := creation(token(t, e))
		made, err := orgs.Setup.Do(t.Context(), stranger(e), in)
		if err != nil {
			t.Fatal(err)
		}
		user, err := auth.NewThrottle().CheckPassword(t.Context(), d, "ada@example.com", password, e.Clock.Now())
		if err != nil || user != made.User {
			t.Fatalf("the owner cannot sign in: %s, %v", user, err)
		}
		var secret string
		session, err := orgs.SignIn.Do(t.Context(), stranger(e), orgs.Visit{User: user, Agent: "a browser"})
		if secret = session.Secret; err != nil || session.Org != made.Org {
			t.Fatalf("signed in to %s, %v; want %s", session.Org, err, made.Org)
		}
		actor, org, err := auth.FromSession(t.Context(), d, secret, e.Clock.Now())
		if err != nil || !actor.May(auth.MembersWrite) {
			t.Fatalf("signed in as %+v, %v", actor, err)
		}
		desk := &op.Desk{Engine: e, Actor: actor, Org: org}
		got, err := orgs.Get.Do(t.Context(), desk, op.None{})
		want := orgs.Org{ID: made.Org, Name: "Example Inc", Zone: "Europe/Berlin", Kind: orgs.Service, Version: 1, Created: optest.Start}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("the organization (-want +got), %v:\n%s", err, diff)
		}
		// The log begins with its genesis, then says who did what, without
		// what would open a door.
		bodies := map[int64]string{}
		err = d.Read(t.Context(), string(org), func(tx *db.Tx) error {
			openings, err := e.Ledger.Openings(tx, org, 0, 100)
			for _, o := range openings {
				if o.Label == canon.LabelBody {
					bodies[o.Index] = o.Payload
				}
				for _, s := range []string{password, in.Token, secret} {
					if strings.Contains(o.Payload, s) {
						t.Errorf("entry %d says %s", o.Index, o.Payload)
					}
				}
			}
			return err
		})
		if err != nil || len(bodies) != 2 || !strings.Contains(bodies[1], `"op":"orgs.create"`) || !strings.Contains(bodies[2], `"op":"sessions.create"`) {
			t.Errorf("the log says %v, %v", bodies, err)
		}
		if _, err := orgs.SignOut.Do(t.Context(), desk, orgs.Leaving{Secret: secret}); err != nil {
			t.Error(err)
		}
		if _, _, err := auth.FromSession(t.Context(), d, secret, e.Clock.Now()); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("signed out, but: %v", err)
		}
	})
}

func TestSetupRefuses(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		e := optest.Engine(t, d)
		good := token(t, e)
		for name, c := range map[string]struct {
			change func(*orgs.Creation)
			want   string
		}{
			"wrong token":     {func(in *orgs.Creation) { in.Token = "setup-x" }, "token: this is not the token"},
			"no token":        {func(in *orgs.Creation) { in.Token = "" }, "token: this is not the token"},
			"no name":         {func(in *orgs.Creation) { in.Organization = "" }, "organization: "},
			"blank name":      {func(in *orgs.Creation) { in.Organization = "  " }, "organization: give the name"},
			"long name":       {func(in *orgs.Creation) { in.Organization = strings.Repeat("x", 201) }, "organization: give at most 200 characters"},
			"no such zone":    {func(in *orgs.Creation) { in.Zone = "Mars/Olympus" }, "zone: give an IANA time zone"},
			"this machine's":  {func(in *orgs.Creation) { in.Zone = "Local" }, "zone: give an IANA time zone"},
			"a file":          {func(in *orgs.Creation) { in.Zone = "../../../etc/passwd" }, "zone: give an IANA time zone"},
			"blank owner":     {func(in *orgs.Creation) { in.Name = " " }, "name: give the name"},
			"address":         {func(in *orgs.Creation) { in.Email = "ada" }, "email: give an address"},
			"password":        {func(in *orgs.Creation) { in.Password = "short" }, "password: give 12 to 256"},
			"control in name": {func(in *orgs.Creation) { in.Organization = "a\x00b" }, "organization: has a control character"},
		} {
			in := creation(good)
			c.change(&in)
			_, err := orgs.Setup.Do(t.Context(), stranger(e), in)
			if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %q", name, err, c.want)
			}
		}
		// After all that the token is still good, once.
		if _, err := orgs.Setup.Do(t.Context(), stranger(e), creation(good)); err != nil {
			t.Fatal(err)
		}
		in := creation(good)
		in.Email = "eve@example.com"
		if _, err := orgs.Setup.Do(t.Context(), stranger(e), in); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("a second time: got %v, want a conflict", err)
		}
		n := 0
		err := d.Read(t.Context(), db.All, func(tx *db.Tx) error { list, err := orgs.All(tx); n = len(list); return err })
		if err != nil || n != 1 {
			t.Errorf("%d organizations, %v; want 1", n, err)
		}
	})
}

func TestSetupIsRepeatedByItsKey(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		e := optest.Engine(t, d)
		in := creation(token(t, e))
		var made [2]orgs.Created
		for i := range made {
			desk := stranger(e)
			desk.Key = "first-run"
			var err error
			if made[i], err = orgs.Setup.Do(t.Context(), desk, in); err != nil {
				t.Fatal(err)
			}
		}
		if made[0] != made[1] || made[0].Org == "" {
			t.Errorf("answered %+v, then %+v", made[0], made[1])
		}
	})
}

func TestSetupClaimsWhatTheCommandLineFounded(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		e := optest.Engine(t, d)
		founded := optest.Found(t, e, "this machine")
		in := creation(token(t, e))
		in.Organization = " "
		if _, err := orgs.Setup.Do(t.Context(), stranger(e), in); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("a blank name: got %v, want invalid", err)
		}
		in.Organization = "Example Inc"
		made, err := orgs.Setup.Do(t.Context(), stranger(e), in)
		if err != nil || made.Org != founded.Org || made.User != founded.Actor.User {
			t.Fatalf("made %+v, %v; want that of the command line, %s", made, err, founded.Org)
		}
		got, err := orgs.Get.Do(t.Context(), founded, op.None{})
		if err != nil || got.Name != "Example Inc" || got.Zone != "Europe/Berlin" {
			t.Errorf("got %+v, %v", got, err)
		}
		if _, err := auth.NewThrottle().CheckPassword(t.Context(), d, "ada@example.com", password, e.Clock.Now()); err != nil {
			t.Errorf("its owner cannot sign in: %v", err)
		}
	})
}

func TestUpdateCarriesTheVersionItRead(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		got, err := orgs.Update.Do(t.Context(), desk, orgs.Change{Name: " New Name ", Zone: "Asia/Tokyo", Version: 1})
		if err != nil || got.Name != "New Name" || got.Zone != "Asia/Tokyo" || got.Version != 2 {
			t.Fatalf("got %+v, %v", got, err)
		}
		_, err = orgs.Update.Do(t.Context(), desk, orgs.Change{Name: "Other", Zone: "UTC", Version: 1})
		if f := fault.As(err); f == nil || f.Kind != fault.KindConflict || !cmp.Equal(f.Current, any(got)) {
			t.Errorf("stale: got %v with %+v, want a conflict with what is there", err, f)
		}
		for _, bad := range []orgs.Change{{Name: " ", Zone: "UTC", Version: 2}, {Name: "x", Zone: "Mars", Version: 2}, {Zone: "UTC", Version: 2}} {
			if _, err := orgs.Update.Do(t.Context(), desk, bad); fault.KindOf(err) != fault.KindInvalid {
				t.Errorf("%+v: got %v, want invalid", bad, err)
			}
		}
		if _, err := orgs.Update.Do(t.Context(), optest.Member(t, desk, auth.Lead), orgs.Change{Name: "x", Zone: "UTC", Version: 2}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("without the right: got %v, want denied", err)
		}
	})
}

func TestMembersAreAddedByRole(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		optest.Clock(desk).Advance(time.Second)
		in := orgs.NewMember{Name: "Bob", Email: "bob@example.com", Password: password, Role: "sponsor"}
		m, err := orgs.AddMem.Do(t.Context(), desk, in)
		if err != nil || m.Roles[0] != auth.Sponsor {
			t.Fatalf("got %+v, %v", m, err)
		}
		if _, err := orgs.AddMem.Do(t.Context(), desk, in); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("twice: got %v, want a conflict", err)
		}
		in.Email, in.Role = "eve@example.com", "root"
		if _, err := orgs.AddMem.Do(t.Context(), desk, in); fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), "role: ") {
			t.Errorf("no such role: got %v, want invalid", err)
		}
		list, err := orgs.Members.Do(t.Context(), desk, op.None{})
		if err != nil || list.Total != 2 || list.Items[1].ID != m.ID {
			t.Errorf("got %+v, %v", list, err)
		}
	})
}

func TestTokensActForWhoMadeThem(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		lead := optest.Member(t, desk, auth.Lead)
		granted, err := orgs.NewToken.Do(t.Context(), lead, orgs.TokenWish{Name: " nightly "})
		if err != nil || granted.Name != "nightly" || granted.Expires != optest.Start.Add(90*24*time.Hour) {
			t.Fatalf("got %+v, %v", granted.Token, err)
		}
		actor, org, err := auth.FromToken(t.Context(), desk.DB, granted.Secret, desk.Clock.Now())
		if err != nil || org != desk.Org || actor.User != lead.Actor.User {
			t.Fatalf("acts for %s in %s, %v", actor.User, org, err)
		}
		for _, bad := range []orgs.TokenWish{{}, {Name: " "}, {Name: "x", Days: 367}, {Name: "x", Days: -1}} {
			if _, err := orgs.NewToken.Do(t.Context(), lead, bad); fault.KindOf(err) != fault.KindInvalid {
				t.Errorf("%+v: got %v, want invalid", bad, err)
			}
		}
		if _, err := orgs.NewToken.Do(t.Context(), optest.Member(t, desk, auth.Employee), orgs.TokenWish{Name: "x"}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("without the right: got %v, want denied", err)
		}
		machine := desk.Engine.Machine(desk.Org, "m", auth.TokensWrite)
		if _, err := orgs.NewToken.Do(t.Context(), machine, orgs.TokenWish{Name: "x"}); err == nil {
			t.Error("a token that acts for nobody")
		}
		list, err := orgs.Tokens.Do(t.Context(), desk, op.None{})
		if err != nil || list.Total != 1 {
			t.Errorf("got %+v, %v", list, err)
		}
		ref := orgs.TokenRef{ID: string(granted.ID)}
		if _, err := orgs.EndToken.Do(t.Context(), optest.Member(t, desk, auth.ControlOwner), ref); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("another member ends it: got %v, want denied", err)
		}
		other := optest.Found(t, desk.Engine, "Other")
		if _, err := orgs.EndToken.Do(t.Context(), other, ref); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("another organization ends it: got %v, want not found", err)
		}
		if _, err := orgs.EndToken.Do(t.Context(), desk, orgs.TokenRef{ID: "tok_1"}); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("no id: got %v, want invalid", err)
		}
		if _, err := orgs.EndToken.Do(t.Context(), desk, ref); err != nil {
			t.Fatal(err)
		}
		if _, _, err := auth.FromToken(t.Context(), desk.DB, granted.Secret, desk.Clock.Now()); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("ended, but: %v", err)
		}
	})
}

func TestSecondAnswerHasNoSecret(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		d := *desk
		d.Key = "k"
		first, err := orgs.NewToken.Do(t.Context(), &d, orgs.TokenWish{Name: "ci"})
		if err != nil || first.Secret == "" {
			t.Fatalf("got %+v, %v", first, err)
		}
		again, err := orgs.NewToken.Do(t.Context(), &d, orgs.TokenWish{Name: "ci"})
		if err != nil || again.Secret != "" || again.ID != first.ID {
			t.Errorf("got %+v, %v; want the same token without its secret", again, err)
		}
	})
}

func TestSignInEndsTheSessionBefore(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		visit := orgs.Visit{User: desk.Actor.User, Agent: "a browser"}
		first, err := orgs.SignIn.Do(t.Context(), stranger(desk.Engine), visit)
		if err != nil {
			t.Fatal(err)
		}
		visit.Before = first.Secret
		second, err := orgs.SignIn.Do(t.Context(), stranger(desk.Engine), visit)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := auth.FromSession(t.Context(), desk.DB, first.Secret, desk.Clock.Now()); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("the session before: got %v, want denied", err)
		}
		if _, _, err := auth.FromSession(t.Context(), desk.DB, second.Secret, desk.Clock.Now()); err != nil {
			t.Error(err)
		}
	})
}

// The log must not hold what opens a door: a field with such a name is tagged.
func TestSecretFieldsAreTagged(t *testing.T) {
	telling := regexp.MustCompile(`(?i)password|secret|token|key`)
	for _, o := range orgs.Operations {
		in, _ := o.Types()
		for i := range in.NumField() {
			f := in.Field(i)
			if telling.MatchString(f.Name) && f.Type.Kind() == reflect.String && f.Tag.Get("secret") != "true" {
				t.Errorf("%s: field %s has no secret tag", o.Name(), f.Name)
			}
		}
	}
}
