package db_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/tickmark/tickmark/internal/db"
)

const insertHash = "INSERT INTO ledger_hash (org_id, log_id, pos, hash) VALUES ('org_a', 'log_a', ?, ?)"

// fill writes big rows until the disk is full, 8 at a time, and returns the
// rows that were acknowledged and the first refusal.
func fill(t *testing.T, d *db.DB) (map[int]bool, error) {
	t.Helper()
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		acked = map[int]bool{}
		first error
	)
	for w := range 8 {
		wg.Go(func() {
			for i := w; ; i += 8 {
				err := putBig(t.Context(), d, i)
				mu.Lock()
				if err == nil {
					acked[i] = true
				} else if first == nil {
					first = err
				}
				stop := first != nil
				mu.Unlock()
				if stop {
					return
				}
				if i > 100_000 {
					t.Error("the disk never gets full")
					return
				}
			}
		})
	}
	wg.Wait()
	return acked, first
}

func putBig(ctx context.Context, d *db.DB, i int) error {
	return d.Write(ctx, "org_a", func(tx *db.Tx) error {
		_, err := tx.Exec(insertHash, i, make([]byte, 20_000))
		return err
	})
}

func bigOnes(t *testing.T, d *db.DB) map[int]bool {
	t.Helper()
	out := map[int]bool{}
	err := d.Read(t.Context(), "org_a", func(tx *db.Tx) error {
		return tx.Each("SELECT pos, hash FROM ledger_hash", nil, func(scan func(...any) error) error {
			var (
				i int
				b []byte
			)
			err := scan(&i, &b)
			out[i] = len(b) == 20_000
			return err
		})
	})
	if err != nil {
		t.Fatalf("reading does not work on a full disk: %v", err)
	}
	return out
}

// afterFull checks what must hold when a write was refused for want of space.
func afterFull(t *testing.T, d *db.DB, acked map[int]bool, refusal error) {
	t.Helper()
	if len(acked) == 0 {
		t.Fatalf("nothing was ever stored: %v", refusal)
	}
	for _, w := range []string{"the disk is full", "nothing of this was stored"} {
		if !strings.Contains(refusal.Error(), w) {
			t.Errorf("got %q, want it to say %q", refusal, w)
		}
	}
	if errors.Is(refusal, db.ErrUnknown) || errors.Is(refusal, db.ErrStopped) {
		t.Errorf("got %v, want a plain refusal", refusal)
	}
	there := bigOnes(t, d)
	for i := range acked {
		if !there[i] {
			t.Errorf("row %d was acknowledged and is gone", i)
		}
	}
	if len(there) != len(acked) {
		t.Errorf("%d rows are there, %d were acknowledged", len(there), len(acked))
	}
}

func TestFullDiskLosesNothingAndPasses(t *testing.T) {
	d := sqlite(t)
	pages, err := d.Pages()
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		if err := d.LimitPages(pages + 400); err != nil {
			t.Fatal(err)
		}
		acked, refusal := fill(t, d)
		afterFull(t, d, acked, refusal)
		if err := d.LimitPages(1 << 20); err != nil {
			t.Fatal(err)
		}
		for i := range acked { // there is space again, and the clearing needs none
			err := d.Write(t.Context(), "org_a", func(tx *db.Tx) error {
				_, err := tx.Exec("DELETE FROM ledger_hash WHERE org_id = 'org_a' AND pos = ?", i)
				return err
			})
			if err != nil {
				t.Fatalf("round %d: writing does not work again: %v", round, err)
			}
		}
		if err := d.Ping(t.Context()); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
	}
}

// The real thing: a file system of a few megabytes. Mounting one needs rights
// that not every machine gives.
func TestFullFileSystemLosesNothingAndPasses(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("not run: no right to mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	url := "sqlite:" + filepath.Join(dir, "tickmark.db")
	d, err := db.Open(t.Context(), url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	acked, refusal := fill(t, d)
	afterFull(t, d, acked, refusal)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := putBig(t.Context(), d, 1_000_000+i); err != nil {
			t.Fatalf("writing does not work again: %v", err)
		}
		acked[1_000_000+i] = true
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = db.Open(t.Context(), url, db.Options{}); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got := len(bigOnes(t, d)); got != len(acked) {
		t.Errorf("after a restart %d rows are there, %d were acknowledged", got, len(acked))
	}
	t.Logf("%d rows fitted; then: %v", len(acked)-10, refusal)
}
