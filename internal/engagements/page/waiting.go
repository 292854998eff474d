package page

import (
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// waiting is what waits for one person of a firm, over all engagements.
type waiting struct {
	Me    string
	Mine  []wait
	Every []wait // for whoever takes it
}

// wait is one thing that waits, and where.
type wait struct {
	engagements.Engagement
	site.WaitRow
}

func showWaiting(v *site.Visit) error {
	if err := v.Actor.Require(auth.AuditRead); err != nil {
		return err
	}
	x := waiting{Me: v.Actor.Name}
	all, err := engagements.List.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	for _, e := range all.Items {
		if err := x.read(v, e); err != nil {
			return err
		}
	}
	return v.Show(site.Shell{Title: "Waiting for me", Current: "/engagements/waiting", Crumbs: []site.Crumb{{Text: "Waiting for me"}}}, waitingBody(x))
}

func (x *waiting) read(v *site.Visit, e engagements.Engagement) error {
	if over(e) {
		return nil
	}
	if e.State == engagements.Proposed {
		if v.Actor.May(auth.AuditSign) {
			x.Every = append(x.Every, wait{e, site.WaitRow{Text: "A proposal to accept", Href: href(e, "")}})
		}
		return nil
	}
	full, err := engagements.Get.Do(v.Context(), v.Desk, engagements.Ref{ID: string(e.ID)})
	if err != nil {
		return err
	}
	w, err := readWork(v, full)
	if err != nil {
		return err
	}
	for _, r := range w.firmWaits(full).Rows {
		switch r.Person {
		case v.Actor.Name:
			x.Mine = append(x.Mine, wait{e, r})
		case "":
			x.Every = append(x.Every, wait{e, r})
		}
	}
	return nil
}

func (x waiting) sentence() string {
	switch {
	case len(x.Mine) == 0 && len(x.Every) == 0:
		return "Nothing waits for you."
	case len(x.Mine) == 0:
		return "Nothing waits for you alone. " + site.Capital(site.Several(len(x.Every), "thing waits", "things wait")) + " for whoever takes it up."
	case len(x.Every) == 0:
		return site.Capital(site.Several(len(x.Mine), "thing waits", "things wait")) + " for you."
	}
	return site.Capital(site.Several(len(x.Mine), "thing waits", "things wait")) + " for you, and " + site.Several(len(x.Every), "thing", "things") + " for whoever takes it up."
}

func waitTable(rows []wait, empty string) site.TableView {
	t := site.TableView{Caption: "What waits", Columns: []site.Column{{Head: "What", Wide: true, Phone: site.PlaceFirst}, {Head: "Engagement", Phone: site.PlaceEnd}}, Empty: site.EmptyView{Title: "Nothing.", Text: empty}}
	for _, w := range rows {
		t.Rows = append(t.Rows, site.Row{Href: w.Href, Cells: []site.Cell{site.Words(w.Text), {Text: w.Name, Href: href(w.Engagement, "")}}})
	}
	return t
}
