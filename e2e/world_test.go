package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/conf"
)

// journeys is the environment variable without which these tests are skipped:
// they take minutes, and `go test ./...` should not.
const journeys = "TICKMARK_E2E"

func TestMain(m *testing.M) { os.Exit(browser.Main(m)) }

// wanted skips a test unless journeys were asked for, and lets it run beside
// another one.
func wanted(t *testing.T) {
	t.Helper()
	if testing.Short() || os.Getenv(journeys) == "" {
		t.Skipf("NOT RUN: a journey in a browser; set %s=1", journeys)
	}
	t.Parallel()
}

// who is whom the tests set an organization up as.
var who = struct{ org, name, email, password string }{"Larchmere", "Ines Okafor", "ines@larchmere.example", "four quiet words here"}

// account is what somebody signs in with.
type account struct{ email, password string }

// server is an installation served as `tickmark serve` does it.
type server struct {
	*app.App
	url, token string
}

// printed is what a server has printed so far.
type printed struct {
	mu    sync.Mutex
	b     bytes.Buffer
	ready chan struct{}
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	had := strings.Contains(p.b.String(), "ready at")
	n, err := p.b.Write(b)
	if !had && strings.Contains(p.b.String(), "ready at") {
		close(p.ready)
	}
	return n, err
}

var (
	addressForm = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	tokenForm   = regexp.MustCompile(`setup-[A-Za-z0-9_-]+`)
)

// serve starts a server on a free port with an empty directory. It ends with
// the test.
func serve(t *testing.T, offer assess.Offer) *server {
	t.Helper()
	return serveAs(t, conf.Config{}, conf.Server{Listen: "127.0.0.1:0"}, offer)
}

// serveAs is serve by somebody who set more than the directory.
func serveAs(t *testing.T, c conf.Config, at conf.Server, offer assess.Offer) *server {
	t.Helper()
	c.Data = filepath.Join(t.TempDir(), "data")
	a, err := app.Open(t.Context(), c, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	out, ended := &printed{ready: make(chan struct{})}, make(chan error, 1)
	go func() { ended <- a.Serve(ctx, at, offer, out) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended: %v", err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-out.ready:
	case err := <-ended:
		ended <- err
		t.Fatal("the server did not start")
	}
	text := out.b.String()
	return &server{a, addressForm.FindString(text), tokenForm.FindString(text)}
}

// begun is a server whose organization exists, made over the setup page.
func begun(t *testing.T, offer assess.Offer) *server {
	t.Helper()
	return serve(t, offer).begin(t)
}

// begin makes the organization.
func (s *server) begin(t *testing.T) *server {
	t.Helper()
	v := s.visitor(t)
	v.post("/setup", "token", s.token, "organization", who.org, "zone", "UTC", "name", who.name, "email", who.email, "password", who.password)
	v.at("/start/scope")
	return s
}

// signIn signs somebody in and ends at an address.
func (s *server) signIn(p *browser.Page, email, password, to string) {
	p.Goto(s.url + "/sign-in?to=" + to)
	p.Fill("[name=email]", email)
	p.Fill("[name=password]", password)
	p.Follow("main button[type=submit]")
}

// enter signs the owner in and ends at an address.
func (s *server) enter(p *browser.Page, to string) { s.signIn(p, who.email, who.password, to) }

// repository makes a git repository such as a small team has: reviewed and
// unreviewed changes, a release, code owners, a pipeline, a manifest.
func repository(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ledger-api")
	git := func(day int, who string, args ...string) {
		t.Helper()
		when := fmt.Sprintf("2026-10-%02dT10:00:00Z", day)
		c := exec.Command("git", append([]string{"-C", dir, "-c", "commit.gpgsign=false"}, args...)...)
		mail := strings.ToLower(who) + "@larchmere.example"
		c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=" + who, "GIT_AUTHOR_EMAIL=" + mail, "GIT_AUTHOR_DATE=" + when,
			"GIT_COMMITTER_NAME=" + who, "GIT_COMMITTER_EMAIL=" + mail, "GIT_COMMITTER_DATE=" + when}
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	change := func(day int, who, message string, files ...string) {
		t.Helper()
		for i := 0; i+1 < len(files); i += 2 {
			file := filepath.Join(dir, files[i])
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(files[i+1]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		git(day, who, "add", ".")
		git(day, who, "commit", "-m", message)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	git(1, "Ines", "init", "-q", "-b", "main")
	change(1, "Ines", "First cut", "main.go", "package main\n\nfunc main() {}\n", "go.mod", "module example.com/ledger\n\ngo 1.26\n")
	change(2, "Tomas", "Name who owns what\n\nReviewed-by: Ines <ines@larchmere.example>", "CODEOWNERS", "* @ines @tomas\n")
	change(5, "Ines", "Run the tests on each change\n\nReviewed-by: Tomas <tomas@larchmere.example>", ".github/workflows/test.yml",
		"on: [push, pull_request]\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: go test ./...\n")
	git(6, "Tomas", "checkout", "-q", "-b", "rounding")
	change(6, "Tomas", "Round half up (LED-12)", "round.go", "package main\n")
	git(7, "Ines", "checkout", "-q", "main")
	git(7, "Ines", "merge", "-q", "--no-ff", "-m", "Merge rounding", "rounding")
	git(8, "Ines", "tag", "-a", "v1.0.0", "-m", "First release")
	change(9, "Ines", "Straight onto main", "main.go", "package main\n\nfunc main() { println() }\n")
	return dir
}
