// Package page holds the page that finds any id, code or word.
package page

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// Routes are the pages of this package.
func Routes() []site.Route { return []site.Route{{Pattern: "GET /search", Handle: search}} }

// maxQuery bounds what is looked for.
const maxQuery = 200

// found is what fits a query, by kind of thing.
type found struct {
	Q      string
	Groups []group
}

type group struct {
	Name string
	All  string // address of the whole list
	Hits []hit
}

type hit struct {
	ID, Title, Note, Href string
	Status                site.Status
}

func search(v *site.Visit) error {
	x := found{Q: strings.TrimSpace(v.Query("q"))}
	if r := []rune(x.Q); len(r) > maxQuery {
		x.Q = string(r[:maxQuery])
	}
	if x.Q != "" {
		to, err := exact(v, x.Q)
		if err != nil {
			return err
		}
		if to != "" {
			return v.Goto(to)
		}
		if err := x.find(v); err != nil {
			return err
		}
	}
	return v.Show(site.Shell{Title: "Search", Search: x.Q, Crumbs: []site.Crumb{{Text: "Search"}}}, body(x))
}

// pages are where ids of each kind lead.
var pages = map[string]string{"eng": "/engagements/", "ctl": "/controls/", "evd": "/evidence/", "run": "/runs/", "src": "/sources/", "job": "/jobs/", "tsk": "/tasks/"}

var (
	idForm        = regexp.MustCompile(`^([a-z]{3})_[0-9a-v]{26}$`)
	entryForm     = regexp.MustCompile(`^(?i:entry\s+|#)?([0-9][0-9,]*)$`)
	controlForm   = regexp.MustCompile(`^[A-Z]{3}-[0-9]{2,3}$`)
	criterionForm = regexp.MustCompile(`^(CC[1-9]|A1|C1|PI1|P[1-8])\.[0-9]{1,2}$`)
)

// exact is the one page that a query names, or nothing.
func exact(v *site.Visit, q string) (string, error) {
	if m := idForm.FindStringSubmatch(strings.ToLower(q)); m != nil && pages[m[1]] != "" {
		return pages[m[1]] + m[0], nil
	}
	if m := entryForm.FindStringSubmatch(q); m != nil && v.Actor.May(auth.LogRead) {
		n, err := strconv.ParseInt(strings.ReplaceAll(m[1], ",", ""), 10, 64)
		if err != nil {
			return "", nil // longer than any log
		}
		head, err := evidence.HeadGet.Do(v.Context(), v.Desk, op.None{})
		if err != nil || n >= head.Size {
			return "", err
		}
		return fmt.Sprintf("/log/%d", n), nil
	}
	upper := strings.ToUpper(q)
	if criterionForm.MatchString(upper) && v.Actor.May(auth.ControlsRead) {
		cat, err := frameworks.Shipped()
		if err != nil {
			return "", err
		}
		if _, err := cat.Criterion(upper); err == nil {
			return "/criteria/" + upper, nil
		}
	}
	if controlForm.MatchString(upper) && v.Actor.May(auth.ControlsRead) {
		return controlPage(v, upper)
	}
	if strings.Contains(q, ".") && v.Actor.May(auth.ChecksRead) {
		list, err := checks.List.Do(v.Context(), v.Desk, checks.Filter{})
		if err != nil {
			return "", err
		}
		for _, c := range list.Items {
			if strings.EqualFold(c.ID, q) {
				return "/checks/" + c.ID, nil
			}
		}
	}
	return "", nil
}

func controlPage(v *site.Visit, code string) (string, error) {
	adopted, err := controls.List.Do(v.Context(), v.Desk, controls.Filter{Limit: op.MaxLimit})
	if err != nil {
		return "", err
	}
	for _, c := range adopted.Items {
		if c.Code == code {
			return "/controls/" + code, nil
		}
	}
	library, err := controls.Library()
	if err != nil {
		return "", err
	}
	for _, t := range library {
		if t.Code == code {
			return "/library/" + code, nil
		}
	}
	return "", nil
}

// find looks through everything the person may open.
func (x *found) find(v *site.Visit) error {
	for _, look := range []struct {
		right auth.Right
		in    func(*site.Visit, []string) (group, error)
	}{
		{auth.ControlsRead, inControls}, {auth.ControlsRead, inLibrary}, {auth.ControlsRead, inCriteria}, {auth.EngageRead, inEngagements}, {auth.ChecksRead, inChecks}, {auth.SourcesRead, inSources},
	} {
		if !v.Actor.May(look.right) {
			continue
		}
		g, err := look.in(v, strings.Fields(strings.ToLower(x.Q)))
		if err != nil {
			return err
		}
		if len(g.Hits) > 0 {
			x.Groups = append(x.Groups, g)
		}
	}
	return nil
}

