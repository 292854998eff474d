// Package page holds the pages of checks: what they say, why, and what to do
// about it.
package page

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/site"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /checks", Handle: showList},
		{Pattern: "GET /checks/new", Handle: showNew},
		{Pattern: "POST /checks/new", Handle: write},
		{Pattern: "GET /checks/export", Handle: exportChecks},
		{Pattern: "GET /checks/import", Handle: showImport},
		{Pattern: "POST /checks/import", Handle: importChecks},
		{Pattern: "GET /checks/{id}", Handle: showCheck},
		{Pattern: "GET /checks/{id}/edit", Handle: showEdit},
		{Pattern: "POST /checks/{id}/edit", Handle: write},
		{Pattern: "POST /checks/{id}/judge", Handle: judgeAgain},
		{Pattern: "GET /checks/{id}/versions", Handle: showVersions},
		{Pattern: "GET /checks/{id}/retire", Handle: showRetire},
		{Pattern: "POST /checks/{id}/retire", Handle: retire},
		{Pattern: "GET /checks/{id}/restore", Handle: showRestore},
		{Pattern: "POST /checks/{id}/restore", Handle: restore},
		{Pattern: "GET /checks/{id}/adjust", Handle: showAdjust},
		{Pattern: "POST /checks/{id}/adjust", Handle: adjust},
		{Pattern: "GET /coverage", Handle: showCoverage},
		{Pattern: "POST /checks/{id}/except", Handle: except},
		{Pattern: "GET /exceptions", Handle: showExceptions},
		{Pattern: "POST /exceptions/{id}/approve", Handle: approve},
		{Pattern: "GET /exceptions/{id}/end", Handle: showEnd},
		{Pattern: "POST /exceptions/{id}/end", Handle: end},
	}
}

func shell(title string, crumbs ...site.Crumb) site.Shell {
	return site.Shell{Title: title, Current: "/checks", Crumbs: append([]site.Crumb{{Text: "Checks", Href: "/checks"}}, crumbs...)}
}

