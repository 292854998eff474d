// Package wire is what the collectors of running servers share: settings that
// are checked against the form of their kind, the trust that a connection is
// opened with, and facts that carry the reason where they are absent.
package wire

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

const (
	maxSettings = 256 << 10
	maxText     = 1000 // bytes of a name that a server chose
	maxList     = 1000 // elements of a list that a server chose
)

// Values are the settings of a source, by the names of its form.
type Values map[string]string

// Settings reads the settings of a source of a kind. A name that the form does
// not have is refused: it would otherwise have no effect and no message.
func Settings(kind string, raw json.RawMessage) (Values, error) {
	form, known := sources.KindOf(kind)
	if !known {
		return nil, fault.Invalid("kind", "there is no kind of source %q", kind)
	}
	if len(raw) > maxSettings {
		return nil, fault.Invalid("", "the settings have %d bytes: at most %d are accepted", len(raw), maxSettings)
	}
	names := make([]string, len(form.Asks))
	for i, f := range form.Asks {
		names[i] = f.Name
	}
	v, err := object(raw, names)
	if err != nil {
		return nil, err
	}
	for _, f := range form.Asks {
		text := v[f.Name]
		if !f.Secret {
			text = strings.TrimSpace(text)
		}
		if text == "" {
			text = f.Default
		}
		switch {
		case text == "" && f.Required:
			return nil, fault.Invalid(f.Name, "it is needed: %s", strings.TrimSuffix(lower(f.Label+". "+f.Help), "."))
		case strings.ContainsRune(text, 0):
			return nil, fault.Invalid(f.Name, "text without a NUL character is accepted")
		case text != "" && len(f.Choices) > 0 && !slices.Contains(f.Choices, text):
			return nil, fault.Invalid(f.Name, "%q is not accepted: give one of %s", Clip(text), strings.Join(f.Choices, ", "))
		}
		v[f.Name] = text
	}
	return v, nil
}

func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// object reads one flat object of texts, each name once.
func object(raw json.RawMessage, names []string) (Values, error) {
	v := Values{}
	if len(bytes.TrimSpace(raw)) == 0 {
		return v, nil
	}
	accepted := "one object of texts with " + strings.Join(names, ", ") + " is accepted"
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, fault.Invalid("", "%s", accepted)
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, fault.Invalid("", "%s", accepted)
		}
		name, _ := t.(string)
		if !slices.Contains(names, name) {
			return nil, fault.Invalid("", "there is no setting %q: settings are %s", Clip(name), strings.Join(names, ", "))
		}
		if _, twice := v[name]; twice {
			return nil, fault.Invalid(name, "it is given twice")
		}
		// Token and not Decode: a value may be a secret, and an error of Decode tells it.
		t, err = dec.Token()
		text, is := t.(string)
		if err != nil || !is {
			return nil, fault.Invalid(name, "a text in quotes is accepted")
		}
		v[name] = text
	}
	if _, err := dec.Token(); err != nil {
		return nil, fault.Invalid("", "%s", accepted)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.Invalid("", "%s", accepted)
	}
	return v, nil
}

// Int is a whole number from least to most.
func (v Values) Int(name string, least, most int) (int, error) {
	n, err := strconv.Atoi(v[name])
	if err != nil || n < least || n > most {
		return 0, fault.Invalid(name, "%q is not accepted: give a whole number from %d to %d", Clip(v[name]), least, most)
	}
	return n, nil
}

// List is one value to a line.
func (v Values) List(name string) []string {
	var out []string
	for line := range strings.Lines(v[name]) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// Trust is how a connection is opened: to a server of that name, whose
// certificate the given authorities vouch for, or those of this machine if none
// is given. There is no way not to look at the certificate.
func (v Values) Trust(field, server string) (*tls.Config, error) {
	c := &tls.Config{ServerName: server, MinVersion: tls.VersionTLS12}
	if text := v[field]; text != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(text)) {
			return nil, fault.Invalid(field, "no certificate was found in it: give the text that begins with -----BEGIN CERTIFICATE-----")
		}
	}
	return c, nil
}

// Unreached puts a connection that did not come about into words.
func Unreached(what, address string, err error) error {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		dns     *net.DNSError
		record  tls.RecordHeaderError
		alert   tls.AlertError
		say     = func(format string, args ...any) error { return fault.Invalid("", format, args...).With(err) }
	)
	switch {
	case errors.As(err, &unknown):
		return say("%s shows a certificate that no known authority vouches for: give the certificate of the authority that issued it", address)
	case errors.As(err, &name):
		return say("%s shows a certificate for another name: give the name that stands in it, or let the server have one for this name", address)
	case errors.As(err, &invalid):
		return say("%s shows a certificate that does not hold (%v): renew it", address, Clip(invalid.Error()))
	case errors.As(err, &record), errors.As(err, &alert):
		return say("%s did not agree on TLS 1.2 or later: %s", address, Clip(err.Error()))
	case errors.As(err, &dns):
		return say("the name %s could not be resolved: give a name that this machine can resolve, or an address", Clip(dns.Name))
	case errors.Is(err, syscall.ECONNREFUSED):
		return say("nothing listens at %s: start %s there, or correct host and port", address, what)
	case errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return say("%s did not answer in time: see that this machine may reach it", address)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return say("%s broke the connection off: see its log", address)
	}
	return say("%s could not be reached: %s", address, Clip(err.Error()))
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// TLSName is a version of TLS as people write it.
func TLSName(version uint16) string {
	switch version {
	case tls.VersionTLS12:
		return "TLSv1.2"
	case tls.VersionTLS13:
		return "TLSv1.3"
	}
	return tls.VersionName(version)
}

// Clip bounds a text that a server chose, and makes it one that can be shown:
// what would move the cursor, hide text or turn its direction is replaced.
func Clip(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ', r >= 0x7f && r < 0xa0, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff:
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText-len("…")], "") + "…"
}

// ClipAll bounds a list that a server chose. It is never nil.
func ClipAll(list []string) []string {
	short := make([]string, 0, min(len(list), maxList))
	for _, s := range list[:min(len(list), maxList)] {
		short = append(short, Clip(s))
	}
	return short
}
