package page

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/importers/file"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// mapped is the step of handing in a table at which people say what its columns
// mean.
type mapped struct {
	Source  sources.Source
	File    *sources.Import // nil if the mapping is only looked at
	Saved   sources.Mapping // the newest; version 0 if there is none
	Columns sources.Columns // as they stand in the form
	Kinds   []string
	Schemas map[string]sources.Schema
	Look    file.Preview
	Trouble string // why the file cannot be looked at
	May     bool
}

const previewRows = 20

// tableKinds are the kinds that rows of tables become: those of the programmes.
var tableKinds = []string{"person", "system_account", "leaver_account", "access_grant", "access_review", "ticket_change", "incident", "training", "vulnerability", "backup_run", "row"}

func mapping(v *site.Visit) (mapped, error) {
	x := mapped{Kinds: tableKinds, May: v.Actor.May(auth.SourcesWrite)}
	var err error
	if x.Source, err = sources.Get.Do(v.Context(), v.Desk, sources.Ref{ID: v.R.PathValue("id")}); err != nil {
		return x, err
	}
	if x.Source.Kind != sources.KindFile {
		return x, fault.NotFound("%s has no columns: only sources that are fed with tables do.", x.Source.Name)
	}
	if x.Schemas, err = sources.Schemas(); err != nil {
		return x, err
	}
	x.Saved, err = sources.MappingGet.Do(v.Context(), v.Desk, sources.MappingRef{Source: string(x.Source.ID)})
	if err != nil && fault.KindOf(err) != fault.KindNotFound {
		return x, err
	}
	x.Columns = x.Saved.Columns
	if ref := v.Query("import"); ref != "" {
		i, err := sources.ImportGet.Do(v.Context(), v.Desk, sources.Ref{ID: ref})
		if err != nil {
			return x, err
		}
		if i.Format != sources.KindFile || i.Source != "" && i.Source != x.Source.ID {
			return x, fault.NotFound("%s does not belong to %s.", i.Name, x.Source.Name)
		}
		x.File = &i
	}
	return x, nil
}

// look reads the first rows of the file, with the mapping as it stands.
func (x *mapped) look(v *site.Visit) {
	if x.File == nil {
		return
	}
	ctx, cancel := context.WithTimeout(v.Context(), 20*time.Second)
	defer cancel()
	from, to := io.Pipe()
	go func() { to.CloseWithError(sources.WriteFile(ctx, v.Desk, *x.File, to)) }()
	defer from.Close()
	var err error
	if x.Look, err = file.Look(ctx, from, x.Columns, time.UTC, previewRows); err != nil {
		x.Trouble = "The file cannot be read."
		if f := fault.As(err); f != nil {
			x.Trouble = site.Capital(f.Message) + "."
		}
	}
}

func showMapping(v *site.Visit) error {
	x, err := mapping(v)
	if err != nil {
		return err
	}
	x.look(v)
	if x.Columns.Kind == "" && len(x.Look.Columns) > 0 {
		kind := v.Query("kind")
		if !slices.Contains(x.Kinds, kind) {
			kind = file.SuggestKind(x.Schemas, x.Kinds, x.Look)
		}
		x.Columns = file.Suggest(x.Schemas[kind], x.Look)
		x.look(v)
	}
	return v.Show(x.shell(), mappingBody(x, x.form()))
}

func (x mapped) shell() site.Shell {
	return shell("Columns", site.Crumb{Text: x.Source.Name, Href: "/sources/" + string(x.Source.ID)}, site.Crumb{Text: "Columns"})
}

