package page

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
)

// person is one member, with what may become of the membership.
type person struct {
	auth.Member
	Org      orgs.Org
	Form     site.FormView
	Self     bool
	Inactive bool
	Secured  bool
	Holds    []orgs.Holding
	Letters  bool
	Made     orgs.Rescued // a way back in, made just now
	Link     string
	Wrong    string
}

func readMember(v *site.Visit) (person, error) {
	p := person{}
	if err := v.Actor.Require(auth.MembersWrite); err != nil {
		return p, err
	}
	var err error
	if p.Org, err = orgs.Get.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return p, err
	}
	list, err := orgs.Find.Do(v.Context(), v.Desk, orgs.Search{Limit: op.MaxLimit})
	if err != nil {
		return p, err
	}
	for list.Next != "" && !slices.ContainsFunc(list.Items, func(m orgs.Standing) bool { return string(m.ID) == v.Path("id") }) {
		if list, err = orgs.Find.Do(v.Context(), v.Desk, orgs.Search{Limit: op.MaxLimit, After: list.Next}); err != nil {
			return p, err
		}
	}
	for _, m := range list.Items {
		if string(m.ID) != v.Path("id") {
			continue
		}
		p.Member, p.Self, p.Inactive, p.Secured, p.Letters = m.Member, m.ID == v.Actor.User, m.Inactive, m.Secured, v.Letters()
		p.Form = site.FormView{ID: "role", Action: p.address(), Fields: []site.FieldView{roleField(p.Org, "", m.Roles[0])},
			Buttons: []site.ButtonView{{Text: "Change the role"}, {Text: "Cancel", Href: "/settings/members"}}}
		held, err := orgs.Holdings.Do(v.Context(), v.Desk, orgs.MemberRef{ID: string(m.ID)})
		p.Holds = held.Items
		return p, err
	}
	return p, fault.NotFound("There is no member %s.", v.Path("id"))
}

// holds says what somebody has, for reading before the membership ends.
func (p person) holds() string {
	var out []string
	for _, h := range p.Holds {
		one := strings.TrimSuffix(h.What, "s")
		out = append(out, site.Plural(h.Many, one, h.What))
	}
	if len(out) == 0 {
		return "Nothing here is theirs: no control, no token, no open session."
	}
	return "Theirs here: " + strings.Join(out, ", ") + ". Controls keep their name until somebody else is made their owner; tokens and sessions end."
}

func (p person) address() string { return "/settings/members/" + string(p.ID) }

func (p person) shell(crumbs ...site.Crumb) site.Shell {
	s := settingsShell()
	s.Title = p.Name
	s.Crumbs = append([]site.Crumb{{Text: "Settings", Href: "/settings"}}, crumbs...)
	return s
}

func (p person) sentence() string {
	if p.Inactive {
		return p.Name + " is deactivated in " + p.Org.Name + "."
	}
	return p.Name + " is " + rolesText(p.Roles) + " in " + p.Org.Name + "."
}

func (p person) dialog() site.DialogView {
	return site.DialogView{ID: "remove", Title: "End the membership of " + p.Name, Object: string(p.ID), Action: p.address() + "/remove",
		Submit: "End the membership", Danger: true}
}

func showMember(v *site.Visit) error {
	p, err := readMember(v)
	if err != nil {
		return err
	}
	return v.Show(p.shell(site.Crumb{Text: p.Name}), memberBody(p))
}

func changeRole(v *site.Visit) error {
	in := orgs.RoleChange{}
	err := v.Form(&in)
	in.ID = v.Path("id")
	if err == nil {
		_, err = orgs.SetRole.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto("/settings/members")
	}
	p, readErr := readMember(v)
	if readErr != nil {
		return readErr
	}
	p.Form.Keep(v.R.PostForm)
	if fault.KindOf(err) == fault.KindDenied || !p.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(p.shell(site.Crumb{Text: p.Name}), memberBody(p))
}

// askRemove is the dialog for browsers without scripts.
func askRemove(v *site.Visit) error {
	p, err := readMember(v)
	if err != nil {
		return err
	}
	return v.Show(p.shell(site.Crumb{Text: p.Name, Href: p.address()}, site.Crumb{Text: "End the membership"}), removeBody(p))
}

func removeMember(v *site.Visit) error {
	if _, err := orgs.Remove.Do(v.Context(), v.Desk, orgs.MemberRef{ID: v.Path("id")}); err != nil {
		return err
	}
	return v.Goto("/settings/members")
}

// turn deactivates a member or the other way round.
func turn(o *op.Op[orgs.MemberRef, op.None]) func(*site.Visit) error {
	return func(v *site.Visit) error {
		if _, err := o.Do(v.Context(), v.Desk, orgs.MemberRef{ID: v.Path("id")}); err != nil {
			return memberRefused(v, err)
		}
		return v.Goto("/settings/members/" + v.Path("id"))
	}
}

