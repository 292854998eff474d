package stamp

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// A certificate is what the rules look at of one, and its own bytes.
type certificate struct {
	raw       []byte
	tbs       []byte // what is signed
	version   int64
	serial    []byte
	issuer    []byte // names are compared as bytes
	subject   []byte
	notBefore time.Time
	notAfter  time.Time
	keyAlg    string
	modulus   *big.Int // nil if the key is not RSA
	exponent  *big.Int
	sigAlg    string
	signature []byte

	unknownCritical bool
	keyUsage        []byte // nil if it has none
	ca              *constraints
	usages          []string // nil if it has none
	usageCritical   bool
}

// constraints says whether a key may sign certificates, and how many may
// stand between it and the signer's.
type constraints struct {
	ca   bool
	path int64 // -1 if not bounded
}

// parseCertificate reads a whole certificate: RFC 5280, section 4.1.
func parseCertificate(raw []byte) (*certificate, error) {
	c := &certificate{raw: raw}
	top := read("the certificate", raw)
	r := top.in(tagSequence)
	tbs := r.take(tagSequence)
	var outer []byte
	c.sigAlg, outer = r.algorithm()
	c.signature = r.whole()
	c.tbs = tbs.raw
	inner, err := c.body(tbs.body, r.err)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(inner, outer) {
		r.fail("names two algorithms for its signature")
	}
	top.join(r)
	return c, top.end()
}

// body reads what is signed and returns the algorithm named there.
func (c *certificate) body(b []byte, err error) (alg []byte, _ error) {
	r := &reader{rest: b, what: "the certificate", err: err}
	if r.next(tagged(0)) {
		v := r.in(tagged(0))
		c.version = v.small(tagInteger, 2)
		r.join(v)
	}
	_, c.serial = r.integer(tagInteger)
	_, alg = r.algorithm()
	c.issuer = r.take(tagSequence).raw
	dates := r.in(tagSequence)
	c.notBefore = dates.date()
	c.notAfter = dates.date()
	r.join(dates)
	c.subject = r.take(tagSequence).raw
	c.key(r)
	r.skip(0x81)
	r.skip(0x82)
	if r.next(tagged(3)) {
		wrap := r.in(tagged(3))
		list := wrap.in(tagSequence)
		c.extensions(list)
		wrap.join(list)
		r.join(wrap)
	}
	return alg, r.end()
}

// key reads the public key. What is not RSA is kept as such: it only matters
// if something was signed with it.
func (c *certificate) key(r *reader) {
	info := r.in(tagSequence)
	c.keyAlg, _ = info.algorithm()
	key := info.whole()
	r.join(info)
	if r.err != nil || c.keyAlg != oidRSA {
		return
	}
	top := read("the certificate's key", key)
	in := top.in(tagSequence)
	c.modulus, _ = in.integer(tagInteger)
	c.exponent, _ = in.integer(tagInteger)
	top.join(in)
	r.join(top)
}

func (c *certificate) extensions(r *reader) {
	if !r.more() {
		r.fail("has an empty list of extensions")
	}
	seen := map[string]bool{}
	for r.more() {
		x := r.in(tagSequence)
		oid := x.oid()
		critical := x.next(tagBoolean) && x.boolean()
		value := x.take(tagOctets).body
		r.join(x)
		if seen[oid] {
			r.fail("has an extension twice")
		}
		seen[oid] = true
		if r.err == nil {
			r.join(c.extension(oid, critical, value))
		}
	}
}

// extension reads the three that the rules know.
func (c *certificate) extension(oid string, critical bool, value []byte) *reader {
	r := read("the certificate's extension", value)
	switch oid {
	case oidKeyUsage:
		bits, _ := r.bits()
		c.keyUsage = append([]byte{}, bits...)
	case oidConstraints:
		in := r.in(tagSequence)
		c.ca = &constraints{path: -1}
		c.ca.ca = in.next(tagBoolean) && in.boolean()
		if in.more() {
			c.ca.path = in.small(tagInteger, 1<<31-1)
		}
		r.join(in)
	case oidExtUsage:
		in := r.in(tagSequence)
		c.usages = []string{}
		for in.more() {
			c.usages = append(c.usages, in.oid())
		}
		c.usageCritical = critical
		r.join(in)
	default:
		c.unknownCritical = c.unknownCritical || critical
		return read("", nil)
	}
	return r
}

// date reads a moment of a certificate's validity, to the second.
func (r *reader) date() time.Time {
	form, text := "20060102150405Z", ""
	if r.next(tagUTCTime) {
		text = string(r.take(tagUTCTime).body)
		if century := "20"; text != "" {
			if text[0] >= '5' {
				century = "19"
			}
			text = century + text
		}
	} else {
		text = string(r.take(tagGeneralTime).body)
	}
	return r.moment(form, text)
}

