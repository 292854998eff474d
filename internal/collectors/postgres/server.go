package postgres

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/collectors/wire"
)

const monitor = "GRANT pg_monitor TO %s;"

// asked are the settings that facts are made of.
var asked = []string{
	"listen_addresses", "ssl", "ssl_min_protocol_version", "password_encryption", "log_connections", "log_disconnections", "log_statement",
	"pgaudit.log", "shared_preload_libraries", "log_line_prefix", "log_destination", "logging_collector", "archive_mode", "archive_command",
	"archive_library", "wal_level", "data_checksums", "fsync", "synchronous_commit", "full_page_writes", "row_security",
	"idle_in_transaction_session_timeout",
}

const (
	selectSettings = `SELECT name::text, left(setting, 10000) FROM pg_settings WHERE name = ANY($1)`
	selectPending  = `SELECT name::text FROM pg_settings WHERE pending_restart ORDER BY name`
	selectOwn      = `SELECT coalesce(r.rolname, '(every role)')::text, coalesce(d.datname, '(every database)')::text, left(c, 200)
		FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) c
		WHERE c LIKE 'log\_%' OR c LIKE 'pgaudit.%' ORDER BY 1, 2, 3`
)

func (l *look) settings(ctx context.Context) error {
	set := map[string]string{}
	_, err := l.each(ctx, selectSettings, []any{asked}, len(asked), func(scan func(...any) error) error {
		var name, value string
		err := scan(&name, &value)
		set[name] = value
		return err
	})
	f := l.server
	if err != nil {
		reason, remedy, ok := l.why(err, "what the server is set to", fmt.Sprintf(monitor, quote(l.role)))
		if !ok {
			return err
		}
		f.Blind(l.in, "database_server", reason, remedy, slices.Collect(maps.Keys(settingFields))...)
		return nil
	}
	l.fromSettings(set)
	pending := []string{}
	more, err := l.each(ctx, selectPending, nil, 1000, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		pending = append(pending, name)
		return err
	})
	if err := l.list("pending_restart", pending, more, err); err != nil {
		return err
	}
	own := []string{}
	more, err = l.each(ctx, selectOwn, nil, 1000, func(scan func(...any) error) error {
		var role, database, text string
		err := scan(&role, &database, &text)
		own = append(own, role+", "+database+", "+text)
		return err
	})
	return l.list("log_settings_per_role", own, more, err)
}

// list sets a field of the server from a list, unless it could not be read.
func (l *look) list(field string, found []string, more bool, err error) error {
	if err != nil {
		reason, remedy, ok := l.why(err, field, fmt.Sprintf(monitor, quote(l.role)))
		if !ok {
			return err
		}
		l.server.Blind(l.in, "database_server", reason, remedy, field)
		return nil
	}
	if more {
		l.server.Blind(l.in, "database_server", "there are more than can be shown", "Reduce them.", field)
		return nil
	}
	l.server.Set(field, wire.ClipAll(found))
	return nil
}

// settingFields says which settings a fact needs.
var settingFields = map[string][]string{
	"listen_addresses": {"listen_addresses"}, "tls_enabled": {"ssl"}, "tls_min_version": {"ssl_min_protocol_version"},
	"password_storage": {"password_encryption"}, "log_connections": {"log_connections"}, "log_disconnections": {"log_disconnections"},
	"log_statements": {"log_statement"}, "audit_extension": {"shared_preload_libraries"}, "audit_scope": {"shared_preload_libraries"},
	"log_line_fields": {"log_line_prefix", "log_destination"}, "log_collected": {"log_destination", "logging_collector"},
	"archiving": {"archive_mode"}, "archive_target_set": {"archive_command"}, "archive_tool": {"archive_command"}, "wal_level": {"wal_level"},
	"data_checksums": {"data_checksums"}, "durable_writes": {"fsync", "synchronous_commit"}, "full_page_writes": {"full_page_writes"},
	"row_security": {"row_security"}, "preloaded": {"shared_preload_libraries"}, "idle_transaction_seconds": {"idle_in_transaction_session_timeout"},
}

