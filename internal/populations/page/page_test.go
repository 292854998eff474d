package page_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/populations/page"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/sources"
)

// each runs fn with an engagement over 2026 whose period is over.
func each(t *testing.T, fn func(t *testing.T, s *sitetest.Site, x optest.Sides, at string)) {
	t.Helper()
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := optest.Engage(t, desk, "2026-01-01", "2026-12-31")
		plan(t, x)
		x.Plan(t, engagements.Planned, engagements.Observing)
		optest.Clock(desk).Advance(46 * 24 * time.Hour)
		fn(t, sitetest.New(t, desk.Engine, page.Routes()), x, "/engagements/"+x.ID+"/populations")
	})
}

// plan covers all criteria by inspection, and changes by a sample.
func plan(t *testing.T, x optest.Sides) {
	t.Helper()
	cat, err := frameworks.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cat.InScope([]string{frameworks.Security})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, k := range in {
		all = append(all, k.Code)
	}
	own := func(code, often string, criteria ...string) {
		optest.Do(t, x.Lead, controls.Create, controls.Own{Code: code, Title: "Control " + code, Text: "Somebody does it, as the report will say it.",
			Criteria: criteria, Frequency: often, Key: true})
	}
	own("GOV-01", "annual", all...)
	own("CHG-91", "many_times_a_day", "CC8.1")
	optest.Do(t, x.Staff, procedures.PlanOp, procedures.Planning{Engagement: x.ID, Control: "GOV-01", Basis: procedures.ByInspection, Attributes: []string{"A approved"}})
	optest.Do(t, x.Staff, procedures.PlanOp, procedures.Planning{Engagement: x.ID, Control: "CHG-91", Basis: procedures.BySample, Population: "POP-08", Risk: "low", Attributes: []string{"A approved before it was deployed"}})
}

// changes is a file of n deployments over the year.
func changes(n int) string {
	var b strings.Builder
	b.WriteString("change,deployed,summary\n")
	for i := range n {
		fmt.Fprintf(&b, "CHG-%04d,%s,Change %d\n", i+1, time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC).Add(time.Duration(i)*36*time.Hour).Format(time.RFC3339), i+1)
	}
	return b.String()
}

// given stores a file as one that arrived with a form before.
func given(t *testing.T, desk *op.Desk, data string) []string {
	t.Helper()
	s, err := desk.Vault.Store(t.Context(), desk.Org, []byte(data), clock.Truncate(desk.Clock.Now()))
	if err != nil {
		t.Fatal(err)
	}
	return []string{"from", "file", "blob", s.Address, "name", "changes.csv", "source", "deployer", "query", "select * from deployments", "column", "change", "time", "deployed", "label", "summary"}
}

func ask(t *testing.T, x optest.Sides) {
	t.Helper()
	optest.Do(t, x.Staff, populations.Request, populations.Wish{Engagement: x.ID, Code: "POP-08", Title: "Production changes deployed", Controls: []string{"CHG-91"}})
}

