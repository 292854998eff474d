package page_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/readiness/page"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/sources"
)

// unsigned is a repository whose two commits carry no signature and name no
// reviewer that could be read.
type unsigned struct{}

func (unsigned) Kind() string    { return "git" }
func (unsigned) Version() string { return "1" }
func (unsigned) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	in.Cover("commit")
	for _, key := range []string{"a", "b"} {
		err := in.Add(sources.Resource{Kind: "commit", Key: key, Attrs: map[string]any{"sha": key, "short": key, "subject": "x", "author_name": "A", "merge": false,
			"committed_at": in.Now().Add(-time.Hour), "authored_at": in.Now().Add(-time.Hour), "signature": "none"}})
		if err != nil {
			return err
		}
	}
	return nil
}

// read connects the repository and judges what it shows.
func read(t *testing.T, desk *op.Desk) {
	t.Helper()
	s, err := sources.Create.Do(t.Context(), desk, sources.Connection{Kind: "git", Name: "website", Path: "/srv/git/website"})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := sources.NewReader(unsigned{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := assess.Perform(t.Context(), desk, reader, []sources.Source{s}, nil); err != nil {
		t.Fatal(err)
	}
}

// setUp goes through first setup and returns the desk of the owner.
func setUp(t *testing.T, e *op.Engine) *op.Desk {
	t.Helper()
	var token string
	err := e.DB.Write(t.Context(), db.All, func(tx *db.Tx) (err error) {
		token, err = auth.NewSetupToken(tx, e.Clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	desk := &op.Desk{Engine: e, Actor: auth.Actor{Via: "page"}}
	made, err := orgs.Setup.Do(t.Context(), desk, orgs.Creation{Token: token, Organization: "Larchmere", Name: "Ines Okoro", Email: "ines@larchmere.example", Password: "correct horse battery"})
	if err != nil {
		t.Fatal(err)
	}
	desk.Org = made.Org
	err = e.DB.Read(t.Context(), string(made.Org), func(tx *db.Tx) (err error) {
		desk.Actor, err = auth.MemberActor(tx, made.Org, made.User, "page")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return desk
}

func adopt(t *testing.T, desk *op.Desk, codes ...string) {
	t.Helper()
	if _, err := controls.Adopt.Do(t.Context(), desk, controls.Adoption{Codes: codes}); err != nil {
		t.Fatal(err)
	}
}

func decide(t *testing.T, desk *op.Desk, in scopes.Decision) {
	t.Helper()
	if _, err := scopes.Set.Do(t.Context(), desk, in); err != nil {
		t.Fatal(err)
	}
}

func TestHomeLeadsToWhereOneCanBegin(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		e := optest.Engine(t, d)
		s := sitetest.New(t, e, page.Routes())
		s.Stranger().Get("/").LeadsTo("/setup")
		desk := setUp(t, e)
		s.Stranger().Get("/").LeadsTo("/sign-in")
		v := s.As(desk)
		v.Get("/").LeadsTo("/start")
		later := v.Get("/?start=later")
		later.Says("h1", "None of 33 criteria is ready, because no control has been adopted.")
		later.Says("#unread", "Nothing has been read yet")
		decide(t, desk, scopes.Decision{Type: scopes.TypeI})
		v.Get("/").Says("#unread", "Nothing has been read yet")
	})
}

func TestHomeIsQuietForWhoMaySeeNothingOfTheProgram(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		employee := s.As(optest.Member(t, desk, auth.Employee))
		employee.Get("/").LeadsTo("/work")
		s.As(optest.Member(t, desk, auth.Operator)).Get("/").LeadsTo("/sources")
		s.As(optest.Member(t, desk, auth.Sponsor)).Get("/").Says("h1", "None of 33 criteria is ready")
		employee.Get("/criteria").Is(http.StatusForbidden)
	})
}

// figure is a number on a page and the address it opens.
type figure struct {
	n    int
	href string
}

func figures(t *testing.T, p *sitetest.Page, selector string) []figure {
	t.Helper()
	var out []figure
	hrefs := p.Attrs(selector, "href")
	for i, text := range p.Texts(selector) {
		n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
		if err != nil {
			t.Fatalf("%s: %v", selector, err)
		}
		out = append(out, figure{n, hrefs[i]})
	}
	return out
}

func TestHomeFiguresAddUpAndOpenWhatTheyCount(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		read(t, desk)
		decide(t, desk, scopes.Decision{Type: scopes.TypeII, Categories: []string{"availability", "confidentiality"}, Starts: "2026-01-01", Ends: "2026-12-31"})
		adopt(t, desk, "CHG-03", "GOV-01")
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		home := v.Get("/")
		home.Is(http.StatusOK)
		home.Says(".tm-facts", "Type II, 1 January to 31 December 2026")
		home.Says(".tm-facts", "40 days left")
		if got := home.Count(".tm-cell") + home.Count(".tm-cell-out"); got != 61 {
			t.Errorf("the map draws %d criteria, want all 61", got)
		}
		if got := home.Count(".tm-cell"); got != 38 {
			t.Errorf("%d of them are in scope, want 38", got)
		}
		rows := figures(t, home, "#map tbody .tm-num a")
		total := figures(t, home, "#map tfoot .tm-num a")
		if len(total) != 7 || len(rows) != 3*len(total) {
			t.Fatalf("%d figures in rows and %d in the total, want 21 and 7", len(rows), len(total))
		}
		for column, sum := range total {
			got := 0
			for i := column; i < len(rows); i += len(total) {
				got += rows[i].n
			}
			if got != sum.n {
				t.Errorf("column %d adds up to %d, its total says %d", column, got, sum.n)
			}
		}
		if total[0].n != total[4].n+total[5].n+total[6].n {
			t.Errorf("ready %d, not ready %d and unknown %d do not add up to %d in scope", total[4].n, total[5].n, total[6].n, total[0].n)
		}
		for _, f := range append(rows, total...) {
			if got := v.Get(f.href).Count("#criteria tbody tr"); got != f.n {
				t.Errorf("%s shows %d criteria, its figure says %d", f.href, got, f.n)
			}
		}
	})
}

func TestHomeShowsWhatSettlesItAndWhoDoes(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		read(t, desk)
		adopt(t, desk, "CHG-03")
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		home := v.Get("/")
		home.Says("#settles li", "Ask each committer to sign")
		home.Says("#settles li", "Example Owner")
		home.Says("#settles li", "Nobody yet")
		home.Says("#settles li", "CC8.1")
		if got := home.Attrs("#settles .tm-row-link", "href"); len(got) == 0 || got[0] != "/checks/git.commit.signed" {
			t.Errorf("the acts lead to %q", got)
		}
		home.Says("#log", "1 of 1 answering")
	})
}

