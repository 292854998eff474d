package host

import (
	"strings"
	"time"
)

// A distro is the operating system as /etc/os-release describes it.
type distro struct {
	id, version, codename, name string
	like                        []string
	supportEnd                  string
}

// parseOSRelease reads the shell-like assignments of os-release.
func parseOSRelease(data []byte) distro {
	var d distro
	for _, line := range lines(data) {
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		value = unquote(value)
		switch key {
		case "ID":
			d.id = strings.ToLower(value)
		case "ID_LIKE":
			d.like = strings.Fields(strings.ToLower(value))
		case "VERSION_ID":
			d.version = value
		case "VERSION_CODENAME":
			d.codename = value
		case "PRETTY_NAME":
			d.name = value
		case "SUPPORT_END":
			d.supportEnd = value
		}
	}
	return d
}

// unquote takes the quotes of a shell word off, and its backslashes out.
func unquote(s string) string {
	s = strings.TrimSpace(s)
	if len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '"' && s[0] != '\'' {
		return s
	}
	quote := s[0]
	s = s[1 : len(s)-1]
	if quote == '\'' {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// The families that differ in where things lie.
const (
	familyDebian = "debian"
	familyRedHat = "redhat"
	familyAlpine = "alpine"
	familyOther  = ""
)

func (d distro) family() string {
	for _, id := range append([]string{d.id}, d.like...) {
		switch id {
		case "debian", "ubuntu":
			return familyDebian
		case "rhel", "fedora", "centos", "rocky", "almalinux", "ol", "amzn":
			return familyRedHat
		case "alpine":
			return familyAlpine
		}
	}
	return familyOther
}

func (l *look) readDistro() error {
	fields := []string{"os_id", "os_version", "os_codename", "os_name", "os_supported_until"}
	data, name, err := []byte(nil), "", error(nil)
	for _, name = range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if data, err = l.tree.read(name, maxText); err == nil {
			break
		}
	}
	if err != nil {
		l.blind(l.machine, "machine", l.why(name, err), l.rights(err), fields...)
		return nil
	}
	l.raw("etc/os-release", data)
	l.distro = parseOSRelease(data)
	for field, value := range map[string]string{
		"os_id": l.distro.id, "os_version": l.distro.version, "os_codename": l.distro.codename, "os_name": l.distro.name,
	} {
		if value != "" {
			l.machine.set(field, value)
		}
	}
	if until, ok := l.supportedUntil(); ok {
		l.machine.set("os_supported_until", until)
	} else {
		l.blind(l.machine, "machine", "the end of support of this release is not in the table of "+tableAsOf,
			"State the release's end of support in a document linked to the control.", "os_supported_until")
	}
	l.machine.unsaid("/etc/os-release does not say", fields...)
	return nil
}

// supportedUntil finds the last day with security updates: what the system
// says itself, else what the table says.
func (l *look) supportedUntil() (time.Time, bool) {
	if day, err := time.Parse(time.DateOnly, l.distro.supportEnd); err == nil {
		return endOf(day), true
	}
	until, paid, ok := supportTable(l.distro.id, l.distro.version)
	if ok && !paid.IsZero() && l.paidSupport() {
		until = paid
	}
	return until, ok
}

// endOf is the last instant of a day, in UTC, since makers name days.
func endOf(day time.Time) time.Time { return day.Add(24*time.Hour - time.Millisecond) }
