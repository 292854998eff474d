package procedures

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/scrub"
)

const (
	selectPlans = `SELECT id, control, control_version, criteria, basis, population, cadence, risk, attributes, roles, tester_name, version, entry
		FROM procedure WHERE org_id = ? AND entry >= ? AND entry < ?`
	selectDraws = "SELECT " + sampleColumns + " FROM sample WHERE org_id = ? AND entry >= ? AND entry < ?"
	selectMore  = "SELECT " + sampleColumns + " FROM sample WHERE org_id = ? AND extended > 0 AND extension_entry >= ? AND extension_entry < ?"
	selectDrawn = "SELECT ordinal, item, rank, stratum FROM item WHERE org_id = ? AND procedure_id = ? AND extension = ? ORDER BY ordinal"
	selectMarks = `SELECT m.procedure_id, m.ordinal, m.attribute, m.seq, m.mark, m.reason, m.code, m.confirmed, m.actor, m.actor_id, m.at, m.entry, COALESCE(i.item, '')
		FROM mark m LEFT JOIN item i ON i.org_id = m.org_id AND i.procedure_id = m.procedure_id AND i.ordinal = m.ordinal
		WHERE m.org_id = ? AND m.entry >= ? AND m.entry < ?`
	selectStale = `SELECT n.procedure_id, n.ordinal, n.attribute FROM mark_now n WHERE n.org_id = ? AND NOT EXISTS (SELECT 1 FROM mark m
		WHERE m.org_id = n.org_id AND m.procedure_id = n.procedure_id AND m.ordinal = n.ordinal AND m.attribute = n.attribute AND m.seq = n.seq
		AND m.mark = n.mark AND m.reason = n.reason AND m.code = n.code AND m.actor = n.actor AND m.at = n.at AND m.entry = n.entry
		AND NOT EXISTS (SELECT 1 FROM mark l WHERE l.org_id = m.org_id AND l.procedure_id = m.procedure_id AND l.ordinal = m.ordinal
			AND l.attribute = m.attribute AND l.seq > m.seq))
		UNION ALL SELECT m.procedure_id, m.ordinal, m.attribute FROM mark m WHERE m.org_id = ? AND m.seq = 1 AND NOT EXISTS (SELECT 1 FROM mark_now n
		WHERE n.org_id = m.org_id AND n.procedure_id = m.procedure_id AND n.ordinal = m.ordinal AND n.attribute = m.attribute)`
	selectCounted = `SELECT i.procedure_id, i.item, i.marked, i.deviates,
		(SELECT COUNT(*) FROM mark_now n WHERE n.org_id = i.org_id AND n.procedure_id = i.procedure_id AND n.ordinal = i.ordinal AND n.mark <> '' AND n.mark <> 'untested'),
		(SELECT COUNT(*) FROM mark_now n WHERE n.org_id = i.org_id AND n.procedure_id = i.procedure_id AND n.ordinal = i.ordinal AND n.mark = 'deviation')
		FROM item i WHERE i.org_id = ?`
	selectTests = `SELECT procedure_id, number, attribute, version, digest, expression, total, agrees, deviates, unknown, actor, actor_id, at, entry
		FROM procedure_run WHERE org_id = ? AND entry >= ? AND entry < ?`
	selectDecided  = "SELECT procedure_id, version, proposal, decision, reason, tested, deviations, actor, actor_id, at, entry FROM procedure_conclusion WHERE org_id = ? AND entry >= ? AND entry < ?"
	selectReviewed = "SELECT procedure_id, version, comment, actor, actor_id, at, entry FROM procedure_review WHERE org_id = ? AND entry >= ? AND entry < ?"
	selectTied     = "SELECT procedure_id, item, evidence_id, actor, at, entry FROM item_link WHERE org_id = ? AND entry >= ? AND entry < ?"
)

func owed(kind canon.Kind, ops ...string) func(e *scrub.Entry) int {
	return func(e *scrub.Entry) int {
		if e.Kind == kind && slices.Contains(ops, e.Op) {
			return 1
		}
		return 0
	}
}

