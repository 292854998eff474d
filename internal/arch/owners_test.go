package arch_test

import (
	"fmt"
	"strings"
	"testing"
)

// owners says which packages may import a third-party module. Everyone else
// goes through them, so that a module can be replaced in one place. An empty
// list means tests only.
var owners = map[string][]string{
	"cel.dev/cel-go":                    {"internal/checks"},
	"codeberg.org/go-pdf/fpdf":          {"internal/doc"},
	"filippo.io/age":                    {"internal/seal"},
	"github.com/ProtonMail/go-crypto":   {"internal/collectors/git"},
	"github.com/a-h/templ":              {"internal/site", "*/page"},
	"github.com/alecthomas/kong":        {"internal/cli", "cmd/tickmark"},
	"github.com/chromedp/cdproto":       {"e2e/browser"},
	"github.com/chromedp/chromedp":      {"e2e/browser"},
	"github.com/danielgtaylor/huma":     {"internal/api", "internal/op"},
	"github.com/go-git/go-git":          {"internal/collectors/git", "internal/assess", "internal/app", "internal/demo"}, // the others only build repositories in tests
	"github.com/go-ldap/ldap":           {"internal/collectors/ldap"},
	"github.com/go-git/go-billy":        {"internal/collectors/git"},
	"github.com/google/go-cmp":          {},
	"github.com/google/uuid":            {"internal/id"},
	"github.com/hanwen/go-fuse":         {},
	"github.com/jackc/pgx":              {"internal/db", "internal/collectors/postgres"},
	"github.com/johannesboyne/gofakes3": {"internal/blob/blobtest"},
	"github.com/miekg/dns":              {"internal/collectors/dns"},
	"github.com/minio/minio-go":         {"internal/blob"},
	"github.com/modelcontextprotocol":   {"internal/mcp"},
	"github.com/pdfcpu/pdfcpu":          {"internal/doc"},
	"github.com/pressly/goose":          {"internal/db"},
	"github.com/xuri/excelize":          {"internal/doc", "e2e"},
	"go.yaml.in/yaml":                   {"internal/frameworks", "internal/controls", "internal/checks", "internal/sources", "internal/collectors/prometheus"},
	"golang.org/x/crypto":               {"internal/auth", "internal/app", "internal/collectors/git"},
	"golang.org/x/image":                {"internal/doc"},
	"golang.org/x/mod":                  {"internal/canon", "internal/cosign", "internal/bundle", "internal/ledger", "internal/evidence", "internal/witness", "internal/anchors", "internal/app", "cmd/tickmark-verify"},
	"golang.org/x/net/html":             {"internal/site", "internal/site/sitetest", "internal/api/page"}, // in tests, to find things in a page
	"golang.org/x/sys":                  {"internal/collectors/host"},
	"golang.org/x/text":                 {"internal/canon", "internal/doc", "internal/op"},
	"github.com/go-webauthn/webauthn":   {"internal/auth"},
	"rsc.io/qr":                         {"internal/site"},
	"modernc.org/sqlite":                {"internal/db"},
	"github.com/wneessen/go-mail":       {"internal/mail"},
	"pgregory.net/rapid":                {},
	"github.com/yuin/goldmark":          {"internal/site"},
}

// owned: a third-party module is imported by its owner and nobody else.
func owned(t *tree) []string {
	var out []string
	for _, f := range t.files {
		for _, imp := range f.imports() {
			first, _, _ := strings.Cut(imp, "/")
			if imp == module || strings.HasPrefix(imp, module+"/") || !strings.Contains(first, ".") {
				continue
			}
			mod, who, ok := owner(imp)
			switch {
			case !ok:
				out = append(out, fmt.Sprintf("%s imports %s, which has no owner: name one in internal/arch and a reason in docs/dependencies.md", f.path, imp))
			case len(who) == 0 && f.test:
			case len(who) == 0:
				out = append(out, fmt.Sprintf("%s imports %s, which is for tests only", f.path, imp))
			case !owns(f.pkg, who):
				out = append(out, fmt.Sprintf("%s imports %s, which only %s may", f.path, mod, strings.Join(who, " and ")))
			}
		}
	}
	return out
}

// owner finds the module that an import path belongs to: the longest that fits.
func owner(imp string) (mod string, who []string, ok bool) {
	for m, w := range owners {
		if under(imp, []string{m}) && len(m) > len(mod) {
			mod, who, ok = m, w, true
		}
	}
	return
}

func owns(pkg string, who []string) bool {
	for _, w := range who {
		tail, wild := strings.CutPrefix(w, "*")
		if wild && strings.HasSuffix(pkg, tail) || under(pkg, []string{w}) {
			return true
		}
	}
	return false
}

func TestModulesAreImportedByTheirOwners(t *testing.T) { holds(t, owned) }

func TestModulesAreImportedByTheirOwnersCatches(t *testing.T) {
	catches(t, owned, []planted{
		{"stranger", map[string]string{"internal/vendors/v.go": `package vendors; import _ "modernc.org/sqlite"`},
			[]string{"modernc.org/sqlite, which only internal/db may"}},
		{"stranger in a test", map[string]string{"internal/vendors/v_test.go": `package vendors_test; import _ "modernc.org/sqlite"`},
			[]string{"which only internal/db may"}},
		{"unknown module", map[string]string{"internal/db/d.go": `package db; import _ "example.com/orm"`},
			[]string{"has no owner"}},
		{"test module in the product", map[string]string{"internal/db/d.go": `package db; import _ "github.com/google/go-cmp/cmp"`},
			[]string{"for tests only"}},
		{"allowed", map[string]string{
			"internal/db/d.go":           `package db; import _ "modernc.org/sqlite/lib"; import _ "fmt"`,
			"internal/db/d_test.go":      `package db_test; import _ "github.com/google/go-cmp/cmp"`,
			"internal/vendors/page/p.go": `package page; import _ "github.com/a-h/templ"`,
		}, nil},
	})
}