// saveMapping saves what was said and puts a waiting file in line; or, asked to
// look, only shows what would become of the rows.
func saveMapping(v *site.Visit) error {
	if err := v.Actor.Require(auth.SourcesWrite); err != nil {
		return err
	}
	x, err := mapping(v)
	if err != nil {
		return err
	}
	if err := v.R.ParseForm(); err != nil {
		return fault.Invalid("", "the form cannot be read").With(err)
	}
	x.Columns = columnType(v.R.PostForm, x.Saved.Columns)
	x.look(v)
	if v.R.PostForm.Get("act") == "look" {
		return v.Show(x.shell(), mappingBody(x, x.form()))
	}
	text, err := json.Marshal(x.Columns)
	if err != nil {
		return err
	}
	_, err = sources.MappingSave.Do(v.Context(), v.Desk, sources.NewMapping{Source: string(x.Source.ID), Columns: string(text), Version: x.Saved.Version})
	if err != nil {
		f := x.form()
		if !f.Refused(err) {
			return err
		}
		return v.ShowWrong(x.shell(), mappingBody(x, f))
	}
	at := "/sources/" + string(x.Source.ID)
	if x.File == nil || x.File.Run != "" || x.File.Refused != "" {
		return v.Goto(at)
	}
	v.Key = "" // the promise was for the mapping
	_, err = sources.ImportRead.Do(v.Context(), v.Desk, sources.Waiting{ID: string(x.File.ID), Source: string(x.Source.ID)})
	if err != nil {
		return err
	}
	v.Web.Wake()
	return v.Goto("/imports/" + string(x.File.ID)) // which says how far it is, and what was taken
}

// columnType is the mapping as the form has it. What the form does not ask for is
// kept from the one before.
func columnType(form url.Values, old sources.Columns) sources.Columns {
	m := sources.Columns{Kind: form.Get("kind"), Time: "", Nulls: old.Nulls, Header: old.Header, Separator: old.Separator, Sheet: strings.TrimSpace(form.Get("sheet"))}
	for _, name := range []string{"key", "key2"} {
		if k := form.Get(name); k != "" && !slices.Contains(m.Key, k) {
			m.Key = append(m.Key, k)
		}
	}
	schemas, err := sources.Schemas()
	if err != nil {
		return m
	}
	schema := schemas[m.Kind]
	for _, name := range schema.FieldNames() {
		f := sources.FieldOf{Field: name, Column: form.Get("field_" + name)}
		for _, o := range old.Fields { // words and values that only a file of a mapping can say
			if o.Field == name && old.Kind == m.Kind {
				f.Between, f.True, f.False, f.Value = o.Between, o.True, o.False, o.Value
			}
		}
		switch {
		case schema.Fields[name].Type == sources.TypeMap:
			m.Fields = append(m.Fields, sources.FieldOf{Field: name})
			continue
		case f.Column != "":
			f.Value = ""
		case f.Value == "":
			continue
		}
		switch schema.Fields[name].Type {
		case sources.TypeTimestamp:
			f.Layout = strings.TrimSpace(form.Get("layout"))
			if m.Time == "" && f.Column != "" {
				m.Time = name
			}
		case sources.TypeBool:
			if yes, no := words(form.Get("yes")), words(form.Get("no")); len(yes)+len(no) > 0 {
				f.True, f.False = yes, no
			}
		}
		m.Fields = append(m.Fields, f)
	}
	return m
}

