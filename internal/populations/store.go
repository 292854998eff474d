package populations

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

const (
	popColumns = `id, engagement_id, code, title, controls, commitment, commit_entry, secret, nonce, revealed, revealed_by, abandoned, reason,
		actor, created`
	insertPopulation  = "INSERT INTO population (org_id, " + popColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	selectPopulations = "SELECT " + popColumns + " FROM population WHERE org_id = ? AND engagement_id = ? ORDER BY code, id"
	abandonPopulation = "UPDATE population SET abandoned = ?, reason = ? WHERE org_id = ? AND id = ? AND abandoned = 0"
	revealPopulation  = "UPDATE population SET nonce = ?, revealed = ?, revealed_by = ? WHERE org_id = ? AND id = ? AND revealed = 0"

	versionColumns = `population_id, version, status, row_count, digest, root, manifest, problems, checks, list, records, pieces, evidence_id,
		entry, built, sealed, actor`
	insertVersion  = "INSERT INTO population_version (org_id, engagement_id, " + versionColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	selectVersions = "SELECT " + versionColumns + " FROM population_version WHERE org_id = ? AND engagement_id = ? ORDER BY population_id, version"
	sealVersion    = `UPDATE population_version SET status = 'sealed', checks = ?, evidence_id = ?, entry = ?, sealed = ?, actor = ?
		WHERE org_id = ? AND population_id = ? AND version = ? AND status = 'draft'`
	supersedeVersion = "UPDATE population_version SET status = 'superseded' WHERE org_id = ? AND population_id = ? AND version = ? AND status = 'sealed'"

	insertCheck  = "INSERT INTO population_check (org_id, population_id, version, number, procedure, result, note, items, actor, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	selectChecks = "SELECT population_id, version, procedure, result, note, items, actor, at FROM population_check WHERE org_id = ? ORDER BY population_id, version, number"
	countChecks  = "SELECT COUNT(*) FROM population_check WHERE org_id = ? AND population_id = ? AND version = ?"

	insertDecision  = "INSERT INTO population_decision (org_id, population_id, version, number, decision, reason, actor, at, entry) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
	selectDecisions = "SELECT population_id, version, decision, reason, actor, at, entry FROM population_decision WHERE org_id = ? ORDER BY population_id, version, number"
	countDecisions  = "SELECT COUNT(*) FROM population_decision WHERE org_id = ? AND population_id = ? AND version = ?"
)

func scanPopulation(scan func(...any) error, p *Population) error {
	var (
		controls                     string
		revealed, abandoned, created int64
	)
	err := scan(&p.ID, &p.Engagement, &p.Code, &p.Title, &controls, &p.Commitment, &p.CommitEntry, &p.secret, &p.Nonce, &revealed, &p.RevealedBy,
		&abandoned, &p.Reason, &p.Actor, &created)
	p.Controls = strings.Fields(controls)
	p.Revealed, p.Abandoned, p.Requested = clock.FromMillis(revealed), clock.FromMillis(abandoned), clock.FromMillis(created)
	return err
}

func scanVersion(scan func(...any) error, v *Version) error {
	var (
		manifest, problems, checks, pieces string
		built, sealed                      int64
	)
	err := scan(&v.Population, &v.Version, &v.Status, &v.Rows, &v.Digest, &v.Root, &manifest, &problems, &checks, &v.list, &v.records, &pieces,
		&v.Evidence, &v.Entry, &built, &sealed, &v.Actor)
	if err != nil {
		return err
	}
	v.Built, v.Sealed = clock.FromMillis(built), clock.FromMillis(sealed)
	return errors.Join(json.Unmarshal([]byte(manifest), &v.Manifest), json.Unmarshal([]byte(problems), &v.Problems),
		json.Unmarshal([]byte(checks), &v.Checks), json.Unmarshal([]byte(pieces), &v.pieces))
}

