// Package db is the one door to the database: SQLite in a directory or
// PostgreSQL behind a URL. SQL is written once, in the subset both understand,
// with ? for parameters.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tickmark/tickmark/internal/fault"
)

// Dialect tells the two databases apart where they must be told apart.
type Dialect int

// The databases.
const (
	SQLite Dialect = iota
	Postgres
)

func (d Dialect) String() string { return [...]string{"sqlite", "postgres"}[d] }

// All is the organization name under which the machinery reads across
// organizations. Only installation work (sealing, jobs, sign-in) may use it.
const All = "*"

// ErrNone is returned by Tx.Row when no row matches.
var ErrNone = errors.New("no such row")

// ErrUnknown means that COMMIT failed in a way that leaves open whether the
// transaction is stored. Whoever holds an idempotency key may ask.
var ErrUnknown = errors.New("the database failed while committing: it is not known whether the change is stored")

// ErrStopped is returned by every write after the storage has failed. Only a
// restart, which reads what is really there, gets out of it.
var ErrStopped = errors.New("storage has failed: writing has stopped until the process is restarted")

// errClosed is returned by a write that comes after Close.
var errClosed = errors.New("the database is closed: Tickmark is stopping")

// Options are what an opener may choose.
type Options struct {
	// Unsafe accepts a PostgreSQL that may lose acknowledged commits (fsync
	// off). For tests.
	Unsafe bool
	// Careless makes SQLite acknowledge before it has stored. It is for tests
	// whose data may be lost, and for the fault harness, whose control run must
	// lose what this loses; no setting leads here.
	Careless bool
	// Log receives what no caller can be told.
	Log *slog.Logger

	fresh  bool  // refuse a database that has tables
	schema int64 // migrate no further; 0 for all the way
}

// DB is an open database. Close it once.
type DB struct {
	dialect Dialect
	where   string // for error texts
	write   *sql.DB
	read    *sql.DB
	log     *slog.Logger

	queue  chan *pending // SQLite: waiting writes
	gate   sync.RWMutex  // held for reading by whoever sends to queue
	closed bool
	idle   sync.WaitGroup
	lock   *dirLock
	failed atomic.Pointer[error]
	broken chan error
}

// Open opens and migrates the database named by url: sqlite:PATH or
// postgres://….
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	var (
		d   *DB
		err error
	)
	switch {
	case strings.HasPrefix(url, "sqlite:"):
		d, err = openSQLite(ctx, strings.TrimPrefix(url, "sqlite:"), o)
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		d, err = openPostgres(ctx, url, o)
	default:
		return nil, fault.Invalid("database", "want sqlite:PATH or postgres://USER@HOST/NAME")
	}
	if err != nil {
		return nil, err
	}
	if o.fresh {
		if err := d.assertFresh(ctx); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	if err := d.migrate(ctx, o.schema); err != nil {
		d.Close()
		return nil, fmt.Errorf("migrate %s: %w", d.where, err)
	}
	return d, nil
}

// Dialect reports which database this is.
func (d *DB) Dialect() Dialect { return d.dialect }

// Broken delivers the error after which the process should stop.
func (d *DB) Broken() <-chan error { return d.broken }

// Close waits for running writes and closes the database.
func (d *DB) Close() error {
	if d.queue != nil {
		d.gate.Lock()
		d.closed = true
		close(d.queue)
		d.gate.Unlock()
		d.idle.Wait()
	}
	err := errors.Join(d.write.Close(), d.read.Close())
	if d.lock != nil {
		err = errors.Join(err, d.lock.release())
	}
	return err
}

// Ping asks the database whether it answers.
func (d *DB) Ping(ctx context.Context) error {
	if e := d.failed.Load(); e != nil {
		return *e
	}
	return d.read.PingContext(ctx)
}

// Read runs fn in a read-only transaction that sees one organization.
func (d *DB) Read(ctx context.Context, org string, fn func(*Tx) error) error {
	tx, err := d.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return d.reach(err)
	}
	defer tx.Rollback()
	t := &Tx{ctx: ctx, run: ctx, tx: tx, dialect: d.dialect, reads: true}
	if err := t.enter(org); err != nil {
		return err
	}
	return fn(t)
}

// Write runs fn in a transaction that may change one organization. fn may run
// more than once and must change nothing but the database. When Write returns
// nil, the change is on disk.
func (d *DB) Write(ctx context.Context, org string, fn func(*Tx) error) error {
	if e := d.failed.Load(); e != nil {
		return ErrStopped
	}
	if d.dialect == SQLite {
		return d.enqueue(ctx, fn)
	}
	return d.writePostgres(ctx, org, fn)
}

// fail marks the storage as lost for writing.
func (d *DB) fail(err error) {
	if d.failed.CompareAndSwap(nil, &err) {
		d.log.Error("storage failed; writing stops until restart", "database", d.where, "err", err)
		d.broken <- err
	}
}

