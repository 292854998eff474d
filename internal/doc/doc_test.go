package doc_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/tickmark/tickmark/internal/doc"
)

var update = flag.Bool("update", false, "rewrite the golden")

func TestStructureOfTheSample(t *testing.T) {
	got := reading(t, render(t, sample())).tree().outline("")
	const golden = "testdata/structure.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// honest sees that the structure holds all content once, and that the way back
// from each page leads to the element that holds it.
func honest(t testing.TB, r *read) {
	t.Helper()
	root := r.dict(r.catalog()["StructTreeRoot"])
	nums := r.dict(root["ParentTree"]).ArrayEntry("Nums")
	if len(nums) < 2*len(r.pages) {
		t.Fatalf("the parent tree has %d entries for %d pages", len(nums)/2, len(r.pages))
	}
	seen := map[[2]int]bool{}
	r.tree().all(func(n *node) {
		for _, at := range n.mcids {
			if seen[at] {
				t.Errorf("content %v has two places in the structure", at)
			}
			seen[at] = true
			back, err := r.ctx.DereferenceArray(nums[2*at[0]+1])
			if err != nil {
				t.Fatal(err)
			}
			if got := refAt(back, at[1]); got != n.obj {
				t.Errorf("content %v leads back to object %d, want %d", at, got, n.obj)
			}
		}
	})
	for i, p := range r.pages {
		for id := range p.text {
			if !seen[[2]int{i, id}] {
				t.Errorf("page %d: %q is not in the structure", i+1, p.text[id])
			}
		}
		if tabs := p.dict.NameEntry("Tabs"); tabs == nil || *tabs != "S" {
			t.Errorf("page %d: Tabs is %v", i+1, tabs)
		}
	}
}

func TestAllContentIsInTheStructure(t *testing.T) { honest(t, reading(t, render(t, sample()))) }

func TestTextReadsInOrder(t *testing.T) {
	r := reading(t, render(t, sample()))
	tree := r.tree()
	var all []string
	tree.all(func(n *node) {
		if s := strings.Join(strings.Fields(n.text), " "); s != "" {
			all = append(all, s)
		}
	})
	text, from := strings.Join(all, "\n"), 0
	for _, want := range []string{
		"DRAFT, not signed", "SOC 2® Type II", "Report on Meridian Ledger, a hosted accounting platform", "Service auditor\nHale & Ostrander LLP",
		"Contents", "Section I Independent service auditor’s report 3", "Section I Independent service auditor’s report\nScope",
		"Talia Řezníčková’s team in Łódź and Анна Ковалёва in Yerevan", "Bold, italic and sha256:9f86d081884c7d65 in one paragraph",
		"•\nIdentifying the risks.", "To be supplied: management’s response The service organization",
		"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n", "Joiners\n111\n25\n1,171,117.00",
		"AC-40", "東京 and 🙂.",
	} {
		at := strings.Index(text[from:], want)
		if at < 0 {
			t.Fatalf("%q is missing, or comes too early, in:\n%s", want, text)
		}
		from += at
	}
	for i, p := range r.pages {
		if want := fmt.Sprintf("Page %d of %d", i+1, len(r.pages)); !strings.Contains(p.loose, want) {
			t.Errorf("page %d does not say %q", i+1, want)
		}
		if i > 0 && !strings.Contains(p.loose, "DRAFT, not signed") {
			t.Errorf("page %d is not marked as a draft", i+1)
		}
	}
}

func TestCatalogSaysWhatReadersAsk(t *testing.T) {
	r := reading(t, render(t, sample()))
	c := r.catalog()
	if show := r.dict(c["ViewerPreferences"]).BooleanEntry("DisplayDocTitle"); show == nil || !*show {
		t.Error("the title is not shown")
	}
	if marked := r.dict(c["MarkInfo"]).BooleanEntry("Marked"); marked == nil || !*marked {
		t.Error("the file does not say that it is tagged")
	}
	lang, err := c.StringOrHexLiteralEntry("Lang")
	if err != nil || lang == nil || *lang != "en" {
		t.Errorf("language %v, %v", lang, err)
	}
	for _, want := range []string{"<dc:title>", "Hale &amp; Ostrander LLP", "2026-11-18T09:30:00Z"} {
		if xmp := r.stream(c["Metadata"]); !bytes.Contains(xmp, []byte(want)) {
			t.Errorf("the metadata lacks %q", want)
		}
	}
	var titles []string
	for next := r.dict(c["Outlines"])["First"]; next != nil; {
		d := r.dict(next)
		s, err := d.StringOrHexLiteralEntry("Title")
		if err != nil {
			t.Fatal(err)
		}
		titles, next = append(titles, *s), d["Next"]
	}
	if diff := cmp.Diff([]string{"Section I: Independent service auditor’s report", "Section IV: Tests of controls and results"}, titles); diff != "" {
		t.Error(diff)
	}
	for _, a := range r.pages[1].dict.ArrayEntry("Annots") {
		if d := r.dict(a); d["StructParent"] == nil || d["Contents"] == nil || d["Dest"] == nil {
			t.Errorf("a link of the contents is not said: %v", d)
		}
	}
}

func TestSameDocumentHasTheSameBytes(t *testing.T) {
	p := sample()
	first := render(t, p)
	if !bytes.Equal(first, render(t, p)) {
		t.Error("written twice, it differs")
	}
	if !bytes.Equal(first, render(t, sample())) {
		t.Error("built twice, it differs")
	}
}

// The libraries below would put the time of writing into a file.
func TestNoTimeIsInTheFileButTheOneGiven(t *testing.T) {
	p := doc.New(doc.Meta{Title: "T"})
	p.Section("", "One")
	p.Paragraph("Text.")
	file := render(t, p)
	r := reading(t, file)
	if info := r.dict(*r.ctx.Info); len(info) != 1 || info["Title"] == nil {
		t.Errorf("information %v, want a title and nothing else", info)
	}
	all := string(file)
	for nr, e := range r.ctx.Table {
		if e.Object == nil {
			continue
		}
		all += fmt.Sprintln(nr, e.Object.PDFString())
	}
	now := time.Now().UTC()
	for _, day := range []time.Time{now.AddDate(0, 0, -1), now, now.AddDate(0, 0, 1), time.Unix(0, 0).UTC()} {
		for _, form := range []string{"20060102", time.DateOnly} {
			if s := day.Format(form); strings.Contains(all, s) {
				t.Errorf("%s is in the file", s)
			}
		}
	}
	if strings.Contains(all, "pdfcpu") || strings.Contains(all, "FPDF") {
		t.Error("the file names a library")
	}
	if first, err := r.ctx.IDFirstElement(); err != nil || len(first) != 16 {
		t.Errorf("identifier %x, %v", first, err)
	}
}

// Bookmarks form a chain that a strict reader takes, whatever levels are left out.
func TestBookmarksFollowTheHeadings(t *testing.T) {
	p := doc.New(doc.Meta{Title: "T"})
	p.Heading(3, "first of all")
	p.Section("I", "東京 🙂")
	p.Heading(3, "three")
	p.Heading(2, "two")
	p.Heading(4, "not a bookmark")
	p.Heading(3, "below two")
	p.Section("", "")
	r := reading(t, render(t, p))
	var out []string
	var walk func(o types.Object, indent string)
	walk = func(o types.Object, indent string) {
		for o != nil {
			d := r.dict(o)
			s, err := d.StringOrHexLiteralEntry("Title")
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, indent+*s)
			walk(d["First"], indent+". ")
			o = d["Next"]
		}
	}
	walk(r.dict(r.catalog()["Outlines"])["First"], "")
	want := []string{"first of all", "I: 東京 🙂", ". three", ". two", ". . below two", ""}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
}

