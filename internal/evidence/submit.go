package evidence

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sensitive"
)

// What evidence shows.
const (
	Operation = "operation" // that the control was done
	Policy    = "policy"    // that it is meant to be done
	AReview   = "review"    // that somebody looked through something
	Tile      = "tile"      // a figure of a dashboard
)

// Submission is evidence a person hands in.
type Submission struct {
	Blob        string    `json:"blob" doc:"The address that the upload answered." minLength:"64" maxLength:"64"`
	Title       string    `json:"title" minLength:"3" maxLength:"300" doc:"What it shows."`
	MediaType   string    `json:"media_type,omitempty" maxLength:"100" doc:"Such as text/csv; application/octet-stream if left out."`
	Captured    time.Time `json:"captured,omitzero" doc:"When the source showed it, by the source's clock; now if left out."`
	Origin      string    `json:"origin" minLength:"1" maxLength:"200" doc:"The system it comes from."`
	Account     string    `json:"account,omitempty" maxLength:"200" doc:"The account or tenant that the source showed it to."`
	Environment string    `json:"environment,omitempty" maxLength:"100" doc:"Such as production."`
	Location    string    `json:"location,omitempty" maxLength:"1000" doc:"Address, path or screen it was taken from."`
	Query       string    `json:"query,omitempty" maxLength:"4000" doc:"The exact query or the steps taken."`
	Rows        string    `json:"rows,omitempty" maxLength:"12" pattern:"^[0-9]*$" doc:"How many rows it has, if it is a list; counted where it is CSV."`
	SourceCount string    `json:"source_count,omitempty" maxLength:"12" pattern:"^[0-9]*$" doc:"How many the source says there are."`
	CoversFrom  string    `json:"covers_from,omitempty" maxLength:"10" doc:"First day it tells of, as 2026-01-31."`
	CoversTo    string    `json:"covers_to,omitempty" maxLength:"10" doc:"Last day it tells of."`
	Level       int       `json:"level,omitempty" minimum:"4" maximum:"7" doc:"4 export with its query, 5 screenshot, 6 document made for the audit, 7 oral statement; 6 if left out."`
	Shows       string    `json:"shows,omitempty" enum:",operation,policy,review,tile" doc:"What it shows: that a control was done, a policy, a review by somebody, or a tile of a dashboard."`
	Reviewed    string    `json:"reviewed,omitempty" maxLength:"1000" doc:"Of a review: what was looked at."`
	Outcome     string    `json:"outcome,omitempty" maxLength:"1000" doc:"Of a review: what came of it."`
	Ticket      string    `json:"ticket,omitempty" maxLength:"20" doc:"The capture ticket that is visible in it: evidence.ticket hands one out."`
	Controls    []string  `json:"controls,omitempty" maxItems:"50" doc:"Ids of the controls it bears on."`
	Supersedes  string    `json:"supersedes,omitempty" maxLength:"40" doc:"The record it takes the place of."`
	Anyway      string    `json:"anyway,omitempty" maxLength:"1000" doc:"Why it is handed in although the scan found sensitive data."`
	Original    bool      `json:"original,omitempty" doc:"Keep the bytes under the stricter right of originals, to be redacted next."`
}

// looked is what was read of the bytes ahead of the transaction.
type looked struct {
	data []byte
	seen Seen
}

// examine reads the bytes: the scan takes longer than a transaction should.
func examine(ctx context.Context, d *op.Desk, in Submission) (looked, error) {
	data, err := d.Vault.Get(ctx, d.Org, in.Blob)
	if errors.Is(err, blob.ErrErased) {
		return looked{}, fault.Invalid("blob", "no bytes are stored at this address: upload them first")
	}
	if err != nil {
		return looked{}, err
	}
	return looked{data, Look(in.MediaType, data)}, nil
}

