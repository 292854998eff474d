package doc

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

func (f *flow) cover(c Cover) {
	f.section = ""
	f.newPage()
	f.cur.bare = true
	sect := f.part
	width := f.width - 2*margin
	f.y = f.height * 0.2
	one := func(tag string, st style, text string, w, after float64) {
		if text != "" {
			f.set(sect.add(tag), margin, f.lines(st, text, w), st.lead)
			f.y += after
		}
	}
	one("P", style{sans, 10, 14, second}, c.Kicker, width, 10)
	one("H1", style{serif, 29, 35, black}, c.Title, width, 10)
	one("P", style{serif, 14, 20, second}, c.Subtitle, measure, 26)
	f.rule(margin, f.y, 48, 1.6, black)
	f.y += 30
	if len(c.Facts) > 0 {
		f.facts(c.Facts, width)
	}
	if c.Note == "" {
		return
	}
	ls := f.lines(small, c.Note, measure)
	if h := float64(len(ls)) * small.lead; f.bottom()-h > f.y+24 {
		f.y = f.bottom() - h
	} else {
		f.y += 24
	}
	f.set(f.newNote(), margin, ls, small.lead)
}

// newNote is an element beside the text. Each has a name of its own, as the
// format wants it.
func (f *flow) newNote() *elem {
	e := f.part.add("Note")
	e.id = fmt.Sprintf("note%06d", len(f.notes)+1)
	f.notes = append(f.notes, e)
	return e
}

func (f *flow) startSection(e *entry) {
	f.newPart()
	f.section = e.text()
	f.newPage()
	f.locate(e)
	h := f.part.add("H1")
	width := f.width - 2*margin
	if e.label != "" {
		f.set(h, margin, f.lines(style{sans, 9.5, 14, second}, e.label+" ", width), 14)
		f.y += 2
	}
	if e.title != "" {
		f.set(h, margin, f.lines(style{serifBold, 20, 25, black}, e.title, width), 25)
	}
	f.y += 6
	f.rule(margin, f.y, width, 0.8, black)
	f.after(18)
}

// newPart begins a part of the document, unless the one begun is still empty.
func (f *flow) newPart() {
	if len(f.part.kids) > 0 {
		f.part = f.root.add("Sect")
	}
}

// locate notes where an entry of the contents came to lie, and sets a bookmark
// there, named later. A level that is left out would break the chain.
func (f *flow) locate(e *entry) {
	e.nr, e.y = f.cur.nr, f.y
	if e.level < 4 {
		f.outlined = min(e.level, f.outlined+1)
		f.pdf.Bookmark("", f.outlined-1, f.y)
		f.bookmarks = append(f.bookmarks, e)
	}
}

// heads are the headings of level 2 to 4: their look, the space above them.
var heads = map[int]struct {
	style
	above float64
}{
	2: {style{serifBold, 14, 18, black}, 22},
	3: {style{serifBold, 11.5, 15.5, black}, 16},
	4: {style{serifItalic, 10.5, 15.5, black}, 13},
}

// follows is how many lines must fit below a heading: a sentence and the head of
// the table after it, or a signature. A heading never ends a page.
const follows = 9

func (f *flow) heading(e *entry) {
	h := heads[e.level]
	ls := f.lines(h.style, e.title, measure)
	f.gap(h.above)
	f.need(min(float64(len(ls))*h.lead+follows*body.lead, f.bottom()-top))
	f.locate(e)
	f.set(f.part.add("H"+strconv.Itoa(e.level)), margin, ls, h.lead)
	f.after(5)
}

func (f *flow) paragraph(spans []Span) {
	for _, par := range paragraphs(spans) {
		if ls := f.spanLines(body, par, measure); len(ls) > 0 {
			f.set(f.part.add("P"), margin, ls, body.lead)
			f.after(7)
		}
	}
}

// paragraphs cuts spans at blank lines.
func paragraphs(spans []Span) (out [][]Span) {
	var par []Span
	full := false
	for _, sp := range spans {
		text := strings.ReplaceAll(strings.ReplaceAll(sp.Text, "\r\n", "\n"), "\r", "\n")
		for i, piece := range strings.Split(text, "\n\n") {
			if i > 0 && full {
				out, par, full = append(out, par), nil, false
			}
			if !full {
				piece = strings.TrimLeft(piece, "\n")
			}
			if piece != "" {
				sp.Text = piece
				par, full = append(par, sp), full || strings.TrimSpace(piece) != ""
			}
		}
	}
	if full {
		out = append(out, par)
	}
	return out
}

func (f *flow) list(items []string) {
	const indent = 15
	l := f.part.with("L", types.Dict{"O": types.Name("List"), "ListNumbering": types.Name("Disc")})
	bullet := f.lines(body, "•", indent)
	for _, item := range items {
		ls := f.lines(body, item, measure-indent)
		if len(ls) == 0 {
			continue
		}
		li := l.add("LI")
		f.need(body.lead * float64(min(len(ls), 2)))
		f.at(f.cur, li.add("Lbl"), margin+2, f.y+body.lead*0.74, bullet)
		f.set(li.add("LBody"), margin+indent, ls, body.lead)
		f.after(3)
	}
	f.after(7)
}

func (f *flow) note(text string) {
	if ls := f.lines(small, text, measure+20); len(ls) > 0 {
		f.set(f.newNote(), margin, ls, small.lead)
		f.after(7)
	}
}

