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
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/site"
)

// How much of each list the page of a control shows; the rest is a link.
const (
	findingsShown = 5
	evidenceShown = 8
	shortest      = 2 * time.Hour // interval with a label
)

// detail is a control with everything that is known of it.
type detail struct {
	readiness.Control
	Status       site.Status
	Word         string
	Checks       []checks.Check
	Writes       bool // checks
	Failing      []checks.Finding
	FailingOf    checks.Check // the check the findings are of
	From, To     time.Time    // of the calendar
	Earliest     time.Time    // month there may be a record of
	Held         checks.Held
	Windows      []window
	Since        time.Time // of the current status; zero if unknown
	Evidence     op.Page[evidence.Record]
	Stands       evidence.Stand   // of now alone, and of a control in force
	Log          site.HistoryView // of now alone
	Head         evidence.Head
	Versions     []controls.Version
	Now          time.Time // or the instant the page is as of
	Then         time.Time // the same; zero is now
	May, MayAdd  bool
	TableInstead bool
	Around       site.AroundView
	titles       map[string]string
}

// window is a stretch of time with its figures.
type window struct {
	Name, State string
	From, To    time.Time
	checks.Held
}

func showControl(v *site.Visit) error {
	x, err := read(v, v.Path("id"))
	if fault.KindOf(err) == fault.KindNotFound && x.Then.IsZero() {
		all, unread := controls.Library()
		if unread == nil && slices.ContainsFunc(all, func(t controls.Template) bool { return t.Code == v.Path("id") }) {
			return v.Goto("/library/" + v.Path("id")) // a check names it, and nobody adopted it
		}
	}
	if err != nil {
		return err
	}
	return v.Show(x.shell(), showBody(x))
}

// writeCheck leads to the editor whoever may use it.
func (x detail) writeCheck() site.Link {
	if !x.Writes {
		return site.Link{}
	}
	return site.Link{Text: "Write a check", Href: "/checks/new"}
}

func (x detail) shell() site.Shell {
	s := shell(x.Code+" "+x.Title, site.Crumb{Text: x.Code, Mono: true})
	s.Moves, s.At = true, x.Then
	return s
}

func read(v *site.Visit, ref string) (detail, error) {
	then, err := v.AsOf()
	if err != nil {
		return detail{}, err
	}
	x := detail{Now: cmp.Or(then, v.Clock.Now()), Then: then, TableInstead: v.Query("as") == "table", May: may(v) && then.IsZero(), Writes: v.Actor.May(auth.ChecksWrite) && then.IsZero()}
	c, err := controls.Get.Do(v.Context(), v.Desk, controls.Ref{ID: ref})
	if err != nil {
		return x, err
	}
	past, err := controls.Versions.Do(v.Context(), v.Desk, controls.Ref{ID: string(c.ID)})
	if err != nil {
		return x, err
	}
	x.Versions = past.Items
	if !then.IsZero() {
		x.Versions = slices.DeleteFunc(x.Versions, func(w controls.Version) bool { return w.Effective.After(then) })
		if len(x.Versions) == 0 {
			return x, fault.NotFound("%s had not been adopted by the end of that day.", c.Code)
		}
		c = x.Versions[0].Control
	}
	x.Control = readiness.Control{Control: c, Designed: readiness.Empty, InPlace: readiness.Empty, Evidenced: readiness.Empty}
	p, err := pictureOf(v, then)
	if err != nil {
		return x, err
	}
	if i := slices.IndexFunc(p.Controls, func(r readiness.Control) bool { return r.ID == c.ID }); i >= 0 {
		x.Control = p.Controls[i]
	}
	x.Status, x.Word = standing(x.Control)
	x.May = x.May && c.Retired.IsZero()
	x.MayAdd = v.Actor.May("evidence:write") && c.Retired.IsZero() && then.IsZero()
	if x.titles, _, err = titles(); err != nil {
		return x, err
	}
	if x.Around, err = site.Around(v, x.ask()); err != nil {
		return x, err
	}
	for _, step := range []func(*site.Visit) error{x.readChecks, x.readHeld, x.readRecords} {
		if err := step(v); err != nil {
			return x, err
		}
	}
	return x, nil
}

