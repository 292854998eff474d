package backup_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/backup"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/seal"
)

func sound(t *testing.T, r *backup.Restored, blobs int64) {
	t.Helper()
	if len(r.Faults) > 0 || r.Blobs != blobs || len(r.Absent) > 0 || r.Erased > 0 {
		t.Errorf("restored with %+v; want %d blobs and no fault", r, blobs)
	}
	for _, l := range r.Logs {
		if l.Closed != 0 || l.Entries == 0 || l.Signed == 0 || l.Head == "" {
			t.Errorf("log %+v", l)
		}
	}
}

// What was backed up comes back the same, whichever database and store it came
// from and goes to.
func TestRestoreGivesBackTheSame(t *testing.T) {
	for _, way := range [][2]kind{{lite, lite}, {lite, liteS3}, {liteS3, lite}, {lite, pg}, {pg, lite}, {pg, pgS3}, {pgS3, liteS3}} {
		t.Run(way[0].name+" to "+way[1].name, func(t *testing.T) {
			h := settle(t, way[0], 5)
			from, made := h.files(t)
			if n, _ := made.Blobs(); n != 10 || made.Entries() == 0 || made.AbsentCount != 0 {
				t.Errorf("backed up %d blobs, %d entries", n, made.Entries())
			}
			n, r := h.moved(t, from, way[1])
			sound(t, r, 10)
			if got, want := everything(t, n.DB), everything(t, h.DB); !cmp.Equal(got, want) {
				t.Error("the rows differ:", cmp.Diff(got, want))
			}
			if got, want := objects(t, n.store), objects(t, h.store); !cmp.Equal(got, want) {
				t.Errorf("%d objects came back of %d, or others", len(got), len(want))
			}
			for i, desk := range n.desks {
				if a := n.sit(t, desk.Org, desk.Actor.User); !cmp.Equal(a, h.desks[i].Actor) {
					t.Errorf("its owner is %+v", a)
				}
				sameEvidence(t, desk, h.desks[i])
				if size, err := n.Ledger.Audit(t.Context(), desk.Org); err != nil || size == 0 {
					t.Errorf("the log does not stand: %d, %v", size, err)
				}
			}
			sameBundle(t, n, h)
		})
	}
}

func sameEvidence(t *testing.T, got, want *op.Desk) {
	t.Helper()
	list, err := evidence.List.Do(t.Context(), want, evidence.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list.Items {
		a, errA := evidence.Content.Do(t.Context(), got, evidence.Ref{ID: string(r.ID)})
		b, errB := evidence.Content.Do(t.Context(), want, evidence.Ref{ID: string(r.ID)})
		if err := errors.Join(errA, errB); err != nil || !bytes.Equal(a.Data, b.Data) || len(a.Data) == 0 {
			t.Errorf("evidence %s reads %q, was %q, %v", r.ID, a.Data, b.Data, err)
		}
	}
}

// sameBundle exports from both and compares what a stranger would read.
func sameBundle(t *testing.T, got, want *house) {
	t.Helper()
	for _, h := range []*house{got, want} {
		optest.Sign(t, h.Engine)
	}
	for i := range want.desks {
		var reports []*bundle.Report
		items := func(r *bundle.Report) string {
			if len(r.Items) < 5 {
				t.Fatalf("%d items", len(r.Items))
			}
			b, err := json.MarshalIndent(r.Items[:len(r.Items)-1], "", " ") // the last is this very export
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		for _, h := range []*house{got, want} {
			b := bundled(t, h.desks[i])
			r, err := bundle.Verify(bytes.NewReader(b), int64(len(b)), bundle.Options{})
			if err != nil {
				t.Fatal(err)
			}
			reports = append(reports, r)
		}
		if got, want := items(reports[0]), items(reports[1]); got != want || reports[0].Verdict != bundle.Consistent {
			t.Error("the bundles differ:", reports[0].Verdict, cmp.Diff(got, want))
		}
	}
}

// A backup is of one moment, whatever is written meanwhile: every log stands,
// and every row's blob is there.
func TestBackupWhileOthersWrite(t *testing.T) {
	for _, k := range []kind{lite, liteS3, pg} {
		t.Run(k.name, func(t *testing.T) {
			h := settle(t, k, 2)
			optest.Sign(t, h.Engine)
			stop := make(chan struct{})
			started := make(chan struct{}, 100)
			var wg sync.WaitGroup
			for w := range 4 {
				wg.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-stop:
							return
						default:
						}
						submit(t, h.desks[w%2], fmt.Sprintf("writer %d, record %d", w, i))
						select {
						case started <- struct{}{}:
						default:
						}
					}
				})
			}
			for range 8 {
				<-started
			}
			var all []backup.Source
			for range 3 {
				from, made := h.files(t)
				if made.AbsentCount != 0 {
					t.Errorf("absent: %+v", made.Absent)
				}
				all = append(all, from)
				for len(started) > 0 {
					<-started
				}
				<-started // the next shows more
			}
			close(stop)
			wg.Wait()
			var last int64
			for _, from := range all {
				_, r := h.moved(t, from, lite)
				sound(t, r, r.Blobs)
				var entries int64
				for _, l := range r.Logs {
					entries += l.Entries
				}
				if entries <= last || r.Blobs < 4 {
					t.Errorf("%d entries and %d blobs, and %d entries the time before", entries, r.Blobs, last)
				}
				last = entries
			}
		})
	}
}

