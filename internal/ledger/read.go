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

// Head is the state of an organization's log: how long it is, and how much of
// it is signed. Of several, each continued by the next, it is that of the newest.
type Head struct {
	Origin   string
	VKey     string
	Demo     bool
	Base     int64 // the number of the newest log's entry 0
	Size     int64 // entries of all logs: one more than the newest entry's number
	Recorded time.Time
	Signed   Checkpoint // counts the newest log alone
}

// SignedSize is how far entries are signed, counted like Size.
func (h Head) SignedSize() int64 {
	if h.Signed.Size == 0 {
		return h.Base
	}
	return h.Base + h.Signed.Size
}

// Head returns the state of an organization's log.
func (l *Ledger) Head(tx *db.Tx, org id.Org) (Head, error) {
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return Head{}, err
	}
	h := Head{Origin: lg.Origin, VKey: lg.VKey(), Demo: lg.Demo, Base: lg.Base}
	var recorded int64
	if err := tx.Row(selectHead, []any{org, lg.ID}, &h.Size, &recorded); err != nil {
		return Head{}, err
	}
	h.Size += lg.Base
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
	Index    int64 // its number; the leaf has its index within its own log
	Kind     canon.Kind
	Recorded time.Time
	Leaf     []byte
}

const (
	selectLeaf = "SELECT idx, kind, recorded, leaf FROM ledger_leaf WHERE org_id = ? AND log_id = ? AND idx = ?"
	selectRows = "SELECT idx, kind, recorded, leaf FROM ledger_leaf WHERE org_id = ? AND log_id = ? AND idx >= ? AND idx < ? ORDER BY idx"
	selectPage = `SELECT idx, kind, recorded, leaf FROM ledger_leaf WHERE org_id = ? AND log_id = ? AND idx < ?
		ORDER BY idx DESC LIMIT ?`
	selectUp = `SELECT idx, kind, recorded, leaf FROM ledger_leaf WHERE org_id = ? AND log_id = ? AND idx >= ? AND idx < ?
		ORDER BY idx LIMIT ?`
	selectKindUp = `SELECT idx, kind, recorded, leaf FROM ledger_leaf WHERE org_id = ? AND log_id = ? AND kind = ? AND idx >= ? AND idx < ?
		ORDER BY idx LIMIT ?`
	countKindUp    = "SELECT COUNT(*) FROM ledger_leaf WHERE org_id = ? AND log_id = ? AND kind = ? AND idx >= ? AND idx < ?"
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

// renumber turns the indices of a log's rows into entry numbers.
func renumber(rows []Row, lg *Log) []Row {
	for i := range rows {
		rows[i].Index += lg.Base
	}
	return rows
}

// Entry returns one entry.
func (l *Ledger) Entry(tx *db.Tx, org id.Org, number int64) (Row, error) {
	lg, index, err := l.at(tx, org, number)
	if err != nil {
		return Row{}, err
	}
	rows, err := db.Rows(tx, selectLeaf, []any{org, lg.ID, index}, scanRow)
	if err == nil && len(rows) == 0 {
		return Row{}, fault.NotFound("The log has no entry %d.", number)
	}
	if err != nil {
		return Row{}, err
	}
	return renumber(rows, lg)[0], nil
}

// Page returns up to n entries before a number, newest first; kind may be
// empty.
func (l *Ledger) Page(tx *db.Tx, org id.Org, kind canon.Kind, before int64, n int) ([]Row, error) {
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return nil, err
	}
	out, err := page(tx, org, lg, kind, before, n)
	if err != nil || len(out) == n || lg.Base == 0 {
		return out, err
	}
	logs, err := l.Logs(tx, org)
	for _, lg := range logs[1:] {
		if len(out) < n && err == nil {
			var more []Row
			more, err = page(tx, org, lg, kind, min(before, logs[0].Base), n-len(out))
			out = append(out, more...)
		}
	}
	return out, err
}

func page(tx *db.Tx, org id.Org, lg *Log, kind canon.Kind, before int64, n int) ([]Row, error) {
	var rows []Row
	var err error
	if kind == "" {
		rows, err = db.Rows(tx, selectPage, []any{org, lg.ID, before - lg.Base, n}, scanRow)
	} else {
		rows, err = db.Rows(tx, selectKindPage, []any{org, lg.ID, string(kind), before - lg.Base, n}, scanRow)
	}
	return renumber(rows, lg), err
}

// Onward returns up to n of the entries from..to, the oldest first; kind may be
// empty.
func (l *Ledger) Onward(tx *db.Tx, org id.Org, kind canon.Kind, from, to int64, n int) ([]Row, error) {
	spans, err := l.spans(tx, org, from, to)
	var out []Row
	for _, s := range spans {
		if err != nil || len(out) >= n {
			break
		}
		var rows []Row
		if kind == "" {
			rows, err = db.Rows(tx, selectUp, []any{org, s.lg.ID, s.from, s.to, n - len(out)}, scanRow)
		} else {
			rows, err = db.Rows(tx, selectKindUp, []any{org, s.lg.ID, string(kind), s.from, s.to, n - len(out)}, scanRow)
		}
		out = append(out, renumber(rows, s.lg)...)
	}
	return out, err
}

// CountKind counts the entries from..to of a kind.
func (l *Ledger) CountKind(tx *db.Tx, org id.Org, kind canon.Kind, from, to int64) (total int64, err error) {
	spans, err := l.spans(tx, org, from, to)
	for _, s := range spans {
		if err != nil {
			break
		}
		var n int64
		err = tx.Row(countKindUp, []any{org, s.lg.ID, string(kind), s.from, s.to}, &n)
		total += n
	}
	return total, err
}

