package scrub

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Facts says how the rows of a table repeat what entries say. The log is walked
// once for all of them.
type Facts struct {
	Table string
	// Rows reads the facts of the rows that name an entry from..to.
	Rows func(s *Scan, from, to int64) ([]Fact, error)
	// Owed is how many rows have to name the entry. Nil where rows are free to.
	Owed func(e *Entry) int
	// Of reads the facts of rows that an entry is about and that do not name it.
	Of func(s *Scan, e *Entry) ([]Fact, error)
}

// A Fact is what one row says, as the entry it names has to say it too.
type Fact struct {
	Row   string // its key, as a finding names it
	Entry int64  // -1 for a fact that rows show by themselves, in Wrong
	// Ops are the operations whose entry it can be.
	Ops []string
	// Body are fields that the entry's body has to have. What is empty may be
	// left out there.
	Body map[string]any
	// In and Element say that a list in the body has to have an object, with at
	// least these fields.
	In      string
	Element map[string]any
	// Actor is the name of who acted, and User their id; not compared if empty.
	Actor, User string
	// At is the row's own time for the entry, in milliseconds; 0 if it has none.
	At int64
	// SHA256 is that of the entry's content, and Size its bytes if there are any.
	SHA256 string
	Size   int64
	// Wrong is what rows say against each other.
	Wrong []string
	// Check compares whatever else there is.
	Check func(e *Entry) []string
}

// Scan is what the reading of rows may use.
type Scan struct {
	context.Context
	*op.Engine
	Tx  *db.Tx
	Org id.Org
}

// Address is where content of this digest lies; empty for no digest.
func (s *Scan) Address(sha256 string) string {
	b, err := hex.DecodeString(sha256)
	if err != nil || len(b) != 32 {
		return ""
	}
	a, err := s.Vault.AddressOf(s, s.Org, [32]byte(b))
	if err != nil {
		return ""
	}
	return a
}

var registry struct {
	sync.Mutex
	facts   []Facts
	watches []Watch
}

// Register adds facts. Areas do so when the program starts.
func Register(f ...Facts) bool {
	registry.Lock()
	defer registry.Unlock()
	registry.facts = append(registry.facts, f...)
	return true
}

func registered() []Facts {
	registry.Lock()
	defer registry.Unlock()
	return slices.Clone(registry.facts)
}

