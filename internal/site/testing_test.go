package site_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/site"
)

func workpaper() site.GridView {
	return site.GridView{Label: "Items of CHG-01", Noun: "Change", When: "Date", Total: 5000, Item: "CHG-0087", At: "B", Marks: "/marks", Find: "/rows", Pane: "/items/{item}", After: "/testing/CHG-01?at=3",
		Attributes: []site.AttributeView{{Letter: "A", Text: "asked for"}, {Letter: "B", Text: "reviewed"}},
		Rows: []site.GridRow{
			{Rank: 1, Item: "CHG-0204", Href: "/items/CHG-0204", Evidence: 4, By: "Dana Whitfield", Cells: []site.GridCell{{Tick: site.TickAgrees, Mark: "agrees"}, {Tick: site.TickNone, Proposed: site.TickDeviation}}},
			{Rank: 2, Item: "CHG-0087", Href: "/items/CHG-0087", Asked: true, Deviates: true, Cells: []site.GridCell{{Tick: site.TickNone, Proposed: site.TickUnknown, Why: "no approver"}, {Tick: site.TickDeviation, Mark: "deviation", Reason: "late"}}},
		}}
}

func TestTheTestingGridIsAnARIAGridWithOneStopForTab(t *testing.T) {
	p := render(t, site.TestingGrid(workpaper()))
	n := p.one("table[role=grid]")
	if attr(n, "aria-rowcount") != "5001" || attr(n, "aria-colcount") != "8" || attr(n, "aria-readonly") != "false" {
		t.Errorf("%v", n.Attr)
	}
	p.count("tbody a[tabindex=0]", 1)
	if got := attr(p.one("tbody a[tabindex=0]"), "href"); got != "/items/CHG-0087?a=B" {
		t.Errorf("the focus begins at %q", got)
	}
	p.count("td[aria-selected=true]", 1)
	var said []string
	for _, m := range p.all("tbody td.tm-grid-cell svg") {
		said = append(said, attr(m, "aria-label"))
	}
	want := []string{"A, agrees", "B, deviation proposed", "A, unknown: no approver", "B, deviation, with a note"}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
	p.says("nav.tm-grid-pages span", "Ranks 1 to 2 of 5,000")
	p.count("p[role=status]", 1)
}

func TestRowsThatComeLaterKnowNoCurrentCell(t *testing.T) {
	g := workpaper()
	g.Part = true
	p := render(t, site.GridRows(g))
	if strings.Contains(p.text, "data-at") || strings.Contains(p.text, `tabindex="0"`) {
		t.Error("a part of the grid claims the current cell")
	}
}

func TestALockedGridTakesNoMarksAndSaysWhy(t *testing.T) {
	g := workpaper()
	g.Locked = "The report is issued."
	p := render(t, site.TestingGrid(g))
	p.count("button[data-grid-key]", 0)
	p.says(".tm-grid-foot p.tm-note", "The report is issued.")
	if attr(p.one("table[role=grid]"), "aria-readonly") != "true" {
		t.Error("readers are not told that the grid is locked")
	}
}

func TestTheStripShowsEveryRankAndTheWorstOfThoseThatShareABox(t *testing.T) {
	states := make([]site.StripState, 5000)
	for i := range states {
		states[i] = site.StripOpen
		if i < 100 {
			states[i] = site.StripTested
		}
	}
	states[420] = site.StripDeviation
	v := site.NewStrip(states, nil, 4999)
	if len(v.Boxes) > 120 || v.Boxes[len(v.Boxes)-1].To != 5000 || !v.Boxes[len(v.Boxes)-1].Current {
		t.Errorf("%d boxes, the last %+v", len(v.Boxes), v.Boxes[len(v.Boxes)-1])
	}
	next := 1
	for _, b := range v.Boxes {
		if b.From != next {
			t.Fatalf("a box begins at %d, want %d", b.From, next)
		}
		next = b.To + 1
		want := site.StripOpen
		switch {
		case b.From <= 421 && 421 <= b.To:
			want = site.StripDeviation
		case b.To <= 100:
			want = site.StripTested
		case b.From <= 100:
			want = site.StripPart
		}
		if b.State != want {
			t.Errorf("ranks %d to %d are %s, want %s", b.From, b.To, b.State, want)
		}
	}
	if v.Said != "101 of 5,000 tested, 1 deviation" {
		t.Errorf("said %q", v.Said)
	}
	if got := site.NewStrip(nil, nil, 0); len(got.Boxes) != 0 {
		t.Errorf("an empty sample has boxes: %+v", got)
	}
}

