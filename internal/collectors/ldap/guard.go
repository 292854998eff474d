package ldap

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
)

// What a directory may send. The reader behind makes some 200 bytes of memory
// of an element of two, so elements are counted as well.
const (
	maxMessage  = 8 << 20
	maxElements = 400_000 // of one message
	maxDepth    = 32
	maxAnswers  = 128 << 20 // bytes of one connection
	silence     = time.Minute
)

var (
	errTooLarge = errors.New("it sent a message larger than 8 MiB")
	errTooMany  = errors.New("it sent a message of more elements than a directory has use for")
	errTooDeep  = errors.New("it sent a message nested deeper than LDAP nests")
	errTooMuch  = errors.New("it sent more than 128 MiB")
	errNotBER   = errors.New("it sent what is not LDAP")
)

// A guard lets through whole messages of LDAP, and none that would cost the
// reader behind it more than it should.
type guard struct {
	net.Conn
	ready []byte // of a message that was looked at
	left  int64
}

func newGuard(c net.Conn) *guard { return &guard{Conn: c, left: maxAnswers} }

func (g *guard) Read(p []byte) (int, error) {
	if len(g.ready) == 0 {
		if err := g.Conn.SetReadDeadline(clock.System().Now().Add(silence)); err != nil {
			return 0, err
		}
		message, err := readMessage(io.LimitReader(g.Conn, g.left+1))
		if g.left -= int64(len(message)); g.left < 0 {
			return 0, errTooMuch
		}
		if err != nil {
			return 0, err
		}
		g.ready = message
	}
	n := copy(p, g.ready)
	g.ready = g.ready[n:]
	return n, nil
}

// readMessage reads one message whole and looks at its form.
func readMessage(r io.Reader) ([]byte, error) {
	head := make([]byte, 2, 6)
	if _, err := io.ReadFull(r, head); err != nil {
		return head[:0], err
	}
	if head[0] != 0x30 || head[1] == 0x80 || head[1] > 0x84 {
		return head, errNotBER
	}
	length := int(head[1])
	if more := length & 0x7f; length > 0x7f {
		head = head[:2+more]
		if n, err := io.ReadFull(r, head[2:]); err != nil {
			return head[:2+n], err
		}
		length = 0
		for _, b := range head[2:] {
			length = length<<8 | int(b)
		}
	}
	if length > maxMessage {
		return head, errTooLarge
	}
	// The length is only what the other side says: room is made as bytes come.
	message := head
	for len(message) < len(head)+length {
		part := make([]byte, min(64<<10, len(head)+length-len(message)))
		n, err := io.ReadFull(r, part)
		message = append(message, part[:n]...)
		if err != nil {
			return message, err
		}
	}
	return message, wellFormed(message)
}

// wellFormed walks the elements without calling itself.
func wellFormed(b []byte) error {
	var ends [maxDepth]int
	depth, at, seen := 0, 0, 0
	for at < len(b) || depth > 0 {
		for depth > 0 && at == ends[depth-1] {
			depth--
		}
		if at == len(b) && depth == 0 {
			return nil
		}
		end := len(b)
		if depth > 0 {
			end = ends[depth-1]
		}
		if seen++; seen > maxElements {
			return errTooMany
		}
		if at+2 > end || b[at]&0x1f == 0x1f {
			return errNotBER
		}
		constructed, length := b[at]&0x20 != 0, int(b[at+1])
		at += 2
		if length > 0x7f {
			more := length & 0x7f
			if more == 0 || more > 4 || at+more > end {
				return errNotBER
			}
			length = 0
			for _, x := range b[at : at+more] {
				length = length<<8 | int(x)
			}
			at += more
		}
		if length < 0 || length > end-at {
			return errNotBER
		}
		if !constructed {
			at += length
			continue
		}
		if depth == maxDepth {
			return errTooDeep
		}
		ends[depth] = at + length
		depth++
	}
	return nil
}
