package checks

import (
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// An exception that ends is told of twice: in time to renew it, and when only
// the fix is left.
const (
	WarnFirst = 14 * 24 * time.Hour
	WarnLast  = 3 * 24 * time.Hour
)

// Ending reports whether an exception in force ends soon, and whether very
// soon.
func (w Waiver) Ending(now time.Time) (soon, last bool) {
	left := w.Ends.Sub(now)
	if w.State != WaiverInForce || left <= 0 {
		return false, false
	}
	return left <= WarnFirst, left <= WarnLast
}

// EndingSoon are the exceptions in force that end soon and that no other one
// goes on from, for other operations.
func EndingSoon(c *op.Call) ([]Waiver, error) {
	rows, err := db.Rows(c.Tx, selectWaivers, []any{c.Org}, scanWaiver)
	if err != nil {
		return nil, err
	}
	renewed := map[id.Exception]bool{}
	for _, w := range rows {
		if s := w.at(c.Now); s == WaiverInForce || s == WaiverPending {
			renewed[w.Renews] = true
		}
	}
	var out []Waiver
	for _, w := range rows {
		w.settle(c.Now, nil)
		if soon, _ := w.Ending(c.Now); soon && !renewed[w.ID] {
			out = append(out, w)
		}
	}
	slices.SortStableFunc(out, func(a, b Waiver) int { return a.Ends.Compare(b.Ends) })
	return out, nil
}

// scope takes which resources an exception is for.
func (w *Waiver) scope(in Waive) error {
	keys := slices.Clone(in.Keys)
	if in.Key != "" {
		keys = append([]string{in.Key}, keys...)
	}
	var clean []string
	for _, k := range keys {
		if k = strings.TrimSpace(k); k == "" || slices.Contains(clean, k) {
			continue
		}
		if len(k) > 500 {
			return fault.Invalid("keys", "a key has at most 500 characters; one has %d", len(k))
		}
		clean = append(clean, k)
	}
	w.Key, w.Keys = "", nil
	if len(clean) > 0 {
		w.Key = clean[0]
	}
	if len(clean) > 1 {
		w.Keys = clean
	}
	return nil
}

// renew ties an exception to the one it goes on from.
func (w *Waiver) renew(c *op.Call, before string) error {
	if before == "" {
		return nil
	}
	old, err := waiver(c, WaiverRef{ID: before})
	if err != nil {
		return err
	}
	if old.Check != w.Check {
		return fault.Invalid("renews", "%s is about %s, not %s", old.ID, old.Check, w.Check)
	}
	if old.Starts.IsZero() {
		return fault.Conflict("%s was never in force: there is nothing to renew.", old.ID)
	}
	if next, err := renewal(c, old.ID); err != nil || next != nil && next.State != WaiverEnded {
		if err == nil {
			err = fault.Conflict("%s renews %s already.", next.ID, old.ID)
		}
		return err
	}
	w.Renews = old.ID
	return nil
}

const selectRenewal = "SELECT " + waiverColumns + " FROM check_exception WHERE org_id = ? AND renews = ? ORDER BY created DESC, id DESC"

// renewal is the newest exception that goes on from one, or nil.
func renewal(c *op.Call, w id.Exception) (*Waiver, error) {
	rows, err := db.Rows(c.Tx, selectRenewal, []any{c.Org, w}, scanWaiver)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	rows[0].settle(c.Now, nil)
	return &rows[0], nil
}

// Awaits reports whether somebody may approve it now.
func (w Waiver) Awaits(user id.User, now time.Time) bool {
	return !now.Before(w.AloneFrom) && slices.ContainsFunc(w.Approvers, func(a Approver) bool { return a.ID == user })
}

// WaiverDetail is an exception with what became of it.
type WaiverDetail struct {
	Waiver
	RenewedBy id.Exception `json:"renewed_by,omitempty"`
	// Covered counts what fails now and it covers; Failing what fails now of
	// what it names, covered or not.
	Failing int64      `json:"failing"`
	Past    []WaiverAt `json:"timeline"`
}

// WaiverAt is something that happened to an exception.
type WaiverAt struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // asked, approved, alone, warned, last_warned, ended, declined, expired, renewed
	Who  string    `json:"who,omitempty"`
}

