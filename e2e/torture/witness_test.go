package torture_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tickmark/tickmark/internal/id"
)

// ack is what a child was told about a piece of evidence.
type ack struct {
	ID    id.Evidence `json:"id"`
	Entry int64       `json:"entry"`
}

// receipt is a proof that left the process.
type receipt struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

// witness is what the world outside remembers of the processes that died.
type witness struct {
	Org      id.Org            `json:"org"`
	Taken    map[string]ack    `json:"taken"`           // key → what was acknowledged
	Tried    []string          `json:"tried,omitempty"` // keys that were not acknowledged
	Bytes    map[string]string `json:"bytes,omitempty"` // key → key of its bytes, where they are another's
	Receipts []receipt         `json:"receipts"`

	exported []string        // bundles that were acknowledged
	backups  []string        // backups that were
	erased   map[string]bool // keys of which an erasure was begun; true once it was acknowledged
	fresh    []string        // keys acknowledged since the oracle last read their bytes
	round    int
	wrong    []string // what a child itself saw to be wrong
}

func newWitness() *witness {
	return &witness{Taken: map[string]ack{}, Bytes: map[string]string{}, erased: map[string]bool{}}
}

// everything makes the oracle read all bytes once more.
func (w *witness) everything() { w.fresh = slices.Sorted(maps.Keys(w.Taken)) }

// bytesOf is what a key's evidence must read back as.
func (w *witness) bytesOf(key string) []byte {
	if other, ok := w.Bytes[key]; ok {
		key = other
	}
	return content(key)
}

// hear notes what a child says.
func (w *witness) hear(words []string) error {
	if len(words) == 0 {
		return errors.New("an empty line")
	}
	args := words[1:]
	want := map[string]int{"armed": 0, "done": 0, "ready": 1, "trying": 1, "bytes": 2, "taken": 3, "receipt": 2, "exported": 1, "backup": 1, "erasing": 1, "erased": 1}
	if n, ok := want[words[0]]; ok && n != len(args) {
		return fmt.Errorf("want %d words after %s", n, words[0])
	}
	switch words[0] {
	case "armed", "done", "failed": // how it ended is the caller's to judge
	case "wrong":
		w.wrong = append(w.wrong, strings.Join(args, " "))
	case "ready":
		if w.Org != "" && string(w.Org) != args[0] {
			return fmt.Errorf("it was %s", w.Org)
		}
		w.Org = id.Org(args[0])
	case "trying":
		if !slices.Contains(w.Tried, args[0]) {
			w.Tried = append(w.Tried, args[0])
		}
	case "bytes":
		w.Bytes[args[0]] = args[1]
	case "taken":
		return w.taken(args)
	case "receipt":
		text, err := hex.DecodeString(args[1])
		w.Receipts = append(w.Receipts, receipt{args[0], string(text)})
		return err
	case "backup":
		w.backups = append(w.backups, args[0])
	case "erasing", "erased":
		w.erased[args[0]] = words[0] == "erased"
	case "exported":
		w.exported = append(w.exported, args[0])
	default:
		return errors.New("nobody knows this word")
	}
	return nil
}

func (w *witness) taken(args []string) error {
	entry, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return err
	}
	w.Tried = slices.DeleteFunc(w.Tried, func(k string) bool { return k == args[0] })
	now := ack{id.Evidence(args[1]), entry}
	if was, ok := w.Taken[args[0]]; ok {
		if was != now {
			return fmt.Errorf("it was acknowledged as %v before", was)
		}
		return nil
	}
	w.Taken[args[0]] = now
	w.fresh = append(w.fresh, args[0])
	return nil
}

// process is a child at work.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	wire   *os.File
	out    *bufio.Reader
	stderr bytes.Buffer
	last   string // the last whole line
}

// launch starts a child. What was not acknowledged is handed to it first.
func (w *witness) launch(t *testing.T, work string, p place, env ...string) *process {
	t.Helper()
	w.round++
	if err := os.WriteFile(filepath.Join(p.dir, "again"), []byte(strings.Join(w.Tried, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &process{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childEnv+"="+p.dir, workEnv+"="+work, roundEnv+"="+strconv.Itoa(w.round))
	if p.careless != "" {
		c.cmd.Env = append(c.cmd.Env, carelessEnv+"="+p.careless)
	}
	c.cmd.Env = append(c.cmd.Env, env...)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.cmd.Stderr = &c.stderr
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(ends[0]), "ours"), os.NewFile(uintptr(ends[1]), "theirs")
	defer theirs.Close() // its copy goes with the child
	c.cmd.Stdout, c.wire = theirs, ours
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReaderSize(ours, 1<<16)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// listen hears the child until stop says so or it has ended. A line cut short
// was never said.
func (w *witness) listen(c *process, stop func(n int, line string) bool) error {
	for n := 0; ; n++ {
		line, err := c.out.ReadString('\n')
		if err != nil {
			return nil
		}
		c.last = strings.TrimSpace(line)
		if err := w.hear(strings.Fields(line)); err != nil {
			return fmt.Errorf("%s: %w", c.last, err)
		}
		if stop != nil && stop(n, c.last) {
			return nil
		}
	}
}

// end hears the rest and waits. killed is true when a signal ended the child.
func (w *witness) end(c *process) (killed bool, err error) {
	err = w.listen(c, nil)
	c.in.Close()
	c.wire.Close()
	exit := c.cmd.Wait()
	var status *exec.ExitError
	if errors.As(exit, &status) && status.ExitCode() == -1 {
		return true, err
	}
	return false, errors.Join(err, exit)
}
