package sources

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/durable"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

func sortByKey(list []Resource) {
	sort.Slice(list, func(i, j int) bool { return list[i].Key < list[j].Key })
}

// A cutter takes lines in the order of their places and hands on whole chunks.
type cutter struct {
	kind  string
	width int
	emit  func(Chunk) error

	at    uint64
	lines []line
	size  int
}

// A line is a record and its key.
type line struct {
	key  string
	data []byte
}

// newCutter cuts count lines of so many bytes in all.
func newCutter(kind string, count, size int64, emit func(Chunk) error) *cutter {
	return &cutter{kind: kind, width: max(cutWidth(int(count), chunkAim), cutWidth(int(size), chunkBytes)), emit: emit}
}

func (c *cutter) add(e entry, data []byte) error {
	at := e.place >> (64 - c.width) // a shift by 64 gives 0: one chunk
	if at != c.at {
		if err := c.flush(); err != nil {
			return err
		}
		c.at = at
	}
	c.lines = append(c.lines, line{e.key, bytes.Clone(data)})
	if c.size += len(data); c.size > maxChunk {
		return fault.Invalid("", "more than %d resources of kind %s take %d bytes in one chunk, more than %d: narrow the source", len(c.lines)-1, c.kind, c.size, maxChunk)
	}
	return nil
}

// flush writes the chunk whose lines are all there, by key.
func (c *cutter) flush() error {
	if len(c.lines) == 0 {
		return nil
	}
	slices.SortFunc(c.lines, func(a, b line) int { return strings.Compare(a.key, b.key) })
	data := make([]byte, 0, c.size)
	for _, l := range c.lines {
		data = append(data, l.data...)
	}
	chunk := Chunk{Count: len(c.lines), Data: data, SHA256: sha256.Sum256(data)}
	c.lines, c.size = c.lines[:0], 0
	return c.emit(chunk)
}

// gathered is a kind of a run, with its chunks in the vault and how it differs
// from what was last seen.
type gathered struct {
	kind  string
	count int64
	list  blob.Sealed
	base  int64 // entry of the run that it was compared with; -1 if there was none
	delta delta
}

// errMoved is another run of the same source that was recorded meanwhile.
var errMoved = errors.New("another run of the source was recorded at the same time")

const (
	selectBase = `SELECT COALESCE(MAX(r.entry), -1) FROM source_run r JOIN source_run_kind k ON k.org_id = r.org_id AND k.run_id = r.id
		WHERE r.org_id = ? AND r.source_id = ? AND k.kind = ?`
	digests = "SELECT key, digest FROM source_resource WHERE org_id = ? AND source_id = ? AND kind = ?"
	bodies  = "SELECT key, digest, body FROM source_resource WHERE org_id = ? AND source_id = ? AND kind = ?"
)

// gather puts the resources of a kind into the vault, chunk by chunk, and
// compares them with what the source last showed. Both go through the same
// order, so that neither is ever held whole.
func (h *harvest) gather(ctx context.Context, desk *op.Desk, in *Intake, kind string) (g *gathered, err error) {
	p := in.kinds[kind]
	g = &gathered{kind: kind, count: p.count}
	defer func() {
		if err != nil {
			g.delta.close()
		}
	}()
	first := in.schemas[kind].firstField()
	var known sorter
	defer known.close()
	if g.base, err = h.lastSeen(ctx, desk, kind, first, &known); err != nil {
		return g, err
	}
	was, err := known.read()
	if err != nil {
		return g, err
	}
	is, err := p.read()
	if err != nil {
		return g, err
	}
	list := canon.Chunks{}
	cut := newCutter(kind, p.count, p.bytes, func(c Chunk) error {
		s, err := desk.Vault.Put(ctx, desk.Org, c.Data)
		h.pieces = append(h.pieces, s)
		list = append(list, canon.Chunk{Count: int64(c.Count), SHA256: s.SHA256, Size: s.Size})
		return err
	})
	if err := compare(was, is, first, g, cut); err != nil {
		return g, err
	}
	if err := cut.flush(); err != nil {
		return g, err
	}
	text, err := list.Encode()
	if err != nil {
		return g, err
	}
	g.list, err = desk.Vault.Put(ctx, desk.Org, text)
	return g, err
}

