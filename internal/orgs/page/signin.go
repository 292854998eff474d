package page

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
)

// Purposes of tickets: one that was given for the one opens nothing else.
const (
	forDoor   = "passkey at the door"
	forSecond = "second factor"
	forProof  = "passkey to prove"
	forNew    = "new passkey"
)

// door is the page on which people sign in.
type door struct {
	Form    site.FormView
	Passkey site.PasskeyView // without a ticket where browsers have no passkeys
	Kept    kept
	Again   bool // a session has ended
	Letters bool
}

func (d door) shell() site.BareShell {
	return site.BareShell{Title: "Sign in", Width: site.BareForm, Scripts: []string{site.PasskeyScript}}
}

func signInForm(to string) site.FormView {
	return site.FormView{Refusal: "You are not signed in.",
		Action: "/sign-in",
		Fields: []site.FieldView{
			{Kind: site.FieldHidden, Name: "to", Value: to, Optional: true},
			{Kind: site.FieldEmail, Name: "email", Label: "Address", Autocomplete: "username webauthn", Autofocus: true, Attrs: templ.Attributes{"maxlength": "254"}},
			{Kind: site.FieldPassword, Name: "password", Label: "Password", Autocomplete: "current-password", Attrs: templ.Attributes{"maxlength": "256"}},
		},
		Buttons: []site.ButtonView{{Text: "Sign in"}},
	}
}

// address is where people are: what the operator says, or else this request.
func address(v *site.Visit) string {
	if v.Web.BaseURL != "" {
		return strings.TrimSuffix(v.Web.BaseURL, "/")
	}
	at := url.URL{Scheme: "http", Host: v.R.Host}
	if v.Web.TLS {
		at.Scheme = "https"
	}
	return at.String()
}

func doorOf(v *site.Visit, to string, k kept) (door, error) {
	d := door{Form: signInForm(to), Kept: k, Letters: v.Letters()}
	d.Form.Fields = append(d.Form.Fields, k.fields()...)
	place, able := auth.PlaceOf(address(v))
	if !able {
		return d, nil
	}
	q, err := place.AnyPasskey()
	if err != nil {
		return d, err
	}
	d.Passkey, err = questionView(v, forDoor, q)
	d.Passkey.Action, d.Passkey.Button = "/sign-in/passkey", "Sign in with a passkey"
	d.Passkey.Without = "Passkeys need a browser that runs scripts and knows them. A password works in any."
	d.Passkey.Hidden = carried(to, k)
	return d, err
}

// carried is what a sign-in takes along besides who somebody is.
func carried(to string, k kept) []site.KV {
	out := []site.KV{{Key: "to", Value: to}}
	for _, f := range k.fields() {
		out = append(out, site.KV{Key: f.Name, Value: f.Value})
	}
	return out
}

// questionView seals what was asked, so that nothing is stored for strangers.
func questionView(v *site.Visit, purpose string, q auth.Question) (site.PasskeyView, error) {
	k, err := v.Vault.Installation(v.Context())
	if err != nil {
		return site.PasskeyView{}, err
	}
	ticket, err := auth.Issue(k, purpose, q.State, v.Clock.Now())
	return site.PasskeyView{Ask: "get", Options: q.Options, Ticket: ticket}, err
}

// answered reads what an authenticator said.
func answered(v *site.Visit, purpose string) (*orgs.Answered, error) {
	place, able := auth.PlaceOf(address(v))
	if !able {
		return nil, fault.Invalid("passkey", "passkeys need a name in the address, and https")
	}
	k, err := v.Vault.Installation(v.Context())
	if err != nil {
		return nil, err
	}
	a := &orgs.Answered{Place: place, Ticket: v.R.PostForm.Get("ticket"), Answer: v.R.PostForm.Get("answer")}
	if a.Answer == "" {
		return nil, fault.Invalid("passkey", "the browser gave no passkey: it needs to run scripts for that")
	}
	return a, auth.Redeem(k, purpose, a.Ticket, &a.State, v.Clock.Now())
}

