package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sources"
)

// other are routes that no crawl over an organization's pages can look at, and
// what they are.
var other = map[string]string{
	"GET /scope/dates":           "a part of a form",
	"GET /sources/{id}/progress": "a part of a page",
	"GET /log/{index}/receipt":   "a file",
	"GET /evidence/{id}/bytes":   "a file",
	"GET /setup":                 "seen before there is an organization",
	"GET /sign-in":               "seen by a stranger",
	"GET /join":                  "seen by whoever holds an invitation: TestEveryPageOfAnExamination",
	"GET /start":                 "leads to the first step that is not done",
	"GET /start/reading":         "seen while a source is read",

	"GET /forgotten":                "seen by a stranger, where letters can be sent",
	"GET /again":                    "seen by whoever holds such a letter",
	"GET /prove":                    "seen where a sign-in is older than ten minutes: TestSecondFactors",
	"GET /settings/sign-in/totp":    "the middle of an act: TestSecondFactors",
	"GET /settings/sign-in/passkey": "the middle of an act: TestSecondFactors",
	"GET /imports/{id}/progress":    "a part of a page",
	"GET /imports/{id}/file":        "a file",
	"GET /comments":                 "a thread longer than a page",
	"GET /checks/{id}/edit":         "like /checks/new, which is seen",
	"GET /assets/link":              "the middle of an act on rows that were chosen",
	"GET /sources/{id}/mapping":     "seen once a table was handed in",
}

// starts are addresses that nothing needs to link to.
var starts = []string{"/", "/work", "/figures", "/start/scope", "/start/sources", "/first-results", "/gallery", "/search?q=review",
	"/search?q=zzzz", "/since?from=1", "/criteria?verdict=unknown", "/criteria?seen=1", "/controls/library?proposed=1", "/jobs", "/exceptions", "/nowhere", "/controls/none", "/log/999999", "/evidence/evd_none"}

// found are the pages of an installation: by route, the addresses that fit it;
// under no route, those that have no page.
type found struct {
	routes map[string][]string
	forms  map[string]string   // what the forms of an address ask for
	kinds  map[string][]string // what an address shows, in kinds of elements
	mux    *http.ServeMux      // finds the route of an address
}

// most is how many addresses of one route are followed.
const most = 14

// A way is where a crawl goes.
type way struct {
	starts []string
	most   int
	within func(path string) bool // nil: anywhere
}

var anywhere = way{starts: starts, most: most}

// crawl follows every link, up to most for each route, and fails for each
// that leads nowhere.
func crawl(t *testing.T, v *visitor, w way) found {
	t.Helper()
	mux := http.NewServeMux()
	for _, r := range app.Pages(assess.Offer{Host: true}) {
		if strings.HasPrefix(r.Pattern, "GET ") {
			mux.Handle(r.Pattern, http.NotFoundHandler())
		}
	}
	f := found{routes: map[string][]string{}, forms: map[string]string{}, kinds: map[string][]string{}, mux: mux}
	type step struct{ from, to string }
	var queue []step
	for _, to := range w.starts {
		queue = append(queue, step{"the test", to})
	}
	seen, astray := map[string]bool{}, map[string]bool{}
	for len(queue) > 0 {
		x := queue[0]
		queue = queue[1:]
		req, err := http.NewRequest("GET", v.base+x.to, nil)
		if err != nil {
			t.Errorf("%s links to %q: %v", x.from, x.to, err)
			continue
		}
		_, route := mux.Handler(req)
		if seen[x.to] || len(f.routes[route]) >= w.most && route != "" || w.within != nil && !w.within(req.URL.Path) {
			continue
		}
		seen[x.to] = true
		status := v.get(x.to)
		if x.from == "the test" && status >= 400 && status < 500 {
			f.routes[""] = append(f.routes[""], x.to) // no such page
			f.kinds[x.to] = v.kinds()
			continue
		}
		if status != http.StatusOK {
			if shape := v.shape(); !astray[shape] {
				astray[shape] = true
				t.Errorf("%s links to %s, which answers %d, and maybe others", x.from, x.to, status)
			}
			f.routes[route] = append(f.routes[route], "")
			continue
		}
		if !strings.HasPrefix(v.last.Header.Get("Content-Type"), "text/html") {
			f.routes[route] = append(f.routes[route], "")
			continue
		}
		if v.last.Request.URL.RequestURI() == x.to {
			f.routes[route] = append(f.routes[route], x.to)
			f.forms[x.to], f.kinds[x.to] = v.fields(), v.kinds()
		}
		for _, to := range v.links() {
			queue = append(queue, step{x.to, to})
		}
	}
	return f
}

