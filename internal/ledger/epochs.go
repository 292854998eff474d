package ledger

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

// A Log is one of an organization's logs: the newest takes entries, and each
// was continued by the next. Entries are numbered through all of them.
type Log struct {
	ID     id.Log
	Origin string
	Epoch  int64
	Base   int64 // the number of entry 0
	Demo   bool
	// The key in force now.
	Generation int64
	PublicKey  ed25519.PublicKey
	// Keys are all it ever had, the first first; nil where nobody asked.
	Keys []Key
}

// A Key is one that a log had in force, from an entry on.
type Key struct {
	Generation int64
	From       int64 // the index of the entry that brought it
	PublicKey  ed25519.PublicKey
	Created    time.Time
}

// VKey is the key a verifier pins.
func (l *Log) VKey() string { return canon.VKey(l.Origin, l.PublicKey) }

// VKeyAt is the key that a checkpoint of this size is signed with.
func (l *Log) VKeyAt(size int64) string { return canon.VKey(l.Origin, l.keyAt(size).PublicKey) }

// keyAt is the key in force at a size: that of the last entry below it which
// has one.
func (l *Log) keyAt(size int64) Key {
	for _, k := range slices.Backward(l.Keys) {
		if k.From < size {
			return k
		}
	}
	if len(l.Keys) > 0 {
		return l.Keys[0]
	}
	return Key{Generation: l.Generation, PublicKey: l.PublicKey}
}

const (
	selectLog = `SELECT id, origin, epoch, base, generation, public_key, demo FROM ledger_log WHERE org_id = ?
		ORDER BY epoch DESC LIMIT 1`
	selectEpochs = `SELECT id, origin, epoch, base, generation, public_key, demo FROM ledger_log WHERE org_id = ?
		ORDER BY epoch DESC`
	selectKeys = "SELECT generation, idx, public_key, created FROM ledger_key WHERE org_id = ? AND log_id = ? ORDER BY generation"
	insertKey  = "INSERT INTO ledger_key (org_id, log_id, generation, idx, public_key, created) VALUES (?, ?, ?, ?, ?, ?)"
	updateKey  = "UPDATE ledger_log SET generation = ?, public_key = ? WHERE org_id = ? AND id = ?"
	closeHead  = "UPDATE ledger_head SET closed = ? WHERE org_id = ? AND log_id = ? AND closed = ?"
)

func scanLog(scan func(...any) error, lg *Log) error {
	return scan(&lg.ID, &lg.Origin, &lg.Epoch, &lg.Base, &lg.Generation, (*[]byte)(&lg.PublicKey), &lg.Demo)
}

// LogOf returns the log of an organization that takes entries. It is read anew
// each time: another process may have continued it, or changed its key.
func (l *Ledger) LogOf(tx *db.Tx, org id.Org) (*Log, error) {
	var lg Log
	err := scanLog(func(to ...any) error { return tx.Row(selectLog, []any{org}, to...) }, &lg)
	if errors.Is(err, db.ErrNone) {
		return nil, fault.NotFound("no organization %s", org)
	}
	return &lg, err
}

// Logs returns all logs of an organization with all their keys, the one that
// takes entries first.
func (l *Ledger) Logs(tx *db.Tx, org id.Org) ([]*Log, error) {
	list, err := db.Rows(tx, selectEpochs, []any{org}, scanLog)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fault.NotFound("no organization %s", org)
	}
	out := make([]*Log, len(list))
	for i := range list {
		out[i] = &list[i]
		if err := out[i].readKeys(tx, org); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (l *Log) readKeys(tx *db.Tx, org id.Org) (err error) {
	l.Keys, err = db.Rows(tx, selectKeys, []any{org, l.ID}, func(scan func(...any) error, k *Key) error {
		var created int64
		err := scan(&k.Generation, &k.From, (*[]byte)(&k.PublicKey), &created)
		k.Created = clock.FromMillis(created)
		return err
	})
	return err
}

// at finds the log in which an entry stands, and its index there.
func (l *Ledger) at(tx *db.Tx, org id.Org, number int64) (*Log, int64, error) {
	lg, err := l.LogOf(tx, org)
	if err != nil || number >= lg.Base {
		if lg != nil {
			number -= lg.Base
		}
		return lg, number, err
	}
	logs, err := l.Logs(tx, org)
	for _, lg := range logs {
		if number >= lg.Base {
			return lg, number - lg.Base, nil
		}
	}
	return lg, number, err
}

// A span is a stretch of entries within one log.
type span struct {
	lg       *Log
	from, to int64 // indices
}

// spans cuts a stretch of entry numbers at the beginnings of logs, the oldest
// first.
func (l *Ledger) spans(tx *db.Tx, org id.Org, from, to int64) ([]span, error) {
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return nil, err
	}
	if from >= lg.Base {
		return []span{{lg, from - lg.Base, to - lg.Base}}, nil
	}
	logs, err := l.Logs(tx, org)
	if err != nil {
		return nil, err
	}
	var out []span
	for _, lg := range logs {
		if to > max(from, lg.Base) {
			out = append(out, span{lg, max(from, lg.Base) - lg.Base, to - lg.Base})
			to = lg.Base
		}
	}
	slices.Reverse(out)
	return out, nil
}

// own turns entry numbers into indices of one log; those of earlier logs are
// returned apart.
func (l *Log) own(numbers []int64) (indices, earlier []int64) {
	for _, n := range numbers {
		if n < l.Base {
			earlier = append(earlier, n)
		} else {
			indices = append(indices, n-l.Base)
		}
	}
	return indices, earlier
}

