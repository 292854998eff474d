package page

import (
	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/site"
)

// deed is a page that asks before something is done to an engagement.
type deed struct {
	overview
	Form  site.FormView
	Head  string // the sentence
	Title string // of the page
	Text  string // what follows from it
}

func (x deed) shell() site.Shell {
	return site.Shell{Title: x.Title, Current: href(x.Engagement, ""), Crumbs: []site.Crumb{{Text: x.Title}}}
}

func (x deed) show(v *site.Visit) error { return v.ShowIn(x.Engagement, x.shell(), deedBody(x)) }

// refuse shows the form again with what was wrong.
func (x deed) refuse(v *site.Visit, err error) error {
	x.Form.Keep(v.R.PostForm)
	if fault.KindOf(err) == fault.KindDenied || !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrongIn(x.Engagement, x.shell(), deedBody(x))
}

// plainly reads an engagement for a page that says nothing of the work in it.
func plainly(v *site.Visit) (overview, error) {
	x := overview{Me: v.Actor, Now: v.Clock.Now()}
	var err error
	if x.View, err = get(v); err == nil {
		x.About, x.Criteria, err = about(x.Engagement)
	}
	return x, err
}

func acceptance(v *site.Visit) (deed, error) {
	x := deed{Title: "Accept"}
	if err := v.Actor.Require(auth.AuditSign); err != nil {
		return x, err
	}
	var err error
	if x.overview, err = plainly(v); err != nil {
		return x, err
	}
	if x.State != engagements.Proposed {
		return x, fault.Conflict("%s is %s already.", x.Name, x.State.Words())
	}
	x.Head = "Accept to examine " + x.System + " of " + x.Client.Name + "."
	x.Text = "You become its partner. The file of the engagement, with the firm's workpapers, cannot be read by " + x.Client.Name + "."
	x.Form = site.FormView{Action: href(x.Engagement, "/accept"), Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "independence", Label: "Independence of the team", Rows: 6, Attrs: templ.Attributes{"maxlength": "4000"},
			Help: "Relationships with " + x.Client.Name + ", other services the firm gives it, fees, safeguards; or that there are none. It is recorded under your name."},
		site.OnceKey(),
	}, Buttons: []site.ButtonView{{Text: "Accept the engagement"}, {Text: "Cancel", Href: href(x.Engagement, "")}}}
	return x, nil
}

func showAccept(v *site.Visit) error {
	x, err := acceptance(v)
	if err != nil {
		return err
	}
	return x.show(v)
}

func accept(v *site.Visit) error {
	in := engagements.Acceptance{}
	err := v.Form(&in)
	in.ID = v.Path("id")
	if err == nil {
		_, err = engagements.Accept.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto("/engagements/" + in.ID)
	}
	x, readErr := acceptance(v)
	if readErr != nil {
		return readErr
	}
	return x.refuse(v, err)
}

// act is the imperative of entering a state.
func act(s engagements.State) string {
	switch s {
	case engagements.Planned:
		return "Finish planning"
	case engagements.AsOf:
		return "Examine as of the date"
	case engagements.Observing:
		return "Begin observation"
	case engagements.PeriodClosed:
		return "Close the period"
	case engagements.Fieldwork:
		return "Begin fieldwork"
	case engagements.Evaluation:
		return "Begin evaluation"
	case engagements.DraftReport:
		return "Begin the draft report"
	case engagements.ManagementReview:
		return "Give the draft to management"
	case engagements.SignOff:
		return "Release it for sign-off"
	case engagements.Issued:
		return "Issue the report"
	}
	return "Go on to " + s.Words()
}

// consequence says what entering a state brings, in the words of both sides.
func (x overview) consequence() string {
	text := ""
	switch x.Next.Into {
	case engagements.Planned:
		text = "The methodology as it stands now applies to this engagement to its end."
	case engagements.PeriodClosed:
		text = "The dates are fixed from then on."
	case engagements.AsOf:
		text = "The date is fixed from then on."
	case engagements.ManagementReview:
		text = x.Client.Name + " can read the draft from then on, and answers to it."
	case engagements.SignOff:
		text = x.Client.Name + " says by it that it has nothing more to say on the draft."
	}
	if text != "" {
		text += " "
	}
	return text + "An engagement only goes forward: there is no way back to " + x.State.Words() + "."
}

func (x overview) dialog() site.DialogView {
	return site.DialogView{ID: advanceDialog, Title: act(x.Next.Into), Object: string(x.ID), Action: href(x.Engagement, "/advance"), Submit: act(x.Next.Into)}
}

