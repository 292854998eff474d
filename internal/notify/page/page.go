// Package page holds the pages of notices, of how one is told, and of the
// channels of an organization.
package page

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /notices", Handle: showInbox},
		{Pattern: "POST /notices/read", Handle: markRead},
		{Pattern: "GET /notices/preferences", Handle: showPreferences},
		{Pattern: "POST /notices/preferences", Handle: prefer},
		{Pattern: "GET /settings/channels", Handle: showChannels},
		{Pattern: "GET /settings/channels/new", Handle: showNew},
		{Pattern: "POST /settings/channels/new", Handle: connect},
		{Pattern: "GET /settings/channels/{id}", Handle: showChannel},
		{Pattern: "POST /settings/channels/{id}", Handle: change},
		{Pattern: "POST /settings/channels/{id}/test", Handle: try},
		{Pattern: "GET /settings/channels/{id}/remove", Handle: askRemove},
		{Pattern: "POST /settings/channels/{id}/remove", Handle: disconnect},
		{Pattern: "GET /settings/letters", Handle: showLetters},
	}
}

const pageSize = 50

// mailing reports whether anything goes by mail, which the pages say where it
// matters.
func mailing(v *site.Visit) bool { return v.Web.Mailing != nil && v.Web.Mailing() }

// inbox is what one person was told.
type inbox struct {
	op.Page[notify.Notice]
	Unread    int64
	Kind      string
	After     string
	OnlyNew   bool
	Now       time.Time
	Mailing   bool
	MayWrite  bool
	MayManage bool
}

func showInbox(v *site.Visit) error {
	x := inbox{Kind: v.Query("kind"), After: v.Query("after"), OnlyNew: v.Query("unread") == "1", Now: v.Clock.Now(), Mailing: mailing(v),
		MayWrite: v.Actor.May(auth.WorkWrite), MayManage: v.Actor.May(auth.OrgWrite)}
	var err error
	if x.Page, err = notify.List.Do(v.Context(), v.Desk, notify.Filter{Kind: x.Kind, Unread: x.OnlyNew, After: x.After, Limit: pageSize}); err != nil {
		return err
	}
	n, err := notify.Count.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	x.Unread = n.Unread
	return v.Show(site.Shell{Title: "Notices", Crumbs: []site.Crumb{{Text: "Notices"}}}, inboxBody(x))
}

func (x inbox) sentence() string {
	switch {
	case x.Total == 0 && x.Unread == 0:
		return "Nothing has been told to you."
	case x.Unread == 0:
		return "You have read everything."
	}
	return site.Capital(site.Several(int(x.Unread), "notice is", "notices are")) + " unread."
}

func (x inbox) facts() []site.Fact {
	out := []site.Fact{{Text: "How you are told", Href: "/notices/preferences"}}
	if x.MayManage {
		out = append(out, site.Fact{Text: "Channels", Href: "/settings/channels"})
	}
	if !x.Mailing {
		out = append(out, site.Fact{Text: "No mail server is named: notices stand here only"})
	}
	return out
}

func (x inbox) with(name, value string) string {
	q := url.Values{}
	if x.Kind != "" {
		q.Set("kind", x.Kind)
	}
	if x.OnlyNew {
		q.Set("unread", "1")
	}
	if value == "" {
		q.Del(name)
	} else {
		q.Set(name, value)
	}
	if len(q) == 0 {
		return "/notices"
	}
	return "/notices?" + q.Encode()
}

func (x inbox) chips() []site.Chip {
	out := []site.Chip{{Text: "Unread", Href: x.with("unread", "1"), Add: true}}
	if x.OnlyNew {
		out[0] = site.Chip{Text: "Unread", Href: x.with("unread", "")}
	}
	for _, k := range notify.Kinds() {
		c := site.Chip{Text: k.Text, Href: x.with("kind", k.Name), Add: true}
		if k.Name == x.Kind {
			c = site.Chip{Text: k.Text, Href: x.with("kind", "")}
		} else if x.Kind != "" || !x.has(k.Name) {
			continue // a filter that would show nothing is no help
		}
		out = append(out, c)
	}
	return out
}

// has reports whether a notice of a kind is on the page.
func (x inbox) has(kind string) bool {
	return slices.ContainsFunc(x.Items, func(n notify.Notice) bool { return n.Kind == kind })
}