// An Erasure is an entry that erases: all it can of the log that takes
// entries, or one entry of a log which that one continues.
type Erasure struct {
	Numbers []int64        // what it erases
	Erases  []int64        // for Entry.Erases; nil where Answers says it
	Answers *canon.Answers // for Entry.Answers
}

// Erasing says which entries of kind erasure it takes to erase these. An entry
// that was never signed, before a copy of the database was restored, is part of
// no log that anybody else can see; it takes none, and is in neither.
func (l *Ledger) Erasing(tx *db.Tx, org id.Org, numbers []int64) ([]Erasure, error) {
	lg, err := l.LogOf(tx, org)
	if err != nil {
		return nil, err
	}
	var out []Erasure
	_, earlier := lg.own(numbers)
	if here := numbers[len(earlier):]; len(here) > 0 {
		out = append(out, Erasure{Numbers: here, Erases: here})
	}
	if len(earlier) > 0 && !slices.IsSorted(numbers) {
		return nil, fmt.Errorf("erasing: %d: entry numbers ascend", numbers)
	}
	for _, n := range earlier {
		a, err := l.Answer(tx, org, n)
		if errors.Is(err, ErrVoid) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Erasure{Numbers: []int64{n}, Answers: a})
	}
	return out, nil
}

// ErrVoid marks an entry that stood unsigned in a copy of the database when its
// log was continued: nobody outside can be shown it.
var ErrVoid = errors.New("the entry was never signed")

// void is what there is to say of such an entry.
func void(number int64) error {
	return fault.Conflict("Entry %d was not yet signed when an older copy of the database was put in place. It is kept to be read, and cannot be proved.", number).With(ErrVoid)
}

// LeavesOf returns the leaves from..to of one log by their indices, for export.
func (l *Ledger) LeavesOf(tx *db.Tx, org id.Org, lg *Log, from, to int64) ([][]byte, error) {
	return db.Rows(tx, selectLeaves, []any{org, lg.ID, from, to}, func(scan func(...any) error, leaf *[]byte) error {
		var idx int64
		return scan(&idx, leaf)
	})
}

// OpeningsOf returns what is kept of the entries from..to of one log, by their
// indices.
func (l *Ledger) OpeningsOf(tx *db.Tx, org id.Org, lg *Log, from, to int64) ([]Opening, error) {
	return db.Rows(tx, selectOpenings, []any{org, lg.ID, from, to}, scanOpening)
}

// CheckpointOf returns the newest checkpoint of one log; none is db.ErrNone.
func (l *Ledger) CheckpointOf(tx *db.Tx, org id.Org, lg *Log) (Checkpoint, error) {
	return l.newest(tx, org, lg, 0)
}

// SignerAt signs the manifest of a bundle with the key in force at a size.
func (l *Ledger) SignerAt(tx *db.Tx, org id.Org, lg *Log, size int64) (note.Signer, error) {
	at := *lg
	if err := at.readKeys(tx, org); err != nil {
		return nil, err
	}
	k := at.keyAt(size)
	at.Generation, at.PublicKey = k.Generation, k.PublicKey
	return l.signer(&at)
}

// start writes the first rows of a log and its entry 0.
func (l *Ledger) start(tx *db.Tx, org id.Org, lg *Log, e Entry, now time.Time) error {
	lg.ID, lg.Generation = id.New[id.Log](now), 1
	lg.PublicKey = l.newKey(lg.ID, 1).Public().(ed25519.PublicKey)
	lg.Origin = canon.Origin(lg.PublicKey, int(lg.Epoch))
	if _, err := tx.Exec(insertLog, org, lg.ID, lg.Origin, lg.Epoch, lg.Base, 1, []byte(lg.PublicKey), lg.Demo, clock.Millis(now)); err != nil {
		return err
	}
	if _, err := tx.Exec(insertKey, org, lg.ID, 1, 0, []byte(lg.PublicKey), clock.Millis(now)); err != nil {
		return err
	}
	e.Kind = canon.KindLog
	_, err := l.append(tx, org, lg, e, now)
	return err
}

// proceed continues a log with another, whose entry 0 says why. The caller has
// looked at the log at this size.
func (l *Ledger) proceed(tx *db.Tx, org id.Org, old *Log, size int64, e Entry, now time.Time) (*Log, error) {
	n, err := tx.Exec(closeHead, true, org, old.ID, false)
	if err == nil && n == 0 {
		err = errContinued
	}
	if err != nil {
		return nil, err
	}
	var had, recorded int64
	if err := tx.Row(selectHead, []any{org, old.ID}, &had, &recorded); err != nil {
		return nil, err
	}
	if had != size {
		return nil, fault.Conflict("The log %s has grown meanwhile: stop every server of this installation, and try again.", old.Origin)
	}
	if last := clock.FromMillis(recorded); last.After(now) {
		if last.Sub(now) > clockLimit {
			return nil, errClock(now, last)
		}
		now = last
	}
	lg := &Log{Epoch: old.Epoch + 1, Base: old.Base + had, Demo: old.Demo}
	if err := l.start(tx, org, lg, e, now); err != nil {
		return nil, err
	}
	// Known outside the database before it is there: a row that somebody else
	// put there is told from ours.
	return lg, l.held.Announce(lg.Origin)
}

var errContinued = fault.Conflict("The log was continued by another a moment ago. Try again.")
