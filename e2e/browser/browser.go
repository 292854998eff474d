// Package browser drives a real Chromium in tests. Every page that is opened
// also listens: an exception, a console error or a violation of the content
// security policy fails the test that caused it.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// The environment variables that tests obey.
const (
	// Env names the browser's program.
	Env = "TICKMARK_CHROMIUM"
	// Require turns the skip for a missing browser into a failure.
	Require = "TICKMARK_REQUIRE_CHROMIUM"
)

// Browser is a Chromium with a profile of its own. It ends with the test.
type Browser struct{ ctx context.Context }

// Start starts a Chromium for this test, or skips the test where there is none.
func Start(t testing.TB) *Browser {
	t.Helper()
	program, err := find()
	if err != nil {
		if os.Getenv(Require) != "" {
			t.Fatal(err)
		}
		t.Skipf("NOT RUN IN A BROWSER: %v", err)
	}
	profile, err := os.MkdirTemp("", "tickmark-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: a helper process that writes a moment longer must not
	// fail the test.
	t.Cleanup(func() { os.RemoveAll(profile) })
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("no-pings", true), chromedp.Flag("lang", "en-US"),
		chromedp.Flag("font-render-hinting", "none"), chromedp.WindowSize(1280, 800),
		chromedp.Env("HOME="+profile, "LANG=en_US.UTF-8", "TZ=UTC"),
	)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	// The first run starts the process and ties its life to ctx: no timeout.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	t.Cleanup(func() { chromedp.Cancel(ctx) })
	return &Browser{ctx}
}

// Open starts a Chromium and returns its one page.
func Open(t testing.TB) *Page {
	t.Helper()
	return Start(t).Page(t)
}

// find looks for the browser's program.
func find() (string, error) {
	if p := os.Getenv(Env); p != "" {
		return exec.LookPath(p)
	}
	for _, name := range []string{"/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if p, err := exec.LookPath(name); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("no Chromium found: apt-get install chromium, or set %s to its program", Env)
}

// Page opens a page for a test or one of its parts, with cookies of its own, as
// if at another machine.
func (b *Browser) Page(t testing.TB) *Page {
	t.Helper()
	p := &Page{t: t}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.listen))
	p.ctx = ctx
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a page: %v", err)
	}
	t.Cleanup(func() {
		for _, e := range p.ConsoleErrors() {
			t.Errorf("the browser complains: %s", e)
		}
		cancel()
	})
	p.Emulate(1280, 800, false, false)
	return p
}

// complaints are what the browser says went wrong on a page.
type complaints struct {
	mu   sync.Mutex
	list []string
}

func (c *complaints) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, fmt.Sprintf(format, args...))
}

func (c *complaints) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.list
	c.list = nil
	return out
}

// listen runs on the goroutine that reads from the browser: it must not wait.
func (p *Page) listen(ev any) {
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		p.errors.add("exception: %v", (&chromedp.ExceptionError{ExceptionDetails: ev.ExceptionDetails}).Error())
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeAssert {
			var words []string
			for _, a := range ev.Args {
				words = append(words, strings.Trim(string(a.Value), `"`)+a.Description)
			}
			p.errors.add("console.%s: %s", ev.Type, strings.Join(words, " "))
		}
	case *log.EventEntryAdded:
		e := ev.Entry
		if e.Level != log.EntryLevelError {
			return
		}
		// A page may well answer 404 or 422; a script or a picture may not.
		if e.Source == log.EntrySourceNetwork && path.Ext(strings.SplitN(e.URL, "?", 2)[0]) == "" && strings.Contains(e.Text, "status of 4") {
			return
		}
		p.errors.add("%s: %s %s", e.Source, e.Text, e.URL)
	}
}
