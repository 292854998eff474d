package page

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/words"
)

// results is everything the first results show.
type results struct {
	Org     orgs.Org
	Good    []sources.Source // read at least once, with what the newest run saw
	Failed  []sources.Source
	Picture readiness.Picture
	Series  []frameworks.Series
	// Judged is when the newest judgement was recorded, and as which entry;
	// Entry is 0 for who may not read the log.
	Judged time.Time
	Entry  int64
	Zone   *time.Location
}

func showResults(v *site.Visit) error {
	r, err := readResults(v)
	if err != nil {
		return err
	}
	if len(r.Good)+len(r.Failed) == 0 {
		return v.Goto("/start")
	}
	return v.Show(site.Shell{Title: "First results", Current: "/", Crumbs: []site.Crumb{{Text: "First results"}}}, resultsBody(r))
}

func readResults(v *site.Visit) (results, error) {
	var r results
	list, err := sources.List.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return r, err
	}
	for _, s := range list.Items {
		switch {
		case s.Latest == nil:
		case s.Latest.Status == sources.RunOK:
			r.Good = append(r.Good, s)
		default:
			r.Failed = append(r.Failed, s)
		}
	}
	if r.Org, err = orgs.Get.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return r, err
	}
	r.Zone = clock.Zone(r.Org.Zone)
	if r.Picture, err = readiness.Get.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return r, err
	}
	cat, err := frameworks.Shipped()
	if err != nil {
		return r, err
	}
	edition, err := cat.Version(r.Picture.Scope.Catalogue)
	if err != nil {
		return r, err
	}
	r.Series = edition.Series
	return r, r.judged(v)
}

// concluded is the operation by which judgements are recorded.
var concluded = checks.Conclude.Name()

// judged finds when what is shown was judged: by the log, or else by the end
// of the readings.
func (r *results) judged(v *site.Visit) error {
	for _, s := range r.Good {
		if s.Latest.Ended.After(r.Judged) {
			r.Judged = s.Latest.Ended
		}
	}
	if !v.Actor.May(auth.LogRead) {
		return nil
	}
	list, err := evidence.Entries.Do(v.Context(), v.Desk, evidence.EntryFilter{Kind: "op"})
	if err != nil {
		return err
	}
	for _, e := range list.Items {
		if e.Op == concluded {
			r.Judged, r.Entry = e.Recorded, e.Index
			return nil
		}
	}
	return nil
}

func (r results) seen() (n int64) {
	for _, s := range r.Good {
		n += s.Latest.Resources
	}
	return n
}

// ran is how many checks gave an answer: those that apply to nothing here did
// not, and those under an exception are told apart.
func (r results) ran() int {
	t := r.Picture.Checks
	return t.Pass + t.Fail + t.Unknown
}

// late is when the words "seconds in" stop meaning anything.
const late = 24 * time.Hour

func (r results) sentence() string {
	t := r.Picture.Checks
	if len(r.Good) == 0 {
		return site.Capital(site.Spelled(len(r.Failed))) + words.Pick(len(r.Failed), " source was", " sources were") + " asked and could not be read. Nothing is known yet."
	}
	head := since(r.Judged.Sub(r.Org.Created)) + " in: "
	if r.Judged.Sub(r.Org.Created) > late {
		head = "Read " + r.Judged.In(r.Zone).Format("2 January, 15:04") + ": "
	}
	text := head + site.Plural(r.seen(), "thing", "things") + " seen, " + site.Plural(int64(r.ran()), "check", "checks") + " run"
	switch t.Fail {
	case 0:
		text += ", none of them fails."
	case 1:
		text += ", 1 of them fails."
	default:
		text += ", " + strconv.Itoa(t.Fail) + " of them fail."
	}
	return text + " Nothing is due yet."
}

func (r results) facts() []site.Fact {
	t := r.Picture.Checks
	n := len(r.Good)
	out := []site.Fact{{Text: site.Capital(site.Spelled(n)) + words.Pick(n, " source", " sources") + ", read-only", Href: "/sources"}, {Text: "Nothing left this machine"}}
	if t.Unknown > 0 {
		out = append(out, site.Fact{Text: site.Capital(site.Spelled(t.Unknown)) + words.Pick(t.Unknown, " check", " checks") + " could not be settled, and " +
			words.Pick(t.Unknown, "is", "are") + " not counted as passing", Href: "/checks?status=unknown"})
	}
	if t.Excepted > 0 {
		out = append(out, site.Fact{Text: site.Capital(site.Spelled(t.Excepted)) + " under an exception", Href: "/checks?status=excepted"})
	}
	if t.NotApplicable > 0 {
		out = append(out, site.Fact{Text: site.Capital(site.Spelled(t.NotApplicable)) + " more found nothing to judge", Href: "/checks?status=not_applicable"})
	}
	return out
}

