package page

import (
	"net/url"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// listed is a page of the list of evidence.
type listed struct {
	op.Page[evidence.Record]
	Control controls.Control // whose evidence it is; empty for all
	Run     string
	After   string
	Head    evidence.Head
	Now     time.Time
	May     bool
	Export  bool
}

func showList(v *site.Visit) error {
	x := listed{Run: v.Query("run"), After: v.Query("after"), Now: v.Clock.Now(), May: v.Actor.May(auth.EvidenceWrite), Export: v.Actor.May(auth.ExportWrite)}
	var err error
	filter := evidence.Filter{Run: x.Run, After: x.After}
	if ref := v.Query("control"); ref != "" {
		if x.Control, err = controls.Get.Do(v.Context(), v.Desk, controls.Ref{ID: ref}); err != nil {
			return err
		}
		filter.Control = string(x.Control.ID)
	}
	if x.Page, err = evidence.List.Do(v.Context(), v.Desk, filter); err != nil {
		return err
	}
	if x.Head, err = evidence.HeadGet.Do(v.Context(), v.Desk, op.None{}); err != nil {
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
	return site.Plural(x.Total, "record is", "records are") + " sealed in the log" + what + "."
}

func (x listed) facts() []site.Fact {
	f := []site.Fact{{Text: "Each is an entry of the log", Href: "/log?kind=evidence"}}
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
	return []site.ButtonView{{Text: "Add evidence", Kind: site.ButtonPrimary, Href: href}}
}

func (x listed) table() site.TableView {
	t := site.TableView{ID: "records", Caption: "Evidence", Columns: []site.Column{{Head: "Record", Mono: true, Phone: site.PlaceFirst}, {Head: "What it shows", Wide: true, Phone: site.PlaceFirst},
		{Head: "From"}, {Head: "Captured"}, {Head: "Level"}, {Head: "Rows", Num: true}, {Head: "Proof", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No evidence yet.", Text: "Each run of a source leaves some, and people add theirs.", Link: site.Link{Text: "Sources", Href: "/sources"}}}
	control := ""
	if x.Control.Code != "" {
		control = string(x.Control.ID)
		t.Filters = append(t.Filters, site.Chip{Text: "For " + x.Control.Code, Href: "/evidence"})
	}
	if x.Run != "" {
		t.Filters = append(t.Filters, site.Chip{Text: "From run " + site.Short(x.Run), Href: "/evidence"})
	}
	for _, r := range x.Items {
		href := "/evidence/" + string(r.ID)
		rows := site.Words("–")
		if r.RowCount >= 0 {
			rows = site.Number(r.RowCount, href+"#content")
		}
		title := site.Words(r.Title)
		if r.SupersededBy != "" {
			title.Note = "superseded"
		}
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{site.Node(site.ShortID(string(r.ID), href)), title, site.Words(r.Origin),
			site.Node(site.Age(r.Captured, x.Now)), site.Words(level(r.Level)), rows, site.Node(site.ProofMark(proof(x.Head, r.Entry), r.Entry, entryPath(r.Entry)))}})
	}
	at := func(after string) string {
		return address("/evidence", url.Values{"control": {control}, "run": {x.Run}, "after": {after}})
	}
	if x.Total > 0 {
		t.Pager = site.PagerView{Shown: int64(len(x.Items)), Of: x.Total, NewerText: "Newest"}
		if x.Next != "" {
			t.Pager.Older = at(x.Next)
		}
		if x.After != "" {
			t.Pager.Newer = at("")
		}
	}
	return t
}
