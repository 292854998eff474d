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

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

const good = "several unrelated words"

// write runs fn in a transaction and returns its error.
func write(t testing.TB, d *db.DB, fn func(tx *db.Tx) error) error {
	t.Helper()
	return d.Write(t.Context(), db.All, fn)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantKind checks what kind of failure an error is, and some of its words.
func wantKind(t testing.TB, err error, kind fault.Kind, words string) {
	t.Helper()
	if fault.KindOf(err) != kind || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want a fault of kind %s that says %q", err, kind, words)
	}
}

// join makes an organization, if there is none of that id, and a member.
func join(t testing.TB, d *db.DB, org id.Org, email, password string, roles ...auth.Role) id.User {
	t.Helper()
	var u auth.User
	must(t, write(t, d, func(tx *db.Tx) (err error) {
		_, err = tx.Exec("INSERT INTO orgs (org_id, name, zone, version, created) VALUES (?, ?, 'UTC', 1, 1) ON CONFLICT (org_id) DO NOTHING", org, string(org))
		if err != nil {
			return err
		}
		if u, err = auth.CreateUser(tx, "Ada", email, password, start); err != nil {
			return err
		}
		return auth.Join(tx, org, u.ID, roles, start)
	}))
	return u.ID
}

func disable(t testing.TB, d *db.DB, user id.User) {
	t.Helper()
	must(t, write(t, d, func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE users SET disabled = ? WHERE id = ?", true, user)
		return err
	}))
}

func TestSetupToken(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		fresh := func(now time.Time) (token string) {
			t.Helper()
			must(t, write(t, d, func(tx *db.Tx) (err error) { token, err = auth.NewSetupToken(tx, now); return err }))
			return token
		}
		use := func(token string, now time.Time) error {
			return write(t, d, func(tx *db.Tx) error { return auth.UseSetupToken(tx, token, now) })
		}
		wantKind(t, use("", start), fault.KindInvalid, "copy the one that starts with setup-")
		first := fresh(start)
		if !strings.HasPrefix(first, "setup-") || len(first) < 40 {
			t.Errorf("the token is %q", first)
		}
		wantKind(t, use("setup-wrong", start), fault.KindInvalid, "this is not the token")
		wantKind(t, use("", start), fault.KindInvalid, "this is not the token")
		wantKind(t, use(first, start.Add(auth.SetupLife+time.Millisecond)), fault.KindInvalid, "has expired: restart Tickmark")
		second := fresh(start.Add(time.Hour))
		wantKind(t, use(first, start), fault.KindInvalid, "this is not the token")
		must(t, d.Read(t.Context(), db.All, func(tx *db.Tx) error {
			done, err := auth.SetupDone(tx)
			if done {
				t.Error("set up already")
			}
			return err
		}))
		// What goes wrong afterwards gives the token back.
		if err := write(t, d, func(tx *db.Tx) error {
			must(t, auth.UseSetupToken(tx, second, start))
			return fault.Conflict("later")
		}); err == nil {
			t.Fatal("no error")
		}
		must(t, use("  "+second+"\n", start.Add(2*time.Hour))) // as people paste it
		wantKind(t, use(second, start), fault.KindConflict, "Sign in instead")
		wantKind(t, use("setup-wrong", start), fault.KindConflict, "Sign in instead")
		if got := fresh(start); got != "" {
			t.Errorf("a second setup is offered: %q", got)
		}
		must(t, d.Read(t.Context(), db.All, func(tx *db.Tx) error {
			done, err := auth.SetupDone(tx)
			if !done {
				t.Error("not set up")
			}
			return err
		}))
	})
}

