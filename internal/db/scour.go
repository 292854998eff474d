package db

import (
	"context"
	"fmt"
)

// Scour takes what was deleted out of the files as well. SQLite writes its file
// anew, since pages that were split keep copies of rows that have moved, and
// empties the write-ahead log; both need room for a second copy of the database
// for a while. PostgreSQL gives the room of deleted rows free to be written
// over, which is all that can be done there without locking the tables.
func (d *DB) Scour(ctx context.Context, tables ...string) error {
	if d.dialect == Postgres {
		for _, t := range tables {
			if _, err := d.write.ExecContext(ctx, "VACUUM "+t); err != nil {
				return fmt.Errorf("%s: vacuum %s: %w", d.where, t, d.reach(err))
			}
		}
		return nil
	}
	if _, err := d.write.ExecContext(ctx, "VACUUM"); err != nil {
		return fmt.Errorf("%s: vacuum: %w", d.where, explain(err))
	}
	var busy, frames, moved int64
	if err := d.write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved); err != nil {
		return fmt.Errorf("%s: checkpoint: %w", d.where, explain(err))
	}
	if busy != 0 {
		return fmt.Errorf("%s: somebody still reads what was before; the write-ahead log is emptied at the next try", d.where)
	}
	return nil
}
