package reports_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/reports"
	"github.com/tickmark/tickmark/internal/scopes"
)

func build(t *testing.T, m reports.Material) reports.Document {
	t.Helper()
	d, err := reports.Build(m)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// said is all text of a document's section, in order; of all if number is empty.
func said(d reports.Document, number string) string {
	var b strings.Builder
	for _, s := range d.Sections {
		if number == "" || s.Number == number {
			fmt.Fprintf(&b, "%+v\n", s)
		}
	}
	return b.String()
}

func rowsOf(d reports.Document) []reports.Row {
	for _, s := range d.Sections {
		for _, b := range s.Blocks {
			if b.Kind == reports.Rows {
				return b.Rows
			}
		}
	}
	return nil
}

func TestTypeIHasTheCriteriaInScopeWithTheirControlsAndNothingElse(t *testing.T) {
	m := material(t, scopes.TypeI)
	d := build(t, m)
	rows := rowsOf(d)
	if len(rows) != 33 || rows[0].Criterion != "CC1.1" || rows[32].Criterion != "CC9.2" {
		t.Fatalf("%d rows, want the 33 of Security in order", len(rows))
	}
	for i, r := range rows {
		if r.Criterion != m.Criteria[i].Code || len(r.Controls) == 0 {
			t.Errorf("row %d is %s with %d controls", i, r.Criterion, len(r.Controls))
		}
		for _, c := range r.Controls {
			if c.Tests != nil || c.On != "" || c.Result != "" || c.Deviations != nil || c.Response != "" {
				t.Errorf("%s, %s tells of tests: %+v", r.Criterion, c.Code, c)
			}
		}
	}
	all := said(d, "")
	for _, word := range []string{"deviat", "sample", "POP-", "operated effectively", "DC9", "Operating effectiveness", "CHG-0087", "No deviations noted"} {
		if strings.Contains(all, word) {
			t.Errorf("the document says %q", word)
		}
	}
	if !strings.Contains(all, "DC8") || !strings.Contains(d.Subtitle, "as of 30 June 2026") {
		t.Error("DC8 or the date is missing")
	}
}

func TestTypeIIsRefusedOverEachThingItMustNotHold(t *testing.T) {
	clean := build(t, material(t, scopes.TypeI))
	if got := reports.Offences(clean); len(got) > 0 {
		t.Fatalf("a clean one is said to hold %v", got)
	}
	row := func(change func(*reports.RowControl)) func(*reports.Document) {
		return func(d *reports.Document) { change(&rowsOf(*d)[0].Controls[0]) }
	}
	add := func(section int, b reports.Block) func(*reports.Document) {
		return func(d *reports.Document) {
			d.Sections[section].Blocks = append(slices.Clone(d.Sections[section].Blocks), b)
		}
	}
	for _, test := range []struct {
		name  string
		plant func(*reports.Document)
		want  string
	}{
		{"a test", row(func(c *reports.RowControl) { c.Tests = []string{"Inspected 25 changes."} }), "Section IV, CC1.1, GOV-01: a test of operation"},
		{"a population or sample", row(func(c *reports.RowControl) { c.On = "25 of 240 items of POP-08" }), "Section IV, CC1.1, GOV-01: a population or a sample"},
		{"a result", row(func(c *reports.RowControl) { c.Result = "No deviations noted." }), "Section IV, CC1.1, GOV-01: a test result"},
		{"a deviation", row(func(c *reports.RowControl) { c.Deviations = []string{"CHG-0087"} }), "Section IV, CC1.1, GOV-01: a deviation of operation"},
		{"a response", add(4, reports.Block{Kind: reports.Response, Title: "CHG-01, CHG-0087"}), "Section V, CHG-01, CHG-0087: a deviation of operation"},
		{"an opinion on operation", add(0, reports.Block{Kind: reports.Opinion, Part: opinions.Operation, Title: "Operating effectiveness", Text: "unmodified"}), "Section I, Operating effectiveness: an opinion on operation"},
		{"a text for DC9", add(2, reports.Block{Kind: reports.Text, Place: "III.DC9", Text: "We moved regions."}), "a text for DC9"},
		{"words of operation", add(0, reports.Block{Kind: reports.Text, Place: "I.opinion", Text: "In our opinion the controls operated effectively."}), "Section I, Opinion: an opinion on operation: “controls operated effectively”"},
		{"words of a result", add(2, reports.Block{Kind: reports.Text, Place: "III.DC5", Text: "CHG-01: 2 of 25 changes deviated."}), "Section III, DC5 · Criteria and controls: a test result"},
		{"words of a sample", add(0, reports.Block{Kind: reports.Text, Place: "I.nature", Text: "We tested a random sample of 25 items."}), "a sample: “a random sample of 25 items”"},
		{"words of a population", add(0, reports.Block{Kind: reports.Text, Place: "I.nature", Text: "Drawn from POP-08."}), "a population: “POP-08”"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := build(t, material(t, scopes.TypeI))
			test.plant(&d)
			got := reports.Offences(d)
			if len(got) != 1 || !strings.Contains(got[0].String(), test.want) {
				t.Errorf("found %v, want %s", got, test.want)
			}
			d.Type = scopes.TypeII
			if got := reports.Offences(d); len(got) > 0 {
				t.Errorf("a Type II report is held to it: %v", got)
			}
		})
	}
}

