package postgres_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/postgres"
	"github.com/tickmark/tickmark/internal/collectors/serverstest"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

var now = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

// A server is a real PostgreSQL with TLS, on which a few things are well and a
// few are not.
type server struct {
	cluster    *dbtest.Cluster
	host, port string
	ca         string
}

var started = sync.OnceValues(func() (*server, error) {
	c, err := dbtest.Start()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	s := &server{cluster: c, host: u.Hostname(), port: u.Port()}
	return s, s.prepare()
})

func start(t testing.TB) *server {
	t.Helper()
	s, err := started()
	if errors.Is(err, dbtest.ErrNoServer) {
		serverstest.Absent(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestMain ends the server with the tests.
func TestMain(m *testing.M) {
	code := m.Run()
	if s, err := started(); err == nil {
		s.cluster.Close()
	}
	os.Exit(code)
}

const prepared = `
CREATE ROLE tickmark LOGIN PASSWORD 'right';
GRANT pg_monitor TO tickmark;
GRANT SELECT ON pg_hba_file_rules TO tickmark;
GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO tickmark;
GRANT SELECT (oid, rolpassword) ON pg_authid TO tickmark;
CREATE ROLE blind LOGIN PASSWORD 'right';
SET password_encryption = md5;
CREATE ROLE old LOGIN PASSWORD 'old' VALID UNTIL '2026-01-31';
RESET password_encryption;
CREATE ROLE admins SUPERUSER;
CREATE ROLE team;
GRANT admins TO team;
CREATE ROLE ada LOGIN PASSWORD 'x' VALID UNTIL 'infinity';
GRANT team TO ada WITH ADMIN OPTION;
GRANT pg_execute_server_program TO ada;
CREATE ROLE copier LOGIN REPLICATION BYPASSRLS CREATEDB CREATEROLE PASSWORD 'x';
ALTER ROLE old SET log_statement = 'none';
SELECT pg_create_physical_replication_slot('standby', true);
`

const inApp = `
CREATE TABLE customer (id int, secret text);
GRANT SELECT, UPDATE ON customer TO PUBLIC;
CREATE TABLE quiet (id int, shown int);
GRANT SELECT (shown) ON quiet TO PUBLIC;
CREATE FUNCTION climb() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
CREATE FUNCTION shut() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
REVOKE ALL ON FUNCTION shut() FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO PUBLIC;
CREATE SCHEMA decoy;
CREATE TABLE decoy.pg_class (relname text);
GRANT USAGE ON SCHEMA decoy TO tickmark;
ALTER DATABASE app SET search_path = decoy, pg_catalog;
`

func (s *server) prepare() error {
	ctx := context.Background()
	admin, err := pgx.Connect(ctx, s.cluster.URL)
	if err != nil {
		return err
	}
	defer admin.Close(ctx)
	cert, key, err := certificate()
	if err != nil {
		return err
	}
	s.ca = cert
	for name, text := range map[string]string{"server.crt": cert, "server.key": key} {
		_, err := admin.Exec(ctx, fmt.Sprintf(`COPY (SELECT 1 WHERE false) TO PROGRAM 'cat > %[1]s <<X
%[2]sX
chmod 600 %[1]s'`, name, text))
		if err != nil {
			return err
		}
	}
	for _, sql := range []string{prepared, "CREATE DATABASE app OWNER ada", "REVOKE CONNECT ON DATABASE app FROM PUBLIC", "GRANT CONNECT ON DATABASE app TO tickmark",
		"ALTER SYSTEM SET ssl = on", "ALTER SYSTEM SET log_connections = on", "ALTER SYSTEM SET log_line_prefix = '%m [%p] %q%u@%d '",
		"ALTER SYSTEM SET archive_command = 'PGPASSWORD=hunter22 /usr/bin/pgbackrest archive-push %p'", "ALTER SYSTEM SET max_connections = 301"} {
		for _, one := range strings.Split(sql, ";\n") {
			if _, err := admin.Exec(ctx, one); err != nil {
				return fmt.Errorf("%s: %w", one, err)
			}
		}
	}
	app, err := pgx.Connect(ctx, strings.TrimSuffix(s.cluster.URL, "/postgres")+"/app")
	if err != nil {
		return err
	}
	defer app.Close(ctx)
	for _, one := range strings.Split(inApp, ";\n") {
		if _, err := app.Exec(ctx, one); err != nil {
			return fmt.Errorf("%s: %w", one, err)
		}
	}
	if _, err := admin.Exec(ctx, "SELECT pg_reload_conf()"); err != nil {
		return err
	}
	// The reload is done when a new session sees it.
	for end := time.Now().Add(30 * time.Second); ; {
		var on bool
		c, err := pgx.Connect(ctx, s.cluster.URL)
		if err == nil {
			err = c.QueryRow(ctx, "SELECT current_setting('ssl')::bool AND bool_or(pending_restart) FROM pg_settings").Scan(&on)
			c.Close(ctx)
		}
		if on || time.Now().After(end) {
			return err
		}
	}
}

// certificate is one for 127.0.0.1 that vouches for itself.
func certificate() (cert, key string, err error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "database of a test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		return "", "", err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", raw), err
}

func (s *server) settings(more ...string) json.RawMessage {
	set := map[string]string{"host": s.host, "port": s.port, "user": "tickmark", "password": "right", "ca": s.ca}
	for i := 0; i+1 < len(more); i += 2 {
		set[more[i]] = more[i+1]
	}
	raw, _ := json.Marshal(set)
	return raw
}

func read(ctx context.Context, t testing.TB, settings json.RawMessage, progress func(int, int, string)) (*sources.Intake, error) {
	t.Helper()
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	in := sources.NewIntake(schemas, clock.NewFixed(now), progress)
	err = postgres.New().Collect(ctx, settings, in)
	return in, errors.Join(err, in.Err())
}

func mustRead(t testing.TB, settings json.RawMessage) *sources.Intake {
	t.Helper()
	in, err := read(t.Context(), t, settings, nil)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestServerIsRead(t *testing.T) {
	s := start(t)
	in := mustRead(t, s.settings())
	for _, m := range in.Missings() {
		if m.Field != "log_collected" && m.Field != "supported_until" {
			t.Errorf("missing: %+v", m)
		}
	}
	serverstest.Has(t, in, "database_server", s.host+":"+s.port, map[string]any{
		"product": "postgresql", "tls_enabled": true, "own_tls": true, "own_tls_version": "TLSv1.3", "password_storage": "scram-sha-256",
		"log_connections": true, "log_disconnections": false, "log_statements": "none", "log_line_fields": []string{"database", "process", "time", "user"},
		"archiving": false, "archive_target_set": false, "archive_tool": nil, "archived_at": nil, "wal_level": "replica", "durable_writes": false, "full_page_writes": false,
		"row_security": true, "audit_extension": false, "audit_scope": nil, "read_as": "tickmark", "replica": false, "replicas": 0, "connections_in_clear": 0,
		"log_settings_per_role": []string{"old, (every database), log_statement=none"}, "archive_waiting": 0,
	})
	serverstest.Has(t, in, "database_role", "ada", map[string]any{
		"login": true, "superuser": false, "superuser_via": []string{"admins"}, "member_of": []string{"pg_execute_server_program", "team"},
		"belongs_to": []string{"admins", "pg_execute_server_program", "team"}, "granted_with_admin": []string{"team"}, "owns_databases": []string{"app"},
		"powerful_memberships": []string{"pg_execute_server_program"}, "password_kind": "scram-sha-256", "never_expires": true,
	})
	serverstest.Has(t, in, "database_role", "old", map[string]any{"password_kind": "md5", "never_expires": false})
	serverstest.Has(t, in, "database_role", "team", map[string]any{"login": false, "password_kind": "none", "members": []string{"ada"}})
	serverstest.Has(t, in, "database_role", "copier", map[string]any{"replication": true, "bypass_row_security": true, "create_roles": true, "create_databases": true})
	serverstest.Has(t, in, "database_role", "pg_monitor", map[string]any{"predefined": true})
	serverstest.Has(t, in, "database", "app", map[string]any{"owner": "ada", "owner_superuser": false, "public_connect": false, "encoding": "UTF8", "collation_outdated": false})
	serverstest.Has(t, in, "database", "postgres", map[string]any{"public_connect": true, "owner_superuser": true, "public_temporary": true})
	serverstest.Has(t, in, "database_grant", "app table public.customer", map[string]any{"privileges": []string{"SELECT", "UPDATE"}, "writes": true})
	serverstest.Has(t, in, "database_grant", "app table public.quiet.shown", map[string]any{"privileges": []string{"SELECT"}, "writes": false})
	serverstest.Has(t, in, "database_grant", "app schema public", map[string]any{"writes": true})
	serverstest.Has(t, in, "database_grant", "app function public.climb()", map[string]any{"privileges": []string{"EXECUTE"}, "writes": true})
	serverstest.Lacks(t, in, "database_grant", "app function public.shut()")
	serverstest.Has(t, in, "database_extension", "app plpgsql", map[string]any{"outdated": false, "untrusted_language": false})
	serverstest.Has(t, in, "database_access_rule", "rule 2", map[string]any{"method": "scram-sha-256", "loopback": true, "any_address": false, "address": "127.0.0.1/32", "without_proof": false})
	serverstest.Has(t, in, "database_replica", "slot standby", map[string]any{"connected": false, "slot": true, "slot_kind": "physical", "lost": false, "tls": nil})
	if waiting := fmt.Sprint(in.Resources("database_server")[0].Attrs["pending_restart"]); !strings.Contains(waiting, "max_connections") {
		t.Errorf("waits for a restart: %s", waiting)
	}
	serverstest.EverythingIsSaid(t, in)
	serverstest.Silent(t, in, "hunter22", "SCRAM-SHA-256$", "right")
}

func TestTestSaysWhatAnswers(t *testing.T) {
	s := start(t)
	trial, err := postgres.New().Test(t.Context(), s.settings())
	if err != nil || len(trial.Found) != 3 || !strings.HasPrefix(trial.Found[0], "PostgreSQL ") || !strings.Contains(trial.Found[1], "TLSv1.3") {
		t.Errorf("%v %v", trial, err)
	}
	trial, err = postgres.New().Test(t.Context(), s.settings("user", "blind"))
	if err != nil || len(trial.Missing) < 5 {
		t.Errorf("as one with too little: %v %v", trial, err)
	}
	var _ sources.Tester = postgres.New()
}

// What an account may not see is unknown with the reason and the act that would
// show it, and no list is shorter for it.
func TestTooLittleIsUnknown(t *testing.T) {
	s := start(t)
	whole, blind := mustRead(t, s.settings()), mustRead(t, s.settings("user", "blind"))
	serverstest.NeverFewer(t, whole, blind)
	for _, want := range []struct{ kind, field, reason, remedy string }{
		{"database_server", "preloaded", "shared_preload_libraries is not shown to blind", `GRANT pg_monitor TO "blind"`},
		{"database_server", "connections", "sessions of others are not shown", "pg_monitor"},
		{"database_server", "archive_waiting", "is not shown to blind (permission denied", "pg_monitor"},
		{"database_role", "password_kind", "how passwords are stored is not shown to blind (permission denied", "GRANT SELECT (oid, rolpassword)"},
		{"database_access_rule", "", "pg_hba.conf", "GRANT EXECUTE ON FUNCTION pg_hba_file_rules()"},
		{"database_replica", "", "sessions of others", "pg_monitor"},
		{"database_grant", "", "blind may not connect to app", `GRANT CONNECT ON DATABASE "app" TO "blind"`},
		{"database_extension", "", "blind may not connect to app", "GRANT CONNECT"},
	} {
		serverstest.Missing(t, blind, want.kind, want.field, want.reason, want.remedy)
	}
	serverstest.EverythingIsSaid(t, blind)
}

func TestRefusals(t *testing.T) {
	s := start(t)
	nobody := "1" // no server of ours listens there
	for name, c := range map[string]struct {
		settings     json.RawMessage
		field, words string
	}{
		"wrong password":      {s.settings("password", "wrong"), "password", "refuses the password of tickmark"},
		"unknown account":     {s.settings("user", "mallory"), "password", "mallory"},
		"unknown database":    {s.settings("database", "nowhere"), "database", "no database nowhere"},
		"other authority":     {s.settings("ca", ""), "", "no known authority vouches for"},
		"no certificate":      {s.settings("ca", "hello"), "ca", "BEGIN CERTIFICATE"},
		"nobody there":        {s.settings("port", nobody), "", "nothing listens at 127.0.0.1:1"},
		"port out of range":   {s.settings("port", "70000"), "port", "from 1 to 65535"},
		"unknown setting":     {s.settings("sslmode", "disable"), "", `no setting "sslmode"`},
		"no host":             {s.settings("host", ""), "host", "it is needed"},
		"no account":          {s.settings("user", " "), "user", "it is needed"},
		"protection":          {s.settings("tls", "prefer"), "tls", "verify, none"},
		"in clear over a net": {s.settings("host", "192.0.2.1", "tls", "none"), "tls", "this machine alone"},
		"not texts":           {json.RawMessage(`{"host": 3}`), "host", "a text in quotes"},
		"not an object":       {json.RawMessage(`[]`), "", "one object of texts"},
		"twice":               {json.RawMessage(`{"host": "a", "host": "b"}`), "host", "given twice"},
		"more than one":       {json.RawMessage(`{"host": "a"} {}`), "", "one object"},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := read(t.Context(), t, c.settings, nil)
			serverstest.Refused(t, err, c.field, c.words)
			if strings.Contains(err.Error(), "right") || len(in.Kinds()) > 0 {
				t.Errorf("%v %v", err, in.Kinds())
			}
		})
	}
}

func TestInClearOnThisMachine(t *testing.T) {
	s := start(t)
	in := mustRead(t, s.settings("tls", "none"))
	serverstest.Has(t, in, "database_server", s.host+":"+s.port, map[string]any{"own_tls": false, "own_tls_version": nil})
}

// A server that goes away between two questions fails the run or is blind to
// the rest: what was covered is covered whole.
func TestServerGoneInTheMiddle(t *testing.T) {
	s := start(t)
	whole := mustRead(t, s.settings())
	admin, err := pgx.Connect(t.Context(), s.cluster.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	const cut = "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name = 'tickmark'"
	for at := range 9 {
		in, err := read(t.Context(), t, s.settings(), func(done, about int, what string) {
			if done == at {
				var n int
				if err := admin.QueryRow(context.Background(), cut).Scan(&n); err != nil || n == 0 {
					t.Errorf("the session was not ended: %d %v", n, err)
				}
			}
		})
		if err == nil {
			t.Errorf("cut before step %d, the run says nothing of it", at)
		} else if f := fault.As(err); f == nil {
			t.Errorf("cut before step %d: %v", at, err)
		}
		serverstest.NeverFewer(t, whole, in)
	}
	// The same by a crash of the whole server.
	in, err := read(t.Context(), t, s.settings(), func(done, _ int, _ string) {
		if done == 5 {
			if err := s.cluster.Kill(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	if err := s.cluster.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err == nil {
		t.Error("the server was killed, and the run says nothing of it")
	}
	serverstest.NeverFewer(t, whole, in)
}

func TestPermissionLostInTheMiddle(t *testing.T) {
	s := start(t)
	whole := mustRead(t, s.settings())
	admin, err := pgx.Connect(t.Context(), s.cluster.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	run := func(sql string) {
		if _, err := admin.Exec(context.Background(), sql); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() {
		c, err := pgx.Connect(context.Background(), s.cluster.URL)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close(context.Background())
		c.Exec(context.Background(), "GRANT CONNECT ON DATABASE app TO tickmark")
	})
	in, err := read(t.Context(), t, s.settings(), func(done, _ int, _ string) {
		if done == 5 {
			run("REVOKE CONNECT ON DATABASE app FROM tickmark")
			run("REVOKE EXECUTE ON FUNCTION pg_hba_file_rules() FROM tickmark")
		}
	})
	run("GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO tickmark")
	if err != nil {
		t.Fatal(err)
	}
	serverstest.NeverFewer(t, whole, in)
	serverstest.Missing(t, in, "database_grant", "", "may not connect to app", "GRANT CONNECT")
}

func TestCancelEndsTheRun(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := read(ctx, t, s.settings(), func(done, _ int, _ string) {
		if done == 4 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
