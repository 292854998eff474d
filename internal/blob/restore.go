package blob

import (
	"context"
	"io"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

// errKeyless is what a blob answers whose key was not restored with it. To
// whoever only wants to know whether it can be read, it is erased.
func errKeyless() error {
	return fault.NotFound("These bytes cannot be read: the installation was restored without the second file of its backup, which holds their keys.").With(ErrErased)
}

const (
	putBackKey  = "UPDATE blob SET file_key = ? WHERE org_id = ? AND address = ? AND sealed_sha256 = ?"
	dropKeyless = "DELETE FROM blob WHERE org_id = ? AND file_key = ?"
)

// PutBackKey gives a restored row its key, if the row is there and is about
// the same ciphertext.
func PutBackKey(tx *db.Tx, org id.Org, address, sealed string, key []byte) (bool, error) {
	n, err := tx.Exec(putBackKey, key, org, address, sealed)
	return n > 0, err
}

// DropKeyless removes the rows that were restored and whose keys have been
// destroyed since the backup: a blob without a row is erased.
func DropKeyless(tx *db.Tx, org id.Org) (int64, error) {
	return tx.Exec(dropKeyless, org, []byte{})
}

// ObjectName names what lies in the store for a row.
func ObjectName(address, sealed string) (string, error) {
	if len(sealed) != 64 {
		return "", fault.Invalid("", "blob %s: its row gives no digest", address)
	}
	return object(address, sealed), checkName(object(address, sealed))
}

// Ciphertext opens the bytes as they lie in the store.
func (v *Vault) Ciphertext(ctx context.Context, name string) (io.ReadCloser, error) {
	return v.store.Open(ctx, name)
}

// Row is what a blob's row says of its ciphertext.
type Row struct{ Address, Sealed string }

const selectCiphers = "SELECT address, sealed_sha256 FROM blob WHERE org_id = ? AND address > ? ORDER BY address LIMIT ?"

// SealedAfter returns up to n rows behind an address.
func SealedAfter(ctx context.Context, d *db.DB, org id.Org, after string, n int) (out []Row, err error) {
	err = d.Read(ctx, string(org), func(tx *db.Tx) (err error) {
		out, err = db.Rows(tx, selectCiphers, []any{org, after, n}, func(scan func(...any) error, r *Row) error {
			return scan(&r.Address, &r.Sealed)
		})
		return err
	})
	return out, err
}
