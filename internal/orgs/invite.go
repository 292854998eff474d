package orgs

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Invitations: how people and firms come in without anybody knowing their
// password.
var (
	Invite      = op.Write("invitations.create", "Invite a person, or a CPA firm, by a link that is good once.", auth.MembersWrite, invite)
	Invitations = op.Read("invitations.list", "List invitations, newest first.", auth.MembersWrite, invitations)
	Uninvite    = op.Write("invitations.revoke", "Take an invitation back.", auth.MembersWrite, uninvite)
	Accept      = op.Write("invitations.accept", "Accept an invitation with its secret.", auth.Anyone, accept).Before(guess)
	Firms       = op.Read("firms.list", "List the CPA firms that accepted an invitation.", auth.EngageWrite, firms)
)

// AsFirm is the role of an invitation for a CPA firm.
const AsFirm = "cpa_firm"

const (
	inviteLife = 14 * 24 * time.Hour

	insertInvitation = `INSERT INTO invitation (org_id, id, hash, role, note, actor, created, expires, used, user_id, firm_org, revoked, email, sent)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, '', '', 0, ?, ?)`
	selectInvitations = `SELECT id, role, note, actor, created, expires, used, user_id, firm_org, revoked, email, sent FROM invitation
		WHERE org_id = ? ORDER BY id DESC`
	selectInvited    = "SELECT org_id, id, role, expires, used, revoked FROM invitation WHERE hash = ?"
	useInvitation    = "UPDATE invitation SET used = ?, user_id = ?, firm_org = ? WHERE org_id = ? AND id = ? AND used = 0 AND revoked = 0"
	revokeInvitation = "UPDATE invitation SET revoked = ? WHERE org_id = ? AND id = ? AND used = 0 AND revoked = 0"
	selectFirms      = `SELECT firm_org, MIN(used) FROM invitation WHERE org_id = ? AND firm_org <> '' GROUP BY firm_org ORDER BY MIN(used), firm_org`
)

// Invitation is a place kept for somebody.
type Invitation struct {
	ID      id.Invitation `json:"id"`
	Role    string        `json:"role"`
	Note    string        `json:"note,omitempty"`
	By      string        `json:"by"`
	Created time.Time     `json:"created"`
	Expires time.Time     `json:"expires"`
	Used    time.Time     `json:"used,omitzero"`
	User    id.User       `json:"user,omitempty"`
	Firm    id.Org        `json:"firm,omitempty"`
	Revoked time.Time     `json:"revoked,omitzero"`
	Email   string        `json:"email,omitempty"` // whom it was written to, or is for
	Sent    time.Time     `json:"sent,omitzero"`
}

// InvitationWish asks for an invitation.
type InvitationWish struct {
	Role  string `json:"role" enum:"owner,compliance_lead,control_owner,sponsor,employee,operator,partner,manager,staff,cpa_firm" doc:"What the person will do here; cpa_firm invites a firm to examine this organization."`
	Note  string `json:"note,omitempty" maxLength:"200" doc:"For whom it is, for your own list."`
	Email string `json:"email,omitempty" maxLength:"254" doc:"The address to send the link to. Where letters cannot be sent, or without one, the link is shown to you."`
	Days  int    `json:"days,omitempty" minimum:"1" maximum:"90" doc:"How long it is good; 14 if left out."`
}

// GrantedInvitation carries the secret, this once.
type GrantedInvitation struct {
	Invitation
	Secret string `json:"secret,omitempty" secret:"true"`
}

func invite(c *op.Call, in InvitationWish) (GrantedInvitation, error) {
	o, err := mayInvite(c, in.Role)
	if err != nil {
		return GrantedInvitation{}, err
	}
	return offer(c, o, in)
}

// mayInvite refuses a role that nobody can have here.
func mayInvite(c *op.Call, role string) (Org, error) {
	o, err := get(c, op.None{})
	if err != nil {
		return o, err
	}
	if role == AsFirm {
		if o.Kind == Firm {
			return o, fault.Invalid("role", "%s is a CPA firm itself; the organization it examines invites it", o.Name)
		}
		return o, nil
	}
	_, err = fitting(c, role)
	return o, err
}