func showSignIn(v *site.Visit) error {
	done, err := setupDone(v)
	if err != nil {
		return err
	}
	to := local(v.Query("to"))
	switch {
	case !done:
		return v.Goto("/setup")
	case v.Actor.Known():
		return v.Goto(to)
	}
	d, err := doorOf(v, to, kept{})
	if err != nil {
		return err
	}
	return v.ShowBare(http.StatusOK, d.shell(), signInBody(d))
}

type credentials struct {
	To       string `json:"to"`
	Email    string `json:"email"`
	Password string `json:"password"`
	Code     string `json:"code"`
	Ticket   string `json:"ticket"`
	From     string `json:"from"` // of a form that waits
	Kept     string `json:"kept"`
}

func signIn(v *site.Visit) error {
	if v.Query("from") != "" {
		return askAgain(v)
	}
	var in credentials
	if err := v.Form(&in); err != nil {
		return err
	}
	to, waits := local(in.To), unpack(in.From, in.Kept)
	d, err := doorOf(v, to, waits)
	if err != nil {
		return err
	}
	d.Form.Keep(v.R.PostForm)
	set(&d.Form, "to", to)
	if ask(&d.Form, v.R.PostForm) {
		return v.ShowBare(http.StatusUnprocessableEntity, d.shell(), signInBody(d))
	}
	user, err := v.Throttle.CheckFrom(v.Context(), v.DB, v.From, in.Email, in.Password, v.Clock.Now())
	if err == nil {
		err = admit(v, orgs.Visit{User: user}, to, waits)
		if errors.Is(err, orgs.ErrSecond) {
			return askSecond(v, user, to, waits, nil)
		}
	} else if fault.As(err) != nil {
		v.Log.Warn("sign-in refused", "from", v.R.RemoteAddr) // not the address typed: some type a password there
	}
	if err != nil {
		if !d.Form.Refused(err) {
			return err
		}
		return v.ShowBare(http.StatusUnprocessableEntity, d.shell(), signInBody(d))
	}
	return nil
}

// admit begins a session and leads on.
func admit(v *site.Visit, in orgs.Visit, to string, waits kept) error {
	v.Desk.Actor, v.Desk.Org, v.Desk.Key = auth.Actor{Via: "page"}, "", "" // whoever was here before
	in.Agent, in.Before = v.R.UserAgent(), before(v)
	session, err := orgs.SignIn.Do(v.Context(), v.Desk, in)
	if err != nil {
		return err
	}
	v.SignIn(session)
	if waits.any() {
		return goOn(v, waits, to)
	}
	return v.Goto(to)
}

// passkeyIn is the door for whoever has a passkey, which stands for both the
// password and the second factor.
func passkeyIn(v *site.Visit) error {
	var in credentials
	if err := v.Form(&in); err != nil {
		return err
	}
	to, waits := local(in.To), unpack(in.From, in.Kept)
	err := v.Throttle.Try(auth.ForPasskey, "", v.From, v.Clock.Now())
	var a *orgs.Answered
	if err == nil {
		a, err = answered(v, forDoor)
	}
	if err == nil {
		err = admit(v, orgs.Visit{Passkey: a}, to, waits)
	}
	if err == nil {
		v.Throttle.Succeed(auth.ForPasskey, "", v.From)
		return nil
	}
	f := fault.As(err)
	if f == nil || f.Kind == fault.KindInternal {
		return err
	}
	v.Log.Warn("passkey refused", "from", v.R.RemoteAddr, "why", err)
	d, readErr := doorOf(v, to, waits)
	if readErr != nil {
		return readErr
	}
	d.Passkey.Problem = f.Message
	return v.ShowBare(http.StatusUnprocessableEntity, d.shell(), signInBody(d))
}

// second is the other half of a sign-in, whose password was right.
type second struct {
	Form    site.FormView
	Passkey site.PasskeyView
}

