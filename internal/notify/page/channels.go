package page

import (
	"net/url"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

func channelShell(title string, crumbs ...site.Crumb) site.Shell {
	list := []site.Crumb{{Text: "Settings", Href: "/settings"}, {Text: "Channels", Href: "/settings/channels"}}
	return site.Shell{Title: title, Current: "/settings", Crumbs: append(list, crumbs...)}
}

// outlets are the channels of an organization.
type outlets struct {
	Items   []notify.Outlet
	Mailing bool
	Now     time.Time
}

func showChannels(v *site.Visit) error {
	list, err := notify.Channels.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	return v.Show(site.Shell{Title: "Channels", Current: "/settings", Crumbs: []site.Crumb{{Text: "Settings", Href: "/settings"}, {Text: "Channels"}}},
		channelsBody(outlets{list.Items, mailing(v), v.Clock.Now()}))
}

func (x outlets) sentence() string {
	n, off, failing := int64(len(x.Items)), 0, 0
	for _, o := range x.Items {
		switch {
		case o.State == notify.Off:
			off++
		case !o.Failing.IsZero():
			failing++
		}
	}
	text := site.Capital(site.Several(n, "channel is", "channels are")) + " told what happens here."
	if n == 0 {
		return "No channel is told what happens here."
	}
	switch {
	case off > 0:
		return text + " " + site.Capital(site.Several(int64(off), "is", "are")) + " turned off."
	case failing > 0:
		return text + " " + site.Capital(site.Several(int64(failing), "does", "do")) + " not answer."
	}
	return text
}

var kindNames = map[string]string{notify.Slack: "Slack", notify.Teams: "Teams", notify.Webhook: "Webhook"}

func (x outlets) table() site.TableView {
	t := site.TableView{ID: "channels", Caption: "Channels", Columns: []site.Column{{Head: "Channel", Wide: true, Phone: site.PlaceFirst}, {Head: "Kind"}, {Head: "Host"},
		{Head: "Told of"}, {Head: "State", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No channels.", Text: "A channel of Slack or Teams, or a webhook, hears what happened to what, and never what it says.",
			Link: site.Link{Text: "Add a channel", Href: "/settings/channels/new"}}}
	for _, o := range x.Items {
		href := "/settings/channels/" + string(o.ID)
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{{Text: o.Name, Href: href, Strong: true}, site.Words(kindNames[o.Kind]), site.Words(o.Host),
			site.Words(site.Plural(int64(len(o.Kinds)), "kind", "kinds")), standing(o)}})
	}
	return t
}

func standing(o notify.Outlet) site.Cell {
	switch {
	case o.State == notify.Off:
		return site.Mark(site.StatusNotApplicable, "Off")
	case !o.Failing.IsZero():
		return site.Mark(site.StatusFail, "No answer since "+o.Failing.Format("2 Jan 15:04"))
	}
	return site.Mark(site.StatusPass, "On")
}

func kindOptions(chosen []string) []site.Option {
	var out []site.Option
	for _, k := range notify.Kinds() {
		o := site.Option{Value: k.Name, Text: k.Out}
		for _, c := range chosen {
			o.Chosen = o.Chosen || c == k.Name
		}
		out = append(out, o)
	}
	return out
}

func newForm() site.FormView {
	return site.FormView{Action: "/settings/channels/new", Fields: []site.FieldView{
		{Kind: site.FieldRadio, Name: "kind", Label: "What listens", Options: []site.Option{
			{Value: notify.Slack, Text: "Slack", Note: "The address of an incoming webhook."},
			{Value: notify.Teams, Text: "Teams", Note: "The address of a workflow that posts to a channel."},
			{Value: notify.Webhook, Text: "Webhook", Note: "A program of yours. What it gets is signed (Standard Webhooks)."}}},
		{Name: "name", Label: "What you call it", Help: "Such as #security."},
		{Kind: site.FieldPassword, Name: "address", Label: "Address", Help: "Who knows it can write there: it is kept sealed and not shown again.", Autocomplete: "off"},
		{Kind: site.FieldChecks, Name: "kinds", Label: "What it is told of", Options: kindOptions(nil)},
		site.OnceKey(),
	}, Buttons: []site.ButtonView{{Text: "Add the channel"}, {Text: "Cancel", Href: "/settings/channels"}}}
}

