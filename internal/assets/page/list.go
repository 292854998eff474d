package page

import (
	"strings"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// listed is the register as it was asked for.
type listed struct {
	site.Listing[assets.Asset]
	Sum assets.Reconciliation
	Out int64
	// Waiting counts those that wait for a second person.
	Waiting int64
	May     bool
}

func showList(v *site.Visit) error {
	owners, err := site.MemberOptions(v, "")
	if err != nil {
		return err
	}
	x := listed{May: may(v)}
	l := x.list(v, owners[1:])
	if x.Listing, err = l.Open(v); err != nil || x.Done {
		return err
	}
	if x.Sum, err = assets.Reconcile.Do(v.Context(), v.Desk, assets.Comparing{}); err != nil {
		return err
	}
	for scope, n := range map[string]*int64{assets.Out: &x.Out, assets.Pending: &x.Waiting} {
		p, err := assets.List.Do(v.Context(), v.Desk, assets.Filter{Scope: scope, Limit: 1})
		if err != nil {
			return err
		}
		*n = p.Total
	}
	return v.Show(shell("Assets"), listBody(x))
}

// list says what the register is made of. Its columns are those of a file of
// assets, so that an export can be changed and imported again.
func (x listed) list(v *site.Visit, owners []site.Option) site.List[assets.Asset] {
	type row = assets.Asset
	text := func(id, head string, get func(row) string) site.Col[row] {
		return site.Col[row]{ID: id, Head: head, Spare: true, Cell: func(a row) site.Cell { return site.Words(get(a)) }}
	}
	name := func(id, head string, get func(row) string) site.Col[row] {
		return site.Col[row]{ID: id, Head: head, Cell: func(a row) site.Cell { return site.Words(words(get(a))) }, Text: func(a row) any { return get(a) }}
	}
	spare := func(c site.Col[row]) site.Col[row] { c.Spare = true; return c }
	l := site.List[row]{
		Name: "assets", Caption: "Assets", One: "asset", Many: "assets", Find: "Find in assets", Sort: "name",
		Columns: []site.Col[row]{
			{ID: "name", Head: "Name", Wide: true, Fixed: true, Sorts: true, Phone: site.PlaceFirst, Cell: func(a row) site.Cell { return site.Words(a.Name) }},
			name("type", "Type", func(a row) string { return a.Type }),
			{ID: "criticality", Head: "Criticality", Num: true, Sorts: true, Cell: func(a row) site.Cell { return site.Number(a.Criticality, "") }, Text: func(a row) any { return a.Criticality }},
			{ID: "owner", Head: "Owner", Cell: owner, Text: func(a row) any { return a.Owner }},
			name("class", "Class", func(a row) string { return a.Class }),
			spare(site.Col[row]{ID: "flags", Head: "Flags", Cell: func(a row) site.Cell { return site.Words(flags(a)) }, Text: func(a row) any { return strings.Join(a.Flags, ", ") }}),
			spare(name("environment", "Environment", func(a row) string { return a.Environment })),
			text("custodian", "Custodian", func(a row) string { return a.Custodian }),
			text("location", "Location", func(a row) string { return a.Location }),
			text("supplier", "Supplier", func(a row) string { return a.Supplier }),
			name("lifecycle", "Lifecycle", func(a row) string { return a.Lifecycle }),
			text("planned_for", "Planned for", func(a row) string { return a.PlannedFor }),
			text("live_from", "Live from", func(a row) string { return a.LiveFrom }),
			text("retired_on", "Retired on", func(a row) string { return a.RetiredOn }),
			text("disposed_on", "Disposed on", func(a row) string { return a.DisposedOn }),
			{ID: "seen", Head: "Last seen", Cell: lastSeen(v), Text: seenText},
			{ID: "scope", Head: "Scope", Fixed: true, Phone: site.PlaceEnd, Cell: func(a row) site.Cell { return site.Mark(scopeMark(a)) }, Text: func(a row) any { return a.Scope }},
			text("reason", "Reason", func(a row) string { return a.Reason }),
			{ID: "id", Head: "Id", Mono: true, Spare: true, Cell: func(a row) site.Cell { return site.Words(string(a.ID)) }},
		},
		Filters: []site.Filter{
			{Name: "scope", Label: "Scope", Chips: true, Options: []site.Option{{Value: "in", Text: "In scope"}, {Value: "out", Text: "Out of scope"}, {Value: "pending", Text: "Wait to leave"}}},
			{Name: "unseen", Label: "Seen", Chips: true, Options: []site.Option{{Value: "yes", Text: "Not seen lately"}}},
			{Name: "type", Label: "Type", Options: options(assets.Types, "", "")},
			{Name: "lifecycle", Label: "Lifecycle", Options: options(assets.Lifecycles, "", "")},
			{Name: "criticality", Label: "Criticality", Options: []site.Option{{Value: "1", Text: "1, most critical"}, {Value: "2", Text: "2"}, {Value: "3", Text: "3"}, {Value: "4", Text: "4, least"}}},
			{Name: "class", Label: "Class", Options: options(assets.Classes, "", "")},
			{Name: "owner", Label: "Owner", Options: owners},
		},
		Row: func(a row) site.Row { return site.Row{Href: assetHref(a), Key: string(a.ID)} },
		Fetch: func(a site.Ask) (op.Page[row], error) {
			sort := a.Sort
			if a.Desc {
				sort = "-" + sort
			}
			return assets.List.Do(v.Context(), v.Desk, assets.Filter{Type: a.Filter("type"), Scope: a.Filter("scope"), Lifecycle: a.Filter("lifecycle"),
				Criticality: figure(a.Filter("criticality")), Owner: a.Filter("owner"), Class: a.Filter("class"), Unseen: a.Filter("unseen") != "", Search: a.Q,
				Sort: sort, After: a.After, Limit: a.Limit})
		},
		None: site.EmptyView{Title: "No assets yet.", Text: "An asset is something you have that the examination may be about: a machine, a database, a service you buy.",
			Link: site.Link{Text: "See what your sources show", Href: "/assets/reconciliation"}},
	}
	if x.May {
		l.Bulk = &site.Bulk{Action: "/assets/bulk", Unit: "assets", More: reasonInput("Why, for leaving or joining the scope"), Buttons: []site.ButtonView{
			{Text: "Ask that they leave the scope", Submit: true, Name: "act", Value: "exclude"},
			{Text: "Take into scope", Submit: true, Name: "act", Value: "include"},
			{Text: "Approve that they leave", Submit: true, Name: "act", Value: "approve"}}}
	}
	return l
}

func figure(s string) int64 {
	if s == "" {
		return 0
	}
	return int64(s[0] - '0') // one of the filter's options
}

func owner(a assets.Asset) site.Cell {
	if a.Owner == "" {
		return site.Words("Nobody")
	}
	return site.Node(site.Person(a.Owner))
}

func flags(a assets.Asset) string {
	var out []string
	for _, f := range a.Flags {
		out = append(out, strings.ReplaceAll(f, "_", " "))
	}
	return strings.Join(out, ", ")
}

func lastSeen(v *site.Visit) func(assets.Asset) site.Cell {
	return func(a assets.Asset) site.Cell {
		if a.Seen.IsZero() {
			return site.Words("Never")
		}
		return site.Node(site.Age(a.Seen, v.Clock.Now()))
	}
}

func seenText(a assets.Asset) any {
	if a.Seen.IsZero() {
		return ""
	}
	return site.DateTime(a.Seen)
}

func (x listed) sentence() string {
	if x.Sum.InScope == 0 && x.Total == 0 && !x.Ask.Filtered() {
		return "No asset is in the register yet."
	}
	text := site.Capital(site.Several(int(x.Sum.InScope), "live asset is", "live assets are")) + " in scope."
	if n := x.Sum.Unknown; n > 0 {
		return text + " " + site.Capital(site.Several(int(n), "more is", "more are")) + " shown by sources and unknown."
	}
	if n := x.Sum.Stale; n > 0 {
		return text + " " + site.Capital(site.Several(int(n), "has", "have")) + " not been seen lately."
	}
	return text
}

func (x listed) facts() []site.Fact {
	out := []site.Fact{{Text: "Reconciliation", Href: "/assets/reconciliation"}}
	if x.Out > 0 {
		out = append(out, site.Fact{Text: site.Plural(x.Out, "is out of scope", "are out of scope"), Href: "/assets?f.scope=out"})
	}
	if x.Waiting > 0 {
		out = append(out, site.Fact{Text: site.Plural(x.Waiting, "waits for a second person", "wait for a second person"), Href: "/assets?f.scope=pending"})
	}
	return out
}

func (x listed) acts() []site.ButtonView {
	if !x.May {
		return nil
	}
	return []site.ButtonView{{Text: "Import", Href: "/assets/import"}, {Text: "Add an asset", Kind: site.ButtonPrimary, Href: "/assets/new"}}
}

func bulk(v *site.Visit) error {
	var in struct {
		IDs    []string `json:"id"`
		Act    string   `json:"act"`
		Reason string   `json:"reason"`
		Back   string   `json:"back"`
	}
	if err := v.Actor.Require(auth.AssetsWrite); err != nil {
		return err
	}
	if err := v.Form(&in); err != nil {
		return err
	}
	var err error
	switch in.Act {
	case "exclude":
		_, err = assets.Exclude.Do(v.Context(), v.Desk, assets.Reasoned{IDs: in.IDs, Reason: in.Reason})
	case "include":
		_, err = assets.Include.Do(v.Context(), v.Desk, assets.Reasoned{IDs: in.IDs, Reason: in.Reason})
	case "approve":
		_, err = assets.Approve.Do(v.Context(), v.Desk, assets.Refs{IDs: in.IDs})
	default:
		err = fault.Invalid("act", "give one of exclude, include, approve")
	}
	if err != nil {
		return err
	}
	return v.Goto(within(in.Back))
}
