package notify

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/mail"
	"github.com/tickmark/tickmark/internal/op"
)

const (
	sendJob   = "letters.send"
	digestJob = "digests.send"

	atOnce    = 16 // lanes that one process works on
	claimed   = time.Minute
	mailLimit = 30 * time.Second
	mailLife  = 24 * time.Hour
	tired     = 3 // failures in a row after which the mail server is left alone for now
)

// mailRetries is how long to wait after each failure to send by mail; the last
// one recurs until a day is over.
var mailRetries = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour}

// lane is what is sent one after the other: mail, or one channel.
type lane struct {
	Channel id.Channel `json:"channel,omitempty"`
}

// A Courier carries letters out of the house. A job only tells it where to
// look: it works beside the jobs, a goroutine for each lane, so that a server
// which answers slowly holds up its own letters and nothing else.
type Courier struct {
	*op.Engine
	// Sender sends mail; without one letters wait for a day. BaseURL is put in
	// front of links. Both are set before the first job runs.
	Sender  mail.Sender
	BaseURL string

	hooks   hooks
	ctx     context.Context
	stop    context.CancelFunc
	working sync.WaitGroup
	slots   chan struct{}
	mu      sync.Mutex
	lanes   map[place]bool // true: look again before leaving
}

type place struct {
	org id.Org
	lane
}

