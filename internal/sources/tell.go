package sources

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/words"
)

// Kinds of notice. They go to those who may connect sources.
var (
	Unread = notify.Declare(notify.Kind{Name: "source_failed", Text: "A source cannot be read any more", Out: "A source could not be read", Mail: notify.Daily})
	Silent = notify.Declare(notify.Kind{Name: "source_silent", Text: "A source is silent for longer than it should be", Out: "A source fell silent", Mail: notify.Daily})
	Blind  = notify.Declare(notify.Kind{Name: "source_blind", Text: "A source shows less than it did", Out: "A source showed less than before", Mail: notify.Daily})
)

// mostKeepers bounds how many people are told of a source.
const mostKeepers = 50

// tell tells those who may do something about a source.
func (s Source) tell(c *op.Call, k notify.Kind, text, link string) error {
	members, err := auth.Members(c.Tx, c.Org)
	if err != nil {
		return err
	}
	to := auth.Holding(members, auth.SourcesWrite)
	return notify.Tell(c, to[:min(len(to), mostKeepers)], k, notify.Notice{Text: text, Link: link, Object: string(s.ID)})
}

const (
	selectEnded = "SELECT status FROM source_run WHERE org_id = ? AND source_id = ? AND status <> 'cancelled' ORDER BY ended DESC, id DESC LIMIT 1"
	selectSees  = "SELECT missing FROM source_run WHERE org_id = ? AND source_id = ? AND status = 'ok' ORDER BY ended DESC, id DESC LIMIT 1"
)

// tellFailed tells of the first of the runs that fail. It is called before the
// run is written.
func (s Source) tellFailed(c *op.Call, run Run) error {
	var last string
	err := c.Tx.Row(selectEnded, []any{c.Org, s.ID}, &last)
	if err != nil && !errors.Is(err, db.ErrNone) || last == RunFailed {
		return err
	}
	return s.tell(c, Unread, "“"+s.Name+"” could not be read: "+run.Error, "/runs/"+string(run.ID))
}

