package page_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/procedures/page"
	"github.com/tickmark/tickmark/internal/site"
)

func TestMain(m *testing.M) { os.Exit(browser.Main(m)) }

// bench is a browser at the workpaper of CHG-01, as the staff of the firm.
type bench struct {
	*browser.Page
	t     testing.TB
	sides optest.Sides
	items []string
	base  string
	// down makes the server refuse marks while it is set.
	down atomic.Bool
}

// sitDown opens a browser at an engagement with a sample drawn and answered.
func sitDown(t *testing.T, d *db.DB, n int) *bench {
	t.Helper()
	e := optest.Engine(t, d)
	optest.Sign(t, e)
	s := drawn(t, optest.Found(t, e, "Larchmere"), n)
	shown(t, s)
	items, _ := ids(t, s)
	return seat(t, e, s, items)
}

// seat serves the pages and opens a browser at the workpaper.
func seat(t *testing.T, e *op.Engine, s optest.Sides, items []string) *bench {
	t.Helper()
	b := &bench{t: t, sides: s, items: items}
	web := &site.Web{Engine: e, Throttle: auth.NewThrottle(), Wake: func() {},
		Nav: func(auth.Actor) []site.NavGroup { return nil }, Tabs: func(auth.Actor) []site.NavItem { return nil }}
	mux := http.NewServeMux()
	mux.Handle(site.StaticPrefix, site.Static())
	web.Mount(mux, slices.Concat(page.Routes(), []site.Route{{Pattern: "GET /enter", Open: true, Handle: func(v *site.Visit) error {
		s, err := orgs.SignIn.Do(v.Context(), v.Desk, orgs.Visit{User: b.sides.Staff.Actor.User, Agent: "test"})
		if err != nil {
			return err
		}
		v.SignIn(s)
		return v.Goto(v.Query("to"))
	}}}))
	srv := httptest.NewServer(site.Secure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && b.down.Load() {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}), false))
	t.Cleanup(srv.Close)
	b.Page = browser.Open(t)
	b.base = "/engagements/" + b.sides.ID + "/testing/CHG-01"
	b.Emulate(1440, 1000, false, false)
	b.Goto(srv.URL + "/enter?to=" + b.base)
	return b
}

// at is the current cell: item and letter.
func (b *bench) at() string {
	b.t.Helper()
	var s string
	b.Eval(`(() => { const c = document.activeElement.closest("td[data-letter]"); return c ? c.closest("tr").dataset.item + " " + c.dataset.letter : document.activeElement.tagName; })()`, &s)
	return s
}

// stands waits until the server has recorded a mark of a cell.
func (b *bench) stands(item, letter, tick string) {
	b.t.Helper()
	b.Wait(`tr[data-item="` + item + `"] td[data-letter="` + letter + `"][data-tick="` + tick + `"]:not([data-sending])`)
}

func (b *bench) wantAt(want string) {
	b.t.Helper()
	if got := b.at(); got != want {
		b.t.Errorf("the focus is at %q, want %q", got, want)
	}
}

// journey skips a test unless journeys in a browser were asked for.
func journey(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	if testing.Short() || os.Getenv("TICKMARK_E2E") == "" {
		t.Skip("NOT RUN: a journey in a browser; set TICKMARK_E2E=1")
	}
	dbtest.Each(t, fn)
}

func TestTheGridIsWalkedAndMarkedByKeysAlone(t *testing.T) {
	journey(t, func(t *testing.T, d *db.DB) {
		b := sitDown(t, d, 240)
		first, second := b.items[0], b.items[1]
		b.Wait("td[data-at]")
		b.Press("ArrowDown", "ArrowUp")
		b.wantAt(first + " A")
		b.Press("1")
		b.stands(first, "A", "agrees")
		b.Press("ArrowRight", "4")
		b.stands(first, "B", "reperformed")
		b.wantAt(first + " B")

		// Two and three wait for a reason, without one nothing counts.
		b.Press("ArrowRight", "2")
		b.Wait("form[data-mark-form][data-open=deviation]")
		b.Press("Enter")
		b.WaitText("[data-mark-error]", "Give a reason")
		b.Press("Escape")
		b.wantAt(first + " C")
		b.Press("2")
		b.Wait("form[data-mark-form][data-open=deviation]")
		b.Type("Two tests were skipped")
		b.Press("Enter")
		b.stands(first, "C", "deviation")
		b.WaitText("h1", "0 of 60 changes tested, one deviation.")
		b.WaitText("[data-testing-said]", first+", C: deviation. Recorded.")

		// A deviation is taken back with a reason only.
		b.Press("z")
		b.Wait("form[data-mark-form][data-open=untested]")
		b.Type("It was the other run")
		b.Press("Enter")
		b.stands(first, "C", "none")

		b.Press("ArrowDown", "3")
		b.Wait("form[data-mark-form][data-open=not_applicable]")
		b.Type("No tests exist for texts")
		b.Press("Enter")
		b.stands(second, "C", "na")
		b.Press("z")
		b.stands(second, "C", "none")

		// Shift and Enter confirm what the expression proposes.
		b.Press("Shift+Enter")
		b.stands(second, "D", "reperformed")
		b.Press("d")
		b.WaitText("[data-testing-said]", "There is no deviation.")
		b.Press("Home", "1", "ArrowRight", "1", "u")
		b.wantAt(second + " C")
		b.Press("n")
		b.Wait("form[data-mark-form][data-open=note]")
		b.Type("Looked at with Mei-Lin")
		b.Press("Enter", "1")
		b.stands(second, "C", "agrees")
		b.Wait(`tr[data-item="` + second + `"] td[data-letter="C"][data-reason="Looked at with Mei-Lin"]`)
		if list := b.ConsoleErrors(); len(list) > 0 {
			t.Errorf("the browser complains: %s", strings.Join(list, "; "))
		}
		for _, v := range b.Axe() {
			t.Errorf("axe: %s", v)
		}
	})
}

