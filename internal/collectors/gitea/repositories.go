package gitea

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/rest"
	"github.com/tickmark/tickmark/internal/sources"
)

// repository is one as the forge shows it.
type repository struct {
	Name     string    `json:"name"`
	FullName string    `json:"full_name"`
	URL      string    `json:"html_url"`
	Branch   string    `json:"default_branch"`
	Private  bool      `json:"private"`
	Internal bool      `json:"internal"`
	Archived bool      `json:"archived"`
	Empty    bool      `json:"empty"`
	Fork     bool      `json:"fork"`
	Mirror   bool      `json:"mirror"`
	Pulls    *bool     `json:"has_pull_requests"`
	Created  time.Time `json:"created_at"`
	Updated  time.Time `json:"updated_at"`
}

// path is below a repository, whose names may hold what an address may not.
func (x repository) path(rest string) string {
	owner, name, _ := strings.Cut(x.FullName, "/")
	return "/api/v1/repos/" + url.PathEscape(owner) + "/" + url.PathEscape(name) + rest
}

// branch is the default branch as whoever may read it sees it.
type branch struct {
	Protected bool     `json:"protected"`
	Approvals int64    `json:"required_approvals"`
	Checks    bool     `json:"enable_status_check"`
	Contexts  []string `json:"status_check_contexts"`
	Rule      string   `json:"effective_branch_protection_name"`
}

// protection is a rule as administrators of the repository see it.
type protection struct {
	Rule           string   `json:"rule_name"`
	Push           bool     `json:"enable_push"`
	PushListed     bool     `json:"enable_push_whitelist"`
	PushUsers      []string `json:"push_whitelist_usernames"`
	PushTeams      []string `json:"push_whitelist_teams"`
	Force          bool     `json:"enable_force_push"`
	Approvals      int64    `json:"required_approvals"`
	Dismiss        bool     `json:"dismiss_stale_approvals"`
	IgnoreStale    bool     `json:"ignore_stale_approvals"`
	RejectionHolds bool     `json:"block_on_rejected_reviews"`
	Signed         bool     `json:"require_signed_commits"`
	Checks         bool     `json:"enable_status_check"`
	Contexts       []string `json:"status_check_contexts"`
	Admins         *bool    `json:"block_admin_merge_override"`
}

const (
	needsAdmin = "Make the account of the token an administrator of the repositories, which the forge asks for to show their rules."
	noRules    = "the forge shows the rules of a branch to administrators of the repository only"
)

// ruled are the fields that only the rule itself tells.
var ruled = []string{"direct_pushes", "force_pushes", "stale_approvals_dismissed", "rejection_blocks", "signed_commits_required", "admins_bound"}

func (r *run) reposPath() string {
	if r.isOrg {
		return "/api/v1/orgs/" + url.PathEscape(r.set.Owner) + "/repos"
	}
	return "/api/v1/users/" + url.PathEscape(r.set.Owner) + "/repos"
}

// list finds the repositories that are read.
func (r *run) list() error {
	var unseen []string
	unseen = append(unseen, r.set.only...)
	err := r.api.Pages(r, r.reposPath(), url.Values{"limit": {strconv.Itoa(pageSize)}}, func(raw json.RawMessage, total int) error {
		var x repository
		if err := json.Unmarshal(raw, &x); err != nil || x.FullName == "" {
			return &rest.Error{Path: r.reposPath(), Message: "a repository without a name", Cause: err}
		}
		named := func(s string) bool { return strings.EqualFold(s, x.Name) }
		if len(r.set.only) == 0 || slices.ContainsFunc(r.set.only, named) {
			r.repos = append(r.repos, x)
		}
		unseen = slices.DeleteFunc(unseen, named)
		r.in.Progress(len(r.repos), max(total, 0), "Repositories")
		return nil
	})
	if err == nil && len(unseen) > 0 {
		return fault.Invalid("repositories", "%s has no repository %s that the token may see", r.set.Owner, strings.Join(unseen, ", "))
	}
	return err
}

