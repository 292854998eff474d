// Package page holds the pages of testing: the workpapers of an engagement, the
// testing grid of one, its deviations, and the client's page of what was drawn.
package page

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/site"
)

// Routes are the pages of this package. Items lie below a word of their own,
// because an item may be called like an act.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /engagements/{id}/testing", Handle: showList},
		{Pattern: "GET /engagements/{id}/plan-test", Handle: showNewPlan},
		{Pattern: "POST /engagements/{id}/plan-test", Handle: plan},
		{Pattern: "GET /engagements/{id}/testing/{ref}", Handle: showWork},
		{Pattern: "GET /engagements/{id}/testing/{ref}/rows", Handle: showRows},
		{Pattern: "POST /engagements/{id}/testing/{ref}/marks", Handle: setMark},
		{Pattern: "GET /engagements/{id}/testing/{ref}/plan", Handle: showPlan},
		{Pattern: "POST /engagements/{id}/testing/{ref}/plan", Handle: plan},
		{Pattern: "GET /engagements/{id}/testing/{ref}/draw", Handle: showDraw},
		{Pattern: "POST /engagements/{id}/testing/{ref}/draw", Handle: draw},
		{Pattern: "GET /engagements/{id}/testing/{ref}/extend", Handle: showExtend},
		{Pattern: "POST /engagements/{id}/testing/{ref}/extend", Handle: extend},
		{Pattern: "GET /engagements/{id}/testing/{ref}/full", Handle: showFull},
		{Pattern: "POST /engagements/{id}/testing/{ref}/full", Handle: full},
		{Pattern: "GET /engagements/{id}/testing/{ref}/conclude", Handle: showConclude},
		{Pattern: "POST /engagements/{id}/testing/{ref}/conclude", Handle: conclude},
		{Pattern: "GET /engagements/{id}/testing/{ref}/review", Handle: showReview},
		{Pattern: "POST /engagements/{id}/testing/{ref}/review", Handle: review},
		{Pattern: "GET /engagements/{id}/testing/{ref}/evidence", Handle: showLink},
		{Pattern: "POST /engagements/{id}/testing/{ref}/evidence", Handle: link},
		{Pattern: "GET /engagements/{id}/testing/{ref}/items/{item}", Handle: showItem},
		{Pattern: "GET /engagements/{id}/testing/{ref}/{item}", Handle: toItem},
		{Pattern: "GET /engagements/{id}/records/{evidence}", Handle: showRecord},
		{Pattern: "GET /engagements/{id}/deviations", Handle: showDeviations},
		{Pattern: "GET /engagements/{id}/deviations/{dev}", Handle: showDeviation},
		{Pattern: "POST /engagements/{id}/deviations/{dev}", Handle: classify},
		{Pattern: "POST /engagements/{id}/deviations/{dev}/response", Handle: respond},
		{Pattern: "GET /engagements/{id}/items", Handle: showAsked},
		{Pattern: "GET /engagements/{id}/items/{ref}", Handle: showDrawn},
		{Pattern: "GET /engagements/{id}/items/{ref}/answer", Handle: showAnswer},
		{Pattern: "POST /engagements/{id}/items/{ref}/answer", Handle: answer},
	}
}

// open reads the engagement that the address names, without its gates: they are
// not shown here, and to ask them at every step of a cursor would be dear.
func open(v *site.Visit) (engagements.View, error) {
	all, err := engagements.List.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return engagements.View{}, err
	}
	for _, e := range all.Items {
		if string(e.ID) == v.Path("id") {
			side := engagements.ClientSide
			if v.FirmSide(e) {
				side = engagements.FirmSide
			}
			return engagements.View{Engagement: e, Side: side}, nil
		}
	}
	return engagements.View{}, fault.NotFound("There is no engagement %s.", v.Path("id"))
}

// paths are the addresses of one engagement, and of one control within it.
type paths struct{ base, ref string }

func at(e engagements.View, control string) paths {
	return paths{"/engagements/" + string(e.ID), url.PathEscape(control)}
}

func (p paths) work(part string) string { return p.base + "/testing/" + p.ref + part }

func (p paths) item(item string) string { return p.work("/items/" + url.PathEscape(item)) }

func (p paths) cell(item, letter string) string { return p.item(item) + "?a=" + letter }

// grid is the workpaper with one cell chosen.
func (p paths) grid(item, letter string) string {
	return p.work("?" + url.Values{"item": {item}, "a": {letter}}.Encode())
}

func (p paths) deviation(id string) string { return p.base + "/deviations/" + id }

// private says on a workpaper who does not see it.
func private(e engagements.View) string { return "not visible to " + e.Client.Name }

func testingShell(e engagements.View, title string, crumbs ...site.Crumb) site.Shell {
	return site.Shell{Title: title, Private: private(e),
		Crumbs: append([]site.Crumb{{Text: "Testing", Href: "/engagements/" + string(e.ID) + "/testing"}}, crumbs...)}
}

func workShell(e engagements.View, control, title string) site.Shell {
	return testingShell(e, control+" "+title, site.Crumb{Text: control, Href: at(e, control).work(""), Mono: true}, site.Crumb{Text: title})
}

// may reports whether this person works for the firm on it.
func may(v *site.Visit) bool { return v.Actor.May(auth.AuditWrite) }

// message is what a refused act says, without the name of a field.
func message(err error) string {
	if f := fault.As(err); f != nil && f.Kind != fault.KindInternal {
		return stop(f.Message)
	}
	return ""
}

// readable makes a readable text of an identifier such as many_times_a_day.
func readable(s string) string { return strings.NewReplacer("_", " ", "-", " ").Replace(s) }

func stop(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return site.Capital(s) + "."
}

// noun is what the items of a list are: "changes" of "Production changes
// deployed".
func noun(title string) (many, one string) {
	list := strings.Fields(strings.ToLower(title))
	for i := len(list) - 1; i >= 0; i-- {
		w := list[i]
		if len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") && strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") == "" {
			return w, site.Capital(singular(w))
		}
	}
	return "items", "What"
}

func singular(s string) string {
	if base, ok := strings.CutSuffix(s, "ies"); ok {
		return base + "y"
	}
	return strings.TrimSuffix(s, "s")
}

// decisions are how a conclusion is said, and when it is the one to take.
var decisions = []struct{ value, text, note string }{
	{procedures.Effective, "Operated effectively", "No deviation that matters."},
	{procedures.WithDeviations, "Operated effectively, deviations disclosed", "Isolated deviations within the tolerable rate."},
	{procedures.NotEffective, "Did not operate effectively", "Too many deviations, or a systematic one."},
	{procedures.NotDesigned, "Not suitably designed", "Even when it operates, the control does not do what it should."},
	{procedures.NoOccurrence, "Did not operate in the period", "Nothing occurred that it would act on."},
	{procedures.Undetermined, "Undetermined", "The list or its evidence could not be relied on: a limitation of scope."},
}

func decisionWord(d string) string {
	for _, x := range decisions {
		if x.value == d {
			return x.text
		}
	}
	if d == procedures.Judgement {
		return "The auditor's judgement is needed"
	}
	return site.Capital(readable(d))
}

// rate writes a percentage of an evaluation: "11.8854 %".
func rate(s string) string {
	if s == "" {
		return "–"
	}
	return s + " %"
}

// rate2 writes it with the two decimals that a running figure needs.
func rate2(s string) string {
	if s == "" {
		return "–"
	}
	n := (site.ParseRate(s) + 50) / 100
	if n == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%d.%02d %%", n/100, n%100)
}
