package checks

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

//go:embed library
var libraryFiles embed.FS

var shipped = sync.OnceValues(func() ([]Definition, error) {
	dir, err := fs.Sub(libraryFiles, "library")
	if err != nil {
		return nil, err
	}
	all, err := ParseLibrary(dir)
	for i := range all {
		all[i].shipped = all[i].Digest()
	}
	return all, err
})

// Library are the checks that come with the program, by id.
func Library() ([]Definition, error) {
	definitions, err := shipped()
	return slices.Clone(definitions), err
}

// ParseLibrary reads every *.yaml file at the top of dir. Ids are unique
// across files.
func ParseLibrary(dir fs.FS) ([]Definition, error) {
	files, err := fs.Glob(dir, "*.yaml")
	if err != nil {
		return nil, err
	}
	var (
		all  []Definition
		errs []error
		seen = map[string]string{}
	)
	for _, file := range files {
		data, err := fs.ReadFile(dir, file)
		if err != nil {
			return nil, err
		}
		found, err := Parse(file, data)
		if err != nil {
			errs = append(errs, err)
		}
		for _, d := range found {
			if other, taken := seen[d.ID]; taken {
				errs = append(errs, fault.Invalid("id", "%s is already used at %s (%s)", d.ID, other, d.Where("id")))
				continue
			}
			seen[d.ID] = d.Where("id")
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b Definition) int { return cmp.Compare(a.ID, b.ID) })
	return all, errors.Join(errs...)
}

// fixtureTime is the end of the run in which fixtures were seen.
var fixtureTime = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// Prove judges the check's own fixtures, with default parameters as of
// 1 November 2026, and says which are judged otherwise than declared.
func (c *Compiled) Prove() error {
	var all faults
	for _, set := range c.Definition.Fixtures.sets() {
		for i, attrs := range set.list {
			key := fmt.Sprintf("fixtures.%s.%d", set.want, i)
			place := c.Definition.place(key)
			res, err := c.resource(attrs)
			if err != nil {
				all.add(misfit(c.Definition, set.want, i, err))
				continue
			}
			if got := c.Evaluate(res, Params{}, fixtureTime); got.Status != set.want {
				all.add(fault.Invalid("fixtures", "example %d of %s is judged %s%s (%s)", i+1, set.want, got.Status, because(got), place))
			}
		}
	}
	return all.err()
}

// misfit is an example that is no resource of the kind.
func misfit(d Definition, want Status, i int, err error) *fault.Error {
	return fault.Invalid("fixtures", "example %d of %s: %v (%s)", i+1, want, err, d.place(fmt.Sprintf("fixtures.%s.%d", want, i)))
}

func because(o Outcome) string {
	if text := o.Reason + o.Message; text != "" {
		return ": " + text
	}
	return ""
}

// resource makes a resource of a fixture's attributes.
func (c *Compiled) resource(attrs map[string]any) (sources.Resource, error) {
	res := sources.Resource{Kind: c.Schema.Kind, Key: "fixture", Attrs: make(map[string]any, len(attrs))}
	for name, value := range attrs {
		field, known := c.Schema.Fields[name]
		if !known {
			names := c.Schema.FieldNames()
			if near := nearest(name, names); near != "" {
				return res, fmt.Errorf("%s has no field %s: %s is probably meant", c.Schema.Kind, name, near)
			}
			return res, fmt.Errorf("%s has no field %s", c.Schema.Kind, name)
		}
		value, err := valueOf(field.Type, value)
		if err != nil {
			return res, fmt.Errorf("field %s %w", name, err)
		}
		res.Attrs[name] = value
	}
	return res, nil
}
