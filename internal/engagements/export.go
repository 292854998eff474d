package engagements

import (
	"context"
	"io"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// ExportNew puts on record that an engagement is about to leave the house; the
// bytes follow with WriteBundle.
var ExportNew = op.Write("examinations.create", "Record that an engagement is exported as a bundle of both sides' logs.", auth.AuditReview, newExport)

// An Export is a bundle about to be written.
type Export struct {
	ID    id.Export `json:"id"`
	Entry int64     `json:"entry"` // of the engagement's log

	file, client id.Org
}

// Exporting names the engagement to export.
type Exporting struct {
	Engagement string `json:"engagement" doc:"The engagement's id."`
}

func newExport(c *op.Call, in Exporting) (Export, error) {
	r, err := AsFirm(c, in.Engagement)
	if err != nil {
		return Export{}, err
	}
	e := Export{ID: id.New[id.Export](c.Now), file: r.File, client: r.Client.Org}
	e.Entry, err = c.Append(op.Record{Kind: canon.KindOp, ID: string(e.ID), Body: map[string]any{"engagement": string(r.ID), "scope": "selected"}})
	return e, err
}

// WriteBundle records the export of an engagement and writes its bundle to w:
// the engagement's log with everything in it, and the client's log with what
// the engagement is about.
func WriteBundle(ctx context.Context, desk *op.Desk, engagement string, w io.Writer) error {
	e, err := ExportNew.Do(ctx, desk, Exporting{Engagement: engagement})
	if err != nil {
		return err
	}
	if err := Settle(ctx, desk, engagement); err != nil {
		return err
	}
	_, err = evidence.WriteExamination(ctx, desk, evidence.Joint{File: e.file, Client: e.client, Entry: e.Entry}, w)
	return err
}
