package populations

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sample"
)

// Rows are sealed in pieces of so many, or of so many bytes.
const (
	pieceRows  = 10_000
	pieceBytes = 16 << 20
)

// A piece says where a part of a list begins.
type piece struct {
	First string `json:"first"`
	Count int64  `json:"count"`
}

// A press writes rows: the list of items and commitments, the records behind
// it, and what both add up to. It holds one piece in memory.
type press struct {
	ctx  context.Context
	desk *op.Desk

	digest  *sample.Digester
	tree    canon.Tree
	chance  *bufio.Reader
	pieces  []piece
	list    canon.Chunks
	records canon.Chunks
	stored  []blob.Sealed

	count               int64 // of the piece being written
	first               string
	listBuf, recordsBuf []byte
	payload             []byte
}

func newPress(ctx context.Context, desk *op.Desk) *press {
	return &press{ctx: ctx, desk: desk, digest: sample.NewDigester(), chance: bufio.NewReaderSize(rand.Reader, 4096)}
}

// add writes the next row; items come in ascending order.
func (p *press) add(item string, record []byte) error {
	var salt [32]byte
	if _, err := io.ReadFull(p.chance, salt[:]); err != nil {
		return err
	}
	p.payload = payload(p.payload[:0], item, record)
	commitment := canon.Commit(salt, canon.LabelItem, string(p.payload))
	row := sample.Row(item, commitment)
	if err := p.digest.Add(row); err != nil {
		return fault.Invalid("", "%s", err)
	}
	p.tree.Add(commitment[:])
	if p.count == 0 {
		p.first = item
	}
	p.count++
	p.listBuf = append(append(p.listBuf, row...), '\n')
	p.recordsBuf = append(append(p.recordsBuf, item...), '\t')
	p.recordsBuf = hex.AppendEncode(p.recordsBuf, salt[:])
	p.recordsBuf = append(append(append(p.recordsBuf, '\t'), record...), '\n')
	if p.count >= pieceRows || len(p.recordsBuf) >= pieceBytes {
		return p.cut()
	}
	return nil
}

// cut ends a piece and stores it.
func (p *press) cut() error {
	if p.count == 0 {
		return nil
	}
	for _, x := range []struct {
		data []byte
		to   *canon.Chunks
	}{{p.listBuf, &p.list}, {p.recordsBuf, &p.records}} {
		s, err := p.desk.Vault.Put(p.ctx, p.desk.Org, x.data)
		if err != nil {
			return err
		}
		p.stored = append(p.stored, s)
		*x.to = append(*x.to, canon.Chunk{Count: p.count, SHA256: s.SHA256, Size: s.Size})
	}
	p.pieces = append(p.pieces, piece{p.first, p.count})
	p.count, p.listBuf, p.recordsBuf = 0, p.listBuf[:0], p.recordsBuf[:0]
	return nil
}

// A printed list lies in the store; no row speaks of it yet.
type printed struct {
	digest, root  string
	pieces        []piece
	stored        []blob.Sealed
	list, records blob.Sealed
}

// end stores what is left and the two lists of pieces.
func (p *press) end() (printed, error) {
	if err := p.cut(); err != nil {
		return printed{}, err
	}
	sum, root := p.digest.Sum(), p.tree.Root()
	out := printed{digest: hex.EncodeToString(sum[:]), root: hex.EncodeToString(root[:]), pieces: p.pieces}
	for _, x := range []struct {
		chunks canon.Chunks
		to     *blob.Sealed
	}{{p.list, &out.list}, {p.records, &out.records}} {
		text, err := x.chunks.Encode()
		if err != nil {
			return printed{}, err
		}
		if *x.to, err = p.desk.Vault.Put(p.ctx, p.desk.Org, text); err != nil {
			return printed{}, err
		}
		p.stored = append(p.stored, *x.to)
	}
	out.stored = p.stored
	return out, nil
}

// print writes all rows of a stock.
func (s *stock) print(ctx context.Context, desk *op.Desk) (printed, error) {
	p := newPress(ctx, desk)
	var b []byte
	for n, i := range s.items {
		if n%1000 == 0 && ctx.Err() != nil {
			return printed{}, ctx.Err()
		}
		e, err := s.envelope(i)
		if err != nil {
			return printed{}, fmt.Errorf("row %s: %w", i.id, err)
		}
		b = e.append(b[:0])
		if err := p.add(i.id, b); err != nil {
			return printed{}, err
		}
	}
	return p.end()
}
