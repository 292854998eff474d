package ledger

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

// An Act is one that changes the life of all logs of an installation at once.
type Act struct {
	Reason string
	Actor  string `json:"-"` // who runs it: canonical JSON
	// Approvers are the people of each organization who agreed.
	Approvers map[id.Org][]string
	// Alone says since when it was asked for, where one person had to do.
	Alone map[id.Org]time.Time
	// Step, if given, hears of each step before it is done, and may end the act
	// there: it can be taken up again at any.
	Step func(what string) error `json:"-"`
}

func (a Act) step(format string, args ...any) error {
	if a.Step == nil {
		return nil
	}
	return a.Step(fmt.Sprintf(format, args...))
}

// entry is what the act says in the log of one organization.
func (a Act) entry(op string, org id.Org, more map[string]any) (Entry, error) {
	body := map[string]any{"op": op, "reason": a.Reason}
	if who := a.Approvers[org]; who != nil {
		list := make([]any, len(who))
		for i, id := range who {
			list[i] = id
		}
		body["approvers"] = list
	}
	if asked, ok := a.Alone[org]; ok {
		body["alone"] = map[string]any{"asked": canon.FormatTime(asked)}
	}
	maps.Copy(body, more)
	b, err := canon.JSON(body)
	return Entry{Kind: canon.KindLog, Actor: a.Actor, Body: string(b)}, err
}

// A Loss is what a log of this copy of the database lacks of what was signed.
type Loss struct {
	Org      id.Org
	Log      *Log
	Held     canon.Checkpoint // the newest head ever signed
	Kept     Checkpoint       // the newest that this copy has; of size 0 if none
	Size     int64            // entries of this copy
	Recorded time.Time        // when the last of them was recorded
	// Lost is false for a log that lacks nothing, and is continued because
	// another, which it may have been continued by, is gone.
	Lost bool
}

// Losses are what was lost when an older copy of the database was put in place.
type Losses struct {
	Logs []Loss
	Gone []canon.Checkpoint // heads of logs that this copy does not know at all
}

// Losses compares this copy of the database with what is held outside it. What
// the copy does have must be sound: damage is not adopted.
func (l *Ledger) Losses(ctx context.Context) (Losses, error) {
	var out Losses
	orgs, err := l.orgs(ctx, selectLogs)
	if err != nil {
		return out, err
	}
	known := map[string]bool{}
	var all []Loss
	for _, org := range orgs {
		x, err := l.loss(ctx, org, known)
		if err != nil {
			return out, err
		}
		all = append(all, x)
	}
	if out.Gone, err = l.held.missing(known); err != nil {
		return out, err
	}
	for _, x := range all {
		if x.Lost || len(out.Gone) > 0 {
			out.Logs = append(out.Logs, x)
		}
	}
	return out, nil
}

func (l *Ledger) loss(ctx context.Context, org id.Org, known map[string]bool) (Loss, error) {
	x := Loss{Org: org}
	err := l.db.Read(ctx, string(org), func(tx *db.Tx) error {
		logs, err := l.Logs(tx, org)
		if err != nil {
			return err
		}
		for _, lg := range logs {
			known[lg.Origin] = true
		}
		x.Log = logs[0]
		if _, err := l.private(x.Log); err != nil {
			return err
		}
		if x.Kept, err = l.newest(tx, org, x.Log, 0); err != nil && !errors.Is(err, db.ErrNone) {
			return err
		}
		var recorded int64
		if err := tx.Row(selectHead, []any{org, x.Log.ID}, &x.Size, &recorded); err != nil {
			return err
		}
		x.Recorded = clock.FromMillis(recorded)
		reader := l.reader(tx, org, x.Log)
		if err := l.extends(x.Size, x.Kept.Checkpoint, reader); err != nil {
			return err
		}
		if err := l.reread(tx, org, x.Log, &frontier{}, x.Size); err != nil {
			return err
		}
		x.Held, _ = l.held.Of(x.Log.Origin)
		x.Lost = x.Held.Size > x.Size
		if !x.Lost && x.Held.Size > 0 {
			x.Lost, err = differ(x.Held, reader)
			return err
		}
		return nil
	})
	return x, err
}

