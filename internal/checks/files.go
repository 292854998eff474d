package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// Chosen names checks.
type Chosen struct {
	IDs []string `json:"ids,omitempty" maxItems:"1000" doc:"Their ids; all of your own if left out."`
}

// Written is checks as YAML.
type Written struct {
	YAML  string `json:"yaml"`
	Count int    `json:"count"`
}

func export(c *op.Call, in Chosen) (Written, error) {
	var out Written
	defs, own, err := definitions(c)
	if err != nil {
		return out, err
	}
	for _, id := range in.IDs {
		if !slices.ContainsFunc(defs, func(d Definition) bool { return d.ID == id }) {
			return out, fault.NotFound("There is no check %s in force.", id)
		}
	}
	var parts []string
	for _, d := range defs {
		if len(in.IDs) == 0 && !own[d.ID] || len(in.IDs) > 0 && !slices.Contains(in.IDs, d.ID) {
			continue
		}
		text := d.source
		if text == "" {
			if text, err = d.Text(); err != nil {
				return out, err
			}
		}
		parts = append(parts, strings.Trim(text, "\n")+"\n")
	}
	out.YAML, out.Count = strings.Join(parts, "---\n"), len(parts)
	return out, nil
}

// Taken says what an import did.
type Taken struct {
	Added     []string `json:"added"`
	Changed   []string `json:"changed"`
	Unchanged []string `json:"unchanged"`
}

// File is one or several checks as people write them.
type File struct {
	YAML string `json:"yaml" maxLength:"1048576" doc:"Definitions, each a YAML document, as checks.export writes them."`
	Why  string `json:"why,omitempty" maxLength:"1000" doc:"Why they are put in force."`
}

func importAll(c *op.Call, in File) (Taken, error) {
	out := Taken{Added: []string{}, Changed: []string{}, Unchanged: []string{}}
	texts, err := documents(in.YAML)
	if err != nil {
		return out, err
	}
	seen := map[string]bool{}
	from := 0
	for i, text := range texts {
		body := strings.TrimSuffix(text, "\n")
		from += max(strings.Index(in.YAML[from:], body), 0)
		begins := 1 + strings.Count(in.YAML[:from], "\n")
		from += len(body)
		d, err := proven(text)
		if err != nil {
			return out, inFile(err, i, begins)
		}
		if seen[d.ID] {
			return out, fault.Invalid("yaml", "line %d: %s is in the file twice; one check of an id is accepted", begins, d.ID)
		}
		seen[d.ID] = true
		past, err := versionsOf(c, d.ID)
		if err != nil {
			return out, err
		}
		if _, err := force(c, d, text, in.Why); err != nil {
			return out, err
		}
		switch {
		case len(past) == 0:
			out.Added = append(out.Added, d.ID)
		case past[0].Digest == d.Digest():
			out.Unchanged = append(out.Unchanged, d.ID)
		default:
			out.Changed = append(out.Changed, d.ID)
		}
	}
	c.Note("checks", slices.Concat(out.Added, out.Changed))
	return out, nil
}

// inFile says in which check of a file a fault is, whose lines count from where
// that check begins.
func inFile(err error, i, begins int) error {
	f := fault.As(err)
	if f == nil || f.Kind != fault.KindInvalid || i == 0 {
		return err
	}
	said := *f
	said.Message = fmt.Sprintf("in check %d, which begins on line %d of the file and whose lines count from there: %s", i+1, begins, f.Message)
	return &said
}
