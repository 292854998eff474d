package erasures

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
)

// The kinds of work.
const (
	clearJob = "erasure_clear"
	dueJob   = "retention_due"

	clearTries = 30
)

// Workers are the machine's share: taking objects out of the store once their
// key is gone, and looking every day for what has come to the end of its time.
func Workers() []job.Worker {
	return []job.Worker{
		job.New(clearJob, clearTries, func(ctx context.Context, r *job.Run, a clearing) error { return Clear(ctx, r.Engine, r.Org, a.Erasure) }),
		job.New(dueJob, 3, func(ctx context.Context, r *job.Run, _ struct{}) error {
			return Look(ctx, r.Engine, r.Org)
		}),
	}
}

// Look finds what has come to the end of its time and proposes it. It leaves an
// entry when that is more or less than the last time.
func Look(ctx context.Context, e *op.Engine, org id.Org) error {
	desk := e.Machine(org, "retention", auth.EraseRead, auth.EngageRead)
	changed, err := found.Do(ctx, desk, op.None{})
	if err == nil && changed {
		_, err = look.Do(ctx, desk, op.None{})
	}
	return err
}

// clearing names the erasure whose leftovers are taken away.
type clearing struct {
	Erasure id.Erasure `json:"erasure"`
}

const (
	deleteObject = "DELETE FROM erasure_object WHERE org_id = ? AND erasure_id = ? AND object = ?"
	failObject   = "UPDATE erasure_object SET tries = tries + 1, problem = ? WHERE org_id = ? AND erasure_id = ? AND object = ?"
	clearErasure = "UPDATE erasure SET cleared = ? WHERE org_id = ? AND id = ? AND state = 'erased' AND cleared = 0"
)

// scoured are the tables in which rows were deleted or overwritten.
var scoured = []string{"ledger_opening", "evidence", "blob", "op_key", "erasure_due", "job"}

// Clear takes away what an erasure left behind: objects without a key, and the
// bytes of deleted rows in the files of the database. Nothing of it can be read;
// a store that never deletes is erased all the same.
func Clear(ctx context.Context, e *op.Engine, org id.Org, erasure id.Erasure) error {
	var list []Object
	err := e.DB.Read(ctx, string(org), func(tx *db.Tx) (err error) {
		list, err = db.Rows(tx, selectObjects, []any{org, erasure}, func(scan func(...any) error, o *Object) error {
			return scan(&o.Name, &o.Tries, &o.Problem)
		})
		return err
	})
	if err != nil {
		return err
	}
	// Of the database first: it does not wait for a store that refuses.
	errs := []error{e.DB.Scour(ctx, scoured...)}
	for _, o := range list {
		gone := e.Vault.Discard(ctx, o.Name)
		err := e.DB.Write(ctx, string(org), func(tx *db.Tx) error {
			if gone != nil {
				_, err := tx.Exec(failObject, problem(gone), org, erasure, o.Name)
				return err
			}
			_, err := tx.Exec(deleteObject, org, erasure, o.Name)
			return err
		})
		errs = append(errs, gone, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("the keys are destroyed, but not everything is cleared away yet: %w", err)
	}
	return e.DB.Write(ctx, string(org), func(tx *db.Tx) error {
		_, err := tx.Exec(clearErasure, clock.Millis(e.Clock.Now()), org, erasure)
		return err
	})
}

// problem is what a store said, short enough for a row.
func problem(err error) string {
	s := []rune(err.Error())
	return string(s[:min(len(s), 300)])
}

// Daily sees to it that every organization is looked through once a day. It is
// called when the server starts and from time to time after.
func Daily(ctx context.Context, e *op.Engine) error {
	var all []orgs.Org
	err := e.DB.Read(ctx, db.All, func(tx *db.Tx) (err error) {
		all, err = orgs.All(tx)
		return err
	})
	if err != nil {
		return err
	}
	for _, o := range all {
		var have int64
		err := e.DB.Read(ctx, string(o.ID), func(tx *db.Tx) error { return tx.Row(countSchedule, []any{o.ID, dueJob}, &have) })
		if err != nil {
			return err
		}
		if have > 0 {
			continue
		}
		first := e.Clock.Now().Add(time.Minute)
		err = e.DB.Write(ctx, string(o.ID), func(tx *db.Tx) error {
			return job.SetSchedule(tx, o.ID, job.Schedule{Name: dueJob, Kind: dueJob, Args: struct{}{}, Every: 24 * time.Hour, First: first})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

const countSchedule = "SELECT COUNT(*) FROM job_schedule WHERE org_id = ? AND name = ?"
