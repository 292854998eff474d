package checks

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

var (
	checkID     = regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*$`)
	paramName   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	controlCode = regexp.MustCompile(`^[A-Z]{3}-\d{2}$`)
	criterion   = regexp.MustCompile(`^(CC1\.[1-5]|CC2\.[1-3]|CC3\.[1-4]|CC4\.[12]|CC5\.[1-3]|CC6\.[1-8]|CC7\.[1-5]|CC8\.1|CC9\.[12]|A1\.[1-3]|C1\.[12]|PI1\.[1-5]|P1\.1|P2\.1|P3\.[12]|P4\.[1-3]|P5\.[12]|P6\.[1-7]|P7\.1|P8\.1)$`)
	placeholder = regexp.MustCompile(`\{[^{}]*\}`)
)

// Cadences are how often a check can be asked for, and the time between.
var cadences = map[string]time.Duration{
	"hourly":    time.Hour,
	"daily":     24 * time.Hour,
	"weekly":    7 * 24 * time.Hour,
	"monthly":   28 * 24 * time.Hour,
	"quarterly": 90 * 24 * time.Hour,
	"yearly":    365 * 24 * time.Hour,
}

var (
	severities   = []string{"high", "medium", "low"}
	strengths    = []string{"direct", "supporting"}
	paramTypes   = []string{sources.TypeString, sources.TypeBool, sources.TypeInt, sources.TypeTimestamp, sources.TypeList, sources.TypeMap}
	placeholders = []string{"{failing}", "{passing}", "{unknown}", "{total}"}
)

const maxFreshness = 400 * 24 * time.Hour

func (d *Definition) setDefaults() {
	if d.Empty == "" {
		d.Empty = Unknown
	}
	for _, list := range [][]map[string]any{d.Fixtures.Pass, d.Fixtures.Fail, d.Fixtures.Unknown} {
		for _, attrs := range list {
			maps.DeleteFunc(attrs, func(_ string, value any) bool { return value == nil })
		}
	}
}

// validate adds what is wrong in the definition by itself; Compile finds what
// is wrong between it and the kind it judges.
func (d *Definition) validate(all *faults) {
	say := func(key, format string, args ...any) {
		field, _, _ := strings.Cut(key, ".")
		all.add(fault.Invalid(field, "%s (%s)", fmt.Sprintf(format, args...), d.place(key)))
	}
	oneOf := func(key, value string, accepted []string) {
		if !slices.Contains(accepted, value) {
			say(key, "%q is not accepted: give %s", value, strings.Join(accepted, ", "))
		}
	}
	if !checkID.MatchString(d.ID) || len(d.ID) > 100 {
		say("id", "%q is not an id: give lower-case words joined by dots or dashes, as in git.commit.signed", d.ID)
	}
	if d.Schema < 1 {
		say("schema", "give the version of the kind's schema, 1 or above")
	}
	for _, part := range []struct{ key, text string }{
		{"title", d.Title}, {"kind", d.Kind}, {"pass", d.Pass}, {"message", d.Message},
		{"summary", d.Summary}, {"risk", d.Risk}, {"fix", d.Fix},
	} {
		if strings.TrimSpace(part.text) == "" {
			say(part.key, "it is missing: every check needs one")
		}
	}
	for _, found := range placeholder.FindAllString(d.Summary, -1) {
		if !slices.Contains(placeholders, found) {
			say("summary", "%s stands for nothing: give %s", found, strings.Join(placeholders, ", "))
		}
	}
	oneOf("empty", string(d.Empty), []string{string(Unknown), string(Pass), string(Fail)})
	oneOf("severity", d.Severity, severities)
	d.validateTimes(say)
	d.validateParams(say)
	d.validateLinks(say)
	d.validateFixtures(say)
	if len(all.list) > 0 {
		return
	}
	if _, err := canon.JSON(d); err != nil {
		say("", "it cannot be written down exactly: %v", err)
	}
}

// place is where a fault is: the file and line, if there is one, and the check.
func (d *Definition) place(key string) string {
	name := d.ID
	if name == "" {
		name = "check without id"
	}
	if where := d.Where(key); where != "" {
		return where + ", " + name
	}
	return name
}

func (d *Definition) validateTimes(say func(string, string, ...any)) {
	between, known := cadences[d.Cadence]
	if !known {
		accepted := slices.SortedFunc(maps.Keys(cadences), func(a, b string) int { return int(cadences[a]/time.Hour) - int(cadences[b]/time.Hour) })
		say("cadence", "%q is not accepted: give %s", d.Cadence, strings.Join(accepted, ", "))
	}
	fresh := time.Duration(d.Freshness)
	if fresh <= 0 || fresh > maxFreshness || fresh%time.Millisecond != 0 {
		say("freshness", "%s is not accepted: give a duration above 0 and up to 9600h, as in 26h", d.Freshness)
	} else if known && fresh < between {
		say("freshness", "%s is shorter than the %s cadence: between two runs everything would be unknown", d.Freshness, d.Cadence)
	}
}

func (d *Definition) validateParams(say func(string, string, ...any)) {
	for _, name := range slices.Sorted(maps.Keys(d.Params)) {
		key, param := "params."+name, d.Params[name]
		if !paramName.MatchString(name) {
			say(key, "%q is not a name: give lower-case letters, digits and _", name)
		}
		if param.Doc == "" {
			say(key, "parameter %s needs a doc", name)
		}
		if !slices.Contains(paramTypes, param.Type) {
			say(key, "%q is not a type: give %s", param.Type, strings.Join(paramTypes, ", "))
			continue
		}
		value, err := valueOf(param.Type, param.Default)
		if err != nil {
			say(key, "the default of %s %v", name, err)
			continue
		}
		if (param.Min != nil || param.Max != nil) && param.Type != sources.TypeInt {
			say(key, "parameter %s is no whole number: only those have a min and a max", name)
		} else if err := param.bound(value); err != nil {
			say(key, "the default of %s %v", name, err)
		}
		param.Default = value
		d.Params[name] = param
	}
}

func (d *Definition) validateLinks(say func(string, string, ...any)) {
	if len(d.Controls) == 0 {
		say("controls", "name at least one control, as in CHG-03")
	}
	for i, code := range d.Controls {
		if !controlCode.MatchString(code) {
			say(fmt.Sprintf("controls.%d", i), "%q is not the code of a control: three capitals, a dash, two digits, as in CHG-03", code)
		}
		if slices.Contains(d.Controls[:i], code) {
			say(fmt.Sprintf("controls.%d", i), "%s is named twice", code)
		}
	}
	if len(d.Map) == 0 {
		say("map", "map the check to at least one criterion")
	}
	for i, m := range d.Map {
		key := fmt.Sprintf("map.%d", i)
		if !criterion.MatchString(m.Criterion) {
			say(key, "%q is not one of the 61 criteria: CC1.1 to CC9.2, A1.1 to A1.3, C1.1, C1.2, PI1.1 to PI1.5, P1.1 to P8.1", m.Criterion)
		}
		if !slices.Contains(strengths, m.Strength) {
			say(key, "%q is not a strength: give %s", m.Strength, strings.Join(strengths, ", "))
		}
		if slices.ContainsFunc(d.Map[:i], func(o Mapping) bool { return o.Criterion == m.Criterion }) {
			say(key, "%s is mapped twice", m.Criterion)
		}
	}
}

func (d *Definition) validateFixtures(say func(string, string, ...any)) {
	for _, set := range d.Fixtures.sets() {
		if len(set.list) == 0 {
			say("fixtures", "the check needs at least one example that must be %s", set.want)
		}
	}
}

// valueOf brings a value written in YAML or JSON to the form a resource of
// that type has. A nil is refused.
func valueOf(kind string, value any) (any, error) {
	switch v := value.(type) {
	case string:
		switch kind {
		case sources.TypeString:
			return v, nil
		case sources.TypeTimestamp:
			if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
				return t.UTC().Truncate(time.Millisecond), nil
			}
		}
	case bool:
		if kind == sources.TypeBool {
			return v, nil
		}
	case int:
		if kind == sources.TypeInt {
			return int64(v), nil
		}
	case int64:
		if kind == sources.TypeInt {
			return v, nil
		}
	case float64: // the only number of JSON
		if kind == sources.TypeInt && v == float64(int64(v)) && v > -1<<53 && v < 1<<53 {
			return int64(v), nil
		}
	case time.Time:
		if kind == sources.TypeTimestamp {
			return v.UTC().Truncate(time.Millisecond), nil
		}
	case []string:
		if kind == sources.TypeList {
			return v, nil
		}
	case map[string]string:
		if kind == sources.TypeMap {
			return v, nil
		}
	case []any:
		if kind == sources.TypeList {
			return textList(v)
		}
	case map[string]any:
		if kind == sources.TypeMap {
			return textMap(v)
		}
	}
	return nil, fmt.Errorf("is %v: %s is accepted", value, accepted[kind])
}

var accepted = map[string]string{
	sources.TypeString:    "a text (in quotes, if it looks like a number or a date)",
	sources.TypeBool:      "true or false",
	sources.TypeInt:       "a whole number",
	sources.TypeTimestamp: "an instant, as in 2026-10-01T00:00:00Z,",
	sources.TypeList:      "a list of texts",
	sources.TypeMap:       "texts by name",
}

func textList(list []any) (any, error) {
	texts := make([]string, len(list))
	for i, v := range list {
		text, is := v.(string)
		if !is {
			return nil, fmt.Errorf("has %v as element %d: %s is accepted", v, i+1, accepted[sources.TypeString])
		}
		texts[i] = text
	}
	return texts, nil
}

func textMap(m map[string]any) (any, error) {
	texts := make(map[string]string, len(m))
	for k, v := range m {
		text, is := v.(string)
		if !is {
			return nil, fmt.Errorf("has %v under %q: %s is accepted", v, k, accepted[sources.TypeString])
		}
		texts[k] = text
	}
	return texts, nil
}
