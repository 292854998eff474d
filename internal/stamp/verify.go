package stamp

import (
	"bytes"
	"errors"
	"math/big"
)

// Reason is why a sound token is not trusted. The words are part of the
// specification.
type Reason string

// The reasons, in the order in which they are looked for.
const (
	Trusted     Reason = ""            // nothing speaks against it
	Unsupported Reason = "unsupported" // an algorithm, key or critical extension that version 1 does not know
	Usage       Reason = "usage"       // a certificate not made for this use
	Expired     Reason = "expired"     // a certificate not valid at the time of the stamp
	Chain       Reason = "chain"       // no way from the signer to a pinned root
)

// Words is the reason for people.
func (r Reason) Words() string {
	switch r {
	case Trusted:
		return ""
	case Unsupported:
		return "it uses an algorithm, a key or a critical extension that version 1 does not check"
	case Usage:
		return "a certificate of its chain was not made for time stamps"
	case Expired:
		return "a certificate of its chain was not valid at the time of the stamp"
	}
	return "its chain does not reach a certificate that was given as a root"
}

// Verify checks that the token stamps this digest, answers this nonce (any, if
// nil) and is signed by the certificate inside. An error means that it is
// broken: nobody may rely on it. Without an error the reason says whether the
// holder of these roots has to believe its time.
func (t *Token) Verify(imprint [32]byte, nonce *big.Int, roots *Roots) (Reason, error) {
	signer, err := t.asked(imprint, nonce)
	if err != nil {
		return "", err
	}
	if t.keyIDSID {
		return Unsupported, nil
	}
	known, err := t.bound(signer)
	if err != nil {
		return "", err
	}
	digest, ok := digests[t.digest]
	if !known || !ok || t.sigAlg != oidRSA && signatures[t.sigAlg] != t.digest || !signer.usable() {
		return Unsupported, nil
	}
	if !bytes.Equal(t.attr[oidDigest], encode(tagOctets, digest.sum(t.content))) {
		return "", errors.New("the signed digest is not that of the stamp")
	}
	if !signer.signed(t.attrs, t.sig, t.digest) {
		return "", errors.New("the signature does not fit the stamp")
	}
	if t.critical {
		return Unsupported, nil
	}
	return t.trust(signer, roots), nil
}

// asked checks what needs no signature, and finds the signer.
func (t *Token) asked(imprint [32]byte, nonce *big.Int) (*certificate, error) {
	if t.imprintAlg != oidSHA256 || !bytes.Equal(t.imprint, imprint[:]) {
		return nil, errors.New("the stamp is of something else: another digest")
	}
	if nonce != nil && (t.Nonce == nil || t.Nonce.Cmp(nonce) != 0) {
		return nil, errors.New("the stamp answers another request: another nonce")
	}
	if !bytes.Equal(t.attr[oidContentType], encode(tagOID, []byte(oidTSTInfo))) {
		return nil, errors.New("the signed content type is not that of a time stamp")
	}
	if t.attr[oidDigest] == nil {
		return nil, errors.New("the stamp has no signed digest")
	}
	if t.keyIDSID {
		return nil, nil
	}
	for _, c := range t.inside {
		if bytes.Equal(c.issuer, t.issuer) && bytes.Equal(c.serial, t.serial) {
			return c, nil
		}
	}
	return nil, errors.New("the certificate of the signer is not inside")
}

// trust walks from the signer to a pinned root. It never goes back: where two
// issuers could follow, the first counts, roots before what the token brings.
func (t *Token) trust(signer *certificate, roots *Roots) Reason {
	if signer.version != 2 || signer.unknownCritical {
		return Unsupported
	}
	if len(signer.usages) != 1 || signer.usages[0] != oidTimestamp || !signer.usageCritical ||
		!signer.mayUse(usageSignature|usageCommitment) {
		return Usage
	}
	if !signer.validAt(t.Time) {
		return Expired
	}
	if roots == nil {
		return Chain
	}
	for c, length := signer, 1; !roots.has(c); length++ {
		if length == maxChain {
			return Chain
		}
		digest, ok := signatures[c.sigAlg]
		if !ok {
			return Unsupported
		}
		issuer := t.issuerOf(c, digest, roots)
		if issuer == nil {
			return Chain
		}
		if reason := issuer.mayIssue(int64(length - 1)); reason != Trusted {
			return reason
		}
		if !issuer.validAt(t.Time) {
			return Expired
		}
		c = issuer
	}
	return Trusted
}

// issuerOf finds who signed c: the first whose name and key fit and who was
// valid then, else the first whose name and key fit.
func (t *Token) issuerOf(c *certificate, digest string, roots *Roots) *certificate {
	var first *certificate
	for _, list := range [][]*certificate{roots.list, t.inside} {
		for _, i := range list {
			if !bytes.Equal(i.subject, c.issuer) || !i.signed(c.tbs, c.signature, digest) {
				continue
			}
			if i.validAt(t.Time) {
				return i
			}
			if first == nil {
				first = i
			}
		}
	}
	return first
}

// mayIssue checks what an issuer's own certificate allows it; below is how
// many issuers stand between it and the signer.
func (c *certificate) mayIssue(below int64) Reason {
	if c.version != 2 || c.unknownCritical {
		return Unsupported
	}
	if c.ca == nil || !c.ca.ca || c.ca.path >= 0 && below > c.ca.path || !c.mayUse(usageCertificate) {
		return Usage
	}
	if c.usages == nil {
		return Trusted
	}
	for _, u := range c.usages {
		if u == oidTimestamp || u == oidAnyUsage {
			return Trusted
		}
	}
	return Usage
}
