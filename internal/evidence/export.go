package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"golang.org/x/mod/sumdb/note"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
)

// ExportNew puts on record that the log is about to leave the house; the
// bytes follow with WriteBundle. The record is committed before the first
// byte goes out.
var ExportNew = op.Write("exports.create", "Record that the whole log with its evidence is exported as a bundle.", auth.ExportWrite, newExport)

// An Export is a bundle about to be written.
type Export struct {
	ID    id.Export `json:"id"`
	Entry int64     `json:"entry"`
}

func newExport(c *op.Call, _ op.None) (Export, error) {
	e := Export{ID: id.New[id.Export](c.Now)}
	var err error
	e.Entry, err = c.Append(op.Record{Kind: canon.KindOp, ID: string(e.ID), Body: map[string]any{"scope": string(bundle.All)}})
	return e, err
}

// batch is how many entries are read at once while writing a bundle.
const batch = 512

// WriteBundle records the export and writes the bundle of an organization's
// log to w: every entry, every opening and every blob that is kept.
func WriteBundle(ctx context.Context, desk *op.Desk, w io.Writer) (Export, error) {
	e, err := ExportNew.Do(ctx, desk, op.None{})
	if err != nil {
		return e, err
	}
	cp, err := desk.Ledger.Wait(ctx, desk.Org, e.Entry)
	if err != nil {
		return e, err
	}
	var (
		signer note.Signer
		head   ledger.Head
	)
	err = desk.DB.Read(ctx, string(desk.Org), func(tx *db.Tx) (err error) {
		if signer, err = desk.Ledger.Signer(tx, desk.Org); err != nil {
			return err
		}
		head, err = desk.Ledger.Head(tx, desk.Org)
		return err
	})
	if err != nil {
		return e, err
	}
	x := &exporter{ctx: ctx, desk: desk, size: cp.Size}
	blobs, err := x.blobs()
	if err != nil {
		return e, err
	}
	return e, bundle.Write(w, bundle.Contents{
		Created: desk.Clock.Now(), Scope: bundle.All, Blobs: blobs,
		Logs: []bundle.Log{{Checkpoint: cp.Note, Key: head.VKey, Leaves: x.leaves(), Openings: x.openings()}},
	}, signer)
}

type exporter struct {
	ctx  context.Context
	desk *op.Desk
	size int64
}

func (x *exporter) read(fn func(*db.Tx) error) error {
	return x.desk.DB.Read(x.ctx, string(x.desk.Org), fn)
}

// leaves yields every leaf in order, a batch to a transaction.
func (x *exporter) leaves() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for at := int64(0); at < x.size; at += batch {
			var part [][]byte
			err := x.read(func(tx *db.Tx) (err error) {
				part, err = x.desk.Ledger.Leaves(tx, x.desk.Org, at, min(at+batch, x.size))
				return err
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, leaf := range part {
				if !yield(leaf, nil) {
					return
				}
			}
		}
	}
}

// openings yields what is kept of every entry, in order.
func (x *exporter) openings() iter.Seq2[bundle.Opening, error] {
	return func(yield func(bundle.Opening, error) bool) {
		for at := int64(0); at < x.size; at += batch {
			var part []ledger.Opening
			err := x.read(func(tx *db.Tx) (err error) {
				part, err = x.desk.Ledger.Openings(tx, x.desk.Org, at, min(at+batch, x.size))
				return err
			})
			if err != nil {
				yield(bundle.Opening{}, err)
				return
			}
			for i := 0; i < len(part); {
				o := bundle.Opening{Index: part[i].Index, Open: map[string]bundle.Opened{}}
				for ; i < len(part) && part[i].Index == o.Index; i++ {
					o.Open[part[i].Label] = bundle.Opened{R: part[i].Salt, Payload: part[i].Payload}
				}
				if !yield(o, nil) {
					return
				}
			}
		}
	}
}

// blobs lists the bytes that the openings name, and the pieces of those that
// are lists of pieces. What was erased is left out; what is lost is an error.
func (x *exporter) blobs() ([]bundle.Blob, error) {
	seen := map[[32]byte]bool{}
	var out []bundle.Blob
	add := func(sum [32]byte, size int64) {
		if !seen[sum] {
			seen[sum] = true
			out = append(out, bundle.Blob{SHA256: sum, Size: size, Open: func() (io.ReadCloser, error) {
				data, err := x.get(sum)
				return io.NopCloser(bytes.NewReader(data)), err
			}})
		}
	}
	for o, err := range x.openings() {
		if err != nil {
			return nil, err
		}
		content, ok := o.Open[canon.LabelContent]
		if !ok {
			continue
		}
		hex, size, err := canon.ParseContent(content.Payload)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", o.Index, err)
		}
		sum, err := canon.ParseDigest(hex)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", o.Index, err)
		}
		if seen[sum] {
			continue
		}
		data, err := x.get(sum)
		if errors.Is(err, blob.ErrErased) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", o.Index, err)
		}
		add(sum, size)
		if chunked(o) {
			chunks, err := canon.ParseChunks(data)
			if err != nil {
				return nil, fmt.Errorf("entry %d: %w", o.Index, err)
			}
			for _, c := range chunks {
				add(c.SHA256, c.Size)
			}
		}
	}
	return out, nil
}

func (x *exporter) get(sum [32]byte) ([]byte, error) {
	address, err := x.desk.Vault.AddressOf(x.ctx, x.desk.Org, sum)
	if err != nil {
		return nil, err
	}
	return x.desk.Vault.Get(x.ctx, x.desk.Org, address)
}

// chunked reports whether the entry's content is a list of pieces.
func chunked(o bundle.Opening) bool {
	v, err := canon.ParseJSON([]byte(o.Open[canon.LabelBody].Payload))
	if err != nil {
		return false
	}
	m, _ := v.(map[string]any)
	return m["media_type"] == canon.MediaTypeChunks
}
