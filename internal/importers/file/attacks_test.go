package file_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/importers/file"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/sources/importertest"
)

// where is how a message about a table says where.
var where = regexp.MustCompile(`line \d|row \d|byte \d|the file|the workbook|sheet `)

// attack reads a table that somebody broke. Strictly it is refused in words
// that help; where rows may be left out it is refused too, or all but the rows
// that are named are taken.
func attack(t *testing.T, from func() io.Reader, wants ...string) {
	t.Helper()
	m := people()
	strict := intake(t)
	defer strict.Close()
	err := file.New().Import(context.Background(), from(), settings(t, m, sources.Statement{}), strict)
	importertest.Helps(t, err, where)
	for _, w := range wants {
		if !strings.Contains(fmt.Sprint(err), w) {
			t.Errorf("%v does not contain %q", err, w)
		}
	}
	in := intake(t)
	defer in.Close()
	in.SkipBad()
	err = file.New().Import(context.Background(), from(), settings(t, m, sources.Statement{}), in)
	if err != nil {
		importertest.Helps(t, err, where)
		return
	}
	named := 0
	for _, x := range in.Missings() {
		if strings.Contains(x.Reason, "left out") {
			if named++; !where.MatchString(x.Reason) {
				t.Errorf("%q does not say which", x.Reason)
			}
		}
	}
	rows, _ := json.Number(in.Scopes()["rows"]).Int64()
	if in.LeftOut() == 0 || named == 0 || int64(len(in.Resources("person")))+in.LeftOut() != rows {
		t.Errorf("%d rows: %d taken, %d left out, %d named", rows, len(in.Resources("person")), in.LeftOut(), named)
	}
}

func text(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }

const (
	jsonList  = `[{"Worker ID":"1","Name":"Ada","Start":"2026-01-31","Fired":"Nein"},{"Worker ID":"2","Name":"Bo","Start":"2026-02-01 09:30","Fired":"Ja"},{"Worker ID":"3","Name":"Cy","Start":null,"Fired":null}]`
	jsonLines = `{"Worker ID":"1","Name":"Ada","Start":"2026-01-31","Fired":"Nein"}` + "\n" + `{"Worker ID":"2","Name":"Bo","Start":"2026-02-01 09:30","Fired":"Ja"}` + "\n" + `{"Worker ID":"3","Name":"Cy","Start":null,"Fired":null}` + "\n"
)

func TestFilesOfNoFormat(t *testing.T) {
	for name, data := range importertest.Texts {
		t.Run(name, func(t *testing.T) { attack(t, text(data)) })
	}
}

