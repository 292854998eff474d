package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
)

// Audit reads a whole log back: every leaf and every hash against the tree
// they make, the tree against the heads signed before, every row and opening
// against its leaf. It returns how many entries it read.
func (l *Ledger) Audit(ctx context.Context, org id.Org) (int64, error) {
	lg, err := l.find(ctx, org)
	if err != nil {
		return 0, err
	}
	held, _ := l.held.Of(lg.Origin) // before the log is read: it may be signed further meanwhile
	var size int64
	err = l.db.Read(ctx, string(org), func(tx *db.Tx) error {
		if _, size, err = l.stands(tx, org, lg, held); err != nil {
			return err
		}
		if err := l.reread(tx, org, lg, &frontier{}, size); err != nil {
			return err
		}
		return l.auditEntries(tx, org, lg, size)
	})
	return size, err
}

// auditor is what auditEntries carries from entry to entry.
type auditor struct {
	l       *Ledger
	lg      *Log
	last    int64            // when the entry before was recorded
	missing map[int64]string // entry → label whose opening is not there
}

func (l *Ledger) auditEntries(tx *db.Tx, org id.Org, lg *Log, size int64) error {
	a := auditor{l: l, lg: lg, missing: map[int64]string{}}
	const batch = 500
	for at := int64(0); at < size; at += batch {
		to := min(at+batch, size)
		rows, err := db.Rows(tx, selectRows, []any{org, lg.ID, at, to}, scanRow)
		if err != nil {
			return err
		}
		openings, err := l.Openings(tx, org, at, to)
		if err != nil {
			return err
		}
		for _, r := range rows {
			n := 0
			for n < len(openings) && openings[n].Index == r.Index {
				n++
			}
			if err := a.entry(r, openings[:n]); err != nil {
				return err
			}
			openings = openings[n:]
		}
		if len(openings) > 0 {
			return l.lock("an opening names entry %d, which is not there", openings[0].Index)
		}
	}
	for index, label := range a.missing {
		return l.lock("the %s of entry %d is gone, and no entry says that it was erased", label, index)
	}
	return nil
}

// entry checks one row and its openings against the leaf, whose bytes are
// known to be those recorded.
func (a *auditor) entry(r Row, openings []Opening) error {
	leaf, err := canon.ParseLeaf(r.Leaf)
	if err != nil {
		return fmt.Errorf("entry %d: %w", r.Index, err)
	}
	if leaf.Log != a.lg.Origin || leaf.Index != r.Index || leaf.Kind != r.Kind || !leaf.Recorded.Equal(r.Recorded) {
		return a.l.lock("the row of entry %d says something else than its leaf", r.Index)
	}
	at := clock.Millis(leaf.Recorded)
	if at < a.last {
		return a.l.lock("entry %d claims to be older than the one before it", r.Index)
	}
	a.last = at
	if r.Index == 0 && leaf.Demo != a.lg.Demo {
		return a.l.lock("the log's row says something else than its first entry")
	}
	for _, o := range openings {
		if canon.Commit(o.Salt, o.Label, o.Payload) != leaf.Commit[o.Label] {
			return a.l.lock("the %s of entry %d is not what was recorded", o.Label, r.Index)
		}
	}
	for label := range leaf.Commit {
		if !slices.ContainsFunc(openings, func(o Opening) bool { return o.Label == label }) {
			a.missing[r.Index] = label
		}
	}
	for _, index := range leaf.Erases {
		delete(a.missing, index)
	}
	return nil
}
