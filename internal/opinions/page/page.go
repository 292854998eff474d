// Package page holds the pages on which a firm concludes: all criteria with
// what is proposed and decided, one criterion, and the parts of the opinion.
package page

import (
	"fmt"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/words"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /engagements/{id}/conclusions", Handle: showAll},
		{Pattern: "GET /engagements/{id}/conclusions/accept", Handle: showAccept},
		{Pattern: "POST /engagements/{id}/conclusions/accept", Handle: accept},
		{Pattern: "GET /engagements/{id}/conclusions/parts/{part}", Handle: showPart},
		{Pattern: "POST /engagements/{id}/conclusions/parts/{part}", Handle: decide},
		{Pattern: "GET /engagements/{id}/conclusions/{criterion}", Handle: showCriterion},
		{Pattern: "POST /engagements/{id}/conclusions/{criterion}", Handle: judge},
	}
}

// whole is everything that these pages show.
type whole struct {
	opinions.Conclusions
	Room engagements.View
	// Review says that this person may decide the parts of the opinion.
	Review bool
}

func read(v *site.Visit) (whole, error) {
	var x whole
	var err error
	if err := v.Actor.Require(auth.AuditRead); err != nil {
		return x, err
	}
	if x.Room, err = engagements.Get.Do(v.Context(), v.Desk, engagements.Ref{ID: v.Path("id")}); err != nil {
		return x, err
	}
	x.Review = v.Actor.May(auth.AuditReview)
	x.Conclusions, err = opinions.Get.Do(v.Context(), v.Desk, opinions.Ref{Engagement: v.Path("id")})
	return x, err
}

func (x whole) at(part string) string {
	return site.EngagementHref(x.Room.Engagement, "/conclusions"+part)
}

func (x whole) shell(title string, crumbs ...site.Crumb) site.Shell {
	return site.Shell{Title: title, Current: x.at(""), Private: "not visible to " + x.Room.Client.Name,
		Crumbs: append([]site.Crumb{{Text: "Conclusions", Href: x.at("")}}, crumbs...)}
}

func (x whole) over() bool { return x.State == engagements.Issued || x.State == engagements.Withdrawn }

// early says why nothing can be concluded yet.
func (x whole) early() bool { return !x.over() && x.State.Before(engagements.Fieldwork) }

func showAll(v *site.Visit) error {
	x, err := read(v)
	if err != nil {
		return err
	}
	return v.ShowIn(x.Room.Engagement, x.shell("Conclusions"), allBody(x))
}

// sentence is the truth of the page: how far it is, then what weighs most.
func (x whole) sentence() string {
	if x.early() {
		return fmt.Sprintf("Nothing can be concluded yet: %s is %s.", x.Name, x.State.Words())
	}
	first := fmt.Sprintf("%s of %s are concluded.", site.Count(int64(x.Concluded)), criteria(len(x.Criteria)))
	if x.Concluded == len(x.Criteria) {
		first = fmt.Sprintf("All %s are concluded.", criteria(len(x.Criteria)))
	}
	bad := map[string][]string{}
	for _, k := range x.Criteria {
		if k.Decision.Stands() {
			bad[k.Decision.Value] = append(bad[k.Decision.Value], k.Code)
		}
	}
	switch undecided := x.Undecided(); {
	case len(bad[opinions.NotMet]) > 0:
		return first + " " + are(bad[opinions.NotMet]) + " not met."
	case len(bad[opinions.Undetermined]) > 0:
		return first + " " + are(bad[opinions.Undetermined]) + " undetermined."
	case x.Concluded == len(x.Criteria) && len(undecided) > 0:
		return first + " " + site.Capital(site.Several(int64(len(undecided)), "part of the opinion is open.", "parts of the opinion are open."))
	case x.Concluded == len(x.Criteria):
		return first + " Every part of the opinion is decided."
	}
	return first
}

func are(codes []string) string {
	if len(codes) > 4 {
		return site.Count(int64(len(codes))) + " are"
	}
	return words.List(codes) + words.Pick(len(codes), " is", " are")
}

func criteria(n int) string { return site.Plural(int64(n), "criterion", "criteria") }

