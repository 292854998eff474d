package ledger_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
)

// back makes the database the older copy that it was at these sizes of the
// newest log: so many entries, of which so many were signed.
func (h *house) back(t *testing.T, size, signed int64) {
	t.Helper()
	lg := h.logs(t)[0]
	err := h.d.Write(t.Context(), string(h.org), func(tx *db.Tx) error {
		for _, s := range []struct {
			sql  string
			args []any
		}{
			{"DELETE FROM ledger_leaf WHERE log_id = ? AND idx >= ?", []any{lg.ID, size}},
			{"DELETE FROM ledger_opening WHERE log_id = ? AND idx >= ?", []any{lg.ID, size}},
			{"DELETE FROM ledger_hash WHERE log_id = ? AND pos >= ?", []any{lg.ID, tlog.StoredHashIndex(0, size)}},
			{"DELETE FROM ledger_checkpoint WHERE log_id = ? AND size > ?", []any{lg.ID, signed}},
			{"UPDATE ledger_head SET size = ? WHERE log_id = ?", []any{size, lg.ID}},
		} {
			if _, err := tx.Exec(s.sql, s.args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) logs(t *testing.T) (logs []*ledger.Log) {
	t.Helper()
	h.read(t, func(tx *db.Tx) (err error) {
		logs, err = h.l.Logs(tx, h.org)
		return err
	})
	return logs
}

var act = ledger.Act{Reason: "the disk broke", Actor: `{"id":"operator","name":"operator","via":"host"}`}

func (h *house) adopt(t *testing.T) ledger.Losses {
	t.Helper()
	losses, err := h.l.Losses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a := act
	a.Approvers = map[id.Org][]string{h.org: {"usr_1", "usr_2"}}
	if err := h.l.Adopt(t.Context(), losses, a); err != nil {
		t.Fatal(err)
	}
	return losses
}

// bodyOf is the text behind an entry.
func (h *house) bodyOf(t *testing.T, number int64) (body string) {
	t.Helper()
	h.read(t, func(tx *db.Tx) error {
		o, err := h.l.Openings(tx, h.org, number, number+1)
		for _, o := range o {
			if o.Label == canon.LabelBody && o.Index == number {
				body = o.Payload
			}
		}
		return err
	})
	return body
}

func (h *house) leaf(t *testing.T, number int64) canon.Leaf {
	t.Helper()
	var leaf canon.Leaf
	h.read(t, func(tx *db.Tx) error {
		r, err := h.l.Entry(tx, h.org, number)
		if err != nil {
			return err
		}
		leaf, err = canon.ParseLeaf(r.Leaf)
		return err
	})
	return leaf
}

// proves checks the receipt of an entry as its holder would.
func (h *house) proves(t *testing.T, number int64) {
	t.Helper()
	h.read(t, func(tx *db.Tx) error {
		p, err := h.l.Prove(tx, h.org, number)
		if err != nil {
			t.Errorf("entry %d: %v", number, err)
			return nil
		}
		for _, lg := range h.logs(t) {
			if lg.Origin == p.Checkpoint.Origin {
				return checkReceipt(p.Receipt(), lg.VKeyAt(p.Checkpoint.Size), p.Leaf)
			}
		}
		return fmt.Errorf("no log %s", p.Checkpoint.Origin)
	})
}

func TestOlderCopyIsContinuedUnderAnotherName(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.add(t, 4)
		h.seal(t) // 5
		h.add(t, 2)
		h.seal(t) // 7
		h.add(t, 5)
		last := h.seal(t) // 12
		h.back(t, 9, 7)
		h.reopen(t)
		if why := h.l.Locked(); !strings.Contains(why, "it has 9 entries, but 12 were signed before") || !strings.Contains(why, "tickmark ledger adopt-restore") {
			t.Fatalf("locked: %q", why)
		}
		losses := h.adopt(t)
		if x := losses.Logs[0]; len(losses.Logs) != 1 || !x.Lost || x.Size != 9 || x.Kept.Size != 7 || x.Held != last.Checkpoint {
			t.Errorf("lost: %+v", losses)
		}
		logs := h.logs(t)
		if len(logs) != 2 || logs[0].Epoch != 2 || logs[0].Base != 9 || !strings.HasSuffix(logs[0].Origin, "/2") {
			t.Fatalf("logs: %+v", logs)
		}
		leaf := h.leaf(t, 9)
		if a := leaf.Answers; a == nil || a.Log != last.Origin || a.Index != 6 || leaf.Index != 0 || leaf.Kind != canon.KindLog {
			t.Errorf("entry 0 of the new log: %+v", leaf)
		}
		body := h.bodyOf(t, 9)
		for _, want := range []string{`"op":"ledgers.adopt"`, `"approvers":["usr_1","usr_2"]`, `"kept":{"size":7}`, `"lost":{"from":9,"to":11}`,
			`"reason":"the disk broke"`, `"void":{"from":7,"root":"`, `"to":8}`, fmt.Sprintf(`"size":%d`, last.Size)} {
			if !strings.Contains(body, want) {
				t.Errorf("%s does not say %s", body, want)
			}
		}
		h.add(t, 3)
		c := h.seal(t)
		if c.Origin != logs[0].Origin || c.Size != 4 {
			t.Errorf("signed %+v", c.Checkpoint)
		}
		h.crosses(t)
		h.reopen(t)
		if why := h.l.Locked(); why != "" {
			t.Errorf("locked after a restart: %s", why)
		}
		if held, _ := openHeld(t, h.held).Of(last.Origin); held != last.Checkpoint {
			t.Error("what was lost is no longer held")
		}
	})
}

// crosses reads a log of 13 entries, of which the last four are in the second
// epoch, and two before them void.
func (h *house) crosses(t *testing.T) {
	t.Helper()
	if n := len(h.leaves(t)); n != 13 {
		t.Errorf("%d leaves, want 13", n)
	}
	h.read(t, func(tx *db.Tx) error {
		head, err := h.l.Head(tx, h.org)
		if err != nil || head.Size != 13 || head.Base != 9 || head.SignedSize() != 13 || head.Signed.Size != 4 {
			t.Errorf("head %+v, %v", head, err)
		}
		rows, err := h.l.Page(tx, h.org, "", 12, 5)
		var got []int64
		for _, r := range rows {
			got = append(got, r.Index)
		}
		if err != nil || !slices.Equal(got, []int64{11, 10, 9, 8, 7}) {
			t.Errorf("page %v, %v", got, err)
		}
		rows, err = h.l.Page(tx, h.org, canon.KindLog, 1<<40, 5)
		if err != nil || len(rows) != 2 || rows[0].Index != 9 || rows[1].Index != 0 {
			t.Errorf("entries of kind log: %+v, %v", rows, err)
		}
		rows, err = h.l.Page(tx, h.org, "", 3, 5)
		if err != nil || len(rows) != 3 || rows[0].Index != 2 {
			t.Errorf("page %+v, %v", rows, err)
		}
		openings, err := h.l.Openings(tx, h.org, 8, 11)
		var at []int64
		for _, o := range openings {
			at = append(at, o.Index)
		}
		if err != nil || !slices.Equal(at, []int64{8, 8, 9, 9, 10, 10}) {
			t.Errorf("openings of %v, %v", at, err)
		}
		if _, err := h.l.Prove(tx, h.org, 8); !errors.Is(err, ledger.ErrVoid) {
			t.Errorf("an entry that nobody signed: %v", err)
		}
		a, err := h.l.Answer(tx, h.org, 4)
		if err != nil || a.Index != 4 || !strings.HasSuffix(a.Log, "/1") {
			t.Errorf("answer %+v, %v", a, err)
		}
		a, err = h.l.Answer(tx, h.org, 10)
		if err != nil || a.Index != 1 || !strings.HasSuffix(a.Log, "/2") {
			t.Errorf("answer %+v, %v", a, err)
		}
		return nil
	})
	for _, n := range []int64{0, 3, 6, 9, 12} {
		h.proves(t, n)
	}
	if _, err := h.l.Wait(t.Context(), h.org, 2); err != nil {
		t.Error(err)
	}
	if _, err := h.l.Wait(t.Context(), h.org, 8); !errors.Is(err, ledger.ErrVoid) {
		t.Errorf("waits for what is never signed: %v", err)
	}
}

// Whatever somebody does to the rows, a log that was continued is not signed.
func TestNothingIsSignedUnderANameThatWasContinued(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.add(t, 4)
		last := h.seal(t)
		h.back(t, 3, 0)
		h.reopen(t)
		h.adopt(t)
		old := h.logs(t)[1]
		h.sql(t, "UPDATE ledger_head SET size = size WHERE log_id = ? AND closed = ?", old.ID, true)
		h.add(t, 2)
		h.seal(t)
		if err := h.l.SealAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		var n int64
		h.read(t, func(tx *db.Tx) error {
			return tx.Row("SELECT COUNT(*) FROM ledger_checkpoint WHERE log_id = ?", []any{old.ID}, &n)
		})
		if n != 0 {
			t.Error("the old log was signed")
		}
		// The new log's rows are taken away: back to the old name.
		h.sql(t, "DELETE FROM ledger_log WHERE id <> ?", old.ID)
		h.sql(t, "UPDATE ledger_head SET closed = ? WHERE log_id = ?", false, old.ID)
		h.reopen(t)
		_, err := h.l.Seal(t.Context(), h.org)
		h.wantLocked(t, err)
		if held, _ := openHeld(t, h.held).Of(old.Origin); held != last.Checkpoint {
			t.Errorf("held %+v", held)
		}
	})
}

