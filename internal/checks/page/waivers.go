package page

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// waived is the list of exceptions under a filter.
type waived struct {
	Page  op.Page[checks.Waiver]
	Open  []checks.Waiver // those in force or waiting, whatever the filter
	Show  string
	After string
	Debt  checks.Owed
	Now   time.Time
	May   bool
	Me    auth.Actor
}

// views are what the list can be narrowed to.
var views = []struct {
	name, text string
	filter     checks.WaiverFilter
}{
	{"", "Open", checks.WaiverFilter{State: "open"}},
	{"mine", "Waiting for me", checks.WaiverFilter{Mine: true}},
	{"ending", "Ending soon", checks.WaiverFilter{Ending: int(checks.WarnFirst / (24 * time.Hour))}},
	{"expired", "Run out", checks.WaiverFilter{State: "expired"}},
	{"ended", "Ended", checks.WaiverFilter{State: "ended"}},
	{"all", "All", checks.WaiverFilter{}},
}

const waiversShown = 50

func showExceptions(v *site.Visit) error {
	x := waived{Show: v.Query("show"), After: v.Query("after"), Now: v.Clock.Now(), May: v.Actor.May(auth.ExceptWrite), Me: v.Actor}
	i := max(0, slices.IndexFunc(views, func(w struct {
		name, text string
		filter     checks.WaiverFilter
	}) bool {
		return w.name == x.Show
	}))
	x.Show = views[i].name
	in := views[i].filter
	in.After, in.Limit = x.After, waiversShown
	var err error
	if x.Page, err = checks.Exceptions.Do(v.Context(), v.Desk, in); err != nil {
		return err
	}
	open, err := checks.Exceptions.Do(v.Context(), v.Desk, checks.WaiverFilter{State: "open", Limit: 500})
	if err != nil {
		return err
	}
	x.Open = open.Items
	if x.Debt, err = checks.Debt.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return err
	}
	return v.Show(shell("Exceptions", site.Crumb{Text: "Exceptions"}), exceptionsBody(x))
}

func (x waived) count(fits func(checks.Waiver) bool) int64 {
	n := int64(0)
	for _, w := range x.Open {
		if fits(w) {
			n++
		}
	}
	return n
}

func inForce(w checks.Waiver) bool { return w.State == checks.WaiverInForce }

func (x waived) sentence() string {
	n := x.count(inForce)
	if n == 0 {
		return "No exception is in force."
	}
	text := site.Plural(n, "exception is", "exceptions are") + " in force."
	if soon := x.count(func(w checks.Waiver) bool { s, _ := w.Ending(x.Now); return s }); soon > 0 {
		return text + " " + site.Plural(soon, "ends", "end") + " within two weeks."
	}
	return text + " What they cover is neither a pass nor a fail."
}

func (x waived) facts() []site.Fact {
	var out []site.Fact
	if n := x.count(func(w checks.Waiver) bool { return w.State == checks.WaiverPending }); n > 0 {
		out = append(out, site.Fact{Text: site.Plural(n, "waits for approval", "wait for approval")})
	}
	if n := x.count(func(w checks.Waiver) bool { return w.State == checks.WaiverPending && w.Awaits(x.Me.User, x.Now) }); n > 0 {
		out = append(out, site.Fact{Text: site.Count(n) + " for you", Href: "/exceptions?show=mine"})
	}
	if x.Debt.Exceptions > 0 {
		out = append(out, site.Fact{Text: "Debt: " + site.Plural(x.Debt.Days, "day", "days") + " past the end of " + site.Count(int64(x.Debt.Exceptions)), Href: "#debt"})
	}
	return out
}

func (x waived) table() site.TableView {
	t := waiverTable(x.Page.Items, x.May, true)
	t.Empty = site.EmptyView{Title: "None.", Text: "A failure that is accepted for a time is waived on the page of its check: with a reason, an owner, an end date and the approval of a second person.", Link: site.Link{Text: "Failing checks", Href: "/checks?status=fail"}}
	if x.May && slices.ContainsFunc(x.Page.Items, func(w checks.Waiver) bool {
		return w.State == checks.WaiverInForce || w.State == checks.WaiverPending
	}) && x.Show != "all" {
		t.Bulk = &site.Bulk{Action: "/exceptions/end", Unit: "exceptions", Buttons: []site.ButtonView{{Text: "End the selected ones", Submit: true}}}
		for i, w := range x.Page.Items {
			t.Rows[i].Key = string(w.ID)
		}
	}
	for i, w := range x.Page.Items {
		if soon, last := w.Ending(x.Now); soon {
			tone := site.StatusUnknown
			if last {
				tone = site.StatusFail
			}
			c := &t.Rows[i].Cells[4]
			*c = site.Mark(tone, "Ends in "+site.Duration(w.Ends.Sub(x.Now)))
		}
	}
	for _, w := range views {
		t.Filters = append(t.Filters, site.Chip{Text: w.text, Href: address("/exceptions", url.Values{"show": {w.name}}), Add: w.name != x.Show})
	}
	if n := int64(len(x.Page.Items)); n > 0 {
		t.Pager = site.PagerView{Shown: n, Of: x.Page.Total, OlderText: "More", NewerText: "First"}
		if x.Page.Next != "" {
			t.Pager.Older = address("/exceptions", url.Values{"show": {x.Show}, "after": {x.Page.Next}})
		}
		if x.After != "" {
			t.Pager.Newer = address("/exceptions", url.Values{"show": {x.Show}})
		}
	}
	return t
}

