package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/tickmark/tickmark/internal/fault"
)

// tries bounds how often a transaction that lost a race is run again.
const tries = 6

func openPostgres(ctx context.Context, dsn string, o Options) (*DB, error) {
	where := "PostgreSQL"
	if u, err := url.Parse(dsn); err == nil {
		where = "PostgreSQL at " + u.Host + u.Path
	}
	d := &DB{dialect: Postgres, where: where, log: o.Log, broken: make(chan error, 1)}
	// Two pools: a write that reads on the side must not wait for a connection
	// that only other such writes could free.
	for _, p := range []struct {
		pool **sql.DB
		size int
	}{{&d.write, 12}, {&d.read, 16}} {
		pool, err := sql.Open("pgx", dsn)
		if err != nil {
			return nil, fault.Invalid("database", "not a PostgreSQL address: want postgres://USER@HOST/NAME").With(err)
		}
		pool.SetMaxOpenConns(p.size)
		pool.SetMaxIdleConns(p.size)
		pool.SetConnMaxIdleTime(5 * time.Minute)
		*p.pool = pool
	}
	if err := d.assertPostgres(ctx, o); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// assertPostgres refuses a server that acknowledges before it has stored.
func (d *DB) assertPostgres(ctx context.Context, o Options) error {
	if err := d.write.PingContext(ctx); err != nil {
		return fmt.Errorf("%s does not answer: start it, or correct the address: %w", d.where, err)
	}
	if o.Unsafe {
		return nil
	}
	for _, s := range []struct{ name, refuse string }{
		{"fsync", "off"}, {"full_page_writes", "off"}, {"synchronous_commit", "off"},
	} {
		var got string
		if err := d.write.QueryRowContext(ctx, "SELECT current_setting($1)", s.name).Scan(&got); err != nil {
			return err
		}
		if got == s.refuse {
			return fmt.Errorf("%s runs with %s=%s and may lose evidence it has acknowledged: turn it on", d.where, s.name, got)
		}
	}
	return d.warnOfPower(ctx)
}

// warnOfPower says so when the user stands above row-level security, which then
// holds nothing back.
func (d *DB) warnOfPower(ctx context.Context) error {
	var above bool
	err := d.write.QueryRowContext(ctx, "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user").Scan(&above)
	if err == nil && above {
		d.log.Warn("row-level security does not hold for this database user: connect as one that is neither superuser nor BYPASSRLS", "database", d.where)
	}
	return err
}

func (d *DB) writePostgres(ctx context.Context, org string, fn func(*Tx) error) error {
	for try := 1; ; try++ {
		t, err := d.tryPostgres(ctx, org, fn)
		if err == nil {
			for _, fn := range t.after {
				fn()
			}
			return nil
		}
		if !raced(err) || try == tries {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try*try) * 4 * time.Millisecond):
		}
	}
}

func (d *DB) tryPostgres(ctx context.Context, org string, fn func(*Tx) error) (*Tx, error) {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, d.reach(err)
	}
	defer tx.Rollback()
	t := &Tx{ctx: ctx, run: ctx, tx: tx, dialect: Postgres}
	if err := t.enter(org); err != nil {
		return nil, d.reach(err)
	}
	if err := guard(fn, t); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil { // nothing has been asked of the server yet
		return nil, err
	}
	if err := tx.Commit(); err != nil {
		if refused(err) {
			return nil, explain(err)
		}
		return nil, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return t, nil
}

// refused reports that the server answered COMMIT with no. A FATAL answer is
// about the connection and may come after the commit itself.
func refused(err error) bool {
	if errors.Is(err, pgx.ErrTxCommitRollback) {
		return true
	}
	var e *pgconn.PgError
	return errors.As(err, &e) && e.SeverityUnlocalized == "ERROR" && e.Code != "40003"
}

func raced(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}

// explain gives the errors of either driver the meaning a caller acts on.
func explain(err error) error {
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "23505":
			return &Duplicate{Constraint: pg.ConstraintName, err: err}
		case "53100":
			return fmt.Errorf("the database's disk is full; nothing of this was stored: %w", err)
		}
		return err
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() {
		case lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_PRIMARYKEY:
			return &Duplicate{err: err}
		}
		switch lite.Code() & 0xff {
		case lib.SQLITE_FULL:
			return fmt.Errorf("the disk is full; nothing of this was stored: %w", err)
		case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
			return fmt.Errorf("the database file is damaged; restore a backup: %w", err)
		}
	}
	return err
}

// Duplicate is returned when a row with that key is already there.
type Duplicate struct {
	// Constraint is known on PostgreSQL only.
	Constraint string
	err        error
}

func (e *Duplicate) Error() string { return "already there: " + e.err.Error() }
func (e *Duplicate) Unwrap() error { return e.err }

// IsDuplicate reports whether err came from a key that is taken.
func IsDuplicate(err error) bool {
	var e *Duplicate
	return errors.As(err, &e)
}
