package checks

import (
	"path"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/op"
)

// answeredBy names, for a check over a clone, the one over the forge that
// decides the same: a clone never shows what a forge enforces.
var answeredBy = map[string]string{
	"git.repository.branch-protected": "forge.repository.branch-protected",
	"git.repository.no-direct-pushes": "forge.repository.no-direct-pushes",
	"git.repository.review-required":  "forge.repository.review-required",
}

// Repositories as clones and as forges show them now.
const selectHeld = `SELECT r.kind, r.key FROM source_resource r JOIN source s ON s.org_id = r.org_id AND s.id = r.source_id AND s.removed = 0
	WHERE r.org_id = ? AND r.kind = ? ORDER BY r.source_id, r.key LIMIT 2000`

// elsewhere has a check that no clone can answer say so, and not that it is
// unknown, once the forge that holds each of the repositories answers it.
// Nothing is stored: what was judged of the clone stays what it was.
func elsewhere(c *op.Call, all []Check) error {
	find := func(id string) int { return slices.IndexFunc(all, func(x Check) bool { return x.ID == id }) }
	asked, held := false, false
	for i := range all {
		x := &all[i]
		other, known := answeredBy[x.ID]
		if !known || !x.Looked || x.Status != Unknown || x.Passing+x.Failing > 0 {
			continue
		}
		j := find(other)
		if j < 0 || !all[j].Looked || all[j].Status == Unknown || all[j].Status == NotApplicable {
			continue
		}
		if !asked {
			var err error
			if held, err = heldByForge(c); err != nil {
				return err
			}
			asked = true
		}
		if held {
			x.Status, x.Reason, x.Remedy = NotApplicable, "The forge that holds it answers: see "+other+".", ""
			x.Summary = ""
		}
	}
	return nil
}

// heldByForge reports whether each repository that was cloned is one that a
// connected forge shows, by its name.
func heldByForge(c *op.Call) (bool, error) {
	names := map[string][]string{}
	for _, kind := range []string{"repository", "forge_repository"} {
		err := c.Tx.Each(selectHeld, []any{c.Org, kind}, func(scan func(...any) error) error {
			var kind, key string
			err := scan(&kind, &key)
			names[kind] = append(names[kind], strings.ToLower(strings.TrimSuffix(path.Base(key), ".git")))
			return err
		})
		if err != nil {
			return false, err
		}
	}
	for _, name := range names["repository"] {
		if !slices.Contains(names["forge_repository"], name) {
			return false, nil
		}
	}
	return len(names["repository"]) > 0 && len(names["repository"]) < 2000, nil
}
