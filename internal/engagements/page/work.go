package page

import (
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/site"
)

// work is what is under way in an engagement, as far as this side sees it.
type work struct {
	Squares     site.SquaresView
	Populations []populations.Population
	Procedures  []procedures.Procedure // the firm's
	Deviations  []procedures.Deviation
	Asked       []procedures.Asked
	Waits       []site.WaitSide
}

func readWork(v *site.Visit, e engagements.View) (work, error) {
	x := work{}
	if e.State == engagements.Proposed {
		return x, nil
	}
	lists, err := populations.List.Do(v.Context(), v.Desk, populations.Filter{Engagement: string(e.ID)})
	if err != nil {
		return x, err
	}
	x.Populations = lists.Items
	if e.Side == engagements.FirmSide {
		papers, err := procedures.List.Do(v.Context(), v.Desk, procedures.Whole{Engagement: string(e.ID)})
		if err != nil {
			return x, err
		}
		x.Procedures = papers.Items
	}
	found, err := procedures.Deviations.Do(v.Context(), v.Desk, procedures.DeviationFilter{Engagement: string(e.ID)})
	if err != nil {
		return x, err
	}
	x.Deviations = found.Items
	far, err := procedures.ProgressGet.Do(v.Context(), v.Desk, procedures.Whole{Engagement: string(e.ID)})
	if err != nil {
		return x, err
	}
	x.Asked = far.Asked
	if x.Squares, err = squares(e, far); err != nil {
		return x, err
	}
	x.Waits, err = x.waiting(v, e)
	return x, err
}

// open counts the items that have no evidence yet.
func (x work) open() (n int) {
	for _, a := range x.Asked {
		n += a.Open
	}
	return n
}

// unclassified counts the deviations whose cause nobody has stated.
func (x work) unclassified() (n int) {
	for _, d := range x.Deviations {
		if d.Classified.IsZero() {
			n++
		}
	}
	return n
}

func (x work) drawn() (n int) {
	for _, a := range x.Asked {
		n += a.Items
	}
	return n
}

// squares are the key controls by the series of the criteria they answer, in
// the order of the catalogue. Only the firm has pages of them.
func squares(e engagements.View, far procedures.Progress) (site.SquaresView, error) {
	list := ""
	if e.Side == engagements.FirmSide {
		list = href(e.Engagement, "/testing")
	}
	row := func(s procedures.Stages) site.SquaresRow {
		return site.SquaresRow{Text: s.Series, Href: list, Concluded: s.Concluded, Review: s.InReview, Testing: s.Testing, None: s.NotStarted}
	}
	v := site.SquaresView{All: row(far.Key)}
	cat, err := frameworks.Shipped()
	if err != nil {
		return v, err
	}
	edition, err := cat.Version(e.Catalogue)
	if err != nil {
		return v, err
	}
	for _, s := range edition.Series {
		for _, x := range far.Series {
			if x.Series == s.Code {
				r := row(x)
				r.Name = s.Title
				v.Rows = append(v.Rows, r)
			}
		}
	}
	return v, nil
}

// waiter gathers what waits for whom on one side.
type waiter struct {
	engagements.View
	site.WaitSide
}

func (w *waiter) add(n int, person, one, many, part string) {
	if n > 0 {
		w.Rows = append(w.Rows, site.WaitRow{Person: person, Text: site.Plural(n, one, many), Href: href(w.Engagement, part)})
	}
}

// tally counts by name, in the order in which the names came.
type tally struct {
	names  []string
	counts map[string]int
}

func (t *tally) add(name string) {
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	if t.counts[name] == 0 {
		t.names = append(t.names, name)
	}
	t.counts[name]++
}

func (x work) waiting(v *site.Visit, e engagements.View) ([]site.WaitSide, error) {
	if over(e.Engagement) {
		return nil, nil
	}
	firm := x.firmWaits(e)
	client, err := x.clientWaits(v, e)
	return []site.WaitSide{firm, client}, err
}

