// Package page holds the pages of an engagement as a whole: the list, the
// proposal, its overview with the gate ahead, the acts that move it, the firm's
// methodology, and the engagement's own log.
package page

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/site"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /engagements", Handle: showList},
		{Pattern: "GET /engagements/waiting", Handle: showWaiting},
		{Pattern: "GET /engagements/new", Handle: showNew},
		{Pattern: "POST /engagements/new", Handle: propose},
		{Pattern: "GET /engagements/{id}", Handle: showOverview},
		{Pattern: "GET /engagements/{id}/accept", Handle: showAccept},
		{Pattern: "POST /engagements/{id}/accept", Handle: accept},
		{Pattern: "GET /engagements/{id}/advance", Handle: showAdvance},
		{Pattern: "POST /engagements/{id}/advance", Handle: advance},
		{Pattern: "GET /engagements/{id}/withdraw", Handle: showWithdraw},
		{Pattern: "POST /engagements/{id}/withdraw", Handle: withdraw},
		{Pattern: "GET /engagements/{id}/plan", Handle: showPlan},
		{Pattern: "POST /engagements/{id}/plan", Handle: plan},
		{Pattern: "POST /engagements/{id}/dates", Handle: reschedule},
		{Pattern: "GET /engagements/{id}/log", Handle: showLog},
		{Pattern: "GET /engagements/{id}/log/{index}", Handle: showEntry},
		{Pattern: "POST /engagements/{id}/bundle", Handle: export},
		{Pattern: "GET /firm/methodology", Handle: showMethodology},
		{Pattern: "POST /firm/methodology", Handle: setMethodology},
	}
}

// href is the address of a page of an engagement.
func href(e engagements.Engagement, part string) string { return site.EngagementHref(e, part) }

func get(v *site.Visit) (engagements.View, error) {
	return engagements.Get.Do(v.Context(), v.Desk, engagements.Ref{ID: v.Path("id")})
}

// stateWord is a state as a label has it.
func stateWord(s engagements.State) string {
	switch s {
	case engagements.SignOff:
		return "Sign-off"
	case engagements.AsOf:
		return "At its date"
	}
	return site.Capital(s.Words())
}

// stateStatus is how a state is drawn in a list. None of them is a pass or a
// fail of anything.
func stateStatus(s engagements.State) site.Status {
	switch s {
	case engagements.Withdrawn:
		return site.StatusNotApplicable
	case engagements.Issued:
		return site.StatusPass
	}
	return site.StatusNotStarted
}

func typeWord(e engagements.Engagement) string {
	if e.Type == scopes.TypeI {
		return "Type I"
	}
	return "Type II"
}

// period says what is examined: "1 January to 31 December 2026".
func period(e engagements.Engagement) string {
	if e.Type == scopes.TypeI {
		return "as of " + civil(e.AsOf, "2 January 2006")
	}
	from, to := e.Starts, e.Ends
	if from[:4] == to[:4] {
		return civil(from, "2 January") + " to " + civil(to, "2 January 2006")
	}
	return civil(from, "2 January 2006") + " to " + civil(to, "2 January 2006")
}

// civil writes a day such as 2026-12-31.
func civil(day, form string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return t.Format(form)
}

// about names the categories, and how many criteria they select.
func about(e engagements.Engagement) (string, int, error) {
	cat, err := frameworks.Shipped()
	if err != nil {
		return "", 0, err
	}
	edition, err := cat.Version(e.Catalogue)
	if err != nil {
		return "", 0, err
	}
	in, err := edition.InScope(e.Categories)
	if err != nil {
		return "", 0, err
	}
	var names []string
	for _, k := range edition.Categories {
		if slices.Contains(e.Categories, k.Code) {
			names = append(names, k.Title)
		}
	}
	return strings.Join(names, ", "), len(in), nil
}

func version(n int64) string { return strconv.FormatInt(n, 10) }

// listed joins texts as a sentence does: "a, b, and c".
func listed(parts []string) string {
	switch n := len(parts); n {
	case 0:
		return ""
	case 1:
		return parts[0]
	case 2:
		return parts[0] + ", and " + parts[1]
	default:
		return strings.Join(parts[:n-1], ", ") + ", and " + parts[n-1]
	}
}
