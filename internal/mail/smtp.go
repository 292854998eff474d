package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"

	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/fault"
)

// Limits of one letter. A server that is slower is asked again later by whoever
// keeps the letter.
const (
	maxSubject = 300
	maxText    = 256 << 10
	dialTime   = 15 * time.Second
	sendTime   = 60 * time.Second
	maxAnswers = 1 << 20 // bytes that a server says while it takes one letter
)

// SMTP hands letters to a mail server.
type SMTP struct {
	server conf.SMTP
	roots  *x509.CertPool // of the system if nil
}

// New returns a sender for a server; nil where none is configured. It does not
// call the server yet.
func New(s *conf.SMTP) Sender {
	if s == nil {
		return nil
	}
	return &SMTP{server: *s}
}

// Trusting returns a sender that accepts a certificate of these roots only.
func Trusting(s conf.SMTP, roots *x509.CertPool) *SMTP { return &SMTP{server: s, roots: roots} }

// Check refuses a letter that is none: whose address or subject would add a line
// to the head, or that no server would take.
func (m Message) Check() error {
	a, err := mail.ParseAddress(m.To)
	if err != nil || a.Name != "" || a.Address != m.To || oneLine(m.To) != nil {
		return fault.Invalid("to", "give an address such as name@example.com")
	}
	if m.Subject == "" || utf8.RuneCountInString(m.Subject) > maxSubject || oneLine(m.Subject) != nil {
		return fault.Invalid("subject", "a subject is one line of 1 to %d characters", maxSubject)
	}
	if m.Text == "" || len(m.Text) > maxText || !utf8.ValidString(m.Text) || strings.ContainsRune(m.Text, 0) {
		return fault.Invalid("text", "a letter is text of at most %d bytes", maxText)
	}
	return nil
}

func oneLine(s string) error {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || strings.ContainsAny(s, "\u2028\u2029") {
		return errors.New("more than one line")
	}
	return nil
}

// Send delivers one letter, within a minute.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	if err := m.Check(); err != nil {
		return err
	}
	msg := gomail.NewMsg()
	if err := errors.Join(msg.From(s.server.From), msg.To(m.To)); err != nil {
		return err
	}
	msg.Subject(m.Subject)
	msg.SetDate()
	msg.SetMessageID()
	// So that holiday replies and tickets do not answer a program.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)

	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	client, err := gomail.NewClient(s.server.Host, append(s.options(), gomail.WithDialContextFunc(s.dial(ctx)))...)
	if err != nil {
		return err
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		return fmt.Errorf("mail server %s: %w", s.server.Host, err)
	}
	return nil
}

// dial ends the connection with the context, whatever the server is silent
// about: the client itself asks for the time only between commands.
func (s *SMTP) dial(whole context.Context) gomail.DialContextFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		d := net.Dialer{Timeout: dialTime}
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(whole, func() { conn.Close() })
		conn = &bounded{Conn: conn, left: maxAnswers}
		if s.server.Implicit {
			conn = tls.Client(conn, s.tls())
		}
		return conn, nil
	}
}

// bounded ends a connection whose other side does not stop talking: the client
// itself would keep a line of any length.
type bounded struct {
	net.Conn
	left int
}

var errTalks = fmt.Errorf("it says more than %d KiB, as no mail server does", maxAnswers>>10)

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTalks
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func (s *SMTP) tls() *tls.Config {
	return &tls.Config{ServerName: s.server.Host, RootCAs: s.roots, MinVersion: tls.VersionTLS12}
}

// options never lets a letter, let alone a password, cross a network in the
// clear: a server that offers no TLS is refused unless it is this machine.
func (s *SMTP) options() []gomail.Option {
	o := []gomail.Option{gomail.WithPort(s.server.Port), gomail.WithTimeout(dialTime),
		gomail.WithTLSConfig(s.tls())}
	switch {
	case s.server.Implicit:
		o = append(o, gomail.WithSSL())
	case s.server.Plain:
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		o = append(o, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.server.User == "" {
		return o
	}
	// The connection is encrypted by now, or does not leave this machine.
	kinds := []gomail.SMTPAuthType{gomail.SMTPAuthPlain, gomail.SMTPAuthLogin}
	if s.server.Plain {
		kinds = []gomail.SMTPAuthType{gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc}
	}
	return append(o, gomail.WithOpportunisticSMTPAuth(kinds...), gomail.WithUsername(s.server.User), gomail.WithPassword(s.server.Password))
}

// Words is the error of a sender as a person may read it: what the server
// answered, on one line and no longer than is useful.
func Words(err error) string {
	s := strings.Join(strings.Fields(strings.ToValidUTF8(err.Error(), "?")), " ")
	if r := []rune(s); len(r) > 300 {
		s = string(r[:300]) + "…"
	}
	return s
}
