package db

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
)

// Waiting is how many writes wait for SQLite's writer.
func (d *DB) Waiting() int { return len(d.queue) }

// LimitPages makes the disk as good as full beyond n pages of the file.
func (d *DB) LimitPages(n int) error {
	_, err := d.write.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", n))
	return err
}

// Pages is how many pages the file has.
func (d *DB) Pages() (n int, err error) {
	err = d.write.QueryRow("PRAGMA page_count").Scan(&n)
	return n, err
}

// AssertSQLite checks the settings of a database opened with the pragmas of
// uri, as Open does with its own.
func AssertSQLite(ctx context.Context, uri string) error {
	pool, err := sql.Open("sqlite", uri)
	if err != nil {
		return err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	return (&DB{dialect: SQLite, where: "test", write: pool, log: slog.Default()}).assertSQLite(ctx)
}

// Older compares versions of SQLite.
var Older = older

// Migrate is what Open does last.
func (d *DB) Migrate(ctx context.Context) error { return d.migrate(ctx, 0) }
