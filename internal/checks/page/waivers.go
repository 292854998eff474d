package page

import (
	"fmt"
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
	site.Listing[checks.Waiver]
	InForce, Soon, Waiting, ForMe int64
	Debt                          checks.Owed
	Now                           time.Time
	May                           bool
	v                             *site.Visit
}

// views are what the list can be narrowed to, the usual one first.
var views = []struct {
	name, text string
	filter     checks.WaiverFilter
}{
	{"open", "Open", checks.WaiverFilter{State: "open"}},
	{"mine", "Waiting for me", checks.WaiverFilter{Mine: true}},
	{"ending", "Ending soon", checks.WaiverFilter{Ending: soonDays}},
	{"expired", "Run out", checks.WaiverFilter{State: "expired"}},
	{"ended", "Ended", checks.WaiverFilter{State: "ended"}},
	{"all", "All", checks.WaiverFilter{}},
}

const soonDays = int(checks.WarnFirst / (24 * time.Hour))

func showExceptions(v *site.Visit) error {
	x := waived{Now: v.Clock.Now(), May: v.Actor.May(auth.ExceptWrite), v: v}
	var err error
	if x.Listing, err = x.list().Open(v); err != nil || x.Done {
		return err
	}
	for _, c := range []struct {
		n  *int64
		in checks.WaiverFilter
	}{{&x.InForce, checks.WaiverFilter{State: "in_force"}}, {&x.Soon, checks.WaiverFilter{Ending: soonDays}}, {&x.Waiting, checks.WaiverFilter{State: "pending"}}, {&x.ForMe, checks.WaiverFilter{Mine: true}}} {
		c.in.Limit = 1
		p, err := checks.Exceptions.Do(v.Context(), v.Desk, c.in)
		if err != nil {
			return err
		}
		*c.n = p.Total
	}
	if x.Debt, err = checks.Debt.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return err
	}
	return v.Show(shell("Exceptions", site.Crumb{Text: "Exceptions"}), exceptionsBody(x))
}

func (x waived) sentence() string {
	if x.InForce == 0 {
		return "No exception is in force."
	}
	text := site.Capital(site.Several(x.InForce, "exception is", "exceptions are")) + " in force."
	if x.Soon > 0 {
		return text + " " + site.Capital(site.Several(x.Soon, "ends", "end")) + " within two weeks."
	}
	return text + " What they cover is neither a pass nor a fail."
}

func (x waived) facts() []site.Fact {
	var out []site.Fact
	if x.Waiting > 0 {
		out = append(out, site.Fact{Text: site.Plural(x.Waiting, "waits for approval", "wait for approval")})
	}
	if x.ForMe > 0 {
		out = append(out, site.Fact{Text: site.Count(x.ForMe) + " for you", Href: "/exceptions?show=mine"})
	}
	if x.Debt.Exceptions > 0 {
		out = append(out, site.Fact{Text: "Debt: " + site.Plural(x.Debt.Days, "day", "days") + " past the end of " + site.Count(x.Debt.Exceptions), Href: "#debt"})
	}
	return out
}

// list says what the list is made of.
func (x waived) list() site.List[checks.Waiver] {
	type row = checks.Waiver
	var show []site.Option
	for _, w := range views {
		show = append(show, site.Option{Value: w.name, Text: w.text})
	}
	l := site.List[row]{
		Name: "exceptions", Caption: "Exceptions", One: "exception", Many: "exceptions", Sort: "standing",
		Columns: []site.Col[row]{
			{ID: "exception", Head: "Exception", Mono: true, Phone: site.PlaceFirst, Fixed: true, Cell: func(w row) site.Cell { return site.Node(site.ShortID(string(w.ID), waiverPath(w))) }, Text: func(w row) any { return string(w.ID) }},
			{ID: "reason", Head: "Reason", Wide: true, Phone: site.PlaceFirst, Fixed: true, Cell: func(w row) site.Cell { return site.WordsNote(w.Reason, signed(w)) }, Text: func(w row) any { return w.Reason }},
			{ID: "check", Head: "Check", Mono: true, Cell: checkOf, Text: func(w row) any { return w.Check }},
			{ID: "covers", Head: "Covers", Spare: true, Cell: func(w row) site.Cell { return site.Words(scopeOf(w)) }, Text: func(w row) any { return strings.Join(w.Named(), " ") }},
			{ID: "owner", Head: "Owner", Cell: func(w row) site.Cell { return site.Node(site.Person(w.Owner)) }, Text: func(w row) any { return w.Owner }},
			{ID: "asked", Head: "Asked by", Spare: true, Cell: func(w row) site.Cell { return site.Words(w.Asker) }},
			{ID: "since", Head: "Asked", Spare: true, Cell: func(w row) site.Cell { return site.Node(site.Moment(w.Asked)) }, Text: func(w row) any { return site.DateTime(w.Asked) }},
			{ID: "approver", Head: "Approved by", Spare: true, Cell: func(w row) site.Cell { return site.Words(w.Approver) }},
			{ID: "ends", Head: "Ends", Spare: true, Cell: func(w row) site.Cell { return site.Node(site.Moment(w.Ends)) }, Text: func(w row) any { return site.DateTime(w.Ends) }},
			{ID: "status", Head: "Status", Phone: site.PlaceEnd, Fixed: true, Cell: func(w row) site.Cell { return x.status(w) }},
			{ID: "act", Head: "Act", Phone: site.PlaceEnd, Cell: func(w row) site.Cell { return waiverAct(w, x.May) }, Text: func(row) any { return "" }},
		},
		Filters: []site.Filter{{Name: "show", Label: "Show", Options: show, Chips: true, Usual: views[0].name}, {Name: "check", Label: "Check", Say: func(s string) string { return "Of " + s }}},
		Row:     func(w row) site.Row { return site.Row{Href: waiverPath(w), Key: string(w.ID)} },
		Fetch:   x.fetch,
		None: site.EmptyView{Title: "None.", Text: "A failure that is accepted for a time is waived on the page of its check: with a reason, an owner, an end date and the approval of a second person.",
			Link: site.Link{Text: "Failing checks", Href: "/checks?status=fail"}},
	}
	if show := x.v.Query("f.show") + x.v.Query("show"); x.May && show != "ended" && show != "expired" && show != "all" {
		l.Bulk = &site.Bulk{Action: "/exceptions/end", Unit: "exceptions", Buttons: []site.ButtonView{{Text: "End the selected ones", Submit: true}}}
	}
	return l
}

func (x waived) fetch(a site.Ask) (op.Page[checks.Waiver], error) {
	in := views[0].filter
	for _, w := range views {
		if w.name == a.Filter("show") {
			in = w.filter
		}
	}
	in.Check, in.After, in.Limit = a.Filter("check"), a.After, a.Limit
	return checks.Exceptions.Do(x.v.Context(), x.v.Desk, in)
}

// status counts the last days down.
func (x waived) status(w checks.Waiver) site.Cell {
	soon, last := w.Ending(x.Now)
	switch {
	case last:
		return site.Mark(site.StatusFail, "Ends in "+site.Duration(w.Ends.Sub(x.Now)))
	case soon:
		return site.Mark(site.StatusUnknown, "Ends in "+site.Duration(w.Ends.Sub(x.Now)))
	}
	return waiverMark(w)
}

func waiverPath(w checks.Waiver) string { return "/exceptions/" + string(w.ID) }

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
		fails = site.Capital(site.Several(x.Failing, "thing that it is for fails", "things that it is for fail")) + " now."
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
