package host

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

const (
	lastlogFile = "/var/log/lastlog"
	lastlog2DB  = "/var/lib/lastlog/lastlog2.db"
)

// logins answer when an account was last signed in to.
type logins struct {
	reason, remedy string                        // why nothing is known, if nothing is
	at             func(user) (time.Time, error) // zero if never
}

// readLogins finds where this machine keeps sign-ins: in a file with a record
// for each user id, or in the database that replaces it.
func (l *look) readLogins(ctx context.Context) logins {
	if l.tree.exists(lastlog2DB) {
		out, err := l.ask(ctx, "lastlog2")
		if err != nil {
			return logins{reason: "sign-ins are kept in " + lastlog2DB + ", and lastlog2, which reads it, " + err.Error()}
		}
		seen := parseLastlog2(out)
		return logins{at: func(u user) (time.Time, error) { return seen[u.name], nil }}
	}
	if l.retired() {
		return logins{
			reason: "this release no longer writes " + lastlogFile + ", and lastlog2, which replaces it, is not in use",
			remedy: "sudo apt install libpam-lastlog2 lastlog2",
		}
	}
	size := recordSize(l.machine.attrs["architecture"])
	if size == 0 {
		return logins{reason: "the form of " + lastlogFile + " on this architecture is not known"}
	}
	info, err := l.tree.stat(lastlogFile)
	if err == nil && info.Size()%int64(size) != 0 {
		return logins{reason: lastlogFile + " does not have the form of this architecture"}
	}
	f, err := l.tree.open(lastlogFile)
	if err != nil {
		return logins{reason: l.why(lastlogFile, err), remedy: l.rights(err)}
	}
	f.Close()
	return logins{at: func(u user) (time.Time, error) { return l.lastlog(u.uid, size) }}
}

// retired reports whether the release is one whose sign-in programs stopped
// writing the old file; one left by an upgrade would make everybody look idle.
func (l *look) retired() bool {
	version, err := strconv.ParseFloat(l.distro.version, 64)
	return err == nil && (l.distro.id == "debian" && version >= 13 || l.distro.id == "ubuntu" && version >= 25.10)
}

// recordSize is the size of a record of lastlog: 4 or 8 bytes of time, 32 of
// line, 256 of host.
func recordSize(architecture any) int {
	switch architecture {
	case "x86_64", "i686", "i586", "riscv64", "ppc64le":
		return 292
	case "aarch64", "s390x":
		return 296
	}
	return 0
}

// lastlog reads one record. The file is mostly holes, so that the place of a
// high user id may lie far behind.
func (l *look) lastlog(uid uint32, size int) (time.Time, error) {
	f, err := l.tree.open(lastlogFile)
	if err != nil {
		return time.Time{}, err
	}
	defer f.Close()
	record := make([]byte, size)
	n, err := f.ReadAt(record, int64(uid)*int64(size))
	if n < size {
		if n == 0 && err != nil { // behind the end: no record
			return time.Time{}, nil
		}
		return time.Time{}, err
	}
	return recordTime(record), nil
}

func recordTime(record []byte) time.Time {
	var seconds int64
	if len(record) == 296 {
		seconds = int64(binary.LittleEndian.Uint64(record))
	} else {
		seconds = int64(binary.LittleEndian.Uint32(record))
	}
	if seconds <= 0 || seconds > 1<<36 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// parseLastlog2 reads the table of sign-ins: an account first, the time last.
func parseLastlog2(out []byte) map[string]time.Time {
	seen := map[string]time.Time{}
	for _, line := range lines(out) {
		words := strings.Fields(line)
		if len(words) < 7 {
			continue
		}
		at, err := time.Parse("Mon Jan 2 15:04:05 -0700 2006", strings.Join(words[len(words)-6:], " "))
		if err == nil {
			seen[words[0]] = at.UTC()
		}
	}
	return seen
}

// fill records the last sign-in of an account.
func (g logins) fill(l *look, f facts, u user) {
	if g.at == nil {
		l.blind(f, "account", g.reason, g.remedy, "last_login_at", "never_logged_in")
		return
	}
	at, err := g.at(u)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.blind(f, "account", l.why(lastlogFile, err), l.rights(err), "last_login_at", "never_logged_in")
		return
	}
	f.set("never_logged_in", at.IsZero())
	if at.IsZero() {
		f.unsaid("the machine has no record of a sign-in", "last_login_at")
	} else {
		f.set("last_login_at", at)
	}
}
