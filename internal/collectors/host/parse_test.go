package host_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/collectors/host"
)

func TestVersionsAreOrderedAsDpkgDoes(t *testing.T) {
	ascending := [][2]string{
		{"1.0~rc1", "1.0"}, {"1.0", "1.0a"}, {"1.0a", "1.0.1"}, {"1.0", "1.0-0.1"}, {"1.0-1", "1.0-2"}, {"1.9", "1.10"},
		{"9:1.0", "10:0.1"}, {"2.0", "1:1.0"}, {"1.0+b1", "1.0+b2"}, {"3.0.15-1~deb12u1", "3.0.17-1~deb12u2"}, {"1.0~~", "1.0~"},
		{"6.1.0-18-amd64", "6.1.0-21-amd64"}, {"1.2.3", "1.2.3+dfsg"}, {"2.6.1", "2.6.2"}, {"0.99999999999999999998", "0.99999999999999999999"},
		{"1a", "1b"}, {"1Z", "1a"}, {"1a", "1+"}, {"", "0a"},
	}
	dpkg, err := exec.LookPath("dpkg")
	for _, pair := range ascending {
		a, b := pair[0], pair[1]
		if got := host.CompareVersions(a, b); got != -1 {
			t.Errorf("%q and %q: %d, want -1", a, b, got)
		}
		if got := host.CompareVersions(b, a); got != 1 {
			t.Errorf("%q and %q: %d, want 1", b, a, got)
		}
		if err == nil && a != "" && exec.Command(dpkg, "--compare-versions", a, "lt", b).Run() != nil {
			t.Errorf("dpkg itself does not hold %q to be before %q", a, b)
		}
	}
	for _, pair := range [][2]string{{"1.0", "1.0"}, {"0:1.0", "1.0"}, {"1.00", "1.0"}, {"1.0-0", "1.0"}, {"", ""}} {
		if got := host.CompareVersions(pair[0], pair[1]); got != 0 {
			t.Errorf("%q and %q: %d, want 0", pair[0], pair[1], got)
		}
	}
}

func TestKernelReleasesAreCutIntoNumbersAndFlavour(t *testing.T) {
	for release, want := range map[string][2]string{
		"6.1.0-18-amd64":               {"6.1.0-18", "amd64"},
		"6.12.0-1-cloud-amd64":         {"6.12.0-1", "cloud-amd64"},
		"5.14.0-427.13.1.el9_4.x86_64": {"5.14.0-427.13.1", "el9.x86_64"},
		"6.8.0-1012-aws":               {"6.8.0-1012", "aws"},
		"lts":                          {"", "lts"},
	} {
		numbers, flavour := host.CutRelease(release)
		if got := [2]string{numbers, flavour}; got != want {
			t.Errorf("%s: %v, want %v", release, got, want)
		}
	}
}

func TestStoredPasswordsAreNamedAndNeverKept(t *testing.T) {
	for field, want := range map[string]string{
		"": "empty", "x": "elsewhere", "*": "none", "!": "none", "!!": "none", "!*": "none", "garbage": "none",
		"$y$j9T$abc$def": "yescrypt", "!$y$j9T$abc$def": "locked yescrypt", "$6$a$b": "sha512", "$2b$12$abc": "bcrypt", "$1$a$b": "md5",
		"abcdefghijklm": "des", "abcdefghij:lm": "none", "$9$a$b": "unrecognised",
	} {
		if got := host.Password(field); got != want {
			t.Errorf("%q: %s, want %s", field, got, want)
		}
	}
}

