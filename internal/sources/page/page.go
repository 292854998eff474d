// Package page holds the pages of sources, their runs and what they showed.
package page

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/clock"
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
		{Pattern: "POST /imports/{id}/cancel", Handle: cancelImport},
		{Pattern: "POST /imports/{id}/retry", Handle: retryImport},
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
	site.Listing[sources.Source]
	List []sources.Source
	Old  old
	Now  time.Time
	Zone *time.Location
	May  bool
}

func showList(v *site.Visit) error {
	list, err := sources.List.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	x := listed{List: list.Items, Now: v.Clock.Now(), May: v.Actor.May(auth.SourcesWrite)}
	zone, err := zoneOf(v)
	if err != nil {
		return err
	}
	x.Zone = clock.Zone(zone)
	if x.Old, err = tooOld(v); err != nil {
		return err
	}
	if x.Listing, err = x.list().Open(v); err != nil || x.Done {
		return err
	}
	return v.Show(site.Shell{Title: "Sources", Current: "/sources", Crumbs: []site.Crumb{{Text: "Sources"}}}, listBody(x))
}

func (x listed) sentence() string {
	n := int64(len(x.List))
	if n == 0 {
		return "No source is connected yet."
	}
	silent, late, gone, blind := int64(0), int64(0), int64(0), int64(0)
	for _, s := range x.List {
		switch status, word := x.Old.answer(s); {
		case word == silence:
			gone++
		case word == overdue:
			late++
		case status == site.StatusFail:
			silent++
		case s.Latest != nil && len(s.Latest.Missing) > 0:
			blind++
		}
	}
	text := site.Capital(site.Several(int(n), "source is", "sources are")) + " connected, read-only."
	if silent > 0 {
		text += " " + site.Capital(site.Several(int(silent), "does not answer.", "do not answer."))
	}
	if late > 0 {
		text += " " + site.Capital(site.Several(int(late), "waits for a file that is overdue.", "wait for files that are overdue."))
	}
	if gone > 0 {
		text += " " + site.Capital(site.Several(gone, "was not heard of for too long.", "were not heard of for too long."))
	}
	switch {
	case silent+late+gone > 0:
		return text
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

// old are the names of the sources whose newest answer is older than the checks
// that rest on it allow.
type old map[string]bool

// tooOld asks on the machine's behalf: whoever keeps the sources is to see that
// one is silent, also where the checks themselves are not theirs to read.
func tooOld(v *site.Visit) (old, error) {
	out := old{}
	list, err := checks.List.Do(v.Context(), v.Machine(v.Org, "sources", auth.ChecksRead), checks.Filter{})
	for _, c := range list.Items {
		for _, name := range c.Silent() {
			out[name] = true
		}
	}
	return out, err
}

// answer is how a source stands: whether its newest run was answered, and
// whether that is recent enough.
func (o old) answer(s sources.Source) (site.Status, string) {
	switch {
	case !s.Removed.IsZero():
		return site.StatusNotApplicable, "Disconnected"
	case s.Latest != nil && s.Latest.Status == sources.RunFailed:
		return site.StatusFail, "Does not answer"
	case s.Overdue:
		return site.StatusFail, overdue
	case s.Latest == nil:
		return site.StatusNotStarted, "Not read yet"
	case s.Latest.Status == sources.RunCancelled:
		return site.StatusUnknown, "Cancelled"
	case !s.Paused.IsZero():
		return site.StatusUnknown, "Paused"
	case o[s.Name]:
		return site.StatusUnknown, silence
	case len(s.Latest.Missing) > 0:
		return site.StatusUnknown, "Read in part"
	}
	if k, _ := sources.KindOf(s.Kind); k.Fed {
		return site.StatusPass, "Handed in"
	}
	return site.StatusPass, "Answers"
}

// silence is the word for a source that checks have not heard of for too long.
const silence = "Silent"

// overdue is the word for a source whose next file did not come in time.
const overdue = "File overdue"

// rank puts what needs a person first.
func (o old) rank(s sources.Source) int {
	status, _ := o.answer(s)
	return slices.Index([]site.Status{site.StatusFail, site.StatusUnknown, site.StatusNotStarted, site.StatusPass, site.StatusNotApplicable}, status)
}

// list says what the list is made of: few enough to be read whole.
func (x listed) list() site.List[sources.Source] {
	type row = sources.Source
	href := func(s row) string { return "/sources/" + string(s.ID) }
	read := func(s row) bool { return s.Latest != nil && s.Latest.Status == sources.RunOK }
	l := site.List[row]{
		Name: "sources", Caption: "Sources", One: "source", Many: "sources", Find: "Find in sources", Sort: "status",
		Columns: []site.Col[row]{
			{ID: "source", Head: "Source", Phone: site.PlaceFirst, Fixed: true, Sorts: true, Cell: func(s row) site.Cell {
				return site.Cell{Text: s.Name, Note: kindWord(s.Kind), Href: href(s), Strong: true}
			}, Text: func(s row) any { return s.Name }},
			{ID: "kind", Head: "Kind", Spare: true, Sorts: true, Cell: func(s row) site.Cell { return site.Words(kindWord(s.Kind)) }},
			{ID: "reads", Head: "What it reads", Wide: true, Cell: reads, Text: func(s row) any { return where(s) }},
			{ID: "answered", Head: "Last answered", Sorts: true, Cell: func(s row) site.Cell {
				if s.Health.Answered.IsZero() {
					return site.Words("never")
				}
				return site.Node(site.Age(s.Health.Answered, x.Now))
			}, Text: func(s row) any { return moment(s.Health.Answered) }},
			{ID: "runs", Head: "30 days", Num: true, Cell: func(s row) site.Cell {
				if s.Health.Runs == 0 {
					return site.Words("–")
				}
				return site.Cell{Text: site.Count(s.Health.OK) + " of " + site.Count(s.Health.Runs), Href: href(s) + "#runs"}
			}},
			{ID: "resources", Head: "Resources", Num: true, Sorts: true, Cell: func(s row) site.Cell {
				if !read(s) {
					return site.Words("–")
				}
				return site.Number(s.Latest.Resources, href(s)+"#kinds")
			}, Text: func(s row) any {
				if !read(s) {
					return ""
				}
				return s.Latest.Resources
			}},
			{ID: "blind", Head: "Blind", Num: true, Cell: func(s row) site.Cell {
				if !read(s) {
					return site.Words("–")
				}
				return site.Tally(int64(len(s.Latest.Missing)), site.StatusUnknown, href(s)+"#missing")
			}},
			{ID: "rhythm", Head: "Read", Spare: true, Cell: func(s row) site.Cell { return site.Words(site.Capital(rhythm(s))) }},
			{ID: "connected", Head: "Connected", Spare: true, Sorts: true, Cell: func(s row) site.Cell { return site.Node(site.Moment(s.Created)) }, Text: func(s row) any { return moment(s.Created) }},
			{ID: "next", Head: "Next", Phone: site.PlaceHidden, Cell: func(s row) site.Cell { return site.Words(x.soon(s)) }},
			{ID: "status", Head: "Status", Phone: site.PlaceEnd, Fixed: true, Sorts: true, Cell: func(s row) site.Cell { return site.Mark(x.Old.answer(s)) }},
		},
		Filters: []site.Filter{{Name: "status", Label: "Status", Options: x.words(), Chips: true}, {Name: "kind", Label: "Kind", Options: x.kinds()}},
		Row:     func(s row) site.Row { return site.Row{Href: href(s)} },
		Fetch:   func(a site.Ask) (op.Page[row], error) { return x.fetch(a), nil },
		None:    site.EmptyView{Title: "No sources yet.", Text: "A source is read, never written to. The first two need no account: this machine, and a git checkout on it."},
	}
	if x.May {
		l.None.Link = site.Link{Text: "Connect one", Href: "/sources/new"}
	}
	return l
}

func (x listed) fetch(a site.Ask) op.Page[sources.Source] {
	order := map[string]func(a, b sources.Source) int{
		"source":    func(a, b sources.Source) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) },
		"kind":      func(a, b sources.Source) int { return cmp.Compare(kindWord(a.Kind), kindWord(b.Kind)) },
		"answered":  func(a, b sources.Source) int { return a.Health.Answered.Compare(b.Health.Answered) },
		"resources": func(a, b sources.Source) int { return cmp.Compare(seenBy(a), seenBy(b)) },
		"connected": func(a, b sources.Source) int { return a.Created.Compare(b.Created) },
		"status":    func(a, b sources.Source) int { return x.Old.rank(a) - x.Old.rank(b) },
	}[a.Sort]
	return site.Among(a, x.List, func(s sources.Source) bool {
		_, word := x.Old.answer(s)
		return (a.Filter("status") == "" || a.Filter("status") == word) && (a.Filter("kind") == "" || a.Filter("kind") == s.Kind) && a.Holds(s.Name, kindWord(s.Kind), where(s))
	}, order, func(s sources.Source) string { return string(s.ID) })
}

