package populations

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/scrub"
)

const (
	selectCommitted = "SELECT " + popColumns + " FROM population WHERE org_id = ? AND commit_entry >= ? AND commit_entry < ? ORDER BY commit_entry"
	selectSealings  = "SELECT " + versionColumns + ` FROM population_version WHERE org_id = ? AND status <> 'draft' AND entry >= ? AND entry < ?
		ORDER BY population_id, version`
	selectSuccessor = "SELECT COUNT(*) FROM population_version WHERE org_id = ? AND population_id = ? AND version > ? AND status <> 'draft'"
	selectRecords   = "SELECT entry, address FROM evidence WHERE org_id = ? AND id = ?"
	selectJudged    = "SELECT population_id, version, number, decision, reason, actor, at, entry FROM population_decision WHERE org_id = ? AND entry >= ? AND entry < ?"

	watchPopulations = "SELECT id, engagement_id, code, title, controls, commitment, commit_entry, secret, actor, created FROM population WHERE org_id = ?"
	watchRevealed    = "SELECT id, nonce, revealed, revealed_by, abandoned, reason FROM population WHERE org_id = ?"
	watchVersions    = `SELECT population_id, version, engagement_id, row_count, digest, root, manifest, problems, checks, list, records, pieces, evidence_id,
		entry, built, sealed, actor FROM population_version WHERE org_id = ? AND status <> 'draft'`
	watchDrafts = `SELECT population_id, version, engagement_id, row_count, digest, root, manifest, problems, checks, list, records, pieces, evidence_id,
		entry, built, sealed, actor FROM population_version WHERE org_id = ? AND status = 'draft'`
	watchChecks    = "SELECT population_id, version, number, procedure, result, note, items, actor, at FROM population_check WHERE org_id = ?"
	watchDecisions = "SELECT population_id, version, number, decision, reason, actor, at, entry FROM population_decision WHERE org_id = ?"
)

func one(of string, kind canon.Kind) func(e *scrub.Entry) int {
	return func(e *scrub.Entry) int {
		if e.Op == of && e.Kind == kind {
			return 1
		}
		return 0
	}
}

var _ = scrub.Register(
	scrub.Facts{Table: "population", Rows: commitFacts, Owed: one("populations.request", canon.KindSample)},
	scrub.Facts{Table: "population_version", Rows: sealFacts, Owed: one("populations.seal", canon.KindPopulation)},
	scrub.Facts{Table: "population_decision", Rows: decisionFacts, Owed: one("populations.accept", canon.KindPopulation)},
)

var _ = scrub.Observe(
	scrub.Watch{Table: "population", Query: watchPopulations, Key: 1, Fixed: true, Ops: []string{"populations."}},
	scrub.Watch{Table: "population nonce", Query: watchRevealed, Key: 1, Ops: []string{"populations.", "samples."}, Names: []int{0}},
	scrub.Watch{Table: "population_version", Query: watchVersions, Key: 2, Fixed: true, Ops: []string{"populations."}, Names: []int{0}},
	scrub.Watch{Table: "population_version draft", Query: watchDrafts, Key: 2, Ops: []string{"populations."}, Names: []int{0}},
	scrub.Watch{Table: "population_check", Query: watchChecks, Key: 3, Fixed: true, Ops: []string{"populations."}, Names: []int{0}},
	scrub.Watch{Table: "population_decision", Query: watchDecisions, Key: 3, Fixed: true, Ops: []string{"populations."}, Names: []int{0}},
)

