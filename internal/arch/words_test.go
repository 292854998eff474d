package arch_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// machinePath finds the folders of one particular machine, which mean nothing
// to a reader on another.
var machinePath = regexp.MustCompile(`(^|[^A-Za-z0-9._-])/(wo` + `rk|tmp/con` + `tract)/`)

// portable: no file names a path that exists only where it was written.
func portable(t *tree) []string {
	return matches(t, func(string) bool { return true }, machinePath, nil,
		"%s:%d: %q is a path on one machine")
}

// claims finds words that promise what nobody can keep.
var claims = regexp.MustCompile(`(?i)\b(certified|compliant|tamper-?proof|immutable|unhackable|blockchain|passed the audit|military-grade)\b`)

// fair are uses of such words that claim nothing.
var fair = regexp.MustCompile(`(?i)certified public accountant|public, max-age=\d+, immutable`)

// refusing are files that name such words in order to refuse them.
var refusing = []string{"internal/controls/verify.go"}

// modest: text that people read does not overclaim. Templates and data files
// are read whole, Go files by their string literals.
func modest(t *tree) []string {
	out := matches(t, func(p string) bool {
		ext := path.Ext(p)
		return ext == ".templ" || ext == ".yaml" || ext == ".yml"
	}, claims, fair, "%s:%d: %q claims too much; see GLOSSARY.md for what we say instead")
	for _, f := range t.files {
		if f.test || f.generated || slices.Contains(refusing, f.path) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if w := claims.FindString(fair.ReplaceAllString(lit.Value, "")); w != "" {
				out = append(out, fmt.Sprintf("%s: %q claims too much; see GLOSSARY.md for what we say instead", f.at(lit), w))
			}
			return true
		})
	}
	return out
}

// matches reports the lines of the chosen text files that bad matches once good
// has been taken out.
func matches(t *tree, choose func(string) bool, bad, good *regexp.Regexp, format string) []string {
	var out []string
	for _, p := range t.paths {
		if !choose(p) {
			continue
		}
		b, err := fs.ReadFile(t.fsys, p)
		if err != nil {
			out = append(out, err.Error())
			continue
		}
		if !text(b) {
			continue
		}
		for i, line := range strings.Split(string(b), "\n") {
			if good != nil {
				line = good.ReplaceAllString(line, "")
			}
			if w := bad.FindString(line); w != "" {
				out = append(out, fmt.Sprintf(format, p, i+1, w))
			}
		}
	}
	return out
}

func TestNoFileNamesAMachine(t *testing.T) { holds(t, portable) }

func TestTextDoesNotOverclaim(t *testing.T) { holds(t, modest) }

func TestNoFileNamesAMachineCatches(t *testing.T) {
	catches(t, portable, []planted{
		{"anywhere", map[string]string{
			"docs/a.md": "see /wo" + "rk/main for it\nand https://example.com/wo" + "rk/x is fine\n",
			"a.sh":      "cd /tmp/con" + "tract/x\n",
			"logo.png":  "\x00/wo" + "rk/",
		}, []string{"docs/a.md:1", "a.sh:1"}},
	})
}

func TestTextDoesNotOverclaimCatches(t *testing.T) {
	catches(t, modest, []planted{
		{"template, data and code", map[string]string{
			"internal/site/a.templ":       "<p>The log is tamper-proof.</p>\n",
			"internal/checks/library.yml": "title: Certified\nname: A certified public accountant signs.\n",
			"internal/op/o.go":            "package op\nconst s = \"you are compliant\"\n",
			"internal/site/h.go":          "package site\nconst c = \"public, max-age=31536000, immutable\"\n",
			"GLOSSARY.md":                 "Never say certified.\n",
		}, []string{"a.templ:1", "library.yml:1", "o.go:2"}},
	})
}
