// Package optest gives the tests of an area a place to act: a fresh
// organization with its owner's desk, on each database.
package optest

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/seal"
)

// Start is where the clock of every desk stands at first.
var Start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// Each runs fn for the owner of a fresh organization, once on SQLite and once
// on PostgreSQL. Entries are signed in the background, so that Wait returns.
func Each(t *testing.T, fn func(t *testing.T, desk *op.Desk)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		e := Engine(t, d)
		Sign(t, e)
		fn(t, Found(t, e, "Example"))
	})
}

// Engine puts an engine together on a database, with keys, held heads and
// blobs in folders of the test and a clock that stands still. Nothing is
// signed until the test asks or calls Sign.
func Engine(t testing.TB, d *db.DB) *op.Engine {
	t.Helper()
	dir := t.TempDir()
	root, _, err := seal.OpenRoot(filepath.Join(dir, "keys", "root.key"))
	if err != nil {
		t.Fatal(err)
	}
	held, err := ledger.OpenHeld(filepath.Join(dir, "keys", "held"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := blob.NewDisk(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	now := clock.NewFixed(Start)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	return &op.Engine{DB: d, Ledger: ledger.New(d, root, held, now, log), Vault: blob.NewVault(d, store, root), Clock: now, Log: log}
}

// Sign signs new entries in the background until the test ends.
func Sign(t testing.TB, e *op.Engine) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.Ledger.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// Clock is the desk's clock, for moving it.
func Clock(d *op.Desk) *clock.Fixed { return d.Clock.(*clock.Fixed) }

// Found makes an organization and returns the desk of its owner, who has no
// password.
func Found(t testing.TB, e *op.Engine, name string) *op.Desk {
	t.Helper()
	desk := &op.Desk{Engine: e, Actor: auth.Actor{Name: "command line", Via: "cli"}}
	made, err := orgs.Found.Do(t.Context(), desk, orgs.Founding{Creation: orgs.Creation{
		Organization: name, Name: name + " Owner", Email: address(name, "owner"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return sit(t, e, made.Org, made.User)
}

// Member adds a person with one role to the desk's organization and returns
// their desk. Each role can be added once.
func Member(t testing.TB, desk *op.Desk, role auth.Role) *op.Desk {
	t.Helper()
	org, err := orgs.Get.Do(t.Context(), desk, op.None{})
	if err != nil {
		t.Fatal(err)
	}
	if shared(t, desk) { // people come in by invitation there
		return sit(t, desk.Engine, desk.Org, enter(t, desk, string(role), org.Name, "new-"+string(role)).User)
	}
	m, err := orgs.AddMem.Do(t.Context(), desk, orgs.NewMember{
		Name: fmt.Sprintf("%s %s", org.Name, role), Email: address(org.Name, "new-"+string(role)), Role: string(role),
	})
	if err != nil {
		t.Fatal(err)
	}
	return sit(t, desk.Engine, desk.Org, m.ID)
}

func shared(t testing.TB, desk *op.Desk) (yes bool) {
	t.Helper()
	err := desk.DB.Read(t.Context(), db.All, func(tx *db.Tx) (err error) {
		yes, err = orgs.Shared(tx, desk.Org)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return yes
}

func sit(t testing.TB, e *op.Engine, org id.Org, user id.User) *op.Desk {
	t.Helper()
	d := &op.Desk{Engine: e, Org: org}
	err := e.DB.Read(t.Context(), string(org), func(tx *db.Tx) (err error) {
		d.Actor, err = auth.MemberActor(tx, org, user, "api")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func address(org, who string) string {
	return who + "@" + strings.ToLower(strings.ReplaceAll(org, " ", "-")) + ".example"
}
