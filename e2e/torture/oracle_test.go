package torture_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/seal"
)

// findings is what the oracle says after a fault.
type findings struct {
	lost       []string // acknowledged and gone, or not as it was
	duplicates []string // done twice under one key
	damaged    []string // everything else that must not be
	unsure     int      // stored, though the answer never arrived
}

func (f *findings) lose(format string, args ...any) {
	f.lost = append(f.lost, fmt.Sprintf(format, args...))
}
func (f *findings) damage(format string, args ...any) {
	f.damaged = append(f.damaged, fmt.Sprintf(format, args...))
}

// all is every finding, worst first.
func (f findings) all() []string { return slices.Concat(f.lost, f.duplicates, f.damaged) }

// report fails the test for each finding.
func (f findings) report(t *testing.T, when string) {
	t.Helper()
	for _, s := range f.all() {
		t.Errorf("%s: %s", when, s)
	}
}

// oracle opens what a fault left behind, compares it with what the world
// outside remembers, and lets the service work on. It is the same after every
// fault:
//
//	O1  every receipt verifies, and every acknowledged blob reads back
//	O2  the audit of the log passes, and there are as many records as entries of records
//	O3  nothing was done twice under one key
//	O4  every head that was signed is a head of this log
//	O5  the service works or refuses; it never gives out wrong data
func oracle(ctx context.Context, p place, w *witness) (f findings) {
	f.damaged, w.wrong = append(f.damaged, w.wrong...), nil
	held, err := heldHeads(p.keys("held")) // before opening, which may drop what was cut short
	if err != nil {
		f.damage("the held file: %v", err)
	}
	e, err := p.open(ctx)
	if err != nil {
		f.damage("what is left does not open: %v", err)
		return f
	}
	defer func() {
		if err := e.DB.Close(); err != nil {
			f.damage("closing: %v", err)
		}
	}()
	o, err := organization(ctx, e, false)
	if err != nil || w.Org != "" && o != w.Org {
		f.lose("the organization is %q, %v; was %q", o, err, w.Org)
		return f
	}
	if o == "" {
		return f // the fault came before there was one
	}
	l := &look{findings: &f, ctx: ctx, e: e, org: o, w: w, p: p}
	l.compare(held)
	if len(w.backups) > 0 {
		if root, _, err := seal.OpenRoot(p.keys("root.key")); err != nil {
			f.damage("%v", err)
		} else {
			l.backups(root)
		}
	}
	if why := e.Ledger.Locked(); why != "" {
		f.damage("the log is read-only: %s", why)
		return f
	}
	l.goOn()
	return f
}

// look is one comparison.
type look struct {
	*findings
	ctx context.Context
	e   *op.Engine
	org id.Org
	w   *witness
	p   place

	rows   map[string]evidence.Record // title → record
	byID   map[id.Evidence]evidence.Record
	leaves [][]byte
	log    *ledger.Log
}

func (l *look) compare(held []canon.Checkpoint) {
	if _, err := l.e.Ledger.Audit(l.ctx, l.org); err != nil {
		l.damage("audit: %v", err)
	}
	if err := l.load(); err != nil {
		l.damage("reading back: %v", err)
		return
	}
	for key, a := range l.w.Taken {
		r, there := l.byID[a.ID]
		_, erasing := l.w.erased[key]
		if !there || r.Entry != a.Entry || r.Title != title(key) && !(erasing && r.ErasedBy != 0) {
			l.lose("%s was acknowledged as %s, entry %d; there is %q, entry %d", key, a.ID, a.Entry, r.Title, r.Entry)
		}
	}
	for _, key := range l.w.Tried {
		if _, there := l.rows[title(key)]; there {
			l.unsure++
		}
	}
	l.bytes()
	l.erased()
	l.heads(held)
	l.receipts()
	l.bundles()
}