// offer keeps a place for somebody, and writes to them if there is an address
// and letters can be sent. The secret is then in the letter and nowhere else.
func offer(c *op.Call, o Org, in InvitationWish) (GrantedInvitation, error) {
	if in.Email != "" {
		email, err := auth.FoldEmail(in.Email)
		if err != nil {
			return GrantedInvitation{}, err
		}
		in.Email = email
	}
	secret, hash := auth.NewSecret("join-")
	x := Invitation{ID: id.New[id.Invitation](c.Now), Role: in.Role, Note: strings.TrimSpace(in.Note), By: c.Actor.Name, Created: c.Now,
		Expires: c.Now.Add(lifeOf(in.Days)), Email: in.Email}
	if in.Email != "" && c.Letters() {
		x.Sent = c.Now
	}
	c.Note("id", string(x.ID))
	_, err := c.Tx.Exec(insertInvitation, c.Org, x.ID, hash, x.Role, x.Note, x.By, clock.Millis(x.Created), clock.Millis(x.Expires), x.Email, clock.Millis(x.Sent))
	if err != nil || x.Sent.IsZero() {
		return GrantedInvitation{x, secret}, err
	}
	return GrantedInvitation{Invitation: x}, letterTo(c, o, x, secret)
}

func lifeOf(days int) time.Duration {
	if days == 0 {
		return inviteLife
	}
	return time.Duration(days) * 24 * time.Hour
}

func invitations(c *op.Call, _ op.None) (op.Page[Invitation], error) {
	rows, err := db.Rows(c.Tx, selectInvitations, []any{c.Org}, func(scan func(...any) error, x *Invitation) error {
		var created, expires, used, revoked, sent int64
		err := scan(&x.ID, &x.Role, &x.Note, &x.By, &created, &expires, &used, &x.User, &x.Firm, &revoked, &x.Email, &sent)
		x.Sent = clock.FromMillis(sent)
		x.Created, x.Expires, x.Used, x.Revoked = clock.FromMillis(created), clock.FromMillis(expires), clock.FromMillis(used), clock.FromMillis(revoked)
		return err
	})
	return op.Page[Invitation]{Items: rows, Total: int64(len(rows))}, err
}

// InvitationRef names an invitation.
type InvitationRef struct {
	ID string `json:"id" doc:"The invitation's id."`
}

func uninvite(c *op.Call, in InvitationRef) (op.None, error) {
	x, err := id.Parse[id.Invitation](in.ID)
	if err != nil {
		return op.None{}, err
	}
	n, err := c.Tx.Exec(revokeInvitation, clock.Millis(c.Now), c.Org, x)
	if err == nil && n == 0 {
		err = fault.NotFound("no invitation %s that is still open", x)
	}
	return op.None{}, err
}

// Acceptance is what a guest says of themselves.
type Acceptance struct {
	Secret       string `json:"secret" secret:"true" maxLength:"200" doc:"The invitation's secret, which begins with join-."`
	Name         string `json:"name" minLength:"1" maxLength:"200" doc:"Your name."`
	Email        string `json:"email" minLength:"3" maxLength:"254" doc:"The address you sign in with."`
	Password     string `json:"password" secret:"true" maxLength:"256" doc:"Your password: a new one of at least 12 characters or, if the address can sign in here already, the one it has."`
	Organization string `json:"organization,omitempty" maxLength:"200" doc:"For a CPA firm that is new here: its name."`
	Zone         string `json:"zone,omitempty" maxLength:"64" doc:"For a new firm: the IANA time zone in which its days begin."`
}

// accept brings a guest in. It sees all organizations, since the secret says
// which one asks; the guest may act for another one meanwhile.
func accept(c *op.Call, in Acceptance) (Created, error) {
	if err := c.Tx.Beside(db.All); err != nil {
		return Created{}, err
	}
	org, role, x, err := invited(c, in.Secret)
	if err != nil {
		return Created{}, err
	}
	user, err := guest(c, in)
	if err != nil {
		return Created{}, err
	}
	mine, err := belongs(c.Tx, user.ID)
	if err != nil {
		return Created{}, err
	}
	// The two sides of an examination are two sets of people.
	for _, o := range mine {
		if (o.Kind == Firm) != (role == AsFirm || auth.IsFirm(auth.Role(role))) {
			return Created{}, fault.Conflict("%s belongs to %s. Whoever examines belongs to no organization that is examined here, and the other way round: use another address, of another person.", user.Email, o.Name)
		}
	}
	firm, joined := id.Org(""), org
	if role == AsFirm {
		if firm, err = admitted(c, org, user, mine, in); err != nil {
			return Created{}, err
		}
		joined = firm
	} else if err := auth.Join(c.Tx, org, user.ID, []auth.Role{auth.Role(role)}, c.Now); err != nil {
		return Created{}, err
	}
	n, err := c.Tx.Exec(useInvitation, clock.Millis(c.Now), user.ID, firm, org, x)
	if err == nil && n == 0 {
		err = errUsed
	}
	if err != nil {
		return Created{}, err
	}
	c.Enter(org, auth.Actor{User: user.ID, Name: user.Name, Email: user.Email, Via: c.Actor.Via})
	c.Note("id", string(x))
	return Created{joined, user.ID}, nil
}