// lastSeen sorts what the source last showed: of each key the digest, and the
// instant at which it was first seen where the kind has one.
func (h *harvest) lastSeen(ctx context.Context, desk *op.Desk, kind, first string, known *sorter) (base int64, err error) {
	base = -1
	if h.Source.ID == "" {
		return base, nil
	}
	args := []any{desk.Org, h.Source.ID, kind}
	err = desk.DB.Read(ctx, string(desk.Org), func(tx *db.Tx) error {
		if err := tx.Row(selectBase, args, &base); err != nil {
			return err
		}
		query := digests
		if first != "" {
			query = bodies
		}
		return tx.Each(query, args, func(scan func(...any) error) error {
			var key, digest, body string
			dest := []any{&key, &digest}
			if first != "" {
				dest = append(dest, &body)
			}
			if err := scan(dest...); err != nil {
				return err
			}
			return known.add(entry{placeOf(key), key, append([]byte(digest), firstIn([]byte(body), first)...)})
		})
	})
	return base, err
}

const digestLen = 32 // of a digest, in hex

func lineDigest(line []byte) string {
	sum := sha256.Sum256(bytes.TrimSuffix(line, []byte("\n")))
	return hex.EncodeToString(sum[:digestLen/2])
}

// compare walks through what was and what is. An instant that is ours gives way to
// the one that was there before.
func compare(was, is *cursor, first string, g *gathered, cut *cutter) error {
	old, more, err := was.next()
	if err != nil {
		return err
	}
	for {
		now, some, err := is.next()
		if err != nil {
			return err
		}
		for more && (!some || old.before(now)) {
			if err := g.delta.gone(old.key); err != nil {
				return err
			}
			if old, more, err = was.next(); err != nil {
				return err
			}
		}
		if !some {
			return nil
		}
		line, differs := now.data[1:], true
		known := more && old.key == now.key
		if known {
			if since := old.data[digestLen:]; now.data[0] == stampedLine && len(since) == firstLen {
				line = bytes.Clone(line)
				copy(firstIn(line, first), since)
			}
			differs = string(old.data[:digestLen]) != lineDigest(line)
			if old, more, err = was.next(); err != nil {
				return err
			}
		}
		if differs {
			if err := g.delta.changed(now.key, line, known); err != nil {
				return err
			}
		}
		if err := cut.add(now, line); err != nil {
			return err
		}
	}
}

// A delta is what differs from the run before, set aside.
type delta struct {
	spool  *durable.Spool
	out    *bufio.Writer
	counts struct{ added, changed, gone int64 }
}

// gone notes a key that is no more.
func (d *delta) gone(key string) error {
	d.counts.gone++
	return d.note(0, key, nil)
}

// changed notes a line that is new, or another than the one there was.
func (d *delta) changed(key string, line []byte, known bool) error {
	if known {
		d.counts.changed++
	} else {
		d.counts.added++
	}
	return d.note(1, key, bytes.TrimSuffix(line, []byte("\n")))
}

func (d *delta) note(what byte, key string, line []byte) error {
	if d.spool == nil {
		var err error
		if d.spool, err = durable.NewSpool(); err != nil {
			return err
		}
		d.out = bufio.NewWriterSize(d.spool, 64<<10)
	}
	head := binary.AppendUvarint(binary.AppendUvarint([]byte{what}, uint64(len(key))), uint64(len(line)))
	d.out.Write(head)
	d.out.WriteString(key)
	_, err := d.out.Write(line) // an error before stays with out
	return err
}

// each calls fn with every difference; a line that is nil is gone.
func (d *delta) each(fn func(key string, line []byte) error) error {
	if d.spool == nil {
		return nil
	}
	if err := d.out.Flush(); err != nil {
		return err
	}
	in := bufio.NewReaderSize(d.spool.Reader(), 256<<10)
	for {
		what, err := in.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		n, err := binary.ReadUvarint(in)
		if err != nil {
			return err
		}
		m, err := binary.ReadUvarint(in)
		if err != nil {
			return err
		}
		both := make([]byte, n+m)
		if _, err := io.ReadFull(in, both); err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
		line := both[n:]
		if what == 0 {
			line = nil
		}
		if err := fn(string(both[:n]), line); err != nil {
			return err
		}
	}
}

func (d *delta) close() {
	if d.spool != nil {
		d.spool.Close()
	}
}
