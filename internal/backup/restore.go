package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/seal"
)

// Source names the two files. Without the second, Secrets is empty.
type Source struct{ Main, Secrets string }

// Target is where a backup is put back.
type Target struct {
	URL     string // of a database with nothing in it
	Options db.Options
	Store   blob.Store
	Root    *seal.Root
	Held    *ledger.Held // what was signed before; nil if nobody knows
	Clock   clock.Clock
	Log     *slog.Logger
	Say     func(Progress)
}

// Restored is what was put back, and what checking it showed.
type Restored struct {
	ID    id.Backup `json:"id"`
	Taken time.Time `json:"taken"`
	// Keys is when the second file was taken; zero without one.
	Keys   time.Time     `json:"keys,omitzero"`
	Logs   []Checked     `json:"logs"`
	Blobs  int64         `json:"blobs"`
	Bytes  int64         `json:"bytes"`
	Absent []Absent      `json:"absent,omitempty"` // were not in the backup
	Erased int64         `json:"erased,omitempty"` // erased since: no key in the second file
	Faults []string      `json:"faults,omitempty"` // what is not as it was recorded
	Took   time.Duration `json:"took_ns"`

	absence int64 // of blobs, also of those that are not named
	counted []Counted
}

// Checked is a log that was read back whole.
type Checked struct {
	Org      id.Org    `json:"org"`
	Origin   string    `json:"origin"`
	Epoch    int64     `json:"epoch"`
	Entries  int64     `json:"entries"`
	Signed   int64     `json:"signed"`
	Recorded time.Time `json:"recorded"` // its newest entry
	Head     string    `json:"head,omitempty"`
	Closed   int64     `json:"closed,omitempty"` // entries that nothing opens and no entry erases
	Held     int64     `json:"held,omitempty"`   // the size signed before, where that is larger
}

// restorer puts a backup back.
type restorer struct {
	ctx    context.Context
	to     Target
	db     *db.DB
	tables map[string]db.Table
	main   *contents
	keys   *contents // of the second file; nil without one
	exact  bool      // both files are of one backup
	orgs   map[string]bool
	done   Progress
}

// Restore fills a database and a store from a backup, and then checks what is
// there, as if nobody had written it: each log, entry by entry; each blob
// against its digest; the root key against both. Nothing is made when a file
// is damaged, or is not what it should be.
func Restore(ctx context.Context, from Source, to Target) (*Restored, error) {
	started := to.Clock.Now()
	if to.Say == nil {
		to.Say = func(Progress) {}
	}
	r := &restorer{ctx: ctx, to: to, tables: map[string]db.Table{}, orgs: map[string]bool{}}
	if err := r.inspect(from); err != nil {
		return nil, err
	}
	if err := r.fill(from); err != nil {
		return nil, err
	}
	out, err := r.verify()
	if err != nil {
		return nil, err
	}
	if err := finished(ctx, to.URL, to.Options); err != nil {
		return nil, err
	}
	out.Took = to.Clock.Now().Sub(started)
	return out, nil
}

// read walks a file.
func (r *restorer) read(path string, v visitor) (*contents, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Invalid("from", "%s cannot be read", path).With(err)
	}
	defer f.Close()
	what, err := walk(&patient{r.ctx, f}, v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return what, nil
}

// patient ends a long read when nobody waits for it any more.
type patient struct {
	ctx context.Context
	r   io.Reader
}

func (p *patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.r.Read(b)
}

