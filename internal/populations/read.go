package populations

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sample"
)

// Filter names an engagement.
type Filter struct {
	Engagement string `json:"engagement" doc:"The engagement's id."`
}

func list(c *op.Call, in Filter) (op.Page[Population], error) {
	r, err := engagements.Open(c, in.Engagement)
	if err != nil {
		return op.Page[Population]{}, err
	}
	pops, err := all(c, r)
	pops = current(pops)
	return op.Page[Population]{Items: pops, Total: int64(len(pops))}, err
}

// Ref names a population.
type Ref struct {
	Engagement string `json:"engagement" doc:"The engagement's id."`
	Population string `json:"population" maxLength:"40" doc:"Its code, such as POP-08."`
}

func get(c *op.Call, in Ref) (Population, error) {
	r, err := engagements.Open(c, in.Engagement)
	if err != nil {
		return Population{}, err
	}
	return Find(c, r, in.Population)
}

// RowFilter pages through the rows of a version.
type RowFilter struct {
	Engagement string `json:"engagement" doc:"The engagement's id."`
	Population string `json:"population" maxLength:"40" doc:"Its code, such as POP-08."`
	Version    int    `json:"version,omitempty" minimum:"0" doc:"The version; the one in force if left out."`
	Prefix     string `json:"prefix,omitempty" maxLength:"200" doc:"Only items that begin so."`
	After      string `json:"after,omitempty" maxLength:"200" doc:"Continue after this page: the value of next."`
	Limit      int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

func rows(c *op.Call, in RowFilter) (op.Page[Row], error) {
	var none op.Page[Row]
	r, v, err := readable(c, in.Engagement, in.Population, in.Version)
	if err != nil {
		return none, err
	}
	b := book{ctx: c, call: c, org: r.Client.Org, v: v}
	if err := b.open(); err != nil {
		return none, err
	}
	first, err := b.position(in.Prefix)
	if err != nil {
		return none, err
	}
	end := b.v.Rows
	if in.Prefix != "" {
		if end, err = b.position(in.Prefix + "\U0010FFFF"); err != nil {
			return none, err
		}
	}
	n, start := op.Limit(in.Limit), in.Prefix
	if in.After != "" && in.After >= start {
		start = in.After
	}
	found := []Row{}
	err = b.from(start, func(row Row) (bool, error) {
		switch {
		case in.After != "" && row.Item <= in.After:
			return true, nil
		case !strings.HasPrefix(row.Item, in.Prefix):
			return false, nil
		}
		found = append(found, row)
		return len(found) <= n, nil
	})
	return op.PageOf(found, n, end-first, func(r Row) string { return r.Item }), err
}

// readable finds a version whose rows were written.
func readable(c *op.Call, engagement, code string, number int) (*engagements.Room, Version, error) {
	r, err := engagements.Open(c, engagement)
	if err != nil {
		return nil, Version{}, err
	}
	p, err := Find(c, r, code)
	if err != nil {
		return nil, Version{}, err
	}
	v, err := p.version(number)
	if err != nil {
		return nil, Version{}, err
	}
	if v.Status == Draft && r.Side == engagements.FirmSide {
		return nil, Version{}, fault.Conflict("Version %d of %s is a draft of %s; its rows can be read once it is sealed.", v.Version, p.Code, r.Client.Name)
	}
	if v.list == "" {
		return nil, Version{}, fault.Conflict("Version %d of %s has no rows: its problems come first.", v.Version, p.Code)
	}
	return r, *v, nil
}

// A book reads the rows of a version from the vault.
type book struct {
	ctx  context.Context
	call *op.Call
	org  id.Org
	v    Version

	list, records canon.Chunks
}

func (b *book) open() error {
	for _, x := range []struct {
		address string
		to      *canon.Chunks
	}{{b.v.list, &b.list}, {b.v.records, &b.records}} {
		text, err := b.call.Vault.Get(b.ctx, b.org, x.address)
		if err != nil {
			return err
		}
		if *x.to, err = canon.ParseChunks(text); err != nil {
			return err
		}
	}
	if len(b.list) != len(b.records) || len(b.list) != len(b.v.pieces) {
		return b.broken("the list has %d pieces and its records %d", len(b.list), len(b.records))
	}
	return nil
}

func (b *book) broken(format string, args ...any) error {
	return fault.Conflict("Version %d is not what was sealed: %s.", b.v.Version, fmt.Sprintf(format, args...))
}

func (b *book) get(sum [32]byte) ([]byte, error) {
	at, err := b.call.Vault.AddressOf(b.ctx, b.org, sum)
	if err != nil {
		return nil, err
	}
	return b.call.Vault.Get(b.ctx, b.org, at)
}

// piece yields the rows of one piece, each checked against its commitment.
func (b *book) piece(n int, fn func(Row, string) (bool, error)) (bool, error) {
	list, err := b.get(b.list[n].SHA256)
	if err != nil {
		return false, err
	}
	records, err := b.get(b.records[n].SHA256)
	if err != nil {
		return false, err
	}
	for len(list) > 0 || len(records) > 0 {
		var line, record []byte
		line, list, _ = bytes.Cut(list, []byte("\n"))
		record, records, _ = bytes.Cut(records, []byte("\n"))
		item, _, _ := strings.Cut(string(line), "\t")
		row, _, err := rowOf(string(record))
		if err != nil {
			return false, b.broken("%s", err)
		}
		if row.Item != item || item+"\t"+row.Commitment != string(line) {
			return false, b.broken("row %s differs from what its commitment binds", clip(cmp.Or(item, row.Item)))
		}
		if more, err := fn(row, string(line)); !more || err != nil {
			return false, err
		}
	}
	return true, nil
}

// at is the piece that an item lies in, if it is there.
func (b *book) at(item string) int {
	return max(0, sort.Search(len(b.v.pieces), func(i int) bool { return b.v.pieces[i].First > item })-1)
}

// from yields rows in order, from the piece that an item lies in.
func (b *book) from(item string, fn func(Row) (bool, error)) error {
	for n := b.at(item); n < len(b.list); n++ {
		more, err := b.piece(n, func(r Row, _ string) (bool, error) {
			if r.Item < item {
				return true, nil
			}
			return fn(r)
		})
		if !more || err != nil {
			return err
		}
	}
	return nil
}

// position is how many items come before a text.
func (b *book) position(text string) (int64, error) {
	if len(b.list) == 0 || text == "" {
		return 0, nil
	}
	n, before := b.at(text), int64(0)
	for _, p := range b.v.pieces[:n] {
		before += p.Count
	}
	data, err := b.get(b.list[n].SHA256)
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(data) {
		item, _, _ := bytes.Cut(line, []byte("\t"))
		if string(item) >= text {
			break
		}
		before++
	}
	return before, nil
}

// EachRow calls fn with every row of a sealed version, in the order of its
// items. Each is checked against its commitment, and all against the digest
// that the log has; what was changed since is refused by name.
func EachRow(ctx context.Context, c *op.Call, r *engagements.Room, v Version, fn func(Row) error) error {
	digest, content, err := sealedAs(c, r, v)
	if err != nil {
		return err
	}
	b := book{ctx: ctx, call: c, org: r.Client.Org, v: v}
	if err := b.open(); err != nil {
		return err
	}
	sum := sample.NewDigester()
	for n := range b.list {
		_, err := b.piece(n, func(row Row, line string) (bool, error) {
			if err := sum.Add(line); err != nil {
				return false, b.broken("%s", err)
			}
			return true, fn(row)
		})
		if err != nil {
			return err
		}
	}
	if got := sum.Sum(); hex.EncodeToString(got[:]) != digest || v.Digest != digest {
		return b.differs(content)
	}
	return nil
}

// sealedAs is what the log says of a version: its digest and the blob that
// lists it.
func sealedAs(c *op.Call, r *engagements.Room, v Version) (digest string, content [32]byte, err error) {
	if v.Status == Draft {
		return "", content, fault.Conflict("Version %d is a draft; it is not sealed.", v.Version)
	}
	openings, err := c.Ledger.Openings(c.Tx, r.Client.Org, v.Entry, v.Entry+1)
	if err != nil {
		return "", content, err
	}
	for _, o := range openings {
		switch o.Label {
		case canon.LabelBody:
			body, err := canon.ParseJSON([]byte(o.Payload))
			if err != nil {
				return "", content, err
			}
			if m, ok := body.(map[string]any); ok && m["id"] == string(v.Population) && m["step"] == "seal" && m["version"] == int64(v.Version) {
				digest, _ = m["digest"].(string)
			}
		case canon.LabelContent:
			hex, _, err := canon.ParseContent(o.Payload)
			if err != nil {
				return "", content, err
			}
			if content, err = canon.ParseDigest(hex); err != nil {
				return "", content, err
			}
		}
	}
	if digest == "" {
		return "", content, fault.Conflict("Entry %d of the log does not seal version %d of this population.", v.Entry, v.Version)
	}
	return digest, content, nil
}

// differs names the first row that is not the one the log vouches for.
func (b *book) differs(content [32]byte) error {
	text, err := b.get(content)
	if err != nil {
		return err
	}
	sealed, err := canon.ParseChunks(text)
	if err != nil {
		return err
	}
	stored, logged := b.lines(b.list), b.lines(sealed)
	defer stored.stop()
	defer logged.stop()
	for {
		is, err := stored.next()
		if err != nil && err != io.EOF {
			return err
		}
		was, err2 := logged.next()
		if err2 != nil && err2 != io.EOF {
			return err2
		}
		switch {
		case err == io.EOF && err2 == io.EOF:
			return b.broken("its digest is not the one in the log")
		case is != was && (was == "" || is != "" && is < was && sample.ItemOf(is) != sample.ItemOf(was)):
			return b.broken("row %s was added", clip(sample.ItemOf(is)))
		case is != was && sample.ItemOf(is) != sample.ItemOf(was):
			return b.broken("row %s is missing", clip(sample.ItemOf(was)))
		case is != was:
			return b.broken("row %s was changed", clip(sample.ItemOf(was)))
		}
	}
}

// A tape reads lines through the pieces of a list.
type tape struct {
	b      *book
	chunks canon.Chunks
	data   []byte
}

func (b *book) lines(c canon.Chunks) *tape { return &tape{b: b, chunks: c} }

func (t *tape) stop() { t.data, t.chunks = nil, nil }

func (t *tape) next() (string, error) {
	for len(t.data) == 0 {
		if len(t.chunks) == 0 {
			return "", io.EOF
		}
		var err error
		if t.data, err = t.b.get(t.chunks[0].SHA256); err != nil {
			return "", err
		}
		t.chunks = t.chunks[1:]
	}
	line, rest, _ := bytes.Cut(t.data, []byte("\n"))
	t.data = rest
	return string(line), nil
}

// ExportFilter names a version whose lines are wanted.
type ExportFilter struct {
	Engagement string `json:"engagement" doc:"The engagement's id."`
	Population string `json:"population" maxLength:"40" doc:"Its code, such as POP-08."`
	Version    int    `json:"version,omitempty" minimum:"0" doc:"The version; the one in force if left out."`
}

// Lines is a version as tickmark sample recompute reads it.
type Lines struct {
	Population string `json:"population"`
	Version    int    `json:"version"`
	Digest     string `json:"digest"`
	Rows       int64  `json:"rows"`
	Lines      string `json:"lines"`
}

func export(c *op.Call, in ExportFilter) (Lines, error) {
	r, v, err := readable(c, in.Engagement, in.Population, in.Version)
	if err != nil {
		return Lines{}, err
	}
	b := book{ctx: c, call: c, org: r.Client.Org, v: v}
	if err := b.open(); err != nil {
		return Lines{}, err
	}
	var out strings.Builder
	for _, piece := range b.list {
		data, err := b.get(piece.SHA256)
		if err != nil {
			return Lines{}, err
		}
		out.Write(data)
	}
	return Lines{Population: in.Population, Version: v.Version, Digest: v.Digest, Rows: v.Rows, Lines: out.String()}, nil
}

var finding = op.Read("populations.find", "Find a version whose rows are read in order.", auth.EngageRead, find)

type found struct {
	org id.Org
	v   Version
}

func find(c *op.Call, in ExportFilter) (found, error) {
	r, v, err := readable(c, in.Engagement, in.Population, in.Version)
	if err != nil {
		return found{}, err
	}
	return found{r.Client.Org, v}, nil
}

// WriteLines writes the lines of item and commitment of a version, piece by
// piece.
func WriteLines(ctx context.Context, d *op.Desk, in ExportFilter, w io.Writer) error {
	f, err := finding.Do(ctx, d, in)
	if err != nil {
		return err
	}
	b := book{ctx: ctx, call: &op.Call{Context: ctx, Desk: d}, org: f.org, v: f.v}
	if err := b.open(); err != nil {
		return err
	}
	for _, piece := range b.list {
		data, err := b.get(piece.SHA256)
		if err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}
