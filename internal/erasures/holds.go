package erasures

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// What can be done with holds.
var (
	HoldNew     = op.Write("holds.create", "Hold evidence back from erasure: all of the organization, one engagement, or single records.", auth.EraseWrite, place)
	HoldRelease = op.Write("holds.release", "Release a hold that another person placed.", auth.EraseWrite, release)
	HoldList    = op.Read("holds.list", "List holds: those in force, then those released.", auth.EraseRead, holds)
)

// Scopes of a hold.
const (
	HoldAll        = "organization"
	HoldEngagement = "engagement"
	HoldRecords    = "evidence"
)

// A Hold keeps what is in its scope from being erased.
type Hold struct {
	ID       id.Hold   `json:"id"`
	Scope    string    `json:"scope"`
	Targets  []string  `json:"targets"` // of an engagement or of records
	Reason   string    `json:"reason"`
	Placer   string    `json:"placer"`
	PlacerID id.User   `json:"placer_id"`
	Placed   time.Time `json:"placed"`
	Entry    int64     `json:"entry"`
	// Asked is when its placer, alone in having the right, asked for its release.
	Asked    time.Time `json:"asked,omitzero"`
	Releaser string    `json:"releaser,omitempty"`
	Alone    bool      `json:"alone,omitempty"`
	Note     string    `json:"note,omitempty"` // why it was released
	Released time.Time `json:"released,omitzero"`
	// Of one in force: who may release it. Where only its placer has the right,
	// they are named, and may from AloneFrom on, once they have asked.
	Approvers []auth.Approver `json:"approvers,omitempty"`
	AloneFrom time.Time       `json:"alone_from,omitzero"`
}

const (
	holdColumns = "id, scope, targets, reason, placer_id, placer, placed, entry, asked, releaser, alone, note, released"
	insertHold  = "INSERT INTO hold (org_id, " + holdColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', ?, '', 0)"
	selectHold  = "SELECT " + holdColumns + " FROM hold WHERE org_id = ? AND id = ?"
	selectHolds = "SELECT " + holdColumns + " FROM hold WHERE org_id = ? ORDER BY id DESC"
	inForce     = "SELECT " + holdColumns + " FROM hold WHERE org_id = ? AND released = 0 ORDER BY id"
	askRelease  = "UPDATE hold SET asked = ? WHERE org_id = ? AND id = ? AND asked = 0 AND released = 0"
	releaseHold = "UPDATE hold SET releaser = ?, alone = ?, note = ?, released = ? WHERE org_id = ? AND id = ? AND released = 0"
)

func scanHold(scan func(...any) error, h *Hold) error {
	var (
		list                    string
		placed, asked, released int64
	)
	err := scan(&h.ID, &h.Scope, &list, &h.Reason, &h.PlacerID, &h.Placer, &placed, &h.Entry, &asked, &h.Releaser, &h.Alone, &h.Note, &released)
	if err != nil {
		return err
	}
	h.Placed, h.Asked, h.Released = clock.FromMillis(placed), clock.FromMillis(asked), clock.FromMillis(released)
	return json.Unmarshal([]byte(list), &h.Targets)
}

// Holding places a hold.
type Holding struct {
	Scope   string   `json:"scope" enum:"organization,engagement,evidence" doc:"What is held: everything, what an engagement may rest on, or single records."`
	Targets []string `json:"targets,omitempty" maxItems:"200" doc:"The engagement's id, or ids of records; none for the organization."`
	Reason  string   `json:"reason" minLength:"10" maxLength:"2000" doc:"Why, such as the matter and who asked for it."`
}

