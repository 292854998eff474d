package torture_test

import (
	"math/rand/v2"
	"testing"
	"time"
)

// restart is the longest that a start may take.
const restart = 5 * time.Second

// Nothing that was acknowledged is lost when the process is killed, whatever
// it was doing.
func TestKill(t *testing.T) {
	wanted(t)
	for _, c := range []struct {
		work        string
		quick, full int
	}{{"ingest", 40, 1000}, {"export", 8, 200}, {"erase", 6, 200}, {"backup", 4, 200}, {"rotate", 6, 200}, {"migrate", 8, 200}, {"start", 8, 200}} {
		t.Run(c.work, func(t *testing.T) {
			work, _ := workNamed(c.work)
			kill(t, work, times(t, c.quick, c.full))
		})
	}
}

// lifetime is how many kills one directory sees, so that logs stay short
// enough to be read whole each time.
const lifetime = 25

func kill(t *testing.T, work Work, runs int) {
	r, a := chance(t), newTally("kill -9 during "+work.Name)
	defer a.print(t)
	var (
		w       *witness
		p       place
		longest time.Duration
		window  = 800 * time.Millisecond
	)
	if work.Bare && work.Once {
		window = undisturbed(t, work, func() (place, *witness) {
			p, w := place{dir: t.TempDir()}, newWitness()
			if work.Name == "start" {
				found(t, p, w)
			}
			return p, w
		})
	}
	for a.runs < runs && !t.Failed() {
		if a.runs%lifetime == 0 || work.Name == "migrate" {
			w, p = newWitness(), place{dir: t.TempDir()}
			if work.Name == "start" {
				found(t, p, w)
			}
		}
		if work.Name == "start" { // from what a kill left, not from what a clean end did
			ingesting, _ := workNamed("ingest")
			killOnce(t, w, p, ingesting, r, 0)
		}
		before, receipts := len(w.Taken), len(w.Receipts)
		longest = max(longest, killOnce(t, w, p, work, r, window))
		a.runs++
		a.acknowledged += len(w.Taken) - before
		a.receipts += len(w.Receipts) - receipts
		if a.runs%lifetime == 0 || a.runs == runs {
			w.everything()
		}
		f := oracle(t.Context(), p, w)
		a.add(f)
		f.report(t, "after a kill")
	}
	a.count("longest start %s", longest.Round(time.Millisecond))
	if work.Name == "ingest" && a.runs >= 20 && a.acknowledged < a.runs {
		t.Errorf("only %d acknowledged in %d runs: this test kills too early", a.acknowledged, a.runs)
	}
}

// undisturbed is how long bare work takes when nobody kills it.
func undisturbed(t *testing.T, work Work, in func() (place, *witness)) time.Duration {
	t.Helper()
	p, w := in()
	c := w.launch(t, work.Name, p)
	w.listen(c, func(_ int, line string) bool { return line == "armed" })
	started := time.Now()
	c.in.Write([]byte("go\n"))
	if _, err := w.end(c); err != nil || c.last != "done" {
		t.Fatalf("%s does not work at all: %v, %s", work.Name, err, c.last)
	}
	return time.Since(started)
}

// killOnce runs a child and kills it, one time in six while it starts, the
// others after some number of lines; in both, at no particular place in the
// code.
func killOnce(t *testing.T, w *witness, p place, work Work, r *rand.Rand, window time.Duration) (ready time.Duration) {
	t.Helper()
	started := time.Now()
	c := w.launch(t, work.Name, p)
	lines := r.IntN(120)
	var alarm *time.Timer
	if work.Bare {
		lines = -1
	} else if r.IntN(6) == 0 {
		lines = -1
		alarm = time.AfterFunc(time.Duration(r.IntN(80_000))*time.Microsecond, func() { c.cmd.Process.Kill() })
	}
	err := w.listen(c, func(n int, line string) bool {
		if n == 0 {
			ready = time.Since(started)
		}
		if line == "armed" {
			c.in.Write([]byte("go\n"))
			alarm = time.AfterFunc(time.Duration(r.Int64N(int64(window))), func() { c.cmd.Process.Kill() })
		}
		return n == lines
	})
	if lines >= 0 {
		c.cmd.Process.Kill()
	}
	killed, ended := w.end(c)
	if alarm != nil {
		alarm.Stop()
	}
	if err != nil || ended != nil || !killed && !work.Once {
		t.Errorf("the process ended by itself: %v, %v, %s\n%s", err, ended, c.last, c.stderr.Bytes())
	}
	if ready > restart && torture() { // elsewhere others may need the machine
		t.Errorf("the process took %s to start", ready)
	}
	return ready
}

// found makes an installation with a little in it.
func found(t *testing.T, p place, w *witness) {
	t.Helper()
	c := w.launch(t, "upload", p)
	err := w.listen(c, func(_ int, line string) bool { return line == "armed" })
	c.in.Write([]byte("go\n"))
	if _, ended := w.end(c); err != nil || ended != nil || c.last != "done" {
		t.Fatalf("an installation cannot be made: %v, %v, %s\n%s", err, ended, c.last, c.stderr.Bytes())
	}
}
