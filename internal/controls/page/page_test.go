package page_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/controls/page"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/sources"
)

// commits is a collector that shows commits by the state of their signatures.
type commits map[string]string

func (commits) Kind() string    { return "git" }
func (commits) Version() string { return "test" }
func (c commits) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	in.Cover("commit")
	for sha, signature := range c {
		err := in.Add(sources.Resource{Kind: "commit", Key: sha, Attrs: map[string]any{"sha": sha, "short": sha, "subject": "Add export", "merge": false,
			"committed_at": in.Now().Add(-time.Hour), "signature": signature}})
		if err != nil {
			return err
		}
	}
	return nil
}

// seen reads a source that shows these commits, and judges them.
func seen(t *testing.T, desk *op.Desk, c commits) {
	t.Helper()
	s, err := sources.Create.Do(t.Context(), desk, sources.Connection{Kind: "git", Name: "main", Path: "/nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := sources.NewReader(c)
	if err != nil {
		t.Fatal(err)
	}
	run, err := reader.Read(t.Context(), desk, s.ID, nil, false)
	if err == nil {
		err = checks.EvaluateRun(t.Context(), desk, run.ID, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func adopt(t *testing.T, desk *op.Desk, codes ...string) {
	t.Helper()
	if _, err := controls.Adopt.Do(t.Context(), desk, controls.Adoption{Codes: codes}); err != nil {
		t.Fatal(err)
	}
}

func TestTheListIsWorstFirstAndItsCountsAddUp(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		v.Get("/controls").Says("main", "No controls yet.")
		adopt(t, desk, "CHG-03", "GOV-01", "PPL-01")
		seen(t, desk, commits{"a1": "none", "b2": "valid"})
		list := v.Get("/controls")
		list.Says("h1", "Three controls are in force. One fails.")
		rows := list.Texts("#controls tbody tr")
		if len(rows) != 3 || !strings.HasPrefix(rows[0], "CHG-03") || !strings.HasSuffix(rows[0], "Fail") {
			t.Fatalf("rows %q", rows)
		}
		sum := 0
		for _, chip := range list.Texts(".tm-filter") {
			words := strings.Fields(chip)
			if n, err := strconv.Atoi(words[len(words)-1]); err == nil {
				sum += n
			}
		}
		if sum != 3 {
			t.Errorf("the filters count %d of 3", sum)
		}
		failing := v.Get("/controls?status=fail")
		if failing.Count("#controls tbody tr") != 1 {
			t.Error("the filter does not narrow the list")
		}
		failing.Says("main", "CSV, 1 row")
		if csv := v.Get("/controls?status=fail&format=csv"); strings.Count(csv.Body, "\n") != 2 || !strings.Contains(csv.Body, "CHG-03") {
			t.Errorf("csv:\n%s", csv.Body)
		}
		v.Get("/controls?series=CC8").Silent("#controls tbody", "GOV-01")
	})
}

func TestTheLibraryProposesWhatWasFoundAndAdoptsWhatIsChosen(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		seen(t, desk, commits{"a1": "none"})
		proposed := v.Get("/controls/library?proposed=1")
		proposed.Says("#library tbody tr", "git.commit.signed")
		proposed.Silent("#library", "GOV-01")
		v.Get("/controls/library?q=conduct").Says("#library", "GOV-01")
		v.Get("/controls/library?criterion=CC8.1").Silent("#library", "GOV-01")
		v.Post("/controls/adopt").Says(".tm-errors", "Choose at least one control.")
		v.Post("/controls/adopt", "codes", "CHG-03", "codes", "CHG-04", "owner", string(desk.Actor.User)).LeadsTo("/controls")
		again := v.Post("/controls/adopt", "codes", "CHG-03", "codes", "GOV-01")
		again.Is(http.StatusUnprocessableEntity)
		again.Says(".tm-errors", "CHG-03 is adopted already")
		if again.Attr("input[value=GOV-01]", "checked") == "" && len(again.Attrs("input[value=GOV-01][checked]", "value")) != 1 {
			t.Error("what was chosen is lost")
		}
		v.Get("/library/CHG-03").Says("main", "Open CHG-03")
		v.Get("/library/GOV-01").Says("#adopt", "Adopt GOV-01")
		v.Get("/library/XYZ-99").Is(http.StatusNotFound)
	})
}

func TestAControlSaysHowItStandsAndWhatFails(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		adopt(t, desk, "CHG-03")
		seen(t, desk, commits{"a1": "none", "b2": "valid"})
		optest.Clock(desk).Advance(5 * time.Hour)
		p := v.Get("/controls/CHG-03")
		p.Says("h1", "1 of 2 commits have no valid signature from a known signer, since 21 November 2026.")
		p.Says(".tm-lead", "Failing for 5 h")
		p.Says(".tm-edge-fail", "a1")
		p.Says(".tm-edge-fail", "Ask each committer to sign")
		p.Says("#coverage tfoot", "5")
		p.Says("#evidence", "Commit of main, 2 rows")
		p.Says("#history", "Adopted")
		v.Get("/controls/CHG-03?as=table").Says("#coverage", "Fail")
	})
}

