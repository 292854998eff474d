package controls

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed library/*.yaml
var shipped embed.FS

// The words a template may use, besides those of stages.
var (
	controlTypes = []string{"preventive", "detective", "corrective"}
	natures      = []string{"manual", "automated", "it_dependent"}
	frequencies  = []string{
		"annual", "semi_annual", "quarterly", "monthly", "semi_monthly", "weekly", "daily",
		"many_times_a_day", "per_event", "continuous",
	}
	strengths = []string{"direct", "supporting"}
)

// A Template is a control as the library proposes it. An organization adopts it
// by making it its own: what operates, and what a report says, is theirs.
type Template struct {
	Code  string `yaml:"code" json:"code"` // family, hyphen, number: IAM-02
	Title string `yaml:"title" json:"title"`
	// Text is worded as a report would: who does what, when, and what it leaves.
	Text     string    `yaml:"text" json:"text"`
	Criteria []Mapping `yaml:"criteria" json:"criteria"`
	Type     string    `yaml:"type" json:"type"`
	Nature   string    `yaml:"nature" json:"nature"`
	// Frequency decides how many occurrences a period should have.
	Frequency string `yaml:"frequency" json:"frequency"`
	// OwnerRole is a role of the organization, never of the auditor.
	OwnerRole string   `yaml:"owner_role" json:"owner_role"`
	Evidence  []string `yaml:"evidence" json:"evidence"`
	// Population is the code of the list from which items are examined.
	Population string `yaml:"population" json:"population"`
	// Stage is the earliest at which the control is expected, provided that a
	// category it serves is in scope.
	Stage string `yaml:"stage" json:"stage"`
	// Key controls are those without which a criterion is usually not met.
	Key bool `yaml:"key" json:"key"`
	// Procedures are what an auditor usually does with it.
	Procedures []string `yaml:"procedures" json:"procedures"`
	// Guidance says how a small organization does it well, and what goes wrong.
	Guidance string `yaml:"guidance" json:"guidance"`
}

// A Mapping ties a template to a criterion: direct if it does part of what
// the criterion asks for, supporting if it makes other controls work.
type Mapping struct {
	Criterion string `yaml:"criterion" json:"criterion"`
	Strength  string `yaml:"strength" json:"strength"`
}

// ExpectedAt says whether an organization at this stage would be expected to
// have the control. An unknown stage expects nothing.
func (t Template) ExpectedAt(stage string) bool {
	return slices.Index(stages, t.Stage) <= slices.Index(stages, stage)
}

// Library reads the templates that are part of the program, in order of code.
func Library() ([]Template, error) {
	all, err := library()
	return slices.Clone(all), err
}

var library = sync.OnceValues(read)

func read() ([]Template, error) {
	names, err := fs.Glob(shipped, "library/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("control library: %w", err)
	}
	var all []Template
	for _, name := range names {
		b, err := shipped.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("control library: %w", err)
		}
		family, err := parse(b)
		if err != nil {
			return nil, fmt.Errorf("control library: %s: %w", name, err)
		}
		all = append(all, family...)
	}
	slices.SortFunc(all, func(a, b Template) int { return strings.Compare(a.Code, b.Code) })
	return all, nil
}

// parse reads one file of the library and refuses fields that Template does not
// name, so that a misspelt one is not lost.
func parse(b []byte) ([]Template, error) {
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	var family []Template
	if err := d.Decode(&family); err != nil {
		return nil, err
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("want one YAML document")
	}
	return family, nil
}
