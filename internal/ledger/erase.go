package ledger

import (
	"fmt"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

// mostErased is how many entries one entry can name before its leaf is longer
// than a leaf may be.
const mostErased = 500

const (
	deleteOpenings = "DELETE FROM ledger_opening WHERE org_id = ? AND log_id = ? AND idx = ?"
	selectVouching = "SELECT idx FROM ledger_opening WHERE org_id = ? AND log_id = ? AND label = 'content' AND payload = ? ORDER BY idx"
	countIndex     = "SELECT COUNT(*) FROM ledger_leaf WHERE org_id = ? AND log_id = ? AND idx = ?"
)

// ErasedAtOnce splits entries into the parts that one erasing entry can name.
func ErasedAtOnce(entries []int64) [][]int64 {
	var out [][]int64
	for len(entries) > mostErased {
		out, entries = append(out, entries[:mostErased]), entries[mostErased:]
	}
	return append(out, entries)
}

// Erase destroys what entries hide: their random values and payloads. The
// caller appends, in the same transaction, the entry that says so; without it
// the log shows that something was removed in silence.
func (l *Ledger) Erase(tx *db.Tx, org id.Org, entries []int64) error {
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return err
	}
	for _, index := range entries {
		if err := l.inThisLog(tx, org, lg, index); err != nil {
			return err
		}
		if _, err := tx.Exec(deleteOpenings, org, lg.ID, index-lg.Base); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	return nil
}

// inThisLog refuses an entry of a log that this one continues: an erasing entry
// names only those of its own.
func (l *Ledger) inThisLog(tx *db.Tx, org id.Org, lg *Log, index int64) error {
	var n int64
	if err := tx.Row(countIndex, []any{org, lg.ID, index - lg.Base}, &n); err != nil {
		return err
	}
	if n == 0 {
		return fault.Conflict("Entry %d lies in a log that %s continues. What it hides cannot be erased with this version.", index, lg.Origin)
	}
	return nil
}

// Vouching lists the entries whose content is these bytes, canon.Content.
func (l *Ledger) Vouching(tx *db.Tx, org id.Org, content string) ([]int64, error) {
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return nil, err
	}
	return db.Rows(tx, selectVouching, []any{org, lg.ID, content}, func(scan func(...any) error, n *int64) error {
		err := scan(n)
		*n += lg.Base
		return err
	})
}