func TestCopyOfPasswdHoldsNoPasswordAndNoRealName(t *testing.T) {
	got := string(host.RedactPasswd([]byte("root:x:0:0:Rita Root:/root:/bin/sh\nold:$1$a$hash:1:1:,,555-0100:/:/bin/sh\nbroken:$1$b$hash\n")))
	want := "root:x:0:0::/root:/bin/sh\nold:(removed):1:1::/:/bin/sh\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSudoRulesAreUnderstood(t *testing.T) {
	tests := map[string]struct {
		text string
		want []host.Rule
		bad  int
	}{
		"several users and machines": {
			"ana, %ops  web1, ALL = (root : adm) /bin/a", []host.Rule{{[]string{"%ops", "ana"}, "root : adm", "/bin/a", false}}, 0},
		"tags carry over": {
			"ana ALL = NOPASSWD: NOEXEC: /bin/a, /bin/b, PASSWD: /bin/c",
			[]host.Rule{{[]string{"ana"}, "root", "/bin/a", true}, {[]string{"ana"}, "root", "/bin/b", true}, {[]string{"ana"}, "root", "/bin/c", false}}, 0},
		"further machines start afresh": {
			"ana A = (bob) NOPASSWD: /bin/a : B = /bin/b", []host.Rule{{[]string{"ana"}, "bob", "/bin/a", true}, {[]string{"ana"}, "root", "/bin/b", false}}, 0},
		"escaped characters": {
			`ana ALL = /bin/a --with\=x\,y\:z`, []host.Rule{{[]string{"ana"}, "root", `/bin/a --with\=x\,y\:z`, false}}, 0},
		"digests": {
			"ana ALL = sha256:abc= /bin/a", []host.Rule{{[]string{"ana"}, "root", "/bin/a", false}}, 0},
		"options": {
			"ana ALL = CWD=/tmp TIMEOUT=5m /bin/a", []host.Rule{{[]string{"ana"}, "root", "/bin/a", false}}, 0},
		"user ids are no comments": {
			"#1000 ALL = ALL # all of it", []host.Rule{{[]string{"#1000"}, "root", "ALL", false}}, 0},
		"quoted names": {
			`"%big group" ALL = ALL`, []host.Rule{{[]string{"%big group"}, "root", "ALL", false}}, 0},
		"lists by name": {
			"User_Alias A = ana, B : B = bob\nA ALL = ALL", []host.Rule{{[]string{"ana", "bob"}, "root", "ALL", false}}, 0},
		"a list that holds itself": {
			"User_Alias A = A, ana\nA ALL = ALL", []host.Rule{{[]string{"ana"}, "root", "ALL", false}}, 0},
		"what is no rule is counted": {"ana ALL\n= ALL\nana ALL =\nana ALL = (bob /bin/a\n", nil, 4},
		"comments and defaults":      {"# x\nDefaults env_reset\nDefaults:ana !requiretty\n", nil, 0},
	}
	for rule, test := range tests {
		t.Run(rule, func(t *testing.T) {
			got, bad := host.Rules(test.text)
			if diff := cmp.Diff(test.want, got); diff != "" || bad != test.bad {
				t.Errorf("%d lines not understood, want %d\n%s", bad, test.bad, diff)
			}
		})
	}
}

func TestSettingsOfSSHAreRead(t *testing.T) {
	tests := []struct {
		line, keyword string
		want          any
	}{
		{"PermitRootLogin without-password", "permitrootlogin", "prohibit-password"},
		{"permitrootlogin=NO", "permitrootlogin", "no"},
		{`PasswordAuthentication "yes" # for now`, "passwordauthentication", true},
		{"ChallengeResponseAuthentication no", "kbdinteractiveauthentication", false},
		{"LoginGraceTime 1h30m", "logingracetime", 5400},
		{"LoginGraceTime 2M", "logingracetime", 120},
		{"LoginGraceTime m2", "logingracetime", nil},
		{"MaxAuthTries -1", "maxauthtries", nil},
		{"AuthenticationMethods publickey,password hostbased", "authenticationmethods", []string{"publickey,password", "hostbased"}},
		{"AuthenticationMethods any", "authenticationmethods", []string{}},
		{"Ciphers aes256-ctr,aes128-ctr", "ciphers", []string{"aes256-ctr", "aes128-ctr"}},
		{"Ciphers +aes128-cbc", "ciphers", nil},
		{"X11Forwarding perhaps", "x11forwarding", nil},
	}
	for _, test := range tests {
		keyword, value := host.SSHDValue(test.line)
		if diff := cmp.Diff(test.want, value); diff != "" || keyword != test.keyword {
			t.Errorf("%s: keyword %s\n%s", test.line, keyword, diff)
		}
	}
}

