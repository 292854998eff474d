// Package erasures destroys what must not be kept: asked for by one person,
// approved by another, carried out by destroying keys and openings, and written
// down. Holds keep it from happening; retention proposes when it should.
package erasures

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Everything that can be done about erasing, holding and keeping.
var (
	Create  = op.Write("erasures.create", "Ask that records of evidence, or what entries say, be erased. Nothing goes before another person approves.", auth.EraseWrite, create)
	Approve = op.Write("erasures.approve", "Approve an erasure that another person asked for, and carry it out. It cannot be taken back.", auth.EraseWrite, approve)
	Refuse  = op.Write("erasures.refuse", "Refuse an erasure that was asked for, or take it back.", auth.EraseWrite, refuse)
	List    = op.Read("erasures.list", "List erasures, newest first: those that wait, those refused, those carried out.", auth.EraseRead, list)
	Get     = op.Read("erasures.get", "Show an erasure and, while it waits, exactly what would go.", auth.EraseRead, get)
	Preview = op.Read("erasures.preview", "Show what would go if records or entries were erased, and what stands in the way.", auth.EraseRead, preview)

	Operations = []op.Operation{Create, Approve, Refuse, List, Get, Preview, HoldNew, HoldRelease, HoldList, PolicyGet, PolicySet, Due}
)

// State is where an erasure stands.
type State string

// The states. What waits can be approved or refused; both are final.
const (
	Waiting State = "waiting"
	Refused State = "refused"
	Done    State = "erased"
)

// Bases are the grounds on which something is erased, in words.
var Bases = map[string]string{
	"data_subject_request": "data subject request",
	"retention_ended":      "retention ended",
	"recorded_in_error":    "recorded in error",
	"court_order":          "court order",
}

// An Erasure is a request and what became of it. Once carried out it holds
// nothing of what was erased.
type Erasure struct {
	ID       id.Erasure    `json:"id"`
	Basis    string        `json:"basis"`
	Reason   string        `json:"reason"`
	Evidence []id.Evidence `json:"evidence"`
	Entries  []int64       `json:"entries"`
	Asker    string        `json:"asker"`
	AskerID  id.User       `json:"asker_id"`
	Asked    time.Time     `json:"asked"`
	State    State         `json:"state"`
	Second   string        `json:"second,omitempty"` // who approved or refused
	SecondID id.User       `json:"second_id,omitempty"`
	Alone    bool          `json:"alone,omitempty"` // approved by the asker, since nobody else could
	Note     string        `json:"note,omitempty"`  // why it was refused
	Settled  time.Time     `json:"settled,omitzero"`
	Entry    int64         `json:"entry,omitempty"` // the first that erases
	Went     Went          `json:"went"`
	// Cleared is when the last object had left the store and the database had
	// been written anew. Before, what is left there is unreadable.
	Cleared time.Time `json:"cleared,omitzero"`
	Objects []Object  `json:"objects,omitempty"` // that the store still has
	// Of one that waits: who may approve it, and what would go.
	Approvers []auth.Approver `json:"approvers,omitempty"`
	AloneFrom time.Time       `json:"alone_from,omitzero"`
	Plan      *Plan           `json:"plan,omitempty"`
}

// Went counts what was erased.
type Went struct {
	Records []id.Evidence `json:"records"`
	Entries []int64       `json:"entries"`
	Blobs   int           `json:"blobs"`
	Kept    int           `json:"kept"` // pieces that other records need
}

// An Object lies in the store without a key.
type Object struct {
	Name    string `json:"name"`
	Tries   int64  `json:"tries"`
	Problem string `json:"problem,omitempty"`
}

// targets are what a request names.
type targets struct {
	Evidence []id.Evidence `json:"evidence"`
	Entries  []int64       `json:"entries"`
}

const (
	columns = `id, basis, reason, targets, asker_id, asker, asked, state, second_id, second, alone, note, settled, entry, done, cleared`

	insertErasure = "INSERT INTO erasure (org_id, " + columns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting', '', '', ?, '', 0, 0, '', 0)"
	selectErasure = "SELECT " + columns + " FROM erasure WHERE org_id = ? AND id = ?"
	selectPage    = "SELECT " + columns + " FROM erasure WHERE org_id = ? AND id < ? ORDER BY id DESC LIMIT ?"
	selectWaiting = "SELECT " + columns + " FROM erasure WHERE org_id = ? AND state = 'waiting' ORDER BY id"
	countErasures = "SELECT COUNT(*) FROM erasure WHERE org_id = ?"
	refuseErasure = `UPDATE erasure SET state = 'refused', second_id = ?, second = ?, note = ?, settled = ? WHERE org_id = ? AND id = ? AND state = 'waiting'`
	selectObjects = "SELECT object, tries, problem FROM erasure_object WHERE org_id = ? AND erasure_id = ? ORDER BY object"
)

