package arch_test

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/arch/sqlscan"
)

var (
	createTable = regexp.MustCompile(`(?is)\bCREATE\s+TABLE\s+([a-z_]+)\s*\((.*?)\n\);`)
	anyCreate   = regexp.MustCompile(`(?i)\bCREATE\s+(TEMP\s+)?TABLE\b`)
	addColumn   = regexp.MustCompile(`(?i)\bALTER\s+TABLE\s+([a-z_]+)\s+ADD\s+COLUMN\s+([^;]+);`)
	primaryKey  = regexp.MustCompile(`(?i)^PRIMARY\s+KEY\s*\(([^)]*)\)`)
	foreignKey  = regexp.MustCompile(`(?i)\bREFERENCES\s+([a-z_]+)\s*\(([^)]*)\)`)
	column      = regexp.MustCompile(`(?i)^([a-z_0-9]+)\s+([A-Z]+)\b(.*)$`)
)

// columnTypes are those that both databases store the same way. Counts and
// instants are BIGINT: SQLite's INTEGER holds what PostgreSQL's refuses.
var columnTypes = []string{"TEXT", "BIGINT", "BOOLEAN", "BYTEA"}

// wellKeyed: every table has an owner, and all but the installation's begin
// their key, and each reference to another, with the organization.
func wellKeyed(t *tree) []string {
	files, err := fs.Glob(t.fsys, "internal/db/migrations/*.sql")
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	for _, p := range files {
		b, err := fs.ReadFile(t.fsys, p)
		if err != nil {
			out = append(out, err.Error())
			continue
		}
		sql := sqlscan.Bare(string(b))
		tables := createTable.FindAllStringSubmatch(sql, -1)
		if n := len(anyCreate.FindAllString(sql, -1)); n != len(tables) {
			out = append(out, fmt.Sprintf("%s: %d tables are created, %d of them as CREATE TABLE name (…\\n); write all of them so", p, n, len(tables)))
		}
		for _, m := range tables {
			for _, v := range badTable(m[1], parts(m[2])) {
				out = append(out, fmt.Sprintf("%s: table %s %s", p, m[1], v))
			}
		}
		for _, m := range addColumn.FindAllStringSubmatch(sql, -1) {
			for _, v := range badColumn(strings.TrimSpace(m[2])) {
				out = append(out, fmt.Sprintf("%s: table %s %s", p, m[1], v))
			}
		}
	}
	return out
}

func badTable(table string, lines []string) []string {
	var out []string
	if tableOwner(table) == "" {
		out = append(out, "has no owner: name one in internal/arch")
	}
	key, hasOrg := "", false
	for _, line := range lines {
		if m := primaryKey.FindStringSubmatch(line); m != nil {
			key = m[1]
			continue
		}
		if m := foreignKey.FindStringSubmatch(line); m != nil && installation[m[1]] == "" && !strings.HasPrefix(m[2], "org_id") {
			out = append(out, fmt.Sprintf("refers to %s without its organization: FOREIGN KEY (org_id, …) REFERENCES %s (org_id, …)", m[1], m[1]))
		}
		m := column.FindStringSubmatch(line)
		if m == nil || slices.Contains([]string{"FOREIGN", "UNIQUE", "CHECK", "CONSTRAINT"}, strings.ToUpper(m[1])) {
			continue
		}
		hasOrg = hasOrg || m[1] == "org_id"
		if strings.Contains(strings.ToUpper(m[3]), "PRIMARY KEY") {
			key = m[1]
		}
		out = append(out, badColumn(line)...)
	}
	if installation[table] != "" {
		return out
	}
	if !hasOrg {
		out = append(out, "has no org_id; if it belongs to the installation, list it in internal/arch and say why")
	} else if first, _, _ := strings.Cut(key, ","); strings.TrimSpace(first) != "org_id" {
		out = append(out, fmt.Sprintf("has the primary key (%s); it begins with org_id", key))
	}
	return out
}

func badColumn(line string) []string {
	m := column.FindStringSubmatch(line)
	if m == nil || slices.Contains(columnTypes, strings.ToUpper(m[2])) {
		return nil
	}
	return []string{fmt.Sprintf("has the column %s of type %s; the types are %s", m[1], m[2], strings.Join(columnTypes, ", "))}
}

// parts splits the body of CREATE TABLE at the commas outside parentheses.
func parts(body string) []string {
	var out []string
	depth, start := 0, 0
	for i, c := range body {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, strings.TrimSpace(body[start:i]))
				start = i + 1
			}
		}
	}
	return append(out, strings.TrimSpace(body[start:]))
}

func TestTablesBelongToOrganizations(t *testing.T) {
	holds(t, wellKeyed)
	if got, _ := fs.Glob(house(t).fsys, "internal/db/migrations/*.sql"); len(got) == 0 {
		t.Error("no migrations found: this test looks in the wrong place")
	}
}

func TestTablesBelongToOrganizationsCatches(t *testing.T) {
	migration := func(sql string) map[string]string {
		return map[string]string{"internal/db/migrations/00009_x.sql": "-- +goose Up\n" + sql}
	}
	catches(t, wellKeyed, []planted{
		{"no organization", migration("CREATE TABLE control_note (\n id TEXT PRIMARY KEY\n);"), []string{"has no org_id"}},
		{"key begins with something else", migration("CREATE TABLE control_note (\n org_id TEXT,\n id TEXT,\n PRIMARY KEY (id, org_id)\n);"),
			[]string{"has the primary key (id, org_id)"}},
		{"reference across organizations", migration("CREATE TABLE control_note (\n org_id TEXT,\n id TEXT,\n c TEXT REFERENCES control (id),\n PRIMARY KEY (org_id, id)\n);"),
			[]string{"refers to control without its organization"}},
		{"type", migration("CREATE TABLE control_note (\n org_id TEXT,\n n INTEGER NOT NULL,\n PRIMARY KEY (org_id, n)\n);\nALTER TABLE control ADD COLUMN at TIMESTAMP NOT NULL;"),
			[]string{"column n of type INTEGER", "column at of type TIMESTAMP"}},
		{"in a form the rule does not read", migration("CREATE TABLE IF NOT EXISTS control_note (id TEXT);"), []string{"1 tables are created, 0 of them"}},
		{"no owner", migration("CREATE TABLE widget (\n org_id TEXT PRIMARY KEY\n);"), []string{"table widget has no owner"}},
		{"fine", migration("-- About it, and more.\nCREATE TABLE control_note (\n org_id TEXT NOT NULL,\n id TEXT NOT NULL,\n PRIMARY KEY (org_id, id),\n FOREIGN KEY (org_id, id) REFERENCES control (org_id, id)\n);"), nil},
	})
}
