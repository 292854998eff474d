package page

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/views"
)

// found is what fits a query, by kind of thing.
type found struct {
	Q, Kind, After string
	Groups         []group
}

// group is what fits of one kind: the first of it, or a part when that kind
// alone was asked for.
type group struct {
	looker
	op.Page[hit]
}

type hit struct {
	ID, Title, Note, Href string
	Status                site.Status
	Mono                  bool
}

// looker finds things of one kind. Nobody sees a kind they have no right to,
// and what a kind holds is read by the operation that guards it.
type looker struct {
	Kind, Name string
	right      auth.Right
	in         func(*site.Visit, site.Ask) (op.Page[hit], error)
}

var lookers = []looker{
	{"pages", "Pages", auth.OrgRead, inPages},
	{"tasks", "Tasks", auth.WorkRead, inTasks},
	{"controls", "Controls in force", auth.ControlsRead, inControls},
	{"library", "Library, not adopted", auth.ControlsRead, inLibrary},
	{"criteria", "Criteria", auth.ControlsRead, inCriteria},
	{"checks", "Checks", auth.ChecksRead, inChecks},
	{"exceptions", "Exceptions", auth.ChecksRead, inExceptions},
	{"evidence", "Evidence", auth.EvidenceRead, inEvidence},
	{"resources", "Seen in sources", auth.SourcesRead, inResources},
	{"assets", "Assets", auth.AssetsRead, inAssets},
	{"sources", "Sources", auth.SourcesRead, inSources},
	{"people", "People", auth.OrgRead, inPeople},
	{"engagements", "Engagements", auth.EngageRead, inEngagements},
	{"populations", "Populations", auth.EngageRead, inPopulations},
	{"views", "Saved views", auth.WorkRead, inViews},
	{"words", "Words", auth.OrgRead, inWords},
}

// few is how many of each kind are shown together.
const few = 5

// find looks through everything the person may open.
func (x *found) find(v *site.Visit) error {
	known := x.Kind == ""
	for _, l := range lookers {
		known = known || l.Kind == x.Kind
		if !v.Actor.May(l.right) || x.Kind != "" && x.Kind != l.Kind {
			continue
		}
		a := site.Ask{Q: x.Q, Limit: few}
		if x.Kind != "" {
			a.Limit, a.After = op.DefaultLimit, x.After
		}
		p, err := l.in(v, a)
		if err != nil {
			return err
		}
		if p.Total > 0 {
			x.Groups = append(x.Groups, group{l, p})
		}
	}
	if !known {
		var kinds []string
		for _, l := range lookers {
			kinds = append(kinds, l.Kind)
		}
		return fault.Invalid("kind", "give one of %s", strings.Join(kinds, ", "))
	}
	return nil
}

// among are the hits of rows that are all at hand.
func among[T any](a site.Ask, rows []T, texts func(T) []string, say func(T) hit) op.Page[hit] {
	var all []hit
	for _, r := range rows {
		if a.Holds(texts(r)...) {
			all = append(all, say(r))
		}
	}
	return site.Among(a, all, nil, nil, func(h hit) string { return h.ID + " " + h.Href })
}

// every reads a list to its end: controls are a few hundred.
func every[T any](ctx context.Context, read func(after string) (op.Page[T], error)) ([]T, error) {
	var all []T
	for after := ""; ctx.Err() == nil; {
		p, err := read(after)
		if err != nil {
			return nil, err
		}
		all = append(all, p.Items...)
		if after = p.Next; after == "" {
			break
		}
	}
	return all, ctx.Err()
}

func inControls(v *site.Visit, a site.Ask) (op.Page[hit], error) {
	all, err := every(v.Context(), func(after string) (op.Page[controls.Control], error) {
		return controls.List.Do(v.Context(), v.Desk, controls.Filter{Limit: op.MaxLimit, After: after})
	})
	return among(a, all, func(c controls.Control) []string {
		return []string{c.Code, c.Title, c.Text, c.OwnerName, c.Implementation}
	},
		func(c controls.Control) hit {
			return hit{ID: c.Code, Title: c.Title, Note: c.OwnerName, Href: "/controls/" + c.Code, Mono: true}
		}), err
}

func inLibrary(v *site.Visit, a site.Ask) (op.Page[hit], error) {
	list, err := controls.Shelf.Do(v.Context(), v.Desk, controls.ShelfFilter{})
	list.Items = slices.DeleteFunc(list.Items, func(t controls.Shelved) bool { return t.Adopted != "" })
	return among(a, list.Items, func(t controls.Shelved) []string { return []string{t.Code, t.Title, t.Text} },
		func(t controls.Shelved) hit {
			return hit{ID: t.Code, Title: t.Title, Note: t.OwnerRole, Href: "/library/" + t.Code, Mono: true}
		}), err
}

