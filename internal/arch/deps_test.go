package arch_test

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

const maxDeps = 40

// sdks are collectors' own libraries, which do not count against the limit.
var sdks = regexp.MustCompile(`^(github\.com/aws/|k8s\.io/)`)

var (
	required   = regexp.MustCompile(`(?m)^(?:require\s+|\t)([^\s(/]+\.[^\s]+)\s+v\S+( // indirect)?$`)
	documented = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.*) \\|$")
)

// reasoned: docs/dependencies.md gives a reason for each direct dependency and
// lists nothing else.
func reasoned(t *tree) []string {
	mod, err := fs.ReadFile(t.fsys, "go.mod")
	if err != nil {
		return []string{err.Error()}
	}
	doc, err := fs.ReadFile(t.fsys, "docs/dependencies.md")
	if err != nil {
		return []string{err.Error()}
	}
	reasons := map[string]string{}
	for _, m := range documented.FindAllStringSubmatch(string(doc), -1) {
		reasons[m[1]] = strings.TrimSpace(m[2])
	}
	var out []string
	count := 0
	for _, m := range required.FindAllStringSubmatch(string(mod), -1) {
		if m[2] != "" {
			continue
		}
		if !sdks.MatchString(m[1]) {
			count++
		}
		if reasons[m[1]] == "" {
			out = append(out, fmt.Sprintf("docs/dependencies.md gives no reason for %s", m[1]))
		}
		delete(reasons, m[1])
	}
	for name := range reasons {
		out = append(out, fmt.Sprintf("docs/dependencies.md lists %s, which is not a direct dependency", name))
	}
	if count >= maxDeps {
		out = append(out, fmt.Sprintf("%d direct dependencies; fewer than %d are allowed", count, maxDeps))
	}
	return out
}

func TestDependenciesHaveReasons(t *testing.T) { holds(t, reasoned) }

func TestDependenciesHaveReasonsCatches(t *testing.T) {
	many := "module m\n\nrequire (\n"
	doc := ""
	for i := range maxDeps {
		many += fmt.Sprintf("\texample.com/m%d v1.0.0\n", i)
		doc += fmt.Sprintf("| `example.com/m%d` | why |\n", i)
	}
	catches(t, reasoned, []planted{
		{"missing and stale", map[string]string{
			"go.mod":               "module m\n\ngo 1.26.0\n\nrequire example.com/c v1.0.0\n\nrequire (\n\texample.com/a v1.0.0\n\texample.com/b v1.0.0 // indirect\n)\n",
			"docs/dependencies.md": "| `example.com/b` | why |\n| `example.com/c` | why |\n",
		}, []string{"no reason for example.com/a", "lists example.com/b"}},
		{"too many", map[string]string{"go.mod": many + ")\n", "docs/dependencies.md": doc}, []string{"40 direct dependencies"}},
	})
}
