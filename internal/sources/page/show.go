package page

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// shownSettings are the settings of a source in the order of its form, by
// label. What opens something is said to be kept, and since when.
func shownSettings(s sources.Source) []site.FactRow {
	values := map[string]any{}
	if json.Unmarshal(s.Settings, &values) != nil {
		return nil
	}
	k, _ := sources.KindOf(s.Kind)
	var out []site.FactRow
	for _, x := range k.Asks {
		switch v := values[x.Name].(type) {
		case string:
			if n := strings.Count(v, "\n") + 1; n > 3 {
				v = site.Plural(int64(n), "line", "lines") + " given"
			}
			out = append(out, site.FactRow{Key: x.Label, Value: v, Mono: true})
		case []any:
			out = append(out, site.Text(x.Label, site.Plural(int64(len(v)), "is given", "are given")))
		}
		for _, y := range s.Secrets {
			if y.Name == x.Name {
				out = append(out, site.FactRow{Key: x.Label, Node: site.Group(site.QuietText("kept and not shown, since "), site.Moment(y.Since))})
			}
		}
	}
	return out
}

// where says in a few words what a source reads: the first thing that was
// said of it.
func where(s sources.Source) string {
	values := map[string]any{}
	if json.Unmarshal(s.Settings, &values) == nil {
		k, _ := sources.KindOf(s.Kind)
		var out []string
		for _, x := range k.Asks {
			if v, is := values[x.Name].(string); is && !strings.Contains(v, "\n") && len(out) < 2 {
				_, after, is := strings.Cut(v, "://")
				if is {
					v = after
				}
				out = append(out, v)
			}
		}
		if len(out) > 0 {
			text := strings.Join(out, " · ")
			if len([]rune(text)) > 56 {
				text = site.Brief(text)
			}
			return text
		}
	}
	if s.Latest != nil {
		return s.Latest.Scope["hostname"]
	}
	return ""
}

// detail is a source with its runs.
type detail struct {
	sources.Source
	Runs    site.Listing[sources.Run]
	Old     old
	Head    evidence.Head
	Schemas map[string]sources.Schema
	Now     time.Time
	Zone    *time.Location
	May     bool
	Job     *job.Job // that reads it now
	Fed     bool     // nothing is fetched; files are handed in
	// MayAgain connects again what is disconnected.
	MayAgain bool
	Log      site.HistoryView
}

func showSource(v *site.Visit) error {
	x, err := read(v)
	if err != nil || x.Runs.Done {
		return err
	}
	return v.Show(shell(x.Name, site.Crumb{Text: x.Name}), showBody(x))
}

func read(v *site.Visit) (detail, error) {
	x := detail{Now: v.Clock.Now()}
	var err error
	if x.Source, err = sources.Get.Do(v.Context(), v.Desk, sources.Ref{ID: v.Path("id")}); err != nil {
		return x, err
	}
	x.May = v.Actor.May(auth.SourcesWrite) && x.Removed.IsZero()
	x.MayAgain = v.Actor.May(auth.SourcesWrite) && !x.Removed.IsZero()
	k, _ := sources.KindOf(x.Kind)
	x.Fed = k.Fed
	zone, err := zoneOf(v)
	if err != nil {
		return x, err
	}
	x.Zone = clock.Zone(zone)
	if x.Old, err = tooOld(v); err != nil {
		return x, err
	}
	if x.Schemas, err = sources.Schemas(); err != nil {
		return x, err
	}
	if x.Head, err = evidence.HeadGet.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return x, err
	}
	if x.Runs, err = x.runs(v).Open(v); err != nil || x.Runs.Done {
		return x, err
	}
	if x.Log, err = v.History("", string(x.ID), ""); err != nil {
		return x, err
	}
	x.Job = x.Reading // whoever started it, and from whichever page one comes
	return x, nil
}

// collect puts the reading in line and shows how far it comes.
func collect(v *site.Visit) error {
	started, err := sources.Collect.Do(v.Context(), v.Desk, sources.Ref{ID: v.Path("id")})
	if err != nil {
		return err
	}
	v.Web.Wake()
	return v.Goto("/sources/" + v.Path("id") + "?job=" + url.QueryEscape(string(started.Job)))
}

// showProgress is the part of the page that asks again until nothing reads the
// source any more; then the page is opened anew.
func showProgress(v *site.Visit) error {
	s, err := sources.Get.Do(v.Context(), v.Desk, sources.Ref{ID: v.Path("id")})
	if err != nil {
		return err
	}
	if s.Reading == nil {
		v.W.Header().Set("HX-Redirect", "/sources/"+v.Path("id"))
		return v.Fragment(site.QuietText("It has ended."))
	}
	return v.Fragment(progress(v.Path("id"), *s.Reading))
}