// repositories reads the rules of each. A list that cannot be read whole covers
// nothing: fewer repositories would look like repositories that are gone.
func (r *run) repositories() error {
	err := r.list()
	if rest.Refused(err) {
		r.repos = nil
		r.missing(kindRepository, "", err, "the list of repositories", needsMember)
		r.missing(kindRequest, "", err, "the list of repositories", needsMember)
		return nil
	}
	if err != nil {
		return err
	}
	var out []sources.Resource
	for i, x := range r.repos {
		r.in.Progress(i, len(r.repos), "Rules of branches")
		res, err := r.rules(x)
		if err != nil {
			return err
		}
		out = append(out, res)
	}
	r.in.Cover(kindRepository)
	for _, res := range out {
		if err := r.in.Add(res); err != nil {
			return err
		}
	}
	return nil
}

// rules are those of a repository's default branch.
func (r *run) rules(x repository) (sources.Resource, error) {
	res := sources.Resource{Kind: kindRepository, Key: x.FullName, Absent: map[string]string{}, Attrs: map[string]any{
		"name": x.FullName, "url": x.URL, "default_branch": x.Branch, "private": x.Private || x.Internal, "archived": x.Archived, "empty": x.Empty,
		"fork": x.Fork, "mirror": x.Mirror, "created_at": x.Created, "updated_at": x.Updated,
	}}
	all := append([]string{"branch_protected", "required_reviews", "required_checks"}, ruled...)
	if x.Empty {
		for _, f := range all {
			res.Absent[f] = "the repository is empty and has no branch"
		}
		return res, nil
	}
	var b branch
	_, err := r.api.Get(r, x.path("/branches/"+url.PathEscape(x.Branch)), nil, &b)
	if rest.Refused(err) {
		r.missing(kindRepository, "branch_protected", err, "the default branch of some repositories", needsMember)
		reason, _ := lacking(err, "its default branch", "")
		for _, f := range all {
			res.Absent[f] = reason
		}
		return res, nil
	}
	if err != nil {
		return res, err
	}
	res.Attrs["branch_protected"], res.Attrs["required_reviews"], res.Attrs["required_checks"] = b.Protected, b.Approvals, contexts(b.Checks, b.Contexts)
	if !b.Protected {
		// Without a rule whoever may write may do anything.
		res.Attrs["direct_pushes"], res.Attrs["force_pushes"] = true, true
		for _, f := range ruled[2:] {
			res.Attrs[f] = false
		}
		return res, nil
	}
	return res, r.rule(x, b, &res)
}

// rule reads the one that is in force for the default branch.
func (r *run) rule(x repository, b branch, res *sources.Resource) error {
	hide := func(reason string) {
		for _, f := range ruled {
			res.Absent[f] = reason
		}
	}
	var list []protection
	_, err := r.api.Get(r, x.path("/branch_protections"), nil, &list)
	if rest.Refused(err) {
		reason, remedy := lacking(err, "the rules of some branches", needsAdmin)
		if rest.StatusOf(err) != http.StatusUnauthorized && remedy == needsAdmin {
			reason = noRules
		}
		for _, f := range ruled {
			r.in.Missing(sources.Missing{Kind: kindRepository, Field: f, Reason: reason, Remedy: remedy})
		}
		hide(reason)
		return nil
	}
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(p protection) bool { return p.Rule == b.Rule })
	if i < 0 {
		hide("the forge does not show the rule " + strconv.Quote(b.Rule) + " that is in force")
		return nil
	}
	p := list[i]
	a := res.Attrs
	a["required_reviews"], a["required_checks"] = p.Approvals, contexts(p.Checks, p.Contexts)
	a["direct_pushes"], a["force_pushes"] = p.Push, p.Push && p.Force
	if p.Push && p.PushListed {
		allowed := append([]string{}, p.PushUsers...)
		for _, team := range p.PushTeams {
			allowed = append(allowed, "team "+team)
		}
		slices.Sort(allowed)
		a["push_allowed"] = allowed
	}
	a["stale_approvals_dismissed"] = p.Dismiss || p.IgnoreStale
	a["rejection_blocks"], a["signed_commits_required"] = p.RejectionHolds, p.Signed
	if p.Admins != nil {
		a["admins_bound"] = *p.Admins
	} else {
		res.Absent["admins_bound"] = "this version of the forge does not say it"
	}
	return nil
}

func contexts(enabled bool, list []string) []string {
	if !enabled || list == nil {
		return []string{}
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