// inspect reads both files to their ends before anything is made.
func (r *restorer) inspect(from Source) (err error) {
	r.to.Say(Progress{What: "checking the files"})
	if r.main, err = r.read(from.Main, visitor{}); err != nil {
		return err
	}
	if r.main.Part != mainPart {
		return fault.Invalid("from", "%s is the second file of a backup: give it with --secrets, and the first with --from", from.Main)
	}
	if newest := db.Newest(); r.main.Schema > newest {
		return fault.Conflict("The backup has schema %d, of a newer Tickmark than this one, which knows %d: restore it with the newer one.", r.main.Schema, newest)
	}
	for _, l := range r.main.Logs {
		r.orgs[string(l.Org)] = true
		if err := ledger.Fits(r.to.Root, l.ID, l.Generation, l.Key); err != nil {
			return err
		}
	}
	if from.Secrets == "" {
		return nil
	}
	if r.keys, err = r.read(from.Secrets, visitor{}); err != nil {
		return err
	}
	return r.fits(from)
}

// fits refuses a second file that does not belong to the first. One of a later
// backup does: what was erased since is gone from it.
func (r *restorer) fits(from Source) error {
	if r.keys.Part != secretsPart {
		return fault.Invalid("secrets", "%s is the first file of a backup: its second is wanted", from.Secrets)
	}
	if r.exact = r.keys.ID == r.main.ID; r.exact {
		return nil
	}
	if r.keys.Schema != r.main.Schema {
		return fault.Invalid("secrets", "%s has schema %d and %s schema %d: give the second file of the same backup, or of one made by the same version",
			from.Secrets, r.keys.Schema, from.Main, r.main.Schema)
	}
	for _, l := range r.main.Logs {
		k := r.keys.log(string(l.Org), string(l.ID))
		if k == nil || k.Size < l.Size {
			return fault.Invalid("secrets", "%s was taken %s and does not open what %s holds, taken %s: give the second file of the same backup, or of a later one",
				from.Secrets, r.keys.Taken.Format(time.RFC3339), from.Main, r.main.Taken.Format(time.RFC3339))
		}
	}
	return nil
}

const (
	insertUnfinished = "INSERT INTO backup_unfinished (id, started) VALUES (1, ?)"
	deleteUnfinished = "DELETE FROM backup_unfinished WHERE id = 1"
	countUnfinished  = "SELECT COUNT(*) FROM backup_unfinished"
)

// Whole refuses an installation whose restore did not come to its end.
func Whole(ctx context.Context, d *db.DB) error {
	var n int64
	err := d.Read(ctx, db.All, func(tx *db.Tx) error { return tx.Row(countUnfinished, nil, &n) })
	if err == nil && n > 0 {
		return fault.Conflict("A restore into this database was not finished, so that it is not whole. Remove it and restore again into an empty one.")
	}
	return err
}

// fill makes the database as of the backup's schema, marked as unfinished, and
// puts everything in.
func (r *restorer) fill(from Source) (err error) {
	if r.db, err = db.Fresh(r.ctx, r.to.URL, r.main.Schema, r.to.Options); err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, r.db.Close()); err != nil && r.db.Dialect() == db.Postgres {
			err = fmt.Errorf("%w\nA part of the backup is in the database now: empty it, or give another, before you try again", err)
		}
	}()
	err = r.db.Write(r.ctx, db.All, func(tx *db.Tx) error {
		_, err := tx.Exec(insertUnfinished, clock.Millis(r.to.Clock.Now()))
		return err
	})
	if err != nil {
		return err
	}
	err = r.db.Read(r.ctx, db.All, func(tx *db.Tx) error {
		tables, err := tx.Tables()
		for _, t := range tables {
			r.tables[t.Name] = t
		}
		return err
	})
	if err != nil {
		return err
	}
	r.done.What = "restoring"
	if _, err := r.read(from.Main, visitor{table: r.table, blob: r.blob}); err != nil {
		return err
	}
	if from.Secrets == "" {
		return nil
	}
	_, err = r.read(from.Secrets, visitor{table: r.table})
	return err
}

