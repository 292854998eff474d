package evidence

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sensitive"
)

// A redacted copy takes the place of its original. The original stays as it was
// sealed: its bytes are opened with a right of their own, each time with an
// entry, and leave the house in no bundle.
var (
	Redact = op.Asking("evidence.redact", "Make a redacted copy that takes the place of a record. The original is kept under stricter access.", auth.EvidenceWrite, cut, redact)
	Open   = op.Write("evidence.open", "Open the bytes of an original that a redacted copy was made from. It is an entry each time.", auth.OriginalRead, open)
)

const (
	restrict      = "UPDATE evidence SET restricted = TRUE WHERE org_id = ? AND sha256 = ? AND restricted = FALSE AND erased = 0"
	countOriginal = "SELECT COUNT(*) FROM evidence WHERE org_id = ? AND sha256 = ? AND restricted = TRUE"
	selectSecret  = "SELECT DISTINCT sha256 FROM evidence WHERE org_id = ? AND restricted = TRUE AND erased = 0"
	copyLinks     = `INSERT INTO evidence_control (org_id, evidence_id, control_id, entry, linked)
		SELECT org_id, ?, control_id, ?, ? FROM evidence_control WHERE org_id = ? AND evidence_id = ? AND ended = 0`
)

// original reports whether bytes are those of an original. The same bytes are
// kept once, so what holds for one record of them holds for all.
func original(c *op.Call, sum string) (bool, error) {
	var n int64
	err := c.Tx.Row(countOriginal, []any{c.Org, sum}, &n)
	return n > 0, err
}

// shut refuses the bytes of an original to whoever asks in the usual way.
func (r Record) shut(c *op.Call) error {
	if r.Restricted {
		return fault.Denied("%s is an original that was redacted, or is about to be: whoever has the right %s opens it, which is an entry each time.", r.ID, auth.OriginalRead)
	}
	return nil
}

// mayOpen lets whoever handed an original in work on its redaction.
func (r Record) mayOpen(c *op.Call) error {
	if !r.Restricted || c.Actor.May(auth.OriginalRead) || r.Submitter != "" && r.Submitter == c.Actor.User {
		return nil
	}
	return r.shut(c)
}

// Opening asks for the bytes of an original.
type Opening struct {
	ID     string `json:"id" doc:"The record's id, evd_…."`
	Reason string `json:"reason" minLength:"3" maxLength:"1000" doc:"Why it has to be opened. It is written into the log."`
}

func open(c *op.Call, in Opening) (Bytes, error) {
	r, err := get(c, Ref{in.ID})
	if err != nil {
		return Bytes{}, err
	}
	if !r.Restricted {
		return Bytes{}, fault.Invalid("id", "is no original: its bytes can be read without this")
	}
	if strings.TrimSpace(in.Reason) == "" {
		return Bytes{}, fault.Invalid("reason", "say why")
	}
	c.Note("id", string(r.ID))
	return read(c, r)
}

// Redaction says what is taken out of a record.
type Redaction struct {
	ID        string   `json:"id" doc:"The record's id, evd_…."`
	Spans     []string `json:"spans,omitempty" maxItems:"500" doc:"Of text: first-end in bytes, as evidence.scan names them. Each is replaced by [redacted]."`
	Blob      string   `json:"blob,omitempty" maxLength:"64" doc:"Of anything else: the address of a copy that you redacted yourself."`
	MediaType string   `json:"media_type,omitempty" maxLength:"100" doc:"The type of that copy; that of the original if left out."`
	Reason    string   `json:"reason" minLength:"3" maxLength:"1000" doc:"Why it is redacted."`
	Anyway    string   `json:"anyway,omitempty" maxLength:"1000" doc:"Why the rest that the scan finds may stay."`
}

// made is a redacted copy whose bytes are stored.
type made struct {
	from  [32]byte // digest of what it was made from; zero for a copy that somebody made
	bytes blob.Sealed
	seen  Seen
}

