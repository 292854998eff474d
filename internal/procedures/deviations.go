package procedures

import (
	"cmp"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Causes and extents of deviations that rules speak of.
const (
	causeDesign      = "design"
	extentIsolated   = "isolated"
	extentSystematic = "systematic"
	byAuditor        = "auditor"
)

const (
	deviationColumns = `id, procedure_id, ordinal, item, label, attribute, text, code, note, raised, raised_by, classified, actor, cause, extent, why,
		expected, actual, starts, ends, detection, fraud, impact, compensating, remediation, disclosure, version`
	insertDeviation = "INSERT INTO deviation (org_id, withdrawn, actor_id, " + deviationColumns + `)
		VALUES (?, 0, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', '', '', '', '', '', '', '', '', FALSE, '', '', '', '', 0)`
	selectDeviations = "SELECT " + deviationColumns + ` FROM deviation
		WHERE org_id = ? AND procedure_id >= ? AND procedure_id <= ? AND withdrawn = 0 ORDER BY procedure_id, ordinal, attribute, id`
	withdrawDeviation = "UPDATE deviation SET withdrawn = ? WHERE org_id = ? AND procedure_id = ? AND ordinal = ? AND attribute = ? AND withdrawn = 0"
	withdrawRun       = "UPDATE deviation SET withdrawn = ? WHERE org_id = ? AND procedure_id = ? AND attribute = ? AND withdrawn = 0"
	renoteDeviation   = "UPDATE deviation SET note = ?, code = ? WHERE org_id = ? AND procedure_id = ? AND ordinal = ? AND attribute = ? AND withdrawn = 0"
	classifyDeviation = `UPDATE deviation SET classified = ?, actor = ?, actor_id = ?, cause = ?, extent = ?, why = ?, expected = ?, actual = ?, starts = ?,
		ends = ?, detection = ?, fraud = ?, impact = ?, compensating = ?, remediation = ?, disclosure = ?, version = version + 1
		WHERE org_id = ? AND id = ? AND version = ? AND withdrawn = 0`
	selectClassifiers = "SELECT DISTINCT actor_id FROM deviation WHERE org_id = ? AND procedure_id = ? AND actor_id <> ''"

	insertResponse = `INSERT INTO deviation_response (org_id, deviation_id, number, engagement_id, text, actor, at)
		VALUES (?, ?, (SELECT COUNT(*) + 1 FROM deviation_response WHERE org_id = ? AND deviation_id = ?), ?, ?, ?, ?)`
	selectResponses = "SELECT deviation_id, text, actor, at FROM deviation_response WHERE org_id = ? AND engagement_id = ? ORDER BY deviation_id, number"
)

func scanDeviation(scan func(...any) error, d *Deviation) error {
	var raised, classified int64
	err := scan(&d.ID, &d.procedure, &d.ordinal, &d.Item, &d.Label, &d.Attribute, &d.Text, &d.Code, &d.Note, &raised, &d.RaisedBy, &classified, &d.By,
		&d.Cause, &d.Extent, &d.Why, &d.Expected, &d.Actual, &d.From, &d.To, &d.Detection, &d.Fraud, &d.Impact, &d.Covering, &d.Remedy, &d.Disclosure,
		&d.Version)
	d.Raised, d.Classified = clock.FromMillis(raised), clock.FromMillis(classified)
	return err
}

// raise records that an item failed an attribute.
func raise(c *op.Call, p *paper, d drawnItem, a Attribute, code, note string) error {
	_, err := c.Tx.Exec(insertDeviation, c.Org, id.New[id.Deviation](c.Now), p.ID, d.ordinal, d.item, d.label, a.Letter, a.Text, code, note,
		clock.Millis(c.Now), c.Actor.Name)
	return err
}

// readDeviations adds what stands, with management's responses, to the papers.
func readDeviations(c *op.Call, r *engagements.Room, span []any, to map[id.Procedure]*paper) error {
	rows, err := db.Rows(c.Tx, selectDeviations, span, scanDeviation)
	if err != nil || len(rows) == 0 {
		return err
	}
	said := map[id.Deviation]Deviation{}
	err = c.Tx.Each(selectResponses, []any{r.Client.Org, r.ID}, func(scan func(...any) error) error {
		var (
			d  Deviation
			at int64
		)
		err := scan(&d.ID, &d.Response, &d.Responder, &at)
		d.Responded = clock.FromMillis(at)
		said[d.ID] = d // the newest comes last
		return err
	})
	for _, d := range rows {
		p := to[d.procedure]
		if p == nil {
			continue
		}
		d.Control, d.Title = p.Control, p.Title
		d.Response, d.Responder, d.Responded = said[d.ID].Response, said[d.ID].Responder, said[d.ID].Responded
		p.found = append(p.found, d)
	}
	return err
}

// forClient is a deviation without what is the firm's own.
func (d Deviation) forClient() Deviation {
	return Deviation{ID: d.ID, Control: d.Control, Title: d.Title, Item: d.Item, Label: d.Label, Attribute: d.Attribute, Text: d.Text, Code: d.Code,
		Raised: d.Raised, Classified: d.Classified, Expected: d.Expected, Actual: d.Actual, From: d.From, To: d.To, Remedy: d.Remedy,
		Disclosure: d.Disclosure, Response: d.Response, Responder: d.Responder, Responded: d.Responded}
}

func deviations(c *op.Call, in DeviationFilter) (op.Page[Deviation], error) {
	out := op.Page[Deviation]{Items: []Deviation{}}
	r, err := engagements.Open(c, in.Engagement)
	if err != nil {
		return out, err
	}
	papers, err := survey(c, r, in.Control)
	if err != nil {
		return out, err
	}
	for _, p := range papers {
		for _, d := range p.found {
			switch {
			case r.Side == engagements.FirmSide:
				out.Items = append(out.Items, d)
			case !d.Classified.IsZero():
				out.Items = append(out.Items, d.forClient())
			}
		}
	}
	out.Total = int64(len(out.Items))
	return out, nil
}

// found finds a deviation that stands, with its workpaper.
func found(c *op.Call, r *engagements.Room, ref string) (*paper, Deviation, error) {
	want, err := id.Parse[id.Deviation](ref)
	if err != nil {
		return nil, Deviation{}, err
	}
	papers, err := survey(c, r, "")
	if err != nil {
		return nil, Deviation{}, err
	}
	for _, p := range papers {
		for _, d := range p.found {
			if d.ID == want && (r.Side == engagements.FirmSide || !d.Classified.IsZero()) {
				return p, d, nil
			}
		}
	}
	return nil, Deviation{}, fault.NotFound("There is no deviation %s in %s.", want, r.Name)
}

func classify(c *op.Call, in Classification) (Deviation, error) {
	r, err := engagements.AsFirm(c, in.Engagement)
	if err != nil {
		return Deviation{}, err
	}
	if err := r.Within(atWork...); err != nil {
		return Deviation{}, err
	}
	p, d, err := found(c, r, in.ID)
	if err != nil {
		return Deviation{}, err
	}
	owner, err := ownerOf(c, r, p.Control)
	if err == nil {
		err = auditor(c, r, owner)
	}
	if err == nil {
		err = in.check(c, r, p)
	}
	if err != nil {
		return Deviation{}, err
	}
	if d.Version != in.Version {
		stale := fault.Conflict("The deviation of %s was classified since you read it.", d.Item)
		stale.Current = d
		return Deviation{}, stale
	}
	all := []Deviation{d}
	if in.Alike {
		for _, o := range p.found {
			if o.ID != d.ID && o.Attribute == d.Attribute && o.Classified.IsZero() {
				all = append(all, o)
			}
		}
	}
	for _, o := range all {
		n, err := c.Tx.Exec(classifyDeviation, clock.Millis(c.Now), c.Actor.Name, c.Actor.User, in.Cause, in.Extent, strings.TrimSpace(in.Reason),
			in.Expected, in.Actual, in.From, in.To, cmp.Or(in.Detection, byAuditor), in.Fraud, in.Impact, in.Covering, in.Remedy,
			strings.TrimSpace(in.Disclosure), c.Org, o.ID, o.Version)
		if err == nil && n == 0 {
			err = fault.Conflict("The deviation of %s was changed a moment ago.", o.Item)
		}
		if err != nil {
			return Deviation{}, err
		}
	}
	entry, err := in.record(c, p, all)
	if err == nil {
		err = touch(c, p, entry)
	}
	if err != nil {
		return Deviation{}, err
	}
	_, d, err = found(c, r, in.ID)
	return d, err
}

// check refuses a classification that contradicts itself.
func (in Classification) check(c *op.Call, r *engagements.Room, p *paper) error {
	switch {
	case strings.TrimSpace(in.Reason) == "":
		return fault.Invalid("reason", "say what cause and extent rest on")
	case strings.TrimSpace(in.Disclosure) == "":
		return fault.Invalid("disclosure", "write the text as the report will say it")
	case in.Cause == causeDesign && in.Extent == extentIsolated:
		return fault.Invalid("extent", "a control that is designed wrongly fails wherever it operates: that is systematic")
	case in.Cause == "one_off" && in.Extent == extentSystematic:
		return fault.Invalid("extent", "what happened once is isolated; name the cause that makes it systematic")
	case in.To != "" && in.From == "", in.From != "" && in.To != "" && in.To < in.From:
		return fault.Invalid("to", "give the first day affected, and a last day that is not before it")
	}
	for _, d := range [][2]string{{"from", in.From}, {"to", in.To}} {
		if _, err := time.Parse(time.DateOnly, d[1]); err != nil && d[1] != "" {
			return fault.Invalid(d[0], "give a day that exists, such as 2026-05-14")
		}
	}
	if in.Covering == "" {
		return nil
	}
	if in.Covering == p.Control {
		return fault.Invalid("compensating", "a control does not compensate itself")
	}
	_, err := open(c, r, in.Covering)
	if fault.KindOf(err) == fault.KindNotFound {
		return fault.Invalid("compensating", "no test of %s is planned; plan it first, since only a tested control compensates", clipped(in.Covering))
	}
	return err
}

// record leaves the entry of a classification.
func (in Classification) record(c *op.Call, p *paper, all []Deviation) (int64, error) {
	ids := make([]string, len(all))
	for i, d := range all {
		ids[i] = string(d.ID)
	}
	body := map[string]any{"control": p.Control, "deviations": ids, "cause": in.Cause, "extent": in.Extent, "reason": in.Reason, "disclosure": in.Disclosure}
	for k, v := range map[string]string{"expected": in.Expected, "actual": in.Actual, "from": in.From, "to": in.To, "detection": in.Detection,
		"impact": in.Impact, "compensating": in.Covering, "remediation": in.Remedy} {
		if v != "" {
			body[k] = v
		}
	}
	if in.Fraud {
		body["fraud"] = true
	}
	return c.Append(op.Record{Kind: canon.KindOp, ID: in.ID, Body: body})
}

func respond(c *op.Call, in Response) (Deviation, error) {
	r, err := engagements.AsClient(c, in.Engagement)
	if err != nil {
		return Deviation{}, err
	}
	if err := r.Within(atWork...); err != nil {
		return Deviation{}, err
	}
	text := strings.TrimSpace(in.Text)
	if text == "" {
		return Deviation{}, fault.Invalid("text", "say what management has done or will do, and when")
	}
	_, d, err := found(c, r, in.ID)
	if err != nil {
		return Deviation{}, err
	}
	_, err = c.Tx.Exec(insertResponse, c.Org, d.ID, c.Org, d.ID, r.ID, text, c.Actor.Name, clock.Millis(c.Now))
	if db.IsDuplicate(err) {
		err = fault.Conflict("The deviation was responded to a moment ago. Look again.")
	}
	d.Response, d.Responder, d.Responded = text, c.Actor.Name, c.Now
	c.Note("id", string(d.ID))
	return d.forClient(), err
}
