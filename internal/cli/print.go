package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"
)

// print shows the answer of an operation that is no list to be followed.
func (c *command) print(t *Terminal, raw json.RawMessage) error {
	switch {
	case c.paged:
		var page struct{ Items []json.RawMessage }
		if err := json.Unmarshal(raw, &page); err != nil {
			return fmt.Errorf("the answer is no list: %w", err)
		}
		out := newLister(t, c.item)
		if err := out.add(page.Items); err != nil {
			return err
		}
		return out.close()
	case t.JSON:
		return indented(t.Out, "", raw, "\n")
	}
	_, out := c.Types()
	return object(t.Out, "", raw, out)
}

func indented(w io.Writer, prefix string, raw []byte, end string) error {
	var b bytes.Buffer
	b.WriteString(prefix)
	if err := json.Indent(&b, raw, prefix, "  "); err != nil {
		return fmt.Errorf("the answer is no JSON: %w", err)
	}
	b.WriteString(end)
	_, err := w.Write(b.Bytes())
	return err
}

// lister prints a list as it arrives: as one JSON array, or as a table.
type lister struct {
	t       *Terminal
	item    reflect.Type
	n       int
	tab     *tabwriter.Writer
	columns []string
}

// newLister prints items of a type, which may be nil, to a terminal.
func newLister(t *Terminal, item reflect.Type) *lister {
	return &lister{t: t, item: item, tab: tabwriter.NewWriter(t.Out, 0, 0, 2, ' ', 0)}
}

func (l *lister) add(items []json.RawMessage) error {
	if l.t.JSON {
		for _, raw := range items {
			open := ",\n"
			if l.n == 0 {
				open = "[\n"
			}
			if _, err := io.WriteString(l.t.Out, open); err != nil {
				return err
			}
			if err := indented(l.t.Out, "  ", raw, ""); err != nil {
				return err
			}
			l.n++
		}
		return nil
	}
	rows := make([]map[string]json.RawMessage, len(items))
	for i, raw := range items {
		if err := json.Unmarshal(raw, &rows[i]); err != nil {
			rows[i] = map[string]json.RawMessage{"value": raw} // a list of texts
		}
	}
	if l.columns == nil && len(rows) > 0 {
		l.columns = columns(l.item, rows)
		var head []string
		for _, c := range l.columns {
			head = append(head, strings.ToUpper(strings.ReplaceAll(c, "_", " ")))
		}
		fmt.Fprintln(l.tab, strings.Join(head, "\t"))
	}
	for _, row := range rows {
		var cells []string
		for _, c := range l.columns {
			cells = append(cells, short(scalar(row[c])))
		}
		if _, err := fmt.Fprintln(l.tab, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	l.n += len(items)
	return nil
}

func (l *lister) close() error {
	switch {
	case !l.t.JSON && l.n == 0:
		_, err := fmt.Fprintln(l.t.Err, "Nothing to list.")
		return err
	case !l.t.JSON:
		return l.tab.Flush()
	case l.n == 0:
		_, err := io.WriteString(l.t.Out, "[]\n")
		return err
	}
	_, err := io.WriteString(l.t.Out, "\n]\n")
	return err
}

// Of a table: how many columns it has, how long a text may be for its column
// to count among them, and where a longer one is cut.
const (
	maxColumns = 6
	longText   = 80
	cutText    = 60
)

// first are the columns that tell most about anything, in their order.
var first = []string{"id", "index", "code", "status", "title", "name", "kind", "severity"}

// columns chooses what a table shows: of the fields that hold one short value
// each, and of those that are not empty throughout.
func columns(item reflect.Type, rows []map[string]json.RawMessage) []string {
	var all []string
	for _, name := range fieldNames(item) {
		used, fits := false, true
		for _, row := range rows {
			text := scalar(row[name])
			used = used || text != ""
			fits = fits && utf8.RuneCountInString(text) <= longText && !strings.Contains(text, "\n")
			fits = fits && !compound(row[name])
		}
		if used && (fits || name == "title" || name == "name") {
			all = append(all, name)
		}
	}
	if all == nil {
		return []string{"value"}
	}
	rank := func(name string) int {
		if i := slices.Index(first, name); i >= 0 {
			return i
		}
		return len(first)
	}
	slices.SortStableFunc(all, func(a, b string) int { return rank(a) - rank(b) })
	return all[:min(len(all), maxColumns)]
}

// fieldNames lists the JSON names of a struct in the order they are declared.
func fieldNames(t reflect.Type) []string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			names = append(names, fieldNames(f.Type)...)
		case f.IsExported() && name != "-" && name != "":
			names = append(names, name)
		}
	}
	return names
}

