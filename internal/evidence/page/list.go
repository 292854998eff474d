package page

import (
	"cmp"
	"maps"
	"strconv"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// listed is a page of the list of evidence.
type listed struct {
	site.Listing[evidence.Record]
	Control controls.Control // whose evidence it is; empty for all
	Run     string
	Head    evidence.Head
	Now     time.Time
	May     bool
	Export  bool
}

func showList(v *site.Visit) error {
	x := listed{Run: cmp.Or(v.Query("f.run"), v.Query("run")), Now: v.Clock.Now(), May: v.Actor.May(auth.EvidenceWrite), Export: v.Actor.May(auth.ExportWrite)}
	var err error
	if ref := cmp.Or(v.Query("f.control"), v.Query("control")); ref != "" {
		if x.Control, err = controls.Get.Do(v.Context(), v.Desk, controls.Ref{ID: ref}); err != nil {
			return err
		}
	}
	if x.Head, err = evidence.HeadGet.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return err
	}
	if x.Listing, err = x.list(v).Open(v); err != nil || x.Done {
		return err
	}
	return v.Show(site.Shell{Title: "Evidence", Current: "/evidence", Crumbs: []site.Crumb{{Text: "Evidence"}}}, listBody(x))
}

func (x listed) sentence() string {
	what := ""
	switch {
	case x.Control.Code != "":
		what = " for " + x.Control.Code
	case x.Run != "":
		what = " from one run"
	}
	if x.Total == 0 {
		return "No evidence is recorded" + what + " yet."
	}
	return site.Capital(site.Several(x.Total, "record is", "records are")) + " sealed in the log" + what + "."
}

func (x listed) facts() []site.Fact {
	f := []site.Fact{{Text: "What is due and overdue", Href: "/evidence/due"}, {Text: "Each is an entry of the log", Href: "/log?kind=evidence"}}
	if x.Export {
		f = append(f, site.Fact{Text: "Export all of it", Href: "/export"})
	}
	return f
}

func (x listed) acts() []site.ButtonView {
	if !x.May {
		return nil
	}
	href := "/evidence/new"
	if x.Control.Code != "" {
		href += "?control=" + string(x.Control.ID)
	}
	return []site.ButtonView{{Text: "Add evidence", Kind: site.ButtonPrimary, Href: href}, {Text: "Capture a screen", Href: "/evidence/capture"}}
}

