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

	"github.com/chromedp/cdproto/emulation"
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

// Browser is a Chromium with a profile of its own.
type Browser struct {
	ctx   context.Context
	close func()
}

// running is the one Chromium of this process. Starting one takes longer than
// most journeys, and every page has cookies and a window of its own anyway.
var running struct {
	mu    sync.Mutex
	b     *Browser
	users int
}

// Start gives this test the Chromium of the process, or skips the test where
// there is none. It ends with the last test that uses it.
func Start(t testing.TB) *Browser {
	t.Helper()
	program, err := find()
	if err != nil {
		if os.Getenv(Require) != "" {
			t.Fatal(err)
		}
		t.Skipf("NOT RUN IN A BROWSER: %v", err)
	}
	running.mu.Lock()
	defer running.mu.Unlock()
	if running.b != nil && running.b.lost() {
		// Whoever still waits for it fails; nobody else does.
		running.b.close()
		running.b = nil
	}
	if running.b == nil {
		if running.b, err = start(program); err != nil {
			t.Fatalf("start %s: %v", program, err)
		}
	}
	running.users++
	t.Cleanup(leave)
	return running.b
}

// Main runs the tests of a package with one Chromium for all of them, even
// where there is a moment between two that use it.
func Main(m *testing.M) int {
	running.users++
	defer leave()
	return m.Run()
}

func leave() {
	running.mu.Lock()
	defer running.mu.Unlock()
	if running.users--; running.users == 0 && running.b != nil {
		running.b.close()
		running.b = nil
	}
}

// start starts a Chromium.
func start(program string) (*Browser, error) {
	profile, err := os.MkdirTemp("", "tickmark-chromium-")
	if err != nil {
		return nil, err
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("no-pings", true), chromedp.Flag("lang", "en-US"),
		chromedp.Flag("font-render-hinting", "none"), chromedp.WindowSize(1280, 800),
		chromedp.Env("HOME="+profile, "LANG=en_US.UTF-8", "TZ=UTC"),
	)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(alloc)
	b := &Browser{ctx, sync.OnceFunc(func() {
		_ = chromedp.Cancel(ctx) // politely; what follows does not ask
		cancel()
		stop()
		// A helper process that writes a moment longer fails nothing.
		os.RemoveAll(profile)
	})}
	// The first run starts the process and ties its life to ctx: no timeout.
	if err := chromedp.Do(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// lost says that the process is gone, or does not answer any more.
func (b *Browser) lost() bool {
	select {
	case <-chromedp.FromContext(b.ctx).Browser.LostConnection:
		return true
	default:
		return b.ctx.Err() != nil
	}
}

// Open is a page for a test that needs one.
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
	// Of several windows the system gives the focus to one; to its person each
	// has it.
	p.do("take the focus", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	}))
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
