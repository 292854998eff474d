package erasures_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/erasures"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/sources"
)

// raw is a collector that shows files as they are.
type raw map[string]string

func (raw) Kind() string    { return "git" }
func (raw) Version() string { return "test" }
func (r raw) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	for name, text := range r {
		in.Raw(name, "text/plain", []byte(text))
	}
	return nil
}

// read collects once, and returns what was recorded in pieces.
func read(t *testing.T, desk *op.Desk, s sources.Source, r raw) evidence.Record {
	t.Helper()
	reader, err := sources.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	run, err := reader.Read(t.Context(), desk, s.ID, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range optest.Do(t, desk, evidence.List, evidence.Filter{Run: string(run.ID)}).Items {
		if x.MediaType == canon.MediaTypeChunks {
			return x
		}
	}
	t.Fatal("the run recorded nothing in pieces")
	return evidence.Record{}
}

func connect(t *testing.T, desk *op.Desk) sources.Source {
	t.Helper()
	return optest.Do(t, desk, sources.Create, sources.Connection{Kind: "git", Name: "main", Path: "/nowhere"})
}

// holds reports whether bytes can still be read.
func holds(t *testing.T, desk *op.Desk, text string) bool {
	t.Helper()
	sum := digest(text)
	at, err := desk.Vault.AddressOf(t.Context(), desk.Org, sum)
	if err != nil {
		t.Fatal(err)
	}
	_, err = desk.Vault.Get(t.Context(), desk.Org, at)
	if err != nil && !errors.Is(err, blob.ErrErased) {
		t.Fatal(err)
	}
	return err == nil
}

func TestPiecesThatOthersNeedAreKept(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		second, s := optest.Member(t, desk, auth.Lead), connect(t, desk)
		first := read(t, desk, s, raw{"same": "as every day", "first": "only on monday"})
		optest.Clock(desk).Advance(24 * time.Hour)
		next := read(t, desk, s, raw{"same": "as every day", "next": "only on tuesday"})
		e := ask(t, desk, string(first.ID))
		plan := optest.Do(t, second, erasures.Get, erasures.Ref{ID: string(e.ID)}).Plan
		if len(plan.Kept) != 1 || plan.Kept[0].Pieces != 1 || !strings.Contains(plan.Kept[0].Needed, string(next.ID)) || plan.Blobs != 2 {
			t.Errorf("the plan destroys %d and keeps %+v; want the list and one piece to go, and one kept for the next run", plan.Blobs, plan.Kept)
		}
		done, err := approve(t, second, e)
		if err != nil || done.Went.Kept != 1 {
			t.Fatalf("kept %d, %v", done.Went.Kept, err)
		}
		for text, want := range map[string]bool{"as every day": true, "only on monday": false, "only on tuesday": true} {
			if holds(t, desk, text) != want {
				t.Errorf("%q: can be read %v, want %v", text, !want, want)
			}
		}
		verdicts(t, desk, map[int64]bundle.Verdict{first.Entry: bundle.Erased, next.Entry: bundle.Verified})
		// Named as well, it goes with what it shared.
		done, err = approve(t, second, ask(t, desk, string(next.ID)))
		if err != nil || done.Went.Kept != 0 || holds(t, desk, "as every day") {
			t.Errorf("kept %d, %v", done.Went.Kept, err)
		}
		verdicts(t, desk, map[int64]bundle.Verdict{next.Entry: bundle.Erased})
		// What is still in the source comes back with the next reading, and is kept anew.
		again := read(t, desk, s, raw{"same": "as every day", "next": "only on tuesday"})
		if !holds(t, desk, "as every day") {
			t.Error("what was read again is not there")
		}
		verdicts(t, desk, map[int64]bundle.Verdict{next.Entry: bundle.Erased, again.Entry: bundle.Verified})
	})
}

// TestBytesErasedBetweenPutAndKeepAreNotLost: whoever found the bytes stored
// already must not record them when their key has gone since.
func TestBytesErasedBetweenPutAndKeepAreNotLost(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		second := optest.Member(t, desk, auth.Lead)
		r := record(t, desk, "Ticket", "the same bytes")
		put, err := desk.Vault.Put(t.Context(), desk.Org, []byte("the same bytes"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := approve(t, second, ask(t, desk, string(r.ID))); err != nil {
			t.Fatal(err)
		}
		err = desk.DB.Write(t.Context(), string(desk.Org), func(tx *db.Tx) error { return desk.Vault.Keep(tx, desk.Org, put, desk.Clock.Now()) })
		refused(t, err, fault.KindConflict, "erased a moment ago")
		record(t, desk, "Ticket", "the same bytes")
		if !holds(t, desk, "the same bytes") {
			t.Error("sent again, the bytes are not there")
		}
	})
}