// fits reports whether every word is somewhere in the texts.
func fits(words []string, texts ...string) bool {
	all := strings.ToLower(strings.Join(texts, "\n"))
	for _, w := range words {
		if !strings.Contains(all, w) {
			return false
		}
	}
	return true
}

func inControls(v *site.Visit, words []string) (group, error) {
	g := group{Name: "Controls in force", All: "/controls"}
	list, err := controls.List.Do(v.Context(), v.Desk, controls.Filter{Limit: op.MaxLimit})
	for _, c := range list.Items {
		if fits(words, c.Code, c.Title, c.Text, c.OwnerName, c.Implementation) {
			g.Hits = append(g.Hits, hit{ID: c.Code, Title: c.Title, Note: c.OwnerName, Href: "/controls/" + c.Code})
		}
	}
	return g, err
}

func inLibrary(v *site.Visit, words []string) (group, error) {
	g := group{Name: "Library, not adopted", All: "/controls/library"}
	list, err := controls.Shelf.Do(v.Context(), v.Desk, controls.ShelfFilter{})
	for _, t := range list.Items {
		if t.Adopted == "" && fits(words, t.Code, t.Title, t.Text) {
			g.Hits = append(g.Hits, hit{ID: t.Code, Title: t.Title, Note: t.OwnerRole, Href: "/library/" + t.Code})
		}
	}
	return g, err
}

func inCriteria(v *site.Visit, words []string) (group, error) {
	g := group{Name: "Criteria", All: "/criteria"}
	list, err := frameworks.List.Do(v.Context(), v.Desk, frameworks.Wanted{})
	for _, c := range list.Items {
		if fits(words, c.Code, c.Title, c.Text) {
			g.Hits = append(g.Hits, hit{ID: c.Code, Title: c.Title, Href: "/criteria/" + c.Code})
		}
	}
	return g, err
}

func inEngagements(v *site.Visit, words []string) (group, error) {
	g := group{Name: "Engagements", All: "/engagements"}
	list, err := engagements.List.Do(v.Context(), v.Desk, op.None{})
	for _, e := range list.Items {
		if fits(words, e.Name, e.System, e.Firm.Name, e.Client.Name, e.Partner, string(e.ID)) {
			g.Hits = append(g.Hits, hit{ID: e.Name, Title: e.System, Note: e.State.Words(), Href: site.EngagementHref(e, "")})
		}
	}
	return g, err
}

func inChecks(v *site.Visit, words []string) (group, error) {
	g := group{Name: "Checks", All: "/checks"}
	list, err := checks.List.Do(v.Context(), v.Desk, checks.Filter{})
	for _, c := range list.Items {
		if !fits(words, c.ID, c.Title, c.Summary, c.Reason, strings.Join(c.Controls, " ")) {
			continue
		}
		h := hit{ID: c.ID, Title: c.Title, Href: "/checks/" + c.ID, Status: site.StatusNotStarted}
		if c.Looked {
			h.Status = site.Status(c.Status)
		}
		g.Hits = append(g.Hits, h)
	}
	return g, err
}

func inSources(v *site.Visit, words []string) (group, error) {
	g := group{Name: "Sources", All: "/sources"}
	list, err := sources.List.Do(v.Context(), v.Desk, op.None{})
	for _, s := range list.Items {
		if fits(words, s.Name, s.Kind, string(s.Settings)) {
			g.Hits = append(g.Hits, hit{ID: s.Name, Title: s.Kind, Href: "/sources/" + string(s.ID)})
		}
	}
	return g, err
}

func (x found) total() int64 {
	n := int64(0)
	for _, g := range x.Groups {
		n += int64(len(g.Hits))
	}
	return n
}

func (x found) sentence() string {
	switch n := x.total(); {
	case x.Q == "":
		return "Search for any id, code or word."
	case n == 0:
		return "Nothing here is called “" + x.Q + "”."
	default:
		return site.Plural(n, "thing fits", "things fit") + " “" + x.Q + "”."
	}
}

func (g group) table() site.TableView {
	t := site.TableView{Caption: g.Name, Columns: []site.Column{{Head: "Id", Mono: true, Phone: site.PlaceFirst}, {Head: "What it is", Wide: true, Phone: site.PlaceFirst}, {Head: "Owner"}}}
	if !slices.ContainsFunc(g.Hits, func(h hit) bool { return h.Note != "" }) {
		t.Columns = t.Columns[:2]
	}
	for _, h := range g.Hits {
		title := site.Words(h.Title)
		title.Status = h.Status
		t.Rows = append(t.Rows, site.Row{Href: h.Href, Cells: []site.Cell{site.ID(h.ID, h.Href), title, site.Words(h.Note)}[:len(t.Columns)]})
	}
	return t
}
