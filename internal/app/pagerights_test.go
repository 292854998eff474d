package app_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// acts says which operation each act of a page does, which is what decides who
// may do it. Those of nobody signed in have none.
var acts = map[string]string{
	"POST /setup":                       "",
	"POST /sign-in":                     "",
	"POST /sign-out":                    "",
	"POST /settings":                    "orgs.update",
	"POST /settings/members":            "members.create",
	"POST /settings/tokens":             "tokens.create",
	"POST /settings/tokens/{id}/revoke": "tokens.revoke",
	"POST /scope":                       "scopes.set",
	"POST /start/scope":                 "scopes.set",
	"POST /start/sources":               "sources.create",
	"POST /controls/adopt":              "controls.adopt",
	"POST /controls/new":                "controls.create",
	"POST /controls/{id}/edit":          "controls.update",
	"POST /controls/{id}/implement":     "controls.implement",
	"POST /controls/{id}/retire":        "controls.retire",
	"POST /checks/new":                  "checks.create",
	"POST /checks/{id}/except":          "exceptions.create",
	"POST /exceptions/{id}/end":         "exceptions.end",
	"POST /evidence/new":                "evidence.create",
	"POST /log/verify":                  "ledgers.verify",
	"POST /export":                      "exports.create",
	"POST /sources/new":                 "sources.create",
	"POST /sources/{id}/collect":        "sources.collect",
	"POST /sources/{id}/remove":         "sources.remove",
}

// fill puts the tenant's records where a page's address names one.
func (x *tenant) fill(pattern string) string {
	x.t.Helper()
	kinds := map[string]string{"controls": "control", "checks": "check", "exceptions": "exception", "evidence": "evidence", "log": "entry",
		"sources": "source", "runs": "run", "jobs": "job", "tokens": "token"}
	parts := strings.Split(strings.TrimSuffix(pattern, "{$}"), "/")
	for i, part := range parts {
		switch {
		case !strings.HasPrefix(part, "{"):
		case part == "{version}":
			parts[i] = "1"
		case part == "{kind}":
			parts[i] = "commit"
		case part == "{key...}":
			parts[i] = url.PathEscape(x.ids["resource"])
		case parts[i-1] == "criteria":
			parts[i] = "CC6.1"
		case parts[i-1] == "library":
			parts[i] = "CHG-01"
		case kinds[parts[i-1]] == "":
			x.t.Fatalf("%s: say in fill what stands at %s", pattern, part)
		default:
			parts[i] = url.PathEscape(x.ids[kinds[parts[i-1]]])
		}
	}
	path := strings.Join(parts, "/")
	switch pattern {
	case "/start/reading":
		return path + "?read=" + x.ids["source"] + "." + x.ids["job"]
	case "/sources/{id}/progress":
		return path + "?job=" + x.ids["job"]
	}
	return path
}

// act is a page's act with a form that would succeed, at the tenant's records.
func (x *tenant) act(base, pattern, does string, who *op.Desk) *http.Request {
	x.t.Helper()
	in := input{}
	if does != "" {
		in = maps.Clone(x.example(operation(x.t, does), who))
	}
	_, path, _ := strings.Cut(pattern, " ")
	if id, ok := in["id"]; ok {
		path = strings.Replace(path, "{id}", url.PathEscape(fmt.Sprint(id)), 1)
		delete(in, "id")
	}
	path = x.fill(path)
	form := asForm(in)
	if pattern == "POST /evidence/new" {
		return multipartRequest(x.t, base+path, form, x.mark)
	}
	r := request(x.t, http.MethodPost, base+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// pageRow opens a page, or does a page's act, as everybody.
func pageRow(t *testing.T, x *tenant, base string, r site.Route, all []person) []string {
	t.Helper()
	method, path, _ := strings.Cut(r.Pattern, " ")
	cells := make([]string, len(all))
	if method == http.MethodGet {
		for i, p := range all {
			cells[i] = opens(t, base+x.fill(path), r, p)
		}
		return cells
	}
	does, known := acts[r.Pattern]
	switch {
	case !known:
		t.Fatalf("%s: say in acts which operation it does", r.Pattern)
	case r.Open: // anyone may knock; what it takes is tested by itself
		for i := range cells {
			cells[i] = "yes"
		}
		return cells
	}
	o := operation(t, does)
	forms := make([]*http.Request, len(all))
	for i := range all {
		forms[i] = x.act(base, r.Pattern, does, nil)
	}
	before := x.rows()
	for i, p := range all {
		if p.name != "outsider" && p.desk.Actor.May(o.Right()) {
			continue
		}
		cells[i] = "-"
		a := send(t, signedIn(forms[i], p.cookie))
		to := a.head.Get("Location")
		switch {
		case p.name == "outsider":
			if a.done() {
				cells[i] = "own"
			}
		case p.name == nobody && (a.status != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in?to=")), p.name != nobody && a.status != http.StatusForbidden:
			t.Errorf("%s by %s: %d to %q, want it refused", r.Pattern, p.name, a.status, to)
		}
	}
	if diff := cmp.Diff(before, x.rows()); diff != "" {
		t.Errorf("%s by those who may not has changed something:\n%s", r.Pattern, diff)
	}
	for i, p := range all {
		if cells[i] != "" {
			continue
		}
		cells[i] = "yes"
		if a := send(t, signedIn(x.act(base, r.Pattern, does, p.desk), p.cookie)); !a.done() {
			t.Errorf("%s by %s, who may: %d\n%.2000s", r.Pattern, p.name, a.status, a.body)
		}
	}
	return cells
}

// opens says what a person gets to see of a page.
func opens(t *testing.T, address string, r site.Route, p person) string {
	t.Helper()
	a := send(t, signedIn(request(t, http.MethodGet, address, nil), p.cookie))
	to := a.head.Get("Location")
	if p.name == nobody && !r.Open && (a.status != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in?to=")) {
		t.Errorf("%s for a stranger: %d to %q", r.Pattern, a.status, to)
	}
	switch {
	case a.status == http.StatusForbidden, a.status == http.StatusNotFound && p.name == "outsider":
		return "-"
	case a.status >= 400:
		t.Errorf("%s for %s: %d\n%.1000s", r.Pattern, p.name, a.status, a.body)
	case a.status >= 300:
		return ">"
	}
	return "yes"
}