func (l *look) fromSettings(set map[string]string) {
	f := l.server
	for _, field := range slices.Sorted(maps.Keys(settingFields)) {
		for _, name := range settingFields[field] {
			if _, shown := set[name]; !shown {
				f.Blind(l.in, "database_server", fmt.Sprintf("the setting %s is not shown to %s", name, wire.Clip(l.role)), fmt.Sprintf(monitor, quote(l.role)), field)
			}
		}
	}
	give := func(field string, value any) {
		for _, name := range settingFields[field] {
			if _, shown := set[name]; !shown {
				return
			}
		}
		f.Set(field, value)
	}
	preloaded := fields(set["shared_preload_libraries"])
	audits := slices.ContainsFunc(preloaded, func(s string) bool { return path.Base(s) == "pgaudit" })
	give("listen_addresses", wire.ClipAll(fields(set["listen_addresses"])))
	give("tls_enabled", set["ssl"] == "on")
	give("tls_min_version", least(set["ssl_min_protocol_version"]))
	give("password_storage", stored(set["password_encryption"]))
	// Since release 18 the value may be a list of the steps that are logged.
	give("log_connections", set["log_connections"] != "off" && set["log_connections"] != "")
	give("log_disconnections", set["log_disconnections"] == "on")
	give("log_statements", wire.Clip(set["log_statement"]))
	give("audit_extension", audits)
	give("log_line_fields", lineFields(set["log_line_prefix"], set["log_destination"]))
	give("preloaded", wire.ClipAll(preloaded))
	give("archiving", set["archive_mode"] == "on" || set["archive_mode"] == "always")
	give("wal_level", wire.Clip(set["wal_level"]))
	give("data_checksums", set["data_checksums"] == "on")
	give("durable_writes", set["fsync"] == "on" && set["synchronous_commit"] != "off")
	give("full_page_writes", set["full_page_writes"] == "on")
	give("row_security", set["row_security"] == "on")
	if ms, err := strconv.Atoi(set["idle_in_transaction_session_timeout"]); err == nil {
		give("idle_transaction_seconds", ms/1000)
	}
	l.audit(audits, set)
	command := set["archive_command"]
	there := command != "" && command != "(disabled)" || set["archive_library"] != ""
	give("archive_target_set", there)
	if there {
		give("archive_tool", archiveTool(command+" "+set["archive_library"]))
	}
	f.Unsaid("nothing is configured that copies", "archive_tool")
	destinations := fields(set["log_destination"])
	if set["logging_collector"] == "on" || slices.Contains(destinations, "syslog") || slices.Contains(destinations, "eventlog") {
		give("log_collected", true)
	}
	f.Unsaid("the server writes its log to its standard error; where that goes it does not know", "log_collected")
}

func (l *look) audit(loaded bool, set map[string]string) {
	scope, shown := set["pgaudit.log"]
	switch {
	case !loaded:
		l.server.Unsaid("no extension that writes audit records is loaded", "audit_scope")
	case shown:
		l.server.Set("audit_scope", wire.Clip(scope))
	}
	l.server.Unsaid("the setting pgaudit.log is not shown", "audit_scope")
}

