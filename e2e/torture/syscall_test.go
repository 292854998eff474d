package torture_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// groups are the system calls that fail, by what they do.
var groups = []string{"openat", "write", "pwrite64", "fsync", "fdatasync", "rename,renameat,renameat2", "ftruncate", "unlink,unlinkat", "mkdir,mkdirat,linkat"}

// effects are what happens instead.
var effects = []string{"error=EIO", "error=ENOSPC", "error=EDQUOT", "signal=KILL"}

// Whatever system call fails, and however, the work is either done and
// acknowledged or refused, and the next start finds everything.
//
// strace counts calls for each thread apart, so "the third fsync" is not one
// place in the program. Two things are done about it: the child has more
// processors than goroutines, so that a goroutine that returns from a call
// goes on in its thread; and the trace, not the count, says which call was
// hit. Counting up goes on until a run in which nothing was hit, and then, by
// chance, until every call of an undisturbed run has been hit or patience ends.
func TestSystemCallFails(t *testing.T) {
	wanted(t)
	if out, err := exec.Command("strace", "-e", "inject=fsync:error=EIO:when=1", "-o", "/dev/null", "true").CombinedOutput(); err != nil {
		lacking(t, "failing system calls need strace and the right to trace: %v %s", err, out)
	}
	for _, work := range []string{"append", "upload", "start", "migrate"} {
		t.Run(work, func(t *testing.T) { newInjector(t, work).run(t) })
	}
}

// patience bounds how long missed calls of one work are chased; all of them get
// twice as long. What is missing then is listed.
const patience = 4 * time.Minute

// injector fails the calls of one work.
type injector struct {
	work     string
	template place
	before   *witness
	at       string              // each run has a folder below it
	calls    map[string][]string // group → its calls in an undisturbed run

	mu    sync.Mutex
	runs  int
	tally *tally
	hit   map[string]map[string]bool // group and effect → calls hit
	by    map[string]int             // how runs ended
	stray int                        // calls hit that have nothing to do with the data
}

