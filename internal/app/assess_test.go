package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/bundle"
)

// repository makes one with n commits.
func repository(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	r, err := gogit.PlainInit(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := r.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte{byte('a' + i), '\n'}, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Add("README.md"); err != nil {
			t.Fatal(err)
		}
		who := &object.Signature{Name: "Ann", Email: "ann@example.com", When: time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)}
		if _, err := w.Commit("change", &gogit.CommitOptions{Author: who, Committer: who}); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run runs a command line and returns its exit status and what it printed.
func run(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status = app.Run(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

// TestFromAnEmptyFolderToAVerifiedBundle is the main job on the command line,
// on real input.
func TestFromAnEmptyFolderToAVerifiedBundle(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	status, out, errs := run(t, "assess", "--data", data, "--git", repository(t, 5), "--json")
	if status != 1 {
		t.Fatalf("exit %d, want 1: unsigned commits fail\n%s", status, errs)
	}
	var report struct {
		Runs []struct {
			Source    string
			Resources map[string]int
		}
		Checks   []struct{ ID, Status string }
		Criteria []struct{ Code string }
		Ledger   struct {
			Origin, Root string
			Size         int
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if len(report.Runs) != 1 || report.Runs[0].Source != "git" || report.Runs[0].Resources["commit"] != 5 {
		t.Errorf("runs %+v", report.Runs)
	}
	if len(report.Checks) < 12 || len(report.Criteria) != 33 || report.Ledger.Size == 0 {
		t.Errorf("%d checks, %d criteria, log of %d", len(report.Checks), len(report.Criteria), report.Ledger.Size)
	}

	status, key, errs := run(t, "key", "--data", data)
	if status != 0 {
		t.Fatalf("key: exit %d: %s", status, errs)
	}
	file := filepath.Join(t.TempDir(), "log.evb")
	if status, _, errs := run(t, "export", "--data", data, "--out", file); status != 0 {
		t.Fatalf("export: exit %d: %s", status, errs)
	}
	if v := verify(t, file, strings.TrimSpace(key)); v.Verdict != bundle.Verified || v.Origin != report.Ledger.Origin {
		t.Errorf("%s of %s: %v", v.Verdict, v.Origin, v.Problems)
	}
	if v := verify(t, file); v.Verdict != bundle.Consistent {
		t.Errorf("without a key: %s", v.Verdict)
	}
}

func verify(t *testing.T, path string, keys ...string) *bundle.Report {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	r, err := bundle.Verify(f, info.Size(), bundle.Options{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestListsOnTheCommandLine(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	run(t, "assess", "--data", data, "--git", repository(t, 1), "--quiet")
	var criteria []struct {
		Code, Title, Text string
		PointsOfFocus     int `json:"points_of_focus"`
	}
	list(t, &criteria, "criteria", "list", "--data", data, "--json")
	if len(criteria) != 61 || criteria[0].Title == "" || criteria[0].Text == "" || criteria[0].PointsOfFocus == 0 {
		t.Errorf("%d criteria, the first is %+v", len(criteria), criteria[0])
	}
	var library []struct {
		Code, Title, Text, Frequency, Stage string
		OwnerRole                           string `json:"owner_role"`
		Criteria                            []any
		Evidence                            []string
	}
	list(t, &library, "controls", "library", "--data", data, "--json")
	if len(library) < 90 {
		t.Errorf("%d controls in the library", len(library))
	}
	for _, c := range library {
		if c.Title == "" || c.Text == "" || c.Frequency == "" || c.Stage == "" || c.OwnerRole == "" || len(c.Criteria) == 0 || len(c.Evidence) == 0 {
			t.Errorf("%s lacks something: %+v", c.Code, c)
		}
	}
	if status, out, errs := run(t, "controls", "adopt", "--codes", "CHG-01", "--data", data); status != 0 {
		t.Fatalf("adopt: exit %d: %s%s", status, out, errs)
	}
	var adopted []struct{ Code string }
	list(t, &adopted, "controls", "list", "--data", data, "--json")
	if len(adopted) != 1 || adopted[0].Code != "CHG-01" {
		t.Errorf("adopted %+v", adopted)
	}
}

func list(t *testing.T, into any, args ...string) {
	t.Helper()
	status, out, errs := run(t, args...)
	if status != 0 {
		t.Fatalf("%v: exit %d: %s", args, status, errs)
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("%v: %v in %s", args, err, out)
	}
}

func TestAssessRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"nothing to read":         {nil, 2, "--git PATH"},
		"keys inside the data":    {[]string{"--host", "--keys", "DATA/keys"}, 2, "inside the data directory"},
		"a flag that is not":      {[]string{"--gti", "x"}, 2, "gti"},
		"a folder that is no git": {[]string{"--git", t.TempDir(), "--quiet"}, 3, "could not be read"},
	} {
		data := filepath.Join(t.TempDir(), "data")
		for i := range c.args {
			c.args[i] = strings.Replace(c.args[i], "DATA", data, 1)
		}
		status, out, errs := run(t, append([]string{"assess", "--data", data}, c.args...)...)
		if status != c.status || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit %d, %s%s; want %d and %q", name, status, out, errs, c.status, c.says)
		}
	}
}

func TestTwoProcessesCannotHoldOneDirectory(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	a := open(t, ctx, data)
	defer a.Close()
	status, _, errs := run(t, "criteria", "list", "--data", data)
	if status == 0 || !strings.Contains(errs, "already holds") {
		t.Errorf("a second process: exit %d, %s", status, errs)
	}
}
