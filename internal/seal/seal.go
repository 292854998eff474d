// Package seal holds the keys: the installation's root key, which lies outside
// the data directory, and one key for each organization, which root wraps.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Derive makes a key for one purpose; info names it.
func (r *Root) Derive(salt, info string) []byte {
	return derive(r.keys[0], salt, info)
}

func derive(secret []byte, salt, info string) []byte {
	k, err := hkdf.Key(sha256.New, secret, []byte(salt), info, size)
	if err != nil { // only for lengths that SHA-256 cannot give
		panic("seal: " + err.Error())
	}
	return k
}

const size = 32

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

// OpenOrgKey unwraps what NewOrgKey returned, whichever key of the ring it was.
func (r *Root) OpenOrgKey(org string, wrapped []byte) (*OrgKey, error) {
	k, _, err := r.openOrgKey(org, wrapped)
	if err != nil {
		return nil, fmt.Errorf("the root key does not open the key of organization %s: was another root key put in place? %w", org, err)
	}
	return &OrgKey{k}, nil
}

func (r *Root) openOrgKey(org string, wrapped []byte) (k []byte, nth int, err error) {
	for i, root := range r.Each() {
		var e error
		if k, e = unwrap(root.Derive("", "tickmark/wrap-org/v1"), wrapped, org); e == nil {
			return k, i, nil
		}
		err = errors.Join(err, e)
	}
	return nil, 0, err
}

// RewrapOrgKey wraps an organization's key by the newest key of the ring; nil
// if it is wrapped so already.
func (r *Root) RewrapOrgKey(org string, wrapped []byte) ([]byte, error) {
	k, nth, err := r.openOrgKey(org, wrapped)
	if err != nil {
		return nil, fmt.Errorf("the root key does not open the key of organization %s: was another root key put in place? %w", org, err)
	}
	if nth == 0 {
		return nil, nil
	}
	return wrap(r.Derive("", "tickmark/wrap-org/v1"), k, org)
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

// Seal protects a small secret of the organization, such as the password of a
// source. The context says what it is for and whose: it opens nowhere else.
func (k *OrgKey) Seal(context string, plain []byte) ([]byte, error) {
	return wrap(derive(k.key, "", "tickmark/secret/v1"), plain, context)
}

// Open is the inverse of Seal.
func (k *OrgKey) Open(context string, sealed []byte) ([]byte, error) {
	return unwrap(derive(k.key, "", "tickmark/secret/v1"), sealed, context)
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
