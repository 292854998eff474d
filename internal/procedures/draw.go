package procedures

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/sample"
)

// MediaTypeDraw marks the content of an entry that lists what was drawn.
const MediaTypeDraw = "application/vnd.tickmark.draw+json"

// drawing are the states in which a sample is drawn.
var drawing = []engagements.State{engagements.PeriodClosed, engagements.Fieldwork, engagements.Evaluation}

func draw(c *op.Call, in Drawing) (Sample, error) {
	r, p, err := enter(c, in.Engagement, in.Control, drawing)
	if err != nil {
		return Sample{}, err
	}
	if p.Basis != BySample {
		return Sample{}, fault.Conflict("The plan for %s draws no sample.", p.Control)
	}
	if s := p.Sample; s != nil {
		return Sample{}, fault.Conflict("Samples are never redrawn: %s drew %d of %d for %s on %s.", s.DrawnBy, s.N, s.Total, p.Control, day(s.Drawn))
	}
	l, err := accepted(c, r, p, in.StrataBy)
	if err != nil {
		return Sample{}, err
	}
	method := sample.Method(cmp.Or(in.Method, string(sample.Random)))
	if (method == sample.Stratified) != (in.StrataBy != "") {
		return Sample{}, fault.Invalid("strata_by", "name the field that says the stratum where the method is stratified, and nowhere else")
	}
	if len(l.items) == 0 || l.missed > 0 {
		return l.entire(c, r, p)
	}
	if _, err := newJudge(p.Attributes, l.shape, c.Now); err != nil {
		return Sample{}, fault.Conflict("Correct the plan of %s before the draw. %s", p.Control, err).With(err)
	}
	n, err := r.Profile.Size(sample.Cadence(p.Cadence), sample.Risk(p.Risk), len(l.items))
	if err != nil {
		return Sample{}, fault.Conflict("%s", err)
	}
	nonce, err := populations.Reveal(c, r, l.pop)
	if err != nil {
		return Sample{}, err
	}
	digest, err := canon.ParseDigest(l.version.Digest)
	if err != nil {
		return Sample{}, err
	}
	seed := nonce.Seed(digest, p.Control, r.Period())
	picks, err := sample.Draw(seed, l.items, l.strata, method, n)
	if err != nil {
		return Sample{}, fault.Conflict("%s", err)
	}
	s := l.sample(c, r, p)
	s.Nonce, s.Seed, s.Method, s.StrataBy, s.First, s.N = nonce.String(), seed.String(), string(method), in.StrataBy, n, n
	if err := l.record(c, r, p, &s, picks); err != nil {
		return Sample{}, err
	}
	return s, nil
}

// enter opens a workpaper for the firm's work on it.
func enter(c *op.Call, engagement, control string, states []engagements.State) (*engagements.Room, *paper, error) {
	r, err := engagements.AsFirm(c, engagement)
	if err != nil {
		return nil, nil, err
	}
	if err := r.Within(states...); err != nil {
		return nil, nil, err
	}
	p, err := open(c, r, control)
	if err != nil {
		return nil, nil, err
	}
	owner, err := ownerOf(c, r, p.Control)
	if err == nil {
		err = auditor(c, r, owner)
	}
	return r, p, err
}

// A sealedList is a version of a population that may be tested, read once.
type sealedList struct {
	pop     populations.Population
	version populations.Version
	items   []string
	strata  map[string]string
	missed  int
	shape   shape
}

// accepted reads the list that a workpaper tests, if the auditor has accepted
// it.
func accepted(c *op.Call, r *engagements.Room, p *paper, strataBy string) (*sealedList, error) {
	pop, err := populations.Find(c, r, p.Population)
	if err != nil {
		return nil, err
	}
	v := pop.Accepted()
	if v == nil {
		why := "has not been sealed by " + r.Client.Name
		if now := pop.Current(); now != nil && now.Decision == populations.Rejected {
			why = "is rejected: " + now.Reason
		} else if now != nil {
			why = "is sealed and not accepted as complete and accurate"
		}
		return nil, fault.Conflict("%s %s. Nothing is drawn from it until it is accepted.", pop.Code, why)
	}
	l := &sealedList{pop: pop, version: *v}
	return l, l.read(c, c, r, strataBy)
}

