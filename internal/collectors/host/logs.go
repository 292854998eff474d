package host

import (
	"context"
	"errors"
	"io/fs"
	"regexp"
	"sort"
	"strings"
)

// forwarders are programs whose work is to send logs elsewhere.
var forwarders = []string{
	"fluent-bit", "fluentd", "td-agent", "vector", "filebeat", "promtail", "alloy",
	"otelcol", "otelcol-contrib", "splunkd", "amazon-cloudwatch-agent", "google_fluentd", "wazuh-agentd", "ossec-agentd",
	"nxlog", "logstash", "azuremonitoragent", "elastic-agent",
}

// watchers notice that system files changed.
var watchers = []string{"wazuh-syscheckd", "ossec-syscheckd", "osqueryd", "falco", "auditbeat", "samhain", "tripwire"}

// logs reads what records events and where the records go.
func (l *look) logs(context.Context) error {
	var targets []string
	journal, err := l.journald()
	if err != nil {
		return err
	}
	for _, daemon := range []struct {
		name, process string
		services      []string
		files         []string
	}{
		{"rsyslog", "rsyslogd", []string{"rsyslog.service"}, []string{"/etc/rsyslog.conf", "/etc/rsyslog.d/*.conf"}},
		{"syslog-ng", "syslog-ng", []string{"syslog-ng.service"}, []string{"/etc/syslog-ng/syslog-ng.conf", "/etc/syslog-ng/conf.d/*.conf"}},
		{"syslogd", "syslogd", []string{"syslog.service", "busybox-syslogd.service"}, nil},
	} {
		_, running := l.procs.running(daemon.process)
		enabled := l.enabled(daemon.services...)
		if !running && !enabled {
			continue
		}
		f := newFacts()
		f.set("name", daemon.name)
		l.setRunning(f, "log_source", "running", daemon.process)
		f.set("enabled", enabled)
		f.set("persistent", true) // it writes below /var/log
		sends := l.forwards(f, daemon.files)
		targets = append(targets, sends...)
		journal = journal || running
		if err := l.in.Add(f.resource("log_source", daemon.name)); err != nil {
			return err
		}
	}
	if err := l.audit(); err != nil {
		return err
	}
	l.in.Cover("log_source")
	m := l.machine
	switch {
	case journal:
		m.set("persistent_journal", true)
	case l.inContainer() != "":
		l.hostOnly("the system log", "persistent_journal")
	case l.procs.complete:
		m.set("persistent_journal", false)
	default:
		l.hiddenProcess(m, "machine", "persistent_journal")
	}
	if name, runs := l.procs.running(forwarders...); runs {
		targets = append(targets, name)
	}
	if l.enabled("systemd-journal-upload.service") {
		targets = append(targets, "systemd-journal-upload")
	}
	sort.Strings(targets)
	switch {
	case len(targets) > 0:
		m.set("log_forwarding", true)
		m.set("log_forwarders", targets)
	case l.inContainer() != "":
		l.hostOnly("log forwarding", "log_forwarding", "log_forwarders")
	case l.procs.complete:
		m.set("log_forwarding", false)
		m.set("log_forwarders", []string{})
	default:
		l.hiddenProcess(m, "machine", "log_forwarding", "log_forwarders")
	}
	l.integrity()
	return nil
}

// journald reports whether the journal is kept on disk.
func (l *look) journald() (bool, error) {
	const daemon = "systemd-journald"
	_, running := l.procs.running(daemon)
	if !running && !l.tree.exists("/etc/systemd/journald.conf") && !l.tree.exists("/usr/lib/systemd/systemd-journald") {
		return false, nil
	}
	settings := l.mergedEquals("/etc/systemd/journald.conf", "/usr/lib/systemd/journald.conf.d/*.conf")
	for key, value := range l.mergedEquals("/etc/systemd/journald.conf", "/etc/systemd/journald.conf.d/*.conf") {
		settings[key] = value
	}
	folder := l.tree.exists("/var/log/journal")
	storage := strings.ToLower(settings["Storage"])
	persistent := storage == "persistent" || folder && (storage == "" || storage == "auto")
	f := newFacts()
	f.set("name", "journald")
	l.setRunning(f, "log_source", "running", daemon)
	// It is part of systemd and starts with it.
	f.set("enabled", !l.masked("systemd-journald.service"))
	f.set("persistent", persistent)
	f.set("forwards_to", []string{})
	// A journal that nothing writes is not kept.
	return persistent && running, l.in.Add(f.resource("log_source", "journald"))
}

// rsyslog writes *.* @host, *.* @@host or action(type="omfwd" target="host");
// syslog-ng writes network("host") in a destination.
var (
	sendsOld    = regexp.MustCompile(`^\s*[A-Za-z*,;.!=]+\.[A-Za-z*!=,;.]+\s+@@?(\([^)]*\))?([^\s;]+)`)
	sendsAction = regexp.MustCompile(`type="om(?:fwd|relp|elasticsearch|kafka|http)"[^)]*?(?:target|server|serverport|broker)="?([^"\s)]+)`)
	sendsNG     = regexp.MustCompile(`\b(?:network|syslog|tcp|udp)\(\s*"([^"]+)"`)
)