func showNew(v *site.Visit) error {
	if _, err := notify.Channels.Do(v.Context(), v.Desk, op.None{}); err != nil { // who may not manage them sees no form
		return err
	}
	return v.Show(channelShell("Add a channel", site.Crumb{Text: "Add a channel"}), newBody(newForm()))
}

func connect(v *site.Visit) error {
	if err := v.Actor.Require(auth.OrgWrite); err != nil {
		return err
	}
	var in notify.NewChannel
	err := v.Form(&in)
	if err == nil {
		in.Kinds = clean(in.Kinds)
		var made notify.GrantedChannel
		if made, err = notify.Connect.Do(v.Context(), v.Desk, in); err == nil {
			if made.Secret == "" {
				return v.Goto("/settings/channels/" + string(made.ID))
			}
			return v.Show(channelShell(made.Name, site.Crumb{Text: made.Name}), secretBody(made))
		}
	}
	f := newForm()
	if f.Keep(v.R.PostForm); !f.Refused(err) {
		return err
	}
	return v.ShowWrong(channelShell("Add a channel", site.Crumb{Text: "Add a channel"}), newBody(f))
}

// outlet is one channel with what was sent there.
type outlet struct {
	notify.Outlet
	Sent op.Page[notify.Sending]
	Form site.FormView
	Now  time.Time
	At   string // of the page of what was sent
	Log  site.HistoryView
}

func readChannel(v *site.Visit) (outlet, error) {
	x := outlet{Now: v.Clock.Now(), At: v.Query("after")}
	var err error
	if x.Outlet, err = notify.Channel.Do(v.Context(), v.Desk, notify.ChannelRef{ID: v.Path("id")}); err != nil {
		return x, err
	}
	if x.Sent, err = notify.Letters.Do(v.Context(), v.Desk, notify.LetterFilter{Channel: string(x.ID), After: x.At, Limit: pageSize}); err != nil {
		return x, err
	}
	if x.Log, err = v.History("", string(x.ID), ""); err != nil {
		return x, err
	}
	x.Form = site.FormView{Action: x.href(), Version: site.Plain(x.Version), Fields: []site.FieldView{
		{Name: "name", Label: "What you call it", Value: x.Name},
		{Kind: site.FieldChecks, Name: "kinds", Label: "What it is told of", Options: kindOptions(x.Kinds), Optional: true},
		{Kind: site.FieldRadio, Name: "state", Label: "Whether anything is sent", Options: []site.Option{{Value: notify.On, Text: "On", Chosen: x.State == notify.On},
			{Value: notify.Off, Text: "Off", Note: "What waits is given up.", Chosen: x.State == notify.Off}}},
	}, Buttons: []site.ButtonView{{Text: "Save the channel"}}}
	return x, nil
}

func (x outlet) href() string { return "/settings/channels/" + string(x.ID) }

func (x outlet) sentence() string {
	switch {
	case x.State == notify.Off:
		return "It is off: " + strings.TrimSuffix(x.Reason, ".") + "."
	case !x.Failing.IsZero():
		return "It has not answered since " + x.Failing.Format("2 January, 15:04") + "."
	case x.Sent.Total == 0:
		return "Nothing was sent there yet."
	}
	return site.Capital(site.Several(x.Sent.Total, "letter was", "letters were")) + " written to it."
}

func (x outlet) lead() site.Lead {
	c := standing(x.Outlet)
	return site.Lead{ID: site.Short(string(x.ID)), Name: x.Name, Status: c.Status, Word: c.Text}
}

func (x outlet) acts() []site.ButtonView {
	out := []site.ButtonView{{Text: "Remove", Href: x.href() + "/remove"}}
	if x.State == notify.On {
		out = append(out, site.ButtonView{Text: "Send a test", Kind: site.ButtonPrimary, Submit: true, Form: "try"})
	}
	return out
}

func showChannel(v *site.Visit) error {
	x, err := readChannel(v)
	if err != nil {
		return err
	}
	return v.Show(channelShell(x.Name, site.Crumb{Text: x.Name}), channelBody(x))
}

