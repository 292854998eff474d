package page

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// covered is how a check, a control or a resource held: over twelve months, or
// what happened in one stretch of them.
type covered struct {
	Q        url.Values // what it is about: check or control, source, key
	Name     string     // in a sentence
	Title    string
	Crumbs   []site.Crumb
	From, To time.Time
	Held     checks.Held // of the twelve months
	Stretch  bool
	Happened checks.Happened
	Status   string
	Now      time.Time
	Evidence bool // may open it
	Told     bool // may see the tasks and comments of others
	AsTable  bool
}

func showCoverage(v *site.Visit) error {
	q := url.Values{}
	for _, name := range []string{"check", "control", "source", "key"} {
		if s := v.Query(name); s != "" {
			q.Set(name, s)
		}
	}
	x := covered{Q: q, Now: v.Clock.Now(), Status: v.Query("status"), Evidence: v.Actor.May(auth.EvidenceRead), Told: v.Actor.May(auth.ControlsRead), AsTable: v.Query("as") == "table"}
	if err := x.name(v); err != nil {
		return err
	}
	if v.Query("from") != "" || v.Query("to") != "" {
		return x.stretch(v)
	}
	return x.months(v)
}

// name finds what it is about.
func (x *covered) name(v *site.Visit) error {
	if code := x.Q.Get("control"); code != "" {
		c, err := controls.Get.Do(v.Context(), v.Desk, controls.Ref{ID: code})
		if err != nil {
			return err
		}
		x.Name, x.Title = c.Code, c.Title
		x.Crumbs = []site.Crumb{{Text: "Controls", Href: "/controls"}, {Text: c.Code, Href: "/controls/" + c.Code, Mono: true}}
		return nil
	}
	id := x.Q.Get("check")
	past, err := checks.Versions.Do(v.Context(), v.Desk, checks.Ref{ID: id})
	if err != nil {
		return err
	}
	x.Name, x.Title = id, id
	if len(past.Versions) > 0 {
		x.Title = past.Versions[0].Definition.Title
	}
	x.Crumbs = []site.Crumb{{Text: "Checks", Href: "/checks"}, {Text: id, Href: "/checks/" + id, Mono: true}}
	if key := x.Q.Get("key"); key != "" {
		x.Name = site.Brief(key)
	}
	return nil
}

func (x covered) shell(what string) site.Shell {
	current := "/checks"
	if x.Q.Get("control") != "" {
		current = "/controls"
	}
	return site.Shell{Title: what + " of " + x.Name, Current: current, Crumbs: append(x.Crumbs, site.Crumb{Text: what})}
}

func (x covered) period(from, to time.Time) checks.Period {
	return checks.Period{Check: x.Q.Get("check"), Control: x.Q.Get("control"), Source: x.Q.Get("source"), Key: x.Q.Get("key"), From: from, To: to}
}

