package site_test

import (
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/site"
)

func population(totals ...int64) site.PopulationView {
	v := site.PopulationView{Title: "Changes by month", Unit: "change", Drawn: true}
	for i, n := range totals {
		name := []string{"January", "February", "March"}[i]
		g := site.PopulationGroup{Label: name[:3], Name: name + " 2026", Total: n, Href: "/rows"}
		if n > 1 {
			g.Picks = []site.PopulationPick{{Place: 0, Text: "CHG-1", Href: "/testing"}, {Place: 1, Text: "CHG-2", Status: site.StatusFail}}
		}
		v.Groups = append(v.Groups, g)
	}
	return v
}

func TestEachItemIsASquareAndTheDrawnOnesArePen(t *testing.T) {
	p := render(t, site.PopulationSquares(population(5, 0, 3)))
	p.count("ol.tm-pop li", 3)
	p.count("rect.tm-f-pen", 2)
	p.count("rect.tm-f-fail", 2)
	squares := 0
	for _, n := range p.all("path.tm-pop-empty") {
		squares += strings.Count(attr(n, "d"), "z")
	}
	if squares != 3+0+1 {
		t.Errorf("%d squares are empty, want 4: each item has one", squares)
	}
	if got := attr(p.all("svg")[0], "aria-label"); got != "January 2026: 5 changes, 1 drawn, 1 not performed" {
		t.Errorf("a month says %q", got)
	}
	if attr(p.all("svg a")[0], "aria-label") != "CHG-1" {
		t.Error("a drawn square has no name")
	}
}

func TestManyItemsAreBars(t *testing.T) {
	p := render(t, site.PopulationSquares(population(1500, 1, 600)))
	p.count("path", 0)
	p.count("rect.tm-f-bar0", 3)
	if got := attr(p.all("rect.tm-f-bar0")[0], "height"); got != "140" {
		t.Errorf("the tallest bar is %s high", got)
	}
	if got := attr(p.all("rect.tm-f-pen")[0], "height"); got != "1" {
		t.Errorf("what was drawn is %s high, and has to be seen", got)
	}
	if got := attr(p.all("rect.tm-f-pen")[1], "height"); got != "0" {
		t.Errorf("what was not drawn is %s high", got)
	}
}

func TestThePopulationTableAddsUp(t *testing.T) {
	p := render(t, site.Table(site.PopulationTable(population(5, 0, 3))))
	p.says("tfoot tr", "Total 8 2")
}

func TestTwoThousandSquaresFit(t *testing.T) {
	v := population(700, 700, 600)
	p := render(t, site.PopulationSquares(v))
	p.count("path.tm-pop-empty", 3)
	for _, n := range p.all("svg") {
		if h := attr(n, "height"); len(h) > 3 {
			t.Errorf("a month is %s pixels high", h)
		}
	}
}

func TestAStepThatIsAheadRulesNothingOutYet(t *testing.T) {
	p := render(t, site.Protocol([]site.PanelView{{Number: "1", Title: "Lock", Done: true, Label: "commitment", Value: "aa", Entry: site.Link{Text: "firm 7", Href: "/log/7"}, RulesOut: "Rules out one."}, {Number: "2", Title: "Seal", RulesOut: "Will rule out two."}}))
	p.count("li.tm-pending", 1)
	p.count("li.tm-pending .tm-c-pass", 0)
	p.count("a.tm-mono", 1)
	p.count(".tm-protocol-figure", 1)
}
