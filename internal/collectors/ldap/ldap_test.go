package ldap_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/collectors/ldap"
	"github.com/tickmark/tickmark/internal/collectors/serverstest"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestDirectoryIsRead(t *testing.T) {
	s := start(t, "whole")
	in := mustRead(t, s.settings())
	for _, m := range in.Missings() {
		t.Errorf("missing: %+v", m)
	}
	serverstest.Has(t, in, "directory_server", "127.0.0.1:"+s.tls, map[string]any{
		"product": "openldap", "own_tls": true, "own_tls_version": "TLSv1.3", "base": "dc=acme,dc=test", "anonymous_reads": false, "password_policy": true,
		"accounts": 10, "groups": 5, "version": nil,
	})
	person := func(name string) string { return "uid=" + name + ",ou=people,dc=acme,dc=test" }
	serverstest.Has(t, in, "account", person("ada"), map[string]any{
		"name": "ada", "kept_by": "directory", "mail": "ada@acme.test", "display_name": "Ada Ng", "disabled": false, "locked": false, "expired": false, "service": false,
		"last_login_at": at("2026-09-30T08:00:00Z"), "never_logged_in": false, "password_changed_at": at("2026-09-01T12:00:00Z"),
		"password_max_days": 90, "password_expires_at": at("2026-11-30T12:00:00Z"), "password_never_expires": false, "uid": 5001, "duplicate_uid": true,
		"groups": []string{"admins", "inner", "staff"}, "admin": true, "admin_via": []string{"group admins"}, "login_allowed": true, "password_set": nil, "system": nil,
	})
	serverstest.Has(t, in, "account", person("bo"), map[string]any{"disabled": true, "locked": true, "never_logged_in": true, "last_login_at": nil, "admin": true, "uid": nil})
	serverstest.Has(t, in, "account", person("cy"), map[string]any{"disabled": false, "locked": true, "password_change_due": true, "admin": false, "groups": []string{"ring-a", "ring-b"}})
	serverstest.Has(t, in, "account", person("dee"), map[string]any{"password_never_expires": true, "password_max_days": 99999, "password_expires_at": nil, "groups": []string{"staff"}})
	serverstest.Has(t, in, "account", person("svc-backup"), map[string]any{"service": true, "service_signs": []string{"its name"}, "admin": true})
	serverstest.Has(t, in, "account", "cn=tickmark,dc=acme,dc=test", map[string]any{"service": true, "name": "tickmark"})
	serverstest.Has(t, in, "group", "cn=admins,dc=acme,dc=test", map[string]any{
		"name": "admins", "admin": true, "members": []string{"svc-backup"}, "groups": []string{"inner"}, "all_member_count": 4, "service_members": []string{"svc-backup"}, "circular": false,
	})
	serverstest.Has(t, in, "group", "cn=inner,dc=acme,dc=test", map[string]any{"member_count": 3, "disabled_members": []string{"bo"}})
	serverstest.Has(t, in, "group", "cn=ring-a,dc=acme,dc=test", map[string]any{"circular": true, "all_member_count": 1})
	serverstest.Has(t, in, "group", "cn=staff,dc=acme,dc=test", map[string]any{"members": []string{"ada", "dee"}})
	serverstest.Has(t, in, "password_policy", "cn=default,ou=policies,dc=acme,dc=test", map[string]any{
		"min_length": 14, "remember": 12, "max_days": 90, "lockout": true, "lockout_attempts": 5, "lockout_seconds": 900, "change_after_reset": true, "pam_quality": false, "hash_algorithm": nil,
	})
	// A length that nothing looks at is none.
	serverstest.Has(t, in, "password_policy", "cn=loose,ou=policies,dc=acme,dc=test", map[string]any{"min_length": 0, "lockout": false, "max_days": 99999})
	serverstest.EverythingIsSaid(t, in)
	serverstest.Silent(t, in, "secret-of-ada", "right")
}

func TestStartTLSAndInClear(t *testing.T) {
	s := start(t, "whole")
	whole := mustRead(t, s.settings())
	for mode, tls := range map[string]bool{"starttls": true, "none": false} {
		in := mustRead(t, s.settings("tls", mode, "port", s.plain))
		serverstest.Has(t, in, "directory_server", "127.0.0.1:"+s.plain, map[string]any{"own_tls": tls})
		serverstest.NeverFewer(t, whole, in)
	}
}

func TestTestSaysWhatAnswers(t *testing.T) {
	s := start(t, "whole")
	var tester sources.Tester = ldap.New()
	trial, err := tester.Test(t.Context(), s.settings())
	if err != nil || len(trial.Found) != 3 || trial.Found[0] != "openldap at 127.0.0.1:"+s.tls {
		t.Errorf("%+v %v", trial, err)
	}
	trial, err = tester.Test(t.Context(), s.as("blind"))
	if err != nil || len(trial.Missing) == 0 {
		t.Errorf("as one who may see nothing: %+v %v", trial, err)
	}
}

