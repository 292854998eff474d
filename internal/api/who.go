package api

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// desk returns where the caller acts, having checked that they may.
func (s *server) desk(r *http.Request, right auth.Right) (*op.Desk, error) {
	who := s.who
	if s.extra.Who != nil {
		who = s.extra.Who
	}
	actor, org, err := who(r)
	if err != nil {
		return nil, err
	}
	if err := actor.Require(right); err != nil {
		if !actor.Known() {
			return nil, stranger("Send a token in the Authorization header: Bearer tmk_….")
		}
		s.Log.Warn("api refused", "method", r.Method, "path", r.URL.Path, "actor", actor.Key(), "org", org)
		return nil, err
	}
	return &op.Desk{Engine: s.Engine, Actor: actor, Org: org, From: op.Address(r)}, nil
}

// who reads the token or the cookie. Without either the caller is nobody, who
// may do what anyone may.
func (s *server) who(r *http.Request) (auth.Actor, id.Org, error) {
	now := s.Clock.Now()
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, token, _ := strings.Cut(h, " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			return auth.Actor{}, "", stranger("The Authorization header must be: Bearer tmk_….")
		}
		from := op.Address(r)
		actor, org, err := auth.FromToken(r.Context(), s.DB, strings.TrimSpace(token), now)
		if f := fault.As(err); f != nil && f.Kind == fault.KindDenied {
			// Only bad tokens wait: behind a proxy everyone has one address.
			if wait := s.tries.wait(from, now); wait > 0 {
				return auth.Actor{}, "", tooMany(wait)
			}
			s.tries.note(from, now)
			s.Log.Warn("token refused", "from", r.RemoteAddr, "path", r.URL.Path)
			err = stranger(f.Message)
		}
		return actor, org, err
	}
	// A browser adds the cookie to whatever another site makes it send.
	if err := s.guard.Check(r); err != nil {
		return auth.Actor{}, "", &refusal{status: http.StatusForbidden, kind: "cross-origin",
			detail: "A page of another site sent this. Programs authenticate with a token instead of a cookie."}
	}
	nobody := auth.Actor{Via: "api"}
	c, err := r.Cookie(auth.CookieNameFor(s.extra.Secure))
	if err != nil {
		return nobody, "", nil
	}
	actor, org, err := auth.FromBrowser(r.Context(), s.DB, c.Value, op.Address(r), now)
	if fault.KindOf(err) == fault.KindDenied {
		return nobody, "", nil // a session that has ended is no session
	}
	actor.Via = "api"
	return actor, org, err
}

// How many bad tokens an address may send in a time before it is told to wait.
const (
	maxTries  = 30
	tryWindow = time.Minute
	maxKnown  = 10_000
)

// tries tells whoever sends bad tokens to slow down. Guessing one is out of
// reach anyway.
type tries struct {
	mu   sync.Mutex
	from map[string]window
}

type window struct {
	start time.Time
	n     int
}

func newTries() *tries { return &tries{from: map[string]window{}} }

// wait is how long the address has to wait, or zero.
func (t *tries) wait(from string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.from[from]
	if w.n < maxTries {
		return 0
	}
	return max(0, w.start.Add(tryWindow).Sub(now))
}

func (t *tries) note(from string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.from) >= maxKnown {
		for k, w := range t.from {
			if now.Sub(w.start) > tryWindow {
				delete(t.from, k)
			}
		}
	}
	w, known := t.from[from]
	if !known && len(t.from) >= maxKnown {
		return
	}
	if now.Sub(w.start) > tryWindow {
		w = window{start: now}
	}
	w.n++
	t.from[from] = w
}
