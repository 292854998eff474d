package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/arch/repo"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/sources"
)

// pictures is the environment variable that names the folder for the pictures
// of the documentation; `make pictures` sets it.
const pictures = "TICKMARK_PICTURES"

// TestPictures takes the pictures of the documentation from a real run: over
// this checkout and this machine, by an organization whose people are made up
// and whose figures are not.
func TestPictures(t *testing.T) {
	dir := os.Getenv(pictures)
	if dir == "" {
		t.Skipf("takes the pictures of the documentation; set %s to their folder", pictures)
	}
	s := begun(t, assess.Offer{})
	desk, err := s.Desk(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	p := browser.Open(t)
	s.enter(p, "/work")
	shoot := func(name, path string, width, height int, dark bool) {
		t.Helper()
		p.Emulate(width, height, width < 600, dark)
		p.Goto(s.url + path)
		p.Screenshot(filepath.Join(dir, name+".png"), width, height, dark, false)
	}
	do(t, desk, scopes.Set, scopes.Decision{Requester: "Aldine Bank", Type: scopes.TypeII, Categories: []string{"security", "availability", "confidentiality"},
		Starts: "2026-01-01", Ends: "2026-12-31", System: "Larchmere Platform", Included: "The platform, its database and the machines it is built on."})
	for _, c := range []sources.Connection{{Kind: "git", Name: "tickmark", Path: checkout(t)}, {Kind: "host", Name: "build-1"}} {
		src := do(t, desk, sources.Create, c)
		if _, err := assess.Perform(t.Context(), desk, s.Reader, []sources.Source{src}, func(int, int, string) {}); err != nil {
			t.Fatal(err)
		}
	}
	shoot("first-results", "/first-results", 1440, 1000, false)

	people := s.people(t, desk)
	s.program(t, desk, people)
	x := s.picture(t)
	t.Log(x.Sentence)
	shoot("home", "/", 1440, 1000, false)
	shoot("home-dark", "/", 1440, 1000, true)
	shoot("home-phone", "/", 390, 844, true)
	i := slices.IndexFunc(x.Controls, func(c readiness.Control) bool { return c.Evidenced == readiness.Failing && c.Stated() })
	shoot("control", "/controls/"+x.Controls[max(i, 0)].Code, 1440, 1000, false)
	i = slices.IndexFunc(x.Answers, func(c checks.Check) bool { return c.Status == checks.Fail && c.Severity == "high" && c.Total > 1 })
	shoot("check", "/checks/"+x.Answers[max(i, 0)].ID, 1440, 1000, false)
	list := do(t, desk, evidence.Entries, evidence.EntryFilter{Kind: "evidence"})
	shoot("log-entry", "/log/"+strconv.FormatInt(list.Items[0].Index, 10), 1440, 1000, false)
}

// checkout is a clone of this repository, so that no picture shows where the
// original lies.
func checkout(t *testing.T) string {
	t.Helper()
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "tickmark")
	if out, err := exec.Command("git", "-c", "safe.directory=*", "clone", "-q", "--no-local", root, dir).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	return dir
}

// owners says who owns the controls of a family; the rest is the owner's.
var owners = map[string]string{
	"CHG": "Tomas Reiter", "SDL": "Tomas Reiter", "VUL": "Tomas Reiter", "CFG": "Jonas Lindqvist", "NET": "Jonas Lindqvist", "LOG": "Jonas Lindqvist", "AVL": "Jonas Lindqvist",
	"BCP": "Jonas Lindqvist", "MON": "Jonas Lindqvist", "IAM": "Mei-Lin Park", "END": "Mei-Lin Park", "PPL": "Priya Natarajan", "TRN": "Priya Natarajan", "VEN": "Priya Natarajan",
}

func (s *server) people(t *testing.T, desk *op.Desk) map[string]id.User {
	t.Helper()
	out := map[string]id.User{who.name: desk.Actor.User}
	for _, name := range []string{"Tomas Reiter", "Jonas Lindqvist", "Mei-Lin Park", "Priya Natarajan"} {
		first, _, _ := strings.Cut(strings.ToLower(name), " ")
		m := do(t, desk, orgs.AddMem, orgs.NewMember{Name: name, Email: first + "@larchmere.example", Role: string(auth.ControlOwner), Password: who.password})
		out[name] = m.ID
	}
	return out
}

