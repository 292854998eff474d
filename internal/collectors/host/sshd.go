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

const sshdFile = "/etc/ssh/sshd_config"

// A directive is one line of sshd_config: a keyword in lower case and the
// words after it.
type directive struct {
	key   string
	words []string
}

func (d directive) value() string { return strings.Join(d.words, " ") }

// parseSSHD reads sshd_config or the answer of sshd -T, which has its form.
func parseSSHD(data []byte) []directive {
	var out []directive
	for _, line := range lines(data) {
		end := strings.IndexAny(line, " \t=")
		if end <= 0 {
			continue
		}
		rest := strings.TrimLeft(line[end:], " \t")
		rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
		d := directive{key: strings.ToLower(line[:end])}
		if d.key == "challengeresponseauthentication" { // its former name
			d.key = "kbdinteractiveauthentication"
		}
		for rest != "" && rest[0] != '#' {
			stop := wordEnd(rest, " \t")
			d.words = append(d.words, unquote(rest[:stop]))
			rest = strings.TrimLeft(rest[stop:], " \t")
		}
		if len(d.words) > 0 {
			out = append(out, d)
		}
	}
	return out
}

// An sshdConfig is what a server applies: for each keyword the first value
// that was given to all connections.
type sshdConfig struct {
	values    map[string]directive
	ports     []string
	overrides []string          // what conditions loosen
	unread    string            // why an included file could not be read; "" if all were
	unreadErr error             //
	before    map[string]bool   // keywords given before that file, which it cannot change
	texts     map[string][]byte // the files, without comments
}

func newSSHDConfig() *sshdConfig {
	return &sshdConfig{values: map[string]directive{}, before: map[string]bool{}, texts: map[string][]byte{}}
}

// answered is what the server itself says it applies, in its answer to sshd -T.
func answered(out []byte) *sshdConfig {
	c := newSSHDConfig()
	for _, d := range parseSSHD(out) {
		c.apply(d, "")
	}
	return c
}

// loosening are settings that open a sign-in when a condition gives them.
var loosening = map[string][]string{
	"passwordauthentication": {"yes"}, "kbdinteractiveauthentication": {"yes"},
	"permitemptypasswords": {"yes"}, "permitrootlogin": {"yes", "prohibit-password", "without-password"},
}

// loadSSHD reads a server's file and all it includes.
func (l *look) loadSSHD() (*sshdConfig, error) {
	c := newSSHDConfig()
	data, err := l.tree.read(sshdFile, maxText)
	if err != nil {
		return nil, err
	}
	l.applySSHD(c, sshdFile, data, "", 0)
	return c, nil
}

// applySSHD adds one file. Under names the condition it is included under, ""
// for none.
func (l *look) applySSHD(c *sshdConfig, name string, data []byte, under string, depth int) {
	c.texts[name] = withoutComments(data)
	outer := under
	for _, d := range parseSSHD(data) {
		switch d.key {
		case "match":
			under = d.value()
			if strings.EqualFold(under, "all") {
				under = outer
			}
		case "include":
			for _, pattern := range d.words {
				l.includeSSHD(c, pattern, under, depth)
			}
		default:
			c.apply(d, under)
		}
	}
}

func (c *sshdConfig) apply(d directive, under string) {
	if under != "" {
		for _, loose := range loosening[d.key] {
			if strings.EqualFold(d.words[0], loose) && len(c.overrides) < 1000 {
				c.overrides = append(c.overrides, under+": "+d.key+" "+strings.ToLower(d.words[0]))
			}
		}
		return
	}
	if d.key == "port" {
		c.ports = append(c.ports, d.words[0])
	}
	if _, given := c.values[d.key]; !given {
		c.values[d.key] = d
		if c.unread == "" {
			c.before[d.key] = true
		}
	}
}

func (l *look) includeSSHD(c *sshdConfig, pattern, under string, depth int) {
	if !strings.HasPrefix(pattern, "/") {
		pattern = "/etc/ssh/" + pattern
	}
	fail := func(name string, err error) {
		if c.unread == "" {
			c.unread, c.unreadErr = l.why(name, err), err
		}
	}
	names, err := l.tree.glob(pattern)
	if err != nil {
		fail(pattern, err)
		return
	}
	if depth >= maxDepth || len(c.texts) > maxIncludes {
		fail(pattern, errors.New("is included too deeply"))
		return
	}
	for _, name := range names {
		data, err := l.tree.read(name, maxText)
		if err != nil {
			fail(name, err)
			continue
		}
		l.applySSHD(c, name, data, under, depth+1)
	}
}

// ssh reads how the machine may be entered from afar.
func (l *look) ssh(ctx context.Context) error {
	_, installed := l.installed("sshd")
	config, err := l.loadSSHD()
	switch {
	case errors.Is(err, fs.ErrNotExist) && !installed:
		l.in.Cover("ssh_service") // there is none
		return nil
	case err != nil:
		config = newSSHDConfig()
		config.unread, config.unreadErr = l.why(sshdFile, err), err
	}
	for name, text := range config.texts {
		l.raw(name, text)
	}
	f := newFacts()
	l.setRunning(f, "ssh_service", "running", "sshd")
	f.set("enabled", l.enabled("ssh.service", "sshd.service", "ssh.socket", "sshd.socket"))
	f.set("match_overrides", append([]string{}, config.overrides...))
	if config.unread != "" {
		delete(f.attrs, "match_overrides")
	}
	f.set("config_source", "file")
	var askErr error
	if l.tree.live() && l.euid == 0 && installed {
		var out []byte
		if out, askErr = l.ask(ctx, "sshd"); askErr == nil {
			f.set("config_source", "sshd -T")
			l.raw("sshd-T", out)
			f.setSSHD(answered(out))
			l.blind(f, "ssh_service", config.unread, l.rights(config.unreadErr), unreadFields(config, "match_overrides")...)
			return l.in.Add(f.resource("ssh_service", "sshd"))
		}
	}
	l.fromFile(f, config, askErr)
	return l.in.Add(f.resource("ssh_service", "sshd"))
}