func TestAChangeThatCameTooLateShowsBoth(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		adopt(t, desk, "GOV-01")
		text := "The head of people has everyone sign the code of conduct at hiring."
		fields := []string{"title", "Code of conduct", "text", text, "frequency", "annual", "owner", string(desk.Actor.User), "version", "1"}
		if got := v.Get("/controls/GOV-01/edit").Attr("input[name=version]", "value"); got != "1" {
			t.Fatalf("version %q", got)
		}
		v.Post("/controls/GOV-01/edit", fields...).LeadsTo("/controls/GOV-01")
		late := v.Post("/controls/GOV-01/edit", append([]string{"title", "Other title"}, fields[2:]...)...)
		late.Is(http.StatusUnprocessableEntity)
		late.Says("#now", "Code of conduct")
		if late.Attr("input[name=title]", "value") != "Other title" || late.Attr("input[name=version]", "value") != "2" {
			t.Error("what was typed, or the version now, is not in the form")
		}
		v.Get("/controls/GOV-01").Says("#history", "Version 2: changed the wording, now annual")
		v.Get("/controls/GOV-01/versions/1").Says("h1", "Version 1 was in force")
	})
}

func TestAStatementAndARetirementAreRecorded(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		adopt(t, desk, "GOV-01")
		v.Get("/controls/GOV-01").Says("#implementation", "Nobody has said yet.")
		v.Post("/controls/GOV-01/implement", "text", "short", "version", "1").Is(http.StatusUnprocessableEntity)
		v.Post("/controls/GOV-01/implement", "text", "It is signed in the HR system at hiring.", "version", "1").LeadsTo("/controls/GOV-01")
		stated := v.Get("/controls/GOV-01")
		stated.Says("#implementation", "It is signed in the HR system at hiring.")
		stated.Says("#retire", "stays on record")
		v.Post("/controls/GOV-01/retire", "reason", "Another control does it.", "version", "2").LeadsTo("/controls/GOV-01")
		gone := v.Get("/controls/GOV-01")
		gone.Says(".tm-lead", "Retired 21 Nov 2026")
		if gone.Count("#retire") != 0 {
			t.Error("a retired control can be retired again")
		}
		v.Get("/controls").Says("main", "No controls yet.")
	})
}

func TestAnOwnControlKeepsWhatWasTypedWhenRefused(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		fields := []string{"code", "own", "title", "Ours", "text", "Somebody does something each quarter and records it.", "frequency", "quarterly", "criteria", "CC1.1"}
		refused := v.Post("/controls/new", fields...)
		refused.Is(http.StatusUnprocessableEntity)
		refused.Says(".tm-errors", "three capitals, a dash and a number")
		if refused.Attr("input[name=title]", "value") != "Ours" {
			t.Error("the title is lost")
		}
		fields[1] = "OWN-01"
		v.Post("/controls/new", fields...).LeadsTo("/controls/OWN-01")
		reader := s.As(optest.Member(t, desk, auth.Sponsor))
		for _, path := range []string{"/controls/new", "/controls/OWN-01/edit"} {
			reader.Get(path).Is(http.StatusForbidden)
		}
		if reader.Get("/controls/OWN-01").Count("#retire") != 0 || reader.Get("/controls/library").Count("input[name=codes]") != 0 {
			t.Error("a sponsor is offered what only others may do")
		}
	})
}
