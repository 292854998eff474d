package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/tickmark/tickmark/internal/durable"
	"github.com/tickmark/tickmark/internal/fault"
)

// maxBatch bounds how many waiting writes share one transaction.
const maxBatch = 256

// readers is the size of the pool for reading.
const readers = 8

// openSQLite opens one writer and a pool of readers on path, and refuses
// settings under which an acknowledged write could be lost.
func openSQLite(ctx context.Context, path string, o Options) (*DB, error) {
	if path == "" {
		return nil, fault.Invalid("database", "sqlite: names no file: want sqlite:PATH")
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := durable.SyncAbove(dir); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	// SQLite would make it readable to whatever the umask lets in, and gives its
	// other files the same mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), lock.release())
	}
	const common = "?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=trusted_schema(0)"
	uri := "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
	write, err := sql.Open("sqlite", uri+common+"&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=secure_delete(1)&_pragma=cache_size(-16000)")
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	write.SetMaxOpenConns(1)
	d := &DB{dialect: SQLite, where: path, write: write, log: o.Log, lock: lock,
		queue: make(chan *pending, maxBatch), broken: make(chan error, 1)}
	if err := d.assertSQLite(ctx); err != nil {
		return nil, errors.Join(err, write.Close(), lock.release())
	}
	if o.Careless {
		if _, err := write.ExecContext(ctx, "PRAGMA synchronous = NORMAL"); err != nil {
			return nil, errors.Join(err, write.Close(), lock.release())
		}
	}
	d.read, err = sql.Open("sqlite", uri+strings.Replace(common, "_txlock=immediate&", "", 1)+"&_pragma=query_only(1)&_pragma=cache_size(-4000)")
	if err != nil {
		return nil, errors.Join(err, write.Close(), lock.release())
	}
	d.read.SetMaxOpenConns(readers)
	d.read.SetMaxIdleConns(readers)
	d.idle.Add(1)
	go d.writer()
	return d, nil
}

// assertSQLite reads the settings back: a pragma that is misspelt or refused
// is silent.
func (d *DB) assertSQLite(ctx context.Context) error {
	want := []struct{ pragma, value, why string }{
		{"journal_mode", "wal", "readers must not block the writer"},
		{"synchronous", "2", "without FULL a power loss takes acknowledged evidence with it"},
		{"foreign_keys", "1", "references must hold"},
		{"trusted_schema", "0", "a planted schema must not run functions"},
		{"secure_delete", "1", "what is erased must not stay in free pages"},
	}
	for _, w := range want {
		var got string
		if err := d.write.QueryRowContext(ctx, "PRAGMA "+w.pragma).Scan(&got); err != nil {
			return fmt.Errorf("open %s: %w", d.where, explain(err))
		}
		if got != w.value {
			return fmt.Errorf("open %s: %s is %s, want %s: %s", d.where, w.pragma, got, w.value, w.why)
		}
	}
	var version string
	if err := d.write.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return err
	}
	if older(version, "3.51.3") {
		return fmt.Errorf("SQLite %s can corrupt its write-ahead log; 3.51.3 or newer is needed", version)
	}
	return nil
}

func older(have, want string) bool {
	h, w := strings.Split(have, "."), strings.Split(want, ".")
	for i := range w {
		a, _ := strconv.Atoi(h[i])
		b, _ := strconv.Atoi(w[i])
		if a != b {
			return a < b
		}
	}
	return false
}

// pending is a write that waits for the writer.
type pending struct {
	ctx  context.Context
	fn   func(*Tx) error
	tx   *Tx
	err  error
	done chan struct{}
}

// enqueue hands a write to the writer and waits for its outcome.
func (d *DB) enqueue(ctx context.Context, fn func(*Tx) error) error {
	p := &pending{ctx: ctx, fn: fn, done: make(chan struct{})}
	if err := d.submit(p); err != nil {
		return err
	}
	<-p.done
	return p.err
}

