package ldap_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/collectors/ldap"
	"github.com/tickmark/tickmark/internal/collectors/serverstest"
)

func element(tag byte, content []byte) []byte {
	n := len(content)
	return append([]byte{tag, 0x84, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, content...)
}

// hostile answers whatever it is asked with the same bytes.
func hostile(t *testing.T, answer func(w io.Writer)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := c.Read(make([]byte, 1024)); err == nil {
					answer(c)
				}
			}()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// What a directory sends ends the run in words, and takes neither the memory
// nor the time of this machine.
func TestHostileDirectory(t *testing.T) {
	deep := []byte{0x30, 0}
	for range 1000 {
		deep = element(0x30, deep)
	}
	for name, c := range map[string]struct {
		answer func(io.Writer)
		words  string
	}{
		"too large": {func(w io.Writer) { w.Write([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}); io.Copy(w, endless{}) }, "larger than 8 MiB"},
		"too deep":  {func(w io.Writer) { w.Write(deep); io.Copy(io.Discard, w.(io.Reader)) }, "nested deeper"},
		"too many": {func(w io.Writer) {
			w.Write(element(0x30, bytes.Repeat([]byte{5, 0}, 500_000)))
			io.Copy(io.Discard, w.(io.Reader))
		}, "more elements"},
		"not LDAP": {func(w io.Writer) {
			io.WriteString(w, "HTTP/1.1 400 Bad Request\r\n\r\n")
			io.Copy(io.Discard, w.(io.Reader))
		}, "not LDAP"},
		"endless":     {func(w io.Writer) { io.Copy(w, endless{}) }, "not LDAP"},
		"of no limit": {func(w io.Writer) { w.Write([]byte{0x30, 0x80, 0x30, 0x80}); io.Copy(io.Discard, w.(io.Reader)) }, "not LDAP"},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			s := &server{plain: hostile(t, c.answer)}
			_, err := read(t.Context(), t, s.settings("tls", "none", "port", s.plain), nil)
			serverstest.Refused(t, err, "", c.words)
			if time.Since(began) > 20*time.Second {
				t.Errorf("took %s", time.Since(began))
			}
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestTimesOfDirectories(t *testing.T) {
	for text, want := range map[string]string{
		"20260901120000Z": "2026-09-01T12:00:00Z", "20260901120000.5Z": "2026-09-01T12:00:00Z", "202609011200Z": "2026-09-01T12:00:00Z",
		"000001010000Z": "", "": "", "20260901": "", "x": "",
	} {
		got, ok := ldap.Instant(text)
		if ok != (want != "") || ok && got.Format(time.RFC3339) != want {
			t.Errorf("%q: %v %v", text, got, ok)
		}
	}
	if got, ok := ldap.FileTime(133_800_000_000_000_000); !ok || got.Format(time.DateOnly) != "2024-12-30" {
		t.Errorf("a time of Active Directory: %v %v", got, ok)
	}
	for _, never := range []int64{0, -1, 1<<63 - 1} {
		if got, ok := ldap.FileTime(never); ok {
			t.Errorf("%d is never, and was read as %v", never, got)
		}
	}
	if ldap.Normal("UID=Bo, OU=People,DC=acme") != ldap.Normal("uid=bo,ou=people,dc=ACME") {
		t.Error("one entry has two names")
	}
}

func FuzzReadMessage(f *testing.F) {
	f.Add([]byte{0x30, 0x0c, 2, 1, 1, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0})
	f.Add(element(0x30, element(0x30, []byte{5, 0})))
	f.Add([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		message, err := ldap.ReadMessage(bytes.NewReader(data))
		if len(message) > len(data) || !bytes.HasPrefix(data, message) {
			t.Fatalf("read %d bytes of %d", len(message), len(data))
		}
		if err == nil && (len(message) < 2 || ldap.WellFormed(message) != nil) {
			t.Fatal("let through what it would refuse")
		}
	})
}