// table stores one member of a table, in a transaction of its own.
func (r *restorer) table(table string, in io.Reader) error {
	into, names := r.tables[table], []string(nil)
	switch {
	case table == keysTable:
		into = db.Table{Name: keysTable, Columns: []db.Column{{Name: "org_id", Type: "TEXT"}, {Name: "address", Type: "TEXT"},
			{Name: "sealed_sha256", Type: "TEXT"}, {Name: keyColumn, Type: "BYTEA"}}}
	case into.Name == "" || slices.Contains(left, table):
		return damaged("it has a table %.60q, which is none of ours", table)
	}
	lacks := table == blobTable // its key comes from the other file
	if lacks {
		i := slices.Index(into.Names(), keyColumn)
		into = db.Table{Name: blobTable, Columns: append(slices.Delete(slices.Clone(into.Columns), i, i+1), into.Columns[i])}
	}
	var all [][]any
	err := rows(in, func(given []string) error {
		if names = into.Names(); lacks {
			names = names[:len(names)-1]
		}
		if !slices.Equal(given, names) {
			return damaged("table %s has the columns %.200q, where %q are wanted", table, given, names)
		}
		return nil
	}, func(line []any) error {
		if lacks {
			line = append(line, "")
		}
		if err := rowOf(line, into.Columns); err != nil {
			return damaged("table %s: %s", table, err)
		}
		if r.fitting(table, names, line) {
			all = append(all, line)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if r.done.Rows += int64(len(all)); len(all) > 0 {
		r.to.Say(r.done)
	}
	return r.store(into, all)
}

func (r *restorer) store(into db.Table, all [][]any) error {
	return r.db.Write(r.ctx, db.All, func(tx *db.Tx) error {
		if into.Name == keysTable {
			for _, row := range all {
				if _, err := blob.PutBackKey(tx, id.Org(row[0].(string)), row[1].(string), row[2].(string), row[3].([]byte)); err != nil {
					return err
				}
			}
			return nil
		}
		l := tx.Load(into)
		for _, row := range all {
			if err := l.Add(row); err != nil {
				return fmt.Errorf("table %s: %w", into.Name, err)
			}
		}
		return l.Close()
	})
}

// fitting leaves out of a later second file what the first does not know of.
func (r *restorer) fitting(table string, names []string, row []any) bool {
	is, ok := apart[table]
	if !ok || r.exact {
		return true
	}
	if !is.later {
		return false
	}
	get := func(column string) any {
		if i := slices.Index(names, column); i >= 0 {
			return row[i]
		}
		return nil
	}
	org, ok := get("org_id").(string)
	if ok && !r.orgs[org] {
		return false
	}
	switch table {
	case "ledger_opening":
		log, _ := get("log_id").(string)
		index, _ := get("idx").(int64)
		l := r.main.log(org, log)
		return l != nil && index < l.Size
	case "evidence", "evidence_control":
		entry, _ := get("entry").(int64)
		return entry < r.main.entries(org)
	}
	return true
}

// blob puts the ciphertext into the store, having seen that it is what its
// name says.
func (r *restorer) blob(org, name string, size int64, in io.Reader) error {
	sum := sha256.New()
	if err := r.to.Store.Put(r.ctx, name, io.TeeReader(in, sum)); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got[:16] != name[len(name)-16:] {
		return damaged("the bytes of blob %s of %s are others", name, org)
	}
	r.done.Blobs++
	if r.done.Bytes += size; r.done.Blobs%64 == 0 {
		r.to.Say(r.done)
	}
	return nil
}

// Older reports whether more was signed than the copy has: it will be
// read-only until somebody says how to go on.
func (r *Restored) Older() bool {
	return slices.ContainsFunc(r.Logs, func(c Checked) bool { return c.Held > c.Entries })
}

// finished takes the mark away: from here on the installation may be opened.
func finished(ctx context.Context, url string, o db.Options) error {
	d, err := db.Open(ctx, url, o)
	if err != nil {
		return err
	}
	err = d.Write(ctx, db.All, func(tx *db.Tx) error {
		_, err := tx.Exec(deleteUnfinished)
		return err
	})
	return errors.Join(err, d.Close())
}
