package site_test

import (
	"fmt"
	"testing"

	"github.com/tickmark/tickmark/internal/site"
)

func TestTheCategoryTotalIsTheSumOfItsRows(t *testing.T) {
	p := render(t, site.CategoryTable([]site.CategoryRow{
		{Name: "Security", InScope: 33, Designed: 33, Implemented: 32, Evidenced: 28, Ready: 28, NotReady: 4, Unknown: 1},
		{Name: "Availability", InScope: 3, Designed: 3, Implemented: 3, Evidenced: 2, Ready: 2, Unknown: 1},
	}))
	p.says("tfoot tr", "Total 36 36 35 30 30 4 2")
}

func TestEveryCriterionIsALinkThatSaysItsState(t *testing.T) {
	p := render(t, site.CriteriaMap(site.CriteriaMapView{
		Rows: []site.SeriesRow{{ID: "CC6", Name: "Access", Done: 1, Of: 2, Cells: []site.CriterionView{
			{ID: "CC6.1", Href: "/criteria/CC6.1", State: site.CellNotMet, Cause: "evidence fails", Designed: site.SegmentFull, Implemented: site.SegmentFull, Evidenced: site.SegmentFail},
			{ID: "CC6.2", Href: "/criteria/CC6.2", State: site.CellReady, Designed: site.SegmentFull, Implemented: site.SegmentFull, Evidenced: site.SegmentFull},
		}}},
		NotSelected: []site.CriterionView{{ID: "PI1.1", Href: "/1"}, {ID: "PI1.2", Href: "/1"}, {ID: "P1.1", Href: "/2"}, {ID: "P8.1", Href: "/2"}},
		NotText:     "Not selected · PI1 2, P 2", NotHref: "/criteria?selected=no",
	}))
	n := p.one("a.tm-cell-not-met")
	if attr(n, "aria-label") != "CC6.1, not met: evidence fails" || attr(n, "href") != "/criteria/CC6.1" {
		t.Errorf("%v", n.Attr)
	}
	p.count("a.tm-cell-not-met .tm-glyph", 1)
	p.count("a.tm-cell-ready .tm-glyph", 0)
	p.count("a.tm-cell-not-met .tm-seg-fail", 1)
	p.count("a.tm-cell-ready .tm-seg-full", 3)
	p.says(".tm-series-open .tm-series-count", "1/2")
	p.count("a.tm-outside", 2)
	p.count("a.tm-outside .tm-cell-out", 4)
	if got := attr(p.all("a.tm-outside")[1], "aria-label"); got != "P, 2 criteria not selected" {
		t.Errorf("aria-label %q", got)
	}
}

func example() site.TableView {
	return site.TableView{
		Caption: "Checks",
		Columns: []site.Column{{Head: "Check", Phone: site.PlaceFirst}, {Head: "Status", Sort: "descending", Href: "/checks?sort=status"}, {Head: "Failing", Num: true}},
		Rows: []site.Row{
			{Href: "/checks/a", Key: "a", Cells: []site.Cell{site.Words("a"), site.Mark(site.StatusFail, ""), site.Tally(2, site.StatusFail, "/checks/a/failing")}},
			{Href: "/checks/b", Key: "b", Cells: []site.Cell{site.ID("b", "/checks/b"), site.Mark(site.StatusPass, ""), site.Tally(0, site.StatusFail, "/checks/b/failing")}},
		},
		Pager: site.PagerView{Shown: 50, Of: 1284, Older: "/checks?after=b"},
		Empty: site.EmptyView{Title: "No checks yet.", Text: "Checks answer CC7.1.", Link: site.Link{Text: "Connect a source", Href: "/sources/new"}},
	}
}

func TestATableLinksItsRowsAndSortsByItsHeads(t *testing.T) {
	p := render(t, site.Table(example()))
	p.count("table[role=table] tbody tr[data-href]", 2)
	if got := attr(p.all("tbody tr a")[0], "href"); got != "/checks/a" {
		t.Errorf("first cell of a row links to %q", got)
	}
	p.says("th[aria-sort=descending] a", "Status")
	p.says("nav.tm-pager", "50 of 1,284 Older")
	p.says("td.tm-num.tm-c-fail", "2")
	if attr(p.one("nav.tm-pager"), "aria-label") != "Pages: Checks" {
		t.Error("the pager is not named by its table")
	}
	p.count("form", 0)
}

