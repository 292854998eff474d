package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/tickmark/tickmark/internal/sources"
)

// What a file is for, which decides who may touch it.
const (
	secretFile   = "secret"
	settingsFile = "settings"
	scheduleFile = "schedule"
)

// watched are the files on which the security of a machine rests. Patterns
// that fit nothing are passed over.
var watched = []struct{ pattern, category string }{
	{"/etc/passwd", settingsFile}, {"/etc/passwd-", settingsFile}, {"/etc/group", settingsFile}, {"/etc/group-", settingsFile},
	{"/etc/shadow", secretFile}, {"/etc/shadow-", secretFile}, {"/etc/gshadow", secretFile}, {"/etc/gshadow-", secretFile},
	{"/etc/security/opasswd", secretFile},
	{"/etc/sudoers", settingsFile}, {"/etc/sudoers.d", settingsFile}, {"/etc/sudoers.d/*", settingsFile}, {"/etc/doas.conf", settingsFile},
	{"/etc/ssh/sshd_config", settingsFile}, {"/etc/ssh/sshd_config.d", settingsFile}, {"/etc/ssh/sshd_config.d/*", settingsFile},
	{"/etc/ssh/ssh_host_*_key", secretFile},
	{"/etc/pam.d", settingsFile}, {"/etc/login.defs", settingsFile}, {"/etc/profile", settingsFile}, {"/etc/ld.so.preload", settingsFile},
	{"/etc/sysctl.conf", settingsFile}, {"/etc/fstab", settingsFile}, {"/etc/hosts", settingsFile},
	{"/etc/audit", settingsFile}, {"/etc/systemd/system", settingsFile},
	{"/etc/crontab", scheduleFile}, {"/etc/anacrontab", scheduleFile}, {"/etc/cron.d", scheduleFile}, {"/etc/cron.d/*", scheduleFile},
	{"/etc/cron.hourly", scheduleFile}, {"/etc/cron.daily", scheduleFile}, {"/etc/cron.weekly", scheduleFile}, {"/etc/cron.monthly", scheduleFile},
	{"/etc/ssl/private/*.key", secretFile}, {"/etc/ssl/private/*.pem", secretFile},
	{"/etc/pki/tls/private/*.key", secretFile}, {"/etc/letsencrypt/archive/*/privkey*.pem", secretFile},
	{"/etc/wireguard/*.conf", secretFile}, {"/etc/krb5.keytab", secretFile},
	{"/root/.ssh", secretFile}, {"/root/.ssh/id_*", secretFile},
}

// sensitiveFiles reads who may read and write those files.
func (l *look) sensitiveFiles(context.Context) error {
	users, groups := map[uint32]string{}, map[uint32]string{}
	for _, u := range l.users {
		if _, taken := users[u.uid]; !taken {
			users[u.uid] = u.name
		}
	}
	for _, g := range l.groups {
		if _, taken := groups[g.gid]; !taken {
			groups[g.gid] = g.name
		}
	}
	const kind = "sensitive_file"
	l.in.Cover(kind)
	seen := map[string]bool{}
	for _, w := range watched {
		names, err := l.tree.glob(w.pattern)
		if err != nil {
			l.in.Missing(sources.Missing{Kind: kind, Reason: l.why(w.pattern, err), Remedy: l.rights(err)})
			continue
		}
		for _, name := range names {
			if seen[name] || w.category == secretFile && matches("*.pub", name[lastSlash(name)+1:]) {
				continue
			}
			seen[name] = true
			f := newFacts()
			f.set("path", name)
			f.set("category", w.category)
			info, err := l.tree.stat(name)
			if errors.Is(err, fs.ErrPermission) {
				l.in.Missing(sources.Missing{Kind: kind, Reason: l.why(name, err), Remedy: l.rights(err)})
				continue
			}
			if err != nil {
				continue // gone since it was listed
			}
			mode := info.Mode()
			f.set("mode", octal(mode))
			f.set("world_readable", mode&0o004 != 0)
			f.set("world_writable", mode&0o002 != 0)
			f.set("group_writable", mode&0o020 != 0)
			if uid, gid, ok := ownerOf(info); ok {
				f.set("owner", nameOr(users, uid))
				f.set("group", nameOr(groups, gid))
			}
			if err := l.in.Add(f.resource(kind, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func lastSlash(name string) int {
	before, _, _ := cutLast(name, "/")
	return len(before)
}

func nameOr(names map[uint32]string, id uint32) string {
	if name := names[id]; name != "" {
		return name
	}
	return strconv.FormatUint(uint64(id), 10)
}

// octal writes permission bits as chmod takes them.
func octal(mode fs.FileMode) string {
	bits := uint32(mode.Perm())
	for flag, bit := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if mode&flag != 0 {
			bits |= bit
		}
	}
	return fmt.Sprintf("%04o", bits)
}
