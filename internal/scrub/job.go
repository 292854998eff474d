package scrub

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
)

// Job is the kind of the work.
const Job = "scrub.read"

// How often everything is read, and how fast.
const (
	every    = 24 * time.Hour
	turn     = 5 * time.Second // of one job, so that others get theirs
	rate     = 4 << 20         // bytes of blobs a second, over time
	orphaned = 24 * time.Hour
)

// Order is the argument of a job: one turn of a pass.
type Order struct {
	// Now begins a pass though one has ended a moment ago.
	Now bool `json:"now,omitempty"`
	// Turn counts the jobs of a pass.
	Turn int `json:"turn,omitempty"`
}

// Worker reads on for one turn, and puts the next in line.
func Worker() job.Worker {
	return job.New(Job, 5, func(ctx context.Context, run *job.Run, o Order) error {
		desk := run.Machine(run.Org, "scrub", auth.LogRead)
		until := clock.System().Now().Add(turn) // how long a turn really takes, whatever the product's clock says
		var read int64
		for begin := o.Turn == 0; ; begin = false {
			again, n, err := Piece(ctx, desk, begin)
			if err != nil {
				return err
			}
			if read += n; !again {
				return nil
			}
			progress(ctx, desk, run)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if clock.System().Now().After(until) || read > rate*int64(turn/time.Second) {
				break
			}
		}
		wait := time.Second + time.Duration(read)*time.Second/rate
		return run.DB.Write(ctx, string(run.Org), func(tx *db.Tx) error {
			now := run.Clock.Now()
			_, err := job.Enqueue(tx, run.Org, job.Insert{Kind: Job, Args: Order{Turn: o.Turn + 1},
				Unique: fmt.Sprintf("turn %d", o.Turn+1), At: now.Add(wait)}, now)
			return err
		})
	})
}

func progress(ctx context.Context, desk *op.Desk, run *job.Run) {
	err := desk.DB.Read(ctx, string(desk.Org), func(tx *db.Tx) error {
		known, err := layersOf(tx, desk.Org)
		for _, name := range layers {
			if l := known[name]; l != nil && l.Running {
				run.Progress(int(l.Done), int(l.Of), name)
				break
			}
		}
		return err
	})
	if err != nil {
		run.Log.Debug("progress", "job", run.Job, "err", err)
	}
}

const scheduleName = "scrub"

const selectIdle = "SELECT DISTINCT l.org_id FROM ledger_log l WHERE NOT EXISTS (SELECT 1 FROM job_schedule s WHERE s.org_id = l.org_id AND s.name = ?) ORDER BY l.org_id"

// Arrange gives every organization, and every file of an engagement, that has
// none its schedule, spread over the
// day so that they do not read at once.
func Arrange(ctx context.Context, e *op.Engine) error {
	var orgs []id.Org
	err := e.DB.Read(ctx, db.All, func(tx *db.Tx) (err error) {
		orgs, err = db.Rows(tx, selectIdle, []any{scheduleName}, func(scan func(...any) error, o *id.Org) error { return scan(o) })
		return err
	})
	if err != nil {
		return err
	}
	for _, org := range orgs {
		h := fnv.New64a()
		h.Write([]byte(org))
		first := clock.Truncate(e.Clock.Now()).Add(time.Duration(h.Sum64() % uint64(every)))
		err := e.DB.Write(ctx, string(org), func(tx *db.Tx) error {
			return job.SetSchedule(tx, org, job.Schedule{Name: scheduleName, Kind: Job, Args: Order{}, Every: every, First: first})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

const (
	selectFirst = "SELECT MIN(org_id) FROM ledger_log"
	selectEarly = "SELECT MIN(COALESCE((SELECT MIN(CASE WHEN s.whole = s.pass THEN s.started ELSE 0 END) FROM scrub_state s WHERE s.org_id = l.org_id AND s.layer = 'log'), 0)) FROM ledger_log l"
)

// maxOrphans bounds how many are remembered from one pass to the next.
const maxOrphans = 10_000

// collect deletes objects that no row speaks of. An attacker who takes a row
// away makes such an object, too: so one is deleted only if it was an orphan in
// an earlier pass already, every log of the installation was read since, and
// nothing stands found. One organization does it for all.
func (p *pass) collect(ctx context.Context, at *place) error {
	var (
		first id.Org
		early int64
		open  int64
	)
	err := p.DB.Read(ctx, db.All, func(tx *db.Tx) error {
		if err := tx.Row(selectFirst, nil, &first); err != nil {
			return err
		}
		if err := tx.Row(selectEarly, nil, &early); err != nil {
			return err
		}
		var err error
		open, err = OpenAnywhere(tx)
		return err
	})
	if err != nil || first != p.Org {
		return err
	}
	lost, err := p.Vault.Orphans(ctx, p.Clock.Now(), orphaned)
	if err != nil {
		return err
	}
	seen := map[string]int64{}
	for _, o := range lost {
		since, before := at.Seen[o.Name]
		if before && since < early && open == 0 && p.Ledger.Locked() == "" {
			if err := p.Vault.Collect(ctx, o); err != nil {
				return err
			}
			p.Log.Info("an object that no row speaks of was deleted", "object", o.Name, "size", o.Size)
			continue
		}
		if !before {
			since = clock.Millis(p.Clock.Now())
		}
		if len(seen) < maxOrphans {
			seen[o.Name] = since
		}
	}
	if at.Seen = seen; len(seen) > 0 {
		p.Log.Info("objects that no row speaks of", "count", len(lost), "remembered", len(seen))
	}
	return nil
}