// steps is what happened so far, in order.
func (r results) steps() []site.StepView {
	type event struct {
		at time.Time
		site.StepView
	}
	list := []event{{r.Org.Created, site.StepView{Text: "Organization created", Note: "database, key, log", Href: "/log/0"}}}
	if s := r.Picture.Scope; s.Decided() {
		list = append(list, event{s.Effective, site.StepView{Text: "Scope decided", Note: typeWord(s.Type) + ", " +
			site.Plural(int64(r.Picture.Total.InScope), "criterion", "criteria"), Href: "/scope"}})
	}
	for _, s := range slices.Concat(r.Good, r.Failed) {
		step := site.StepView{Text: s.Name + " read", Note: site.Plural(s.Latest.Resources, "thing", "things") + ", read-only", Href: "/runs/" + string(s.Latest.ID)}
		if s.Latest.Status != sources.RunOK {
			step.Text, step.Note = s.Name+" not read", "it did not answer"
		}
		list = append(list, event{s.Latest.Ended, step})
	}
	slices.SortStableFunc(list, func(a, b event) int { return a.at.Compare(b.at) })
	if len(r.Good) > 0 {
		list = slices.DeleteFunc(list, func(e event) bool { return e.at.After(r.Judged) }) // what came later is no step towards it
		list = append(list, event{r.Judged, site.StepView{Text: "First results", Now: true,
			Note: site.Plural(int64(r.ran()), "check", "checks") + " on " + site.Count(r.seen()) + " things"}})
	}
	var out []site.StepView
	for _, e := range list {
		e.At = site.Duration(e.at.Sub(r.Org.Created))
		out = append(out, e.StepView)
	}
	return out
}

func typeWord(t string) string {
	if t == "type_1" {
		return "Type I"
	}
	return "Type II"
}

func (r results) meter() site.MeterView {
	t := r.Picture.Checks
	m := site.MeterView{Pass: int64(t.Pass), Fail: int64(t.Fail), Unknown: int64(t.Unknown),
		PassHref: "/checks?status=pass", FailHref: "/checks?status=fail", UnknownHref: "/checks?status=unknown"}
	if r.Entry > 0 {
		m.Note = entryNote(r.Entry)
	}
	return m
}

// mostShown is how many findings are put in front.
const mostShown = 5

// findings are the checks that deserve a look first: failures by what they put
// at risk, and one of the unknown where there is any.
func (r results) findings() []site.FindingView {
	var fails, unknowns []checks.Check
	for _, a := range r.Picture.Answers {
		switch {
		case !a.Looked:
		case a.Status == checks.Fail:
			fails = append(fails, a)
		case a.Status == checks.Unknown:
			unknowns = append(unknowns, a)
		}
	}
	worst := func(a, b checks.Check) int {
		return cmp.Or(cmp.Compare(rank(a.Severity), rank(b.Severity)), cmp.Compare(len(b.Map), len(a.Map)), cmp.Compare(a.ID, b.ID))
	}
	slices.SortStableFunc(fails, worst)
	slices.SortStableFunc(unknowns, worst)
	keep := min(len(fails), mostShown)
	if len(unknowns) > 0 {
		keep = min(len(fails), mostShown-1)
	}
	list := append(fails[:keep:keep], unknowns[:min(len(unknowns), mostShown-keep)]...)
	out := make([]site.FindingView, 0, len(list))
	for _, a := range list {
		out = append(out, r.finding(a))
	}
	return out
}

func rank(severity string) int { return slices.Index([]string{"high", "medium", "low"}, severity) }

func (r results) finding(a checks.Check) site.FindingView {
	f := site.FindingView{Status: site.StatusFail, ID: a.ID, Text: strings.TrimSuffix(cmp.Or(a.Summary, a.Title), "."), Risk: sentence(a.Risk), Severity: a.Severity, Href: "/checks/" + a.ID}
	if a.Status == checks.Unknown {
		f.Status, f.Severity = site.StatusUnknown, "unknown"
		f.Text, f.Risk = phrase(cmp.Or(a.Reason, a.Title)), "Not counted as passing."
	}
	for _, m := range a.Map {
		if slices.ContainsFunc(r.Picture.Criteria, func(k readiness.Criterion) bool { return k.Code == m.Criterion }) {
			f.Criterion = site.Link{Text: m.Criterion, Href: "/criteria/" + m.Criterion}
			break
		}
	}
	return f
}

