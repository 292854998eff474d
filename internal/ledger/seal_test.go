package ledger_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/seal"
)

// checkReceipt verifies a receipt as its holder would: with the key and the
// leaf, and nothing of ours.
func checkReceipt(receipt, vkey string, leaf []byte) error {
	head, signed, ok := strings.Cut(receipt, "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return fmt.Errorf("not a proof: %q", receipt)
	}
	var index, size int64
	if _, err := fmt.Sscanf(lines[1], "index %d", &index); err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, s := range lines[2:] {
		h, err := tlog.ParseHash(s)
		if err != nil {
			return err
		}
		proof = append(proof, h)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	n, err := note.Open([]byte(signed), note.VerifierList(v))
	if err != nil {
		return err
	}
	text := strings.Split(n.Text, "\n")
	if _, err := fmt.Sscan(text[1], &size); err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(text[2])
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, size, tlog.Hash(raw), index, tlog.RecordHash(leaf))
}

func TestReceiptHoldsForItsEntryAndNoOther(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		for range 6 {
			h.add(t, 3)
			h.seal(t)
		}
		leaves := h.leaves(t)
		h.read(t, func(tx *db.Tx) error {
			lg, err := h.l.LogOf(tx, h.org)
			if err != nil {
				return err
			}
			for i, leaf := range leaves {
				p, err := h.l.Prove(tx, h.org, int64(i))
				if err != nil {
					return err
				}
				if err := checkReceipt(p.Receipt(), lg.VKey(), leaf); err != nil {
					t.Errorf("entry %d: %v", i, err)
				}
				if checkReceipt(p.Receipt(), lg.VKey(), leaves[(i+1)%len(leaves)]) == nil {
					t.Errorf("the receipt of entry %d holds for another", i)
				}
			}
			return nil
		})
	})
}

func TestEntryThatIsNotSignedYetHasNoReceipt(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.seal(t)
		h.add(t, 1)
		h.read(t, func(tx *db.Tx) error {
			if _, err := h.l.Prove(tx, h.org, 1); fault.KindOf(err) != fault.KindConflict {
				t.Errorf("got %v, want a conflict: it waits for the next checkpoint", err)
			}
			_, err := h.l.Prove(tx, h.org, 0)
			return err
		})
	})
}

func TestSealOnceForAnyNumberOfProcesses(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		other := *h
		other.held += "-other"
		other.reopen(t)
		h.add(t, 5)
		a, b := h.seal(t), other.seal(t)
		if string(a.Note) != string(b.Note) || string(h.seal(t).Note) != string(a.Note) {
			t.Error("one log has two heads of one size")
		}
		other.add(t, 1) // each goes on where the other stopped
		h.add(t, 1)
		if c := other.seal(t); c.Size != 8 {
			t.Errorf("got %d entries, want 8", c.Size)
		}
		h.reopen(t)
	})
}

// Sealing, auditing and appending at once must not look like a rollback to one
// another.
func TestSealAndAuditWhileItGrows(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		ctx, stop := context.WithCancel(t.Context())
		var busy sync.WaitGroup
		for range 2 {
			busy.Go(func() {
				for ctx.Err() == nil {
					if _, err := h.l.Seal(t.Context(), h.org); err != nil {
						t.Error(err)
						return
					}
				}
			})
			busy.Go(func() {
				for ctx.Err() == nil {
					if _, err := h.l.Audit(t.Context(), h.org); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		var writers sync.WaitGroup
		for range 4 {
			writers.Go(func() {
				for range 12 {
					if _, err := h.try(t.Context(), entry("x")); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		writers.Wait()
		stop()
		busy.Wait()
		if why := h.l.Locked(); why != "" {
			t.Errorf("the log is read-only: %s", why)
		}
		if c := h.seal(t); c.Root != tlog.Hash(rootOf(h.leaves(t))) {
			t.Error("the head is not that of the leaves")
		}
	})
}

func TestWaitReturnsTheFirstHeadThatCovers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.add(t, 3)
		given, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.l.Wait(given, h.org, 3); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				c, err := h.l.Wait(t.Context(), h.org, 3)
				if err != nil || c.Size < 4 {
					t.Errorf("got a head of %d, %v", c.Size, err)
				}
			})
		}
		go func() { defer close(done); h.l.Run(ctx) }()
		wg.Wait()
		stop()
		<-done
	})
}

func TestNothingSignedIsSeenBeforeItIsHeld(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.add(t, 2)
		c := h.seal(t)
		held, err := ledger.OpenHeld(h.held)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := held.Of(c.Origin); !ok || got != c.Checkpoint {
			t.Errorf("held is %+v, want %+v", got, c.Checkpoint)
		}
		// A crash after holding and before storing leaves a head that is held
		// and not in the database; the next start goes on.
		h.add(t, 2)
		next := c.Checkpoint
		next.Size, next.Root = 5, tlog.Hash(rootOf(h.leaves(t)))
		if err := held.Put(next); err != nil {
			t.Fatal(err)
		}
		h.reopen(t)
		if got := h.seal(t); got.Checkpoint != next {
			t.Errorf("signed %+v, want %+v", got.Checkpoint, next)
		}
	})
}

func TestAnotherRootKeyIsRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.add(t, 1)
		h.root = seal.NewRoot()
		held, err := ledger.OpenHeld(h.held)
		if err != nil {
			t.Fatal(err)
		}
		l := ledger.New(d, h.root, held, h.clock, nil)
		if err := l.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "was another root key put in place?") {
			t.Errorf("check: got %v, want a refusal", err)
		}
		if _, err := l.Seal(t.Context(), h.org); err == nil {
			t.Error("signs with another key")
		}
	})
}

func TestOneLogThatCannotBeSignedLeavesTheOthers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		bad := *h
		bad.org = "org_0" // comes first
		bad.create(t, false)
		err := d.Write(t.Context(), "org_0", func(tx *db.Tx) error {
			_, err := tx.Exec("UPDATE ledger_log SET public_key = ? WHERE org_id = ?", make([]byte, 32), "org_0")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		held, err := ledger.OpenHeld(h.held)
		if err != nil {
			t.Fatal(err)
		}
		h.l = ledger.New(d, h.root, held, h.clock, nil)
		if err := h.l.SealAll(t.Context()); err == nil || !strings.Contains(err.Error(), "log of org_0") {
			t.Errorf("got %v, want an error that names the log", err)
		}
		h.read(t, func(tx *db.Tx) error {
			head, err := h.l.Head(tx, h.org)
			if head.Signed.Size != 1 {
				t.Error("the other log is not signed")
			}
			return err
		})
	})
}

func TestManifestsAreSignedWithTheKeyOfTheLog(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.read(t, func(tx *db.Tx) error {
			lg, err := h.l.LogOf(tx, h.org)
			if err != nil {
				return err
			}
			s, err := h.l.Signer(tx, h.org)
			if err != nil {
				return err
			}
			n, err := canon.SignNote("tickmark/bundle/v1\n", s)
			if err != nil {
				return err
			}
			v, err := note.NewVerifier(lg.VKey())
			if err != nil {
				return err
			}
			_, err = canon.OpenNote(n, v)
			return err
		})
	})
}
