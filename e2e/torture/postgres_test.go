package torture_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
)

// Whenever the connection to PostgreSQL is cut, and whenever the server dies,
// what was acknowledged is there, and a repeated act is done once.
func TestPostgresIsCutOff(t *testing.T) {
	wanted(t)
	needsPostgres(t)
	c, err := dbtest.Start()
	if errors.Is(err, dbtest.ErrNoServer) {
		lacking(t, "PostgreSQL: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("cuts", func(t *testing.T) {
		newRemote(t, c, "cutting the connection to PostgreSQL", "on").cuts(times(t, 30, 500))
	})
	t.Run("kills", func(t *testing.T) {
		newRemote(t, c, "kill -9 of PostgreSQL's backends", "on").kills(times(t, 3, 60))
	})
	t.Run("control", func(t *testing.T) {
		if !torture() {
			t.Skip("the control of the kills is part of the long run")
		}
		x := newRemote(t, c, "control: kill -9 with synchronous_commit=off", "off")
		x.kills(times(t, 20, 20))
		if x.a.lost == 0 {
			t.Error("a server that acknowledges too early lost nothing: this harness does not see what it is for")
		}
	})
}

// remote is an installation whose database is behind a proxy.
type remote struct {
	t     *testing.T
	r     *mathrand.Rand
	proxy *proxy
	admin *sql.DB
	name  string // of the database
	p     place
	w     *witness
	a     *tally

	control bool // it must lose something
	stop    func()
}

// newRemote makes a database and a user for it. The server was told that it
// may lose what it acknowledges, which this one must not.
func newRemote(t *testing.T, c *dbtest.Cluster, what, synchronous string) *remote {
	t.Helper()
	admin, err := sql.Open("pgx", c.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close() })
	name, password := "torture_"+strings.ToLower(rand.Text()[:8]), rand.Text()
	for _, stmt := range []string{
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", name, password),
		fmt.Sprintf("CREATE DATABASE %s TEMPLATE template0 OWNER %s", name, name),
		fmt.Sprintf("ALTER DATABASE %s SET synchronous_commit = %s", name, synchronous),
	} {
		if _, err := admin.ExecContext(t.Context(), stmt); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	x := &remote{t: t, r: chance(t), proxy: newProxy(t, u.Host), admin: admin, name: name, w: newWitness(), a: newTally(what), control: synchronous == "off"}
	u.User, u.Path, u.Host = url.UserPassword(name, password), "/"+name, x.proxy.listener.Addr().String()
	x.p = place{dir: t.TempDir(), url: u.String()}
	return x
}

// cuts lets four hands work while connections are cut.
func (x *remote) cuts(n int) {
	x.work(func(ctx context.Context, acted func() int) {
		for _, m := range moments(x.r, n) {
			before := acted()
			x.proxy.at(m, 0)
			if m == inMid {
				x.proxy.at(never, 1+x.r.IntN(60))
			}
			for acted() < before+2 && ctx.Err() == nil { // something happened meanwhile
				time.Sleep(2 * time.Millisecond)
			}
			x.a.runs++
		}
		x.proxy.quiet()
	})
	names := map[moment]string{beforeIt: "before COMMIT", withIt: "with COMMIT", atAnswer: "at the answer", afterAnswer: "after it", inMid: "elsewhere"}
	for _, m := range []moment{beforeIt, withIt, atAnswer, afterAnswer, inMid} {
		x.a.count("%d cut %s", x.proxy.cuts[m], names[m])
		if x.proxy.cuts[m] == 0 && torture() {
			x.t.Errorf("nothing was ever cut %s", names[m])
		}
	}
	x.a.print(x.t)
}

// kills lets four hands work while a backend is killed, upon which the server
// throws everybody out and recovers from its log.
func (x *remote) kills(n int) {
	killed := 0
	x.work(func(ctx context.Context, acted func() int) {
		for x.a.runs < n && ctx.Err() == nil {
			before := acted()
			if x.killOne(ctx) {
				killed++
				x.a.runs++
			}
			for acted() < before+6 && ctx.Err() == nil {
				time.Sleep(5 * time.Millisecond)
			}
		}
	})
	x.a.count("%d backends killed", killed)
	x.a.print(x.t)
}

func (x *remote) killOne(ctx context.Context) bool {
	var pid int
	err := x.admin.QueryRowContext(ctx, "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND state <> 'idle' ORDER BY random() LIMIT 1", x.name).Scan(&pid)
	if err != nil || pid == 0 {
		time.Sleep(3 * time.Millisecond)
		return false
	}
	time.Sleep(time.Duration(x.r.IntN(4)) * time.Millisecond)
	return syscall.Kill(pid, syscall.SIGKILL) == nil
}

// work opens the installation, lets four hands take evidence in until the
// faults are over, and asks the oracle.
func (x *remote) work(faults func(ctx context.Context, acted func() int)) {
	t := x.t
	e, err := x.p.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o, err := organization(t.Context(), e, true)
	if err != nil {
		t.Fatal(err)
	}
	x.w.Org = o
	if _, err := x.admin.ExecContext(t.Context(), "CHECKPOINT"); err != nil { // so that a control run has something to lose from
		t.Fatal(err)
	}
	var (
		mu    sync.Mutex
		done  int
		again int
		hands sync.WaitGroup
	)
	acted := func() int { mu.Lock(); defer mu.Unlock(); return done }
	look := &look{findings: &findings{}, w: x.w}
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	x.stop = stop
	over := make(chan struct{})
	for hand := range 4 {
		w := &worker{desk: taker(e, o), w: locked{&mu, hearing{look}}}
		hands.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				if ctx.Err() != nil {
					return
				}
				tries := x.insist(ctx, w, fmt.Sprintf("%d-%d", hand, n))
				mu.Lock()
				done, again = done+1, again+tries-1
				mu.Unlock()
			}
		})
	}
	faults(ctx, acted)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Error("it hangs")
	}
	close(over)
	hands.Wait()
	if err := e.DB.Close(); err != nil {
		t.Logf("closing: %v", err)
	}
	x.a.acknowledged, x.a.receipts = len(x.w.Taken), len(x.w.Receipts)
	x.a.count("%d acts sent again", again)
	x.w.everything()
	f := oracle(t.Context(), x.p, x.w)
	f.damaged = append(f.damaged, look.damaged...)
	x.a.add(f)
	if !x.control {
		f.report(t, "after PostgreSQL was cut off")
	}
}

// insist sends an act until it is acknowledged, always under the same key.
func (x *remote) insist(ctx context.Context, w *worker, key string) (tries int) {
	for {
		tries++
		err := w.take(ctx, key, false)
		if err == nil || ctx.Err() != nil {
			return tries
		}
		if x.control && tries > 500 { // what it needs is gone
			x.stop()
			return tries
		}
		if why := w.desk.Ledger.Locked(); why != "" { // the held head shows that something is gone
			if x.stop(); !x.control {
				x.t.Errorf("%s: the log is read-only: %s", key, why)
			}
			return tries
		}
		if errors.Is(err, db.ErrStopped) {
			x.t.Errorf("%s: a lost connection must not stop the service: %v", key, err)
			return tries
		}
		time.Sleep(time.Duration(tries) * time.Millisecond)
	}
}

// locked lets several hands share a listener.
type locked struct {
	mu *sync.Mutex
	h  hearing
}

func (l locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.h.Write(b)
}
