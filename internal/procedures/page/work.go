package page

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/site"
)

// pageRows is how many items a page of the grid holds: enough that one is
// rarely left, few enough that it is drawn at once.
const pageRows = 100

// work is the workpaper of a control as its page shows it.
type work struct {
	View engagements.View
	procedures.Procedure
	paths
	May        bool
	Reviewer   bool
	Now        time.Time
	many, one  string // what its items are
	Title      string // of the population
	Grid       procedures.Grid
	Item       string // of the current cell
	Letter     string
	Pane       *site.PaneView
	Deviations []procedures.Deviation
	Zone       *time.Location
}

func showWork(v *site.Visit) error {
	x, err := readWork(v)
	if err != nil {
		return err
	}
	s := x.shell()
	if len(x.Grid.Rows) == 0 {
		return v.ShowIn(x.View.Engagement, s, emptyBody(x))
	}
	s.Rail, s.Scripts, s.Keys = true, []string{"js/testing.js"}, site.GridKeys()
	return v.ShowIn(x.View.Engagement, s, workBody(x))
}

func (x work) shell() site.Shell {
	return testingShell(x.View, x.Control+" testing", site.Crumb{Text: x.Control, Mono: true})
}

// readWork reads the workpaper with the page of its grid that holds the current
// cell, and the evidence of that cell.
func readWork(v *site.Visit) (work, error) {
	var x work
	e, err := open(v)
	if err != nil {
		return x, err
	}
	x, err = blank(v, e, v.Path("ref"))
	if err != nil {
		return x, err
	}
	ordinal, item := 0, procedures.ItemView{}
	if want := v.Query("item"); want != "" {
		if item, err = procedures.Evidence.Do(v.Context(), v.Desk, procedures.ItemRef{Engagement: string(e.ID), Control: x.Control, Item: want}); err != nil {
			return x, err
		}
		ordinal = item.Row.Ordinal
	} else if n, err := strconv.Atoi(v.Query("at")); err == nil {
		ordinal = n
	}
	if ordinal == 0 {
		ordinal = x.begins()
	}
	if err := x.turn(v, ordinal); err != nil || len(x.Grid.Rows) == 0 {
		return x, err
	}
	row := x.Grid.Rows[min(max(0, ordinal-x.Grid.Rows[0].Ordinal), len(x.Grid.Rows)-1)]
	x.Item, x.Letter = row.Item, x.letter(v.Query("a"), row)
	if item.Row.Item == "" {
		if item, err = procedures.Evidence.Do(v.Context(), v.Desk, procedures.ItemRef{Engagement: string(e.ID), Control: x.Control, Item: row.Item}); err != nil {
			return x, err
		}
	}
	pane := x.pane(item, x.Letter)
	x.Pane = &pane
	return x, nil
}

// begins is where work goes on: at the first item that is not tested, else at
// the first that deviates.
func (x work) begins() int {
	at := strings.IndexFunc(x.Grid.Strip, func(r rune) bool { return r != 't' && r != 'd' })
	if at < 0 {
		at = strings.IndexByte(x.Grid.Strip, 'd')
	}
	return 1 + max(0, at)
}

// blank is a workpaper without rows of its grid.
func blank(v *site.Visit, e engagements.View, control string) (work, error) {
	x := work{View: e, May: may(v), Reviewer: canReview(v), Now: v.Clock.Now(), Zone: clock.Zone(e.Zone)}
	grid, err := procedures.GridOp.Do(v.Context(), v.Desk, procedures.GridPart{Engagement: string(e.ID), Control: control, Limit: 1})
	if err != nil {
		return x, err
	}
	x.Grid, x.Procedure, x.paths = grid, grid.Procedure, at(e, grid.Procedure.Control)
	x.many, x.one = noun("")
	if x.Population != "" {
		p, err := populations.Get.Do(v.Context(), v.Desk, populations.Ref{Engagement: string(e.ID), Population: x.Population})
		if err != nil {
			return x, err
		}
		x.Title = p.Title
		x.many, x.one = noun(p.Title)
	}
	if x.Evaluation.Deviations > 0 {
		list, err := procedures.Deviations.Do(v.Context(), v.Desk, procedures.DeviationFilter{Engagement: string(e.ID), Control: x.Control})
		if err != nil {
			return x, err
		}
		x.Deviations = list.Items
	}
	return x, nil
}

