package ledger_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/seal"
)

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// house is a ledger with all it stands on, for one organization.
type house struct {
	d     *db.DB
	l     *ledger.Ledger
	clock *clock.Fixed
	org   id.Org
	root  *seal.Root
	held  string // path
}

func build(t testing.TB, d *db.DB) *house {
	t.Helper()
	h := &house{d: d, clock: clock.NewFixed(start), org: id.New[id.Org](start), root: seal.NewRoot(), held: filepath.Join(t.TempDir(), "held")}
	h.reopen(t)
	h.create(t, false)
	return h
}

// reopen is a new process on the same database and keys.
func (h *house) reopen(t testing.TB) {
	t.Helper()
	held, err := ledger.OpenHeld(h.held)
	if err != nil {
		t.Fatal(err)
	}
	h.l = ledger.New(h.d, h.root, held, h.clock, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err := h.l.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (h *house) create(t testing.TB, demo bool) *ledger.Log {
	t.Helper()
	var lg *ledger.Log
	err := h.d.Write(t.Context(), string(h.org), func(tx *db.Tx) (err error) {
		lg, err = h.l.Create(tx, h.org, demo, h.clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lg
}

// entry is an ordinary one.
func entry(what string) ledger.Entry {
	return ledger.Entry{Kind: canon.KindOp, Actor: `{"id":"usr_1"}`, Body: `{"op":"tests.do","what":"` + what + `"}`}
}

// try appends an entry.
func (h *house) try(ctx context.Context, e ledger.Entry) (index int64, err error) {
	err = h.d.Write(ctx, string(h.org), func(tx *db.Tx) (err error) {
		index, err = h.l.Append(tx, h.org, e, h.clock.Now())
		return err
	})
	return index, err
}

// add appends n entries that must be taken.
func (h *house) add(t testing.TB, n int) {
	t.Helper()
	for i := range n {
		if _, err := h.try(t.Context(), entry(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
}

func (h *house) seal(t testing.TB) ledger.Checkpoint {
	t.Helper()
	c, err := h.l.Seal(t.Context(), h.org)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (h *house) read(t testing.TB, fn func(tx *db.Tx) error) {
	t.Helper()
	if err := h.d.Read(t.Context(), string(h.org), fn); err != nil {
		t.Fatal(err)
	}
}

func (h *house) leaves(t testing.TB) (out [][]byte) {
	t.Helper()
	h.read(t, func(tx *db.Tx) (err error) {
		out, err = h.l.Leaves(tx, h.org, 0, 1<<40)
		return err
	})
	return out
}

// rootOf is the definition of RFC 6962, section 2.1, written again.
func rootOf(leaves [][]byte) [32]byte {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	left, right := rootOf(leaves[:k]), rootOf(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

func TestEveryHeadIsTheRootOfItsLeaves(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		for i := range 40 {
			h.add(t, i%5)
			c := h.seal(t)
			leaves := h.leaves(t)
			if c.Size != int64(len(leaves)) || c.Root != tlog.Hash(rootOf(leaves)) {
				t.Fatalf("after %d entries the head is %d %s, want %d %s", len(leaves), c.Size, c.Root, len(leaves), tlog.Hash(rootOf(leaves)))
			}
		}
		n, err := h.l.Audit(t.Context(), h.org)
		if err != nil || n != int64(len(h.leaves(t))) {
			t.Errorf("audit read %d entries, %v", n, err)
		}
	})
}

func TestLeavesSayWhatWasAppended(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.clock.Advance(time.Second)
		e := entry("x")
		e.Content = canon.Content(strings.Repeat("ab", 32), 5)
		index, err := h.try(t.Context(), e)
		if err != nil || index != 1 {
			t.Fatalf("got index %d, %v; want 1", index, err)
		}
		h.read(t, func(tx *db.Tx) error {
			row, err := h.l.Entry(tx, h.org, 1)
			if err != nil {
				return err
			}
			leaf, err := canon.ParseLeaf(row.Leaf)
			if err != nil {
				return err
			}
			if leaf.Index != 1 || leaf.Kind != canon.KindOp || !leaf.Recorded.Equal(start.Add(time.Second)) || !row.Recorded.Equal(leaf.Recorded) {
				t.Errorf("got %+v", leaf)
			}
			openings, err := h.l.Openings(tx, h.org, 1, 2)
			if err != nil {
				return err
			}
			want := map[string]string{canon.LabelActor: e.Actor, canon.LabelBody: e.Body, canon.LabelContent: e.Content}
			for _, o := range openings {
				if o.Payload != want[o.Label] || canon.Commit(o.Salt, o.Label, o.Payload) != leaf.Commit[o.Label] {
					t.Errorf("%s: the opening does not fit", o.Label)
				}
				delete(want, o.Label)
			}
			if len(want) > 0 || len(leaf.Commit) != 3 {
				t.Errorf("openings %v are missing, or more is committed to: %v", want, leaf.Commit)
			}
			if _, err := h.l.Entry(tx, h.org, 2); fault.KindOf(err) != fault.KindNotFound {
				t.Errorf("entry 2: got %v, want not found", err)
			}
			page, err := h.l.Page(tx, h.org, "", 2, 10)
			if err != nil || len(page) != 2 || page[0].Index != 1 {
				t.Errorf("page: got %d rows, %v", len(page), err)
			}
			page, err = h.l.Page(tx, h.org, canon.KindLog, 2, 10)
			if err != nil || len(page) != 1 || page[0].Index != 0 {
				t.Errorf("page of one kind: got %d rows, %v", len(page), err)
			}
			return nil
		})
	})
}

func TestGenesisSaysWhetherItIsADemo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, demo := range []bool{false, true} {
			h := &house{d: d, clock: clock.NewFixed(start), org: id.New[id.Org](start), root: seal.NewRoot(), held: filepath.Join(t.TempDir(), "held")}
			h.reopen(t)
			lg := h.create(t, demo)
			leaf, err := canon.ParseLeaf(h.leaves(t)[0])
			if err != nil || leaf.Demo != demo || leaf.Kind != canon.KindLog || canon.VKey(leaf.Log, leaf.Key) != lg.VKey() {
				t.Errorf("demo %v: got %+v, %v", demo, leaf, err)
			}
			h.read(t, func(tx *db.Tx) error {
				head, err := h.l.Head(tx, h.org)
				if head.Demo != demo || head.Size != 1 || head.Signed.Size != 0 || head.VKey != lg.VKey() {
					t.Errorf("demo %v: got head %+v", demo, head)
				}
				return err
			})
			h.root = seal.NewRoot() // logs of other keys would stop the next round
			if demo {
				break
			}
			if err := d.Write(t.Context(), db.All, func(tx *db.Tx) error { _, err := tx.Exec("DELETE FROM ledger_log"); return err }); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestFailedTransactionLeavesNoEntry(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		refused := errors.New("refused")
		err := d.Write(t.Context(), string(h.org), func(tx *db.Tx) error {
			if _, err := h.l.Append(tx, h.org, entry("lost"), h.clock.Now()); err != nil {
				return err
			}
			return refused
		})
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		if i, err := h.try(t.Context(), entry("kept")); err != nil || i != 1 {
			t.Errorf("the next entry is %d, %v; want 1", i, err)
		}
		if h.seal(t).Size != 2 {
			t.Error("the failed entry counts")
		}
	})
}

func TestSixteenWritersLeaveNoGapAndNoTwin(t *testing.T) {
	const writers, each = 16, 8
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		var (
			wg   sync.WaitGroup
			mu   sync.Mutex
			said = map[int64]string{}
		)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); h.l.Run(ctx) }()
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					what := fmt.Sprintf("%d of %d", i, w)
					index, err := h.try(t.Context(), entry(what))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if was, twice := said[index]; twice {
						t.Errorf("entry %d is both %s and %s", index, was, what)
					}
					said[index] = what
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if _, err := h.l.Wait(t.Context(), h.org, writers*each); err != nil {
			t.Error(err)
		}
		stop()
		<-done
		if n, err := h.l.Audit(t.Context(), h.org); err != nil || n != writers*each+1 {
			t.Errorf("audit read %d entries, %v; want %d", n, err, writers*each+1)
		}
		h.read(t, func(tx *db.Tx) error {
			openings, err := h.l.Openings(tx, h.org, 1, writers*each+1)
			for _, o := range openings {
				if o.Label == canon.LabelBody && !strings.Contains(o.Payload, `"`+said[o.Index]+`"`) {
					t.Errorf("entry %d is %s, its writer was told it is %s", o.Index, o.Payload, said[o.Index])
				}
			}
			return err
		})
	})
}

func TestClockThatFallsBehind(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.add(t, 1)
		behind := func() time.Duration {
			t.Helper()
			var got time.Duration
			h.read(t, func(tx *db.Tx) (err error) {
				got, err = h.l.Behind(tx, h.org, h.clock.Now())
				return err
			})
			return got
		}
		h.clock.Advance(-2 * time.Second)
		if got := behind(); got != 0 {
			t.Errorf("2 s: behind by %s; clocks wander that far", got)
		}
		h.clock.Advance(-time.Second)
		if got := behind(); got != 3*time.Second {
			t.Errorf("behind by %s, want 3s", got)
		}
		h.add(t, 1)
		h.clock.Advance(-5*time.Minute + 3*time.Second)
		h.add(t, 1)
		h.clock.Advance(-time.Millisecond)
		_, err := h.try(t.Context(), entry("too late"))
		if fault.KindOf(err) != fault.KindConflict || !strings.Contains(err.Error(), "Set the clock") {
			t.Errorf("got %v, want a refusal that says what to do", err)
		}
		h.clock.Advance(24 * time.Hour)
		h.add(t, 1)
		var last time.Time
		for i, b := range h.leaves(t) {
			leaf, err := canon.ParseLeaf(b)
			if err != nil || leaf.Recorded.Before(last) {
				t.Errorf("entry %d was recorded %s, after %s; %v", i, leaf.Recorded, last, err)
			}
			last = leaf.Recorded
		}
		if n, err := h.l.Audit(t.Context(), h.org); err != nil || n != 5 {
			t.Errorf("audit read %d entries, %v; want 5", n, err)
		}
	})
}

func TestUnknownOrganizationHasNoLog(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.org = id.New[id.Org](start)
		if _, err := h.try(t.Context(), entry("x")); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("append: got %v, want not found", err)
		}
		if _, err := h.l.Seal(t.Context(), h.org); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("seal: got %v, want not found", err)
		}
		if _, err := h.l.Wait(t.Context(), h.org, 0); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("wait: got %v, want not found", err)
		}
	})
}
