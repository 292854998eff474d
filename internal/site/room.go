package site

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/scrub"
)

// EngagementHref is the address of an engagement, or of a page in it: part is
// "" or begins with a slash.
func EngagementHref(e engagements.Engagement, part string) string {
	return "/engagements/" + string(e.ID) + part
}

// ShowIn writes a page of an engagement. Its crumbs begin after the
// engagement's name, and its pages stand in the sidebar; Current is found from
// the address when the page does not say it.
func (v *Visit) ShowIn(e engagements.Engagement, s Shell, body templ.Component) error {
	return v.show(http.StatusOK, v.in(e, s), body)
}

// ShowWrongIn is ShowIn for a page whose form was refused.
func (v *Visit) ShowWrongIn(e engagements.Engagement, s Shell, body templ.Component) error {
	return v.show(http.StatusUnprocessableEntity, v.in(e, s), body)
}

func (v *Visit) in(e engagements.Engagement, s Shell) Shell {
	s.room = &e
	s.Crumbs = append([]Crumb{{Text: e.Name, Href: EngagementHref(e, "")}}, s.Crumbs...)
	if s.Title != "" {
		s.Title += " · " + e.Name
	}
	if s.Current != "" {
		return s
	}
	for _, it := range v.roomNav(e).Items {
		if it.Href == v.R.URL.Path || it.Href != EngagementHref(e, "") && strings.HasPrefix(v.R.URL.Path, it.Href+"/") {
			s.Current = it.Href
		}
	}
	return s
}

// FirmSide reports whether this person acts for the firm of an engagement.
func (v *Visit) FirmSide(e engagements.Engagement) bool { return v.Org == e.Firm.Org }

// roomNav is the part of the sidebar about one engagement, for the side that
// looks. Workpapers are the firm's.
func (v *Visit) roomNav(e engagements.Engagement) NavGroup {
	at := func(text, part string, icon Icon, key string) NavItem {
		return NavItem{Text: text, Href: EngagementHref(e, part), Icon: icon, Key: key}
	}
	g := NavGroup{Head: e.Name, Items: []NavItem{at("Overview", "", IconOverview, "o")}}
	if v.FirmSide(e) {
		g.Items = append(g.Items, at("Populations", "/populations", IconLayers, "p"), at("Testing", "/testing", IconTesting, "t"),
			at("Deviations", "/deviations", IconDeviations, "d"), at("Conclusions", "/conclusions", IconScale, ""))
	} else {
		g.Items = append(g.Items, at("Asked for", "/items", IconRequests, ""), at("Populations", "/populations", IconLayers, "p"),
			at("Deviations", "/deviations", IconDeviations, "d"))
	}
	g.Items = append(g.Items, at("Report", "/report", IconDocument, ""))
	return g
}

// furnish puts what an engagement adds into the shell: its pages beside the
// list of engagements, and for the firm the head of its own log.
func (v *Visit) furnish(s *Shell) error {
	e := *s.room
	group := v.roomNav(e)
	at := len(s.Nav)
	for i, g := range s.Nav {
		for _, it := range g.Items {
			if it.Href == "/engagements" {
				at = i + 1
			}
		}
	}
	s.Nav = append(s.Nav[:at:at], append([]NavGroup{group}, s.Nav[at:]...)...)
	s.Tabs = group.Items
	if !v.FirmSide(e) || !v.Actor.May(auth.AuditRead) {
		return nil
	}
	head, err := engagements.HeadGet.Do(v.Context(), v.Desk, engagements.Ref{ID: string(e.ID)})
	if err != nil {
		return err
	}
	v.headed(s, head, EngagementHref(e, "/log"))
	file, err := engagements.ScrubGet.Do(v.Context(), v.Desk, engagements.Ref{ID: string(e.ID)})
	if err == nil && file.Open > 0 {
		alarmed(s, scrub.Alarm{Place: file.Findings[0].Place, Open: file.Open}, EngagementHref(e, "/log"))
	}
	return err
}

// alarmed says across the page that something stored is not as it was recorded.
func alarmed(s *Shell, a scrub.Alarm, href string) {
	if a.Open == 0 || s.Band.Kind == BandBroken {
		return
	}
	title := "The proof is broken at " + a.Place + "."
	if a.Open > 1 {
		title = fmt.Sprintf("The proof is broken at %s and %d more.", a.Place, a.Open-1)
	}
	s.Log.Broken = title
	s.Band = Band{Kind: BandBroken, Title: title, Text: "What is stored there is not what was recorded. Tell whoever runs this installation.", Link: Link{"What is known", href}}
}

// headed shows a log's head and, as a band, what is wrong with the log.
func (v *Visit) headed(s *Shell, head evidence.Head, href string) {
	now := v.Clock.Now()
	s.Log = LogHead{Entries: head.Size, Signed: head.Signed, Now: now, Href: href,
		Late: head.SignedSize < head.Size && now.Sub(head.Signed) > lateAfter, Broken: head.ReadOnly}
	s.Print.Demo = head.Demo
	switch {
	case head.ReadOnly != "":
		s.Band = Band{Kind: BandBroken, Title: "The log is read-only.", Text: head.ReadOnly, Link: Link{"What to do", "/log"}}
	case head.Demo:
		s.Band = Band{Kind: BandDemo, Title: "DEMO.", Text: "Nobody here exists. Its clock was set by hand, and verifiers say so."}
	}
}

// lateAfter is how long an entry may wait for its checkpoint before the shell
// calls the head unknown.
const lateAfter = 15 * time.Second

// face is how the sidebar shows an organization, and the others of this person.
func (v *Visit) face(o orgs.Org) (Org, error) {
	out := Org{Name: o.Name, Kind: kindWord(o), Firm: o.Kind == orgs.Firm, Href: "/settings", Switch: "/switch"}
	if v.Actor.User == "" {
		return out, nil
	}
	all, err := orgs.Mine.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return out, err
	}
	for _, x := range all.Items {
		if x.ID != o.ID {
			out.Others = append(out.Others, OrgLink{Name: x.Name, Kind: kindWord(x), Value: string(x.ID), Firm: x.Kind == orgs.Firm})
		}
	}
	return out, nil
}

func kindWord(o orgs.Org) string {
	if o.Kind == orgs.Firm {
		return "CPA firm"
	}
	return "Organization"
}
