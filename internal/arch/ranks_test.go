package arch_test

import (
	"fmt"
	"path"
	"strings"
	"testing"
)

// support begins the ranks of packages that only tests import, and of commands
// for tests; they end below app.
const support = 35

// ranks is the order of the house: a package imports only packages of lower
// rank. A name is a folder below internal, or from the root for the rest; * is
// one folder of any name. The longest name that fits decides.
var ranks = map[string]int{
	"fault": -1, // beneath everything: even id says what it refuses
	"clock": 0, "id": 0, "foreign": 0, "canon": 0, "sample": 0, "stamp": 0, "cosign": 0, "durable": 0, "sensitive": 0, "words": 0,
	"conf": 1, "db": 1, "seal": 1, "bundle": 1,
	"blob": 2, "mail": 2, "doc": 2, "witness": 2, "rest": 2,
	"auth":   3,
	"ledger": 4,
	"op":     5,
	"job":    6,
	"notify": 7, "scrub": 7, "backup": 7,
	"tasks": 10, "views": 10,
	"orgs": 11, "people": 11, "frameworks": 11, "assets": 11,
	"evidence": 12, "anchors": 12,
	"sources": 13,
	"scopes":  14, "controls": 14, "policies": 14, "vendors": 14, "incidents": 14, "changes": 14, "commitments": 14,
	"checks": 15, "risks": 15, "reviews": 15, "continuity": 15, "integrity": 15, "privacy": 15,
	"readiness": 16, "engagements": 16,
	"requests": 17, "populations": 17,
	"procedures":   18,
	"descriptions": 18,
	"opinions":     19,
	"reports":      20,
	"trust":        21, "erasures": 21, "collectors/wire": 21,
	"collectors/*": 22, "importers/*": 22,
	"assess": 23, "demo": 23,
	"site": 30, "api": 30, "mcp": 30, "cli": 30,
	"*/page":       31,
	"arch/repo":    support,
	"arch/sqlscan": support + 1, "blob/blobtest": support + 1, "mail/mailtest": support + 1, "db/dbtest": support + 1, "ledger/ledgertest": support + 1, "stamp/stamptest": support + 1, "collectors/serverstest": support + 1, "sources/importertest": support + 1, "rest/resttest": support + 1, "site/sitetest": support + 1, "/e2e/torture": 50, "/e2e/browser": support + 1,
	"op/optest": support + 2, "db/dbtest/withpostgres": support + 2,
	"procedures/procedurestest": support + 3,
	"app":                       40, "arch": 40,
	"/verify": 0,
	"/docs":   0, // text and pictures, compiled in
	"/cmd/*":  50,
	"/e2e":    50,
	"/":       50, // tests of the README and docs
}

// rankOf finds the rank of a folder; false if nobody chose one.
func rankOf(pkg string) (int, bool) {
	name := "/" + pkg
	if pkg == "." {
		name = "/"
	}
	if in, ok := strings.CutPrefix(pkg, "internal/"); ok {
		name = in
	}
	if r, ok := ranks[name]; ok {
		return r, true
	}
	for pattern, r := range ranks {
		if ok, _ := path.Match(pattern, name); ok {
			return r, true
		}
	}
	return 0, false
}

func isSupport(rank int) bool { return rank >= support && rank < ranks["app"] }

// downward: a package imports only packages of lower rank. Tests may also
// import test support, which nothing else may.
func downward(t *tree) []string {
	var out []string
	for pkg := range t.packages() {
		if _, ok := rankOf(pkg); !ok {
			out = append(out, fmt.Sprintf("%s has no place in the house: pick a rank in internal/arch", pkg))
		}
	}
	for _, f := range t.files {
		mine, ok := rankOf(f.pkg)
		if !ok || f.test {
			continue
		}
		for _, imp := range f.imports() {
			pkg, ours := strings.CutPrefix(imp, module+"/")
			if !ours {
				continue
			}
			theirs, ok := rankOf(pkg)
			switch {
			case !ok: // said above
			case isSupport(theirs) && !isSupport(mine):
				out = append(out, fmt.Sprintf("%s imports %s, which is for tests only", f.path, pkg))
			case theirs >= mine:
				out = append(out, fmt.Sprintf("%s: %s (rank %d) imports %s (rank %d)", f.path, f.pkg, mine, pkg, theirs))
			}
		}
	}
	return out
}

func TestImportsGoDownward(t *testing.T) { holds(t, downward) }

