package e2e_test

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/e2e/browser"
)

// figures is a table of counts as a page shows it.
type figures struct {
	Heads []string
	Rows  [][]figure // the last one is the total
}

type figure struct {
	Text, Href string
}

func (f figure) count() int64 {
	if n := numbers(f.Text); len(n) == 1 {
		return n[0]
	}
	return -1
}

func table(p *browser.Page, selector string) figures {
	var f figures
	p.Wait(selector)
	p.Eval(fmt.Sprintf(`(() => {
		const t = document.querySelector(%q), text = e => e.textContent.trim().replace(/\s+/g, " ");
		const row = r => [...r.cells].map(c => ({Text: text(c), Href: c.querySelector("a")?.getAttribute("href") || ""}));
		return {Heads: [...t.tHead.rows[0].cells].map(text), Rows: [...t.tBodies[0].rows, ...t.tFoot.rows].map(row)};
	})()`, selector), &f)
	return f
}

// words are the numbers that sentences write out.
var words = []string{"none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

// counts are the numbers of a sentence, in figures and in words.
func counts(sentence string) []int64 {
	for n, w := range words {
		sentence = regexp.MustCompile(`(?i)\b`+w+`\b`).ReplaceAllString(sentence, fmt.Sprint(n))
	}
	return numbers(sentence)
}

var rowForm = regexp.MustCompile(`(?s)<tbody.*?</tbody>`)

// listed counts the rows of the tables on a page, over all its parts.
func listed(v *visitor, path string) (n int64) {
	for path != "" {
		if v.get(path) != http.StatusOK {
			v.t.Errorf("%s answers %d", path, v.last.StatusCode)
			return -1
		}
		for _, body := range rowForm.FindAllString(v.body, -1) {
			n += int64(strings.Count(body, "<tr"))
		}
		m := regexp.MustCompile(`<a[^>]*href="([^"]*)"[^>]*rel="next"`).FindStringSubmatch(v.body)
		path = ""
		if m != nil {
			path = html.UnescapeString(m[1])
		}
	}
	return n
}

func TestFiguresOfHomeAddUp(t *testing.T) {
	wanted(t)
	s := settled(t)
	v := s.owner(t)
	p := browser.Open(t)
	s.enter(p, "/work")
	p.Goto(s.url + "/")
	f := table(p, "#map .tm-category table")
	at := map[string]int{}
	for i, head := range f.Heads {
		at[head] = i
	}
	total := f.Rows[len(f.Rows)-1]
	for i, head := range f.Heads[1:] {
		sum := int64(0)
		for _, row := range f.Rows[:len(f.Rows)-1] {
			sum += row[i+1].count()
		}
		if sum != total[i+1].count() {
			t.Errorf("%s: the rows add up to %d, the total is %s", head, sum, total[i+1].Text)
		}
	}
	for _, row := range f.Rows {
		if parts := row[at["Ready"]].count() + row[at["Not ready"]].count() + row[at["Unknown"]].count(); parts != row[at["In scope"]].count() {
			t.Errorf("%s: ready, not ready and unknown add up to %d, in scope are %s", row[0].Text, parts, row[at["In scope"]].Text)
		}
		for i, x := range row[1:] {
			switch {
			case x.count() < 0:
				t.Errorf("%s, %s: %q is no figure", row[0].Text, f.Heads[i+1], x.Text)
			case x.Href == "":
				t.Errorf("%s, %s: %s opens nothing", row[0].Text, f.Heads[i+1], x.Text)
			case listed(v, x.Href) != x.count():
				t.Errorf("%s, %s: the figure is %s, and %s lists %d", row[0].Text, f.Heads[i+1], x.Text, x.Href, listed(v, x.Href))
			}
		}
	}

	sentence := p.Text("main h1")
	said := counts(sentence)
	want := []int64{total[at["Ready"]].count(), total[at["In scope"]].count(), total[at["Not ready"]].count(), total[at["Unknown"]].count()}
	if len(said) < 2 || strings.Contains(sentence, "None of") && said[1] != want[1] || !strings.Contains(sentence, "None of") && (said[0] != want[0] || said[1] != want[1]) {
		t.Errorf("the sentence %q names %v; the table has %v", sentence, said, want)
	}
	for _, n := range said {
		if n != want[0] && n != want[1] && n != want[2] && n != want[3] {
			t.Errorf("the sentence %q names %d, which the table does not have: %v", sentence, n, want)
		}
	}
	if n := int64(p.Count("#map .tm-map .tm-cell")); n != want[1] {
		t.Errorf("the map draws %d criteria in scope, the table counts %d", n, want[1])
	}
	if n := int64(p.Count("#map .tm-map .tm-cell, #map .tm-map .tm-cell-out")); n != 61 {
		t.Errorf("the map draws %d criteria, want all 61", n)
	}
	if n := int64(p.Count("#map .tm-map .tm-cell-ready")); n != want[0] {
		t.Errorf("the map draws %d as ready, the table counts %d", n, want[0])
	}
	if n := int64(p.Count("#map .tm-map .tm-cell-unknown")); n != want[3] {
		t.Errorf("the map draws %d as unknown, the table counts %d", n, want[3])
	}
}

// TestEveryFigureOpens follows each link of the pages that speak in figures.
func TestEveryFigureOpens(t *testing.T) {
	wanted(t)
	s := settled(t)
	v := s.owner(t)
	seen := map[string]bool{}
	for _, page := range []string{"/", "/first-results", "/figures", "/work", "/checks", "/sources", "/evidence", "/log"} {
		v.get(page)
		v.at(page)
		astray := map[string]bool{}
		for _, to := range v.links() {
			if seen[to] {
				continue
			}
			seen[to] = true
			if status := v.get(to); status != http.StatusOK && !astray[v.shape()] {
				astray[v.shape()] = true
				t.Errorf("%s links to %s, which answers %d, and maybe others", page, to, status)
			}
		}
	}
}