func sign(t *testing.T, d *op.Desk) {
	t.Helper()
	if err := d.Ledger.SealAll(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestFromTheRequestToTheDraw(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides, at string) {
		staff, lead := s.As(x.Staff), s.As(x.Lead)
		staff.Get(at).Says("h1", "No list has been asked for yet.")
		lead.Get(at).Says("h1", "Aldine Voss has not asked for a list yet.")
		bad := staff.Post(at+"/new", "code", "pop 8", "title", "Production changes deployed")
		bad.Is(http.StatusUnprocessableEntity)
		bad.Says("#f-code-error", "capitals and digits")
		if bad.Attr("#f-title", "value") != "Production changes deployed" {
			t.Error("what was typed was lost")
		}
		staff.Post(at+"/new", "code", "POP-08", "title", "Production changes deployed", "controls", "CHG-91").LeadsTo(at + "/POP-08")
		asked := lead.Get(at + "/POP-08")
		asked.Says("h1", "Aldine Voss asks for this list.")
		asked.Says("#protocol", "Rules out a number chosen to suit the list.")
		if asked.Count("#protocol .tm-pending") != 3 || asked.Count("a[href="+at+"/POP-08/build]") == 0 {
			t.Error("three steps are ahead, and the client can build")
		}
		lead.Get(at).Says("#populations", "Build the list")

		lead.Post(at+"/POP-08/build", given(t, x.Lead, strings.Replace(changes(240), "CHG-0007", "CHG-0006", 1))...).LeadsTo(at + "/POP-08?version=1")
		draft := lead.Get(at + "/POP-08?version=1")
		draft.Says("h1", "The draft has 240 rows. One problem keeps it from being sealed.")
		draft.Says("#problems", "lines 7 and 8: CHG-0006")
		staff.Get(at+"/POP-08").Says("h1", "Example is preparing this list.")
		staff.Get(at + "/POP-08/rows").Is(http.StatusConflict)

		lead.Post(at+"/POP-08/build", append(given(t, x.Lead, changes(240)), "source_count", "243", "counted_by", "a second API")...).LeadsTo(at + "/POP-08?version=2")
		draft = lead.Get(at + "/POP-08?version=2")
		draft.Says("h1", "The draft has 240 rows, and its source counts 243.")
		draft.Says("#problems", "Source count does not hold.")
		draft.Says("dialog#seal", "cannot be taken back")
		lead.Get(at+"/POP-08/seal?version=2").Says("h1", "Seal 240 rows of POP-08.")
		lead.Post(at+"/POP-08/seal", "version", "2").LeadsTo(at + "/POP-08")
		lead.Get(at+"/POP-08").Says("h1", "The list is rejected until somebody explains it.")
		late := staff.Post(at+"/POP-08/accept", "version", "2", "decision", "complete")
		late.Is(http.StatusUnprocessableEntity)
		late.Says("#decide", "Source count does not hold")

		lead.Post(at+"/POP-08/build", append(given(t, x.Lead, changes(243)), "source_count", "243", "counted_by", "a second API")...).LeadsTo(at + "/POP-08?version=3")
		lead.Post(at+"/POP-08/seal", "version", "3").LeadsTo(at + "/POP-08")
		sealed := staff.Get(at + "/POP-08")
		sealed.Says("h1", "243 rows are sealed. Nobody has evaluated them yet.")
		sealed.Says("#procedures", "CHG-0001 to CHG-0243, none missing")
		sealed.Says("#manifest", "Version 2 had 240 rows.")
		sealed.Says("#manifest", "select * from deployments")
		if sealed.Count("#list path") != 12 || sealed.Count("#list rect") != 0 {
			t.Errorf("%d months, %d drawn", sealed.Count("#list path"), sealed.Count("#list rect"))
		}
		staff.Post(at+"/POP-08/judge", "version", "3", "procedure", "reverse_trace", "result", "holds", "note", "Three of the audit log were found.", "items", "CHG-0003\nCHG-0100\nCHG-0200").LeadsTo(at + "/POP-08#procedures")
		staff.Get(at+"/POP-08").Says("#procedures", "Three of the audit log were found.")
		lead.Get(at+"/POP-08").Silent("#procedures", "Three of the audit log")
		staff.Post(at+"/POP-08/accept", "version", "3", "decision", "complete").LeadsTo(at + "/POP-08")
		staff.Get(at+"/POP-08").Says(".tm-lead", "Sealed and accepted")

		optest.Do(t, x.Partner, engagements.Advance, engagements.Advancing{ID: x.ID, To: "period_closed"})
		optest.Do(t, x.Staff, procedures.Draw, procedures.Drawing{Engagement: x.ID, Control: "CHG-91"})
		drawn(t, x, staff.Get(at+"/POP-08"), lead.Get(at+"/POP-08"))
		repeated(t, x, staff, at)
	})
}