func (x waived) debtTable() site.TableView {
	t := site.TableView{Caption: "Exception debt", Columns: []site.Column{{Head: "Exception", Mono: true, Phone: site.PlaceFirst}, {Head: "Check", Wide: true, Phone: site.PlaceFirst}, {Head: "Owner"}, {Head: "Still failing", Num: true}, {Head: "Days past its end", Num: true, Phone: site.PlaceEnd}}}
	for _, w := range x.Debt.Items {
		t.Rows = append(t.Rows, site.Row{Href: "/exceptions/" + string(w.ID), Cells: []site.Cell{site.Node(site.ShortID(string(w.ID), "/exceptions/"+string(w.ID))), {Text: w.Check, Href: "/checks/" + w.Check, Mono: true, Note: scopeOf(w.Waiver)},
			site.Node(site.Person(w.Owner)), site.Number(w.Failing, "/checks/"+w.Check+"#findings"), site.Words(site.Count(w.Days))}})
	}
	t.Total = []site.Cell{site.Words(""), {Text: "Debt", Strong: true}, site.Words(""), site.Words(""), {Text: site.Count(x.Debt.Days), Strong: true}}
	return t
}

// scopeOf says what an exception covers.
func scopeOf(w checks.Waiver) string {
	switch named := w.Named(); len(named) {
	case 0:
		return "every failing one"
	case 1:
		return site.Brief(named[0])
	default:
		return fmt.Sprintf("%s and %d more", site.Brief(named[0]), len(named)-1)
	}
}

// endChosen ends the exceptions that were ticked.
func endChosen(v *site.Visit) error {
	if err := v.Actor.Require(auth.ExceptWrite); err != nil {
		return err
	}
	var none struct{}
	if err := v.Form(&none); err != nil {
		return err
	}
	ids := v.R.PostForm["id"]
	if len(ids) == 0 {
		return v.Goto("/exceptions")
	}
	if _, err := checks.EndMany.Do(v.Context(), v.Desk, checks.WaiverRefs{IDs: ids}); err != nil {
		return err
	}
	return v.Goto("/exceptions?show=ended")
}

// oneWaiver is the page of one exception.
type oneWaiver struct {
	checks.WaiverDetail
	Now  time.Time
	May  bool
	Me   auth.Actor
	Form site.FormView // to renew it
	Log  site.HistoryView
}

func readWaiver(v *site.Visit) (oneWaiver, error) {
	x := oneWaiver{Now: v.Clock.Now(), May: v.Actor.May(auth.ExceptWrite), Me: v.Actor}
	var err error
	if x.WaiverDetail, err = checks.ExceptGet.Do(v.Context(), v.Desk, checks.WaiverRef{ID: v.Path("id")}); err != nil {
		return x, err
	}
	if x.Log, err = v.History("", string(x.ID), ""); err != nil {
		return x, err
	}
	x.Form = site.FormView{Action: x.at() + "/renew", Buttons: []site.ButtonView{{Text: "Ask to renew it"}}, Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "reason", Label: "Reason", Help: "Why it is still accepted, and what covers the risk meanwhile. 10 characters at least.", Rows: 3, Value: x.Reason, Attrs: templ.Attributes{"maxlength": "2000"}},
		{Kind: site.FieldDate, Name: "ends", Label: "Ends on", Help: "Within 12 months.", Attrs: templ.Attributes{"min": x.Now.AddDate(0, 0, 1).Format(time.DateOnly), "max": x.Now.AddDate(1, 0, 0).Format(time.DateOnly)}},
		{Name: "owner", Label: "Who answers for it", Optional: true, Value: x.Owner}, site.OnceKey()}}
	return x, nil
}

func (x oneWaiver) at() string { return "/exceptions/" + string(x.ID) }

func (x oneWaiver) shell() site.Shell {
	return shell("Exception for "+x.Check, site.Crumb{Text: "Exceptions", Href: "/exceptions"}, site.Crumb{Text: site.Short(string(x.ID)), Mono: true})
}

func showException(v *site.Visit) error {
	x, err := readWaiver(v)
	if err != nil {
		return err
	}
	return v.Show(x.shell(), exceptionBody(x))
}

