package page

import (
	"strconv"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/site"
)

// deviating is the deviations of an engagement, as one side sees them.
type deviating struct {
	engagements.View
	Items   []procedures.Deviation
	Control string // shown alone
}

func (x deviating) firm() bool { return x.Side == engagements.FirmSide }

func readDeviations(v *site.Visit, control string) (deviating, error) {
	e, err := open(v)
	if err != nil {
		return deviating{}, err
	}
	list, err := procedures.Deviations.Do(v.Context(), v.Desk, procedures.DeviationFilter{Engagement: string(e.ID), Control: control})
	return deviating{e, list.Items, control}, err
}

func deviationShell(x engagements.View, crumbs ...site.Crumb) site.Shell {
	s := site.Shell{Title: "Deviations", Crumbs: []site.Crumb{{Text: "Deviations", Href: "/engagements/" + string(x.ID) + "/deviations"}}}
	s.Crumbs = append(s.Crumbs, crumbs...)
	if x.Side == engagements.FirmSide {
		s.Private = private(x)
	}
	return s
}

func showDeviations(v *site.Visit) error {
	x, err := readDeviations(v, v.Query("control"))
	if err != nil {
		return err
	}
	return v.ShowIn(x.Engagement, deviationShell(x.View), deviationsBody(x))
}

func (x deviating) sentence() string {
	open, unanswered := 0, 0
	for _, d := range x.Items {
		if d.Classified.IsZero() {
			open++
		}
		if d.Responded.IsZero() {
			unanswered++
		}
	}
	n := len(x.Items)
	switch {
	case n == 0 && x.firm():
		return "No deviation is recorded."
	case n == 0:
		return x.Firm.Name + " has shown no deviation to " + x.Client.Name + "."
	case x.firm() && open > 0:
		return site.Capital(site.Several(n, "deviation", "deviations")) + ", " + site.Spelled(open) + " without a cause."
	case unanswered > 0:
		return site.Capital(site.Several(n, "deviation", "deviations")) + ", " + site.Spelled(unanswered) + " without a response of " + x.Client.Name + "."
	}
	return site.Capital(site.Several(n, "deviation", "deviations")) + ", each with its cause and a response."
}

func (x deviating) table() site.TableView {
	t := site.TableView{Caption: "Deviations", Columns: []site.Column{{Head: "Control", Phone: site.PlaceFirst}, {Head: "Item", Mono: true, Phone: site.PlaceFirst}, {Head: "What deviates", Wide: true}, {Head: "Cause"}, {Head: "Extent"}, {Head: "Response"}},
		Empty: site.EmptyView{Title: "No deviation.", Text: "An item that fails an attribute appears here, and stays."}}
	if !x.firm() {
		t.Empty.Text = "What the auditor has classified appears here, for a response."
	}
	for _, d := range x.Items {
		href := at(x.View, d.Control).deviation(string(d.ID))
		cause, extent, response := site.Mark(site.StatusUnknown, "Not classified"), site.Words("–"), site.Mark(site.StatusNotStarted, "None yet")
		if !d.Classified.IsZero() {
			cause, extent = site.Words(causeWord(d.Cause)), site.Words(site.Capital(d.Extent))
		}
		if !d.Responded.IsZero() {
			response = site.Words(d.Responder + ", " + d.Responded.In(clock.Zone(x.View.Zone)).Format("2 Jan"))
		}
		text := d.Text
		if d.Attribute != "" {
			text = d.Attribute + ": " + d.Text
		}
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{site.ID(d.Control, href), site.Words(d.Item), {Text: text, Note: d.Code}, cause, extent, response}})
	}
	return t
}

var causes = []site.Option{
	{Value: "one_off", Text: "One-off", Note: "It happened once, for a reason that is known."},
	{Value: "people", Text: "People", Note: "Somebody did not know, or did not do it."},
	{Value: "execution", Text: "Execution", Note: "The control was carried out late or in part."},
	{Value: "system", Text: "System", Note: "A tool did not do what it should."},
	{Value: "design", Text: "Design", Note: "Done as described, the control would still fail. An extension is ruled out."},
}

