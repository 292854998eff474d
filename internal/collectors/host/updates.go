package host

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/sources"
)

const (
	maxLists  = 64 << 20 // bytes of one list of packages, unpacked
	aptLists  = "/var/lib/apt/lists"
	dpkgState = "/var/lib/dpkg/status"
)

// updates reads which security updates the machine lacks, and whether it would
// install them by itself.
func (l *look) updates(ctx context.Context) error {
	l.reboot()
	fields := []string{"pending_security_updates", "package_lists_at", "unattended_upgrades"}
	switch family := l.distro.family(); family {
	case familyDebian:
		l.unattendedDebian()
		l.listsAt()
		return l.pendingDebian(ctx)
	case familyRedHat:
		l.unattendedRedHat()
		return l.pendingRedHat(ctx)
	case familyAlpine:
		l.unseen("Alpine's list of packages does not mark which updates are for security", "apk version -l '<'", fields[:1]...)
		l.listsFrom([]string{"/var/cache/apk", "/lib/apk/db"})
		l.machine.unsaid("Alpine has no settings of its own for automatic updates", "unattended_upgrades")
	default:
		l.unseen("the package manager of this system is not one this collector reads", "", fields...)
	}
	return nil
}

// unseen says that nothing is known of pending updates.
func (l *look) unseen(reason, remedy string, fields ...string) {
	l.blind(l.machine, "machine", reason, remedy, fields...)
	l.in.Missing(sources.Missing{Kind: "security_update", Reason: reason, Remedy: remedy})
}

// pendingDebian compares what is installed with the lists of the security
// archive that the machine fetched last.
func (l *look) pendingDebian(ctx context.Context) error {
	const refresh = "sudo apt-get update"
	status, err := l.tree.read(dpkgState, maxLists)
	if err != nil {
		l.unseen(l.why(dpkgState, err), l.rights(err), "pending_security_updates")
		return nil
	}
	installed := installedPackages(status)
	files, err := l.tree.list(aptLists)
	if err != nil {
		l.unseen(l.why(aptLists, err), refresh, "pending_security_updates")
		return nil
	}
	found, read := map[string]update{}, 0
	for _, file := range files {
		suite, ok := securitySuite(file)
		if !ok {
			continue
		}
		list, err := l.unpack(ctx, aptLists+"/"+file)
		if err != nil {
			l.unseen(l.why(aptLists+"/"+file, err), refresh, "pending_security_updates")
			return nil
		}
		read++
		newer(installed, list, suite, found)
	}
	if read == 0 {
		l.unseen("the machine has not fetched a list of security updates", refresh, "pending_security_updates")
		return nil
	}
	var pending []update
	for _, u := range found {
		pending = append(pending, u)
	}
	return l.addUpdates(pending, "Debian's lists of packages do not say how grave an update is")
}

func (l *look) addUpdates(pending []update, noSeverity string) error {
	sort.Slice(pending, func(i, j int) bool { return pending[i].name+":"+pending[i].arch < pending[j].name+":"+pending[j].arch })
	const kind = "security_update"
	l.in.Cover(kind)
	l.machine.set("pending_security_updates", len(pending))
	for _, u := range pending {
		f := newFacts()
		f.set("package", u.name)
		f.set("available", u.available)
		f.set("suite", u.suite)
		if u.installed != "" {
			f.set("installed", u.installed)
		}
		if u.severity != "" {
			f.set("severity", u.severity)
		}
		f.unsaid("the package manager's list does not say", "installed")
		f.unsaid(noSeverity, "severity")
		if err := l.in.Add(f.resource(kind, u.name+":"+u.arch)); err != nil {
			return err
		}
	}
	return nil
}

// unpack reads a list of packages as apt keeps it: plain, or packed in one of
// the forms that apt can read and we leave to it.
func (l *look) unpack(ctx context.Context, name string) ([]byte, error) {
	switch {
	case strings.HasSuffix(name, "_Packages"):
		return l.tree.read(name, maxLists)
	case strings.HasSuffix(name, ".gz"):
		data, err := l.tree.read(name, maxLists)
		if err != nil {
			return nil, err
		}
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		out, err := io.ReadAll(io.LimitReader(r, maxLists+1))
		if err == nil && len(out) > maxLists {
			err = errTooLarge
		}
		return out, err
	}
	if !l.tree.live() {
		return nil, errors.New("is packed in a form that only apt on the machine itself reads")
	}
	out, err := l.ask(ctx, "apt-helper", name)
	if err != nil {
		return nil, fmt.Errorf("is packed, and apt-helper %w", err)
	}
	return out, nil
}

// listsAt finds when the lists were fetched: apt's stamps, and the folders it
// changes while fetching. Files keep the times of the archive, not of the
// machine.
func (l *look) listsAt() {
	l.listsFrom([]string{
		"/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/periodic/update-stamp", aptLists, aptLists + "/partial",
	})
}

func (l *look) listsFrom(names []string) {
	var at time.Time
	for _, name := range names {
		if info, err := l.tree.stat(name); err == nil && info.ModTime().After(at) {
			at = info.ModTime()
		}
	}
	if at.IsZero() {
		l.machine.unsaid("nothing shows that the machine has ever fetched a list of packages", "package_lists_at")
		return
	}
	l.machine.set("package_lists_at", at)
}

