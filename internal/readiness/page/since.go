package page

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/views"
)

// keepWithin bounds how long writing a look down may take.
const keepWithin = 2 * time.Second

// What the strip on home says of the time since somebody last looked.
const (
	mostTold    = 3 // acts that it names; the rest is in the number of entries
	mostChanged = 2 // criteria that it names; of more it says how many
)

// mostTellable is how many entries are read to say what happened. Of more only
// the kinds are counted.
var mostTellable int64 = 2000

// looked is the look that the reader of home has now, and what is new to them.
type looked struct {
	views.Look
	At   time.Time // now
	Zone *time.Location
	Size int64 // of the log
}

// look reads when the reader last looked.
func look(v *site.Visit, head evidence.Head, zone *time.Location) (looked, error) {
	x := looked{At: v.Clock.Now(), Zone: zone, Size: head.Size}
	if v.Actor.User == "" {
		return x, nil
	}
	err := v.DB.Read(v.Context(), string(v.Org), func(tx *db.Tx) (err error) {
		x.Look, err = views.LookAt(tx, v.Org, v.Actor.User, x.At, head.Size)
		return err
	})
	return x, err
}

// keep writes down that the reader looked, once the page is with them: nobody
// waits for it, and who cannot be written down now is at their next look.
func (x looked) keep(v *site.Visit) {
	if !x.Due() {
		return
	}
	_ = http.NewResponseController(v.W).Flush() // not all writers can, and then the page comes a moment later
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.Context()), keepWithin)
	defer cancel()
	if err := v.DB.Write(ctx, string(v.Org), x.Keep); err != nil {
		v.Log.Debug("home: a look was not written down", "err", err)
	}
}

// some reports whether there was a look before this one.
func (x looked) some() bool { return !x.Since.IsZero() }

func (x looked) count() int64 { return max(0, x.Size-x.From) }

func (x looked) part() string { return "/since?from=" + strconv.FormatInt(x.From, 10) }

// inOrder is where they are read in order.
func (x looked) inOrder() string { return "/log?f.since=" + strconv.FormatInt(x.From, 10) }

// line is the strip before, between and after what is worked out later.
func (x looked) line(told ...site.Link) site.LineView {
	since := x.Since.In(x.Zone)
	out := site.LineView{Title: "Since you last looked,", At: since, When: site.Clock(since, x.At)}
	out.Parts = append(told, site.Link{Text: "No entry"})
	if n := x.count(); n > 0 {
		out.Parts[len(told)] = site.Link{Text: site.Plural(n, "entry", "entries"), Href: x.part()}
		out.End = site.Link{Text: "Read them in order", Href: x.inOrder()}
	}
	return out
}

// since is what happened since an entry of the log.
type since struct {
	looked
	All     []evidence.Entry // none where there are too many to tell
	Told    []happened
	Changed []change
	Program bool // the reader may see the criteria
	Listing site.Listing[evidence.Entry]
}

// happened is one kind of act with how often it was done.
type happened struct {
	What, Text, Href string
	Count            int64
	Weight           weight
	Kind             bool // entries of a kind are counted, and not an act
}

// weight is how much somebody waits to hear of an act: a person's, or that a
// source did not answer; the machine's; and what keeps the program running or is
// somebody's own affair, which the strip does not name.
type weight int

const (
	news weight = iota
	routine
	unsaid
)

// change is a criterion whose verdict is another one.
type change struct {
	Code, Title string
	Was, Is     readiness.Verdict // empty: not in scope
}

// showSince tells what happened since the reader last looked: as a page, or as
// the strip that home asks for once it is there.
func showSince(v *site.Visit) error {
	head, err := evidence.HeadGet.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	org, err := orgs.Get.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	x := since{Program: v.Actor.May(auth.ControlsRead)}
	if x.looked, err = look(v, head, clock.Zone(org.Zone)); err != nil {
		return err
	}
	if err := x.begin(v); err != nil {
		return err
	}
	if !x.some() {
		return v.Goto("/log")
	}
	if err := x.read(v); err != nil {
		return err
	}
	if err := x.compare(v); err != nil {
		return err
	}
	if v.Partial() {
		return v.Fragment(sinceCard(x.line(x.told()...)))
	}
	if len(x.All) == 0 && x.count() > 0 {
		return v.Goto(x.inOrder())
	}
	if x.Listing, err = x.list().Open(v); err != nil || x.Listing.Done {
		return err
	}
	return v.Show(site.Shell{Title: "Since you last looked", Current: "/", Crumbs: []site.Crumb{{Text: "Home", Href: "/"}, {Text: "Since you last looked"}}}, sinceBody(x))
}