// Adopt goes on with a copy of the database that lacks entries which were
// signed: each log is continued by another, whose entry 0 says what was lost.
// Nothing is signed under the old names any more. Afterwards the ledger takes
// entries again.
func (l *Ledger) Adopt(ctx context.Context, losses Losses, act Act) error {
	var gone []any
	for _, c := range losses.Gone {
		gone = append(gone, head(c))
	}
	for _, x := range losses.Logs {
		if err := act.step("continue %s", x.Log.Origin); err != nil {
			return err
		}
		err := l.db.Write(ctx, string(x.Org), func(tx *db.Tx) error { return l.adopt(tx, x, gone, act) })
		if err != nil {
			return fmt.Errorf("log %s: %w", x.Log.Origin, err)
		}
	}
	if err := act.step("note what is gone"); err != nil {
		return err
	}
	if len(losses.Gone) > 0 {
		if err := l.held.giveUp(losses.Gone); err != nil {
			return fmt.Errorf("held file: %w", err)
		}
	}
	return l.resume(ctx, act)
}

// resume looks at everything anew and, if all is well, signs again.
func (l *Ledger) resume(ctx context.Context, act Act) error {
	l.locked.Store(nil)
	if err := l.Check(ctx); err != nil {
		return err
	}
	if why := l.Locked(); why != "" {
		return fault.Conflict("The log is read-only: %s", why)
	}
	if err := act.step("sign the new heads"); err != nil {
		return err
	}
	return l.SealAll(ctx)
}

func head(c canon.Checkpoint) map[string]any {
	return map[string]any{"origin": c.Origin, "root": base64.StdEncoding.EncodeToString(c.Root[:]), "size": c.Size}
}

func (l *Ledger) adopt(tx *db.Tx, x Loss, gone []any, act Act) error {
	body := map[string]any{"kept": map[string]any{"size": x.Kept.Size}}
	if x.Held.Size > 0 {
		h := head(x.Held)
		delete(h, "origin")
		body["held"] = h
	}
	if x.Lost {
		from := x.Size
		if x.Held.Size <= x.Size { // as many, but not the same: what is signed here is not what was signed there
			from = min(x.Kept.Size, x.Held.Size-1)
		}
		body["lost"] = map[string]any{"from": from, "to": x.Held.Size - 1}
	}
	if gone != nil {
		body["logs"] = gone
	}
	if x.Size > x.Kept.Size {
		root, err := l.unsigned(tx, x)
		if err != nil {
			return err
		}
		body["void"] = map[string]any{"from": x.Kept.Size, "root": root, "to": x.Size - 1}
	}
	e, err := act.entry("ledgers.adopt", x.Org, body)
	if err != nil {
		return err
	}
	if x.Kept.Size > 0 {
		e.Answers = &canon.Answers{Log: x.Log.Origin, Index: x.Kept.Size - 1, Note: x.Kept.Note}
	}
	_, err = l.proceed(tx, x.Org, x.Log, x.Size, e, l.clock.Now())
	return err
}

// unsigned is the root over the entries that this copy has and nobody signed:
// with it, they can still be shown to be the ones that were there.
func (l *Ledger) unsigned(tx *db.Tx, x Loss) (string, error) {
	leaves, err := l.LeavesOf(tx, x.Org, x.Log, x.Kept.Size, x.Size)
	if err != nil {
		return "", err
	}
	var f frontier
	for _, leaf := range leaves {
		f.add(canon.LeafHash(leaf))
	}
	root := f.root()
	return hex.EncodeToString(root[:]), nil
}

// Rewrap wraps an organization's own key by the newest root key.
type Rewrap func(tx *db.Tx, org id.Org) error

