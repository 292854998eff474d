package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// fieldsShown is how many fields of a resource the list shows beside its key.
const fieldsShown = 3

// body is a resource as it lies in its sealed chunk.
type body struct {
	Absent map[string]string          `json:"absent"`
	Attrs  map[string]json.RawMessage `json:"attrs"`
}

// seen is a page of what a source showed of one kind.
type seen struct {
	Source sources.Source
	Schema sources.Schema
	Kind   string
	site.Listing[sighting]
	Now time.Time
}

// A sighting is a resource with what its record says.
type sighting struct {
	sources.Seen
	body
}

func readKind(v *site.Visit) (seen, error) {
	x := seen{Kind: v.Path("kind"), Now: v.Clock.Now()}
	var err error
	if x.Source, err = sources.Get.Do(v.Context(), v.Desk, sources.Ref{ID: v.Path("id")}); err != nil {
		return x, err
	}
	schemas, err := sources.Schemas()
	if err != nil {
		return x, err
	}
	var known bool
	if x.Schema, known = schemas[x.Kind]; !known {
		return x, fault.NotFound("There is no kind %s. The page of %s lists what it showed.", x.Kind, x.Source.Name)
	}
	return x, nil
}

func showKind(v *site.Visit) error {
	x, err := readKind(v)
	if err != nil {
		return err
	}
	l, err := x.list(v)
	if err != nil {
		return err
	}
	if x.Listing, err = l.Open(v); err != nil || x.Done {
		return err
	}
	return v.Show(shell(x.Schema.Title, site.Crumb{Text: x.Source.Name, Href: "/sources/" + string(x.Source.ID)}, site.Crumb{Text: x.Schema.Title}), kindBody(x))
}

func (x seen) sentence() string {
	if x.Total == 0 {
		return fmt.Sprintf("%s showed no %s.", x.Source.Name, strings.ToLower(x.Schema.Title))
	}
	return fmt.Sprintf("%s showed %s of kind %s.", x.Source.Name, site.Several(int(x.Total), "thing", "things"), "“"+x.Schema.Title+"”")
}

// telling is how many resources decide which fields are shown.
const telling = 20

