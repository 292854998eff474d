package mail_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/mail"
	"github.com/tickmark/tickmark/internal/sources/importertest"
)

// answering is a mail server that says to each verb what it is told, "" being
// the end of the connection and … the same without end.
func answering(t *testing.T, says map[string]string) conf.SMTP {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	usual := map[string]string{"": "220 here", "EHLO": "250-sink\r\n250 AUTH PLAIN", "HELO": "250 ok", "AUTH": "235 welcome", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", ".": "250 kept", "QUIT": "221 bye", "RSET": "250 ok", "NOOP": "250 ok"}
	for verb, text := range says {
		usual[verb] = text
	}
	talk := func(c net.Conn) {
		defer c.Close()
		r := bufio.NewReader(c)
		say := func(verb string) bool {
			text, known := usual[verb]
			if !known {
				text = "500 what"
			}
			if again, without := strings.CutSuffix(text, "…"); without {
				again = strings.Repeat(again, 4096)
				for {
					if _, err := fmt.Fprint(c, again); err != nil {
						return false
					}
				}
			}
			if text == "" {
				return false
			}
			_, err := fmt.Fprint(c, text+"\r\n")
			return err == nil
		}
		if !say("") {
			return
		}
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " ")
			if !say(verb) {
				return
			}
			if verb != "DATA" || !strings.HasPrefix(usual["DATA"], "354") {
				continue
			}
			for n := 0; ; n++ {
				line, err := r.ReadString('\n')
				if err != nil || usual["middle"] == "gone" && n == 3 {
					return
				}
				if line == ".\r\n" {
					break
				}
			}
			if !say(".") {
				return
			}
		}
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go talk(c)
		}
	}()
	at := ln.Addr().(*net.TCPAddr)
	return conf.SMTP{Host: "127.0.0.1", Port: at.Port, Plain: true, From: "t@example.com", User: "user", Password: "c4nary-of-the-mail"}
}

// Whatever a mail server does, a letter that it did not take is not taken for
// sent: it stays with whoever keeps it. The error is words on one line, and
// neither the password nor the text of the letter is among them.
func TestNoMailServerLosesALetter(t *testing.T) {
	for name, c := range map[string]struct {
		says map[string]string
		want string
	}{
		"busy":                        {map[string]string{"": "421 too busy"}, "421"},
		"closed for us":               {map[string]string{"": "554 go away"}, "554"},
		"gone at once":                {map[string]string{"": ""}, ""},
		"no mail server":              {map[string]string{"": "HTTP/1.1 400 Bad Request"}, ""},
		"a greeting without end":      {map[string]string{"": "2…"}, "more than 1024 KiB"},
		"greetings without end":       {map[string]string{"": "220-hello\r\n…"}, "more than 1024 KiB"},
		"abilities without end":       {map[string]string{"EHLO": "250-SIZE\r\n…"}, "more than 1024 KiB"},
		"words for a terminal":        {map[string]string{"": "554 \x1b[31mred\x07"}, "554"},
		"a wrong password":            {map[string]string{"AUTH": "535 no such password"}, "535"},
		"no leave to send":            {map[string]string{"MAIL": "550 not from here"}, "550"},
		"try later":                   {map[string]string{"RCPT": "451 greylisted"}, "451"},
		"nobody of this name":         {map[string]string{"RCPT": "550 5.1.1 nobody"}, "nobody"},
		"no letter now":               {map[string]string{"DATA": "452 disk full"}, "452"},
		"gone in the letter":          {map[string]string{"middle": "gone"}, ""},
		"gone after the letter":       {map[string]string{".": ""}, ""},
		"refused after the letter":    {map[string]string{".": "554 spam"}, "554"},
		"later, after the letter":     {map[string]string{".": "451 try again"}, "451"},
		"talks on after the letter":   {map[string]string{".": "250-kept\r\n…"}, "more than 1024 KiB"},
		"an answer that is no number": {map[string]string{"MAIL": "yes"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			at := answering(t, c.says)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			watch := &importertest.Watch{From: strings.NewReader("x")}
			_, _ = watch.Read(make([]byte, 1))
			err := mail.Trusting(at, nil).Send(ctx, letter())
			watch.Look()
			watch.Within(t, 16<<20)
			if err == nil {
				t.Fatal("taken for sent")
			}
			if ctx.Err() != nil {
				t.Error("it held the letter for as long as it could")
			}
			said := mail.Words(err)
			if !strings.Contains(said, c.want) || strings.Contains(err.Error(), "c4nary") || strings.Contains(err.Error(), "join-") || len([]rune(said)) > 301 || strings.ContainsAny(said, "\r\n\x1b\x07") {
				t.Errorf("%q, want %q", said, c.want)
			}
		})
	}
	// One that takes the letter and goes without a word of farewell has it.
	for name, says := range map[string]map[string]string{"as it should": nil, "no farewell": {"QUIT": ""}, "a refusal of farewell": {"QUIT": "500 no"}} {
		if err := mail.Trusting(answering(t, says), nil).Send(t.Context(), letter()); err != nil && name == "as it should" {
			t.Errorf("%s: %v", name, err)
		} else if err != nil {
			t.Logf("%s: %v; it is sent again", name, err)
		}
	}
	down, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	down.Close()
	if err := mail.Trusting(conf.SMTP{Host: "127.0.0.1", Port: down.Addr().(*net.TCPAddr).Port, Plain: true, From: "t@example.com"}, nil).Send(t.Context(), letter()); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nobody there: %v", err)
	}
}
