// Package sqlscan finds the SQL in the product's Go sources, so that tests can
// hold every statement to the rules and prepare it on both databases.
package sqlscan

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Statement is one SQL text as the database will get it.
type Statement struct {
	Pkg  string // folder, from the root of the tree
	Name string // of the constant, or of the function that holds the literal
	SQL  string
	Pos  string // file:line
	// Whole is false if part of the text is known only when the program runs;
	// SQL then holds the parts that are known, with … between.
	Whole bool
}

// verb is how a statement begins. Ordinary prose in capitals does not get past
// its second word.
var verb = regexp.MustCompile(`^\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+[a-z_]+\s|DELETE\s+FROM\s|WITH\s+(RECURSIVE\s+)?[a-z_]+\s*(\(|AS\b))`)

// Scan reads every Go file below the folder internal that is neither a test nor
// generated nor in a package for tests, and returns its statements in the order
// of the files.
func Scan(fsys fs.FS) ([]Statement, error) {
	byPkg := map[string][]*ast.File{}
	var order []string
	fset := token.NewFileSet()
	err := fs.WalkDir(fsys, "internal", func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if e.Name() == "testdata" || p == "internal/arch" || strings.HasSuffix(p, "test") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(p) != ".go" || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		src, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(fset, p, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if ast.IsGenerated(f) {
			return nil
		}
		dir := path.Dir(p)
		if byPkg[dir] == nil {
			order = append(order, dir)
		}
		byPkg[dir] = append(byPkg[dir], f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []Statement
	for _, dir := range order {
		s := &scanner{fset: fset, pkg: dir, consts: constants(byPkg[dir])}
		for _, f := range byPkg[dir] {
			s.file(f)
		}
		out = append(out, s.found...)
	}
	return out, nil
}

// constants maps the package's constants to their expressions.
func constants(files []*ast.File) map[string]ast.Expr {
	out := map[string]ast.Expr{}
	for _, f := range files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				for i, n := range v.Names {
					if i < len(v.Values) {
						out[n.Name] = v.Values[i]
					}
				}
			}
		}
	}
	return out
}

type scanner struct {
	fset   *token.FileSet
	pkg    string
	consts map[string]ast.Expr
	local  map[string]ast.Expr // constants of the function at hand
	found  []Statement
}

func (s *scanner) file(f *ast.File) {
	for _, d := range f.Decls {
		s.local = nil
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body != nil {
				s.local = localConstants(d.Body)
				s.walk(d.Body, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					for i, e := range v.Values {
						s.walk(e, v.Names[min(i, len(v.Names)-1)].Name)
					}
				}
			}
		}
	}
}

func localConstants(body ast.Node) map[string]ast.Expr {
	out := map[string]ast.Expr{}
	ast.Inspect(body, func(n ast.Node) bool {
		if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.CONST {
			for _, spec := range d.Specs {
				v := spec.(*ast.ValueSpec)
				for i, name := range v.Names {
					if i < len(v.Values) {
						out[name.Name] = v.Values[i]
					}
				}
			}
		}
		return true
	})
	return out
}

// walk finds the outermost string expressions below n.
func (s *scanner) walk(n ast.Node, name string) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec: // a constant inside a function bears its own name
			for i, e := range n.Values {
				s.walk(e, n.Names[min(i, len(n.Names)-1)].Name)
			}
			return false
		case *ast.BinaryExpr:
			if n.Op != token.ADD {
				return true
			}
			text, whole := s.eval(n, 0)
			if !verb.MatchString(text) {
				return true
			}
			s.note(n, name, text, whole)
			return false
		case *ast.BasicLit:
			if text, whole := s.eval(n, 0); verb.MatchString(text) {
				s.note(n, name, text, whole)
			}
		}
		return true
	})
}

func (s *scanner) note(n ast.Node, name, sql string, whole bool) {
	pos := s.fset.Position(n.Pos())
	s.found = append(s.found, Statement{
		Pkg: s.pkg, Name: name, SQL: sql, Pos: fmt.Sprintf("%s:%d", pos.Filename, pos.Line), Whole: whole,
	})
}

// unknown stands for text that only the running program knows.
const unknown = "…"

// eval computes a string expression from literals and the package's constants.
func (s *scanner) eval(e ast.Expr, depth int) (text string, whole bool) {
	if depth > 50 {
		return unknown, false
	}
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return unknown, false
		}
		v, err := strconv.Unquote(e.Value)
		return v, err == nil
	case *ast.ParenExpr:
		return s.eval(e.X, depth+1)
	case *ast.Ident:
		if v, ok := s.local[e.Name]; ok {
			return s.eval(v, depth+1)
		}
		if v, ok := s.consts[e.Name]; ok {
			return s.eval(v, depth+1)
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			a, wa := s.eval(e.X, depth+1)
			b, wb := s.eval(e.Y, depth+1)
			return a + b, wa && wb
		}
	}
	return unknown, false
}
