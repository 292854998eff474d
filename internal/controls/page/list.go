package page

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/site"
)

// pageSize is how many controls a page of the list shows.
const pageSize = 50

// listed is the list of controls in force with what is known of each.
type listed struct {
	All, Rows       []readiness.Control // in force; those that fit the filters
	Mine            bool
	Status, Series  string
	SeriesAvailable []string
	After           string
	Proposed        int
	May             bool
	User            string
}

func showList(v *site.Visit) error {
	p, err := readiness.Get.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	x := listed{All: p.Controls, Mine: v.Query("mine") == "1", Status: v.Query("status"), Series: v.Query("series"), After: v.Query("after"),
		Proposed: len(p.Proposed), May: may(v), User: string(v.Actor.User)}
	slices.SortStableFunc(x.All, func(a, b readiness.Control) int {
		s, _ := standing(a)
		t, _ := standing(b)
		return s.Order() - t.Order()
	})
	for _, c := range x.All {
		for _, m := range c.Criteria {
			if s := seriesOf(m.Criterion); !slices.Contains(x.SeriesAvailable, s) {
				x.SeriesAvailable = append(x.SeriesAvailable, s)
			}
		}
		if x.fits(c) {
			x.Rows = append(x.Rows, c)
		}
	}
	slices.Sort(x.SeriesAvailable)
	if v.Query("format") == "csv" {
		return x.export(v)
	}
	return v.Show(site.Shell{Title: "Controls", Current: "/controls", Crumbs: []site.Crumb{{Text: "Controls"}}}, listBody(x))
}

func (x listed) fits(c readiness.Control) bool {
	status, _ := standing(c)
	return (!x.Mine || string(c.Owner) == x.User) && (x.Status == "" || string(status) == x.Status) &&
		(x.Series == "" || slices.ContainsFunc(c.Criteria, func(m mapping) bool { return seriesOf(m.Criterion) == x.Series }))
}

func (x listed) count(status site.Status) int64 {
	n := int64(0)
	for _, c := range x.All {
		if s, _ := standing(c); s == status {
			n++
		}
	}
	return n
}

func (x listed) sentence() string {
	n := int64(len(x.All))
	if n == 0 {
		return "No control has been adopted yet."
	}
	text := site.Plural(n, "control is", "controls are") + " in force."
	fail, unknown := x.count(site.StatusFail), x.count(site.StatusUnknown)
	switch {
	case fail > 0 && unknown > 0:
		return fmt.Sprintf("%s %s, and %s cannot be known.", text, site.Plural(fail, "fails", "fail"), site.Count(unknown))
	case fail > 0:
		return fmt.Sprintf("%s %s.", text, site.Plural(fail, "fails", "fail"))
	case unknown > 0:
		return fmt.Sprintf("%s %s cannot be known.", text, site.Count(unknown))
	}
	if open := x.count(site.StatusNotStarted); open > 0 {
		return fmt.Sprintf("%s %s not complete yet.", text, site.Plural(open, "is", "are"))
	}
	return text
}

func (x listed) facts() []site.Fact {
	facts := []site.Fact{{Text: "The library", Href: "/controls/library"}}
	if x.Proposed > 0 {
		facts = append(facts, site.Fact{Text: site.Plural(int64(x.Proposed), "more matches", "more match") + " what was found", Href: "/controls/library?proposed=1"})
	}
	return facts
}

func (x listed) acts() []site.ButtonView {
	if !x.May {
		return nil
	}
	return []site.ButtonView{{Text: "Write your own", Href: "/controls/new"}, {Text: "Adopt from the library", Kind: site.ButtonPrimary, Href: "/controls/library"}}
}

// with is the address of the list with one filter changed.
func (x listed) with(name, value string) string {
	q := url.Values{"status": {x.Status}, "series": {x.Series}}
	if x.Mine {
		q.Set("mine", "1")
	}
	q.Set(name, value)
	return address("/controls", q)
}

func (x listed) chips() []site.Chip {
	out := []site.Chip{{Text: "Mine", Href: x.with("mine", "1"), Add: true}}
	if x.Mine {
		out[0] = site.Chip{Text: "Mine", Href: x.with("mine", "")}
	}
	for _, s := range []site.Status{site.StatusFail, site.StatusUnknown, site.StatusExcepted, site.StatusNotStarted, site.StatusPass} {
		n := x.count(s)
		if n == 0 && string(s) != x.Status {
			continue
		}
		word := s.Word()
		if s == site.StatusNotStarted {
			word = "Not complete"
		}
		c := site.Chip{Text: word + " " + site.Count(n), Href: x.with("status", string(s)), Add: true}
		if string(s) == x.Status {
			c = site.Chip{Text: c.Text, Href: x.with("status", "")}
		}
		out = append(out, c)
	}
	if x.Series != "" {
		out = append(out, site.Chip{Text: "Answers " + x.Series, Href: x.with("series", "")})
	}
	return out
}

