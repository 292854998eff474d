package frameworks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
)

// Versions are all editions, the one in force for the longest time first.
func (c *Catalogue) Versions() []*Version { return slices.Clone(c.versions) }

// Version finds the edition that something pinned.
func (c *Catalogue) Version(id string) (*Version, error) {
	var known []string
	for _, v := range c.versions {
		if v.ID == id {
			return v, nil
		}
		known = append(known, v.ID)
	}
	return nil, fault.NotFound("there is no catalogue version %q: known are %s", id, strings.Join(known, ", "))
}

// Current is the newest edition: what a new scope starts from. What was decided
// under an older one asks for that one by id.
func (c *Catalogue) Current() *Version { return c.versions[len(c.versions)-1] }

// Criterion finds a criterion of the current version.
func (c *Catalogue) Criterion(code string) (Criterion, error) { return c.Current().Criterion(code) }

// InScope answers for the current version; see Version.InScope.
func (c *Catalogue) InScope(categories []string) ([]Criterion, error) {
	return c.Current().InScope(categories)
}

// Populations are all of them, by code.
func (c *Catalogue) Populations() []Population { return slices.Clone(c.populations) }

// Population finds one by its code.
func (c *Catalogue) Population(code string) (Population, error) {
	for _, p := range c.populations {
		if p.Code == code {
			return p, nil
		}
	}
	return Population{}, fault.NotFound("there is no population %q: codes run from %s to %s",
		code, c.populations[0].Code, c.populations[len(c.populations)-1].Code)
}

// Criteria are all criteria of the version in catalogue order.
func (v *Version) Criteria() []Criterion { return slices.Clone(v.criteria) }

// Criterion finds one by its exact code.
func (v *Version) Criterion(code string) (Criterion, error) {
	for _, c := range v.criteria {
		if c.Code == code {
			return c, nil
		}
	}
	return Criterion{}, fault.NotFound("there is no criterion %q in %s: codes are written like %s or %s",
		code, v.ID, v.criteria[0].Code, v.criteria[len(v.criteria)-1].Code)
}

// InScope gives the criteria that these categories select, in catalogue order.
// Security is selected whether named or not.
func (v *Version) InScope(categories []string) ([]Criterion, error) {
	known := make([]string, len(v.Categories))
	for i, c := range v.Categories {
		known[i] = c.Code
	}
	for _, name := range categories {
		if !slices.Contains(known, name) {
			return nil, fault.Invalid("categories", "%q is not a category: categories are %s", name, strings.Join(known, ", "))
		}
	}
	var in []Criterion
	for _, c := range v.criteria {
		if c.Category == Security || slices.Contains(categories, c.Category) {
			in = append(in, c)
		}
	}
	return in, nil
}

// PointsOfFocus counts those that matter for these categories. Security is
// selected whether named or not.
func (v *Version) PointsOfFocus(categories []string) int {
	n := 0
	for _, f := range v.Focus {
		if f.Category == Security || slices.Contains(categories, f.Category) {
			n += f.Points
		}
	}
	return n
}

// countFocus holds that points counted by category and by criterion are the
// same points.
func (v *Version) countFocus() error {
	if len(v.Focus) == 0 {
		return nil // an edition that does not say
	}
	byCategory, byCriterion := 0, 0
	for _, f := range v.Focus {
		if !slices.ContainsFunc(v.Categories, func(c Category) bool { return c.Code == f.Category }) {
			return fmt.Errorf("version %s counts points of focus for %q, which is no category", v.ID, f.Category)
		}
		byCategory += f.Points
	}
	for _, c := range v.criteria {
		byCriterion += c.PointsOfFocus
	}
	if byCategory != byCriterion {
		return fmt.Errorf("version %s has %d points of focus by category and %d by criterion", v.ID, byCategory, byCriterion)
	}
	return nil
}
