// Package readiness is the picture of where the organization stands: for each
// criterion what is designed, implemented and evidenced, what fails, what
// cannot be known, and what would settle it. It keeps nothing of its own;
// every figure is computed from records that can be opened.
package readiness

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/words"
)

// Get computes the whole picture.
var (
	Get        = op.Read("readiness.get", "Show where the organization stands, criterion by criterion, and what to do next.", auth.ControlsRead, get)
	Past       = op.Read("readiness.past", "Show where the organization stood at a time, by what had been recorded until then.", auth.ControlsRead, past)
	Way        = op.Read("readiness.months", "Show how many criteria were ready at the end of each of the last twelve months.", auth.ControlsRead, months)
	Operations = []op.Operation{Get, Past, Way}
)

// State of one of the three parts of a criterion or control.
type State string

// The states. Unknown is never Full.
const (
	Full    State = "full"
	Empty   State = "empty"
	Failing State = "fail"
	Unknown State = "unknown"
)

// Verdict sums a criterion up.
type Verdict string

// The verdicts. NotStarted counts as not ready.
const (
	Ready      Verdict = "ready"
	NotReady   Verdict = "not_ready"
	NotKnown   Verdict = "unknown"
	NotStarted Verdict = "not_started"
)

// Control is an adopted control with what is known of it.
type Control struct {
	controls.Control
	Designed  State `json:"designed"`
	InPlace   State `json:"in_place"`
	Evidenced State `json:"evidenced"`
	// Why says what is missing, fails or is unknown.
	Why    string        `json:"why,omitempty"`
	Checks []string      `json:"checks"`
	Status checks.Status `json:"status"`
	Newest time.Time     `json:"newest_evidence,omitzero"`
}

// Criterion is one in scope, with its three parts.
type Criterion struct {
	Code      string  `json:"code"`
	Title     string  `json:"title"`
	Series    string  `json:"series"`
	Category  string  `json:"category"`
	Designed  State   `json:"designed"`
	InPlace   State   `json:"implemented"`
	Evidenced State   `json:"evidenced"`
	Verdict   Verdict `json:"verdict"`
	// Why says what keeps it from being ready.
	Why string `json:"why,omitempty"`
	// Controls are the adopted ones that answer it, by code.
	Controls []string `json:"controls"`
	// Proposed are library controls that the checks speak for and nobody has
	// adopted.
	Proposed []string `json:"proposed,omitempty"`
	// Touched is true where a machine has seen something that bears on it.
	Touched bool     `json:"touched"`
	Failing []string `json:"failing_checks,omitempty"`
	Unclear []string `json:"unknown_checks,omitempty"`
}

// Category is a row of figures; its parts add up to InScope.
type Category struct {
	Code      string `json:"code"`
	Title     string `json:"title"`
	InScope   int    `json:"in_scope"`
	Designed  int    `json:"designed"`
	InPlace   int    `json:"implemented"`
	Evidenced int    `json:"evidenced"`
	Ready     int    `json:"ready"`
	NotReady  int    `json:"not_ready"`
	Unknown   int    `json:"unknown"`
}

// Tally counts the checks that sources answer, by what they say.
type Tally struct {
	Pass          int `json:"pass"`
	Fail          int `json:"fail"`
	Unknown       int `json:"unknown"`
	Excepted      int `json:"excepted"`
	NotApplicable int `json:"not_applicable"`
}

// Total is how many checks were counted.
func (t Tally) Total() int { return t.Pass + t.Fail + t.Unknown + t.Excepted + t.NotApplicable }

// Picture is where the organization stands.
type Picture struct {
	At         time.Time    `json:"at"`
	Scope      scopes.Scope `json:"scope"`
	Sentence   string       `json:"sentence"`
	Criteria   []Criterion  `json:"criteria"`
	Categories []Category   `json:"categories"`
	Total      Category     `json:"total"`
	Controls   []Control    `json:"controls"`
	Checks     Tally        `json:"checks"`
	Actions    []Action     `json:"actions"`
	// Proposed are the codes of library controls that checks speak for and
	// nobody has adopted.
	Proposed []string `json:"proposed"`

	Answers []checks.Check  `json:"-"`
	Ending  []checks.Waiver `json:"-"` // exceptions that end soon
}

