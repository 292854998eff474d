package page

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/words"
)

// asked is what was drawn and must be shown, as the client sees it: no marks.
type asked struct {
	engagements.View
	Control string
	Items   []procedures.Drawn
	Total   int64
	Next    string
	May     bool
	Open    bool // only what has no evidence yet
	Form    site.FormView
	Chosen  []string
}

func (x asked) firm() bool { return x.Side == engagements.FirmSide }

// listed reports whether the sealed list alone decides an item: all that is to
// be shown of it stands there.
func listed(d procedures.Drawn) bool { return len(d.Wanted) == 0 && d.Population != "" }

// answered reports whether nothing more is asked for of an item: the sealed
// list alone decides, or somebody has shown a record. The overview counts so.
func answered(d procedures.Drawn) bool {
	return d.Missed || listed(d) || slices.ContainsFunc(d.Evidence, func(l procedures.Linked) bool { return !l.Auto })
}

func readAsked(v *site.Visit, control string, limit int) (asked, error) {
	e, err := open(v)
	if err != nil {
		return asked{}, err
	}
	list, err := procedures.Items.Do(v.Context(), v.Desk, procedures.ItemPart{Engagement: string(e.ID), Control: control, After: v.Query("after"), Limit: limit})
	return asked{View: e, Control: control, Items: list.Items, Total: list.Total, Next: list.Next, May: v.Actor.May(auth.AnswersWrite) && !closed(e)}, err
}

func (x asked) href(part string) string { return "/engagements/" + string(x.ID) + "/items" + part }

func (x asked) shell(title string, crumbs ...site.Crumb) site.Shell {
	return site.Shell{Title: title, Crumbs: append([]site.Crumb{{Text: "Asked for", Href: x.href("")}}, crumbs...)}
}

// perControl is how far the answers of one control are.
type perControl struct {
	Control, Title, Population string
	Items, Answered            int
	Wanted                     []procedures.Attribute
}

// showAsked lists the controls with items drawn.
func showAsked(v *site.Visit) error {
	x, err := readAsked(v, "", op.MaxLimit)
	if err != nil {
		return err
	}
	for next := x.Next; next != ""; {
		more, err := procedures.Items.Do(v.Context(), v.Desk, procedures.ItemPart{Engagement: string(x.ID), After: next, Limit: op.MaxLimit})
		if err != nil {
			return err
		}
		x.Items, next = append(x.Items, more.Items...), more.Next
	}
	return v.ShowIn(x.Engagement, x.shell("Asked for"), askedBody(x))
}

func (x asked) controls() []perControl {
	var out []perControl
	for _, d := range x.Items {
		if n := len(out); n == 0 || out[n-1].Control != d.Control {
			out = append(out, perControl{Control: d.Control, Title: d.Title, Population: d.Population, Wanted: d.Wanted})
		}
		c := &out[len(out)-1]
		c.Items++
		if answered(d) {
			c.Answered++
		}
	}
	return out
}

func (x asked) sentence() string {
	left := 0
	for _, d := range x.Items {
		if !answered(d) {
			left++
		}
	}
	of := site.Several(len(x.Items), "item", "items")
	switch {
	case len(x.Items) == 0 && x.Control == "":
		return x.Firm.Name + " has drawn no items yet."
	case len(x.Items) == 0:
		return x.Firm.Name + " has drawn nothing for " + x.Control + "."
	case left == 0:
		return site.Capital(of) + " drawn by " + x.Firm.Name + words.Pick(len(x.Items), ", with evidence.", ", each with evidence.")
	}
	return site.Capital(of) + " drawn by " + x.Firm.Name + ", " + site.Spelled(left) + " without evidence."
}

func (x asked) table() site.TableView {
	t := site.TableView{Caption: "Controls with items drawn", Columns: []site.Column{{Head: "Control", Phone: site.PlaceFirst}, {Head: "Title", Wide: true, Phone: site.PlaceFirst}, {Head: "From", Mono: true}, {Head: "Items", Num: true}, {Head: "With evidence", Num: true}, {Head: "Missing", Num: true, Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "Nothing is asked for.", Text: "When a sample is drawn, its items appear here with what must be shown for each."}}
	for _, c := range x.controls() {
		href := x.href("/" + url.PathEscape(c.Control))
		list := site.Cell{}
		if c.Population != "" {
			list = site.Cell{Text: c.Population, Mono: true, Href: "/engagements/" + string(x.ID) + "/populations/" + c.Population}
		}
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{
			site.ID(c.Control, href), site.Words(c.Title), list, site.Number(int64(c.Items), href), site.Number(int64(c.Answered), href),
			site.Tally(int64(c.Items-c.Answered), site.StatusUnknown, href+"?open=1"),
		}})
	}
	return t
}

// showDrawn is the items of one control.
func showDrawn(v *site.Visit) error {
	x, err := readAsked(v, v.Path("ref"), pageRows)
	if err != nil {
		return err
	}
	x.Open = v.Query("open") != ""
	return v.ShowIn(x.Engagement, x.shell(x.Control, site.Crumb{Text: x.Control, Mono: true}), drawnBody(x))
}