func (f *flow) placeholder(title, text string) {
	const pad = 12
	width := f.width - 2*margin
	st := style{sansItalic, 9, 13, second}
	ls := f.lines(st.in(sansBold), title+" ", width-2*pad)
	ls = append(ls, f.lines(st, text, width-2*pad)...)
	if len(ls) == 0 {
		return
	}
	e := f.newNote()
	f.gap(12)
	if whole := float64(len(ls))*st.lead + 2*pad; whole <= f.bottom()-top {
		f.need(whole)
	}
	for len(ls) > 0 {
		f.need(st.lead + 2*pad)
		n := min(max(int((f.room()-2*pad+0.01)/st.lead), 1), len(ls))
		f.frame(margin, f.y, width, float64(n)*st.lead+2*pad, 0.8, edge, true)
		f.y += pad
		f.mark(e)
		f.put(margin+pad, ls[:n], st.lead)
		f.end()
		f.y += pad
		ls = ls[n:]
	}
	f.after(14)
}

func (f *flow) signature(s Signature) {
	const width = 330 // holds a digest in one line
	type part struct {
		ls    []line
		lead  float64
		after float64
	}
	var parts []part
	total := 40.0
	add := func(st style, text string, after float64) {
		if ls := f.lines(st, text, width); len(ls) > 0 {
			parts = append(parts, part{ls, st.lead, after})
			total += float64(len(ls))*st.lead + after
		}
	}
	join := func(items ...string) string {
		var some []string
		for _, s := range items {
			if s = oneLine(s); s != "" {
				some = append(some, s)
			}
		}
		return strings.Join(some, ", ")
	}
	add(style{serifBold, 11.5, 16, black}, s.Name, 0)
	add(style{sans, 9, 13, second}, join(s.Title, s.Firm), 0)
	add(style{sans, 9, 13, second}, join(s.Place, s.Date), 8)
	if s.Digest != "" {
		add(running.colored(second), "Digest of what was signed", 0)
		add(style{mono, 7.5, 10.5, black}, s.Digest, 4)
	}
	if s.Entry != "" {
		add(running.colored(second), "Entry in the log", 0)
		add(style{mono, 7.5, 10.5, black}, s.Entry, 0)
	}
	f.gap(22)
	f.need(min(total, f.bottom()-top))
	f.y += 18
	f.rule(margin, f.y, width, 0.8, black)
	f.y += 6
	sect := f.part.add("Div")
	for _, p := range parts {
		f.set(sect.add("P"), margin, p.ls, p.lead)
		f.y += p.after
	}
	f.after(14)
}

// tocNumber is a page number to be filled in once it is known.
type tocNumber struct {
	page *page
	y    float64
	from float64 // where the title ended
	to   *entry
	elem *elem
}

func (f *flow) contents() {
	f.newPart()
	f.section = "Contents"
	f.newPage()
	f.set(f.part.add("H1"), margin, f.lines(style{serifBold, 20, 25, black}, "Contents", 300), 25)
	f.y += 6
	right := f.width - margin
	f.rule(margin, f.y, right-margin, 0.8, black)
	f.y += 14
	toc := f.part.add("TOC")
	named, ls := style{sans, 9, 15.5, second}, []line(nil)
	indent := 0.0 // of titles, beside the widest label
	for _, e := range f.doc.entries {
		if ls = f.lines(named, e.label, 120); e.level == 1 && len(ls) == 1 {
			indent = max(indent, ls[0].width+14)
		}
	}
	for _, e := range f.doc.entries {
		if e.level > 2 || e.text() == "" {
			continue
		}
		st, above := style{serifBold, 10.5, 15.5, black}, 10.0
		if e.level == 2 {
			st, above = body.sized(10), 0
		}
		f.gap(above)
		x, title := margin+max(indent, 18), e.title
		label := f.lines(named, e.label+" ", 120)
		if e.level == 1 && (e.label == "" || len(label) > 1) {
			x, title, label = margin, e.text(), nil
		}
		ls = f.lines(st, title+" ", right-x-44)
		f.need(float64(min(max(len(ls), 1), 4)) * st.lead)
		ref := toc.add("TOCI").add("Reference").add("Link")
		first, start := f.cur, f.y
		if e.level == 1 {
			f.at(f.cur, ref, margin, f.y+st.lead*0.74, label)
		}
		f.set(ref, x, ls, st.lead)
		f.after(0)
		if first != f.cur {
			start = top
		}
		f.numbers = append(f.numbers, tocNumber{f.cur, f.y - st.lead*0.26, x + ls[len(ls)-1].width, e, ref})
		l := &link{id: f.pdf.AddLink(), to: e, elem: ref}
		f.pdf.Link(margin, start, right-margin, f.y-start, l.id)
		f.cur.links = append(f.cur.links, l)
		ref.kids = append(ref.kids, kid{page: f.cur, link: l})
	}
}

// fillContents writes the page numbers and the dots that lead to them.
func (f *flow) fillContents() {
	st := style{serif, 10, 15.5, black}
	right := f.width - margin
	for _, p := range f.pages {
		for _, l := range p.links {
			f.pdf.SetLink(l.id, l.to.y, l.to.nr)
		}
	}
	for _, n := range f.numbers {
		ls := f.lines(st, strconv.Itoa(n.to.nr), 60)
		f.at(n.page, n.elem, right-ls[0].width, n.y, ls)
		if count := int((right - 32 - n.from) / 5); count > 0 { // about the width of a dot and a space
			dots := f.lines(st.colored(third), strings.Repeat(" .", count), f.width)
			for len(dots[0].glyphs) > 0 && dots[0].width > right-26-n.from-6 {
				dots[0].glyphs = dots[0].glyphs[2:]
				dots[0].width = widthOf(dots[0].glyphs)
			}
			f.at(n.page, nil, right-26-dots[0].width, n.y, dots)
		}
	}
}