// moment reads a time in this form and no other spelling of it.
func (r *reader) moment(form, text string) time.Time {
	if r.err != nil {
		return time.Time{}
	}
	t, err := time.Parse(form, text)
	if err != nil || t.Format(form) != text || t.Year() < 1 {
		r.fail("has a time that is not a date, hours, minutes, seconds and Z")
	}
	return t
}

// Bits of the key usage.
const (
	usageSignature   = 0x80
	usageCommitment  = 0x40
	usageCertificate = 0x04
)

// mayUse reports whether the key may be used for one of these; a certificate
// that does not say allows everything.
func (c *certificate) mayUse(bits byte) bool {
	return c.keyUsage == nil || len(c.keyUsage) > 0 && c.keyUsage[0]&bits != 0
}

func (c *certificate) validAt(t time.Time) bool {
	t = t.Truncate(time.Second)
	return !t.Before(c.notBefore) && !t.After(c.notAfter)
}

// Limits of RSA keys.
const (
	minBits     = 2048
	maxBits     = 8192
	maxExponent = 1<<31 - 1
)

// usable reports whether the key is one that version 1 checks signatures with.
func (c *certificate) usable() bool {
	return c.keyAlg == oidRSA && c.modulus.Sign() > 0 && c.modulus.Bit(0) == 1 &&
		c.modulus.BitLen() >= minBits && c.modulus.BitLen() <= maxBits &&
		c.exponent.Cmp(big.NewInt(3)) >= 0 && c.exponent.Cmp(big.NewInt(maxExponent)) <= 0 && c.exponent.Bit(0) == 1
}

// signed reports whether sig is this key's over the message: RSASSA-PKCS1-v1_5
// (RFC 8017, section 8.2.2), by building what must come out and comparing all
// of it.
func (c *certificate) signed(message, sig []byte, digest string) bool {
	d, ok := digests[digest]
	if !ok || !c.usable() {
		return false
	}
	k := (c.modulus.BitLen() + 7) / 8
	s := new(big.Int).SetBytes(sig)
	if len(sig) != k || s.Cmp(c.modulus) >= 0 {
		return false
	}
	tail := append(bytes.Clone(d.prefix), d.sum(message)...)
	want := bytes.Repeat([]byte{0xff}, k)
	want[0], want[1] = 0, 1
	want[k-len(tail)-1] = 0
	copy(want[k-len(tail):], tail)
	return bytes.Equal(new(big.Int).Exp(s, c.exponent, c.modulus).FillBytes(make([]byte, k)), want)
}

// Limits of what is read and walked.
const (
	MaxReply  = 64 << 10 // bytes of a reply
	MaxRoots  = 64       // pinned certificates
	maxInside = 32       // certificates in a token
	maxChain  = 6        // from the signer to the root, both counted
	maxPEM    = 1 << 20
)

// Roots are the certificates that somebody trusts to name authorities. They
// come by another way than the tokens.
type Roots struct{ list []*certificate }

// Len is how many there are.
func (r *Roots) Len() int {
	if r == nil {
		return 0
	}
	return len(r.list)
}

const pemBegin, pemEnd = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"

// ParseRoots reads certificates in PEM. Text between them says nothing.
func ParseRoots(text []byte) (*Roots, error) {
	if len(text) > maxPEM {
		return nil, fmt.Errorf("roots: %d bytes; want at most %d", len(text), maxPEM)
	}
	roots := &Roots{}
	var body strings.Builder
	inside := false
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.Trim(line, " \t\r")
		switch {
		case line == pemBegin:
			if inside {
				return nil, fmt.Errorf("roots: line %d: a certificate begins before the one before it ends", n+1)
			}
			inside = true
			body.Reset()
		case line == pemEnd && inside:
			inside = false
			raw, err := base64.StdEncoding.Strict().DecodeString(body.String())
			if err != nil || strings.Contains(body.String(), "\r") { // which the decoder passes over
				return nil, fmt.Errorf("roots: line %d: the certificate that ends here is not base64", n+1)
			}
			c, err := parseCertificate(raw)
			if err != nil {
				return nil, fmt.Errorf("roots: line %d: %w", n+1, err)
			}
			roots.list = append(roots.list, c)
		case inside:
			body.WriteString(line)
		}
	}
	if inside {
		return nil, errors.New("roots: the last certificate does not end")
	}
	if len(roots.list) == 0 || len(roots.list) > MaxRoots {
		return nil, fmt.Errorf("roots: %d certificates; want 1 to %d, each between %s and %s", len(roots.list), MaxRoots, pemBegin, pemEnd)
	}
	return roots, nil
}

// Digests are the SHA-256 of each root, for people who compare them.
func (r *Roots) Digests() [][32]byte {
	var out [][32]byte
	for _, c := range r.list {
		out = append(out, sha256.Sum256(c.raw))
	}
	return out
}

func (r *Roots) has(c *certificate) bool {
	for _, root := range r.list {
		if bytes.Equal(root.raw, c.raw) {
			return true
		}
	}
	return false
}