func inCriteria(v *site.Visit, a site.Ask) (op.Page[hit], error) {
	list, err := frameworks.List.Do(v.Context(), v.Desk, frameworks.Wanted{})
	return among(a, list.Items, func(c frameworks.Criterion) []string { return []string{c.Code, c.Title, c.Text} },
		func(c frameworks.Criterion) hit {
			return hit{ID: c.Code, Title: c.Title, Href: "/criteria/" + c.Code, Mono: true}
		}), err
}

func inChecks(v *site.Visit, a site.Ask) (op.Page[hit], error) {
	list, err := checks.List.Do(v.Context(), v.Desk, checks.Filter{})
	return among(a, list.Items, func(c checks.Check) []string {
		return append([]string{c.ID, c.Title, c.Summary, c.Reason}, c.Controls...)
	}, func(c checks.Check) hit {
		h := hit{ID: c.ID, Title: c.Title, Href: "/checks/" + c.ID, Status: site.StatusNotStarted, Mono: true}
		if c.Looked {
			h.Status = site.Status(c.Status)
		}
		return h
	}), err
}

func inExceptions(v *site.Visit, a site.Ask) (op.Page[hit], error) {
	list, err := checks.Exceptions.Do(v.Context(), v.Desk, checks.WaiverFilter{Limit: op.MaxLimit})
	return among(a, list.Items, func(w checks.Waiver) []string {
		return []string{string(w.ID), w.Check, w.Key, w.Reason, w.Owner, w.Asker, w.Approver}
	},
		func(w checks.Waiver) hit {
			return hit{ID: site.Short(string(w.ID)), Title: w.Check + ": " + w.Reason, Note: w.Owner, Href: "/checks/" + w.Check + "#exceptions", Mono: true}
		}), err
}

func inEvidence(v *site.Visit, a site.Ask) (op.Page[hit], error) {
	p, err := evidence.List.Do(v.Context(), v.Desk, evidence.Filter{Text: a.Q, After: a.After, Limit: a.Limit})
	return changed(p, func(r evidence.Record) hit {
		return hit{ID: site.Short(string(r.ID)), Title: r.Title, Note: r.Origin, Href: "/evidence/" + string(r.ID), Mono: true}
	}), err
}

func inResources(v *site.Visit, a site.Ask) (op.Page[hit], error) {
	if len([]rune(a.Q)) < 2 {
		return op.Page[hit]{}, nil // too short to tell anything apart
	}
	p, err := sources.Find.Do(v.Context(), v.Desk, sources.Lookup{Text: a.Q, After: a.After, Limit: a.Limit})
	return changed(p, func(f sources.Found) hit {
		return hit{ID: site.Brief(f.Key), Title: sources.KindWord(f.Kind), Note: f.Name,
			Href: "/sources/" + string(f.Source) + "/" + f.Kind + "/" + url.PathEscape(f.Key), Mono: true}
	}), err
}

// changed is a part of a list as hits.
func changed[T any](p op.Page[T], say func(T) hit) op.Page[hit] {
	out := op.Page[hit]{Next: p.Next, Total: p.Total}
	for _, x := range p.Items {
		out.Items = append(out.Items, say(x))
	}
	return out
}

func inSources(v *site.Visit, a site.Ask) (op.Page[hit], error) {
	list, err := sources.List.Do(v.Context(), v.Desk, op.None{})
	return among(a, list.Items, func(s sources.Source) []string { return []string{s.Name, s.Kind, string(s.Settings)} },
		func(s sources.Source) hit {
			return hit{ID: s.Name, Title: titleOf(s), Href: "/sources/" + string(s.ID)}
		}), err
}

// titleOf is what a kind of source is called.
func titleOf(s sources.Source) string {
	if k, known := sources.KindOf(s.Kind); known {
		return k.Title
	}
	return s.Kind
}

func inAssets(v *site.Visit, a site.Ask) (op.Page[hit], error) {
	p, err := assets.List.Do(v.Context(), v.Desk, assets.Filter{Search: a.Q, After: a.After, Limit: a.Limit})
	out := op.Page[hit]{Next: p.Next, Total: p.Total}
	for _, x := range p.Items {
		out.Items = append(out.Items, hit{ID: x.Name, Title: site.Capital(strings.ReplaceAll(x.Type, "_", " ")), Note: x.Owner, Href: "/assets/" + string(x.ID)})
	}
	return out, err
}

// inPeople finds members. Whoever may change them is led to the person, others
// to the list of all.
func inPeople(v *site.Visit, a site.Ask) (op.Page[hit], error) {
	list, err := orgs.Members.Do(v.Context(), v.Desk, op.None{})
	return among(a, list.Items, func(m auth.Member) []string { return []string{m.Name, m.Email, roles(m), string(m.ID)} },
		func(m auth.Member) hit {
			h := hit{ID: m.Name, Title: m.Email, Note: roles(m), Href: "/settings#members"}
			if v.Actor.May(auth.MembersWrite) {
				h.Href = "/settings/members/" + string(m.ID)
			}
			return h
		}), err
}

