package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	golden     = "../../internal/bundle/testdata/v1.evb"
	engagement = "../../internal/bundle/testdata/examination-v1.evb"
	forgery    = "../../internal/bundle/testdata/examination-forged-v1.evb"
	anchored   = "../../internal/bundle/testdata/golden-v1-anchors.evb"
	continued  = "../../internal/bundle/testdata/golden-v1-continuation.evb"
	proof      = "../../internal/bundle/testdata/golden-v1-proof.tlog-proof"
	key        = "tickmark/34750f98bd59fcfc946da45aaabe933b/1+6b05862d+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
)

// otherKey signed the second log in the golden bundle.
func otherKey(t *testing.T) string {
	t.Helper()
	return unzip(t, golden, "logs/1/key")
}

func unzip(t *testing.T, from, name string) string {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	// Contents are stored, each after its name.
	_, after, ok := bytes.Cut(b, []byte(name))
	if !ok {
		t.Fatal(name)
	}
	line, _, _ := bytes.Cut(after, []byte("\n"))
	return string(line)
}

func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func damaged(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "damaged.evb", bytes.Replace(b, []byte("second\n"), []byte("forged\n"), 1))
}

func TestRun(t *testing.T) {
	keyFile := file(t, "key", []byte(key+"\n"))
	for _, c := range []struct {
		name   string
		args   []string
		status int
		stdout []string
		stderr string
	}{
		{"keys given", []string{"--key", key, "--key", otherKey(t), golden}, 0, []string{"VERIFIED ../", "260 entries", "(you gave it)",
			"260 entries", "no entry has been changed", "1 SUPERSEDED", "1 ERASED", "erased by entry 5", "What this cannot tell", "log's own clock"}, ""},
		{"key in a file, flags after", []string{golden, "--key=" + keyFile, "--key", otherKey(t)}, 0, []string{"VERIFIED ../"}, ""},
		{"one of two keys", []string{"--key", key, golden}, 3, []string{"CONSISTENT ../", "The key of another log inside was not given", "The key of log 1"}, ""},
		{"no key", []string{golden}, 3, []string{"CONSISTENT ../", "(from inside the file)", "which a forger could arrange too", "rules out if the key is the right one"}, ""},
		{"wrong key", []string{"--key", otherKey(t), damaged(t)}, 1, []string{"CORRUPTED /", "logs/0/key: signed by " + key, "not by the key you gave"}, ""},
		{"damaged", []string{"--key", key, damaged(t)}, 1, []string{"CORRUPTED /", "- blobs/", "- entry/2: "}, ""},
		{"all items", []string{"--items", golden}, 3, []string{"259 2026-03-01T10:19:00.000Z op ctl_259 CONSISTENT: in the log", "log 1, 1 2026"}, ""},
		{"an examination", []string{"--key", unzip(t, engagement, "logs/0/key"), "--key", unzip(t, engagement, "logs/1/key"), engagement}, 0, []string{
			"VERIFIED ../", "The order of events of the examination, over 1 population and 2 procedures",
			"POP-08: 12 rows, each with its record commit 0/1 < seal 1/4 (version 1) < accept 0/2 (rejected) < seal 1/6 (version 2) < accept 0/3 (complete) < draw 0/4",
			"CHG-01: 6 of 12 of POP-08, random, drawn again and the same; 1 of 6 tested deviate: effective_with_deviations draw 0/4 < link 1/7 < link 0/5 < test 0/6",
			"Report part 0/15…0/17 (3) < draft 0/18 < assertion 1/9 < opinion 0/19 < issue 0/20"}, ""},
		{"an examination, one of two keys", []string{"--key", unzip(t, engagement, "logs/0/key"), engagement}, 3, []string{"CONSISTENT ../", "Order of events"}, ""},
		{"a forged examination", []string{"--key", unzip(t, forgery, "logs/0/key"), "--key", unzip(t, forgery, "logs/1/key"), forgery}, 1, []string{
			"CORRUPTED ../", "What does not hold: 1 problem", "- entry/3: the draw smp_1: it has item"}, ""},
		{"anchors, somebody trusted", []string{"--items", "--policy", anchored + ".policy", "--tsa-root", anchored + ".pem", anchored}, 0, []string{
			"VERIFIED ../", "Who says so outside - https://tsa.example/: the first 4 entries of log 0 were there at 2026-03-01T06:04:30.000Z. You trust it",
			"stranger.example: the first 8 entries of log 0 were there at 2026-03-01T06:08:00.000Z. Not trusted: no policy you gave has a witness of this name and key",
			"The witnesses that your policy asks for saw log 0 up to 6 entries", "3 of 4 are by somebody you trust",
			"recorded after 2026-03-01T06:04:30.000Z, and at the latest by 2026-03-01T06:06:00.000Z, as somebody outside says"}, ""},
		{"anchors, nobody trusted", []string{"--items", "--key", key, anchored}, 0, []string{
			"VERIFIED ../", "Not trusted: no root of an authority was given", "0 of 4 are by somebody you trust",
			"recorded after 2026-03-01T06:03:00.000Z, and by nobody else's word than the log's own clock", "give --tsa-root or --policy"}, ""},
		{"anchors, other witnesses asked for", []string{"--policy", file(t, "policy", []byte("log "+key+"\nwitness w other+ce9643c5+BNSUqmkv35oPj/vHHmT8uVYCxTLoyfWYBRyfPtTnjp1m\nquorum w\n")), anchored}, 3, []string{"CONSISTENT ../", "without the cosignatures that your policy asks for", "No checkpoint of log 0"}, ""},
		{"a key changed twice", []string{"--key", key, "../../internal/bundle/testdata/golden-v1-rotation.evb"}, 0, []string{"VERIFIED ../"}, ""},
		{"a log continued, one key", []string{"--key", unzip(t, continued, "logs/0/key"), continued}, 3, []string{"CONSISTENT ../", "The key of another log inside was not given", "1 ERASED", "erased by entry 1 of log 0"}, ""},
		{"a proof", []string{"--key", key, "--content", proof + ".content", proof}, 0, []string{
			"VERIFIED ../", "the proof of one entry", "The way from the entry to the root of a signed checkpoint of 8 entries", "only a bundle of the whole log shows", "evd_1 VERIFIED"}, ""},
		{"a proof with a policy", []string{"--policy", proof + ".policy", proof}, 0, []string{"VERIFIED ../", "saw log 0 up to 8 entries", "recorded at the latest by 2026-03-01T06:16:40.000Z", "Compare it with --content FILE"}, ""},
		{"a proof without a key", []string{proof}, 3, []string{"CONSISTENT ../", "which a forger could arrange too"}, ""},
		{"a proof of other content", []string{"--key", key, "--content", "main.go", proof}, 1, []string{"CORRUPTED ../", "is not what the entry commits to"}, ""},
		{"content of a bundle", []string{"--content", "main.go", golden}, 2, nil, "--content goes with the proof"},
		{"content that is not there", []string{"--content", "missing", proof}, 2, nil, "missing"},
		{"unusable policy", []string{"--policy", "main.go", golden}, 2, nil, "policy: line 1"},
		{"two policies", []string{"--policy", anchored + ".policy", "--policy", anchored + ".policy", anchored}, 2, nil, "one policy at a time"},
		{"unusable roots", []string{"--tsa-root", "main.go", golden}, 2, nil, "certificates"},
		{"not a bundle", []string{"main.go"}, 1, []string{"CORRUPTED main.go", "this is not a bundle"}, ""},
		{"help", []string{"--help"}, 0, []string{"usage: tickmark-verify"}, ""},
		{"help after file", []string{golden, "-h"}, 0, []string{"usage: tickmark-verify"}, ""},
		{"no file", nil, 2, nil, "which FILE?"},
		{"two files", []string{golden, golden}, 2, nil, "one FILE at a time"},
		{"missing file", []string{"missing.evb"}, 2, nil, "missing.evb"},
		{"folder", []string{"."}, 2, nil, "is not a file"},
		{"unknown flag", []string{"--keys", key, golden}, 2, nil, "-keys"},
		{"unusable key", []string{"--key", "missing.key", golden}, 2, nil, "neither a log key"},
		{"file without key", []string{"--key", "main.go", golden}, 2, nil, "holds no log key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if got := run(c.args, &stdout, &stderr); got != c.status {
				t.Errorf("exit %d, want %d", got, c.status)
			}
			told := strings.Join(strings.Fields(stdout.String()), " ") // wherever the lines break
			for _, want := range c.stdout {
				if !strings.Contains(told, want) {
					t.Errorf("stdout does not say %q:\n%s", want, &stdout)
				}
			}
			if !strings.Contains(stderr.String(), c.stderr) || (c.stderr == "") != (stderr.Len() == 0) || c.stdout == nil && stdout.Len() > 0 {
				t.Errorf("stderr %q, want %q", &stderr, c.stderr)
			}
		})
	}
}

