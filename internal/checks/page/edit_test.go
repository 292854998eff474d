package page_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/checks/page"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/tasks"
)

// filled is what a browser sends of the editor's form, with some fields set.
func filled(p *sitetest.Page, set ...string) []string {
	var out []string
	names := p.Attrs("#check input", "name")
	values, kinds, ticked := p.Attrs("#check input", "value"), p.Attrs("#check input", "type"), p.Attrs("#check input", "checked")
	put := func(name, value string) {
		for i := 0; i+1 < len(set); i += 2 {
			if set[i] == name {
				value = set[i+1]
			}
		}
		out = append(out, name, value)
	}
	for i, name := range names {
		if kinds[i] != "checkbox" || ticked[i] != "" {
			put(name, values[i])
		}
	}
	for _, name := range p.Attrs("#check textarea", "name") {
		put(name, p.Raw("#check textarea[name="+name+"]"))
	}
	for _, name := range p.Attrs("#check select", "name") {
		put(name, p.Attr("#check select[name="+name+"] option[selected]", "value"))
	}
	for i := 0; i+1 < len(set); i += 2 {
		if !slices.Contains(out, set[i]) {
			out = append(out, set[i], set[i+1])
		}
	}
	return out
}

func TestTheEditorTriesBeforeItSaves(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		seen(t, desk, commits{"a1": "none", "b2": "valid"})
		p := v.Get("/checks/new")
		p.Says("#fields", "r.subject")
		tried := v.Post("/checks/new", filled(p, "do", "try")...)
		tried.Is(http.StatusOK)
		tried.Says("#trial", "2 of 2 would fail")
		tried.Says("#would-fail tbody", "commit a1 (Add export) names no ticket")
		tried.Says("#would-fail tbody", "signature: none")
		if n := len(optest.Do(t, desk, checks.Export, checks.Chosen{}).YAML); n != 0 {
			t.Errorf("trying has saved %d bytes", n)
		}
		part := v.PostPart("/checks/new", filled(p, "do", "try")...)
		part.Says("#trial", "2 of 2 would fail")
		if part.Count("h1") != 0 || part.Attr("#tried", "id") == "" {
			t.Error("htmx gets more than the part")
		}
		wrong := v.Post("/checks/new", filled(p, "do", "try", "pass", "r.subjct == 'a'")...)
		wrong.Is(http.StatusUnprocessableEntity)
		wrong.Says(".tm-errors", "subject is probably meant")
		wrong.Says("#where pre", "line 1, column 3")
		if got := wrong.Raw("#check textarea[name=pass]"); got != "r.subjct == 'a'" {
			t.Errorf("the rule is lost: %q", got)
		}
		refused := v.Post("/checks/new", filled(p, "do", "save", "examples_fail", "- {merge: false, short: x, subject: OPS-1 a}")...)
		refused.Is(http.StatusUnprocessableEntity)
		refused.Says(".tm-errors", "Example 1 of fail is judged pass")
		v.Post("/checks/new", filled(p, "do", "save", "insert", "subject")...).Says("#check textarea[name=pass]", "r.subject")
		v.Post("/checks/new", filled(p, "do", "save", "title", "Each commit names a ticket")...).LeadsTo("/checks/own.commit.subject")
		d := optest.Do(t, desk, checks.Get, checks.Ref{ID: "own.commit.subject"})
		if d.Title != "Each commit names a ticket" || !d.Own {
			t.Errorf("saved as %q", d.Title)
		}
	})
}

func TestTheFormAndTheYAMLAreOneCheck(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		text := strings.Replace(example, "severity: low", "severity: low # as agreed", 1)
		form := v.Post("/checks/new", "as", "yaml", "do", "form", "yaml", text)
		form.Is(http.StatusOK)
		back := v.Post("/checks/new", filled(form, "do", "yaml", "title", "Another title")...)
		back.Is(http.StatusOK)
		got := back.Raw("#check textarea[name=yaml]")
		want := strings.Replace(text, "title: Commit subjects name a ticket", "title: Another title", 1)
		if lost(want) != lost(got) {
			t.Errorf("there and back:\n%s\nwant\n%s", got, want)
		}
		bad := v.Post("/checks/new", "as", "yaml", "do", "form", "yaml", "id: [")
		bad.Is(http.StatusUnprocessableEntity)
		bad.Says("#where pre", "yaml")
	})
}

// lost is a text without the spaces that mean nothing.
func lost(s string) string { return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "'", "") }

