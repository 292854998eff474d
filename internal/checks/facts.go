package checks

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/scrub"
)

const (
	selectWritten = `SELECT run_id, digest, status, total, passing, failing, unknown, not_applicable, summary, reason, remedy FROM check_result
		WHERE org_id = ? AND check_id = ? AND source_id = ? AND at = ?`
	selectOpened = `SELECT key, starts, status, class, reason FROM check_interval
		WHERE org_id = ? AND check_id = ? AND source_id = ? AND run_id = ? AND digest = ?`
	selectClosed = `SELECT key, starts, ends FROM check_interval
		WHERE org_id = ? AND check_id = ? AND source_id = ? AND (ends = ? OR ends = ? OR ends = ?)`
	selectStray = `SELECT i.check_id, i.key, i.starts FROM check_interval i WHERE i.org_id = ? AND (NOT EXISTS (SELECT 1 FROM check_result r
		WHERE r.org_id = i.org_id AND r.check_id = i.check_id AND r.source_id = i.source_id AND r.run_id = i.run_id AND r.digest = i.digest)
		OR i.ends <> ? AND NOT EXISTS (SELECT 1 FROM check_result e
			WHERE e.org_id = i.org_id AND e.check_id = i.check_id AND e.source_id = i.source_id AND e.at = i.ends)
			AND NOT EXISTS (SELECT 1 FROM check_definition d
			WHERE d.org_id = i.org_id AND d.check_id = i.check_id AND d.effective = i.ends)
			AND NOT EXISTS (SELECT 1 FROM check_interval n
			WHERE n.org_id = i.org_id AND n.check_id = i.check_id AND n.source_id = i.source_id AND n.starts = i.ends))`

	watchResults     = "SELECT check_id, source_id, at, run_id, digest, status, total, passing, failing, unknown, not_applicable, summary, reason, remedy FROM check_result WHERE org_id = ?"
	watchDefinitions = "SELECT check_id, effective, digest, own, body FROM check_definition WHERE org_id = ?"
	watchEnded       = "SELECT check_id, effective, ended FROM check_definition WHERE org_id = ?"
	watchExceptions  = `SELECT id, check_id, key, reason, owner, approver, starts, ends, ended, created, asker_id, asker, approver_id, keys, renews FROM check_exception WHERE org_id = ?`
	watchSettings    = `SELECT check_id, effective, act, off, params, digest, why, actor FROM check_setting WHERE org_id = ?`
)

var _ = scrub.Register(scrub.Facts{Table: "check_interval", Rows: strays, Of: concludedBy})

var _ = scrub.Observe(
	scrub.Watch{Table: "check_result", Query: watchResults, Key: 3, Fixed: true, Ops: []string{"checks."}, Names: []int{3}},
	scrub.Watch{Table: "check_definition", Query: watchDefinitions, Key: 2, Fixed: true, Ops: []string{"checks."}},
	scrub.Watch{Table: "check_definition ended", Query: watchEnded, Key: 2, Ops: []string{"checks."}},
	scrub.Watch{Table: "check_setting", Query: watchSettings, Key: 2, Fixed: true, Ops: []string{"checks."}, Names: []int{0}},
	scrub.Watch{Table: "check_exception", Query: watchExceptions, Key: 2, Ops: []string{"exceptions."}},
)

