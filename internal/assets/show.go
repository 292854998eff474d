package assets

import (
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/op"
)

// A Sighting is a resource that an asset stands for.
type Sighting struct {
	Resource
	Name string    `json:"name"` // of the source
	Seen time.Time `json:"seen"`
	// Shown is false once the source shows it no more, or is disconnected.
	Shown bool `json:"shown"`
}

// A Rule is a check in force: what it is about, and how long what it says
// holds.
type Rule struct {
	ID, Title, Kind string
	Mandatory       bool
	Freshness       time.Duration
}

// rules tells the checks in force. Checks are above this package in the house,
// so that they hand it in.
var rules = func(*op.Call) ([]Rule, error) { return nil, nil }

// Ask has the checks in force told by a function. It is called while packages
// are initialised.
func Ask(fn func(*op.Call) ([]Rule, error)) bool {
	rules = fn
	return true
}

// Verdict is what a check says of a resource that an asset stands for. Its
// status is unknown where the check has not looked, or too long ago.
type Verdict struct {
	Check     string    `json:"check"`
	Title     string    `json:"title"`
	Mandatory bool      `json:"mandatory"`
	Status    string    `json:"status"`
	Since     time.Time `json:"since,omitzero"`
	Reason    string    `json:"reason,omitempty"`
	Kind      string    `json:"kind"`
	Key       string    `json:"key"`
}

// Detail is an asset with what is known of it.
type Detail struct {
	Asset
	Sightings []Sighting `json:"shown_as"`
	Checks    []Verdict  `json:"checks"`
	// Approvers may agree that it leaves the scope; where there is nobody else,
	// the asker may from AloneFrom on.
	Approvers []auth.Approver `json:"approvers,omitempty"`
	AloneFrom time.Time       `json:"alone_from,omitzero"`
}

// lasts is the end of a stretch that lasts.
const lasts = int64(1)<<62 - 1

// maxSightings bounds how many resources one asset is shown with.
const maxSightings = 500

const (
	selectSightings = `SELECT g.source_id, s.name, g.kind, g.key, g.seen, CASE WHEN r.key IS NULL OR s.removed > 0 THEN 0 ELSE 1 END
		FROM asset_sighting g JOIN source s ON s.org_id = g.org_id AND s.id = g.source_id
		LEFT JOIN source_resource r ON r.org_id = g.org_id AND r.source_id = g.source_id AND r.kind = g.kind AND r.key = g.key
		WHERE g.org_id = ? AND g.asset_id = ? ORDER BY g.kind, g.key, g.source_id LIMIT ?`
	selectVerdict = "SELECT status, starts, reason FROM check_interval WHERE org_id = ? AND check_id = ? AND source_id = ? AND key = ? AND ends = ?"
)

func show(c *op.Call, in Ref) (Detail, error) {
	a, err := find(c, in.ID)
	if err != nil {
		return Detail{}, err
	}
	d := Detail{Asset: a, Checks: []Verdict{}}
	if a.Scope == Pending {
		members, err := auth.Members(c.Tx, c.Org)
		if err != nil {
			return d, err
		}
		s := a.second(members)
		d.Approvers, d.AloneFrom = s.Approvers, s.AloneFrom
	}
	d.Sightings, err = db.Rows(c.Tx, selectSightings, []any{c.Org, a.ID, maxSightings}, func(scan func(...any) error, g *Sighting) error {
		var seen, there int64
		err := scan(&g.Source, &g.Name, &g.Kind, &g.Key, &seen, &there)
		g.Seen, g.Shown = clock.FromMillis(seen), there > 0
		return err
	})
	if err != nil {
		return d, err
	}
	if d.Sightings == nil {
		d.Sightings = []Sighting{}
	}
	known, err := rules(c)
	if err != nil {
		return d, err
	}
	for _, g := range d.Sightings {
		for _, r := range known {
			if r.Kind != g.Kind {
				continue
			}
			v, err := verdict(c, g, r)
			if err != nil {
				return d, err
			}
			d.Checks = append(d.Checks, v)
		}
	}
	return d, nil
}

func verdict(c *op.Call, g Sighting, r Rule) (Verdict, error) {
	v := Verdict{Check: r.ID, Title: r.Title, Mandatory: r.Mandatory, Status: "unknown", Reason: "The check has not looked at it.", Kind: g.Kind, Key: g.Key}
	type said struct {
		status, reason string
		since          int64
	}
	rows, err := db.Rows(c.Tx, selectVerdict, []any{c.Org, r.ID, g.Source, g.Key, lasts}, func(scan func(...any) error, s *said) error {
		return scan(&s.status, &s.since, &s.reason)
	})
	if err != nil || len(rows) == 0 {
		return v, err
	}
	v.Status, v.Reason, v.Since = rows[0].status, rows[0].reason, clock.FromMillis(rows[0].since)
	if c.Now.Sub(g.Seen) > r.Freshness {
		v.Status, v.Reason = "unknown", "What it said is older than what it says may be."
	}
	return v, nil
}
