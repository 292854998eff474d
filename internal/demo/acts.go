package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/reports"
	"github.com/tickmark/tickmark/internal/sources"
)

// plan says how each control is tested, and asks for the lists: each request
// commits to a number that nobody has seen.
func (s *Stage) plan(ctx context.Context) error {
	err := must(ctx, s, "staff", engagements.Plan, engagements.Planning{ID: s.engagement,
		Considerations: "A change that cannot be traced, and access that nobody reviews, are where it would matter most. Either alone is material to its criterion."})
	if err != nil {
		return err
	}
	for _, x := range story {
		in := procedures.Planning{Engagement: s.engagement, Control: x.code, Basis: procedures.ByInspection, Attributes: x.attributes, Risk: "low"}
		switch x.code {
		case "CHG-81":
			in.Basis, in.Population, in.Cadence, in.Expressions = procedures.BySample, changes, "many-a-day", traced
		case "ACC-81":
			in.Basis, in.Population, in.Cadence = procedures.BySample, reviews, "monthly"
		}
		if err := must(ctx, s, "staff", procedures.PlanOp, in); err != nil {
			return err
		}
	}
	if err := s.advance(ctx, "partner", engagements.Planned); err != nil {
		return err
	}
	for _, w := range []populations.Wish{
		{Engagement: s.engagement, Code: changes, Title: "Production changes", Controls: []string{"CHG-81"}},
		{Engagement: s.engagement, Code: reviews, Title: "Access reviews", Controls: []string{"ACC-81"}},
	} {
		if err := must(ctx, s, "staff", populations.Request, w); err != nil {
			return err
		}
	}
	return nil
}

// observe is the period itself: documents are handed in, and access is
// reviewed each month.
func (s *Stage) observe(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	for m := range months {
		s.Clock.Set(s.reviewed(m))
		if err := s.reviewAccess(ctx); err != nil {
			return err
		}
	}
	return nil
}

// open begins the period, for which the documents are in force.
func (s *Stage) open(ctx context.Context) error {
	if err := s.advance(ctx, "partner", engagements.Observing); err != nil {
		return err
	}
	for _, x := range story {
		if x.document == "" {
			continue
		}
		id, err := s.show(ctx, x.title, x.document, x.code)
		if err != nil {
			return err
		}
		s.documents[x.code] = id
	}
	return nil
}

// reviewed is when access is reviewed in a month of the period.
func (s *Stage) reviewed(month int) time.Time {
	return s.starts.AddDate(0, month, 23).Add(15 * time.Hour)
}

// reviewAccess is one month's review.
func (s *Stage) reviewAccess(ctx context.Context) error {
	at := s.reviewed(len(s.reviews))
	label := at.Format("2006-01")
	id, err := s.show(ctx, "Access review "+label, fmt.Sprintf("Access review %s. Reviewed on %s by the system's owner, %s. Two accounts were no longer needed and were removed the same day.",
		label, at.Format("2 January 2006"), mei.name), "ACC-81")
	s.reviews = append(s.reviews, fmt.Sprintf("%s %s %s", label, at.Format(time.RFC3339), id))
	return err
}

// close builds the lists after the period and seals them; the auditor judges
// whether they are whole.
func (s *Stage) close(ctx context.Context) error {
	desk := s.desks["compliance_lead"]
	run, err := s.Reader.Read(ctx, desk, s.source, nil, false)
	if err != nil {
		return err
	}
	if run.Status != sources.RunOK {
		return fault.Conflict("%s could not be read: %s", s.Git, run.Error)
	}
	if err := checks.EvaluateRun(ctx, desk, run.ID, nil); err != nil {
		return err
	}
	lists := []populations.Material{
		{Engagement: s.engagement, Population: changes, From: populations.FromRun, Source: string(s.source), Run: string(run.ID), Kind: "commit",
			Key: "short", Where: s.within("r.committed_at") + " && r.on_main_line", Time: "committed_at", Label: "subject", Environment: "production"},
		{Engagement: s.engagement, Population: reviews, From: populations.FromCalendar, Cadence: "monthly", Performed: s.reviews},
	}
	for _, in := range lists {
		draft, err := do(ctx, s, "compliance_lead", populations.Build, in)
		if err != nil {
			return err
		}
		if draft.Blocked() > 0 {
			return fault.Conflict("%s cannot be sealed: %s", in.Population, draft.Problems[0].Text)
		}
		if err := must(ctx, s, "compliance_lead", populations.Seal, populations.Sealing{Engagement: s.engagement, Population: in.Population, Version: draft.Version}); err != nil {
			return err
		}
	}
	for _, code := range []string{changes, reviews} {
		for _, in := range []populations.Judgement{
			{Procedure: "observed", Result: "holds", Note: "Watched the list being made, over the lead's shoulder."},
			{Procedure: "accuracy", Result: "holds", Note: "Traced three items back to their source; they agree."},
		} {
			in.Engagement, in.Population, in.Version = s.engagement, code, 1
			if err := must(ctx, s, "staff", populations.Judge, in); err != nil {
				return err
			}
		}
		in := populations.Verdict{Engagement: s.engagement, Population: code, Version: 1, Decision: populations.Complete}
		if err := must(ctx, s, "staff", populations.Accept, in); err != nil {
			return err
		}
	}
	if err := s.advance(ctx, "partner", engagements.PeriodClosed); err != nil {
		return err
	}
	for _, code := range []string{"CHG-81", "ACC-81"} {
		if err := must(ctx, s, "staff", procedures.Draw, procedures.Drawing{Engagement: s.engagement, Control: code}); err != nil {
			return err
		}
	}
	return s.advance(ctx, "partner", engagements.Fieldwork)
}

