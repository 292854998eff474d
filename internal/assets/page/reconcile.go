package page

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// compared is how the register agrees with the sources, with one of its lists.
type compared struct {
	assets.Reconciliation
	List    string
	After   string
	May     bool
	Setting assets.Settings
	v       *site.Visit
}

var lists = []string{assets.ListUnknown, assets.ListIgnored, assets.ListStale, assets.ListUncovered, assets.ListPartly, assets.ListAnswered}

func showReconciliation(v *site.Visit) error {
	x := compared{List: v.Query("list"), After: v.Query("after"), May: may(v), v: v}
	if x.List == "" {
		x.List = assets.ListUnknown
	}
	if !slices.Contains(lists, x.List) {
		return fault.Invalid("list", "give one of %s", strings.Join(lists, ", "))
	}
	var err error
	if x.Reconciliation, err = assets.Reconcile.Do(v.Context(), v.Desk, assets.Comparing{List: x.List, After: x.After}); err != nil {
		return err
	}
	if x.Setting, err = assets.Setting.Do(v.Context(), v.Desk, struct{}{}); err != nil {
		return err
	}
	return v.Show(shell("Reconciliation", site.Crumb{Text: "Reconciliation"}), compareBody(x))
}

func (x compared) sentence() string {
	switch {
	case x.Shown == 0 && x.InScope == 0:
		return "No source shows anything yet, and the register is empty."
	case x.Unknown > 0 && x.Stale > 0:
		return site.Capital(site.Several(int(x.Unknown), "asset is", "assets are")) + " unknown, and " + site.Several(int(x.Stale), "has not been seen lately.", "have not been seen lately.")
	case x.Unknown > 0:
		return site.Capital(site.Several(int(x.Unknown), "asset is", "assets are")) + " shown by a source and unknown to the register."
	case x.Stale > 0:
		return site.Capital(site.Several(int(x.Stale), "asset has", "assets have")) + " not been seen for " + site.Several(int(x.StaleDays), "day", "days") + "."
	case x.Answered < x.InScope:
		return "Checks answer for " + site.Count(x.Answered) + " of " + site.Count(x.InScope) + " assets in scope."
	}
	return "The register and the sources agree."
}

func listHref(list string) string { return "/assets/reconciliation?list=" + list + "#rows" }

// figures are lines of a card that add up to the last.
func figures(sum string, total int64, href string, parts ...site.TotalRow) site.TotalView {
	return site.TotalView{Rows: parts, Total: site.TotalRow{Text: sum, Value: site.Count(total), Href: href}}
}

func part(name string, n int64, href string, status site.Status) site.TotalRow {
	r := site.TotalRow{Text: name, Value: site.Count(n), Href: href}
	if n > 0 && status == site.StatusUnknown {
		r.Tone = status
	}
	return r
}

func (x compared) title() string {
	return map[string]string{assets.ListUnknown: "Unknown: shown by a source, not in the register", assets.ListIgnored: "Said to be no assets", assets.ListStale: "Stale: in scope and not seen lately",
		assets.ListUncovered: "Uncovered: no check says anything", assets.ListPartly: "Partly answered: a mandatory check is silent", assets.ListAnswered: "All mandatory checks answered"}[x.List]
}

func (x compared) total() int64 {
	return map[string]int64{assets.ListUnknown: x.Unknown, assets.ListIgnored: x.Ignored, assets.ListStale: x.Stale, assets.ListUncovered: x.Uncovered, assets.ListPartly: x.Partly,
		assets.ListAnswered: x.Answered}[x.List]
}

func (x compared) table() site.TableView {
	t := site.TableView{ID: "rows", Caption: x.title(), Empty: site.EmptyView{Title: "None.", Text: "Nothing is to be done here."}}
	if x.total() > 0 {
		t.Pager = site.PagerView{Shown: int64(len(x.Resources) + len(x.Assets)), Of: x.total(), OlderText: "Next", NewerText: "First"}
		if x.Next != "" {
			t.Pager.Older = "/assets/reconciliation?" + url.Values{"list": {x.List}, "after": {x.Next}}.Encode()
		}
		if x.After != "" {
			t.Pager.Newer = "/assets/reconciliation?list=" + x.List
		}
	}
	if x.List == assets.ListUnknown || x.List == assets.ListIgnored {
		x.unlisted(&t)
	} else {
		x.standing(&t)
	}
	return t
}

