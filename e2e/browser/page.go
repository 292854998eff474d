package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience bounds every wait.
const patience = 20 * time.Second

// Page is one tab. Its methods wait until they can do what they are asked and
// fail the test, with what the page shows, when they cannot.
type Page struct {
	t      testing.TB
	ctx    context.Context
	errors complaints
}

// Goto loads an address and waits until it is there.
func (p *Page) Goto(url string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		p.fail("goto %s: %v", url, err)
	}
}

// Navigates runs act and waits until the page it leads to has loaded.
func (p *Page) Navigates(act func()) {
	p.t.Helper()
	p.Eval("window.tickmarkBefore = true", nil)
	act()
	p.Until("the next page", "!window.tickmarkBefore && document.readyState === 'complete'", nil)
}

// Follow clicks a link or a button that leads to another page.
func (p *Page) Follow(selector string) {
	p.t.Helper()
	p.Navigates(func() { p.Click(selector) })
}

// Wait waits until an element is visible.
func (p *Page) Wait(selector string) {
	p.t.Helper()
	p.Until(selector+" to be visible", visible(selector), nil)
}

// WaitGone waits until no such element is visible.
func (p *Page) WaitGone(selector string) {
	p.t.Helper()
	p.Until(selector+" to be gone", "!("+visible(selector)+")", nil)
}

// WaitText waits until a visible element holds the text.
func (p *Page) WaitText(selector, text string) {
	p.t.Helper()
	p.Until(fmt.Sprintf("%s to say %q", selector, text),
		fmt.Sprintf("(%s) && document.querySelector(%s).innerText.includes(%s)", visible(selector), quote(selector), quote(text)), nil)
}

// WaitURL waits until the address contains a text.
func (p *Page) WaitURL(part string) {
	p.t.Helper()
	p.Until("an address with "+part, "location.href.includes("+quote(part)+") && document.readyState === 'complete'", nil)
}

// Text waits for an element and returns its visible text.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	p.Wait(selector)
	var s string
	p.Eval("document.querySelector("+quote(selector)+").innerText", &s)
	return strings.TrimSpace(s)
}

// Count returns how many such elements there are now.
func (p *Page) Count(selector string) int {
	p.t.Helper()
	var n int
	p.Eval("document.querySelectorAll("+quote(selector)+").length", &n)
	return n
}

// URL is the address of the page.
func (p *Page) URL() string {
	p.t.Helper()
	var s string
	p.Eval("location.href", &s)
	return s
}

// Click waits until an element is visible and on top, and clicks its middle.
func (p *Page) Click(selector string) {
	p.t.Helper()
	var at struct{ X, Y float64 }
	p.Until(selector+" to be there to click", fmt.Sprintf(`(() => {
		if (!(%s)) return null;
		const e = document.querySelector(%s);
		if (e.disabled) return null;
		e.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
		const r = e.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2;
		const top = document.elementFromPoint(x, y);
		return top && (e.contains(top) || top.contains(e) || [...(e.labels || [])].some(l => l.contains(top))) ? {x, y} : null;
	})()`, visible(selector), quote(selector)), &at)
	p.do("click "+selector, chromedp.MouseClickXY(at.X, at.Y))
}

// Fill replaces what a field holds, as a person would: by typing, or by
// choosing where the browser offers a choice.
func (p *Page) Fill(selector, value string) {
	p.t.Helper()
	p.Wait(selector)
	var typed bool
	p.Eval(fmt.Sprintf(`(() => {
		const e = document.querySelector(%s), v = %s;
		e.focus();
		if (e.tagName !== "SELECT" && !["date", "month", "time", "datetime-local", "range", "color"].includes(e.type)) {
			e.select();
			return true;
		}
		e.value = v;
		e.dispatchEvent(new Event("input", {bubbles: true}));
		e.dispatchEvent(new Event("change", {bubbles: true}));
		return false;
	})()`, quote(selector), quote(value)), &typed)
	switch {
	case typed && value == "":
		p.Press("Delete")
	case typed:
		p.Type(value)
	}
	var got string
	p.Eval("document.querySelector("+quote(selector)+").value", &got)
	if got != value {
		p.fail("fill %s: it holds %q, not %q", selector, got, value)
	}
}

// Type enters text where the focus is.
func (p *Page) Type(text string) {
	p.t.Helper()
	p.do("type", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}))
}

var keys = map[string]string{
	"Tab": kb.Tab, "Enter": kb.Enter, "Escape": kb.Escape, "Space": " ", "Delete": kb.Delete, "Backspace": kb.Backspace,
	"ArrowDown": kb.ArrowDown, "ArrowUp": kb.ArrowUp, "ArrowLeft": kb.ArrowLeft, "ArrowRight": kb.ArrowRight, "Home": kb.Home, "End": kb.End,
}

// Press presses keys one after the other: "Tab", "Shift+Tab", "Enter", "/".
func (p *Page) Press(names ...string) {
	p.t.Helper()
	for _, name := range names {
		var mods []chromedp.Modifier
		rest := name
		for mod, m := range map[string]chromedp.Modifier{"Shift+": chromedp.ModifierShift, "Ctrl+": chromedp.ModifierCtrl, "Alt+": chromedp.ModifierAlt} {
			if strings.Contains(name, mod) {
				mods, rest = append(mods, m), strings.Replace(rest, mod, "", 1)
			}
		}
		key, ok := keys[rest]
		if !ok {
			key = rest
		}
		p.do("press "+name, chromedp.KeyEvent(key, chromedp.KeyModifiers(mods...)))
	}
}

