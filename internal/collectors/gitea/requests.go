package gitea

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/tickmark/tickmark/internal/rest"
	"github.com/tickmark/tickmark/internal/sources"
)

// pull is a pull request as the forge shows it.
type pull struct {
	Number    int64     `json:"number"`
	Title     string    `json:"title"`
	URL       string    `json:"html_url"`
	State     string    `json:"state"`
	Draft     bool      `json:"draft"`
	User      user      `json:"user"`
	Created   time.Time `json:"created_at"`
	Updated   time.Time `json:"updated_at"`
	Closed    time.Time `json:"closed_at"`
	Merged    bool      `json:"merged"`
	MergedAt  time.Time `json:"merged_at"`
	MergedBy  *user     `json:"merged_by"`
	MergeSHA  string    `json:"merge_commit_sha"`
	Base      ref       `json:"base"`
	Head      ref       `json:"head"`
	Requested []user    `json:"requested_reviewers"`
}

type ref struct {
	Ref string `json:"ref"`
	SHA string `json:"sha"`
}

// review is what somebody said of a request.
type review struct {
	User      user      `json:"user"`
	State     string    `json:"state"`
	Commit    string    `json:"commit_id"`
	Stale     bool      `json:"stale"`
	Dismissed bool      `json:"dismissed"`
	At        time.Time `json:"submitted_at"`
}

// words are the reviews that say yes or no; comments do not change an answer.
const (
	approved = "APPROVED"
	rejected = "REQUEST_CHANGES"
)

// errOld ends a list that is ordered by when its elements changed.
var errOld = errors.New("older than what is read")

// requests reads the pull requests of all repositories. What some of them
// refuse leaves the kind uncovered: fewer requests would look like less change.
func (r *run) requests() error {
	if len(r.repos) == 0 && len(r.in.Missings()) > 0 {
		return nil // there was no list of repositories
	}
	type found struct {
		in  repository
		all []pull
	}
	var (
		each  []found
		total int
	)
	for _, x := range r.repos {
		if x.Empty || x.Pulls != nil && !*x.Pulls {
			continue // there can be none
		}
		list, err := r.pulls(x)
		if rest.Refused(err) {
			r.missing(kindRequest, "", err, "the pull requests of "+x.FullName, needsMember)
			return nil
		}
		if err != nil {
			return err
		}
		each = append(each, found{x, list})
		total += len(list)
	}
	var out []sources.Resource
	for _, f := range each {
		for _, p := range f.all {
			r.in.Progress(len(out), total, "Change requests")
			res, err := r.request(f.in, p)
			if rest.Refused(err) {
				r.missing(kindRequest, "", err, "what was said of "+res.Key, needsMember)
				return nil
			}
			if err != nil {
				return err
			}
			out = append(out, res)
		}
	}
	r.in.Cover(kindRequest)
	for _, res := range out {
		if err := r.in.Add(res); err != nil {
			return err
		}
	}
	return nil
}

// pulls lists the pull requests of a repository that changed lately. They are
// ordered by their change, so one that changes meanwhile is seen twice and none
// is missed.
func (r *run) pulls(x repository) ([]pull, error) {
	var out []pull
	seen := map[int64]bool{}
	query := url.Values{"state": {"all"}, "sort": {"recentupdate"}, "limit": {strconv.Itoa(pageSize)}}
	err := r.api.Pages(r, x.path("/pulls"), query, func(raw json.RawMessage, _ int) error {
		var p pull
		if err := json.Unmarshal(raw, &p); err != nil || p.Number == 0 {
			return &rest.Error{Path: x.path("/pulls"), Message: "a pull request without a number", Cause: err}
		}
		if p.Updated.Before(r.since()) {
			return errOld
		}
		if !seen[p.Number] {
			seen[p.Number] = true
			out = append(out, p)
		}
		return nil
	})
	if errors.Is(err, errOld) {
		err = nil
	}
	return out, err
}

