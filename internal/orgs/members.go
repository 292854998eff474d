package orgs

import (
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// What can be done to a membership, and by a member to their own sign-in.
var (
	SetRole     = op.Write("members.update", "Change what a member does here.", auth.MembersWrite, setRole)
	Remove      = op.Write("members.remove", "End a membership. What the person did stays under their name.", auth.MembersWrite, remove)
	Move        = op.Work("sessions.move", "Go on in another of one's organizations.", auth.Self, move)
	Mine        = op.Read("orgs.list", "List the organizations you belong to.", auth.OrgRead, mine)
	NewPassword = op.Work("passwords.change", "Change your own password.", auth.Self, newPassword)
)

// fitting accepts a role that this kind of organization has.
func fitting(c *op.Call, name string) (auth.Role, error) {
	role, err := auth.ParseRole(name)
	if err != nil {
		return "", err
	}
	o, err := get(c, op.None{})
	if err != nil {
		return "", err
	}
	if auth.IsFirm(role) == (o.Kind == Firm) {
		return role, nil
	}
	roles := auth.Roles()
	if o.Kind == Firm {
		roles = auth.FirmRoles()
	}
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return "", fault.Invalid("role", "in %s a role is one of %s", o.Name, strings.Join(names, ", "))
}

// RoleChange is a member's new role.
type RoleChange struct {
	ID   string `json:"id" doc:"The member's id."`
	Role string `json:"role" enum:"owner,compliance_lead,control_owner,sponsor,employee,operator,partner,manager,staff" doc:"What they do here from now on."`
}

func setRole(c *op.Call, in RoleChange) (auth.Member, error) {
	if err := c.Actor.Proved(c.Now); err != nil {
		return auth.Member{}, err
	}
	m, err := held(c, in.ID)
	if err != nil {
		return auth.Member{}, err
	}
	role, err := fitting(c, in.Role)
	if err != nil {
		return auth.Member{}, err
	}
	if err := keepsOne(c, m, role); err != nil {
		return auth.Member{}, err
	}
	m.Roles = []auth.Role{role}
	return m, auth.SetRoles(c.Tx, c.Org, m.ID, m.Roles)
}

// MemberRef names a member.
type MemberRef struct {
	ID string `json:"id" doc:"The member's id."`
}

func remove(c *op.Call, in MemberRef) (op.None, error) {
	if err := c.Actor.Proved(c.Now); err != nil {
		return op.None{}, err
	}
	if gone, err := dismiss(c, in.ID); gone || err != nil {
		return op.None{}, err
	}
	m, err := held(c, in.ID)
	if err != nil {
		return op.None{}, err
	}
	if err := keepsOne(c, m, ""); err != nil {
		return op.None{}, err
	}
	return op.None{}, auth.Leave(c.Tx, c.Org, m.ID, c.Now)
}

// holdOrg makes changes of memberships wait for each other: two that may both
// keep members must not each rely on the other while both go.
const holdOrg = "UPDATE orgs SET version = version WHERE org_id = ?"

// held is a member as they are until this change is made.
func held(c *op.Call, ref string) (auth.Member, error) {
	user, err := id.Parse[id.User](ref)
	if err != nil {
		return auth.Member{}, err
	}
	if _, err := c.Tx.Exec(holdOrg, c.Org); err != nil {
		return auth.Member{}, err
	}
	all, err := auth.Members(c.Tx, c.Org)
	if err != nil {
		return auth.Member{}, err
	}
	i := slices.IndexFunc(all, func(m auth.Member) bool { return m.ID == user })
	if i < 0 {
		return auth.Member{}, fault.NotFound("no member %s", ref)
	}
	return all[i], nil
}

// keepsOne refuses a change that would leave nobody who can keep the members.
func keepsOne(c *op.Call, m auth.Member, next auth.Role) error {
	keeps := func(roles ...auth.Role) bool { return auth.Actor{Roles: roles}.May(auth.MembersWrite) }
	if !keeps(m.Roles...) || keeps(next) {
		return nil
	}
	all, err := auth.Members(c.Tx, c.Org)
	if err != nil {
		return err
	}
	for _, x := range all {
		if x.ID != m.ID && keeps(x.Roles...) {
			return nil
		}
	}
	return fault.Conflict("%s is the last who may add and remove members. Make another person %s first.", m.Name, m.Roles[0])
}

// Going names the organization to go on in.
type Going struct {
	Org    id.Org
	Secret string `secret:"true"`
}

func move(c *op.Call, in Going) (Session, error) {
	if err := c.Beside(in.Org); err != nil {
		return Session{}, err
	}
	actor, err := auth.MemberActor(c.Tx, in.Org, c.Actor.User, c.Actor.Via)
	if fault.KindOf(err) == fault.KindDenied {
		err = fault.NotFound("You belong to no organization %s.", in.Org).With(err)
	}
	if err != nil {
		return Session{}, err
	}
	if err := auth.MoveSession(c.Tx, in.Secret, c.Actor.User, in.Org); err != nil {
		return Session{}, err
	}
	c.Enter(in.Org, actor)
	return Session{in.Secret, in.Org}, nil
}

const selectKinds = "SELECT o.org_id, o.name, o.zone, o.kind, o.version, o.created FROM orgs o JOIN members m ON m.org_id = o.org_id WHERE m.user_id = ? AND m.roles <> '' ORDER BY m.created, o.org_id"

// belongs lists the organizations of a person.
func belongs(tx *db.Tx, user id.User) ([]Org, error) {
	if err := tx.Beside(db.All); err != nil {
		return nil, err
	}
	return db.Rows(tx, selectKinds, []any{user}, scan)
}

func mine(c *op.Call, _ op.None) (op.Page[Org], error) {
	rows, err := belongs(c.Tx, c.Actor.User)
	return op.Page[Org]{Items: rows, Total: int64(len(rows))}, err
}