// list says what the list is made of: the key, and each field of the kind as a
// column. Those that most of the first have are shown.
func (x seen) list(v *site.Visit) (site.List[sighting], error) {
	first, err := x.fetch(v, site.Ask{Limit: telling})
	if err != nil {
		return site.List[sighting]{}, err
	}
	count := map[string]int{}
	for _, s := range first.Items {
		for name := range s.Attrs {
			count[name]++
		}
	}
	href := func(s sighting) string { return keyPath(string(x.Source.ID), x.Kind, s.Key) }
	l := site.List[sighting]{
		Name: listName(x.Kind), Caption: x.Schema.Title, One: "resource", Many: "resources", Sort: "key", ID: "resources",
		Columns: []site.Col[sighting]{{ID: "key", Head: "Key", Mono: true, Phone: site.PlaceFirst, Fixed: true, Cell: func(s sighting) site.Cell { return site.ID(site.Brief(s.Key), href(s)) }, Text: func(s sighting) any { return s.Key }}},
		Filters: []site.Filter{{Name: "key", Label: "Key, as it is written", Say: func(s string) string { return "Key " + site.Brief(s) }}},
		Row:     func(s sighting) site.Row { return site.Row{Href: href(s)} },
		Fetch:   func(a site.Ask) (op.Page[sighting], error) { return x.fetch(v, a) },
		None:    site.EmptyView{Title: "None.", Text: "The newest run saw nothing of this kind.", Link: site.Link{Text: x.Source.Name, Href: "/sources/" + string(x.Source.ID)}},
	}
	shown := x.fields(count)
	if len(x.Schema.Shown) > 0 { // the key says nothing to a person
		l.Columns[0].Fixed, l.Columns[0].Spare, l.Columns[0].Phone = false, true, ""
		l.Columns = append([]site.Col[sighting]{{ID: "name", Head: named(x.Schema.Shown[0]), Phone: site.PlaceFirst, Fixed: true,
			Cell: func(s sighting) site.Cell { return site.Cell{Text: s.called(x.Schema), Href: href(s), Strong: true} }, Text: func(s sighting) any { return s.called(x.Schema) }}}, l.Columns...)
		shown = slices.DeleteFunc(slices.Clone(x.Schema.Shown[1:]), func(f string) bool { return count[f] == 0 })
	}
	for _, f := range append(slices.Clone(shown), slices.DeleteFunc(x.Schema.FieldNames(), func(f string) bool { return slices.Contains(shown, f) })...) {
		at := slices.Index(shown, f)
		l.Columns = append(l.Columns, site.Col[sighting]{ID: "f_" + f, Head: site.Capital(strings.ReplaceAll(f, "_", " ")), Wide: at == 0, Spare: at < 0,
			Cell: func(s sighting) site.Cell { return s.cell(f, at == 0 && len(x.Schema.Shown) > 0) }, Text: func(s sighting) any { return s.text(f) }})
	}
	l.Columns = append(l.Columns,
		site.Col[sighting]{ID: "first", Head: "First seen", Spare: true, Cell: func(s sighting) site.Cell { return site.Node(site.Age(s.FirstSeen, x.Now)) }, Text: func(s sighting) any { return moment(s.FirstSeen) }},
		site.Col[sighting]{ID: "changed", Head: "Changed", Phone: site.PlaceEnd, Cell: func(s sighting) site.Cell { return site.Node(site.Age(s.Changed, x.Now)) }, Text: func(s sighting) any { return moment(s.Changed) }})
	return l, nil
}

func (x seen) fetch(v *site.Visit, a site.Ask) (op.Page[sighting], error) {
	p, err := sources.Resources.Do(v.Context(), v.Desk, sources.SeenFilter{Source: string(x.Source.ID), Kind: x.Kind, Key: a.Filter("key"), After: a.After, Limit: a.Limit})
	out := op.Page[sighting]{Next: p.Next, Total: p.Total}
	for _, s := range p.Items {
		one := sighting{Seen: s}
		if err := json.Unmarshal(s.Body, &one.body); err != nil {
			return out, err
		}
		out.Items = append(out.Items, one)
	}
	return out, err
}

// called is what people call a resource: by the field that names its kind, else
// by its key.
func (s sighting) called(schema sources.Schema) string {
	if len(schema.Shown) > 0 && s.Attrs[schema.Shown[0]] != nil {
		return site.Brief(plain(s.Attrs[schema.Shown[0]]))
	}
	return site.Brief(s.Key)
}

// cell is a field of a resource, whole or in brief; what could not be read says
// why.
func (s sighting) cell(field string, whole bool) site.Cell {
	if why, absent := s.Absent[field]; absent {
		return site.Cell{Text: site.Brief(why), Status: site.StatusUnknown, Tone: site.StatusUnknown}
	}
	if whole {
		return site.Words(plain(s.Attrs[field]))
	}
	return site.Words(site.Brief(plain(s.Attrs[field])))
}

func (s sighting) text(field string) string {
	if why, absent := s.Absent[field]; absent {
		return "unknown: " + why
	}
	return plain(s.Attrs[field])
}

// listName is what saved views know the resources of a kind by.
func listName(kind string) string {
	name := []byte("resources_of_")
	for _, r := range []byte(kind) {
		if r >= 'a' && r <= 'z' || r == '_' {
			name = append(name, r)
		}
	}
	return string(name[:min(len(name), 40)])
}

