package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sources"
)

// Preview judges without saving. It takes the right to write checks: a rule
// that anybody may try is one that anybody may have the machine work on.
var Preview = op.Read("checks.preview", "Try a check on what the sources last showed. Nothing is saved.", auth.ChecksWrite, preview)

// Draft is a check to try.
type Draft struct {
	YAML  string `json:"yaml" maxLength:"65536" doc:"The definition, as docs/checks.md describes it."`
	Limit int    `json:"limit,omitempty" minimum:"0" maximum:"20000" doc:"How many resources to judge at most; 5,000 if left out."`
}

// What a trial may take, and how much of each list it names.
const (
	trialResources = 5_000
	trialTime      = 4 * time.Second
	trialShown     = 20
)

// Trial is what a check would say.
type Trial struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Total int64  `json:"total"`  // of what the sources showed last
	Tried int    `json:"judged"` // less than Total where it was cut short
	// Late says that it was cut short by time, not by the number asked for.
	Late          bool      `json:"late,omitempty"`
	Passing       int       `json:"passing"`
	Failing       int       `json:"failing"`
	Unknown       int       `json:"unknown"`
	NotApplicable int       `json:"not_applicable"`
	Status        Status    `json:"status"`
	Reason        string    `json:"reason,omitempty"`
	Remedy        string    `json:"remedy,omitempty"`
	Summary       string    `json:"summary,omitempty"`
	Sources       []Tried   `json:"sources"`
	Fails         []Tryout  `json:"fails"`
	Unclear       []Tryout  `json:"unclear"`
	Examples      []Proving `json:"examples"`
	// Against the version in force, where there is one of that id.
	Edits   bool           `json:"edits,omitempty"`
	Changes map[string]int `json:"changes,omitempty"` // by "pass to fail"
	Changed []Tryout       `json:"changed,omitempty"`
}

// Proved reports whether each example came out as it says.
func (t Trial) Proved() bool {
	return !slices.ContainsFunc(t.Examples, func(p Proving) bool { return p.Got != p.Want })
}

// Tried is a source whose resources were judged.
type Tried struct {
	ID    id.Source `json:"id"`
	Name  string    `json:"name"`
	At    time.Time `json:"at"`
	Total int64     `json:"total"`
}

// A Tryout is a resource as a check would judge it.
type Tryout struct {
	Source id.Source `json:"source"`
	Key    string    `json:"key"`
	Was    Status    `json:"was,omitempty"`
	Status Status    `json:"status"`
	Reason string    `json:"reason,omitempty"`
	Fields []string  `json:"fields"` // "name: value"; what is personal is left out
}

// Proving is an example with what it is judged.
type Proving struct {
	Want   Status `json:"want"`
	Number int    `json:"number"` // among those of its status, from 1
	Got    Status `json:"got"`
	Reason string `json:"reason,omitempty"`
}

const (
	countTrial = `SELECT COUNT(*) FROM source_resource r JOIN source s ON s.org_id = r.org_id AND s.id = r.source_id
		WHERE r.org_id = ? AND r.source_id = ? AND r.kind = ? AND s.removed = 0`
	selectTrial = `SELECT key, body FROM source_resource WHERE org_id = ? AND source_id = ? AND kind = ? ORDER BY key LIMIT ?`
	selectRead  = `SELECT s.id, s.name, u.ended, u.missing, COALESCE(k.kind, '') FROM source s
		JOIN source_run u ON u.org_id = s.org_id AND u.source_id = s.id
		LEFT JOIN source_run_kind k ON k.org_id = u.org_id AND k.run_id = u.id AND k.kind = ?
		WHERE s.org_id = ? AND s.removed = 0 AND u.status = 'ok' AND u.id = (SELECT MAX(x.id) FROM source_run x
			WHERE x.org_id = s.org_id AND x.source_id = s.id AND x.status = 'ok') ORDER BY s.id`
)

func preview(c *op.Call, in Draft) (Trial, error) {
	d, err := draft(in.YAML)
	if err != nil {
		return Trial{}, err
	}
	rule, err := compiled(d, false)
	if err != nil {
		return Trial{}, err
	}
	t := trial{Trial: Trial{ID: d.ID, Kind: d.Kind, Sources: []Tried{}, Fails: []Tryout{}, Unclear: []Tryout{}}, rule: rule,
		left: trialResources}
	if in.Limit > 0 {
		t.left = in.Limit
	}
	if t.Examples, err = rule.examples(); err != nil {
		return Trial{}, err
	}
	if err := t.compare(c); err != nil {
		return Trial{}, err
	}
	ctx, cancel := context.WithTimeout(c, trialTime)
	defer cancel()
	t.ctx = ctx
	err = t.judgeAll(c)
	return t.Trial, err
}

// trial is one under way.
type trial struct {
	Trial
	ctx   context.Context
	rule  *Compiled
	was   *Compiled // the version in force, if any
	left  int
	votes []Vote
	says  []string
}

// compare finds the version in force, so that what would change can be told.
func (t *trial) compare(c *op.Call) error {
	defs, _, err := definitions(c)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(defs, func(d Definition) bool { return d.ID == t.ID })
	if i < 0 || defs[i].Kind != t.Kind {
		return nil
	}
	t.was, err = compiled(defs[i], false)
	t.Edits, t.Changes, t.Changed = true, map[string]int{}, []Tryout{}
	return err
}

