package arch_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"testing"
)

// said: every package opens with a sentence, every exported name has one. Names
// on adjoining lines share the comment above them.
func said(t *tree) []string {
	var out []string
	for pkg, files := range t.packages() {
		documented, code := false, false
		for _, f := range files {
			if f.test {
				continue
			}
			code = true
			documented = documented || f.ast.Doc != nil && len(f.ast.Doc.Text()) > 0
			if !f.generated {
				out = append(out, unsaid(f)...)
			}
		}
		if code && !documented {
			out = append(out, fmt.Sprintf("%s: no file says what the package is for; open one with a sentence a stranger understands", pkg))
		}
	}
	return out
}

// selfEvident are methods whose meaning is fixed by the standard library.
var selfEvident = map[string]bool{
	"String": true, "Error": true, "Unwrap": true, "Is": true, "As": true, "Close": true, "Read": true, "Write": true,
	"MarshalJSON": true, "UnmarshalJSON": true, "MarshalText": true, "UnmarshalText": true, "MarshalYAML": true, "UnmarshalYAML": true,
	"ServeHTTP": true, "Len": true, "Less": true, "Swap": true, "Scan": true, "Value": true, "Format": true, "LogValue": true,
}

// unsaid lists the exported names of a file that carry no comment.
func unsaid(f *file) []string {
	var out []string
	lastLine, lastSaid := -1, false
	note := func(n ast.Node, name string, doc bool) {
		start, end := f.fset.Position(n.Pos()).Line, f.fset.Position(n.End()).Line
		ok := doc || lastSaid && start == lastLine+1
		lastLine, lastSaid = end, ok
		if ast.IsExported(name) && !ok {
			out = append(out, fmt.Sprintf("%s: %s has no comment", f.at(n), name))
		}
	}
	for _, d := range f.ast.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			recv := ""
			if d.Recv != nil {
				recv = receiver(d.Recv.List[0].Type)
			}
			name := d.Name.Name
			if recv != "" && (selfEvident[name] || !ast.IsExported(recv)) {
				name = "_" + name
			}
			note(d, name, d.Doc != nil)
		case *ast.GenDecl:
			if d.Tok == token.IMPORT {
				continue
			}
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					note(s, s.Name.Name, d.Doc != nil || s.Doc != nil || s.Comment != nil)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						note(s, n.Name, d.Doc != nil || s.Doc != nil || s.Comment != nil)
					}
				}
			}
		}
	}
	return out
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	}
	return ""
}

func TestEverythingExportedIsExplained(t *testing.T) { holds(t, said) }

func TestEverythingExportedIsExplainedCatches(t *testing.T) {
	catches(t, said, []planted{
		{"package", map[string]string{"internal/vendors/v.go": "package vendors\n"}, []string{"internal/vendors: no file says"}},
		{"names", map[string]string{"internal/vendors/v.go": `// Package vendors keeps the register.
package vendors

type Vendor struct{}

func List() {}

func (v Vendor) Tier() string { return "" }

const Most = 3

var (
	// Few is said.
	Few = 1

	Many = 2
)
`}, []string{"Vendor has no comment", "List has no comment", "Tier has no comment", "Most has no comment", "Many has no comment"}},
		{"said, shared, self-evident or private", map[string]string{"internal/vendors/v.go": `// Package vendors keeps the register.
package vendors

// The kinds.
type (
	A string
	B string
)

// Kind names each.
func (A) Kind() string { return "" }
func (B) Kind() string { return "" }

func (a A) String() string { return "" }

type hidden struct{}

func (hidden) Public() {}
`}, nil},
	})
}
