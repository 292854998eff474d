package page

import (
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// due is the page of what is fresh, due and overdue.
type due struct {
	site.Listing[evidence.Due]
	Overdue, Soon int64
	Now           time.Time
}

var dueStates = []site.Option{{Value: evidence.Fresh, Text: "Fresh"}, {Value: evidence.DueSoon, Text: "Due within 14 days"}, {Value: evidence.Overdue, Text: "Overdue, or never any"}}

func showDue(v *site.Visit) error {
	x := due{Now: v.Clock.Now()}
	for state, n := range map[string]*int64{evidence.Overdue: &x.Overdue, evidence.DueSoon: &x.Soon} {
		p, err := evidence.DueList.Do(v.Context(), v.Desk, evidence.DueFilter{State: state, Limit: 1})
		if err != nil {
			return err
		}
		*n = p.Total
	}
	var err error
	if x.Listing, err = x.list(v).Open(v); err != nil || x.Done {
		return err
	}
	return v.Show(evidenceShell("Due", site.Crumb{Text: "Due"}), dueBody(x))
}

func (x due) sentence() string {
	if x.Overdue == 0 {
		return "No control's evidence is overdue."
	}
	return site.Capital(site.Several(x.Overdue, "control has", "controls have")) + " no evidence within the rhythm."
}

func (x due) facts() []site.Fact {
	return []site.Fact{{Text: site.Plural(x.Overdue, "control", "controls") + " overdue", Href: "/evidence/due?f.state=overdue"},
		{Text: site.Plural(x.Soon, "control", "controls") + " due within 14 days", Href: "/evidence/due?f.state=soon"}}
}

// stateOf is how evidence stands. What nobody ever showed is not begun; what was
// shown and is no longer is a failure.
func stateOf(d evidence.Due) (site.Status, string) {
	switch {
	case d.State == evidence.Overdue && d.Newest.IsZero():
		return site.StatusNotStarted, "Never any"
	case d.State == evidence.Overdue:
		return site.StatusFail, "Overdue"
	case d.State == evidence.DueSoon:
		return site.StatusProposed, "Due within 14 days"
	}
	return site.StatusPass, "Fresh"
}

func (x due) list(v *site.Visit) site.List[evidence.Due] {
	type row = evidence.Due
	href := func(d row) string { return "/controls/" + string(d.Control) }
	instant := func(t time.Time) any {
		if t.IsZero() {
			return ""
		}
		return site.DateTime(t)
	}
	l := site.List[row]{
		Name: "due", ID: "due", Caption: "Evidence by when it is due", One: "control", Many: "controls", Sort: "code",
		Columns: []site.Col[row]{
			{ID: "code", Head: "Control", Mono: true, Phone: site.PlaceFirst, Fixed: true, Sorts: true, Cell: func(d row) site.Cell { return site.ID(d.Code, href(d)) }, Text: func(d row) any { return d.Code }},
			{ID: "title", Head: "Title", Wide: true, Phone: site.PlaceFirst, Cell: func(d row) site.Cell { return site.Words(d.Title) }},
			{ID: "frequency", Head: "Rhythm", Cell: func(d row) site.Cell { return site.Words(site.Capital(strings.ReplaceAll(d.Frequency, "_", " "))) }},
			{ID: "newest", Head: "Newest", Cell: func(d row) site.Cell {
				if d.Newest.IsZero() {
					return site.Words("never")
				}
				return site.Node(site.Age(d.Newest, x.Now))
			}, Text: func(d row) any { return instant(d.Newest) }},
			{ID: "due", Head: "Due", Cell: func(d row) site.Cell {
				if d.Due.IsZero() {
					return site.Words("now")
				}
				return site.Words(site.Date(d.Due))
			}, Text: func(d row) any { return instant(d.Due) }},
			{ID: "owner", Head: "Owner", Cell: func(d row) site.Cell { return site.Node(site.Person(d.OwnerName)) }, Text: func(d row) any { return d.OwnerName }},
			{ID: "state", Head: "State", Phone: site.PlaceEnd, Cell: func(d row) site.Cell {
				status, word := stateOf(d)
				return site.Mark(status, word)
			}, Text: func(d row) any { return d.State }},
		},
		Filters: []site.Filter{{Name: "state", Label: "State", Options: dueStates}},
		Row:     func(d row) site.Row { return site.Row{Href: href(d), Key: string(d.Control)} },
		Fetch: func(a site.Ask) (op.Page[row], error) {
			return evidence.DueList.Do(v.Context(), v.Desk, evidence.DueFilter{State: a.Filter("state"), After: a.After, Limit: a.Limit})
		},
		None: site.EmptyView{Title: "No controls yet.", Text: "Each control that is adopted has a rhythm.", Link: site.Link{Text: "Controls", Href: "/controls"}},
	}
	if v.Actor.May(auth.EvidenceWrite) {
		l.None.Text += " Evidence is handed in for them."
	}
	return l
}
