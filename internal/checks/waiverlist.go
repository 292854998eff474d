package checks

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// WaiverFilter narrows the list of exceptions.
type WaiverFilter struct {
	State  string `json:"state,omitempty" enum:"open,in_force,pending,ended,expired" doc:"Only those that stand so; open is in force or waiting for approval."`
	Check  string `json:"check,omitempty" doc:"Only those of a check."`
	Mine   bool   `json:"mine,omitempty" doc:"Only those that wait for approval and that you may approve now."`
	Ending int    `json:"ending,omitempty" minimum:"0" maximum:"366" doc:"Only those in force that end within so many days."`
	After  string `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit  int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

// How an exception stands follows from the clock, so the list is made of four
// stretches of one index, read one after the other: what ends first needs
// somebody first, and of what is over the newest is asked for.
const (
	ofWaivers      = " FROM check_exception WHERE org_id = ? AND (? = '' OR check_id = ?)"
	isInForce      = ofWaivers + " AND ended = 0 AND starts > 0 AND ends > ? AND ends <= ?"
	isWaiting      = ofWaivers + " AND ended = 0 AND starts = 0 AND ends > ? AND (? = '' OR asker_id <> ? OR created <= ?)"
	isEnded        = ofWaivers + " AND ended > 0"
	isExpired      = ofWaivers + " AND ended = 0 AND ends <= ?"
	selectInForce  = "SELECT " + waiverColumns + isInForce + " AND (ends, id) > (?, ?) ORDER BY ends, id LIMIT ?"
	selectWaiting  = "SELECT " + waiverColumns + isWaiting + " AND (ends, id) > (?, ?) ORDER BY ends, id LIMIT ?"
	selectEnded    = "SELECT " + waiverColumns + isEnded + " AND (ended, ends, id) < (?, ?, ?) ORDER BY ended DESC, ends DESC, id DESC LIMIT ?"
	selectExpired  = "SELECT " + waiverColumns + isExpired + " AND (ends, id) < (?, ?) ORDER BY ends DESC, id DESC LIMIT ?"
	countInForce   = "SELECT COUNT(*)" + isInForce
	countWaiting   = "SELECT COUNT(*)" + isWaiting
	countEnded     = "SELECT COUNT(*)" + isEnded
	countExpired   = "SELECT COUNT(*)" + isExpired
	lastWaiver     = "~" // after every id
	never          = math.MaxInt64
	waiverPosition = "%s %d %d %s"
)

// A stretch is those exceptions that stand alike.
type stretch struct {
	state          WaiverState
	selects, count string
	args           []any
	from           func(w Waiver) []any // the place of one in the order
	first          []any                // before the first
}

// stretches are the parts of the list that a filter leaves, in their order.
func (in WaiverFilter) stretches(c *op.Call, members []auth.Member) []stretch {
	now, until := clock.Millis(c.Now), int64(never)
	if in.Ending > 0 {
		until = clock.Millis(c.Now.Add(time.Duration(in.Ending) * 24 * time.Hour))
	}
	me, alone := "", int64(-1)
	if in.Mine {
		me = string(c.Actor.User)
		if s := auth.SecondOf(members, auth.ExceptWrite, c.Actor.User, c.Now); !s.AloneFrom.IsZero() {
			alone = clock.Millis(c.Now.Add(c.Now.Sub(s.AloneFrom)))
		}
	}
	of := []any{c.Org, in.Check, in.Check}
	with := func(more ...any) []any { return append(slices.Clone(of), more...) }
	ends := func(w Waiver) []any { return []any{clock.Millis(w.Ends), string(w.ID)} }
	all := []stretch{
		{WaiverInForce, selectInForce, countInForce, with(now, until), ends, []any{now, lastWaiver}},
		{WaiverPending, selectWaiting, countWaiting, with(now, me, me, alone), ends, []any{now, lastWaiver}},
		{WaiverEnded, selectEnded, countEnded, of, func(w Waiver) []any { return append([]any{clock.Millis(w.Ended)}, ends(w)...) }, []any{int64(never), int64(never), lastWaiver}},
		{WaiverExpired, selectExpired, countExpired, with(now), ends, []any{now, lastWaiver}},
	}
	return slices.DeleteFunc(all, func(s stretch) bool {
		open := s.state == WaiverInForce || s.state == WaiverPending
		return in.State == "open" && !open || in.State != "" && in.State != "open" && in.State != string(s.state) ||
			in.Mine && s.state != WaiverPending || in.Ending > 0 && s.state != WaiverInForce
	})
}

func exceptions(c *op.Call, in WaiverFilter) (op.Page[Waiver], error) {
	none := op.Page[Waiver]{Items: []Waiver{}}
	members, err := auth.Members(c.Tx, c.Org)
	if err != nil {
		return none, err
	}
	if in.Mine && !slices.ContainsFunc(members, func(m auth.Member) bool {
		return m.ID == c.Actor.User && auth.Actor{Roles: m.Roles}.May(auth.ExceptWrite)
	}) {
		return none, nil
	}
	parts := in.stretches(c, members)
	begin, from, err := waiverPlace(in.After, parts)
	if err != nil {
		return none, err
	}
	n, total := op.Limit(in.Limit), int64(0)
	rows := []Waiver{}
	for i, s := range parts {
		var count int64
		if err := c.Tx.Row(s.count, s.args, &count); err != nil {
			return none, err
		}
		total += count
		if i < begin || len(rows) > n {
			continue
		}
		if i != begin || from == nil {
			from = s.first
		}
		part, err := db.Rows(c.Tx, s.selects, append(append(slices.Clone(s.args), from...), n+1-len(rows)), scanWaiver)
		if err != nil {
			return none, err
		}
		rows = append(rows, part...)
	}
	for i := range rows {
		rows[i].settle(c.Now, members)
	}
	return op.PageOf(rows, n, total, func(w Waiver) string {
		return fmt.Sprintf(waiverPosition, w.State, clock.Millis(w.Ended), clock.Millis(w.Ends), w.ID)
	}), nil
}

// waiverPlace reads where a page ended: in which stretch, and after which row.
// One that has come to stand differently since is followed by what follows its
// old place.
func waiverPlace(after string, parts []stretch) (begin int, from []any, err error) {
	if after == "" {
		return 0, nil, nil
	}
	var (
		state, ref  string
		ended, ends int64
	)
	refused := fault.Invalid("after", "give the value of next of the page before")
	if n, err := fmt.Sscanf(after, waiverPosition, &state, &ended, &ends, &ref); err != nil || n != 4 || strings.Count(after, " ") != 3 {
		return 0, nil, refused
	}
	last, err := id.Parse[id.Exception](ref)
	if err != nil || !slices.Contains(waiverStates, WaiverState(state)) {
		return 0, nil, refused
	}
	order := slices.Index(waiverStates, WaiverState(state))
	for begin < len(parts) && slices.Index(waiverStates, parts[begin].state) < order {
		begin++
	}
	if begin < len(parts) && parts[begin].state == WaiverState(state) {
		from = parts[begin].from(Waiver{ID: last, Ended: clock.FromMillis(ended), Ends: clock.FromMillis(ends)})
	}
	return begin, from, nil
}
