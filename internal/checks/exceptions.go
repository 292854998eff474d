package checks

import (
	"encoding/json"
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

// What can be done with exceptions, and what they leave of a year.
var (
	Except     = op.Write("exceptions.create", "Ask that a failing check be waived, for a reason and until a day.", auth.ExceptWrite, except)
	Approve    = op.Write("exceptions.approve", "Approve an exception that another person asked for. It holds from then on.", auth.ExceptWrite, approve)
	EndExcept  = op.Write("exceptions.end", "End an exception before its day, or decline one that waits for approval.", auth.ExceptWrite, endExcept)
	EndMany    = op.Write("exceptions.end_many", "End several exceptions, all or none.", auth.ExceptWrite, endMany)
	Exceptions = op.Read("exceptions.list", "List exceptions: those in force, those that wait for approval, then the others.", auth.ChecksRead, exceptions)
	ExceptGet  = op.Read("exceptions.get", "Show an exception with what became of it.", auth.ChecksRead, exceptGet)
	Debt       = op.Read("exceptions.debt", "Show what still fails although its exception has run out, and for how many days.", auth.ChecksRead, debt)
	Coverage   = op.Read("coverage.get", "Show how a check or a control held over a period.", auth.ChecksRead, coverage)
)

// WaiverState is where an exception stands.
type WaiverState string

// The states of an exception, in the order of lists.
const (
	WaiverInForce WaiverState = "in_force"
	WaiverPending WaiverState = "pending" // nobody has approved it: it covers nothing
	WaiverEnded   WaiverState = "ended"   // by a person; one that never started was declined
	WaiverExpired WaiverState = "expired" // its day has come, whether it was approved or not
)

var waiverStates = []WaiverState{WaiverInForce, WaiverPending, WaiverEnded, WaiverExpired}

// A Waiver is an exception as it is kept.
type Waiver struct {
	ID       id.Exception `json:"id"`
	Check    string       `json:"check"`
	Key      string       `json:"key,omitempty"`  // of the resource; empty for all
	Keys     []string     `json:"keys,omitempty"` // of several resources, Key first
	Reason   string       `json:"reason"`
	Owner    string       `json:"owner"`
	Asker    string       `json:"asker,omitempty"`
	AskerID  id.User      `json:"asker_id,omitempty"`
	Asked    time.Time    `json:"asked"`
	Approver string       `json:"approver,omitempty"`
	Alone    bool         `json:"alone,omitempty"` // approved by the asker, since nobody else could
	Starts   time.Time    `json:"starts,omitzero"` // when it was approved
	Ends     time.Time    `json:"ends"`
	Ended    time.Time    `json:"ended,omitzero"`
	State    WaiverState  `json:"state"`
	Renews   id.Exception `json:"renews,omitempty"` // the one it goes on from
	// Of one that waits: who may approve it. Where nobody but the asker has the
	// right, they are named, and may from AloneFrom on.
	Approvers []Approver `json:"approvers,omitempty"`
	AloneFrom time.Time  `json:"alone_from,omitzero"`
}

// An Approver is a member who may approve an exception.
type Approver = auth.Approver

// maxWaiver is the longest a failure may be waived at once.
const maxWaiver = 366 * 24 * time.Hour

// A row's starts is 0, and who approved it empty, until somebody has.
const (
	waiverColumns  = "id, check_id, key, reason, owner, asker_id, asker, created, approver_id, approver, starts, ends, ended, keys, renews"
	insertWaiver   = "INSERT INTO check_exception (org_id, " + waiverColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', 0, ?, 0, ?, ?)"
	selectWaivers  = "SELECT " + waiverColumns + " FROM check_exception WHERE org_id = ? ORDER BY ends DESC, id"
	selectApproved = "SELECT " + waiverColumns + " FROM check_exception WHERE org_id = ? AND starts > 0 ORDER BY ends DESC, id"
	selectWaiver   = "SELECT " + waiverColumns + " FROM check_exception WHERE org_id = ? AND id = ?"
	approveWaiver  = "UPDATE check_exception SET approver_id = ?, approver = ?, starts = ? WHERE org_id = ? AND id = ? AND starts = 0 AND ended = 0"
	endWaiver      = "UPDATE check_exception SET ended = ? WHERE org_id = ? AND id = ? AND ended = 0 AND ends > ?"
)

func scanWaiver(scan func(...any) error, w *Waiver) error {
	var (
		asked, starts, ends, ended int64
		approver                   id.User
	)
	var keys string
	err := scan(&w.ID, &w.Check, &w.Key, &w.Reason, &w.Owner, &w.AskerID, &w.Asker, &asked, &approver, &w.Approver, &starts, &ends, &ended, &keys, &w.Renews)
	if err == nil && keys != "" {
		err = json.Unmarshal([]byte(keys), &w.Keys)
	}
	w.Asked, w.Starts, w.Ends, w.Ended = clock.FromMillis(asked), clock.FromMillis(starts), clock.FromMillis(ends), clock.FromMillis(ended)
	w.Alone = approver != "" && approver == w.AskerID
	return err
}

// whole reports whether it covers all that the check speaks of.
func (w Waiver) whole() bool { return w.Key == "" }

// names reports whether it names a resource.
func (w Waiver) names(key string) bool {
	return key != "" && (w.Key == key || slices.Contains(w.Keys, key))
}

// Named are the resources it covers; none if it covers all.
func (w Waiver) Named() []string {
	if len(w.Keys) > 0 {
		return w.Keys
	}
	if w.Key != "" {
		return []string{w.Key}
	}
	return nil
}

func (w Waiver) at(now time.Time) WaiverState {
	switch {
	case !w.Ended.IsZero():
		return WaiverEnded
	case !w.Ends.After(now):
		return WaiverExpired
	case w.Starts.IsZero():
		return WaiverPending
	}
	return WaiverInForce
}

// Then is the exception as it stood at an instant that has passed.
func (w Waiver) Then(at time.Time) Waiver {
	if w.Starts.After(at) {
		w.Starts, w.Approver, w.Alone = time.Time{}, "", false
	}
	if w.Ended.After(at) {
		w.Ended = time.Time{}
	}
	w.State, w.Approvers, w.AloneFrom = w.at(at), nil, time.Time{}
	return w
}

// exception is what an approved waiver does to a history.
func (w Waiver) exception() Exception {
	return Exception{From: w.Starts, To: w.Ends, Closed: w.Ended, Cause: "exception " + string(w.ID) + ": " + w.Reason}
}

// Waive asks for an exception.
type Waive struct {
	Check  string    `json:"check" doc:"The check's id."`
	Key    string    `json:"key,omitempty" maxLength:"500" doc:"Only this resource; every failing one if left out."`
	Keys   []string  `json:"keys,omitempty" maxItems:"200" doc:"Or only these resources."`
	Reason string    `json:"reason" minLength:"10" maxLength:"2000" doc:"Why the failure is accepted, and what covers the risk meanwhile."`
	Ends   time.Time `json:"ends" doc:"When it ends, within 12 months."`
	Owner  string    `json:"owner,omitempty" maxLength:"200" doc:"Who answers for it; you, if left out."`
	Renews string    `json:"renews,omitempty" doc:"The exception it goes on from, exc_…: of the same check."`
}

// except records the wish. It covers nothing until it is approved.
func except(c *op.Call, in Waive) (Waiver, error) {
	if c.Actor.User == "" {
		return Waiver{}, fault.Denied("An exception is asked for by a person.")
	}
	defs, _, err := definitions(c)
	if err != nil {
		return Waiver{}, err
	}
	if !slices.ContainsFunc(defs, func(d Definition) bool { return d.ID == in.Check }) {
		return Waiver{}, fault.Invalid("check", "there is no check %s", in.Check)
	}
	w := Waiver{ID: id.New[id.Exception](c.Now), Check: in.Check, Key: in.Key, Reason: strings.TrimSpace(in.Reason),
		Owner: in.Owner, Asker: c.Actor.Name, AskerID: c.Actor.User, Asked: c.Now, Ends: clock.Truncate(in.Ends)}
	if w.Owner == "" {
		w.Owner = c.Actor.Name
	}
	if !w.Ends.After(c.Now) || w.Ends.Sub(c.Now) > maxWaiver {
		return Waiver{}, fault.Invalid("ends", "give an end date within 12 months")
	}
	if err := w.scope(in); err != nil {
		return Waiver{}, err
	}
	if err := w.renew(c, in.Renews); err != nil {
		return Waiver{}, err
	}
	keys := ""
	if len(w.Keys) > 0 {
		b, err := json.Marshal(w.Keys)
		if err != nil {
			return Waiver{}, err
		}
		keys = string(b)
	}
	c.Note("id", string(w.ID))
	if _, err := c.Tx.Exec(insertWaiver, c.Org, w.ID, w.Check, w.Key, w.Reason, w.Owner, w.AskerID, w.Asker, clock.Millis(w.Asked), clock.Millis(w.Ends), keys, w.Renews); err != nil {
		return Waiver{}, err
	}
	return settled(c, w)
}

// WaiverRef names an exception.
type WaiverRef struct {
	ID string `json:"id" doc:"The exception's id, exc_…."`
}

// approve puts an exception in force. Whoever asked for it may only where
// nobody else could, after a delay, and the entry says so.
func approve(c *op.Call, in WaiverRef) (Waiver, error) {
	w, err := waiver(c, in)
	if err != nil {
		return Waiver{}, err
	}
	switch {
	case w.State == WaiverInForce:
		return Waiver{}, fault.Conflict("%s has approved this exception already.", w.Approver)
	case w.State == WaiverExpired:
		return Waiver{}, fault.Conflict("This exception was to end %s, which is past. Ask for a new one.", w.Ends.Format(when))
	case w.State == WaiverEnded:
		return Waiver{}, fault.Conflict("This exception was ended. Ask for a new one.")
	}
	second := auth.Second{Approvers: w.Approvers, AloneFrom: w.AloneFrom}
	if w.Alone, err = second.Agree(c.Actor, w.AskerID, "this exception", c.Now); err != nil {
		return Waiver{}, err
	}
	c.Note("asker", string(w.AskerID))
	if w.Alone {
		c.Note("alone", true)
	}
	w.Approver, w.Starts, w.State, w.Approvers, w.AloneFrom = c.Actor.Name, c.Now, WaiverInForce, nil, time.Time{}
	n, err := c.Tx.Exec(approveWaiver, c.Actor.User, w.Approver, clock.Millis(w.Starts), c.Org, w.ID)
	if err == nil && n == 0 {
		err = fault.Conflict("Another person has just approved or ended this exception.")
	}
	return w, err
}

// when is an instant in a sentence.
const when = "2 January 2006 15:04 UTC"

func endExcept(c *op.Call, in WaiverRef) (op.None, error) {
	w, err := id.Parse[id.Exception](in.ID)
	if err != nil {
		return op.None{}, err
	}
	n, err := c.Tx.Exec(endWaiver, clock.Millis(c.Now), c.Org, w, clock.Millis(c.Now))
	if err == nil && n == 0 {
		err = fault.NotFound("There is no exception %s that is in force or waits for approval.", w)
	}
	return op.None{}, err
}

// waiver reads one exception as it stands.
func waiver(c *op.Call, in WaiverRef) (Waiver, error) {
	ref, err := id.Parse[id.Exception](in.ID)
	if err != nil {
		return Waiver{}, err
	}
	rows, err := db.Rows(c.Tx, selectWaiver, []any{c.Org, ref}, scanWaiver)
	if err != nil {
		return Waiver{}, err
	}
	if len(rows) == 0 {
		return Waiver{}, fault.NotFound("There is no exception %s.", ref)
	}
	return settled(c, rows[0])
}

func settled(c *op.Call, w Waiver) (Waiver, error) {
	members, err := auth.Members(c.Tx, c.Org)
	w.settle(c.Now, members)
	return w, err
}

// settle says how an exception stands now and, if it waits, for whom.
func (w *Waiver) settle(now time.Time, members []auth.Member) {
	if w.State = w.at(now); w.State != WaiverPending {
		return
	}
	second := auth.SecondOf(members, auth.ExceptWrite, w.AskerID, w.Asked)
	w.Approvers, w.AloneFrom = second.Approvers, second.AloneFrom
}

// activeExceptions are those that held at an instant, by check.
func activeExceptions(c *op.Call, at time.Time) (map[string][]Waiver, error) {
	rows, err := db.Rows(c.Tx, selectApproved, []any{c.Org}, scanWaiver)
	out := map[string][]Waiver{}
	for _, w := range rows {
		if w.exception().covers(instant(c, at)) {
			out[w.Check] = append(out[w.Check], w)
		}
	}
	return out, err
}
