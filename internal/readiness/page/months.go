package page

import (
	"fmt"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/site"
)

// way is how the organization came to where it stands.
type way struct {
	Items []readiness.Month
	Zone  *time.Location
}

// showWay draws the last twelve months: as a page, or as the card that home
// asks for once it is there. Each month is computed from what was on record at
// its end, which takes too long to make anybody wait for home.
func showWay(v *site.Visit) error {
	list, err := readiness.Way.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	org, err := orgs.Get.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	w := way{Items: list.Items, Zone: clock.Zone(org.Zone)}
	if v.Partial() {
		return v.Fragment(wayCard(w))
	}
	return v.Show(site.Shell{Title: "Ready, last twelve months", Current: "/", Crumbs: []site.Crumb{{Text: "Home", Href: "/"}, {Text: "Ready, month by month"}}}, wayBody(w))
}

func (w way) now() readiness.Month { return w.Items[len(w.Items)-1] }

// sentence says where the months led.
func (w way) sentence() string {
	now := w.now()
	text := fmt.Sprintf("%d of %d criteria are ready.", now.Ready, now.InScope)
	if len(w.Items) == 1 {
		return text + " This is the first month on record."
	}
	first := w.Items[0]
	switch d := now.Ready - first.Ready; {
	case d > 0:
		text += fmt.Sprintf(" At the end of %s it was %d.", first.At.In(w.Zone).Format("January 2006"), first.Ready)
	case d < 0:
		text += fmt.Sprintf(" At the end of %s it was %d, which is more.", first.At.In(w.Zone).Format("January 2006"), first.Ready)
	default:
		text += fmt.Sprintf(" At the end of %s it was as many.", first.At.In(w.Zone).Format("January 2006"))
	}
	return text
}

// steps are the months as they are drawn. The scale ends with the most criteria
// that were ever in scope.
func (w way) steps() site.ReadinessView {
	out := site.ReadinessView{Title: "Ready, last twelve months"}
	for _, m := range w.Items {
		at := m.At.In(w.Zone)
		out.Scope = max(out.Scope, m.InScope)
		out.Months = append(out.Months, site.ReadyMonth{Label: at.Format("Jan")[:1], Name: at.Format("January 2006"), Ready: m.Ready, Unknown: m.Unknown})
	}
	return out
}

// table is the same in figures; each month opens the picture of its end.
func (w way) table() site.TableView {
	t := site.TableView{Caption: "Criteria at the end of each month", Columns: []site.Column{
		{Head: "Month", Wide: true, Phone: site.PlaceFirst}, {Head: "In scope", Num: true}, {Head: "Ready", Num: true},
		{Head: "Not ready", Num: true}, {Head: "Unknown", Num: true},
	}}
	for i := len(w.Items) - 1; i >= 0; i-- {
		m, href := w.Items[i], "/"
		name := m.At.In(w.Zone).Format("January 2006")
		if i == len(w.Items)-1 {
			name += ", until now"
		} else {
			href = "/?as_of=" + m.At.In(w.Zone).Format(time.DateOnly)
		}
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{site.Words(name), site.Number(int64(m.InScope), ""),
			site.Number(int64(m.Ready), ""), site.Number(int64(m.NotReady), ""), site.Tally(int64(m.Unknown), site.StatusUnknown, "")}})
	}
	return t
}