// cut makes the copy ahead of the transaction.
func cut(ctx context.Context, d *op.Desk, in Redaction) (made, error) {
	var m made
	if (len(in.Spans) == 0) == (in.Blob == "") {
		return m, fault.Invalid("spans", "choose what is to be replaced, or hand in a copy that you redacted")
	}
	if in.Blob != "" {
		data, err := d.Vault.Get(ctx, d.Org, in.Blob)
		if err == nil {
			m.bytes, err = d.Vault.Find(ctx, d.Org, in.Blob)
		}
		if errors.Is(err, blob.ErrErased) {
			err = fault.Invalid("blob", "no bytes are stored at this address: upload them first")
		}
		m.seen = Look(in.MediaType, data)
		return m, err
	}
	l, err := reread(ctx, d, Ref{in.ID})
	if err != nil {
		return m, err
	}
	if !sensitive.Redactable(l.data) {
		return m, fault.Invalid("spans", "only text can be redacted in place; redact a copy with another program and hand that in")
	}
	var spans [][2]int
	for _, s := range in.Spans {
		var x [2]int
		if n, err := fmt.Sscanf(s, "%d-%d", &x[0], &x[1]); err != nil || n != 2 {
			return m, fault.Invalid("spans", "a span is first-end, such as 12-28, and not %q", s)
		}
		spans = append(spans, x)
	}
	data, err := sensitive.Redact(l.data, spans)
	if err != nil {
		return m, fault.Invalid("spans", "%v", err)
	}
	m.from, m.seen = sha256.Sum256(l.data), Look(in.MediaType, data)
	m.bytes, err = d.Vault.Store(ctx, d.Org, data, d.Clock.Now())
	return m, err
}

func redact(c *op.Call, in Redaction, m made) (Record, error) {
	r, err := standing(c, in.ID)
	if err != nil {
		return Record{}, err
	}
	if err := r.mayOpen(c); err != nil {
		return Record{}, err
	}
	if r.Method != ByUpload {
		return Record{}, fault.Invalid("id", "only what a person handed in is redacted; a source is read anew with less")
	}
	if in.Blob == "" && fmt.Sprintf("%x", m.from) != r.SHA256 {
		return Record{}, fault.Conflict("The record changed a moment ago. Look at it again.")
	}
	if fmt.Sprintf("%x", m.bytes.SHA256) == r.SHA256 {
		return Record{}, fault.Invalid("blob", "these are the bytes of the original: nothing was taken out")
	}
	if secret, err := original(c, fmt.Sprintf("%x", m.bytes.SHA256)); err != nil || secret {
		return Record{}, errors.Join(err, fault.Invalid("blob", "these are the bytes of an original"))
	}
	if m.seen.Scan.Grave() > 0 && strings.TrimSpace(in.Anyway) == "" {
		return Record{}, fault.Invalid("anyway", "the copy still seems to hold: %s. Take it out too, or say why it may stay", m.seen.Scan.Summary())
	}
	if _, err := c.Tx.Exec(restrict, c.Org, r.SHA256); err != nil {
		return Record{}, err
	}
	x := r
	x.Redacts, x.RedactsSHA256, x.Supersedes, x.SupersededBy, x.Restricted = r.ID, r.SHA256, r.ID, "", false
	x.Personal, x.Ticket, x.Collector = len(m.seen.Scan.Findings) > 0, "", c.Actor.Name
	if in.MediaType != "" {
		x.MediaType = in.MediaType
	}
	if x, err = Add(c, x, m.bytes); err != nil {
		return Record{}, err
	}
	if _, err := c.Tx.Exec(copyLinks, x.ID, x.Entry, c.Now.UnixMilli(), c.Org, r.ID); err != nil {
		return Record{}, err
	}
	marks, err := remark(c, x, m.seen)
	x.Remarks, x.Decision = int64(len(marks)), ""
	return x, err
}

// secrets are the digests of originals, which leave the house in no bundle.
func secrets(tx *db.Tx, org id.Org) (map[string]bool, error) {
	out := map[string]bool{}
	err := tx.Each(selectSecret, []any{org}, func(scan func(...any) error) error {
		var s string
		err := scan(&s)
		out[s] = true
		return err
	})
	return out, err
}
