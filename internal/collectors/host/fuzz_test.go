package host_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/collectors/host"
)

// feed gives a fuzz target the files of all fixtures that fit a pattern.
func feed(f *testing.F, patterns ...string) {
	f.Helper()
	for _, pattern := range patterns {
		names, err := filepath.Glob(filepath.Join("testdata", "*", pattern))
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
}

func FuzzAccountFiles(f *testing.F) {
	feed(f, "etc/passwd", "etc/shadow", "etc/group")
	f.Fuzz(func(t *testing.T, data []byte) {
		users, _ := host.ParsePasswd(data)
		copied, bad := host.ParsePasswd(host.RedactPasswd(data))
		if bad > 0 && len(users) == 0 && len(copied) > 0 {
			t.Error("the copy holds accounts that the file does not")
		}
		shadows, _ := host.ParseShadow(data)
		for range shadows {
		}
		host.ParseGroup(data)
	})
}

func FuzzSudoers(f *testing.F) {
	feed(f, "etc/sudoers", "etc/sudoers.d/*", "etc/doas.conf")
	f.Fuzz(func(t *testing.T, data []byte) {
		host.Rules(string(data))
		host.ParseDoas(data)
	})
}

func FuzzSSHD(f *testing.F) {
	feed(f, "etc/ssh/sshd_config", "etc/ssh/sshd_config.d/*")
	f.Fuzz(func(t *testing.T, data []byte) {
		for range host.ParseSSHD(data) {
		}
		host.SSHDValue(string(data))
	})
}

func FuzzSettings(f *testing.F) {
	feed(f, "etc/os-release", "etc/pam.d/*", "etc/apt/apt.conf.d/*", "etc/rsyslog.conf", "etc/login.defs")
	f.Fuzz(func(t *testing.T, data []byte) {
		host.ParseOSRelease(data)
		host.ParsePAM(data)
		host.ParseForwards(data)
		if _, err := host.ParseAptConf(data); err != nil {
			return
		}
	})
}

func FuzzKernelTables(f *testing.F) {
	feed(f, "proc/net/*", "proc/self/mountinfo", "proc/swaps")
	f.Fuzz(func(t *testing.T, data []byte) {
		host.Sockets(string(data), "0A")
		host.ParseMountinfo(data)
		host.ParseSwaps(data)
	})
}

func FuzzPackages(f *testing.F) {
	feed(f, "var/lib/dpkg/status", "var/lib/apt/lists/*")
	f.Add([]byte("RHSA-2026:1 Important/Sec. openssl-1:3.0.7-27.el9.x86_64\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		host.InstalledPackages(data)
		host.Updates(string(data))
		host.ParseLastlog2(data)
	})
}

func FuzzPacketFilter(f *testing.F) {
	f.Add("table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t\tjump x\n\t}\n}\n", "-P INPUT DROP\n-A INPUT -j x\n")
	f.Fuzz(func(t *testing.T, nft, iptables string) { host.Guards(nft, iptables, iptables) })
}

// Any two versions have an order, and it does not depend on the side.
func FuzzVersions(f *testing.F) {
	f.Add("1:1.0~rc1-1", "1.0+b1")
	f.Fuzz(func(t *testing.T, a, b string) {
		if host.CompareVersions(a, b) != -host.CompareVersions(b, a) {
			t.Errorf("%q and %q have no order", a, b)
		}
		if host.CompareVersions(a, a) != 0 {
			t.Errorf("%q differs from itself", a)
		}
		host.CutRelease(a)
		host.SecuritySuite(a)
	})
}

func FuzzLastlogRecord(f *testing.F) {
	f.Add(make([]byte, 292))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) != 292 && len(data) != 296 {
			return
		}
		if at := host.RecordTime(data); at.After(time.Unix(1<<36, 0)) {
			t.Errorf("%v is beyond what a machine could have recorded", at)
		}
	})
}
