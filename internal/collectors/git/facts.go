package git

import (
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/tickmark/tickmark/internal/sources"
)

// notInClone are facts that only a forge holds.
var notInClone = map[string]string{
	"branch_protected": "a clone does not record the rules for a branch: connect the forge",
	"direct_pushes":    "a clone does not record who pushed, or who may: connect the forge",
	"force_pushes":     "a clone does not record whether history may be rewritten: connect the forge",
	"required_reviews": "a clone does not record how many approvals a change needs: connect the forge",
	"secret_scanning":  "a clone does not record whether the forge looks for secrets: connect the forge",
}

// repository hands over what is known of the whole.
func (r *run) repository() error {
	rec := record{r.facts, r.absent}
	name := filepath.Base(r.repo.path)
	if name == ".git" {
		name = filepath.Base(filepath.Dir(r.repo.path))
	}
	rec.attrs["name"] = clip(name)
	rec.attrs["path"] = clip(r.shown)
	rec.attrs["commits"] = len(r.history.commits)
	rec.attrs["shallow"] = r.history.cut > 0
	rec.attrs["remote_hosts"] = r.repo.remoteHosts()
	rec.attrs["signers_configured"] = r.trusted.count()
	rec.text("head", r.branch.headText(), "the repository has no commits yet")
	rec.text("branch", clip(r.branch.name), "HEAD names a commit, not a branch")
	rec.text("default_branch", r.repo.defaultBranch(), "the clone does not record which branch its origin shows first")
	for _, field := range slices.Sorted(maps.Keys(notInClone)) {
		why, remedy := notInClone[field], "Add the forge that holds this repository as a source of the kind gitea, which reads Gitea and Forgejo. Other forges cannot be read yet."
		if field == "secret_scanning" {
			remedy = "Hand in what a scanner for secrets finds, as a SARIF file: no kind of source shows what the forge itself looks for."
		}
		rec.missing(why, field)
		r.in.Missing(sources.Missing{Kind: "repository", Field: field, Reason: why, Remedy: remedy})
	}
	var first, last time.Time
	for _, c := range r.history.commits {
		if !usable(c.committed) {
			continue
		}
		if first.IsZero() || c.committed.Before(first) {
			first = c.committed
		}
		if c.committed.After(last) {
			last = c.committed
		}
	}
	if r.history.cut > 0 {
		rec.missing("this is a shallow clone: its first commits are not in it", "first_commit_at")
	} else {
		rec.date("first_commit_at", first)
	}
	rec.date("latest_commit_at", last)
	r.documents(rec)
	return r.in.Add(rec.resource("repository", rec.attrs["name"].(string)))
}

// documents states which files are there that tell people how to behave.
func (r *run) documents(rec record) {
	fields := map[string][]string{
		"has_readme":          {"README.md", "README", "README.rst", "README.txt", "README.adoc", "readme.md", "docs/README.md", ".github/README.md"},
		"has_security_policy": {"SECURITY.md", ".github/SECURITY.md", "docs/SECURITY.md", ".gitlab/SECURITY.md", "SECURITY", "SECURITY.rst", "SECURITY.txt", "SECURITY.adoc", ".well-known/security.txt"},
		"has_license":         {"LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "LICENCE.md", "COPYING", "COPYING.md", "LICENSE-MIT", "LICENSE-APACHE", "UNLICENSE"},
		"has_gitignore":       {".gitignore"},
	}
	for field, names := range fields {
		if r.tree == nil || !r.branch.born {
			r.absentFromTree(field)
			continue
		}
		rec.attrs[field] = r.tree.firstOf(names...) != ""
	}
}
