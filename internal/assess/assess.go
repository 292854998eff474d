// Package assess is the first light: it connects what lies at hand, this
// machine and a checkout, reads it, judges it, and says where the organization
// stands. The first page and the command line drive it alike.
package assess

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/sources"
)

// An Offer is what could be read without an account anywhere.
type Offer struct {
	Git  string // folder of a repository; empty for none
	Host bool   // this machine
}

// Empty reports whether nothing is offered.
func (o Offer) Empty() bool { return o.Git == "" && !o.Host }

// Checkout finds the repository that a folder belongs to, or "".
func Checkout(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

// Connect adds the sources of an offer, unless they are connected already, and
// returns them all.
func Connect(ctx context.Context, desk *op.Desk, o Offer) ([]sources.Source, error) {
	list, err := sources.List.Do(ctx, desk, op.None{})
	if err != nil {
		return nil, err
	}
	var out []sources.Source
	add := func(in sources.Connection) error {
		for _, s := range list.Items {
			if s.Kind == in.Kind && (in.Path == "" || pathOf(s) == in.Path) {
				out = append(out, s)
				return nil
			}
		}
		s, err := sources.Create.Do(ctx, desk, in)
		out = append(out, s)
		return err
	}
	if o.Git != "" {
		path, err := filepath.Abs(o.Git)
		if err != nil {
			return nil, fault.Invalid("git", "give the folder of a repository").With(err)
		}
		if err := add(sources.Connection{Kind: "git", Name: filepath.Base(path), Path: path}); err != nil {
			return nil, err
		}
	}
	if o.Host {
		name, err := os.Hostname()
		if err != nil || name == "" {
			name = "this machine"
		}
		if err := add(sources.Connection{Kind: "host", Name: name}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func pathOf(s sources.Source) string {
	var settings struct {
		Path string `json:"path"`
	}
	if json.Unmarshal(s.Settings, &settings) != nil {
		return ""
	}
	return settings.Path
}

// A Report is what an assessment found, in the form scripts read.
type Report struct {
	Runs     []Run                 `json:"runs"`
	Checks   []Check               `json:"checks"`
	Criteria []readiness.Criterion `json:"criteria"`
	Ledger   Ledger                `json:"ledger"`

	Picture readiness.Picture `json:"-"`
}

// Run is one reading of a source.
type Run struct {
	Source    string            `json:"source"`
	Name      string            `json:"name"`
	Status    string            `json:"status"`
	Error     string            `json:"error,omitempty"`
	Resources map[string]int64  `json:"resources"`
	Missing   []sources.Missing `json:"missing"`
}

// Check is what one check says.
type Check struct {
	ID       string        `json:"id"`
	Title    string        `json:"title"`
	Status   checks.Status `json:"status"`
	Severity string        `json:"severity"`
	Summary  string        `json:"summary,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	Remedy   string        `json:"remedy,omitempty"`
	Controls []string      `json:"controls"`
}

// Ledger is the signed head that covers the assessment.
type Ledger struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Root   string `json:"root"`
}

// Perform reads and judges the given sources here and now, and reports. A
// source that cannot be read is part of the report, not the end of it.
func Perform(ctx context.Context, desk *op.Desk, reader *sources.Reader, list []sources.Source, progress func(done, about int, what string)) (Report, error) {
	var r Report
	for _, s := range list {
		run, err := reader.Read(ctx, desk, s.ID, progress, false)
		if err != nil {
			return r, err
		}
		out := Run{Source: s.Kind, Name: s.Name, Status: run.Status, Error: run.Error, Resources: map[string]int64{}, Missing: run.Missing}
		for _, k := range run.Kinds {
			out.Resources[k.Kind] = k.Count
		}
		r.Runs = append(r.Runs, out)
		if err := checks.EvaluateRun(ctx, desk, run.ID, progress); err != nil {
			return r, err
		}
	}
	return r, r.look(ctx, desk, list)
}

// look adds the picture that the runs leave, and the signed head under it.
func (r *Report) look(ctx context.Context, desk *op.Desk, list []sources.Source) error {
	p, err := readiness.Get.Do(ctx, desk, op.None{})
	if err != nil {
		return err
	}
	r.Picture, r.Criteria = p, p.Criteria
	mine := map[id.Source]bool{}
	for _, s := range list {
		mine[s.ID] = true
	}
	for _, x := range p.Answers {
		if !x.Looked || !speaksOf(x, mine) {
			continue
		}
		r.Checks = append(r.Checks, Check{ID: x.ID, Title: x.Title, Status: x.Status, Severity: x.Severity, Summary: x.Summary,
			Reason: x.Reason, Remedy: x.Remedy, Controls: x.Controls})
	}
	head, err := evidence.HeadGet.Do(ctx, desk, op.None{})
	if err != nil {
		return err
	}
	if _, err := desk.Ledger.Wait(ctx, desk.Org, head.Size-1); err != nil {
		return err
	}
	if head, err = evidence.HeadGet.Do(ctx, desk, op.None{}); err != nil {
		return err
	}
	r.Ledger = Ledger{head.Origin, head.SignedSize, head.Root}
	return nil
}

func speaksOf(x checks.Check, mine map[id.Source]bool) bool {
	for _, a := range x.Sources {
		if mine[a.Source] {
			return true
		}
	}
	return false
}

// Exit statuses of an assessment.
const (
	AllPass     = 0
	SomeFail    = 1
	SomeUnknown = 3
)

// Exit says by a number what was found. A source that did not answer is
// unknown, and so is an assessment that examined nothing.
func (r *Report) Exit() int {
	code := AllPass
	for _, run := range r.Runs {
		if run.Status != sources.RunOK {
			code = SomeUnknown
		}
	}
	for _, x := range r.Checks {
		switch x.Status {
		case checks.Fail:
			return SomeFail
		case checks.Unknown:
			code = SomeUnknown
		}
	}
	if len(r.Checks) == 0 {
		return SomeUnknown
	}
	return code
}
