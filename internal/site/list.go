package site

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/views"
)

// A List is what a page says, once, about a list of things. Filters, order,
// columns, paging, saved views, bulk acts and files follow from it, and the
// address carries all of them:
//
//	?q=words&f.status=fail&sort=-since&cols=code,title&after=CHG-07
type List[T any] struct {
	Name      string // "controls": of its saved views and its files
	Caption   string
	One, Many string // "control", "controls"
	Columns   []Col[T]
	Filters   []Filter
	Find      string // what words are looked for in; without it there is no field
	Sort      string // the order when none is asked for: "status", "-sealed"
	Row       func(T) Row
	// Fetch reads one part of the rows that are asked for.
	Fetch func(Ask) (op.Page[T], error)
	Bulk  *Bulk
	// None is said where there is nothing at all; a list whose filters leave
	// nothing says so itself.
	None EmptyView
	// Keep names further parameters of the page's address.
	Keep []string
	// ID is the element's; Name when empty.
	ID string
	// Rows is how many are shown at once; 50 when 0.
	Rows int
	// Path is the page's own address, where a form that was refused shows it
	// from another; Hash is where on the page the list stands.
	Path, Hash string
}

// Col is a column of a list.
type Col[T any] struct {
	ID, Head        string
	Cell            func(T) Cell
	Text            func(T) any // in files, a string or an int64; the cell's text when nil
	Num, Mono, Wide bool
	Phone           Place
	Sorts           bool // the list can be ordered by it
	Fixed           bool // always shown: without it a row has no name
	Spare           bool // shown only to who chooses it
}

// Filter narrows a list. In the address it is f.Name.
type Filter struct {
	Name, Label string
	Options     []Option // what it may be; a text of one's own when empty
	Chips       bool     // its options stand above the table
	Linked      bool     // only links set it; it can be taken away
	Usual       string   // of chips, what holds where none is asked for
	Say         func(value string) string
}

// Ask is what is wanted of a list.
type Ask struct {
	Q       string
	Sort    string // a column's id
	Desc    bool
	Filters map[string]string
	After   string
	Limit   int

	cols []string
	keep url.Values
}

// Filter is the value of a filter; empty when it is not in force.
func (a Ask) Filter(name string) string { return a.Filters[name] }

// Filtered reports whether anything narrows the list.
func (a Ask) Filtered() bool { return a.Q != "" || len(a.Filters) > 0 }

// Listing is a list as it was asked for.
type Listing[T any] struct {
	op.Page[T]
	Ask   Ask
	Table TableView
	// Done says that the visit has had its answer: a file, or another address.
	Done bool
}

// Open reads what the address asks of the list and answers it. When Done is
// set the page has nothing more to do.
func (l List[T]) Open(v *Visit) (Listing[T], error) {
	var x Listing[T]
	saved, err := l.saved(v)
	if err != nil {
		return x, err
	}
	if to := l.instead(v, saved); to != "" {
		x.Done = true
		return x, v.Goto(to)
	}
	if x.Ask, err = l.ask(v); err != nil {
		return x, err
	}
	if format := v.Query("format"); format != "" && v.R.URL.Path == l.at(v) {
		x.Done = true
		return x, l.export(v, x.Ask, format)
	}
	if x.Page, err = l.Fetch(x.Ask); err != nil {
		return x, err
	}
	x.Table = l.table(v, x.Ask, x.Page)
	x.Table.Tools = l.tools(v, x.Ask, x.Page.Total, saved)
	return x, nil
}

// instead is the address to show in place of a bare one, which opens with the
// person's usual view, or of a form's, whose columns come one by one.
func (l List[T]) instead(v *Visit, saved []views.View) string {
	if v.R.URL.Path != l.at(v) {
		return ""
	}
	if v.R.URL.RawQuery == "" {
		for _, s := range saved {
			if s.Usual && s.Query != "" {
				return l.at(v) + "?" + s.Query
			}
		}
		return ""
	}
	q := v.R.URL.Query()
	if cols := q["cols"]; len(cols) > 1 {
		cols = slices.DeleteFunc(cols, func(s string) bool { return s == "" })
		q.Set("cols", strings.Join(cols, ","))
		if slices.Equal(cols, l.usual()) {
			q.Del("cols")
			q.Set("view", "all")
		}
		return l.at(v) + "?" + q.Encode() + l.Hash
	}
	return ""
}

