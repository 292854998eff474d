// Tickmark-verify checks a bundle without a network, without a database and
// without the program that wrote it.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/cosign"
	"github.com/tickmark/tickmark/internal/stamp"
)

// Exit statuses, one per verdict.
const (
	exitVerified   = 0
	exitCorrupted  = 1
	exitUnusable   = 2
	exitConsistent = 3
	exitDemo       = 4
)

const usage = `usage: tickmark-verify [--key KEY]... [--policy FILE] [--tsa-root FILE]...
                       [--content FILE] [--json] [--items] FILE

Checks a Tickmark bundle (*.evb) or the proof of one entry (*.tlog-proof). It
reads files, writes nothing and calls nobody. In the bundle of an engagement it also checks the order of events: that each
sample follows from a nonce fixed before the list was sealed, and that nothing
came before what it rests on.

  --key KEY   the log's key, or a file that holds it. Get it from the owner of
              the log by another way than the bundle: the trust page, the
              engagement letter, a person you know. Give it again for each
              further log; an engagement has two.
  --policy FILE
              whom you believe besides: witnesses whose cosignatures count, how
              many of them must have signed, and keys of logs
  --tsa-root FILE
              certificates, in PEM, of authorities whose time stamps you believe;
              may be given again
  --content FILE
              with a proof: what the entry is said to be about, to be compared
  --items     list every entry with its verdict and the bounds of its time
  --json      write the report as JSON

Exit status
  0  VERIFIED    everything holds under the key you gave, and your policy, if you
                 gave one, is fulfilled
  1  CORRUPTED   something does not hold; what, is named
  2              the arguments are unusable or FILE cannot be read
  3  CONSISTENT  everything holds, under the key inside the file, which a forger
                 could arrange too, or without the witnesses you asked for
  4  DEMO        everything holds, in a demonstration log
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return exitVerified
	}
	if err == nil {
		var r *bundle.Report
		if r, err = verify(o, progressOn(stderr)); err == nil {
			if err = write(stdout, r, o); err == nil {
				return status(r.Verdict)
			}
		}
	}
	fmt.Fprintf(stderr, "tickmark-verify: %v\n", err)
	return exitUnusable
}

type options struct {
	file        string
	keys        []string
	json, items bool
	policy      *cosign.Policy
	roots       []byte // PEM
	trusted     *stamp.Roots
	content     string
}

// parse lets flags stand before and after FILE.
func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("tickmark-verify", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&o.json, "json", false, "")
	flags.BoolVar(&o.items, "items", false, "")
	flags.Func("key", "", func(s string) error {
		key, err := readKey(s)
		o.keys = append(o.keys, key)
		return err
	})
	flags.Func("policy", "", func(s string) error {
		if o.policy != nil {
			return errors.New("one policy at a time")
		}
		b, err := readFile(s, cosign.MaxPolicy)
		if err == nil {
			o.policy, err = cosign.ParsePolicy(b)
		}
		return err
	})
	flags.Func("tsa-root", "", func(s string) error {
		b, err := readFile(s, maxRoots)
		if err == nil {
			_, err = stamp.ParseRoots(b)
		}
		o.roots = append(append(o.roots, b...), '\n')
		return err
	})
	flags.StringVar(&o.content, "content", "", "")
	for {
		if err := flags.Parse(args); err != nil {
			return o, err
		}
		if flags.NArg() == 0 {
			break
		}
		if o.file != "" {
			return o, fmt.Errorf("one FILE at a time: %s and %s were given", o.file, flags.Arg(0))
		}
		o.file, args = flags.Arg(0), flags.Args()[1:]
	}
	if o.file == "" {
		return o, errors.New("which FILE? See tickmark-verify --help")
	}
	if o.content != "" && !isProof(o.file) {
		return o, errors.New("--content goes with the proof of one entry, FILE.tlog-proof; a bundle has its contents inside")
	}
	if o.roots != nil {
		o.trusted, err = stamp.ParseRoots(o.roots)
	}
	return o, err
}

const maxRoots = 1 << 20

func isProof(name string) bool { return strings.HasSuffix(name, ".tlog-proof") }

// readFile reads a small file whole.
func readFile(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s has more than %d bytes", name, most)
	}
	return b, err
}

// readKey takes a key or the name of a file with one.
func readKey(s string) (string, error) {
	if _, _, err := canon.ParseVKey(s); err == nil {
		return s, nil
	}
	b, err := readFile(s, 64<<10)
	if err != nil {
		return "", fmt.Errorf("neither a log key (tickmark/…/1+xxxxxxxx+…) nor a file that can be read: %w", err)
	}
	key := strings.TrimSpace(string(b))
	if _, _, err := canon.ParseVKey(key); err != nil {
		return "", fmt.Errorf("the file holds no log key: %w", err)
	}
	return key, nil
}

func verify(o options, progress func(done, of int64)) (*bundle.Report, error) {
	f, err := os.Open(o.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", o.file)
	}
	with := bundle.Options{File: o.file, Keys: o.keys, Policy: o.policy, Roots: o.trusted, Progress: progress}
	if !isProof(o.file) {
		return bundle.Verify(f, info.Size(), with)
	}
	if o.content != "" {
		c, err := os.Open(o.content)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		with.Content = c
	}
	return bundle.VerifyProof(f, with)
}

// largeFile is where progress begins to be worth a line.
const largeFile = 64 << 20

// progressOn tells a terminal how far it is; nil for anything else.
func progressOn(stderr io.Writer) func(done, of int64) {
	f, ok := stderr.(*os.File)
	if !ok {
		return nil
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return percent(f)
}

// percent writes over one line, which is wiped at the end.
func percent(w io.Writer) func(done, of int64) {
	last := int64(-1)
	return func(done, of int64) {
		if of < largeFile {
			return
		}
		switch p := done * 100 / of; {
		case done >= of:
			fmt.Fprint(w, "\r\x1b[K")
		case p > last:
			last = p
			fmt.Fprintf(w, "\rchecked %d %% of %d MB", p, of>>20)
		}
	}
}

func write(w io.Writer, r *bundle.Report, o options) error {
	if !o.json {
		_, err := io.WriteString(w, text(r, o.items))
		return err
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(r)
}

func status(v bundle.Verdict) int {
	switch v {
	case bundle.Verified:
		return exitVerified
	case bundle.Consistent:
		return exitConsistent
	case bundle.Demo:
		return exitDemo
	}
	return exitCorrupted
}