func progressView(j job.Job) site.ProgressView {
	text := j.Progress.What
	switch {
	case j.Error != "":
		text = fmt.Sprintf("Attempt %d was not answered; it is asked again", j.Attempt)
	case text == "":
		text = "Waiting for its turn"
	}
	return site.ProgressView{Text: text, Done: int64(j.Progress.Done), About: int64(j.Progress.About)}
}

func (x detail) lead() site.Lead {
	status, word := x.Old.answer(x.Source)
	return site.Lead{Name: x.Name, Status: status, Word: word}
}

func (x detail) sentence() string {
	r := x.Latest
	switch {
	case !x.Removed.IsZero():
		return "It is disconnected since " + x.Removed.Format("2 January 2006") + ". What it showed stays on record."
	case x.Overdue && (r == nil || r.Status != sources.RunFailed):
		return x.late()
	case r == nil && x.Fed:
		return "It is connected, and no file was handed in yet."
	case r == nil:
		return "It is connected and has not been read yet."
	case r.Status == sources.RunFailed:
		return "It did not answer. " + stop(site.Capital(r.Error))
	case r.Status == sources.RunCancelled:
		return "Its newest reading was " + stop(r.Error) + " Nothing of that was kept."
	case x.Old[x.Name]:
		return "It has been silent since " + site.Date(x.Health.Answered) + ". What it showed is too old for the checks that rest on it."
	case len(r.Missing) > 0:
		return fmt.Sprintf("%s seen. %s could not be read.", site.Capital(site.Several(int(r.Resources), "thing was", "things were")), site.Capital(site.Several(len(r.Missing), "fact", "facts")))
	}
	return fmt.Sprintf("%s seen, and nothing was hidden from it.", site.Capital(site.Several(int(r.Resources), "thing was", "things were")))
}

func (x detail) facts() []site.Fact {
	out := []site.Fact{{Text: kindWord(x.Kind) + ", read-only"}}
	if x.Removed.IsZero() && !x.Fed {
		out = append(out, site.Fact{Text: site.Capital(rhythm(x.Source))})
	}
	if x.Expected != "" && x.Removed.IsZero() {
		out = append(out, site.Fact{Text: "A file is expected each " + x.Expected})
	}
	if x.Health.Runs > 0 {
		out = append(out, site.Fact{Text: fmt.Sprintf("Answered %s of %s in 30 days", site.Count(x.Health.OK), site.Plural(x.Health.Runs, "time", "times")), Href: "#runs"})
	}
	if x.Latest != nil {
		out = append(out, site.Fact{Node: site.AgeOf("Read", x.Latest.Ended, x.Now)})
	}
	switch n := next(x.Source, x.Now, x.Zone); {
	case !x.Removed.IsZero() || n == "–":
	case x.Due.IsZero():
		out = append(out, site.Fact{Text: "Next " + n})
	default:
		out = append(out, site.Fact{Text: site.Capital(n)})
	}
	return out
}

// late says which file did not come.
func (x detail) late() string {
	since := "No file was ever handed in."
	if !x.Health.Answered.IsZero() {
		since = "No file was taken since " + day(x.Health.Answered.In(x.Zone), x.Now) + "."
	}
	return since + " One was expected by " + day(x.Due.In(x.Zone), x.Now) + "."
}

func (x detail) acts() []site.ButtonView {
	href := "/sources/" + string(x.ID)
	if x.MayAgain {
		return []site.ButtonView{{Text: "Connect it again", Kind: site.ButtonPrimary, Submit: true, Form: "reconnect"}}
	}
	if !x.May {
		return nil
	}
	out := []site.ButtonView{{Text: "Disconnect", Opens: "remove", Href: href + "/remove"}, {Text: "Settings", Href: href + "/edit"}}
	if x.Kind == sources.KindFile {
		return append(out, site.ButtonView{Text: "Map its columns", Kind: site.ButtonPrimary, Href: href + "/mapping"})
	}
	if x.Fed {
		return out
	}
	if x.Paused.IsZero() {
		out = append(out, site.ButtonView{Text: "Pause", Submit: true, Form: "pause"})
	} else {
		out = append(out, site.ButtonView{Text: "Resume", Submit: true, Form: "resume"})
	}
	if x.Job != nil {
		return append(out, site.ButtonView{Text: "Cancel the reading", Submit: true, Form: "cancel"})
	}
	text := "Read it now"
	if x.Latest != nil && x.Latest.Status != sources.RunOK {
		text = "Try again"
	}
	return append(out, site.ButtonView{Text: text, Kind: site.ButtonPrimary, Icon: site.IconRefresh, Submit: true, Form: "collect"})
}

