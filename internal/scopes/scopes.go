// Package scopes says what is examined: for whom, of which type, over which
// time, against which categories, and which system. Each change is a new
// version; the earlier ones stay.
package scopes

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
)

// Everything that can be done to the scope.
var (
	Get     = op.Read("scopes.get", "Show what is examined: the scope in force.", auth.ScopeRead, get)
	History = op.Read("scopes.list", "List every version of the scope, newest first.", auth.ScopeRead, list)
	Set     = op.Write("scopes.set", "Decide what is examined. The earlier scope stays on record.", auth.ScopeWrite, set)

	Operations = []op.Operation{Get, History, Set}
)

// Report types.
const (
	TypeI  = "type_1"
	TypeII = "type_2"
)

// A Scope is one decision on what is examined. Version 0 is what holds before
// anyone has decided: Security alone, no dates.
type Scope struct {
	Version    int64     `json:"version"`
	Requester  string    `json:"requester,omitempty"`
	Type       string    `json:"type"`
	Categories []string  `json:"categories"`
	AsOf       string    `json:"as_of,omitempty"`
	Starts     string    `json:"starts,omitempty"`
	Ends       string    `json:"ends,omitempty"`
	System     string    `json:"system,omitempty"`
	Included   string    `json:"included,omitempty"`
	Excluded   string    `json:"excluded,omitempty"`
	Catalogue  string    `json:"catalogue"`
	Actor      string    `json:"actor,omitempty"`
	Effective  time.Time `json:"effective,omitzero"`
}

// Decided reports whether anybody has set the scope.
func (s Scope) Decided() bool { return s.Version > 0 }

