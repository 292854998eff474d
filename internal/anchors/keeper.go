package anchors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
)

// Times of the keeper. A log is anchored every Interval if it grew, at once if
// a person signed something, and again soon where an outsider did not answer.
const (
	look  = time.Minute
	again = 5 * time.Minute
	soon  = 20 * time.Second // how long an export waits
)

// A Keeper asks outsiders. One is enough; several share the work through jobs.
type Keeper struct {
	*op.Engine
	outsiders []outsider
	unwell    atomic.Pointer[string]
	told      map[id.Org]time.Time // whose alert was logged when; owned by Tick
}

// New makes a keeper and has operations use it. Without an outsider it does
// nothing and operations say so.
func New(e *op.Engine, c Config) (*Keeper, error) {
	out, err := c.outsiders()
	if err != nil {
		return nil, err
	}
	k := &Keeper{Engine: e, outsiders: out, told: map[id.Org]time.Time{}}
	if len(out) > 0 {
		e.Anchor = k.before
	}
	return k, nil
}

// before anchors a log that is about to leave the house.
func (k *Keeper) before(ctx context.Context, org id.Org, entry int64) int64 {
	limited, stop := context.WithTimeout(ctx, soon)
	defer stop()
	made, err := k.Once(limited, org, entry, time.Duration(0))
	if err != nil {
		k.Log.Warn("not anchored", "org", org, "err", err)
	}
	for _, a := range made {
		entry = max(entry, a.Entry)
	}
	return entry
}

// Once asks every outsider who is due about the newest head of a log, one that
// covers an entry, and stores what they say. Due is whose newest word is older
// than rest, or who failed at least as long ago; with rest 0 it is everybody to
// whom there is anything to say.
func (k *Keeper) Once(ctx context.Context, org id.Org, entry int64, rest time.Duration) ([]Anchor, error) {
	if _, err := k.Ledger.Seal(ctx, org); err != nil {
		return nil, err
	}
	if _, err := k.Ledger.Wait(ctx, org, entry); err != nil {
		return nil, err
	}
	h, known, err := k.newest(ctx, org)
	if err != nil || h.log.Demo {
		return nil, err // whose clock is set by hand has nothing that a stranger's clock could confirm
	}
	if err := k.retire(ctx, org, known); err != nil {
		return nil, err
	}
	type answer struct {
		from outsider
		good good
		err  error
	}
	var due []outsider
	for _, o := range k.outsiders {
		yes, err := k.due(ctx, h, find(known, o), rest)
		if err != nil {
			return nil, err
		}
		if yes {
			due = append(due, o)
		}
	}
	answers := make([]answer, len(due))
	var all sync.WaitGroup
	for i, o := range due {
		all.Go(func() {
			limited, stop := context.WithTimeout(ctx, askTime)
			defer stop()
			mine := h
			mine.reach = find(known, o).reach(h.log)
			g, err := o.ask(limited, k, mine)
			answers[i] = answer{o, g, err}
		})
	}
	all.Wait()
	var made []Anchor
	calm := context.WithoutCancel(ctx) // what was said is kept even if nobody waits for it any more
	for _, a := range answers {
		var one Anchor
		if a.err == nil {
			one, a.err = k.keep(calm, org, a.good)
		}
		if a.err != nil {
			k.Log.Warn("an outsider did not vouch for a log", "org", org, "authority", a.from.name(), "err", a.err)
			err = errors.Join(err, k.failed(calm, org, h.log.ID, a.from, a.err))
			continue
		}
		made = append(made, one)
	}
	return made, err
}

func (k *Keeper) keep(ctx context.Context, org id.Org, g good) (Anchor, error) {
	what := stampOp
	if g.Kind == KindCosignature {
		what = cosignOp
	}
	return what.Do(ctx, k.Machine(org, "anchors", auth.AnchorWrite), g)
}

// newest reads the newest head of a log and how outsiders answered.
func (k *Keeper) newest(ctx context.Context, org id.Org) (h head, known []Authority, err error) {
	h.org = org
	err = k.DB.Read(ctx, string(org), func(tx *db.Tx) error {
		if h.log, err = k.Ledger.LogOf(tx, org); err != nil {
			return err
		}
		if h.point, err = k.Ledger.CheckpointOf(tx, org, h.log); err != nil {
			return err
		}
		known, err = db.Rows(tx, selectAuthorities, []any{org}, scanAuthority)
		return err
	})
	return h, known, err
}

// find is what is known of an outsider.
func find(known []Authority, o outsider) Authority {
	i := slices.IndexFunc(known, func(a Authority) bool { return a.Kind == o.kind() && a.Name == o.name() })
	if i < 0 {
		return Authority{Kind: o.kind(), Name: o.name()}
	}
	return known[i]
}