// commitFacts holds requests to the entry that commits to their number, and the
// number, closed or opened, to what was committed to.
func commitFacts(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
	rows, err := db.Rows(s.Tx, selectCommitted, []any{s.Org, from, to}, scanPopulation)
	out := make([]scrub.Fact, 0, len(rows))
	for _, p := range rows {
		f := scrub.Fact{Row: fmt.Sprintf("%s (%s)", p.ID, p.Code), Entry: p.CommitEntry, Ops: []string{"populations.request"}, Actor: p.Actor, At: clock.Millis(p.Requested),
			Body: map[string]any{"id": string(p.ID), "step": "commit", "engagement": string(p.Engagement), "population": p.Code, "commitment": p.Commitment}}
		committed := func(n sample.Nonce) bool { sum := n.Commitment(); return hex.EncodeToString(sum[:]) == p.Commitment }
		if n, err := sample.ParseNonce(p.Nonce); p.Nonce != "" && (err != nil || !committed(n)) {
			f.Wrong = append(f.Wrong, "its number is not the one committed to")
		}
		if (p.Nonce == "") != p.Revealed.IsZero() {
			f.Wrong = append(f.Wrong, "it says otherwise when its number was opened than what it is")
		}
		data, err := s.Vault.Get(s, s.Org, p.secret)
		if err != nil || len(data) != len(sample.Nonce{}) || !committed(sample.Nonce(data)) {
			f.Wrong = append(f.Wrong, "the number that it keeps closed is not the one committed to")
		}
		out = append(out, f)
	}
	return out, err
}

func sealFacts(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
	rows, err := db.Rows(s.Tx, selectSealings, []any{s.Org, from, to}, scanVersion)
	out := make([]scrub.Fact, 0, len(rows))
	for _, v := range rows {
		f := scrub.Fact{Row: fmt.Sprintf("%s version %d", v.Population, v.Version), Entry: v.Entry, Ops: []string{"populations.seal"}, Actor: v.Actor,
			At: clock.Millis(v.Sealed), Body: map[string]any{"id": string(v.Population), "step": "seal", "version": v.Version, "digest": v.Digest,
				"checks": v.Checks}}
		var later, entry int64
		if err := s.Tx.Row(selectSuccessor, []any{s.Org, v.Population, v.Version}, &later); err != nil {
			return nil, err
		}
		if (later > 0) != (v.Status == Superseded) {
			f.Wrong = append(f.Wrong, "it is called "+v.Status)
		}
		var address string
		if err := s.Tx.Row(selectRecords, []any{s.Org, v.Evidence}, &entry, &address); err != nil && err != db.ErrNone {
			return nil, err
		}
		if address != v.records {
			f.Wrong = append(f.Wrong, "it points at other records than its own")
		}
		f.Check = func(e *scrub.Entry) []string { return v.differs(s, e, entry) }
		out = append(out, f)
	}
	return out, err
}

func (v Version) differs(s *scrub.Scan, e *scrub.Entry, records int64) (out []string) {
	if e.Items == nil || e.Items.Count != v.Rows || hex.EncodeToString(e.Items.Root[:]) != v.Root {
		out = append(out, "its rows are not those that were sealed")
	}
	if v.list != s.Address(e.SHA256) {
		out = append(out, "it points at another list")
	}
	out = append(out, scrub.Differ("evidence", records, e.Body["records"])...)
	raw, err := json.Marshal(v.Manifest)
	if err != nil {
		return append(out, err.Error())
	}
	says := map[string]any{}
	if err := json.Unmarshal(raw, &says); err != nil {
		return append(out, err.Error())
	}
	own := []string{"engagement", "population", "version", "commitment", "digest", "rows", "period", "bounds", "records", "media_type", "checks", "step", "source_count"}
	for _, k := range slices.Sorted(maps.Keys(says)) {
		if !slices.Contains(own, k) {
			out = append(out, scrub.Differ(k, says[k], e.Body[k])...)
		}
	}
	if v.Manifest.CountedBy != "" {
		out = append(out, scrub.Differ("source_count", v.Manifest.SourceCount, e.Body["source_count"])...)
	}
	out = append(out, scrub.Differ("period", v.Manifest.Period, e.Body["period"])...)
	return append(out, scrub.Differ("rows", v.Rows, e.Body["rows"])...)
}

func decisionFacts(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
	return db.Rows(s.Tx, selectJudged, []any{s.Org, from, to}, func(scan func(...any) error, f *scrub.Fact) error {
		var (
			pop              id.Population
			version, number  int64
			decision, reason string
		)
		err := scan(&pop, &version, &number, &decision, &reason, &f.Actor, &f.At, &f.Entry)
		f.Row, f.Ops = fmt.Sprintf("%s version %d", pop, version), []string{"populations.accept"}
		f.Body = map[string]any{"id": string(pop), "step": "accept", "version": version, "decision": decision, "reason": reason}
		return err
	})
}
