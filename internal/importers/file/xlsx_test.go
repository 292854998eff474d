package file_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/importers/file"
	"github.com/tickmark/tickmark/internal/sources"
)

const (
	rootRels = `<Relationships xmlns="x"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`
	bookRels = `<Relationships xmlns="x"><Relationship Id="r1" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Target="/xl/worksheets/sheet2.xml"/><Relationship Id="r3" Target="https://evil.example/" TargetMode="External"/></Relationships>`
	bookXML  = `<?xml version="1.0" encoding="UTF-8"?><workbook xmlns="x" xmlns:r="y"><workbookPr/><sheets><sheet name="Hidden" sheetId="1" state="hidden" r:id="r1"/><sheet name="People" sheetId="2" r:id="r2"/></sheets></workbook>`
	styles   = `<styleSheet><numFmts count="2"><numFmt numFmtId="164" formatCode="dd/mm/yyyy\ hh:mm"/><numFmt numFmtId="165" formatCode="&quot;day&quot; 0.00"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="20"/></cellXfs></styleSheet>`
	texts    = `<sst><si><t>Worker ID</t></si><si><t>Name</t></si><si><t>Start</t></si><si><t>Fired</t></si><si><r><t>A</t></r><r><t xml:space="preserve">da </t></r><rPh><t>ignored</t></rPh></si><si><t>Ja</t></si></sst>`
	people2  = `<worksheet><sheetData>
<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c><c r="D1" t="s"><v>3</v></c></row>
<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="s"><v>4</v></c><c r="C2" s="1"><v>46053</v></c><c r="D2" t="str"><f>IF(1,"Ja")</f><v>Ja</v></c></row>
<row r="3" hidden="1"><c r="A3"><v>1.2345678901234567E+16</v></c><c r="B3" t="inlineStr"><is><t>Bo</t></is></c><c r="C3" s="2"><v>46054.395833333336</v></c></row>
<row r="4"/><row r="9"><c r="A9"><v>0.30000000000000004</v></c><c r="D9" t="s"><v>5</v></c></row>
</sheetData><mergeCells count="1"><mergeCell ref="A1:B1"/></mergeCells></worksheet>`
)

