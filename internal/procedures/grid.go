package procedures

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scopes"
)

// A view holds what every row of a workpaper is seen through.
type view struct {
	judge  *judge
	roles  map[string]string
	zone   *time.Location
	fields shape
}

func newView(r *engagements.Room, p *paper) (*view, error) {
	v := &view{}
	if p.fields != "" {
		if err := json.Unmarshal([]byte(p.fields), &v.fields); err != nil {
			return nil, err
		}
	}
	var err error
	if v.zone, err = clock.ParseZone(r.Zone); err != nil {
		return nil, err
	}
	_, to := r.Bounds()
	attributes := p.Attributes
	if p.fields == "" { // not drawn: there are no records to read
		attributes = nil
	}
	if v.judge, err = newJudge(attributes, v.fields, to); err != nil {
		return nil, err
	}
	v.roles = fieldRoles(p.Roles, v.fields.has)
	return v, nil
}

func grid(c *op.Call, in GridPart) (Grid, error) {
	r, err := engagements.AsFirm(c, in.Engagement)
	if err != nil {
		return Grid{}, err
	}
	p, err := open(c, r, in.Control)
	if err != nil {
		return Grid{}, err
	}
	after := 0
	if in.After != "" {
		if after, err = strconv.Atoi(in.After); err != nil || after < 0 {
			return Grid{}, fault.Invalid("after", "want the value of next from the page before")
		}
	}
	if err := look(c, r, p); err != nil {
		return Grid{}, err
	}
	n := op.Limit(in.Limit)
	found, err := db.Rows(c.Tx, selectItems, []any{c.Org, p.ID, after, n + 1}, scanItem)
	if err != nil {
		return Grid{}, err
	}
	g := Grid{Procedure: p.Procedure, Total: int64(p.items()), Rows: []Row{}}
	if g.Strip, err = p.strip(c); err != nil {
		return Grid{}, err
	}
	if len(found) > n {
		found = found[:n]
		g.Next = strconv.Itoa(found[n-1].ordinal)
	}
	g.Rows, err = rowsOf(c, r, p, found)
	return g, err
}

// strip is the state of every item in one letter each.
func (p *paper) strip(c *op.Call) (string, error) {
	b := bytes.Repeat([]byte{'a'}, p.items())
	for i := range b {
		if p.shown(i + 1) {
			b[i] = 'e'
		}
	}
	err := c.Tx.Each(tallyEach, []any{c.Org, p.ID}, func(scan func(...any) error) error {
		var ordinal, marked, deviates int
		if err := scan(&ordinal, &marked, &deviates); err != nil || ordinal < 1 || ordinal > len(b) {
			return err
		}
		switch {
		case deviates > 0 || p.Sample != nil && p.Sample.Missed > 0:
			b[ordinal-1] = 'd'
		case marked >= len(p.Attributes):
			b[ordinal-1] = 't'
		case marked > 0:
			b[ordinal-1] = 'p'
		}
		return nil
	})
	return string(b), err
}

// rowsOf puts items, links and marks together. Each table is asked once.
func rowsOf(c *op.Call, r *engagements.Room, p *paper, found []drawnItem) ([]Row, error) {
	out := make([]Row, 0, len(found))
	if len(found) == 0 {
		return out, nil
	}
	v, err := newView(r, p)
	if err != nil {
		return nil, err
	}
	from, to := found[0].ordinal, found[len(found)-1].ordinal
	links, err := linksOf(c, r, p.ID, from, to)
	if err != nil {
		return nil, err
	}
	now, err := standingOf(c, p.ID, from, to)
	if err != nil {
		return nil, err
	}
	x := &reader{room: r, paper: p, view: v, known: map[id.Evidence]evidence.Record{}}
	if x.reused, err = reused(c, r, p.ID, links); err != nil {
		return nil, err
	}
	for _, d := range found {
		out = append(out, x.row(d, links[d.ordinal], now))
	}
	return out, nil
}

