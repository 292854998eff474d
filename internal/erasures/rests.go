package erasures

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

const (
	selectListed = `SELECT population_id, version, engagement_id, status, list, records, evidence_id, manifest FROM population_version
		WHERE org_id = ? ORDER BY engagement_id, population_id, version`
	selectCode     = "SELECT code FROM population WHERE org_id = ? AND id = ?"
	selectLinked   = "SELECT evidence_id, engagement_id, COUNT(*) FROM item_link WHERE org_id = ? GROUP BY evidence_id, engagement_id ORDER BY engagement_id, evidence_id"
	countControls  = "SELECT COUNT(*) FROM evidence_control WHERE org_id = ? AND evidence_id = ? AND ended = 0"
	selectSourceAs = "SELECT name FROM source WHERE org_id = ? AND id = ? AND removed = 0"
)

// listed is a version of a population as far as it says where its rows lie.
type listed struct {
	population    id.Population
	version       int64
	engagement    id.Engagement
	status        string
	list, records string
	evidence      id.Evidence
	manifest      string
}

func populations(c *op.Call) ([]listed, error) {
	return db.Rows(c.Tx, selectListed, []any{c.Org}, func(scan func(...any) error, v *listed) error {
		return scan(&v.population, &v.version, &v.engagement, &v.status, &v.list, &v.records, &v.evidence, &v.manifest)
	})
}

// on reports whether a version was built from a record, or is kept in it.
func (v listed) on(r evidence.Record) bool {
	return v.evidence == r.ID || r.Address != "" && (v.list == r.Address || v.records == r.Address) || strings.Contains(v.manifest, string(r.ID))
}

// listsOfPopulations are the lists of pieces that versions of populations have,
// those that were never sealed too, and whose they are.
func listsOfPopulations(c *op.Call) (map[string]string, error) {
	rows, err := populations(c)
	out := map[string]string{}
	for _, v := range rows {
		for _, address := range []string{v.list, v.records} {
			if address != "" {
				out[address] = fmt.Sprintf("%s version %d, %s", v.population, v.version, v.status)
			}
		}
	}
	return out, err
}

// link is how often a record is tied to items of an engagement.
type link struct {
	evidence   id.Evidence
	engagement id.Engagement
	items      int64
}

func links(c *op.Call) ([]link, error) {
	return db.Rows(c.Tx, selectLinked, []any{c.Org}, func(scan func(...any) error, l *link) error {
		return scan(&l.evidence, &l.engagement, &l.items)
	})
}

// ours are the engagements in which the organization is examined.
func ours(c *op.Call) ([]engagements.Engagement, error) {
	all, err := engagements.List.Call(c, op.None{})
	return slices.DeleteFunc(all.Items, func(e engagements.Engagement) bool { return e.Client.Org != c.Org }), err
}

// restsOn lists what stays and leads to the records. What the auditor did with
// them lies in the auditor's file, which this organization does not read.
func restsOn(c *op.Call, records []evidence.Record) ([]Rest, error) {
	out := []Rest{}
	if len(records) == 0 {
		return out, nil
	}
	going := map[id.Evidence]bool{}
	for _, r := range records {
		going[r.ID] = true
	}
	examined, err := ours(c)
	if err != nil {
		return nil, err
	}
	touched := map[id.Engagement]bool{}
	if out, err = onLists(c, out, records, touched); err != nil {
		return nil, err
	}
	tied, err := links(c)
	if err != nil {
		return nil, err
	}
	items := map[id.Engagement]int64{}
	for _, l := range tied {
		if going[l.evidence] {
			items[l.engagement] += l.items
			touched[l.engagement] = true
		}
	}
	for _, e := range examined {
		if n := items[e.ID]; n > 0 {
			out = append(out, Rest{fmt.Sprintf("%s: given as evidence for %d sampled items. The links stay and lead to what remains of the record.", e.Name, n), "/engagements/" + string(e.ID) + "/items"})
		}
		if touched[e.ID] && !e.State.Before(engagements.Fieldwork) {
			text := fmt.Sprintf("%s, %s: what %s has tested, concluded and copied into its own file stays there. A bundle of the examination will say ERASED of the record.", e.Name, e.State.Words(), e.Firm.Name)
			if e.State == engagements.Issued {
				text = fmt.Sprintf("%s: the report that was issued stays as it is, and so do the tests and conclusions in the file of %s. A bundle of the examination will say ERASED of the record.", e.Name, e.Firm.Name)
			}
			out = append(out, Rest{text, "/engagements/" + string(e.ID)})
		}
	}
	return onRecords(c, out, records, going)
}

// onLists adds the versions of populations that are kept in the records or were
// built from them.
func onLists(c *op.Call, out []Rest, records []evidence.Record, touched map[id.Engagement]bool) ([]Rest, error) {
	versions, err := populations(c)
	if err != nil {
		return nil, err
	}
	for _, v := range versions {
		if !slices.ContainsFunc(records, v.on) {
			continue
		}
		touched[v.engagement] = true
		r, err := engagements.Open(c, string(v.engagement))
		if err != nil {
			return nil, err
		}
		code := string(v.population)
		if err := c.Tx.Row(selectCode, []any{r.File, v.population}, &code); err != nil && !errors.Is(err, db.ErrNone) {
			return nil, err
		}
		text := fmt.Sprintf("%s version %d of %s (%s): the list of items, its digest and the query that made it stay; the rows behind them can no longer be read.", code, v.version, r.Name, v.status)
		if v.records != "" && !slices.ContainsFunc(records, func(x evidence.Record) bool { return x.Address == v.records }) {
			text = fmt.Sprintf("%s version %d of %s (%s) was built from it and keeps rows of its own. Erase the record of its rows too, if they are meant.", code, v.version, r.Name, v.status)
		}
		out = append(out, Rest{text, "/engagements/" + string(v.engagement) + "/populations/" + code})
	}
	return out, nil
}

// onRecords adds controls, versions and sources that the records belong to.
func onRecords(c *op.Call, out []Rest, records []evidence.Record, going map[id.Evidence]bool) ([]Rest, error) {
	sources := map[id.Source]bool{}
	for _, r := range records {
		var n int64
		if err := c.Tx.Row(countControls, []any{c.Org, r.ID}, &n); err != nil {
			return nil, err
		}
		if n > 0 {
			out = append(out, Rest{fmt.Sprintf("%s is evidence for controls (%d). It no longer counts for them.", r.ID, n), "/evidence/" + string(r.ID)})
		}
		for _, other := range []struct {
			id   id.Evidence
			text string
		}{{r.SupersededBy, "%s took the place of %s and is not erased."}, {r.Supersedes, "%s was there before %s, and is not erased."}} {
			if other.id != "" && !going[other.id] {
				out = append(out, Rest{fmt.Sprintf(other.text, other.id, r.ID), "/evidence/" + string(other.id)})
			}
		}
		if r.Source == "" || sources[r.Source] {
			continue
		}
		sources[r.Source] = true
		var name string
		if err := c.Tx.Row(selectSourceAs, []any{c.Org, r.Source}, &name); err != nil && !errors.Is(err, db.ErrNone) {
			return nil, err
		}
		if name != "" {
			out = append(out, Rest{fmt.Sprintf("The source %s is still read. What it showed last, and what checks found in it, stays; and what is still there comes back with the next reading.", name), "/sources/" + string(r.Source)})
		}
	}
	return out, nil
}