var _ = scrub.Register(
	scrub.Facts{Table: "procedure", Rows: planFacts},
	scrub.Facts{Table: "sample", Rows: drawFacts, Owed: func(e *scrub.Entry) int {
		if e.Op == Draw.Name() && (e.Kind == canon.KindSample || e.Step() == "full") {
			return 1
		}
		return 0
	}},
	scrub.Facts{Table: "sample extension", Rows: extensionFacts, Owed: owed(canon.KindSample, "samples.extend")},
	scrub.Facts{Table: "mark", Rows: markFacts, Owed: func(e *scrub.Entry) int {
		if e.Op == "marks.set" || e.Op == "marks.confirm" {
			return len(e.List("marks"))
		}
		return 0
	}},
	scrub.Facts{Table: "mark_now", Rows: standingFacts},
	scrub.Facts{Table: "item", Rows: countedFacts},
	scrub.Facts{Table: "procedure_run", Rows: testFacts, Owed: owed(canon.KindTest, "tests.run")},
	scrub.Facts{Table: "procedure_conclusion", Rows: conclusionFacts, Owed: owed(canon.KindConclusion, "procedures.conclude")},
	scrub.Facts{Table: "procedure_review", Rows: reviewFacts, Owed: owed(canon.KindSignoff, "procedures.review")},
	scrub.Facts{Table: "item_link", Rows: linkFacts, Owed: func(e *scrub.Entry) int {
		if e.Op != "items.answer" && e.Op != "items.link" {
			return 0
		}
		list, _ := e.Body["items"].([]any)
		return len(list)
	}},
)

const (
	watchProcedures = `SELECT id, control, control_version, title, text, criteria, key_control, basis, population, cadence, risk, attributes, roles, fields,
		tester, tester_name, version, entry, touched, created, updated FROM procedure WHERE org_id = ?`
	watchVersions = "SELECT procedure_id, version, body, actor, at FROM procedure_version WHERE org_id = ?"
	watchSamples  = `SELECT id, procedure_id, population_id, version, digest, commitment, nonce, seed, period, method, strata_by, first_size, total, missed,
		profile, profile_version, risk, look_back, warnings, seal, rows_id, entry, actor, actor_id, at FROM sample WHERE org_id = ?`
	watchExtended = "SELECT id, procedure_id, size, extended, extended_by, extension_entry, reason, rows_link FROM sample WHERE org_id = ?"
	watchItems    = `SELECT procedure_id, ordinal, item, rank, stratum, label, source_key, happened, record, asked, extension, missed, late
		FROM item WHERE org_id = ?`
	watchMarks = "SELECT procedure_id, ordinal, attribute, seq, mark, reason, code, confirmed, actor, actor_id, at, entry FROM mark WHERE org_id = ?"
	watchRuns  = `SELECT procedure_id, number, attribute, version, digest, expression, total, agrees, deviates, unknown, items, unsure, listed, unknowns, why,
		actor, actor_id, at, entry FROM procedure_run WHERE org_id = ?`
	watchConclusions = "SELECT procedure_id, version, proposal, decision, reason, tested, deviations, facts, actor, actor_id, at, entry FROM procedure_conclusion WHERE org_id = ?"
	watchReviews     = "SELECT procedure_id, version, comment, actor, actor_id, at, entry FROM procedure_review WHERE org_id = ?"
	watchLinks       = `SELECT procedure_id, item, evidence_id, engagement_id, ordinal, entry, sealing, sha256, level, named, counted, codes, actor, at
		FROM item_link WHERE org_id = ?`
	watchDeviations = `SELECT id, procedure_id, ordinal, item, label, attribute, text, code, note, raised, raised_by, withdrawn, classified, actor, actor_id,
		cause, extent, why, expected, actual, starts, ends, detection, fraud, impact, compensating, remediation, disclosure, version FROM deviation WHERE org_id = ?`
	watchResponses = "SELECT deviation_id, number, engagement_id, text, actor, at FROM deviation_response WHERE org_id = ?"
)