func (x work) firmWaits(e engagements.View) site.WaitSide {
	w := waiter{View: e, WaitSide: site.WaitSide{Head: e.Firm.Name}}
	if e.Side == engagements.ClientSide {
		return x.firmFromOutside(w)
	}
	var testing, classify tally
	review := 0
	for _, p := range x.Procedures {
		for range p.Unclassified {
			classify.add(p.TesterName)
		}
		switch p.Stage {
		case "concluded":
			review++
		case "reviewed":
		default:
			testing.add(p.TesterName)
		}
	}
	for _, name := range classify.names {
		w.add(classify.counts[name], name, "deviation to classify", "deviations to classify", "/deviations")
	}
	for _, name := range testing.names {
		w.add(testing.counts[name], name, "control to test", "controls to test", "/testing")
	}
	w.add(review, "", "workpaper to review", "workpapers to review", "/testing")
	w.add(x.judge(), "", "list to judge", "lists to judge", "/populations")
	if n := e.Next; n != nil && n.Open && n.Into != engagements.SignOff {
		w.Rows = append(w.Rows, site.WaitRow{Person: e.Partner, Text: act(n.Into), Href: onwards(e)})
	}
	return w.WaitSide
}

// onwards is where the next state is entered.
func onwards(e engagements.View) string {
	if e.Next.Into == engagements.Issued {
		return href(e.Engagement, "/report")
	}
	return href(e.Engagement, "/advance")
}

// judge counts the sealed lists that nobody has judged.
func (x work) judge() (n int) {
	for _, p := range x.Populations {
		if c := p.Current(); c != nil && p.Accepted() == nil && c.DecidedBy == "" {
			n++
		}
	}
	return n
}

// firmFromOutside is what waits in the firm as the client may know it: numbers,
// and no names of who tests what.
func (x work) firmFromOutside(w waiter) site.WaitSide {
	all, name := x.Squares.All, w.Firm.Name
	for _, r := range []struct {
		n         int
		one, many string
	}{{all.Testing + all.None, "key control to test", "key controls to test"}, {all.Review, "workpaper to review", "workpapers to review"}} {
		if r.n > 0 {
			w.Rows = append(w.Rows, site.WaitRow{Person: name, Text: site.Plural(r.n, r.one, r.many)})
		}
	}
	w.add(x.unclassified(), name, "deviation to classify", "deviations to classify", "/deviations")
	w.add(x.judge(), name, "list to judge", "lists to judge", "/populations")
	if n := w.Next; n != nil && n.Open && n.Into != engagements.SignOff {
		w.Rows = append(w.Rows, site.WaitRow{Person: w.Partner, Text: act(n.Into)})
	}
	return w.WaitSide
}

// clientWaits names the owners of controls to their own side only: the firm
// sees that something is open, and in which control.
func (x work) clientWaits(v *site.Visit, e engagements.View) (site.WaitSide, error) {
	w := waiter{View: e, WaitSide: site.WaitSide{Head: e.Client.Name}}
	owners := map[string]string{}
	if e.Side == engagements.ClientSide && v.Actor.May(auth.ControlsRead) {
		list, err := controls.List.Do(v.Context(), v.Desk, controls.Filter{Limit: op.MaxLimit})
		if err != nil {
			return w.WaitSide, err
		}
		for _, c := range list.Items {
			owners[c.Code] = c.OwnerName
		}
	}
	seal := 0
	for _, p := range x.Populations {
		if p.Current() == nil && p.Abandoned.IsZero() {
			seal++
		}
	}
	respond := 0
	for _, d := range x.Deviations {
		if !d.Classified.IsZero() && d.Responded.IsZero() {
			respond++
		}
	}
	var items tally
	for _, a := range x.Asked {
		for range a.Open {
			if e.Side == engagements.ClientSide {
				items.add(owners[a.Control])
			} else {
				items.add(e.Client.Name)
			}
		}
	}
	nobody := ""
	if e.Side == engagements.FirmSide {
		nobody = e.Client.Name
	}
	for _, name := range items.names {
		w.add(items.counts[name], name, "item without evidence", "items without evidence", "/items")
	}
	w.add(seal, nobody, "list to seal", "lists to seal", "/populations")
	w.add(respond, nobody, "deviation to answer", "deviations to answer", "/deviations")
	if n := e.Next; n != nil && n.Open && n.Into == engagements.SignOff {
		w.Rows = append(w.Rows, site.WaitRow{Person: nobody, Text: act(n.Into), Href: onwards(e)})
	}
	return w.WaitSide, nil
}