func exceptGet(c *op.Call, in WaiverRef) (WaiverDetail, error) {
	w, err := waiver(c, in)
	if err != nil {
		return WaiverDetail{}, err
	}
	out := WaiverDetail{Waiver: w, Past: []WaiverAt{{w.Asked, "asked", w.Asker}}}
	next, err := renewal(c, w.ID)
	if err != nil {
		return out, err
	}
	if out.Failing, err = failingUnder(c, w); err != nil {
		return out, err
	}
	add := func(at time.Time, what, who string) {
		if !at.IsZero() && !at.After(c.Now) {
			out.Past = append(out.Past, WaiverAt{at, what, who})
		}
	}
	if w.Alone {
		add(w.Starts, "alone", w.Approver)
	} else {
		add(w.Starts, "approved", w.Approver)
	}
	last := w.exception().end()
	for _, x := range []struct {
		before time.Duration
		what   string
	}{{WarnFirst, "warned"}, {WarnLast, "last_warned"}} {
		if at := w.Ends.Add(-x.before); !w.Starts.IsZero() && at.After(w.Starts) && at.Before(last) {
			add(at, x.what, w.Owner)
		}
	}
	switch {
	case !w.Ended.IsZero() && w.Starts.IsZero():
		add(w.Ended, "declined", "")
	case !w.Ended.IsZero():
		add(w.Ended, "ended", "")
	default:
		add(w.Ends, "expired", "")
	}
	if next != nil {
		out.RenewedBy = next.ID
		add(next.Asked, "renewed", next.Asker)
	}
	slices.SortStableFunc(out.Past, func(a, b WaiverAt) int { return a.At.Compare(b.At) })
	return out, nil
}

const countFailingKey = "SELECT COUNT(*) FROM check_interval WHERE org_id = ? AND check_id = ? AND status = 'fail' AND ends = ? AND key = ?"

// failingUnder counts what fails now of what an exception is for.
func failingUnder(c *op.Call, w Waiver) (int64, error) {
	var n int64
	if w.whole() {
		return n, c.Tx.Row(countFindings, []any{c.Org, w.Check, open, string(Fail)}, &n)
	}
	for _, key := range w.Named() {
		var one int64
		if err := c.Tx.Row(countFailingKey, []any{c.Org, w.Check, open, key}, &one); err != nil {
			return n, err
		}
		n += one
	}
	return n, nil
}

// Owed is what is left when exceptions have run out and nothing was repaired.
type Owed struct {
	Exceptions int       `json:"exceptions"`
	Days       int64     `json:"days"` // past their ends, added up
	Items      []Overdue `json:"items"`
}

// Overdue is an exception that has run out over something that still fails.
type Overdue struct {
	Waiver
	Days    int64 `json:"days"` // begun days since its end
	Failing int64 `json:"failing"`
}

func debt(c *op.Call, _ op.None) (Owed, error) {
	out := Owed{Items: []Overdue{}}
	rows, err := db.Rows(c.Tx, selectApproved, []any{c.Org}, scanWaiver)
	if err != nil {
		return out, err
	}
	active, err := activeExceptions(c, c.Now)
	if err != nil {
		return out, err
	}
	defs, _, err := definitions(c)
	if err != nil {
		return out, err
	}
	seen := map[string]bool{} // of a check and its keys the newest counts
	for _, w := range rows {  // newest end first
		w.settle(c.Now, nil)
		name := w.Check + "\n" + strings.Join(w.Named(), "\n")
		if w.State != WaiverExpired || seen[name] || !slices.ContainsFunc(defs, func(d Definition) bool { return d.ID == w.Check }) {
			continue
		}
		seen[name] = true
		if slices.ContainsFunc(active[w.Check], func(a Waiver) bool { return a.over(w) }) {
			continue
		}
		n, err := failingUnder(c, w)
		if err != nil {
			return out, err
		}
		if n == 0 {
			continue
		}
		days := int64((c.Now.Sub(w.Ends) + 24*time.Hour - 1) / (24 * time.Hour))
		out.Items = append(out.Items, Overdue{w, days, n})
		out.Exceptions, out.Days = out.Exceptions+1, out.Days+days
	}
	return out, nil
}

// over reports whether an exception covers all that another one did.
func (w Waiver) over(other Waiver) bool {
	if w.whole() || other.whole() {
		return w.whole()
	}
	return !slices.ContainsFunc(other.Named(), func(k string) bool { return !w.names(k) })
}

// WaiverRefs names exceptions.
type WaiverRefs struct {
	IDs    []string `json:"ids" minItems:"1" maxItems:"200" doc:"The exceptions' ids, exc_…."`
	Reason string   `json:"reason,omitempty" maxLength:"1000" doc:"Why they end."`
}

// Ended counts what was ended.
type Ended struct {
	Count int `json:"count"`
}

func endMany(c *op.Call, in WaiverRefs) (Ended, error) {
	ids := slices.Clone(in.IDs)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for _, ref := range ids {
		if _, err := endExcept(c, WaiverRef{ID: ref}); err != nil {
			return Ended{}, err
		}
	}
	return Ended{len(ids)}, nil
}
