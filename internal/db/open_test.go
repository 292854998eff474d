package db_test

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/fault"
)

// refuses opens a database and wants an error with the words.
func refuses(t *testing.T, url string, o db.Options, words ...string) {
	t.Helper()
	d, err := db.Open(t.Context(), url, o)
	if err == nil {
		d.Close()
		t.Fatalf("%s opens", url)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %q, want it to say %q", err, w)
		}
	}
}

func TestOpenRefusesOtherAddresses(t *testing.T) {
	for _, url := range []string{"", "mysql://localhost/x", "tickmark.db", "sqlite:", "sqlite::memory:"} {
		t.Run(url, func(t *testing.T) {
			t.Chdir(t.TempDir())
			refuses(t, url, db.Options{})
		})
	}
}

func TestSecondOpenerOfADirectoryIsToldWhoHoldsIt(t *testing.T) {
	url := dbtest.SQLite(t)
	d, err := db.Open(t.Context(), url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	refuses(t, url, db.Options{}, fmt.Sprintf("process %d already holds", os.Getpid()), "--data")
	refuses(t, strings.Replace(url, "tickmark.db", "other.db", 1), db.Options{}, "already holds")
	if _, err := db.Open(t.Context(), url, db.Options{}); fault.KindOf(err) != fault.KindConflict {
		t.Errorf("got a fault of kind %s, want %s", fault.KindOf(err), fault.KindConflict)
	}
	if err := put(t.Context(), d, "org_a"); err != nil {
		t.Errorf("the holder is disturbed: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = db.Open(t.Context(), url, db.Options{}); err != nil {
		t.Fatalf("the directory is not free again: %v", err)
	}
	if !stored(t, d)["org_a"] {
		t.Error("what was stored is gone")
	}
	d.Close()
}

func TestFilesAreClosedToOthers(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), "sqlite:"+dir+"/tickmark.db", db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := put(t.Context(), d, "org_a"); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files, %v; want the database, its log and the lock", len(files), err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s, %v", f.Name(), info.Mode(), err)
		}
	}
}

func TestSettingsThatLoseWritesAreRefused(t *testing.T) {
	path := t.TempDir() + "/tickmark.db"
	const good = "&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=foreign_keys(1)&_pragma=trusted_schema(0)&_pragma=secure_delete(1)"
	if err := db.AssertSQLite(t.Context(), "file:"+path+"?"+good[1:]); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ pragma, instead, want string }{
		{"journal_mode(wal)", "journal_mode(delete)", "journal_mode is delete, want wal"},
		{"synchronous(full)", "synchronous(normal)", "synchronous is 1, want 2"},
		{"foreign_keys(1)", "foreign_keys(0)", "foreign_keys is 0, want 1"},
		{"trusted_schema(0)", "trusted_schema(1)", "trusted_schema is 1, want 0"},
		{"secure_delete(1)", "secure_delete(0)", "secure_delete is 0, want 1"},
	} {
		uri := "file:" + path + "?" + strings.Replace(good, c.pragma, c.instead, 1)[1:]
		err := db.AssertSQLite(t.Context(), uri)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.instead, err, c.want)
		}
	}
}

func TestVersionsCompareByNumber(t *testing.T) {
	for _, c := range []struct {
		have string
		want bool
	}{{"3.51.2", true}, {"3.51.3", false}, {"3.51.10", false}, {"3.9.9", true}, {"4.0.0", false}} {
		if got := db.Older(c.have, "3.51.3"); got != c.want {
			t.Errorf("%s older than 3.51.3: %v, want %v", c.have, got, c.want)
		}
	}
}

func TestDamagedFileIsNamedAtStart(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(b []byte) []byte
	}{
		{"another kind of file", func([]byte) []byte { return []byte(strings.Repeat("not a database at all\n", 400)) }},
		{"header overwritten", func(b []byte) []byte { clear(b[:64]); return b }},
		{"schema overwritten", func(b []byte) []byte { clear(b[100:4096]); return b }},
		{"pages overwritten", func(b []byte) []byte { clear(b[4096:]); return b }},
		{"cut short", func(b []byte) []byte { return b[:len(b)/2] }},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := dbtest.SQLite(t)
			d, err := db.Open(t.Context(), url, db.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			path := strings.TrimPrefix(url, "sqlite:")
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			refuses(t, url, db.Options{}, path, "damaged; restore a backup")
			refuses(t, url, db.Options{}, "damaged") // and nobody is left holding the directory
		})
	}
}

func TestDatabaseThatIsDownAtStartIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	where := l.Addr().String()
	l.Close()
	url := "postgres://tickmark:hunter2@" + where + "/books?sslmode=disable"
	refuses(t, url, db.Options{}, "PostgreSQL at "+where+"/books does not answer: start it")
	if _, err := db.Open(t.Context(), url, db.Options{}); strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the password is in the error: %v", err)
	}
}

func TestMigrateTwiceChangesNothing(t *testing.T) {
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLite, "postgres": dbtest.EmptyPostgres} {
		t.Run(name, func(t *testing.T) {
			url := fresh(t)
			for i := range 3 {
				d, err := db.Open(t.Context(), url, db.Options{Unsafe: true})
				if err != nil {
					t.Fatal(err)
				}
				if i == 0 {
					err = put(t.Context(), d, "org_a")
				}
				if err != nil || !stored(t, d)["org_a"] {
					t.Errorf("what was stored is gone: %v", err)
				}
				d.Close()
			}
		})
	}
}

func TestSchemaOfANewerVersionIsRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		err := d.Write(t.Context(), db.All, func(tx *db.Tx) error {
			_, err := tx.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, ?)", true)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "schema 9999 is of a newer Tickmark") {
			t.Errorf("got %v, want a refusal", err)
		}
	})
}

func TestProcessesThatStartTogetherMigrateOnce(t *testing.T) {
	url := dbtest.EmptyPostgres(t)
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			d, err := db.Open(t.Context(), url, db.Options{Unsafe: true})
			if err != nil {
				t.Error(err)
				return
			}
			defer d.Close()
			if err := put(t.Context(), d, fmt.Sprintf("org_%d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	pool, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var twice int
	if err := pool.QueryRow("SELECT count(*) - count(DISTINCT version_id) FROM goose_db_version").Scan(&twice); err != nil || twice != 0 {
		t.Errorf("%d migrations ran twice, %v", twice, err)
	}
}

func TestServerThatMayLoseCommitsIsRefused(t *testing.T) {
	url := dbtest.Postgres(t)
	pool, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var fsync string
	if err := pool.QueryRow("SELECT current_setting('fsync')").Scan(&fsync); err != nil {
		t.Fatal(err)
	}
	if fsync != "off" {
		t.Skip("this server keeps its data")
	}
	refuses(t, url, db.Options{}, "fsync=off", "turn it on")
}
