package procedures

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/populations"
)

const (
	procedureColumns = `id, control, control_version, title, text, criteria, key_control, basis, population, cadence, risk, attributes, roles, fields,
		tester, tester_name, version, entry, touched, created, updated`
	insertProcedure = "INSERT INTO procedure (org_id, " + procedureColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	updateProcedure = `UPDATE procedure SET control_version = ?, title = ?, text = ?, criteria = ?, key_control = ?, basis = ?, population = ?, cadence = ?,
		risk = ?, attributes = ?, roles = ?, tester = ?, tester_name = ?, version = version + 1, entry = ?, updated = ?
		WHERE org_id = ? AND id = ? AND version = ?`
	selectProcedures = "SELECT " + procedureColumns + " FROM procedure WHERE org_id = ? AND control >= ? AND control <= ? ORDER BY control"
	selectProcedure  = "SELECT " + procedureColumns + " FROM procedure WHERE org_id = ? AND id = ?"
	insertVersion    = "INSERT INTO procedure_version (org_id, procedure_id, version, body, actor, at) VALUES (?, ?, ?, ?, ?, ?)"
	touchProcedure   = "UPDATE procedure SET touched = ? WHERE org_id = ? AND id = ? AND touched < ?"
	shapeProcedure   = "UPDATE procedure SET fields = ? WHERE org_id = ? AND id = ?"

	sampleColumns = `id, procedure_id, population_id, version, digest, commitment, nonce, seed, period, method, strata_by, first_size, size, total, missed,
		profile, profile_version, risk, look_back, warnings, seal, rows_id, rows_link, entry, actor, actor_id, at, extended, extended_by, extension_entry, reason`
	insertSample  = "INSERT INTO sample (org_id, " + sampleColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	selectSamples = "SELECT " + sampleColumns + " FROM sample WHERE org_id = ? AND procedure_id >= ? AND procedure_id <= ?"
	extendSample  = `UPDATE sample SET size = ?, extended = ?, extended_by = ?, extension_entry = ?, reason = ?
		WHERE org_id = ? AND id = ? AND extended = 0`

	relinkSample = "UPDATE sample SET rows_link = ? WHERE org_id = ? AND id = ?"

	selectRuns = `SELECT procedure_id, attribute, version, digest, expression, total, agrees, deviates, unknown, items, unsure, listed, unknowns, why,
		actor, actor_id, at, entry FROM procedure_run WHERE org_id = ? AND procedure_id >= ? AND procedure_id <= ? ORDER BY procedure_id, number`
	selectConclusions = `SELECT procedure_id, version, proposal, decision, reason, tested, deviations, facts, actor, actor_id, at, entry
		FROM procedure_conclusion WHERE org_id = ? AND procedure_id >= ? AND procedure_id <= ? ORDER BY procedure_id, version`
	selectReviews = `SELECT procedure_id, version, comment, actor, at, entry FROM procedure_review
		WHERE org_id = ? AND procedure_id >= ? AND procedure_id <= ?`
	tallyItems = `SELECT procedure_id, marked, deviates, COUNT(*) FROM item
		WHERE org_id = ? AND procedure_id >= ? AND procedure_id <= ? GROUP BY procedure_id, marked, deviates`
	tallyEach  = "SELECT ordinal, marked, deviates FROM item WHERE org_id = ? AND procedure_id = ?"
	tallyLinks = "SELECT DISTINCT procedure_id, ordinal FROM item_link WHERE org_id = ? AND procedure_id >= ? AND procedure_id <= ?"
)

// last follows every id in the order of text.
const last = "~"

func scanProcedure(scan func(...any) error, p *Procedure) error {
	var (
		criteria, attributes, roles string
		created, updated            int64
	)
	err := scan(&p.ID, &p.Control, &p.ControlVersion, &p.Title, &p.Text, &criteria, &p.Key, &p.Basis, &p.Population, &p.Cadence, &p.Risk, &attributes,
		&roles, &p.fields, &p.Tester, &p.TesterName, &p.Version, &p.Entry, &p.touched, &created, &updated)
	if err != nil {
		return err
	}
	p.Created, p.Updated = clock.FromMillis(created), clock.FromMillis(updated)
	return errors.Join(json.Unmarshal([]byte(criteria), &p.Criteria), json.Unmarshal([]byte(attributes), &p.Attributes), json.Unmarshal([]byte(roles), &p.Roles))
}

