package page

import (
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/site"
)

// listed is every population of an engagement.
type listed struct {
	room
	Items []populations.Population
}

func showList(v *site.Visit) error {
	r, err := enter(v)
	if err != nil {
		return err
	}
	p, err := populations.List.Do(v.Context(), v.Desk, populations.Filter{Engagement: v.Path("id")})
	if err != nil {
		return err
	}
	x := listed{room: r, Items: p.Items}
	return v.ShowIn(r.Engagement, site.Shell{Title: "Populations", Crumbs: []site.Crumb{{Text: "Populations"}}}, listBody(x))
}

func (x listed) accepted() (n int) {
	for _, p := range x.Items {
		if p.Accepted() != nil {
			n++
		}
	}
	return n
}

func (x listed) sentence() string {
	total, done := len(x.Items), x.accepted()
	switch {
	case total == 0 && x.Firm:
		return "No list has been asked for yet."
	case total == 0:
		return x.firm() + " has not asked for a list yet."
	case done == total:
		return site.Capital(site.Several(int64(total), "list is", "lists are")) + " sealed and accepted."
	case done == 0:
		return site.Capital(site.Several(int64(total), "list is", "lists are")) + " asked for. None is accepted yet."
	}
	return site.Count(int64(done)) + " of " + site.Plural(int64(total), "list", "lists") + " are sealed and accepted."
}

func (x listed) acts() []site.ButtonView {
	if !x.Firm || !x.May {
		return nil
	}
	return []site.ButtonView{{Text: "Ask for a list", Kind: site.ButtonPrimary, Href: x.href("/new")}}
}

func (x listed) empty() site.EmptyView {
	e := site.EmptyView{Title: "No populations yet.", Text: "Samples are drawn from lists that were sealed before anybody knew what would be drawn."}
	if x.Firm && x.May {
		e.Link = site.Link{Text: "Ask for a list", Href: x.href("/new")}
	}
	return e
}

func (x listed) table() site.TableView {
	t := site.TableView{ID: "populations", Caption: "Populations", Empty: x.empty(), Columns: []site.Column{
		{Head: "List", Phone: site.PlaceFirst}, {Head: "What is on it", Wide: true, Phone: site.PlaceFirst}, {Head: "For", Mono: true}, {Head: "Rows", Num: true},
		{Head: "State", Phone: site.PlaceEnd}, {Head: "Next", Phone: site.PlaceSecond}}}
	items := slices.Clone(x.Items)
	slices.SortStableFunc(items, func(a, b populations.Population) int {
		s, _ := standing(a)
		o, _ := standing(b)
		return s.Order() - o.Order()
	})
	for _, p := range items {
		status, word := standing(p)
		rows := site.Words("–")
		if v := p.Current(); v != nil {
			rows = site.Number(v.Rows, x.of(p, "/rows"))
		}
		next := site.Words("")
		if l := x.next(p); l.Href != "" {
			next = site.Cell{Text: l.Text, Href: l.Href}
		}
		t.Rows = append(t.Rows, site.Row{Href: x.of(p, ""), Cells: []site.Cell{site.ID(p.Code, x.of(p, "")), site.Words(p.Title), site.Words(strings.Join(p.Controls, " ")), rows, site.Mark(status, word), next}})
	}
	return t
}
