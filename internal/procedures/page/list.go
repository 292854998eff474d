package page

import (
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/site"
)

// listing is the workpapers of an engagement.
type listing struct {
	engagements.View
	Items     []procedures.Procedure
	May       bool
	Criterion string // shown alone
}

func showList(v *site.Visit) error {
	e, err := open(v)
	if err != nil {
		return err
	}
	all, err := procedures.List.Do(v.Context(), v.Desk, procedures.Whole{Engagement: string(e.ID)})
	if err != nil {
		return err
	}
	x := listing{e, all.Items, may(v), v.Query("criterion")}
	if x.Criterion != "" {
		x.Items = slices.DeleteFunc(x.Items, func(p procedures.Procedure) bool { return !slices.Contains(p.Criteria, x.Criterion) })
	}
	return v.ShowIn(e.Engagement, site.Shell{Title: "Testing", Private: private(e), Crumbs: []site.Crumb{{Text: "Testing"}}}, listBody(x))
}

// sentence says how far testing is and what is wrong.
func (x listing) sentence() string {
	if len(x.Items) == 0 {
		if x.Criterion != "" {
			return "No test of a control for " + x.Criterion + " is planned yet."
		}
		return "No test is planned yet."
	}
	concluded, deviating, against := 0, 0, 0
	for _, p := range x.Items {
		if p.Conclusion != nil && !p.Conclusion.Stale {
			concluded++
			if d := p.Conclusion.Decision; d != procedures.Effective && d != procedures.WithDeviations && d != procedures.NoOccurrence {
				against++
			}
		}
		if p.Evaluation.Deviations > 0 {
			deviating++
		}
	}
	s := site.Capital(site.Spelled(concluded)) + " of " + site.Several(len(x.Items), "workpaper is concluded", "workpapers are concluded")
	if concluded == 0 {
		s = "None of " + site.Several(len(x.Items), "workpaper is concluded", "workpapers is concluded")
	}
	if concluded == len(x.Items) {
		s = "All workpapers are concluded"
		if concluded == 1 {
			s = "The one workpaper is concluded"
		}
	}
	switch {
	case against > 0:
		return s + ", " + site.Spelled(against) + " of them against the control."
	case deviating > 0:
		return s + ". " + site.Capital(site.Several(deviating, "control has deviations.", "controls have deviations."))
	case concluded == 0:
		return s + ". No deviation so far."
	}
	return s + ", none against the control."
}

func (x listing) table() site.TableView {
	t := site.TableView{Caption: "Workpapers", Columns: []site.Column{
		{Head: "Control", Phone: site.PlaceFirst}, {Head: "Title", Wide: true, Phone: site.PlaceFirst}, {Head: "Criteria"}, {Head: "Basis"},
		{Head: "Tested of", Num: true}, {Head: "Deviations", Num: true}, {Head: "Stage", Phone: site.PlaceEnd}, {Head: "By"},
	}, Empty: site.EmptyView{Title: "No test is planned yet.", Text: "A workpaper says what is looked at for a control, and what must hold of every item."}}
	if x.May {
		t.Empty.Link = site.Link{Text: "Plan the first", Href: "/engagements/" + string(x.ID) + "/plan-test"}
	}
	for _, p := range x.Items {
		t.Rows = append(t.Rows, x.row(p))
	}
	return t
}

func (x listing) row(p procedures.Procedure) site.Row {
	here := at(x.View, p.Control)
	href, e := here.work(""), p.Evaluation
	list := site.Words(basisWord(p.Basis))
	if p.Population != "" {
		list = site.Cell{Text: basisWord(p.Basis) + " of " + p.Population, Href: here.base + "/populations/" + p.Population}
	}
	reviewer := ""
	if p.Conclusion != nil {
		reviewer = p.Conclusion.ReviewedBy
	}
	state, word := stage(p)
	return site.Row{Href: href, Cells: []site.Cell{
		site.ID(p.Control, href), site.Words(p.Title), {Text: strings.Join(p.Criteria, " "), Mono: true}, list,
		{Text: site.Of(e.Tested, e.Size), Href: href}, site.Tally(int64(e.Deviations), site.StatusFail, here.base+"/deviations?control="+here.ref),
		site.Node(site.WorkMark(state, word)), site.Node(initials(p.TesterName, reviewer)),
	}}
}

// people are those whose initials the table shows.
func (x listing) people() []site.Fact {
	var out []site.Fact
	seen := map[string]bool{}
	put := func(text, name string) {
		if name != "" && !seen[text+name] {
			seen[text+name] = true
			out = append(out, site.Fact{Text: text, Person: name})
		}
	}
	for _, p := range x.Items {
		put("Tester", p.TesterName)
	}
	for _, p := range x.Items {
		if p.Conclusion != nil {
			put("Reviewer", p.Conclusion.ReviewedBy)
		}
	}
	return out
}

