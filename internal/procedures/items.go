package procedures

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scopes"
)

const (
	itemColumns = "ordinal, item, rank, stratum, label, source_key, happened, record, asked, extension, missed, late"
	insertItem  = "INSERT INTO item (org_id, procedure_id, marked, deviates, " + itemColumns + ") VALUES (?, ?, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	selectItems = "SELECT " + itemColumns + " FROM item WHERE org_id = ? AND procedure_id = ? AND ordinal > ? ORDER BY ordinal LIMIT ?"
	selectItem  = "SELECT " + itemColumns + " FROM item WHERE org_id = ? AND procedure_id = ? AND item = ?"
	selectIDs   = "SELECT item, ordinal FROM item WHERE org_id = ? AND procedure_id = ?"
	dropItem    = "DELETE FROM item WHERE org_id = ? AND procedure_id = ?"

	linkColumns = "item, evidence_id, ordinal, entry, sealing, sha256, level, named, counted, codes, actor, at"
	insertLink  = "INSERT INTO item_link (org_id, procedure_id, engagement_id, " + linkColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	selectLinks = "SELECT " + linkColumns + " FROM item_link WHERE org_id = ? AND procedure_id = ? AND ordinal >= ? AND ordinal <= ? ORDER BY ordinal, entry"
	countOne    = "SELECT COUNT(DISTINCT ordinal) FROM item_link WHERE org_id = ? AND procedure_id = ? AND sha256 = ?"
	countDigest = "SELECT sha256, COUNT(DISTINCT ordinal) FROM item_link WHERE org_id = ? AND procedure_id = ? GROUP BY sha256"
)

// everything is more items than any sample has.
const everything = 1 << 40

// A drawnItem is an item as the file keeps it.
type drawnItem struct {
	ordinal, rank                     int
	item, stratum, label, key, record string
	at, asked                         time.Time
	extension, missed, late           bool
}

func addItems(c *op.Call, p id.Procedure, rows []drawnItem, extension bool) error {
	ins, err := c.Tx.Prepare(insertItem)
	if err != nil {
		return err
	}
	defer ins.Close()
	for _, d := range rows {
		err := ins.Exec(c.Org, p, d.ordinal, d.item, d.rank, d.stratum, d.label, d.key, clock.Millis(d.at), d.record, clock.Millis(c.Now), extension, d.missed, d.late)
		if err != nil {
			return err
		}
	}
	return nil
}

func scanItem(scan func(...any) error, d *drawnItem) error {
	var at, asked int64
	err := scan(&d.ordinal, &d.item, &d.rank, &d.stratum, &d.label, &d.key, &at, &d.record, &asked, &d.extension, &d.missed, &d.late)
	d.at, d.asked = clock.FromMillis(at), clock.FromMillis(asked)
	return err
}

// itemsOf are the ids of the items of a workpaper with their places.
func itemsOf(c *op.Call, p id.Procedure) (map[string]int, error) {
	out := map[string]int{}
	err := c.Tx.Each(selectIDs, []any{c.Org, p}, func(scan func(...any) error) error {
		var (
			item    string
			ordinal int
		)
		err := scan(&item, &ordinal)
		out[item] = ordinal
		return err
	})
	return out, err
}

// few is up to how many items are looked up one by one.
const few = 20

// chosen are the named items of a workpaper, in the order of the sample, each
// once.
func chosen(c *op.Call, p *paper, wanted []string) ([]drawnItem, error) {
	out := []drawnItem{}
	have := map[string]bool{}
	take := func(d drawnItem) {
		if !have[d.item] {
			have[d.item] = true
			out = append(out, d)
		}
	}
	if len(wanted) <= few {
		for _, item := range wanted {
			rows, err := db.Rows(c.Tx, selectItem, []any{c.Org, p.ID, item}, scanItem)
			if err != nil {
				return nil, err
			}
			for _, d := range rows {
				take(d)
			}
		}
	} else {
		in := map[string]bool{}
		for _, item := range wanted {
			in[item] = true
		}
		rows, err := db.Rows(c.Tx, selectItems, []any{c.Org, p.ID, 0, int64(everything)}, scanItem)
		if err != nil {
			return nil, err
		}
		for _, d := range rows {
			if in[d.item] {
				take(d)
			}
		}
	}
	for _, item := range wanted {
		if !have[item] {
			return nil, fault.Invalid("items", "%s is not in the sample of %s", clipped(item), p.Control)
		}
	}
	slices.SortFunc(out, func(a, b drawnItem) int { return a.ordinal - b.ordinal })
	return out, nil
}