// months shows the calendar.
func (x covered) months(v *site.Visit) error {
	var ok bool
	if x.From, ok = site.ChosenMonths(v.Query("months")); !ok || x.From.After(x.Now) {
		x.From = time.Date(x.Now.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	}
	x.To = x.From.AddDate(1, 0, 0)
	var err error
	if x.Held, err = checks.Coverage.Do(v.Context(), v.Desk, x.period(x.From, x.To)); err != nil {
		return err
	}
	return v.Show(x.shell("Coverage"), monthsBody(x))
}

func (x covered) stretch(v *site.Visit) error {
	var err error
	if x.From, err = time.Parse(time.RFC3339, v.Query("from")); err == nil {
		x.To, err = time.Parse(time.RFC3339, v.Query("to"))
	}
	if err != nil {
		return fault.Invalid("from", "give the start and the end as 2026-03-01T00:00:00Z")
	}
	x.Stretch, x.From, x.To = true, x.From.UTC(), x.To.UTC()
	x.Happened, err = checks.Explain.Do(v.Context(), v.Desk, checks.Stretch{Check: x.Q.Get("check"), Control: x.Q.Get("control"), Source: x.Q.Get("source"),
		Key: x.Q.Get("key"), From: x.From, To: x.To, Status: x.Status, After: v.Query("after"), Limit: findingsShown})
	if err != nil {
		return err
	}
	x.To = x.Happened.Held.To
	return v.Show(x.shell("What happened"), stretchBody(x))
}

func (x covered) lead() site.Lead {
	return site.Lead{ID: x.Name, Name: x.Title}
}

func (x covered) monthsSentence() string {
	h := x.Held
	if h.Metrics.Pass+h.Metrics.Fail+h.Metrics.Excepted == 0 {
		return "Nothing is known of it in these twelve months."
	}
	return fmt.Sprintf("It held %s %% of the time in which it could be known; known is %s %%.", h.Uptime, h.Coverage)
}

func (x covered) hours() string {
	return x.From.Format("2 January 2006 15:04") + " to " + x.To.Format("2 January 2006 15:04 UTC")
}

// sentence says what the stretch was, in hours.
func (x covered) sentence() string {
	m := x.Happened.Held.Metrics
	var parts []string
	for _, p := range []struct {
		d    time.Duration
		text string
	}{{m.Fail, "it failed"}, {m.Unknown, "it could not be known"}, {m.Excepted, "it failed under an exception"}, {m.Pass, "it passed"}} {
		if p.d > 0 {
			parts = append(parts, "for "+site.Duration(p.d)+" "+p.text)
		}
	}
	if len(parts) == 0 {
		return "It applied to nothing in that time."
	}
	return site.Capital(strings.Join(parts, ", ")) + "."
}

func (x covered) facts() []site.Fact {
	out := []site.Fact{{Text: x.hours()}}
	q := url.Values{}
	for k, v := range x.Q {
		q[k] = v
	}
	q.Set("months", time.Date(x.From.Year(), 1, 1, 0, 0, 0, 0, time.UTC).Format("2006-01"))
	return append(out, site.Fact{Text: "The twelve months", Href: "/coverage?" + q.Encode()})
}

func (x covered) intervals() []site.Interval { return drawn(x.Held.Spans) }

// drawn are spans as the calendar takes them.
func drawn(spans []checks.Span) []site.Interval {
	out := make([]site.Interval, 0, len(spans))
	for i, s := range spans {
		x := site.Interval{Status: site.Status(s.Status), From: s.From, To: s.To, Cause: reasonOf(s.Status, s.Cause), Blank: i == 0 && s.Status == checks.Unknown && len(spans) > 1}
		switch length := s.To.Sub(s.From); {
		case i == 0 && s.Status == checks.Unknown, length < shortest:
			// Nobody looked yet, or too short to be told from its neighbours.
		case s.Status == checks.Fail && i == len(spans)-1:
			x.Label = site.Duration(length) + ", open"
		default:
			x.Label = site.Duration(length)
		}
		out = append(out, x)
	}
	return out
}

// other is the same as a table, or as a calendar.
func (x covered) other() site.Link {
	q := url.Values{"months": {x.From.Format("2006-01")}}
	for k, v := range x.Q {
		q[k] = v
	}
	if x.AsTable {
		return site.Link{Text: "Calendar", Href: "/coverage?" + q.Encode()}
	}
	q.Set("as", "table")
	return site.Link{Text: "Table", Href: "/coverage?" + q.Encode()}
}

func (x covered) years() site.YearsView {
	first := time.Time{}
	if !x.Held.From.IsZero() && len(x.Held.Spans) > 0 && x.Held.Spans[0].Status != checks.Unknown {
		first = x.From.AddDate(-1, 0, 0)
	}
	return site.YearsView{Path: "/coverage", Query: x.Q, From: x.From, First: first, Now: x.Now}
}

func (x covered) measured() []site.FactRow {
	percent := func(s string) string {
		if s == "–" || s == "" {
			return "–"
		}
		return s + " %"
	}
	h := x.Held
	return []site.FactRow{site.Text("Uptime", percent(h.Uptime)), site.Text("Coverage", percent(h.Coverage)), site.Text("Worst case", percent(h.WorstCase)),
		site.Text("Excepted, apart", site.Duration(h.Metrics.Excepted)), site.Text("Drift events", site.Count(int64(h.Drifts)))}
}

// of is the address of the stretch for one check, so that its list can be
// paged.
func (x covered) of(check, status, after string) string {
	q := url.Values{"check": {check}, "from": {x.From.Format(time.RFC3339Nano)}, "to": {x.To.Format(time.RFC3339Nano)}}
	for _, k := range []string{"source", "key"} {
		if s := x.Q.Get(k); s != "" {
			q.Set(k, s)
		}
	}
	if status != "" {
		q.Set("status", status)
	}
	if after != "" {
		q.Set("after", after)
	}
	return "/coverage?" + q.Encode() + "#" + anchor(check)
}

func anchor(check string) string { return "of-" + strings.NewReplacer(".", "-").Replace(check) }

func until(t time.Time) site.Cell {
	if t.IsZero() {
		return site.Words("lasts")
	}
	return site.Node(site.Moment(t))
}

func (x covered) saidTable(j checks.Judge) site.TableView {
	t := site.TableView{Caption: "What " + j.Check + " said as a whole", Columns: []site.Column{{Head: "Source", Phone: site.PlaceFirst}, {Head: "Why", Wide: true}, {Head: "From"}, {Head: "To"}, {Head: "Status", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "It neither failed nor was unknown as a whole.", Text: "Where the calendar shows a gap all the same, nobody looked, or not lately: see its runs."}}
	for _, s := range j.Said {
		t.Rows = append(t.Rows, site.Row{Href: "/sources/" + string(s.Source), Cells: []site.Cell{{Text: s.Name, Href: "/sources/" + string(s.Source), Strong: true}, site.Words(reasonOf(s.Status, s.Reason)), site.Node(site.Moment(s.From)), until(s.To), site.Mark(site.Status(s.Status), "")}})
	}
	return t
}

func (x covered) resourceTable(j checks.Judge) site.TableView {
	t := site.TableView{Caption: "Resources under " + j.Check, Columns: []site.Column{{Head: sources.KindWord(j.Kind), Mono: true, Phone: site.PlaceFirst}, {Head: "Why", Wide: true}, {Head: "From"}, {Head: "To"}, {Head: "Run"}, {Head: "Entry", Num: true}, {Head: "Status", Phone: site.PlaceEnd}}}
	if j.Failing+j.Unknown > 0 {
		for _, c := range []struct {
			status checks.Status
			n      int64
		}{{checks.Fail, j.Failing}, {checks.Unknown, j.Unknown}} {
			on := len(j.Resources) > 0 && j.Resources[0].Status == c.status
			t.Filters = append(t.Filters, site.Chip{Text: site.Status(c.status).Word() + " " + site.Count(c.n), Href: x.of(j.Check, string(c.status), ""), Add: !on})
		}
	}
	t.Empty = site.EmptyView{Title: "No single " + sources.KindIn(j.Kind) + " failed or was unknown.", Text: "See what it said as a whole, and its runs."}
	for _, h := range j.Resources {
		href := resourceHref(string(h.Source), j.Kind, h.Key)
		status := site.Mark(site.Status(h.Status), "")
		if h.Waived != "" {
			status = site.Mark(site.StatusExcepted, "Fails, excepted")
			status.Href = "/exceptions/" + string(h.Waived)
		}
		entry := site.Words("–")
		if h.Entry > 0 {
			entry = site.Cell{Text: site.Count(h.Entry), Href: fmt.Sprintf("/log/%d", h.Entry), Mono: true}
		}
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{site.ID(site.Brief(h.Key), href), site.Words(reasonOf(h.Status, h.Reason)), site.Node(site.Moment(h.From)), until(h.To),
			site.Node(site.ShortID(string(h.Run), "/runs/"+string(h.Run))), entry, status}})
	}
	if len(t.Rows) > 0 {
		total := j.Failing
		if j.Resources[0].Status == checks.Unknown {
			total = j.Unknown
		}
		t.Pager = site.PagerView{Shown: int64(len(t.Rows)), Of: max(total, int64(len(t.Rows))), OlderText: "More", NewerText: "First", Label: j.Check}
		if j.Next != "" {
			t.Pager.Older = x.of(j.Check, string(j.Resources[0].Status), j.Next)
		}
	}
	return t
}