const (
	columns     = "version, requester, report_type, categories, as_of, starts, ends, system, included, excluded, catalogue, actor, effective"
	selectScope = "SELECT " + columns + " FROM scope WHERE org_id = ? ORDER BY version DESC LIMIT 1"
	selectAll   = "SELECT " + columns + " FROM scope WHERE org_id = ? ORDER BY version DESC"
	insertScope = "INSERT INTO scope (org_id, " + columns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

func scan(scan func(...any) error, s *Scope) error {
	var (
		categories string
		effective  int64
	)
	err := scan(&s.Version, &s.Requester, &s.Type, &categories, &s.AsOf, &s.Starts, &s.Ends, &s.System, &s.Included,
		&s.Excluded, &s.Catalogue, &s.Actor, &effective)
	if err != nil {
		return err
	}
	s.Effective = clock.FromMillis(effective)
	return json.Unmarshal([]byte(categories), &s.Categories)
}

func get(c *op.Call, _ op.None) (Scope, error) { return Current(c) }

// Current returns the scope in force, for other operations.
func Current(c *op.Call) (Scope, error) {
	rows, err := db.Rows(c.Tx, selectScope, []any{c.Org}, scan)
	if err != nil || len(rows) > 0 {
		return slices.Concat(rows, []Scope{{}})[0], err
	}
	cat, err := frameworks.Shipped()
	if err != nil {
		return Scope{}, err
	}
	return undecided(cat), nil
}

// CurrentAt returns the scope that was in force at an instant, for other
// operations.
func CurrentAt(c *op.Call, at time.Time) (Scope, error) {
	all, err := list(c, op.None{})
	for _, s := range all.Items { // newest first
		if !s.Effective.After(at) {
			return s, err
		}
	}
	if err != nil {
		return Scope{}, err
	}
	cat, err := frameworks.Shipped()
	if err != nil {
		return Scope{}, err
	}
	return undecided(cat), nil
}

// undecided is what holds before anybody has decided.
func undecided(cat *frameworks.Catalogue) Scope {
	return Scope{Type: TypeII, Categories: []string{frameworks.Security}, Catalogue: cat.Current().ID}
}

func list(c *op.Call, _ op.None) (op.Page[Scope], error) {
	rows, err := db.Rows(c.Tx, selectAll, []any{c.Org}, scan)
	return op.Page[Scope]{Items: rows, Total: int64(len(rows))}, err
}

// Decision is a new scope.
type Decision struct {
	Requester  string   `json:"requester,omitempty" maxLength:"200" doc:"Who asked for the report."`
	Type       string   `json:"type" enum:"type_1,type_2" doc:"type_1: design at a date. type_2: design and operation over a period."`
	Categories []string `json:"categories,omitempty" maxItems:"5" doc:"security, availability, processing_integrity, confidentiality, privacy. Security is always in."`
	AsOf       string   `json:"as_of,omitempty" maxLength:"10" doc:"Type I: the date, as 2026-12-31."`
	Starts     string   `json:"starts,omitempty" maxLength:"10" doc:"Type II: first day of the period."`
	Ends       string   `json:"ends,omitempty" maxLength:"10" doc:"Type II: last day of the period."`
	System     string   `json:"system,omitempty" maxLength:"200" doc:"The name of the system or service the report is about."`
	Included   string   `json:"included,omitempty" maxLength:"4000" doc:"What is in: services, infrastructure, places, people."`
	Excluded   string   `json:"excluded,omitempty" maxLength:"4000" doc:"What is left out, and why."`
	Version    int64    `json:"version,omitempty" doc:"The version that was read; 0 if there was none."`
}

// maxPeriod bounds a period: nobody examines more than two years at once.
const maxPeriod = 731

func set(c *op.Call, in Decision) (Scope, error) {
	now, err := Current(c)
	if err != nil {
		return Scope{}, err
	}
	if now.Version != in.Version {
		stale := fault.Conflict("The scope was changed since you read it.")
		stale.Current = now
		return Scope{}, stale
	}
	cat, err := frameworks.Shipped()
	if err != nil {
		return Scope{}, err
	}
	if _, err := cat.InScope(in.Categories); err != nil {
		return Scope{}, err
	}
	s := Scope{Version: now.Version + 1, Requester: strings.TrimSpace(in.Requester), Type: in.Type, System: strings.TrimSpace(in.System),
		Included: strings.TrimSpace(in.Included), Excluded: strings.TrimSpace(in.Excluded), Catalogue: cat.Current().ID,
		Actor: c.Actor.Name, Effective: c.Now}
	for _, k := range cat.Current().Categories { // catalogue order, Security first, each once
		if k.Code == frameworks.Security || slices.Contains(in.Categories, k.Code) {
			s.Categories = append(s.Categories, k.Code)
		}
	}
	if err := dates(&s, in); err != nil {
		return Scope{}, err
	}
	categories, err := json.Marshal(s.Categories)
	if err != nil {
		return Scope{}, err
	}
	_, err = c.Tx.Exec(insertScope, c.Org, s.Version, s.Requester, s.Type, string(categories), s.AsOf, s.Starts, s.Ends, s.System,
		s.Included, s.Excluded, s.Catalogue, s.Actor, clock.Millis(s.Effective))
	if db.IsDuplicate(err) {
		err = fault.Conflict("The scope was changed since you read it.")
	}
	return s, err
}

// dates takes the dates that fit the type and refuses the others.
func dates(s *Scope, in Decision) error {
	if in.Type == TypeI {
		if in.Starts != "" || in.Ends != "" {
			return fault.Invalid("starts", "a Type I report is as of one date; leave the period empty or choose Type II")
		}
		if in.AsOf == "" {
			return nil // not decided yet
		}
		if _, err := day("as_of", in.AsOf); err != nil {
			return err
		}
		s.AsOf = in.AsOf
		return nil
	}
	if in.AsOf != "" {
		return fault.Invalid("as_of", "a Type II report covers a period; give its first and last day instead")
	}
	if in.Starts == "" && in.Ends == "" {
		return nil
	}
	from, err1 := day("starts", in.Starts)
	to, err2 := day("ends", in.Ends)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if to.Before(from) {
		return fault.Invalid("ends", "the period ends before it starts: give a day on or after %s", in.Starts)
	}
	if to.Sub(from).Hours()/24 > maxPeriod {
		return fault.Invalid("ends", "a period of more than two years is not examined at once; 3 to 12 months is usual")
	}
	s.Starts, s.Ends = in.Starts, in.Ends
	return nil
}

func day(field, s string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, fault.Invalid(field, "give a date as 2026-12-31")
	}
	return t, nil
}
