package controls

import "github.com/tickmark/tickmark/internal/scrub"

const (
	watchControls = `SELECT id, code, version, title, text, type, nature, frequency, owner_id, owner_role, population, key_control, implemented,
		implementation, implemented_by, adopted, retired, updated FROM control WHERE org_id = ?`
	watchMappings = `SELECT m.control_id, c.code, m.criterion, m.strength FROM control_criterion m JOIN control c ON c.org_id = m.org_id AND c.id = m.control_id
		WHERE m.org_id = ?`
	watchVersions = `SELECT v.control_id, v.version, c.code, v.effective, v.body, v.actor FROM control_version v JOIN control c ON c.org_id = v.org_id AND c.id = v.control_id
		WHERE v.org_id = ?`
)

// A control's entries say what was asked, by its id or its code; the rows say
// what came of it.
var _ = scrub.Observe(
	scrub.Watch{Table: "control", Query: watchControls, Key: 2, Ops: []string{"controls."}, Names: []int{0, 1}},
	scrub.Watch{Table: "control_criterion", Query: watchMappings, Key: 3, Ops: []string{"controls."}, Names: []int{0, 1}},
	scrub.Watch{Table: "control_version", Query: watchVersions, Key: 2, Fixed: true, Ops: []string{"controls."}, Names: []int{0, 2}},
)
