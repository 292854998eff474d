package page

import (
	"fmt"
	"slices"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/site"
)

// accepting is the page that lists what would be concluded at once.
type accepting struct {
	whole
	Form site.FormView
}

func openAccept(v *site.Visit) (accepting, error) {
	x := accepting{}
	var err error
	if x.whole, err = read(v); err != nil {
		return x, err
	}
	var options []site.Option
	for _, k := range x.acceptable() {
		options = append(options, site.Option{Value: k.Code, Text: k.Code + " " + k.Title, Note: firstOf(k.Proposal.Reasons), Chosen: true})
	}
	if len(options) == 0 {
		return x, fault.Conflict("No criterion is proposed as met and still open.")
	}
	x.Form = site.FormView{Action: x.at("/accept"), Fields: []site.FieldView{
		{Kind: site.FieldChecks, Name: "criteria", Label: "Criteria", Help: "Take out those you want to conclude by themselves.", Options: options},
		site.OnceKey()}, Buttons: []site.ButtonView{{Text: "Conclude that these are met"}, {Text: "Cancel", Href: x.at("")}}}
	return x, nil
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	if len(list) > 1 {
		return fmt.Sprintf("%s And %d more.", list[0], len(list)-1)
	}
	return list[0]
}

func showAccept(v *site.Visit) error {
	x, err := openAccept(v)
	if err != nil {
		return err
	}
	return v.ShowIn(x.Room.Engagement, x.shell("Accept", site.Crumb{Text: "Accept"}), acceptBody(x))
}

func accept(v *site.Visit) error {
	in := opinions.Acceptance{}
	err := v.Form(&in)
	in.Engagement = v.Path("id")
	if err == nil && len(in.Criteria) == 0 {
		err = fault.Invalid("criteria", "choose at least one criterion")
	}
	if err == nil {
		_, err = opinions.Accept.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto("/engagements/" + in.Engagement + "/conclusions")
	}
	x, readErr := openAccept(v)
	if readErr != nil {
		return readErr
	}
	if !refuse(v, &x.Form, err) {
		return err
	}
	return v.ShowWrongIn(x.Room.Engagement, x.shell("Accept", site.Crumb{Text: "Accept"}), acceptBody(x))
}

// one is the page of a criterion.
type one struct {
	whole
	K    opinions.Criterion
	Form site.FormView
}

func openCriterion(v *site.Visit) (one, error) {
	x := one{}
	var err error
	if x.whole, err = read(v); err != nil {
		return x, err
	}
	code := v.Path("criterion")
	i := slices.IndexFunc(x.Criteria, func(k opinions.Criterion) bool { return k.Code == code })
	if i < 0 {
		return x, fault.NotFound("%s is not a criterion in the scope of %s.", code, x.Name)
	}
	x.K = x.Criteria[i]
	x.Form = site.FormView{ID: "conclude", Action: x.at("/" + x.K.Code), Fields: []site.FieldView{
		{Kind: site.FieldRadio, Name: "decision", Label: "What you hold", Options: x.options()},
	}, Buttons: []site.ButtonView{{Text: "Conclude on " + x.K.Code}, {Text: "Back", Href: x.at("")}}}
	if covering := x.covering(); len(covering) > 0 {
		x.Form.Fields = append(x.Form.Fields, site.FieldView{Kind: site.FieldChecks, Name: "compensating", Label: "Compensating controls you rely on", Optional: true,
			Help: "Tested and effective. Choose those that cover what failed, and say why they do.", Options: covering})
	}
	x.Form.Fields = append(x.Form.Fields, site.FieldView{Kind: site.FieldArea, Name: "reason", Label: "Reason", Optional: true, Rows: 4, Attrs: templ.Attributes{"maxlength": "4000"},
		Help: "Needed where you hold something else than is proposed, or rely on compensating controls."}, site.OnceKey())
	return x, nil
}

func (x one) options() []site.Option {
	notes := map[string]string{
		opinions.Met:               "Every control it needs is effective.",
		opinions.MetWithDeviations: "It is met; the report states the deviations.",
		opinions.NotMet:            "A control it needs failed, and nothing tested covers for it.",
		opinions.Undetermined:      "The evidence could not be had.",
		opinions.NotRelevant:       "It does not apply to this system. That no control exists is no reason.",
	}
	var out []site.Option
	for _, value := range []string{opinions.Met, opinions.MetWithDeviations, opinions.NotMet, opinions.Undetermined, opinions.NotRelevant} {
		o := site.Option{Value: value, Text: said(value), Note: notes[value]}
		if value == x.K.Proposal.Value {
			o.Note += " Proposed."
		}
		out = append(out, o)
	}
	return out
}

