package app

import (
	"context"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scopes"
)

// What the sidebar counts. Every page asks, so that each is answered by an index
// or from a few rows; what would take more, such as how many assets there are or
// what waits for the reader, is not here. Each is what the page behind it says.
const (
	countControls = "SELECT COUNT(*) FROM control WHERE org_id = ? AND retired = 0"
	countKept     = "SELECT COUNT(*) FROM control WHERE org_id = ? AND retired = 0 AND owner_id = ?"
	countSources  = "SELECT COUNT(*) FROM source WHERE org_id = ? AND removed = 0"
	countSides    = "SELECT COUNT(*) FROM engagement_side WHERE org_id = ?"
	countTasks    = "SELECT COUNT(*) FROM task WHERE org_id = ? AND state = 'open'"
	countTheirs   = "SELECT COUNT(*) FROM task WHERE org_id = ? AND state = 'open' AND (owner_id = ? OR creator_id = ?)"
)

// counts are the figures of the desk's sidebar, by address. What stands in it
// the desk may see.
func counts(ctx context.Context, d *op.Desk) (map[string]int64, error) {
	listed := map[string]bool{}
	for _, g := range nav(d.Actor) {
		for _, it := range g.Items {
			listed[it.Href] = true
		}
	}
	out := map[string]int64{}
	err := d.DB.Read(ctx, string(d.Org), func(tx *db.Tx) error {
		one := func(href, query string, args ...any) error {
			if !listed[href] {
				return nil
			}
			var n int64
			err := tx.Row(query, append([]any{d.Org}, args...), &n)
			out[href] = n
			return err
		}
		me := d.Actor.User
		tasks, whose := countTasks, []any(nil)
		if !d.Actor.May(auth.ControlsRead) && !d.Actor.May(auth.AuditRead) {
			tasks, whose = countTheirs, []any{me, me}
		}
		for _, err := range []error{
			one("/controls", countControls),
			one("/controls?mine=1", countKept, me),
			one("/sources", countSources),
			one("/engagements", countSides),
			one("/tasks", tasks, whose...),
		} {
			if err != nil {
				return err
			}
		}
		if listed["/checks"] {
			n, err := checks.Count(tx, d.Org)
			if err != nil {
				return err
			}
			out["/checks"] = n
		}
		if !listed["/criteria"] {
			return nil
		}
		n, err := inScope(&op.Call{Context: ctx, Desk: d, Tx: tx, Now: clock.Truncate(d.Clock.Now())})
		out["/criteria"] = n
		return err
	})
	return out, err
}

// inScope is how many criteria the scope brings.
func inScope(c *op.Call) (int64, error) {
	scope, err := scopes.Current(c)
	if err != nil {
		return 0, err
	}
	cat, err := frameworks.Shipped()
	if err != nil {
		return 0, err
	}
	edition, err := cat.Version(scope.Catalogue)
	if err != nil {
		return 0, err
	}
	list, err := edition.InScope(scope.Categories)
	return int64(len(list)), err
}
