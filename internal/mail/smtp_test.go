package mail_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/mail"
	"github.com/tickmark/tickmark/internal/mail/mailtest"
)

// certificate is one for this machine, and the roots it leads to.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, roots
}

func letter() mail.Message {
	return mail.Message{To: "ada@example.com", Subject: "Größe, 終", Text: "Dear Ada,\n\n.a line that begins with a dot\n\nhttps://tickmark.example/join?token=join-" + strings.Repeat("x", 60) + "\n"}
}

func TestSendArrivesAsWritten(t *testing.T) {
	sink := mailtest.New(t, nil, false)
	if err := mail.New(sink.Conf()).Send(t.Context(), letter()); err != nil {
		t.Fatal(err)
	}
	got := sink.Next(t)
	if got.To != "ada@example.com" || got.Subject != letter().Subject || strings.TrimRight(got.Text, "\n") != strings.TrimRight(letter().Text, "\n") {
		t.Errorf("arrived: %q %q\n%s", got.To, got.Subject, got.Text)
	}
	if got.Head.Get("Auto-Submitted") != "auto-generated" || got.Head.Get("Message-Id") == "" || got.Head.Get("From") != `"Tickmark" <tickmark@example.com>` {
		t.Errorf("head: %v", got.Head)
	}
}

func TestSendEncrypts(t *testing.T) {
	c, roots := certificate(t)
	for name, implicit := range map[string]bool{"STARTTLS": false, "implicit": true} {
		t.Run(name, func(t *testing.T) {
			sink := mailtest.New(t, c, implicit)
			at := conf.SMTP{Host: sink.Host, Port: sink.Port, Implicit: implicit, From: "t@example.com", User: "user", Password: "s3cret"}
			if err := mail.Trusting(at, roots).Send(t.Context(), letter()); err != nil {
				t.Fatal(err)
			}
			sink.Next(t)
			said, inClear := sink.Auth()
			if inClear || len(said) != 1 {
				t.Fatalf("in clear: %v; said %q", inClear, said)
			}
			raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(said[0], "AUTH PLAIN "))
			if err != nil || string(raw) != "\x00user\x00s3cret" {
				t.Errorf("said %q", raw)
			}
			// A certificate that nobody here trusts ends it.
			if err := mail.New(&at).Send(t.Context(), letter()); err == nil {
				t.Error("a stranger's certificate was accepted")
			}
			if n := len(sink.Letters()); n != 1 {
				t.Errorf("%d letters, want 1", n)
			}
		})
	}
}

func TestSendRefusesServerWithoutTLS(t *testing.T) {
	sink := mailtest.New(t, nil, false)
	at := conf.SMTP{Host: sink.Host, Port: sink.Port, From: "t@example.com", User: "user", Password: "s3cret"}
	if err := mail.New(&at).Send(t.Context(), letter()); err == nil {
		t.Error("sent without TLS")
	}
	if said, _ := sink.Auth(); len(said)+len(sink.Letters()) > 0 {
		t.Errorf("said %q, and %d letters", said, len(sink.Letters()))
	}
}

func TestSendRefuses(t *testing.T) {
	sink := mailtest.New(t, nil, false)
	s := mail.New(sink.Conf())
	for name, change := range map[string]func(*mail.Message){
		"a second line in the address":         func(m *mail.Message) { m.To = "ada@example.com\r\nBcc: eve@example.com" },
		"two addresses":                        func(m *mail.Message) { m.To = "ada@example.com, eve@example.com" },
		"a name":                               func(m *mail.Message) { m.To = "Ada <ada@example.com>" },
		"no address":                           func(m *mail.Message) { m.To = "" },
		"a second line in the subject":         func(m *mail.Message) { m.Subject = "Hello\r\nBcc: eve@example.com" },
		"a bare line feed in the subject":      func(m *mail.Message) { m.Subject = "Hello\nBcc: eve@example.com" },
		"a line separator in the subject":      func(m *mail.Message) { m.Subject = "Hello\u2028Bcc: eve@example.com" },
		"no subject":                           func(m *mail.Message) { m.Subject = "" },
		"no text":                              func(m *mail.Message) { m.Text = "" },
		"text that is no text":                 func(m *mail.Message) { m.Text = "a\xffb" },
		"a text that is longer than a letter":  func(m *mail.Message) { m.Text = strings.Repeat("x", 300<<10) },
		"a subject longer than a line of type": func(m *mail.Message) { m.Subject = strings.Repeat("x", 400) },
	} {
		m := letter()
		change(&m)
		if err := s.Send(t.Context(), m); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(sink.Letters()); n > 0 {
		t.Errorf("%d letters arrived", n)
	}
}

func TestSendSaysWhatTheServerAnswered(t *testing.T) {
	sink := mailtest.New(t, nil, false)
	sink.Refuse = "550 5.1.1 nobody of this name"
	err := mail.New(sink.Conf()).Send(t.Context(), letter())
	if err == nil || !strings.Contains(mail.Words(err), "nobody of this name") {
		t.Errorf("got %v", err)
	}
}

// A server that accepts a connection and says nothing must not hold a worker.
func TestSendEndsWithItsContext(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	at := ln.Addr().(*net.TCPAddr)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if err := mail.New(&conf.SMTP{Host: "127.0.0.1", Port: at.Port, Plain: true, From: "t@example.com"}).Send(ctx, letter()); err == nil {
		t.Error("sent")
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestNewWithoutServer(t *testing.T) {
	if s := mail.New(nil); s != nil {
		t.Errorf("%v, want nobody who sends", s)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("ada@example.com", "Hello", "Text")
	f.Add("a@b\r\nBcc: c@d", "x\ny", "z\x00")
	f.Fuzz(func(t *testing.T, to, subject, text string) {
		if (mail.Message{To: to, Subject: subject, Text: text}).Check() == nil && strings.ContainsAny(to+subject, "\r\n\x00") {
			t.Errorf("accepted %q %q", to, subject)
		}
	})
}
