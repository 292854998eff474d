package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

const (
	selectHead     = "SELECT size, recorded FROM ledger_head WHERE org_id = ? AND log_id = ?"
	selectUnsealed = `SELECT h.org_id FROM ledger_head h WHERE NOT h.closed AND h.size <> COALESCE(
		(SELECT MAX(c.size) FROM ledger_checkpoint c WHERE c.org_id = h.org_id AND c.log_id = h.log_id), 0) ORDER BY h.org_id`
	selectLogs       = "SELECT org_id FROM ledger_log GROUP BY org_id ORDER BY MIN(origin)"
	insertCheckpoint = `INSERT INTO ledger_checkpoint (org_id, log_id, size, note, signed)
		SELECT h.org_id, h.log_id, CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS BIGINT) FROM ledger_head h WHERE h.org_id = ? AND h.log_id = ? AND NOT h.closed
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
		if err := lg.readKeys(tx, org); err != nil { // after the size, so that no key within it is missed
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

func (l *Ledger) sign(ctx context.Context, org id.Org, lg *Log, next canon.Checkpoint) (Checkpoint, error) {
	if _, err := l.private(lg); err != nil { // the row that people are shown the key of
		return Checkpoint{}, err
	}
	k := lg.keyAt(next.Size)
	at := *lg
	at.Generation, at.PublicKey = k.Generation, k.PublicKey
	s, err := l.signer(&at)
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
		_, err := tx.Exec(insertCheckpoint, next.Size, string(n), clock.Millis(c.Signed), org, lg.ID)
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
	with := *lg
	if err := with.readKeys(tx, org); err != nil {
		return Checkpoint{}, err
	}
	if err := c.open(&with); err != nil {
		return Checkpoint{}, l.lock("checkpoint %d is not as it was signed: %s", c.Size, err)
	}
	return c, nil
}

func (c *Checkpoint) open(lg *Log) error {
	v, err := canon.NewVerifier(lg.VKeyAt(c.Size))
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
