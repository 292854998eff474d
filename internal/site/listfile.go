package site

import (
	"errors"
	"io"
	"strings"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/doc"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// demoHead and demoCell mark every line of a file of a demonstration, so that
// the mark survives sorting and cutting.
const (
	demoHead = "demonstration"
	demoCell = "DEMO: not real"
)

// export sends every row of the view, not the page of it that is shown, with
// the columns that are shown. Who may read the list may take it along.
func (l List[T]) export(v *Visit, a Ask, format string) error {
	if format != "csv" && format != "xlsx" {
		return fault.Invalid("format", "give csv or xlsx")
	}
	demo, err := v.demo()
	if err != nil {
		return err
	}
	name := l.Name + "-" + v.Clock.Now().UTC().Format("2006-01-02")
	if demo {
		name = "DEMO-" + name
	}
	a.Limit, a.After = op.MaxLimit, ""
	err = v.Send(name+"."+format, func(w io.Writer) error {
		sheet := doc.NewCSV(w)
		if format == "xlsx" {
			if sheet, err = doc.NewXLSX(w, strings.TrimSuffix(name, ".xlsx")); err != nil {
				return err
			}
		}
		return errors.Join(l.fill(sheet, a, demo), sheet.Close())
	})
	if errors.Is(err, doc.ErrTooLong) {
		return fault.Invalid("format", "a spreadsheet has at most %s rows: take CSV, or filter first", Count(doc.SheetRows))
	}
	return err
}

func (l List[T]) fill(sheet doc.Sheet, a Ask, demo bool) error {
	cols := l.shown(a)
	line := make([]any, 0, len(cols)+1)
	row := func() error {
		err := sheet.Row(line)
		line = line[:0]
		return err
	}
	for _, c := range cols {
		line = append(line, c.Head)
	}
	if demo {
		line = append(line, demoHead)
	}
	if err := row(); err != nil {
		return err
	}
	for {
		p, err := l.Fetch(a)
		if err != nil {
			return err
		}
		for _, x := range p.Items {
			for _, c := range cols {
				line = append(line, c.value(x))
			}
			if demo {
				line = append(line, demoCell)
			}
			if err := row(); err != nil {
				return err
			}
		}
		if p.Next == "" || p.Next == a.After {
			return nil
		}
		a.After = p.Next
	}
}

// value is what a file says in a cell.
func (c Col[T]) value(x T) any {
	if c.Text != nil {
		return c.Text(x)
	}
	cell := c.Cell(x)
	if cell.Note != "" {
		return cell.Text + " (" + cell.Note + ")"
	}
	return cell.Text
}

// demo reports whether the organization's log is a demonstration.
func (v *Visit) demo() (demo bool, err error) {
	err = v.DB.Read(v.Context(), string(v.Org), func(tx *db.Tx) error {
		h, err := v.Ledger.Head(tx, v.Org)
		demo = h.Demo
		return err
	})
	return demo, err
}