// Tables lists what is compared, for a test that nothing was forgotten.
func Tables() []string {
	registry.Lock()
	defer registry.Unlock()
	var out []string
	for _, f := range registry.facts {
		out = append(out, f.Table)
	}
	for _, w := range registry.watches {
		out = append(out, w.Table)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// flaw is a finding before it has a time.
type flaw struct{ place, text string }

// compare holds the rows of a stretch of the log against its entries. Rows that
// name an entry outside the log come with the last stretch.
func compare(s *Scan, entries map[int64]*Entry, erased map[int64]bool, from, to int64) ([]flaw, error) {
	var out []flaw
	for _, f := range registered() {
		facts, unread, err := f.all(s, entries, erased, from, to)
		if err != nil {
			return nil, fmt.Errorf("rows of %s: %w", f.Table, err)
		}
		out = append(out, unread...)
		have := map[int64]int{}
		for _, fact := range facts {
			have[fact.Entry]++
			e := entries[fact.Entry]
			if texts := fact.against(e, erased[fact.Entry]); len(texts) > 0 {
				out = append(out, flaw{f.Table + " " + fact.Row, strings.Join(texts, "; ")})
			}
		}
		if f.Owed == nil {
			continue
		}
		for _, i := range slices.Sorted(maps.Keys(entries)) {
			e := entries[i]
			if !e.sealed || erased[i] {
				continue
			}
			if owed := f.Owed(e); owed != have[i] {
				out = append(out, flaw{fmt.Sprintf("%s of entry %d", f.Table, i), fmt.Sprintf("entry %d (%s%s) stands for %d, and there are %d", i, e.Op, about(e), owed, have[i])})
			}
		}
	}
	return out, nil
}

// all reads the facts of a stretch. What cannot be read, because somebody has
// put there what does not belong there, is a finding like any other.
func (f *Facts) all(s *Scan, entries map[int64]*Entry, erased map[int64]bool, from, to int64) (out []Fact, unread []flaw, err error) {
	if f.Rows != nil {
		if out, err = f.Rows(s, from, to); err != nil {
			if out, unread, err = f.each(s, from, to, err); err != nil {
				return nil, nil, err
			}
		}
	}
	if f.Of == nil {
		return out, unread, nil
	}
	for i, e := range entries {
		if !e.sealed || erased[i] {
			continue
		}
		more, err := f.Of(s, e)
		if err != nil && s.gone() {
			return nil, nil, err
		}
		if err != nil {
			unread = append(unread, flaw{fmt.Sprintf("%s of entry %d", f.Table, i), "it cannot be read: " + err.Error()})
		}
		out = append(out, more...)
	}
	return out, unread, nil
}

// each reads entry by entry what could not be read at once, to name the one.
func (f *Facts) each(s *Scan, from, to int64, was error) (out []Fact, unread []flaw, err error) {
	if s.gone() {
		return nil, nil, was
	}
	for at := from; at < to && at < from+entriesAPiece+1; at++ {
		next := at + 1
		if at == from+entriesAPiece {
			next = to
		}
		facts, err := f.Rows(s, at, next)
		if err != nil && s.gone() {
			return nil, nil, err
		}
		if err != nil {
			unread = append(unread, flaw{fmt.Sprintf("%s of entry %d", f.Table, at), "it cannot be read: " + err.Error()})
		}
		out = append(out, facts...)
	}
	return out, unread, nil
}

// gone reports whether it is the database that fails, and not what lies in it.
func (s *Scan) gone() bool {
	var one int64
	return s.Err() != nil || s.Tx.Row("SELECT 1", nil, &one) != nil
}

func about(e *Entry) string {
	if e.ID == "" {
		return ""
	}
	return " " + e.ID
}

// against says where the row and its entry differ.
func (f *Fact) against(e *Entry, erased bool) []string {
	out := slices.Clone(f.Wrong)
	switch {
	case f.Entry < 0 && f.Ops == nil:
		return out
	case e == nil:
		return append(out, fmt.Sprintf("it names entry %d, which the log does not have", f.Entry))
	case erased || !e.sealed: // that the openings are gone is told of the entry
		return out
	case !slices.Contains(f.Ops, e.Op):
		return append(out, fmt.Sprintf("entry %d is about something else", f.Entry))
	}
	differs := func(what string) { out = append(out, fmt.Sprintf("its %s is not that of entry %d", what, f.Entry)) }
	for _, k := range slices.Sorted(maps.Keys(f.Body)) {
		if canonical(f.Body[k]) != canonical(e.Body[k]) {
			differs(k)
		}
	}
	if f.In != "" && !slices.ContainsFunc(e.List(f.In), func(m map[string]any) bool { return holds(m, f.Element) }) {
		out = append(out, fmt.Sprintf("it is not among the %s of entry %d", f.In, f.Entry))
	}
	if f.Actor != "" && f.Actor != e.Actor.Name || f.User != "" && f.User != e.Actor.ID {
		differs("actor")
	}
	if f.At != 0 && !e.near(clock.FromMillis(f.At)) {
		differs("time")
	}
	if f.SHA256 != "" && f.SHA256 != e.SHA256 {
		differs("digest")
	}
	if f.Size != 0 && f.Size != e.Size {
		differs("size")
	}
	if f.Check != nil {
		out = append(out, f.Check(e)...)
	}
	return out
}

func holds(m, fields map[string]any) bool {
	for k, v := range fields {
		if canonical(m[k]) != canonical(v) {
			return false
		}
	}
	return true
}

// slack is by how much an entry may be recorded after the time that its row
// gives: others were appending.
const slack = 2 * time.Second

// near reports whether a row's time is that of the entry. The log's clock does
// not go back, so where the machine's did, the entry says by how much.
func (e *Entry) near(at time.Time) bool {
	late := e.Recorded.Sub(at)
	allowed := slack
	if v := canonical(e.Body["clock_behind_ms"]); v != "" {
		if d, err := time.ParseDuration(v + "ms"); err == nil {
			allowed += d
		}
	}
	return late >= 0 && late <= allowed
}

// Differ names a field where two values differ, for checks of an area's own.
func Differ(what string, have, want any) []string {
	if canonical(have) == canonical(want) {
		return nil
	}
	return []string{"its " + what + " is not as recorded"}
}