func TestAMarkThatCannotBeSentIsShownAtItsCellAndNotLost(t *testing.T) {
	journey(t, func(t *testing.T, d *db.DB) {
		b := sitDown(t, d, 240)
		first := b.items[0]
		b.Wait("td[data-at]")
		b.Press("ArrowDown", "ArrowUp")
		b.down.Store(true)
		b.Press("1")
		b.Wait(`tr[data-item="` + first + `"] td[data-letter="A"][data-failed]`)
		b.WaitText(".tm-grid-unsent", first+" A")
		b.down.Store(false)
		b.Click(".tm-grid-unsent button")
		b.stands(first, "A", "agrees")
		b.WaitGone(".tm-grid-unsent li")

		// What the server refuses goes back, and says why.
		b.Press("Escape")
		b.ConsoleErrors()
	})
}

func TestSingleKeysCanBeSwitchedOff(t *testing.T) {
	journey(t, func(t *testing.T, d *db.DB) {
		b := sitDown(t, d, 240)
		b.Wait("td[data-at]")
		b.Eval(`document.documentElement.dataset.keys = "off"`, nil)
		b.Press("ArrowDown", "1", "2", "u")
		b.wantAt(b.items[1] + " A")
		if n := b.Count("td[data-sending], form[data-open]"); n != 0 {
			t.Errorf("%d cells took a key", n)
		}
		b.Click(`[data-grid-key="1"]`)
		b.stands(b.items[1], "A", "agrees")
	})
}

func TestFiveThousandItemsAreWalkedPageByPage(t *testing.T) {
	journey(t, func(t *testing.T, d *db.DB) {
		e := optest.Engine(t, d)
		optest.Sign(t, e)
		s, list := long(t, optest.Found(t, e, "Larchmere"))
		var items []string
		for _, r := range list {
			items = append(items, r.Item)
		}
		b := seat(t, e, s, items)
		b.Wait("td[data-at]")
		b.WaitText("#tm-grid-pages", "Ranks 2,501 to 2,600 of 5,000")
		b.Press("ArrowDown", "ArrowUp")
		b.wantAt(items[2500] + " A")
		b.Press("ArrowUp")
		b.WaitText("#tm-grid-pages", "Ranks 2,401 to 2,500 of 5,000")
		b.wantAt(items[2499] + " A")
		b.Press("u")
		b.WaitText("#tm-grid-pages", "Ranks 2,501 to 2,600 of 5,000")
		b.wantAt(items[2500] + " A")
		b.Press("j")
		b.WaitText("#tm-grid-pages", "Ranks 2,601 to 2,700 of 5,000")
		b.Press("k")
		b.WaitText("#tm-grid-pages", "Ranks 2,501 to 2,600 of 5,000")
		b.wantAt(items[2599] + " A")
		b.Press("1")
		b.stands(items[2599], "A", "agrees")

		// From the key to the focus, to the evidence, and to the recorded mark.
		var took map[string][2]float64
		b.Eval(`(async () => {
			const key = (k) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: k, bubbles: true, cancelable: true }));
			const until = (ready) => new Promise((done) => { const look = () => ready() ? done() : setTimeout(look, 1); look(); });
			const here = () => document.querySelector("td[data-at]");
			const focus = [], pane = [], mark = [];
			for (let i = 0; i < 20; i++) {
				const item = () => here().closest("tr").dataset.item, before = item();
				let at = performance.now();
				key("ArrowDown");
				await until(() => item() !== before);
				focus.push(performance.now() - at);
				await until(() => document.getElementById("tm-pane").dataset.item === item());
				pane.push(performance.now() - at);
				at = performance.now();
				key("1");
				await until(() => here().dataset.tick === "agrees" && !here().hasAttribute("data-sending"));
				mark.push(performance.now() - at);
			}
			const share = (list) => { list.sort((a, b) => a - b); return [list[Math.floor(list.length / 2)], list[list.length - 1]]; };
			return { focus: share(focus), pane: share(pane), mark: share(mark) };
		})()`, &took)
		t.Logf("milliseconds, median and slowest: %v", took)
	})
}
