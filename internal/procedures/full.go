package procedures

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/populations"
)

const (
	insertRun = `INSERT INTO procedure_run (org_id, procedure_id, number, attribute, version, digest, expression, total, agrees, deviates, unknown, items,
		unsure, listed, unknowns, why, actor, actor_id, at, entry)
		VALUES (?, ?, (SELECT COUNT(*) + 1 FROM procedure_run WHERE org_id = ? AND procedure_id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	selectRunners = "SELECT DISTINCT actor_id FROM procedure_run WHERE org_id = ? AND procedure_id = ?"
)

// How many deviations and unknown items of a full test are listed; the rest is
// counted. The entry's content has all.
const (
	listedDeviations = 100
	listedUnknowns   = 100
)

func run(c *op.Call, in Running) (FullTest, error) {
	r, p, err := enter(c, in.Engagement, in.Control, atWork)
	if err != nil {
		return FullTest{}, err
	}
	a, ok := p.attribute(in.Attribute)
	switch {
	case p.Basis != InFull:
		return FullTest{}, fault.Conflict("The plan for %s does not test every item. Plan it in full first.", p.Control)
	case !ok:
		return FullTest{}, fault.Invalid("attribute", "%s has no attribute %s", p.Control, clipped(in.Attribute))
	}
	l, err := accepted(c, r, p, "")
	if err != nil {
		return FullTest{}, err
	}
	if was, done := p.runs[a.Letter]; done && was.Version == l.version.Version && was.Digest == l.version.Digest {
		return FullTest{}, fault.Conflict("%s of %s was held against this list on %s: %d of %d deviate. The same test gives the same answer.", a.Letter, p.Control,
			day(was.At), was.Deviates, was.Total)
	}
	t := fullRun{paper: p, list: l, attribute: a}
	if err := t.over(c, r); err != nil {
		return FullTest{}, err
	}
	if t.Entry, err = recordFull(c, r, p, l.pop.ID, l.version.Entry, t.FullTest, t.content); err != nil {
		return FullTest{}, err
	}
	return t.FullTest, t.keep(c)
}

// A fullRun is one pass over a list.
type fullRun struct {
	FullTest
	paper     *paper
	list      *sealedList
	attribute Attribute
	content   []byte
	failed    []drawnItem
}

// over judges every row: by the attribute, and by those that were run before,
// so that items that deviate in several count once.
func (t *fullRun) over(c *op.Call, r *engagements.Room) error {
	t.FullTest = FullTest{Attribute: t.attribute.Letter, Expression: t.attribute.Expression, Version: t.list.version.Version, Digest: t.list.version.Digest,
		Total: len(t.list.items), By: c.Actor.Name, user: c.Actor.User, At: c.Now}
	_, to := r.Bounds()
	together := []Attribute{t.attribute}
	for _, a := range t.paper.Attributes {
		if was, done := t.paper.runs[a.Letter]; done && a.Letter != t.attribute.Letter && was.Version == t.Version {
			together = append(together, a)
		}
	}
	if t.Total == 0 {
		t.Observed = percent(0, 0)
		return nil
	}
	j, err := newJudge(together, t.list.shape, to)
	if err != nil {
		return fault.Conflict("Correct the plan of %s first. %s", t.paper.Control, err).With(err)
	}
	n := 0
	err = populations.EachRow(c, c, r, t.list.version, func(row populations.Row) error {
		n++
		seen := j.resource(row.Item, row.Record)
		status, why := j.propose(t.attribute.Letter, seen)
		t.count(n, row, status, why)
		deviates, unsure := status == proposesDeviation, status == proposesUnknown
		for _, a := range together[1:] {
			other, _ := j.propose(a.Letter, seen)
			deviates, unsure = deviates || other == proposesDeviation, unsure || other == proposesUnknown
		}
		switch {
		case deviates:
			t.items++
		case unsure:
			t.unsure++
		}
		return nil
	})
	t.Observed = percent(t.Deviates, t.Total)
	return err
}

func (t *fullRun) count(n int, row populations.Row, status, why string) {
	word := "unknown"
	switch status {
	case proposesAgrees:
		word = "agrees"
		t.Agrees++
	case proposesDeviation:
		word = "deviates"
		t.Deviates++
		if len(t.failed) < listedDeviations {
			d := drawnItem{ordinal: n, item: row.Item}
			d.take(row)
			t.failed = append(t.failed, d)
		}
	default:
		t.Unknown++
		t.Why = cmp.Or(t.Why, why)
		if len(t.Unknowns) < listedUnknowns {
			t.Unknowns = append(t.Unknowns, row.Item)
		}
	}
	t.content = fmt.Appendf(t.content, "%s\t%s\n", row.Item, word)
}

// recordFull seals the result of a test of every item.
func recordFull(c *op.Call, r *engagements.Room, p *paper, pop id.Population, seal int64, t FullTest, content []byte) (int64, error) {
	blob, err := c.Vault.Put(c, c.Org, content)
	if err != nil {
		return 0, err
	}
	answers, err := c.AnswerTo(r.Client.Org, seal)
	if err != nil {
		return 0, err
	}
	return c.Append(op.Record{Kind: canon.KindTest, ID: string(p.ID), Answers: answers, Content: &blob, Body: map[string]any{
		"step": "full", "control": p.Control, "population": pop, "version": t.Version, "digest": t.Digest, "attribute": t.Attribute,
		"expression": t.Expression, "total": t.Total, "agrees": t.Agrees, "deviates": t.Deviates, "unknown": t.Unknown, "media_type": "text/tab-separated-values"}})
}

// keep stores the run and a deviation for each of the first items that failed.
// What an earlier run over another version of the list raised gives way.
func (t *fullRun) keep(c *op.Call) error {
	p := t.paper
	if _, err := c.Tx.Exec(withdrawRun, clock.Millis(c.Now), c.Org, p.ID, t.Attribute); err != nil {
		return err
	}
	for _, d := range t.failed {
		if err := raise(c, p, d, t.attribute, "", "The record does not meet "+t.Expression); err != nil {
			return err
		}
	}
	t.Listed = len(t.failed)
	if t.Unknowns == nil {
		t.Unknowns = []string{}
	}
	unknowns, err := json.Marshal(t.Unknowns)
	if err != nil {
		return err
	}
	_, err = c.Tx.Exec(insertRun, c.Org, p.ID, c.Org, p.ID, t.Attribute, t.Version, t.Digest, t.Expression, t.Total, t.Agrees, t.Deviates, t.Unknown,
		t.items, t.unsure, t.Listed, string(unknowns), t.Why, t.By, t.user, clock.Millis(t.At), t.Entry)
	if db.IsDuplicate(err) {
		err = fault.Conflict("%s was tested a moment ago. Look again.", p.Control)
	}
	if err != nil {
		return err
	}
	return touch(c, p, t.Entry)
}
