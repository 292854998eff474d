package job

import (
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
)

const (
	cancelJob = "UPDATE job SET state = 'cancelled', error = ?, finished = ? WHERE org_id = ? AND id = ? AND state IN ('ready', 'running')"
	// It changes nothing, but whoever cancels the job waits for it.
	holdJob    = "UPDATE job SET attempt = attempt WHERE org_id = ? AND id = ? AND state = 'running' AND attempt = ?"
	selectBusy = `SELECT id, kind, state, attempt, error, progress, created, finished FROM job
		WHERE org_id = ? AND kind = ? AND unique_key = ? AND state IN ('ready', 'running')`
)

// Cancel ends a job that waits or runs, and reports whether there was one. Its
// worker is stopped within seconds, and what it would still write is refused:
// see Hold.
func Cancel(tx *db.Tx, org id.Org, j id.Job, why string, now time.Time) (bool, error) {
	n, err := tx.Exec(cancelJob, why, clock.Millis(now), org, j)
	return n > 0, err
}

// Hold keeps a job from being cancelled until the transaction ends. It is false
// if the job is no longer the worker's, who then writes nothing.
func Hold(tx *db.Tx, org id.Org, j id.Job, attempt int) (bool, error) {
	n, err := tx.Exec(holdJob, org, j, attempt)
	return n > 0, err
}

// Busy finds the job of a kind and key that waits or runs.
func Busy(tx *db.Tx, org id.Org, kind, key string) (*Job, error) {
	rows, err := db.Rows(tx, selectBusy, []any{org, kind, key}, scanJob)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}
