package notify_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/sources/importertest"
)

// talker accepts connections and does with each what it is told, until the
// other side is gone.
func talker(t *testing.T, do func(c net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				do(c)
			}()
		}
	}()
	return ln.Addr().String()
}

// asked reads the request before anything is said, as a server of HTTP does.
func asked(do func(c net.Conn)) func(c net.Conn) {
	return func(c net.Conn) {
		if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		do(c)
	}
}

// drip says a text again and again, slowly, for as long as somebody listens.
func drip(c net.Conn, text string) {
	for {
		if _, err := fmt.Fprint(c, text); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond) // slower than anybody would wait for
	}
}

func endless(c net.Conn, text string) {
	text = strings.Repeat(text, 4096)
	for {
		if _, err := fmt.Fprint(c, text); err != nil {
			return
		}
	}
}

// Whatever a receiver does, an attempt ends in its time, takes little memory,
// says why, and does not repeat the address, which is a secret.
func TestNoReceiverHoldsAnAttempt(t *testing.T) {
	const limit = time.Second
	for name, c := range map[string]struct {
		do   func(c net.Conn)
		want string // empty: it was delivered
	}{
		"silent":             {func(c net.Conn) { drip(c, "") }, "did not answer in 1 seconds"},
		"a head that drips":  {func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 200 OK\r\n"); drip(c, "X-A: b\r\n") }, "did not answer in 1 seconds"},
		"a head without end": {func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 200 OK\r\n"); endless(c, "X-A: b\r\n") }, "headers exceeded"},
		"a line without end": {func(c net.Conn) { endless(c, "HTTP/1.1") }, ""},
		"a body that drips":  {func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 200 OK\r\n\r\n"); drip(c, "x") }, "did not finish its answer in 1 seconds"},
		"a body without end": {func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 204 OK\r\n\r\n"); endless(c, "x") }, "-"},
		"hints without end":  {func(c net.Conn) { endless(c, "HTTP/1.1 103 Early Hints\r\n\r\n") }, ""},
		"no HTTP":            {func(c net.Conn) { fmt.Fprint(c, "220 mail.example ESMTP\r\n") }, "malformed HTTP"},
		"gone at once":       {func(net.Conn) {}, ""},
		"gone in the answer": {func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 500 No\r\nContent-Length: 100\r\n\r\nx") }, "answered 500"},
		"to a link-local": {func(c net.Conn) {
			fmt.Fprint(c, "HTTP/1.1 307 No\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n")
		}, "pointed elsewhere"},
		"to a file": {func(c net.Conn) {
			fmt.Fprint(c, "HTTP/1.1 301 No\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n")
		}, "pointed elsewhere"},
		"a switch of protocol": {func(c net.Conn) {
			fmt.Fprint(c, "HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
			drip(c, "x")
		}, ""},
		"a status that is none": {func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n") }, "answered 999"},
		"two lengths":           {func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 9\r\n\r\nx") }, ""},
		"words for a terminal":  {func(c net.Conn) { fmt.Fprint(c, "\x1b[31mHTTP\r\n\r\n") }, "malformed HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			at := talker(t, asked(c.do))
			watch := &importertest.Watch{From: strings.NewReader("x")}
			_, _ = watch.Read(make([]byte, 1)) // what is in use before
			begun := time.Now()
			status, err := notify.PostWithin("http://"+at+"/very-secret?key=very-secret", true, limit)
			if took := time.Since(begun); took > 20*limit {
				t.Errorf("it took %s", took)
			}
			switch {
			case c.want == "-":
				if status != 204 {
					t.Errorf("%d, %v", status, err)
				}
			case err == nil || !strings.Contains(err.Error(), c.want):
				t.Errorf("%d, %v, want %q", status, err, c.want)
			case strings.Contains(err.Error(), "very-secret"):
				t.Errorf("it repeats the address: %v", err)
			}
			watch.Look()
			watch.Within(t, 16<<20)
		})
	}
	// It speaks first: what the client makes of that depends on which of the two
	// was quicker, and neither may be a riddle.
	early := talker(t, func(c net.Conn) {
		fmt.Fprint(c, "220 mail.example ESMTP\r\n")
		drip(c, "")
	})
	for range 20 {
		if _, err := notify.PostWithin("http://"+early+"/very-secret", true, limit); err == nil || !strings.Contains(err.Error(), "HTTP") {
			t.Errorf("one that speaks first: %v", err)
		}
	}
	broken := httptest.NewTLSServer(nil)
	defer broken.Close()
	if _, err := notify.Post(broken.URL+"/very-secret", true); err == nil || !strings.Contains(err.Error(), "certificate") || strings.Contains(err.Error(), "very-secret") {
		t.Errorf("a certificate of nobody: %v", err)
	}
	plain := talker(t, func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 200 OK\r\n\r\n") })
	if _, err := notify.PostWithin("https://"+plain+"/very-secret", true, limit); err == nil || strings.Contains(err.Error(), "very-secret") {
		t.Errorf("no TLS where there should be: %v", err)
	}
}
