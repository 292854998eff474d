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

// WriteBundle records the export and writes the bundle of an organization's
// log to w: every entry, every opening and every blob that is kept.
func WriteBundle(ctx context.Context, desk *op.Desk, w io.Writer) (Export, error) {
	e, err := ExportNew.Do(ctx, desk, op.None{})
	if err != nil {
		return e, err
	}
	x := &exporter{ctx: ctx, desk: desk, org: desk.Org}
	if err := x.reach(anchored(ctx, desk, desk.Org, e.Entry)); err != nil {
		return e, err
	}
	logs, err := x.continued()
	if err != nil {
		return e, err
	}
	return e, write(w, bundle.All, append([]*exporter{x}, logs...)...)
}

// anchored has outsiders vouch for a log that is about to leave the house, and
// returns the entry that the bundle has to reach. If none answers in time, the
// bundle leaves without.
func anchored(ctx context.Context, desk *op.Desk, org id.Org, entry int64) int64 {
	if desk.Anchor == nil {
		return entry
	}
	return desk.Anchor(ctx, org, entry)
}

// write writes the bundle of one or several logs, signed by the first.
func write(w io.Writer, scope bundle.Scope, logs ...*exporter) error {
	first := logs[0]
	c := bundle.Contents{Created: first.desk.Clock.Now(), Scope: scope}
	seen := map[[32]byte]bool{}
	for _, x := range logs {
		if err := x.read(func(tx *db.Tx) (err error) {
			x.secret, err = secrets(tx, x.org)
			return err
		}); err != nil {
			return err
		}
		if len(x.secret) > 0 {
			// The manifest says that blobs may be missing: originals stay here.
			c.Scope = bundle.Selected
		}
		blobs, err := x.blobs(seen)
		if err != nil {
			return err
		}
		c.Blobs = append(c.Blobs, blobs...)
		c.Logs = append(c.Logs, bundle.Log{Checkpoint: x.head.Note, Key: x.key, Leaves: x.leaves(), Openings: x.openings()})
	}
	var signer note.Signer
	err := first.read(func(tx *db.Tx) (err error) {
		signer, err = first.desk.Ledger.SignerAt(tx, first.org, first.log, first.head.Size)
		return err
	})
	if err != nil {
		return err
	}
	return bundle.Write(w, c, signer)
}

// batch is how many entries are read at once while writing a bundle.
const batch = 512

// exporter reads one log as it was at one signed head.
type exporter struct {
	ctx  context.Context
	desk *op.Desk
	org  id.Org
	log  *ledger.Log
	key  string
	head ledger.Checkpoint
	// only are the indices of entries of which openings and blobs are written; nil for all.
	only map[int64]bool
	// secret are the digests of originals of redacted copies. Their entries are in
	// the bundle with everything but the bytes.
	secret map[string]bool
}

func (x *exporter) read(fn func(*db.Tx) error) error {
	return x.desk.DB.Read(x.ctx, string(x.org), fn)
}

// reach takes the newest signed head that covers an entry.
func (x *exporter) reach(entry int64) error {
	head, err := x.desk.Ledger.Wait(x.ctx, x.org, entry)
	if err != nil {
		return err
	}
	x.head = head
	return x.read(func(tx *db.Tx) error {
		logs, err := x.desk.Ledger.Logs(tx, x.org)
		for _, lg := range logs {
			if lg.Origin == head.Origin {
				x.log, x.key = lg, lg.VKeyAt(head.Size)
			}
		}
		return err
	})
}

// continued are the logs that this one continues, the newest first, as far as
// each was signed and the bundle has room.
func (x *exporter) continued() (out []*exporter, err error) {
	err = x.read(func(tx *db.Tx) error {
		logs, err := x.desk.Ledger.Logs(tx, x.org)
		if err != nil {
			return err
		}
		for _, lg := range logs {
			if lg.Epoch >= x.log.Epoch || len(out) == bundle.MaxLogs-1 {
				continue
			}
			head, err := x.desk.Ledger.CheckpointOf(tx, x.org, lg)
			if errors.Is(err, db.ErrNone) { // the one after it could not say that it continues it
				return nil
			}
			if err != nil {
				return err
			}
			out = append(out, &exporter{ctx: x.ctx, desk: x.desk, org: x.org, log: lg, key: lg.VKeyAt(head.Size), head: head})
		}
		return nil
	})
	return out, err
}

// leaves yields every leaf in order, a batch to a transaction.
func (x *exporter) leaves() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for at := int64(0); at < x.head.Size; at += batch {
			var part [][]byte
			err := x.read(func(tx *db.Tx) (err error) {
				part, err = x.desk.Ledger.LeavesOf(tx, x.org, x.log, at, min(at+batch, x.head.Size))
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

// wanted reports whether any of the entries from..to is to be opened.
func (x *exporter) wanted(from, to int64) bool {
	if x.only == nil {
		return true
	}
	for i := from; i < to; i++ {
		if x.only[i] {
			return true
		}
	}
	return false
}

// openings yields what is kept of every entry to be opened, in order.
func (x *exporter) openings() iter.Seq2[bundle.Opening, error] {
	return func(yield func(bundle.Opening, error) bool) {
		for at := int64(0); at < x.head.Size; at += batch {
			end := min(at+batch, x.head.Size)
			if !x.wanted(at, end) {
				continue
			}
			var part []ledger.Opening
			err := x.read(func(tx *db.Tx) (err error) {
				part, err = x.desk.Ledger.OpeningsOf(tx, x.org, x.log, at, end)
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
				if x.only != nil && !x.only[o.Index] {
					continue
				}
				if !yield(o, nil) {
					return
				}
			}
		}
	}
}

// blobs lists the bytes that the openings name, and the pieces of those that
// are lists of pieces, but for those seen already. What was erased is left out;
// what is lost is an error.
func (x *exporter) blobs(seen map[[32]byte]bool) ([]bundle.Blob, error) {
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
		if seen[sum] || x.secret[hex] {
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
	address, err := x.desk.Vault.AddressOf(x.ctx, x.org, sum)
	if err != nil {
		return nil, err
	}
	return x.desk.Vault.Get(x.ctx, x.org, address)
}

// chunked reports whether the entry's content is a list of pieces.
func chunked(o bundle.Opening) bool { return bodyOf(o)["media_type"] == canon.MediaTypeChunks }

// bodyOf is what an opened entry says; nil if it says nothing.
func bodyOf(o bundle.Opening) map[string]any {
	v, err := canon.ParseJSON([]byte(o.Open[canon.LabelBody].Payload))
	if err != nil {
		return nil
	}
	m, _ := v.(map[string]any)
	return m
}
