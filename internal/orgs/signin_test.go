package orgs_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/mail"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
)

// codeOf is what a program that makes codes shows, written apart from ours.
func codeOf(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(secret, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha1.New, key)
	binary.Write(m, binary.BigEndian, uint64(at.Unix()/30))
	sum := m.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[19]&15:]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%1_000_000)
}

// enrol gives the desk's person a program that makes codes, and returns its
// secret and the recovery codes.
func enrol(t *testing.T, desk *op.Desk) (string, []string) {
	t.Helper()
	e := optest.Do(t, desk, orgs.BeginTOTP, orgs.Naming{Where: "Tickmark"})
	g := optest.Do(t, desk, orgs.ConfirmTOTP, orgs.CodeGiven{Code: codeOf(t, e.Secret, desk.Clock.Now())})
	return e.Secret, g.Codes
}

func door(desk *op.Desk) *op.Desk {
	return &op.Desk{Engine: desk.Engine, Actor: auth.Actor{Via: "page"}, From: "192.0.2.7"}
}

func TestSecondFactorIsDemandedAtTheDoorWhicheverWayOneComes(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		secret, codes := enrol(t, desk)
		if len(codes) != 10 {
			t.Fatalf("%d recovery codes, want 10", len(codes))
		}
		in := func(code string) error {
			_, err := orgs.SignIn.Do(t.Context(), door(desk), orgs.Visit{User: desk.Actor.User, Code: code})
			return err
		}
		if err := in(""); !errors.Is(err, orgs.ErrSecond) {
			t.Errorf("without a code: %v", err)
		}
		// The code that confirmed the program opens nothing any more.
		if err := in(codeOf(t, secret, desk.Clock.Now())); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("a code twice: %v", err)
		}
		optest.Clock(desk).Advance(30 * time.Second)
		now := codeOf(t, secret, desk.Clock.Now())
		if err := in(now[:3] + " " + now[3:]); err != nil {
			t.Errorf("the code of now: %v", err)
		}
		if err := in(now); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("the same code again: %v", err)
		}
		if err := in(strings.ToUpper(codes[3])); err != nil {
			t.Errorf("a recovery code: %v", err)
		}
		if err := in(codes[3]); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("a recovery code again: %v", err)
		}
		again := optest.Do(t, desk, orgs.NewCodes, op.None{})
		if err := in(codes[4]); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("a recovery code of before: %v", err)
		}
		if err := in(again.Codes[0]); err != nil {
			t.Errorf("a new recovery code: %v", err)
		}
		list := optest.Do(t, desk, orgs.Sessions, op.None{})
		if list.Total != 3 || list.Items[0].Address != "192.0.2.7" {
			t.Errorf("sessions: %+v", list.Items)
		}
	})
}