const selectWhen = "SELECT recorded FROM ledger_leaf WHERE org_id = ? AND log_id = ? AND idx = ?"

// SizeAt is how many entries there were before an instant; 0 where the newest log
// began later, and the ones before it would have to be asked. What is recorded
// never goes back in time, so that a few looks find it however long the log is.
func (l *Ledger) SizeAt(tx *db.Tx, org id.Org, at time.Time) (int64, error) {
	h, err := l.Head(tx, org)
	if err != nil {
		return 0, err
	}
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return 0, err
	}
	low, high := int64(0), h.Size-h.Base
	for low < high {
		mid := low + (high-low)/2
		var ms int64
		if err := tx.Row(selectWhen, []any{org, lg.ID, mid}, &ms); err != nil {
			return 0, err
		}
		if ms < clock.Millis(at) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == 0 {
		return 0, nil
	}
	return h.Base + low, nil
}

// Leaves returns the leaves from..to in order, of all logs.
func (l *Ledger) Leaves(tx *db.Tx, org id.Org, from, to int64) ([][]byte, error) {
	spans, err := l.spans(tx, org, from, to)
	var out [][]byte
	for _, s := range spans {
		if err == nil {
			var part [][]byte
			part, err = l.LeavesOf(tx, org, s.lg, s.from, s.to)
			out = append(out, part...)
		}
	}
	return out, err
}

// Opening is one text behind a commitment.
type Opening struct {
	Index   int64
	Label   string
	Salt    [32]byte
	Payload string
}

func scanOpening(scan func(...any) error, o *Opening) error {
	var salt []byte
	if err := scan(&o.Index, &o.Label, &salt, &o.Payload); err != nil {
		return err
	}
	if copy(o.Salt[:], salt) != len(o.Salt) {
		return fmt.Errorf("opening of entry %d: salt has %d bytes", o.Index, len(salt))
	}
	return nil
}

// Openings returns what is kept of the entries from..to.
func (l *Ledger) Openings(tx *db.Tx, org id.Org, from, to int64) ([]Opening, error) {
	spans, err := l.spans(tx, org, from, to)
	var out []Opening
	for _, s := range spans {
		if err != nil {
			break
		}
		var part []Opening
		part, err = l.OpeningsOf(tx, org, s.lg, s.from, s.to)
		for i := range part {
			part[i].Index += s.lg.Base
		}
		out = append(out, part...)
	}
	return out, err
}

// covering is the newest checkpoint that covers an entry, of the log in which
// it stands.
func (l *Ledger) covering(tx *db.Tx, org id.Org, number int64) (*Log, int64, Checkpoint, error) {
	lg, index, err := l.at(tx, org, number)
	if err != nil {
		return nil, 0, Checkpoint{}, err
	}
	c, err := l.newest(tx, org, lg, index+1)
	if errors.Is(err, db.ErrNone) {
		now, e := l.LogOf(tx, org)
		switch {
		case e != nil:
			err = e
		case now.ID != lg.ID:
			err = void(number)
		}
	}
	return lg, index, c, err
}

// Answer names an entry for another log to answer, with the newest signed head
// that covers it.
func (l *Ledger) Answer(tx *db.Tx, org id.Org, number int64) (*canon.Answers, error) {
	lg, index, c, err := l.covering(tx, org, number)
	if errors.Is(err, db.ErrNone) {
		return nil, fault.Conflict("Entry %d waits for the next checkpoint, a second at most. Try again.", number)
	}
	if err != nil {
		return nil, err
	}
	return &canon.Answers{Log: lg.Origin, Index: index, Note: c.Note}, nil
}

// Wait returns the first checkpoint that covers an entry, once it is signed.
func (l *Ledger) Wait(ctx context.Context, org id.Org, number int64) (Checkpoint, error) {
	for {
		l.mu.Lock()
		signed := l.signed
		l.mu.Unlock()
		var c Checkpoint
		err := l.db.Read(ctx, string(org), func(tx *db.Tx) (err error) {
			_, _, c, err = l.covering(tx, org, number)
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
	Index      int64 // within its own log, as the checkpoint counts
	Leaf       []byte
	Hashes     tlog.RecordProof
	Checkpoint Checkpoint
}

// Prove builds the inclusion proof of an entry under the newest checkpoint,
// and checks it before giving it out.
func (l *Ledger) Prove(tx *db.Tx, org id.Org, number int64) (Proof, error) {
	row, err := l.Entry(tx, org, number)
	if err != nil {
		return Proof{}, err
	}
	lg, index, c, err := l.covering(tx, org, number)
	if errors.Is(err, db.ErrNone) {
		return Proof{}, fault.Conflict("Entry %d waits for the next checkpoint, a second at most.", number)
	}
	if err != nil {
		return Proof{}, err
	}
	hashes, err := tlog.ProveRecord(c.Size, index, l.reader(tx, org, lg))
	if err != nil {
		return Proof{}, err
	}
	if err := tlog.CheckRecord(hashes, c.Size, c.Root, index, canon.LeafHash(row.Leaf)); err != nil {
		return Proof{}, fmt.Errorf("entry %d does not belong to the signed log: %w", number, err)
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

// Signer signs the manifest of a bundle with the key in force of the log that
// takes entries.
func (l *Ledger) Signer(tx *db.Tx, org id.Org) (note.Signer, error) {
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return nil, err
	}
	return l.signer(lg)
}
