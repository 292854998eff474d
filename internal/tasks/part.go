package tasks

import (
	"slices"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

const selectDoers = "SELECT DISTINCT owner_id FROM task WHERE org_id = ? AND object = ? AND state = 'open' AND owner_id <> '' ORDER BY owner_id LIMIT ?"

// TakingPart are those who said something of a thing, or have a task about it
// that is open, for other operations. Some may have lost the right to look
// since.
func TakingPart(c *op.Call, object string) ([]id.User, error) {
	var out []id.User
	for _, query := range []string{selectAuthors, selectDoers} {
		ids, err := db.Rows(c.Tx, query, []any{c.Org, object, maxInThread}, func(scan func(...any) error, u *id.User) error { return scan(u) })
		if err != nil {
			return nil, err
		}
		out = append(out, ids...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
