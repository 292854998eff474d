package page

import (
	"net/http"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// read is one source and how reading it goes.
type read struct {
	Source sources.Source
	Job    job.Job
	Asked  time.Time
}

// The states of a read, judged by its job and its newest run.
func (r read) waiting() bool { return r.Job.State == job.Ready }
func (r read) running() bool { return r.Job.State == job.Running }
func (r read) over() bool    { return !r.waiting() && !r.running() }

// run is the run that the job made, or nil.
func (r read) run() *sources.Run {
	if x := r.Source.Latest; x != nil && !x.Ended.Before(r.Asked) {
		return x
	}
	return nil
}

func (r read) good() bool {
	x := r.run()
	return r.over() && x != nil && x.Status == sources.RunOK
}

func (r read) href() string { return "/sources/" + string(r.Source.ID) }

// reading is the third step while it lasts.
type reading struct {
	Reads []read
	// Judging counts evaluations put in line since, and those that are over.
	Judging, Judged int
	Judge           job.Job // one that is running
	Self            string  // the page's own address
}

func (x reading) over() bool {
	for _, r := range x.Reads {
		if !r.over() {
			return false
		}
	}
	return x.Judged == x.Judging
}

// failed are the sources that could not be read.
func (x reading) failed() []read {
	var out []read
	for _, r := range x.Reads {
		if r.over() && !r.good() {
			out = append(out, r)
		}
	}
	return out
}

// showReading shows how far it is, and leads on once everything was read.
// htmx asks for the part every second; browsers without scripts load it anew.
func showReading(v *site.Visit) error {
	x, err := readReading(v)
	if err != nil {
		return err
	}
	if x.over() && len(x.failed()) == 0 {
		if v.Partial() {
			v.W.Header().Set("HX-Redirect", "/first-results")
			v.W.WriteHeader(http.StatusOK)
			return nil
		}
		return v.Goto("/first-results")
	}
	if v.Partial() {
		return v.Fragment(readingBody(x))
	}
	shell := startShell()
	if !x.over() {
		shell.Head = reload()
	}
	return v.Show(shell, readingBody(x))
}

func readReading(v *site.Visit) (reading, error) {
	x := reading{Self: v.R.URL.RequestURI()}
	if err := v.Actor.Require(auth.JobsRead); err != nil {
		return x, err
	}
	asked := v.R.URL.Query()["read"]
	if len(asked) == 0 {
		return x, fault.NotFound("This page shows how far a reading is, and none was named.")
	}
	if len(asked) > 20 {
		return x, fault.Invalid("", "at most 20 readings are shown at once")
	}
	var first time.Time
	for _, pair := range asked {
		source, work, _ := strings.Cut(pair, ".")
		s, err := sources.Get.Do(v.Context(), v.Desk, sources.Ref{ID: source})
		if err != nil {
			return x, err
		}
		j, err := job.Show.Do(v.Context(), v.Desk, job.Ref{ID: work})
		if err != nil {
			return x, err
		}
		if first.IsZero() || j.Created.Before(first) {
			first = j.Created
		}
		x.Reads = append(x.Reads, read{s, j, j.Created})
	}
	return x, x.judging(v, first)
}

// judging looks for the evaluations that the readings have put in line.
func (x *reading) judging(v *site.Visit, since time.Time) error {
	jobs, err := job.List.Do(v.Context(), v.Desk, job.Filter{Limit: op.DefaultLimit})
	if err != nil {
		return err
	}
	for _, j := range jobs.Items {
		if j.Kind != sources.EvaluateJob || j.Created.Before(since) {
			continue
		}
		x.Judging++
		switch j.State {
		case job.Done, job.Failed:
			x.Judged++
		case job.Running:
			x.Judge = j
		}
	}
	return nil
}

func (x reading) sentence() string {
	n, failed := len(x.Reads), len(x.failed())
	switch {
	case !x.over() && n == 1:
		return "Reading " + x.Reads[0].Source.Name + ". Nothing leaves this machine."
	case !x.over():
		return "Reading " + site.Spelled(n) + " sources. Nothing leaves this machine."
	case failed == n && n == 1:
		return x.Reads[0].Source.Name + " could not be read."
	case failed == n:
		return "None of the " + site.Spelled(n) + " sources could be read."
	}
	return site.Capital(site.Spelled(failed)) + " of " + site.Spelled(n) + " sources could not be read. What the others showed is judged."
}

// progress is how far a job says it has come.
func (r read) progress() site.ProgressView {
	p := r.Job.Progress
	text := "Reading " + r.Source.Name
	if p.What != "" {
		text += ", " + p.What
	}
	return site.ProgressView{Text: text, Done: int64(p.Done), About: int64(p.About)}
}

func (x reading) judge() site.ProgressView {
	p := x.Judge.Progress
	text := "Judging what was seen"
	if what := strings.TrimPrefix(p.What, "Judging: "); what != "" {
		text = "Judging: " + strings.TrimSuffix(what, ".")
	}
	return site.ProgressView{Text: text, Done: int64(p.Done), About: int64(p.About), Unit: "checks"}
}

// seen says what a good run saw, in one line.
func (r read) seen() string {
	x := r.run()
	var parts []string
	for _, k := range x.Kinds {
		if k.Count > 0 {
			parts = append(parts, site.Count(k.Count)+" "+sources.KindIn(k.Kind))
		}
	}
	return strings.Join(parts, ", ")
}

// why says why a source could not be read, and do what to do about it.
func (r read) why() string {
	if x := r.run(); x != nil && x.Error != "" {
		return sentence(x.Error)
	}
	return "The reading was broken off by a fault of the program."
}

func (r read) do() string {
	if x := r.run(); x != nil && x.Error != "" {
		return "When that is mended, choose it again. The failed reading is on record."
	}
	return "Choose it again; if it stays, tell whoever runs this installation the job " + string(r.Job.ID) + "."
}

func (r read) tone() site.Status {
	if r.over() && !r.good() {
		return site.StatusFail
	}
	return ""
}

func kindWord(kind string) string {
	return map[string]string{"git": "a git repository", "host": "this machine"}[kind]
}