// Rotate puts keys of the newest root key in the place of those in force, one
// organization to a transaction, and signs the heads with them. What is done
// already is not done again.
func (l *Ledger) Rotate(ctx context.Context, act Act, rewrap Rewrap) error {
	orgs, err := l.orgs(ctx, selectLogs)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		if err := act.step("change the keys of %s", org); err != nil {
			return err
		}
		err := l.db.Write(ctx, string(org), func(tx *db.Tx) error {
			if err := rewrap(tx, org); err != nil {
				return err
			}
			return l.rotate(tx, org, act)
		})
		if err != nil {
			return fmt.Errorf("keys of %s: %w", org, err)
		}
	}
	return l.resume(ctx, act)
}

func (l *Ledger) rotate(tx *db.Tx, org id.Org, act Act) error {
	lg, err := l.LogOf(tx, org)
	if err != nil || l.fresh(lg) {
		return err
	}
	e, err := act.entry("keys.rotate", org, nil)
	if err != nil {
		return err
	}
	now, generation := l.clock.Now(), lg.Generation+1
	e.next = l.newKey(lg.ID, generation).Public().(ed25519.PublicKey)
	number, err := l.append(tx, org, lg, e, now)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(insertKey, org, lg.ID, generation, number-lg.Base, []byte(e.next), clock.Millis(now)); err != nil {
		return err
	}
	_, err = tx.Exec(updateKey, generation, []byte(e.next), org, lg.ID)
	return err
}

// fresh reports whether the key of a log is the newest root key's.
func (l *Ledger) fresh(lg *Log) bool {
	return l.newKey(lg.ID, lg.Generation).Public().(ed25519.PublicKey).Equal(lg.PublicKey)
}

// Revoke continues every log under a key of the newest root key: the one before
// is in other hands, and whoever has it can sign whatever it signs.
func (l *Ledger) Revoke(ctx context.Context, act Act, rewrap Rewrap) error {
	orgs, err := l.orgs(ctx, selectLogs)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		if err := act.step("continue the log of %s", org); err != nil {
			return err
		}
		if err := l.revoke(ctx, org, act, rewrap); err != nil {
			return fmt.Errorf("log of %s: %w", org, err)
		}
	}
	return l.resume(ctx, act)
}

func (l *Ledger) revoke(ctx context.Context, org id.Org, act Act, rewrap Rewrap) error {
	lg, err := l.find(ctx, org)
	if err != nil {
		return err
	}
	var last Checkpoint
	if !l.fresh(lg) {
		// The last that is signed with the old key: everything recorded so far.
		if last, err = l.Seal(ctx, org); err != nil {
			return err
		}
	}
	return l.db.Write(ctx, string(org), func(tx *db.Tx) error {
		if err := rewrap(tx, org); err != nil {
			return err
		}
		if l.fresh(lg) {
			return nil
		}
		e, err := act.entry("keys.revoke", org, map[string]any{"kept": map[string]any{"size": last.Size}})
		if err != nil {
			return err
		}
		e.Answers = &canon.Answers{Log: lg.Origin, Index: last.Size - 1, Note: last.Note}
		_, err = l.proceed(tx, org, lg, last.Size, e, l.clock.Now())
		return err
	})
}

// Note leaves an entry about the installation's keys in every log.
func (l *Ledger) Note(ctx context.Context, op string, act Act) error {
	orgs, err := l.orgs(ctx, selectLogs)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		e, err := act.entry(op, org, nil)
		if err != nil {
			return err
		}
		err = l.db.Write(ctx, string(org), func(tx *db.Tx) error {
			_, err := l.Append(tx, org, e, l.clock.Now())
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Concerned lists the organizations whose logs an act on all keys would
// continue; those it has reached already are left out.
func (l *Ledger) Concerned(ctx context.Context) ([]id.Org, error) {
	orgs, err := l.orgs(ctx, selectLogs)
	if err != nil {
		return nil, err
	}
	var out []id.Org
	for _, org := range orgs {
		lg, err := l.find(ctx, org)
		if err != nil {
			return nil, err
		}
		if !l.root.Ring() || !l.fresh(lg) {
			out = append(out, org)
		}
	}
	return out, nil
}
