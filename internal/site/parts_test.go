package site_test

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/site"
)

func TestTheSentenceIsTheOnlyHeadingOfTheFirstLevel(t *testing.T) {
	p := render(t, site.Layout(site.GalleryShell(site.Prefs{}), site.Sentence(site.SentenceView{Text: "Two of 68 do not.", Sources: "/s"})))
	p.says("h1", "Two of 68 do not.")
	p.says("a.tm-sources", "Where these figures come from")
}

func TestLayoutSaysWhereOneIsAndAsWhom(t *testing.T) {
	s := site.GalleryShell(site.Prefs{Theme: "dark", KeysOff: true})
	p := render(t, site.Layout(s, site.Stack()))
	html := p.one("html")
	if attr(html, "data-theme") != "dark" || attr(html, "data-keys") != "off" || attr(html, "lang") != "en" {
		t.Errorf("html %v", html.Attr)
	}
	p.says("title", "Gallery · Tickmark")
	p.says(".tm-crumbs [aria-current=page]", "Gallery")
	p.says(".tm-side a[aria-current=page]", "Home")
	p.says(".tm-loghead", "Log 48,213 signed 1 s ago")
	if attr(p.one("a.tm-loghead"), "href") != "#log" {
		t.Error("the log chip does not open the log")
	}
	p.count(".tm-tabs-bar a", 4)
	p.count("main#main", 0)
	p.count("main[id=main]", 1)
	p.says("a.tm-skip", "Skip to the page")
	p.says("button[aria-pressed=true][value=dark]", "Night")
}

func TestALateOrBrokenLogIsNotSilent(t *testing.T) {
	s := site.GalleryShell(site.Prefs{})
	s.Log.Late = true
	p := render(t, site.Layout(s, site.Stack()))
	p.count(".tm-loghead .tm-c-unknown", 1)
	s.Log.Broken = "does not verify"
	p = render(t, site.Layout(s, site.Stack()))
	p.count(".tm-loghead .tm-c-fail", 1)
	p.says(".tm-loghead", "Log 48,213 does not verify")
}

func TestAPageNotAtNowLeadsBackToNow(t *testing.T) {
	s := site.GalleryShell(site.Prefs{})
	s.AsOf = site.AsOf{Label: "30 June 2026", Value: "2026-06-30", Path: "/checks", Keep: []site.KV{{Key: "status", Value: "fail"}}, Now: "/checks?status=fail"}
	s.Band = site.Band{Kind: site.BandNotNow, Title: "As of 30 June 2026.", Link: site.Link{Text: "Back to now", Href: "/checks?status=fail"}}
	p := render(t, site.Layout(s, site.Stack()))
	p.says(".tm-asof summary", "As of 30 June 2026")
	if attr(p.one(".tm-asof input[type=hidden]"), "value") != "fail" {
		t.Error("choosing a day forgets the filter")
	}
	p.count(".tm-band-not-now", 1)
}

func TestAGlyphAloneHasAName(t *testing.T) {
	n := render(t, site.Glyph(site.StatusUnknown, "Unknown")).one("svg")
	if attr(n, "role") != "img" || attr(n, "aria-label") != "Unknown" {
		t.Errorf("%v", n.Attr)
	}
	n = render(t, site.StatusMark(site.StatusFail, "Failing for 42 h")).one("svg")
	if attr(n, "aria-hidden") != "true" {
		t.Error("a glyph beside its word is read twice")
	}
}

func TestStatusesSortFailFirstAndPassNearTheEnd(t *testing.T) {
	order := []site.Status{site.StatusFail, site.StatusUnknown, site.StatusExcepted, site.StatusNotStarted, site.StatusPass, site.StatusNotApplicable}
	for i := 1; i < len(order); i++ {
		if order[i-1].Order() >= order[i].Order() {
			t.Errorf("%s does not come before %s", order[i-1], order[i])
		}
	}
}

func TestALockedButtonListsWhatIsMissing(t *testing.T) {
	p := render(t, site.Button(site.ButtonView{Text: "Sign: 2 missing", Missing: []site.Link{{Text: "IAM-03", Href: "/a"}, {Text: "REQ-061", Href: "/b"}}}))
	p.says("summary", "Sign: 2 missing")
	p.count("details a", 2)
	p.count("button", 0)
}

func TestABusyButtonKeepsItsLabel(t *testing.T) {
	p := render(t, site.Button(site.ButtonView{Text: "Reading", Busy: true}))
	p.says("button[aria-busy=true]", "Reading")
}