// The first file opens nothing: neither what the log says nor the evidence,
// nor who the people are.
func TestFirstFileAloneOpensNothing(t *testing.T) {
	for _, k := range []kind{lite, pg} {
		t.Run(k.name, func(t *testing.T) {
			h := settle(t, k, 3)
			from, _ := h.files(t)
			main := read(t, from.Main)
			for _, secret := range []string{"evidence 1 of Example", h.desks[0].Actor.Email, "password_hash", "\"salt\"", "file_key", "Über", "directory"} {
				if bytes.Contains(main, []byte(secret)) {
					t.Errorf("the first file shows %q", secret)
				}
				if secret != "evidence 1 of Example" && !bytes.Contains(read(t, from.Secrets), []byte(secret)) {
					t.Errorf("the second file lacks %q: this test looks for the wrong thing", secret)
				}
			}
			n, r := h.moved(t, backup.Source{Main: from.Main}, k)
			if len(r.Faults) > 0 || r.Blobs != 6 || !r.Keys.IsZero() {
				t.Errorf("restored with %+v; want the trees and the ciphertext to stand", r)
			}
			for _, l := range r.Logs {
				if l.Closed == 0 || l.Closed > l.Entries {
					t.Errorf("%d of %d entries are said to be closed", l.Closed, l.Entries)
				}
			}
			list, err := evidence.List.Do(t.Context(), h.desks[0], evidence.Filter{})
			if err != nil || len(list.Items) == 0 {
				t.Fatal(err)
			}
			_, err = n.Vault.Get(t.Context(), h.desks[0].Org, addressOf(t, n, h.desks[0].Org))
			if !errors.Is(err, blob.ErrErased) || !strings.Contains(err.Error(), "second file of its backup") {
				t.Errorf("evidence reads as %v; want clear words", err)
			}
			if _, err := n.Vault.Put(t.Context(), h.desks[0].Org, []byte("new")); err == nil {
				t.Error("new evidence is taken without a key")
			}
		})
	}
}

func addressOf(t *testing.T, h *house, org id.Org) string {
	t.Helper()
	rows, err := blob.SealedAfter(t.Context(), h.DB, org, "", 1)
	if err != nil || len(rows) == 0 {
		t.Fatalf("no blob: %v", err)
	}
	return rows[0].Address
}

