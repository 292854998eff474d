package e2e_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/assess"
)

// narrow is a way to the server through which only the beginning of what a
// browser sends gets, until it is opened.
type narrow struct {
	url  string
	open func()
}

// passes is how much gets through a way that is not open.
const passes = 1 << 20

func narrowed(t *testing.T, s *server) narrow {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan struct{})
	open := sync.OnceFunc(func() { close(opened) })
	t.Cleanup(func() {
		open()
		_ = l.Close()
	})
	carry := func(from net.Conn) {
		defer from.Close()
		to, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			return
		}
		defer to.Close()
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			_, _ = io.Copy(from, to)
			_ = from.Close()
		}()
		if _, err := io.CopyN(to, from, passes); err == nil {
			<-opened
			_, _ = io.Copy(to, from)
		}
		_ = to.(*net.TCPConn).CloseWrite()
		<-answered
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go carry(c)
		}
	}()
	return narrow{"http://" + l.Addr().String(), open}
}

// TestAFileIsSentWithItsProgress hands in a file over a slow way: how far it
// is can be seen and heard, it can be stopped, and sent again.
func TestAFileIsSentWithItsProgress(t *testing.T) {
	wanted(t)
	s := begun(t, assess.Offer{Host: true})
	way := narrowed(t, s)
	rows := append([]byte("name,owner\n"), bytes.Repeat([]byte("srv-0001.larchmere.example,platform\n"), 1_000_000)...)
	file := filepath.Join(t.TempDir(), "inventory.csv")
	if err := os.WriteFile(file, rows, 0o600); err != nil {
		t.Fatal(err)
	}
	p := browser.Open(t)
	s.enter(p, "/sources/ingest")
	p.Goto(way.url + "/sources/ingest")
	p.Upload("main input[type=file]", file)
	p.WaitText("main output", "inventory.csv, 36 MB")
	p.Click("main form button[type=submit]")
	p.WaitText("[data-upload-text]", "Sending inventory.csv: ")
	p.WaitText("[data-upload-text]", " of 36 MB")
	if got := p.Text("[data-upload-said]"); !strings.HasPrefix(got, "Sending inventory.csv") {
		t.Errorf("it is said aloud: %q", got)
	}
	var value, most float64
	p.Eval("document.querySelector('[data-upload-state] progress').value", &value)
	p.Eval("document.querySelector('[data-upload-state] progress').max", &most)
	if most < 36_000_000 || value <= 0 || value >= most {
		t.Errorf("the bar stands at %.0f of %.0f", value, most)
	}
	report(t, "while a file is sent", p.Axe())
	p.Click("[data-upload-cancel]")
	p.WaitText("[data-upload-text]", "Cancelled. Nothing was recorded.")
	p.Goto(way.url + "/sources/ingest")
	if strings.Contains(p.Text("main"), "inventory.csv") {
		t.Error("half a file is listed")
	}
	way.open()
	p.Upload("main input[type=file]", file)
	p.Follow("main form button[type=submit]")
	p.WaitURL("/imports/")
	p.WaitText("main", "inventory.csv")
}

// TestAFileThatIsRefusedComesBackInPlace sends files that are answered with
// the page itself.
func TestAFileThatIsRefusedComesBackInPlace(t *testing.T) {
	wanted(t)
	s := begun(t, assess.Offer{Host: true})
	dir := t.TempDir()
	wrong, right := filepath.Join(dir, "wrong.csv"), filepath.Join(dir, "right.csv")
	if err := os.WriteFile(wrong, []byte("name,type\nLedger,spaceship\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(right, []byte("name,type\nLedger,repository\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := browser.Open(t)
	s.enter(p, "/assets/import")
	p.Upload("main input[type=file]", wrong)
	p.Click("main form button[type=submit]")
	p.WaitText("main h1", "Nothing is imported: one line is wrong.")
	p.WaitURL("/assets/import")
	// The page that came in its place works as any other.
	p.Upload("main input[type=file]", right)
	p.WaitText("main output", "right.csv, 28 B")
	p.Click("main form[data-upload] button[type=submit]")
	p.WaitText("main h1", "One asset is new")
	report(t, "after a file was looked at", p.Axe())
	p.Follow("#trial button[type=submit]")
	p.WaitText("main", "Ledger")
}
