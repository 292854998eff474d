package page

import (
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/words"
)

// limitsOf is what the methodology asks for at a risk, in percent.
func limitsOf(p sample.Profile, risk string) (confidence, tolerable string) {
	l := p.Limits(sample.Risk(risk))
	if l.Confidence == 0 {
		return "", ""
	}
	f := func(x float64) string { return strconv.FormatFloat(x*100, 'f', -1, 64) }
	return f(l.Confidence), f(l.Tolerable)
}

// evaluation is what the numbers say so far.
func (x work) evaluation() site.EvaluationView {
	e := x.Evaluation
	devs := site.TotalRow{Text: "Deviations", Value: site.Count(int64(e.Deviations))}
	if e.Deviations > 0 {
		devs.Tone, devs.Href = site.StatusFail, x.base+"/deviations?control="+x.ref
	}
	v := site.EvaluationView{Totals: site.TotalView{Rows: []site.TotalRow{
		{Text: "Tested", Value: site.Count(int64(e.Tested)) + " of " + site.Count(int64(e.Size))}, devs,
	}}}
	if e.Unknown > 0 {
		v.Totals.Rows = append(v.Totals.Rows, site.TotalRow{Text: "Could not be judged", Value: site.Count(int64(e.Unknown)), Tone: site.StatusUnknown})
	}
	switch {
	case e.Limit != "":
		v.Totals.Rows = append(v.Totals.Rows, site.TotalRow{Text: "Observed rate", Value: rate2(e.Observed)})
		v.Totals.Total = site.TotalRow{Text: "Upper limit at " + e.Confidence + " %", Value: rate(e.Limit)}
		v.Curve = x.curve()
	case e.Exact:
		v.Totals.Total = site.TotalRow{Text: "Rate, exact", Value: rate(e.Observed)}
		v.Note = "Every item is looked at: the rate is no estimate."
	default:
		v.Totals.Total = site.TotalRow{Text: "Observed rate", Value: rate2(e.Observed)}
		v.Note = x.noCurve()
	}
	return v
}

// noCurve says why nothing is said of the items that were not looked at.
func (x work) noCurve() string {
	e := x.Evaluation
	switch {
	case x.Sample != nil && x.Sample.Method == string(sample.Stratified):
		return "The sample is stratified: the figures hold for each stratum, and no limit is stated for the whole."
	case e.Tested == 0:
		return ""
	case e.Size < sample.MinMeaningful:
		return "An upper limit is not meaningful at this size: " + site.Several(e.Size, "item says", "items say") + " little about the rest."
	}
	return "An upper limit is not meaningful yet: it is stated from " + strconv.Itoa(sample.MinMeaningful) + " items on."
}

// curve is what more testing would prove.
func (x work) curve() *site.CurveView {
	e := x.Evaluation
	if len(e.Curve) == 0 {
		return nil
	}
	c := site.CurveView{Title: "Upper limit by items tested", Tolerable: site.ParseRate(e.Tolerable), Note: "Items tested, " + site.Several(e.Deviations, "deviation", "deviations") + ". Exact binomial, conservative."}
	for _, p := range e.Curve {
		point := site.CurvePoint{N: p.N, Limit: site.ParseRate(p.Limit)}
		if !p.Ahead {
			c.Done = append(c.Done, point)
		}
		if p.Ahead || p.N == e.Tested {
			c.Ahead = append(c.Ahead, point)
		}
	}
	now := site.CurveMark{CurvePoint: site.CurvePoint{N: e.Tested, Limit: site.ParseRate(e.Limit)}, Text: rate2(e.Limit) + " now", Deviations: e.Deviations}
	c.Marks = append(c.Marks, now)
	for _, o := range e.Options {
		if o.Deviations != e.Deviations || o.N == e.Tested {
			continue
		}
		m := site.CurveMark{CurvePoint: site.CurvePoint{N: o.N, Limit: site.ParseRate(o.Limit)}, Text: rate2(o.Limit), Deviations: o.Deviations, Status: site.StatusFail}
		if o.Supports {
			m.Status, m.Text = site.StatusPass, rate(o.Limit)
		}
		c.Marks = append(c.Marks, m)
	}
	return &c
}

// options are what it would take.
func (x work) options() []site.OptionView {
	var out []site.OptionView
	for _, o := range x.Evaluation.Options {
		lead, text, _ := strings.Cut(o.Text, ": ")
		v := site.OptionView{Status: site.StatusFail, Lead: lead + ":", Text: text}
		if o.Supports {
			v.Status = site.StatusPass
		}
		out = append(out, v)
	}
	return out
}

