package page

import (
	"errors"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/tasks"
)

// inTasks finds tasks in whatever state: one looks for what was done as often
// as for what is open.
func inTasks(v *site.Visit, a site.Ask) (op.Page[hit], error) {
	p, err := tasks.List.Do(v.Context(), v.Desk, tasks.Filter{Search: a.Q, State: "any", After: a.After, Limit: a.Limit})
	return changed(p, func(t tasks.Task) hit {
		h := hit{ID: site.Short(string(t.ID)), Title: t.Title, Note: t.Owner, Href: "/tasks/" + string(t.ID), Mono: true, Status: site.StatusNotStarted}
		switch t.State {
		case tasks.Done:
			h.Status = site.StatusPass
		case tasks.Dropped:
			h.Status = site.StatusNotApplicable
		}
		if h.Note == "" {
			h.Note = "Nobody yet"
		}
		return h
	}), err
}

// inPopulations finds the lists of the engagements one takes part in: a few
// dozen in each.
func inPopulations(v *site.Visit, a site.Ask) (op.Page[hit], error) {
	var none op.Page[hit]
	all, err := engagements.List.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return none, err
	}
	type list struct {
		of engagements.Engagement
		populations.Population
	}
	var rows []list
	for _, e := range all.Items {
		found, err := populations.List.Do(v.Context(), v.Desk, populations.Filter{Engagement: string(e.ID)})
		var f *fault.Error
		if errors.As(err, &f) && (f.Kind == fault.KindDenied || f.Kind == fault.KindNotFound) {
			continue // one of the organization's that this person has no part in
		}
		if err != nil {
			return none, err
		}
		for _, p := range found.Items {
			rows = append(rows, list{e, p})
		}
	}
	return among(a, rows, func(p list) []string { return append([]string{p.Code, p.Title, string(p.ID)}, p.Controls...) },
		func(p list) hit {
			return hit{ID: p.Code, Title: p.Title, Note: p.of.Name, Href: site.EngagementHref(p.of, "/populations/"+p.Code), Mono: true}
		}), nil
}

// place is a page one may want to be led to by its name.
type place struct {
	name, what, href string
	right            auth.Right
}

var places = []place{
	{"Home", "What is ready, and what is not", "/", auth.ControlsRead},
	{"My work", "What is yours to do", "/work", auth.WorkRead},
	{"Tasks", "Open, done, overdue and nobody's", "/tasks", auth.WorkRead},
	{"Criteria", "All criteria in scope", "/criteria", auth.CriteriaRead},
	{"Controls", "Those in force", "/controls", auth.ControlsRead},
	{"Library of controls", "Those that can be adopted", "/controls/library", auth.ControlsRead},
	{"Checks", "Their results and the library", "/checks", auth.ChecksRead},
	{"Exceptions", "Waived checks, with owner and end", "/exceptions", auth.ChecksRead},
	{"Evidence", "Every record", "/evidence", auth.EvidenceRead},
	{"Assets", "The register", "/assets", auth.AssetsRead},
	{"Reconciliation", "Assets beside what sources show", "/assets/reconciliation", auth.AssetsRead},
	{"Engagements", "Examinations by a CPA firm", "/engagements", auth.EngageRead},
	{"Scope", "Systems, categories and dates", "/scope", auth.ControlsRead},
	{"Sources", "What is read, and how it answers", "/sources", auth.SourcesRead},
	{"Connect a source", "Choose what is read", "/sources/new", auth.SourcesWrite},
	{"Hand in a file", "Tables, findings, reports of scanners", "/sources/ingest", auth.SourcesWrite},
	{"Evidence log", "Every entry", "/log", auth.LogRead},
	{"Health of the log", "Signatures, witnesses, backups, restores", "/log/health", auth.OrgRead},
	{"Export", "The whole log with its evidence, in one file", "/export", auth.ExportWrite},
	{"Erasures", "What was erased, and who asked", "/erasures", auth.EraseRead},
	{"Holds", "What keeps records from being erased", "/holds", auth.EraseRead},
	{"Retention", "How long evidence is kept", "/retention", auth.EraseRead},
	{"Jobs", "What the machine does", "/jobs", auth.JobsRead},
	{"Settings", "Organization, sign-in, tokens", "/settings", auth.OrgRead},
	{"Members", "People, roles, second factors", "/settings/members", auth.OrgRead},
	{"Invitations", "Links that bring people in", "/settings/invitations", auth.MembersWrite},
	{"Channels", "Slack, Teams, webhooks", "/settings/channels", auth.OrgWrite},
	{"Notices", "What you were told", "/notices", auth.WorkRead},
	{"How you are told", "Mail, digest, quiet hours", "/notices/preferences", auth.WorkRead},
	{"Saved views", "Lists as you and others keep them", "/views", auth.WorkRead},
	{"Your sign-in", "Passkeys, codes, sessions, password", site.FactorsPath, auth.OrgRead},
	{"Methodology", "How the firm samples and concludes", "/firm/methodology", auth.AuditRead},
	{"Words", "What each word means here", site.TermsPath, auth.OrgRead},
}

// inPages finds pages by name, of those one may open.
func inPages(v *site.Visit, a site.Ask) (op.Page[hit], error) {
	var open []place
	for _, p := range places {
		if v.Actor.May(p.right) {
			open = append(open, p)
		}
	}
	return among(a, open, func(p place) []string { return []string{p.name, p.what} },
		func(p place) hit { return hit{ID: p.name, Title: p.what, Href: p.href} }), nil
}