func scan(scan func(...any) error, e *Erasure) error {
	var (
		named, done             string
		asked, settled, cleared int64
	)
	err := scan(&e.ID, &e.Basis, &e.Reason, &named, &e.AskerID, &e.Asker, &asked, &e.State, &e.SecondID, &e.Second, &e.Alone, &e.Note, &settled,
		&e.Entry, &done, &cleared)
	if err != nil {
		return err
	}
	e.Asked, e.Settled, e.Cleared = clock.FromMillis(asked), clock.FromMillis(settled), clock.FromMillis(cleared)
	var t targets
	if err := json.Unmarshal([]byte(named), &t); err != nil {
		return err
	}
	e.Evidence, e.Entries = t.Evidence, t.Entries
	if done == "" {
		return nil
	}
	return json.Unmarshal([]byte(done), &e.Went)
}

// Asking asks for an erasure.
type Asking struct {
	Evidence []string `json:"evidence,omitempty" maxItems:"200" doc:"Ids of the records, evd_…."`
	Entries  []int64  `json:"entries,omitempty" maxItems:"200" doc:"Numbers of further entries of the log, of kind op, of which the text is to go."`
	Basis    string   `json:"basis" enum:"data_subject_request,retention_ended,recorded_in_error,court_order" doc:"On what ground."`
	Reason   string   `json:"reason" minLength:"10" maxLength:"2000" doc:"Why, without repeating what is to be erased: this text stays."`
}

func create(c *op.Call, in Asking) (Erasure, error) {
	if c.Actor.User == "" {
		return Erasure{}, fault.Denied("An erasure is asked for by a person.")
	}
	t, err := parse(in.Evidence, in.Entries)
	if err != nil {
		return Erasure{}, err
	}
	plan, err := planOf(c, t, false)
	if err != nil {
		return Erasure{}, err
	}
	if err := plan.refusal(); err != nil {
		return Erasure{}, err
	}
	if err := waitsAlready(c, t); err != nil {
		return Erasure{}, err
	}
	e := Erasure{ID: id.New[id.Erasure](c.Now), Basis: in.Basis, Reason: strings.TrimSpace(in.Reason), Evidence: t.Evidence, Entries: t.Entries,
		Asker: c.Actor.Name, AskerID: c.Actor.User, Asked: c.Now, State: Waiting, Plan: &plan}
	named, err := json.Marshal(t)
	if err != nil {
		return Erasure{}, err
	}
	c.Note("id", string(e.ID))
	_, err = c.Tx.Exec(insertErasure, c.Org, e.ID, e.Basis, e.Reason, string(named), e.AskerID, e.Asker, clock.Millis(e.Asked), false)
	if err != nil {
		return Erasure{}, err
	}
	e.Plan = nil // titles do not belong into the answer that is kept for a repeated request
	return e, e.settle(c)
}

// waitsAlready refuses a second request for what waits for approval.
func waitsAlready(c *op.Call, t targets) error {
	rows, err := db.Rows(c.Tx, selectWaiting, []any{c.Org}, scan)
	if err != nil {
		return err
	}
	for _, e := range rows {
		for _, x := range t.Evidence {
			if slices.Contains(e.Evidence, x) {
				return fault.Conflict("%s is part of %s, which waits for approval.", x, e.ID)
			}
		}
	}
	return nil
}

func parse(evidence []string, entries []int64) (targets, error) {
	t := targets{Evidence: []id.Evidence{}, Entries: []int64{}}
	for _, s := range evidence {
		e, err := id.Parse[id.Evidence](s)
		if err != nil {
			return t, fault.Invalid("evidence", "%q is not the id of a record, evd_…", s)
		}
		if !slices.Contains(t.Evidence, e) {
			t.Evidence = append(t.Evidence, e)
		}
	}
	for _, n := range entries {
		if n < 0 {
			return t, fault.Invalid("entries", "an entry's number is 0 or more")
		}
		if !slices.Contains(t.Entries, n) {
			t.Entries = append(t.Entries, n)
		}
	}
	if len(t.Evidence)+len(t.Entries) == 0 {
		return t, fault.Invalid("evidence", "name at least one record or entry")
	}
	return t, nil
}

