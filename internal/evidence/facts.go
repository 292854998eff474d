package evidence

import (
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/scrub"
)

const (
	selectBetween = "SELECT " + stored + " FROM evidence WHERE org_id = ? AND entry >= ? AND entry < ? ORDER BY entry"
	countOpen     = "SELECT COUNT(*) FROM evidence WHERE org_id = ? AND id = ? AND restricted = FALSE AND erased = 0"
	watchReviews  = "SELECT evidence_id, entry, at, actor_id, actor, decision, codes, words FROM evidence_review WHERE org_id = ?"
	watchRemarks  = "SELECT evidence_id, code, text, settles FROM evidence_remark WHERE org_id = ?"
	watchTickets  = "SELECT code, user_id, issued, evidence_id FROM evidence_ticket WHERE org_id = ?"
	selectNext    = "SELECT id FROM evidence WHERE org_id = ? AND supersedes = ?"
	watchLinks    = "SELECT evidence_id, control_id, entry, linked, ended, reason FROM evidence_control WHERE org_id = ?"
)

// Operations that leave entries of evidence, with a row for each.
var recording = []string{"evidence.create", "evidence.redact", "runs.record", "populations.seal", "populations.build"}

var _ = scrub.Register(scrub.Facts{Table: "evidence", Rows: facts, Owed: func(e *scrub.Entry) int {
	if e.Kind == canon.KindEvidence && e.Step() != "link" {
		return 1
	}
	return 0
}})

var _ = scrub.Observe(scrub.Watch{Table: "evidence_control", Query: watchLinks, Key: 2, Ops: []string{"evidence.", "checks."}})

var _ = scrub.Observe(
	scrub.Watch{Table: "evidence_review", Query: watchReviews, Key: 2, Fixed: true, Ops: []string{"evidence."}},
	scrub.Watch{Table: "evidence_remark", Query: watchRemarks, Key: 2, Ops: []string{"evidence.", "erasures."}},
	scrub.Watch{Table: "evidence_ticket", Query: watchTickets, Key: 1, Ops: []string{"evidence."}})

func facts(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
	rows, err := db.Rows(s.Tx, selectBetween, []any{s.Org, from, to}, scan)
	out := make([]scrub.Fact, 0, len(rows))
	for _, r := range rows {
		b := body(r)
		for _, k := range []string{"environment", "location", "query", "parameters", "source", "run", "resource_kind", "supersedes", "row_count", "covers_from", "covers_to",
			"account", "shows", "reviewed", "outcome", "source_count", "ticket", "redacts", "redacts_sha256"} {
			if _, ok := b[k]; !ok {
				b[k] = nil // nor may the entry say any
			}
		}
		b["id"] = string(r.ID)
		f := scrub.Fact{Row: string(r.ID), Entry: r.Entry, Ops: recording, Body: b, Actor: r.Actor, At: clock.Millis(r.Sealed),
			SHA256: r.SHA256, Size: r.Size}
		if r.ErasedBy != 0 || !r.Erased.IsZero() { // asked only of what no entry erases
			f.Check = func(*scrub.Entry) []string { return []string{"it is called erased, and no entry erases it"} }
		}
		if r.Address != s.Address(r.SHA256) {
			f.Wrong = append(f.Wrong, "it points at other bytes than its own")
		}
		var next id.Evidence
		err := s.Tx.Row(selectNext, []any{s.Org, r.ID}, &next)
		if err != nil && err != db.ErrNone {
			return nil, err
		}
		if r.Redacts != "" {
			var open int64
			if err := s.Tx.Row(countOpen, []any{s.Org, r.Redacts}, &open); err != nil {
				return nil, err
			}
			if open > 0 {
				f.Wrong = append(f.Wrong, "the original that it was redacted from is not restricted")
			}
		}
		if next != r.SupersededBy {
			f.Wrong = append(f.Wrong, "another record supersedes it than it says")
		}
		out = append(out, f)
	}
	return out, err
}
