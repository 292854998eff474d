package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/git"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/sources"
)

// An examination is an engagement that has been accepted, with everybody who
// takes part able to sign in.
type examination struct {
	*server
	t     *testing.T
	id    string
	clock *clock.Fixed
	desks map[string]*op.Desk
	pages map[string]*browser.Page
	git   id.Source
}

// mail is the address of whoever has a role.
func mail(role string) string { return role + "@examination.example" }

// history is the repository that the examination is about: the one these tests
// lie in, or a small one where they were copied without theirs.
func historyOf(t *testing.T) (path string, newest time.Time) {
	t.Helper()
	path = assess.Checkout(".")
	if path != "" {
		if at, err := git.Newest(path); err == nil {
			return path, at
		}
	}
	path = repository(t)
	at, err := git.Newest(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, at
}

// examine serves an installation whose clock stands after the period, and
// brings an organization and its auditor together.
func examine(t *testing.T) *examination {
	t.Helper()
	path, newest := historyOf(t)
	d, err := db.Open(t.Context(), dbtest.SQLite(t), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	e := optest.Engine(t, d)
	reader, err := sources.NewReader(app.Collectors()...)
	if err != nil {
		t.Fatal(err)
	}
	x := &examination{t: t, clock: e.Clock.(*clock.Fixed), desks: map[string]*op.Desk{}, pages: map[string]*browser.Page{}}
	month := time.Date(newest.Year(), newest.Month(), 1, 0, 0, 0, 0, time.UTC)
	starts, ends := month.AddDate(0, -2, 0), month.AddDate(0, 1, -1)
	x.clock.Advance(ends.AddDate(0, 0, 3).Add(9 * time.Hour).Sub(x.clock.Now()))
	x.serve(&app.App{Engine: e, Reader: reader, Config: conf.Config{Data: t.TempDir()}})
	x.people()
	x.program(path, starts, ends)
	return x
}

// serve starts the server; it ends with the test.
func (x *examination) serve(a *app.App) {
	x.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, ended := &printed{ready: make(chan struct{})}, make(chan error, 1)
	go func() { ended <- a.Serve(ctx, conf.Server{Listen: "127.0.0.1:0"}, assess.Offer{}, out) }()
	x.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			x.t.Errorf("the server ended: %v", err)
		}
	})
	select {
	case <-out.ready:
	case err := <-ended:
		ended <- err
		x.t.Fatalf("the server did not start: %v", err)
	}
	x.server = &server{App: a, url: addressForm.FindString(out.b.String())}
}

func (x *examination) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

// people founds both sides. Everybody has the same password.
func (x *examination) people() {
	x.t.Helper()
	stranger := &op.Desk{Engine: x.Engine, Actor: auth.Actor{Name: "setup", Via: "cli"}}
	made, err := orgs.Found.Do(x.t.Context(), stranger, orgs.Founding{Creation: orgs.Creation{Organization: who.org, Name: who.name, Email: mail("owner"), Password: who.password}})
	x.must(err)
	x.sit("owner", made)
	for _, p := range [][3]string{{"owner", "cpa_firm", "Eleanor Voss"}, {"owner", "compliance_lead", "Jonas Lindqvist"}, {"owner", "control_owner", "Mei-Lin Park"}, {"partner", "staff", "Dana Whitfield"}} {
		inv, err := orgs.Invite.Do(x.t.Context(), x.desks[p[0]], orgs.InvitationWish{Role: p[1]})
		x.must(err)
		role := strings.Replace(p[1], "cpa_firm", "partner", 1)
		made, err := orgs.Accept.Do(x.t.Context(), stranger, orgs.Acceptance{Secret: inv.Secret, Name: p[2], Email: mail(role), Password: who.password, Organization: "Aldine Voss"})
		x.must(err)
		x.sit(role, made)
	}
}