// deserve is the title of the findings, by the time of day there.
func (r results) deserve(n int, now time.Time) string {
	part := "this evening"
	switch h := now.In(r.Zone).Hour(); {
	case h >= 4 && h < 12:
		part = "this morning"
	case h >= 12 && h < 18:
		part = "this afternoon"
	}
	return site.Capital(site.Spelled(n)) + words.Pick(n, " that deserves ", " that deserve ") + part
}

// touched is the map of what a machine has seen anything of.
func (r results) touched() (m site.CriteriaMapView, n int) {
	m.Short = true
	for _, s := range r.Series {
		row := site.SeriesRow{ID: s.Code, Name: s.Title}
		for _, k := range r.Picture.Criteria {
			if k.Series != s.Code {
				continue
			}
			cell := site.CriterionView{ID: k.Code, Href: "/criteria/" + k.Code, State: site.CellUntouched}
			if k.Touched {
				cell.State = site.CellTouched
				row.Done++
			}
			row.Of++
			row.Cells = append(row.Cells, cell)
		}
		if row.Of > 0 {
			n += row.Done
			m.Rows = append(m.Rows, row)
		}
	}
	return m, n
}

func (r results) mapTitle() string {
	n := len(r.Picture.Criteria)
	if len(r.Picture.Categories) == 1 {
		return r.Picture.Categories[0].Title + ", " + site.Plural(int64(n), "criterion", "criteria")
	}
	return site.Plural(int64(n), "criterion", "criteria")
}

// cause is why checks are unknown, with what would settle it.
type cause struct {
	Count  int
	Text   string
	Href   string
	Remedy string
}

// mostCauses is how many causes are shown; the rest is counted in one line.
const mostCauses = 5

// causes groups the unknown checks by the one act that would settle them.
func (r results) causes() []cause {
	var out []cause
	at := map[string]int{}
	for _, a := range r.Picture.Answers {
		if !a.Looked || a.Status != checks.Unknown {
			continue
		}
		key := cmp.Or(a.Remedy, a.Reason)
		i, have := at[key]
		if !have {
			i = len(out)
			at[key] = i
			out = append(out, cause{Text: phrase(cmp.Or(a.Reason, a.Title)), Href: "/checks/" + a.ID, Remedy: strings.TrimSpace(a.Remedy)})
		}
		if out[i].Count++; out[i].Count > 1 {
			out[i].Href = "/checks?status=unknown"
		}
	}
	slices.SortStableFunc(out, func(a, b cause) int { return cmp.Compare(b.Count, a.Count) })
	if len(out) <= mostCauses {
		return out
	}
	rest := cause{Text: "For " + site.Spelled(len(out)-mostCauses+1) + " further reasons", Href: "/checks?status=unknown"}
	for _, c := range out[mostCauses-1:] {
		rest.Count += c.Count
	}
	return append(out[:mostCauses-1:mostCauses-1], rest)
}

func (r results) unknownTitle() string {
	n := r.Picture.Checks.Unknown
	if n == 1 {
		return "One that is unknown, and why"
	}
	return site.Capital(site.Spelled(n)) + " that are unknown, and why"
}

// stages are what comes next, with honest times.
func (r results) stages() []site.StageView {
	say := site.StageView{Number: "1", Title: "Say what you promise", Text: "A few questions choose the type, the dates and the categories. Most start with Security.",
		Act: site.ButtonView{Text: "Begin", Kind: site.ButtonPrimary, Href: "/scope"}, Note: "about 6 min", Now: true}
	adopt := site.StageView{Number: "2", Title: "Adopt controls", Act: site.ButtonView{Text: "See them", Href: "/controls/library?proposed=1"}, Note: "about 20 min",
		Text: "We propose " + site.Plural(int64(len(r.Picture.Proposed)), "control that matches", "controls that match") + " what was found. You keep, edit or drop each."}
	if s := r.Picture.Scope; s.Decided() {
		say.Text, say.Note, say.Now = typeWord(s.Type)+", "+site.Plural(int64(r.Picture.Total.InScope), "criterion", "criteria")+". It can be changed; each decision stays on record.", "done", false
		say.Act = site.ButtonView{Text: "Look again", Href: "/scope"}
		adopt.Now, adopt.Act.Kind = true, site.ButtonPrimary
	}
	return []site.StageView{say, adopt, {Number: "3", Title: "Invite the owners", Text: "Each control gets a person. They see only their own part.",
		Act: site.ButtonView{Text: "Add people", Href: "/settings#members"}, Note: "about 5 min"}}
}
