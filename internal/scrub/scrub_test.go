package scrub_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/scrub"
)

// machine is where the scrub sits.
func machine(d *op.Desk) *op.Desk { return d.Machine(d.Org, "scrub", auth.LogRead) }

func whole(t *testing.T, d *op.Desk) scrub.State {
	t.Helper()
	s, err := scrub.Whole(t.Context(), machine(d))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sql changes the database as somebody would who has it in hand.
func sql(t *testing.T, d *op.Desk, statement string, args ...any) {
	t.Helper()
	err := d.DB.Write(t.Context(), db.All, func(tx *db.Tx) error {
		n, err := tx.Exec(statement, args...)
		if err == nil && n == 0 {
			t.Errorf("%s changes nothing", statement)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// newest is what the newest entry of an operation says.
func newest(t *testing.T, d *op.Desk, operation string) (out string) {
	t.Helper()
	err := d.DB.Read(t.Context(), string(d.Org), func(tx *db.Tx) error {
		h, err := d.Ledger.Head(tx, d.Org)
		if err != nil {
			return err
		}
		list, err := d.Ledger.Openings(tx, d.Org, 0, h.Size)
		for _, o := range list {
			if o.Label == canon.LabelBody && strings.Contains(o.Payload, `"op":"`+operation+`"`) {
				out = o.Payload
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func scope(t *testing.T, d *op.Desk) {
	t.Helper()
	var version int64
	err := d.DB.Read(t.Context(), string(d.Org), func(tx *db.Tx) error {
		return tx.Row("SELECT COALESCE(MAX(version), 0) FROM scope WHERE org_id = ?", []any{d.Org}, &version)
	})
	if err != nil {
		t.Fatal(err)
	}
	optest.Do(t, d, scopes.Set, scopes.Decision{Requester: "a customer", Type: scopes.TypeII, Starts: "2027-01-01", Ends: "2027-12-31", System: "Example Cloud", Version: version})
}

func TestAFindingIsToldAndResolved(t *testing.T) {
	optest.Each(t, func(t *testing.T, d *op.Desk) {
		scope(t, d)
		if s := whole(t, d); s.Open != 0 || s.Ended.IsZero() {
			t.Fatalf("untouched, it finds %+v", s)
		}
		before := newest(t, d, "scrubs.keep")
		if whole(t, d); newest(t, d, "scrubs.keep") != before {
			t.Error("it seals again what has not changed")
		}
		sql(t, d, "UPDATE scope SET system = 'Another' WHERE org_id = ?", d.Org)
		s := whole(t, d)
		if s.Open != 1 || s.Findings[0].Place != "scope 1" || s.Findings[0].Layer != scrub.Rows {
			t.Fatalf("found %+v", s.Findings)
		}
		if said := newest(t, d, "scrubs.tell"); !strings.Contains(said, `"place":"scope 1"`) || !strings.Contains(said, `"found"`) {
			t.Errorf("the log says %s", said)
		}
		if whole(t, d).Open != 1 {
			t.Error("a second pass forgets it")
		}
		sql(t, d, "UPDATE scope SET system = 'Example Cloud' WHERE org_id = ?", d.Org)
		if s = whole(t, d); s.Open != 0 || len(s.Findings) != 1 || s.Findings[0].Resolved.IsZero() {
			t.Errorf("put right, it says %+v", s.Findings)
		}
		if said := newest(t, d, "scrubs.tell"); !strings.Contains(said, `"whole"`) {
			t.Errorf("the log says %s", said)
		}
		scope(t, d) // what an entry explains is no finding
		if s := whole(t, d); s.Open != 0 {
			t.Errorf("a change by an operation is found: %+v", s.Findings)
		}
	})
}

// Nothing is appended to a log whose tree is damaged, and nothing is locked.
func TestADamagedLogIsNotBuiltUpon(t *testing.T) {
	optest.Each(t, func(t *testing.T, d *op.Desk) {
		scope(t, d)
		whole(t, d)
		told := newest(t, d, "scrubs.tell")
		sql(t, d, "UPDATE ledger_leaf SET kind = 'run' WHERE org_id = ? AND idx = 1", d.Org)
		if s := whole(t, d); s.Open == 0 || s.Findings[0].Place != "entry 1" {
			t.Fatalf("found %+v", s.Findings)
		}
		if newest(t, d, "scrubs.tell") != told || d.Ledger.Locked() != "" {
			t.Error("it has written to the log, or locked it")
		}
		sql(t, d, "UPDATE ledger_leaf SET kind = 'op' WHERE org_id = ? AND idx = 1", d.Org)
		if s := whole(t, d); s.Open != 0 {
			t.Errorf("put right, it says %+v", s.Findings)
		}
		if said := newest(t, d, "scrubs.tell"); !strings.Contains(said, `"entry 1"`) {
			t.Errorf("told late, the log says %q", said)
		}
	})
}

// A pass that is cut off goes on where it was.
func TestAPassGoesOn(t *testing.T) {
	optest.Each(t, func(t *testing.T, d *op.Desk) {
		defer scrub.InPieces(3)()
		for range 5 {
			scope(t, d)
		}
		again, _, err := scrub.Piece(t.Context(), machine(d), true)
		if err != nil || !again {
			t.Fatalf("%v, %v", again, err)
		}
		at := layer(t, d, scrub.Log)
		if !at.Running || at.Done != 3 || at.Of < 6 {
			t.Fatalf("after a piece it is at %+v", at)
		}
		sql(t, d, "UPDATE ledger_leaf SET kind = 'run' WHERE org_id = ? AND idx = 1", d.Org) // behind it
		for again := true; again; {
			if again, _, err = scrub.Piece(t.Context(), machine(d), false); err != nil {
				t.Fatal(err)
			}
		}
		if at = layer(t, d, scrub.Log); at.Running || at.Found != 0 || at.Pass != 1 {
			t.Errorf("it has begun anew: %+v", at)
		}
		if s := whole(t, d); s.Open == 0 {
			t.Error("the next pass does not see it")
		}
	})
}

func layer(t *testing.T, d *op.Desk, name string) (out scrub.Layer) {
	t.Helper()
	for _, l := range optest.Do(t, d, scrub.Get, op.None{}).Layers {
		if l.Layer == name {
			out = l
		}
	}
	return out
}

func TestEveryLogGetsASchedule(t *testing.T) {
	optest.Each(t, func(t *testing.T, d *op.Desk) {
		for range 2 {
			if err := scrub.Arrange(t.Context(), d.Engine); err != nil {
				t.Fatal(err)
			}
		}
		err := d.DB.Read(t.Context(), string(d.Org), func(tx *db.Tx) error {
			var n int64
			err := tx.Row("SELECT COUNT(*) FROM job_schedule WHERE org_id = ? AND kind = 'scrub.read' AND every = 86400000", []any{d.Org}, &n)
			if n != 1 {
				t.Errorf("%d schedules", n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		optest.Do(t, d, scrub.Start, op.None{})
		if jobs := optest.Do(t, d, job.List, job.Filter{}); jobs.Total != 1 || jobs.Items[0].Kind != scrub.Job {
			t.Errorf("in line are %+v", jobs.Items)
		}
	})
}

// Whatever byte of the log or of a blob's row is flipped, a pass says so and
// goes on.
func TestAFlippedByteIsFound(t *testing.T) {
	optest.Each(t, func(t *testing.T, d *op.Desk) {
		scope(t, d)
		if _, err := d.Vault.Store(t.Context(), d.Org, []byte("what was seen"), d.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		if s := whole(t, d); s.Open != 0 {
			t.Fatalf("untouched, it finds %+v", s.Findings)
		}
		tried := 0
		for _, c := range []struct{ table, column, key string }{
			{"ledger_leaf", "leaf", "idx"}, {"ledger_leaf", "kind", "idx"}, {"ledger_hash", "hash", "pos"}, {"ledger_opening", "salt", "idx"},
			{"ledger_opening", "payload", "idx"}, {"ledger_opening", "label", "idx"}, {"ledger_checkpoint", "note", "size"}, {"ledger_log", "origin", "epoch"},
			{"ledger_log", "public_key", "epoch"}, {"ledger_key", "public_key", "generation"}, {"blob", "file_key", "address"}, {"blob", "sealed_sha256", "address"}, {"blob", "address", "address"},
			{"blob_org_key", "wrapped", "org_id"},
		} {
			tried += flip(t, d, c.table, c.column, c.key)
		}
		t.Logf("%d bytes", tried)
	})
}

// flip changes single bytes of the first row of a table, one at a time, spread
// over the value.
func flip(t *testing.T, d *op.Desk, table, column, key string) (tried int) {
	t.Helper()
	var was, at any
	err := d.DB.Read(t.Context(), string(d.Org), func(tx *db.Tx) error {
		return tx.Row(fmt.Sprintf("SELECT %s, %s FROM %s WHERE org_id = ? ORDER BY %s LIMIT 1", column, key, table, key), []any{d.Org}, &was, &at)
	})
	if err != nil {
		t.Fatalf("%s.%s: %v", table, column, err)
	}
	text, isText := was.(string)
	if !isText {
		text = string(was.([]byte))
	}
	value := func(b []byte) any {
		if isText {
			return string(b)
		}
		return b
	}
	set := fmt.Sprintf("UPDATE %s SET %s = ? WHERE org_id = ? AND %s = ? AND %s = ?", table, column, key, column)
	for i := 0; i < len(text); i += max(1, len(text)/5) {
		b := []byte(text)
		if isText && b[i] >= 0x80 {
			continue // PostgreSQL takes no text that is none
		}
		b[i] ^= 1
		key1, key2 := at, at
		if key == column {
			key2 = value(b)
		}
		sql(t, d, set, value(b), d.Org, key1, value([]byte(text)))
		if s := whole(t, d); s.Open == 0 {
			t.Errorf("%s.%s: byte %d is changed, and nothing is found", table, column, i)
		}
		sql(t, d, set, value([]byte(text)), d.Org, key2, value(b))
		if s := whole(t, d); s.Open != 0 {
			t.Fatalf("%s.%s: byte %d is put right, and it finds %+v", table, column, i, s.Findings[0])
		}
		tried++
	}
	return tried
}