// words are the ways in which sources stand, with how many do.
func (x listed) words() []site.Option {
	var out []site.Option
	for _, s := range x.List {
		_, word := x.Old.answer(s)
		if !slices.ContainsFunc(out, func(o site.Option) bool { return o.Value == word }) {
			out = append(out, site.Option{Value: word, Text: word})
		}
	}
	slices.SortFunc(out, func(a, b site.Option) int { return cmp.Compare(a.Value, b.Value) })
	return out
}

func (x listed) kinds() []site.Option {
	var out []site.Option
	for _, s := range x.List {
		if !slices.ContainsFunc(out, func(o site.Option) bool { return o.Value == s.Kind }) {
			out = append(out, site.Option{Value: s.Kind, Text: kindWord(s.Kind)})
		}
	}
	slices.SortFunc(out, func(a, b site.Option) int { return cmp.Compare(a.Text, b.Text) })
	return out
}

// seenBy is how much the newest run showed; -1 where it was not answered.
func seenBy(s sources.Source) int64 {
	if s.Latest == nil || s.Latest.Status != sources.RunOK {
		return -1
	}
	return s.Latest.Resources
}

// moment is an instant in a file; empty for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return site.DateTime(t)
}

// reads is what a source looks at: an address, or the files people hand in.
func reads(s sources.Source) site.Cell {
	if at := where(s); at != "" {
		return site.Cell{Text: site.Brief(at), Mono: true}
	}
	if k, _ := sources.KindOf(s.Kind); k.Fed {
		return site.WordsNote("", "files that are handed in")
	}
	return site.Words("–")
}

