// Package anchors has people outside the installation vouch for its logs: time
// stamps of authorities (RFC 3161) and cosignatures of witnesses (C2SP). Each is
// an entry of the log itself, so that whoever gets a bundle gets them too. An
// outsider that does not answer holds up nobody; it is written down and shown.
package anchors

import (
	"context"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
)

// Everything that can be done with anchors. The machine stores what outsiders
// say; people may only have them asked.
var (
	List   = op.Read("anchors.list", "List what outsiders said of the log, newest first.", auth.LogRead, list)
	Get    = op.Read("anchors.get", "Show how far outsiders vouch for the log, and which of them do not answer.", auth.LogRead, get)
	Create = op.Write("anchors.create", "Have the newest head of the log stamped and cosigned now.", auth.AnchorWrite, create).Before(askNow)

	Operations = []op.Operation{List, Get, Create}
)

// Interval is how often a log that grows is anchored. After so many times
// longer without an anchor, the operator is told.
const (
	Interval = time.Hour
	patience = 3
)

// Kinds of anchors.
const (
	KindStamp       = "stamp"
	KindCosignature = "cosignature"
)

// An Anchor is what one outsider said of one checkpoint.
type Anchor struct {
	ID        id.Anchor `json:"id"`
	Kind      string    `json:"kind"`      // stamp or cosignature
	Authority string    `json:"authority"` // the authority's URL, or the witness's name
	Size      int64     `json:"size"`      // of the checkpoint
	Entry     int64     `json:"entry"`     // in which it is kept
	Said      time.Time `json:"said"`      // by the outsider's own clock
	Recorded  time.Time `json:"recorded"`
}

const (
	selectAnchors = `SELECT id, kind, authority, size, entry, said, recorded FROM anchor WHERE org_id = ? AND id < ?
		ORDER BY id DESC LIMIT ?`
	countAnchors = "SELECT COUNT(*) FROM anchor WHERE org_id = ?"
)

func scanAnchor(scan func(...any) error, a *Anchor) error {
	var said, recorded int64
	err := scan(&a.ID, &a.Kind, &a.Authority, &a.Size, &a.Entry, &said, &recorded)
	a.Said, a.Recorded = clock.FromMillis(said), clock.FromMillis(recorded)
	return err
}

// Filter pages through anchors.
type Filter struct {
	After string `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

// last sorts after every anchor, in whatever order a database keeps letters.
const last = "anc_z"

func list(c *op.Call, in Filter) (op.Page[Anchor], error) {
	if in.After == "" {
		in.After = last
	}
	var total int64
	if err := c.Tx.Row(countAnchors, []any{c.Org}, &total); err != nil {
		return op.Page[Anchor]{}, err
	}
	n := op.Limit(in.Limit)
	rows, err := db.Rows(c.Tx, selectAnchors, []any{c.Org, in.After, n + 1}, scanAnchor)
	return op.PageOf(rows, n, total, func(a Anchor) string { return string(a.ID) }), err
}

// An Authority is an outsider as it has answered of late.
type Authority struct {
	Kind    string    `json:"kind"`
	Name    string    `json:"name"`
	Size    int64     `json:"size"`             // of the newest checkpoint it vouched for
	Good    time.Time `json:"good,omitzero"`    // when it last did
	Failing time.Time `json:"failing,omitzero"` // since when it does not
	Error   string    `json:"error,omitempty"`

	log   id.Log
	tried time.Time
}

// State is how far outsiders vouch for a log.
type State struct {
	Configured  bool        `json:"configured"` // whether anybody is asked
	Authorities []Authority `json:"authorities"`
	// Size is how many entries of the log an outsider vouches for; Newest is when
	// the newest of them did, by that outsider's clock.
	Size   int64     `json:"size"`
	Newest time.Time `json:"newest,omitzero"`
	// Waiting is when the first entry was recorded for which nobody does yet.
	Waiting    time.Time `json:"waiting,omitzero"`
	Unanchored int64     `json:"unanchored_minutes"`
	// Alert says that it has been too long.
	Alert bool `json:"alert"`
}

const (
	selectReach       = "SELECT COALESCE(MAX(size), 0), COALESCE(MAX(said), 0) FROM anchor WHERE org_id = ? AND log_id = ?"
	selectAuthorities = `SELECT kind, authority, log_id, size, good, tried, failing, error FROM anchor_authority WHERE org_id = ?
		ORDER BY kind, authority`
)

func scanAuthority(scan func(...any) error, a *Authority) error {
	var good, tried, failing int64
	err := scan(&a.Kind, &a.Name, &a.log, &a.Size, &good, &tried, &failing, &a.Error)
	a.tried = clock.FromMillis(tried)
	if good > 0 {
		a.Good = clock.FromMillis(good)
	}
	if failing > 0 {
		a.Failing = clock.FromMillis(failing)
	}
	return err
}

func get(c *op.Call, _ op.None) (State, error) { return StateOf(c) }

// StateOf is the state of the log of the call's organization, for pages that
// have seen that the caller may know.
func StateOf(c *op.Call) (State, error) {
	return stateOf(c.Engine, c.Tx, c.Org, c.Now)
}

func stateOf(e *op.Engine, tx *db.Tx, org id.Org, now time.Time) (State, error) {
	lg, err := e.Ledger.LogOf(tx, org)
	if err != nil {
		return State{}, err
	}
	s := State{Configured: e.Anchor != nil && !lg.Demo}
	if s.Authorities, err = db.Rows(tx, selectAuthorities, []any{org}, scanAuthority); err != nil {
		return State{}, err
	}
	var said int64
	if err := tx.Row(selectReach, []any{org, lg.ID}, &s.Size, &said); err != nil {
		return State{}, err
	}
	if said > 0 {
		s.Newest = clock.FromMillis(said)
	}
	at, waiting, err := e.Ledger.Waiting(tx, org, lg, s.Size)
	if err != nil || !waiting {
		return s, err
	}
	s.Waiting = at
	s.Unanchored = int64(max(0, now.Sub(at)) / time.Minute)
	s.Alert = s.Configured && now.Sub(at) >= patience*Interval
	return s, nil
}

// grown reports whether a log has anything to vouch for beyond what an outsider
// did. Anchors alone are nothing: they would make each other necessary forever.
func (a Authority) grown(l *ledger.Ledger, tx *db.Tx, org id.Org, lg *ledger.Log) (bool, error) {
	_, waiting, err := l.Waiting(tx, org, lg, a.reach(lg))
	return waiting, err
}

// reach is how much of a log an outsider has vouched for.
func (a Authority) reach(lg *ledger.Log) int64 {
	if a.log != lg.ID {
		return 0
	}
	return a.Size
}

// askNow asks outsiders ahead of the transaction: nobody waits for a stranger
// with the log's head in hand.
func askNow(ctx context.Context, d *op.Desk, _ op.None) error {
	if d.Anchor == nil {
		return fault.Conflict("No outsider is configured to vouch for the log. Whoever runs the installation names some: tickmark serve --tsa URL --tsa-roots FILE, or --witness-policy FILE.")
	}
	d.Anchor(ctx, d.Org, 0)
	return nil
}

// create leaves the entry that says who had them asked, and returns what came
// of it.
func create(c *op.Call, _ op.None) (State, error) { return StateOf(c) }
