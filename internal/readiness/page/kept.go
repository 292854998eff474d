package page

import (
	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/words"
)

// freshness counts the adopted controls by how fresh their evidence is. The
// picture has the newest record of each already, so the count costs nothing.
func (p picture) freshness() (fresh, soon, overdue int) {
	for _, c := range p.Controls {
		switch evidence.StateAt(c.Newest, c.Frequency, p.At) {
		case evidence.Overdue:
			overdue++
		case evidence.DueSoon:
			soon++
		default:
			fresh++
		}
	}
	return fresh, soon, overdue
}

// unlisted looks briefly for what the register of assets does not know.
func unlisted(v *site.Visit) (assets.Glance, error) {
	if !v.Actor.May(auth.AssetsRead) {
		return assets.Glance{}, nil
	}
	return assets.Look.Do(v.Context(), v.Desk, op.None{})
}

// keptFacts say what people have to keep up: evidence that is due again, and
// the register of assets. Where all is well they say nothing.
func (h home) keptFacts() []site.FactRow {
	var out []site.FactRow
	if _, soon, overdue := h.freshness(); h.Me.May(auth.EvidenceRead) && soon+overdue > 0 {
		out = append(out, site.FactRow{Key: "Evidence due", Node: figureList(dueFigures(overdue, soon))})
	}
	if h.Unknown.Unknown > 0 {
		out = append(out, site.FactRow{Key: "Assets", Value: h.unknownText(), Status: site.StatusUnknown, Href: "/assets/reconciliation"})
	}
	return out
}

func dueFigures(overdue, soon int) []site.TotalRow {
	var out []site.TotalRow
	if overdue > 0 {
		out = append(out, site.TotalRow{Text: words.Count(overdue) + " overdue", Href: "/evidence/due?f.state=overdue", Tone: site.StatusFail})
	}
	if soon > 0 {
		out = append(out, site.TotalRow{Text: words.Count(soon) + " within 14 days", Href: "/evidence/due?f.state=soon"})
	}
	return out
}

// unknownText counts as far as the short look went.
func (h home) unknownText() string {
	n := h.Unknown.Unknown
	text := site.Plural(n, "resource that no asset stands for", "resources that no asset stands for")
	switch {
	case h.Unknown.More && n >= 100:
		return "more than 99 resources that no asset stands for"
	case h.Unknown.More:
		return "at least " + text
	}
	return text
}

// keptFigures explain the same on the page of figures.
func (p picture) keptFigures() figureGroup {
	fresh, soon, overdue := p.freshness()
	return figureGroup{"Evidence by its rhythm", "each adopted control is counted in exactly one of the three", []figure{
		{Name: "Fresh", Value: int64(fresh), Href: "/evidence/due?f.state=fresh", Means: "The newest record that counts is no older than the rhythm of the control, with a grace of about a quarter."},
		{Name: "Due", Value: int64(soon), Href: "/evidence/due?f.state=soon", Means: "It will be too old within 14 days, or within half the rhythm where that is shorter."},
		{Name: "Overdue", Value: int64(overdue), Href: "/evidence/due?f.state=overdue", Means: "There is none, it is too old, or a reviewer returned it. A control that checks watch may be evidenced all the same."},
		{Name: "Adopted", Value: int64(len(p.Controls)), Href: "/evidence/due", Total: true, Means: "Controls in force."},
	}}
}