// working are the operations that change a workpaper.
var working = []string{"procedures.", "samples.", "items.", "marks.", "tests.", "deviations."}

var _ = scrub.Observe(
	scrub.Watch{Table: "procedure", Query: watchProcedures, Key: 2, Ops: working, Names: []int{0, 1}},
	scrub.Watch{Table: "procedure_version", Query: watchVersions, Key: 2, Fixed: true, Ops: working, Names: []int{0}},
	scrub.Watch{Table: "sample", Query: watchSamples, Key: 1, Fixed: true, Ops: working, Names: []int{0, 1}},
	scrub.Watch{Table: "sample extension", Query: watchExtended, Key: 2, Ops: working, Names: []int{0, 1}},
	scrub.Watch{Table: "item", Query: watchItems, Key: 2, Ops: working, Names: []int{0}},
	scrub.Watch{Table: "mark", Query: watchMarks, Key: 4, Fixed: true, Ops: working, Names: []int{0}},
	scrub.Watch{Table: "procedure_run", Query: watchRuns, Key: 2, Fixed: true, Ops: working, Names: []int{0}},
	scrub.Watch{Table: "procedure_conclusion", Query: watchConclusions, Key: 2, Fixed: true, Ops: working, Names: []int{0}},
	scrub.Watch{Table: "procedure_review", Query: watchReviews, Key: 2, Fixed: true, Ops: working, Names: []int{0}},
	scrub.Watch{Table: "item_link", Query: watchLinks, Key: 3, Fixed: true, Ops: working, Names: []int{0}},
	scrub.Watch{Table: "deviation", Query: watchDeviations, Key: 2, Ops: working, Names: []int{0, 1}},
	scrub.Watch{Table: "deviation_response", Query: watchResponses, Key: 2, Fixed: true, Ops: []string{"deviations."}, Names: []int{0}},
)

// elements reads a JSON list of a row. What cannot be read is not what was recorded.
func elements(s string) any {
	var out []any
	if json.Unmarshal([]byte(s), &out) != nil {
		return "not a list"
	}
	return out
}

func planFacts(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
	return db.Rows(s.Tx, selectPlans, []any{s.Org, from, to}, func(scan func(...any) error, f *scrub.Fact) error {
		var (
			control, criteria, basis, population, cadence, risk, attributes, roles, tester string
			controlVersion, version                                                        int64
		)
		err := scan(&f.Row, &control, &controlVersion, &criteria, &basis, &population, &cadence, &risk, &attributes, &roles, &tester, &version, &f.Entry)
		f.Ops = []string{PlanOp.Name()}
		f.Body = map[string]any{"id": f.Row, "control": control, "control_version": controlVersion, "basis": basis, "cadence": cadence, "risk": risk,
			"attributes": elements(attributes), "criteria": elements(criteria), "version": version, "tester": tester, "population": population, "roles": elements(roles)}
		return err
	})
}

// drawFacts holds a sample to the entry of its draw, and its items to what that
// entry vouches for.
func drawFacts(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
	rows, err := db.Rows(s.Tx, selectDraws, []any{s.Org, from, to}, scanSample)
	out := make([]scrub.Fact, 0, len(rows))
	for _, x := range rows {
		f := scrub.Fact{Row: string(x.ID), Entry: x.Entry, Ops: []string{Draw.Name()}, Actor: x.DrawnBy, User: string(x.user), At: x.Drawn.UnixMilli(),
			Body: map[string]any{"id": string(x.ID), "step": "draw", "population": string(x.Population), "procedure": string(x.procedure), "version": x.Version,
				"digest": x.Digest, "commitment": x.Commitment, "nonce": x.Nonce, "seed": x.Seed, "period": x.Period, "method": x.Method, "n": x.First,
				"total": x.Total, "profile": x.Profile, "profile_version": x.ProfileVersion, "risk": x.Risk, "strata_by": x.StrataBy}}
		if x.Method == methodNone {
			f.Body = map[string]any{"id": string(x.procedure), "step": "full", "population": string(x.Population), "version": x.Version, "digest": x.Digest,
				"total": x.Total, "deviates": x.Missed}
		} else {
			f.Check = func(e *scrub.Entry) []string { return picked(s, e, x, false) }
		}
		if x.Extended.IsZero() && x.N != x.First {
			f.Wrong = append(f.Wrong, "it has another size than was drawn")
		}
		out = append(out, f)
	}
	return out, err
}