// fields cuts a list that is joined by commas.
func fields(s string) []string {
	out := []string{}
	for _, part := range strings.Split(s, ",") {
		if part = strings.Trim(strings.TrimSpace(part), `"`); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// least is the lowest version of TLS; none set means that the oldest will do.
func least(s string) string {
	if s == "" {
		return "TLSv1"
	}
	return wire.Clip(s)
}

// stored names the method for new passwords; before release 10 it was a switch.
func stored(s string) string {
	if s == "on" {
		return "md5"
	}
	return wire.Clip(s)
}

var escapes = map[rune]string{
	'm': "time", 't': "time", 'n': "time", 'u': "user", 'd': "database", 'h': "client", 'r': "client", 'p': "process", 'c': "session", 'a': "application",
}

// lineFields are what each line of the log tells. The two forms for machines
// tell everything.
func lineFields(prefix, destinations string) []string {
	told := map[string]bool{}
	for _, d := range fields(destinations) {
		switch d {
		case "csvlog", "jsonlog":
			for _, name := range escapes {
				told[name] = true
			}
		case "syslog", "eventlog":
			told["time"], told["process"] = true, true
		}
	}
	after := false
	for _, r := range prefix {
		switch {
		case after && r >= '0' && r <= '9', after && r == '-': // a width
		case after:
			if name, known := escapes[r]; known {
				told[name] = true
			}
			after = false
		default:
			after = r == '%'
		}
	}
	return slices.Sorted(maps.Keys(told))
}

// archiveTool names the program that copies. The command itself is not kept:
// people write passwords into it.
func archiveTool(command string) string {
	for _, name := range []string{"pgbackrest", "wal-g", "wal-e", "barman-wal-archive", "barman-cloud-wal-archive", "pg_probackup", "pghoard", "rsync", "cp", "basic_archive"} {
		for _, word := range strings.Fields(command) {
			if path.Base(strings.Trim(word, `"'`)) == name {
				return name
			}
		}
	}
	return "other"
}

const (
	selectOwnTLS      = `SELECT ssl, coalesce(version, ''), coalesce(cipher, '') FROM pg_stat_ssl WHERE pid = pg_backend_pid()`
	selectConnections = `SELECT a.client_addr IS NOT NULL, coalesce(s.ssl, false) OR coalesce(g.encrypted, false),
			coalesce(a.client_addr << '127.0.0.0/8' OR a.client_addr = '::1', false), coalesce(a.usename, '(none)')::text
		FROM pg_stat_activity a LEFT JOIN pg_stat_ssl s ON s.pid = a.pid LEFT JOIN pg_stat_gssapi g ON g.pid = a.pid
		WHERE a.client_port IS NOT NULL AND a.pid <> pg_backend_pid()`
	selectBackups = `SELECT count(*) FROM pg_stat_progress_basebackup`
)

// connections reads how those who are connected now are protected.
func (l *look) connections(ctx context.Context) error {
	var (
		own             bool
		version, cipher string
	)
	f := l.server
	err := l.one(ctx, selectOwnTLS, &own, &version, &cipher)
	if reason, remedy, ok := l.why(err, "how this connection is protected", ""); ok {
		f.Blind(l.in, "database_server", reason, remedy, "own_tls", "own_tls_version", "own_tls_cipher")
	} else if err != nil {
		return err
	} else {
		f.Set("own_tls", own)
		if own {
			f.Set("own_tls_version", wire.Clip(version))
			f.Set("own_tls_cipher", wire.Clip(cipher))
		}
		f.Unsaid("this connection is not protected by TLS", "own_tls_version", "own_tls_cipher")
	}
	if !l.stats {
		f.Blind(l.in, "database_server", fmt.Sprintf("the sessions of others are not shown to %s", wire.Clip(l.role)), fmt.Sprintf(monitor, quote(l.role)),
			"connections", "connections_in_clear", "clients_in_clear", "backups_running")
		return nil
	}
	all, clear, who := 0, 0, map[string]bool{}
	more, err := l.each(ctx, selectConnections, nil, 50_000, func(scan func(...any) error) error {
		var (
			network, protected, loopback bool
			user                         string
		)
		err := scan(&network, &protected, &loopback, &user)
		if network {
			all++
		}
		if network && !protected && !loopback {
			clear++
			who[user] = true
		}
		return err
	})
	reason, remedy, ok := l.why(err, "who is connected", fmt.Sprintf(monitor, quote(l.role)))
	switch {
	case ok, more:
		if more {
			reason, remedy = "more than 50,000 are connected", "Read the server when it has less to do."
		}
		f.Blind(l.in, "database_server", reason, remedy, "connections", "connections_in_clear", "clients_in_clear")
	case err != nil:
		return err
	default:
		f.Set("connections", all)
		f.Set("connections_in_clear", clear)
		f.Set("clients_in_clear", wire.ClipAll(slices.Sorted(maps.Keys(who))))
	}
	return l.number(ctx, "backups_running", selectBackups, "whether a backup is being taken")
}

// number sets a field of the server from a question with one number.
func (l *look) number(ctx context.Context, field, sql, what string) error {
	var n int64
	err := l.one(ctx, sql, &n)
	if reason, remedy, ok := l.why(err, what, fmt.Sprintf(monitor, quote(l.role))); ok {
		l.server.Blind(l.in, "database_server", reason, remedy, field)
		return nil
	}
	if err == nil {
		l.server.Set(field, n)
	}
	return err
}

const (
	selectArchiver = `SELECT floor(extract(epoch FROM last_archived_time))::bigint, floor(extract(epoch FROM last_failed_time))::bigint, failed_count FROM pg_stat_archiver`
	selectWaiting  = `SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'`
)

// archiver reads whether the write-ahead log arrives where it is copied to.
func (l *look) archiver(ctx context.Context) error {
	var (
		last, failed *int64
		failures     int64
	)
	f := l.server
	err := l.one(ctx, selectArchiver, &last, &failed, &failures)
	if reason, remedy, ok := l.why(err, "what was archived", fmt.Sprintf(monitor, quote(l.role))); ok {
		f.Blind(l.in, "database_server", reason, remedy, "archived_at", "archive_failures", "archive_failing")
	} else if err != nil {
		return err
	} else {
		f.Set("archive_failures", failures)
		f.Set("archive_failing", failed != nil && (last == nil || *failed >= *last))
		if last != nil {
			f.Set("archived_at", time.Unix(*last, 0).UTC())
		}
		f.Unsaid("nothing was archived since the counters began", "archived_at")
	}
	return l.number(ctx, "archive_waiting", selectWaiting, "how much waits to be archived")
}
