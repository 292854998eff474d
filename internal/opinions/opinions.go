// Package opinions goes from the conclusions on controls to those on criteria,
// and from there to the parts of the opinion. It proposes, with reasons and with
// what would change the proposal; a named person decides, and says why where
// they decide otherwise. Nothing here is signed: the opinion becomes final when
// a partner issues the report.
package opinions

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/words"
)

// Everything that can be done with conclusions.
var (
	Get    = op.Read("opinions.get", "Show what is proposed and decided on each criterion and each part of the opinion.", auth.AuditRead, get)
	Judge  = op.Write("criteria_conclusions.decide", "Conclude on a criterion, once all its controls are concluded.", auth.AuditWrite, judge)
	Accept = op.Write("criteria_conclusions.accept", "Conclude that criteria are met, where that is what is proposed.", auth.AuditWrite, accept)
	Decide = op.Write("opinions.decide", "Decide one part of the opinion. It is final only when a partner issues the report.", auth.AuditReview, decide)

	Operations = []op.Operation{Get, Judge, Accept, Decide}
)

// A Decision is what a named person held, at an entry of the engagement's log.
type Decision struct {
	Value        string    `json:"value"`
	Proposal     string    `json:"proposal,omitempty"` // as it was then
	Reason       string    `json:"reason,omitempty"`
	Compensating []string  `json:"compensating,omitempty"`
	Actor        string    `json:"actor"`
	At           time.Time `json:"at"`
	Entry        int64     `json:"entry"`
	Version      int64     `json:"version"`
	// Stale says why it no longer stands: what it rests on was concluded anew.
	Stale string `json:"stale,omitempty"`

	user id.User
}

// Stands reports whether there is a decision that nothing has overtaken.
func (d *Decision) Stands() bool { return d != nil && d.Stale == "" }

// before is the entry that a further decision takes the place of.
func (d *Decision) before() []int64 {
	if d == nil {
		return nil
	}
	return []int64{d.Entry}
}

// A Criterion is one in scope, with what is proposed and decided.
type Criterion struct {
	Code     string    `json:"code"`
	Title    string    `json:"title"`
	Text     string    `json:"text"`
	Series   string    `json:"series"`
	Category string    `json:"category"`
	Controls []Control `json:"controls"`
	Proposal Proposal  `json:"proposal"`
	Decision *Decision `json:"decision,omitempty"`
}

// A Part of the opinion, with what is proposed and decided.
type Part struct {
	Part     string       `json:"part"`
	Proposal PartProposal `json:"proposal"`
	// Provisional says that criteria are still open, so that the proposal rests
	// on their proposals.
	Provisional bool      `json:"provisional,omitempty"`
	Decision    *Decision `json:"decision,omitempty"`
}

// Conclusions are all of an engagement.
type Conclusions struct {
	Engagement id.Engagement     `json:"engagement"`
	Name       string            `json:"name"`
	Type       string            `json:"type"`
	State      engagements.State `json:"state"`
	Criteria   []Criterion       `json:"criteria"`
	Concluded  int               `json:"concluded"`
	Parts      []Part            `json:"parts"`
	// Last is the newest entry of the engagement's log that concludes anything.
	Last int64 `json:"last"`
	// Tested is what the procedures found, for the report.
	Tested []procedures.Summary `json:"-"`
}

const (
	selectCriteria = `SELECT criterion, version, proposal, decision, reason, compensating, actor, user_id, at, entry FROM opinion_criterion
		WHERE org_id = ? AND engagement_id = ? ORDER BY criterion, version`
	insertCriterion = `INSERT INTO opinion_criterion (org_id, engagement_id, criterion, version, proposal, decision, reason, compensating, actor, user_id, at, entry)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	selectParts = `SELECT part, version, proposal, decision, reason, '[]', actor, user_id, at, entry FROM opinion_part
		WHERE org_id = ? AND engagement_id = ? ORDER BY part, version`
	insertPart = `INSERT INTO opinion_part (org_id, engagement_id, part, version, proposal, decision, reason, actor, user_id, at, entry)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

// decided reads the newest decision on each subject.
func decided(c *op.Call, query string, engagement id.Engagement) (map[string]*Decision, error) {
	out := map[string]*Decision{}
	err := c.Tx.Each(query, []any{c.Org, engagement}, func(scan func(...any) error) error {
		var (
			subject, compensating string
			at                    int64
			d                     Decision
		)
		if err := scan(&subject, &d.Version, &d.Proposal, &d.Value, &d.Reason, &compensating, &d.Actor, &d.user, &at, &d.Entry); err != nil {
			return err
		}
		d.At = clock.FromMillis(at)
		out[subject] = &d
		return json.Unmarshal([]byte(compensating), &d.Compensating)
	})
	return out, err
}

// Ref names an engagement.
type Ref struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
}

func get(c *op.Call, in Ref) (Conclusions, error) {
	r, err := engagements.AsFirm(c, in.Engagement)
	if err != nil {
		return Conclusions{}, err
	}
	return Read(c, r)
}