// read is a source that was read, and what of it could not be.
type read struct {
	Tried
	missing []sources.Missing
	covered bool
}

func (t *trial) judgeAll(c *op.Call) error {
	list, err := db.Rows(c.Tx, selectRead, []any{t.Kind, c.Org}, func(scan func(...any) error, r *read) error {
		var (
			at            int64
			missing, kind string
		)
		if err := scan(&r.ID, &r.Name, &at, &missing, &kind); err != nil {
			return err
		}
		r.At, r.covered = clock.FromMillis(at), kind != ""
		var all []sources.Missing
		err := json.Unmarshal([]byte(missing), &all)
		r.missing = slices.DeleteFunc(all, func(m sources.Missing) bool { return m.Kind != t.Kind })
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range list {
		if !r.covered && len(r.missing) == 0 {
			continue
		}
		if err := c.Tx.Row(countTrial, []any{c.Org, r.ID, t.Kind}, &r.Total); err != nil {
			return err
		}
		t.Total += r.Total
		t.Sources = append(t.Sources, r.Tried)
		if err := t.judge(c, r); err != nil {
			return err
		}
	}
	t.Status, t.Reason = Unknown, "Nothing reads this: no connected source shows any "+sources.KindIn(t.Kind)+"."
	if len(t.votes) > 0 {
		t.Status, t.Reason = Combine(t.votes)
		t.Summary = strings.Join(t.says, " ")
	}
	return nil
}

// judge tries the rule on the resources of one source.
func (t *trial) judge(c *op.Call, r read) error {
	tally := NewTally(t.rule.Definition)
	rows, err := db.Rows(c.Tx, selectTrial, []any{c.Org, r.ID, t.Kind, max(0, t.left)}, func(scan func(...any) error, x *[2]string) error {
		return scan(&x[0], &x[1])
	})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if t.ctx.Err() != nil {
			t.Late = true
			break
		}
		found, err := sources.DecodeChunk([]byte(row[1]+"\n"), t.rule.Schema)
		if err != nil || len(found) != 1 {
			return fmt.Errorf("%s of %s: %w", row[0], r.ID, err)
		}
		o := t.rule.Evaluate(found[0], Params{}, r.At)
		tally.Add(o)
		t.Tried++
		t.left--
		t.note(r, found[0], o)
	}
	result := tally.Result(r.covered, r.missing)
	t.Passing, t.Failing, t.Unknown = t.Passing+result.Passing, t.Failing+result.Failing, t.Unknown+result.Unknown
	t.NotApplicable += result.NotApplicable
	if result.Remedy != "" {
		t.Remedy = result.Remedy
	}
	t.votes = append(t.votes, Vote{Mandatory: true, Status: result.Status, Cause: result.Reason})
	if result.Summary != "" {
		t.says = append(t.says, result.Summary)
	}
	return nil
}

// note keeps a resource that a person would want to see.
func (t *trial) note(r read, res sources.Resource, o Outcome) {
	out := Tryout{Source: r.ID, Key: res.Key, Status: o.Status, Reason: o.Reason + o.Message}
	switch {
	case o.Status == Fail && len(t.Fails) < trialShown:
		out.Fields = t.fields(res)
		t.Fails = append(t.Fails, out)
	case o.Status == Unknown && len(t.Unclear) < trialShown:
		out.Fields = t.fields(res)
		t.Unclear = append(t.Unclear, out)
	}
	if t.was == nil {
		return
	}
	before := t.was.Evaluate(res, Params{}, r.At)
	if before.Status == o.Status {
		return
	}
	t.Changes[string(before.Status)+" to "+string(o.Status)]++
	if len(t.Changed) < trialShown {
		out.Was, out.Fields = before.Status, t.fields(res)
		t.Changed = append(t.Changed, out)
	}
}

// maxField is how much of a value is shown.
const maxField = 120

// fields are what the source said of a resource, and why it did not.
func (t *trial) fields(res sources.Resource) []string {
	out := []string{}
	for _, name := range t.rule.Schema.FieldNames() {
		if t.rule.Schema.Fields[name].Personal {
			continue
		}
		value, have := res.Attrs[name]
		why := res.Absent[name]
		switch {
		case have:
			text := fmt.Sprint(value)
			if at, is := value.(time.Time); is {
				text = at.Format("2006-01-02 15:04 UTC")
			}
			if len(text) > maxField {
				text = strings.ToValidUTF8(text[:maxField], "") + "…"
			}
			out = append(out, name+": "+text)
		case why != "":
			out = append(out, name+": unknown, "+why)
		}
	}
	return out
}

// examples judges the check's own fixtures and says how each came out.
func (c *Compiled) examples() ([]Proving, error) {
	out := []Proving{}
	var all faults
	for _, set := range c.Definition.Fixtures.sets() {
		for i, attrs := range set.list {
			res, err := c.resource(attrs)
			if err != nil {
				all.add(misfit(c.Definition, set.want, i, err))
				continue
			}
			got := c.Evaluate(res, Params{}, fixtureTime)
			out = append(out, Proving{set.want, i + 1, got.Status, got.Reason + got.Message})
		}
	}
	return out, all.err()
}
