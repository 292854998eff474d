package ledger_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/fault"
)

// sql changes the database as somebody would who has it in hand.
func (h *house) sql(t *testing.T, stmt string, args ...any) {
	t.Helper()
	err := h.d.Write(t.Context(), db.All, func(tx *db.Tx) error {
		n, err := tx.Exec(stmt, args...)
		if err == nil && n == 0 {
			t.Errorf("%s changes nothing: this test tampers with nothing", stmt)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// otherLeaf is a leaf of the same place that says something else.
func (h *house) otherLeaf(t *testing.T, index int64) []byte {
	t.Helper()
	b := h.leaves(t)[index]
	leaf, err := canon.ParseLeaf(b)
	if err != nil {
		t.Fatal(err)
	}
	c := leaf.Commit[canon.LabelBody]
	c[0] ^= 1
	leaf.Commit[canon.LabelBody] = c
	out, err := leaf.Encode()
	if err != nil || bytes.Equal(out, b) {
		t.Fatalf("no other leaf: %v", err)
	}
	return out
}

// rewrite puts another leaf in place, with every hash over it: what a clever
// owner of the database would do.
func (h *house) rewrite(t *testing.T, index int64) {
	t.Helper()
	leaves := h.leaves(t)
	leaves[index] = h.otherLeaf(t, index)
	stored := map[int64]tlog.Hash{}
	reader := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
		for _, i := range at {
			out = append(out, stored[i])
		}
		return out, nil
	})
	for i, b := range leaves {
		hashes, err := tlog.StoredHashes(int64(i), b, reader)
		if err != nil {
			t.Fatal(err)
		}
		for k, hash := range hashes {
			stored[tlog.StoredHashIndex(0, int64(i))+int64(k)] = hash
		}
	}
	h.sql(t, "UPDATE ledger_leaf SET leaf = ? WHERE idx = ?", leaves[index], index)
	err := h.d.Write(t.Context(), db.All, func(tx *db.Tx) error {
		for at, hash := range stored {
			if _, err := tx.Exec("UPDATE ledger_hash SET hash = ? WHERE pos = ?", hash[:], at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var tamperings = []struct {
	name string
	// signed changes are made after the head was signed, the others before.
	signed bool
	// by Seal as well as by Audit.
	bySeal bool
	does   func(t *testing.T, h *house)
}{
	{"leaf changed", false, true, func(t *testing.T, h *house) {
		h.sql(t, "UPDATE ledger_leaf SET leaf = ? WHERE idx = 5", h.otherLeaf(t, 5))
	}},
	{"leaf changed after it was signed", true, false, func(t *testing.T, h *house) {
		h.sql(t, "UPDATE ledger_leaf SET leaf = ? WHERE idx = 5", h.otherLeaf(t, 5))
	}},
	{"leaf and its own hash changed", false, true, func(t *testing.T, h *house) {
		leaf, hash := h.otherLeaf(t, 5), canon.LeafHash(h.otherLeaf(t, 5))
		h.sql(t, "UPDATE ledger_leaf SET leaf = ? WHERE idx = 5", leaf)
		h.sql(t, "UPDATE ledger_hash SET hash = ? WHERE pos = ?", hash[:], tlog.StoredHashIndex(0, 5))
	}},
	{"leaf and its own hash changed after it was signed", true, false, func(t *testing.T, h *house) {
		leaf, hash := h.otherLeaf(t, 5), canon.LeafHash(h.otherLeaf(t, 5))
		h.sql(t, "UPDATE ledger_leaf SET leaf = ? WHERE idx = 5", leaf)
		h.sql(t, "UPDATE ledger_hash SET hash = ? WHERE pos = ?", hash[:], tlog.StoredHashIndex(0, 5))
	}},
	{"leaf and every hash over it changed", true, true, func(t *testing.T, h *house) { h.rewrite(t, 5) }},
	{"hash in the middle changed", true, false, func(t *testing.T, h *house) {
		h.sql(t, "UPDATE ledger_hash SET hash = ? WHERE pos = ?", make([]byte, 32), tlog.StoredHashIndex(1, 2))
	}},
	{"hash in the middle deleted", true, false, func(t *testing.T, h *house) {
		h.sql(t, "DELETE FROM ledger_hash WHERE pos = ?", tlog.StoredHashIndex(1, 2))
	}},
	{"hash cut short", false, true, func(t *testing.T, h *house) {
		h.sql(t, "UPDATE ledger_hash SET hash = ? WHERE pos = ?", make([]byte, 31), tlog.StoredHashIndex(0, 6))
	}},
	{"leaf deleted", false, true, func(t *testing.T, h *house) { h.sql(t, "DELETE FROM ledger_leaf WHERE idx = 5") }},
	{"leaf deleted after it was signed", true, false, func(t *testing.T, h *house) { h.sql(t, "DELETE FROM ledger_leaf WHERE idx = 5") }},
	{"last leaf deleted", false, true, func(t *testing.T, h *house) { h.sql(t, "DELETE FROM ledger_leaf WHERE idx = 12") }},
	{"leaves exchanged", true, false, func(t *testing.T, h *house) {
		leaves := h.leaves(t)
		h.sql(t, "UPDATE ledger_leaf SET leaf = ? WHERE idx = 5", leaves[6])
		h.sql(t, "UPDATE ledger_leaf SET leaf = ? WHERE idx = 6", leaves[5])
	}},
	{"kind of a row changed", true, false, func(t *testing.T, h *house) { h.sql(t, "UPDATE ledger_leaf SET kind = 'evidence' WHERE idx = 5") }},
	{"time of a row changed", true, false, func(t *testing.T, h *house) {
		h.sql(t, "UPDATE ledger_leaf SET recorded = recorded - 86400000 WHERE idx = 5")
	}},
	{"body changed", true, false, func(t *testing.T, h *house) {
		h.sql(t, `UPDATE ledger_opening SET payload = '{"op":"tests.else"}' WHERE idx = 5 AND label = 'body'`)
	}},
	{"actor changed", true, false, func(t *testing.T, h *house) {
		h.sql(t, `UPDATE ledger_opening SET payload = '{"id":"usr_2"}' WHERE idx = 5 AND label = 'actor'`)
	}},
	{"salt changed", true, false, func(t *testing.T, h *house) {
		h.sql(t, "UPDATE ledger_opening SET salt = ? WHERE idx = 5 AND label = 'body'", make([]byte, 32))
	}},
	{"body deleted", true, false, func(t *testing.T, h *house) {
		h.sql(t, "DELETE FROM ledger_opening WHERE idx = 5 AND label = 'body'")
	}},
	{"content added", true, false, func(t *testing.T, h *house) {
		h.sql(t, "UPDATE ledger_opening SET label = 'content' WHERE idx = 5 AND label = 'body'")
	}},
	{"end cut off", true, true, func(t *testing.T, h *house) {
		h.sql(t, "UPDATE ledger_head SET size = 10")
		h.sql(t, "DELETE FROM ledger_leaf WHERE idx >= 10")
		h.sql(t, "DELETE FROM ledger_hash WHERE pos >= ?", tlog.StoredHashIndex(0, 10))
	}},
	{"end cut off with its head", true, true, func(t *testing.T, h *house) {
		h.sql(t, "UPDATE ledger_head SET size = 10")
		h.sql(t, "DELETE FROM ledger_checkpoint WHERE size > 10")
	}},
	{"head raised", true, true, func(t *testing.T, h *house) { h.sql(t, "UPDATE ledger_head SET size = 20") }},
	{"demo denied", true, false, func(t *testing.T, h *house) { h.sql(t, "UPDATE ledger_log SET demo = ?", true) }},
	{"checkpoint changed", true, true, func(t *testing.T, h *house) {
		h.sql(t, "UPDATE ledger_checkpoint SET note = REPLACE(note, 'tickmark', 'tickmurk') WHERE size = 13")
	}},
	{"checkpoint moved", true, true, func(t *testing.T, h *house) {
		h.sql(t, "UPDATE ledger_checkpoint SET size = 14 WHERE size = 13")
		h.sql(t, "UPDATE ledger_head SET size = 14")
	}},
}

func TestTamperingIsFoundAndStopsTheLog(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, c := range tamperings {
			t.Run(c.name, func(t *testing.T) {
				for _, audit := range []bool{true, false} {
					if !audit && !c.bySeal {
						continue
					}
					h := build(t, d)
					h.add(t, 3)
					h.seal(t)
					h.add(t, 9)
					if c.signed {
						h.seal(t)
					}
					c.does(t, h)
					h.reopen(t) // which may see it already
					var err error
					if audit {
						_, err = h.l.Audit(t.Context(), h.org)
					} else {
						_, err = h.l.Seal(t.Context(), h.org)
					}
					h.wantLocked(t, err)
					clearLogs(t, d)
				}
			})
		}
	})
}

// wantLocked checks what follows when a log is found wanting.
func (h *house) wantLocked(t *testing.T, err error) {
	t.Helper()
	if err == nil || h.l.Locked() == "" {
		t.Fatalf("nothing was noticed: %v", err)
	}
	if fault.KindOf(err) != fault.KindConflict || !strings.Contains(err.Error(), "The log is read-only: ") {
		t.Errorf("got %v, want words that say the log is read-only", err)
	}
	if _, err := h.try(t.Context(), entry("more")); fault.KindOf(err) != fault.KindConflict {
		t.Errorf("append: got %v, want a conflict", err)
	}
	if _, err := h.l.Seal(t.Context(), h.org); fault.KindOf(err) != fault.KindConflict {
		t.Errorf("seal: got %v, want a conflict", err)
	}
	if _, err := h.l.Wait(t.Context(), h.org, 1_000); fault.KindOf(err) != fault.KindConflict {
		t.Errorf("wait: got %v, want a conflict", err)
	}
}

func clearLogs(t *testing.T, d *db.DB) {
	t.Helper()
	err := d.Write(t.Context(), db.All, func(tx *db.Tx) error {
		for _, table := range []string{"log", "head", "leaf", "hash", "opening", "checkpoint", "key"} {
			if _, err := tx.Exec("DELETE FROM ledger_" + table); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestErasedOpeningIsNoTampering(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.add(t, 4)
		h.sql(t, "DELETE FROM ledger_opening WHERE idx = 2")
		e := entry("erase")
		e.Kind, e.Erases = canon.KindErasure, []int64{2}
		if _, err := h.try(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		h.seal(t)
		if _, err := h.l.Audit(t.Context(), h.org); err != nil {
			t.Error(err)
		}
	})
}

// An older copy of the file, put back while nothing runs.
func TestOlderDatabaseIsNeverSigned(t *testing.T) {
	url := dbtest.SQLite(t)
	path := strings.TrimPrefix(url, "sqlite:")
	open := func() *db.DB {
		d, err := db.Open(t.Context(), url, db.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := open()
	h := build(t, d)
	h.add(t, 3)
	h.seal(t)
	d.Close()
	older := filepath.Join(t.TempDir(), "older")
	copyFile(t, older, path)
	h.d = open()
	h.reopen(t)
	h.add(t, 5)
	h.seal(t)
	h.d.Close()
	copyFile(t, path, older)

	h.d = open()
	h.reopen(t) // the start succeeds, so that people can read
	if why := h.l.Locked(); !strings.Contains(why, "it has 4 entries, but 9 were signed before") {
		t.Fatalf("locked: %q", why)
	}
	_, err := h.l.Seal(t.Context(), h.org)
	h.wantLocked(t, err)
	if n := len(h.leaves(t)); n != 4 {
		t.Errorf("%d entries can be read, want 4", n)
	}
	h.d.Close()
}

func copyFile(t *testing.T, to, from string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
}

// Two histories of one length: the held head tells them apart.
func TestForkOfTheSameLengthIsFound(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.add(t, 6)
		h.seal(t)
		h.rewrite(t, 3)
		h.sql(t, "DELETE FROM ledger_checkpoint WHERE size = 7")
		h.reopen(t)
		_, err := h.l.Seal(t.Context(), h.org)
		h.wantLocked(t, err)
		if !strings.Contains(h.l.Locked(), "the first 7 entries are not those that were signed before") {
			t.Errorf("locked: %q", h.l.Locked())
		}
	})
}
