package engagements

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sample"
)

// Methodology is a version of how a firm sizes samples.
type Methodology struct {
	Version int64          `json:"version"` // 0: the profile the product comes with
	Profile sample.Profile `json:"profile"`
	Reason  string         `json:"reason,omitempty"`
	Actor   string         `json:"actor,omitempty"`
	At      time.Time      `json:"at,omitzero"`
}

const (
	insertMethodology   = "INSERT INTO engagement_methodology (org_id, version, body, reason, at, actor) VALUES (?, ?, ?, ?, ?, ?)"
	selectMethodologies = "SELECT version, body, reason, at, actor FROM engagement_methodology WHERE org_id = ? ORDER BY version DESC"
)

func methodologies(c *op.Call, _ op.None) (op.Page[Methodology], error) {
	rows, err := db.Rows(c.Tx, selectMethodologies, []any{c.Org}, func(scan func(...any) error, m *Methodology) error {
		var (
			body string
			at   int64
		)
		if err := scan(&m.Version, &body, &m.Reason, &at, &m.Actor); err != nil {
			return err
		}
		m.At = clock.FromMillis(at)
		return json.Unmarshal([]byte(body), &m.Profile)
	})
	rows = append(rows, Methodology{Profile: sample.Customary()})
	return op.Page[Methodology]{Items: rows, Total: int64(len(rows))}, err
}

func methodology(c *op.Call, _ op.None) (Methodology, error) { return current(c) }

// current is the firm's newest methodology.
func current(c *op.Call) (Methodology, error) {
	all, err := methodologies(c, op.None{})
	if err != nil {
		return Methodology{}, err
	}
	return all.Items[0], nil
}

// NewMethodology is a profile to put in force.
type NewMethodology struct {
	Profile string `json:"profile" minLength:"2" maxLength:"20000" doc:"The profile as JSON, in the form that methodologies.get shows."`
	Reason  string `json:"reason" minLength:"1" maxLength:"2000" doc:"What changed, and why."`
	Version int64  `json:"version" doc:"The version that was read."`
}

func setMethodology(c *op.Call, in NewMethodology) (Methodology, error) {
	now, err := current(c)
	if err != nil {
		return Methodology{}, err
	}
	if now.Version != in.Version {
		stale := fault.Conflict("The methodology was changed since you read it.")
		stale.Current = now
		return Methodology{}, stale
	}
	var p sample.Profile
	d := json.NewDecoder(strings.NewReader(in.Profile))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return Methodology{}, fault.Invalid("profile", "is not a profile as methodologies.get shows it: %s", err)
	}
	p.Version = int(now.Version) + 2 // the one the product comes with is 1
	if err := p.Validate(); err != nil {
		return Methodology{}, fault.Invalid("profile", "%s", err)
	}
	body, err := json.Marshal(p)
	if err != nil {
		return Methodology{}, err
	}
	m := Methodology{Version: now.Version + 1, Profile: p, Reason: strings.TrimSpace(in.Reason), Actor: c.Actor.Name, At: c.Now}
	_, err = c.Tx.Exec(insertMethodology, c.Org, m.Version, string(body), m.Reason, clock.Millis(m.At), m.Actor)
	if db.IsDuplicate(err) {
		err = fault.Conflict("The methodology was changed since you read it.")
	}
	return m, err
}
