package orgs

import "github.com/tickmark/tickmark/internal/scrub"

const (
	watchOrg     = "SELECT org_id, name, zone, version, created, kind FROM orgs WHERE org_id = ?"
	watchMembers = `SELECT m.user_id, u.email, m.roles, m.created, u.name, u.disabled FROM members m JOIN users u ON u.id = m.user_id WHERE m.org_id = ?`
	watchTokens  = "SELECT id, user_id, name, hash, created, expires, revoked FROM tokens WHERE org_id = ?"
	watchInvites = "SELECT id, hash, role, note, actor, created, expires, used, user_id, firm_org, revoked FROM invitation WHERE org_id = ?"
)

var joining = []string{"members.", "orgs.", "invitations.", "engagements."}

// Who may do what decides who could have recorded anything.
var _ = scrub.Observe(
	scrub.Watch{Table: "orgs", Query: watchOrg, Key: 1, Ops: []string{"orgs."}},
	scrub.Watch{Table: "members", Query: watchMembers, Key: 2, Ops: joining, Names: []int{0, 1}},
	scrub.Watch{Table: "tokens", Query: watchTokens, Key: 1, Ops: []string{"tokens.", "members."}},
	scrub.Watch{Table: "invitation", Query: watchInvites, Key: 1, Ops: []string{"invitations.", "members."}},
)