// memberRefused shows the member again with why nothing was changed.
func memberRefused(v *site.Visit, err error) error {
	f := fault.As(err)
	if f == nil || f.Kind != fault.KindConflict && f.Kind != fault.KindInvalid || errors.Is(err, auth.ErrProve) {
		return err
	}
	p, readErr := readMember(v)
	if readErr != nil {
		return readErr
	}
	p.Wrong = f.Message
	return v.ShowWrong(p.shell(site.Crumb{Text: p.Name}), memberBody(p))
}

// recoverMember answers with the page itself: a link is in this answer and
// nowhere else.
func recoverMember(v *site.Visit) error {
	var in orgs.Rescue
	if err := v.Form(&in); err != nil {
		return err
	}
	in.ID = v.Path("id")
	made, err := orgs.Recover.Do(v.Context(), v.Desk, in)
	if err != nil {
		return memberRefused(v, err)
	}
	p, err := readMember(v)
	if err != nil {
		return err
	}
	p.Made = made
	if made.Secret != "" {
		p.Link = linkTo(v, "/again", made.Secret)
	}
	return v.Show(p.shell(site.Crumb{Text: p.Name}), memberBody(p))
}

// people is the list of members.
type people struct {
	Page   op.Page[orgs.Standing]
	Text   string
	After  string
	MayAdd bool
	Demand bool
	Org    orgs.Org
}

func showMembers(v *site.Visit) error {
	p := people{Text: v.Query("q"), After: v.Query("after"), MayAdd: v.Actor.May(auth.MembersWrite)}
	var err error
	if p.Org, err = orgs.Get.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return err
	}
	door, err := orgs.GetDoor.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	p.Demand = door.SecondFactor
	if p.Page, err = orgs.Find.Do(v.Context(), v.Desk, orgs.Search{Text: p.Text, After: p.After}); err != nil {
		return err
	}
	s := settingsShell()
	s.Title = "Members"
	s.Crumbs = []site.Crumb{{Text: "Settings", Href: "/settings"}, {Text: "Members"}}
	return show(v, http.StatusOK, s, peopleBody(p))
}

func (p people) sentence() string {
	if p.Text != "" {
		return site.Capital(site.Several(int(p.Page.Total), "member fits", "members fit")) + " “" + p.Text + "”."
	}
	return p.Org.Name + " has " + site.Several(int(p.Page.Total), "member", "members") + "."
}

func (p people) table() site.TableView {
	t := site.TableView{ID: "list", Caption: "Members", More: site.SearchBox(site.SearchView{Value: p.Text, Path: "/settings/members", Label: "Name, address or role"}),
		Columns: []site.Column{{Head: "Name", Wide: true, Phone: site.PlaceFirst}, {Head: "Address"}, {Head: "Role"}, {Head: "Second factor"}, {Head: "Status", Phone: site.PlaceEnd}},
		Empty:   site.EmptyView{Title: "Nobody fits.", Text: "The search looks at names, addresses and roles."},
		Pager:   site.PagerView{Shown: int64(len(p.Page.Items)), Of: p.Page.Total, OlderText: "Next", NewerText: "First"}}
	if p.Text != "" {
		t.Filters = []site.Chip{{Text: "“" + p.Text + "”", Href: "/settings/members"}}
	}
	if p.Page.Next != "" {
		t.Pager.Older = p.next()
	}
	if p.After != "" {
		t.Pager.Newer = "/settings/members?" + url.Values{"q": {p.Text}}.Encode()
	}
	for _, m := range p.Page.Items {
		status, factor := site.Mark(site.StatusPass, "Active"), site.Words("None")
		if m.Inactive {
			status = site.Mark(site.StatusNotApplicable, "Deactivated")
		}
		if m.Secured {
			factor = site.Words("Set up")
		} else if p.Demand && !m.Inactive {
			factor = site.Mark(site.StatusUnknown, "Required, not set up yet")
		}
		row := site.Row{Cells: []site.Cell{{Text: m.Name, Strong: true}, site.Words(m.Email), site.Words(site.Capital(rolesText(m.Roles))), factor, status}}
		if p.MayAdd {
			row.Href = "/settings/members/" + string(m.ID)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// next is the address of the part after this one.
func (p people) next() string {
	return "/settings/members?" + url.Values{"q": {p.Text}, "after": {p.Page.Next}}.Encode()
}

// rescueField asks what is lost, and who carries the link.
func (p person) rescueField() site.FieldView {
	f := site.FieldView{Kind: site.FieldChecks, Name: "factors", Label: "What is lost", Optional: true, Options: []site.Option{
		{Value: "true", Text: "Their second factors too", Note: "They are taken away when the link is used."}}}
	return f
}
