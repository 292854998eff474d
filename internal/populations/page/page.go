// Package page holds the pages of populations: what the auditor asked for, how
// the client builds and seals it, how it is judged, and how the sample came
// about.
package page

import (
	"fmt"
	"net/url"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/site"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	const at = "/engagements/{id}/populations"
	return []site.Route{
		{Pattern: "GET " + at, Handle: showList},
		{Pattern: "GET " + at + "/new", Handle: showNew},
		{Pattern: "POST " + at + "/new", Handle: request},
		{Pattern: "GET " + at + "/{code}", Handle: show},
		{Pattern: "GET " + at + "/{code}/build", Handle: showBuild},
		{Pattern: "POST " + at + "/{code}/build", Handle: build},
		{Pattern: "GET " + at + "/{code}/seal", Handle: showSeal},
		{Pattern: "POST " + at + "/{code}/seal", Handle: seal},
		{Pattern: "GET " + at + "/{code}/judge", Handle: showJudge},
		{Pattern: "POST " + at + "/{code}/judge", Handle: judge},
		{Pattern: "POST " + at + "/{code}/accept", Handle: accept},
		{Pattern: "GET " + at + "/{code}/rows", Handle: showRows},
		{Pattern: "GET " + at + "/{code}/lines", Handle: lines},
		{Pattern: "GET " + at + "/{code}/strata", Handle: strata},
		{Pattern: "GET " + at + "/{code}/recompute", Handle: showRecompute},
	}
}

// room is an engagement as a page about populations knows it.
type room struct {
	engagements.View
	Firm bool // the reader stands on the firm's side
	May  bool // the reader may do their side's part
	Zone *time.Location
}

func enter(v *site.Visit) (room, error) {
	e, err := engagements.Get.Do(v.Context(), v.Desk, engagements.Ref{ID: v.Path("id")})
	if err != nil {
		return room{}, err
	}
	x := room{View: e, Firm: e.Side == engagements.FirmSide}
	x.May = v.Actor.May(auth.ListsWrite)
	if x.Firm {
		x.May = v.Actor.May(auth.AuditWrite)
	}
	x.May = x.May && e.State != engagements.Issued && e.State != engagements.Withdrawn && !e.State.Before(engagements.Engaged)
	x.Zone = clock.Zone(e.Zone)
	return x, nil
}

// href is the address of a page of this area.
func (x room) href(part string) string {
	return site.EngagementHref(x.Engagement, "/populations"+part)
}

func (x room) of(p populations.Population, part string) string {
	return x.href("/" + url.PathEscape(p.Code) + part)
}

func (x room) client() string { return x.Engagement.Client.Name }
func (x room) firm() string   { return x.Engagement.Firm.Name }

// entry leads to an entry of a log, where the reader may read that log.
func (x room) entry(index int64, file bool) site.Link {
	word, href := "org", ""
	switch {
	case file && x.Firm:
		href = site.EngagementHref(x.Engagement, fmt.Sprintf("/log/%d", index))
	case !file && !x.Firm:
		href = fmt.Sprintf("/log/%d", index)
	}
	if file {
		word = "firm"
	}
	return site.Link{Text: word + " " + site.Count(index), Href: href}
}

func (x room) moment(t time.Time) string { return t.In(x.Zone).Format("2 Jan 15:04") }
func (x room) day(t time.Time) string    { return t.In(x.Zone).Format("2 Jan 2006") }

// place is the shell of a page of this area.
func (x room) place(title string, crumbs ...site.Crumb) site.Shell {
	return site.Shell{Title: title, Crumbs: append([]site.Crumb{{Text: "Populations", Href: x.href("")}}, crumbs...)}
}

func (x room) crumb(p populations.Population) site.Crumb {
	return site.Crumb{Text: p.Code, Href: x.of(p, ""), Mono: true}
}

func find(v *site.Visit) (populations.Population, error) {
	return populations.Get.Do(v.Context(), v.Desk, populations.Ref{Engagement: v.Path("id"), Population: v.Path("code")})
}

// standing is how far a population has come, in a word.
func standing(p populations.Population) (site.Status, string) {
	v := p.Current()
	if v == nil {
		switch n := p.Newest(); {
		case n == nil:
			return site.StatusNotStarted, "Not built"
		case n.Blocked() > 0:
			return site.StatusFail, "Draft with " + site.Plural(int64(n.Blocked()), "problem", "problems")
		}
		return site.StatusNotStarted, "Draft, not sealed"
	}
	switch {
	case v.Decision == populations.Rejected && v.DecidedBy == "":
		return site.StatusFail, "Rejected by its count"
	case v.Decision == populations.Rejected:
		return site.StatusFail, "Rejected"
	case v.DecidedBy == "":
		return site.StatusUnknown, "Sealed, not evaluated"
	case v.Decision == populations.Explained:
		return site.StatusPass, "Accepted, exceptions explained"
	}
	return site.StatusPass, "Sealed and accepted"
}

// next is what one side does next with a population.
func (x room) next(p populations.Population) site.Link {
	cur, newest := p.Current(), p.Newest()
	draft := newest != nil && newest.Status == populations.Draft
	switch {
	case !x.May || p.Nonce != "":
		return site.Link{}
	case !x.Firm && newest == nil:
		return site.Link{Text: "Build the list", Href: x.of(p, "/build")}
	case !x.Firm && draft && newest.Blocked() > 0:
		return site.Link{Text: "Settle the problems", Href: x.of(p, fmt.Sprintf("?version=%d", newest.Version))}
	case !x.Firm && draft:
		return site.Link{Text: "Seal the list", Href: x.of(p, fmt.Sprintf("?version=%d", newest.Version))}
	case !x.Firm && cur != nil && cur.Decision == populations.Rejected:
		return site.Link{Text: "Build another version", Href: x.of(p, "/build")}
	case x.Firm && cur != nil && cur.DecidedBy == "":
		return site.Link{Text: "Evaluate it", Href: x.of(p, "#decide")}
	}
	return site.Link{}
}

func title(p populations.Population) string { return p.Code + " " + p.Title }

// rowsWord counts rows.
func rowsWord(n int64) string { return site.Plural(n, "row", "rows") }