func TestDemoExits4(t *testing.T) {
	// A demonstration bundle is made in internal/bundle's tests; here only the
	// status of the verdict is at stake.
	if got := status("DEMO"); got != 4 {
		t.Errorf("exit %d", got)
	}
	if got := status("anything else"); got != 1 {
		t.Errorf("exit %d", got)
	}
}

func TestJSONIsTheReport(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if got := run([]string{golden, "--json"}, &stdout, &stderr); got != 3 {
		t.Fatalf("exit %d, %s", got, &stderr)
	}
	var r struct {
		Verdict, File string
		Items         []struct{ ID, Verdict string }
	}
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.Verdict != "CONSISTENT" || r.File != golden || len(r.Items) != 262 || r.Items[1].Verdict != "SUPERSEDED" {
		t.Errorf("%+v", r)
	}
}

// TestImportsAreFew: an auditor should be able to read all of what a verdict
// rests on.
func TestImportsAreFew(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(out))
	want := []string{
		"github.com/tickmark/tickmark/cmd/tickmark-verify",
		"github.com/tickmark/tickmark/internal/bundle",
		"github.com/tickmark/tickmark/internal/canon",
		"github.com/tickmark/tickmark/internal/cosign",
		"github.com/tickmark/tickmark/internal/sample",
		"github.com/tickmark/tickmark/internal/stamp",
		"golang.org/x/mod/sumdb/note",
		"golang.org/x/mod/sumdb/tlog",
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("imports\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	out, err = exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"net", "net/http", "os/exec", "plugin", "database/sql"} {
		if slices.Contains(strings.Fields(string(out)), bad) {
			t.Errorf("imports %s", bad)
		}
	}
}

