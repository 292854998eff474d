// Package stamptest is a time-stamping authority for tests: one that does its
// work, and one that lies in whatever way a test asks for. It writes tokens
// with the standard library's encoder, so that the reader in stamp is never
// tested against itself.
package stamptest

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the first version of the attribute demands it
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"slices"
	"sync"
	"time"
)

//go:embed keys.pem
var keyFile []byte

// keys are fixed, so that the same request at the same time has the same answer.
var keys = sync.OnceValue(func() (out []*rsa.PrivateKey) {
	for b, rest := pem.Decode(keyFile); b != nil; b, rest = pem.Decode(rest) {
		k, err := x509.ParsePKCS1PrivateKey(b.Bytes)
		if err != nil {
			panic(err)
		}
		out = append(out, k)
	}
	return out
})

// Began is when certificates become valid unless a test says otherwise.
var Began = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// A Holder has a certificate and its key.
type Holder struct {
	Raw  []byte
	Cert *x509.Certificate
	Key  *rsa.PrivateKey
}

// PEM is the certificate as people pass it around.
func (h *Holder) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Raw})
}

var oidExtKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}

// Usage is the extension that says what a signer's key is for.
func Usage(critical bool, oids ...asn1.ObjectIdentifier) pkix.Extension {
	return pkix.Extension{Id: oidExtKeyUsage, Critical: critical, Value: must(asn1.Marshal(oids))}
}

// OIDs of extended key usages.
var (
	TimeStamping = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
	CodeSigning  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 3}
)

// Issue makes a certificate. Key is 0, 1 or 2; without a parent it signs
// itself; edit may change everything before it is signed.
func Issue(name string, key int, parent *Holder, edit func(*x509.Certificate)) *Holder {
	h := &Holder{Key: keys()[key]}
	c := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes([]byte(name)),
		Subject:      pkix.Name{Organization: []string{"Test authority"}, CommonName: name},
		NotBefore:    Began, NotAfter: Began.AddDate(30, 0, 0),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if edit != nil {
		edit(c)
	}
	up := &Holder{Cert: c, Key: h.Key}
	if parent != nil {
		up = parent
	}
	h.Raw = must(x509.CreateCertificate(rand.Reader, c, up.Cert, &h.Key.PublicKey, up.Key))
	h.Cert = must(x509.ParseCertificate(h.Raw))
	return h
}

// Signer makes a signer's certificate as it should be, and as edit bends it.
func Signer(parent *Holder, edit func(*x509.Certificate)) *Holder {
	return Issue("Signer", 2, parent, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = false, false, x509.KeyUsageDigitalSignature
		c.ExtraExtensions = []pkix.Extension{Usage(true, TimeStamping)}
		if edit != nil {
			edit(c)
		}
	})
}

// An Authority answers requests. Bend changes an answer before it is signed.
type Authority struct {
	Signer *Holder
	Inside []*Holder // certificates in the token besides the signer's
	Root   *Holder
	Now    func() time.Time
	Bend   func(*Answer)
	Down   bool // answers no request at all
	mu     sync.Mutex
	asked  int
}

// New is an authority with a root, an issuer and a signer, as most are.
func New(now func() time.Time) *Authority {
	root := Issue("Root", 0, nil, nil)
	issuer := Issue("Issuer", 1, root, nil)
	return &Authority{Signer: Signer(issuer, nil), Inside: []*Holder{issuer}, Root: root, Now: now}
}

// Answer is what an authority is about to say.
type Answer struct {
	Status   int
	Imprint  []byte
	Nonce    *big.Int
	Time     time.Time
	Accuracy time.Duration
	Hash     crypto.Hash // of the signed attributes
	First    bool        // names the signer as RFC 2634 does, by SHA-1
	Binds    []byte      // certificate that the attribute names; the signer's
	Digest   []byte      // signed digest; that of the stamp
	Spoil    func(reply []byte) []byte
}

type algorithm = pkix.AlgorithmIdentifier

type imprint struct {
	Algorithm algorithm
	Hash      []byte
}

type request struct {
	Version int
	Imprint imprint
	Nonce   *big.Int `asn1:"optional"`
	CertReq bool     `asn1:"optional"`
}

type accuracy struct {
	Seconds int `asn1:"optional"`
	Millis  int `asn1:"optional,tag:0"`
}