// load reads records, keys and leaves in one transaction.
func (l *look) load() error {
	l.rows, l.byID = map[string]evidence.Record{}, map[id.Evidence]evidence.Record{}
	return l.e.DB.Read(l.ctx, string(l.org), func(tx *db.Tx) error {
		total := 0
		err := tx.Each("SELECT id, entry, title, address, sha256, erased_by FROM evidence WHERE org_id = ?", []any{l.org}, func(scan func(...any) error) error {
			var r evidence.Record
			err := scan(&r.ID, &r.Entry, &r.Title, &r.Address, &r.SHA256, &r.ErasedBy)
			l.byID[r.ID] = r
			total++
			if r.ErasedBy != 0 {
				return err
			}
			if was, twice := l.rows[r.Title]; twice {
				l.duplicates = append(l.duplicates, fmt.Sprintf("%s is there as %s and %s", r.Title, was.ID, r.ID))
			}
			l.rows[r.Title] = r
			return err
		})
		if err != nil {
			return err
		}
		h, err := l.e.Ledger.Head(tx, l.org)
		if err != nil {
			return err
		}
		logs, err := l.e.Ledger.Logs(tx, l.org) // with the keys it had before
		if err != nil {
			return err
		}
		l.log = logs[0]
		if l.leaves, err = l.e.Ledger.Leaves(tx, l.org, 0, h.Size); err != nil {
			return err
		}
		return l.entries(tx, total)
	})
}

// entries holds records against entries and idempotency keys.
func (l *look) entries(tx *db.Tx, records int) error {
	kinds := map[int64]canon.Kind{}
	count := 0
	for i, b := range l.leaves {
		leaf, err := canon.ParseLeaf(b)
		if err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
		kinds[int64(i)] = leaf.Kind
		if leaf.Kind == canon.KindEvidence {
			count++
		}
	}
	if count != records {
		l.damage("%d records of evidence, %d entries of evidence", records, count)
	}
	for _, r := range l.byID {
		if kinds[r.Entry] != canon.KindEvidence {
			l.damage("%s points at entry %d, which is %q", r.ID, r.Entry, kinds[r.Entry])
		}
	}
	keys := map[string]int{}
	err := tx.Each("SELECT key FROM op_key WHERE org_id = ?", []any{l.org}, func(scan func(...any) error) error {
		var key string
		err := scan(&key)
		keys[key]++
		_, there := l.rows[title(key)]
		if _, erasing := l.w.erased[key]; !there && !erasing {
			l.damage("the key %s is used, and nothing was done under it", key)
		}
		return err
	})
	for t := range l.rows {
		if key := strings.TrimPrefix(t, title("")); keys[key] != 1 {
			l.damage("%s has %d keys; a change and its key are one", t, keys[key])
		}
	}
	return err
}

// bytes reads the blobs of what is new. Every record's bytes must be there,
// acknowledged or not.
func (l *look) bytes() {
	for _, key := range slices.Concat(l.w.fresh, l.w.Tried) {
		r, there := l.rows[title(key)]
		if !there { // nobody was told that it is, or it was erased
			continue
		}
		got, err := l.e.Vault.Get(l.ctx, l.org, r.Address)
		if err != nil {
			l.lose("the bytes of %s: %v", key, err)
		} else if !bytes.Equal(got, l.w.bytesOf(key)) {
			l.damage("the bytes of %s are others, and nothing says so", key)
		}
	}
	l.w.fresh = nil
}

// heads checks that the log extends every head that was held.
func (l *look) heads(held []canon.Checkpoint) {
	for _, c := range held {
		if c.Origin == l.log.Origin {
			l.extends("held", c.Size, c.Root)
		}
	}
}

// extends computes the root of the log's beginning by itself.
func (l *look) extends(what string, size int64, root [32]byte) {
	if size > int64(len(l.leaves)) {
		l.lose("a head of %d entries was %s, and there are %d", size, what, len(l.leaves))
		return
	}
	var tree canon.Tree
	for _, leaf := range l.leaves[:size] {
		tree.Add(leaf)
	}
	if [32]byte(tree.Root()) != root {
		l.lose("the first %d entries are not those whose head was %s", size, what)
	}
}

// receipts checks every receipt against the entry that is there now.
func (l *look) receipts() {
	seen := map[int64]bool{}
	for _, r := range l.w.Receipts {
		p, err := parseReceipt(r.Text, l.log.VKeyAt)
		if err != nil {
			l.damage("the receipt of %s: %v", r.Key, err)
			continue
		}
		if p.index >= int64(len(l.leaves)) {
			l.lose("%s has a receipt as entry %d, and there are %d", r.Key, p.index, len(l.leaves))
			continue
		}
		if a, ok := l.w.Taken[r.Key]; !ok || a.Entry != p.index {
			l.damage("the receipt of %s is for entry %d", r.Key, p.index)
		}
		if err := p.verify(l.leaves[p.index]); err != nil {
			l.lose("the receipt of %s: %v", r.Key, err)
		}
		if !seen[p.size] {
			seen[p.size] = true
			l.extends("signed in a receipt", p.size, p.root)
		}
	}
}

