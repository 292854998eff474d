package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tickmark/tickmark/internal/collectors/wire"
)

const (
	selectRoles = `SELECT r.oid::int8, r.rolname::text, r.rolcanlogin, r.rolname ~ '^pg_', r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication,
			r.rolbypassrls, r.rolconnlimit::int8, CASE WHEN isfinite(r.rolvaliduntil) THEN floor(extract(epoch FROM r.rolvaliduntil))::bigint END
		FROM pg_roles r ORDER BY r.oid`
	selectMembers = `SELECT roleid::int8, member::int8, admin_option FROM pg_auth_members ORDER BY roleid, member`
	// Since release 16 a membership may give neither the rights of the role nor the way to become it.
	selectMembers16 = `SELECT roleid::int8, member::int8, admin_option FROM pg_auth_members WHERE set_option OR inherit_option OR admin_option ORDER BY roleid, member`
	selectOwned     = `SELECT datdba::int8, datname::text FROM pg_database ORDER BY datname`
	// The stored value does not leave the server: only what kind it is of.
	selectPasswords = `SELECT oid::int8, CASE WHEN rolpassword IS NULL THEN 'none' WHEN rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram-sha-256'
			WHEN rolpassword ~ '^md5[0-9a-f]{32}$' THEN 'md5' ELSE 'clear' END
		FROM pg_authid ORDER BY oid`
)

// powerful are predefined roles that reach past the rights within a database.
var powerful = []string{"pg_execute_server_program", "pg_read_all_data", "pg_read_server_files", "pg_write_all_data", "pg_write_server_files"}

type role struct {
	oid                                                     int64
	name                                                    string
	login, predefined, super, createRole, createDB, replica bool
	bypass                                                  bool
	limit                                                   int64
	until                                                   *int64
	in, members, admin                                      []int64
}

func (l *look) roles(ctx context.Context) error {
	shelf := &wire.Shelf{Kind: "database_role", Most: maxRoles}
	all := map[int64]*role{}
	order := []int64{}
	_, err := l.each(ctx, selectRoles, nil, maxRoles+1, func(scan func(...any) error) error {
		r := &role{}
		err := scan(&r.oid, &r.name, &r.login, &r.predefined, &r.super, &r.createRole, &r.createDB, &r.replica, &r.bypass, &r.limit, &r.until)
		all[r.oid] = r
		order = append(order, r.oid)
		return err
	})
	if reason, remedy, ok := l.why(err, "the list of roles", fmt.Sprintf(monitor, quote(l.role))); ok {
		shelf.Empty(l.in, reason, remedy)
		return nil
	}
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.super {
			l.supers[r.name] = true
		}
	}
	unknownMembers, err := l.memberships(ctx, all)
	if err != nil {
		return err
	}
	owned := map[int64][]string{}
	more, err := l.each(ctx, selectOwned, nil, maxList, func(scan func(...any) error) error {
		var oid int64
		var name string
		err := scan(&oid, &name)
		owned[oid] = append(owned[oid], name)
		return err
	})
	unowned, _, ok := l.why(err, "who owns which database", "")
	if err != nil && !ok {
		return err
	}
	if more {
		unowned = "there are too many databases"
	}
	kinds, noKinds, grant, err := l.passwordKinds(ctx)
	if err != nil {
		return err
	}
	for _, oid := range order {
		r := all[oid]
		f := wire.NewFacts()
		r.plain(f)
		if kind, known := kinds[oid]; known {
			f.Set("password_kind", kind)
		} else {
			f.Blind(l.in, "database_role", noKinds, grant, "password_kind")
		}
		if unowned == "" {
			f.Set("owns_databases", wire.ClipAll(owned[oid]))
		}
		f.Unsaid(unowned, "owns_databases")
		if unknownMembers == "" {
			r.belonging(f, all)
		} else {
			f.Blind(l.in, "database_role", unknownMembers, fmt.Sprintf(monitor, quote(l.role)), "member_of", "members", "granted_with_admin", "belongs_to", "superuser_via", "powerful_memberships")
		}
		shelf.Add(f, wire.Clip(r.name))
	}
	return shelf.HandOver(l.in)
}

