// Package evidence is the record of what was seen: bytes, where they came
// from, when and by whom, sealed in the log. A record is never changed; a
// better one supersedes it.
package evidence

import (
	"encoding/hex"
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
)

// Everything that can be done with evidence and with the log it lies in.
var (
	List    = op.Read("evidence.list", "List evidence, newest first.", auth.EvidenceRead, list)
	Get     = op.Read("evidence.get", "Show an evidence record.", auth.EvidenceRead, get)
	Submit  = op.Asking("evidence.create", "Record evidence whose bytes were uploaded before.", auth.EvidenceWrite, examine, submit)
	Content = op.Read("evidence.content", "Return the bytes of a record, in base64.", auth.EvidenceRead, content)

	Operations = []op.Operation{List, Get, Submit, Content, Open, LinkList, LinkTo, Unlink, Review, Decisions, RemarkList, Recheck, Redact, ScanOf, TicketNew, DueList, Stands, Entries, EntryGet, Receipt, ProofGet, HeadGet, KeyList, Verify, ExportNew}
)

// Methods of collection.
const (
	ByAPI         = "api"
	ByExport      = "export"
	ByUpload      = "upload"
	ByObservation = "observation"
	ByGenerated   = "generated"
)

// UsualRetention is that of a record for which nothing else was said: the end of
// its period and then what the organization's policy says, 7 years unless it
// decided otherwise.
const UsualRetention = "period+7y"

// A Record is one piece of evidence.
type Record struct {
	ID             id.Evidence `json:"id"`
	Entry          int64       `json:"entry"`
	Title          string      `json:"title"`
	MediaType      string      `json:"media_type"`
	Size           int64       `json:"size"`
	SHA256         string      `json:"sha256"`
	Captured       time.Time   `json:"captured"`
	Sealed         time.Time   `json:"recorded"`
	Collector      string      `json:"collector"`
	Method         string      `json:"method"`
	Origin         string      `json:"origin"` // source system
	Environment    string      `json:"environment,omitempty"`
	Location       string      `json:"location,omitempty"` // URL, path or endpoint
	Query          string      `json:"query,omitempty"`
	Parameters     string      `json:"parameters,omitempty"`
	Zone           string      `json:"zone"`
	RowCount       int64       `json:"row_count"` // -1: not a list
	CoversFrom     time.Time   `json:"covers_from,omitzero"`
	CoversTo       time.Time   `json:"covers_to,omitzero"`
	Level          int64       `json:"level"`
	Classification string      `json:"classification"`
	Personal       bool        `json:"personal"`
	Retention      string      `json:"retention"`
	Source         id.Source   `json:"source,omitempty"`
	Run            id.Run      `json:"run,omitempty"`
	ResourceKind   string      `json:"resource_kind,omitempty"`
	Actor          string      `json:"actor"`
	Account        string      `json:"account,omitempty"`  // as whom the source was asked
	Shows          string      `json:"shows,omitempty"`    // operation, policy, review or tile; empty: nobody said
	Reviewed       string      `json:"reviewed,omitempty"` // of a review: what was looked at
	Outcome        string      `json:"outcome,omitempty"`  // and what came of it
	SourceCount    int64       `json:"source_count"`       // rows that the source counted; -1: nobody said
	Submitter      id.User     `json:"submitter,omitempty"`
	Ticket         string      `json:"ticket,omitempty"` // the code that is in the picture
	// Of a redacted copy: what it was made from, and the digest of that one's bytes.
	Redacts       id.Evidence `json:"redacts,omitempty"`
	RedactsSHA256 string      `json:"redacts_sha256,omitempty"`
	// Restricted records are originals of redacted copies. Their bytes are opened
	// by evidence.open, each time with an entry.
	Restricted bool `json:"restricted,omitempty"`
	// Decision is what the last reviewer decided; Remarks how many the machine has.
	Decision     string      `json:"decision,omitempty"`
	Remarks      int64       `json:"remarks,omitempty"`
	Supersedes   id.Evidence `json:"supersedes,omitempty"`
	SupersededBy id.Evidence `json:"superseded_by,omitempty"`
	// Of an erased record: when, by which entry and on what basis.
	Erased      time.Time `json:"erased,omitzero"`
	ErasedBy    int64     `json:"erased_by,omitempty"`
	ErasedBasis string    `json:"erased_basis,omitempty"`

	Address string `json:"-"`
}

