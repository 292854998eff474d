package page

import (
	"fmt"
	"strings"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/site"
)

// step is a page with one act on a workpaper: the sentence that says what is
// done, the form, and what the act rules out.
type step struct {
	work
	Name     string // of the page
	Sentence string
	Facts    []site.FactRow
	Form     site.FormView
	Rules    []string // what it rules out, or leads to
	// RulesTitle is their head where they rule nothing out.
	RulesTitle string
	Proposal   *site.ProposalView
	Table      *site.TableView
}

func (s step) show(v *site.Visit) error {
	return v.ShowIn(s.View.Engagement, workShell(s.View, s.Control, s.Name), stepBody(s))
}

// again shows the form with what was wrong.
func (s step) again(v *site.Visit, err error) error {
	s.Form.Keep(v.R.PostForm)
	if !s.Form.Refused(err) {
		return err
	}
	return v.ShowWrongIn(s.View.Engagement, workShell(s.View, s.Control, s.Name), stepBody(s))
}

// stepOf reads the workpaper for an act on it.
func stepOf(v *site.Visit, right auth.Right) (step, error) {
	if err := v.Actor.Require(right); err != nil {
		return step{}, err
	}
	e, err := open(v)
	if err != nil {
		return step{}, err
	}
	x, err := blank(v, e, v.Path("ref"))
	return step{work: x}, err
}

// act is the shape of every handler that changes a workpaper.
func act[In any](v *site.Visit, read func(*site.Visit) (step, error), do func(in *In, x step) error) error {
	x, err := read(v)
	if err != nil {
		return err
	}
	var in In
	if err = v.Form(&in); err == nil {
		err = do(&in, x)
	}
	if err != nil {
		return x.again(v, err)
	}
	return v.Goto(x.work.work(""))
}

func readDraw(v *site.Visit) (step, error) {
	s, err := stepOf(v, auth.AuditWrite)
	if err != nil {
		return s, err
	}
	s.Name = "Draw"
	pop, err := populations.Get.Do(v.Context(), v.Desk, populations.Ref{Engagement: string(s.View.ID), Population: s.Population})
	if err != nil {
		return s, err
	}
	accepted := pop.Accepted()
	if accepted == nil {
		s.Sentence = fmt.Sprintf("%s is not accepted yet, so nothing can be drawn from it.", pop.Code)
		s.Form = site.FormView{}
		s.Rules = []string{"The list is sealed by " + s.View.Client.Name + " and then judged complete and accurate by you. Only after both is the committed number revealed."}
		s.Facts = []site.FactRow{{Key: "List", Value: pop.Code + " " + pop.Title, Href: s.base + "/populations/" + pop.Code}}
		return s, nil
	}
	n, err := s.View.Profile.Size(sample.Cadence(s.Cadence), sample.Risk(s.Risk), int(accepted.Rows))
	if err != nil {
		return s, err
	}
	confidence, tolerable := limitsOf(s.View.Profile, s.Risk)
	s.Sentence = fmt.Sprintf("%s of %s %s will be drawn, once.", site.Count(int64(n)), site.Count(accepted.Rows), s.many)
	if accepted.Rows == 0 {
		s.Sentence = "The list is sealed empty: nothing is drawn, and the control did not operate in the period."
	}
	s.Facts = []site.FactRow{
		{Key: "List", Value: fmt.Sprintf("%s %s, version %d, %s rows", pop.Code, pop.Title, accepted.Version, site.Count(accepted.Rows)), Href: s.base + "/populations/" + pop.Code},
		{Key: "Why " + site.Count(int64(n)), Value: fmt.Sprintf("%s version %d: %s, %s risk, %s items", s.View.Profile.Name, s.View.Profile.Version, readable(s.Cadence), s.Risk, site.Count(accepted.Rows))},
		{Key: "What it would prove", Value: worth(n, int(accepted.Rows), s.View.Profile.Limits(sample.Risk(s.Risk)), confidence, tolerable)},
		{Key: "Digest", Node: site.Digest(site.DigestView{Label: "list", Value: accepted.Digest, Short: true})},
		{Key: "Commitment", Node: site.Digest(site.DigestView{Label: "entry " + site.Count(pop.CommitEntry), Value: pop.Commitment, Short: true})},
	}
	s.Form = site.FormView{Action: s.work.work("/draw"), Buttons: []site.ButtonView{{Text: "Reveal the number and draw"}, {Text: "Not now", Href: s.work.work("")}}, Fields: []site.FieldView{
		{Kind: site.FieldRadio, Name: "method", Label: "Method", Value: string(sample.Random), Options: []site.Option{
			{Value: string(sample.Random), Text: "Random", Note: "An upper limit for the whole list can be stated."},
			{Value: string(sample.Systematic), Text: "Systematic", Note: "Equal distances from a random start. A limit can be stated if the list has no rhythm of its own."},
			{Value: string(sample.Stratified), Text: "Stratified", Note: "Shares by a field of the record, random within. Figures hold for each stratum; no limit for the whole."},
		}},
		{Name: "strata_by", Label: "Field that names the stratum", Optional: true, Mono: true, Short: true, Help: "For stratified only.", Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "100"}},
		site.OnceKey(),
	}}
	s.Rules = []string{
		"You committed to a secret number before " + s.View.Client.Name + " sealed the list, so neither could choose the other's part.",
		"The draw is made from the number, the list's digest, the control and the period. Anyone can repeat it and get the same items.",
		"A sample is drawn once. No item leaves it; evidence that cannot be found is a deviation.",
	}
	return s, nil
}

