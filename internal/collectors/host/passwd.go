package host

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// matches is path.Match for patterns that are known to be well formed.
func matches(pattern, name string) bool {
	ok, _ := path.Match(pattern, name)
	return ok
}

// A user is a line of /etc/passwd. The stored password is kept out of it: only
// what kind of value stood there.
type user struct {
	name, home, shell string
	uid, gid          uint32
	password          password
}

// A group is a line of /etc/group.
type group struct {
	name    string
	gid     uint32
	members []string
}

// parsePasswd reads users in order and counts the lines that are none. Lines
// that ask for more users from a directory begin with + or - and are neither.
func parsePasswd(data []byte) (users []user, bad int) {
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" || line[0] == '#' || line[0] == '+' || line[0] == '-' {
			continue
		}
		part := strings.Split(line, ":")
		if len(part) != 7 || part[0] == "" {
			bad++
			continue
		}
		uid, err1 := strconv.ParseUint(part[2], 10, 32)
		gid, err2 := strconv.ParseUint(part[3], 10, 32)
		if err1 != nil || err2 != nil {
			bad++
			continue
		}
		users = append(users, user{
			name: part[0], password: classify(part[1]), uid: uint32(uid), gid: uint32(gid), home: part[5], shell: part[6],
		})
	}
	return users, bad
}

// redactPasswd takes out of /etc/passwd what a copy must not hold: values that
// may be passwords, and the field of real names and telephone numbers.
func redactPasswd(data []byte) []byte {
	var b strings.Builder
	for line := range strings.Lines(string(data)) {
		part := strings.Split(strings.TrimRight(line, "\r\n"), ":")
		if len(part) == 7 {
			if !slices.Contains([]string{"", "x", "*", "!"}, part[1]) {
				part[1] = "(removed)"
			}
			part[4] = ""
			b.WriteString(strings.Join(part, ":") + "\n")
		}
	}
	return []byte(b.String())
}

// parseGroup reads /etc/group. Lines that are no groups are passed over.
func parseGroup(data []byte) []group {
	var groups []group
	for line := range strings.Lines(string(data)) {
		part := strings.Split(strings.TrimRight(line, "\r\n"), ":")
		if len(part) != 4 || part[0] == "" || strings.ContainsAny(part[0][:1], "#+-") {
			continue
		}
		gid, err := strconv.ParseUint(part[2], 10, 32)
		if err != nil {
			continue
		}
		g := group{name: part[0], gid: uint32(gid)}
		for _, member := range strings.Split(part[3], ",") {
			if member = strings.TrimSpace(member); member != "" {
				g.members = append(g.members, member)
			}
		}
		groups = append(groups, g)
	}
	return groups
}

// A password is what may be known of a stored password: never the value.
type password struct {
	elsewhere bool   // the field says to look in /etc/shadow
	empty     bool   // no password is asked
	set       bool   // a value is stored, locked or not
	locked    bool   // it cannot match
	algorithm string // how it is stored, if set
}

func classify(field string) password {
	if field == "" {
		return password{empty: true}
	}
	if field == "x" {
		return password{elsewhere: true}
	}
	stored := strings.TrimLeft(field, "!*")
	p := password{locked: stored != field}
	p.algorithm = algorithm(stored)
	p.set = p.algorithm != ""
	p.locked = p.locked || !p.set
	return p
}

// algorithm names the method of a stored password by its first characters, or
// returns "" for what is none.
func algorithm(stored string) string {
	for _, a := range []struct{ prefix, name string }{
		{"$y$", "yescrypt"}, {"$gy$", "gost-yescrypt"}, {"$7$", "scrypt"}, {"$argon2", "argon2"},
		{"$6$", "sha512"}, {"$5$", "sha256"}, {"$sha1$", "sha1"}, {"$md5", "sunmd5"}, {"$1$", "md5"}, {"$3$", "nt"},
		{"$2", "bcrypt"}, {"_", "bsdi-des"},
	} {
		if strings.HasPrefix(stored, a.prefix) {
			return a.name
		}
	}
	if strings.HasPrefix(stored, "$") {
		return "unrecognised"
	}
	if len(stored) != 13 {
		return ""
	}
	for _, c := range stored {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '/') {
			return ""
		}
	}
	return "des"
}

// never is how shadow writes that a password need not be changed.
const never = 99999

// A shadow is what may be known of a line of /etc/shadow.
type shadow struct {
	password
	changed time.Time // zero if the file does not say
	maxDays int
	expires time.Time // first day on which the account is closed; zero if it stays open
}

// parseShadow reads /etc/shadow by account, counting the lines that are none.
// As for the system, the first line of an account counts.
func parseShadow(data []byte) (shadows map[string]shadow, bad int) {
	shadows = map[string]shadow{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" || line[0] == '#' || line[0] == '+' || line[0] == '-' {
			continue
		}
		part := strings.Split(line, ":")
		if len(part) < 8 || len(part) > 9 || part[0] == "" {
			bad++
			continue
		}
		if _, taken := shadows[part[0]]; taken {
			continue
		}
		s := shadow{password: classify(part[1]), maxDays: never}
		if s.elsewhere { // there is nowhere else to look: nothing can match
			s.elsewhere, s.locked = false, true
		}
		if days, ok := count(part[2]); ok && days > 0 {
			s.changed = epochDay(days)
		}
		if days, ok := count(part[4]); ok {
			s.maxDays = days
		}
		if days, ok := count(part[7]); ok {
			s.expires = epochDay(days)
		}
		shadows[part[0]] = s
	}
	return shadows, bad
}

// count reads a number of days; years past 9999 are none.
func count(s string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	return n, err == nil && n >= 0 && n < 2_900_000
}

func epochDay(days int) time.Time { return time.Unix(int64(days)*86_400, 0).UTC() }

// parseKeyValues reads settings of the form KEY value, as in /etc/login.defs.
// The last line of a key counts.
func parseKeyValues(data []byte) map[string]string {
	values := map[string]string{}
	for _, line := range lines(data) {
		key, value, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		if value, _, _ = strings.Cut(value, " #"); key != "" {
			values[key] = strings.TrimSpace(value)
		}
	}
	return values
}

// number reads a setting as a number that is not negative.
func number(values map[string]string, key string) (int, bool) {
	n, err := strconv.Atoi(values[key])
	return n, err == nil && n >= 0
}
