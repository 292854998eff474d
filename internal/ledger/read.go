package ledger

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

func verifier(lg *Log) (note.Verifier, error) { return note.NewVerifier(lg.VKey()) }

// Head is the state of a log: how long it is, and how much of it is signed.
type Head struct {
	Origin   string
	VKey     string
	Demo     bool
	Size     int64
	Recorded time.Time
	Signed   Checkpoint
}

// Head returns the state of an organization's log.
func (l *Ledger) Head(tx *db.Tx, org id.Org) (Head, error) {
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return Head{}, err
	}
	h := Head{Origin: lg.Origin, VKey: lg.VKey(), Demo: lg.Demo}
	var recorded int64
	if err := tx.Row(selectHead, []any{org, lg.ID}, &h.Size, &recorded); err != nil {
		return Head{}, err
	}
	h.Recorded = clock.FromMillis(recorded)
	h.Signed, err = l.newest(tx, org, lg, 0)
	if errors.Is(err, db.ErrNone) {
		err = nil
	}
	return h, err
}

const selectClock = "SELECT l.demo, h.recorded FROM ledger_log l JOIN ledger_head h ON h.org_id = l.org_id AND h.log_id = l.id"

// Told reports what the logs say of their clock: when the newest entry was
// recorded, and whether all of them are demonstrations, so that their clock
// may be set by hand. Without a log, neither.
func Told(ctx context.Context, d *db.DB) (newest time.Time, demo bool, err error) {
	type row struct {
		demo     bool
		recorded int64
	}
	var rows []row
	err = d.Read(ctx, db.All, func(tx *db.Tx) (err error) {
		rows, err = db.Rows(tx, selectClock, nil, func(scan func(...any) error, r *row) error { return scan(&r.demo, &r.recorded) })
		return err
	})
	demo = len(rows) > 0
	for _, r := range rows {
		demo = demo && r.demo
		if t := clock.FromMillis(r.recorded); t.After(newest) {
			newest = t
		}
	}
	return newest, demo, err
}

// Row is an entry as the log keeps it.
type Row struct {
	Index    int64
	Kind     canon.Kind
	Recorded time.Time
	Leaf     []byte
}

const (
	selectLeaf = "SELECT idx, kind, recorded, leaf FROM ledger_leaf WHERE org_id = ? AND log_id = ? AND idx = ?"
	selectRows = "SELECT idx, kind, recorded, leaf FROM ledger_leaf WHERE org_id = ? AND log_id = ? AND idx >= ? AND idx < ? ORDER BY idx"
	selectPage = `SELECT idx, kind, recorded, leaf FROM ledger_leaf WHERE org_id = ? AND log_id = ? AND idx < ?
		ORDER BY idx DESC LIMIT ?`
	selectKindPage = `SELECT idx, kind, recorded, leaf FROM ledger_leaf WHERE org_id = ? AND log_id = ? AND kind = ? AND idx < ?
		ORDER BY idx DESC LIMIT ?`
	selectOpenings = `SELECT idx, label, salt, payload FROM ledger_opening WHERE org_id = ? AND log_id = ? AND idx >= ? AND idx < ?
		ORDER BY idx, label`
)

func scanRow(scan func(...any) error, r *Row) error {
	var recorded int64
	err := scan(&r.Index, &r.Kind, &recorded, &r.Leaf)
	r.Recorded = clock.FromMillis(recorded)
	return err
}

// Entry returns one entry.
func (l *Ledger) Entry(tx *db.Tx, org id.Org, index int64) (Row, error) {
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return Row{}, err
	}
	rows, err := db.Rows(tx, selectLeaf, []any{org, lg.ID, index}, scanRow)
	if err == nil && len(rows) == 0 {
		return Row{}, fault.NotFound("The log has no entry %d.", index)
	}
	if err != nil {
		return Row{}, err
	}
	return rows[0], nil
}

// Page returns up to n entries before an index, newest first; kind may be
// empty.
func (l *Ledger) Page(tx *db.Tx, org id.Org, kind canon.Kind, before int64, n int) ([]Row, error) {
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return nil, err
	}
	if kind == "" {
		return db.Rows(tx, selectPage, []any{org, lg.ID, before, n}, scanRow)
	}
	return db.Rows(tx, selectKindPage, []any{org, lg.ID, string(kind), before, n}, scanRow)
}

