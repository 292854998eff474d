package procedures

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sample"
)

const (
	insertConclusion = `INSERT INTO procedure_conclusion (org_id, procedure_id, version, proposal, decision, reason, tested, deviations, facts, actor,
		actor_id, at, entry) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertReview     = "INSERT INTO procedure_review (org_id, procedure_id, version, comment, actor, actor_id, at, entry) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
	selectConcluders = "SELECT DISTINCT actor_id FROM procedure_conclusion WHERE org_id = ? AND procedure_id = ?"
)

func conclude(c *op.Call, in Decision) (Conclusion, error) {
	_, p, err := enter(c, in.Engagement, in.Control, atWork)
	if err != nil {
		return Conclusion{}, err
	}
	e := p.Evaluation
	k := Conclusion{Version: 1, Proposal: cmp.Or(e.Proposal, Judgement), Decision: in.Decision, Reason: strings.TrimSpace(in.Reason), Tested: e.Tested,
		Deviations: e.Deviations, Facts: e.Facts, By: c.Actor.Name, User: c.Actor.User, At: c.Now}
	if err := p.decidable(k); err != nil {
		return Conclusion{}, err
	}
	rec := op.Record{Kind: canon.KindConclusion, ID: string(p.ID)}
	if was := p.Conclusion; was != nil {
		k.Version, rec.Supersedes = was.Version+1, []int64{was.Entry}
	}
	rec.Body = map[string]any{"step": "control", "control": p.Control, "proposal": k.Proposal, "decision": k.Decision, "reason": k.Reason,
		"tested": k.Tested, "deviations": k.Deviations, "version": k.Version}
	if k.Entry, err = c.Append(rec); err != nil {
		return Conclusion{}, err
	}
	_, err = c.Tx.Exec(insertConclusion, c.Org, p.ID, k.Version, k.Proposal, k.Decision, k.Reason, k.Tested, k.Deviations, k.Facts, k.By, k.User,
		clock.Millis(k.At), k.Entry)
	if db.IsDuplicate(err) {
		err = fault.Conflict("%s was concluded on a moment ago.", p.Control)
	}
	return k, err
}

// decidable refuses a conclusion that comes before its grounds or contradicts
// them.
func (p *paper) decidable(k Conclusion) error {
	e := p.Evaluation
	none := e.Proposal == NoOccurrence
	early := k.Decision == Undetermined || k.Decision == NotDesigned && e.Proposal == NotDesigned // no further test would change it
	switch {
	case !early && len(p.Left) > 0:
		return fault.Conflict("A conclusion comes after the tests it rests on. %s", strings.Join(p.Left, " "))
	case k.Decision == Undetermined && k.Reason == "":
		return fault.Invalid("reason", "say what could not be obtained: it limits the scope")
	case none && k.Decision != NoOccurrence && k.Decision != NotDesigned && k.Decision != Undetermined:
		return fault.Invalid("decision", "the control did not operate in the period; that is no_occurrence, never a result without exceptions")
	case !none && k.Decision == NoOccurrence:
		return fault.Invalid("decision", "the control operated in the period: %s items deviate", e.Facts)
	case k.Decision == Effective && e.Deviations > 0:
		return fault.Invalid("decision", "%s deviate; where that is acceptable, it is effective_with_deviations", e.Facts)
	case k.Decision == WithDeviations && e.Deviations == 0:
		return fault.Invalid("decision", "nothing deviates; it is effective")
	case k.Decision != k.Proposal && k.Reason == "":
		return fault.Invalid("reason", "the decision differs from what is proposed (%s); say why", strings.ReplaceAll(k.Proposal, "_", " "))
	case p.Conclusion != nil && k.Reason == "":
		return fault.Invalid("reason", "this takes the place of the conclusion of %s by %s; say why", day(p.Conclusion.At), p.Conclusion.By)
	case p.Conclusion != nil && !p.Conclusion.Stale && p.Conclusion.Decision == k.Decision && p.Conclusion.Reason == k.Reason:
		return fault.Conflict("%s is concluded so already, by %s.", p.Control, p.Conclusion.By)
	}
	return nil
}

func review(c *op.Call, in Signature) (Conclusion, error) {
	_, p, err := enter(c, in.Engagement, in.Control, atWork)
	if err != nil {
		return Conclusion{}, err
	}
	k := p.Conclusion
	switch {
	case k == nil:
		return Conclusion{}, fault.Conflict("%s is not concluded; a review comes after.", p.Control)
	case k.Stale:
		return Conclusion{}, fault.Conflict("%s was tested further after %s concluded. It is concluded anew before it is reviewed.", p.Control, k.By)
	case !k.Reviewed.IsZero():
		return Conclusion{}, fault.Conflict("%s was reviewed by %s on %s.", p.Control, k.ReviewedBy, day(k.Reviewed))
	}
	who, err := p.preparers(c)
	if err != nil {
		return Conclusion{}, err
	}
	if slices.Contains(who, string(c.Actor.User)) {
		return Conclusion{}, fault.Denied("%s had a hand in this workpaper and cannot review it. Ask a manager or partner who had none.", c.Actor.Name)
	}
	k.Reviewed, k.ReviewedBy, k.ReviewComment = c.Now, c.Actor.Name, strings.TrimSpace(in.Comment)
	body := map[string]any{"step": "review", "control": p.Control, "version": k.Version}
	if k.ReviewComment != "" {
		body["comment"] = k.ReviewComment
	}
	if k.ReviewEntry, err = c.Append(op.Record{Kind: canon.KindSignoff, ID: string(p.ID), Body: body}); err != nil {
		return Conclusion{}, err
	}
	_, err = c.Tx.Exec(insertReview, c.Org, p.ID, k.Version, k.ReviewComment, k.ReviewedBy, c.Actor.User, clock.Millis(c.Now), k.ReviewEntry)
	if db.IsDuplicate(err) {
		err = fault.Conflict("%s was reviewed a moment ago.", p.Control)
	}
	return *k, err
}

// preparers are the people who tested, classified or concluded.
func (p *paper) preparers(c *op.Call) ([]string, error) {
	var out []string
	if s := p.Sample; s != nil && s.Method == methodNone { // the draw itself tested the list
		out = append(out, string(s.user))
	}
	for _, query := range []string{selectMarkers, selectRunners, selectClassifiers, selectConcluders} {
		who, err := db.Rows(c.Tx, query, []any{c.Org, p.ID}, func(scan func(...any) error, s *string) error { return scan(s) })
		if err != nil {
			return nil, err
		}
		out = append(out, who...)
	}
	return out, nil
}

// Concluded is what opinions and reports say of every planned control, by code.
func Concluded(c *op.Call, r *engagements.Room) ([]Summary, error) {
	papers, err := survey(c, r, "")
	out := make([]Summary, 0, len(papers))
	for _, p := range papers {
		reperformed, err := p.reperformed(r.InFile(c))
		if err != nil {
			return nil, err
		}
		s := p.summary(reperformed)
		if r.Side == engagements.ClientSide {
			for i, d := range s.Deviations {
				s.Deviations[i] = d.forClient()
			}
		}
		out = append(out, s)
	}
	return out, err
}

const selectReperformed = "SELECT DISTINCT attribute FROM mark_now WHERE org_id = ? AND procedure_id = ? AND mark = 'reperformed'"

func (p *paper) reperformed(c *op.Call) ([]string, error) {
	return db.Rows(c.Tx, selectReperformed, []any{c.Org, p.ID}, func(scan func(...any) error, s *string) error { return scan(s) })
}

func (p *paper) summary(reperformed []string) Summary {
	e := p.Evaluation
	s := Summary{Procedure: p.ID, Control: p.Control, Title: p.Title, Text: p.Text, Criteria: p.Criteria, Key: p.Key, Basis: p.Basis, On: p.on(),
		Proposal: e.Proposal, Facts: e.Facts, Tested: e.Tested, Deviating: e.Deviations, Deviations: append([]Deviation{}, p.found...), LookBack: e.LookBack}
	for _, a := range p.Attributes {
		verb := "Inspected"
		if p.Basis == InFull || slices.Contains(reperformed, a.Letter) {
			verb = "Reperformed"
		}
		s.Tests = append(s.Tests, fmt.Sprintf("%s, for %s: %s.", verb, s.On, strings.TrimSuffix(a.Text, ".")))
	}
	for _, t := range p.runs {
		s.Unlisted += t.Deviates - t.Listed
	}
	if k := p.Conclusion; k != nil {
		s.Decision, s.Reason, s.By, s.Entry, s.Done = k.Decision, k.Reason, k.By, k.Entry, !k.Stale
		s.Reviewed, s.ReviewedBy = s.Done && !k.Reviewed.IsZero(), k.ReviewedBy
	}
	s.Result = p.result(s)
	return s
}

// on is what the tests were performed on.
func (p *paper) on() string {
	s := p.Sample
	switch {
	case p.Basis == ByInspection:
		return "the control itself"
	case p.Basis == InFull && p.newest == nil:
		return "every item of " + p.Population
	case p.Basis == InFull:
		return fmt.Sprintf("all %d items of %s", p.newest.Total, p.Population)
	case s == nil:
		return "a sample of " + p.Population
	case s.Method == methodNone:
		return fmt.Sprintf("all %d occurrences of %s that were due", s.Total, p.Population)
	case s.N == s.Total:
		return fmt.Sprintf("all %d items of %s", s.Total, p.Population)
	}
	how := map[string]string{string(sample.Random): "drawn at random", string(sample.Systematic): "drawn at equal distances", string(sample.Stratified): "drawn at random within strata"}[s.Method]
	text := fmt.Sprintf("%d of %d items of %s, %s", s.N, s.Total, p.Population, how)
	if !s.Extended.IsZero() {
		text += fmt.Sprintf(" (%d at first, extended by %d)", s.First, s.N-s.First)
	}
	return text
}

// result is what a report says of the outcome: facts, never a share that passed.
func (p *paper) result(s Summary) string {
	e := p.Evaluation
	switch {
	case s.Decision == NoOccurrence || e.Proposal == NoOccurrence:
		text := "The control did not operate in the period: nothing occurred that it applies to."
		if b := e.LookBack; b != nil && b.Last != "" {
			text += fmt.Sprintf(" It last operated on %s, %d days before the end of the period.", b.Last, b.Days)
		}
		return text
	case s.Decision == Undetermined:
		return "Undetermined: " + s.Reason
	case p.Sample != nil && p.Sample.Missed > 0:
		return fmt.Sprintf("%s occurrences that were due did not happen.", e.Facts)
	case p.Basis == ByInspection && e.Deviations > 0:
		return "A deviation was noted."
	case e.Deviations > 0:
		return fmt.Sprintf("%s items deviated.", e.Facts)
	case e.Tested == 0 || e.Tested < e.Size:
		return "Not tested."
	}
	return "No deviations noted."
}