// unattendedDebian reads whether apt's daily run installs security updates.
func (l *look) unattendedDebian() {
	status, err := l.tree.read(dpkgState, maxLists)
	if err != nil {
		l.blind(l.machine, "machine", l.why(dpkgState, err), l.rights(err), "unattended_upgrades")
		return
	}
	there := slices.ContainsFunc(installedPackages(status), func(p debPackage) bool { return p.name == "unattended-upgrades" })
	merged := map[string]string{}
	names, err := l.tree.glob("/etc/apt/apt.conf.d/*")
	if err != nil {
		l.blind(l.machine, "machine", l.why("/etc/apt/apt.conf.d", err), l.rights(err), "unattended_upgrades")
		return
	}
	for _, name := range append([]string{"/etc/apt/apt.conf"}, names...) {
		data, err := l.tree.read(name, maxText)
		if err != nil {
			continue
		}
		values, err := parseAptConf(data)
		if err != nil {
			l.in.Missing(sources.Missing{Kind: "machine", Field: "unattended_upgrades", Reason: name + " " + err.Error(), Remedy: "apt-config dump APT::Periodic"})
		}
		for k, v := range values {
			merged[k] = v
		}
	}
	on := func(key string) bool { v := merged[key]; return v != "" && v != "0" }
	l.machine.set("unattended_upgrades", there && on("apt::periodic::unattended-upgrade") && on("apt::periodic::update-package-lists") &&
		merged["apt::periodic::enable"] != "0" && !l.masked("apt-daily-upgrade.timer") && !l.masked("apt-daily.timer"))
}

// unattendedRedHat reads whether dnf's or yum's timer installs updates.
func (l *look) unattendedRedHat() {
	applies := func(name string) bool {
		data, err := l.tree.read(name, maxText)
		value := strings.ToLower(parseEquals(data)["apply_updates"])
		return err == nil && (value == "yes" || value == "true" || value == "1")
	}
	on := l.enabled("dnf-automatic-install.timer") ||
		l.enabled("dnf-automatic.timer", "dnf5-automatic.timer") && (applies("/etc/dnf/automatic.conf") || applies("/etc/dnf/dnf5-plugins/automatic.conf")) ||
		l.enabled("yum-cron.service") && applies("/etc/yum/yum-cron.conf")
	l.machine.set("unattended_upgrades", on)
}

// pendingRedHat asks dnf, from what it has fetched already. Only root's store
// is asked: an ordinary user's own is often empty, and would say that nothing
// is missing.
func (l *look) pendingRedHat(ctx context.Context) error {
	const fields = "pending_security_updates"
	caches := []string{}
	for _, pattern := range []string{"/var/cache/dnf/*.solv", "/var/cache/dnf/*/repodata", "/var/cache/libdnf5/*/repodata", "/var/cache/yum/*/*/*"} {
		names, _ := l.tree.glob(pattern)
		caches = append(caches, names...)
	}
	l.listsFrom(caches)
	switch {
	case !l.tree.live():
		l.unseen("only files are read, and the package database needs its own program", "", fields)
	case l.euid != 0:
		l.unseen("dnf shows what root has fetched to root only", asRoot, fields)
	case len(caches) == 0:
		l.unseen("the machine has not fetched a list of security updates", "sudo dnf makecache", fields)
	default:
		out, err := l.ask(ctx, "dnf")
		if err != nil {
			l.unseen("dnf "+err.Error(), "sudo dnf updateinfo list --security", fields)
			return nil
		}
		l.raw("dnf-updateinfo", out)
		return l.addUpdates(parseDNF(out), "the advisory does not say how grave it is")
	}
	return nil
}

// release cuts a kernel's release into its numbers and its flavour, such as
// amd64 or cloud-amd64.
var release = regexp.MustCompile(`^([0-9][0-9.-]*[0-9])[.-]?(.*)$`)

// minor is the part of a Red Hat flavour that changes with each minor release.
var minor = regexp.MustCompile(`(el[0-9]+)_[0-9]+`)

func cutRelease(s string) (numbers, flavour string) {
	m := release.FindStringSubmatch(s)
	if m == nil {
		return "", s
	}
	return m[1], minor.ReplaceAllString(m[2], "$1")
}

// reboot reads whether an update waits for a restart: a mark that updates
// leave, or a newer kernel than the one that runs.
func (l *look) reboot() {
	m := l.machine
	if l.inContainer() != "" {
		l.hostOnly("the kernel", "reboot_required")
		return
	}
	if l.tree.exists("/run/reboot-required") || l.tree.exists("/var/run/reboot-required") {
		m.set("reboot_required", true)
		return
	}
	running, _ := m.attrs["kernel"].(string)
	runs, flavour := cutRelease(running)
	names, err := l.tree.list("/boot")
	seen := false
	for _, name := range names {
		installed, ok := strings.CutPrefix(name, "vmlinuz-")
		if !ok || strings.Contains(installed, "rescue") {
			continue
		}
		has, kind := cutRelease(installed)
		if has == "" || runs == "" || kind != flavour {
			continue
		}
		seen = true
		if compareVersions(has, runs) > 0 {
			m.set("reboot_required", true)
			return
		}
	}
	switch {
	case seen:
		m.set("reboot_required", false)
	case err != nil && !notThere(err):
		l.blind(m, "machine", l.why("/boot", err), l.rights(err), "reboot_required")
	default:
		l.blind(m, "machine", "the running kernel is not one of those in /boot, and nothing else on the machine marks a needed restart",
			"Compare uname -r with the kernel its provider starts.", "reboot_required")
	}
}