func TestHomeDrawsThePeriodOnlyWithRealEvidence(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		decide(t, desk, scopes.Decision{Type: scopes.TypeII, Starts: "2026-01-01", Ends: "2026-12-31"})
		if v.Get("/").Count("#period") != 0 {
			t.Error("a period without evidence is drawn")
		}
		read(t, desk)
		home := v.Get("/")
		home.Says("#period", "Week of 19 Nov 2026: ")
		home.Says("#period", "1 source connected")
		decide(t, desk, scopes.Decision{Type: scopes.TypeII, Starts: "2025-01-01", Ends: "2025-12-31", Version: 1})
		if v.Get("/").Count("#period") != 0 {
			t.Error("evidence of another time is drawn into the period")
		}
	})
}

func TestCriteriaListsAll61AndCountsThoseInScope(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		for path, want := range map[string]int{
			"/criteria": 61, "/criteria?verdict=selected": 33, "/criteria?verdict=not_selected": 28, "/criteria?category=privacy": 18,
			"/criteria?category=security&verdict=not_started": 33, "/criteria?verdict=ready": 0, "/criteria?seen=1": 0, "/criteria?sort=verdict": 61,
		} {
			if got := v.Get(path).Count("#criteria tbody tr"); got != want {
				t.Errorf("%s lists %d criteria, want %d", path, got, want)
			}
		}
		v.Get("/criteria?verdict=ready").Says(".tm-empty", "No criterion fits")
		v.Get("/criteria?verdict=fine").Is(http.StatusUnprocessableEntity)
		if got := v.Get("/criteria?view=map").Count(".tm-cell"); got != 33 {
			t.Errorf("the map has %d cells in scope, want 33", got)
		}
	})
}

