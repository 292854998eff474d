package e2e_test

import (
	"bytes"
	"html"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/docs"
	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/arch/repo"
	"github.com/tickmark/tickmark/internal/demo"
	"github.com/tickmark/tickmark/internal/procedures"
)

// A shot is a picture of the documentation: what somebody of the demonstration
// sees at an address. ENG stands for the address of the engagement.
type shot struct {
	name, as, path string
	phone, dark    bool
	height         int // 1000 if left out, 844 on a phone
}

// fieldwork are the pictures of the days on which the changes are tested.
var fieldwork = []shot{
	{name: "engagement", as: "staff", path: "ENG"},
	{name: "testing", as: "staff", path: "ENG/testing/CHG-81"},
	{name: "testing-dark", as: "staff", path: "ENG/testing/CHG-81", dark: true},
	{name: "waiting", as: "manager", path: "/engagements/waiting"},
	{name: "owner-items", as: "compliance_lead", path: "ENG/items"},
}

// issued are those of the day on which the report is there.
var issued = []shot{
	{name: "home", as: "compliance_lead", path: "/"},
	{name: "home-dark", as: "compliance_lead", path: "/", dark: true},
	{name: "home-phone", as: "compliance_lead", path: "/", phone: true, dark: true},
	{name: "work-lead", as: "compliance_lead", path: "/work"},
	{name: "controls", as: "compliance_lead", path: "/controls"},
	{name: "checks", as: "compliance_lead", path: "/checks"},
	{name: "evidence", as: "compliance_lead", path: "/evidence"},
	{name: "report-lead", as: "compliance_lead", path: "ENG/report"},
	{name: "work-owner", as: "control_owner", path: "/work"},
	{name: "work-owner-phone", as: "control_owner", path: "/work", phone: true},
	{name: "control", as: "control_owner", path: "/controls/MFA-01"},
	{name: "control-lead", as: "compliance_lead", path: "/controls/CHG-81"},
	{name: "evidence-add", as: "control_owner", path: "/evidence/new"},
	{name: "population", as: "partner", path: "ENG/populations/POP-08", height: 806}, // ends before it says where the clone lay
	{name: "conclusions", as: "manager", path: "ENG/conclusions"},
	{name: "report", as: "partner", path: "ENG/report"},
	{name: "methodology", as: "partner", path: "/firm/methodology"},
	{name: "work-employee", as: "employee", path: "/work"},
	{name: "work-employee-phone", as: "employee", path: "/work", phone: true},
	{name: "sources", as: "operator", path: "/sources"},
	{name: "log-health", as: "operator", path: "/log/health"},
	{name: "jobs", as: "operator", path: "/jobs"},
	{name: "verify", as: "", path: "/verify"},
	{name: "verify-phone", as: "", path: "/verify", phone: true},
}

// guests are invited into the demonstration for the pictures, as people are who
// have no part in the examination itself.
var guests = []struct{ role, name, email string }{
	{"employee", "Nils Ekström", "nils@larchmere.example"},
	{"operator", "Sanna Lehto", "sanna@larchmere.example"},
}

// pictured plays the demonstration and calls take for each picture at the moment
// it is of. Whoever takes it is given a visitor who is signed in.
func pictured(t *testing.T, take func(s *server, v *visitor, x shot, path string)) *server {
	t.Helper()
	s := staged(t)
	seats, eng := map[string]*visitor{}, ""
	sit := func(role string) *visitor {
		if seats[role] == nil {
			seats[role] = s.seat(t, role)
		}
		return seats[role]
	}
	all := func(list []shot) {
		if eng == "" {
			v := sit("staff")
			v.get("/engagements")
			eng = engForm.FindString(v.body)
		}
		for _, x := range list {
			take(s, sit(x.as), x, strings.Replace(x.path, "ENG", eng, 1))
		}
	}
	s.play(t, "", func(what string, nth int) bool {
		if what == procedures.Confirm.Summary() && nth == 21 {
			all(fieldwork)
		}
		return false
	})
	if eng == "" {
		t.Fatal("the changes are never tested")
	}
	clear(seats) // two weeks have gone by, and their sessions with them
	s.invite(t, sit("owner"))
	all(issued)
	return s
}

var engForm = regexp.MustCompile(`/engagements/eng_[a-z0-9]+`)

// seat is a visitor signed in as somebody of the demonstration; nobody is "".
func (s *server) seat(t *testing.T, role string) *visitor {
	t.Helper()
	v := s.visitor(t)
	email := ""
	for _, g := range guests {
		if g.role == role {
			email = g.email
		}
	}
	switch {
	case role == "":
		return v
	case email == "":
		email = actor(t, role).email
	}
	v.post("/sign-in", "email", email, "password", demo.Password, "to", "/work")
	v.at("/work")
	return v
}