// A Judgement concludes on a criterion.
type Judgement struct {
	Engagement   string   `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Criterion    string   `json:"criterion" maxLength:"10" doc:"The criterion's code, such as CC6.1."`
	Decision     string   `json:"decision" enum:"met,met_with_deviations,not_met,undetermined,not_relevant" doc:"What you hold."`
	Reason       string   `json:"reason,omitempty" maxLength:"4000" doc:"Needed where it differs from the proposal, or rests on compensating controls."`
	Compensating []string `json:"compensating,omitempty" maxItems:"20" doc:"Codes of tested and effective controls that you rely on in place of those that failed."`
}

func judge(c *op.Call, in Judgement) (Conclusions, error) {
	r, err := engagements.AsFirm(c, in.Engagement)
	if err != nil {
		return Conclusions{}, err
	}
	if err := r.From(engagements.Fieldwork); err != nil {
		return Conclusions{}, err
	}
	all, err := Read(c, r)
	if err != nil {
		return Conclusions{}, err
	}
	i := slices.IndexFunc(all.Criteria, func(x Criterion) bool { return x.Code == in.Criterion })
	if i < 0 {
		return Conclusions{}, fault.Invalid("criterion", "%s is not in the scope of %s, which has %d criteria from %s to %s", in.Criterion, r.Name,
			len(all.Criteria), all.Criteria[0].Code, all.Criteria[len(all.Criteria)-1].Code)
	}
	if err := all.hold(c, &all.Criteria[i], in); err != nil {
		return Conclusions{}, err
	}
	return Read(c, r)
}

// hold records what somebody holds of a criterion.
func (x *Conclusions) hold(c *op.Call, k *Criterion, in Judgement) error {
	chosen, err := x.relied(k, in.Compensating)
	if err != nil {
		return err
	}
	p := Propose(chosen, in.Compensating)
	if len(p.Waits) > 0 {
		return fault.Conflict("%s cannot be concluded before every control that answers it is: %s %s not concluded.", k.Code, words.List(p.Waits),
			map[bool]string{true: "is", false: "are"}[len(p.Waits) == 1])
	}
	reason := strings.TrimSpace(in.Reason)
	switch {
	case reason != "":
	case in.Decision != p.Value:
		return fault.Invalid("reason", "%s is proposed for %s: give your reason to hold that it is %s", quoted(p.Value), k.Code, quoted(in.Decision))
	case len(in.Compensating) > 0:
		return fault.Invalid("reason", "say why %s covers what failed in %s", words.List(in.Compensating), k.Code)
	}
	body := map[string]any{"step": "criterion", "criterion": k.Code, "proposal": p.Value, "decision": in.Decision, "reason": reason}
	if len(in.Compensating) > 0 {
		body["compensating"] = in.Compensating
	}
	entry, err := c.Append(op.Record{Kind: canon.KindConclusion, ID: string(x.Engagement), Body: body, Supersedes: k.Decision.before()})
	if err != nil {
		return err
	}
	compensating, err := json.Marshal(slices.Concat([]string{}, in.Compensating))
	if err != nil {
		return err
	}
	_, err = c.Tx.Exec(insertCriterion, c.Org, x.Engagement, k.Code, k.next(), p.Value, in.Decision, reason, string(compensating), c.Actor.Name,
		c.Actor.User, clock.Millis(c.Now), entry)
	return moved(err)
}

func moved(err error) error {
	if db.IsDuplicate(err) {
		return fault.Conflict("Somebody decided this a moment ago. Read what they held, and decide again.")
	}
	return err
}

func (k *Criterion) next() int64 {
	if k.Decision == nil {
		return 1
	}
	return k.Decision.Version + 1
}

// relied joins to the criterion's controls those that the auditor relies on,
// and refuses what has not been tested with a good result.
func (x *Conclusions) relied(k *Criterion, codes []string) ([]Control, error) {
	out := slices.Clone(k.Controls)
	for _, code := range codes {
		var found *Control
		for _, other := range x.Criteria {
			if i := slices.IndexFunc(other.Controls, func(c Control) bool { return c.Code == code }); i >= 0 {
				found = &other.Controls[i]
			}
		}
		if found == nil || found.Decision != effective && found.Decision != deviated {
			return nil, fault.Invalid("compensating", "%s is not a control that was tested and found effective in this engagement", code)
		}
		if !slices.ContainsFunc(out, func(c Control) bool { return c.Code == code }) {
			joined := *found
			joined.Key = false
			out = append(out, joined)
		}
	}
	return out, nil
}

// Acceptance takes over proposals.
type Acceptance struct {
	Engagement string   `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Criteria   []string `json:"criteria" minItems:"1" maxItems:"61" doc:"Codes of criteria that are proposed as met and not concluded yet."`
}

