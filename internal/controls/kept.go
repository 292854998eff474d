package controls

import (
	"fmt"
	"strings"

	"github.com/tickmark/tickmark/internal/op"
)

// selectStamp says by owner how many controls there are, what their versions
// come to, and when one was last changed. Every statement that writes a control
// adds one with version 1 or makes a version one greater, none takes any away,
// and mappings are written with the first version alone: the sum of the versions
// is greater after every change than ever before. The owners' names stand in it
// as well, since they change elsewhere.
const selectStamp = `SELECT g.owner_id, COALESCE(u.name, ''), g.n, g.versions, g.newest FROM (SELECT owner_id, COUNT(*) AS n,
	CAST(SUM(version) AS BIGINT) AS versions, MAX(updated) AS newest FROM control WHERE org_id = ? GROUP BY owner_id) AS g
	LEFT JOIN users u ON u.id = g.owner_id ORDER BY g.owner_id`

var kept op.Kept[[]Control]

// InForce is Active for pictures of all controls, which are drawn for every page
// and change seldom: ten thousand are read once and not for each. The answer is
// shared and must not be changed.
func InForce(c *op.Call) ([]Control, error) {
	return kept.Get(c, func() (string, error) { return stamp(c) }, func() ([]Control, error) { return Active(c) })
}

func stamp(c *op.Call) (string, error) {
	var b strings.Builder
	err := c.Tx.Each(selectStamp, []any{c.Org}, func(scan func(...any) error) error {
		var (
			owner, name         string
			n, versions, newest int64
		)
		err := scan(&owner, &name, &n, &versions, &newest)
		fmt.Fprintf(&b, "%s %q %d %d %d\n", owner, name, n, versions, newest)
		return err
	})
	return b.String(), err
}
