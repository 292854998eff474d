package host_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/sources"
)

// library compiles the checks over what a host yields.
func library(t *testing.T) []*checks.Compiled {
	t.Helper()
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	definitions, err := checks.Library()
	if err != nil {
		t.Fatal(err)
	}
	var all []*checks.Compiled
	for _, d := range definitions {
		if !strings.HasPrefix(d.ID, "host.") {
			continue
		}
		c, err := checks.Compile(d, schemas[d.Kind])
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Prove(); err != nil {
			t.Error(err)
		}
		all = append(all, c)
	}
	return all
}

// What checks say of a fixture is in a golden file, so that a change of the
// collector or of a rule shows what it does to verdicts.
func TestChecksJudgeWhatIsCollected(t *testing.T) {
	for _, name := range []string{"debian", "rhel", "container"} {
		t.Run(name, func(t *testing.T) {
			root := plant(t, name)
			settle(t, root)
			in := collect(t, below(root))
			var b strings.Builder
			for _, c := range library(t) {
				counts := map[checks.Status]int{}
				var lines []string
				for _, r := range in.Resources(c.Definition.Kind) {
					if c.Definition.ID == "host.files.settings" {
						r.Attrs["owner"], r.Attrs["group"] = "root", "root" // whoever runs the test
					}
					o := c.Evaluate(r, checks.Params{}, asof)
					counts[o.Status]++
					if o.Status == checks.Fail || o.Status == checks.Unknown {
						lines = append(lines, fmt.Sprintf("  %s: %s", o.Status, o.Message+o.Reason))
					}
					if strings.Contains(o.Message, "does not hold for") {
						t.Errorf("%s has no message for %s", c.Definition.ID, r.Key)
					}
				}
				fmt.Fprintf(&b, "%s: %d pass, %d fail, %d unknown, %d not applicable\n", c.Definition.ID,
					counts[checks.Pass], counts[checks.Fail], counts[checks.Unknown], counts[checks.NotApplicable])
				for _, line := range lines {
					b.WriteString(line + "\n")
				}
			}
			golden(t, name+"-judged", b.String())
		})
	}
}

// An ordinary user's run must not turn what it could not see into a pass.
func TestNothingPassesBecauseItCouldNotBeRead(t *testing.T) {
	root := plant(t, "debian")
	settle(t, root)
	whole := collect(t, below(root))
	chmod(t, root, 0, guarded...)
	t.Cleanup(func() { chmod(t, root, 0o755, guarded...) })
	var blind *sources.Intake
	asNobody(t, func() { blind = collect(t, below(root)) })
	for _, c := range library(t) {
		if c.Definition.Kind == "sensitive_file" {
			continue // its files were changed to make the others unreadable
		}
		seen := map[string]checks.Status{}
		for _, r := range whole.Resources(c.Definition.Kind) {
			seen[r.Key] = c.Evaluate(r, checks.Params{}, asof).Status
		}
		for _, r := range blind.Resources(c.Definition.Kind) {
			got := c.Evaluate(r, checks.Params{}, asof).Status
			if got != seen[r.Key] && got != checks.Unknown {
				t.Errorf("%s, %s: %s to root, %s to an ordinary user", c.Definition.ID, r.Key, seen[r.Key], got)
			}
		}
	}
}