func (l *sealedList) read(ctx context.Context, c *op.Call, r *engagements.Room, strataBy string) error {
	var o observer
	l.items = make([]string, 0, l.version.Rows)
	if strataBy != "" {
		l.strata = map[string]string{}
	}
	err := populations.EachRow(ctx, c, r, l.version, func(row populations.Row) error {
		l.items = append(l.items, row.Item)
		if !row.Performed {
			l.missed++
		}
		if strataBy != "" {
			value, ok := row.Field(strataBy)
			if value = strings.TrimSpace(value); !ok || value == "" {
				return fault.Invalid("strata_by", "%s has no value in %q; every item of a list is of one stratum", row.Item, strataBy)
			}
			l.strata[row.Item] = value
		}
		return o.see(row)
	})
	l.shape = o.shape()
	return err
}

// sample is what every sample of the list has in common.
func (l *sealedList) sample(c *op.Call, r *engagements.Room, p *paper) Sample {
	return Sample{ID: id.New[id.Sample](c.Now), procedure: p.ID, Population: l.pop.ID, Version: l.version.Version, Digest: l.version.Digest,
		Commitment: l.pop.Commitment, Period: r.Period(), Total: len(l.items), Profile: r.Profile.Name, ProfileVersion: r.Profile.Version, Risk: p.Risk,
		Drawn: c.Now, DrawnBy: c.Actor.Name, user: c.Actor.User, Warnings: []string{}, seal: l.version.Entry, rows: l.version.Evidence, rowsLink: -1}
}

// record seals what was drawn and keeps it with the rows of its items.
func (l *sealedList) record(c *op.Call, r *engagements.Room, p *paper, s *Sample, picks []sample.Pick) error {
	content, err := drawContent(picks, l.strata)
	if err != nil {
		return err
	}
	blob, err := c.Vault.Put(c, c.Org, content)
	if err != nil {
		return err
	}
	answers, err := c.AnswerTo(r.Client.Org, s.seal)
	if err != nil {
		return err
	}
	body := map[string]any{
		"step": "draw", "population": s.Population, "procedure": p.ID, "version": s.Version, "digest": s.Digest, "commitment": s.Commitment,
		"nonce": s.Nonce, "seed": s.Seed, "control": p.Control, "period": s.Period, "method": s.Method, "n": s.N, "total": s.Total,
		"profile": s.Profile, "profile_version": s.ProfileVersion, "risk": s.Risk, "media_type": MediaTypeDraw}
	if s.StrataBy != "" {
		body["strata_by"] = s.StrataBy
	}
	s.Entry, err = c.Append(op.Record{Kind: canon.KindSample, ID: string(s.ID), Answers: answers, Content: &blob, Body: body})
	if err != nil {
		return err
	}
	rows, err := l.details(c, r, picks, 0)
	if err != nil {
		return err
	}
	zone, err := clock.ParseZone(r.Zone)
	if err != nil {
		return err
	}
	s.Warnings = l.spread(rows, zone)
	if s.Method == string(sample.Systematic) {
		s.Warnings = append(s.Warnings, "Items were taken at equal distances: look whether the list repeats itself at that distance.")
	}
	if p.structured() {
		if s.rowsLink, err = linkRows(c, r, p, s, rows); err != nil {
			return err
		}
	}
	return s.keep(c, p, l.shape, rows)
}

// drawContent is what the entry of a draw vouches for.
func drawContent(picks []sample.Pick, strata map[string]string) ([]byte, error) {
	list := make([]any, len(picks))
	for i, k := range picks {
		one := map[string]any{"item": k.Item, "rank": k.Rank}
		if k.Stratum != "" {
			one["stratum"] = k.Stratum
		}
		list[i] = one
	}
	out := map[string]any{"picks": list, "v": 1}
	if strata != nil {
		pairs := make([][2]string, 0, len(strata))
		for item, stratum := range strata {
			pairs = append(pairs, [2]string{item, stratum})
		}
		slices.SortFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
		out["strata"] = pairs
	}
	return canon.JSON(out)
}

// rowsAPick is about how many rows are read in the time in which one is found.
const rowsAPick = 6000