// drawn looks at the page of the picture.
func drawn(t *testing.T, x optest.Sides, staff, lead *sitetest.Page) {
	t.Helper()
	for _, p := range []*sitetest.Page{staff, lead} {
		p.Is(http.StatusOK)
		p.Says("h1", "243 rows are on the list. 25 were drawn by arithmetic that neither side could steer.")
		if p.Count("#protocol .tm-pending") != 0 || p.Count("#list rect.tm-f-pen") != 25 || p.Count("#drawn ol li") != 25 {
			t.Errorf("%d steps ahead, %d squares, %d ranks", p.Count("#protocol .tm-pending"), p.Count("#list rect.tm-f-pen"), p.Count("#drawn ol li"))
		}
		p.Says("#list", "drawn 25")
		p.Says("#list", "not drawn 218")
		p.Says("#sizes", "8.80 %")
		p.Says("#sizes", "11.29 %")
		p.Says("#protocol", "Rules out picking the easy ones.")
	}
	staff.Says("#sizes", "Low, chosen")
	if staff.Count("a[href=/engagements/"+x.ID+"/testing/CHG-91]") == 0 || lead.Count("a[href=/engagements/"+x.ID+"/testing/CHG-91]") != 0 {
		t.Error("the testing grid is the firm's")
	}
}

// repeated draws again from what the page gives.
func repeated(t *testing.T, x optest.Sides, staff *sitetest.Visitor, at string) {
	t.Helper()
	p := staff.Get(at + "/POP-08/recompute?control=CHG-91")
	got := optest.Do(t, x.Staff, populations.Get, populations.Ref{Engagement: x.ID, Population: "POP-08"})
	for _, part := range []string{"tickmark sample recompute", "--nonce " + got.Nonce, "--items pop-08-v3.tsv", "--control CHG-91", "--period 2026-01-01/2026-12-31", "--n 25"} {
		p.Says("pre", part)
	}
	file := staff.Get(at + "/POP-08/lines?version=3")
	file.Is(http.StatusOK)
	items, err := sample.ReadItems(strings.NewReader(file.Body))
	if err != nil {
		t.Fatal(err)
	}
	digest, err := sample.Digest(items)
	if err != nil {
		t.Fatal(err)
	}
	nonce, err := sample.ParseNonce(got.Nonce)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, i := range items {
		ids = append(ids, sample.ItemOf(i))
	}
	picks, err := sample.Draw(nonce.Seed(digest, "CHG-91", "2026-01-01/2026-12-31"), ids, nil, sample.Random, 25)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, k := range picks {
		out = append(out, k.Item)
	}
	p.Says("pre", strings.Join(out, " "))
}

func TestEachSideSeesItsOwnActs(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides, at string) {
		ask(t, x)
		staff, lead, sponsor := s.As(x.Staff), s.As(x.Lead), s.As(x.Boss)
		for _, path := range []string{"/new", "/POP-08/judge"} {
			lead.Get(at + path).Is(http.StatusForbidden)
		}
		lead.Post(at+"/new", "code", "POP-09", "title", "x").Is(http.StatusForbidden)
		for _, path := range []string{"/POP-08/build", "/POP-08/seal?version=1"} {
			staff.Get(at + path).Is(http.StatusForbidden)
		}
		staff.Post(at+"/POP-08/build", "from", "run").Is(http.StatusForbidden)
		sponsor.Get(at + "/POP-08").Is(http.StatusOK)
		if sponsor.Get(at+"/POP-08").Count("a[href="+at+"/POP-08/build]") != 0 {
			t.Error("a sponsor is offered to build")
		}
		sponsor.Get(at + "/POP-08/build").Is(http.StatusForbidden)
		other := s.As(optest.Found(t, x.Client.Engine, "Other"))
		other.Get(at).Is(http.StatusNotFound)
		other.Get(at + "/POP-08").Is(http.StatusNotFound)
		staff.Get(at + "/POP-99").Is(http.StatusNotFound)
		staff.Get(at + "/POP-08?version=7").Is(http.StatusNotFound)
		staff.Get(at + "/POP-08/recompute").Is(http.StatusConflict)
		lead.Get(at + "/POP-08/lines").Is(http.StatusConflict)
		lead.Get(at + "/POP-08/seal").Is(http.StatusConflict)
	})
}

func TestAnotherNumberIsAskedForWithAReason(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides, at string) {
		ask(t, x)
		staff := s.As(x.Staff)
		form := staff.Get(at + "/new?again=POP-08")
		form.Says("h1", "Ask for POP-08 once more")
		again := []string{"again", "POP-08", "code", "POP-08", "title", "Production changes deployed"}
		staff.Post(at+"/new", again...).Is(http.StatusUnprocessableEntity)
		staff.Post(at+"/new", append(again, "reason", "a region was left out")...).LeadsTo(at + "/POP-08")
		staff.Get(at+"/POP-08").Says("#earlier", "a region was left out")
		s.As(x.Lead).Get(at+"/POP-08").Says("#earlier", "a region was left out")
	})
}

