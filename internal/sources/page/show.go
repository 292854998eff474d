package page

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// settings are those of a source that its page shows.
type settings struct {
	Path, Branch, Signers string
	Count                 int // of signers
}

// settingsOf reads what is shown of the settings of any kind of source; what
// it does not know stays unsaid.
func settingsOf(s sources.Source) settings {
	var raw struct {
		Path    string            `json:"path"`
		Branch  string            `json:"branch"`
		Signers []json.RawMessage `json:"signers"`
		File    string            `json:"allowed_signers_file"`
	}
	if json.Unmarshal(s.Settings, &raw) != nil {
		return settings{}
	}
	return settings{Path: raw.Path, Branch: raw.Branch, Signers: raw.File, Count: len(raw.Signers)}
}

func where(s sources.Source) string {
	if p := settingsOf(s).Path; p != "" {
		return p
	}
	if s.Latest != nil {
		return s.Latest.Scope["hostname"]
	}
	return ""
}

// detail is a source with its runs.
type detail struct {
	sources.Source
	Runs    op.Page[sources.Run]
	After   string
	Head    evidence.Head
	Schemas map[string]sources.Schema
	Now     time.Time
	May     bool
	Job     *job.Job // that reads it now
}

func showSource(v *site.Visit) error {
	x, err := read(v)
	if err != nil {
		return err
	}
	return v.Show(shell(x.Name, site.Crumb{Text: x.Name}), showBody(x))
}

func read(v *site.Visit) (detail, error) {
	x := detail{Now: v.Clock.Now(), After: v.Query("after")}
	var err error
	if x.Source, err = sources.Get.Do(v.Context(), v.Desk, sources.Ref{ID: v.Path("id")}); err != nil {
		return x, err
	}
	x.May = v.Actor.May(auth.SourcesWrite) && x.Removed.IsZero()
	if x.Runs, err = sources.Runs.Do(v.Context(), v.Desk, sources.RunFilter{Source: string(x.ID), After: x.After, Limit: 20}); err != nil {
		return x, err
	}
	if x.Schemas, err = sources.Schemas(); err != nil {
		return x, err
	}
	if x.Head, err = evidence.HeadGet.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return x, err
	}
	if ref := v.Query("job"); ref != "" && v.Actor.May(auth.JobsRead) {
		j, err := job.Show.Do(v.Context(), v.Desk, job.Ref{ID: ref})
		if err != nil && fault.KindOf(err) != fault.KindNotFound && fault.KindOf(err) != fault.KindInvalid {
			return x, err
		}
		if err == nil && (j.State == job.Ready || j.State == job.Running) {
			x.Job = &j
		}
	}
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

// showProgress is the part of the page that asks again until the job is done;
// then the page is opened anew.
func showProgress(v *site.Visit) error {
	if _, err := sources.Get.Do(v.Context(), v.Desk, sources.Ref{ID: v.Path("id")}); err != nil {
		return err
	}
	j, err := job.Show.Do(v.Context(), v.Desk, job.Ref{ID: v.Query("job")})
	if err != nil {
		return err
	}
	if j.State == job.Done || j.State == job.Failed {
		v.W.Header().Set("HX-Redirect", "/sources/"+v.Path("id"))
	}
	return v.Fragment(progress(v.Path("id"), j))
}

func progressView(j job.Job) site.ProgressView {
	text := j.Progress.What
	if text == "" {
		text = "Waiting for its turn"
	}
	return site.ProgressView{Text: text, Done: int64(j.Progress.Done), About: int64(j.Progress.About)}
}

func (x detail) lead() site.Lead {
	status, word := answer(x.Source)
	return site.Lead{Name: x.Name, Status: status, Word: word}
}

func (x detail) sentence() string {
	r := x.Latest
	switch {
	case !x.Removed.IsZero():
		return "It is disconnected since " + x.Removed.Format("2 January 2006") + ". What it showed stays on record."
	case r == nil:
		return "It is connected and has not been read yet."
	case r.Status == sources.RunFailed:
		return "It did not answer. " + stop(site.Capital(r.Error))
	case len(r.Missing) > 0:
		return fmt.Sprintf("%s seen. %s could not be read.", site.Plural(r.Resources, "thing was", "things were"), site.Plural(int64(len(r.Missing)), "fact", "facts"))
	}
	return fmt.Sprintf("%s seen, and nothing was hidden from it.", site.Plural(r.Resources, "thing was", "things were"))
}

func (x detail) facts() []site.Fact {
	out := []site.Fact{{Text: site.Capital(kindWord(x.Kind)) + ", read-only"}, {Text: site.Capital(every(x.Every))}}
	if x.Latest != nil {
		out = append(out, site.Fact{Node: site.AgeOf("Read", x.Latest.Ended, x.Now)})
	}
	if x.Removed.IsZero() {
		out = append(out, site.Fact{Text: "Next " + next(x.Source, x.Now)})
	}
	return out
}

