package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sort"
	"strconv"
	"strings"
)

const sysctl = "/proc/sys/"

// switches are settings of the kernel that are on or off.
var switches = map[string]string{
	"protected_symlinks": "fs/protected_symlinks", "protected_hardlinks": "fs/protected_hardlinks",
	"kernel_pointers_hidden": "kernel/kptr_restrict", "kernel_log_restricted": "kernel/dmesg_restrict",
	"ip_forwarding": "net/ipv4/ip_forward", "syn_cookies": "net/ipv4/tcp_syncookies",
}

// numbers are settings of the kernel with more than two values.
var numbers = map[string]string{
	"aslr": "kernel/randomize_va_space", "suid_dumpable": "fs/suid_dumpable", "ptrace_scope": "kernel/yama/ptrace_scope",
}

// kernel reads how the running kernel is set, which is what counts, whatever
// the files that set it say.
func (l *look) kernel(context.Context) error {
	m := l.machine
	var text strings.Builder
	read := func(field, name string, set func(int)) {
		word, err := l.tree.word(sysctl + name)
		n, numErr := strconv.Atoi(word)
		switch {
		case err != nil:
			l.blind(m, "machine", l.why(sysctl+name, err), l.rights(err), field)
		case numErr != nil:
			m.unsaid(sysctl+name+" does not hold a number", field)
		default:
			fmt.Fprintf(&text, "%s = %d\n", strings.ReplaceAll(name, "/", "."), n)
			set(n)
		}
	}
	for _, field := range sorted(switches) {
		read(field, switches[field], func(n int) { m.set(field, n > 0) })
	}
	for _, field := range sorted(numbers) {
		read(field, numbers[field], func(n int) { m.set(field, n) })
	}
	if word, err := l.tree.word(sysctl + "kernel/core_pattern"); err == nil {
		m.set("core_pattern", word)
		fmt.Fprintf(&text, "kernel.core_pattern = %s\n", word)
	} else {
		m.unsaid(l.why(sysctl+"kernel/core_pattern", err), "core_pattern")
	}
	l.interfaces()
	l.raw("sysctl", []byte(text.String()))
	l.accessControl()
	return nil
}

// interfaces reads settings that each network interface has for itself,
// joined with those for all as the kernel joins them.
func (l *look) interfaces() {
	const dir = sysctl + "net/ipv4/conf"
	names, err := l.tree.list(dir)
	if err != nil {
		l.blind(l.machine, "machine", l.why(dir, err), l.rights(err), "accepts_redirects", "accepts_source_routes")
		return
	}
	value := func(name, setting string) int {
		word, _ := l.tree.word(dir + "/" + name + "/" + setting)
		n, _ := strconv.Atoi(word)
		return n
	}
	redirects, routes := false, false
	for _, name := range names {
		if name == "all" || name == "default" || name == "lo" {
			continue
		}
		all, own := value("all", "accept_redirects") > 0, value(name, "accept_redirects") > 0
		if value(name, "forwarding") > 0 {
			redirects = redirects || all && own
		} else {
			redirects = redirects || all || own
		}
		routes = routes || value("all", "accept_source_route") > 0 && value(name, "accept_source_route") > 0
	}
	l.machine.set("accepts_redirects", redirects)
	l.machine.set("accepts_source_routes", routes)
}

// accessControl reads whether the kernel confines programs.
func (l *look) accessControl() {
	m := l.machine
	if word, err := l.tree.word("/sys/fs/selinux/enforce"); err == nil {
		m.set("mac_system", "selinux")
		m.set("mac_enforcing", word == "1")
		m.unsaid("SELinux has no profiles of this kind", "mac_profiles")
		return
	}
	enabled, err := l.tree.word("/sys/module/apparmor/parameters/enabled")
	if err != nil || enabled != "Y" {
		if l.inContainer() != "" {
			l.hostOnly("access control", "mac_system", "mac_enforcing", "mac_profiles")
		} else if !l.tree.exists("/sys/kernel") {
			m.unsaid("the folder holds no running kernel's files", "mac_system", "mac_enforcing", "mac_profiles")
		} else {
			m.set("mac_system", "none")
			m.set("mac_enforcing", false)
			m.unsaid("AppArmor is not in use", "mac_profiles")
		}
		return
	}
	m.set("mac_system", "apparmor")
	const profiles = "/sys/kernel/security/apparmor/profiles"
	data, err := l.tree.read(profiles, 4<<20)
	if err == nil {
		n := countEnforced(data)
		m.set("mac_profiles", n)
		m.set("mac_enforcing", n > 0)
		return
	}
	l.blind(m, "machine", l.why(profiles, err), l.rights(err), "mac_profiles")
	// A process that is confined is seen by every user.
	for _, pids := range l.procs.named {
		for _, pid := range pids {
			for _, name := range []string{"attr/apparmor/current", "attr/current"} {
				word, err := l.tree.word(fmt.Sprintf("/proc/%d/%s", pid, name))
				if err == nil && strings.HasSuffix(word, "(enforce)") {
					m.set("mac_enforcing", true)
					return
				}
			}
		}
	}
	l.blind(m, "machine", l.why(profiles, err), l.rights(err), "mac_enforcing")
}

// countEnforced counts lines of the form "name (enforce)".
func countEnforced(profiles []byte) int {
	n := 0
	for _, line := range lines(profiles) {
		if strings.HasSuffix(line, "(enforce)") {
			n++
		}
	}
	return n
}

// clocks are programs that keep the clock right.
var clocks = []string{"chronyd", "systemd-timesyncd", "ntpd", "ntpsec", "openntpd", "phc2sys", "VBoxService"}

// clock reads whether the machine's clock follows a time source. In a
// container it is the clock of the machine around it, which every container
// shares.
func (l *look) clock(context.Context) error {
	m := l.machine
	source, running := l.procs.running(clocks...)
	switch {
	case running:
		m.set("time_source", source)
	case l.inContainer() != "":
		l.hostOnly("the time service", "time_source")
	case l.procs.complete:
		m.set("time_source", "none")
	default:
		l.hiddenProcess(m, "machine", "time_source")
	}
	_, err := l.tree.stat("/run/systemd/timesync/synchronized")
	stamped := err == nil && source == "systemd-timesyncd"
	if !l.tree.live() {
		if stamped {
			m.set("time_synchronised", true)
		}
		m.unsaid("only files are read, and the kernel of this machine is not asked", "time_synchronised")
		return nil
	}
	disciplined, err := clockDisciplined()
	switch {
	case err != nil:
		l.blind(m, "machine", fmt.Sprintf("the kernel did not say whether its clock is disciplined: %v", err), "timedatectl show -p NTPSynchronized", "time_synchronised")
	case !disciplined && running:
		l.blind(m, "machine", source+" runs, but has not told the kernel that the clock follows it: it may not have reached a time source",
			map[bool]string{true: "chronyc tracking", false: "timedatectl timesync-status"}[source == "chronyd"], "time_synchronised")
	default:
		m.set("time_synchronised", disciplined)
	}
	return nil
}

func sorted(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// notThere reports whether an error says that a file or folder is missing.
func notThere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotFolder)
}
