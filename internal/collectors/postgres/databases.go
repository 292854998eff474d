package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tickmark/tickmark/internal/collectors/wire"
	"github.com/tickmark/tickmark/internal/fault"
)

const (
	selectDatabases = `SELECT d.datname::text, pg_get_userbyid(d.datdba)::text, d.datistemplate, d.datallowconn, pg_encoding_to_char(d.encoding)::text,
			d.datcollate::text, %s, has_database_privilege('public', d.oid, 'CONNECT'), has_database_privilege('public', d.oid, 'CREATE'),
			has_database_privilege('public', d.oid, 'TEMPORARY'), has_database_privilege(d.oid, 'CONNECT')
		FROM pg_database d ORDER BY d.datname`
	// Release 15 began to remember by which order of text a database was made.
	outdated15 = `CASE WHEN d.datcollversion IS NOT NULL THEN d.datcollversion IS DISTINCT FROM pg_database_collation_actual_version(d.oid) ELSE false END`
	outdated   = `NULL::bool`

	selectSchemas = `SELECT 'schema', n.nspname::text, pg_get_userbyid(n.nspowner)::text, string_agg(a.privilege_type, ',' ORDER BY a.privilege_type)
		FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
		WHERE a.grantee = 0 AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' GROUP BY 2, 3`
	selectTables = `SELECT CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' WHEN 'm' THEN 'view' ELSE 'table' END,
			n.nspname || '.' || c.relname, pg_get_userbyid(c.relowner)::text, string_agg(a.privilege_type, ',' ORDER BY a.privilege_type)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
		WHERE a.grantee = 0 AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
			AND NOT EXISTS (SELECT 1 FROM pg_depend x WHERE x.classid = 'pg_class'::regclass AND x.objid = c.oid AND x.deptype = 'e')
		GROUP BY c.oid, c.relkind, n.nspname, c.relname, c.relowner`
	selectColumns = `SELECT 'table', n.nspname || '.' || c.relname || '.' || t.attname, pg_get_userbyid(c.relowner)::text, string_agg(a.privilege_type, ',' ORDER BY a.privilege_type)
		FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(t.attacl) a
		WHERE a.grantee = 0 AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT t.attisdropped
			AND NOT EXISTS (SELECT 1 FROM pg_depend x WHERE x.classid = 'pg_class'::regclass AND x.objid = c.oid AND x.deptype = 'e')
		GROUP BY c.oid, n.nspname, c.relname, t.attname, c.relowner`
	// Any function may be called by everybody unless that was taken back; it
	// matters where it acts with its owner's rights.
	selectFunctions = `SELECT 'function', n.nspname || '.' || p.proname || '(' || left(pg_get_function_identity_arguments(p.oid), 300) || ')', pg_get_userbyid(p.proowner)::text, 'EXECUTE'
		FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
		WHERE p.prosecdef AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
			AND EXISTS (SELECT 1 FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0)
			AND NOT EXISTS (SELECT 1 FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass AND x.objid = p.oid AND x.deptype = 'e')`
	selectExtensions = `SELECT e.extname::text, e.extversion, coalesce(v.default_version, ''), pg_get_userbyid(e.extowner)::text,
			EXISTS (SELECT 1 FROM pg_depend x JOIN pg_language g ON x.classid = 'pg_language'::regclass AND x.objid = g.oid
				WHERE x.refclassid = 'pg_extension'::regclass AND x.refobjid = e.oid AND x.deptype = 'e' AND NOT g.lanpltrusted)
		FROM pg_extension e LEFT JOIN pg_available_extensions v ON v.name = e.extname ORDER BY e.extname`
)

// databases lists them, and remembers which can be entered.
func (l *look) databases(ctx context.Context) error {
	shelf := &wire.Shelf{Kind: "database", Most: maxRoles}
	column := outdated
	if l.major >= 15 {
		column = outdated15
	}
	_, err := l.each(ctx, fmt.Sprintf(selectDatabases, column), nil, maxRoles+1, func(scan func(...any) error) error {
		var (
			name, owner, encoding, collation      string
			template, connectable, connect, enter bool
			create, temporary                     bool
			old                                   *bool
		)
		if err := scan(&name, &owner, &template, &connectable, &encoding, &collation, &old, &connect, &create, &temporary, &enter); err != nil {
			return err
		}
		f := wire.NewFacts()
		f.Set("name", wire.Clip(name))
		f.Set("owner", wire.Clip(owner))
		if l.supers != nil {
			f.Set("owner_superuser", l.supers[owner])
		}
		f.Set("template", template)
		f.Set("connectable", connectable)
		f.Set("encoding", wire.Clip(encoding))
		f.Set("collation", wire.Clip(collation))
		if old != nil {
			f.Set("collation_outdated", *old)
		}
		f.Unsaid(fmt.Sprintf("release %d does not remember by which order of text a database was made", l.major), "collation_outdated")
		f.Unsaid("the list of roles could not be read", "owner_superuser")
		f.Set("public_connect", connect)
		f.Set("public_create", create)
		f.Set("public_temporary", temporary)
		shelf.Add(f, wire.Clip(name))
		if connectable && !template {
			l.enter = append(l.enter, name)
		}
		return nil
	})
	if reason, remedy, ok := l.why(err, "the list of databases", fmt.Sprintf(monitor, quote(l.role))); ok {
		shelf.Empty(l.in, reason, remedy)
		l.noList = reason
		return nil
	}
	if err != nil {
		return err
	}
	return shelf.HandOver(l.in)
}