func (x detail) acts() []site.ButtonView {
	if !x.May {
		return nil
	}
	href := "/sources/" + string(x.ID)
	if x.Kind == sources.KindFile {
		return []site.ButtonView{{Text: "Disconnect", Opens: "remove", Href: href + "/remove"}, {Text: "Map its columns", Kind: site.ButtonPrimary, Href: href + "/mapping"}}
	}
	return []site.ButtonView{{Text: "Disconnect", Opens: "remove", Href: href + "/remove"},
		{Text: "Read it now", Kind: site.ButtonPrimary, Icon: site.IconRefresh, Submit: true, Form: "collect", Busy: x.Job != nil}}
}

func (x detail) about() []site.FactRow {
	s := settingsOf(x.Source)
	out := []site.FactRow{{Key: "Id", Node: site.Digest(site.DigestView{Value: string(x.ID)})}, site.Text("Kind", kindWord(x.Kind))}
	if s.Path != "" {
		out = append(out, site.FactRow{Key: "Path", Value: s.Path, Mono: true})
	}
	if x.Kind == "git" {
		branch := s.Branch
		if branch == "" {
			branch = "the one checked out"
		}
		signers := site.Plural(int64(s.Count), "signer", "signers") + " given"
		if s.Signers != "" {
			signers = "from " + s.Signers
		} else if s.Count == 0 {
			signers = "none given, so signatures cannot be judged"
		}
		out = append(out, site.Text("Branch", branch), site.Text("Signers", signers))
	}
	return append(out, site.FactRow{Key: "Connected", Node: site.Moment(x.Created)}, site.Text("Read", every(x.Every)))
}

func scopeRows(scope map[string]string) []site.FactRow {
	var out []site.FactRow
	for _, k := range slices.Sorted(maps.Keys(scope)) {
		out = append(out, site.FactRow{Key: k, Value: scope[k], Mono: true})
	}
	return out
}

// kindTable adds up to the number that the sentence names.
func kindTable(x detail, r sources.Run, linked bool) site.TableView {
	t := site.TableView{Caption: "What was seen", Columns: []site.Column{{Head: "Kind", Mono: true, Phone: site.PlaceFirst}, {Head: "What it is", Wide: true}, {Head: "Seen", Num: true, Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "Nothing was seen.", Text: "A run that is answered lists here what it saw."}}
	for _, k := range r.Kinds {
		href := ""
		if linked {
			href = fmt.Sprintf("/sources/%s/%s", x.ID, k.Kind)
		}
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{{Text: k.Kind, Href: href, Mono: true, Strong: true}, site.Words(x.Schemas[k.Kind].Doc), site.Number(k.Count, href)}})
	}
	if len(t.Rows) > 0 {
		t.Total = []site.Cell{site.Words("Total"), site.Words(""), site.Number(r.Resources, "")}
	}
	return t
}

func (x detail) runTable() site.TableView {
	t := site.TableView{ID: "runs", Caption: "Runs", Columns: []site.Column{{Head: "Run", Mono: true, Phone: site.PlaceFirst}, {Head: "What happened", Wide: true}, {Head: "When"}, {Head: "Took"},
		{Head: "Resources", Num: true}, {Head: "Proof", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No runs yet.", Text: "Each reading is recorded, also one that is not answered."}}
	for _, r := range x.Runs.Items {
		href := "/runs/" + string(r.ID)
		count := site.Words("–")
		if r.Status == sources.RunOK {
			count = site.Number(r.Resources, href)
		}
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{site.Node(site.ShortID(string(r.ID), href)), happened(r), site.Node(site.Age(r.Ended, x.Now)),
			site.Words(took(r)), count, site.Node(site.ProofMark(proof(x.Head, r.Entry), r.Entry, "/log/"+strconv.FormatInt(r.Entry, 10)))}})
	}
	if x.Runs.Total > 0 {
		t.Pager = site.PagerView{Shown: int64(len(x.Runs.Items)), Of: x.Runs.Total, NewerText: "Newest"}
		if x.Runs.Next != "" {
			t.Pager.Older = "/sources/" + string(x.ID) + "?after=" + url.QueryEscape(x.Runs.Next) + "#runs"
		}
		if x.After != "" {
			t.Pager.Newer = "/sources/" + string(x.ID) + "#runs"
		}
	}
	return t
}

func happened(r sources.Run) site.Cell {
	switch {
	case r.Status == sources.RunFailed:
		return site.Mark(site.StatusFail, "Did not answer: "+r.Error)
	case len(r.Missing) > 0:
		return site.Mark(site.StatusUnknown, "Read, "+site.Plural(int64(len(r.Missing)), "fact", "facts")+" not readable")
	}
	return site.Words("Read whole")
}

func took(r sources.Run) string {
	d := r.Ended.Sub(r.Started)
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return site.Duration(d)
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
