// Package stamp asks authorities for time stamps and checks what they answer
// (RFC 3161), by rules simple enough to be written twice: docs/bundle.md says
// them, and the second verifier follows the page, not this code. So there is
// no certificate library here whose habits somebody would have to guess.
package stamp

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // RFC 2634 names the signer's certificate by it; nothing else rests on it
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// NewRequest asks for a stamp of what has this digest, with the authority's
// certificate inside. The nonce makes the answer one to this request.
func NewRequest(imprint [32]byte, nonce *big.Int) []byte {
	n := nonce.Bytes()
	if len(n) == 0 || n[0] >= 0x80 {
		n = append([]byte{0}, n...)
	}
	return encode(tagSequence,
		encode(tagInteger, []byte{1}),
		encode(tagSequence,
			encode(tagSequence, encode(tagOID, []byte(oidSHA256)), []byte{0x05, 0x00}),
			encode(tagOctets, imprint[:])),
		encode(tagInteger, n),
		encode(tagBoolean, []byte{0xff}))
}

// A Token is a reply that could be read. Whether it says what was asked, and
// whether anybody has to believe it, is Verify's.
type Token struct {
	Time     time.Time     // genTime, as the authority gave it
	Accuracy time.Duration // how far off it may be, in its own words; 0 if it does not say
	Nonce    *big.Int      // nil if there is none

	imprintAlg string
	imprint    []byte
	critical   bool // has a critical extension

	content  []byte // TSTInfo as signed
	inside   []*certificate
	issuer   []byte // names the signer; nil if it is named in a way not known here
	serial   []byte
	digest   string
	attrs    []byte // signed attributes, with the tag they are signed under
	attr     map[string][]byte
	sigAlg   string
	sig      []byte
	keyIDSID bool
}

// Parse reads a whole TimeStampResp. An error means that it is broken or that
// the authority refused; its text says which.
func Parse(reply []byte) (*Token, error) {
	if len(reply) > MaxReply {
		return nil, fmt.Errorf("the reply has %d bytes; want at most %d", len(reply), MaxReply)
	}
	top := read("the reply", reply)
	r := top.in(tagSequence)
	status := r.in(tagSequence)
	code, _ := status.integer(tagInteger)
	words := ""
	if status.next(tagSequence) {
		words = status.take(tagSequence).printable()
	}
	status.skip(tagBits)
	r.join(status)
	if r.err == nil && (!code.IsInt64() || code.Int64() != 0 && code.Int64() != 1) {
		return nil, fmt.Errorf("the authority did not grant a stamp: status %s%s", code, words)
	}
	t := &Token{attr: map[string][]byte{}}
	content := r.in(tagSequence)
	if content.oid() != oidSignedData {
		content.fail("holds something else than signed data")
	}
	wrap := content.in(tagged(0))
	t.signedData(wrap)
	content.join(wrap)
	r.join(content)
	top.join(r)
	if err := top.end(); err != nil {
		return nil, err
	}
	return t, t.info()
}

// printable is what an authority said in words, cut down to what can be shown.
func (e element) printable() string {
	var out strings.Builder
	for r := read("", e.body); r.more() && out.Len() < 200; {
		for _, c := range r.any().body {
			if c >= 0x20 && c < 0x7f && out.Len() < 200 {
				out.WriteByte(c)
			}
		}
	}
	if out.Len() == 0 {
		return ""
	}
	return ", " + out.String()
}

// signedData reads SignedData: RFC 5652, section 5.1.
func (t *Token) signedData(outer *reader) {
	r := outer.in(tagSequence)
	if r.small(tagInteger, 3) != 3 {
		r.fail("has signed data of another version than 3")
	}
	r.take(tagSet)
	inner := r.in(tagSequence)
	if inner.oid() != oidTSTInfo {
		inner.fail("signs something else than a time stamp")
	}
	wrap := inner.in(tagged(0))
	t.content = wrap.take(tagOctets).body
	inner.join(wrap)
	r.join(inner)
	if r.next(tagged(0)) {
		t.certificates(r.in(tagged(0)), r)
	}
	r.skip(tagged(1))
	signers := r.in(tagSet)
	t.signer(signers)
	r.join(signers)
	outer.join(r)
}

// certificates reads those inside. Other things that CMS allows beside them
// say nothing here.
func (t *Token) certificates(in, outer *reader) {
	for in.more() {
		e := in.any()
		if in.err != nil || e.tag != tagSequence {
			continue
		}
		if len(t.inside) == maxInside {
			in.fail("has more than %d certificates", maxInside)
			break
		}
		c, err := parseCertificate(e.raw)
		if err != nil {
			in.fail("has a certificate that cannot be read: %w", err)
			break
		}
		t.inside = append(t.inside, c)
	}
	outer.join(in)
}

// signer reads the one SignerInfo: RFC 5652, section 5.3.
func (t *Token) signer(list *reader) {
	r := list.in(tagSequence)
	version := r.small(tagInteger, 3)
	switch {
	case version == 1 && r.next(tagSequence):
		id := r.in(tagSequence)
		t.issuer = id.take(tagSequence).raw
		_, t.serial = id.integer(tagInteger)
		r.join(id)
	case version == 3 && r.next(0x80):
		r.take(0x80)
		t.keyIDSID = true
	default:
		r.fail("does not name its signer")
	}
	t.digest, _ = r.algorithm()
	attrs := r.take(tagged(0))
	if r.err == nil {
		t.attrs = append([]byte{tagSet}, attrs.raw[1:]...)
		in := &reader{rest: attrs.body, what: r.what}
		t.attributes(in)
		r.join(in)
	}
	t.sigAlg, _ = r.algorithm()
	t.sig = r.take(tagOctets).body
	r.skip(tagged(1))
	list.join(r)
}