func renew(v *site.Visit) error {
	var in checks.Waive
	err := v.Form(&in)
	x, readErr := readWaiver(v)
	if readErr != nil {
		return readErr
	}
	if err == nil {
		in.Check, in.Key, in.Keys, in.Renews = x.Check, "", x.Named(), string(x.ID)
		var w checks.Waiver
		if w, err = checks.Except.Do(v.Context(), v.Desk, in); err == nil {
			return v.Goto("/exceptions/" + string(w.ID))
		}
	}
	x.Form.Keep(v.R.PostForm)
	if fault.KindOf(err) == fault.KindDenied || !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(x.shell(), exceptionBody(x))
}

var stateMarks = map[checks.WaiverState]site.Status{checks.WaiverInForce: site.StatusExcepted, checks.WaiverPending: site.StatusProposed}

func (x oneWaiver) lead() site.Lead {
	l := site.Lead{ID: x.Check, Name: "Exception", Status: site.StatusNotApplicable}
	if s, ok := stateMarks[x.State]; ok {
		l.Status = s
	}
	switch x.State {
	case checks.WaiverInForce:
		l.Word = "In force until " + site.Date(x.Ends)
	case checks.WaiverPending:
		l.Word = "Waits for approval"
	case checks.WaiverExpired:
		l.Word = "Ran out " + site.Date(x.Ends)
	default:
		l.Word = "Ended " + site.Date(x.Ended)
		if x.Starts.IsZero() {
			l.Word = "Declined " + site.Date(x.Ended)
		}
	}
	return l
}

func (x oneWaiver) sentence() string {
	fails := "Nothing that it is for fails now."
	if x.Failing > 0 {
		fails = site.Plural(x.Failing, "thing that it is for fails", "things that it is for fail") + " now."
	}
	switch x.State {
	case checks.WaiverInForce:
		if soon, _ := x.Ending(x.Now); soon {
			return "It ends in " + site.Duration(x.Ends.Sub(x.Now)) + ". " + fails
		}
		return "It covers " + scopeOf(x.Waiver) + " until " + x.Ends.Format("2 January 2006") + ". " + fails
	case checks.WaiverPending:
		return "It covers nothing until a second person has approved it. " + fails
	case checks.WaiverExpired:
		if x.Failing > 0 && x.RenewedBy == "" {
			return "It has run out, and " + strings.ToLower(fails[:1]) + fails[1:]
		}
		return "It has run out. " + fails
	}
	return "It covers nothing any more. " + fails
}

func (x oneWaiver) facts() []site.FactRow {
	out := []site.FactRow{{Key: "Exception", Value: string(x.ID), Mono: true}, {Key: "Check", Value: x.Check, Href: "/checks/" + x.Check, Mono: true}, site.Text("Reason", x.Reason), site.Text("Owner", x.Owner),
		site.Text("Ends", x.Ends.Format(whenText))}
	if x.Asker != "" {
		out = append(out, site.Text("Asked by", x.Asker))
	}
	if x.Approver != "" {
		out = append(out, site.Text("Approved by", x.Approver))
	}
	if x.Renews != "" {
		out = append(out, site.FactRow{Key: "Goes on from", Value: site.Short(string(x.Renews)), Href: "/exceptions/" + string(x.Renews), Mono: true})
	}
	if x.RenewedBy != "" {
		out = append(out, site.FactRow{Key: "Renewed by", Value: site.Short(string(x.RenewedBy)), Href: "/exceptions/" + string(x.RenewedBy), Mono: true})
	}
	return out
}

const whenText = "2 January 2006 15:04 UTC"

var happened = map[string]string{"asked": "Asked for", "approved": "Approved", "alone": "Approved alone: nobody else could", "warned": "Two weeks left", "last_warned": "Three days left",
	"ended": "Ended early", "declined": "Declined", "expired": "Ran out", "renewed": "Asked to renew it"}

func (x oneWaiver) timeline() []site.TimelineItem {
	var out []site.TimelineItem
	for i := len(x.Past) - 1; i >= 0; i-- {
		p := x.Past[i]
		out = append(out, site.TimelineItem{Text: happened[p.What], When: p.At, Who: p.Who, Now: i == len(x.Past)-1})
	}
	return out
}

func (x oneWaiver) acts() []site.ButtonView {
	if !x.May {
		return nil
	}
	switch x.State {
	case checks.WaiverInForce:
		return []site.ButtonView{{Text: "End it", Href: x.at() + "/end"}}
	case checks.WaiverPending:
		return []site.ButtonView{{Text: "Decline", Href: x.at() + "/end"}, {Text: "Approve on the check's page", Href: "/checks/" + x.Check + "#exceptions"}}
	}
	return nil
}

// mayRenew: one that was in force, and that nobody renews yet.
func (x oneWaiver) mayRenew() bool { return x.May && !x.Starts.IsZero() && x.RenewedBy == "" }

// lines are the values of a text area, a line each.
func lines(s string) []string {
	var out []string
	for _, l := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}