// showAdvance asks on a page of its own, for browsers without scripts.
func showAdvance(v *site.Visit) error {
	x, err := advancing(v)
	if err != nil {
		return err
	}
	return x.show(v)
}

func advancing(v *site.Visit) (deed, error) {
	x := deed{}
	if err := v.Actor.Require(auth.EngageWrite); err != nil {
		return x, err
	}
	var err error
	if x.overview, err = plainly(v); err != nil {
		return x, err
	}
	switch {
	case x.Next == nil || x.State == engagements.Proposed || x.Next.Into == engagements.Issued:
		return x, fault.Conflict("%s is %s; its next step is taken elsewhere.", x.Name, x.State.Words())
	case !x.mayEnter(x.Next.Into):
		return x, fault.Denied("%s takes %s to %s.", x.turn(), x.Name, x.Next.Into.Words())
	case !x.Next.Open:
		return x, fault.Conflict("%s", x.sentence())
	}
	x.Title, x.Head, x.Text = act(x.Next.Into), act(x.Next.Into)+".", x.consequence()
	x.Form = site.FormView{Action: href(x.Engagement, "/advance"), Fields: []site.FieldView{{Kind: site.FieldHidden, Name: "to", Value: string(x.Next.Into), Optional: true}, site.OnceKey()},
		Buttons: []site.ButtonView{{Text: act(x.Next.Into)}, {Text: "Cancel", Href: href(x.Engagement, "")}}}
	return x, nil
}

// turn is the side that takes the next step.
func (x overview) turn() string {
	if x.Next != nil && x.Next.Into == engagements.SignOff {
		return x.Client.Name
	}
	return x.Firm.Name
}

func advance(v *site.Visit) error {
	in := engagements.Advancing{}
	if err := v.Form(&in); err != nil {
		return err
	}
	in.ID = v.Path("id")
	if _, err := engagements.Advance.Do(v.Context(), v.Desk, in); err != nil {
		return err
	}
	return v.Goto("/engagements/" + in.ID)
}

func withdrawal(v *site.Visit) (deed, error) {
	x := deed{Title: "Withdraw"}
	if err := v.Actor.Require(auth.AuditSign); err != nil {
		return x, err
	}
	var err error
	if x.overview, err = plainly(v); err != nil {
		return x, err
	}
	if over(x.Engagement) {
		return x, fault.Conflict("%s is %s already.", x.Name, x.State.Words())
	}
	x.Head = "End " + x.Name + " without a report."
	x.Text = "Nothing in it changes any more from that moment, on either side. What was recorded stays. There is no way back; another examination is another engagement."
	x.Form = site.FormView{Action: href(x.Engagement, "/withdraw"), Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "reason", Label: "Why there will be no report", Rows: 5, Attrs: templ.Attributes{"maxlength": "4000"},
			Help: "Such as: management refuses the written assertion. It is recorded under your name."}, site.OnceKey(),
	}, Buttons: []site.ButtonView{{Text: "Withdraw from the engagement", Kind: site.ButtonDanger}, {Text: "Cancel", Href: href(x.Engagement, "")}}}
	return x, nil
}

func showWithdraw(v *site.Visit) error {
	x, err := withdrawal(v)
	if err != nil {
		return err
	}
	return x.show(v)
}

func withdraw(v *site.Visit) error {
	in := engagements.Withdrawal{}
	err := v.Form(&in)
	in.ID = v.Path("id")
	if err == nil {
		_, err = engagements.Withdraw.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto("/engagements/" + in.ID)
	}
	x, readErr := withdrawal(v)
	if readErr != nil {
		return readErr
	}
	return x.refuse(v, err)
}

// planning is the page of the terms and the audit plan.
type planning struct {
	overview
	Form, Dates site.FormView
	May, Move   bool // record the plan; agree other dates
	Stale       *engagements.Engagement
}

func (x planning) shell() site.Shell {
	return site.Shell{Title: "Terms and plan", Current: href(x.Engagement, ""), Crumbs: []site.Crumb{{Text: "Terms and plan"}}}
}

