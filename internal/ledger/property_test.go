package ledger_test

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/seal"
)

// model is what the log must be, after any sequence of what can happen to it.
type model struct {
	*house
	t      *testing.T
	bodies []string           // of every acknowledged entry after the first
	heads  []canon.Checkpoint // every one that was signed
	last   time.Time          // when the newest entry was recorded
}

func (m *model) append(t *rapid.T) {
	what := fmt.Sprint(rapid.Uint16().Draw(t, "what"))
	e := entry(what)
	kind := rapid.SampledFrom([]canon.Kind{canon.KindOp, canon.KindEvidence, canon.KindGap, canon.KindErasure}).Draw(t, "kind")
	if e.Kind = kind; kind == canon.KindErasure {
		if e.Erases = []int64{int64(len(m.bodies))}; len(m.bodies) == 0 {
			e.Erases = []int64{0}
		}
	}
	index, err := m.try(m.t.Context(), e)
	if m.last.Sub(m.clock.Now()) > 5*time.Minute {
		if fault.KindOf(err) != fault.KindConflict {
			t.Fatalf("%s behind the log: got %v, want a conflict", m.last.Sub(m.clock.Now()), err)
		}
		return
	}
	if err != nil || index != int64(len(m.bodies))+1 {
		t.Fatalf("got index %d, %v; want %d", index, err, len(m.bodies)+1)
	}
	m.bodies = append(m.bodies, e.Body)
	if m.clock.Now().After(m.last) {
		m.last = m.clock.Now()
	}
}

func (m *model) fail(t *rapid.T) {
	refused := errors.New("refused")
	err := m.d.Write(m.t.Context(), string(m.org), func(tx *db.Tx) error {
		_, err := m.l.Append(tx, m.org, entry("lost"), m.clock.Now())
		return errors.Join(err, refused)
	})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
}

func (m *model) sign(t *rapid.T) {
	c, err := m.l.Seal(m.t.Context(), m.org)
	if err != nil || c.Size != int64(len(m.bodies))+1 {
		t.Fatalf("signed %d entries, %v; want %d", c.Size, err, len(m.bodies)+1)
	}
	m.heads = append(m.heads, c.Checkpoint)
}

// check holds the log against the model.
func (m *model) check(t *rapid.T) {
	leaves := m.leaves(m.t)
	if len(leaves) != len(m.bodies)+1 {
		t.Fatalf("%d entries, want %d", len(leaves), len(m.bodies)+1)
	}
	for _, c := range m.heads {
		if c.Root != tlog.Hash(rootOf(leaves[:c.Size])) {
			t.Fatalf("the head of %d entries is not that of the leaves", c.Size)
		}
	}
	m.read(m.t, func(tx *db.Tx) error {
		openings, err := m.l.Openings(tx, m.org, 1, int64(len(leaves)))
		for _, o := range openings {
			if o.Label == canon.LabelBody && o.Payload != m.bodies[o.Index-1] {
				t.Fatalf("entry %d is %s, want %s", o.Index, o.Payload, m.bodies[o.Index-1])
			}
		}
		return err
	})
	if why := m.l.Locked(); why != "" {
		t.Fatalf("the log is read-only: %s", why)
	}
}

func TestAnySequenceLeavesATrueLog(t *testing.T) {
	// Each of a hundred sequences waits for the disk a hundred times; -rapid.checks asks for more.
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		flag.Set("rapid.checks", "20")
	}
	d, err := db.Open(t.Context(), dbtest.Migrated(t), db.Options{Careless: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	root, dir, run := seal.NewRoot(), t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		m := &model{t: t, last: start, house: &house{d: d, clock: clock.NewFixed(start), org: id.New[id.Org](start), root: root,
			held: filepath.Join(dir, fmt.Sprint(run))}}
		reopen := func(*rapid.T) {
			held, err := ledger.OpenHeld(m.held)
			if err != nil {
				rt.Fatal(err)
			}
			m.l = ledger.New(d, root, held, m.clock, slog.New(slog.DiscardHandler))
			if err := m.l.Check(t.Context()); err != nil || m.l.Locked() != "" {
				rt.Fatalf("start: %v %s", err, m.l.Locked())
			}
		}
		reopen(rt)
		m.create(t, false)
		rt.Repeat(map[string]func(*rapid.T){
			"append": m.append,
			"fail":   m.fail,
			"sign":   m.sign,
			"crash":  reopen,
			"audit": func(t *rapid.T) {
				if n, err := m.l.Audit(m.t.Context(), m.org); err != nil || n != int64(len(m.bodies))+1 {
					t.Fatalf("audit read %d entries, %v; want %d", n, err, len(m.bodies)+1)
				}
			},
			"clock": func(t *rapid.T) {
				m.clock.Advance(time.Duration(rapid.IntRange(-200_000, 300_000).Draw(t, "ms")) * time.Millisecond)
			},
			"": m.check,
		})
	})
}
