// Package torture_test breaks things while the product works and looks each
// time whether anything it acknowledged is gone or wrong. A child process does
// real work through operations and says on a pipe what was acknowledged; this
// process injects a fault; one oracle then judges what is left.
//
// docs/reliability.md says what is simulated, how, and what is not.
package torture_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/db/dbtest"
)

const (
	journeys = "TICKMARK_E2E"          // set: the quick part runs
	long     = "TICKMARK_TORTURE"      // set: the long part runs, and whatever is missing is a failure
	seedEnv  = "TICKMARK_TORTURE_SEED" // when faults come; 1 if unset
	timesEnv = "TICKMARK_TORTURE_RUNS" // how many runs of each fault, instead of what is usual
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

// wanted skips a test unless faults were asked for.
func wanted(t *testing.T) {
	t.Helper()
	if testing.Short() || os.Getenv(journeys) == "" && os.Getenv(long) == "" {
		t.Skipf("NOT RUN: faults; set %s=1 for the quick part, %s=1 for all", journeys, long)
	}
}

func torture() bool { return os.Getenv(long) != "" }

// times is how many runs a fault gets.
func times(t *testing.T, quick, full int) int {
	t.Helper()
	if s := os.Getenv(timesEnv); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s: want a number", timesEnv)
		}
		return n
	}
	if torture() {
		return full
	}
	return quick
}

// chance decides when faults come. It is the same for the same seed.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(1)
	if s := os.Getenv(seedEnv); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("%s: want a number", seedEnv)
		}
	}
	return rand.New(rand.NewPCG(seed, 0))
}

// lacking says that this machine cannot inject a fault: one line in the suite,
// a failure in the long run, which claims to have tried everything.
func lacking(t *testing.T, format string, args ...any) {
	t.Helper()
	if torture() {
		t.Fatalf("CANNOT RUN: "+format, args...)
	}
	t.Skipf("NOT RUN: "+format, args...)
}

// apart runs the calling test again in a mount namespace of its own and is
// false there. Whatever that process mounts is gone when it ends, however it
// ends.
func apart(t *testing.T) bool {
	t.Helper()
	const inside = "TICKMARK_TORTURE_APART"
	if os.Getenv(inside) == t.Name() {
		return false
	}
	if os.Getuid() != 0 {
		lacking(t, "%s mounts a file system, which needs root", t.Name())
	}
	run := "^" + t.Name() + "$"
	if _, part, ok := strings.Cut(flag.Lookup("test.run").Value.String(), "/"); ok {
		run += "/" + part
	}
	cmd := exec.Command(os.Args[0], "-test.run", run, "-test.v", "-test.timeout", "60m")
	cmd.Env = append(os.Environ(), inside+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		lacking(t, "no mount namespace of its own: %v", err)
	}
	if err != nil {
		t.Errorf("in its own mount namespace: %v", err)
	}
	return true
}

// needsPostgres skips where no server was asked for, as every other test does.
func needsPostgres(t *testing.T) {
	t.Helper()
	if os.Getenv(dbtest.Env) == "" && !torture() {
		t.Skipf("NOT RUN: faults of PostgreSQL; set %s=on", dbtest.Env)
	}
}

// tally is what one fault did, in numbers.
type tally struct {
	name                      string
	started                   time.Time
	runs, acknowledged        int
	receipts, unsure          int
	lost, duplicates, damaged int
	more                      string
}

func newTally(name string) *tally { return &tally{name: name, started: time.Now()} }

// add counts what the oracle found.
func (a *tally) add(f findings) {
	a.lost += len(f.lost)
	a.duplicates += len(f.duplicates)
	a.damaged += len(f.damaged)
	a.unsure += f.unsure
}

// print says what was done, whether or not the test passes.
func (a *tally) print(t *testing.T) {
	t.Helper()
	t.Logf("%s: %d runs, %d acknowledged (%d with receipts), %d lost, %d duplicates, %d other findings, %d stored though the answer was lost%s; %s",
		a.name, a.runs, a.acknowledged, a.receipts, a.lost, a.duplicates, a.damaged, a.unsure, a.more, time.Since(a.started).Round(100*time.Millisecond))
}

// count adds to what print says.
func (a *tally) count(format string, args ...any) { a.more += ", " + fmt.Sprintf(format, args...) }
