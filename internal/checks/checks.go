package checks

import (
	"encoding/json"
	"errors"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sources"
)

// Everything that can be done with checks.
var (
	List       = op.Read("checks.list", "List the checks with what they say now.", auth.ChecksRead, list)
	Get        = op.Read("checks.get", "Show a check, its rule and what it says of each source.", auth.ChecksRead, get)
	Findings   = op.Read("checks.findings", "List the resources a check speaks about, failing ones first.", auth.ChecksRead, findings)
	Create     = op.Write("checks.create", "Add a check of your own, or a new version of one.", auth.ChecksWrite, create)
	Reevaluate = op.Write("checks.evaluate", "Judge again what the sources last showed.", auth.ChecksWrite, reevaluate)
	Conclude   = op.Work("checks.conclude", "Record what the checks say about a run.", auth.ChecksWrite, conclude)

	Operations = []op.Operation{List, Get, Findings, Create, Preview, Update, Retire, Restore, Adjust, Versions, Export, Import, Reevaluate, Conclude,
		Except, Approve, EndExcept, EndMany, Exceptions, ExceptGet, Debt, Coverage, Explain, look}
)

// A Check is a definition with what it says now.
type Check struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	Kind      string    `json:"kind"`
	Severity  string    `json:"severity"`
	Mandatory bool      `json:"mandatory"`
	Own       bool      `json:"own,omitempty"`
	Digest    string    `json:"digest"`
	Controls  []string  `json:"controls"`
	Map       []Mapping `json:"map"`
	Risk      string    `json:"risk"`
	Fix       string    `json:"fix"`
	Status    Status    `json:"status"`
	// Looked is false where no connected source shows what the check is about.
	Looked        bool       `json:"looked"`
	Total         int        `json:"total"`
	Passing       int        `json:"passing"`
	Failing       int        `json:"failing"`
	Unknown       int        `json:"unknown"`
	NotApplicable int        `json:"not_applicable"`
	Summary       string     `json:"summary"`
	Reason        string     `json:"reason,omitempty"`
	Remedy        string     `json:"remedy,omitempty"`
	Until         time.Time  `json:"excepted_until,omitzero"`
	At            time.Time  `json:"at,omitzero"`
	Sources       []Answer   `json:"sources,omitempty"`
	Definition    Definition `json:"-"`
}

// An Answer is what a check says about one source.
type Answer struct {
	Source  id.Source `json:"source"`
	Name    string    `json:"name"`
	Run     id.Run    `json:"run"`
	At      time.Time `json:"at"`
	Status  Status    `json:"status"`
	Result  Result    `json:"-"`
	Summary string    `json:"summary"`
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	digest  string

	due  time.Time // by when its source should have been handed the next file; zero without a rhythm
	zone *time.Location
}

// Silent names the sources that the check has not heard of for too long, where
// nothing else keeps it from knowing.
func (c Check) Silent() (out []string) {
	if c.Remedy != "" || !strings.HasPrefix(c.Reason, causeStale) {
		return nil
	}
	for _, s := range c.Sources {
		if s.Status == Unknown && s.Name != "" && strings.HasPrefix(s.Reason, causeStale) {
			out = append(out, s.Name)
		}
	}
	return out
}

