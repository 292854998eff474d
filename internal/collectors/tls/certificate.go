package tls

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tickmark/tickmark/internal/sources"
)

// maxChain is how many certificates of a chain are looked at; the library
// bounds what it reads of them.
const maxChain = 16

// certificates says how the chain stands today.
func (v *visit) certificates() {
	leaf := v.chain[0]
	v.attrs["certificate"], v.attrs["not_after"] = print256(leaf), leaf.NotAfter
	var names []string
	for _, c := range v.chain[:min(len(v.chain), maxChain)] {
		names = append(names, c.Subject.String())
	}
	v.attrs["chain"] = names
	v.attrs["name_matches"] = leaf.VerifyHostname(v.target.host) == nil
	pool := x509.NewCertPool()
	for _, c := range v.chain[1:min(len(v.chain), maxChain)] {
		pool.AddCert(c)
	}
	how := x509.VerifyOptions{Roots: v.set.pool, Intermediates: pool, CurrentTime: v.now}
	_, err := leaf.Verify(how)
	switch {
	case err == nil:
		v.attrs["trusted"] = true
	case v.set.noRoots != nil:
		v.unknown("this machine has no list of trusted roots", "trusted")
	default:
		v.attrs["trusted"], v.attrs["trust_problem"] = false, whyNot(err)
	}
	how.CurrentTime, how.KeyUsages = leaf.NotBefore.Add(time.Second), []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
	_, err = leaf.Verify(how)
	v.attrs["chain_complete"] = err == nil || endsInRoot(v.chain)
}

func whyNot(err error) string {
	var (
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &unknown):
		return "no trusted root vouches for it, or a certificate between is not sent"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "a certificate of the chain is not valid now"
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return "a certificate of the chain is not meant for servers"
	}
	return short(strings.TrimPrefix(err.Error(), "x509: "))
}

// endsInRoot reports whether what was sent leads to a certificate that signs
// itself: complete, if not trusted.
func endsInRoot(chain []*x509.Certificate) bool {
	at := chain[0]
	for range min(len(chain), maxChain) {
		if selfSigned(at) {
			return true
		}
		i := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return c != at && at.CheckSignatureFrom(c) == nil })
		if i < 0 {
			return false
		}
		at = chain[i]
	}
	return false
}

// selfSigned is asked of servers' own certificates too, which may not sign
// others, so the signature is checked without regard to what the key is for.
func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

func print256(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// A wallet holds every certificate seen, once, with where it was seen.
type wallet struct {
	mu    sync.Mutex
	found map[string]*card
}

type card struct {
	cert *x509.Certificate
	at   []string
}

func (w *wallet) add(t target, chain []*x509.Certificate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range chain[:min(len(chain), maxChain)] {
		key := print256(c)
		if w.found[key] == nil {
			w.found[key] = &card{cert: c}
		}
		if !slices.Contains(w.found[key].at, t.String()) {
			w.found[key].at = append(w.found[key].at, t.String())
		}
	}
}

func (w *wallet) hand(in *sources.Intake) error {
	for key, x := range w.found {
		c := x.cert
		slices.Sort(x.at)
		names := []string{}
		names = append(names, c.DNSNames...)
		for _, ip := range c.IPAddresses {
			names = append(names, ip.String())
		}
		r := sources.Resource{Kind: "certificate", Key: key, Attrs: map[string]any{
			"sha256": key, "subject": c.Subject.String(), "issuer": c.Issuer.String(), "serial": hex.EncodeToString(c.SerialNumber.Bytes()),
			"names": names[:min(len(names), 1000)], "not_before": dated(c.NotBefore), "not_after": dated(c.NotAfter), "signature_algorithm": c.SignatureAlgorithm.String(),
			"authority": c.IsCA, "self_signed": selfSigned(c), "endpoints": x.at,
		}, Absent: map[string]string{}}
		if kind, bits := keyOf(c); kind != "" {
			r.Attrs["key_kind"], r.Attrs["key_bits"] = kind, bits
		} else {
			r.Absent["key_kind"], r.Absent["key_bits"] = "its key is of a kind that cannot be read", "its key is of a kind that cannot be read"
		}
		if err := in.Add(r); err != nil {
			return err
		}
	}
	return nil
}

// dated keeps to years that can be written; RFC 5280 says 9999 for "no end".
func dated(t time.Time) time.Time {
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

func keyOf(c *x509.Certificate) (kind string, bits int) {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return "RSA", k.N.BitLen()
	case *ecdsa.PublicKey:
		return "ECDSA", k.Curve.Params().BitSize
	case ed25519.PublicKey:
		return "Ed25519", 256
	}
	return "", 0
}
