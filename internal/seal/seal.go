// Package seal holds the keys: the installation's root key, which lies outside
// the data directory, and one key for each organization, which root wraps.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
)

const size = 32

// rootHeader makes a key file recognisable, to people and to Load.
const rootHeader = "# Tickmark root key. Whoever reads this file can sign as this installation and read its evidence.\n"

var text = base32.StdEncoding.WithPadding(base32.NoPadding)

// Root is the key everything else is derived from or wrapped by.
type Root struct{ key []byte }

// NewRoot makes a root key from the system's randomness.
func NewRoot() *Root {
	k := make([]byte, size)
	rand.Read(k)
	return &Root{k}
}

// OpenRoot reads the root key in path, or makes one there when the file does
// not exist; made reports which.
func OpenRoot(path string) (r *Root, made bool, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		r = NewRoot()
		err := r.save(path)
		if errors.Is(err, fs.ErrExist) { // another process was quicker; its key counts
			return OpenRoot(path)
		}
		return r, true, err
	}
	if err != nil {
		return nil, false, fmt.Errorf("root key: %w", err)
	}
	r, err = parseRoot(b)
	if err != nil {
		return nil, false, fault.Invalid("keys", "%s is not a Tickmark root key: restore the recovery copy that setup printed", path).With(err)
	}
	return r, false, nil
}

// parseRoot accepts the file's form and the recovery copy's.
func parseRoot(b []byte) (*Root, error) {
	var s strings.Builder
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, "#") {
			s.WriteString(strings.NewReplacer("-", "", " ", "", "\n", "", "\r", "").Replace(line))
		}
	}
	k, err := text.DecodeString(strings.ToUpper(s.String()))
	if err != nil {
		return nil, err
	}
	if len(k) != size+4 || !bytes.Equal(k[size:], sum(k[:size])) {
		return nil, errors.New("length or check digits are wrong")
	}
	return &Root{k[:size]}, nil
}

// sum is four check bytes, so that a mistyped recovery copy is noticed.
func sum(k []byte) []byte {
	h := sha256.Sum256(append([]byte("tickmark/root/v1\n"), k...))
	return h[:4]
}

// Recovery is the key in a form people can write down.
func (r *Root) Recovery() string {
	s := text.EncodeToString(append(bytes.Clone(r.key), sum(r.key)...))
	var parts []string
	for len(s) > 0 {
		n := min(6, len(s))
		parts, s = append(parts, s[:n]), s[n:]
	}
	return strings.Join(parts, "-")
}

// save makes the file appear whole and for good, or not at all: what it
// protects may be stored a moment later.
func (r *Root) save(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("root key: %w", err)
	}
	f, err := os.CreateTemp(dir, ".root-")
	if err != nil {
		return fmt.Errorf("root key: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(rootHeader + r.Recovery() + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("root key: %w", err)
	}
	if err := os.Link(f.Name(), path); err != nil { // unlike a rename, it replaces nothing
		return fmt.Errorf("root key: %w", err)
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := syncDir(d); err != nil {
			return fmt.Errorf("root key: %w", err)
		}
	}
	return nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Derive makes a key for one purpose; info names it.
func (r *Root) Derive(salt, info string) []byte {
	return derive(r.key, salt, info)
}

func derive(secret []byte, salt, info string) []byte {
	k, err := hkdf.Key(sha256.New, secret, []byte(salt), info, size)
	if err != nil { // only for lengths that SHA-256 cannot give
		panic("seal: " + err.Error())
	}
	return k
}

// OrgKey protects one organization's blobs. Without it, and without the root
// that wraps it, they are noise.
type OrgKey struct{ key []byte }

// NewOrgKey makes an organization's key and the wrapped form to store.
func (r *Root) NewOrgKey(org string) (*OrgKey, []byte, error) {
	k := make([]byte, size)
	rand.Read(k)
	wrapped, err := wrap(r.Derive("", "tickmark/wrap-org/v1"), k, org)
	return &OrgKey{k}, wrapped, err
}

// OpenOrgKey unwraps what NewOrgKey returned.
func (r *Root) OpenOrgKey(org string, wrapped []byte) (*OrgKey, error) {
	k, err := unwrap(r.Derive("", "tickmark/wrap-org/v1"), wrapped, org)
	if err != nil {
		return nil, fmt.Errorf("the root key does not open the key of organization %s: was another root key put in place? %w", org, err)
	}
	return &OrgKey{k}, nil
}

// Address names bytes inside the organization: the same bytes have the same
// address there, and nobody without the key can tell which bytes.
func (k *OrgKey) Address(sha256sum [32]byte) string {
	m := hmac.New(sha256.New, derive(k.key, "", "tickmark/address/v1"))
	m.Write(sha256sum[:])
	return hex.EncodeToString(m.Sum(nil))
}

// WrapFileKey protects the key of one blob, bound to its address.
func (k *OrgKey) WrapFileKey(address string, fileKey []byte) ([]byte, error) {
	return wrap(derive(k.key, "", "tickmark/wrap-file/v1"), fileKey, address)
}

// UnwrapFileKey is the inverse of WrapFileKey.
func (k *OrgKey) UnwrapFileKey(address string, wrapped []byte) ([]byte, error) {
	return unwrap(derive(k.key, "", "tickmark/wrap-file/v1"), wrapped, address)
}

func wrap(key, plain []byte, context string) ([]byte, error) {
	gcm, err := aead(key)
	if err != nil {
		return nil, err
	}
	return gcm.Seal(nil, nil, plain, []byte(context)), nil
}

func unwrap(key, sealed []byte, context string) ([]byte, error) {
	gcm, err := aead(key)
	if err != nil {
		return nil, err
	}
	return gcm.Open(nil, nil, sealed, []byte(context))
}

// aead puts a fresh random nonce in front of each ciphertext.
func aead(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
