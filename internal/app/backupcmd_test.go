package app_test

import (
	"bufio"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/backup"
	"github.com/tickmark/tickmark/internal/blob/blobtest"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
)

// founded makes an installation with one record of evidence.
func founded(t *testing.T) (data string, record evidence.Record) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	a := open(t, t.Context(), data)
	desk, err := a.Found(t.Context(), "Example")
	if err != nil {
		t.Fatal(err)
	}
	record = recorded(t, desk, "what was collected")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return data, record
}

func recorded(t *testing.T, desk *op.Desk, text string) evidence.Record {
	t.Helper()
	s, err := desk.Vault.Store(t.Context(), desk.Org, []byte(text), desk.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	r, err := evidence.Submit.Do(t.Context(), desk, evidence.Submission{Blob: s.Address, Title: "A record", Origin: "directory"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func done(t *testing.T, args ...string) string {
	t.Helper()
	status, out, errs := run(t, args...)
	if status != 0 {
		t.Fatalf("%v: status %d\n%s%s", args, status, out, errs)
	}
	return out
}

func refusedBy(t *testing.T, want string, args ...string) {
	t.Helper()
	status, out, errs := run(t, args...)
	if status == 0 || !strings.Contains(errs, want) {
		t.Errorf("%v: status %d, want %q\n%s%s", args, status, want, out, errs)
	}
}

func backups(t *testing.T, data string) (out []backup.Run) {
	t.Helper()
	if err := json.Unmarshal([]byte(done(t, "backups", "list", "--data", data, "--json")), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// copyKeys puts the root key where a restored installation looks for it; with
// held, also what was signed.
func copyKeys(t *testing.T, from, to string, names ...string) {
	t.Helper()
	if err := os.MkdirAll(to+".keys", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(from+".keys", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to+".keys", name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// The commands, with and without a server that holds the directory.
func TestBackUpRestoreAndDrill(t *testing.T) {
	for _, served := range []bool{false, true} {
		name := "alone"
		if served {
			name = "through the server"
		}
		t.Run(name, func(t *testing.T) {
			data, record := founded(t)
			if served {
				_, _, stop := serve(t, data)
				defer stop()
			}
			file := filepath.Join(t.TempDir(), "b.tar")
			out := done(t, "backup", "--data", data, "--out", file)
			if !strings.Contains(out, "1 logs with") || !strings.Contains(out, "1 blobs of") || !strings.Contains(out, "30 days at most") {
				t.Errorf("it says:\n%s", out)
			}
			refusedBy(t, "is there already", "backup", "--data", data, "--out", file)

			out = done(t, "restore", "--drill", "--data", data)
			if !strings.Contains(out, "1 blobs of") || strings.Contains(out, "NOT") {
				t.Errorf("a drill of what is there says:\n%s", out)
			}
			done(t, "restore", "--drill", "--data", data, "--from", file)
			if list := backups(t, data); len(list) != 3 || list[0].Kind != backup.Drill || list[2].Kind != backup.Backup || list[2].SHA256 == "" ||
				list[1].Entries == 0 || list[1].Blobs != 1 || list[0].Outcome != backup.OK {
				t.Errorf("on record: %+v", list)
			}

			again := filepath.Join(t.TempDir(), "again")
			refusedBy(t, "There is no root key", "restore", "--data", again, "--from", file)
			copyKeys(t, data, again, "root.key")
			out = done(t, "restore", "--data", again, "--from", file)
			if !strings.Contains(out, "1 blobs of") || !strings.Contains(out, "entries, the newest of") {
				t.Errorf("it says:\n%s", out)
			}
			got := done(t, "evidence", "content", "--data", again, string(record.ID))
			if !strings.Contains(got, "what was collected") && !strings.Contains(got, "d2hhdCB3YXMgY29sbGVjdGVk") {
				t.Errorf("its evidence reads %q", got)
			}
			refusedBy(t, "is not empty", "restore", "--data", again, "--from", file)
			if !served {
				return
			}
			refusedBy(t, "is not empty", "restore", "--data", data, "--from", file)
		})
	}
}

// An old copy beside the held heads of today starts read-only and says so.
func TestOldRestoreStartsReadOnly(t *testing.T) {
	data, _ := founded(t)
	file := filepath.Join(t.TempDir(), "b.tar")
	done(t, "backup", "--data", data, "--out", file) // and its own entry is already newer than it

	again := filepath.Join(t.TempDir(), "again")
	copyKeys(t, data, again, "root.key", "held")
	out := done(t, "restore", "--data", again, "--from", file)
	if !strings.Contains(out, "this copy lacks") || !strings.Contains(out, "will start read-only") {
		t.Errorf("it says:\n%s", out)
	}
	a := open(t, t.Context(), again)
	defer a.Close()
	if why := a.Ledger.Locked(); !strings.Contains(why, "older copy") {
		t.Errorf("it starts as if nothing were: %q", why)
	}
}

// What goes wrong leaves nothing that could be taken for an installation, and
// a failed drill is on record.
func TestFailedRestoreLeavesNothing(t *testing.T) {
	data, _ := founded(t)
	file := filepath.Join(t.TempDir(), "b.tar")
	done(t, "backup", "--data", data, "--out", file)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(t.TempDir(), "again")
	copyKeys(t, data, again, "root.key")
	refusedBy(t, "cut short", "restore", "--data", again, "--from", file)
	if left, _ := os.ReadDir(again); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	refusedBy(t, "cut short", "restore", "--drill", "--data", data, "--from", file)
	if list := backups(t, data); list[0].Outcome != backup.Failed || list[0].Kind != backup.Drill {
		t.Errorf("on record: %+v", list[0])
	}
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	refusedBy(t, "There is no installation", "backup", "--data", nowhere, "--out", file+"2")
	refusedBy(t, "There is no root key", "restore", "--drill", "--data", nowhere)
	if _, err := os.Stat(nowhere); err == nil {
		t.Error("an installation was made to back it up")
	}
	refusedBy(t, "cannot be read", "restore", "--data", again, "--from", file, "--secrets", file+".none")
	refusedBy(t, "--from", "restore", "--data", again)
}

// A database that a restore did not finish is not opened.
func TestUnfinishedRestoreDoesNotStart(t *testing.T) {
	data, _ := founded(t)
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(data, "tickmark.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Write(t.Context(), db.All, func(tx *db.Tx) error {
		_, err := tx.Exec("INSERT INTO backup_unfinished (id, started) VALUES (1, 0)")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	refusedBy(t, "was not finished", "key", "--data", data)
}

// A stream that is cut anywhere is no backup.
func TestStreamOfABackupIsWholeOrRefused(t *testing.T) {
	frame := func(kind byte, text string) string {
		return string([]byte{kind, 0, 0, 0, byte(len(text))}) + text
	}
	whole := frame('m', "first") + frame('p', `{"rows":1}`) + frame('s', "second") + frame('m', " file") + frame('r', `{"id":"bkp_1"}`)
	take := func(stream string) (main, secrets, id string, err error) {
		var a, b strings.Builder
		made, err := app.Receive(bufio.NewReader(strings.NewReader(stream)), &a, &b, func(backup.Progress) {})
		if err == nil {
			id = string(made.ID)
		}
		return a.String(), b.String(), id, err
	}
	if main, secrets, id, err := take(whole); err != nil || main != "first file" || secrets != "second" || id != "bkp_1" {
		t.Errorf("got %q, %q, %q, %v", main, secrets, id, err)
	}
	for n := range len(whole) {
		if _, _, _, err := take(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes count as a backup", n, len(whole))
		}
	}
	if _, _, _, err := take(frame('m', "first") + frame('e', "the disk is full")); err == nil || err.Error() != "the disk is full" {
		t.Errorf("the server's reason: %v", err)
	}
	if _, _, _, err := take(frame('x', "?") + whole); err == nil {
		t.Error("a frame of no kind is passed over")
	}
}

// With its evidence in a bucket, an installation is backed up and put back the
// same way: into another bucket, or into a directory.
func TestEvidenceInABucket(t *testing.T) {
	t.Setenv("TICKMARK_S3_ACCESS_KEY", "test")
	t.Setenv("TICKMARK_S3_SECRET_KEY", "secret")
	bucket := blobtest.LocalS3(t)
	data := filepath.Join(t.TempDir(), "data")
	a, err := app.Open(t.Context(), conf.Config{Data: data, Bucket: bucket}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	desk, err := a.Found(t.Context(), "Example")
	if err != nil {
		t.Fatal(err)
	}
	record := recorded(t, desk, "what was collected")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(data, "blobs")); err == nil {
		t.Error("evidence lies in the directory too")
	}
	file := filepath.Join(t.TempDir(), "b.tar")
	done(t, "backup", "--data", data, "--blobs", bucket, "--out", file)
	for _, where := range []string{blobtest.LocalS3(t), ""} {
		again := filepath.Join(t.TempDir(), "again")
		copyKeys(t, data, again, "root.key")
		t.Setenv("TICKMARK_BLOBS", where)
		out := done(t, "restore", "--data", again, "--from", file)
		if !strings.Contains(out, "1 blobs of") {
			t.Errorf("it says:\n%s", out)
		}
		got := done(t, "evidence", "content", "--data", again, string(record.ID))
		if !strings.Contains(got, "what was collected") && !strings.Contains(got, "d2hhdCB3YXMgY29sbGVjdGVk") {
			t.Errorf("its evidence reads %q", got)
		}
	}
	t.Setenv("TICKMARK_S3_SECRET_KEY", "")
	refusedBy(t, "TICKMARK_S3_SECRET_KEY", "key", "--data", data, "--blobs", bucket)
}
