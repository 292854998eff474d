// Package page holds the pages of sources, their runs and what they showed.
package page

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /sources", Handle: showList},
		{Pattern: "GET /sources/new", Handle: showNew},
		{Pattern: "POST /sources/new", Handle: connect},
		{Pattern: "POST /sources/try", Handle: try},
		{Pattern: "GET /sources/ingest", Handle: showIngest},
		{Pattern: "POST /sources/ingest", Handle: ingest},
		{Pattern: "GET /imports/{id}", Handle: showImport},
		{Pattern: "POST /imports/{id}", Handle: startImport},
		{Pattern: "GET /imports/{id}/progress", Handle: importProgress},
		{Pattern: "GET /imports/{id}/file", Handle: sendFile},
		{Pattern: "GET /sources/{id}", Handle: showSource},
		{Pattern: "POST /sources/{id}/collect", Handle: collect},
		{Pattern: "GET /sources/{id}/progress", Handle: showProgress},
		{Pattern: "GET /sources/{id}/remove", Handle: showRemove},
		{Pattern: "POST /sources/{id}/remove", Handle: remove},
		{Pattern: "GET /sources/{id}/edit", Handle: showEdit},
		{Pattern: "POST /sources/{id}/edit", Handle: edit},
		{Pattern: "POST /sources/{id}/pause", Handle: turn(pause)},
		{Pattern: "POST /sources/{id}/resume", Handle: turn(resume)},
		{Pattern: "POST /sources/{id}/cancel", Handle: turn(cancel)},
		{Pattern: "POST /sources/{id}/reconnect", Handle: turn(reconnect)},
		{Pattern: "GET /sources/{id}/mapping", Handle: showMapping},
		{Pattern: "POST /sources/{id}/mapping", Handle: saveMapping},
		{Pattern: "GET /sources/{id}/{kind}", Handle: showKind},
		{Pattern: "GET /sources/{id}/{kind}/{key...}", Handle: showResource},
		{Pattern: "GET /runs/{id}", Handle: showRun},
	}
}

func shell(title string, crumbs ...site.Crumb) site.Shell {
	return site.Shell{Title: title, Current: "/sources", Crumbs: append([]site.Crumb{{Text: "Sources", Href: "/sources"}}, crumbs...)}
}

// listed is the list of connected sources.
type listed struct {
	List []sources.Source
	Now  time.Time
	May  bool
}

func showList(v *site.Visit) error {
	list, err := sources.List.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	slices.SortStableFunc(list.Items, func(a, b sources.Source) int { return rank(a) - rank(b) })
	x := listed{List: list.Items, Now: v.Clock.Now(), May: v.Actor.May(auth.SourcesWrite)}
	return v.Show(site.Shell{Title: "Sources", Current: "/sources", Crumbs: []site.Crumb{{Text: "Sources"}}}, listBody(x))
}

func (x listed) sentence() string {
	n := int64(len(x.List))
	if n == 0 {
		return "No source is connected yet."
	}
	silent, blind := int64(0), int64(0)
	for _, s := range x.List {
		switch status, _ := answer(s); {
		case status == site.StatusFail:
			silent++
		case s.Latest != nil && len(s.Latest.Missing) > 0:
			blind++
		}
	}
	text := site.Capital(site.Several(int(n), "source is", "sources are")) + " connected, read-only."
	switch {
	case silent > 0:
		return text + " " + site.Capital(site.Several(int(silent), "does not answer.", "do not answer."))
	case blind > 0:
		return text + " " + site.Capital(site.Several(int(blind), "could not be read whole.", "could not be read whole."))
	}
	return text
}

func (x listed) acts() []site.ButtonView {
	if !x.May {
		return nil
	}
	return []site.ButtonView{{Text: "Hand in a file", Href: "/sources/ingest"}, {Text: "Connect a source", Kind: site.ButtonPrimary, Href: "/sources/new"}}
}

// answer is how a source stands: whether its newest run was answered.
func answer(s sources.Source) (site.Status, string) {
	switch {
	case !s.Removed.IsZero():
		return site.StatusNotApplicable, "Disconnected"
	case s.Latest == nil:
		return site.StatusNotStarted, "Not read yet"
	case s.Latest.Status == sources.RunFailed:
		return site.StatusFail, "Does not answer"
	case s.Latest.Status == sources.RunCancelled:
		return site.StatusUnknown, "Cancelled"
	case !s.Paused.IsZero():
		return site.StatusUnknown, "Paused"
	case len(s.Latest.Missing) > 0:
		return site.StatusUnknown, "Read in part"
	}
	if k, _ := sources.KindOf(s.Kind); k.Fed {
		return site.StatusPass, "Handed in"
	}
	return site.StatusPass, "Answers"
}

