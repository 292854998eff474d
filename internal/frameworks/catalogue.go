// Package frameworks holds the criteria that an organization is examined
// against, as data: which exist, in which order, what they are about in our own
// words, and which of them a choice of categories brings into scope.
package frameworks

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed catalogue/*.yaml
var shipped embed.FS

// populationsFile is the one file of a catalogue folder that is not a version.
const populationsFile = "populations.yaml"

// Security is the category that no scope can leave out.
const Security = "security"

// A Catalogue is every version of the criteria that this program knows, and the
// populations they speak of. Nothing in it changes after loading, and callers
// do not change what they are handed.
type Catalogue struct {
	versions    []*Version // oldest first
	populations []Population
}

// A Version is one edition of the criteria. An engagement pins the id of one
// and keeps it when a newer edition appears.
type Version struct {
	ID          string `yaml:"id" json:"id"`
	Title       string `yaml:"title" json:"title"` // as the publisher calls it
	Short       string `yaml:"short" json:"short"` // where a table has no room for the title
	Publisher   string `yaml:"publisher" json:"publisher"`
	InForceFrom string `yaml:"in_force_from" json:"in_force_from"` // civil date, YYYY-MM-DD
	InForce     string `yaml:"in_force" json:"in_force"`           // what that date means
	Note        string `yaml:"note" json:"note"`                   // whose text is whose

	// Categories and Series are in catalogue order.
	Categories []Category `yaml:"categories" json:"categories"`
	Series     []Series   `yaml:"series" json:"series"`
	// Focus counts the points of focus by the category they serve. Some hang on
	// criteria of Security and yet matter for another category only.
	Focus []Focus `yaml:"focus" json:"focus,omitempty"`

	criteria []Criterion
}

// A Category is what a report may be about; Security always is.
type Category struct {
	Code     string `yaml:"code" json:"code"`
	Title    string `yaml:"title" json:"title"`
	Sentence string `yaml:"sentence" json:"sentence"`
	// Series are the ones this category adds, not those Security brings.
	Series []string `yaml:"series" json:"series"`
}

// A Series is a row of the criteria map: criteria that share a subject.
type Series struct {
	Code     string      `yaml:"code" json:"code"`
	Title    string      `yaml:"title" json:"title"`
	Category string      `yaml:"-" json:"category"` // the one that lists it
	Criteria []Criterion `yaml:"criteria" json:"criteria"`
}

// Focus is how many points of focus serve a category.
type Focus struct {
	Category string `yaml:"category" json:"category"`
	Points   int    `yaml:"points" json:"points"`
}

// A Criterion is one of the statements an auditor gives an opinion against.
type Criterion struct {
	Code string `yaml:"code" json:"code"`
	// Title, Text and Questions are ours; the official wording is not here.
	Title string `yaml:"title" json:"title"`
	Text  string `yaml:"text" json:"text"`
	// PointsOfFocus counts the publisher's aids to interpretation, which are
	// not requirements.
	PointsOfFocus int `yaml:"points_of_focus" json:"points_of_focus"`
	// COSO is the internal-control principle behind it, 1 to 17; zero if none.
	COSO int `yaml:"coso" json:"coso,omitempty"`
	// Populations are codes of the lists that its controls are usually tested
	// from.
	Populations []string `yaml:"populations" json:"populations"`
	// Procedures are what auditors usually do, never what they found.
	Procedures []UsualProcedure `yaml:"procedures" json:"procedures"`
	// Questions are what a readiness interviewer would ask.
	Questions []string `yaml:"questions" json:"questions"`
	Series    string   `yaml:"-" json:"series"`
	Category  string   `yaml:"-" json:"category"`
}

// A UsualProcedure is a customary test of a criterion's controls. Inquiry never
// stands alone.
type UsualProcedure struct {
	Method string `yaml:"method" json:"method"` // inquiry, observation, inspection, reperformance
	Of     string `yaml:"of" json:"of"`
}

// A Population is a list of everything that should have happened, or of
// everything there is, from which items are examined.
type Population struct {
	Code   string   `yaml:"code" json:"code"`
	Title  string   `yaml:"title" json:"title"`
	Source string   `yaml:"source" json:"source"` // where the list naturally comes from
	Fields []string `yaml:"fields" json:"fields"` // without which its items cannot be judged
}

// Load reads the catalogue that is part of the program. The app calls it once
// and hands the result on.
func Load() (*Catalogue, error) {
	dir, err := fs.Sub(shipped, "catalogue")
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	return LoadFrom(dir)
}

// LoadFrom reads a folder that holds populations.yaml and one file per version.
// It refuses unknown fields, repeated codes and references to nothing.
func LoadFrom(dir fs.FS) (*Catalogue, error) {
	names, err := fs.Glob(dir, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	var c Catalogue
	if err := decode(dir, populationsFile, &c.populations); err != nil {
		return nil, err
	}
	for _, name := range names {
		if name == populationsFile {
			continue
		}
		v := new(Version)
		if err := decode(dir, name, v); err != nil {
			return nil, err
		}
		if err := v.join(); err != nil {
			return nil, fmt.Errorf("catalogue: %s: %w", name, err)
		}
		c.versions = append(c.versions, v)
	}
	slices.SortFunc(c.versions, func(a, b *Version) int {
		if n := strings.Compare(a.InForceFrom, b.InForceFrom); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	if err := c.verify(); err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	return &c, nil
}

// decode reads exactly one document and refuses what the type does not name.
func decode(dir fs.FS, name string, into any) error {
	b, err := fs.ReadFile(dir, name)
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("catalogue: %s: %w", name, err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("catalogue: %s: want one YAML document", name)
	}
	return nil
}

// join gives each series its category and each criterion its series, and lays
// the criteria out in one list.
func (v *Version) join() error {
	owner := map[string]string{}
	for _, c := range v.Categories {
		for _, s := range c.Series {
			if owner[s] != "" {
				return fmt.Errorf("series %s is in two categories", s)
			}
			owner[s] = c.Code
		}
	}
	for i := range v.Series {
		s := &v.Series[i]
		if s.Category = owner[s.Code]; s.Category == "" {
			return fmt.Errorf("series %q is in no category, or is there twice", s.Code)
		}
		delete(owner, s.Code)
		for j := range s.Criteria {
			s.Criteria[j].Series, s.Criteria[j].Category = s.Code, s.Category
			v.criteria = append(v.criteria, s.Criteria[j])
		}
	}
	for s := range owner {
		return fmt.Errorf("category %s lists series %s, which is not there", owner[s], s)
	}
	if !slices.ContainsFunc(v.Categories, func(c Category) bool { return c.Code == Security }) {
		return errors.New("there is no category security")
	}
	return nil
}

// verify holds what a version promises to those who use it: codes are unique
// and lead somewhere.
func (c *Catalogue) verify() error {
	if len(c.versions) == 0 || len(c.populations) == 0 {
		return errors.New("want at least one version and one population")
	}
	seen := map[string]bool{}
	once := func(what, code string) error {
		if code == "" {
			return fmt.Errorf("a %s has no code", what)
		}
		if seen[what+code] {
			return fmt.Errorf("%s %s is there twice", what, code)
		}
		seen[what+code] = true
		return nil
	}
	for _, p := range c.populations {
		if err := once("population", p.Code); err != nil {
			return err
		}
	}
	for _, v := range c.versions {
		if err := once("version", v.ID); err != nil {
			return err
		}
		if len(v.criteria) == 0 {
			return fmt.Errorf("version %s has no criteria", v.ID)
		}
		if err := v.countFocus(); err != nil {
			return err
		}
		for _, cr := range v.criteria {
			if err := once("criterion of "+v.ID+" ", cr.Code); err != nil {
				return err
			}
			if i := slices.IndexFunc(cr.Populations, func(p string) bool { return !seen["population"+p] }); i >= 0 {
				return fmt.Errorf("criterion %s speaks of population %s, which is not there", cr.Code, cr.Populations[i])
			}
		}
	}
	return nil
}
