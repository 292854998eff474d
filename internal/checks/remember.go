package checks

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/tickmark/tickmark/internal/sources"
)

// What a definition is made into depends on its text alone, so it is made once
// for a text and not for each run: to read the YAML of an organization's own
// checks and to compile their rules costs more than to judge a small source.
var (
	ownChecks = remembered[Definition]{kept: map[string]Definition{}}
	readies   = remembered[ready]{kept: map[string]ready{}}
)

// mostRemembered bounds each memory; when it is full, it begins anew.
const mostRemembered = 1000

type remembered[V any] struct {
	mu   sync.Mutex
	kept map[string]V
}

// of is what was made of a text, or is made of it now. What fails is not kept.
func (r *remembered[V]) of(text string, make func() (V, error)) (V, error) {
	r.mu.Lock()
	v, known := r.kept[text]
	r.mu.Unlock()
	if known {
		return v, nil
	}
	v, err := make()
	if err != nil {
		return v, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) >= mostRemembered {
		clear(r.kept)
	}
	r.kept[text] = v
	return v, nil
}

// ownCheck reads the text of an organization's own check. Nobody changes what it
// returns: with makes a copy of what it sets.
func ownCheck(body string) (Definition, error) {
	return ownChecks.of(body, func() (Definition, error) {
		defs, err := Parse("own check", []byte(body))
		if err != nil {
			return Definition{}, err
		}
		defs[0].source = body
		return defs[0], nil
	})
}

// ready is a definition in force, compiled, with its digest.
type ready struct {
	*Compiled
	digest string
}

// prepare compiles a definition that is in force. A shipped one is known by its
// name and the values that are set, an own one by its text.
func prepare(d Definition, schema sources.Schema) (ready, error) {
	key := &strings.Builder{}
	key.WriteString(d.ID + "\x00" + d.source)
	for _, name := range slices.Sorted(maps.Keys(d.Params)) {
		fmt.Fprintf(key, "\x00%s=%v", name, d.Params[name].Default)
	}
	return readies.of(key.String(), func() (ready, error) {
		c, err := Compile(d, schema)
		return ready{c, d.Digest()}, err
	})
}
