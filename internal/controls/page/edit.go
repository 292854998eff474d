package page

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/site"
)

var frequencies = []string{"annual", "semi_annual", "quarterly", "monthly", "semi_monthly", "weekly", "daily", "many_times_a_day", "per_event", "continuous"}

func choices(list []string, chosen string) []site.Option {
	var out []site.Option
	for _, s := range list {
		out = append(out, site.Option{Value: s, Text: site.Capital(words(s)), Chosen: s == chosen})
	}
	return out
}

func keyField(chosen bool) site.FieldView {
	return site.FieldView{Kind: site.FieldChecks, Name: "key", Label: "Weight", Optional: true,
		Options: []site.Option{{Value: "true", Text: "Key control", Note: "Criteria rest on it: while it fails, they are not ready.", Chosen: chosen}}}
}

func newForm(v *site.Visit) (site.FormView, error) {
	owners, err := ownerOptions(v, string(v.Actor.User))
	if err != nil {
		return site.FormView{}, err
	}
	_, series, err := titles()
	if err != nil {
		return site.FormView{}, err
	}
	var criteria []site.Option
	for _, s := range series {
		for _, c := range s.Criteria {
			criteria = append(criteria, site.Option{Value: c.Code, Text: c.Code + " " + c.Title, Group: s.Code + " " + s.Title, Chosen: c.Code == v.Query("criterion")})
		}
	}
	return site.FormView{Action: "/controls/new", Buttons: []site.ButtonView{{Text: "Put it in force"}, {Text: "Cancel", Href: "/controls"}}, Fields: []site.FieldView{
		{Name: "code", Label: "Code", Help: "Three capitals, a dash and a number, such as CHG-41.", Short: true, Mono: true, Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "7"}},
		{Name: "title", Label: "Title", Help: "What should be so, in a few words.", Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "200"}},
		{Kind: site.FieldArea, Name: "text", Label: "What the report will say", Help: "Who does what, when, and what evidence it leaves. 20 characters at least.", Rows: 5, Attrs: templ.Attributes{"maxlength": "4000"}},
		{Kind: site.FieldSelect, Name: "frequency", Label: "How often it operates", Options: choices(frequencies, "quarterly"), Short: true},
		{Kind: site.FieldSelect, Name: "type", Label: "Type", Options: choices([]string{"preventive", "detective", "corrective"}, "preventive"), Short: true},
		{Kind: site.FieldSelect, Name: "nature", Label: "Nature", Options: choices([]string{"manual", "automated", "it_dependent"}, "manual"), Short: true},
		{Kind: site.FieldSelect, Name: "owner", Label: "Owner", Options: owners},
		{Name: "owner_role", Label: "Role that owns it", Optional: true, Help: "It stays when the person changes.", Attrs: templ.Attributes{"maxlength": "100"}},
		keyField(false),
		{Kind: site.FieldChecks, Name: "criteria", Label: "Criteria it answers", Help: "At least one.", Options: criteria},
		site.OnceKey(),
	}}, nil
}

func newShell() site.Shell { return shell("New control", site.Crumb{Text: "New"}) }

func showNew(v *site.Visit) error {
	if err := v.Actor.Require(auth.ControlsWrite); err != nil {
		return err
	}
	f, err := newForm(v)
	if err != nil {
		return err
	}
	return v.Show(newShell(), newBody(f))
}

func create(v *site.Visit) error {
	var in controls.Own
	err := v.Form(&in)
	if err == nil {
		_, err = controls.Create.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto("/controls/" + in.Code)
	}
	f, readErr := newForm(v)
	if readErr != nil {
		return readErr
	}
	f.Keep(v.R.PostForm)
	if fault.KindOf(err) == fault.KindDenied || !f.Refused(err) {
		return err
	}
	return v.ShowWrong(newShell(), newBody(f))
}

// editing is the form of a change, and what somebody else made of the control
// meanwhile.
type editing struct {
	detail
	Form  site.FormView
	Stale *controls.Control
	Head  string
	Text  string
}

func openEdit(v *site.Visit) (editing, error) {
	x, err := editable(v)
	if err != nil {
		return x, err
	}
	owners, err := ownerOptions(v, string(x.Owner))
	if err != nil {
		return x, err
	}
	x.Head, x.Text = "Change "+x.Code, "A change makes version "+strconv.FormatInt(x.Version+1, 10)+". The one in force now stays on record."
	x.Form = site.FormView{Action: implied(x.Control.Control) + "/edit", Version: strconv.FormatInt(x.Version, 10),
		Buttons: []site.ButtonView{{Text: "Record version " + strconv.FormatInt(x.Version+1, 10)}, {Text: "Cancel", Href: implied(x.Control.Control)}}, Fields: []site.FieldView{
			{Name: "title", Label: "Title", Value: x.Title, Attrs: templ.Attributes{"maxlength": "200"}},
			{Kind: site.FieldArea, Name: "text", Label: "What the report will say", Help: "Who does what, when, and what evidence it leaves.", Rows: 7, Value: x.Control.Text, Attrs: templ.Attributes{"maxlength": "4000"}},
			{Kind: site.FieldSelect, Name: "frequency", Label: "How often it operates", Options: choices(frequencies, x.Frequency), Short: true},
			{Kind: site.FieldSelect, Name: "owner", Label: "Owner", Options: owners},
			keyField(x.Key), site.OnceKey(),
		}}
	return x, nil
}

