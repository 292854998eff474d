package page

import (
	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
)

// switchOrg goes on in another organization of the same person. Nothing of the
// page before makes sense there, so it leads home.
func switchOrg(v *site.Visit) error {
	var in struct {
		Org string `json:"org"`
	}
	if err := v.Form(&in); err != nil {
		return err
	}
	org, err := id.Parse[id.Org](in.Org)
	if err != nil {
		return err
	}
	if _, err := orgs.Move.Do(v.Context(), v.Desk, orgs.Going{Org: org, Secret: before(v)}); err != nil {
		return err
	}
	return v.Goto("/")
}

func passwordForm() site.FormView {
	return site.FormView{ID: "password", Action: "/settings/password", Fields: []site.FieldView{
		{Kind: site.FieldPassword, Name: "current", Label: "Your password now", Autocomplete: "current-password", Attrs: templ.Attributes{"maxlength": "256"}},
		{Kind: site.FieldPassword, Name: "new", Label: "Your new password", Help: "At least 12 characters. Several words in a row are easy to keep in mind.", Autocomplete: "new-password", Attrs: templ.Attributes{"minlength": "12", "maxlength": "256"}},
		{Kind: site.FieldPassword, Name: "again", Label: "The new one again", Autocomplete: "new-password", Attrs: templ.Attributes{"maxlength": "256"}},
	}, Buttons: []site.ButtonView{{Text: "Change the password"}, {Text: "Cancel", Href: "/settings"}}}
}

func passwordShell() site.Shell {
	s := settingsShell()
	s.Title = "Your password"
	s.Crumbs = []site.Crumb{{Text: "Settings", Href: "/settings"}, {Text: "Your password"}}
	return s
}

func showPassword(v *site.Visit) error {
	return v.Show(passwordShell(), passwordBody(passwordForm(), v.Query("changed") != ""))
}

func changePassword(v *site.Visit) error {
	var in struct {
		Current string `json:"current"`
		New     string `json:"new"`
		Again   string `json:"again"`
	}
	if err := v.Form(&in); err != nil {
		return err
	}
	v.Key = ""
	form := passwordForm()
	err := error(nil)
	switch {
	case ask(&form, v.R.PostForm):
		return v.ShowWrong(passwordShell(), passwordBody(form, false))
	case in.New != in.Again:
		err = fault.Invalid("again", "this is not what stands above it")
	default:
		_, err = v.Throttle.CheckFrom(v.Context(), v.DB, v.From, v.Actor.Email, in.Current, v.Clock.Now())
		if err == nil {
			_, err = orgs.NewPassword.Do(v.Context(), v.Desk, orgs.PasswordChange{Current: in.Current, New: in.New, Secret: before(v)})
			if f := fault.As(err); f != nil && f.Field == "password" {
				err = fault.Invalid("new", "%s", f.Message)
			}
		} else if fault.KindOf(err) == fault.KindInvalid {
			err = fault.Invalid("current", "this is not your password")
		}
	}
	if err == nil {
		return v.Goto("/settings/password?changed=1")
	}
	if !form.Refused(err) {
		return err
	}
	return v.ShowWrong(passwordShell(), passwordBody(form, false))
}
