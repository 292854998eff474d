package page

import (
	"cmp"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
)

// list is every engagement of an organization or firm.
type list struct {
	site.Listing[engagements.View]
	All    []engagements.View
	Firm   bool
	May    bool // propose
	Invite bool
	Firms  int
}

func showList(v *site.Visit) error {
	x, err := readList(v)
	if err != nil {
		return err
	}
	if x.Listing, err = x.list().Open(v); err != nil || x.Done {
		return err
	}
	return v.Show(listShell(x.Firm), listBody(x))
}

func listShell(firm bool, crumbs ...site.Crumb) site.Shell {
	title := "Engagements"
	if firm {
		title = "My engagements"
	}
	s := site.Shell{Title: title, Current: "/engagements"}
	if len(crumbs) == 0 {
		s.Crumbs = []site.Crumb{{Text: title}}
		return s
	}
	s.Crumbs = append([]site.Crumb{{Text: title, Href: "/engagements"}}, crumbs...)
	return s
}

func readList(v *site.Visit) (list, error) {
	x := list{Firm: v.Actor.May(auth.AuditRead), Invite: v.Actor.May(auth.MembersWrite)}
	all, err := engagements.List.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return x, err
	}
	for _, e := range all.Items {
		full, err := engagements.Get.Do(v.Context(), v.Desk, engagements.Ref{ID: string(e.ID)})
		if err != nil {
			return x, err
		}
		x.All = append(x.All, full)
	}
	if x.May = !x.Firm && v.Actor.May(auth.EngageWrite); x.May {
		firms, err := orgs.Firms.Do(v.Context(), v.Desk, op.None{})
		if err != nil {
			return x, err
		}
		x.Firms = len(firms.Items)
	}
	return x, nil
}

// over reports whether nothing happens in an engagement any more.
func over(e engagements.Engagement) bool {
	return e.State == engagements.Issued || e.State == engagements.Withdrawn
}

func (x list) sentence() string {
	if len(x.All) == 0 {
		return "No engagement yet."
	}
	running, asked := 0, 0
	for _, e := range x.All {
		if !over(e.Engagement) {
			running++
		}
		if e.State == engagements.Proposed {
			asked++
		}
	}
	if running == 0 {
		return site.Capital(site.Several(len(x.All), "engagement is", "engagements are")) + " over, and none is under way."
	}
	text := site.Capital(site.Several(running, "engagement is", "engagements are")) + " under way."
	switch {
	case asked == 0:
		return text
	case x.Firm:
		return text + " " + site.Capital(site.Several(asked, "waits", "wait")) + " for a partner to accept."
	}
	return text + " " + site.Capital(site.Several(asked, "waits", "wait")) + " for the firm to accept."
}

func (x list) facts() []site.Fact {
	if x.Firm {
		return []site.Fact{{Text: "Newest first"}, {Text: "The organization that is examined proposes, a partner accepts"}}
	}
	return []site.Fact{{Text: "Newest first"}, {Text: "What the firm writes in its workpapers is not visible here"}}
}

func (x list) acts() []site.ButtonView {
	if !x.May {
		return nil
	}
	if x.Firms == 0 {
		return []site.ButtonView{{Text: "Propose an engagement: 1 missing", Missing: []site.Link{{Text: "A CPA firm that accepted an invitation", Href: "/settings/invitations?role=" + orgs.AsFirm}}}}
	}
	return []site.ButtonView{{Text: "Propose an engagement", Kind: site.ButtonPrimary, Href: "/engagements/new"}}
}

func (x list) list() site.List[engagements.View] {
	type row = engagements.View
	other, name := "CPA firm", func(e row) string { return e.Firm.Name }
	if x.Firm {
		other, name = "Client", func(e row) string { return e.Client.Name }
	}
	return site.List[row]{
		Name: "engagements", ID: "list", Caption: "Engagements", One: "engagement", Many: "engagements", Find: "Find in engagements", Sort: "newest",
		Columns: []site.Col[row]{
			{ID: "name", Head: "Engagement", Phone: site.PlaceFirst, Fixed: true, Sorts: true, Cell: func(e row) site.Cell { return site.Cell{Text: e.Name, Strong: true} }},
			{ID: "other", Head: other, Sorts: true, Cell: func(e row) site.Cell { return site.Words(name(e)) }},
			{ID: "report", Head: "Report", Cell: func(e row) site.Cell { return site.Words(typeWord(e.Engagement)) }},
			{ID: "examined", Head: "Examined", Wide: true, Cell: func(e row) site.Cell { return site.Words(site.Capital(period(e.Engagement))) }},
			{ID: "partner", Head: "Partner", Spare: true, Cell: func(e row) site.Cell { return site.Words(e.Partner) }},
			{ID: "state", Head: "Where it stands", Phone: site.PlaceEnd, Fixed: true, Cell: func(e row) site.Cell { return site.Cell{Text: stateWord(e.State), Status: stateStatus(e.State)} }},
			{ID: "next", Head: "Next", Cell: next},
		},
		Filters: []site.Filter{{Name: "over", Label: "Under way", Chips: true, Options: []site.Option{{Value: "no", Text: "Under way"}, {Value: "yes", Text: "Over"}}}},
		Row:     func(e row) site.Row { return site.Row{Href: href(e.Engagement, ""), Key: string(e.ID)} },
		Fetch: func(a site.Ask) (op.Page[row], error) {
			order := map[string]func(e, f row) int{"name": func(e, f row) int { return cmp.Compare(e.Name, f.Name) }, "other": func(e, f row) int { return cmp.Compare(name(e), name(f)) }}[a.Sort]
			return site.Among(a, x.All, func(e row) bool {
				return (a.Filter("over") == "" || (a.Filter("over") == "yes") == over(e.Engagement)) && a.Holds(e.Name, name(e), e.System, e.Partner)
			}, order, func(e row) string { return string(e.ID) }), nil
		},
		None: x.empty(),
	}
}

// next says what an engagement waits for, with the way to it.
func next(e engagements.View) site.Cell {
	switch {
	case e.State == engagements.Proposed:
		return site.Cell{Text: "A partner accepts", Href: href(e.Engagement, "")}
	case e.Next == nil:
		return site.Words("–")
	case e.Next.Open:
		return site.Cell{Text: stateWord(e.Next.Into) + " can begin", Href: href(e.Engagement, "")}
	}
	return site.Cell{Text: stateWord(e.Next.Into) + ": " + site.Count(int64(lacking(e.Next))) + " missing", Href: href(e.Engagement, "#gate")}
}

// lacking counts the conditions that do not hold.
func lacking(g *engagements.GateView) (n int) {
	for _, c := range g.Conditions {
		if !c.Holds {
			n++
		}
	}
	return n
}

func (x list) empty() site.EmptyView {
	e := site.EmptyView{Title: "No engagements.", Text: "Here stand the examinations by a CPA firm: what is examined, where each one stands and what it waits for."}
	switch {
	case x.Firm:
		e.Text = "A client proposes an engagement to the firm; it appears here, and a partner accepts it."
	case x.May && x.Firms > 0:
		e.Link = site.Link{Text: "Propose one", Href: "/engagements/new"}
	case x.May && x.Invite:
		e.Link = site.Link{Text: "Invite a CPA firm first", Href: "/settings/invitations?role=" + orgs.AsFirm}
	}
	return e
}
