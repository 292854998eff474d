package engagements

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scopes"
)

// Side is where somebody stands in an engagement.
type Side string

// The two sides.
const (
	FirmSide   Side = "firm"
	ClientSide Side = "client"
)

// A Room is an engagement as one side has entered it.
type Room struct {
	Engagement
	File id.Org // the firm's side: its rows, key and log
	Side Side
}

// side is what an organization knows of its engagement.
type side struct {
	engagement  id.Engagement
	file, other id.Org
	side        Side
}

func scanSide(scan func(...any) error, s *side) error {
	return scan(&s.engagement, &s.file, &s.other, &s.side)
}

// room opens the engagement to the call: from here it sees both organizations
// and the file.
func (s side) room(c *op.Call) (*Room, error) {
	if err := c.Beside(s.file, s.other); err != nil {
		return nil, err
	}
	rows, err := db.Rows(c.Tx, selectEngagement, []any{s.file, s.engagement}, scan)
	if err == nil && len(rows) == 0 {
		err = errors.New("engagement " + string(s.engagement) + " has a side but no file")
	}
	if err != nil {
		return nil, err
	}
	return &Room{Engagement: rows[0], File: s.file, Side: s.side}, nil
}

// Open enters an engagement from the side the call stands on.
func Open(c *op.Call, engagement string) (*Room, error) {
	e, err := id.Parse[id.Engagement](engagement)
	if err != nil {
		return nil, err
	}
	rows, err := db.Rows(c.Tx, selectSide, []any{c.Org, e}, scanSide)
	if err == nil && len(rows) == 0 {
		err = fault.NotFound("no engagement %s", e)
	}
	if err != nil {
		return nil, err
	}
	return rows[0].room(c)
}

// AsFirm enters as the firm: what the call does from here is recorded in the
// engagement's own log.
func AsFirm(c *op.Call, engagement string) (*Room, error) {
	r, err := firmRoom(c, engagement)
	if err == nil {
		c.Enter(r.File, c.Actor)
	}
	return r, err
}

// firmRoom is AsFirm for reading: the call stays where it is.
func firmRoom(c *op.Call, engagement string) (*Room, error) {
	r, err := Open(c, engagement)
	if err == nil && r.Side != FirmSide {
		err = fault.Denied("This is the work of %s, which examines %s.", r.Firm.Name, r.Client.Name)
	}
	return r, err
}

// AsClient enters as the organization that is examined: what the call does is
// recorded in that organization's log.
func AsClient(c *op.Call, engagement string) (*Room, error) {
	r, err := Open(c, engagement)
	if err == nil && r.Side != ClientSide {
		err = fault.Denied("This is for %s to do, which is examined.", r.Client.Name)
	}
	return r, err
}

// InFile is the call as it reads and writes the engagement's file.
func (r *Room) InFile(c *op.Call) *op.Call { return c.For(r.File) }

// AtClient is the call as it reads what the client has.
func (r *Room) AtClient(c *op.Call) *op.Call { return c.For(r.Client.Org) }

// Period is what is examined, as samples and reports name it: two days with a
// slash, or one.
func (r *Room) Period() string {
	if r.Type == scopes.TypeI {
		return r.AsOf
	}
	return r.Starts + "/" + r.Ends
}

// Bounds are the instants between which something lies that belongs to the
// engagement: from the first, up to but without the second. For Type I
// everything before the end of the day belongs.
func (r *Room) Bounds() (from, to time.Time) {
	from, to, _ = span(r.Engagement) // checked when they were agreed
	return from, to
}

func span(e Engagement) (from, to time.Time, err error) {
	zone, err := clock.ParseZone(e.Zone)
	if err != nil {
		return from, to, err
	}
	first, last := e.Starts, e.Ends
	if e.Type == scopes.TypeI {
		first, last = "1970-01-01", e.AsOf
	}
	from, err1 := time.ParseInLocation(time.DateOnly, first, zone)
	to, err2 := time.ParseInLocation(time.DateOnly, last, zone)
	return from, to.AddDate(0, 0, 1), errors.Join(err1, err2)
}

// Within refuses unless the engagement is in one of the states.
func (r *Room) Within(states ...State) error {
	if slices.Contains(states, r.State) {
		return nil
	}
	var words []string
	for _, s := range states {
		words = append(words, s.Words())
	}
	return fault.Conflict("This is done while an engagement is %s; %s is %s.", strings.Join(words, " or "), r.Name, r.State.Words())
}

// From refuses unless the engagement has come to a state, and has not ended.
func (r *Room) From(s State) error {
	if r.State == Issued || r.State == Withdrawn {
		return fault.Conflict("%s is %s: nothing in it changes any more.", r.Name, r.State.Words())
	}
	if r.State.Before(s) {
		return fault.Conflict("This is done once an engagement is %s; %s is %s.", s.Words(), r.Name, r.State.Words())
	}
	return nil
}

// Settle has the heads of both logs signed, so that an operation can answer an
// entry made a moment ago. It runs before the operation's transaction.
func Settle(ctx context.Context, d *op.Desk, engagement string) error {
	var orgs []id.Org
	err := d.DB.Read(ctx, string(d.Org), func(tx *db.Tx) error {
		rows, err := db.Rows(tx, selectSide, []any{d.Org, engagement}, scanSide)
		for _, s := range rows {
			orgs = []id.Org{s.file, s.other}
			if s.side == ClientSide {
				orgs[1] = d.Org
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, org := range orgs {
		if _, err := d.Ledger.Seal(ctx, org); err != nil {
			return err
		}
	}
	return nil
}