// known are the routes and the kinds of elements that were looked at.
type known map[string]bool

// learn says whether a page shows what none before it showed, on any route or,
// apart, on its own, and remembers it. The first page of a route is always new.
func (k known) learn(route string, kinds []string, apart bool) (fresh bool) {
	for _, kind := range append(kinds, "") {
		own := route + " " + kind
		if !k[own] && (apart || !k[kind] || kind == "") {
			fresh = true
		}
		k[kind], k[own] = true, true
	}
	return fresh
}

// pick takes of each route the first address, plain ones before others, and
// then each that shows a kind of element that no page so far has shown: another
// list of the same rows, or another record with the same parts, is the same
// page to whoever looks at it.
func (f found) pick(k known, apart bool) (list []string) {
	for _, route := range slices.Sorted(maps.Keys(f.routes)) {
		all := slices.DeleteFunc(slices.Clone(f.routes[route]), func(a string) bool { return a == "" })
		slices.SortStableFunc(all, func(a, b string) int { return strings.Count(a, "?") - strings.Count(b, "?") })
		for _, at := range all {
			if k.learn(route, f.kinds[at], apart) {
				list = append(list, at)
			}
		}
	}
	return list
}

// TestEveryPageIsFairAndFits also fails for a page that nothing leads to. It
// looks at an organization with something of everything, and then at what is
// different before there is anything.
func TestEveryPageIsFairAndFits(t *testing.T) {
	wanted(t)
	s := settled(t)
	v := s.owner(t)
	s.reread(t, v)
	f := crawl(t, v, anywhere)
	for _, r := range app.Pages(assess.Offer{}) {
		if _, exempt := other[r.Pattern]; examined(r.Pattern) {
			continue // TestEveryPageOfAnExamination gets there
		} else if strings.HasPrefix(r.Pattern, "GET ") && len(f.routes[r.Pattern]) == 0 && !exempt {
			t.Errorf("%s: no page leads there", r.Pattern)
		}
	}
	k, b, first := known{}, browser.Start(t), map[string]bool{}
	list := f.pick(k, false)
	for _, at := range list {
		_, route := f.mux.Handler(httptest.NewRequest("GET", at, nil))
		first[at] = !first[route]
		first[route] = true
	}
	inspect(t, b, v, list, func(t *testing.T, p *browser.Page, at string) {
		if first[at] {
			thorough(t, p, at)
		} else {
			brief(t, p, at)
		}
	})
	v = begun(t, assess.Offer{Host: true}).owner(t)
	before := crawl(t, v, anywhere)
	bare := before.pick(k, true)
	inspect(t, b, v, bare, brief)
	t.Logf("%d addresses, %d looked at; before there is anything %d, %d looked at", len(f.kinds), len(list), len(before.kinds), len(bare))
}

