package orgs

import (
	"context"
	"slices"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Recovery: how a person who cannot sign in any more comes back.
var (
	Recover     = op.Write("members.recover", "Give a member who cannot sign in a link to choose a new password, good once. The member is written to.", auth.MembersWrite, recoverMember)
	AskRecovery = op.Work("recoveries.create", "Ask for a link to choose a new password, by mail.", auth.Anyone, askRecovery)
	UseRecovery = op.Work("recoveries.use", "Choose a new password with a link.", auth.Anyone, useRecovery)
	HostRecover = op.Work("recoveries.host", "Let the owner back in from the machine that holds the data.", auth.Anyone, hostRecover)
)

// Rescue asks for a link for a member.
type Rescue struct {
	ID      string `json:"id" doc:"The member's id."`
	Factors bool   `json:"factors,omitempty" doc:"Take the second factors away too, because they are lost."`
	Hand    bool   `json:"hand,omitempty" doc:"Show the link to you, to hand it over, instead of sending it. The member is written to nevertheless, if letters can be sent."`
}

// Rescued is a link, or word that it was sent.
type Rescued struct {
	Sent   string `json:"sent,omitempty"` // the address that it went to
	Secret string `json:"secret,omitempty" secret:"true"`
}

// recoverMember never lets one organization into another: the sign-in of somebody who
// belongs to several is not for the owner of one of them to take.
func recoverMember(c *op.Call, in Rescue) (Rescued, error) {
	if err := c.Actor.Proved(c.Now); err != nil {
		return Rescued{}, err
	}
	m, err := held(c, in.ID)
	if err != nil {
		return Rescued{}, err
	}
	if m.ID == c.Actor.User {
		return Rescued{}, fault.Conflict("This is you: change your own password, or ask for a link where you sign in.")
	}
	if err := c.Tx.Beside(db.All); err != nil {
		return Rescued{}, err
	}
	homes, err := auth.Homes(c.Tx, m.ID)
	if err != nil {
		return Rescued{}, err
	}
	hand := in.Hand || !c.Letters()
	if len(homes) > 1 && (hand || in.Factors) {
		return Rescued{}, fault.Conflict("%s signs in for more than this organization, so that its owner alone cannot let them in again. They ask for a link by mail where they sign in, or whoever runs the installation runs: tickmark recover-owner --email %s", m.Name, m.Email)
	}
	life := auth.RecoveryByMail
	if hand {
		life = auth.RecoveryByHand
	}
	secret, err := auth.NewRecovery(c.Tx, m.ID, c.Org, in.Factors, c.Actor.Key(), life, c.Now)
	if err != nil {
		return Rescued{}, err
	}
	o, err := get(c, op.None{})
	if err != nil {
		return Rescued{}, err
	}
	lost := ""
	if in.Factors {
		lost = " It also takes your second factors away."
	}
	if hand {
		return Rescued{Secret: secret}, write(c, m.Email, c.Actor.Name+" made a link with which your password can be changed",
			c.Actor.Name+" of "+o.Name+" made a link on "+since(c.Now)+" with which a new password can be chosen for you, and hands it over to you."+lost,
			"If you did not ask for it, speak to another owner of "+o.Name+" at once: whoever has the link can act in your name. The log of "+o.Name+" says who made it.")
	}
	return Rescued{Sent: m.Email}, write(c, m.Email, "Choose a new password for "+o.Name,
		c.Actor.Name+" of "+o.Name+" asked on "+since(c.Now)+" that you can choose a new password. The link is good once, for an hour; with it every place you are signed in is signed out."+lost,
		link(c.BaseURL, "/again", secret),
		"If you did not ask for it, do not open it, and tell another owner of "+o.Name+".")
}

// Forgotten is somebody who cannot sign in, known by their address.
type Forgotten struct {
	User  id.User
	Email string
}

// Forgot finds whom a link would be written to; false if nobody has the address,
// which the one who asks is not told. The transaction must see all organizations.
func Forgot(tx *db.Tx, email string) (Forgotten, bool, error) {
	u, known, err := auth.FindUser(tx, email)
	if err != nil || !known {
		return Forgotten{}, false, err
	}
	homes, err := auth.Homes(tx, u.ID)
	return Forgotten{u.ID, u.Email}, len(homes) > 0, err
}

func askRecovery(c *op.Call, in Forgotten) (op.None, error) {
	if !c.Letters() {
		return op.None{}, fault.Conflict("No letters are sent here. Ask an owner of your organization for a link.")
	}
	home, actor, err := homeOf(c, in.User)
	if err != nil {
		return op.None{}, err
	}
	secret, err := auth.NewRecovery(c.Tx, in.User, home, false, string(in.User), auth.RecoveryByMail, c.Now)
	if err != nil {
		return op.None{}, err
	}
	c.Enter(home, actor)
	return op.None{}, write(c, in.Email, "Choose a new password",
		"Somebody, perhaps you, asked on "+since(c.Now)+" to choose a new password for this address. The link is good once, for an hour. Your second factor, if you have one, is asked for as before.",
		link(c.BaseURL, "/again", secret),
		"If it was not you, there is nothing to do: without the link nothing changes.")
}

// homeOf is the organization whose log says what happens to somebody's sign-in,
// and the somebody.
func homeOf(c *op.Call, user id.User) (id.Org, auth.Actor, error) {
	if err := c.Tx.Beside(db.All); err != nil {
		return "", auth.Actor{}, err
	}
	homes, err := auth.Homes(c.Tx, user)
	if err != nil {
		return "", auth.Actor{}, err
	}
	if len(homes) == 0 {
		return "", auth.Actor{}, fault.Conflict("Whoever this is belongs to no organization any more.")
	}
	actor, err := auth.MemberActor(c.Tx, homes[0], user, "page")
	return homes[0], actor, err
}

// Anew is a new password, by link.
type Anew struct {
	Secret   string `json:"secret" secret:"true"`
	Password string `json:"password" secret:"true"`
}

// Recovered is who can sign in again.
type Recovered struct {
	User id.User
}

func useRecovery(c *op.Call, in Anew) (Recovered, error) {
	if err := c.Tx.Beside(db.All); err != nil {
		return Recovered{}, err
	}
	r, err := auth.Recover(c.Tx, in.Secret, in.Password, c.Now)
	if err != nil {
		return Recovered{}, err
	}
	homes, err := auth.Homes(c.Tx, r.User.ID)
	if err != nil {
		return Recovered{}, err
	}
	home := r.Org
	if !slices.Contains(homes, home) {
		if len(homes) == 0 {
			return Recovered{}, fault.Conflict("You belong to no organization here any more. Ask its owner for an invitation.")
		}
		home = homes[0]
	}
	actor, err := auth.MemberActor(c.Tx, home, r.User.ID, "page")
	if err != nil {
		return Recovered{}, err
	}
	c.Enter(home, actor)
	if r.Factors {
		c.Note("factors", "taken away")
	}
	what := "A new password was chosen for you with a link, and every place you were signed in is signed out."
	if r.Factors {
		what += " Your second factors were taken away."
	}
	return Recovered{r.User.ID}, tellUser(c, actor, "Your password was changed", what)
}

// LookRecovery says whose link this is before anybody uses it. The transaction
// must see all organizations.
func LookRecovery(tx *db.Tx, secret string, now time.Time) (auth.Recovery, error) {
	return auth.LookRecovery(tx, secret, now)
}

// Hosted asks for the way back of an owner, on the machine itself.
type Hosted struct {
	Org   id.Org
	Email string // of whom; the only owner if empty
}

// Way is the way back.
type Way struct {
	Name, Email string
	Secret      string `secret:"true"`
}

// hostRecover is for whoever has the data directory in hand, who could do worse.
// That it was used stands in the log, under the name of the host.
func hostRecover(c *op.Call, in Hosted) (Way, error) {
	if err := c.Tx.Beside(db.All); err != nil {
		return Way{}, err
	}
	if in.Email != "" {
		email, err := auth.FoldEmail(in.Email)
		if err != nil {
			return Way{}, err
		}
		in.Email = email
	}
	all, err := auth.Members(c.Tx, in.Org)
	if err != nil {
		return Way{}, err
	}
	var keep []auth.Member
	names := ""
	for _, m := range all {
		if (auth.Actor{Roles: m.Roles}).May(auth.MembersWrite) && (in.Email == "" || m.Email == in.Email) {
			keep = append(keep, m)
			names += " " + m.Email
		}
	}
	switch {
	case len(keep) == 0:
		return Way{}, fault.Invalid("email", "give the address of somebody who keeps the members of this organization: its owners, or the partners of a firm")
	case len(keep) > 1:
		return Way{}, fault.Invalid("email", "there are several; give one of:%s", names)
	}
	m := keep[0]
	able, err := auth.HasPassword(c.Tx, m.ID)
	if err != nil {
		return Way{}, err
	}
	if !able {
		return Way{}, fault.Conflict("%s never chose a password: run tickmark serve, and use the setup token it prints.", m.Name)
	}
	secret, err := auth.NewRecovery(c.Tx, m.ID, in.Org, true, "host", auth.RecoveryByMail, c.Now)
	if err != nil {
		return Way{}, err
	}
	c.Enter(in.Org, auth.Actor{Name: "operator on the host", Via: "host"})
	if _, err := c.Append(op.Record{Kind: canon.KindOp, Body: map[string]any{"member": string(m.ID), "factors": "taken away when it is used"}}); err != nil {
		return Way{}, err
	}
	return Way{m.Name, m.Email, secret}, write(c, m.Email, "A way back in was made for you on the host",
		"Whoever runs this installation made a link on "+since(c.Now)+" with which a new password can be chosen for you; it also takes your second factors away.",
		"If you did not ask for it, speak to whoever runs the installation. The log of your organization says that it was made.")
}

// Tidy deletes sessions that have run out, and links and tickets that have.
func Tidy(ctx context.Context, e *op.Engine) error { return auth.Expire(ctx, e.DB, e.Clock.Now()) }
