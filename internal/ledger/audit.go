package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
)

// Audit reads the logs of an organization back: every leaf and every hash
// against the tree they make, the tree against the heads signed before, every
// row and opening against its leaf. It returns how many entries it read.
func (l *Ledger) Audit(ctx context.Context, org id.Org) (int64, error) {
	lg, err := l.find(ctx, org)
	if err != nil {
		return 0, err
	}
	held, _ := l.held.Of(lg.Origin) // before the log is read: it may be signed further meanwhile
	var read int64
	err = l.db.Read(ctx, string(org), func(tx *db.Tx) error {
		logs, err := l.Logs(tx, org)
		if err != nil {
			return err
		}
		a := auditor{l: l, logs: logs, missing: map[int64]string{}}
		for _, lg := range slices.Backward(logs) {
			var size int64
			if lg == logs[0] {
				_, size, err = l.stands(tx, org, lg, held)
			} else {
				size, err = l.signedStands(tx, org, lg)
			}
			if err != nil {
				return err
			}
			if err := l.reread(tx, org, lg, &frontier{}, size); err != nil {
				return err
			}
			if err := a.entries(tx, org, lg, size); err != nil {
				return err
			}
			read += size
		}
		return a.end()
	})
	return read, err
}

// auditor is what an audit carries from entry to entry.
type auditor struct {
	l       *Ledger
	logs    []*Log
	lg      *Log
	last    int64            // when the entry before was recorded
	missing map[int64]string // entry → label whose opening is not there
}

func (a *auditor) end() error {
	for number, label := range a.missing {
		return a.l.lock("the %s of entry %d is gone, and no entry says that it was erased", label, number)
	}
	return nil
}

func (a *auditor) entries(tx *db.Tx, org id.Org, lg *Log, size int64) error {
	l := a.l
	a.lg = lg
	const batch = 500
	for at := int64(0); at < size; at += batch {
		to := min(at+batch, size)
		rows, err := db.Rows(tx, selectRows, []any{org, lg.ID, at, to}, scanRow)
		if err != nil {
			return err
		}
		openings, err := l.OpeningsOf(tx, org, lg, at, to)
		if err != nil {
			return err
		}
		for _, r := range rows {
			n := 0
			for n < len(openings) && openings[n].Index == r.Index {
				n++
			}
			if err := a.entry(r, openings[:n]); err != nil {
				return err
			}
			openings = openings[n:]
		}
		if len(openings) > 0 {
			return l.lock("an opening names entry %d, which is not there", openings[0].Index)
		}
	}
	return nil
}

// entry checks one row and its openings against the leaf, whose bytes are
// known to be those recorded.
func (a *auditor) entry(r Row, openings []Opening) error {
	leaf, err := canon.ParseLeaf(r.Leaf)
	if err != nil {
		return fmt.Errorf("entry %d: %w", r.Index, err)
	}
	if leaf.Log != a.lg.Origin || leaf.Index != r.Index || leaf.Kind != r.Kind || !leaf.Recorded.Equal(r.Recorded) {
		return a.l.lock("the row of entry %d says something else than its leaf", r.Index)
	}
	at := clock.Millis(leaf.Recorded)
	if at < a.last {
		return a.l.lock("entry %d claims to be older than the one before it", r.Index)
	}
	a.last = at
	if r.Index == 0 && leaf.Demo != a.lg.Demo {
		return a.l.lock("the log's row says something else than its first entry")
	}
	number := a.lg.Base + r.Index
	for _, o := range openings {
		if canon.Commit(o.Salt, o.Label, o.Payload) != leaf.Commit[o.Label] {
			return a.l.lock("the %s of entry %d is not what was recorded", o.Label, number)
		}
	}
	for label := range leaf.Commit {
		if !slices.ContainsFunc(openings, func(o Opening) bool { return o.Label == label }) {
			a.missing[number] = label
		}
	}
	for _, n := range erased(a.logs, leaf) {
		delete(a.missing, n)
	}
	return nil
}

// A Place is how far a reading of an organization's logs has come. It is stored
// between pieces, so that a restart goes on where it was.
type Place struct {
	Epoch   int64            `json:"epoch,omitempty"`   // of the log being read; 0 before the oldest
	Index   int64            `json:"index"`             // its next entry
	Last    int64            `json:"last"`              // when the entry before was recorded
	Roots   [][]byte         `json:"roots,omitempty"`   // the tree so far
	Missing map[int64]string `json:"missing,omitempty"` // entry → label whose opening is not there, so far without a word
}

