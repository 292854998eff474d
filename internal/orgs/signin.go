package orgs

import (
	"errors"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Signing in, and where one is signed in.
var (
	SignIn    = op.Work("sessions.create", "Sign in.", auth.Anyone, signIn)
	SignOut   = op.Work("sessions.end", "Sign out.", auth.Self, signOut)
	Prove     = op.Work("sessions.prove", "Say again who one is.", auth.Self, prove)
	Sessions  = op.Read("sessions.list", "List where you are signed in, the newest first.", auth.Self, sessions)
	EndOne    = op.Write("sessions.revoke", "End one of your sessions.", auth.Self, endOne)
	EndOthers = op.Work("sessions.others", "End every session of one's own but this.", auth.Self, endOthers)
)

// ErrSecond says that the password is right and not enough.
var ErrSecond = errors.New("a second factor is needed")

// Visit is a sign-in whose password has been checked, or one by a passkey.
type Visit struct {
	User  id.User
	Agent string
	// Before is the secret of the session that the browser had, which ends.
	Before string
	// Code is one of the program or a recovery code; Passkey the answer of an
	// authenticator. One of them is needed from whoever has a second factor.
	Code    string
	Passkey *Answered
}

// Answered is what an authenticator said to a question that was asked here.
type Answered struct {
	Place  auth.Place
	State  auth.QuestionState
	Ticket string // spent with the answer
	Answer string
}

// check finds whose key answered; only is who it has to be, if not empty.
func (a *Answered) check(c *op.Call, only id.User) (id.User, error) {
	if err := auth.Spend(c.Tx, a.Ticket, c.Now); err != nil {
		return "", err
	}
	return a.Place.CheckPasskey(c.Tx, a.State, a.Answer, only, c.Now)
}

// Session is what a browser keeps.
type Session struct {
	Secret string `json:"-"`
	Org    id.Org `json:"org"`
}

func signIn(c *op.Call, in Visit) (Session, error) {
	if err := c.Tx.Beside(db.All); err != nil {
		return Session{}, err
	}
	user, factor, err := cleared(c, in)
	if err != nil {
		return Session{}, err
	}
	if in.Before != "" {
		if err := auth.EndSession(c.Tx, in.Before); err != nil {
			return Session{}, err
		}
	}
	secret, org, err := auth.StartIn(c.Tx, user, auth.Browser{Agent: in.Agent, Address: c.From, Factor: factor}, c.Now)
	if err != nil {
		return Session{}, err
	}
	actor, err := auth.MemberActor(c.Tx, org, user, "page")
	if err != nil {
		return Session{}, err
	}
	c.Enter(org, actor)
	if factor != "" {
		c.Note("factor", factor)
	}
	return Session{secret, org}, nil
}

// cleared is who comes in, and by which second factor. Whoever has one and does
// not use it is refused here, whichever page they came through.
func cleared(c *op.Call, in Visit) (user id.User, factor string, err error) {
	if in.Passkey != nil {
		user, err = in.Passkey.check(c, in.User)
		return user, auth.ByPasskey, err
	}
	f, err := auth.FactorsOf(c.Tx, in.User)
	if err != nil || !f.Any() {
		return in.User, "", err
	}
	if strings.TrimSpace(in.Code) == "" {
		return "", "", fault.Denied("A second factor is needed.").With(ErrSecond)
	}
	k, err := c.Vault.InstallationIn(c.Tx)
	if err != nil {
		return "", "", err
	}
	factor, err = auth.UseSecond(c.Tx, k, in.User, in.Code, c.Now)
	return in.User, factor, err
}

// Leaving is a sign-out.
type Leaving struct {
	Secret string `json:"secret" secret:"true"`
}

func signOut(c *op.Call, in Leaving) (op.None, error) {
	return op.None{}, auth.EndSession(c.Tx, in.Secret)
}

// Proof is that whoever sits there has just said who they are: their password
// was checked, or an authenticator answered.
type Proof struct {
	Secret  string `secret:"true"` // of the session
	Passkey *Answered
}

func prove(c *op.Call, in Proof) (op.None, error) {
	by := "password"
	if in.Passkey != nil {
		by = auth.ByPasskey
		if _, err := in.Passkey.check(c, c.Actor.User); err != nil {
			return op.None{}, err
		}
	}
	c.Note("by", by)
	return op.None{}, auth.SignAgain(c.Tx, in.Secret, c.Actor.User, c.Now)
}

func sessions(c *op.Call, _ op.None) (op.Page[auth.Session], error) {
	rows, err := auth.Sessions(c.Tx, c.Actor.User, "", c.Now)
	return op.Page[auth.Session]{Items: rows, Total: int64(len(rows))}, err
}

// SessionRef names a session.
type SessionRef struct {
	ID string `json:"id" doc:"The session, as the list names it."`
}

func endOne(c *op.Call, in SessionRef) (op.None, error) {
	return op.None{}, auth.EndOne(c.Tx, c.Actor.User, in.ID, c.Now)
}

// Ended says how many sessions ended.
type Ended struct {
	Sessions int64 `json:"sessions"`
}

func endOthers(c *op.Call, in Leaving) (Ended, error) {
	n, err := auth.EndOthers(c.Tx, c.Actor.User, in.Secret)
	c.Note("ended", n)
	return Ended{n}, err
}

// PasswordChange replaces one's own password.
type PasswordChange struct {
	Current string `json:"current" secret:"true"`
	New     string `json:"new" secret:"true"`
	Secret  string `json:"secret" secret:"true"` // of the session that stays
}

// newPassword sees all organizations: the sessions that end may be in any.
func newPassword(c *op.Call, in PasswordChange) (op.None, error) {
	if err := c.Tx.Beside(db.All); err != nil {
		return op.None{}, err
	}
	if err := auth.ChangePassword(c.Tx, c.Actor.User, in.Current, in.New, in.Secret); err != nil {
		return op.None{}, err
	}
	return op.None{}, tell(c, "Your password was changed", "Your password was changed on a page where you were signed in. Every other place you were signed in is signed out.")
}

// since is a moment as letters say it.
func since(t time.Time) string { return t.UTC().Format("2 January 2006 15:04 UTC") }
