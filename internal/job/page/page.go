// Package page holds the page of the machine's work, for whoever runs the
// installation.
package page

import (
	"fmt"
	"net/url"
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
	op.Page[job.Job]
	After string
	Now   time.Time
}

func showList(v *site.Visit) error {
	x := listed{After: v.Query("after"), Now: v.Clock.Now()}
	var err error
	if x.Page, err = job.List.Do(v.Context(), v.Desk, job.Filter{After: x.After}); err != nil {
		return err
	}
	return v.Show(site.Shell{Title: "Jobs", Current: "/jobs", Crumbs: []site.Crumb{{Text: "Jobs"}}}, listBody(x))
}

func (x listed) sentence() string {
	if x.Total == 0 {
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
		text = site.Plural(busy, "job is", "jobs are") + " waiting or under way."
	}
	if failed > 0 {
		text += fmt.Sprintf(" Of the %s shown, %s.", site.Count(int64(len(x.Items))), site.Plural(failed, "gave up", "gave up"))
	}
	return text
}

// words say what each kind of job does.
var words = map[string]string{"collect": "Read a source", "evaluate": "Judge what was read", "import": "Read a file that was handed in"}

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

func (x listed) table() site.TableView {
	t := site.TableView{ID: "jobs", Caption: "Jobs", Columns: []site.Column{{Head: "Job", Mono: true, Phone: site.PlaceFirst}, {Head: "What", Phone: site.PlaceFirst}, {Head: "How far", Wide: true},
		{Head: "Asked for"}, {Head: "Took"}, {Head: "Tries", Num: true}, {Head: "Status", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No jobs yet.", Text: "Reading a source and judging what it showed are done here.", Link: site.Link{Text: "Sources", Href: "/sources"}}}
	for _, j := range x.Items {
		href := "/jobs/" + string(j.ID)
		status, word := state(j)
		took := "–"
		if !j.Finished.IsZero() {
			took = lasted(j.Finished.Sub(j.Created))
		}
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{site.Node(site.ShortID(string(j.ID), href)), site.Words(does(j)), site.Words(told(j)),
			site.Node(site.Age(j.Created, x.Now)), site.Words(took), site.Words(site.Count(j.Attempt)), site.Mark(status, word)}})
	}
	if x.Total > 0 {
		t.Pager = site.PagerView{Shown: int64(len(x.Items)), Of: x.Total, NewerText: "Newest"}
		if x.Next != "" {
			t.Pager.Older = "/jobs?after=" + url.QueryEscape(x.Next)
		}
		if x.After != "" {
			t.Pager.Newer = "/jobs"
		}
	}
	return t
}

func lasted(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return site.Duration(d)
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
		out = append(out, site.FactRow{Key: "Finished", Node: site.Moment(j.Finished)})
	}
	return append(out, site.Text("Tries", site.Count(j.Attempt)), site.Text("How far", told(j)))
}
