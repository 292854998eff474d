package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
)

// A Table is one of the schema, with its columns in order, and the tables that
// its foreign keys refer to.
type Table struct {
	Name    string
	Columns []Column
	Refers  []string
}

// Column has one of the four types that both databases store the same way:
// TEXT, BIGINT, BOOLEAN, BYTEA.
type Column struct{ Name, Type string }

// Names lists the columns' names.
func (t Table) Names() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// Snapshot runs fn in a transaction that only reads, sees all organizations
// and sees them as of one moment, however long it takes.
func (d *DB) Snapshot(ctx context.Context, fn func(*Tx) error) error {
	o := &sql.TxOptions{ReadOnly: true}
	if d.dialect == Postgres {
		o.Isolation = sql.LevelRepeatableRead // SQLite knows nothing else
	}
	tx, err := d.read.BeginTx(ctx, o)
	if err != nil {
		return d.reach(err)
	}
	defer tx.Rollback()
	t := &Tx{ctx: ctx, run: ctx, tx: tx, dialect: d.dialect}
	if err := t.enter(All); err != nil {
		return err
	}
	return fn(t)
}

// Schema is the number of the migration that the database stands at.
func (t *Tx) Schema() (n int64, err error) {
	err = t.Row("SELECT MAX(version_id) FROM goose_db_version", nil, &n)
	return n, err
}

// Newest is the number of the last migration that this program knows.
func Newest() int64 {
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		panic("db: " + err.Error()) // they are part of the program
	}
	var newest int64
	for _, f := range files {
		number, _, _ := strings.Cut(path.Base(f.Name()), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			panic("db: migration " + f.Name())
		}
		newest = max(newest, n)
	}
	return newest
}

const (
	columnsLite = `SELECT m.name, c.name, c.type FROM sqlite_schema m JOIN pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'goose_%' ORDER BY m.name, c.cid`
	columnsPG = `SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c
		JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
		WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.table_name NOT LIKE 'goose_%'
		ORDER BY c.table_name COLLATE "C", c.ordinal_position`
	parentsLite = `SELECT DISTINCT m.name, f."table" FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`
	parentsPG   = `SELECT DISTINCT a.relname, b.relname FROM pg_constraint k JOIN pg_class a ON a.oid = k.conrelid
		JOIN pg_class b ON b.oid = k.confrelid WHERE k.contype = 'f' AND k.connamespace = current_schema()::regnamespace`
)

// postgresTypes are its own names of the four.
var postgresTypes = map[string]string{"text": "TEXT", "bigint": "BIGINT", "boolean": "BOOLEAN", "bytea": "BYTEA"}

