package browser_test

import (
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/e2e/browser"
)

func TestMain(m *testing.M) { os.Exit(browser.Main(m)) }

const form = `<!doctype html><html lang="en"><head><title>Form</title><meta name="viewport" content="width=device-width"></head><body><main>
<h1>Form</h1>
<form action="/next">
<label>Name <input id="name" name="name" value="before"></label>
<label>Day <input id="day" name="day" type="date"></label>
<label>Kind <select id="kind" name="kind"><option>a<option>b</select></label>
<label><input type="checkbox" id="yes" name="yes"> Yes</label>
<button id="send">Send</button>
</form>
<p id="late" hidden>Late</p><script src="/late.js"></script>
</main></body></html>`

// text is a page with a paragraph.
func text(attributes, words string) string {
	return `<!doctype html><html lang="en"><head><title>x</title><link rel="stylesheet" href="/text.css"></head><main><h1>x</h1><p` + attributes + `>` + words + `</p></main></html>`
}

// site answers as the product does: under a policy that allows own scripts
// only.
func site(t *testing.T) string {
	pages := map[string]string{
		"/":            form,
		"/late.js":     `setTimeout(() => document.getElementById("late").hidden = false, 100)`,
		"/inline":      `<!doctype html><html lang="en"><title>x</title><main><h1>x</h1></main><script>alert(1)</script></html>`,
		"/throw":       `<!doctype html><html lang="en"><title>x</title><main><h1>x</h1></main><script src="/throw.js"></script></html>`,
		"/throw.js":    `console.error("said", 7); missing()`,
		"/lost":        `<!doctype html><html lang="en"><title>x</title><main><h1>x</h1></main><script src="/lost.js"></script></html>`,
		"/unfair":      `<!doctype html><html lang="en"><title>x</title><main><h1>x</h1><img src="/late.png"></main></html>`,
		"/late.png":    "",
		"/favicon.ico": "",
		"/text":        text("", "One"),
		"/text/again":  text("", "Other"),
		"/text/pale":   text(" class=pale", "Pale"),
		"/text/within": text(" class=grey", "<span>Within</span>"),
		"/text.css":    "p { color: #222; background: #fff } .pale { color: #ddd } .grey { background: #333 } @media (prefers-color-scheme: dark) { p { background: #2a2a2a } }",
		"/covered":     `<!doctype html><html lang="en"><title>x</title><main><h1>x</h1><p tabindex="-1" id="no">Not by keyboard</p></main></html>`,
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; script-src 'self'; style-src 'self'")
		if strings.HasSuffix(r.URL.Path, ".js") {
			w.Header().Set("Content-Type", "text/javascript")
		}
		if strings.HasSuffix(r.URL.Path, ".css") {
			w.Header().Set("Content-Type", "text/css")
		}
		text, ok := pages[r.URL.Path]
		switch {
		case ok:
			w.Write([]byte(text))
		case r.URL.Path == "/file":
			w.Header().Set("Content-Disposition", "attachment; filename=a.evb")
			w.Write([]byte("the file"))
		case r.URL.Path == "/next":
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte(`<!doctype html><html lang="en"><title>n</title><main><h1 id="got">` + r.URL.RawQuery + `</h1></main></html>`))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestFormByMouse(t *testing.T) {
	url := site(t) // before the page, so that it outlives the page
	p := browser.Open(t)
	p.Goto(url)
	p.Wait("#late")
	p.Fill("#name", "Ada")
	p.Fill("#day", "2026-11-21")
	p.Fill("#kind", "b")
	p.Click("#yes")
	p.Follow("#send")
	if got, want := p.Text("#got"), "name=Ada&day=2026-11-21&kind=b&yes=on"; got != want {
		t.Errorf("the form sent %q, want %q", got, want)
	}
	if !strings.HasPrefix(p.URL(), url+"/next?") {
		t.Errorf("at %s", p.URL())
	}
	p.Goto(url + "/nowhere") // a page that is not there is an answer, not a complaint
}

func TestFormByKeyboard(t *testing.T) {
	url := site(t)
	p := browser.Open(t)
	p.Goto(url)
	p.TabTo("#name")
	p.Press("Ctrl+a")
	p.Type("Grace")
	p.TabTo("#yes")
	p.Press("Space")
	p.Press("Shift+Tab", "ArrowDown")
	p.TabTo("#send")
	p.Navigates(func() { p.Press("Enter") })
	p.WaitURL("/next")
	if got, want := p.Text("#got"), "name=Grace&day=&kind=b&yes=on"; got != want {
		t.Errorf("the form sent %q, want %q", got, want)
	}
}

func TestPageHearsComplaints(t *testing.T) {
	url := site(t)
	p := browser.Open(t)
	for path, want := range map[string][]string{
		"/inline": {"Content Security Policy"},
		"/throw":  {"said", "missing is not defined"},
		"/lost":   {"lost.js"},
		"/":       nil,
	} {
		p.Goto(url + path)
		got := strings.Join(p.ConsoleErrors(), "\n")
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: nothing says %q; got %q", path, w, got)
			}
		}
		if want == nil && got != "" {
			t.Errorf("%s: got %q, want silence", path, got)
		}
	}
}