// Levels of reliability, most reliable first.
var Levels = []string{"", "auditor's own observation", "confirmed by an outsider", "system-generated", "export with its query",
	"screenshot", "document made for the audit", "oral statement"}

const (
	columns = `id, entry, title, media_type, size, sha256, address, captured, sealed, collector, method, origin, environment, location,
		query, parameters, zone, row_count, covers_from, covers_to, level, classification, personal, retention, source_id, run_id,
		resource_kind, actor, supersedes, superseded_by, erased, erased_by, erased_basis, account, shows, reviewed, outcome, source_count,
		submitter, ticket, redacts, redacts_sha256, restricted`
	// decided is what the last reviewer of a record decided.
	decided  = "COALESCE((SELECT v.decision FROM evidence_review v WHERE v.org_id = evidence.org_id AND v.evidence_id = evidence.id ORDER BY v.entry DESC LIMIT 1), '')"
	remarked = "(SELECT COUNT(*) FROM evidence_remark k WHERE k.org_id = evidence.org_id AND k.evidence_id = evidence.id)"
	stored   = columns + ", " + decided + ", " + remarked

	insertRecord  = "INSERT INTO evidence (org_id, " + columns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	selectRecord  = "SELECT " + stored + " FROM evidence WHERE org_id = ? AND id = ?"
	markSupersede = "UPDATE evidence SET superseded_by = ? WHERE org_id = ? AND id = ? AND superseded_by = ''"
	insertLink    = `INSERT INTO evidence_control (org_id, evidence_id, control_id, entry, linked) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (org_id, evidence_id, control_id) DO UPDATE SET ended = 0, reason = ''`
)

func scan(scan func(...any) error, r *Record) error {
	var captured, sealed, from, to, erased int64
	err := scan(&r.ID, &r.Entry, &r.Title, &r.MediaType, &r.Size, &r.SHA256, &r.Address, &captured, &sealed, &r.Collector, &r.Method,
		&r.Origin, &r.Environment, &r.Location, &r.Query, &r.Parameters, &r.Zone, &r.RowCount, &from, &to, &r.Level, &r.Classification,
		&r.Personal, &r.Retention, &r.Source, &r.Run, &r.ResourceKind, &r.Actor, &r.Supersedes, &r.SupersededBy, &erased,
		&r.ErasedBy, &r.ErasedBasis, &r.Account, &r.Shows, &r.Reviewed, &r.Outcome, &r.SourceCount, &r.Submitter, &r.Ticket, &r.Redacts,
		&r.RedactsSHA256, &r.Restricted, &r.Decision, &r.Remarks)
	r.Erased = clock.FromMillis(erased)
	r.Captured, r.Sealed = clock.FromMillis(captured), clock.FromMillis(sealed)
	r.CoversFrom, r.CoversTo = clock.FromMillis(from), clock.FromMillis(to)
	return err
}

// Add seals a record in the transaction of the operation that makes it. It
// sets id, times of sealing, digest and entry.
func Add(c *op.Call, r Record, bytes blob.Sealed) (Record, error) {
	r.ID = id.New[id.Evidence](c.Now)
	r.SHA256, r.Size, r.Address = hex.EncodeToString(bytes.SHA256[:]), bytes.Size, bytes.Address
	r.Sealed, r.Actor, r.Submitter = c.Now, c.Actor.Name, c.Actor.User
	if r.SourceCount == 0 && r.Method != ByUpload {
		r.SourceCount = -1
	}
	if r.Zone == "" {
		r.Zone = "UTC"
	}
	if r.Retention == "" {
		r.Retention = UsualRetention
	}
	if r.Classification == "" {
		r.Classification = "confidential"
	}
	entry := op.Record{Kind: canon.KindEvidence, ID: string(r.ID), Body: body(r), Content: &bytes}
	if r.Supersedes != "" {
		old, err := one(c, r.Supersedes)
		if err == nil && !old.Erased.IsZero() {
			err = old.Gone()
		}
		if err != nil {
			return Record{}, err
		}
		entry.Supersedes = []int64{old.Entry}
		n, err := c.Tx.Exec(markSupersede, r.ID, c.Org, r.Supersedes)
		if err == nil && n == 0 {
			err = fault.Conflict("%s was superseded before, by %s. Supersede that one.", old.ID, old.SupersededBy)
		}
		if err != nil {
			return Record{}, err
		}
	}
	var err error
	if r.Entry, err = c.Append(entry); err != nil {
		return Record{}, err
	}
	_, err = c.Tx.Exec(insertRecord, c.Org, r.ID, r.Entry, r.Title, r.MediaType, r.Size, r.SHA256, r.Address, clock.Millis(r.Captured),
		clock.Millis(r.Sealed), r.Collector, r.Method, r.Origin, r.Environment, r.Location, r.Query, r.Parameters, r.Zone, r.RowCount,
		clock.Millis(r.CoversFrom), clock.Millis(r.CoversTo), r.Level, r.Classification, r.Personal, r.Retention, r.Source, r.Run,
		r.ResourceKind, r.Actor, r.Supersedes, "", r.Account, r.Shows, r.Reviewed, r.Outcome, r.SourceCount, r.Submitter, r.Ticket,
		r.Redacts, r.RedactsSHA256, r.Restricted)
	return r, err
}