// due reports whether an outsider is to be asked now.
func (k *Keeper) due(ctx context.Context, h head, a Authority, rest time.Duration) (yes bool, err error) {
	now := clock.Truncate(k.Clock.Now())
	err = k.DB.Read(ctx, string(h.org), func(tx *db.Tx) error {
		if yes, err = a.grown(k.Ledger, tx, h.org, h.log); err != nil || !yes || rest == 0 {
			return err
		}
		switch {
		case !a.Failing.IsZero():
			yes = now.Sub(a.tried) >= min(again, rest)
		case a.log != h.log.ID || now.Sub(a.Good) >= rest:
		default:
			yes, err = k.Ledger.Signed(tx, h.org, h.log, a.reach(h.log))
		}
		return err
	})
	return yes, err
}

// kind is that of the keeper's jobs.
const kind = "anchor"

// Worker asks about one log.
func (k *Keeper) Worker() job.Worker {
	return job.New(kind, 1, func(ctx context.Context, r *job.Run, _ struct{}) error {
		_, err := k.Once(ctx, r.Org, 0, Interval)
		return err
	})
}

// Run looks after all logs until ctx ends.
func (k *Keeper) Run(ctx context.Context, wake func()) {
	if k == nil || len(k.outsiders) == 0 {
		return
	}
	for {
		if err := k.Tick(ctx); err != nil && ctx.Err() == nil {
			k.Log.Error("anchors", "err", err)
		}
		wake()
		select {
		case <-ctx.Done():
			return
		case <-time.After(look):
		}
	}
}

// Tick puts a job in line for each log of which an outsider is due, and sees
// whether any has waited for too long.
func (k *Keeper) Tick(ctx context.Context) error {
	orgs, err := k.Ledger.Orgs(ctx)
	if err != nil {
		return err
	}
	worst, errs := int64(0), []error{}
	for _, org := range orgs {
		s, err := k.tick(ctx, org)
		if err != nil {
			errs = append(errs, fmt.Errorf("log of %s: %w", org, err))
			continue
		}
		if !s.Alert {
			delete(k.told, org)
			continue
		}
		worst = max(worst, s.Unanchored)
		if now := k.Clock.Now(); now.Sub(k.told[org]) >= Interval {
			k.told[org] = now
			k.Log.Error("no outsider has vouched for a log for too long", "org", org, "minutes", s.Unanchored)
		}
	}
	var unwell *string
	if worst > 0 {
		text := fmt.Sprintf("unanchored for %d minutes", worst)
		unwell = &text
	}
	k.unwell.Store(unwell)
	return errors.Join(errs...)
}

func (k *Keeper) tick(ctx context.Context, org id.Org) (s State, err error) {
	h, known, err := k.newest(ctx, org)
	if errors.Is(err, db.ErrNone) {
		return s, nil // nothing is signed yet
	}
	if err != nil || h.log.Demo {
		return s, err
	}
	now := clock.Truncate(k.Clock.Now())
	for _, o := range k.outsiders {
		yes, err := k.due(ctx, h, find(known, o), Interval)
		if err != nil {
			return s, err
		}
		if !yes {
			continue
		}
		err = k.DB.Write(ctx, string(org), func(tx *db.Tx) error {
			_, err := job.Enqueue(tx, org, job.Insert{Kind: kind, Args: struct{}{}, Unique: kind, Attempts: 1}, now)
			return err
		})
		if err != nil {
			return s, err
		}
		break
	}
	err = k.DB.Read(ctx, string(org), func(tx *db.Tx) error {
		s, err = stateOf(k.Engine, tx, org, now)
		return err
	})
	return s, err
}

// Health is "ok", or how long the log that has waited longest has. Empty if no
// outsider is configured.
func (k *Keeper) Health() (text string, ok bool) {
	if k == nil || len(k.outsiders) == 0 {
		return "", true
	}
	if why := k.unwell.Load(); why != nil {
		return *why, false
	}
	return "ok", true
}

// Compare holds every log against what witnesses remember of it, before
// anything is appended: a database that was put back to an earlier day is
// locked. A witness that does not answer in time has nothing to say.
func (k *Keeper) Compare(ctx context.Context) error {
	if k == nil || !slices.ContainsFunc(k.outsiders, func(o outsider) bool { return o.kind() == KindCosignature }) {
		return nil
	}
	orgs, err := k.Ledger.Orgs(ctx)
	if err != nil {
		return err
	}
	limited, stop := context.WithTimeout(ctx, askTime)
	defer stop()
	slots := make(chan struct{}, 8)
	var all sync.WaitGroup
	for _, org := range orgs {
		h, _, err := k.newest(ctx, org)
		if err != nil && !errors.Is(err, db.ErrNone) { // nothing signed is no less to compare
			return err
		}
		for _, o := range k.outsiders {
			w, ok := o.(*watcher)
			if !ok || h.log.Demo {
				continue
			}
			slots <- struct{}{}
			all.Go(func() {
				defer func() { <-slots }()
				if err := w.compare(limited, k, org, h.log.Origin); err != nil {
					k.Log.Warn("a witness was not compared with", "org", org, "witness", w.name(), "err", err)
				}
			})
		}
	}
	all.Wait()
	return nil
}