// worth is what a clean sample of that size would prove.
func worth(n, total int, l sample.Limits, confidence, tolerable string) string {
	switch {
	case n == 0:
		return "Nothing is tested"
	case n >= total:
		return "Every item is looked at: the rate will be exact"
	case !sample.Meaningful(n):
		return "So few items say little about the rest; no limit will be stated"
	}
	limit := site.Rate(site.ParseRate(fmt.Sprintf("%.4f", 100*sample.UpperLimit(n, 0, l.Confidence))))
	s := fmt.Sprintf("Without a deviation, at most %s deviate, at %s %% confidence", limit, confidence)
	if sample.UpperLimit(n, 0, l.Confidence) > l.Tolerable {
		return s + ": above the tolerable " + tolerable + " %"
	}
	return s + ": within the tolerable " + tolerable + " %"
}

func showDraw(v *site.Visit) error {
	s, err := readDraw(v)
	if err != nil {
		return err
	}
	return s.show(v)
}

func draw(v *site.Visit) error {
	return act(v, readDraw, func(in *procedures.Drawing, x step) error {
		in.Engagement, in.Control = string(x.View.ID), x.Control
		_, err := procedures.Draw.Do(v.Context(), v.Desk, *in)
		return err
	})
}

func readExtend(v *site.Visit) (step, error) {
	s, err := stepOf(v, auth.AuditWrite)
	if err != nil {
		return s, err
	}
	s.Name, s.RulesTitle = "Extend", "What an extension means"
	e := s.Evaluation
	s.Rules = []string{
		"The new items are the next of the same order. Earlier ones stay, and all are evaluated together.",
		"There is one extension. One more deviation, and the sample does not support the control.",
		"Looking twice weakens the stated confidence a little; the report says that the sample was extended.",
	}
	if !e.Extendable {
		s.Sentence = "This sample cannot be extended now."
		s.Rules = append([]string{or(s.next(), "An extension needs a complete sample, deviations that are all isolated, and a size at which more items would do.")}, s.Rules...)
		return s, nil
	}
	s.Sentence = fmt.Sprintf("%s more items would be tested, ranks %s to %s.", site.Capital(site.Spelled(e.Target-e.Size)), site.Count(int64(e.Size+1)), site.Count(int64(e.Target)))
	s.Facts = []site.FactRow{{Key: "So far", Value: e.Facts + ", upper limit " + rate(e.Limit)}, {Key: "Tolerable", Value: rate(e.Tolerable) + " at " + e.Confidence + " % confidence"}}
	s.Form = site.FormView{Action: s.work.work("/extend"), Buttons: []site.ButtonView{{Text: "Record the reason and extend"}, {Text: "Not now", Href: s.work.work("")}}, Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "reason", Label: "Reason", Help: "Why the deviation is taken to be isolated, and more items settle it. It is recorded before you see them.", Attrs: templ.Attributes{"maxlength": "2000"}},
		site.OnceKey(),
	}}
	return s, nil
}

func showExtend(v *site.Visit) error {
	s, err := readExtend(v)
	if err != nil {
		return err
	}
	return s.show(v)
}

func extend(v *site.Visit) error {
	return act(v, readExtend, func(in *procedures.Extending, x step) error {
		in.Engagement, in.Control = string(x.View.ID), x.Control
		_, err := procedures.Extend.Do(v.Context(), v.Desk, *in)
		return err
	})
}

// previewed is how many rows of the list the form of a full test shows.
const previewed = 20