// reach turns the failure to get a connection into words.
func (d *DB) reach(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("database %s does not answer: %w", d.where, err)
}

// Tx is a transaction. Its statements carry ? for parameters on both
// databases.
type Tx struct {
	ctx     context.Context
	run     context.Context // what statements run under
	tx      *sql.Tx
	dialect Dialect
	after   []func()
	reads   bool // it sees what is stored, and nothing that may yet be rolled back
}

// ReadOnly reports whether the transaction only reads: what it sees is stored.
func (t *Tx) ReadOnly() bool { return t.reads }

// Context is the one the transaction runs under.
func (t *Tx) Context() context.Context { return t.ctx }

// Dialect reports which database the transaction runs on, for the few
// statements that differ.
func (t *Tx) Dialect() Dialect { return t.dialect }

// OnCommit calls fn once the transaction is stored, and never otherwise.
func (t *Tx) OnCommit(fn func()) { t.after = append(t.after, fn) }

// enter tells PostgreSQL's row-level security which organization this is.
func (t *Tx) enter(org string) error {
	if t.dialect != Postgres {
		return nil
	}
	_, err := t.tx.ExecContext(t.run, "SELECT set_config('tickmark.org', $1, true)", org)
	return err
}

// Beside lets the transaction see the rows of further organizations: those
// that share what it is about. Statements still name the one they mean.
func (t *Tx) Beside(orgs ...string) error {
	if t.dialect != Postgres {
		return nil
	}
	var now string
	if err := t.tx.QueryRowContext(t.run, "SELECT current_setting('tickmark.org', true)").Scan(&now); err != nil {
		return err
	}
	if now == All {
		return nil
	}
	if slices.Contains(orgs, All) {
		return t.enter(All)
	}
	return t.enter(strings.Join(append(strings.Fields(now), orgs...), " "))
}

// guard makes a panic in a write its error: whoever runs writes must outlive
// any of them.
func guard(fn func(*Tx) error, t *Tx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in a write: %v\n%s", r, debug.Stack())
		}
	}()
	return fn(t)
}

// Exec runs a statement and reports how many rows it touched.
func (t *Tx) Exec(query string, args ...any) (int64, error) {
	if err := t.ctx.Err(); err != nil {
		return 0, err
	}
	res, err := t.tx.ExecContext(t.run, t.bind(query), args...)
	if err != nil {
		return 0, explain(err)
	}
	return res.RowsAffected()
}

// Row scans the first row of a query into dest; ErrNone if there is none.
func (t *Tx) Row(query string, args []any, dest ...any) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	err := t.tx.QueryRowContext(t.run, t.bind(query), args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNone
	}
	return explain(err)
}

// Each calls fn with a scanner for every row. fn must not use the transaction.
func (t *Tx) Each(query string, args []any, fn func(scan func(...any) error) error) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	rows, err := t.tx.QueryContext(t.run, t.bind(query), args...)
	if err != nil {
		return explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return explain(rows.Err())
}

// Stmt is a statement prepared for many executions in one transaction.
type Stmt struct {
	tx   *Tx
	stmt *sql.Stmt
}

// Prepare readies a statement that will run many times. Close it.
func (t *Tx) Prepare(query string) (*Stmt, error) {
	s, err := t.tx.PrepareContext(t.run, t.bind(query))
	if err != nil {
		return nil, explain(err)
	}
	return &Stmt{t, s}, nil
}

// Exec runs the prepared statement.
func (s *Stmt) Exec(args ...any) error {
	if err := s.tx.ctx.Err(); err != nil {
		return err
	}
	_, err := s.stmt.ExecContext(s.tx.run, args...)
	return explain(err)
}

// Close releases the statement.
func (s *Stmt) Close() error { return s.stmt.Close() }

func (t *Tx) bind(query string) string {
	if t.dialect == SQLite {
		return query
	}
	return Rebind(query)
}

// Rows collects every row of a query. scan reads one row into a T.
func Rows[T any](t *Tx, query string, args []any, scan func(scan func(...any) error, v *T) error) ([]T, error) {
	out := []T{}
	err := t.Each(query, args, func(s func(...any) error) error {
		var v T
		if err := scan(s, &v); err != nil {
			return err
		}
		out = append(out, v)
		return nil
	})
	return out, err
}

var rebound sync.Map // SQL with ? → SQL with $n

// Rebind rewrites ? to $1, $2, … outside quotes, and nothing else.
func Rebind(query string) string {
	if v, ok := rebound.Load(query); ok {
		return v.(string)
	}
	var b strings.Builder
	n, quoted := 0, false
	for _, r := range query {
		switch {
		case r == '\'':
			quoted = !quoted
			b.WriteRune(r)
		case r == '?' && !quoted:
			n++
			fmt.Fprintf(&b, "$%d", n)
		default:
			b.WriteRune(r)
		}
	}
	rebound.Store(query, b.String())
	return b.String()
}
