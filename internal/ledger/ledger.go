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

	logs   sync.Map // id.Org → *Log
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

// A Log is one organization's log.
type Log struct {
	ID         id.Log
	Origin     string
	Generation int64
	PublicKey  ed25519.PublicKey
	Demo       bool
}

// VKey is the key a verifier pins.
func (l *Log) VKey() string { return canon.VKey(l.Origin, l.PublicKey) }

const (
	insertLog = `INSERT INTO ledger_log (org_id, id, origin, epoch, generation, public_key, demo, created)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	selectLog = `SELECT id, origin, generation, public_key, demo FROM ledger_log WHERE org_id = ?
		ORDER BY epoch DESC LIMIT 1`
	takeHead = `INSERT INTO ledger_head (org_id, log_id, size, recorded) VALUES (?, ?, 1, ?)
		ON CONFLICT (org_id, log_id) DO UPDATE SET size = ledger_head.size + 1,
			recorded = CASE WHEN excluded.recorded > ledger_head.recorded THEN excluded.recorded ELSE ledger_head.recorded END
		RETURNING size, recorded`
	insertLeaf    = "INSERT INTO ledger_leaf (org_id, log_id, idx, kind, recorded, leaf) VALUES (?, ?, ?, ?, ?, ?)"
	insertHash    = "INSERT INTO ledger_hash (org_id, log_id, pos, hash) VALUES (?, ?, ?, ?)"
	selectHash    = "SELECT hash FROM ledger_hash WHERE org_id = ? AND log_id = ? AND pos = ?"
	insertOpening = "INSERT INTO ledger_opening (org_id, log_id, idx, label, salt, payload) VALUES (?, ?, ?, ?, ?, ?)"
)

// key derives the signing key of a log. The log's id stands in for its
// origin, because the origin is made from this very key.
func (l *Ledger) key(log id.Log, generation int64) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(l.root.Derive(string(log), fmt.Sprintf("tickmark/log-key/v1\n%d", generation)))
}

func (l *Ledger) signer(log *Log) (note.Signer, error) {
	key := l.key(log.ID, log.Generation)
	if !key.Public().(ed25519.PublicKey).Equal(log.PublicKey) {
		return nil, fmt.Errorf("the root key does not fit log %s: was another root key put in place?", log.Origin)
	}
	return canon.NewSigner(log.Origin, key)
}

// Create starts the log of an organization with its genesis entry.
func (l *Ledger) Create(tx *db.Tx, org id.Org, demo bool, now time.Time) (*Log, error) {
	if _, byHand := l.clock.(*clock.Moved); byHand {
		demo = true // whose clock was set by hand says so for good
	}
	lg := &Log{ID: id.New[id.Log](now), Generation: 1, Demo: demo}
	lg.PublicKey = l.key(lg.ID, 1).Public().(ed25519.PublicKey)
	lg.Origin = canon.Origin(lg.PublicKey, 1)
	if _, err := tx.Exec(insertLog, org, lg.ID, lg.Origin, 1, 1, []byte(lg.PublicKey), demo, clock.Millis(now)); err != nil {
		return nil, err
	}
	_, err := l.append(tx, org, lg, Entry{Kind: canon.KindLog}, now)
	return lg, err
}

// LogOf returns the log of an organization.
func (l *Ledger) LogOf(tx *db.Tx, org id.Org) (*Log, error) {
	if v, ok := l.logs.Load(org); ok {
		return v.(*Log), nil
	}
	var lg Log
	err := tx.Row(selectLog, []any{org}, &lg.ID, &lg.Origin, &lg.Generation, (*[]byte)(&lg.PublicKey), &lg.Demo)
	if errors.Is(err, db.ErrNone) {
		return nil, fault.NotFound("no organization %s", org)
	}
	if err != nil {
		return nil, err
	}
	// Not cached inside the transaction that may still roll the log back.
	tx.OnCommit(func() { l.logs.Store(org, &lg) })
	return &lg, nil
}

// find is LogOf outside a transaction, so that what the caller reads next is
// no older than what it looks at in between.
func (l *Ledger) find(ctx context.Context, org id.Org) (*Log, error) {
	var lg *Log
	err := l.db.Read(ctx, string(org), func(tx *db.Tx) (err error) {
		lg, err = l.LogOf(tx, org)
		return err
	})
	if err == nil {
		l.logs.Store(org, lg)
	}
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
	Supersedes []int64
	Erases     []int64
	Answers    *canon.Answers
}

// Append writes an entry within the transaction of what it records, and
// returns its index. It locks the log's head until the transaction ends, so
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
	if err := tx.Row(takeHead, []any{org, lg.ID, clock.Millis(now)}, &size, &recorded); err != nil {
		return 0, err
	}
	index, at := size-1, clock.FromMillis(recorded)
	if at.Sub(now) > clockLimit {
		return 0, fault.Conflict("The clock stands at %s, but the log's last entry is from %s. Set the clock; nothing is recorded until then.",
			canon.FormatTime(now), canon.FormatTime(at))
	}
	leaf := canon.Leaf{Log: lg.Origin, Index: index, Recorded: at, Kind: e.Kind, Items: e.Items,
		Supersedes: e.Supersedes, Erases: e.Erases, Answers: e.Answers}
	if index == 0 {
		leaf.Key, leaf.Demo = lg.PublicKey, lg.Demo
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
	return index, nil
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
