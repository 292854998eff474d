package engagements

import (
	"errors"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
)

const selectFileFirm = "SELECT firm_org, name FROM engagement WHERE org_id = ?"

// FileOf returns the firm whose engagement file this is, and the engagement's
// name; false if it is an organization with people of its own.
func FileOf(tx *db.Tx, org id.Org) (firm id.Org, name string, ok bool, err error) {
	err = tx.Row(selectFileFirm, []any{org}, &firm, &name)
	if errors.Is(err, db.ErrNone) {
		return "", "", false, nil
	}
	return firm, name, err == nil, err
}
