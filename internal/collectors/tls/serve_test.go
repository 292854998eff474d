package tls_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	stdtls "crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/tls"
	"github.com/tickmark/tickmark/internal/sources"
)

var asof = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// An authority issues certificates of its own.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func (a authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

func newAuthority(t *testing.T, name string, parent *authority) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(int64(len(name))), Subject: pkix.Name{CommonName: name}, NotBefore: asof.AddDate(-1, 0, 0),
		NotAfter: asof.AddDate(5, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a := &authority{key: key}
	if parent == nil {
		parent = &authority{c, key}
	}
	a.cert = sign(t, c, parent, key.Public())
	return a
}

func sign(t *testing.T, c *x509.Certificate, by *authority, key crypto.PublicKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, c, by.cert, key, by.key)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// leaf is a certificate for 127.0.0.1 unless change says otherwise. RSA, so
// that suites of every age can be offered with it.
func (a *authority) leaf(t *testing.T, change func(*x509.Certificate), chain ...*authority) stdtls.Certificate {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(77), Subject: pkix.Name{CommonName: "app"}, NotBefore: asof.AddDate(0, -1, 0),
		NotAfter: asof.AddDate(0, 2, 0), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment}
	if change != nil {
		change(c)
	}
	out := stdtls.Certificate{Certificate: [][]byte{sign(t, c, a, key.Public()).Raw}, PrivateKey: key}
	for _, x := range chain {
		out.Certificate = append(out.Certificate, x.cert.Raw)
	}
	return out
}

// serve answers at a free port of loopback.
func serve(t *testing.T, c *stdtls.Config, h http.HandlerFunc) string {
	s := httptest.NewUnstartedServer(h)
	s.TLS, s.EnableHTTP2 = c, false
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "https://")
}

// collect reads addresses and returns the endpoints and certificates by key.
func collect(t *testing.T, settings map[string]any) (*sources.Intake, map[string]sources.Resource, []sources.Resource) {
	t.Helper()
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	in := sources.NewIntake(schemas, clock.NewFixed(asof), nil)
	if err := tls.New().Collect(context.Background(), raw, in); err != nil {
		t.Fatal(err)
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	out := map[string]sources.Resource{}
	for _, r := range in.Resources("endpoint") {
		out[r.Key] = r
	}
	return in, out, in.Resources("certificate")
}