// The secrets that people keep must be nowhere in clear.
func TestSecondFactorsAreStoredSealedAndHashed(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		secret, codes := enrol(t, desk)
		raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(secret, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		err = desk.DB.Read(t.Context(), db.All, func(tx *db.Tx) error {
			for _, q := range []string{"SELECT sealed FROM users_totp", "SELECT hash FROM users_code", "SELECT wrapped FROM blob_installation"} {
				if err := tx.Each(q, nil, func(scan func(...any) error) error {
					var b []byte
					err := scan(&b)
					all = append(all, string(b))
					return err
				}); err != nil {
					return err
				}
			}
			return tx.Each("SELECT payload FROM ledger_opening", nil, func(scan func(...any) error) error {
				var s string
				err := scan(&s)
				all = append(all, s)
				return err
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(all) < 12 {
			t.Fatalf("%d texts read", len(all))
		}
		for _, s := range all {
			if strings.Contains(s, string(raw)) || strings.Contains(s, strings.ReplaceAll(secret, " ", "")) || strings.Contains(s, codes[0]) {
				t.Errorf("in clear: %q", s)
			}
		}
	})
}

func TestFactorsChangeOnlyForWhoSaidAMomentAgoWhoTheyAre(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		other := optest.Member(t, desk, auth.Employee)
		at := func(d time.Duration) *op.Desk {
			x := *desk
			x.Actor.Signed = desk.Clock.Now().Add(-d)
			return &x
		}
		for _, c := range []struct {
			name string
			act  func(*op.Desk) error
		}{
			{"begin", func(d *op.Desk) error { _, err := orgs.BeginTOTP.Do(t.Context(), d, orgs.Naming{}); return err }},
			{"role", func(d *op.Desk) error {
				_, err := orgs.SetRole.Do(t.Context(), d, orgs.RoleChange{ID: string(other.Actor.User), Role: "employee"})
				return err
			}},
			{"recover", func(d *op.Desk) error {
				_, err := orgs.Recover.Do(t.Context(), d, orgs.Rescue{ID: string(other.Actor.User)})
				return err
			}},
			{"deactivate", func(d *op.Desk) error {
				_, err := orgs.Rest.Do(t.Context(), d, orgs.MemberRef{ID: string(other.Actor.User)})
				return err
			}},
		} {
			if err := c.act(at(11 * time.Minute)); !errors.Is(err, auth.ErrProve) {
				t.Errorf("%s after 11 minutes: %v", c.name, err)
			}
			if err := c.act(at(9 * time.Minute)); err != nil {
				t.Errorf("%s after 9 minutes: %v", c.name, err)
			}
		}
		if _, err := orgs.Remove.Do(t.Context(), at(time.Hour), orgs.MemberRef{ID: string(other.Actor.User)}); !errors.Is(err, auth.ErrProve) {
			t.Errorf("remove after an hour: %v", err)
		}
	})
}

func TestARequiredSecondFactorIsAGateForBrowsersAndNotForTokens(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		lead := optest.Member(t, desk, auth.Lead)
		s, err := orgs.SignIn.Do(t.Context(), door(desk), orgs.Visit{User: lead.Actor.User})
		if err != nil {
			t.Fatal(err)
		}
		token := optest.Do(t, lead, orgs.NewToken, orgs.TokenWish{Name: "CI"})
		read := func() (err error) {
			d := *lead
			if d.Actor, d.Org, err = auth.FromSession(t.Context(), desk.DB, s.Secret, desk.Clock.Now()); err != nil {
				t.Fatal(err)
			}
			_, err = orgs.Get.Do(t.Context(), &d, op.None{})
			return err
		}
		if err := read(); err != nil {
			t.Fatal(err)
		}
		optest.Do(t, desk, orgs.SetDoor, orgs.DoorChange{SecondFactor: true, IdleHours: 12})
		if err := read(); fault.KindOf(err) != fault.KindDenied || !strings.Contains(err.Error(), "/settings/sign-in") {
			t.Errorf("without a factor: %v", err)
		}
		d := *lead
		if d.Actor, _, err = auth.FromToken(t.Context(), desk.DB, token.Secret, desk.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := orgs.Get.Do(t.Context(), &d, op.None{}); err != nil {
			t.Errorf("with a token: %v", err)
		}
		enrol(t, lead)
		if err := read(); err != nil {
			t.Errorf("with a factor: %v", err)
		}
		if _, err := orgs.RemoveTOTP.Do(t.Context(), lead, op.None{}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("the last factor went: %v", err)
		}
		// Sessions end after the time that the organization chose.
		v := optest.Do(t, desk, orgs.GetDoor, op.None{}).Version
		optest.Do(t, desk, orgs.SetDoor, orgs.DoorChange{SecondFactor: true, IdleHours: 1, Version: v})
		optest.Clock(desk).Advance(61 * time.Minute)
		if _, _, err := auth.FromSession(t.Context(), desk.DB, s.Secret, desk.Clock.Now()); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("after an hour without use: %v", err)
		}
		if _, err := orgs.SetDoor.Do(t.Context(), desk, orgs.DoorChange{IdleHours: 2, Version: v}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("a stale change: %v", err)
		}
	})
}