func (x *examination) sit(role string, made orgs.Created) {
	desk := &op.Desk{Engine: x.Engine, Org: made.Org}
	x.must(x.DB.Read(x.t.Context(), string(made.Org), func(tx *db.Tx) (err error) {
		desk.Actor, err = auth.MemberActor(tx, made.Org, made.User, "page")
		return err
	}))
	x.desks[role] = desk
}

// program has the organization's controls in place and the engagement agreed.
// What is examined here is the history of a repository; one document answers
// for the rest.
func (x *examination) program(path string, starts, ends time.Time) {
	x.t.Helper()
	lead := x.desks["compliance_lead"]
	_, err := scopes.Set.Do(x.t.Context(), lead, scopes.Decision{Type: scopes.TypeII, System: "Larchmere Cloud", Starts: starts.Format(time.DateOnly), Ends: ends.Format(time.DateOnly)})
	x.must(err)
	cat, err := frameworks.Shipped()
	x.must(err)
	all, err := cat.InScope([]string{frameworks.Security})
	x.must(err)
	var rest []string
	for _, k := range all {
		if k.Code != "CC8.1" {
			rest = append(rest, k.Code)
		}
	}
	for _, own := range []controls.Own{
		{Code: "CHG-81", Title: "Changes can be traced", Text: "Every change to the main line says which part it changes and names its author.", Criteria: []string{"CC8.1"}, Frequency: "many_times_a_day", Key: true},
		{Code: "GOV-81", Title: "The security handbook is in force", Text: "Management approves the security handbook each year.", Criteria: rest, Frequency: "annual", Key: true},
	} {
		own.Owner = string(x.desks["control_owner"].Actor.User)
		_, err := controls.Create.Do(x.t.Context(), lead, own)
		x.must(err)
	}
	src, err := sources.Create.Do(x.t.Context(), lead, sources.Connection{Kind: "git", Name: "git-main", Path: path})
	x.must(err)
	x.git = src.ID
	run, err := x.Reader.Read(x.t.Context(), lead, src.ID, nil, false)
	x.must(err)
	if run.Status != sources.RunOK {
		x.t.Fatalf("the repository was not read: %s", run.Error)
	}
	sealed, err := x.Vault.Store(x.t.Context(), lead.Org, []byte("Security handbook. Approved by management, in force throughout the period.\n"), x.clock.Now())
	x.must(err)
	_, err = evidence.Submit.Do(x.t.Context(), x.desks["control_owner"], evidence.Submission{Blob: sealed.Address, Title: "Security handbook", MediaType: "text/plain", Origin: "intranet", Level: 5,
		Captured: starts.AddDate(0, 0, 30)})
	x.must(err)
	e, err := engagements.Propose.Do(x.t.Context(), lead, engagements.Proposal{Name: "Larchmere 2026", Firm: string(x.desks["partner"].Org), Type: scopes.TypeII,
		Starts: starts.Format(time.DateOnly), Ends: ends.Format(time.DateOnly)})
	x.must(err)
	x.id = string(e.ID)
}

// as opens a page of the engagement as somebody. Time passes between people.
func (x *examination) as(role, part string) *browser.Page {
	x.t.Helper()
	x.clock.Advance(time.Minute)
	p, path := x.pages[role], "/engagements/"+x.id+part
	if p == nil {
		p = browser.Open(x.t)
		x.pages[role] = p
		x.signIn(p, mail(role), who.password, url.QueryEscape(path))
	}
	p.Goto(x.url + path)
	return p
}

// form fills the form that posts to an address and sends it.
func (x *examination) form(p *browser.Page, action string, fields ...string) {
	x.t.Helper()
	form := fmt.Sprintf("main form[action$=%q]", action)
	for i := 0; i+1 < len(fields); i += 2 {
		name, value := fields[i], fields[i+1]
		if at := fmt.Sprintf("%s [name=%q][value=%q]", form, name, value); strings.HasPrefix(name, "*") {
			p.Click(strings.Replace(at, "*", "", 1)) // a radio or a tick
			continue
		}
		p.Fill(fmt.Sprintf("%s [name=%q]", form, name), value)
	}
	p.Follow(form + " button[type=submit]:not([name])")
}

