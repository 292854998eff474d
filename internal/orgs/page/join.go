package page

import (
	"errors"
	"net/http"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
)

var joinShell = site.BareShell{Title: "Accept an invitation", Width: site.BareForm}

// joining is an invitation that somebody is about to accept.
type joining struct {
	orgs.Offer
	Form site.FormView
}

func (j joining) sentence() string {
	if j.Role == orgs.AsFirm {
		return j.Org.Name + " invites your firm to examine it."
	}
	return j.Org.Name + " invites you as " + asText(j.Role) + "."
}

func (j joining) fact() string {
	if j.Role == orgs.AsFirm {
		return "You become the firm's first partner here, and invite its other people yourself. The firm keeps its own workpapers and its own log."
	}
	return "You choose your own password; nobody at " + j.Org.Name + " learns it."
}

// look reads what an invitation offers; an error says why it offers nothing.
func look(v *site.Visit, secret string) (j joining, err error) {
	err = v.DB.Read(v.Context(), db.All, func(tx *db.Tx) (err error) {
		j.Offer, err = orgs.Look(tx, secret, v.Clock.Now())
		return err
	})
	j.Form = joinForm(j.Offer, secret, v.Actor)
	return j, err
}

func joinForm(o orgs.Offer, secret string, me auth.Actor) site.FormView {
	f := site.FormView{Action: "/join", Fields: []site.FieldView{{Kind: site.FieldHidden, Name: "secret", Value: secret, Optional: true}},
		Buttons: []site.ButtonView{{Text: "Accept the invitation"}}}
	if o.Role == orgs.AsFirm {
		f.Fields = append(f.Fields, site.FieldView{Name: "organization", Label: "Firm", Help: "Its name as the report will carry it. If you are here for a firm already, the name it has here.",
			Autocomplete: "organization", Attrs: templ.Attributes{"maxlength": "200"}}, zoneField(o.Org.Zone))
	}
	f.Fields = append(f.Fields,
		site.FieldView{Name: "name", Label: "Your name", Value: me.Name, Autocomplete: "name", Attrs: templ.Attributes{"maxlength": "200"}},
		site.FieldView{Kind: site.FieldEmail, Name: "email", Label: "Your address", Value: me.Email, Help: "Used to sign in.", Autocomplete: "username", Attrs: templ.Attributes{"maxlength": "254"}},
		site.FieldView{Kind: site.FieldPassword, Name: "password", Label: "Password", Help: "At least 12 characters. If you sign in here with this address already, the password you have.",
			Autocomplete: "new-password", Attrs: templ.Attributes{"maxlength": "256"}})
	return f
}

func showJoin(v *site.Visit) error {
	j, err := look(v, v.Query("token"))
	if err != nil {
		return noInvitation(v, err)
	}
	return v.ShowBare(http.StatusOK, joinShell, joinBody(j))
}

// noInvitation says why a link leads nowhere.
func noInvitation(v *site.Visit, err error) error {
	f := fault.As(err)
	if f == nil || f.Kind == fault.KindInternal {
		return err
	}
	return v.ShowBare(http.StatusUnprocessableEntity, joinShell, noJoinBody(f.Message))
}

func join(v *site.Visit) error {
	var in orgs.Acceptance
	if err := v.Form(&in); err != nil {
		return err
	}
	j, err := look(v, in.Secret)
	if err != nil {
		return noInvitation(v, err)
	}
	j.Form.Keep(v.R.PostForm)
	if ask(&j.Form, v.R.PostForm) {
		return v.ShowBare(http.StatusUnprocessableEntity, joinShell, joinBody(j))
	}
	err = enter(v, in)
	if errors.Is(err, orgs.ErrSecond) { // they are in, and say so at the door
		return v.Goto("/sign-in")
	}
	if err == nil {
		return v.Goto("/")
	}
	if !j.Form.Refused(err) {
		return err
	}
	return v.ShowBare(http.StatusUnprocessableEntity, joinShell, joinBody(j))
}

// enter accepts, signs in and goes to the organization that was joined.
func enter(v *site.Visit, in orgs.Acceptance) error {
	v.Desk.Actor, v.Desk.Org, v.Desk.Key = auth.Actor{Via: "page"}, "", "" // whoever was here before
	made, err := orgs.Accept.Do(v.Context(), v.Desk, in)
	if err != nil {
		return err
	}
	session, err := orgs.SignIn.Do(v.Context(), v.Desk, orgs.Visit{User: made.User, Agent: v.R.UserAgent(), Before: before(v)})
	if err != nil {
		return err
	}
	v.SignIn(session)
	if session.Org == made.Org {
		return nil
	}
	return move(v, session, made)
}

// move goes on in the organization just joined, which is not the person's first.
func move(v *site.Visit, s orgs.Session, made orgs.Created) error {
	err := v.DB.Read(v.Context(), string(s.Org), func(tx *db.Tx) (err error) {
		v.Desk.Actor, err = auth.MemberActor(tx, s.Org, made.User, "page")
		return err
	})
	if err != nil {
		return err
	}
	v.Desk.Org = s.Org
	_, err = orgs.Move.Do(v.Context(), v.Desk, orgs.Going{Org: made.Org, Secret: s.Secret})
	return err
}
