package assets

import "github.com/tickmark/tickmark/internal/op"

// A short look has an end: it goes through so many resources, and counts so
// many that no asset stands for. The first page asks for it each time, beside
// which the whole reconciliation would be slow.
const (
	lookedThrough = 1000
	mostUnlisted  = 100
)

const (
	selectBrief = `SELECT COUNT(*), COALESCE(SUM(x.unlisted), 0) FROM (SELECT CASE WHEN EXISTS (SELECT 1 FROM asset_sighting g
		WHERE g.org_id = r.org_id AND g.source_id = r.source_id AND g.kind = r.kind AND g.key = r.key) OR EXISTS (SELECT 1 FROM asset_ignored i
		WHERE i.org_id = r.org_id AND i.source_id = r.source_id AND i.kind = r.kind AND i.key = r.key) THEN 0 ELSE 1 END AS unlisted
		FROM source_resource r JOIN source s ON s.org_id = r.org_id AND s.id = r.source_id AND s.removed = 0
		WHERE r.org_id = ? AND r.kind = ? ORDER BY r.source_id, r.key LIMIT ?) x`
)

// A Glance is what a short look at the sources found.
type Glance struct {
	Unknown int64 `json:"unknown"` // resources that no asset stands for
	// More says that not all resources were looked at: there may be more.
	More bool `json:"more"`
}

// glance counts what the register does not know, no further than the first
// page needs it.
func glance(c *op.Call, _ op.None) (Glance, error) {
	var out Glance
	left := int64(lookedThrough)
	for _, k := range Kinds {
		var n, unknown int64
		if err := c.Tx.Row(selectBrief, []any{c.Org, k.Kind, left + 1}, &n, &unknown); err != nil {
			return out, err
		}
		out.Unknown += unknown
		if left -= n; left < 0 || out.Unknown >= mostUnlisted {
			out.More = true
			return out, nil
		}
	}
	return out, nil
}
