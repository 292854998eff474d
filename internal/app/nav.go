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

// section is a headed part of the sidebar.
type section struct {
	head    string
	entries []entry
}

// sidebar lists the pages there are for an organization that is examined, in
// their groups. A person sees only what they may open.
var sidebar = []section{
	{"", []entry{
		{auth.ControlsRead, site.NavItem{Text: "Home", Href: "/", Icon: site.IconHome, Key: "h"}},
		{auth.WorkRead, site.NavItem{Text: "My work", Href: "/work", Icon: site.IconWork, Key: "w"}},
		{auth.WorkRead, site.NavItem{Text: "Tasks", Href: "/tasks", Icon: site.IconDone, Key: "t"}},
	}},
	{"Program", []entry{
		{auth.CriteriaRead, site.NavItem{Text: "Criteria", Href: "/criteria", Icon: site.IconCriteria, Key: "c"}},
		{auth.ControlsRead, site.NavItem{Text: "Controls", Href: "/controls", Icon: site.IconControls, Key: "k"}},
		{auth.ChecksRead, site.NavItem{Text: "Checks", Href: "/checks", Icon: site.IconChecks}},
		{auth.EvidenceRead, site.NavItem{Text: "Evidence", Href: "/evidence", Icon: site.IconEvidence, Key: "e"}},
	}},
	{"Registers", []entry{
		{auth.AssetsRead, site.NavItem{Text: "Assets", Href: "/assets", Icon: site.IconAssets, Key: "i"}},
	}},
	{"Audit", []entry{
		{auth.EngageRead, site.NavItem{Text: "Engagements", Href: "/engagements", Icon: site.IconEngagement, Key: "g"}},
	}},
	{"Installation", []entry{
		{auth.SourcesRead, site.NavItem{Text: "Sources", Href: "/sources", Icon: site.IconSources, Key: "s"}},
		{auth.LogRead, site.NavItem{Text: "Evidence log", Href: "/log", Icon: site.IconLog, Key: "l"}},
		{auth.OrgRead, site.NavItem{Text: "Health of the log", Href: "/log/health", Icon: site.IconHealth}},
		{auth.EraseRead, site.NavItem{Text: "Erasure", Href: "/erasures", Icon: site.IconHidden}},
		{auth.JobsRead, site.NavItem{Text: "Jobs", Href: "/jobs", Icon: site.IconJobs}},
		{auth.OrgRead, site.NavItem{Text: "Settings", Href: "/settings", Icon: site.IconSettings}},
	}},
}

// ownerSidebar is that of somebody who keeps controls and nothing else: their
// own work first, and no page that is about the program as a whole.
var ownerSidebar = []section{
	{"", []entry{
		{auth.ControlsRead, site.NavItem{Text: "My work", Href: "/work", Icon: site.IconWork, Key: "w"}},
		{auth.ControlsRead, site.NavItem{Text: "My controls", Href: "/controls?mine=1", Icon: site.IconControls, Key: "k"}},
		{auth.EvidenceRead, site.NavItem{Text: "Evidence", Href: "/evidence", Icon: site.IconEvidence, Key: "e"}},
		{auth.WorkRead, site.NavItem{Text: "Tasks", Href: "/tasks", Icon: site.IconDone, Key: "t"}},
	}},
	{"Audit", []entry{
		{auth.EngageRead, site.NavItem{Text: "Engagements", Href: "/engagements", Icon: site.IconEngagement, Key: "g"}},
	}},
	{"Organization", []entry{
		{auth.ControlsRead, site.NavItem{Text: "Home", Href: "/", Icon: site.IconHome, Key: "h"}},
		{auth.OrgRead, site.NavItem{Text: "Settings", Href: "/settings", Icon: site.IconSettings}},
	}},
}

// firmSidebar is the sidebar of a CPA firm. The pages of an engagement join it
// while one is open.
var firmSidebar = []section{
	{"", []entry{
		{auth.AuditRead, site.NavItem{Text: "My engagements", Href: "/engagements", Icon: site.IconHome, Key: "h"}},
		{auth.AuditRead, site.NavItem{Text: "Waiting for me", Href: "/engagements/waiting", Icon: site.IconWork, Key: "w"}},
		{auth.WorkRead, site.NavItem{Text: "Tasks", Href: "/tasks", Icon: site.IconDone, Key: "t"}},
	}},
	{"Firm", []entry{
		{auth.AuditRead, site.NavItem{Text: "Methodology", Href: "/firm/methodology", Icon: site.IconRuler, Key: "m"}},
		{auth.OrgRead, site.NavItem{Text: "Team", Href: "/settings", Icon: site.IconPeople}},
		{auth.LogRead, site.NavItem{Text: "Firm log", Href: "/log", Icon: site.IconLog, Key: "l"}},
		{auth.OrgRead, site.NavItem{Text: "Health of the log", Href: "/log/health", Icon: site.IconHealth}},
		{auth.EraseRead, site.NavItem{Text: "Erasure", Href: "/erasures", Icon: site.IconHidden}},
	}},
}

// nav is the sidebar of one person.
func nav(a auth.Actor) []site.NavGroup {
	list := sidebar
	switch {
	case a.May(auth.AuditRead):
		list = firmSidebar
	case len(a.Roles) == 1 && a.Roles[0] == auth.ControlOwner:
		list = ownerSidebar
	}
	var out []site.NavGroup
	for _, g := range list {
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
