package file

import (
	"archive/zip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/tickmark/tickmark/internal/durable"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// What a workbook may hold at most. It is an archive, so that a small one can
// unfold into anything.
const (
	maxBook     = 512 << 20 // bytes as handed in
	maxInflated = 4 << 30   // bytes of what is read of it
	maxRatio    = 300       // inflated to packed, above the first MiB
	maxEntries  = 10_000
	maxShared   = 256 << 20 // bytes of shared texts
	maxTexts    = 4_000_000
	maxSheets   = 1000
	maxStyles   = 100_000
	maxNesting  = 32
	maxAttrs    = 100
	maxToken    = 2 << 20 // bytes between two marks of XML
	sheetRows   = 1 << 20
	sheetCols   = 1 << 14
)

// A book is an open workbook.
type book struct {
	ctx      context.Context
	spool    *durable.Spool
	files    map[string]*zip.File
	inflated int64 // bytes read so far, of all its parts
	texts    []string
	dates    []dateStyle // by the number of a cell's style
	from1904 bool
}

func openXLSX(ctx context.Context, r io.Reader, m sources.Columns) (_ table, err error) {
	spool, err := durable.NewSpool()
	if err != nil {
		return nil, err
	}
	b := &book{ctx: ctx, spool: spool, files: map[string]*zip.File{}}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	n, err := io.Copy(spool, io.LimitReader(r, maxBook+1))
	if err != nil {
		return nil, err
	}
	if n > maxBook {
		return nil, fault.Invalid("", "the workbook has more than %d MiB: save the sheet as CSV, which may be larger", maxBook>>20)
	}
	z, err := zip.NewReader(spool, n)
	if err != nil {
		return nil, fault.Invalid("", "the workbook is damaged or cut short: open it, save it again as XLSX and hand in that file").With(err)
	}
	if len(z.File) > maxEntries {
		return nil, fault.Invalid("", "the workbook has %d parts: at most %d are accepted", len(z.File), maxEntries)
	}
	for _, f := range z.File {
		if _, twice := b.files[f.Name]; twice {
			return nil, fault.Invalid("", "the workbook has the part %s twice: save it again as XLSX", shorten(f.Name))
		}
		b.files[f.Name] = f
	}
	return b.open(m)
}

// Close frees the copy.
func (b *book) Close() error { return b.spool.Close() }

func (b *book) open(m sources.Columns) (table, error) {
	sheets, err := b.sheets()
	if err != nil {
		return nil, err
	}
	at, err := choose(sheets, m.Sheet)
	if err != nil {
		return nil, err
	}
	if err := b.styles(); err != nil {
		return nil, err
	}
	if err := b.shared(); err != nil {
		return nil, err
	}
	x, err := b.part(at.part)
	if err != nil {
		return nil, err
	}
	t := &sheetTable{book: b, xml: x, sheet: at, names: map[string]int{}, others: len(sheets) - 1}
	return t, t.head(max(m.Header, 1))
}

// A sheet is one of the workbook's.
type sheet struct {
	name, id, part string
	hidden         bool
}

// sheets lists them in the order of their tabs.
func (b *book) sheets() ([]sheet, error) {
	main := "xl/workbook.xml"
	err := b.each("_rels/.rels", func(e xml.StartElement) error {
		if e.Name.Local == "Relationship" && strings.HasSuffix(attr(e, "Type"), "/officeDocument") {
			main = strings.TrimPrefix(path.Clean(attr(e, "Target")), "/")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []sheet
	err = b.each(main, func(e xml.StartElement) error {
		switch e.Name.Local {
		case "sheet":
			if len(out) == maxSheets {
				return fault.Invalid("", "the workbook has more than %d sheets, the most that are accepted", maxSheets)
			}
			state := attr(e, "state")
			out = append(out, sheet{name: attr(e, "name"), id: attr(e, "id"), hidden: state != "" && state != "visible"})
		case "workbookPr":
			b.from1904 = attr(e, "date1904") == "1" || attr(e, "date1904") == "true"
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	parts := map[string]string{}
	rels := path.Join(path.Dir(main), "_rels", path.Base(main)+".rels")
	err = b.each(rels, func(e xml.StartElement) error {
		if e.Name.Local == "Relationship" && attr(e, "TargetMode") != "External" && len(parts) < maxEntries {
			target := attr(e, "Target")
			if !strings.HasPrefix(target, "/") {
				target = path.Join(path.Dir(main), target)
			}
			parts[attr(e, "Id")] = strings.TrimPrefix(path.Clean(target), "/")
		}
		return nil
	})
	for i := range out {
		out[i].part = parts[out[i].id]
	}
	return out, err
}

// choose finds the sheet of a name, or the first that is shown.
func choose(sheets []sheet, name string) (sheet, error) {
	var names []string
	for _, s := range sheets {
		if name == "" && !s.hidden || name != "" && s.name == name {
			return s, nil
		}
		if len(names) < 40 {
			names = append(names, shorten(s.name))
		}
	}
	if name == "" {
		return sheet{}, fault.Invalid("sheet", "the workbook shows no sheet: name the one to read in the mapping; there are %s", strings.Join(names, ", "))
	}
	return sheet{}, fault.Invalid("sheet", "the workbook has no sheet %q: its sheets are %s", shorten(name), strings.Join(names, ", "))
}

// part opens a part of the workbook as XML, within limits.
func (b *book) part(name string) (*reader, error) {
	f, ok := b.files[name]
	if !ok {
		return nil, fault.Invalid("", "the workbook lacks its part %s: open it, save it again as XLSX and hand in that file", shorten(name))
	}
	from, err := f.Open()
	if err != nil {
		return nil, fault.Invalid("", "the part %s of the workbook cannot be unpacked: save it again as XLSX", shorten(name)).With(err)
	}
	l := &inflating{book: b, from: from, name: name, packed: int64(f.CompressedSize64)}
	x := &reader{limit: l, dec: xml.NewDecoder(l)}
	x.dec.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		return nil, fault.Invalid("", "the part %s is written in %s: UTF-8 is accepted", shorten(name), shorten(charset))
	}
	return x, nil
}

// inflating is a part that is unpacked as it is read.
type inflating struct {
	book   *book
	from   io.Reader
	name   string
	packed int64
	read   int64
	token  int64 // bytes since the last mark
}

func (l *inflating) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	l.read += int64(n)
	l.token += int64(n)
	l.book.inflated += int64(n)
	switch {
	case l.book.inflated > maxInflated:
		return 0, fault.Invalid("", "the workbook unfolds to more than %d GiB: save the sheet as CSV", maxInflated>>30)
	case l.read > 1<<20 && l.read > maxRatio*max(l.packed, 1):
		return 0, fault.Invalid("", "the part %s of the workbook unfolds to more than %d times its size, as no table does: save the sheet as CSV", shorten(l.name), maxRatio)
	case l.token > maxToken:
		return 0, fault.Invalid("", "the part %s of the workbook has a value of more than %d MiB, the most that is accepted", shorten(l.name), maxToken>>20)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fault.Invalid("", "the part %s of the workbook is damaged: save it again as XLSX", shorten(l.name)).With(err)
	}
	return n, err
}

// A reader gives the marks of a part.
type reader struct {
	limit *inflating
	dec   *xml.Decoder
	depth int
	count int
}

// token is the next mark or text; io.EOF at the end.
func (x *reader) token() (xml.Token, error) {
	x.limit.token = 0
	if x.count++; x.count%4096 == 0 {
		if err := x.limit.book.ctx.Err(); err != nil {
			return nil, err
		}
	}
	t, err := x.dec.RawToken()
	if err != nil {
		var syntax *xml.SyntaxError
		switch {
		case errors.As(err, &syntax):
			err = fault.Invalid("", "the part %s of the workbook is damaged at line %d: save it again as XLSX", shorten(x.limit.name), syntax.Line).With(err)
		case errors.Is(err, io.EOF) && x.depth > 0:
			err = fault.Invalid("", "the part %s of the workbook is cut short: save it again as XLSX", shorten(x.limit.name))
		}
		return nil, err
	}
	switch e := t.(type) {
	case xml.StartElement:
		if x.depth++; x.depth > maxNesting {
			return nil, fault.Invalid("", "the part %s of the workbook is nested more than %d deep, the most that is accepted", shorten(x.limit.name), maxNesting)
		}
		if len(e.Attr) > maxAttrs {
			return nil, fault.Invalid("", "the part %s of the workbook has a mark with %d attributes: at most %d are accepted", shorten(x.limit.name), len(e.Attr), maxAttrs)
		}
	case xml.EndElement:
		x.depth--
	case xml.Directive:
		return nil, fault.Invalid("", "the part %s of the workbook defines entities: a workbook without them is accepted", shorten(x.limit.name))
	}
	return t, nil
}

// each hands over the opening marks of a part. One that is not there has none.
func (b *book) each(name string, fn func(xml.StartElement) error) error {
	if b.files[name] == nil && name != "xl/workbook.xml" {
		return nil
	}
	x, err := b.part(name)
	if err != nil {
		return err
	}
	for {
		t, err := x.token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if e, ok := t.(xml.StartElement); ok {
			if err := fn(e); err != nil {
				return err
			}
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// shared reads the texts that cells refer to by number.
func (b *book) shared() error {
	const name = "xl/sharedStrings.xml"
	if b.files[name] == nil {
		return nil
	}
	x, err := b.part(name)
	if err != nil {
		return err
	}
	size := 0
	for {
		t, err := x.token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if e, ok := t.(xml.StartElement); !ok || e.Name.Local != "si" {
			continue
		}
		text, err := x.text("si")
		if err != nil {
			return err
		}
		if size += len(text); size > maxShared || len(b.texts) == maxTexts {
			return fault.Invalid("", "the workbook has more than %d MiB or %d texts: save the sheet as CSV", maxShared>>20, maxTexts)
		}
		b.texts = append(b.texts, text)
	}
}

// text joins what stands in the t of an element until it ends, without the
// readings of East Asian scripts.
func (x *reader) text(until string) (string, error) {
	var out strings.Builder
	in, aside := false, 0
	for {
		t, err := x.token()
		if err != nil {
			return "", unended(err)
		}
		switch e := t.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "t":
				in = true
			case "rPh":
				aside++
			}
		case xml.EndElement:
			switch e.Name.Local {
			case "t":
				in = false
			case "rPh":
				aside--
			case until:
				return out.String(), nil
			}
		case xml.CharData:
			if in && aside == 0 {
				if out.Len()+len(e) > maxToken {
					return "", fault.Invalid("", "the workbook has a text of more than %d MiB, the most that is accepted", maxToken>>20)
				}
				out.Write(e)
			}
		}
	}
}

func unended(err error) error {
	if errors.Is(err, io.EOF) {
		return fault.Invalid("", "the workbook is cut short: save it again as XLSX")
	}
	return err
}

func place(row int) string { return fmt.Sprintf("row %d", row) }