// fields chooses those that most rows have, simple ones first.
func (x seen) fields(count map[string]int) []string {
	names := slices.Sorted(maps.Keys(count))
	weight := func(name string) int {
		switch x.Schema.Fields[name].Type {
		case sources.TypeList, sources.TypeMap:
			return count[name] - 1000
		}
		return count[name]
	}
	slices.SortStableFunc(names, func(a, b string) int { return weight(b) - weight(a) })
	return names[:min(len(names), fieldsShown)]
}

// plain is a value as people read it.
func plain(raw json.RawMessage) string {
	switch s := string(raw); s {
	case "":
		return "–"
	case `""`, "[]", "{}":
		return "none"
	case "true":
		return "yes"
	case "false":
		return "no"
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if t, err := time.Parse("2006-01-02T15:04:05.000Z", text); err == nil {
			return site.DateTime(t)
		}
		return text
	}
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return strings.Join(list, ", ")
	}
	return string(raw)
}

// resource is one thing as its source showed it.
type resource struct {
	seen
	sources.Seen
	body
	Pretty string
	Called string
	May    bool // write checks
}

// name says which one it is, and what it is where its fields say so.
func (x resource) name() string {
	if title := x.Attrs["title"]; len(x.Schema.Shown) > 0 && title != nil {
		return x.Called + ": " + stop(plain(title))
	}
	return x.Called
}

// acts lead from what a tool found to a check of one's own.
func (x resource) acts() []site.ButtonView {
	if !x.May || x.seen.Kind != "finding" || x.Attrs["rule"] == nil || x.Attrs["tool"] == nil {
		return nil
	}
	q := url.Values{"source": {string(x.seen.Source.ID)}, "finding": {x.Key}}
	return []site.ButtonView{{Text: "Write a check of this rule", Href: "/checks/new?" + q.Encode()}}
}

func showResource(v *site.Visit) error {
	k, err := readKind(v)
	if err != nil {
		return err
	}
	found, err := sources.Resources.Do(v.Context(), v.Desk, sources.SeenFilter{Source: string(k.Source.ID), Kind: k.Kind, Key: v.Path("key")})
	if err != nil {
		return err
	}
	if len(found.Items) == 0 {
		return fault.NotFound("%s does not show %s %s now. If it did before, the evidence of that run has it.", k.Source.Name, k.Kind, v.Path("key"))
	}
	x := resource{seen: k, Seen: found.Items[0]}
	if err := json.Unmarshal(x.Body, &x.body); err != nil {
		return err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, x.Body, "", "  "); err != nil {
		return err
	}
	x.Pretty, x.May = out.String(), v.Actor.May(auth.ChecksWrite)
	x.Called = sighting{x.Seen, x.body}.called(x.Schema)
	return v.Show(shell(x.Called, site.Crumb{Text: x.Source.Name, Href: "/sources/" + string(x.Source.ID)},
		site.Crumb{Text: sources.KindWord(x.seen.Kind), Href: fmt.Sprintf("/sources/%s/%s", x.Source.ID, x.seen.Kind)}, site.Crumb{Text: x.Called, Mono: true}), resourceBody(x))
}

func (x resource) rows() []site.FactRow {
	var out []site.FactRow
	for _, name := range slices.Sorted(maps.Keys(x.Attrs)) {
		out = append(out, site.FactRow{Key: named(name), Value: plain(x.Attrs[name])})
	}
	return out
}

func (x resource) hidden() []site.FactRow {
	var out []site.FactRow
	for _, name := range slices.Sorted(maps.Keys(x.Absent)) {
		out = append(out, site.FactRow{Key: named(name), Value: stop(site.Capital(x.Absent[name])), Status: site.StatusUnknown})
	}
	return out
}

// finished is a run with the evidence it left.
type finished struct {
	detail
	Run      sources.Run
	Evidence op.Page[evidence.Record]
	Around   site.AroundView
}

