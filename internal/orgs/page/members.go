package page

import (
	"errors"
	"net/http"
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
	site.Listing[orgs.Standing]
	All    []orgs.Standing
	MayAdd bool
	Demand bool
	Org    orgs.Org
}

func showMembers(v *site.Visit) error {
	p := people{MayAdd: v.Actor.May(auth.MembersWrite)}
	var err error
	if p.Org, err = orgs.Get.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return err
	}
	door, err := orgs.GetDoor.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	p.Demand = door.SecondFactor
	for after, more := "", true; more; {
		part, err := orgs.Find.Do(v.Context(), v.Desk, orgs.Search{Limit: op.MaxLimit, After: after})
		if err != nil {
			return err
		}
		p.All, after, more = append(p.All, part.Items...), part.Next, part.Next != ""
	}
	if p.Listing, err = p.list().Open(v); err != nil || p.Done {
		return err
	}
	s := settingsShell()
	s.Title = "Members"
	s.Crumbs = []site.Crumb{{Text: "Settings", Href: "/settings"}, {Text: "Members"}}
	return show(v, http.StatusOK, s, peopleBody(p))
}

func (p people) sentence() string {
	if p.Ask.Filtered() {
		return site.Capital(site.Several(int(p.Total), "member fits", "members fit")) + " what you ask for."
	}
	return p.Org.Name + " has " + site.Several(int(p.Total), "member", "members") + "."
}

// list says what the list is made of: people, who are read as a whole.
func (p people) list() site.List[orgs.Standing] {
	type row = orgs.Standing
	href := func(m row) string {
		if !p.MayAdd {
			return ""
		}
		return "/settings/members/" + string(m.ID)
	}
	return site.List[row]{
		Name: "members", Caption: "Members", One: "member", Many: "members", Find: "Name, address or role", Sort: "name", ID: "people",
		Columns: []site.Col[row]{
			{ID: "name", Head: "Name", Wide: true, Phone: site.PlaceFirst, Fixed: true, Sorts: true, Cell: func(m row) site.Cell {
				if p.MayAdd {
					return site.Cell{Text: m.Name, Href: href(m), Strong: true}
				}
				return site.Node(site.Person(m.Name))
			}, Text: func(m row) any { return m.Name }},
			{ID: "address", Head: "Address", Sorts: true, Cell: func(m row) site.Cell { return site.Words(m.Email) }},
			{ID: "role", Head: "Role", Sorts: true, Cell: func(m row) site.Cell { return site.Words(site.Capital(rolesText(m.Roles))) }},
			{ID: "factor", Head: "Second factor", Sorts: true, Cell: func(m row) site.Cell {
				if _, required := p.factor(m); required {
					return site.Mark(site.StatusUnknown, "Required, not set up yet")
				}
				word, _ := p.factor(m)
				return site.Words(word)
			}},
			{ID: "status", Head: "Status", Phone: site.PlaceEnd, Fixed: true, Sorts: true, Cell: func(m row) site.Cell {
				if m.Inactive {
					return site.Mark(site.StatusNotApplicable, "Deactivated")
				}
				return site.Mark(site.StatusPass, "Active")
			}},
		},
		Filters: []site.Filter{
			{Name: "status", Label: "Status", Chips: true, Options: []site.Option{{Value: "active", Text: "Active"}, {Value: "inactive", Text: "Deactivated"}}},
			{Name: "factor", Label: "Second factor", Options: []site.Option{{Value: "yes", Text: "Set up"}, {Value: "no", Text: "Not set up"}}},
			{Name: "role", Label: "Role", Options: p.roles()},
		},
		Row:   func(m row) site.Row { return site.Row{Href: href(m), Key: string(m.ID)} },
		Fetch: func(a site.Ask) (op.Page[row], error) { return p.fetch(a), nil },
		None:  site.EmptyView{Title: "Nobody yet.", Text: "Members are invited, or added by hand."},
	}
}

// factor says whether a member has a second factor, and whether one is owed.
func (p people) factor(m orgs.Standing) (word string, owed bool) {
	if m.Secured {
		return "Set up", false
	}
	return "None", p.Demand && !m.Inactive
}

func (p people) roles() []site.Option {
	var out []site.Option
	for _, m := range p.All {
		for _, r := range m.Roles {
			if !slices.ContainsFunc(out, func(o site.Option) bool { return o.Value == string(r) }) {
				out = append(out, site.Option{Value: string(r), Text: rolesText([]auth.Role{r})})
			}
		}
	}
	slices.SortFunc(out, func(a, b site.Option) int { return strings.Compare(a.Text, b.Text) })
	return out
}

func (p people) fetch(a site.Ask) op.Page[orgs.Standing] {
	text := map[string]func(m orgs.Standing) string{
		"name": func(m orgs.Standing) string { return strings.ToLower(m.Name) }, "address": func(m orgs.Standing) string { return strings.ToLower(m.Email) },
		"role": func(m orgs.Standing) string { return rolesText(m.Roles) }, "factor": func(m orgs.Standing) string { word, _ := p.factor(m); return word },
		"status": func(m orgs.Standing) string { return map[bool]string{false: "a", true: "b"}[m.Inactive] },
	}[a.Sort]
	is := func(name, yes, no string, on bool) bool {
		return a.Filter(name) == "" || a.Filter(name) == map[bool]string{true: yes, false: no}[on]
	}
	return site.Among(a, p.All, func(m orgs.Standing) bool {
		return is("status", "inactive", "active", m.Inactive) && is("factor", "yes", "no", m.Secured) &&
			(a.Filter("role") == "" || slices.Contains(m.Roles, auth.Role(a.Filter("role")))) && a.Holds(m.Name, m.Email, rolesText(m.Roles))
	}, func(x, y orgs.Standing) int { return strings.Compare(text(x), text(y)) }, func(m orgs.Standing) string { return string(m.ID) })
}

// rescueField asks what is lost, and who carries the link.
func (p person) rescueField() site.FieldView {
	f := site.FieldView{Kind: site.FieldChecks, Name: "factors", Label: "What is lost", Optional: true, Options: []site.Option{
		{Value: "true", Text: "Their second factors too", Note: "They are taken away when the link is used."}}}
	return f
}