func (x *examination) advance(role, to string) {
	x.t.Helper()
	p := x.as(role, "/advance")
	x.form(p, "/advance")
	view, err := engagements.Get.Do(x.t.Context(), x.desks[role], engagements.Ref{ID: x.id})
	x.must(err)
	if string(view.State) != to {
		x.t.Fatalf("the engagement is %s, want %s; the page says: %s", view.State, to, p.Text("main"))
	}
}

// TestFourPeopleTakeATypeIIFromPlanToIssuedReport is the whole examination in
// a browser: a compliance lead, a control owner, a staff auditor and a partner,
// and the owner who signs for management.
func TestFourPeopleTakeATypeIIFromPlanToIssuedReport(t *testing.T) {
	wanted(t)
	x := examine(t)
	x.form(x.as("partner", "/accept"), "/accept", "independence", "The team has no other relationship with Larchmere.")
	x.planning()
	x.sealing()
	x.testing()
	x.concluding()
	x.issuing()
	x.verified()
	for role, p := range x.pages {
		if errs := p.ConsoleErrors(); len(errs) > 0 {
			t.Errorf("the browser of %s complained: %v", role, errs)
		}
	}
}

func (x *examination) planning() {
	x.form(x.as("staff", "/plan"), "/plan", "considerations", "A change that cannot be traced is material to CC8.1.")
	x.form(x.as("staff", "/populations/new"), "/populations/new", "code", "POP-08", "title", "Production changes", "controls", "CHG-81")
	x.form(x.as("staff", "/plan-test"), "/plan-test", "control", "CHG-81", "*basis", "sample", "population", "POP-08", "cadence", "many-a-day", "*risk", "low",
		"text-A", "names its author", "expression-A", `r.author_email != ""`, "text-B", "says what it changes", "expression-B", `r.subject != ""`) // the history is whatever it is: what is drawn must agree
	x.form(x.as("staff", "/plan-test"), "/plan-test", "control", "GOV-81", "*basis", "inspection", "*risk", "moderate", "text-A", "approved and in force throughout the period")
	x.advance("partner", "planned")
}

func (x *examination) sealing() {
	p := x.as("compliance_lead", "/populations/POP-08/build?from=run")
	p.Fill("main form [name=what]", string(x.git)+" commit")
	p.Follow("main form button[type=submit]")
	p.Fill("main form [name=where]", "r.on_main_line")
	p.Fill("main form [name=time]", "committed_at")
	p.Fill("main form [name=label]", "subject")
	p.Fill("main form [name=column]", "short")
	p.Follow("main form button[type=submit]")
	x.form(x.as("compliance_lead", "/populations/POP-08/seal"), "/seal")
	x.form(x.as("staff", "/populations/POP-08/judge"), "/judge", "procedure", "observed", "*result", "holds", "note", "Watched the list being made.")
	x.form(x.as("staff", "/populations/POP-08"), "/accept", "*decision", "complete")
	for _, to := range []string{"observing", "period_closed"} {
		x.advance("partner", to)
	}
	x.form(x.as("staff", "/testing/CHG-81/draw"), "/draw", "*method", "random")
	x.advance("partner", "fieldwork")
}

func (x *examination) testing() {
	// The owner answers for the handbook.
	p := x.as("control_owner", "/items/GOV-81/answer?items=GOV-81")
	p.Click("main form [name=evidence]")
	p.Follow("main form button[type=submit]")
	// The keyboard alone: confirm what the expressions propose, row by row.
	p = x.as("staff", "/testing/CHG-81")
	rows := p.Count("tr[data-item]")
	if rows == 0 {
		x.t.Fatalf("the grid is empty: %s", p.Text("main"))
	}
	x.grid(p)
	for range rows {
		p.Press("Shift+Enter")
		p.Press("ArrowDown")
	}
	for n := 1; n <= rows; n++ { // each is an answer of its own
		p.Until(fmt.Sprintf("%d of %d", n, rows), fmt.Sprintf("[...document.querySelector('main').innerText.matchAll(/(\\d+) of %d/g)].some(m => Number(m[1]) >= %d)", rows, n), nil)
	}
	p = x.as("staff", "/testing/GOV-81")
	x.grid(p)
	p.Press("1")
	p.WaitText("main", "1 of 1")
}

