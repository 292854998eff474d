package page

import (
	"net/http"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
)

// proof is the page on which somebody who is signed in says again who they are.
type proof struct {
	Form    site.FormView
	Passkey site.PasskeyView
	Kept    kept
	Name    string
}

func proofOf(v *site.Visit, to string, k kept) (proof, error) {
	p := proof{Kept: k, Name: v.Actor.Name, Form: site.FormView{Refusal: "Not proven yet.", Action: "/prove", Fields: []site.FieldView{
		{Kind: site.FieldHidden, Name: "to", Value: to, Optional: true},
		{Kind: site.FieldPassword, Name: "password", Label: "Your password", Autocomplete: "current-password", Autofocus: true, Attrs: templ.Attributes{"maxlength": "256"}},
	}, Buttons: []site.ButtonView{{Text: "Go on"}, {Text: "Cancel", Href: to}}}}
	p.Form.Fields = append(p.Form.Fields, k.fields()...)
	place, able := auth.PlaceOf(address(v))
	if !able {
		return p, nil
	}
	q, err := place.AnyPasskey()
	if err != nil {
		return p, err
	}
	if p.Passkey, err = questionView(v, forProof, q); err != nil {
		return p, err
	}
	p.Passkey.Action, p.Passkey.Button, p.Passkey.Hidden = "/prove", "Use a passkey", carried(to, k)
	p.Passkey.Without = "Passkeys need a browser that runs scripts and knows them."
	return p, nil
}

func proofShell() site.BareShell {
	return site.BareShell{Title: "Is it you?", Width: site.BareForm, Scripts: []string{site.PasskeyScript}}
}

func showProve(v *site.Visit) error {
	p, err := proofOf(v, local(v.Query("to")), kept{})
	if err != nil {
		return err
	}
	return v.ShowBare(http.StatusOK, proofShell(), proveBody(p))
}

func prove(v *site.Visit) error {
	if v.Query("from") != "" {
		k, err := keep(v)
		if err != nil {
			return err
		}
		p, err := proofOf(v, local(v.Query("to")), k)
		if err != nil {
			return err
		}
		return v.ShowBare(http.StatusOK, proofShell(), proveBody(p))
	}
	var in credentials
	if err := v.Form(&in); err != nil {
		return err
	}
	v.Key = ""
	to, waits := local(in.To), unpack(in.From, in.Kept)
	if err := proved(v, in); err != nil {
		f := fault.As(err)
		if f == nil || f.Kind == fault.KindInternal {
			return err
		}
		p, readErr := proofOf(v, to, waits)
		if readErr != nil {
			return readErr
		}
		if in.Ticket != "" {
			p.Passkey.Problem = f.Message
		} else {
			p.Form.Refused(err)
		}
		return v.ShowBare(http.StatusUnprocessableEntity, proofShell(), proveBody(p))
	}
	if waits.any() {
		return goOn(v, waits, to)
	}
	return v.Goto(to)
}

func proved(v *site.Visit, in credentials) error {
	p, now := orgs.Proof{Secret: before(v)}, v.Clock.Now()
	if in.Ticket != "" {
		if err := v.Throttle.Try(auth.ForPasskey, string(v.Actor.User), v.From, now); err != nil {
			return err
		}
		a, err := answered(v, forProof)
		if err != nil {
			return err
		}
		p.Passkey = a
	} else if in.Password == "" {
		return fault.Invalid("password", "This is needed.")
	} else if user, err := v.Throttle.CheckFrom(v.Context(), v.DB, v.From, v.Actor.Email, in.Password, now); err != nil {
		if fault.KindOf(err) == fault.KindInvalid {
			err = fault.Invalid("password", "this is not your password")
		}
		return err
	} else if user != v.Actor.User {
		return fault.Denied("Sign in first.")
	}
	_, err := orgs.Prove.Do(v.Context(), v.Desk, p)
	if err == nil && p.Passkey != nil {
		v.Throttle.Succeed(auth.ForPasskey, string(v.Actor.User), v.From)
	}
	return err
}
