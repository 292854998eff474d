package erasures_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/backup"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/erasures"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/scrub"
	"github.com/tickmark/tickmark/internal/seal"
)

// canary is in nothing but what is to be erased.
const canary = "Zwolle-Ingeborg-Tannhauser"

// hits counts the canary in every file below a directory and names the files.
func hits(t *testing.T, dir string) (n int, where []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if k := bytes.Count(b, []byte(canary)); k > 0 {
			n, where = n+k, append(where, fmt.Sprintf("%s (%d)", path, k))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, where
}

// house is an engine of which every file lies below one directory.
func house(t *testing.T, d *db.DB, dir string, store blob.Store) *op.Engine {
	t.Helper()
	root, _, err := seal.OpenRoot(filepath.Join(dir, "keys", "root.key"))
	if err != nil {
		t.Fatal(err)
	}
	held, err := ledger.OpenHeld(filepath.Join(dir, "keys", "held"))
	if err != nil {
		t.Fatal(err)
	}
	if store == nil {
		if store, err = blob.NewDisk(filepath.Join(dir, "blobs")); err != nil {
			t.Fatal(err)
		}
	}
	now := clock.NewFixed(optest.Start)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	e := &op.Engine{DB: d, Ledger: ledger.New(d, root, held, now, log), Vault: blob.NewVault(d, store, root), Clock: now, Log: log}
	optest.Sign(t, e)
	return e
}

// crowd records so much, of such uneven length, that pages are split and rows
// moved about.
func crowd(t *testing.T, desk *op.Desk, from, n int) {
	t.Helper()
	for i := range n {
		long := strings.Repeat("row ", (from+i)*37%400)
		record(t, desk, fmt.Sprintf("Ticket %d", from+i), long+fmt.Sprint(from+i))
	}
}

// plant records the canary in every field that a person can write, in the bytes
// and as the name of who did it, among others.
func plant(t *testing.T, desk *op.Desk) []string {
	t.Helper()
	var out []string
	for i := range 12 {
		crowd(t, desk, i*10, 10)
		kept, err := desk.Vault.Store(t.Context(), desk.Org, fmt.Appendf(nil, "%s wrote %d", canary, i), desk.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		who := *desk
		who.Key = fmt.Sprintf("press %d", i)
		if i%2 == 1 {
			who = *desk.Machine(desk.Org, canary, auth.EvidenceWrite)
		}
		r, err := evidence.Submit.Do(t.Context(), &who, evidence.Submission{Blob: kept.Address, Title: "Account of " + canary, MediaType: "text/plain",
			Origin: "directory", Environment: "of " + canary, Location: "https://directory.example/" + canary, Query: "select * where subject = '" + canary + "'" + strings.Repeat(" ", i*150)})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(r.ID))
	}
	return out
}

func export(t *testing.T, desk *op.Desk) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := evidence.WriteBundle(t.Context(), desk, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// eraseAll asks, approves by another and clears.
func eraseAll(t *testing.T, desk *op.Desk, ids []string) erasures.Erasure {
	t.Helper()
	second := optest.Member(t, desk, auth.Lead)
	e := ask(t, desk, ids...)
	done, err := approve(t, second, e)
	if err != nil {
		t.Fatal(err)
	}
	if err := erasures.Clear(t.Context(), desk.Engine, desk.Org, e.ID); err != nil {
		t.Fatal(err)
	}
	return done
}

func TestNoCanaryIsLeftInAnyFileOfSQLite(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", filepath.Join(dir, "tmp"))
	t.Setenv("SQLITE_TMPDIR", filepath.Join(dir, "tmp"))
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(dir, "tickmark.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	desk := optest.Found(t, house(t, d, dir, nil), "Example")
	ids := plant(t, desk)
	crowd(t, desk, 500, 60)
	before, _ := hits(t, dir)
	if before == 0 || !bytes.Contains(export(t, desk), []byte(canary)) {
		t.Fatalf("%d hits before: the canary was never there", before)
	}
	done := eraseAll(t, desk, ids)
	if n, where := hits(t, dir); n > 0 {
		t.Errorf("%d hits are left in %s", n, strings.Join(where, ", "))
	}
	if bytes.Contains(export(t, desk), []byte(canary)) {
		t.Error("an export made now holds it")
	}
	t.Logf("%d hits before, %d entries and %d blobs erased", before, len(done.Went.Entries), done.Went.Blobs)
	left := optest.Do(t, desk, erasures.Get, erasures.Ref{ID: string(done.ID)})
	if left.Cleared.IsZero() || len(left.Objects) > 0 {
		t.Errorf("cleared %v, objects left %v", left.Cleared, left.Objects)
	}
	verdicts(t, desk, map[int64]bundle.Verdict{done.Went.Entries[0]: bundle.Erased, done.Entry: bundle.Verified})
}

// What PostgreSQL promises: VACUUM gives the room of deleted rows free and
// leaves their bytes in it until something else is written there. Written anew
// by VACUUM FULL, the tables hold nothing of them.
func TestNoCanaryIsLeftInTablesOfPostgresWrittenAnew(t *testing.T) {
	dir := t.TempDir()
	if os.Getenv(dbtest.Env) == "" {
		t.Skipf("not run on PostgreSQL: set %s", dbtest.Env)
	}
	cluster, err := dbtest.Start() // of its own: its files are searched
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cluster.Close() })
	d, err := db.Open(t.Context(), cluster.URL, db.Options{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	admin, err := sql.Open("pgx", cluster.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close() })
	var data string
	if err := admin.QueryRowContext(t.Context(), "SHOW data_directory").Scan(&data); err != nil {
		t.Fatal(err)
	}
	run := func(query string) {
		t.Helper()
		if _, err := admin.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	desk := optest.Found(t, house(t, d, dir, nil), "Example")
	ids := plant(t, desk)
	crowd(t, desk, 500, 60)
	run("CHECKPOINT")
	heap := filepath.Join(data, "base")
	if before, _ := hits(t, heap); before == 0 {
		t.Fatal("the canary was never there")
	}
	eraseAll(t, desk, ids)
	run("CHECKPOINT")
	after, _ := hits(t, heap)
	run("VACUUM FULL")
	run("CHECKPOINT")
	if n, where := hits(t, heap); n > 0 {
		t.Errorf("%d hits are left in %s", n, strings.Join(where, ", "))
	}
	if n, where := hits(t, dir); n > 0 {
		t.Errorf("%d hits beside the database in %s", n, strings.Join(where, ", "))
	}
	if bytes.Contains(export(t, desk), []byte(canary)) {
		t.Error("an export made now holds it")
	}
	t.Logf("%d hits in freed room of heap pages after VACUUM, none after VACUUM FULL", after)
}

// TestABackupFromBeforeOpensNothingWithoutItsSecondFile: the file that is kept
// for years holds no word of what was erased later.
func TestABackupFromBeforeOpensNothingWithoutItsSecondFile(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ids := plant(t, desk)
		var before, secrets bytes.Buffer
		if _, err := backup.Make(t.Context(), desk.Engine, &before, &secrets, func(backup.Progress) {}); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(before.Bytes(), []byte(canary)) || !bytes.Contains(secrets.Bytes(), []byte(canary)) {
			t.Error("the file that is kept holds it, or the other does not")
		}
		eraseAll(t, desk, ids)
		var after, later bytes.Buffer
		if _, err := backup.Make(t.Context(), desk.Engine, &after, &later, func(backup.Progress) {}); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(after.Bytes(), []byte(canary)) || bytes.Contains(later.Bytes(), []byte(canary)) {
			t.Error("a backup made after the erasure holds it")
		}
	})
}

// TestWhatIsErasedReadsBackAsErased: the continuous reading back does not take
// it for damage.
func TestWhatIsErasedReadsBackAsErased(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		record(t, desk, "Other ticket", "two")
		eraseAll(t, desk, []string{string(record(t, desk, "Ticket", "one").ID)})
		if err := desk.Ledger.SealAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := scrub.Whole(t.Context(), desk); err != nil {
			t.Fatal(err)
		}
		err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
			a, err := scrub.AlarmOf(tx, desk.Org)
			if n, _ := scrub.Open(tx, desk.Org); n > 0 {
				t.Errorf("%d findings: %+v", n, a)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