func scanSample(scan func(...any) error, s *Sample) error {
	var (
		lookBack, warnings string
		at, extended       int64
	)
	err := scan(&s.ID, &s.procedure, &s.Population, &s.Version, &s.Digest, &s.Commitment, &s.Nonce, &s.Seed, &s.Period, &s.Method, &s.StrataBy, &s.First,
		&s.N, &s.Total, &s.Missed, &s.Profile, &s.ProfileVersion, &s.Risk, &lookBack, &warnings, &s.seal, &s.rows, &s.rowsLink, &s.Entry, &s.DrawnBy,
		&s.user, &at, &extended, &s.ExtendedBy, &s.ExtensionEntry, &s.Reason)
	if err != nil {
		return err
	}
	s.Drawn, s.Extended = clock.FromMillis(at), clock.FromMillis(extended)
	if lookBack != "" {
		err = json.Unmarshal([]byte(lookBack), &s.LookBack)
	}
	return errors.Join(err, json.Unmarshal([]byte(warnings), &s.Warnings))
}

// A tally is how many items have so many attributes marked, and deviating.
type tally struct{ marked, deviates, items int }

// A paper is a workpaper with all that its evaluation needs.
type paper struct {
	Procedure
	tallies []tally
	linked  map[int]bool // by ordinal; of what look has read
	found   []Deviation
	runs    map[string]FullTest // the newest of each attribute
	newest  *FullTest
}

// survey reads workpapers whole: one, or all if control is empty. It asks each
// table once.
func survey(c *op.Call, r *engagements.Room, control string) ([]*paper, error) {
	f := r.InFile(c)
	args := []any{r.File, control, control}
	if control == "" {
		args[2] = last
	}
	rows, err := db.Rows(f.Tx, selectProcedures, args, scanProcedure)
	if err != nil {
		return nil, err
	}
	var (
		out  []*paper
		byID = map[id.Procedure]*paper{}
	)
	for _, p := range rows {
		x := &paper{Procedure: p, runs: map[string]FullTest{}}
		out, byID[p.ID] = append(out, x), x
	}
	if len(out) == 0 {
		return nil, nil
	}
	span := []any{r.File, "", last}
	if control != "" {
		span = []any{r.File, string(out[0].ID), string(out[0].ID)}
	}
	if err := errors.Join(readSamples(f, span, byID), readTallies(f, span, byID), readRuns(f, span, byID), readConclusions(f, span, byID),
		readDeviations(f, r, span, byID)); err != nil {
		return nil, err
	}
	refused, err := refusals(c, r, out)
	for _, p := range out {
		p.settle(r, refused[p.Population])
	}
	return out, err
}

// refusals says of which lists the auditor has rejected what the client sealed.
func refusals(c *op.Call, r *engagements.Room, papers []*paper) (map[string]string, error) {
	out := map[string]string{}
	for _, p := range papers {
		if _, known := out[p.Population]; known || p.Population == "" || p.Sample != nil || p.newest != nil {
			continue
		}
		out[p.Population] = ""
		pop, err := populations.Find(r.InFile(c), r, p.Population)
		if fault.KindOf(err) == fault.KindNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		if v := pop.Current(); v != nil && v.Decision == populations.Rejected {
			out[p.Population] = fmt.Sprintf("%s was rejected: %s", p.Population, v.Reason)
		}
	}
	return out, nil
}

func readSamples(c *op.Call, span []any, to map[id.Procedure]*paper) error {
	rows, err := db.Rows(c.Tx, selectSamples, span, scanSample)
	for _, s := range rows {
		if p := to[s.procedure]; p != nil {
			p.Sample = &s
		}
	}
	return err
}

