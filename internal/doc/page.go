package doc

import (
	"bytes"
	"fmt"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// elem is a node of the structure tree: what a passage is, for whoever cannot
// see the page.
type elem struct {
	tag  string
	attr types.Dict // what it says of itself beside the tag
	id   string
	kids []kid
	ref  types.IndirectRef // once it is in the file
}

// kid is one of: an element, marked content of a page, an annotation of a page.
type kid struct {
	elem *elem
	page *page
	mcid int
	link *link
}

func (e *elem) add(tag string) *elem { return e.with(tag, nil) }

func (e *elem) with(tag string, attr types.Dict) *elem {
	k := &elem{tag: tag, attr: attr}
	e.kids = append(e.kids, kid{elem: k})
	return k
}

// link is an area of a page that leads to an entry of the contents.
type link struct {
	id   int // of the target
	to   *entry
	elem *elem
	ref  types.IndirectRef
}

// page is a page of the file.
type page struct {
	nr      int
	marks   []*elem // by marked content id
	links   []*link
	section string
	bare    bool // without running heads
	ref     types.IndirectRef
}

// mark begins content that belongs to e; nil begins an artifact, which is not
// read out. It ends with end, on the same page.
func (f *flow) mark(e *elem) {
	if e == nil {
		f.pdf.RawWriteStr("/Artifact BMC")
		return
	}
	f.pdf.RawWriteStr(fmt.Sprintf("/%s <</MCID %d>> BDC", e.tag, len(f.cur.marks)))
	e.kids = append(e.kids, kid{page: f.cur, mcid: len(f.cur.marks)})
	f.cur.marks = append(f.cur.marks, e)
}

func (f *flow) end() { f.pdf.RawWriteStr("EMC") }

// on goes back to a page. What was selected on another is not selected there.
func (f *flow) on(p *page) {
	if p != f.cur {
		f.pdf.SetPage(p.nr)
		f.cur, f.selected = p, selection{}
	}
}

// selection is the font that text is being drawn in.
type selection struct {
	face *face
	size float64
}

func (f *flow) font(face *face, size float64) {
	if want := (selection{face, size}); f.selected != want {
		if !face.embedded {
			f.pdf.AddUTF8FontFromBytes(face.name, "", bytes.Clone(face.data)) // which it writes into
			face.embedded = true
		}
		f.pdf.SetFont(face.name, "", size)
		f.selected = want
	}
}

// rule draws a horizontal line, always an artifact.
func (f *flow) rule(x, y, w, thick float64, c ink) {
	f.mark(nil)
	f.stroke(thick, c)
	f.pdf.Line(x, y, x+w, y)
	f.end()
}

// frame draws a rectangle, always an artifact.
func (f *flow) frame(x, y, w, h, thick float64, c ink, dashed bool) {
	f.mark(nil)
	f.stroke(thick, c)
	if dashed {
		f.pdf.SetDashPattern([]float64{4, 3}, 0)
	}
	f.pdf.Rect(x, y, w, h, "D")
	if dashed {
		f.pdf.SetDashPattern(nil, 0)
	}
	f.end()
}

func (f *flow) stroke(thick float64, c ink) {
	f.pdf.SetLineWidth(thick)
	f.pdf.SetDrawColor(int(c[0]), int(c[1]), int(c[2]))
}

// text draws a line with its baseline at y, in what is marked already. What no
// font has is drawn as a box and carries the character for whoever copies or
// listens.
func (f *flow) text(x, y float64, l line) {
	gs := l.glyphs
	for i := 0; i < len(gs); {
		g, j := &gs[i], i
		var said, drawn []rune
		width := 0.0
		for ; j < len(gs) && gs[j].st == g.st && gs[j].face == g.face && gs[j].other == g.other; j++ {
			said, drawn = append(said, gs[j].r), append(drawn, gs[j].drawn())
			width += gs[j].width()
		}
		f.font(f.faces[g.face], g.st.size)
		f.pdf.SetTextColor(int(g.st.color[0]), int(g.st.color[1]), int(g.st.color[2]))
		if g.other {
			f.pdf.RawWriteStr("/Span <</ActualText " + wide(string(said)).PDFString() + ">> BDC")
		}
		f.pdf.Text(x, y, string(drawn))
		if g.other {
			f.pdf.RawWriteStr("EMC")
		}
		x, i = x+width, j
	}
}

// wide is a text string of PDF that any text fits.
func wide(s string) types.HexLiteral {
	return types.NewHexLiteral([]byte(types.EncodeUTF16String(s)))
}
