package page

import (
	"strconv"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/site"
)

// fields ask for everything the register says of an asset.
func fields(v *site.Visit, a assets.Asset) ([]site.FieldView, error) {
	owners, err := site.MemberOptions(v, "Nobody")
	if err != nil {
		return nil, err
	}
	for i := range owners {
		owners[i].Chosen = owners[i].Value == string(a.OwnerID)
	}
	var marks []site.Option
	for _, f := range assets.Flags {
		o := site.Option{Value: f, Text: words(f)}
		for _, has := range a.Flags {
			o.Chosen = o.Chosen || has == f
		}
		marks = append(marks, o)
	}
	most := map[string]any{"maxlength": "200"}
	return []site.FieldView{
		{Name: "name", Label: "Name", Help: "What people call it.", Value: a.Name, Attrs: most},
		{Kind: site.FieldSelect, Name: "type", Label: "Type", Options: options(assets.Types, a.Type, "Choose one")},
		{Kind: site.FieldSelect, Name: "environment", Label: "Environment", Help: "What it serves.", Options: options(assets.Environments, a.Environment, "All of them"), Optional: true},
		{Kind: site.FieldSelect, Name: "criticality", Label: "Criticality", Help: "What happens when it fails.", Options: levels(a.Criticality)},
		{Kind: site.FieldSelect, Name: "owner", Head: "Whose it is", Label: "Owner", Help: "Who answers for it.", Options: owners, Optional: true},
		{Name: "custodian", Label: "Custodian", Help: "Who looks after it day by day: a person, a team, a supplier.", Value: a.Custodian, Optional: true, Attrs: most},
		{Name: "supplier", Label: "Supplier", Help: "Who it is bought from.", Value: a.Supplier, Optional: true, Attrs: most},
		{Name: "location", Label: "Location", Help: "A building, a region, a country.", Value: a.Location, Optional: true, Attrs: most},
		{Kind: site.FieldSelect, Name: "class", Head: "What is on it", Label: "Class of data", Help: "The most sensitive that it holds.", Options: options(assets.Classes, a.Class, "")},
		{Kind: site.FieldChecks, Name: "flags", Label: "That data is also", Options: marks, Optional: true},
		{Kind: site.FieldSelect, Name: "lifecycle", Head: "Its life", Label: "Lifecycle", Beside: true, Options: options(assets.Lifecycles, a.Lifecycle, "")},
		{Kind: site.FieldDate, Name: "planned_for", Label: "Planned for", Beside: true, Value: a.PlannedFor, Optional: true},
		{Kind: site.FieldDate, Name: "live_from", Label: "Live from", Beside: true, Value: a.LiveFrom, Optional: true},
		{Kind: site.FieldDate, Name: "retired_on", Label: "Retired on", Beside: true, Value: a.RetiredOn, Optional: true},
		{Kind: site.FieldDate, Name: "disposed_on", Label: "Disposed of on", Beside: true, Value: a.DisposedOn, Optional: true},
	}, nil
}

func levels(now int64) []site.Option {
	var out []site.Option
	for i, s := range []string{"1, the business stops without it", "2, a service stops", "3, work is slower", "4, hardly noticed"} {
		out = append(out, site.Option{Value: strconv.Itoa(i + 1), Text: s, Chosen: now == int64(i+1)})
	}
	return out
}

func newForm(v *site.Visit) (site.FormView, error) {
	list, err := fields(v, assets.Asset{Criticality: 3, Class: "internal", Lifecycle: assets.Live})
	list = append(list, site.FieldView{Kind: site.FieldChecks, Name: "out", Head: "Scope", Label: "In or out", Optional: true, Options: []site.Option{{Value: "true", Text: "It is to be out of scope", Note: "It stays in scope until another person approves."}}},
		site.FieldView{Kind: site.FieldArea, Name: "reason", Label: "Why it is in scope or out of it", Rows: 3, Optional: true, Attrs: map[string]any{"maxlength": "1000"}}, site.OnceKey())
	return site.FormView{Action: "/assets/new", Fields: list, Buttons: []site.ButtonView{{Text: "Add the asset"}, {Text: "Cancel", Href: "/assets"}}}, err
}

const newSentence = "What do you have that the examination may be about?"

func showNew(v *site.Visit) error {
	if err := v.Actor.Require(auth.AssetsWrite); err != nil {
		return err
	}
	f, err := newForm(v)
	if err != nil {
		return err
	}
	return v.Show(shell("Add an asset", site.Crumb{Text: "Add an asset"}), formBody(newSentence, "New asset", f))
}

func create(v *site.Visit) error {
	var in assets.New
	err := v.Form(&in)
	if err == nil {
		var a assets.Asset
		if a, err = assets.Create.Do(v.Context(), v.Desk, in); err == nil {
			return v.Goto(assetHref(a))
		}
	}
	return again(v, err, shell("Add an asset", site.Crumb{Text: "Add an asset"}), newSentence, "New asset", newForm)
}

// again shows a form with what was wrong.
func again(v *site.Visit, err error, s site.Shell, sentence, title string, form func(*site.Visit) (site.FormView, error)) error {
	f, openErr := form(v)
	if openErr != nil {
		return openErr
	}
	if f.Keep(v.R.PostForm); fault.KindOf(err) == fault.KindDenied || !f.Refused(err) {
		return err
	}
	return v.ShowWrong(s, formBody(sentence, title, f))
}

// writable is the asset of the page, for who may change it.
func writable(v *site.Visit) (detail, error) {
	if err := v.Actor.Require(auth.AssetsWrite); err != nil {
		return detail{}, err
	}
	return read(v)
}

