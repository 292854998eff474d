// Package ledger is the Merkle log: every change leaves an entry in it, in the
// transaction of the change itself, and signed heads make it impossible to
// take one back unseen. docs/ledger.md specifies the bytes.
package ledger

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/seal"
)

// How far the clock may fall behind the log before entries say so, and before
// they are refused.
const (
	clockSlack = 2 * time.Second
	clockLimit = 5 * time.Minute
)

// Ledger appends to the logs of an installation and signs their heads.
type Ledger struct {
	db    *db.DB
	root  *seal.Root
	held  *Held
	clock clock.Clock
	log   *slog.Logger

	wake   chan struct{}
	locked atomic.Pointer[string] // why nothing is signed or appended any more

	mu     sync.Mutex
	signed chan struct{} // closed and replaced at every new checkpoint
}

// New joins the ledger's parts. Check must pass before the first append.
func New(d *db.DB, root *seal.Root, held *Held, c clock.Clock, log *slog.Logger) *Ledger {
	return &Ledger{db: d, root: root, held: held, clock: c, log: log,
		wake: make(chan struct{}, 1), signed: make(chan struct{})}
}

const (
	insertLog = `INSERT INTO ledger_log (org_id, id, origin, epoch, base, generation, public_key, demo, created)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	takeHead = `INSERT INTO ledger_head (org_id, log_id, size, recorded) VALUES (?, ?, 1, ?)
		ON CONFLICT (org_id, log_id) DO UPDATE SET size = ledger_head.size + 1,
			recorded = CASE WHEN excluded.recorded > ledger_head.recorded THEN excluded.recorded ELSE ledger_head.recorded END
		WHERE NOT ledger_head.closed
		RETURNING size, recorded`
	insertLeaf    = "INSERT INTO ledger_leaf (org_id, log_id, idx, kind, recorded, leaf) VALUES (?, ?, ?, ?, ?, ?)"
	insertHash    = "INSERT INTO ledger_hash (org_id, log_id, pos, hash) VALUES (?, ?, ?, ?)"
	selectHash    = "SELECT hash FROM ledger_hash WHERE org_id = ? AND log_id = ? AND pos = ?"
	insertOpening = "INSERT INTO ledger_opening (org_id, log_id, idx, label, salt, payload) VALUES (?, ?, ?, ?, ?, ?)"
)

// newKey derives the signing key of a log. The log's id stands in for its
// origin, because the origin is made from this very key.
func (l *Ledger) newKey(log id.Log, generation int64) ed25519.PrivateKey {
	return logKey(l.root, log, generation)
}

func logKey(root *seal.Root, log id.Log, generation int64) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(root.Derive(string(log), fmt.Sprintf("tickmark/log-key/v1\n%d", generation)))
}

// private is the key of a log that is in force. While the root key is changed
// there are two, and either may have made it.
func (l *Ledger) private(log *Log) (ed25519.PrivateKey, error) {
	for _, root := range l.root.Each() {
		if key := logKey(root, log.ID, log.Generation); key.Public().(ed25519.PublicKey).Equal(log.PublicKey) {
			return key, nil
		}
	}
	return nil, fmt.Errorf("the root key does not fit log %s: was another root key put in place?", log.Origin)
}

func (l *Ledger) signer(log *Log) (note.Signer, error) {
	key, err := l.private(log)
	if err != nil {
		return nil, err
	}
	return canon.NewSigner(log.Origin, key)
}

// Create starts the log of an organization with its genesis entry.
func (l *Ledger) Create(tx *db.Tx, org id.Org, demo bool, now time.Time) (*Log, error) {
	if why := l.locked.Load(); why != nil {
		return nil, fault.Conflict("The log is read-only: %s", *why)
	}
	if _, byHand := l.clock.(*clock.Moved); byHand {
		demo = true // whose clock was set by hand says so for good
	}
	lg := &Log{Epoch: 1, Demo: demo}
	return lg, l.start(tx, org, lg, Entry{}, now)
}

// find is LogOf outside a transaction, with all keys, so that what the caller
// reads next is no older than what it looks at in between.
func (l *Ledger) find(ctx context.Context, org id.Org) (*Log, error) {
	var lg *Log
	err := l.db.Read(ctx, string(org), func(tx *db.Tx) (err error) {
		if lg, err = l.LogOf(tx, org); err == nil {
			err = lg.readKeys(tx, org)
		}
		return err
	})
	return lg, err
}

// An Entry is what one leaf says: in the clear its kind and positions, hidden
// behind commitments the rest.
type Entry struct {
	Kind       canon.Kind
	Actor      string // canonical JSON
	Body       string // canonical JSON
	Content    string // canon.Content, empty when there is none
	Items      *canon.Items
	Supersedes []int64 // entry numbers; those of earlier logs are left out of the leaf
	Erases     []int64 // entry numbers of the log that takes entries; see Erasing
	Answers    *canon.Answers

	next ed25519.PublicKey // the key that it puts in the place of the present one
}

// Append writes an entry within the transaction of what it records, and
// returns its number. It locks the log's head until the transaction ends, so
// it comes last where it can.
func (l *Ledger) Append(tx *db.Tx, org id.Org, e Entry, now time.Time) (int64, error) {
	if why := l.locked.Load(); why != nil {
		return 0, fault.Conflict("The log is read-only: %s", *why)
	}
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return 0, err
	}
	return l.append(tx, org, lg, e, now)
}

func (l *Ledger) append(tx *db.Tx, org id.Org, lg *Log, e Entry, now time.Time) (int64, error) {
	var size, recorded int64
	err := tx.Row(takeHead, []any{org, lg.ID, clock.Millis(now)}, &size, &recorded)
	if errors.Is(err, db.ErrNone) {
		return 0, errContinued
	}
	if err != nil {
		return 0, err
	}
	index, at := size-1, clock.FromMillis(recorded)
	if at.Sub(now) > clockLimit {
		return 0, errClock(now, at)
	}
	leaf := canon.Leaf{Log: lg.Origin, Index: index, Recorded: at, Kind: e.Kind, Items: e.Items, Answers: e.Answers}
	leaf.Supersedes, _ = lg.own(e.Supersedes)
	var earlier []int64
	if leaf.Erases, earlier = lg.own(e.Erases); len(earlier) > 0 {
		return 0, fault.Conflict("Entry %d stands in a log that this one continues: erase it by an entry of its own.", earlier[0])
	}
	if index == 0 {
		leaf.Key, leaf.Demo = lg.PublicKey, lg.Demo
	}
	if e.next != nil {
		key, err := l.private(lg)
		if err != nil {
			return 0, err
		}
		leaf.Key = e.next
		leaf.Signed = ed25519.Sign(key, []byte(canon.RotationText(lg.Origin, index, e.next)))
	}
	if err := l.commit(tx, org, lg, &leaf, e); err != nil {
		return 0, err
	}
	data, err := leaf.Encode()
	if err != nil {
		return 0, fmt.Errorf("entry %d: %w", index, err)
	}
	if _, err := tx.Exec(insertLeaf, org, lg.ID, index, string(e.Kind), recorded, data); err != nil {
		return 0, err
	}
	hashes, err := tlog.StoredHashesForRecordHash(index, canon.LeafHash(data), l.reader(tx, org, lg))
	if err != nil {
		return 0, fmt.Errorf("entry %d: %w", index, err)
	}
	pos := tlog.StoredHashIndex(0, index)
	for i, h := range hashes {
		if _, err := tx.Exec(insertHash, org, lg.ID, pos+int64(i), h[:]); err != nil {
			return 0, err
		}
	}
	tx.OnCommit(l.poke)
	return lg.Base + index, nil
}

func errClock(now, last time.Time) error {
	return fault.Conflict("The clock stands at %s, but the log's last entry is from %s. Set the clock; nothing is recorded until then.",
		canon.FormatTime(now), canon.FormatTime(last))
}

// commit stores the openings and puts their commitments into the leaf.
func (l *Ledger) commit(tx *db.Tx, org id.Org, lg *Log, leaf *canon.Leaf, e Entry) error {
	for _, c := range []struct{ label, payload string }{
		{canon.LabelActor, e.Actor}, {canon.LabelBody, e.Body}, {canon.LabelContent, e.Content},
	} {
		if c.payload == "" {
			continue
		}
		var r [32]byte
		rand.Read(r[:])
		if leaf.Commit == nil {
			leaf.Commit = map[string][32]byte{}
		}
		leaf.Commit[c.label] = canon.Commit(r, c.label, c.payload)
		if _, err := tx.Exec(insertOpening, org, lg.ID, leaf.Index, c.label, r[:], c.payload); err != nil {
			return err
		}
	}
	return nil
}

// Behind reports by how much now lags the log's last entry, when it does so
// by more than clocks commonly wander.
func (l *Ledger) Behind(tx *db.Tx, org id.Org, now time.Time) (time.Duration, error) {
	var size, recorded int64
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return 0, err
	}
	err = tx.Row(selectHead, []any{org, lg.ID}, &size, &recorded)
	if d := clock.FromMillis(recorded).Sub(now); err == nil && d > clockSlack {
		return d, nil
	}
	return 0, err
}

func (l *Ledger) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// lock makes the ledger read-only until a restart.
func (l *Ledger) lock(format string, args ...any) error {
	why := fmt.Sprintf(format, args...)
	if l.locked.CompareAndSwap(nil, &why) {
		l.log.Error("the log is read-only", "why", why)
	}
	return fault.Conflict("The log is read-only: %s", why)
}

// Locked says why the ledger is read-only, or "".
func (l *Ledger) Locked() string {
	if w := l.locked.Load(); w != nil {
		return *w
	}
	return ""
}

// Run signs new heads until ctx ends: at once after a commit here, and within
// a second after one of another process.
func (l *Ledger) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if l.Locked() == "" { // it has said why once
			if err := l.SealAll(ctx); err != nil && ctx.Err() == nil {
				l.log.Error("signing", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		case <-tick.C:
		}
	}
}
