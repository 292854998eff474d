package checks

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sources"
)

// What can be done with a check that is there.
var (
	Update   = op.Write("checks.update", "Put a new version of your own check in force.", auth.ChecksWrite, update)
	Retire   = op.Write("checks.retire", "Take a check out of force. What it said stays on record.", auth.ChecksWrite, retire)
	Restore  = op.Write("checks.restore", "Put a check in force again.", auth.ChecksWrite, restore)
	Adjust   = op.Write("checks.adjust", "Set the parameters of a check of the program.", auth.ChecksWrite, adjust)
	Versions = op.Read("checks.versions", "List the versions of a check, newest first, with who changed it and why.", auth.ChecksRead, versions)
	Export   = op.Read("checks.export", "Write your own checks out as YAML.", auth.ChecksRead, export)
	Import   = op.Write("checks.import", "Put the checks of a YAML file in force, all or none.", auth.ChecksWrite, importAll)
)

// A setting is what an organization has decided about a check, newest first
// in force.
type setting struct {
	check     string
	effective time.Time
	act       string
	off       bool
	params    map[string]any // of a check of the program; nil for its own values
	digest    string         // of the version that the act put in force
	why       string
	actor     string
}

// Acts that settings record.
const (
	actCreated  = "created"
	actUpdated  = "updated"
	actAdjusted = "adjusted"
	actRetired  = "retired"
	actRestored = "restored"
)

const (
	settingColumns  = "check_id, effective, act, off, params, digest, why, actor"
	insertSetting   = "INSERT INTO check_setting (org_id, " + settingColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
	selectSettings  = "SELECT " + settingColumns + " FROM check_setting WHERE org_id = ? ORDER BY check_id, effective"
	selectSettingOf = "SELECT " + settingColumns + " FROM check_setting WHERE org_id = ? AND check_id = ? ORDER BY effective"

	selectVersions = "SELECT digest, own, body, effective, ended FROM check_definition WHERE org_id = ? AND check_id = ? ORDER BY effective DESC"
	selectEver     = "SELECT check_id, own, body, effective, ended FROM check_definition WHERE org_id = ? ORDER BY check_id, effective"
	lastVersion    = "SELECT MAX(effective) FROM check_definition WHERE org_id = ? AND check_id = ?"
)

func scanSetting(scan func(...any) error, s *setting) error {
	var (
		at     int64
		params string
	)
	err := scan(&s.check, &at, &s.act, &s.off, &params, &s.digest, &s.why, &s.actor)
	s.effective = clock.FromMillis(at)
	if err == nil && params != "" {
		err = json.Unmarshal([]byte(params), &s.params)
	}
	return err
}

// settings are those in force, by check.
func settings(c *op.Call) (map[string]setting, error) {
	rows, err := db.Rows(c.Tx, selectSettings, []any{c.Org}, scanSetting)
	out := map[string]setting{}
	for _, s := range rows {
		out[s.check] = s
	}
	return out, err
}

// settingOf is the one in force for a check; the zero one if nothing was ever
// decided.
func settingOf(c *op.Call, check string) (setting, error) {
	rows, err := db.Rows(c.Tx, selectSettingOf, []any{c.Org, check}, scanSetting)
	if err != nil || len(rows) == 0 {
		return setting{check: check}, err
	}
	return rows[len(rows)-1], nil
}

// decide records a decision. Two in one millisecond keep their order.
func decide(c *op.Call, s setting) error {
	was, err := settingOf(c, s.check)
	if err != nil {
		return err
	}
	at := c.Now
	if !at.After(was.effective) {
		at = was.effective.Add(time.Millisecond)
	}
	params := ""
	if s.params != nil {
		b, err := json.Marshal(s.params)
		if err != nil {
			return err
		}
		params = string(b)
	}
	c.Note("digest", s.digest)
	_, err = c.Tx.Exec(insertSetting, c.Org, s.check, clock.Millis(at), s.act, s.off, params, s.digest, s.why, c.Actor.Name)
	return err
}

// with is the definition with what an organization has set. The values become
// the defaults, so that the digest, and with it the version, tells them apart.
func (d Definition) with(set map[string]any) (Definition, error) {
	if len(set) == 0 {
		return d, nil
	}
	d.Params, d.shipped = maps.Clone(d.Params), ""
	for name, value := range set {
		p, known := d.Params[name]
		if !known {
			continue // a newer program has dropped it
		}
		value, err := valueOf(p.Type, value)
		if err != nil {
			return d, err
		}
		p.Default = value
		d.Params[name] = p
	}
	return d, nil
}

// Change is a new version of a check.
type Change struct {
	ID     string `json:"id" doc:"The check's id."`
	YAML   string `json:"yaml" maxLength:"65536" doc:"The definition, as docs/checks.md describes it, with the same id."`
	Digest string `json:"digest,omitempty" doc:"The version that was read; a newer one in force is a conflict."`
	Why    string `json:"why,omitempty" maxLength:"1000" doc:"Why it is changed."`
}