// turn reads the page of rows that holds an ordinal.
func (x *work) turn(v *site.Visit, ordinal int) error {
	if x.Grid.Total == 0 {
		x.Grid.Rows = nil
		return nil
	}
	first := (min(max(1, ordinal), int(x.Grid.Total))-1)/pageRows*pageRows + 1
	part := procedures.GridPart{Engagement: string(x.View.ID), Control: x.Control, Limit: pageRows}
	if first > 1 {
		part.After = strconv.Itoa(first - 1)
	}
	grid, err := procedures.GridOp.Do(v.Context(), v.Desk, part)
	if err != nil {
		return err
	}
	x.Grid = grid
	return nil
}

// letter is the attribute of the current cell: the one asked for, else the
// first that is not tested, else the first.
func (x work) letter(want string, row procedures.Row) string {
	for _, a := range x.Attributes {
		if a.Letter == want {
			return want
		}
	}
	for _, c := range row.Cells {
		if c.Mark == procedures.Deviates {
			return c.Attribute
		}
	}
	for _, c := range row.Cells {
		if c.Mark == procedures.Untested {
			return c.Attribute
		}
	}
	if len(x.Attributes) > 0 {
		return x.Attributes[0].Letter
	}
	return ""
}

// showRows answers with a page of rows, for the script.
func showRows(v *site.Visit) error {
	e, err := open(v)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(v.Query("at"))
	if err != nil {
		n = 1
	}
	x := work{View: e, May: may(v), Zone: clock.Zone(e.Zone), Now: v.Clock.Now()}
	x.Procedure.Control = v.Path("ref")
	x.Grid.Total = int64(n) // corrected by what is read
	if err := x.turn(v, n); err != nil {
		return err
	}
	x.Procedure, x.paths = x.Grid.Procedure, at(e, x.Grid.Procedure.Control)
	g := x.gridView()
	g.Part = true
	return v.Fragment(rowsPart(g))
}

// ticks are the marks as the grid draws them.
var ticks = map[string]site.Tick{
	procedures.Agrees: site.TickAgrees, procedures.Deviates: site.TickDeviation, procedures.NotApplicable: site.TickNotAvail,
	procedures.Reperformed: site.TickReperformed, procedures.Untested: site.TickNone, "": site.TickNone,
}

func proposed(c procedures.Cell) site.Tick {
	switch c.Proposed {
	case "":
		return ""
	case procedures.Deviates:
		return site.TickDeviation
	case procedures.Agrees:
		return site.TickReperformed
	}
	return site.TickUnknown
}

// gridView is the grid as the page shows it.
func (x work) gridView() site.GridView {
	g := site.GridView{Label: "Items of " + x.Control, Noun: x.one, Total: int(x.Grid.Total), Item: x.Item, At: x.Letter, Locked: x.locked(),
		Pane: strings.Replace(x.item("ITEM"), "ITEM", "{item}", 1), Marks: x.work("/marks"), Find: x.work("/rows"), Asks: strings.Replace(x.work("/evidence?item=ITEM"), "ITEM", "{item}", 1),
		Attributes: x.attributes(nil, x.Letter)}
	if g.Noun == "" {
		g.Noun = "What"
	}
	for _, r := range x.Grid.Rows {
		if !r.At.IsZero() {
			g.When = "Date"
		}
		g.Rows = append(g.Rows, x.row(r))
	}
	if n := len(x.Grid.Rows); n > 0 {
		if first := x.Grid.Rows[0].Ordinal; first > 1 {
			g.Before = x.work("?at=" + strconv.Itoa(first-1))
		}
		if last := x.Grid.Rows[n-1].Ordinal; last < g.Total {
			g.After = x.work("?at=" + strconv.Itoa(last+1))
		}
	}
	return g
}

func (x work) row(r procedures.Row) site.GridRow {
	out := site.GridRow{Rank: r.Ordinal, Item: r.Item, Href: x.item(r.Item), Text: r.Label, Evidence: r.Records, By: r.By, Asked: x.asked(r.Ordinal), Stratum: r.Stratum}
	if r.Missed {
		out.Text = strings.TrimSpace(r.Label + " did not happen")
	}
	if !r.At.IsZero() {
		out.When = site.DayMonth(r.At.In(x.Zone))
	}
	for _, c := range r.Cells {
		cell := site.GridCell{Tick: ticks[c.Mark], Reason: c.Reason, Why: c.Why}
		if c.Mark == procedures.Untested || c.Mark == "" {
			cell.Proposed = proposed(c)
		} else {
			cell.Mark, cell.Why = c.Mark, ""
		}
		out.Deviates = out.Deviates || c.Mark == procedures.Deviates
		out.Cells = append(out.Cells, cell)
	}
	out.Deviates = out.Deviates || r.Missed
	return out
}