func TestTheTextOfAnEntryIsErased(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		second := optest.Member(t, desk, auth.Lead)
		who := *desk
		who.Key = "once"
		optest.Do(t, &who, orgs.Update, orgs.Change{Name: "Jane Doe's secret", Zone: "UTC", Version: 1})
		entries := optest.Do(t, desk, evidence.Entries, evidence.EntryFilter{Kind: "op"}).Items
		n := entries[0].Index
		for _, c := range []struct {
			entry int64
			words string
		}{{0, "kind log"}, {record(t, desk, "Ticket", "text").Entry, "Name the record"}} {
			_, err := erasures.Create.Do(t.Context(), desk, erasures.Asking{Entries: []int64{c.entry}, Basis: "recorded_in_error", Reason: "typed into the wrong field"})
			refused(t, err, fault.KindConflict, c.words)
		}
		e := optest.Do(t, desk, erasures.Create, erasures.Asking{Entries: []int64{n}, Basis: "recorded_in_error", Reason: "typed into the wrong field"})
		own := optest.Do(t, desk, evidence.Entries, evidence.EntryFilter{Kind: "op"}).Items[0].Index
		_, err := erasures.Create.Do(t.Context(), desk, erasures.Asking{Entries: []int64{own}, Basis: "recorded_in_error", Reason: "nobody need know of it"})
		refused(t, err, fault.KindConflict, "about erasing itself")
		if _, err := approve(t, second, e); err != nil {
			t.Fatal(err)
		}
		if got := optest.Do(t, desk, evidence.EntryGet, evidence.EntryRef{ID: n}); got.Body != nil || got.Actor != "" {
			t.Errorf("entry %d still says %+v", n, got.Entry)
		}
		var left int64
		err = desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
			return tx.Row("SELECT COUNT(*) FROM op_key WHERE org_id = ? AND output <> '{}' AND op = 'orgs.update'", []any{desk.Org}, &left)
		})
		if err != nil || left != 0 {
			t.Errorf("%d answers are kept of the act, %v", left, err)
		}
		verdicts(t, desk, map[int64]bundle.Verdict{n: bundle.Erased})
	})
}

// stubborn is a store that never lets go, like one with object lock.
type stubborn struct {
	blob.Store
	free bool
}

func (s *stubborn) Delete(ctx context.Context, name string) error {
	if s.free {
		return s.Store.Delete(ctx, name)
	}
	return errors.New("object is locked until 2033")
}

func TestAStoreThatNeverDeletesIsErasedAllTheSame(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		disk, err := blob.NewDisk(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		store := &stubborn{Store: disk}
		desk := optest.Found(t, house(t, d, t.TempDir(), store), "Example")
		second := optest.Member(t, desk, auth.Lead)
		e := ask(t, desk, string(record(t, desk, "Ticket", "locked").ID))
		if _, err := approve(t, second, e); err != nil {
			t.Fatal(err)
		}
		if holds(t, desk, "locked") {
			t.Error("the bytes can still be read")
		}
		state := func() erasures.Erasure {
			return optest.Do(t, desk, erasures.Get, erasures.Ref{ID: string(e.ID)})
		}
		if err := erasures.Clear(t.Context(), desk.Engine, desk.Org, e.ID); err == nil || !strings.Contains(err.Error(), "the keys are destroyed") {
			t.Errorf("clearing says %v, want that it is to be tried again", err)
		}
		left := state()
		if len(left.Objects) != 1 || left.Objects[0].Problem != "object is locked until 2033" || !left.Cleared.IsZero() {
			t.Errorf("left %+v, cleared %v", left.Objects, left.Cleared)
		}
		store.free = true
		if err := erasures.Clear(t.Context(), desk.Engine, desk.Org, e.ID); err != nil {
			t.Fatal(err)
		}
		if left := state(); len(left.Objects) != 0 || left.Cleared.IsZero() {
			t.Errorf("left %+v, cleared %v", left.Objects, left.Cleared)
		}
	})
}

func digest(text string) [32]byte { return sha256.Sum256([]byte(text)) }
