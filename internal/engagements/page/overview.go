package page

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/site"
)

// overview is an engagement as one side sees it.
type overview struct {
	engagements.View
	Me       auth.Actor
	Now      time.Time
	About    string
	Criteria int
	Log      site.HistoryView // of the reader's own log
	work
}

func showOverview(v *site.Visit) error {
	x, err := readOverview(v)
	if err != nil {
		return err
	}
	return v.ShowIn(x.Engagement, site.Shell{Title: "Overview", Crumbs: []site.Crumb{{Text: "Overview"}}}, overviewBody(x))
}

func readOverview(v *site.Visit) (overview, error) {
	x := overview{Me: v.Actor, Now: v.Clock.Now()}
	var err error
	if x.View, err = get(v); err != nil {
		return x, err
	}
	if x.About, x.Criteria, err = about(x.Engagement); err != nil {
		return x, err
	}
	if x.Log, err = v.History("", string(x.ID), ""); err != nil {
		return x, err
	}
	x.work, err = readWork(v, x.View)
	return x, err
}

func (x overview) firm() bool { return x.Side == engagements.FirmSide }

// us is the side of the reader.
func (x overview) us() string {
	if x.firm() {
		return x.Firm.Name
	}
	return x.Client.Name
}

func (x overview) day(t time.Time) string {
	return t.In(clock.Zone(x.Engagement.Zone)).Format("2 January 2006")
}

// sentence is computed from the gate ahead.
func (x overview) sentence() string {
	switch {
	case x.State == engagements.Proposed && x.firm():
		return x.Client.Name + " asks " + x.Firm.Name + " to examine " + x.System + ". No partner has accepted yet."
	case x.State == engagements.Proposed:
		return x.Firm.Name + " has not accepted yet."
	case x.State == engagements.Issued:
		return "The report was issued on " + x.day(x.Since) + "."
	case x.State == engagements.Withdrawn:
		return "The engagement ended on " + x.day(x.Since) + " without a report."
	case x.Next == nil:
		return x.Name + " is " + x.State.Words() + "."
	case x.Next.Open && x.Next.Into == engagements.Issued:
		return "Everything that the report waits for is there. A partner can issue it."
	case x.Next.Open && x.turn() != x.us():
		return "Everything that " + noun(x.Next.Into) + " waits for is there. The next step is " + x.turn() + "’s."
	case x.Next.Open:
		return "Everything that " + noun(x.Next.Into) + " waits for is there. The next step is yours."
	}
	var parts []string
	for _, c := range x.Next.Conditions {
		if !c.Holds {
			parts = append(parts, x.lacks(c))
		}
	}
	if len(parts) > 3 {
		parts = append(parts[:2:2], site.Several(len(parts)-2, "further condition does not hold", "further conditions do not hold"))
	}
	return site.Capital(noun(x.Next.Into)) + " " + cannot(x.Next.Into) + ": " + listed(parts) + "."
}

// noun is a state as the subject of a sentence.
func noun(s engagements.State) string {
	switch s {
	case engagements.Planned:
		return "planning"
	case engagements.AsOf:
		return "the date"
	case engagements.Observing:
		return "observation"
	case engagements.PeriodClosed:
		return "the period"
	case engagements.DraftReport:
		return "the draft report"
	case engagements.SignOff:
		return "sign-off"
	case engagements.Issued:
		return "the report"
	}
	return s.Words()
}

func cannot(s engagements.State) string {
	switch s {
	case engagements.Planned:
		return "is not done"
	case engagements.AsOf:
		return "has not come"
	case engagements.PeriodClosed:
		return "cannot be closed"
	case engagements.Issued:
		return "cannot be issued"
	case engagements.DraftReport:
		return "cannot be drafted"
	}
	return "cannot begin"
}

