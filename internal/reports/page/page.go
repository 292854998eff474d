// Package page holds the pages of the report: its prints, the words that each
// side supplies, the assertion that management signs, and the act of issuing.
package page

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/reports"
	"github.com/tickmark/tickmark/internal/site"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /engagements/{id}/report", Handle: show},
		{Pattern: "POST /engagements/{id}/report/draft", Handle: draft},
		{Pattern: "GET /engagements/{id}/report/prints/{report}", Handle: download},
		{Pattern: "GET /engagements/{id}/report/texts/{place}", Handle: showText},
		{Pattern: "POST /engagements/{id}/report/texts/{place}", Handle: setText},
		{Pattern: "GET /engagements/{id}/report/assertion", Handle: showAssertion},
		{Pattern: "POST /engagements/{id}/report/assertion", Handle: sign},
		{Pattern: "GET /engagements/{id}/report/issue", Handle: showIssue},
		{Pattern: "POST /engagements/{id}/report/issue", Handle: issue},
	}
}

// book is the report with what this person may do.
type book struct {
	reports.Book
	Room                engagements.View
	Me                  string
	Firm                bool
	MayPrint, MayWrite  bool
	MayAssert, MayIssue bool
	Now                 time.Time
}

func read(v *site.Visit) (book, error) {
	x := book{Me: v.Actor.Name, Now: v.Clock.Now(), MayPrint: v.Actor.May(auth.AuditWrite), MayWrite: v.Actor.May(auth.EngageWrite),
		MayAssert: v.Actor.May(auth.AssertSign), MayIssue: v.Actor.May(auth.AuditSign)}
	var err error
	if x.Room, err = engagements.Get.Do(v.Context(), v.Desk, engagements.Ref{ID: v.Path("id")}); err != nil {
		return x, err
	}
	x.Firm = x.Room.Side == engagements.FirmSide
	x.Book, err = reports.Get.Do(v.Context(), v.Desk, reports.Ref{Engagement: v.Path("id")})
	return x, err
}

func (x book) at(part string) string { return site.EngagementHref(x.Room.Engagement, "/report"+part) }

func (x book) shell(title string, crumbs ...site.Crumb) site.Shell {
	return site.Shell{Title: title, Current: x.at(""), Crumbs: append([]site.Crumb{{Text: "Report", Href: x.at("")}}, crumbs...)}
}

func show(v *site.Visit) error {
	x, err := read(v)
	if err != nil {
		return err
	}
	return v.ShowIn(x.Room.Engagement, x.shell("Report"), bookBody(x))
}

func (x book) over() bool { return x.State == engagements.Issued || x.State == engagements.Withdrawn }

// printable says whether a draft can be printed in this state.
func (x book) printable() bool { return !x.over() && !x.State.Before(engagements.DraftReport) }

// lacks are the things that issuing waits for.
func (x book) lacks() []site.Link {
	var out []site.Link
	if x.State != engagements.SignOff {
		out = append(out, site.Link{Text: "The engagement is " + x.State.Words() + ", not at sign-off", Href: site.EngagementHref(x.Room.Engagement, "")})
	}
	if x.Gate == nil {
		return out
	}
	for _, c := range x.Gate.Conditions {
		for _, m := range c.Missing {
			out = append(out, site.Link{Text: site.Capital(m.Text), Href: site.EngagementHref(x.Room.Engagement, m.Href)})
		}
	}
	return out
}

// sentence is the truth of the page in one line, for the side that reads it.
func (x book) sentence() string {
	final, newest := x.Final(), x.Newest()
	switch {
	case x.State == engagements.Withdrawn:
		return x.Room.Firm.Name + " withdrew. There is no report."
	case final != nil:
		return fmt.Sprintf("The report was issued on %s by %s.", final.At.Format("2 January 2006"), final.Actor)
	case !x.Firm:
		return x.clientSentence(newest)
	case newest == nil && x.printable():
		return "No draft is printed yet."
	case newest == nil:
		return fmt.Sprintf("No draft yet: %s is %s.", x.Name, x.State.Words())
	case len(x.Changed) > 0:
		return fmt.Sprintf("Print %d is out of date: %s %s something else now.", newest.Number, strings.Join(x.Changed, ", "), map[bool]string{true: "says", false: "say"}[len(x.Changed) == 1])
	case len(x.lacks()) == 0:
		return "The report can be issued."
	}
	return fmt.Sprintf("Print %d is the newest draft. Issuing waits for %s.", newest.Number, site.Several(int64(len(x.lacks())), "thing", "things"))
}