func TestRecoveryByAnOwnerIsGoodOnceEndsSessionsAndStandsInTheLog(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		lead := optest.Member(t, desk, auth.Lead)
		_, _ = enrol(t, lead)
		s, err := orgs.SignIn.Do(t.Context(), door(desk), orgs.Visit{User: lead.Actor.User, Code: optest.Do(t, lead, orgs.NewCodes, op.None{}).Codes[0]})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := orgs.Recover.Do(t.Context(), desk, orgs.Rescue{ID: string(desk.Actor.User)}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("oneself: %v", err)
		}
		first := optest.Do(t, desk, orgs.Recover, orgs.Rescue{ID: string(lead.Actor.User)})
		r := optest.Do(t, desk, orgs.Recover, orgs.Rescue{ID: string(lead.Actor.User), Factors: true})
		use := func(secret, password string) error {
			_, err := orgs.UseRecovery.Do(t.Context(), door(desk), orgs.Anew{Secret: secret, Password: password})
			return err
		}
		if err := use(first.Secret, password); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("a link before the newest: %v", err)
		}
		if err := use("again-nothing", password); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("no link: %v", err)
		}
		if err := use(r.Secret, "short"); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("a short password: %v", err)
		}
		if err := use(r.Secret, password); err != nil {
			t.Fatal(err)
		}
		if err := use(r.Secret, password); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("the link again: %v", err)
		}
		if _, _, err := auth.FromSession(t.Context(), desk.DB, s.Secret, desk.Clock.Now()); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("the session lives: %v", err)
		}
		if _, err := orgs.SignIn.Do(t.Context(), door(desk), orgs.Visit{User: lead.Actor.User}); err != nil {
			t.Errorf("the second factors stayed: %v", err)
		}
		log := logOf(t, desk)
		for _, want := range []string{`"op":"members.recover"`, `"op":"recoveries.use"`} {
			if !strings.Contains(log, want) {
				t.Errorf("the log does not say %s", want)
			}
		}
		if strings.Contains(log, r.Secret) {
			t.Error("the log holds the link")
		}
		late := optest.Do(t, desk, orgs.Recover, orgs.Rescue{ID: string(lead.Actor.User)})
		optest.Clock(desk).Advance(auth.RecoveryByHand + time.Second)
		if err := use(late.Secret, password); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("a link after its time: %v", err)
		}
	})
}

// logOf is all that the log says in clear to whoever has it.
func logOf(t *testing.T, desk *op.Desk) string {
	t.Helper()
	var b strings.Builder
	err := desk.DB.Read(t.Context(), db.All, func(tx *db.Tx) error {
		return tx.Each("SELECT payload FROM ledger_opening WHERE org_id = ?", []any{desk.Org}, func(scan func(...any) error) error {
			var s string
			err := scan(&s)
			b.WriteString(s + "\n")
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// An owner must not come into another organization through somebody who belongs
// to both.
func TestRecoveryNeverLetsOneOrganizationIntoAnother(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		other := optest.Found(t, desk.Engine, "Other")
		inv := optest.Do(t, desk, orgs.Invite, orgs.InvitationWish{Role: "employee"})
		inv2 := optest.Do(t, other, orgs.Invite, orgs.InvitationWish{Role: "owner"})
		made := optest.Do(t, door(desk), orgs.Accept, orgs.Acceptance{Secret: inv.Secret, Name: "Bo", Email: "bo@example.com", Password: password})
		optest.Do(t, door(desk), orgs.Accept, orgs.Acceptance{Secret: inv2.Secret, Name: "Bo", Email: "bo@example.com", Password: password})
		for name, in := range map[string]orgs.Rescue{"by hand": {Hand: true}, "with the factors": {Factors: true}, "without letters": {}} {
			in.ID = string(made.User)
			if _, err := orgs.Recover.Do(t.Context(), desk, in); fault.KindOf(err) != fault.KindConflict {
				t.Errorf("%s: %v", name, err)
			}
		}
		// Nor may an address be tried where organizations share the sign-in.
		for _, email := range []string{"bo@example.com", "nobody@example.com"} {
			_, err := orgs.AddMem.Do(t.Context(), desk, orgs.NewMember{Name: "X", Email: email, Password: password, Role: "employee"})
			if !errors.Is(err, orgs.ErrShared) {
				t.Errorf("%s: %v", email, err)
			}
		}
	})
}

func TestTheHostLetsAnOwnerBackInAndTheLogSaysSo(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		host := &op.Desk{Engine: desk.Engine, Actor: auth.Actor{Name: "operator on the host", Via: "host"}}
		if _, err := orgs.HostRecover.Do(t.Context(), host, orgs.Hosted{Org: desk.Org}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("an owner without a password: %v", err)
		}
		inv := optest.Do(t, desk, orgs.Invite, orgs.InvitationWish{Role: "owner"})
		made := optest.Do(t, door(desk), orgs.Accept, orgs.Acceptance{Secret: inv.Secret, Name: "Bo", Email: "bo@example.com", Password: password})
		if _, err := orgs.HostRecover.Do(t.Context(), host, orgs.Hosted{Org: desk.Org}); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("one of two owners: %v", err)
		}
		way := optest.Do(t, host, orgs.HostRecover, orgs.Hosted{Org: desk.Org, Email: "BO@example.com"})
		back := optest.Do(t, door(desk), orgs.UseRecovery, orgs.Anew{Secret: way.Secret, Password: "another long password"})
		if back.User != made.User {
			t.Errorf("%s came back, want %s", back.User, made.User)
		}
		if log := logOf(t, desk); !strings.Contains(log, `"op":"recoveries.host"`) || !strings.Contains(log, `"via":"host"`) {
			t.Error("the log does not say that the host did it")
		}
	})
}

