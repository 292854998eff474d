package ldap_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/ldap"
	"github.com/tickmark/tickmark/internal/collectors/serverstest"
	"github.com/tickmark/tickmark/internal/sources"
)

var now = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

// Its own folder of modules differs between systems; Debian's is this.
const slapdConf = `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
%[4]s
pidfile %[1]s/pid
argsfile %[1]s/args
%[2]s
access to dn.base="" by * read
access to attrs=userPassword by anonymous auth by * none
access to attrs=%[5]screateTimestamp
  by dn.exact="cn=tickmark,dc=acme,dc=test" read by dn.exact="cn=short,dc=acme,dc=test" read by * none
access to dn.subtree="ou=hidden,dc=acme,dc=test" by dn.exact="cn=tickmark,dc=acme,dc=test" read by * none
access to * by dn.exact="cn=tickmark,dc=acme,dc=test" read by dn.exact="cn=half,dc=acme,dc=test" read
  by dn.exact="cn=short,dc=acme,dc=test" read by dn.exact="cn=blind,dc=acme,dc=test" none by * none
database mdb
maxsize 10485760
suffix "dc=acme,dc=test"
rootdn "cn=root,dc=acme,dc=test"
rootpw top
directory %[1]s/data
index objectClass eq
limits dn.exact="cn=short,dc=acme,dc=test" size=3 size.prtotal=3
%[3]s
`

const policyOverlay = "overlay ppolicy\nppolicy_default \"cn=default,ou=policies,dc=acme,dc=test\""

const tree = `dn: dc=acme,dc=test
objectClass: domain
dc: acme

dn: cn=tickmark,dc=acme,dc=test
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: tickmark
userPassword: right

dn: cn=half,dc=acme,dc=test
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: half
userPassword: right

dn: cn=short,dc=acme,dc=test
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: short
userPassword: right

dn: cn=blind,dc=acme,dc=test
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: blind
userPassword: right

dn: ou=people,dc=acme,dc=test
objectClass: organizationalUnit
ou: people

dn: ou=hidden,dc=acme,dc=test
objectClass: organizationalUnit
ou: hidden

dn: ou=policies,dc=acme,dc=test
objectClass: organizationalUnit
ou: policies

dn: cn=default,ou=policies,dc=acme,dc=test
objectClass: device
objectClass: pwdPolicy
cn: default
pwdAttribute: userPassword
pwdMinLength: 14
pwdCheckQuality: 2
pwdMaxAge: 7776000
pwdInHistory: 12
pwdLockout: TRUE
pwdMaxFailure: 5
pwdLockoutDuration: 900
pwdMustChange: TRUE
pwdGraceAuthNLimit: 0

dn: cn=loose,ou=policies,dc=acme,dc=test
objectClass: device
objectClass: pwdPolicy
cn: loose
pwdAttribute: userPassword
pwdMinLength: 14

dn: uid=ada,ou=people,dc=acme,dc=test
objectClass: inetOrgPerson
objectClass: posixAccount
uid: ada
cn: Ada Ng
sn: Ng
mail: ada@acme.test
uidNumber: 5001
gidNumber: 100
homeDirectory: /home/ada
loginShell: /bin/bash
userPassword: secret-of-ada
pwdChangedTime: 20260901120000Z
pwdLastSuccess: 20260930080000Z

dn: uid=bo,ou=people,dc=acme,dc=test
objectClass: inetOrgPerson
uid: bo
cn: Bo Rask
sn: Rask
userPassword: x
pwdChangedTime: 20250101000000Z
pwdAccountLockedTime: 000001010000Z

dn: uid=cy,ou=people,dc=acme,dc=test
objectClass: inetOrgPerson
uid: cy
cn: Cy
sn: Cy
userPassword: x
pwdChangedTime: 20260601000000Z
pwdAccountLockedTime: 20261001115500Z
pwdReset: TRUE

dn: uid=dee,ou=people,dc=acme,dc=test
objectClass: inetOrgPerson
objectClass: posixAccount
uid: dee
cn: Dee
sn: Dee
uidNumber: 5001
gidNumber: 200
homeDirectory: /home/dee
userPassword: x
pwdChangedTime: 20260601000000Z
pwdPolicySubentry: cn=loose,ou=policies,dc=acme,dc=test

dn: uid=svc-backup,ou=people,dc=acme,dc=test
objectClass: inetOrgPerson
uid: svc-backup
cn: Backup
sn: Backup
userPassword: x
pwdChangedTime: 20240601000000Z

dn: uid=eve,ou=hidden,dc=acme,dc=test
objectClass: inetOrgPerson
uid: eve
cn: Eve
sn: Eve
userPassword: x
pwdChangedTime: 20260601000000Z

dn: cn=inner,dc=acme,dc=test
objectClass: groupOfNames
cn: inner
member: uid=ada,ou=people,dc=acme,dc=test
member: UID=Bo, OU=People, DC=acme, DC=test
member: uid=eve,ou=hidden,dc=acme,dc=test

dn: cn=admins,dc=acme,dc=test
objectClass: groupOfNames
cn: admins
member: cn=inner,dc=acme,dc=test
member: uid=svc-backup,ou=people,dc=acme,dc=test

dn: cn=ring-a,dc=acme,dc=test
objectClass: groupOfNames
cn: ring-a
member: cn=ring-b,dc=acme,dc=test

dn: cn=ring-b,dc=acme,dc=test
objectClass: groupOfNames
cn: ring-b
member: cn=ring-a,dc=acme,dc=test
member: uid=cy,ou=people,dc=acme,dc=test

dn: cn=staff,dc=acme,dc=test
objectClass: posixGroup
cn: staff
gidNumber: 200
memberUid: ada
`

