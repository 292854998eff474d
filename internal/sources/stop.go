package sources

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
)

// ErrUnreachable marks what may go away by itself: a server that does not
// answer now, or asks to come back later. A refused credential is none of it:
// asking again only locks the account.
var ErrUnreachable = errors.New("cannot be reached")

// transient reports whether asking again may help.
func transient(err error) bool {
	var refused net.Error
	var lookup *net.DNSError
	switch {
	case errors.Is(err, ErrUnreachable), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	case errors.As(err, &lookup):
		return !lookup.IsNotFound
	case errors.Is(err, context.DeadlineExceeded):
		return false // it had hours
	}
	return errors.As(err, &refused)
}

// again reports whether a reading that went wrong is tried once more by its
// job, before it counts.
func (w glance) again(err error) bool {
	return w.job != nil && w.job.Attempt < attempts && transient(err)
}

// still keeps the job that reads a source from being cancelled until the run is
// recorded, and refuses the record of one that was.
func still(c *op.Call, j *job.Run) error {
	if j == nil {
		return nil
	}
	mine, err := job.Hold(c.Tx, c.Org, j.Job, j.Attempt)
	if err == nil && !mine {
		err = fault.Conflict("The reading was stopped.")
	}
	return err
}

// cancel stops the job that reads a source. That it was stopped is a gap: what
// was not looked at must not look like calm.
func cancel(c *op.Call, in Ref) (Run, error) {
	s, err := get(c, in)
	if err != nil {
		return Run{}, err
	}
	if s.Reading == nil {
		return Run{}, fault.Conflict("%s is not being read.", s.Name)
	}
	why := "cancelled by " + c.Actor.Name
	stopped, err := job.Cancel(c.Tx, c.Org, s.Reading.ID, why, c.Now)
	if err == nil && !stopped {
		err = fault.Conflict("%s is not being read.", s.Name)
	}
	if err != nil {
		return Run{}, err
	}
	from := s.Reading.Created
	if from.After(c.Now) {
		from = c.Now
	}
	return gap(c, Failure{Source: s, Collector: s.Kind, Started: from.Truncate(time.Millisecond)}, RunCancelled, why)
}