// submit keeps the queue open for as long as it sends.
func (d *DB) submit(p *pending) error {
	d.gate.RLock()
	defer d.gate.RUnlock()
	if d.closed {
		return errClosed
	}
	select {
	case d.queue <- p:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// writer runs the waiting writes, all that wait in one transaction with a
// savepoint each: one fsync serves them all.
func (d *DB) writer() {
	defer d.idle.Done()
	for p := range d.queue {
		batch := d.drain([]*pending{p})
		d.runBatch(batch)
		for _, p := range batch {
			if p.err == nil && p.tx != nil {
				for _, fn := range p.tx.after {
					fn()
				}
			}
			close(p.done)
		}
	}
}

// drain adds what else waits already.
func (d *DB) drain(batch []*pending) []*pending {
	for len(batch) < maxBatch {
		select {
		case p, open := <-d.queue:
			if !open {
				return batch
			}
			batch = append(batch, p)
		default:
			return batch
		}
	}
	return batch
}

func (d *DB) runBatch(batch []*pending) {
	all := func(err error) {
		for _, p := range batch {
			if p.err == nil {
				p.err = err
			}
		}
	}
	if d.failed.Load() != nil {
		all(ErrStopped)
		return
	}
	tx, err := d.write.BeginTx(context.Background(), nil)
	if err != nil {
		all(d.reach(explain(err)))
		d.stopOn(err)
		return
	}
	stored := 0
	for _, p := range batch {
		if p.err = p.ctx.Err(); p.err != nil {
			continue
		}
		if !savepoint(tx, p) {
			tx.Rollback()
			all(p.err)
			d.stopOn(p.err)
			return
		}
		if p.err == nil {
			stored++
		}
	}
	if stored == 0 {
		tx.Rollback()
		return
	}
	if err := tx.Commit(); err != nil {
		tx.Rollback()
		if full(err) {
			all(explain(err))
			return
		}
		all(fmt.Errorf("%w: %w", ErrUnknown, explain(err)))
		d.fail(err) // whatever it was, only a restart reads what is really there
	}
}

// savepoint runs one write so that its failure takes nothing else along. It is
// false when the transaction around it is gone or in doubt.
func savepoint(tx *sql.Tx, p *pending) bool {
	if _, err := tx.Exec("SAVEPOINT op"); err != nil {
		p.err = explain(err)
		return false
	}
	// SQLite rolls the whole transaction back when a statement is interrupted,
	// so that nobody's patience may end inside one.
	p.tx = &Tx{ctx: p.ctx, run: context.WithoutCancel(p.ctx), tx: tx, dialect: SQLite}
	if p.err = guard(p.fn, p.tx); p.err == nil {
		_, err := tx.Exec("RELEASE op")
		p.err = explain(err)
		return err == nil
	}
	_, back := tx.Exec("ROLLBACK TO op")
	_, rel := tx.Exec("RELEASE op")
	intact := back == nil && rel == nil && !lost(p.err)
	p.err = errors.Join(p.err, explain(back), explain(rel))
	return intact
}

// stopOn ends writing when the error says that the file can no longer be
// trusted to do what it is told.
func (d *DB) stopOn(err error) {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_IOERR, lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_CANTOPEN, lib.SQLITE_READONLY:
		d.fail(err)
	}
}

// lost reports an error after which SQLite may have rolled back the whole
// transaction, not only the savepoint.
func lost(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_IOERR, lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_FULL, lib.SQLITE_NOMEM, lib.SQLITE_BUSY, lib.SQLITE_READONLY:
		return true
	}
	return false
}

func full(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == lib.SQLITE_FULL
}

// dirLock keeps a second process out of a directory.
type dirLock struct{ f *os.File }

func lockDir(dir string) (*dirLock, error) {
	f, err := os.OpenFile(filepath.Join(dir, "tickmark.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		b := make([]byte, 32)
		n, _ := f.ReadAt(b, 0)
		f.Close()
		holder := strings.TrimSpace(string(b[:n]))
		return nil, fault.Conflict("process %s already holds %s: stop it, or give another directory with --data", holder, dir).With(err)
	}
	f.Truncate(0)
	f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	return &dirLock{f}, nil
}

func (l *dirLock) release() error { return l.f.Close() }