func readPlan(v *site.Visit) (planning, error) {
	x := planning{}
	var err error
	if x.overview, err = plainly(v); err != nil {
		return x, err
	}
	x.May = x.firm() && x.Me.May(auth.AuditWrite) && x.State == engagements.Engaged
	x.Move = x.firm() && x.Me.May(auth.EngageWrite) && (x.State.Before(engagements.AsOf) || x.State == engagements.Observing)
	x.Form = site.FormView{ID: "plan", Action: href(x.Engagement, "/plan"), Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "considerations", Label: "Materiality and risk", Rows: 8, Value: x.Plan, Attrs: templ.Attributes{"maxlength": "8000"},
			Help: "What the team considers material, and where it sees a risk of material misstatement."},
	}, Buttons: []site.ButtonView{{Text: "Record the plan"}}}
	x.Dates = site.FormView{ID: "dates", Action: href(x.Engagement, "/dates"), Version: version(x.Version), Fields: x.dateFields(), Buttons: []site.ButtonView{{Text: "Agree these dates"}}}
	return x, nil
}

func (x planning) dateFields() []site.FieldView {
	reason := site.FieldView{Kind: site.FieldArea, Name: "reason", Label: "Reason", Help: "Both sides read it. The dates before stay on record.", Rows: 2, Attrs: templ.Attributes{"maxlength": "2000"}}
	if x.Type == scopes.TypeI {
		return []site.FieldView{{Kind: site.FieldDate, Name: "as_of", Label: "The date", Value: x.AsOf}, reason}
	}
	return []site.FieldView{{Kind: site.FieldDate, Name: "starts", Label: "First day of the period", Value: x.Starts},
		{Kind: site.FieldDate, Name: "ends", Label: "Last day of the period", Value: x.Ends}, reason}
}

func (x planning) head() string {
	switch {
	case !x.firm():
		return typeWord(x.Engagement) + ", " + period(x.Engagement) + ": what " + x.Firm.Name + " examines."
	case x.State == engagements.Proposed:
		return "The engagement is planned once a partner has accepted it."
	case x.Plan == "":
		return "There is no audit plan yet."
	case x.State == engagements.Engaged:
		return "The audit plan is recorded. It can still be changed."
	}
	return "The audit plan is recorded."
}

// fixed says until when other dates can be agreed, and by whom.
func (x planning) fixed() string {
	switch {
	case x.State.Before(engagements.AsOf) || x.State == engagements.Observing:
		return "Until its time is over, a partner or manager of " + x.Firm.Name + " can record other dates that both sides agreed. The earlier ones stay on record."
	case x.Type == scopes.TypeI:
		return "The date is fixed."
	}
	return "The dates are fixed since the period was closed."
}

func (x planning) terms() []site.FactRow {
	return []site.FactRow{site.Text("Report", "SOC 2 "+typeWord(x.Engagement)), site.Text("Examined", site.Capital(period(x.Engagement))), site.Text("Days begin in", x.Zone),
		site.Text("System", x.System), site.Text("About", x.About+": "+site.Plural(x.Criteria, "criterion", "criteria")), site.Text("Criteria", x.Catalogue),
		site.Text("CPA firm", x.Firm.Name), site.Text("Client", x.Client.Name), site.Text("Version", version(x.Version))}
}

func showPlan(v *site.Visit) error {
	x, err := readPlan(v)
	if err != nil {
		return err
	}
	return v.ShowIn(x.Engagement, x.shell(), planBody(x))
}

func plan(v *site.Visit) error {
	in := engagements.Planning{}
	err := v.Form(&in)
	in.ID = v.Path("id")
	if err == nil {
		_, err = engagements.Plan.Do(v.Context(), v.Desk, in)
	}
	return planned(v, err, func(x *planning) *site.FormView { return &x.Form })
}

func reschedule(v *site.Visit) error {
	in := engagements.Rescheduling{}
	err := v.Form(&in)
	in.ID = v.Path("id")
	if err == nil {
		_, err = engagements.Reschedule.Do(v.Context(), v.Desk, in)
	}
	return planned(v, err, func(x *planning) *site.FormView { return &x.Dates })
}

// planned ends an act of the plan's page, or shows the page with what was wrong
// in one of its forms.
func planned(v *site.Visit, err error, pick func(*planning) *site.FormView) error {
	if err == nil {
		return v.Goto("/engagements/" + v.Path("id") + "/plan")
	}
	x, readErr := readPlan(v)
	if readErr != nil {
		return readErr
	}
	form := pick(&x)
	form.Keep(v.R.PostForm)
	if fault.KindOf(err) == fault.KindDenied || !form.Refused(err) {
		return err
	}
	if f := fault.As(err); f != nil {
		if now, ok := f.Current.(engagements.Engagement); ok {
			x.Stale = &now
		}
	}
	return v.ShowWrongIn(x.Engagement, x.shell(), planBody(x))
}
