package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/op/optest"
)

func openPostgres(t *testing.T, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url, db.Options{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestRowsOfAnotherOrganizationAreOutOfReach(t *testing.T) {
	url := dbtest.Postgres(t)
	d := openPostgres(t, url)
	for _, org := range []string{"org_a", "org_b"} {
		if err := put(t.Context(), d, org); err != nil {
			t.Fatal(err)
		}
	}
	see := func(as string) (got []string) {
		t.Helper()
		err := d.Read(t.Context(), as, func(tx *db.Tx) (err error) {
			got, err = db.Rows(tx, "SELECT org_id FROM orgs ORDER BY org_id", nil,
				func(scan func(...any) error, v *string) error { return scan(v) })
			return err
		})
		if err != nil {
			t.Error(err)
		}
		return got
	}
	for as, want := range map[string][]string{"org_a": {"org_a"}, "org_b": {"org_b"}, "org_c": {}, "": {}, db.All: {"org_a", "org_b"}} {
		if diff := cmp.Diff(want, see(as)); diff != "" {
			t.Errorf("as %q (-want +got):\n%s", as, diff)
		}
	}
	for _, stmt := range []string{"UPDATE orgs SET name = 'mine'", "DELETE FROM orgs", "UPDATE orgs SET zone = 'x' WHERE org_id = 'org_b'"} {
		err := d.Write(t.Context(), "org_a", func(tx *db.Tx) error {
			if _, err := tx.Exec(stmt); err != nil {
				return err
			}
			return tx.Row("SELECT 1 FROM orgs WHERE org_id = 'org_b'", nil, new(int))
		})
		if !errors.Is(err, db.ErrNone) {
			t.Errorf("%s: got %v, want %v: the other's row is not in sight", stmt, err, db.ErrNone)
		}
	}
	for _, stmt := range []string{
		"INSERT INTO orgs (org_id, name, zone, version, created) VALUES ('org_d', 'x', 'x', 1, 1)",
		"UPDATE orgs SET org_id = 'org_d'",
		"INSERT INTO orgs (org_id, name, zone, version, created) VALUES ('org_b', 'x', 'x', 1, 1) ON CONFLICT (org_id) DO UPDATE SET name = 'mine'",
	} {
		err := d.Write(t.Context(), "org_a", func(tx *db.Tx) error { _, err := tx.Exec(stmt); return err })
		if err == nil {
			t.Errorf("%s: done as org_a", stmt)
		}
	}
	if diff := cmp.Diff([]string{"org_a", "org_b"}, see(db.All)); diff != "" {
		t.Errorf("in the end (-want +got):\n%s", diff)
	}
	var n int // a program that forgets to say whose it is sees nothing
	if err := plain(t, url).QueryRow("SELECT count(*) FROM orgs").Scan(&n); err != nil || n != 0 {
		t.Errorf("without an organization %d rows are seen, %v", n, err)
	}
}

func TestEveryTableWithAnOrganizationIsFenced(t *testing.T) {
	url := dbtest.Postgres(t)
	rows, err := plain(t, url).Query(`SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity
			AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*' AND p.polpermissive)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'
		WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	tables := 0
	for rows.Next() {
		var (
			name   string
			fenced bool
		)
		if err := rows.Scan(&name, &fenced); err != nil {
			t.Fatal(err)
		}
		if tables++; !fenced {
			t.Errorf("%s is open to every organization", name)
		}
	}
	if err := rows.Err(); err != nil || tables < 10 {
		t.Errorf("looked at %d tables, %v", tables, err)
	}
}

func plain(t *testing.T, url string) *sql.DB {
	t.Helper()
	pool, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

func TestLostAnswerToACommitIsUnknown(t *testing.T) {
	p := optest.NewProxy(t, dbtest.Postgres(t))
	d := openPostgres(t, p.URL)
	for _, c := range []struct {
		org    string
		cut    optest.Cut
		stored bool
	}{{"org_before", optest.BeforeCommit, false}, {"org_after", optest.AfterCommit, true}} {
		p.Arm(c.cut)
		if err := put(t.Context(), d, c.org); !errors.Is(err, db.ErrUnknown) {
			t.Errorf("%s: got %v, want %v", c.org, err, db.ErrUnknown)
		}
		if got := stored(t, d)[c.org]; got != c.stored {
			t.Errorf("%s: stored is %v, want %v: this test cuts in the wrong place", c.org, got, c.stored)
		}
		if err := put(t.Context(), d, c.org+"_next"); err != nil {
			t.Errorf("the next write fails: %v", err)
		}
	}
}

func TestServerThatDiesInTheMiddleLosesNothingAcknowledged(t *testing.T) {
	if os.Getenv(dbtest.Env) == "" {
		t.Skipf("not run: set %s", dbtest.Env)
	}
	c, err := dbtest.Start()
	if errors.Is(err, dbtest.ErrNoServer) && os.Getenv(dbtest.Require) == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d := openPostgres(t, c.URL+"?sslmode=disable&synchronous_commit=on")
	acked, denied, unknown := map[string]bool{}, map[string]error{}, 0
	for round := range 3 {
		var (
			wg     sync.WaitGroup
			mu     sync.Mutex
			enough = make(chan struct{})
		)
		for w := range 12 {
			wg.Go(func() {
				for i := 0; ; i++ {
					org := fmt.Sprintf("org_%d_%d_%d", round, w, i)
					err := put(t.Context(), d, org)
					mu.Lock()
					switch {
					case err == nil:
						acked[org] = true
					case errors.Is(err, db.ErrUnknown):
						unknown++
					default:
						denied[org] = err
					}
					mu.Unlock()
					if err != nil {
						return
					}
					if w == 0 && i == 20*(round+1) {
						close(enough)
					}
				}
			})
		}
		<-enough
		if err := c.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if err := put(t.Context(), d, "org_down"); err == nil {
			t.Error("a dead server acknowledges")
		}
		if err := c.Revive(t.Context()); err != nil {
			t.Fatal(err)
		}
		waitFor(t, d)
		there := stored(t, d)
		for org := range acked {
			if !there[org] {
				t.Errorf("%s was acknowledged and is gone", org)
			}
		}
		for org, err := range denied {
			if there[org] {
				t.Errorf("%s is stored, but its writer was told: %v", org, err)
			}
		}
	}
	t.Logf("%d acknowledged, %d refused, %d unknown", len(acked), len(denied), unknown)
}

// waitFor writes until the pool has thrown away the connections of the dead
// server.
func waitFor(t *testing.T, d *db.DB) {
	t.Helper()
	for range 40 {
		err := d.Write(context.Background(), "org_x", func(tx *db.Tx) error { _, err := tx.Exec("DELETE FROM orgs WHERE org_id = 'org_x'"); return err })
		if err == nil {
			return
		}
	}
	t.Fatal("the revived server is not found again")
}