// asked reports whether nothing has come for an item yet.
func (x work) asked(ordinal int) bool {
	return ordinal >= 1 && ordinal <= len(x.Grid.Strip) && x.Grid.Strip[ordinal-1] == 'a'
}

// attributes of the procedure, with the marks of a row if there is one.
func (x work) attributes(cells []procedures.Cell, current string) []site.AttributeView {
	var out []site.AttributeView
	for i, a := range x.Attributes {
		v := site.AttributeView{Letter: a.Letter, Text: a.Text, Current: a.Letter == current}
		if i < len(cells) {
			v.Tick = ticks[cells[i].Mark]
		}
		if a.Expression != "" {
			v.Note = "by expression"
		}
		out = append(out, v)
	}
	return out
}

// locked says why nobody who looks can mark here.
func (x work) locked() string {
	switch {
	case !x.May:
		return "You may read this workpaper, not mark it."
	case x.View.State.Before(engagements.Fieldwork):
		return "Marks can be set once fieldwork has begun."
	case x.View.State == engagements.Withdrawn:
		return "The engagement has ended. This workpaper is closed."
	case closed(x.View):
		return "The work is signed off. This workpaper is closed."
	}
	return ""
}

// closed reports whether nothing is added to workpapers any more.
func closed(e engagements.View) bool {
	return e.State == engagements.SignOff || e.State == engagements.Issued || e.State == engagements.Withdrawn
}

// stripView is the test strip of all items.
func (x work) stripView() site.StripView {
	states := make([]site.StripState, 0, len(x.Grid.Strip))
	for _, r := range x.Grid.Strip {
		state := site.StripOpen
		switch r {
		case 't':
			state = site.StripTested
		case 'd':
			state = site.StripDeviation
		case 'p':
			state = site.StripPart
		case 'a':
			state = site.StripAsked
		}
		states = append(states, state)
	}
	items := make([]string, len(states))
	current := 0
	for _, r := range x.Grid.Rows {
		if r.Ordinal <= len(items) {
			items[r.Ordinal-1] = r.Item
		}
		if r.Item == x.Item {
			current = r.Ordinal
		}
	}
	v := site.NewStrip(states, items, current)
	v.States = x.Grid.Strip
	if x.Sample != nil && x.Sample.Method == string(sample.Stratified) {
		v.Unit = "Item"
	}
	return v
}

// sentence is what the numbers say so far.
func (x work) sentence() string {
	e := x.Evaluation
	if x.Basis == procedures.ByInspection && e.Size <= 1 {
		return x.inspected()
	}
	if e.Size == 0 {
		return x.unbegun()
	}
	s := site.Count(int64(e.Tested)) + " of " + site.Count(int64(e.Size)) + " " + x.many + " tested, "
	if e.Tested == e.Size {
		s = "All " + site.Spelled(e.Size) + " " + x.many + " tested, "
	}
	s += site.Several(e.Deviations, "deviation", "deviations") + "."
	switch {
	case x.Conclusion != nil && !x.Conclusion.Stale:
		return s + " Concluded: " + lower(decisionWord(x.Conclusion.Decision)) + "."
	case e.Tested == e.Size && e.Proposal != "":
		return s + " The figures propose: " + lower(decisionWord(e.Proposal)) + "."
	case len(e.Options) > 0 && e.Deviations > 0 && e.Options[0].Supports:
		return s + " A clean finish would support this control."
	case len(e.Options) > 0 && e.Deviations > 0:
		return s + " A clean finish would still not support this control."
	}
	return s
}

func (x work) inspected() string {
	e := x.Evaluation
	switch {
	case x.Conclusion != nil && !x.Conclusion.Stale:
		return "The control itself was looked at. Concluded: " + lower(decisionWord(x.Conclusion.Decision)) + "."
	case e.Tested == 0:
		return "The control itself is looked at. It is not tested yet."
	case e.Deviations > 0:
		return "The control itself was looked at, and is not as it is described."
	}
	return "The control itself was looked at, and is as it is described."
}

func (x work) unbegun() string {
	switch {
	case x.Evaluation.Proposal == procedures.NoOccurrence:
		return "Nothing occurred in the period that this control would act on."
	case x.Basis == procedures.InFull && len(x.Runs) == 0:
		return "Every item is tested by expression. No test has run yet."
	case x.Sample == nil:
		return "A plan stands. No sample is drawn yet."
	}
	return "A sample is drawn. Nothing is tested yet."
}

