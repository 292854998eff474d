package app_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// acts says which operation each act of a page does, which is what decides who
// may do it. Those of nobody signed in have none.
var acts = map[string]string{
	"POST /setup":                                 "",
	"POST /sign-in":                               "",
	"POST /sign-out":                              "",
	"POST /settings":                              "orgs.update",
	"POST /settings/members":                      "members.create",
	"POST /settings/members/{id}":                 "members.update",
	"POST /settings/members/{id}/remove":          "members.remove",
	"POST /settings/invitations":                  "invitations.create",
	"POST /settings/invitations/{id}/revoke":      "invitations.revoke",
	"POST /settings/password":                     oneself,
	"POST /switch":                                oneself,
	"POST /join":                                  "",
	"POST /verify":                                "",
	"POST /settings/tokens":                       "tokens.create",
	"POST /settings/tokens/{id}/revoke":           "tokens.revoke",
	"POST /scope":                                 "scopes.set",
	"POST /start/scope":                           "scopes.set",
	"POST /start/sources":                         "sources.create",
	"POST /controls/adopt":                        "controls.adopt",
	"POST /controls/assign":                       "controls.assign",
	"POST /views":                                 "views.create",
	"POST /views/{id}":                            "views.update",
	"POST /views/{id}/remove":                     "views.remove",
	"POST /controls/new":                          "controls.create",
	"POST /controls/{id}/edit":                    "controls.update",
	"POST /controls/{id}/implement":               "controls.implement",
	"POST /controls/{id}/retire":                  "controls.retire",
	"POST /checks/new":                            "checks.create",
	"POST /checks/{id}/except":                    "exceptions.create",
	"POST /checks/import":                         "checks.import",
	"POST /checks/{id}/edit":                      "checks.update",
	"POST /checks/{id}/judge":                     "checks.evaluate",
	"POST /checks/{id}/retire":                    "checks.retire",
	"POST /checks/{id}/restore":                   "checks.restore",
	"POST /checks/{id}/adjust":                    "checks.adjust",
	"POST /exceptions/end":                        "exceptions.end_many",
	"POST /exceptions/{id}/renew":                 "exceptions.create",
	"POST /exceptions/{id}/approve":               "exceptions.approve",
	"POST /exceptions/{id}/end":                   "exceptions.end",
	"POST /evidence/new":                          "evidence.create",
	"POST /evidence/capture":                      "evidence.ticket",
	"POST /evidence/{id}/review":                  "evidence.review",
	"POST /evidence/{id}/link":                    "evidence.link",
	"POST /evidence/{id}/unlink":                  "evidence.unlink",
	"POST /evidence/{id}/validate":                "evidence.validate",
	"POST /evidence/{id}/original":                "evidence.open",
	"POST /evidence/{id}/redact":                  "evidence.redact",
	"POST /log/verify":                            "ledgers.verify",
	"POST /log/health/read-back":                  "scrubs.start",
	"POST /erasures/new":                          "erasures.create",
	"POST /erasures/{id}/approve":                 "erasures.approve",
	"POST /erasures/{id}/refuse":                  "erasures.refuse",
	"POST /holds":                                 "holds.create",
	"POST /holds/{id}":                            "holds.release",
	"POST /retention":                             "retention.update",
	"POST /retention/due":                         "erasures.preview",
	"POST /export":                                "exports.create",
	"POST /sources/ingest":                        "imports.start",
	"POST /imports/{id}":                          "imports.start",
	"POST /imports/{id}/cancel":                   "imports.cancel",
	"POST /imports/{id}/retry":                    "imports.retry",
	"POST /sources/new":                           "sources.create",
	"POST /sources/{id}/mapping":                  "mappings.save",
	"POST /sources/{id}/collect":                  "sources.collect",
	"POST /sources/{id}/remove":                   "sources.remove",
	"POST /sources/try":                           "sources.test",
	"POST /sources/{id}/edit":                     "sources.update",
	"POST /sources/{id}/pause":                    "sources.pause",
	"POST /sources/{id}/resume":                   "sources.resume",
	"POST /sources/{id}/cancel":                   "sources.cancel",
	"POST /sources/{id}/reconnect":                "sources.reconnect",
	"POST /sign-in/passkey":                       "",
	"POST /sign-in/second":                        "",
	"POST /forgotten":                             "",
	"POST /again":                                 "",
	"POST /prove":                                 oneself,
	"POST /settings/sign-in/totp":                 oneself,
	"POST /settings/sign-in/totp/confirm":         oneself,
	"POST /settings/sign-in/totp/remove":          oneself,
	"POST /settings/sign-in/codes":                oneself,
	"POST /settings/sign-in/passkey":              oneself,
	"POST /settings/sign-in/passkeys/{id}":        oneself,
	"POST /settings/sign-in/passkeys/{id}/remove": oneself,
	"POST /settings/sign-in/sessions/{id}/end":    oneself,
	"POST /settings/sign-in/sessions/others":      oneself,
	"POST /settings/door":                         "doors.update",
	"POST /settings/letter":                       "letters.test",
	"POST /settings/organizations":                oneself,
	"POST /settings/members/{id}/deactivate":      "members.deactivate",
	"POST /settings/members/{id}/activate":        "members.reactivate",
	"POST /settings/members/{id}/recover":         "members.recover",
	"POST /settings/invitations/many":             "invitations.send",
	"POST /settings/invitations/{id}/resend":      "invitations.resend",

	"POST /engagements/new":                            "engagements.propose",
	"POST /engagements/{id}/accept":                    "engagements.accept",
	"POST /engagements/{id}/advance":                   "engagements.advance",
	"POST /engagements/{id}/withdraw":                  "engagements.withdraw",
	"POST /engagements/{id}/plan":                      "engagements.plan",
	"POST /engagements/{id}/dates":                     "engagements.reschedule",
	"POST /engagements/{id}/bundle":                    "examinations.create",
	"POST /firm/methodology":                           "methodologies.set",
	"POST /engagements/{id}/populations/new":           "populations.request",
	"POST /engagements/{id}/populations/{code}/build":  "populations.build",
	"POST /engagements/{id}/populations/{code}/seal":   "populations.seal",
	"POST /engagements/{id}/populations/{code}/judge":  "populations.check",
	"POST /engagements/{id}/populations/{code}/accept": "populations.accept",
	"POST /engagements/{id}/plan-test":                 "procedures.plan",
	"POST /engagements/{id}/testing/{ref}/marks":       "marks.set",
	"POST /engagements/{id}/testing/{ref}/plan":        "procedures.plan",
	"POST /engagements/{id}/testing/{ref}/draw":        "samples.draw",
	"POST /engagements/{id}/testing/{ref}/extend":      "samples.extend",
	"POST /engagements/{id}/testing/{ref}/full":        "tests.run",
	"POST /engagements/{id}/testing/{ref}/conclude":    "procedures.conclude",
	"POST /engagements/{id}/testing/{ref}/review":      "procedures.review",
	"POST /engagements/{id}/testing/{ref}/evidence":    "items.link",
	"POST /engagements/{id}/deviations/{dev}":          "deviations.classify",
	"POST /engagements/{id}/deviations/{dev}/response": "deviations.respond",
	"POST /engagements/{id}/items/{ref}/answer":        "items.answer",
	"POST /engagements/{id}/conclusions/accept":        "criteria_conclusions.accept",
	"POST /engagements/{id}/conclusions/parts/{part}":  "opinions.decide",
	"POST /engagements/{id}/conclusions/{criterion}":   "criteria_conclusions.decide",
	"POST /engagements/{id}/report/draft":              "reports.draft",
	"POST /engagements/{id}/report/texts/{place}":      "report_texts.set",
	"POST /engagements/{id}/report/assertion":          "assertions.sign",
	"POST /engagements/{id}/report/issue":              "reports.issue",
}

