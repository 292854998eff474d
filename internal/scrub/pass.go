package scrub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
)

// entriesAPiece is how many entries are read at a time; tests make it less.
var entriesAPiece int64 = 500

// How much else is read at a time.
const (
	blobsAPiece = 50
	bytesAPiece = 8 << 20
)

var errHeld = errors.New("another is reading")

// pass is one organization being read back.
type pass struct {
	*op.Desk
	known map[string]*Layer
	layer Layer
	read  int64 // bytes of blobs
}

// place is what a layer stores between pieces.
type place struct {
	Log  ledger.Place `json:"log,omitzero"`
	Blob string       `json:"blob,omitempty"`
	// Seal is the newest entry of scrubs.keep that was come by, counted from 1.
	Seal int64 `json:"seal,omitempty"`
	// Seen keeps orphans from one pass to the next: see collect.
	Seen map[string]int64 `json:"seen,omitempty"`
}

// Whole reads everything of the desk's organization back, at once, and returns
// what is known then.
func Whole(ctx context.Context, desk *op.Desk) (State, error) {
	for again := true; again; {
		var err error
		if again, _, err = Piece(ctx, desk, true); err != nil {
			return State{}, err
		}
	}
	var s State
	err := desk.DB.Read(ctx, string(desk.Org), func(tx *db.Tx) (err error) {
		s, err = StateOf(tx, desk.Org)
		return err
	})
	return s, err
}

// Piece reads one piece further. It reports whether the pass goes on, and how
// many bytes of blobs it has read. Without begin, it starts no new pass.
func Piece(ctx context.Context, desk *op.Desk, begin bool) (again bool, read int64, err error) {
	p := &pass{Desk: desk}
	err = desk.DB.Read(ctx, string(desk.Org), func(tx *db.Tx) (err error) {
		p.known, err = layersOf(tx, desk.Org)
		return err
	})
	if err != nil {
		return false, 0, err
	}
	p.layer, again = next(p.known, begin, clock.Truncate(desk.Clock.Now()))
	if p.layer.Layer == "" {
		return false, 0, nil
	}
	flaws, done, err := p.step(ctx)
	if err != nil {
		return false, p.read, err
	}
	err = p.file(ctx, flaws, done)
	if errors.Is(err, errHeld) {
		return false, p.read, nil
	}
	if err == nil && done {
		again = p.layer.Layer != layers[len(layers)-1]
		err = p.alarm(ctx)
	}
	return again, p.read, err
}

// next says which layer is to be read on: the first of those of the newest pass
// that is not at its end, or the first of a new pass.
func next(known map[string]*Layer, begin bool, now time.Time) (Layer, bool) {
	newest := int64(0)
	for _, l := range known {
		newest = max(newest, l.Pass)
	}
	for _, name := range layers {
		switch l := known[name]; {
		case newest == 0: // nothing was ever read
		case l != nil && l.Pass == newest && l.Running:
			return *l, true
		case l == nil || l.Pass < newest:
			return begun(name, l, newest, now), true
		}
	}
	if !begin {
		return Layer{}, false
	}
	return begun(layers[0], known[layers[0]], newest+1, now), true
}

func begun(name string, was *Layer, number int64, now time.Time) Layer {
	out := Layer{Layer: name}
	if was != nil {
		out = *was
	}
	out.Pass, out.Started, out.Done = number, now, 0
	return out
}

// step reads one piece of the layer in hand.
func (p *pass) step(ctx context.Context) (flaws []flaw, done bool, err error) {
	var at place
	if p.layer.place != "" && json.Unmarshal([]byte(p.layer.place), &at) != nil {
		at = place{} // it is not as it was stored; the layer is read from its start
	}
	switch p.layer.Layer {
	case Log:
		flaws, done, err = p.logPiece(ctx, &at)
	case Rows:
		var k *keeping
		if flaws, k, err = p.watch(ctx); err == nil {
			done = true
			p.layer.Done, p.layer.Of = int64(len(watches())), int64(len(watches()))
			if p.writable(ctx) {
				err = p.settle(ctx, k)
			}
		}
	case Blobs:
		flaws, done, err = p.blobPiece(ctx, &at)
	}
	if err != nil && p.unreadable(ctx, err) {
		flaws, done, err = append(flaws, flaw{"the " + p.layer.Layer, "it cannot be read: " + err.Error()}), true, nil
	}
	if err != nil {
		return nil, false, err
	}
	if done {
		at = place{Seen: at.Seen, Seal: at.Seal}
	}
	b, err := json.Marshal(at)
	p.layer.place = string(b)
	return flaws, done, err
}

// unreadable reports whether a failure is that of what lies in the database: the
// database itself answers.
func (p *pass) unreadable(ctx context.Context, err error) bool {
	if ctx.Err() != nil || errors.Is(err, db.ErrUnknown) || errors.Is(err, db.ErrStopped) || fault.As(err) != nil || p.DB.Ping(ctx) != nil {
		return false
	}
	return p.layer.Layer == Log || p.layer.Layer == Blobs
}

