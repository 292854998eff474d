// Package page holds the pages of saved views: keeping one from a list's menu,
// and changing or removing what was kept.
package page

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/views"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /views", Handle: showList},
		{Pattern: "POST /views", Handle: keep},
		{Pattern: "GET /views/{id}", Handle: showView},
		{Pattern: "POST /views/{id}", Handle: change},
		{Pattern: "POST /views/{id}/remove", Handle: remove},
	}
}

// lists are where the lists that have an address of their own are, and what
// people call them. Others belong to the page of something.
var lists = map[string]site.Link{
	"controls": {Text: "Controls", Href: "/controls"}, "criteria": {Text: "Criteria", Href: "/criteria"}, "checks": {Text: "Checks", Href: "/checks"},
	"evidence": {Text: "Evidence", Href: "/evidence"}, "entries": {Text: "Evidence log", Href: "/log"}, "engagements": {Text: "Engagements", Href: "/engagements"},
	"tasks": {Text: "Tasks", Href: "/tasks"}, "exceptions": {Text: "Exceptions", Href: "/exceptions"}, "sources": {Text: "Sources", Href: "/sources"}, "members": {Text: "Members", Href: "/settings/members"},
	"findings": {Text: "Findings"}, "jobs": {Text: "Jobs", Href: "/jobs"}, "views": {Text: "Saved views", Href: "/views"},
	"assets": {Text: "Assets", Href: "/assets"}, "due": {Text: "Evidence by when it is due", Href: "/evidence/due"}, "runs": {Text: "Runs of a source"},
}

// listForm is what the name of a list looks like.
var listForm = regexp.MustCompile(`^[a-z_]{1,40}$`)

func listName(list string) string {
	return cmp.Or(lists[list].Text, site.Capital(strings.ReplaceAll(list, "_", " ")))
}

// opens is the address of the list as the view shows it; empty for a list that
// belongs to the page of something.
func opens(x views.View) string {
	at := lists[x.List].Href
	if at == "" {
		return ""
	}
	return at + "?" + cmp.Or(x.Query, "view=all")
}

func showList(v *site.Visit) error {
	all, err := views.List.Do(v.Context(), v.Desk, views.Filter{})
	if err != nil {
		return err
	}
	var names []site.Option
	seen := map[string]bool{}
	for _, x := range all.Items {
		if !seen[x.List] {
			seen[x.List] = true
			names = append(names, site.Option{Value: x.List, Text: listName(x.List)})
		}
	}
	if asked := v.Query("f.list"); listForm.MatchString(asked) && !seen[asked] {
		names = append(names, site.Option{Value: asked, Text: listName(asked)}) // the menu of a list that has none leads here too
	}
	l := list(all.Items, names)
	if v.Actor.May(auth.ControlsRead) {
		l.None.Link = site.Link{Text: "Controls", Href: "/controls"}
	}
	x, err := l.Open(v)
	if err != nil || x.Done {
		return err
	}
	return v.Show(site.Shell{Title: "Saved views", Current: "/settings", Crumbs: []site.Crumb{{Text: "Saved views"}}}, listBody(said(all.Items), x.Table))
}

func list(all []views.View, names []site.Option) site.List[views.View] {
	type row = views.View
	return site.List[row]{Name: "views", Caption: "Saved views", One: "view", Many: "views", Find: "Find in views", Sort: "name",
		Columns: []site.Col[row]{
			{ID: "name", Head: "View", Phone: site.PlaceFirst, Fixed: true, Sorts: true, Cell: func(x row) site.Cell {
				return site.Cell{Text: x.Name, Strong: true, Href: "/views/" + string(x.ID)}
			}},
			{ID: "list", Head: "Of", Sorts: true, Cell: func(x row) site.Cell { return site.Cell{Text: listName(x.List), Href: opens(x)} }},
			{ID: "query", Head: "What it shows", Wide: true, Mono: true, Cell: func(x row) site.Cell { return site.Words(cmp.Or(x.Query, "everything")) }},
			{ID: "owner", Head: "Kept by", Sorts: true, Cell: func(x row) site.Cell { return site.Node(site.Person(x.Owner)) }, Text: func(x row) any { return x.Owner }},
			{ID: "for", Head: "For", Phone: site.PlaceEnd, Cell: func(x row) site.Cell { return site.Words(whom(x)) }},
		},
		Filters: []site.Filter{{Name: "list", Label: "List", Options: names}},
		Row:     func(x row) site.Row { return site.Row{Href: "/views/" + string(x.ID), Key: string(x.ID)} },
		Fetch: func(a site.Ask) (op.Page[row], error) {
			key := map[string]func(row) string{"name": func(x row) string { return x.Name }, "list": func(x row) string { return x.List }, "owner": func(x row) string { return x.Owner }}[a.Sort]
			return site.Among(a, all, func(x row) bool {
				return (a.Filter("list") == "" || a.Filter("list") == x.List) && a.Holds(x.Name, x.Query, x.Owner)
			}, func(x, y row) int { return cmp.Compare(strings.ToLower(key(x)), strings.ToLower(key(y))) }, func(x row) string { return string(x.ID) }), nil
		},
		None: site.EmptyView{Title: "No view is kept yet.", Text: "Filter a list, choose its columns, and keep that under View."}}
}

