package browser

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/tickmark/tickmark/internal/arch/repo"
)

// Scripts switches the page's own scripts on or off, from the next page on.
// Methods of Page go on working: the debugger is not one of them.
func (p *Page) Scripts(on bool) {
	p.t.Helper()
	p.do("switch scripts", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
		return err
	}))
}

// Prefers says what the person's device is set to, in pairs of a media feature
// and its value: "prefers-reduced-motion", "no-preference".
func (p *Page) Prefers(pairs ...string) {
	p.t.Helper()
	var list []*emulation.MediaFeature
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, &emulation.MediaFeature{Name: pairs[i], Value: pairs[i+1]})
	}
	p.do("set preferences", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: list})
		return err
	}))
}

// Paper shows the page as it would be printed, or again as it is on a screen.
func (p *Page) Paper(on bool) {
	p.t.Helper()
	media := ""
	if on {
		media = "print"
	}
	p.do("take to paper", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media})
		return err
	}))
}

// Cookie gives the browser a cookie for an address.
func (p *Page) Cookie(url string, c *http.Cookie) {
	p.t.Helper()
	p.do("take a cookie", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: url})
		return err
	}))
}

// AxeRules examines the page as it stands against these rules of axe alone,
// for what a change of theme or width can change. Axe must have run before on
// the same page.
func (p *Page) AxeRules(rules ...string) []Violation {
	p.t.Helper()
	return p.axe("document", fmt.Sprintf(`{resultTypes: ["violations"], runOnly: {type: "rule", values: %s}}`, list(rules)))
}

// Axe examines the page as it stands against WCAG 2.2 AA and axe's good
// practice.
func (p *Page) Axe() []Violation {
	p.t.Helper()
	return p.examine("document")
}

// AxeWithin is Axe for a part of the page: what lies open over it, and covers
// some of it.
func (p *Page) AxeWithin(selector string) []Violation {
	p.t.Helper()
	return p.examine(quote(selector))
}

func (p *Page) examine(within string) []Violation {
	p.t.Helper()
	root, err := repo.Root()
	if err != nil {
		p.fail("%v", err)
	}
	script, err := os.ReadFile(filepath.Join(root, "e2e", "testdata", "axe.min.js"))
	if err != nil {
		p.fail("%v", err)
	}
	// What the debugger evaluates is not subject to the page's policy.
	p.Eval("void(0);\n"+string(script)+";\nvoid(0)", nil)
	// axe leaves the size of targets out unless it is asked.
	return p.axe(within, `{resultTypes: ["violations"], rules: {"target-size": {enabled: true}}}`)
}

func (p *Page) axe(within, options string) []Violation {
	p.t.Helper()
	var out []Violation
	p.Eval(`axe.run(`+within+`, `+options+`).then(r => r.violations.map(v => (
		{ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.map(n => n.html + " " + n.any.concat(n.all, n.none).map(c => c.message).join("; "))})))`, &out)
	return out
}

func list(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