// sound reports whether a stored place can be gone on from: it lay in the
// database like everything else.
func (p Place) sound() bool {
	return p.Index >= 0 && len(p.Roots) == bits.OnesCount64(uint64(p.Index)) &&
		!slices.ContainsFunc(p.Roots, func(b []byte) bool { return len(b) != tlog.HashSize })
}

// A Flaw is something in a log that is not as it was recorded.
type Flaw struct {
	Where string // such as "entry 5"
	Text  string
}

// Opened is an entry with what is kept of its openings.
type Opened struct {
	Row
	Parsed   canon.Leaf
	Openings []Opening
	Whole    bool // leaf and openings are as recorded
}

// A Piece is a stretch of entries, by their numbers, read in one transaction.
type Piece struct {
	From, To int64
	Size     int64 // of all logs, in this transaction
	Done     bool  // nothing follows
	Entries  []Opened
	Flaws    []Flaw
	Next     Place
	// Erased are the entries that an erasure names.
	Erased map[int64]bool
}

// Reread reads the next n entries after a place: what Audit does, in pieces,
// and without locking anything: it goes on behind a flaw and names all. fn sees
// the piece in the transaction that read it.
func (l *Ledger) Reread(ctx context.Context, org id.Org, at Place, n int64, fn func(tx *db.Tx, p *Piece) error) error {
	if !at.sound() {
		at = Place{}
	}
	held, err := l.heldOf(ctx, org) // before the log is read: it may be signed further meanwhile
	if err != nil {
		return err
	}
	return l.db.Read(ctx, string(org), func(tx *db.Tx) error {
		logs, err := l.Logs(tx, org)
		if err != nil {
			return err
		}
		slices.Reverse(logs)
		r := rereader{l: l, tx: tx, org: org, logs: logs, lg: logs[0]}
		for i, lg := range logs {
			if lg.Epoch == at.Epoch {
				r.lg, r.later = lg, logs[i+1:]
			}
		}
		if at.Epoch != r.lg.Epoch {
			at, r.later = Place{Epoch: r.lg.Epoch}, logs[1:]
		}
		r.held = held[r.lg.Origin]
		for _, step := range []func() error{func() error { return r.open(at, n) }, r.entries, r.checkpoints, r.end} {
			if err := step(); err != nil {
				return err
			}
		}
		return fn(tx, &r.Piece)
	})
}