func (x inbox) table() site.TableView {
	t := site.TableView{ID: "notices", Caption: "Notices", Filters: x.chips(), Columns: []site.Column{
		{Head: "What", Wide: true, Phone: site.PlaceFirst}, {Head: "Kind"}, {Head: "When", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "Nothing here.", Text: "Tasks given to you, comments that mention you and what is due are told here."}}
	if x.Kind != "" || x.OnlyNew {
		t.Empty.Link = site.Link{Text: "Show all", Href: "/notices"}
	}
	for _, n := range x.Items {
		what := site.Cell{Text: n.Text, Href: n.Link, Strong: n.Read.IsZero()}
		if n.Read.IsZero() {
			what.Note = "unread"
		}
		t.Rows = append(t.Rows, site.Row{Href: n.Link, Key: string(n.ID), Cells: []site.Cell{what, site.Words(notify.KindOf(n.Kind).Text), site.Node(site.Age(n.At, x.Now))}})
	}
	if x.MayWrite && x.Unread > 0 {
		t.Bulk = &site.Bulk{Action: "/notices/read", Unit: "notices", Buttons: []site.ButtonView{{Text: "Mark as read", Kind: site.ButtonPrimary, Submit: true}}}
	}
	t.Pager = site.PagerView{Shown: int64(len(x.Items)), Of: x.Total}
	if x.Next != "" {
		t.Pager.Older = x.with("after", x.Next)
	}
	if x.After != "" {
		t.Pager.Newer, t.Pager.NewerText = x.with("after", ""), "First"
	}
	return t
}

// upto is the newest notice on the page: marking all as read leaves alone what
// came since.
func (x inbox) upto() string {
	newest := ""
	for _, n := range x.Items {
		newest = max(newest, string(n.ID))
	}
	return newest
}

func markRead(v *site.Visit) error {
	var form struct {
		IDs  []string `json:"id"`
		All  bool     `json:"all"`
		Upto string   `json:"upto"`
	}
	if err := v.Form(&form); err != nil {
		return err
	}
	if _, err := notify.MarkRead.Do(v.Context(), v.Desk, notify.Reading{IDs: form.IDs, All: form.All, Upto: form.Upto}); err != nil {
		return err
	}
	return v.Goto("/notices")
}

var modes = []site.Option{{Value: notify.Now, Text: "At once"}, {Value: notify.Daily, Text: "In the daily digest"}, {Value: notify.Weekly, Text: "In the weekly digest"}, {Value: notify.Never, Text: "Never"}}

func preferenceForm(p notify.Preference) site.FormView {
	f := site.FormView{Action: "/notices/preferences", Version: site.Plain(p.Version), Buttons: []site.ButtonView{{Text: "Save how you are told"}}}
	for _, k := range notify.Kinds() {
		options := slices.Clone(modes)
		for i := range options {
			options[i].Chosen = options[i].Value == p.Mail[k.Name]
		}
		f.Fields = append(f.Fields, site.FieldView{Kind: site.FieldSelect, Name: "kind_" + k.Name, Label: k.Text, Options: options, Beside: true})
	}
	days := []site.Option{}
	for d := range 7 {
		days = append(days, site.Option{Value: site.Plain(int64(d)), Text: time.Weekday(d).String(), Chosen: int64(d) == p.DigestDay})
	}
	f.Fields = append(f.Fields,
		site.FieldView{Kind: site.FieldClock, Name: "digest_at", Label: "When the digest goes", Help: "In the organization's time zone, as 08:00.", Value: p.DigestAt, Short: true},
		site.FieldView{Kind: site.FieldSelect, Name: "digest_day", Label: "Day of the weekly digest", Options: days},
		site.FieldView{Kind: site.FieldClock, Name: "quiet_from", Label: "Quiet from", Help: "Letters wait until it is over. Leave both empty for never.", Value: p.QuietFrom, Short: true, Optional: true},
		site.FieldView{Kind: site.FieldClock, Name: "quiet_to", Label: "Quiet until", Value: p.QuietTo, Short: true, Optional: true})
	return f
}

func preferenceShell() site.Shell {
	return site.Shell{Title: "How you are told", Crumbs: []site.Crumb{{Text: "Notices", Href: "/notices"}, {Text: "How you are told"}}}
}

func showPreferences(v *site.Visit) error {
	x, err := notify.Get.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	return v.Show(preferenceShell(), preferenceBody(preferenceForm(x), mailing(v), x))
}

func prefer(v *site.Visit) error {
	var in notify.Wish
	err := v.Form(&in)
	if err == nil {
		lists := map[string]*[]string{notify.Now: &in.Now, notify.Daily: &in.Daily, notify.Weekly: &in.Weekly, notify.Never: &in.Never}
		for _, k := range notify.Kinds() {
			mode := v.R.PostForm.Get("kind_" + k.Name)
			if mode == "" {
				continue
			}
			list, ok := lists[mode]
			if !ok {
				return fault.Invalid("kind_"+k.Name, "give one of now, daily, weekly, never")
			}
			*list = append(*list, k.Name)
		}
		if _, err = notify.Update.Do(v.Context(), v.Desk, in); err == nil {
			return v.Goto("/notices/preferences")
		}
	}
	x, again := notify.Get.Do(v.Context(), v.Desk, op.None{})
	if again != nil {
		return again
	}
	f := preferenceForm(x)
	if f.Keep(v.R.PostForm); !f.Refused(err) {
		return err
	}
	return v.ShowWrong(preferenceShell(), preferenceBody(f, mailing(v), x))
}

// chosen says whether a person has chosen anything yet.
func chosen(x notify.Preference) string {
	if x.Version == 0 {
		return "This is what is usual. Change what you like."
	}
	return "This is what you chose."
}

func clean(list []string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return strings.TrimSpace(s) == "" })
}

func (x inbox) acts() []site.ButtonView {
	if !x.MayWrite || x.Unread == 0 {
		return nil
	}
	return []site.ButtonView{{Text: "Mark all as read", Submit: true, Form: "read-all"}}
}