// tellBlind tells what the source showed in its last run and does not show in
// this one: a right that was taken back, more often than not. What it never
// showed was said when it was connected. It is called before the run is written.
func (s Source) tellBlind(c *op.Call, run Run) error {
	if len(run.Missing) == 0 {
		return nil
	}
	var text string
	err := c.Tx.Row(selectSees, []any{c.Org, s.ID}, &text)
	if errors.Is(err, db.ErrNone) {
		return nil
	}
	var before []Missing
	if err == nil {
		err = json.Unmarshal([]byte(text), &before)
	}
	if err != nil {
		return err
	}
	var names []string
	var first Missing
	for _, m := range run.Missing {
		if slices.ContainsFunc(before, func(b Missing) bool { return b.Kind == m.Kind && (b.Field == m.Field || b.Field == "") }) {
			continue
		}
		if names = append(names, m.name()); len(names) == 1 {
			first = m
		}
	}
	if len(names) == 0 {
		return nil
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	if n := len(names) - mostNamed; n > 1 {
		names = append(names[:mostNamed], words.Several(n, "other thing", "other things"))
	}
	return s.tell(c, Blind, "“"+s.Name+"” no longer shows "+words.List(names)+": "+first.Reason, "/runs/"+string(run.ID)+"#missing")
}

// mostNamed is how many things that are not shown a notice names.
const mostNamed = 3

// name says what is not shown.
func (m Missing) name() string {
	if m.Field == "" {
		return "“" + KindWord(m.Kind) + "”"
	}
	return m.Field + " of “" + KindWord(m.Kind) + "”"
}

// lookJob looks whether a source that is read by a schedule has fallen silent.
const lookJob = "sources.look"

// looking is one look at a source. Since is when it was heard of, or when its
// schedule began; Turn tells the look that is in line from the one under way.
type looking struct {
	Source id.Source `json:"source"`
	Since  time.Time `json:"since"`
	Turn   int       `json:"turn,omitempty"`
}

func (l looking) key() string { return fmt.Sprintf("%s %d", l.Source, l.Turn) }

// patience is how long a source may say nothing: one reading may fail to happen.
func (s Source) patience() time.Duration {
	return 2*time.Duration(s.Every)*time.Minute + time.Hour
}

// planLook puts a look in line for when the source would be silent too long,
// unless one waits already: that one goes on from what it finds.
func (s Source) planLook(c *op.Call, since time.Time) error {
	if k, known := KindOf(s.Kind); !known || k.Fed { // files come when they come
		return nil
	}
	l := looking{Source: s.ID, Since: since}
	_, err := job.Enqueue(c.Tx, c.Org, job.Insert{Kind: lookJob, Args: l, Unique: l.key(), At: since.Add(s.patience())}, c.Now)
	return err
}

// planAnew does so from now on, as when a schedule begins or changes.
func (s Source) planAnew(c *op.Call) error {
	for turn := range 2 {
		b, err := job.Busy(c.Tx, c.Org, lookJob, looking{Source: s.ID, Turn: turn}.key())
		if err == nil && b != nil {
			_, err = job.Cancel(c.Tx, c.Org, b.ID, "the schedule changed", c.Now)
		}
		if err != nil {
			return err
		}
	}
	return s.planLook(c, c.Now)
}

// LookWorker looks at sources that should have been heard of.
func LookWorker() job.Worker {
	return job.New(lookJob, 5, func(ctx context.Context, r *job.Run, l looking) error { return lookAt(ctx, r.Engine, r.Org, l) })
}

// heard is a source that is looked at, and since when it is silent.
var heard = op.Read("sources.heard", "Show since when a source is silent.", auth.SourcesRead, hear)

func hear(c *op.Call, l looking) (silence, error) {
	s, err := One(c, l.Source)
	x := silence{Source: s, since: l.Since}
	if s.Health.Answered.After(x.since) {
		x.since = s.Health.Answered
	}
	x.over = !s.Removed.IsZero() || !s.Paused.IsZero() || s.Latest != nil && s.Latest.Status == RunFailed // that was told
	return x, err
}

type silence struct {
	Source
	since time.Time
	over  bool // nobody needs to look again
}

// lookAt tells of a source that is silent, or looks again when it would be.
func lookAt(ctx context.Context, e *op.Engine, org id.Org, l looking) error {
	desk := e.Machine(org, "sources", auth.SourcesRead, auth.SourcesWrite)
	x, err := heard.Do(ctx, desk, l)
	if err != nil || x.over {
		return err
	}
	now := e.Clock.Now()
	next := x.since.Add(x.patience())
	switch {
	case x.Reading != nil && !next.After(now):
		next = now.Add(time.Hour)
	case !next.After(now):
		_, err := look.Do(ctx, desk, l)
		return err
	}
	return e.DB.Write(ctx, string(org), func(tx *db.Tx) error {
		l := looking{Source: l.Source, Since: x.since, Turn: 1 - l.Turn}
		_, err := job.Enqueue(tx, org, job.Insert{Kind: lookJob, Args: l, Unique: l.key(), At: next}, now)
		return err
	})
}

var look = op.Work("sources.look", "Tell that a source is silent for longer than it should be.", auth.SourcesWrite, func(c *op.Call, l looking) (op.None, error) {
	x, err := hear(c, l)
	if err != nil || x.over {
		return op.None{}, err
	}
	return op.None{}, x.TellSilent(c, x.since, "its schedule is to read it more often")
})

// TellSilent tells, once, that nothing was heard of a source since an instant,
// and why that is too long.
func (s Source) TellSilent(c *op.Call, since time.Time, why string) error {
	told, err := notify.Told(c, string(s.ID), Silent, since)
	if err != nil || told {
		return err
	}
	return s.tell(c, Silent, "“"+s.Name+"” has been silent since "+since.Format("2 January 2006 15:04 UTC")+": "+why, "/sources/"+string(s.ID))
}