func roles(m auth.Member) string {
	var out []string
	for _, r := range m.Roles {
		out = append(out, strings.ReplaceAll(string(r), "_", " "))
	}
	return strings.Join(out, ", ")
}

func inEngagements(v *site.Visit, a site.Ask) (op.Page[hit], error) {
	list, err := engagements.List.Do(v.Context(), v.Desk, op.None{})
	return among(a, list.Items, func(e engagements.Engagement) []string {
		return []string{e.Name, e.System, e.Firm.Name, e.Client.Name, e.Partner, string(e.ID)}
	}, func(e engagements.Engagement) hit {
		return hit{ID: e.Name, Title: e.System, Note: e.State.Words(), Href: site.EngagementHref(e, "")}
	}), err
}

func inViews(v *site.Visit, a site.Ask) (op.Page[hit], error) {
	list, err := views.List.Do(v.Context(), v.Desk, views.Filter{})
	return among(a, list.Items, func(x views.View) []string { return []string{x.Name} },
		func(x views.View) hit {
			return hit{ID: x.Name, Title: "View of " + x.List, Note: x.Owner, Href: "/views/" + string(x.ID)}
		}), err
}

func inWords(_ *site.Visit, a site.Ask) (op.Page[hit], error) {
	return among(a, site.Glossary(), func(w site.Word) []string { return []string{w.Word, w.Avoid} },
		func(w site.Word) hit { return hit{ID: w.Word, Title: w.Means, Href: site.TermsPath + "#" + w.Key} }), nil
}

func (x found) total() int64 {
	n := int64(0)
	for _, g := range x.Groups {
		n += g.Total
	}
	return n
}

func (x found) sentence() string {
	switch n := x.total(); {
	case x.Q == "":
		return "Search for any id, code, person or word."
	case n == 0:
		return "Nothing here is called “" + x.Q + "”."
	default:
		return site.Capital(site.Several(int(n), "thing fits", "things fit")) + " “" + x.Q + "”."
	}
}

// href is the search for one kind, or for all.
func (x found) href(kind, after string) string {
	q := url.Values{"q": {x.Q}}
	if kind != "" {
		q.Set("kind", kind)
	}
	if after != "" {
		q.Set("after", after)
	}
	return "/search?" + q.Encode()
}

// chips are the kinds that something of was found.
func (x found) chips() []site.Chip {
	if x.Kind != "" {
		return []site.Chip{{Text: kindName(x.Kind), Href: x.href("", "")}}
	}
	var out []site.Chip
	for _, g := range x.Groups {
		out = append(out, site.Chip{Text: g.Name + " " + site.Count(g.Total), Href: x.href(g.Kind, ""), Add: true})
	}
	return out
}

func kindName(kind string) string {
	for _, l := range lookers {
		if l.Kind == kind {
			return l.Name
		}
	}
	return kind
}

func (x found) table(g group) site.TableView {
	t := site.TableView{Caption: g.Name, Columns: []site.Column{{Head: "Id", Phone: site.PlaceFirst}, {Head: "What it is", Wide: true, Phone: site.PlaceFirst}, {Head: "Owner"}}}
	if g.Kind == "words" || !slices.ContainsFunc(g.Items, func(h hit) bool { return h.Note != "" }) {
		t.Columns = t.Columns[:2]
	}
	if head := map[string]string{"evidence": "From", "resources": "From", "populations": "Engagement", "people": "Role", "engagements": "Where it stands"}[g.Kind]; head != "" && len(t.Columns) > 2 {
		t.Columns[2].Head = head
	}
	if !slices.ContainsFunc(g.Items, func(h hit) bool { return h.Mono }) {
		t.Columns[0].Head = "Name"
	}
	for _, h := range g.Items {
		title := site.Words(h.Title)
		title.Status = h.Status
		t.Rows = append(t.Rows, site.Row{Href: h.Href, Cells: []site.Cell{{Text: h.ID, Href: h.Href, Mono: h.Mono, Strong: true}, title, site.Words(h.Note)}[:len(t.Columns)]})
	}
	if x.Kind != "" {
		t.Pager = site.PagerView{Shown: int64(len(g.Items)), Of: g.Total, OlderText: "Next", NewerText: "First"}
		if g.Next != "" {
			t.Pager.Older = x.href(g.Kind, g.Next)
		}
		if x.After != "" {
			t.Pager.Newer = x.href(g.Kind, "")
		}
	}
	return t
}

// more leads to the rest of a group.
func (x found) more(g group) site.Link {
	text := site.Plural(g.Total, "hit", "hits")
	if x.Kind == "" && g.Total > int64(len(g.Items)) {
		text = "All " + site.Count(g.Total)
	}
	return site.Link{Text: cmp.Or(text, g.Name), Href: x.href(g.Kind, "")}
}
