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
)

// Exit statuses, one per verdict.
const (
	exitVerified   = 0
	exitCorrupted  = 1
	exitUnusable   = 2
	exitConsistent = 3
	exitDemo       = 4
)

const usage = `usage: tickmark-verify [--key KEY]... [--json] [--items] FILE

Checks a Tickmark bundle. It reads FILE, writes nothing and calls nobody.
In the bundle of an engagement it also checks the order of events: that each
sample follows from a nonce fixed before the list was sealed, and that nothing
came before what it rests on.

  --key KEY   the log's key, or a file that holds it. Get it from the owner of
              the log by another way than the bundle: the trust page, the
              engagement letter, a person you know. Give it again for each
              further log; an engagement has two.
  --items     list every entry with its verdict
  --json      write the report as JSON

Exit status
  0  VERIFIED    everything holds under the key you gave
  1  CORRUPTED   something does not hold; what, is named
  2              the arguments are unusable or FILE cannot be read
  3  CONSISTENT  everything holds, under the key inside the file: a forger
                 could arrange that too
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
		if r, err = verify(o); err == nil {
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
	return o, nil
}

// readKey takes a key or the name of a file with one.
func readKey(s string) (string, error) {
	if _, _, err := canon.ParseVKey(s); err == nil {
		return s, nil
	}
	f, err := os.Open(s)
	if err != nil {
		return "", fmt.Errorf("neither a log key (tickmark/…/1+xxxxxxxx+…) nor a file that can be read: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(b))
	if _, _, err := canon.ParseVKey(key); err != nil {
		return "", fmt.Errorf("the file holds no log key: %w", err)
	}
	return key, nil
}

func verify(o options) (*bundle.Report, error) {
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
	return bundle.Verify(f, info.Size(), bundle.Options{File: o.file, Keys: o.keys})
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