func clipped(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return fmt.Sprintf("%q", s)
}

// A linking is a stored link.
type linking struct {
	item                  string
	evidence              id.Evidence
	ordinal               int
	entry, sealing        int64
	sha256                string
	level, named, counted int64
	actor                 string
	codes                 []string
	at                    time.Time
	side                  engagements.Side
}

// linksOf are the links of some items, by their places, both sides' together.
func linksOf(c *op.Call, r *engagements.Room, p id.Procedure, from, to int) (map[int][]linking, error) {
	out := map[int][]linking{}
	for _, of := range []struct {
		org  id.Org
		side engagements.Side
	}{{r.Client.Org, engagements.ClientSide}, {r.File, engagements.FirmSide}} {
		err := c.Tx.Each(selectLinks, []any{of.org, p, from, to}, func(scan func(...any) error) error {
			var (
				at    int64
				codes string
			)
			l := linking{side: of.side}
			err := scan(&l.item, &l.evidence, &l.ordinal, &l.entry, &l.sealing, &l.sha256, &l.level, &l.named, &l.counted, &codes, &l.actor, &at)
			l.at, l.codes = clock.FromMillis(at), strings.Fields(codes)
			out[l.ordinal] = append(out[l.ordinal], l)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// answering are the states in which evidence is linked to items.
var answering = []engagements.State{engagements.Planned, engagements.AsOf, engagements.Observing, engagements.PeriodClosed, engagements.Fieldwork,
	engagements.Evaluation, engagements.DraftReport, engagements.ManagementReview}

func link(c *op.Call, in Linking) (LinkMade, error) {
	r, p, err := enter(c, in.Engagement, in.Control, answering)
	if err != nil {
		return LinkMade{}, err
	}
	rows, err := linkable(c, r, p, in)
	if err != nil {
		return LinkMade{}, err
	}
	e, err := record(c, r, in.Evidence)
	if err != nil {
		return LinkMade{}, err
	}
	return linkRecord(c, r, p, rows, e, r.Client.Org, e.Entry)
}

func answer(c *op.Call, in Linking) (LinkMade, error) {
	r, err := engagements.AsClient(c, in.Engagement)
	if err != nil {
		return LinkMade{}, err
	}
	if err := r.Within(answering...); err != nil {
		return LinkMade{}, err
	}
	p, err := open(c, r, in.Control)
	if err != nil {
		return LinkMade{}, fault.NotFound("Nothing was asked for %s in %s.", in.Control, r.Name)
	}
	rows, err := linkable(c, r, p, in)
	if err != nil {
		return LinkMade{}, err
	}
	e, err := record(c, r, in.Evidence)
	if err != nil {
		return LinkMade{}, err
	}
	asked := p.Entry
	if p.Sample != nil {
		asked = p.Sample.newest()
	}
	return linkRecord(c, r, p, rows, e, r.File, asked)
}

// linkable finds the items that evidence may be linked to.
func linkable(c *op.Call, r *engagements.Room, p *paper, in Linking) ([]drawnItem, error) {
	switch {
	case p.Basis == InFull:
		return nil, fault.Conflict("Every item of %s is tested from the sealed list; no evidence is linked to one.", p.Control)
	case p.Basis == BySample && p.Sample == nil:
		return nil, fault.Conflict("The sample of %s is not drawn: there is no item yet that evidence could be linked to.", p.Control)
	}
	rows, err := chosen(r.InFile(c), p, in.Items)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(rows, func(d drawnItem) bool { return d.missed }); i >= 0 {
		return nil, fault.Conflict("%s did not happen when it was due. What was done later does not stand for it.", rows[i].item)
	}
	return rows, nil
}

// record is a record of the client's evidence that may be linked.
func record(c *op.Call, r *engagements.Room, ref string) (evidence.Record, error) {
	e, err := evidence.Get.Call(r.AtClient(c), evidence.Ref{ID: ref})
	if fault.KindOf(err) == fault.KindInvalid {
		err = fault.Invalid("evidence", "give the id of a record of %s, evd_…", r.Client.Name)
	}
	if err != nil {
		return e, err
	}
	_, to := r.Bounds()
	switch {
	case !e.Erased.IsZero():
		return e, e.Gone()
	case e.SupersededBy != "":
		return e, fault.Conflict("%s was superseded by %s. Link that one.", e.ID, e.SupersededBy)
	case e.Level >= oralLevel:
		return e, fault.Invalid("evidence", "EV15: an oral statement is never sufficient alone; link what corroborates it")
	case r.Type == scopes.TypeI && (!e.Captured.Before(to) || !e.CoversFrom.IsZero() && !e.CoversFrom.Before(to)):
		return e, fault.Invalid("evidence", "EV03: it is of %s, and the report is as of %s", day(e.Captured), r.AsOf)
	}
	return e, nil
}

// linkRecord seals a link in the log of the call's organization and keeps it.
// What it answers lies in the other side's log.
func linkRecord(c *op.Call, r *engagements.Room, p *paper, rows []drawnItem, e evidence.Record, other id.Org, asked int64) (LinkMade, error) {
	made := LinkMade{}
	there, err := linksOf(c, r, p.ID, rows[0].ordinal, rows[len(rows)-1].ordinal)
	if err != nil {
		return made, err
	}
	side := engagements.FirmSide
	if c.Org == r.Client.Org {
		side = engagements.ClientSide
	}
	rows = slices.DeleteFunc(rows, func(d drawnItem) bool {
		return slices.ContainsFunc(there[d.ordinal], func(l linking) bool { return l.evidence == e.ID && l.side == side })
	})
	if len(rows) == 0 {
		return made, fault.Conflict("%s is linked to these items already.", e.ID)
	}
	answers, err := c.AnswerTo(other, asked)
	if err != nil {
		return made, err
	}
	data, err := bytesOf(r.AtClient(c), e)
	if err != nil {
		return made, err
	}
	entry, err := c.Append(op.Record{Kind: canon.KindEvidence, ID: string(e.ID), Answers: answers,
		Body: map[string]any{"step": "link", "procedure": p.ID, "items": idsOf(rows)}})
	if err != nil {
		return made, err
	}
	ins, err := c.Tx.Prepare(insertLink)
	if err != nil {
		return made, err
	}
	defer ins.Close()
	counted := rowsIn(e.MediaType, data)
	for _, d := range rows {
		named := names(data, d.item, d.key)
		if d.record == "" { // the control itself: its evidence need not spell its code
			named = namedUnknown
		}
		var codes []string
		for _, f := range aboutRecord(e, measured(r, p, d, named, counted)) {
			codes = append(codes, f.Code)
		}
		err := ins.Exec(c.Org, p.ID, r.ID, d.item, e.ID, d.ordinal, entry, e.Entry, e.SHA256, e.Level, named, counted, strings.Join(unique(codes), " "),
			c.Actor.Name, clock.Millis(c.Now))
		if err != nil {
			return made, err
		}
	}
	return LinkMade{Entry: entry, Items: len(rows), Evidence: linked(e, linking{entry: entry, actor: c.Actor.Name, at: c.Now, side: side})}, nil
}

// linked is a record of evidence as it stands beside an item.
func linked(e evidence.Record, l linking) Linked {
	return Linked{Evidence: e.ID, Title: e.Title, Level: e.Level, SHA256: e.SHA256, MediaType: e.MediaType, Size: e.Size, Origin: e.Origin,
		Collector: e.Collector, Captured: e.Captured, Sealed: e.Sealed, Sealing: e.Entry, Entry: l.entry, Side: string(l.side), By: l.actor, At: l.at}
}

// Items lie behind each other over all workpapers: the cursor names both.
func cursorOf(d Drawn) string { return d.Control + "/" + strconv.Itoa(d.Ordinal) }

func cursor(s string) (control string, ordinal int, err error) {
	if s == "" {
		return "", 0, nil
	}
	control, number, _ := strings.Cut(s, "/")
	if ordinal, err = strconv.Atoi(number); err != nil || ordinal < 0 {
		return "", 0, fault.Invalid("after", "want the value of next from the page before")
	}
	return control, ordinal, nil
}

func items(c *op.Call, in ItemPart) (op.Page[Drawn], error) {
	r, err := engagements.Open(c, in.Engagement)
	if err != nil {
		return op.Page[Drawn]{}, err
	}
	if r.Side == engagements.ClientSide && r.State.Before(engagements.Planned) {
		return op.Page[Drawn]{Items: []Drawn{}}, nil // the plan is still being made
	}
	papers, err := survey(c, r, in.Control)
	if err != nil {
		return op.Page[Drawn]{}, err
	}
	if len(papers) == 0 && in.Control != "" {
		return op.Page[Drawn]{}, fault.NotFound("Nothing is drawn for %s in %s.", in.Control, r.Name)
	}
	control, ordinal, err := cursor(in.After)
	if err != nil {
		return op.Page[Drawn]{}, err
	}
	n := op.Limit(in.Limit)
	var (
		rows  = []Drawn{}
		total int64
	)
	for _, p := range papers {
		if p.Basis == InFull {
			continue
		}
		total += int64(p.items())
		if p.Control < control || len(rows) > n {
			continue
		}
		after := 0
		if p.Control == control {
			after = ordinal
		}
		more, err := drawnOf(c, r, p, after, n+1-len(rows))
		if err != nil {
			return op.Page[Drawn]{}, err
		}
		rows = append(rows, more...)
	}
	return op.PageOf(rows, n, total, cursorOf), nil
}

// drawnOf are items of one workpaper as both sides see them.
func drawnOf(c *op.Call, r *engagements.Room, p *paper, after, n int) ([]Drawn, error) {
	rows, err := db.Rows(c.Tx, selectItems, []any{r.File, p.ID, after, n}, scanItem)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	links, err := linksOf(c, r, p.ID, rows[0].ordinal, rows[len(rows)-1].ordinal)
	if err != nil {
		return nil, err
	}
	known := map[id.Evidence]evidence.Record{}
	out := make([]Drawn, len(rows))
	for i, d := range rows {
		out[i] = Drawn{Control: p.Control, Title: p.Title, Population: p.Population, Ordinal: d.ordinal, Item: d.item, Label: d.label, At: d.at,
			Asked: d.asked, Missed: d.missed, Wanted: []Attribute{}, Evidence: []Linked{}}
		for _, a := range p.Attributes {
			if a.Expression == "" { // the others are decided from the list
				out[i].Wanted = append(out[i].Wanted, Attribute{Letter: a.Letter, Text: a.Text})
			}
		}
		for _, l := range links[d.ordinal] {
			e, err := once(c, r, known, l.evidence)
			if err != nil {
				return nil, err
			}
			out[i].Evidence = append(out[i].Evidence, linked(e, l))
		}
	}
	return out, nil
}

// once reads each record one time.
func once(c *op.Call, r *engagements.Room, known map[id.Evidence]evidence.Record, ref id.Evidence) (evidence.Record, error) {
	if e, ok := known[ref]; ok {
		return e, nil
	}
	e, err := evidence.Get.Call(r.AtClient(c), evidence.Ref{ID: string(ref)})
	if err == nil {
		known[ref] = e
	}
	return e, err
}

// ownerOf is who owns a control now, as far as it is still there.
func ownerOf(c *op.Call, r *engagements.Room, control string) (string, error) {
	k, err := controls.Get.Call(r.AtClient(c), controls.Ref{ID: control})
	if fault.KindOf(err) == fault.KindNotFound {
		return "", nil
	}
	return string(k.Owner), err
}

// recordAttempt leaves the entry of an attempt to take an item out of a sample.
// The operation itself is refused, and what is refused leaves nothing: so the
// attempt is an operation of its own, done first.
func recordAttempt(ctx context.Context, d *op.Desk, in Removal) error {
	_, err := Attempt.Do(ctx, d, in)
	return err
}

func attempt(c *op.Call, in Removal) (op.None, error) {
	r, err := engagements.AsFirm(c, in.Engagement)
	if err != nil {
		return op.None{}, err
	}
	p, err := open(c, r, in.Control)
	if err != nil {
		return op.None{}, err
	}
	if _, err := chosen(c, p, []string{in.Item}); err != nil {
		return op.None{}, err
	}
	body := map[string]any{"refused": true, "control": p.Control, "item": in.Item, "why": "an item that was drawn stays in the sample"}
	if in.Reason != "" {
		body["reason"] = in.Reason
	}
	_, err = c.Append(op.Record{Kind: canon.KindOp, ID: string(p.ID), Body: body})
	return op.None{}, err
}

func remove(_ *op.Call, in Removal) (op.None, error) {
	return op.None{}, fault.Conflict("%s stays in the sample of %s: an item that was drawn is neither removed nor replaced. Where nobody can show evidence, that is a deviation. The attempt is recorded.",
		clipped(in.Item), in.Control)
}
