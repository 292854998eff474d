package page

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
)

var forgotShell = site.BareShell{Title: "A forgotten password", Width: site.BareForm}

func forgotForm() site.FormView {
	return site.FormView{Action: "/forgotten", Fields: []site.FieldView{
		{Kind: site.FieldEmail, Name: "email", Label: "Address", Help: "The one you sign in with.", Autocomplete: "username", Autofocus: true, Attrs: templ.Attributes{"maxlength": "254"}},
	}, Buttons: []site.ButtonView{{Text: "Send me a link"}, {Text: "Sign in", Href: "/sign-in"}}}
}

func showForgotten(v *site.Visit) error {
	return v.ShowBare(http.StatusOK, forgotShell, forgottenBody(forgotForm(), v.Letters(), false))
}

// letterTime bounds what goes on after the answer.
const letterTime = 2 * time.Minute

// forgotten gives everybody the same answer at once: whether the address can
// sign in here is nobody's business, nor is how long it took to find out.
func forgotten(v *site.Visit) error {
	var in struct {
		Email string `json:"email"`
	}
	if err := v.Form(&in); err != nil {
		return err
	}
	form := forgotForm()
	form.Keep(v.R.PostForm)
	if !v.Letters() || ask(&form, v.R.PostForm) {
		return v.ShowBare(http.StatusUnprocessableEntity, forgotShell, forgottenBody(form, v.Letters(), false))
	}
	email, err := auth.FoldEmail(in.Email)
	if err == nil {
		err = v.Throttle.Try(auth.ForRecovery, email, v.From, v.Clock.Now())
	}
	if err != nil {
		if !form.Refused(err) {
			return err
		}
		return v.ShowBare(http.StatusUnprocessableEntity, forgotShell, forgottenBody(form, true, false))
	}
	desk := &op.Desk{Engine: v.Engine, Actor: auth.Actor{Via: "page"}, From: v.From}
	ctx := context.WithoutCancel(v.Context())
	go func() {
		ctx, cancel := context.WithTimeout(ctx, letterTime)
		defer cancel()
		if err := writeLink(ctx, desk, email); err != nil {
			desk.Log.Error("a letter to choose a new password", "err", err)
		}
	}()
	return v.ShowBare(http.StatusOK, forgotShell, forgottenBody(form, true, true))
}

func writeLink(ctx context.Context, desk *op.Desk, email string) error {
	var (
		who   orgs.Forgotten
		known bool
	)
	err := desk.DB.Read(ctx, db.All, func(tx *db.Tx) (err error) {
		who, known, err = orgs.Forgot(tx, email)
		return err
	})
	if err != nil || !known {
		return err
	}
	_, err = orgs.AskRecovery.Do(ctx, desk, who)
	return err
}

var againShell = site.BareShell{Title: "Choose a new password", Width: site.BareForm}

func againForm(secret, email string) site.FormView {
	return site.FormView{Action: "/again", Fields: []site.FieldView{
		{Kind: site.FieldHidden, Name: "secret", Value: secret, Optional: true},
		{Kind: site.FieldHidden, Name: "username", Value: email, Optional: true},
		{Kind: site.FieldPassword, Name: "password", Label: "Your new password", Help: "At least 12 characters. Several words in a row are easy to keep in mind.", Autocomplete: "new-password", Autofocus: true, Attrs: templ.Attributes{"minlength": "12", "maxlength": "256"}},
		{Kind: site.FieldPassword, Name: "again", Label: "The same again", Autocomplete: "new-password", Attrs: templ.Attributes{"maxlength": "256"}},
	}, Buttons: []site.ButtonView{{Text: "Choose this password"}}}
}

func lookAgain(v *site.Visit, secret string) (r auth.Recovery, err error) {
	if err := v.Throttle.Try(auth.ForRecovery, "", v.From, v.Clock.Now()); err != nil {
		return r, err
	}
	err = v.DB.Read(v.Context(), db.All, func(tx *db.Tx) (err error) {
		r, err = orgs.LookRecovery(tx, secret, v.Clock.Now())
		return err
	})
	if err == nil {
		v.Throttle.Succeed(auth.ForRecovery, "", v.From)
	}
	return r, err
}

func showAgain(v *site.Visit) error {
	r, err := lookAgain(v, v.Query("token"))
	if err != nil {
		return noWayBack(v, err)
	}
	return v.ShowBare(http.StatusOK, againShell, againBody(r, againForm(v.Query("token"), r.User.Email)))
}

func noWayBack(v *site.Visit, err error) error {
	f := fault.As(err)
	if f == nil || f.Kind == fault.KindInternal {
		return err
	}
	return v.ShowBare(http.StatusUnprocessableEntity, againShell, noAgainBody(f.Message, v.Letters()))
}

func again(v *site.Visit) error {
	var in struct {
		Secret   string `json:"secret"`
		Password string `json:"password"`
		Again    string `json:"again"`
	}
	if err := v.Form(&in); err != nil {
		return err
	}
	r, err := lookAgain(v, in.Secret)
	if err != nil {
		return noWayBack(v, err)
	}
	form := againForm(in.Secret, r.User.Email)
	switch {
	case ask(&form, v.R.PostForm):
		return v.ShowBare(http.StatusUnprocessableEntity, againShell, againBody(r, form))
	case in.Password != in.Again:
		err = fault.Invalid("again", "this is not what stands above it")
	}
	var back orgs.Recovered
	if err == nil {
		v.Desk.Actor, v.Desk.Org, v.Desk.Key = auth.Actor{Via: "page"}, "", ""
		back, err = orgs.UseRecovery.Do(v.Context(), v.Desk, orgs.Anew{Secret: in.Secret, Password: in.Password})
	}
	if err != nil {
		if !form.Refused(err) {
			return err
		}
		return v.ShowBare(http.StatusUnprocessableEntity, againShell, againBody(r, form))
	}
	v.Throttle.Succeed(auth.ForPassword, r.User.Email, "")
	err = admit(v, orgs.Visit{User: back.User}, "/", kept{})
	if errors.Is(err, orgs.ErrSecond) {
		return askSecond(v, back.User, "/", kept{}, nil)
	}
	return err
}