type info struct {
	Version  int
	Policy   asn1.ObjectIdentifier
	Imprint  imprint
	Serial   *big.Int
	Time     asn1.RawValue
	Accuracy accuracy `asn1:"optional"`
	Nonce    *big.Int `asn1:"optional"`
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

type signerInfo struct {
	Version  int
	ID       issuerAndSerial
	Digest   algorithm
	Attrs    asn1.RawValue
	SigAlg   algorithm
	SigValue []byte
}

type attribute struct {
	ID     asn1.ObjectIdentifier
	Values asn1.RawValue
}

var (
	oidSHA    = map[crypto.Hash]asn1.ObjectIdentifier{crypto.SHA1: {1, 3, 14, 3, 2, 26}, crypto.SHA256: {2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA384: {2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA512: {2, 16, 840, 1, 101, 3, 4, 2, 3}}
	oidRSA    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidSigned = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidInfo   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidCert1  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidCert2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
)

// Reply answers one TimeStampReq.
func (a *Authority) Reply(req []byte) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	var r request
	if rest, err := asn1.Unmarshal(req, &r); err != nil || len(rest) > 0 || !r.CertReq || r.Version != 1 {
		return must(asn1.Marshal(struct{ S struct{ Status int } }{struct{ Status int }{2}}))
	}
	w := &Answer{Imprint: r.Imprint.Hash, Nonce: r.Nonce, Time: a.Now(), Hash: crypto.SHA256, Accuracy: time.Second, Binds: a.Signer.Raw}
	if a.Bend != nil {
		a.Bend(w)
	}
	reply := a.write(w)
	if w.Spoil != nil {
		reply = w.Spoil(reply)
	}
	return reply
}

func (a *Authority) write(w *Answer) []byte {
	status := struct{ Status int }{w.Status}
	if w.Status > 1 {
		return must(asn1.Marshal(struct{ S struct{ Status int } }{status}))
	}
	content := must(asn1.Marshal(info{
		Version: 1, Policy: asn1.ObjectIdentifier{1, 2, 3, 4}, Serial: big.NewInt(7), Nonce: w.Nonce,
		Imprint:  imprint{algorithm{Algorithm: oidSHA[crypto.SHA256], Parameters: asn1.NullRawValue}, w.Imprint},
		Time:     asn1.RawValue{Tag: asn1.TagGeneralizedTime, Bytes: []byte(w.Time.UTC().Format("20060102150405.999Z"))},
		Accuracy: accuracy{int(w.Accuracy / time.Second), int(w.Accuracy % time.Second / time.Millisecond)},
	}))
	if w.Digest == nil {
		w.Digest = sum(w.Hash, content)
	}
	attrs := [][]byte{attr(oidType, must(asn1.Marshal(oidInfo))), attr(oidDigest, must(asn1.Marshal(w.Digest)))}
	if w.First {
		h := sha1.Sum(w.Binds) //nolint:gosec // see the import
		attrs = append(attrs, attr(oidCert1, seq(seq(seq(must(asn1.Marshal(h[:])))))))
	} else {
		h := sha256.Sum256(w.Binds)
		attrs = append(attrs, attr(oidCert2, seq(seq(seq(must(asn1.Marshal(h[:])))))))
	}
	slices.SortFunc(attrs, bytes.Compare)
	all := bytes.Join(attrs, nil)
	signed := must(asn1.Marshal(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: all}))
	si := signerInfo{
		Version: 1, ID: issuerAndSerial{asn1.RawValue{FullBytes: a.Signer.Cert.RawIssuer}, a.Signer.Cert.SerialNumber},
		Digest:   algorithm{Algorithm: oidSHA[w.Hash], Parameters: asn1.NullRawValue},
		Attrs:    asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: all},
		SigAlg:   algorithm{Algorithm: oidRSA, Parameters: asn1.NullRawValue},
		SigValue: must(rsa.SignPKCS1v15(nil, a.Signer.Key, w.Hash, sum(w.Hash, signed))),
	}
	inside := bytes.Clone(a.Signer.Raw)
	for _, h := range a.Inside {
		inside = append(inside, h.Raw...)
	}
	data := seq(
		must(asn1.Marshal(3)),
		set(must(asn1.Marshal(si.Digest))),
		seq(must(asn1.Marshal(oidInfo)), wrap(must(asn1.Marshal(content)))),
		must(asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: inside})),
		set(must(asn1.Marshal(si))),
	)
	return seq(must(asn1.Marshal(status)), seq(must(asn1.Marshal(oidSigned)), wrap(data)))
}

func attr(id asn1.ObjectIdentifier, value []byte) []byte {
	return must(asn1.Marshal(attribute{id, asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: value}}))
}

func sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

func seq(parts ...[]byte) []byte {
	return must(asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: bytes.Join(parts, nil)}))
}

func set(parts ...[]byte) []byte {
	return must(asn1.Marshal(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: bytes.Join(parts, nil)}))
}

func wrap(b []byte) []byte {
	return must(asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: b}))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// ServeHTTP answers as authorities do: application/timestamp-query in,
// application/timestamp-reply out.
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.asked++
	down := a.Down
	a.mu.Unlock()
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if down || err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/timestamp-query" {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	_, _ = w.Write(a.Reply(body))
}

// Set changes the authority while it serves.
func (a *Authority) Set(change func(*Authority)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a)
}

// Asked is how many requests came.
func (a *Authority) Asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}