// heldOf reads the heads held outside the database. A head is held a moment
// before its checkpoint is stored, so one that is ahead is given that moment.
func (l *Ledger) heldOf(ctx context.Context, org id.Org) (map[string]canon.Checkpoint, error) {
	out := map[string]canon.Checkpoint{}
	for range 10 {
		ahead := false
		err := l.db.Read(ctx, string(org), func(tx *db.Tx) error {
			logs, err := l.Logs(tx, org)
			for i, lg := range logs {
				held, known := out[lg.Origin]
				if !known {
					held, _ = l.held.Of(lg.Origin)
					out[lg.Origin] = held
				}
				var top int64
				if err == nil && i == 0 {
					err = tx.Row(selectTop, []any{org, lg.ID}, &top)
					ahead = held.Size > top
				}
			}
			return err
		})
		if err != nil || !ahead {
			return out, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return out, nil
}

const selectTop = "SELECT COALESCE(MAX(size), 0) FROM ledger_checkpoint WHERE org_id = ? AND log_id = ?"

// rereader is one piece being read. Positions in it are indices of one log.
type rereader struct {
	Piece
	l     *Ledger
	tx    *db.Tx
	org   id.Org
	logs  []*Log // the oldest first
	lg    *Log
	later []*Log
	held  canon.Checkpoint

	from, to, size int64
	recorded       int64 // when the head says that the last entry was
	tree           frontier
	stored         map[int64][]byte    // hashes by position
	roots          map[int64]tlog.Hash // of the sizes that somebody signed
	signed         []storedCheckpoint  // whose size lies in this piece
	opened         map[int64][]Opening
	leaves         map[int64]Row
}

type storedCheckpoint struct {
	size int64
	note string
}

const (
	selectSigned   = "SELECT size, note FROM ledger_checkpoint WHERE org_id = ? AND log_id = ? AND size > ? AND size <= ? ORDER BY size"
	selectErasures = "SELECT idx, kind, recorded, leaf FROM ledger_leaf WHERE org_id = ? AND kind = 'erasure'"
)

func (r *rereader) flaw(where, format string, args ...any) {
	r.Flaws = append(r.Flaws, Flaw{Where: where, Text: fmt.Sprintf(format, args...)})
}

// entry names an index as people do: by its number through all logs.
func (r *rereader) name(index int64) string { return fmt.Sprintf("entry %d", r.lg.Base+index) }

// open reads everything that is stored of the piece.
func (r *rereader) open(at Place, n int64) error {
	err := r.tx.Row(selectHead, []any{r.org, r.lg.ID}, &r.size, &r.recorded)
	if errors.Is(err, db.ErrNone) {
		r.flaw("the log", "its head is gone")
		err = nil
	}
	if err != nil {
		return err
	}
	if r.from, r.to = at.Index, min(at.Index+n, r.size); r.from > r.size {
		r.flaw("the log", "it has %d entries, but %d were read before", r.size, r.from)
		r.to = r.from
	}
	r.From, r.To, r.Size, r.Next = r.lg.Base+r.from, r.lg.Base+r.to, r.lg.Base+r.size, at
	r.tree = frontier{size: at.Index}
	for _, b := range at.Roots {
		r.tree.roots = append(r.tree.roots, tlog.Hash(b))
	}
	if r.Next.Missing = maps.Clone(at.Missing); r.Next.Missing == nil {
		r.Next.Missing = map[int64]string{}
	}
	rows, err := db.Rows(r.tx, selectRows, []any{r.org, r.lg.ID, r.from, r.to}, scanRow)
	if err != nil {
		return err
	}
	r.leaves = map[int64]Row{}
	for _, row := range rows {
		r.leaves[row.Index] = row
	}
	if err := r.openings(); err != nil {
		return err
	}
	hashes, err := db.Rows(r.tx, selectHashes, []any{r.org, r.lg.ID, stored(r.from), stored(r.to)}, scanNumbered)
	if err != nil {
		return err
	}
	r.stored = make(map[int64][]byte, len(hashes))
	for _, h := range hashes {
		r.stored[h.at] = h.data
	}
	return r.claims()
}

// claims reads what was signed of the piece, and what was erased anywhere.
func (r *rereader) claims() (err error) {
	r.roots = map[int64]tlog.Hash{r.held.Size: {}}
	r.signed, err = db.Rows(r.tx, selectSigned, []any{r.org, r.lg.ID, r.from, r.to}, func(scan func(...any) error, c *storedCheckpoint) error {
		return scan(&c.size, &c.note)
	})
	if err != nil {
		return err
	}
	for _, c := range r.signed {
		r.roots[c.size] = tlog.Hash{}
	}
	rows, err := db.Rows(r.tx, selectErasures, []any{r.org}, scanRow)
	r.Erased = map[int64]bool{}
	for _, row := range rows {
		if leaf, err := canon.ParseLeaf(row.Leaf); err == nil {
			for _, n := range erased(r.logs, leaf) {
				r.Erased[n] = true
			}
		}
	}
	return err
}

// erased gives the numbers of what an entry erases: in its own log, or in one
// that it continues.
func erased(logs []*Log, leaf canon.Leaf) []int64 {
	if leaf.Kind != canon.KindErasure {
		return nil
	}
	var out []int64
	for _, lg := range logs {
		if lg.Origin == leaf.Log {
			for _, i := range leaf.Erases {
				out = append(out, lg.Base+i)
			}
		}
		if leaf.Answers != nil && leaf.Answers.Log == lg.Origin {
			out = append(out, lg.Base+leaf.Answers.Index)
		}
	}
	return out
}

// stored is where the hashes of an entry begin.
func stored(index int64) int64 {
	if index == 0 {
		return 0
	}
	return tlog.StoredHashIndex(0, index)
}

// openings reads what is kept, whatever its shape: a salt cut short is a flaw
// and not the end of reading.
func (r *rereader) openings() error {
	r.opened = map[int64][]Opening{}
	return r.tx.Each(selectOpenings, []any{r.org, r.lg.ID, r.from, r.to}, func(scan func(...any) error) error {
		var (
			o    Opening
			salt []byte
		)
		if err := scan(&o.Index, &o.Label, &salt, &o.Payload); err != nil {
			return err
		}
		if len(salt) == len(o.Salt) { // otherwise it opens nothing, and so it is found
			copy(o.Salt[:], salt)
		}
		r.opened[o.Index] = append(r.opened[o.Index], o)
		return nil
	})
}

// entries adds the piece's leaves to the tree and checks each against what is
// stored of it.
func (r *rereader) entries() error {
	for i := r.from; i < r.to; i++ {
		row, there := r.leaves[i]
		hash, own := canon.LeafHash(row.Leaf), r.stored[stored(i)]
		switch {
		case !there:
			r.flaw(r.name(i), "it is gone")
		case string(own) != string(hash[:]):
			r.flaw(r.name(i), "it is not what was recorded")
		}
		if len(own) == len(hash) { // so that one changed leaf is not told of every hash above it
			hash = tlog.Hash(own)
		}
		for k, want := range r.tree.add(hash) {
			if at := stored(i) + int64(k); k > 0 && string(r.stored[at]) != string(want[:]) {
				r.flaw(r.name(i), "a hash over it is not the one that the entries make")
			}
		}
		if _, asked := r.roots[i+1]; asked {
			r.roots[i+1] = r.tree.root()
		}
		if there {
			r.entry(row)
		}
	}
	r.Next.Index, r.Next.Roots = r.to, nil
	for _, h := range r.tree.roots {
		r.Next.Roots = append(r.Next.Roots, h[:])
	}
	return nil
}

func (r *rereader) entry(row Row) {
	before, where, number := len(r.Flaws), r.name(row.Index), r.lg.Base+row.Index
	leaf, err := canon.ParseLeaf(row.Leaf)
	if err != nil {
		r.flaw(where, "its bytes are not those of an entry: %s", err)
		return
	}
	if leaf.Log != r.lg.Origin || leaf.Index != row.Index || leaf.Kind != row.Kind || !leaf.Recorded.Equal(row.Recorded) {
		r.flaw(where, "its row says something else than its bytes")
	}
	if at := clock.Millis(leaf.Recorded); at < r.Next.Last {
		r.flaw(where, "it claims to be older than the one before it")
	} else {
		r.Next.Last = at
	}
	openings := r.opened[row.Index]
	for _, o := range openings {
		if canon.Commit(o.Salt, o.Label, o.Payload) != leaf.Commit[o.Label] {
			r.flaw(where, "its %s is not what was recorded", o.Label)
		}
	}
	for label := range leaf.Commit {
		if !slices.ContainsFunc(openings, func(o Opening) bool { return o.Label == label }) {
			r.Next.Missing[number] = label
		}
	}
	for _, n := range erased(r.logs, leaf) {
		delete(r.Next.Missing, n)
	}
	r.keys(where, leaf)
	row.Index = number
	r.Entries = append(r.Entries, Opened{Row: row, Parsed: leaf, Openings: openings, Whole: len(r.Flaws) == before})
}

// keys compares the rows of the log and of its keys with the entries that say
// what they are.
func (r *rereader) keys(where string, leaf canon.Leaf) {
	if leaf.Index == 0 {
		if r.lg.Demo != leaf.Demo {
			r.flaw("the log", "its row says something else than its first entry")
		}
		if _, err := r.l.signer(r.lg); err != nil {
			r.flaw("the log", "%s", err)
		}
	}
	is := slices.IndexFunc(r.lg.Keys, func(k Key) bool { return k.From == leaf.Index })
	if (is >= 0) != (leaf.Key != nil) || is >= 0 && string(r.lg.Keys[is].PublicKey) != string(leaf.Key) {
		r.flaw("the keys of the log", "they are not those of %s", where)
	}
}

// checkpoints compares what was signed with the tree.
func (r *rereader) checkpoints() error {
	for _, s := range r.signed {
		where := fmt.Sprintf("checkpoint %d", s.size)
		c := Checkpoint{Checkpoint: canon.Checkpoint{Size: s.size}, Note: []byte(s.note)}
		if err := c.open(r.lg); err != nil {
			r.flaw(where, "it is not as it was signed: %s", err)
		} else if c.Root != r.roots[s.size] {
			r.flaw(where, "the first %d entries are not those that were signed", s.size)
		}
	}
	if h := r.held; h.Size > r.from && h.Size <= r.to && h.Root != r.roots[h.Size] {
		r.flaw("the log", "the first %d entries are not those of the head held outside the database", h.Size)
	}
	return nil
}

const (
	selectBeyond = `SELECT (SELECT COUNT(*) FROM ledger_leaf l WHERE l.org_id = ? AND l.log_id = ? AND (l.idx >= ? OR l.idx < 0)),
		(SELECT COUNT(*) FROM ledger_hash h WHERE h.org_id = ? AND h.log_id = ? AND (h.pos >= ? OR h.pos < 0)),
		(SELECT COUNT(*) FROM ledger_opening o WHERE o.org_id = ? AND o.log_id = ? AND (o.idx >= ? OR o.idx < 0)),
		(SELECT COUNT(*) FROM ledger_checkpoint c WHERE c.org_id = ? AND c.log_id = ? AND (c.size > ? OR c.size < 1)),
		(SELECT COALESCE(MAX(t.size), 0) FROM ledger_checkpoint t WHERE t.org_id = ? AND t.log_id = ?)`
	selectForeign = `SELECT (SELECT COUNT(*) FROM ledger_leaf l WHERE l.org_id = ? AND l.log_id NOT IN (SELECT x.id FROM ledger_log x WHERE x.org_id = ?))
		+ (SELECT COUNT(*) FROM ledger_hash h WHERE h.org_id = ? AND h.log_id NOT IN (SELECT x.id FROM ledger_log x WHERE x.org_id = ?))
		+ (SELECT COUNT(*) FROM ledger_opening o WHERE o.org_id = ? AND o.log_id NOT IN (SELECT x.id FROM ledger_log x WHERE x.org_id = ?))
		+ (SELECT COUNT(*) FROM ledger_checkpoint c WHERE c.org_id = ? AND c.log_id NOT IN (SELECT x.id FROM ledger_log x WHERE x.org_id = ?))
		+ (SELECT COUNT(*) FROM ledger_head d WHERE d.org_id = ? AND d.log_id NOT IN (SELECT x.id FROM ledger_log x WHERE x.org_id = ?))`
)

// end checks, behind the last entry of a log, what no single entry shows, and
// goes on to the log that continues it.
func (r *rereader) end() error {
	if r.to < r.size {
		return nil
	}
	o, g := r.org, r.lg.ID
	var leaves, hashes, openings, checkpoints, top, foreign int64
	if err := r.tx.Row(selectBeyond, []any{o, g, r.size, o, g, stored(r.size), o, g, r.size, o, g, r.size, o, g},
		&leaves, &hashes, &openings, &checkpoints, &top); err != nil {
		return err
	}
	if err := r.tx.Row(selectForeign, []any{o, o, o, o, o, o, o, o, o, o}, &foreign); err != nil {
		return err
	}
	if beyond := leaves + hashes + openings + checkpoints + foreign; beyond > 0 {
		r.flaw("the log", "%d of its rows belong to no entry", beyond)
	}
	if r.recorded != r.Next.Last {
		r.flaw("the log", "its head gives another time than its last entry")
	}
	if len(r.later) > 0 { // it was given up, perhaps shorter than it had been signed
		if r.later[0].Base != r.Size {
			r.flaw("the log", "the one that continues it begins at %d, and it has %d entries", r.later[0].Base, r.Size)
		}
		r.Next = Place{Epoch: r.later[0].Epoch, Last: r.Next.Last, Missing: r.Next.Missing}
		return nil
	}
	r.Done = true
	if r.held.Size > r.size {
		r.flaw("the log", "it has %d entries, but %d were signed before", r.size, r.held.Size)
	}
	if r.held.Size > top {
		r.flaw(fmt.Sprintf("checkpoint %d", r.held.Size), "it was signed and is gone")
	}
	for number, label := range r.Next.Missing {
		r.flaw(fmt.Sprintf("entry %d", number), "its %s is gone, and no entry says that it was erased", label)
	}
	return nil
}
