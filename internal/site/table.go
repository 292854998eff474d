package site

import "github.com/a-h/templ"

// TableView is a server-rendered list. Sorting, filters and paging are
// addresses; the page behind them answers with another TableView.
type TableView struct {
	ID      string
	Caption string // for readers: what the rows are
	Columns []Column
	Rows    []Row
	Total   []Cell // one per column; single rule above, double below
	Empty   EmptyView
	Filters []Chip
	More    templ.Component // right end of the filter row: a filter form, an export
	Tools   *ToolsView      // the same of a List
	Bulk    *Bulk
	Pager   PagerView
	Density string // "compact" or "comfortable"; empty follows the person's choice
	Quiet   bool   // its heads are for readers only: short lists whose cells speak for themselves
}

// Column is the head of a column and how its cells are set.
type Column struct {
	Head  string
	Num   bool   // right-aligned figures
	Mono  bool   // ids and digests
	Wide  bool   // takes the room that is left
	Sort  string // "ascending", "descending" or empty
	Href  string // sorts by this column
	Phone Place  // where the cell goes when a row becomes two lines
}

// Place is the position of a cell on a phone, where a row has two lines.
type Place string

// The places. The zero value is the second line with its head before it only
// for figures; a hidden cell must be told elsewhere on the phone page.
const (
	PlaceSecond Place = ""
	PlaceFirst  Place = "first"
	PlaceEnd    Place = "end" // right end of the first line: status, due date
	PlaceHidden Place = "hidden"
)

// Row is one line. Href is what a click on the row opens; the first cell
// carries it as the link.
type Row struct {
	Href     string
	Key      string // value of its checkbox
	Cells    []Cell
	Selected bool // pen-weak ground: the row the page is about
	Checked  bool
}

// Cell is one value. Make it with Words, ID, Number, Mark, Node and the like.
type Cell struct {
	Text   string
	Note   string // quiet, after the text
	Href   string
	Status Status
	Mono   bool
	Strong bool
	Tone   Status // colours the text: figures that are fails or unknowns
	Node   templ.Component
}

// Words is a cell of text.
func Words(text string) Cell { return Cell{Text: text} }

// WordsNote is a cell of text with a quiet addition.
func WordsNote(text, note string) Cell { return Cell{Text: text, Note: note} }

// ID is the first cell of a row: the id, in mono, which is the row's link.
func ID(id, href string) Cell { return Cell{Text: id, Href: href, Mono: true, Strong: true} }

// Number is a count that opens the rows it counts; href may be empty only
// where the table itself is those rows.
func Number(n int64, href string) Cell { return Cell{Text: Count(n), Href: href} }

// Tally is a count coloured by what it counts when it is not zero.
func Tally(n int64, tone Status, href string) Cell {
	c := Number(n, href)
	if n != 0 {
		c.Tone, c.Strong = tone, true
	}
	return c
}

// Mark is a status with its word, or the word given.
func Mark(s Status, word string) Cell {
	if word == "" {
		word = s.Word()
	}
	return Cell{Text: word, Status: s, Tone: s}
}

// Node is a cell drawn by a component.
func Node(c templ.Component) Cell { return Cell{Node: c} }

// Chip is a filter in force; its address removes it.
type Chip struct {
	Text, Href string
	Add        bool // not in force: its address adds it
}

// Bulk lets several rows be chosen and acted on at once.
type Bulk struct {
	Action  string          // address the choice is posted to
	Unit    string          // "checks": the bar says how many it will touch
	Fields  templ.Component // what an act needs to know: a day, a person
	Buttons []ButtonView
	More    templ.Component // fields that the act needs: a new owner, a reason
	Back    string          // address of the list, posted as "back"
}

func (c Column) class() string {
	s := "tm-at-" + or(string(c.Phone), "second")
	if c.Num {
		s += " tm-num"
	}
	if c.Wide {
		s += " tm-wide"
	}
	return s
}

// linked gives the first cell the row's address, so that keyboard and readers
// find the same link that a click on the row follows.
func (r Row) linked(i int, c Cell) Cell {
	if i == 0 && c.Href == "" && c.Node == nil {
		c.Href = r.Href
	}
	return c
}

func (r Row) name() string {
	if len(r.Cells) > 0 && r.Cells[0].Text != "" {
		return r.Cells[0].Text
	}
	return r.Key
}

// pager is named by the table, so that two lists on a page stay apart.
func (t TableView) pager() PagerView {
	p := t.Pager
	p.Label = or(p.Label, t.Caption)
	return p
}
