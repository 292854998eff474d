package page

import (
	"net/http"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
)

var setupShell = site.BareShell{Title: "First setup", Product: "First setup", Width: site.BareForm,
	Foot: "Tickmark runs on this machine. Nothing entered here leaves it."}

func setupForm() site.FormView {
	return site.FormView{
		Action: "/setup",
		Fields: []site.FieldView{
			{Name: "token", Label: "Setup token", Help: "It starts with setup- and stands in the terminal in which Tickmark was started. It is good once, for an hour.",
				Mono: true, Autocomplete: "off", Autofocus: true, Attrs: templ.Attributes{"spellcheck": "false", "maxlength": "200"}},
			{Name: "organization", Label: "Organization", Help: "The name the report will carry.", Autocomplete: "organization", Attrs: templ.Attributes{"maxlength": "200"}},
			zoneField("UTC"),
			{Name: "name", Label: "Your name", Help: "You become its owner: the one who may do everything here.", Autocomplete: "name", Attrs: templ.Attributes{"maxlength": "200"}},
			{Kind: site.FieldEmail, Name: "email", Label: "Your address", Help: "Used to sign in. No mail is sent to it.", Autocomplete: "username", Attrs: templ.Attributes{"maxlength": "254"}},
			{Kind: site.FieldPassword, Name: "password", Label: "Password", Help: "At least 12 characters. Several words in a row are easy to keep in mind.", Autocomplete: "new-password", Attrs: templ.Attributes{"minlength": "12", "maxlength": "256"}},
		},
		Buttons: []site.ButtonView{{Text: "Create the organization"}},
	}
}

// zoneField asks for a time zone; the page offers common ones by name.
func zoneField(value string) site.FieldView {
	return site.FieldView{Name: "zone", Label: "Time zone", Help: "Its days begin and end here. Any IANA name is accepted, such as Europe/Berlin.", Value: value,
		Autocomplete: "off", Attrs: templ.Attributes{"list": "zones", "maxlength": "64"}}
}

func showSetup(v *site.Visit) error {
	done, err := setupDone(v)
	if err != nil {
		return err
	}
	if done {
		return v.Goto("/sign-in")
	}
	return v.ShowBare(http.StatusOK, setupShell, setupBody(setupForm()))
}

func setUp(v *site.Visit) error {
	form := setupForm()
	var in orgs.Creation
	if err := v.Form(&in); err != nil {
		return err
	}
	form.Keep(v.R.PostForm)
	if ask(&form, v.R.PostForm) {
		return v.ShowBare(http.StatusUnprocessableEntity, setupShell, setupBody(form))
	}
	made, err := orgs.Setup.Do(v.Context(), v.Desk, in)
	if err != nil {
		return refuseSetup(v, form, err)
	}
	session, err := orgs.SignIn.Do(v.Context(), v.Desk, orgs.Visit{User: made.User, Agent: v.R.UserAgent(), Before: before(v)})
	if err != nil {
		return err
	}
	v.SignIn(session)
	return v.Goto("/start")
}

// refuseSetup shows the form again. A token that was spent before is a fault of
// the token, so it is said there, with the way on.
func refuseSetup(v *site.Visit, form site.FormView, err error) error {
	if f := fault.As(err); f != nil && f.Kind == fault.KindConflict && f.Field == "" {
		done, askErr := setupDone(v)
		if askErr != nil {
			return askErr
		}
		if done {
			fail(&form, "token", f.Message)
			form.Buttons = append(form.Buttons, site.ButtonView{Text: "Sign in", Href: "/sign-in"})
			return v.ShowBare(http.StatusUnprocessableEntity, setupShell, setupBody(form))
		}
	}
	if !form.Refused(err) {
		return err
	}
	return v.ShowBare(http.StatusUnprocessableEntity, setupShell, setupBody(form))
}

// zones are offered while typing; any other IANA name is accepted too.
var zones = []string{
	"UTC", "Europe/London", "Europe/Dublin", "Europe/Lisbon", "Europe/Berlin", "Europe/Paris", "Europe/Madrid", "Europe/Rome", "Europe/Vienna",
	"Europe/Zurich", "Europe/Amsterdam", "Europe/Brussels", "Europe/Copenhagen", "Europe/Stockholm", "Europe/Oslo", "Europe/Helsinki", "Europe/Warsaw",
	"Europe/Prague", "Europe/Bucharest", "Europe/Athens", "Europe/Kyiv", "Europe/Istanbul", "America/New_York", "America/Chicago", "America/Denver",
	"America/Phoenix", "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu", "America/Toronto", "America/Vancouver", "America/Halifax",
	"America/Mexico_City", "America/Bogota", "America/Lima", "America/Santiago", "America/Sao_Paulo", "America/Argentina/Buenos_Aires",
	"Africa/Cairo", "Africa/Lagos", "Africa/Nairobi", "Africa/Johannesburg", "Asia/Jerusalem", "Asia/Dubai", "Asia/Karachi", "Asia/Kolkata",
	"Asia/Dhaka", "Asia/Bangkok", "Asia/Jakarta", "Asia/Singapore", "Asia/Manila", "Asia/Hong_Kong", "Asia/Shanghai", "Asia/Taipei", "Asia/Seoul",
	"Asia/Tokyo", "Australia/Perth", "Australia/Brisbane", "Australia/Adelaide", "Australia/Sydney", "Pacific/Auckland",
}
