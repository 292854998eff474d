package git

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tickmark/tickmark/internal/sources"
)

// A record is a resource in the making: for each field a value, or why there is
// none.
type record struct {
	attrs  map[string]any
	absent map[string]string
}

func newRecord(attrs map[string]any) record {
	return record{attrs, map[string]string{}}
}

// missing says why a field has no value.
func (r record) missing(why string, fields ...string) {
	for _, f := range fields {
		r.absent[f] = why
	}
}

// text sets a field that an empty text does not fill.
func (r record) text(field, value, why string) {
	if value == "" {
		r.missing(why, field)
		return
	}
	r.attrs[field] = value
}

// date sets a field unless the date is one that no calendar writes.
func (r record) date(field string, t time.Time) {
	if !usable(t) {
		r.missing("the date it states cannot be read", field)
		return
	}
	r.attrs[field] = t
}

// signature sets the fields that a verdict fills.
func (r record) signature(v verdict, signers ...person) {
	if v.state == "" {
		r.missing(v.why, "signature")
	} else {
		r.attrs["signature"] = v.state
	}
	r.attrs["signature_format"] = v.format
	r.attrs["signing_key"] = v.key
	switch {
	case v.state == "":
		r.missing(v.why, "signer", "signer_matches")
	case v.state == signatureNone:
		r.missing("it carries no signature", "signer", "signer_matches")
	case len(v.signers) == 0:
		r.missing("no known signer made its signature", "signer", "signer_matches")
	default:
		matches := false
		signer := v.signers[0]
		for _, p := range signers {
			if v.speaksFor(p.email) {
				matches, signer = true, p.email
			}
		}
		r.attrs["signer"], r.attrs["signer_matches"] = signer, matches
	}
}

func (r record) resource(kind, key string) sources.Resource {
	return sources.Resource{Kind: kind, Key: key, Attrs: r.attrs, Absent: r.absent}
}

// commits hands over every commit of the branch.
func (r *run) commits() error {
	r.in.Cover("commit")
	h := r.history
	for i, c := range h.commits {
		if i%1000 == 0 {
			if err := r.ctx.Err(); err != nil {
				return err
			}
			r.in.Progress(i, len(h.commits), "commits")
		}
		if err := r.in.Add(h.record(c).resource("commit", c.hash.String())); err != nil {
			return err
		}
	}
	if h.cut > 0 {
		r.in.Missing(sources.Missing{
			Kind:   "commit",
			Reason: "this is a shallow clone: commits older than the ones it holds were not read",
			Remedy: "git fetch --unshallow",
		})
	}
	if h.anyUnverified() {
		r.in.Missing(sources.Missing{
			Kind: "commit", Field: "signature",
			Reason: "commits are signed and no signers are configured, so signatures cannot be verified",
			Remedy: "Add each committer's public key to the signers of the source: gpg --armor --export ADDRESS, or the .pub file of an SSH key.",
		})
	}
	if !h.reviewsRecorded && len(h.commits) > 0 {
		r.in.Missing(sources.Missing{
			Kind: "commit", Field: "reviewed",
			Reason: noReviews,
			Remedy: "Connect the forge, or have reviews written into the commits as Reviewed-by lines.",
		})
	}
	return r.keepHead()
}

func (h *history) record(c *commit) record {
	r := newRecord(map[string]any{
		"sha":            c.hash.String(),
		"short":          c.hash.String()[:10],
		"subject":        c.subject,
		"merge":          len(c.parents) > 1,
		"parents":        hashes(c.parents),
		"on_main_line":   c.mainLine,
		"reviewers":      people(c.message.reviewers),
		"signed_off_by":  people(c.message.signedOff),
		"co_authors":     people(c.message.coAuthors),
		"tickets":        clipAll(c.message.tickets),
		"change_request": c.message.request,
	})
	r.text("author_name", c.author.name, "the commit names no author")
	r.text("author_email", c.author.email, "the commit states no address of its author")
	r.text("committer_name", c.committer.name, "the commit names no committer")
	r.text("committer_email", c.committer.email, "the commit states no address of its committer")
	r.date("authored_at", c.authored)
	r.date("committed_at", c.committed)
	r.signature(c.verdict, c.author, c.committer)
	by, merge, ok := h.merger(c)
	switch {
	case ok:
		r.text("merged_by", by.email, "the merge states no address of its author")
		r.attrs["merged_in"] = merge.hash.String()
	case len(c.parents) > 1 && c.mainLine:
		r.missing("it is a merge on the main line itself", "merged_by", "merged_in")
	default:
		r.missing(noMerge, "merged_by", "merged_in")
	}
	if yes, why := h.reviewed(c); why != "" {
		r.missing(why, "reviewed")
	} else {
		r.attrs["reviewed"] = yes
	}
	return r
}

func (h *history) anyUnverified() bool {
	return slices.ContainsFunc(h.commits, func(c *commit) bool { return c.verdict.state == "" && c.verdict.format != "x509" })
}

func hashes(list []plumbing.Hash) []string {
	ids := make([]string, 0, min(len(list), 1000))
	for _, h := range list[:min(len(list), 1000)] {
		ids = append(ids, h.String())
	}
	return ids
}

func people(list []person) []string {
	names := make([]string, 0, len(list))
	for _, p := range list {
		names = append(names, p.String())
	}
	return clipAll(names)
}

// identities hands over who the authors say they are.
func (r *run) identities() error {
	r.in.Cover("identity")
	type identity struct {
		person
		commits     int
		names       []string
		first, last time.Time
	}
	all := map[string]*identity{}
	for _, c := range r.history.commits {
		key := strings.ToLower(c.author.email)
		if key == "" {
			key = "name:" + strings.ToLower(c.author.name)
		}
		one := all[key]
		if one == nil {
			one = &identity{person: c.author}
			all[key] = one
		}
		one.commits++
		if c.author.name != "" && len(one.names) < 20 && !slices.Contains(one.names, c.author.name) {
			one.names = append(one.names, c.author.name)
		}
		if usable(c.authored) {
			if one.first.IsZero() || c.authored.Before(one.first) {
				one.first = c.authored
			}
			if c.authored.After(one.last) {
				one.last = c.authored
			}
		}
	}
	r.facts["contributors"] = len(all)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		one := all[key]
		slices.Sort(one.names)
		rec := newRecord(map[string]any{
			"commits": one.commits,
			"names":   append([]string{}, one.names...),
			"machine": one.machine(),
		})
		rec.text("email", strings.ToLower(one.email), "its commits state no address")
		rec.date("first_at", one.first)
		rec.date("last_at", one.last)
		if err := r.in.Add(rec.resource("identity", key)); err != nil {
			return err
		}
	}
	return nil
}