// saved are the views that this person may choose from.
func (l List[T]) saved(v *Visit) ([]views.View, error) {
	if !v.Actor.May(auth.WorkRead) {
		return nil, nil
	}
	p, err := views.List.Do(v.Context(), v.Desk, views.Filter{List: l.Name})
	return p.Items, err
}

// maxAsked bounds what is looked for and filtered by.
const maxAsked = 500

func (l List[T]) ask(v *Visit) (Ask, error) {
	q := v.R.URL.Query()
	a := Ask{Q: strings.TrimSpace(q.Get("q")), After: q.Get("after"), Filters: map[string]string{}, keep: url.Values{}, Limit: op.Limit(l.Rows)}
	if len(a.Q) > maxAsked {
		return a, fault.Invalid("q", "give at most %d characters", maxAsked)
	}
	if l.Find == "" {
		a.Q = ""
	}
	for _, name := range append([]string{"as_of"}, l.Keep...) {
		if s := q.Get(name); s != "" {
			a.keep.Set(name, s)
		}
	}
	for _, f := range l.Filters {
		s := cmp.Or(q.Get("f."+f.Name), q.Get(f.Name))
		if s == "" {
			continue
		}
		if err := f.check(s); err != nil {
			return a, err
		}
		a.Filters[f.Name] = s
	}
	sort := cmp.Or(q.Get("sort"), l.Sort)
	a.Sort, a.Desc = strings.CutPrefix(sort, "-")
	if sort != l.Sort && !slices.ContainsFunc(l.Columns, func(c Col[T]) bool { return c.Sorts && c.ID == a.Sort }) {
		return a, fault.Invalid("sort", "give one of %s, with a - before it for the other way round", strings.Join(l.sorts(), ", "))
	}
	if s := q.Get("cols"); s != "" {
		a.cols = strings.Split(s, ",")
	}
	return a, nil
}

func (f Filter) check(s string) error {
	if len(s) > maxAsked {
		return fault.Invalid("f."+f.Name, "give at most %d characters", maxAsked)
	}
	if len(f.Options) == 0 {
		return nil
	}
	var words []string
	for _, o := range f.Options {
		if o.Value == s {
			return nil
		}
		words = append(words, o.Value)
	}
	return fault.Invalid("f."+f.Name, "give one of %s", strings.Join(words, ", "))
}

func (l List[T]) sorts() []string {
	var out []string
	for _, c := range l.Columns {
		if c.Sorts {
			out = append(out, c.ID)
		}
	}
	return out
}

// usual are the columns shown to who chose none.
func (l List[T]) usual() []string {
	var out []string
	for _, c := range l.Columns {
		if !c.Spare {
			out = append(out, c.ID)
		}
	}
	return out
}

// shown are the columns in their order. A column that was chosen and is no
// more is left out.
func (l List[T]) shown(a Ask) []Col[T] {
	var out []Col[T]
	for _, c := range l.Columns {
		if c.Fixed || len(a.cols) == 0 && !c.Spare || slices.Contains(a.cols, c.ID) {
			out = append(out, c)
		}
	}
	return out
}

// query is the address's part after the question mark with some of it changed.
// Every change but paging begins at the first row again.
func (l List[T]) query(a Ask, pairs ...string) url.Values {
	q := url.Values{}
	for k, v := range a.keep {
		q[k] = v
	}
	if a.Q != "" {
		q.Set("q", a.Q)
	}
	for k, v := range a.Filters {
		q.Set("f."+k, v)
	}
	if s := a.order(); s != l.Sort {
		q.Set("sort", s)
	}
	if len(a.cols) > 0 {
		q.Set("cols", strings.Join(a.cols, ","))
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		}
	}
	return q
}

func (a Ask) order() string {
	if a.Desc {
		return "-" + a.Sort
	}
	return a.Sort
}

func (l List[T]) href(v *Visit, a Ask, pairs ...string) string {
	if q := l.query(a, pairs...); len(q) > 0 {
		return l.at(v) + "?" + q.Encode() + l.Hash
	}
	return l.at(v) + "?view=all" + l.Hash
}

func (l List[T]) at(v *Visit) string { return cmp.Or(l.Path, v.R.URL.Path) }

