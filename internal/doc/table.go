package doc

import (
	"slices"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

const (
	gutter  = 12.0
	padding = 4.5 // above and below the text of a row
)

// grid is a table being drawn.
type grid struct {
	x, w    float64
	columns []gridColumn
	head    [][]line // as on each page; nil when no column has a title
	table   *elem
}

type gridColumn struct {
	x, w  float64
	right bool
	th    types.Dict // attributes of a cell of the body that is a head
}

var (
	scopeColumn = types.Dict{"O": types.Name("Table"), "Scope": types.Name("Column")}
	scopeRow    = types.Dict{"O": types.Name("Table"), "Scope": types.Name("Row")}
)

func newGrid(x, w float64, columns []Column) *grid {
	g := &grid{x: x, w: w}
	total := 0.0
	for _, c := range columns {
		total += share(c)
	}
	for i, c := range columns {
		cw := w * share(c) / total
		col := gridColumn{x: x, w: cw - gutter, right: c.Align == "right"}
		if i == len(columns)-1 {
			col.w += gutter
		}
		col.w = max(col.w, 8)
		g.columns = append(g.columns, col)
		x += cw
	}
	return g
}

func share(c Column) float64 {
	if c.Width > 0 && c.Width < 1e6 {
		return c.Width
	}
	return 1
}

func (f *flow) table(t *Table) {
	if len(t.Columns) == 0 {
		f.note(t.Caption)
		return
	}
	g := newGrid(margin, f.width-2*margin, t.Columns)
	g.table = f.part.add("Table")
	titled := slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Title != "" })
	if titled {
		for i, c := range t.Columns {
			g.head = append(g.head, f.lines(tableTop, c.Title, g.columns[i].w))
		}
	}
	f.gap(14)
	caption := f.lines(style{sansBold, 9, 13, black}, t.Caption, g.w)
	first := 2 * tableRow.lead
	if len(t.Rows) > 0 {
		if h := height(f.cells(g, t.Rows[0], false)); h <= f.bottom()-top-g.headHeight() {
			first = h // one that has to be split may begin here
		}
	}
	f.need(min(float64(len(caption))*13+4+g.headHeight()+first, f.bottom()-top))
	if len(caption) > 0 {
		f.set(g.table.add("Caption"), margin, caption, 13)
		f.y += 4
	}
	f.head(g, true)
	rows := g.table.add("TBody")
	var total [][]line
	if t.Total != nil {
		total = f.cells(g, t.Total, true)
	}
	for i, r := range t.Rows {
		keep := 0.0
		if i == len(t.Rows)-1 && total != nil {
			keep = height(total) + 6
		}
		f.row(g, rows, f.cells(g, r, false), keep)
		if i < len(t.Rows)-1 {
			f.rule(g.x, f.y, g.w, 0.4, hair)
		}
	}
	if total != nil {
		f.total(g, total)
	} else {
		f.rule(g.x, f.y, g.w, 0.8, black)
	}
	f.after(14)
}

// facts is a table without a head: what, and what it is.
func (f *flow) facts(rows [][2]string, width float64) {
	if len(rows) == 0 {
		return
	}
	g := newGrid(margin, width, []Column{{Width: 3}, {Width: 7}})
	g.columns[0].th = scopeRow
	g.table = f.part.add("Table")
	f.gap(8)
	f.need(tableRow.lead + 2*padding)
	f.rule(g.x, f.y, g.w, 0.4, hair)
	for _, r := range rows {
		f.row(g, g.table, [][]line{
			f.lines(label, r[0], g.columns[0].w),
			f.lines(tableRow.sized(9), r[1], g.columns[1].w),
		}, 0)
		f.rule(g.x, f.y, g.w, 0.4, hair)
	}
	f.after(14)
}

// cells breaks the text of a row; what the row lacks is empty, what it has
// beyond the columns is left out.
func (f *flow) cells(g *grid, row []Cell, bold bool) [][]line {
	out := make([][]line, len(g.columns))
	for i := range out {
		if i >= len(row) {
			break
		}
		c := row[i]
		spans := c.Spans
		if spans == nil {
			spans = []Span{{Text: c.Text, Bold: c.Bold || bold, Mono: c.Mono}}
		}
		st := tableRow
		if g.columns[i].right {
			st = tableNumber
		}
		out[i] = f.spanLines(st, spans, g.columns[i].w)
	}
	return out
}