// Ref names an erasure.
type Ref struct {
	ID string `json:"id" doc:"The erasure's id, ers_…."`
}

func get(c *op.Call, in Ref) (Erasure, error) {
	e, err := one(c, in.ID)
	if err != nil {
		return Erasure{}, err
	}
	if e.State == Waiting {
		plan, err := planOf(c, targets{e.Evidence, e.Entries}, false)
		if err != nil {
			return Erasure{}, err
		}
		e.Plan = &plan
	}
	e.Objects, err = db.Rows(c.Tx, selectObjects, []any{c.Org, e.ID}, func(scan func(...any) error, o *Object) error {
		return scan(&o.Name, &o.Tries, &o.Problem)
	})
	return e, err
}

func one(c *op.Call, ref string) (Erasure, error) {
	e, err := id.Parse[id.Erasure](ref)
	if err != nil {
		return Erasure{}, err
	}
	rows, err := db.Rows(c.Tx, selectErasure, []any{c.Org, e}, scan)
	if err == nil && len(rows) == 0 {
		err = fault.NotFound("There is no erasure %s.", e)
	}
	if err != nil {
		return Erasure{}, err
	}
	return rows[0], rows[0].settle(c)
}

// settle says who may approve an erasure that waits.
func (e *Erasure) settle(c *op.Call) error {
	if e.State != Waiting {
		return nil
	}
	members, err := auth.Members(c.Tx, c.Org)
	s := auth.SecondOf(members, auth.EraseWrite, e.AskerID, e.Asked)
	e.Approvers, e.AloneFrom = s.Approvers, s.AloneFrom
	return err
}

// Filter pages through erasures.
type Filter struct {
	After string `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

// newest sorts after every id.
const newest = "ers_z"

func list(c *op.Call, in Filter) (op.Page[Erasure], error) {
	var total int64
	if err := c.Tx.Row(countErasures, []any{c.Org}, &total); err != nil {
		return op.Page[Erasure]{}, err
	}
	before := in.After
	if before == "" {
		before = newest
	}
	n := op.Limit(in.Limit)
	rows, err := db.Rows(c.Tx, selectPage, []any{c.Org, before, n + 1}, scan)
	for i := range rows {
		if err == nil {
			err = rows[i].settle(c)
		}
	}
	return op.PageOf(rows, n, total, func(e Erasure) string { return string(e.ID) }), err
}

// Refusal ends a request.
type Refusal struct {
	ID   string `json:"id" doc:"The erasure's id, ers_…."`
	Note string `json:"note" minLength:"5" maxLength:"2000" doc:"Why it is refused or taken back."`
}

func refuse(c *op.Call, in Refusal) (Erasure, error) {
	e, err := one(c, in.ID)
	if err != nil {
		return Erasure{}, err
	}
	if err := e.waits(); err != nil {
		return Erasure{}, err
	}
	if c.Actor.User == "" {
		return Erasure{}, fault.Denied("An erasure is refused by a person.")
	}
	e.State, e.Second, e.SecondID, e.Note, e.Settled = Refused, c.Actor.Name, c.Actor.User, strings.TrimSpace(in.Note), c.Now
	e.Approvers, e.AloneFrom = nil, time.Time{}
	n, err := c.Tx.Exec(refuseErasure, e.SecondID, e.Second, e.Note, clock.Millis(e.Settled), c.Org, e.ID)
	if err == nil && n == 0 {
		err = fault.Conflict("Another person has just settled %s.", e.ID)
	}
	return e, err
}

// waits refuses what was settled before.
func (e Erasure) waits() error {
	switch e.State {
	case Done:
		return fault.Conflict("%s approved this erasure on %s; entry %d carried it out.", e.Second, e.Settled.Format("2 January 2006"), e.Entry)
	case Refused:
		return fault.Conflict("%s refused this erasure on %s. Ask anew.", e.Second, e.Settled.Format("2 January 2006"))
	}
	return nil
}

// Wish names what would be erased.
type Wish struct {
	Evidence []string `json:"evidence,omitempty" maxItems:"200" doc:"Ids of the records, evd_…."`
	Entries  []int64  `json:"entries,omitempty" maxItems:"200" doc:"Numbers of further entries."`
}

func preview(c *op.Call, in Wish) (Plan, error) {
	t, err := parse(in.Evidence, in.Entries)
	if err != nil {
		return Plan{}, err
	}
	return planOf(c, t, false)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
