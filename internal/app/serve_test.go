package app_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/conf"
)

func open(t *testing.T, ctx context.Context, data string) *app.App {
	t.Helper()
	a, err := app.Open(ctx, conf.Config{Data: data}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// printed is what a server has printed so far.
type printed struct {
	mu sync.Mutex
	b  bytes.Buffer
	at chan struct{} // one for each write
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.at <- struct{}{} }()
	return p.b.Write(b)
}

func (p *printed) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.String()
}

var (
	addressForm = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	tokenForm   = regexp.MustCompile(`setup-[A-Za-z0-9_-]+`)
)

// serve starts a server on a free port and returns its address and the setup
// token it printed.
func serve(t *testing.T, data string) (address, token string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	a := open(t, ctx, data)
	out := &printed{at: make(chan struct{}, 100)}
	ended := make(chan error, 1)
	go func() { ended <- a.Serve(ctx, conf.Server{Listen: "127.0.0.1:0"}, assess.Offer{}, out) }()
	for !strings.Contains(out.text(), "ready at") {
		select {
		case <-out.at:
		case err := <-ended:
			t.Fatalf("the server ended: %v\n%s", err, out.text())
		}
	}
	return addressForm.FindString(out.text()), tokenForm.FindString(out.text()), func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

func get(t *testing.T, url string) (int, string, http.Header) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header
}

func TestServerAnswers(t *testing.T) {
	address, token, stop := serve(t, filepath.Join(t.TempDir(), "data"))
	defer stop()
	if token == "" {
		t.Error("no setup token was printed")
	}
	for path, want := range map[string]int{"/health": 200, "/setup": 200, "/sign-in": 200, "/api/v1/openapi.json": 200, "/api/v1/docs": 200,
		"/api/v1/controls": 401, "/nowhere": 404, "/static/none": 404} {
		status, body, head := get(t, address+path)
		if status != want {
			t.Errorf("%s: %d, want %d\n%.300s", path, status, want, body)
		}
		if csp := head.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: content security policy %q", path, csp)
		}
	}
}

func TestCommandsReachARunningServerThroughItsDirectory(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if status, _, errs := run(t, "assess", "--data", data, "--git", repository(t, 2), "--quiet"); status != 1 {
		t.Fatalf("assess: exit %d: %s", status, errs)
	}
	_, token, stop := serve(t, data)
	defer stop()
	if token == "" {
		t.Error("an organization made on the command line cannot be claimed: no setup token was printed")
	}
	status, key, errs := run(t, "key", "--data", data)
	if status != 0 {
		t.Fatalf("key: exit %d: %s", status, errs)
	}
	file := filepath.Join(t.TempDir(), "log.evb")
	if status, _, errs := run(t, "export", "--data", data, "--out", file); status != 0 {
		t.Fatalf("export: exit %d: %s", status, errs)
	}
	if v := verify(t, file, strings.TrimSpace(key)); v.Verdict != bundle.Verified {
		t.Errorf("%s: %v", v.Verdict, v.Problems)
	}
	var sources []struct{ Kind string }
	list(t, &sources, "sources", "list", "--data", data, "--json")
	if len(sources) != 1 || sources[0].Kind != "git" {
		t.Errorf("sources %+v", sources)
	}
	if info, err := os.Stat(filepath.Join(data, "tickmark.sock")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v", info, err)
	}
}

func TestAnOlderCopyOfTheDataIsNotSigned(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	repo := repository(t, 1)
	if status, _, errs := run(t, "assess", "--data", data, "--git", repo, "--quiet"); status != 1 {
		t.Fatal(errs)
	}
	old, err := os.ReadFile(filepath.Join(data, "tickmark.db"))
	if err != nil {
		t.Fatal(err)
	}
	if status, _, errs := run(t, "assess", "--data", data, "--git", repo, "--quiet"); status != 1 {
		t.Fatal(errs)
	}
	if err := os.WriteFile(filepath.Join(data, "tickmark.db"), old, 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, errs := run(t, "assess", "--data", data, "--git", repo, "--quiet")
	if status != 2 || !strings.Contains(errs, "read-only") {
		t.Errorf("exit %d: %s%s", status, out, errs)
	}
}
