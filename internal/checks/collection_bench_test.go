package checks_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources"
)

// estate is a source of many findings, of which some change from day to day.
type estate struct{ n, changed, day int }

func (*estate) Kind() string    { return "git" }
func (*estate) Version() string { return "bench" }
func (e *estate) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	for i := range e.n {
		f := sources.Finding{UID: fmt.Sprintf("arn:aws:ec2:eu-west-1:123456789012:instance/i-%08x", i), Tool: "Scanner", ToolVersion: "5.8.0",
			Category: "misconfiguration", Rule: fmt.Sprintf("rule_%d", i%300), Title: "Something must be so and not otherwise", Status: sources.FindingPass,
			Severity: []string{"critical", "high", "medium", "low"}[i%4], Provider: "aws", Account: "123456789012", Region: "eu-west-1",
			ResourceType: "AwsEc2Instance", ResourceName: fmt.Sprintf("web-%d", i), Message: "what the tool says of it in a sentence or two"}
		f.Key = f.UID
		if i%10 == 0 {
			f.Status = sources.FindingFail
		}
		if e.day > 0 && i%(e.n/e.changed) == 1 {
			f.Status, f.Message = sources.FindingFail, fmt.Sprintf("found on day %d", e.day)
		}
		if err := in.Add(f.Resource()); err != nil {
			return err
		}
	}
	return nil
}

// rows counts what tables hold, and the plain bytes of blobs.
func rows(b *testing.B, desk *op.Desk) (n, bytes int64) {
	b.Helper()
	err := desk.DB.Read(b.Context(), string(desk.Org), func(tx *db.Tx) error {
		for _, table := range []string{"source_resource", "source_run", "source_run_kind", "check_interval", "check_result", "check_definition", "evidence",
			"evidence_control", "blob", "ledger_leaf", "ledger_opening"} {
			var k int64
			if err := tx.Row("SELECT COUNT(*) FROM "+table+" WHERE org_id = ?", []any{desk.Org}, &k); err != nil {
				return err
			}
			n += k
		}
		return tx.Row("SELECT COALESCE(SUM(size), 0) FROM blob WHERE org_id = ?", []any{desk.Org}, &bytes)
	})
	if err != nil {
		b.Fatal(err)
	}
	return n, bytes
}

// touched counts the rows of what was last seen that a run wrote.
func touched(b *testing.B, desk *op.Desk, run sources.Run) (n int64) {
	b.Helper()
	err := desk.DB.Read(b.Context(), string(desk.Org), func(tx *db.Tx) error {
		return tx.Row("SELECT COUNT(*) FROM source_resource WHERE org_id = ? AND changed = ?", []any{desk.Org, run.Ended.UnixMilli()}, &n)
	})
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkCollection reads and judges 100,000 findings, then again with 100 of
// them changed. Rows are those added to any table and those of what was last
// seen that were written anew.
func BenchmarkCollection(b *testing.B) {
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		b.Run(name, func(b *testing.B) { collections(b, fresh) })
	}
}

func collections(b *testing.B, fresh func(testing.TB) string) {
	for b.Loop() {
		d, err := db.Open(b.Context(), fresh(b), db.Options{Unsafe: true})
		if err != nil {
			b.Fatal(err)
		}
		e := optest.Engine(b, d)
		desk := optest.Found(b, e, "Example")
		estate := &estate{n: 100_000, changed: 100}
		reader, err := sources.NewReader(estate)
		if err != nil {
			b.Fatal(err)
		}
		s, err := sources.Create.Do(b.Context(), desk, sources.Connection{Kind: "git", Name: "estate", Path: "/"})
		if err != nil {
			b.Fatal(err)
		}
		for estate.day = range 3 {
			optest.Clock(desk).Advance(24 * time.Hour)
			n, size := rows(b, desk)
			began := time.Now()
			run, err := reader.Read(b.Context(), desk, s.ID, nil, false)
			if err != nil {
				b.Fatal(err)
			}
			read := time.Since(began)
			if err := checks.EvaluateRun(b.Context(), desk, run.ID, nil); err != nil {
				b.Fatal(err)
			}
			judged := time.Since(began) - read
			n2, size2 := rows(b, desk)
			day := []string{"first", "second", "third"}[estate.day]
			b.ReportMetric(read.Seconds(), "s-read-"+day)
			b.ReportMetric(judged.Seconds(), "s-judge-"+day)
			b.ReportMetric(float64(n2-n), "rows-added-"+day)
			b.ReportMetric(float64(touched(b, desk, run)), "rows-seen-"+day)
			b.ReportMetric(float64(size2-size)/1e6, "MB-"+day)
		}
	}
}
