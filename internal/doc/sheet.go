package doc

import (
	"encoding/csv"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// A Sheet is a list that is written as a file, row by row, so that its length
// costs no memory.
type Sheet interface {
	// Row writes one line. Numbers stay numbers where the form has them.
	Row(cells []any) error
	// Close ends the file.
	Close() error
}

// SheetRows is how many rows a spreadsheet can have, its head among them.
const SheetRows = excelize.TotalRows

// ErrTooLong says that a list has more rows than a spreadsheet.
var ErrTooLong = errors.New("doc: more rows than a spreadsheet has")

type csvSheet struct{ w *csv.Writer }

// NewCSV writes rows as RFC 4180 lines in UTF-8.
func NewCSV(w io.Writer) Sheet { return csvSheet{csv.NewWriter(w)} }

func (s csvSheet) Row(cells []any) error {
	line := make([]string, len(cells))
	for i, c := range cells {
		switch c := c.(type) {
		case string:
			line[i] = Inert(c)
		case int64:
			line[i] = strconv.FormatInt(c, 10)
		}
	}
	return s.w.Write(line)
}

func (s csvSheet) Close() error {
	s.w.Flush()
	return s.w.Error()
}

type xlsxSheet struct {
	file *excelize.File
	rows *excelize.StreamWriter
	out  io.Writer
	n    int
	bold int
}

// NewXLSX writes rows as a workbook of one sheet. Its first row is the head and
// stays in sight.
func NewXLSX(w io.Writer, name string) (Sheet, error) {
	f := excelize.NewFile()
	if err := f.SetSheetName("Sheet1", sheetName(name)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	rows, err := f.NewStreamWriter(sheetName(name))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := rows.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &xlsxSheet{file: f, rows: rows, out: w, bold: bold}, nil
}

func (s *xlsxSheet) Row(cells []any) error {
	if s.n++; s.n > SheetRows {
		return ErrTooLong
	}
	line := make([]any, len(cells))
	for i, c := range cells {
		if text, ok := c.(string); ok {
			c = cut(Inert(text))
		}
		line[i] = c
		if s.n == 1 {
			line[i] = excelize.Cell{StyleID: s.bold, Value: c}
		}
	}
	at, err := excelize.CoordinatesToCellName(1, s.n)
	if err != nil {
		return err
	}
	return s.rows.SetRow(at, line)
}

func (s *xlsxSheet) Close() error {
	err := s.rows.Flush()
	if err == nil {
		err = s.file.Write(s.out)
	}
	return errors.Join(err, s.file.Close())
}

// Inert keeps a spreadsheet from running what a person or a source wrote as a
// formula: such a text gets a quote before it, which the reader sees.
func Inert(s string) string {
	if Runs(s) {
		return "'" + s
	}
	return s
}

// Runs reports whether some spreadsheet takes a text for a formula; those of
// East Asia do so with the wide signs too.
func Runs(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return s != "" && strings.ContainsRune("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20", r)
}

// cut keeps a text within what one cell may hold; what is cut says so.
func cut(s string) string {
	if r := []rune(s); len(r) > excelize.TotalCellChars {
		const more = "… (cut)"
		return string(r[:excelize.TotalCellChars-len([]rune(more))]) + more
	}
	return s
}

// sheetName is a name that spreadsheets accept: short, and without the signs
// that addresses of cells use.
func sheetName(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`:\/?*[]'`, r) {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > excelize.MaxSheetNameLength {
		s = string(r[:excelize.MaxSheetNameLength])
	}
	if s = strings.TrimSpace(s); s == "" {
		return "List"
	}
	return s
}
