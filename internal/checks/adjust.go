package checks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// Adjustment sets parameters.
type Adjustment struct {
	ID     string `json:"id" doc:"The check's id."`
	Params string `json:"params" maxLength:"8192" doc:"The values, a line each, as in days: 90. Those left out have the program's own; none at all takes every change back."`
	Reason string `json:"reason" minLength:"10" maxLength:"1000" doc:"Why these values are right here."`
}

// Most of one value.
const (
	maxListed  = 200
	maxSetText = 500
)

func adjust(c *op.Call, in Adjustment) (Check, error) {
	lib, err := Library()
	if err != nil {
		return Check{}, err
	}
	i := slices.IndexFunc(lib, func(d Definition) bool { return d.ID == in.ID })
	if i < 0 {
		return Check{}, fault.NotFound("There is no check %s of the program. Parameters of your own are in the check itself.", in.ID)
	}
	base := lib[i]
	if len(base.Params) == 0 {
		return Check{}, fault.Conflict("%s has no parameters. Make your own of it to change its rule.", in.ID)
	}
	s, err := settingOf(c, in.ID)
	if err != nil {
		return Check{}, err
	}
	if s.off {
		return Check{}, fault.Conflict("%s is out of force. Restore it first.", in.ID)
	}
	set, err := base.values(in.Params)
	if err != nil {
		return Check{}, err
	}
	d, err := base.with(set)
	if err != nil {
		return Check{}, err
	}
	was, err := base.with(s.params)
	if err != nil {
		return Check{}, err
	}
	if was.Digest() == d.Digest() {
		return Check{}, fault.Conflict("%s has these values already.", in.ID)
	}
	body, err := bodyOf(d)
	if err != nil {
		return Check{}, err
	}
	if err := install(c, d, false, body); err != nil {
		return Check{}, err
	}
	if err := decide(c, setting{check: d.ID, act: actAdjusted, params: set, digest: d.Digest(), why: strings.TrimSpace(in.Reason)}); err != nil {
		return Check{}, err
	}
	_, err = reevaluate(c, op.None{})
	return describe(d, false), err
}

// values reads what is set for a check's parameters and holds it to their
// bounds. Those that are as the program has them are left out.
func (d Definition) values(text string) (map[string]any, error) {
	raw := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &raw); err != nil {
		return nil, fault.Invalid("params", "write a line for each, as in days: 90: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	out := map[string]any{}
	var all faults
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		p, known := d.Params[name]
		if !known {
			all.add(fault.Invalid("params", "%s has no parameter %s: %s are accepted", d.ID, name, strings.Join(slices.Sorted(maps.Keys(d.Params)), ", ")))
			continue
		}
		value, err := valueOf(p.Type, raw[name])
		if err != nil {
			all.add(fault.Invalid("params", "%s %v", name, err))
			continue
		}
		if err := p.bound(value); err != nil {
			all.add(fault.Invalid("params", "%s %v", name, err))
			continue
		}
		if fmt.Sprint(value) != fmt.Sprint(p.Default) {
			out[name] = value
		}
	}
	return out, all.err()
}

// bound holds a value to what the author allows.
func (p Param) bound(value any) error {
	switch v := value.(type) {
	case int64:
		if p.Min != nil && v < *p.Min || p.Max != nil && v > *p.Max {
			return fmt.Errorf("is %d: %s is accepted", v, p.Bounds())
		}
	case string:
		if len(v) > maxSetText {
			return fmt.Errorf("has %d characters: at most %d are accepted", len(v), maxSetText)
		}
	case []string:
		if len(v) > maxListed || slices.ContainsFunc(v, func(s string) bool { return len(s) > maxSetText }) {
			return fmt.Errorf("is too long: at most %d texts of %d characters are accepted", maxListed, maxSetText)
		}
	case map[string]string:
		if len(v) > maxListed {
			return fmt.Errorf("is too long: at most %d are accepted", maxListed)
		}
	}
	return nil
}

// Bounds says in words what a whole number may be; empty if anything.
func (p Param) Bounds() string {
	switch {
	case p.Min != nil && p.Max != nil:
		return fmt.Sprintf("%d to %d", *p.Min, *p.Max)
	case p.Min != nil:
		return fmt.Sprintf("%d or more", *p.Min)
	case p.Max != nil:
		return fmt.Sprintf("%d or less", *p.Max)
	}
	return ""
}
