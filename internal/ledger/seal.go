package ledger

import (
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
	selectUnsealed = `SELECT h.org_id FROM ledger_head h WHERE h.size <> COALESCE(
		(SELECT MAX(c.size) FROM ledger_checkpoint c WHERE c.org_id = h.org_id AND c.log_id = h.log_id), 0) ORDER BY h.org_id`
	selectLogs       = "SELECT org_id FROM ledger_log ORDER BY origin"
	insertCheckpoint = `INSERT INTO ledger_checkpoint (org_id, log_id, size, note, signed) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (org_id, log_id, size) DO NOTHING`
	selectCheckpoint = `SELECT size, note, signed FROM ledger_checkpoint WHERE org_id = ? AND log_id = ? AND size >= ?
		ORDER BY size DESC LIMIT 1`
)

// SealAll signs the head of every log that has grown. One that cannot be
// signed does not keep the others waiting.
func (l *Ledger) SealAll(ctx context.Context) error {
	orgs, err := l.orgs(ctx, selectUnsealed)
	if err != nil {
		return err
	}
	var errs []error
	for _, org := range orgs {
		if _, err := l.Seal(ctx, org); err != nil {
			errs = append(errs, fmt.Errorf("log of %s: %w", org, err))
		}
	}
	return errors.Join(errs...)
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
// vouch for: the new leaves against their hashes, and the heads signed before
// against the tree.
func (l *Ledger) Seal(ctx context.Context, org id.Org) (Checkpoint, error) {
	if why := l.Locked(); why != "" {
		return Checkpoint{}, fault.Conflict("The log is read-only: %s", why)
	}
	lg, err := l.find(ctx, org)
	if err != nil {
		return Checkpoint{}, err
	}
	// Before the log is read: another may be signing it further meanwhile.
	held, _ := l.held.Of(lg.Origin)
	var last, next Checkpoint
	err = l.db.Read(ctx, string(org), func(tx *db.Tx) error {
		var size int64
		last, size, err = l.stands(tx, org, lg, held)
		if err != nil || size == last.Size {
			return err
		}
		tree, err := frontierAt(last.Size, l.reader(tx, org, lg))
		if err != nil {
			return err
		}
		if err := l.reread(tx, org, lg, tree, size); err != nil {
			return err
		}
		next.Checkpoint = canon.Checkpoint{Origin: lg.Origin, Size: size, Root: tree.root()}
		return nil
	})
	if err != nil || next.Size == 0 {
		return last, err
	}
	return l.sign(ctx, org, lg, next.Checkpoint)
}

// stands returns the newest checkpoint and the size of a log, having seen that
// the log extends the heads signed before: the one in the database and the one
// held outside it.
func (l *Ledger) stands(tx *db.Tx, org id.Org, lg *Log, held canon.Checkpoint) (Checkpoint, int64, error) {
	last, err := l.newest(tx, org, lg, 0) // before the size, which may grow
	if err != nil && !errors.Is(err, db.ErrNone) {
		return Checkpoint{}, 0, err
	}
	var size, recorded int64
	if err := tx.Row(selectHead, []any{org, lg.ID}, &size, &recorded); err != nil {
		return Checkpoint{}, 0, err
	}
	for _, c := range []canon.Checkpoint{last.Checkpoint, held} {
		if err := l.extends(size, c, l.reader(tx, org, lg)); err != nil {
			return Checkpoint{}, 0, err
		}
	}
	return last, size, nil
}

// extends locks the ledger when a log of this size is shorter than one that
// was signed, or differs from it.
func (l *Ledger) extends(size int64, signed canon.Checkpoint, reader tlog.HashReader) error {
	if signed.Size == 0 {
		return nil
	}
	if size < signed.Size {
		return l.lock("it has %d entries, but %d were signed before. An older copy of the database was put in place; restore the newest one", size, signed.Size)
	}
	root, err := tlog.TreeHash(signed.Size, reader)
	if errors.Is(err, db.ErrNone) || err == nil && root != signed.Root {
		return l.lock("the first %d entries are not those that were signed before", signed.Size)
	}
	return err
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
	// Held before anybody can read it: the next start compares.
	if err := l.held.Put(next); err != nil {
		return Checkpoint{}, fmt.Errorf("held file: %w", err)
	}
	err = l.db.Write(ctx, string(org), func(tx *db.Tx) error {
		_, err := tx.Exec(insertCheckpoint, org, lg.ID, next.Size, string(n), clock.Millis(c.Signed))
		return err
	})
	if err != nil {
		return Checkpoint{}, err
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
	if err := c.open(lg); err != nil {
		return Checkpoint{}, l.lock("checkpoint %d is not as it was signed: %s", c.Size, err)
	}
	return c, nil
}

func (c *Checkpoint) open(lg *Log) error {
	v, err := verifier(lg)
	if err != nil {
		return err
	}
	body, err := canon.OpenNote(c.Note, v)
	if err != nil {
		return err
	}
	size := c.Size
	c.Checkpoint, err = canon.ParseCheckpoint(body)
	if err == nil && (c.Size != size || c.Origin != lg.Origin) {
		err = fmt.Errorf("it is that of %d entries of %s", c.Size, c.Origin)
	}
	return err
}

// Check compares every log with the heads signed before, above all with those
// held outside the database. It runs before the first append; a log that is
// shorter than it was is never signed.
func (l *Ledger) Check(ctx context.Context) error {
	orgs, err := l.orgs(ctx, selectLogs)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		if err := l.check(ctx, org); err != nil && l.Locked() == "" {
			return err
		}
	}
	return nil
}

func (l *Ledger) check(ctx context.Context, org id.Org) error {
	lg, err := l.find(ctx, org)
	if err != nil {
		return err
	}
	if _, err := l.signer(lg); err != nil {
		return err
	}
	held, _ := l.held.Of(lg.Origin)
	return l.db.Read(ctx, string(org), func(tx *db.Tx) error {
		_, _, err := l.stands(tx, org, lg, held)
		return err
	})
}