// where says which engagement a page is opened with, if it is not the working
// one.
var where = map[string]string{
	"/engagements/{id}/accept":                   offered,
	"/engagements/{id}/advance":                  begun,
	"/engagements/{id}/plan":                     begun,
	"/engagements/{id}/conclusions":              weighing,
	"/engagements/{id}/conclusions/accept":       weighing,
	"/engagements/{id}/conclusions/parts/{part}": weighing,
	"/engagements/{id}/conclusions/{criterion}":  weighing,
	"/engagements/{id}/report":                   reviewing,
	"/engagements/{id}/report/prints/{report}":   reviewing,
	"/engagements/{id}/report/texts/{place}":     reviewing,
	"/engagements/{id}/report/assertion":         signing,
	"/engagements/{id}/report/issue":             signing,
}

// room puts the records of an engagement into the address of one of its pages.
func (x *tenant) room(pattern string) string {
	x.t.Helper()
	x.engage()
	name := where[pattern]
	if name == "" {
		name = working
	}
	e, control, list := x.engagement(name), x.sampled, listed
	switch {
	case strings.HasSuffix(pattern, "/draw"):
		control = x.undrawn
	case strings.HasSuffix(pattern, "/full"):
		control = x.inFull(e)
	case strings.HasSuffix(pattern, "/conclude"), strings.HasSuffix(pattern, "/review"):
		control = x.looked()
	case strings.HasSuffix(pattern, "/seal"):
		list = drafted
	case strings.HasSuffix(pattern, "/strata"):
		list = layered
	}
	report := ""
	if strings.Contains(pattern, "{report}") {
		report = x.newestPrint(e)
	}
	path := strings.NewReplacer("{id}", e, "{ref}", control, "{code}", list, "{index}", "1", "{item}", url.PathEscape(x.item()), "{evidence}", x.ids["evidence"],
		"{dev}", x.ids["deviation"], "{part}", "design", "{criterion}", "CC6.1", "{report}", report, "{place}", "III.DC1").Replace(pattern)
	if strings.HasSuffix(pattern, "/testing/{ref}/evidence") || strings.HasSuffix(pattern, "/items/{ref}/answer") {
		path += "?items=" + url.QueryEscape(x.item())
	}
	return path
}

