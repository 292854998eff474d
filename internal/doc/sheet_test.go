package doc_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/tickmark/tickmark/internal/doc"
)

// attacks are texts that a spreadsheet would run.
var attacks = []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1dcmd()", "\uff0b1", "\uff0d1", "\uff20SUM(A1)", `=HYPERLINK("http://x")`}

func TestNothingInASheetIsAFormula(t *testing.T) {
	var lines, book bytes.Buffer
	x, err := doc.NewXLSX(&book, "A/B: [list]")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []doc.Sheet{doc.NewCSV(&lines), x} {
		if err := s.Row([]any{"text", "count"}); err != nil {
			t.Fatal(err)
		}
		for _, a := range attacks {
			if err := s.Row([]any{a, int64(-7)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range attacks {
		if !strings.Contains(lines.String(), "'"+string([]rune(a)[:1])) {
			t.Errorf("%q is not neutralised in %q", a, lines.String())
		}
	}
	f, err := excelize.OpenReader(&book)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := f.GetRows(f.GetSheetName(0))
	if err != nil || len(rows) != len(attacks)+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i := range attacks {
		if !strings.HasPrefix(rows[i+1][0], "'") || rows[i+1][1] != "-7" {
			t.Errorf("row %d is %q", i, rows[i+1])
		}
		if formula, err := f.GetCellFormula(f.GetSheetName(0), "A2"); err != nil || formula != "" {
			t.Errorf("a formula %q, %v", formula, err)
		}
	}
}

func TestASheetIsWrittenInBoundedMemory(t *testing.T) {
	var book bytes.Buffer
	s, err := doc.NewXLSX(&book, "many")
	if err != nil {
		t.Fatal(err)
	}
	for range 20_000 {
		if err := s.Row([]any{strings.Repeat("x", 100), int64(1), strings.Repeat("y", 40_000)[:50]}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := excelize.OpenReader(&book); err != nil {
		t.Error(err)
	}
}

func TestASheetHasAnEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("writes a million rows")
	}
	var end countingWriter
	s, err := doc.NewXLSX(&end, "all")
	if err != nil {
		t.Fatal(err)
	}
	for range doc.SheetRows {
		if err := s.Row([]any{int64(1)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Row([]any{int64(1)}); !errors.Is(err, doc.ErrTooLong) {
		t.Errorf("one more row: %v", err)
	}
}

type countingWriter int64

func (w *countingWriter) Write(b []byte) (int, error) {
	*w += countingWriter(len(b))
	return len(b), nil
}