// details reads the rows of the items drawn, in the order in which they were:
// each by itself where the list is long, and else the whole list again.
func (l *sealedList) details(c *op.Call, r *engagements.Room, picks []sample.Pick, before int) ([]drawnItem, error) {
	out := make([]drawnItem, len(picks))
	at := make(map[string]int, len(picks))
	for i, k := range picks {
		at[k.Item] = i
		out[i] = drawnItem{ordinal: before + i + 1, rank: k.Rank, stratum: k.Stratum, item: k.Item, extension: before > 0}
	}
	if len(l.items) <= rowsAPick*len(picks) {
		err := populations.EachRow(c, c, r, l.version, func(row populations.Row) error {
			if i, ok := at[row.Item]; ok {
				out[i].take(row)
			}
			return nil
		})
		return out, err
	}
	for i := range out {
		found, err := populations.Rows.Call(r.AtClient(c), populations.RowFilter{Engagement: string(r.ID), Population: string(l.pop.ID), Version: l.version.Version,
			Prefix: out[i].item, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(found.Items) == 0 || found.Items[0].Item != out[i].item {
			return nil, fault.Conflict("%s is not in the list any more.", out[i].item)
		}
		out[i].take(found.Items[0])
	}
	return out, nil
}

func (d *drawnItem) take(row populations.Row) {
	d.label, d.key, d.at, d.record, d.missed, d.late = row.Label, row.Key, row.At, string(row.Record), !row.Performed, row.Late
}

// spread names the months in which something happened and nothing was drawn.
func (l *sealedList) spread(rows []drawnItem, zone *time.Location) []string {
	drawn := map[string]bool{}
	for _, d := range rows {
		drawn[d.at.In(zone).Format("2006-01")] = true
	}
	var none []string
	for _, m := range l.version.Manifest.Months {
		if m.Rows > 0 && !drawn[m.Month] {
			none = append(none, m.Month)
		}
	}
	if len(none) == 0 {
		return []string{}
	}
	return []string{"No item was drawn of " + strings.Join(none, ", ") + "."}
}

// itemsAnEntry bounds how many items one entry names.
const itemsAnEntry = 2000

// linkRows ties the record that holds the sealed rows to the items: where an
// expression decides, the row is the evidence. It returns the first entry.
func linkRows(c *op.Call, r *engagements.Room, p *paper, s *Sample, rows []drawnItem) (int64, error) {
	e, err := evidence.Get.Call(r.AtClient(c), evidence.Ref{ID: string(s.rows)})
	if err != nil {
		return 0, err
	}
	answers, err := c.AnswerTo(r.Client.Org, e.Entry)
	if err != nil {
		return 0, err
	}
	first := int64(-1)
	for part := range slices.Chunk(rows, itemsAnEntry) {
		entry, err := c.Append(op.Record{Kind: canon.KindEvidence, ID: string(s.rows), Answers: answers,
			Body: map[string]any{"step": "link", "procedure": p.ID, "items": idsOf(part)}})
		if err != nil {
			return 0, err
		}
		if first < 0 {
			first = entry
		}
	}
	return first, nil
}

func idsOf(rows []drawnItem) []string {
	out := make([]string, len(rows))
	for i, d := range rows {
		out[i] = d.item
	}
	return out
}

// keep stores a sample and its items.
func (s *Sample) keep(c *op.Call, p *paper, look shape, rows []drawnItem) error {
	lookBack := ""
	if s.LookBack != nil {
		b, err := json.Marshal(s.LookBack)
		if err != nil {
			return err
		}
		lookBack = string(b)
	}
	warnings, err := json.Marshal(s.Warnings)
	if err != nil {
		return err
	}
	_, err = c.Tx.Exec(insertSample, c.Org, s.ID, p.ID, s.Population, s.Version, s.Digest, s.Commitment, s.Nonce, s.Seed, s.Period, s.Method, s.StrataBy,
		s.First, s.N, s.Total, s.Missed, s.Profile, s.ProfileVersion, s.Risk, lookBack, string(warnings), s.seal, s.rows, s.rowsLink, s.Entry,
		s.DrawnBy, s.user, clock.Millis(s.Drawn), 0, "", 0, "")
	if db.IsDuplicate(err) {
		return fault.Conflict("Samples are never redrawn: that of %s was drawn a moment ago.", p.Control)
	}
	if err != nil {
		return err
	}
	fields, err := json.Marshal(look)
	if err != nil {
		return err
	}
	if _, err := c.Tx.Exec(shapeProcedure, string(fields), c.Org, p.ID); err != nil {
		return err
	}
	return addItems(c, p.ID, rows, false)
}

// performed stands where an attribute's letter does, for what a calendar says.
const performed = "performed"

// entire takes a list in whole of which nothing is drawn: it is empty, or
// occurrences that were due did not happen. These are deviations outright.
func (l *sealedList) entire(c *op.Call, r *engagements.Room, p *paper) (Sample, error) {
	s := l.sample(c, r, p)
	s.Method, s.Missed = methodNone, l.missed
	var (
		content []byte
		rows    []drawnItem
	)
	err := populations.EachRow(c, c, r, l.version, func(row populations.Row) error {
		status := proposesAgrees
		if !row.Performed {
			status = "deviates"
			d := drawnItem{ordinal: len(rows) + 1, rank: len(rows) + 1, item: row.Item}
			d.take(row)
			rows = append(rows, d)
		}
		content = fmt.Appendf(content, "%s\t%s\n", row.Item, status)
		return nil
	})
	if err != nil {
		return s, err
	}
	f := FullTest{Attribute: performed, Expression: performed, Version: s.Version, Digest: s.Digest, Total: s.Total, Agrees: s.Total - s.Missed, Deviates: s.Missed}
	if s.Entry, err = recordFull(c, r, p, s.Population, s.seal, f, content); err != nil {
		return s, err
	}
	if s.Total == 0 {
		rows = []drawnItem{{ordinal: 1, rank: 1, item: p.Control, label: p.Title}}
		s.LookBack = l.lookBack()
	}
	if err := s.keep(c, p, l.shape, rows); err != nil {
		return s, err
	}
	for _, d := range rows {
		if d.missed {
			if err := raise(c, p, d, Attribute{Text: "operates when it is due"}, MissedOccurrence, "It was due and did not happen."); err != nil {
				return s, err
			}
		}
	}
	if b := s.LookBack; b != nil && b.Evidence != "" {
		e, err := evidence.Get.Call(r.AtClient(c), evidence.Ref{ID: string(b.Evidence)})
		if err != nil {
			return s, err
		}
		if _, err := linkRecord(c, r, p, rows, e, r.Client.Org, e.Entry); err != nil {
			return s, err
		}
	}
	return s, touch(c, p, s.Entry)
}

// lookBack is when the control last operated, as far as its calendar knows.
func (l *sealedList) lookBack() *LookBack {
	k := l.version.Manifest.Calendar
	if k == nil || k.Last == "" {
		return nil
	}
	return &LookBack{Evidence: k.LastEvidence, Last: k.Last, Days: k.LastDays, Within: k.LastWithin}
}

// touch remembers the newest entry that a conclusion rests on.
func touch(c *op.Call, p *paper, entry int64) error {
	_, err := c.Tx.Exec(touchProcedure, entry, c.Org, p.ID, entry)
	return err
}

func extend(c *op.Call, in Extending) (Sample, error) {
	r, p, err := enter(c, in.Engagement, in.Control, atWork)
	if err != nil {
		return Sample{}, err
	}
	s, err := p.extensible(in)
	if err != nil {
		return Sample{}, err
	}
	l, err := drawnFrom(c, r, p)
	if err != nil {
		return Sample{}, err
	}
	picks, err := l.next(c, s, p)
	if err != nil {
		return Sample{}, err
	}
	content, err := drawContent(picks, nil)
	if err != nil {
		return Sample{}, err
	}
	blob, err := c.Vault.Put(c, c.Org, content)
	if err != nil {
		return Sample{}, err
	}
	from := s.N
	s.N, s.Extended, s.ExtendedBy, s.Reason = from+len(picks), c.Now, c.Actor.Name, strings.TrimSpace(in.Reason)
	s.ExtensionEntry, err = c.Append(op.Record{Kind: canon.KindSample, ID: string(s.ID), Content: &blob, Body: map[string]any{
		"step": "extend", "procedure": p.ID, "from": from, "to": s.N, "reason": s.Reason, "media_type": MediaTypeDraw}})
	if err != nil {
		return Sample{}, err
	}
	n, err := c.Tx.Exec(extendSample, s.N, clock.Millis(c.Now), s.ExtendedBy, s.ExtensionEntry, s.Reason, c.Org, s.ID)
	if err == nil && n == 0 {
		err = fault.Conflict("The sample of %s was extended a moment ago.", p.Control)
	}
	if err != nil {
		return Sample{}, err
	}
	rows, err := l.details(c, r, picks, from)
	if err == nil {
		err = addItems(c, p.ID, rows, true)
	}
	if err == nil && s.rowsLink >= 0 { // its entry follows that of the extension
		_, err = linkRows(c, r, p, s, rows)
	}
	if err == nil {
		err = touch(c, p, s.ExtensionEntry)
	}
	return *s, err
}

// extensible refuses an extension that would only look for a better answer.
func (p *paper) extensible(in Extending) (*Sample, error) {
	s, e := p.Sample, p.Evaluation
	switch {
	case s == nil || s.Method == methodNone:
		return nil, fault.Conflict("No sample of %s is drawn that could be extended.", p.Control)
	case s.Method == string(sample.Stratified):
		return nil, fault.Conflict("The sample of %s is stratified: nothing is projected from it, so no size would settle it.", p.Control)
	case e.Extended:
		return nil, fault.Conflict("The sample of %s was extended on %s. There is no second extension: each further look would weaken the stated confidence.", p.Control, day(s.Extended))
	case e.Tested < e.Size:
		return nil, fault.Conflict("%s. First all of the sample as drawn is tested.", strings.TrimSuffix(strings.Join(p.Left, " "), "."))
	case e.Deviations == 0:
		return nil, fault.Conflict("Nothing in the sample of %s deviates; an extension answers an isolated deviation.", p.Control)
	case p.Unclassified > 0:
		return nil, fault.Conflict("%d of %d deviations have no cause yet. An extension comes after each is stated to be isolated, with the reason.", p.Unclassified, len(p.found))
	}
	for _, d := range p.found {
		if d.Cause == causeDesign || d.Extent == extentSystematic {
			return nil, fault.Conflict("The deviation of %s is %s: more items would not change that the control is not effective.", d.Item, cmp.Or(map[bool]string{true: "one of design"}[d.Cause == causeDesign], "systematic"))
		}
	}
	if !e.Extendable {
		return nil, fault.Conflict("An extension would not help: %s", e.Why)
	}
	if strings.TrimSpace(in.Reason) == "" {
		return nil, fault.Invalid("reason", "say why more items settle the matter")
	}
	return s, nil
}

// drawnFrom reads the version that the sample was drawn from, whatever was
// sealed since.
func drawnFrom(c *op.Call, r *engagements.Room, p *paper) (*sealedList, error) {
	pop, err := populations.Find(c, r, string(p.Sample.Population))
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(pop.Versions, func(v populations.Version) bool { return v.Version == p.Sample.Version })
	if i < 0 || pop.Versions[i].Digest != p.Sample.Digest {
		return nil, fault.Conflict("The list that the sample of %s was drawn from is not there as it was.", p.Control)
	}
	l := &sealedList{pop: pop, version: pop.Versions[i]}
	return l, l.read(c, c, r, "")
}

// next are the items that follow the sample in the order of ranks, up to the
// size that would support the control.
func (l *sealedList) next(c *op.Call, s *Sample, p *paper) ([]sample.Pick, error) {
	raw, err := hex.DecodeString(s.Seed)
	if err != nil || len(raw) != len(sample.Seed{}) {
		return nil, fault.Conflict("The seed of %s is not what was recorded.", p.Control)
	}
	held, err := itemsOf(c, p.ID)
	if err != nil {
		return nil, err
	}
	var picks []sample.Pick
	for _, item := range sample.Seed(raw).Order(l.items) {
		if s.N+len(picks) >= p.Evaluation.Target {
			break
		}
		if _, have := held[item]; !have {
			picks = append(picks, sample.Pick{Rank: s.N + len(picks) + 1, Item: item})
		}
	}
	return picks, nil
}
