package blob

import (
	"context"
	"errors"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

const (
	selectSealed  = "SELECT sealed_sha256 FROM blob WHERE org_id = ? AND address = ?"
	lockSealedPG  = "SELECT sealed_sha256 FROM blob WHERE org_id = ? AND address = ? FOR UPDATE"
	shareSealedPG = "SELECT sealed_sha256 FROM blob WHERE org_id = ? AND address = ? FOR KEY SHARE"
	deleteBlob    = "DELETE FROM blob WHERE org_id = ? AND address = ?"
)

// errGone refuses to keep bytes whose key was destroyed between Put, which
// found them stored already, and Keep.
var errGone = fault.Conflict("The same bytes were erased a moment ago. Send them again.")

// sealedUnder reads a row and, where several may write at once, holds it until
// the transaction ends: with lockSealedPG against everybody, with shareSealedPG
// against whoever would destroy it.
func sealedUnder(tx *db.Tx, query string, org id.Org, address string) (sealed string, err error) {
	if tx.Dialect() == db.SQLite {
		query = selectSealed // one writer, so what is read stays
	}
	err = tx.Row(query, []any{org, address}, &sealed)
	return sealed, err
}

// Hold keeps others from referring to a blob until the transaction ends, so
// that whoever destroys it can see who refers to it. It is false for one that
// is not there.
func (v *Vault) Hold(tx *db.Tx, org id.Org, address string) (bool, error) {
	_, err := sealedUnder(tx, lockSealedPG, org, address)
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	return err == nil, err
}

// Destroy deletes the row of a blob and with it the only copy of its key: from
// the commit on, every copy of the ciphertext is noise. It returns the name of
// the object that is left in the store, "" if the blob was not there.
func (v *Vault) Destroy(tx *db.Tx, org id.Org, address string) (left string, err error) {
	sealed, err := sealedUnder(tx, lockSealedPG, org, address)
	if errors.Is(err, db.ErrNone) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	_, err = tx.Exec(deleteBlob, org, address)
	return object(address, sealed), err
}

// Discard removes an object whose key was destroyed. The same bytes stored
// anew lie under another name.
func (v *Vault) Discard(ctx context.Context, object string) error { return v.store.Delete(ctx, object) }