// begin takes the entry to begin with from the address, which stays true when
// the reader looks again. It was new after the one before it.
func (x *since) begin(v *site.Visit) error {
	s := v.Query("from")
	if s == "" {
		return nil
	}
	from, err := strconv.ParseInt(s, 10, 64)
	if err != nil || from < 1 || from > x.Size {
		return fault.Invalid("from", "give the number of an entry of the log, from 1")
	}
	if x.some() && from == x.From {
		return nil
	}
	e, err := evidence.EntryGet.Do(v.Context(), v.Desk, evidence.EntryRef{ID: from - 1})
	x.From, x.Since = from, e.Recorded
	return err
}

// read counts what happened, by what the log says was done.
func (x *since) read(v *site.Visit) error {
	if x.count() > mostTellable {
		return x.readKinds(v)
	}
	for in := (evidence.EntryFilter{Since: x.From, Limit: op.MaxLimit}); x.count() > 0; {
		p, err := evidence.Entries.Do(v.Context(), v.Desk, in)
		if err != nil {
			return err
		}
		x.All = append(x.All, p.Items...)
		if in.After = p.Next; in.After == "" {
			break
		}
	}
	at := map[string]int{}
	for _, e := range x.All {
		what := whatOf(e)
		i, have := at[what]
		if !have {
			i, at[what] = len(x.Told), len(x.Told)
			x.Told = append(x.Told, happened{What: what, Text: site.EntryText(e), Href: x.part() + "&f.what=" + url.QueryEscape(what), Weight: unsaid})
		}
		x.Told[i].Count++
		x.Told[i].Weight = min(x.Told[i].Weight, weigh(e))
	}
	x.sort()
	return nil
}

// readKinds counts entries by their kind alone, which takes no reading.
func (x *since) readKinds(v *site.Visit) error {
	for _, kind := range slices.Sorted(maps.Keys(site.EntryKinds)) {
		p, err := evidence.Entries.Do(v.Context(), v.Desk, evidence.EntryFilter{Since: x.From, Kind: string(kind), Limit: 1})
		if err != nil {
			return err
		}
		if p.Total > 0 {
			x.Told = append(x.Told, happened{What: string(kind), Text: site.Capital(site.EntryKinds[kind]), Href: x.inOrder() + "&f.kind=" + string(kind), Count: p.Total, Kind: true})
		}
	}
	x.sort()
	return nil
}

// sort puts what people did and what went wrong in front, and what there is
// most of.
func (x *since) sort() {
	slices.SortStableFunc(x.Told, func(a, b happened) int {
		return cmp.Or(cmp.Compare(a.Weight, b.Weight), cmp.Compare(b.Count, a.Count))
	})
}

// whatOf names what was done as an address carries it. What is sealed is
// evidence, whatever brought it.
func whatOf(e evidence.Entry) string {
	if e.Kind == canon.KindEvidence || e.Op == "" {
		return string(e.Kind)
	}
	return e.Op
}

// quiet are the nouns of acts that are not named, and daily are acts that the
// machine does as a rule, whoever asked for them.
var (
	quiet = []string{"anchors", "backups", "codes", "digests", "jobs", "letters", "machines", "notices", "passkeys", "passwords", "preferences", "recoveries", "scrubs", "sessions", "totp", "views"}
	daily = []string{"runs.record", "checks.conclude", "checks.evaluate", "sources.collect", "tasks.look"}
)

func weigh(e evidence.Entry) weight {
	noun, _, _ := strings.Cut(e.Op, ".")
	switch {
	case e.Kind == canon.KindGap:
		return news
	case slices.Contains(quiet, noun):
		return unsaid
	case e.Via == "job" || slices.Contains(daily, e.Op):
		return routine
	}
	return news
}

// compare sets what every criterion came to then beside what it comes to now.
func (x *since) compare(v *site.Visit) error {
	if !x.Program {
		return nil
	}
	now, err := readiness.Get.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	then, err := readiness.Past.Do(v.Context(), v.Desk, readiness.Instant{AsOf: x.Since})
	if err != nil {
		return err
	}
	x.Changed = changes(then.Criteria, now.Criteria)
	return nil
}

// changes are the criteria that have another verdict, or came into scope or
// left it, in their order.
func changes(then, now []readiness.Criterion) []change {
	was := map[string]readiness.Criterion{}
	for _, k := range then {
		was[k.Code] = k
	}
	var out []change
	for _, k := range now {
		if o := was[k.Code]; o.Verdict != k.Verdict {
			out = append(out, change{k.Code, k.Title, o.Verdict, k.Verdict})
		}
		delete(was, k.Code)
	}
	for _, k := range then {
		if _, left := was[k.Code]; left {
			out = append(out, change{k.Code, k.Title, k.Verdict, ""})
		}
	}
	return out
}

// text says what became of a criterion.
func (c change) text() string {
	switch c.Is {
	case readiness.Ready:
		return c.Code + " became ready"
	case readiness.NotKnown:
		return c.Code + " became unknown"
	case "":
		return c.Code + " left the scope"
	}
	if c.Was == "" {
		return c.Code + " came into scope"
	}
	if c.Was == readiness.NotStarted {
		return c.Code + " was begun"
	}
	return c.Code + " became not ready"
}