// guess makes whoever tries passwords of an address that is known here, or
// secrets of invitations, wait as long as at the door. It runs before the
// transaction, on every surface.
func guess(ctx context.Context, d *op.Desk, in Acceptance) error {
	if d.Throttle == nil {
		return nil
	}
	now := d.Clock.Now()
	if err := d.Throttle.Try(auth.ForJoining, "", d.From, now); err != nil {
		return err
	}
	known := false
	err := d.DB.Read(ctx, db.All, func(tx *db.Tx) error {
		c := &op.Call{Context: ctx, Desk: d, Tx: tx, Now: now}
		if _, _, _, err := invited(c, in.Secret); err != nil {
			return err
		}
		var err error
		_, known, err = auth.FindUser(tx, in.Email)
		return err
	})
	if err != nil {
		return err
	}
	if known {
		_, err = d.Throttle.CheckFrom(ctx, d.DB, d.From, in.Email, in.Password, now)
		if fault.KindOf(err) == fault.KindInvalid {
			err = errNotTheirs
		}
	}
	if err == nil {
		d.Throttle.Succeed(auth.ForJoining, "", d.From)
	}
	return err
}

var errNotTheirs = fault.Invalid("password", "this address can sign in here already, and this is not its password")

var errUsed = fault.Conflict("This invitation was used or taken back. Ask for a new one.")

func invited(c *op.Call, secret string) (org id.Org, role string, x id.Invitation, err error) {
	var expires, used, revoked int64
	err = c.Tx.Row(selectInvited, []any{auth.HashOf(strings.TrimSpace(secret))}, &org, &x, &role, &expires, &used, &revoked)
	switch {
	case errors.Is(err, db.ErrNone):
		err = fault.Invalid("secret", "no such invitation: copy the whole link")
	case err != nil:
	case used != 0 || revoked != 0:
		err = errUsed
	case c.Now.UnixMilli() > expires:
		err = fault.Conflict("This invitation has expired. Ask for a new one.")
	}
	return org, role, x, err
}

// guest is the person who accepts: new here, or known by their password.
func guest(c *op.Call, in Acceptance) (auth.User, error) {
	u, known, err := auth.FindUser(c.Tx, in.Email)
	if err != nil {
		return auth.User{}, err
	}
	if !known && in.Password == "" {
		return auth.User{}, fault.Invalid("password", "choose the password you will sign in with")
	}
	if !known {
		return auth.CreateUser(c.Tx, in.Name, in.Email, in.Password, c.Now)
	}
	ok, err := auth.PasswordIs(c.Tx, u.ID, in.Password)
	if err == nil && !ok {
		err = errNotTheirs
	}
	return u, err
}

// admitted is the firm that comes in: the guest's own, or a new one.
func admitted(c *op.Call, client id.Org, user auth.User, mine []Org, in Acceptance) (id.Org, error) {
	for _, o := range mine {
		if in.Organization == "" || strings.EqualFold(o.Name, strings.TrimSpace(in.Organization)) {
			return o.ID, nil
		}
	}
	lg, err := c.Ledger.LogOf(c.Tx, client)
	if err != nil {
		return "", err
	}
	return establish(c, in.Organization, in.Zone, Firm, user.ID, lg.Demo)
}

func firms(c *op.Call, _ op.None) (op.Page[Org], error) {
	type row struct {
		firm id.Org
		used int64
	}
	rows, err := db.Rows(c.Tx, selectFirms, []any{c.Org}, func(scan func(...any) error, r *row) error { return scan(&r.firm, &r.used) })
	if err != nil {
		return op.Page[Org]{}, err
	}
	out := op.Page[Org]{Items: []Org{}, Total: int64(len(rows))}
	for _, r := range rows {
		if err := c.Beside(r.firm); err != nil {
			return out, err
		}
		o, err := get(c.For(r.firm), op.None{})
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, o)
	}
	return out, nil
}
