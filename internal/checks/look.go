package checks

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sources"
)

// An answer runs out without anybody doing anything, so somebody has to look:
// at each source when the first of its answers would be too old.
const lookJob = "checks.look"

// looking is one look at a source. Turn tells the one that is in line from the
// one under way.
type looking struct {
	Source id.Source `json:"source"`
	Turn   int       `json:"turn,omitempty"`
}

func (l looking) insert(at time.Time) job.Insert {
	return job.Insert{Kind: lookJob, Args: l, Unique: fmt.Sprintf("%s %d", l.Source, l.Turn), At: at}
}

// planLook puts a look in line, unless one waits already: that one goes on from
// what it finds.
func (v verdicts) planLook(c *op.Call) error {
	var first time.Duration
	for _, x := range v.checks {
		if fresh := time.Duration(x.def.Freshness); first == 0 || fresh < first {
			first = fresh
		}
	}
	if first == 0 {
		return nil
	}
	_, err := job.Enqueue(c.Tx, c.Org, looking{Source: v.run.Source}.insert(v.run.Ended.Add(first)), c.Now)
	return err
}

// LookWorker looks at sources whose answers may have run out.
func LookWorker() job.Worker {
	return job.New(lookJob, 5, func(ctx context.Context, r *job.Run, l looking) error {
		next, err := LookAt(ctx, r.Engine, r.Org, l.Source)
		if err != nil || next.IsZero() {
			return err
		}
		l.Turn = 1 - l.Turn
		return r.DB.Write(ctx, string(r.Org), func(tx *db.Tx) error {
			_, err := job.Enqueue(tx, r.Org, l.insert(next), r.Clock.Now())
			return err
		})
	})
}

// lapses are what is to be told of a source, and when the next of its answers
// runs out; zero if none is left that could.
type lapses struct {
	turns []turn
	since time.Time // the newest of the answers that have run out
	next  time.Time
}

var lapsed = op.Read("checks.lapsed", "List the answers of a source that are too old.", auth.ChecksRead, findLapsed)

// LookAt tells of the checks that have become unknown because a source is
// silent, and says when to look again; zero if there is nothing to wait for.
func LookAt(ctx context.Context, e *op.Engine, org id.Org, source id.Source) (time.Time, error) {
	desk := e.Machine(org, "checks", auth.ChecksRead, auth.ChecksWrite, auth.SourcesRead)
	x, err := lapsed.Do(ctx, desk, looking{Source: source})
	if err != nil || len(x.turns) == 0 {
		return x.next, err
	}
	_, err = look.Do(ctx, desk, looking{Source: source})
	return x.next, err
}

func findLapsed(c *op.Call, in looking) (lapses, error) {
	var x lapses
	defs, _, err := definitions(c)
	if err != nil {
		return x, err
	}
	all, err := answers(c, time.Time{})
	if err != nil {
		return x, err
	}
	for _, d := range defs {
		i := slices.IndexFunc(all[d.ID], func(a Answer) bool { return a.Source == in.Source })
		if i < 0 {
			continue
		}
		a := all[d.ID][i]
		end := a.At.Add(time.Duration(d.Freshness))
		if end.After(c.Now) {
			if x.next.IsZero() || end.Before(x.next) {
				x.next = end
			}
			continue
		}
		if a.Status == Unknown || a.Status == NotApplicable {
			continue
		}
		t := turn{def: d, kind: Unsure, at: c.Now, text: "the source has been silent since " + a.At.Format(when)}
		if a.Status == Fail {
			if t.keys, err = failingOf(c, d.ID, in.Source); err != nil {
				return x, err
			}
		}
		told, err := toldSince(c, in.Source, d.ID, end)
		if err != nil {
			return x, err
		}
		if !told {
			x.turns, x.since = append(x.turns, t), later(x.since, a.At)
		}
	}
	if len(x.turns) == 0 {
		return x, nil
	}
	active, err := controls.Active(c)
	if err != nil {
		return x, err
	}
	x.turns, err = heeded(c, x.turns, active)
	return x, err
}

// failingOf are the resources of a source that fail now.
func failingOf(c *op.Call, check string, source id.Source) ([]string, error) {
	var keys []string
	err := c.Tx.Each(failingKeys, []any{c.Org, check, open}, func(scan func(...any) error) error {
		var (
			s   id.Source
			key string
		)
		err := scan(&s, &key)
		if s == source {
			keys = append(keys, key)
		}
		return err
	})
	return keys, err
}

// toldSince reports whether it was told already that a check is unknown: by
// itself, or with others of the source.
func toldSince(c *op.Call, source id.Source, check string, since time.Time) (bool, error) {
	told, err := notify.Told(c, ObjectPrefix+":"+check, Unsure, since)
	if err != nil || told {
		return told, err
	}
	return notify.Told(c, string(source), Unsure, since)
}

var look = op.Work("checks.look", "Tell that checks became unknown because a source is silent.", auth.ChecksWrite, func(c *op.Call, in looking) (op.None, error) {
	x, err := findLapsed(c, in)
	if err != nil || len(x.turns) == 0 {
		return op.None{}, err
	}
	s, err := sources.One(c, in.Source)
	if err != nil {
		return op.None{}, err
	}
	// A source that is read is looked after by its schedule; of one that people
	// feed only this says that it should have been fed.
	if k, _ := sources.KindOf(s.Kind); k.Fed {
		if err := s.TellSilent(c, x.since, "what it showed is too old for the checks that rest on it"); err != nil {
			return op.None{}, err
		}
	}
	return op.None{}, announce(c, in.Source, x.turns)
})
