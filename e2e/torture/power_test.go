package torture_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Nothing that was acknowledged is lost when the power is cut. The same runs
// with SQLite told not to sync must lose something: a harness that cannot see
// that mistake proves nothing.
func TestPowerLoss(t *testing.T) {
	wanted(t)
	if apart(t) {
		return
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		lacking(t, "power loss needs /dev/fuse: %v", err)
	}
	t.Run("synced", func(t *testing.T) {
		a, _ := power(t, times(t, 12, 1000), "")
		if a.lost+a.duplicates+a.damaged > 0 {
			t.Error("acknowledged evidence did not survive")
		}
	})
	// The first start, in folders that it makes itself.
	t.Run("folders", func(t *testing.T) {
		power(t, times(t, 20, 100), "folders")
	})
	// Of a hundred runs, about 90 without synced rows and 65 without synced blobs
	// lose something; a few lose nothing, where the disk was kind.
	for careless, least := range map[string]float64{"rows": 0.5, "blobs": 0.25} {
		t.Run("control "+careless, func(t *testing.T) {
			a, lossy := power(t, times(t, 8, 100), careless)
			if !torture() {
				least = 0.01 // so few runs show that it can lose, not how often
			}
			if float64(lossy) < least*float64(a.runs) {
				t.Errorf("without syncing %s, only %d of %d runs lost anything: this harness does not see what it is for", careless, lossy, a.runs)
			}
		})
	}
}

// power cuts the power again and again and counts the runs that lost something.
func power(t *testing.T, runs int, careless string) (a *tally, lossy int) {
	t.Helper()
	a = newTally(map[string]string{"": "power loss", "rows": "control: power loss with synchronous=NORMAL", "blobs": "control: power loss with blobs not synced", "folders": "power loss in folders nobody prepared"}[careless])
	r := chance(t)
	var (
		took          losses
		writes, syncs int
		w             *witness
		dir           string
	)
	for a.runs < runs && (careless == "folders" || !t.Failed()) {
		// What lost something goes no further, and neither does what has grown long.
		if w == nil || a.runs%lifetime == 0 || careless == "folders" {
			w, dir = newWitness(), t.TempDir()
		}
		if w.round == 0 && careless != "folders" {
			for _, d := range []string{"data", filepath.Join("etc", "keys")} { // as an operator prepares them
				if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
					t.Fatal(err)
				}
			}
		}
		before, receipts := len(w.Taken), len(w.Receipts)
		d, l := cutOnce(t, w, dir, r, careless)
		was := dir
		dir = filepath.Join(t.TempDir(), "left")
		if err := errors.Join(d.dump(dir), os.RemoveAll(was)); err != nil {
			t.Fatal(err)
		}
		a.runs++
		a.acknowledged += len(w.Taken) - before
		a.receipts += len(w.Receipts) - receipts
		took.dropped, took.torn, took.names = took.dropped+l.dropped, took.torn+l.torn, took.names+l.names
		writes, syncs = writes+d.writes, syncs+d.syncs
		if a.runs%lifetime == 0 || a.runs == runs {
			w.everything()
		}
		f := oracle(t.Context(), place{dir: dir}, w)
		a.add(f)
		if len(f.all()) > 0 {
			lossy++
			w = nil
			if careless == "" || careless == "folders" {
				f.report(t, "after a power cut")
			}
		}
	}
	a.count("%d runs with findings, %d writes and %d syncs before the cuts, %d writes dropped, %d torn, %d changes of names dropped",
		lossy, writes, syncs, took.dropped, took.torn, took.names)
	a.print(t)
	return a, lossy
}

// cutOnce lets a child work on a disk and cuts its power after some number of
// lines, or at some moment.
func cutOnce(t *testing.T, w *witness, dir string, r *rand.Rand, careless string) (*disk, losses) {
	t.Helper()
	d, err := loadDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(at, 0o700); err != nil {
		t.Fatal(err)
	}
	unmount := mount(t, d, at)
	defer unmount()
	c := w.launch(t, "ingest", place{dir: at, careless: careless})
	lines := 10 + r.IntN(150)
	off := make(chan losses, 1)
	chance := rand.New(rand.NewPCG(r.Uint64(), 0))
	cut := func() { off <- d.cut(chance); c.cmd.Process.Kill() }
	var (
		alarm *time.Timer
		said  bool
	)
	if r.IntN(4) == 0 { // while it starts
		lines = -1
		alarm = time.AfterFunc(time.Duration(r.IntN(120_000))*time.Microsecond, cut)
	}
	err = w.listen(c, func(n int, line string) bool {
		said = n == lines
		return said || strings.HasPrefix(line, "failed")
	})
	if alarm == nil {
		if !said && (careless == "rows" || careless == "blobs") {
			w.wrong = append(w.wrong, "what is left lets nobody go on: "+c.last)
		} else if !said {
			t.Errorf("the child ended by itself: %v, %s\n%s", err, c.last, c.stderr.Bytes())
		}
		cut()
	}
	l := <-off
	w.end(c) // it fails on a dead disk, or is killed
	return d, l
}
