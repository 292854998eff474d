package page

import (
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
)

// person is one member, with what may become of the membership.
type person struct {
	auth.Member
	Org  orgs.Org
	Form site.FormView
	Self bool
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
	list, err := orgs.Members.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return p, err
	}
	for _, m := range list.Items {
		if string(m.ID) != v.Path("id") {
			continue
		}
		p.Member, p.Self = m, m.ID == v.Actor.User
		p.Form = site.FormView{ID: "role", Action: p.address(), Fields: []site.FieldView{roleField(p.Org, "", m.Roles[0])},
			Buttons: []site.ButtonView{{Text: "Change the role"}, {Text: "Cancel", Href: "/settings#members"}}}
		return p, nil
	}
	return p, fault.NotFound("There is no member %s.", v.Path("id"))
}

func (p person) address() string { return "/settings/members/" + string(p.ID) }

func (p person) shell(crumbs ...site.Crumb) site.Shell {
	s := settingsShell()
	s.Title = p.Name
	s.Crumbs = append([]site.Crumb{{Text: "Settings", Href: "/settings"}}, crumbs...)
	return s
}

func (p person) sentence() string {
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
		return v.Goto("/settings#members")
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
	return v.Goto("/settings#members")
}
