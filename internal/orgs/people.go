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

// The people of an organization: who they are, what they hold, and their rest.
var (
	Find     = op.Read("members.find", "Search the members by name, address or role, a page at a time, the deactivated among them.", auth.OrgRead, find)
	Holdings = op.Read("members.holdings", "List what a member holds, before the membership ends.", auth.MembersWrite, holdings)
	Rest     = op.Write("members.deactivate", "Deactivate a member: they can open nothing here, and remain what they were.", auth.MembersWrite, rest)
	Wake     = op.Write("members.reactivate", "Make a deactivated member what they were again.", auth.MembersWrite, wake)
)

// Standing is a member with how they stand.
type Standing struct {
	auth.Member
	Inactive bool `json:"inactive,omitempty"`
	Secured  bool `json:"secured"` // they have a second factor
}

// Search asks for members.
type Search struct {
	Text  string `json:"text,omitempty" maxLength:"200" doc:"Part of a name, an address or a role."`
	After string `json:"after,omitempty" doc:"What the part before gave as next."`
	Limit int    `json:"limit,omitempty" minimum:"1" maximum:"500" doc:"How many at most; 50 if left out."`
}

const selectSecured = `SELECT m.user_id FROM members m WHERE m.org_id = ? AND (EXISTS (SELECT 1 FROM users_passkey p WHERE p.user_id = m.user_id)
	OR EXISTS (SELECT 1 FROM users_totp t WHERE t.user_id = m.user_id AND t.confirmed <> 0))`