func TestCriteriaExportGivesTheView(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		adopt(t, desk, "CHG-03")
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		list := v.Get("/criteria?category=security")
		href := list.Attr("#criteria a[download]", "href")
		list.Says("#criteria a[download]", "CSV, 33 rows")
		file := v.Get(href)
		rows, err := csv.NewReader(strings.NewReader(file.Body)).ReadAll()
		if err != nil || len(rows) != 34 {
			t.Fatalf("%s gives %d rows, %v; want a head and 33", href, len(rows), err)
		}
		if !strings.HasPrefix(file.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("the file is not offered for saving: %q", file.Header.Get("Content-Disposition"))
		}
	})
}

func TestCriterionShowsItsPartsControlsChecksAndProposals(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		read(t, desk)
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		before := v.Get("/criteria/CC8.1")
		before.Says("h1", "Not started. No control has been adopted for it, and 1 check that bears on it fails.")
		before.Says(".tm-facts", "18 points of focus")
		before.Says("#checks", "2 of 2 commits have no valid signature")
		before.Says("#proposed", "matches what was found")
		if before.Attr("#proposed form", "action") != "/controls/adopt" || before.Count("#proposed input[name=codes]") == 0 {
			t.Error("proposals cannot be adopted from here")
		}
		adopt(t, desk, "CHG-03")
		after := v.Get("/criteria/CC8.1")
		after.Says("h1", "Not met. CHG-03: 2 of 2 commits have no valid signature from a known signer.")
		after.Says("#controls", "CHG-03")
		after.Says("#parts", "Fails")
		for _, text := range after.Attrs("#proposed input[name=codes]", "value") {
			if text == "CHG-03" {
				t.Error("an adopted control is proposed")
			}
		}
		v.Get("/criteria/P1.1").Says("h1", "Not selected")
		v.Get("/criteria/CC6.9").Is(http.StatusNotFound)
	})
}

func TestFiguresSayWhatTheyCountAndAddUp(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		read(t, desk)
		adopt(t, desk, "CHG-03", "GOV-01")
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		all := figures(t, v.Get("/figures"), ".tm-table .tm-num a")
		sum := func(from, to int) (n int) {
			for _, f := range all[from:to] {
				n += f.n
			}
			return n
		}
		if sum(0, 4) != all[4].n || all[4].n != 33 {
			t.Errorf("criteria add up to %d of %d, want 33", sum(0, 4), all[4].n)
		}
		if sum(8, 13) != all[13].n || all[13].n == 0 {
			t.Errorf("checks add up to %d of %d", sum(8, 13), all[13].n)
		}
		for _, f := range all[:8] {
			if got := v.Get(f.href).Count("#criteria tbody tr"); got != f.n {
				t.Errorf("%s shows %d criteria, its figure says %d", f.href, got, f.n)
			}
		}
	})
}

func TestWorkPutsMineBeforeNobodys(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		read(t, desk)
		adopt(t, desk, "GOV-01")
		s := sitetest.New(t, desk.Engine, page.Routes())
		work := s.As(desk).Get("/work")
		work.Says("#mine", "State how GOV-01 is done")
		work.Says("#nobody", "Ask each committer to sign")
		other := s.As(optest.Member(t, desk, auth.ControlOwner)).Get("/work")
		other.Says("h1", "Nothing waits for you.")
		other.Says("#others", "State how GOV-01 is done")
	})
}
