package ldap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/tickmark/tickmark/internal/collectors/wire"
)

var groupAttributes = []string{"objectClass", "cn", "sAMAccountName", "member", "uniqueMember", "memberUid", "memberURL", "gidNumber"}

const groupFilter = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup)(objectClass=groupOfURLs)(objectClass=group))"

type group struct {
	facts   wire.Facts
	entry   string
	dn      string
	name    string
	gid     string
	names   []string // of members, as entries
	logins  []string // of members, as sign-in names
	dynamic bool
	admin   bool

	people   map[*account]bool
	below    []*group
	all      int
	circular bool
	tooMuch  string // why not all who belong to it are known
}

func (l *look) readGroups(ctx context.Context) error {
	members := 0
	err := l.search(ctx, l.paged, l.base, ldap.ScopeWholeSubtree, groupFilter, groupAttributes, maxGroups, func(e *ldap.Entry) error {
		v := valuesOf(e)
		g := &group{facts: wire.NewFacts(), entry: e.DN, dn: normal(e.DN), name: v.one("cn"), gid: v.one("gidNumber"), people: map[*account]bool{}}
		if g.name == "" {
			g.name = e.DN
		}
		g.names = append(slices.Clone(v["member"]), v["uniquemember"]...)
		g.logins = v["memberuid"]
		g.dynamic = v.has("memberURL")
		for name := range v {
			if strings.Contains(name, ";range=") {
				return &partial{"the directory gives the members of " + wire.Clip(g.name) + " in pieces, which are not put together here", "Raise MaxValRange of the directory, or narrow the base to leave that group out."}
			}
		}
		g.admin = slices.ContainsFunc(l.adminNames(), func(n string) bool { return strings.EqualFold(n, g.name) || normal(n) == g.dn })
		if members += len(g.names) + len(g.logins); members > maxMembers {
			return &partial{fmt.Sprintf("the groups have more than %d members", maxMembers), "Narrow the base, or split the directory into several sources."}
		}
		l.groups = append(l.groups, g)
		return nil
	})
	var p *partial
	if errors.As(err, &p) {
		l.dim = p
		return nil
	}
	return err
}

// budget bounds the steps through nested groups, which a hostile directory
// could make endless.
const budget = 20_000_000

// resolve finds who belongs to which group, directly and through others.
func (l *look) resolve(ctx context.Context) error {
	if l.blind != nil {
		l.unresolved = l.blind.reason
	}
	if l.dim != nil || l.unresolved != "" {
		return nil
	}
	byName, byEntry, groups := map[string][]*account{}, map[string]*account{}, map[string]*group{}
	byGid := map[string][]*account{}
	for _, a := range l.accounts {
		byName[a.name] = append(byName[a.name], a)
		byEntry[a.dn] = a
		if a.gid != "" {
			byGid[a.gid] = append(byGid[a.gid], a)
		}
	}
	for _, g := range l.groups {
		groups[g.dn] = g
	}
	strays := map[string]bool{}
	base := normal(l.base)
	for _, g := range l.groups {
		for _, name := range g.names {
			dn := normal(name)
			switch a, below := byEntry[dn], groups[dn]; {
			case a != nil:
				g.people[a] = true
			case below != nil:
				g.below = append(g.below, below)
			case dn == base || strings.HasSuffix(dn, ","+base):
				strays[name] = true
			}
		}
		for _, login := range g.logins {
			for _, a := range byName[login] {
				g.people[a] = true
			}
		}
		if g.gid != "" {
			for _, a := range byGid[g.gid] {
				g.people[a] = true
			}
		}
	}
	left := budget
	for i, g := range l.groups {
		if i%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		g.spread(&left)
	}
	return l.probe(ctx, strays)
}

// spread walks from a group through those that belong to it. A group that was
// met is not entered again, so that circles end.
func (g *group) spread(left *int) {
	met, people := map[*group]int{g: 0}, map[*account]bool{}
	for next := []*group{g}; len(next) > 0; next = next[1:] {
		at := next[0]
		if *left -= 1 + len(at.people) + len(at.below); *left < 0 {
			g.tooMuch = "the groups are nested through too many others"
			break
		}
		for a := range at.people {
			people[a] = true
		}
		for _, below := range at.below {
			if below == g {
				g.circular = true
			}
			if _, seen := met[below]; seen {
				continue
			}
			if met[below] = met[at] + 1; met[below] > maxNesting {
				g.tooMuch = fmt.Sprintf("groups are nested deeper than %d", maxNesting)
				continue
			}
			next = append(next, below)
		}
	}
	g.all = len(people)
	for a := range people {
		a.in = append(a.in, g.name)
		if g.admin {
			a.via = append(a.via, "group "+g.name)
		}
	}
}

// probe asks for entries that groups name and that are neither accounts nor
// groups: computers and contacts are there, what was removed or is hidden is
// not.
func (l *look) probe(ctx context.Context, strays map[string]bool) error {
	gone, asked := 0, 0
	for name := range strays {
		if asked++; asked > maxProbes {
			break
		}
		there := false
		err := l.search(ctx, false, name, ldap.ScopeBaseObject, "(objectClass=*)", []string{"1.1"}, 1, func(*ldap.Entry) error {
			there = true
			return nil
		})
		var p *partial
		if err != nil && !errors.As(err, &p) {
			return err
		}
		if !there {
			gone++
		}
	}
	if gone > 0 {
		l.dangling(gone, asked <= maxProbes)
	}
	return nil
}

func (g *group) finish(l *look, f wire.Facts) {
	f.Set("name", wire.Clip(g.name))
	f.Set("entry", wire.Clip(g.entry))
	f.Set("dynamic", g.dynamic)
	if len(l.adminNames()) > 0 {
		f.Set("admin", g.admin)
	} else {
		f.Blind(l.in, "group", "the source is not told which groups are of administrators", "Name them in the settings of the source.", "admin")
	}
	fields := []string{"members", "member_count", "groups", "all_member_count", "disabled_members", "service_members", "circular"}
	switch {
	case l.unresolved != "":
		f.Unsaid("the accounts are not known: "+l.unresolved, fields...)
		return
	case g.dynamic:
		f.Blind(l.in, "group", "a rule says who belongs to the group, which is not worked out here", "Keep the list of members as evidence, or list them in the group.", fields...)
		return
	}
	var members, closed, service, below []string
	for a := range g.people {
		members = append(members, a.name)
		if a.facts.Has("disabled") && a.closed {
			closed = append(closed, a.name)
		}
		if a.service {
			service = append(service, a.name)
		}
	}
	for _, b := range g.below {
		below = append(below, b.name)
	}
	for _, list := range [][]string{members, closed, service, below} {
		slices.Sort(list)
	}
	f.Set("member_count", len(members))
	f.Set("members", wire.ClipAll(members))
	f.Set("groups", wire.ClipAll(slices.Compact(below)))
	f.Set("service_members", wire.ClipAll(service))
	f.Set("circular", g.circular)
	if !slices.ContainsFunc(l.accounts, func(a *account) bool { return g.people[a] && !a.facts.Has("disabled") }) {
		f.Set("disabled_members", wire.ClipAll(closed))
	}
	f.Unsaid("of some members it is not known whether they are closed", "disabled_members")
	if g.tooMuch == "" {
		f.Set("all_member_count", g.all)
	} else {
		f.Blind(l.in, "group", g.tooMuch, "Nest the groups less deeply.", "all_member_count")
	}
}