func (x book) clientSentence(newest *reports.Print) string {
	switch {
	case newest == nil:
		return fmt.Sprintf("%s has not given you a draft yet.", x.Room.Firm.Name)
	case x.State == engagements.SignOff && (x.Assertion == nil || !x.Assertion.Newest):
		return fmt.Sprintf("Print %d waits for management's signed assertion.", newest.Number)
	case x.Assertion != nil && x.Assertion.Newest:
		return fmt.Sprintf("The assertion is signed by %s. %s issues the report.", x.Assertion.Name, x.Room.Firm.Name)
	}
	return fmt.Sprintf("Print %d is the draft to answer to.", newest.Number)
}

func (x book) facts() []site.Fact {
	out := []site.Fact{{Text: typeWord(x.Type)}, {Text: x.Room.System}}
	if n := x.Empty["firm"]; n > 0 && x.Firm {
		out = append(out, site.Fact{Text: site.Plural(int64(n), "text", "texts") + " of " + x.Room.Firm.Name + " not supplied"})
	}
	if n := x.Empty["client"]; n > 0 {
		out = append(out, site.Fact{Text: site.Plural(int64(n), "text", "texts") + " of " + x.Room.Client.Name + " not supplied"})
	}
	return out
}

func (x book) acts() []site.ButtonView {
	var out []site.ButtonView
	switch {
	case x.Final() != nil:
		out = append(out, site.ButtonView{Text: "Download the report", Icon: site.IconDownload, Kind: site.ButtonPrimary, Href: x.at("/prints/" + string(x.Final().ID))})
	case x.over():
	case x.Firm:
		if x.MayIssue && !x.State.Before(engagements.ManagementReview) {
			b := site.ButtonView{Text: "Issue", Kind: site.ButtonPrimary, Href: x.at("/issue")}
			if len(x.lacks()) > 0 {
				b = x.locked()
			}
			out = append(out, b)
		}
	case x.MayAssert && x.State == engagements.SignOff && x.Newest() != nil:
		b := site.ButtonView{Text: "Sign the assertion", Kind: site.ButtonPrimary, Href: x.at("/assertion")}
		if x.Assertion != nil && x.Assertion.Newest {
			b = site.ButtonView{Text: "Sign another assertion", Href: x.at("/assertion")}
		}
		out = append(out, b)
	}
	return out
}

// locked is the act of issuing while something is missing.
func (x book) locked() site.ButtonView {
	lacks := x.lacks()
	return site.ButtonView{Text: fmt.Sprintf("Issue: %d missing", len(lacks)), Missing: lacks}
}

func typeWord(t string) string {
	if strings.HasSuffix(t, "1") {
		return "SOC 2 Type I"
	}
	return "SOC 2 Type II"
}

func (x book) prints() site.TableView {
	t := site.TableView{ID: "prints", Caption: "Prints of the report", Columns: []site.Column{{Head: "Print", Phone: site.PlaceFirst}, {Head: "What", Phone: site.PlaceEnd}, {Head: "Printed"}, {Head: "By"},
		{Head: "Entry", Num: true}, {Head: "SHA-256", Mono: true, Wide: true}}, Empty: x.noPrint()}
	for _, p := range x.Prints {
		href := x.at("/prints/" + string(p.ID))
		what := site.Mark(site.StatusNotStarted, "Draft")
		switch {
		case p.Kind == reports.KindFinal:
			what = site.Mark(site.StatusPass, "Report")
		case x.Assertion != nil && x.Assertion.Report == p.ID:
			what = site.Mark(site.StatusNotStarted, "Draft, asserted on")
		case x.Newest() != nil && p.ID != x.Newest().ID:
			what = site.Mark(site.StatusNotApplicable, "Earlier draft")
		}
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{{Text: strconv.FormatInt(p.Number, 10) + ", PDF", Href: href, Strong: true}, what, site.Node(site.Moment(p.At)), site.Node(site.Person(p.Actor)),
			site.Number(p.Entry, x.entry(p.Entry)), site.Node(site.Digest(site.DigestView{Value: p.SHA256, Short: true}))}})
	}
	return t
}

// entry leads to an entry of the engagement's log, which the firm may open.
func (x book) entry(n int64) string {
	if !x.Firm {
		return ""
	}
	return site.EngagementHref(x.Room.Engagement, "/log/"+strconv.FormatInt(n, 10))
}

func (x book) noPrint() site.EmptyView {
	if !x.Firm {
		return site.EmptyView{Title: "No draft yet.", Text: "It appears here when " + x.Room.Firm.Name + " gives it to management."}
	}
	if x.printable() {
		return site.EmptyView{Title: "No draft yet.", Text: "A draft tells every conclusion as it stands, and marks what nobody has supplied."}
	}
	return site.EmptyView{Title: "No draft yet.", Text: "It can be printed once every criterion is concluded.", Link: site.Link{Text: "Conclusions", Href: site.EngagementHref(x.Room.Engagement, "/conclusions")}}
}

// A chapter is a section of the report with its places.
type chapter struct {
	Number string
	Places []reports.Place
}