// fieldwork ties evidence to the items drawn, and tests them.
func (s *Stage) fieldwork(ctx context.Context) error {
	for _, x := range story {
		ref := procedures.Ref{Engagement: s.engagement, Control: x.code}
		grid, err := do(ctx, s, "staff", procedures.GridOp, procedures.GridPart{Engagement: s.engagement, Control: x.code, Limit: 500})
		if err != nil {
			return err
		}
		var items []string
		for _, r := range grid.Rows {
			items = append(items, r.Item)
		}
		switch x.code {
		case "CHG-81":
			err = s.testChanges(ctx, ref, grid)
		case "ACC-81":
			err = s.testReviews(ctx, ref, items)
		default:
			err = s.inspect(ctx, ref, items)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inspect has the owner answer for the control itself, and marks what the
// document says.
func (s *Stage) inspect(ctx context.Context, ref procedures.Ref, items []string) error {
	err := must(ctx, s, "control_owner", procedures.Answer, procedures.Linking{Engagement: ref.Engagement, Control: ref.Control, Items: items, Evidence: s.documents[ref.Control]})
	if err != nil {
		return err
	}
	return must(ctx, s, "staff", procedures.Set, procedures.Marking{Engagement: ref.Engagement, Control: ref.Control, Items: items,
		Attributes: []string{"A", "B"}, Mark: procedures.Agrees})
}

// testReviews looks at the evidence of each month that was drawn.
func (s *Stage) testReviews(ctx context.Context, ref procedures.Ref, items []string) error {
	for _, item := range items {
		for _, done := range s.reviews {
			var label, at, id string
			if _, err := fmt.Sscan(done, &label, &at, &id); err != nil {
				return err
			}
			if label != item {
				continue
			}
			err := must(ctx, s, "control_owner", procedures.Answer, procedures.Linking{Engagement: ref.Engagement, Control: ref.Control, Items: []string{item}, Evidence: id})
			if err != nil {
				return err
			}
		}
	}
	return must(ctx, s, "staff", procedures.Set, procedures.Marking{Engagement: ref.Engagement, Control: ref.Control, Items: items,
		Attributes: []string{"A", "B"}, Mark: procedures.Agrees})
}

// testChanges confirms what the expressions say of each commit. The sealed
// list is itself the evidence.
func (s *Stage) testChanges(ctx context.Context, ref procedures.Ref, grid procedures.Grid) error {
	for _, r := range grid.Rows {
		in := procedures.Confirmation{Engagement: ref.Engagement, Control: ref.Control, Items: []string{r.Item}}
		for _, c := range r.Cells {
			if c.Proposed == procedures.Deviates {
				in.Reason = "The message does not say which part it changes."
			}
		}
		if err := must(ctx, s, "staff", procedures.Confirm, in); err != nil {
			return err
		}
	}
	return nil
}

// conclude classifies what deviated, concludes on every control and has it
// reviewed by another.
func (s *Stage) conclude(ctx context.Context) error {
	list, err := do(ctx, s, "staff", procedures.Deviations, procedures.DeviationFilter{Engagement: s.engagement})
	if err != nil {
		return err
	}
	for _, d := range list.Items {
		err := must(ctx, s, "staff", procedures.Classify, procedures.Classification{Engagement: s.engagement, ID: string(d.ID), Cause: "execution", Extent: "systematic",
			Reason: "Several authors wrote messages without naming the part; nothing stopped them.", Expected: "a message such as: ledger: what it does", Actual: d.Label,
			Impact:     "A reader has to open the change to learn what it touched. No change went unnoticed.",
			Disclosure: fmt.Sprintf("The message of change %s did not name the part that it changes.", d.Label), Version: d.Version})
		if err != nil {
			return err
		}
		err = must(ctx, s, "compliance_lead", procedures.Respond, procedures.Response{Engagement: s.engagement, ID: string(d.ID),
			Text: "The build refuses such messages from now on."})
		if err != nil {
			return err
		}
	}
	for _, x := range story {
		p, err := do(ctx, s, "staff", procedures.Get, procedures.Ref{Engagement: s.engagement, Control: x.code})
		if err != nil {
			return err
		}
		in := procedures.Decision{Engagement: s.engagement, Control: x.code, Decision: p.Evaluation.Proposal}
		if in.Decision == procedures.Judgement || in.Decision == "" {
			in.Decision, in.Reason = procedures.Effective, "Every item that was looked at agrees."
		}
		if err := must(ctx, s, "staff", procedures.Conclude, in); err != nil {
			return err
		}
		if err := must(ctx, s, "manager", procedures.Review, procedures.Signature{Engagement: s.engagement, Control: x.code, Comment: "Read the workpaper and its evidence."}); err != nil {
			return err
		}
	}
	return s.advance(ctx, "partner", engagements.Evaluation)
}

// report concludes on the criteria and the opinion, prints a draft, and takes
// it through management to the partner's signature.
func (s *Stage) report(ctx context.Context) error {
	if err := s.opine(ctx); err != nil {
		return err
	}
	if err := s.advance(ctx, "partner", engagements.DraftReport); err != nil {
		return err
	}
	if err := s.word(ctx); err != nil {
		return err
	}
	if err := must(ctx, s, "staff", reports.Draft, reports.Ref{Engagement: s.engagement}); err != nil {
		return err
	}
	if err := s.advance(ctx, "partner", engagements.ManagementReview); err != nil {
		return err
	}
	if err := s.advance(ctx, "compliance_lead", engagements.SignOff); err != nil {
		return err
	}
	book, err := do(ctx, s, "sponsor", reports.Get, reports.Ref{Engagement: s.engagement})
	if err != nil {
		return err
	}
	err = must(ctx, s, "sponsor", reports.Sign, reports.Signing{Engagement: s.engagement, Report: string(book.Prints[0].ID), Title: "Chief Executive",
		Text: "We have prepared the description of Larchmere Cloud and assert that its controls were designed and operated as this report describes, with the deviations that it names."})
	if err != nil {
		return err
	}
	if book, err = do(ctx, s, "partner", reports.Get, reports.Ref{Engagement: s.engagement}); err != nil {
		return err
	}
	return must(ctx, s, "partner", reports.Issue, reports.Issuing{Engagement: s.engagement, SHA256: book.SHA256})
}

// opine decides each criterion and each part of the opinion as proposed.
func (s *Stage) opine(ctx context.Context) error {
	all, err := do(ctx, s, "staff", opinions.Get, opinions.Ref{Engagement: s.engagement})
	if err != nil {
		return err
	}
	for _, x := range all.Criteria {
		err := must(ctx, s, "staff", opinions.Judge, opinions.Judgement{Engagement: s.engagement, Criterion: x.Code, Decision: x.Proposal.Value})
		if err != nil {
			return err
		}
	}
	if all, err = do(ctx, s, "staff", opinions.Get, opinions.Ref{Engagement: s.engagement}); err != nil {
		return err
	}
	for _, x := range all.Parts {
		in := opinions.Ruling{Engagement: s.engagement, Part: x.Part, Decision: x.Proposal.Value}
		if in.Decision == "" {
			in.Decision, in.Reason = "unmodified", "The description was compared with what the tests showed; nothing in it misleads."
		}
		if err := must(ctx, s, "manager", opinions.Decide, in); err != nil {
			return err
		}
	}
	return nil
}

// word supplies the firm's words of the opinion, which the program never
// makes up.
func (s *Stage) word(ctx context.Context) error {
	all, err := do(ctx, s, "partner", opinions.Get, opinions.Ref{Engagement: s.engagement})
	if err != nil {
		return err
	}
	text, basis := "In our opinion, in all material respects,", ""
	for _, x := range all.Parts {
		how := map[string]string{"description": "the description presents Larchmere Cloud as it was throughout the period",
			"design": "its controls were suitably designed", "operation": "its controls operated effectively"}[x.Part]
		if x.Decision.Value != "unmodified" {
			how += ", except for the effects of the matter described above"
			basis = "Changes to the main line could not all be traced by their message, as Section IV tells. The criterion on changes was not met throughout the period."
		}
		text += " " + how + ";"
	}
	for place, words := range map[string]string{"I.opinion": text[:len(text)-1] + ".", "I.basis": basis} {
		if words == "" {
			continue
		}
		if err := must(ctx, s, "partner", reports.SetText, reports.Wording{Engagement: s.engagement, Place: place, Text: words}); err != nil {
			return err
		}
	}
	return nil
}

// within is the part of a query that leaves out what was not in the period.
func (s *Stage) within(field string) string {
	return fmt.Sprintf("%[1]s >= timestamp(%[2]q) && %[1]s < timestamp(%[3]q)", field, s.starts.Format(time.RFC3339), s.ends.AddDate(0, 0, 1).Format(time.RFC3339))
}
