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
	"sync"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/seal"
)

// MaxSize bounds one blob. Larger things are cut into chunks by their owner.
const MaxSize = 64 << 20

// ErrErased is returned for bytes whose key has been destroyed.
var ErrErased error = fault.NotFound("These bytes were erased: their key has been destroyed.")

// Vault encrypts what goes into a store and keeps the keys in rows.
type Vault struct {
	db    *db.DB
	store Store
	root  *seal.Root
	keys  sync.Map // id.Org → *seal.OrgKey
}

// NewVault joins a store, the rows and the root key.
func NewVault(d *db.DB, store Store, root *seal.Root) *Vault {
	return &Vault{db: d, store: store, root: root}
}

const (
	insertOrgKey = "INSERT INTO blob_org_key (org_id, wrapped) VALUES (?, ?)"
	selectOrgKey = "SELECT wrapped FROM blob_org_key WHERE org_id = ?"
	insertBlob   = `INSERT INTO blob (org_id, address, file_key, size, sealed_sha256, created) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (org_id, address) DO NOTHING`
	replaceBlob = `INSERT INTO blob (org_id, address, file_key, size, sealed_sha256, created) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (org_id, address) DO UPDATE SET file_key = excluded.file_key, sealed_sha256 = excluded.sealed_sha256`
	selectBlob = "SELECT file_key, size, sealed_sha256 FROM blob WHERE org_id = ? AND address = ?"
)

// NewOrg makes the key of a new organization.
func (v *Vault) NewOrg(tx *db.Tx, org id.Org) error {
	_, wrapped, err := v.root.NewOrgKey(string(org))
	if err != nil {
		return err
	}
	_, err = tx.Exec(insertOrgKey, org, wrapped)
	return err
}

func (v *Vault) key(ctx context.Context, org id.Org) (*seal.OrgKey, error) {
	if k, ok := v.keys.Load(org); ok {
		return k.(*seal.OrgKey), nil
	}
	var wrapped []byte
	err := v.db.Read(ctx, string(org), func(tx *db.Tx) error {
		return tx.Row(selectOrgKey, []any{org}, &wrapped)
	})
	if errors.Is(err, db.ErrNone) {
		return nil, fault.NotFound("The key of organization %s is not here: there is no such organization, or it was restored without the second file of its backup.", org).With(ErrErased)
	}
	if err != nil {
		return nil, err
	}
	k, err := v.root.OpenOrgKey(string(org), wrapped)
	if err != nil {
		return nil, err
	}
	v.keys.Store(org, k)
	return k, nil
}

// Seal protects a small secret of an organization, for a column. The context
// names the row it stands in, so that it opens nowhere else.
func (v *Vault) Seal(ctx context.Context, org id.Org, context string, plain []byte) ([]byte, error) {
	k, err := v.key(ctx, org)
	if err != nil {
		return nil, err
	}
	return k.Seal(context, plain)
}

// Open is the inverse of Seal.
func (v *Vault) Open(ctx context.Context, org id.Org, context string, sealed []byte) ([]byte, error) {
	k, err := v.key(ctx, org)
	if err != nil {
		return nil, err
	}
	return k.Open(context, sealed)
}

// Sealed is a blob that lies in the store and has no row yet.
type Sealed struct {
	Address string
	SHA256  [32]byte // of the plaintext
	Size    int64

	known   bool // the row is there already
	lost    bool // the row is there, but not the file it speaks of
	fileKey []byte
	sealed  string
}

// Put encrypts and stores data. Nothing knows of it until Keep.
func (v *Vault) Put(ctx context.Context, org id.Org, data []byte) (Sealed, error) {
	if len(data) > MaxSize {
		return Sealed{}, fault.Invalid("file", "%d bytes; at most %d are accepted in one piece", len(data), MaxSize)
	}
	k, err := v.key(ctx, org)
	if err != nil {
		return Sealed{}, err
	}
	s := Sealed{SHA256: sha256.Sum256(data), Size: int64(len(data))}
	s.Address = k.Address(s.SHA256)
	r, err := v.row(ctx, org, s.Address)
	if err == nil {
		s.known, err = v.stored(ctx, object(s.Address, r.sealed))
		s.lost = !s.known
	} else if errors.Is(err, db.ErrNone) {
		err = nil
	}
	if err != nil || s.known {
		return s, err
	}
	file, fileKey, err := seal.EncryptFile(data)
	if err != nil {
		return Sealed{}, err
	}
	sum := sha256.Sum256(file)
	s.sealed = hex.EncodeToString(sum[:])
	if s.fileKey, err = k.WrapFileKey(s.Address, fileKey); err != nil {
		return Sealed{}, err
	}
	return s, v.store.Put(ctx, object(s.Address, s.sealed), bytes.NewReader(file))
}

