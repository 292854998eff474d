package blob

import (
	"errors"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
)

const updateOrgKey = "UPDATE blob_org_key SET wrapped = ? WHERE org_id = ?"

// Rewrap wraps an organization's key by the newest root key. The key itself
// stays: addresses and file keys are made from it.
func (v *Vault) Rewrap(tx *db.Tx, org id.Org) error {
	var was []byte
	err := tx.Row(selectOrgKey, []any{org}, &was)
	if errors.Is(err, db.ErrNone) { // an organization that never had a blob's key has nothing to wrap
		return nil
	}
	if err != nil {
		return err
	}
	wrapped, err := v.root.RewrapOrgKey(string(org), was)
	if err != nil || wrapped == nil {
		return err
	}
	_, err = tx.Exec(updateOrgKey, wrapped, org)
	return err
}