func TestSetupTokenIsSpentOnceByTwo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var token string
		must(t, write(t, d, func(tx *db.Tx) (err error) { token, err = auth.NewSetupToken(tx, start); return err }))
		errs := make(chan error)
		for range 4 {
			go func() {
				errs <- write(t, d, func(tx *db.Tx) error { return auth.UseSetupToken(tx, token, start) })
			}()
		}
		spent := 0
		for range 4 {
			if err := <-errs; err == nil {
				spent++
			} else {
				wantKind(t, err, fault.KindConflict, "Sign in instead")
			}
		}
		if spent != 1 {
			t.Errorf("spent %d times", spent)
		}
	})
}

func TestUsersAreRefusedAtTheirField(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		create := func(name, email, password string) error {
			return write(t, d, func(tx *db.Tx) error { _, err := auth.CreateUser(tx, name, email, password, start); return err })
		}
		must(t, create("Ada", "Ada@Example.COM", ""))
		for name, c := range map[string]struct {
			name, email, password string
			kind                  fault.Kind
			words                 string
		}{
			"taken address":    {"Eve", "ada@example.com", "", fault.KindConflict, "Invite the person instead"},
			"no address":       {"Eve", "eve", "", fault.KindInvalid, "email: give an address such as"},
			"name and address": {"Eve", "Eve <eve@example.com>", "", fault.KindInvalid, "email: "},
			"long address":     {"Eve", strings.Repeat("e", 250) + "@example.com", "", fault.KindInvalid, "email: "},
			"line end":         {"Eve", "eve@example.com\nBcc: all@example.com", "", fault.KindInvalid, "email: "},
			"no name":          {" \t", "eve@example.com", "", fault.KindInvalid, "name: give the name"},
			"short password":   {"Eve", "eve@example.com", "short", fault.KindInvalid, "password: give 12 to 256 characters"},
		} {
			err := create(c.name, c.email, c.password)
			if fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%s: got %v, want %q", name, err, c.words)
			}
		}
	})
}

func TestMembersAreListedInTheirOrganization(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ada := join(t, d, "org_a", "ada@example.com", "", auth.Owner, auth.Operator)
		join(t, d, "org_b", "eve@example.com", "", auth.Owner)
		must(t, d.Read(t.Context(), "org_a", func(tx *db.Tx) error {
			list, err := auth.Members(tx, "org_a")
			if len(list) != 1 || list[0].ID != ada || len(list[0].Roles) != 2 || list[0].Roles[1] != auth.Operator {
				t.Errorf("got %+v", list)
			}
			return err
		}))
	})
}

// An owner without a password is one that the command line made.
func TestOnlyAnOwnerWithoutAPasswordIsClaimed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		unclaimed := func() (org id.Org, user id.User) {
			t.Helper()
			must(t, d.Read(t.Context(), db.All, func(tx *db.Tx) (err error) { org, user, err = auth.Unclaimed(tx); return err }))
			return org, user
		}
		join(t, d, "org_a", "emp@example.com", "", auth.Employee)
		join(t, d, "org_a", "own@example.com", good, auth.Owner)
		if org, user := unclaimed(); org != "" || user != "" {
			t.Errorf("%s of %s can be claimed", user, org)
		}
		want := join(t, d, "org_b", "owner@localhost", "", auth.Owner)
		if org, user := unclaimed(); org != "org_b" || user != want {
			t.Errorf("got %s of %s, want %s", user, org, want)
		}
		claim := func(name, email, password string) error {
			return write(t, d, func(tx *db.Tx) error { _, err := auth.Claim(tx, want, name, email, password); return err })
		}
		wantKind(t, claim("Ada", "ada@example.com", ""), fault.KindInvalid, "password: ")
		wantKind(t, claim(" ", "ada@example.com", good), fault.KindInvalid, "name: ")
		wantKind(t, claim("Ada", "ada", good), fault.KindInvalid, "email: ")
		wantKind(t, claim("Ada", "own@example.com", good), fault.KindConflict, "belongs to a user already")
		must(t, claim("Ada", "ada@example.com", good))
		if org, _ := unclaimed(); org != "" {
			t.Error("it can be claimed again")
		}
	})
}