// body is what the entry says of the record; the digest is committed apart,
// as its content.
func body(r Record) map[string]any {
	b := map[string]any{
		"title": r.Title, "media_type": r.MediaType, "captured": canon.FormatTime(r.Captured), "collector": r.Collector,
		"method": r.Method, "origin": r.Origin, "zone": r.Zone, "level": r.Level, "classification": r.Classification,
		"personal": r.Personal, "retention": r.Retention,
	}
	for k, v := range map[string]string{"environment": r.Environment, "location": r.Location, "query": r.Query,
		"parameters": r.Parameters, "source": string(r.Source), "run": string(r.Run), "resource_kind": r.ResourceKind,
		"supersedes": string(r.Supersedes), "account": r.Account, "shows": r.Shows, "reviewed": r.Reviewed, "outcome": r.Outcome,
		"ticket": r.Ticket, "redacts": string(r.Redacts), "redacts_sha256": r.RedactsSHA256} {
		if v != "" {
			b[k] = v
		}
	}
	if r.RowCount >= 0 {
		b["row_count"] = r.RowCount
	}
	if r.SourceCount >= 0 {
		b["source_count"] = r.SourceCount
	}
	if !r.CoversFrom.IsZero() {
		b["covers_from"] = canon.FormatTime(r.CoversFrom)
	}
	if !r.CoversTo.IsZero() {
		b["covers_to"] = canon.FormatTime(r.CoversTo)
	}
	return b
}

// Link ties a record to a control, as of an entry.
func Link(c *op.Call, r Record, control id.Control) error {
	_, err := c.Tx.Exec(insertLink, c.Org, r.ID, control, r.Entry, clock.Millis(c.Now))
	return err
}

// Ref names a record.
type Ref struct {
	ID string `json:"id" doc:"The record's id, evd_…."`
}

func get(c *op.Call, in Ref) (Record, error) {
	e, err := id.Parse[id.Evidence](in.ID)
	if err != nil {
		return Record{}, err
	}
	return one(c, e)
}

func one(c *op.Call, e id.Evidence) (Record, error) {
	rows, err := db.Rows(c.Tx, selectRecord, []any{c.Org, e}, scan)
	if err == nil && len(rows) == 0 {
		err = fault.NotFound("There is no evidence %s.", e)
	}
	if err != nil {
		return Record{}, err
	}
	return rows[0], nil
}

// Bytes is the content of a record.
type Bytes struct {
	MediaType string `json:"media_type"`
	SHA256    string `json:"sha256"`
	Data      []byte `json:"data"`
}

func content(c *op.Call, in Ref) (Bytes, error) {
	r, err := get(c, in)
	if err != nil {
		return Bytes{}, err
	}
	if err := r.shut(c); err != nil {
		return Bytes{}, err
	}
	return read(c, r)
}

// read returns the bytes of a record to whoever was found to have the right.
func read(c *op.Call, r Record) (Bytes, error) {
	if !r.Erased.IsZero() {
		return Bytes{}, r.Gone()
	}
	data, err := c.Vault.Get(c, c.Org, r.Address)
	if errors.Is(err, blob.ErrErased) {
		err = fault.NotFound("The bytes of %s were erased; its entry %d remains.", r.ID, r.Entry)
	}
	return Bytes{r.MediaType, r.SHA256, data}, err
}

// OfRun returns what a run collected, for other operations.
func OfRun(c *op.Call, run id.Run) ([]Record, error) {
	return db.Rows(c.Tx, selectWholeRun, []any{c.Org, run, op.MaxLimit}, scan)
}
