// Package page holds the pages of sources, their runs and what they showed.
package page

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /sources", Handle: showList},
		{Pattern: "GET /sources/new", Handle: showNew},
		{Pattern: "POST /sources/new", Handle: connect},
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
	text := site.Plural(n, "source is", "sources are") + " connected, read-only."
	switch {
	case silent > 0:
		return text + " " + site.Plural(silent, "does not answer.", "do not answer.")
	case blind > 0:
		return text + " " + site.Plural(blind, "could not be read whole.", "could not be read whole.")
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
	case len(s.Latest.Missing) > 0:
		return site.StatusUnknown, "Read in part"
	}
	return site.StatusPass, "Answers"
}

func (x listed) table() site.TableView {
	t := site.TableView{ID: "sources", Caption: "Sources", Columns: []site.Column{{Head: "Source", Phone: site.PlaceFirst}, {Head: "Kind"}, {Head: "What it reads", Wide: true},
		{Head: "Last run"}, {Head: "Resources", Num: true}, {Head: "Not readable", Num: true}, {Head: "Next"}, {Head: "Status", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No sources yet.", Text: "A source is read, never written to. The first two need no account: this machine, and a git checkout on it."}}
	if x.May {
		t.Empty.Link = site.Link{Text: "Connect one", Href: "/sources/new"}
	}
	for _, s := range x.List {
		status, word := answer(s)
		href := "/sources/" + string(s.ID)
		last, count, missing := site.Words("–"), site.Words("–"), site.Words("–")
		if r := s.Latest; r != nil {
			last = site.Node(site.Age(r.Ended, x.Now))
			if r.Status == sources.RunOK {
				count, missing = site.Number(r.Resources, href+"#kinds"), site.Tally(int64(len(r.Missing)), site.StatusUnknown, href+"#missing")
			}
		}
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{{Text: s.Name, Href: href, Strong: true}, site.Words(kindWord(s.Kind)), {Text: where(s), Mono: true},
			last, count, missing, site.Words(next(s, x.Now)), site.Mark(status, word)}})
	}
	return t
}

// next is when a source is read again, as its schedule has it.
func next(s sources.Source, now time.Time) string {
	at := due(s)
	if !s.Removed.IsZero() || at.IsZero() {
		return "–"
	}
	if !at.After(now) {
		return "due now"
	}
	return "in " + site.Duration(at.Sub(now).Truncate(time.Minute))
}

func due(s sources.Source) time.Time {
	every := time.Duration(s.Every) * time.Minute
	if every <= 0 {
		return time.Time{}
	}
	if s.Latest == nil {
		return s.Created.Add(every)
	}
	return s.Latest.Ended.Add(every)
}

func kindWord(kind string) string {
	switch kind {
	case "git":
		return "git repository"
	case "host":
		return "Linux machine"
	}
	return kind
}

func stop(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
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