// TabTo presses Tab until the element has the focus. It fails if the keyboard
// cannot reach it.
func (p *Page) TabTo(selector string) {
	p.t.Helper()
	p.Wait(selector)
	focused := "!!document.activeElement && document.activeElement.matches(" + quote(selector) + ")"
	const most = 200
	for range most {
		var ok bool
		if p.Eval(focused, &ok); ok {
			return
		}
		p.Press("Tab")
	}
	p.fail("%d presses of Tab do not reach %s", most, selector)
}

// Upload puts files into a file field.
func (p *Page) Upload(selector string, files ...string) {
	p.t.Helper()
	p.do("upload to "+selector, chromedp.SetUploadFiles(chromedp.CSS(selector), files))
}

// Download runs act, waits for the file that the browser then downloads, and
// returns where it lies.
func (p *Page) Download(act func()) string {
	p.t.Helper()
	dir := p.t.TempDir()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	progress := chromedp.BrowserEvents(ctx, cdpbrowser.DownloadProgress)
	events := true
	_, err := chromedp.CallBrowser(ctx, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
		Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: dir, EventsEnabled: &events,
		BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
	})
	if err != nil {
		p.fail("allow downloads: %v", err)
	}
	act()
	for e, err := range progress {
		switch {
		case err != nil:
			p.fail("download: %v", err)
		case e.State == cdpbrowser.DownloadProgressStateCompleted:
			return filepath.Join(dir, e.GUID)
		case e.State == cdpbrowser.DownloadProgressStateCanceled:
			p.fail("the browser gave the download up")
		}
	}
	p.fail("nothing was downloaded within %v", patience)
	return ""
}

// Emulate sets the size of the window, whether it is a phone's, and whether
// the person prefers dark. Nothing moves, so that pictures are the same twice.
func (p *Page) Emulate(width, height int, phone, dark bool) {
	p.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	opts := []chromedp.EmulateViewportOption{}
	if phone {
		opts = append(opts, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait, chromedp.EmulateScale(2))
	}
	p.do("emulate", chromedp.EmulateViewport(int64(width), int64(height), opts...), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	}))
}

// Screenshot writes a PNG of the page in a window of this size; full is the
// page in its whole length.
func (p *Page) Screenshot(file string, width, height int, dark, full bool) {
	p.t.Helper()
	p.Emulate(width, height, width < 600, dark)
	p.Until("fonts and pictures", "document.fonts.status === 'loaded' && [...document.images].every(i => i.complete)", nil)
	shot := chromedp.CaptureScreenshot()
	if full {
		shot = chromedp.FullScreenshot(100)
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, shot)
	if err == nil {
		err = errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, png, 0o644))
	}
	if err != nil {
		p.fail("screenshot %s: %v", file, err)
	}
}

// ConsoleErrors returns what the browser complained of since the last call:
// exceptions, console errors, content-security-policy violations, scripts and
// pictures that did not load. What is not taken fails the test at its end.
func (p *Page) ConsoleErrors() []string {
	// Events come in order: after this answer, all before it have been seen.
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("true")); err != nil {
		p.errors.add("the page does not answer: %v", err)
	}
	return p.errors.take()
}

// Violation is a rule of accessibility that the page breaks.
type Violation struct {
	ID     string   // axe's name of the rule
	Impact string   // minor, moderate, serious, critical
	Help   string   // what is wanted
	Nodes  []string // where, as HTML
}

func (v Violation) String() string {
	return fmt.Sprintf("%s (%s): %s\n\t%s", v.ID, v.Impact, v.Help, strings.Join(v.Nodes, "\n\t"))
}

// Eval evaluates JavaScript, waiting for a promise, and decodes its value into
// out unless that is nil.
func (p *Page) Eval(js string, out any) {
	p.t.Helper()
	if err := p.eval(js, out); err != nil {
		p.fail("evaluate %.120s: %v", js, err)
	}
}

func (p *Page) eval(js string, out any) error {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	raw, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](js, chromedp.EvalAwaitPromise, chromedp.EvalAsValue))
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(raw, out)
}

// Until asks again and again until js is truthy; its value goes to out.
// A page that is just being replaced cannot answer, so errors only count when
// time is up.
func (p *Page) Until(what, js string, out any) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		var raw json.RawMessage
		err := p.eval("("+js+") || null", &raw)
		if err == nil && string(raw) != "null" {
			if out != nil {
				err = json.Unmarshal(raw, out)
			}
			if err == nil {
				return
			}
		}
		if time.Now().After(deadline) {
			p.fail("waited %v for %s (%v)", patience, what, err)
		}
		<-tick.C
	}
}

func (p *Page) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.fail("%s: %v", what, err)
	}
}

// fail ends the test and says where the browser was.
func (p *Page) fail(format string, args ...any) {
	p.t.Helper()
	var at struct{ URL, Text string }
	p.keep()
	p.eval("({URL: location.href, Text: (document.body || {innerText: ''}).innerText.slice(0, 2000)})", &at)
	p.t.Fatalf(format+"\nat %s, which shows:\n%s", append(args, at.URL, at.Text)...)
}

// keep leaves a picture of what went wrong where TICKMARK_SHOTS says.
func (p *Page) keep() {
	dir := os.Getenv("TICKMARK_SHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err == nil {
		name := strings.NewReplacer("/", "-", " ", "-").Replace(p.t.Name())
		if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
			p.t.Log(err)
		}
	}
}

func visible(selector string) string {
	return "!!document.querySelector(" + quote(selector) + ")?.checkVisibility({visibilityProperty: true})"
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
