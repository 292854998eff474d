package conf

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tickmark/tickmark/internal/fault"
)

func TestMailServer(t *testing.T) {
	const from = "Tickmark <tickmark@example.com>"
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TICKMARK_SMTP_PASSWORD", "")
	if s, err := (Mail{}).Server(); s != nil || err != nil {
		t.Errorf("without a server: %+v, %v", s, err)
	}
	for name, c := range map[string]struct {
		in   Mail
		want SMTP
	}{
		"STARTTLS":      {Mail{"smtp://user@mail.example.com", file, from}, SMTP{Host: "mail.example.com", Port: 587, User: "user", Password: "s3cret"}},
		"implicit":      {Mail{"smtps://user%40example.com@mail.example.com", file, from}, SMTP{Host: "mail.example.com", Port: 465, Implicit: true, User: "user@example.com", Password: "s3cret"}},
		"this machine":  {Mail{"smtp://127.0.0.1:2525", "", from}, SMTP{Host: "127.0.0.1", Port: 2525, Plain: true}},
		"this machine6": {Mail{"smtp://[::1]:25", "", from}, SMTP{Host: "::1", Port: 25, Plain: true}},
	} {
		got, err := c.in.Server()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c.want.From = `"Tickmark" <tickmark@example.com>`
		if *got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, *got, c.want)
		}
	}
	for name, m := range map[string]Mail{
		"another scheme":         {"http://mail.example.com", "", from},
		"no host":                {"smtp://", "", from},
		"a path":                 {"smtp://mail.example.com/x", "", from},
		"a port that is none":    {"smtp://mail.example.com:70000", "", from},
		"password in the flag":   {"smtp://user:secret@mail.example.com", "", from},
		"user without password":  {"smtp://user@mail.example.com", "", from},
		"password without user":  {"smtp://mail.example.com", file, from},
		"no sender":              {"smtp://mail.example.com", "", ""},
		"two lines for a sender": {"smtp://mail.example.com", "", "a@example.com\r\nBcc: b@example.com"},
		"no such file":           {"smtp://user@mail.example.com", file + "x", from},
	} {
		if s, err := m.Server(); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}