// half is what a ticket says of the first half.
type half struct {
	User id.User `json:"user"`
}

// askSecond asks for a code or a passkey. The ticket carries who gave the right
// password; cause is why the first answer was refused.
func askSecond(v *site.Visit, user id.User, to string, waits kept, cause error) error {
	k, err := v.Vault.Installation(v.Context())
	if err != nil {
		return err
	}
	ticket, err := auth.Issue(k, forSecond, half{user}, v.Clock.Now())
	if err != nil {
		return err
	}
	hidden := append(carried(to, waits), site.KV{Key: "first", Value: ticket})
	s := second{Form: site.FormView{Refusal: "You are not signed in yet.", Action: "/sign-in/second", Buttons: []site.ButtonView{{Text: "Sign in"}}, Fields: []site.FieldView{
		{Name: "code", Label: "Code", Help: "The six digits of the program that makes codes, or a recovery code.", Mono: true, Autocomplete: "one-time-code", Autofocus: true,
			Attrs: templ.Attributes{"maxlength": "40", "spellcheck": "false", "autocapitalize": "none"}}}}}
	for _, h := range hidden {
		s.Form.Fields = append(s.Form.Fields, site.FieldView{Kind: site.FieldHidden, Name: h.Key, Value: h.Value, Optional: true})
	}
	if place, able := auth.PlaceOf(address(v)); able {
		q, err := place.AnyPasskey()
		if err != nil {
			return err
		}
		if s.Passkey, err = questionView(v, forDoor, q); err != nil {
			return err
		}
		s.Passkey.Action, s.Passkey.Button, s.Passkey.Hidden = "/sign-in/passkey", "Use a passkey", carried(to, waits)
		s.Passkey.Without = "Passkeys need a browser that runs scripts and knows them."
	}
	status := http.StatusOK
	if cause != nil {
		status = http.StatusUnprocessableEntity
		if !s.Form.Refused(cause) {
			return cause
		}
	}
	shell := door{}.shell()
	shell.Title = "The second factor"
	return v.ShowBare(status, shell, secondBody(s))
}

func secondIn(v *site.Visit) error {
	var in struct {
		credentials
		First string `json:"first"`
	}
	if err := v.Form(&in.credentials); err != nil {
		return err
	}
	in.First = v.R.PostForm.Get("first")
	to, waits, now := local(in.To), unpack(in.From, in.Kept), v.Clock.Now()
	k, err := v.Vault.Installation(v.Context())
	if err != nil {
		return err
	}
	var h half
	if err := auth.Redeem(k, forSecond, in.First, &h, now); err != nil {
		d, readErr := doorOf(v, to, waits)
		if readErr != nil {
			return readErr
		}
		d.Form.Refused(err)
		return v.ShowBare(http.StatusUnprocessableEntity, d.shell(), signInBody(d))
	}
	if strings.TrimSpace(in.Code) == "" {
		return askSecond(v, h.User, to, waits, fault.Invalid("code", "This is needed."))
	}
	err = v.Throttle.Try(auth.ForCode, string(h.User), v.From, now)
	if err == nil {
		err = admit(v, orgs.Visit{User: h.User, Code: in.Code}, to, waits)
	}
	if err != nil {
		if fault.As(err) == nil {
			return err
		}
		v.Log.Warn("second factor refused", "user", h.User, "from", v.R.RemoteAddr)
		return askSecond(v, h.User, to, waits, err)
	}
	v.Throttle.Succeed(auth.ForCode, string(h.User), v.From)
	return nil
}

// before is the secret of the session that the browser still holds, if any.
func before(v *site.Visit) string {
	c, err := v.R.Cookie(auth.CookieNameFor(v.Web.TLS))
	if err != nil {
		return ""
	}
	return c.Value
}

func signOut(v *site.Visit) error {
	if v.Actor.Known() {
		if err := v.SignOut(); err != nil {
			return err
		}
	}
	return v.Goto("/sign-in")
}