func TestCopyOfWhichNothingWasSigned(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.add(t, 4)
		h.seal(t)
		h.back(t, 2, 0)
		h.reopen(t)
		h.adopt(t)
		leaf := h.leaf(t, 2)
		if leaf.Answers != nil || !strings.Contains(h.bodyOf(t, 2), `"kept":{"size":0}`) || !strings.Contains(h.bodyOf(t, 2), `"void":{"from":0,`) {
			t.Errorf("%+v %s", leaf, h.bodyOf(t, 2))
		}
		h.add(t, 1)
		h.proves(t, h.sealed(t)-1)
		h.reopen(t)
		if why := h.l.Locked(); why != "" {
			t.Error(why)
		}
	})
}

// sealed signs, and counts the entries of all logs.
func (h *house) sealed(t *testing.T) (n int64) {
	t.Helper()
	h.seal(t)
	h.read(t, func(tx *db.Tx) error {
		head, err := h.l.Head(tx, h.org)
		n = head.Size
		return err
	})
	return n
}

func TestDemonstrationStaysOne(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.org = id.New[id.Org](start)
		h.create(t, true)
		h.add(t, 3)
		h.seal(t)
		h.back(t, 2, 0)
		h.reopen(t)
		h.adopt(t)
		if !h.leaf(t, 2).Demo || !h.logs(t)[0].Demo {
			t.Error("the log that continues a demonstration says nothing of it")
		}
	})
}