// grid gives the current cell the keyboard.
func (x *examination) grid(p *browser.Page) {
	p.Wait("td[data-at] [tabindex='0']")
	var at bool
	p.Eval("(document.querySelector(\"td[data-at] [tabindex='0']\").focus(), true)", &at)
}

func (x *examination) concluding() {
	for _, control := range []string{"CHG-81", "GOV-81"} {
		p := x.as("staff", "/testing/"+control+"/conclude")
		p.Click("main form [name=decision][value=effective]")
		if p.Count("main form [name=reason]") > 0 {
			p.Fill("main form [name=reason]", "Each item that was looked at agrees.")
		}
		p.Follow("main form button[type=submit]")
		x.form(x.as("partner", "/testing/"+control+"/review"), "/review", "comment", "Read the workpaper and its evidence.")
	}
	x.advance("partner", "evaluation")
	x.form(x.as("staff", "/conclusions/accept"), "/conclusions/accept")
	for _, part := range []string{"description", "design", "operation"} {
		p := x.as("partner", "/conclusions/parts/"+part)
		p.Click("main form [name=decision][value=unmodified]")
		p.Fill("main form [name=reason]", "Nothing that was seen speaks against it.")
		p.Follow("main form button[type=submit]")
	}
	x.advance("partner", "draft_report")
	x.form(x.as("partner", "/report/texts/I.opinion"), "/report/texts/I.opinion", "text", "In our opinion, in all material respects, the description presents the system, and its controls were suitably designed and operated effectively.")
	x.form(x.as("staff", "/report"), "/report/draft")
	x.advance("partner", "management_review")
}

func (x *examination) issuing() {
	x.advance("compliance_lead", "sign_off")
	p := x.as("owner", "/report/assertion")
	p.Fill("main form [name=text]", "We assert that our controls were suitably designed and operated effectively throughout the period.")
	p.Follow("main form button[value=show]")
	p.Follow("main form button[value=sign]")
	x.form(x.as("partner", "/report/issue"), "/report/issue")
	p = x.as("partner", "")
	if got := p.Text("main h1"); !strings.Contains(got, "issued") {
		x.t.Errorf("the overview says: %s", got)
	}
}

// verified takes the bundle out over the page and reads it as a stranger.
func (x *examination) verified() {
	p := x.as("partner", "")
	file := p.Download(func() { p.Click("main form[action$='/bundle'] button[type=submit]") })
	raw, err := os.ReadFile(file)
	x.must(err)
	view, err := engagements.Get.Do(x.t.Context(), x.desks["partner"], engagements.Ref{ID: x.id})
	x.must(err)
	r, err := bundle.Verify(bytes.NewReader(raw), int64(len(raw)), bundle.Options{Keys: view.Keys})
	x.must(err)
	if r.Verdict != bundle.Verified || r.Examination == nil {
		x.t.Errorf("the verifier says %s: %v", r.Verdict, r.Problems)
	}
	p = x.as("partner", "/report")
	pdf := p.Download(func() { p.Click("main a[href*='/report/prints/']") })
	b, err := os.ReadFile(pdf)
	x.must(err)
	if !bytes.HasPrefix(b, []byte("%PDF-")) {
		x.t.Errorf("%s is no PDF", pdf)
	}
	if dir := os.Getenv("TICKMARK_KEEP"); dir != "" {
		x.must(os.WriteFile(filepath.Join(dir, "report.pdf"), b, 0o644))
		x.must(os.WriteFile(filepath.Join(dir, "engagement.evb"), raw, 0o644))
	}
}
