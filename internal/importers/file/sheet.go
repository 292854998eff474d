package file

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
)

// A sheetTable reads the rows of one sheet.
type sheetTable struct {
	*book
	xml    *reader
	sheet  sheet
	names  map[string]int
	others int

	row      int // number of the one that was read last
	hidden   int // rows that people do not see
	formulas int // cells whose value was computed when the workbook was saved
	merged   int // ranges of cells that are one
	ended    bool
	buf      []cell
}

func (t *sheetTable) columns() map[string]int { return t.names }

func (t *sheetTable) facts() map[string]string {
	out := map[string]string{"file_format": "xlsx", "sheet": t.sheet.name, "other_sheets": strconv.Itoa(t.others)}
	for k, n := range map[string]int{"hidden_rows": t.hidden, "formulas_taken_as_saved": t.formulas, "merged_ranges": t.merged} {
		if n > 0 {
			out[k] = strconv.Itoa(n)
		}
	}
	return out
}

func (t *sheetTable) head(at int) error {
	for {
		x, err := t.next()
		if errors.Is(err, io.EOF) {
			return fault.Invalid("header", "sheet %s has no row %d, which should name the columns", shorten(t.sheet.name), at)
		}
		if err != nil {
			return err
		}
		if t.row < at {
			continue
		}
		names := make([]string, len(x.cells))
		for i, c := range x.cells {
			names[i] = c.text
		}
		t.hidden = 0
		return header(names, place(t.row), t.names)
	}
}

// next reads a row with anything in it.
func (t *sheetTable) next() (row, error) {
	for !t.ended {
		tok, err := t.xml.token()
		if errors.Is(err, io.EOF) {
			t.ended = true
			break
		}
		if err != nil {
			return row{}, err
		}
		e, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		switch e.Name.Local {
		case "row":
			x, any, err := t.cells(e)
			if err != nil || any {
				return x, err
			}
		case "mergeCell":
			t.merged++
		}
	}
	return row{}, io.EOF
}

// cells reads one row to its end.
func (t *sheetTable) cells(e xml.StartElement) (x row, any bool, err error) {
	if t.row++; attr(e, "r") != "" {
		n, err := strconv.Atoi(attr(e, "r"))
		if err != nil || n < t.row || n > sheetRows {
			return row{}, false, fault.Invalid("", "after row %d the workbook counts its rows wrongly: save it again as XLSX", t.row-1)
		}
		t.row = n
	}
	x = row{place: place(t.row), cells: t.buf[:0]}
	hidden := attr(e, "hidden") == "1" || attr(e, "hidden") == "true"
	col, size := -1, 0
	for {
		tok, err := t.xml.token()
		if err != nil {
			return row{}, false, unended(err)
		}
		switch e := tok.(type) {
		case xml.StartElement:
			if e.Name.Local != "c" {
				continue
			}
			at, err := column(attr(e, "r"), col+1)
			if err != nil || at <= col {
				return row{}, false, fault.Invalid("", "row %d: the workbook counts its columns wrongly: save it again as XLSX", t.row)
			}
			col = at
			c, err := t.cell(e)
			if err != nil {
				return row{}, false, err
			}
			if c.text == "" && c.bad == "" {
				continue
			}
			any = true
			if col >= maxColumns {
				return row{}, false, fault.Invalid("", "row %d has a value in column %d: at most %d columns are accepted", t.row, col+1, maxColumns)
			}
			for len(x.cells) < col {
				x.cells = append(x.cells, cell{})
			}
			x.cells = append(x.cells, c)
			if size += len(c.text); size > maxRow {
				return row{}, false, fault.Invalid("", "row %d is longer than %d KiB, the most that one may have", t.row, maxRow>>10)
			}
		case xml.EndElement:
			if e.Name.Local == "row" {
				if t.buf = x.cells; any && hidden {
					t.hidden++
				}
				return x, any, nil
			}
		}
	}
}

// column reads B7 as 1; without a reference it is the one that follows.
func column(ref string, follows int) (int, error) {
	if ref == "" {
		return follows, nil
	}
	n := 0
	for i := 0; i < len(ref) && ref[i] >= 'A' && ref[i] <= 'Z'; i++ {
		if n = n*26 + int(ref[i]-'A') + 1; n > sheetCols {
			return 0, fmt.Errorf("no such column")
		}
	}
	if n == 0 {
		return 0, fmt.Errorf("no such column")
	}
	return n - 1, nil
}

// cell reads one cell to its end.
func (t *sheetTable) cell(e xml.StartElement) (cell, error) {
	var (
		kind            = attr(e, "t")
		style, _        = strconv.Atoi(attr(e, "s"))
		value, text     strings.Builder
		in              *strings.Builder
		formula, valued bool
	)
	for {
		tok, err := t.xml.token()
		if err != nil {
			return cell{}, unended(err)
		}
		switch e := tok.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "v":
				in, valued = &value, true
			case "f":
				formula = true
			case "is":
				s, err := t.xml.text("is")
				if err != nil {
					return cell{}, err
				}
				text.WriteString(s)
			}
		case xml.EndElement:
			switch e.Name.Local {
			case "v":
				in = nil
			case "c":
				if formula {
					if t.formulas++; !valued {
						return cell{bad: "is a formula whose value was not saved: open the workbook, let it compute, and save it again"}, nil
					}
				}
				return t.read(kind, style, value.String(), text.String()), nil
			}
		case xml.CharData:
			if in != nil {
				if in.Len()+len(e) > maxCell {
					return cell{}, fault.Invalid("", "row %d has a value of more than %d KiB, the most that is accepted of one", t.row, maxCell>>10)
				}
				in.Write(e)
			}
		}
	}
}