func accept(c *op.Call, in Acceptance) (Conclusions, error) {
	r, err := engagements.AsFirm(c, in.Engagement)
	if err != nil {
		return Conclusions{}, err
	}
	if err := r.From(engagements.Fieldwork); err != nil {
		return Conclusions{}, err
	}
	all, err := Read(c, r)
	if err != nil {
		return Conclusions{}, err
	}
	for _, code := range in.Criteria {
		i := slices.IndexFunc(all.Criteria, func(x Criterion) bool { return x.Code == code })
		if i < 0 || !all.Criteria[i].Acceptable() {
			return Conclusions{}, fault.Conflict("%s is not among the criteria that are proposed as met and still open: conclude it by itself.", code)
		}
		if err := all.hold(c, &all.Criteria[i], Judgement{Decision: Met}); err != nil {
			return Conclusions{}, err
		}
		all.Criteria[i].Decision = &Decision{Value: Met} // named twice, it is open no more
	}
	return Read(c, r)
}

// Acceptable reports whether the criterion can be concluded with others at once:
// it is proposed as met, and nobody has held anything that stands.
func (k Criterion) Acceptable() bool { return k.Proposal.Value == Met && !k.Decision.Stands() }

// A Ruling decides a part of the opinion.
type Ruling struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Part       string `json:"part" enum:"description,design,operation" doc:"The part; a Type I report has no operation."`
	Decision   string `json:"decision" enum:"unmodified,qualified,adverse,disclaimer,withdraw" doc:"What you hold. Withdraw: no report will be issued."`
	Reason     string `json:"reason,omitempty" maxLength:"8000" doc:"Needed where it differs from the proposal, or nothing is proposed."`
}

func decide(c *op.Call, in Ruling) (Conclusions, error) {
	r, err := engagements.AsFirm(c, in.Engagement)
	if err != nil {
		return Conclusions{}, err
	}
	if err := r.From(engagements.Evaluation); err != nil {
		return Conclusions{}, err
	}
	all, err := Read(c, r)
	if err != nil {
		return Conclusions{}, err
	}
	i := slices.IndexFunc(all.Parts, func(p Part) bool { return p.Part == in.Part })
	if i < 0 {
		return Conclusions{}, fault.Invalid("part", "a Type I report gives no opinion on the operation of controls; its parts are description and design")
	}
	p := all.Parts[i]
	if open := all.Open(); len(open) > 0 {
		return Conclusions{}, fault.Conflict("The %s cannot be decided before every criterion is concluded: %d of %d are open, %s first.", p.Part,
			len(open), len(all.Criteria), open[0])
	}
	if err := p.bounds(in.Decision); err != nil {
		return Conclusions{}, err
	}
	reason := strings.TrimSpace(in.Reason)
	if in.Decision != p.Proposal.Value && reason == "" {
		if p.Proposal.Value == "" {
			return Conclusions{}, fault.Invalid("reason", "nothing is proposed for the %s: say what was examined and what your decision rests on", p.Part)
		}
		return Conclusions{}, fault.Invalid("reason", "%s is proposed for the %s: give your reason to decide otherwise", p.Proposal.Value, p.Part)
	}
	if err := p.record(c, r, in.Decision, reason); err != nil {
		return Conclusions{}, err
	}
	return Read(c, r)
}

// bounds holds the two rules that no reason overrides: an adverse opinion needs
// a known failure, a disclaimer missing evidence. Nothing weighs the description
// here, so that they are not applied to it.
func (p Part) bounds(decision string) error {
	has := func(n Nature) bool {
		return slices.ContainsFunc(p.Proposal.Weights, func(w Weight) bool { return w.Nature == n })
	}
	switch {
	case p.Part == Description:
	case decision == Adverse && !has(Failure):
		return fault.Invalid("decision", "an adverse opinion never answers missing evidence: no criterion is not met for the %s", p.Part)
	case decision == Disclaimer && !has(Evidence):
		return fault.Invalid("decision", "a disclaimer never answers a known failure: no criterion is undetermined for the %s", p.Part)
	}
	return nil
}

func (p Part) record(c *op.Call, r *engagements.Room, decision, reason string) error {
	proposal := p.Proposal.Value
	if proposal == "" {
		proposal = "none"
	}
	entry, err := c.Append(op.Record{Kind: canon.KindConclusion, ID: string(r.ID), Body: map[string]any{"step": "part",
		"part": p.Part, "proposal": proposal, "decision": decision, "reason": reason}, Supersedes: p.Decision.before()})
	if err != nil {
		return err
	}
	version := int64(1)
	if p.Decision != nil {
		version = p.Decision.Version + 1
	}
	_, err = c.Tx.Exec(insertPart, c.Org, r.ID, p.Part, version, proposal, decision, reason, c.Actor.Name, c.Actor.User, clock.Millis(c.Now), entry)
	return moved(err)
}

// quoted makes a readable text of a value such as met_with_deviations.
func quoted(s string) string {
	if s == "" {
		return "nothing"
	}
	return fmt.Sprintf("“%s”", strings.ReplaceAll(s, "_", " "))
}