func compound(raw json.RawMessage) bool { return len(raw) > 0 && (raw[0] == '{' || raw[0] == '[') }

// scalar writes one value as people read it. A compound one is left to object.
func scalar(raw json.RawMessage) string {
	var v any
	if len(raw) == 0 || compound(raw) || json.Unmarshal(raw, &v) != nil {
		return ""
	}
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case string:
		return moment(v)
	}
	return string(raw) // a number, with all its digits
}

// moment shortens an instant to what fits a table; other texts stay.
func moment(s string) string {
	t, err := time.Parse(time.RFC3339, s)
	switch {
	case err != nil:
		return s
	case t.IsZero():
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

// short keeps a cell on its line.
func short(s string) string {
	s = strings.ReplaceAll(plain(s), "\t", " ")
	if r := []rune(s); len(r) > longText {
		return string(r[:cutText]) + "…"
	}
	return s
}

// plain puts a text on one line and takes from it what a terminal would obey.
func plain(s string) string {
	return strings.TrimSpace(printable(strings.NewReplacer("\r\n", " ", "\n", " ").Replace(s)))
}

// printable replaces what a terminal would obey: collected text may be anything.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// object prints a JSON object a line a field, in the order the type declares
// them; a nil type takes them by name.
func object(w io.Writer, indent string, raw json.RawMessage, t reflect.Type) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return indented(w, indent, raw, "\n")
	}
	names := fieldNames(t)
	known := len(names)
	for name := range fields {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names[known:])
	width := 0
	for _, name := range names {
		if _, ok := fields[name]; ok {
			width = max(width, len(name)+1)
		}
	}
	for _, name := range names {
		v, ok := fields[name]
		if !ok {
			continue
		}
		head := fmt.Sprintf("%-*s", width, strings.ReplaceAll(name, "_", " ")+":")
		if err := field(w, indent, head, v, fieldType(t, name)); err != nil {
			return err
		}
	}
	return nil
}

// field prints one field: beside its name, or below it when it has several
// lines or parts. One that says nothing is left out.
func field(w io.Writer, indent, name string, raw json.RawMessage, t reflect.Type) error {
	if compound(raw) {
		return parts(w, indent, name, raw, t)
	}
	text := strings.TrimRight(printable(scalar(raw)), "\n")
	var err error
	switch {
	case text == "":
	case strings.Contains(text, "\n"):
		_, err = fmt.Fprintf(w, "%s%s\n%s  %s\n", indent, strings.TrimSpace(name), indent, strings.ReplaceAll(text, "\n", "\n"+indent+"  "))
	default:
		_, err = fmt.Fprintf(w, "%s%s %s\n", indent, name, text)
	}
	return err
}

// parts prints a list or an object: values in a line, records as a table,
// anything deeper as JSON.
func parts(w io.Writer, indent, name string, raw json.RawMessage, t reflect.Type) error {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && !slices.ContainsFunc(list, compound) {
		var texts []string
		for _, e := range list {
			texts = append(texts, plain(scalar(e)))
		}
		if len(texts) == 0 {
			return nil
		}
		_, err := fmt.Fprintf(w, "%s%s %s\n", indent, name, strings.Join(texts, ", "))
		return err
	}
	if len(raw) == 2 { // {}
		return nil
	}
	fmt.Fprintf(w, "%s%s\n", indent, strings.TrimSpace(name))
	var b bytes.Buffer
	if list != nil && !slices.ContainsFunc(list, deep) && t != nil && t.Kind() == reflect.Slice {
		l := newLister(&Terminal{Out: &b}, t.Elem())
		if err := errors.Join(l.add(list), l.close()); err != nil {
			return err
		}
	} else if err := indented(&b, "", raw, "\n"); err != nil {
		return err
	}
	below := indent + "  " + strings.ReplaceAll(strings.TrimRight(b.String(), "\n"), "\n", "\n"+indent+"  ")
	_, err := fmt.Fprintln(w, printable(below))
	return err
}

// deep reports whether a value has parts that have parts, or more of them than
// a table has columns.
func deep(raw json.RawMessage) bool {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil || len(m) > maxColumns {
		return true
	}
	for _, v := range m {
		if compound(v) || utf8.RuneCountInString(scalar(v)) > longText {
			return true
		}
	}
	return false
}

// fieldType is the type of a struct's field, by its JSON name; nil if unknown.
func fieldType(t reflect.Type, name string) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		if n, _, _ := strings.Cut(f.Tag.Get("json"), ","); n == name && !f.Anonymous {
			return f.Type
		}
	}
	return nil
}