// covering are the controls that could stand in for what failed: of this
// criterion first, then of others.
func (x one) covering() []site.Option {
	failed := false
	for _, c := range x.K.Controls {
		failed = failed || c.Decision != "" && !effective(c)
	}
	if !failed {
		return nil
	}
	var out []site.Option
	seen := map[string]bool{}
	add := func(group string, list []opinions.Control) {
		for _, c := range list {
			if effective(c) && !seen[c.Code] {
				seen[c.Code] = true
				out = append(out, site.Option{Value: c.Code, Text: c.Code + " " + c.Title, Group: group, Chosen: x.K.Decision != nil && slices.Contains(x.K.Decision.Compensating, c.Code)})
			}
		}
	}
	add("Of this criterion", x.K.Controls)
	for _, k := range x.Criteria {
		add("Of other criteria", k.Controls)
	}
	return out
}

func effective(c opinions.Control) bool {
	return c.Decision == procedures.Effective || c.Decision == procedures.WithDeviations
}

// lacks are the controls that keep the criterion from being concluded.
func (x one) lacks() []site.Link {
	var out []site.Link
	for _, c := range x.K.Controls {
		if slices.Contains(x.K.Proposal.Waits, c.Code) {
			out = append(out, site.Link{Text: c.Code + " is not concluded", Href: workpaper(x.Room, c)})
		}
	}
	return out
}

// workpaper leads to the tests of a control, or to where one would be planned.
func workpaper(r engagements.View, c opinions.Control) string {
	if !c.Planned {
		return site.EngagementHref(r.Engagement, "/testing")
	}
	return site.EngagementHref(r.Engagement, "/testing/"+c.Code)
}

func (x one) sentence() string {
	switch d := x.K.Decision; {
	case d.Stands():
		return fmt.Sprintf("%s holds: %s.", d.Actor, lower(said(d.Value)))
	case d != nil:
		return "What was decided no longer stands: " + lowerFirst(d.Stale)
	case len(x.K.Proposal.Waits) > 0:
		return fmt.Sprintf("%s of its %s not concluded.", site.Count(int64(len(x.K.Proposal.Waits))), site.Plural(int64(len(x.K.Controls)), "control is", "controls are"))
	}
	return "Proposed: " + lower(said(x.K.Proposal.Value)) + ". Nobody has concluded."
}

func lower(s string) string { return lowerFirst(s) }

// lowerFirst begins a text in lower case, unless it begins with a code.
func lowerFirst(s string) string {
	if len(s) < 2 || s[1] < 'a' {
		return s
	}
	return string(s[0]|0x20) + s[1:]
}

func (x one) show(v *site.Visit, wrong bool) error {
	s := x.shell(x.K.Code, site.Crumb{Text: x.K.Code, Mono: true})
	if wrong {
		return v.ShowWrongIn(x.Room.Engagement, s, criterionBody(x))
	}
	return v.ShowIn(x.Room.Engagement, s, criterionBody(x))
}

func showCriterion(v *site.Visit) error {
	x, err := openCriterion(v)
	if err != nil {
		return err
	}
	return x.show(v, false)
}

func judge(v *site.Visit) error {
	in := opinions.Judgement{}
	err := v.Form(&in)
	in.Engagement, in.Criterion = v.Path("id"), v.Path("criterion")
	if err == nil && in.Decision == "" {
		err = fault.Invalid("decision", "choose what you hold")
	}
	if err == nil {
		_, err = opinions.Judge.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto("/engagements/" + in.Engagement + "/conclusions#" + in.Criterion)
	}
	x, readErr := openCriterion(v)
	if readErr != nil {
		return readErr
	}
	if !refuse(v, &x.Form, err) {
		return err
	}
	return x.show(v, true)
}

// part is the page of a part of the opinion.
type part struct {
	whole
	P    opinions.Part
	Form site.FormView
}

func openPart(v *site.Visit) (part, error) {
	x := part{}
	var err error
	if x.whole, err = read(v); err != nil {
		return x, err
	}
	if err := v.Actor.Require(auth.AuditReview); err != nil {
		return x, err
	}
	i := slices.IndexFunc(x.Parts, func(p opinions.Part) bool { return p.Part == v.Path("part") })
	if i < 0 {
		return x, fault.NotFound("The opinion of %s has no part %s.", x.Name, v.Path("part"))
	}
	x.P = x.Parts[i]
	var options []site.Option
	for _, o := range [][2]string{{opinions.Unmodified, "Nothing material stands against it."}, {opinions.Qualified, "Except for a matter that is material and not pervasive."},
		{opinions.Adverse, "A known failure, material and pervasive. Never the answer to missing evidence."},
		{opinions.Disclaimer, "Evidence could not be had, materially and pervasively. Never the answer to a known failure."},
		{opinions.Withdraw, "No report will be issued."}} {
		if o[0] == x.P.Proposal.Value {
			o[1] += " Proposed."
		}
		options = append(options, site.Option{Value: o[0], Text: site.Capital(o[0]), Note: o[1]})
	}
	help := "Needed where you decide otherwise than is proposed."
	if x.P.Proposal.Value == "" {
		help = "Needed: nothing is proposed. Say what was examined and what your decision rests on."
	}
	x.Form = site.FormView{Action: x.at("/parts/" + x.P.Part), Fields: []site.FieldView{
		{Kind: site.FieldRadio, Name: "decision", Label: "What you decide", Options: options},
		{Kind: site.FieldArea, Name: "reason", Label: "Reason", Optional: x.P.Proposal.Value != "", Rows: 5, Help: help, Attrs: templ.Attributes{"maxlength": "8000"}},
		site.OnceKey()}, Buttons: []site.ButtonView{{Text: "Decide the " + lower(partName(x.P.Part))}, {Text: "Back", Href: x.at("")}}}
	return x, nil
}

