package ledger

import (
	"context"
	"crypto/ed25519"
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

// What people outside see of a log: its heads, its tiles, and how one head
// continues another.

const (
	selectWaiting = `SELECT idx, recorded FROM ledger_leaf WHERE org_id = ? AND log_id = ? AND idx >= ? AND kind <> 'anchor'
		ORDER BY idx LIMIT 1`
	countSigned = "SELECT COUNT(*) FROM ledger_leaf WHERE org_id = ? AND log_id = ? AND kind = 'signoff' AND idx >= ?"
)

// Orgs lists whoever has a log, in the order of their origins.
func (l *Ledger) Orgs(ctx context.Context) ([]id.Org, error) { return l.orgs(ctx, selectLogs) }

// Waiting returns when the first entry at or above an index of a log was
// recorded that is about something else than anchors; false if there is none.
func (l *Ledger) Waiting(tx *db.Tx, org id.Org, lg *Log, from int64) (time.Time, bool, error) {
	var idx, recorded int64
	err := tx.Row(selectWaiting, []any{org, lg.ID, from}, &idx, &recorded)
	if errors.Is(err, db.ErrNone) {
		return time.Time{}, false, nil
	}
	return clock.FromMillis(recorded), err == nil, err
}

// Signed reports whether a person has signed anything at or above an index.
func (l *Ledger) Signed(tx *db.Tx, org id.Org, lg *Log, from int64) (bool, error) {
	var n int64
	err := tx.Row(countSigned, []any{org, lg.ID, from}, &n)
	return n > 0, err
}

// Consistency proves that the first entries of a log, as many as from, are the
// beginning of its first entries, as many as to.
func (l *Ledger) Consistency(tx *db.Tx, org id.Org, lg *Log, from, to int64) (tlog.TreeProof, error) {
	return tlog.ProveTree(to, from, l.reader(tx, org, lg))
}

// ahead is how many further generations of a key are tried for a head that
// somebody outside kept: the database may be from before the key was changed.
const ahead = 8

// Outside compares the log of an organization with a signed head that somebody
// outside kept. A longer one, or another of the same size, locks the ledger as a
// held head would. What is not signed with this log's key is nobody's word and
// an error; so is a head of another log.
func (l *Ledger) Outside(ctx context.Context, org id.Org, signed []byte) error {
	lg, err := l.find(ctx, org)
	if err != nil {
		return err
	}
	c, err := l.kept(lg, signed)
	if err != nil {
		return err
	}
	return l.db.Read(ctx, string(org), func(tx *db.Tx) error {
		var size, recorded int64
		if err := tx.Row(selectHead, []any{org, lg.ID}, &size, &recorded); err != nil {
			return err
		}
		return l.extends(size, c, l.reader(tx, org, lg))
	})
}

// kept opens a head with whichever of the log's keys signed it. Signatures of
// others beside it say nothing here.
func (l *Ledger) kept(lg *Log, signed []byte) (canon.Checkpoint, error) {
	var keys []ed25519.PublicKey
	for _, k := range lg.Keys {
		keys = append(keys, k.PublicKey)
	}
	for _, root := range l.root.Each() {
		for g := lg.Generation + 1; g <= lg.Generation+ahead; g++ {
			keys = append(keys, logKey(root, lg.ID, g).Public().(ed25519.PublicKey))
		}
	}
	err := errors.New("a head with no key")
	for _, k := range keys {
		v, e := note.NewVerifier(canon.VKey(lg.Origin, k))
		if e != nil {
			return canon.Checkpoint{}, e
		}
		var n *note.Note
		if n, err = note.Open(signed, note.VerifierList(v)); err != nil {
			continue
		}
		c, err := canon.ParseCheckpoint(n.Text)
		if err == nil && c.Origin != lg.Origin {
			err = fmt.Errorf("it is a head of %s", c.Origin)
		}
		return c, err
	}
	return canon.Checkpoint{}, fmt.Errorf("not signed with a key of %s: %w", lg.Origin, err)
}

const selectWhose = "SELECT org_id FROM ledger_log WHERE origin = ?"

// Whose finds the organization whose log has a name. It decides nothing about
// who may know.
func (l *Ledger) Whose(ctx context.Context, origin string) (org id.Org, err error) {
	err = l.db.Read(ctx, db.All, func(tx *db.Tx) error { return tx.Row(selectWhose, []any{origin}, &org) })
	if errors.Is(err, db.ErrNone) {
		err = fault.NotFound("no log %s", origin)
	}
	return org, err
}