func limit(n, k int, confidence float64) int64 {
	return site.ParseRate(strings.TrimSuffix(site.Rate(int64(sample.UpperLimit(n, k, confidence)*1_000_000+0.5)), " %"))
}

func TestTheCurveNamesWhatTheSampleWouldProve(t *testing.T) {
	v := site.CurveView{Title: "Upper limit", Tolerable: 50_000, Note: "Items tested.", Marks: []site.CurveMark{
		{CurvePoint: site.CurvePoint{N: 38, Limit: limit(38, 1, 0.95)}, Text: "11.89 % now", Deviations: 1},
		{CurvePoint: site.CurvePoint{N: 60, Limit: limit(60, 1, 0.95)}, Text: "7.66 %", Deviations: 1, Status: site.StatusFail},
		{CurvePoint: site.CurvePoint{N: 93, Limit: limit(93, 1, 0.95)}, Text: "4.9994 %", Deviations: 1, Status: site.StatusPass},
	}}
	for n := 2; n <= 38; n++ {
		v.Done = append(v.Done, site.CurvePoint{N: n, Limit: limit(n, 1, 0.95)})
	}
	p := render(t, site.LimitCurve(v))
	want := "Upper limit: 38 items with 1 deviation: 11.8854 %; 60 items with 1 deviation: 7.6640 %; 93 items with 1 deviation: 4.9994 %; tolerable 5 %"
	if got := attr(p.one("svg[role=img]"), "aria-label"); got != want {
		t.Errorf("said %q, want %q", got, want)
	}
	p.count("circle", 3)
	var rows []string
	for _, tr := range p.all("details tbody tr") {
		rows = append(rows, words(tr))
	}
	if diff := cmp.Diff([]string{"38 1 11.8854 % no", "60 1 7.6640 % no", "93 1 4.9994 % yes"}, rows); diff != "" {
		t.Error(diff)
	}
}

func TestRatesAreWrittenAsTheyAreDefined(t *testing.T) {
	for in, want := range map[string]string{"11.8854": "11.8854 %", "5": "5 %", "2.5000": "2.5 %", "0.0001": "0.0001 %", "100.0000": "100 %", "": "0 %"} {
		if got := site.Rate(site.ParseRate(in)); got != want {
			t.Errorf("%q is written %q, want %q", in, got, want)
		}
	}
}

func TestAProposalIsNeverTakenForADecision(t *testing.T) {
	p := render(t, site.Proposal(site.ProposalView{Proposed: "operated effectively"}))
	p.count(".tm-proposal-tool", 1)
	p.count(".tm-proposal-person", 0)
	p = render(t, site.Proposal(site.ProposalView{Proposed: "operated effectively", Decided: "undetermined", By: "Dana Whitfield", When: "20 Jan 2027", Reason: "The list was late."}))
	p.says(".tm-proposal-person", "DW Decided: undetermined Dana Whitfield, 20 Jan 2027 The list was late.")
}

func TestAPaneWithoutEvidenceSaysSo(t *testing.T) {
	p := render(t, site.EvidencePane(site.PaneView{Item: "CHG-1", Letter: "A", Attribute: "asked for", Empty: site.EmptyView{Title: "Nothing is recorded."}, Mark: &site.MarkForm{Action: "/marks", Item: "CHG-1", Letter: "A", Missing: true}}))
	p.says("p.tm-empty", "Nothing is recorded.")
	p.count("input[name=code][value=missing]", 1)
	p.count("input[type=radio][name=mark]", 4)
}