// bundles verifies the exports that were acknowledged.
func (l *look) bundles() {
	for _, path := range l.w.exported {
		b, err := os.ReadFile(path)
		if err != nil {
			l.lose("an export: %v", err)
			continue
		}
		report, err := bundle.Verify(bytes.NewReader(b), int64(len(b)), bundle.Options{File: filepath.Base(path), Keys: []string{l.log.VKey()}})
		if err != nil || len(report.Problems) > 0 {
			l.damage("the export %s: %v, %v", filepath.Base(path), err, report)
		}
	}
	l.w.exported = nil
}

// goOn takes one more piece in and has it signed: what survived must also work.
func (l *look) goOn() {
	before := len(l.w.Receipts)
	x := &worker{desk: taker(l.e, l.org), w: hearing{l}}
	if err := x.take(l.ctx, fmt.Sprintf("after-%d", len(l.w.Taken)), true); err != nil {
		l.damage("it does not work on: %v", err)
	} else if len(l.w.Receipts) == before {
		l.damage("it works on without a receipt")
	}
}

// hearing lets the oracle's own work be remembered like a child's.
type hearing struct{ l *look }

func (h hearing) Write(line []byte) (int, error) {
	if err := h.l.w.hear(strings.Fields(string(line))); err != nil {
		h.l.damage("%s: %v", bytes.TrimSpace(line), err)
	}
	return len(line), nil
}

// heldHeads reads the file of held heads by itself. One cut short is the last.
func heldHeads(path string) (out []canon.Checkpoint, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for entry := range strings.SplitAfterSeq(string(b), "\n\n") {
		text, whole := strings.CutSuffix(entry, "\n")
		if !whole || !strings.HasSuffix(text, "\n") {
			continue
		}
		c, err := canon.ParseCheckpoint(text)
		if err != nil {
			return out, err
		}
		out = append(out, c)
	}
	return out, err
}

// proof is a receipt, taken apart.
type proof struct {
	index, size int64
	hashes      [][32]byte
	root        [32]byte
}

// parseReceipt reads the C2SP form and checks the signature. It shares no code
// with what wrote it but the text of a checkpoint.
func parseReceipt(text string, keyAt func(size int64) string) (p proof, err error) {
	head, note, ok := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		return p, fmt.Errorf("it has not the form of one: %q", head)
	}
	if p.index, err = strconv.ParseInt(lines[1][len("index "):], 10, 64); err != nil {
		return p, err
	}
	for _, line := range lines[2:] {
		h, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(h) != 32 {
			return p, fmt.Errorf("%q is no hash", line)
		}
		p.hashes = append(p.hashes, [32]byte(h))
	}
	body, signature, _ := strings.Cut(note, "\n\n— ")
	c, err := canon.ParseCheckpoint(body + "\n")
	if err != nil {
		return p, err
	}
	p.size, p.root = c.Size, c.Root
	origin, public, err := canon.ParseVKey(keyAt(p.size)) // a key may have been changed since
	if err != nil {
		return p, err
	}
	signature, ours := strings.CutPrefix(signature, origin+" ")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(signature))
	if err != nil || !ours || len(raw) != 4+ed25519.SignatureSize || !ed25519.Verify(public, []byte(body+"\n"), raw[4:]) {
		return p, fmt.Errorf("its head is not signed by the log: %q", note)
	}
	return p, nil
}

// verify is the algorithm of RFC 9162, section 2.1.3.2.
func (p proof) verify(leaf []byte) error {
	if p.index >= p.size {
		return fmt.Errorf("entry %d is not among %d", p.index, p.size)
	}
	r := sha256.Sum256(append([]byte{0}, leaf...))
	fn, sn := p.index, p.size-1
	for _, h := range p.hashes {
		if sn == 0 {
			return errors.New("its path is too long")
		}
		if fn&1 == 1 || fn == sn {
			r = sha256.Sum256(slices.Concat([]byte{1}, h[:], r[:]))
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = sha256.Sum256(slices.Concat([]byte{1}, r[:], h[:]))
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 || r != p.root {
		return fmt.Errorf("the path of entry %d does not lead to the signed root", p.index)
	}
	return nil
}
