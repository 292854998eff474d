package conf

import (
	"net/mail"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
)

// Mail names the server that letters are handed to. Nothing is sent unless one
// is named.
type Mail struct {
	SMTP         string `name:"smtp" help:"Server that letters are handed to: smtp://USER@HOST:587 encrypts by STARTTLS, smtps://USER@HOST:465 from the first byte. Its password comes from TICKMARK_SMTP_PASSWORD or a file." env:"TICKMARK_SMTP" placeholder:"URL"`
	SMTPPassword string `name:"smtp-password-file" help:"File with the password of the mail server." env:"TICKMARK_SMTP_PASSWORD_FILE" type:"path" placeholder:"FILE"`
	MailFrom     string `name:"mail-from" help:"Address that letters come from, such as 'Tickmark <tickmark@example.com>'." env:"TICKMARK_MAIL_FROM" placeholder:"ADDRESS"`
}

// mailFromEnv is Mail for a command that has no flags of its own for it.
func mailFromEnv() Mail {
	return Mail{SMTP: os.Getenv("TICKMARK_SMTP"), SMTPPassword: os.Getenv("TICKMARK_SMTP_PASSWORD_FILE"), MailFrom: os.Getenv("TICKMARK_MAIL_FROM")}
}

// SMTP is a mail server and who we are there.
type SMTP struct {
	Host           string
	Port           int
	Implicit       bool // TLS from the first byte
	Plain          bool // no TLS: this machine only
	User, Password string
	From           string
}

// Server reads the flags. Without --smtp it returns nil: no letter is sent.
func (m Mail) Server() (*SMTP, error) {
	if m.SMTP == "" {
		return nil, nil
	}
	const want = "give smtp://USER@HOST:587, smtps://USER@HOST:465 or, for a server on this machine, smtp://localhost:25"
	u, err := url.Parse(m.SMTP)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.Invalid("smtp", want)
	}
	if _, given := u.User.Password(); given {
		return nil, fault.Invalid("smtp", "leave the password out of the address, where everybody on the machine can see it: set TICKMARK_SMTP_PASSWORD, or give --smtp-password-file")
	}
	s := &SMTP{Host: u.Hostname(), Implicit: u.Scheme == "smtps", User: u.User.Username()}
	s.Plain = !s.Implicit && loopback(s.Host)
	s.Port = 587
	if s.Implicit {
		s.Port = 465
	}
	if p := u.Port(); p != "" {
		if s.Port, err = strconv.Atoi(p); err != nil || s.Port < 1 || s.Port > 65535 {
			return nil, fault.Invalid("smtp", want)
		}
	}
	from, err := mail.ParseAddress(m.MailFrom)
	if err != nil {
		return nil, fault.Invalid("mail-from", "give the address that letters come from, such as 'Tickmark <tickmark@example.com>'")
	}
	s.From = from.String()
	if s.Password, err = m.password(); err != nil {
		return nil, err
	}
	if (s.User == "") != (s.Password == "") {
		return nil, fault.Invalid("smtp", "give both a user in the address and a password in TICKMARK_SMTP_PASSWORD or --smtp-password-file, or neither")
	}
	return s, nil
}

// password comes from a file or from the environment: a flag would show it to
// everybody on the machine.
func (m Mail) password() (string, error) {
	if m.SMTPPassword == "" {
		return os.Getenv("TICKMARK_SMTP_PASSWORD"), nil
	}
	b, err := text("smtp-password-file", m.SMTPPassword)
	return strings.TrimRight(string(b), "\r\n"), err
}
