package page

import (
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/site"
)

// populationTable is the lists with where each stands.
func (x overview) populationTable() site.TableView {
	t := site.TableView{Caption: "Populations", Quiet: true, Columns: []site.Column{{Head: "Code", Mono: true, Phone: site.PlaceFirst}, {Head: "List", Wide: true, Phone: site.PlaceFirst},
		{Head: "Rows", Num: true}, {Head: "Status", Phone: site.PlaceEnd}, {Head: "Note"}},
		Empty: site.EmptyView{Title: "No list is asked for yet.", Text: "A list is what samples are drawn from. The firm asks, " + x.Client.Name + " builds and seals it, and the firm says whether it is whole."}}
	for _, p := range x.Populations {
		at := href(x.Engagement, "/populations/"+p.Code)
		status, rows, note := standing(p)
		cell := site.Words("–")
		if rows >= 0 {
			cell = site.Number(rows, at)
		}
		t.Rows = append(t.Rows, site.Row{Href: at, Cells: []site.Cell{site.ID(p.Code, at), site.Words(p.Title), cell, status, site.Words(note)}})
	}
	return t
}

// standing is where a list stands: its status, its rows or -1, and a note.
func standing(p populations.Population) (site.Cell, int64, string) {
	c := p.Current()
	switch {
	case !p.Abandoned.IsZero():
		return site.Mark(site.StatusNotApplicable, "Given up"), -1, p.Reason
	case c == nil && p.Newest() != nil:
		return site.Mark(site.StatusNotStarted, "Draft"), p.Newest().Rows, ""
	case c == nil:
		return site.Mark(site.StatusNotStarted, "Asked for"), -1, ""
	case p.Accepted() != nil && c.Decision == populations.Explained:
		return site.Mark(site.StatusPass, "Accepted, explained"), c.Rows, ""
	case p.Accepted() != nil:
		return site.Mark(site.StatusPass, "Accepted"), c.Rows, ""
	case c.Decision == populations.Rejected:
		return site.Mark(site.StatusFail, "Rejected"), c.Rows, counted(c)
	}
	return site.Mark(site.StatusUnknown, "Completeness open"), c.Rows, counted(c)
}

// counted says when the source counts other than the list has.
func counted(v *populations.Version) string {
	if v.Manifest.CountedBy != "" && v.Manifest.SourceCount != v.Rows {
		return "source counts " + site.Count(v.Manifest.SourceCount)
	}
	return ""
}

// accepted counts the lists by where they stand: "22 needed: 19 accepted, 3 open".
func (x overview) populationNote() string {
	if len(x.Populations) == 0 {
		return ""
	}
	accepted, rejected := 0, 0
	for _, p := range x.Populations {
		c := p.Current()
		switch {
		case p.Accepted() != nil:
			accepted++
		case c != nil && c.Decision == populations.Rejected:
			rejected++
		}
	}
	out := site.Count(int64(len(x.Populations))) + " asked for: " + site.Count(int64(accepted)) + " accepted"
	if open := len(x.Populations) - accepted - rejected; open > 0 {
		out += ", " + site.Count(int64(open)) + " open"
	}
	if rejected > 0 {
		out += ", " + site.Count(int64(rejected)) + " rejected"
	}
	return out
}

func (x overview) deviationTable() site.TableView {
	t := site.TableView{Caption: "Deviations", Quiet: true, Columns: []site.Column{{Head: "Item", Mono: true, Phone: site.PlaceFirst}, {Head: "What", Wide: true, Phone: site.PlaceFirst}, {Head: "Control", Mono: true}, {Head: "Status", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No deviation.", Text: "An item that failed what it was tested for appears here, for both sides."}}
	for _, d := range x.Deviations {
		at := href(x.Engagement, "/deviations/"+string(d.ID))
		t.Rows = append(t.Rows, site.Row{Href: at, Cells: []site.Cell{site.ID(d.Item, at), site.Words(site.Capital(d.Text)), site.Words(d.Control), classified(d)}})
	}
	return t
}

func classified(d procedures.Deviation) site.Cell {
	if d.Classified.IsZero() {
		return site.Mark(site.StatusUnknown, "Not classified")
	}
	if d.Cause == "" { // the firm's word for it stands in its workpapers
		return site.Mark(site.StatusFail, "Classified")
	}
	return site.Mark(site.StatusFail, site.Capital(strings.ReplaceAll(d.Cause, "_", "-"))+", "+d.Extent)
}

// askedShown is how many controls the overview lists with their items.
const askedShown = 6

func (x overview) askedTable() site.TableView {
	t := site.TableView{Caption: "Items asked for, by control", Quiet: true, Columns: []site.Column{{Head: "Control", Mono: true, Phone: site.PlaceFirst}, {Head: "Title", Wide: true, Phone: site.PlaceFirst}, {Head: "Drawn", Num: true}, {Head: "Status", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "Nothing is asked for.", Text: "Once a sample is drawn, each item waits here until there is evidence of it."}}
	if len(x.Asked) > 0 {
		t.Empty = site.EmptyView{Title: "None.", Text: "There is evidence of every item asked for so far."}
	}
	// Those with the most to do first; the rest is on the page of all items.
	list := slices.DeleteFunc(slices.Clone(x.Asked), func(a procedures.Asked) bool { return a.Open == 0 })
	slices.SortStableFunc(list, func(a, b procedures.Asked) int { return b.Open - a.Open })
	for _, a := range list[:min(askedShown, len(list))] {
		at := href(x.Engagement, "/items/"+a.Control)
		status := site.Mark(site.StatusUnknown, site.Count(int64(a.Open))+" without")
		t.Rows = append(t.Rows, site.Row{Href: at, Cells: []site.Cell{site.ID(a.Control, at), site.Words(a.Title), site.Number(int64(a.Items), at), status}})
	}
	return t
}

func (x overview) askedNote() string {
	if len(x.Asked) == 0 {
		return ""
	}
	return site.Plural(x.drawn(), "item", "items") + ", " + site.Count(int64(x.open())) + " without evidence"
}
