package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/sources"
)

const maxUsers = 8 << 20 // bytes of a file of accounts

// readUsers keeps what several parts need: accounts, groups and the rules for
// new ones.
func (l *look) readUsers(context.Context) error {
	if data, err := l.tree.read("/etc/login.defs", maxText); err == nil {
		l.login = parseKeyValues(data)
		l.raw("/etc/login.defs", data)
	}
	if data, err := l.tree.read("/etc/group", maxUsers); err == nil {
		l.groups = parseGroup(data)
	} else {
		l.hide(l.why("/etc/group", err), l.rights(err))
	}
	data, err := l.tree.read("/etc/passwd", maxUsers)
	if err != nil {
		l.in.Missing(sources.Missing{Kind: "account", Reason: l.why("/etc/passwd", err), Remedy: l.rights(err)})
		return nil
	}
	var bad int
	l.users, bad = parsePasswd(data)
	l.raw("/etc/passwd", redactPasswd(data))
	l.in.Cover("account")
	if bad > 0 {
		l.in.Missing(sources.Missing{
			Kind: "account", Reason: fmt.Sprintf("lines of /etc/passwd that are not accounts were passed over: %d", bad), Remedy: "sudo pwck -r",
		})
	}
	l.directories()
	return nil
}

// directoryDaemons serve accounts from elsewhere, by their name in
// nsswitch.conf. Distributions name them there whether they are in use or not.
var directoryDaemons = map[string]string{"sss": "sssd", "ldap": "nslcd", "winbind": "winbindd", "nis": "ypbind"}

// directories says where accounts come from that no file of the machine lists.
func (l *look) directories() {
	data, err := l.tree.read("/etc/nsswitch.conf", maxText)
	if err != nil {
		return
	}
	for _, line := range lines(data) {
		rest, ok := strings.CutPrefix(line, "passwd:")
		if !ok {
			continue
		}
		for _, service := range strings.Fields(rest) {
			if _, runs := l.procs.running(directoryDaemons[service]); runs {
				l.in.Missing(sources.Missing{
					Kind:   "account",
					Reason: "accounts also come from a directory (" + service + " in /etc/nsswitch.conf), which the machine does not list",
					Remedy: "Connect the directory as a source of its own.",
				})
			}
		}
	}
}

// directoryFields are what only a directory knows of an account.
var directoryFields = []string{
	"entry", "mail", "display_name", "disabled", "service", "service_signs", "groups", "password_expires_at", "password_never_expires",
	"password_not_required", "password_change_due", "created_at",
}

func (l *look) accounts(ctx context.Context) error {
	if l.users == nil {
		return nil
	}
	shadows, shadowErr := l.readShadow()
	logins := l.readLogins(ctx)
	byUID := map[uint32]int{}
	for _, u := range l.users {
		byUID[u.uid]++
	}
	taken := map[string]bool{}
	for i, u := range l.users {
		f := newFacts()
		f.set("kept_by", "machine")
		f.unsaid("a machine does not keep this", directoryFields...)
		f.set("name", u.name)
		f.set("uid", int64(u.uid))
		f.set("shell", u.shell)
		f.set("home", u.home)
		f.set("duplicate_uid", byUID[u.uid] > 1)
		f.set("system", l.systemUID(u.uid))
		f.set("login_allowed", givesSession(u.shell))
		l.setPassword(f, u, shadows, shadowErr)
		logins.fill(l, f, u)
		l.setAdmin(f, u)
		l.setHome(f, u)
		key := u.name
		if taken[key] {
			key = fmt.Sprintf("%s (line %d)", u.name, i+1)
		}
		taken[key] = true
		if err := l.in.Add(f.resource("account", key)); err != nil {
			return err
		}
	}
	return nil
}

// systemUID reports whether a user id lies outside of what is given to people.
func (l *look) systemUID(uid uint32) bool {
	least, greatest := 1000, 60000
	if n, ok := number(l.login, "UID_MIN"); ok {
		least = n
	}
	if n, ok := number(l.login, "UID_MAX"); ok {
		greatest = n
	}
	// Directory accounts lie above the range and belong to people; nobody does not.
	return int64(uid) < int64(least) || uid == 65534 || uid == 65535 || int64(uid) > int64(greatest) && uid < 100_000
}

// givesSession reports whether a shell lets a person stay. An empty field
// means /bin/sh.
func givesSession(shell string) bool {
	switch path.Base(shell) {
	case "nologin", "false", "true", "sync", "shutdown", "halt", "null":
		return false
	}
	return true
}

