package controls

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/frameworks"
)

// fewest is the size below which the library no longer covers what it claims.
const fewest = 90

var (
	codeForm = regexp.MustCompile(`^[A-Z]{3}-\d{2}$`)
	// never lists words that claim what no control and no report can, and fill
	// words.
	never = regexp.MustCompile(`(?i)certified|compliant|tamper-proof|immutable|aicpa|\bpassed\b|` +
		`\bsimply\b|\brobust|comprehensive|leverag|\bsuppliers?\b|organisation`)
)

// Verify holds a library against the current catalogue and returns everything
// that is wrong with it, joined; nil if nothing is. It is how the tests keep the shipped
// library whole.
func Verify(templates []Template, catalogue *frameworks.Catalogue) error {
	var faults []error
	report := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }

	if len(templates) < fewest {
		report("the library has %d templates: want at least %d", len(templates), fewest)
	}
	codes, texts := map[string]bool{}, map[string]string{}
	covered, early := map[string]bool{}, map[string]bool{}
	for _, t := range templates {
		for _, wrong := range t.faults(catalogue) {
			report("%s: %s", t.Code, wrong)
		}
		if codes[t.Code] {
			report("%s is there twice", t.Code)
		}
		codes[t.Code] = true
		if other := texts[t.Text]; other != "" {
			report("%s and %s have the same text", t.Code, other)
		}
		texts[t.Text] = t.Code
		for _, m := range t.Criteria {
			covered[m.Criterion] = true
			early[m.Criterion] = early[m.Criterion] || t.ExpectedAt(stages[0])
		}
	}
	for _, c := range catalogue.Current().Criteria() {
		switch {
		case !covered[c.Code]:
			report("no template covers %s", c.Code)
		case !early[c.Code]:
			report("no template of stage %s covers %s", stages[0], c.Code)
		}
	}
	return errors.Join(faults...)
}

// faults are those of one template alone.
func (t Template) faults(catalogue *frameworks.Catalogue) []string {
	var wrong []string
	report := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }

	if !codeForm.MatchString(t.Code) {
		report("a code is three capital letters, a hyphen and two digits")
	}
	for _, f := range []struct{ name, value string }{
		{"title", t.Title}, {"text", t.Text}, {"owner_role", t.OwnerRole}, {"guidance", t.Guidance},
	} {
		if strings.TrimSpace(f.value) == "" {
			report("%s is empty", f.name)
		}
	}
	for _, f := range []struct {
		name   string
		values []string
		most   int
	}{
		{"evidence", t.Evidence, 6}, {"procedures", t.Procedures, 3},
	} {
		if n := len(f.values); n == 0 || n > f.most || slices.Contains(f.values, "") {
			report("%s has %d lines: want 1 to %d, none empty", f.name, n, f.most)
		}
	}
	for _, f := range []struct {
		name, value string
		accepted    []string
	}{
		{"type", t.Type, controlTypes}, {"nature", t.Nature, natures},
		{"frequency", t.Frequency, frequencies}, {"stage", t.Stage, stages},
	} {
		if !slices.Contains(f.accepted, f.value) {
			report("%s is one of %s, not %q", f.name, strings.Join(f.accepted, ", "), f.value)
		}
	}
	if len(t.Criteria) == 0 {
		report("it serves no criterion")
	}
	seen := map[string]bool{}
	for _, m := range t.Criteria {
		if _, err := catalogue.Criterion(m.Criterion); err != nil {
			report("%v", err)
		}
		if !slices.Contains(strengths, m.Strength) {
			report("strength is one of %s, not %q", strings.Join(strengths, ", "), m.Strength)
		}
		if seen[m.Criterion] {
			report("%s is mapped twice", m.Criterion)
		}
		seen[m.Criterion] = true
	}
	if _, err := catalogue.Population(t.Population); err != nil {
		report("%v", err)
	}
	all := append([]string{t.Title, t.Text, t.Guidance}, append(slices.Clone(t.Evidence), t.Procedures...)...)
	if word := never.FindString(strings.Join(all, "\n")); word != "" {
		report("it says %q, which this product never says", word)
	}
	return wrong
}
