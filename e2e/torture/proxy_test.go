package torture_test

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// moment is when a connection is cut.
type moment int

const (
	never       moment = iota
	beforeIt           // COMMIT does not reach the server
	withIt             // COMMIT is sent, and nobody waits
	atAnswer           // the server has answered, and the answer is lost
	afterAnswer        // the answer has arrived
	inMid              // some other message on the way
)

// proxy stands between the program and PostgreSQL and cuts connections at
// COMMIT. It reads just enough of the protocol to see one.
type proxy struct {
	listener net.Listener
	server   string

	mu   sync.Mutex
	plan func() moment // asked at each COMMIT
	cuts map[moment]int
	skip int // inMid: messages to let pass
	open map[net.Conn]bool
}

func newProxy(t *testing.T, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, server: server, plan: func() moment { return never }, cuts: map[moment]int{}, open: map[net.Conn]bool{}}
	go p.accept()
	t.Cleanup(func() { l.Close(); p.cutAll() })
	return p
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.serve(client)
	}
}

// at sets what happens to the next COMMIT, once.
func (p *proxy) at(m moment, skip int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.skip = skip
	p.plan = func() moment { p.plan = func() moment { return never }; return m }
}

func (p *proxy) quiet() { p.mu.Lock(); p.plan = func() moment { return never }; p.mu.Unlock() }

// ask says what to do with this message.
func (p *proxy) ask(commit bool) moment {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.skip > 0 {
		if p.skip--; p.skip > 0 {
			return never
		}
		p.plan = func() moment { return never }
		p.cuts[inMid]++
		return inMid
	}
	if !commit {
		return never
	}
	m := p.plan()
	p.cuts[m]++
	return m
}

func (p *proxy) keep(c net.Conn, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if open {
		p.open[c] = true
	} else {
		delete(p.open, c)
	}
}

func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.Close()
	}
}

// serve passes one connection through.
func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	p.keep(client, true)
	defer p.keep(client, false)
	back := &answers{to: client}
	go func() {
		io.Copy(back, server)
		client.Close()
	}()
	if err := startup(client, server); err != nil {
		return
	}
	for {
		msg, err := message(client)
		if err != nil {
			return
		}
		switch m := p.ask(isCommit(msg)); m {
		case beforeIt, inMid:
			return
		case atAnswer, afterAnswer:
			back.arm(m == afterAnswer)
			server.Write(msg)
			back.wait()
			return
		case withIt:
			server.Write(msg)
			return
		}
		if _, err := server.Write(msg); err != nil {
			return
		}
	}
}

// startup passes the opening through: a request for encryption, which a server
// without it answers with one byte, and then the parameters.
func startup(client io.Reader, server io.Writer) error {
	for {
		var head [8]byte
		if _, err := io.ReadFull(client, head[:]); err != nil {
			return err
		}
		length, code := binary.BigEndian.Uint32(head[:4]), binary.BigEndian.Uint32(head[4:])
		if length < 8 || length > 1<<16 {
			return errors.New("no opening of a connection")
		}
		rest := make([]byte, length-8)
		if _, err := io.ReadFull(client, rest); err != nil {
			return err
		}
		if _, err := server.Write(append(head[:], rest...)); err != nil {
			return err
		}
		if const3 := uint32(3 << 16); code>>16 == const3>>16 { // protocol 3: what follows has types
			return nil
		}
	}
}

// message reads one message: a type, a length that counts itself, the rest.
func message(r io.Reader) ([]byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head[1:])
	if length < 4 || length > 1<<28 {
		return nil, errors.New("no message")
	}
	msg := append(head[:], make([]byte, length-4)...)
	_, err := io.ReadFull(r, msg[5:])
	return msg, err
}

// isCommit recognises the simple query that ends a transaction.
func isCommit(msg []byte) bool {
	return msg[0] == 'Q' && strings.EqualFold(strings.TrimRight(string(msg[5:]), "\x00; \n"), "commit")
}

// answers passes the server's bytes on until it is armed: then the next ones
// are lost or are the last.
type answers struct {
	to io.Writer

	mu    sync.Mutex
	armed chan struct{}
	pass  bool
}

func (a *answers) arm(pass bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.armed, a.pass = make(chan struct{}), pass
}

// wait returns when the answer came, or when none comes.
func (a *answers) wait() {
	select {
	case <-a.armed:
	case <-time.After(10 * time.Second):
	}
}

func (a *answers) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.armed != nil {
		if a.pass {
			a.to.Write(b)
		}
		close(a.armed)
		return 0, io.ErrClosedPipe
	}
	return a.to.Write(b)
}

func TestProxySeesCommits(t *testing.T) {
	q := func(kind byte, text string) []byte {
		b := binary.BigEndian.AppendUint32([]byte{kind}, uint32(4+len(text)+1))
		return append(append(b, text...), 0)
	}
	for _, c := range []struct {
		msg  []byte
		want bool
	}{{q('Q', "commit"), true}, {q('Q', "COMMIT;"), true}, {q('Q', "begin"), false}, {q('P', "commit"), false}, {q('Q', "select 'commit'"), false}} {
		msg, err := message(strings.NewReader(string(c.msg)))
		if err != nil || isCommit(msg) != c.want {
			t.Errorf("%q: %v, %v, want %v", c.msg, isCommit(msg), err, c.want)
		}
	}
}

// moments lists when the next cuts come: each kind as often.
func moments(r *rand.Rand, n int) []moment {
	out := make([]moment, n)
	for i := range out {
		out[i] = []moment{beforeIt, withIt, atAnswer, afterAnswer, inMid}[i%5]
	}
	r.Shuffle(n, func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
