package auth

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

// Throttle slows down whoever guesses passwords. It lives in memory: a restart
// forgives, a guesser cannot cause one.
type Throttle struct {
	mu    sync.Mutex
	tries map[string]attempt
	// turns bounds how many passwords are checked at once: each takes memory.
	turns chan struct{}
}

type attempt struct {
	failed int
	last   time.Time
}

// free failures come before each next one doubles the wait, up to maxWait. Many
// people may share one address of the network, so that it has more.
const (
	free      = 5
	freeFrom  = 50
	forgiven  = time.Hour // after which an address of the network begins anew
	maxWait   = 15 * time.Minute
	maxMemory = 10_000
	maxTurns  = 4
)

// NewThrottle returns one that has seen nothing.
func NewThrottle() *Throttle {
	return &Throttle{tries: map[string]attempt{}, turns: make(chan struct{}, maxTurns)}
}

// begin counts an attempt as failed until it is known not to be: guesses made
// at once must not all pass before the first has failed. It returns how long
// to wait instead, if that is due.
func (t *Throttle) begin(key string, free int, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.tries[key]
	if free == freeFrom && now.Sub(a.last) > forgiven {
		a = attempt{}
	}
	if a.failed >= free {
		hold := min(time.Second<<min(a.failed-free, 10), maxWait)
		if wait := a.last.Add(hold).Sub(now); wait > 0 {
			return wait
		}
	}
	if len(t.tries) >= maxMemory {
		t.forget(now)
	}
	t.tries[key] = attempt{a.failed + 1, now}
	return 0
}

// forget makes room for a tenth: first what has waited long enough goes, then
// who need not wait yet, and if nothing else helps anybody.
func (t *Throttle) forget(now time.Time) {
	for _, may := range []func(attempt) bool{
		func(a attempt) bool { return now.Sub(a.last) > maxWait },
		func(a attempt) bool { return a.failed < free },
		func(attempt) bool { return true },
	} {
		for k, a := range t.tries {
			if len(t.tries) < maxMemory*9/10 {
				return
			}
			if may(a) {
				delete(t.tries, k)
			}
		}
	}
}

func (t *Throttle) forgive(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tries, key)
}

// What is guessed at. Each has a count of its own, so that whoever mistypes a
// code can still sign in.
const (
	ForPassword = ""
	ForCode     = "code "
	ForPasskey  = "passkey "
	ForRecovery = "recovery "
	ForJoining  = "joining "
)

// Try counts an attempt as failed, of an account and of the address it came
// from; either may be empty. It refuses while too many have failed.
func (t *Throttle) Try(what, account, from string, now time.Time) error {
	if t == nil {
		return nil
	}
	if from != "" {
		if w := t.begin("from "+what+from, freeFrom, now); w > 0 {
			return fault.Denied("Too many attempts from this address of the network. Try again in %d s.", int(w.Seconds())+1)
		}
	}
	if account == "" {
		return nil
	}
	if w := t.begin(what+account, free, now); w > 0 {
		if what == ForPassword {
			return fault.Denied("Too many wrong passwords for this address. Try again in %d s.", int(w.Seconds())+1)
		}
		return fault.Denied("Too many attempts. Try again in %d s.", int(w.Seconds())+1)
	}
	return nil
}

// Succeed takes the attempt back: the account begins anew, and its address of
// the network has one less against it.
func (t *Throttle) Succeed(what, account, from string) {
	if t == nil {
		return
	}
	if account != "" {
		t.forgive(what + account)
	}
	if from == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if a, ok := t.tries["from "+what+from]; ok {
		a.failed = max(0, a.failed-1)
		t.tries["from "+what+from] = a
	}
}

// CheckPassword finds the user with this address and password. The answer
// does not say which of the two was wrong.
func (t *Throttle) CheckPassword(ctx context.Context, d *db.DB, email, password string, now time.Time) (id.User, error) {
	return t.CheckFrom(ctx, d, "", email, password, now)
}

// CheckFrom is CheckPassword for somebody at an address of the network.
func (t *Throttle) CheckFrom(ctx context.Context, d *db.DB, from, email, password string, now time.Time) (id.User, error) {
	email, err := FoldEmail(email)
	if err != nil {
		return "", err
	}
	if err := t.Try(ForPassword, email, from, now); err != nil {
		return "", err
	}
	var (
		user     id.User
		name     string
		hash     string
		disabled bool
	)
	err = d.Read(ctx, db.All, func(tx *db.Tx) error {
		return tx.Row(selectByEmail, []any{email}, &user, &name, &hash, &disabled)
	})
	if err != nil && !errors.Is(err, db.ErrNone) {
		return "", err
	}
	known := err == nil && hash != "" && !disabled
	if !known {
		hash = decoy
	}
	select {
	case t.turns <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	ok := passwordMatches(hash, password)
	<-t.turns
	if !ok || !known {
		return "", fault.Invalid("password", "no user has this address and this password")
	}
	t.Succeed(ForPassword, email, from)
	return user, nil
}
