package tls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tickmark/tickmark/internal/sources"
)

const (
	noSSL3  = "the library that asks cannot offer SSL 3.0, so it is not known whether it would be accepted"
	noPlain = "the source gives no port without TLS to look at"
)

// facts are what is known of one address, and why the rest is not.
type facts struct {
	attrs  map[string]any
	absent map[string]string
}

func newFacts() facts { return facts{map[string]any{}, map[string]string{}} }

func (f facts) unknown(why string, fields ...string) {
	for _, field := range fields {
		if _, known := f.attrs[field]; !known {
			f.absent[field] = why
		}
	}
}

// A visit is everything asked of one address.
type visit struct {
	facts
	set    *settings
	target target
	in     *sources.Intake
	now    time.Time

	chain []*x509.Certificate
}

var (
	tlsFields  = []string{"tls_1_0", "tls_1_1", "tls_1_2", "tls_1_3", "ciphers", "weak_ciphers", "forward_secrecy", "protocol", "asks_certificate"}
	certFields = []string{"certificate", "not_after", "chain", "chain_complete", "trusted", "name_matches", "ocsp_stapled"}
	httpFields = []string{"http", "hsts", "hsts_max_age", "hsts_subdomains", "hsts_preload", "has_content_policy", "no_sniffing", "framing", "referrer_policy", "server", "tells_version", "insecure_cookies"}
)

func (v *visit) look(ctx context.Context) {
	v.attrs["host"], v.attrs["port"] = v.target.host, v.target.port
	v.absent["ssl_3"] = noSSL3
	if why := v.first(ctx); why != "" {
		v.unknown(why, "tls")
		for _, fields := range [][]string{tlsFields, certFields, httpFields} {
			v.unknown(why, fields...)
		}
		v.in.Missing(sources.Missing{Kind: "endpoint", Reason: v.target.String() + ": " + why, Remedy: "See that the name is right and that this machine may connect to it."})
		v.plain(ctx)
		return
	}
	v.certificates()
	v.versions(ctx)
	v.suites(ctx)
	v.web(ctx)
	v.plain(ctx)
}

// first makes the handshake that a visitor would make. It says in words why it
// could not.
func (v *visit) first(ctx context.Context) (why string) {
	h := v.shake(ctx, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS13, CipherSuites: suiteIDs(), NextProtos: []string{"h2", "http/1.1"}})
	if h.dialed {
		v.attrs["reachable"] = true
	}
	if len(h.state.PeerCertificates) == 0 {
		switch {
		case !h.dialed:
			v.attrs["reachable"] = false
		case h.answered():
			v.attrs["tls"] = false
		}
		return h.words()
	}
	v.chain = h.state.PeerCertificates
	v.attrs["tls"], v.attrs["asks_certificate"] = true, h.asked
	v.attrs["ocsp_stapled"] = len(h.state.OCSPResponse) > 0
	if h.err == nil {
		v.attrs["protocol"] = h.state.NegotiatedProtocol
		if h.state.NegotiatedProtocol == "" {
			delete(v.attrs, "protocol")
			v.unknown("it agreed on none", "protocol")
		}
	} else {
		v.unknown("it ended the handshake: "+h.words(), "protocol")
	}
	return ""
}

// A handshake is what became of one.
type handshake struct {
	state  tls.ConnectionState
	dialed bool
	asked  bool // for a certificate of ours
	err    error
}

// shake connects and makes one handshake. Nothing is verified here, so that a
// bad certificate is reported and not only refused.
func (v *visit) shake(ctx context.Context, c *tls.Config) (h handshake) {
	ctx, cancel := context.WithTimeout(ctx, perDial)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", v.target.String())
	if err != nil {
		h.err = err
		return h
	}
	defer conn.Close()
	h.dialed = true
	c.InsecureSkipVerify = true
	c.ServerName = v.target.host // left out of the hello if it is an address
	c.VerifyConnection = func(s tls.ConnectionState) error {
		h.state = s
		return nil
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		h.asked = true
		return &tls.Certificate{}, nil
	}
	t := tls.Client(conn, c)
	if h.err = t.HandshakeContext(ctx); h.err == nil {
		h.state = t.ConnectionState()
	}
	return h
}

