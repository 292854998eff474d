package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/auth"
)

func TestSignOutAndIn(t *testing.T) {
	wanted(t)
	s := begun(t, assess.Offer{})
	p := browser.Open(t)
	s.enter(p, "/controls")
	p.Click(".tm-me > summary")
	p.Follow(".tm-me form[action='/sign-out'] button")
	p.WaitURL("/sign-in")
	p.Goto(s.url + "/controls/library?stage=startup")
	p.WaitURL("/sign-in")
	p.Fill("[name=email]", who.email)
	p.Fill("[name=password]", "not what was agreed")
	p.Follow(send)
	p.Wait(".tm-errors:focus")
	var email, password string
	p.Eval("document.querySelector('[name=email]').value", &email)
	p.Eval("document.querySelector('[name=password]').value", &password)
	if email != who.email || password != "" {
		t.Errorf("after a wrong password the form holds %q and %q", email, password)
	}
	p.Fill("[name=password]", who.password)
	p.Follow(send)
	if got, want := p.URL(), s.url+"/controls/library?stage=startup"; got != want {
		t.Errorf("signing in leads to %s, want the page that was asked for: %s", got, want)
	}
}

func TestAStrangerSeesTheDoorAlone(t *testing.T) {
	wanted(t)
	s := begun(t, assess.Offer{})
	v := s.visitor(t)
	for _, r := range app.Pages(assess.Offer{}) {
		method, path, _ := strings.Cut(r.Pattern, " ")
		if path = strings.ReplaceAll(path, "{$}", ""); strings.Contains(path, "{") || r.Open && path != "/" || method != "GET" {
			continue
		}
		v.get(path)
		v.at("/sign-in")
	}
}

// signedIn is a colleague's visitor.
func (s *server) signedIn(t *testing.T, role auth.Role) *visitor {
	t.Helper()
	i := slices.IndexFunc(colleagues, func(c colleague) bool { return c.Role == string(role) })
	v := s.visitor(t)
	v.post("/sign-in", "email", colleagues[i].Email, "password", who.password, "to", "/settings")
	v.at("/settings")
	return v
}

// TestEachRoleSeesWhatItMay follows every link that a role is shown, from home
// on: none may lead to a closed door.
func TestEachRoleSeesWhatItMay(t *testing.T) {
	wanted(t)
	s := settled(t)
	for role, want := range map[auth.Role]struct{ open, closed []string }{
		auth.ControlOwner: {[]string{"/", "/work", "/controls", "/criteria", "/evidence", "/evidence/new", "/log", "/sources"}, []string{"/jobs", "/start/sources", "/controls/new"}},
		auth.Sponsor:      {[]string{"/", "/controls", "/criteria", "/evidence", "/log", "/scope", "/sources"}, []string{"/sources/new", "/evidence/new", "/controls/new", "/start/scope"}},
		auth.Operator:     {[]string{"/sources", "/jobs", "/log", "/settings"}, []string{"/controls", "/criteria", "/evidence", "/checks"}},
		auth.Employee:     {[]string{"/", "/settings", "/work", "/tasks", "/notices"}, []string{"/controls", "/criteria", "/evidence", "/checks", "/sources", "/log", "/jobs", "/scope", "/export"}},
	} {
		v := s.signedIn(t, role)
		for _, path := range want.open {
			if status := v.get(path); status != http.StatusOK {
				t.Errorf("%s: %s answers %d, want it open", role, path, status)
			}
		}
		for _, path := range want.closed {
			if status := v.get(path); status != http.StatusForbidden {
				t.Errorf("%s: %s answers %d, want it closed", role, path, status)
			} else if !strings.Contains(v.text(), "Ask a member who is") {
				t.Errorf("%s: %s does not say whom to ask: %s", role, path, v.text())
			}
		}
		v.follow(role, "/", 5)
	}
}

// follow opens every link that a role is shown from a page on, at most some of each shape, and
// fails for those that answer anything but 200.
func (v *visitor) follow(role auth.Role, from string, most int) {
	v.t.Helper()
	type step struct{ from, to string }
	shapes, seen, queue := map[string]int{}, map[string]bool{}, []step{{"", from}}
	for len(queue) > 0 {
		x := queue[0]
		queue = queue[1:]
		path, _, _ := strings.Cut(x.to, "?")
		if parts := strings.Split(path, "/"); len(parts) > 2 {
			path = "/" + parts[1] + "/…"
		}
		if seen[x.to] || shapes[path] >= most {
			continue
		}
		seen[x.to] = true
		shapes[path]++
		if status := v.get(x.to); status != http.StatusOK {
			v.t.Errorf("%s shows a %s a link to %s, which answers %d", x.from, role, x.to, status)
			continue
		}
		if strings.HasPrefix(v.last.Header.Get("Content-Type"), "text/html") {
			for _, to := range v.links() {
				queue = append(queue, step{x.to, to})
			}
		}
	}
}

func TestAControlOwnerCannotAdopt(t *testing.T) {
	wanted(t)
	s := settled(t)
	v := s.signedIn(t, auth.ControlOwner)
	v.get("/controls/library")
	if strings.Contains(v.body, `name="codes"`) {
		t.Error("the library offers to adopt")
	}
	if status := v.post("/controls/adopt", "codes", "GOV-02"); status != http.StatusForbidden {
		t.Errorf("adopting answers %d, want %d", status, http.StatusForbidden)
	}
}

// TestAClosedDoorIsFairAndFits looks at what an employee is shown: home, and
// pages they may not see.
func TestAClosedDoorIsFairAndFits(t *testing.T) {
	wanted(t)
	s := settled(t)
	p := browser.Open(t)
	s.signIn(p, colleagues[1].Email, who.password, "/settings")
	for _, path := range []string{"/", "/settings", "/controls", "/nowhere"} {
		p.Emulate(1440, 1000, false, false)
		p.Goto(s.url + path)
		thorough(t, p, "as an employee, "+path)
		for _, head := range []string{"/controls", "/criteria", "/sources", "/log"} {
			if p.Count(".tm-side a[href='"+head+"']") > 0 {
				t.Errorf("%s: an employee is shown the way to %s", path, head)
			}
		}
	}
}

// TestNobodyLosesTheWayWhenASessionEnds posts with a session that is over.
func TestNobodyLosesTheWayWhenASessionEnds(t *testing.T) {
	wanted(t)
	s := begun(t, assess.Offer{})
	v := s.visitor(t)
	v.post("/controls/adopt", "codes", "GOV-01")
	// The form waits with the sign-in, which is asked for where it was sent.
	if v.last.StatusCode != http.StatusUnauthorized || v.last.Request.URL.Path != "/sign-in" {
		t.Fatalf("%d at %s, want to be asked to sign in", v.last.StatusCode, v.last.Request.URL)
	}
	to := v.last.Request.URL.Query().Get("to")
	v.post("/sign-in", "email", who.email, "password", who.password, "to", to)
	if v.last.StatusCode != http.StatusOK {
		t.Errorf("after signing in again one stands before a %d at %s", v.last.StatusCode, v.last.Request.URL)
	}
}
