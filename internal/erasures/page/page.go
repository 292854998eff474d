// Package page holds the pages about erasing, holding and keeping.
package page

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/erasures"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/site"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /erasures", Handle: showList},
		{Pattern: "GET /erasures/new", Handle: showNew},
		{Pattern: "POST /erasures/new", Handle: ask},
		{Pattern: "GET /erasures/{id}", Handle: showOne},
		{Pattern: "POST /erasures/{id}/approve", Handle: approve},
		{Pattern: "POST /erasures/{id}/refuse", Handle: refuse},
		{Pattern: "GET /holds", Handle: showHolds},
		{Pattern: "POST /holds", Handle: place},
		{Pattern: "GET /holds/{id}", Handle: showHold},
		{Pattern: "POST /holds/{id}", Handle: release},
		{Pattern: "GET /retention", Handle: showPolicy},
		{Pattern: "POST /retention", Handle: setPolicy},
		{Pattern: "GET /retention/due", Handle: showDue},
		{Pattern: "POST /retention/due", Handle: choose},
	}
}

func shell(title string, crumbs ...site.Crumb) site.Shell {
	return site.Shell{Title: title, Current: "/erasures", Crumbs: append([]site.Crumb{{Text: "Erasure", Href: "/erasures"}}, crumbs...)}
}

// tabs are the four pages of the area.
func tabs(current string) []site.TabView {
	out := []site.TabView{{Text: "Erasures", Href: "/erasures"}, {Text: "Holds", Href: "/holds"},
		{Text: "Retention", Href: "/retention"}, {Text: "Due", Href: "/retention/due"}}
	for i := range out {
		out[i].Current = out[i].Href == current
	}
	return out
}

// basis is a ground for erasing in words.
func basis(name string) string { return site.Capital(erasures.Bases[name]) }

// order in which grounds are offered.
var order = []string{"data_subject_request", "retention_ended", "recorded_in_error", "court_order"}

func bases(chosen string) []site.Option {
	var out []site.Option
	for _, name := range order {
		out = append(out, site.Option{Value: name, Text: basis(name), Chosen: name == chosen})
	}
	return out
}

// pending is what waits for a second person.
type pending struct {
	Approvers []auth.Approver
	AloneFrom time.Time
	Asker     id.User
	Me        id.User
	Now       time.Time
}

// may reports whether the visitor may agree now.
func (p pending) may() bool {
	return !p.Now.Before(p.AloneFrom) && slices.ContainsFunc(p.Approvers, func(a auth.Approver) bool { return a.ID == p.Me })
}

// waitsFor says who must agree.
func (p pending) waitsFor() string {
	mine := p.Asker == p.Me
	switch {
	case len(p.Approvers) == 0:
		return "Nobody here may approve it."
	case p.AloneFrom.IsZero() && p.may():
		return "You may approve it: somebody else asked."
	case p.AloneFrom.IsZero():
		return "It waits for " + either(p.Approvers) + "."
	case p.may():
		return "Nobody else here may approve it, so you may. The log will say that you were alone."
	case mine:
		return "In " + site.Duration(p.AloneFrom.Sub(p.Now)) + " you may approve it yourself: nobody else here may."
	case p.Now.Before(p.AloneFrom):
		return "In " + site.Duration(p.AloneFrom.Sub(p.Now)) + " " + either(p.Approvers) + " may approve it alone: nobody else here may."
	}
	return "It waits for " + either(p.Approvers) + ", who asked: nobody else here may approve it."
}

func either(list []auth.Approver) string { return auth.Second{Approvers: list}.Names() }

func address(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// words splits what a person typed into a list.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' || r == ';' })
}

// plain is a number in an address or a field.
func plain(n int64) string { return strconv.FormatInt(n, 10) }