func words(text string) []string {
	var out []string
	for w := range strings.SplitSeq(text, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// form asks for the kind, the key, and the column of each field.
func (x mapped) form() site.FormView {
	action := "/sources/" + string(x.Source.ID) + "/mapping"
	save := "Save the mapping"
	if x.File != nil {
		action += "?import=" + url.QueryEscape(string(x.File.ID))
		if x.File.Run == "" && x.File.Refused == "" {
			save = "Save it and read the file"
		}
	}
	f := site.FormView{Action: action, Buttons: []site.ButtonView{{Text: save}, {Text: "Look again", Submit: true, Name: "act", Value: "look"}, {Text: "Cancel", Href: "/sources/" + string(x.Source.ID)}}}
	var kinds []site.Option
	for _, k := range x.Kinds {
		kinds = append(kinds, site.Option{Value: k, Text: x.Schemas[k].Title, Chosen: k == x.Columns.Kind})
	}
	f.Fields = append(f.Fields, site.FieldView{Kind: site.FieldSelect, Name: "kind", Label: "Each row is", Options: kinds, Beside: true, Help: x.Schemas[x.Columns.Kind].Doc + " After another choice, look again."},
		x.column("key", "Key", "The column that tells one row from another.", at(x.Columns.Key, 0), false),
		x.column("key2", "Second column of the key", "If one alone does not.", at(x.Columns.Key, 1), true))
	schema := x.Schemas[x.Columns.Kind]
	layout, yes, no := "", "", ""
	for _, name := range schema.FieldNames() {
		if schema.Fields[name].Type == sources.TypeMap {
			continue
		}
		chosen := ""
		for _, c := range x.Columns.Fields {
			if c.Field == name {
				if chosen = c.Column; c.Layout != "" {
					layout = c.Layout
				}
				if len(c.True) > 0 {
					yes, no = strings.Join(c.True, ", "), strings.Join(c.False, ", ")
				}
			}
		}
		f.Fields = append(f.Fields, x.column("field_"+name, site.Capital(strings.ReplaceAll(name, "_", " ")), schema.Fields[name].Doc, chosen, true))
	}
	f.Fields = append(f.Fields,
		site.FieldView{Name: "layout", Label: "How times are written", Value: layout, Optional: true, Beside: true, Help: "Such as DD.MM.YYYY hh:mm. As in 2026-01-31 15:04 if left empty."},
		site.FieldView{Name: "yes", Label: "Words for yes", Value: yes, Optional: true, Beside: true, Help: "With commas between. True, yes, 1 and the like if left empty."},
		site.FieldView{Name: "no", Label: "Words for no", Value: no, Optional: true, Beside: true},
		site.FieldView{Name: "sheet", Label: "Sheet of a workbook", Value: x.Columns.Sheet, Optional: true, Beside: true, Help: "The first that is shown, if left empty."}, site.OnceKey())
	return f
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// column is a choice among the columns of the file. Without one, those of the
// mapping that is saved can be chosen.
func (x mapped) column(name, label, help, chosen string, optional bool) site.FieldView {
	f := site.FieldView{Kind: site.FieldSelect, Name: name, Label: label, Help: help, Optional: optional, Beside: true}
	if optional {
		f.Options = append(f.Options, site.Option{Text: "None"})
	}
	names := slices.Clone(x.Look.Columns)
	if chosen != "" && !slices.Contains(names, chosen) {
		names = append(names, chosen)
	}
	for _, c := range names {
		f.Options = append(f.Options, site.Option{Value: c, Text: x.sample(c), Chosen: c == chosen})
	}
	return f
}

// sample is a column with the first value it has.
func (x mapped) sample(name string) string {
	i := slices.Index(x.Look.Columns, name)
	for _, r := range x.Look.Rows {
		if i >= 0 && r[i] != "" {
			return name + ": " + site.Brief(r[i])
		}
	}
	return name
}

func (x mapped) sentence() string {
	switch {
	case x.Trouble != "":
		return "The file cannot be looked at."
	case x.File == nil && x.Saved.Version == 0:
		return "Nobody has said yet what its columns mean."
	case x.File == nil:
		return fmt.Sprintf("Version %d says what its columns mean.", x.Saved.Version)
	case len(x.Look.Faults) > 0:
		return site.Capital(site.Spelled(len(x.Look.Faults))) + " of the first rows could not be taken."
	}
	return site.Capital(site.Several(len(x.Look.Columns), "column", "columns")) + " of " + x.File.Name + " and what they become."
}

// becomes shows the first rows as what they would be.
func (x mapped) becomes() site.TableView {
	schema := x.Schemas[x.Columns.Kind]
	t := site.TableView{ID: "becomes", Caption: "What each row would become", Columns: []site.Column{{Head: "Row"}, {Head: "Key", Phone: site.PlaceFirst}},
		Empty: site.EmptyView{Title: "Nothing to show yet.", Text: "Choose what each row is, the key and at least one column, and look again."}}
	var names []string
	for _, f := range x.Columns.Fields {
		if schema.Fields[f.Field].Type != sources.TypeMap {
			names = append(names, f.Field)
			t.Columns = append(t.Columns, site.Column{Head: site.Capital(strings.ReplaceAll(f.Field, "_", " "))})
		}
	}
	for i, r := range x.Look.Becomes {
		row := site.Row{Cells: []site.Cell{site.Words(x.Look.Places[i]), {Text: r.Key, Strong: true, Mono: true}}}
		for _, n := range names {
			row.Cells = append(row.Cells, site.Words(brief(r.Attrs[n])))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func brief(value any) string {
	switch v := value.(type) {
	case nil:
		return "–"
	case bool:
		return map[bool]string{true: "yes", false: "no"}[v]
	case time.Time:
		return v.Format("2006-01-02 15:04")
	case []string:
		return site.Brief(strings.Join(v, ", "))
	}
	return site.Brief(fmt.Sprint(value))
}
