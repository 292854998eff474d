package dbtest_test

import (
	"database/sql"
	"errors"
	"os"
	"testing"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
)

func TestEachIsFreshAndMigrated(t *testing.T) {
	for range 2 { // the second must not see the first
		dbtest.Each(t, func(t *testing.T, d *db.DB) {
			err := d.Write(t.Context(), "org_a", func(tx *db.Tx) error {
				_, err := tx.Exec("INSERT INTO orgs (org_id, name, zone, version, created) VALUES (?, ?, ?, ?, ?)", "org_a", "A", "UTC", 1, 1)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestPostgresUserIsHeldToRowLevelSecurity(t *testing.T) {
	pool := connect(t, dbtest.Postgres(t))
	var super, bypass bool
	if err := pool.QueryRow("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user").Scan(&super, &bypass); err != nil {
		t.Fatal(err)
	}
	if super || bypass {
		t.Errorf("the tests' user escapes row-level security (superuser %v, bypass %v)", super, bypass)
	}
}

func TestEmptyPostgresHasNoTables(t *testing.T) {
	var n int
	err := connect(t, dbtest.EmptyPostgres(t)).QueryRow("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'").Scan(&n)
	if err != nil || n != 0 {
		t.Errorf("got %d tables, %v; want none", n, err)
	}
}

func TestClusterDiesAndRevives(t *testing.T) {
	if os.Getenv(dbtest.Env) == "" {
		t.Skipf("not run: set %s", dbtest.Env)
	}
	c, err := dbtest.Start()
	if errors.Is(err, dbtest.ErrNoServer) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	pool := connect(t, c.URL)
	if err := c.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if pool.Ping() == nil {
		t.Error("a killed server answers")
	}
	if err := c.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := pool.Ping(); err != nil {
		t.Errorf("a revived server does not answer: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func connect(t *testing.T, url string) *sql.DB {
	t.Helper()
	pool, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}