func TestMembersRestAndAreFound(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		lead := optest.Member(t, desk, auth.Lead)
		token := optest.Do(t, lead, orgs.NewToken, orgs.TokenWish{Name: "CI"})
		ref := orgs.MemberRef{ID: string(lead.Actor.User)}
		if h := optest.Do(t, desk, orgs.Holdings, ref); h.Total != 1 || h.Items[0] != (orgs.Holding{What: "tokens", Many: 1}) {
			t.Errorf("holdings: %+v", h)
		}
		optest.Do(t, desk, orgs.Rest, ref)
		if _, _, err := auth.FromToken(t.Context(), desk.DB, token.Secret, desk.Clock.Now()); err == nil {
			t.Error("a token of a deactivated member is good")
		}
		if _, err := orgs.SignIn.Do(t.Context(), door(desk), orgs.Visit{User: lead.Actor.User}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("a deactivated member signed in: %v", err)
		}
		if l := optest.Do(t, desk, orgs.Members, op.None{}); l.Total != 1 {
			t.Errorf("%d members may something, want 1", l.Total)
		}
		found := optest.Do(t, desk, orgs.Find, orgs.Search{Text: "COMPLIANCE"})
		if found.Total != 1 || !found.Items[0].Inactive {
			t.Errorf("found: %+v", found)
		}
		optest.Do(t, desk, orgs.Wake, ref)
		if _, err := orgs.SignIn.Do(t.Context(), door(desk), orgs.Visit{User: lead.Actor.User}); err != nil {
			t.Errorf("active again: %v", err)
		}
		if _, err := orgs.Rest.Do(t.Context(), desk, orgs.MemberRef{ID: string(desk.Actor.User)}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("the last owner rests: %v", err)
		}
		part := optest.Do(t, desk, orgs.Find, orgs.Search{Limit: 1})
		rest := optest.Do(t, desk, orgs.Find, orgs.Search{Limit: 1, After: part.Next})
		if part.Total != 2 || len(part.Items) != 1 || len(rest.Items) != 1 || rest.Next != "" || rest.Items[0].ID == part.Items[0].ID {
			t.Errorf("parts: %+v, %+v", part, rest)
		}
		optest.Do(t, desk, orgs.Rest, ref)
		optest.Do(t, desk, orgs.Remove, ref)
		if l := optest.Do(t, desk, orgs.Find, orgs.Search{}); l.Total != 1 {
			t.Errorf("%d members after one left, want 1", l.Total)
		}
	})
}

// nobodySends is a configured server to which nothing is sent: letters wait in
// their own table.
type nobodySends struct{ mail.Sender }

func TestInvitationsByMailKeepTheirLinkFromTheInviter(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		many := optest.Do(t, desk, orgs.InviteMany, orgs.ManyWish{Emails: []string{"a@example.com", "A@example.com", "b@example.com"}, Role: "employee"})
		if many.Made != 2 || many.List[0].Secret == "" || !many.List[0].Sent.IsZero() {
			t.Errorf("without letters: %+v", many)
		}
		desk.Mail, desk.BaseURL = nobodySends{mail.New(&conf.SMTP{})}, "https://tickmark.example"
		x := optest.Do(t, desk, orgs.Invite, orgs.InvitationWish{Role: "employee", Email: " Cy@example.com", Note: "Cy"})
		if x.Secret != "" || x.Sent.IsZero() || x.Email != "cy@example.com" {
			t.Errorf("with letters: %+v", x)
		}
		again := optest.Do(t, desk, orgs.Resend, orgs.InvitationRef{ID: string(x.ID)})
		if again.Secret != "" || again.Sent.IsZero() {
			t.Errorf("sent again: %+v", again)
		}
		if n := letters(t, desk); n != 2 {
			t.Errorf("%d letters wait, want 2", n)
		}
		old := optest.Do(t, desk, orgs.Invite, orgs.InvitationWish{Role: "employee"})
		fresh := optest.Do(t, desk, orgs.Resend, orgs.InvitationRef{ID: string(old.ID)})
		if _, err := orgs.Accept.Do(t.Context(), door(desk), orgs.Acceptance{Secret: old.Secret, Name: "X", Email: "x@example.com", Password: password}); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("the link before: %v", err)
		}
		optest.Do(t, door(desk), orgs.Accept, orgs.Acceptance{Secret: fresh.Secret, Name: "X", Email: "x@example.com", Password: password})
		if _, err := orgs.InviteMany.Do(t.Context(), desk, orgs.ManyWish{Emails: []string{"a@example.com\r\nBcc: c@d.e"}, Role: "employee"}); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("two lines: %v", err)
		}
	})
}

