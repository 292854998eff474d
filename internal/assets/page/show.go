package page

import (
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// detail is one asset with what is known of it.
type detail struct {
	assets.Detail
	Past      []assets.Version
	PastTotal int64
	Log       site.HistoryView
	Around    site.AroundView
	May       bool
	Opens     bool // the reader may open checks
	Awaits    bool // the reader may agree that it leaves the scope
	Sources   bool // the reader may open resources
	v         *site.Visit
}

func read(v *site.Visit) (detail, error) {
	x := detail{May: may(v), Sources: v.Actor.May(auth.SourcesRead), Opens: v.Actor.May(auth.ChecksRead), v: v}
	var err error
	if x.Detail, err = assets.Get.Do(v.Context(), v.Desk, assets.Ref{ID: v.Path("id")}); err != nil {
		return x, err
	}
	for _, a := range x.Approvers {
		x.Awaits = x.Awaits || a.ID == v.Actor.User && !v.Clock.Now().Before(x.AloneFrom)
	}
	return x, nil
}

func showAsset(v *site.Visit) error {
	x, err := read(v)
	if err != nil {
		return err
	}
	past, err := assets.Versions.Do(v.Context(), v.Desk, assets.Ref{ID: string(x.ID)})
	if err != nil {
		return err
	}
	x.Past, x.PastTotal = past.Items, past.Total
	if x.Log, err = v.History("", string(x.ID), ""); err != nil {
		return err
	}
	if x.Around, err = site.Around(v, site.Errand{Object: string(x.ID), Title: "Look after " + x.Name, Owner: string(x.OwnerID)}); err != nil {
		return err
	}
	return v.Show(x.shell(), showBody(x))
}

func (x detail) shell(more ...site.Crumb) site.Shell {
	c := site.Crumb{Text: x.Name}
	if len(more) > 0 {
		c.Href = assetHref(x.Asset)
	}
	return shell(x.Name, append([]site.Crumb{c}, more...)...)
}

func (x detail) lead() site.Lead {
	s, word := scopeMark(x.Asset)
	return site.Lead{ID: site.Short(string(x.ID)), Name: x.Name, Status: s, Word: word}
}

func (x detail) sentence() string {
	out := ""
	switch {
	case x.Lifecycle == assets.Retired || x.Lifecycle == assets.Disposed:
		out = "It is " + x.Lifecycle + "."
	case x.Scope == assets.Out:
		out = "It is out of scope: " + stop(x.Reason)
	case x.Scope == assets.Pending:
		out = "It waits to leave the scope: " + stop(x.Reason)
	case len(x.Sightings) == 0:
		out = "It is in scope, and no source shows it."
	default:
		out = "It is in scope, and " + site.Several(len(x.Sightings), "resource stands", "resources stand") + " for it."
	}
	if n := x.count("fail"); n > 0 {
		out += " " + site.Capital(site.Several(int(n), "check fails", "checks fail")) + "."
	}
	return out
}

func (x detail) count(status string) (n int64) {
	for _, c := range x.Checks {
		if c.Status == status {
			n++
		}
	}
	return n
}

func stop(s string) string { return strings.TrimSuffix(strings.TrimSpace(s), ".") + "." }

func (x detail) facts() []site.Fact {
	out := []site.Fact{{Text: "Owner", Person: x.Owner}, {Text: words(x.Type)}, {Text: "Criticality " + site.Plain(x.Criticality) + " of 4"}}
	if x.Owner == "" {
		out[0].Person = "Nobody yet"
	}
	if x.Scope == assets.Pending {
		out = append(out, site.Fact{Text: "Asked by " + x.Asker + ", " + site.Date(x.Asked)})
	}
	return out
}

func (x detail) acts() []site.ButtonView {
	if !x.May {
		return nil
	}
	out := []site.ButtonView{}
	if x.Around.Add != "" {
		out = append(out, site.ButtonView{Text: "Add a task", Href: x.Around.Add})
	}
	if x.Lifecycle != assets.Disposed {
		out = append(out, site.ButtonView{Text: "Retire", Href: assetHref(x.Asset) + "/retire"})
	}
	switch {
	case x.Awaits:
		out = append(out, site.ButtonView{Text: "Keep it in scope", Href: assetHref(x.Asset) + "/scope"},
			site.ButtonView{Text: "Approve that it leaves", Kind: site.ButtonPrimary, Submit: true, Form: "approve"})
	case x.Scope == assets.In:
		out = append(out, site.ButtonView{Text: "Exclude from scope", Href: assetHref(x.Asset) + "/scope"})
	default:
		out = append(out, site.ButtonView{Text: "Take into scope", Href: assetHref(x.Asset) + "/scope"})
	}
	if !x.Awaits {
		out = append(out, site.ButtonView{Text: "Edit", Kind: site.ButtonPrimary, Href: assetHref(x.Asset) + "/edit"})
	}
	return out
}

func orNone(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func (x detail) rows() []site.FactRow {
	_, scope := scopeMark(x.Asset)
	out := []site.FactRow{
		site.Text("Environment", orNone(words(x.Environment))), site.Text("Custodian", orNone(x.Custodian)),
		site.Text("Data", words(x.Class)), site.Text("Also", orNone(site.Capital(flags(x.Asset)))),
		site.Text("Location", orNone(x.Location)), site.Text("Supplier", orNone(x.Supplier)), site.Text("Lifecycle", words(x.Lifecycle)),
	}
	for _, d := range []struct{ name, day string }{{"Planned for", x.PlannedFor}, {"Live from", x.LiveFrom}, {"Retired on", x.RetiredOn}, {"Disposed of on", x.DisposedOn}} {
		if d.day != "" {
			out = append(out, site.Text(d.name, day(d.day)))
		}
	}
	out = append(out, site.Text("Scope", scope))
	if x.Reason != "" {
		out = append(out, site.Text("Why", x.Reason))
	}
	if x.Asker != "" {
		out = append(out, site.Text("Asked by", x.Asker+", "+site.Date(x.Asked)))
	}
	if x.Approver != "" {
		out = append(out, site.Text("Approved by", x.Approver+", "+site.Date(x.Approved)))
	}
	if x.Scope == assets.Pending {
		var who []string
		for _, a := range x.Approvers {
			who = append(who, a.Name)
		}
		say := strings.Join(who, ", ")
		if !x.AloneFrom.IsZero() {
			say += ", from " + site.DateTime(x.AloneFrom)
		}
		out = append(out, site.Text("Who may approve", orNone(say)))
	}
	return out
}

// day writes a civil day as people do.
func day(s string) string {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return site.Date(t)
	}
	return s
}

func (x detail) sightings() site.TableView {
	t := site.TableView{ID: "sightings", Caption: "Resources it stands for", Columns: []site.Column{{Head: "Resource", Mono: true, Wide: true, Phone: site.PlaceFirst}, {Head: "Kind"}, {Head: "Source"},
		{Head: "Last seen", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No source shows it.", Text: "Choose its resources among those that are unknown, and link them to it.", Link: site.Link{Text: "What sources show", Href: "/assets/reconciliation"}}}
	for _, g := range x.Sightings {
		r := site.Row{Key: g.Ref()}
		name, source := site.Cell{Text: site.Brief(g.Key), Mono: true}, site.Words(g.Name)
		if x.Sources {
			source.Href = "/sources/" + string(g.Source)
			if g.Shown {
				name.Href = resourceHref(g.Resource)
			}
		}
		if !g.Shown {
			name.Note = "no longer shown"
		}
		r.Cells = []site.Cell{name, site.Words(sources.KindWord(g.Kind)), source, site.Node(site.Age(g.Seen, x.v.Clock.Now()))}
		t.Rows = append(t.Rows, r)
	}
	if x.May && len(t.Rows) > 0 {
		t.Bulk = &site.Bulk{Action: assetHref(x.Asset) + "/unlink", Unit: "resources", Buttons: []site.ButtonView{{Text: "Unlink", Submit: true}}}
	}
	return t
}

func (x detail) checks() site.TableView {
	t := site.TableView{ID: "checks", Caption: "Checks on it", Columns: []site.Column{{Head: "Check", Wide: true, Phone: site.PlaceFirst}, {Head: "Resource", Mono: true}, {Head: "Status", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No check speaks about it.", Text: "A check in force speaks about a kind of resource that an asset stands for."}}
	if x.Opens {
		t.Empty.Link = site.Link{Text: "Checks", Href: "/checks"}
	}
	for _, c := range x.Checks {
		note := ""
		if c.Mandatory {
			note = "mandatory"
		}
		href := ""
		if x.Opens {
			href = "/checks/" + c.Check
		}
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{site.WordsNote(c.Title, note), {Text: site.Brief(c.Key), Mono: true}, site.Mark(site.Status(c.Status), "")}})
	}
	return t
}

func (x detail) history() []site.TimelineItem {
	var out []site.TimelineItem
	for i, p := range x.Past {
		out = append(out, site.TimelineItem{Text: site.Capital(p.Act), When: p.Effective, Who: p.Actor, Now: i == 0})
	}
	return out
}
