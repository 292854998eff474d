package doc_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/doc"
)

// Any text gives a file that a strict reader takes, with all of it in the
// structure.
func FuzzAnyText(f *testing.F) {
	for _, s := range []string{"", "plain", "é e\u0301 ł ř Привет", "東京 🙂 \u200B\u202E\x00\x07\xFF", "a\nb\r\n\n\nc\td", strings.Repeat("W", 400), "\\()<>[]/%", "-/—@", " \n ", "\u00A0\u2028\u2029\u00AD"} {
		f.Add(s, uint8(len(s)))
	}
	f.Fuzz(func(t *testing.T, s string, n uint8) {
		if len(s) > 4000 {
			return
		}
		p := doc.New(doc.Meta{Title: s, Subject: s, Author: s, Producer: s, Language: s, Header: s, Mark: s, Paper: s})
		p.Cover(doc.Cover{Kicker: s, Title: s, Subtitle: s, Facts: [][2]string{{s, s}}, Note: s})
		p.Contents()
		p.Section(s, s)
		p.Heading(int(n%5), s)
		p.Paragraph(s)
		p.Rich(doc.Span{Text: s, Bold: true}, doc.Span{Text: s, Italic: true}, doc.Span{Text: s, Mono: true})
		p.List([]string{s, "", s})
		p.Placeholder(s, s)
		p.Note(s)
		p.Signature(doc.Signature{Name: s, Title: s, Firm: s, Place: s, Date: s, Digest: s, Entry: s})
		row := []doc.Cell{{Text: s}, {Spans: []doc.Span{{Text: s}, {Text: s, Mono: true}}}}
		p.Table(doc.Table{Caption: s, Columns: []doc.Column{{Title: s, Width: float64(n)}, {Title: s, Align: "right"}}, Rows: [][]doc.Cell{row, row[:n%3%2], row}, Total: row})
		honest(t, reading(t, render(t, p)))
	})
}

// report has about a hundred pages, as a report with its tests of controls has.
func report() *doc.PDF {
	p := sample()
	for s := range 4 {
		p.Section(fmt.Sprintf("Section %d", s+5), "Description of the system")
		for range 18 {
			p.Heading(2, "Infrastructure and software")
			p.Paragraph(prose)
			p.Paragraph(prose)
		}
		t := doc.Table{Columns: []doc.Column{{Title: "Control"}, {Title: "Test", Width: 3}, {Title: "Result", Width: 2}}}
		for i := range 250 {
			t.Rows = append(t.Rows, []doc.Cell{{Text: fmt.Sprint("AC-", i)}, {Text: "Inspected, for a sample of accounts, that access was approved before it was granted."}, {Text: "No exceptions noted."}})
		}
		p.Table(t)
	}
	return p
}

func BenchmarkReport(b *testing.B) {
	var file []byte
	for b.Loop() {
		file = render(b, report())
	}
	b.ReportMetric(float64(len(reading(b, file).pages)), "pages")
	b.ReportMetric(float64(len(file))/1000, "kB")
}

// rows is a population of n items, printed in full.
func rows(n int) *doc.PDF {
	p := doc.New(meta())
	t := doc.Table{Caption: "Population", Columns: []doc.Column{{Title: "Item"}, {Title: "Owner", Width: 2}, {Title: "Granted"}, {Title: "Approved by", Width: 2}, {Title: "Amount", Align: "right"}}}
	for i := range n {
		t.Rows = append(t.Rows, []doc.Cell{{Text: fmt.Sprintf("ACC-%05d", i), Mono: true}, {Text: "Talia Řezníčková, platform engineering"}, {Text: "18 Nov 2026"}, {Text: "Margit Ostrander"}, {Text: fmt.Sprintf("%d.00", i*37)}})
	}
	p.Table(t)
	return p
}

func BenchmarkTenThousandRows(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := rows(10_000).Write(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func TestManyRowsAreAllThere(t *testing.T) {
	r := reading(t, render(t, rows(600)))
	if got := len(r.tree().find("TR")); got != 601 {
		t.Errorf("%d rows, want 601", got)
	}
}

func TestFontsAreTheOnesInTheManifest(t *testing.T) {
	f, err := os.Open("fonts/MANIFEST")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	listed := map[string]bool{"MANIFEST": true}
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		cols := strings.Fields(s.Text())
		if len(cols) != 5 || !strings.HasPrefix(cols[3], "sha512-") {
			t.Fatalf("line %q: want file, package@version, path, integrity, sha256", s.Text())
		}
		listed[filepath.Base(cols[0])] = true
		body, err := os.ReadFile(filepath.Join("../..", cols[0]))
		if err != nil {
			t.Error(err)
			continue
		}
		if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != cols[4] {
			t.Errorf("%s differs from the MANIFEST: run scripts/vendor.sh", cols[0])
		}
	}
	files, err := filepath.Glob("fonts/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if !listed[filepath.Base(name)] {
			t.Errorf("%s is not in the MANIFEST", name)
		}
	}
}
