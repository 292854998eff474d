package engagements

import (
	"context"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

const countFile = "SELECT COUNT(*) FROM engagement_side WHERE org_id = ? AND file_org = ? AND side = 'firm'"

// ReadsLog reports whether the desk may read the log of an engagement's file:
// people of the firm whose engagement it is, and nobody else.
func ReadsLog(ctx context.Context, d *op.Desk, file id.Org) (bool, error) {
	if !d.Actor.May(auth.AuditRead) {
		return false, nil
	}
	var n int64
	err := d.DB.Read(ctx, string(d.Org), func(tx *db.Tx) error { return tx.Row(countFile, []any{d.Org, file}, &n) })
	return n > 0, err
}