func get(c *op.Call, _ op.None) (Picture, error) { return at(c, time.Time{}) }

// at computes the picture of an instant, zero being now. What to do next is
// said of now alone: nobody can act in the past.
func at(c *op.Call, then time.Time) (Picture, error) {
	p := Picture{At: c.Now, Proposed: []string{}, Actions: []Action{}}
	var err error
	if then.IsZero() {
		p.Scope, err = scopes.Current(c)
	} else {
		p.At = then
		p.Scope, err = scopes.CurrentAt(c, then)
	}
	if err != nil {
		return p, err
	}
	cat, err := frameworks.Shipped()
	if err != nil {
		return p, err
	}
	edition, err := cat.Version(p.Scope.Catalogue)
	if err != nil {
		return p, err
	}
	inScope, err := edition.InScope(p.Scope.Categories)
	if err != nil {
		return p, err
	}
	if p.Answers, err = checks.AllAt(c, then); err != nil {
		return p, err
	}
	if then.IsZero() {
		if p.Ending, err = checks.EndingSoon(c); err != nil {
			return p, err
		}
	}
	if p.Controls, err = known(c, then, p.Answers); err != nil {
		return p, err
	}
	library, err := controls.Library()
	if err != nil {
		return p, err
	}
	p.count()
	if then.IsZero() {
		p.propose(library)
	}
	answering := p.answering()
	for _, k := range inScope {
		p.Criteria = append(p.Criteria, p.criterion(k, answering[k.Code], library))
	}
	p.sum(edition)
	p.Sentence = p.sentence()
	if then.IsZero() {
		p.Actions = p.actions()
		return p, p.dates(c)
	}
	return p, nil
}

// count tallies the checks some source answers.
func (p *Picture) count() {
	for _, x := range p.Answers {
		if !x.Looked {
			continue
		}
		switch x.Status {
		case checks.Pass:
			p.Checks.Pass++
		case checks.Fail:
			p.Checks.Fail++
		case checks.Excepted:
			p.Checks.Excepted++
		case checks.NotApplicable:
			p.Checks.NotApplicable++
		default:
			p.Checks.Unknown++
		}
	}
}

// propose lists library controls that a looked-at check speaks for.
func (p *Picture) propose(library []controls.Template) {
	codes := make(map[string]bool, len(p.Controls))
	for i := range p.Controls {
		codes[p.Controls[i].Code] = true
	}
	for _, t := range library {
		adopted := codes[t.Code]
		spoken := slices.ContainsFunc(p.Answers, func(x checks.Check) bool { return x.Looked && slices.Contains(x.Controls, t.Code) })
		if spoken && !adopted {
			p.Proposed = append(p.Proposed, t.Code)
		}
	}
}

const selectNewest = `SELECT l.control_id, MAX(e.captured) FROM evidence_control l JOIN evidence e ON e.org_id = l.org_id AND e.id = l.evidence_id
	WHERE l.org_id = ? AND l.ended = 0 AND e.superseded_by = '' AND e.erased = 0 AND e.level <= 6
	AND NOT EXISTS (SELECT 1 FROM evidence_review v WHERE v.org_id = e.org_id AND v.evidence_id = e.id AND v.decision = 'returned'
		AND v.entry = (SELECT MAX(w.entry) FROM evidence_review w WHERE w.org_id = v.org_id AND w.evidence_id = v.evidence_id)) GROUP BY l.control_id`

// The same by an instant: what was sealed until then, and neither superseded
// nor erased, nor last returned by a reviewer, by then.
const selectNewestThen = `SELECT l.control_id, MAX(e.captured) FROM evidence_control l JOIN evidence e ON e.org_id = l.org_id AND e.id = l.evidence_id
	LEFT JOIN evidence n ON n.org_id = e.org_id AND n.id = e.superseded_by
	WHERE l.org_id = ? AND e.sealed <= ? AND (e.superseded_by = '' OR n.sealed > ?) AND (e.erased = 0 OR e.erased > ?) AND e.level <= 6
	AND l.linked <= ? AND (l.ended = 0 OR l.ended > ?)
	AND NOT EXISTS (SELECT 1 FROM evidence_review v WHERE v.org_id = e.org_id AND v.evidence_id = e.id AND v.decision = 'returned' AND v.at <= ?
		AND v.entry = (SELECT MAX(w.entry) FROM evidence_review w WHERE w.org_id = v.org_id AND w.evidence_id = v.evidence_id AND w.at <= ?)) GROUP BY l.control_id`