func TestTypeIIsNotBuiltFromWhatItMustNotHold(t *testing.T) {
	m := material(t, scopes.TypeI)
	m.Texts["III.DC9"] = "We moved to another region in May."
	m.Texts["I.opinion"] = "In our opinion the controls stated in the description operated effectively throughout the period."
	m.Parts = append(m.Parts, opinions.Part{Part: opinions.Operation, Decision: decided(opinions.Unmodified)})
	_, err := reports.Build(m)
	if fault.KindOf(err) != fault.KindConflict {
		t.Fatalf("built: %v", err)
	}
	for _, want := range []string{"a text for DC9", "Opinion: an opinion on operation", "Operating effectiveness: an opinion on operation"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
	m = material(t, scopes.TypeI)
	m.Texts["I.auditor"] = "We did not perform procedures on the operating effectiveness of controls, and give no opinion on it."
	if _, err := reports.Build(m); err != nil {
		t.Errorf("saying that no opinion is given on operation is refused: %v", err)
	}
}

func TestTypeIITellsTestsAndResults(t *testing.T) {
	d := build(t, material(t, scopes.TypeII))
	rows := rowsOf(d)
	if len(rows) != 33 {
		t.Fatalf("%d rows", len(rows))
	}
	find := func(criterion, code string) reports.RowControl {
		for _, r := range rows {
			for _, c := range r.Controls {
				if r.Criterion == criterion && c.Code == code {
					return c
				}
			}
		}
		t.Fatalf("no %s under %s", code, criterion)
		return reports.RowControl{}
	}
	chg := find("CC8.1", "CHG-01")
	want := reports.RowControl{Code: "CHG-01", Title: "Changes are approved before they are deployed", Text: summaries()[1].Text, Tests: summaries()[1].Tests,
		On: "38 of 240 items of POP-08, drawn at random", Result: "1 of 38 deviated.", Deviations: []string{"CHG-0087: The change was approved 2 h 10 m after it was deployed."},
		Response: "Section V, CHG-01"}
	if diff := cmp.Diff(want, chg); diff != "" {
		t.Error(diff)
	}
	if again := find("CC6.3", "ACC-07"); again.See != "CC6.2" || again.Result != "1 of 4 deviated." || again.Text != "" || len(again.Tests) > 0 {
		t.Errorf("told twice: %+v", again)
	}
	if gov := find("CC9.2", "GOV-01"); gov.Result != "No deviations noted." {
		t.Errorf("got %+v", gov)
	}
	five := said(d, "V")
	if !strings.Contains(five, "A deputy is named since 1 October 2026.") || !strings.Contains(five, "Place:response") {
		t.Errorf("Section V:\n%s", five)
	}
	for _, never := range []string{"passed", "compliant", "certified", "96 %"} {
		if strings.Contains(strings.ToLower(said(d, "")), never) {
			t.Errorf("the report says %q", never)
		}
	}
}

func TestWhatNobodySuppliedIsABoxThatSaysWhoMust(t *testing.T) {
	for _, kind := range []string{scopes.TypeI, scopes.TypeII} {
		m := material(t, kind)
		m.Texts["III.DC1"] = "Larchmere keeps ledgers for small firms."
		d := build(t, m)
		boxes, texts := map[string]string{}, map[string]string{}
		for _, s := range d.Sections {
			for _, b := range s.Blocks {
				switch b.Kind {
				case reports.Missing:
					boxes[b.Place] = b.Title
				case reports.Text:
					texts[b.Place] = b.Text
				}
			}
		}
		if diff := cmp.Diff(map[string]string{"III.DC1": "Larchmere keeps ledgers for small firms."}, texts); diff != "" {
			t.Error(diff)
		}
		for _, s := range reports.Slots {
			want := map[string]string{"firm": "To be supplied by Aldine Voss", "client": "To be supplied by Larchmere"}[s.Side]
			if s.Key == "III.DC1" || s.Key == "I.place" || s.Modified || s.OnlyII && kind == scopes.TypeI {
				want = ""
			}
			if boxes[s.Key] != want {
				t.Errorf("%s: %s has a box %q, want %q", kind, s.Key, boxes[s.Key], want)
			}
		}
	}
}

func TestAModifiedOpinionNeedsItsBasis(t *testing.T) {
	m := material(t, scopes.TypeII)
	m.Parts[2].Decision = decided(opinions.Qualified)
	m.Criteria[32].Decision = decided(opinions.NotMet)
	for i, k := range m.Criteria {
		if k.Code == "CC6.2" {
			m.Criteria[i].Decision = decided(opinions.NotMet)
		}
	}
	one := said(build(t, m), "I")
	if !strings.Contains(one, "Basis for the modified opinion") || !strings.Contains(one, "ACC-07 Access is reviewed each quarter: not effective. 1 of 4") {
		t.Errorf("the basis does not name what failed:\n%s", one)
	}
	if !strings.Contains(m.Statement(), "Operating effectiveness: qualified") {
		t.Errorf("the statement does not say what is decided:\n%s", m.Statement())
	}
	if strings.Contains(said(build(t, material(t, scopes.TypeII)), "I"), "Basis for") {
		t.Error("an unmodified opinion has a basis of its modification")
	}
}

func TestPrintsDifferOnlyInWhatTheySay(t *testing.T) {
	m := material(t, scopes.TypeII)
	a, err := reports.Prints(m)
	if err != nil {
		t.Fatal(err)
	}
	m.Number, m.Printed, m.Final = 7, printed.Add(time.Hour), true
	m.Assertion = &reports.Assertion{Text: "We assert."}
	m.Signed = &reports.Signature{Name: "Eleanor Voss"}
	b, err := reports.Prints(m)
	if err != nil {
		t.Fatal(err)
	}
	if got := reports.Changed(a, b); len(got) > 0 {
		t.Errorf("changed by being signed: %v", got)
	}
	m.Texts["III.DC1"] = "More."
	m.Controls[0].Result = "2 of 4 deviated."
	b, err = reports.Prints(m)
	if err != nil {
		t.Fatal(err)
	}
	if got := reports.Changed(a, b); !slices.Equal(got, []string{"Section III", "Section IV"}) {
		t.Errorf("changed: %v", got)
	}
}

func render(t *testing.T, m reports.Material) []byte {
	t.Helper()
	b, err := build(t, m).Render()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheSameReportHasTheSameBytes(t *testing.T) {
	a, b := render(t, material(t, scopes.TypeII)), render(t, material(t, scopes.TypeII))
	if !bytes.Equal(a, b) || !bytes.HasPrefix(a, []byte("%PDF-")) {
		t.Error("two prints of the same report differ")
	}
}

// final is material for a report as issued.
func final(t *testing.T, kind string) reports.Material {
	m := material(t, kind)
	m.Final, m.DraftDigest = true, reports.DigestOf("draft")
	m.Texts["I.opinion"] = "In our opinion, in all material respects, the description presents the system as it was designed and implemented."
	m.Texts["I.place"] = "Columbus, Ohio"
	m.Texts["III.DC1"] = "Larchmere keeps ledgers for small firms.\n\nIt is used through the browser."
	m.Assertion = &reports.Assertion{Text: "We have prepared the description of our system.\n\nWe assert that it is so.", Name: "Ines Okafor", Title: "Chief Executive", At: printed, Entry: 812}
	m.Assertion.SHA256 = reports.DigestOf(m.Assertion.Text)
	m.Signed = &reports.Signature{Name: "Eleanor Voss", Date: "20 February 2027", SHA256: reports.DigestOf(m.Statement()), Entry: 1406}
	return m
}

// whole is the text of a PDF, a form feed after each page.
func whole(t *testing.T, program string, file []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.pdf")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, path, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestPrintedText reads the pages back, where the program for it is there.
func TestPrintedText(t *testing.T) {
	program, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("needs pdftotext, of poppler-utils")
	}
	read := func(m reports.Material) string {
		return strings.Join(strings.Fields(whole(t, program, render(t, m))), " ")
	}
	// Nobody can take a page of a demonstration for one of a report, not even of
	// one that was signed, and no page of a report says that it is none.
	for _, kind := range []string{scopes.TypeI, scopes.TypeII} {
		for _, m := range []reports.Material{material(t, kind), final(t, kind)} {
			if text := read(m); strings.Contains(text, "DEMO") {
				t.Errorf("Type %s: a report says that it is a demonstration", kind)
			}
			m.Demo = true
			pages := strings.Split(strings.TrimSuffix(whole(t, program, render(t, m)), "\f"), "\f")
			for i, page := range pages {
				if !strings.Contains(page, "DEMO, not real") {
					t.Errorf("Type %s: page %d of %d does not say that it is a demonstration", kind, i+1, len(pages))
				}
			}
			if len(pages) < 5 || !strings.Contains(pages[0], "DEMO. ") {
				t.Errorf("%d pages, of which the first is\n%s", len(pages), pages[0])
			}
		}
	}
	one := read(material(t, scopes.TypeI))
	for _, never := range []string{"eviat", "POP-", "DC9", "perating effectiveness", "sample", "38 of 240"} {
		if strings.Contains(one, never) {
			t.Errorf("the Type I report says %q", never)
		}
	}
	two := read(material(t, scopes.TypeII))
	for _, want := range []string{"DRAFT", "1 of 38 deviated.", "No deviations noted.", "To be supplied by Larchmere", "DC9", "Operating effectiveness"} {
		if !strings.Contains(two, want) {
			t.Errorf("the draft does not say %q", want)
		}
	}
	last := read(final(t, scopes.TypeII))
	for _, want := range []string{"Eleanor Voss", "1406 of the engagement", "Ines Okafor", "Columbus, Ohio", "20 February 2027", "tickmark-verify --key"} {
		if !strings.Contains(last, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	if strings.Contains(last, "DRAFT") {
		t.Error("the report is marked as a draft")
	}
}
