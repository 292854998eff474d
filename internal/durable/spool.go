package durable

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// A Spool holds bytes that are too many for memory and are read again soon. Its
// file has no name, so that it is gone with the process, and is encrypted under
// a key that only this memory has: evidence must not lie about in the clear.
//
// One may write while others read what was written before.
type Spool struct {
	file  *os.File
	block cipher.Block
	seed  [aes.BlockSize]byte // of the counter

	mu   sync.Mutex
	size int64
	buf  []byte // of Write, under mu
}

// NewSpool makes an empty spool among the system's temporary files.
func NewSpool() (*Spool, error) {
	f, err := os.CreateTemp("", "tickmark-")
	if err != nil {
		return nil, fmt.Errorf("temporary file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil { // it lives as long as it is open
		return nil, errors.Join(fmt.Errorf("temporary file: %w", err), f.Close())
	}
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Spool{file: f, block: block}, nil
}

// stream is the key stream from an offset on. The counter starts at nought and
// the key is used for one file only, written once from front to back, so that
// no part of the stream covers two texts.
func (s *Spool) stream(at int64) cipher.Stream {
	iv := s.seed
	binary.BigEndian.PutUint64(iv[8:], uint64(at/aes.BlockSize)) //nolint:gosec // an offset is not negative
	stream := cipher.NewCTR(s.block, iv[:])
	if skip := at % aes.BlockSize; skip > 0 {
		var drop [aes.BlockSize]byte
		stream.XORKeyStream(drop[:skip], drop[:skip])
	}
	return stream
}

// piece bounds the memory of one Write.
const piece = 64 << 10

// Write adds to the end.
func (s *Spool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buf == nil {
		s.buf = make([]byte, piece)
	}
	stream, done := s.stream(s.size), 0
	for done < len(p) {
		n := min(len(p)-done, piece)
		stream.XORKeyStream(s.buf[:n], p[done:done+n])
		if _, err := s.file.WriteAt(s.buf[:n], s.size); err != nil {
			return done, fmt.Errorf("temporary file: %w", err)
		}
		s.size += int64(n)
		done += n
	}
	return done, nil
}

// ReadAt reads what was written.
func (s *Spool) ReadAt(p []byte, at int64) (int, error) {
	size := s.Size()
	if at < 0 {
		return 0, errors.New("temporary file: a negative offset")
	}
	if at >= size {
		return 0, io.EOF
	}
	short := int64(len(p)) > size-at
	if short {
		p = p[:size-at]
	}
	n, err := s.file.ReadAt(p, at)
	s.stream(at).XORKeyStream(p[:n], p[:n])
	if err != nil {
		return n, fmt.Errorf("temporary file: %w", err)
	}
	if short {
		err = io.EOF
	}
	return n, err
}

// Size is how much was written.
func (s *Spool) Size() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size
}

// Reader reads what was written so far, from the front.
func (s *Spool) Reader() *io.SectionReader { return io.NewSectionReader(s, 0, s.Size()) }

// Close frees the room it takes.
func (s *Spool) Close() error { return s.file.Close() }