func readFull(v *site.Visit) (step, error) {
	s, err := stepOf(v, auth.AuditWrite)
	if err != nil {
		return s, err
	}
	s.Name, s.RulesTitle = "Test every item", "What this means"
	attribute := site.FieldView{Kind: site.FieldRadio, Name: "attribute", Label: "Attribute"}
	for _, a := range s.Attributes {
		if a.Expression == "" {
			continue
		}
		note := a.Expression
		for _, r := range s.Runs {
			if r.Attribute == a.Letter {
				note += fmt.Sprintf("  (run on %s: %d agree, %d deviate, %d unknown)", r.At.In(s.Zone).Format("2 Jan"), r.Agrees, r.Deviates, r.Unknown)
			}
		}
		attribute.Options = append(attribute.Options, site.Option{Value: a.Letter, Text: a.Letter + " " + a.Text, Note: note, Chosen: len(attribute.Options) == 0})
	}
	s.Rules = []string{"A test of every item is no sample: the rate is exact, and no confidence is stated.", "A record that lacks a field is unknown, which is neither agreement nor deviation.", "Each deviation is recorded and classified like any other."}
	if len(attribute.Options) == 0 {
		s.Sentence = "No attribute of this plan has an expression."
		s.Rules = append([]string{"Give an attribute an expression in the plan, or test a sample."}, s.Rules...)
		return s, nil
	}
	s.Sentence = "Every item of " + s.Population + " is held against an expression."
	s.Form = site.FormView{Action: s.work.work("/full"), Buttons: []site.ButtonView{{Text: "Test every item"}, {Text: "Not now", Href: s.work.work("")}}, Fields: []site.FieldView{attribute, site.OnceKey()}}
	rows, err := populations.Rows.Do(v.Context(), v.Desk, populations.RowFilter{Engagement: string(s.View.ID), Population: s.Population, Limit: previewed})
	if err != nil {
		return s, nil // the list is not sealed: the act will say so
	}
	t := site.TableView{Caption: "The first rows", Density: "compact", Columns: []site.Column{{Head: "Item", Mono: true, Phone: site.PlaceFirst}, {Head: "What"}, {Head: "Record", Mono: true, Wide: true}}}
	for _, r := range rows.Items {
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.Words(r.Item), site.Words(r.Label), site.Words(string(r.Record))}})
	}
	s.Table = &t
	return s, nil
}

func showFull(v *site.Visit) error {
	s, err := readFull(v)
	if err != nil {
		return err
	}
	return s.show(v)
}

func full(v *site.Visit) error {
	return act(v, readFull, func(in *procedures.Running, x step) error {
		in.Engagement, in.Control = string(x.View.ID), x.Control
		_, err := procedures.Run.Do(v.Context(), v.Desk, *in)
		return err
	})
}

func readConclude(v *site.Visit) (step, error) {
	s, err := stepOf(v, auth.AuditWrite)
	if err != nil {
		return s, err
	}
	s.Name, s.RulesTitle = "Conclude", "Before you sign"
	s.Proposal = s.proposal()
	e := s.Evaluation
	s.Sentence = s.sentence()
	s.Facts = []site.FactRow{{Key: "Result", Value: e.Facts + " deviate"}}
	if e.Limit != "" {
		s.Facts = append(s.Facts, site.FactRow{Key: "Upper limit", Value: rate(e.Limit) + " at " + e.Confidence + " %, tolerable " + rate(e.Tolerable)})
	}
	decision := site.FieldView{Kind: site.FieldRadio, Name: "decision", Label: "What you conclude"}
	for _, d := range decisions {
		o := site.Option{Value: d.value, Text: d.text, Note: d.note}
		if d.value == e.Proposal {
			o.Note = "Proposed. " + o.Note
		}
		decision.Options = append(decision.Options, o)
	}
	s.Form = site.FormView{Action: s.work.work("/conclude"), Buttons: []site.ButtonView{{Text: "Record the conclusion as " + site.Initials(v.Actor.Name)}, {Text: "Not now", Href: s.work.work("")}}, Fields: []site.FieldView{
		decision,
		{Kind: site.FieldArea, Name: "reason", Label: "Reason", Optional: true, Help: "Needed where you differ from the proposal, revise an earlier conclusion, or cannot conclude.", Attrs: templ.Attributes{"maxlength": "4000"}},
		site.OnceKey(),
	}}
	s.Rules = []string{"The figures propose, you decide. Both are recorded, with your name.", "Another person of the firm reviews the workpaper after you."}
	for _, l := range s.Left {
		s.Rules = append([]string{"Left to do: " + stop(l)}, s.Rules...)
	}
	return s, nil
}