// known joins each adopted control with its checks and its evidence.
func known(c *op.Call, then time.Time, answers []checks.Check) ([]Control, error) {
	query, args, now := selectNewest, []any{c.Org}, c.Now
	var active []controls.Control
	var err error
	if then.IsZero() {
		active, err = controls.InForce(c)
	} else {
		ms := clock.Millis(then)
		query, args, now = selectNewestThen, []any{c.Org, ms, ms, ms, ms, ms, ms, ms}, then
		active, err = controls.ActiveAt(c, then)
	}
	if err != nil {
		return nil, err
	}
	newest := map[id.Control]time.Time{}
	err = c.Tx.Each(query, args, func(scan func(...any) error) error {
		var (
			control id.Control
			at      int64
		)
		err := scan(&control, &at)
		newest[control] = clock.FromMillis(at)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]Control, len(active))
	speak := speaking(answers)
	for i, a := range active {
		x := &out[i]
		*x = Control{Control: a, Designed: Empty, InPlace: Empty, Evidenced: Empty, Checks: []string{}, Newest: newest[a.ID]}
		x.weigh(speak[a.Code], now)
	}
	return out, nil
}

// speaking are the looked-at checks by the controls they speak for: there may
// be thousands of those, and each is weighed by its few.
func speaking(answers []checks.Check) map[string][]*checks.Check {
	out := map[string][]*checks.Check{}
	for i := range answers {
		a := &answers[i]
		if !a.Looked {
			continue
		}
		for n, code := range a.Controls {
			if !slices.Contains(a.Controls[:n], code) {
				out[code] = append(out[code], a)
			}
		}
	}
	return out
}

// weigh fills in the three parts of a control. One that checks watch is
// evidenced by them; any other by records no older than its rhythm.
func (x *Control) weigh(answers []*checks.Check, now time.Time) {
	var votes []checks.Vote
	seen := false
	for _, a := range answers {
		x.Checks = append(x.Checks, a.ID)
		votes = append(votes, checks.Vote{Mandatory: a.Mandatory, Status: a.Status, Cause: causeOf(a)})
		seen = seen || a.Passing > 0 || a.Status == checks.Pass
	}
	if x.Control.Designed() {
		x.Designed = Full
	} else {
		x.Why = "Nobody owns it."
	}
	if x.Stated() || seen {
		x.InPlace = Full
	} else if x.Why == "" {
		x.Why = "Nobody has said how it is done, and no check has seen it."
	}
	x.Status = checks.NotApplicable
	if len(votes) > 0 {
		var cause string
		x.Status, cause = checks.Combine(votes)
		switch x.Status {
		case checks.Pass, checks.Excepted:
			x.Evidenced = Full
		case checks.Fail:
			x.Evidenced = Failing
		case checks.Unknown:
			x.Evidenced = Unknown
		default:
			x.Evidenced = Empty
		}
		if x.Evidenced != Full && x.Why == "" {
			x.Why = cause
		}
	}
	if x.Evidenced == Empty && !x.Newest.IsZero() && now.Sub(x.Newest) <= evidence.Rhythm(x.Frequency) {
		x.Evidenced = Full
	}
	if x.Evidenced == Empty && x.Why == "" {
		x.Why = "No evidence within its rhythm."
	}
}

// causeOf is what a check found, or why it cannot be known.
func causeOf(a *checks.Check) string {
	if a.Status == checks.Unknown {
		return cmp.Or(a.Reason, a.Summary)
	}
	return cmp.Or(a.Summary, a.Reason)
}