// shape gives an input the form that its page has, where the names differ.
func shape(pattern string, in input) {
	switch pattern {
	case "POST /engagements/{id}/plan-test", "POST /engagements/{id}/testing/{ref}/plan":
		for _, line := range in["attributes"].([]string) {
			letter, text, _ := strings.Cut(line, " ")
			in["text-"+letter] = text
		}
		delete(in, "attributes")
	case "POST /controls/assign":
		in["id"] = in["ids"]
		delete(in, "ids")
	case "POST /assets/resources":
		in["id"], in["act"] = in["resources"], "adopt"
		delete(in, "resources")
	case "POST /assets/link":
		in["asset"], in["id"] = in["id"], in["resources"]
		delete(in, "resources")
	case "POST /assets/{id}/unlink":
		in["id"] = in["resources"]
		delete(in, "resources")
	case "POST /assets/bulk":
		in["id"], in["act"] = in["ids"], "exclude"
		delete(in, "ids")
	case "POST /tasks/bulk", "POST /notices/read":
		in["id"], in["act"] = in["ids"], "complete"
		delete(in, "ids")
	case "POST /engagements/{id}/report/assertion":
		sum := sha256.Sum256([]byte(fmt.Sprint(in["text"])))
		in["sha256"], in["step"] = hex.EncodeToString(sum[:]), "sign"
	case "POST /engagements/{id}/populations/{code}/build":
		in["column"] = in["key"]
		delete(in, "key")
		delete(in, "data")
	}
}

// oneself marks an act that concerns only whoever does it: everybody may who is
// signed in, and its own tests say what it does.
const oneself = "oneself"