func (x *detail) readChecks(v *site.Visit) error {
	list, err := checks.List.Do(v.Context(), v.Desk, checks.Filter{Control: x.Code, AsOf: x.Then})
	if err != nil {
		return err
	}
	x.Checks = list.Items
	for _, c := range x.Checks {
		if c.Status != checks.Fail || !c.Looked {
			continue
		}
		found, err := checks.Findings.Do(v.Context(), v.Desk, checks.FindingFilter{ID: c.ID, AsOf: x.Then, Limit: findingsShown})
		if err != nil {
			return err
		}
		x.Failing, x.FailingOf = found.Items, c
		break
	}
	return nil
}

func (x *detail) readRecords(v *site.Visit) error {
	var err error
	if x.Evidence, err = evidence.List.Do(v.Context(), v.Desk, evidence.Filter{Control: string(x.ID), AsOf: x.Then, Limit: evidenceShown}); err != nil {
		return err
	}
	if x.Head, err = evidence.HeadGet.Do(v.Context(), v.Desk, op.None{}); err != nil || !x.Then.IsZero() {
		return err
	}
	if x.Retired.IsZero() {
		if x.Stands, err = evidence.Stands.Do(v.Context(), v.Desk, evidence.ControlRef{Control: string(x.ID)}); err != nil {
			return err
		}
	}
	x.Log, err = v.History(implied(x.Control.Control), x.Code, string(x.ID))
	return err
}

// readHeld finds out how the control held: over the period that is examined,
// or from the month of its first answer to the end of the year.
func (x *detail) readHeld(v *site.Visit) error {
	scope, err := scopes.Get.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	x.From = time.Date(x.Now.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	x.To = x.From.AddDate(1, 0, 0)
	decided := false
	if from, ok := site.ChosenMonths(v.Query("months")); ok && !from.After(x.Now) {
		x.From, x.To, decided = from, from.AddDate(1, 0, 0), true
	} else if from, err := time.Parse(time.DateOnly, scope.Starts); err == nil && from.Before(x.Now) {
		if to, err := time.Parse(time.DateOnly, scope.Ends); err == nil {
			x.From, x.To, decided = from, to.AddDate(0, 0, 1), true
		}
	}
	if x.Held, err = x.over(v, x.From, x.To); err != nil {
		return err
	}
	x.Earliest = x.From
	if len(x.Held.Spans) > 0 && x.Held.Spans[0].Status != checks.Unknown || decided {
		x.Earliest = x.From.AddDate(-1, 0, 0) // there may be more before
	}
	first := x.first()
	if !decided && !first.IsZero() {
		x.From = time.Date(first.Year(), first.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	if first.IsZero() {
		return nil
	}
	last := x.Held.Spans[len(x.Held.Spans)-1] // there is one: somebody looked
	x.Since = last.From
	for _, w := range x.windows(first) {
		if w.Held, err = x.over(v, w.From, w.To); err != nil {
			return err
		}
		x.Windows = append(x.Windows, w)
	}
	return nil
}

func (x *detail) over(v *site.Visit, from, to time.Time) (checks.Held, error) {
	if to.After(x.Now) {
		to = x.Now
	}
	if !to.After(from) {
		return checks.Held{}, nil
	}
	return checks.Coverage.Do(v.Context(), v.Desk, checks.Period{Control: string(x.ID), From: from, To: to})
}

// first is when a check first judged the control in the calendar's time.
func (x *detail) first() time.Time {
	for i, s := range x.Held.Spans {
		if s.Status != checks.Unknown || i > 0 {
			return s.From
		}
	}
	return time.Time{}
}

// windows are the halves of the calendar's time that have begun, the closed one
// apart from the running one, and the time since the first answer.
func (x *detail) windows(first time.Time) []window {
	out := []window{{Name: "Since the first answer, " + site.DayMonth(first), State: "running", From: first, To: x.Now}}
	half := x.From.AddDate(0, 6, 0)
	if half.Before(x.To) && first.Before(half) && half.Before(x.Now) {
		out = append(out, window{Name: span(x.From, half), State: "closed", From: x.From, To: half})
		return append(out, window{Name: site.DayMonth(half) + " to now", State: "running", From: half, To: x.Now})
	}
	if x.Now.Before(x.To) {
		return append(out, window{Name: site.DayMonth(x.From) + " to now", State: "running", From: x.From, To: x.Now})
	}
	return append(out, window{Name: span(x.From, x.To), State: "closed", From: x.From, To: x.To})
}

func span(from, to time.Time) string {
	return site.DayMonth(from) + " to " + site.DayMonth(to.AddDate(0, 0, -1))
}

func (x detail) intervals() []site.Interval {
	var out []site.Interval
	last := len(x.Held.Spans) - 1
	open := site.StretchHref(x.about())
	for i, s := range x.Held.Spans {
		x := site.Interval{Status: site.Status(s.Status), From: s.From, To: s.To, Cause: reasonOf(s.Status, s.Cause), Href: open(s.From, s.To)}
		switch length := s.To.Sub(s.From); {
		case i == 0 && s.Status == checks.Unknown && last > 0:
			x.Blank = true // nobody looked yet
		case length < shortest:
			// Too short to be told from its neighbours.
		case s.Status == checks.Fail && i == last:
			x.Label = site.Duration(length) + ", open"
		default:
			x.Label = site.Duration(length)
		}
		out = append(out, x)
	}
	return out
}

// about is what the calendar's stretches are asked of.
func (x detail) about() url.Values { return url.Values{"control": {string(x.ID)}} }

func (x detail) chosenYears() site.YearsView {
	return site.YearsView{Path: implied(x.Control.Control), From: time.Date(x.From.Year(), x.From.Month(), 1, 0, 0, 0, 0, time.UTC), First: x.Earliest, Now: x.Now, Hash: "coverage"}
}

// reasonOf is what a check says: the message of a failure keeps the spelling
// of the name that it begins with.
func reasonOf(s checks.Status, text string) string {
	if s == checks.Fail || s == checks.Excepted {
		return text
	}
	return site.Capital(text)
}

func (x detail) windowTable() site.TableView {
	t := site.TableView{Caption: "Windows", Columns: []site.Column{{Head: "Window", Wide: true, Phone: site.PlaceFirst}, {Head: "Hours", Num: true},
		{Head: "Uptime", Num: true}, {Head: "Excepted h", Num: true}, {Head: "Coverage", Num: true}, {Head: "Worst case", Num: true}, {Head: "Time to repair", Num: true}, {Head: "Drifts", Num: true}}}
	for _, w := range x.Windows {
		repair := "–"
		if w.MTTR > 0 {
			repair = site.Duration(time.Duration(w.MTTR) * time.Millisecond)
		}
		if w.Open > 0 {
			repair = fmt.Sprintf("%d open", w.Open)
		}
		uptime := site.Words(percent(w.Uptime))
		uptime.Strong = true
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.WordsNote(w.Name, w.State), site.Words(site.Count(int64(w.To.Sub(w.From) / time.Hour))), uptime,
			site.Words(hoursOf(w.Metrics.Excepted)), site.Words(percent(w.Coverage)), site.Words(percent(w.WorstCase)), site.Words(repair), site.Words(site.Count(int64(w.Drifts)))}})
	}
	return t
}