// Leaves returns the leaves from..to in order, for export.
func (l *Ledger) Leaves(tx *db.Tx, org id.Org, from, to int64) ([][]byte, error) {
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return nil, err
	}
	return db.Rows(tx, selectLeaves, []any{org, lg.ID, from, to}, func(scan func(...any) error, leaf *[]byte) error {
		var idx int64
		return scan(&idx, leaf)
	})
}

// Opening is one text behind a commitment.
type Opening struct {
	Index   int64
	Label   string
	Salt    [32]byte
	Payload string
}

// Openings returns what is kept of the entries from..to.
func (l *Ledger) Openings(tx *db.Tx, org id.Org, from, to int64) ([]Opening, error) {
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return nil, err
	}
	return db.Rows(tx, selectOpenings, []any{org, lg.ID, from, to}, func(scan func(...any) error, o *Opening) error {
		var salt []byte
		if err := scan(&o.Index, &o.Label, &salt, &o.Payload); err != nil {
			return err
		}
		if copy(o.Salt[:], salt) != len(o.Salt) {
			return fmt.Errorf("opening of entry %d: salt has %d bytes", o.Index, len(salt))
		}
		return nil
	})
}

// Answer names an entry for another log to answer, with the newest signed head
// that covers it.
func (l *Ledger) Answer(tx *db.Tx, org id.Org, index int64) (*canon.Answers, error) {
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return nil, err
	}
	c, err := l.newest(tx, org, lg, index+1)
	if errors.Is(err, db.ErrNone) {
		return nil, fault.Conflict("Entry %d waits for the next checkpoint, a second at most. Try again.", index)
	}
	if err != nil {
		return nil, err
	}
	return &canon.Answers{Log: lg.Origin, Index: index, Note: c.Note}, nil
}

// Wait returns the first checkpoint that covers an entry, once it is signed.
func (l *Ledger) Wait(ctx context.Context, org id.Org, index int64) (Checkpoint, error) {
	for {
		l.mu.Lock()
		signed := l.signed
		l.mu.Unlock()
		var c Checkpoint
		err := l.db.Read(ctx, string(org), func(tx *db.Tx) error {
			lg, err := l.LogOf(tx, org)
			if err != nil {
				return err
			}
			c, err = l.newest(tx, org, lg, index+1)
			return err
		})
		if err == nil || !errors.Is(err, db.ErrNone) {
			return c, err
		}
		if why := l.Locked(); why != "" {
			return c, fault.Conflict("The log is read-only: %s", why)
		}
		l.poke()
		select {
		case <-ctx.Done():
			return c, ctx.Err()
		case <-signed:
		case <-time.After(time.Second): // another process may have signed
		}
	}
}

// Proof is the path from an entry to a signed head.
type Proof struct {
	Index      int64
	Leaf       []byte
	Hashes     tlog.RecordProof
	Checkpoint Checkpoint
}

// Prove builds the inclusion proof of an entry under the newest checkpoint,
// and checks it before giving it out.
func (l *Ledger) Prove(tx *db.Tx, org id.Org, index int64) (Proof, error) {
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return Proof{}, err
	}
	row, err := l.Entry(tx, org, index)
	if err != nil {
		return Proof{}, err
	}
	c, err := l.newest(tx, org, lg, index+1)
	if errors.Is(err, db.ErrNone) {
		return Proof{}, fault.Conflict("Entry %d waits for the next checkpoint, a second at most.", index)
	}
	if err != nil {
		return Proof{}, err
	}
	hashes, err := tlog.ProveRecord(c.Size, index, l.reader(tx, org, lg))
	if err != nil {
		return Proof{}, err
	}
	if err := tlog.CheckRecord(hashes, c.Size, c.Root, index, canon.LeafHash(row.Leaf)); err != nil {
		return Proof{}, fmt.Errorf("entry %d does not belong to the signed log: %w", index, err)
	}
	return Proof{Index: index, Leaf: row.Leaf, Hashes: hashes, Checkpoint: c}, nil
}

// Receipt is the proof in the C2SP tlog-proof form, for whoever submitted the
// entry to keep: with it, a rollback can be shown.
func (p Proof) Receipt() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "c2sp.org/tlog-proof@v1\nindex %d\n", p.Index)
	for _, h := range p.Hashes {
		fmt.Fprintln(&b, base64.StdEncoding.EncodeToString(h[:]))
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint.Note)
	return b.String()
}

// Signer signs the manifest of a bundle with the log's key.
func (l *Ledger) Signer(tx *db.Tx, org id.Org) (note.Signer, error) {
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return nil, err
	}
	return l.signer(lg)
}