func lower(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// head is the sentence with its facts and acts.
func (x work) head() site.SentenceView {
	v := site.SentenceView{Text: x.sentence(), Work: true, Facts: []site.Fact{{Node: leadText(x.Control, x.Procedure.Title)}}}
	for _, c := range x.Criteria {
		v.Facts = append(v.Facts, site.Fact{Node: monoText(c)})
	}
	if text := x.drawn(); text != "" {
		v.Facts = append(v.Facts, site.Fact{Text: text, Href: x.base + "/populations/" + x.Population})
	}
	reviewer := ""
	if x.Conclusion != nil {
		reviewer = x.Conclusion.ReviewedBy
	}
	v.Facts = append(v.Facts, site.Fact{Text: "Tester", Person: x.TesterName}, site.Fact{Text: "Reviewer", Person: or(reviewer, "Nobody yet")})
	v.Actions = x.acts()
	return v
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// drawn says what the sample is: "POP-08, 60 of 240 drawn at random, high risk".
func (x work) drawn() string {
	s := x.Sample
	switch {
	case x.Population == "":
		return ""
	case s == nil || s.N == 0:
		return x.Population + ", " + x.Risk + " risk"
	case x.Basis == procedures.InFull:
		return fmt.Sprintf("%s, all %s by expression, %s risk", x.Population, site.Count(int64(s.Total)), x.Risk)
	}
	how := map[string]string{string(sample.Random): "drawn at random", string(sample.Systematic): "drawn systematically", string(sample.Stratified): "drawn by strata"}[s.Method]
	if how == "" {
		how = "to be looked at"
	}
	return fmt.Sprintf("%s, %s of %s %s, %s risk", x.Population, site.Count(int64(s.N)), site.Count(int64(s.Total)), how, x.Risk)
}

// acts are what can be done next; the one that is locked says how much is left.
func (x work) acts() []site.ButtonView {
	if !x.May || closed(x.View) {
		return nil
	}
	var out []site.ButtonView
	e := x.Evaluation
	switch {
	case x.Stage == "planned" && x.Basis == procedures.BySample:
		out = append(out, site.ButtonView{Text: "Change the plan", Href: x.work("/plan")}, site.ButtonView{Text: "Draw the sample", Kind: site.ButtonPrimary, Href: x.work("/draw")})
		return out
	case x.Stage == "planned" && x.Basis == procedures.InFull:
		return append(out, site.ButtonView{Text: "Change the plan", Href: x.work("/plan")}, site.ButtonView{Text: "Test every item", Kind: site.ButtonPrimary, Href: x.work("/full")})
	case x.Stage == "planned":
		out = append(out, site.ButtonView{Text: "Change the plan", Href: x.work("/plan")})
	}
	if x.Basis == procedures.InFull {
		out = append(out, site.ButtonView{Text: "Test every item", Href: x.work("/full")})
	}
	if len(x.Grid.Rows) > 0 {
		out = append(out, site.ButtonView{Text: "Link evidence", Key: "E", Href: x.work("/evidence?item=" + x.Item), Attrs: templ.Attributes{"data-testing-ask": "true"}})
	}
	if e.Extendable {
		out = append(out, site.ButtonView{Text: "Extend to " + site.Count(int64(e.Target)), Href: x.work("/extend")})
	}
	return append(out, x.concluding()...)
}

func (x work) concluding() []site.ButtonView {
	e, c := x.Evaluation, x.Conclusion
	switch {
	case len(x.Left) > 0:
		n := len(x.Left)
		if left := e.Size - e.Tested; left > 0 {
			n = left
		}
		b := site.ButtonView{Text: "Conclude: " + site.Count(int64(n)) + " left"}
		for _, l := range x.Left {
			b.Missing = append(b.Missing, site.Link{Text: site.Capital(strings.TrimSuffix(l, ".")), Href: x.missing(l)})
		}
		return []site.ButtonView{b}
	case c == nil || c.Stale:
		return []site.ButtonView{{Text: "Conclude", Kind: site.ButtonPrimary, Href: x.work("/conclude")}}
	case c.Reviewed.IsZero() && x.Reviewer:
		return []site.ButtonView{{Text: "Conclude anew", Href: x.work("/conclude")}, {Text: "Review", Kind: site.ButtonPrimary, Href: x.work("/review")}}
	}
	return []site.ButtonView{{Text: "Conclude anew", Href: x.work("/conclude")}}
}

// missing leads to where something that is left is done.
func (x work) missing(text string) string {
	switch {
	case strings.Contains(text, "deviation"):
		return x.base + "/deviations?control=" + x.ref
	case x.Sample == nil && x.Basis == procedures.BySample:
		return x.work("/draw")
	case x.Basis == procedures.InFull:
		return x.work("/full")
	}
	return x.work("?at=" + strconv.Itoa(x.begins()))
}