// told is what the strip names, in the order of its weight.
func (x since) told() []site.Link {
	var out []site.Link
	for _, h := range x.Told[:min(len(x.Told), mostTold)] {
		if h.Weight < unsaid {
			out = append(out, site.Link{Text: h.text(), Href: h.Href})
		}
	}
	return append(out, x.changed()...)
}

// changed says whether any criterion did.
func (x since) changed() (out []site.Link) {
	switch n := len(x.Changed); {
	case !x.Program:
		return nil
	case n == 0:
		return []site.Link{{Text: "No criterion changed", Href: "/criteria"}}
	case n > mostChanged:
		return []site.Link{{Text: site.Count(n) + " criteria changed", Href: x.part() + "#changed"}}
	}
	for _, c := range x.Changed {
		out = append(out, site.Link{Text: c.text(), Href: criterionHref(c.Code)})
	}
	return out
}

// text says what was done and how often: Evidence added twice.
func (h happened) text() string {
	switch {
	case h.Kind:
		return h.Text + ": " + site.Count(h.Count)
	case h.Count == 1:
		return h.Text
	case h.Count == 2:
		return h.Text + " twice"
	}
	return h.Text + " " + site.Count(h.Count) + " times"
}

func (x since) sentence() string {
	text := "Nothing was recorded since you last looked."
	if n := x.count(); n > 0 {
		text = site.Plural(n, "entry", "entries") + " since you last looked."
	}
	switch n := len(x.Changed); {
	case !x.Program:
		return text
	case n == 0:
		return text + " No criterion changed."
	case n > mostChanged:
		return text + " " + site.Capital(site.Several(n, "criterion", "criteria")) + " changed."
	}
	return text + " " + sentence(joined(x.changed()))
}

func joined(list []site.Link) string {
	var out []string
	for _, l := range list {
		out = append(out, l.Text)
	}
	return strings.Join(out, ", and ")
}

func (x since) facts() []site.Fact {
	at := x.Since.In(x.Zone)
	out := []site.Fact{{Text: "You last looked " + site.Clock(at, x.At)}}
	if x.count() > 0 {
		out = append(out, site.Fact{Text: "Read them in order", Href: x.inOrder()})
	}
	return out
}

// changeTable lists the criteria that changed.
func (x since) changeTable() site.TableView {
	t := site.TableView{Caption: "Criteria that changed", Columns: []site.Column{{Head: "Id", Mono: true, Phone: site.PlaceFirst}, {Head: "Criterion", Wide: true, Phone: site.PlaceFirst}, {Head: "Was"}, {Head: "Is", Phone: site.PlaceEnd}}}
	for _, c := range x.Changed {
		t.Rows = append(t.Rows, site.Row{Href: criterionHref(c.Code), Cells: []site.Cell{site.ID(c.Code, criterionHref(c.Code)), site.Words(c.Title), site.Mark(verdictStatus(c.Was)), site.Mark(verdictStatus(c.Is))}})
	}
	return t
}

// list is the entries in their order, to be narrowed to what was done.
func (x since) list() site.List[evidence.Entry] {
	type row = evidence.Entry
	what := site.Filter{Name: "what", Label: "What", Chips: true}
	for _, h := range x.Told {
		what.Options = append(what.Options, site.Option{Value: h.What, Text: h.text()})
	}
	href := func(e row) string { return "/log/" + strconv.FormatInt(e.Index, 10) }
	return site.List[row]{
		Name: "since", Caption: "Entries since then", One: "entry", Many: "entries", Sort: "entry", Keep: []string{"from"},
		Columns: []site.Col[row]{
			{ID: "entry", Head: "Entry", Mono: true, Phone: site.PlaceFirst, Fixed: true, Cell: func(e row) site.Cell { return site.ID(site.Count(e.Index), href(e)) }, Text: func(e row) any { return e.Index }},
			{ID: "what", Head: "What", Wide: true, Phone: site.PlaceFirst, Fixed: true, Cell: func(e row) site.Cell { return site.WordsNote(site.EntryText(e), site.Short(e.ID)) }},
			{ID: "who", Head: "Who", Cell: func(e row) site.Cell { return site.Words(e.Actor) }},
			{ID: "when", Head: "When", Phone: site.PlaceEnd, Cell: func(e row) site.Cell { return site.Node(site.Age(e.Recorded, x.At)) }, Text: func(e row) any { return site.DateTime(e.Recorded) }},
		},
		Filters: []site.Filter{what},
		Row:     func(e row) site.Row { return site.Row{Href: href(e), Key: strconv.FormatInt(e.Index, 10)} },
		Fetch: func(a site.Ask) (op.Page[row], error) {
			want := a.Filter("what")
			return site.Among(a, x.All, func(e row) bool { return want == "" || want == whatOf(e) }, nil, func(e row) string { return strconv.FormatInt(e.Index, 10) }), nil
		},
		None: site.EmptyView{Title: "No entry.", Text: "Nothing was recorded since you last looked."},
	}
}
