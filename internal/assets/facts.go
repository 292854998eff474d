package assets

import "github.com/tickmark/tickmark/internal/scrub"

const (
	watchAssets = `SELECT id, version, type, name, environment, owner_id, custodian, criticality, class, flags, location, supplier, lifecycle, planned_for, live_from,
		retired_on, disposed_on, scope, wish, reason, asker_id, asker, asked, approver_id, approver, approved, created, updated FROM asset WHERE org_id = ?`
	watchVersions = "SELECT asset_id, version, effective, act, body, actor FROM asset_version WHERE org_id = ?"
	watchLinks    = "SELECT source_id, kind, key, asset_id, linked, actor FROM asset_sighting WHERE org_id = ?"
	watchIgnored  = "SELECT source_id, kind, key, reason, actor, at FROM asset_ignored WHERE org_id = ?"
)

// One entry may make thousands of assets, which it names by its file: the
// operation says enough.
var _ = scrub.Observe(
	scrub.Watch{Table: "asset", Query: watchAssets, Key: 1, Ops: []string{"assets."}},
	scrub.Watch{Table: "asset_version", Query: watchVersions, Key: 2, Fixed: true, Ops: []string{"assets."}},
	scrub.Watch{Table: "asset_sighting", Query: watchLinks, Key: 3, Ops: []string{"assets."}},
	scrub.Watch{Table: "asset_ignored", Query: watchIgnored, Key: 3, Ops: []string{"assets."}},
)