func (x detail) about() []site.FactRow {
	out := []site.FactRow{{Key: "Id", Node: site.Digest(site.DigestView{Value: string(x.ID)})}, site.Text("Kind", kindWord(x.Kind))}
	out = append(out, shownSettings(x.Source)...)
	if x.Kind == "git" && !strings.Contains(string(x.Settings), "signers") {
		out = append(out, site.Text("Signers", "none given, so signatures cannot be judged"))
	}
	out = append(out, site.FactRow{Key: "Connected", Node: site.Moment(x.Created)})
	if !x.Fed {
		out = append(out, site.Text("Read", rhythm(x.Source)))
	} else if x.Expected == "" {
		out = append(out, site.Text("Files", "handed in without a rhythm"))
	} else {
		row := site.Text("Files", "one each "+x.Expected+", "+next(x.Source, x.Now, x.Zone))
		if x.Overdue {
			row.Status = site.StatusFail
		}
		out = append(out, row)
	}
	if x.Latest != nil && x.Latest.Scope[expires] != "" {
		out = append(out, site.Text("Credential ends", x.Latest.Scope[expires]))
	}
	return out
}

// expires is what a collector calls the end of a credential's time, where the
// source tells it.
const expires = "credential_expires"

// gaps are what could not be read, together where reason and remedy are one.
func gaps(list []sources.Missing) []sources.Missing {
	var out []sources.Missing
	at := map[[2]string]int{}
	for _, m := range list {
		key := [2]string{m.Reason, m.Remedy}
		if i, seen := at[key]; seen {
			out[i].Field += ", " + field(m)
			continue
		}
		at[key] = len(out)
		out = append(out, sources.Missing{Reason: m.Reason, Remedy: m.Remedy, Field: field(m)})
	}
	return out
}

