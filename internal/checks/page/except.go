package page

import (
	"fmt"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// except waives a failing check. The key of a resource has the name that forms
// give to repeated presses, so it is taken out before the operation runs.
func except(v *site.Visit) error {
	var in checks.Waive
	err := v.Form(&in)
	v.Key = ""
	if err == nil {
		in.Check = v.Path("id")
		_, err = checks.Except.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto("/checks/" + in.Check + "#exceptions")
	}
	x, readErr := read(v)
	if readErr != nil {
		return readErr
	}
	x.Form.Keep(v.R.PostForm)
	if fault.KindOf(err) == fault.KindDenied || !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(x.shell(), showBody(x))
}

// waived is the list of all exceptions.
type waived struct {
	List []checks.Waiver
	Now  time.Time
	May  bool
}

func showExceptions(v *site.Visit) error {
	list, err := checks.Exceptions.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	x := waived{List: list.Items, Now: v.Clock.Now(), May: v.Actor.May(auth.ExceptWrite)}
	return v.Show(shell("Exceptions", site.Crumb{Text: "Exceptions"}), exceptionsBody(x))
}

func (x waived) inForce() int64 {
	n := int64(0)
	for _, w := range x.List {
		if holds(w, x.Now) {
			n++
		}
	}
	return n
}

func holds(w checks.Waiver, now time.Time) bool { return w.Ended.IsZero() && w.Ends.After(now) }

func (x waived) sentence() string {
	n := x.inForce()
	if n == 0 {
		return "No exception is in force."
	}
	return site.Plural(n, "exception is", "exceptions are") + " in force. What they cover is neither a pass nor a fail."
}

func waiverTable(list []checks.Waiver, now time.Time, may, named bool) site.TableView {
	t := site.TableView{Caption: "Exceptions", Columns: []site.Column{{Head: "Exception", Mono: true, Phone: site.PlaceFirst}, {Head: "Reason", Wide: true, Phone: site.PlaceFirst},
		{Head: "Covers"}, {Head: "Owner"}, {Head: "Status", Phone: site.PlaceEnd}, {Head: "Act", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "None.", Text: "A failure that is accepted for a time is waived on the page of its check: with a reason, an owner and an end date."}}
	if named {
		t.Empty.Link = site.Link{Text: "Failing checks", Href: "/checks?status=fail"}
	}
	for _, w := range list {
		covers := site.Words("every failing one")
		if w.Key != "" {
			covers = site.Cell{Text: brief(w.Key), Mono: true}
		}
		if named {
			covers = site.Cell{Text: w.Check, Href: "/checks/" + w.Check, Mono: true, Note: w.Key}
		}
		status, act := site.Mark(site.StatusExcepted, "Excepted until "+site.Date(w.Ends)), site.Words("")
		switch {
		case !w.Ended.IsZero():
			status = site.Mark(site.StatusNotApplicable, "Ended "+site.Date(w.Ended))
		case !w.Ends.After(now):
			status = site.Mark(site.StatusNotApplicable, "Ran out "+site.Date(w.Ends))
		case may:
			act = site.Cell{Text: "End it", Href: "/exceptions/" + string(w.ID) + "/end"}
		}
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.Node(site.ShortID(string(w.ID), "/checks/"+w.Check+"#exceptions")), site.WordsNote(w.Reason, "approved by "+w.Approver), covers,
			site.Node(site.Person(w.Owner)), status, act}})
	}
	return t
}

func one(v *site.Visit) (checks.Waiver, error) {
	if err := v.Actor.Require(auth.ExceptWrite); err != nil {
		return checks.Waiver{}, err
	}
	list, err := checks.Exceptions.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return checks.Waiver{}, err
	}
	for _, w := range list.Items {
		if string(w.ID) == v.Path("id") && holds(w, v.Clock.Now()) {
			return w, nil
		}
	}
	return checks.Waiver{}, fault.NotFound("There is no exception %s in force.", v.Path("id"))
}

func showEnd(v *site.Visit) error {
	w, err := one(v)
	if err != nil {
		return err
	}
	return v.Show(shell("End an exception", site.Crumb{Text: "Exceptions", Href: "/exceptions"}, site.Crumb{Text: "End"}), endBody(w))
}

func end(v *site.Visit) error {
	w, err := one(v)
	if err != nil {
		return err
	}
	if _, err := checks.EndExcept.Do(v.Context(), v.Desk, checks.WaiverRef{ID: string(w.ID)}); err != nil {
		return err
	}
	return v.Goto("/checks/" + w.Check + "#exceptions")
}

func endText(w checks.Waiver) string {
	return fmt.Sprintf("From now on %s counts as failing again wherever it fails. Without this the exception would end on %s.", w.Check, site.Date(w.Ends))
}
