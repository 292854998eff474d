// Package page holds the pages that say where the organization stands: home,
// the criteria, what there is to do, and where the figures come from.
package page

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /{$}", Open: true, Handle: showHome},
		{Pattern: "GET /criteria", Handle: showCriteria},
		{Pattern: "GET /criteria/{id}", Handle: showCriterion},
		{Pattern: "GET /figures", Handle: showFigures},
		{Pattern: "GET /readiness", Handle: showWay},
		{Pattern: "GET /since", Handle: showSince},
		{Pattern: "GET /work", Handle: showWork},
	}
}

// picture is the state of things with what a page needs to speak of it.
type picture struct {
	Then time.Time // the instant it is of; zero is now
	readiness.Picture
	Org  orgs.Org
	Zone *time.Location
	Me   auth.Actor
	// Sources are the connected ones; nil for who may not see them.
	Sources []sources.Source
}

func readPicture(v *site.Visit) (picture, error) { return readPictureAt(v, time.Time{}) }

// readThen reads the picture of the day that the page is asked to speak of.
func readThen(v *site.Visit) (picture, error) {
	then, err := v.AsOf()
	if err != nil {
		return picture{}, err
	}
	return readPictureAt(v, then)
}

func readPictureAt(v *site.Visit, then time.Time) (picture, error) {
	p := picture{Me: v.Actor, Zone: time.UTC, Then: then}
	var err error
	if p.Then.IsZero() {
		p.Picture, err = readiness.Get.Do(v.Context(), v.Desk, op.None{})
	} else {
		p.Picture, err = readiness.Past.Do(v.Context(), v.Desk, readiness.Instant{AsOf: p.Then})
	}
	if err != nil {
		return p, err
	}
	if p.Org, err = orgs.Get.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return p, err
	}
	p.Zone = clock.Zone(p.Org.Zone)
	if !v.Actor.May(auth.SourcesRead) || !p.Then.IsZero() {
		return p, nil
	}
	list, err := sources.List.Do(v.Context(), v.Desk, op.None{})
	p.Sources = list.Items
	return p, err
}

// looked reports whether any source was ever asked.
func (p picture) looked() bool {
	return slices.ContainsFunc(p.Sources, func(s sources.Source) bool { return s.Latest != nil })
}

// answering counts the sources whose newest reading went well and is not older
// than the checks that rest on it, or the rhythm of its files, allow.
func (p picture) answering() (n int) {
	var silent []string
	for _, a := range p.Actions {
		silent = append(silent, a.Silent...)
	}
	for _, s := range p.Sources {
		if s.Latest != nil && s.Latest.Status == sources.RunOK && !s.Overdue && !slices.Contains(silent, s.Name) {
			n++
		}
	}
	return n
}

// seen counts what the sources showed when they were last read.
func (p picture) seen() (n int64) {
	for _, s := range p.Sources {
		if s.Latest != nil {
			n += s.Latest.Resources
		}
	}
	return n
}

// today is the day it is for the organization, as the pages write it.
func (p picture) today() time.Time { return p.At.In(p.Zone) }

// day is today as a civil date.
func (p picture) day() string { return p.today().Format(time.DateOnly) }

// period is the first and the last day of a Type II scope, and whether both
// are decided.
func (p picture) period() (from, to time.Time, ok bool) {
	s := p.Scope
	if s.Type != scopes.TypeII {
		return from, to, false
	}
	from, err1 := time.ParseInLocation(time.DateOnly, s.Starts, p.Zone)
	to, err2 := time.ParseInLocation(time.DateOnly, s.Ends, p.Zone)
	return from, to, err1 == nil && err2 == nil
}

// scopeText says what is examined: "Type II, 1 January to 31 December 2026".
func (p picture) scopeText() string {
	s := p.Scope
	if !s.Decided() {
		return "No scope decided yet"
	}
	if from, to, ok := p.period(); ok {
		first := from.Format("2 January 2006")
		if from.Year() == to.Year() {
			first = from.Format("2 January")
		}
		return "Type II, " + first + " to " + to.Format("2 January 2006")
	}
	if s.Type == scopes.TypeII {
		return "Type II, no dates yet"
	}
	if day, err := time.Parse(time.DateOnly, s.AsOf); err == nil {
		return "Type I, as of " + day.Format("2 January 2006")
	}
	return "Type I, no date yet"
}

// left says how far the period or the date is.
func (p picture) left() string {
	y, m, d := p.today().Date()
	today := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	days := func(s string) (int, bool) {
		t, err := time.Parse(time.DateOnly, s)
		return int(t.Sub(today).Hours() / 24), err == nil
	}
	if p.Scope.Type == scopes.TypeI {
		n, ok := days(p.Scope.AsOf)
		switch {
		case !ok:
			return ""
		case n < 0:
			return "the date was " + site.Plural(int64(-n), "day", "days") + " ago"
		}
		return site.Plural(int64(n), "day", "days") + " left"
	}
	first, ok1 := days(p.Scope.Starts)
	last, ok2 := days(p.Scope.Ends)
	switch {
	case !ok1 || !ok2:
		return ""
	case first > 0:
		return "begins in " + site.Plural(int64(first), "day", "days")
	case last < 0:
		return "ended " + site.Plural(int64(-last), "day", "days") + " ago"
	}
	return site.Plural(int64(last), "day", "days") + " left"
}

// Addresses of what the figures count.
func criterionHref(code string) string { return "/criteria/" + code }
func controlHref(code string) string   { return "/controls/" + code }
func checkHref(id string) string       { return "/checks/" + id }

