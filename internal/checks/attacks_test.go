package checks_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources/importertest"
)

// Checks of strangers are put in force all or none; what is wrong is named by
// its line in the file, or by its check and field.
func TestHostileChecksAreRefused(t *testing.T) {
	other := strings.ReplaceAll(ownCheck, ownID, "own.other")
	lines := strings.Count(ownCheck+"---\n", "\n")
	where := regexp.MustCompile(`(?i)line \d|yaml|own\.|the file`)
	attacks := map[string]struct{ text, want string }{
		"deep":                     {"id: " + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000), ""},
		"aliases in aliases":       {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\nid: *f\n", ""},
		"an alias of itself":       {"id: &a [*a]\n", ""},
		"a field twice":            {ownCheck + "id: again\n", ""},
		"a list for a text":        {strings.Replace(ownCheck, "id: "+ownID, "id: ["+ownID+"]", 1), ""},
		"a text for a list":        {ownCheck + "controls: {a: b}\n", ""},
		"an unknown field":         {ownCheck + "shell: rm -rf /\n", "shell"},
		"the second is at fault":   {ownCheck + "---\n" + other + "shell: x\n", "check 2, which begins on line " + strconv.Itoa(lines+1) + " "},
		"the same twice":           {ownCheck + "---\n" + ownCheck, "twice"},
		"cut":                      {ownCheck[:len(ownCheck)/2], ""},
		"a rule without end":       {ownCheck + "message: \"" + strings.Repeat("x", 900<<10) + "\"\n", ""},
		"no JSON for YAML":         {`[{"id":"own.x"}]`, ""},
		"a program in a rule":      {strings.Replace(ownCheck, "pass:", "pass: |\n  __import__('os').system('x') #", 1), ""},
		"a tag that makes objects": {"!!python/object/apply:os.system [x]\n", ""},
	}
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		for name, c := range attacks {
			t.Run(name, func(t *testing.T) {
				_, err := checks.Import.Do(t.Context(), desk, checks.File{YAML: c.text})
				f := fault.As(err)
				if f == nil || f.Kind != fault.KindInvalid || !where.MatchString(f.Error()) || !strings.Contains(f.Error(), c.want) {
					t.Fatalf("%v, want %q", err, c.want)
				}
			})
		}
		for name, text := range importertest.Texts {
			if _, err := checks.Import.Do(t.Context(), desk, checks.File{YAML: text}); fault.KindOf(err) != fault.KindInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := optest.Do(t, desk, checks.Export, checks.Chosen{}); got.Count != 0 {
			t.Errorf("%d were put in force", got.Count)
		}
	})
}
