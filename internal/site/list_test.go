package site_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/views"
)

// a thing is a row of a list that only tests have.
type thing struct {
	Code, Title string
	N           int64
}

// things are a list of 1,203: every eleventh is odd, and one title is a formula.
func things() site.Route {
	var all []thing
	for i := range 1203 {
		x := thing{Code: fmt.Sprintf("T-%04d", i), Title: "usual", N: int64(1203 - i)}
		if i%11 == 0 {
			x.Title = "odd"
		}
		if i == 7 {
			x.Title = "=cmd()"
		}
		all = append(all, x)
	}
	l := site.List[thing]{Name: "things", Caption: "Things", One: "thing", Many: "things", Find: "Find in things", Sort: "code",
		Columns: []site.Col[thing]{
			{ID: "code", Head: "Code", Fixed: true, Sorts: true, Cell: func(x thing) site.Cell { return site.ID(x.Code, "/things/"+x.Code) }},
			{ID: "title", Head: "Title", Cell: func(x thing) site.Cell { return site.Words(x.Title) }},
			{ID: "n", Head: "Number", Num: true, Spare: true, Sorts: true, Cell: func(x thing) site.Cell { return site.Number(x.N, "") }, Text: func(x thing) any { return x.N }},
		},
		Filters: []site.Filter{{Name: "title", Label: "Title", Options: []site.Option{{Value: "odd", Text: "Odd"}, {Value: "usual", Text: "Usual"}}, Chips: true}, {Name: "code", Label: "Code"}},
		Row:     func(x thing) site.Row { return site.Row{Href: "/things/" + x.Code, Key: x.Code} },
		Bulk:    &site.Bulk{Action: "/things/act", Unit: "things"},
		None:    site.EmptyView{Title: "No things yet."},
	}
	l.Fetch = func(a site.Ask) (op.Page[thing], error) {
		return site.Among(a, all, func(x thing) bool {
			return (a.Filter("title") == "" || a.Filter("title") == x.Title) && (a.Filter("code") == "" || a.Filter("code") == x.Code) && a.Holds(x.Code, x.Title)
		}, func(x, y thing) int {
			if a.Sort == "n" {
				return int(x.N - y.N)
			}
			return strings.Compare(x.Code, y.Code)
		}, func(x thing) string { return x.Code }), nil
	}
	return site.Route{Pattern: "GET /things", Handle: func(v *site.Visit) error {
		x, err := l.Open(v)
		if err != nil || x.Done {
			return err
		}
		return v.Show(site.Shell{Title: "Things"}, site.Table(x.Table))
	}}
}

func visit(t *testing.T, fn func(t *testing.T, v *sitetest.Visitor, desk *op.Desk)) {
	t.Helper()
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		fn(t, sitetest.New(t, desk.Engine, []site.Route{things()}).As(desk), desk)
	})
}

func TestAListIsReadToItsEndInAnyOrder(t *testing.T) {
	visit(t, func(t *testing.T, v *sitetest.Visitor, _ *op.Desk) {
		for _, path := range []string{"/things", "/things?sort=-n", "/things?f.title=usual"} {
			seen, first := map[string]bool{}, ""
			total := int64(1203)
			if strings.Contains(path, "usual") {
				total = 1092
			}
			for next := path; next != ""; {
				p := v.Get(next)
				p.Is(http.StatusOK)
				p.Says("nav.tm-pager", " of "+site.Count(total))
				for _, code := range p.Texts("tbody tr td a") {
					if seen[code] {
						t.Fatalf("%s shows %s twice", path, code)
					}
					seen[code] = true
					if first == "" {
						first = code
					}
				}
				next = p.Attr("nav.tm-pager a[rel=next]", "href")
			}
			if int64(len(seen)) != total {
				t.Errorf("%s: paging shows %d of %d", path, len(seen), total)
			}
			if strings.Contains(path, "-n") && first != "T-0000" {
				t.Errorf("the largest number is first, not %s", first)
			}
		}
	})
}

func TestTheHeadsOfAListSortIt(t *testing.T) {
	visit(t, func(t *testing.T, v *sitetest.Visitor, _ *op.Desk) {
		p := v.Get("/things?f.title=odd&cols=n")
		p.Says("th[aria-sort=ascending]", "Code")
		by := p.Attrs("thead th a", "href")
		if len(by) != 2 || by[1] != "/things?cols=n&f.title=odd&sort=n" || by[0] != "/things?cols=n&f.title=odd&sort=-code" {
			t.Fatalf("heads lead to %q", by)
		}
		p = v.Get(by[1])
		p.Says("th[aria-sort=ascending]", "Number")
		p.Says("tbody tr td", "T-1199")
		v.Get("/things?sort=title").Says("main", "give one of code, n")
	})
}

