package stamp

import (
	"errors"
	"fmt"
	"math/big"
)

// Tags of the elements that tokens and certificates are made of.
const (
	tagBoolean     = 0x01
	tagInteger     = 0x02
	tagBits        = 0x03
	tagOctets      = 0x04
	tagOID         = 0x06
	tagUTCTime     = 0x17
	tagGeneralTime = 0x18
	tagSequence    = 0x30
	tagSet         = 0x31
)

// tagged is the tag of a context-specific element that holds others.
func tagged(n byte) byte { return 0xa0 | n }

// An element is one value of DER: its tag, its content, and both with the
// length between them as they were read.
type element struct {
	tag  byte
	body []byte
	raw  []byte
}

// split takes the first element off b. Only what has one spelling passes: tags
// of one byte, lengths that are definite and as short as can be.
func split(b []byte) (e element, rest []byte, err error) {
	if len(b) < 2 {
		return e, nil, errors.New("ends too early")
	}
	if b[0]&0x1f == 0x1f {
		return e, nil, errors.New("has a tag of several bytes")
	}
	size, head := int(b[1]), 2
	if size >= 0x80 {
		n := size & 0x7f
		if n == 0 || n > 3 {
			return e, nil, errors.New("has a length that is indefinite or too large")
		}
		if len(b) < 2+n {
			return e, nil, errors.New("ends too early")
		}
		size = 0
		for _, c := range b[2 : 2+n] {
			size = size<<8 | int(c)
		}
		if size < 0x80 || size < 1<<(8*(n-1)) {
			return e, nil, errors.New("has a length that could be shorter")
		}
		head += n
	}
	if len(b)-head < size {
		return e, nil, errors.New("ends too early")
	}
	return element{b[0], b[head : head+size], b[:head+size]}, b[head+size:], nil
}

// A reader takes elements off one after the other and keeps the first fault,
// so that a structure reads as it is specified: line by line.
type reader struct {
	rest []byte
	what string // what is being read, for the fault
	err  error
}

func read(what string, b []byte) *reader { return &reader{rest: b, what: what} }

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(r.what+" "+format, args...)
	}
}

// take reads the element that must come now.
func (r *reader) take(tag byte) element {
	if r.err != nil {
		return element{}
	}
	e, rest, err := split(r.rest)
	switch {
	case err != nil:
		r.fail("%w", err)
		return element{}
	case e.tag != tag:
		r.fail("has tag %#02x where %#02x belongs", e.tag, tag)
		return element{}
	}
	r.rest = rest
	return e
}

// next says whether an element with this tag comes now.
func (r *reader) next(tag byte) bool {
	return r.err == nil && len(r.rest) > 0 && r.rest[0] == tag
}

// more says whether anything comes.
func (r *reader) more() bool { return r.err == nil && len(r.rest) > 0 }

// any reads an element of whatever tag.
func (r *reader) any() element {
	if r.err != nil {
		return element{}
	}
	e, rest, err := split(r.rest)
	if err != nil {
		r.fail("%w", err)
		return element{}
	}
	r.rest = rest
	return e
}

// skip leaves out an optional element that nothing depends on.
func (r *reader) skip(tag byte) {
	if r.next(tag) {
		r.take(tag)
	}
}

// in reads an element and returns a reader of what is inside.
func (r *reader) in(tag byte) *reader {
	return &reader{rest: r.take(tag).body, what: r.what, err: r.err}
}

// end is the last call on a reader: nothing may be left.
func (r *reader) end() error {
	if r.err == nil && len(r.rest) > 0 {
		r.fail("has %d bytes behind its end", len(r.rest))
	}
	return r.err
}

// join ends the inner reader and keeps its fault.
func (r *reader) join(inner *reader) {
	if err := inner.end(); err != nil && r.err == nil {
		r.err = err
	}
}

func (r *reader) boolean() bool {
	b := r.take(tagBoolean).body
	if r.err == nil && (len(b) != 1 || b[0] != 0 && b[0] != 0xff) {
		r.fail("has a truth value that is neither 00 nor FF")
	}
	return r.err == nil && b[0] == 0xff
}

// integer reads a whole number in its shortest form and returns its bytes too,
// because serial numbers are compared as bytes.
func (r *reader) integer(tag byte) (*big.Int, []byte) {
	b := r.take(tag).body
	if r.err != nil {
		return new(big.Int), nil
	}
	if len(b) == 0 || len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xff && b[1] >= 0x80) {
		r.fail("has a number that is not in its shortest form")
		return new(big.Int), nil
	}
	n := new(big.Int).SetBytes(b)
	if b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n, b
}

// small reads a number from 0 to limit.
func (r *reader) small(tag byte, limit int64) int64 {
	n, _ := r.integer(tag)
	if r.err == nil && (n.Sign() < 0 || !n.IsInt64() || n.Int64() > limit) {
		r.fail("has a number that is not from 0 to %d", limit)
		return 0
	}
	return n.Int64()
}

// bits reads a string of bits; the unused ones are zero.
func (r *reader) bits() (b []byte, unused int) {
	b = r.take(tagBits).body
	if r.err != nil {
		return nil, 0
	}
	if len(b) == 0 || b[0] > 7 || len(b) == 1 && b[0] != 0 || b[len(b)-1]&(1<<b[0]-1) != 0 && len(b) > 1 {
		r.fail("has a string of bits whose unused ones are not zero")
		return nil, 0
	}
	return b[1:], int(b[0])
}

// whole reads a string of bits without unused ones.
func (r *reader) whole() []byte {
	b, unused := r.bits()
	if unused != 0 {
		r.fail("has a string of bits that is not one of bytes")
	}
	return b
}

// oid reads an identifier. It is compared as bytes and not looked into.
func (r *reader) oid() string {
	b := r.take(tagOID).body
	if r.err == nil && len(b) == 0 {
		r.fail("has an empty identifier")
	}
	return string(b)
}

// algorithm reads an AlgorithmIdentifier. Parameters are not looked at: the
// algorithms that count here have none to choose.
func (r *reader) algorithm() (oid string, raw []byte) {
	if r.err != nil {
		return "", nil
	}
	e := r.take(tagSequence)
	in := &reader{rest: e.body, what: r.what, err: r.err}
	oid = in.oid()
	if in.more() {
		in.any()
	}
	r.join(in)
	return oid, e.raw
}