func newInjector(t *testing.T, work string) *injector {
	t.Helper()
	i := &injector{work: work, template: place{dir: filepath.Join(t.TempDir(), "template")}, before: newWitness(), at: t.TempDir(),
		tally: newTally("failing system calls of " + work), hit: map[string]map[string]bool{}, by: map[string]int{}}
	if err := os.Mkdir(i.template.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if work != "migrate" {
		found(t, i.template, i.before)
	}
	if work == "start" { // from what a kill left
		ingesting, _ := workNamed("ingest")
		killOnce(t, i.before, i.template, ingesting, rand.New(rand.NewPCG(1, 1)), 0)
	}
	i.calls = i.undisturbed(t)
	return i
}

// undisturbed lists the calls that the work makes on its directory.
func (i *injector) undisturbed(t *testing.T) map[string][]string {
	t.Helper()
	tr := i.trace(t, strings.Join(groups, ","), "", "")
	if tr.ended != "done" {
		t.Fatalf("%s does not work under strace: %s", i.work, tr.ended)
	}
	out := map[string][]string{}
	for _, g := range groups {
		for _, c := range tr.calls {
			if slices.Contains(strings.Split(g, ","), c.name) {
				out[g] = append(out[g], c.place)
			}
		}
	}
	return out
}

func (i *injector) run(t *testing.T) {
	defer i.print(t)
	type trial struct {
		group, effect string
		n             int
	}
	var trials []trial
	for _, g := range groups {
		for _, e := range effects {
			if len(i.calls[g]) > 0 {
				trials = append(trials, trial{g, e, 0})
			}
		}
	}
	r := chance(t)
	if !torture() { // a sample of the places
		for range times(t, 12, 0) {
			x := trials[r.IntN(len(trials))]
			i.once(t, x.group, x.effect, 1+r.IntN(min(12, len(i.calls[x.group]))), "")
		}
		return
	}
	// Each hand takes a group and effect and counts up by itself.
	work := make(chan trial)
	var hands sync.WaitGroup
	for range 3 {
		hands.Go(func() {
			for x := range work {
				i.exhaust(t, x.group, x.effect)
			}
		})
	}
	for _, x := range trials {
		work <- x
	}
	close(work)
	hands.Wait()
}

// exhaust fails the first call, the second, and so on, until nothing is hit any
// more; then it aims at what was missed, counting only calls on its file.
func (i *injector) exhaust(t *testing.T, group, effect string) {
	n := 1
	for ; i.once(t, group, effect, n, "") && !t.Failed() && time.Since(i.tally.started) < 2*patience; n++ {
	}
	for try := range 4 {
		for _, place := range i.missing(group, effect) {
			if time.Since(i.tally.started) > patience || t.Failed() {
				return
			}
			words := strings.Fields(place) // call, file, #number
			at, _ := strconv.Atoi(words[2][1:])
			if strings.Contains(words[1], "*") {
				i.once(t, group, effect, 1+try%n, "")
				continue
			}
			i.once(t, group, effect, max(at-try, 1), words[1]) // another thread may have done some of them
		}
	}
}

// missing lists the calls of an undisturbed run that were not hit.
func (i *injector) missing(group, effect string) (out []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, c := range i.calls[group] {
		if !i.hit[group+" "+effect][c] {
			out = append(out, c)
		}
	}
	return out
}

// unreached names all that missing lists.
func (i *injector) unreached() (out []string) {
	for _, g := range groups {
		for _, e := range effects {
			for _, c := range i.missing(g, e) {
				out = append(out, e+" "+c)
			}
		}
	}
	return out
}

// once fails one call, of those on a file if one is given, and asks the oracle;
// it reports whether anything was hit.
func (i *injector) once(t *testing.T, group, effect string, n int, file string) bool {
	tr := i.trace(t, group, fmt.Sprintf("%s:when=%d", effect, n), file)
	taken, receipts := len(tr.w.Taken)-len(i.before.Taken), len(tr.w.Receipts)-len(i.before.Receipts)
	f := oracle(t.Context(), place{dir: tr.dir}, tr.w)
	f.report(t, fmt.Sprintf("%s of %s, number %d, at %v (%s)", effect, group, n, tr.hits, tr.ended))
	if err := os.RemoveAll(tr.dir); err != nil {
		t.Error(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	f.unsure = max(f.unsure-len(i.before.Tried), 0) // what the kill before had left
	a := i.tally
	a.add(f)
	a.runs++
	a.acknowledged += taken
	a.receipts += receipts
	for _, h := range tr.hits {
		key := group + " " + effect
		if i.hit[key] == nil {
			i.hit[key] = map[string]bool{}
		}
		i.hit[key][h] = true
	}
	i.stray += tr.stray
	i.by[strings.Fields(tr.ended)[0]]++
	return len(tr.hits)+tr.stray > 0
}

func (i *injector) print(t *testing.T) {
	places, hit := 0, 0
	for _, g := range groups {
		for _, e := range effects {
			places += len(i.calls[g])
			hit += len(i.calls[g]) - len(i.missing(g, e))
		}
	}
	if torture() && hit < places {
		t.Logf("not reached: %s", strings.Join(i.unreached(), "; "))
	}
	var ended []string
	for _, k := range slices.Sorted(maps.Keys(i.by)) {
		ended = append(ended, fmt.Sprintf("%d %s", i.by[k], k))
	}
	i.tally.count("%d of %d places (calls x effects) hit, %d hits on no file of ours; the work ended: %s", hit, places, i.stray, strings.Join(ended, ", "))
	i.tally.print(t)
}

// traced is one run under strace.
type traced struct {
	dir   string
	w     *witness
	ended string // done, failed …, killed or hung
	calls []call
	hits  []string // the places that were hit
	stray int      // hits elsewhere: the pipe to us, the runtime's own
}

// trace runs the work in a copy of the template, with an injection or none.
func (i *injector) trace(t *testing.T, calls, inject, file string) *traced {
	t.Helper()
	i.mu.Lock()
	i.runs++
	tr := &traced{dir: filepath.Join(i.at, fmt.Sprint(i.runs)), w: i.before.clone()}
	i.mu.Unlock()
	if out, err := exec.Command("cp", "-a", i.template.dir, tr.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := tr.w.launch(t, i.work, place{dir: tr.dir}, "GOMAXPROCS=64")
	err := tr.w.listen(c, func(_ int, line string) bool { return line == "armed" })
	if err != nil || c.last != "armed" {
		t.Fatalf("%v, %s\n%s", err, c.last, c.stderr.Bytes())
	}
	log := tr.dir + ".trace"
	if file != "" {
		file = filepath.Join(tr.dir, file)
	}
	tool, err := attach(c, log, calls, inject, file)
	if err != nil {
		t.Fatal(err)
	}
	alarm := time.AfterFunc(3*time.Minute, func() { c.cmd.Process.Kill(); tr.ended = "hung" })
	if _, err := c.in.Write([]byte("go\n")); err != nil {
		t.Error(err)
	}
	killed, err := tr.w.end(c)
	if alarm.Stop(); tr.ended == "hung" {
		t.Errorf("%s %s: the work hangs", calls, inject)
	} else if tr.ended = c.last; killed {
		tr.ended = "killed"
	} else if err != nil && !strings.HasPrefix(c.last, "failed") {
		tr.ended = "crashed: " + firstLine(c.stderr.String())
	}
	tool.Wait() // its status is the child's
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	tr.calls = readTrace(string(b), tr.dir)
	for n, x := range tr.calls {
		if killed && inject != "" && n == len(tr.calls)-1 && strings.HasPrefix(inject, "signal") {
			x.injected = true // the last call that was entered
		}
		if x.injected {
			tr.hits = append(tr.hits, x.place)
		}
	}
	if len(tr.hits) == 0 && (strings.Contains(string(b), "(INJECTED)") || killed) {
		tr.stray++
	}
	return tr
}

func firstLine(s string) string { line, _, _ := strings.Cut(s, "\n"); return line }

// attach starts strace on all threads of a child and returns once it holds
// them.
func attach(c *process, log, calls, inject, file string) (*exec.Cmd, error) {
	args := []string{"-f", "-y", "-o", log, "-p", fmt.Sprint(c.cmd.Process.Pid), "-e", "trace=" + calls, "-e", "signal=none"}
	if inject != "" {
		args = append(args, "-e", "inject="+calls+":"+inject)
	}
	if file != "" {
		args = append(args, "-P", file)
	}
	tool := exec.Command("strace", args...)
	said, err := tool.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := tool.Start(); err != nil {
		return nil, err
	}
	b := make([]byte, 4096)
	n, err := said.Read(b)
	if err != nil || !strings.Contains(string(b[:n]), "attached") {
		tool.Process.Kill()
		tool.Wait()
		return nil, fmt.Errorf("strace: %s, %v", b[:n], err)
	}
	go func() { // so that it never waits for a reader
		for err == nil {
			_, err = said.Read(b)
		}
	}()
	return tool, nil
}

// call is one call on the directory, in the order of the trace.
type call struct {
	name     string
	place    string // call, file and the how manieth on it
	injected bool
}

var (
	entered = regexp.MustCompile(`^(\d+) +(\w+)\((.*)$`)
	resumed = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>(.*)$`)
	numbers = regexp.MustCompile(`[0-9a-f]{16,}|\.(tmp|root|held)-\d+`)
)

// readTrace lists the calls on files below dir.
func readTrace(log, dir string) (out []call) {
	open := map[string]int{} // thread → index of its unfinished call
	seen := map[string]int{}
	for line := range strings.SplitSeq(log, "\n") {
		if m := resumed.FindStringSubmatch(line); m != nil {
			if n, ok := open[m[1]]; ok && strings.Contains(m[3], "(INJECTED)") {
				out[n].injected = true
			}
			delete(open, m[1])
			continue
		}
		m := entered.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		_, rest, ours := strings.Cut(m[3], dir+"/")
		if !ours {
			continue
		}
		file, _, _ := strings.Cut(rest, "\"")
		file, _, _ = strings.Cut(file, ">")
		key := m[2] + " " + numbers.ReplaceAllString(file, "*")
		seen[key]++
		out = append(out, call{m[2], fmt.Sprintf("%s #%d", key, seen[key]), strings.Contains(line, "(INJECTED)")})
		if strings.HasSuffix(line, "<unfinished ...>") {
			open[m[1]] = len(out) - 1
		}
	}
	return out
}

func TestTraceIsRead(t *testing.T) {
	const log = `100 fsync(7</x/1/data/tickmark.db-wal>) = 0
101 pwrite64(8</x/1/data/tickmark.db>, "a", 1, 0 <unfinished ...>
100 fsync(7</x/1/data/tickmark.db-wal>) = -1 EIO (Input/output error) (INJECTED)
100 write(1<pipe:[1]>, "taken", 5) = -1 EIO (Input/output error) (INJECTED)
101 <... pwrite64 resumed>) = -1 ENOSPC (No space left on device) (INJECTED)
100 openat(AT_FDCWD</x>, "/x/1/data/blobs/ab/.tmp-123", O_RDWR|O_CREAT, 0600) = 9</x/1/data/blobs/ab/.tmp-123>
`
	got := fmt.Sprint(readTrace(log, "/x/1"))
	const want = "[{fsync fsync data/tickmark.db-wal #1 false} {pwrite64 pwrite64 data/tickmark.db #1 true} " +
		"{fsync fsync data/tickmark.db-wal #2 true} {openat openat data/blobs/ab/*-* #1 false}]"
	if got != strings.ReplaceAll(want, "*-*", "*") {
		t.Errorf("got %s", got)
	}
}

// clone is a witness that remembers the same and goes its own way.
func (w *witness) clone() *witness {
	x := *w
	x.Taken, x.Bytes = maps.Clone(w.Taken), maps.Clone(w.Bytes)
	x.Tried, x.Receipts, x.exported, x.fresh = slices.Clone(w.Tried), slices.Clone(w.Receipts), slices.Clone(w.exported), slices.Clone(w.fresh)
	return &x
}
