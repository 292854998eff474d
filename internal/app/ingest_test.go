package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/sources"
)

// scanOf is a file of n findings by a tool.
func scanOf(tool string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"class_uid":2004,"metadata":{"version":"1.4.0","event_code":"r","product":{"name":%q,"version":"1"}},"finding_info":{"uid":"f-%d","title":"t"},"severity_id":4,"status_code":"FAIL","status_id":1,"time":1780000000}`+"\n", tool, i)
	}
	return b.String()
}

// handing is a data directory with an organization, and files.
type handing struct {
	data, dir string
}

func newHanding(t *testing.T) handing {
	t.Helper()
	h := handing{filepath.Join(t.TempDir(), "data"), t.TempDir()}
	if status, _, errs := run(t, "assess", "--data", h.data, "--git", repository(t, 1), "--quiet"); status != 1 {
		t.Fatal(errs)
	}
	return h
}

func (h handing) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (h handing) token(t *testing.T, access string) string {
	t.Helper()
	var made struct{ Secret string }
	list(t, &made, "tokens", "create", "--data", h.data, "--name", access, "--access", access, "--json")
	return made.Secret
}

// The same is asked of all three ways in: this process, the socket of whoever
// holds the directory, and the address of a server with a token.
func TestFilesAreHandedInWhereverTheServerIs(t *testing.T) {
	h := newHanding(t)
	good, other := h.file(t, "good.json", scanOf("One", 300)), h.file(t, "other.json", scanOf("Two", 2))
	lines := strings.SplitAfter(scanOf("One", 5), "\n")
	lines[2] = strings.Replace(lines[2], `"severity_id":4`, `"severity_id":"high"`, 1)
	bad := h.file(t, "bad.json", strings.Join(lines, ""))
	none := h.file(t, "none.json", strings.ReplaceAll(scanOf("One", 2), "1.4.0", "9.9"))
	ways := func(t *testing.T, where ...string) {
		with := func(args ...string) []string { return append(append([]string{"ingest"}, where...), args...) }
		status, out, errs := run(t, with(good, other)...)
		if status != 0 || !strings.Contains(out, "good.json looks like OCSF 1.4 detection findings by One 1.\n") || !strings.Contains(out, "good.json: 300 findings, 1 scan, run run_") ||
			!strings.Contains(out, "other.json: 2 findings") {
			t.Errorf("two files: exit %d\n%s%s", status, out, errs)
		}
		// One that is refused does not keep the next from being taken.
		status, out, errs = run(t, with(bad, filepath.Join(h.dir, "nowhere.json"), h.dir, other)...)
		for _, want := range []string{"bad.json: line 3: $.severity_id (line 3): a whole number is accepted, not a string", "nowhere.json: it cannot be opened", "it is a folder: give a file"} {
			if status != 1 || !strings.Contains(errs, want) || !strings.Contains(out, "other.json: 2 findings") {
				t.Errorf("with bad ones: exit %d, want %q\n%s%s", status, want, out, errs)
			}
		}
		status, out, errs = run(t, with("--json", "--skip-bad", bad, none)...)
		var runs []sources.Run
		if err := json.Unmarshal([]byte(out), &runs); err != nil || status != 1 || len(runs) != 1 || runs[0].Resources != 5 || runs[0].Scope["left_out"] != "1" || !strings.Contains(runs[0].Missing[0].Reason, "line 3") ||
			!strings.Contains(errs, "none of its 2 rows can be taken") {
			t.Errorf("rows left out: exit %d, %v\n%s%s", status, err, out, errs)
		}
		var stdout, stderr bytes.Buffer
		if status := app.Run(t.Context(), with("-"), strings.NewReader(scanOf("One", 4)), &stdout, &stderr); status != 0 || !strings.Contains(stdout.String(), "standard input: 4 findings") {
			t.Errorf("standard input: exit %d\n%s%s", status, stdout.String(), stderr.String())
		}
		for want, args := range map[string][]string{`there is no format "nessus": formats are ocsf`: {"--format", "nessus", good}, "the file is empty": {"-"}, "a source of kind ocsf": {"--format", "sarif", "--source", string(runs[0].Source), good}} {
			if status, out, errs := run(t, with(args...)...); status != 1 || !strings.Contains(errs, want) || strings.Contains(out, "run run_") {
				t.Errorf("exit %d, want %q\n%s%s", status, want, out, errs)
			}
		}
		if status, _, errs := run(t, with()...); status != 2 || !strings.Contains(errs, "expected") {
			t.Errorf("no file: exit %d\n%s", status, errs)
		}
	}
	t.Run("in this process", func(t *testing.T) { ways(t, "--data", h.data, "--quiet") })
	address, _, stop := serve(t, h.data)
	defer stop()
	t.Run("by its socket", func(t *testing.T) { ways(t, "--data", h.data) })
	write, read := h.token(t, "write"), h.token(t, "read")
	t.Run("by its address", func(t *testing.T) { ways(t, "--server", address, "--token", write) })
	for want, token := range map[string]string{"This token only reads": read, "unknown, expired or revoked": "tmk_" + strings.Repeat("A", 43), "Send a token": ""} {
		status, out, errs := run(t, "ingest", "--server", address, "--token", token, good)
		if status != 1 || out != "" || !strings.Contains(errs, want) || token != "" && strings.Contains(errs, token) {
			t.Errorf("exit %d, want %q\n%s%s", status, want, out, errs)
		}
	}
	var all []sources.Source
	list(t, &all, "sources", "list", "--data", h.data, "--json")
	if len(all) != 3 { // git, One and Two, whichever way they came
		t.Errorf("%d sources", len(all))
	}
}

// A file that a server has taken is read, though the server is stopped before
// it came to it and whoever handed it in is told what becomes of it.
func TestAFileOutlivesTheServerThatTookIt(t *testing.T) {
	h := newHanding(t)
	address, _, stop := serve(t, h.data)
	write := h.token(t, "write")
	ctx, cancel := context.WithCancel(t.Context())
	out := &stopper{when: "looks like", then: cancel}
	var errs bytes.Buffer
	status := app.Run(ctx, []string{"ingest", "--server", address, "--token", write, h.file(t, "large.json", scanOf("Large", 20_000))}, strings.NewReader(""), out, &errs)
	stop() // in the middle, or before the first row
	if status != 1 || !strings.Contains(errs.String(), "large.json: stopped. The server has the file and reads it when it can: tickmark imports get upl_") {
		t.Fatalf("exit %d\n%s%s", status, out, errs.String())
	}
	upload := "upl_" + strings.Fields(errs.String()[strings.Index(errs.String(), "upl_")+4:])[0]
	_, _, stop = serve(t, h.data)
	defer stop()
	// Another file behind it: once that is read, so was the first, or its lease
	// has not run out.
	var made sources.Import
	for made.Run == "" && made.Refused == "" {
		if status, _, errs := run(t, "ingest", "--data", h.data, h.file(t, "next.json", scanOf("Next", 1))); status != 0 {
			t.Fatal(errs)
		}
		list(t, &made, "imports", "get", upload, "--data", h.data, "--json")
	}
	var got sources.Run
	list(t, &got, "runs", "get", string(made.Run), "--data", h.data, "--json")
	if made.Refused != "" || got.Resources != 20_001 || got.Scope["file"] != "large.json" {
		t.Errorf("%+v\n%+v", made, got)
	}
}

// A server that goes away while somebody waits for it is named, and so is what
// becomes of the file.
func TestWhoeverWaitsForAServerThatGoesIsTold(t *testing.T) {
	h := newHanding(t)
	_, _, stop := serve(t, h.data)
	out := &stopper{when: "looks like", then: stop}
	var errs bytes.Buffer
	status := app.Run(t.Context(), []string{"ingest", "--data", h.data, h.file(t, "large.json", scanOf("Large", 20_000))}, strings.NewReader(""), out, &errs)
	if said := errs.String(); status != 1 || !strings.Contains(said, "large.json: ") || !strings.Contains(said, "The server has the file and reads it when it can: tickmark imports get upl_") {
		if !(status == 0 && strings.Contains(out.String(), "20,000 findings")) { // it was quicker
			t.Errorf("exit %d\n%s%s", status, out, said)
		}
	}
}

// A stopper does something once when it is shown a text.
type stopper struct {
	bytes.Buffer
	when string
	then func()
}

func (s *stopper) Write(p []byte) (int, error) {
	n, err := s.Buffer.Write(p)
	if s.then != nil && strings.Contains(s.String(), s.when) {
		s.then()
		s.then = nil
	}
	return n, err
}

var _ io.Writer = &stopper{}