func (x covered) runTable(j checks.Judge) site.TableView {
	t := site.TableView{Caption: "Runs that " + j.Check + " judged", Columns: []site.Column{{Head: "Run", Mono: true, Phone: site.PlaceFirst}, {Head: "Source", Wide: true, Phone: site.PlaceFirst}, {Head: "Read"}, {Head: "Fail", Num: true}, {Head: "Unknown", Num: true},
		{Head: "Entry", Num: true}, {Head: "Evidence"}, {Head: "Status", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No run.", Text: "Nobody looked in that time, so nothing is known of it."}}
	for _, r := range j.Runs {
		status := site.Mark(site.Status(r.Status), "")
		if r.Status == "" {
			status = site.Mark(site.StatusUnknown, "Did not answer")
		}
		proof := site.Words("–")
		if r.Evidence != "" && x.Evidence {
			proof = site.Node(site.ShortID(string(r.Evidence), "/evidence/"+string(r.Evidence)))
		}
		t.Rows = append(t.Rows, site.Row{Href: "/runs/" + string(r.Run), Cells: []site.Cell{site.Node(site.ShortID(string(r.Run), "/runs/"+string(r.Run))), site.WordsNote(r.Name, r.Error), site.Node(site.Moment(r.At)),
			site.Words(site.Count(r.Failing)), site.Words(site.Count(r.Unknown)), {Text: site.Count(r.Entry), Href: fmt.Sprintf("/log/%d", r.Entry), Mono: true}, proof, status}})
	}
	if n := int64(len(t.Rows)); n > 0 {
		t.Pager = site.PagerView{Shown: n, Of: max(n, j.RunCount), Label: "Runs of " + j.Check}
	}
	return t
}