func whom(x views.View) string {
	s := "You"
	if x.Shared {
		s = "Everybody"
	}
	if x.Usual {
		s += ", opens first"
	}
	return s
}

func said(all []views.View) string {
	if len(all) == 0 {
		return "You keep no view of a list yet."
	}
	shared := int64(0)
	for _, x := range all {
		if !x.Mine {
			shared++
		}
	}
	text := site.Capital(site.Several(int64(len(all)), "saved view is", "saved views are")) + " yours to open."
	if shared > 0 {
		text += " " + site.Capital(site.Several(shared, "was shared by somebody else.", "were shared by somebody else."))
	}
	return text
}

func keep(v *site.Visit) error {
	var in views.Saved
	if err := v.Form(&in); err != nil {
		return err
	}
	made, err := views.Create.Do(v.Context(), v.Desk, in)
	if err != nil {
		return err
	}
	// The list it was kept on may belong to the page of something.
	path := v.R.PostForm.Get("path")
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.Contains(path, `\`) {
		u = &url.URL{Path: "/views"}
	}
	return v.Goto((&url.URL{Path: u.Path, RawQuery: cmp.Or(made.Query, "view=all")}).String())
}

func find(v *site.Visit) (views.View, error) {
	all, err := views.List.Do(v.Context(), v.Desk, views.Filter{})
	for _, x := range all.Items {
		if string(x.ID) == v.Path("id") {
			return x, err
		}
	}
	if err == nil {
		err = fault.NotFound("There is no view %s, or it is somebody else's own.", v.Path("id"))
	}
	return views.View{}, err
}

func shell(x views.View) site.Shell {
	return site.Shell{Title: x.Name, Current: "/settings", Crumbs: []site.Crumb{{Text: "Saved views", Href: "/views"}, {Text: x.Name}}}
}

func showView(v *site.Visit) error {
	x, err := find(v)
	if err != nil {
		return err
	}
	return v.Show(shell(x), viewBody(x, form(v, x), removal(v, x)))
}

// form asks for what may be changed: of somebody else's view only whether
// one's own list opens with it.
func form(v *site.Visit, x views.View) site.FormView {
	if !v.Actor.May(auth.WorkWrite) {
		return site.FormView{}
	}
	tick := func(name, label, help string, on bool) site.FieldView {
		return site.FieldView{Kind: site.FieldChecks, Name: name, Label: label, Optional: true, Options: []site.Option{{Value: "true", Text: help, Chosen: on}}}
	}
	usual := tick("usual", "First", "My list of "+strings.ToLower(listName(x.List))+" opens with it", x.Usual)
	f := site.FormView{Action: "/views/" + string(x.ID), Buttons: []site.ButtonView{{Text: "Save the view"}, {Text: "Back", Href: "/views"}}}
	if !x.Mine {
		f.Fields = []site.FieldView{usual, {Kind: site.FieldHidden, Name: "shared", Value: "true"}}
		return f
	}
	f.Fields = []site.FieldView{{Kind: site.FieldText, Name: "name", Label: "Name", Value: x.Name}, usual}
	if x.Shared || v.Actor.May(auth.ControlsWrite) {
		f.Fields = append(f.Fields, tick("shared", "Shared", "Everybody of the organization sees it", x.Shared))
	}
	return f
}

func change(v *site.Visit) error {
	x, err := find(v)
	if err != nil {
		return err
	}
	var in views.Change
	if err := v.Form(&in); err != nil {
		return err
	}
	in.ID = string(x.ID)
	if _, err := views.Update.Do(v.Context(), v.Desk, in); err != nil {
		f := form(v, x)
		f.Keep(v.R.PostForm)
		if f.Refused(err) {
			return v.ShowWrong(shell(x), viewBody(x, f, removal(v, x)))
		}
		return err
	}
	return v.Goto("/views")
}

// removal is whether this person may remove the view, and what that does.
func removal(v *site.Visit, x views.View) string {
	switch {
	case !v.Actor.May(auth.WorkWrite) || !x.Mine && !v.Actor.May(auth.ControlsWrite):
		return ""
	case x.Shared:
		return "It goes for everybody. The rows it showed stay."
	}
	return "The rows it showed stay."
}

func remove(v *site.Visit) error {
	if _, err := views.Remove.Do(v.Context(), v.Desk, views.Ref{ID: v.Path("id")}); err != nil {
		return err
	}
	return v.Goto("/views")
}