func unreadFields(c *sshdConfig, fields ...string) []string {
	if c.unread == "" {
		return nil
	}
	return fields
}

// sshdDefaults are what OpenSSH does when its file says nothing. Lists of
// methods differ from release to release and are not here.
var sshdDefaults = map[string]string{
	"permitrootlogin": "prohibit-password", "passwordauthentication": "yes", "kbdinteractiveauthentication": "yes",
	"permitemptypasswords": "no", "authenticationmethods": "any", "maxauthtries": "6", "logingracetime": "120",
	"clientaliveinterval": "0", "clientalivecountmax": "3", "x11forwarding": "no", "loglevel": "INFO",
}

// fromFile fills the facts from the server's files. A value that stands behind
// a file which could not be read may not be the one that holds.
func (l *look) fromFile(f facts, c *sshdConfig, askErr error) {
	sure := newSSHDConfig()
	sure.ports = c.ports
	for key, d := range c.values {
		if c.unread == "" || c.before[key] {
			sure.values[key] = d
		}
	}
	if c.unread == "" {
		for key, value := range sshdDefaults {
			if _, given := sure.values[key]; !given {
				sure.values[key] = directive{key: key, words: []string{value}}
			}
		}
		if len(sure.ports) == 0 {
			sure.ports = []string{"22"}
		}
	} else {
		sure.ports = nil
	}
	f.setSSHD(sure)
	all := []string{"ports", "match_overrides"}
	for field := range sshdFields {
		all = append(all, field)
	}
	sort.Strings(all)
	reason, remedy := "the server's file leaves it to the installed release", asRoot
	if !l.tree.live() {
		remedy = ""
	}
	switch {
	case c.unread != "":
		reason, remedy = c.unread, l.rights(c.unreadErr)
	case askErr != nil:
		reason, remedy = fmt.Sprintf("the server's file leaves it to the installed release, and sshd -T %v", askErr), "sudo sshd -t"
	}
	l.blind(f, "ssh_service", reason, remedy, all...)
}

// sshdFields says which keyword gives a field, and how.
var sshdFields = map[string]struct {
	key  string
	read func(directive) any // nil if the value says nothing
}{
	"permit_root_login":                   {"permitrootlogin", rootLogin},
	"password_authentication":             {"passwordauthentication", yesNo},
	"keyboard_interactive_authentication": {"kbdinteractiveauthentication", yesNo},
	"permit_empty_passwords":              {"permitemptypasswords", yesNo},
	"authentication_methods":              {"authenticationmethods", combinations},
	"max_auth_tries":                      {"maxauthtries", whole},
	"login_grace_seconds":                 {"logingracetime", duration},
	"client_alive_interval":               {"clientaliveinterval", duration},
	"client_alive_count_max":              {"clientalivecountmax", whole},
	"x11_forwarding":                      {"x11forwarding", yesNo},
	"log_level":                           {"loglevel", func(d directive) any { return strings.ToUpper(d.words[0]) }},
	"ciphers":                             {"ciphers", methods},
	"macs":                                {"macs", methods},
	"key_exchanges":                       {"kexalgorithms", methods},
}

func (f facts) setSSHD(c *sshdConfig) {
	for field, from := range sshdFields {
		if d, given := c.values[from.key]; given {
			if value := from.read(d); value != nil {
				f.set(field, value)
			}
		}
	}
	if len(c.ports) > 0 {
		f.set("ports", c.ports)
	}
}

func yesNo(d directive) any {
	switch strings.ToLower(d.words[0]) {
	case "yes", "true":
		return true
	case "no", "false":
		return false
	}
	return nil
}

func rootLogin(d directive) any {
	switch value := strings.ToLower(d.words[0]); value {
	case "without-password":
		return "prohibit-password" // its former name
	case "yes", "no", "prohibit-password", "forced-commands-only":
		return value
	}
	return nil
}

func whole(d directive) any {
	n, err := strconv.Atoi(d.words[0])
	if err != nil || n < 0 {
		return nil
	}
	return n
}

// duration reads seconds, or the form 1h30m.
func duration(d directive) any {
	unit := map[byte]int{'s': 1, 'm': 60, 'h': 3600, 'd': 86_400, 'w': 604_800}
	total, number, digits := 0, 0, false
	text := strings.ToLower(d.words[0])
	for i := range len(text) {
		c := text[i]
		switch {
		case '0' <= c && c <= '9':
			number, digits = number*10+int(c-'0'), true
			if number > 1<<30 {
				return nil
			}
		case unit[c] > 0 && digits:
			if total += number * unit[c]; total > 1<<50 {
				return nil
			}
			number, digits = 0, false
		default:
			return nil
		}
	}
	return total + number
}

// combinations reads lists of methods; "any" demands none in particular.
func combinations(d directive) any {
	if len(d.words) == 1 && strings.EqualFold(d.words[0], "any") {
		return []string{}
	}
	return d.words
}

// methods reads a list of algorithms. One that adds to or takes from the
// server's own list is not known from its file alone.
func methods(d directive) any {
	if strings.ContainsAny(d.words[0][:min(1, len(d.words[0]))], "+-^") {
		return nil
	}
	return strings.Split(d.words[0], ",")
}
