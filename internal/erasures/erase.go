package erasures

import (
	"encoding/json"
	"slices"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
)

const (
	finishErasure = `UPDATE erasure SET state = 'erased', second_id = ?, second = ?, alone = ?, settled = ?, entry = ?, done = ?
		WHERE org_id = ? AND id = ? AND state = 'waiting'`
	insertObject = `INSERT INTO erasure_object (org_id, erasure_id, object, tries, problem) VALUES (?, ?, ?, 0, '')`
	deleteDue    = "DELETE FROM erasure_due WHERE org_id = ? AND evidence_id = ?"
)

// Approval carries an erasure out.
type Approval struct {
	ID   string `json:"id" doc:"The erasure's id, ers_…."`
	Plan string `json:"plan" maxLength:"64" doc:"The digest of the plan you looked at, from erasures.get."`
}

// approve carries an erasure out in one transaction: openings, keys and the
// rows' own copies go, and an entry says so, or nothing happens at all.
func approve(c *op.Call, in Approval) (Erasure, error) {
	e, err := one(c, in.ID)
	if err != nil {
		return Erasure{}, err
	}
	if err := e.waits(); err != nil {
		return Erasure{}, err
	}
	second := auth.Second{Approvers: e.Approvers, AloneFrom: e.AloneFrom}
	if e.Alone, err = second.Agree(c.Actor, e.AskerID, "this erasure", c.Now); err != nil {
		return Erasure{}, err
	}
	plan, err := planOf(c, targets{e.Evidence, e.Entries}, true)
	if err != nil {
		return Erasure{}, err
	}
	if err := plan.refusal(); err != nil {
		return Erasure{}, err
	}
	if plan.Digest != in.Plan {
		return Erasure{}, fault.Conflict("What would go is no longer what you looked at: something else shares the bytes by now, or no longer does. Look again and decide.")
	}
	e.Second, e.SecondID, e.Settled = c.Actor.Name, c.Actor.User, c.Now
	if err := e.carryOut(c, plan); err != nil {
		return Erasure{}, err
	}
	if err := e.finish(c); err != nil {
		return Erasure{}, err
	}
	_, err = job.Enqueue(c.Tx, c.Org, job.Insert{Kind: clearJob, Args: clearing{e.ID}, Unique: string(e.ID), Attempts: clearTries}, c.Now)
	return e, err
}

// carryOut destroys what a plan names.
func (e *Erasure) carryOut(c *op.Call, plan Plan) error {
	e.Went = Went{Records: []id.Evidence{}, Entries: []int64{}, Blobs: plan.Blobs}
	for _, k := range plan.Kept {
		e.Went.Kept += k.Pieces
	}
	for _, l := range plan.Entries {
		e.Went.Entries = append(e.Went.Entries, l.Index)
	}
	if err := e.forget(c, plan); err != nil { // while the entries can still be read
		return err
	}
	if err := c.Ledger.Erase(c.Tx, c.Org, e.Went.Entries); err != nil {
		return err
	}
	by, err := e.record(c, plan.records)
	if err != nil {
		return err
	}
	for _, r := range plan.records {
		e.Went.Records = append(e.Went.Records, r.ID)
		if err := evidence.Erase(c, r, by[r.Entry], Bases[e.Basis]); err != nil {
			return err
		}
		if _, err := c.Tx.Exec(deleteDue, c.Org, r.ID); err != nil {
			return err
		}
	}
	var addresses []string
	for a := range plan.addresses {
		addresses = append(addresses, a)
	}
	slices.Sort(addresses)
	for _, a := range addresses {
		object, err := c.Vault.Destroy(c.Tx, c.Org, a)
		if err != nil {
			return err
		}
		if object == "" {
			continue
		}
		if _, err := c.Tx.Exec(insertObject, c.Org, e.ID, object); err != nil {
			return err
		}
	}
	return nil
}

// record appends the entry that says what was erased, or several where one
// cannot name them all, and returns by which entry each was. It names the ids of
// records beside their entries: other entries link to those ids, which say
// nothing, and a verifier could not tell what they lead to.
func (e *Erasure) record(c *op.Call, records []evidence.Record) (map[int64]int64, error) {
	by := map[int64]int64{}
	approvers := []string{string(e.AskerID), string(e.SecondID)}
	body := map[string]any{"basis": e.Basis, "approvers": approvers, "date": canon.FormatTime(c.Now)}
	if e.Alone {
		body["alone"] = true
	}
	for i, part := range ledger.ErasedAtOnce(e.Went.Entries) {
		ids := map[string]any{}
		for _, r := range records {
			if slices.Contains(part, r.Entry) {
				ids[string(r.ID)] = r.Entry
			}
		}
		body["records"] = ids
		entry, err := c.Append(op.Record{Kind: canon.KindErasure, ID: string(e.ID), Body: body, Erases: part})
		if err != nil {
			return nil, err
		}
		if i == 0 {
			e.Entry = entry
		}
		for _, n := range part {
			by[n] = entry
		}
	}
	return by, nil
}

// forget blanks the answers that are kept for repeated requests, where they
// tell what is erased.
func (e *Erasure) forget(c *op.Call, plan Plan) error {
	var words []string
	for _, r := range plan.records {
		words = append(words, string(r.ID))
	}
	if len(words) > 0 {
		if err := c.Forget(words...); err != nil {
			return err
		}
	}
	for _, l := range plan.Entries {
		if l.Kind != canon.KindOp {
			continue
		}
		x := planner{c: c}
		_, open, err := x.open(l.Index)
		if err != nil {
			return err
		}
		if err := c.ForgetAct(actorOf(open), l.Op, l.Recorded); err != nil {
			return err
		}
	}
	return nil
}

func actorOf(open map[string]string) string {
	var a struct {
		ID string `json:"id"`
	}
	if json.Unmarshal([]byte(open[canon.LabelActor]), &a) != nil {
		return ""
	}
	return a.ID
}

func (e *Erasure) finish(c *op.Call) error {
	done, err := json.Marshal(e.Went)
	if err != nil {
		return err
	}
	e.State = Done
	n, err := c.Tx.Exec(finishErasure, e.SecondID, e.Second, e.Alone, clock.Millis(e.Settled), e.Entry, string(done), c.Org, e.ID)
	if err == nil && n == 0 {
		err = fault.Conflict("Another person has just settled %s.", e.ID)
	}
	e.Approvers = nil
	return err
}