// reused counts for how many items the same bytes are linked, of those that
// some links have.
func reused(c *op.Call, r *engagements.Room, p id.Procedure, links map[int][]linking) (map[string]int, error) {
	out := map[string]int{}
	for _, list := range links {
		for _, l := range list {
			out[l.sha256] = 0
		}
	}
	for _, org := range []id.Org{r.File, r.Client.Org} {
		if len(out) <= few {
			for sum, most := range out {
				var n int
				if err := c.Tx.Row(countOne, []any{org, p, sum}, &n); err != nil {
					return nil, err
				}
				out[sum] = max(most, n)
			}
			continue
		}
		err := c.Tx.Each(countDigest, []any{org, p}, func(scan func(...any) error) error {
			var (
				sum string
				n   int
			)
			err := scan(&sum, &n)
			out[sum] = max(out[sum], n)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// A reader makes rows.
type reader struct {
	room   *engagements.Room
	paper  *paper
	view   *view
	known  map[id.Evidence]evidence.Record
	reused map[string]int
}

func (x *reader) row(d drawnItem, links []linking, now map[place]standing) Row {
	p := x.paper
	row := Row{Ordinal: d.ordinal, Rank: d.rank, Stratum: d.stratum, Item: d.item, Label: d.label, At: d.at, Extension: d.extension, Missed: d.missed, Late: d.late,
		Records: len(links), Cells: make([]Cell, 0, len(p.Attributes))}
	if p.Sample != nil && p.Sample.rowsLink >= 0 {
		row.Records++
		row.Level = rowsLevel
	}
	codes := map[string]bool{}
	for _, l := range links {
		if row.Level == 0 || l.level < row.Level {
			row.Level = l.level
		}
		for _, code := range l.codes {
			codes[code] = true
		}
		if x.reused[l.sha256] > 1 {
			codes["EV18"] = true
		}
	}
	seen := x.view.judge.resource(d.item, []byte(d.record))
	for _, f := range aboutItem(seen.Attrs, x.view.roles, p.Attributes, x.view.zone) {
		codes[f.Code] = true
	}
	for code := range codes {
		row.Findings = append(row.Findings, code)
	}
	slices.Sort(row.Findings)
	var latest time.Time
	for _, a := range p.Attributes {
		cell := Cell{Attribute: a.Letter, Mark: Untested}
		if s, ok := now[place{d.ordinal, a.Letter}]; ok {
			cell.Mark, cell.Reason, cell.Code, cell.By, cell.At, cell.Entry = s.mark, s.reason, s.code, s.actor, s.at, s.entry
			if !s.at.Before(latest) {
				latest, row.By = s.at, s.actor
			}
		}
		if cell.Mark == Untested && !d.missed {
			cell.Proposed, cell.Why = x.view.judge.propose(a.Letter, seen)
		}
		row.Cells = append(row.Cells, cell)
	}
	return row
}

// rowsLevel is how reliable a sealed list is whose query and count were judged.
const rowsLevel = 4

// measured is what a link to an item is measured against.
func measured(r *engagements.Room, p *paper, d drawnItem, named, counted int64) setting {
	from, to := r.Bounds()
	s := setting{from: from, to: to, typeOne: r.Type == scopes.TypeI, basis: p.Basis, named: named, counted: counted}
	if p.Basis == BySample {
		s.asked = d.asked
	}
	if p.Sample != nil && p.Sample.Total == 0 { // what it looks back at is before the period
		s.from, s.basis = time.Time{}, ByInspection
	}
	return s
}

func (x *reader) findings(e evidence.Record, d drawnItem, l linking) []Finding {
	s := measured(x.room, x.paper, d, l.named, l.counted)
	s.reused = x.reused[l.sha256] > 1
	return aboutRecord(e, s)
}

func itemEvidence(c *op.Call, in ItemRef) (ItemView, error) {
	r, err := engagements.AsFirm(c, in.Engagement)
	if err != nil {
		return ItemView{}, err
	}
	p, err := open(c, r, in.Control)
	if err != nil {
		return ItemView{}, err
	}
	rows, err := db.Rows(c.Tx, selectItem, []any{c.Org, p.ID, in.Item}, scanItem)
	if err == nil && len(rows) == 0 {
		err = fault.NotFound("%s is not in the sample of %s.", clipped(in.Item), p.Control)
	}
	if err != nil {
		return ItemView{}, err
	}
	d := rows[0]
	v, err := newView(r, p)
	if err != nil {
		return ItemView{}, err
	}
	links, err := linksOf(c, r, p.ID, d.ordinal, d.ordinal)
	if err != nil {
		return ItemView{}, err
	}
	now, err := standingOf(c, p.ID, d.ordinal, d.ordinal)
	if err != nil {
		return ItemView{}, err
	}
	x := &reader{room: r, paper: p, view: v, known: map[id.Evidence]evidence.Record{}}
	if x.reused, err = reused(c, r, p.ID, links); err != nil {
		return ItemView{}, err
	}
	return x.item(c, d, links[d.ordinal], now)
}

func (x *reader) item(c *op.Call, d drawnItem, links []linking, now map[place]standing) (out ItemView, err error) {
	p := x.paper
	out.Row = x.row(d, links, now)
	out.Record, out.Facts = d.record, facts([]byte(d.record), x.view.roles, p.Attributes, x.view.zone)
	seen := x.view.judge.resource(d.item, []byte(d.record))
	out.Findings = append([]Finding{}, aboutItem(seen.Attrs, x.view.roles, p.Attributes, x.view.zone)...)
	out.Records = []Linked{}
	if s := p.Sample; s != nil && s.rowsLink >= 0 {
		l := linking{entry: s.rowsLink, actor: s.DrawnBy, at: s.Drawn, side: engagements.FirmSide}
		if d.extension {
			l.entry, l.actor, l.at = s.ExtensionEntry+1, s.ExtendedBy, s.Extended
		}
		e, err := once(c, x.room, x.known, s.rows)
		if err != nil {
			return out, err
		}
		one := linked(e, l)
		one.Auto, one.Preview = true, d.record
		out.Records = append(out.Records, one)
	}
	for _, l := range links {
		e, err := once(c, x.room, x.known, l.evidence)
		if err != nil {
			return out, err
		}
		one := linked(e, l)
		if one.Findings = x.findings(e, d, l); len(one.Findings) > 0 {
			out.Findings = append(out.Findings, one.Findings...)
		}
		if one.Preview, err = preview(x.room.AtClient(c), e, d); err != nil {
			return out, err
		}
		out.Records = append(out.Records, one)
	}
	if out.History, err = history(c, p.ID, d.ordinal); err != nil {
		return out, err
	}
	out.Previous, out.Next, err = neighbours(c, p.ID, d.ordinal)
	return out, err
}

const selectNeighbours = "SELECT ordinal, item FROM item WHERE org_id = ? AND procedure_id = ? AND ordinal >= ? AND ordinal <= ?"

func neighbours(c *op.Call, p id.Procedure, ordinal int) (previous, next string, err error) {
	err = c.Tx.Each(selectNeighbours, []any{c.Org, p, ordinal - 1, ordinal + 1}, func(scan func(...any) error) error {
		var (
			at   int
			item string
		)
		err := scan(&at, &item)
		switch at {
		case ordinal - 1:
			previous = item
		case ordinal + 1:
			next = item
		}
		return err
	})
	return previous, next, err
}

// maxPreview bounds how much of a record is shown beside its item.
const maxPreview = 4 << 10

// preview is the beginning of a text; of a long one, the lines about the item.
func preview(c *op.Call, e evidence.Record, d drawnItem) (string, error) {
	data, err := bytesOf(c, e)
	if err != nil || data == nil || !utf8.Valid(data) {
		return "", err
	}
	text := string(data)
	if len(text) > maxPreview {
		if at := strings.Index(text, d.item); at > 0 {
			from := strings.LastIndexByte(text[:at], '\n') + 1
			text = text[from:]
			if end := strings.IndexByte(text, '\n'); end > 0 && end < maxPreview {
				text = text[:end]
			}
		}
	}
	if len(text) > maxPreview {
		text = strings.ToValidUTF8(text[:maxPreview], "") + "…"
	}
	return text, nil
}
