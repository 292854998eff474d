package browser

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

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
	return p.axe("document", fmt.Sprintf(`runOnly: {type: "rule", values: %s}`, list(rules)), slices.Contains(rules, contrast), len(rules) == 1)
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

var axe = sync.OnceValues(func() (string, error) {
	root, err := repo.Root()
	if err != nil {
		return "", err
	}
	script, err := os.ReadFile(filepath.Join(root, "e2e", "testdata", "axe.min.js"))
	return "void(0);\n" + string(script) + ";\n" + looks + ";\nvoid(0)", err
})

func (p *Page) examine(within string) []Violation {
	p.t.Helper()
	script, err := axe()
	if err != nil {
		p.fail("%v", err)
	}
	var there bool
	if p.Eval("!!window.tickmarkLooks", &there); !there {
		// What the debugger evaluates is not subject to the page's policy.
		p.Eval(script, nil)
	}
	// axe leaves the size of targets out unless it is asked.
	return p.axe(within, `rules: {"target-size": {enabled: true}}`, true, false)
}

const contrast = "color-contrast"

// judged are the looks of text whose contrast axe has passed, on any page of
// this process.
var judged sync.Map

// axe runs axe. Of its rules contrast takes as long as all others together, and
// the shell of each page and each row of a table look like those before. So
// text is judged for contrast where its look is new: its tag and classes, its
// colour, size and weight as computed, and the same of everything around it
// that paints something or is out of the flow. Another theme computes other
// colours; a look that axe did not pass stays new.
func (p *Page) axe(within, options string, colours, only bool) []Violation {
	p.t.Helper()
	var all, fresh []string
	if colours {
		p.Eval("tickmarkLooks.see("+within+")", &all)
	}
	for _, look := range all {
		if _, old := judged.Load(look); !old {
			fresh = append(fresh, look)
		}
	}
	if colours && only && len(fresh) == 0 {
		return nil
	}
	var out struct {
		Violations []Violation
		Passed     []string
	}
	p.Eval("tickmarkLooks.judge("+within+", "+list(fresh)+", {"+options+"})", &out)
	for _, look := range out.Passed {
		judged.Store(look, true)
	}
	return out.Violations
}

// looks finds text by how it looks, and has axe judge contrast only there.
// At most three of one look are judged on a page.
const looks = `var tickmarkLooks = (() => {
	const mark = "data-look-is-new", shown = new Map();
	axe.configure({rules: [{id: "color-contrast", selector: "[" + mark + "]"}]});
	const hash = s => { // two of 32 bits each: looks are thousands
		let a = 0xdeadbeef, b = 0x41c6ce57;
		for (let i = 0; i < s.length; i++) {
			const c = s.charCodeAt(i);
			a = Math.imul(a ^ c, 2654435761);
			b = Math.imul(b ^ c, 1597334677);
		}
		return (a >>> 0).toString(36) + (b >>> 0).toString(36);
	};
	const see = within => {
		shown.clear();
		const around = new Map();
		const name = e => e.tagName + "." + [...e.classList].sort().join(".") + (e.disabled || e.getAttribute("aria-disabled") === "true" ? "!" : "");
		const surface = e => { // what e and all around it put behind text
			if (!e) return "";
			let s = around.get(e);
			if (s === undefined) {
				s = surface(e.parentElement);
				const c = getComputedStyle(e), own = [c.backgroundColor, c.backgroundImage, c.opacity, c.filter, c.mixBlendMode, c.position, c.clipPath].join(" ");
				if (own !== "rgba(0, 0, 0, 0) none 1 none normal static none") s = hash(s + name(e) + own);
				around.set(e, s);
			}
			return s;
		};
		const root = within === document ? document.documentElement : document.querySelector(within);
		for (const e of [root, ...root.querySelectorAll("*")]) {
			const text = [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.nodeValue.trim() !== "");
			if (!text && !["INPUT", "SELECT", "TEXTAREA"].includes(e.tagName)) continue;
			if (!e.checkVisibility({visibilityProperty: true}) || e.getClientRects().length === 0) continue;
			const c = getComputedStyle(e), look = hash([surface(e), name(e), c.color, c.fontSize, c.fontWeight, c.textShadow, c.webkitTextStroke, c.fill, e.type || ""].join(" "));
			shown.has(look) ? shown.get(look).push(e) : shown.set(look, [e]);
		}
		return [...shown.keys()];
	};
	const judge = async (within, fresh, options) => {
		const judged = fresh.flatMap(look => shown.get(look).slice(0, 3));
		judged.forEach(e => e.setAttribute(mark, ""));
		const r = await axe.run(within, {resultTypes: ["violations", "incomplete"], elementRef: true, ...options});
		judged.forEach(e => e.removeAttribute(mark));
		const doubt = new Set([...r.violations, ...r.incomplete].filter(v => v.id === "color-contrast").flatMap(v => v.nodes.map(n => n.element)));
		return {
			Violations: r.violations.map(v => ({ID: v.id, Impact: v.impact, Help: v.help,
				Nodes: v.nodes.map(n => n.html.replace(" " + mark + '=""', "") + " " + n.any.concat(n.all, n.none).map(c => c.message).join("; "))})),
			Passed: fresh.filter(look => !shown.get(look).slice(0, 3).some(e => doubt.has(e))),
		};
	};
	return {see, judge};
})()`

func list(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
