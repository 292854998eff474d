package assets

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

const (
	insertAsset = `INSERT INTO asset (org_id, id, version, type, name, folded, place, words, environment, owner_id, custodian, criticality, class, flags, location,
		supplier, lifecycle, planned_for, live_from, retired_on, disposed_on, scope, wish, reason, asker_id, asker, asked, approver_id, approver, approved, created, updated)
		VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateAsset = `UPDATE asset SET version = version + 1, type = ?, name = ?, folded = ?, place = ?, words = ?, environment = ?, owner_id = ?, custodian = ?,
		criticality = ?, class = ?, flags = ?, location = ?, supplier = ?, lifecycle = ?, planned_for = ?, live_from = ?, retired_on = ?, disposed_on = ?, scope = ?,
		wish = ?, reason = ?, asker_id = ?, asker = ?, asked = ?, approver_id = ?, approver = ?, approved = ?, updated = ?
		WHERE org_id = ? AND id = ? AND version = ?`
	insertVersion  = "INSERT INTO asset_version (org_id, asset_id, version, effective, act, body, actor) VALUES (?, ?, ?, ?, ?, ?, ?)"
	selectVersions = "SELECT version, effective, act, body, actor FROM asset_version WHERE org_id = ? AND asset_id = ? ORDER BY version DESC LIMIT 500"
)

// New is an asset to be added.
type New struct {
	Type        string   `json:"type" enum:"compute,storage,database,network,saas,endpoint,repository,facility,key,person_group" doc:"What it is."`
	Name        string   `json:"name" minLength:"1" maxLength:"200" doc:"What people call it."`
	Environment string   `json:"environment,omitempty" enum:"production,staging,development,corporate" doc:"What it serves; left out if it serves all."`
	Owner       string   `json:"owner,omitempty" maxLength:"40" doc:"Id of the member who answers for it; nobody if left out."`
	Custodian   string   `json:"custodian,omitempty" maxLength:"200" doc:"Who looks after it day by day: a person, a team, a supplier."`
	Criticality int64    `json:"criticality,omitempty" minimum:"0" maximum:"4" doc:"1 is the most critical; 3 if left out."`
	Class       string   `json:"class,omitempty" enum:"public,internal,confidential,restricted" doc:"The most sensitive class of data it holds; internal if left out."`
	Flags       []string `json:"flags,omitempty" maxItems:"6" enum:"personal,special_category,payment,health,secret,customer_owned" doc:"What else is true of that data."`
	Location    string   `json:"location,omitempty" maxLength:"200" doc:"Where it is: a region, a building."`
	Supplier    string   `json:"supplier,omitempty" maxLength:"200" doc:"Who provides it."`
	Lifecycle   string   `json:"lifecycle,omitempty" enum:"planned,live,retired,disposed" doc:"The stage of its life; live if left out."`
	PlannedFor  string   `json:"planned_for,omitempty" maxLength:"10" doc:"When it is to go live, as 2026-12-31."`
	LiveFrom    string   `json:"live_from,omitempty" maxLength:"10" doc:"Since when it is live."`
	RetiredOn   string   `json:"retired_on,omitempty" maxLength:"10" doc:"When it was retired."`
	DisposedOn  string   `json:"disposed_on,omitempty" maxLength:"10" doc:"When it was disposed of."`
	Out         bool     `json:"out,omitempty" doc:"It is to leave the scope; it stays in until another person approves."`
	Reason      string   `json:"reason,omitempty" maxLength:"1000" doc:"Why it is in scope or out of it; needed for out."`
}

// Change is what an asset says from now on.
type Change struct {
	ID          string   `json:"id" doc:"The asset's id, ast_…."`
	Type        string   `json:"type" enum:"compute,storage,database,network,saas,endpoint,repository,facility,key,person_group" doc:"What it is."`
	Name        string   `json:"name" minLength:"1" maxLength:"200" doc:"What people call it."`
	Environment string   `json:"environment,omitempty" enum:"production,staging,development,corporate" doc:"What it serves; left out if it serves all."`
	Owner       string   `json:"owner,omitempty" maxLength:"40" doc:"Id of the member who answers for it; nobody if left out."`
	Custodian   string   `json:"custodian,omitempty" maxLength:"200" doc:"Who looks after it day by day."`
	Criticality int64    `json:"criticality,omitempty" minimum:"0" maximum:"4" doc:"1 is the most critical; 3 if left out."`
	Class       string   `json:"class,omitempty" enum:"public,internal,confidential,restricted" doc:"The most sensitive class of data it holds; internal if left out."`
	Flags       []string `json:"flags,omitempty" maxItems:"6" enum:"personal,special_category,payment,health,secret,customer_owned" doc:"What else is true of that data."`
	Location    string   `json:"location,omitempty" maxLength:"200" doc:"Where it is."`
	Supplier    string   `json:"supplier,omitempty" maxLength:"200" doc:"Who provides it."`
	Lifecycle   string   `json:"lifecycle,omitempty" enum:"planned,live,retired,disposed" doc:"The stage of its life; live if left out."`
	PlannedFor  string   `json:"planned_for,omitempty" maxLength:"10" doc:"When it is to go live, as 2026-12-31."`
	LiveFrom    string   `json:"live_from,omitempty" maxLength:"10" doc:"Since when it is live."`
	RetiredOn   string   `json:"retired_on,omitempty" maxLength:"10" doc:"When it was retired."`
	DisposedOn  string   `json:"disposed_on,omitempty" maxLength:"10" doc:"When it was disposed of."`
	Version     int64    `json:"version" doc:"The version that was read."`
}

// apply writes what is asked for into an asset. Members are given so that an
// import asks for them once.
func (n New) apply(a *Asset, members []auth.Member) error {
	a.Type, a.Name, a.Environment, a.Custodian = n.Type, strings.Join(strings.Fields(n.Name), " "), n.Environment, strings.TrimSpace(n.Custodian)
	a.Location, a.Supplier = strings.TrimSpace(n.Location), strings.TrimSpace(n.Supplier)
	a.Criticality, a.Class, a.Lifecycle = n.Criticality, n.Class, n.Lifecycle
	a.PlannedFor, a.LiveFrom, a.RetiredOn, a.DisposedOn = n.PlannedFor, n.LiveFrom, n.RetiredOn, n.DisposedOn
	if a.Name == "" {
		return fault.Invalid("name", "give it a name")
	}
	if a.Criticality == 0 {
		a.Criticality = 3
	}
	if a.Class == "" {
		a.Class = "internal"
	}
	if a.Lifecycle == "" {
		a.Lifecycle = Live
	}
	a.Flags = []string{}
	for _, f := range Flags { // in one order, each once
		if slices.Contains(n.Flags, f) {
			a.Flags = append(a.Flags, f)
		}
	}
	a.OwnerID, a.Owner = "", ""
	if n.Owner != "" {
		i := slices.IndexFunc(members, func(m auth.Member) bool { return string(m.ID) == n.Owner })
		if i < 0 {
			return fault.Invalid("owner", "is not a member of this organization; give the id of one, usr_…, or leave it out for nobody")
		}
		a.OwnerID, a.Owner = members[i].ID, members[i].Name
	}
	return a.dates()
}

// dates checks that the days of a life are days, and in their order.
func (a *Asset) dates() error {
	before, what := "", ""
	for _, d := range []struct{ field, day string }{{"planned_for", a.PlannedFor}, {"live_from", a.LiveFrom}, {"retired_on", a.RetiredOn}, {"disposed_on", a.DisposedOn}} {
		if d.day == "" {
			continue
		}
		if _, err := time.Parse(time.DateOnly, d.day); err != nil {
			return fault.Invalid(d.field, "give a day as 2026-12-31")
		}
		if d.day < before && what != "planned_for" {
			return fault.Invalid(d.field, "is before %s, %s", what, before)
		}
		before, what = d.day, d.field
	}
	return nil
}

// row are the values of an asset as its table has them, from type to updated.
func (a Asset) row() []any {
	scope, wish := a.stored()
	folded := fold(a.Name)
	words := fold(strings.Join([]string{a.Name, a.Location, a.Supplier, a.Custodian}, " "))
	return []any{a.Type, a.Name, folded, strconv.FormatInt(a.Criticality, 10) + " " + folded, words, a.Environment, a.OwnerID, a.Custodian, a.Criticality, a.Class,
		strings.Join(a.Flags, " "), a.Location, a.Supplier, a.Lifecycle, a.PlannedFor, a.LiveFrom, a.RetiredOn, a.DisposedOn, scope, wish, a.Reason, a.AskerID, a.Asker,
		clock.Millis(a.Asked), a.approverID, a.Approver, clock.Millis(a.Approved)}
}

func create(c *op.Call, in New) (Asset, error) {
	members, err := auth.Members(c.Tx, c.Org)
	if err != nil {
		return Asset{}, err
	}
	var a Asset
	if err := in.apply(&a, members); err != nil {
		return Asset{}, err
	}
	if err := a.begin(c, in.Out, in.Reason); err != nil {
		return Asset{}, err
	}
	if err := add(c, &a, "added"); err != nil {
		return Asset{}, err
	}
	c.Note("id", string(a.ID))
	return a, nil
}

// begin says whether a new asset is in scope. Who wants it out has only asked.
func (a *Asset) begin(c *op.Call, out bool, reason string) error {
	a.Scope, a.Reason = In, strings.TrimSpace(reason)
	if out {
		return a.ask(c, reason)
	}
	return nil
}

// add puts an asset into the register.
func add(c *op.Call, a *Asset, act string) error {
	a.ID, a.Version, a.Created, a.Updated = id.New[id.Asset](c.Now), 1, c.Now, c.Now
	args := append([]any{c.Org, a.ID}, a.row()...)
	if _, err := c.Tx.Exec(insertAsset, append(args, clock.Millis(a.Created), clock.Millis(a.Updated))...); err != nil {
		return err
	}
	return keepVersion(c, *a, act)
}

// keepVersion writes the asset in full as it stands from now on.
func keepVersion(c *op.Call, a Asset, act string) error {
	a.Seen, a.Sightings = time.Time{}, 0 // what sources show is no part of a version
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = c.Tx.Exec(insertVersion, c.Org, a.ID, a.Version, clock.Millis(c.Now), act, string(body), c.Actor.Name)
	return err
}

// save writes a changed asset over the version that was read.
func save(c *op.Call, a *Asset, version int64, act string) error {
	args := append(a.row(), clock.Millis(c.Now), c.Org, a.ID, version)
	n, err := c.Tx.Exec(updateAsset, args...)
	if err != nil {
		return err
	}
	if n == 0 {
		now, err := find(c, string(a.ID))
		if err != nil {
			return err
		}
		stale := fault.Conflict("%s was changed since you read it.", now.Name)
		stale.Current = now
		return stale
	}
	a.Version, a.Updated = version+1, c.Now
	return keepVersion(c, *a, act)
}

func update(c *op.Call, in Change) (Asset, error) {
	a, err := find(c, in.ID)
	if err != nil {
		return a, err
	}
	members, err := auth.Members(c.Tx, c.Org)
	if err != nil {
		return a, err
	}
	if err := in.wish().apply(&a, members); err != nil {
		return a, err
	}
	return a, save(c, &a, in.Version, "changed")
}

func (in Change) wish() New {
	return New{Type: in.Type, Name: in.Name, Environment: in.Environment, Owner: in.Owner, Custodian: in.Custodian, Criticality: in.Criticality, Class: in.Class,
		Flags: in.Flags, Location: in.Location, Supplier: in.Supplier, Lifecycle: in.Lifecycle, PlannedFor: in.PlannedFor, LiveFrom: in.LiveFrom,
		RetiredOn: in.RetiredOn, DisposedOn: in.DisposedOn}
}

// Retirement ends the life of an asset.
type Retirement struct {
	ID       string `json:"id" doc:"The asset's id, ast_…."`
	On       string `json:"on" maxLength:"10" doc:"The day, as 2026-12-31."`
	Disposed bool   `json:"disposed,omitempty" doc:"It has been disposed of: nothing on it can be brought back."`
	Reason   string `json:"reason" minLength:"3" maxLength:"1000" doc:"Why it ends, and what takes its place or how it was disposed of."`
	Version  int64  `json:"version" doc:"The version that was read."`
}

func retire(c *op.Call, in Retirement) (Asset, error) {
	a, err := find(c, in.ID)
	if err != nil {
		return a, err
	}
	act := "retired: "
	switch {
	case a.Lifecycle == Disposed, a.Lifecycle == Retired && !in.Disposed:
		return a, fault.Conflict("%s is %s already.", a.Name, a.Lifecycle)
	case in.On == "":
		return a, fault.Invalid("on", "give a day as 2026-12-31")
	case in.Disposed:
		a.Lifecycle, a.DisposedOn, act = Disposed, in.On, "disposed of: "
	default:
		a.Lifecycle, a.RetiredOn = Retired, in.On
	}
	if err := a.dates(); err != nil {
		return a, fault.Invalid("on", "give a day as 2026-12-31, not before the asset's earlier days").With(err)
	}
	return a, save(c, &a, in.Version, act+strings.TrimSpace(in.Reason))
}

// A Version of an asset, with the time from which it held.
type Version struct {
	Version   int64     `json:"version"`
	Effective time.Time `json:"effective"`
	Act       string    `json:"act"`
	Actor     string    `json:"actor"`
	Asset     Asset     `json:"asset"`
}

func versions(c *op.Call, in Ref) (op.Page[Version], error) {
	a, err := find(c, in.ID)
	if err != nil {
		return op.Page[Version]{}, err
	}
	rows, err := db.Rows(c.Tx, selectVersions, []any{c.Org, a.ID}, func(scan func(...any) error, v *Version) error {
		var (
			effective int64
			body      string
		)
		err := scan(&v.Version, &effective, &v.Act, &body, &v.Actor)
		v.Effective = clock.FromMillis(effective)
		return errors.Join(err, json.Unmarshal([]byte(body), &v.Asset))
	})
	return op.Page[Version]{Items: rows, Total: a.Version}, err
}
