// Package controls is what the organization does about the criteria: the
// library of controls it may adopt, and those it has adopted, each version of
// them kept.
package controls

import (
	"cmp"
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
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sources"
)

// Everything that can be done with controls.
var (
	Shelf     = op.Read("controls.library", "List the controls that can be adopted.", auth.ControlsRead, shelf)
	List      = op.Read("controls.list", "List the controls in force.", auth.ControlsRead, list)
	Get       = op.Read("controls.get", "Show a control.", auth.ControlsRead, get)
	Versions  = op.Read("controls.history", "List the versions of a control, newest first.", auth.ControlsRead, versions)
	Adopt     = op.Write("controls.adopt", "Adopt controls from the library, with an owner.", auth.ControlsWrite, adopt)
	Create    = op.Write("controls.create", "Add a control of your own.", auth.ControlsWrite, create)
	Update    = op.Write("controls.update", "Change a control. The earlier version stays on record.", auth.ControlsWrite, update)
	Assign    = op.Write("controls.assign", "Give several controls to another owner at once.", auth.ControlsWrite, assign)
	Implement = op.Write("controls.implement", "State how and since when a control is in place.", auth.ControlsWrite, implement)
	Retire    = op.Write("controls.retire", "Retire a control. It stays on record for the time it was in force.", auth.ControlsWrite, retire)

	Operations = []op.Operation{Shelf, List, Get, Versions, Adopt, Create, Update, Assign, Implement, Retire}
)

// A Control is one the organization has adopted.
type Control struct {
	ID             id.Control `json:"id"`
	Code           string     `json:"code"`
	Version        int64      `json:"version"`
	Title          string     `json:"title"`
	Text           string     `json:"text"`
	Type           string     `json:"type"`
	Nature         string     `json:"nature"`
	Frequency      string     `json:"frequency"`
	Owner          id.User    `json:"owner,omitempty"`
	OwnerName      string     `json:"owner_name,omitempty"`
	OwnerRole      string     `json:"owner_role"`
	Population     string     `json:"population,omitempty"`
	Key            bool       `json:"key"`
	Criteria       []Mapping  `json:"criteria"`
	Implemented    time.Time  `json:"implemented,omitzero"`
	Implementation string     `json:"implementation,omitempty"`
	ImplementedBy  string     `json:"implemented_by,omitempty"`
	Adopted        time.Time  `json:"adopted"`
	Retired        time.Time  `json:"retired,omitzero"`
	Updated        time.Time  `json:"updated"`
}

// Designed reports whether the control says who does what and how often: what
// an auditor needs to judge its design.
func (c Control) Designed() bool {
	return c.Text != "" && c.Frequency != "" && c.Owner != "" && len(c.Criteria) > 0
}

// Stated reports whether a named person has said that it is in place.
func (c Control) Stated() bool { return !c.Implemented.IsZero() }

