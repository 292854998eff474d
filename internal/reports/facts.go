package reports

import (
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/scrub"
)

const (
	selectPrinted  = "SELECT id, kind, sha256, address, size, actor, at, entry FROM report WHERE org_id = ? AND entry >= ? AND entry < ?"
	selectAsserted = "SELECT report_id, version, draft_sha256, text, sha256, name, user_id, at, entry FROM assertion WHERE org_id = ? AND entry >= ? AND entry < ?"

	watchPrints     = "SELECT id, engagement_id, number, kind, sha256, address, size, sections, covers, actor, at, entry FROM report WHERE org_id = ?"
	watchAssertions = "SELECT engagement_id, version, report_id, draft_sha256, text, sha256, name, title, user_id, at, entry FROM assertion WHERE org_id = ?"
	watchTexts      = "SELECT engagement_id, place, version, text, actor, at FROM report_text WHERE org_id = ?"
)

var _ = scrub.Register(
	scrub.Facts{Table: "report", Rows: printFacts, Owed: func(e *scrub.Entry) int {
		if e.Op == Draft.Name() || e.Op == Issue.Name() && e.Step() == "issue" {
			return 1
		}
		return 0
	}},
	scrub.Facts{Table: "assertion", Rows: assertionFacts, Owed: func(e *scrub.Entry) int {
		if e.Op == Sign.Name() {
			return 1
		}
		return 0
	}},
)

var _ = scrub.Observe(
	scrub.Watch{Table: "report", Query: watchPrints, Key: 1, Fixed: true, Ops: []string{"reports."}, Names: []int{0}},
	scrub.Watch{Table: "assertion", Query: watchAssertions, Key: 2, Fixed: true, Ops: []string{"assertions."}, Names: []int{2}},
	scrub.Watch{Table: "report_text", Query: watchTexts, Key: 3, Fixed: true, Ops: []string{"report_texts."}, Names: []int{1}},
)

func printFacts(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
	return db.Rows(s.Tx, selectPrinted, []any{s.Org, from, to}, func(scan func(...any) error, f *scrub.Fact) error {
		var kind, address string
		err := scan(&f.Row, &kind, &f.SHA256, &address, &f.Size, &f.Actor, &f.At, &f.Entry)
		step := "draft"
		if kind == KindFinal {
			step = "issue"
		}
		f.Ops, f.Body = []string{Draft.Name(), Issue.Name()}, map[string]any{"id": f.Row, "step": step}
		if address != s.Address(f.SHA256) {
			f.Wrong = append(f.Wrong, "it points at other bytes than its own")
		}
		return err
	})
}

func assertionFacts(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
	return db.Rows(s.Tx, selectAsserted, []any{s.Org, from, to}, func(scan func(...any) error, f *scrub.Fact) error {
		var (
			report, draft, text, sum string
			version                  int64
		)
		err := scan(&report, &version, &draft, &text, &sum, &f.Actor, &f.User, &f.At, &f.Entry)
		f.Row, f.Ops = "on "+report, []string{Sign.Name()}
		f.Body = map[string]any{"id": report, "step": "assertion", "sha256": sum, "draft": draft}
		if digestOf(text) != sum {
			f.Wrong = append(f.Wrong, "its text has another digest")
		}
		return err
	})
}
