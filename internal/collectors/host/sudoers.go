package host

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// A sudoers file in parts: what it includes, its lists under a name, its
// defaults and its rules.
type sudoers struct {
	includes []string // files, or folders if they end in /
	aliases  map[string][]string
	freed    []string // of whom no password is asked: an account, %group or ALL
	rules    []sudoRule
	bad      int // lines that are none of these
}

// A sudoRule is one line of rules, for all whom it names.
type sudoRule struct {
	who   []string
	specs []sudoSpec
}

// A sudoSpec is one command a rule allows.
type sudoSpec struct {
	runAs    string
	command  string
	nopasswd bool
}

var (
	sudoInclude  = regexp.MustCompile(`^[@#](include|includedir)\s+(.+)$`)
	sudoAlias    = regexp.MustCompile(`^(User|Runas|Host|Cmnd|Cmd)_Alias\s+(.*)$`)
	sudoDefaults = regexp.MustCompile(`^Defaults([@:!>]\s*(\S+))?\s+(.*)$`)
	sudoTag      = regexp.MustCompile(`^(NO)?(PASSWD|EXEC|SETENV|LOG_INPUT|LOG_OUTPUT|MAIL|FOLLOW|INTERCEPT)\s*:\s*`)
	sudoDigest   = regexp.MustCompile(`^sha(224|256|384|512)\s*:\s*[A-Za-z0-9+/=]+\s*,?\s*`)
	sudoOption   = regexp.MustCompile(`^(ROLE|TYPE|APPARMOR_PROFILE|PRIVS|LIMITPRIVS|NOTBEFORE|NOTAFTER|TIMEOUT|CWD|CHROOT)\s*=\s*\S+\s*`)
)

// parseSudoers reads one file. What it cannot read it counts.
func parseSudoers(data []byte) sudoers {
	s := sudoers{aliases: map[string][]string{}}
	text := strings.ReplaceAll(strings.ReplaceAll(string(data), "\r\n", "\n"), "\\\n", " ")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if m := sudoInclude.FindStringSubmatch(line); m != nil {
			name := unquote(m[2])
			if m[1] == "includedir" {
				name = strings.TrimRight(name, "/") + "/"
			}
			s.includes = append(s.includes, name)
			continue
		}
		line = strings.TrimSpace(withoutComment(line))
		if line == "" {
			continue
		}
		if !plain(line) {
			s.bad++
			continue
		}
		if m := sudoAlias.FindStringSubmatch(line); m != nil {
			s.addAliases(m[2])
		} else if m := sudoDefaults.FindStringSubmatch(line); m != nil {
			s.addDefaults(m[1], m[2], m[3])
		} else if rule, ok := parseSudoRule(line); ok {
			s.rules = append(s.rules, rule)
		} else {
			s.bad++
		}
	}
	return s
}

// plain reports whether a line is text, so that junk is not taken for a rule.
func plain(line string) bool {
	return utf8.ValidString(line) && !strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// withoutComment cuts a comment off. A # before a digit is a user id.
func withoutComment(line string) string {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case '#':
			number := i+1 < len(line) && line[i+1] >= '0' && line[i+1] <= '9'
			if !quoted && !number {
				return line[:i]
			}
		}
	}
	return line
}

// addAliases takes NAME = a, b : OTHER = c.
func (s *sudoers) addAliases(text string) {
	for _, part := range splitOutside(text, ':') {
		name, list, ok := strings.Cut(part, "=")
		if !ok {
			s.bad++
			continue
		}
		name = strings.TrimSpace(name)
		for _, item := range splitOutside(list, ',') {
			s.aliases[name] = append(s.aliases[name], strings.TrimSpace(item))
		}
	}
}

func (s *sudoers) addDefaults(scope, who, settings string) {
	for _, setting := range splitOutside(settings, ',') {
		if strings.TrimSpace(setting) != "!authenticate" {
			continue
		}
		switch {
		case scope == "":
			s.freed = append(s.freed, "ALL")
		case scope[0] == ':':
			s.freed = append(s.freed, splitOutside(who, ',')...)
		}
	}
}

// parseSudoRule reads who, on which machines, = what. On which machines does
// not matter: the rule stands on this one.
func parseSudoRule(line string) (sudoRule, bool) {
	left, right, ok := cutOutside(line, '=')
	if !ok {
		return sudoRule{}, false
	}
	who := leadingList(left)
	if len(who) == 0 {
		return sudoRule{}, false
	}
	specs, ok := parseSudoSpecs(right)
	return sudoRule{who: who, specs: specs}, ok && len(specs) > 0
}