func change(v *site.Visit) error {
	var in notify.ChannelChange
	err := v.Form(&in)
	in.ID = v.Path("id")
	if err == nil {
		in.Kinds = clean(in.Kinds)
		if _, err = notify.Change.Do(v.Context(), v.Desk, in); err == nil {
			return v.Goto("/settings/channels/" + in.ID)
		}
	}
	x, again := readChannel(v)
	if again != nil {
		return again
	}
	if x.Form.Keep(v.R.PostForm); !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(channelShell(x.Name, site.Crumb{Text: x.Name}), channelBody(x))
}

func try(v *site.Visit) error {
	var none struct{}
	if err := v.Form(&none); err != nil {
		return err
	}
	if _, err := notify.Try.Do(v.Context(), v.Desk, notify.ChannelRef{ID: v.Path("id")}); err != nil {
		return err
	}
	v.Web.Wake()
	return v.Goto("/settings/channels/" + v.Path("id") + "#sent")
}

func askRemove(v *site.Visit) error {
	x, err := readChannel(v)
	if err != nil {
		return err
	}
	return v.Show(channelShell(x.Name, site.Crumb{Text: x.Name, Href: x.href()}, site.Crumb{Text: "Remove"}), removeBody(x))
}

func disconnect(v *site.Visit) error {
	var none struct{}
	if err := v.Form(&none); err != nil {
		return err
	}
	if _, err := notify.Unconnect.Do(v.Context(), v.Desk, notify.ChannelRef{ID: v.Path("id")}); err != nil {
		return err
	}
	return v.Goto("/settings/channels")
}

// sentTable is what was sent, the newest first.
func sentTable(p op.Page[notify.Sending], at, base string, now time.Time) site.TableView {
	t := site.TableView{ID: "sent", Caption: "What was sent", Columns: []site.Column{{Head: "Letter", Mono: true, Phone: site.PlaceFirst}, {Head: "Of what", Wide: true, Phone: site.PlaceFirst},
		{Head: "To"}, {Head: "Written"}, {Head: "Tries", Num: true}, {Head: "State", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "Nothing yet.", Text: "What is sent stands here, with what was answered."}}
	for _, s := range p.Items {
		what := site.Words(notify.KindOf(s.Kind).Out)
		if what.Text == s.Kind {
			what.Text = site.Capital(strings.ReplaceAll(s.Kind, "_", " "))
		}
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{{Text: site.Short(string(s.ID)), Mono: true}, what, site.Words(s.To), site.Node(site.Age(s.Created, now)),
			site.Words(site.Count(s.Tries)), outcome(s)}})
	}
	t.Pager = site.PagerView{Shown: int64(len(p.Items)), Of: p.Total}
	if p.Next != "" {
		t.Pager.Older = base + "?" + url.Values{"after": {p.Next}}.Encode()
	}
	if at != "" {
		t.Pager.Newer, t.Pager.NewerText = base, "First"
	}
	return t
}

func outcome(s notify.Sending) site.Cell {
	c := site.Mark(site.StatusNotStarted, "Waits")
	switch {
	case s.State == notify.Sent:
		c = site.Mark(site.StatusPass, "Sent")
	case s.State == notify.GivenUp:
		c = site.Mark(site.StatusFail, "Given up")
	case s.Tries > 0:
		c = site.Mark(site.StatusUnknown, "Tried again "+s.Next.Format("2 Jan 15:04"))
	}
	c.Note = s.Problem
	return c
}

// post is what was sent by mail.
type post struct {
	op.Page[notify.Sending]
	At      string
	Now     time.Time
	Mailing bool
}

func showLetters(v *site.Visit) error {
	x := post{At: v.Query("after"), Now: v.Clock.Now(), Mailing: mailing(v)}
	var err error
	if x.Page, err = notify.Letters.Do(v.Context(), v.Desk, notify.LetterFilter{After: x.At, Limit: pageSize}); err != nil {
		return err
	}
	return v.Show(site.Shell{Title: "Mail", Current: "/settings", Crumbs: []site.Crumb{{Text: "Settings", Href: "/settings"}, {Text: "Mail"}}}, lettersBody(x))
}

func (x post) sentence() string {
	if !x.Mailing {
		return "Mail is not configured. Letters wait for a day and are then given up."
	}
	if x.Total == 0 {
		return "No letter was written yet."
	}
	return site.Capital(site.Several(x.Total, "letter was", "letters were")) + " written."
}
