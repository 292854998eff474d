package checks_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources"
)

// crowd writes intervals straight into the table: a hundred thousand resources
// that each failed once, a tenth of which still do, and results by the hour.
func crowd(t testing.TB, desk *op.Desk, source string, resources int) {
	t.Helper()
	const put = `INSERT INTO check_interval (org_id, check_id, source_id, key, starts, ends, status, class, reason, digest, run_id)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	now := clock.Millis(desk.Clock.Now())
	err := desk.DB.Write(t.Context(), string(desk.Org), func(tx *db.Tx) error {
		ins, err := tx.Prepare(put)
		if err != nil {
			return err
		}
		defer ins.Close()
		for i := range resources {
			key, ends, status := fmt.Sprintf("machine-%06d", i), int64(1)<<62-1, "pass"
			start := now - int64(i%8000)*time.Hour.Milliseconds()
			if i%10 == 0 {
				status = "fail"
			}
			if err := ins.Exec(desk.Org, ownID, source, key, start-time.Hour.Milliseconds(), start, "fail", "", "no firewall", "d", "run_x"); err != nil {
				return err
			}
			if err := ins.Exec(desk.Org, ownID, source, key, start, ends, status, "", "no firewall", "d", "run_x"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// planned asks the database how it would run a statement.
func planned(t *testing.T, desk *op.Desk, query string, args ...any) string {
	t.Helper()
	explain := "EXPLAIN QUERY PLAN "
	if desk.DB.Dialect() == db.Postgres {
		explain = "EXPLAIN "
	}
	var out []string
	err := desk.DB.Write(t.Context(), string(desk.Org), func(tx *db.Tx) error {
		if desk.DB.Dialect() == db.Postgres { // a small table is scanned for good reason
			if _, err := tx.Exec("ANALYZE check_interval"); err != nil {
				return err
			}
			return tx.Each(explain+query, args, func(scan func(...any) error) error {
				var line string
				err := scan(&line)
				out = append(out, line)
				return err
			})
		}
		return tx.Each(explain+query, args, func(scan func(...any) error) error {
			var a, b, c int64
			var line string
			err := scan(&a, &b, &c, &line)
			out = append(out, line)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

func TestListsOfManyResourcesUseTheirIndex(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := newBench(t, desk)
		crowd(t, desk, string(b.source.ID), 20_000)
		from, to := clock.Millis(desk.Clock.Now().AddDate(0, 0, -3)), clock.Millis(desk.Clock.Now())
		for name, q := range checks.Planned {
			args := map[string][]any{
				"findings":       {desk.Org, ownID, "fail", int64(1)<<62 - 1, "machine-000500", "", 26},
				"count findings": {desk.Org, ownID, int64(1)<<62 - 1, "fail"},
				"happened":       {desk.Org, ownID, "fail", from, "", "", int64(0), to, 26},
				"count happened": {desk.Org, ownID, "fail", from, to},
			}[name]
			if args == nil {
				t.Fatalf("no arguments for %s", name)
			}
			plan := planned(t, desk, q, args...)
			if !strings.Contains(plan, "check_interval_time") && !strings.Contains(plan, "check_interval_pkey") {
				t.Errorf("%s reads without the index:\n%s", name, plan)
			}
		}
		seen := map[string]bool{}
		after := ""
		for range 5 {
			p := optest.Do(t, desk, checks.Findings, checks.FindingFilter{ID: ownID, After: after, Limit: 500})
			if p.Total != 2000 {
				t.Fatalf("%d fail", p.Total)
			}
			for _, f := range p.Items {
				if seen[f.Key] {
					t.Fatalf("%s is on two pages", f.Key)
				}
				seen[f.Key] = true
			}
			if after = p.Next; after == "" {
				break
			}
		}
		if len(seen) != 2000 {
			t.Errorf("the pages have %d of 2000", len(seen))
		}
	})
}

func BenchmarkLists(b *testing.B) {
	each := func(name string, fresh func(testing.TB) string) {
		b.Run(name, func(b *testing.B) {
			d, err := db.Open(b.Context(), fresh(b), db.Options{Unsafe: true})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			lists(b, optest.Found(b, optest.Engine(b, d), "Example"))
		})
	}
	each("sqlite", dbtest.SQLite)
	each("postgres", dbtest.Postgres)
}

func lists(b *testing.B, desk *op.Desk) {
	s, err := sources.Create.Do(b.Context(), desk, sources.Connection{Kind: "git", Name: "main", Path: "/nowhere"})
	if err == nil {
		_, err = checks.Create.Do(b.Context(), desk, checks.Authored{YAML: ownCheck})
	}
	if err != nil {
		b.Fatal(err)
	}
	{
		crowd(b, desk, string(s.ID), 100_000)
		run := func(name string, fn func() error) {
			b.Run(name, func(b *testing.B) {
				var took []time.Duration
				for b.Loop() {
					at := time.Now()
					if err := fn(); err != nil {
						b.Fatal(err)
					}
					took = append(took, time.Since(at))
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			})
		}
		ctx := b.Context()
		run("findings", func() error {
			_, err := checks.Findings.Do(ctx, desk, checks.FindingFilter{ID: ownID, Limit: 25})
			return err
		})
		run("findings, far on", func() error {
			_, err := checks.Findings.Do(ctx, desk, checks.FindingFilter{ID: ownID, Limit: 25, After: "machine-090000\n"})
			return err
		})
		now := desk.Clock.Now()
		run("what happened in a day", func() error {
			_, err := checks.Explain.Do(ctx, desk, checks.Stretch{Check: ownID, From: now.AddDate(0, 0, -1), To: now, Limit: 25})
			return err
		})
		run("a year of coverage", func() error {
			_, err := checks.Coverage.Do(ctx, desk, checks.Period{Check: ownID, From: now.AddDate(-1, 0, 0), To: now})
			return err
		})
		run("all checks", func() error {
			_, err := checks.List.Do(ctx, desk, checks.Filter{})
			return err
		})
	}
}
