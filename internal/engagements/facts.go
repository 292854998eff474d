package engagements

import (
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scrub"
)

// ScrubGet shows the firm what is known of the engagement's own file, which is
// read back apart from the firm's.
var ScrubGet = op.Read("engagement_scrubs.get", "Show how far the reading back of an engagement's file has come, and what it found.", auth.AuditRead,
	func(c *op.Call, in Ref) (scrub.State, error) {
		r, err := AsFirm(c, in.ID)
		if err != nil {
			return scrub.State{}, err
		}
		return scrub.StateOf(c.Tx, r.File)
	})

const (
	watchEngagements = `SELECT id, name, type, categories, catalogue, system, as_of, starts, ends, zone, firm_org, firm_name, client_org, client_name,
		partner, profile, plan, version, state, since, created FROM engagement WHERE org_id = ?`
	watchVersions = "SELECT engagement_id, version, body, reason, at, actor FROM engagement_version WHERE org_id = ?"
	watchStates   = "SELECT engagement_id, seq, state, at, actor, reason FROM engagement_state WHERE org_id = ?"
	watchSides    = "SELECT engagement_id, file_org, other_org, side FROM engagement_side WHERE org_id = ?"
	watchMethods  = "SELECT version, body, reason, at, actor FROM engagement_methodology WHERE org_id = ?"
)

// No entry repeats what these rows say field by field, so they are remembered.
var _ = scrub.Observe(
	scrub.Watch{Table: "engagement", Query: watchEngagements, Key: 1, Ops: []string{"engagements.", "reports.issue"}, Names: []int{0}},
	scrub.Watch{Table: "engagement_version", Query: watchVersions, Key: 2, Fixed: true, Ops: []string{"engagements."}, Names: []int{0}},
	scrub.Watch{Table: "engagement_state", Query: watchStates, Key: 2, Fixed: true, Ops: []string{"engagements.", "reports.issue"}, Names: []int{0}},
	scrub.Watch{Table: "engagement_side", Query: watchSides, Key: 1, Fixed: true, Ops: []string{"engagements."}},
	scrub.Watch{Table: "engagement_methodology", Query: watchMethods, Key: 1, Fixed: true, Ops: []string{"methodologies."}},
)