// fill puts the tenant's records where a page's address names one.
func (x *tenant) fill(pattern string) string {
	x.t.Helper()
	if strings.HasPrefix(pattern, "/engagements/{id}") {
		return x.room(pattern)
	}
	kinds := map[string]string{"controls": "control", "checks": "check", "exceptions": "exception", "evidence": "evidence", "log": "entry",
		"sources": "source", "runs": "run", "jobs": "job", "tokens": "token", "members": "owner"}
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
		case parts[i-1] == "imports":
			parts[i] = x.handedIn()
		case parts[i-1] == "erasures":
			parts[i] = string(x.asked(nil).ID)
		case parts[i-1] == "tasks":
			parts[i] = x.task(nil)
		case parts[i-1] == "comments":
			parts[i] = x.said(nil)
		case parts[i-1] == "channels":
			parts[i] = x.channel()
		case parts[i-1] == "holds":
			parts[i] = x.standing()
		case part == "{name}":
			parts[i] = "checks"
		case part == "{reader}":
			parts[i] = "lead"
		case part == "{topic}":
			parts[i] = "controls"
		case parts[i-1] == "assets":
			parts[i] = x.asset()
		case parts[i-1] == "views":
			parts[i] = x.view(x.desk)
		case parts[i-1] == "passkeys":
			parts[i] = string(id.New[id.Passkey](x.app.Clock.Now())) // of nobody: it takes a browser to make one
		case parts[i-1] == "sessions":
			parts[i] = string(id.New[id.Session](x.app.Clock.Now()))
		case kinds[parts[i-1]] == "":
			x.t.Fatalf("%s: say in fill what stands at %s", pattern, part)
		default:
			parts[i] = url.PathEscape(x.ids[kinds[parts[i-1]]])
		}
	}
	path := strings.Join(parts, "/")
	switch pattern {
	case "/sources/{id}/mapping":
		return "/sources/" + string(x.table()) + "/mapping"
	case "/start/reading":
		return path + "?read=" + x.ids["source"] + "." + x.ids["job"]
	case "/erasures/new":
		return path + "?" + asForm(wished(input{}, x.unneeded())).Encode()
	case "/exceptions/{id}/renew": // one is renewed once
		w := do(x.t, x, checks.Except, x.waiver())
		_, err := checks.Approve.Do(x.t.Context(), x.second(), checks.WaiverRef{ID: string(w.ID)})
		x.must(err)
		return "/exceptions/" + string(w.ID) + "/renew"
	case "/coverage":
		return path + "?check=" + x.ids["check"]
	case "/join":
		return path + "?token=" + x.invited(string(x.least()))
	case "/comments":
		return path + "?object=" + x.task(nil)
	case "/sources/{id}/progress":
		return path + "?job=" + x.ids["job"]
	}
	return path
}