// An old first file with the second of today gives back what was then, but
// for what has been erased since.
func TestSecondFileOfALaterBackupOpensAnEarlierFirst(t *testing.T) {
	for _, k := range []kind{lite, pg} {
		t.Run(k.name, func(t *testing.T) {
			h := settle(t, k, 3)
			old, _ := h.files(t)
			gone := addressOf(t, h, h.desks[0].Org)
			err := h.DB.Write(t.Context(), string(h.desks[0].Org), func(tx *db.Tx) error {
				n, err := tx.Exec("DELETE FROM blob WHERE org_id = ? AND address = ?", h.desks[0].Org, gone)
				if n != 1 {
					return fmt.Errorf("%d rows, %w", n, err)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			optest.Clock(h.desks[0]).Advance(40 * 24 * time.Hour)
			submit(t, h.desks[0], "evidence of later")
			optest.Found(t, h.Engine, "Founded later")
			later, _ := h.files(t)

			n, r := h.moved(t, backup.Source{Main: old.Main, Secrets: later.Secrets}, k)
			if len(r.Faults) > 0 || r.Blobs != 5 || r.Erased != 1 || !r.Keys.After(r.Taken) {
				t.Errorf("restored with %+v; want five blobs, and one erased since", r)
			}
			if _, err := n.Vault.Get(t.Context(), h.desks[0].Org, gone); !errors.Is(err, blob.ErrErased) {
				t.Errorf("what was erased since is back: %v", err)
			}
			if got := n.sit(t, h.desks[0].Org, h.desks[0].Actor.User); got.Email != h.desks[0].Actor.Email {
				t.Errorf("its owner is %+v", got)
			}
			if _, err := n.Ledger.Audit(t.Context(), h.desks[0].Org); err != nil {
				t.Errorf("the log does not stand: %v", err)
			}
			if list, err := evidence.List.Do(t.Context(), n.desks[0], evidence.Filter{}); err != nil || len(list.Items) != 3 {
				t.Errorf("%d records, %v; want those of then", len(list.Items), err)
			}

			_, err = backup.Restore(t.Context(), backup.Source{Main: later.Main, Secrets: old.Secrets}, h.target(t, lite))
			if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), "or of a later one") {
				t.Errorf("a second file that is too old: %v", err)
			}
		})
	}
}

// A blob that is lost already keeps nobody from having the rest.
func TestBackupGoesOnWithoutALostBlob(t *testing.T) {
	h := settle(t, lite, 4)
	var names []string
	if err := h.store.List(t.Context(), func(o blob.Object) error { names = append(names, o.Name); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := h.store.Delete(t.Context(), names[0]); err != nil {
		t.Fatal(err)
	}
	spoil(t, h.store, names[1])
	from, made := h.files(t)
	if made.AbsentCount != 2 || len(made.Absent) != 2 || made.Result(optest.Start).Outcome != backup.Incomplete {
		t.Fatalf("absent: %+v", made.Absent)
	}
	_, r := h.moved(t, from, lite)
	if len(r.Faults) > 0 || r.Blobs != 6 || len(r.Absent) != 2 {
		t.Errorf("restored with %+v; want six blobs and two named", r)
	}
}

func spoil(t *testing.T, s blob.Store, name string) {
	t.Helper()
	data := []byte(objects(t, s)[name])
	data[len(data)/2] ^= 1
	if err := errors.Join(s.Delete(t.Context(), name), s.Put(t.Context(), name, bytes.NewReader(data))); err != nil {
		t.Fatal(err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	h := settle(t, lite, 2)
	from, _ := h.files(t)
	try := func(name string, from backup.Source, to backup.Target, want string) {
		t.Run(name, func(t *testing.T) {
			_, err := backup.Restore(t.Context(), from, to)
			if err == nil || fault.KindOf(err) == fault.KindInternal || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
	try("the files exchanged", backup.Source{Main: from.Secrets, Secrets: from.Main}, h.target(t, lite), "is the second file")
	try("the first file twice", backup.Source{Main: from.Main, Secrets: from.Main}, h.target(t, lite), "its second is wanted")
	try("a file that is not there", backup.Source{Main: from.Main + ".no"}, h.target(t, lite), "cannot be read")
	try("a file that is no backup", backup.Source{Main: write(t, "x", []byte("PK\x03\x04"))}, h.target(t, lite), "no backup of Tickmark")
	try("an empty file", backup.Source{Main: write(t, "x", nil)}, h.target(t, lite), "no backup of Tickmark")

	other := h.target(t, lite)
	other.Root = seal.NewRoot()
	try("another root key", from, other, "the root key does not fit")

	used := h.target(t, lite)
	used.URL = h.url
	try("a database that is used", from, used, "is there already")

	t.Run("another installation's second file", func(t *testing.T) {
		theirs, _ := settle(t, lite, 1).files(t)
		_, err := backup.Restore(t.Context(), backup.Source{Main: from.Main, Secrets: theirs.Secrets}, h.target(t, lite))
		if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), "does not open") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a database that is used, on PostgreSQL", func(t *testing.T) {
		p := settle(t, pg, 1)
		to := h.target(t, pg)
		to.URL = p.url
		before := everything(t, p.DB)
		_, err := backup.Restore(t.Context(), from, to)
		if fault.KindOf(err) != fault.KindConflict || !strings.Contains(err.Error(), "give a database that is empty") {
			t.Errorf("got %v", err)
		}
		if !cmp.Equal(before, everything(t, p.DB)) {
			t.Error("it was changed all the same")
		}
	})
}

// What is changed, and what is missing at the end, is found before anything is
// made.
func TestDamagedBackupIsRefused(t *testing.T) {
	h := settle(t, lite, 1)
	from, _ := h.files(t)
	for name, path := range map[string]string{"first": from.Main, "second": from.Secrets} {
		data := read(t, path)
		refused := func(what string, data []byte) {
			t.Helper()
			src := from
			if bad := write(t, "bad", data); name == "first" {
				src.Main = bad
			} else {
				src.Secrets = bad
			}
			to := h.target(t, lite)
			_, err := backup.Restore(t.Context(), src, to)
			if fault.KindOf(err) != fault.KindInvalid {
				t.Fatalf("%s file, %s: %v", name, what, err)
			}
			if _, err := os.Stat(strings.TrimPrefix(to.URL, "sqlite:")); err == nil {
				t.Fatalf("%s file, %s: a database was made", name, what)
			}
		}
		for _, cut := range []int{len(data) / 7, len(data) / 2, len(data) * 3 / 4, len(data) - 1600} {
			refused(fmt.Sprintf("cut at %d", cut), data[:cut])
		}
		for _, mark := range []string{`"schema"`, "tables/ledger_", "summary.json", "SHA256SUMS", "org_id", "tickmark/"} {
			if at := bytes.LastIndex(data, []byte(mark)); at > 0 {
				bad := bytes.Clone(data)
				bad[at+1] ^= 4
				refused("changed at "+mark, bad)
			}
		}
		refused("followed by itself", append(bytes.Clone(data[:len(data)-1024]), data...))
	}
}

// Every member of the first file is compared with what it was: a change is
// told of the member where it is.
func TestDamageIsNamed(t *testing.T) {
	h := settle(t, lite, 1)
	from, _ := h.files(t)
	data := read(t, from.Main)
	for mark, content := range map[string]string{"tables/orgs/": `"Example"`, "tables/ledger_leaf/": `["org_id","log_id","idx"`, "blobs/": "age-encryption.org", "summary.json": `"signed":`} {
		at := bytes.Index(data, []byte(content))
		bad := bytes.Clone(data)
		bad[at+2] ^= 1
		_, err := backup.Restore(t.Context(), backup.Source{Main: write(t, "bad", bad), Secrets: from.Secrets}, h.target(t, lite))
		if err == nil || !strings.Contains(err.Error(), mark) || !strings.Contains(err.Error(), "not as it was written") {
			t.Errorf("%s: %v", mark, err)
		}
	}
}

// A restore that was cut off leaves nothing that looks whole.
func TestUnfinishedRestoreIsNotOpened(t *testing.T) {
	for _, k := range []kind{lite, pg} {
		t.Run(k.name, func(t *testing.T) {
			h := settle(t, lite, 3)
			from, _ := h.files(t)
			to := h.target(t, k)
			to.Store = full{to.Store}
			if _, err := backup.Restore(t.Context(), from, to); !errors.Is(err, errFull) {
				t.Fatalf("got %v", err)
			}
			d, err := db.Open(t.Context(), to.URL, unsafe(t))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if err := backup.Whole(t.Context(), d); fault.KindOf(err) != fault.KindConflict {
				t.Errorf("half an installation is whole: %v", err)
			}
			if err := backup.Whole(t.Context(), h.DB); err != nil {
				t.Errorf("a whole one: %v", err)
			}
		})
	}
}

var errFull = errors.New("the store is full")

// full is a store that takes two objects and no more.
type full struct{ blob.Store }

func (f full) Put(ctx context.Context, name string, r io.Reader) error {
	n := 0
	if err := f.List(ctx, func(blob.Object) error { n++; return nil }); err != nil {
		return err
	}
	if n == 2 {
		return errFull
	}
	return f.Store.Put(ctx, name, r)
}

func TestFilesAppearWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	main := filepath.Join(dir, "b.tar")
	f, err := backup.Create(main, backup.SecretsOf(main))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Abort(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	h := settle(t, lite, 1)
	from, made := h.files(t)
	for _, p := range []string{from.Main, from.Secrets} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want it to be for its owner alone", p, info.Mode(), err)
		}
	}
	if n := int64(len(read(t, from.Main))); made.Main.Size != n {
		t.Errorf("said to have %d bytes, has %d", made.Main.Size, n)
	}
	if _, err := backup.Create(from.Main, from.Secrets); fault.KindOf(err) != fault.KindConflict {
		t.Errorf("a backup may be overwritten: %v", err)
	}
	if _, err := backup.Create(main, main); fault.KindOf(err) != fault.KindInvalid {
		t.Errorf("both in one file: %v", err)
	}
	if _, err := backup.Create(filepath.Join(dir, "no", "b"), filepath.Join(dir, "no", "c")); fault.KindOf(err) != fault.KindInvalid {
		t.Errorf("in no folder: %v", err)
	}
}

// What was signed since an old backup is known outside of it: the restore says
// so, and the installation takes no entry until somebody decides.
func TestOldBackupIsToldFromTheNewest(t *testing.T) {
	for _, k := range []kind{lite, pg} {
		t.Run(k.name, func(t *testing.T) {
			h := settle(t, k, 2)
			from, _ := h.files(t)
			again := func(name string) (*backup.Restored, *ledger.Ledger, *db.DB) {
				t.Helper()
				to := h.target(t, k)
				to.Held = h.held
				r, err := backup.Restore(t.Context(), from, to)
				if err != nil {
					t.Fatal(name, err)
				}
				d, err := db.Open(t.Context(), to.URL, unsafe(t))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { d.Close() })
				l := ledger.New(d, h.root, h.held, h.Clock, log(t))
				if err := l.Check(t.Context()); err != nil {
					t.Fatal(name, err)
				}
				return r, l, d
			}
			if r, l, _ := again("newest"); r.Older() || l.Locked() != "" || len(r.Faults) > 0 {
				t.Errorf("the newest: %+v, %s", r, l.Locked())
			}
			submit(t, h.desks[0], "one more")
			if err := h.Ledger.SealAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			r, l, d := again("old")
			if !r.Older() || len(r.Faults) > 0 {
				t.Errorf("the old: %+v", r)
			}
			for _, c := range r.Logs {
				if mine := c.Org == h.desks[0].Org; mine != (c.Held > c.Entries) {
					t.Errorf("log %+v", c)
				}
			}
			if !strings.Contains(l.Locked(), "older copy") {
				t.Errorf("it starts as if nothing were: %q", l.Locked())
			}
			e := *h.Engine
			e.DB, e.Ledger = d, l
			if err := backup.Record(t.Context(), &e, backup.Result{Kind: backup.Drill, Outcome: backup.OK}); fault.KindOf(err) != fault.KindConflict {
				t.Errorf("it takes an entry: %v", err)
			}
			if made, err := backup.Make(t.Context(), &e, io.Discard, io.Discard, nil); err != nil || made.Entries() == 0 {
				t.Errorf("what is read-only cannot be backed up: %v", err)
			}

			optest.Found(t, h.Engine, "Founded since")
			if err := h.Ledger.SealAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			r, l, _ = again("without a log")
			if !r.Older() || len(r.Logs) != 3 || l.Locked() == "" {
				t.Errorf("a log begun since: %+v, %q", r.Logs, l.Locked())
			}
		})
	}
}

// The first file is put back first, so nothing in it may refer to the second.
func TestFirstFileStandsOnItsOwn(t *testing.T) {
	h := build(t, lite.database(t), disk(t), seal.NewRoot(), clock.NewFixed(optest.Start))
	apart, left := backup.Apart()
	seen := map[string]bool{}
	err := h.DB.Snapshot(t.Context(), func(tx *db.Tx) error {
		tables, err := tx.Tables()
		for _, table := range tables {
			seen[table.Name] = true
			if slices.Contains(left, table.Name) {
				continue
			}
			for _, parent := range table.Refers {
				if slices.Contains(left, parent) || slices.Contains(apart, parent) && !slices.Contains(apart, table.Name) {
					t.Errorf("%s refers to %s, which is not in the first file: put both into the second", table.Name, parent)
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Concat(apart, left) {
		if !seen[name] {
			t.Errorf("there is no table %s", name)
		}
	}
}