// forwards finds where the files of a daemon send logs, and records it.
func (l *look) forwards(f facts, patterns []string) []string {
	found := map[string]bool{}
	for _, pattern := range patterns {
		names, err := l.tree.glob(pattern)
		if err != nil {
			l.blind(f, "log_source", l.why(pattern, err), l.rights(err), "forwards_to")
			continue
		}
		for _, name := range names {
			data, err := l.tree.read(name, maxText)
			if errors.Is(err, fs.ErrPermission) {
				l.blind(f, "log_source", l.why(name, err), l.rights(err), "forwards_to")
			}
			for _, target := range parseForwards(data) {
				found[target] = true
			}
		}
	}
	targets := []string{}
	for target := range found {
		targets = append(targets, target)
	}
	sort.Strings(targets)
	if len(targets) > 0 || f.absent["forwards_to"] == "" {
		f.set("forwards_to", targets)
	}
	return targets
}

// parseForwards names the machines to which a file of rsyslog or syslog-ng
// sends logs.
func parseForwards(data []byte) []string {
	var out []string
	text := strings.Join(lines(data), "\n")
	for _, line := range strings.Split(text, "\n") {
		if m := sendsOld.FindStringSubmatch(line); m != nil {
			out = append(out, m[2])
		}
		if m := sendsNG.FindStringSubmatch(line); m != nil {
			out = append(out, m[1])
		}
	}
	for _, m := range sendsAction.FindAllStringSubmatch(text, 1000) {
		out = append(out, m[1])
	}
	return out
}

// audit reads whether the kernel's audit events are recorded.
func (l *look) audit() error {
	m := l.machine
	fields := []string{"audit_running", "audit_enabled", "audit_rules"}
	if l.inContainer() != "" {
		l.hostOnly("the audit service", fields...)
		return nil
	}
	l.setRunning(m, "machine", "audit_running", "auditd")
	enabled := l.enabled("auditd.service")
	m.set("audit_enabled", enabled)
	_, running := l.procs.running("auditd")
	rules, err := l.auditRules()
	if err != nil {
		l.blind(m, "machine", l.why("/etc/audit/audit.rules", err), l.rights(err), "audit_rules")
	} else {
		m.set("audit_rules", rules)
	}
	if !running && !enabled {
		return nil
	}
	f := newFacts()
	f.set("name", "auditd")
	l.setRunning(f, "log_source", "running", "auditd")
	f.set("enabled", enabled)
	f.set("persistent", true)
	f.set("forwards_to", []string{})
	return l.in.Add(f.resource("log_source", "auditd"))
}

// auditRules counts the rules that are loaded at start.
func (l *look) auditRules() (int, error) {
	data, err := l.tree.read("/etc/audit/audit.rules", maxText)
	if err == nil {
		return countRules(data), nil
	}
	if notThere(err) && !l.tree.exists("/etc/audit") {
		return 0, nil
	}
	if !notThere(err) {
		return 0, err
	}
	names, err := l.tree.glob("/etc/audit/rules.d/*.rules")
	if err != nil {
		return 0, err
	}
	n := 0
	for _, name := range names {
		data, err := l.tree.read(name, maxText)
		if err != nil {
			return 0, err
		}
		n += countRules(data)
	}
	return n, nil
}

// countRules counts watches (-w) and rules on system calls (-a, -A).
func countRules(data []byte) int {
	n := 0
	for _, line := range lines(data) {
		if strings.HasPrefix(line, "-w ") || strings.HasPrefix(line, "-a ") || strings.HasPrefix(line, "-A ") {
			n++
		}
	}
	return n
}

// integrity looks for programs that notice changed files: one that runs, or
// AIDE with a schedule.
func (l *look) integrity() {
	m := l.machine
	if name, runs := l.procs.running(watchers...); runs {
		m.set("integrity_monitoring", true)
		m.set("integrity_tool", name)
		return
	}
	for _, schedule := range []string{"/etc/cron.daily/aide", "/etc/cron.d/aide", "/etc/cron.weekly/aide"} {
		if l.tree.exists(schedule) {
			m.set("integrity_monitoring", true)
			m.set("integrity_tool", "aide")
			return
		}
	}
	if l.enabled("dailyaidecheck.timer", "aidecheck.timer", "aide-check.timer") {
		m.set("integrity_monitoring", true)
		m.set("integrity_tool", "aide")
		return
	}
	switch {
	case l.inContainer() != "":
		l.hostOnly("file integrity monitoring", "integrity_monitoring", "integrity_tool")
	case l.procs.complete:
		m.set("integrity_monitoring", false)
		m.set("integrity_tool", "none")
	default:
		l.hiddenProcess(m, "machine", "integrity_monitoring", "integrity_tool")
	}
}