func showRun(v *site.Visit) error {
	r, err := sources.RunGet.Do(v.Context(), v.Desk, sources.Ref{ID: v.Path("id")})
	if err != nil {
		return err
	}
	x := finished{Run: r, detail: detail{Now: v.Clock.Now()}}
	if x.Source, err = sources.Get.Do(v.Context(), v.Desk, sources.Ref{ID: string(r.Source)}); err != nil {
		return err
	}
	if x.Schemas, err = sources.Schemas(); err != nil {
		return err
	}
	if x.Head, err = evidence.HeadGet.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return err
	}
	if v.Actor.May("evidence:read") {
		if x.Evidence, err = evidence.List.Do(v.Context(), v.Desk, evidence.Filter{Run: string(r.ID), Limit: op.MaxLimit}); err != nil {
			return err
		}
	}
	if x.Log, err = v.History("", string(r.ID), ""); err != nil {
		return err
	}
	if x.Around, err = site.Around(v, site.Errand{Object: string(r.ID), Title: "See to a run of " + x.Name}); err != nil {
		return err
	}
	return v.Show(shell("Run", site.Crumb{Text: x.Name, Href: "/sources/" + string(x.Source.ID)}, site.Crumb{Text: site.Short(string(r.ID)), Mono: true}), runBody(x))
}

// newest reports whether the lists of the source are still those of this run.
func (x finished) newest() bool { return x.Latest != nil && x.Latest.ID == x.Run.ID }

func (x finished) sentence() string {
	if x.Run.Status == sources.RunFailed {
		return "The source did not answer. " + stop(site.Capital(x.Run.Error))
	}
	if x.Run.Status == sources.RunCancelled {
		return "It was " + stop(x.Run.Error) + " Nothing of it was kept."
	}
	seen := site.Capital(site.Several(x.Run.Resources, "thing was", "things were")) + " seen"
	if took := x.Run.Ended.Sub(x.Run.Started); took >= time.Millisecond {
		return seen + " in " + site.Took(took) + "."
	}
	return seen + "."
}

func (x finished) lead() site.Lead {
	l := site.Lead{ID: site.Short(string(x.Run.ID)), Name: "Run of " + x.Name, Status: site.StatusPass, Word: "Read whole"}
	switch {
	case x.Run.Status == sources.RunFailed:
		l.Status, l.Word = site.StatusFail, "Did not answer"
	case x.Run.Status == sources.RunCancelled:
		l.Status, l.Word = site.StatusUnknown, "Cancelled"
	case len(x.Run.Missing) > 0:
		l.Status, l.Word = site.StatusUnknown, "Read in part"
	}
	return l
}

func (x finished) runFacts() []site.FactRow {
	return []site.FactRow{{Key: "Run", Node: site.Digest(site.DigestView{Value: string(x.Run.ID)})}, {Key: "Source", Value: x.Name, Href: "/sources/" + string(x.Source.ID)},
		{Key: "Started", Node: site.Moment(x.Run.Started)}, {Key: "Ended", Node: site.Moment(x.Run.Ended)}, {Key: "Collector", Value: x.Run.Collector, Mono: true}}
}

func (x finished) evidenceTable() site.TableView {
	t := site.TableView{Caption: "Evidence of the run", Columns: []site.Column{{Head: "Record", Mono: true, Phone: site.PlaceFirst}, {Head: "What it shows", Wide: true, Phone: site.PlaceFirst},
		{Head: "Rows", Num: true}, {Head: "Proof", Phone: site.PlaceEnd}}, Empty: site.EmptyView{Title: "None.", Text: "A run that is not answered leaves a gap in the log, and no evidence."}}
	for _, r := range x.Evidence.Items {
		href := "/evidence/" + string(r.ID)
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{site.Node(site.ShortID(string(r.ID), href)), site.Words(r.Title), site.Number(r.RowCount, href+"#content"),
			site.Node(site.ProofMark(proof(x.Head, r.Entry), r.Entry, fmt.Sprintf("/log/%d", r.Entry)))}})
	}
	return t
}
