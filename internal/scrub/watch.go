package scrub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// A Watch is a table whose rows say more than entries repeat. A digest of each
// row is kept when it is first seen, and the digest over these digests is sealed
// in the log: from then on a row changes only together with an entry that says
// so.
type Watch struct {
	Table string
	// Query selects the rows of one organization (org_id = ?), Key columns first.
	Query string
	Key   int
	// Fixed rows are only ever added.
	Fixed bool
	// Ops begin the names of the operations that add or change rows. Nil where
	// the machinery does so without an entry.
	Ops []string
	// Names are columns of which one has to occur in the entry; nil if the
	// operation says enough.
	Names []int
	// Orgs is how often the query asks for the organization; 1 if left out.
	Orgs int
}

// Observe adds watches. Areas do so when the program starts.
func Observe(w ...Watch) bool {
	registry.Lock()
	defer registry.Unlock()
	registry.watches = append(registry.watches, w...)
	return true
}

func watches() []Watch {
	registry.Lock()
	defer registry.Unlock()
	return slices.Clone(registry.watches)
}

// columns counts what a query selects.
func (w Watch) columns() int {
	list, _, _ := strings.Cut(strings.TrimSpace(w.Query), " FROM ")
	n, deep := 1, 0
	for _, r := range list {
		switch {
		case r == '(':
			deep++
		case r == ')':
			deep--
		case r == ',' && deep == 0:
			n++
		}
	}
	return n
}

// watched is a row as it is now.
type watched struct {
	digest string
	names  []string
}

func (w Watch) read(tx *db.Tx, org id.Org) (map[string]watched, error) {
	n := w.columns()
	values, into := make([]any, n), make([]any, n)
	for i := range values {
		into[i] = &values[i]
	}
	args := []any{org}
	for range max(0, w.Orgs-1) {
		args = append(args, org)
	}
	out := map[string]watched{}
	err := tx.Each(w.Query, args, func(scan func(...any) error) error {
		if err := scan(into...); err != nil {
			return err
		}
		sum := sha256.New()
		texts := make([]string, n)
		for i, v := range values {
			texts[i] = plain(v)
			fmt.Fprintf(sum, "%d:%s\n", len(texts[i]), texts[i])
		}
		row := watched{digest: hex.EncodeToString(sum.Sum(nil)[:16])}
		for _, i := range w.Names {
			row.names = append(row.names, texts[i])
		}
		out[strings.Join(texts[:w.Key], " ")] = row
		return nil
	})
	return out, err
}

// plain spells a value in the same way on both databases.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []byte:
		return string(v)
	case bool:
		if v {
			return "1"
		}
		return "0"
	default:
		return fmt.Sprint(v)
	}
}

// A Root is the digest over the digests of a table.
type Root struct {
	Rows int64  `json:"rows"`
	Root string `json:"root"`
}

func rootOf(rows map[string]string) Root {
	sum := sha256.New()
	for _, k := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(sum, "%d:%s %s\n", len(k), k, rows[k])
	}
	return Root{int64(len(rows)), hex.EncodeToString(sum.Sum(nil))}
}

const (
	selectSize = `SELECT l.base + h.size FROM ledger_log l JOIN ledger_head h ON h.org_id = l.org_id AND h.log_id = l.id
		WHERE l.org_id = ? ORDER BY l.epoch DESC LIMIT 1`
	selectRemembered = "SELECT key, digest FROM scrub_row WHERE org_id = ? AND kind = ?"
	selectKinds      = "SELECT DISTINCT kind FROM scrub_row WHERE org_id = ? ORDER BY kind"
	upsertRow        = `INSERT INTO scrub_row (org_id, kind, key, digest) VALUES (?, ?, ?, ?)
		ON CONFLICT (org_id, kind, key) DO UPDATE SET digest = excluded.digest`
	deleteRow = "DELETE FROM scrub_row WHERE org_id = ? AND kind = ? AND key = ?"
)

// keeping is what scrubs.keep seals.
type keeping struct {
	Size  int64 // of the log that the rows were compared with
	Roots map[string]Root
	Put   map[string]map[string]string // kind → key → digest
	Drop  map[string][]string
}

// any reports whether there is anything to seal. New checkpoints alone wait for
// the next occasion: sealing them would make another.
func (k *keeping) any() bool {
	for kind := range k.Put {
		if kind != "ledger_checkpoint" {
			return true
		}
	}
	return len(k.Drop) > 0
}

func keep(c *op.Call, k keeping) (int64, error) {
	for kind, rows := range k.Put {
		for key, digest := range rows {
			if _, err := c.Tx.Exec(upsertRow, c.Org, kind, key, digest); err != nil {
				return 0, err
			}
		}
	}
	for kind, keys := range k.Drop {
		for _, key := range keys {
			if _, err := c.Tx.Exec(deleteRow, c.Org, kind, key); err != nil {
				return 0, err
			}
		}
	}
	return c.Append(op.Record{Kind: canon.KindOp, Body: map[string]any{"size": k.Size, "tables": k.Roots}})
}

// sealed is what the newest entry of scrubs.keep says.
type sealed struct {
	index int64 // of the entry; -1 before the first
	size  int64
	roots map[string]Root
}

func sealedBy(e *Entry) sealed {
	out := sealed{index: e.Index, roots: map[string]Root{}}
	fmt.Sscan(canonical(e.Body["size"]), &out.size)
	tables, _ := e.Body["tables"].(map[string]any)
	for name, v := range tables {
		m, _ := v.(map[string]any)
		r := Root{}
		fmt.Sscan(canonical(m["rows"]), &r.Rows)
		r.Root, _ = m["root"].(string)
		out.roots[name] = r
	}
	return out
}