func readTallies(c *op.Call, span []any, to map[id.Procedure]*paper) error {
	return c.Tx.Each(tallyItems, span, func(scan func(...any) error) error {
		var (
			p id.Procedure
			t tally
		)
		err := scan(&p, &t.marked, &t.deviates, &t.items)
		if x := to[p]; x != nil {
			x.tallies = append(x.tallies, t)
		}
		return err
	})
}

// look reads of which items there is evidence, and counts those of which there
// is none.
func look(c *op.Call, r *engagements.Room, papers ...*paper) error {
	if len(papers) == 0 {
		return nil
	}
	from, to := "", last
	if len(papers) == 1 {
		from, to = string(papers[0].ID), string(papers[0].ID)
	}
	at := map[id.Procedure]*paper{}
	for _, p := range papers {
		p.linked = map[int]bool{}
		at[p.ID] = p
	}
	for _, org := range []id.Org{r.File, r.Client.Org} {
		err := c.Tx.Each(tallyLinks, []any{org, from, to}, func(scan func(...any) error) error {
			var (
				p       id.Procedure
				ordinal int
			)
			err := scan(&p, &ordinal)
			if x := at[p]; x != nil {
				x.linked[ordinal] = true
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, p := range papers {
		p.Unlinked = 0
		for i := 1; i <= p.items(); i++ {
			if !p.shown(i) {
				p.Unlinked++
			}
		}
	}
	return nil
}

func readRuns(c *op.Call, span []any, to map[id.Procedure]*paper) error {
	return c.Tx.Each(selectRuns, span, func(scan func(...any) error) error {
		var (
			p        id.Procedure
			t        FullTest
			unknowns string
			at       int64
		)
		err := scan(&p, &t.Attribute, &t.Version, &t.Digest, &t.Expression, &t.Total, &t.Agrees, &t.Deviates, &t.Unknown, &t.items, &t.unsure, &t.Listed,
			&unknowns, &t.Why, &t.By, &t.user, &at, &t.Entry)
		if err != nil {
			return err
		}
		t.At, t.Observed = clock.FromMillis(at), percent(t.Deviates, t.Total)
		err = json.Unmarshal([]byte(unknowns), &t.Unknowns)
		if x := to[p]; x != nil {
			x.runs[t.Attribute], x.newest = t, &t
		}
		return err
	})
}

func readConclusions(c *op.Call, span []any, to map[id.Procedure]*paper) error {
	var at int64
	err := c.Tx.Each(selectConclusions, span, func(scan func(...any) error) error {
		var (
			p id.Procedure
			k Conclusion
		)
		err := scan(&p, &k.Version, &k.Proposal, &k.Decision, &k.Reason, &k.Tested, &k.Deviations, &k.Facts, &k.By, &k.User, &at, &k.Entry)
		if x := to[p]; x != nil {
			k.At = clock.FromMillis(at)
			k.Stale = k.Entry < x.touched
			x.Conclusion = &k // the newest comes last
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.Tx.Each(selectReviews, span, func(scan func(...any) error) error {
		var (
			p       id.Procedure
			version int
			k       Conclusion
		)
		err := scan(&p, &version, &k.ReviewComment, &k.ReviewedBy, &at, &k.ReviewEntry)
		if x := to[p]; x != nil && x.Conclusion != nil && x.Conclusion.Version == version {
			x.Conclusion.ReviewComment, x.Conclusion.ReviewedBy, x.Conclusion.ReviewEntry = k.ReviewComment, k.ReviewedBy, k.ReviewEntry
			x.Conclusion.Reviewed = clock.FromMillis(at)
		}
		return err
	})
}

// open reads the workpaper of a control.
func open(c *op.Call, r *engagements.Room, control string) (*paper, error) {
	all, err := survey(c, r, control)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 || control == "" {
		return nil, fault.NotFound("No test of %s is planned in %s.", control, r.Name)
	}
	return all[0], nil
}
