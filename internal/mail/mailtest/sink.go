// Package mailtest is a mail server for tests, which keeps what it is given.
package mailtest

import (
	"bufio"
	"crypto/tls"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/conf"
)

// A Letter is what arrived.
type Letter struct {
	From, To string // of the envelope
	Raw      string
	Head     mail.Header
	Subject  string // decoded
	Text     string // decoded
}

// A Sink is a server that accepts everything, unless it is told not to.
type Sink struct {
	Host string
	Port int
	// Refuse, if not empty, is the answer to whoever says whom a letter is for.
	Refuse string

	tls      *tls.Config
	implicit bool
	mu       sync.Mutex
	letters  []Letter
	got      chan Letter
	auth     []string
	clear    bool // something was said before TLS that should not have been
}

// New starts a server on a free port of this machine. With a configuration it
// offers STARTTLS or, if implicit, begins with TLS.
func New(t testing.TB, c *tls.Config, implicit bool) *Sink {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := ln.Addr().(*net.TCPAddr)
	s := &Sink{Host: "127.0.0.1", Port: at.Port, tls: c, implicit: implicit, got: make(chan Letter, 100)}
	if implicit {
		ln = tls.NewListener(ln, c)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go s.talk(conn)
		}
	}()
	return s
}

// Conf is the server as an operator would name it: on this machine, without TLS.
func (s *Sink) Conf() *conf.SMTP {
	return &conf.SMTP{Host: s.Host, Port: s.Port, Plain: true, From: "Tickmark <tickmark@example.com>"}
}

// Letters is what has arrived so far.
func (s *Sink) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Letter(nil), s.letters...)
}

// Auth lists what was said to authenticate; Clear reports whether any of it, or
// any letter, came before TLS.
func (s *Sink) Auth() (said []string, inClear bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.auth...), s.clear
}

// Next waits for the next letter.
func (s *Sink) Next(t testing.TB) Letter {
	t.Helper()
	select {
	case l := <-s.got:
		return l
	case <-time.After(20 * time.Second):
		t.Fatal("no letter came")
		return Letter{}
	}
}

func (s *Sink) talk(conn net.Conn) {
	defer func() { conn.Close() }()
	r, safe := bufio.NewReader(conn), s.implicit
	say := func(line string) { io.WriteString(conn, line+"\r\n") }
	say("220 sink")
	var l Letter
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
		case "EHLO", "HELO":
			if s.tls != nil && !safe {
				say("250-sink\r\n250 STARTTLS")
			} else {
				say("250-sink\r\n250 AUTH PLAIN")
			}
		case "STARTTLS":
			say("220 go on")
			conn, safe = tls.Server(conn, s.tls), true
			r = bufio.NewReader(conn)
		case "AUTH":
			s.mu.Lock()
			s.auth, s.clear = append(s.auth, line), s.clear || !safe
			s.mu.Unlock()
			say("235 welcome")
		case "MAIL":
			l = Letter{From: line}
			say("250 ok")
		case "RCPT":
			if s.Refuse != "" {
				say(s.Refuse)
				continue
			}
			_, l.To, _ = strings.Cut(line, ":")
			l.To = strings.Trim(l.To, "<> ")
			say("250 ok")
		case "DATA":
			say("354 go on")
			for {
				line, err := r.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
				l.Raw += strings.TrimPrefix(line, ".")
			}
			s.keep(l, safe)
			say("250 kept")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// keep reads a letter as its receiver would.
func (s *Sink) keep(l Letter, safe bool) {
	if m, err := mail.ReadMessage(strings.NewReader(l.Raw)); err == nil {
		l.Head = m.Header
		l.Subject, _ = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		var body io.Reader = m.Body
		if m.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			body = quotedprintable.NewReader(body)
		}
		b, _ := io.ReadAll(body)
		l.Text = strings.ReplaceAll(string(b), "\r\n", "\n")
	}
	s.mu.Lock()
	s.letters, s.clear = append(s.letters, l), s.clear || !safe
	s.mu.Unlock()
	s.got <- l
}
