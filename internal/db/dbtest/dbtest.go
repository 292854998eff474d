// Package dbtest gives tests fresh databases of both kinds, so that every test
// of an area runs on each.
//
// SQLite is always there. PostgreSQL joins when TICKMARK_TEST_POSTGRES is set:
// to "on", and each test process starts a server of its own, or to the address
// of a server's administrator (postgres://…), whose server is then shared.
package dbtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tickmark/tickmark/internal/arch/repo"
	"github.com/tickmark/tickmark/internal/db"
)

// The environment variables that tests obey.
const (
	// Env asks for PostgreSQL: "on", or an administrator's address.
	Env = "TICKMARK_TEST_POSTGRES"
	// Require turns the skip for a missing PostgreSQL into a failure.
	Require = "TICKMARK_REQUIRE_POSTGRES"
)

// Each runs fn on a fresh, migrated SQLite and on a fresh, migrated PostgreSQL.
func Each(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, open(t, Migrated(t))) })
	t.Run("postgres", func(t *testing.T) { fn(t, open(t, Postgres(t))) })
}

// SQLite returns the address of a SQLite database that does not exist yet, in
// a folder of its own.
func SQLite(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "tickmark.db")
}

// Migrated is SQLite with the schema: a copy of one file that each process
// makes once, by the migrations, as PostgreSQL copies its template. Running
// them anew for every test took longer than most tests.
func Migrated(t testing.TB) string {
	t.Helper()
	b, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	address := SQLite(t)
	if err := os.WriteFile(strings.TrimPrefix(address, "sqlite:"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return address
}

var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "tickmark-schema-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "tickmark.db")
	d, err := db.Open(context.Background(), "sqlite:"+path, db.Options{})
	if err != nil {
		return nil, err
	}
	if err := d.Close(); err != nil { // which leaves everything in the one file
		return nil, err
	}
	return os.ReadFile(path)
})

// Postgres returns the address of a fresh, migrated PostgreSQL database. Its
// user is an ordinary one, so that row-level security holds.
func Postgres(t testing.TB) string {
	t.Helper()
	return fresh(t, true)
}

// EmptyPostgres is Postgres without the schema.
func EmptyPostgres(t testing.TB) string {
	t.Helper()
	return fresh(t, false)
}

func open(t testing.TB, url string) *db.DB {
	t.Helper()
	// Neither database waits for the disk: a test's data may be lost.
	d, err := db.Open(t.Context(), url, db.Options{Unsafe: true, Careless: true, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	return d
}

// fresh copies the template, or nothing, into a database for this test.
func fresh(t testing.TB, migrated bool) string {
	t.Helper()
	mode := os.Getenv(Env)
	switch {
	case mode == "" && os.Getenv(Require) != "":
		t.Fatalf("%s is set, but %s is not: set it to \"on\" or to the address of a server", Require, Env)
	case mode == "":
		t.Skipf("not run on PostgreSQL: set %s=on (needs the server's programs) or to an administrator's address", Env)
	}
	s, err := shared()
	if errors.Is(err, ErrNoServer) && os.Getenv(Require) == "" {
		t.Skipf("NOT RUN ON POSTGRESQL: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	template := "template0"
	if migrated {
		template = s.template
	}
	name := "tickmark_test_" + strings.ToLower(rand.Text()[:16])
	if _, err := s.admin.ExecContext(t.Context(), fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s OWNER %s STRATEGY file_copy", name, template, role)); err != nil {
		t.Fatalf("a fresh database: %v", err)
	}
	t.Cleanup(func() {
		if _, err := s.admin.ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return s.url(name)
}

// role owns the tests' databases and has no right beyond them.
const role = "tickmark_test"

// server is a PostgreSQL that this process may make databases on.
type server struct {
	address  *url.URL
	password string
	admin    *sql.DB
	template string
	own      *Cluster // nil if the server is another's
}

func (s *server) url(database string) string {
	u := *s.address
	u.User = url.UserPassword(role, s.password)
	u.Path = "/" + database
	return u.String()
}

// shared is the one server of this process, made ready on first use.
var shared = sync.OnceValues(func() (*server, error) {
	address := os.Getenv(Env)
	s := &server{}
	if address == "on" {
		c, err := Start()
		if err != nil {
			return nil, err
		}
		s.own, address = c, c.URL
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, fmt.Errorf("%s: want \"on\" or postgres://USER:PASSWORD@HOST/postgres", Env)
	}
	s.address = u
	// The same in every process that shares the server, and no easier to
	// guess than the administrator's own.
	sum := sha256.Sum256([]byte("test user\n" + address))
	s.password = hex.EncodeToString(sum[:16])
	if s.admin, err = sql.Open("pgx", address); err != nil {
		return nil, err
	}
	return s, s.prepare(context.Background())
})

// prepare makes the user and the migrated template, unless another process
// has; only one at a time looks.
func (s *server) prepare(ctx context.Context) error {
	digest, err := schema()
	if err != nil {
		return err
	}
	s.template = "tickmark_template_" + digest
	c, err := s.admin.Conn(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", Env, err)
	}
	defer c.Close()
	const lock = 7_426_001 // any number, as long as every process takes the same
	if _, err := c.ExecContext(ctx, "SELECT pg_advisory_lock($1)", lock); err != nil {
		return err
	}
	defer c.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", lock)
	var users, templates int
	err = c.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM pg_roles WHERE rolname = $1),
		(SELECT count(*) FROM pg_database WHERE datname = $2)`, role, s.template).Scan(&users, &templates)
	if err != nil {
		return err
	}
	if users == 0 {
		if _, err := c.ExecContext(ctx, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", role, s.password)); err != nil {
			return err
		}
	}
	if templates == 1 {
		return nil
	}
	// Migrated under another name first: a template that exists is complete.
	half := s.template + "_making"
	for _, stmt := range []string{"DROP DATABASE IF EXISTS " + half, "CREATE DATABASE " + half + " TEMPLATE template0 OWNER " + role} {
		if _, err := c.ExecContext(ctx, stmt); err != nil {
			return err
		}
	}
	d, err := db.Open(ctx, s.url(half), db.Options{Unsafe: true})
	if err != nil {
		return fmt.Errorf("migrate the template of the tests' databases: %w", err)
	}
	if err := d.Close(); err != nil {
		return err
	}
	_, err = c.ExecContext(ctx, "ALTER DATABASE "+half+" RENAME TO "+s.template)
	return err
}

// schema digests everything that decides what a migrated database looks like,
// so that a server which outlives a change is not asked for the old one.
func schema() (string, error) {
	dir, err := repo.Root()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fsys := os.DirFS(filepath.Join(dir, "internal", "db"))
	err = fs.WalkDir(fsys, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(p, "_test.go") || strings.HasPrefix(p, "dbtest/") {
			return err
		}
		b, err := fs.ReadFile(fsys, p)
		fmt.Fprintf(h, "%s %d\n%s", p, len(b), b)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:8]), err
}
