package torture_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
)

// A disk that is full refuses what is new, gives out what is there, and is
// enough again once there is room: no restart, nothing lost.
func TestFullDisk(t *testing.T) {
	wanted(t)
	if apart(t) {
		return
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
		lacking(t, "a small file system cannot be mounted: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	a, w, p := newTally("full disk"), newWitness(), place{dir: dir}
	x := &filling{t: t, w: w, p: p, tally: a, refusals: map[string]int{}}
	for a.runs < times(t, 3, 50) && !t.Failed() {
		x.cycle()
		a.runs++
		w.everything()
		f := oracle(t.Context(), p, w)
		a.add(f)
		f.report(t, "after a full disk")
	}
	a.acknowledged, a.receipts = len(w.Taken), len(w.Receipts)
	a.count("refused: %v, longest recovery %s", x.refusals, x.slowest.Round(time.Millisecond))
	a.print(t)
}

// filling is a service whose disk is filled and emptied.
type filling struct {
	t        *testing.T
	w        *witness
	p        place
	tally    *tally
	e        *op.Engine
	refusals map[string]int
	slowest  time.Duration
}

func (x *filling) cycle() {
	t := x.t
	var err error
	if x.e, err = x.p.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := x.e.DB.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	}()
	o, err := organization(t.Context(), x.e, true)
	if err != nil {
		t.Fatal(err)
	}
	x.w.Org = o
	desk := taker(x.e, o)
	hand := &worker{desk: desk, w: hearing{&look{findings: &findings{}, w: x.w}}}
	key := func(what string, n int) string { return fmt.Sprintf("%d-%s-%d", x.tally.runs, what, n) }
	if err := hand.take(t.Context(), key("before", 0), true); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(x.p.dir, "ballast")
	// A little room, each time another, so that it ends at another place.
	x.fill(ballast, int64(64+x.tally.runs*613%1900)<<10)
	refused := 0
	for n := 0; refused < 20 && n < 2000; n++ {
		if err := hand.take(t.Context(), key("full", n), n%3 == 0); err != nil {
			refused++
			x.refused(err)
		}
		if _, err := evidence.ExportNew.Do(t.Context(), desk, op.None{}); err != nil { // brings no bytes
			x.refused(err)
		}
	}
	if refused == 0 {
		t.Error("the disk never gets full")
	}
	if err := reads(t.Context(), desk, key("before", 0)); err != nil {
		t.Errorf("reading on a full disk: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	x.recovers(hand, key)
}

// refused sorts a refusal. Whatever its words, it must be a plain one: the
// service has not stopped and knows what it has stored.
func (x *filling) refused(err error) {
	text := err.Error()
	switch {
	case errors.Is(err, db.ErrStopped), errors.Is(err, db.ErrUnknown):
		x.t.Errorf("a full disk stops the service: %v", err)
	case strings.Contains(text, "the disk is full"):
		x.refusals["by the database"]++
	case errors.Is(err, syscall.ENOSPC) && strings.Contains(text, "held file"):
		x.refusals["by the held file"]++
	case errors.Is(err, syscall.ENOSPC):
		x.refusals["by the blobs"]++
	default:
		x.t.Errorf("a full disk refuses with %v", err)
	}
}

// recovers wants a write to succeed within ten seconds of there being room.
func (x *filling) recovers(hand *worker, key func(string, int) string) {
	free := time.Now()
	for n := 0; ; n++ {
		err := hand.take(x.t.Context(), key("after", n), true)
		took := time.Since(free)
		if err == nil {
			x.slowest = max(x.slowest, took)
			return
		}
		if took > 10*time.Second {
			x.t.Errorf("it does not recover: %v", err)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// fill leaves so many bytes free.
func (x *filling) fill(ballast string, room int64) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(x.p.dir, &s); err != nil {
		x.t.Fatal(err)
	}
	n := int64(s.Bavail)*s.Bsize - room
	if n <= 0 {
		x.t.Fatalf("the small file system is full by itself: %d bytes too many", -n)
	}
	if err := os.WriteFile(ballast, make([]byte, n), 0o600); err != nil {
		x.t.Fatal(err)
	}
}

// reads wants a piece of evidence back, as it was.
func reads(ctx context.Context, desk *op.Desk, key string) error {
	if err := readsWrong(ctx, desk, key); err != nil {
		return err
	}
	address, err := addressOf(ctx, desk, key)
	if err != nil {
		return err
	}
	_, err = desk.Vault.Get(ctx, desk.Org, address)
	return err
}