func letters(t *testing.T, desk *op.Desk) (n int) {
	t.Helper()
	err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
		return tx.Row("SELECT COUNT(*) FROM letter WHERE org_id = ?", []any{desk.Org}, &n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAcceptingIsThrottledOnEverySurface(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		desk.Throttle = auth.NewThrottle()
		inv := optest.Do(t, desk, orgs.Invite, orgs.InvitationWish{Role: "owner"})
		optest.Do(t, door(desk), orgs.Accept, orgs.Acceptance{Secret: inv.Secret, Name: "Bo", Email: "bo@example.com", Password: password})
		inv = optest.Do(t, desk, orgs.Invite, orgs.InvitationWish{Role: "owner"})
		var err error
		for range 6 {
			_, err = orgs.Accept.Do(t.Context(), door(desk), orgs.Acceptance{Secret: inv.Secret, Name: "Eve", Email: "bo@example.com", Password: "a wrong guess of many"})
		}
		if fault.KindOf(err) != fault.KindDenied || !strings.Contains(err.Error(), "Too many") {
			t.Errorf("the sixth guess: %v", err)
		}
		for range 60 {
			_, err = orgs.Accept.Do(t.Context(), door(desk), orgs.Acceptance{Secret: "join-nonsense", Name: "Eve", Email: "eve@example.com", Password: password})
		}
		if fault.KindOf(err) != fault.KindDenied || !strings.Contains(err.Error(), "address of the network") {
			t.Errorf("the sixtieth secret: %v", err)
		}
	})
}

func TestFurtherOrganizationsAreForTheFirstOwner(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		lead := optest.Member(t, desk, auth.Lead)
		optest.Clock(desk).Advance(time.Second)
		made := optest.Do(t, desk, orgs.Further, orgs.FurtherOrg{Organization: "Second", Zone: "Europe/Berlin"})
		if l := optest.Do(t, desk, orgs.Mine, op.None{}); l.Total != 2 {
			t.Errorf("%d organizations, want 2", l.Total)
		}
		if _, err := orgs.Further.Do(t.Context(), lead, orgs.FurtherOrg{Organization: "Third"}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("a lead: %v", err)
		}
		d := *desk
		d.Org = made.Org
		if _, err := orgs.Further.Do(t.Context(), &d, orgs.FurtherOrg{Organization: "Third"}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("from the second: %v", err)
		}
	})
}

func TestSessionsEndOneOrAllOthersAndExpiredOnesAreDeleted(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		var secrets []string
		for range 4 {
			s := optest.Do(t, door(desk), orgs.SignIn, orgs.Visit{User: desk.Actor.User, Agent: "Firefox/1 Linux"})
			secrets = append(secrets, s.Secret)
		}
		stranger := optest.Member(t, desk, auth.Lead)
		if _, err := orgs.EndOne.Do(t.Context(), stranger, orgs.SessionRef{ID: auth.RefOf(secrets[0])}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("somebody else's: %v", err)
		}
		optest.Do(t, desk, orgs.EndOne, orgs.SessionRef{ID: auth.RefOf(secrets[0])})
		if n := optest.Do(t, desk, orgs.EndOthers, orgs.Leaving{Secret: secrets[3]}); n.Sessions != 2 {
			t.Errorf("%d ended, want 2", n.Sessions)
		}
		list := optest.Do(t, desk, orgs.Sessions, op.None{})
		if list.Total != 1 || list.Items[0].Ref != auth.RefOf(secrets[3]) {
			t.Errorf("left: %+v", list.Items)
		}
		optest.Clock(desk).Advance(auth.SessionMax + time.Second)
		if err := orgs.Tidy(t.Context(), desk.Engine); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := desk.DB.Read(t.Context(), db.All, func(tx *db.Tx) error { return tx.Row("SELECT COUNT(*) FROM sessions", nil, &n) }); err != nil || n != 0 {
			t.Errorf("%d sessions in the table, %v", n, err)
		}
	})
}

func TestAddressesArePastedInAnyForm(t *testing.T) {
	got := orgs.Addresses("Ada <ada@example.com>, bo@example.com;cy@example.com\r\n\tnot one\n\"dee@example.com\"")
	if strings.Join(got, " ") != "ada@example.com bo@example.com cy@example.com dee@example.com" {
		t.Errorf("%q", got)
	}
}