// stated says, family by family, how controls are done at Larchmere. Families
// that are missing have not been stated yet.
var stated = map[string]string{
	"GOV": "The board meets each quarter; the minutes and the list of actions lie in the company handbook, and the managing director follows them up.",
	"COM": "The handbook and the status page are the two places; changes to either are announced in the weekly letter, which is kept.",
	"RSK": "The risk register is reviewed on the first Monday of each quarter by the managing director and the leads; each risk has an owner and a decision.",
	"POL": "Policies lie in the handbook, each with an owner and a date of its next review; people confirm them when they join and each January.",
	"PPL": "The people lead keeps a checklist for joining and for leaving, one copy for each person, signed by both.",
	"CHG": "Changes reach the main branch by pull request with one approval; the pipeline runs all tests and refuses what fails.",
	"SDL": "The contributing guide is the standard; reviewers check against it, and the pipeline runs the linters it names.",
	"IAM": "Access is asked for and granted in the ticket system, and reviewed each quarter against the export of each system.",
	"INC": "Incidents are opened in the ticket system within the hour; the on-call lead writes the review within a week.",
	"MON": "Tickmark reads the sources each day; the platform lead looks at what changed each morning.",
	"BCP": "Backups are made each night and one is restored each quarter; the restore is timed and written down.",
	"AVL": "Capacity is looked at each month against the plan; alerts go to the person on call.",
	"DAT": "Data is classed in the register of systems; what leaves goes by the deletion procedure, with a record.",
	"CFG": "Machines are set up from the baseline in the operations repository; drift shows in the daily reading.",
	"LOG": "Logs go to the log host within a minute and are kept for a year; only the platform lead may read them.",
}

// shown are records that people have put in, with the families they bear on.
var shown = []struct {
	by, title, media, origin, text string
	families                       []string
}{
	{"Ines Okafor", "Minutes of the board, third quarter", "text/plain", "Company handbook", "Present: 4 of 4. Security report taken note of. Two actions agreed.\n", []string{"GOV", "COM", "POL"}},
	{"Ines Okafor", "Risk register after the October review", "text/csv", "Risk register", "risk,owner,decision\nloss of the build host,J. Lindqvist,reduce\nsupplier stops,P. Natarajan,accept\n", []string{"RSK"}},
	{"Priya Natarajan", "Joining and leaving checklists since July", "text/csv", "People system", "person,kind,done\nA. Novak,joined,2026-07-03\nB. Ruiz,joined,2026-08-15\nC. Hale,left,2026-09-30\n", []string{"PPL"}},
	{"Mei-Lin Park", "Access review, third quarter", "text/csv", "Ticket system", "system,accounts,removed\nplatform,31,2\nbuild,9,1\n", []string{"IAM"}},
	{"Jonas Lindqvist", "Restore test of 12 November", "text/plain", "Backup system", "Restored the database of 11 November in 41 minutes; row counts agree.\n", []string{"BCP", "AVL"}},
	{"Jonas Lindqvist", "Incident reviews of the third quarter", "text/plain", "Ticket system", "Two incidents, both reviewed within a week.\n", []string{"INC", "MON"}},
}

// program adopts what matches the findings and what is expected of a startup,
// gives it owners, and states and evidences some of it.
func (s *server) program(t *testing.T, desk *op.Desk, people map[string]id.User) {
	t.Helper()
	codes := s.picture(t).Proposed
	for _, x := range do(t, desk, controls.Shelf, controls.ShelfFilter{Stage: "startup"}).Items {
		switch family(x.Code) {
		case "PRV", "PIN", "PHY", "END", "ENC", "AST":
		default:
			if !slices.Contains(codes, x.Code) && len(codes) < 84 {
				codes = append(codes, x.Code)
			}
		}
	}
	byOwner := map[id.User][]string{}
	for _, code := range codes {
		owner := people[who.name]
		if name := owners[family(code)]; name != "" {
			owner = people[name]
		}
		byOwner[owner] = append(byOwner[owner], code)
	}
	for owner, list := range byOwner {
		do(t, desk, controls.Adopt, controls.Adoption{Codes: list, Owner: string(owner)})
	}
	ids := map[string][]string{}
	for _, c := range s.picture(t).Controls {
		ids[family(c.Code)] = append(ids[family(c.Code)], string(c.ID))
		if text := stated[family(c.Code)]; text != "" {
			do(t, desk, controls.Implement, controls.Statement{ID: c.Code, Version: c.Version, Text: text})
		}
	}
	for _, e := range shown {
		by := *desk
		err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) (err error) {
			by.Actor, err = auth.MemberActor(tx, desk.Org, people[e.by], "page")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := desk.Vault.Store(t.Context(), desk.Org, []byte(e.text), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		var bear []string
		for _, f := range e.families {
			bear = append(bear, ids[f]...)
		}
		do(t, &by, evidence.Submit, evidence.Submission{Blob: sealed.Address, Title: e.title, MediaType: e.media, Origin: e.origin, Controls: bear[:min(50, len(bear))]})
	}
}

func family(code string) string {
	f, _, _ := strings.Cut(code, "-")
	return f
}