const (
	columns = `c.id, c.code, c.version, c.title, c.text, c.type, c.nature, c.frequency, c.owner_id, c.owner_role, c.population,
		c.key_control, c.implemented, c.implementation, c.implemented_by, c.adopted, c.retired, c.updated`
	from          = " FROM control c LEFT JOIN users u ON u.id = c.owner_id WHERE c.org_id = ?"
	selectActive  = "SELECT " + columns + ", COALESCE(u.name, '')" + from + " AND c.retired = 0 AND c.code > ? ORDER BY c.code LIMIT ?"
	selectOwned   = "SELECT " + columns + ", COALESCE(u.name, '')" + from + " AND c.retired = 0 AND c.owner_id = ? AND c.code > ? ORDER BY c.code LIMIT ?"
	selectByID    = "SELECT " + columns + ", COALESCE(u.name, '')" + from + " AND c.id = ?"
	selectByCode  = "SELECT " + columns + ", COALESCE(u.name, '')" + from + " AND c.code = ?"
	countActive   = "SELECT COUNT(*) FROM control WHERE org_id = ? AND retired = 0"
	countOwned    = "SELECT COUNT(*) FROM control WHERE org_id = ? AND retired = 0 AND owner_id = ?"
	insertControl = `INSERT INTO control (org_id, id, code, version, title, text, type, nature, frequency, owner_id, owner_role, population,
		key_control, implemented, implementation, implemented_by, adopted, retired, updated)
		VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', '', ?, 0, ?)`
	updateControl = `UPDATE control SET version = version + 1, title = ?, text = ?, frequency = ?, owner_id = ?, key_control = ?, updated = ?
		WHERE org_id = ? AND id = ? AND version = ? AND retired = 0`
	stateControl = `UPDATE control SET version = version + 1, implemented = ?, implementation = ?, implemented_by = ?, updated = ?
		WHERE org_id = ? AND id = ? AND version = ? AND retired = 0`
	retireControl  = "UPDATE control SET version = version + 1, retired = ?, updated = ? WHERE org_id = ? AND id = ? AND version = ? AND retired = 0"
	insertMapping  = "INSERT INTO control_criterion (org_id, control_id, criterion, strength) VALUES (?, ?, ?, ?)"
	deleteMappings = "DELETE FROM control_criterion WHERE org_id = ? AND control_id = ?"
	selectMappings = "SELECT control_id, criterion, strength FROM control_criterion WHERE org_id = ? ORDER BY control_id, criterion"
	insertVersion  = "INSERT INTO control_version (org_id, control_id, version, effective, body, actor) VALUES (?, ?, ?, ?, ?, ?)"
	selectVersions = "SELECT version, effective, body, actor FROM control_version WHERE org_id = ? AND control_id = ? ORDER BY version DESC"
)

func scan(scan func(...any) error, c *Control) error {
	var implemented, adopted, retired, updated int64
	err := scan(&c.ID, &c.Code, &c.Version, &c.Title, &c.Text, &c.Type, &c.Nature, &c.Frequency, &c.Owner, &c.OwnerRole, &c.Population,
		&c.Key, &implemented, &c.Implementation, &c.ImplementedBy, &adopted, &retired, &updated, &c.OwnerName)
	c.Implemented, c.Adopted = clock.FromMillis(implemented), clock.FromMillis(adopted)
	c.Retired, c.Updated = clock.FromMillis(retired), clock.FromMillis(updated)
	return err
}

// Shelved is a control of the library and whether it is adopted.
type Shelved struct {
	Template
	Adopted id.Control `json:"adopted,omitempty"`
}

// ShelfFilter narrows the library.
type ShelfFilter struct {
	Stage     string `json:"stage,omitempty" enum:"startup,growth,enterprise" doc:"Only controls expected at this stage or earlier."`
	Criterion string `json:"criterion,omitempty" maxLength:"10" doc:"Only controls that answer this criterion."`
}

var stages = []string{"startup", "growth", "enterprise"}

func shelf(c *op.Call, in ShelfFilter) (op.Page[Shelved], error) {
	all, err := Library()
	if err != nil {
		return op.Page[Shelved]{}, err
	}
	active, err := Active(c)
	if err != nil {
		return op.Page[Shelved]{}, err
	}
	adopted := map[string]id.Control{}
	for _, a := range active {
		adopted[a.Code] = a.ID
	}
	out := op.Page[Shelved]{Items: []Shelved{}}
	for _, t := range all {
		if in.Stage != "" && slices.Index(stages, t.Stage) > slices.Index(stages, in.Stage) {
			continue
		}
		if in.Criterion != "" && !t.answers(in.Criterion) {
			continue
		}
		out.Items = append(out.Items, Shelved{t, adopted[t.Code]})
	}
	out.Total = int64(len(out.Items))
	return out, nil
}

func (t Template) answers(criterion string) bool {
	for _, m := range t.Criteria {
		if m.Criterion == criterion {
			return true
		}
	}
	return false
}

