package gitea_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"testing"

	"github.com/tickmark/tickmark/internal/collectors/gitea"
	"github.com/tickmark/tickmark/internal/rest/resttest"
	"github.com/tickmark/tickmark/internal/sources"
)

const tape = "testdata/gitea.json"

// server is a Gitea that nobody else uses. scripts/gitea.sh starts one.
type server struct {
	*testing.T
	at, admin string
}

// ask does something there, and stops unless it is answered as expected.
func (s server) ask(as, method, path string, in any, want int) map[string]any {
	s.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		s.Fatal(err)
	}
	r, err := http.NewRequestWithContext(s.Context(), method, s.at+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if as == "" {
		r.Header.Set("Authorization", "token "+s.admin)
	} else {
		r.SetBasicAuth(as, firstPassword)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	if res.StatusCode != want {
		s.Fatalf("%s %s as %q: %d %s; want %d", method, path, as, res.StatusCode, said, want)
	}
	out := map[string]any{}
	if len(said) > 0 && said[0] == '{' {
		if err := json.Unmarshal(said, &out); err != nil {
			s.Fatal(err)
		}
	}
	return out
}

const firstPassword = "Only-for-recording-1"

type object = map[string]any

// file puts a file on a branch, which is made for it.
func (s server) file(as, repo, from, branch, name, text string) {
	s.Helper()
	in := object{"content": base64.StdEncoding.EncodeToString([]byte(text)), "message": "Add " + name, "branch": from}
	if branch != from {
		in["new_branch"] = branch
	}
	s.ask(as, "POST", "/repos/larchmere/"+repo+"/contents/"+name, in, 201)
}

func (s server) pull(as, repo, branch, title string) (number int, head string) {
	s.Helper()
	p := s.ask(as, "POST", "/repos/larchmere/"+repo+"/pulls", object{"head": branch, "base": "main", "title": title}, 201)
	return int(p["number"].(float64)), p["head"].(object)["sha"].(string)
}

func (s server) token(user string, scopes ...string) string {
	s.Helper()
	return s.ask(user, "POST", "/users/"+user+"/tokens", object{"name": fmt.Sprint("for ", scopes), "scopes": scopes}, 201)["sha1"].(string)
}

// TestRecord fills a new Gitea and records what it says to four accounts. It is
// the one test that needs a server; make gitea runs it.
func TestRecord(t *testing.T) {
	if os.Getenv("GITEA_URL") == "" {
		t.Skip("make gitea records against a real server")
	}
	s := server{t, os.Getenv("GITEA_URL"), os.Getenv("GITEA_ADMIN_TOKEN")}
	at, err := url.Parse(s.at)
	if err != nil {
		t.Fatal(err)
	}
	version := s.ask("", "GET", "/version", nil, 200)["version"]
	for _, who := range []string{"ana", "ben", "cara", "dana"} {
		s.ask("", "POST", "/admin/users", object{"username": who, "email": who + "@example.com", "password": firstPassword, "must_change_password": false, "full_name": "Person " + who}, 201)
	}
	s.ask("", "POST", "/orgs", object{"username": "larchmere"}, 201)
	team := func(name, may string, who ...string) {
		made := s.ask("", "POST", "/orgs/larchmere/teams", object{"name": name, "permission": may, "includes_all_repositories": true,
			"units": []string{"repo.code", "repo.pulls", "repo.issues"}}, 201)
		for _, w := range who {
			s.ask("", "PUT", fmt.Sprintf("/teams/%.0f/members/%s", made["id"], w), nil, 204)
		}
	}
	team("developers", "write", "ana", "ben")
	team("leads", "admin", "dana")
	team("readers", "read", "cara")
	for _, repo := range []string{"app", "docs", "later"} {
		s.ask("", "POST", "/orgs/larchmere/repos", object{"name": repo, "auto_init": repo != "later", "default_branch": "main", "private": repo == "app"}, 201)
	}
	s.ask("", "POST", "/repos/larchmere/app/branch_protections", object{"rule_name": "main", "enable_push": false, "required_approvals": 1,
		"dismiss_stale_approvals": true, "block_on_rejected_reviews": true, "enable_status_check": true, "status_check_contexts": []string{"ci/test"}, "block_admin_merge_override": true}, 201)

	// 1: written by ana, approved by ben, tested, merged by dana.
	s.file("ana", "app", "main", "export", "export.txt", "x")
	n, head := s.pull("ana", "app", "export", "Add export")
	s.ask("ben", "POST", fmt.Sprintf("/repos/larchmere/app/pulls/%d/reviews", n), object{"event": "APPROVED", "commit_id": head, "body": "Good."}, 200)
	s.ask("dana", "POST", "/repos/larchmere/app/statuses/"+head, object{"state": "success", "context": "ci/test"}, 201)
	s.ask("dana", "POST", fmt.Sprintf("/repos/larchmere/app/pulls/%d/merge", n), object{"Do": "merge"}, 200)
	// 2: not approved, so the merge is refused; it stays open.
	s.file("ana", "app", "main", "hurry", "hurry.txt", "x")
	n, head = s.pull("ana", "app", "hurry", "Hurry")
	s.ask("dana", "POST", "/repos/larchmere/app/statuses/"+head, object{"state": "failure", "context": "ci/test"}, 201)
	s.ask("ana", "POST", fmt.Sprintf("/repos/larchmere/app/pulls/%d/merge", n), object{"Do": "merge"}, 405)
	// 3: approved, then changed, which ends the approval; rejected by dana.
	s.file("ana", "app", "main", "later", "later.txt", "x")
	n, head = s.pull("ana", "app", "later", "Later")
	s.ask("ben", "POST", fmt.Sprintf("/repos/larchmere/app/pulls/%d/reviews", n), object{"event": "APPROVED", "commit_id": head}, 200)
	s.file("ana", "app", "later", "later", "more.txt", "x")
	s.ask("dana", "POST", fmt.Sprintf("/repos/larchmere/app/pulls/%d/reviews", n), object{"event": "REQUEST_CHANGES", "body": "No."}, 200)
	// docs has no rules: ben merges what he wrote.
	s.file("ben", "docs", "main", "typo", "typo.txt", "x")
	n, _ = s.pull("ben", "docs", "typo", "Fix a typo")
	s.ask("ben", "POST", fmt.Sprintf("/repos/larchmere/docs/pulls/%d/merge", n), object{"Do": "merge"}, 200)

	all := []string{"read:organization", "read:repository", "read:issue", "read:user"}
	tokens := map[string]string{"lead": s.token("dana", all...), "reader": s.token("cara", all...), "narrow": s.token("dana", "read:repository", "read:user"),
		"nobody": "0123456789abcdef0123456789abcdef01234567", "server": s.admin}
	var secrets []string
	for _, token := range tokens {
		secrets = append(secrets, token)
	}
	c := resttest.Record(fmt.Sprint("Gitea ", version), at.Host, secrets...)
	for _, as := range []string{"server", "lead", "reader", "narrow", "nobody"} {
		set := settings(t, object{"url": s.at, "token": tokens[as]})
		g := gitea.Collector{Transport: c.As(as)}
		trial, err := g.Test(t.Context(), set)
		t.Logf("%s: test %+v, %v", as, trial, err)
		in := intake(t, realNow)
		t.Logf("%s: collect %v, %d requests", as, g.Collect(t.Context(), set, in), len(in.Resources("change_request")))
		for _, m := range in.Missings() {
			t.Logf("%s: missing %+v", as, m)
		}
	}
	c.Save(t, tape)
}

func settings(t testing.TB, more object) json.RawMessage {
	t.Helper()
	set := object{"owner": "larchmere", "url": "https://" + resttest.Host, "token": "never-recorded"}
	for k, v := range more {
		set[k] = v
	}
	b, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var _ sources.Tester = gitea.Collector{}