// watch compares every watched table with what was remembered of it. What may
// be remembered from now on is returned for sealing.
func (p *pass) watch(ctx context.Context) ([]flaw, *keeping, error) {
	var (
		out  []flaw
		keep = &keeping{Roots: map[string]Root{}, Put: map[string]map[string]string{}, Drop: map[string][]string{}}
	)
	err := p.DB.Read(ctx, string(p.Org), func(tx *db.Tx) error {
		err := tx.Row(selectSize, []any{p.Org}, &keep.Size)
		if errors.Is(err, db.ErrNone) {
			return nil // the log's own layer has said so
		}
		if err != nil {
			return err
		}
		last, since, err := p.sinceSealed(tx, keep.Size)
		if err != nil {
			return err
		}
		kinds, err := db.Rows(tx, selectKinds, []any{p.Org}, func(scan func(...any) error, s *string) error { return scan(s) })
		if err != nil {
			return err
		}
		for _, w := range watches() {
			kinds = slices.DeleteFunc(kinds, func(k string) bool { return k == w.Table })
			flaws, err := w.compare(tx, p.Org, last, since, keep)
			if err != nil {
				return fmt.Errorf("rows of %s: %w", w.Table, err)
			}
			out = append(out, flaws...)
		}
		for _, k := range kinds {
			out = append(out, flaw{"remembered rows of " + k, "there is no such table"})
		}
		return nil
	})
	return out, keep, err
}

// sinceSealed reads the newest seal, which the log's own layer came by in this
// pass, and the entries behind what it covers.
func (p *pass) sinceSealed(tx *db.Tx, size int64) (sealed, []*Entry, error) {
	var at place
	if l := p.known[Log]; l == nil || json.Unmarshal([]byte(l.place), &at) != nil || at.Seal == 0 {
		return sealed{index: -1}, nil, nil
	}
	index := at.Seal - 1
	one, err := p.rough(tx, index, index+1)
	if err != nil || len(one) == 0 {
		return sealed{index: -1}, nil, err
	}
	last := sealedBy(one[0])
	since, err := p.rough(tx, last.size, size)
	return last, since, err
}

// rough reads the openings of a stretch of the log, which its own layer has
// compared with the leaves.
func (p *pass) rough(tx *db.Tx, from, to int64) ([]*Entry, error) {
	var out []*Entry
	for ; from < to; from += entriesAPiece {
		list, err := p.Ledger.Openings(tx, p.Org, from, min(to, from+entriesAPiece))
		if err != nil {
			return nil, err
		}
		for _, o := range list {
			if len(out) == 0 || out[len(out)-1].Index != o.Index {
				out = append(out, &Entry{Index: o.Index, sealed: true})
			}
			out[len(out)-1].take(o)
		}
	}
	return out, nil
}

func (w Watch) compare(tx *db.Tx, org id.Org, last sealed, since []*Entry, keep *keeping) ([]flaw, error) {
	now, err := w.read(tx, org)
	if err != nil {
		return nil, err
	}
	was := map[string]string{}
	err = tx.Each(selectRemembered, []any{org, w.Table}, func(scan func(...any) error) error {
		var k, d string
		err := scan(&k, &d)
		was[k] = d
		return err
	})
	if err != nil {
		return nil, err
	}
	sealedRoot, known := last.roots[w.Table]
	if rootOf(was) != sealedRoot && (known || len(was) > 0) {
		keep.Roots[w.Table] = sealedRoot // it stays as it was sealed, until somebody has put it right
		return []flaw{{"remembered rows of " + w.Table, fmt.Sprintf("what is remembered of %s is not what entry %d sealed", w.Table, last.index)}}, nil
	}
	var out []flaw
	next := maps.Clone(was)
	put := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(now)) {
		row := now[key]
		before, seen := was[key]
		switch {
		case seen && before == row.digest:
			continue
		case seen && w.Fixed:
			out = append(out, flaw{w.Table + " " + key, "it is not what it was, and such a row never changes"})
			continue
		case known && !w.explained(since, row.names):
			text := "it came to be, and no entry says by whom"
			if seen {
				text = "it is not what it was, and no entry says who changed it"
			}
			out = append(out, flaw{w.Table + " " + key, text})
			continue
		}
		put[key], next[key] = row.digest, row.digest
	}
	for _, key := range slices.Sorted(maps.Keys(was)) {
		if _, there := now[key]; there {
			continue
		}
		if w.Fixed || !w.explained(since, strings.Fields(key)) {
			out = append(out, flaw{w.Table + " " + key, "it is gone"})
			continue
		}
		keep.Drop[w.Table] = append(keep.Drop[w.Table], key)
		delete(next, key)
	}
	if len(put) > 0 {
		keep.Put[w.Table] = put
	}
	keep.Roots[w.Table] = rootOf(next)
	return out, nil
}

// explained reports whether an entry since the last seal says that somebody
// added or changed a row with one of these names.
func (w Watch) explained(since []*Entry, names []string) bool {
	if w.Ops == nil {
		return true
	}
	for _, e := range since {
		if !slices.ContainsFunc(w.Ops, func(o string) bool { return strings.HasPrefix(e.Op, o) }) {
			continue
		}
		if w.Names == nil || slices.ContainsFunc(names, func(n string) bool { return n != "" && strings.Contains(e.text, n) }) {
			return true
		}
	}
	return false
}

// settle seals what a watch may remember, if anything changed.
func (p *pass) settle(ctx context.Context, k *keeping) error {
	if !k.any() {
		return nil
	}
	_, err := Keep.Do(ctx, p.Desk, *k)
	if errors.Is(err, errHeld) {
		return nil
	}
	return err
}