// TestProgressOnATerminal: a large file says how far it is, on one line that is
// gone at the end, and nothing where nobody looks.
func TestProgressOnATerminal(t *testing.T) {
	var b bytes.Buffer
	tell := percent(&b)
	tell(1<<20, 1<<21)
	if b.Len() > 0 {
		t.Errorf("a small file says %q", &b)
	}
	for done := int64(0); done <= 100; done += 5 {
		tell(done<<20, 100<<20)
	}
	if s := b.String(); !strings.Contains(s, "\rchecked 50 % of 100 MB") || !strings.HasSuffix(s, "\r\x1b[K") || strings.Count(s, "checked") != 20 {
		t.Errorf("%q", s)
	}
	if progressOn(&b) != nil {
		t.Error("progress on what is no terminal")
	}
}

// TestProgramIsSmall: what a verdict rests on fits into an attachment.
func TestProgramIsSmall(t *testing.T) {
	program := filepath.Join(t.TempDir(), "tickmark-verify")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() >= 10<<20 {
		t.Errorf("%d bytes; want less than 10 MiB", info.Size())
	}
	t.Logf("%.1f MB", float64(info.Size())/1e6)
}

func TestJSONHasTheOrderOfEvents(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if got := run([]string{engagement, "--json"}, &stdout, &stderr); got != 3 {
		t.Fatalf("exit %d, %s", got, &stderr)
	}
	var r struct {
		Examination struct {
			Populations, Procedures []struct {
				ID     string
				Events []struct {
					Step  string
					Log   int
					Index int64
				}
			}
		}
	}
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	e := r.Examination
	if len(e.Populations) != 1 || e.Populations[0].ID != "pop_1" || len(e.Procedures) != 2 || e.Procedures[0].Events[0].Step != "draw" {
		t.Errorf("%+v", e)
	}
}