// Corrections and erasures name entries of the log that was continued, each in
// the form that the leaf allows.
func TestErasingAndCorrectingAcrossLogs(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.add(t, 4)
		h.seal(t) // 5
		h.add(t, 5)
		h.seal(t) // 10
		h.back(t, 7, 5)
		h.reopen(t)
		h.adopt(t) // entry 7
		h.add(t, 2)
		h.seal(t)

		e := entry("correct")
		e.Supersedes = []int64{3, 8}
		n, err := h.try(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.leaf(t, n).Supersedes; !slices.Equal(got, []int64{1}) {
			t.Errorf("supersedes %v, want entry 1 of its own log", got)
		}
		e = entry("erase")
		e.Kind, e.Erases = canon.KindErasure, []int64{3, 8}
		if _, err := h.try(t.Context(), e); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("erases an entry of another log: %v", err)
		}
		h.erases(t, []int64{3, 6, 8, 9})
		h.seal(t)
		if _, err := h.l.Audit(t.Context(), h.org); err != nil {
			t.Error(err)
		}
	})
}

// erases destroys and says so, as Erasing tells.
func (h *house) erases(t *testing.T, numbers []int64) {
	t.Helper()
	var parts []ledger.Erasure
	h.read(t, func(tx *db.Tx) (err error) {
		parts, err = h.l.Erasing(tx, h.org, numbers)
		return err
	})
	if len(parts) != 2 || !slices.Equal(parts[0].Erases, []int64{8, 9}) || parts[1].Answers == nil || parts[1].Answers.Index != 3 {
		t.Fatalf("%+v", parts)
	}
	logs := h.logs(t)
	h.sql(t, "DELETE FROM ledger_opening WHERE log_id = ? AND idx = 3", logs[1].ID)
	h.sql(t, "DELETE FROM ledger_opening WHERE log_id = ? AND idx = 1", logs[0].ID)
	for _, p := range parts {
		e := entry("erase")
		e.Kind, e.Erases, e.Answers = canon.KindErasure, p.Erases, p.Answers
		if _, err := h.try(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

// A row that says that a log was continued, written by somebody who has the
// database and not the keys directory.
func TestContinuationThatIsNotHeldIsRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.add(t, 4)
		h.seal(t)
		before, err := os.ReadFile(h.held)
		if err != nil {
			t.Fatal(err)
		}
		h.back(t, 2, 0)
		h.reopen(t)
		h.adopt(t)
		if err := os.WriteFile(h.held, before, 0o600); err != nil {
			t.Fatal(err)
		}
		h.reopen(t)
		if why := h.l.Locked(); !strings.Contains(why, "which the held file does not know") {
			t.Errorf("locked: %q", why)
		}
	})
}