func (x compared) unlisted(t *site.TableView) {
	t.Columns = []site.Column{{Head: "Resource", Mono: true, Wide: true, Phone: site.PlaceFirst}, {Head: "Kind"}, {Head: "Would be"}, {Head: "Source"}, {Head: "First seen", Phone: site.PlaceEnd}}
	back := "/assets/reconciliation?list=" + x.List
	if x.List == assets.ListIgnored {
		t.Columns[2].Head = "Why it is none"
	}
	for _, u := range x.Resources {
		what := site.Words(words(u.Type))
		if x.List == assets.ListIgnored {
			what = site.WordsNote(u.Reason, u.Actor)
		}
		t.Rows = append(t.Rows, site.Row{Href: resourceHref(u.Resource), Key: u.Ref(), Cells: []site.Cell{{Text: site.Brief(u.Key), Mono: true}, site.Words(sources.KindWord(u.Kind)), what,
			site.Words(u.Name), site.Node(site.Age(u.First, x.v.Clock.Now()))}})
	}
	if !x.May || len(t.Rows) == 0 {
		return
	}
	t.Bulk = &site.Bulk{Action: "/assets/resources", Unit: "resources", Back: back, More: reasonInput("Why, where they are no assets or out of scope"), Buttons: []site.ButtonView{
		{Text: "Link to an asset", Submit: true, Name: "act", Value: "link"},
		{Text: "Make assets, in scope", Submit: true, Name: "act", Value: "adopt"},
		{Text: "Make assets, to leave the scope", Submit: true, Name: "act", Value: "adopt_out"},
		{Text: "They are no assets", Submit: true, Name: "act", Value: "ignore"}}}
	if x.List == assets.ListIgnored {
		t.Bulk.More, t.Bulk.Buttons = nil, []site.ButtonView{{Text: "Take it back", Submit: true, Name: "act", Value: "unignore"}}
	}
}

func (x compared) standing(t *site.TableView) {
	t.Columns = []site.Column{{Head: "Asset", Wide: true, Phone: site.PlaceFirst}, {Head: "Type"}, {Head: "Criticality", Num: true}, {Head: "Owner"}, {Head: "Last seen"}, {Head: "Mandatory checks", Num: true, Phone: site.PlaceEnd}}
	for _, a := range x.Assets {
		seen := site.Words("Never")
		if !a.Seen.IsZero() {
			seen = site.Node(site.Age(a.Seen, x.v.Clock.Now()))
		}
		who := site.Words("Nobody")
		if a.Owner != "" {
			who = site.Node(site.Person(a.Owner))
		}
		t.Rows = append(t.Rows, site.Row{Href: "/assets/" + string(a.ID), Key: string(a.ID), Cells: []site.Cell{site.Words(a.Name), site.Words(words(a.Type)), site.Number(a.Criticality, ""), who, seen,
			{Text: site.Of(int(a.Answered), int(a.Mandatory)), Href: "/assets/" + string(a.ID) + "#checks"}}})
	}
	if x.May && len(t.Rows) > 0 {
		t.Bulk = &site.Bulk{Action: "/assets/bulk", Unit: "assets", Back: "/assets/reconciliation?list=" + x.List, More: reasonInput("Why they leave the scope"),
			Buttons: []site.ButtonView{{Text: "Ask that they leave the scope", Submit: true, Name: "act", Value: "exclude"}}}
	}
}

func (x compared) settingForm() site.FormView {
	return site.FormView{ID: "setting", Action: "/assets/setting", Version: strconv.FormatInt(x.Setting.Version, 10), Fields: []site.FieldView{
		{Kind: site.FieldNumber, Name: "stale_days", Label: "Days", Help: "1 to 366. Buildings and groups of people are never stale: no source could show them.", Value: site.Plain(x.StaleDays), Short: true, Attrs: map[string]any{"min": "1", "max": "366"}}},
		Buttons: []site.ButtonView{{Text: "Save"}}}
}

func set(v *site.Visit) error {
	var in assets.Setup
	if err := v.Form(&in); err != nil {
		return err
	}
	if _, err := assets.Set.Do(v.Context(), v.Desk, in); err != nil {
		return err
	}
	return v.Goto("/assets/reconciliation")
}

// settle decides about resources that no asset stands for.
func settle(v *site.Visit) error {
	var in struct {
		Resources []string `json:"id"`
		Act       string   `json:"act"`
		Reason    string   `json:"reason"`
		Back      string   `json:"back"`
	}
	if err := v.Actor.Require(auth.AssetsWrite); err != nil {
		return err
	}
	if err := v.Form(&in); err != nil {
		return err
	}
	var err error
	switch in.Act {
	case "link":
		if len(in.Resources) > 0 {
			return v.Goto(linkHref(in.Resources, in.Back))
		}
		err = fault.Invalid("id", "choose at least one resource")
	case "adopt", "adopt_out":
		_, err = assets.Adopt.Do(v.Context(), v.Desk, assets.Adoption{Resources: in.Resources, Out: in.Act == "adopt_out", Reason: in.Reason})
	case "ignore":
		_, err = assets.Ignore.Do(v.Context(), v.Desk, assets.Ignoring{Resources: in.Resources, Reason: in.Reason})
	case "unignore":
		_, err = assets.Unignore.Do(v.Context(), v.Desk, assets.Resources{Resources: in.Resources})
	default:
		err = fault.Invalid("act", "give one of link, adopt, adopt_out, ignore, unignore")
	}
	if err != nil {
		return err
	}
	return v.Goto(within(in.Back))
}