func TestRowsAreFoundByTheirItem(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides, at string) {
		ask(t, x)
		lead, staff := s.As(x.Lead), s.As(x.Staff)
		lead.Post(at+"/POP-08/build", given(t, x.Lead, changes(120))...).LeadsTo(at + "/POP-08?version=1")
		sign(t, x.Lead)
		lead.Post(at+"/POP-08/seal", "version", "1").LeadsTo(at + "/POP-08")
		first := staff.Get(at + "/POP-08/rows")
		first.Says("h1", "120 rows are on POP-08, version 1.")
		first.Says("#rows .tm-pager", "50 of 120")
		second := staff.Get(first.Attr("#rows a[rel=next]", "href"))
		second.Says("#rows tbody tr", "CHG-0051")
		some := staff.Get(at + "/POP-08/rows?prefix=CHG-001")
		some.Says("h1", "10 rows of POP-08 begin with “CHG-001”.")
		if some.Count("#rows tbody tr") != 10 {
			t.Errorf("%d rows", some.Count("#rows tbody tr"))
		}
		staff.Get(at+"/POP-08/rows?prefix=nothing").Says("h1", "No row of POP-08 begins with")
		table := staff.Get(at + "/POP-08?view=table")
		table.Says("#list tfoot", "120")
		if table.Count("#list svg.tm-chart") != 0 {
			t.Error("the chart stays beside its table")
		}
	})
}

// A form that was refused has everything that was typed, and the file.
func TestNothingOfARefusedFormIsLost(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides, at string) {
		ask(t, x)
		lead := s.As(x.Lead)
		p := lead.Post(at+"/POP-08/build", append(given(t, x.Lead, changes(3)), "zone", "Berlin", "surrogate", "true")...)
		p.Is(http.StatusUnprocessableEntity)
		p.Says("#f-zone-error", "Give an IANA time zone")
		p.Says("form", "changes.csv")
		if p.Attr("#f-column", "value") != "change" || p.Attr("input[name=blob]", "value") == "" || p.Count("input[name=surrogate][checked]") != 1 {
			t.Error("what was given is lost")
		}
		none := lead.Post(at+"/POP-08/build", "from", "file", "source", "deployer", "query", "q", "column", "change", "time", "deployed")
		none.Is(http.StatusUnprocessableEntity)
		none.Says("#f-file-error", "Give the bytes of the file")
		lead.Get(at+"/POP-08/build?from=run").Says("main", "No source has shown anything yet.")
		lead.Get(at + "/POP-08/build?from=calendar").Is(http.StatusOK)

		rec := upload(t, x.Lead, at+"/POP-08/build", changes(3), "from", "file", "source", "deployer", "query", "q", "column", "change", "time", "deployed")
		if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != at+"/POP-08?version=1" {
			t.Errorf("%d to %s", rec.Code, rec.Header().Get("Location"))
		}
	})
}

func upload(t *testing.T, desk *op.Desk, path, data string, fields ...string) *httptest.ResponseRecorder {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i+1 < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("file", "changes.csv")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	session, err := orgs.SignIn.Do(t.Context(), &op.Desk{Engine: desk.Engine, Actor: auth.Actor{Via: "page"}}, orgs.Visit{User: desk.Actor.User, Agent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	web := &site.Web{Engine: desk.Engine, Throttle: auth.NewThrottle(), Wake: func() {},
		Nav: func(auth.Actor) []site.NavGroup { return nil }, Tabs: func(auth.Actor) []site.NavItem { return nil }}
	mux := http.NewServeMux()
	web.Mount(mux, page.Routes())
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, &body)
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.AddCookie(&http.Cookie{Name: auth.CookieNameFor(false), Value: session.Secret})
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, req)
	return rec
}

