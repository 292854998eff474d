package arch_test

import (
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/arch/sqlscan"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
)

// meant reports whether a statement is for this database. One that is for a
// single database says so at the end of its name: …PG, …Lite.
func meant(s sqlscan.Statement, d *db.DB) bool {
	return !(strings.HasSuffix(s.Name, "PG") && d.Dialect() != db.Postgres ||
		strings.HasSuffix(s.Name, "Lite") && d.Dialect() != db.SQLite)
}

// refused lists the statements that a database does not accept against the
// schema: a misspelt column, a word only the other database knows.
func refused(t *testing.T, d *db.DB, all []sqlscan.Statement) []string {
	t.Helper()
	var out []string
	for _, s := range all {
		if !s.Whole || !meant(s, d) {
			continue
		}
		// One transaction each: PostgreSQL lets nothing follow an error.
		err := d.Read(t.Context(), db.All, func(tx *db.Tx) error {
			stmt, err := tx.Prepare(s.SQL)
			if err != nil {
				return err
			}
			return stmt.Close()
		})
		if err != nil {
			out = append(out, s.Pos+": "+s.Name+": "+err.Error())
		}
	}
	return out
}

func TestStatementsPrepareOnBothDatabases(t *testing.T) {
	all, err := statements(house(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Errorf("found only %d statements: the scanner looks in the wrong place", len(all))
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, v := range refused(t, d, all) {
			t.Error(v)
		}
	})
}

func TestStatementsPrepareOnBothDatabasesCatches(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		got := refused(t, d, []sqlscan.Statement{
			{Name: "fine", SQL: "SELECT name FROM orgs WHERE org_id = ?", Whole: true},
			{Name: "column", SQL: "SELECT nmae FROM orgs WHERE org_id = ?", Whole: true},
			{Name: "otherPG", SQL: "SELECT id FROM job LIMIT 1 FOR UPDATE SKIP LOCKED", Whole: true},
			{Name: "otherLite", SQL: "SELECT id FROM job INDEXED BY job_due", Whole: true},
			{Name: "table", SQL: "INSERT INTO nothing (a) VALUES (?)", Whole: true},
		})
		if len(got) != 2 {
			t.Errorf("got %d refusals, want 2: %q", len(got), got)
		}
	})
}