// asked is a form about one asset.
type asked struct {
	x               detail
	title, sentence string
	form            func(*site.Visit) (site.FormView, error)
}

func (a asked) show(v *site.Visit) error {
	f, err := a.form(v)
	if err != nil {
		return err
	}
	return v.Show(a.x.shell(site.Crumb{Text: a.title}), formBody(a.sentence, a.title, f))
}

// answer does the act of the form, or shows it again.
func (a asked) answer(v *site.Visit, in any, act func() error) error {
	err := v.Form(in)
	if err == nil {
		err = act()
	}
	if err == nil {
		return v.Goto(assetHref(a.x.Asset))
	}
	return again(v, err, a.x.shell(site.Crumb{Text: a.title}), a.sentence, a.title, a.form)
}

func (x detail) version() string { return strconv.FormatInt(x.Version, 10) }

func editing(v *site.Visit) (asked, error) {
	x, err := writable(v)
	return asked{x, "Edit", "What the register says of " + x.Name + ".", func(v *site.Visit) (site.FormView, error) {
		list, err := fields(v, x.Asset)
		return site.FormView{Action: assetHref(x.Asset) + "/edit", Version: x.version(), Fields: append(list, site.OnceKey()),
			Buttons: []site.ButtonView{{Text: "Save"}, {Text: "Cancel", Href: assetHref(x.Asset)}}}, err
	}}, err
}

func showEdit(v *site.Visit) error {
	a, err := editing(v)
	if err != nil {
		return err
	}
	return a.show(v)
}

func edit(v *site.Visit) error {
	a, err := editing(v)
	if err != nil {
		return err
	}
	var in assets.Change
	return a.answer(v, &in, func() error {
		in.ID = string(a.x.ID)
		_, err := assets.Update.Do(v.Context(), v.Desk, in)
		return err
	})
}

// moving asks why an asset leaves the scope or comes back.
func moving(v *site.Visit) (asked, error) {
	x, err := writable(v)
	a := asked{x: x, title: "Exclude from scope", sentence: x.Name + " leaves the scope once another person approves."}
	button := "Ask that it leaves"
	if x.Scope != assets.In {
		a.title, a.sentence, button = "Take into scope", x.Name+" is in scope from now on.", "Take it into scope"
	} else if w := x.Sensitive(); w != "" {
		a.sentence = w + " It leaves once another person approves."
	}
	a.form = func(*site.Visit) (site.FormView, error) {
		return site.FormView{Action: assetHref(x.Asset) + "/scope", Fields: []site.FieldView{
			{Kind: site.FieldArea, Name: "reason", Label: "Why", Help: "In words that an auditor can follow.", Rows: 3, Attrs: map[string]any{"maxlength": "1000"}}, site.OnceKey()},
			Buttons: []site.ButtonView{{Text: button}, {Text: "Cancel", Href: assetHref(x.Asset)}}}, nil
	}
	return a, err
}

func showScope(v *site.Visit) error {
	a, err := moving(v)
	if err != nil {
		return err
	}
	return a.show(v)
}

func move(v *site.Visit) error {
	a, err := moving(v)
	if err != nil {
		return err
	}
	var in struct {
		Reason string `json:"reason"`
	}
	return a.answer(v, &in, func() error {
		act := assets.Exclude
		if a.x.Scope != assets.In {
			act = assets.Include
		}
		_, err := act.Do(v.Context(), v.Desk, assets.Reasoned{IDs: []string{string(a.x.ID)}, Reason: in.Reason})
		return err
	})
}

func approve(v *site.Visit) error {
	var none struct{}
	if err := v.Form(&none); err != nil {
		return err
	}
	if _, err := assets.Approve.Do(v.Context(), v.Desk, assets.Refs{IDs: []string{v.Path("id")}}); err != nil {
		return err
	}
	return v.Goto("/assets/" + v.Path("id"))
}

func retiring(v *site.Visit) (asked, error) {
	x, err := writable(v)
	return asked{x, "Retire", x.Name + " comes to an end.", func(v *site.Visit) (site.FormView, error) {
		today, err := site.Today(v)
		return site.FormView{Action: assetHref(x.Asset) + "/retire", Version: x.version(), Fields: []site.FieldView{
			{Kind: site.FieldDate, Name: "on", Label: "On which day", Value: today},
			{Kind: site.FieldChecks, Name: "disposed", Label: "Disposal", Optional: true, Options: []site.Option{{Value: "true", Text: "It has been disposed of", Note: "Nothing on it can be brought back."}}},
			{Kind: site.FieldArea, Name: "reason", Label: "Why, and what takes its place", Rows: 3, Attrs: map[string]any{"maxlength": "1000"}}, site.OnceKey()},
			Buttons: []site.ButtonView{{Text: "Retire it"}, {Text: "Cancel", Href: assetHref(x.Asset)}}}, err
	}}, err
}

func showRetire(v *site.Visit) error {
	a, err := retiring(v)
	if err != nil {
		return err
	}
	return a.show(v)
}

func retire(v *site.Visit) error {
	a, err := retiring(v)
	if err != nil {
		return err
	}
	var in assets.Retirement
	return a.answer(v, &in, func() error {
		in.ID = string(a.x.ID)
		_, err := assets.Retire.Do(v.Context(), v.Desk, in)
		return err
	})
}

func unlink(v *site.Visit) error {
	var in struct {
		Resources []string `json:"id"`
		Back      string   `json:"back"`
	}
	if err := v.Form(&in); err != nil {
		return err
	}
	if _, err := assets.Unlink.Do(v.Context(), v.Desk, assets.Linking{ID: v.Path("id"), Resources: in.Resources}); err != nil {
		return err
	}
	return v.Goto("/assets/" + v.Path("id"))
}