const maxList = 10_000

// memberships fills in who belongs to what, or says why that is not known.
func (l *look) memberships(ctx context.Context, all map[int64]*role) (unknown string, err error) {
	sql := selectMembers
	if l.major >= 16 {
		sql = selectMembers16
	}
	more, err := l.each(ctx, sql, nil, 200_000, func(scan func(...any) error) error {
		var group, member int64
		var admin bool
		if err := scan(&group, &member, &admin); err != nil {
			return err
		}
		g, m := all[group], all[member]
		if g == nil || m == nil {
			return nil
		}
		g.members, m.in = append(g.members, member), append(m.in, group)
		if admin {
			m.admin = append(m.admin, group)
		}
		return nil
	})
	if reason, _, ok := l.why(err, "who belongs to which role", ""); ok {
		return reason, nil
	}
	if more {
		return "there are more than 200,000 memberships", err
	}
	return "", err
}

func (l *look) passwordKinds(ctx context.Context) (kinds map[int64]string, reason, grant string, err error) {
	kinds = map[int64]string{}
	_, err = l.each(ctx, selectPasswords, nil, maxRoles+1, func(scan func(...any) error) error {
		var oid int64
		var kind string
		err := scan(&oid, &kind)
		kinds[oid] = kind
		return err
	})
	grant = fmt.Sprintf("GRANT SELECT (oid, rolpassword) ON pg_authid TO %s; it can then see the stored hashes, so weigh it. "+
		"Or have an administrator run the query of docs/collectors.md and keep its answer as evidence.", quote(l.role))
	reason, _, ok := l.why(err, "how passwords are stored", grant)
	if ok {
		return nil, reason, grant, nil
	}
	return kinds, "the role was made while the server was read", grant, err
}

// plain sets what stands in the role's own row.
func (r *role) plain(f wire.Facts) {
	f.Set("name", wire.Clip(r.name))
	f.Set("login", r.login)
	f.Set("predefined", r.predefined)
	f.Set("superuser", r.super)
	f.Set("create_roles", r.createRole)
	f.Set("create_databases", r.createDB)
	f.Set("replication", r.replica)
	f.Set("bypass_row_security", r.bypass)
	f.Set("connection_limit", r.limit)
	f.Set("never_expires", r.until == nil)
	if r.until != nil {
		f.Set("expires_at", time.Unix(*r.until, 0).UTC())
	}
	f.Unsaid("the password has no end", "expires_at")
}

// belonging sets what the role may do through others.
func (r *role) belonging(f wire.Facts, all map[int64]*role) {
	names := func(ids []int64) []string {
		out := make([]string, 0, len(ids))
		for _, oid := range ids {
			out = append(out, all[oid].name)
		}
		slices.Sort(out)
		return wire.ClipAll(slices.Compact(out))
	}
	f.Set("member_of", names(r.in))
	f.Set("members", names(r.members))
	f.Set("granted_with_admin", names(r.admin))
	above := map[int64]bool{} // the server refuses circles; a restored catalogue may hold one
	for next := slices.Clone(r.in); len(next) > 0; next = next[1:] {
		if !above[next[0]] {
			above[next[0]] = true
			next = append(next, all[next[0]].in...)
		}
	}
	f.Set("belongs_to", names(slices.Collect(maps.Keys(above))))
	var supers, strong []int64
	for oid := range above {
		if all[oid].super {
			supers = append(supers, oid)
		}
		if slices.Contains(powerful, all[oid].name) {
			strong = append(strong, oid)
		}
	}
	f.Set("superuser_via", names(supers))
	f.Set("powerful_memberships", names(strong))
}