func TestFiltersAreChipsThatCanBeTakenAway(t *testing.T) {
	visit(t, func(t *testing.T, v *sitetest.Visitor, _ *op.Desk) {
		p := v.Get("/things?f.title=odd&q=T-00")
		if on := p.Attrs("a.tm-filter-on", "href"); len(on) != 2 || on[0] != "/things?f.title=odd" || on[1] != "/things?q=T-00" {
			t.Errorf("chips lead to %q", on)
		}
		if hidden := p.Attrs("form[role=search] input[type=hidden]", "name"); len(hidden) != 1 || hidden[0] != "f.title" {
			t.Errorf("a search for other words forgets %q", hidden)
		}
		v.Get("/things?title=odd").Says("nav.tm-pager", "50 of 110") // as addresses were before
		v.Get("/things?f.title=even").Is(http.StatusUnprocessableEntity)
		none := v.Get("/things?f.code=nothing")
		none.Says(".tm-empty", "No thing fits.")
		if none.Count("a[download]") != 0 {
			t.Error("nothing can be exported, and a file is offered")
		}
	})
}

func TestColumnsAreChosen(t *testing.T) {
	visit(t, func(t *testing.T, v *sitetest.Visitor, _ *op.Desk) {
		v.Get("/things").Silent("thead", "Number")
		v.Get("/things?cols=&cols=n&f.title=odd").LeadsTo("/things?cols=n&f.title=odd")
		p := v.Get("/things?cols=n&f.title=odd")
		p.Says("thead", "Number")
		p.Silent("thead", "Title")
		if v.Get("/things?cols=gone").Count("thead th a") != 1 {
			t.Error("a row without its code")
		}
	})
}

func TestAFileHoldsTheViewAndNotThePage(t *testing.T) {
	visit(t, func(t *testing.T, v *sitetest.Visitor, _ *op.Desk) {
		p := v.Get("/things?cols=n,title&f.title=usual&after=T-0050&sort=-n")
		p.Says("a[download]", "CSV, 1,092 rows")
		file := v.Get(p.Attr("a[download]", "href"))
		if got := file.Header.Get("Content-Disposition"); !strings.Contains(got, `"things-2026-11-21.csv"`) {
			t.Errorf("the file is %s", got)
		}
		rows, err := csv.NewReader(strings.NewReader(file.Body)).ReadAll()
		if err != nil || len(rows) != 1093 || strings.Join(rows[0], ",") != "Code,Title,Number" || strings.Join(rows[1], ",") != "T-0001,usual,1202" {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		if all := v.Get("/things?format=csv").Body; !strings.Contains(all, "T-0007,'=cmd()\n") || strings.Contains(all, "DEMO") {
			t.Error("a formula reaches the spreadsheet, or a true list is called a demonstration")
		}
		if book := v.Get("/things?format=xlsx"); !strings.HasPrefix(book.Body, "PK") || !strings.Contains(book.Header.Get("Content-Disposition"), ".xlsx") {
			t.Error("no workbook")
		}
		v.Get("/things?format=pdf").Is(http.StatusUnprocessableEntity)
	})
}

func TestAFileOfADemonstrationSaysSoInEveryRow(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		e := optest.Engine(t, d)
		machine := &op.Desk{Engine: e, Actor: auth.Actor{Name: "command line", Via: "cli"}}
		made, err := orgs.Found.Do(t.Context(), machine, orgs.Founding{Demo: true, Creation: orgs.Creation{Organization: "Example", Name: "O", Email: "o@example.com"}})
		if err != nil {
			t.Fatal(err)
		}
		desk := &op.Desk{Engine: e, Org: made.Org, Actor: auth.Actor{User: made.User, Name: "O", Via: "page"}}
		file := sitetest.New(t, e, []site.Route{things()}).As(desk).Get("/things?format=csv")
		if n := strings.Count(file.Body, "DEMO: not real"); n != 1203 || !strings.Contains(file.Header.Get("Content-Disposition"), `"DEMO-things`) {
			t.Errorf("%d rows are marked; %s", n, file.Header.Get("Content-Disposition"))
		}
	})
}

func TestAListOpensWithThePersonsUsualView(t *testing.T) {
	visit(t, func(t *testing.T, v *sitetest.Visitor, desk *op.Desk) {
		if _, err := views.Create.Do(t.Context(), desk, views.Saved{List: "things", Name: "Odd ones", Query: "f.title=odd", Usual: true, Shared: true}); err != nil {
			t.Fatal(err)
		}
		v.Get("/things").LeadsTo("/things?f.title=odd")
		p := v.Get("/things?f.title=odd")
		p.Says(".tm-views a[aria-current]", "Odd ones")
		p.Says(".tm-views a", "All things")
		v.Get("/things?view=all").Says("nav.tm-pager", "50 of 1,203")
		if got := p.Attr("form[action=/views] input[name=query]", "value"); got != "f.title=odd" {
			t.Errorf("what would be kept is %q", got)
		}
	})
}

func TestTheBulkBarNamesHowManyItTouches(t *testing.T) {
	visit(t, func(t *testing.T, v *sitetest.Visitor, _ *op.Desk) {
		p := v.Get("/things?f.title=odd")
		p.Says("button[data-pick-every]", "Select all 50 on this page")
		if got := p.Attr("form[data-bulk] input[name=back]", "value"); got != "/things?f.title=odd" {
			t.Errorf("an act goes back to %q", got)
		}
		p.Says(".tm-bulk-count", "of 50 things selected")
	})
}