// stage is how far the work on a control is, as a square and a word.
func stage(p procedures.Procedure) (site.WorkState, string) {
	switch p.Stage {
	case "reviewed":
		return site.WorkConcluded, "Reviewed"
	case "concluded":
		return site.WorkReview, "In review"
	case "testing", "tested":
		return site.WorkTesting, site.Capital(p.Stage)
	case "drawn":
		return site.WorkTesting, "Drawn"
	}
	return site.WorkNotStarted, "Planned"
}

func basisWord(b string) string {
	switch b {
	case procedures.InFull:
		return "every item"
	case procedures.ByInspection:
		return "inspection"
	}
	return b
}

// letters are the attributes that the form has room for.
const letters = "ABCDEFGHIJKL"

// rowsOpen is how many of them are shown before anybody asks for more.
const rowsOpen = 5

// planForm is the form of a plan with its rows of attributes.
type planForm struct {
	engagements.View
	Form    site.FormView
	Control string // of a plan that is changed
	Rows    []planRow
	Lists   []populations.Population
	Codes   []controls.Control
	More    bool // some of the later rows are filled
}

type planRow struct{ Letter, Text, Expression, Error string }

func showNewPlan(v *site.Visit) error { return newPlan(v, "") }

func showPlan(v *site.Visit) error { return newPlan(v, v.Path("ref")) }

func newPlan(v *site.Visit, control string) error {
	if err := v.Actor.Require(auth.AuditWrite); err != nil {
		return err
	}
	x, err := readPlan(v, control)
	if err != nil {
		return err
	}
	return v.ShowIn(x.Engagement, x.shell(), planBody(x))
}

func (x planForm) shell() site.Shell {
	if x.Control == "" {
		return testingShell(x.View, "Plan a test", site.Crumb{Text: "Plan a test"})
	}
	return workShell(x.View, x.Control, "Plan")
}

// readPlan fills the form: with what stands, or with what the client's lists
// suggest.
func readPlan(v *site.Visit, control string) (planForm, error) {
	var x planForm
	e, err := open(v)
	if err != nil {
		return x, err
	}
	x.View, x.Control = e, control
	lists, err := populations.List.Do(v.Context(), v.Desk, populations.Filter{Engagement: string(e.ID)})
	if err != nil {
		return x, err
	}
	x.Lists = lists.Items
	adopted, err := engagements.Controls.Do(v.Context(), v.Desk, engagements.ControlFilter{Engagement: string(e.ID)})
	if err != nil {
		return x, err
	}
	x.Codes = adopted.Items
	p := procedures.Procedure{Control: v.Query("control"), Basis: procedures.BySample, Risk: "moderate", Population: v.Query("population")}
	if control != "" {
		if p, err = procedures.Get.Do(v.Context(), v.Desk, procedures.Ref{Engagement: string(e.ID), Control: control}); err != nil {
			return x, err
		}
	}
	tester := p.Tester
	if tester == "" {
		tester = v.Actor.User
	}
	members, err := orgs.Members.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return x, err
	}
	var testers []site.Option
	for _, m := range members.Items {
		testers = append(testers, site.Option{Value: string(m.ID), Text: m.Name, Chosen: m.ID == tester})
	}
	x.fields(p, testers)
	for i, letter := range letters {
		row := planRow{Letter: string(letter)}
		for _, a := range p.Attributes {
			if a.Letter == row.Letter {
				row.Text, row.Expression = a.Text, a.Expression
				x.More = x.More || i >= rowsOpen
			}
		}
		x.Rows = append(x.Rows, row)
	}
	return x, nil
}

