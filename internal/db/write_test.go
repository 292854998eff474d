package db_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
)

const insertOrg = "INSERT INTO orgs (org_id, name, zone, version, created) VALUES (?, ?, 'UTC', 1, 1)"

// put stores a row that stands for any change.
func put(ctx context.Context, d *db.DB, org string) error {
	return d.Write(ctx, org, func(tx *db.Tx) error {
		_, err := tx.Exec(insertOrg, org, "name of "+org)
		return err
	})
}

// stored lists the rows that are there.
func stored(t *testing.T, d *db.DB) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	err := d.Read(t.Context(), db.All, func(tx *db.Tx) error {
		return tx.Each("SELECT org_id FROM orgs", nil, func(scan func(...any) error) error {
			var s string
			err := scan(&s)
			out[s] = true
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func sqlite(t testing.TB) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), dbtest.SQLite(t), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// together runs writes in one batch of SQLite's writer: it holds the writer
// back until all of them wait.
func together(t *testing.T, d *db.DB, writes ...func() error) []error {
	t.Helper()
	errs := make([]error, len(writes))
	hold, held := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		d.Write(t.Context(), "org_hold", func(*db.Tx) error { close(held); <-hold; return errors.New("only to hold") })
	})
	<-held
	for i, w := range writes {
		wg.Go(func() { errs[i] = w() })
		for d.Dialect() == db.SQLite && d.Waiting() <= i {
			runtime.Gosched()
		}
	}
	close(hold)
	wg.Wait()
	return errs
}

func TestAFailingWriteTakesNothingElseAlong(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		refused := errors.New("refused")
		var committed [6]atomic.Int32
		write := func(i int, end func(tx *db.Tx) error) func() error {
			return func() error {
				org := fmt.Sprintf("org_%d", i)
				return d.Write(t.Context(), org, func(tx *db.Tx) error {
					if _, err := tx.Exec(insertOrg, org, "x"); err != nil {
						return err
					}
					tx.OnCommit(func() { committed[i].Add(1) })
					return end(tx)
				})
			}
		}
		fine := func(*db.Tx) error { return nil }
		errs := together(t, d,
			write(0, fine),
			write(1, func(*db.Tx) error { return refused }),
			write(2, fine),
			write(3, func(*db.Tx) error { panic("at the disco") }),
			write(4, func(tx *db.Tx) error { _, err := tx.Exec(insertOrg, "org_4", "again"); return err }),
			write(5, fine),
		)
		if errs[0] != nil || errs[2] != nil || errs[5] != nil {
			t.Errorf("good writes failed: %v", errs)
		}
		if !errors.Is(errs[1], refused) {
			t.Errorf("got %v, want the error of the write itself", errs[1])
		}
		if errs[3] == nil || !strings.Contains(errs[3].Error(), "at the disco") {
			t.Errorf("got %v, want the panic as an error", errs[3])
		}
		if !db.IsDuplicate(errs[4]) {
			t.Errorf("got %v, want a duplicate", errs[4])
		}
		want := map[string]bool{"org_0": true, "org_2": true, "org_5": true}
		if diff := cmp.Diff(want, stored(t, d)); diff != "" {
			t.Errorf("stored rows (-want +got):\n%s", diff)
		}
		for i := range committed {
			if got, want := committed[i].Load() == 1, errs[i] == nil; got != want {
				t.Errorf("write %d: OnCommit ran %d times, but its error is %v", i, committed[i].Load(), errs[i])
			}
		}
		if err := put(t.Context(), d, "org_after"); err != nil {
			t.Errorf("the next write fails: %v", err)
		}
	})
}

