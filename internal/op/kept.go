package op

import (
	"sync"

	"github.com/tickmark/tickmark/internal/id"
)

// mostKept is for how many organizations one thing is kept. Another takes the
// place of any of them.
const mostKept = 32

// Kept is something large that is made from the rows of an organization, and
// kept for the reads that follow. It is as right as its stamp: what the rows say
// of themselves, read before them in the same transaction, which each change of
// them changes and which never comes back. Rows that are read after the stamp
// are at least as new as it, so nothing older than its stamp is ever kept.
//
// Whoever gets it shares it and must not change it.
type Kept[T any] struct {
	mu sync.Mutex
	at map[place]keptAs[T]
}

type place struct {
	engine *Engine
	org    id.Org
}

type keptAs[T any] struct {
	stamp string
	value T
}

// Get returns what is kept under the stamp, or makes it. A transaction that
// may change something makes its own: what it sees may be rolled back, and
// another change could then come to the same stamp.
func (k *Kept[T]) Get(c *Call, stamp func() (string, error), read func() (T, error)) (T, error) {
	if !c.Tx.ReadOnly() {
		return read()
	}
	now, err := stamp()
	if err != nil {
		var none T
		return none, err
	}
	where := place{c.Engine, c.Org}
	k.mu.Lock()
	have, ok := k.at[where]
	k.mu.Unlock()
	if ok && have.stamp == now {
		return have.value, nil
	}
	made, err := read()
	if err != nil {
		return made, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.at[where]; !ok && len(k.at) >= mostKept {
		for other := range k.at {
			delete(k.at, other)
			break
		}
	}
	if k.at == nil {
		k.at = map[place]keptAs[T]{}
	}
	k.at[where] = keptAs[T]{now, made}
	return made, nil
}
