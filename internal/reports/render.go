package reports

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/doc"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/words"
)

// Render lays the document out as a PDF. The same document gives the same
// bytes.
func (d Document) Render() ([]byte, error) {
	meta := doc.Meta{Title: d.Subject, Subject: d.Subtitle, Author: d.Author, Producer: "Tickmark", Created: d.Printed, Header: d.Subject}
	kicker := "SOC 2 " + map[string]string{typeI: "Type I", typeII: "Type II"}[d.Type] + " report"
	if !d.Final {
		meta.Mark = "DRAFT, not signed"
		kicker = "DRAFT. " + kicker
	}
	if d.Demo {
		meta.Mark = "DEMO, not real"
		kicker = "DEMO. " + kicker
	}
	p := doc.New(meta)
	p.Cover(doc.Cover{Kicker: kicker, Title: d.Title, Subtitle: d.Subtitle, Facts: d.Facts, Note: d.Use})
	p.Contents()
	for _, s := range d.Sections {
		p.Section(s.Label, s.Title)
		for i := 0; i < len(s.Blocks); i++ {
			if s.Blocks[i].Kind == isOpinion { // those that follow each other are one table
				var rows [][2]string
				for ; i < len(s.Blocks) && s.Blocks[i].Kind == isOpinion; i++ {
					value := words.Capital(s.Blocks[i].Text)
					if !d.Final {
						value += " (not signed)"
					}
					rows = append(rows, [2]string{s.Blocks[i].Title, value})
				}
				p.Facts(rows)
				i--
				continue
			}
			s.Blocks[i].draw(p, d.Type)
		}
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (b Block) draw(p *doc.PDF, reportType string) {
	switch b.Kind {
	case isHeading:
		p.Heading(2, b.Title)
	case isText, isSaid:
		p.Paragraph(b.Text)
	case isMissing:
		p.Placeholder(b.Title, strings.Join(append([]string{b.Text}, b.Items...), "\n"))
	case isFacts:
		p.Facts(b.Facts)
	case isList:
		p.List(b.Items)
	case isNote:
		p.Note(b.Text)
	case isCode:
		p.Rich(doc.Span{Text: b.Text, Mono: true})
	case isSigned:
		s := b.Sign
		p.Signature(doc.Signature{Name: s.Name, Title: s.Title, Firm: s.Firm, Place: s.Place, Date: s.Date, Digest: s.SHA256, Entry: s.Entry})
	case isResponse:
		p.Heading(3, b.Title)
		for _, text := range b.Items {
			p.Rich(doc.Span{Text: "Deviation. ", Bold: true}, doc.Span{Text: text})
		}
		if b.Text == "" {
			p.Placeholder("To be supplied by management", "The response to this deviation.")
			return
		}
		p.Rich(doc.Span{Text: "Response. ", Bold: true}, doc.Span{Text: b.Text})
	case isRows:
		if reportType == typeI {
			drawControls(p, b.Rows)
		} else {
			drawTests(p, b.Rows)
		}
	}
}

// drawControls is Section IV of a Type I report: one row for each criterion.
func drawControls(p *doc.PDF, rows []Row) {
	t := doc.Table{Caption: "Criteria in scope with the controls that answer them", Columns: []doc.Column{{Title: "Criterion", Width: 1.6}, {Title: "Controls", Width: 2.6}}}
	for _, r := range rows {
		criterion := doc.Cell{Spans: []doc.Span{{Text: r.Criterion, Bold: true}, {Text: " " + r.Title + "\n" + r.Text}}}
		var spans []doc.Span
		if r.Note != "" {
			spans = append(spans, doc.Span{Text: r.Note, Italic: true})
		}
		for _, c := range r.Controls {
			if len(spans) > 0 {
				spans = append(spans, doc.Span{Text: "\n"})
			}
			spans = append(spans, c.told()...)
		}
		t.Rows = append(t.Rows, []doc.Cell{criterion, {Spans: spans}})
	}
	p.Table(t)
}

// told is the control as it is described, or where that is done.
func (c RowControl) told() []doc.Span {
	out := []doc.Span{{Text: c.Code, Bold: true}, {Text: " " + stop(c.Title)}}
	if c.See != "" {
		return append(out, doc.Span{Text: " Described under " + c.See + ".", Italic: true})
	}
	return append(out, doc.Span{Text: "\n" + c.Text})
}

// drawTests is Section IV of a Type II report: under each criterion its
// controls, with what was done to test them and what came of it.
func drawTests(p *doc.PDF, rows []Row) {
	for _, r := range rows {
		p.Heading(3, r.Criterion+" "+r.Title)
		p.Rich(doc.Span{Text: r.Text, Italic: true})
		if r.Note != "" {
			p.Paragraph(r.Note)
		}
		if len(r.Controls) == 0 {
			continue
		}
		t := doc.Table{Columns: []doc.Column{{Title: "Control", Width: 3}, {Title: "Test performed", Width: 3}, {Title: "Result", Width: 2.2}}}
		for _, c := range r.Controls {
			t.Rows = append(t.Rows, []doc.Cell{{Spans: c.told()}, {Spans: c.performed()}, {Spans: c.came()}})
		}
		p.Table(t)
	}
}

func (c RowControl) performed() []doc.Span {
	if c.See != "" {
		return []doc.Span{{Text: "As under " + c.See + ".", Italic: true}}
	}
	var out []doc.Span
	for i, t := range c.Tests {
		if i > 0 {
			t = "\n" + t
		}
		out = append(out, doc.Span{Text: t})
	}
	if c.On != "" && !slices.ContainsFunc(c.Tests, func(t string) bool { return strings.Contains(t, c.On) }) {
		on := words.Capital(stop(c.On))
		if len(out) > 0 {
			on = "\n" + on
		}
		out = append(out, doc.Span{Text: on, Italic: true})
	}
	return out
}

func (c RowControl) came() []doc.Span {
	out := []doc.Span{{Text: stop(c.Result), Bold: len(c.Deviations) > 0}}
	for _, d := range c.Deviations {
		out = append(out, doc.Span{Text: "\n" + d})
	}
	if c.Response != "" {
		out = append(out, doc.Span{Text: "\nManagement’s response: " + c.Response + ".", Italic: true})
	}
	return out
}

// lookedBack says when a control last operated that did not in the period.
func lookedBack(l procedures.LookBack) string {
	switch {
	case l.Last == "":
		return "Looked back 12 months before the end of the period: no earlier occurrence was shown."
	case l.Within:
		return fmt.Sprintf("Looked back 12 months before the end of the period: it last operated on %s, %d days before.", day(l.Last), l.Days)
	}
	return fmt.Sprintf("Looked back 12 months before the end of the period: it last operated on %s, %d days before, outside that time.", day(l.Last), l.Days)
}

// stop ends a text with a full stop.
func stop(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}
