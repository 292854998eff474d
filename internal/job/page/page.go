// Package page holds the page of the machine's work, for whoever runs the
// installation.
package page

import (
	"fmt"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /jobs", Handle: showList},
		{Pattern: "GET /jobs/{id}", Handle: showJob},
	}
}

// listed is a page of jobs.
type listed struct {
	site.Listing[job.Job]
	Now time.Time
}

func showList(v *site.Visit) error {
	x := listed{Now: v.Clock.Now()}
	var err error
	if x.Listing, err = x.list(v).Open(v); err != nil || x.Done {
		return err
	}
	return v.Show(site.Shell{Title: "Jobs", Current: "/jobs", Crumbs: []site.Crumb{{Text: "Jobs"}}}, listBody(x))
}

func (x listed) sentence() string {
	if x.Total == 0 && !x.Ask.Filtered() {
		return "The machine has had nothing to do yet."
	}
	failed, busy := int64(0), int64(0)
	for _, j := range x.Items {
		switch j.State {
		case job.Failed:
			failed++
		case job.Ready, job.Running:
			busy++
		}
	}
	text := "Nothing waits."
	if busy > 0 {
		text = site.Capital(site.Several(int(busy), "job is", "jobs are")) + " waiting or under way."
	}
	if failed > 0 {
		text += fmt.Sprintf(" Of the %s shown, %s gave up.", site.Spelled(len(x.Items)), site.Spelled(int(failed)))
	}
	return text
}

// words say what each kind of job does.
var words = map[string]string{
	"collect": "Read a source", "evaluate": "Judge what was read", "import": "Read a file that was handed in",
	"tasks.look": "Remind of a task", "checks.look": "Look for answers that are too old", "sources.look": "Look whether a source is silent",
	"digests.send": "Write a digest", "letters.send": "Hand a letter to the mail server", "scrub.read": "Read the log and the evidence back",
	"anchor": "Have the log vouched for from outside", "erasure_clear": "Destroy what was erased", "retention_due": "Look for what has come to the end of its time",
}

func does(j job.Job) string {
	if s := words[j.Kind]; s != "" {
		return s
	}
	return strings.ReplaceAll(j.Kind, "_", " ")
}

func state(j job.Job) (site.Status, string) {
	switch j.State {
	case job.Done:
		return site.StatusPass, "Done"
	case job.Failed:
		return site.StatusFail, "Gave up"
	case job.Running:
		return site.StatusNotStarted, "Under way"
	case job.Cancelled:
		return site.StatusNotApplicable, "Cancelled"
	}
	if j.Attempt > 0 {
		return site.StatusUnknown, "To be tried again"
	}
	return site.StatusNotStarted, "Waiting"
}

// told is what there is to say of a job: its fault, or how far it has come.
func told(j job.Job) string {
	if j.Error != "" && j.State != job.Done {
		return j.Error
	}
	if j.Progress.What == "" || j.State == job.Done {
		return "–" // what it last said is no longer so
	}
	if j.Progress.About > 0 {
		return fmt.Sprintf("%s: %s of about %s", j.Progress.What, site.Count(int64(j.Progress.Done)), site.Count(int64(j.Progress.About)))
	}
	return j.Progress.What
}

func (x listed) list(v *site.Visit) site.List[job.Job] {
	type row = job.Job
	href := func(j row) string { return "/jobs/" + string(j.ID) }
	return site.List[row]{
		Name: "jobs", Caption: "Jobs", One: "job", Many: "jobs", Sort: "-asked",
		Columns: []site.Col[row]{
			{ID: "id", Head: "Job", Mono: true, Phone: site.PlaceFirst, Fixed: true, Cell: func(j row) site.Cell { return site.Node(site.ShortID(string(j.ID), href(j))) }, Text: func(j row) any { return string(j.ID) }},
			{ID: "what", Head: "What", Wide: true, Phone: site.PlaceFirst, Fixed: true, Cell: func(j row) site.Cell { return site.Words(does(j)) }},
			{ID: "kind", Head: "Kind", Mono: true, Spare: true, Cell: func(j row) site.Cell { return site.Words(j.Kind) }},
			{ID: "far", Head: "How far", Cell: func(j row) site.Cell { return site.Words(told(j)) }},
			{ID: "asked", Head: "Asked for", Cell: func(j row) site.Cell { return site.Node(site.Age(j.Created, x.Now)) }, Text: func(j row) any { return site.DateTime(j.Created) }},
			{ID: "took", Head: "Done after", Cell: func(j row) site.Cell { return site.Words(tookOf(j)) }},
			{ID: "tries", Head: "Tries", Num: true, Cell: func(j row) site.Cell { return site.Words(site.Count(j.Attempt)) }, Text: func(j row) any { return j.Attempt }},
			{ID: "status", Head: "Status", Phone: site.PlaceEnd, Fixed: true, Cell: func(j row) site.Cell { return site.Mark(state(j)) }},
		},
		Filters: []site.Filter{
			{Name: "state", Label: "Status", Chips: true, Options: []site.Option{{Value: string(job.Failed), Text: "Gave up"}, {Value: string(job.Ready), Text: "Waiting"}, {Value: string(job.Running), Text: "Under way"}, {Value: string(job.Done), Text: "Done"}}},
			{Name: "kind", Label: "Kind"},
		},
		Row: func(j row) site.Row { return site.Row{Href: href(j), Key: string(j.ID)} },
		Fetch: func(a site.Ask) (op.Page[row], error) {
			return job.List.Do(v.Context(), v.Desk, job.Filter{State: a.Filter("state"), Kind: a.Filter("kind"), After: a.After, Limit: a.Limit})
		},
		None: site.EmptyView{Title: "No jobs yet.", Text: "Reading a source and judging what it showed are done here.", Link: site.Link{Text: "Sources", Href: "/sources"}},
	}
}

func tookOf(j job.Job) string {
	if j.Finished.IsZero() {
		return "–"
	}
	return site.Took(j.Finished.Sub(j.Created))
}

func showJob(v *site.Visit) error {
	j, err := job.Show.Do(v.Context(), v.Desk, job.Ref{ID: v.Path("id")})
	if err != nil {
		return err
	}
	s := site.Shell{Title: "Job", Current: "/jobs", Crumbs: []site.Crumb{{Text: "Jobs", Href: "/jobs"}, {Text: site.Short(string(j.ID)), Mono: true}}}
	return v.Show(s, jobBody(j))
}

func facts(j job.Job) []site.FactRow {
	out := []site.FactRow{{Key: "Job", Node: site.Digest(site.DigestView{Value: string(j.ID)})}, {Key: "Kind", Value: j.Kind, Mono: true},
		{Key: "Asked for", Node: site.Moment(j.Created)}}
	if !j.Finished.IsZero() {
		out = append(out, site.FactRow{Key: "Finished", Node: site.Moment(j.Finished)}, site.Text("Done after", tookOf(j)))
	}
	out = append(out, site.Text("Tries", site.Count(j.Attempt)))
	if far := told(j); far != "–" {
		out = append(out, site.Text("How far", far))
	}
	return out
}