// next says what opens after the deviations are classified.
func (x work) next() string {
	e := x.Evaluation
	switch {
	case e.Deviations == 0:
		return ""
	case e.Extendable:
		return "Every deviation is isolated. The sample can be extended once, to " + site.Count(int64(e.Target)) + " items; give the reason before the new items are shown."
	case e.Extended:
		return "The one extension is used. All items, old and new, are evaluated together."
	case x.Unclassified > 0 && e.Meaningful && !e.Exact:
		return "An extension opens only after you record the cause as isolated, with a reason, before the new items are shown."
	case x.Unclassified > 0:
		return "Each deviation needs its cause and extent before the control can be concluded."
	}
	return ""
}

// stays says that no deviation goes away.
func (x work) stays() string {
	var ids []string
	for _, d := range x.Deviations {
		ids = append(ids, d.Item)
	}
	switch n := len(ids); {
	case n == 0:
		return ""
	case n <= 3:
		return words.List(ids) + words.Pick(n, " stays", " stay") + " in the sample and in the report, whatever follows."
	}
	return "All " + site.Count(int64(len(ids))) + " deviations stay in the sample and in the report, whatever follows."
}

// nextActs lead to the classification of the first deviation that has none.
func (x work) nextActs() []site.ButtonView {
	if !x.May || closed(x.View) {
		return nil
	}
	var out []site.ButtonView
	for _, d := range x.Deviations {
		if d.Classified.IsZero() {
			out = append(out, site.ButtonView{Text: "Classify cause", Href: x.deviation(string(d.ID))}, site.ButtonView{Text: "Link a control", Href: x.deviation(string(d.ID)) + "#f-compensating"})
			break
		}
	}
	if len(out) == 0 && len(x.Deviations) > 0 {
		out = append(out, site.ButtonView{Text: "Deviations", Href: x.base + "/deviations?control=" + x.ref})
	}
	if x.Evaluation.Extendable {
		out = append(out, site.ButtonView{Text: "Extend the sample", Href: x.work("/extend")})
	}
	return out
}

// proposal is what the figures propose and what was decided.
func (x work) proposal() *site.ProposalView {
	e, c := x.Evaluation, x.Conclusion
	if e.Proposal == "" && c == nil {
		return nil
	}
	v := site.ProposalView{Proposed: lower(decisionWord(e.Proposal)), Why: e.Why}
	if e.Proposal == "" {
		v.Proposed = "nothing yet"
	}
	if c != nil {
		v.Decided, v.By, v.When, v.Reason = lower(decisionWord(c.Decision)), c.By, c.At.In(x.Zone).Format("2 Jan 2006"), c.Reason
		if c.Stale {
			v.When += ", before later marks: it must be drawn anew"
		}
	}
	return &v
}

// signed is the review of the conclusion.
func (x work) signed() []site.FactRow {
	c := x.Conclusion
	if c == nil {
		return nil
	}
	rows := []site.FactRow{{Key: "Concluded", Value: c.By + ", " + c.At.In(x.Zone).Format("2 Jan 2006, 15:04") + ", entry " + site.Count(c.Entry)}}
	if !c.Reviewed.IsZero() {
		rows = append(rows, site.FactRow{Key: "Reviewed", Value: c.ReviewedBy + ", " + c.Reviewed.In(x.Zone).Format("2 Jan 2006, 15:04") + ", entry " + site.Count(c.ReviewEntry)})
		if c.ReviewComment != "" {
			rows = append(rows, site.Text("Comment", c.ReviewComment))
		}
	}
	return rows
}

// runs are the full tests of the attributes.
func (x work) runs() site.TableView {
	t := site.TableView{Caption: "Tests of every item", Columns: []site.Column{{Head: "Attribute", Phone: site.PlaceFirst}, {Head: "Expression", Mono: true, Wide: true}, {Head: "Items", Num: true}, {Head: "Agree", Num: true},
		{Head: "Deviate", Num: true}, {Head: "Unknown", Num: true}, {Head: "Rate", Num: true}, {Head: "By", Phone: site.PlaceEnd}}}
	for _, r := range x.Runs {
		deviates := site.Tally(int64(r.Deviates), site.StatusFail, x.base+"/deviations?control="+x.ref)
		unknown := site.Cell{Text: site.Count(int64(r.Unknown)), Note: r.Why}
		if r.Unknown > 0 {
			unknown.Tone = site.StatusUnknown
		}
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{
			site.WordsNote(r.Attribute, "entry "+site.Count(r.Entry)), site.Words(r.Expression), site.Number(int64(r.Total), x.base+"/populations/"+x.Population), site.Words(site.Count(int64(r.Agrees))), deviates, unknown,
			site.Words(rate(r.Observed)), site.Node(site.Person(r.By)),
		}})
	}
	return t
}

// complete reports whether every item is tested: then the conclusion is what
// comes next.
func (x work) complete() bool {
	return x.Evaluation.Size > 0 && x.Evaluation.Tested == x.Evaluation.Size
}
