package page

import (
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/site"
)

// textShown is how much of a record's bytes a page shows.
const textShown = 64 << 10

// sealedRecord is a record of the client as the auditor sees it.
type sealedRecord struct {
	engagements.View
	evidence.Record
	Text, Erased string
	Cut          bool
	Back         site.Link
}

func showRecord(v *site.Visit) error {
	e, err := open(v)
	if err != nil {
		return err
	}
	ref := engagements.EvidenceRef{Engagement: string(e.ID), ID: v.Path("evidence")}
	r, err := engagements.EvidenceGet.Do(v.Context(), v.Desk, ref)
	if err != nil {
		return err
	}
	x := sealedRecord{View: e, Record: r, Back: site.Link{Text: "Testing", Href: "/engagements/" + string(e.ID) + "/testing"}}
	if control, item := v.Query("control"), v.Query("item"); control != "" {
		x.Back = site.Link{Text: control + " " + item, Href: at(e, control).grid(item, "")}
	}
	content, err := engagements.EvidenceContent.Do(v.Context(), v.Desk, ref)
	switch {
	case fault.KindOf(err) == fault.KindNotFound:
		x.Erased = fault.As(err).Message
	case err != nil:
		return err
	case content.MediaType == canon.MediaTypeChunks || !utf8.Valid(content.Data):
		// The list of its pieces says nothing to a reader.
	default:
		x.Text = string(content.Data)
		if len(x.Text) > textShown {
			x.Text, x.Cut = x.Text[:textShown], true
		}
	}
	return v.ShowIn(e.Engagement, testingShell(e, r.Title, site.Crumb{Text: site.Short(string(r.ID)), Mono: true}), recordBody(x))
}

func (x sealedRecord) facts() []site.FactRow {
	z := clock.Zone(x.View.Zone)
	rows := []site.FactRow{
		{Key: "Captured", Value: x.Captured.In(z).Format("2 Jan 2006, 15:04:05 MST")},
		{Key: "Sealed", Status: site.StatusPass, Node: sealed(x.Client.Name, x.Entry)},
		{Key: "Level", Value: level(x.Level)},
		{Key: "Digest", Node: site.Digest(site.DigestView{Label: "sha256", Value: x.SHA256})},
		{Key: "Form", Value: x.MediaType + ", " + site.Bytes(x.Size)},
	}
	put := func(key, value string) {
		if value != "" {
			rows = append(rows, site.Text(key, value))
		}
	}
	put("System", x.Origin)
	put("Environment", x.Environment)
	put("Where", x.Location)
	put("Query", x.Query)
	return rows
}
