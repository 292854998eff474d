package canon

import (
	"crypto/ed25519"

	"golang.org/x/mod/sumdb/note"
)

// VerifySignature checks an Ed25519 signature as docs/ledger.md section 6 says.
// The library takes a key whose point is spelled in a second way, which RFC 8032
// does not; a signature is then good for one program and bad for another.
func VerifySignature(key ed25519.PublicKey, text, sig []byte) bool {
	return CanonicalKey(key) && ed25519.Verify(key, text, sig)
}

// CanonicalKey refuses y at or above p = 2^255-19, and the sign bit where x is
// 0, which is where y is 1 or p-1 (RFC 8032, section 5.1.3).
func CanonicalKey(key ed25519.PublicKey) bool {
	if len(key) != ed25519.PublicKeySize {
		return false
	}
	low, sign := key[0], key[31]>>7
	zeros, ones := key[31]&0x7f == 0, key[31]&0x7f == 0x7f
	for _, b := range key[1:31] {
		zeros, ones = zeros && b == 0, ones && b == 0xff
	}
	switch {
	case ones && low >= 0xed:
		return false
	case ones && low == 0xec || zeros && low == 1:
		return sign == 0
	}
	return true
}

// NewVerifier checks notes of a log with its key.
func NewVerifier(vkey string) (note.Verifier, error) {
	origin, key, err := ParseVKey(vkey)
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	return verifier{origin, v.KeyHash(), key}, nil
}

type verifier struct {
	origin string
	hash   uint32
	key    ed25519.PublicKey
}

func (v verifier) Name() string                 { return v.origin }
func (v verifier) KeyHash() uint32              { return v.hash }
func (v verifier) Verify(text, sig []byte) bool { return VerifySignature(v.key, text, sig) }
