package arch_test

import (
	"fmt"
	"go/ast"
	"sort"
	"strings"
	"testing"
)

// bannedCalls maps what may not be called to where it may.
var bannedCalls = map[string][]string{
	"time.Now":   {"internal/clock", "cmd", "e2e"},
	"time.Since": {"internal/clock", "cmd", "e2e"},
	"time.Until": {"internal/clock", "cmd", "e2e"},
	// One place says which zones there are, and what is done about the others.
	"time.LoadLocation": {"internal/clock"},
	"fmt.Print":         {"internal/cli", "cmd"},
	"fmt.Printf":        {"internal/cli", "cmd"},
	"fmt.Println":       {"internal/cli", "cmd"},
	"os.Exit":           {"cmd", "internal/db/dbtest/withpostgres"},
	"log.Fatal":         {}, "log.Fatalf": {}, "log.Print": {}, "log.Printf": {}, "log.Println": {},
}

// orderly: time is injected, chance is the system's, nothing runs by being
// imported, and only the command line prints.
func orderly(t *tree) []string {
	var out []string
	for _, f := range t.files {
		if f.test || f.generated {
			continue
		}
		for _, imp := range f.imports() {
			if strings.HasPrefix(imp, "math/rand") {
				out = append(out, fmt.Sprintf("%s imports %s: chance that matters comes from crypto/rand", f.path, imp))
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					out = append(out, fmt.Sprintf("%s: init runs by being imported; call it from where it is needed", f.at(n)))
				}
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				if !ok {
					return true
				}
				where, banned := bannedCalls[x.Name+"."+n.Sel.Name]
				if banned && !under(f.pkg, where) {
					out = append(out, fmt.Sprintf("%s: %s.%s is used only in %s", f.at(n), x.Name, n.Sel.Name, places(where)))
				}
			}
			return true
		})
	}
	return out
}

func places(where []string) string {
	if len(where) == 0 {
		return "tests"
	}
	s := append([]string(nil), where...)
	sort.Strings(s)
	return strings.Join(s, ", ")
}

func TestTimeChanceAndOutputAreInjected(t *testing.T) { holds(t, orderly) }

func TestTimeChanceAndOutputAreInjectedCatches(t *testing.T) {
	catches(t, orderly, []planted{
		{"all of it", map[string]string{"internal/vendors/v.go": `package vendors
import ("fmt"; "time"; "math/rand/v2"; "log")
func init() { fmt.Println(rand.Int()) }
func now() any { log.Printf("x"); return time.Now }
func zone() any { return time.LoadLocation }
`}, []string{"time.LoadLocation is used only in internal/clock", "imports math/rand/v2", "init runs by being imported", "fmt.Println is used only in", "time.Now is used only in", "log.Printf is used only in tests"}},
		{"allowed", map[string]string{
			"internal/clock/c.go":        "package clock\nimport \"time\"\nvar t = time.Now()\n",
			"internal/vendors/v_test.go": "package vendors\nimport \"time\"\nvar t = time.Now()\n",
			"cmd/tickmark/main.go":       "package main\nimport \"fmt\"\nfunc main() { fmt.Println() }\nfunc (x y) init() {}\n",
		}, nil},
	})
}
