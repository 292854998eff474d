package evidence

import (
	"context"
	"errors"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sensitive"
)

// What the machine remarks on records that people hand in.
var (
	RemarkList = op.Read("evidence.remarks", "List why an auditor may send a record back, as far as the machine can tell.", auth.EvidenceRead, remarkList)
	Recheck    = op.Asking("evidence.validate", "Look through a record again: the period, its other records or the rules may have changed.", auth.EvidenceWrite, reread, revalidate)
	ScanOf     = op.Read("evidence.scan", "Say where bytes that were uploaded, or a record, seem to hold sensitive data. What was found is never repeated.", auth.EvidenceWrite, scanOf)
)

const (
	dropRemarks   = "DELETE FROM evidence_remark WHERE org_id = ? AND evidence_id = ?"
	insertRemark  = "INSERT INTO evidence_remark (org_id, evidence_id, code, text, settles) VALUES (?, ?, ?, ?, ?)"
	selectRemarks = "SELECT evidence_id, code, text, settles FROM evidence_remark WHERE org_id = ? AND evidence_id = ? ORDER BY code"
	selectSame    = "SELECT id FROM evidence WHERE org_id = ? AND sha256 = ? AND id <> ? AND erased = 0 AND superseded_by = '' AND restricted = FALSE ORDER BY id LIMIT 50"
	selectPlace   = `SELECT environment FROM evidence WHERE org_id = ? AND origin = ? AND environment <> '' AND id <> ? AND erased = 0 AND method <> 'upload'
		ORDER BY entry DESC LIMIT 1`
	countLinks   = "SELECT COUNT(*) FROM evidence_control WHERE org_id = ? AND evidence_id = ? AND ended = 0"
	selectPeriod = "SELECT as_of, starts, ends FROM scope WHERE org_id = ? ORDER BY version DESC LIMIT 1"
	selectIssued = "SELECT issued FROM evidence_ticket WHERE org_id = ? AND code = ?"
)

// context asks the database what a record is measured against.
func measure(c *op.Call, r Record, seen Seen) (Context, error) {
	x := Context{Seen: seen}
	var asOf, starts, ends string
	err := c.Tx.Row(selectPeriod, []any{c.Org}, &asOf, &starts, &ends)
	if err != nil && !errors.Is(err, db.ErrNone) {
		return x, err
	}
	x.AsOf, x.Starts, x.Ends = after(asOf), on(starts), after(ends)
	if err := c.Tx.Row(countLinks, []any{c.Org, r.ID}, &x.Linked); err != nil {
		return x, err
	}
	if err := c.Tx.Row(selectPlace, []any{c.Org, r.Origin, r.ID}, &x.Environment); err != nil && !errors.Is(err, db.ErrNone) {
		return x, err
	}
	if r.Ticket != "" {
		var issued int64
		if err := c.Tx.Row(selectIssued, []any{c.Org, r.Ticket}, &issued); err != nil && !errors.Is(err, db.ErrNone) {
			return x, err
		}
		x.Issued = clock.FromMillis(issued)
	}
	x.Same, err = db.Rows(c.Tx, selectSame, []any{c.Org, r.SHA256, r.ID}, func(scan func(...any) error, e *id.Evidence) error { return scan(e) })
	return x, err
}

func on(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

func after(s string) time.Time {
	if t := on(s); !t.IsZero() {
		return t.AddDate(0, 0, 1)
	}
	return time.Time{}
}

// remark looks the record through and keeps what there is to say.
func remark(c *op.Call, r Record, seen Seen) ([]Remark, error) {
	x, err := measure(c, r, seen)
	if err != nil {
		return nil, err
	}
	out := Validate(r, x)
	if _, err := c.Tx.Exec(dropRemarks, c.Org, r.ID); err != nil {
		return nil, err
	}
	for _, m := range out {
		if _, err := c.Tx.Exec(insertRemark, c.Org, r.ID, m.Code, m.Text, m.Settles); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func remarkList(c *op.Call, in Ref) (op.Page[Remark], error) {
	r, err := get(c, in)
	if err != nil {
		return op.Page[Remark]{}, err
	}
	out, err := db.Rows(c.Tx, selectRemarks, []any{c.Org, r.ID}, func(scan func(...any) error, m *Remark) error {
		return scan(&m.Evidence, &m.Code, &m.Text, &m.Settles)
	})
	return op.Page[Remark]{Items: out, Total: int64(len(out))}, err
}

const selectBytes = "SELECT media_type, address FROM evidence WHERE org_id = ? AND id = ? AND erased = 0"

// reread looks through the bytes of a record ahead of the transaction.
func reread(ctx context.Context, d *op.Desk, in Ref) (looked, error) {
	var l looked
	e, err := id.Parse[id.Evidence](in.ID)
	if err != nil {
		return l, err
	}
	var media, address string
	err = d.DB.Read(ctx, string(d.Org), func(tx *db.Tx) error {
		err := tx.Row(selectBytes, []any{d.Org, e}, &media, &address)
		if errors.Is(err, db.ErrNone) {
			err = fault.NotFound("There is no evidence %s whose bytes can be read.", e)
		}
		return err
	})
	if err != nil {
		return l, err
	}
	if l.data, err = d.Vault.Get(ctx, d.Org, address); errors.Is(err, blob.ErrErased) {
		err = fault.NotFound("The bytes of %s were erased.", e)
	}
	if err == nil && media != canon.MediaTypeChunks {
		l.seen = Look(media, l.data)
	}
	return l, err
}

func revalidate(c *op.Call, in Ref, l looked) (op.Page[Remark], error) {
	r, err := get(c, in)
	if err != nil {
		return op.Page[Remark]{}, err
	}
	if r.Method != ByUpload {
		return op.Page[Remark]{}, fault.Invalid("id", "only what people hand in is looked through; what a source was read for has its run")
	}
	out, err := remark(c, r, l.seen)
	return op.Page[Remark]{Items: out, Total: int64(len(out))}, err
}

// Place names what is to be scanned.
type Place struct {
	Blob string `json:"blob,omitempty" maxLength:"64" doc:"The address that the upload answered."`
	ID   string `json:"id,omitempty" maxLength:"40" doc:"Or a record."`
}

func scanOf(c *op.Call, in Place) (sensitive.Report, error) {
	address := in.Blob
	if in.ID != "" {
		r, err := get(c, Ref{in.ID})
		if err != nil {
			return sensitive.Report{}, err
		}
		if err := r.mayOpen(c); err != nil {
			return sensitive.Report{}, err
		}
		address = r.Address
	}
	if address == "" {
		return sensitive.Report{}, fault.Invalid("blob", "give the address of an upload, or the id of a record")
	}
	data, err := c.Vault.Get(c, c.Org, address)
	if errors.Is(err, blob.ErrErased) {
		return sensitive.Report{}, fault.NotFound("No bytes are stored there.")
	}
	if err != nil {
		return sensitive.Report{}, err
	}
	return sensitive.Scan(data), nil
}