// hoursOf are whole hours, or a dash for none.
func hoursOf(d time.Duration) string {
	if d <= 0 {
		return "–"
	}
	return site.Count(int64(d / time.Hour))
}

func percent(s string) string {
	if s == "–" || s == "" {
		return "–"
	}
	return s + " %"
}

func (x detail) lead() site.Lead {
	l := site.Lead{ID: x.Code, Name: x.Title, Status: x.Status, Word: x.Word}
	if !x.Retired.IsZero() {
		return site.Lead{ID: x.Code, Name: x.Title, Status: site.StatusNotApplicable, Word: "Retired " + site.Date(x.Retired)}
	}
	if x.Since.IsZero() || len(x.Control.Checks) == 0 {
		return l
	}
	lasted := site.Duration(x.Now.Sub(x.Since))
	switch x.Status {
	case site.StatusFail:
		l.Word = "Failing for " + lasted
	case site.StatusUnknown:
		l.Word = "Unknown for " + lasted
	case site.StatusPass:
		l.Word = "Holding for " + lasted
	}
	return l
}

// sentence says how the control stands and since when.
func (x detail) sentence() string {
	if !x.Retired.IsZero() {
		return "It was in force until " + since(x.Retired) + ", and stays on record for that time."
	}
	from := ""
	if !x.Since.IsZero() {
		from = ", since " + since(x.Since)
	}
	switch x.Status {
	case site.StatusFail:
		return strings.TrimSuffix(cmp.Or(x.FailingOf.Summary, x.Why), ".") + from + "."
	case site.StatusUnknown:
		return "It cannot be known whether it holds" + from + ". " + stop(site.Capital(x.reason()))
	case site.StatusPass:
		if len(x.Control.Checks) > 0 {
			return fmt.Sprintf("%s%s.", answered(x.Checks), from)
		}
		return "It is owned, in place and evidenced. The newest evidence is of " + since(x.Newest) + "."
	case site.StatusExcepted:
		return x.excepted()
	}
	return stop(cmp.Or(x.Why, "Nothing is known of it yet"))
}