// answered reports whether the other side ended the handshake by what it sent,
// and not by silence.
func (h handshake) answered() bool {
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case h.err == nil:
		return true
	case errors.Is(h.err, context.DeadlineExceeded), errors.Is(h.err, context.Canceled):
		return false
	case errors.As(h.err, &alert), errors.As(h.err, &record), errors.Is(h.err, io.EOF), errors.Is(h.err, syscall.ECONNRESET), errors.Is(h.err, syscall.EPIPE):
		return true
	}
	return strings.Contains(h.err.Error(), "tls: ")
}

// words says why there was no handshake.
func (h handshake) words() string {
	var name *net.DNSError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case h.err == nil:
		return ""
	case errors.As(h.err, &name) && name.IsNotFound:
		return "there is no such name"
	case errors.As(h.err, &name):
		return "its name could not be looked up"
	case errors.Is(h.err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(h.err, context.DeadlineExceeded):
		return "it did not answer in time"
	case errors.As(h.err, &record):
		return "it does not speak TLS"
	case errors.As(h.err, &alert):
		return "it refused: " + strings.TrimPrefix(alert.Error(), "tls: ")
	case !h.dialed:
		return "no connection could be made"
	case errors.Is(h.err, io.EOF), errors.Is(h.err, syscall.ECONNRESET):
		return "it closed the connection"
	}
	return "the handshake failed"
}

// versions asks for one version after the other.
func (v *visit) versions(ctx context.Context) {
	for _, x := range []struct {
		field   string
		version uint16
	}{
		{"tls_1_0", tls.VersionTLS10}, {"tls_1_1", tls.VersionTLS11}, {"tls_1_2", tls.VersionTLS12}, {"tls_1_3", tls.VersionTLS13},
	} {
		c := &tls.Config{MinVersion: x.version, MaxVersion: x.version}
		if x.version < tls.VersionTLS13 {
			c.CipherSuites = suiteIDs()
		}
		h := v.shake(ctx, c)
		switch {
		case len(h.state.PeerCertificates) > 0: // it went far enough to show one in that version
			v.attrs[x.field] = true
		case h.dialed && h.answered():
			v.attrs[x.field] = false
		default:
			v.unknown(h.words(), x.field)
		}
	}
}

// suites finds what the server accepts below TLS 1.3, by taking away each
// suite that it chose until it refuses. Those of TLS 1.3 are all strong and
// cannot be chosen here: the one it picks is named.
func (v *visit) suites(ctx context.Context) {
	names, weak, forward := []string{}, []string{}, true
	if v.attrs["tls_1_3"] == true {
		if h := v.shake(ctx, &tls.Config{MinVersion: tls.VersionTLS13}); len(h.state.PeerCertificates) > 0 {
			names = append(names, tls.CipherSuiteName(h.state.CipherSuite))
		}
	}
	left := suiteIDs()
	for len(left) > 0 {
		h := v.shake(ctx, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS12, CipherSuites: left})
		if len(h.state.PeerCertificates) == 0 {
			if !h.dialed || !h.answered() {
				v.unknown(h.words(), "ciphers", "weak_ciphers", "forward_secrecy")
				return
			}
			break
		}
		at := slices.Index(left, h.state.CipherSuite)
		if at < 0 {
			break
		}
		left = slices.Delete(left, at, at+1)
		name := tls.CipherSuiteName(h.state.CipherSuite)
		names = append(names, name)
		if slices.ContainsFunc(tls.InsecureCipherSuites(), func(s *tls.CipherSuite) bool { return s.ID == h.state.CipherSuite }) {
			weak = append(weak, name)
		}
		if !strings.Contains(name, "_ECDHE_") {
			forward = false
		}
	}
	v.attrs["ciphers"], v.attrs["weak_ciphers"], v.attrs["forward_secrecy"] = names, weak, forward
}

// suiteIDs are all suites below TLS 1.3 that the library can speak.
func suiteIDs() []uint16 {
	var out []uint16
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if slices.ContainsFunc(s.SupportedVersions, func(v uint16) bool { return v < tls.VersionTLS13 }) {
			out = append(out, s.ID)
		}
	}
	return out
}