// statusOf is how the pages draw what a check says.
func statusOf(s checks.Status) site.Status {
	switch s {
	case checks.Pass, checks.Fail, checks.Unknown, checks.Excepted, checks.NotApplicable:
		return site.Status(s)
	}
	return site.StatusUnknown
}

// verdictStatus is how a criterion as a whole is drawn. Not ready is said as not
// met or not started, because only the first is a failure.
func verdictStatus(v readiness.Verdict) (site.Status, string) {
	switch v {
	case readiness.Ready:
		return site.StatusPass, "Ready"
	case readiness.NotReady:
		return site.StatusFail, "Not met"
	case readiness.NotKnown:
		return site.StatusUnknown, "Unknown"
	case readiness.NotStarted:
		return site.StatusNotStarted, "Not started"
	}
	return site.StatusNotApplicable, "Not selected"
}

// The three parts of a control or criterion, in order.
const (
	designed = iota
	implemented
	evidenced
)

// partWords say a part that is there, and one that is not.
var partWords = [3][2]string{{"Designed", "Not designed"}, {"Implemented", "Not implemented"}, {"Evidenced", "No evidence"}}

// partMark is one of the three parts in a table. It is said in full, because on
// a phone no head stands above it.
func partMark(part int, s readiness.State) site.Cell {
	switch s {
	case readiness.Full:
		return site.Mark(site.StatusPass, partWords[part][0])
	case readiness.Failing:
		return site.Mark(site.StatusFail, "Fails")
	case readiness.Unknown:
		return site.Mark(site.StatusUnknown, "Unknown")
	}
	return site.Mark(site.StatusNotStarted, partWords[part][1])
}

func segment(s readiness.State) site.Segment {
	switch s {
	case readiness.Full:
		return site.SegmentFull
	case readiness.Failing:
		return site.SegmentFail
	case readiness.Unknown:
		return site.SegmentUnknown
	}
	return site.SegmentEmpty
}

func cellState(v readiness.Verdict) site.CellState {
	switch v {
	case readiness.Ready:
		return site.CellReady
	case readiness.NotKnown:
		return site.CellUnknown
	case readiness.NotStarted:
		return site.CellNotStarted
	}
	return site.CellNotMet
}

// phrase starts with a capital and ends without a stop, as rows do.
func phrase(s string) string { return site.Capital(strings.TrimSuffix(strings.TrimSpace(s), ".")) }

func sentence(s string) string {
	if s = phrase(s); s == "" {
		return ""
	}
	return s + "."
}

// firstLine is a text up to its first line break: fixes go on with commands.
func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}

// order is how actions stand that settle as much: those nobody owns first.
func order(list []readiness.Action) []readiness.Action {
	out := slices.Clone(list)
	same := func(a, b readiness.Action) bool {
		return a.Kind == b.Kind && a.Beside == b.Beside && a.Severity == b.Severity && len(a.Settles) == len(b.Settles)
	}
	for i := 0; i < len(out); {
		j := i + 1
		for j < len(out) && same(out[i], out[j]) {
			j++
		}
		slices.SortStableFunc(out[i:j], func(a, b readiness.Action) int {
			return cmp.Compare(min(len(a.Owner), 1), min(len(b.Owner), 1))
		})
		i = j
	}
	return out
}

// mostSettled is how many criteria a row names before it counts the rest.
const mostSettled = 5

// act is a row of what settles something: the view, and what was found.
type act struct {
	site.ActionView
	Found  string
	Beside bool // it changes no verdict
}

// row is an action as the lists show it.
func row(a readiness.Action, today string) act {
	out := act{Beside: a.Beside, ActionView: site.ActionView{Text: imperative(firstLine(a.Text), a.How), Owner: a.Owner, Status: site.StatusNotStarted}, Found: strings.TrimSuffix(firstLine(a.Finding), ".")}
	if a.Status == checks.Fail || a.Status == checks.Unknown || a.Status == checks.Excepted {
		out.Status = statusOf(a.Status)
	}
	if a.Due != "" {
		out.Due, out.Overdue = site.DueText(a.Due, today), a.Due <= today
	}
	if out.Found == out.Text {
		out.Found = ""
	}
	switch {
	case a.Kind == readiness.Adopt && strings.HasPrefix(a.Text, "Adopt"):
		out.Href = "/controls/library?proposed=1"
	case a.Kind == readiness.Adopt:
		out.Href = "/controls/library"
	case a.Exception != "":
		out.Href = "/exceptions/" + a.Exception
	case len(a.Silent) > 1:
		out.Href = "/sources"
	case a.Check != "":
		out.Href = checkHref(a.Check)
	default:
		out.Href = controlHref(a.Control)
	}
	for i, code := range a.Settles {
		if i == mostSettled {
			out.Settles = append(out.Settles, site.Link{Text: "and " + site.Count(len(a.Settles)-i) + " more", Href: out.Href})
			break
		}
		out.Settles = append(out.Settles, site.Link{Text: code, Href: criterionHref(code)})
	}
	return out
}

// imperative words an act. A remedy that begins with a small letter is a
// command.
func imperative(s, remedy string) string {
	if r, _ := utf8.DecodeRuneInString(remedy); unicode.IsLower(r) {
		return "Run " + s
	}
	return phrase(s)
}

func rows(list []readiness.Action, today string) []act {
	out := make([]act, 0, len(list))
	for _, a := range list {
		out = append(out, row(a, today))
	}
	return out
}

// figures is where the figures are explained; those of another day are made in
// the same way, but the page counts what is now.
func (p picture) figures() string {
	if p.Then.IsZero() {
		return "/figures"
	}
	return ""
}
