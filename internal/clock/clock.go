// Package clock is where time comes from. Everything that records an instant
// takes a Clock, so that tests and demonstrations can set it.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time in UTC, truncated to the millisecond the product stores.
type Clock interface {
	Now() time.Time
}

type system struct{}

func (system) Now() time.Time { return Truncate(time.Now()) }

// System is the machine's clock.
func System() Clock { return system{} }

// Truncate brings t to the precision and zone in which instants are stored.
func Truncate(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// Fixed is a clock that stands still until told otherwise.
type Fixed struct {
	mu sync.Mutex
	t  time.Time
}

// NewFixed returns a clock that stands at t.
func NewFixed(t time.Time) *Fixed { return &Fixed{t: Truncate(t)} }

// Now returns where the clock stands.
func (f *Fixed) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.t
}

// Advance moves the clock by d, which may be negative: clocks do go backwards.
func (f *Fixed) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.t = Truncate(f.t.Add(d))
}

// Moved is a clock that was set by hand and goes on from there, unless it is
// held.
type Moved struct {
	mu    sync.Mutex
	ahead time.Duration
	held  time.Time // shown until the clock is set; zero if it goes on
}

// Now returns what the clock shows.
func (m *Moved) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.held.IsZero() {
		return m.held
	}
	return Truncate(time.Now().Add(m.ahead))
}

// Set puts the clock to an instant, from which it goes on.
func (m *Moved) Set(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ahead, m.held = time.Until(t), time.Time{}
}

// Hold stops the clock at an instant, so that what is done then is done at that
// very moment however long it takes.
func (m *Moved) Hold(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = Truncate(t)
}

// Millis is an instant as the database stores it; the zero time is 0.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// FromMillis is the inverse of Millis.
func FromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