const (
	selectOwn = "SELECT body FROM check_definition WHERE org_id = ? AND own = ? AND ended = 0 ORDER BY check_id"
	inForce   = "SELECT digest FROM check_definition WHERE org_id = ? AND check_id = ? AND ended = 0"
	insertDef = "INSERT INTO check_definition (org_id, check_id, digest, own, body, effective, ended) VALUES (?, ?, ?, ?, ?, ?, 0)"
	endDef    = "UPDATE check_definition SET ended = ? WHERE org_id = ? AND check_id = ? AND ended = 0"

	// What each check last said of each source by an instant.
	selectAnswers = `SELECT r.check_id, r.source_id, s.name, r.at, r.run_id, r.digest, r.status, r.total, r.passing, r.failing, r.unknown,
		r.not_applicable, r.summary, r.reason, r.remedy, s.expected, s.paused, COALESCE(o.zone, '')
		FROM check_result r JOIN source s ON s.org_id = r.org_id AND s.id = r.source_id LEFT JOIN orgs o ON o.org_id = r.org_id
		WHERE r.org_id = ? AND (s.removed = 0 OR s.removed > ?) AND r.at = (SELECT MAX(x.at) FROM check_result x
			WHERE x.org_id = r.org_id AND x.check_id = r.check_id AND x.source_id = r.source_id AND x.at <= ?)
		ORDER BY r.check_id, r.source_id`
	selectSince = "SELECT starts FROM check_interval WHERE org_id = ? AND check_id = ? AND source_id = ? AND key = '' AND ends = ?"
	sinceThen   = "SELECT starts FROM check_interval WHERE org_id = ? AND check_id = ? AND source_id = ? AND key = '' AND ends > ? AND starts <= ?"
	failingKeys = "SELECT source_id, key FROM check_interval WHERE org_id = ? AND check_id = ? AND ends = ? AND status = 'fail' AND key <> ''"
	failedKeys  = "SELECT source_id, key FROM check_interval WHERE org_id = ? AND check_id = ? AND ends > ? AND status = 'fail' AND key <> '' AND starts <= ?"
)

// open marks an interval that still lasts.
const open = int64(1)<<62 - 1

// All returns every check with what it says now, for other operations.
func All(c *op.Call) ([]Check, error) {
	return AllAt(c, time.Time{})
}