// said are the ways in which the sentence speaks of what conditions miss, by
// the condition's title: one, and many.
var said = map[string][2]string{
	"Materiality and risk are considered":                            {"there is no audit plan", ""},
	"The date has come":                                              {"the day is not over", ""},
	"The period has begun":                                           {"the first day of the period has not come", ""},
	"The period is over":                                             {"its last day is not over", ""},
	"Every population is sealed and evaluated":                       {"population is not sealed and evaluated", "populations are not sealed and evaluated"},
	"Every population asked for is sealed and accepted":              {"population is not accepted", "populations are not accepted"},
	"Every criterion has a control that will be tested":              {"criterion has no control to be tested", "criteria have no control to be tested"},
	"Every sample is drawn":                                          {"sample is not drawn", "samples are not drawn"},
	"Every key control is concluded":                                 {"control is not concluded", "controls are not concluded"},
	deviationsTitle:                                                  {"control has deviations that are not classified", "controls have deviations that are not classified"},
	"Every planned control is concluded":                             {"control is not concluded", "controls are not concluded"},
	"Every workpaper is reviewed by somebody who did not prepare it": {"workpaper is not reviewed", "workpapers are not reviewed"},
	"Every criterion in scope is concluded":                          {"criterion is not concluded", "criteria are not concluded"},
	"A draft tells the last conclusions":                             {"no draft tells the last conclusions", ""},
	"Every part of the opinion is decided":                           {"part of the opinion is not decided", "parts of the opinion are not decided"},
	"Management has responded to the deviations":                     {"deviation has no response", "deviations have no response"},
	"Criteria and parts of the opinion are concluded":                {"conclusion is missing", "conclusions are missing"},
	"The words of the opinion are there":                             {"text of the opinion is missing", "texts of the opinion are missing"},
	"The newest draft says what the report will say":                 {"the newest draft does not say what the report will say", ""},
	"Management has signed its assertion on the newest draft":        {"management has not signed its assertion", ""},
}

// deviationsTitle is the condition that misses controls and is about their
// deviations, which both sides can count.
const deviationsTitle = "Every deviation is classified and put to management"

// lacks says what one condition misses.
func (x overview) lacks(c engagements.Held) string {
	words, known := said[c.Title]
	switch n := x.unclassified(); {
	case c.Title == deviationsTitle && n > 0:
		return site.Several(n, "deviation is not classified", "deviations are not classified")
	case known && words[1] == "":
		return words[0]
	case known:
		return site.Several(c.Count, words[0], words[1])
	}
	return "“" + c.Title + "” misses " + site.Several(c.Count, "thing", "things")
}

func (x overview) facts() []site.Fact {
	out := []site.Fact{{Text: "SOC 2 " + typeWord(x.Engagement), Href: href(x.Engagement, "/plan")}, {Text: site.Capital(period(x.Engagement))},
		{Text: x.About + ": " + site.Plural(x.Criteria, "criterion", "criteria") + x.keys()}, {Text: site.LongDate(x.Now.In(clock.Zone(x.Engagement.Zone)))}}
	if x.Partner != "" {
		out = append(out, site.Fact{Text: "Partner", Person: x.Partner})
	}
	return out
}

func (x overview) keys() string {
	if n := x.Squares.All.Total(); n > 0 {
		return ", " + site.Plural(n, "key control", "key controls")
	}
	return ""
}

// acts are what this person may do with the engagement as a whole.
func (x overview) acts() []site.ButtonView {
	var out []site.ButtonView
	if x.firm() && x.Me.May(auth.AuditSign) && !over(x.Engagement) {
		out = append(out, site.ButtonView{Text: "Withdraw", Href: href(x.Engagement, "/withdraw")})
	}
	if b, ok := x.onward(); ok {
		out = append(out, b)
	}
	return out
}

// onward is the act that takes the engagement to its next state, locked while
// its gate is.
func (x overview) onward() (site.ButtonView, bool) {
	switch {
	case x.State == engagements.Proposed:
		return site.ButtonView{Text: "Accept the engagement", Kind: site.ButtonPrimary, Href: href(x.Engagement, "/accept")}, x.firm() && x.Me.May(auth.AuditSign)
	case x.Next == nil || !x.mayEnter(x.Next.Into):
		return site.ButtonView{}, false
	case !x.Next.Open:
		return site.ButtonView{Text: stateWord(x.Next.Into) + ": " + site.Count(int64(lacking(x.Next))) + " missing", Missing: x.missing()}, true
	case x.Next.Into == engagements.Issued:
		return site.ButtonView{Text: "Issue the report", Kind: site.ButtonPrimary, Href: href(x.Engagement, "/report")}, true
	}
	return site.ButtonView{Text: act(x.Next.Into), Kind: site.ButtonPrimary, Href: href(x.Engagement, "/advance"), Opens: advanceDialog}, true
}

// advanceDialog is the id of the dialog that asks before a state is entered.
const advanceDialog = "advance"

