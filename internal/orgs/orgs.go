// Package orgs is the organization itself: its first setup, its members, who
// is signed in, and the tokens of programs.
package orgs

import (
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

// Everything that can be done to an organization and its members.
var (
	Setup    = op.Write("orgs.create", "Create the first organization and its owner with the one-time setup token.", auth.Anyone, setup)
	Found    = op.Work("orgs.found", "Create an organization from the machine that holds its data.", auth.Anyone, found)
	Get      = op.Read("orgs.get", "Show the organization.", auth.OrgRead, get)
	Update   = op.Write("orgs.update", "Change the organization's name or time zone.", auth.OrgWrite, update)
	Members  = op.Read("members.list", "List who belongs to the organization, and as what.", auth.OrgRead, members)
	AddMem   = op.Write("members.create", "Add a person to the organization with a first password, where no other organization shares the installation.", auth.MembersWrite, addMember)
	Tokens   = op.Read("tokens.list", "List the tokens with which programs act for members.", auth.OrgRead, tokens)
	NewToken = op.Write("tokens.create", "Make a token with which a program may act for you. Its secret is shown once.", auth.TokensWrite, newToken)
	EndToken = op.Write("tokens.revoke", "End a token at once.", auth.TokensWrite, endToken)

	Operations = []op.Operation{Setup, Found, Get, Update, Members, AddMem, SetRole, Remove, SignIn, SignOut, Move, Mine, NewPassword,
		Tokens, NewToken, EndToken, Invite, InviteMany, Resend, Invitations, Uninvite, Accept, Firms,
		Find, Holdings, Rest, Wake, Recover, AskRecovery, UseRecovery, HostRecover, Further,
		Prove, Sessions, EndOne, EndOthers, BeginTOTP, ConfirmTOTP, RemoveTOTP, AddPasskey, RenamePasskey, RemovePasskey, NewCodes,
		GetDoor, SetDoor, TestLetter}
)

// Kinds of organization: one that is examined, and a CPA firm.
const (
	Service = "service"
	Firm    = "firm"
)

// An Org is an organization that is examined, or examines.
type Org struct {
	ID      id.Org    `json:"id"`
	Name    string    `json:"name"`
	Zone    string    `json:"zone"`
	Kind    string    `json:"kind"` // service or firm
	Version int64     `json:"version"`
	Created time.Time `json:"created"`
}

const (
	insertOrg = "INSERT INTO orgs (org_id, name, zone, kind, version, created) VALUES (?, ?, ?, ?, 1, ?)"
	selectOrg = "SELECT org_id, name, zone, kind, version, created FROM orgs WHERE org_id = ?"
	updateOrg = "UPDATE orgs SET name = ?, zone = ?, version = version + 1 WHERE org_id = ? AND version = ?"
	claimOrg  = "UPDATE orgs SET name = ?, zone = ?, version = version + 1 WHERE org_id = ?"
	selectAll = "SELECT org_id, name, zone, kind, version, created FROM orgs ORDER BY created, org_id"
)

// Creation is what first setup asks for.
type Creation struct {
	Token        string `json:"token" doc:"The one-time token printed where Tickmark was started." secret:"true" maxLength:"200"`
	Organization string `json:"organization" doc:"The organization's name as the report will give it." minLength:"1" maxLength:"200"`
	Zone         string `json:"zone,omitempty" doc:"IANA time zone in which its days begin, such as Europe/Berlin. UTC if left out." maxLength:"64"`
	Name         string `json:"name" doc:"The owner's name." minLength:"1" maxLength:"200"`
	Email        string `json:"email" doc:"The owner's address, used to sign in." minLength:"3" maxLength:"254"`
	Password     string `json:"password" doc:"At least 12 characters." secret:"true" maxLength:"256"`
}

// Created names what setup made.
type Created struct {
	Org  id.Org  `json:"org"`
	User id.User `json:"user"`
}

func setup(c *op.Call, in Creation) (Created, error) {
	if err := auth.UseSetupToken(c.Tx, in.Token, c.Now); err != nil {
		return Created{}, err
	}
	org, user, err := auth.Unclaimed(c.Tx)
	if err != nil {
		return Created{}, err
	}
	if org != "" {
		return claim(c, org, user, in)
	}
	return create(c, in, Service, false)
}

// claim hands the organization that the command line made to its owner, with
// everything it has recorded so far.
func claim(c *op.Call, org id.Org, user id.User, in Creation) (Created, error) {
	name, z, err := settled(in.Organization, in.Zone, "organization")
	if err != nil {
		return Created{}, err
	}
	u, err := auth.Claim(c.Tx, user, in.Name, in.Email, in.Password)
	if err != nil {
		return Created{}, err
	}
	if _, err := c.Tx.Exec(claimOrg, name, z, org); err != nil {
		return Created{}, err
	}
	c.Enter(org, auth.Actor{User: u.ID, Name: u.Name, Email: u.Email, Roles: []auth.Role{auth.Owner}, Via: c.Actor.Via})
	return Created{org, user}, nil
}

// Founding creates an organization without a token, by someone who has the
// data directory in hand. An owner without a password cannot sign in until
// first setup claims the organization.
type Founding struct {
	Creation
	Demo bool
	Kind string // Service if empty
}

func found(c *op.Call, in Founding) (Created, error) {
	if in.Password != "" { // its owner can sign in: nobody needs the setup token any more
		token, err := auth.NewSetupToken(c.Tx, c.Now)
		if err == nil && token != "" {
			err = auth.UseSetupToken(c.Tx, token, c.Now)
		}
		if err != nil {
			return Created{}, err
		}
	}
	return create(c, in.Creation, in.Kind, in.Demo)
}

func create(c *op.Call, in Creation, kind string, demo bool) (Created, error) {
	user, err := auth.CreateUser(c.Tx, in.Name, in.Email, in.Password, c.Now)
	if err != nil {
		return Created{}, err
	}
	org, err := establish(c, in.Organization, in.Zone, kind, user.ID, demo)
	if err != nil {
		return Created{}, err
	}
	c.Enter(org, auth.Actor{User: user.ID, Name: user.Name, Email: user.Email, Roles: []auth.Role{first(kind)}, Via: c.Actor.Via})
	return Created{org, user.ID}, nil
}

// first is the role of whoever an organization begins with.
func first(kind string) auth.Role {
	if kind == Firm {
		return auth.Partner
	}
	return auth.Owner
}

// establish makes an organization with its key, its log and its first member.
func establish(c *op.Call, name, zone, kind string, user id.User, demo bool) (id.Org, error) {
	if kind == "" {
		kind = Service
	}
	name, zone, err := settled(name, zone, "organization")
	if err != nil {
		return "", err
	}
	org := id.New[id.Org](c.Now)
	if _, err := c.Tx.Exec(insertOrg, org, name, zone, kind, clock.Millis(c.Now)); err != nil {
		return "", err
	}
	if err := c.Vault.NewOrg(c.Tx, org); err != nil {
		return "", err
	}
	if err := auth.Join(c.Tx, org, user, []auth.Role{first(kind)}, c.Now); err != nil {
		return "", err
	}
	_, err = c.Ledger.Create(c.Tx, org, demo, c.Now)
	return org, err
}

// settled checks an organization's name and time zone; field is what the name
// is called in the input.
func settled(name, zone, field string) (string, string, error) {
	if name = strings.TrimSpace(name); name == "" {
		return "", "", fault.Invalid(field, "give the name the report will carry")
	}
	if zone == "" {
		zone = "UTC"
	}
	if _, err := clock.ParseZone(zone); err != nil {
		return "", "", err
	}
	return name, zone, nil
}

func scan(scan func(...any) error, o *Org) error {
	var created int64
	err := scan(&o.ID, &o.Name, &o.Zone, &o.Kind, &o.Version, &created)
	o.Created = clock.FromMillis(created)
	return err
}

func get(c *op.Call, _ op.None) (Org, error) {
	rows, err := db.Rows(c.Tx, selectOrg, []any{c.Org}, scan)
	if err == nil && len(rows) == 0 {
		err = fault.NotFound("no organization %s", c.Org)
	}
	if err != nil {
		return Org{}, err
	}
	return rows[0], nil
}

// All lists the organizations of the installation, for its machinery and for
// the command line on the machine itself.
func All(tx *db.Tx) ([]Org, error) { return db.Rows(tx, selectAll, nil, scan) }

// Change is an update of the organization.
type Change struct {
	Name    string `json:"name" minLength:"1" maxLength:"200" doc:"The organization's name as the report will give it."`
	Zone    string `json:"zone" maxLength:"64" doc:"IANA time zone in which its days begin."`
	Version int64  `json:"version" doc:"The version that was read."`
}

func update(c *op.Call, in Change) (Org, error) {
	name, zone, err := settled(in.Name, in.Zone, "name")
	if err != nil {
		return Org{}, err
	}
	n, err := c.Tx.Exec(updateOrg, name, zone, c.Org, in.Version)
	if err != nil {
		return Org{}, err
	}
	now, err := get(c, op.None{})
	if err == nil && n == 0 {
		stale := fault.Conflict("The organization was changed since you read it.")
		stale.Current = now
		return Org{}, stale
	}
	return now, err
}

func members(c *op.Call, _ op.None) (op.Page[auth.Member], error) {
	rows, err := auth.Members(c.Tx, c.Org)
	return op.Page[auth.Member]{Items: rows, Total: int64(len(rows))}, err
}

// countOthers counts the organizations of a kind that are not this one.
const countOthers = "SELECT COUNT(*) FROM orgs WHERE kind = (SELECT kind FROM orgs WHERE org_id = ?) AND org_id <> ?"

// alone refuses to add people by address where organizations share the sign-in:
// whether it succeeds would tell one of them whom the other knows. An invitation
// tells nobody anything.
func alone(c *op.Call) error {
	if err := c.Tx.Beside(db.All); err != nil {
		return err
	}
	shared, err := Shared(c.Tx, c.Org)
	if err != nil || !shared {
		return err
	}
	return fault.Denied("Several organizations share this installation, so that people come in by invitation, each with an address of their own: use invitations.create.").With(ErrShared)
}

// Shared reports whether another organization of the same kind is on the
// installation. The transaction must see all organizations.
func Shared(tx *db.Tx, org id.Org) (bool, error) {
	var n int64
	err := tx.Row(countOthers, []any{org, org}, &n)
	return n > 0, err
}

// ErrShared says that people come in by invitation only.
var ErrShared = errors.New("the installation is shared")

// NewMember is a person to add.
type NewMember struct {
	Name     string `json:"name" minLength:"1" maxLength:"200" doc:"The person's name."`
	Email    string `json:"email" minLength:"3" maxLength:"254" doc:"The address they will sign in with."`
	Password string `json:"password" secret:"true" maxLength:"256" doc:"A first password of at least 12 characters, handed over in person."`
	Role     string `json:"role" enum:"owner,compliance_lead,control_owner,sponsor,employee,operator,partner,manager,staff" doc:"What they do here: in a CPA firm partner, manager or staff, elsewhere one of the others."`
}

func addMember(c *op.Call, in NewMember) (auth.Member, error) {
	role, err := fitting(c, in.Role)
	if err != nil {
		return auth.Member{}, err
	}
	if err := alone(c); err != nil {
		return auth.Member{}, err
	}
	u, err := auth.CreateUser(c.Tx, in.Name, in.Email, in.Password, c.Now)
	if err != nil {
		return auth.Member{}, err
	}
	c.Note("id", string(u.ID))
	return auth.Member{User: u, Roles: []auth.Role{role}}, auth.Join(c.Tx, c.Org, u.ID, []auth.Role{role}, c.Now)
}

func tokens(c *op.Call, _ op.None) (op.Page[auth.Token], error) {
	rows, err := auth.Tokens(c.Tx, c.Org)
	return op.Page[auth.Token]{Items: rows, Total: int64(len(rows))}, err
}

// TokenWish asks for a token.
type TokenWish struct {
	Name string `json:"name" minLength:"1" maxLength:"100" doc:"What will use it, such as: nightly CI."`
	Days int    `json:"days,omitempty" minimum:"1" maximum:"366" doc:"How long it is good; 90 if left out."`

	Access string `json:"access,omitempty" enum:"read,write" doc:"read: it changes nothing. write: it may do all that you may. read if left out."`
}

// GrantedToken carries the secret, this once.
type GrantedToken struct {
	auth.Token
	Secret string `json:"secret,omitempty" secret:"true"`
}

func newToken(c *op.Call, in TokenWish) (GrantedToken, error) {
	if c.Actor.User == "" {
		return GrantedToken{}, errors.New("a token acts for a person; this actor is none")
	}
	if in.Days == 0 {
		in.Days = 90
	}
	if in.Access == "" {
		in.Access = auth.AccessRead
	}
	name := strings.TrimSpace(in.Name)
	if name == "" {
		return GrantedToken{}, fault.Invalid("name", "say what will use the token, such as: nightly CI")
	}
	t, secret, err := auth.CreateToken(c.Tx, c.Org, c.Actor.User, name, in.Access, time.Duration(in.Days)*24*time.Hour, c.Now)
	c.Note("id", string(t.ID))
	return GrantedToken{t, secret}, err
}

// TokenRef names a token.
type TokenRef struct {
	ID string `json:"id" doc:"The token's id."`
}

func endToken(c *op.Call, in TokenRef) (op.None, error) {
	t, err := id.Parse[id.Token](in.ID)
	if err != nil {
		return op.None{}, err
	}
	return op.None{}, auth.RevokeToken(c.Tx, c.Org, t, c.Actor, c.Now)
}