// A server is a real slapd.
type server struct {
	*serverstest.Program
	plain, tls string // ports
	ca         string
}

func launch(slapd, slapadd, overlay, ldif string, secured bool) (*server, error) {
	dir, as, err := serverstest.Folder()
	if err != nil {
		return nil, err
	}
	s := &server{}
	cert, key, err := serverstest.Certificate()
	if err != nil {
		return nil, err
	}
	s.ca = cert
	tls := ""
	if secured {
		tls = fmt.Sprintf("TLSCertificateFile %[1]s/cert.pem\nTLSCertificateKeyFile %[1]s/key.pem\nTLSCACertificateFile %[1]s/cert.pem", dir)
	}
	module, guarded := "", ""
	if overlay != "" {
		module, guarded = "moduleload ppolicy", "pwdChangedTime,pwdAccountLockedTime,pwdReset,pwdLastSuccess,pwdEndTime,pwdPolicySubentry,"
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return nil, err
	}
	owned := []string{data}
	for name, text := range map[string]string{"slapd.conf": fmt.Sprintf(slapdConf, dir, tls, overlay, module, guarded), "tree.ldif": ldif, "cert.pem": cert, "key.pem": key} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return nil, err
		}
		owned = append(owned, path)
	}
	if err := serverstest.Own(as, owned...); err != nil {
		return nil, err
	}
	cmd := exec.Command(slapadd, "-f", filepath.Join(dir, "slapd.conf"), "-l", filepath.Join(dir, "tree.ldif"), "-q")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("slapadd: %w\n%s", err, out)
	}
	for try := 1; ; try++ {
		if s.plain, err = serverstest.FreePort(); err != nil {
			return nil, err
		}
		if s.tls, err = serverstest.FreePort(); err != nil {
			return nil, err
		}
		urls := "ldap://127.0.0.1:" + s.plain
		if secured {
			urls += " ldaps://127.0.0.1:" + s.tls
		}
		s.Program, err = serverstest.Start(dir, as, "127.0.0.1:"+s.plain, slapd, "-f", filepath.Join(dir, "slapd.conf"), "-h", urls, "-d", "0")
		if err == nil || try == 3 {
			return s, err
		}
	}
}

var (
	mu      sync.Mutex
	servers = map[string]*server{}
)

// start gives the server of that name, which lives as long as the tests.
func start(t testing.TB, name string) *server {
	t.Helper()
	slapd, slapadd := serverstest.Find(t, "slapd", "slapd"), serverstest.Find(t, "slapd", "slapadd")
	mu.Lock()
	defer mu.Unlock()
	if s := servers[name]; s != nil {
		return s
	}
	var s *server
	var err error
	switch name {
	case "whole":
		s, err = launch(slapd, slapadd, policyOverlay, tree, true)
	case "bare": // neither rules for passwords nor TLS
		var kept []string
		for _, entry := range strings.Split(tree, "\n\n") {
			if !strings.Contains(entry, "objectClass: pwdPolicy") && !strings.Contains(entry, "uid=") {
				kept = append(kept, entry)
			}
		}
		s, err = launch(slapd, slapadd, "", strings.Join(kept, "\n\n"), false)
	}
	if err != nil {
		t.Fatal(err)
	}
	servers[name] = s
	return s
}

// TestMain ends the servers with the tests.
func TestMain(m *testing.M) {
	code := m.Run()
	for _, s := range servers {
		s.Close()
	}
	os.Exit(code)
}

func (s *server) settings(more ...string) json.RawMessage {
	set := map[string]string{
		"host": "127.0.0.1", "port": s.tls, "user": "cn=tickmark,dc=acme,dc=test", "password": "right", "ca": s.ca, "admin_groups": "admins\n",
		"policy": "cn=default, ou=policies, dc=acme, dc=test",
	}
	for i := 0; i+1 < len(more); i += 2 {
		set[more[i]] = more[i+1]
	}
	raw, _ := json.Marshal(set)
	return raw
}

func (s *server) as(name string) json.RawMessage {
	return s.settings("user", "cn="+name+",dc=acme,dc=test")
}

func read(ctx context.Context, t testing.TB, settings json.RawMessage, progress func(int, int, string)) (*sources.Intake, error) {
	t.Helper()
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	in := sources.NewIntake(schemas, clock.NewFixed(now), progress)
	err = ldap.New().Collect(ctx, settings, in)
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
