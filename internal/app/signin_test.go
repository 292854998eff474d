package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/fault"
)

func TestAProxyIsBelievedOnlyIfItIsNamed(t *testing.T) {
	s := conf.Server{BaseURL: "https://tickmark.example", TrustedProxy: []string{"10.0.0.0/24", "192.0.2.1"}}
	var got string
	h := behind(s, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }))
	for name, c := range map[string]struct{ peer, header, want string }{
		"named":                        {"10.0.0.7:5", "203.0.113.9", "203.0.113.9:0"},
		"by address":                   {"192.0.2.1:5", "203.0.113.9", "203.0.113.9:0"},
		"a stranger":                   {"198.51.100.1:5", "203.0.113.9", "198.51.100.1:5"},
		"what a stranger said before":  {"10.0.0.7:5", "1.1.1.1, 203.0.113.9", "203.0.113.9:0"},
		"two proxies of ours":          {"10.0.0.7:5", "1.1.1.1, 203.0.113.9, 10.0.0.8", "203.0.113.9:0"},
		"IPv6":                         {"10.0.0.7:5", "2001:db8::1", "[2001:db8::1]:0"},
		"nonsense":                     {"10.0.0.7:5", "somebody", "10.0.0.7:5"},
		"nonsense before what is true": {"10.0.0.7:5", "x, 203.0.113.9", "203.0.113.9:0"},
		"nothing":                      {"10.0.0.7:5", "", "10.0.0.7:5"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		if c.header != "" {
			r.Header.Set("X-Forwarded-For", c.header)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	for _, proto := range []string{"http", "https"} {
		for peer, sent := range map[string]bool{"10.0.0.7:5": proto == "http", "198.51.100.1:5": false} {
			r, w := httptest.NewRequest(http.MethodGet, "/log?x=1", nil), httptest.NewRecorder()
			r.RemoteAddr = peer
			r.Header.Set("X-Forwarded-Proto", proto)
			h.ServeHTTP(w, r)
			if at := w.Header().Get("Location"); (at == "https://tickmark.example/log?x=1") != sent {
				t.Errorf("%s from %s leads to %q", proto, peer, at)
			}
		}
	}
}

func writePair(t *testing.T, dir string, from, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(until.Unix()), Subject: pkix.Name{CommonName: "tickmark.example"}, NotBefore: from, NotAfter: until, DNSNames: []string{"tickmark.example"}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCertificatesAreReadAgainAndBadOnesAreNot(t *testing.T) {
	dir, start := t.TempDir(), time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	now := clock.NewFixed(start)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	open := func() (*certFiles, error) { return openCert(cert, key, now, slog.New(slog.DiscardHandler)) }
	if _, err := open(); fault.KindOf(err) != fault.KindInvalid {
		t.Errorf("no files: %v", err)
	}
	writePair(t, dir, start.Add(-48*time.Hour), start.Add(-time.Hour))
	if _, err := open(); fault.KindOf(err) != fault.KindInvalid {
		t.Errorf("run out: %v", err)
	}
	writePair(t, dir, start.Add(time.Hour), start.Add(48*time.Hour))
	if _, err := open(); fault.KindOf(err) != fault.KindInvalid {
		t.Errorf("not good yet: %v", err)
	}
	writePair(t, dir, start.Add(-time.Hour), start.Add(24*time.Hour))
	c, err := open()
	if err != nil {
		t.Fatal(err)
	}
	until := func() time.Time {
		now.Advance(lookAgain + time.Second)
		x, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return x.Leaf.NotAfter
	}
	first := until()
	old, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	writePair(t, dir, start.Add(-time.Hour), start.Add(72*time.Hour))
	fresh, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := until(); !got.Equal(first) {
		t.Errorf("a key of another certificate was taken")
	}
	if err := os.WriteFile(key, fresh, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := until(); !got.Equal(start.Add(72 * time.Hour)) {
		t.Errorf("serves until %s", got)
	}
}
