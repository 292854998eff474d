package ledger

import (
	"bytes"
	"context"
	"errors"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
)

const selectKnown = "SELECT public_key FROM ledger_log WHERE origin = ?"

// Known reports whether this installation keeps the log of a key. The origin is
// made from the key, so nobody else's log can have it.
func (l *Ledger) Known(ctx context.Context, vkey string) (bool, error) {
	origin, key, err := canon.ParseVKey(vkey)
	if err != nil {
		return false, nil
	}
	var ours []byte
	err = l.db.Read(ctx, db.All, func(tx *db.Tx) error { return tx.Row(selectKnown, []any{origin}, &ours) })
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	return err == nil && bytes.Equal(key, ours), err
}
