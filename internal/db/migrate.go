package db

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/tickmark/tickmark/internal/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date, or up to one migration; the same files
// serve both databases.
func (d *DB) migrate(ctx context.Context, upTo int64) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	dialect := goose.DialectSQLite3
	opts := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if d.dialect == Postgres {
		dialect = goose.DialectPostgres
		// A second process that starts meanwhile looks every second.
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300), lock.WithUnlockTimeout(1, 60))
		if err != nil {
			return err
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(dialect, d.write, sub, opts...)
	if err != nil {
		return err
	}
	if upTo == 0 {
		_, err = p.Up(ctx)
	} else {
		_, err = p.UpTo(ctx, upTo)
	}
	if err != nil {
		return explain(err)
	}
	have, know, err := p.GetVersions(ctx)
	if err != nil {
		return explain(err)
	}
	if have > know {
		return fault.Conflict("its schema %d is of a newer Tickmark than this one, which knows %d: run the newer one, or restore a backup", have, know)
	}
	if d.dialect == Postgres {
		return d.fence(ctx)
	}
	return nil
}

// fence puts row-level security on every table that has an organization: a
// second wall behind the WHERE of each statement. Its owner is held to it too.
func (d *DB) fence(ctx context.Context) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	// Processes that start together take turns.
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(7384211)"); err != nil {
		return err
	}
	tables, err := orgTables(ctx, tx)
	if err != nil {
		return err
	}
	for _, t := range tables {
		for _, stmt := range []string{
			"ALTER TABLE %[1]s ENABLE ROW LEVEL SECURITY",
			"ALTER TABLE %[1]s FORCE ROW LEVEL SECURITY",
			`CREATE POLICY own_organization ON %[1]s USING (
				org_id = ANY (string_to_array(current_setting('tickmark.org', true), ' ')) OR current_setting('tickmark.org', true) = '*')`,
		} {
			if _, err := tx.ExecContext(ctx, fmt.Sprintf(stmt, t)); err != nil {
				return fmt.Errorf("row-level security on %s: %w", t, err)
			}
		}
	}
	return tx.Commit()
}

// orgTables lists the tables that name an organization and have no policy yet.
func orgTables(ctx context.Context, tx *sql.Tx) ([]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT c.table_name FROM information_schema.columns c
		WHERE c.column_name = 'org_id' AND c.table_schema = current_schema()
		AND NOT EXISTS (SELECT 1 FROM pg_policies p WHERE p.schemaname = c.table_schema AND p.tablename = c.table_name)
		ORDER BY c.table_name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var t string
		if err := rows.Scan(&t); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, rows.Err()
}
