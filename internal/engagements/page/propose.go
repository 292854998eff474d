package page

import (
	"slices"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/site"
)

// proposal is the form of a new engagement.
type proposal struct {
	Org   orgs.Org
	Firms []orgs.Org
	Form  site.FormView
}

func readProposal(v *site.Visit) (proposal, error) {
	x := proposal{}
	if err := v.Actor.Require(auth.EngageWrite); err != nil {
		return x, err
	}
	var err error
	if x.Org, err = orgs.Get.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return x, err
	}
	if x.Org.Kind == orgs.Firm {
		return x, fault.Denied("The organization that is examined proposes an engagement; %s accepts it.", x.Org.Name)
	}
	firms, err := orgs.Firms.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return x, err
	}
	x.Firms = firms.Items
	scope, err := scopes.Get.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return x, err
	}
	x.Form, err = x.form(scope)
	return x, err
}

func (x proposal) form(s scopes.Scope) (site.FormView, error) {
	cat, err := frameworks.Shipped()
	if err != nil {
		return site.FormView{}, err
	}
	firm := site.FieldView{Kind: site.FieldSelect, Name: "firm", Label: "CPA firm", Help: "Firms that accepted an invitation."}
	for _, f := range x.Firms {
		firm.Options = append(firm.Options, site.Option{Value: string(f.ID), Text: f.Name, Chosen: len(x.Firms) == 1})
	}
	kinds := site.FieldView{Kind: site.FieldChecks, Name: "categories", Label: "What it is about", Help: "As your scope has it. Change it here for this engagement alone."}
	for _, k := range cat.Current().Categories {
		o := site.Option{Value: k.Code, Text: k.Title, Note: k.Sentence, Chosen: slices.Contains(s.Categories, k.Code)}
		if k.Code == frameworks.Security {
			o.Chosen, o.Locked = true, "always in"
		}
		kinds.Options = append(kinds.Options, o)
	}
	name := x.Org.Name
	if day := s.Ends + s.AsOf; len(day) >= 4 {
		name += " " + day[:4]
	}
	return site.FormView{Action: "/engagements/new", Buttons: []site.ButtonView{{Text: "Propose the engagement"}, {Text: "Cancel", Href: "/engagements"}}, Fields: []site.FieldView{
		firm,
		{Name: "name", Label: "Name", Help: "What both sides call it.", Value: name, Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "120"}},
		{Kind: site.FieldRadio, Name: "type", Label: "Which report", Options: []site.Option{
			{Value: scopes.TypeII, Text: "Type II", Note: "Were the controls well designed, and did they operate, over a period?", Chosen: s.Type != scopes.TypeI},
			{Value: scopes.TypeI, Text: "Type I", Note: "Are the controls well designed, on one date?", Chosen: s.Type == scopes.TypeI},
		}},
		{Kind: site.FieldDate, Name: "starts", Label: "Type II: first day of the period", Value: s.Starts, Optional: true},
		{Kind: site.FieldDate, Name: "ends", Label: "Type II: last day of the period", Help: "At least 3 months after the first; 6 to 12 are usual.", Value: s.Ends, Optional: true},
		{Kind: site.FieldDate, Name: "as_of", Label: "Type I: the date", Value: s.AsOf, Optional: true},
		// Security is always in, and a locked box is not sent.
		{Kind: site.FieldHidden, Name: "categories", Value: frameworks.Security, Optional: true},
		kinds,
		{Name: "system", Label: "The system", Help: "The service or product that the report describes.", Value: s.System, Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "200"}},
		site.OnceKey(),
	}}, nil
}

func showNew(v *site.Visit) error {
	x, err := readProposal(v)
	if err != nil {
		return err
	}
	return v.Show(listShell(false, site.Crumb{Text: "Propose"}), proposeBody(x))
}

func propose(v *site.Visit) error {
	var in engagements.Proposal
	err := v.Form(&in)
	var made engagements.View
	if err == nil {
		// The fields of both types stand in the form; only those of the chosen
		// one are meant.
		if in.Type == scopes.TypeI {
			in.Starts, in.Ends = "", ""
		} else {
			in.AsOf = ""
		}
		made, err = engagements.Propose.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto(href(made.Engagement, ""))
	}
	x, readErr := readProposal(v)
	if readErr != nil {
		return readErr
	}
	x.Form.Keep(v.R.PostForm)
	for i := range x.Form.Fields {
		for j := range x.Form.Fields[i].Options {
			if o := &x.Form.Fields[i].Options[j]; o.Locked != "" {
				o.Chosen = true
			}
		}
	}
	if fault.KindOf(err) == fault.KindDenied || !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(listShell(false, site.Crumb{Text: "Propose"}), proposeBody(x))
}
