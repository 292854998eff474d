package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

func signIn(t *testing.T, d *db.DB, user id.User, agent string) (secret string) {
	t.Helper()
	must(t, write(t, d, func(tx *db.Tx) (err error) {
		secret, _, err = auth.StartSession(tx, user, agent, start)
		return err
	}))
	return secret
}

func TestSessionLastsAsLongAsItIsUsed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ada := join(t, d, "org_a", "ada@example.com", "", auth.Owner)
		secret := signIn(t, d, ada, "a browser")
		at := func(secret string, since time.Duration) error {
			a, org, err := auth.FromSession(t.Context(), d, secret, start.Add(since))
			if err == nil && (a.User != ada || org != "org_a" || a.Via != "page" || !a.May(auth.OrgWrite)) {
				t.Errorf("got %+v of %s", a, org)
			}
			return err
		}
		must(t, at(secret, 0))
		must(t, at(secret, auth.SessionLife))
		idle := signIn(t, d, ada, "another")
		wantKind(t, at(idle, auth.SessionLife+time.Millisecond), fault.KindDenied, "Your session has ended")
		for since := time.Duration(0); since < auth.SessionMax; since += auth.SessionLife {
			must(t, at(secret, since)) // looked at every twelve hours
		}
		must(t, at(secret, auth.SessionMax))
		wantKind(t, at(secret, auth.SessionMax+time.Millisecond), fault.KindDenied, "Your session has ended")
		must(t, at(secret, -time.Hour)) // a clock that was set back
		for _, wrong := range []string{"", "x", secret + "x", strings.ToLower(secret), idle[:10]} {
			wantKind(t, at(wrong, 0), fault.KindDenied, "Sign in first")
		}
	})
}

func TestSessionEnds(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ada := join(t, d, "org_a", "ada@example.com", "", auth.Owner)
		here, there := signIn(t, d, ada, ""), signIn(t, d, ada, "")
		alive := func(secret string) bool {
			_, _, err := auth.FromSession(t.Context(), d, secret, start)
			if err != nil {
				wantKind(t, err, fault.KindDenied, "Sign in first")
			}
			return err == nil
		}
		must(t, write(t, d, func(tx *db.Tx) error { return auth.EndSession(tx, here) }))
		if alive(here) || !alive(there) {
			t.Error("signing out ends something else than this session")
		}
		disable(t, d, ada)
		if alive(there) {
			t.Error("a disabled member is signed in")
		}
	})
}

func TestSessionBelongsToAMember(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var u auth.User
		must(t, write(t, d, func(tx *db.Tx) (err error) {
			u, err = auth.CreateUser(tx, "Eve", "eve@example.com", "", start)
			return err
		}))
		err := write(t, d, func(tx *db.Tx) error { _, _, err := auth.StartSession(tx, u.ID, "", start); return err })
		wantKind(t, err, fault.KindDenied, "belongs to no organization")
	})
}

func TestSessionStoresNoSecretAndAnyBrowser(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ada := join(t, d, "org_a", "ada@example.com", "", auth.Owner)
		for _, agent := range []string{"", "Mozilla/5.0", strings.Repeat("ä", 300), "bad \xff\xfe bytes", "a NUL \x00", strings.Repeat("x", 199) + "ä"} {
			secret := signIn(t, d, ada, agent)
			must(t, d.Read(t.Context(), db.All, func(tx *db.Tx) error {
				return tx.Each("SELECT id, agent FROM sessions", nil, func(scan func(...any) error) error {
					var (
						hash []byte
						said string
					)
					err := scan(&hash, &said)
					if strings.Contains(string(hash), secret) || len(said) > 200 {
						t.Errorf("stored %q, %q", hash, said)
					}
					return err
				})
			}))
		}
	})
}

// A full disk must not sign people out: they could not even read.
func TestSessionHoldsWhenNothingCanBeWritten(t *testing.T) {
	url := dbtest.SQLite(t)
	d, err := db.Open(t.Context(), url, db.Options{})
	must(t, err)
	defer d.Close()
	ada := join(t, d, "org_a", "ada@example.com", "", auth.Owner)
	secret := signIn(t, d, ada, "")
	must(t, write(t, d, func(tx *db.Tx) error {
		_, err := tx.Exec("CREATE TRIGGER full BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'no space'); END")
		return err
	}))
	if _, _, err := auth.FromSession(t.Context(), d, secret, start.Add(time.Hour)); err != nil {
		t.Errorf("signed out: %v", err)
	}
}

func TestTokens(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ada := join(t, d, "org_a", "ada@example.com", "", auth.Lead)
		bob := join(t, d, "org_a", "bob@example.com", "", auth.Employee)
		eve := join(t, d, "org_b", "eve@example.com", "", auth.Owner)
		create := func(user id.User, name string, life time.Duration) (tok auth.Token, secret string) {
			t.Helper()
			must(t, write(t, d, func(tx *db.Tx) (err error) {
				tok, secret, err = auth.CreateToken(tx, "org_a", user, name, auth.AccessWrite, life, start)
				return err
			}))
			return tok, secret
		}
		tok, secret := create(ada, "nightly", time.Hour)
		use := func(secret string, since time.Duration) error {
			a, org, err := auth.FromToken(t.Context(), d, secret, start.Add(since))
			if err == nil && (a.User != ada || org != "org_a" || a.Via != "api" || !a.May(auth.ControlsWrite) || a.May(auth.MembersWrite)) {
				t.Errorf("got %+v of %s", a, org)
			}
			return err
		}
		if !strings.HasPrefix(secret, "tmk_") {
			t.Errorf("scanners do not recognise %q", secret)
		}
		must(t, use(secret, time.Hour))
		wantKind(t, use(secret, time.Hour+time.Millisecond), fault.KindDenied, "unknown, expired or revoked")
		for _, wrong := range []string{"", "tmk_", secret[4:], secret + "x", "TMK_" + secret[4:]} {
			wantKind(t, use(wrong, 0), fault.KindDenied, "unknown, expired or revoked")
		}
		_, second := create(ada, "second", time.Hour)
		must(t, d.Read(t.Context(), "org_a", func(tx *db.Tx) error {
			list, err := auth.Tokens(tx, "org_a")
			if len(list) != 2 || !list[0].Revoked.IsZero() {
				t.Errorf("got %+v", list)
			}
			return err
		}))
		revoke := func(org id.Org, by auth.Actor) error {
			return write(t, d, func(tx *db.Tx) error { return auth.RevokeToken(tx, org, tok.ID, by, start) })
		}
		wantKind(t, revoke("org_b", auth.Actor{User: eve, Roles: []auth.Role{auth.Owner}}), fault.KindNotFound, "no token")
		wantKind(t, revoke("org_a", auth.Actor{User: bob, Roles: []auth.Role{auth.Operator}}), fault.KindDenied, "acts for another member")
		must(t, use(secret, 0))
		must(t, revoke("org_a", auth.Actor{User: ada, Roles: []auth.Role{auth.Lead}}))
		wantKind(t, use(secret, 0), fault.KindDenied, "unknown, expired or revoked")
		wantKind(t, revoke("org_a", auth.Actor{User: ada}), fault.KindNotFound, "still good")
		must(t, use(second, 0))
		disable(t, d, ada)
		if err := use(second, 0); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("the token of a disabled member: got %v, want denied", err)
		}
	})
}
