package orgs

import (
	"errors"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scrub"
)

// What an organization demands of whoever signs in to it.
var (
	GetDoor = op.Read("doors.get", "Show what is demanded of whoever signs in.", auth.OrgRead, getDoor)
	SetDoor = op.Write("doors.update", "Change what is demanded of whoever signs in: a second factor, and how long a session lasts without use.", auth.OrgWrite, setDoor)
)

const (
	selectDoor = "SELECT second_factor, idle_hours, version, changed FROM orgs_door WHERE org_id = ?"
	insertDoor = "INSERT INTO orgs_door (org_id, second_factor, idle_hours, version, changed) VALUES (?, ?, ?, 1, ?)"
	updateDoor = "UPDATE orgs_door SET second_factor = ?, idle_hours = ?, version = version + 1, changed = ? WHERE org_id = ? AND version = ?"
	watchDoor  = "SELECT org_id, second_factor, idle_hours, version, changed FROM orgs_door WHERE org_id = ?"
)

var _ = scrub.Observe(scrub.Watch{Table: "orgs_door", Query: watchDoor, Key: 1, Ops: []string{"doors."}})

// A Door is what an organization demands of whoever signs in.
type Door struct {
	SecondFactor bool      `json:"second_factor"`
	IdleHours    int64     `json:"idle_hours"` // how long a session lasts without use
	Version      int64     `json:"version"`
	Changed      time.Time `json:"changed,omitzero"`
}

func getDoor(c *op.Call, _ op.None) (Door, error) {
	d := Door{IdleHours: int64(auth.SessionLife.Hours())}
	var changed int64
	err := c.Tx.Row(selectDoor, []any{c.Org}, &d.SecondFactor, &d.IdleHours, &d.Version, &changed)
	if errors.Is(err, db.ErrNone) {
		return d, nil
	}
	d.Changed = clock.FromMillis(changed)
	return d, err
}

// DoorChange is what is demanded from now on.
type DoorChange struct {
	SecondFactor bool  `json:"second_factor,omitempty" doc:"Require a second factor of every member who signs in with a browser. Tokens of programs are not affected."`
	IdleHours    int64 `json:"idle_hours" minimum:"1" maximum:"168" doc:"Hours after which a session that is not used ends; 7 days at most, after which every session ends."`
	Version      int64 `json:"version" doc:"The version that was read; 0 if nothing was ever changed."`
}

func setDoor(c *op.Call, in DoorChange) (Door, error) {
	if err := c.Actor.Proved(c.Now); err != nil {
		return Door{}, err
	}
	before, err := getDoor(c, op.None{})
	if err != nil {
		return Door{}, err
	}
	stale := fault.Conflict("What is demanded was changed since you read it.")
	stale.Current = before
	if before.Version != in.Version {
		return Door{}, stale
	}
	if before.Version == 0 {
		_, err = c.Tx.Exec(insertDoor, c.Org, in.SecondFactor, in.IdleHours, clock.Millis(c.Now))
		if db.IsDuplicate(err) {
			err = stale
		}
	} else {
		var n int64
		if n, err = c.Tx.Exec(updateDoor, in.SecondFactor, in.IdleHours, clock.Millis(c.Now), c.Org, in.Version); err == nil && n == 0 {
			err = stale
		}
	}
	if err != nil {
		return Door{}, err
	}
	return getDoor(c, op.None{})
}