// rank puts what needs a person first.
func rank(s sources.Source) int {
	status, _ := answer(s)
	return slices.Index([]site.Status{site.StatusFail, site.StatusUnknown, site.StatusNotStarted, site.StatusPass, site.StatusNotApplicable}, status)
}

func (x listed) table() site.TableView {
	t := site.TableView{ID: "sources", Caption: "Sources", Columns: []site.Column{{Head: "Source", Phone: site.PlaceFirst}, {Head: "Kind"}, {Head: "What it reads", Wide: true},
		{Head: "Last read"}, {Head: "30 days", Num: true}, {Head: "Resources", Num: true}, {Head: "Blind", Num: true}, {Head: "Next", Phone: site.PlaceHidden}, {Head: "Status", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No sources yet.", Text: "A source is read, never written to. The first two need no account: this machine, and a git checkout on it."}}
	if x.May {
		t.Empty.Link = site.Link{Text: "Connect one", Href: "/sources/new"}
	}
	for _, s := range x.List {
		status, word := answer(s)
		href := "/sources/" + string(s.ID)
		last, rate, count, missing := site.Words("never"), site.Words("–"), site.Words("–"), site.Words("–")
		if !s.Health.Answered.IsZero() {
			last = site.Node(site.Age(s.Health.Answered, x.Now))
		}
		if s.Health.Runs > 0 {
			rate = site.Cell{Text: site.Count(s.Health.OK) + " of " + site.Count(s.Health.Runs), Href: href + "#runs"}
		}
		if r := s.Latest; r != nil && r.Status == sources.RunOK {
			count, missing = site.Number(r.Resources, href+"#kinds"), site.Tally(int64(len(r.Missing)), site.StatusUnknown, href+"#missing")
		}
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{{Text: s.Name, Href: href, Strong: true}, site.Words(kindWord(s.Kind)), reads(s),
			last, rate, count, missing, site.Words(next(s, x.Now)), site.Mark(status, word)}})
	}
	return t
}

// reads is what a source looks at: an address, or the files people hand in.
func reads(s sources.Source) site.Cell {
	if at := where(s); at != "" {
		return site.Cell{Text: at, Mono: true}
	}
	if k, _ := sources.KindOf(s.Kind); k.Fed {
		return site.WordsNote("", "files that are handed in")
	}
	return site.Words("–")
}

// next is when a source is read again, as its schedule has it.
func next(s sources.Source, now time.Time) string {
	switch {
	case s.Reading != nil:
		return "now"
	case !s.Paused.IsZero():
		return "paused"
	case s.Next.IsZero():
		return "–"
	case !s.Next.After(now):
		return "due now"
	}
	return "in " + site.Duration(s.Next.Sub(now).Truncate(time.Minute))
}

// kinds are those that are fed with files, or those that are not.
func kinds(all []sources.Kind, fed bool) []sources.Kind {
	return slices.DeleteFunc(slices.Clone(all), func(k sources.Kind) bool { return k.Fed != fed })
}

func kindWord(kind string) string {
	if k, known := sources.KindOf(kind); known {
		return k.Title
	}
	return kind
}

// zoneOf is where the days of the organization begin.
func zoneOf(v *site.Visit) (string, error) {
	o, err := orgs.Get.Do(v.Context(), v.Desk, op.None{})
	return o.Zone, err
}

func stop(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// rhythm says when a source is read.
func rhythm(s sources.Source) string {
	switch {
	case s.Weekday != "":
		return site.Capital(s.Weekday) + "s at " + s.At
	case s.At != "":
		return "daily at " + s.At
	}
	return every(s.Every)
}

// every says how often a source is read.
func every(minutes int64) string {
	switch minutes {
	case 0:
		return "read when a file is handed in"
	case 1440:
		return "daily"
	}
	return "every " + site.Duration(time.Duration(minutes)*time.Minute)
}

func keyPath(source, kind, key string) string {
	return fmt.Sprintf("/sources/%s/%s/%s", source, kind, url.PathEscape(key))
}
