package page

import (
	"fmt"
	"strings"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/words"
)

func (x shown) tabs() []site.TabView {
	var out []site.TabView
	for i := range x.Draws {
		d := &x.Draws[i]
		out = append(out, site.TabView{Text: d.Control, Count: site.Count(int64(len(d.Items))), Href: x.of(x.P, "?control="+d.Control), Current: d.Control == x.D.Control})
	}
	return out
}

func (x shown) chartTitle() string {
	if x.Chart.Drawn {
		return "The list and the draw"
	}
	return "The list"
}

func (x shown) chartFoot() templ.Component {
	if t := x.spread(); len(t) > 0 {
		return texts(t)
	}
	return nil
}

func (x shown) emptyText() string {
	c := x.V.Manifest.Calendar
	if c == nil {
		return "Nothing happened in the period, and that is the finding."
	}
	switch {
	case c.Last == "":
		return "Nothing was due in the period, and nothing was said of the time before."
	case c.LastWithin:
		return fmt.Sprintf("Nothing was due in the period. It last operated on %s, %d days before its end.", c.Last, c.LastDays)
	}
	return fmt.Sprintf("Nothing was due in the period. It last operated on %s, %d days before its end: longer ago than the 12 months that are looked back.", c.Last, c.LastDays)
}

// failing names the computed procedures that do not hold.
func (x shown) failing() string {
	var out []string
	for _, c := range x.V.Standing() {
		if c.Result == populations.Fails {
			out = append(out, populations.ProcedureName(c.Procedure))
		}
	}
	return words.List(out)
}

func (x shown) buildLink() templ.Component {
	if !x.canBuild() {
		return nil
	}
	return site.LinkText(site.Link{Text: "Build another draft", Href: x.of(x.P, "/build?from="+x.V.Manifest.From)})
}

func (x shown) procedureFoot() templ.Component {
	if !x.canDecide() {
		if x.V.Reason == "" {
			return nil
		}
		return site.QuietText(x.V.Reason)
	}
	return site.LinkText(site.Link{Text: "Record a procedure", Href: x.of(x.P, "/judge")})
}

// versionsShown is how many other versions the head of the manifest names.
const versionsShown = 3

func (x shown) versionLinks() templ.Component {
	var out []site.Link
	for _, v := range x.past() {
		if x.Firm && v.Status == populations.Draft {
			continue
		}
		if out = append(out, versionLink(x, v)); len(out) == versionsShown {
			break
		}
	}
	if len(out) == 0 {
		return nil
	}
	return links(out)
}

func toldStatus(v *populations.Version) site.Status {
	if v.Decision == populations.Rejected {
		return site.StatusFail
	}
	return site.StatusNotApplicable
}

// abandoned are the earlier requests of the same code.
func (x shown) abandoned() site.TableView {
	t := site.TableView{Caption: "Abandoned requests", Columns: []site.Column{{Head: "Commitment", Mono: true, Phone: site.PlaceFirst}, {Head: "Why", Wide: true, Phone: site.PlaceFirst}, {Head: "Asked"}, {Head: "Abandoned", Phone: site.PlaceEnd}}}
	for _, p := range x.P.Earlier {
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.Node(site.Digest(site.DigestView{Value: p.Commitment, Short: true})), site.Words(p.Reason),
			site.Words(x.day(p.Requested) + ", " + p.Actor), site.Words(x.day(p.Abandoned))}})
	}
	return t
}

// evidence leads to a record where the reader's side may read it.
func (x room) evidence(id string) templ.Component {
	if x.Firm {
		return site.ShortID(id, site.EngagementHref(x.Engagement, "/records/"+id))
	}
	return site.ShortID(id, "/evidence/"+strings.TrimSpace(id))
}