func (x *planForm) fields(p procedures.Procedure, testers []site.Option) {
	control := site.FieldView{Name: "control", Label: "Control", Value: p.Control, Mono: true, Short: true, Help: "The client's code, such as CHG-01.", Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "40", "list": "plan-controls"}}
	if x.Control != "" {
		control = site.FieldView{Kind: site.FieldHidden, Name: "control", Value: p.Control, Optional: true}
	}
	list := []site.Option{{Value: "", Text: "None: the control itself is looked at"}}
	for _, l := range x.Lists {
		list = append(list, site.Option{Value: l.Code, Text: l.Code + " " + l.Title, Chosen: l.Code == p.Population})
	}
	x.Form = site.FormView{Action: "/engagements/" + string(x.ID) + "/plan-test", Buttons: []site.ButtonView{{Text: "Record the plan"}, {Text: "Cancel", Href: "/engagements/" + string(x.ID) + "/testing"}}, Fields: []site.FieldView{
		control,
		{Kind: site.FieldRadio, Name: "basis", Label: "What is looked at", Value: p.Basis, Options: []site.Option{
			{Value: procedures.BySample, Text: "A sample", Note: "Items drawn from a sealed list, each tested by a person."},
			{Value: procedures.InFull, Text: "Every item, by expression", Note: "For fields of the record only. The rate is exact, nothing is estimated."},
			{Value: procedures.ByInspection, Text: "The control itself", Note: "A policy, a setting, a report: one item."},
		}},
		{Kind: site.FieldSelect, Name: "population", Label: "Population", Optional: true, Options: list},
		{Kind: site.FieldSelect, Name: "cadence", Label: "How often it operates", Help: "Decides which table of sizes applies. Taken from the control if you leave it.", Optional: true, Value: p.Cadence, Options: cadences},
		{Kind: site.FieldRadio, Name: "risk", Label: "How much rests on it", Value: p.Risk, Options: []site.Option{
			{Value: "low", Text: "Low"}, {Value: "moderate", Text: "Moderate", Note: "The usual: " + x.limits("moderate")}, {Value: "high", Text: "High", Note: x.limits("high")},
		}},
		{Kind: site.FieldSelect, Name: "tester", Label: "Tester", Options: testers},
	}}
	if x.Control != "" {
		x.Form.Action = at(x.View, x.Control).work("/plan")
		x.Form.Buttons[1].Href = at(x.View, x.Control).work("")
		x.Form.Version = strconv.FormatInt(p.Version, 10)
	}
	x.Form.Fields = append(x.Form.Fields, site.FieldView{Kind: site.FieldArea, Name: "roles", Label: "Fields that say who and when", Optional: true, Mono: true, Rows: 2, Value: strings.Join(p.Roles, "\n"),
		Help: "One a line, such as approver=approved_by. Known are approver, author, approved and acted; fields with those names need no line."}, site.OnceKey())
}

var cadences = []site.Option{
	{Value: "", Text: "As the control says"}, {Value: "event", Text: "When something happens"}, {Value: "many-a-day", Text: "Many times a day"}, {Value: "daily", Text: "Daily"}, {Value: "weekly", Text: "Weekly"},
	{Value: "semi-monthly", Text: "Twice a month"}, {Value: "monthly", Text: "Monthly"}, {Value: "quarterly", Text: "Quarterly"}, {Value: "semi-annual", Text: "Twice a year"}, {Value: "annual", Text: "Once a year"}, {Value: "automated", Text: "Automated"},
}

// limits says what the methodology asks of a sample at a risk.
func (x planForm) limits(risk string) string {
	confidence, tolerable := limitsOf(x.Profile, risk)
	if confidence == "" {
		return ""
	}
	return confidence + " % confidence of at most " + tolerable + " %"
}

func plan(v *site.Visit) error {
	if err := v.Actor.Require(auth.AuditWrite); err != nil {
		return err
	}
	in := procedures.Planning{}
	if err := v.Form(&in); err != nil {
		return err
	}
	in.Engagement = v.Path("id")
	if ref := v.Path("ref"); ref != "" {
		in.Control = ref
	}
	form := v.R.PostForm
	in.Attributes, in.Expressions = nil, nil
	for _, letter := range letters {
		if text := strings.TrimSpace(form.Get("text-" + string(letter))); text != "" {
			in.Attributes = append(in.Attributes, string(letter)+" "+text)
		}
		if expr := strings.TrimSpace(form.Get("expression-" + string(letter))); expr != "" {
			in.Expressions = append(in.Expressions, string(letter)+" "+expr)
		}
	}
	in.Roles = nonEmpty(strings.Split(form.Get("roles"), "\n"))
	p, err := procedures.PlanOp.Do(v.Context(), v.Desk, in)
	if err == nil {
		e, err := open(v)
		if err != nil {
			return err
		}
		return v.Goto(at(e, p.Control).work(""))
	}
	x, readErr := readPlan(v, v.Path("ref"))
	if readErr != nil {
		return readErr
	}
	x.Form.Keep(form)
	for i := range x.Rows {
		r := &x.Rows[i]
		r.Text, r.Expression = form.Get("text-"+r.Letter), form.Get("expression-"+r.Letter)
		x.More = x.More || i >= rowsOpen && r.Text != ""
	}
	if !x.Form.Refused(err) {
		return err
	}
	x.place(err)
	return v.ShowWrongIn(x.Engagement, x.shell(), planBody(x))
}

// place puts what was wrong with an attribute at its row.
func (x *planForm) place(err error) {
	for _, f := range append([]*fault.Error{fault.As(err)}, fault.As(err).More...) {
		if f.Field != "attributes" && f.Field != "expressions" {
			continue
		}
		for i := range x.Rows {
			if strings.Contains(f.Message+" ", " "+x.Rows[i].Letter+" ") || strings.HasPrefix(f.Message, x.Rows[i].Letter+" ") || strings.HasPrefix(f.Message, x.Rows[i].Letter+":") {
				x.Rows[i].Error = stop(f.Message)
				return
			}
		}
	}
}

func nonEmpty(list []string) []string {
	var out []string
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}