func TestDatabaseThatLacksAWholeLog(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.add(t, 2)
		h.seal(t)
		gone := *h
		gone.org = id.New[id.Org](start.Add(time.Second))
		lg := gone.create(t, false)
		gone.add(t, 1)
		gone.seal(t)
		gone.back(t, 0, 0)
		h.sql(t, "DELETE FROM ledger_log WHERE org_id = ?", gone.org)
		h.sql(t, "DELETE FROM ledger_head WHERE org_id = ?", gone.org)
		h.reopen(t)
		if why := h.l.Locked(); !strings.Contains(why, "the database has no log "+lg.Origin+", of which 2 entries were signed") {
			t.Fatalf("locked: %q", why)
		}
		losses := h.adopt(t)
		if len(losses.Gone) != 1 || len(losses.Logs) != 1 || losses.Logs[0].Lost {
			t.Errorf("%+v", losses)
		}
		if !strings.Contains(h.bodyOf(t, 3), lg.Origin) || h.leaf(t, 3).Answers == nil {
			t.Errorf("entry 3 says %s", h.bodyOf(t, 3))
		}
		h.reopen(t)
		if why := h.l.Locked(); why != "" {
			t.Errorf("locked after it was said: %s", why)
		}
	})
}

func TestEmptyDatabaseBesideAHeldFileTakesNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.add(t, 2)
		h.seal(t)
		clearLogs(t, d)
		h.reopen(t)
		if h.l.Locked() == "" {
			t.Fatal("a database deleted whole is not noticed")
		}
		err := h.d.Write(t.Context(), string(h.org), func(tx *db.Tx) error {
			_, err := h.l.Create(tx, h.org, false, start)
			return err
		})
		if fault.KindOf(err) != fault.KindConflict {
			t.Errorf("a new log begins beside the lost one: %v", err)
		}
	})
}

func TestHeldFileThatIsGoneIsSaidInTheLog(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d)
		h.add(t, 2)
		h.seal(t)
		if err := os.Remove(h.held); err != nil {
			t.Fatal(err)
		}
		h.reopen(t)
		if body := h.bodyOf(t, 3); body != `{"op":"ledgers.unheld","size":3}` {
			t.Errorf("entry 3 says %q", body)
		}
		h.seal(t)
		h.reopen(t)
		if n := len(h.leaves(t)); n != 4 {
			t.Errorf("%d entries, want one that says so", n)
		}
	})
}
