// Package doc writes documents that look like a printed report and can be read
// without seeing them: PDF whose structure says what is a heading, a list, the
// head of a table, and what is only decoration. The caller says what there is,
// in order; where it comes to lie is decided here.
package doc

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Meta is what a document says about itself.
type Meta struct {
	Title, Subject, Author, Producer string
	// Language is a tag such as "en", which it is when empty.
	Language string
	// Created is the only time in the file; the zero time leaves it out.
	Created time.Time
	// Header runs at the top left of each page. Empty means the title.
	Header string
	// Mark is said at the top of every page, the first one aloud: what the
	// document is not, such as "Draft, not signed".
	Mark string
	// Paper is "A4" or "Letter"; anything else is A4.
	Paper string
}

// PDF collects a document. It is not safe for use by several goroutines.
type PDF struct {
	meta    Meta
	blocks  []func(*flow)
	entries []*entry
}

// Cover is the first page.
type Cover struct {
	Kicker, Title, Subtitle string
	Facts                   [][2]string
	Note                    string
}

// Span is text of one look.
type Span struct {
	Text               string
	Bold, Italic, Mono bool
}

// Table has a head, which is repeated on each page it reaches, and rows, which
// stay whole when a page can hold them. Total, when given, closes it with the
// double rule of a sum.
type Table struct {
	Caption string
	Columns []Column
	Rows    [][]Cell
	Total   []Cell
}

// Column is a column of a table. Width is its share; columns without one take
// a share of 1. Align is "left" or "right".
type Column struct {
	Title string
	Width float64
	Align string
}

// Cell is text in a table. Spans, when given, stand instead of Text.
type Cell struct {
	Text       string
	Bold, Mono bool
	Spans      []Span
}

// Signature is what a signed document shows of its signature.
type Signature struct {
	Name, Title, Firm, Place, Date string
	// Digest is that of what was signed, Entry the place of the signature in
	// the log.
	Digest, Entry string
}

// New begins a document.
func New(m Meta) *PDF {
	if m.Language == "" {
		m.Language = "en"
	}
	if m.Header == "" {
		m.Header = m.Title
	}
	return &PDF{meta: m}
}

// entry is something that the contents and the outline lead to.
type entry struct {
	level        int // 1 is a section
	label, title string
	nr           int // of its page
	y            float64
}

func (e *entry) text() string {
	if e.label == "" || e.title == "" {
		return e.label + e.title
	}
	return e.label + ": " + e.title
}

func (p *PDF) add(b func(*flow)) { p.blocks = append(p.blocks, b) }

func (p *PDF) entry(level int, label, title string) *entry {
	e := &entry{level: level, label: oneLine(label), title: oneLine(title)}
	p.entries = append(p.entries, e)
	return e
}

func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// Cover adds the first page.
func (p *PDF) Cover(c Cover) { p.add(func(f *flow) { f.cover(c) }) }

// Contents adds the table of contents of all sections and their headings of
// level 2.
func (p *PDF) Contents() { p.add((*flow).contents) }

// Section begins a new page with a heading of level 1, such as "Section I" and
// "Independent service auditor's report". Either may be empty.
func (p *PDF) Section(label, title string) {
	e := p.entry(1, label, title)
	p.add(func(f *flow) { f.startSection(e) })
}

// Heading adds a heading of level 2 to 4.
func (p *PDF) Heading(level int, text string) {
	e := p.entry(min(max(level, 2), 4), "", text)
	p.add(func(f *flow) { f.heading(e) })
}

// Paragraph adds text. A blank line in it begins another paragraph.
func (p *PDF) Paragraph(text string) { p.Rich(Span{Text: text}) }

// Rich adds a paragraph of several looks.
func (p *PDF) Rich(spans ...Span) { p.add(func(f *flow) { f.paragraph(spans) }) }

// List adds a list with bullets.
func (p *PDF) List(items []string) { p.add(func(f *flow) { f.list(items) }) }

// Facts adds labels and what they say, as a table of two columns.
func (p *PDF) Facts(rows [][2]string) { p.add(func(f *flow) { f.facts(rows, f.width-2*margin) }) }

// Table adds a table.
func (p *PDF) Table(t Table) { p.add(func(f *flow) { f.table(&t) }) }

// Placeholder adds a dashed box for what somebody still has to supply. Nobody
// can take it for text of the report.
func (p *PDF) Placeholder(title, text string) { p.add(func(f *flow) { f.placeholder(title, text) }) }

// Note adds a remark in small type.
func (p *PDF) Note(text string) { p.add(func(f *flow) { f.note(text) }) }

// Signature adds a signature with what proves it.
func (p *PDF) Signature(s Signature) { p.add(func(f *flow) { f.signature(s) }) }

// Break begins a new page.
func (p *PDF) Break() { p.add((*flow).newPage) }

// Write lays the document out and writes it. The same document has the same
// bytes, whenever and wherever it is written.
func (p *PDF) Write(w io.Writer) error {
	f := p.layout()
	if err := f.publish(w); err != nil {
		return fmt.Errorf("the document is not written: %w", err)
	}
	return nil
}
