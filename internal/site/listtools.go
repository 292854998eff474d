package site

import (
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/views"
)

// ToolsView is what stands at the right end of a list's filter row: a field
// for words, filters, columns with the saved views, and files.
type ToolsView struct {
	List    string // as saved views name it
	Path    string // the page's own
	Find    string // label of the field for words
	Q       string
	Filters []FieldView // further filters
	FindHid []KV        // what else the address says, for each form
	FiltHid []KV
	ColsHid []KV
	Columns []Option
	Orders  []Option // on a phone the heads that sort are not to be seen
	Views   []ViewLink
	Save    bool   // this person may keep views
	Share   bool   // and share them
	Query   string // what would be kept
	Rows    string // "1,284 rows"; empty where there is nothing to take along
	CSV     string
	XLSX    string
}

// ViewLink is a saved view in a list's menu.
type ViewLink struct {
	Name, Href, Note string
	Now              bool
}

func (l List[T]) tools(v *Visit, a Ask, total int64, saved []views.View) *ToolsView {
	t := &ToolsView{List: l.Name, Path: l.at(v), Find: l.Find, Q: a.Q}
	t.FindHid, t.FiltHid, t.ColsHid = l.hidden(a, "q"), l.hidden(a, "f."), l.hidden(a, "cols")
	if t.Orders = l.orders(a); len(t.Orders) > 0 {
		t.ColsHid = slices.DeleteFunc(t.ColsHid, func(kv KV) bool { return kv.Key == "sort" })
	}
	for _, f := range l.Filters {
		if f.Chips || f.Linked {
			continue
		}
		field := FieldView{Kind: FieldText, Name: "f." + f.Name, Label: f.Label, Value: a.Filters[f.Name], Optional: true, Prefix: t.List}
		if len(f.Options) > 0 {
			field.Kind, field.Options = FieldSelect, []Option{{Value: "", Text: "All"}}
			for _, o := range f.Options {
				o.Chosen = o.Value == field.Value
				field.Options = append(field.Options, o)
			}
		}
		t.Filters = append(t.Filters, field)
	}
	shown := l.shown(a)
	for _, c := range l.Columns {
		o := Option{Value: c.ID, Text: c.Head, Chosen: slices.ContainsFunc(shown, func(x Col[T]) bool { return x.ID == c.ID })}
		if c.Fixed {
			o.Locked = "always shown"
		}
		t.Columns = append(t.Columns, o)
	}
	clean, err := views.Clean(l.query(a).Encode())
	if err != nil {
		v.Log.Warn("list: its own address", "list", l.Name, "err", err)
	}
	t.Query = clean
	t.Views = append(t.Views, ViewLink{Name: "All " + l.Many, Href: l.at(v) + "?view=all" + l.Hash, Now: clean == ""})
	for _, s := range saved {
		link := ViewLink{Name: s.Name, Href: l.at(v) + "?" + s.Query, Now: clean == s.Query && clean != ""}
		if s.Query == "" {
			link.Href += "view=all"
		}
		link.Href += l.Hash
		if !s.Mine {
			link.Note = "by " + s.Owner
		} else if s.Shared {
			link.Note = "shared"
		}
		if s.Usual {
			link.Note = strings.TrimPrefix(link.Note+", opens first", ", ")
		}
		t.Views = append(t.Views, link)
	}
	t.Save = v.Actor.May(auth.WorkWrite) && v.Actor.User != ""
	t.Share = v.Actor.May(auth.ControlsWrite)
	if total > 0 {
		t.Rows = Plural(total, "row", "rows")
		t.CSV, t.XLSX = l.href(v, a, "format", "csv"), l.href(v, a, "format", "xlsx")
	}
	return t
}

// orders are the columns a list can be ordered by, each either way round.
func (l List[T]) orders(a Ask) []Option {
	var out []Option
	for _, c := range l.Columns {
		if c.Sorts {
			out = append(out, Option{Value: c.ID, Text: c.Head, Chosen: a.order() == c.ID}, Option{Value: "-" + c.ID, Text: c.Head + ", the other way round", Chosen: a.order() == "-"+c.ID})
		}
	}
	if len(out) > 0 && !slices.Contains(l.sorts(), strings.TrimPrefix(l.Sort, "-")) {
		out = append([]Option{{Value: l.Sort, Text: "As usual", Chosen: a.order() == l.Sort}}, out...)
	}
	return out
}

// hidden is what a form of the list carries along: all but what it sets.
func (l List[T]) hidden(a Ask, but string) []KV {
	var out []KV
	q := l.query(a)
	for k := range q {
		if !strings.HasPrefix(k, but) || but == "f." && !l.offered(strings.TrimPrefix(k, but)) {
			out = append(out, KV{k, q.Get(k)})
		}
	}
	slices.SortFunc(out, func(x, y KV) int { return strings.Compare(x.Key, y.Key) })
	return out
}

// offered reports whether the form of filters sets this one.
func (l List[T]) offered(name string) bool {
	return slices.ContainsFunc(l.Filters, func(f Filter) bool { return f.Name == name && !f.Chips && !f.Linked })
}
