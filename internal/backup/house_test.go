package backup_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/backup"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/blob/blobtest"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/seal"
)

// house is an installation with what the tests take away from it and put back.
type house struct {
	*op.Engine
	url   string
	store blob.Store
	root  *seal.Root
	held  *ledger.Held
	desks []*op.Desk
}

// kind is one of the ways in which an installation may keep its things.
type kind struct {
	name     string
	database func(t testing.TB) string // of nothing yet
	store    func(t testing.TB) blob.Store
}

func disk(t testing.TB) blob.Store {
	t.Helper()
	s, err := blob.NewDisk(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func bucket(t testing.TB) blob.Store {
	t.Helper()
	s, err := blob.NewS3(t.Context(), blobtest.FakeS3(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var (
	lite   = kind{"sqlite", dbtest.SQLite, disk}
	liteS3 = kind{"sqlite, bucket", dbtest.SQLite, bucket}
	pg     = kind{"postgres", dbtest.EmptyPostgres, disk}
	pgS3   = kind{"postgres, bucket", dbtest.EmptyPostgres, bucket}
)

func log(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

func unsafe(t testing.TB) db.Options { return db.Options{Unsafe: true, Log: log(t)} }

// build puts an installation together: new, or on what a restore has made.
func build(t testing.TB, url string, store blob.Store, root *seal.Root, now clock.Clock) *house {
	t.Helper()
	d, err := db.Open(t.Context(), url, unsafe(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	held, err := ledger.OpenHeld(filepath.Join(t.TempDir(), "keys", "held"))
	if err != nil {
		t.Fatal(err)
	}
	return &house{url: url, store: store, root: root, held: held, Engine: &op.Engine{DB: d, Ledger: ledger.New(d, root, held, now, log(t)),
		Vault: blob.NewVault(d, store, root), Clock: now, Log: log(t)}}
}

// settle makes an installation with two organizations and evidence of each.
func settle(t testing.TB, k kind, records int) *house {
	t.Helper()
	h := build(t, k.database(t), k.store(t), seal.NewRoot(), clock.NewFixed(optest.Start))
	for _, name := range []string{"Example", "Another"} {
		desk := optest.Found(t, h.Engine, name)
		h.desks = append(h.desks, desk)
		for i := range records {
			submit(t, desk, fmt.Sprintf("evidence %d of %s, größer als nichts <&>", i, name))
		}
	}
	if err := h.Ledger.SealAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

func submit(t testing.TB, desk *op.Desk, text string) evidence.Record {
	t.Helper()
	s, err := desk.Vault.Store(t.Context(), desk.Org, []byte(text), desk.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	r, err := evidence.Submit.Do(t.Context(), desk, evidence.Submission{Blob: s.Address, Title: "Über " + text[:8], MediaType: "text/plain", Origin: "directory"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// files makes a backup and returns where it lies.
func (h *house) files(t testing.TB) (backup.Source, *backup.Made) {
	t.Helper()
	main := filepath.Join(t.TempDir(), "backup.tar")
	from := backup.Source{Main: main, Secrets: backup.SecretsOf(main)}
	f, err := backup.Create(from.Main, from.Secrets)
	if err != nil {
		t.Fatal(err)
	}
	made, err := backup.Make(t.Context(), h.Engine, f.Main, f.Secrets, nil)
	if err != nil {
		t.Fatal(errors.Join(err, f.Abort()))
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	return from, made
}

// target is an empty place of a kind.
func (h *house) target(t testing.TB, k kind) backup.Target {
	t.Helper()
	return backup.Target{URL: k.database(t), Options: unsafe(t), Store: k.store(t), Root: h.root, Clock: h.Clock, Log: log(t)}
}

// moved restores a backup and moves in.
func (h *house) moved(t testing.TB, from backup.Source, k kind) (*house, *backup.Restored) {
	t.Helper()
	to := h.target(t, k)
	r, err := backup.Restore(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	n := build(t, to.URL, to.Store, h.root, h.Clock)
	for _, d := range h.desks {
		n.desks = append(n.desks, &op.Desk{Engine: n.Engine, Org: d.Org, Actor: d.Actor})
	}
	return n, r
}

// sit is where a member acts, as the rows say.
func (h *house) sit(t testing.TB, org id.Org, user id.User) auth.Actor {
	t.Helper()
	var a auth.Actor
	err := h.DB.Read(t.Context(), string(org), func(tx *db.Tx) (err error) {
		a, err = auth.MemberActor(tx, org, user, "api")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// everything reads all rows of all tables, as text, without an order.
func everything(t testing.TB, d *db.DB, except ...string) map[string]map[string]int {
	t.Helper()
	out := map[string]map[string]int{}
	err := d.Snapshot(t.Context(), func(tx *db.Tx) error {
		tables, err := tx.Tables()
		if err != nil {
			return err
		}
		for _, table := range tables {
			rows := map[string]int{}
			if err := tx.Dump(table, func(row []any) error { rows[fmt.Sprintf("%q", row)]++; return nil }); err != nil {
				return err
			}
			out[table.Name] = rows
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range except {
		delete(out, x)
	}
	return out
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// objects reads a store whole.
func objects(t testing.TB, s blob.Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := s.List(t.Context(), func(o blob.Object) error {
		r, err := s.Open(t.Context(), o.Name)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(r)
		out[o.Name] = string(b)
		return errors.Join(err, r.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// bundled is the bundle that an organization exports.
func bundled(t testing.TB, desk *op.Desk) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := evidence.WriteBundle(t.Context(), desk, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pgOrLite is PostgreSQL where there is one.
func pgOrLite(t testing.TB) kind {
	if os.Getenv(dbtest.Env) != "" {
		return pg
	}
	return lite
}

// entries lists the folder for temporary files.
func entries(t testing.TB) []string {
	t.Helper()
	list, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out
}