func height(cells [][]line) float64 {
	n := 1
	for _, ls := range cells {
		n = max(n, len(ls))
	}
	return float64(n)*tableRow.lead + 2*padding
}

func (g *grid) headHeight() float64 {
	n := 0
	for _, ls := range g.head {
		n = max(n, len(ls))
	}
	if n == 0 {
		return 0
	}
	return float64(n)*tableTop.lead + 9
}

// head draws the head of a table. Only the first is said; those that repeat it
// on later pages are artifacts. Titles stand on the line above the rows.
func (f *flow) head(g *grid, said bool) {
	f.rule(g.x, f.y, g.w, 0.8, black)
	if g.head == nil {
		return
	}
	h := g.headHeight()
	if h > (f.bottom()-top)/3 { // nobody reads a head like that on every page
		if !said {
			return
		}
		f.need(h)
	}
	var tr *elem
	if said {
		tr = g.table.add("THead").add("TR")
	}
	start := f.y
	for i, ls := range g.head {
		var th *elem
		if said {
			th = tr.with("TH", scopeColumn)
		}
		f.y = start + h - 5 - float64(len(ls))*tableTop.lead
		f.column(g.columns[i], th, ls, tableTop.lead)
	}
	f.y = start + h
	f.rule(g.x, f.y, g.w, 0.5, black)
}

// column draws lines of one cell at f.y.
func (f *flow) column(c gridColumn, e *elem, ls []line, lead float64) {
	if len(ls) == 0 {
		return
	}
	f.mark(e)
	for _, l := range ls {
		x := c.x
		if c.right {
			x += max(c.w-l.width, 0)
		}
		f.text(x, f.y+lead*0.74, l)
		f.y += lead
	}
	f.end()
}

// turn ends the table on this page and goes on with it on the next.
func (f *flow) turn(g *grid) {
	f.rule(g.x, f.y, g.w, 0.4, hair)
	f.newPage()
	f.head(g, false)
}

// row draws a row, whole if a page can hold it, with keep more below it.
func (f *flow) row(g *grid, parent *elem, cells [][]line, keep float64) {
	lead := tableRow.lead
	h := height(cells)
	page := f.bottom() - top - g.headHeight()
	if h+keep > f.room() && f.y > top+g.headHeight()+1 && (h <= page || f.room() < 4*lead) {
		f.turn(g)
	}
	tr := parent.add("TR")
	tds := make([]*elem, len(cells))
	for i := range cells {
		if a := g.columns[i].th; a != nil {
			tds[i] = tr.with("TH", a)
		} else {
			tds[i] = tr.add("TD")
		}
	}
	for at := 0; ; {
		left := int((h-2*padding)/lead+0.5) - at
		n := min(left, max(int((f.room()-2*padding+0.01)/lead), 1))
		f.y += padding
		start := f.y
		for i, ls := range cells {
			f.y = start
			f.column(g.columns[i], tds[i], ls[min(at, len(ls)):min(at+n, len(ls))], lead)
		}
		f.y = start + float64(n)*lead + padding
		if at += n; n >= left {
			return
		}
		f.turn(g)
	}
}

// total draws the sum: one rule above its numbers, two below.
func (f *flow) total(g *grid, cells [][]line) {
	numbers := slices.ContainsFunc(g.columns, func(c gridColumn) bool { return c.right })
	rule := func(y float64) {
		if !numbers {
			f.rule(g.x, y, g.w, 0.6, black)
			return
		}
		for _, c := range g.columns {
			if c.right {
				f.rule(c.x, y, c.w, 0.6, black)
			}
		}
	}
	if height(cells)+6 > f.room() {
		f.turn(g)
	}
	rule(f.y)
	f.row(g, g.table.add("TFoot"), cells, 0)
	rule(f.y - 1)
	rule(f.y + 1.2)
}
