package page

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/docs"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/site"
)

// A guide is what one kind of reader does first, each week, and when something
// is wrong. Its text is docs/guide/KEY.md.
type guide struct {
	Key, Reader, Says string
	Roles             []auth.Role
}

var guides = []guide{
	{"lead", "Compliance lead", "You run the program, from the scope to the report.", []auth.Role{auth.Lead, auth.Owner, auth.Sponsor}},
	{"control-owner", "Control owner", "You keep some controls, and show that they work.", []auth.Role{auth.ControlOwner}},
	{"cpa", "CPA: partner, manager, staff", "You examine an organization, and sign for it.", []auth.Role{auth.Partner, auth.Manager, auth.Staff}},
	{"employee", "Employee", "You are asked for something now and then.", []auth.Role{auth.Employee}},
	{"operator", "Operator", "You run the machine that all of this is on.", []auth.Role{auth.Operator}},
	{"customer", "Customer who verifies", "Somebody gave you a report, and you want to know whether to believe it.", nil},
}

// guidesFor lists the guides, those of the person's own roles first.
func guidesFor(roles []auth.Role) []guide {
	out := slices.Clone(guides)
	slices.SortStableFunc(out, func(a, b guide) int { return mine(b, roles) - mine(a, roles) })
	return out
}

func mine(g guide, roles []auth.Role) int {
	if slices.ContainsFunc(roles, func(r auth.Role) bool { return slices.Contains(g.Roles, r) }) {
		return 1
	}
	return 0
}

func showGuide(v *site.Visit) error {
	key := v.Path("reader")
	if !slices.ContainsFunc(guides, func(g guide) bool { return g.Key == key }) {
		return fault.NotFound("There is no guide for %q. /help lists the guides there are.", key)
	}
	return showDoc(v, "guide/"+key+".md")
}

func showReference(v *site.Visit) error {
	name := v.Path("name") + ".md"
	if !referenceForm.MatchString(name) {
		return fault.NotFound("There is no page of reference called %q.", v.Path("name"))
	}
	return showDoc(v, name)
}

var referenceForm = regexp.MustCompile(`^[a-z0-9-]+\.md$`)

// showDoc shows a file of the documentation, to whoever is signed in and to
// whoever is not: it says nothing of what the installation holds.
func showDoc(v *site.Visit, name string) error {
	md, err := fs.ReadFile(docs.Files, name)
	if err != nil {
		return fault.NotFound("There is no page of the documentation called %q.", name)
	}
	title, known := site.ProseTitle(md), v.Actor.Known()
	// A page is linked for those the guide is for: others may not open all of them.
	linked := known
	for _, g := range guides {
		if name == "guide/"+g.Key+".md" && g.Roles != nil {
			linked = mine(g, v.Actor.Roles) == 1
		}
	}
	text, err := site.Prose(site.ProseView{
		Markdown: md,
		Link:     func(to string) (string, bool) { return address(name, to) },
		Picture:  func(src string) (string, bool) { return site.Picture(path.Base(src)) },
		Page:     func(p string) bool { return linked && pageForm.MatchString(p) && v.Web.Has(p) },
	})
	if err != nil {
		return err
	}
	if !known {
		return v.ShowBare(200, site.BareShell{Title: title, Product: "Guides", Width: site.BareWide,
			Links: []site.Link{{Text: "Sign in", Href: "/sign-in"}}}, docBody(title, nil, text))
	}
	return v.Show(shell(title, site.Crumb{Text: title}), docBody(title, []site.Fact{{Text: "All help", Href: "/help"}}, text))
}

// pageForm finds the address of a page among other pieces of code.
var pageForm = regexp.MustCompile(`^/([a-z-]+(/[a-z-]+)*)?$`)

// address is where a link of a file leads inside the product. Files that are
// not compiled in, such as those of the source, lead nowhere.
func address(from, to string) (string, bool) {
	if strings.HasPrefix(to, "https://") || strings.HasPrefix(to, "http://") || strings.HasPrefix(to, "#") {
		return to, true
	}
	file, frag, _ := strings.Cut(to, "#")
	if frag != "" {
		frag = "#" + frag
	}
	file = path.Join(path.Dir(path.Join("docs", from)), file)
	if file == "GLOSSARY.md" {
		return site.TermsPath, true
	}
	name, ok := strings.CutPrefix(file, "docs/")
	if !ok || path.Ext(name) != ".md" {
		return "", false
	}
	if _, err := fs.Stat(docs.Files, name); err != nil {
		return "", false
	}
	if key, ok := strings.CutPrefix(name, "guide/"); ok {
		return "/help/guide/" + strings.TrimSuffix(key, ".md") + frag, true
	}
	return "/help/docs/" + strings.TrimSuffix(name, ".md") + frag, true
}