// digestOf is one digest over lines in whatever order they came.
func digestOf(lines []string) string {
	slices.Sort(lines)
	sum := sha256.New()
	for _, l := range lines {
		fmt.Fprintf(sum, "%d:%s\n", len(l), l)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// written is what the entry of a judgement says of the rows that it left, which
// would be too many to name: when they are from, and digests over them.
func written(r Result, at, turned, upto time.Time, opened, closed []Interval) map[string]any {
	var o, c []string
	for _, i := range opened {
		o = append(o, line(i.Key, clock.Millis(i.From), i.Status, i.Class, i.Reason+i.Message))
	}
	for _, i := range closed {
		c = append(c, line(i.Key, clock.Millis(i.From), clock.Millis(i.To)))
	}
	out := map[string]any{"at": clock.Millis(at), "upto": clock.Millis(upto), "not_applicable": r.NotApplicable,
		"said": digestOf([]string{r.Summary, r.Reason, r.Remedy}), "opened": digestOf(o), "closed": digestOf(c)}
	if !turned.Equal(at) {
		out["turned"] = clock.Millis(turned)
	}
	return out
}

func line(fields ...any) string {
	b, _ := json.Marshal(fields) // of strings and numbers only
	return string(b)
}

// concludedBy compares what checks said of a run with the entry that was left
// then.
func concludedBy(s *scrub.Scan, e *scrub.Entry) ([]scrub.Fact, error) {
	if e.Op != "checks.conclude" {
		return nil, nil
	}
	var out []scrub.Fact
	run, _ := e.Body["run"].(string)
	source, _ := e.Body["source"].(string)
	for _, r := range e.List("results") {
		if r["at"] == nil { // that run was judged by this very rule before
			continue
		}
		check, _ := r["check"].(string)
		x := concluding{s: s, e: e, r: r, key: []any{s.Org, check, source}, run: run}
		for _, step := range []func() error{x.result, x.opened, x.closed} {
			if err := step(); err != nil {
				return nil, err
			}
		}
		if len(x.wrong) > 0 {
			out = append(out, scrub.Fact{Row: fmt.Sprintf("of %s by %s, entry %d", check, run, e.Index), Entry: -1, Wrong: x.wrong})
		}
	}
	return out, nil
}

type concluding struct {
	s     *scrub.Scan
	e     *scrub.Entry
	r     map[string]any
	key   []any
	run   string
	wrong []string
}

func (x *concluding) number(field string) int64 {
	n, _ := x.r[field].(json.Number)
	v, _ := n.Int64()
	return v
}

func (x *concluding) args(more ...any) []any { return append(slices.Clone(x.key), more...) }

func (x *concluding) result() error {
	var (
		run, digest, status, summary, reason, remedy string
		total, passing, failing, unknown, none       int64
	)
	err := x.s.Tx.Row(selectWritten, x.args(x.number("at")), &run, &digest, &status, &total, &passing, &failing, &unknown, &none, &summary, &reason, &remedy)
	if err == db.ErrNone {
		x.wrong = append(x.wrong, "its result is gone")
		return nil
	}
	have := map[string]any{"digest": digest, "status": status, "total": total, "passing": passing, "failing": failing, "unknown": unknown,
		"not_applicable": none, "said": digestOf([]string{summary, reason, remedy})}
	for _, k := range []string{"digest", "status", "total", "passing", "failing", "unknown", "not_applicable", "said"} {
		x.wrong = append(x.wrong, scrub.Differ("result's "+k, have[k], x.r[k])...)
	}
	if run != x.run {
		x.wrong = append(x.wrong, "its result names another run")
	}
	return err
}

func (x *concluding) opened() error {
	lines, err := db.Rows(x.s.Tx, selectOpened, x.args(x.run, x.r["digest"]), func(scan func(...any) error, l *string) error {
		var (
			key, status, class, reason string
			starts                     int64
		)
		err := scan(&key, &starts, &status, &class, &reason)
		*l = line(key, starts, status, class, reason)
		return err
	})
	if digestOf(lines) != x.r["opened"] {
		x.wrong = append(x.wrong, "the intervals that it began are not as recorded")
	}
	return err
}

func (x *concluding) closed() error {
	lines, err := db.Rows(x.s.Tx, selectClosed, x.args(x.number("at"), x.number("upto"), x.number("turned")), func(scan func(...any) error, l *string) error {
		var (
			key          string
			starts, ends int64
		)
		err := scan(&key, &starts, &ends)
		*l = line(key, starts, ends)
		return err
	})
	if digestOf(lines) != x.r["closed"] {
		x.wrong = append(x.wrong, "the intervals that it ended are not as recorded")
	}
	return err
}

// strays are intervals that no run of their check has begun or ended; once a pass, with
// the log's beginning.
func strays(s *scrub.Scan, from, _ int64) ([]scrub.Fact, error) {
	if from > 0 {
		return nil, nil
	}
	return db.Rows(s.Tx, selectStray, []any{s.Org, open}, func(scan func(...any) error, f *scrub.Fact) error {
		var (
			check, key string
			starts     int64
		)
		err := scan(&check, &key, &starts)
		f.Row = strings.TrimSpace(check+" "+key) + " from " + clock.FromMillis(starts).Format(time.RFC3339)
		f.Entry, f.Wrong = -1, []string{"no run has begun it, or none has ended it"}
		return err
	})
}
