package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/stamp/stamptest"
)

// aWitness runs the command until the test ends and returns its address and key.
func aWitness(t *testing.T, args ...string) (address, key string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out := &printed{at: make(chan struct{}, 100)}
	ended := make(chan int, 1)
	var errs bytes.Buffer
	go func() {
		ended <- app.Run(ctx, append([]string{"witness", "--listen", "127.0.0.1:0"}, args...), strings.NewReader(""), out, &errs)
	}()
	t.Cleanup(func() {
		cancel()
		if status := <-ended; status != 0 {
			t.Errorf("witness: exit %d: %s", status, &errs)
		}
	})
	for !strings.Contains(out.text(), "quorum NAME") {
		select {
		case <-out.at:
		case status := <-ended:
			ended <- status
			t.Fatalf("the witness ended: %s", &errs)
		}
	}
	m := regexp.MustCompile(`witness NAME (\S+) `).FindStringSubmatch(out.text())
	if m == nil {
		t.Fatalf("no key printed:\n%s", out.text())
	}
	return addressForm.FindString(out.text()), m[1]
}

// TestOutsiders: an authority and a witness vouch for a log that is exported,
// and the witness alone finds out that everything here was put back to an
// earlier day.
func TestOutsiders(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if status, _, errs := run(t, "assess", "--data", data, "--git", repository(t, 1), "--quiet"); status != 1 {
		t.Fatalf("assess: exit %d: %s", status, errs)
	}
	_, key, _ := run(t, "key", "--data", data)
	address, witness := aWitness(t, "--state", filepath.Join(dir, "witness"), "--log", strings.TrimSpace(key), "--name", "auditor.example/w1")
	authority := stamptest.New(time.Now)
	tsa := httptest.NewServer(authority)
	defer tsa.Close()
	policy, roots := filepath.Join(dir, "policy"), filepath.Join(dir, "roots.pem")
	for path, b := range map[string][]byte{policy: []byte("witness auditor " + witness + " " + address + "\nquorum auditor\n"), roots: authority.Root.PEM()} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	export := func() (anchors []map[string]any) {
		t.Helper()
		if status, _, errs := run(t, "export", "--data", data, "--out", filepath.Join(t.TempDir(), "log.evb"), "--tsa", tsa.URL, "--tsa-roots", roots, "--witness-policy", policy); status != 0 {
			t.Fatalf("export: exit %d: %s", status, errs)
		}
		status, out, errs := run(t, "anchors", "list", "--data", data, "--json")
		if err := json.Unmarshal([]byte(out), &anchors); err != nil || status != 0 {
			t.Fatalf("exit %d, %v: %s", status, err, errs)
		}
		return anchors
	}
	if n := len(export()); n != 2 {
		t.Fatalf("%d anchors with the first export; want a stamp and a cosignature", n)
	}
	before := filepath.Join(dir, "before")
	for from, to := range map[string]string{data: before, data + ".keys": before + ".keys"} {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(before+".keys", "root.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := len(export()); n != 4 {
		t.Fatalf("%d anchors with the second export", n)
	}
	outside := conf.Outside{TSA: []string{tsa.URL}, TSARoots: roots, Policy: policy}
	if status, body := health(t, conf.Config{Data: data, Outside: outside}); status != 200 || !strings.Contains(body, `"anchors":"ok"`) || !strings.Contains(body, `"status":"ok"`) {
		t.Errorf("health %d %s", status, body)
	}
	if status, body := health(t, conf.Config{Data: data}); status != 200 || strings.Contains(body, "anchors") {
		t.Errorf("nobody configured: health %d %s", status, body)
	}
	if status, body := health(t, conf.Config{Data: before, Outside: outside}); status != 503 || !strings.Contains(body, `"log":"read-only"`) {
		t.Errorf("put back to an earlier day, held heads and all: health %d %s", status, body)
	}
}

// health serves an installation for one look at it.
func health(t *testing.T, c conf.Config) (int, string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.Open(ctx, c, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	out := &printed{at: make(chan struct{}, 100)}
	ended := make(chan error, 1)
	go func() { ended <- a.Serve(ctx, conf.Server{Listen: "127.0.0.1:0"}, assess.Offer{}, out) }()
	for !strings.Contains(out.text(), "ready at") {
		select {
		case <-out.at:
		case err := <-ended:
			t.Fatalf("the server ended: %v", err)
		}
	}
	status, body, _ := get(t, addressForm.FindString(out.text())+"/health")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	return status, body
}

func TestWitnessRefusesToStart(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	none := file(t, "quorum none")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"nothing to watch":   {nil, "name a log to watch"},
		"a policy without":   {[]string{"--policy", none}, "name a log to watch"},
		"no such policy":     {[]string{"--policy", none + "x"}, "can be read"},
		"a spoilt policy":    {[]string{"--policy", file(t, "log")}, "line 1"},
		"a spoilt key":       {[]string{"--log", "tickmark/x"}, "not the key of a log"},
		"half a certificate": {[]string{"--log", aNonce, "--tls-cert", none}, "--tls-key"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, _, errs := run(t, append([]string{"witness", "--state", state}, c.args...)...); status != 1 || !strings.Contains(errs, c.want) {
				t.Errorf("exit %d: %s; want 1 with %q", status, errs, c.want)
			}
		})
	}
}

func TestOutsidersMisnamed(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if status, _, errs := run(t, "export", "--data", data, "--out", data+".evb", "--tsa", "https://tsa.example/"); status != 1 || !strings.Contains(errs, "--tsa-roots") {
		t.Errorf("exit %d: %s", status, errs)
	}
}