// find searches in memory: an organization has people as it has chairs, and
// names are folded in Go.
func find(c *op.Call, in Search) (op.Page[Standing], error) {
	active, err := auth.Members(c.Tx, c.Org)
	if err != nil {
		return op.Page[Standing]{}, err
	}
	resting, err := auth.Resting(c.Tx, c.Org)
	if err != nil {
		return op.Page[Standing]{}, err
	}
	secured := map[id.User]bool{}
	err = c.Tx.Each(selectSecured, []any{c.Org}, func(scan func(...any) error) error {
		var u id.User
		err := scan(&u)
		secured[u] = true
		return err
	})
	if err != nil {
		return op.Page[Standing]{}, err
	}
	want, rows := strings.ToLower(strings.TrimSpace(in.Text)), []Standing{}
	add := func(m auth.Member, inactive bool) {
		text := strings.ToLower(m.Name + " " + m.Email)
		for _, r := range m.Roles {
			text += " " + strings.ReplaceAll(string(r), "_", " ")
		}
		if strings.Contains(text, want) {
			rows = append(rows, Standing{m, inactive, secured[m.ID]})
		}
	}
	for _, m := range active {
		add(m, false)
	}
	for _, m := range resting {
		add(m, true)
	}
	slices.SortStableFunc(rows, func(a, b Standing) int {
		if d := strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)); d != 0 {
			return d
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
	total := int64(len(rows))
	if in.After != "" {
		i := slices.IndexFunc(rows, func(s Standing) bool { return string(s.ID) == in.After })
		if i < 0 {
			return op.Page[Standing]{}, fault.Invalid("after", "give what the part before gave as next; the member may have left since: begin anew")
		}
		rows = rows[i+1:]
	}
	limit := op.Limit(in.Limit)
	return op.PageOf(rows[:min(len(rows), limit+1)], limit, total, func(s Standing) string { return string(s.ID) }), nil
}

// Holding is a kind of thing that a member has, and how many.
type Holding struct {
	What string `json:"what"` // controls, tokens, invitations, engagements
	Many int64  `json:"many"`
}

const (
	countControls = "SELECT COUNT(*) FROM control WHERE org_id = ? AND owner_id = ?"
	countTokens   = "SELECT COUNT(*) FROM tokens WHERE org_id = ? AND user_id = ? AND revoked = 0 AND expires > ?"
	countOpen     = "SELECT COUNT(*) FROM sessions WHERE org_id = ? AND user_id = ?"
)

func holdings(c *op.Call, in MemberRef) (op.Page[Holding], error) {
	user, err := id.Parse[id.User](in.ID)
	if err != nil {
		return op.Page[Holding]{}, err
	}
	out := op.Page[Holding]{Items: []Holding{}}
	for _, q := range []struct {
		what, sql string
		args      []any
	}{
		{"controls", countControls, []any{c.Org, user}},
		{"tokens", countTokens, []any{c.Org, user, c.Now.UnixMilli()}},
		{"sessions", countOpen, []any{c.Org, user}},
	} {
		var n int64
		if err := c.Tx.Row(q.sql, q.args, &n); err != nil {
			return out, err
		}
		if n > 0 {
			out.Items, out.Total = append(out.Items, Holding{q.what, n}), out.Total+1
		}
	}
	return out, nil
}

func rest(c *op.Call, in MemberRef) (op.None, error) {
	if err := c.Actor.Proved(c.Now); err != nil {
		return op.None{}, err
	}
	m, err := held(c, in.ID)
	if err != nil {
		return op.None{}, err
	}
	if err := keepsOne(c, m, ""); err != nil {
		return op.None{}, err
	}
	return op.None{}, auth.Rest(c.Tx, c.Org, m.ID, c.Now)
}

func wake(c *op.Call, in MemberRef) (op.None, error) {
	if err := c.Actor.Proved(c.Now); err != nil {
		return op.None{}, err
	}
	user, err := id.Parse[id.User](in.ID)
	if err != nil {
		return op.None{}, err
	}
	return op.None{}, auth.Wake(c.Tx, c.Org, user)
}

// dismiss ends the membership of somebody who is deactivated; false if they are
// not.
func dismiss(c *op.Call, ref string) (bool, error) {
	list, err := auth.Resting(c.Tx, c.Org)
	if err != nil {
		return false, err
	}
	for _, m := range list {
		if string(m.ID) == ref {
			return true, auth.Leave(c.Tx, c.Org, m.ID, c.Now)
		}
	}
	return false, nil
}

// Further makes another organization on the same installation.
var Further = op.Write("orgs.add", "Create a further organization on this installation, of which you become the owner. The owners of the first organization may.", auth.OrgWrite, further)

const selectFirst = "SELECT org_id FROM orgs ORDER BY created, org_id LIMIT 1"

// FurtherOrg is an organization to begin.
type FurtherOrg struct {
	Organization string `json:"organization" minLength:"1" maxLength:"200" doc:"Its name as the report will give it."`
	Zone         string `json:"zone,omitempty" maxLength:"64" doc:"IANA time zone in which its days begin, such as Europe/Berlin. UTC if left out."`
}

// KeepsInstallation reports whether the organization is the one that the
// installation was set up for. The transaction must see all organizations.
func KeepsInstallation(tx *db.Tx, org id.Org) (bool, error) {
	var first id.Org
	err := tx.Row(selectFirst, nil, &first)
	return first == org, err
}

func further(c *op.Call, in FurtherOrg) (Created, error) {
	if err := c.Tx.Beside(db.All); err != nil {
		return Created{}, err
	}
	ok, err := KeepsInstallation(c.Tx, c.Org)
	if err != nil {
		return Created{}, err
	}
	if !ok || !slices.Contains(c.Actor.Roles, auth.Owner) {
		return Created{}, fault.Denied("Further organizations are for an owner of the organization that this installation was set up for.")
	}
	lg, err := c.Ledger.LogOf(c.Tx, c.Org)
	if err != nil {
		return Created{}, err
	}
	org, err := establish(c, in.Organization, in.Zone, Service, c.Actor.User, lg.Demo)
	if err != nil {
		return Created{}, err
	}
	// Its own log begins with who made it; that of the first need not know of it.
	c.Enter(org, c.Actor)
	return Created{org, c.Actor.User}, nil
}