func (x whole) facts() []site.Fact {
	n := len(x.acceptable())
	out := []site.Fact{{Text: typeWord(x.Type)}, {Text: fmt.Sprintf("%s of %d parts of the opinion decided", site.Count(int64(len(x.Parts)-len(x.Undecided()))), len(x.Parts))}}
	if n > 0 {
		out = append(out, site.Fact{Text: site.Plural(int64(n), "criterion is proposed as met and open", "criteria are proposed as met and open")})
	}
	return append(out, site.Fact{Text: "The report", Href: site.EngagementHref(x.Room.Engagement, "/report")})
}

func (x whole) acts() []site.ButtonView {
	if n := len(x.acceptable()); n > 0 && !x.over() && !x.early() {
		return []site.ButtonView{{Text: fmt.Sprintf("Accept %s that %s met", proposals(n), map[bool]string{true: "is", false: "are"}[n == 1]), Href: x.at("/accept"), Kind: site.ButtonPrimary}}
	}
	return nil
}

func proposals(n int) string { return site.Plural(int64(n), "proposal", "proposals") }

func typeWord(t string) string {
	if strings.HasSuffix(t, "1") {
		return "Type I"
	}
	return "Type II"
}

func (x whole) acceptable() []opinions.Criterion {
	var out []opinions.Criterion
	for _, k := range x.Criteria {
		if k.Acceptable() {
			out = append(out, k)
		}
	}
	return out
}

// A row of the criteria map: a series with those of its criteria in scope.
type series struct {
	Code     string
	Criteria []opinions.Criterion
}

func (x whole) series() []series {
	var out []series
	for _, k := range x.Criteria {
		if len(out) == 0 || out[len(out)-1].Code != k.Series {
			out = append(out, series{Code: k.Series})
		}
		last := &out[len(out)-1]
		last.Criteria = append(last.Criteria, k)
	}
	return out
}

func (s series) note() string {
	n := 0
	for _, k := range s.Criteria {
		if k.Decision.Stands() {
			n++
		}
	}
	return fmt.Sprintf("%d of %d concluded", n, len(s.Criteria))
}

func (x whole) table(s series) site.TableView {
	t := site.TableView{ID: "series-" + s.Code, Caption: "Criteria of " + s.Code, Columns: []site.Column{{Head: "Criterion", Mono: true, Phone: site.PlaceFirst}, {Head: "About", Wide: true},
		{Head: "Controls"}, {Head: "Proposed"}, {Head: "Decided", Phone: site.PlaceEnd}}}
	for _, k := range s.Criteria {
		href := x.at("/" + k.Code)
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{site.Node(criterionLink(k.Code, href)), site.Words(k.Title), site.Node(controlMarks(x, k)),
			site.Node(proposedMark(k)), site.Node(decidedMark(k))}})
	}
	return t
}

// status is how a conclusion is drawn. What is met is quiet.
func status(value string) site.Status {
	switch value {
	case opinions.Met:
		return site.StatusPass
	case opinions.MetWithDeviations:
		return site.StatusExcepted
	case opinions.NotMet:
		return site.StatusFail
	case opinions.Undetermined:
		return site.StatusUnknown
	case opinions.NotRelevant:
		return site.StatusNotApplicable
	}
	return site.StatusNotStarted
}

// controlStatus is the same for the conclusion on a control.
func controlStatus(decision string) site.Status {
	switch decision {
	case procedures.Effective:
		return site.StatusPass
	case procedures.WithDeviations:
		return site.StatusExcepted
	case procedures.NotEffective, procedures.NotDesigned:
		return site.StatusFail
	case procedures.Undetermined:
		return site.StatusUnknown
	case procedures.NoOccurrence:
		return site.StatusNotApplicable
	}
	return site.StatusNotStarted
}

// said is a value as people read it.
func said(value string) string {
	switch value {
	case "":
		return "Nothing yet"
	case opinions.MetWithDeviations:
		return "Met, deviations disclosed"
	case procedures.WithDeviations:
		return "Effective, deviations disclosed"
	case procedures.NoOccurrence:
		return "No occasion to operate"
	}
	return site.Capital(strings.ReplaceAll(value, "_", " "))
}

// partName is a part of the opinion in words.
func partName(part string) string {
	return map[string]string{opinions.Description: "Description", opinions.Design: "Design", opinions.Operation: "Operating effectiveness"}[part]
}

// refuse puts what was wrong into the form; an error that is no fault of the
// form goes on to an error page.
func refuse(v *site.Visit, f *site.FormView, err error) bool {
	f.Keep(v.R.PostForm)
	return fault.KindOf(err) != fault.KindDenied && f.Refused(err)
}