func (x book) chapters() []chapter {
	var out []chapter
	for _, p := range x.Places {
		if len(out) == 0 || out[len(out)-1].Number != p.Section {
			out = append(out, chapter{Number: p.Section})
		}
		last := &out[len(out)-1]
		last.Places = append(last.Places, p)
	}
	return out
}

var chapterTitles = map[string]string{"I": "Section I, the auditor's report", "II": "Section II, the assertion", "III": "Section III, the system", "IV": "Section IV, tests and results", "V": "Section V, other information"}

func (c chapter) note() string {
	n := 0
	for _, p := range c.Places {
		if p.Text != "" {
			n++
		}
	}
	return fmt.Sprintf("%d of %d supplied", n, len(c.Places))
}

func (x book) texts(c chapter) site.TableView {
	t := site.TableView{ID: "section-" + c.Number, Caption: chapterTitles[c.Number], Columns: []site.Column{{Head: "Place", Phone: site.PlaceFirst}, {Head: "Words", Wide: true}, {Head: "Act", Phone: site.PlaceEnd}}}
	for _, p := range c.Places {
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.Node(placeName(p)), site.Node(placeWords(x, p)), site.Node(placeAct(x, p))}})
	}
	return t
}

// mine reports whether this person may supply the words for a place.
func (x book) mine(p reports.Place) bool {
	side := "client"
	if x.Firm {
		side = "firm"
	}
	return p.Side == side && x.MayWrite && !x.over()
}

// party is who supplies the words for a place.
func (x book) party(p reports.Place) string {
	if p.Side == "firm" {
		return x.Room.Firm.Name
	}
	return x.Room.Client.Name
}

// brief is the beginning of a text.
func brief(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 140 {
		return string(r[:140]) + "…"
	}
	return s
}

func (x book) gate() site.GateView {
	var g site.GateView
	for _, c := range x.Gate.Conditions {
		row := site.GateRow{Holds: c.Holds, Text: c.Title, Note: c.Note}
		if !c.Holds {
			row.Missing = strconv.Itoa(c.Count) + " missing"
		}
		for _, m := range c.Missing {
			row.Things = append(row.Things, site.Link{Text: site.Capital(m.Text), Href: site.EngagementHref(x.Room.Engagement, m.Href)})
		}
		g.Rows = append(g.Rows, row)
	}
	return g
}

func (x book) parts() []site.FactRow {
	var out []site.FactRow
	for _, p := range x.Parts {
		row := site.FactRow{Key: partName(p.Part), Value: "Not decided", Status: site.StatusNotStarted}
		if p.Decision.Stands() {
			row.Value, row.Status = site.Capital(p.Decision.Value), ""
		}
		out = append(out, row)
	}
	return out
}

func partName(part string) string {
	return map[string]string{opinions.Description: "Description", opinions.Design: "Design", opinions.Operation: "Operation"}[part]
}

func draft(v *site.Visit) error {
	in := reports.Ref{}
	if err := v.Form(&in); err != nil {
		return err
	}
	in.Engagement = v.Path("id")
	if _, err := reports.Draft.Do(v.Context(), v.Desk, in); err != nil {
		return err
	}
	return v.Goto("/engagements/" + in.Engagement + "/report")
}

// download hands a print out as a file.
func download(v *site.Visit) error {
	f, err := reports.PDF.Do(v.Context(), v.Desk, reports.PrintRef{Engagement: v.Path("id"), Report: v.Path("report")})
	if err != nil {
		return err
	}
	h := v.W.Header()
	h.Set("Content-Type", f.MediaType)
	h.Set("Content-Disposition", `attachment; filename="`+f.Name+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(f.Data)))
	v.W.WriteHeader(http.StatusOK)
	if _, err := v.W.Write(f.Data); err != nil {
		v.Log.Debug("report: a download was cut short", "err", err)
	}
	return nil
}

// paragraphs are a text as it is shown for signing: its paragraphs, each with
// its lines, in order and nothing left out.
func paragraphs(text string) [][]string {
	var out [][]string
	for _, p := range strings.Split(text, "\n\n") {
		if p = strings.Trim(p, "\n"); p != "" {
			out = append(out, strings.Split(p, "\n"))
		}
	}
	return out
}

// modified reports whether the firm has decided any part otherwise than
// unmodified.
func (x book) modified() bool {
	return slices.ContainsFunc(x.Parts, func(p opinions.Part) bool { return p.Decision.Stands() && p.Decision.Value != opinions.Unmodified })
}

// refuse puts what was wrong into the form; an error that is no fault of the
// form goes on to an error page.
func refuse(v *site.Visit, f *site.FormView, err error) bool {
	f.Keep(v.R.PostForm)
	return fault.KindOf(err) != fault.KindDenied && f.Refused(err)
}
