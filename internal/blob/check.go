package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/seal"
)

// readWhole is the size up to which a check decrypts a blob as well. Of a
// larger one it reads the ciphertext, and decrypts only the beginning.
const readWhole = 1 << 20

const (
	selectBlobs = "SELECT address, file_key, size, sealed_sha256 FROM blob WHERE org_id = ? AND address > ? ORDER BY address LIMIT ?"
	selectKept  = "SELECT COUNT(*) FROM blob WHERE org_id = ? AND address = ?"
	countBlobs  = "SELECT COUNT(*) FROM blob WHERE org_id = ?"
	selectNames = "SELECT address, sealed_sha256 FROM blob"
)

// Checked is a blob that was looked at.
type Checked struct {
	Address string
	Bytes   int64  // how many were read
	Flaw    string // what is wrong; empty when nothing is
}

// Count is how many blobs an organization has.
func Count(tx *db.Tx, org id.Org) (n int64, err error) {
	return n, tx.Row(countBlobs, []any{org}, &n)
}

// Kept reports whether an address has a row.
func Kept(tx *db.Tx, org id.Org, address string) (bool, error) {
	var n int64
	err := tx.Row(selectKept, []any{org, address}, &n)
	return n > 0, err
}

// Check looks at up to n blobs behind an address: the object is there, its
// bytes have the digest of the row, the key of the row opens for this address
// and for these bytes, and what is inside is as long as the row says. It stops
// early once it has read enough bytes. The organization's key is read afresh.
func (v *Vault) Check(ctx context.Context, org id.Org, after string, n int, enough int64) ([]Checked, error) {
	type found struct {
		address string
		row     row
	}
	var (
		rows    []found
		wrapped []byte
	)
	err := v.db.Read(ctx, string(org), func(tx *db.Tx) (err error) {
		if err := tx.Row(selectOrgKey, []any{org}, &wrapped); err != nil && !errors.Is(err, db.ErrNone) {
			return err
		}
		rows, err = db.Rows(tx, selectBlobs, []any{org, after, n}, func(scan func(...any) error, f *found) error {
			return scan(&f.address, &f.row.fileKey, &f.row.size, &f.row.sealed)
		})
		return err
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	key, broken := v.root.OpenOrgKey(string(org), wrapped)
	var out []Checked
	for _, f := range rows {
		c := Checked{Address: f.address}
		if broken != nil {
			c.Flaw = "the organization's key does not open: " + broken.Error()
		} else if c.Flaw, c.Bytes, err = v.look(ctx, key, f.address, f.row); err != nil {
			return out, err
		}
		out = append(out, c)
		if enough -= c.Bytes; enough <= 0 {
			break
		}
	}
	return out, nil
}

// look checks one blob. An error is the store's, and says nothing about it.
func (v *Vault) look(ctx context.Context, key *seal.OrgKey, address string, r row) (flaw string, read int64, err error) {
	fileKey, err := key.UnwrapFileKey(address, r.fileKey)
	if err != nil {
		return "its key does not open at this address", 0, nil
	}
	if len(r.sealed) != 2*sha256.Size {
		return "its row has no digest", 0, nil
	}
	f, err := v.store.Open(ctx, object(address, r.sealed))
	if errors.Is(err, fs.ErrNotExist) {
		return "its object is not in the store", 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	sum, head := sha256.New(), &prefix{}
	read, err = io.Copy(io.MultiWriter(sum, head), f)
	if err != nil {
		return "", read, fmt.Errorf("blob %s: %w", address, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != r.sealed {
		return "its bytes in the store are not those that were stored", read, nil
	}
	return inside(key, address, r.size, fileKey, head.b, read), read, nil
}

// inside decrypts what was read of a blob, which is all of a small one.
func inside(key *seal.OrgKey, address string, size int64, fileKey, file []byte, whole int64) string {
	plain, err := seal.DecryptFile(bytes.NewReader(file), fileKey)
	if err != nil {
		return "its key does not fit its bytes"
	}
	sum := sha256.New()
	n, err := io.Copy(sum, plain)
	if int64(len(file)) < whole { // cut off by us
		if n == 0 {
			return "its key does not fit its bytes"
		}
		n = size // of which the ciphertext's length tells: see overhead
		if whole != size+overhead(file, size) {
			n = -1
		}
	} else if err != nil {
		return "its key does not fit its bytes"
	} else if key.Address([32]byte(sum.Sum(nil))) != address {
		return "it is not what lies at this address"
	}
	if n != size {
		return "its row gives another size"
	}
	return ""
}

// overhead is by how much a file in the age format is longer than what it
// holds: its header, a nonce, and a tag for each 64 KiB.
func overhead(file []byte, size int64) int64 {
	const piece, tag, nonce = 64 << 10, 16, 16
	at := bytes.Index(file, []byte("\n---"))
	if at < 0 {
		return 0
	}
	end := bytes.IndexByte(file[at+1:], '\n')
	return int64(at+1+end+1) + nonce + tag*max(1, (size+piece-1)/piece)
}

// prefix keeps the beginning of what is written to it.
type prefix struct{ b []byte }

func (p *prefix) Write(b []byte) (int, error) {
	p.b = append(p.b, b[:min(len(b), max(0, readWhole-len(p.b)))]...)
	return len(b), nil
}

// Orphans finds the objects that no row of any organization speaks of and that
// have lain for longer than age: what was stored ahead of an act that then did
// not happen.
func (v *Vault) Orphans(ctx context.Context, now time.Time, age time.Duration) ([]Object, error) {
	var lost []Object
	err := v.store.List(ctx, func(o Object) error {
		if !o.Modified.IsZero() && now.Sub(o.Modified) > age {
			lost = append(lost, o)
		}
		return nil
	})
	if err != nil || len(lost) == 0 {
		return nil, err
	}
	known := map[string]bool{} // read after the list: what came since has a row by now, or is young
	err = v.db.Read(ctx, db.All, func(tx *db.Tx) error {
		return tx.Each(selectNames, nil, func(scan func(...any) error) error {
			var address, sealed string
			err := scan(&address, &sealed)
			if err == nil && len(sealed) >= 16 {
				known[object(address, sealed)] = true
			}
			return err
		})
	})
	return slices.DeleteFunc(lost, func(o Object) bool { return known[o.Name] }), err
}

// Collect deletes an orphan.
func (v *Vault) Collect(ctx context.Context, o Object) error { return v.store.Delete(ctx, o.Name) }