func causeWord(c string) string {
	for _, o := range causes {
		if o.Value == c {
			return o.Text
		}
	}
	return site.Capital(readable(c))
}

// deviation is one of them with its forms.
type deviation struct {
	deviating
	procedures.Deviation
	Form site.FormView
	May  bool
}

func readDeviation(v *site.Visit) (deviation, error) {
	all, err := readDeviations(v, "")
	if err != nil {
		return deviation{}, err
	}
	for _, d := range all.Items {
		if string(d.ID) == v.Path("dev") {
			x := deviation{deviating: all, Deviation: d}
			if x.firm() {
				x.May = may(v) && !closed(all.View)
				x.Form = x.classification()
			} else {
				x.May = v.Actor.May(auth.AnswersWrite) && !closed(all.View)
				x.Form = x.response()
			}
			return x, nil
		}
	}
	return deviation{}, fault.NotFound("There is no deviation %s in %s.", v.Path("dev"), all.Name)
}

func showDeviation(v *site.Visit) error {
	x, err := readDeviation(v)
	if err != nil {
		return err
	}
	return v.ShowIn(x.Engagement, x.shell(), deviationBody(x))
}

func (x deviation) shell() site.Shell {
	return deviationShell(x.View, site.Crumb{Text: x.Deviation.Control + " " + x.Item, Mono: true})
}

func (x deviation) head() site.SentenceView {
	text := x.Item + " does not meet “" + x.Text + "”."
	if x.Attribute == "" {
		text = x.Item + " was due and did not happen."
	}
	here := at(x.View, x.Deviation.Control)
	v := site.SentenceView{Text: text, Lead: site.Lead{ID: x.Deviation.Control, Name: x.Title}, Facts: []site.Fact{{Text: "Found " + x.Raised.In(clock.Zone(x.View.Zone)).Format("2 January 2006"), Person: x.RaisedBy}}}
	if x.RaisedBy == "" {
		v.Facts[0] = site.Fact{Text: "Found " + x.Raised.In(clock.Zone(x.View.Zone)).Format("2 January 2006")}
	}
	if x.firm() {
		v.Facts = append(v.Facts, site.Fact{Text: "In the grid", Href: here.grid(x.Item, x.Attribute)})
	}
	if x.Code != "" {
		v.Facts = append(v.Facts, site.Fact{Node: monoText(x.Code)})
	}
	return v
}

// stated is what is recorded of the deviation.
func (x deviation) stated() []site.FactRow {
	var rows []site.FactRow
	put := func(key, value string) {
		if value != "" {
			rows = append(rows, site.Text(key, value))
		}
	}
	put("Item", x.Item+" "+x.Label)
	put("Note of the tester", x.Note)
	put("Cause", causeWord(x.Cause))
	put("Extent", site.Capital(x.Extent))
	put("What that rests on", x.Why)
	put("Expected", x.Expected)
	put("Actual", x.Actual)
	if x.From != "" || x.To != "" {
		put("Affected", x.From+" to "+x.To)
	}
	put("Found by", site.Capital(readable(x.Detection)))
	if x.Fraud {
		put("Fraud", "There is a sign of fraud.")
	}
	put("Impact", x.Impact)
	if x.Covering != "" {
		rows = append(rows, site.FactRow{Key: "Compensating control", Value: x.Covering, Mono: true})
	}
	put("Remediation", x.Remedy)
	put("In the report", x.Disclosure)
	if !x.Classified.IsZero() {
		put("Classified", x.By+", "+x.Classified.In(clock.Zone(x.View.Zone)).Format("2 Jan 2006, 15:04"))
	}
	return rows
}