// read makes a text of what a cell holds.
func (t *sheetTable) read(kind string, style int, value, inline string) cell {
	switch kind {
	case "s":
		i, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || i < 0 || i >= len(t.texts) {
			return cell{bad: "refers to a text that the workbook does not have"}
		}
		return cell{text: t.texts[i]}
	case "inlineStr":
		return cell{text: inline}
	case "str", "d":
		return cell{text: value}
	case "b":
		return cell{text: map[string]string{"1": "true", "0": "false"}[strings.TrimSpace(value)]}
	case "e":
		return cell{bad: "is the error " + shorten(value) + ": correct it in the workbook"}
	}
	return t.number(strings.TrimSpace(value), style)
}

// number writes days as dates where the style says so, and other numbers in
// plain digits.
func (t *sheetTable) number(text string, style int) cell {
	if text == "" {
		return cell{}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return cell{bad: "is no number, though the workbook says so"}
	}
	how := notDate
	if style >= 0 && style < len(t.dates) {
		how = t.dates[style]
	}
	if how != notDate {
		return t.date(n, how)
	}
	if strings.ContainsAny(text, "eE") || len(text) > 16 {
		text = strconv.FormatFloat(n, 'f', -1, 64)
		if short := strconv.FormatFloat(n, 'g', 15, 64); !strings.ContainsAny(short, "e") {
			text = short // what people see: 0.1 and not 0.10000000000000001
		}
	}
	return cell{text: text}
}

// date counts days from 1899-12-30, which makes the days after February 1900
// right: the format has a 29th of it, that never was.
func (t *sheetTable) date(n float64, how dateStyle) cell {
	start := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if t.from1904 {
		start = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if n < 0 || n > 2_958_466 {
		return cell{bad: "is a date outside of the years 1900 to 9999"}
	}
	if how == timeOnly {
		return cell{text: start.Add(time.Duration(math.Round(n*86400)) * time.Second).Format("15:04:05")}
	}
	if n < 61 && !t.from1904 {
		return cell{bad: "is a date before March 1900, which workbooks count wrongly"}
	}
	days := math.Floor(n)
	at := start.AddDate(0, 0, int(days)).Add(time.Duration(math.Round((n-days)*86400000)) * time.Millisecond)
	if at.Hour() == 0 && at.Minute() == 0 && at.Second() == 0 && at.Nanosecond() == 0 {
		return cell{text: at.Format(time.DateOnly)}
	}
	return cell{text: at.Format("2006-01-02T15:04:05.999")}
}

// A dateStyle says whether a number is shown as a date.
type dateStyle byte

const (
	notDate dateStyle = iota
	asDate
	timeOnly
)

// styles finds which styles of cells show dates.
func (b *book) styles() error {
	custom := map[int]dateStyle{}
	inside := false
	const name = "xl/styles.xml"
	if b.files[name] == nil {
		return nil
	}
	x, err := b.part(name)
	if err != nil {
		return err
	}
	for {
		tok, err := x.token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch e := tok.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "numFmt":
				if id, err := strconv.Atoi(attr(e, "numFmtId")); err == nil && len(custom) < maxStyles {
					custom[id] = formatStyle(attr(e, "formatCode"))
				}
			case "cellXfs":
				inside = true
			case "xf":
				if !inside {
					continue
				}
				if len(b.dates) == maxStyles {
					return fault.Invalid("", "the workbook has more than %d styles: save the sheet as CSV", maxStyles)
				}
				id, _ := strconv.Atoi(attr(e, "numFmtId"))
				how, ok := custom[id]
				if !ok {
					how = builtIn(id)
				}
				b.dates = append(b.dates, how)
			}
		case xml.EndElement:
			if e.Name.Local == "cellXfs" {
				inside = false
			}
		}
	}
}

// builtIn knows the numbers that ECMA-376 gives to formats of dates.
func builtIn(id int) dateStyle {
	switch {
	case id >= 14 && id <= 17, id == 22, id >= 27 && id <= 31, id == 36, id >= 50 && id <= 58:
		return asDate
	case id >= 18 && id <= 21, id >= 32 && id <= 35, id >= 45 && id <= 47:
		return timeOnly
	}
	return notDate
}

// formatStyle reads a format such as yyyy-mm-dd hh:mm. Texts in quotes, colours
// and conditions in brackets and what a backslash precedes say nothing.
func formatStyle(code string) dateStyle {
	code, _, _ = strings.Cut(code, ";")
	day, hour := false, false
	for i := 0; i < len(code); i++ {
		switch c := code[i]; c {
		case '"':
			for i++; i < len(code) && code[i] != '"'; i++ {
			}
		case '\\', '_', '*':
			i++
		case '[':
			start := i + 1
			for i++; i < len(code) && code[i] != ']'; i++ {
			}
			if body := strings.ToLower(code[min(start, len(code)):min(i, len(code))]); strings.Trim(body, "hms") == "" && body != "" {
				hour = true
			}
		case 'y', 'Y', 'd', 'D':
			day = true
		case 'h', 'H', 's', 'S':
			hour = true
		case 'm', 'M':
			if !hour && !day {
				day = !strings.ContainsAny(code[i:], "sS:")
			}
		case '0', '#', '?', '@':
			if !hour {
				return notDate
			}
		case 'G', 'g':
			if !day && strings.HasPrefix(strings.ToLower(code[i:]), "general") {
				return notDate
			}
		}
	}
	switch {
	case day:
		return asDate
	case hour:
		return timeOnly
	}
	return notDate
}
