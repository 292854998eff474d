package e2e_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/readiness"
)

const view = "[data-list-menu] "

// heads are the columns of the table on a page, rows the first cells of each line.
func (j *trip) heads() (out []string) {
	j.t.Helper()
	j.Eval(`[...document.querySelectorAll(".tm-table thead th:not(.tm-pick)")].map(e => e.textContent.trim())`, &out)
	return out
}

func (j *trip) rows() (out []string) {
	j.t.Helper()
	j.Eval(`[...document.querySelectorAll(".tm-table tbody tr")].map(e => e.querySelector("td:not(.tm-pick)").textContent.trim())`, &out)
	return out
}

// taken is the table of a file that was downloaded by a press.
func (j *trip) taken(link string) [][]string {
	j.t.Helper()
	file := j.Download(func() { j.press(link) })
	b, err := os.ReadFile(file)
	if err != nil {
		j.t.Fatal(err)
	}
	if !strings.Contains(link, "xlsx") {
		rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff")))).ReadAll()
		if err != nil {
			j.t.Fatal(err)
		}
		return rows
	}
	book, err := excelize.OpenReader(bytes.NewReader(b))
	if err != nil {
		j.t.Fatal(err)
	}
	defer book.Close()
	rows, err := book.GetRows(book.GetSheetName(0))
	if err != nil {
		j.t.Fatal(err)
	}
	return rows
}

// lists: a person makes the list of controls their own, keeps that, finds it
// again elsewhere, takes it along, and acts on several rows at once.
func lists(j *trip) {
	j.at("/controls")
	j.press(view + "> summary")
	j.over(view + ".tm-menu")
	j.press(view + "[name=cols][value=evidence]")
	j.press(view + "[name=cols][value=frequency]")
	j.fill(view+"[name=sort]", "-title")
	j.follow(view + "form[method=get] button")
	heads := j.heads()
	if !slices.Contains(heads, "Newest evidence") || slices.Contains(heads, "Frequency") {
		j.t.Errorf("the columns chosen are not those shown: %v", heads)
	}
	if !j.phone { // there the heads are not shown, and the menu has the order
		j.follow("thead a[href*='sort=title']")
		j.follow("thead a[href*='sort=-title']")
	}
	j.follow(".tm-filters a[href*='f.status=fail']")
	rows := j.rows()
	if len(rows) < 3 {
		j.t.Fatalf("%d controls fail: too few to look at", len(rows))
	}
	for _, word := range []string{"zzzz", rows[1]} {
		j.fill(".tm-find [name=q]", word)
		j.Navigates(func() { j.Press("Enter") })
		if word == "zzzz" {
			j.WaitText(".tm-empty", "No control fits.")
			j.fair("a list of nothing")
		}
	}
	if got := j.rows(); len(got) != 1 || got[0] != rows[1] {
		j.t.Errorf("looking for %s finds %v", rows[1], got)
	}
	j.follow("tbody a")
	j.WaitURL("/controls/" + rows[1])
	for range 3 {
		j.back()
	}
	if got := j.rows(); !slices.Equal(got, rows) {
		j.t.Errorf("three steps back show %v, want %v", got, rows)
	}

	name := j.named("Failing")
	j.press(view + "> summary")
	j.fill(view+"[name=name]", name)
	j.press(view + "[name=shared]")
	j.follow(view + "form[method=post] button")
	j.found(j.again(), name, "", heads, rows)
	j.found(j.with(auth.Lead), name, "by "+who.name, heads, rows)

	for _, format := range []string{"csv", "xlsx"} {
		j.press("summary:has(~ .tm-menu [href*='format=csv'])")
		if format == "csv" {
			j.over(".tm-menu:has([href*='format=csv'])")
		}
		got := j.taken("[href*='format=" + format + "']")
		j.Press("Escape")
		j.WaitGone("[href*='format=csv']")
		if len(got) != len(rows)+1 || !slices.Equal(got[0], heads) || got[1][0] != rows[0] {
			j.t.Errorf("%s holds %v; shown are %v, %v", format, got, heads, rows)
		}
	}
	j.whole()
	j.owned()
}

// again is the same person at another machine.
func (j *trip) again() *trip {
	j.t.Helper()
	email := mailOf(auth.Owner)
	delete(j.seats, email)
	return j.with(auth.Owner)
}

// found opens a view that was kept.
func (j *trip) found(other *trip, name, note string, heads, rows []string) {
	j.t.Helper()
	other.at("/controls")
	other.press(view + "> summary")
	link := ""
	other.Eval(`[...document.querySelectorAll("[data-list-menu] .tm-views a")].find(e => e.textContent.includes(`+quoted(name)+`))?.getAttribute("href") || ""`, &link)
	if link == "" {
		j.t.Fatalf("the view %s is not to be found: %s", name, other.Text(view+".tm-views"))
	}
	if said := other.Text(view + ".tm-views a[href='" + link + "']"); !strings.Contains(said, note) {
		j.t.Errorf("the view says %q, want %q", said, note)
	}
	other.follow(view + ".tm-views a[href='" + link + "']")
	if h, r := other.heads(), other.rows(); !slices.Equal(h, heads) || !slices.Equal(r, rows) {
		j.t.Errorf("the view shows %v of %v, kept were %v of %v", r, h, rows, heads)
	}
}

// whole: a file has every row of a list that is longer than its page.
func (j *trip) whole() {
	j.t.Helper()
	j.at("/log")
	foot := numbers(j.Text("#entries .tm-pager"))
	if len(foot) != 2 || foot[0] >= foot[1] {
		j.t.Fatalf("the log says %v: it fits onto a page", foot)
	}
	j.press("summary:has(~ .tm-menu [href*='format=csv'])")
	// Taking a list along may itself be an entry.
	if got := int64(len(j.taken("[href*='format=csv']"))) - 1; got < foot[1] || got > foot[1]+2 {
		j.t.Errorf("the file of the log has %d entries, the page counts %d", got, foot[1])
	}
}

// owned gives two controls to another owner, and back.
func (j *trip) owned() {
	j.t.Helper()
	owners := func() map[string]string {
		out := map[string]string{}
		for _, c := range do(j.t, j.desk, readiness.Get, op.None{}).Controls {
			out[c.Code] = string(c.Owner)
		}
		return out
	}
	before := owners()
	j.at("/controls?sort=-code")
	rows := j.rows()[:2]
	for _, code := range rows {
		j.press("tbody [name=id][value='" + code + "']")
	}
	j.WaitText("[data-bulk-count]", "2")
	j.fair("two rows chosen")
	lead := ""
	j.Eval(`[...document.querySelectorAll(".tm-bulk [name=owner] option")].find(o => o.textContent.includes("Elin")).value`, &lead)
	j.fill(".tm-bulk [name=owner]", lead)
	j.follow(".tm-bulk button[type=submit]")
	j.WaitURL("/controls?sort=-code")
	for code, owner := range owners() {
		if chosen := slices.Contains(rows, code); chosen && owner != lead || !chosen && owner != before[code] {
			j.t.Errorf("%s belongs to %s", code, owner)
		}
	}
}