// classification is the firm's form.
func (x deviation) classification() site.FormView {
	d := x.Deviation
	long := templ.Attributes{"maxlength": "4000"}
	day := func(name, label, value string) site.FieldView {
		return site.FieldView{Kind: site.FieldDate, Name: name, Label: label, Value: value, Optional: true}
	}
	return site.FormView{Action: at(x.View, d.Control).deviation(string(d.ID)), Version: strconv.FormatInt(d.Version, 10), Buttons: []site.ButtonView{{Text: "Record the classification"}}, Fields: []site.FieldView{
		{Kind: site.FieldRadio, Name: "cause", Label: "Cause", Value: d.Cause, Options: causes},
		{Kind: site.FieldRadio, Name: "extent", Label: "Extent", Value: d.Extent, Options: []site.Option{
			{Value: "isolated", Text: "Isolated", Note: "No other is to be expected. Only then can the sample be extended."},
			{Value: "systematic", Text: "Systematic", Note: "Others must be expected. The control did not operate effectively."},
		}},
		{Kind: site.FieldArea, Name: "reason", Label: "What cause and extent rest on", Value: d.Why, Help: "The firm's note. " + x.Client.Name + " does not see it.", Attrs: long},
		{Kind: site.FieldArea, Name: "expected", Label: "What should have been", Value: d.Expected, Optional: true, Rows: 2},
		{Kind: site.FieldArea, Name: "actual", Label: "What was", Value: d.Actual, Optional: true, Rows: 2},
		day("from", "First day affected", d.From), day("to", "Last day affected", d.To),
		{Kind: site.FieldSelect, Name: "detection", Label: "Who found it", Value: or(d.Detection, "auditor"), Options: []site.Option{{Value: "auditor", Text: "The auditor"}, {Value: "monitoring", Text: "Monitoring of " + x.Client.Name}, {Value: "management", Text: "Management"}}},
		{Kind: site.FieldChecks, Name: "fraud", Label: "Fraud", Optional: true, Options: []site.Option{{Value: "true", Text: "There is a sign of fraud", Chosen: d.Fraud}}},
		{Kind: site.FieldArea, Name: "impact", Label: "What could have happened, and whether it did", Value: d.Impact, Optional: true, Attrs: long},
		{Name: "compensating", Label: "Control that compensates", Value: d.Covering, Optional: true, Mono: true, Short: true, Help: "Its code. It needs a test of its own."},
		{Kind: site.FieldArea, Name: "remediation", Label: "What was done about it", Value: d.Remedy, Optional: true, Attrs: long},
		{Kind: site.FieldArea, Name: "disclosure", Label: "As the report will say it", Value: d.Disclosure, Help: "How many were tested, how many deviated, and in what. " + x.Client.Name + " sees it and responds.", Attrs: long},
		site.OnceKey(),
	}}
}

// response is the client's form.
func (x deviation) response() site.FormView {
	d := x.Deviation
	return site.FormView{Action: at(x.View, d.Control).deviation(string(d.ID)) + "/response", Buttons: []site.ButtonView{{Text: "Give the response"}}, Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "text", Label: "Management's response", Value: d.Response, Rows: 5, Help: "What management has done or will do, and when. It stands in section V of the report.", Attrs: templ.Attributes{"maxlength": "4000"}},
		site.OnceKey(),
	}}
}

func classify(v *site.Visit) error {
	if err := v.Actor.Require(auth.AuditWrite); err != nil {
		return err
	}
	return settle(v, func(in *procedures.Classification, x deviation) error {
		in.Engagement, in.ID = string(x.View.ID), string(x.Deviation.ID)
		_, err := procedures.Classify.Do(v.Context(), v.Desk, *in)
		return err
	})
}

func respond(v *site.Visit) error {
	if err := v.Actor.Require(auth.AnswersWrite); err != nil {
		return err
	}
	return settle(v, func(in *procedures.Response, x deviation) error {
		in.Engagement, in.ID = string(x.View.ID), string(x.Deviation.ID)
		_, err := procedures.Respond.Do(v.Context(), v.Desk, *in)
		return err
	})
}

// settle is the shape of both acts on a deviation.
func settle[In any](v *site.Visit, do func(in *In, x deviation) error) error {
	x, err := readDeviation(v)
	if err != nil {
		return err
	}
	var in In
	if err = v.Form(&in); err == nil {
		err = do(&in, x)
	}
	if err == nil {
		return v.Goto(at(x.View, x.Deviation.Control).deviation(string(x.Deviation.ID)))
	}
	x.Form.Keep(v.R.PostForm)
	if !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrongIn(x.Engagement, x.shell(), deviationBody(x))
}