func place(c *op.Call, in Holding) (Hold, error) {
	if c.Actor.User == "" {
		return Hold{}, fault.Denied("A hold is placed by a person.")
	}
	list, err := scopeOf(c, in)
	if err != nil {
		return Hold{}, err
	}
	h := Hold{ID: id.New[id.Hold](c.Now), Scope: in.Scope, Targets: list, Reason: strings.TrimSpace(in.Reason), Placer: c.Actor.Name,
		PlacerID: c.Actor.User, Placed: c.Now}
	names, err := json.Marshal(h.Targets)
	if err != nil {
		return Hold{}, err
	}
	h.Entry, err = c.Append(op.Record{Kind: canon.KindOp, ID: string(h.ID), Body: map[string]any{"scope": h.Scope, "targets": h.Targets, "reason": h.Reason}})
	if err != nil {
		return Hold{}, err
	}
	_, err = c.Tx.Exec(insertHold, c.Org, h.ID, h.Scope, string(names), h.Reason, h.PlacerID, h.Placer, clock.Millis(h.Placed), h.Entry, false)
	if err != nil {
		return Hold{}, err
	}
	return h, h.settle(c)
}

// scopeOf checks that what is to be held is there.
func scopeOf(c *op.Call, in Holding) ([]string, error) {
	list := []string{}
	for _, s := range in.Targets {
		if s = strings.TrimSpace(s); s != "" && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	switch {
	case in.Scope == HoldAll && len(list) > 0:
		return nil, fault.Invalid("targets", "a hold on the organization names nothing further")
	case in.Scope == HoldEngagement && len(list) != 1:
		return nil, fault.Invalid("targets", "give the id of one engagement, eng_…")
	case in.Scope == HoldRecords && len(list) == 0:
		return nil, fault.Invalid("targets", "give the ids of the records, evd_…")
	}
	for _, s := range list {
		if in.Scope == HoldEngagement {
			if _, err := engagements.Open(c, s); err != nil {
				return nil, fault.Invalid("targets", "there is no engagement %s here", s).With(err)
			}
			continue
		}
		e, err := id.Parse[id.Evidence](s)
		if err != nil {
			return nil, fault.Invalid("targets", "%q is not the id of a record, evd_…", s)
		}
		if r, err := evidence.Find(c, e); err != nil {
			return nil, err
		} else if !r.Erased.IsZero() {
			return nil, fault.Invalid("targets", "%s was erased on %s", r.ID, r.Erased.Format("2 January 2006"))
		}
	}
	return list, nil
}

// Releasing ends a hold.
type Releasing struct {
	ID   string `json:"id" doc:"The hold's id, hld_…."`
	Note string `json:"note" minLength:"5" maxLength:"2000" doc:"Why it is no longer needed, and who said so."`
}

// release ends a hold. Who placed it may only where nobody else could: they
// ask, and 72 hours later they may, and both are entries.
func release(c *op.Call, in Releasing) (Hold, error) {
	ref, err := id.Parse[id.Hold](in.ID)
	if err != nil {
		return Hold{}, err
	}
	rows, err := db.Rows(c.Tx, selectHold, []any{c.Org, ref}, scanHold)
	if err == nil && len(rows) == 0 {
		err = fault.NotFound("There is no hold %s.", ref)
	}
	if err != nil {
		return Hold{}, err
	}
	h := rows[0]
	if !h.Released.IsZero() {
		return Hold{}, fault.Conflict("%s released this hold on %s.", h.Releaser, h.Released.Format("2 January 2006"))
	}
	if err := h.settle(c); err != nil {
		return Hold{}, err
	}
	if c.Actor.User == h.PlacerID && h.solely() && h.Asked.IsZero() {
		return h.ask(c)
	}
	second := auth.Second{Approvers: h.Approvers, AloneFrom: h.AloneFrom}
	if h.Alone, err = second.Agree(c.Actor, h.PlacerID, "the release of this hold", c.Now); err != nil {
		return Hold{}, err
	}
	h.Releaser, h.Note, h.Released, h.Approvers, h.AloneFrom = c.Actor.Name, strings.TrimSpace(in.Note), c.Now, nil, time.Time{}
	c.Note("placer", string(h.PlacerID))
	if h.Alone {
		c.Note("alone", true)
	}
	n, err := c.Tx.Exec(releaseHold, h.Releaser, h.Alone, h.Note, clock.Millis(h.Released), c.Org, h.ID)
	if err == nil && n == 0 {
		err = fault.Conflict("Another person has just released this hold.")
	}
	return h, err
}

// solely reports whether nobody but the placer has the right.
func (h Hold) solely() bool { return len(h.Approvers) == 1 && h.Approvers[0].ID == h.PlacerID }

// ask notes that the only person who could release a hold wants to.
func (h Hold) ask(c *op.Call) (Hold, error) {
	c.Note("asked", true)
	h.Asked = c.Now
	if _, err := c.Tx.Exec(askRelease, clock.Millis(h.Asked), c.Org, h.ID); err != nil {
		return Hold{}, err
	}
	return h, h.settle(c)
}

// settle says who may release a hold.
func (h *Hold) settle(c *op.Call) error {
	if !h.Released.IsZero() {
		return nil
	}
	members, err := auth.Members(c.Tx, c.Org)
	asked := h.Asked
	if asked.IsZero() {
		asked = c.Now
	}
	s := auth.SecondOf(members, auth.EraseWrite, h.PlacerID, asked)
	h.Approvers, h.AloneFrom = s.Approvers, s.AloneFrom
	return err
}

func holds(c *op.Call, _ op.None) (op.Page[Hold], error) {
	rows, err := db.Rows(c.Tx, selectHolds, []any{c.Org}, scanHold)
	for i := range rows {
		if err == nil {
			err = rows[i].settle(c)
		}
	}
	slices.SortStableFunc(rows, func(a, b Hold) int {
		switch {
		case a.Released.IsZero() == b.Released.IsZero():
			return 0
		case a.Released.IsZero():
			return -1
		}
		return 1
	})
	return op.Page[Hold]{Items: rows, Total: int64(len(rows))}, err
}

// holdsOn lists the holds in force that keep any of the records, or entries that
// made none.
func holdsOn(c *op.Call, records []evidence.Record, entries bool) ([]Hold, error) {
	out := []Hold{}
	k, err := keeping(c)
	if err != nil {
		return nil, err
	}
	for _, h := range k.holds {
		if entries && h.Scope == HoldAll || slices.ContainsFunc(records, func(r evidence.Record) bool { return k.on(h, r) }) {
			out = append(out, h)
		}
	}
	return out, nil
}

// keeper knows the holds in force and what the engagements may rest on.
type keeper struct {
	holds    []Hold
	rooms    map[string]engagements.Room
	versions []listed
	tied     map[id.Evidence][]id.Engagement
}

func keeping(c *op.Call) (*keeper, error) {
	k := &keeper{rooms: map[string]engagements.Room{}, tied: map[id.Evidence][]id.Engagement{}}
	var err error
	if k.holds, err = db.Rows(c.Tx, inForce, []any{c.Org}, scanHold); err != nil {
		return nil, err
	}
	all, err := ours(c)
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		k.rooms[string(e.ID)] = engagements.Room{Engagement: e}
	}
	if k.versions, err = populations(c); err != nil {
		return nil, err
	}
	list, err := links(c)
	for _, l := range list {
		k.tied[l.evidence] = append(k.tied[l.evidence], l.engagement)
	}
	return k, err
}

// within reports whether an engagement may rest on a record: it is linked in
// it, is a list of it, or tells of its period.
func (k *keeper) within(engagement string, r evidence.Record) bool {
	if slices.Contains(k.tied[r.ID], id.Engagement(engagement)) {
		return true
	}
	if slices.ContainsFunc(k.versions, func(v listed) bool { return string(v.engagement) == engagement && v.on(r) }) {
		return true
	}
	room, ok := k.rooms[engagement]
	if !ok {
		return false
	}
	from, to := room.Bounds()
	first, last := r.Captured, r.Captured
	if !r.CoversFrom.IsZero() {
		first = r.CoversFrom
	}
	if r.CoversTo.After(last) {
		last = r.CoversTo
	}
	return first.Before(to) && !last.Before(from)
}

// on reports whether a hold keeps a record.
func (k *keeper) on(h Hold, r evidence.Record) bool {
	switch h.Scope {
	case HoldAll:
		return true
	case HoldEngagement:
		return k.within(h.Targets[0], r)
	}
	return slices.Contains(h.Targets, string(r.ID))
}