// workbook packs parts; change replaces or adds some.
func workbook(t testing.TB, change map[string]string) []byte {
	t.Helper()
	parts := map[string]string{"_rels/.rels": rootRels, "xl/workbook.xml": bookXML, "xl/_rels/workbook.xml.rels": bookRels, "xl/styles.xml": styles,
		"xl/sharedStrings.xml": texts, "xl/worksheets/sheet1.xml": "<worksheet/>", "xl/worksheets/sheet2.xml": people2}
	for k, v := range change {
		if parts[k] = v; v == "-" {
			delete(parts, k)
		}
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, text := range parts {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func sheet(rows string) map[string]string {
	return map[string]string{"xl/worksheets/sheet2.xml": `<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c><c r="D1" t="s"><v>3</v></c></row>` + rows}
}

func TestAWorkbookIsReadAsPeopleSeeIt(t *testing.T) {
	m := people()
	in, err := read(t, m, string(workbook(t, nil)), sources.Statement{Query: "q"})
	if err != nil {
		t.Fatal(err)
	}
	want := "0.3|<nil>|<nil>|true|employee\n1|Ada|2026-01-31T00:00:00Z|true|employee\n12345678901234568|Bo|2026-02-01T09:30:00Z|<nil>|employee"
	if got := shown(in, "person", tableFields...); got != want {
		t.Errorf("got\n%s", got)
	}
	got := in.Scopes()
	for k, want := range map[string]string{"file_format": "xlsx", "sheet": "People", "other_sheets": "1", "hidden_rows": "1", "formulas_taken_as_saved": "1", "merged_ranges": "1", "rows": "3"} {
		if got[k] != want {
			t.Errorf("%s is %q, want %q", k, got[k], want)
		}
	}
}

func TestAWorkbookOf1904CountsFromThere(t *testing.T) {
	in, err := read(t, people(), string(workbook(t, map[string]string{"xl/workbook.xml": strings.Replace(bookXML, "<workbookPr/>", `<workbookPr date1904="1"/>`, 1),
		"xl/worksheets/sheet2.xml": strings.Replace(people2, "46053", "44591", 1)})), sources.Statement{})
	if err != nil || !strings.Contains(shown(in, "person", "started_at"), "1|2026-01-31T00:00:00Z") {
		t.Errorf("%s, %v", shown(in, "person", "started_at"), err)
	}
}

func TestAWorkbookThatCannotBeTakenSaysWhere(t *testing.T) {
	many := func(one string, n int) string { return strings.Repeat(one, n) }
	for rule, test := range map[string]struct {
		change map[string]string
		sheet  string
		want   string
	}{
		"no such sheet":      {nil, "Persons", "its sheets are Hidden, People"},
		"no sheet is shown":  {map[string]string{"xl/workbook.xml": strings.ReplaceAll(bookXML, `"People"`, `"People" state="veryHidden"`)}, "", "shows no sheet"},
		"an error":           {sheet(`<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="e"><v>#N/A</v></c></row></sheetData></worksheet>`), "", "row 2: column Name is the error #N/A"},
		"a formula unsaved":  {sheet(`<row r="2"><c r="A2"><v>1</v></c><c r="B2"><f>NOW()</f></c></row></sheetData></worksheet>`), "", "row 2: column Name is a formula whose value was not saved"},
		"no such text":       {sheet(`<row r="2"><c r="A2" t="s"><v>99</v></c></row></sheetData></worksheet>`), "", "row 2: column Worker ID is empty or no text"},
		"a date too early":   {sheet(`<row r="2"><c r="A2"><v>1</v></c><c r="C2" s="1"><v>12</v></c></row></sheetData></worksheet>`), "", "before March 1900"},
		"cut short":          {sheet(`<row r="2"><c r="A2"><v>1</v></c>`), "", "cut short"},
		"damaged":            {sheet(`<row r="2"><c r="A2"><v>1<</v></c></row></sheetData></worksheet>`), "", "is damaged at line 1"},
		"rows backwards":     {sheet(`<row r="1"></row></sheetData></worksheet>`), "", "counts its rows wrongly"},
		"columns backwards":  {sheet(`<row r="2"><c r="B2"/><c r="A2"/></row></sheetData></worksheet>`), "", "counts its columns wrongly"},
		"a column far out":   {sheet(`<row r="2"><c r="XFD2"><v>1</v></c></row></sheetData></worksheet>`), "", "at most 512 columns"},
		"a part is missing":  {map[string]string{"xl/worksheets/sheet2.xml": "-"}, "", "lacks its part xl/worksheets/sheet2.xml"},
		"no workbook":        {map[string]string{"xl/workbook.xml": "-"}, "", "lacks its part xl/workbook.xml"},
		"entities":           {map[string]string{"xl/sharedStrings.xml": `<!DOCTYPE x [<!ENTITY a "aaaa">]><sst><si><t>&a;</t></si></sst>`}, "", "defines entities"},
		"an unknown entity":  {map[string]string{"xl/sharedStrings.xml": `<sst><si><t>&a;</t></si></sst>`}, "", "is damaged"},
		"nested":             {map[string]string{"xl/sharedStrings.xml": many("<a>", 100)}, "", "nested more than 32 deep"},
		"a bomb":             {map[string]string{"xl/sharedStrings.xml": "<sst>" + many("<si><t></t></si>", 1<<20)}, "", "more than 300 times its size"},
		"a text without end": {map[string]string{"xl/sharedStrings.xml": "<sst><si><t>" + many("lorem ipsum dolor", 200<<10)}, "", "a text of more than 2 MiB"},
		"another charset":    {map[string]string{"xl/sharedStrings.xml": `<?xml version="1.0" encoding="ISO-8859-1"?><sst/>`}, "", "UTF-8 is accepted"},
		"no header":          {map[string]string{"xl/worksheets/sheet2.xml": "<worksheet><sheetData/></worksheet>"}, "", "sheet People has no row 1"},
	} {
		t.Run(rule, func(t *testing.T) {
			m := people()
			m.Sheet = test.sheet
			in := intake(t)
			err := file.New().Import(context.Background(), bytes.NewReader(workbook(t, test.change)), settings(t, m, sources.Statement{}), in)
			if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
		})
	}
}

// A part whose header lies about its size unfolds all the same, and is stopped
// by what comes out.
func TestABombThatLiesIsStopped(t *testing.T) {
	var packed bytes.Buffer
	w, _ := flate.NewWriter(&packed, flate.BestCompression)
	zero := bytes.Repeat([]byte(" "), 1<<20)
	_, _ = w.Write([]byte("<sst>"))
	for range 64 {
		_, _ = w.Write(zero)
	}
	w.Close()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, text := range map[string]string{"_rels/.rels": rootRels, "xl/workbook.xml": bookXML, "xl/_rels/workbook.xml.rels": bookRels} {
		p, _ := z.Create(name)
		_, _ = io.WriteString(p, text)
	}
	p, err := z.CreateRaw(&zip.FileHeader{Name: "xl/sharedStrings.xml", Method: zip.Deflate, CompressedSize64: uint64(packed.Len()), UncompressedSize64: 64 << 20, CRC32: crc32.ChecksumIEEE(nil)})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = p.Write(packed.Bytes())
	p, _ = z.Create("xl/worksheets/sheet2.xml")
	_, _ = io.WriteString(p, people2)
	z.Close()
	err = file.New().Import(context.Background(), &out, settings(t, people(), sources.Statement{}), intake(t))
	if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), "times its size") && !strings.Contains(err.Error(), "a value of more than 2 MiB") {
		t.Errorf("got %v", err)
	}
}

func TestFormatsAreToldFromDates(t *testing.T) {
	for code, want := range map[string]string{"yyyy-mm-dd": "date", "d.m.yy": "date", "mmm-yy": "date", "[$-409]d-mmm-yyyy;@": "date", "0.00": "number", "General": "number", "#,##0 \"days\"": "number",
		"h:mm AM/PM": "time", "[h]:mm:ss": "time", "mm:ss": "time", "mmmm": "date", "@": "number", "[Red]0": "number", "\\d0": "number"} {
		if got := file.FormatOf(code); got != want {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
}

func FuzzXLSX(f *testing.F) {
	f.Add(workbook(f, nil), people2)
	f.Add([]byte("PK\x03\x04"), `<worksheet><sheetData><row r="2"><c r="A2" s="1"><v>1e300</v></c></row>`)
	f.Fuzz(func(t *testing.T, book []byte, sheet string) {
		for _, data := range [][]byte{book, workbook(t, map[string]string{"xl/worksheets/sheet2.xml": sheet})} {
			in := intake(t)
			if err := file.New().Import(context.Background(), bytes.NewReader(data), settings(t, people(), sources.Statement{}), in); err == nil {
				if n := fmt.Sprint(len(in.Resources("person"))); n != in.Scopes()["rows"] {
					t.Errorf("%s resources of %s rows", n, in.Scopes()["rows"])
				}
			}
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add(table)
	f.Add("\ufeff" + strings.ReplaceAll(table, ",", ";"))
	f.Add(wide(table, false, true))
	f.Add(`{"rows":[{"Worker ID":1,"Name":"Ada","Start":"2026-01-31","Fired":"Nein","a":{"b":[1]}}]}`)
	f.Add("{\"Worker ID\":1}\n{\"Worker ID\":2}\n")
	f.Fuzz(func(t *testing.T, text string) {
		in := intake(t)
		if err := file.New().Import(context.Background(), strings.NewReader(text), settings(t, people(), sources.Statement{}), in); err == nil {
			if n := fmt.Sprint(len(in.Resources("person"))); n != in.Scopes()["rows"] {
				t.Errorf("%s resources of %s rows", n, in.Scopes()["rows"])
			}
		}
	})
}