func TestADialogButtonIsALinkWithoutScripts(t *testing.T) {
	n := render(t, site.Button(site.ButtonView{Text: "Erase", Href: "/e/confirm", Opens: "dlg"})).one("a[data-opens=dlg]")
	if attr(n, "href") != "/e/confirm" {
		t.Errorf("%v", n.Attr)
	}
}

func TestADigestCanBeCopiedWholeWhenItIsShownShort(t *testing.T) {
	whole := "4be107c9a2d85e1f0b6c3379d1e4a8f25c90b7ee61f3d2a4983b0c7793d2aa10"
	p := render(t, site.Digest(site.DigestView{Label: "sha256", Value: whole, Short: true}))
	p.says("code", "4be107c9 a2d85e1f … 93d2aa10")
	if attr(p.one("button"), "data-copy") != whole || attr(p.one("code"), "title") != whole {
		t.Error("the whole digest is not at hand")
	}
}

func TestARawRecordIsEscapedAndItsDecisivePartMarked(t *testing.T) {
	p := render(t, site.Raw(site.RawView{Title: "Record", Text: `{"a":"<script>x</script>","at":"17:40"}`, Mark: `"17:40"`}))
	p.says("mark", `"17:40"`)
	p.count("script", 0)
	p.says("pre", `{"a":"<script>x</script>","at": "17:40" }`)
}

func TestAnAddressThatWouldRunIsRefused(t *testing.T) {
	p := render(t, site.LinkText(site.Link{Text: "x", Href: "javascript:alert(1)"}))
	if href := attr(p.one("a"), "href"); strings.HasPrefix(href, "javascript:") {
		t.Errorf("href %q", href)
	}
}

func TestNobodyIsAPersonToo(t *testing.T) {
	p := render(t, site.ActionRows([]site.ActionView{{Status: site.StatusFail, Text: "Review three vendors", Href: "/v"}}))
	p.says(".tm-person", "– Nobody yet")
}

func TestAGateCountsWhatHolds(t *testing.T) {
	g := site.GateView{Rows: []site.GateRow{{Holds: true, Text: "a"}, {Text: "b", Missing: "2 missing", Href: "/b"}}}
	if got := g.Held(); got != "1 of 2 hold" {
		t.Errorf("Held() = %q", got)
	}
	render(t, site.Gate(g)).says(".tm-gate a", "2 missing")
}

func TestProgressSaysCountsAndNeverMoreThanTheWhole(t *testing.T) {
	p := render(t, site.Progress(site.ProgressView{Text: "Reading login-main", Done: 12400, About: 31000}))
	p.says("p", "Reading login-main: 12,400 of about 31,000")
	p = render(t, site.Progress(site.ProgressView{Text: "Reading", Done: 40, About: 31}))
	if attr(p.one("progress"), "value") != "31" {
		t.Error("progress beyond the whole")
	}
}

func TestAnErrorPageSaysWhatIsSafeAndWhatToDo(t *testing.T) {
	p := render(t, site.Bare(site.BareShell{Title: "Not read"}, site.ErrorPage(site.ErrorView{Happened: "The list could not be read.", Safe: "Nothing was changed.", Do: "Load it again.", Reference: "req_1"})))
	p.says("h1", "The list could not be read.")
	p.says("dl", "What is safe Nothing was changed. What to do Load it again. Reference req_1")
}

func TestATimelineKeepsExactTimes(t *testing.T) {
	at := time.Date(2026, 11, 16, 15, 0, 0, 0, time.UTC)
	p := render(t, site.Timeline([]site.TimelineItem{{Status: site.StatusFail, Text: "Two accounts", When: at, Who: "check MFA-01", Entry: 47655}}))
	if attr(p.one("time"), "datetime") != "2026-11-16T15:00:00.000Z" {
		t.Error("no machine-readable time")
	}
	p.says("li", "Two accounts 16 Nov 15:00 · check MFA-01 · entry 47,655")
}

func TestACardShowsItsBodyBetweenHeadAndFoot(t *testing.T) {
	ctx := templ.WithChildren(t.Context(), site.QuietText("body"))
	var b strings.Builder
	if err := site.Card(site.CardView{Title: "Criteria", Aside: site.LinkText(site.Link{Text: "Table", Href: "/t"}), Foot: site.QuietText("foot")}).Render(ctx, &b); err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(b.String(), "card-body")
	if !strings.Contains(head, "Criteria") || !strings.Contains(head, "Table") || !strings.Contains(rest, "body") || !strings.Contains(rest, "foot") {
		t.Error(b.String())
	}
}
