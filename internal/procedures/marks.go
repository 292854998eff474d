package procedures

import (
	"cmp"
	"maps"
	"slices"
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

const (
	insertMark = `INSERT INTO mark (org_id, procedure_id, ordinal, attribute, seq, mark, reason, code, confirmed, actor, actor_id, at, entry)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	upsertMark = `INSERT INTO mark_now (org_id, procedure_id, ordinal, attribute, seq, mark, reason, code, actor, at, entry)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org_id, procedure_id, ordinal, attribute) DO UPDATE SET seq = excluded.seq, mark = excluded.mark, reason = excluded.reason,
			code = excluded.code, actor = excluded.actor, at = excluded.at, entry = excluded.entry`
	selectNow = `SELECT ordinal, attribute, seq, mark, reason, code, actor, at, entry FROM mark_now
		WHERE org_id = ? AND procedure_id = ? AND ordinal >= ? AND ordinal <= ?`
	selectHistory = `SELECT attribute, mark, reason, code, confirmed, actor, at, entry FROM mark
		WHERE org_id = ? AND procedure_id = ? AND ordinal = ? ORDER BY entry DESC, attribute, seq DESC`
	tallyItem     = "UPDATE item SET marked = marked + ?, deviates = deviates + ? WHERE org_id = ? AND procedure_id = ? AND ordinal = ?"
	selectMarkers = "SELECT DISTINCT actor_id FROM mark WHERE org_id = ? AND procedure_id = ?"
)

// How many marks one entry holds, and about how many bytes they take: what an
// entry says fits into one line of a bundle.
const (
	marksAnEntry = 500
	bytesAnEntry = 400 << 10
	bytesAMark   = 400 // without the reason
)

// A standing mark is what a cell shows now.
type standing struct {
	seq                       int
	mark, reason, code, actor string
	at                        time.Time
	entry                     int64
}

// A place is that of a cell in the grid.
type place struct {
	ordinal   int
	attribute string
}

func standingOf(c *op.Call, p id.Procedure, from, to int) (map[place]standing, error) {
	out := map[place]standing{}
	err := c.Tx.Each(selectNow, []any{c.Org, p, from, to}, func(scan func(...any) error) error {
		var (
			at place
			s  standing
			ms int64
		)
		err := scan(&at.ordinal, &at.attribute, &s.seq, &s.mark, &s.reason, &s.code, &s.actor, &ms, &s.entry)
		s.at = clock.FromMillis(ms)
		out[at] = s
		return err
	})
	return out, err
}

// A wish is a mark that is about to be set.
type wish struct {
	item               drawnItem
	attribute          Attribute
	mark, reason, code string
	confirmed          bool
}

func set(c *op.Call, in Marking) (Marked, error) {
	r, p, err := enter(c, in.Engagement, in.Control, atWork)
	if err != nil {
		return Marked{}, err
	}
	reason := strings.TrimSpace(in.Reason)
	switch {
	case (in.Mark == Deviates || in.Mark == NotApplicable) && reason == "":
		return Marked{}, fault.Invalid("reason", "say why: it is signed with the cell and shown beside it")
	case in.Code == MissingEvidence && in.Mark != Deviates:
		return Marked{}, fault.Invalid("code", "missing evidence is a deviation; mark it so")
	case in.Code != "" && in.Mark != Deviates:
		return Marked{}, fault.Invalid("code", "a code says why something deviates; leave it out")
	}
	g, err := gather(c, r, p, in.Items)
	if err != nil {
		return Marked{}, err
	}
	var wishes []wish
	for _, d := range g.rows {
		for _, letter := range unique(in.Attributes) {
			a, ok := p.attribute(letter)
			if !ok {
				return Marked{}, fault.Invalid("attributes", "%s has no attribute %s; it has %s", p.Control, clipped(letter), strings.Join(p.letters(), ", "))
			}
			was := g.now[place{d.ordinal, letter}]
			switch {
			case was.mark == in.Mark && was.reason == reason && was.code == in.Code:
				continue
			case in.Mark == Untested && (was.mark == "" || was.mark == Untested):
				continue
			case was.mark == Deviates && in.Mark != Deviates && reason == "":
				return Marked{}, fault.Invalid("reason", "%s %s is a deviation; say why it is taken back", d.item, letter)
			}
			w := wish{item: d, attribute: a, mark: in.Mark, reason: reason, code: in.Code}
			if err := g.allows(w); err != nil {
				return Marked{}, err
			}
			wishes = append(wishes, w)
		}
	}
	return g.mark(c, r, p, wishes, len(g.rows)*len(unique(in.Attributes))-len(wishes))
}

func unique(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return slices.Compact(out)
}

func confirm(c *op.Call, in Confirmation) (Marked, error) {
	r, p, err := enter(c, in.Engagement, in.Control, atWork)
	if err != nil {
		return Marked{}, err
	}
	if !p.structured() {
		return Marked{}, fault.Conflict("No attribute of %s has an expression, so nothing is proposed. Set the marks.", p.Control)
	}
	g, err := gather(c, r, p, in.Items)
	if err != nil {
		return Marked{}, err
	}
	v, err := newView(r, p)
	if err != nil {
		return Marked{}, err
	}
	letters := unique(in.Attributes)
	for _, letter := range letters {
		if a, _ := p.attribute(letter); a.Expression == "" {
			return Marked{}, fault.Invalid("attributes", "%s has no expression, so nothing is proposed for it", clipped(letter))
		}
	}
	var (
		wishes  []wish
		skipped int
	)
	for _, d := range g.rows {
		seen := v.judge.resource(d.item, []byte(d.record))
		found := aboutItem(seen.Attrs, v.roles, p.Attributes, v.zone)
		for _, a := range p.Attributes {
			if a.Expression == "" || len(letters) > 0 && !slices.Contains(letters, a.Letter) {
				continue
			}
			was := g.now[place{d.ordinal, a.Letter}].mark
			proposed, _ := v.judge.propose(a.Letter, seen)
			if proposed == proposesUnknown || was != "" && was != Untested {
				skipped++
				continue
			}
			w := wish{item: d, attribute: a, mark: Reperformed, confirmed: true}
			if proposed == proposesDeviation {
				w.mark, w.reason = Deviates, cmp.Or(strings.TrimSpace(in.Reason), "The record does not show: "+a.Text+".")
				for _, f := range found {
					if f.Attribute == a.Letter {
						w.code, w.reason = f.Code, cmp.Or(strings.TrimSpace(in.Reason), f.Text)
					}
				}
			}
			if err := g.allows(w); err != nil {
				return Marked{}, err
			}
			wishes = append(wishes, w)
		}
	}
	return g.mark(c, r, p, wishes, skipped)
}

// A gathering is what marks are judged by: items, links and what stands.
type gathering struct {
	paper *paper
	rows  []drawnItem
	links map[int][]linking
	now   map[place]standing
}

func gather(c *op.Call, r *engagements.Room, p *paper, wanted []string) (*gathering, error) {
	switch {
	case p.Basis == InFull:
		return nil, fault.Conflict("%s is tested in full by its expressions: run them.", p.Control)
	case p.Basis == BySample && p.Sample == nil:
		return nil, fault.Conflict("The sample of %s is not drawn: there is nothing to test yet.", p.Control)
	case p.Sample != nil && p.Sample.Method == methodNone:
		return nil, fault.Conflict("Nothing was drawn for %s, so no item is marked. What the list shows stands.", p.Control)
	}
	rows, err := chosen(c, p, wanted)
	if err != nil {
		return nil, err
	}
	g := &gathering{paper: p, rows: rows}
	from, to := rows[0].ordinal, rows[len(rows)-1].ordinal
	if g.links, err = linksOf(c, r, p.ID, from, to); err != nil {
		return nil, err
	}
	g.now, err = standingOf(c, p.ID, from, to)
	return g, err
}

// allows refuses a mark that comes before the evidence it rests on.
func (g *gathering) allows(w wish) error {
	if w.mark == Untested || w.code == MissingEvidence {
		return nil
	}
	links := g.links[w.item.ordinal]
	fromList := w.attribute.Expression != "" && g.paper.Sample != nil && g.paper.Sample.rowsLink >= 0
	if len(links) == 0 && !fromList {
		return fault.Conflict("%s has no evidence linked to it yet, so %s cannot be marked: no conclusion before evidence. If nobody can show any, mark a deviation with the code missing.",
			w.item.item, w.attribute.Letter)
	}
	affirms := w.mark == Agrees || w.mark == Reperformed
	good := slices.ContainsFunc(links, func(l linking) bool { return l.level <= leastLevel })
	if affirms && g.paper.Basis == BySample && !fromList && !good {
		return fault.Conflict("EV16: what is linked to %s was made for the audit. Operation is shown by evidence of level %d or better.", w.item.item, leastLevel)
	}
	return nil
}

// mark seals and stores the marks, some hundreds an entry, raises and withdraws
// deviations, and returns the rows as they stand then.
func (g *gathering) mark(c *op.Call, r *engagements.Room, p *paper, wishes []wish, skipped int) (Marked, error) {
	out := Marked{Marks: len(wishes), Skipped: skipped, Entries: []int64{}}
	longest := 0
	for _, w := range wishes {
		longest = max(longest, len(w.reason))
	}
	for part := range slices.Chunk(wishes, min(marksAnEntry, bytesAnEntry/(bytesAMark+longest))) {
		entry, err := g.seal(c, r, p, part)
		if err != nil {
			return out, err
		}
		out.Entries = append(out.Entries, entry)
		if err := g.store(c, p, part, entry); err != nil {
			return out, err
		}
	}
	if n := len(out.Entries); n > 0 {
		if err := touch(c, p, out.Entries[n-1]); err != nil {
			return out, err
		}
	}
	now, err := open(c, r, p.Control)
	if err != nil {
		return out, err
	}
	out.Evaluation, out.Left = now.Evaluation, now.Left
	out.Rows, err = rowsOf(c, r, now, g.rows[:min(len(g.rows), op.MaxLimit)])
	return out, err
}

func (g *gathering) seal(c *op.Call, r *engagements.Room, p *paper, part []wish) (int64, error) {
	list := make([]any, len(part))
	newest := int64(-1) // of the client's log
	for i, w := range part {
		one := map[string]any{"item": w.item.item, "attribute": w.attribute.Letter, "mark": w.mark}
		if w.reason != "" {
			one["reason"] = w.reason
		}
		if w.code != "" {
			one["code"] = w.code
		}
		if w.confirmed {
			one["confirmed"] = true
		}
		list[i] = one
		for _, l := range g.links[w.item.ordinal] {
			newest = max(newest, l.sealing)
			if l.side == engagements.ClientSide {
				newest = max(newest, l.entry)
			}
		}
	}
	rec := op.Record{Kind: canon.KindTest, ID: string(p.ID), Body: map[string]any{"step": "test", "control": p.Control, "marks": list}}
	if newest >= 0 {
		answers, err := c.AnswerTo(r.Client.Org, newest)
		if err != nil {
			return 0, err
		}
		rec.Answers = answers
	}
	return c.Append(rec)
}

func (g *gathering) store(c *op.Call, p *paper, part []wish, entry int64) error {
	ins, err := c.Tx.Prepare(insertMark)
	if err != nil {
		return err
	}
	defer ins.Close()
	now, err := c.Tx.Prepare(upsertMark)
	if err != nil {
		return err
	}
	defer now.Close()
	at := clock.Millis(c.Now)
	changes := map[int]tally{}
	for _, w := range part {
		where := place{w.item.ordinal, w.attribute.Letter}
		was := g.now[where]
		s := standing{seq: was.seq + 1, mark: w.mark, reason: w.reason, code: w.code, actor: c.Actor.Name, at: c.Now, entry: entry}
		if err := ins.Exec(c.Org, p.ID, where.ordinal, where.attribute, s.seq, s.mark, s.reason, s.code, w.confirmed, s.actor, c.Actor.User, at, entry); err != nil {
			if db.IsDuplicate(err) {
				err = fault.Conflict("%s %s was marked a moment ago. Look again.", w.item.item, w.attribute.Letter)
			}
			return err
		}
		if err := now.Exec(c.Org, p.ID, where.ordinal, where.attribute, s.seq, s.mark, s.reason, s.code, s.actor, at, entry); err != nil {
			return err
		}
		g.now[where] = s
		d := changes[where.ordinal]
		d.marked += bears(s.mark) - bears(was.mark)
		d.deviates += fails(s.mark) - fails(was.mark)
		changes[where.ordinal] = d
		if w.mark == Deviates || was.mark == Deviates {
			if err := g.deviate(c, p, w, was); err != nil {
				return err
			}
		}
	}
	return retally(c, p, changes)
}

// bears and fails count a mark, and a deviation.
func bears(mark string) int {
	if mark == "" || mark == Untested {
		return 0
	}
	return 1
}

func fails(mark string) int {
	if mark == Deviates {
		return 1
	}
	return 0
}

// retally keeps the counts of the items in step with their marks.
func retally(c *op.Call, p *paper, changes map[int]tally) error {
	st, err := c.Tx.Prepare(tallyItem)
	if err != nil {
		return err
	}
	defer st.Close()
	for _, ordinal := range slices.Sorted(maps.Keys(changes)) {
		d := changes[ordinal]
		if d.marked == 0 && d.deviates == 0 {
			continue
		}
		if err := st.Exec(d.marked, d.deviates, c.Org, p.ID, ordinal); err != nil {
			return err
		}
	}
	return nil
}

// deviate keeps the deviations in step with the marks.
func (g *gathering) deviate(c *op.Call, p *paper, w wish, was standing) error {
	switch {
	case w.mark != Deviates:
		_, err := c.Tx.Exec(withdrawDeviation, clock.Millis(c.Now), c.Org, p.ID, w.item.ordinal, w.attribute.Letter)
		return err
	case was.mark == Deviates:
		_, err := c.Tx.Exec(renoteDeviation, w.reason, w.code, c.Org, p.ID, w.item.ordinal, w.attribute.Letter)
		return err
	}
	return raise(c, p, w.item, w.attribute, w.code, w.reason)
}

func history(c *op.Call, p id.Procedure, ordinal int) ([]Mark, error) {
	return db.Rows(c.Tx, selectHistory, []any{c.Org, p, ordinal}, func(scan func(...any) error, m *Mark) error {
		var at int64
		err := scan(&m.Attribute, &m.Mark, &m.Reason, &m.Code, &m.Confirmed, &m.By, &at, &m.Entry)
		m.At = clock.FromMillis(at)
		return err
	})
}
