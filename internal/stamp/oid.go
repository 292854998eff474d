package stamp

import (
	"crypto/sha256"
	"crypto/sha512"
)

// Identifiers, as the bytes that stand in a token.
const (
	oidSignedData  = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"         // 1.2.840.113549.1.7.2
	oidTSTInfo     = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x04" // 1.2.840.113549.1.9.16.1.4
	oidContentType = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"         // 1.2.840.113549.1.9.3
	oidDigest      = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"         // 1.2.840.113549.1.9.4
	oidSigningCert = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x0c" // 1.2.840.113549.1.9.16.2.12
	oidSigningV2   = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f" // 1.2.840.113549.1.9.16.2.47

	oidSHA256 = "\x60\x86\x48\x01\x65\x03\x04\x02\x01" // 2.16.840.1.101.3.4.2.1
	oidSHA384 = "\x60\x86\x48\x01\x65\x03\x04\x02\x02"
	oidSHA512 = "\x60\x86\x48\x01\x65\x03\x04\x02\x03"

	oidRSA       = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" // 1.2.840.113549.1.1.1
	oidRSASHA256 = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b" // 1.2.840.113549.1.1.11
	oidRSASHA384 = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"
	oidRSASHA512 = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"

	oidKeyUsage    = "\x55\x1d\x0f"                     // 2.5.29.15
	oidConstraints = "\x55\x1d\x13"                     // 2.5.29.19
	oidExtUsage    = "\x55\x1d\x25"                     // 2.5.29.37
	oidAnyUsage    = "\x55\x1d\x25\x00"                 // 2.5.29.37.0
	oidTimestamp   = "\x2b\x06\x01\x05\x05\x07\x03\x08" // 1.3.6.1.5.5.7.3.8
)

// A digester is one of the digests that version 1 knows.
type digester struct {
	sum    func([]byte) []byte
	prefix []byte // of the digest inside an RSA signature: RFC 8017, section 9.2
}

var digests = map[string]digester{
	oidSHA256: {func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }, prefixOf(oidSHA256, 32)},
	oidSHA384: {func(b []byte) []byte { s := sha512.Sum384(b); return s[:] }, prefixOf(oidSHA384, 48)},
	oidSHA512: {func(b []byte) []byte { s := sha512.Sum512(b); return s[:] }, prefixOf(oidSHA512, 64)},
}

// signatures names the digest that a signature algorithm goes with.
var signatures = map[string]string{
	oidRSASHA256: oidSHA256, oidRSASHA384: oidSHA384, oidRSASHA512: oidSHA512,
}

// prefixOf writes what stands before the digest: SEQUENCE { SEQUENCE { oid,
// NULL }, OCTET STRING of that size }, without the digest.
func prefixOf(oid string, size int) []byte {
	id := encode(tagSequence, encode(tagOID, []byte(oid)), []byte{0x05, 0x00})
	out := encode(tagSequence, id, encode(tagOctets, make([]byte, size)))
	return out[:len(out)-size]
}

// encode writes one element whose content is these parts.
func encode(tag byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	out := []byte{tag}
	switch {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	default:
		out = append(out, 0x82, byte(n>>8), byte(n))
	}
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}