// Wherever a file is cut, it is refused or every row that was taken is a row of
// the whole. Of a CSV the last value alone can be short: nothing in the format
// says where it ends, which is why a statement may say how many rows there are.
func TestCutFiles(t *testing.T) {
	book := string(workbook(t, nil))
	for name, whole := range map[string]string{"JSON": jsonList, "a workbook": book} {
		t.Run(name, func(t *testing.T) {
			for i := 4; i < len(whole); i += max(1, len(whole)/200) {
				attack(t, text(whole[:i]))
			}
		})
	}
	t.Run("JSON lines", func(t *testing.T) {
		for i := 2; i < len(jsonLines); i++ {
			if jsonLines[i-1] == '}' || jsonLines[i-1] == '\n' {
				continue // a whole file
			}
			attack(t, text(jsonLines[:i]))
		}
	})
	t.Run("CSV", func(t *testing.T) {
		all := map[string]bool{}
		in, err := read(t, people(), table, sources.Statement{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range strings.Split(shown(in, "person", "name", "started_at"), "\n") {
			all[r] = true
		}
		for i := 1; i < len(table); i++ {
			in, err := read(t, people(), table[:i], sources.Statement{})
			if err != nil {
				importertest.Helps(t, err, where)
				continue
			}
			for _, r := range strings.Split(shown(in, "person", "name", "started_at"), "\n") {
				if r != "" && !all[r] {
					t.Errorf("cut at %d: %s", i, r)
				}
			}
		}
	})
}

func TestHugeTables(t *testing.T) {
	const head, size = "Worker ID,Name,Start,Fired\n", 80 << 20
	row := `{"Worker ID":"1","Name":"`
	for name, from := range map[string]func() io.Reader{
		"a field of CSV":           func() io.Reader { return importertest.Endless(head+`1,"`, "x", `",,`, size) },
		"a field over many lines":  func() io.Reader { return importertest.Endless(head+`1,"`, "x\n", `",,`, size) },
		"a line of CSV":            func() io.Reader { return importertest.Endless(head, "x,", "\n", size) },
		"a header":                 func() io.Reader { return importertest.Endless("", "name,", "\n", size) },
		"a bare quote":             func() io.Reader { return importertest.Endless(head, `"`, "\n", size) },
		"UTF-16":                   func() io.Reader { return importertest.Endless("\xff\xfe", "x\x00", "\n\x00", size) },
		"a text of JSON":           func() io.Reader { return importertest.Endless("["+row, "x", `"}]`, size) },
		"a text in a line":         func() io.Reader { return importertest.Endless(row, "x", `"}`, size) },
		"a list of JSON":           func() io.Reader { return importertest.Endless(`[{"a":[`, "1,", `1]}]`, size) },
		"space before JSON":        func() io.Reader { return importertest.Endless("[", "          \n", "}", size) },
		"something before rows":    func() io.Reader { return importertest.Endless(`{"rows":[],"x":[`, "1,", "1", size) },
		"a header of many columns": func() io.Reader { return strings.NewReader(strings.Repeat("a,", 20_000) + "\n") },
	} {
		t.Run(name, func(t *testing.T) {
			attack(t, from)
			w := &importertest.Watch{From: from()}
			in := intake(t)
			defer in.Close()
			if err := file.New().Import(context.Background(), w, settings(t, people(), sources.Statement{}), in); err == nil {
				t.Error("taken")
			}
			w.Within(t, 32<<20)
		})
	}
}

func TestHostileTables(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"bare returns":              {strings.ReplaceAll(table, "\n", "\r"), "end in a carriage return alone"},
		"bare returns, then a line": {strings.ReplaceAll(table, "\n", "\r") + "\n", "end in a carriage return alone"},
		"rows too long":             {table + "4,Di,,,,,\n", "line 5: has 7 columns"},
		"rows too short":            {table + "4\n", "line 5: has 1 column"},
		"a quote left open":         {table + "4,\"Di,,\n5,Ed,,\n", "line 5"},
		"a quote inside":            {table + "4,D\"i,,\n", "line 5"},
		"two files in one":          {table + table, "line 5: column Start is"},
		"another separator below":   {table + "4;Di;;\n", "line 5: has 1 column"},
		"JSON below CSV":            {table + jsonLines, "line 5"},
		"CSV below JSON lines":      {jsonLines + table, "line 4: is no JSON"},
		"another list below":        {jsonList + jsonList, "after row 3"},
		"Latin-1":                   {table + "4,M\xfcller,,\n", "line 5: column Name is not UTF-8"},
		"NUL":                       {table + "4\x00,Ed,,\n", "NUL"},
		"NUL far down":              {table + strings.Repeat("\n", 70_000) + "4\x00,Ed,,\n", "line 70005: column Worker ID is empty or no text"},
		"NUL in a name":             {table + strings.Repeat("\n", 70_000) + "4,\x00,,\n", "line 70005: column Name holds NUL"},
		"NUL in JSON":               {strings.Replace(jsonList, `"Bo"`, `"\u0000"`, 1), "row 2: column Name holds NUL"},
		"JSON in UTF-16":            {wide(jsonList, false, true), "JSON in UTF-16"},
		"JSON in UTF-16, no mark":   {wide(jsonList, true, false), "JSON in UTF-16"},
		"JSON in Latin-1":           {strings.Replace(jsonList, "Ada", "M\xfcller", 1), "row 1: is not UTF-8"},
		"JSON lines in Latin-1":     {strings.Replace(jsonLines, "Bo", "M\xfcller", 1), "line 2: is not UTF-8"},
		"a field twice":             {strings.Replace(jsonList, `"Name":"Bo"`, `"Name":"Bo","Name":"Eve"`, 1), `row 2: has "Name" twice`},
		"a field twice, escaped":    {strings.Replace(jsonList, `"Name":"Bo"`, `"Name":"Bo","N\u0061me":"Eve"`, 1), `row 2: has "Name" twice`},
		"a field twice, with a dot": {`[{"Worker ID":"1","Name":"A","Start":null,"Fired":null,"a":{"b":"1"},"a.b":"2"}]`, `has "a.b" twice`},
		"an object twice":           {`[{"Worker ID":"1","Name":"A","Start":null,"Fired":null,"a":{"b":"1"},"a":{"c":"2"}}]`, `has "a" twice`},
		"a null twice":              {`[{"Worker ID":"1","Name":"A","Start":null,"Fired":null,"a":{"b":null},"a.b":"x","a.b":"y"}]`, `has "a.b" twice`},
		"a key of another kind":     {strings.Replace(jsonList, `"Worker ID":"2"`, `"Worker ID":["2"]`, 1), "row 2: column Worker ID"},
		"a key that is an object":   {strings.Replace(jsonList, `"Worker ID":"2"`, `"Worker ID":{"a":"2"}`, 1), "row 2: column Worker ID"},
		"a time of another kind":    {strings.Replace(jsonList, `"2026-01-31"`, `[1]`, 1), "row 1: column Start"},
		"a time that is a number":   {strings.Replace(jsonList, `"2026-01-31"`, `1e999`, 1), "row 1: column Start"},
		"a truth of another kind":   {strings.Replace(jsonList, `"Ja"`, `17`, 1), "row 2: column Fired"},
		"rows of another shape":     {jsonLines + `{"id":4,"name":"Di"}` + "\n", "line 4: column Worker ID"},
		"a key of a megabyte":       {table + strings.Repeat("k", 300<<10) + ",Di,,\n", "line 5"},
		"a name of a megabyte":      {table + "4," + strings.Repeat("n", 1<<20+1) + ",,\n", "line 5: is longer than"},
	} {
		t.Run(name, func(t *testing.T) { attack(t, text(c.text), c.want) })
	}
}

func TestHostileWorkbooks(t *testing.T) {
	end := `</sheetData></worksheet>`
	rels := func(target, more string) map[string]string {
		return map[string]string{"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Target="` + target + `" ` + more + `/></Relationships>`}
	}
	for name, c := range map[string]struct {
		change map[string]string
		want   string
	}{
		"a sheet outside of it":      {rels("../../../../etc/passwd", ""), "lacks its part"},
		"a sheet by an address":      {rels("file:///etc/passwd", ""), "lacks its part"},
		"a sheet of another server":  {rels("https://evil.example/sheet.xml", `TargetMode="External"`), "lacks its part"},
		"entities in entities":       {map[string]string{"xl/worksheets/sheet2.xml": `<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]><worksheet><sheetData><row r="1"><c><v>&c;</v></c></row>` + end}, "defines entities"},
		"an entity of a file":        {map[string]string{"xl/worksheets/sheet2.xml": `<!DOCTYPE w [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet><sheetData><row r="1"><c><v>&a;</v></c></row>` + end}, "defines entities"},
		"no such text":               {sheet(`<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="s"><v>99</v></c></row>` + end), "row 2: column Name refers to a text"},
		"a text of a negative":       {sheet(`<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="s"><v>-1</v></c></row>` + end), "row 2: column Name refers to a text"},
		"a text of a huge number":    {sheet(`<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="s"><v>99999999999999999999</v></c></row>` + end), "row 2: column Name refers to a text"},
		"rows without end":           {sheet(strings.Repeat(`<row/>`, 1<<20) + end), "times its size"},
		"a row beyond the last":      {sheet(`<row r="1048577"><c r="A1048577"><v>1</v></c></row>` + end), "counts its rows wrongly"},
		"a row of a huge number":     {sheet(`<row r="99999999999999999999"><c><v>1</v></c></row>` + end), "counts its rows wrongly"},
		"a column beyond the last":   {sheet(`<row r="2"><c r="ZZZZZZZZ2"><v>1</v></c></row>` + end), "counts its columns wrongly"},
		"cells nested in cells":      {sheet(strings.Repeat(`<row><c>`, 50)), "nested more than"},
		"attributes without end":     {sheet(`<row ` + attributes(200) + `><c r="A2"><v>1</v></c></row>` + end), "200 attributes"},
		"no number, no infinity":     {sheet(`<row r="2"><c r="A2"><v>1</v></c><c r="B2"><v>NaN</v></c></row>` + end), "row 2: column Name is no number"},
		"a date of another age":      {sheet(`<row r="2"><c r="A2"><v>1</v></c><c r="C2" s="1"><v>1e9</v></c></row>` + end), "row 2: column Start is a date outside"},
		"a binary workbook":          {map[string]string{"xl/workbook.xml": "-", "xl/workbook.bin": "\x83\x01\x00"}, "lacks its part xl/workbook.xml"},
		"an OpenDocument":            {map[string]string{"xl/workbook.xml": "-", "_rels/.rels": "-", "content.xml": "<office/>"}, "lacks its part xl/workbook.xml"},
		"a main part that is itself": {map[string]string{"_rels/.rels": strings.Replace(rootRels, "xl/workbook.xml", "../_rels/.rels", 1)}, ""},
		"UTF-16 inside":              {map[string]string{"xl/worksheets/sheet2.xml": wide("<worksheet/>", false, true)}, "is damaged"},
		"NUL inside":                 {sheet("<row r=\"2\"><c r=\"A2\"><v>\x00</v></c></row>" + end), "is damaged"},
		"a table inside quotes":      {sheet(`<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="str"><v>` + strings.Repeat("x", 300<<10) + `</v></c></row>` + end), "row 2 has a value of more than"},
	} {
		t.Run(name, func(t *testing.T) {
			data := string(workbook(t, c.change))
			attack(t, text(data), c.want)
		})
	}
	t.Run("one million rows that hold nothing", func(t *testing.T) {
		var b strings.Builder
		for i := 2; i <= 1<<20; i++ {
			fmt.Fprintf(&b, `<row r="%d"/>`, i)
		}
		data := workbook(t, sheet(b.String()+end))
		w := &importertest.Watch{From: bytes.NewReader(data)}
		in := intake(t)
		defer in.Close()
		if err := file.New().Import(context.Background(), w, settings(t, people(), sources.Statement{}), in); err != nil || in.Scopes()["rows"] != "0" {
			t.Errorf("%v, %v", err, in.Scopes())
		}
		w.Within(t, 32<<20)
	})
	for name, c := range map[string]struct {
		make func(z *zip.Writer)
		want string
	}{
		"parts without end": {func(z *zip.Writer) {
			for i := range 10_001 {
				put(t, z, fmt.Sprintf("%d", i), "")
			}
		}, "at most 10000 are accepted"},
		"a part twice": {func(z *zip.Writer) {
			put(t, z, "xl/workbook.xml", bookXML)
			put(t, z, "xl/workbook.xml", bookXML)
		}, "twice"},
		"with a password, as a zip": {func(z *zip.Writer) {
			w, err := z.CreateRaw(&zip.FileHeader{Name: "xl/workbook.xml", Method: zip.Deflate, Flags: 1, CompressedSize64: 16, UncompressedSize64: 40, CRC32: 7})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = w.Write(bytes.Repeat([]byte{0x9d}, 16))
		}, "xl/workbook.xml"},
		"names that lead out": {func(z *zip.Writer) {
			put(t, z, "../../../../tmp/tickmark-was-here", "x")
			put(t, z, "/etc/passwd", "x")
			put(t, z, `..\..\x`, "x")
		}, "lacks its part xl/workbook.xml"},
		"a packing nobody knows": {func(z *zip.Writer) {
			w, err := z.CreateRaw(&zip.FileHeader{Name: "xl/workbook.xml", Method: 99, CompressedSize64: 4, UncompressedSize64: 4})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = w.Write([]byte("xxxx"))
		}, "cannot be unpacked"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			z := zip.NewWriter(&out)
			c.make(z)
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			attack(t, text(out.String()), c.want)
		})
	}
}

func put(t *testing.T, z *zip.Writer, name, text string) {
	t.Helper()
	w, err := z.Create(name)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `a%d="1" `, i)
	}
	return b.String()
}

// A mapping is a file of strangers too.
func TestHostileMappings(t *testing.T) {
	said := regexp.MustCompile(`accepted`)
	for name, text := range importertest.Texts {
		if _, _, err := sources.ParseMapping([]byte(text)); fault.KindOf(err) != fault.KindInvalid || !said.MatchString(err.Error()) {
			if m, _, _ := sources.ParseMapping([]byte(text)); m.Kind != "" || m.Check() == nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for name, text := range map[string]string{
		"aliases in aliases": "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\nkey: *f\n",
		"deep":               "key: " + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
		"a field twice":      "kind: person\nkind: row\n",
		"an unknown field":   "kind: person\nsql: x\n",
		"a list for a text":  "kind: [person]\n",
		"a text for a list":  "kind: person\nkey: {a: b}\n",
		"a huge number":      "kind: person\nheader: 99999999999999999999999\n",
		"invalid UTF-8":      "kind: \xff\xfe\xfa\n",
		"another document":   "kind: person\nkey: [a]\n---\nkind: row\n",
	} {
		if _, _, err := sources.ParseMapping([]byte(text)); fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), "accepted") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
