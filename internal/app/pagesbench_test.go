package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/sources"
)

// What the organization of the benchmark has.
const (
	manyResources = 100_000
	manyControls  = 10_000
)

// commits is a collector that shows many commits, a tenth of them unsigned.
type manyCommits struct{}

func (manyCommits) Kind() string    { return "git" }
func (manyCommits) Version() string { return "test" }
func (manyCommits) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	in.Cover("commit")
	for i := range manyResources {
		signature := "valid"
		if i%10 == 0 {
			signature = "none"
		}
		sha := fmt.Sprintf("%040x", i)
		if err := in.Add(sources.Resource{Kind: "commit", Key: sha, Attrs: map[string]any{"sha": sha, "short": sha[28:], "subject": "Add export", "merge": false,
			"committed_at": in.Now().Add(-time.Hour), "signature": signature}}); err != nil {
			return err
		}
	}
	return nil
}

// crowded fills an organization: a source read and judged as always, and
// controls, tasks and jobs written straight into their tables.
func crowded(b *testing.B, desk *op.Desk) sources.Source {
	b.Helper()
	s := optest.Do(b, desk, sources.Create, sources.Connection{Kind: "git", Name: "main", Path: "/nowhere"})
	reader, err := sources.NewReader(manyCommits{})
	if err != nil {
		b.Fatal(err)
	}
	run, err := reader.Read(b.Context(), desk, s.ID, nil, false)
	if err == nil {
		err = checks.EvaluateRun(b.Context(), desk, run.ID, nil)
	}
	if err != nil {
		b.Fatal(err)
	}
	cat, err := frameworks.Shipped()
	if err != nil {
		b.Fatal(err)
	}
	var codes []string
	for _, c := range cat.Current().Criteria() {
		codes = append(codes, c.Code)
	}
	now := desk.Clock.Now()
	at := clock.Millis(now)
	err = desk.DB.Write(b.Context(), string(desk.Org), func(tx *db.Tx) error {
		for i := range manyControls {
			key := string(id.New[id.Control](now))
			if _, err := tx.Exec(`INSERT INTO control (org_id, id, code, version, title, text, type, nature, frequency, owner_id, owner_role, population, key_control, implemented,
				implementation, implemented_by, adopted, retired, updated) VALUES (?, ?, ?, 1, ?, ?, 'preventive', 'manual', 'quarterly', ?, '', '', ?, 0, '', '', ?, 0, ?)`,
				desk.Org, key, fmt.Sprintf("C-%05d", i), fmt.Sprintf("Access to system %d is reviewed", i), "Each quarter the owner of the system compares who has access with who needs it.",
				desk.Actor.User, i%10 == 0, at, at); err != nil {
				return err
			}
			if _, err := tx.Exec("INSERT INTO control_criterion (org_id, control_id, criterion, strength) VALUES (?, ?, ?, 'primary')", desk.Org, key, codes[i%len(codes)]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkPages asks for home and for lists of 50 rows over HTTP, and reports
// how long half and nearly all of the answers took, and how many came a second.
func BenchmarkPages(b *testing.B) {
	databases := map[string]func(testing.TB) string{"sqlite": dbtest.SQLite}
	if os.Getenv(dbtest.Env) != "" {
		databases["postgres"] = dbtest.Postgres
	}
	for name, address := range databases {
		b.Run(name, func(b *testing.B) {
			d, err := db.Open(b.Context(), address(b), db.Options{Unsafe: true})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			e := optest.Engine(b, d)
			optest.Sign(b, e)
			desk := optest.Found(b, e, "Example")
			s := crowded(b, desk)
			if name == "postgres" { // the tests' server never gathers statistics by itself
				if err := d.Write(b.Context(), db.All, func(tx *db.Tx) error { _, err := tx.Exec("ANALYZE"); return err }); err != nil {
					b.Fatal(err)
				}
			}
			session := optest.Do(b, &op.Desk{Engine: e, Actor: auth.Actor{Via: "page"}}, orgs.SignIn, orgs.Visit{User: desk.Actor.User, Agent: "test"})
			srv := httptest.NewServer((&app.App{Engine: e}).Handler(conf.Server{}, assess.Offer{}))
			defer srv.Close()
			for _, page := range []struct{ name, path string }{{"home", "/"}, {"controls", "/controls?view=all"}, {"criteria", "/criteria?view=all"}, {"checks", "/checks?view=all"},
				{"findings", "/checks/git.commit.signed?show=fail"}, {"resources", "/sources/" + string(s.ID) + "/commit"}, {"evidence", "/evidence?view=all"},
				{"log", "/log?view=all"}, {"tasks", "/tasks?view=all"}, {"sources", "/sources"}} {
				for _, clients := range []int{1, 8} {
					b.Run(fmt.Sprintf("%s-%d", page.name, clients), func(b *testing.B) { visits(b, srv.URL+page.path, session.Secret, clients) })
				}
			}
		})
	}
}

func visits(b *testing.B, address, session string, clients int) {
	var left atomic.Int64
	var mu sync.Mutex
	var took []time.Duration
	left.Store(int64(b.N))
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			var mine []time.Duration
			for left.Add(-1) >= 0 {
				r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, address, nil)
				if err != nil {
					b.Error(err)
					return
				}
				r.AddCookie(&http.Cookie{Name: auth.CookieNameFor(false), Value: session})
				start := time.Now()
				res, err := client.Do(r)
				if err != nil {
					b.Error(err)
					return
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				mine = append(mine, time.Since(start))
				if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), "</html>") {
					b.Errorf("%s: %d, %v", address, res.StatusCode, err)
					return
				}
			}
			mu.Lock()
			took = append(took, mine...)
			mu.Unlock()
		})
	}
	all.Wait()
	whole := time.Since(began)
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
		b.Fatal(err)
	}
	if len(took) == 0 {
		return
	}
	cpu := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	slices.Sort(took)
	ms := func(share float64) float64 {
		return float64(took[min(len(took)-1, int(share*float64(len(took))))].Microseconds()) / 1000
	}
	b.ReportMetric(float64(cpu)/1e6/float64(len(took)), "ms-CPU") // of server and client, without PostgreSQL's
	b.ReportMetric(ms(0.5), "ms-p50")
	b.ReportMetric(ms(0.99), "ms-p99")
	b.ReportMetric(float64(len(took))/whole.Seconds(), "pages/s")
	b.ReportMetric(0, "ns/op")
}