func update(c *op.Call, in Change) (Check, error) {
	var digest string
	err := c.Tx.Row(inForce, []any{c.Org, in.ID}, &digest)
	if errors.Is(err, db.ErrNone) {
		return Check{}, fault.NotFound("There is no check %s of your own in force.", in.ID)
	}
	if err != nil {
		return Check{}, err
	}
	if in.Digest != "" && in.Digest != digest {
		return Check{}, fault.Conflict("%s was changed since you read it. Read it again, and make your change to the version in force.", in.ID)
	}
	d, err := proven(in.YAML)
	if err != nil {
		return Check{}, err
	}
	if d.ID != in.ID {
		return Check{}, fault.Invalid("yaml", "the id is %s: the versions of a check keep its id, %s", d.ID, in.ID)
	}
	return force(c, d, in.YAML, in.Why)
}

// proven reads one definition of an organization's own, compiles it and judges
// its examples.
func proven(text string) (Definition, error) {
	d, err := draft(text)
	if err != nil {
		return d, err
	}
	shippedChecks, err := Library()
	if err != nil {
		return d, err
	}
	if slices.ContainsFunc(shippedChecks, func(s Definition) bool { return s.ID == d.ID }) {
		return d, fault.Conflict("%s is a check of the program. Give yours another id, as in own.%s.", d.ID, d.ID)
	}
	_, err = compiled(d, true)
	return d, err
}

// draft reads one definition.
func draft(text string) (Definition, error) {
	defs, err := Parse("yaml", []byte(text))
	if err != nil {
		return Definition{}, err
	}
	if len(defs) != 1 {
		return Definition{}, fault.Invalid("yaml", "give one check; %d were given", len(defs))
	}
	return defs[0], nil
}

func compiled(d Definition, prove bool) (*Compiled, error) {
	schemas, err := sources.Schemas()
	if err != nil {
		return nil, err
	}
	schema, known := schemas[d.Kind]
	if !known {
		kinds := slices.Sorted(maps.Keys(schemas))
		text := "there is no kind of resource " + d.Kind
		if near := nearest(d.Kind, kinds); near != "" {
			return nil, fault.Invalid("kind", "%s: %s is probably meant (%s)", text, near, d.place("kind"))
		}
		return nil, fault.Invalid("kind", "%s: %s are accepted (%s)", text, strings.Join(kinds, ", "), d.place("kind"))
	}
	x, err := Compile(d, schema)
	if err != nil || !prove {
		return x, err
	}
	return x, x.Prove()
}

// force puts an own check in force and has the newest runs judged by it.
func force(c *op.Call, d Definition, body, why string) (Check, error) {
	versions, err := versionsOf(c, d.ID)
	if err != nil {
		return Check{}, err
	}
	was, err := settingOf(c, d.ID)
	if err != nil {
		return Check{}, err
	}
	if was.off {
		return Check{}, fault.Conflict("%s is out of force. Restore it first, then change it.", d.ID)
	}
	c.Note("id", d.ID)
	c.Note("digest", d.Digest())
	if len(versions) > 0 && versions[0].Digest == d.Digest() {
		return describe(d, true), nil // nothing is different
	}
	if err := install(c, d, true, body); err != nil {
		return Check{}, err
	}
	act := actUpdated
	if len(versions) == 0 {
		act = actCreated
	}
	if err := decide(c, setting{check: d.ID, act: act, digest: d.Digest(), why: strings.TrimSpace(why)}); err != nil {
		return Check{}, err
	}
	_, err = reevaluate(c, op.None{})
	return describe(d, true), err
}

// Reasoned names a check and says why.
type Reasoned struct {
	ID     string `json:"id" doc:"The check's id."`
	Reason string `json:"reason" minLength:"10" maxLength:"1000" doc:"Why."`
}

func retire(c *op.Call, in Reasoned) (op.None, error) {
	d, own, s, err := known(c, in.ID)
	if err != nil {
		return op.None{}, err
	}
	if s.off {
		return op.None{}, fault.Conflict("%s is out of force already, since %s.", in.ID, s.effective.Format(when))
	}
	if _, err := c.Tx.Exec(endDef, clock.Millis(c.Now), c.Org, d.ID); err != nil {
		return op.None{}, err
	}
	c.Note("own", own)
	return op.None{}, decide(c, setting{check: d.ID, act: actRetired, off: true, params: s.params, digest: d.Digest(), why: strings.TrimSpace(in.Reason)})
}

