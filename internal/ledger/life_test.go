package ledger_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/seal"
)

// ring gives the house a root key in front of its own, as rotation does.
func (h *house) ring(t *testing.T) {
	t.Helper()
	h.root = seal.NewRoot().With(h.root)
	h.reopen(t)
}

func rewrapNothing(*db.Tx, id.Org) error { return nil }

var errKilled = errors.New("killed")

// killedAt is an act that ends before its nth step.
func killedAt(n int) ledger.Act {
	a, i := act, 0
	a.Step = func(string) error {
		if i++; i > n {
			return errKilled
		}
		return nil
	}
	return a
}

// lives runs an act with a kill before each of its steps, and checks that it is
// taken up again and everything still proves.
func lives(t *testing.T, do func(h *house, ctx context.Context, a ledger.Act) error, check func(t *testing.T, h *house, old []*ledger.Log)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for n := range 10 {
			h := build(t, d)
			second := *h
			second.org = id.New[id.Org](start.Add(time.Minute))
			second.create(t, false)
			h.add(t, 4)
			h.seal(t)
			h.add(t, 2)
			old := h.logs(t)
			only := h.root
			h.ring(t)
			err := do(h, t.Context(), killedAt(n))
			h.reopen(t)
			if why := h.l.Locked(); why != "" {
				t.Fatalf("killed before step %d: %s", n, why)
			}
			h.add(t, 1) // the server was started in between
			h.seal(t)
			if again := do(h, t.Context(), act); again != nil {
				t.Fatalf("killed before step %d (%v), then: %v", n, err, again)
			}
			h.root = h.root.Newest() // the old key leaves the file
			h.reopen(t)
			if _, err := h.l.Audit(t.Context(), h.org); err != nil {
				t.Fatal(err)
			}
			h.add(t, 1)
			h.seal(t)
			for i := range int64(7) {
				h.proves(t, i)
			}
			check(t, h, old)
			h.l = ledger.New(h.d, only, openHeld(t, h.held), h.clock, nil)
			if err := h.l.Check(t.Context()); err == nil {
				t.Error("the old root key still opens the log")
			}
			clearLogs(t, d)
			if err == nil {
				if n < 3 {
					t.Errorf("only %d steps", n)
				}
				return
			}
			if !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
		}
		t.Error("more steps than were tried")
	})
}

func TestRotationIsTakenUpWhereItWasKilled(t *testing.T) {
	rotate := func(h *house, ctx context.Context, a ledger.Act) error { return h.l.Rotate(ctx, a, rewrapNothing) }
	lives(t, rotate, func(t *testing.T, h *house, old []*ledger.Log) {
		logs := h.logs(t)
		if len(logs) != 1 || len(logs[0].Keys) != 2 || logs[0].Origin != old[0].Origin || logs[0].Generation != 2 {
			t.Fatalf("logs: %+v", logs)
		}
		lg := logs[0]
		leaf := h.leaf(t, lg.Keys[1].From)
		text := canon.RotationText(lg.Origin, leaf.Index, leaf.Key)
		if string(leaf.Key) != string(lg.PublicKey) || !canon.VerifySignature(old[0].PublicKey, []byte(text), leaf.Signed) {
			t.Error("the entry does not lead from the old key to the new")
		}
		h.verifiesAll(t, lg)
	})
}

// verifiesAll opens each checkpoint with the key in force at its size and no
// other.
func (h *house) verifiesAll(t *testing.T, lg *ledger.Log) {
	t.Helper()
	h.read(t, func(tx *db.Tx) error {
		return tx.Each("SELECT size, note FROM ledger_checkpoint WHERE org_id = ? AND log_id = ?", []any{h.org, lg.ID}, func(scan func(...any) error) error {
			var size int64
			var text string
			if err := scan(&size, &text); err != nil {
				return err
			}
			for _, k := range lg.Keys {
				v, err := note.NewVerifier(canon.VKey(lg.Origin, k.PublicKey))
				if err != nil {
					return err
				}
				_, err = canon.OpenNote([]byte(text), v)
				if want := canon.VKey(lg.Origin, k.PublicKey) == lg.VKeyAt(size); (err == nil) != want {
					t.Errorf("checkpoint %d, key %d: %v", size, k.Generation, err)
				}
			}
			return nil
		})
	})
}

func TestRevocationIsTakenUpWhereItWasKilled(t *testing.T) {
	revoke := func(h *house, ctx context.Context, a ledger.Act) error { return h.l.Revoke(ctx, a, rewrapNothing) }
	lives(t, revoke, func(t *testing.T, h *house, old []*ledger.Log) {
		logs := h.logs(t)
		if len(logs) != 2 || logs[0].Epoch != 2 || len(logs[0].Keys) != 1 || logs[1].Origin != old[0].Origin {
			t.Fatalf("logs: %+v", logs)
		}
		leaf := h.leaf(t, logs[0].Base)
		if a := leaf.Answers; a == nil || a.Log != old[0].Origin || a.Index != logs[0].Base-1 {
			t.Errorf("entry 0 answers %+v", leaf.Answers)
		}
		if body := h.bodyOf(t, logs[0].Base); !strings.Contains(body, `"op":"keys.revoke"`) {
			t.Error(body)
		}
	})
}