func submit(c *op.Call, in Submission, l looked) (Record, error) {
	bytes, err := c.Vault.Find(c, c.Org, in.Blob)
	if errors.Is(err, blob.ErrErased) {
		return Record{}, fault.Invalid("blob", "no bytes are stored at this address: upload them first")
	}
	if err != nil {
		return Record{}, err
	}
	r, err := in.record(c, l.seen)
	if err != nil {
		return Record{}, err
	}
	if n := l.seen.Scan.Grave(); n > 0 && !in.Original && strings.TrimSpace(in.Anyway) == "" {
		return Record{}, fault.Invalid("anyway", "the file seems to hold what should not be in evidence: %s. Say why it is handed in anyway, or keep it as an original and redact it", l.seen.Scan.Summary())
	}
	if in.Ticket != "" {
		if err := punch(c, in.Ticket, ""); err != nil {
			return Record{}, err
		}
	}
	if !r.Restricted {
		if r.Restricted, err = original(c, fmt.Sprintf("%x", bytes.SHA256[:])); err != nil {
			return Record{}, err
		}
	}
	if r, err = Add(c, r, bytes); err != nil {
		return Record{}, err
	}
	if r.Ticket != "" {
		if err := punch(c, r.Ticket, r.ID); err != nil {
			return Record{}, err
		}
	}
	for _, s := range in.Controls {
		control, err := id.Parse[id.Control](s)
		if err != nil {
			return Record{}, fault.Invalid("controls", "%s is not a control's id", s)
		}
		if err := Link(c, r, control); err != nil {
			return Record{}, fault.Invalid("controls", "there is no control %s", s).With(err)
		}
	}
	marks, err := remark(c, r, l.seen)
	r.Remarks = int64(len(marks))
	return r, err
}

// record is what the submission says, as a record.
func (in Submission) record(c *op.Call, seen Seen) (Record, error) {
	r := Record{Title: strings.TrimSpace(in.Title), MediaType: in.MediaType, Captured: in.Captured, Collector: c.Actor.Name,
		Method: ByUpload, Origin: in.Origin, Environment: in.Environment, Location: in.Location, Query: in.Query,
		Level: int64(in.Level), RowCount: -1, SourceCount: -1, Account: in.Account, Shows: in.Shows, Reviewed: strings.TrimSpace(in.Reviewed),
		Outcome: strings.TrimSpace(in.Outcome), Ticket: strings.ToUpper(strings.TrimSpace(in.Ticket)), Restricted: in.Original}
	if r.MediaType == "" {
		r.MediaType = "application/octet-stream"
	}
	if r.MediaType == canon.MediaTypeChunks {
		return r, fault.Invalid("media_type", "this type is the collectors'; give the type of the file")
	}
	if r.Captured.IsZero() {
		r.Captured = c.Now
	}
	if r.Captured.Sub(c.Now) > time.Minute {
		return r, fault.Invalid("captured", "lies in the future; give the time at which the source showed it")
	}
	if r.Level == 0 {
		r.Level = 6
	}
	r.Personal = len(seen.Scan.Findings) > 0
	var err error
	if r.RowCount, err = number("rows", in.Rows); err != nil {
		return r, err
	}
	if r.RowCount < 0 {
		r.RowCount = seen.Counted
	}
	if r.SourceCount, err = number("source_count", in.SourceCount); err != nil {
		return r, err
	}
	if r.CoversFrom, err = dayOf("covers_from", in.CoversFrom); err != nil {
		return r, err
	}
	if r.CoversTo, err = dayOf("covers_to", in.CoversTo); err != nil {
		return r, err
	}
	if !r.CoversTo.IsZero() {
		r.CoversTo = r.CoversTo.AddDate(0, 0, 1) // exclusive, as everywhere
	}
	if !r.CoversTo.IsZero() && !r.CoversTo.After(r.CoversFrom) {
		return r, fault.Invalid("covers_to", "lies before the first day")
	}
	if in.Supersedes != "" {
		if r.Supersedes, err = id.Parse[id.Evidence](in.Supersedes); err != nil {
			return r, err
		}
	}
	return r, nil
}

func number(field, s string) (int64, error) {
	if s == "" {
		return -1, nil
	}
	var n int64
	if _, err := fmt.Sscanf(s, "%d", &n); err != nil || n < 0 {
		return -1, fault.Invalid(field, "give a whole number, or nothing")
	}
	return n, nil
}

func dayOf(field, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, fault.Invalid(field, "give a day such as 2026-01-31")
	}
	return t, nil
}

// Seen is what can be read out of the bytes of a record.
type Seen struct {
	Scan      sensitive.Report
	Counted   int64 // rows of a table; -1 if it is none
	Approvals []Approval
	Dates     []FileDate
}

// Look reads what can be read out of bytes, within bounds.
func Look(media string, data []byte) Seen {
	s := Seen{Scan: sensitive.Scan(data), Dates: datesIn(data)}
	s.Counted, s.Approvals = tableIn(media, data)
	return s
}
