package ledger

import (
	"bytes"
	"context"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
)

const selectKnown = "SELECT k.public_key FROM ledger_key k JOIN ledger_log l ON l.org_id = k.org_id AND l.id = k.log_id WHERE l.origin = ?"

// Known reports whether this installation keeps the log of a key,
// the present or an earlier one. The origin is
// made from the key, so nobody else's log can have it.
func (l *Ledger) Known(ctx context.Context, vkey string) (bool, error) {
	origin, key, err := canon.ParseVKey(vkey)
	if err != nil {
		return false, nil
	}
	var ours bool
	err = l.db.Read(ctx, db.All, func(tx *db.Tx) error {
		return tx.Each(selectKnown, []any{origin}, func(scan func(...any) error) error {
			var one []byte
			err := scan(&one)
			ours = ours || bytes.Equal(key, one)
			return err
		})
	})
	return ours, err
}