// difference says what a run changed since the one before.
func difference(kinds []sources.RunKind) string {
	var d sources.RunKind
	for _, k := range kinds {
		d.Added, d.Changed, d.Gone = d.Added+k.Added, d.Changed+k.Changed, d.Gone+k.Gone
	}
	var out []string
	for _, p := range []struct {
		n    int64
		word string
	}{{d.Added, "added"}, {d.Changed, "changed"}, {d.Gone, "gone"}} {
		if p.n > 0 {
			out = append(out, site.Count(p.n)+" "+p.word)
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// named makes a readable text of the name of a field.
func named(field string) string { return site.Capital(strings.ReplaceAll(field, "_", " ")) }

func scopeRows(scope map[string]string) []site.FactRow {
	var out []site.FactRow
	for _, k := range slices.Sorted(maps.Keys(scope)) {
		out = append(out, site.FactRow{Key: named(k), Value: scope[k], Mono: true})
	}
	return out
}

// kindTable adds up to the number that the sentence names.
func kindTable(x detail, r sources.Run, linked bool) site.TableView {
	t := site.TableView{Caption: "What was seen", Columns: []site.Column{{Head: "Kind", Phone: site.PlaceFirst}, {Head: "What it is", Wide: true}, {Head: "Added", Num: true}, {Head: "Changed", Num: true}, {Head: "Gone", Num: true}, {Head: "Seen", Num: true, Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "Nothing was seen.", Text: "A run that is answered lists here what it saw."}}
	var sum sources.RunKind
	for _, k := range r.Kinds {
		href := ""
		if linked {
			href = fmt.Sprintf("/sources/%s/%s", x.ID, k.Kind)
		}
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{{Text: sources.KindWord(k.Kind), Href: href, Strong: true}, site.Words(x.Schemas[k.Kind].Doc),
			site.Number(k.Added, ""), site.Number(k.Changed, ""), site.Number(k.Gone, ""), site.Number(k.Count, href)}})
		sum.Added, sum.Changed, sum.Gone = sum.Added+k.Added, sum.Changed+k.Changed, sum.Gone+k.Gone
	}
	if len(t.Rows) > 0 {
		t.Total = []site.Cell{site.Words("Total"), site.Words(""), site.Number(sum.Added, ""), site.Number(sum.Changed, ""), site.Number(sum.Gone, ""), site.Number(r.Resources, "")}
	}
	return t
}

// runs says what the list of runs is made of.
func (x detail) runs(v *site.Visit) site.List[sources.Run] {
	type row = sources.Run
	href := func(r row) string { return "/runs/" + string(r.ID) }
	entry := func(r row) string { return "/log/" + strconv.FormatInt(r.Entry, 10) }
	return site.List[row]{
		Name: "runs", Caption: "Runs", One: "run", Many: "runs", Sort: "-when", Rows: 20, Path: "/sources/" + string(x.ID), Hash: "#runs",
		Columns: []site.Col[row]{
			{ID: "run", Head: "Run", Mono: true, Phone: site.PlaceFirst, Fixed: true, Cell: func(r row) site.Cell { return site.Node(site.ShortID(string(r.ID), href(r))) }, Text: func(r row) any { return string(r.ID) }},
			{ID: "what", Head: "What happened", Wide: true, Fixed: true, Cell: happened},
			{ID: "when", Head: "When", Cell: func(r row) site.Cell { return site.Node(site.Age(r.Ended, x.Now)) }, Text: func(r row) any { return moment(r.Ended) }},
			{ID: "started", Head: "Started", Spare: true, Cell: func(r row) site.Cell { return site.Node(site.Moment(r.Started)) }, Text: func(r row) any { return moment(r.Started) }},
			{ID: "took", Head: "Took", Cell: func(r row) site.Cell { return site.Words(site.Took(r.Ended.Sub(r.Started))) }},
			{ID: "resources", Head: "Resources", Num: true, Cell: func(r row) site.Cell {
				if r.Status != sources.RunOK {
					return site.Words("–")
				}
				return site.Number(r.Resources, href(r))
			}, Text: func(r row) any { return r.Resources }},
			{ID: "difference", Head: "Since the run before", Cell: func(r row) site.Cell {
				if r.Status != sources.RunOK {
					return site.Words("–")
				}
				return site.Cell{Text: difference(r.Kinds), Href: href(r)}
			}},
			{ID: "collector", Head: "Collector", Mono: true, Spare: true, Cell: func(r row) site.Cell { return site.Words(r.Collector) }},
			{ID: "proof", Head: "Proof", Phone: site.PlaceEnd, Cell: func(r row) site.Cell { return site.Node(site.ProofMark(proof(x.Head, r.Entry), r.Entry, entry(r))) }, Text: func(r row) any { return r.Entry }},
		},
		Row: func(r row) site.Row { return site.Row{Href: href(r)} },
		Fetch: func(a site.Ask) (op.Page[row], error) {
			return sources.Runs.Do(v.Context(), v.Desk, sources.RunFilter{Source: string(x.ID), After: a.After, Limit: a.Limit})
		},
		None: site.EmptyView{Title: "No runs yet.", Text: "Each reading is recorded, also one that is not answered."},
	}
}

func happened(r sources.Run) site.Cell {
	switch {
	case r.Status == sources.RunFailed:
		return site.Mark(site.StatusFail, "Did not answer: "+r.Error)
	case r.Status == sources.RunCancelled:
		return site.Mark(site.StatusUnknown, site.Capital(r.Error))
	case len(r.Missing) > 0:
		return site.Mark(site.StatusUnknown, "Read, "+site.Plural(int64(len(r.Missing)), "fact", "facts")+" not readable")
	}
	return site.Words("Read whole")
}

func proof(head evidence.Head, entry int64) site.ProofState {
	switch {
	case head.ReadOnly != "":
		return site.ProofBroken
	case entry < head.SignedSize:
		return site.ProofSealed
	}
	return site.ProofWaiting
}

func (x detail) removeDialog() site.DialogView {
	return site.DialogView{ID: "remove", Title: "Disconnect " + x.Name + "?", Object: string(x.ID), Action: "/sources/" + string(x.ID) + "/remove", Submit: "Disconnect it", Danger: true}
}

func showRemove(v *site.Visit) error {
	if err := v.Actor.Require(auth.SourcesWrite); err != nil {
		return err
	}
	x, err := read(v)
	if err != nil {
		return err
	}
	return v.Show(shell("Disconnect", site.Crumb{Text: x.Name, Href: "/sources/" + string(x.ID)}, site.Crumb{Text: "Disconnect"}), removeBody(x))
}

func remove(v *site.Visit) error {
	if _, err := sources.Remove.Do(v.Context(), v.Desk, sources.Ref{ID: v.Path("id")}); err != nil {
		return err
	}
	return v.Goto("/sources")
}