// attributes keeps the single value of each of the four that count.
func (t *Token) attributes(r *reader) {
	for r.more() {
		a := r.in(tagSequence)
		oid := a.oid()
		values := a.take(tagSet)
		r.join(a)
		if oid != oidContentType && oid != oidDigest && oid != oidSigningCert && oid != oidSigningV2 || r.err != nil {
			continue
		}
		if t.attr[oid] != nil {
			r.fail("has a signed attribute twice")
			return
		}
		one := &reader{rest: values.body, what: r.what}
		t.attr[oid] = one.any().raw
		r.join(one)
	}
}

// info reads TSTInfo: RFC 3161, section 2.4.2.
func (t *Token) info() error {
	top := read("the stamp", t.content)
	r := top.in(tagSequence)
	if r.small(tagInteger, 1) != 1 {
		r.fail("is of another version than 1")
	}
	r.oid()
	imprint := r.in(tagSequence)
	t.imprintAlg, _ = imprint.algorithm()
	t.imprint = imprint.take(tagOctets).body
	r.join(imprint)
	r.integer(tagInteger)
	t.Time = r.genTime()
	if r.next(tagSequence) {
		a := r.in(tagSequence)
		t.Accuracy = a.accuracy()
		r.join(a)
	}
	if r.next(tagBoolean) {
		r.boolean()
	}
	if r.next(tagInteger) {
		t.Nonce, _ = r.integer(tagInteger)
	}
	r.skip(tagged(0))
	if r.next(tagged(1)) {
		list := r.in(tagged(1))
		for list.more() {
			x := list.in(tagSequence)
			x.oid()
			if x.next(tagBoolean) && x.boolean() {
				t.critical = true
			}
			x.take(tagOctets)
			list.join(x)
		}
		r.join(list)
	}
	top.join(r)
	return top.end()
}

// genTime is a GeneralizedTime in UTC with up to nine decimals.
func (r *reader) genTime() time.Time {
	text := string(r.take(tagGeneralTime).body)
	whole, fraction, has := strings.Cut(strings.TrimSuffix(text, "Z"), ".")
	if r.err != nil {
		return time.Time{}
	}
	if !strings.HasSuffix(text, "Z") || has && (len(fraction) < 1 || len(fraction) > 9 || strings.Trim(fraction, "0123456789") != "") {
		r.fail("has a time that is not a date, hours, minutes, seconds, up to nine decimals, and Z")
		return time.Time{}
	}
	t := r.moment("20060102150405", whole)
	if r.err == nil && t.Year() < 1970 {
		r.fail("has a time before 1970")
	}
	nanos, _ := new(big.Int).SetString((fraction + "000000000")[:9], 10)
	return t.Add(time.Duration(nanos.Int64()))
}

func (r *reader) accuracy() time.Duration {
	var d time.Duration
	if r.next(tagInteger) {
		d += time.Duration(r.small(tagInteger, 86400)) * time.Second
	}
	if r.next(0x80) {
		d += time.Duration(r.small(0x80, 999)) * time.Millisecond
	}
	if r.next(0x81) {
		d += time.Duration(r.small(0x81, 999)) * time.Microsecond
	}
	return d
}

// errBinding is what most of the ways to pass off somebody else's token meet.
var errBinding = errors.New("the stamp does not name the certificate that signed it")

// bound checks that a signing certificate attribute is about the signer. In
// the second version the digest is named; an unknown one is reported as such.
func (t *Token) bound(signer *certificate) (known bool, err error) {
	v1, v2 := t.attr[oidSigningCert], t.attr[oidSigningV2]
	if v1 == nil && v2 == nil {
		return true, errBinding
	}
	if v1 != nil {
		_, hash, err := certID(v1, false)
		sum := sha1.Sum(signer.raw) //nolint:gosec // see the import
		if err != nil || !bytes.Equal(hash, sum[:]) {
			return true, errBinding
		}
	}
	if v2 != nil {
		alg, hash, err := certID(v2, true)
		if err != nil {
			return true, errBinding
		}
		d, ok := digests[alg]
		if !ok {
			return false, nil
		}
		if !bytes.Equal(hash, d.sum(signer.raw)) {
			return true, errBinding
		}
	}
	return true, nil
}

// certID reads the first ESSCertID or ESSCertIDv2 of a signing certificate
// attribute (RFC 5035): the signer's. Further ones, issuer and serial inside,
// and policies say nothing, since the digest is of the whole certificate.
func certID(attr []byte, second bool) (alg string, hash []byte, err error) {
	top := read("the signing certificate", attr)
	r := top.in(tagSequence)
	list := r.in(tagSequence)
	id := list.in(tagSequence)
	alg = oidSHA256
	if second && id.next(tagSequence) {
		alg, _ = id.algorithm()
	}
	hash = id.take(tagOctets).body
	id.skip(tagSequence)
	list.join(id)
	for list.more() {
		list.take(tagSequence)
	}
	r.join(list)
	r.skip(tagSequence)
	top.join(r)
	return alg, hash, top.end()
}