func (l List[T]) table(v *Visit, a Ask, p op.Page[T]) TableView {
	t := TableView{ID: cmp.Or(l.ID, l.Name), Caption: l.Caption, Bulk: l.Bulk, Filters: l.chips(v, a), Empty: l.None}
	if a.Filtered() {
		t.Empty = EmptyView{Title: "No " + l.One + " fits.", Text: "Take a filter away to see more.", Link: Link{"Show all " + l.Many, l.href(v, Ask{Sort: a.Sort, Desc: a.Desc, cols: a.cols, keep: a.keep})}}
	}
	cols := l.shown(a)
	for _, c := range cols {
		head := Column{Head: c.Head, Num: c.Num, Mono: c.Mono, Wide: c.Wide, Phone: c.Phone}
		if c.Sorts {
			head.Href = l.href(v, a, "sort", c.ID)
			if a.Sort == c.ID {
				head.Sort = "ascending"
				if a.Desc {
					head.Sort = "descending"
				} else {
					head.Href = l.href(v, a, "sort", "-"+c.ID)
				}
			}
		}
		t.Columns = append(t.Columns, head)
	}
	for _, x := range p.Items {
		r := l.Row(x)
		for _, c := range cols {
			r.Cells = append(r.Cells, c.Cell(x))
		}
		t.Rows = append(t.Rows, r)
	}
	if l.Bulk != nil {
		b := *l.Bulk
		b.Back = v.R.URL.RequestURI()
		t.Bulk = &b
	}
	if p.Total > 0 {
		t.Pager = PagerView{Shown: int64(len(p.Items)), Of: p.Total, OlderText: "Next", NewerText: "First"}
		if p.Next != "" {
			t.Pager.Older = l.href(v, a, "after", p.Next)
		}
		if a.After != "" {
			t.Pager.Newer = l.href(v, a)
		}
	}
	return t
}

// chips are the filters in force, which they take away, and those that stand
// ready to be added.
func (l List[T]) chips(v *Visit, a Ask) []Chip {
	var out []Chip
	if a.Q != "" {
		out = append(out, Chip{Text: "“" + a.Q + "”", Href: l.href(v, a, "q", "")})
	}
	for _, f := range l.Filters {
		now, on := a.Filters[f.Name]
		if on {
			out = append(out, Chip{Text: f.said(now), Href: l.href(v, a, "f."+f.Name, "")})
		}
		if !f.Chips {
			continue
		}
		for _, o := range f.Options {
			switch {
			case !on && o.Value == f.Usual && f.Usual != "":
				out = append(out, Chip{Text: o.Text, Href: l.href(v, a)})
			case o.Value != now && o.Locked == "":
				out = append(out, Chip{Text: o.Text, Href: l.href(v, a, "f."+f.Name, o.Value), Add: true})
			}
		}
	}
	return out
}

// said is a filter in force in words.
func (f Filter) said(value string) string {
	if f.Say != nil {
		return f.Say(value)
	}
	for _, o := range f.Options {
		if o.Value == value {
			if f.Chips {
				return o.Text
			}
			return f.Label + ": " + o.Text
		}
	}
	return f.Label + ": " + Brief(value)
}

// Among answers what is asked of rows that are all at hand: those that fit, in
// order, a part at a time. Key tells rows apart.
func Among[T any](a Ask, rows []T, fits func(T) bool, order func(a, b T) int, key func(T) string) op.Page[T] {
	// There may be thousands of large rows, of which one page is copied.
	found := make([]*T, 0, len(rows))
	for i := range rows {
		if fits == nil || fits(rows[i]) {
			found = append(found, &rows[i])
		}
	}
	if order != nil {
		slices.SortStableFunc(found, func(x, y *T) int {
			n := order(*x, *y)
			if a.Desc {
				n = -n
			}
			if n != 0 {
				return n
			}
			return cmp.Compare(key(*x), key(*y))
		})
	}
	total := int64(len(found))
	if a.After != "" {
		if i := slices.IndexFunc(found, func(x *T) bool { return key(*x) == a.After }); i >= 0 {
			found = found[i+1:]
		}
	}
	n := op.Limit(a.Limit)
	out := make([]T, min(len(found), n+1))
	for i := range out {
		out[i] = *found[i]
	}
	return op.PageOf(out, n, total, key)
}

// Holds reports whether every word of a search is somewhere in the texts.
func (a Ask) Holds(texts ...string) bool {
	words := strings.Fields(strings.ToLower(a.Q))
	if len(words) == 0 {
		return true
	}
	all := strings.ToLower(strings.Join(texts, "\n"))
	for _, w := range words {
		if !strings.Contains(all, w) {
			return false
		}
	}
	return true
}
