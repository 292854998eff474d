// Package page holds the pages of checks: what they say, why, and what to do
// about it.
package page

import (
	"net/url"
	"strings"

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
		{Pattern: "POST /exceptions/end", Handle: endChosen},
		{Pattern: "GET /exceptions/{id}", Handle: showException},
		{Pattern: "POST /exceptions/{id}/renew", Handle: renew},
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
		out = append(out, site.Link{Text: code, Href: "/controls/" + code})
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