func extensionFacts(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
	rows, err := db.Rows(s.Tx, selectMore, []any{s.Org, from, to}, scanSample)
	out := make([]scrub.Fact, 0, len(rows))
	for _, x := range rows {
		out = append(out, scrub.Fact{Row: string(x.ID), Entry: x.ExtensionEntry, Ops: []string{Extend.Name()}, Actor: x.ExtendedBy, At: x.Extended.UnixMilli(),
			Body:  map[string]any{"id": string(x.ID), "procedure": string(x.procedure), "from": x.First, "to": x.N, "reason": x.Reason},
			Check: func(e *scrub.Entry) []string { return picked(s, e, x, true) }})
	}
	return out, err
}

// picked compares the items of a draw with the list that its entry vouches for.
func picked(s *scrub.Scan, e *scrub.Entry, x Sample, extension bool) []string {
	data, err := s.Vault.Get(s, s.Org, s.Address(e.SHA256))
	if err != nil {
		return nil // the blobs' own layer says what is wrong
	}
	type pick struct {
		Item    string `json:"item"`
		Rank    int64  `json:"rank"`
		Stratum string `json:"stratum"`
	}
	var sealed struct {
		Picks []pick `json:"picks"`
	}
	if err := json.Unmarshal(data, &sealed); err != nil {
		return []string{"what was drawn cannot be read"}
	}
	next, before := int64(1), len(sealed.Picks)
	if extension {
		next = int64(x.First) + 1
	}
	have, err := db.Rows(s.Tx, selectDrawn, []any{s.Org, x.procedure, extension}, func(scan func(...any) error, p *pick) error {
		var ordinal int64
		err := scan(&ordinal, &p.Item, &p.Rank, &p.Stratum)
		if ordinal != next {
			p.Item = "" // not at its place
		}
		next++
		return err
	})
	if err != nil {
		return []string{"its items cannot be read: " + err.Error()}
	}
	if len(have) != before || !slices.Equal(have, sealed.Picks) {
		return []string{"its items are not those that were drawn"}
	}
	return nil
}

func markFacts(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
	return db.Rows(s.Tx, selectMarks, []any{s.Org, from, to}, func(scan func(...any) error, f *scrub.Fact) error {
		var (
			procedure, attribute, mark, reason, code, item string
			ordinal, seq                                   int64
			confirmed                                      bool
		)
		err := scan(&procedure, &ordinal, &attribute, &seq, &mark, &reason, &code, &confirmed, &f.Actor, &f.User, &f.At, &f.Entry, &item)
		f.Row = fmt.Sprintf("%s %s %s, %d", procedure, item, attribute, seq)
		f.Ops = []string{"marks.set", "marks.confirm"}
		f.Body = map[string]any{"id": procedure, "step": "test"}
		f.In, f.Element = "marks", map[string]any{"item": item, "attribute": attribute, "mark": mark, "reason": reason, "code": code, "confirmed": confirmed}
		return err
	})
}