func restore(c *op.Call, in Reasoned) (op.None, error) {
	d, own, s, err := known(c, in.ID)
	if err != nil {
		return op.None{}, err
	}
	if !s.off {
		return op.None{}, fault.Conflict("%s is in force.", in.ID)
	}
	if own {
		// A newer program may have changed the kind it reads.
		if _, err := compiled(d, true); err != nil {
			return op.None{}, err
		}
		past, err := versionsOf(c, d.ID)
		if err != nil {
			return op.None{}, err
		}
		if err := install(c, d, true, past[0].Body); err != nil {
			return op.None{}, err
		}
	}
	c.Note("own", own)
	if err := decide(c, setting{check: d.ID, act: actRestored, params: s.params, digest: d.Digest(), why: strings.TrimSpace(in.Reason)}); err != nil {
		return op.None{}, err
	}
	_, err = reevaluate(c, op.None{})
	return op.None{}, err
}

// known finds a check whether it is in force or not.
func known(c *op.Call, check string) (Definition, bool, setting, error) {
	s, err := settingOf(c, check)
	if err != nil {
		return Definition{}, false, s, err
	}
	lib, err := Library()
	if err != nil {
		return Definition{}, false, s, err
	}
	if i := slices.IndexFunc(lib, func(d Definition) bool { return d.ID == check }); i >= 0 {
		d, err := lib[i].with(s.params)
		return d, false, s, err
	}
	past, err := versionsOf(c, check)
	if err == nil && (len(past) == 0 || !past[0].Own) {
		err = fault.NotFound("There is no check %s.", check)
	}
	if err != nil {
		return Definition{}, false, s, err
	}
	return past[0].Definition, true, s, nil
}

// outOfForce lists the checks that somebody has taken out of force.
func outOfForce(c *op.Call) (op.Page[Check], error) {
	out := op.Page[Check]{Items: []Check{}}
	all, err := settings(c)
	if err != nil {
		return out, err
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if !all[id].off {
			continue
		}
		d, own, s, err := known(c, id)
		if err != nil {
			return out, err
		}
		x := describe(d, own)
		x.Status, x.Reason = Unknown, "It is out of force since "+s.effective.Format(when)+"."
		out.Items = append(out.Items, x)
	}
	out.Total = int64(len(out.Items))
	return out, nil
}

// A Version is a check as it was in force for a time.
type Version struct {
	Digest    string    `json:"digest"`
	Own       bool      `json:"own,omitempty"`
	Effective time.Time `json:"effective"`
	Ended     time.Time `json:"ended,omitzero"`
	Act       string    `json:"act,omitempty"` // created, updated, adjusted, retired or restored
	Why       string    `json:"why,omitempty"`
	Actor     string    `json:"actor,omitempty"`
	YAML      string    `json:"yaml"`

	Body       string     `json:"-"`
	Definition Definition `json:"-"`
}

// History of a check: its versions, and what was decided about it.
type VersionList struct {
	ID       string     `json:"id"`
	Off      bool       `json:"off,omitempty"`
	Versions []Version  `json:"versions"`
	Decided  []Decision `json:"decisions"`
}

// A Decision is what somebody decided about a check.
type Decision struct {
	At     time.Time `json:"at"`
	Act    string    `json:"act"`
	Why    string    `json:"why,omitempty"`
	Actor  string    `json:"actor"`
	Digest string    `json:"digest"`
}

func versions(c *op.Call, in Ref) (VersionList, error) {
	_, _, s, err := known(c, in.ID)
	if err != nil {
		return VersionList{}, err
	}
	out := VersionList{ID: in.ID, Off: s.off, Decided: []Decision{}}
	if out.Versions, err = versionsOf(c, in.ID); err != nil {
		return out, err
	}
	rows, err := db.Rows(c.Tx, selectSettingOf, []any{c.Org, in.ID}, scanSetting)
	for _, s := range rows {
		out.Decided = append(out.Decided, Decision{s.effective, s.act, s.why, s.actor, s.digest})
		for i, v := range out.Versions {
			if v.Digest == s.digest && v.Act == "" && s.act != actRetired {
				out.Versions[i].Act, out.Versions[i].Why, out.Versions[i].Actor = s.act, s.why, s.actor
			}
		}
	}
	slices.Reverse(out.Decided)
	return out, err
}

func versionsOf(c *op.Call, check string) ([]Version, error) {
	return db.Rows(c.Tx, selectVersions, []any{c.Org, check}, func(scan func(...any) error, v *Version) error {
		var starts, ends int64
		if err := scan(&v.Digest, &v.Own, &v.Body, &starts, &ends); err != nil {
			return err
		}
		v.Effective, v.Ended = clock.FromMillis(starts), clock.FromMillis(ends)
		if ends == 0 {
			v.Ended = time.Time{}
		}
		defs, err := Parse("version", []byte(v.Body))
		if err != nil || len(defs) != 1 {
			return err
		}
		v.Definition = defs[0]
		v.YAML = v.Body
		if strings.HasPrefix(v.Body, "{") {
			v.YAML, err = defs[0].Text()
		}
		return err
	})
}