// editable is a control that this person may change and that is in force.
func editable(v *site.Visit) (editing, error) {
	if err := v.Actor.Require(auth.ControlsWrite); err != nil {
		return editing{}, err
	}
	d, err := read(v, v.Path("id"))
	if err == nil && !d.Retired.IsZero() {
		err = fault.Conflict("%s is retired. Adopt it again to go on with it.", d.Code)
	}
	return editing{detail: d}, err
}

func (x editing) shell() site.Shell {
	return shell(x.Head, site.Crumb{Text: x.Code, Href: implied(x.Control.Control), Mono: true}, site.Crumb{Text: x.Head})
}

func showEdit(v *site.Visit) error { return show(v, openEdit) }

func show(v *site.Visit, open func(*site.Visit) (editing, error)) error {
	x, err := open(v)
	if err != nil {
		return err
	}
	return v.Show(x.shell(), editBody(x))
}

func edit(v *site.Visit) error {
	var in controls.Change
	return submit(v, openEdit, &in, func() error {
		in.ID = v.Path("id")
		_, err := controls.Update.Do(v.Context(), v.Desk, in)
		return err
	})
}

// submit reads the form into in, does the act, and shows the form again with
// what was wrong, or with what somebody else has changed meanwhile.
func submit(v *site.Visit, open func(*site.Visit) (editing, error), in any, act func() error) error {
	err := v.Form(in)
	if err == nil {
		err = act()
	}
	if err == nil {
		return v.Goto("/controls/" + v.Path("id"))
	}
	x, readErr := open(v)
	if readErr != nil {
		return readErr
	}
	x.Form.Keep(v.R.PostForm)
	if fault.KindOf(err) == fault.KindDenied || !x.Form.Refused(err) {
		return err
	}
	if f := fault.As(err); f.Kind == fault.KindConflict && f.Current != nil {
		x.Stale = &x.Control.Control
		x.Form.Problem = "The control was changed since you read it. Both are shown; decide again."
	}
	return v.ShowWrong(x.shell(), editBody(x))
}

// current are the fields of the form as the control has them now, those that
// differ from what was typed in bold.
func (x editing) current() []site.FactRow {
	var out []site.FactRow
	now := map[string]string{"title": x.Stale.Title, "frequency": words(x.Stale.Frequency), "owner": cmp.Or(x.Stale.OwnerName, "–"), "text": x.Stale.Text}
	if x.statement() {
		now = map[string]string{"text": cmp.Or(x.Stale.Implementation, "–")}
	}
	for _, f := range x.Form.Fields {
		if value, shown := now[f.Name]; shown {
			out = append(out, site.FactRow{Key: f.Label, Value: value, Strong: !x.same(f, value)})
		}
	}
	return out
}

func (x editing) same(f site.FieldView, value string) bool {
	typed := f.Value
	for _, o := range f.Options {
		if o.Chosen {
			typed = o.Text
		}
	}
	return strings.EqualFold(strings.TrimSpace(typed), strings.TrimSpace(value))
}

func (x editing) statement() bool { return strings.HasSuffix(x.Form.Action, "/implement") }

func openStatement(v *site.Visit) (editing, error) {
	x, err := editable(v)
	if err != nil {
		return x, err
	}
	x.Head, x.Text = "State how "+x.Code+" is done", "A named person says that the control is in place. It is recorded with name and time."
	x.Form = site.FormView{Action: implied(x.Control.Control) + "/implement", Version: strconv.FormatInt(x.Version, 10),
		Buttons: []site.ButtonView{{Text: "State it"}, {Text: "Cancel", Href: implied(x.Control.Control)}}, Fields: []site.FieldView{
			{Kind: site.FieldArea, Name: "text", Label: "How it is done here", Help: "The system, the people, and where its traces are. 10 characters at least.", Rows: 6, Value: x.Implementation, Attrs: templ.Attributes{"maxlength": "4000"}},
			site.OnceKey(),
		}}
	return x, nil
}

func showStatement(v *site.Visit) error { return show(v, openStatement) }

func state(v *site.Visit) error {
	var in controls.Statement
	return submit(v, openStatement, &in, func() error {
		in.ID = v.Path("id")
		_, err := controls.Implement.Do(v.Context(), v.Desk, in)
		return err
	})
}

func reasonField(prefix string) site.FieldView {
	return site.FieldView{Kind: site.FieldArea, Name: "reason", Label: "Why it ends, and what takes its place", Prefix: prefix, Rows: 3, Attrs: templ.Attributes{"maxlength": "1000"}}
}

func (x detail) retireDialog() site.DialogView {
	return site.DialogView{ID: "retire", Title: "Retire " + x.Code + "?", Object: string(x.ID), Action: implied(x.Control.Control) + "/retire", Submit: "Retire " + x.Code, Danger: true}
}

func openRetire(v *site.Visit) (editing, error) {
	x, err := editable(v)
	if err != nil {
		return x, err
	}
	x.Head, x.Text = "Retire "+x.Code, "A retired control no longer counts for its criteria. It stays on record for the time it was in force."
	x.Form = site.FormView{Action: implied(x.Control.Control) + "/retire", Version: strconv.FormatInt(x.Version, 10), Fields: []site.FieldView{reasonField("")},
		Buttons: []site.ButtonView{{Text: "Retire " + x.Code}, {Text: "Cancel", Href: implied(x.Control.Control)}}}
	return x, nil
}

func showRetire(v *site.Visit) error { return show(v, openRetire) }

func retire(v *site.Visit) error {
	var in controls.Retirement
	return submit(v, openRetire, &in, func() error {
		in.ID = v.Path("id")
		_, err := controls.Retire.Do(v.Context(), v.Desk, in)
		return err
	})
}
