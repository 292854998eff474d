package page

import (
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/docs"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

func TestEveryGuideIsShownInsideAndToStrangers(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, Routes())
		for _, g := range guides {
			md, err := fs.ReadFile(docs.Files, "guide/"+g.Key+".md")
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(md), "\n"); n > 120 {
				t.Errorf("%s has %d lines; a guide has at most 120", g.Key, n)
			}
			p := s.As(desk).Get("/help/guide/" + g.Key)
			p.Is(http.StatusOK)
			p.Says("h1", site.ProseTitle(md))
			if got, want := p.Count("article img"), strings.Count(string(md), "!["); got != want || want == 0 {
				t.Errorf("%s shows %d pictures of %d", g.Key, got, want)
			}
			if p.Count("article [style]")+p.Count("article script") > 0 {
				t.Errorf("%s carries a style or a script", g.Key)
			}
			s.Stranger().Get("/help/guide/" + g.Key).Is(http.StatusOK)
		}
		s.As(desk).Get("/help/guide/nobody").Is(http.StatusNotFound)
		s.As(desk).Get("/help/docs/nothing").Is(http.StatusNotFound)
		s.As(desk).Get("/help/docs/running").Is(http.StatusOK)
		s.As(desk).Get("/help").Says("main", "Guides")
	})
}

func TestOnesOwnGuideComesFirst(t *testing.T) {
	for role, want := range map[auth.Role]string{auth.Lead: "lead", auth.ControlOwner: "control-owner", auth.Staff: "cpa", auth.Employee: "employee", auth.Operator: "operator"} {
		list := guidesFor([]auth.Role{role})
		if list[0].Key != want || len(list) != len(guides) {
			t.Errorf("%s is given %s first, of %d", role, list[0].Key, len(list))
		}
	}
	for _, role := range append(auth.Roles(), auth.FirmRoles()...) {
		if mine(guidesFor([]auth.Role{role})[0], []auth.Role{role}) == 0 {
			t.Errorf("there is no guide for %s", role)
		}
	}
}

// TestEveryLinkOfAGuideLeadsSomewhere reads the links as a visitor of the
// repository follows them: what the product serves is found, the rest is named here.
func TestEveryLinkOfAGuideLeadsSomewhere(t *testing.T) {
	link := regexp.MustCompile(`[^!]\[[^\]]*\]\(([^)]+)\)`)
	for _, g := range guides {
		name := "guide/" + g.Key + ".md"
		md, err := fs.ReadFile(docs.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		found := link.FindAllStringSubmatch(string(md), -1)
		if len(found) == 0 {
			t.Errorf("%s leads nowhere", name)
		}
		for _, m := range found {
			if _, ok := address(name, m[1]); !ok {
				t.Errorf("%s leads to %s, which is not served", name, m[1])
			}
		}
	}
	for to, want := range map[string]string{"../running.md#watching": "/help/docs/running#watching", "cpa.md": "/help/guide/cpa", "../../GLOSSARY.md": site.TermsPath, "https://example.com/": "https://example.com/"} {
		if got, ok := address("guide/lead.md", to); !ok || got != want {
			t.Errorf("%s leads to %q, want %q", to, got, want)
		}
	}
	for _, to := range []string{"../../ARCHITECTURE.md", "../nothing.md", "../../../etc/passwd", "javascript:alert(1)"} {
		if got, ok := address("guide/lead.md", to); ok {
			t.Errorf("%s leads to %q", to, got)
		}
	}
}
