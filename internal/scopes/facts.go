package scopes

import "github.com/tickmark/tickmark/internal/scrub"

const watchScopes = `SELECT version, requester, report_type, categories, as_of, starts, ends, system, included, excluded, catalogue, actor, effective
	FROM scope WHERE org_id = ?`

var _ = scrub.Observe(scrub.Watch{Table: "scope", Query: watchScopes, Key: 1, Fixed: true, Ops: []string{"scopes.", "orgs."}})