func TestImportsGoDownwardCatches(t *testing.T) {
	imports := func(pkg string, paths ...string) string {
		s := "package " + pkg + "\n"
		for _, p := range paths {
			s += fmt.Sprintf("import _ %q\n", module+"/internal/"+p)
		}
		return s
	}
	catches(t, downward, []planted{
		{"upward", map[string]string{"internal/vendors/v.go": imports("vendors", "site", "db")},
			[]string{"vendors (rank 14) imports internal/site (rank 30)"}},
		{"own rank", map[string]string{"internal/vendors/v.go": imports("vendors", "controls")},
			[]string{"imports internal/controls (rank 14)"}},
		{"area imports its page", map[string]string{"internal/vendors/v.go": imports("vendors", "vendors/page")},
			[]string{"imports internal/vendors/page (rank 31)"}},
		{"page imports a page", map[string]string{"internal/vendors/page/p.go": imports("page", "controls/page", "controls", "site")},
			[]string{"imports internal/controls/page (rank 31)"}},
		{"no rank", map[string]string{"internal/util/u.go": imports("util")},
			[]string{"internal/util has no place in the house: pick a rank in internal/arch"}},
		{"test support in the product", map[string]string{"internal/app/a.go": imports("app", "db/dbtest")},
			[]string{"for tests only"}},
		{"test support in tests", map[string]string{"internal/db/a_test.go": imports("db_test", "db/dbtest", "op")}, nil},
	})
}

// verifier names everything the verifier may be built from: whoever audits it
// reads these and the standard library.
var verifier = []string{
	"internal/fault", "internal/canon", "internal/sample", "internal/stamp", "internal/cosign", "internal/bundle",
	"golang.org/x/mod/sumdb", "golang.org/x/text/unicode/norm",
}

// standsAlone: the verifier and all it imports are on the list above.
func standsAlone(t *tree) []string {
	pkgs := t.packages()
	var out []string
	seen := map[string]bool{}
	var walk func(pkg string)
	walk = func(pkg string) {
		if seen[pkg] {
			return
		}
		seen[pkg] = true
		for _, f := range pkgs[pkg] {
			if f.test {
				continue
			}
			for _, imp := range f.imports() {
				name, ours := strings.CutPrefix(imp, module+"/")
				first, _, _ := strings.Cut(imp, "/")
				if !ours && !strings.Contains(first, ".") {
					continue // standard library
				}
				if !under(name, verifier) {
					out = append(out, fmt.Sprintf("%s imports %s: the verifier may be built only from %s", f.path, name, strings.Join(verifier, ", ")))
				} else if ours {
					walk(name)
				}
			}
		}
	}
	walk("cmd/tickmark-verify")
	return out
}

// under reports whether a path is one of those listed or lies below one.
func under(p string, list []string) bool {
	for _, l := range list {
		if p == l || strings.HasPrefix(p, l+"/") {
			return true
		}
	}
	return false
}

func TestVerifierStandsAlone(t *testing.T) { holds(t, standsAlone) }

func TestVerifierStandsAloneCatches(t *testing.T) {
	catches(t, standsAlone, []planted{
		{"through a package it may use", map[string]string{
			"cmd/tickmark-verify/main.go": "package main\nimport _ \"" + module + "/internal/bundle\"\nimport _ \"golang.org/x/mod/sumdb/note\"",
			"internal/bundle/b.go":        "package bundle\nimport _ \"" + module + "/internal/db\"\nimport _ \"archive/zip\"",
		}, []string{"internal/bundle/b.go imports internal/db"}},
	})
}

// collectorsSeeSources: a collector never judges, so of the product it sees
// only what it hands its findings to.
func collectorsSeeSources(t *tree) []string {
	allowed := []string{"internal/fault", "internal/clock", "internal/rest", "internal/collectors/wire", "internal/sources"}
	var out []string
	for _, f := range t.files {
		if f.test || !strings.HasPrefix(f.pkg, "internal/collectors/") {
			continue
		}
		for _, imp := range f.imports() {
			pkg, ours := strings.CutPrefix(imp, module+"/")
			if ours && !under(pkg, allowed) && pkg != f.pkg {
				out = append(out, fmt.Sprintf("%s imports %s: a collector sees only %s", f.path, pkg, strings.Join(allowed, ", ")))
			}
		}
	}
	return out
}

func TestCollectorsSeeSourcesOnly(t *testing.T) { holds(t, collectorsSeeSources) }

func TestCollectorsSeeSourcesOnlyCatches(t *testing.T) {
	catches(t, collectorsSeeSources, []planted{
		{"checks, though they lie lower", map[string]string{
			"internal/collectors/git/g.go": "package git\nimport _ \"" + module + "/internal/checks\"\nimport _ \"" + module + "/internal/sources\"",
		}, []string{"imports internal/checks"}},
	})
}
