package page

import (
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/site"
)

func (x listing) head() site.SentenceView {
	v := site.SentenceView{Text: x.sentence(), Facts: x.people()}
	if x.Criterion != "" {
		v.Facts = append([]site.Fact{{Text: "Only " + x.Criterion}, {Text: "Show all", Href: "/engagements/" + string(x.ID) + "/testing"}}, v.Facts...)
	}
	if x.May && x.State.Before(engagements.DraftReport) {
		v.Actions = []site.ButtonView{{Text: "Plan a test", Kind: site.ButtonPrimary, Href: "/engagements/" + string(x.ID) + "/plan-test"}}
	}
	return v
}

func (x planForm) sentence() string {
	if x.Control == "" {
		return "A test says what is looked at, and what must hold of it."
	}
	return "The test of " + x.Control + " can still be changed."
}

// itemSentence says how far the cells of an item are.
func itemSentence(x work, item procedures.ItemView) string {
	done, deviates := 0, 0
	for _, c := range item.Row.Cells {
		if c.Mark != procedures.Untested && c.Mark != "" {
			done++
		}
		if c.Mark == procedures.Deviates {
			deviates++
		}
	}
	n := site.Spelled(done)
	if done == 0 {
		n = "none"
	}
	s := item.Row.Item + ": " + n + " of " + site.Several(len(item.Row.Cells), "attribute", "attributes") + " tested"
	if deviates > 0 {
		return s + ", " + site.Several(deviates, "deviates.", "deviate.")
	}
	return s + "."
}

func itemActs(x work, item procedures.ItemView) []site.ButtonView {
	var out []site.ButtonView
	if item.Previous != "" {
		out = append(out, site.ButtonView{Text: "Previous item", Href: x.cell(item.Previous, x.Letter)})
	}
	if item.Next != "" {
		out = append(out, site.ButtonView{Text: "Next item", Href: x.cell(item.Next, x.Letter)})
	}
	if x.May && !closed(x.View) {
		out = append(out, site.ButtonView{Text: "Link evidence", Href: x.work("/evidence?item=" + item.Row.Item)})
	}
	return out
}

// cellTabs lead between the attributes of an item.
func (x work) cellTabs(item procedures.ItemView) []site.TabView {
	var out []site.TabView
	for i, a := range x.Attributes {
		t := site.TabView{Text: a.Letter, Href: x.cell(item.Row.Item, a.Letter), Current: a.Letter == x.Letter}
		if i < len(item.Row.Cells) {
			t.Count = readable(item.Row.Cells[i].Mark)
		}
		out = append(out, t)
	}
	return out
}

func linkedBy(r procedures.Linked, zone *time.Location) string {
	if r.Auto {
		return "the sealed list itself"
	}
	by := "linked by " + r.By
	if r.Side == "client" {
		by = "given by " + r.By
	}
	return by + ", " + r.At.In(zone).Format("2 Jan 15:04") + ", level " + level(r.Level)
}

func (x deviating) facts() []site.Fact {
	if x.Control == "" {
		return nil
	}
	return []site.Fact{{Text: "Only " + x.Control}, {Text: "Show all", Href: "/engagements/" + string(x.ID) + "/deviations"}}
}

func (x deviation) formTitle() string {
	switch {
	case !x.firm():
		return "Response"
	case x.Classified.IsZero():
		return "Cause, extent and effect"
	}
	return "Classify anew"
}

func (x deviation) waits() string {
	if x.Classified.IsZero() {
		return "It can be given once the deviation is classified."
	}
	return x.Client.Name + " responds on its own page of this deviation."
}

func (x asked) title() string {
	if len(x.Items) > 0 {
		return x.Items[0].Title
	}
	return ""
}

func (x asked) answering() string {
	switch n := len(x.Chosen); n {
	case 0:
		return "Choose items first."
	case 1:
		return "A record becomes evidence of " + x.Chosen[0] + "."
	default:
		return "A record becomes evidence of " + site.Spelled(n) + " items."
	}
}

func (x asked) chosen() string { return strings.Join(x.Chosen, " ") }