// invite lets the guests in, and asks one of them for something.
func (s *server) invite(t *testing.T, owner *visitor) {
	t.Helper()
	for _, g := range guests {
		owner.post("/settings/invitations", "role", g.role)
		link := html.UnescapeString(joinForm.FindString(owner.body))
		_, secret, ok := strings.Cut(link, "token=")
		if !ok {
			t.Fatalf("nobody can be invited: %s", owner.text())
		}
		s.visitor(t).post("/join", "secret", secret, "name", g.name, "email", g.email, "password", demo.Password)
	}
	nils := s.seat(t, "employee")
	nils.post("/tasks/new", "title", "Send the list of laptops that you hand out", "due", "2026-12-18")
	if nils.last.StatusCode != http.StatusOK {
		t.Fatalf("an employee cannot add a task: %s", nils.text())
	}
}

// pictures is the environment variable that names the folder for the pictures
// of the documentation; `make pictures` sets it.
const pictures = "TICKMARK_PICTURES"

// TestPicturesOfTheGuides takes the pictures that the guides show.
func TestPicturesOfTheGuides(t *testing.T) {
	dir := os.Getenv(pictures)
	if dir == "" {
		t.Skipf("takes the pictures of the documentation; set %s to their folder", pictures)
	}
	b := browser.Start(t)
	pages := map[*visitor]*browser.Page{}
	pictured(t, func(s *server, v *visitor, x shot, path string) {
		p := pages[v]
		if p == nil {
			p = b.Page(t)
			for _, c := range v.cookies() {
				p.Cookie(s.url, c)
			}
			pages[v] = p
		}
		width, height := 1440, 1000
		if x.phone {
			width, height = 390, 844
		}
		if x.height > 0 {
			height = x.height
		}
		p.Emulate(width, height, width < 600, x.dark)
		if status := v.get(path); status != http.StatusOK || v.last.Request.URL.Path != path {
			t.Fatalf("%s: %d at %s, as %q", x.name, status, v.last.Request.URL, x.as)
		}
		p.Goto(s.url + path)
		file := filepath.Join(dir, x.name+".png")
		p.Screenshot(file, width, height, x.dark, false)
		shrink(t, file)
	})
}

// TestTheYearOfTheDemonstration plays it once, for everything that wants it
// whole. It compares no pixels: it looks whether the pages still are where the
// pictures were taken, and whether the documents show only pictures that exist,
// and no picture lies idle. Then somebody looks for the two accounts.
func TestTheYearOfTheDemonstration(t *testing.T) {
	wanted(t)
	taken := map[string]bool{}
	s := pictured(t, func(s *server, v *visitor, x shot, path string) {
		if status := v.get(path); status != http.StatusOK || v.last.Request.URL.Path != path {
			t.Errorf("%s: %d at %s, as %q", x.name, status, v.last.Request.URL, x.as)
		}
		taken[x.name+".png"] = true
	})
	for name := range taken {
		if _, err := fs.Stat(docs.Files, "img/"+name); err != nil {
			t.Errorf("docs/img/%s was never taken: make pictures", name)
		}
	}
	s.twoAccounts(t)
}

// TestEveryPictureThatIsShownCanBeTakenAndIsSmall needs no browser, so that
// `go test ./...` finds a picture that was named and never listed.
func TestEveryPictureThatIsShownCanBeTakenAndIsSmall(t *testing.T) {
	listed, total := map[string]bool{}, 0
	for _, x := range slices.Concat(fieldwork, issued) {
		listed[x.name+".png"] = true
	}
	there, err := fs.Glob(docs.Files, "img/*.png")
	if err != nil || len(there) == 0 {
		t.Fatalf("no pictures: %v", err)
	}
	for _, name := range there {
		b, err := fs.ReadFile(docs.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		if total += len(b); len(b) > 200_000 || !listed[filepath.Base(name)] {
			t.Errorf("docs/%s has %d bytes of 200,000, and is listed in fieldwork or issued: %v", name, len(b), listed[filepath.Base(name)])
		}
	}
	if total > 6_000_000 {
		t.Errorf("the pictures have %d bytes, which the program carries; 6,000,000 are allowed", total)
	}
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/guide/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range imageForm.FindAllStringSubmatch(string(b), -1) {
				if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil || !listed[filepath.Base(m[1])] {
					t.Errorf("%s shows %s, which is listed: %v, and there: %v", filepath.Base(file), m[1], listed[filepath.Base(m[1])], err)
				}
			}
		}
	}
}

var imageForm = regexp.MustCompile(`!\[[^\]]*\]\(([^)]+)\)`)

// shrink keeps the 256 colours that a picture uses most and gives every other
// dot the nearest of them: pages have few colours, and the rest are edges of letters.
func shrink(t *testing.T, file string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	full, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	r := full.Bounds()
	counts := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(full.At(x, y)).(color.RGBA) }
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			counts[at(x, y)]++
		}
	}
	var used []color.RGBA
	for c := range counts {
		used = append(used, c)
	}
	slices.SortFunc(used, func(a, b color.RGBA) int {
		if d := counts[b] - counts[a]; d != 0 {
			return d
		}
		return bytes.Compare([]byte{a.R, a.G, a.B}, []byte{b.R, b.G, b.B})
	})
	var few color.Palette
	for _, c := range used[:min(256, len(used))] {
		few = append(few, c)
	}
	nearest := map[color.RGBA]uint8{}
	for _, c := range used {
		nearest[c] = uint8(few.Index(c))
	}
	small := image.NewPaletted(r, few)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			small.SetColorIndex(x, y, nearest[at(x, y)])
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