// SQLite rolls back the whole transaction, and with it the writes of others,
// when a statement that writes is interrupted.
func TestAWriteThatIsGivenUpTakesNothingElseAlong(t *testing.T) {
	d := sqlite(t)
	ctx, cancel := context.WithCancel(t.Context())
	errs := together(t, d,
		func() error { return put(t.Context(), d, "org_before") },
		func() error {
			return d.Write(ctx, "org_given_up", func(tx *db.Tx) error {
				go cancel()
				for i := range 50 { // until the cancellation has come through
					_, err := tx.Exec(`INSERT INTO users (id, email, name, password_hash, created, disabled)
						WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
						SELECT ? || '-' || i, ? || '-' || i, 'n', '', 1, FALSE FROM n`, i, i)
					if err != nil {
						return err
					}
				}
				<-ctx.Done()
				return ctx.Err()
			})
		},
		func() error { return put(t.Context(), d, "org_beside") },
	)
	if errs[0] != nil || errs[2] != nil || !errors.Is(errs[1], context.Canceled) {
		t.Errorf("got %v, want only the second to fail, with %v", errs, context.Canceled)
	}
	if diff := cmp.Diff(map[string]bool{"org_before": true, "org_beside": true}, stored(t, d)); diff != "" {
		t.Errorf("stored rows (-want +got):\n%s", diff)
	}
}

func TestAWriteWhoseCallerIsGoneDoesNotRun(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := put(ctx, d, "org_a"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		if got := stored(t, d); len(got) != 0 {
			t.Errorf("stored %v", got)
		}
		ctx, cancel = context.WithCancel(t.Context())
		err := d.Write(ctx, "org_b", func(tx *db.Tx) error {
			_, err := tx.Exec(insertOrg, "org_b", "x")
			cancel() // after the last statement, before COMMIT
			return err
		})
		if got := stored(t, d)["org_b"]; got != (err == nil) || errors.Is(err, db.ErrUnknown) {
			t.Errorf("answered %v, but stored is %v", err, got)
		}
	})
}

func TestManyWritersLoseNothing(t *testing.T) {
	const writers, each = 32, 12
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					if err := put(t.Context(), d, fmt.Sprintf("org_%d_%d", w, i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if got := len(stored(t, d)); got != writers*each {
			t.Errorf("got %d rows, want %d", got, writers*each)
		}
	})
}

// An upsert of a head row with RETURNING is how numbers are given out.
func TestNumbersFromAHeadRowHaveNoGapAndNoTwin(t *testing.T) {
	const writers, each = 16, 10
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var (
			wg   sync.WaitGroup
			mu   sync.Mutex
			seen = map[int64]bool{}
		)
		for range writers {
			wg.Go(func() {
				for range each {
					var n int64
					err := d.Write(t.Context(), "org_a", func(tx *db.Tx) error {
						return tx.Row(`INSERT INTO ledger_head (org_id, log_id, size, recorded) VALUES ('org_a', 'log_a', 1, 0)
							ON CONFLICT (org_id, log_id) DO UPDATE SET size = ledger_head.size + 1 RETURNING size`, nil, &n)
					})
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					if seen[n] {
						t.Errorf("%d was given out twice", n)
					}
					seen[n] = true
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for n := int64(1); n <= writers*each; n++ {
			if !seen[n] {
				t.Errorf("%d is missing", n)
			}
		}
	})
}

func TestWritesKeepTheirOrder(t *testing.T) {
	d := sqlite(t)
	var got []int
	var writes []func() error
	for i := range 20 {
		writes = append(writes, func() error {
			return d.Write(t.Context(), "org_a", func(*db.Tx) error { got = append(got, i); return nil })
		})
	}
	together(t, d, writes...)
	for i := range got {
		if got[i] != i {
			t.Fatalf("ran in the order %v", got)
		}
	}
}

func TestCloseFinishesWhatWaitsAndRefusesTheRest(t *testing.T) {
	url := dbtest.SQLite(t)
	for range 20 {
		d, err := db.Open(t.Context(), url, db.Options{})
		if err != nil {
			t.Fatal(err)
		}
		before := stored(t, d)
		answers := make([]error, 40)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = put(t.Context(), d, fmt.Sprintf("org_%d_%d", len(before), i)) })
			if i == 20 {
				wg.Go(func() {
					if err := d.Close(); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait() // each write is answered
		if err := put(t.Context(), d, "org_late"); err == nil {
			t.Error("a closed database takes a write")
		}
		d, err = db.Open(t.Context(), url, db.Options{})
		if err != nil {
			t.Fatal(err)
		}
		after := stored(t, d)
		for i, err := range answers {
			if got := after[fmt.Sprintf("org_%d_%d", len(before), i)]; got != (err == nil) {
				t.Errorf("write %d was answered %v, but stored is %v", i, err, got)
			}
		}
		d.Close()
	}
}