// answering are the controls by the criteria they answer.
func (p *Picture) answering() map[string][]*Control {
	out := map[string][]*Control{}
	for i := range p.Controls {
		x := &p.Controls[i]
		for n, m := range x.Criteria {
			if !slices.ContainsFunc(x.Criteria[:n], func(o controls.Mapping) bool { return o.Criterion == m.Criterion }) {
				out[m.Criterion] = append(out[m.Criterion], x)
			}
		}
	}
	return out
}

// criterion weighs one criterion over the controls that answer it. It rests on
// the key ones, or on all where none is key.
func (p *Picture) criterion(k frameworks.Criterion, all []*Control, library []controls.Template) Criterion {
	out := Criterion{Code: k.Code, Title: k.Title, Series: k.Series, Category: k.Category, Designed: Empty, InPlace: Empty,
		Evidenced: Empty, Controls: []string{}}
	var key []*Control
	for _, x := range all {
		out.Controls = append(out.Controls, x.Code)
		if x.Key {
			key = append(key, x)
		}
	}
	if len(key) == 0 {
		key = all
	}
	for _, a := range p.Answers {
		if !a.Looked || !slices.ContainsFunc(a.Map, func(m checks.Mapping) bool { return m.Criterion == k.Code }) {
			continue
		}
		out.Touched = out.Touched || a.Status != checks.NotApplicable
		switch a.Status {
		case checks.Fail:
			out.Failing = append(out.Failing, a.ID)
		case checks.Unknown:
			out.Unclear = append(out.Unclear, a.ID)
		}
	}
	for _, t := range library {
		if slices.Contains(p.Proposed, t.Code) && slices.ContainsFunc(t.Criteria, func(m controls.Mapping) bool { return m.Criterion == k.Code }) {
			out.Proposed = append(out.Proposed, t.Code)
		}
	}
	out.settle(key)
	return out
}

// settle combines the parts of the controls: all must be full, a failure
// outweighs an unknown, an unknown outweighs nothing at all.
func (k *Criterion) settle(key []*Control) {
	if len(key) == 0 {
		k.Verdict, k.Why = NotStarted, "No control has been adopted for it."
		if n := len(k.Failing); n > 0 { // a machine has seen something all the same
			k.Why = fmt.Sprintf("No control has been adopted for it, and %d %s.", n, words.Pick(n, "check that bears on it fails", "checks that bear on it fail"))
		}
		return
	}
	k.Designed, k.InPlace, k.Evidenced = Full, Full, Full
	for _, x := range key {
		k.Designed, k.InPlace, k.Evidenced = worse(k.Designed, x.Designed), worse(k.InPlace, x.InPlace), worse(k.Evidenced, x.Evidenced)
		if k.Why == "" && x.Why != "" {
			k.Why = x.Code + ": " + x.Why
		}
	}
	switch {
	case k.Designed == Full && k.InPlace == Full && k.Evidenced == Full:
		k.Verdict, k.Why = Ready, ""
	case k.Designed == Full && k.InPlace == Full && k.Evidenced == Unknown:
		k.Verdict = NotKnown
	default:
		k.Verdict = NotReady
	}
}

// gravity orders states: the gravest decides.
var gravity = []State{Full, Unknown, Empty, Failing}

func worse(a, b State) State {
	if slices.Index(gravity, b) > slices.Index(gravity, a) {
		return b
	}
	return a
}

// sum adds the criteria up by category and in all.
func (p *Picture) sum(edition *frameworks.Version) {
	p.Total = Category{Title: "Total"}
	for _, cat := range edition.Categories {
		if !slices.Contains(p.Scope.Categories, cat.Code) {
			continue
		}
		row := Category{Code: cat.Code, Title: cat.Title}
		for _, k := range p.Criteria {
			if k.Category == cat.Code {
				row.add(k)
				p.Total.add(k)
			}
		}
		p.Categories = append(p.Categories, row)
	}
}

func (r *Category) add(k Criterion) {
	r.InScope++
	if k.Designed == Full {
		r.Designed++
	}
	if k.InPlace == Full {
		r.InPlace++
	}
	if k.Evidenced == Full {
		r.Evidenced++
	}
	switch k.Verdict {
	case Ready:
		r.Ready++
	case NotKnown:
		r.Unknown++
	default:
		r.NotReady++
	}
}
