package job

import (
	"context"

	"github.com/tickmark/tickmark/internal/id"
)

// Claimed is a job that a runner has taken and not done.
type Claimed struct{ c *claimed }

// ID names the job.
func (c *Claimed) ID() id.Job { return c.c.Job }

// Claim takes up to n jobs, as Run does, and leaves them undone: what a
// process does that dies at once.
func (r *Runner) Claim(ctx context.Context, n int) ([]*Claimed, error) {
	list, err := r.step(ctx, n)
	var out []*Claimed
	for i := range list {
		out = append(out, &Claimed{&list[i]})
	}
	return out, err
}

// Do does a job that was taken.
func (r *Runner) Do(ctx context.Context, c *Claimed) { r.do(ctx, c.c) }

// Renew asks for more time.
func (r *Runner) Renew(ctx context.Context, c *Claimed) (bool, error) { return r.renew(ctx, &c.c.Run) }

// Once does what is due now, one after the other, and returns how many jobs
// that were.
func (r *Runner) Once(ctx context.Context) (int, error) {
	list, err := r.Claim(ctx, 100)
	for _, c := range list {
		r.Do(ctx, c)
	}
	return len(list), err
}

// Lease is how long a silent worker keeps its job.
const Lease = lease