// NewCourier carries letters for an engine. allowPrivate lets channels be on
// addresses that are not of the public internet.
func NewCourier(e *op.Engine, allowPrivate bool) *Courier {
	c := &Courier{Engine: e, hooks: newHooks(allowPrivate, hookLimit), slots: make(chan struct{}, atOnce), lanes: map[place]bool{}}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// Workers are the kinds of work that lead to letters.
func (c *Courier) Workers() []job.Worker {
	return []job.Worker{
		job.New(sendJob, 5, func(_ context.Context, r *job.Run, l lane) error {
			c.look(place{r.Org, l})
			return nil
		}),
		job.New(digestJob, 5, func(ctx context.Context, r *job.Run, o order) error { return sendDigest(ctx, r.Engine, r.Org, o) }),
	}
}

// Wait returns when no lane is being worked on.
func (c *Courier) Wait() { c.working.Wait() }

// Close ends what is being sent. A letter that was under way is sent again
// after the next start, under the same id.
func (c *Courier) Close() {
	c.stop()
	c.working.Wait()
}

// look starts work on a lane, or has whoever works on it look again.
func (c *Courier) look(p place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, busy := c.lanes[p]; busy {
		c.lanes[p] = true
		return
	}
	if c.ctx.Err() != nil {
		return
	}
	c.lanes[p] = false
	c.working.Go(func() {
		c.slots <- struct{}{}
		defer func() { <-c.slots }()
		for {
			if err := c.empty(p); err != nil && c.ctx.Err() == nil {
				c.Log.Error("letters", "organization", p.org, "channel", p.Channel, "err", err)
			}
			c.mu.Lock()
			again := c.lanes[p]
			if !again || c.ctx.Err() != nil {
				delete(c.lanes, p)
				c.mu.Unlock()
				return
			}
			c.lanes[p] = false
			c.mu.Unlock()
		}
	})
}

// empty sends what is due on a lane.
func (c *Courier) empty(p place) error {
	failures := 0
	for c.ctx.Err() == nil && failures < tired {
		l, err := c.claim(p)
		if err != nil || l.ID == "" {
			return err
		}
		out := c.send(p, l)
		if errors.Is(out.err, context.Canceled) && c.ctx.Err() != nil {
			return nil // it did not fail; this process stops
		}
		if out.err == nil {
			failures = 0
		} else if failures++; p.Channel != "" {
			failures = 0 // each has its own schedule, and the lane is nobody else's
		}
		if err := c.settle(p, l, out); err != nil {
			return err
		}
	}
	return nil
}

const (
	dueLetter = `SELECT id, kind, body, tries, created FROM letter WHERE org_id = ? AND channel_id = ? AND state = 'waiting' AND next_try <= ? AND lease <= ?
		ORDER BY next_try, id LIMIT 1`
	leaseLetter  = "UPDATE letter SET lease = ? WHERE org_id = ? AND id = ? AND state = 'waiting' AND lease <= ?"
	settleLetter = "UPDATE letter SET state = ?, body = ?, tries = tries + 1, lease = 0, status = ?, problem = ?, settled = ? WHERE org_id = ? AND id = ? AND state = 'waiting'"
	retryLetter  = "UPDATE letter SET tries = tries + 1, next_try = ?, lease = 0, status = ?, problem = ? WHERE org_id = ? AND id = ? AND state = 'waiting'"
	giveUpOld    = "UPDATE letter SET state = 'given_up', body = ?, problem = 'no mail server was named for a day', settled = ? WHERE org_id = ? AND channel_id = '' AND state = 'waiting' AND created <= ?"
	countOld     = "SELECT COUNT(*) FROM letter WHERE org_id = ? AND channel_id = '' AND state = 'waiting' AND created <= ?"
	waitingMail  = "SELECT DISTINCT org_id, channel_id FROM letter WHERE state = 'waiting' AND next_try <= ? ORDER BY org_id, channel_id"
	selectTried  = "SELECT address, secret, kind, state FROM channel WHERE org_id = ? AND id = ?"
)

// due is a letter in hand.
type due struct {
	ID      id.Letter
	kind    string
	body    []byte
	tries   int64
	created time.Time
}

// claim takes the next letter of a lane for a minute. Should this process end
// before it has said how it went, a job looks again then.
func (c *Courier) claim(p place) (due, error) {
	if p.Channel == "" && c.Sender == nil {
		return due{}, c.expire(p.org)
	}
	var l due
	err := c.DB.Write(c.ctx, string(p.org), func(tx *db.Tx) error {
		l = due{}
		var created int64
		now := clock.Truncate(c.Clock.Now())
		ms := clock.Millis(now)
		err := tx.Row(dueLetter, []any{p.org, p.Channel, ms, ms}, &l.ID, &l.kind, &l.body, &l.tries, &created)
		if errors.Is(err, db.ErrNone) {
			return nil
		}
		if err != nil {
			return err
		}
		l.created = clock.FromMillis(created)
		n, err := tx.Exec(leaseLetter, clock.Millis(now.Add(claimed)), p.org, l.ID, ms)
		if err != nil {
			return err
		}
		if n == 0 {
			l = due{} // another process has it
			return nil
		}
		return callAt(tx, p.org, p.Channel, now, now.Add(claimed))
	})
	if err != nil || l.ID == "" {
		return due{}, err
	}
	if l.body, err = c.Vault.Open(c.ctx, p.org, letterContext(l.ID), l.body); err != nil {
		if err := c.settle(p, l, outcome{err: errors.New("its text does not open"), final: true}); err != nil {
			return due{}, err
		}
		return c.claim(p)
	}
	return l, nil
}

// expire gives up what nobody could send for a day.
func (c *Courier) expire(org id.Org) error {
	now := c.Clock.Now()
	old := clock.Millis(now.Add(-mailLife))
	var n int64
	err := c.DB.Read(c.ctx, string(org), func(tx *db.Tx) error { return tx.Row(countOld, []any{org, old}, &n) })
	if err != nil || n == 0 {
		return err
	}
	return c.DB.Write(c.ctx, string(org), func(tx *db.Tx) error {
		_, err := tx.Exec(giveUpOld, []byte{}, clock.Millis(now), org, old)
		return err
	})
}

// Rouse looks at every lane in which something waits: when the server starts,
// perhaps with a mail server that it did not have before, and from time to time.
func (c *Courier) Rouse(ctx context.Context) error {
	var all []place
	err := c.DB.Read(ctx, db.All, func(tx *db.Tx) (err error) {
		all, err = db.Rows(tx, waitingMail, []any{clock.Millis(c.Clock.Now())}, func(scan func(...any) error, p *place) error {
			return scan(&p.org, &p.Channel)
		})
		return err
	})
	for _, p := range all {
		c.look(p)
	}
	return err
}

// outcome is how an attempt went.
type outcome struct {
	status int64
	err    error
	final  bool // trying again makes no sense
	gone   bool // the receiver wants nothing any more
}

func (c *Courier) send(p place, l due) outcome {
	if p.Channel != "" {
		return c.sendChannel(p, l)
	}
	var m mail.Message
	if err := json.Unmarshal(l.body, &m); err != nil {
		return outcome{err: err, final: true}
	}
	m.Text = strings.ReplaceAll(m.Text, Base, c.BaseURL)
	ctx, cancel := context.WithTimeout(c.ctx, mailLimit)
	defer cancel()
	return outcome{err: c.Sender.Send(ctx, m)}
}

// wait is how long to wait after this many failures; false when it is time to
// give up.
func (l due) wait(p place, now time.Time) (time.Duration, bool) {
	n := int(l.tries) // failures before this one
	if p.Channel != "" {
		if n >= len(hookRetries) {
			return 0, false
		}
		return hookRetries[n], true
	}
	d := mailRetries[min(n, len(mailRetries)-1)]
	return d, now.Add(d).Before(l.created.Add(mailLife))
}

// settle files how it went. What is settled is forgotten.
func (c *Courier) settle(p place, l due, out outcome) error {
	ctx := context.WithoutCancel(c.ctx)
	now := clock.Truncate(c.Clock.Now())
	state, next, text := Sent, now, ""
	if out.err != nil {
		text = reason(out.err)
		wait, more := l.wait(p, now)
		if state = GivenUp; more && !out.final {
			state, next = Waiting, now.Add(wait)
		}
		c.Log.Warn("letter", "letter", l.ID, "kind", l.kind, "channel", p.Channel, "state", state, "err", text)
	}
	err := c.DB.Write(ctx, string(p.org), func(tx *db.Tx) error {
		if p.Channel != "" {
			if err := heard(tx, p, out.err == nil, now); err != nil {
				return err
			}
		}
		if state != Waiting {
			_, err := tx.Exec(settleLetter, state, []byte{}, out.status, text, clock.Millis(now), p.org, l.ID)
			return err
		}
		if _, err := tx.Exec(retryLetter, clock.Millis(next), out.status, text, p.org, l.ID); err != nil {
			return err
		}
		return callAt(tx, p.org, p.Channel, now, next)
	})
	if err != nil || p.Channel == "" || state != GivenUp {
		return err
	}
	return c.silence(ctx, p, l, out)
}

// reason is what a server said, short enough for a row and safe to show.
func reason(err error) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r == 0xfffd {
			return ' '
		}
		return r
	}, err.Error())
	return shorten(clean, 300)
}

// Mailing reports whether letters go by mail.
func (c *Courier) Mailing() bool { return c != nil && c.Sender != nil }
