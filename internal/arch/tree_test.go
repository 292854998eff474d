package arch_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/tickmark/tickmark/internal/arch/repo"
)

const module = "github.com/tickmark/tickmark"

// tree is the repository as the rules see it. Nothing is type-checked, so the
// rules speak even while some package does not compile.
type tree struct {
	fsys  fs.FS
	fset  *token.FileSet
	files []*file // Go files, by path
	paths []string
}

// file is one Go file.
type file struct {
	path      string // slash-separated, from the repository's root
	pkg       string // its folder
	src       []byte
	ast       *ast.File
	test      bool
	generated bool
	fset      *token.FileSet
}

func (f *file) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.path, f.fset.Position(n.Pos()).Line)
}

func (f *file) lines(n ast.Node) int {
	return f.fset.Position(n.End()).Line - f.fset.Position(n.Pos()).Line + 1
}

// imports lists the import paths of the file.
func (f *file) imports() []string {
	var out []string
	for _, s := range f.ast.Imports {
		out = append(out, strings.Trim(s.Path.Value, "`\""))
	}
	return out
}

// skipped folders hold nothing that was written here by hand. The paths are
// from the root: an area called "data" would not be skipped.
var skipped = map[string]bool{".git": true, "bin": true, "data": true, "dist": true, ".cache": true}

func load(fsys fs.FS) (*tree, error) {
	t := &tree{fsys: fsys, fset: token.NewFileSet()}
	err := fs.WalkDir(fsys, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if skipped[p] || e.Name() == "node_modules" {
				return fs.SkipDir
			}
			return nil
		}
		if !e.Type().IsRegular() {
			return nil
		}
		t.paths = append(t.paths, p)
		if path.Ext(p) != ".go" || strings.Contains(p, "testdata/") {
			return nil
		}
		return t.add(p)
	})
	return t, err
}

func (t *tree) add(p string) error {
	src, err := fs.ReadFile(t.fsys, p)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(t.fset, p, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.files = append(t.files, &file{
		path: p, pkg: path.Dir(p), src: src, ast: parsed, fset: t.fset,
		test:      strings.HasSuffix(p, "_test.go"),
		generated: ast.IsGenerated(parsed),
	})
	return nil
}

// packages lists the folders that hold Go code, with their files.
func (t *tree) packages() map[string][]*file {
	out := map[string][]*file{}
	for _, f := range t.files {
		out[f.pkg] = append(out[f.pkg], f)
	}
	return out
}

var loadRepo = sync.OnceValues(func() (*tree, error) {
	dir, err := repo.Root()
	if err != nil {
		return nil, err
	}
	return load(os.DirFS(dir))
})

// house is the tree this test was built from.
func house(t *testing.T) *tree {
	t.Helper()
	tr, err := loadRepo()
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// plant makes a tree of the files given, for a rule to find fault with.
func plant(t *testing.T, files map[string]string) *tree {
	t.Helper()
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tr, err := load(m)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// rule is one law of the house.
type rule func(*tree) []string

// holds fails with every place where the repository breaks the rule.
func holds(t *testing.T, r rule) {
	t.Helper()
	got := r(house(t))
	sort.Strings(got)
	for _, v := range got {
		t.Error(v)
	}
}

// planted is a tree and, for each violation in it, some words of the message.
type planted struct {
	name  string
	files map[string]string
	want  []string
}

// catches sees that the rule reports exactly what was planted.
func catches(t *testing.T, r rule, cases []planted) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := r(plant(t, c.files))
			sort.Strings(got)
			if len(got) != len(c.want) {
				t.Fatalf("got %d violations, want %d:\n%s", len(got), len(c.want), strings.Join(got, "\n"))
			}
			all := strings.Join(got, "\n")
			for _, w := range c.want {
				if !strings.Contains(all, w) {
					t.Errorf("no violation says %q; got:\n%s", w, all)
				}
			}
		})
	}
}

// text reports whether b looks like text rather than a picture or a font.
func text(b []byte) bool { return !bytes.Contains(b[:min(len(b), 8000)], []byte{0}) }