// Each document has its own: nothing of the libraries is shared between them.
func TestDocumentsAreWrittenSideBySide(t *testing.T) {
	want := render(t, sample())
	files := make([]bytes.Buffer, 4)
	var g sync.WaitGroup
	for i := range files {
		g.Go(func() {
			if err := sample().Write(&files[i]); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	for i := range files {
		if !bytes.Equal(files[i].Bytes(), want) {
			t.Errorf("document %d differs", i)
		}
	}
}

func TestPaperIsA4OrLetter(t *testing.T) {
	for paper, want := range map[string]string{"": "595.28", "A4": "595.28", "Letter": "612.00", "letter": "612.00"} {
		p := doc.New(doc.Meta{Title: "T", Paper: paper})
		p.Paragraph("Text.")
		r := reading(t, render(t, p))
		box, err := r.ctx.PageDims()
		if err != nil || fmt.Sprintf("%.2f", box[0].Width) != want {
			t.Errorf("%q: %v wide, want %s (%v)", paper, box, want, err)
		}
	}
}

func TestEmptyDocumentIsAPage(t *testing.T) {
	if r := reading(t, render(t, doc.New(doc.Meta{}))); len(r.pages) != 1 {
		t.Errorf("%d pages", len(r.pages))
	}
}

func TestEmptyBlocksAreHarmless(t *testing.T) {
	p := doc.New(doc.Meta{Title: "T"})
	p.Cover(doc.Cover{})
	p.Contents()
	p.Section("", "")
	p.Heading(1, "")
	p.Heading(9, " ")
	p.Paragraph("")
	p.Paragraph("\n\n \n\n")
	p.Rich()
	p.List(nil)
	p.List([]string{"", "one"})
	p.Facts(nil)
	p.Facts([][2]string{{}})
	p.Table(doc.Table{})
	p.Table(doc.Table{Columns: []doc.Column{{}}, Rows: [][]doc.Cell{nil, {{}, {Text: "beyond"}}}, Total: []doc.Cell{}})
	p.Placeholder("", "")
	p.Note("")
	p.Signature(doc.Signature{})
	p.Break()
	honest(t, reading(t, render(t, p)))
}

func TestHeadOfATableIsRepeatedAndSaidOnce(t *testing.T) {
	p := doc.New(doc.Meta{Title: "T"})
	table := doc.Table{Columns: []doc.Column{{Title: "Control"}, {Title: "Result"}}}
	for i := range 120 {
		table.Rows = append(table.Rows, []doc.Cell{{Text: fmt.Sprint("C-", i)}, {Text: "row"}})
	}
	p.Table(table)
	r := reading(t, render(t, p))
	if got := len(r.tree().find("TH")); got != 2 {
		t.Errorf("%d cells of a head are said, want 2", got)
	}
	for i, pg := range r.pages[1:] {
		if !strings.Contains(pg.loose, "ControlResult") {
			t.Errorf("page %d does not repeat the head", i+2)
		}
	}
	if got := len(r.tree().find("TR")); got != 121 {
		t.Errorf("%d rows, want 121", got)
	}
}

// A row that a page can hold lies on one page: no cell has content on two.
func TestRowsStayWhole(t *testing.T) {
	p := doc.New(doc.Meta{Title: "T"})
	table := doc.Table{Columns: []doc.Column{{Title: "A"}, {Title: "B"}}}
	for i := range 60 {
		table.Rows = append(table.Rows, []doc.Cell{{Text: strings.Repeat("several words ", 3*(i%17))}, {Text: "x"}})
	}
	p.Table(table)
	reading(t, render(t, p)).tree().all(func(n *node) {
		if n.kind == "TD" && len(n.mcids) > 1 {
			t.Errorf("%.30q is split", n.text)
		}
	})
}

func TestHugeCellIsSplitAndComplete(t *testing.T) {
	p := doc.New(doc.Meta{Title: "T"})
	words := strings.TrimSpace(strings.Repeat("evidence ", 100_000/9))
	p.Table(doc.Table{Columns: []doc.Column{{Title: "A", Width: 1}, {Title: "B", Width: 3}}, Rows: [][]doc.Cell{{{Text: "left"}, {Text: words}}, {{Text: strings.Repeat("9f86d081", 12_500), Mono: true}, {Text: "after"}}}})
	r := reading(t, render(t, p))
	honest(t, r)
	cells := r.tree().find("TD")
	if len(cells) != 4 || strings.TrimSpace(cells[1]) != words || cells[3] != "after" || len(cells[2]) != 100_000 {
		t.Errorf("%d cells; the text is not complete", len(cells))
	}
}

func TestLongBlocksRunOverPages(t *testing.T) {
	long := strings.Repeat("A sentence that goes on. ", 600)
	p := doc.New(doc.Meta{Title: long, Header: long, Mark: long})
	p.Cover(doc.Cover{Kicker: long, Title: long, Subtitle: long, Facts: [][2]string{{long, long}}, Note: long})
	p.Contents()
	p.Section(long, long)
	p.Heading(2, long)
	p.Paragraph(long)
	p.List([]string{long})
	p.Placeholder(long, long)
	p.Note(long)
	p.Signature(doc.Signature{Name: long, Title: long, Digest: long, Entry: long})
	p.Table(doc.Table{Caption: long, Columns: []doc.Column{{Title: "A"}}, Rows: [][]doc.Cell{{{Text: long}}}, Total: []doc.Cell{{Text: long}}})
	r := reading(t, render(t, p))
	honest(t, r)
	if want := strings.TrimSpace(long); strings.TrimSpace(r.tree().find("H2")[0]) != want {
		t.Error("the heading is not complete")
	}
}

func TestWriteSaysWhatTheWriterSays(t *testing.T) {
	full := errors.New("disk full")
	if err := sample().Write(failing{full}); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// A reader that had no part in writing agrees, where it is installed.
func TestTextAsAnotherReaderSeesIt(t *testing.T) {
	prog, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("pdftotext is not installed")
	}
	cmd := exec.CommandContext(t.Context(), prog, "-", "-")
	cmd.Stdin = bytes.NewReader(render(t, sample()))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Talia Řezníčková’s team in Łódź", "Ковалёва in Yerevan", "1,171,117.00", "東京 and 🙂"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing", want)
		}
	}
}
