package site

import (
	"bytes"
	"strings"

	"github.com/a-h/templ"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// ProseView is text in Markdown that becomes part of a page.
type ProseView struct {
	Markdown []byte
	// Link says where an address of the text leads in the product, and false if
	// nowhere: then only its words stay. Without it every link is kept as it is.
	Link func(to string) (string, bool)
	// Picture says where a picture is; one that is nowhere is left out.
	Picture func(src string) (string, bool)
	// Page says whether a piece of code such as /work is the address of a page,
	// and should be a link to it.
	Page func(path string) bool
}

// markdown reads CommonMark with tables. HTML in the text is left out, never
// passed on, and cells are aligned by no style attribute, which the policy of
// the pages refuses.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignNone))),
	goldmark.WithParserOptions(parser.WithAutoHeadingID(), parser.WithASTTransformers(util.Prioritized(titleless{}, 100))),
	goldmark.WithRendererOptions(html.WithXHTML()),
)

// titleless takes the title away: it is the sentence of the page.
type titleless struct{}

func (titleless) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	if h, ok := doc.FirstChild().(*ast.Heading); ok && h.Level == 1 {
		doc.RemoveChild(doc, h)
	}
}

// ProseTitle is the first heading of a text.
func ProseTitle(md []byte) string {
	for line := range strings.Lines(string(md)) {
		if t, ok := strings.CutPrefix(line, "# "); ok {
			return strings.TrimSpace(t)
		}
	}
	return ""
}

// Prose shows text in Markdown without its title.
func Prose(v ProseView) (templ.Component, error) {
	doc := markdown.Parser().Parse(text.NewReader(v.Markdown))
	var nodes []ast.Node
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			nodes = append(nodes, n)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		switch n := n.(type) {
		case *ast.Link:
			v.lead(n)
		case *ast.Image:
			v.show(n)
		case *ast.CodeSpan:
			v.open(n)
		}
	}
	var b bytes.Buffer
	b.WriteString(`<article class="tm-prose">`)
	if err := markdown.Renderer().Render(&b, v.Markdown, doc); err != nil {
		return nil, err
	}
	b.WriteString(`</article>`)
	return templ.Raw(b.String()), nil
}

// lead points a link into the product, or leaves only its words.
func (v ProseView) lead(n *ast.Link) {
	if v.Link == nil {
		return
	}
	to, ok := v.Link(string(n.Destination))
	if ok {
		n.Destination = []byte(to)
		return
	}
	up := n.Parent()
	for c := n.FirstChild(); c != nil; {
		next := c.NextSibling()
		up.InsertBefore(up, n, c)
		c = next
	}
	up.RemoveChild(up, n)
}

// show gives a picture its address, and loads it when it comes near.
func (v ProseView) show(n *ast.Image) {
	if v.Picture != nil {
		if src, ok := v.Picture(string(n.Destination)); ok {
			n.Destination = []byte(src)
			n.SetAttributeString("loading", []byte("lazy"))
			return
		}
	}
	n.Parent().RemoveChild(n.Parent(), n)
}

// open makes the address of a page a link to it.
func (v ProseView) open(n *ast.CodeSpan) {
	if _, linked := n.Parent().(*ast.Link); linked || v.Page == nil {
		return
	}
	path := string(n.Text(v.Markdown)) //nolint:staticcheck // a code span has text alone
	if !v.Page(path) {
		return
	}
	a := ast.NewLink()
	a.Destination = []byte(path)
	n.Parent().ReplaceChild(n.Parent(), n, a)
	a.AppendChild(a, n)
}