// standingFacts: what stands now is the newest mark, once a pass.
func standingFacts(s *scrub.Scan, from, _ int64) ([]scrub.Fact, error) {
	if from > 0 {
		return nil, nil
	}
	return db.Rows(s.Tx, selectStale, []any{s.Org, s.Org}, func(scan func(...any) error, f *scrub.Fact) error {
		var (
			procedure, attribute string
			ordinal              int64
		)
		err := scan(&procedure, &ordinal, &attribute)
		f.Row, f.Entry = fmt.Sprintf("%s item %d %s", procedure, ordinal, attribute), -1
		f.Wrong = []string{"what stands is not the newest mark"}
		return err
	})
}

func countedFacts(s *scrub.Scan, from, _ int64) ([]scrub.Fact, error) {
	if from > 0 {
		return nil, nil
	}
	return db.Rows(s.Tx, selectCounted, []any{s.Org}, func(scan func(...any) error, f *scrub.Fact) error {
		var (
			procedure, item                   string
			marked, deviates, counted, failed int64
		)
		err := scan(&procedure, &item, &marked, &deviates, &counted, &failed)
		f.Row, f.Entry = procedure+" "+item, -1
		if marked != counted || deviates != failed {
			f.Wrong = []string{"it counts other marks than it has"}
		}
		return err
	})
}

func testFacts(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
	return db.Rows(s.Tx, selectTests, []any{s.Org, from, to}, func(scan func(...any) error, f *scrub.Fact) error {
		var (
			procedure, attribute, digest, expression          string
			number, version, total, agrees, deviates, unknown int64
		)
		err := scan(&procedure, &number, &attribute, &version, &digest, &expression, &total, &agrees, &deviates, &unknown, &f.Actor, &f.User, &f.At, &f.Entry)
		f.Row, f.Ops = fmt.Sprintf("%s number %d", procedure, number), []string{"tests.run"}
		f.Body = map[string]any{"id": procedure, "step": "full", "version": version, "digest": digest, "attribute": attribute, "expression": expression,
			"total": total, "agrees": agrees, "deviates": deviates, "unknown": unknown}
		return err
	})
}

func conclusionFacts(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
	return db.Rows(s.Tx, selectDecided, []any{s.Org, from, to}, func(scan func(...any) error, f *scrub.Fact) error {
		var (
			procedure, proposal, decision, reason string
			version, tested, deviations           int64
		)
		err := scan(&procedure, &version, &proposal, &decision, &reason, &tested, &deviations, &f.Actor, &f.User, &f.At, &f.Entry)
		f.Row, f.Ops = fmt.Sprintf("%s version %d", procedure, version), []string{"procedures.conclude"}
		f.Body = map[string]any{"id": procedure, "step": "control", "version": version, "proposal": proposal, "decision": decision, "reason": reason,
			"tested": tested, "deviations": deviations}
		return err
	})
}

func reviewFacts(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
	return db.Rows(s.Tx, selectReviewed, []any{s.Org, from, to}, func(scan func(...any) error, f *scrub.Fact) error {
		var (
			procedure, comment string
			version            int64
		)
		err := scan(&procedure, &version, &comment, &f.Actor, &f.User, &f.At, &f.Entry)
		f.Row, f.Ops = fmt.Sprintf("%s version %d", procedure, version), []string{"procedures.review"}
		f.Body = map[string]any{"id": procedure, "step": "review", "version": version, "comment": comment}
		return err
	})
}

func linkFacts(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
	return db.Rows(s.Tx, selectTied, []any{s.Org, from, to}, func(scan func(...any) error, f *scrub.Fact) error {
		var procedure, item, evidence string
		err := scan(&procedure, &item, &evidence, &f.Actor, &f.At, &f.Entry)
		f.Row, f.Ops = fmt.Sprintf("%s %s %s", procedure, item, evidence), []string{"items.answer", "items.link", "samples.draw"}
		f.Body = map[string]any{"id": evidence, "step": "link", "procedure": procedure}
		f.Check = func(e *scrub.Entry) []string {
			if items, _ := e.Body["items"].([]any); !slices.Contains(items, any(item)) {
				return []string{fmt.Sprintf("entry %d does not link it to this item", e.Index)}
			}
			return nil
		}
		return err
	})
}