// inside visits each database, since its privileges and extensions can be seen
// from within alone. One that cannot be entered leaves both kinds unknown:
// those of the others would look like all there are.
func (l *look) inside(ctx context.Context) error {
	grants := &wire.Shelf{Kind: "database_grant", Most: maxGrants}
	extensions := &wire.Shelf{Kind: "database_extension", Most: maxGrants}
	reason, remedy := l.noList, fmt.Sprintf(monitor, quote(l.role))
	if len(l.enter) > maxDatabases {
		reason, remedy = fmt.Sprintf("there are %d databases: at most %d are visited", len(l.enter), maxDatabases), "Split the databases over several servers, or remove those that are not used."
	}
	if reason == "" {
		for _, name := range l.enter {
			err := l.visit(ctx, name, grants, extensions)
			var shut *closed
			if errors.As(err, &shut) {
				reason, remedy = shut.reason, shut.remedy
				break
			}
			if err != nil {
				return err
			}
		}
	}
	if reason != "" {
		grants.Empty(l.in, reason, remedy)
		extensions.Empty(l.in, reason, remedy)
		return nil
	}
	return errors.Join(grants.HandOver(l.in), extensions.HandOver(l.in))
}

// closed is a database that cannot be entered or read.
type closed struct{ reason, remedy string }

func (c *closed) Error() string { return c.reason }

func (l *look) visit(ctx context.Context, name string, grants, extensions *wire.Shelf) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s := l.session
	if name != l.at.database {
		var err error
		if s, err = l.at.open(ctx, name); err != nil {
			// The server must still answer for this to be a matter of one database.
			if l.one(ctx, "SELECT 1", new(int)) == nil {
				if said := fault.As(err); said != nil && said.Field != "" {
					return &closed{"the database " + wire.Clip(name) + " could not be entered: " + said.Message, fmt.Sprintf("GRANT CONNECT ON DATABASE %s TO %s;", quote(name), quote(l.role))}
				}
			}
			return err
		}
		defer s.close()
	}
	for _, sql := range []string{selectSchemas, selectTables, selectColumns, selectFunctions} {
		_, err := s.each(ctx, sql, nil, maxGrants+1, func(scan func(...any) error) error {
			var kind, object, owner, privileges string
			if err := scan(&kind, &object, &owner, &privileges); err != nil {
				return err
			}
			f := wire.NewFacts()
			list := slices.Compact(fields(privileges))
			f.Set("database", wire.Clip(name))
			f.Set("object_kind", kind)
			f.Set("object", wire.Clip(object))
			f.Set("owner", wire.Clip(owner))
			f.Set("privileges", wire.ClipAll(list))
			f.Set("writes", slices.ContainsFunc(list, func(p string) bool { return p != "SELECT" && p != "USAGE" && p != "REFERENCES" }))
			grants.Add(f, wire.Clip(name+" "+kind+" "+object))
			return nil
		})
		if reason, remedy, ok := l.why(err, "what everybody may do in "+wire.Clip(name), ""); ok {
			return &closed{reason, remedy}
		}
		if err != nil {
			return err
		}
	}
	_, err := s.each(ctx, selectExtensions, nil, maxGrants+1, func(scan func(...any) error) error {
		var ext, version, available, owner string
		var untrusted bool
		if err := scan(&ext, &version, &available, &owner, &untrusted); err != nil {
			return err
		}
		f := wire.NewFacts()
		f.Set("database", wire.Clip(name))
		f.Set("name", wire.Clip(ext))
		f.Set("version", wire.Clip(version))
		f.Set("owner", wire.Clip(owner))
		f.Set("untrusted_language", untrusted)
		if available != "" {
			f.Set("available", wire.Clip(available))
			f.Set("outdated", available != version)
		}
		f.Unsaid("the server's files no longer hold the extension", "available", "outdated")
		extensions.Add(f, wire.Clip(name+" "+ext))
		return nil
	})
	if reason, remedy, ok := l.why(err, "the extensions of "+wire.Clip(name), ""); ok {
		return &closed{reason, remedy}
	}
	return err
}

// rules reads pg_hba.conf as the server sees it.
func (l *look) rules(ctx context.Context) error {
	shelf := &wire.Shelf{Kind: "database_access_rule", Most: maxRules}
	position := 0
	_, err := l.each(ctx, selectRules, nil, maxRules+1, func(scan func(...any) error) error {
		var (
			line                                 int64
			kind, address, mask, method, invalid *string
			databases, roles, options            []string
		)
		if err := scan(&line, &kind, &databases, &roles, &address, &mask, &method, &options, &invalid); err != nil {
			return err
		}
		position++
		f := wire.NewFacts()
		f.Set("position", position)
		f.Set("line", line)
		f.Set("invalid", invalid != nil)
		if invalid == nil {
			rule(f, text(kind), text(address), text(mask), text(method))
			f.Set("databases", wire.ClipAll(databases))
			f.Set("roles", wire.ClipAll(roles))
			f.Set("options", optionNames(options))
		} else {
			f.Unsaid("the server cannot read the line: "+wire.Clip(*invalid), "type", "databases", "roles", "address", "any_address", "loopback", "method", "refuses", "without_proof", "tls_demanded", "options")
		}
		shelf.Add(f, fmt.Sprintf("rule %d", position))
		return nil
	})
	grant := fmt.Sprintf("GRANT SELECT ON pg_hba_file_rules TO %[1]s; GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO %[1]s;", quote(l.role))
	if reason, remedy, ok := l.why(err, "the list of access rules (pg_hba.conf)", grant); ok {
		shelf.Empty(l.in, reason, remedy)
		return nil
	}
	if err != nil {
		return err
	}
	return shelf.HandOver(l.in)
}
