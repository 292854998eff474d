package sources

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
)

// What a run may bring in. A source is foreign: it must not be able to fill
// the disk or the memory of the machine that reads it.
const (
	maxString    = 1 << 20 // bytes of one string
	maxElements  = 10_000  // of one list or map
	maxResource  = 4 << 20 // bytes of one resource
	maxResources = 2_000_000
	maxKey       = 4 << 10
	maxReason    = 4 << 10
	maxRaw       = 1 << 20
	maxRaws      = 10_000
)

// A Raw is a piece of what the source said, in its own bytes.
type Raw struct {
	Name      string
	MediaType string
	Data      []byte
}

// An Intake takes what a collector found during one run, and checks it against
// the schemas. A collector may call it from several goroutines.
type Intake struct {
	schemas  map[string]Schema
	clock    clock.Clock
	progress func(done, about int, what string)

	mu       sync.Mutex
	started  time.Time
	kinds    map[string]*pile // present if covered
	count    int
	missings []Missing
	raws     map[string]Raw
	scopes   map[string]string
	errs     []error

	limit   int   // bytes of a kind in memory; inMemory if 0
	skip    bool  // leave out rows that cannot be taken
	leftOut int64 // how many were
	bad     []Missing
}

// NewIntake starts a run. Progress may be nil.
func NewIntake(schemas map[string]Schema, clock clock.Clock, progress func(done, about int, what string)) *Intake {
	return &Intake{
		schemas:  schemas,
		clock:    clock,
		progress: progress,
		started:  clock.Now(),
		kinds:    map[string]*pile{},
		raws:     map[string]Raw{},
		scopes:   map[string]string{},
	}
}

// Now is the instant by the installation's clock.
func (in *Intake) Now() time.Time { return in.clock.Now() }

// Cover says that these kinds were looked at completely, even if nothing was
// found of them.
func (in *Intake) Cover(kinds ...string) {
	for _, kind := range kinds {
		_, err := in.schema(kind)
		in.mu.Lock()
		if err != nil {
			in.errs = append(in.errs, err)
		} else {
			in.cover(kind)
		}
		in.mu.Unlock()
	}
}

// Missing records something that could not be read. It does not cover its
// kind.
func (in *Intake) Missing(m Missing) {
	err := in.checkMissing(m)
	m.Reason, m.Remedy = clip(cleanText(m.Reason)), clip(cleanText(m.Remedy))
	in.mu.Lock()
	defer in.mu.Unlock()
	if err != nil {
		in.errs = append(in.errs, err)
		return
	}
	if !slices.Contains(in.missings, m) {
		in.missings = append(in.missings, m)
	}
}

func (in *Intake) checkMissing(m Missing) error {
	schema, err := in.schema(m.Kind)
	if err != nil {
		return err
	}
	if m.Field != "" {
		if _, known := schema.Fields[m.Field]; !known {
			return unknownField(schema, m.Field)
		}
	}
	if strings.TrimSpace(m.Reason) == "" {
		return fault.Invalid("", "missing %s %s needs a reason", m.Kind, m.Field)
	}
	return nil
}

// maxBad is how many rows that were left out a run names.
const maxBad = 100

// Bad says that one row of a file cannot be taken, and why. It returns the
// error, with which the importer ends, unless rows may be left out: then the
// run records how many and which, and what the file says of the kind is unknown
// to that extent, not less.
func (in *Intake) Bad(kind string, err error) error {
	if fault.KindOf(err) != fault.KindInvalid {
		return err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.skip {
		return err
	}
	if in.leftOut++; len(in.bad) < maxBad {
		in.bad = append(in.bad, Missing{Kind: kind, Reason: clip(cleanText("a row was left out: " + fault.As(err).Message))})
	}
	return nil
}

// SkipBad lets the import go on without the rows that cannot be taken.
func (in *Intake) SkipBad() { in.skip = true }

// LeftOut is how many rows of a file were left out.
func (in *Intake) LeftOut() int64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.leftOut
}

// Held is how many resources were added of what the rows of a file are: scans
// only count them.
func (in *Intake) Held() int64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	var n int64
	for kind, p := range in.kinds {
		if kind != KindScan {
			n += p.count
		}
	}
	return n
}

// Count is how many resources were added.
func (in *Intake) Count() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.count
}

// Raw keeps bytes as the source gave them, so that a run can be replayed. The
// collector removes secrets first. Names are unique in a run.
func (in *Intake) Raw(name, mediaType string, data []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	name = cleanKey(name)
	switch {
	case name == "" || len(name) > maxKey:
		in.errs = append(in.errs, fault.Invalid("", "raw data needs a name of 1 to %d bytes", maxKey))
		return
	case len(data) > maxRaw:
		in.errs = append(in.errs, fault.Invalid("", "raw %q has %d bytes: at most %d are kept", name, len(data), maxRaw))
		return
	case len(in.raws) >= maxRaws:
		in.errs = append(in.errs, fault.Invalid("", "raw %q is one too many: at most %d are kept of a run", name, maxRaws))
		return
	}
	if _, taken := in.raws[name]; taken {
		in.errs = append(in.errs, fault.Invalid("", "raw %q was kept twice", name))
		return
	}
	in.raws[name] = Raw{Name: name, MediaType: mediaType, Data: slices.Clone(data)}
}

// Scope states what exactly was asked, for the record of the run: a path, a
// commit, a hostname, the rights the collector had. The last value of a key
// stands.
func (in *Intake) Scope(key, value string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.scopes[cleanKey(key)] = clip(cleanText(value))
}

// Progress tells whoever watches how far the run is.
func (in *Intake) Progress(done, about int, what string) {
	if in.progress != nil {
		in.progress(done, about, what)
	}
}

// Err is what a collector did wrong where it could not be told: the run fails
// by it.
func (in *Intake) Err() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return errors.Join(in.errs...)
}

// Kinds are the covered kinds in alphabetical order.
func (in *Intake) Kinds() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Sorted(maps.Keys(in.kinds))
}

// Missings are what could not be read, in the order it was said.
func (in *Intake) Missings() []Missing {
	in.mu.Lock()
	defer in.mu.Unlock()
	out := slices.Concat(in.missings, in.bad)
	if n := in.leftOut - int64(len(in.bad)); n > 0 {
		out = append(out, Missing{Kind: in.bad[0].Kind, Reason: fmt.Sprintf("%d further rows were left out; the first %d are named", n, maxBad)})
	}
	return out
}

// Raws are the kept bytes, by name.
func (in *Intake) Raws() []Raw {
	in.mu.Lock()
	defer in.mu.Unlock()
	raws := slices.Collect(maps.Values(in.raws))
	sort.Slice(raws, func(i, j int) bool { return raws[i].Name < raws[j].Name })
	return raws
}

// Scopes are the facts of the run's scope.
func (in *Intake) Scopes() map[string]string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return maps.Clone(in.scopes)
}

func (in *Intake) schema(kind string) (Schema, error) {
	schema, known := in.schemas[kind]
	if !known {
		kinds := slices.Sorted(maps.Keys(in.schemas))
		return Schema{}, fault.Invalid("", "there is no kind %q: kinds are %s", kind, strings.Join(kinds, ", "))
	}
	return schema, nil
}

func unknownField(s Schema, name string) error {
	return fault.Invalid("", "%s has no field %q: fields are %s", s.Kind, name, strings.Join(s.FieldNames(), ", "))
}

func clip(s string) string {
	if len(s) <= maxReason {
		return s
	}
	return strings.ToValidUTF8(s[:maxReason-len("…")], "") + "…"
}