func address(path string, q url.Values) string {
	for k, v := range q {
		if len(v) == 0 || v[0] == "" {
			q.Del(k)
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// listed is the list of checks under filters.
type listed struct {
	All                             []checks.Check
	Looked, Blind                   []checks.Check // that fit; that no source answers
	Status, Severity, Kind, Control string
	Kinds                           []string
	Off                             []checks.Check // out of force
	May                             bool
}

func showList(v *site.Visit) error {
	q := v.R.URL.Query()
	x := listed{Status: q.Get("status"), Severity: q.Get("severity"), Kind: q.Get("kind"), Control: q.Get("control"), May: v.Actor.May(auth.ChecksWrite)}
	list, err := checks.List.Do(v.Context(), v.Desk, checks.Filter{})
	if err != nil {
		return err
	}
	x.All = list.Items
	off, err := checks.List.Do(v.Context(), v.Desk, checks.Filter{Off: true})
	if err != nil {
		return err
	}
	x.Off = off.Items
	for _, c := range x.All {
		if !slices.Contains(x.Kinds, c.Kind) {
			x.Kinds = append(x.Kinds, c.Kind)
		}
		if !x.fits(c) {
			continue
		}
		if c.Looked {
			x.Looked = append(x.Looked, c)
		} else if x.Status == "" {
			x.Blind = append(x.Blind, c)
		}
	}
	slices.Sort(x.Kinds)
	return v.Show(site.Shell{Title: "Checks", Current: "/checks", Crumbs: []site.Crumb{{Text: "Checks"}}}, listBody(x))
}

func (x listed) fits(c checks.Check) bool {
	return (x.Status == "" || string(c.Status) == x.Status) && (x.Severity == "" || c.Severity == x.Severity) && (x.Kind == "" || c.Kind == x.Kind) &&
		(x.Control == "" || slices.Contains(c.Controls, x.Control))
}

func (x listed) filtered() bool { return x.Status+x.Severity+x.Kind+x.Control != "" }

// count is how many checks that some source answers say this.
func (x listed) count(s checks.Status) int64 {
	n := int64(0)
	for _, c := range x.All {
		if c.Looked && c.Status == s {
			n++
		}
	}
	return n
}

func (x listed) answered() int64 {
	n := int64(0)
	for _, c := range x.All {
		if c.Looked {
			n++
		}
	}
	return n
}

func (x listed) sentence() string {
	n := x.answered()
	if n == 0 {
		return fmt.Sprintf("%s are ready. No source answers one yet.", site.Plural(int64(len(x.All)), "check", "checks"))
	}
	fail, unknown := x.count(checks.Fail), x.count(checks.Unknown)
	text := site.Plural(n, "check is", "checks are") + " answered."
	if n > 1 && fail == 0 && unknown == 0 {
		return text + " None fails."
	}
	switch {
	case fail > 0 && unknown > 0:
		return fmt.Sprintf("%s %s, and %s cannot be known.", text, site.Plural(fail, "fails", "fail"), site.Count(unknown))
	case fail > 0:
		return fmt.Sprintf("%s %s.", text, site.Plural(fail, "fails", "fail"))
	}
	return fmt.Sprintf("%s %s cannot be known.", text, site.Count(unknown))
}

func (x listed) facts() []site.Fact {
	facts := []site.Fact{}
	if blind := int64(len(x.All)) - x.answered(); blind > 0 {
		facts = append(facts, site.Fact{Text: site.Count(blind) + " more have no source that answers them", Href: "#blind"})
	}
	facts = append(facts, site.Fact{Text: "Exceptions", Href: "/exceptions"})
	if slices.ContainsFunc(x.All, func(c checks.Check) bool { return c.Own }) {
		facts = append(facts, site.Fact{Text: "Your own as a file", Href: "/checks/export"})
	}
	if len(x.Off) > 0 {
		facts = append(facts, site.Fact{Text: site.Count(int64(len(x.Off))) + " out of force", Href: "#off"})
	}
	return facts
}

func (x listed) acts() []site.ButtonView {
	if !x.May {
		return nil
	}
	return []site.ButtonView{{Text: "Take in a file", Href: "/checks/import"}, {Text: "Write a check", Href: "/checks/new"}}
}

func (x listed) with(name, value string) string {
	q := url.Values{"status": {x.Status}, "severity": {x.Severity}, "kind": {x.Kind}, "control": {x.Control}}
	q.Set(name, value)
	return address("/checks", q)
}

// statuses in the order of every table.
var statuses = []checks.Status{checks.Fail, checks.Unknown, checks.Excepted, checks.Pass, checks.NotApplicable}

func (x listed) chips() []site.Chip {
	var out []site.Chip
	for _, s := range statuses {
		n := x.count(s)
		if n == 0 && string(s) != x.Status {
			continue
		}
		out = append(out, x.chip(site.Status(s).Word()+" "+site.Count(n), "status", string(s), x.Status))
	}
	for _, s := range []string{"high", "medium", "low"} {
		out = append(out, x.chip(site.Capital(s), "severity", s, x.Severity))
	}
	if x.Kind != "" {
		out = append(out, site.Chip{Text: "About " + x.Kind, Href: x.with("kind", "")})
	}
	if x.Control != "" {
		out = append(out, site.Chip{Text: "For " + x.Control, Href: x.with("control", "")})
	}
	return out
}

func (x listed) chip(text, name, value, now string) site.Chip {
	if value == now {
		return site.Chip{Text: text, Href: x.with(name, "")}
	}
	return site.Chip{Text: text, Href: x.with(name, value), Add: true}
}

func (x listed) table() site.TableView {
	t := site.TableView{ID: "checks", Caption: "Checks that a source answers", Filters: x.chips(), More: listMore(x),
		Columns: []site.Column{{Head: "Check", Mono: true, Phone: site.PlaceFirst}, {Head: "What it says", Wide: true, Phone: site.PlaceFirst},
			{Head: "Severity"}, {Head: "Controls"}, {Head: "Criteria"}, {Head: "Sources", Phone: site.PlaceHidden}, {Head: "Status", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No check fits.", Text: "Remove a filter to see more.", Link: site.Link{Text: "Show all", Href: "/checks"}}}
	if x.answered() == 0 && !x.filtered() {
		t.Filters, t.More = nil, nil
		t.Empty = site.EmptyView{Title: "Nothing is answered yet.", Text: "A source has to be read first.", Link: site.Link{Text: "Connect a source", Href: "/sources"}}
	}
	for _, c := range x.Looked {
		t.Rows = append(t.Rows, site.Row{Href: "/checks/" + c.ID, Cells: []site.Cell{site.ID(c.ID, "/checks/"+c.ID), site.Words(says(c)),
			site.Words(site.Capital(c.Severity)), site.Node(codes(controlLinks(c))), site.Node(codes(criterionLinks(c))), site.Words(sourceNames(c)), mark(c)}})
	}
	if len(t.Rows) > 0 {
		t.Pager = site.PagerView{Shown: int64(len(t.Rows)), Of: int64(len(t.Rows))}
	}
	return t
}

func (x listed) blindTable() site.TableView {
	t := site.TableView{Caption: "Checks that no source answers", Columns: []site.Column{{Head: "Check", Mono: true, Phone: site.PlaceFirst},
		{Head: "What it would say", Wide: true, Phone: site.PlaceFirst}, {Head: "Reads"}, {Head: "Controls"}, {Head: "Criteria"}}}
	for _, c := range x.Blind {
		t.Rows = append(t.Rows, site.Row{Href: "/checks/" + c.ID, Cells: []site.Cell{site.ID(c.ID, "/checks/"+c.ID), site.Words(c.Title),
			{Text: c.Kind, Mono: true}, site.Node(codes(controlLinks(c))), site.Node(codes(criterionLinks(c)))}})
	}
	return t
}

func (x listed) offTable() site.TableView {
	t := site.TableView{Caption: "Checks out of force", Columns: []site.Column{{Head: "Check", Mono: true, Phone: site.PlaceFirst}, {Head: "What it would say", Wide: true, Phone: site.PlaceFirst}, {Head: "Reads"}}}
	for _, c := range x.Off {
		at := "/checks/" + c.ID + "/versions"
		t.Rows = append(t.Rows, site.Row{Href: at, Cells: []site.Cell{site.ID(c.ID, at), site.Words(c.Title), {Text: c.Kind, Mono: true}}})
	}
	return t
}

// mark is the status of a check; an exception says until when.
func mark(c checks.Check) site.Cell {
	return site.Mark(site.Status(c.Status), statusWord(c))
}

func statusWord(c checks.Check) string {
	if c.Status == checks.Excepted && !c.Until.IsZero() {
		return "Excepted until " + site.DayMonth(c.Until)
	}
	return ""
}

// says is what a check says now, or what should be true.
func says(c checks.Check) string {
	switch {
	case c.Status == checks.Unknown && c.Reason != "":
		return site.Capital(c.Reason)
	case c.Status == checks.Fail && c.Summary != "", c.Status == checks.Excepted && c.Summary != "":
		return sentenceOf(c.Status, c.Summary)
	}
	return c.Title
}

func sourceNames(c checks.Check) string {
	var out []string
	for _, a := range c.Sources {
		out = append(out, a.Name)
	}
	if len(out) > 2 {
		return site.Plural(int64(len(out)), "source", "sources")
	}
	return strings.Join(out, ", ")
}

func controlLinks(c checks.Check) []site.Link {
	var out []site.Link
	for _, code := range c.Controls {
		out = append(out, site.Link{Text: code, Href: "/library/" + code})
	}
	return out
}

func criterionLinks(c checks.Check) []site.Link {
	var out []site.Link
	for _, m := range c.Map {
		out = append(out, site.Link{Text: m.Criterion, Href: "/criteria/" + m.Criterion})
	}
	return out
}

func stop(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}