// What an account may not see is unknown with the reason, and no list is
// shorter for it.
func TestTooLittleIsUnknown(t *testing.T) {
	s := start(t, "whole")
	whole := mustRead(t, s.settings())
	blind := mustRead(t, s.as("blind"))
	serverstest.NeverFewer(t, whole, blind)
	serverstest.Missing(t, blind, "account", "", "is not shown to this account", "read below it")
	serverstest.Missing(t, blind, "password_policy", "", "", "")

	half := mustRead(t, s.as("half"))
	for _, field := range []string{"disabled", "locked"} {
		serverstest.Missing(t, half, "account", field, "whether accounts are locked is not shown", "operational attributes")
	}
	serverstest.Missing(t, half, "account", "created_at", "operational attributes are not shown", "")
	serverstest.Missing(t, half, "account", "last_login_at", "no last sign-in of anybody", "lastbind")
	serverstest.Missing(t, half, "account", "", "1 members of groups are named of which no entry is shown", "refint")
	serverstest.Has(t, half, "account", "uid=bo,ou=people,dc=acme,dc=test", map[string]any{"disabled": nil, "locked": nil, "never_logged_in": nil, "created_at": nil})
	serverstest.EverythingIsSaid(t, half)
}

func TestCutOffListIsNotTheWhole(t *testing.T) {
	s := start(t, "whole")
	in := mustRead(t, s.as("short"))
	serverstest.NeverFewer(t, mustRead(t, s.settings()), in)
	serverstest.Missing(t, in, "account", "", "cut the list off at its limit", "size.prtotal=unlimited")
	serverstest.Missing(t, in, "group", "", "cut the list off at its limit", "")
	serverstest.EverythingIsSaid(t, in)
}

func TestDirectoryWithoutRules(t *testing.T) {
	s := start(t, "bare")
	in := mustRead(t, s.settings("tls", "none", "port", s.plain))
	serverstest.Has(t, in, "directory_server", "127.0.0.1:"+s.plain, map[string]any{"password_policy": false})
	serverstest.Has(t, in, "password_policy", "none", map[string]any{"min_length": 0, "lockout": false, "lockout_attempts": nil})
	serverstest.EverythingIsSaid(t, in)
}

func TestRefusals(t *testing.T) {
	s, bare := start(t, "whole"), start(t, "bare")
	for name, c := range map[string]struct {
		settings     json.RawMessage
		field, words string
	}{
		"wrong password":      {s.settings("password", "wrong"), "password", "refuses cn=tickmark,dc=acme,dc=test with this password"},
		"unknown account":     {s.settings("user", "cn=mallory,dc=acme,dc=test"), "password", "refuses"},
		"no password":         {s.settings("password", ""), "password", "it is needed"},
		"not a name":          {s.settings("user", "mallory"), "user", "not the name of an entry"},
		"other authority":     {s.settings("ca", ""), "", "no known authority vouches for"},
		"TLS is refused":      {bare.settings("tls", "starttls", "port", bare.plain), "tls", "refuses TLS"},
		"TLS where is none":   {s.settings("port", s.plain), "", "broke the connection off"},
		"nobody there":        {s.settings("port", "1"), "", "nothing listens at 127.0.0.1:1"},
		"in clear over a net": {s.settings("host", "192.0.2.1", "tls", "none"), "tls", "this machine alone"},
		"bad base":            {s.settings("base", "acme.test"), "base", "dc=example,dc=com"},
		"bad filter":          {s.settings("filter", "(uid=*"), "filter", "(objectClass=person)"},
		"unknown setting":     {s.settings("bindpw", "x"), "", `no setting "bindpw"`},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := read(t.Context(), t, c.settings, nil)
			serverstest.Refused(t, err, c.field, c.words)
			if len(in.Kinds()) > 0 {
				t.Errorf("covers %v", in.Kinds())
			}
		})
	}
}

func TestMissingBaseIsUnknown(t *testing.T) {
	s := start(t, "whole")
	in := mustRead(t, s.settings("base", "ou=nowhere,dc=acme,dc=test"))
	serverstest.Missing(t, in, "account", "", "the base is not there, or is not shown", "Correct the base")
	serverstest.NeverFewer(t, mustRead(t, s.settings()), in)
}

func TestServerGoneInTheMiddle(t *testing.T) {
	s := start(t, "whole")
	whole := mustRead(t, s.settings())
	for step := range 6 {
		in, err := read(t.Context(), t, s.settings(), func(done, _ int, _ string) {
			if done == step {
				if err := s.Kill(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
		// The last step asks nothing where every member is known.
		if f := fault.As(err); f == nil && step < 5 {
			t.Errorf("killed before step %d: %v", step, err)
		}
		serverstest.NeverFewer(t, whole, in)
		if err := s.Revive(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCancelEndsTheRun(t *testing.T) {
	s := start(t, "whole")
	for step := range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := read(ctx, t, s.settings(), func(done, _ int, _ string) {
			if done == step {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before step %d: %v", step, err)
		}
	}
}