func TestACheckIsChangedRetiredAndAdjustedOnItsPages(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		seen(t, desk, commits{"a1": "none"})
		v.Post("/checks/new", "as", "yaml", "do", "save", "yaml", example).LeadsTo("/checks/own.commit.subject")
		edit := v.Get("/checks/own.commit.subject/edit")
		v.Post("/checks/own.commit.subject/edit", filled(edit, "do", "save", "severity", "high", "why", "It matters more now.")...).LeadsTo("/checks/own.commit.subject")
		versions := v.Get("/checks/own.commit.subject/versions")
		versions.Says("#version-2", "- severity: low")
		versions.Says("#version-2", "+ severity: high")
		versions.Says("#decided", "It matters more now.")
		stale := v.Post("/checks/own.commit.subject/edit", filled(edit, "do", "save", "severity", "medium", "key", "another")...)
		stale.Is(http.StatusUnprocessableEntity)
		stale.Says(".tm-errors", "changed since you read it")
		v.Post("/checks/own.commit.subject/retire", "reason", "short").Is(http.StatusUnprocessableEntity)
		v.Post("/checks/own.commit.subject/retire", "reason", "Tickets are gone.").LeadsTo("/checks/own.commit.subject")
		v.Get("/checks/own.commit.subject").LeadsTo("/checks/own.commit.subject/versions")
		v.Get("/checks").Says("#off", "own.commit.subject")
		v.Post("/checks/own.commit.subject/restore", "reason", "Tickets are back.").LeadsTo("/checks/own.commit.subject")
		v.Get("/checks/git.commit.signed/adjust").Says("#f-params-help", "30 to 1100")
		v.Post("/checks/git.commit.signed/adjust", "params", "days: 5", "reason", "A quarter is enough.").Says(".tm-errors", "30 to 1100 is accepted")
		v.Post("/checks/git.commit.signed/adjust", "params", "days: 90", "reason", "A quarter is enough.").LeadsTo("/checks/git.commit.signed")
		v.Get("/checks/git.commit.signed").Says("#rule", "p.days: 90")
		mine := v.Get("/checks/new?from=git.commit.signed")
		v.Post("/checks/new", filled(mine, "do", "save", "replaces", "on", "why", "Ours is stricter.")...).LeadsTo("/checks/own.git.commit.signed")
		v.Get("/checks").Says("#off", "git.commit.signed")
		file := v.Get("/checks/export").Body
		if !strings.Contains(file, "id: own.commit.subject") || !strings.Contains(file, "\n---\n") {
			t.Errorf("the file:\n%s", file)
		}
		v.Post("/checks/import", "yaml", "id: x").Is(http.StatusUnprocessableEntity)
		v.Post("/checks/import", "yaml", file).LeadsTo("/checks")
		v.Post("/checks/git.release.protected/judge").LeadsTo("/checks/git.release.protected")
		owner := s.As(optest.Member(t, desk, auth.ControlOwner))
		for _, path := range []string{"/checks/new", "/checks/import", "/checks/own.commit.subject/edit", "/checks/own.commit.subject/retire"} {
			owner.Get(path).Is(http.StatusForbidden)
		}
	})
}

func TestTheCalendarOpensToWhatHappened(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		s := seen(t, desk, commits{"a1": "none", "b2": "valid"})
		optest.Clock(desk).Advance(5 * time.Hour)
		p := v.Get("/checks/git.commit.signed")
		links := p.Attrs("#coverage .tm-cov a", "href")
		if len(links) == 0 || !strings.HasPrefix(links[len(links)-1], "/coverage?") {
			t.Fatalf("the calendar leads to %v", links)
		}
		what := v.Get(links[len(links)-1])
		what.Says("h1", "it failed")
		what.Says("#of-git-commit-signed", "a1")
		what.Says("#of-git-commit-signed", "Runs that git.commit.signed judged")
		if what.Count("#of-git-commit-signed a") < 4 {
			t.Error("it leads to no run and no entry")
		}
		what.Says("#told", "Nobody was told.")
		optest.Do(t, desk, tasks.Create, tasks.Wish{Title: "Sign from now on", Object: "check:git.commit.signed"})
		what = v.Get(links[len(links)-1])
		what.Says("#told tbody tr", "Sign from now on")
		if href := what.Attr("#told tbody a", "href"); !strings.HasPrefix(href, "/tasks/tsk_") {
			t.Errorf("it leads to %s", href)
		}
		one := v.Get("/coverage?check=git.commit.signed&source=" + string(s.ID) + "&key=a1")
		one.Says("h1", "It held 0.0000 %")
		v.Get("/coverage?check=git.commit.signed&source="+string(s.ID)+"&key=b2").Says("h1", "It held 100.0000 %")
		v.Get("/coverage?check=git.commit.signed&months=2020-03").Says("h1", "Nothing is known")
		v.Get("/coverage?check=no.such").Is(http.StatusNotFound)
		v.Get("/coverage?check=git.commit.signed&from=x&to=y").Is(http.StatusUnprocessableEntity)
	})
}
