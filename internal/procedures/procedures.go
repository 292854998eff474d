// Package procedures is how a control is tested: the workpaper with its
// attributes, the sample drawn, the evidence of each item, the marks that
// people set, the deviations found and what a named person concludes. All of it
// lies in the engagement's file; only what the client answers lies with the
// client. docs/procedures.md describes it for an auditor.
package procedures

import (
	"context"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/op"
)

// Everything that can be done with procedures.
var (
	PlanOp   = op.Write("procedures.plan", "Plan how a control is tested, or change the plan before the first mark.", auth.AuditWrite, plan)
	List     = op.Read("procedures.list", "List the workpapers of an engagement with where each stands.", auth.AuditRead, list)
	Get      = op.Read("procedures.get", "Show the workpaper of a control.", auth.AuditRead, get)
	GridOp   = op.Read("procedures.grid", "Show part of the testing grid: items by attributes.", auth.AuditRead, grid)
	Conclude = op.Write("procedures.conclude", "Conclude on a control whose items are all tested.", auth.AuditWrite, conclude)
	Review   = op.Write("procedures.review", "Review a concluded workpaper that others have prepared.", auth.AuditReview, review)

	Draw   = op.Write("samples.draw", "Draw the sample of a control from its accepted list. It is drawn once.", auth.AuditWrite, draw).Before(settleDraw)
	Extend = op.Write("samples.extend", "Extend a sample once, by the next of the same order, after an isolated deviation.", auth.AuditWrite, extend)

	Items    = op.Read("items.list", "List the items drawn for a control and the evidence linked to each.", auth.EngageRead, items)
	Answer   = op.Write("items.answer", "Answer drawn items with a record of evidence.", auth.AnswersWrite, answer).Before(settleLink)
	Link     = op.Write("items.link", "Link a record of the client's evidence to items.", auth.AuditWrite, link).Before(settleLink)
	Evidence = op.Read("items.evidence", "Show everything there is about one item: facts, records, findings, marks.", auth.AuditRead, itemEvidence)
	Remove   = op.Write("items.remove", "Is refused: an item drawn stays. The attempt is recorded.", auth.AuditWrite, remove).Before(recordAttempt)
	Attempt  = op.Work("items.attempt", "Record that somebody tried to take an item out of a sample.", auth.AuditWrite, attempt)

	Set     = op.Write("marks.set", "Mark attributes of items as tested. Earlier marks stay on record.", auth.AuditWrite, set).Before(settleMarks)
	Confirm = op.Write("marks.confirm", "Confirm what the expressions propose for items.", auth.AuditWrite, confirm).Before(settleConfirm)

	Run = op.Write("tests.run", "Test every item of a list against the expression of an attribute.", auth.AuditWrite, run).Before(settleRun)

	Deviations = op.Read("deviations.list", "List the deviations of an engagement.", auth.EngageRead, deviations)
	Classify   = op.Write("deviations.classify", "State the cause, the extent and the effect of a deviation.", auth.AuditWrite, classify)
	Respond    = op.Write("deviations.respond", "Give management's response to a deviation.", auth.AnswersWrite, respond)

	Operations = []op.Operation{PlanOp, List, Get, ProgressGet, GridOp, Conclude, Review, Draw, Extend, Items, Answer, Link, Evidence, Remove, Attempt,
		Set, Confirm, Run, Deviations, Classify, Respond}
)

// The operations that answer the other log have its head signed first.
func settleDraw(ctx context.Context, d *op.Desk, in Drawing) error {
	return engagements.Settle(ctx, d, in.Engagement)
}

func settleLink(ctx context.Context, d *op.Desk, in Linking) error {
	return engagements.Settle(ctx, d, in.Engagement)
}

func settleMarks(ctx context.Context, d *op.Desk, in Marking) error {
	return engagements.Settle(ctx, d, in.Engagement)
}

func settleConfirm(ctx context.Context, d *op.Desk, in Confirmation) error {
	return engagements.Settle(ctx, d, in.Engagement)
}

func settleRun(ctx context.Context, d *op.Desk, in Running) error {
	return engagements.Settle(ctx, d, in.Engagement)
}
