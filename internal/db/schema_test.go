package db_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
)

var update = flag.Bool("update", false, "rewrite schema.sql")

const header = `-- The schema as the migrations leave it, for reading. Written by
--	go test ./internal/db -run Schema -update
-- and compared by every run of that test. PostgreSQL has the same tables and,
-- on each with an org_id, row-level security.
`

// schema is what SQLite says it holds: each table followed by its indexes.
func schema(t *testing.T, d *db.DB) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(header)
	err := d.Read(t.Context(), db.All, func(tx *db.Tx) error {
		return tx.Each(`SELECT t.sql FROM sqlite_master t JOIN sqlite_master o ON o.type = 'table' AND o.name = t.tbl_name
			WHERE t.sql IS NOT NULL AND t.tbl_name NOT LIKE 'goose%' AND t.tbl_name NOT LIKE 'sqlite%'
			ORDER BY t.tbl_name, t.type DESC, t.name`, nil, func(scan func(...any) error) error {
			var sql string
			err := scan(&sql)
			if strings.HasPrefix(sql, "CREATE TABLE") {
				b.WriteString("\n")
			}
			b.WriteString(strings.ReplaceAll(sql, "\r\n", "\n") + ";\n")
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSchemaIsTheOneInTheFile(t *testing.T) {
	got := schema(t, sqlite(t))
	if *update {
		if err := os.WriteFile("schema.sql", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("schema.sql is not what the migrations make; rewrite it with -update (-want +got):\n%s", diff)
	}
}

// described says what a database made of the tables, in words that are the
// same for both.
func described(t *testing.T, d *db.DB, queries ...string) []string {
	t.Helper()
	var out []string
	err := d.Read(t.Context(), db.All, func(tx *db.Tx) error {
		for _, q := range queries {
			lines, err := db.Rows(tx, q, nil, func(scan func(...any) error, s *string) error { return scan(s) })
			if err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
			out = append(out, lines...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func TestSchemaIsTheSameOnPostgreSQL(t *testing.T) {
	postgres := openPostgres(t, dbtest.Postgres(t))
	got := described(t, postgres,
		`SELECT 'column ' || table_name || '.' || column_name || ' ' || UPPER(data_type)
			|| CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END
			FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%'`,
		`SELECT 'key ' || c.relname || ' ' || k.n || ' ' || a.attname FROM pg_index i
			JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = 'public'::regnamespace
			CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k (att, n)
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.att
			WHERE i.indisprimary AND c.relname NOT LIKE 'goose%'`,
		`SELECT 'index ' || c.relname || ' ' || x.relname || CASE WHEN i.indisunique THEN ' unique' ELSE '' END FROM pg_index i
			JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = 'public'::regnamespace JOIN pg_class x ON x.oid = i.indexrelid
			WHERE NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid) AND c.relname NOT LIKE 'goose%'`,
		`SELECT 'reference ' || c.relname || ' ' || f.relname || ' ' || COUNT(*) FROM pg_constraint k
			JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
			WHERE k.contype = 'f' GROUP BY c.relname, f.relname`,
	)
	// SQLite counts a primary key's column as nullable unless told otherwise;
	// where a lone column is the key, the migrations do not say so.
	want := described(t, sqlite(t),
		`SELECT 'column ' || m.name || '.' || p.name || ' ' || p.type || CASE WHEN p."notnull" OR p.pk > 0 THEN ' NOT NULL' ELSE '' END
			FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'goose%' AND m.name NOT LIKE 'sqlite%'`,
		`SELECT 'key ' || m.name || ' ' || p.pk || ' ' || p.name
			FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table' AND p.pk > 0 AND m.name NOT LIKE 'goose%'`,
		`SELECT 'index ' || m.name || ' ' || i.name || CASE WHEN i."unique" THEN ' unique' ELSE '' END
			FROM sqlite_master m, pragma_index_list(m.name) i WHERE m.type = 'table' AND i.origin = 'c'`,
		`SELECT 'reference ' || m.name || ' ' || f."table" || ' ' || COUNT(DISTINCT f.id)
			FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table' GROUP BY m.name, f."table"`,
	)
	if len(want) < 100 {
		t.Fatalf("only %d facts: this test looks in the wrong place", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("PostgreSQL (+) differs from SQLite (-):\n%s", diff)
	}
}