func (l *look) readShadow() (map[string]shadow, error) {
	data, err := l.tree.read("/etc/shadow", maxUsers)
	if err != nil {
		return nil, err
	}
	shadows, bad := parseShadow(data)
	clear(data)
	if bad > 0 {
		l.in.Missing(sources.Missing{
			Kind: "account", Field: "password_set", Remedy: "sudo pwck -r",
			Reason: fmt.Sprintf("lines of /etc/shadow that are not of its form were passed over: %d", bad),
		})
	}
	return shadows, nil
}

func (l *look) setPassword(f facts, u user, shadows map[string]shadow, shadowErr error) {
	fields := []string{
		"locked", "expired", "password_set", "password_empty", "password_algorithm", "password_changed_at", "password_max_days",
	}
	p := u.password
	if s, ok := shadows[u.name]; ok && p.elsewhere {
		p = s.password
		f.set("password_max_days", s.maxDays)
		f.set("expired", !s.expires.IsZero() && !l.now.Before(s.expires))
		if !s.changed.IsZero() {
			f.set("password_changed_at", s.changed)
		}
	} else if p.elsewhere {
		reason, remedy := "the account has no line in /etc/shadow", "sudo pwck -r"
		if shadowErr != nil {
			reason, remedy = l.why("/etc/shadow", shadowErr), l.rights(shadowErr)
		}
		l.blind(f, "account", reason, remedy, fields...)
		return
	}
	f.set("locked", p.locked)
	f.set("password_set", p.set)
	f.set("password_empty", p.empty)
	if p.set {
		f.set("password_algorithm", p.algorithm)
	}
	f.unsaid("no password is stored", "password_algorithm")
	if !u.password.elsewhere {
		f.unsaid("the account's password stands in /etc/passwd, which keeps no dates", fields...)
	}
	f.unsaid("/etc/shadow does not say", fields...)
}

// strong are groups whose members can take the rights of root without sudo.
var strong = []string{"docker", "lxd", "incus-admin", "disk"}

// customary are groups that sudo serves by custom, for when its rules cannot
// be read.
var customary = []string{"sudo", "wheel", "admin"}

func (l *look) setAdmin(f facts, u user) {
	var via []string
	if u.uid == 0 {
		via = append(via, "uid 0")
	}
	for _, who := range []string{u.name, "#" + strconv.FormatUint(uint64(u.uid), 10), "ALL"} {
		via = append(via, l.admins[who]...)
	}
	for _, g := range l.groups {
		if g.gid != u.gid && !slices.Contains(g.members, u.name) {
			continue
		}
		for _, rule := range slices.Concat(l.admins["%"+g.name], l.admins["%#"+strconv.FormatUint(uint64(g.gid), 10)]) {
			via = append(via, "group "+g.name+", "+rule)
		}
		if slices.Contains(strong, g.name) || l.hidden != "" && slices.Contains(customary, g.name) {
			via = append(via, "group "+g.name)
		}
	}
	sort.Strings(via)
	via = slices.Compact(via)
	if len(via) == 0 && l.hidden != "" {
		l.blind(f, "account", l.hidden, l.unhide, "admin", "admin_via")
		return
	}
	f.set("admin", len(via) > 0)
	f.set("admin_via", append([]string{}, via...))
}

func (l *look) setHome(f facts, u user) {
	if u.home == "" || !strings.HasPrefix(u.home, "/") {
		f.set("authorized_keys", 0)
		f.set("home_writable_by_others", false)
		return
	}
	info, err := l.tree.stat(u.home)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotFolder) {
		f.set("authorized_keys", 0)
		f.set("home_writable_by_others", false)
		return
	}
	if err != nil {
		l.blind(f, "account", homesUnread(l, u.home, err), l.rights(err), "home_writable_by_others", "authorized_keys")
		return
	}
	// The sticky bit of a shared folder such as /tmp keeps others' hands off.
	f.set("home_writable_by_others", info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0)
	keys := 0
	for _, name := range []string{"/.ssh/authorized_keys", "/.ssh/authorized_keys2"} {
		data, err := l.tree.read(strings.TrimRight(u.home, "/")+name, maxText)
		if err == nil {
			keys += countKeys(data)
		} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotFolder) {
			l.blind(f, "account", homesUnread(l, u.home, err), l.rights(err), "authorized_keys")
			return
		}
	}
	f.set("authorized_keys", keys)
}

// homesUnread gives one reason for all homes that only root may enter: with
// their names each would be a gap of its own.
func homesUnread(l *look, home string, err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Sprintf("home folders of other accounts can be read by root only; this run has user id %d", l.euid)
	}
	return l.why(home, err)
}

// countKeys counts the lines that hold a public key, with options or without.
func countKeys(data []byte) int {
	n := 0
	for _, line := range lines(data) {
		for _, word := range strings.Fields(line) {
			if strings.HasPrefix(word, "ssh-") || strings.HasPrefix(word, "ecdsa-sha2-") || strings.HasPrefix(word, "sk-") {
				n++
				break
			}
		}
	}
	return n
}
