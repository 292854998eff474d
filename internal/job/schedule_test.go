package job_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

func schedule(t *testing.T, desk *op.Desk, s job.Schedule) {
	t.Helper()
	err := desk.DB.Write(t.Context(), string(desk.Org), func(tx *db.Tx) error { return job.SetSchedule(tx, desk.Org, s) })
	if err != nil {
		t.Fatal(err)
	}
}

// gaps lists the bodies of the gap entries, the oldest first.
func gaps(t *testing.T, desk *op.Desk) (out []map[string]any) {
	t.Helper()
	err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
		rows, err := desk.Ledger.Page(tx, desk.Org, canon.KindGap, 1<<40, 100)
		if err != nil {
			return err
		}
		for _, r := range rows {
			openings, err := desk.Ledger.Openings(tx, desk.Org, r.Index, r.Index+1)
			if err != nil {
				return err
			}
			for _, o := range openings {
				var body map[string]any
				if o.Label != canon.LabelBody {
					continue
				}
				if err := json.Unmarshal([]byte(o.Payload), &body); err != nil {
					return err
				}
				out = append([]map[string]any{body}, out...)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestScheduleRunsWhenItIsDue(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		var got []string
		r := runner(desk, 1, func(_ context.Context, _ *job.Run, o order) error { got = append(got, o.What); return nil })
		daily := job.Schedule{Name: "daily", Kind: "orders.do", Args: order{"tea"}, Every: time.Hour, First: desk.Clock.Now().Add(time.Minute)}
		schedule(t, desk, daily)
		if once(t, r) != 0 {
			t.Error("runs before it is due")
		}
		optest.Clock(desk).Advance(time.Minute)
		if n := once(t, r) + once(t, r); n != 1 {
			t.Errorf("ran %d times, want once", n)
		}
		daily.Args = order{"coffee"}
		schedule(t, desk, daily) // keeps its place in time
		optest.Clock(desk).Advance(time.Hour - time.Millisecond)
		if once(t, r) != 0 {
			t.Error("runs before the hour is over")
		}
		optest.Clock(desk).Advance(time.Millisecond)
		once(t, r)
		if diff := cmp.Diff([]string{"tea", "coffee"}, got); diff != "" {
			t.Errorf("done (-want +got):\n%s", diff)
		}
		err := desk.DB.Write(t.Context(), string(desk.Org), func(tx *db.Tx) error { return job.EndSchedule(tx, desk.Org, "daily") })
		if err != nil {
			t.Fatal(err)
		}
		optest.Clock(desk).Advance(time.Hour)
		if once(t, r) != 0 || len(gaps(t, desk)) != 0 {
			t.Error("runs, or is missed, after its end")
		}
	})
}

func TestScheduleWithoutAnIntervalIsRefused(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		for _, every := range []time.Duration{-time.Hour, 0, time.Microsecond} {
			err := desk.DB.Write(t.Context(), string(desk.Org), func(tx *db.Tx) error {
				return job.SetSchedule(tx, desk.Org, job.Schedule{Name: "often", Kind: "orders.do", Every: every})
			})
			if err == nil {
				t.Errorf("every %s is taken", every)
			}
		}
	})
}

func TestOneGapPerOutageAndSchedule(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		var mu sync.Mutex
		done := map[string]int{}
		work := func(_ context.Context, _ *job.Run, o order) error {
			mu.Lock()
			defer mu.Unlock()
			done[o.What]++
			return nil
		}
		start := desk.Clock.Now()
		for _, s := range []job.Schedule{
			{Name: "hourly", Kind: "orders.do", Args: order{"hourly"}, Every: time.Hour, First: start.Add(time.Hour)},
			{Name: "daily", Kind: "orders.do", Args: order{"daily"}, Every: 24 * time.Hour, First: start.Add(time.Hour)},
			{Name: "weekly", Kind: "orders.do", Args: order{"weekly"}, Every: 7 * 24 * time.Hour, First: start.Add(time.Hour)},
		} {
			schedule(t, desk, s)
		}
		wake := func() { // several processes start at once
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					if _, err := runner(desk, 1, work).Once(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			once(t, runner(desk, 1, work))
		}
		optest.Clock(desk).Advance(30 * time.Hour)
		wake()
		want := []map[string]any{
			{"op": "jobs.miss", "schedule": "daily", "missed": 1.0, "from": "2026-11-21T10:00:00.000Z", "to": "2026-11-22T15:00:00.000Z", "cause": "Tickmark was not running"},
			{"op": "jobs.miss", "schedule": "hourly", "missed": 29.0, "from": "2026-11-21T10:00:00.000Z", "to": "2026-11-22T15:00:00.000Z", "cause": "Tickmark was not running"},
		}
		if diff := cmp.Diff(want, gaps(t, desk), byName); diff != "" {
			t.Errorf("first outage (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]int{"hourly": 1, "daily": 1, "weekly": 1}, done); diff != "" {
			t.Errorf("done (-want +got):\n%s", diff)
		}
		optest.Clock(desk).Advance(2*time.Hour - time.Millisecond) // one is due, none is missed
		wake()
		if got := gaps(t, desk); len(got) != 2 {
			t.Errorf("a late start leaves a gap: %v", got[2:])
		}
		optest.Clock(desk).Advance(20 * 24 * time.Hour)
		wake()
		if got := gaps(t, desk); len(got) != 5 {
			t.Errorf("second outage: %d gaps in all, want one more for each schedule", len(got))
		}
	})
}

var byName = cmp.Transformer("sorted", func(in []map[string]any) map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, m := range in {
		out[m["schedule"].(string)] = m
	}
	return out
})

func TestScheduleThatFailsKeepsNothingWaiting(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		broken := *desk
		broken.Org = "org_without_a_log"
		schedule(t, &broken, job.Schedule{Name: "broken", Kind: "orders.do", Every: time.Hour, First: desk.Clock.Now()})
		optest.Clock(desk).Advance(10 * time.Hour)
		schedule(t, desk, job.Schedule{Name: "sound", Kind: "orders.do", Every: time.Hour, First: desk.Clock.Now()})
		enqueue(t, desk, job.Insert{Kind: "orders.do"})
		n, err := runner(desk, 1, func(context.Context, *job.Run, order) error { return nil }).Once(t.Context())
		if n != 2 || err == nil || !strings.Contains(err.Error(), "schedule broken of org_without_a_log") {
			t.Errorf("%d jobs done, %v; want 2, and an error that names the schedule", n, err)
		}
	})
}

// PostgreSQL keeps letters in the order of its locale, which is not that of
// bytes.
func TestJobsAreListedInAnyLocale(t *testing.T) {
	if os.Getenv(dbtest.Env) == "" {
		t.Skipf("not run: set %s", dbtest.Env)
	}
	c, err := dbtest.Start()
	if errors.Is(err, dbtest.ErrNoServer) && os.Getenv(dbtest.Require) == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	admin, err := sql.Open("pgx", c.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.Exec("CREATE DATABASE icu TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"); err != nil {
		t.Skipf("this server has no other locale: %v", err)
	}
	d, err := db.Open(t.Context(), strings.TrimSuffix(c.URL, "postgres")+"icu", db.Options{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	desk := optest.Found(t, optest.Engine(t, d), "Example")
	j := enqueue(t, desk, job.Insert{Kind: "orders.do"})
	page, err := job.List.Do(t.Context(), desk, job.Filter{})
	if err != nil || len(page.Items) != 1 || page.Items[0].ID != j {
		t.Errorf("got %v, %v; want %s", page.Items, err, j)
	}
}
