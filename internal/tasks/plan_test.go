package tasks_test

import (
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/tasks"
)

// TestTheListIsReadInItsOrder: a page of a long list costs as much as one of a
// short one.
func TestTheListIsReadInItsOrder(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		if desk.DB.Dialect() != db.SQLite {
			t.Skip("PostgreSQL plans by what the tables hold")
		}
		args := []any{desk.Org, "open", "all", "", "", "", "", "", "", "", "", "", "", "", "", "", "", 50}
		for len(args) < strings.Count(tasks.SelectIn, "?") {
			args = append(args, "")
		}
		var plan []string
		err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
			return tx.Each("EXPLAIN QUERY PLAN "+tasks.SelectIn, args[:strings.Count(tasks.SelectIn, "?")], func(scan func(...any) error) error {
				var (
					id, parent, unused int
					detail             string
				)
				err := scan(&id, &parent, &unused, &detail)
				plan = append(plan, detail)
				return err
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(plan, "\n")
		if !strings.Contains(got, "USING INDEX task_order") || strings.Contains(got, "TEMP B-TREE") {
			t.Errorf("the plan sorts, or does not use its index:\n%s", got)
		}
	})
}
