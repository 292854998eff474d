package doc

import (
	"embed"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

//go:embed fonts
var fontFiles embed.FS

// The faces. Text is set in serif, tables and labels in sans, digests in mono.
// Figures of sans are of several widths, those of serif and mono of one: columns
// of numbers are set in serif.
const (
	serif = iota
	serifItalic
	serifBold
	sans
	sansItalic
	sansBold
	mono
	faceCount
)

var cuts = [faceCount]struct{ file, name string }{
	serif:       {"serif.ttf", "SourceSerif4-Regular"},
	serifItalic: {"serif-italic.ttf", "SourceSerif4-Italic"},
	serifBold:   {"serif-bold.ttf", "SourceSerif4-SemiBold"},
	sans:        {"sans.ttf", "Inter-Regular"},
	sansItalic:  {"sans-italic.ttf", "Inter-Italic"},
	sansBold:    {"sans-bold.ttf", "Inter-SemiBold"},
	mono:        {"mono.ttf", "IBMPlexMono-Regular"},
}

// master is a font as it lies in the program, shared by all documents.
type master struct {
	name string
	data []byte
	font *sfnt.Font
}

var masters = sync.OnceValue(func() (all [faceCount]*master) {
	for i, c := range cuts {
		data, err := fontFiles.ReadFile("fonts/" + c.file)
		var f *sfnt.Font
		if err == nil {
			f, err = sfnt.Parse(data)
		}
		if err != nil {
			panic("doc: the font " + c.file + " cannot be read: " + err.Error()) // it is compiled in
		}
		all[i] = &master{c.name, data, f}
	}
	return all
})

// face is a font as one document uses it.
type face struct {
	*master
	buf      sfnt.Buffer
	known    map[rune]metric
	embedded bool
}

type metric struct {
	has bool
	adv int16 // in thousandths of the size
}

func newFaces() (all [faceCount]*face) {
	for i, m := range masters() {
		all[i] = &face{master: m, known: map[rune]metric{}}
	}
	return all
}

// metric says whether the font has a character and how wide it is. The writer of
// the file knows the width too, but not whether there is anything to draw. It
// takes 16 bits of a character: what needs more, no font has.
func (f *face) metric(r rune) metric {
	if m, ok := f.known[r]; ok {
		return m
	}
	var m metric
	if g, err := f.font.GlyphIndex(&f.buf, r); err == nil && g != 0 && r < 0xFFFF {
		em := int(f.font.UnitsPerEm())
		if a, err := f.font.GlyphAdvance(&f.buf, g, fixed.I(em), font.HintingNone); err == nil {
			m = metric{true, int16((a.Round()*1000 + em/2) / em)}
		}
	}
	f.known[r] = m
	return m
}
