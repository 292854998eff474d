package readiness

import (
	"slices"
	"time"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/tasks"
)

// mostDated bounds how many open tasks are looked through for the day of an act,
// the earliest first. There may be thousands, and what is due late is no news.
const mostDated = 500

const selectDated = "SELECT object, due FROM task WHERE org_id = ? AND state = ? AND due > '' ORDER BY due, id LIMIT ?"

// dates says by which day each act is to be done, where anything says it: an
// open task about what the act is about, the day on which evidence became too
// old, or the end of an exception. Of several the earliest holds.
func (p *Picture) dates(c *op.Call) error {
	if len(p.Actions) == 0 {
		return nil
	}
	zone, err := notify.Zone(c.Tx, c.Org)
	if err != nil {
		return err
	}
	asked := map[string]string{} // by what the task is about
	err = c.Tx.Each(selectDated, []any{c.Org, tasks.Open, mostDated}, func(scan func(...any) error) error {
		var object, due string
		err := scan(&object, &due)
		if _, earlier := asked[object]; object != "" && !earlier { // by day: the first is the earliest
			asked[object] = due
		}
		return err
	})
	if err != nil {
		return err
	}
	known := make(map[string]*Control, len(p.Controls))
	for i := range p.Controls {
		known[p.Controls[i].Code] = &p.Controls[i]
	}
	for i := range p.Actions {
		a := &p.Actions[i]
		a.by(asked[checks.ObjectPrefix+":"+a.Check])
		for _, check := range a.about {
			a.by(asked[checks.ObjectPrefix+":"+check])
		}
		if x := known[a.Control]; x != nil {
			a.by(asked[string(x.ID)])
			if a.Kind == Gather && !x.Newest.IsZero() {
				a.by(x.Newest.Add(evidence.Rhythm(x.Frequency)).In(zone).Format(time.DateOnly))
			}
		}
		a.by(asked[a.Exception])
		if w := slices.IndexFunc(p.Ending, func(w checks.Waiver) bool { return string(w.ID) == a.Exception }); w >= 0 {
			a.by(p.Ending[w].Ends.In(zone).Format(time.DateOnly))
		}
	}
	return nil
}

// by moves the day of an act forward to another one.
func (a *Action) by(day string) {
	if day != "" && (a.Due == "" || day < a.Due) {
		a.Due = day
	}
}