// excepted says what fails, and until when a person has accepted that.
func (x detail) excepted() string {
	for _, c := range x.Checks {
		if c.Looked && c.Status == checks.Excepted {
			return strings.TrimSuffix(c.Summary, ".") + ". An exception covers it until " + since(c.Until) + "."
		}
	}
	return "It fails, and an exception covers it."
}

// reason is what a check that is unknown says of itself.
func (x detail) reason() string {
	for _, c := range x.Checks {
		if c.Looked && c.Status == checks.Unknown && c.Reason != "" {
			return c.Reason
		}
	}
	return x.Why
}

func answered(list []checks.Check) string {
	n := int64(0)
	for _, c := range list {
		if c.Looked && c.Status == checks.Pass {
			n++
		}
	}
	if n == 1 {
		return "The check that speaks for it passes"
	}
	return site.Count(n) + " checks that speak for it pass"
}

func (x detail) facts() []site.Fact {
	key := "Not a key control"
	if x.Key {
		key = "Key control"
	}
	return []site.Fact{{Text: key}, {Text: site.Capital(words(x.Nature)) + ", " + words(x.Frequency)},
		{Text: fmt.Sprintf("Version %d, in force since %s", x.Version, site.Date(x.Updated)), Href: "#history"}, {Text: "Owner", Person: cmp.Or(x.OwnerName, "Nobody yet")}}
}

// ask is the task that is added from here: its owner, and what it would settle.
func (x detail) ask() site.Errand {
	a := site.Errand{Object: string(x.ID), Title: "See to " + x.Code + ": " + x.Title, Owner: string(x.Owner)}
	if x.Why != "" {
		a.Text = "It would settle: " + x.Why
	}
	return a
}

func (x detail) acts() []site.ButtonView {
	var out []site.ButtonView
	if x.Around.Add != "" && x.Retired.IsZero() {
		out = append(out, site.ButtonView{Text: "Add a task", Href: x.Around.Add})
	}
	if x.May {
		out = append(out, site.ButtonView{Text: "Retire", Opens: "retire", Href: implied(x.Control.Control) + "/retire"},
			site.ButtonView{Text: "Edit", Href: implied(x.Control.Control) + "/edit"})
	}
	add := site.ButtonView{Text: "Add evidence", Href: "/evidence/new?control=" + string(x.ID)}
	if x.May && !x.Stated() {
		if x.MayAdd {
			out = append(out, add)
		}
		return append(out, site.ButtonView{Text: "State how it is done", Kind: site.ButtonPrimary, Href: implied(x.Control.Control) + "/implement"})
	}
	if x.MayAdd {
		add.Kind = site.ButtonPrimary
		out = append(out, add)
	}
	return out
}