func TestAxe(t *testing.T) {
	url := site(t)
	p := browser.Open(t)
	p.Goto(url)
	if got := p.Axe(); len(got) != 0 {
		t.Errorf("a sound page has violations: %v", got)
	}
	p.Goto(url + "/unfair")
	got := p.Axe()
	if len(got) != 1 || got[0].ID != "image-alt" || len(got[0].Nodes) != 1 {
		t.Errorf("got %v, want image-alt once", got)
	}
}

// TestAxeJudgesEachLookOfText: what looked the same and was fair is not judged
// again, and whatever is different or was not fair is.
func TestAxeJudgesEachLookOfText(t *testing.T) {
	url := site(t)
	p := browser.Open(t)
	for _, x := range []struct {
		path string
		dark bool
		want int
	}{
		{"/text", false, 0},
		{"/text/again", false, 0},
		{"/text/again", true, 1}, // the same paragraph, on what it lies at night
		{"/text", true, 1},       // which stays wrong wherever it is seen
		{"/text/again", false, 0},
		{"/text/pale", false, 1},
		{"/text/pale", false, 1},
		{"/text/within", false, 1}, // the text is as it was, what it stands in is not
	} {
		p.Emulate(1280, 800, false, x.dark)
		p.Goto(url + x.path)
		n := 0
		for _, v := range p.Axe() {
			if v.ID == "color-contrast" {
				n += len(v.Nodes)
			}
		}
		if n != x.want {
			t.Errorf("%s, at night %v: %d texts are hard to read, want %d", x.path, x.dark, n, x.want)
		}
	}
	// The theme changes under a page that stands.
	p.Emulate(1280, 800, false, false)
	p.Goto(url + "/text")
	if got := p.Axe(); len(got) != 0 {
		t.Errorf("by day: %v", got)
	}
	p.Emulate(1280, 800, false, true)
	if got := p.AxeRules("color-contrast"); len(got) != 1 {
		t.Errorf("at night: %v, want the paragraph", got)
	}
}

func TestScreenshot(t *testing.T) {
	url := site(t)
	p := browser.Open(t)
	p.Goto(url)
	file := filepath.Join(t.TempDir(), "shots", "phone.png")
	p.Screenshot(file, 390, 844, true, false)
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.DecodeConfig(f)
	if err != nil || picture.Width != 780 || picture.Height != 1688 {
		t.Errorf("got %dx%d, %v; want a phone's 390x844 at scale 2", picture.Width, picture.Height, err)
	}
	var dark bool
	p.Eval("matchMedia('(prefers-color-scheme: dark)').matches", &dark)
	if !dark {
		t.Error("the page does not see that dark is preferred")
	}
}

func TestPagesShareNoCookies(t *testing.T) {
	url := site(t)
	b := browser.Start(t)
	one, other := b.Page(t), b.Page(t)
	one.Goto(url)
	other.Goto(url)
	one.Eval("document.cookie = 'a=1'", nil)
	var got string
	if other.Eval("document.cookie", &got); got != "" {
		t.Errorf("the other page sees %q", got)
	}
}

func TestDownload(t *testing.T) {
	url := site(t)
	p := browser.Open(t)
	p.Goto(url)
	file := p.Download(func() { p.Eval("void(location.href = '/file')", nil) })
	if b, err := os.ReadFile(file); err != nil || string(b) != "the file" {
		t.Errorf("got %q, %v", b, err)
	}
}

// victim is a test that a page fails, seen from outside.
type victim struct {
	testing.TB
	cleanups []func()
	failures []string
}

func (v *victim) Helper()          {}
func (v *victim) Cleanup(f func()) { v.cleanups = append(v.cleanups, f) }
func (v *victim) Errorf(f string, args ...any) {
	v.failures = append(v.failures, fmt.Sprintf(f, args...))
}
func (v *victim) Fatalf(f string, args ...any) { v.Errorf(f, args...); runtime.Goexit() }

// suffer runs a test in a page and returns how it failed.
func suffer(t *testing.T, b *browser.Browser, test func(p *browser.Page)) string {
	v := &victim{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(b.Page(v))
	}()
	<-done
	for i := range v.cleanups {
		v.cleanups[len(v.cleanups)-1-i]()
	}
	return strings.Join(v.failures, "\n")
}

func TestPageFailsTheTest(t *testing.T) {
	url := site(t)
	b := browser.Start(t)
	for name, c := range map[string]struct {
		test func(p *browser.Page)
		want string
	}{
		"complaint not taken":          {func(p *browser.Page) { p.Goto(url + "/inline") }, "the browser complains: security"},
		"out of the keyboard's reach":  {func(p *browser.Page) { p.Goto(url + "/covered"); p.TabTo("#no") }, "do not reach #no"},
		"field that takes no such day": {func(p *browser.Page) { p.Goto(url); p.Fill("#day", "tomorrow") }, "fill #day"},
		"nobody there":                 {func(p *browser.Page) { p.Goto("http://127.0.0.1:1/") }, "goto http://127.0.0.1:1/"},
		"sound":                        {func(p *browser.Page) { p.Goto(url) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := suffer(t, b, c.test)
			if !strings.Contains(got, c.want) || c.want == "" && got != "" {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
