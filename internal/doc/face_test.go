package doc

import (
	"slices"
	"testing"

	"codeberg.org/go-pdf/fpdf"
)

func TestFiguresOfColumnsOfNumbersHaveOneWidth(t *testing.T) {
	faces := newFaces()
	for _, sp := range []Span{{}, {Bold: true}, {Italic: true}, {Mono: true}} {
		f := faces[tableNumber.span(sp).face]
		want := f.metric('0').adv
		for r := '1'; r <= '9'; r++ {
			if got := f.metric(r).adv; got != want {
				t.Errorf("%s: %c is %d wide, 0 is %d", f.name, r, got, want)
			}
		}
	}
}

func TestEveryFaceHasTheLettersOfNames(t *testing.T) {
	for _, f := range newFaces() {
		for _, r := range "AZazéèüñøłřčšžőąęțğıİØÅßЖжЁёЇїŁ€§–—“”’…•" {
			if !f.metric(r).has {
				t.Errorf("%s lacks %c", f.name, r)
			}
		}
	}
}

// Lines are broken by our widths and drawn with those of the writer.
func TestWidthsAreThoseOfTheWriter(t *testing.T) {
	pdf := fpdf.New("P", "pt", "A4", "")
	for _, f := range newFaces() {
		pdf.AddUTF8FontFromBytes(f.name, "", slices.Clone(f.data))
		pdf.SetFont(f.name, "", 10)
		had := 0
		for r := rune(' '); r <= 0xFFFF; r++ {
			m := f.metric(r)
			if !m.has {
				continue
			}
			if got := pdf.GetStringSymbolWidth(string(r)); got != int(m.adv) {
				t.Errorf("%s: %q is %d wide, and drawn %d wide", f.name, r, m.adv, got)
			}
			had++
		}
		if had < 500 {
			t.Errorf("%s has %d characters", f.name, had)
		}
	}
}

// A line of text holds as many characters as are read with ease.
func TestMeasureIsSixtyFiveToSeventyFive(t *testing.T) {
	p := pen{newFaces()}
	st := body
	text := "We have examined the description of the system and the suitability of the design and operating effectiveness of the controls stated in it, to provide reasonable assurance that the service commitments and system requirements were achieved based on the criteria for the whole period. "
	ls := lines(p.shape(nil, &st, text+text+text), measure)
	n := 0
	for _, l := range ls[:len(ls)-1] {
		n += len(l.glyphs)
	}
	if mean := n / (len(ls) - 1); mean < 65 || mean > 75 {
		t.Errorf("%d characters in a line", mean)
	}
}

func TestLinesAreNoWiderThanTold(t *testing.T) {
	p := pen{newFaces()}
	st := body
	for _, text := range []string{"one two-three four/five six", "Donaudampfschiffahrtsgesellschaft 9f86d081884c7d659a2feaa0c55ad015", "a  b   c ", "x\n\ny\n"} {
		gs := p.shape(nil, &st, text)
		for _, width := range []float64{5, 20, 60, 500} {
			held := 0
			for _, l := range lines(gs, width) {
				held += len(l.glyphs)
				if l.width > width && len(l.glyphs) > 1 && l.glyphs[1].r > ' ' {
					t.Errorf("%q in %g: a line of %q is %g wide", text, width, string(l.glyphs[0].r), l.width)
				}
			}
			if held != len(gs) {
				t.Errorf("%q in %g: %d of %d characters are in lines", text, width, held, len(gs))
			}
		}
	}
}