// offers reports whether the page carries that dialog.
func (x overview) offers() bool {
	b, ok := x.onward()
	return ok && b.Opens != ""
}

// mayEnter reports whether this person is of the side that enters a state, and
// may.
func (x overview) mayEnter(s engagements.State) bool {
	switch s {
	case engagements.SignOff:
		return !x.firm() && x.Me.May(auth.EngageWrite)
	case engagements.Issued:
		return x.firm() && x.Me.May(auth.AuditSign)
	}
	return x.firm() && x.Me.May(auth.EngageWrite)
}

// missingShown is how many missing things a locked button lists.
const missingShown = 8

// missing are the things that the gate waits for, each a link.
func (x overview) missing() []site.Link {
	var out []site.Link
	for _, c := range x.Next.Conditions {
		if c.Holds {
			continue
		}
		if len(c.Missing) == 0 {
			out = append(out, site.Link{Text: c.Title, Href: href(x.Engagement, "#gate")})
		}
		for _, m := range c.Missing {
			out = append(out, site.Link{Text: site.Capital(m.Text), Href: x.to(m)})
		}
	}
	if n := len(out) - missingShown; n > 0 {
		out = append(out[:missingShown:missingShown], site.Link{Text: site.Count(int64(n)) + " more, in the gate", Href: href(x.Engagement, "#gate")})
	}
	return out
}

// to is the address of what is missing; the gate itself for what only time
// brings.
func (x overview) to(m engagements.Missing) string {
	if m.Href == "" {
		return href(x.Engagement, "#gate")
	}
	return href(x.Engagement, m.Href)
}

// path is the state path. The proposal is part of it only while it is one.
func (x overview) path() []site.PathStep {
	var out []site.PathStep
	for _, s := range x.Steps {
		if s.State == engagements.Proposed && x.State != engagements.Proposed {
			continue
		}
		p := site.PathStep{Text: stateWord(s.State), State: site.PathFuture}
		switch s.Status {
		case "done":
			p.State, p.Note = site.PathDone, x.entered(s)
		case "now":
			p.State, p.Note = site.PathNow, "since "+x.dayOf(s.At)
		case "next":
			if x.Next != nil && !x.Next.Open {
				p.State, p.Note, p.Href = site.PathLocked, site.Count(int64(lacking(x.Next)))+" missing", href(x.Engagement, "#gate")
			} else {
				p.Note = "can begin"
			}
		}
		if s.State == x.State && over(x.Engagement) {
			p.State, p.Note = site.PathDone, x.dayOf(s.At)
		}
		out = append(out, p)
	}
	return out
}

// entered says when a state was entered; of the observation, which days it was
// about.
func (x overview) entered(s engagements.Step) string {
	if s.State == engagements.Observing && x.Type == scopes.TypeII {
		return civil(x.Starts, "2 Jan") + " to " + civil(x.Ends, "2 Jan")
	}
	return x.dayOf(s.At)
}

func (x overview) dayOf(t time.Time) string {
	return t.In(clock.Zone(x.Engagement.Zone)).Format("2 Jan 06")
}

// gate is the card of what the next state waits for.
func (x overview) gate() site.GateView {
	var g site.GateView
	for _, c := range x.Next.Conditions {
		r := site.GateRow{Holds: c.Holds, Text: c.Title, Note: site.Capital(strings.TrimSuffix(c.Note, "."))}
		if !c.Holds {
			r.Missing = site.Count(int64(c.Count)) + " missing"
		}
		for _, m := range c.Missing {
			l := site.Link{Text: site.Capital(m.Text)}
			if m.Href != "" {
				l.Href = href(x.Engagement, m.Href)
			}
			r.Things = append(r.Things, l)
		}
		g.Rows = append(g.Rows, r)
	}
	return g
}

// hidden says that the client sees of some conditions only how many things
// they miss.
func (x overview) hidden() bool {
	if x.firm() || x.Next == nil {
		return false
	}
	for _, c := range x.Next.Conditions {
		if !c.Holds && len(c.Missing) == 0 {
			return true
		}
	}
	return false
}

// byCriterion leads to the same, criterion by criterion, which is the firm's.
func (x overview) byCriterion() templ.Component {
	if !x.firm() || !x.Me.May(auth.AuditRead) {
		return nil
	}
	return site.LinkText(site.Link{Text: "By criterion", Href: href(x.Engagement, "/conclusions")})
}