func (x listed) table() site.TableView {
	t := site.TableView{ID: "controls", Caption: "Controls in force", Filters: x.chips(), More: listMore(x),
		Columns: []site.Column{{Head: "Control", Mono: true, Phone: site.PlaceFirst}, {Head: "What it says", Wide: true, Phone: site.PlaceFirst},
			{Head: "Criteria"}, {Head: "Owner"}, {Head: "Frequency"}, {Head: "Parts", Phone: site.PlaceHidden}, {Head: "Status", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No control fits.", Text: "Remove a filter to see more.", Link: site.Link{Text: "Show all", Href: "/controls"}}}
	if len(x.All) == 0 {
		t.Filters, t.More = nil, nil
		t.Empty = site.EmptyView{Title: "No controls yet.", Text: "Controls are what is done about the criteria; each has an owner, a rhythm and evidence.",
			Link: site.Link{Text: "Choose from the library", Href: "/controls/library"}}
	}
	rows, next := x.part()
	for _, c := range rows {
		status, word := standing(c)
		t.Rows = append(t.Rows, site.Row{Href: implied(c.Control), Cells: []site.Cell{
			site.ID(c.Code, implied(c.Control)), site.WordsNote(c.Title, keyWord(c.Key)), site.Node(criteriaLinks(c.Criteria)), site.Node(site.Person(c.OwnerName)),
			site.Words(site.Capital(words(c.Frequency))), site.Node(parts(c)), site.Mark(status, word),
		}})
	}
	if len(x.Rows) > 0 {
		t.Pager = site.PagerView{Shown: int64(len(rows)), Of: int64(len(x.Rows)), Older: next, OlderText: "More"}
		if x.After != "" {
			t.Pager.Newer, t.Pager.NewerText = x.with("after", ""), "First"
		}
	}
	return t
}

func keyWord(key bool) string {
	if key {
		return "key"
	}
	return ""
}

// part is the page of the rows after the one last shown.
func (x listed) part() (rows []readiness.Control, next string) {
	rows = x.Rows
	if i := slices.IndexFunc(rows, func(c readiness.Control) bool { return c.Code == x.After }); i >= 0 {
		rows = rows[i+1:]
	}
	if len(rows) > pageSize {
		rows = rows[:pageSize]
		next = x.with("after", rows[pageSize-1].Code)
	}
	return rows, next
}

// export sends every row of the view, not the page of it that is shown.
func (x listed) export(v *site.Visit) error {
	v.W.Header().Set("Content-Type", "text/csv; charset=utf-8")
	v.W.Header().Set("Content-Disposition", `attachment; filename="controls.csv"`)
	w := csv.NewWriter(v.W)
	lines := [][]string{{"code", "title", "criteria", "owner", "frequency", "key", "designed", "implemented", "evidenced", "status", "why"}}
	for _, c := range x.Rows {
		var codes []string
		for _, m := range c.Criteria {
			codes = append(codes, m.Criterion)
		}
		status, word := standing(c)
		if word == "" {
			word = status.Word()
		}
		lines = append(lines, []string{c.Code, text(c.Title), strings.Join(codes, " "), text(c.OwnerName), words(c.Frequency), fmt.Sprint(c.Key),
			string(c.Designed), string(c.InPlace), string(c.Evidenced), word, text(c.Why)})
	}
	return w.WriteAll(lines)
}

// text keeps a spreadsheet from running what a person typed as a formula.
func text(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// partsSaid is what the three parts say, for readers.
func partsSaid(c readiness.Control) string {
	word := map[readiness.State]string{readiness.Full: "yes", readiness.Empty: "no", readiness.Failing: "fails", readiness.Unknown: "unknown"}
	return fmt.Sprintf("Designed: %s. Implemented: %s. Evidenced: %s.", word[c.Designed], word[c.InPlace], word[c.Evidenced])
}

func criteriaLinks(list []mapping) templ.Component {
	var out []site.Link
	for _, m := range list {
		out = append(out, criterionLink(m.Criterion))
	}
	return codes(out)
}

func restOf(list []site.Link) string {
	var out []string
	for _, l := range list[3:] {
		out = append(out, l.Text)
	}
	return strings.Join(out, " ")
}