func TestAnswerOfTheSSHServerIsRead(t *testing.T) {
	got := host.Answered("port 22\nport 2222\naddressfamily any\npermitrootlogin without-password\npasswordauthentication no\n" +
		"kbdinteractiveauthentication no\npermitemptypasswords no\nauthenticationmethods any\nmaxauthtries 6\nlogingracetime 120\n" +
		"clientaliveinterval 0\nclientalivecountmax 3\nx11forwarding no\nloglevel INFO\nciphers aes256-ctr\nmacs hmac-sha2-256\nkexalgorithms curve25519-sha256\n")
	want := map[string]any{
		"ports": []string{"22", "2222"}, "permit_root_login": "prohibit-password", "password_authentication": false,
		"keyboard_interactive_authentication": false, "permit_empty_passwords": false, "authentication_methods": []string{},
		"max_auth_tries": 6, "login_grace_seconds": 120, "client_alive_interval": 0, "client_alive_count_max": 3, "x11_forwarding": false,
		"log_level": "INFO", "ciphers": []string{"aes256-ctr"}, "macs": []string{"hmac-sha2-256"}, "key_exchanges": []string{"curve25519-sha256"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// printed is what nft 1.0.6 itself prints of a set of rules.
const printed = `table inet filter {
	set ok {
		type ipv4_addr
		flags interval
		elements = { 10.0.0.0/8, 172.16.0.0/12,
			     192.168.0.0/16, 198.51.100.0/24,
			     203.0.113.0/24 }
	}

	chain input {
		type filter hook input priority filter; policy accept;
		ct state vmap { invalid : drop, established : accept, related : accept }
		iif "lo" accept comment "loop back"
		ip saddr @ok tcp dport { 22, 80, 443 } counter accept
		meta l4proto { icmp, ipv6-icmp } accept
		log prefix "in-drop " limit rate 5/second
		jump tail
	}

	chain tail {
		counter reject with icmpx admin-prohibited
	}
}
`

func TestPacketFilterIsJudgedByWhereUnnamedTrafficEnds(t *testing.T) {
	const both = "policy drop for both"
	in := func(family, policy, rules string) string {
		return "table " + family + " filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy " + policy + ";\n" + rules + "\t}\n}\n"
	}
	yes, open, none := host.Guard{Active: true, Deny: true}, host.Guard{Active: true}, host.Guard{}
	tests := map[string]struct {
		nft, ip4, ip6 string
		v4, v6        host.Guard
	}{
		"nothing loaded":          {"", "", "", none, none},
		both:                      {in("inet", "drop", "\t\tct state established accept\n"), "", "", yes, yes},
		"IPv4 only":               {in("ip", "drop", ""), "", "", yes, none},
		"accept with conditions":  {in("inet", "accept", "\t\ttcp dport 22 accept\n\t\tip saddr 192.0.2.1 drop\n"), "", "", open, open},
		"last rule refuses":       {in("inet", "accept", "\t\ttcp dport 22 accept\n\t\tcounter packets 1 bytes 2 reject with icmpx admin-prohibited\n"), "", "", yes, yes},
		"accepts all before":      {in("inet", "accept", "\t\tcounter accept comment \"all\"\n\t\tdrop\n"), "", "", open, open},
		"policy but all accepted": {in("inet", "drop", "\t\taccept\n"), "", "", open, open},
		"logs and refuses":        {in("inet", "accept", "\t\tlog prefix \"accept \" drop\n"), "", "", yes, yes},
		"through a chain": {"table inet firewalld {\n\tchain filter_INPUT {\n\t\ttype filter hook input priority filter + 10; policy accept;\n" +
			"\t\tct state { established, related } accept\n\t\tjump filter_INPUT_ZONES\n\t\treject with icmpx admin-prohibited\n\t}\n" +
			"\tchain filter_INPUT_ZONES {\n\t\tiifname \"eth0\" goto filter_IN_home\n\t\tgoto filter_IN_public\n\t}\n" +
			"\tchain filter_IN_public {\n\t\ttcp dport 22 accept\n\t}\n\tchain filter_IN_home {\n\t\taccept\n\t}\n}\n", "", "", yes, yes},
		"a trusted zone for all": {"table inet firewalld {\n\tchain filter_INPUT {\n\t\ttype filter hook input priority filter + 10; policy accept;\n" +
			"\t\tjump filter_INPUT_ZONES\n\t\treject with icmpx admin-prohibited\n\t}\n\tchain filter_INPUT_ZONES {\n\t\tgoto trusted\n\t}\n\tchain trusted {\n\t\taccept\n\t}\n}\n",
			"", "", open, open},
		"chains that call each other": {in("inet", "drop", "\t\tjump input\n"), "", "", yes, yes},
		"forwarding does not count":   {"table ip filter {\n\tchain f {\n\t\ttype filter hook forward priority 0; policy drop;\n\t}\n}\n", "", "", none, none},
		"sets are no rules":           {"table inet filter {\n\tset s {\n\t\ttype ipv4_addr\n\t\telements = { 192.0.2.1,\n\t\t\t192.0.2.2 }\n\t}\n" + strings.TrimPrefix(in("inet", "drop", ""), "table inet filter {\n"), "", "", yes, yes},
		"as nft prints it":            {printed, "", "", yes, yes},
		"iptables policy":             {"", "-P INPUT DROP\n-P FORWARD DROP\n-A INPUT -i lo -j ACCEPT\n", "-P INPUT ACCEPT\n", yes, none},
		"iptables last rule":          {"", "-P INPUT ACCEPT\n-N in\n-A INPUT -j in\n-A in -p tcp -m tcp --dport 22 -j ACCEPT\n-A in -m comment --comment \"all else\" -j REJECT --reject-with icmp-host-prohibited\n", "-P INPUT DROP\n", yes, yes},
		"iptables log is no verdict":  {"", "-P INPUT ACCEPT\n-A INPUT -j LOG\n", "", open, none},
	}
	for rule, test := range tests {
		t.Run(rule, func(t *testing.T) {
			v4, v6 := host.Guards(test.nft, test.ip4, test.ip6)
			if v4 != test.v4 || v6 != test.v6 {
				t.Errorf("IPv4 %+v, IPv6 %+v; want %+v, %+v", v4, v6, test.v4, test.v6)
			}
		})
	}
}

func TestAptSettingsAreRead(t *testing.T) {
	got, err := host.ParseAptConf([]byte(`
// comment
APT::Periodic::Unattended-Upgrade "1";
APT { Periodic { Enable "0"; }; # inner
  Install-Recommends "false"; };
/* several
   lines */ Dir::Etc "a;b";
List { "x"; "y"; };
`))
	want := map[string]string{
		"apt::periodic::unattended-upgrade": "1", "apt::periodic::enable": "0", "apt::install-recommends": "false", "dir::etc": "a;b",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for _, bad := range []string{"a \"b", "/* open", "}", strings.Repeat("a {", 100)} {
		if _, err := host.ParseAptConf([]byte(bad)); err == nil {
			t.Errorf("%.20q was accepted", bad)
		}
	}
}

func TestListsOfSecurityArchivesAreTold(t *testing.T) {
	for file, want := range map[string]string{
		"deb.debian.org_debian-security_dists_bookworm-security_main_binary-amd64_Packages.lz4": "bookworm-security",
		"security.ubuntu.com_ubuntu_dists_noble-security_universe_binary-arm64_Packages":        "noble-security",
		"mirror.example.com_ubuntu_dists_jammy-security_main_binary-amd64_Packages":             "jammy-security",
		"security.debian.org_debian-security_dists_buster_updates_main_binary-amd64_Packages":   "buster/updates",
		"deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages":                       "",
		"deb.debian.org_debian_dists_bookworm-updates_main_binary-amd64_Packages":               "",
		"deb.debian.org_debian-security_dists_bookworm-security_InRelease":                      "",
	} {
		suite, ok := host.SecuritySuite(file)
		if ok != (want != "") || ok && suite != want {
			t.Errorf("%s: %q %v, want %q", file, suite, ok, want)
		}
	}
}

func TestInstalledPackagesAreThoseThatAreThere(t *testing.T) {
	got := host.Installed("Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\nDescription: x\n Version: 2\n\n" +
		"Package: b\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: c\nStatus: hold ok installed\nVersion: 3\n")
	if diff := cmp.Diff([]string{"a 1 amd64", "c 3 "}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAdvisoriesOfDNFAreRead(t *testing.T) {
	got := host.Updates("RHSA-2026:1 Important/Sec. openssl-1:3.0.7-27.el9.x86_64\nRHSA-2026:2 Moderate/Sec. openssl-1:3.0.7-28.el9.x86_64\n" +
		"RHBA-2026:3 bugfix bash-5.1-1.el9.x86_64\nFEDORA-2026-1 security Critical curl-8.9.1-2.fc42.x86_64 2026-01-02 03:04:05\nLast metadata expiration check\n")
	want := []string{"openssl 1:3.0.7-28.el9 x86_64 moderate", "curl 8.9.1-2.fc42 x86_64 critical"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSocketsAreReadInTheKernelsByteOrder(t *testing.T) {
	got := host.Sockets("  sl  local_address rem_address st\n"+
		"   0: 0100007F:0016 00000000:0000 0A 0:0 0:0 0 1000 0 1 1\n"+
		"   1: 0000000000000000FFFF00000100007F:1F90 0:0 0A 0:0 0:0 0 0 0 2 1\n"+
		"   2: B80D0120000000000000000001000000:01BB 0:0 0A 0:0 0:0 0 0 0 3 1\n"+
		"   3: 00000000:0000 00000000:0000 0A 0:0 0:0 0 0 0 4 1\n"+
		"   4: 00000000:0050 00000000:0000 01 0:0 0:0 0 0 0 5 1\n"+
		"   5: 0000:0050 00000000:0000 0A 0:0 0:0 0 0 0 5 1\n", "0A")
	want := []string{"127.0.0.1:22", "[::ffff:127.0.0.1]:8080", "[2001:db8::1]:443"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLogTargetsAreFound(t *testing.T) {
	got := host.ParseForwards([]byte(`
# *.* @@commented.example.com
*.* @udp.example.com
auth,authpriv.* @@(o)tcp.example.com:6514;RSYSLOG_Format
mail.* -/var/log/mail@home.log
action(type="omfwd" protocol="tcp"
  target="act.example.com" port="514")
destination d { network("ng.example.com" port(514)); };
`))
	want := []string{"udp.example.com", "tcp.example.com:6514", "ng.example.com", "act.example.com"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEndOfSupportIsFoundByTheBeginningOfAVersion(t *testing.T) {
	for release, want := range map[string]string{
		"debian 12": "2028-06-30", "debian 12.7": "2028-06-30", "ubuntu 22.04": "2027-06-01", "rocky 9.4": "2032-05-31", "alpine 3.20.3": "2026-04-01",
		"amzn 2023": "2029-06-30", "debian 1": "", "debian ": "", "plan9 4": "",
	} {
		id, version, _ := strings.Cut(release, " ")
		until, _, ok := host.SupportTable(id, version)
		if got := until.Format(time.DateOnly); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %s %v, want %s", release, got, ok, want)
		}
	}
}

func TestSignInsAreReadFromTheTableOfLastlog2(t *testing.T) {
	got := host.ParseLastlog2([]byte("Username         Port     From             Latest\n" +
		"root                                       **Never logged in**\n" +
		"ana              pts/0    192.0.2.7        Tue Oct 20 09:00:00 +0200 2026\n"))
	want := map[string]time.Time{"ana": time.Date(2026, 10, 20, 7, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