// act is a page's act with a form that would succeed, at the tenant's records.
func (x *tenant) act(base, pattern, does string, who *op.Desk) *http.Request {
	x.t.Helper()
	in := input{}
	if does != "" && does != oneself {
		in = maps.Clone(x.example(operation(x.t, does), who))
	}
	_, path, _ := strings.Cut(pattern, " ")
	replanned(x, pattern, in)
	if ids, ok := in["ids"].([]string); ok && strings.Contains(path, "{id}") {
		in["id"] = ids[0]
		delete(in, "ids")
	}
	for _, names := range [][2]string{{"engagement", "{id}"}, {"id", "{id}"}, {"id", "{dev}"}, {"control", "{ref}"}, {"population", "{code}"}, {"part", "{part}"}, {"criterion", "{criterion}"}, {"place", "{place}"}} {
		if v, ok := in[names[0]]; ok && strings.Contains(path, names[1]) {
			path = strings.Replace(path, names[1], url.PathEscape(fmt.Sprint(v)), 1)
			delete(in, names[0])
		}
	}
	if home := x.home(who); strings.Contains(path, "{") {
		path = home.fill(path)
	}
	shape(pattern, in)
	form := asForm(in)
	if pattern == "POST /engagements/{id}/populations/{code}/build" {
		form.Set("extracted", x.desk.Clock.Now().Format("2006-01-02T15:04"))
		return multipartRequest(x.t, base+path, form, string(x.deployments()))
	}
	if pattern == "POST /assets/import" {
		text, _ := in["csv"].([]byte)
		form.Del("csv")
		form.Set("act", "import")
		return multipartRequest(x.t, base+path, form, string(text))
	}
	if pattern == "POST /sources/ingest" {
		return multipartRequest(x.t, base+path, form, `[{"class_uid":2004,"metadata":{}}]`)
	}
	if pattern == "POST /evidence/new" {
		return multipartRequest(x.t, base+path, form, x.mark)
	}
	r := request(x.t, http.MethodPost, base+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// replanned makes a plan that can be changed of one that is new.
func replanned(x *tenant, pattern string, in input) {
	if pattern == "POST /engagements/{id}/testing/{ref}/plan" {
		x.inspection(fmt.Sprint(in["engagement"]), fmt.Sprint(in["control"]))
		in["version"] = 1
	}
}

// home is the tenant whose records somebody works with: the firm's, or the
// client's.
func (x *tenant) home(who *op.Desk) *tenant {
	if x.firm != nil && who != nil && who.Org == x.firm.desk.Org {
		return x.firm
	}
	return x
}

var engagementForm = regexp.MustCompile(`eng_[0-9a-v]{26}`)

// pageRow opens a page, or does a page's act, as everybody.
func pageRow(t *testing.T, x *tenant, base string, r site.Route, all []person) []string {
	t.Helper()
	method, path, _ := strings.Cut(r.Pattern, " ")
	cells := make([]string, len(all))
	if method == http.MethodGet {
		for i, p := range all {
			home := x.home(p.desk)
			if home != x && (strings.HasPrefix(path, "/engagements/{id}") || !p.owns(path)) {
				home = x
			}
			cells[i] = opens(t, base+home.fill(path), r, p)
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
	if does == oneself {
		for i, p := range all {
			cells[i] = "own"
			if p.name == nobody {
				cells[i] = "-"
			}
		}
		return cells
	}
	o := operation(t, does)
	form := x.act(base, r.Pattern, does, nil)
	body, err := io.ReadAll(form.Body)
	if err != nil {
		t.Fatal(err)
	}
	named := input{"engagement": engagementForm.FindString(form.URL.Path)}
	before := x.rows(named)
	for i, p := range all {
		if !p.outside() && p.desk.Actor.May(o.Right()) && !x.barred(o, p) {
			continue
		}
		cells[i] = "-"
		again := form.Clone(t.Context())
		again.Body = io.NopCloser(bytes.NewReader(body))
		a := send(t, signedIn(again, p.cookie))
		to := a.head.Get("Location")
		switch {
		case p.outside():
			if a.done() {
				cells[i] = "own"
			}
		case p.name == nobody && (a.status != http.StatusSeeOther && a.status != http.StatusTemporaryRedirect || !strings.HasPrefix(to, "/sign-in?to=")), p.name != nobody && a.status != http.StatusForbidden:
			t.Errorf("%s by %s: %d to %q, want it refused", r.Pattern, p.name, a.status, to)
		}
	}
	if diff := cmp.Diff(before, x.rows(named)); diff != "" {
		t.Errorf("%s by those who may not has changed something:\n%s", r.Pattern, diff)
	}
	for i, p := range all {
		if cells[i] != "" {
			continue
		}
		cells[i] = "yes"
		if sided[o.Name()] == eachItsOwn {
			cells[i] = eachItsOwn
		}
		a := send(t, signedIn(x.act(base, r.Pattern, does, p.desk), p.cookie))
		switch {
		case a.status == http.StatusForbidden && (does == "members.create" || does == "orgs.add"):
			cells[i] = "alone" // where nobody else shares the installation
		case a.status == http.StatusUnprocessableEntity && does == "mappings.save": // its form is that of a file, and is tested there
		case !a.done():
			t.Errorf("%s by %s, who may: %d\n%.2000s", r.Pattern, p.name, a.status, a.body)
		}
	}
	return cells
}

// owns reports whether the firm of somebody has records such as a page is about.
// Of those of its client a firm sees what an engagement shows.
func (p person) owns(pattern string) bool {
	return !p.firm() || !strings.Contains(pattern, "{") || strings.Contains(pattern, "{$}") ||
		slices.ContainsFunc([]string{"/criteria", "/settings", "/engagements", "/log", "/tasks", "/comments", "/notices", "/work"}, func(s string) bool { return strings.Contains(pattern, s) })
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
	case a.status == http.StatusForbidden, a.status == http.StatusNotFound && (p.outside() || p.firm() && !p.owns(r.Pattern)):
		return "-"
	case a.status == http.StatusNotFound && !p.firm() && strings.HasSuffix(r.Pattern, "/strata"): // the firm's plan says which there are
		return "-"
	case a.status == http.StatusNotFound && (strings.Contains(r.Pattern, "/tasks/{id}") || strings.Contains(r.Pattern, "/comments")): // those of others
		return "own"
	case a.status == http.StatusNotFound && r.Pattern == "GET /views/{id}": // that of somebody else
		return "own"
	case a.status == http.StatusUnprocessableEntity && (r.Pattern == "GET /again" || r.Pattern == "GET /settings/sign-in/passkey"):
		return "own" // it takes the secret of a letter; it takes an address that browsers know
	case a.status >= 400:
		t.Errorf("%s for %s: %d\n%.1000s", r.Pattern, p.name, a.status, a.body)
	case a.status >= 300:
		return ">"
	}
	return "yes"
}