// writable reports whether the log may be appended to: not if it is locked, nor
// while its tree is damaged, because what is built upon that stays.
func (p *pass) writable(ctx context.Context) bool {
	if p.Ledger.Locked() != "" {
		return false
	}
	var n int64
	err := p.DB.Read(ctx, string(p.Org), func(tx *db.Tx) error { return tx.Row(countBroken, []any{p.Org, Log}, &n) })
	return err == nil && n == 0
}

const countBroken = "SELECT COUNT(*) FROM scrub_finding WHERE org_id = ? AND layer = ? AND resolved = 0"

func (p *pass) logPiece(ctx context.Context, at *place) (out []flaw, done bool, err error) {
	err = p.Ledger.Reread(ctx, p.Org, at.Log, entriesAPiece, func(tx *db.Tx, piece *ledger.Piece) error {
		for _, f := range piece.Flaws {
			out = append(out, flaw{f.Where, f.Text})
		}
		s := &Scan{Context: ctx, Engine: p.Engine, Tx: tx, Org: p.Org}
		entries := map[int64]*Entry{}
		if piece.From == 0 {
			at.Seal = 0
		}
		for _, o := range piece.Entries {
			e := open(o)
			entries[o.Index] = e
			if e.Op == Keep.Name() && e.sealed {
				at.Seal = o.Index + 1
			}
		}
		to := piece.To
		if piece.Done { // with it come rows that name what is not there
			to = math.MaxInt64
		}
		more, err := compare(s, entries, piece.Erased, piece.From, to)
		if err != nil {
			return err
		}
		out = append(out, more...)
		if more, err = contents(s, entries, piece.Erased); err != nil {
			return err
		}
		out = append(out, more...)
		at.Log, done = piece.Next, piece.Done
		p.layer.Done, p.layer.Of = piece.To, piece.Size
		return nil
	})
	return out, done, err
}

// contents checks that what entries vouch for is kept: the blob itself and,
// where that is a list of pieces, each of them.
func contents(s *Scan, entries map[int64]*Entry, erased map[int64]bool) ([]flaw, error) {
	var out []flaw
	for i, e := range entries {
		if e.SHA256 == "" || !e.sealed || erased[i] {
			continue
		}
		address := s.Address(e.SHA256)
		there, err := blob.Kept(s.Tx, s.Org, address)
		if err != nil {
			return nil, err
		}
		if !there {
			out = append(out, flaw{"blob " + address, fmt.Sprintf("the content of entry %d%s is not kept", i, about(e))})
			continue
		}
		if e.Body["media_type"] != canon.MediaTypeChunks {
			continue
		}
		data, err := s.Vault.Get(s, s.Org, address)
		if err != nil {
			continue // the blobs' own layer says what is wrong
		}
		list, err := canon.ParseChunks(data)
		if err != nil {
			out = append(out, flaw{"blob " + address, fmt.Sprintf("the content of entry %d is no list of pieces", i)})
			continue
		}
		for _, piece := range list {
			at, err := s.Vault.AddressOf(s, s.Org, piece.SHA256)
			if err != nil {
				return nil, err
			}
			if there, err := blob.Kept(s.Tx, s.Org, at); err != nil {
				return nil, err
			} else if !there {
				out = append(out, flaw{"blob " + at, fmt.Sprintf("a piece of the content of entry %d%s is not kept", i, about(e))})
			}
		}
	}
	return out, nil
}

func (p *pass) blobPiece(ctx context.Context, at *place) (out []flaw, done bool, err error) {
	if at.Blob == "" {
		p.layer.Done = 0
	}
	list, err := p.Vault.Check(ctx, p.Org, at.Blob, blobsAPiece, bytesAPiece)
	if err != nil {
		return nil, false, err
	}
	for _, c := range list {
		p.read += c.Bytes
		at.Blob = c.Address
		if c.Flaw != "" {
			out = append(out, flaw{"blob " + c.Address, c.Flaw})
		}
	}
	p.layer.Done += int64(len(list))
	err = p.DB.Read(ctx, string(p.Org), func(tx *db.Tx) error {
		p.layer.Of, err = blob.Count(tx, p.Org)
		return err
	})
	if err != nil || len(list) > 0 {
		return out, false, err
	}
	return out, true, p.collect(ctx, at)
}

