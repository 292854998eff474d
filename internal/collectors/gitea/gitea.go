// Package gitea reads an organization at a Gitea or Forgejo server: its
// repositories with the rules for their branches, the pull requests with who
// wrote, approved and merged them, and its members. It only asks, and never
// changes anything.
package gitea

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/rest"
	"github.com/tickmark/tickmark/internal/sources"
)

const (
	kindRepository = "forge_repository"
	kindRequest    = "change_request"
	kindMember     = "forge_member"

	defaultDays = 400
	pageSize    = 50
)

// New returns the collector. It holds no state.
func New() sources.Tester { return Collector{} }

// Collector reads Gitea.
type Collector struct {
	// Transport replaces the network: a recording.
	Transport http.RoundTripper
}

// Kind names the source type.
func (Collector) Kind() string { return "gitea" }

// Version changes whenever the same organization would yield other facts.
func (Collector) Version() string { return "1" }

// settings are what an operator says about an organization.
type settings struct {
	URL          string `json:"url"`
	Owner        string `json:"owner"`
	Token        string `json:"token"`
	Repositories string `json:"repositories"`
	Days         string `json:"since_days"`
	CA           string `json:"ca"`

	only []string
	days int
}

var (
	ownerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$`)
	tokenForm = regexp.MustCompile(`^[!-~]{8,500}$`)
)

func parseSettings(raw json.RawMessage) (settings, error) {
	s := settings{days: defaultDays}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fault.Invalid("settings", "the settings of a Gitea source are texts: url, owner, token, repositories, since_days, ca").With(err)
	}
	if !ownerName.MatchString(s.Owner) {
		return s, fault.Invalid("owner", "give the name of an organization as it stands in the address, such as example")
	}
	if !tokenForm.MatchString(s.Token) {
		return s, fault.Invalid("token", "give an access token: printable characters without a blank")
	}
	for line := range strings.Lines(s.Repositories) {
		name := strings.TrimSpace(line)
		_, after, both := strings.Cut(name, "/")
		if both && strings.HasPrefix(strings.ToLower(name), strings.ToLower(s.Owner)+"/") {
			name = after
		}
		if name == "" {
			continue
		}
		if !ownerName.MatchString(name) {
			return s, fault.Invalid("repositories", "%q is no name of a repository of %s: give such as app, one to a line", name, s.Owner)
		}
		s.only = append(s.only, name)
	}
	if s.Days != "" {
		n, err := strconv.Atoi(strings.TrimSpace(s.Days))
		if err != nil || n < 1 || n > 3660 {
			return s, fault.Invalid("since_days", "give a number of days between 1 and 3660")
		}
		s.days = n
	}
	return s, nil
}

// A run is one reading.
type run struct {
	context.Context
	api     *rest.Client
	set     settings
	in      *sources.Intake
	version string
	account user
	isOrg   bool
	repos   []repository
}

func (c Collector) begin(ctx context.Context, raw json.RawMessage) (*run, error) {
	set, err := parseSettings(raw)
	if err != nil {
		return nil, err
	}
	api, err := rest.New(set.URL, rest.Options{Header: map[string]string{"Authorization": "token " + set.Token}, CA: set.CA, Transport: c.Transport})
	if err != nil {
		return nil, err
	}
	r := &run{Context: ctx, api: api, set: set}
	return r, r.greet()
}

// greet finds out who answers, and whether the token is taken at all.
func (r *run) greet() error {
	var v struct {
		Version string `json:"version"`
	}
	if _, err := r.api.Get(r, "/api/v1/version", nil, &v); err != nil {
		if rest.StatusOf(err) == http.StatusUnauthorized {
			return r.refusal()
		}
		if rest.StatusOf(err) == http.StatusNotFound {
			return fault.Invalid("url", "%s answers, but not as Gitea does: give the address that people open", r.api.Host())
		}
		return r.told(err)
	}
	r.version = v.Version
	if _, err := r.api.Get(r, "/api/v1/user", nil, &r.account); err != nil {
		switch rest.StatusOf(err) {
		case http.StatusUnauthorized:
			return r.refusal()
		case http.StatusForbidden: // without the scope read:user the rest may still be read
		default:
			return r.told(err)
		}
	}
	return nil
}

func (r *run) refusal() error {
	return fault.Denied("%s does not take the token: it was withdrawn, has expired or is of another server. Make a new one and put it in the place of this one.", r.api.Host())
}

// told turns an error that ends the run into words for whoever set it up.
func (r *run) told(err error) error {
	switch {
	case fault.As(err) != nil:
		return err
	case rest.StatusOf(err) == http.StatusUnauthorized:
		return fault.Denied("%s does not take the token any more.", r.api.Host()).With(err)
	}
	return fmt.Errorf("%s: %w", r.api.Host(), err)
}

// Collect reads the organization.
func (c Collector) Collect(ctx context.Context, raw json.RawMessage, in *sources.Intake) error {
	r, err := c.begin(ctx, raw)
	if err != nil {
		return err
	}
	defer r.api.Close()
	r.in = in
	in.Scope("server", r.api.Host())
	in.Scope("version", r.version)
	in.Scope("organization", r.set.Owner)
	in.Scope("account", r.account.Login)
	in.Scope("change_requests_since", r.since().Format(time.DateOnly))
	if len(r.set.only) > 0 {
		in.Scope("repositories", strings.Join(r.set.only, ", "))
	}
	for _, step := range []func() error{r.findOwner, r.repositories, r.requests, r.members} {
		if err := step(); err != nil {
			return r.told(err)
		}
	}
	in.Scope("questions", strconv.Itoa(r.api.Asked()))
	return nil
}

// since is the day from which change requests are read: whole days, so that
// two readings of one day agree.
func (r *run) since() time.Time {
	return r.in.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -r.set.days)
}

// findOwner tells an organization from an account of a person.
func (r *run) findOwner() error {
	_, err := r.api.Get(r, "/api/v1/orgs/"+url.PathEscape(r.set.Owner), nil, nil)
	if err == nil {
		r.isOrg = true
		return nil
	}
	if !rest.Refused(err) {
		return err
	}
	if rest.StatusOf(err) == http.StatusForbidden { // it is there, the token may not look
		r.isOrg = true
		return nil
	}
	_, err = r.api.Get(r, "/api/v1/users/"+url.PathEscape(r.set.Owner), nil, nil)
	if rest.StatusOf(err) == http.StatusNotFound {
		return fault.Invalid("owner", "%s has no organization %s that the token may see", r.api.Host(), r.set.Owner).With(err)
	}
	if rest.Refused(err) {
		return nil
	}
	return err
}

// scopeOf finds in a refusal which scope the token lacks.
var scopeOf = regexp.MustCompile(`required scope\(s\)[^\[]*\[([a-z:, ]+)\]`)

// lacking says why something was refused and what would settle it.
func lacking(err error, what, otherwise string) (reason, remedy string) {
	if m := scopeOf.FindStringSubmatch(rest.Said(err)); m != nil {
		return "the token lacks the scope " + m[1], "Make a token with the scope " + m[1] + " and put it in the place of this one."
	}
	reason = fmt.Sprintf("the forge refused %s (%d)", what, rest.StatusOf(err))
	if said := rest.Said(err); said != "" {
		reason += ": " + said
	}
	return reason, otherwise
}

func (r *run) missing(kind, field string, err error, what, otherwise string) {
	reason, remedy := lacking(err, what, otherwise)
	r.in.Missing(sources.Missing{Kind: kind, Field: field, Reason: reason, Remedy: remedy})
}

const (
	needsMember = "Use a token of an account that is a member of the organization."
	needsOwner  = "Use a token of an owner of the organization, to whom alone the forge shows who is in each team."
)

// Test asks for the first of everything.
func (c Collector) Test(ctx context.Context, raw json.RawMessage) (sources.Trial, error) {
	var t sources.Trial
	r, err := c.begin(ctx, raw)
	if err != nil {
		return t, err
	}
	defer r.api.Close()
	t.Found = append(t.Found, "Gitea "+r.version+" at "+r.api.Host())
	if r.account.Login != "" {
		t.Found = append(t.Found, "Token of "+r.account.Login)
	}
	if err := r.findOwner(); err != nil {
		return t, r.told(err)
	}
	miss := func(kind, field, what, otherwise string, err error) error {
		if !rest.Refused(err) {
			return r.told(err)
		}
		reason, remedy := lacking(err, what, otherwise)
		t.Missing = append(t.Missing, sources.Missing{Kind: kind, Field: field, Reason: reason, Remedy: remedy})
		return nil
	}
	var list []repository
	a, err := r.api.Get(ctx, r.reposPath(), url.Values{"limit": {"1"}}, &list)
	if err != nil {
		return t, errors.Join(miss(kindRepository, "", "the list of repositories", needsMember, err), miss(kindRequest, "", "the list of repositories", needsMember, err))
	}
	t.Found = append(t.Found, "Repositories: "+counted(a.Header.Get("X-Total-Count"), len(list)))
	if len(list) > 0 {
		if _, err := r.api.Get(ctx, list[0].path("/pulls"), url.Values{"limit": {"1"}, "state": {"all"}}, nil); err != nil {
			if err := miss(kindRequest, "", "pull requests", needsMember, err); err != nil {
				return t, err
			}
		}
		if _, err := r.api.Get(ctx, list[0].path("/branch_protections"), nil, nil); err != nil {
			if err := miss(kindRepository, "force_pushes", "the rules for branches", needsAdmin, err); err != nil {
				return t, err
			}
		}
	}
	if r.isOrg {
		a, err := r.api.Get(ctx, "/api/v1/orgs/"+url.PathEscape(r.set.Owner)+"/members", url.Values{"limit": {"1"}}, nil)
		if err != nil {
			return t, miss(kindMember, "", "the list of members", needsMember, err)
		}
		t.Found = append(t.Found, "Members: "+counted(a.Header.Get("X-Total-Count"), 1))
	}
	t.Missing = append(t.Missing, sources.Missing{Kind: kindMember, Field: "two_factor", Reason: noFactor, Remedy: factorRemedy})
	return t, nil
}

func counted(total string, seen int) string {
	if total != "" {
		return total
	}
	return strconv.Itoa(seen)
}

// user is an account as the forge shows it.
type user struct {
	Login   string    `json:"login"`
	Name    string    `json:"full_name"`
	Email   string    `json:"email"`
	Admin   bool      `json:"is_admin"`
	Active  bool      `json:"active"`
	Created time.Time `json:"created"`
	Last    time.Time `json:"last_login"`
}

const (
	noFactor     = "Gitea shows nobody whether an account has a second factor"
	factorRemedy = "Let people sign in to the forge through your identity provider, and connect that."
)

// members reads who belongs to the organization, with their teams.
func (r *run) members() error {
	if !r.isOrg {
		return nil // an account has none
	}
	org := "/api/v1/orgs/" + url.PathEscape(r.set.Owner)
	found := map[string]*sources.Resource{}
	r.in.Progress(0, 0, "Members")
	err := r.api.Pages(r, org+"/members", url.Values{"limit": {strconv.Itoa(pageSize)}}, func(raw json.RawMessage, _ int) error {
		var u user
		if err := json.Unmarshal(raw, &u); err != nil || u.Login == "" {
			return errors.Join(errors.New("a member without a name"), err)
		}
		found[u.Login] = r.member(u)
		return nil
	})
	if rest.Refused(err) {
		r.missing(kindMember, "", err, "the list of members", needsMember)
		return nil
	}
	if err != nil {
		return err
	}
	switch err := r.teams(org, found); {
	case rest.Refused(err):
		r.missing(kindMember, "owner", err, "the teams of the organization", needsOwner)
		r.missing(kindMember, "teams", err, "the teams of the organization", needsOwner)
		reason, _ := lacking(err, "the teams of the organization", "")
		for _, m := range found {
			delete(m.Attrs, "owner")
			delete(m.Attrs, "teams")
			m.Absent["owner"], m.Absent["teams"] = reason, reason
		}
	case err != nil:
		return err
	}
	r.in.Missing(sources.Missing{Kind: kindMember, Field: "two_factor", Reason: noFactor, Remedy: factorRemedy})
	r.in.Cover(kindMember)
	for _, m := range found {
		if err := r.in.Add(*m); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) member(u user) *sources.Resource {
	m := &sources.Resource{Kind: kindMember, Key: u.Login, Absent: map[string]string{"two_factor": noFactor},
		Attrs: map[string]any{"login": u.Login, "name": u.Name, "email": u.Email, "created_at": u.Created, "owner": false, "teams": []string{}}}
	if r.account.Admin {
		m.Attrs["site_admin"], m.Attrs["active"] = u.Admin, u.Active
		if u.Last.Year() > 1970 {
			m.Attrs["last_login_at"] = u.Last
		} else {
			m.Absent["last_login_at"] = "it has never signed in, or not since the forge records it"
		}
		return m
	}
	for _, f := range []string{"site_admin", "active", "last_login_at"} {
		m.Absent[f] = "the forge shows it to its administrators only"
	}
	return m
}

// teams marks who is in which team; the team Owners owns the organization.
func (r *run) teams(org string, found map[string]*sources.Resource) error {
	type team struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
		May  string `json:"permission"`
	}
	var all []team
	err := r.api.Pages(r, org+"/teams", url.Values{"limit": {strconv.Itoa(pageSize)}}, func(raw json.RawMessage, _ int) error {
		var x team
		err := json.Unmarshal(raw, &x)
		all = append(all, x)
		return err
	})
	if err != nil {
		return err
	}
	for _, x := range all {
		err := r.api.Pages(r, fmt.Sprintf("/api/v1/teams/%d/members", x.ID), url.Values{"limit": {strconv.Itoa(pageSize)}}, func(raw json.RawMessage, _ int) error {
			var u user
			if err := json.Unmarshal(raw, &u); err != nil {
				return err
			}
			m := found[u.Login]
			if m == nil {
				return nil // joined since the members were listed
			}
			names := append(m.Attrs["teams"].([]string), x.Name)
			slices.Sort(names)
			m.Attrs["teams"] = names
			if x.May == "owner" {
				m.Attrs["owner"] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