// next is when a source is read again, as its schedule has it.
func next(s sources.Source, now time.Time, zone *time.Location) string {
	switch {
	case s.Reading != nil:
		return "now"
	case !s.Paused.IsZero():
		return "paused"
	case s.Overdue:
		return "overdue since " + day(s.Due.In(zone), now)
	case !s.Due.IsZero():
		return "expected by " + day(s.Due.In(zone), now)
	case s.Next.IsZero():
		return "–"
	case !s.Next.After(now):
		return "due now"
	}
	return "in " + site.Duration(s.Next.Sub(now).Truncate(time.Minute))
}

// soon is next as briefly as a column needs it.
func (x listed) soon(s sources.Source) string {
	if s.Due.IsZero() || s.Reading != nil {
		return next(s, x.Now, x.Zone)
	}
	due, word := s.Due.In(x.Zone), "by "
	if s.Overdue {
		word = "since "
	}
	if due.Year() == x.Now.In(x.Zone).Year() {
		return word + site.DayMonth(due)
	}
	return word + site.Date(due)
}

// day writes a day, with its year where that is another than now.
func day(t, now time.Time) string {
	if t.Year() == now.In(t.Location()).Year() {
		return t.Format("2 January")
	}
	return t.Format("2 January 2006")
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

// rhythm says when a source is read, or handed a file.
func rhythm(s sources.Source) string {
	switch k, _ := sources.KindOf(s.Kind); {
	case k.Fed && s.Expected != "":
		return "handed in each " + s.Expected
	case k.Fed:
		return every(0)
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