func (r *run) request(x repository, p pull) (sources.Resource, error) {
	if p.Merged && p.MergedBy == nil { // the list leaves it out
		var whole pull
		if _, err := r.api.Get(r, x.path(fmt.Sprintf("/pulls/%d", p.Number)), nil, &whole); err != nil {
			return sources.Resource{Key: fmt.Sprintf("%s#%d", x.FullName, p.Number)}, err
		}
		p.MergedBy = whole.MergedBy
	}
	state := p.State
	if p.Merged {
		state = "merged"
	}
	a := map[string]any{
		"repository": x.FullName, "number": p.Number, "title": p.Title, "url": p.URL, "state": state, "draft": p.Draft,
		"created_at": p.Created, "updated_at": p.Updated, "closed_at": p.Closed, "merged": p.Merged,
		"base_branch": p.Base.Ref, "to_default_branch": p.Base.Ref == x.Branch, "head_branch": p.Head.Ref, "head_commit": p.Head.SHA,
	}
	res := sources.Resource{Kind: kindRequest, Key: fmt.Sprintf("%s#%d", x.FullName, p.Number), Attrs: a, Absent: map[string]string{}}
	if p.User.Login != "" {
		a["author"] = p.User.Login
	} else {
		res.Absent["author"] = "the account is gone"
	}
	if p.Merged {
		a["merged_at"], a["merge_commit"] = p.MergedAt, p.MergeSHA
		if p.MergedBy != nil && p.MergedBy.Login != "" {
			a["merged_by"] = p.MergedBy.Login
			a["merged_by_author"] = p.MergedBy.Login == p.User.Login
		} else {
			res.Absent["merged_by"], res.Absent["merged_by_author"] = "the forge does not say who merged it", "the forge does not say who merged it"
		}
	}
	var said []review
	err := r.api.Pages(r, x.path(fmt.Sprintf("/pulls/%d/reviews", p.Number)), url.Values{"limit": {strconv.Itoa(pageSize)}}, func(raw json.RawMessage, _ int) error {
		var w review
		err := json.Unmarshal(raw, &w)
		said = append(said, w)
		return err
	})
	if err != nil {
		return res, err
	}
	judgements(p, said, a)
	return res, r.checks(x, p, &res)
}

// judgements sums up the reviews: the last yes or no of each account stands,
// unless it was dismissed. The author's own yes is none.
func judgements(p pull, said []review, a map[string]any) {
	slices.SortStableFunc(said, func(x, y review) int { return x.At.Compare(y.At) })
	last := map[string]review{}
	reviewers := map[string]bool{}
	self := false
	for _, u := range p.Requested {
		reviewers[u.Login] = true
	}
	for _, w := range said {
		if w.User.Login == "" {
			continue
		}
		if w.User.Login != p.User.Login {
			reviewers[w.User.Login] = true
		}
		if w.State != approved && w.State != rejected {
			continue
		}
		if w.User.Login == p.User.Login {
			self = self || w.State == approved && !w.Dismissed
			continue
		}
		last[w.User.Login] = w
	}
	yes, no := []string{}, []string{}
	var first time.Time
	ofHead, before := int64(0), false
	for who, w := range last {
		switch {
		case w.Dismissed:
		case w.State == rejected:
			no = append(no, who)
		default:
			yes = append(yes, who)
			if first.IsZero() || w.At.Before(first) {
				first = w.At
			}
			if w.Commit == p.Head.SHA && !w.Stale {
				ofHead++
			}
			before = before || p.Merged && !w.At.After(p.MergedAt)
		}
	}
	delete(reviewers, "")
	asked := make([]string, 0, len(reviewers))
	for who := range reviewers {
		asked = append(asked, who)
	}
	slices.Sort(asked)
	slices.Sort(yes)
	slices.Sort(no)
	a["reviewers"], a["approvers"], a["rejected_by"] = asked, yes, no
	a["approvals"], a["approvals_of_head"], a["self_approved"] = int64(len(yes)), ofHead, self
	a["approved_at"] = first
	if p.Merged {
		a["approved_before_merge"] = before
	}
}

// checks is what reported on the last commit of a request.
func (r *run) checks(x repository, p pull, res *sources.Resource) error {
	var status struct {
		State string `json:"state"`
		Total int64  `json:"total_count"`
	}
	_, err := r.api.Get(r, x.path("/commits/"+url.PathEscape(p.Head.SHA)+"/status"), nil, &status)
	switch {
	case rest.Refused(err):
		// The commit of a deleted branch may be gone. That is of this request alone.
		reason, _ := lacking(err, "the status of its last commit", "")
		res.Absent["checks"], res.Absent["checks_state"] = reason, reason
		return nil
	case err != nil:
		return err
	}
	res.Attrs["checks"] = status.Total
	if status.Total > 0 {
		res.Attrs["checks_state"] = status.State
	} else {
		res.Absent["checks_state"] = "nothing reported on its last commit"
	}
	return nil
}