func (x detail) evidenceTable() site.TableView {
	t := site.TableView{Caption: "Evidence", Columns: []site.Column{{Head: "Record", Mono: true, Phone: site.PlaceFirst}, {Head: "What it shows", Wide: true, Phone: site.PlaceFirst},
		{Head: "From"}, {Head: "Captured"}, {Head: "Level"}, {Head: "Proof", Num: true, Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No evidence yet.", Text: "A run of a source that a check reads adds it, or a person does."}}
	if x.MayAdd {
		t.Empty.Link = site.Link{Text: "Add evidence", Href: "/evidence/new?control=" + string(x.ID)}
	}
	for _, r := range x.Evidence.Items {
		t.Rows = append(t.Rows, site.Row{Href: "/evidence/" + string(r.ID), Cells: []site.Cell{
			site.Node(site.ShortID(string(r.ID), "/evidence/"+string(r.ID))), site.Words(r.Title), site.Words(r.Origin), site.Node(site.Age(r.Captured, x.Now)),
			site.Words(level(r.Level)), site.Node(site.ProofMark(proof(x.Head, r.Entry), r.Entry, fmt.Sprintf("/log/%d", r.Entry)))}})
	}
	return t
}

func level(n int64) string {
	if n > 0 && n < int64(len(evidence.Levels)) {
		return fmt.Sprintf("%d %s", n, evidence.Levels[n])
	}
	return fmt.Sprint(n)
}

func (x detail) evidenceNote() string {
	if len(x.Evidence.Items) == 0 {
		return ""
	}
	return site.Plural(x.Evidence.Total, "record", "records") + ", newest " + site.Ago(x.Evidence.Items[0].Captured, x.Now)
}

func (x detail) history() []site.TimelineItem {
	var out []site.TimelineItem
	for i, ver := range x.Versions {
		item := site.TimelineItem{Text: change(ver, slices.Concat(x.Versions[i+1:], []controls.Version{{}})[0]), When: ver.Effective, Who: ver.Actor,
			Href: fmt.Sprintf("%s/versions/%d", implied(x.Control.Control), ver.Version), Now: i == 0 && x.Retired.IsZero()}
		out = append(out, item)
	}
	return out
}

// change says what a version did to the one before.
func change(v, before controls.Version) string {
	a, b := v.Control, before.Control
	var did []string
	switch {
	case before.Version == 0:
		return "Adopted"
	case !a.Retired.IsZero():
		return "Retired"
	case a.Implementation != b.Implementation:
		did = append(did, "stated how it is done")
	}
	if a.Title != b.Title || a.Text != b.Text {
		did = append(did, "changed the wording")
	}
	if a.Owner != b.Owner {
		did = append(did, "given to "+cmp.Or(a.OwnerName, "another owner"))
	}
	if a.Frequency != b.Frequency {
		did = append(did, "now "+words(a.Frequency))
	}
	if a.Key != b.Key {
		did = append(did, "key control changed")
	}
	if len(did) == 0 {
		did = append(did, "recorded again")
	}
	return fmt.Sprintf("Version %d: %s", v.Version, strings.Join(did, ", "))
}

func showVersion(v *site.Visit) error {
	x, err := read(v, v.Path("id"))
	if err != nil {
		return err
	}
	for _, ver := range x.Versions {
		if fmt.Sprint(ver.Version) == v.Path("version") {
			s := shell(fmt.Sprintf("%s, version %d", x.Code, ver.Version), site.Crumb{Text: x.Code, Href: implied(x.Control.Control), Mono: true}, site.Crumb{Text: "Version " + v.Path("version")})
			return v.Show(s, versionBody(x, ver))
		}
	}
	return fault.NotFound("%s has no version %s.", x.Code, v.Path("version"))
}

// said lists what a version of a control holds.
func said(c controls.Control) []site.FactRow {
	stated := "–"
	if c.Stated() {
		stated = c.Implementation
	}
	key := "no"
	if c.Key {
		key = "yes"
	}
	return []site.FactRow{site.Text("Title", c.Title), site.Text("Text", c.Text), site.Text("Frequency", words(c.Frequency)),
		site.Text("Owner", cmp.Or(c.OwnerName, "–")), site.Text("Key control", key), site.Text("How it is done", stated)}
}

func (x detail) years() string {
	if y := x.To.AddDate(0, 0, -1).Year(); y != x.From.Year() {
		return fmt.Sprintf("%d to %d", x.From.Year(), y)
	}
	return fmt.Sprint(x.From.Year())
}

func (x detail) noCoverage() site.EmptyView {
	if len(x.Checks) == 0 {
		return site.EmptyView{Title: "No calendar.", Text: "No check speaks for this control, so its hours are not counted. Its evidence is, by its rhythm."}
	}
	return site.EmptyView{Title: "Nothing to show yet.", Text: "A source that its checks read has to answer first.", Link: site.Link{Text: "Sources", Href: "/sources"}}
}

func (x detail) stateLink() site.Link {
	if !x.May {
		return site.Link{}
	}
	return site.Link{Text: "State it", Href: implied(x.Control.Control) + "/implement"}
}

func (x detail) versionSentence(v controls.Version) string {
	if v.Version == x.Version {
		return fmt.Sprintf("Version %d is the one in force.", v.Version)
	}
	return fmt.Sprintf("Version %d was in force from %s; version %d is now.", v.Version, since(v.Effective), x.Version)
}

// resource is the address of the record a finding speaks of.
func resource(c checks.Check, f checks.Finding) string {
	return fmt.Sprintf("/sources/%s/%s/%s", f.Source, c.Kind, url.PathEscape(f.Key))
}

// firstLine is what to do, without the command that a fix may go on with.
func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

func (x detail) failingHead() string {
	if !x.Then.IsZero() {
		return "Failing then"
	}
	return "Failing now"
}