const (
	upsertState = `INSERT INTO scrub_state (org_id, layer, pass, place, done, about, started, moved, ended, whole, found) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org_id, layer) DO UPDATE SET pass = excluded.pass, place = excluded.place, done = excluded.done, about = excluded.about,
			started = excluded.started, moved = excluded.moved, ended = excluded.ended, whole = excluded.whole, found = excluded.found
		WHERE scrub_state.moved = ?`
	insertFinding = `INSERT INTO scrub_finding (org_id, layer, place, since, text, pass, seen, told, resolved) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0)
		ON CONFLICT (org_id, layer, place, since) DO UPDATE SET pass = excluded.pass, seen = excluded.seen, told = 0, resolved = 0`
	renewFinding = "UPDATE scrub_finding SET text = ?, pass = ?, seen = ? WHERE org_id = ? AND layer = ? AND place = ? AND resolved = 0"
	resolve      = "UPDATE scrub_finding SET resolved = ?, told = 0 WHERE org_id = ? AND layer = ? AND pass < ? AND resolved = 0"
	countFound   = "SELECT COUNT(*) FROM scrub_finding WHERE org_id = ? AND layer = ? AND pass = ? AND resolved = 0"
)

// file stores what a piece found and how far it came, unless another process
// has moved the layer meanwhile.
func (p *pass) file(ctx context.Context, flaws []flaw, done bool) error {
	now := clock.Truncate(p.Clock.Now())
	ms, was := clock.Millis(now), clock.Millis(p.layer.moved)
	if ms <= was { // each move can be told from the one before
		ms = was + 1
	}
	merged := map[string]string{}
	for _, f := range flaws {
		if merged[f.place] != "" && merged[f.place] != f.text {
			f.text = merged[f.place] + "; " + f.text
		}
		merged[f.place] = f.text
	}
	return p.DB.Write(ctx, string(p.Org), func(tx *db.Tx) error {
		l := p.layer
		for place, text := range merged {
			n, err := tx.Exec(renewFinding, text, l.Pass, ms, p.Org, l.Layer, place)
			if err == nil && n == 0 {
				_, err = tx.Exec(insertFinding, p.Org, l.Layer, place, ms, text, l.Pass, ms)
			}
			if err != nil {
				return err
			}
		}
		if done {
			if _, err := tx.Exec(resolve, ms, p.Org, l.Layer, l.Pass); err != nil {
				return err
			}
			l.Ended, l.whole = now, l.Pass
		}
		if err := tx.Row(countFound, []any{p.Org, l.Layer, l.Pass}, &l.Found); err != nil {
			return err
		}
		n, err := tx.Exec(upsertState, p.Org, l.Layer, l.Pass, l.place, l.Done, l.Of, clock.Millis(l.Started), ms, clock.Millis(l.Ended), l.whole, l.Found, was)
		if err == nil && n == 0 {
			return errHeld
		}
		return err
	})
}

// alarmBelow is how many findings one entry names.
const alarmBelow = 50

type telling struct {
	Found, Whole []Finding
	Open         int64
}

const (
	selectUntold = "SELECT layer, place, text, since, seen, resolved FROM scrub_finding WHERE org_id = ? AND told = 0 ORDER BY since, place LIMIT ?"
	markTold     = "UPDATE scrub_finding SET told = ? WHERE org_id = ? AND layer = ? AND place = ? AND since = ?"
)

// alarm tells whoever runs the installation, and the log, what was found since
// the last time and what is whole again.
func (p *pass) alarm(ctx context.Context) error {
	var t telling
	err := p.DB.Read(ctx, string(p.Org), func(tx *db.Tx) error {
		rows, err := db.Rows(tx, selectUntold, []any{p.Org, alarmBelow}, scanFinding)
		for _, f := range rows {
			if f.Resolved.IsZero() {
				t.Found = append(t.Found, f)
			} else {
				t.Whole = append(t.Whole, f)
			}
		}
		if err == nil {
			t.Open, err = Open(tx, p.Org)
		}
		return err
	})
	if err != nil || len(t.Found)+len(t.Whole) == 0 {
		return err
	}
	for _, f := range t.Found {
		p.Log.Error("the proof is broken", "org", p.Org, "layer", f.Layer, "place", f.Place, "why", f.Text)
	}
	for _, f := range t.Whole {
		p.Log.Warn("whole again", "org", p.Org, "layer", f.Layer, "place", f.Place)
	}
	if !p.writable(ctx) {
		return nil // told in the log once the log can be written to
	}
	_, err = Tell.Do(ctx, p.Desk, t)
	if fault.KindOf(err) == fault.KindConflict { // it has been locked meanwhile
		return nil
	}
	return err
}

func tell(c *op.Call, t telling) (int64, error) {
	body := map[string]any{"open": t.Open}
	for name, list := range map[string][]Finding{"found": t.Found, "whole": t.Whole} {
		var out []any
		for _, f := range list {
			out = append(out, map[string]any{"layer": f.Layer, "place": f.Place, "text": f.Text, "since": canon.FormatTime(f.Since)})
			if _, err := c.Tx.Exec(markTold, clock.Millis(c.Now), c.Org, f.Layer, f.Place, clock.Millis(f.Since)); err != nil {
				return 0, err
			}
		}
		if out != nil {
			body[name] = out
		}
	}
	return c.Append(op.Record{Kind: canon.KindOp, Body: body})
}