// AllAt returns every check with what it said at an instant, by what had been
// read until then; zero is now.
func AllAt(c *op.Call, at time.Time) ([]Check, error) {
	defs, own, err := definitions(c)
	if !at.IsZero() {
		defs, own, err = definitionsAt(c, at)
	}
	if err != nil {
		return nil, err
	}
	answers, err := answers(c, at)
	if err != nil {
		return nil, err
	}
	waived, err := activeExceptions(c, at)
	if err != nil {
		return nil, err
	}
	out := make([]Check, 0, len(defs))
	for _, d := range defs {
		x := describe(d, own[d.ID])
		if err := x.judge(c, at, answers[d.ID], waived[d.ID]); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	if !at.IsZero() {
		return out, nil // which forge held what then is not kept
	}
	return out, elsewhere(c, out)
}

func describe(d Definition, own bool) Check {
	return Check{ID: d.ID, Title: d.Title, Kind: d.Kind, Severity: d.Severity, Mandatory: d.Mandatory, Own: own, Digest: d.digest(),
		Controls: slices.Clone(d.Controls), Map: slices.Clone(d.Map), Risk: d.Risk, Fix: d.Fix, Definition: d}
}

// answers returns the newest result of each check about each source.
func answers(c *op.Call, at time.Time) (map[string][]Answer, error) {
	out := map[string][]Answer{}
	until := open
	if !at.IsZero() {
		until = clock.Millis(at)
	}
	return out, c.Tx.Each(selectAnswers, []any{c.Org, until, until}, func(scan func(...any) error) error {
		var (
			check          string
			a              Answer
			at, paused     int64
			expected, zone string
		)
		err := scan(&check, &a.Source, &a.Name, &at, &a.Run, &a.digest, &a.Status, &a.Result.Total, &a.Result.Passing, &a.Result.Failing,
			&a.Result.Unknown, &a.Result.NotApplicable, &a.Summary, &a.Reason, &a.Result.Remedy, &expected, &paused, &zone)
		if a.At = clock.FromMillis(at); until == open && paused == 0 { // which rhythm held what then is not kept
			a.zone = clock.Zone(zone)
			a.due = sources.Due(expected, a.At, a.zone)
		}
		out[check] = append(out[check], a)
		return err
	})
}

// judge adds up what a check says about its sources at an instant, zero being
// now: answers that are no longer fresh are unknown, failures that are waived
// are excepted.
func (x *Check) judge(c *op.Call, at time.Time, found []Answer, waived []Waiver) error {
	x.Status, x.Reason = Unknown, "Nothing reads this: no connected source shows any "+sources.KindIn(x.Kind)+"."
	if len(found) == 0 {
		return nil
	}
	x.Looked, x.Reason = true, ""
	var votes []Vote
	for i := range found {
		a := &found[i]
		x.Total, x.Passing, x.Failing = x.Total+a.Result.Total, x.Passing+a.Result.Passing, x.Failing+a.Result.Failing
		x.Unknown, x.NotApplicable = x.Unknown+a.Result.Unknown, x.NotApplicable+a.Result.NotApplicable
		if fresh := time.Duration(x.Definition.Freshness); !instant(c, at).Before(a.At.Add(fresh)) {
			a.Status, a.Reason = Unknown, causeStale+a.At.Format("2 Jan 2006 15:04 UTC")
		}
		if !a.due.IsZero() && !instant(c, at).Before(a.due) {
			a.Status, a.Reason = Unknown, causeStale+a.At.Format("2 Jan 2006 15:04 UTC")+", a file was expected by "+a.due.In(a.zone).Format("2 January 2006")
		}
		if a.Status == Fail {
			until, all, err := covered(c, at, x.ID, a.Source, waived)
			if err != nil {
				return err
			}
			if all {
				a.Status, x.Until = Excepted, until
			}
		}
		if a.At.After(x.At) {
			x.At = a.At
		}
		if a.Result.Remedy != "" {
			x.Remedy = a.Result.Remedy
		}
		votes = append(votes, Vote{Mandatory: true, Status: a.Status, Cause: a.Reason})
	}
	x.Sources = found
	x.Status, x.Reason = Combine(votes)
	var says []string
	for _, a := range found {
		if a.Status == x.Status && a.Summary != "" && !slices.Contains(says, a.Summary) {
			says = append(says, a.Summary)
		}
	}
	x.Summary = strings.Join(says, " ")
	return nil
}

// covered reports whether every failing resource of a source is under an
// exception, and until when the first of them ends.
func covered(c *op.Call, at time.Time, check string, source id.Source, waived []Waiver) (time.Time, bool, error) {
	if len(waived) == 0 {
		return time.Time{}, false, nil
	}
	var until time.Time
	all := true
	query, args := failingKeys, []any{c.Org, check, open}
	if !at.IsZero() {
		query, args = failedKeys, []any{c.Org, check, clock.Millis(at), clock.Millis(at)}
	}
	err := c.Tx.Each(query, args, func(scan func(...any) error) error {
		var (
			s   id.Source
			key string
		)
		if err := scan(&s, &key); err != nil || s != source {
			return err
		}
		i := slices.IndexFunc(waived, func(w Waiver) bool { return w.whole() || w.names(key) })
		if i < 0 {
			all = false
		} else if until.IsZero() || waived[i].Ends.Before(until) {
			until = waived[i].Ends
		}
		return nil
	})
	return until, all && !until.IsZero(), err
}

// Filter narrows the list of checks.
type Filter struct {
	Status  string `json:"status,omitempty" enum:"pass,fail,unknown,not_applicable,excepted" doc:"Only checks that say this."`
	Control string `json:"control,omitempty" maxLength:"10" doc:"Only checks that speak for a control, by its code."`
	Looked  bool   `json:"looked,omitempty" doc:"Only checks that a connected source can answer."`
	Off     bool   `json:"off,omitempty" doc:"Instead those that are out of force."`

	AsOf time.Time `json:"as_of,omitzero" doc:"What they said at this time, by what had been read until then; now if left out."`
}

// order in which statuses are listed: what needs a person first.
var order = []Status{Fail, Unknown, Excepted, Pass, NotApplicable}

func list(c *op.Call, in Filter) (op.Page[Check], error) {
	if in.Off {
		return outOfForce(c)
	}
	all, err := AllAt(c, in.AsOf)
	if err != nil {
		return op.Page[Check]{}, err
	}
	out := op.Page[Check]{Items: []Check{}}
	for _, x := range all {
		if in.Status != "" && string(x.Status) != in.Status || in.Looked && !x.Looked ||
			in.Control != "" && !slices.Contains(x.Controls, in.Control) {
			continue
		}
		out.Items = append(out.Items, x)
	}
	sort.SliceStable(out.Items, func(i, j int) bool { return out.Items[i].before(out.Items[j]) })
	out.Total = int64(len(out.Items))
	return out, nil
}

func (x Check) before(y Check) bool {
	if x.Looked != y.Looked {
		return x.Looked
	}
	if a, b := slices.Index(order, x.Status), slices.Index(order, y.Status); a != b {
		return a < b
	}
	return severity(x.Severity) < severity(y.Severity)
}

func severity(s string) int { return slices.Index([]string{"high", "medium", "low"}, s) }

// Ref names a check.
type Ref struct {
	ID   string    `json:"id" doc:"The check's id, such as git.commit.signed."`
	AsOf time.Time `json:"as_of,omitzero" doc:"As it was at this time; now if left out."`
}

// Detail is a check with its rule.
type Detail struct {
	Check
	Applies   string         `json:"applies,omitempty"`
	Pass      string         `json:"pass"`
	Params    map[string]any `json:"params,omitempty"`
	Freshness string         `json:"freshness"`
	Cadence   string         `json:"cadence"`
	Empty     Status         `json:"empty"`
}

func get(c *op.Call, in Ref) (Detail, error) {
	all, err := AllAt(c, in.AsOf)
	if err != nil {
		return Detail{}, err
	}
	for _, x := range all {
		if x.ID != in.ID {
			continue
		}
		for i := range x.Sources {
			var since int64
			query, args := selectSince, []any{c.Org, x.ID, x.Sources[i].Source, open}
			if at := clock.Millis(in.AsOf); !in.AsOf.IsZero() {
				query, args = sinceThen, []any{c.Org, x.ID, x.Sources[i].Source, at, at}
			}
			err := c.Tx.Row(query, args, &since)
			if err != nil && !errors.Is(err, db.ErrNone) {
				return Detail{}, err
			}
			x.Sources[i].Since = clock.FromMillis(since)
		}
		d := x.Definition
		out := Detail{Check: x, Applies: d.Applies, Pass: d.Pass, Params: map[string]any{}, Freshness: d.Freshness.String(),
			Cadence: d.Cadence, Empty: d.Empty}
		for k, p := range d.Params {
			out.Params[k] = p.Default
		}
		return out, nil
	}
	return Detail{}, fault.NotFound("There is no check %s.", in.ID)
}

// A Finding is what a check says about one resource, and since when.
type Finding struct {
	Source id.Source `json:"source"`
	Key    string    `json:"key"`
	Status Status    `json:"status"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since"`
	Run    id.Run    `json:"run"`
}

// FindingFilter pages through findings.
type FindingFilter struct {
	ID     string `json:"id" doc:"The check's id."`
	Status string `json:"status,omitempty" enum:"pass,fail,unknown" doc:"Only findings that say this; fail if left out."`
	After  string `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit  int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`

	AsOf time.Time `json:"as_of,omitzero" doc:"What it said at this time; now if left out."`
}

const (
	selectFindings = `SELECT source_id, key, status, reason, starts, run_id FROM check_interval
		WHERE org_id = ? AND check_id = ? AND status = ? AND ends = ? AND (key, source_id) > (?, ?) ORDER BY key, source_id LIMIT ?`
	selectFound = `SELECT source_id, key, status, reason, starts, run_id FROM check_interval
		WHERE org_id = ? AND check_id = ? AND status = ? AND ends > ? AND starts <= ? AND (key, source_id) > (?, ?) ORDER BY key, source_id LIMIT ?`
	countFound    = "SELECT COUNT(*) FROM check_interval WHERE org_id = ? AND check_id = ? AND ends > ? AND status = ? AND key <> '' AND starts <= ?"
	countFindings = "SELECT COUNT(*) FROM check_interval WHERE org_id = ? AND check_id = ? AND ends = ? AND status = ? AND key <> ''"
)

func findings(c *op.Call, in FindingFilter) (op.Page[Finding], error) {
	if in.Status == "" {
		in.Status = string(Fail)
	}
	n := op.Limit(in.Limit)
	var total int64
	count, counted := countFindings, []any{c.Org, in.ID, open, in.Status}
	// A page ends at a key of a source: two sources may show the same key.
	after, source, _ := strings.Cut(in.After, "\n")
	if in.After == "" {
		source = "~" // no finding has an empty key
	}
	query, args := selectFindings, []any{c.Org, in.ID, in.Status, open, after, source, n + 1}
	if at := clock.Millis(in.AsOf); !in.AsOf.IsZero() {
		count, counted = countFound, []any{c.Org, in.ID, at, in.Status, at}
		query, args = selectFound, []any{c.Org, in.ID, in.Status, at, at, after, source, n + 1}
	}
	if err := c.Tx.Row(count, counted, &total); err != nil {
		return op.Page[Finding]{}, err
	}
	rows, err := db.Rows(c.Tx, query, args,
		func(scan func(...any) error, f *Finding) error {
			var since int64
			err := scan(&f.Source, &f.Key, &f.Status, &f.Reason, &since, &f.Run)
			f.Since = clock.FromMillis(since)
			return err
		})
	return op.PageOf(rows, n, total, func(f Finding) string { return f.Key + "\n" + string(f.Source) }), err
}

// Authored is a check as people write it.
type Authored struct {
	YAML     string `json:"yaml" maxLength:"65536" doc:"The definition, as docs/checks.md describes it."`
	Why      string `json:"why,omitempty" maxLength:"1000" doc:"Why it is put in force."`
	Replaces string `json:"replaces,omitempty" doc:"A check of the program that this one stands for: it goes out of force, with why as the reason."`
}

func create(c *op.Call, in Authored) (Check, error) {
	d, err := proven(in.YAML)
	if err != nil {
		return Check{}, err
	}
	if in.Replaces != "" {
		if len(strings.TrimSpace(in.Why)) < 10 {
			return Check{}, fault.Invalid("why", "say in 10 characters or more why yours stands for %s", in.Replaces)
		}
		if _, err := retire(c, Reasoned{ID: in.Replaces, Reason: in.Why}); err != nil {
			return Check{}, err
		}
	}
	return force(c, d, in.YAML, in.Why)
}

// install puts a definition in force, ending the version before it.
func install(c *op.Call, d Definition, own bool, body string) error {
	var digest string
	err := c.Tx.Row(inForce, []any{c.Org, d.ID}, &digest)
	if err == nil && digest == d.Digest() {
		return nil
	}
	if err != nil && !errors.Is(err, db.ErrNone) {
		return err
	}
	at := clock.Millis(c.Now)
	var last *int64
	if err := c.Tx.Row(lastVersion, []any{c.Org, d.ID}, &last); err != nil {
		return err
	}
	if last != nil && at <= *last { // two in one millisecond keep their order
		at = *last + 1
	}
	if _, err := c.Tx.Exec(endDef, at, c.Org, d.ID); err != nil {
		return err
	}
	_, err = c.Tx.Exec(insertDef, c.Org, d.ID, d.Digest(), own, body, at)
	return err
}

// bodyOf is a shipped definition as the table of versions keeps it.
func bodyOf(d Definition) (string, error) {
	b, err := json.Marshal(d)
	return string(b), err
}

func reevaluate(c *op.Call, _ op.None) (sources.Started, error) {
	j, err := job.Enqueue(c.Tx, c.Org, job.Insert{Kind: sources.EvaluateJob, Args: sources.Evaluation{}, Unique: "all"}, c.Now)
	return sources.Started{Job: j}, err
}
