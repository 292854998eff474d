package page_test

import (
	"html"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/api/page"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
)

func operations() []op.Operation {
	return slices.Concat(orgs.Operations, controls.Operations, evidence.Operations)
}

func rendered(t *testing.T) string {
	t.Helper()
	w := httptest.NewRecorder()
	page.New(operations()).ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/docs", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestDocsShowEveryOperation(t *testing.T) {
	text := rendered(t)
	for _, o := range op.Offered(operations()) {
		if !strings.Contains(text, `id="`+o.Name()+`"`) || !strings.Contains(text, html.EscapeString(o.Summary())) {
			t.Errorf("%s is missing", o.Name())
		}
	}
	for _, want := range []string{
		`-d &#39;{&#34;code&#34;: &#34;…&#34;, &#34;criteria&#34;: [&#34;…&#34;], &#34;frequency&#34;: &#34;annual&#34;`,
		"tickmark controls implement ID", "3 to 200 characters", "one of preventive, detective, corrective", "--data-binary @FILE",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestDocsLinksLeadSomewhere(t *testing.T) {
	text := rendered(t)
	ids, links := map[string]int{}, map[string]bool{}
	for _, m := range regexp.MustCompile(`\s([a-z:-]+)="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		switch name, value := m[1], m[2]; {
		case name == "id":
			ids[value]++
		case name == "href" && strings.HasPrefix(value, "#"):
			links[value[1:]] = true
		case name == "style" || strings.HasPrefix(name, "on"):
			t.Errorf("%s=%q is refused by the content security policy", name, value)
		}
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("id %q stands %d times", id, n)
		}
	}
	for l := range links {
		if ids[l] == 0 {
			t.Errorf("#%s leads nowhere", l)
		}
	}
	if m := regexp.MustCompile(`(?:src|href)="(?:https?:)?//[^"]*"`).FindString(text); m != "" {
		t.Errorf("%s leaves the installation", m)
	}
}

// Every problem names an anchor of this page as its type.
func TestDocsExplainEveryProblem(t *testing.T) {
	text := rendered(t)
	for _, kind := range []string{"invalid", "unauthenticated", "denied", "cross-origin", "not-found", "method", "conflict", "too-large",
		"media-type", "too-many", "internal", "unavailable"} {
		if !strings.Contains(text, `id="problem-`+kind+`"`) {
			t.Errorf("problem-%s is missing", kind)
		}
	}
}