// list says what the list is made of.
func (x listed) list(v *site.Visit) site.List[evidence.Record] {
	type row = evidence.Record
	href := func(r row) string { return "/evidence/" + string(r.ID) }
	return site.List[row]{
		Name: "evidence", ID: "records", Caption: "Evidence", One: "record", Many: "records", Find: "Find in titles", Sort: "-captured",
		Columns: []site.Col[row]{
			{ID: "id", Head: "Record", Mono: true, Phone: site.PlaceFirst, Fixed: true, Cell: func(r row) site.Cell { return site.Node(site.ShortID(string(r.ID), href(r))) }, Text: func(r row) any { return string(r.ID) }},
			{ID: "title", Head: "What it shows", Wide: true, Phone: site.PlaceFirst, Fixed: true, Cell: title},
			{ID: "origin", Head: "From", Cell: func(r row) site.Cell { return site.Words(r.Origin) }},
			{ID: "method", Head: "Came in by", Spare: true, Cell: func(r row) site.Cell { return site.Words(r.Method) }},
			{ID: "actor", Head: "Who", Spare: true, Cell: func(r row) site.Cell { return site.Words(r.Actor) }},
			{ID: "captured", Head: "Captured", Sorts: true, Cell: func(r row) site.Cell { return site.Node(site.Age(r.Captured, x.Now)) }, Text: func(r row) any { return site.DateTime(r.Captured) }},
			{ID: "level", Head: "Level", Cell: func(r row) site.Cell { return site.Words(level(r.Level)) }},
			{ID: "size", Head: "Size", Num: true, Spare: true, Cell: func(r row) site.Cell { return site.Words(site.Bytes(r.Size)) }, Text: func(r row) any { return r.Size }},
			{ID: "sha256", Head: "SHA-256", Mono: true, Spare: true, Cell: func(r row) site.Cell { return site.Node(site.Digest(site.DigestView{Value: r.SHA256})) }, Text: func(r row) any { return r.SHA256 }},
			{ID: "rows", Head: "Rows", Num: true, Cell: func(r row) site.Cell {
				if r.RowCount < 0 {
					return site.Words("–")
				}
				return site.Number(r.RowCount, href(r)+"#content")
			}, Text: func(r row) any { return max(r.RowCount, 0) }},
			{ID: "proof", Head: "Proof", Phone: site.PlaceEnd, Cell: func(r row) site.Cell {
				return site.Node(site.ProofMark(proof(x.Head, r.Entry), r.Entry, entryPath(r.Entry)))
			}, Text: func(r row) any { return r.Entry }},
		},
		Filters: []site.Filter{
			{Name: "control", Label: "Control", Linked: true, Say: func(string) string { return "For " + x.Control.Code }},
			{Name: "run", Label: "Run", Linked: true, Say: func(run string) string { return "From run " + site.Short(run) }},
			{Name: "method", Label: "Came in by", Options: []site.Option{{Value: evidence.ByAPI, Text: "A source that was read"}, {Value: evidence.ByExport, Text: "Export"}, {Value: evidence.ByUpload, Text: "Upload"},
				{Value: evidence.ByObservation, Text: "Observation"}, {Value: evidence.ByGenerated, Text: "This program"}}},
			{Name: "level", Label: "Level of reliability", Options: levelOptions()},
			{Name: "code", Label: "Reason to send back", Options: codeOptions()},
			{Name: "stands", Label: "Standing", Options: []site.Option{{Value: "1", Text: "Neither erased nor superseded"}}},
			{Name: "state", Label: "Review", Options: []site.Option{{Value: "remarks", Text: "With remarks"}, {Value: "waiting", Text: "Nobody reviewed it yet"}, {Value: "accepted", Text: "Accepted"}, {Value: "returned", Text: "Returned"}}},
		},
		Row: func(r row) site.Row { return site.Row{Href: href(r), Key: string(r.ID)} },
		Fetch: func(a site.Ask) (op.Page[row], error) {
			at, _ := strconv.Atoi(a.Filter("level")) // one of the options
			return evidence.List.Do(v.Context(), v.Desk, evidence.Filter{Run: a.Filter("run"), Control: string(x.Control.ID), Method: a.Filter("method"), Level: at, State: a.Filter("state"),
				Code: a.Filter("code"), Stands: a.Filter("stands") != "", Text: a.Q, Oldest: !a.Desc, After: a.After, Limit: a.Limit})
		},
		None: site.EmptyView{Title: "No evidence yet.", Text: "Each run of a source leaves some, and people add theirs.", Link: site.Link{Text: "Sources", Href: "/sources"}},
	}
}

func title(r evidence.Record) site.Cell {
	c := site.Words(r.Title)
	switch {
	case !r.Erased.IsZero():
		c.Note = "erased"
	case r.SupersededBy != "":
		c.Note = "superseded"
	case r.Decision == evidence.SentBack:
		c.Note = "returned"
	case r.Remarks > 0:
		c.Note = site.Plural(r.Remarks, "remark", "remarks")
	case r.Decision == evidence.Accepted:
		c.Note = "accepted"
	}
	return c
}

// codeOptions are the reasons with what they say, in order.
func codeOptions() []site.Option {
	said := maps.Clone(evidence.CodeWords)
	for _, p := range evidence.ByPerson {
		said[p.Code] = p.Text
	}
	var out []site.Option
	for _, k := range evidence.Codes {
		out = append(out, site.Option{Value: k, Text: k + " " + said[k]})
	}
	return out
}

func levelOptions() []site.Option {
	var out []site.Option
	for i := range evidence.Levels[1:] {
		out = append(out, site.Option{Value: strconv.Itoa(i + 1), Text: level(int64(i + 1))})
	}
	return out
}