// stored reports whether the store has an object. A row alone does not make
// bytes safe: its file may have been lost since.
func (v *Vault) stored(ctx context.Context, name string) (bool, error) {
	_, err := v.store.Stat(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// object names the file of a ciphertext. Two writers of the same bytes at
// once make two files, and the row says which one counts.
func object(address, sealed string) string { return address + "-" + sealed[:16] }

// Keep makes a stored blob known, in the transaction that refers to it.
func (v *Vault) Keep(tx *db.Tx, org id.Org, s Sealed, now time.Time) error {
	if s.known {
		_, err := sealedUnder(tx, shareSealedPG, org, s.Address)
		if errors.Is(err, db.ErrNone) {
			err = errGone
		}
		return err
	}
	keep := insertBlob
	if s.lost {
		keep = replaceBlob
	}
	_, err := tx.Exec(keep, org, s.Address, s.fileKey, s.Size, s.sealed, clock.Millis(now))
	return err
}

type row struct {
	fileKey []byte
	size    int64
	sealed  string
}

func (v *Vault) row(ctx context.Context, org id.Org, address string) (row, error) {
	var r row
	err := v.db.Read(ctx, string(org), func(tx *db.Tx) error {
		return tx.Row(selectBlob, []any{org, address}, &r.fileKey, &r.size, &r.sealed)
	})
	return r, err
}

// Get returns the plaintext at address, having checked every byte of it.
func (v *Vault) Get(ctx context.Context, org id.Org, address string) ([]byte, error) {
	k, err := v.key(ctx, org)
	if err != nil {
		return nil, err
	}
	r, err := v.row(ctx, org, address)
	if errors.Is(err, db.ErrNone) {
		return nil, ErrErased
	}
	if err != nil {
		return nil, err
	}
	if len(r.fileKey) == 0 {
		return nil, errKeyless()
	}
	fileKey, err := k.UnwrapFileKey(address, r.fileKey)
	if err != nil {
		return nil, fmt.Errorf("blob %s: its key does not open: %w", address, err)
	}
	f, err := v.store.Open(ctx, object(address, r.sealed))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("blob %s is missing from the store: restore it from a backup: %w", address, err)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	plain, err := seal.DecryptFile(f, fileKey)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(plain, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("blob %s is damaged: %w", address, err)
	}
	if k.Address(sha256.Sum256(data)) != address {
		return nil, fmt.Errorf("blob %s is not what was stored", address)
	}
	return data, nil
}

// Find returns a kept blob as content for a record, having read it whole.
func (v *Vault) Find(ctx context.Context, org id.Org, address string) (Sealed, error) {
	data, err := v.Get(ctx, org, address)
	if err != nil {
		return Sealed{}, err
	}
	return Sealed{Address: address, SHA256: sha256.Sum256(data), Size: int64(len(data)), known: true}, nil
}

// Has reports whether the bytes of an address can still be had, without reading
// them.
func (v *Vault) Has(ctx context.Context, org id.Org, address string) (bool, error) {
	r, err := v.row(ctx, org, address)
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return v.stored(ctx, object(address, r.sealed))
}

// Store puts data and makes it known at once, for bytes that arrive before
// the record that will refer to them.
func (v *Vault) Store(ctx context.Context, org id.Org, data []byte, now time.Time) (Sealed, error) {
	s, err := v.Put(ctx, org, data)
	if err != nil {
		return Sealed{}, err
	}
	return s, v.db.Write(ctx, string(org), func(tx *db.Tx) error { return v.Keep(tx, org, s, now) })
}

// AddressOf returns where bytes with this digest lie in an organization.
func (v *Vault) AddressOf(ctx context.Context, org id.Org, sum [32]byte) (string, error) {
	k, err := v.key(ctx, org)
	if err != nil {
		return "", err
	}
	return k.Address(sum), nil
}
