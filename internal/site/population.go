package site

import (
	"fmt"
	"strconv"
	"strings"
)

// SquaresLimit is up to how many items are drawn as squares; more are bars.
const SquaresLimit = 2000

// PopulationView is a list and the draw from it: one square per item, a column
// per month. Above SquaresLimit each month is a bar with the drawn share inset.
type PopulationView struct {
	Title  string
	Unit   string // what one square is: "row"
	Drawn  bool   // a sample was drawn; without one only the list is shown
	Groups []PopulationGroup
}

// PopulationGroup is a month, or all of a list without times.
type PopulationGroup struct {
	Label string // "Jan"; empty where there is only one group
	Name  string // "January 2026"
	Total int64
	Href  string // the rows of it
	Picks []PopulationPick
}

// PopulationPick is a square that is not an empty one.
type PopulationPick struct {
	Place  int    // in the group, from 0, in the order of time
	Text   string // "CHG-0204, 3 March"
	Href   string
	Status Status // StatusFail for what should have happened and did not; otherwise it is drawn
}

// How squares are laid out: their size, and how far one is from the next.
type squareSize struct{ side, pitch int }

var squareSizes = []squareSize{{12, 15}, {9, 11}, {6, 8}, {4, 6}, {3, 4}}

const (
	squareWidth  = 600 // what all groups share
	squareHeight = 168 // what the largest may take
	barHeight    = 140
)

// layout chooses the largest squares that fit.
func (v PopulationView) layout() (size squareSize, across, height int) {
	most := int64(1)
	for _, g := range v.Groups {
		most = max(most, g.Total)
	}
	for _, size = range squareSizes {
		across = min(max(3, squareWidth/max(1, len(v.Groups))/size.pitch), 40)
		height = (int(most) + across - 1) / across * size.pitch
		if height <= squareHeight {
			break
		}
	}
	return size, across, height
}

// Squares reports whether items are drawn one by one.
func (v PopulationView) Squares() bool {
	total := int64(0)
	for _, g := range v.Groups {
		total += g.Total
	}
	return total <= SquaresLimit
}

func (v PopulationView) most() int64 {
	most := int64(1)
	for _, g := range v.Groups {
		most = max(most, g.Total)
	}
	return most
}

// drawn counts the picks of a group that were drawn.
func (g PopulationGroup) drawn() int64 {
	n := int64(0)
	for _, p := range g.Picks {
		if p.Status == "" {
			n++
		}
	}
	return n
}

// square is one mark with its place in the drawing.
type square struct {
	PopulationPick
	x, y string
}

func (s squareSize) at(place, across, height int) (x, y int) {
	return place % across * s.pitch, height - (place/across)*s.pitch - s.side
}

// empty is the outline of all squares of a group but the picked, as one path.
func (v PopulationView) empty(g PopulationGroup) string {
	size, across, height := v.layout()
	picked := map[int]bool{}
	for _, p := range g.Picks {
		picked[p.Place] = true
	}
	var b strings.Builder
	side := size.side - 1
	for i := range int(g.Total) {
		if picked[i] {
			continue
		}
		x, y := size.at(i, across, height)
		fmt.Fprintf(&b, "M%d.5 %d.5h%dv%dh-%dz", x, y, side, side, side)
	}
	return b.String()
}

// marks are the picked squares of a group.
func (v PopulationView) marks(g PopulationGroup) []square {
	size, across, height := v.layout()
	out := make([]square, 0, len(g.Picks))
	for _, p := range g.Picks {
		x, y := size.at(p.Place, across, height)
		out = append(out, square{p, strconv.Itoa(x), strconv.Itoa(y)})
	}
	return out
}

func (v PopulationView) side() string   { s, _, _ := v.layout(); return strconv.Itoa(s.side) }
func (v PopulationView) height() string { _, _, h := v.layout(); return strconv.Itoa(h) }

func (v PopulationView) width(g PopulationGroup) string {
	size, across, _ := v.layout()
	return strconv.Itoa(max(1, min(across, max(3, int(g.Total))))*size.pitch - (size.pitch - size.side))
}

// bar is the height of a part of the tallest month, at least a pixel of what is
// there.
func (v PopulationView) bar(n int64) int {
	if n == 0 {
		return 0
	}
	return max(1, int(n*barHeight/v.most()))
}

func (v PopulationView) barTop(n int64) string  { return strconv.Itoa(barHeight - v.bar(n)) }
func (v PopulationView) barTall(n int64) string { return strconv.Itoa(v.bar(n)) }

// said is a month in words.
func (v PopulationView) said(g PopulationGroup) string {
	s := Plural(g.Total, v.Unit, v.Unit+"s")
	if g.Name != "" {
		s = g.Name + ": " + s
	}
	if v.Drawn {
		s += ", " + Count(g.drawn()) + " drawn"
	}
	if n := int64(len(g.Picks)) - g.drawn(); n > 0 {
		s += ", " + Count(n) + " not performed"
	}
	return s
}

// PopulationTable is the same in figures.
func PopulationTable(v PopulationView) TableView {
	t := TableView{Caption: v.Title, Columns: []Column{{Head: "Month", Wide: true, Phone: PlaceFirst}, {Head: "Items", Num: true}},
		Empty: EmptyView{Title: "No items.", Text: "The list is empty, and that is the finding."}}
	total := []Cell{Words("Total"), Number(0, "")}
	if v.Drawn {
		t.Columns, total = append(t.Columns, Column{Head: "Drawn", Num: true}), append(total, Number(0, ""))
	}
	var items, drawn int64
	for _, g := range v.Groups {
		items, drawn = items+g.Total, drawn+g.drawn()
		row := Row{Cells: []Cell{Words(or(g.Name, "All")), Number(g.Total, g.Href)}}
		if v.Drawn {
			row.Cells = append(row.Cells, Number(g.drawn(), ""))
		}
		t.Rows = append(t.Rows, row)
	}
	total[1] = Number(items, "")
	if v.Drawn {
		total[2] = Number(drawn, "")
	}
	if len(t.Rows) > 0 {
		t.Total = total
	}
	return t
}

// PanelView is one step of a protocol, told to somebody without mathematics.
type PanelView struct {
	Number   string
	Title    string
	Done     bool
	Who      string // "6 Jan 10:40 · Ines Okafor, Larchmere"
	Text     string // serif
	Label    string // of the figure: "commitment"
	Value    string // the whole figure, which can be copied
	Short    bool   // a digest of which both ends are shown
	Entry    Link   // where the log has it: "firm 9,118"
	RulesOut string
}

func (p PanelView) digest() DigestView { return DigestView{Value: p.Value, Short: p.Short} }

// ProcedureView is a procedure and what it found.
type ProcedureView struct {
	Status Status
	Name   string
	Text   string
	Note   string // a person's, under it
	Who    string
}

// DrawnView is a sample in the order of its ranks.
type DrawnView struct {
	Title  string
	Note   string
	Prefix string // that all items share and that is left out
	Items  []DrawnItem
}

// DrawnItem is one drawn item.
type DrawnItem struct {
	Item     string
	Href     string
	Deviates bool
}

func (v DrawnView) short(i DrawnItem) string { return strings.TrimPrefix(i.Item, v.Prefix) }
