package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// except asks that a failing check be waived. The key of a resource has the name that forms
// give to repeated presses, so it is taken out before the operation runs.
func except(v *site.Visit) error {
	var in checks.Waive
	err := v.Form(&in)
	v.Key = ""
	if err == nil {
		in.Check, in.Keys = v.Path("id"), lines(v.R.PostForm.Get("keys"))
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

func waiverTable(list []checks.Waiver, may, named bool) site.TableView {
	t := site.TableView{Caption: "Exceptions", Columns: []site.Column{{Head: "Exception", Mono: true, Phone: site.PlaceFirst}, {Head: "Reason", Wide: true, Phone: site.PlaceFirst},
		{Head: "Covers"}, {Head: "Owner"}, {Head: "Status", Phone: site.PlaceEnd}, {Head: "Act", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "None.", Text: "A failure that is accepted for a time is waived on the page of its check: with a reason, an owner, an end date and the approval of a second person."}}
	for _, w := range list {
		covers := site.Cell{Text: scopeOf(w), Mono: w.Key != ""}
		if named {
			covers = checkOf(w)
		}
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.Node(site.ShortID(string(w.ID), waiverPath(w))), site.WordsNote(w.Reason, signed(w)), covers,
			site.Node(site.Person(w.Owner)), waiverMark(w), waiverAct(w, may)}})
	}
	return t
}

// checkOf names the check of an exception, and what of it is covered.
func checkOf(w checks.Waiver) site.Cell {
	return site.Cell{Text: w.Check, Href: "/checks/" + w.Check, Mono: true, Note: scopeOf(w)}
}

// waiverMark is how an exception stands.
func waiverMark(w checks.Waiver) site.Cell {
	switch {
	case w.State == checks.WaiverPending:
		return site.Mark(site.StatusProposed, "Waits for approval")
	case w.State == checks.WaiverEnded && w.Starts.IsZero():
		return site.Mark(site.StatusNotApplicable, "Declined "+site.Date(w.Ended))
	case w.State == checks.WaiverEnded:
		return site.Mark(site.StatusNotApplicable, "Ended "+site.Date(w.Ended))
	case w.State == checks.WaiverExpired:
		return site.Mark(site.StatusNotApplicable, "Ran out "+site.Date(w.Ends))
	}
	return site.Mark(site.StatusExcepted, "Excepted until "+site.Date(w.Ends))
}

// waiverAct leads to what can be done with one.
func waiverAct(w checks.Waiver, may bool) site.Cell {
	switch {
	case w.State == checks.WaiverPending:
		return site.Cell{Text: "See it", Href: "/checks/" + w.Check + "#exceptions"}
	case w.State == checks.WaiverInForce && may:
		return site.Cell{Text: "End it", Href: endOf(w)}
	}
	return site.Words("")
}

// signed says who asked for an exception and who approved it.
func signed(w checks.Waiver) string {
	switch {
	case w.Starts.IsZero():
		return "asked by " + w.Asker
	case w.Alone:
		return "asked and, alone, approved by " + w.Approver
	case w.Asker == "":
		return "approved by " + w.Approver
	}
	return "asked by " + w.Asker + ", approved by " + w.Approver
}

func endOf(w checks.Waiver) string { return "/exceptions/" + string(w.ID) + "/end" }

// pending are the exceptions of a check that wait, settled the others.
func (x detail) pending() []checks.Waiver {
	return slices.DeleteFunc(slices.Clone(x.Waivers), func(w checks.Waiver) bool { return w.State != checks.WaiverPending })
}

func (x detail) settled() []checks.Waiver {
	return slices.DeleteFunc(slices.Clone(x.Waivers), func(w checks.Waiver) bool { return w.State == checks.WaiverPending })
}

// mayApprove reports whether the visitor may approve an exception now.
func (x detail) mayApprove(w checks.Waiver) bool {
	return !x.Now.Before(w.AloneFrom) && slices.ContainsFunc(w.Approvers, func(a checks.Approver) bool { return a.ID == x.Me })
}

// wish says what an exception that waits would do.
func (x detail) wish(w checks.Waiver) string {
	covers := "every failing " + sources.KindIn(x.Kind)
	if w.Key != "" {
		covers = scopeOf(w)
	}
	return "Would cover " + covers + " until " + w.Ends.Format("2 January 2006") + ". Asked by " + w.Asker + "."
}

// waitsFor says who must approve an exception that waits.
func (x detail) waitsFor(w checks.Waiver) string {
	mine := w.AskerID == x.Me
	switch {
	case len(w.Approvers) == 0:
		return "Nobody here may approve it."
	case w.AloneFrom.IsZero() && x.mayApprove(w):
		return "You may approve it: somebody else asked."
	case w.AloneFrom.IsZero():
		return "It waits for " + either(w.Approvers) + "."
	case x.mayApprove(w):
		return "Nobody else here may approve it, so you may. The log will say that you were alone."
	case mine:
		return "In " + site.Duration(w.AloneFrom.Sub(x.Now)) + " you may approve it yourself: nobody else here may."
	case x.Now.Before(w.AloneFrom):
		return "In " + site.Duration(w.AloneFrom.Sub(x.Now)) + " " + w.Asker + " may approve it alone: nobody else here may."
	}
	return "It waits for " + w.Asker + ", who asked: nobody else here may approve it."
}

func either(list []checks.Approver) string {
	names := make([]string, len(list))
	for i, a := range list {
		names[i] = a.Name
	}
	return strings.Join(names, " or ")
}

func approve(v *site.Visit) error {
	w, err := one(v)
	if err == nil {
		_, err = checks.Approve.Do(v.Context(), v.Desk, checks.WaiverRef{ID: string(w.ID)})
	}
	if err != nil {
		return err
	}
	return v.Goto("/checks/" + w.Check + "#exceptions")
}

// one is the exception of the address, if it is in force or waits.
func one(v *site.Visit) (checks.Waiver, error) {
	if err := v.Actor.Require(auth.ExceptWrite); err != nil {
		return checks.Waiver{}, err
	}
	w, err := checks.ExceptGet.Do(v.Context(), v.Desk, checks.WaiverRef{ID: v.Path("id")})
	if err != nil {
		return checks.Waiver{}, err
	}
	if w.State == checks.WaiverInForce || w.State == checks.WaiverPending {
		return w.Waiver, nil
	}
	return checks.Waiver{}, fault.NotFound("There is no exception %s that is in force or waits for approval.", v.Path("id"))
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
	if w.State == checks.WaiverPending {
		return "Nobody has approved it, so it covers nothing; declined, it cannot be approved any more. Whoever still wants it asks anew."
	}
	return fmt.Sprintf("From now on %s counts as failing again wherever it fails. Without this the exception would end on %s.", w.Check, site.Date(w.Ends))
}

// ending are the words for ending an exception, or declining one that waits.
type ending struct{ Asks, Act, Keep string }

func endWords(w checks.Waiver) ending {
	if w.State == checks.WaiverPending {
		return ending{"Decline the exception?", "Decline the exception", "Leave it"}
	}
	return ending{"End the exception now?", "End the exception", "Keep it"}
}

func endFacts(w checks.Waiver) []site.FactRow {
	out := []site.FactRow{{Key: "Exception", Value: string(w.ID), Mono: true}, site.Text("Reason", w.Reason), site.Text("Owner", w.Owner)}
	if w.Asker != "" {
		out = append(out, site.Text("Asked by", w.Asker))
	}
	if w.Approver != "" {
		out = append(out, site.Text("Approved by", w.Approver))
	}
	return out
}
