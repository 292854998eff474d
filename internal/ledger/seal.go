package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

const (
	selectHead     = "SELECT size, recorded FROM ledger_head WHERE org_id = ? AND log_id = ?"
	selectUnsealed = `SELECT h.org_id FROM ledger_head h WHERE h.size > COALESCE(
		(SELECT MAX(c.size) FROM ledger_checkpoint c WHERE c.org_id = h.org_id AND c.log_id = h.log_id), 0) ORDER BY h.org_id`
	selectLogs       = "SELECT org_id FROM ledger_log ORDER BY origin"
	insertCheckpoint = `INSERT INTO ledger_checkpoint (org_id, log_id, size, note, signed) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (org_id, log_id, size) DO NOTHING`
	selectCheckpoint = `SELECT size, note, signed FROM ledger_checkpoint WHERE org_id = ? AND log_id = ? AND size >= ?
		ORDER BY size DESC LIMIT 1`
	selectLeaves = "SELECT idx, leaf FROM ledger_leaf WHERE org_id = ? AND log_id = ? AND idx >= ? AND idx < ? ORDER BY idx"
)

// SealAll signs the head of every log that has grown.
func (l *Ledger) SealAll(ctx context.Context) error {
	orgs, err := l.orgs(ctx, selectUnsealed)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		if _, err := l.Seal(ctx, org); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) orgs(ctx context.Context, query string) ([]id.Org, error) {
	var orgs []id.Org
	err := l.db.Read(ctx, db.All, func(tx *db.Tx) (err error) {
		orgs, err = db.Rows(tx, query, nil, func(scan func(...any) error, o *id.Org) error { return scan(o) })
		return err
	})
	return orgs, err
}

// A Checkpoint is a signed head.
type Checkpoint struct {
	canon.Checkpoint
	Note   []byte
	Signed time.Time
}

// Seal signs the head of an organization's log, if it has grown, and returns
// the newest checkpoint. Before it signs, it reads back what it is about to
// vouch for: the new leaves against their hashes, and the held head against
// the tree.
func (l *Ledger) Seal(ctx context.Context, org id.Org) (Checkpoint, error) {
	if why := l.Locked(); why != "" {
		return Checkpoint{}, fault.Conflict("The log is read-only: %s", why)
	}
	var (
		lg   *Log
		last Checkpoint
		next canon.Checkpoint
	)
	err := l.db.Read(ctx, string(org), func(tx *db.Tx) (err error) {
		if lg, err = l.LogOf(tx, org); err != nil {
			return err
		}
		if last, err = l.newest(tx, org, lg, 0); err != nil && !errors.Is(err, db.ErrNone) {
			return err
		}
		var size, recorded int64
		if err = tx.Row(selectHead, []any{org, lg.ID}, &size, &recorded); err != nil || size == last.Size {
			return err
		}
		next, err = l.examine(tx, org, lg, last.Size, size)
		return err
	})
	if err != nil || next.Size == 0 {
		return last, err
	}
	return l.sign(ctx, org, lg, next)
}

// examine reads the leaves from..size back, compares them with the stored
// hashes, and returns the head they make, provided it extends the held one.
func (l *Ledger) examine(tx *db.Tx, org id.Org, lg *Log, from, size int64) (canon.Checkpoint, error) {
	reader := l.reader(tx, org, lg)
	if err := l.compare(tx, org, lg, from, size, reader); err != nil {
		return canon.Checkpoint{}, err
	}
	if err := l.extends(lg, size, reader); err != nil {
		return canon.Checkpoint{}, err
	}
	root, err := tlog.TreeHash(size, reader)
	return canon.Checkpoint{Origin: lg.Origin, Size: size, Root: root}, err
}

