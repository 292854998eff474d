package app

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/fault"
)

// lookAgain is how often the files of a certificate are looked at, when somebody
// connects.
const lookAgain = 10 * time.Second

// certFiles is a certificate in two files, which others renew.
type certFiles struct {
	cert, key string
	clock     clock.Clock
	log       *slog.Logger

	mu       sync.Mutex
	now      *tls.Certificate
	read     [2][]byte // what now was read from
	looked   time.Time
	rejected [2][]byte // what was found since and does not fit
}

// openCert reads a certificate for the first time: what is wrong with it is said
// before anybody connects.
func openCert(cert, key string, now clock.Clock, log *slog.Logger) (*certFiles, error) {
	c := &certFiles{cert: cert, key: key, clock: now, log: log}
	found, err := c.files()
	if err != nil {
		return nil, fault.Invalid("tls-cert", "the certificate cannot be read: %s", err)
	}
	c.now, err = pair(found, now.Now())
	c.read, c.looked = found, now.Now()
	return c, err
}

func (c *certFiles) files() (out [2][]byte, err error) {
	if out[0], err = os.ReadFile(c.cert); err == nil {
		out[1], err = os.ReadFile(c.key)
	}
	return out, err
}

// pair refuses a certificate that no browser would take, in words.
func pair(files [2][]byte, now time.Time) (*tls.Certificate, error) {
	cert, err := tls.X509KeyPair(files[0], files[1])
	if err != nil {
		return nil, fault.Invalid("tls-cert", "the certificate and the key do not belong together, or are not PEM: %s", err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return nil, fault.Invalid("tls-cert", "the certificate cannot be read: %s", err)
	}
	if now.After(leaf.NotAfter) {
		return nil, fault.Invalid("tls-cert", "the certificate ran out on %s: renew it", leaf.NotAfter.UTC().Format(time.DateOnly))
	}
	if now.Before(leaf.NotBefore) {
		return nil, fault.Invalid("tls-cert", "the certificate is good only from %s: is the clock of this machine right?", leaf.NotBefore.UTC().Format(time.DateTime))
	}
	cert.Leaf = leaf
	return &cert, nil
}

// get is the certificate of now. Files that changed and do not fit are left
// alone, loudly: the one before serves on.
func (c *certFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	if now.Sub(c.looked) < lookAgain && !now.Before(c.looked) {
		return c.now, nil
	}
	c.looked = now
	same := func(a, b [2][]byte) bool { return bytes.Equal(a[0], b[0]) && bytes.Equal(a[1], b[1]) }
	found, err := c.files()
	if err != nil || same(found, c.read) || same(found, c.rejected) {
		return c.now, nil
	}
	fresh, err := pair(found, now)
	if err != nil {
		c.rejected = found
		c.log.Error("the new certificate is not used; the one before serves on", "err", err)
		return c.now, nil
	}
	c.now, c.read = fresh, found
	c.log.Info("certificate read again", "until", fresh.Leaf.NotAfter.UTC().Format(time.DateOnly))
	return c.now, nil
}

// encrypted is how the server encrypts, and what answers plain HTTP beside it;
// nil for what it does not do.
func (a *App) encrypted(s conf.Server) (*tls.Config, http.Handler, error) {
	plain := toHTTPS(s)
	switch {
	case s.TLSCert != "":
		c, err := openCert(s.TLSCert, s.TLSKey, clock.System(), a.Log)
		if err != nil {
			return nil, nil, err
		}
		return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}, plain, nil
	case len(s.ACMEDomain) > 0:
		m, err := a.authority(s)
		if err != nil {
			return nil, nil, err
		}
		t := m.TLSConfig()
		t.MinVersion, t.NextProtos = tls.VersionTLS12, []string{"http/1.1", acme.ALPNProto}
		return t, m.HTTPHandler(plain), nil
	}
	return nil, plain, nil
}

// authority gets certificates when somebody first connects, and renews them. It
// keeps them, and its account's key, beside the root key: they are keys too.
func (a *App) authority(s conf.Server) (*autocert.Manager, error) {
	dir, err := a.Config.KeyDir()
	if err != nil {
		return nil, err
	}
	m := &autocert.Manager{Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(filepath.Join(dir, "acme")),
		HostPolicy: autocert.HostWhitelist(s.ACMEDomain...), Email: s.ACMEEmail}
	if s.ACMEURL == "" && s.ACMERoots == "" {
		return m, nil
	}
	m.Client = &acme.Client{DirectoryURL: s.ACMEURL}
	if s.ACMERoots != "" {
		pem, err := os.ReadFile(s.ACMERoots)
		roots := x509.NewCertPool()
		if err != nil || !roots.AppendCertsFromPEM(pem) {
			return nil, errors.Join(fault.Invalid("acme-roots", "give a file with certificates in PEM"), err)
		}
		m.Client.HTTPClient = &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	}
	return m, nil
}
