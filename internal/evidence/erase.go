package evidence

import (
	"fmt"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// An erased row keeps what its place in the log and in other records needs:
// ids, kind of content, times, method and level. Everything that a person wrote
// or that the bytes could be guessed from is overwritten, the digest too.
const (
	eraseRecord = `UPDATE evidence SET title = ?, size = 0, sha256 = '', address = '', collector = '', origin = '', environment = '', location = '',
		query = '', parameters = '', row_count = -1, actor = '', account = '', reviewed = '', outcome = '', source_count = -1, submitter = '', ticket = '', erased = ?, erased_by = ?, erased_basis = ? WHERE org_id = ? AND id = ? AND erased = 0`
	selectEntered   = "SELECT " + stored + " FROM evidence WHERE org_id = ? AND entry = ?"
	selectPieced    = "SELECT DISTINCT address FROM evidence WHERE org_id = ? AND media_type = ? AND erased = 0"
	selectAddressed = "SELECT " + stored + " FROM evidence WHERE org_id = ? AND address = ? AND erased = 0 ORDER BY entry"
	selectStanding  = "SELECT " + stored + " FROM evidence WHERE org_id = ? AND erased = 0 AND sealed < ? AND entry > ? ORDER BY entry LIMIT ?"
)

// Grave says in one line what became of an erased record. It takes the place of
// its title, so that every list and link shows it.
func Grave(at time.Time, entry int64, basis string) string {
	return fmt.Sprintf("Erased on %s, entry %d: %s", at.Format("2 January 2006"), entry, basis)
}

// Gone refuses what would need what an erased record held.
func (r Record) Gone() error {
	return fault.NotFound("%s was erased on %s: %s. Entry %d says so; entry %d, which recorded it, remains in the log without what it hid.",
		r.ID, r.Erased.Format("2 January 2006"), r.ErasedBasis, r.ErasedBy, r.Entry)
}

// Erase overwrites the row of a record that an entry erases. Key, openings and
// entry are the caller's.
func Erase(c *op.Call, r Record, entry int64, basis string) error {
	n, err := c.Tx.Exec(eraseRecord, Grave(c.Now, entry, basis), clock.Millis(c.Now), entry, basis, c.Org, r.ID)
	if err == nil && n == 0 {
		err = fault.Conflict("%s was erased a moment ago.", r.ID)
	}
	if err != nil {
		return err
	}
	_, err = c.Tx.Exec(dropRemarks, c.Org, r.ID)
	return err
}

// Find returns a record, also one that was erased.
func Find(c *op.Call, e id.Evidence) (Record, error) { return one(c, e) }

// At returns the record that an entry made; false if it made none.
func At(c *op.Call, entry int64) (Record, bool, error) {
	rows, err := db.Rows(c.Tx, selectEntered, []any{c.Org, entry}, scan)
	if err != nil || len(rows) == 0 {
		return Record{}, false, err
	}
	return rows[0], true, nil
}

// Under lists the records whose content lies at an address.
func Under(c *op.Call, address string) ([]Record, error) {
	return db.Rows(c.Tx, selectAddressed, []any{c.Org, address}, scan)
}

// Pieced lists the addresses of all contents of a media type.
func Pieced(c *op.Call, mediaType string) ([]string, error) {
	return db.Rows(c.Tx, selectPieced, []any{c.Org, mediaType}, func(scan func(...any) error, s *string) error { return scan(s) })
}

// Standing lists up to n records sealed before a time and not erased, behind an
// entry, oldest first.
func Standing(c *op.Call, before time.Time, after int64, n int) ([]Record, error) {
	return db.Rows(c.Tx, selectStanding, []any{c.Org, clock.Millis(before), after, n}, scan)
}