// compare checks each leaf's bytes against its stored hash.
func (l *Ledger) compare(tx *db.Tx, org id.Org, lg *Log, from, size int64, reader tlog.HashReader) error {
	type pair struct {
		idx  int64
		hash tlog.Hash
	}
	const batch = 1000
	for at := from; at < size; at += batch {
		pairs, err := db.Rows(tx, selectLeaves, []any{org, lg.ID, at, min(at+batch, size)}, func(scan func(...any) error, p *pair) error {
			var leaf []byte
			err := scan(&p.idx, &leaf)
			p.hash = canon.LeafHash(leaf)
			return err
		})
		if err != nil {
			return err
		}
		for i, p := range pairs {
			if p.idx != at+int64(i) {
				return l.lock("entry %d of %s is missing", at+int64(i), lg.Origin)
			}
			stored, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, p.idx)})
			if err != nil {
				return err
			}
			if !bytes.Equal(stored[0][:], p.hash[:]) {
				return l.lock("entry %d of %s is not what was recorded", p.idx, lg.Origin)
			}
		}
		if want := min(at+batch, size) - at; int64(len(pairs)) != want {
			return l.lock("entry %d of %s is missing", at+int64(len(pairs)), lg.Origin)
		}
	}
	return nil
}

// extends refuses a head that is shorter than, or differs from, the one this
// process's machine holds outside the database.
func (l *Ledger) extends(lg *Log, size int64, reader tlog.HashReader) error {
	h, ok := l.held.Of(lg.Origin)
	if !ok {
		return nil
	}
	if size < h.Size {
		return l.lock("it has %d entries, but %d were signed before. An older copy of the database was put in place; restore the newest one", size, h.Size)
	}
	root, err := tlog.TreeHash(h.Size, reader)
	if err != nil {
		return err
	}
	if root != h.Root {
		return l.lock("the first %d entries are not those that were signed before", h.Size)
	}
	return nil
}

func (l *Ledger) sign(ctx context.Context, org id.Org, lg *Log, next canon.Checkpoint) (Checkpoint, error) {
	s, err := l.signer(lg)
	if err != nil {
		return Checkpoint{}, err
	}
	n, err := canon.SignNote(next.Text(), s)
	if err != nil {
		return Checkpoint{}, err
	}
	c := Checkpoint{Checkpoint: next, Note: n, Signed: l.clock.Now()}
	err = l.db.Write(ctx, string(org), func(tx *db.Tx) error {
		_, err := tx.Exec(insertCheckpoint, org, lg.ID, next.Size, string(n), clock.Millis(c.Signed))
		return err
	})
	if err != nil {
		return Checkpoint{}, err
	}
	// Nothing signed leaves before it is held: the next start compares.
	if err := l.held.Put(next); err != nil {
		return Checkpoint{}, fmt.Errorf("held file: %w", err)
	}
	l.mu.Lock()
	close(l.signed)
	l.signed = make(chan struct{})
	l.mu.Unlock()
	return c, nil
}

// newest returns the newest checkpoint of at least size entries.
func (l *Ledger) newest(tx *db.Tx, org id.Org, lg *Log, size int64) (Checkpoint, error) {
	var (
		c      Checkpoint
		text   string
		signed int64
	)
	if err := tx.Row(selectCheckpoint, []any{org, lg.ID, size}, &c.Size, &text, &signed); err != nil {
		return Checkpoint{}, err
	}
	c.Note, c.Signed = []byte(text), clock.FromMillis(signed)
	return c, c.open(lg)
}

func (c *Checkpoint) open(lg *Log) error {
	v, err := verifier(lg)
	if err != nil {
		return err
	}
	body, err := canon.OpenNote(c.Note, v)
	if err != nil {
		return fmt.Errorf("checkpoint %d of %s: %w", c.Size, lg.Origin, err)
	}
	c.Checkpoint, err = canon.ParseCheckpoint(body)
	return err
}

// Check compares every log with what is held outside the database. It runs
// before the first append; a log that is shorter than it was is never signed.
func (l *Ledger) Check(ctx context.Context) error {
	orgs, err := l.orgs(ctx, selectLogs)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		err := l.db.Read(ctx, string(org), func(tx *db.Tx) error {
			lg, err := l.LogOf(tx, org)
			if err != nil {
				return err
			}
			if _, err := l.signer(lg); err != nil {
				return err
			}
			var size, recorded int64
			if err := tx.Row(selectHead, []any{org, lg.ID}, &size, &recorded); err != nil {
				return err
			}
			return l.extends(lg, size, l.reader(tx, org, lg))
		})
		if err != nil && l.Locked() == "" {
			return err
		}
	}
	return nil
}
