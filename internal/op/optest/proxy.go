package optest

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Cut says where a Proxy breaks the line.
type Cut int

// Where the line can break: both look the same to whoever waits for the answer.
const (
	None         Cut = iota
	BeforeCommit     // the server never hears of it
	AfterCommit      // the server has done it, and its answer is lost
)

// Proxy stands between a test and its PostgreSQL and can break a connection
// around a COMMIT.
type Proxy struct {
	// URL is the database's address through the proxy.
	URL string

	to   string
	mu   sync.Mutex
	next Cut
}

// NewProxy starts a proxy to the database at address. It ends with the test.
func NewProxy(t testing.TB, address string) *Proxy {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{to: u.Host}
	u.Host = l.Addr().String()
	p.URL = u.String()
	var busy sync.WaitGroup
	t.Cleanup(func() { l.Close(); busy.Wait() })
	busy.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			busy.Go(func() { p.relay(c) })
		}
	})
	return p
}

// Arm breaks the line at the next COMMIT, once.
func (p *Proxy) Arm(c Cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = c
}

func (p *Proxy) take() Cut {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.next
	p.next = None
	return c
}

func (p *Proxy) relay(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	answers := &gate{to: client}
	go func() {
		io.Copy(answers, server)
		client.Close() // so that the loop below ends
	}()
	b := make([]byte, 64<<10)
	for {
		n, err := client.Read(b)
		if err != nil {
			return
		}
		cut := None
		if bytes.Contains(b[:n], []byte("commit\x00")) {
			cut = p.take()
		}
		if cut == BeforeCommit {
			return
		}
		if cut == AfterCommit {
			answers.shut()
		}
		if _, err := server.Write(b[:n]); err != nil {
			return
		}
		if cut == AfterCommit {
			answers.await()
			return
		}
	}
}

// gate passes on what the server says, until it is shut.
type gate struct {
	to   io.Writer
	mu   sync.Mutex
	held chan struct{} // closed when the server has said something into a shut gate
}

func (g *gate) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held == nil {
		return g.to.Write(b)
	}
	select {
	case <-g.held:
	default:
		close(g.held)
	}
	return len(b), nil
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = make(chan struct{})
}

func (g *gate) await() { <-g.held }