func TestTheCalendarAsksForEachOccurrence(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides, at string) {
		optest.Do(t, x.Staff, populations.Request, populations.Wish{Engagement: x.ID, Code: "POP-07", Title: "Access reviews"})
		lead := s.As(x.Lead)
		form := lead.Get(at + "/POP-07/build?" + url.Values{"from": {"calendar"}, "cadence": {"quarterly"}}.Encode())
		if form.Count("input[type=date]") != 4 {
			t.Fatalf("%d dates for 4 quarters", form.Count("input[type=date]"))
		}
		b, err := x.Lead.Vault.Store(t.Context(), x.Lead.Org, []byte("review"), clock.Truncate(x.Lead.Clock.Now()))
		if err != nil {
			t.Fatal(err)
		}
		proof := string(optest.Do(t, x.Lead, evidence.Submit, evidence.Submission{Blob: b.Address, Title: "Review", Origin: "drive"}).ID)
		half := lead.Post(at+"/POP-07/build", "from", "calendar", "cadence", "quarterly", "at-2026-Q1", "2026-03-20", "by-2026-Q1", "")
		half.Is(http.StatusUnprocessableEntity)
		lead.Post(at+"/POP-07/build", "from", "calendar", "cadence", "quarterly", "at-2026-Q1", "2026-03-20", "by-2026-Q1", proof, "at-2026-Q2", "2026-06-20", "by-2026-Q2", proof,
			"at-2026-Q3", "2026-10-05", "by-2026-Q3", proof).LeadsTo(at + "/POP-07?version=1")
		p := lead.Get(at + "/POP-07?version=1")
		p.Says("h1", "The draft has 4 occurrences and can be sealed.")
		p.Says("#problems", "The same evidence stands for several occurrences.")
		if p.Count("#list rect.tm-f-fail") != 2 {
			t.Errorf("%d occurrences are drawn as missing", p.Count("#list rect.tm-f-fail"))
		}
		lead.Get(at+"/POP-07/rows?version=1").Says("#rows", "late")
	})
}

// script is a collector that does as it is told.
type script func(in *sources.Intake) error

func (script) Kind() string                                                             { return "git" }
func (script) Version() string                                                          { return "test" }
func (s script) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error { return s(in) }

func TestASourceIsChosenBeforeItsFieldsAndALongListIsBars(t *testing.T) {
	each(t, func(t *testing.T, s *sitetest.Site, x optest.Sides, at string) {
		ask(t, x)
		src := optest.Do(t, x.Lead, sources.Create, sources.Connection{Kind: "git", Name: "git-main", Path: "/nowhere"})
		r, err := sources.NewReader(script(func(in *sources.Intake) error {
			for i := range site.SquaresLimit + 100 {
				when := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 3 * time.Hour)
				if err := in.Add(sources.Resource{Kind: "commit", Key: fmt.Sprintf("%040x", i), Attrs: map[string]any{"subject": fmt.Sprintf("change %d", i), "on_main_line": true, "committed_at": when}}); err != nil {
					return err
				}
			}
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(t.Context(), x.Lead, src.ID, nil, false); err != nil {
			t.Fatal(err)
		}
		lead := s.As(x.Lead)
		first := lead.Get(at + "/POP-08/build")
		what := first.Attr("option", "value")
		if what != string(src.ID)+" commit" || first.Attr("form.tm-form", "method") != "get" {
			t.Fatalf("offered %q", what)
		}
		form := lead.Get(at + "/POP-08/build?" + url.Values{"from": {"run"}, "what": {what}}.Encode())
		form.Says("select#f-time", "committed_at")
		form.Says("main", "such as: r.on_main_line.")
		wrong := lead.Post(at+"/POP-08/build", "from", "run", "what", what, "where", "r.main", "time", "committed_at", "label", "subject")
		wrong.Is(http.StatusUnprocessableEntity)
		wrong.Says("#f-where-error", "commit has no field main")
		lead.Post(at+"/POP-08/build", "from", "run", "what", what, "where", "r.on_main_line", "time", "committed_at", "label", "subject", "column", "").LeadsTo(at + "/POP-08?version=1")
		p := lead.Get(at + "/POP-08?version=1")
		p.Says("h1", "The draft has 2,100 rows and can be sealed.")
		if p.Count("#list rect.tm-f-bar0") != 12 || p.Count("#list path") != 0 {
			t.Error("a long list is drawn in bars")
		}
		p.Says("#manifest", "where r.on_main_line")
	})
}
