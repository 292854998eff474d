package procedures

import (
	"fmt"
	"slices"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/scopes"
)

// Stages of a workpaper.
const (
	stagePlanned   = "planned"
	stageDrawn     = "drawn"
	stageTesting   = "testing"
	stageTested    = "tested"
	stageConcluded = "concluded"
	stageReviewed  = "reviewed"
)

// auditor refuses whoever may not do the firm's work on this client: the
// machine, and people who belong to the client or own the control.
func auditor(c *op.Call, r *engagements.Room, controlOwner string) error {
	if c.Actor.User == "" {
		return fault.Denied("This is for a named person of %s to do.", r.Firm.Name)
	}
	_, err := auth.MemberActor(c.Tx, r.Client.Org, c.Actor.User, "")
	if err == nil || controlOwner == string(c.Actor.User) {
		return fault.Denied("%s belongs to %s or owns the control, and cannot test it. Ask another member of %s.", c.Actor.Name, r.Client.Name, r.Firm.Name)
	}
	if fault.KindOf(err) != fault.KindDenied {
		return err
	}
	return nil
}

// atWork are the states in which tests are performed and concluded on.
var atWork = []engagements.State{engagements.Fieldwork, engagements.Evaluation, engagements.DraftReport, engagements.ManagementReview}

// results collects what the evaluation of a workpaper rests on.
func (p *paper) results(r *engagements.Room, refused string) results {
	x := results{limits: r.Profile.Limits(sample.Risk(p.Risk)), typeOne: r.Type == scopes.TypeI, basis: p.Basis, extensions: r.Profile.Extensions, refused: refused}
	switch p.Basis {
	case ByInspection:
		x.size, x.total = 1, 1
	case BySample:
		if s := p.Sample; s != nil {
			x.method, x.size, x.total, x.missed, x.extended = s.Method, s.N, s.Total, s.Missed, !s.Extended.IsZero()
			x.none, x.lookBack = s.Total == 0, s.LookBack
		}
	case InFull:
		p.full(&x)
	}
	if x.missed > 0 {
		x.size, x.tested, x.deviating = x.total, x.total, x.missed
	} else if p.Basis != InFull && !x.none {
		for _, t := range p.tallies {
			if t.marked >= len(p.Attributes) {
				x.tested += t.items
			}
			if t.deviates > 0 {
				x.deviating += t.items
			}
		}
	}
	for _, d := range p.found {
		switch {
		case d.Cause == causeDesign:
			x.design++
		case d.Extent == extentSystematic:
			x.systematic++
		case d.Extent == extentIsolated:
			x.isolated++
		default:
			x.open++
		}
	}
	return x
}

// full takes the results of full tests, once every attribute was held against
// the same version of the list.
func (p *paper) full(x *results) {
	if p.newest == nil {
		return
	}
	x.total, x.size = p.newest.Total, p.newest.Total
	for _, a := range p.Attributes {
		if t, ok := p.runs[a.Letter]; !ok || t.Version != p.newest.Version {
			return
		}
	}
	x.none = x.total == 0
	x.tested, x.deviating, x.unknown = x.total, p.newest.items, p.newest.unsure
}

// settle fills in what follows from the rest.
func (p *paper) settle(r *engagements.Room, refused string) {
	x := p.results(r, refused)
	p.Evaluation = evaluate(x)
	p.Unclassified = x.open
	p.Runs = nil
	for _, a := range p.Attributes {
		if t, ok := p.runs[a.Letter]; ok {
			p.Runs = append(p.Runs, t)
		}
	}
	if p.Sample != nil {
		p.Warnings = append(p.Warnings, p.Sample.Warnings...)
	}
	p.Left = p.left(x)
	p.Stage = p.stage(x)
}

// items is how many items have a row in the grid.
func (p *paper) items() int {
	switch {
	case p.Basis == ByInspection:
		return 1
	case p.Sample == nil:
		return 0
	case p.Sample.Total == 0:
		return 1 // the control itself, for what shows when it last operated
	case p.Sample.Missed > 0:
		return p.Sample.Missed
	}
	return p.Sample.N
}

// shown reports whether there is evidence of an item: a record that somebody
// linked, or the sealed list where it alone decides.
func (p *paper) shown(ordinal int) bool {
	if p.Sample != nil && p.Sample.Missed > 0 {
		return true
	}
	listed := p.Sample != nil && p.Sample.rowsLink >= 0 && !slices.ContainsFunc(p.Attributes, func(a Attribute) bool { return a.Expression == "" })
	return listed || p.linked[ordinal]
}

// left says what must happen before the control can be concluded on.
func (p *paper) left(x results) (out []string) {
	switch {
	case x.none:
	case x.refused != "":
		out = append(out, x.refused)
	case p.Basis == BySample && p.Sample == nil:
		out = append(out, "The sample is not drawn.")
	case p.Basis == InFull && x.tested == 0:
		for _, a := range p.Attributes {
			if t, ok := p.runs[a.Letter]; !ok || t.Version != p.newest.Version {
				out = append(out, fmt.Sprintf("Attribute %s is not held against the list.", a.Letter))
			}
		}
	case x.tested < x.size:
		out = append(out, fmt.Sprintf("%d of %d items are not marked in every attribute.", x.size-x.tested, x.size))
	}
	if x.open > 0 {
		out = append(out, fmt.Sprintf("%d of %d deviations are not classified.", x.open, len(p.found)))
	}
	return out
}

func (p *paper) stage(x results) string {
	switch k := p.Conclusion; {
	case k != nil && !k.Stale && !k.Reviewed.IsZero():
		return stageReviewed
	case k != nil && !k.Stale:
		return stageConcluded
	case len(p.Left) == 0 && (x.tested > 0 || x.none):
		return stageTested
	case p.touched > 0 || p.newest != nil:
		return stageTesting
	case p.Sample != nil:
		return stageDrawn
	}
	return stagePlanned
}

// attribute finds an attribute by its letter.
func (p *Procedure) attribute(letter string) (Attribute, bool) {
	i := slices.IndexFunc(p.Attributes, func(a Attribute) bool { return a.Letter == letter })
	if i < 0 {
		return Attribute{}, false
	}
	return p.Attributes[i], true
}

// letters are those of all attributes.
func (p *Procedure) letters() []string {
	var out []string
	for _, a := range p.Attributes {
		out = append(out, a.Letter)
	}
	return out
}

// structured reports whether an attribute is decided from the records of the
// list.
func (p *Procedure) structured() bool {
	return slices.ContainsFunc(p.Attributes, func(a Attribute) bool { return a.Expression != "" })
}