func (x part) show(v *site.Visit, wrong bool) error {
	s := x.shell(partName(x.P.Part), site.Crumb{Text: partName(x.P.Part)})
	if wrong {
		return v.ShowWrongIn(x.Room.Engagement, s, partBody(x))
	}
	return v.ShowIn(x.Room.Engagement, s, partBody(x))
}

func showPart(v *site.Visit) error {
	x, err := openPart(v)
	if err != nil {
		return err
	}
	return x.show(v, false)
}

func decide(v *site.Visit) error {
	in := opinions.Ruling{}
	err := v.Form(&in)
	in.Engagement, in.Part = v.Path("id"), v.Path("part")
	if err == nil && in.Decision == "" {
		err = fault.Invalid("decision", "choose what you decide")
	}
	if err == nil {
		_, err = opinions.Decide.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto("/engagements/" + in.Engagement + "/conclusions#" + in.Part)
	}
	x, readErr := openPart(v)
	if readErr != nil {
		return readErr
	}
	if !refuse(v, &x.Form, err) {
		return err
	}
	return x.show(v, true)
}

func (x part) sentence() string {
	switch d := x.P.Decision; {
	case d.Stands():
		return fmt.Sprintf("%s decided: %s.", d.Actor, d.Value)
	case d != nil:
		return "What was decided no longer stands. " + d.Stale
	case x.P.Proposal.Value == "":
		return "Nothing is proposed. A person decides."
	}
	return "Proposed: " + x.P.Proposal.Value + ". Nobody has decided."
}

// open are the criteria that keep a part from being decided.
func (x whole) open() []site.Link {
	var out []site.Link
	for _, code := range x.Open() {
		out = append(out, site.Link{Text: code + " is not concluded", Href: x.at("/" + code)})
	}
	return out
}

// act is the way to decide a part, locked while criteria are open.
func (x whole) act(p opinions.Part) site.ButtonView {
	b := site.ButtonView{Text: "Decide", Href: x.at("/parts/" + p.Part)}
	if p.Decision != nil {
		b.Text = "Decide again"
	}
	if open := x.open(); len(open) > 0 {
		b = site.ButtonView{Text: fmt.Sprintf("Decide: %d missing", len(open)), Missing: open}
	}
	return b
}

// proposal is a part's, as the page draws it.
func (x whole) proposal(p opinions.Part) site.ProposalView {
	v := site.ProposalView{Proposed: site.Capital(p.Proposal.Value)}
	if p.Proposal.Value == "" {
		v.Proposed = "nothing"
	} else if p.Provisional {
		v.Why = "Provisional: " + site.Plural(int64(len(x.Open())), "criterion is open.", "criteria are open.")
	}
	return withDecision(v, p.Decision)
}

func withDecision(v site.ProposalView, d *opinions.Decision) site.ProposalView {
	if d != nil {
		v.Decided, v.By, v.When, v.Reason = said(d.Value), d.Actor, site.DateTime(d.At), d.Reason
		if d.Stale != "" {
			v.Decided += ", which no longer stands"
			v.Reason = d.Stale
		}
	}
	return v
}

func (x one) proposal() site.ProposalView {
	v := site.ProposalView{Proposed: lowerNothing(x.K.Proposal.Value), Why: firstOf(x.K.Proposal.Reasons)}
	return withDecision(v, x.K.Decision)
}

func lowerNothing(value string) string {
	if value == "" {
		return "nothing yet"
	}
	return said(value)
}

func (x one) table() site.TableView {
	t := site.TableView{ID: "rests", Caption: "Controls that answer " + x.K.Code, Columns: []site.Column{{Head: "Control", Mono: true, Phone: site.PlaceFirst}, {Head: "Title", Wide: true}, {Head: "Weight"},
		{Head: "Result", Num: true}, {Head: "Concluded", Phone: site.PlaceEnd}}, Empty: site.EmptyView{Title: "No control answers this criterion.", Text: "Without one it is proposed as not met."}}
	for _, c := range x.K.Controls {
		weight := "–"
		if c.Key {
			weight = "Key"
		}
		word := said(c.Decision)
		if c.Decision == "" {
			word = "Not concluded"
		}
		t.Rows = append(t.Rows, site.Row{Href: workpaper(x.Room, c), Cells: []site.Cell{{Text: c.Code, Mono: true, Strong: true},
			site.Words(c.Title), site.Words(weight), site.Words(c.Facts), site.Mark(controlStatus(c.Decision), word)}})
	}
	return t
}
