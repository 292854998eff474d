package opinions

import (
	"encoding/json"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/scrub"
)

const (
	selectHeld = `SELECT engagement_id, criterion, version, proposal, decision, reason, compensating, actor, user_id, at, entry FROM opinion_criterion
		WHERE org_id = ? AND entry >= ? AND entry < ?`
	selectRuled = `SELECT engagement_id, part, version, proposal, decision, reason, '[]', actor, user_id, at, entry FROM opinion_part
		WHERE org_id = ? AND entry >= ? AND entry < ?`
	watchCriteria = "SELECT engagement_id, criterion, version, proposal, decision, reason, compensating, actor, user_id, at, entry FROM opinion_criterion WHERE org_id = ?"
	watchParts    = "SELECT engagement_id, part, version, proposal, decision, reason, actor, user_id, at, entry FROM opinion_part WHERE org_id = ?"
)

func owed(step string) func(e *scrub.Entry) int {
	return func(e *scrub.Entry) int {
		switch e.Op {
		case Judge.Name(), Accept.Name(), Decide.Name():
			if e.Step() == step {
				return 1
			}
		}
		return 0
	}
}

var _ = scrub.Register(
	scrub.Facts{Table: "opinion_criterion", Owed: owed("criterion"), Rows: func(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
		return facts(s, selectHeld, "criterion", from, to)
	}},
	scrub.Facts{Table: "opinion_part", Owed: owed("part"), Rows: func(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
		return facts(s, selectRuled, "part", from, to)
	}},
)

var _ = scrub.Observe(
	scrub.Watch{Table: "opinion_criterion", Query: watchCriteria, Key: 3, Fixed: true, Ops: []string{"criteria_conclusions."}, Names: []int{1}},
	scrub.Watch{Table: "opinion_part", Query: watchParts, Key: 3, Fixed: true, Ops: []string{"opinions."}, Names: []int{1}},
)

func facts(s *scrub.Scan, query, subject string, from, to int64) ([]scrub.Fact, error) {
	return db.Rows(s.Tx, query, []any{s.Org, from, to}, func(scan func(...any) error, f *scrub.Fact) error {
		var (
			engagement, name, proposal, decision, reason, compensating string
			version                                                    int64
			codes                                                      []string
		)
		err := scan(&engagement, &name, &version, &proposal, &decision, &reason, &compensating, &f.Actor, &f.User, &f.At, &f.Entry)
		if err == nil {
			err = json.Unmarshal([]byte(compensating), &codes)
		}
		f.Row, f.Ops = engagement+" "+name, []string{Judge.Name(), Accept.Name(), Decide.Name()}
		f.Body = map[string]any{"id": engagement, "step": subject, subject: name, "proposal": proposal, "decision": decision, "reason": reason,
			"compensating": codes}
		return err
	})
}