func TestAnEmptyTableSaysWhatWouldBeHere(t *testing.T) {
	v := example()
	v.Rows = nil
	p := render(t, site.Table(v))
	p.count("table", 0)
	p.says("p.tm-empty", "No checks yet. Checks answer CC7.1. Connect a source")
}

func TestABulkBarActsOnTheCheckedRows(t *testing.T) {
	v := example()
	v.Bulk = &site.Bulk{Action: "/checks/act", Unit: "checks", Buttons: []site.ButtonView{{Text: "Run now", Submit: true, Name: "act", Value: "run"}}}
	p := render(t, site.Table(v))
	if attr(p.one("form[data-bulk]"), "action") != "/checks/act" {
		t.Error("the choice goes nowhere")
	}
	p.count("tbody input[type=checkbox][name=id]", 2)
	if got := attr(p.one("tbody input[value=a]"), "aria-label"); got != "Select a" {
		t.Errorf("aria-label %q", got)
	}
	p.says(".tm-bulk-count", "0 of 2 checks selected")
}

func TestAFieldTiesHelpAndErrorToItsControl(t *testing.T) {
	p := render(t, site.Field(site.FieldView{Name: "until", Label: "Until", Kind: site.FieldDate, Help: "At most 12 months.", Error: "Give an end date within 12 months."}))
	n := p.one("input[type=date]")
	if attr(n, "aria-invalid") != "true" || attr(n, "aria-describedby") != "f-until-error f-until-help" || attr(p.one("label"), "for") != attr(n, "id") {
		t.Errorf("%v", n.Attr)
	}
	p.says("p.tm-field-error", "Give an end date within 12 months.")
}

func TestAPasswordNeverComesBack(t *testing.T) {
	p := render(t, site.Field(site.FieldView{Name: "secret", Label: "Token", Kind: site.FieldPassword, Value: "hunter2"}))
	if attr(p.one("input[type=password]"), "value") != "" {
		t.Error("the page repeats a secret")
	}
}

func TestAFormThatCameBackKeepsWhatWasGivenAndLinksWhatWasWrong(t *testing.T) {
	f := site.FormView{Action: "/x", Version: "3", Problem: "Somebody changed it meanwhile.", Fields: []site.FieldView{
		{Name: "reason", Label: "Reason", Kind: site.FieldArea, Value: "Vendor migration"},
		{Name: "approver", Label: "Approver", Kind: site.FieldSelect, Value: "io", Error: "Choose a deputy.", Options: []site.Option{{Value: "ra", Text: "Ruth"}, {Value: "io", Text: "Ines"}}},
	}, Buttons: []site.ButtonView{{Text: "Request the exception"}}}
	p := render(t, site.Form(f))
	p.says("textarea", "Vendor migration")
	p.says("option[selected]", "Ines")
	p.says(".tm-errors h2", "Nothing was changed: one field needs another look.")
	p.says(".tm-errors p", "Somebody changed it meanwhile.")
	if attr(p.one(".tm-errors a"), "href") != "#f-approver" || attr(p.one("select"), "id") != "f-approver" {
		t.Error("the summary does not lead to the field")
	}
	p.count(".tm-errors[data-focus]", 1)
	p.says("button.btn-primary[type=submit]", "Request the exception")
	if attr(p.one("input[name=version]"), "value") != "3" {
		t.Error("the version that was read is lost")
	}
}

func TestOptionsGroupUnderTheirHeads(t *testing.T) {
	var options []site.Option
	for i := range 4 {
		options = append(options, site.Option{Value: fmt.Sprint(i), Text: fmt.Sprint("o", i), Group: fmt.Sprint("g", i/2)})
	}
	options[3].Locked = "needs a right"
	p := render(t, site.Field(site.FieldView{Name: "s", Label: "S", Kind: site.FieldSelect, Options: options}))
	p.count("optgroup", 2)
	p.count("option[disabled]", 1)
	p = render(t, site.Field(site.FieldView{Name: "c", Label: "C", Kind: site.FieldChecks, Options: options}))
	p.count("p.tm-checks-head", 2)
	p.count("fieldset legend", 1)
}