// reread has the checkout read once more, as a person would, and waits until
// the machine is done with it and with judging it.
func (s *server) reread(t *testing.T, v *visitor) {
	t.Helper()
	desk, err := s.Desk(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	v.post("/sources/" + string(do(t, desk, sources.List, op.None{}).Items[0].ID) + "/collect")
	for deadline := time.Now().Add(30 * time.Second); ; {
		list := do(t, desk, job.List, job.Filter{}).Items
		busy := slices.ContainsFunc(list, func(j job.Job) bool {
			return j.State != job.Done && (j.Kind == sources.CollectJob || j.Kind == sources.EvaluateJob) // a reminder waits for its day
		})
		if !busy && len(list) > 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still at work: %+v", list)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// inspect looks at pages as whoever a visitor is sees them, in two windows at
// a time.
func inspect(t *testing.T, b *browser.Browser, v *visitor, list []string, how func(*testing.T, *browser.Page, string)) {
	t.Helper()
	slices.Sort(list)
	t.Run("pages", func(t *testing.T) {
		const windows = 2
		for i := range windows {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				p := b.Page(t)
				for _, c := range v.cookies() {
					p.Cookie(v.base, c)
				}
				for j := i; j < len(list); j += windows {
					p.Emulate(1440, 1000, false, false)
					p.Goto(v.base + list[j])
					how(t, p, list[j])
				}
			})
		}
	})
}

// brief judges a page on a desk, and its width on the smallest phone.
func brief(t *testing.T, p *browser.Page, at string) {
	t.Helper()
	report(t, at+" at 1440", p.Axe())
	phone(p, 320, false)
	fits(t, p, at, 320)
}

// phone shows the page on a phone as long as the page is, so that the bar at
// the bottom of the window covers nothing that scrolling would uncover.
func phone(p *browser.Page, width int, dark bool) {
	p.Emulate(width, 844, true, dark)
	var height int
	p.Eval("document.documentElement.scrollHeight", &height)
	p.Emulate(width, max(844, height), true, dark)
}

// thorough judges a page by day and by night, on a desk and on phones. What
// colour and width cannot change is judged once.
func thorough(t *testing.T, p *browser.Page, at string) {
	t.Helper()
	report(t, at+" at 1440", p.Axe())
	fits(t, p, at, 1440)
	p.Emulate(1440, 1000, false, true)
	report(t, at+" at 1440 by night", p.AxeRules("color-contrast"))
	for _, width := range []int{1120, 800} {
		p.Emulate(width, 1000, false, false)
		fits(t, p, at, width)
	}
	phone(p, 390, true)
	report(t, at+" at 390 by night", p.AxeRules("color-contrast", "target-size", "scrollable-region-focusable"))
	touchable(t, p, at)
	phone(p, 320, false)
	report(t, at+" at 320", p.AxeRules("target-size", "scrollable-region-focusable"))
	fits(t, p, at, 320)
}

func report(t *testing.T, where string, list []browser.Violation) {
	t.Helper()
	for _, v := range list {
		if !news(t, v.ID+v.Nodes[0]) {
			continue
		}
		if len(v.Nodes) > 3 {
			v.Nodes = append(v.Nodes[:3:3], fmt.Sprintf("and %d more", len(v.Nodes)-3))
		}
		t.Errorf("%s: %s", where, v)
	}
}

// fits fails if a page is wider than its window, or holds a part that has to
// be scrolled sideways and does not say so.
func fits(t *testing.T, p *browser.Page, at string, width int) {
	t.Helper()
	var wide struct {
		Page, Window float64
		Parts        []string
	}
	p.Eval(`(() => {
		const name = e => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (typeof e.className === "string" && e.className ? "." + e.className.trim().split(/\s+/).join(".") : "") +
			" " + JSON.stringify((e.innerText || "").slice(0, 40));
		const past = [...document.body.querySelectorAll("*")].filter(e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length > 0);
		const scrolls = e => ["auto", "scroll"].includes(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1;
		const page = document.documentElement.scrollWidth, window_ = document.documentElement.clientWidth;
		const out = page > window_ ? past.filter(e => (e.getBoundingClientRect().right > window_ + 1 || e.scrollWidth > window_) && !e.closest("svg, .tm-tabs-bar")).slice(-3).map(name) : [];
		const quiet = past.filter(e => scrolls(e) && !(e.tabIndex >= 0 && e.getAttribute("aria-label"))).map(e => "scrolls: " + name(e));
		return {Page: page, Window: window_, Parts: out.concat(quiet)};
	})()`, &wide)
	if wide.Page > wide.Window || len(wide.Parts) > 0 {
		t.Errorf("%s at %d: the page is %v wide in a window of %v: %s", at, width, wide.Page, wide.Window, strings.Join(wide.Parts, "; "))
	}
}

// touchable fails for tabs and buttons that a thumb can miss: less than 44 px.
func touchable(t *testing.T, p *browser.Page, at string) {
	t.Helper()
	var small []string
	p.Eval(`[...document.querySelectorAll(".tm-tabs-bar a, .tm-tabs-bar button, main .btn, main button, main summary, .tm-top button, .tm-top summary, .tm-top a")]
		.filter(e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length > 0 && !e.closest("details:not([open]) > :not(summary)"))
		.filter(e => {
			e.scrollIntoView({block: "center", behavior: "instant"});
			const r = e.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2;
			const mine = (dx, dy) => { const o = document.elementFromPoint(x + dx, y + dy); return o && (e === o || e.contains(o)); };
			const tall = r.height >= 43.5 || mine(0, 21) && mine(0, -21), wide = r.width >= 43.5 || mine(21, 0) && mine(-21, 0);
			return !(tall && wide);
		}).map(e => { const r = e.getBoundingClientRect(); return e.outerHTML.slice(0, 90).replace(/\s+/g, " ") + " is " + Math.round(r.width) + " by " + Math.round(r.height); })`, &small)
	for _, x := range small {
		if news(t, x) {
			t.Errorf("%s at 390: %s, want 44 by 44", at, x)
		}
	}
}

// told holds what was said about any page: what the shell does wrong is said
// once and not for each page.
var told sync.Map

func news(t *testing.T, what string) bool {
	t.Helper()
	_, old := told.LoadOrStore(what, true)
	if old {
		t.Fail()
	}
	return !old
}