// Filter narrows the list of controls.
type Filter struct {
	Mine  bool   `json:"mine,omitempty" doc:"Only those you own."`
	After string `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

func list(c *op.Call, in Filter) (op.Page[Control], error) {
	n := op.Limit(in.Limit)
	query, count, args := selectActive, countActive, []any{c.Org}
	if in.Mine {
		query, count, args = selectOwned, countOwned, append(args, c.Actor.User)
	}
	var total int64
	if err := c.Tx.Row(count, args, &total); err != nil {
		return op.Page[Control]{}, err
	}
	rows, err := db.Rows(c.Tx, query, append(args, in.After, n+1), scan)
	if err == nil {
		err = mapped(c, rows)
	}
	return op.PageOf(rows, n, total, func(x Control) string { return x.Code }), err
}

// everything is more controls than any organization has.
const everything = 100_000

// Active returns every control in force, by code, for other operations.
func Active(c *op.Call) ([]Control, error) {
	rows, err := db.Rows(c.Tx, selectActive, []any{c.Org, "", everything}, scan)
	if err != nil {
		return nil, err
	}
	return rows, mapped(c, rows)
}

// mapped fills in which criteria the controls answer.
func mapped(c *op.Call, rows []Control) error {
	at := map[id.Control]*Control{}
	for i := range rows {
		rows[i].Criteria = []Mapping{}
		at[rows[i].ID] = &rows[i]
	}
	return c.Tx.Each(selectMappings, []any{c.Org}, func(scan func(...any) error) error {
		var (
			control id.Control
			m       Mapping
		)
		if err := scan(&control, &m.Criterion, &m.Strength); err != nil {
			return err
		}
		if x := at[control]; x != nil {
			x.Criteria = append(x.Criteria, m)
		}
		return nil
	})
}

// Ref names a control by its id or its code.
type Ref struct {
	ID string `json:"id" doc:"The control's id, ctl_…, or its code, such as CHG-01."`
}

func get(c *op.Call, in Ref) (Control, error) {
	query := selectByCode
	if strings.HasPrefix(in.ID, "ctl_") {
		query = selectByID
	}
	rows, err := db.Rows(c.Tx, query, []any{c.Org, in.ID}, scan)
	if err == nil && len(rows) == 0 {
		err = fault.NotFound("There is no adopted control %s.", in.ID)
	}
	if err != nil {
		return Control{}, err
	}
	return rows[0], mapped(c, rows)
}

// Adoption says which controls of the library to take.
type Adoption struct {
	Codes []string `json:"codes" minItems:"1" maxItems:"300" doc:"Codes of the library, such as CHG-01."`
	Owner string   `json:"owner,omitempty" maxLength:"40" doc:"Id of the member who owns them; you, if left out."`
}

func adopt(c *op.Call, in Adoption) (op.Page[Control], error) {
	all, err := Library()
	if err != nil {
		return op.Page[Control]{}, err
	}
	owner, err := ownerOf(c, in.Owner)
	if err != nil {
		return op.Page[Control]{}, err
	}
	out := op.Page[Control]{Items: []Control{}}
	for _, code := range in.Codes {
		i := slices.IndexFunc(all, func(t Template) bool { return t.Code == code })
		if i < 0 {
			return out, fault.Invalid("codes", "the library has no control %s", code)
		}
		t := all[i]
		x := Control{Code: t.Code, Title: t.Title, Text: t.Text, Type: t.Type, Nature: t.Nature, Frequency: t.Frequency,
			Owner: owner, OwnerRole: t.OwnerRole, Population: t.Population, Key: t.Key}
		for _, m := range t.Criteria {
			x.Criteria = append(x.Criteria, m)
		}
		if x, err = add(c, x); err != nil {
			return out, err
		}
		out.Items = append(out.Items, x)
	}
	out.Total = int64(len(out.Items))
	return out, relink(c)
}

// relink has what the sources last showed judged again, so that its evidence
// is tied to controls adopted since.
func relink(c *op.Call) error {
	_, err := job.Enqueue(c.Tx, c.Org, job.Insert{Kind: sources.EvaluateJob, Args: sources.Evaluation{}, Unique: "all"}, c.Now)
	return err
}

// ownerOf checks that the owner is a member.
func ownerOf(c *op.Call, owner string) (id.User, error) {
	if owner == "" {
		return c.Actor.User, nil
	}
	u, err := id.Parse[id.User](owner)
	if err != nil {
		return "", fault.Invalid("owner", "give the id of a member, usr_…")
	}
	if _, err := auth.MemberActor(c.Tx, c.Org, u, ""); err != nil {
		return "", fault.Invalid("owner", "is not a member of this organization")
	}
	return u, nil
}

func add(c *op.Call, x Control) (Control, error) {
	x.ID, x.Version, x.Adopted, x.Updated = id.New[id.Control](c.Now), 1, c.Now, c.Now
	_, err := c.Tx.Exec(insertControl, c.Org, x.ID, x.Code, x.Title, x.Text, x.Type, x.Nature, x.Frequency, x.Owner, x.OwnerRole,
		x.Population, x.Key, clock.Millis(x.Adopted), clock.Millis(x.Updated))
	if db.IsDuplicate(err) {
		return x, fault.Conflict("%s is adopted already.", x.Code)
	}
	if err != nil {
		return x, err
	}
	if err := mapTo(c, x); err != nil {
		return x, err
	}
	if x, err = get(c, Ref{string(x.ID)}); err != nil {
		return x, err
	}
	return x, keepVersion(c, x)
}

func mapTo(c *op.Call, x Control) error {
	if _, err := c.Tx.Exec(deleteMappings, c.Org, x.ID); err != nil {
		return err
	}
	for _, m := range x.Criteria {
		if _, err := c.Tx.Exec(insertMapping, c.Org, x.ID, m.Criterion, m.Strength); err != nil {
			return err
		}
	}
	return nil
}

// keepVersion writes the control in full as it stands from now on.
func keepVersion(c *op.Call, x Control) error {
	body, err := json.Marshal(x)
	if err != nil {
		return err
	}
	_, err = c.Tx.Exec(insertVersion, c.Org, x.ID, x.Version, clock.Millis(c.Now), string(body), c.Actor.Name)
	return err
}

// Own is a control that is not in the library.
type Own struct {
	Code      string   `json:"code" pattern:"^[A-Z]{3}-[0-9]{2,3}$" patternDescription:"three capitals, a dash and a number, such as CHG-41" doc:"Three capitals, a dash and a number."`
	Title     string   `json:"title" minLength:"3" maxLength:"200" doc:"What it is called."`
	Text      string   `json:"text" minLength:"20" maxLength:"4000" doc:"Who does what and when, and what evidence it leaves, as the report will say it."`
	Criteria  []string `json:"criteria" minItems:"1" maxItems:"61" doc:"Codes of the criteria it answers."`
	Frequency string   `json:"frequency" enum:"annual,semi_annual,quarterly,monthly,semi_monthly,weekly,daily,many_times_a_day,per_event,continuous" doc:"How often it operates."`
	Type      string   `json:"type,omitempty" enum:"preventive,detective,corrective" doc:"preventive if left out."`
	Nature    string   `json:"nature,omitempty" enum:"manual,automated,it_dependent" doc:"manual if left out."`
	Key       bool     `json:"key,omitempty" doc:"The criteria rest on it."`
	Owner     string   `json:"owner,omitempty" maxLength:"40" doc:"Id of the member who owns it; you, if left out."`
	OwnerRole string   `json:"owner_role,omitempty" maxLength:"100" doc:"The role that owns it."`
}

func create(c *op.Call, in Own) (Control, error) {
	owner, err := ownerOf(c, in.Owner)
	if err != nil {
		return Control{}, err
	}
	x := Control{Code: in.Code, Title: strings.TrimSpace(in.Title), Text: strings.TrimSpace(in.Text), Type: cmp.Or(in.Type, "preventive"),
		Nature: cmp.Or(in.Nature, "manual"), Frequency: in.Frequency, Owner: owner, OwnerRole: in.OwnerRole, Key: in.Key}
	cat, err := frameworks.Shipped()
	if err != nil {
		return Control{}, err
	}
	for _, code := range in.Criteria {
		if _, err := cat.Criterion(code); err != nil {
			return Control{}, fault.Invalid("criteria", "%s", err)
		}
		x.Criteria = append(x.Criteria, Mapping{code, "direct"})
	}
	if x, err = add(c, x); err != nil {
		return x, err
	}
	return x, relink(c)
}

// Change is a new version of a control.
type Change struct {
	ID        string `json:"id" doc:"The control's id or code."`
	Title     string `json:"title" minLength:"3" maxLength:"200" doc:"What it is called."`
	Text      string `json:"text" minLength:"20" maxLength:"4000" doc:"Who does what and when, and what evidence it leaves."`
	Frequency string `json:"frequency" enum:"annual,semi_annual,quarterly,monthly,semi_monthly,weekly,daily,many_times_a_day,per_event,continuous" doc:"How often it operates."`
	Owner     string `json:"owner" maxLength:"40" doc:"Id of the member who owns it."`
	Key       bool   `json:"key,omitempty" doc:"The criteria rest on it."`
	Version   int64  `json:"version" doc:"The version that was read."`
}

func update(c *op.Call, in Change) (Control, error) {
	old, err := get(c, Ref{in.ID})
	if err != nil {
		return Control{}, err
	}
	owner, err := ownerOf(c, in.Owner)
	if err != nil {
		return Control{}, err
	}
	n, err := c.Tx.Exec(updateControl, strings.TrimSpace(in.Title), strings.TrimSpace(in.Text), in.Frequency, owner, in.Key,
		clock.Millis(c.Now), c.Org, old.ID, in.Version)
	return settle(c, old, n, err)
}

// settle returns the control after a change, or the conflict that stopped it.
func settle(c *op.Call, old Control, touched int64, err error) (Control, error) {
	c.Note("control", old.Code)
	return changed(c, old, touched, err)
}

func changed(c *op.Call, old Control, touched int64, err error) (Control, error) {
	if err != nil {
		return Control{}, err
	}
	if touched == 0 {
		stale := fault.Conflict("%s was changed or retired since you read it.", old.Code)
		stale.Current = old
		return Control{}, stale
	}
	now, err := get(c, Ref{string(old.ID)})
	if err != nil {
		return Control{}, err
	}
	return now, keepVersion(c, now)
}

// Statement says that a control is in place.
type Statement struct {
	ID      string `json:"id" doc:"The control's id or code."`
	Text    string `json:"text" minLength:"10" maxLength:"4000" doc:"How it is done here: the system, the people, where its traces are."`
	Version int64  `json:"version" doc:"The version that was read."`
}

func implement(c *op.Call, in Statement) (Control, error) {
	old, err := get(c, Ref{in.ID})
	if err != nil {
		return Control{}, err
	}
	since := c.Now
	if old.Stated() {
		since = old.Implemented
	}
	n, err := c.Tx.Exec(stateControl, clock.Millis(since), strings.TrimSpace(in.Text), c.Actor.Name, clock.Millis(c.Now), c.Org, old.ID, in.Version)
	return settle(c, old, n, err)
}

// Retirement ends a control.
type Retirement struct {
	ID      string `json:"id" doc:"The control's id or code."`
	Reason  string `json:"reason" minLength:"5" maxLength:"1000" doc:"Why it ends, and what takes its place."`
	Version int64  `json:"version" doc:"The version that was read."`
}

func retire(c *op.Call, in Retirement) (Control, error) {
	old, err := get(c, Ref{in.ID})
	if err != nil {
		return Control{}, err
	}
	n, err := c.Tx.Exec(retireControl, clock.Millis(c.Now), clock.Millis(c.Now), c.Org, old.ID, in.Version)
	return settle(c, old, n, err)
}

// A Version of a control, with the time from which it held.
type Version struct {
	Version   int64     `json:"version"`
	Effective time.Time `json:"effective"`
	Actor     string    `json:"actor"`
	Control   Control   `json:"control"`
}

func versions(c *op.Call, in Ref) (op.Page[Version], error) {
	x, err := get(c, in)
	if err != nil {
		return op.Page[Version]{}, err
	}
	rows, err := db.Rows(c.Tx, selectVersions, []any{c.Org, x.ID}, func(scan func(...any) error, v *Version) error {
		var (
			effective int64
			body      string
		)
		err := scan(&v.Version, &effective, &body, &v.Actor)
		v.Effective = clock.FromMillis(effective)
		return errors.Join(err, json.Unmarshal([]byte(body), &v.Control))
	})
	return op.Page[Version]{Items: rows, Total: int64(len(rows))}, err
}