func (x asked) drawnTable() site.TableView {
	href := x.href("/" + url.PathEscape(x.Control))
	t := site.TableView{Caption: "Items drawn for " + x.Control, Columns: []site.Column{{Head: "Item", Phone: site.PlaceFirst}, {Head: "What", Wide: true, Phone: site.PlaceFirst}, {Head: "Date"}, {Head: "Evidence"}, {Head: "Records", Num: true, Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "Nothing is missing here.", Text: "Every item of this page has evidence.", Link: site.Link{Text: "All items", Href: href}}}
	if x.May && !x.firm() {
		t.Bulk = &site.Bulk{Action: href + "/answer", Unit: "items", Buttons: []site.ButtonView{{Text: "Answer with evidence", Kind: site.ButtonPrimary, Submit: true, Name: "choose", Value: "yes"}}}
	}
	t.Filters = []site.Chip{{Text: "Without evidence", Href: href + "?open=1", Add: true}}
	if x.Open {
		t.Filters = []site.Chip{{Text: "Without evidence", Href: href}}
	}
	for _, d := range x.Items {
		if x.Open && answered(d) {
			continue
		}
		to := ""
		if x.May && !x.firm() {
			to = href + "/answer?items=" + url.QueryEscape(d.Item)
		}
		when := ""
		if !d.At.IsZero() {
			when = d.At.In(clock.Zone(x.View.Zone)).Format("2 Jan 2006")
		}
		linked := site.Mark(site.StatusUnknown, "None yet")
		var titles []string
		for _, l := range d.Evidence {
			if !l.Auto {
				titles = append(titles, l.Title)
			}
		}
		switch {
		case len(titles) > 0:
			linked = site.Words(strings.Join(titles, ", "))
		case listed(d):
			linked = site.Words("The sealed list")
		case d.Missed:
			linked = site.Words("None: it did not happen")
		}
		t.Rows = append(t.Rows, site.Row{Href: to, Key: d.Item, Cells: []site.Cell{site.ID(d.Item, to), site.Words(d.Label), site.Words(when), linked, site.Words(site.Count(int64(len(titles))))}})
	}
	t.Pager = site.PagerView{Shown: int64(len(x.Items)), Of: x.Total, OlderText: "Later items"}
	if x.Next != "" {
		t.Pager.Older = href + "?after=" + url.QueryEscape(x.Next)
	}
	return t
}

// wanted is what must be shown for each item.
func (x asked) wanted() []site.AttributeView {
	var out []site.AttributeView
	if len(x.Items) > 0 {
		for _, a := range x.Items[0].Wanted {
			out = append(out, site.AttributeView{Letter: a.Letter, Text: a.Text})
		}
	}
	return out
}

// readAnswer is the form with which records answer items.
func readAnswer(v *site.Visit, items []string) (asked, error) {
	if err := v.Actor.Require(auth.AnswersWrite); err != nil {
		return asked{}, err
	}
	e, err := open(v)
	if err != nil {
		return asked{}, err
	}
	x := asked{View: e, Control: v.Path("ref"), May: true, Chosen: items}
	list, err := evidence.List.Do(v.Context(), v.Desk, evidence.Filter{Limit: 100})
	if err != nil {
		return x, err
	}
	field := site.FieldView{Kind: site.FieldRadio, Name: "evidence", Label: "Record of evidence", Help: "Existing records, newest first."}
	for _, r := range list.Items {
		field.Options = append(field.Options, site.Option{Value: string(r.ID), Text: r.Title, Note: fmt.Sprintf("captured %s, level %d, entry %s", r.Captured.In(clock.Zone(e.Zone)).Format("2 Jan 2006, 15:04"), r.Level, site.Count(r.Entry)), Chosen: string(r.ID) == v.Query("evidence")})
	}
	x.Form = site.FormView{Action: x.href("/" + url.PathEscape(x.Control) + "/answer"), Buttons: []site.ButtonView{{Text: "Answer " + site.Several(len(items), "item", "items") + " with it"}, {Text: "Not now", Href: x.href("/" + url.PathEscape(x.Control))}}, Fields: []site.FieldView{field, site.OnceKey()}}
	for _, item := range items {
		x.Form.Fields = append(x.Form.Fields, site.FieldView{Kind: site.FieldHidden, Name: "items", Value: item, Optional: true})
	}
	return x, nil
}

func showAnswer(v *site.Visit) error {
	x, err := readAnswer(v, v.R.URL.Query()["items"])
	if err != nil {
		return err
	}
	return v.ShowIn(x.Engagement, x.answerShell(), answerBody(x))
}

func (x asked) answerShell() site.Shell {
	return x.shell("Answer", site.Crumb{Text: x.Control, Href: x.href("/" + url.PathEscape(x.Control)), Mono: true}, site.Crumb{Text: "Answer"})
}

// answer links a record to items. What the list posts are only the items: then
// the record is still to be chosen.
func answer(v *site.Visit) error {
	var in procedures.Linking
	if err := v.Form(&in); err != nil {
		return err
	}
	if chosen := v.R.PostForm["id"]; v.R.PostForm.Get("choose") != "" {
		return v.Goto(v.R.URL.Path + "?" + url.Values{"items": chosen}.Encode())
	}
	in.Engagement, in.Control = v.Path("id"), v.Path("ref")
	if _, err := procedures.Answer.Do(v.Context(), v.Desk, in); err != nil {
		x, readErr := readAnswer(v, in.Items)
		if readErr != nil {
			return readErr
		}
		for i := range x.Form.Fields[0].Options {
			o := &x.Form.Fields[0].Options[i]
			o.Chosen = o.Value == in.Evidence
		}
		if !x.Form.Refused(err) {
			return err
		}
		return v.ShowWrongIn(x.Engagement, x.answerShell(), answerBody(x))
	}
	return v.Goto("/engagements/" + in.Engagement + "/items/" + url.PathEscape(in.Control))
}

// uploadHref leads to the form that seals a file, and names where it is for.
func (x asked) uploadHref() string {
	return "/evidence/new?control=" + url.QueryEscape(x.Control)
}
