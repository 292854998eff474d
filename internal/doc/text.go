package doc

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// ink is a colour, as red, green and blue of 255.
type ink [3]uint8

// What is printed is printed in these; nothing lighter than third carries text.
var (
	black  = ink{0x14, 0x18, 0x1D}
	second = ink{0x45, 0x4C, 0x55}
	third  = ink{0x64, 0x6B, 0x74}
	hair   = ink{0xCF, 0xCF, 0xC6}
	edge   = ink{0x85, 0x8A, 0x91}
)

// style is how a stretch of text looks.
type style struct {
	face  int
	size  float64
	lead  float64 // from one baseline to the next
	color ink
}

func (s style) in(face int) style     { s.face = face; return s }
func (s style) colored(c ink) style   { s.color = c; return s }
func (s style) sized(n float64) style { s.size = n; return s }

// span applies what a Span asks for.
func (s style) span(sp Span) style {
	sansy := s.face == sans || s.face == sansBold || s.face == sansItalic
	switch {
	case sp.Mono:
		s.face, s.size = mono, s.size*0.9
	case sp.Bold && sansy:
		s.face = sansBold
	case sp.Bold:
		s.face = serifBold
	case sp.Italic && sansy:
		s.face = sansItalic
	case sp.Italic:
		s.face = serifItalic
	}
	return s
}

// glyph is a character in its place.
type glyph struct {
	r     rune // what the text says
	st    *style
	adv   int16 // in thousandths of the size
	face  uint8
	other bool // drawn as a box, because no font has it
}

func (g *glyph) width() float64 { return float64(g.adv) * g.st.size / 1000 }

// drawn is what stands on the page for the character. A line feed looks like a
// space, so that words stay apart for whoever reads without lines.
func (g *glyph) drawn() rune {
	switch {
	case g.other:
		return box
	case g.r == '\n':
		return ' '
	}
	return g.r
}

type line struct {
	glyphs []glyph
	width  float64
}

const box = '□'

// fallbacks are asked in turn for what a face lacks.
var fallbacks = []int{sans, serif, mono}

// pen turns text into glyphs and lines.
type pen struct{ faces [faceCount]*face }

func (p *pen) glyph(st *style, r rune) glyph {
	if m := p.faces[st.face].metric(r); m.has {
		return glyph{r: r, st: st, adv: m.adv, face: uint8(st.face)}
	}
	for _, f := range fallbacks {
		if m := p.faces[f].metric(r); m.has {
			return glyph{r: r, st: st, adv: m.adv, face: uint8(f)}
		}
	}
	return glyph{r: r, st: st, adv: p.faces[sans].metric(box).adv, face: sans, other: true}
}

// shape makes glyphs of text.
func (p *pen) shape(out []glyph, st *style, text string) []glyph {
	text = clean(text)
	if cap(out)-len(out) < len(text) {
		out = append(make([]glyph, 0, len(out)+len(text)), out...)
	}
	for _, r := range text {
		if r == '\n' {
			out = append(out, glyph{r: r, st: st, face: uint8(st.face), adv: p.faces[st.face].metric(' ').adv})
			continue
		}
		out = append(out, p.glyph(st, r))
	}
	return out
}

// clean composes characters and drops those that only steer other programs.
func clean(s string) string {
	plain := true
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\n' || s[i] >= 0x7F {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\u2028', r == '\u2029':
			return '\n'
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, norm.NFC.String(s))
}

// lines breaks glyphs so that none is wider than width, unless it is one glyph.
func lines(gs []glyph, width float64) []line {
	var out []line
	start, last := 0, -1 // of the line; where it may end, after its last glyph
	var w, atLast, seen float64
	emit := func(end int, width float64) {
		out = append(out, line{gs[start:end], width})
		start, last, w, seen = end, -1, 0, 0
	}
	for i := 0; i < len(gs); i++ {
		g := &gs[i]
		if g.r == '\n' {
			emit(i+1, seen)
			continue
		}
		gw := g.width()
		if g.r == ' ' { // may hang over the edge
			w += gw
			last, atLast = i+1, seen
			continue
		}
		if w+gw > width && i > start {
			if last > start {
				end := last
				emit(end, atLast)
				i = end - 1
			} else {
				emit(i, seen)
				i--
			}
			continue
		}
		w += gw
		seen = w
		if breaksAfter(gs, i) {
			last, atLast = i+1, seen
		}
	}
	if start < len(gs) {
		emit(len(gs), seen)
	}
	return out
}

// breaksAfter says that a line may end after this character though no space
// follows: at a dash or slash inside a word.
func breaksAfter(gs []glyph, i int) bool {
	switch gs[i].r {
	case '—', '–':
		return true
	case '-', '/', '_', '@', '?', '&':
		return i > 0 && i+1 < len(gs) && unicode.IsLetter(gs[i-1].r) && unicode.IsLetter(gs[i+1].r)
	}
	return gs[i].r >= 0x2E80 && !gs[i].other // ideographs
}