// Tables lists the tables in an order in which they can be filled: none before
// one that it refers to.
func (t *Tx) Tables() ([]Table, error) {
	columns, parents := columnsLite, parentsLite
	if t.dialect == Postgres {
		columns, parents = columnsPG, parentsPG
	}
	var all []Table
	err := t.Each(columns, nil, func(scan func(...any) error) error {
		var table string
		var c Column
		if err := scan(&table, &c.Name, &c.Type); err != nil {
			return err
		}
		if t.dialect == Postgres {
			c.Type = postgresTypes[c.Type]
		}
		if !slices.Contains([]string{"TEXT", "BIGINT", "BOOLEAN", "BYTEA"}, c.Type) {
			return fmt.Errorf("table %s: the column %s is of a type that is not ours", table, c.Name)
		}
		if len(all) == 0 || all[len(all)-1].Name != table {
			all = append(all, Table{Name: table})
		}
		all[len(all)-1].Columns = append(all[len(all)-1].Columns, c)
		return nil
	})
	if err != nil {
		return nil, err
	}
	refers := map[string][]string{}
	err = t.Each(parents, nil, func(scan func(...any) error) error {
		var child, parent string
		err := scan(&child, &parent)
		if child != parent {
			refers[child] = append(refers[child], parent)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].Refers = refers[all[i].Name]
		slices.Sort(all[i].Refers)
	}
	return fillable(all)
}

// fillable orders tables so that each comes after those it refers to.
func fillable(all []Table) ([]Table, error) {
	var out []Table
	done := map[string]bool{}
	for len(out) < len(all) {
		before := len(out)
		for _, t := range all {
			if !done[t.Name] && !slices.ContainsFunc(t.Refers, func(p string) bool { return !done[p] }) {
				done[t.Name] = true
				out = append(out, t)
			}
		}
		if len(out) == before {
			return nil, errors.New("tables refer to each other in a circle")
		}
	}
	return out, nil
}

// Dump calls fn with every row of a table: string, int64, bool, []byte or nil,
// in the order of its columns. The slice is used again.
func (t *Tx) Dump(table Table, fn func(row []any) error) error {
	n := len(table.Columns)
	cells, row := make([]any, n), make([]any, n)
	for i, c := range table.Columns {
		switch c.Type {
		case "TEXT":
			cells[i] = new(sql.Null[string])
		case "BIGINT":
			cells[i] = new(sql.Null[int64])
		case "BOOLEAN":
			cells[i] = new(sql.Null[bool])
		case "BYTEA":
			cells[i] = new(sql.Null[[]byte])
		}
	}
	query := "SELECT " + strings.Join(table.Names(), ", ") + " FROM " + table.Name
	return t.Each(query, nil, func(scan func(...any) error) error {
		if err := scan(cells...); err != nil {
			return fmt.Errorf("table %s: %w", table.Name, err)
		}
		for i := range cells {
			row[i] = valueOf(cells[i])
		}
		return fn(row)
	})
}

func valueOf(cell any) any {
	switch c := cell.(type) {
	case *sql.Null[string]:
		if c.Valid {
			return c.V
		}
	case *sql.Null[int64]:
		if c.Valid {
			return c.V
		}
	case *sql.Null[bool]:
		if c.Valid {
			return c.V
		}
	case *sql.Null[[]byte]:
		if c.Valid {
			return c.V
		}
	}
	return nil
}

// A Loader fills a table, many rows to a statement.
type Loader struct {
	tx    *Tx
	table Table
	many  int // rows to a full statement
	args  []any
	stmt  *Stmt
}

// perStatement bounds the rows, maxArgs the parameters of one statement.
const (
	perStatement = 64
	maxArgs      = 2000
)

// Load begins to fill a table. Close stores the rest.
func (t *Tx) Load(table Table) *Loader {
	return &Loader{tx: t, table: table, many: max(1, min(perStatement, maxArgs/len(table.Columns)))}
}

// Add adds a row as Dump gives it.
func (l *Loader) Add(row []any) error {
	l.args = append(l.args, row...)
	if len(l.args) < l.many*len(l.table.Columns) {
		return nil
	}
	if l.stmt == nil {
		var err error
		if l.stmt, err = l.tx.Prepare(l.insert(l.many)); err != nil {
			return err
		}
	}
	err := l.stmt.Exec(l.args...)
	l.args = l.args[:0]
	return err
}

func (l *Loader) insert(rows int) string {
	one := "(" + strings.Repeat("?, ", len(l.table.Columns)-1) + "?)"
	return "INSERT INTO " + l.table.Name + " (" + strings.Join(l.table.Names(), ", ") + ") VALUES " +
		strings.Repeat(one+", ", rows-1) + one
}

// Close stores what is left.
func (l *Loader) Close() error {
	var err error
	if l.stmt != nil {
		err = l.stmt.Close()
	}
	if len(l.args) == 0 || err != nil {
		return err
	}
	_, err = l.tx.Exec(l.insert(len(l.args)/len(l.table.Columns)), l.args...)
	l.args = nil
	return err
}

// Fresh opens a new database with the schema as of one migration, to be filled
// with rows of that time. It refuses one that has anything in it.
func Fresh(ctx context.Context, url string, schema int64, o Options) (*DB, error) {
	if file, ok := strings.CutPrefix(url, "sqlite:"); ok {
		if info, err := os.Stat(file); err == nil && info.Size() > 0 {
			return nil, fault.Conflict("%s is there already: give a directory that is empty or does not exist", file)
		}
	}
	o.fresh, o.schema = true, schema
	return Open(ctx, url, o)
}

const tablesPG = "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()"

// assertFresh refuses a database that somebody uses.
func (d *DB) assertFresh(ctx context.Context) error {
	if d.dialect == SQLite {
		return nil // a new file
	}
	var n int
	if err := d.write.QueryRowContext(ctx, tablesPG).Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return fault.Conflict("%s has %d tables already: give a database that is empty", d.where, n)
	}
	return nil
}
