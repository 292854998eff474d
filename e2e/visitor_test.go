package e2e_test

import (
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// visitor speaks HTTP as a browser without scripts does, for what needs no
// browser: getting to where a journey begins, and following every link.
type visitor struct {
	t      testing.TB
	client *http.Client
	base   string
	last   *http.Response
	body   string
}

// visitor is somebody with an empty cookie jar.
func (s *server) visitor(t testing.TB) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{t: t, client: &http.Client{Jar: jar}, base: s.url}
	t.Cleanup(v.client.CloseIdleConnections)
	return v
}

// owner is a visitor signed in as the owner.
func (s *server) owner(t testing.TB) *visitor {
	t.Helper()
	v := s.visitor(t)
	v.post("/sign-in", "email", who.email, "password", who.password, "to", "/work")
	v.at("/work")
	return v
}

// cookies are what the installation gave the visitor to carry.
func (v *visitor) cookies() []*http.Cookie {
	v.t.Helper()
	home, err := url.Parse(v.base)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.client.Jar.Cookies(home)
}

// get asks for a path, follows redirects, and returns the status.
func (v *visitor) get(path string) int {
	v.t.Helper()
	res, err := v.client.Get(v.base + path)
	return v.keep(res, err)
}

// post sends a form of names and values in turn, and follows redirects.
func (v *visitor) post(path string, pairs ...string) int {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	res, err := v.client.PostForm(v.base+path, form)
	return v.keep(res, err)
}

func (v *visitor) keep(res *http.Response, err error) int {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	v.last, v.body = res, string(b)
	return res.StatusCode
}

// at fails unless the last answer was a good one from this path.
func (v *visitor) at(path string) {
	v.t.Helper()
	if v.last.StatusCode != http.StatusOK || v.last.Request.URL.Path != path {
		v.t.Fatalf("%d at %s, want to be at %s\n%s", v.last.StatusCode, v.last.Request.URL, path, v.text())
	}
}

var (
	tagForm   = regexp.MustCompile(`(?s)<(script|style|svg|head)\b.*?</(script|style|svg|head)>|<[^>]*>`)
	hrefForm  = regexp.MustCompile(`<a\b[^>]*?\shref="([^"]*)"`)
	mainForm  = regexp.MustCompile(`(?s)<main\b.*</main>`)
	bodyForm  = regexp.MustCompile(`(?s)<body\b.*</body>`)
	startForm = regexp.MustCompile(`<([a-z][a-z0-9]*)((?:\s[^<>"]*(?:"[^"]*")?)*)>`)
	attrForm  = regexp.MustCompile(`\s([a-z][a-z0-9-]*)(="[^"]*")?`)
	nameForm  = regexp.MustCompile(`<(?:input|select|textarea|button)\b[^>]*?\sname="([^"]*)"`)
)

// text is what the last page says.
func (v *visitor) text() string {
	return strings.Join(strings.Fields(html.UnescapeString(tagForm.ReplaceAllString(v.body, " "))), " ")
}

// links are the addresses inside the installation that the last page leads to,
// without fragments.
func (v *visitor) links() []string {
	var out []string
	here := v.last.Request.URL
	for _, m := range hrefForm.FindAllStringSubmatch(v.body, -1) {
		to, err := here.Parse(html.UnescapeString(m[1]))
		if err != nil {
			v.t.Errorf("%s links to %q: %v", here.Path, m[1], err)
			continue
		}
		if to.Host == here.Host {
			to.Fragment = ""
			out = append(out, to.RequestURI())
		}
	}
	return out
}

// fields are the names of what the last page asks for, each once.
func (v *visitor) fields() string {
	var out []string
	for _, m := range nameForm.FindAllStringSubmatch(mainForm.FindString(v.body), -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), " ")
}

// kinds are the elements of the last page as a style sheet tells them apart, each
// once: tag, classes, type, role and state, and the names of what else it has.
// Left out are fields that nobody sees, and drawings, whose colour says which of
// a few states something is in.
func (v *visitor) kinds() []string {
	seen := map[string]bool{}
	for _, tag := range startForm.FindAllStringSubmatch(bodyForm.FindString(v.body), -1) {
		if tag[1] == "svg" || strings.Contains(tag[2], ` type="hidden"`) {
			continue
		}
		kind := tag[1]
		for _, a := range attrForm.FindAllStringSubmatch(tag[2], -1) {
			kind += " " + a[1]
			if slices.Contains(telling, a[1]) {
				kind += a[2]
			}
		}
		seen[kind] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// telling are the attributes whose values make an element look or act otherwise.
var telling = []string{"class", "type", "role", "aria-current", "aria-pressed", "aria-invalid", "aria-selected", "aria-expanded", "aria-sort"}

// shape is the address of the last page with everything but its first step
// left out: what many records have in common.
func (v *visitor) shape() string {
	parts := strings.Split(v.last.Request.URL.Path, "/")
	for i := range parts[min(2, len(parts)):] {
		parts[i+2] = "…"
	}
	return strings.Join(parts, "/")
}