// leadingList reads the first list of "a, b  c, d": the items up to the first
// one that no comma follows.
func leadingList(text string) []string {
	var list []string
	for {
		text = strings.TrimLeft(text, " \t")
		end := wordEnd(text, " \t,")
		if end == 0 {
			return list
		}
		list = append(list, unquote(text[:end]))
		text = strings.TrimLeft(text[end:], " \t")
		if !strings.HasPrefix(text, ",") {
			return list
		}
		text = text[1:]
	}
}

// parseSudoSpecs reads (runas) TAG: command, command : machines = command.
// Whose rights and whether a password is asked carry over to the next command.
func parseSudoSpecs(text string) ([]sudoSpec, bool) {
	var specs []sudoSpec
	state := sudoSpec{runAs: "root"}
	for {
		text = strings.TrimLeft(text, " \t")
		if strings.HasPrefix(text, "(") {
			inside, rest, ok := strings.Cut(text[1:], ")")
			if !ok {
				return specs, false
			}
			state.runAs, text = strings.TrimSpace(inside), strings.TrimLeft(rest, " \t")
		}
		for {
			if m := sudoTag.FindStringSubmatch(text); m != nil {
				if m[2] == "PASSWD" {
					state.nopasswd = m[1] == "NO"
				}
				text = text[len(m[0]):]
			} else if m := sudoOption.FindString(text) + sudoDigest.FindString(text); m != "" {
				text = text[len(m):]
			} else {
				break
			}
		}
		end := wordEnd(text, ",:")
		state.command = strings.TrimSpace(text[:end])
		if state.command == "" {
			return specs, false
		}
		specs = append(specs, state)
		if end == len(text) {
			return specs, true
		}
		if text[end] == ':' {
			_, rest, ok := cutOutside(text[end+1:], '=')
			if !ok {
				return specs, false
			}
			state, text = sudoSpec{runAs: "root"}, rest
			continue
		}
		text = text[end+1:]
	}
}

// wordEnd is the first place of one of the stops that is neither quoted nor
// escaped.
func wordEnd(text, stops string) int {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case !quoted && strings.IndexByte(stops, text[i]) >= 0:
			return i
		}
	}
	return len(text)
}

func cutOutside(text string, sep byte) (before, after string, found bool) {
	if i := wordEnd(text, string(sep)); i < len(text) {
		return text[:i], text[i+1:], true
	}
	return text, "", false
}

func splitOutside(text string, sep byte) []string {
	var parts []string
	for {
		before, after, found := cutOutside(text, sep)
		parts = append(parts, strings.TrimSpace(before))
		if !found {
			return parts
		}
		text = after
	}
}

// A doasRule is a line of doas.conf, which some machines have in place of sudo.
type doasRule struct {
	who, runAs, command string
	nopass              bool
}

// parseDoas reads the rules that permit something.
func parseDoas(data []byte) (rules []doasRule, bad int) {
	for _, line := range lines(data) {
		words := strings.Fields(withoutComment(line))
		if len(words) == 0 || words[0] == "deny" {
			continue
		}
		if words[0] != "permit" {
			bad++
			continue
		}
		r := doasRule{runAs: "root", command: "ALL"}
		words = words[1:]
		for len(words) > 0 {
			if words[0] == "nopass" {
				r.nopass = true
			} else if words[0] == "setenv" {
				for len(words) > 1 && !strings.HasSuffix(words[0], "}") {
					words = words[1:]
				}
			} else if words[0] != "persist" && words[0] != "keepenv" && words[0] != "nolog" {
				break
			}
			words = words[1:]
		}
		if len(words) == 0 {
			bad++
			continue
		}
		// doas writes groups with a colon.
		if r.who = words[0]; strings.HasPrefix(r.who, ":") {
			r.who = "%" + r.who[1:]
		}
		for i, word := range words[1:] {
			if i+2 < len(words) && word == "as" {
				r.runAs = words[i+2]
			}
			if i+2 < len(words) && word == "cmd" {
				r.command = strings.Join(append([]string{words[i+2]}, words[i+3:]...), " ")
				break
			}
		}
		rules = append(rules, r)
	}
	return rules, bad
}
