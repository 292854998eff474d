package ledger

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

// Check compares every log with the heads signed before, above all with those
// held outside the database. It runs before the first append; a log that is
// shorter than it was is never signed.
func (l *Ledger) Check(ctx context.Context) error {
	orgs, err := l.orgs(ctx, selectLogs)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, org := range orgs {
		if err := l.check(ctx, org, known); err != nil && l.Locked() == "" {
			return err
		}
	}
	if err := l.checkHeld(known); err != nil || !l.held.fresh {
		return err
	}
	return l.unheld(ctx, orgs)
}

// check looks at the logs of one organization, and adds them to those known.
func (l *Ledger) check(ctx context.Context, org id.Org, known map[string]bool) error {
	held := map[string]canon.Checkpoint{}
	for _, c := range l.held.All() { // before the log is read: it may be signed further meanwhile
		held[c.Origin] = c
	}
	return l.db.Read(ctx, string(org), func(tx *db.Tx) error {
		logs, err := l.Logs(tx, org)
		if err != nil {
			return err
		}
		for i, lg := range logs {
			known[lg.Origin] = true
			if i > 0 {
				if err := l.standsClosed(tx, org, lg, logs[i-1], held); err != nil {
					return err
				}
			}
		}
		if _, err := l.signer(logs[0]); err != nil {
			return err
		}
		_, _, err = l.stands(tx, org, logs[0], held[logs[0].Origin])
		return err
	})
}

// standsClosed looks at a log that was continued: what it signed last must be
// there, and that it was continued must be known outside the database. Else who
// can write rows could cut a log off and go on under a name of their own.
func (l *Ledger) standsClosed(tx *db.Tx, org id.Org, lg, next *Log, held map[string]canon.Checkpoint) error {
	_, before := held[lg.Origin]
	if _, after := held[next.Origin]; before && !after {
		return l.lock("the log %s is said to be continued by %s, which the held file does not know. If that was done on another machine, copy the held file from there", lg.Origin, next.Origin)
	}
	_, err := l.signedStands(tx, org, lg)
	return err
}

// signedStands returns the size of a log, having seen that it extends the
// newest head of it that the database has.
func (l *Ledger) signedStands(tx *db.Tx, org id.Org, lg *Log) (size int64, err error) {
	last, err := l.newest(tx, org, lg, 0)
	if err != nil && !errors.Is(err, db.ErrNone) {
		return 0, err
	}
	var recorded int64
	if err := tx.Row(selectHead, []any{org, lg.ID}, &size, &recorded); err != nil {
		return 0, err
	}
	return size, l.extends(size, last.Checkpoint, l.reader(tx, org, lg))
}

// checkHeld locks the ledger when the held file knows a log that the database
// does not have: the database was deleted, or another put in its place.
func (l *Ledger) checkHeld(known map[string]bool) error {
	lost, err := l.held.missing(known)
	if err != nil || len(lost) == 0 {
		return err
	}
	c := lost[0]
	_ = l.lock("the database has no log %s, of which %d entries were signed. Restore the newest copy. If there is none, say so with tickmark ledger adopt-restore; or, to begin anew, move %s away", c.Origin, c.Size, l.held.path)
	return nil
}

const selectAnySigned = "SELECT COUNT(*) FROM ledger_checkpoint WHERE org_id = ?"

// unheld says loudly, and in each log, that there is nothing outside the
// database to compare it with: the held file is gone, or this machine is new.
func (l *Ledger) unheld(ctx context.Context, orgs []id.Org) error {
	if l.Locked() != "" {
		return nil
	}
	for _, org := range orgs {
		err := l.db.Write(ctx, string(org), func(tx *db.Tx) error {
			var n int64
			if err := tx.Row(selectAnySigned, []any{org}, &n); err != nil || n == 0 {
				return err
			}
			lg, err := l.LogOf(tx, org)
			if err != nil {
				return err
			}
			c, err := l.newest(tx, org, lg, 0)
			if err != nil && !errors.Is(err, db.ErrNone) {
				return err
			}
			l.log.Warn("the held file is not there, although heads were signed: an older copy of the database would not be noticed", "file", l.held.path, "log", lg.Origin, "size", c.Size)
			body, err := canon.JSON(map[string]any{"op": "ledgers.unheld", "size": c.Size})
			if err != nil {
				return err
			}
			_, err = l.append(tx, org, lg, Entry{Kind: canon.KindLog, Actor: machine, Body: string(body)}, l.clock.Now())
			return err
		})
		if fault.KindOf(err) == fault.KindConflict { // such as the clock's: nothing else is recorded then either
			l.log.Error("that the held file is not there could not be recorded", "org", org, "err", err)
			err = nil
		}
		if err != nil {
			return fmt.Errorf("held file: %w", err)
		}
	}
	return nil
}

// machine is the actor of what the installation does by itself.
const machine = `{"id":"machine:ledger","name":"ledger","via":"job"}`

// extends locks the ledger when a log of this size is shorter than one that
// was signed, or differs from it.
func (l *Ledger) extends(size int64, signed canon.Checkpoint, reader tlog.HashReader) error {
	if signed.Size == 0 {
		return nil
	}
	if size < signed.Size {
		return l.lock("it has %d entries, but %d were signed before. An older copy of the database was put in place; restore the newest one, or go on with this one by tickmark ledger adopt-restore", size, signed.Size)
	}
	differs, err := differ(signed, reader)
	if differs {
		return l.lock("the first %d entries are not those that were signed before", signed.Size)
	}
	return err
}

// differ reports whether a log is another than the one that was signed.
func differ(signed canon.Checkpoint, reader tlog.HashReader) (bool, error) {
	root, err := tlog.TreeHash(signed.Size, reader)
	if errors.Is(err, db.ErrNone) {
		return true, nil
	}
	return err == nil && root != signed.Root, err
}