// all reads the populations of an engagement, those that were abandoned too,
// from both sides' rows.
func all(c *op.Call, r *engagements.Room) ([]Population, error) {
	pops, err := db.Rows(c.Tx, selectPopulations, []any{r.File, r.ID}, scanPopulation)
	if err != nil {
		return nil, err
	}
	versions, err := db.Rows(c.Tx, selectVersions, []any{r.Client.Org, r.ID}, scanVersion)
	if err != nil {
		return nil, err
	}
	for i := range pops {
		pops[i].Versions = []Version{}
		for _, v := range versions {
			if v.Population == pops[i].ID {
				if v.Status == Draft && r.Side == engagements.FirmSide {
					v = v.outline()
				}
				pops[i].Versions = append(pops[i].Versions, v)
			}
		}
	}
	if err := judged(c, r, pops); err != nil {
		return nil, err
	}
	return decided(c, r, pops)
}

// outline is what the auditor sees of a draft: that there is one.
func (v Version) outline() Version {
	return Version{Population: v.Population, Version: v.Version, Status: v.Status, Built: v.Built, Actor: v.Actor}
}

func versionOf(pops []Population, p id.Population, version int) *Version {
	for i := range pops {
		for k := range pops[i].Versions {
			if v := &pops[i].Versions[k]; v.Population == p && v.Version == version {
				return v
			}
		}
	}
	return nil
}

// judged adds the procedures that the auditor recorded. They are workpapers:
// the client sees what was computed, and the decision.
func judged(c *op.Call, r *engagements.Room, pops []Population) error {
	if r.Side != engagements.FirmSide {
		return nil
	}
	return c.Tx.Each(selectChecks, []any{r.File}, func(scan func(...any) error) error {
		var (
			p       id.Population
			version int
			x       Check
			items   string
			at      int64
		)
		if err := scan(&p, &version, &x.Procedure, &x.Result, &x.Text, &items, &x.By, &at); err != nil {
			return err
		}
		x.At = clock.FromMillis(at)
		if err := json.Unmarshal([]byte(items), &x.Items); err != nil {
			return err
		}
		if v := versionOf(pops, p, version); v != nil {
			v.Checks = append(v.Checks, x)
		}
		return nil
	})
}

func decided(c *op.Call, r *engagements.Room, pops []Population) ([]Population, error) {
	for i := range pops {
		for k := range pops[i].Versions {
			reject(&pops[i].Versions[k])
		}
	}
	err := c.Tx.Each(selectDecisions, []any{r.File}, func(scan func(...any) error) error {
		var (
			p       id.Population
			version int
			d       Version
			at      int64
		)
		if err := scan(&p, &version, &d.Decision, &d.Reason, &d.DecidedBy, &at, &d.DecisionEntry); err != nil {
			return err
		}
		if v := versionOf(pops, p, version); v != nil {
			v.Decision, v.Reason, v.DecidedBy, v.Decided, v.DecisionEntry = d.Decision, d.Reason, d.DecidedBy, clock.FromMillis(at), d.DecisionEntry
		}
		return nil
	})
	return pops, err
}

// current leaves the abandoned requests to those that took their place.
func current(pops []Population) []Population {
	out := []Population{}
	for _, p := range pops {
		if p.Abandoned.IsZero() {
			for _, e := range pops {
				if e.Code == p.Code && !e.Abandoned.IsZero() {
					p.Earlier = append(p.Earlier, e)
				}
			}
			out = append(out, p)
		}
	}
	return out
}

// Find returns a population by its code, or by its id also after another
// request took its place, for other operations.
func Find(c *op.Call, r *engagements.Room, code string) (Population, error) {
	pops, err := all(c, r)
	if err != nil {
		return Population{}, err
	}
	for _, p := range current(pops) {
		if p.Code == code || string(p.ID) == code {
			return p, nil
		}
	}
	for _, p := range pops {
		if string(p.ID) == code {
			return p, nil
		}
	}
	return Population{}, fault.NotFound("No population %s was requested in %s.", clip(code), r.Name)
}

// version is one version of a population; 0 is the one in force, or else the
// newest.
func (p Population) version(number int) (*Version, error) {
	if number == 0 {
		v := p.Current()
		if v == nil {
			v = p.Newest()
		}
		if v == nil {
			return nil, fault.NotFound("Nothing was built for %s yet.", p.Code)
		}
		return v, nil
	}
	for i := range p.Versions {
		if p.Versions[i].Version == number {
			return &p.Versions[i], nil
		}
	}
	return nil, fault.NotFound("%s has no version %d.", p.Code, number)
}
