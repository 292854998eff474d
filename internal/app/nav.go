package app

import (
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/site"
)

// entry is a line of the sidebar and the right it needs.
type entry struct {
	right auth.Right
	item  site.NavItem
}

// sidebar lists the pages there are, in their groups. A person sees only what
// they may open.
var sidebar = []struct {
	head    string
	entries []entry
}{
	{"", []entry{
		{auth.ControlsRead, site.NavItem{Text: "Home", Href: "/", Icon: site.IconHome, Key: "h"}},
		{auth.ControlsRead, site.NavItem{Text: "My work", Href: "/work", Icon: site.IconWork, Key: "w"}},
	}},
	{"Program", []entry{
		{auth.CriteriaRead, site.NavItem{Text: "Criteria", Href: "/criteria", Icon: site.IconCriteria, Key: "c"}},
		{auth.ControlsRead, site.NavItem{Text: "Controls", Href: "/controls", Icon: site.IconControls, Key: "k"}},
		{auth.ChecksRead, site.NavItem{Text: "Checks", Href: "/checks", Icon: site.IconChecks}},
		{auth.EvidenceRead, site.NavItem{Text: "Evidence", Href: "/evidence", Icon: site.IconEvidence, Key: "e"}},
	}},
	{"Installation", []entry{
		{auth.SourcesRead, site.NavItem{Text: "Sources", Href: "/sources", Icon: site.IconSources, Key: "s"}},
		{auth.LogRead, site.NavItem{Text: "Evidence log", Href: "/log", Icon: site.IconLog, Key: "l"}},
		{auth.JobsRead, site.NavItem{Text: "Jobs", Href: "/jobs", Icon: site.IconJobs}},
		{auth.OrgRead, site.NavItem{Text: "Settings", Href: "/settings", Icon: site.IconSettings}},
	}},
}

// nav is the sidebar of one person.
func nav(a auth.Actor) []site.NavGroup {
	var out []site.NavGroup
	for _, g := range sidebar {
		group := site.NavGroup{Head: g.head}
		for _, e := range g.entries {
			if a.May(e.right) {
				group.Items = append(group.Items, e.item)
			}
		}
		if len(group.Items) > 0 {
			out = append(out, group)
		}
	}
	return out
}

// phoneTabs is how many pages the bar of a phone shows beside "More".
const phoneTabs = 4

// tabs is the bar at the bottom of a phone.
func tabs(a auth.Actor) []site.NavItem {
	var out []site.NavItem
	for _, g := range nav(a) {
		for _, item := range g.Items {
			if len(out) < phoneTabs {
				out = append(out, item)
			}
		}
	}
	return out
}