func showConclude(v *site.Visit) error {
	s, err := readConclude(v)
	if err != nil {
		return err
	}
	return s.show(v)
}

func conclude(v *site.Visit) error {
	return act(v, readConclude, func(in *procedures.Decision, x step) error {
		in.Engagement, in.Control = string(x.View.ID), x.Control
		_, err := procedures.Conclude.Do(v.Context(), v.Desk, *in)
		return err
	})
}

func readReview(v *site.Visit) (step, error) {
	s, err := stepOf(v, auth.AuditReview)
	if err != nil {
		return s, err
	}
	s.Name, s.RulesTitle = "Review", "Before you sign"
	s.Proposal = s.proposal()
	s.Sentence = s.sentence()
	s.Facts = s.signed()
	s.Form = site.FormView{Action: s.work.work("/review"), Buttons: []site.ButtonView{{Text: "Sign the review as " + site.Initials(v.Actor.Name)}, {Text: "Not now", Href: s.work.work("")}}, Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "comment", Label: "Comment", Optional: true, Help: "What you looked at, or asked and were answered.", Attrs: templ.Attributes{"maxlength": "4000"}},
		site.OnceKey(),
	}}
	s.Rules = []string{"A workpaper is reviewed by somebody who neither tested nor concluded it.", "A mark or a deviation that changes later makes the conclusion, and this review, stale."}
	if s.Conclusion == nil {
		s.Sentence, s.Form = "Nothing is concluded yet that could be reviewed.", site.FormView{}
	}
	return s, nil
}

func showReview(v *site.Visit) error {
	s, err := readReview(v)
	if err != nil {
		return err
	}
	return s.show(v)
}

func review(v *site.Visit) error {
	return act(v, readReview, func(in *procedures.Signature, x step) error {
		in.Engagement, in.Control = string(x.View.ID), x.Control
		_, err := procedures.Review.Do(v.Context(), v.Desk, *in)
		return err
	})
}

func readLink(v *site.Visit) (step, error) {
	s, err := stepOf(v, auth.AuditWrite)
	if err != nil {
		return s, err
	}
	s.Name, s.RulesTitle = "Link evidence", "Who sees what"
	items := v.R.Form["items"]
	if item := v.Query("item"); item != "" {
		items = []string{item}
	}
	s.Item = strings.Join(items, ", ")
	if len(items) == 0 {
		s.Sentence = "Choose an item of the grid first."
		return s, nil
	}
	list, err := engagements.Evidence.Do(v.Context(), v.Desk, engagements.EvidenceFilter{Engagement: string(s.View.ID), Limit: 100})
	if err != nil {
		return s, err
	}
	s.Sentence = "A record of " + s.View.Client.Name + " becomes evidence of " + s.Item + "."
	field := site.FieldView{Kind: site.FieldRadio, Name: "evidence", Label: "Record"}
	for _, r := range list.Items {
		field.Options = append(field.Options, site.Option{Value: string(r.ID), Text: r.Title, Note: fmt.Sprintf("%s, captured %s, level %d", site.Short(string(r.ID)), r.Captured.In(s.Zone).Format("2 Jan 2006, 15:04"), r.Level)})
	}
	s.Form = site.FormView{Action: s.work.work("/evidence"), Buttons: []site.ButtonView{{Text: "Link it"}, {Text: "Not now", Href: s.grid(items[0], "")}}, Fields: []site.FieldView{field, site.OnceKey()}}
	for _, item := range items {
		s.Form.Fields = append(s.Form.Fields, site.FieldView{Kind: site.FieldHidden, Name: "items", Value: item, Optional: true})
	}
	if len(field.Options) == 0 {
		s.Form = site.FormView{}
	}
	s.Rules = []string{
		s.View.Client.Name + " sees every item that was drawn as asked for, since the draw, and answers on its own page.",
		"What you link yourself is recorded as linked by the auditor, in the log of this engagement.",
		"Auditors send evidence back for reasons that are checked here: wrong period, wrong environment, no clock, more than one item on one record.",
	}
	return s, nil
}

func showLink(v *site.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return err
	}
	s, err := readLink(v)
	if err != nil {
		return err
	}
	return s.show(v)
}

func link(v *site.Visit) error {
	var in procedures.Linking
	if err := v.Form(&in); err != nil {
		return err
	}
	return act(v, readLink, func(_ *procedures.Linking, x step) error {
		in.Engagement, in.Control = string(x.View.ID), x.Control
		_, err := procedures.Link.Do(v.Context(), v.Desk, in)
		return err
	})
}
