package doc

import (
	"fmt"
	"strings"

	"codeberg.org/go-pdf/fpdf"
)

// Measures, in points. Text is narrower than tables: 70 characters or so are
// read without losing the line.
const (
	margin  = 66.0
	measure = 384.0
	top     = 92.0 // of the text, below the running head
	foot    = 78.0 // from the last line of text to the edge
)

// The looks of text.
var (
	body        = style{serif, 10.5, 15.5, black}
	tableRow    = style{sans, 8.5, 12.25, black}
	tableNumber = style{serif, 9.25, 12.25, black}
	tableTop    = style{sansBold, 8, 11, second}
	label       = style{sans, 8.5, 12.25, second}
	running     = style{sans, 7.5, 10, third}
	small       = style{sans, 8, 11.75, second}
)

// flow fills pages from top to bottom.
type flow struct {
	doc           *PDF
	pdf           *fpdf.Fpdf
	pen           pen
	faces         *[faceCount]*face
	width, height float64
	pages         []*page
	cur           *page
	selected      selection
	bookmarks     []*entry
	outlined      int     // level of the last of them
	y             float64 // where the next thing may begin
	ended         float64 // where the last thing ended
	section       string
	root, part    *elem // the document; the section being filled
	notes         []*elem
	numbers       []tocNumber
}

func (p *PDF) layout() *flow {
	f := &flow{doc: p, width: 595.28, height: 841.89, root: &elem{tag: "Document"}}
	if strings.EqualFold(p.meta.Paper, "letter") {
		f.width, f.height = 612, 792
	}
	f.pen.faces = newFaces()
	f.faces = &f.pen.faces
	f.pdf = fpdf.NewCustom(&fpdf.InitType{UnitStr: "pt", Size: fpdf.SizeType{Wd: f.width, Ht: f.height}})
	f.pdf.SetMargins(0, 0, 0)
	f.pdf.SetAutoPageBreak(false, 0)
	f.part = f.root.add("Sect")
	for _, e := range p.entries {
		e.nr = 0
	}
	for _, b := range p.blocks {
		b(f)
	}
	if f.cur == nil {
		f.newPage()
	}
	f.fillContents()
	for i, pg := range f.pages {
		f.furnish(pg, i+1)
	}
	return f
}

func (f *flow) bottom() float64 { return f.height - foot }

func (f *flow) newPage() {
	f.pdf.AddPage()
	f.cur = &page{nr: f.pdf.PageNo(), section: f.section}
	f.pages = append(f.pages, f.cur)
	f.y, f.ended = top, top
	if len(f.pages) == 1 && f.doc.meta.Mark != "" {
		f.banner(f.part.add("P"))
	}
}

// need turns the page unless h more fits on this one. A thing that is higher
// than a page gets a fresh one.
func (f *flow) need(h float64) {
	if f.cur == nil || f.y > top && f.y+h > f.bottom() {
		f.newPage()
	}
}

// gap leaves white space above the next thing, of which what the last thing
// left below itself is part. There is none at the top of a page.
func (f *flow) gap(h float64) {
	if f.cur != nil && f.y > top {
		f.y = max(f.y, f.ended+h)
	}
}

// after leaves white space below what was set.
func (f *flow) after(h float64) {
	f.ended = f.y
	f.y += h
}

// room is the height left on the page.
func (f *flow) room() float64 {
	if f.cur == nil {
		return f.bottom() - top
	}
	return f.bottom() - f.y
}

func (f *flow) lines(st style, text string, width float64) []line {
	return lines(f.pen.shape(nil, &st, text), width)
}

func (f *flow) spanLines(st style, spans []Span, width float64) []line {
	var gs []glyph
	for _, sp := range spans {
		s := st.span(sp)
		gs = f.pen.shape(gs, &s, sp.Text)
	}
	return lines(gs, width)
}

// set draws as many of the lines as fit, turning pages, as content of e.
// Neither the first nor the last line of several stands alone on a page.
func (f *flow) set(e *elem, x float64, ls []line, lead float64) {
	for len(ls) > 0 {
		f.need(lead * float64(min(len(ls), 2)))
		n := min(max(int((f.room()+0.01)/lead), 1), len(ls))
		if n == len(ls)-1 && n > 2 {
			n--
		}
		f.mark(e)
		f.put(x, ls[:n], lead)
		f.end()
		ls = ls[n:]
	}
}

// put draws lines here, inside what is marked already.
func (f *flow) put(x float64, ls []line, lead float64) {
	for _, l := range ls {
		f.text(x, f.y+lead*0.74, l)
		f.y += lead
	}
}

// at draws one line at a place of its own.
func (f *flow) at(p *page, e *elem, x, y float64, ls []line) {
	if len(ls) == 0 {
		return
	}
	f.on(p)
	f.mark(e)
	f.text(x, y, ls[0])
	f.end()
}

// clip shortens a line to what fits.
func (f *flow) clip(st style, text string, width float64) []line {
	text = oneLine(text)
	ls := f.lines(st, text, width)
	if len(ls) < 2 {
		return ls
	}
	gs := ls[0].glyphs
	for len(gs) > 0 && (gs[len(gs)-1].r == ' ' || widthOf(gs) > width-st.size) {
		gs = gs[:len(gs)-1]
	}
	gs = f.pen.shape(append([]glyph(nil), gs...), &st, "…")
	return []line{{gs, widthOf(gs)}}
}

func widthOf(gs []glyph) (w float64) {
	for i := range gs {
		w += gs[i].width()
	}
	return w
}

// furnish adds what every page has: running head and foot, and the mark.
func (f *flow) furnish(p *page, nr int) {
	f.on(p)
	right := f.width - margin
	if f.doc.meta.Mark != "" && nr > 1 {
		f.banner(nil)
	}
	if !p.bare {
		section := f.clip(running, p.section, (right-margin)*0.55)
		taken := 0.0
		if len(section) > 0 {
			taken = section[0].width + 16
			f.at(p, nil, right-section[0].width, 58, section)
		}
		f.at(p, nil, margin, 58, f.clip(running, f.doc.meta.Header, right-margin-taken))
		f.rule(margin, 66, right-margin, 0.5, hair)
	}
	page := f.lines(running, fmt.Sprintf("Page %d of %d", nr, len(f.pages)), 200)
	f.at(p, nil, right-page[0].width, f.height-44, page)
	if !p.bare {
		f.at(p, nil, margin, f.height-44, f.clip(running, f.doc.meta.Title, right-margin-page[0].width-16))
	}
}

// banner draws the mark: a framed line above everything else on the page.
func (f *flow) banner(e *elem) {
	st := style{sansBold, 8, 10, black}
	l := f.clip(st, f.doc.meta.Mark, f.width-2*margin-20)
	if len(l) == 0 {
		return
	}
	w := l[0].width + 20
	x := (f.width - w) / 2
	f.frame(x, 22, w, 18, 0.8, black, false)
	f.at(f.cur, e, x+10, 33.8, l)
}
